"""Time entries as people use them."""

from tests.world import World, ok, problem


async def test_an_entry_is_submitted_and_counts_at_once(world: World) -> None:
    mission = await world.mission(days=10)
    made = await world.consultant.post("time-entries", mission.entry(days=0.75, note="Visite d'atelier"))
    entry = ok(made, 201)
    assert entry["status"] == "submitted"
    assert entry["days"] == 0.75
    assert made.headers["location"] == f"/v1/territories/{world.territory}/time-entries/{entry['id']}"
    read = await world.consultant.get(f"time-entries/{entry['id']}")
    assert ok(read) == entry
    assert read.headers["etag"] == made.headers["etag"]
    follow_up = await world.follow_up()
    assert (follow_up["days_ordered"], follow_up["days_entered"], follow_up["days_left"]) == (10, 0.75, 9.25)


async def test_the_life_of_an_entry_from_draft_to_validated(world: World) -> None:
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)
    assert (await world.follow_up())["days_entered"] == 0
    assert (await world.follow_up())["days_draft"] == 0.5
    ok(await world.consultant.post(f"time-entries/{entry['id']}/submit"))
    assert (await world.follow_up())["days_entered"] == 0.5
    validated = ok(await world.lead_judge.post(f"time-entries/{entry['id']}/validate"))
    assert validated["status"] == "validated"
    assert validated["validated_by"] == str(world.subjects["lead_judge"])
    problem(await world.consultant.patch(f"time-entries/{entry['id']}", {"days": 0.25}), 409, "entry-locked")
    ok(await world.consultant.post(f"time-entries/{entry['id']}/reverse", {"reason": "Wrong day."}))
    assert (await world.follow_up())["days_left"] == 10


async def test_days_beyond_the_order_are_refused_with_figures(world: World) -> None:
    mission = await world.mission(days=1, partner=1)
    ok(await world.consultant.post("time-entries", mission.entry(days=0.75)), 201)
    refused = problem(
        await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-05")), 409, "days-exhausted"
    )
    assert (refused["days_requested"], refused["days_left"], refused["days_ordered"]) == (0.5, 0.25, 1)
