"""The repayment schedule of an advance, and what is due, paid and late on a day. Pure: no session, no await.

All arithmetic is on whole cents and exact fractions. Interest is computed on what a line opens with and rounded half-up
once a line; principals sum to what was paid out, with what was capitalised, to the cent.
"""

import calendar
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

MOST_PERIODS = 600
LAST_YEAR = 2199
RATE_MAX_BP = 5_000
CENTS_MAX = 2**53 - 1  # what every JSON client reads exactly


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


class ScheduleShape(StrEnum):
    """How the principal is spread over the instalments.

    `constant_principal`: equal parts; `constant_instalment`: equal totals of principal and interest; `steps`: the
    amounts of steps; `bullet`: all with the last instalment (*in fine*); `custom`: dates and principals as given.
    """

    CONSTANT_PRINCIPAL = "constant_principal"
    CONSTANT_INSTALMENT = "constant_instalment"
    STEPS = "steps"
    BULLET = "bullet"
    CUSTOM = "custom"


class GraceKind(StrEnum):
    """What becomes of interest while no principal is due (*différé*).

    `nothing_due`: none runs; `interest_only`: it is paid each period; `interest_deferred`: it falls due with the first
    instalment after, without interest on it; `interest_capitalised`: it is added to the balance each period.
    """

    NOTHING_DUE = "nothing_due"
    INTEREST_ONLY = "interest_only"
    INTEREST_DEFERRED = "interest_deferred"
    INTEREST_CAPITALISED = "interest_capitalised"


class DayCount(StrEnum):
    """The part of a year that a period is.

    `30_360`: a whole period is its months over 12, a broken one its real days over 365; `act_365` and `act_360`: real
    days over 365 or 360, also in leap years.
    """

    THIRTY_360 = "30_360"
    ACT_360 = "act_360"
    ACT_365 = "act_365"


class Remainder(StrEnum):
    """Where the rest goes when principals are rounded to a multiple.

    `last`: each is rounded half-up, the last takes the rest; `first`: each is rounded down, the first takes the rest;
    `spread`: each is rounded down, whole multiples go to the first ones one by one, odd cents to the last.
    """

    LAST = "last"
    FIRST = "first"
    SPREAD = "spread"


class InstalmentStep(NamedTuple):
    """Instalments in a row that repay `cents` each, as long as nothing changes what is outstanding."""

    instalments: int
    cents: int


class EarlierRate(NamedTuple):
    """A rate a year that interest ran at until the end of a day, when an amendment changed it."""

    until_on: date
    rate_bp: int


class Planned(NamedTuple):
    """A line of a custom schedule: when it falls due, and the principal that it repays."""

    due_on: date
    cents: int


@dataclass(frozen=True)
class LoanTerms:
    """What the schedule depends on, beside the tranches.

    `instalments` repay the principal. The `grace_periods` come before them, or are the first of them where
    `grace_counts_in_term`. `first_due_on` is the due date of the first period, grace or not; without it, the first
    period begins with the first tranche. A custom schedule has its `planned` lines, and only rate and day count beside.
    `rounded_down` is for advances awarded while lines were rounded down (see `_rounded_down`). `annual_rate_bp` is the
    rate now; `earlier_rates` are those that amendments have changed, in the order of their days.
    """

    instalments: int
    frequency: Frequency = Frequency.MONTHLY
    grace_periods: int = 0
    grace_counts_in_term: bool = False
    due_dates: DueDates = DueDates.PERIOD_END
    first_due_on: date | None = None
    multiple_cents: int = 1
    remainder: Remainder = Remainder.LAST
    shape: ScheduleShape = ScheduleShape.CONSTANT_PRINCIPAL
    annual_rate_bp: int = 0
    grace_kind: GraceKind = GraceKind.NOTHING_DUE
    day_count: DayCount = DayCount.THIRTY_360
    steps: Sequence[InstalmentStep] = ()
    planned: Sequence[Planned] = ()
    rounded_down: bool = False
    earlier_rates: Sequence[EarlierRate] = ()

    @property
    def periods(self) -> int:
        """Periods of the whole schedule, those of the grace among them."""
        return self.instalments + (0 if self.grace_counts_in_term else self.grace_periods)

    @property
    def repaying(self) -> int:
        """Lines that repay principal."""
        return self.periods - self.grace_periods

    @property
    def resting(self) -> int:
        """Periods at the beginning that have no line."""
        return self.grace_periods if self.grace_kind is GraceKind.NOTHING_DUE else 0


