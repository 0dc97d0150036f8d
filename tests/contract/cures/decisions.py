"""The cures of agendas and decisions: frozen and reopened, on the agenda, decided once, finished before the end."""

from typing import Any

import httpx2

from app.core import clock
from tests.applications.acts import done
from tests.applications.meetings import (
    ADVANCE,
    GRANT,
    admitted,
    close,
    contribute,
    decide,
    decided,
    decision,
    frozen,
    item,
    meeting,
    put_agenda,
)
from tests.contract.cures import Case, seen, subject, walk
from tests.envelopes.acts import Acts, key
from tests.grants.paying import Paying
from tests.projects.acts import staff
from tests.world import World, ok

LATER = "2024-05-20"
REASON = {"reason": "Misread."}


async def closed_meeting(world: World) -> dict[str, Any]:
    """A closed meeting that decided a file, with the ids of its frozen agenda and decision."""
    path = await meeting(world)
    file = await admitted(world)
    await frozen(world, path, item(file))
    (made,) = await decided(world, path, decision(file))
    ok(await close(world, path), 200)
    (version,) = ok(await staff(world).get(f"{path}/agenda/versions"), 200)["items"]
    return {
        "committee": path.removeprefix("committees/"),
        "version": version["id"],
        "decision": made["id"],
        "file": file,
    }


async def freeze(world: World, path: str) -> httpx2.Response:
    return await staff(world).post(f"{path}/agenda/freeze")


async def reopen(world: World, path: str) -> httpx2.Response:
    return await staff(world).post(f"{path}/agenda/reopen", REASON)


