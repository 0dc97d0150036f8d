"""Final amounts of an aid: the rows of domain §10.2, cuts by public aid, and what always holds."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.awards.final import FinalAmounts, Settlement, final_amounts, settle

CENTS = st.integers(0, 10**12)


# The rows of §10.2: grant, advance, base, certified; grant due, advance due, grant released, advance released.
@pytest.mark.parametrize(
    ("grant", "advance", "base", "certified", "due", "lent", "released", "undrawn"),
    [
        (15000000, 10000000, 62500000, 57142857, 13714285, 9142857, 1285715, 857143),
        (15000000, 10000000, 62500000, 62500001, 15000000, 10000000, 0, 0),
        (15000000, 0, 43750000, 40000000, 13714285, 0, 1285715, 0),
        (7777777, 3333333, 33333333, 29999999, 6999999, 2999999, 777778, 333334),
        (12500000, 12500000, 50000000, 33333333, 8333333, 8333333, 4166667, 4166667),
    ],
)
def test_final_amounts_are_the_fraction_of_the_award_rounded_down(
    grant: int, advance: int, base: int, certified: int, due: int, lent: int, released: int, undrawn: int
) -> None:
    found = final_amounts(
        grant_cents=grant, advance_cents=advance, base_cents=base, certified_cents=certified, other_aid_cents=0
    )
    assert found == FinalAmounts(due, lent)
    assert (grant - found.grant_cents, advance - found.advance_cents) == (released, undrawn)


@pytest.mark.parametrize(
    ("other", "grant", "advance"),
    [
        (375, 150, 100),  # exactly the base of 625
        (376, 149, 100),  # the first cent too many, from the grant
        (525, 0, 100),
        (526, 0, 99),  # the grant is used up: from the advance
        (625, 0, 0),
        (10**12, 0, 0),
    ],
)
def test_public_aid_is_cut_to_the_base_from_the_grant_first(other: int, grant: int, advance: int) -> None:
    found = final_amounts(
        grant_cents=150, advance_cents=100, base_cents=625, certified_cents=625, other_aid_cents=other
    )
    assert found == FinalAmounts(grant, advance)


@given(st.integers(1, 10**12), CENTS, CENTS, CENTS, CENTS)
def test_a_final_amount_is_never_above_its_ceilings_and_never_a_cent_below(
    base: int, grant: int, advance: int, certified: int, other: int
) -> None:
    found = final_amounts(
        grant_cents=grant, advance_cents=advance, base_cents=base, certified_cents=certified, other_aid_cents=other
    )
    rights = [min(Fraction(award), Fraction(award * certified, base)) for award in (grant, advance)]
    for cents, right in zip(found, rights, strict=True):
        assert 0 <= cents <= right
    whole = sum(found) + other
    assert whole <= max(base, other)
    if found.grant_cents < int(rights[0]):  # cut by public aid: to the cent, and the advance only after the whole grant
        assert whole == base or found.grant_cents == 0
    if found.advance_cents < int(rights[1]):
        assert found.grant_cents == 0
        assert whole == base or found.advance_cents == 0


@given(CENTS, CENTS, CENTS, CENTS, CENTS, st.booleans())
def test_a_settlement_loses_no_cent(award: int, released: int, paid: int, claimed: int, final: int, last: bool) -> None:
    released = min(released, award)
    paid = min(paid, award - released)
    claimed, final = min(claimed, paid), min(final, award)
    found = settle(
        award_cents=award, released_cents=released, paid_cents=paid, claimed_back_cents=claimed, final_cents=final,
        last=last,
    )  # fmt: skip
    assert min(found) >= 0
    assert award == paid + released + found.released_cents + found.due_cents
    assert claimed + found.overpaid_cents <= paid
    assert not found.due_cents or not found.overpaid_cents
    assert paid + found.due_cents - claimed - found.overpaid_cents <= final
    if not released and not claimed and not last:  # what was kept in the end is the final amount, to the cent
        assert paid + found.due_cents - found.overpaid_cents == final


def test_a_balance_below_what_is_due_gives_the_rest_back() -> None:
    found = settle(award_cents=100, released_cents=0, paid_cents=60, claimed_back_cents=0, final_cents=90, last=True)
    assert found == Settlement(40, 0, 0)
