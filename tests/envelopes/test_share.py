"""An amount shared among contributions: by the cent, never more than each has, always the same."""

from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.envelopes.rules import share

A, B, C = (UUID(int=n) for n in (1, 2, 3))
WEIGHTS = st.dictionaries(st.uuids(), st.one_of(st.integers(0, 5), st.integers(0, 2**53 - 1)), min_size=1, max_size=6)


@st.composite
def wanted(draw: st.DrawFn) -> tuple[int, dict[UUID, int]]:
    weights = draw(WEIGHTS)
    return draw(st.integers(0, sum(weights.values()))), weights


@pytest.mark.parametrize(
    ("cents", "weights", "shares"),
    [
        (90, {A: 100, B: 50}, {A: 60, B: 30}),
        (100, {A: 100, B: 100, C: 100}, {A: 34, B: 33, C: 33}),
        (1, {A: 1, B: 1}, {A: 1}),
        (1, {B: 1, A: 1}, {A: 1}),
        (2, {A: 2, B: 1}, {A: 1, B: 1}),
        (5, {A: 0, B: 5}, {B: 5}),
        (0, {A: 3}, {}),
        (0, {}, {}),
        (3, {A: 1, B: 1, C: 1}, {A: 1, B: 1, C: 1}),
    ],
)
def test_shares_by_largest_remainder(cents: int, weights: dict[UUID, int], shares: dict[UUID, int]) -> None:
    assert share(cents, weights) == shares


@pytest.mark.parametrize("weights", [{}, {A: 9}, {A: 4, B: 5}])
def test_more_than_there_is_is_not_shared(weights: dict[UUID, int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        share(10, weights)


@given(wanted())
def test_shares_sum_to_the_amount_and_stay_within_a_cent_of_the_proportion(case: tuple[int, dict[UUID, int]]) -> None:
    cents, weights = case
    shares = share(cents, weights)
    assert sum(shares.values()) == cents
    total = sum(weights.values())
    for key, weight in weights.items():
        part = shares.get(key, 0)
        assert 0 <= part <= weight
        assert not total or abs(part - Fraction(cents * weight, total)) < 1
    assert all(part > 0 for part in shares.values())


@given(wanted(), st.randoms(use_true_random=False))
def test_shares_do_not_depend_on_the_order_of_the_contributions(
    case: tuple[int, dict[UUID, int]], chance: object
) -> None:
    cents, weights = case
    items = list(weights.items())
    chance.shuffle(items)  # type: ignore[attr-defined]  # a Random
    assert share(cents, dict(items)) == share(cents, weights)


@given(WEIGHTS)
def test_the_whole_takes_all_that_each_has(weights: dict[UUID, int]) -> None:
    assert share(sum(weights.values()), weights) == {key: weight for key, weight in weights.items() if weight}
