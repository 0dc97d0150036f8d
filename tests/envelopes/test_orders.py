"""Pairs of acts that share a day, a cent or a lock, in every order of their steps over two real connections."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.envelopes.acts import Acts
from tests.envelopes.stepping import both, orders, steps
from tests.envelopes.test_limits import answers, figures
from tests.orders import chosen
from tests.world import World, ok

JANUARY, FEBRUARY, MARCH = "2024-01-10", "2024-02-10", "2024-03-10"
Act = Callable[[], Awaitable[httpx2.Response]]


@dataclass
class Scene:
    """An envelope of 100 since January that recycles, with a grant of 20 and an advance of 60, paid and half repaid."""

    acts: Acts
    contribution: str
    grant: str
    payment: str
    advance: str
    tranche: str
    repayment: str

    @classmethod
    async def of(cls, world: World) -> "Scene":
        acts = await Acts.of(world)
        made = ok(await acts.contribute(100, decided_on=JANUARY, repayment_policy="recycle"), 201)["id"]
        grant = ok(await acts.grant(20, decided_on=JANUARY), 201)["id"]
        payment = ok(await acts.pay(grant, 10, paid_on=FEBRUARY), 201)["id"]
        advance = ok(await acts.advance(60, decided_on=JANUARY), 201)["id"]
        tranche = ok(await acts.tranche(advance, 40, paid_on=JANUARY), 201)["id"]
        repayment = ok(await acts.repay(advance, 30, received_on=FEBRUARY), 201)["id"]
        return cls(acts, made, grant, payment, advance, tranche, repayment)


# 20 are available in January, 50 since February.
ACTS: dict[str, Callable[[Scene], Act]] = {
    "award in January": lambda s: lambda: s.acts.grant(15, decided_on=JANUARY),
    "award in March": lambda s: lambda: s.acts.advance(40, decided_on=MARCH),
    "pay": lambda s: lambda: s.acts.pay(s.grant, 10, paid_on=FEBRUARY),
    "tranche": lambda s: lambda: s.acts.tranche(s.advance, 20, paid_on=FEBRUARY),
    "repay": lambda s: lambda: s.acts.repay(s.advance, 10, received_on=FEBRUARY),
    "release": lambda s: lambda: s.acts.release(f"grants/{s.grant}", released_on=FEBRUARY),
    "reverse the repayment": lambda s: lambda: s.acts.reverse(f"advances/{s.advance}/repayments/{s.repayment}"),
    "reverse the payment": lambda s: lambda: s.acts.reverse(f"grants/{s.grant}/payments/{s.payment}"),
    "bounce": lambda s: lambda: s.acts.bounce(s.advance, s.repayment, bounced_on=MARCH),
    "contribute": lambda s: lambda: s.acts.contribute(5, decided_on=JANUARY),
}
PAIRS = [
    ("award in January", "award in January"),
    ("award in January", "award in March"),
    ("award in March", "reverse the repayment"),
    ("award in March", "repay"),
    ("award in January", "release"),
    ("pay", "release"),
    ("pay", "reverse the payment"),
    ("repay", "reverse the repayment"),
    ("tranche", "reverse the repayment"),
    ("award in January", "contribute"),
    ("bounce", "award in March"),
    ("bounce", "release"),
    ("bounce", "bounce"),
    ("bounce", "reverse the repayment"),
]
REFUSALS = {
    "already-bounced", "already-reversed", "envelope-exhausted", "award-ended", "payments-exceed-award",
    "stale-version", "account-overdrawn", "repayment-exceeds-outstanding",
}  # fmt: skip


async def nothing_is_below_zero(world: World) -> None:
    """On every day, in every account, by the closings and by the ledger, whole and by contributor."""
    rows = await world.pool.fetch(
        """
        SELECT d.account, d.day, d.closing_cents, sum(e.cents) AS computed
        FROM account_days d JOIN (
            SELECT contribution_id, account, effective_on, cents FROM ledger_entries CROSS JOIN LATERAL (VALUES
                (debit, CASE WHEN debit IN ('contributor', 'shortfall') THEN -amount_cents ELSE amount_cents END),
                (credit, CASE WHEN credit IN ('contributor', 'shortfall') THEN amount_cents ELSE -amount_cents END)
            ) side (account, cents) WHERE territory = $1
        ) e ON (e.contribution_id, e.account) = (d.contribution_id, d.account) AND e.effective_on <= d.day
        WHERE d.territory = $1 GROUP BY d.contribution_id, d.account, d.day, d.closing_cents
        """,
        world.territory,
    )
    for row in rows:
        assert row["closing_cents"] == row["computed"] >= 0, row


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=str)
async def test_every_order_of_the_steps_of_two_acts_leaves_sums_right_on_every_day(
    world: World, first: str, second: str
) -> None:
    told: Counter[str] = Counter()
    async with steps():
        run = chosen(orders(4, 4))
        for order in run:
            fresh = await World.create(world.http, world.pool)
            scene = await Scene.of(fresh)
            responses = await both(world.pool, order, ACTS[first](scene), ACTS[second](scene))
            told += answers(responses)
            await nothing_is_below_zero(fresh)
    for day in (JANUARY, FEBRUARY, MARCH, "2026-01-01"):  # of the last: the reports agree
        now = figures(await scene.acts.envelope(as_of=day))
        summary: dict[str, Any] = ok(await fresh.auditor.get("summary", params={"as_of": day}))
        assert {name: summary[f"{name}_cents"] for name in now} == now
    assert set(told) <= {"200", "201", *REFUSALS}
    assert told["200"] + told["201"] >= len(run)  # at least one of the two each time