def at_rate(terms: LoanTerms, rate_bp: int, from_on: date) -> LoanTerms:
    """The terms with another rate from the day after `from_on` on."""
    changed = EarlierRate(from_on, terms.annual_rate_bp)
    return replace(terms, annual_rate_bp=rate_bp, earlier_rates=(*terms.earlier_rates, changed))


class CashFlow(NamedTuple):
    """Money that moved on a day: a tranche paid out, or a repayment received. Cents, above zero."""

    on: date
    cents: int


class Instalment(NamedTuple):
    """A line of the schedule. All amounts are cents; `closing_cents` is what is still to be repaid after it.

    `opening_cents` holds the tranches paid since the line before; `capitalised_cents` is interest that is added to the
    balance and not due: closing = opening - principal + capitalised.
    """

    number: int
    due_on: date
    opening_cents: int
    principal_cents: int
    interest_cents: int
    capitalised_cents: int
    total_cents: int
    closing_cents: int


# --- what terms cannot be --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TermsFault:
    """Why there is no schedule: the field, as the path to it, the rule, and its figures."""

    at: tuple[str | int, ...]
    code: str
    members: Mapping[str, Any] = field(default_factory=dict)


class Impossible(ValueError):
    """No schedule can be made of these terms and tranches."""

    def __init__(self, at: tuple[str | int, ...], code: str, **members: Any) -> None:
        super().__init__(code)
        self.fault = TermsFault(at, code, members)


def faults(terms: LoanTerms, tranches: Sequence[CashFlow]) -> list[TermsFault]:
    """Why these terms and tranches give no schedule; empty where they give one."""
    refused = [*_faults_of_rate(terms), *_faults_of_tranches(tranches)]
    if terms.shape is ScheduleShape.CUSTOM:
        refused += _faults_of_planned(terms, tranches)
    else:
        refused += faults_of_periods(terms)
    if terms.shape is ScheduleShape.STEPS:
        refused += _faults_of_steps(terms, tranches)
    if terms.shape is ScheduleShape.CONSTANT_INSTALMENT and terms.remainder is not Remainder.LAST:
        refused.append(TermsFault(("rounding", "remainder"), "remainder_of_instalments"))
    if refused:
        return refused
    refused = _faults_of_dates(terms, tranches)
    if not refused:
        try:
            made = lines(terms, tranches)
        except Impossible as impossible:
            return [impossible.fault]
        if max(sum(line.total_cents for line in made), *(line.closing_cents for line in made)) > CENTS_MAX:
            refused.append(TermsFault(("annual_rate_bp",), "sum_too_large", {"maximum_cents": CENTS_MAX}))
    return refused


def faults_of_periods(terms: LoanTerms) -> list[TermsFault]:
    """Too many periods, a grace without end, or instalments after the last year; nothing about tranches."""
    if terms.periods > MOST_PERIODS:
        return [TermsFault(("instalments",), "too_many_periods", {"periods": terms.periods, "most": MOST_PERIODS})]
    if terms.repaying < 1:
        members = {"grace_periods": terms.grace_periods, "instalments": terms.instalments}
        return [TermsFault(("grace_periods",), "grace_without_end", members)]
    if terms.first_due_on is not None:
        try:
            _boundaries(terms, terms.first_due_on)
        except Impossible as impossible:
            return [impossible.fault]
    return []


