"""The schedule and the position of an advance: pure, by tables and properties."""

import calendar
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.advances.position import Assigned, Facts, PaidTranche, Position
from app.advances.replay import replay
from app.advances.schedule import (
    MONTHS,
    CashFlow,
    DueDates,
    Frequency,
    Impossible,
    Instalment,
    LoanTerms,
    due_dates,
    lines,
)

LONG_AGO = date(2020, 1, 1)


def terms(first: str = "2024-03-31", **more: Any) -> LoanTerms:
    facts: dict[str, Any] = {
        "instalments": 4, "frequency": Frequency.QUARTERLY, "grace_periods": 0, "grace_counts_in_term": False,
        "due_dates": DueDates.PERIOD_END, "first_due_on": date.fromisoformat(first), **more,
    }  # fmt: skip
    return LoanTerms(**facts)


def paid(cents: int, on: str = "2020-01-01") -> CashFlow:
    return CashFlow(date.fromisoformat(on), cents)


def days(given: LoanTerms) -> list[str]:
    return [day.isoformat() for day in due_dates(given)]


# --- due dates -------------------------------------------------------------------------------------------------------

MONTHLY, QUARTERLY, HALF_YEARLY, YEARLY = Frequency
ANCHORED, PERIOD_END = DueDates.ANCHORED, DueDates.PERIOD_END


@pytest.mark.parametrize(
    ("first", "frequency", "kind", "wanted"),
    [
        ("2023-01-31", MONTHLY, ANCHORED, "2023-01-31 2023-02-28 2023-03-31 2023-04-30"),
        ("2024-01-31", MONTHLY, ANCHORED, "2024-01-31 2024-02-29 2024-03-31 2024-04-30"),
        ("2023-01-30", MONTHLY, ANCHORED, "2023-01-30 2023-02-28 2023-03-30 2023-04-30"),
        ("2023-11-30", QUARTERLY, ANCHORED, "2023-11-30 2024-02-29 2024-05-30 2024-08-30"),
        ("2023-08-31", HALF_YEARLY, ANCHORED, "2023-08-31 2024-02-29 2024-08-31 2025-02-28"),
        ("2024-02-29", YEARLY, ANCHORED, "2024-02-29 2025-02-28 2026-02-28 2027-02-28"),
        ("2099-02-28", YEARLY, ANCHORED, "2099-02-28 2100-02-28 2101-02-28 2102-02-28"),
        ("2024-02-15", QUARTERLY, ANCHORED, "2024-02-15 2024-05-15 2024-08-15 2024-11-15"),
        ("2024-12-31", MONTHLY, PERIOD_END, "2024-12-31 2025-01-31 2025-02-28 2025-03-31"),
        ("2024-02-29", MONTHLY, PERIOD_END, "2024-02-29 2024-03-31 2024-04-30 2024-05-31"),
        ("2024-02-01", MONTHLY, PERIOD_END, "2024-02-29 2024-03-31 2024-04-30 2024-05-31"),
        ("2024-03-31", QUARTERLY, PERIOD_END, "2024-03-31 2024-06-30 2024-09-30 2024-12-31"),
        ("2024-01-01", QUARTERLY, PERIOD_END, "2024-03-31 2024-06-30 2024-09-30 2024-12-31"),
        ("2024-11-05", QUARTERLY, PERIOD_END, "2024-12-31 2025-03-31 2025-06-30 2025-09-30"),
        ("2024-03-31", HALF_YEARLY, PERIOD_END, "2024-06-30 2024-12-31 2025-06-30 2025-12-31"),
        ("2024-07-01", HALF_YEARLY, PERIOD_END, "2024-12-31 2025-06-30 2025-12-31 2026-06-30"),
        ("2024-01-01", YEARLY, PERIOD_END, "2024-12-31 2025-12-31 2026-12-31 2027-12-31"),
    ],
)
def test_instalments_fall_due_on_these_days(first: str, frequency: Frequency, kind: DueDates, wanted: str) -> None:
    assert days(terms(first, frequency=frequency, due_dates=kind)) == wanted.split()


