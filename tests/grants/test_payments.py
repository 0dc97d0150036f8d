"""Payments: proposed by one person, approved by another, recorded as the bank made them, and what each must satisfy."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest

from app.core import clock
from app.core.values import iban_from
from tests.contract.cures import key, seen, subject
from tests.envelopes.acts import DAY, Acts
from tests.envelopes.test_limits import answers, figures
from tests.grants.paying import AWARD, BASE, STARTED, Paying
from tests.world import World, ok, problem

ADVANCE, INTERIM, BALANCE = "advance_payment", "interim_payment", "balance_payment"


async def test_a_payment_passes_from_its_proposal_to_the_ledger(world: World, app: Any) -> None:
    paying = await Paying.of(world, started_on=STARTED)
    payment = await paying.proposed(3_000_000)
    read = await paying.read(payment)
    assert (read["status"], read["paid_on"], read["recorded_by"], read["exceeds"]) == ("proposed", None, None, [])
    assert (read["proposed_by"], "••••" in read["iban"]) == (str(world.subjects["treasurer"]), True)
    assert await paying.room() == (0, 3_000_000, 0, AWARD - 3_000_000)
    assert figures(await paying.acts.envelope())["committed"] == AWARD
    assert await paying.to_do(paying.first) == {}
    assert await paying.to_do(paying.second) == {"payments_to_approve": 1}
    problem(await paying.act(payment, "send", {}), 409, "payment-unapproved")
    ok(await paying.act(payment, "approve"))
    assert await paying.to_do(paying.second) == {}
    problem(await paying.act(payment, "approve"), 409, "payment-transition")
    ok(await paying.act(payment, "send", {"sent_on": DAY}))
    problem(await paying.act(payment, "cancel", {"reason": "Too late."}), 409, "payment-transition")
    assert figures(await paying.acts.envelope())["paid"] == 0
    recorded = ok(await paying.act(payment, "record", {"paid_on": str(clock.today()), "reference": "BANK-1"}))
    assert (recorded["status"], recorded["reference"], recorded["exceeds"]) == ("recorded", "BANK-1", [])
    assert await paying.room() == (3_000_000, 0, 0, AWARD - 3_000_000)
    assert figures(await paying.acts.envelope())["paid"] == 3_000_000
    told = [event["type"] for event in await world.events(payment)]
    assert told == [f"grant_payment.{act}" for act in ("proposed", "approved", "sent", "recorded")]
    of_grant = [event["type"] for event in await world.events(paying.grant)]
    assert of_grant[2:] == ["grant.updated", "grant.paid"]
    ok(await paying.act(payment, "reverse", {"reason": "Another firm."}))
    assert await paying.room() == (0, 0, 0, AWARD)
    assert await world.differences(app.state["engine"]) == []


async def test_what_is_cancelled_or_rejected_gives_its_room_and_its_reference_back(world: World, app: Any) -> None:
    paying = await Paying.of(world, started_on=STARTED)
    named = {"reference": "VIR-1"}
    first = await paying.approved(1_000_000, **named)
    problem(await paying.propose(1, **named), 409, "already-exists")
    ok(await paying.act(first, "cancel", {"reason": "Later."}))
    assert await paying.room() == (0, 0, 0, AWARD)
    again = await paying.sent(3_000_000, **named)
    today = clock.today()
    early = {"rejected_on": (today - timedelta(days=1)).isoformat(), "reason": "AC04"}
    assert problem(await paying.act(again, "reject", early), 409, "rejected-before-sent")["sent_on"] == str(today)
    told = {"rejected_on": today.isoformat(), "reason": "AC04", "planned_on": (today + timedelta(days=3)).isoformat()}
    back = ok(await paying.act(again, "reject", told))
    assert (back["status"], back["sent_on"], back["planned_on"]) == ("approved", None, told["planned_on"])
    assert (back["rejected_on"], back["rejection_reason"]) == (told["rejected_on"], "AC04")
    assert await paying.room() == (0, 3_000_000, 0, AWARD - 3_000_000)
    iban = {"rejected_on": today.isoformat(), "reason": "FR14 2004 1010 0505 0001 3M02 606 is closed."}
    errors = problem(await paying.act(again, "reject", iban), 422, "validation-failed")["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [("/reason", "iban_in_text")]
    ok(await paying.act(again, "send", {}))
    ok(await paying.act(again, "record", {"paid_on": today.isoformat()}))
    assert await paying.room() == (3_000_000, 0, 0, AWARD - 3_000_000)
    assert await world.differences(app.state["engine"]) == []


async def test_the_balance_ends_proposals_and_waits_for_what_is_approved(world: World, app: Any) -> None:
    done: dict[str, Any] = {"started_on": STARTED, "completed_on": STARTED, "certified_cents": BASE}
    paying = await Paying.of(world, **done)
    overtaken, bound = await paying.proposed(1), await paying.approved(2)
    balance = await paying.sent(9_000_000, BALANCE)
    ok(await paying.act(balance, "record", {"paid_on": DAY}))
    assert (await paying.read(overtaken))["status"] == "cancelled"
    assert await paying.room() == (9_000_000, 2, 0, 999_999)
    ok(await paying.act(bound, "cancel", {"reason": "Paid with the balance."}))
    last = await paying.sent(999_999, BALANCE)
    ok(await paying.act(last, "record", {"paid_on": DAY}))
    assert await paying.room() == (9_999_999, 0, 2, 0)
    assert ok(await world.auditor.get(f"grants/{paying.grant}"))["status"] == "closed"
    problem(await paying.propose(1), 409, "award-ended")
    assert await world.differences(app.state["engine"]) == []


# --- who, and to where ------------------------------------------------------------------------------------------------


async def test_of_two_who_approve_at_once_one_does(world: World) -> None:
    paying = await Paying.of(world, started_on=STARTED)
    others = [await subject(world, "treasurer") for _ in range(3)]
    for _ in range(3):
        payment = await paying.proposed(1)
        headers = await seen(world.auditor, paying.path(payment))
        approve = f"{paying.path(payment)}/approve"
        told = answers(await asyncio.gather(*(client.post(approve, headers=headers) for client in others)))
        assert told == {"200": 1, "stale-version": 2}
        assert len([each for each in await world.events(payment) if each["type"].endswith("approved")]) == 1


async def test_nobody_approves_a_payment_to_bank_details_of_their_own_making(world: World) -> None:
    paying = await Paying.of(world, started_on=STARTED)
    third = await subject(world, "treasurer")
    for proposer, approver, refused, taken in (
        (paying.second, third, (paying.second, third), None),
        (third, paying.first, (third,), paying.second),
    ):
        await paying.acts.payee(2, proposed_by=proposer, approved_by=approver)
        payment = await paying.proposed(1)
        problem(await paying.act(payment, "approve", by=paying.first), 403, "payment-own-approval")
        for client in refused:
            problem(await paying.act(payment, "approve", by=client), 403, "payment-to-own-bank-details")
        if taken is not None:
            ok(await paying.act(payment, "approve", by=taken))


async def test_who_decided_the_aid_approves_no_payment_of_it(world: World) -> None:
    acts = await Acts.of(world, 100)
    await acts.payee()
    both, second = await subject(world, "funder", "treasurer"), await subject(world, "treasurer")
    grant = ok(await both.post("grants", acts.award(100), headers=key()), 201)["id"]
    path = f"grants/{grant}/payments/{ok(await acts.proposal(grant, 1), 201)['id']}"
    problem(await both.post(f"{path}/approve", headers=await seen(both, path)), 403, "decider-pays")
    robot = await subject(world, "treasurer", kind="service_account")
    problem(await robot.post(f"{path}/approve", headers=await seen(robot, path)), 403, "person-required")
    ok(await second.post(f"{path}/approve", headers=await seen(second, path)))


async def test_other_bank_details_return_what_is_not_sent_to_proposed(world: World) -> None:
    paying = await Paying.of(world, started_on=STARTED)
    proposed, approved, sent = await paying.proposed(1), await paying.approved(2), await paying.sent(4)
    before = (await paying.read(sent))["bank_details_id"]
    now = await paying.acts.payee(2)
    for payment in (proposed, approved):
        read = await paying.read(payment)
        assert (read["status"], read["approved_by"], read["bank_details_id"]) == ("proposed", None, now)
        assert [each["type"] for each in await world.events(payment)][-1] == "grant_payment.returned"
    assert (await paying.read(sent))["bank_details_id"] == before
    back = ok(await paying.act(sent, "reject", {"rejected_on": clock.today().isoformat(), "reason": "AC04"}))
    assert (back["status"], back["bank_details_id"]) == ("proposed", now)
    assert await paying.room() == (0, 7, 0, AWARD - 7)
    ok(await paying.act(approved, "approve"))
    await paying.withdraw_account()
    assert (await paying.read(approved))["status"] == "proposed"
    problem(await paying.act(approved, "approve"), 409, "bank-details-unapproved")
    problem(await paying.propose(1), 409, "bank-details-unapproved")
    other = await paying.acts.payee(3)
    assert {(await paying.read(each))["bank_details_id"] for each in (proposed, approved, sent)} == {other}
    ok(await paying.act(approved, "approve"))


async def test_a_change_of_bank_details_beside_an_approval_leaves_no_approved_payment_to_the_old_ones(
    world: World,
) -> None:
    paying = await Paying.of(world, started_on=STARTED)
    for number in range(2, 12):
        payments = [await paying.proposed(1), await paying.approved(1)]
        path = f"firms/{paying.acts.firm}/bank-details"
        body = {"iban": iban_from(number), "holder_name": "Firm"}
        made = ok(await world.clients["territory"].post(path, body), 201)["id"]
        either = {"If-Match": "*"}
        acts = [
            paying.second.post(f"{paying.path(payments[0])}/approve", headers=either),
            paying.first.post(f"{path}/{made}/approve", headers=either),
            paying.first.post(f"{paying.path(payments[1])}/send", {}, headers=either),
        ]
        done = await asyncio.gather(*(acts if number % 2 else reversed(acts)))
        assert set(answers(done)) <= {"200", "payment-unapproved"}
        for payment in payments:
            read = await paying.read(payment)
            assert read["status"] == "sent" or read["bank_details_id"] == made
        for payment in payments:
            ok(await paying.act(payment, "record", {"paid_on": DAY}))


# --- the limit row ----------------------------------------------------------------------------------------------------


async def test_of_fifty_proposals_for_the_last_cents_those_that_fit_succeed(world: World, app: Any) -> None:
    paying = await Paying.of(world, 1000, scheme=False)
    responses = await asyncio.gather(
        *(paying.propose(99) if n % 5 else paying.acts.pay(paying.grant, 99) for n in range(50))
    )
    assert answers(responses) == {"201": 10, "payments-exceed-award": 40}
    assert {r.json()["remaining_cents"] for r in responses if r.is_error} == {10}
    paid, in_flight, _, remaining = await paying.room()
    assert (paid + in_flight, remaining) == (990, 10)
    ok(await paying.propose(10), 201)
    assert problem(await paying.propose(1), 409, "payments-exceed-award")["remaining_cents"] == 0
    assert await world.differences(app.state["engine"]) == []


async def test_of_fifty_advance_payments_at_once_no_cent_passes_the_ceiling(world: World) -> None:
    paying = await Paying.of(world, 100_01, started_on=STARTED)
    responses = await asyncio.gather(*(paying.propose(7_00) for _ in range(50)))
    assert answers(responses) == {"201": 4, "advance-payment-ceiling": 46}
    assert {r.json()["allowed_cents"] for r in responses if r.is_error} == {2_00}


async def test_an_end_of_the_grant_waits_for_what_is_approved_and_cancels_what_is_proposed(world: World) -> None:
    paying = await Paying.of(world, 100, scheme=False)
    proposed, approved = await paying.proposed(1), await paying.approved(2)
    path, why = f"grants/{paying.grant}", {"reason": "The firm gives up."}
    for verb in ("cancel", "release"):
        refused = await world.funder.post(f"{path}/{verb}", why, headers=await seen(world.funder, path))
        problem(refused, 409, "payments-in-flight")
    ok(await paying.act(approved, "cancel", {"reason": "The firm gives up."}))
    ok(await world.funder.post(f"{path}/cancel", why, headers=await seen(world.funder, path)))
    assert (await paying.read(proposed))["status"] == "cancelled"
    assert await paying.room() == (0, 0, 100, 0)


async def test_acts_of_every_kind_at_once_end_without_a_deadlock_and_with_one_truth(world: World, app: Any) -> None:
    paying = await Paying.of(world, 10_000, scheme=False)
    details, either, chance = f"firms/{paying.acts.firm}/bank-details", {"If-Match": "*"}, Random(11)
    codes: Counter[str] = Counter()
    for number in range(2, 6):
        listed = ok(await world.auditor.get(f"grants/{paying.grant}/payments?limit=500"))["items"]
        path, body = f"grants/{paying.grant}/payments", {"iban": iban_from(number), "holder_name": "Firm"}
        made = ok(await world.clients["territory"].post(details, body), 201)["id"]
        acts = [paying.propose(7, INTERIM) for _ in range(8)] + [paying.acts.pay(paying.grant, 5) for _ in range(3)]
        for each in listed:
            verb = chance.choice(["approve", "approve", "send", "record", "reject", "cancel", "reverse"])
            said = {"approve": None, "send": {}, "record": {"paid_on": DAY}}.get(verb, {"reason": "Why."})
            if verb == "reject":
                said = {"reason": "AC04", "rejected_on": str(clock.today())}
            by = paying.second if verb == "approve" else paying.first
            acts.append(by.post(f"{path}/{each['id']}/{verb}", said, headers=either))
        acts.append(paying.first.post(f"{details}/{made}/approve", headers=either))
        if number % 2:
            standing = ok(await world.auditor.get(f"{details}?status=approved"))["items"][0]["id"]
            acts.append(paying.first.post(f"{details}/{standing}/withdraw", {"reason": "No."}, headers=either))
        chance.shuffle(acts)
        codes += answers(await asyncio.gather(*acts))
    assert not {"busy", "internal-error", "database-unavailable"} & codes.keys(), codes
    assert min(codes["200"], codes["201"]) > 5
    gone = await world.pool.fetchval(
        "SELECT count(*) FROM grant_payments p JOIN firm_bank_details d ON d.id = p.bank_details_id"
        " WHERE p.territory = $1 AND p.status = 'approved' AND d.status <> 'approved'",
        world.territory,
    )
    assert gone == 0
    assert await world.differences(app.state["engine"]) == []


# --- what a payment must satisfy --------------------------------------------------------------------------------------

STARTS: dict[str, Any] = {"started_on": STARTED}
DONE: dict[str, Any] = {"started_on": STARTED, "completed_on": STARTED, "certified_cents": BASE}
YESTERDAY = clock.today() - timedelta(days=1)


def sets(**columns: Any) -> Callable[[Paying], Awaitable[Any]]:
    """The world changes: columns of the aid."""
    return lambda paying: paying.set(**columns)


def pays(cents: int, kind: str) -> Callable[[Paying], Awaitable[Any]]:
    """The world changes: a payment was made elsewhere."""
    return lambda paying: paying.paid(cents, kind)


# What must stand for a payment, how much it may be, what changes before its approval, and what is refused by then.
CONDITIONS: dict[str, tuple[dict[str, Any], str, int, Callable[[Paying], Awaitable[Any]], str, int | None]] = {
    "30 % of 100 000.01 €": (STARTS, ADVANCE, 3_000_000, pays(1, ADVANCE), "advance-payment-ceiling", 2_999_999),
    "60 % with a guarantee": (
        {**STARTS, "guaranteed_until_on": date(2199, 1, 1)}, ADVANCE, 6_000_000,
        sets(guaranteed_until_on=YESTERDAY), "advance-payment-ceiling", 3_000_000,
    ),
    "80 % before completion": (
        {**STARTS, "certified_cents": BASE}, INTERIM, 8_000_000, pays(1, ADVANCE), "before-completion-ceiling",
        7_999_999,
    ),
    "90 % of a long project": (
        {**STARTS, "certified_cents": BASE, "planned_end_on": date(2199, 1, 2), "planned_start_on": date(2195, 1, 1)},
        INTERIM, 9_000_000, sets(planned_end_on=date(2199, 1, 1)), "before-completion-ceiling", 8_000_000,
    ),
    "due on what is certified": (
        {**STARTS, "certified_cents": 10_000_000}, INTERIM, 4_000_000, sets(certified_cents=9_999_999),
        "payment-above-due", 3_999_999,
    ),
    "the balance": (DONE, BALANCE, 10_000_001, sets(certified_cents=BASE - 1), "payment-above-due", 10_000_000),
    "agreed": (STARTS, ADVANCE, 1, lambda paying: paying.agree(by_both=False), "agreement-missing", None),
    "started": (STARTS, ADVANCE, 1, sets(started_on=None), "not-started", None),
    "completed": ({**DONE}, BALANCE, 1, sets(completed_on=None), "not-completed", None),
    "all claims settled": (DONE, BALANCE, 1, sets(open_claims=1), "claims-open", None),
    "statement in time": (
        {"started_on": STARTED, "certified_cents": BASE}, INTERIM, 1, sets(planned_end_on=date(2023, 11, 1)),
        "completion-statement-late", None,
    ),
    "not lapsed": (
        {"certified_cents": BASE}, INTERIM, 1, sets(notified_on=date(2023, 11, 1)), "award-ended", None,
    ),
    "tax certificate": (STARTS, ADVANCE, 1, lambda paying: paying.expire("tax"), "tax-certificate-expired", None),
    "social certificate": (
        STARTS, ADVANCE, 1, lambda paying: paying.expire("social"), "social-certificate-expired", None,
    ),
    "no open proceedings": (STARTS, ADVANCE, 1, lambda paying: paying.acts.proceedings(), "proceedings-open", None),
    "an open territory": (
        STARTS, ADVANCE, 1, lambda paying: paying.acts.status("withdrawn"), "territory-not-open", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONDITIONS)
async def test_each_condition_bites_when_a_payment_is_proposed_and_again_when_it_is_approved(
    world: World, name: str
) -> None:
    aid, kind, cents, change, code, allowed = CONDITIONS[name]
    paying = await Paying.of(world, **aid)
    if allowed is not None:
        above_award = cents == AWARD
        above = problem(await paying.propose(cents + 1, kind), 409, "payments-exceed-award" if above_award else code)
        assert above.get("allowed_cents", above.get("remaining_cents")) == cents
    payment = await paying.proposed(cents, kind)
    await change(paying)
    refused = problem(await paying.act(payment, "approve"), 409, code)
    if allowed is not None:
        assert (refused["requested_cents"], refused["allowed_cents"]) == (cents, allowed)
    assert (await paying.read(payment))["status"] == "proposed"
    ok(await paying.act(payment, "cancel", {"reason": "Refused."}))
    problem(await paying.propose(cents, kind), 409, code)


async def test_an_approved_tranche_keeps_the_grant_of_its_decision_from_lapsing(world: World) -> None:
    paying = await Paying.of(world, 5_000_000)
    grant = ok(await world.auditor.get(f"grants/{paying.grant}"))
    ok(await paying.acts.contribute(1_000_000), 201)
    same = {name: grant[name] for name in ("decision_reference", "scheme", "base_cents")}
    advance = ok(await paying.acts.advance(1_000_000, **same), 201)["id"]
    path = f"advances/{advance}/tranches"
    tranche = f"{path}/{ok(await paying.first.post(path, {'amount_cents': 1}, headers=key()), 201)['id']}"
    await paying.set(notified_on=date(2023, 11, 1), certified_cents=BASE)
    problem(await paying.propose(1, INTERIM), 409, "award-ended")
    await paying.set(notified_on=None)
    ok(await paying.second.post(f"{tranche}/approve", headers={"If-Match": "*"}))
    await paying.set(notified_on=date(2023, 11, 1))
    payment = await paying.proposed(1, INTERIM)
    ok(await paying.first.post(f"{tranche}/cancel", {"reason": "Why."}, headers={"If-Match": "*"}))
    problem(await paying.act(payment, "approve"), 409, "award-ended")


# --- facts ------------------------------------------------------------------------------------------------------------


async def test_what_a_payment_that_was_made_exceeds_is_told_until_a_second_treasurer_has_seen_it(world: World) -> None:
    paying = await Paying.of(world)
    await paying.acts.proceedings()
    made = await paying.paid(3_000_001)
    assert made["exceeds"] == ["proceedings-open", "not-started", "tax-certificate-expired",
                               "social-certificate-expired", "advance-payment-ceiling"]  # fmt: skip
    assert [each["type"] for each in await world.events(paying.grant)][2:] == ["grant.paid", "grant.ceiling_exceeded"]
    assert await paying.to_do(paying.first) == {}
    assert await paying.to_do(paying.second) == {"payments_to_see": 1}
    problem(await paying.act(made["id"], "see", by=paying.first), 403, "recorder-sees")
    seen_by = ok(await paying.act(made["id"], "see"))
    assert seen_by["seen_by"] is not None
    problem(await paying.act(made["id"], "see"), 409, "nothing-to-see")
    assert await paying.to_do(paying.second) == {}
    within = await paying.paid(1, INTERIM, paid_on="2023-10-04")
    assert "payment-above-due" in within["exceeds"]
    assert problem(await paying.acts.pay(paying.grant, AWARD), 409, "payments-exceed-award")["remaining_cents"]


async def test_a_payment_of_an_award_without_parameters_is_held_by_its_amount_alone(world: World) -> None:
    paying = await Paying.of(world, 100, scheme=False)
    assert (await paying.paid(10))["exceeds"] == []
    await paying.expire("tax")
    payment = await paying.sent(50, BALANCE)
    await paying.acts.proceedings()
    problem(await paying.propose(1), 409, "proceedings-open")
    recorded = ok(await paying.act(payment, "record", {"paid_on": DAY}))
    assert recorded["exceeds"] == ["proceedings-open"]
    assert await paying.room() == (60, 0, 40, 0)


async def test_a_proposal_that_the_bank_paid_is_recorded_and_told_as_unapproved(world: World) -> None:
    paying = await Paying.of(world, **STARTS)
    payment = await paying.proposed(1)
    recorded = ok(await paying.act(payment, "record", {"paid_on": clock.today().isoformat()}))
    assert recorded["exceeds"] == ["payment-unapproved"]
