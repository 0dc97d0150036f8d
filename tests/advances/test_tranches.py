"""Tranches: proposed by one person, approved by another, recorded as the bank paid them, on the agreement's conditions.

That each act passes as on a payment of a grant is shown there: one mechanism does both (`tests/grants/test_payments`).
"""

import asyncio
from datetime import date, timedelta
from typing import Any

import pytest

from app.commands.tick import take_undrawn
from app.core import clock
from tests.advances.drawing import Drawing
from tests.contract.cures import key
from tests.envelopes.acts import DAY
from tests.envelopes.test_limits import answers, figures
from tests.grants.paying import AWARD, BASE, STARTED
from tests.treasury.runs import DAYS, Runs, texts
from tests.world import World, ok, problem

TODAY = str(clock.today())


async def test_a_tranche_passes_from_its_proposal_to_the_schedule(world: World, app: Any) -> None:
    drawing = await Drawing.of(world, started_on=STARTED)
    tranche = await drawing.proposed(3_000_000, reference="VIR-1")
    read = await drawing.read(tranche)
    assert (read["status"], read["paid_on"], read["recorded_by"], read["exceeds"]) == ("proposed", None, None, [])
    assert (read["proposed_by"], "••••" in read["iban"]) == (str(world.subjects["treasurer"]), True)
    assert await drawing.room() == (0, 3_000_000, 0, AWARD - 3_000_000)
    assert await drawing.to_do(drawing.first) == {}
    assert await drawing.to_do(drawing.second) == {"tranches_to_approve": 1}
    problem(await drawing.act(tranche, "approve", by=drawing.first), 403, "payment-own-approval")
    problem(await drawing.act(tranche, "send", {}), 409, "payment-unapproved")
    problem(await drawing.propose(AWARD - 3_000_000 + 1), 409, "tranches-exceed-award")
    problem(await drawing.propose(1, reference="VIR-1"), 409, "already-exists")
    ok(await drawing.act(tranche, "approve"))
    ok(await drawing.act(tranche, "send", {"sent_on": DAY}))
    back = {"rejected_on": TODAY, "reason": "AC04"}
    assert ok(await drawing.act(tranche, "reject", back))["status"] == "approved"
    ok(await drawing.act(tranche, "send", {}))
    refused = await world.funder.post(
        f"advances/{drawing.advance}/terminate", {"on": TODAY, "reason": "Given up."}, headers={"If-Match": "*"}
    )
    problem(refused, 409, "payments-in-flight")
    assert figures(await drawing.acts.envelope())["paid"] == 0
    recorded = ok(await drawing.act(tranche, "record", {"paid_on": TODAY}))
    assert (recorded["status"], recorded["reference"], recorded["exceeds"]) == ("recorded", "VIR-1", [])
    assert await drawing.room() == (3_000_000, 0, 0, AWARD - 3_000_000)
    schedule = ok(await world.auditor.get(f"advances/{drawing.advance}/schedule"))
    assert (schedule["disbursed_cents"], sum(line["principal_cents"] for line in schedule["lines"])) == (3_000_000,) * 2
    told = [event["type"] for event in await world.events(tranche)]
    acts = ("proposed", "approved", "sent", "rejected", "sent", "recorded")
    assert told == [f"advance_tranche.{act}" for act in acts]
    ok(await drawing.act(tranche, "reverse", {"reason": "Another firm."}))
    assert await drawing.room() == (0, 0, 0, AWARD)
    assert await world.differences(app.state["engine"]) == []


async def test_parallel_proposals_beside_a_repayment_lose_no_cent(world: World, app: Any) -> None:
    drawing = await Drawing.of(world, 1_000, scheme=False)
    await drawing.drawn(400)
    acts = [drawing.propose(100) for _ in range(8)] + [drawing.acts.repay(drawing.advance, 50) for _ in range(2)]
    assert answers(await asyncio.gather(*acts)) == {"201": 8, "tranches-exceed-award": 2}
    says = await drawing.says()
    assert (says["in_flight_cents"], says["remaining_cents"], says["repaid_cents"]) == (600, 0, 100)
    assert await world.differences(app.state["engine"]) == []


# --- what must stand --------------------------------------------------------------------------------------------------


