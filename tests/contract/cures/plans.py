"""The cures of what refuses a plan, or a statement of what remains."""

from tests.contract.cures import NOBODY, Case, walk
from tests.engineering.planning.acts import line, plan
from tests.world import ok


@walk("plan-out-of-order", "put_mission_plan")
async def plan_out_of_order(case: Case) -> None:
    mission = await case.world.mission()
    ok(await plan(case.world, mission, line("2023-W26", 1), planned_on="2023-07-03"), 201)
    told = case.refused(await plan(case.world, mission, line("2023-W26", 2), planned_on="2023-07-02"), "2023-07-03")
    case.cured(await plan(case.world, mission, line("2023-W26", 2), planned_on=told["last_planned_on"]))


@walk("mission-ended", "put_mission_plan")
async def planned_in_an_ended_mission(case: Case) -> None:
    mission = await case.world.mission()
    for action in ("close", "reopen"):
        ok(await case.world.operator.post(f"missions/{mission.id}/{action}", {"reason": "Needed."}))
        if action == "close":
            case.refused(await plan(case.world, mission, line("2023-W26", 1)))
    case.cured(await plan(case.world, mission, line("2023-W26", 1)))


@walk("reference-not-found", "put_mission_plan")
async def planned_consultant_not_found(case: Case) -> None:
    mission = await case.world.mission()
    case.refused(await plan(case.world, mission, line("2023-W26", 1, consultant=NOBODY)))
    case.cured(await plan(case.world, mission, line("2023-W26", 1, consultant=mission.lead_consultant)))


@walk("mission-cancelled", "state_remaining_days")
async def stated_in_a_cancelled_mission(case: Case) -> None:
    mission = await case.world.mission()
    path, said = f"missions/{mission.id}", {"remaining_days": 1, "stated_on": "2023-07-09", "reason": "Needed."}
    ok(await case.world.operator.post(f"{path}/cancel", {"reason": "A mistake."}))
    case.refused(await case.world.lead.post(f"{path}/remaining-days", said))
    ok(await case.world.operator.post(f"{path}/reopen", {"reason": "It was none."}))
    case.cured(await case.world.lead.post(f"{path}/remaining-days", said))
