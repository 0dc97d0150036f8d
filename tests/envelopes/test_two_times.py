"""Two times of money: `as_of` follows every act, `recorded_as_of` says for ever what a past day knew."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core import clock
from app.core.clock import PARIS, frozen
from tests.envelopes.acts import Acts
from tests.envelopes.test_limits import FIGURES, figures
from tests.world import World, ok, problem

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = "2024-05-13", "2024-05-14", "2024-05-15", "2024-05-16"


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=PARIS)


def brief(envelope: dict[str, Any]) -> dict[str, int]:
    return {name: cents for name, cents in figures(envelope).items() if cents}


async def every_act_after(acts: Acts, grant: str, advance: str) -> None:
    """Acts of every kind, some backdated, some reversing what was there."""
    ok(await acts.contribute(500, decided_on=MONDAY, organisation="lead"), 201)
    ok(await acts.grant(40, decided_on=TUESDAY), 201)
    paid = ok(await acts.pay(grant, 30, paid_on=TUESDAY), 201)["id"]
    ok(await acts.tranche(advance, 20, paid_on=TUESDAY), 201)
    back = ok(await acts.repay(advance, 5, received_on=WEDNESDAY), 201)["id"]
    ok(await acts.reverse(f"grants/{grant}/payments/{paid}"))
    ok(await acts.reverse(f"advances/{advance}/repayments/{back}"))
    ok(await acts.release(f"grants/{grant}", released_on=TUESDAY))


async def test_what_a_past_day_knew_never_changes(world: World) -> None:
    with frozen(noon(MONDAY)):
        acts = await Acts.of(world)
        ok(await acts.contribute(1000, decided_on=MONDAY), 201)
    with frozen(noon(TUESDAY)):
        grant = ok(await acts.grant(300, decided_on=MONDAY), 201)["id"]
        advance = ok(await acts.advance(100, decided_on=TUESDAY), 201)["id"]
    questions = [
        {"recorded_as_of": known, "as_of": counts}
        for known in ("2024-05-12", MONDAY, TUESDAY)
        for counts in ("2024-05-12", MONDAY, TUESDAY, WEDNESDAY, "2030-01-01")
    ]
    with frozen(noon(WEDNESDAY)):
        said = [await acts.envelope(**question) for question in questions]
        assert [brief(each) for each in said] == [
            {}, {}, {}, {}, {},
            {}, {"contributed": 1000, "available": 1000}, *[{"contributed": 1000, "available": 1000}] * 3,
            {}, {"contributed": 1000, "available": 700, "committed": 300},
            *[{"contributed": 1000, "available": 600, "committed": 400}] * 3,
        ]  # fmt: skip
        await every_act_after(acts, grant, advance)
        assert [await acts.envelope(**question) for question in questions] == said
    with frozen(noon(THURSDAY)):
        assert [await acts.envelope(**question) for question in questions] == said
        known = await acts.envelope(recorded_as_of=WEDNESDAY)
        assert (known["recorded_as_of"], known["as_of"]) == (WEDNESDAY, THURSDAY)
        assert figures(known) == figures(await acts.envelope())


async def test_what_counts_by_a_day_follows_backdated_acts_and_reversals(world: World) -> None:
    acts = await Acts.of(world)
    one = ok(await acts.contribute(1000, decided_on=MONDAY), 201)["id"]
    assert brief(await acts.envelope(as_of="2024-05-12")) == {}
    assert brief(await acts.envelope(as_of=MONDAY)) == {"contributed": 1000, "available": 1000}
    grant = ok(await acts.grant(300, decided_on=TUESDAY), 201)["id"]
    assert brief(await acts.envelope(as_of=MONDAY)) == {"contributed": 1000, "available": 1000}
    assert brief(await acts.envelope(as_of=TUESDAY)) == {"contributed": 1000, "available": 700, "committed": 300}
    paid = ok(await acts.pay(grant, 200, paid_on=THURSDAY), 201)["id"]
    assert brief(await acts.envelope(as_of=WEDNESDAY))["committed"] == 300
    assert brief(await acts.envelope(as_of=THURSDAY)) == {
        "contributed": 1000, "available": 700, "committed": 100, "paid": 200,
    }  # fmt: skip
    ok(await acts.reverse(f"grants/{grant}/payments/{paid}"))
    assert brief(await acts.envelope(as_of=THURSDAY))["committed"] == 300
    ok(await acts.release(f"grants/{grant}", released_on=WEDNESDAY))
    assert brief(await acts.envelope(as_of=TUESDAY))["available"] == 700
    assert brief(await acts.envelope(as_of=WEDNESDAY)) == {"contributed": 1000, "available": 1000, "released": 300}
    refused = problem(await acts.reverse(f"envelope/contributions/{one}"), 409, "envelope-exhausted")
    assert [(act["act"], act["effective_on"]) for act in refused["later_acts"]] == [("award", TUESDAY)]
    two = ok(await acts.contribute(300, decided_on=TUESDAY), 201)["id"]
    ok(await acts.reverse(f"envelope/contributions/{two}"))
    assert brief(await acts.envelope(as_of=TUESDAY))["available"] == 700
    entries = ok(await world.auditor.get("envelope/entries?count=exact"))
    assert entries["total"] == 8  # nothing was edited: what was reversed stands there with its opposite


async def test_a_day_is_a_day_of_paris(world: World) -> None:
    with frozen(datetime.fromisoformat("2024-05-14T21:59:59Z")):
        acts = await Acts.of(world)
        ok(await acts.contribute(1, decided_on=MONDAY), 201)
    with frozen(datetime.fromisoformat("2024-05-14T22:00:00Z")):
        ok(await acts.contribute(10, decided_on=MONDAY), 201)
    with frozen(noon(THURSDAY)):
        known = [brief(await acts.envelope(recorded_as_of=day)) for day in (MONDAY, TUESDAY, WEDNESDAY)]
    assert [each.get("contributed", 0) for each in known] == [0, 1, 11]


@pytest.mark.parametrize("ahead", [0, 1, 400])
async def test_a_day_that_is_not_over_is_not_known_yet(world: World, ahead: int) -> None:
    day = (clock.today() + timedelta(days=ahead)).isoformat()
    refused = await world.auditor.get("envelope", params={"recorded_as_of": day})
    assert problem(refused, 422, "validation-failed")["errors"][0]["code"] == "day_not_over"


async def test_a_day_is_over_only_when_no_write_that_began_in_it_can_still_be_open(world: World) -> None:
    """A write is recorded at the instant at which it began; a transaction lasts 30 s at most."""
    question = {"recorded_as_of": TUESDAY}
    with frozen(datetime.fromisoformat(f"{WEDNESDAY}T00:00:59").replace(tzinfo=PARIS)):
        assert problem(await world.auditor.get("envelope", params=question), 422, "validation-failed")
    with frozen(datetime.fromisoformat(f"{WEDNESDAY}T00:01:00").replace(tzinfo=PARIS)):
        ok(await world.auditor.get("envelope", params=question))


async def test_yesterday_and_any_day_of_as_of_are_answered(world: World) -> None:
    with frozen(noon(WEDNESDAY)):
        ok(await world.auditor.get("envelope", params={"recorded_as_of": TUESDAY}))
    for day in ("1900-01-01", "2199-12-31"):
        found = ok(await world.auditor.get("envelope", params={"as_of": day}))
        assert (found["as_of"], found["recorded_as_of"], found["by_contributor"]) == (day, None, [])
    for wrong in ("1899-12-31", "2200-01-01", "tomorrow", "2024-02-30", ""):
        for name in ("as_of", "recorded_as_of"):
            problem(await world.auditor.get("envelope", params={name: wrong}), 422, "validation-failed")
    problem(await world.auditor.get("envelope?asof=2024-01-01"), 422, "validation-failed")


async def test_money_counts_on_a_day_that_has_come(world: World) -> None:
    acts = await Acts.of(world, 1000)
    grant, advance = ok(await acts.grant(100), 201)["id"], ok(await acts.advance(100), 201)["id"]
    ok(await acts.tranche(advance, 50), 201)
    before = await acts.envelope()
    tomorrow, today = (clock.today() + timedelta(days=1)).isoformat(), clock.today().isoformat()
    for response, field in (
        (await acts.contribute(1, decided_on=tomorrow), "decided_on"),
        (await acts.grant(1, decided_on=tomorrow), "decided_on"),
        (await acts.advance(1, decided_on=tomorrow), "decided_on"),
        (await acts.pay(grant, 1, paid_on=tomorrow), "paid_on"),
        (await acts.tranche(advance, 1, paid_on=tomorrow), "paid_on"),
        (await acts.repay(advance, 1, received_on=tomorrow), "received_on"),
        (await acts.release(f"grants/{grant}", released_on=tomorrow), "released_on"),
        (await acts.release(f"advances/{advance}", released_on=tomorrow), "released_on"),
    ):
        errors = problem(response, 422, "validation-failed")["errors"]
        assert [(e["pointer"], e["code"]) for e in errors] == [(f"/{field}", "future_day")]
    assert await acts.envelope() == before
    ok(await acts.pay(grant, 1, paid_on=today), 201)
    ok(await acts.release(f"grants/{grant}", released_on=today))


async def test_the_statement_keeps_both_balances_after_every_entry(world: World) -> None:
    acts = await Acts.of(world, 300)
    ok(await acts.contribute(500, repayment_policy="recycle", decided_on="2023-06-14"), 201)
    grant = ok(await acts.grant(333), 201)["id"]
    advance = ok(await acts.advance(222), 201)["id"]
    paid = ok(await acts.pay(grant, 111), 201)["id"]
    ok(await acts.tranche(advance, 200), 201)
    ok(await acts.repay(advance, 77), 201)
    ok(await acts.reverse(f"grants/{grant}/payments/{paid}"))
    ok(await acts.release(f"advances/{advance}"))
    entries = ok(await world.auditor.get("envelope/entries?limit=500"))["items"]
    balances: dict[tuple[str, str], int] = {}
    by_id = {}
    for entry in entries:
        for side, sign in (("debit", 1), ("credit", -1)):
            account = (entry["contribution_id"], entry[side])
            normal = -1 if entry[side] == "contributor" else 1
            balances[account] = balances.get(account, 0) + sign * normal * entry["amount_cents"]
            assert entry[f"{side}_balance_cents"] == balances[account] >= 0
        by_id[entry["id"]] = entry
        if entry["reverses_id"]:
            taken_back = by_id[entry["reverses_id"]]
            assert (entry["debit"], entry["credit"]) == (taken_back["credit"], taken_back["debit"])
            same = ("amount_cents", "act_id", "act", "award_id", "contribution_id", "effective_on")
            assert [entry[name] for name in same] == [taken_back[name] for name in same]
    assert [entry["act"] for entry in entries if entry["reverses_id"]] == ["payment"] * 2
    assert {entry["recorded_by"] for entry in entries if entry["act"] == "tranche"} == {
        str(world.subjects["treasurer"])
    }
    assert {entry["recorded_by_name"] for entry in entries if entry["act"] == "tranche"} == {
        f"treasurer of {world.territory}"
    }
    assert {(entry["award_id"], entry["award_title"]) for entry in entries} == {
        (None, None), (grant, "Atelier"), (advance, "Atelier"),
    }  # fmt: skip
    assert all(entry["contribution_reference"] for entry in entries)
    now = figures(await acts.envelope())
    held = {name: sum(cents for (_, account), cents in balances.items() if account == name)
            for name in ("contributor", "available", "advances_paid", "released")}  # fmt: skip
    assert list(held.values()) == [now["contributed"], now["available"], now["outstanding"], 0]
    mine = ok(await world.auditor.get(f"envelope/entries?award_id={advance}&debit=released"))["items"]
    assert sum(entry["amount_cents"] for entry in mine) == 22 == now["released"]


def test_every_figure_of_the_envelope_is_looked_at() -> None:
    from app.envelopes.schemas import Amounts

    assert {f"{name}_cents" for name in FIGURES} == set(Amounts.model_fields)
