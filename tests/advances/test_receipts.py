"""Receipts: one entry of the bank is assigned, waits, goes back, is sent back by the bank, or was a mistake."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.advances.accounts import PARTS, Books
from tests.envelopes.acts import DAY, key
from tests.envelopes.test_limits import figures
from tests.reports.test_to_do import waiting
from tests.world import World, ok, problem

LINES = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2024-03-31"}
ANY = {"If-Match": "*"}


@pytest.fixture
async def books(world: World) -> Books:
    return await Books.of(world, 100_000_00)


async def test_a_receipt_is_assigned_to_several_advances_and_the_rest_waits(books: Books) -> None:
    first, second = await books.advance(1000, LINES), await books.advance(1000, LINES)
    shares = [{"advance_id": first, "amount_cents": 300}, {"advance_id": second, "amount_cents": 200}]
    made = ok(await books.receipt(600, assignments=shares), 201)
    assert (made["principal_cents"], made["unassigned_cents"], made["status"]) == (500, 100, "recorded")
    waiting = ok(await books.treasurer.get("receipts", params={"unassigned": "true"}))["items"]
    assert [each["id"] for each in waiting] == [made["id"]]
    assert figures(await books.acts.envelope())["repaid"] == 500
    path = f"receipts/{made['id']}"
    too_much = [{"advance_id": first, "amount_cents": 101}]
    third = await books.advance(1000, LINES)
    problem(await books.treasurer.post(f"{path}/assign", {"assignments": too_much}, headers=ANY), 409, "already-exists")
    too_much[0]["advance_id"] = third
    refused = problem(
        await books.treasurer.post(f"{path}/assign", {"assignments": too_much}, headers=ANY), 409,
        "assignments-exceed-receipt",
    )  # fmt: skip
    assert refused["unassigned_cents"] == 100
    body = {"assignments": [{"advance_id": third, "amount_cents": 100}]}
    assigned = ok(await books.treasurer.post(f"{path}/assign", body, headers=ANY))
    assert (assigned["principal_cents"], assigned["unassigned_cents"]) == (600, 0)
    [repayment] = ok(await books.treasurer.get(f"advances/{second}/repayments"))["items"]
    taken = {"repayment_id": repayment["id"], "reason": "Another advance."}
    back = ok(await books.treasurer.post(f"{path}/unassign", taken, headers=ANY))
    assert (back["principal_cents"], back["unassigned_cents"]) == (400, 200)
    bounce = {"bounced_on": DAY, "reason": "AM04", "bank_reference": "B-1"}
    assert ok(await books.treasurer.post(f"{path}/bounce", bounce, headers=ANY))["status"] == "bounced"
    problem(await books.treasurer.post(f"{path}/bounce", bounce, headers=ANY), 409, "already-bounced")
    for advance in (first, second, third):
        assert ok(await books.treasurer.get(f"advances/{advance}"))["outstanding_cents"] == 1000
    ok(await books.treasurer.post(f"{path}/reverse", {"reason": "Never came."}, headers=ANY))
    problem(await books.treasurer.post(f"{path}/reverse", {"reason": "Twice."}, headers=ANY), 409, "already-reversed")
    assert figures(await books.acts.envelope())["repaid"] == 0
    await books.agree()


async def test_a_reference_is_of_one_receipt_among_what_stands(books: Books) -> None:
    advance = await books.advance(1000, LINES)
    made = ok(await books.receipt(10, reference="VIR-1"), 201)
    twice = problem(await books.receipt(10, reference="VIR-1"), 409, "already-exists")
    assert [each["pointer"] for each in twice["errors"]] == ["/reference"]
    problem(await books.repay(advance, 10, reference="VIR-1"), 409, "already-exists")
    ok(await books.treasurer.post(f"receipts/{made['id']}/reverse", {"reason": "Mistake."}, headers=ANY))
    ok(await books.repay(advance, 10, reference="VIR-1"), 201)
    nowhere = problem(
        await books.receipt(10, account_id="019a9f5e-0000-7000-8000-000000000000"), 404, "reference-not-found"
    )
    assert [each["pointer"] for each in nowhere["errors"]] == ["/account_id"]


async def test_money_before_any_disbursement_waits(books: Books) -> None:
    advance = await books.advance(1000, LINES, paid_on="2024-02-01")
    refused = problem(await books.repay(advance, 100, received_on="2024-01-31"), 409, "repayment-exceeds-outstanding")
    assert refused["outstanding_cents"] == 1000
    made = ok(await books.receipt(100, received_on="2024-01-31"), 201)
    share = {"assignments": [{"advance_id": advance, "amount_cents": 100}]}
    path = f"receipts/{made['id']}"
    problem(await books.treasurer.post(f"{path}/assign", share, headers=ANY), 409, "repayment-exceeds-outstanding")
    assert ok(await books.treasurer.get(path))["unassigned_cents"] == 100


async def test_what_is_overpaid_goes_back_by_two_persons_and_no_earlier_act_takes_it(books: Books) -> None:
    advance = await books.advance(1000, LINES)
    first = ok(await books.repay(advance, 400, received_on="2024-01-10"), 201)
    second = ok(await books.repay(advance, 900, received_on="2024-02-10"), 201)
    assert (second["principal_cents"], second["overpaid_cents"]) == (600, 300)
    refunds = f"receipts/{second['receipt_id']}/refunds"
    body = {"repayment_id": second["id"], "amount_cents": 301, "reason": "Paid too much."}
    refused = problem(await books.treasurer.post(refunds, body, headers=key()), 409, "refunds-exceed-receipt")
    assert (refused["requested_cents"], refused["refundable_cents"]) == (301, 300)
    made = ok(await books.treasurer.post(refunds, {**body, "amount_cents": 250}, headers=key()), 201)
    paid = {"refunded_on": "2024-03-01", "reference": "VIR-OUT-1"}
    path = f"{refunds}/{made['id']}"
    problem(await books.treasurer.post(f"{path}/approve", paid, headers=ANY), 403, "refund-own-approval")
    done = ok(await (await books.other()).post(f"{path}/approve", paid, headers=ANY))
    assert (done["status"], done["refunded_on"]) == ("paid", "2024-03-01")
    found = ok(await books.treasurer.get(f"advances/{advance}/repayments/{second['id']}"))
    assert (found["overpaid_cents"], found["refunded_cents"]) == (300, 250)
    statement = ok(await books.treasurer.get(f"advances/{advance}/statement"))
    assert (statement["overpaid_cents"], statement["received_cents"]) == (50, 1050)
    refused = problem(await books.reverse(advance, second["id"]), 409, "repayment-refunded")
    assert refused["refunded_cents"] == 250
    # Of what the first repaid, the second repays what is left of it: what went back is gone.
    ok(await books.reverse(advance, first["id"]))
    found = ok(await books.treasurer.get(f"advances/{advance}/repayments/{second['id']}"))
    assert [found[part] for part in PARTS] == [650, 0, 0, 0, 0, 250]
    assert ok(await books.treasurer.get(f"advances/{advance}"))["outstanding_cents"] == 350
    problem(await books.treasurer.post(f"{path}/cancel", {"reason": "No."}, headers=ANY), 409, "refund-transition")
    ok(await books.treasurer.post(f"{path}/reverse", {"reason": "It came back."}, headers=ANY))
    assert ok(await books.treasurer.get(f"advances/{advance}"))["outstanding_cents"] == 100
    ok(await books.reverse(advance, second["id"]))
    await books.agree()


async def overpaid(books: Books) -> tuple[str, dict[str, Any]]:
    """An advance of 1 000 that has received 1 300 at once."""
    advance = await books.advance(1000, LINES)
    return advance, ok(await books.repay(advance, 1300, received_on="2024-02-10"), 201)


async def test_a_refund_takes_its_room_when_it_is_proposed(books: Books) -> None:
    """Of fifty that each propose all of it at once one is taken; by SQL as by the service."""
    _, paid = await overpaid(books)
    refunds = f"receipts/{paid['receipt_id']}/refunds"
    body = {"repayment_id": paid["id"], "amount_cents": 300, "reason": "Paid too much."}
    tried = await asyncio.gather(*(books.treasurer.post(refunds, body, headers=key()) for _ in range(50)))
    assert sorted(each.status_code for each in tried) == [201, *[409] * 49]
    assert {each.json()["type"] for each in tried if each.is_error} == {"/problems/refunds-exceed-receipt"}
    one = await books.treasurer.post(refunds, {**body, "amount_cents": 1}, headers=key())
    assert problem(one, 409, "refunds-exceed-receipt")["refundable_cents"] == 0
    [made] = [each.json() for each in tried if each.is_success]
    ok(await books.treasurer.post(f"{refunds}/{made['id']}/cancel", {"reason": "Not now."}, headers=ANY))
    ok(await books.treasurer.post(refunds, {**body, "amount_cents": 200}, headers=key()), 201)
    ok(await books.treasurer.post(refunds, {**body, "amount_cents": 100}, headers=key()), 201)
    await books.agree()


async def test_two_connections_propose_no_more_than_is_there(books: Books) -> None:
    _, paid = await overpaid(books)
    row = "INSERT INTO receipt_refunds (territory, receipt_id, repayment_id, amount_cents, reason, proposed_by,"
    row += " created_at, updated_at) SELECT territory, receipt_id, id, 200, 'Why', recorded_by, now(), now()"
    row += " FROM advance_repayments WHERE id = $1"
    async with books.world.pool.acquire() as first, books.world.pool.acquire() as second:
        one, two = first.transaction(), second.transaction()
        await one.start()
        await two.start()
        await first.execute(row, paid["id"])
        waits = asyncio.create_task(second.execute(row, paid["id"]))
        await asyncio.sleep(0.2)
        assert not waits.done()
        await one.commit()
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await waits
        await two.rollback()
    assert refused.value.constraint_name == "refunds_exceed_receipt"


async def test_what_is_to_be_returned_is_not_assigned(books: Books) -> None:
    advance = await books.advance(1000, LINES)
    made = ok(await books.receipt(100), 201)
    path = f"receipts/{made['id']}"
    waiting = {"params": {"unassigned": "true"}}
    assert len(ok(await books.treasurer.get("receipts", **waiting))["items"]) == 1
    body = {"amount_cents": 70, "reason": "Not ours."}
    ok(await books.treasurer.post(f"{path}/refunds", body, headers=key()), 201)
    share = {"assignments": [{"advance_id": advance, "amount_cents": 31}]}
    refused = problem(
        await books.treasurer.post(f"{path}/assign", share, headers=ANY), 409, "assignments-exceed-receipt"
    )
    assert refused["unassigned_cents"] == 30
    share["assignments"][0]["amount_cents"] = 30
    ok(await books.treasurer.post(f"{path}/assign", share, headers=ANY))
    assert ok(await books.treasurer.get("receipts", **waiting))["items"] == []


async def test_a_bounce_after_a_refund_shows_that_the_firm_holds_it(books: Books) -> None:
    """The statement and the settlement say so, and it waits to be taken back until it is."""
    advance, paid = await overpaid(books)
    path = f"receipts/{paid['receipt_id']}"
    body = {"repayment_id": paid["id"], "amount_cents": 250, "reason": "Paid too much."}
    refund = f"{path}/refunds/{ok(await books.treasurer.post(f'{path}/refunds', body, headers=key()), 201)['id']}"
    other = await books.other()
    ok(await other.post(f"{refund}/approve", {"refunded_on": "2024-03-01", "reference": "OUT-1"}, headers=ANY))

    async def said(on: str) -> tuple[int, int, int]:
        told = ok(await books.treasurer.get(f"advances/{advance}/statement", params={"as_of": on}))
        beside = ok(await books.treasurer.get(f"advances/{advance}/settlement", params={"on": on}))
        assert beside["held_refunds_cents"] == told["held_refunds_cents"]
        return told["outstanding_cents"], told["overpaid_cents"], told["held_refunds_cents"]

    async def to_do() -> int:
        found = {kind: each["count"] for kind, each in (await waiting(books.world, books.treasurer)).items()}
        listed = ok(await books.treasurer.get("receipt-refunds", params={"to_take_back": "true"}))["items"]
        assert len(listed) == found.get("refunds_to_take_back", 0)
        return len(listed)

    assert (await said("2024-03-02"), await to_do()) == ((0, 50, 0), 0)
    bounce = {"bounced_on": "2024-03-05", "reason": "AM04", "bank_reference": "B-1"}
    ok(await books.treasurer.post(f"{path}/bounce", bounce, headers=ANY))
    assert (await said("2024-02-29"), await said("2024-03-01"), await to_do()) == ((1000, 0, 0), (1000, 0, 250), 1)
    pdf = await books.treasurer.get(f"advances/{advance}/statement", params={"format": "pdf"})
    assert pdf.status_code == 200
    problem(await books.reverse(advance, paid["id"]), 409, "repayment-refunded")
    ok(await books.treasurer.post(f"{refund}/reverse", {"reason": "It came back: B-7."}, headers=ANY))
    assert (await said("2024-03-05"), await to_do()) == ((1000, 0, 0), 0)
    await books.agree()


async def test_what_is_not_assigned_is_returned(books: Books) -> None:
    made = ok(await books.receipt(100), 201)
    refunds = f"receipts/{made['id']}/refunds"
    whole = {"amount_cents": 100, "reason": "Not ours."}
    refund = ok(await books.treasurer.post(refunds, whole, headers=key()), 201)["id"]
    other = await books.other()
    ok(await other.post(f"{refunds}/{refund}/approve", {"refunded_on": DAY, "reference": "OUT"}, headers=ANY))
    found = ok(await books.treasurer.get(f"receipts/{made['id']}"))
    assert (found["status"], found["refunded_cents"], found["unassigned_cents"]) == ("returned", 100, 100)
    waiting = ok(await books.treasurer.get("receipts", params={"unassigned": "true"}))["items"]
    assert waiting == []
    problem(
        await other.post(f"receipts/{made['id']}/reverse", {"reason": "No."}, headers=ANY), 409, "repayment-refunded"
    )
    ok(await other.post(f"{refunds}/{refund}/reverse", {"reason": "It came back."}, headers=ANY))
    assert ok(await books.treasurer.get(f"receipts/{made['id']}"))["status"] == "recorded"
    again = ok(await books.treasurer.post(refunds, whole, headers=key()), 201)["id"]
    given_up = ok(await books.treasurer.post(f"{refunds}/{again}/cancel", {"reason": "Keep."}, headers=ANY))
    assert given_up["status"] == "cancelled"