@walk("agenda-frozen", "put_agenda", "freeze_agenda")
async def agenda_frozen(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await frozen(world, path, item(file))

    async def act() -> httpx2.Response:
        if case.act == "put_agenda":
            return await put_agenda(world, path, item(file, "defer"))
        return await freeze(world, path)

    case.refused(await act())
    ok(await reopen(world, path), 200)
    case.cured(await act())


@walk("agenda-not-frozen", "reopen_agenda", "create_committee_decisions", "close_committee")
async def agenda_not_frozen(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await frozen(world, path, item(file))
    if case.act == "close_committee":
        await decided(world, path, decision(file))
    ok(await reopen(world, path), 200)

    async def act() -> httpx2.Response:
        if case.act == "reopen_agenda":
            return await reopen(world, path)
        if case.act == "close_committee":
            return await close(world, path)
        return await decide(world, path, decision(file))

    case.refused(await act())
    ok(await freeze(world, path), 200)
    case.cured(await act())


@walk("agenda-not-finished", "close_committee")
async def agenda_not_finished(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await done(world, file, "extend", "2024-04-01")  # else silence has decided it since
    await frozen(world, path, item(file))
    told = case.refused(await close(world, path))
    await decided(world, path, *(decision({"id": each}, "defer") for each in told["application_ids"]))
    case.cured(await world.clients["committee"].post(f"{path}/close"))


@walk("already-decided", "put_agenda", "create_committee_decisions")
async def already_decided(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await frozen(world, path, item(file))
    (made,) = await decided(world, path, decision(file))

    async def act() -> httpx2.Response:
        if case.act == "put_agenda":
            return await put_agenda(world, path, item(file, "defer"))
        return await decide(world, path, decision(file, "defer"))

    if case.act == "put_agenda":
        ok(await reopen(world, path), 200)
    assert case.refused(await act())["reference"] == made["reference"]
    ok(await world.clients["committee"].post(f"{path}/decisions/{made['id']}/reverse", REASON), 200)
    case.cured(await act())


@walk("outcome-of-another-level", "put_agenda", "create_committee_decisions")
async def outcome_of_another_level(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    if case.act == "put_agenda":
        told = case.refused(await put_agenda(world, path, item(file, "grant")))
        case.cured(await put_agenda(world, path, item(file, told["allowed"][0])))
        return
    await frozen(world, path, item(file))
    told = case.refused(await decide(world, path, decision(file, "grant")))
    case.cured(await decide(world, path, decision(file, told["allowed"][0])))


@walk("not-on-agenda", "create_committee_decisions")
async def not_on_agenda(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await frozen(world, path)
    case.refused(await decide(world, path, decision(file)))
    ok(await reopen(world, path), 200)
    await frozen(world, path, item(file))
    case.cured(await decide(world, path, decision(file)))


@walk("agenda-changed", "create_committee_decisions")
async def agenda_changed(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await frozen(world, path, item(file))
    paper = {"kind": "tax", "issued_on": "2024-04-01", "valid_until_on": "2024-09-01", "sha256": "cd" * 32}
    ok(await staff(world).post(f"firms/{file['siren']}/certificates", paper), 201)
    case.refused(await decide(world, path, decision(file)))
    ok(await reopen(world, path), 200)
    ok(await freeze(world, path), 200)
    case.cured(await decide(world, path, decision(file)))


@walk("quorum-not-reached", "create_committee_decisions", "create_erratum")
@walk("attendance-missing", "create_committee_decisions", "create_erratum")
async def who_came(case: Case) -> None:
    world = await case.own()
    seats: tuple[str | None, ...] = ("present", None) if case.code == "attendance-missing" else ("present", "absent")
    known = await closed_meeting(world)
    path = await meeting(world, on=LATER, attendance=seats, quorum=2)
    votes = {"for": 1, "against": 0, "abstained": 0}
    file = await admitted(world)
    await frozen(world, path, item(file))

    async def act() -> httpx2.Response:
        if case.act == "create_erratum":
            body = {"corrects_id": known["decision"], "reason": "Misread.", "votes": votes}
            return await world.clients["committee"].post(f"{path}/errata", body, headers=key())
        return await decide(world, path, decision(file))

    case.refused(await act())
    members = [
        {"kind": "organisation", "name": f"Seat {place}", "chair": not place, "attendance": "present"}
        for place in range(2)
    ]
    ok(await staff(world).patch(path, {"members": members}), 200)
    case.cured(await act())


@walk("reviewer-decides", "create_committee_decisions", "create_erratum")
async def reviewer_decides(case: Case) -> None:
    world = await case.own()
    both = await subject(world, "funder", "committee")
    review = {"opinion": "reserved", "kyc": "clear", "completed_on": "2024-03-02"}
    if case.act == "create_erratum":
        known = await closed_meeting(world)
        ok(await both.put(f"applications/{known['file']['id']}/review", review), 200)
        body = {"corrects_id": known["decision"], "reason": "Misread.",
                "votes": {"for": 1, "against": 0, "abstained": 0}}  # fmt: skip
        path = await meeting(world, on=LATER)
        case.refused(await both.post(f"{path}/errata", body, headers=key()))
        case.cured(await world.clients["committee"].post(f"{path}/errata", body, headers=key()))
        return
    path, file = await meeting(world), await admitted(world)
    ok(await both.put(f"applications/{file['id']}/review", review), 200)
    await frozen(world, path, item(file))
    case.refused(await both.post(f"{path}/decisions", {"items": [decision(file)]}, headers=key()))
    case.cured(await decide(world, path, decision(file)))


@walk("application-not-ready", "create_committee_decisions")
async def application_not_ready(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await frozen(world, path, item(file))
    told = case.refused(await decide(world, path, decision(file, grant_cents=GRANT + 1)))
    assert [each["code"] for each in told["unmet"]] == ["award-above-requested"]
    case.cured(await decide(world, path, decision(file)))


@walk("envelope-exhausted", "create_committee_decisions")
async def envelope_exhausted(case: Case) -> None:
    world = await case.own()
    file, path = await admitted(world), await meeting(world)
    await frozen(world, path, item(file))
    await decided(world, path, decision(file))
    path = await meeting(world, "state_region", on=LATER)
    await frozen(world, path, item(file, "grant"))
    await contribute(world, GRANT)
    case.refused(await decide(world, path, decision(file, "grant")))
    await contribute(world, ADVANCE, "C-2")
    case.cured(await decide(world, path, decision(file, "grant")))


@walk("meeting-closed", "put_agenda", "freeze_agenda", "reopen_agenda", "create_committee_decisions", "create_erratum")
async def meeting_closed(case: Case) -> None:
    world = await case.own()
    known = await closed_meeting(world)
    file, later = await admitted(world), await meeting(world, on=LATER)
    await frozen(world, later, item(file))

    async def act(path: str) -> httpx2.Response:
        if case.act == "put_agenda":
            return await put_agenda(world, path, item(file, "defer"))
        if case.act == "freeze_agenda":
            return await freeze(world, path)
        if case.act == "reopen_agenda":
            return await reopen(world, path)
        if case.act == "create_erratum":
            votes = {"for": 1, "against": 0, "abstained": 0}
            body = {"corrects_id": known["decision"], "reason": "Misread.", "votes": votes}
            return await world.clients["committee"].post(f"{path}/errata", body, headers=key())
        return await decide(world, path, decision(file))

    case.refused(await act(f"committees/{known['committee']}"))
    if case.act in ("put_agenda", "freeze_agenda"):
        ok(await reopen(world, later), 200)
    case.cured(await act(later))


@walk("meeting-decided", "update_committee")
async def meeting_decided(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await frozen(world, path, item(file))
    (made,) = await decided(world, path, decision(file))
    case.refused(await staff(world).patch(path, {"quorum": 1}))
    ok(await world.clients["committee"].post(f"{path}/decisions/{made['id']}/reverse", REASON), 200)
    case.cured(await staff(world).patch(path, {"quorum": 1}))
    await decided(world, path, decision(file))


@walk("erratum-refused", "create_erratum")
async def erratum_refused(case: Case) -> None:
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await frozen(world, path, item(file))
    (made,) = await decided(world, path, decision(file))
    later = await meeting(world, on=LATER)
    body = {"corrects_id": made["id"], "reason": "Misread.", "votes": {"for": 1, "against": 0, "abstained": 0}}
    case.refused(await world.clients["committee"].post(f"{later}/errata", body, headers=key()))
    ok(await close(world, path), 200)
    case.cured(await world.clients["committee"].post(f"{later}/errata", body, headers=key()))


@walk("decision-followed", "reverse_committee_decision")
async def decision_followed(case: Case) -> None:
    """The file is decided anew by a meeting on whose agenda it is put."""
    world = await case.own()
    path, file = await meeting(world), await admitted(world)
    await frozen(world, path, item(file))
    (made,) = await decided(world, path, decision(file))
    await done(world, file, "open-review", "2024-05-01")
    case.refused(await world.clients["committee"].post(f"{path}/decisions/{made['id']}/reverse", REASON))
    later = await meeting(world, on=LATER)
    await frozen(world, later, item(file, "defer"))
    case.cured(await decide(world, later, decision(file, "defer")))


async def granted(world: World) -> tuple[str, dict[str, Any]]:
    """The path of a meeting that granted a file, and its decision."""
    file, path = await admitted(world), await meeting(world)
    await contribute(world, GRANT + ADVANCE)
    await frozen(world, path, item(file))
    await decided(world, path, decision(file))
    path = await meeting(world, "state_region", on=LATER)
    await frozen(world, path, item(file, "grant"))
    (made,) = await decided(world, path, decision(file, "grant"))
    return path, made


@walk("award-already-paid", "reverse_committee_decision")
async def award_already_paid(case: Case) -> None:
    world = await case.own()
    path, made = await granted(world)
    payment = {"amount_cents": 1, "paid_on": "2024-06-01", "kind": "advance_payment", "reference": "P-1"}
    of_grant = f"grants/{made['grant_id']}/payments"
    paid = ok(await world.treasurer.post(of_grant, payment, headers={"Idempotency-Key": "p"}), 201)
    case.refused(await world.clients["committee"].post(f"{path}/decisions/{made['id']}/reverse", REASON))
    ok(await world.treasurer.post(f"{of_grant}/{paid['id']}/reverse", REASON, headers={"If-Match": '"1"'}), 200)
    case.cured(await world.clients["committee"].post(f"{path}/decisions/{made['id']}/reverse", REASON))


@walk("payments-in-flight", "reverse_committee_decision")
async def payments_in_flight(case: Case) -> None:
    world = await case.own()
    path, made = await granted(world)
    siren = ok(await world.auditor.get(f"grants/{made['grant_id']}"))["siren"]
    paying = Paying(Acts(world, siren), await subject(world, "treasurer"), made["grant_id"], "")
    await paying.acts.payee()
    for kind in ("tax", "social"):
        await paying.certificate(kind)
    await paying.agree(on=LATER)
    of_grant = f"grants/{paying.grant}"
    plan = {"notified_on": LATER, "planned_end_on": str(clock.today())}  # its completion is not late
    start = {"started_on": LATER, "proof_sha256": "0" * 64}
    for verb, body in (("notify", plan), ("start", start)):
        ok(await world.funder.post(f"{of_grant}/{verb}", body, headers=await seen(world.funder, of_grant)))
    payment = await paying.approved(1)
    undone = f"{path}/decisions/{made['id']}/reverse"
    case.refused(await world.clients["committee"].post(undone, REASON))
    ok(await paying.act(payment, "cancel", REASON))
    case.cured(await world.clients["committee"].post(undone, REASON))