def faults_of_terms(terms: LoanTerms) -> list[TermsFault]:
    """Why terms give no schedule, whatever is paid and when; empty where they can give one."""
    refused = [*_faults_of_rate(terms)]
    if terms.shape is not ScheduleShape.CUSTOM:
        refused += faults_of_periods(terms)
    elif len(terms.planned) > MOST_PERIODS:
        refused.append(
            TermsFault(("lines",), "too_many_periods", {"periods": len(terms.planned), "most": MOST_PERIODS})
        )
    refused += _faults_of_order(terms)
    if (
        terms.shape is ScheduleShape.STEPS
        and (count := sum(step.instalments for step in terms.steps)) != terms.repaying
    ):
        members = {"steps_instalments": count, "instalments": terms.repaying}
        refused.append(TermsFault(("steps",), "steps_count", members))
    if terms.shape is ScheduleShape.CONSTANT_INSTALMENT and terms.remainder is not Remainder.LAST:
        refused.append(TermsFault(("rounding", "remainder"), "remainder_of_instalments"))
    return refused


def _faults_of_order(terms: LoanTerms) -> Iterator[TermsFault]:
    for place, (before, after) in enumerate(pairwise(terms.planned), start=1):
        if after.due_on <= before.due_on:
            yield TermsFault(("lines", place, "due_on"), "dates_not_increasing", {"previous_on": before.due_on})


def faults_of_amount(terms: LoanTerms, tranches: Sequence[CashFlow]) -> list[TermsFault]:
    """Why terms that are possible do not repay these tranches."""
    if terms.shape is ScheduleShape.STEPS:
        refused = list(_faults_of_steps(terms, tranches))
    else:
        refused = list(_faults_of_planned(terms, tranches)) if terms.shape is ScheduleShape.CUSTOM else []
    if not refused:
        try:
            lines(terms, tranches)
        except Impossible as impossible:
            refused = [impossible.fault]
    return refused


def _faults_of_rate(terms: LoanTerms) -> Iterator[TermsFault]:
    if not 0 <= terms.annual_rate_bp <= RATE_MAX_BP:
        yield TermsFault(("annual_rate_bp",), "rate_out_of_range", {"minimum": 0, "maximum": RATE_MAX_BP})
    elif terms.annual_rate_bp and terms.shape is ScheduleShape.CUSTOM and terms.day_count is DayCount.THIRTY_360:
        yield TermsFault(("day_count",), "day_count_of_custom")


def _faults_of_tranches(tranches: Sequence[CashFlow]) -> Iterator[TermsFault]:
    for place, (before, after) in enumerate(pairwise(tranches), start=1):
        if after.on < before.on:
            yield TermsFault(("tranches", place, "paid_on"), "tranches_out_of_order", {"previous_on": before.on})
    if sum(tranche.cents for tranche in tranches) > CENTS_MAX:
        yield TermsFault(("tranches",), "sum_too_large", {"maximum_cents": CENTS_MAX})


def _faults_of_planned(terms: LoanTerms, tranches: Sequence[CashFlow]) -> Iterator[TermsFault]:
    if len(terms.planned) > MOST_PERIODS:
        yield TermsFault(("lines",), "too_many_periods", {"periods": len(terms.planned), "most": MOST_PERIODS})
    paid_on, principal = tranches[0].on, sum(tranche.cents for tranche in tranches)
    if terms.planned[0].due_on <= paid_on:
        yield TermsFault(("lines", 0, "due_on"), "line_before_disbursement", {"disbursed_on": paid_on})
    yield from _faults_of_order(terms)
    planned = sum(line.cents for line in terms.planned)
    if planned != principal:
        yield TermsFault(("lines",), "lines_sum", {"lines_cents": planned, "principal_cents": principal})


def _faults_of_steps(terms: LoanTerms, tranches: Sequence[CashFlow]) -> Iterator[TermsFault]:
    count = sum(step.instalments for step in terms.steps)
    if count != terms.repaying:
        yield TermsFault(("steps",), "steps_count", {"steps_instalments": count, "instalments": terms.repaying})
    principal = sum(tranche.cents for tranche in tranches)
    planned = sum(step.instalments * step.cents for step in terms.steps)
    if planned != principal:
        yield TermsFault(("steps",), "steps_sum", {"steps_cents": planned, "principal_cents": principal})