@pytest.mark.parametrize(
    ("grace", "counts", "wanted"),
    [
        (0, False, "2024-03-31 2024-06-30 2024-09-30 2024-12-31"),
        (2, False, "2024-09-30 2024-12-31 2025-03-31 2025-06-30"),
        (2, True, "2024-09-30 2024-12-31"),
        (3, True, "2024-12-31"),
    ],
)
def test_the_grace_comes_before_the_instalments_or_is_the_first_of_them(grace: int, counts: bool, wanted: str) -> None:
    assert days(terms(grace_periods=grace, grace_counts_in_term=counts)) == wanted.split()


def test_a_schedule_ends_in_2199_at_the_latest() -> None:
    assert days(terms("2199-03-31"))[-1] == "2199-12-31"
    with pytest.raises(Impossible, match="schedule_too_long"):
        due_dates(terms("2199-06-30"))


# --- lines -----------------------------------------------------------------------------------------------------------


def principals(found: list[Instalment]) -> list[int]:
    return [line.principal_cents for line in found]


def test_a_hundred_thousand_euros_in_twelve_quarters() -> None:
    found = lines(terms(instalments=12), [paid(100_000_00)])
    assert principals(found) == [8_333_33] * 11 + [8_333_37]
    assert (found[0].due_on, found[-1].due_on) == (date(2024, 3, 31), date(2026, 12, 31))
    assert [line.number for line in found] == list(range(1, 13))
    assert (found[0].opening_cents, found[-1].opening_cents, found[-1].closing_cents) == (100_000_00, 8_333_37, 0)
    assert {line.interest_cents for line in found} == {0}


@pytest.mark.parametrize(
    ("cents", "multiple", "wanted"),
    [
        (100, 1, [25, 25, 25, 25]),
        (101, 1, [25, 25, 25, 26]),
        (103, 1, [26, 26, 26, 25]),
        (3, 1, [1, 1, 1, 0]),
        (1, 1, [0, 0, 0, 1]),
        (1_000, 100, [300, 300, 300, 100]),
        (999, 100, [200, 200, 200, 399]),
        (1_000, 1_000, [0, 0, 0, 1_000]),
        (50_001, 5_000, [15_000, 15_000, 15_000, 5_001]),
    ],
)
def test_lines_are_rounded_half_up_and_the_last_takes_the_remainder(
    cents: int, multiple: int, wanted: list[int]
) -> None:
    assert principals(lines(terms(multiple_cents=multiple), [paid(cents)])) == wanted


@pytest.mark.parametrize(
    ("cents", "multiple", "wanted"),
    [
        (103, 1, [25, 25, 25, 28]),
        (3, 1, [0, 0, 0, 3]),
        (999, 100, [200, 200, 200, 399]),
        (50_001, 5_000, [10_000, 10_000, 10_000, 20_001]),
    ],
)
def test_an_advance_that_was_awarded_before_keeps_its_lines_rounded_down(
    cents: int, multiple: int, wanted: list[int]
) -> None:
    old = terms(multiple_cents=multiple, rounded_down=True)
    assert principals(lines(old, [paid(cents)])) == wanted
    twice = principals(lines(old, [paid(cents), paid(cents)]))  # each tranche by itself
    assert twice == [2 * each for each in wanted]


@pytest.mark.parametrize(
    ("tranches", "wanted", "openings"),
    [
        ([], [], []),
        ([paid(100), paid(60)], [40, 40, 40, 40], [160, 120, 80, 40]),
        ([paid(100), paid(60, "2024-04-01")], [25, 45, 45, 45], [100, 135, 90, 45]),
        ([paid(60, "2024-04-01"), paid(100)], [25, 45, 45, 45], [100, 135, 90, 45]),
        # On a due date the money is paid after the instalment: the day does not repay it.
        ([paid(100, "2024-03-31")], [0, 33, 33, 34], [0, 100, 67, 34]),
        ([paid(100, "2024-03-30")], [25, 25, 25, 25], [100, 75, 50, 25]),
        ([paid(99, "2024-12-30")], [0, 0, 0, 99], [0, 0, 0, 99]),
        ([paid(101), paid(101)], [51, 51, 51, 49], [202, 151, 100, 49]),
    ],
)
def test_at_each_tranche_what_is_outstanding_is_spread_over_the_due_dates_after_it(
    tranches: list[CashFlow], wanted: list[int], openings: list[int]
) -> None:
    found = lines(terms(), tranches)
    assert principals(found) == wanted
    assert [line.opening_cents for line in found] == openings


