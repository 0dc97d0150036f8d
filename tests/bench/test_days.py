"""The scenarios of days do what they say; how fast is the bench's business."""

from datetime import date

from tests.bench.days import fill_weeks, validate_many
from tests.world import World, ok


async def test_the_scenarios_of_days_run(world: World) -> None:
    mission = await world.mission(days=400, lead=0, partner=400, starts_on="2023-01-02", ends_on="2023-12-31")
    crew = [mission.partner_consultant]
    for _ in range(3):
        assignment = {"person_id": str(await world.add_person()), "mission_id": mission.id, "from_on": "2023-01-01"}
        crew.append(ok(await world.operator.post("consultants", assignment), 201)["id"])
    seconds = await validate_many(world.consultant, world.lead_judge, mission.id, crew, first=date(2023, 1, 2))
    weeks = await fill_weeks(world.consultant, crew[0], first_monday=date(2023, 6, 5), weeks=3)
    print(f"validate 1 000: {seconds:.3f} s; grids: {[f'{week:.3f}' for week in weeks]}")
    assert (await world.follow_up())["days_validated"] == 250
    assert (await world.follow_up())["days_entered"] == 265
