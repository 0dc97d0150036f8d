"""Money of a grant that must come back: never more than was paid, taken in once, settled by exactly one act."""

import asyncio
from collections import Counter
from datetime import date
from typing import Any

import asyncpg
import pytest

from tests.awards.recovering import BACK, NOTICE, ORDER, Recovering
from tests.envelopes.acts import DAY, Acts, key
from tests.envelopes.test_limits import answers, figures
from tests.grants.paying import Paying
from tests.world import World, ok, problem

TWIN = (
    "INSERT INTO recovery_receipts (territory, recovery_id, grant_id, awarded_by, ordered_by, amount_cents,"
    " received_on, bank_reference, recorded_by, created_at, updated_at)"
    " SELECT territory, recovery_id, grant_id, awarded_by, ordered_by, {}, now(), now() FROM recovery_receipts"
    " WHERE grant_id = $1"
)


@pytest.fixture
async def scene(world: World) -> Recovering:
    """An envelope of which 600 cents recycle what comes back, and 400 return it."""
    acts = await Acts.of(world)
    ok(await acts.contribute(600, repayment_policy="recycle"), 201)
    ok(await acts.contribute(400), 201)
    return await Recovering.of(acts)


async def paid_grant(scene: Recovering, cents: int = 100, paid: int = 80) -> str:
    grant = str(ok(await scene.acts.grant(cents), 201)["id"])
    ok(await scene.acts.pay(grant, paid), 201)
    return grant


async def test_what_comes_back_follows_the_policy_of_each_contribution(scene: Recovering) -> None:
    grant = await paid_grant(scene)
    path = await scene.ordered(grant, 50)
    first = ok(await scene.receive(path, 20), 201)["id"]
    now = figures(await scene.acts.envelope())
    # 60 % of the 20 recycle, the rest stays with its contributor.
    assert (now["recovered"], now["recycled"], now["paid"], now["available"]) == (20, 12, 80, 900 + 12)
    last = ok(await scene.receive(path, 30), 201)["id"]
    found = await scene.says(path)
    assert (found["status"], found["settled_as"], found["remaining_cents"]) == ("closed", "repaid", 0)
    assert figures(await scene.acts.envelope())["recycled"] == 30
    assert figures(await scene.acts.envelope(as_of="2023-11-30"))["recovered"] == 0
    problem(await scene.receive(path, 1), 409, "recovery-transition")
    entries = ok(await scene.acts.world.auditor.get(f"envelope/entries?act=recovery&award_id={grant}"))["items"]
    assert {each["act_id"] for each in entries} == {first, last}
    ok(await scene.undo(path, last))
    problem(await scene.undo(path, last), 409, "already-reversed")
    found = await scene.says(path)
    assert (found["status"], found["settled_as"], found["remaining_cents"]) == ("ordered", None, 30)
    assert figures(await scene.acts.envelope())["recycled"] == 12
    assert ok(await scene.acts.world.auditor.get(f"grants/{grant}"))["recovered_cents"] == 20


async def test_a_receipt_that_was_recycled_and_awarded_since_is_not_taken_back(scene: Recovering) -> None:
    grant = await paid_grant(scene)
    path = await scene.ordered(grant, 80)
    receipt = ok(await scene.receive(path, 80), 201)["id"]
    another = ok(await scene.acts.grant(900 + 48, decided_on=BACK), 201)["id"]
    refused = problem(await scene.undo(path, receipt), 409, "envelope-exhausted")
    assert [act["act_id"] for act in refused["later_acts"]] == [another]
    ok(await scene.acts.reverse(f"grants/{another}"))
    ok(await scene.undo(path, receipt))
    assert figures(await scene.acts.envelope())["available"] == 900


