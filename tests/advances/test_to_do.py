"""What waits among amendments and receipts: told to who may act, until the act."""

from tests.advances.amending import APPROVAL, DECISION, FINDING, MAY, MOVE, REASON, Amending
from tests.contract.cures import subject
from tests.envelopes.acts import key
from tests.reports.test_to_do import waiting
from tests.world import Client, World, ok

AMENDING = ("advance_failures_to_find", "advance_amendments_to_decide")
RECEIVING = ("receipts_to_assign", "receipts_to_refund", "refunds_to_approve")


async def told(world: World, client: Client) -> dict[str, int]:
    items = await waiting(world, client)
    return {kind: items[kind]["count"] for kind in (*AMENDING, *RECEIVING) if kind in items}


async def test_an_amendment_waits_for_another_person_and_a_waiver_for_its_finding(world: World) -> None:
    scene = await Amending.within(world, kind="conditional")
    waiver, reschedule = await scene.asked("waivers", REASON), await scene.asked("reschedules", MOVE)
    assert await told(world, world.operator) == {"advance_failures_to_find": 1}
    assert await told(world, world.funder) == {"advance_failures_to_find": 1, "advance_amendments_to_decide": 1}
    assert (await waiting(world, world.funder))["advance_amendments_to_decide"]["oldest_on"] == MAY
    for client in (world.clients["territory"], world.treasurer, world.auditor):
        assert not set(await told(world, client)) & set(AMENDING)
    ok(await scene.act(waiver, "find", FINDING))
    assert await told(world, world.funder) == {"advance_amendments_to_decide": 2}
    ok(await scene.act(reschedule, "approve", APPROVAL))
    ok(await scene.act(waiver, "decide", {**DECISION, "waive": "none"}))
    own = ok(await world.funder.post(f"{scene.path}/rate-changes", {"annual_rate_bp": 1, **REASON}, headers=key()), 201)
    assert await told(world, world.funder) == {}, "who asked for it does not decide"
    assert await told(world, await subject(world, "funder")) == {"advance_amendments_to_decide": 1}
    listed = ok(await world.auditor.get("advance-amendments", params={"kind": "rate_change"}))["items"]
    assert [(each["id"], each["advance_id"]) for each in listed] == [(own["id"], scene.id)]


async def test_money_waits_to_be_assigned_and_what_is_too_much_to_go_back(world: World) -> None:
    scene = await Amending.within(world)
    body = {"amount_cents": 500_00, "received_on": MAY, "reference": "V-1"}
    receipt = ok(await world.treasurer.post("receipts", body, headers=key()), 201)
    path = f"receipts/{receipt['id']}"
    assert await told(world, world.treasurer) == {"receipts_to_assign": 1}
    assert await told(world, world.funder) == {}
    assigned = {"assignments": [{"advance_id": scene.id, "amount_cents": 500_00}]}
    ok(await world.treasurer.post(f"{path}/assign", assigned, headers=await scene.acts.seen(path)))
    assert await told(world, world.treasurer) == {"receipts_to_refund": 1}
    [repayment] = (await scene.read("/repayments"))["items"]
    other = await subject(world, "treasurer")
    for cents, left in ((40_00, {"receipts_to_refund": 1}), (60_00, {})):
        refund = {"repayment_id": repayment["id"], "amount_cents": cents, "reason": "Paid twice."}
        ok(await world.treasurer.post(f"{path}/refunds", refund, headers=key()), 201)
        assert await told(world, world.treasurer) == left
    assert await told(world, other) == {"refunds_to_approve": 2}
    for each in ok(await world.auditor.get("receipt-refunds", params={"status": "proposed"}))["items"]:
        one = f"{path}/refunds/{each['id']}"
        headers = await scene.acts.seen(one)
        ok(await other.post(f"{one}/approve", {"refunded_on": MAY, "reference": "V-2"}, headers=headers))
    assert await told(world, other) == await told(world, world.treasurer) == {}
