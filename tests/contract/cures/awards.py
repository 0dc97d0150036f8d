"""The cures of awards that rest on a file, on a base, or on a decision of a committee."""

from typing import Any

import httpx2

from tests.applications.meetings import (
    ADVANCE,
    GRANT,
    RECEIVED,
    admitted,
    contribute,
    decided,
    decision,
    frozen,
    item,
    meeting,
)
from tests.contract.cures import Case, seen, subject, walk
from tests.contract.cures.money import acts_of
from tests.envelopes.acts import TERMS, key
from tests.world import Client, ok

LATER = "2024-05-20"
REASON = {"reason": "Misread."}
AWARDS = ("award_grant", "award_advance")


async def pre_selected(case: Case) -> tuple[dict[str, Any], Client]:
    """A file that can be granted in a full envelope, and a funder who did not review it."""
    world = await case.own()
    await contribute(world, 10_000_000_00)
    file = await admitted(world)
    path = await meeting(world)
    await frozen(world, path, item(file))
    await decided(world, path, decision(file))
    return file, await subject(world, "funder")


async def award(case: Case, by: Client, file: dict[str, Any], **more: Any) -> httpx2.Response:
    kind, cents = ("grants", GRANT) if case.act.endswith("_grant") else ("advances", ADVANCE)
    body = {"siren": file["siren"], "project_title": "Atelier", "amount_cents": cents, "decided_on": LATER,
            "decision_reference": "E-1", "application_id": file["id"], **more}  # fmt: skip
    return await by.post(kind, body | ({"terms": TERMS} if kind == "advances" else {}), headers=key())


@walk("award-above-base", *AWARDS)
async def award_above_base(case: Case) -> None:
    acts = await acts_of(case)
    give = acts.grant if case.act == "award_grant" else acts.advance
    case.refused(await give(101, scheme="rebond_industriel", base_cents=100))
    case.cured(await give(100, scheme="rebond_industriel", base_cents=100))
    case.cured(await give(101, scheme="rebond_industriel", base_cents=101))


@walk("award-differs-from-aid", *AWARDS)
async def award_differs_from_aid(case: Case) -> None:
    acts = await acts_of(case)
    give, other = (acts.grant, acts.advance) if case.act == "award_grant" else (acts.advance, acts.grant)
    said: dict[str, Any] = {
        "decision_reference": acts.reference(), "scheme": "rebond_industriel", "base_cents": 100,
    }  # fmt: skip
    ok(await other(10, **said), 201)
    case.refused(await give(10, **{**said, "base_cents": 200}))
    case.cured(await give(10, **said))
    case.cured(await give(10, **{**said, "base_cents": 200, "decision_reference": acts.reference()}))


@walk("start-before-receipt", "start_grant", "start_advance")
async def start_before_receipt(case: Case) -> None:
    for checked in (True, False):
        file, funder = await pre_selected(case)
        granted = ok(await award(case, funder, file), 201)
        path = f"{case.act.removeprefix('start_')}s/{granted['id']}"

        async def act(verb: str, by: Client = funder, path: str = path, **body: str) -> httpx2.Response:
            return await by.post(f"{path}/{verb}", body, headers=await seen(by, path))

        told = case.refused(await act("start", started_on="2024-01-01", proof_sha256="0" * 64))
        if checked:
            case.cured(await act("start", started_on=told["received_on"], proof_sha256="0" * 64))
        else:
            case.cured(await act("cancel", reason="Started before."))


@walk("application-of-another-project", *AWARDS)
async def application_of_another_project(case: Case) -> None:
    file, funder = await pre_selected(case)
    another = await admitted(case.world)
    case.refused(await award(case, funder, file, application_id=another["id"]))
    case.cured(await award(case, funder, file))


@walk("application-not-ready", *AWARDS)
async def application_not_ready(case: Case) -> None:
    file, funder = await pre_selected(case)
    asked = GRANT if case.act == "award_grant" else ADVANCE
    told = case.refused(await award(case, funder, file, amount_cents=asked + 1))
    assert [each["code"] for each in told["unmet"]] == ["award-above-requested"]
    case.cured(await award(case, funder, file))


@walk("clock-has-run-out", *AWARDS)
async def clock_has_run_out(case: Case) -> None:
    file, funder = await pre_selected(case)
    case.refused(await award(case, funder, file, decided_on="2025-06-01"))
    case.cured(await award(case, funder, file))


@walk("act-out-of-order", *AWARDS)
async def act_out_of_order(case: Case) -> None:
    file, funder = await pre_selected(case)
    case.refused(await award(case, funder, file, decided_on=RECEIVED))
    case.cured(await award(case, funder, file))


@walk("reviewer-decides", *AWARDS)
async def reviewer_decides(case: Case) -> None:
    file, funder = await pre_selected(case)
    case.refused(await award(case, case.world.clients["funder"], file))
    case.cured(await award(case, funder, file))


@walk("award-of-a-decision", "reverse_grant", "reverse_advance")
async def award_of_a_decision(case: Case) -> None:
    file, funder = await pre_selected(case)
    path = await meeting(case.world, "state_region", on=LATER)
    await frozen(case.world, path, item(file, "grant"))
    (made,) = await decided(case.world, path, decision(file, "grant"))
    kind, one = ("grants", "grant_id") if case.act == "reverse_grant" else ("advances", "advance_id")
    told = case.refused(await reverse(funder, f"{kind}/{made[one]}"))
    undone = f"committees/{told['committee_id']}/decisions/{told['decision_id']}/reverse"
    case.cured(await case.world.clients["committee"].post(undone, REASON))
    assert ok(await funder.get(f"{kind}/{made[one]}"))["status"] == "reversed"


async def reverse(funder: Client, path: str) -> httpx2.Response:
    return await funder.post(f"{path}/reverse", REASON, headers={"If-Match": '"1"'})