async def test_never_more_than_is_paid_is_claimed_back(scene: Recovering) -> None:
    grant = await paid_grant(scene)
    first = await scene.ordered(grant, 50)
    refused = problem(await scene.open(grant, 31), 409, "recovery-above-paid")
    assert (refused["requested_cents"], refused["recoverable_cents"]) == (31, 30)
    ok(await scene.receive(first, 50), 201)  # what has come back was claimed already
    second = f"grants/{grant}/recoveries/{ok(await scene.open(grant, 30), 201)['id']}"
    problem(await scene.open(grant, 1), 409, "recovery-above-paid")
    ok(await scene.withdraw(second))
    ok(await scene.open(grant, 30), 201)
    payment = ok(await scene.acts.pay(grant, 20, paid_on="2023-11-02"), 201)["id"]
    problem(await scene.open(grant, 20), 409, "recovery-above-paid")  # on that day 20 cents less were paid
    third = ok(await scene.open(grant, 20, opened_on="2023-11-02"), 201)["id"]
    problem(await scene.acts.reverse(f"grants/{grant}/payments/{payment}"), 409, "recovery-above-paid")
    ok(await scene.withdraw(f"grants/{grant}/recoveries/{third}"))
    ok(await scene.acts.reverse(f"grants/{grant}/payments/{payment}"))


async def test_the_firm_is_heard_before_it_must_pay(scene: Recovering) -> None:
    grant = await paid_grant(scene)
    path = f"grants/{grant}/recoveries/{ok(await scene.open(grant, 50), 201)['id']}"
    problem(await scene.order(path), 409, "recovery-transition")
    errors = problem(await scene.notify(path, reply_until_on="2023-11-16"), 422, "validation-failed")["errors"]
    assert (errors[0]["code"], errors[0]["earliest_on"]) == ("reply_too_short", NOTICE["reply_until_on"])
    problem(await scene.notify(path, notified_on="2023-10-02"), 409, "before-recovery")
    ok(await scene.notify(path))
    problem(await scene.receive(path, 1), 409, "recovery-transition")
    refused = problem(await scene.order(path, ordered_on="2023-11-17"), 409, "reply-pending")
    assert refused["reply_until_on"] == NOTICE["reply_until_on"]
    problem(await scene.order(path, replied_on="2023-11-01"), 409, "before-notification")
    ok(await scene.order(path, ordered_on="2023-11-09", replied_on="2023-11-08"))
    problem(await scene.receive(path, 1, received_on="2023-10-02"), 409, "before-recovery")
    ok(await scene.receive(path, 1, received_on=DAY), 201)  # a firm may pay before it is ordered to


async def test_what_has_not_come_back_is_waived_by_another_person(scene: Recovering) -> None:
    grant = await paid_grant(scene)
    path = await scene.ordered(grant, 50)
    receipt = ok(await scene.receive(path, 10), 201)["id"]
    problem(await scene.waive(path, scene.acts.world.funder), 403, "orderer-waives")
    problem(await scene.withdraw(path), 409, "recovery-received")
    found = ok(await scene.waive(path))
    assert (found["status"], found["settled_as"]) == ("closed", "waived")
    assert [found[f"{name}_cents"] for name in ("amount", "received", "waived", "remaining")] == [50, 10, 40, 0]
    for refused in (await scene.waive(path), await scene.receive(path, 1), await scene.undo(path, receipt)):
        problem(refused, 409, "recovery-transition")
    assert figures(await scene.acts.envelope())["recovered"] == 10  # what is given up stays paid
    assert problem(await scene.open(grant, 31), 409, "recovery-above-paid")["recoverable_cents"] == 30


async def test_of_acts_at_once_that_would_settle_a_recovery_one_does(scene: Recovering) -> None:
    grant = await paid_grant(scene)
    for _ in range(4):
        path = await scene.ordered(grant, 20)
        ok(await scene.receive(path, 5), 201)
        done = await asyncio.gather(*(act for _ in range(3) for act in (scene.waive(path), scene.receive(path, 15))))
        assert sum(not answer.is_error for answer in done) == 1, answers(done)
        found = await scene.says(path)
        waived = found["settled_as"] == "waived"
        assert (found["status"], found["waived_cents"]) == ("closed", 15 * waived)
        assert found["received_cents"] + found["waived_cents"] == 20
        assert found["settled_as"] in ("waived", "repaid")


async def test_who_awarded_or_ordered_takes_no_money_in(scene: Recovering) -> None:
    world = scene.acts.world
    async with world.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'treasurer', $2, '2020-01-01', now(), now(), now())",
            world.subjects["funder"], world.territory,
        )  # fmt: skip
    grant = await paid_grant(scene)
    path = await scene.ordered(grant, 50)
    body = {"amount_cents": 1, "received_on": BACK, "bank_reference": "B-1"}
    problem(await world.funder.post(f"{path}/receipts", body, headers=key()), 403, "orderer-settles")