def _faults_of_dates(terms: LoanTerms, tranches: Sequence[CashFlow]) -> list[TermsFault]:
    try:
        boundaries = _boundaries(terms, tranches[0].on)
    except Impossible as impossible:
        return [impossible.fault]
    refused = []
    if min(boundaries[1], terms.first_due_on or date.max) <= tranches[0].on and terms.shape is not ScheduleShape.CUSTOM:
        members = {"disbursed_on": tranches[0].on}
        refused.append(TermsFault(("first_due_on",), "first_due_before_disbursement", members))
    refused += [
        TermsFault(("tranches", place, "paid_on"), "tranche_after_last_due", {"last_due_on": boundaries[-1]})
        for place, tranche in enumerate(tranches)
        if tranche.on >= boundaries[-1] and not refused
    ]
    return refused


# --- when ------------------------------------------------------------------------------------------------------------


def due_dates(terms: LoanTerms, disbursed_on: date | None = None) -> list[date]:
    """The days on which principal falls due, strictly increasing.

    `disbursed_on` is needed where `first_due_on` is absent. Raises `Impossible` past the year 2199.
    """
    if terms.shape is ScheduleShape.CUSTOM:
        return [line.due_on for line in terms.planned]
    start = terms.first_due_on or disbursed_on
    assert start is not None  # whoever has no first due date knows when the money was paid
    return _boundaries(terms, start)[terms.grace_periods + 1 :]