async def test_each_tranche_waits_for_its_condition(world: World) -> None:
    """The first needs nothing, the second a document, the third half of the base certified."""
    conditions = [{}, {"document": "Report of the installation"}, {"certified_bp": 5_000}]
    drawing = await Drawing.of(world, started_on=STARTED, terms={"tranches": conditions})
    first = await drawing.proposed(1_000_000)
    told = problem(await drawing.propose(2_000_000), 409, "tranche-document-missing")
    assert (told["number"], told["document"]) == (2, "Report of the installation")
    second = await drawing.proposed(2_000_000, document_sha256="a" * 64)
    third = problem(await drawing.propose(3_000_000), 409, "certified-share-too-low")
    assert (third["number"], third["certified_cents"], third["required_cents"]) == (3, 0, BASE // 2)
    # Approvals ask again, each by its own place; what is cancelled gives its place to the next.
    ok(await drawing.act(second, "approve"))
    ok(await drawing.act(first, "cancel", {"reason": "Later."}))
    assert problem(await drawing.propose(3_000_000), 409, "tranche-document-missing")["number"] == 2
    await drawing.set(certified_cents=BASE // 2)
    moved = await drawing.proposed(3_000_000, document_sha256="b" * 64)
    assert (await drawing.read(moved))["document_sha256"] == "b" * 64
    ok(await drawing.propose(1), 201)  # the third


async def test_a_tranche_that_was_paid_is_recorded_with_what_it_breaks(world: World, app: Any) -> None:
    conditions = [{"document": "Lease", "certified_bp": 1}]
    drawing = await Drawing.of(world, terms={"tranches": conditions, "available_until_on": "2025-12-31"})
    await drawing.withdraw_account()
    await drawing.expire("tax")
    await drawing.acts.proceedings(opened_on=DAY)
    made = await drawing.drawn(1_000_000, paid_on=TODAY)
    assert made["exceeds"] == [
        "proceedings-open", "bank-details-unapproved", "award-ended", "tranche-document-missing",
        "certified-share-too-low", "tax-certificate-expired",
    ]  # fmt: skip
    assert await drawing.to_do(drawing.second) == {"tranches_to_see": 1}
    ok(await drawing.act(made["id"], "see"))
    assert await drawing.to_do(drawing.second) == {}
    assert await world.differences(app.state["engine"]) == []


@pytest.mark.parametrize(
    ("column", "code"),
    [("accelerated_on", "advance-not-payable"), ("written_off_on", "advance-not-payable")],
)
async def test_nothing_is_proposed_after_all_is_due_at_once(world: World, column: str, code: str) -> None:
    drawing = await Drawing.of(world, scheme=False)
    proposed = await drawing.proposed(1)
    await world.pool.execute(f"UPDATE advances SET {column} = $2 WHERE id = $1", drawing.advance, STARTED)
    assert problem(await drawing.propose(1), 409, code)["since_on"] == DAY
    problem(await drawing.act(proposed, "approve"), 409, code)
    assert (await drawing.drawn(1, paid_on=TODAY))["exceeds"] == [code]


async def test_a_tranche_comes_before_the_last_instalment(world: World) -> None:
    """After the first is well; from the last day on it is refused, and a fact is recorded all the same."""
    drawing = await Drawing.of(world, scheme=False, terms={"instalments": 3})  # until 30 September 2026
    assert problem(await drawing.propose(1), 409, "after-last-instalment")["last_due_on"] == "2026-09-30"
    await drawing.drawn(1_000, paid_on="2026-04-01")
    late = await drawing.drawn(500, paid_on=TODAY)
    assert late["exceeds"] == ["after-last-instalment"]
    schedule = ok(await world.auditor.get(f"advances/{drawing.advance}/schedule"))
    assert sum(line["principal_cents"] for line in schedule["lines"]) == 1_500
    going = await Drawing.of(world, scheme=False)  # until 31 December 2028
    problem(await going.propose(1, planned_on="2028-12-31"), 409, "after-last-instalment")
    ok(await going.propose(1, planned_on="2028-12-30"), 201)


async def test_a_tranche_is_bounded_by_the_final_amount(world: World) -> None:
    drawing = await Drawing.of(world, started_on=STARTED, completed_on=STARTED, certified_cents=BASE // 2)
    final = AWARD * (BASE // 2) // BASE
    assert problem(await drawing.propose(final + 1), 409, "payment-above-due")["allowed_cents"] == final
    ok(await drawing.propose(final), 201)


async def test_another_account_of_the_firm_returns_its_tranches_to_proposed(world: World) -> None:
    drawing = await Drawing.of(world, scheme=False)
    approved, sent = await drawing.approved(1), await drawing.sent(2)
    account = await drawing.acts.payee(2)
    back = await drawing.read(approved)
    assert (back["status"], back["approved_by"], back["bank_details_id"]) == ("proposed", None, account)
    assert (await drawing.read(sent))["status"] == "sent"
    told = {"rejected_on": TODAY, "reason": "AC04"}
    assert ok(await drawing.act(sent, "reject", told))["status"] == "proposed"


# --- payment runs -----------------------------------------------------------------------------------------------------


async def test_a_run_sends_payments_and_tranches_in_one_file(world: World, app: Any) -> None:
    runs = await Runs.of(world)
    drawing = await Drawing.of(world, scheme=False)
    payment, tranche = await runs.paying.approved(100), await drawing.approved(200, reference="VIR-2")
    run = await runs.made()
    assert (run["payments"], run["total_cents"]) == (2, 300)
    first, second = await runs.lines(run["id"])
    assert (first["payment_id"], first["tranche_id"], first["advance_id"]) == (payment, None, None)
    assert (second["payment_id"], second["tranche_id"], second["grant_id"]) == (None, tranche, None)
    assert (second["advance_id"], second["payment_reference"]) == (drawing.advance, "VIR-2")
    assert texts((await runs.file(run["id"])).content, "PmtInf/CdtTrfTxInf/Amt/InstdAmt") == ["1.00", "2.00"]
    rejected = ok(await runs.reject(run["id"], second["id"]))
    assert (rejected["outcome"], (await drawing.read(tranche))["status"]) == ("rejected", "approved")
    again = await runs.made()
    [line] = await runs.lines(again["id"])
    ok(await runs.cancel(again["id"]))
    assert (line["tranche_id"], (await drawing.read(tranche))["status"]) == (tranche, "approved")
    last = await runs.made()
    await runs.hand_over(last["id"])
    ok(await drawing.act(tranche, "record", {"paid_on": DAYS["today"]}))
    ok(await runs.paying.act(payment, "record", {"paid_on": DAYS["today"]}))
    assert ((await runs.read(run["id"]))["paid_cents"], (await runs.read(last["id"]))["paid_cents"]) == (100, 200)
    assert await world.differences(app.state["engine"]) == []


# --- until when it is drawn -------------------------------------------------------------------------------------------


EXTENDED = 'UPDATE advances SET amended_terms = \'{"available_until_on": "2025-12-31"}\' WHERE id = $1'


async def test_what_is_not_drawn_in_time_returns_to_the_envelope(world: World, app: Any) -> None:
    until = "2025-12-31"  # by an amendment of the first
    drawing = await Drawing.of(world, 1_000, scheme=False, terms={"available_until_on": "2025-06-30"})
    await world.pool.execute(EXTENDED, drawing.advance)
    problem(await drawing.propose(1), 409, "award-ended")  # the tick has not run
    await drawing.drawn(600)
    other = await Drawing.of(world, 50, scheme=False, terms={"available_until_on": until})
    sessions = app.state["sessions"]
    await take_undrawn(sessions, date.fromisoformat(until))  # what other tests have left
    assert await take_undrawn(sessions, date.fromisoformat(until)) == 0
    day = date.fromisoformat(until) + timedelta(days=1)
    both = await asyncio.gather(take_undrawn(sessions, day), take_undrawn(sessions, day))
    assert max(both) >= 1
    assert await drawing.room() == (600, 0, 400, 0)
    assert (await drawing.says())["ended_on"] is None, "it goes on"
    assert figures(await drawing.acts.envelope())["available"] == 400 + 50
    lapsed = await other.says()
    assert (lapsed["status"], lapsed["stage"], lapsed["ended_on"]) == ("cancelled", "lapsed", str(day))
    assert [event["type"] for event in await world.events(drawing.advance)].count("advance.lapsed") == 1
    assert await take_undrawn(sessions, day) == 0
    assert await world.differences(app.state["engine"]) == []


async def test_what_is_on_its_way_does_not_lapse(world: World, app: Any) -> None:
    drawing = await Drawing.of(world, 1_000, scheme=False)
    sent, proposed = await drawing.sent(300), await drawing.proposed(200)
    await world.pool.execute(EXTENDED, drawing.advance)
    day = date(2026, 1, 1)
    await take_undrawn(app.state["sessions"], day)
    assert await drawing.room() == (0, 300, 700, 0)
    assert (await drawing.read(proposed))["status"] == "cancelled"
    ok(await drawing.act(sent, "record", {"paid_on": TODAY}))
    assert (await drawing.room(), (await drawing.says())["status"]) == ((300, 0, 700, 0), "repaying")
    assert await world.differences(app.state["engine"]) == []


async def test_who_awards_neither_proposes_nor_records(world: World) -> None:
    drawing = await Drawing.of(world, scheme=False)
    await world.pool.execute("SELECT 1")
    refused = await world.funder.post(f"advances/{drawing.advance}/tranches", {"amount_cents": 1}, headers=key())
    assert refused.status_code == 403