async def test_a_bank_reference_serves_once_and_instalments_never_exceed_what_is_claimed(scene: Recovering) -> None:
    grant = await paid_grant(scene)
    paths = [await scene.ordered(grant, 30), await scene.ordered(grant, 30)]
    twins = await asyncio.gather(*(scene.receive(paths[number % 2], 1, bank_reference="VIR-7") for number in range(8)))
    assert answers(twins) == Counter({"already-exists": 7, "201": 1})
    receipt = next(twin.json() for twin in twins if not twin.is_error)
    path = f"grants/{grant}/recoveries/{receipt['recovery_id']}"
    ok(await scene.undo(path, receipt["id"]))  # frees the name
    ok(await scene.receive(path, 1, bank_reference="VIR-7"), 201)
    at_once = answers(await asyncio.gather(*(scene.receive(path, 7) for _ in range(8))))
    assert at_once == Counter({"receipts-exceed-recovery": 4, "201": 4})
    assert (await scene.says(path))["remaining_cents"] == 1
    now = figures(await scene.acts.envelope())
    assert now["recovered"] == 29


async def test_a_payment_and_recoveries_at_once_end_with_one_truth(scene: Recovering) -> None:
    grant = await paid_grant(scene, paid=40)
    claims = await asyncio.gather(
        *(scene.open(grant, 15) for _ in range(6)), scene.acts.pay(grant, 5), scene.acts.pay(grant, 5)
    )
    given = answers(claims)
    assert given["201"] >= 2 + 2
    found = ok(await scene.acts.world.auditor.get(f"grants/{grant}"))
    claimed = 15 * (given["201"] - 2)
    assert found["paid_cents"] == 50
    assert claimed <= found["paid_cents"]


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE grants SET claimed_back_cents = paid_cents + 1 WHERE id = $1", "recovery_above_paid"),
        ("UPDATE grants SET recovered_cents = claimed_back_cents + 1 WHERE id = $1", "grant_recovered"),
        ("UPDATE recoveries SET received_cents = amount_cents + 1 WHERE grant_id = $1", "receipts_exceed_recovery"),
        ("UPDATE recoveries SET received_cents = amount_cents WHERE grant_id = $1", "recovery_settled"),
        ("UPDATE recoveries SET status = 'closed', settled_as = 'repaid' WHERE grant_id = $1", "recovery_settled"),
        ("UPDATE recoveries SET amount_cents = 1 WHERE grant_id = $1", "recovery_transition"),
        ("UPDATE recoveries SET status = 'opened' WHERE grant_id = $1", "recovery_transition"),
        ("UPDATE recoveries SET reply_until_on = notified_on + 14 WHERE grant_id = $1", "recovery_transition"),
        ("UPDATE recoveries SET order_number = 'X' WHERE grant_id = $1", "recovery_transition"),
        ("DELETE FROM recoveries WHERE grant_id = $1", "recovery_transition"),
        ("UPDATE recovery_receipts SET amount_cents = 1 WHERE grant_id = $1", "already_reversed"),
        ("UPDATE recovery_receipts SET bank_reference = 'X' WHERE grant_id = $1", "already_reversed"),
        ("DELETE FROM recovery_receipts WHERE grant_id = $1", "already_reversed"),
        (TWIN.format("1, received_on, bank_reference, recorded_by"), "recovery_receipts_bank_reference_key"),
        (TWIN.format("1, received_on, 'Y', ordered_by"), "orderer_settles"),
    ],
)
async def test_sql_cannot_take_back_more_or_other(scene: Recovering, statement: str, constraint: str) -> None:
    grant = await paid_grant(scene)
    path = await scene.ordered(grant, 50)
    ok(await scene.receive(path, 20), 201)
    async with scene.acts.world.pool.acquire() as connection:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(statement, grant)
    assert getattr(refused.value, "constraint_name", None) == constraint


