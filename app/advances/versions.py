"""New versions of a schedule, as acts of persons make them. Pure: no session, no await.

Each takes where the advance stands on the day of the act, and answers a version that `replay` takes as a fact. Lines
that are paid stay; so does the paid part of a line that is paid in part.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum

from app.advances.allocation import fitted, taken
from app.advances.position import (
    NOTHING_CARRIED,
    AllocationRule,
    Carried,
    Line,
    LineState,
    Position,
    Version,
    VersionCause,
)
from app.advances.schedule import (
    LAST_YEAR,
    MONTHS,
    Ahead,
    Basis,
    DueDates,
    GraceKind,
    Impossible,
    Instalment,
    LoanTerms,
    Remainder,
    ScheduleShape,
    at_rate,
    day_in,
    lines_again,
    moved,
    split,
)


class LateInterest(StrEnum):
    """What becomes of late interest until the day of a reschedule."""

    KEPT = "kept"
    WAIVED = "waived"
    CAPITALISED = "capitalised"


class WaiverShare(StrEnum):
    """Which lines a waiver in part takes from: all in proportion, or the last first."""

    PROPORTION = "proportion"
    LAST = "last"


class TooLong(ValueError):
    """The new lines would go past the last year."""


def open_lines(stand: Position) -> list[LineState]:
    """The lines that still ask for something, and those ahead that rest."""
    return [
        state
        for state in stand.lines
        if not state.line.kept
        and (state.left_cents or state.late_interest_left_cents or (state.line.due_on > stand.as_of and state.rests))
    ]


# --- reschedules -----------------------------------------------------------------------------------------------------


def move(terms: LoanTerms, stand: Position, late: LateInterest, due_on: date, first_on: date) -> Version:
    """Move the line of `due_on` and all after it, the first of them to `first_on`."""
    moving = [state for state in open_lines(stand) if state.line.due_on >= due_on]
    if terms.shape is ScheduleShape.CUSTOM:
        days = [first_on + (state.line.due_on - moving[0].line.due_on) for state in moving]
        if days[-1].year > LAST_YEAR:
            raise TooLong
    else:
        days = dates(terms, first_on, len(moving))
    plan = [Ahead(on, state.principal_left_cents, state.rests) for on, state in zip(days, moving, strict=True)]
    return _rescheduled(terms, stand, late, moving, plan)


def add_instalments(terms: LoanTerms, stand: Position, late: LateInterest, count: int) -> Version:
    """Spread what is not due yet over the lines ahead and `count` more."""
    going = [state for state in open_lines(stand) if state.line.due_on > stand.as_of]
    last = going[-1]
    more = [Ahead(on, last.principal_left_cents) for on in dates(terms, last.line.due_on, count + 1)[1:]]
    return _rescheduled(terms, stand, late, going, [*map(_ahead, going), *more], again=True)


def grace(
    terms: LoanTerms, stand: Position, late: LateInterest, periods: int, kind: GraceKind, due_on: date
) -> Version:
    """Put a grace of `periods` before the line of `due_on`: rows of the kind chosen, then the lines go on."""
    moving = [state for state in open_lines(stand) if state.line.due_on >= due_on]
    days = dates(terms, moving[0].line.due_on, periods + len(moving))
    plan = [Ahead(on, 0, kind) for on in days[:periods]]
    plan += [
        Ahead(on, state.principal_left_cents, state.rests)
        for on, state in zip(days[periods:], moving, strict=True)
    ]  # fmt: skip
    capitalised = kind is GraceKind.INTEREST_CAPITALISED and terms.annual_rate_bp > 0
    version = _rescheduled(terms, stand, late, moving, plan, again=capitalised)
    if kind is not GraceKind.NOTHING_DUE:
        return version
    return replace(version, carried=version.carried._replace(interest_free_until_on=days[periods - 1]))


def re_amortise(terms: LoanTerms, stand: Position, late: LateInterest) -> Version:
    """Share the arrears over the lines ahead: equal parts, the last takes the rest."""
    lines = open_lines(stand)
    overdue = [state for state in lines if state.line.due_on <= stand.as_of]
    ahead = [state for state in lines if state.line.due_on > stand.as_of]
    more = _parts(sum(state.principal_left_cents for state in overdue), len(ahead))
    plan = [
        Ahead(state.line.due_on, state.principal_left_cents + cents, None if cents else state.rests)
        for state, cents in zip(ahead, more, strict=True)
    ]
    return _rescheduled(terms, stand, late, lines, plan, shared=True)


def re_age(terms: LoanTerms, stand: Position, late: LateInterest, count: int, first_on: date) -> Version:
    """Spread all that is open over `count` new lines from `first_on`."""
    plan = [Ahead(on, 1) for on in dates(terms, first_on, count)]
    return _rescheduled(terms, stand, late, open_lines(stand), plan, again=True)


def change_rate(terms: LoanTerms, stand: Position, rate_bp: int) -> Version:
    """Let interest run at another rate from the day on. Principals ahead stay; an instalment that is constant is made
    again. What is past its day stays as it is.
    """
    ahead = [state for state in open_lines(stand) if state.line.due_on > stand.as_of]
    again = terms.shape is ScheduleShape.CONSTANT_INSTALMENT
    changed = at_rate(terms, rate_bp, stand.as_of)
    version = _rescheduled(changed, stand, LateInterest.KEPT, ahead, [*map(_ahead, ahead)], again=again)
    return replace(version, carried=version.carried._replace(annual_rate_bp=rate_bp))


def _rescheduled(
    terms: LoanTerms,
    stand: Position,
    late: LateInterest,
    going: Sequence[LineState],
    plan: Sequence[Ahead],
    *,
    again: bool = False,
    shared: bool = False,
) -> Version:
    """A version in which `plan` stands for the lines that go.

    `again`: the principals of the plan are made again from what the lines that stay leave. `shared`: each line of the
    plan takes its part of the unpaid interest and fees of the lines that go; else the first takes them.
    """
    staying = [state for state in open_lines(stand) if not any(state is other for other in going)]
    past = [state for state in staying if state.line.due_on <= stand.as_of]
    before = [_ahead(state) for state in staying if state.line.due_on > stand.as_of]
    aged = [state for state in going if state.line.due_on <= stand.as_of]
    capitalised = kept_late = 0
    if late is LateInterest.CAPITALISED:
        capitalised = sum(state.late_interest_left_cents for state in stand.lines)
    elif late is LateInterest.KEPT:
        kept_late = sum(state.late_interest_left_cents for state in aged)
    basis = _moved(stand, sum(state.principal_left_cents for state in aged) + capitalised)
    if again:
        made = _again(terms, basis, [*before, *plan], len(before))
    else:
        made = fitted(terms, basis, [*before, *_with(plan, capitalised)])
    new = [_line(line) for line in made]
    count = len(plan) if shared else 1
    interest = _parts(sum(state.interest_left_cents for state in aged), count)
    fees = _parts(sum(state.fees_left_cents for state in aged), count)
    for place, (more_interest, more_fees) in enumerate(zip(interest, fees, strict=True), start=len(before)):
        line = new[place]
        new[place] = replace(
            line, interest_cents=line.interest_cents + more_interest, fees_cents=line.fees_cents + more_fees
        )
    new[len(before)] = replace(new[len(before)], late_interest_cents=kept_late)
    carried = Carried(
        capitalised_cents=capitalised, late_interest_cents=kept_late if late is LateInterest.KEPT else None
    )
    return _version(stand, VersionCause.AMENDMENT, [*map(_rest, past), *new], carried)


def _again(terms: LoanTerms, basis: Basis, ahead: Sequence[Ahead], stay: int) -> list[Instalment]:
    """The lines ahead, made again by the shape of the terms: by equal principals where the shape has them all at the
    end, or where equal instalments would not pay the interest.
    """
    equal = replace(terms, shape=ScheduleShape.CONSTANT_PRINCIPAL)
    if terms.shape is ScheduleShape.BULLET:
        return lines_again(equal, basis, ahead, stay=stay)
    try:
        return lines_again(terms, basis, ahead, stay=stay)
    except Impossible:
        return lines_again(equal, basis, ahead, stay=stay)


def _with(plan: Sequence[Ahead], cents: int) -> list[Ahead]:
    """The plan with so much more principal on its first line that repays."""
    first = next((place for place, line in enumerate(plan) if line.rests is None), 0)
    return [
        line._replace(cents=line.cents + cents, rests=None) if place == first and cents else line
        for place, line in enumerate(plan)
    ]


# --- waivers, reductions, acceleration, plans -------------------------------------------------------------------------


def waive(terms: LoanTerms, stand: Position, cents: int, share: WaiverShare) -> Version:
    """Waive principal of the open lines, at most what is outstanding; all of it closes them with what else they ask."""
    lines = open_lines(stand)
    amounts = [state.principal_left_cents for state in lines]
    cut = (
        waiver_shares(cents, amounts) if share is WaiverShare.PROPORTION else taken(cents, amounts, AllocationRule.LAST)
    )
    version = _cut(terms, stand, lines, cut, VersionCause.WAIVER, [], Carried(waived_cents=cents))
    if cents < stand.outstanding_cents:
        return version
    going = sum(state.late_interest_left_cents for state in lines if state.line.due_on <= stand.as_of)
    carried = version.carried._replace(late_interest_cents=going)
    return replace(version, lines=tuple(line for line in version.lines if line.kept), carried=carried)


def waiver_shares(cents: int, amounts: Sequence[int]) -> list[int]:
    """A waiver shared over amounts in proportion: rounded down, the cents left to the largest remainders, of equal ones
    to the earlier.
    """
    whole = sum(amounts)
    if not whole:
        return [0] * len(amounts)
    shares = [cents * amount // whole for amount in amounts]
    by_remainder = sorted(range(len(amounts)), key=lambda place: (-(cents * amounts[place] % whole), place))
    for place in by_remainder[: cents - sum(shares)]:
        shares[place] += 1
    return shares


def reduce(terms: LoanTerms, stand: Position, cents: int) -> Version:
    """Take principal from the last open lines, and make it due that day."""
    lines = open_lines(stand)
    cut = taken(cents, [state.principal_left_cents for state in lines], AllocationRule.LAST)
    return _cut(terms, stand, lines, cut, VersionCause.REDUCTION, [Line(stand.as_of, sum(cut))], NOTHING_CARRIED)


def _cut(
    terms: LoanTerms, stand: Position, lines: Sequence[LineState], cut: Sequence[int], cause: VersionCause,
    more: Sequence[Line], carried: Carried,
) -> Version:  # fmt: skip
    """The open lines with less principal, and interest on what they leave."""
    left = list(zip(lines, cut, strict=True))
    past = [
        replace(line, principal_cents=line.principal_cents - less)
        for line, less in ((_rest(state), less) for state, less in left if state.line.due_on <= stand.as_of)
    ]
    ahead = [(state, less) for state, less in left if state.line.due_on > stand.as_of]
    basis = _moved(stand, -sum(less for _, less in ahead))
    made = fitted(
        terms, basis, [_ahead(state)._replace(cents=state.principal_left_cents - less) for state, less in ahead]
    )
    return _version(stand, cause, [*past, *more, *map(_line, made)], carried)


def accelerate(stand: Position) -> Version:
    """Make all that is outstanding due that day, with the interest that has run."""
    lines = open_lines(stand)
    past = [_rest(state) for state in lines if state.line.due_on <= stand.as_of]
    principal = stand.outstanding_cents - sum(line.principal_cents for line in past)
    at_once = [Line(stand.as_of, principal, stand.ran_cents)] if principal or stand.ran_cents else []
    return _version(stand, VersionCause.ACCELERATION, [*past, *at_once], NOTHING_CARRIED)


def plan(stand: Position, lines: Sequence[Line], late: LateInterest = LateInterest.KEPT) -> Version:
    """Replace the open lines by those of a plan, whose principals are what is outstanding.

    Unpaid interest and fees of before are those that the plan's lines name.
    """
    overdue = [state for state in open_lines(stand) if state.line.due_on <= stand.as_of]
    going = sum(state.late_interest_left_cents for state in overdue)
    carried = Carried(late_interest_cents=going if late is LateInterest.KEPT else None)
    return _version(stand, VersionCause.PLAN, lines, carried)


# --- what they share --------------------------------------------------------------------------------------------------


def dates(terms: LoanTerms, first_on: date, count: int) -> list[date]:
    """So many due dates from the first one, a period apart; the last days of months where the first is one."""
    months = MONTHS[terms.frequency]
    first = first_on.year * 12 + first_on.month - 1
    last_day = day_in(first, 31) == first_on
    anchor = 31 if last_day and terms.due_dates is DueDates.PERIOD_END else first_on.day
    if (first + (count - 1) * months) // 12 > LAST_YEAR:
        raise TooLong
    return [day_in(first + place * months, anchor) for place in range(count)]


def _parts(cents: int, count: int) -> list[int]:
    return split(cents, [1] * count, 1, Remainder.LAST)


def _moved(stand: Position, cents: int) -> Basis:
    """What interest runs on after so much more principal is ahead."""
    basis = stand.basis or Basis(stand.as_of, 0)
    if not cents:
        return basis
    return moved(stand.terms, basis, stand.as_of, cents)


def _ahead(state: LineState) -> Ahead:
    return Ahead(state.line.due_on, state.principal_left_cents, state.rests)


def _line(made: Instalment) -> Line:
    return Line(made.due_on, made.principal_cents, made.interest_cents, made.capitalised_cents)


def _rest(state: LineState) -> Line:
    """What a line still asks for."""
    return Line(
        state.line.due_on, state.principal_left_cents, state.interest_left_cents, fees_cents=state.fees_left_cents
    )


def _paid(stand: Position, state: LineState) -> Line | None:
    """The paid part of a line, or the whole of one that has nothing left."""
    line = state.line
    if line.kept:
        return line
    if line.due_on <= stand.as_of and not state.left_cents and not state.late_interest_left_cents:
        return replace(line, late_interest_cents=state.late_interest_cents, kept=True)
    paid = replace(
        line, principal_cents=line.principal_cents - state.principal_left_cents,
        interest_cents=line.interest_cents - state.interest_left_cents,
        fees_cents=line.fees_cents - state.fees_left_cents, capitalised_cents=0, late_interest_cents=0, kept=True,
    )  # fmt: skip
    return paid if paid.principal_cents or paid.interest_cents or paid.fees_cents else None


def _version(stand: Position, cause: VersionCause, lines: Iterable[Line], carried: Carried) -> Version:
    kept = [paid for state in stand.lines if (paid := _paid(stand, state)) is not None]
    made = sorted([*kept, *lines], key=lambda line: (line.due_on, not line.kept))
    unpaid = carried._replace(interest_cents=stand.interest_due_cents, fees_cents=stand.fees_due_cents)
    return Version(stand.as_of, cause, tuple(made), carried=unpaid)