def _boundaries(terms: LoanTerms, disbursed_on: date) -> list[date]:
    """The due dates of all periods, the grace's among them, and before them the day one period before the first.

    Of a custom schedule, the day of disbursement stands before its lines.
    """
    if terms.shape is ScheduleShape.CUSTOM:
        return [disbursed_on, *(line.due_on for line in terms.planned)]
    months = MONTHS[terms.frequency]
    given = terms.first_due_on or disbursed_on
    if terms.due_dates is DueDates.PERIOD_END:
        first = given.year * 12 + (given.month - 1) // months * months + months - 1
        anchor = 31
        if terms.first_due_on is None and day_in(first, anchor) <= disbursed_on:
            first += months
    else:
        first = given.year * 12 + given.month - 1 + (months if terms.first_due_on is None else 0)
        anchor = given.day
    last = first + (terms.periods - 1) * months
    if last // 12 > LAST_YEAR:
        raise Impossible(("instalments",), "schedule_too_long", year=last // 12, last_year=LAST_YEAR)
    return [day_in(month, anchor) for month in range(first - months, last + 1, months)]


def day_in(month_index: int, day: int) -> date:
    """This day of a month, which is counted from the year 0; the month's last day where it is shorter."""
    year, month = divmod(month_index, 12)
    if day > 28:
        day = min(day, calendar.monthrange(year, month + 1)[1])
    return date(year, month + 1, day)


# --- how much --------------------------------------------------------------------------------------------------------


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number; half of one goes up."""
    return (2 * numerator + denominator) // (2 * denominator)


class _Clock:
    """The time that interest runs, in parts of a year: `base` of them make one."""

    def __init__(self, terms: LoanTerms) -> None:
        self._whole = terms.day_count is DayCount.THIRTY_360 and terms.shape is not ScheduleShape.CUSTOM
        self._ends = terms.due_dates is DueDates.PERIOD_END
        self.base, self._of_a_day = (360, 1) if terms.day_count is DayCount.ACT_360 else (12 * 365, 12)

    def period(self, before: date, due_on: date) -> int:
        """The time from one due date to the next: whole months where they are, else real days."""
        months = _months(before, due_on) if self._whole else 0
        return months * 365 or self.days(before, due_on)

    def start(self, paid_on: date, before: date) -> date:
        """The day from which newly paid money bears interest: the due date before, also where it was paid on the day
        after it and that is a period's end; else its own.
        """
        near = paid_on == before or (self._ends and paid_on == before + timedelta(days=1))
        return before if self._whole and near else paid_on

    def days(self, start: date, end: date) -> int:
        """The time of real days."""
        return (end - start).days * self._of_a_day

    def running(
        self, balance: int, moves: Iterable[CashFlow], before: date, until_on: date, *, broken: bool = False
    ) -> int:
        """Cents by parts of a year, of a period that opens with a balance. Money repaid in it is a move below zero: it
        bears interest for its real days, the oldest first, and the rest for the whole period.

        `broken`: the period goes on after `until_on`, so that all bears interest for its real days.
        """
        whole = self.days(before, until_on) if broken else self.period(before, until_on)
        running = balance * whole
        bearing = [(balance, before, whole)]
        for on, cents in moves:
            if cents >= 0:
                start = self.start(on, before)
                bearing.append((cents, start, whole if start == before else self.days(start, until_on)))
                running += cents * bearing[-1][2]
                continue
            left, rest = -cents, []
            for amount, start, time in bearing:
                repaid = max(min(left, amount), 0)
                left -= repaid
                running -= repaid * (time - self.days(start, on))
                rest.append((amount - repaid, start, time))
            running -= left * (whole - self.days(before, on))
            bearing = rest
        return running


def _months(before: date, after: date) -> int:
    """The whole months between two days of one day of the month, or of the last where a month is shorter; else 0."""
    anchor = max(before.day, after.day)
    first, last = before.year * 12 + before.month - 1, after.year * 12 + after.month - 1
    whole = day_in(first, anchor) == before and day_in(last, anchor) == after
    return last - first if whole else 0


def lines(terms: LoanTerms, tranches: Iterable[CashFlow]) -> list[Instalment]:
    """The schedule of what is paid out.

    A tranche belongs to the lines due after its day; at each new one, the lines not yet due are made again from what is
    then outstanding. Raises `Impossible` where a tranche is paid on or after the last due date, where the schedule goes
    past 2199, and where an instalment is less than its interest.
    """
    paid = sorted(tranches, key=lambda tranche: tranche.on)
    if not paid:
        return []
    boundaries = _boundaries(terms, paid[0].on)
    if paid[-1].on >= boundaries[-1]:
        raise Impossible(("tranches", len(paid) - 1, "paid_on"), "tranche_after_last_due", last_due_on=boundaries[-1])
    if terms.rounded_down:
        return _rounded_down(terms, boundaries[terms.grace_periods + 1 :], paid)
    return _lines(terms, boundaries, paid)


def _lines(terms: LoanTerms, boundaries: list[date], paid: list[CashFlow]) -> list[Instalment]:
    run = _Run(terms)
    shares = _Shares(terms)
    arrived = 0
    for period in range(terms.resting + 1, len(boundaries)):
        before, due_on = boundaries[period - 1], boundaries[period]
        moves = []
        while arrived < len(paid) and paid[arrived].on < due_on:
            paid_on, cents = paid[arrived]
            arrived += 1
            # No interest runs while nothing is due: what was paid by then bears it from there.
            moves.append(CashFlow(max(paid_on, before) if terms.resting and not run.made else paid_on, cents))
        interest = run.open(before, due_on, moves)
        if period <= terms.grace_periods:
            run.rest(terms.grace_kind, interest)
            continue
        place = period - terms.grace_periods - 1
        if moves or not shares.made:
            shares.make(run.opening, place)
        run.repay(shares.principal(place, run.opening, interest, due_on), interest)
    return run.made


class _Run:
    """Lines made one after the other: the balance that each opens with, and the interest that it bears."""

    def __init__(self, terms: LoanTerms, balance: int = 0, deferred: int = 0) -> None:
        self.made: list[Instalment] = []
        self.opening = self._balance = balance
        self._deferred = deferred
        self._clock = _Clock(terms)
        self._rate_bp = terms.annual_rate_bp
        self._earlier = terms.earlier_rates
        self._due_on = date.min

    def open(self, before: date, due_on: date, moves: Sequence[CashFlow], *, broken: bool = False) -> int:
        """Open a period with what moved in it, and answer its interest. `broken`: until a day before its end.

        Until the day of a change interest runs for real days at the rate before, and for the rest of the period after.
        """
        self._due_on = due_on
        self.opening = self._balance + sum(move.cents for move in moves)
        whole = self._clock.running(self._balance, moves, before, due_on, broken=broken)
        ran = at_rates = 0
        begins = min([before, *(move.on for move in moves)])
        for until_on, rate_bp in self._earlier:
            if until_on > begins:
                then = [move for move in moves if move.on < until_on]
                running = self._clock.running(
                    self._balance, then, before, min(until_on, due_on), broken=until_on < due_on
                )
                running = min(running, whole)  # a month of 30 days can be shorter than the days in it
                at_rates += (running - ran) * rate_bp
                ran = running
        return half_up(at_rates + (whole - ran) * self._rate_bp, self._clock.base * 10_000)

    def repay(self, principal: int, interest: int) -> None:
        """Close the period with a line that repays principal, and the interest deferred until then."""
        self._close(principal, interest + self._deferred, 0)
        self._deferred = 0

    def rest(self, kind: GraceKind, interest: int) -> None:
        """Close the period with a line of the grace."""
        if kind is GraceKind.INTEREST_DEFERRED:
            self._deferred += interest
            self._close(0, 0, 0)
        elif kind is GraceKind.INTEREST_CAPITALISED:
            self._close(0, 0, interest)
        else:
            self._close(0, interest if kind is GraceKind.INTEREST_ONLY else 0, 0)

    def _close(self, principal: int, interest: int, capitalised: int) -> None:
        opening, total = self.opening, principal + interest
        self._balance = opening - principal + capitalised
        number = len(self.made) + 1
        made = Instalment(number, self._due_on, opening, principal, interest, capitalised, total, self._balance)
        self.made.append(made)


class Basis(NamedTuple):
    """On what interest runs: the scheduled balance on `before`, the last due day, and what moved it since, in cents.

    A move below zero was repaid early. `deferred_cents` is interest that falls due with the next line that repays.
    """

    before: date
    opening_cents: int
    moves: tuple[CashFlow, ...] = ()
    deferred_cents: int = 0

    @property
    def balance_cents(self) -> int:
        """The balance after all that moved it."""
        return self.opening_cents + sum(move.cents for move in self.moves)


def moved(terms: LoanTerms, basis: Basis, on: date, cents: int) -> Basis:
    """The basis after this much more, or less where it is below zero. It moves on its own day, also before a first
    period that is longer than the others; on the first day of that period where no interest runs before.
    """
    day = max(on, basis.before) if terms.resting else on
    return basis._replace(moves=(*basis.moves, CashFlow(day, cents)))


class Ahead(NamedTuple):
    """A line ahead: when it falls due, the principal that it repays, and whether it rests (a line of a grace)."""

    due_on: date
    cents: int
    rests: GraceKind | None = None


def first_period(terms: LoanTerms, disbursed_on: date) -> date:
    """The day before the first line, on which its period begins."""
    return _boundaries(terms, disbursed_on)[terms.resting]


def interest_until(terms: LoanTerms, basis: Basis, on: date, *, broken: bool = False) -> int:
    """The interest that runs from the last due day up to a day, with what was deferred before, in cents.

    `broken`: that day is before the next due day, and all bears interest for its real days.
    """
    run = _Run(terms, basis.opening_cents)
    moves = [move for move in basis.moves if move.on < on]
    return run.open(basis.before, on, moves, broken=broken) + basis.deferred_cents


def lines_ahead(terms: LoanTerms, basis: Basis, ahead: Sequence[Ahead]) -> list[Instalment]:
    """Lines of given principals, with the interest that runs on what they leave."""
    run = _Run(terms, basis.opening_cents, basis.deferred_cents)
    for due_on, before, moves, line in _periods(basis, ahead):
        interest = run.open(before, due_on, moves)
        if line.rests is None:
            run.repay(line.cents, interest)
        else:
            run.rest(line.rests, interest)
    return run.made


def lines_again(
    terms: LoanTerms, basis: Basis, ahead: Sequence[Ahead], *, stay: int = 0, instalment_cents: int | None = None
) -> list[Instalment]:
    """Lines ahead whose principals are made again from the balance, by the shape of the terms.

    The first ones `stay` as they are. Steps and custom lines keep their proportions. With `instalment_cents` the
    instalment stays while the balance lasts. Raises `Impossible` where an instalment is less than its interest.
    """
    run = _Run(terms, basis.opening_cents, basis.deferred_cents)
    repaying = [line for line in ahead[stay:] if line.rests is None]
    weighed = terms.shape in (ScheduleShape.STEPS, ScheduleShape.CUSTOM)
    shares = _Shares(
        replace(
            terms, shape=ScheduleShape.CUSTOM if weighed else terms.shape, instalments=len(repaying), grace_periods=0,
            planned=[Planned(line.due_on, line.cents) for line in repaying],
        ),
        instalment_cents,
    )  # fmt: skip
    place = 0
    for number, (due_on, before, moves, line) in enumerate(_periods(basis, ahead)):
        interest = run.open(before, due_on, moves)
        if line.rests is not None:
            run.rest(line.rests, interest)
        elif number < stay:
            run.repay(line.cents, interest)
        else:
            if not shares.made:
                shares.make(run.opening, 0)
            run.repay(shares.principal(place, run.opening, interest, due_on), interest)
            place += 1
    return run.made


def _periods(basis: Basis, ahead: Sequence[Ahead]) -> Iterator[tuple[date, date, Sequence[CashFlow], Ahead]]:
    before, moves = basis.before, basis.moves
    for line in ahead:
        yield line.due_on, before, moves, line
        before, moves = line.due_on, ()


class _Shares:
    """The principals of the lines that repay, made anew from what is outstanding at each new tranche."""

    def __init__(self, terms: LoanTerms, instalment: int | None = None) -> None:
        self.made = False
        self._kept = instalment
        self._terms = terms
        self._count = len(terms.planned) if terms.shape is ScheduleShape.CUSTOM else terms.repaying
        self._principals: list[int] = []
        self._instalment: int | None = None
        self._first = 0
        self._months_bp = terms.annual_rate_bp * MONTHS[terms.frequency]

    def make(self, outstanding: int, place: int) -> None:
        """Spread what is outstanding over the lines from this place on."""
        terms = self._terms
        self.made, self._first = True, place
        if self._kept is not None:
            self._instalment = self._kept
            return
        if terms.shape is ScheduleShape.CONSTANT_INSTALMENT and terms.annual_rate_bp:
            self._instalment = _annuity(outstanding, self._count - place, self._months_bp, terms.multiple_cents)
            return
        multiple, remainder = terms.multiple_cents, terms.remainder
        match terms.shape:
            case ScheduleShape.STEPS:
                weights = [step.cents for step in terms.steps for _ in range(step.instalments)]
            case ScheduleShape.CUSTOM:
                weights = [line.cents for line in terms.planned]
                multiple, remainder = 1, Remainder.LAST
            case ScheduleShape.BULLET:
                weights = [0] * self._count
                multiple, remainder = 1, Remainder.LAST
            case _:
                weights = [1] * self._count
        self._principals = split(outstanding, weights[place:], multiple, remainder)

    def principal(self, place: int, opening: int, interest: int, due_on: date) -> int:
        """The principal of the line at this place."""
        if self._instalment is None:
            return self._principals[place - self._first]
        if place == self._count - 1:
            return opening
        if interest > self._instalment:
            raise Impossible(
                ("instalments",),
                "instalment_below_interest",
                due_on=due_on,
                instalment_cents=self._instalment,
                interest_cents=interest,
            )
        return min(self._instalment - interest, opening)


def split(cents: int, weights: Sequence[int], multiple: int, remainder: Remainder) -> list[int]:
    """An amount shared in proportion to weights, each share a multiple but for where the rest goes. No negative one."""
    whole = sum(weights)
    if remainder is Remainder.LAST or not whole:
        left, shares = cents, []
        for weight in weights[:-1]:
            share = min(half_up(cents * weight, (whole or 1) * multiple) * multiple, left)
            shares.append(share)
            left -= share
        return [*shares, left]
    shares = [cents * weight // (whole * multiple) * multiple for weight in weights]
    rest = cents - sum(shares)
    if remainder is Remainder.FIRST:
        shares[0] += rest
        return shares
    units, odd = divmod(rest, multiple)
    for place in range(units):  # fewer than there are shares, as each was rounded down by less than a multiple
        shares[place] += multiple
    shares[-1] += odd
    return shares


def _annuity(cents: int, count: int, months_bp: int, multiple: int) -> int:
    """P x i / (1 - (1 + i)^-n), half-up to the multiple; i is `months_bp` over 120 000 (twelve months, 10 000 points).

    With i = x/d and the powers written out: P x / d x (d + x)^n / ((d + x)^n - d^n), in whole numbers.
    """
    year = 120_000
    grown, flat = (year + months_bp) ** count, year**count
    return half_up(cents * months_bp * grown, year * (grown - flat) * multiple) * multiple


def _rounded_down(terms: LoanTerms, days: list[date], paid: list[CashFlow]) -> list[Instalment]:
    """The lines of an advance awarded before lines were rounded half-up, as they were told to the firm.

    Each tranche is spread by itself over the due dates after it, each part rounded down; the last takes the rest.
    """
    principal = dict.fromkeys(days, 0)
    for tranche in paid:
        ahead = [day for day in days if day > tranche.on]
        each = tranche.cents // len(ahead) // terms.multiple_cents * terms.multiple_cents
        for day in ahead:
            principal[day] += each
        principal[ahead[-1]] += tranche.cents - each * len(ahead)
    made = []
    repaid = 0
    for number, day in enumerate(days, start=1):
        opening = sum(tranche.cents for tranche in paid if tranche.on < day) - repaid
        cents = principal[day]
        repaid += cents
        made.append(Instalment(number, day, opening, cents, 0, 0, cents, opening - cents))
    return made


# --- what it comes to ------------------------------------------------------------------------------------------------


class ScheduleSums(NamedTuple):
    """Sums over all lines, in cents."""

    principal_cents: int
    interest_cents: int
    capitalised_cents: int
    total_cents: int


class Year(NamedTuple):
    """What falls due in a calendar year, in cents."""

    year: int
    principal_cents: int
    interest_cents: int
    total_cents: int


class Checks(NamedTuple):
    """What every schedule must hold, looked at again on its lines."""

    principal_sums: bool
    closing_is_zero: bool
    dates_increase: bool


def totals(made: Sequence[Instalment]) -> ScheduleSums:
    """The sums of the lines."""
    return ScheduleSums(
        sum(line.principal_cents for line in made),
        sum(line.interest_cents for line in made),
        sum(line.capitalised_cents for line in made),
        sum(line.total_cents for line in made),
    )


def by_year(made: Iterable[Instalment]) -> list[Year]:
    """What falls due in each year that has a line."""
    sums: dict[int, tuple[int, int]] = {}
    for line in made:
        principal, interest = sums.get(line.due_on.year, (0, 0))
        sums[line.due_on.year] = principal + line.principal_cents, interest + line.interest_cents
    return [Year(year, principal, interest, principal + interest) for year, (principal, interest) in sums.items()]


def checks(made: Sequence[Instalment], tranches: Iterable[CashFlow]) -> Checks:
    """Whether principals sum to what is paid out and capitalised, nothing is left, and the dates increase."""
    sums = totals(made)
    return Checks(
        principal_sums=sums.principal_cents == sum(tranche.cents for tranche in tranches) + sums.capitalised_cents,
        closing_is_zero=not made or made[-1].closing_cents == 0,
        dates_increase=all(before.due_on < after.due_on for before, after in pairwise(made)),
    )
