"""The cures of what refuses a mandate, a collection run or a line of one, each in a territory of its own."""

from datetime import timedelta
from typing import Any

from app.core import clock
from tests.contract.cures import Case, key, subject, walk
from tests.contract.cures.records import REASON
from tests.contract.cures.requests import (
    Ask,
    email_missing,
    idempotency_key_missing,
    if_match_missing,
    ready,
)
from tests.envelopes.acts import DAY
from tests.treasury.collecting import ANY, LINES, SOON, TODAY, Collecting
from tests.world import ok

LINE_ACTS = ("record_collection_run_line", "return_collection_run_line")
GUARDED = ("end_mandate", "cancel_collection_run", *LINE_ACTS)
RETURNED = {"returned_on": TODAY, "reason_code": "AM04", "bank_reference": "R-1"}
RECEIVED = {"received_on": TODAY, "reference": "PRLV-1"}


async def collecting(case: Case, **more: Any) -> Collecting:
    """What is collected in a territory of the case's own, with an advance of which much is due."""
    c = await Collecting.of(await case.own(), **more)
    await c.books.advance(4_000, LINES)
    return c


def verb_of(case: Case) -> str:
    return case.act.split("_")[0]


@ready("record_mandate", "end_mandate")
async def mandates(case: Case) -> Ask:
    c = await collecting(case, mandate=False)
    if case.act == "record_mandate":
        body = {"reference": "RUM-1", "signed_on": "2024-01-02", "bank_details_id": c.details}
        return Ask("treasurer", "POST", c.mandates, body)
    path = f"{c.mandates}/{ok(await c.sign(), 201)['id']}"
    return Ask("treasurer", "POST", f"{path}/end", {"ended_on": TODAY}, guarded=path)


@ready("make_collection_run", "cancel_collection_run", "get_collection_run_file", *LINE_ACTS)
async def collection_runs(case: Case) -> Ask:
    c = await collecting(case)
    if case.act == "make_collection_run":
        body = {"account_id": c.account, "due_to_on": "2024-06-30", "collection_on": SOON}
        return Ask("treasurer", "POST", "collection-runs", body, keyed=True)
    path = f"collection-runs/{await c.made()}"
    if case.act == "get_collection_run_file":
        return Ask("treasurer", "GET", f"{path}/file")
    if case.act == "cancel_collection_run":
        return Ask("treasurer", "POST", f"{path}/cancel", REASON, guarded=path)
    ok(await c.treasurer.get(f"{path}/file"))
    path += f"/lines/{ok(await c.treasurer.get(f'{path}/lines'))['items'][0]['id']}"
    body = RECEIVED if verb_of(case) == "record" else RETURNED
    return Ask("treasurer", "POST", f"{path}/{verb_of(case)}", body, keyed=verb_of(case) == "record", guarded=path)


walk("if-match-missing", *GUARDED)(if_match_missing)
walk("idempotency-key-missing", "make_collection_run", "record_collection_run_line")(idempotency_key_missing)
walk("email-missing", "record_mandate", "make_collection_run", "cancel_collection_run", "get_collection_run_file",
     *LINE_ACTS)(email_missing)  # fmt: skip


@walk("mandate-open", "record_mandate")
async def mandate_open(case: Case) -> None:
    c = await collecting(case, mandate=False)
    path = f"{c.mandates}/{ok(await c.sign(), 201)['id']}"
    case.refused(await c.sign())
    ok(await c.treasurer.post(f"{path}/end", {"ended_on": TODAY}, headers=ANY))
    case.cured(await c.sign())


@walk("mandate-already-ended", "end_mandate")
async def mandate_already_ended(case: Case) -> None:
    c = await collecting(case, mandate=False)
    path, body = f"{c.mandates}/{ok(await c.sign(ended_on=TODAY), 201)['id']}/end", {"ended_on": TODAY}
    case.refused(await c.treasurer.post(path, body, headers=ANY))
    path = f"{c.mandates}/{ok(await c.sign(), 201)['id']}/end"
    case.cured(await c.treasurer.post(path, body, headers=ANY))


@walk("mandate-account-unusable", "record_mandate")
async def mandate_account_unusable(case: Case) -> None:
    c = await collecting(case, mandate=False)
    path = f"firms/{c.books.acts.firm}/bank-details"
    body = {"iban": "FR1420041010050500013M02606", "holder_name": "Firm"}
    proposed = ok(await case.world.clients["territory"].post(path, body), 201)["id"]
    case.refused(await c.sign(bank_details_id=proposed))
    ok(await c.treasurer.post(f"{path}/{proposed}/approve", headers=ANY))
    case.cured(await c.sign(bank_details_id=proposed))


