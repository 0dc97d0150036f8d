"""Idempotency-Key where money or a decision is created, If-Match where it is undone."""

import asyncio
from typing import Any

import pytest

from tests.envelopes.acts import DAY, TERMS, Acts, key
from tests.envelopes.test_limits import answers
from tests.world import World, ok, problem

CREATES = ["contribution", "grant", "advance", "payment", "tranche", "repayment"]
UNDOES = [*((kind, "reverse") for kind in CREATES), ("grant", "release"), ("advance", "release")]


async def creation(world: World, kind: str) -> tuple[Acts, str, str, dict[str, Any]]:
    """Who creates what at which address with which body."""
    ids = await world.money()
    acts = Acts(world, await world.followed_firm())
    office = str(world.organisations["office"])
    contribution = {"organisation_id": office, "amount_cents": 77, "decided_on": DAY, "reference": "NEW"}
    payment = {"amount_cents": 77, "paid_on": "2024-01-02", "kind": "balance_payment", "reference": "NEW"}
    role, path, body = {
        "contribution": ("programme", "envelope/contributions", contribution),
        "grant": ("funder", "grants", acts.award(77)),
        "advance": ("funder", "advances", acts.award(77, terms=TERMS)),
        "payment": ("treasurer", f"grants/{ids['grant']}/payments", payment),
        "tranche": ("treasurer", f"advances/{ids['advance']}/tranches", {"amount_cents": 77, "paid_on": "2024-01-02"}),
        "repayment": (
            "treasurer",
            f"advances/{ids['advance']}/repayments",
            {"amount_cents": 77, "received_on": "2024-01-02", "reference": "NEW"},
        ),
    }[kind]
    return acts, role, path, body


@pytest.mark.parametrize("kind", CREATES)
async def test_money_is_created_under_a_key_and_once(world: World, kind: str) -> None:
    acts, role, path, body = await creation(world, kind)
    client = world.clients[role]
    before = await acts.envelope()
    total = ok(await world.auditor.get(f"{path}?count=exact"))["total"]
    problem(await client.post(path, body), 400, "idempotency-key-missing")
    assert await acts.envelope() == before
    mine = key()
    first = await client.post(path, body, headers=mine)
    made = ok(first, 201)
    after = await acts.envelope()
    assert after != before
    again = await client.post(path, body, headers=mine)
    assert (again.status_code, again.json(), again.headers["idempotency-replayed"]) == (201, made, "true")
    assert again.headers["location"] == first.headers["location"]
    other = await client.post(path, {**body, "amount_cents": 78}, headers=mine)
    problem(other, 422, "idempotency-key-reused")
    assert await acts.envelope() == after
    assert ok(await world.auditor.get(f"{path}?count=exact"))["total"] == total + 1
    shown = await world.auditor.get(first.headers["location"])
    assert ok(shown) == made
    assert shown.headers["etag"] == first.headers["etag"]
    assert [event["type"].split(".")[0] for event in await world.events(made["id"])] == [
        {"payment": "grant_payment", "tranche": "advance_tranche", "repayment": "advance_repayment"}.get(kind, kind)
    ]


@pytest.mark.parametrize("kind", CREATES)
async def test_one_intention_sent_ten_times_at_once_moves_money_once(world: World, kind: str) -> None:
    _, role, path, body = await creation(world, kind)
    total = ok(await world.auditor.get(f"{path}?count=exact"))["total"]
    mine = key()
    responses = await asyncio.gather(*(world.clients[role].post(path, body, headers=mine) for _ in range(10)))
    assert set(answers(responses)) <= {"201", "idempotency-key-in-use"}
    assert len({r.json()["id"] for r in responses if r.is_success}) == 1
    assert ok(await world.auditor.get(f"{path}?count=exact"))["total"] == total + 1


@pytest.mark.parametrize("kind", CREATES)
async def test_a_dry_run_of_money_says_what_would_be_and_changes_nothing(world: World, kind: str) -> None:
    acts, role, path, body = await creation(world, kind)
    before = await acts.envelope()
    would = ok(await world.clients[role].post(f"{path}?dry_run=true", body, headers=key()), 200)
    assert would["amount_cents"] == 77
    assert await acts.envelope() == before
    too_much = {**body, "amount_cents": 10**12}
    answer = await world.clients[role].post(f"{path}?dry_run=true", too_much, headers=key())
    if kind == "repayment":  # what the bank received is recorded
        would = ok(answer, 200)
        assert would["overpaid_cents"] == would["amount_cents"] - would["principal_cents"] > 0
    elif kind != "contribution":
        assert answer.status_code == 409, answer.text
    assert await acts.envelope() == before


async def test_a_refused_award_may_be_asked_again_under_its_key(world: World) -> None:
    acts = await Acts.of(world)
    mine, body = key(), acts.award(100)
    problem(await world.funder.post("grants", body, headers=mine), 409, "envelope-exhausted")
    ok(await acts.contribute(100), 201)
    ok(await world.funder.post("grants", body, headers=mine), 201)


@pytest.mark.parametrize(("kind", "verb"), UNDOES)
async def test_what_is_undone_was_seen_as_it_is(world: World, kind: str, verb: str) -> None:
    ids = await world.money()
    acts = await Acts.of(world)
    if kind in ("grant", "advance", "contribution"):
        made = {"contribution": acts.contribute, "grant": acts.grant, "advance": acts.advance}[kind]
        ids[kind] = ok(await made(77), 201)["id"]
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
    by, why = acts.who_undoes(path), {"reason": "Mistaken."}
    before = await acts.envelope()
    problem(await by.post(f"{path}/{verb}", why, headers=key()), 428, "if-match-missing")
    stale = problem(await by.post(f"{path}/{verb}", why, headers={"If-Match": '"99"'}), 412, "stale-version")
    version = ok(await world.auditor.get(path))["version"]
    assert stale["current_version"] == version
    problem(await by.post(f"{path}/{verb}", {}, headers=await acts.seen(path)), 422, "validation-failed")
    problem(await by.post(f"{path}/{verb}", {"reason": " "}, headers=await acts.seen(path)), 422, "validation-failed")
    assert await acts.envelope() == before
    seen = await acts.seen(path)
    done = ok(await by.post(f"{path}/{verb}", why, headers=seen), 200)
    assert (done["version"], done["reason"]) == (version + 1, "Mistaken.")
    problem(await by.post(f"{path}/{verb}", why, headers=seen), 412, "stale-version")
    assert await acts.envelope() != before


async def test_a_release_prepared_before_a_payment_is_stale(world: World) -> None:
    acts = await Acts.of(world, 1000)
    grant = ok(await acts.grant(100), 201)["id"]
    seen = await acts.seen(f"grants/{grant}")
    ok(await acts.pay(grant, 40), 201)
    problem(await world.funder.post(f"grants/{grant}/release", {"reason": "R"}, headers=seen), 412, "stale-version")
    assert ok(await acts.release(f"grants/{grant}"))["released_cents"] == 60
