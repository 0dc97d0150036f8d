"""The repayment schedule of an advance, and what is due, paid and late on a day. Pure: no session, no await.

Rules: zero rate and constant principal; every line is a whole number of cents and the last takes the remainder, so the
lines sum to what was disbursed (convention of *avance remboursable*; domain of the programme, rule 23). Interest and
other shapes have their names in the terms already and are refused until they are built.
"""

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Frequency(StrEnum):
    """How often an instalment falls due."""

    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    HALF_YEARLY = "half_yearly"
    YEARLY = "yearly"


MONTHS = {Frequency.MONTHLY: 1, Frequency.QUARTERLY: 3, Frequency.HALF_YEARLY: 6, Frequency.YEARLY: 12}


class DueDates(StrEnum):
    """`period_end`: the last day of the month, quarter, half-year or year; `anchored`: the day of the first due date,
    or the month's last day where the month is shorter (31 January, 28 February, 31 March).
    """

    PERIOD_END = "period_end"
    ANCHORED = "anchored"


@dataclass(frozen=True)
class Terms:
    """What the schedule depends on.

    `instalments` repay the principal. During `grace_periods` nothing is due; they come before the instalments, or are
    the first of them where `grace_counts_in_term`. `first_due_on` is the due date of the first period, grace or not.
    Instalments are rounded down to a multiple of `multiple_cents`; the last one takes the remainder.
    """

    instalments: int
    frequency: Frequency
    grace_periods: int
    grace_counts_in_term: bool
    due_dates: DueDates
    first_due_on: date
    multiple_cents: int = 1


@dataclass(frozen=True)
class Payment:
    """Money that moved on a day: a tranche paid out, or a repayment received. Cents, above zero."""

    on: date
    cents: int


@dataclass(frozen=True)
class Line:
    """An instalment. All amounts are cents; `closing_cents` is what is still to be repaid after it."""

    number: int
    due_on: date
    opening_cents: int
    principal_cents: int
    interest_cents: int
    total_cents: int
    closing_cents: int


def due_dates(terms: Terms) -> list[date]:
    """The days on which principal falls due, strictly increasing. ValueError past the year 2199."""
    periods = terms.instalments + (0 if terms.grace_counts_in_term else terms.grace_periods)
    return [_due_on(terms, period) for period in range(terms.grace_periods, periods)]


def _due_on(terms: Terms, period: int) -> date:
    months = MONTHS[terms.frequency]
    first = terms.first_due_on
    if terms.due_dates is DueDates.PERIOD_END:
        # The last month of the calendar period that holds the first due date.
        month_index = first.year * 12 + (first.month - 1) // months * months + months - 1
        anchor = 31
    else:
        month_index = first.year * 12 + first.month - 1
        anchor = first.day
    year, month = divmod(month_index + period * months, 12)
    if year > 2199:
        raise ValueError("the schedule goes past the year 2199")
    return date(year, month + 1, min(anchor, calendar.monthrange(year, month + 1)[1]))


def lines(terms: Terms, tranches: Iterable[Payment]) -> list[Line]:
    """The schedule of what has been disbursed: each tranche is spread over the due dates after its payment.

    The principals sum to the tranches, to the cent. ValueError where a tranche is paid on or after the last due date.
    """
    paid = sorted(tranches, key=lambda tranche: tranche.on)
    if not paid:
        return []
    days = due_dates(terms)
    principal = dict.fromkeys(days, 0)
    for tranche in paid:
        ahead = [day for day in days if day > tranche.on]
        if not ahead:
            raise ValueError("the tranche is paid after the last due date")
        each = tranche.cents // len(ahead) // terms.multiple_cents * terms.multiple_cents
        for day in ahead:
            principal[day] += each
        principal[ahead[-1]] += tranche.cents - each * len(ahead)
    found = []
    repaid = 0
    for number, day in enumerate(days, start=1):
        opening = sum(tranche.cents for tranche in paid if tranche.on < day) - repaid
        cents = principal[day]
        repaid += cents
        found.append(Line(number, day, opening, cents, 0, cents, opening - cents))
    return found


@dataclass(frozen=True)
class Standing:
    """What a line has received by a day: `late_cents` is unpaid after its due date."""

    line: Line
    paid_cents: int
    late_cents: int


@dataclass(frozen=True)
class Position:
    """Where an advance stands on a day, in cents. `due_cents` has fallen due by then, paid or not."""

    disbursed_cents: int
    due_cents: int
    paid_cents: int
    late_cents: int
    outstanding_cents: int
    lines: list[Standing]


def position(terms: Terms, tranches: Sequence[Payment], repayments: Sequence[Payment], as_of: date) -> Position:
    """What is due, paid, late and outstanding on `as_of`; repayments settle the oldest lines first.

    A line is late from the day after its due date.
    """
    schedule = lines(terms, [tranche for tranche in tranches if tranche.on <= as_of])
    disbursed = sum(tranche.cents for tranche in tranches if tranche.on <= as_of)
    paid = sum(repayment.cents for repayment in repayments if repayment.on <= as_of)
    left = paid
    standings = []
    for line in schedule:
        settled = min(left, line.total_cents)
        left -= settled
        late = line.total_cents - settled if line.due_on < as_of else 0
        standings.append(Standing(line, settled, late))
    return Position(
        disbursed_cents=disbursed,
        due_cents=sum(line.total_cents for line in schedule if line.due_on <= as_of),
        paid_cents=paid,
        late_cents=sum(standing.late_cents for standing in standings),
        outstanding_cents=disbursed - paid,
        lines=standings,
    )


def repaid_before_disbursed(tranches: Iterable[Payment], repayments: Iterable[Payment]) -> bool:
    """Whether, on some day, more would have been repaid than disbursed. Money of one day counts together."""
    moves: dict[date, int] = {}
    for tranche in tranches:
        moves[tranche.on] = moves.get(tranche.on, 0) + tranche.cents
    for repayment in repayments:
        moves[repayment.on] = moves.get(repayment.on, 0) - repayment.cents
    owed = 0
    for day in sorted(moves):
        owed += moves[day]
        if owed < 0:
            return True
    return False
