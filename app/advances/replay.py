"""What becomes of an advance: every line on every day, from facts alone. Pure: no session, no await.

Tranches, repayments and the acts of persons are facts. `replay` walks them in the order of their days and of their
recording, and answers where the advance stands; a version of the schedule that a tranche or an early repayment makes
is made on the way. Money that is taken back, or comes in late, is therefore no case of its own: the walk is done again.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from app.advances.allocation import receive, taken, to_be_made, with_less
from app.advances.book import Book, Entry
from app.advances.late import Overdue
from app.advances.position import (
    ACTS,
    NOTHING_CARRIED,
    AllocationRule,
    Bucket,
    Carried,
    Facts,
    Line,
    LineState,
    PaidTranche,
    Position,
    Standing,
    Sums,
    Version,
    VersionCause,
    bucket_of,
)
from app.advances.rules import Settled
from app.advances.schedule import (
    Basis,
    CashFlow,
    GraceKind,
    Impossible,
    Instalment,
    at_rate,
    first_period,
    lines,
    lines_again,
)

# --- the walk --------------------------------------------------------------------------------------------------------


def replay(facts: Facts, as_of: date) -> Position:
    """Where the advance stands at the end of `as_of`. Raises `late.NoRate`.

    `versions` of the answer are those that tranches, early repayments and acts make by then, as they would be made
    today: what `unwritten` compares with those that are stored.
    """
    walk = _Walk(facts)
    for on, _, _, act in sorted(_events(facts, walk), key=lambda event: event[:3]):
        if on > as_of:
            break
        walk.roll(on)
        act()
    walk.roll(as_of)
    return walk.position(as_of)


def course(facts: Facts, as_of: date) -> tuple[Position, list[Standing]]:
    """Where the advance stands at the end of `as_of`, and from each day on which something changes: on any day, what
    `replay` says of it. One walk gives both.

    Late interest, which runs day by day, is not in the latter. Raises `late.NoRate`.
    """
    walk = _Walk(facts)
    position: Position | None = None
    found: list[Standing] = []

    def stand() -> Position:
        found.extend(walk.capitalise(as_of + timedelta(days=1)))
        walk.roll(as_of)
        return walk.position(as_of)

    for on, of_day in groupby(sorted(_events(facts, walk), key=lambda event: event[:3]), key=lambda event: event[0]):
        if position is None and on > as_of:
            position = stand()
        found += walk.capitalise(on)
        for _, _, _, act in of_day:
            walk.roll(on)
            act()
        walk.roll(on)
        found.append(walk.standing(on))
    if position is None:
        position = stand()
    return position, [*found, *walk.capitalise(date.max)]


def _events(facts: Facts, walk: "_Walk") -> Iterable[tuple[date, int, int, Callable[[], None]]]:
    """What happens, by day: first tranches, then acts and money in the order of recording, at last a write-off."""
    for place, tranche in enumerate(facts.tranches):
        yield tranche.on, 0, place, partial(walk.disburse, tranche)
    for version in facts.versions:
        if version.cause in ACTS:
            yield version.from_on, 1, version.order, partial(walk.apply, version)
        yield version.from_on, 4, version.number, partial(walk.look, version.from_on)
    for assignment in facts.assignments:
        if not assignment.after_write_off:
            yield assignment.value_on, 1, assignment.order, partial(receive, walk, assignment)
        elif facts.written_off_on is not None:
            day = max(assignment.value_on, facts.written_off_on)
            yield day, 3, assignment.order, partial(receive, walk, replace(assignment, value_on=day))
    if facts.written_off_on is not None:
        yield facts.written_off_on, 2, 0, partial(walk.write_off, facts.written_off_on)


# The values of an `OpenLine`.
_AS_SHOWN: Callable[[Entry], tuple[Any, ...]] = attrgetter(
    "due_on", "principal", "interest", "fees", "principal_left", "interest_left", "fees_left", "settled_on"
)


class _Walk(Book):
    """The account as the facts are walked through, day by day."""

    def __init__(self, facts: Facts) -> None:
        super().__init__(facts)
        self.paid_out: list[CashFlow] = []
        self._counted = self._income = self._overpaid = 0

    # tranches

    def disburse(self, tranche: PaidTranche) -> None:
        """Pay a tranche out: the lines ahead are made again from what is then outstanding."""
        self.disbursed += tranche.cents
        self.settled_as = None
        self.paid_out.append(CashFlow(tranche.on, tranche.cents))
        self.cut()
        try:
            self._lay_out(tranche)
        except Impossible:  # a fact of before its rules: nothing is ahead of it
            last = max((entry.due_on for entry in self.entries), default=tranche.on)
            self.basis = self.moved(tranche.on, tranche.cents) if self.basis else None
            self.entries.append(Entry(max(last, tranche.on), tranche.cents))
            self.sort()
            self.follows_terms = False
            self.roll(tranche.on)
        self.make(tranche.on, VersionCause.TRANCHE, tranche.id)

    def _lay_out(self, tranche: PaidTranche) -> None:
        if self.basis is None:
            self.basis = Basis(first_period(self.terms, tranche.on), 0)
        if not self.follows_terms and not self.ahead():
            raise Impossible((), "tranche_after_last_due")
        basis = self.moved(tranche.on, tranche.cents)
        if not self.follows_terms:
            self.replace_ahead(lines_again(self.terms, basis, to_be_made(self.ahead())))
            self.basis = basis
            return
        contract = lines(self.terms, self.paid_out)
        self.basis = basis
        resting = self.terms.grace_periods - self.terms.resting
        entries = [
            _entry(line, self.terms.grace_kind if line.number <= resting else None)
            for line in contract
            if line.due_on > tranche.on
        ]
        over = 0
        for entry in entries:
            entry.principal -= self.paid_ahead[entry.due_on]
            if entry.principal < 0:  # rounding alone can leave a line less than was paid on it
                over, entry.principal = over - entry.principal, 0
        for entry, cents in zip(
            entries, taken(over, [entry.principal for entry in entries], AllocationRule.NEXT), strict=True
        ):
            entry.principal -= cents
            entry.principal_left = entry.principal
        self.set_ahead([entry for entry in entries if entry.principal or not self.paid_ahead[entry.due_on]])

    # acts

    def apply(self, version: Version) -> None:
        """Take the lines of an act. What is outstanding now and was not known then is carried by the first open line;
        what is less is taken as money would be.
        """
        on, carried = version.from_on, version.carried
        # The lines of a plan name all interest from its day on.
        rate_bp = 0 if version.cause is VersionCause.PLAN else carried.annual_rate_bp
        if rate_bp is not None:
            self.terms = at_rate(self.terms, rate_bp, on)
        if not self.disbursed:  # the tranche that it was made from was a mistake
            return
        self.cut()
        lines = self._known_now(version)
        due = self.due()
        late = {id(entry): self.late_of(entry, on) - entry.late_paid for entry in due}
        interest = sum(entry.interest_left for entry in due)
        fees = sum(entry.fees_left for entry in due)
        waived = min(carried.waived_cents, self.outstanding + carried.capitalised_cents)
        self.waived += waived
        self.capitalised += carried.capitalised_cents
        self.took(Settled.WAIVED)
        standing = list(due)
        entries = [self._taken_over(line, on, standing, carried) for line in lines if not line.kept]
        going = [entry for entry in due if not any(entry is other for other in entries)]
        if carried.late_interest_cents is None:
            for entry in entries:
                entry.forgiven += late.get(id(entry), 0)
            more_late = 0
        else:
            more_late = sum(late[id(entry)] for entry in going) - carried.late_interest_cents
        asked = sum(entry.principal - entry.capitalised for entry in entries)
        more = (self.outstanding - asked, interest - carried.interest_cents, fees - carried.fees_cents, more_late)
        self.entries = [entry for entry in self.entries if entry.kept] + entries
        self.sort()
        if any(more):
            self._carry(on, more)
        if self.basis is not None:
            ahead = self.outstanding - sum(entry.principal_left for entry in self.due())
            # The lines of an acceleration or a plan name the interest that has run: it runs no second time.
            anew = version.cause in (VersionCause.ACCELERATION, VersionCause.PLAN)
            self.basis = Basis(on, ahead) if anew else self.moved(on, ahead - self.basis.balance_cents)
            if more[0] and self.terms.annual_rate_bp and self.ahead():
                self.replace_ahead(with_less(self, self.basis, self.ahead(), 0, self.facts.rule))
        self.follows_terms = False
        if any(more) or lines != version.lines:
            self.make(on, VersionCause.REPLAY, version.act)
        else:
            self.versions.append(version)

    def _known_now(self, version: Version) -> tuple[Line, ...]:
        """The lines of an act; what an acceleration makes due bears the interest that ran as it is known now."""
        on = version.from_on
        if version.cause is not VersionCause.ACCELERATION or self.basis is None or self.basis.before == on:
            return version.lines
        ran = self.ran(on)
        others = tuple(line for line in version.lines if line.kept or line.due_on != on)
        at_once = [line for line in version.lines if not line.kept and line.due_on == on] or [Line(on, 0)]
        if len(at_once) > 1 or at_once[0].interest_cents == ran:
            return version.lines
        return (*others, replace(at_once[0], interest_cents=ran))

    def _taken_over(self, line: Line, on: date, standing: list[Entry], carried: Carried) -> Entry:
        """The entry of an act's line: the one that is past its day stays the same one, with its late interest.

        One is taken over once: what an act makes due on the day of another line is a line of its own.
        """
        for place, entry in enumerate(standing):
            if line.due_on <= on and entry.due_on == line.due_on and not entry.kept:
                del standing[place]
                entry.principal, entry.interest, entry.fees = line.principal_cents, line.interest_cents, line.fees_cents
                entry.late += line.late_interest_cents
                entry.principal_left, entry.interest_left, entry.fees_left = entry.principal, entry.interest, entry.fees
                entry.steps.append(Overdue(on, entry.principal))
                return entry
        resting = _rests(line, carried.interest_free_until_on) if self.terms.annual_rate_bp else None
        made = Entry(
            line.due_on, line.principal_cents, line.interest_cents, line.capitalised_cents, line.fees_cents,
            line.late_interest_cents, resting, past=line.due_on <= on,
        )  # fmt: skip
        if made.past:
            made.steps.append(Overdue(on, made.principal))
        return made

    def _carry(self, on: date, more: tuple[int, int, int, int]) -> None:
        """Put what an act's lines ask too little on the first, and take what they ask too much."""
        open_entries = [entry for entry in self.entries if not entry.kept]
        if not open_entries:
            if max(more) <= 0:
                return
            open_entries = [Entry(on, past=True)]
            self.entries.append(open_entries[0])
            self.sort()
        first = open_entries[0]
        principal, interest, fees, late = more
        if principal > 0:
            first.principal += principal
        else:
            due = [entry for entry in open_entries if entry.past]
            ahead = [entry for entry in open_entries if not entry.past]
            left = -principal
            for entries, rule in ((due, AllocationRule.NEXT), (ahead, self.facts.rule)):
                shares = taken(left, [entry.principal for entry in entries], rule)
                left -= sum(shares)
                for entry, cents in zip(entries, shares, strict=True):
                    entry.principal -= cents
        first.interest += max(interest, 0)
        first.fees += max(fees, 0)
        first.late += max(late, 0)
        for part, cents in (("interest", -interest), ("fees", -fees), ("late", -late)):
            amounts = [getattr(entry, part) for entry in open_entries]
            for entry, cut in zip(open_entries, taken(max(cents, 0), amounts, AllocationRule.NEXT), strict=True):
                setattr(entry, part, getattr(entry, part) - cut)
        for entry in open_entries:
            entry.principal_left, entry.interest_left, entry.fees_left = entry.principal, entry.interest, entry.fees
            if entry.past:
                entry.steps.append(Overdue(on, entry.principal))

    # a write-off

    def write_off(self, on: date) -> None:
        """Close every line: what is outstanding is written off. What is paid out after that is due by itself."""
        self.cut()
        self.written_off = self.outstanding
        self.took(Settled.WRITTEN_OFF)
        self.entries = [entry for entry in self.entries if entry.kept]
        self.basis, self.follows_terms = None, False
        self.make(on, VersionCause.WRITE_OFF, self.facts.written_off_by)

    def look(self, on: date) -> None:
        """Note the lines of a day that has a stored version, where nothing makes one today."""
        if not any(version.from_on == on for version in self.versions):
            self.make(on, VersionCause.REPLAY, None)

    # the answer

    def capitalise(self, before: date) -> Iterator[Standing]:
        """Where it stands from each day on which a line ahead adds its interest to the balance, before a day."""
        for on in sorted({entry.due_on for entry in self.ahead() if entry.capitalised and entry.due_on < before}):
            self.roll(on)
            yield self.standing(on)

    def standing(self, on: date) -> Standing:
        splits = list(self.splits.values())
        for split in splits[self._counted :]:
            self._income += split.income_cents
            self._overpaid += split.overpaid_cents
        self._counted = len(splits)
        sums = Sums(
            self.disbursed, self.capitalised, self.repaid, self.waived, self.written_off, self._income, self._overpaid
        )
        shown = tuple([_AS_SHOWN(entry) for entry in self.entries if not entry.void])
        return Standing(on, sums, shown)

    def position(self, as_of: date) -> Position:
        states = tuple(self._state(entry, as_of) for entry in self.entries if not entry.void)
        overdue = [state for state in states if state.line.due_on < as_of and state.left_cents]
        due = [state for state in states if state.line.due_on <= as_of]
        coming = [state for state in states if state.line.due_on >= as_of and state.left_cents]
        days = max((state.days_past_due for state in overdue), default=0)
        charges = sum(self.charges[charge.id] for charge in self.facts.charges if charge.due_on <= as_of)
        in_proceedings = any(
            stop.from_on <= as_of and (stop.until_on is None or as_of < stop.until_on) for stop in self.facts.stops
        )
        next_on = coming[0].line.due_on if coming else None
        return Position(
            as_of=as_of,
            terms=self.terms,
            lines=states,
            splits=dict(self.splits),
            versions=tuple(self.versions),
            disbursed_cents=self.disbursed,
            capitalised_cents=self.capitalised,
            repaid_cents=self.repaid,
            waived_cents=self.waived,
            written_off_cents=self.written_off,
            outstanding_cents=self.outstanding,
            overdue_cents=sum(state.left_cents for state in overdue),
            interest_due_cents=sum(state.interest_left_cents for state in due),
            late_interest_cents=sum(state.late_interest_left_cents for state in states),
            fees_due_cents=sum(state.fees_left_cents for state in due),
            success_fee_due_cents=charges,
            overpaid_cents=sum(split.overpaid_cents for split in self.splits.values()),
            days_past_due=days,
            bucket=Bucket.IN_PROCEEDINGS if in_proceedings else bucket_of(days),
            next_due_on=next_on,
            next_due_cents=sum(state.left_cents for state in coming if state.line.due_on == next_on),
            settled_as=self.settled_as,
            basis=self.basis,
            ran_cents=self.ran(as_of),
        )

    def _state(self, entry: Entry, as_of: date) -> LineState:
        late = entry.late_paid if entry.kept else self.late_of(entry, as_of)
        days = (as_of - entry.due_on).days if entry.left and entry.due_on < as_of else 0
        return LineState(
            entry.line(), entry.principal_left, entry.interest_left, entry.fees_left,
            late, late - entry.late_paid, entry.settled_on, days, entry.rests,
        )  # fmt: skip


