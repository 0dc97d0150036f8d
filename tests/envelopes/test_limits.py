"""Limits under real parallel connections: the last cents go to those who fit, whoever asks at the same time."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import httpx2
import pytest

from tests.envelopes.acts import TERMS, Acts, key
from tests.world import World, ok, problem

FIGURES = (
    "contributed",
    "available",
    "shortfall",
    "committed",
    "paid",
    "released",
    "repaid",
    "recovered",
    "recycled",
    "outstanding",
    "waived",
    "written_off",
)


def answers(responses: Iterable[httpx2.Response]) -> Counter[str]:
    """How many got which answer: the status of a success, the problem's code of a refusal."""
    return Counter(r.json()["type"].removeprefix("/problems/") if r.is_error else str(r.status_code) for r in responses)


def figures(envelope: dict[str, Any]) -> dict[str, int]:
    """The figures, having checked that they agree with each other and with those of the contributors."""
    found = {name: envelope[f"{name}_cents"] for name in FIGURES}
    given = found["contributed"] + found["recycled"] + found["shortfall"]
    assert given == found["available"] + found["committed"] + found["paid"]
    for name in FIGURES:
        assert sum(each[f"{name}_cents"] for each in envelope["by_contributor"]) == found[name], name
    return found


async def held(world: World) -> int:
    """What the awards of the territory hold by their own rows: awarded and not released."""
    cents: int = await world.pool.fetchval(
        """
        SELECT coalesce(sum(amount_cents - released_cents), 0) FROM (
            SELECT amount_cents, released_cents FROM grants WHERE territory = $1 AND status <> 'reversed'
            UNION ALL
            SELECT amount_cents, released_cents FROM advances WHERE territory = $1 AND status <> 'reversed'
        ) award
        """,
        world.territory,
    )
    return cents


async def test_fifty_awards_at_once_share_out_the_last_cents_to_those_that_fit(world: World) -> None:
    acts = await Acts.of(world, 700, 333)
    sizes = [(97, 41, 13)[number % 3] for number in range(50)]
    responses = await asyncio.gather(
        *(acts.grant(cents) if number % 2 else acts.advance(cents) for number, cents in enumerate(sizes))
    )
    assert set(answers(responses)) == {"201", "envelope-exhausted"}
    given = sum(cents for cents, response in zip(sizes, responses, strict=True) if response.is_success)
    left = 1033 - given
    for cents, response in zip(sizes, responses, strict=True):
        if response.is_error:
            refused = problem(response, 409, "envelope-exhausted")
            assert refused["requested_cents"] == cents
            assert left <= refused["available_cents"] < cents  # none that fitted was sent away
    now = figures(await acts.envelope())
    assert (now["available"], now["committed"]) == (left, given)
    assert await held(world) == given


@pytest.mark.parametrize("fitting", [1, 7])
async def test_of_fifty_equal_awards_exactly_those_that_fit_succeed(world: World, fitting: int) -> None:
    acts = await Acts.of(world, 100 * fitting - 1, 100)
    responses = await asyncio.gather(*(acts.advance(100) if n % 2 else acts.grant(100) for n in range(50)))
    assert answers(responses) == {"201": fitting, "envelope-exhausted": 50 - fitting}
    assert {r.json()["available_cents"] for r in responses if r.is_error} == {99}
    assert figures(await acts.envelope())["available"] == 99
    last = ok(await acts.grant(99), 201)
    assert (last["amount_cents"], last["remaining_cents"]) == (99, 99)
    assert problem(await acts.grant(1), 409, "envelope-exhausted")["available_cents"] == 0


async def test_fifty_contributions_and_fifty_awards_at_once_lose_no_cent(world: World) -> None:
    acts = await Acts.of(world)
    responses = await asyncio.gather(*(acts.grant(60) if n % 2 else acts.contribute(50) for n in range(100)))
    assert set(answers(responses)) <= {"201", "envelope-exhausted"}
    given = 60 * sum(r.is_success for r in responses[1::2])
    assert all(r.is_success for r in responses[::2])
    now = figures(await acts.envelope())
    assert (now["contributed"], now["committed"], now["available"]) == (2500, given, 2500 - given)


