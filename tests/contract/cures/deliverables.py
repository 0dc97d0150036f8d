"""The cures of what refuses a deliverable, or an act on one."""

from typing import Any

import httpx2

from tests.contract.cures import NOBODY, Case, subject, walk
from tests.contract.cures.decisions import closed_meeting
from tests.contract.cures.missions import bare
from tests.contract.cures.requests import Ask, ready
from tests.engineering.deliverables.acts import BODIES, act, address, done, ordered
from tests.roadmap.acts import adopt, draft, held
from tests.world import ok

CREATE, UPDATE, DELIVER = "create_deliverable", "update_deliverable", "deliver_deliverable"
VERIFY = "verify_deliverable"
DECIDE = ("admit_deliverable", "defer_deliverable", "admit_deliverable_with_reduction", "reject_deliverable")
VERBS = {"admit_deliverable_with_reduction": "admit-with-reduction"}
ON = "2024-01-15"


def verb_of(case: Case) -> str:
    """The last part of the address of an act."""
    return VERBS.get(case.act) or case.act.partition("_")[0]


async def waiting(case: Case, on: str | None = ON) -> dict[str, Any]:
    """A deliverable on which the act of the case can follow, all before it on a day: today, where none is given."""
    deliverable = await ordered(case.world)
    way = [] if case.act == DELIVER else ["deliver"] if case.act == VERIFY else ["deliver", "verify"]
    for verb in way:
        ok(await act(case.world, deliverable, verb, on), 200)
    return deliverable


@ready(DELIVER, *DECIDE)
async def deliverables(case: Case) -> Ask:
    deliverable = await waiting(case, None)
    role, body = BODIES[verb_of(case)]
    return Ask(role, "POST", f"{address(deliverable)}/{verb_of(case)}", body)


@walk("deliverable-transition", DELIVER, VERIFY, *DECIDE)
async def deliverable_transition(case: Case) -> None:
    deliverable = await ordered(case.world)
    if case.act == DELIVER:
        await done(case.world, deliverable, ("deliver", ON), ("verify", ON))
        case.refused(await act(case.world, deliverable, "deliver"))
        await done(case.world, deliverable, ("reject", ON))
    else:
        case.refused(await act(case.world, deliverable, verb_of(case), ON), "expected")
        ok(await act(case.world, deliverable, "deliver", ON), 200)
        if case.act != VERIFY:
            ok(await act(case.world, deliverable, "verify", ON), 200)
    case.cured(await act(case.world, deliverable, verb_of(case), ON))


@walk("deliverable-act-out-of-order", DELIVER, VERIFY, *DECIDE)
async def deliverable_act_out_of_order(case: Case) -> None:
    deliverable = await waiting(case)
    if case.act == DELIVER:
        await done(case.world, deliverable, ("deliver", ON), ("verify", ON), ("reject", ON))
    case.refused(await act(case.world, deliverable, verb_of(case), "2024-01-14"), ON)
    case.cured(await act(case.world, deliverable, verb_of(case), case.told["after_on"]))


@walk("verification-over", VERIFY, *DECIDE)
async def verification_over(case: Case) -> None:
    deliverable = await waiting(case)
    case.refused(await act(case.world, deliverable, verb_of(case), "2024-03-16"), "2024-03-15")
    case.cured(await act(case.world, deliverable, verb_of(case), case.told["last_day"]))


@walk("deliverer-decides", *DECIDE)
async def deliverer_decides(case: Case) -> None:
    deliverable = await ordered(case.world)
    both = await subject(case.world, "lead", "operator")
    ok(await act(case.world, deliverable, "deliver", by=both), 200)
    ok(await act(case.world, deliverable, "verify", by=both), 200)
    case.refused(await act(case.world, deliverable, verb_of(case), by=both))
    case.cured(await act(case.world, deliverable, verb_of(case)))


@walk("document-not-sealed", DELIVER)
async def document_not_sealed(case: Case) -> None:
    world = await case.own()
    version = await draft(world)
    deliverable = await ordered(world)
    named: dict[str, Any] = {"document_sha256": None, "roadmap_version_id": version["id"]}
    case.refused(await act(world, deliverable, "deliver", **named))
    ok(await adopt(world.clients["committee"], version["id"], await held(world)), 200)
    case.cured(await act(world, deliverable, "deliver", **named))
    deliverable = await ordered(world)
    case.refused(await act(world, deliverable, "deliver", document_sha256=None, committee_id=await held(world)))
    closed = await closed_meeting(world)
    case.cured(await act(world, deliverable, "deliver", document_sha256=None, committee_id=closed["committee"]))


@walk("reference-not-found", DELIVER)
async def document_not_found(case: Case) -> None:
    deliverable = await ordered(case.world)
    for name in ("roadmap_version_id", "committee_id"):
        named: dict[str, Any] = {"document_sha256": None, name: NOBODY}
        case.refused(await act(case.world, deliverable, "deliver", **named))
    case.cured(await act(case.world, deliverable, "deliver"))


@walk("deliverable-delivered", UPDATE)
async def deliverable_delivered(case: Case) -> None:
    deliverable = await ordered(case.world)
    ok(await act(case.world, deliverable, "deliver"), 200)
    case.refused(await case.world.operator.patch(address(deliverable), {"title": "Another"}))
    other = await ordered(case.world, deliverable["mission_id"], title="Another")
    case.cured(await case.world.operator.patch(address(other), {"title": "The other"}))


@walk("weights-exceeded", CREATE, UPDATE)
async def weights_exceeded(case: Case) -> None:
    mission = await bare(case.world)
    other = await ordered(case.world, mission, weight_bp=7_000)
    light = await ordered(case.world, mission, weight_bp=1)

    async def weigh(weight_bp: int) -> httpx2.Response:
        if case.act == UPDATE:
            return await case.world.operator.patch(address(light), {"weight_bp": weight_bp})
        body = {"kind": "other", "title": "More", "due_on": "2024-01-31", "weight_bp": weight_bp}
        return await case.world.operator.post(f"missions/{mission}/deliverables", body)

    case.refused(await weigh(4_000), "4000 requested")
    case.cured(await weigh(case.told["left_bp"]))
    case.refused(await weigh(4_000))
    ok(await case.world.operator.patch(address(other), {"weight_bp": 1}), 200)
    case.cured(await weigh(4_000))


@walk("mission-ended", CREATE)
async def mission_ended(case: Case) -> None:
    mission = await bare(case.world)
    body = {"kind": "other", "title": "More", "due_on": "2024-01-31"}
    ok(await case.world.operator.post(f"missions/{mission}/close", {"reason": "Over."}), 200)
    case.refused(await case.world.operator.post(f"missions/{mission}/deliverables", body))
    ok(await case.world.operator.post(f"missions/{mission}/reopen", {"reason": "Not over."}), 200)
    case.cured(await case.world.operator.post(f"missions/{mission}/deliverables", body))


@walk("mission-cancelled", UPDATE, DELIVER, VERIFY, *DECIDE)
async def mission_cancelled(case: Case) -> None:
    deliverable = await ordered(case.world) if case.act == UPDATE else await waiting(case)
    mission = f"missions/{deliverable['mission_id']}"

    async def asked() -> httpx2.Response:
        if case.act == UPDATE:
            return await case.world.operator.patch(address(deliverable), {"title": "Another"})
        return await act(case.world, deliverable, verb_of(case), ON)

    ok(await case.world.operator.post(f"{mission}/cancel", {"reason": "A mistake."}), 200)
    case.refused(await asked())
    ok(await case.world.operator.post(f"{mission}/reopen", {"reason": "It was none."}), 200)
    case.cured(await asked())
