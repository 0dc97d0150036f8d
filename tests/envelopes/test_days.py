"""A limit of money holds along the calendar: no account is below zero at the end of any day."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.envelopes.rules import Act, Closing, Taker, available_from, enough, headroom
from tests.envelopes.acts import DAY, Acts
from tests.envelopes.test_limits import figures
from tests.world import World, ok, problem

FEBRUARY = "2024-02-01"


# --- headroom, without a database ------------------------------------------------------------------------------------


def closings(*pairs: tuple[int, int]) -> list[Closing]:
    return [Closing(date(2024, 1, number), cents) for number, cents in pairs]


@pytest.mark.parametrize(("day", "left"), [(1, 0), (2, 0), (3, 0), (4, 30), (5, 30), (6, 50), (31, 50)])
def test_headroom_is_the_least_from_the_day_on(day: int, left: int) -> None:
    account = closings((2, 100), (3, 0), (4, 30), (6, 50))
    assert headroom(account, date(2024, 1, day)) == left


def test_headroom_of_what_is_below_zero_or_empty_is_nothing() -> None:
    assert headroom([], date(2024, 1, 1)) == 0
    assert headroom(closings((1, -5), (3, 7)), date(2024, 1, 2)) == 0


ACCOUNTS = st.lists(
    st.dictionaries(st.integers(1, 9), st.integers(-3, 9)).map(lambda days: closings(*sorted(days.items()))), max_size=3
)


@given(ACCOUNTS, st.integers(1, 20))
def test_the_first_day_that_fits_is_the_first_with_the_headroom(accounts: list[list[Closing]], cents: int) -> None:
    by_day = [
        day for day in (date(2024, 1, n) for n in range(1, 10)) if sum(headroom(a, day) for a in accounts) >= cents
    ]
    assert available_from(cents, accounts) == (by_day[0] if by_day else None)


def test_no_more_acts_are_named_than_must_give_back() -> None:
    account = closings((1, 10), (3, 2))
    takers = [Taker(Act.AWARD, UUID(int=n), None, date(2024, 1, 3), 4) for n in range(2)]
    assert list(enough(account, date(2024, 1, 1), 2, takers)) == []
    assert list(enough(account, date(2024, 1, 1), 6, takers)) == takers[:1]
    assert list(enough(account, date(2024, 1, 1), 10, takers)) == takers


# --- awards ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["grant", "advance"])
async def test_an_award_dated_before_its_money_is_refused_with_the_first_day_that_has_it(
    world: World, kind: str
) -> None:
    acts = await Acts.of(world)
    ok(await acts.contribute(25_000_00, decided_on=FEBRUARY), 201)
    award = getattr(acts, kind)
    refused = problem(await award(15_000_00, decided_on="2023-05-04"), 409, "envelope-exhausted")
    assert (refused["requested_cents"], refused["available_cents"]) == (15_000_00, 0)
    assert refused["available_from"] == FEBRUARY
    assert figures(await acts.envelope(as_of="2023-12-31"))["available"] == 0
    ok(await award(15_000_00, decided_on=refused["available_from"]), 201)  # the cure is accepted
    too_much = problem(await award(15_000_00, decided_on=FEBRUARY), 409, "envelope-exhausted")
    assert (too_much["available_cents"], too_much["available_from"]) == (10_000_00, None)


async def test_money_awarded_later_is_not_there_before(world: World) -> None:
    """The envelope has 100 all along, and 80 of it are awarded in March: in January 20 are left, not 100."""
    acts = await Acts.of(world, 100)
    grant = ok(await acts.grant(80, decided_on="2024-03-01"), 201)["id"]
    assert problem(await acts.grant(21, decided_on="2024-01-01"), 409, "envelope-exhausted")["available_cents"] == 20
    ok(await acts.grant(20, decided_on="2024-01-01"), 201)
    ok(await acts.release(f"grants/{grant}", released_on="2024-04-01"))
    refused = problem(await acts.grant(1, decided_on="2024-02-01"), 409, "envelope-exhausted")
    assert refused["available_from"] == "2024-04-01"
    ok(await acts.grant(80, decided_on="2024-04-01"), 201)
    by_day = [
        figures(await acts.envelope(as_of=day))["available"] for day in ("2024-01-01", "2024-03-01", "2024-04-01")
    ]
    assert by_day == [80, 0, 0]


async def test_an_award_is_shared_by_what_each_contribution_has_from_its_day_on(world: World) -> None:
    """Decision 8: a contribution that came later, or is promised to a later award, gives its headroom alone."""
    acts = await Acts.of(world)
    ok(await acts.contribute(100), 201)
    ok(await acts.contribute(300, organisation="lead", decided_on="2024-05-01"), 201)
    ok(await acts.grant(80, decided_on=DAY), 201)
    by = {each["organisation_id"]: each for each in (await acts.envelope())["by_contributor"]}
    assert by[str(world.organisations["office"])]["committed_cents"] == 80
    assert by[str(world.organisations["lead"])]["committed_cents"] == 0
    assert problem(await acts.grant(21), 409, "envelope-exhausted")["available_from"] == "2024-05-01"
    ok(await acts.grant(320, decided_on="2024-05-01"), 201)


# --- reversals -------------------------------------------------------------------------------------------------------


async def test_a_reversal_counts_on_the_day_of_what_it_reverses_and_names_what_stands_on_it(world: World) -> None:
    acts = await Acts.of(world)
    first = f"envelope/contributions/{ok(await acts.contribute(100, decided_on='2024-01-01'), 201)['id']}"
    ok(await acts.contribute(100, decided_on="2024-03-01"), 201)
    one, two = [ok(await acts.grant(50, decided_on=day), 201)["id"] for day in ("2024-02-01", "2024-02-02")]
    assert figures(await acts.envelope())["available"] == 100  # enough today, and not in February
    refused = problem(await acts.reverse(first), 409, "envelope-exhausted")
    assert (refused["requested_cents"], refused["available_cents"], refused["available_from"]) == (100, 0, None)
    assert refused["later_acts"] == [
        {"act": "award", "act_id": grant, "award_id": grant, "effective_on": day}
        for grant, day in ((two, "2024-02-02"), (one, "2024-02-01"))
    ]
    for act in refused["later_acts"]:
        ok(await acts.reverse(f"grants/{act['act_id']}"))
    ok(await acts.reverse(first))
    assert figures(await acts.envelope(as_of="2024-02-15"))["available"] == 0


async def test_a_tranche_is_not_reversed_under_a_repayment_of_an_earlier_day(world: World) -> None:
    """Paid in January and March, repaid in February: the first tranche stood behind the repayment."""
    acts = await Acts.of(world, 1000)
    advance = ok(await acts.advance(100), 201)["id"]
    first = ok(await acts.tranche(advance, 50, paid_on="2024-01-10"), 201)["id"]
    ok(await acts.tranche(advance, 50, paid_on="2024-03-10"), 201)
    ok(await acts.repay(advance, 40, received_on="2024-02-10"), 201)
    problem(await acts.reverse(f"advances/{advance}/tranches/{first}"), 409, "repayment-exceeds-outstanding")


async def test_a_repayment_that_a_later_one_left_no_cent_of_a_contribution_for_is_refused_by_name(world: World) -> None:
    """One cent each of two contributors: the second came later, and what was repaid since was the first's."""
    acts = await Acts.of(world, 2, 1)
    advance = ok(await acts.advance(3), 201)["id"]
    for day in ("2024-01-01", "2024-01-03"):
        ok(await acts.tranche(advance, 1, paid_on=day), 201)
    later = ok(await acts.repay(advance, 1, received_on="2024-01-05"), 201)["id"]
    before = await acts.envelope()
    response = await acts.repay(advance, 1, received_on="2024-01-02")
    if response.is_error:  # by the sharing of cents; the order of ids decides whose cent it was
        refused = problem(response, 409, "account-overdrawn")
        assert [act["act_id"] for act in refused["later_acts"]] == [later]
        assert await acts.envelope() == before
        ok(await acts.reverse(f"advances/{advance}/repayments/{later}"))
        for day in ("2024-01-02", "2024-01-05"):
            ok(await acts.repay(advance, 1, received_on=day), 201)
