"""The ceilings of payments, at the cent: every row of the table of checked figures, and each kind of payment."""

from typing import Any

import pytest

from app.awards.final import due_on_certified
from app.awards.payments.rules import PaymentAboveDue
from app.grants.ceilings import (
    AdvancePaymentCeiling,
    BeforeCompletionCeiling,
    PaymentPosition,
    above,
    advance_bp,
    before_completion_bp,
    share_cents,
)
from app.grants.payments.rules import PaymentKind
from app.schemes.rules import Parameters

ADVANCE, INTERIM, BALANCE = PaymentKind
DECREE = Parameters(
    advance_payment_bp=3000, advance_payment_guaranteed_bp=6000, paid_before_completion_bp=8000,
    paid_before_completion_long_bp=9000, long_project_months=48,
)  # fmt: skip


def position(**more: Any) -> PaymentPosition:
    """A grant of 100 000.01 € on a base of 250 000 €, on which nothing is certified or paid."""
    values: dict[str, Any] = {
        "award_cents": 10_000_001, "base_cents": 25_000_000, "certified_cents": 0, "paid_cents": 0,
        "in_flight_cents": 0, "recovered_cents": 0, "final_cents": None, "advance_payments_cents": 0,
        "interim_payments_cents": 0, "advance_bp": 3000, "before_completion_bp": 8000,
    }  # fmt: skip
    return PaymentPosition(**values | more)


@pytest.mark.parametrize(
    ("award", "most"),
    [
        (10_000_001, (3_000_000, 6_000_000, 8_000_000, 9_000_000)),
        (15_000_000, (4_500_000, 9_000_000, 12_000_000, 13_500_000)),
        (10_000, (3_000, 6_000, 8_000, 9_000)),
        (1, (0, 0, 0, 0)),
        (99, (29, 59, 79, 89)),
        (66_666_667, (20_000_000, 40_000_000, 53_333_333, 60_000_000)),
    ],
)
def test_a_share_of_an_award_is_rounded_down_to_the_cent(award: int, most: tuple[int, ...]) -> None:
    shares = [
        *(advance_bp(DECREE, guaranteed=guaranteed) for guaranteed in (False, True)),
        *(before_completion_bp(DECREE, long=long) for long in (False, True)),
    ]
    assert shares == [3000, 6000, 8000, 9000]
    assert tuple(share_cents(award, bp) for bp in shares if bp is not None) == most
    for bp, cents in zip(shares, most, strict=True):  # the comparison in integers says the same
        assert bp is not None
        assert cents * 10_000 <= award * bp < (cents + 1) * 10_000


@pytest.mark.parametrize(
    ("award", "base", "certified", "due"),
    [
        (15_000_000, 62_500_000, 57_142_857, 13_714_285),
        (10_000_000, 62_500_000, 57_142_857, 9_142_857),
        (15_000_000, 62_500_000, 62_500_001, 15_000_000),
        (10_000_000, 62_500_000, 62_500_001, 10_000_000),
        (15_000_000, 43_750_000, 40_000_000, 13_714_285),
        (7_777_777, 33_333_333, 29_999_999, 6_999_999),
        (3_333_333, 33_333_333, 29_999_999, 2_999_999),
        (12_500_000, 50_000_000, 33_333_333, 8_333_333),
    ],
)
def test_what_is_due_on_certified_expenses_is_the_fraction_rounded_down(
    award: int, base: int, certified: int, due: int
) -> None:
    assert due_on_certified(award, certified, base) == due
    tried = position(award_cents=award, base_cents=base, certified_cents=certified, before_completion_bp=None)
    for kind in (INTERIM, BALANCE):
        assert list(above(tried, kind, due)) == []
        assert [refused.members for refused in above(tried, kind, due + 1)] == [
            {"requested_cents": due + 1, "allowed_cents": due}
        ]


CERTIFIED = {"certified_cents": 25_000_000}
ADVANCED = {"advance_payments_cents": 3_000_000, "paid_cents": 3_000_000}


@pytest.mark.parametrize(
    ("kind", "known", "allowed", "refused"),
    [
        (ADVANCE, {}, 3_000_000, AdvancePaymentCeiling),
        (ADVANCE, {"advance_bp": 6000}, 6_000_000, AdvancePaymentCeiling),
        (ADVANCE, {"advance_payments_cents": 2_999_999, "in_flight_cents": 2_999_999}, 1, AdvancePaymentCeiling),
        (ADVANCE, {"advance_payments_cents": 4_000_000, "paid_cents": 4_000_000}, 0, AdvancePaymentCeiling),
        (ADVANCE, {"advance_bp": None}, 8_000_000, BeforeCompletionCeiling),
        (ADVANCE, {"interim_payments_cents": 7_999_999, "paid_cents": 7_999_999}, 1, BeforeCompletionCeiling),
        (INTERIM, CERTIFIED, 8_000_000, BeforeCompletionCeiling),
        (INTERIM, {**CERTIFIED, "before_completion_bp": 9000}, 9_000_000, BeforeCompletionCeiling),
        (INTERIM, {**CERTIFIED, **ADVANCED}, 5_000_000, BeforeCompletionCeiling),
        (INTERIM, {"certified_cents": 10_000_000}, 4_000_000, PaymentAboveDue),
        (INTERIM, {"certified_cents": 10_000_000, **ADVANCED}, 1_000_000, PaymentAboveDue),  # the advance is absorbed
        (INTERIM, {"certified_cents": 7_000_000, **ADVANCED}, 0, PaymentAboveDue),
        (INTERIM, {}, 0, PaymentAboveDue),
        (BALANCE, {**CERTIFIED, **ADVANCED}, 7_000_001, PaymentAboveDue),
        (BALANCE, {**CERTIFIED, **ADVANCED, "in_flight_cents": 1}, 7_000_000, PaymentAboveDue),
        (BALANCE, {**CERTIFIED, **ADVANCED, "recovered_cents": 1_000_000}, 8_000_001, PaymentAboveDue),
        (BALANCE, {**CERTIFIED, "before_completion_bp": 1}, 10_000_001, PaymentAboveDue),
    ],
)
def test_each_kind_of_payment_is_bounded_at_the_cent(
    kind: PaymentKind, known: dict[str, Any], allowed: int, refused: type[Exception]
) -> None:
    tried = position(**known)
    assert not allowed or list(above(tried, kind, allowed)) == []  # nobody pays nothing
    first = next(above(tried, kind, allowed + 1))
    assert type(first) is refused
    assert first.members["allowed_cents"] == allowed


def test_what_a_payment_breaks_is_told_by_every_ceiling_in_their_order() -> None:
    assert [type(each) for each in above(position(), ADVANCE, 10_000_001)] == [
        AdvancePaymentCeiling, BeforeCompletionCeiling,
    ]  # fmt: skip
    assert [type(each) for each in above(position(), INTERIM, 10_000_001)] == [BeforeCompletionCeiling, PaymentAboveDue]
    assert [type(each) for each in above(position(), BALANCE, 1)] == [PaymentAboveDue]


def test_a_scheme_without_a_parameter_sets_no_such_ceiling() -> None:
    known = Parameters(advance_payment_bp=500, paid_before_completion_bp=700)
    assert (advance_bp(Parameters(), guaranteed=True), before_completion_bp(Parameters(), long=True)) == (None, None)
    assert (advance_bp(known, guaranteed=True), before_completion_bp(known, long=True)) == (500, 700)