def _entry(line: Instalment, rests: GraceKind | None) -> Entry:
    return Entry(line.due_on, line.principal_cents, line.interest_cents, line.capitalised_cents, rests=rests)


def _rests(line: Line, free_until: date | None) -> GraceKind | None:
    """The kind of grace that a line's figures show, of an advance with interest."""
    if line.capitalised_cents:
        return GraceKind.INTEREST_CAPITALISED
    if line.principal_cents or line.fees_cents or line.late_interest_cents:
        return None
    if line.interest_cents:
        return GraceKind.INTEREST_ONLY
    free = free_until is not None and line.due_on <= free_until
    return GraceKind.NOTHING_DUE if free else GraceKind.INTEREST_DEFERRED


# --- what is stored, and what is not yet ------------------------------------------------------------------------------


def unwritten(stored: Sequence[Version], position: Position) -> list[Version]:
    """The versions to be written now, numbered after those that are stored.

    A new tranche, early repayment or act has its own cause; where one that is stored would be made otherwise today, a
    version of the same day takes its place, with the cause `replay`.
    """
    there: dict[date, list[Version]] = defaultdict(list)
    for version in sorted(stored, key=lambda one: one.number):
        there[version.from_on].append(version)
    new: list[Version] = []
    for on, made in groupby(sorted(position.versions, key=lambda one: one.from_on), key=lambda one: one.from_on):
        of_day = list(made)
        known = {(version.cause, version.act) for version in there[on]}
        missing = [one for one in of_day if (one.cause, one.act) not in known and one.act is not None]
        last = (missing or there[on])[-1]
        new += missing
        if not _same(last, of_day[-1]):
            new.append(replace(of_day[-1], cause=VersionCause.REPLAY, carried=NOTHING_CARRIED))
    first = max((version.number for version in stored), default=0) + 1
    return [replace(version, number=first + place) for place, version in enumerate(new)]


def _same(one: Version, other: Version) -> bool:
    return _open_lines(one) == _open_lines(other)


def _open_lines(version: Version) -> dict[date, tuple[int, ...]]:
    sums: dict[date, tuple[int, ...]] = {}
    for line in version.lines:
        figures = (
            line.principal_cents, line.interest_cents, line.capitalised_cents, line.fees_cents,
            line.late_interest_cents,
        )  # fmt: skip
        if not line.kept and any(figures):
            have = sums.get(line.due_on, (0,) * len(figures))
            sums[line.due_on] = tuple(a + b for a, b in zip(have, figures, strict=True))
    return sums
