"""What an invoice comes to, and when it is due: without a database."""

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engineering.certificates.rules import vat_on
from app.engineering.invoices.rules import InvoiceState, replay, vat_number, vat_of

SERVICE = date(2023, 7, 5)


def acts(*told: tuple[str, str, str, date]) -> list[Any]:
    """Acts with the states before and after, each after the one before."""
    return [
        SimpleNamespace(
            number=number, act=act, from_state=source, to_state=to, effective_on=on, reverses_number=None,
            payment_days=30 if act == "make_available" else None,
        )
        for number, (act, source, to, on) in enumerate(told, 1)
    ]  # fmt: skip


def received(on: date) -> tuple[str, str, str, date]:
    return ("make_available", "deposited", "at_payer", on)


def suspended(on: date) -> tuple[str, str, str, date]:
    return ("suspend", "at_payer", "suspended", on)


def completed(on: date) -> tuple[str, str, str, date]:
    return ("complete", "suspended", "at_payer", on)


def due_on(*told: tuple[str, str, str, date], days: int = 30, kind: str = "invoice") -> date | None:
    recorded = acts(*told)
    for act in recorded:
        act.payment_days = act.payment_days and days
    return replay(kind, SERVICE, recorded).situation.due_on


@pytest.mark.parametrize(
    ("receipt", "due"),
    [(date(2023, 7, 4), date(2023, 8, 4)), (date(2023, 7, 5), date(2023, 8, 4)), (date(2023, 7, 6), date(2023, 8, 5))],
)
def test_the_delay_runs_from_the_later_of_receipt_and_service(receipt: date, due: date) -> None:
    assert due_on(received(receipt)) == due
    assert due_on(received(receipt), kind="credit_note") is None
    assert due_on() is None


def test_the_first_suspension_stops_the_delay_which_runs_anew() -> None:
    to = (received(date(2023, 7, 10)), suspended(date(2023, 7, 20)))  # due on 9 August, 20 days left
    assert due_on(*to) is None
    assert due_on(*to, completed(date(2023, 9, 1))) == date(2023, 10, 1)
    # What was left is more than thirty days; a shorter delay of the contract runs anew as it was.
    assert due_on(*to, completed(date(2023, 9, 1)), days=60) == date(2023, 10, 21)
    assert due_on(*to, completed(date(2023, 9, 1)), days=15) == date(2023, 9, 16)
    # One suspension alone, and none once the delay is over.
    again = (*to, completed(date(2023, 9, 1)), suspended(date(2023, 9, 2)))
    assert due_on(*again) == date(2023, 10, 1)
    assert due_on(*again, completed(date(2023, 11, 2))) == date(2023, 10, 1)
    assert due_on(received(date(2023, 7, 10)), suspended(date(2023, 8, 10))) == date(2023, 8, 9)
    assert due_on(received(date(2023, 7, 10)), suspended(date(2023, 8, 9))) is None


def test_an_act_that_was_reversed_counts_for_nothing() -> None:
    recorded = acts(received(date(2023, 7, 10)), suspended(date(2023, 7, 20)))
    reversal = SimpleNamespace(
        number=3, act="reverse", from_state="suspended", to_state="at_payer", effective_on=date(2023, 7, 21),
        reverses_number=2, payment_days=None,
    )  # fmt: skip
    life = replay("invoice", SERVICE, [*recorded, reversal])
    assert life.state is InvoiceState.AT_PAYER
    assert life.situation.due_on == date(2023, 8, 9)
    assert replay("invoice", SERVICE, []).situation == (InvoiceState.ISSUED, None, None, None)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from([2000, 1960, 1000, 550, 0])), min_size=1))
def test_vat_is_rounded_once_a_rate(lines: list[tuple[int, int]]) -> None:
    found = vat_of(lines)
    assert [each.rate_bp for each in found] == sorted({rate for _, rate in lines})
    assert sum(each.taxable_cents for each in found) == sum(amount for amount, _ in lines)
    for each in found:
        exact = Decimal(each.taxable_cents) * each.rate_bp / 10_000
        assert abs(each.vat_cents - exact) <= Decimal("0.5")
        assert each.vat_cents == vat_on(each.taxable_cents, each.rate_bp)
    opposite = vat_of((-amount, rate) for amount, rate in lines)
    assert [-each.vat_cents for each in opposite] == [each.vat_cents for each in found]


def test_the_vat_number_follows_from_the_siren() -> None:
    assert vat_number("443061841") == "FR64443061841"