@pytest.mark.parametrize("on", ["2024-12-31", "2025-01-01"])
def test_a_tranche_from_the_last_due_date_on_has_no_schedule(on: str) -> None:
    with pytest.raises(Impossible, match="tranche_after_last_due"):
        lines(terms(), [paid(1, on)])


@st.composite
def any_terms(draw: st.DrawFn) -> LoanTerms:
    instalments = draw(st.integers(1, 60))
    counts = draw(st.booleans())
    return LoanTerms(
        instalments=instalments,
        frequency=draw(st.sampled_from(Frequency)),
        grace_periods=draw(st.integers(0, instalments - 1 if counts else 20)),
        grace_counts_in_term=counts,
        due_dates=draw(st.sampled_from(DueDates)),
        rounded_down=draw(st.booleans()),
        first_due_on=draw(st.dates(date(1990, 1, 1), date(2110, 12, 31))),
        multiple_cents=draw(st.sampled_from([1, 1, 100, 1_000_000])),
    )


@st.composite
def any_loan(draw: st.DrawFn) -> tuple[LoanTerms, list[CashFlow]]:
    given = draw(any_terms())
    last = due_dates(given)[-1]
    moments = st.dates(last - timedelta(days=9_000), last - timedelta(days=1))
    cents = st.one_of(st.integers(1, 100), st.integers(1, 2**53 - 1))
    return given, draw(st.lists(st.builds(CashFlow, moments, cents), min_size=1, max_size=5))


@given(any_terms())
def test_due_dates_are_strictly_increasing_and_as_many_as_the_instalments(given_terms: LoanTerms) -> None:
    found = due_dates(given_terms)
    grace = given_terms.grace_periods if given_terms.grace_counts_in_term else 0
    assert len(found) == given_terms.instalments - grace
    assert all(before < after for before, after in pairwise(found))
    step, first = MONTHS[given_terms.frequency], given_terms.first_due_on
    assert first is not None
    months = [day.year * 12 + day.month for day in found]
    assert all(after - before == step for before, after in pairwise(months))
    for day in found:
        end = calendar.monthrange(day.year, day.month)[1]
        if given_terms.due_dates is PERIOD_END:
            assert day.day == end
            assert day.month % step == 0
        else:
            assert day.day == min(first.day, end)
    if not given_terms.grace_periods:
        assert found[0] == first if given_terms.due_dates is ANCHORED else found[0] >= first
        assert (found[0].year * 12 + found[0].month) - (first.year * 12 + first.month) < step


@given(any_loan())
def test_a_schedule_repays_what_was_disbursed_to_the_cent_and_no_line_is_negative(
    loan: tuple[LoanTerms, list[CashFlow]],
) -> None:
    given_terms, tranches = loan
    found = lines(given_terms, tranches)
    assert sum(principals(found)) == sum(tranche.cents for tranche in tranches)
    assert [line.due_on for line in found] == due_dates(given_terms)
    assert found[-1].closing_cents == 0
    for line in found:
        assert min(line.opening_cents, line.principal_cents, line.closing_cents) >= 0
        assert line.closing_cents == line.opening_cents - line.principal_cents
        assert line.total_cents == line.principal_cents + line.interest_cents
    for before, after in pairwise(found):
        between = sum(t.cents for t in tranches if before.due_on <= t.on < after.due_on)
        assert after.opening_cents == before.closing_cents + between
        assert before.principal_cents % given_terms.multiple_cents == 0 or before.closing_cents == 0
    assert lines(given_terms, tranches[::-1]) == found


# --- where an advance stands -----------------------------------------------------------------------------------------

LENT = [paid(400)]