async def test_fifty_payments_at_once_pay_no_cent_more_than_the_grant(world: World) -> None:
    acts = await Acts.of(world, 500, 600)
    grant = ok(await acts.grant(1000), 201)["id"]
    ok(await acts.grant(100), 201)  # another's money stands in the same accounts
    responses = await asyncio.gather(*(acts.pay(grant, 99) for _ in range(50)))
    assert answers(responses) == {"201": 10, "payments-exceed-award": 40}
    assert {r.json()["remaining_cents"] for r in responses if r.is_error} == {10}
    ok(await acts.pay(grant, 10), 201)
    assert problem(await acts.pay(grant, 1), 409, "award-ended")
    read = ok(await world.auditor.get(f"grants/{grant}"))
    assert (read["paid_cents"], read["remaining_cents"], read["status"]) == (1000, 0, "closed")
    now = figures(await acts.envelope())
    assert (now["paid"], now["committed"]) == (1000, 100)


async def test_fifty_tranches_at_once_pay_no_cent_more_than_the_advance(world: World) -> None:
    acts = await Acts.of(world, 500, 600)
    advance = ok(await acts.advance(1000), 201)["id"]
    ok(await acts.advance(100), 201)
    responses = await asyncio.gather(*(acts.tranche(advance, 99) for _ in range(50)))
    assert answers(responses) == {"201": 10, "tranches-exceed-award": 40}
    assert {r.json()["remaining_cents"] for r in responses if r.is_error} == {10}
    ok(await acts.tranche(advance, 10), 201)
    assert problem(await acts.tranche(advance, 1), 409, "tranches-exceed-award")["remaining_cents"] == 0
    read = ok(await world.auditor.get(f"advances/{advance}"))
    assert (read["disbursed_cents"], read["remaining_cents"], read["status"]) == (1000, 0, "repaying")
    schedule = ok(await world.auditor.get(f"advances/{advance}/schedule"))
    assert sum(line["principal_cents"] for line in schedule["lines"]) == schedule["disbursed_cents"] == 1000
    assert figures(await acts.envelope())["outstanding"] == 1000


async def test_fifty_repayments_at_once_repay_no_cent_more_than_is_owed(world: World) -> None:
    acts = await Acts.of(world, 500)
    ok(await acts.contribute(600, repayment_policy="recycle"), 201)
    advance, another = ok(await acts.advance(900), 201)["id"], ok(await acts.advance(200), 201)["id"]
    ok(await acts.tranche(advance, 900), 201)
    ok(await acts.tranche(another, 200), 201)
    responses = await asyncio.gather(*(acts.repay(advance, 89) for _ in range(50)))
    assert answers(responses) == {"201": 50}  # what the bank received is recorded: the firm is owed what is too much
    parts = Counter((r.json()["principal_cents"], r.json()["overpaid_cents"]) for r in responses)
    assert parts == {(89, 0): 10, (10, 79): 1, (0, 89): 39}
    assert ok(await world.auditor.get(f"advances/{advance}"))["status"] == "repaid"
    now = figures(await acts.envelope())
    assert (now["repaid"], now["outstanding"]) == (900, 200)
    assert now["available"] == now["recycled"]
    assert 900 * 600 // 1100 - 12 <= now["recycled"] <= 900 * 600 // 1100 + 12  # its share, to a cent an act


async def test_one_reference_is_repaid_once_of_twenty_at_once(world: World) -> None:
    acts = await Acts.of(world, 1000)
    advance = ok(await acts.advance(1000), 201)["id"]
    ok(await acts.tranche(advance, 1000), 201)
    responses = await asyncio.gather(*(acts.repay(advance, 10, reference="PRLV-1") for _ in range(20)))
    assert answers(responses) == {"201": 1, "already-exists": 19}
    assert {e["pointer"] for r in responses if r.is_error for e in r.json()["errors"]} >= {"/reference"}
    assert figures(await acts.envelope())["repaid"] == 10