async def test_what_waits_among_recoveries(scene: Recovering) -> None:
    async def waits() -> dict[str, tuple[int, str]]:
        found: list[dict[str, Any]] = ok(await scene.acts.world.funder.get("/v1/me/to-do"))["items"]
        for each in found:
            if each["kind"].startswith("recoveries"):
                listed = ok(await scene.acts.world.funder.get(each["link"]))["items"]
                assert len(listed) == each["count"]
        return {e["kind"]: (e["count"], e["oldest_on"]) for e in found if e["kind"].startswith("recoveries")}

    grant = await paid_grant(scene)
    path = f"grants/{grant}/recoveries/{ok(await scene.open(grant, 50), 201)['id']}"
    assert await waits() == {"recoveries_to_notify": (1, DAY)}
    ok(await scene.notify(path))
    assert await waits() == {"recoveries_to_order": (1, NOTICE["reply_until_on"])}
    ok(await scene.order(path))
    assert await waits() == {"recoveries_overdue": (1, ORDER["due_on"])}
    ok(await scene.receive(path, 50), 201)
    assert await waits() == {}


# --- set off on a payment --------------------------------------------------------------------------------------------


async def to_set_off(scene: Paying, claimed: int = 30_000) -> tuple[Recovering, str]:
    """A grant of 20 000.00 € of which an advance payment was made, and a recovery of it that is due."""
    await scene.paid(50_000)
    recovering = await Recovering.of(scene.acts)
    return recovering, await recovering.ordered(scene.grant, claimed)


async def keep(scene: Paying, payment: str, recovery: str) -> Any:
    return await scene.act(payment, "set-off", {"recovery_id": recovery.rpartition("/")[2]})


async def test_a_recovery_is_set_off_whole_on_the_next_payment(world: World) -> None:
    scene = await Paying.of(world, 2_000_000, started_on=date.fromisoformat(DAY))
    recovering, recovery = await to_set_off(scene)
    small = await scene.proposed(30_000)
    refused = problem(await keep(scene, small, recovery), 409, "set-off-above-payment")
    assert (refused["remaining_cents"], refused["amount_cents"]) == (30_000, 30_000)
    payment = await scene.proposed(40_000)
    shown = ok(await keep(scene, payment, recovery))
    assert [shown["set_off_cents"], shown["transfer_cents"]] == [30_000, 10_000]
    found = await recovering.says(recovery)
    assert [found["status"], found["planned_cents"], found["remaining_cents"]] == ["ordered", 30_000, 0]
    problem(await recovering.receive(recovery, 1), 409, "receipts-exceed-recovery")
    for answer in (await recovering.waive(recovery), await recovering.withdraw(recovery)):
        problem(answer, 409, "recovery-in-payment")
    problem(await keep(scene, small, recovery), 409, "recovery-in-payment")
    ok(await scene.act(payment, "cancel", {"reason": "Another day."}))
    assert (await recovering.says(recovery))["remaining_cents"] == 30_000
    payment = await scene.proposed(40_000)
    ok(await keep(scene, payment, recovery))
    ok(await scene.act(payment, "approve"))
    problem(await keep(scene, payment, recovery), 409, "payment-transition")
    ok(await scene.act(payment, "record", {"paid_on": BACK}))
    found = await recovering.says(recovery)
    assert [found["status"], found["settled_as"], found["set_off_cents"]] == ["closed", "set_off", 30_000]
    now = figures(await scene.acts.envelope())
    assert (now["paid"], now["recovered"]) == (90_000, 30_000)
    ok(await scene.act(payment, "reverse", {"reason": "Mistaken."}))
    found = await recovering.says(recovery)
    assert [found["status"], found["set_off_cents"], found["remaining_cents"]] == ["ordered", 0, 30_000]
    now = figures(await scene.acts.envelope())
    assert (now["paid"], now["recovered"]) == (50_000, 0)


async def test_a_recovery_is_set_off_once_or_received_not_both(world: World) -> None:
    scene = await Paying.of(world, 2_000_000, started_on=date.fromisoformat(DAY))
    recovering, recovery = await to_set_off(scene)
    payments = [await scene.proposed(40_000) for _ in range(3)]
    given = answers(
        await asyncio.gather(
            *(keep(scene, payment, recovery) for payment in payments),
            *(recovering.receive(recovery, 30_000) for _ in range(3)),
        )
    )
    assert given["200"] + given["201"] == 1
    found = await recovering.says(recovery)
    assert found["received_cents"] + found["planned_cents"] == 30_000