def stand_of(given_terms: LoanTerms, tranches: list[CashFlow], repayments: list[CashFlow], as_of: date) -> Position:
    out = [PaidTranche(place, flow.on, flow.cents) for place, flow in enumerate(tranches)]
    back = [Assigned(place, flow.on, flow.cents, place) for place, flow in enumerate(repayments)]
    return replay(Facts(given_terms, out, back), as_of)


@pytest.mark.parametrize(
    ("repayments", "as_of", "due", "settled", "late", "outstanding"),
    [
        ([], "2024-03-30", 0, 0, 0, 400),
        ([], "2024-03-31", 100, 0, 0, 400),
        ([], "2024-04-01", 100, 0, 100, 400),
        ([], "2024-06-30", 200, 0, 100, 400),
        ([], "2024-07-01", 200, 0, 200, 400),
        ([], "2199-12-31", 400, 0, 400, 400),
        ([paid(100, "2024-03-31")], "2024-04-01", 100, 100, 0, 300),
        ([paid(100, "2024-04-01")], "2024-04-01", 100, 100, 0, 300),
        ([paid(100, "2024-04-02")], "2024-04-01", 100, 0, 100, 400),
        ([paid(99, "2024-03-01")], "2024-04-01", 100, 99, 1, 301),
        ([paid(150, "2024-03-01")], "2024-07-01", 200, 150, 50, 250),
        ([paid(400, "2023-01-01")], "2024-03-01", 0, 400, 0, 0),
        ([paid(100, "2024-03-31"), paid(300, "2024-07-01")], "2024-07-01", 200, 400, 0, 0),
        ([], "2019-12-31", 0, 0, 0, 0),
    ],
)
def test_what_is_due_paid_late_and_outstanding_on_a_day(
    repayments: list[CashFlow], as_of: str, due: int, settled: int, late: int, outstanding: int
) -> None:
    stands = stand_of(terms(), LENT, repayments, date.fromisoformat(as_of))
    fallen = sum(each.line.principal_cents for each in stands.lines if each.line.due_on <= stands.as_of)
    assert (fallen, stands.repaid_cents, stands.overdue_cents) == (due, settled, late)
    assert stands.outstanding_cents == outstanding


def test_repayments_settle_the_oldest_lines_first() -> None:
    stands = stand_of(terms(), LENT, [paid(50, "2024-05-01"), paid(80, "2024-04-01")], date(2024, 7, 1))
    assert [each.principal_left_cents for each in stands.lines] == [0, 70, 100, 100]
    assert [each.days_past_due for each in stands.lines] == [0, 1, 0, 0]


def test_a_tranche_that_is_paid_later_is_not_owed_before() -> None:
    stands = stand_of(terms(), [paid(400), paid(90, "2024-05-01")], [], date(2024, 4, 30))
    assert (stands.disbursed_cents, stands.outstanding_cents) == (400, 400)
    assert [each.line.principal_cents for each in stands.lines] == [100] * 4
    after = stand_of(terms(), [paid(400), paid(90, "2024-05-01")], [], date(2024, 5, 1))
    assert [each.line.principal_cents for each in after.lines] == [100, 130, 130, 130]


@pytest.mark.parametrize(
    ("tranches", "repayments", "wrong"),
    [
        ([], [], False),
        ([paid(10)], [paid(10)], False),  # money of one day counts together
        ([paid(10)], [paid(11)], True),
        ([paid(10, "2024-01-02")], [paid(1, "2024-01-01")], True),
        ([paid(10, "2024-01-01"), paid(10, "2024-01-03")], [paid(11, "2024-01-02")], True),
        ([paid(10, "2024-01-01"), paid(10, "2024-01-03")], [paid(10, "2024-01-02"), paid(10, "2024-01-03")], False),
    ],
)
def test_what_comes_back_before_it_went_out_is_overpaid(
    tranches: list[CashFlow], repayments: list[CashFlow], wrong: bool
) -> None:
    assert bool(stand_of(terms(), tranches, repayments, date(2199, 12, 31)).overpaid_cents) is wrong