async def test_one_reference_is_paid_once_and_one_decision_awarded_once(world: World) -> None:
    acts = await Acts.of(world, 1000)
    grant = ok(await acts.grant(500, decision_reference="D", external_id="X"), 201)["id"]
    ok(await acts.pay(grant, 10, reference="VIR-1"), 201)
    problem(await acts.pay(grant, 10, reference="VIR-1"), 409, "already-exists")
    problem(await acts.grant(1, decision_reference="D"), 409, "already-exists")
    problem(await acts.grant(1, external_id="X"), 409, "already-exists")
    ok(await acts.contribute(1, reference="C"), 201)
    problem(await acts.contribute(1, reference="C"), 409, "already-exists")
    now = figures(await acts.envelope())
    assert (now["contributed"], now["committed"], now["paid"]) == (1001, 490, 10)


@pytest.mark.parametrize("kind", ["grants", "advances"])
async def test_a_release_and_payments_at_once_end_with_one_truth(world: World, kind: str) -> None:
    acts = await Acts.of(world, 1000)
    award = ok(await (acts.grant if kind == "grants" else acts.advance)(1000), 201)["id"]
    send = acts.pay if kind == "grants" else acts.tranche
    star = {"If-Match": "*"}
    ok(await send(award, 50), 201)
    responses = await asyncio.gather(
        *(send(award, 50) for _ in range(8)),
        world.funder.post(f"{kind}/{award}/release", {"reason": "Cheaper."}, headers=star),
        *(send(award, 50) for _ in range(8)),
    )
    assert set(answers(responses)) <= {"200", "201", "award-ended"}
    assert answers(responses)["200"] == 1
    paid = 50 + 50 * answers(responses)["201"]
    now = figures(await acts.envelope())
    assert (now["paid"], now["committed"], now["available"], now["released"]) == (paid, 0, 1000 - paid, 1000 - paid)


@pytest.mark.parametrize("kind", ["contribution", "grant", "advance", "payment", "tranche", "repayment"])
async def test_of_ten_reversals_of_one_act_at_once_one_takes_it_back(world: World, kind: str) -> None:
    ids = await world.money()
    if kind in ("grant", "advance", "contribution"):
        acts = await Acts.of(world)
        made = {"contribution": acts.contribute, "grant": acts.grant, "advance": acts.advance}[kind]
        ids[kind] = ok(await made(77), 201)["id"]
    else:
        acts = Acts(world)
    if kind == "tranche":
        ok(await acts.reverse(f"advances/{ids['advance']}/repayments/{ids['repayment']}"))
    path = {
        "contribution": f"envelope/contributions/{ids['contribution']}",
        "grant": f"grants/{ids['grant']}",
        "advance": f"advances/{ids['advance']}",
        "payment": f"grants/{ids['grant']}/payments/{ids['payment']}",
        "tranche": f"advances/{ids['advance']}/tranches/{ids['tranche']}",
        "repayment": f"advances/{ids['advance']}/repayments/{ids['repayment']}",
    }[kind]
    before = figures(await acts.envelope())
    by = acts.who_undoes(path)
    responses = await asyncio.gather(
        *(by.post(f"{path}/reverse", {"reason": "Twice."}, headers={"If-Match": "*", **key()}) for _ in range(10))
    )
    ended = "award-ended" if kind in ("grant", "advance") else "already-reversed"
    assert answers(responses) == {"200": 1, ended: 9}
    after = figures(await acts.envelope())
    changed = {name: after[name] - before[name] for name in FIGURES if after[name] != before[name]}
    assert (
        changed
        == {
            "contribution": {"contributed": -77, "available": -77},
            "grant": {"committed": -77, "available": 77},
            "advance": {"committed": -77, "available": 77},
            "payment": {"paid": -10_000_00, "committed": 10_000_00},
            "tranche": {"paid": -50_000_00, "committed": 50_000_00, "outstanding": -50_000_00},
            "repayment": {"repaid": -1_000_00, "outstanding": 1_000_00},
        }[kind]
    )


@pytest.mark.parametrize("instrument", ["grants", "advances"])
async def test_a_dry_run_of_an_award_commits_nothing(world: World, instrument: str) -> None:
    acts = await Acts.of(world, 50, 60, 70)
    body = acts.award(90, **({} if instrument == "grants" else {"terms": TERMS}))
    ok(await world.funder.post(f"{instrument}?dry_run=true", body, headers=key()))
    assert await held(world) == figures(await acts.envelope())["committed"] == 0
    ok(await world.funder.post(instrument, body, headers=key()), 201)
    assert await held(world) == figures(await acts.envelope())["committed"] == 90
