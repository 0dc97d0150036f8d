"""What bare SQL tries on plans of missions, and on statements of what remains."""

from tests.bare_sql import Attack, clone
from tests.engineering.planning.acts import line, plan, state
from tests.world import Mission, World, ok

PLAN = "id = $plan"
OF_CONSULTANT = "plan_id = $plan AND consultant_id IS NOT NULL"
OF_PROFILE = "plan_id = $plan AND profile IS NOT NULL"
STATED = "id = $remaining_days"
NOT_DAYS = ("'1899-12-31'", "'2200-01-01'", "'infinity'")


async def staged(world: World, mission: Mission, other: Mission) -> dict[str, str]:
    """A plan of the mission with a line of each kind, a statement of what remains, and a consultant of the other."""
    lines = [line("2023-W26", 3, consultant=mission.lead_consultant), line("2023-W26", 1.5)]
    return {
        "plan": ok(await plan(world, mission, *lines), 201)["id"],
        "remaining_days": (await state(world, mission, 4))["id"],
        "others_consultant": other.lead_consultant,
    }


def version(**wrong: str) -> str:
    return clone("mission_plans", PLAN, **{"number": "9", **wrong})


def later(where: str, **wrong: str) -> str:
    """A line of the next week, which is wrong."""
    return clone("mission_plan_lines", where, **{"week_on": "week_on + 7", **wrong})


def statement(**wrong: str) -> str:
    return clone("remaining_days", STATED, **wrong)


ATTACKS = [
    *(Attack("mission_plan_number", version(number=number)) for number in ("0", "-1")),
    *(Attack("mission_plan_planned_on", version(planned_on=day)) for day in NOT_DAYS),
    Attack("mission_plans_mission_id_number_key", clone("mission_plans", PLAN)),
    Attack("mission_plans_territory_mission_id_fkey", version(territory="$elsewhere")),
    Attack("mission_plans_recorded_by_fkey", version(recorded_by="uuidv7()")),
    Attack("mission_plan_line_of_one", later(OF_CONSULTANT, profile="'senior'")),
    Attack("mission_plan_line_of_one", later(OF_CONSULTANT, consultant_id="NULL")),
    Attack("mission_plan_line_profile", later(OF_PROFILE, profile="'wizard'")),
    *(
        Attack("mission_plan_line_week", later(OF_CONSULTANT, week_on=day))
        for day in ("week_on + 1", "week_on - 1", "'infinity'", "'-infinity'")
    ),
    *(
        Attack("mission_plan_line_days", later(where, days=days))
        for where in (OF_CONSULTANT, OF_PROFILE)
        for days in ("0", "-0.25", "0.1", "'NaN'")
    ),
    Attack("mission_plan_line_days", later(OF_CONSULTANT, days="7.25")),
    *(Attack("mission_plan_lines_key", clone("mission_plan_lines", where)) for where in (OF_CONSULTANT, OF_PROFILE)),
    Attack("mission_plan_lines_plan_id_mission_id_fkey", later(OF_PROFILE, mission_id="$second_mission")),
    Attack(
        "mission_plan_lines_mission_id_consultant_id_fkey", later(OF_CONSULTANT, consultant_id="$others_consultant")
    ),
    *(Attack("remaining_days_days", statement(days=days)) for days in ("-0.25", "0.1", "'NaN'")),
    Attack("remaining_days_reason", statement(reason="''")),
    *(Attack("remaining_days_stated_on", statement(stated_on=day)) for day in NOT_DAYS),
    Attack("remaining_days_territory_mission_id_fkey", statement(territory="$elsewhere")),
    Attack("remaining_days_recorded_by_fkey", statement(recorded_by="uuidv7()")),
]