@walk("already-exists", "record_mandate", "record_collection_run_line")
async def already_exists(case: Case) -> None:
    c = await collecting(case)
    if case.act == "record_mandate":
        [first] = ok(await c.treasurer.get(c.mandates))["items"]
        ok(await c.treasurer.post(f"{c.mandates}/{first['id']}/end", {"ended_on": TODAY}, headers=ANY))
        case.refused(await c.sign(reference=first["reference"]))
        case.cured(await c.sign())
        return
    run = await c.made()
    await c.hand_over(run)
    first, second = await c.lines(run)
    ok(await c.act(first, "record", **RECEIVED))
    case.refused(await c.act(second, "record", **RECEIVED))
    case.cured(await c.act(second, "record", **{**RECEIVED, "reference": "PRLV-2"}))


@walk("reference-not-found", "record_mandate", "make_collection_run")
async def reference_not_found(case: Case) -> None:
    c = await collecting(case, mandate=case.act != "record_mandate")
    nothing = "019a9f5e-0000-7000-8000-000000000000"
    if case.act == "record_mandate":
        case.refused(await c.sign(bank_details_id=nothing))
        case.cured(await c.sign())
        return
    case.refused(await c.make(account_id=nothing))
    case.cured(await c.make())


@walk("nothing-to-collect", "make_collection_run")
async def nothing_to_collect(case: Case) -> None:
    c = await collecting(case, mandate=False)
    case.refused(await c.make())
    ok(await c.sign(), 201)
    case.cured(await c.make())
    case.refused(await c.make())
    case.cured(await c.make(due_to_on="2024-09-30"))


@walk("creditor-identifier-missing", "make_collection_run")
async def creditor_identifier_missing(case: Case) -> None:
    c = await collecting(case)
    case.refused(await c.make(account_id=await case.world.bank_account(approved=True)))
    case.cured(await c.make())


@walk("bank-account-unusable", "make_collection_run")
async def bank_account_unusable(case: Case) -> None:
    c = await collecting(case)
    case.refused(await c.make(account_id=await case.world.bank_account()), "proposed")
    case.cured(await c.make())


@walk("collection-run-outdated", "get_collection_run_file")
async def collection_run_outdated(case: Case) -> None:
    c = await collecting(case)
    run = await c.made()
    [mandate] = ok(await c.treasurer.get(c.mandates))["items"]
    ok(await c.treasurer.post(f"{c.mandates}/{mandate['id']}/end", {"ended_on": TODAY}, headers=ANY))
    case.refused(await c.file(run))
    ok(await c.treasurer.post(f"collection-runs/{run}/cancel", REASON, headers=ANY))
    ok(await c.sign(), 201)
    again = await c.made()
    case.cured(await c.treasurer.get(f"collection-runs/{again}/file"))


@walk("debit-over", *LINE_ACTS)
async def debit_over(case: Case) -> None:
    c = await collecting(case)
    run = await c.made()
    line, _ = await c.lines(run)
    body = RECEIVED if verb_of(case) == "record" else RETURNED
    case.refused(await c.act(line, verb_of(case), **body), "ready")
    await c.hand_over(run)
    case.cured(await c.act(line, verb_of(case), **body))


@walk("decider-receives", "make_collection_run", *LINE_ACTS)
async def decider_collects(case: Case) -> None:
    c = await collecting(case)
    both = await subject(case.world, "funder", "treasurer")
    terms = {"terms": LINES, "decision_reference": "2024-AVR-9"}
    own = ok(await both.post("advances", c.books.acts.award(400, **terms), headers=key()), 201)["id"]
    ok(await c.books.acts.tranche(own, 400), 201)
    if case.act == "make_collection_run":
        case.refused(await c.make(both), "role treasurer")
        case.cured(await c.make())
        return
    run = await c.made()
    await c.hand_over(run)
    line = next(each for each in await c.lines(run) if each["advance_id"] == own)
    path = f"collection-runs/{run}/lines/{line['id']}/{verb_of(case)}"
    body = RECEIVED if verb_of(case) == "record" else RETURNED
    case.refused(await both.post(path, body, headers=ANY | key()), "role treasurer")
    case.cured(await c.treasurer.post(path, body, headers=ANY | key()))


@walk("already-bounced", "return_collection_run_line")
async def already_bounced(case: Case) -> None:
    c = await collecting(case)
    run = await c.made()
    await c.hand_over(run)
    line, _ = await c.lines(run)
    ok(await c.act(line, "record", **RECEIVED))
    ok(await c.act(line, "return", **RETURNED))
    case.refused(await c.act(line, "return", **RETURNED))
    again = await c.made()
    await c.hand_over(again)
    line, *_ = await c.lines(again)
    ok(await c.act(line, "record", **{**RECEIVED, "reference": "PRLV-2"}))
    case.cured(await c.act(line, "return", **RETURNED))


@walk("repayment-exceeds-outstanding", "record_collection_run_line")
async def before_disbursement(case: Case) -> None:
    """The day of receipt was wrong: the money came after the tranche."""
    c = await collecting(case)
    run = await c.made()
    await c.hand_over(run)
    line, _ = await c.lines(run)
    early = (clock.today().replace(year=2020) - timedelta(days=1)).isoformat()
    assert early < DAY
    case.refused(await c.act(line, "record", **{**RECEIVED, "received_on": early}))
    case.cured(await c.act(line, "record", **RECEIVED))
