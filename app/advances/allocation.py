"""How money is allocated to a schedule: which lines a receipt settles, and what it makes of those ahead.

Pure: no session, no await. Overdue lines come first, the oldest first, in each fees, late interest, interest, principal
(code civil, art. 1343-1 and 1342-10); then what falls due that day; then future principal by the agreement's rule.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from app.advances.book import Book, Entry
from app.advances.position import AllocationRule, Assigned, EarlyChoice, Split, VersionCause
from app.advances.rules import Settled
from app.advances.schedule import (
    Ahead,
    Basis,
    GraceKind,
    Impossible,
    Instalment,
    LoanTerms,
    ScheduleShape,
    lines_again,
    lines_ahead,
)


def receive(book: Book, assignment: Assigned) -> None:
    """Allocate money: what is due, oldest first; what was written off; then principal ahead; at last the interest
    that has run on it, and the late interest that a reschedule has put beside it.

    What is more is overpaid by its value day, and stays so when a later tranche is paid or a fee falls due: it is
    the firm's, and two persons refund it. Setting it off against what falls due later is a decision (code civil,
    art. 1347, asks that it is invoked): the refund, and a receipt of that day.
    """
    on, parts = assignment.value_on, _Parts(assignment.cents)
    for entry in book.due():
        if not parts.left:
            break
        _pay_due(book, entry, parts, on)
    recovered = parts.pay("principal_cents", book.written_off)
    book.repaid += recovered
    book.written_off -= recovered
    for charge in book.facts.charges:
        if charge.due_on <= on:
            book.charges[charge.id] -= parts.pay("success_fee_cents", book.charges[charge.id])
    _pay_ahead(book, parts, assignment)
    ahead = book.ahead()
    if parts.left and not any(entry.principal_left for entry in ahead):
        for entry in ahead:
            late = parts.pay("late_interest_cents", book.late_of(entry, on) - entry.late_paid)
            cents = parts.pay("interest_cents", entry.interest_left)
            entry.late_paid += late
            entry.interest_left -= cents
            if late + cents and not entry.left:
                entry.settled_on = on
    book.splits[assignment.id] = replace(parts.split(), recovered_cents=recovered)
    book.took(Settled.REPAID)


class _Parts:
    """What money is left of an assignment, and what it paid."""

    def __init__(self, cents: int) -> None:
        self.left = cents
        self.paid: dict[str, int] = defaultdict(int)

    def pay(self, part: str, asked: int) -> int:
        cents = min(self.left, max(asked, 0))
        self.left -= cents
        self.paid[part] += cents
        return cents

    def split(self) -> Split:
        self.pay("overpaid_cents", self.left)
        return Split(**self.paid)


def _pay_due(book: Book, entry: Entry, parts: _Parts, on: date) -> None:
    before = parts.left
    entry.fees_left -= parts.pay("fees_cents", entry.fees_left)
    late = book.late_of(entry, on) - entry.late_paid
    paid_late = parts.pay("late_interest_cents", late)
    entry.late_paid += paid_late
    entry.interest_left -= parts.pay("interest_cents", entry.interest_left)
    principal = parts.pay("principal_cents", entry.principal_left)
    if principal:
        entry.pay_principal(principal, on)
        book.repaid += principal
    if parts.left != before and not entry.left and paid_late == max(late, 0):
        entry.settled_on = on


def _pay_ahead(book: Book, parts: _Parts, assignment: Assigned) -> None:
    ahead = book.ahead()
    asked = sum(entry.principal_left - entry.capitalised for entry in ahead)
    cents = parts.pay("principal_cents", asked)
    if not cents or book.basis is None:
        return
    book.repaid += cents
    on, choice = assignment.value_on, assignment.choice
    basis = book.moved(on, -cents)
    rule = AllocationRule.LAST if choice is EarlyChoice.SHORTEN else book.facts.rule
    if not book.terms.annual_rate_bp and choice is not EarlyChoice.RESPREAD:
        book.basis = basis
        for entry, paid in zip(ahead, taken(cents, [entry.principal_left for entry in ahead], rule), strict=True):
            if not paid:
                continue
            entry.pay_principal(paid, on)
            book.paid_ahead[entry.due_on] += paid
            if not entry.left:
                entry.settled_on = on
        return
    book.cut()
    ahead = book.ahead()
    try:
        made = _chosen(book, basis, ahead, choice) or with_less(book, basis, ahead, cents, rule)
    except Impossible:  # an instalment would be less than its interest
        made = with_less(book, basis, ahead, cents, rule)
    book.basis = basis
    book.replace_ahead(made)
    early = Entry(on, cents, _capital_of_grace(book, parts, on), kept=True, past=True, settled_on=on)
    book.entries.append(early)
    book.sort()
    book.follows_terms = False
    book.make(on, VersionCause.EARLY_REPAYMENT, assignment.id)


def _capital_of_grace(book: Book, parts: _Parts, on: date) -> int:
    """Take the interest that a grace would add to the capital, where all of that is repaid: then nothing is due."""
    ahead, ran = book.ahead(), book.ran(on)
    if book.outstanding or parts.left < ran or not any(entry.capitalised for entry in ahead):
        return 0
    book.set_ahead([Entry(entry.due_on, rests=entry.rests, void=True) for entry in ahead])
    book.basis = Basis(on, 0)
    return parts.pay("interest_cents", ran)


def _chosen(book: Book, basis: Basis, ahead: Sequence[Entry], choice: EarlyChoice | None) -> list[Instalment] | None:
    """The lines ahead as an announced early repayment chose them; None where the rule alone says them."""
    if choice is EarlyChoice.RESPREAD:
        return lines_again(book.terms, basis, to_be_made(ahead))
    if choice is EarlyChoice.SHORTEN and book.terms.shape is ScheduleShape.CONSTANT_INSTALMENT:
        repaying = [entry for entry in ahead if entry.rests is None]
        # The first may bear deferred interest, and the last is what remains.
        usual = repaying[1 if len(repaying) > 2 else 0]
        return lines_again(book.terms, basis, to_be_made(ahead), instalment_cents=usual.principal + usual.interest)
    return None


def with_less(book: Book, basis: Basis, ahead: Sequence[Entry], cents: int, rule: AllocationRule) -> list[Instalment]:
    """The lines ahead with less principal, taken by the rule, and the interest on what they leave."""
    less = taken(cents, [entry.principal for entry in ahead], rule)
    return fitted(
        book.terms, basis,
        [Ahead(entry.due_on, entry.principal - cut, entry.rests) for entry, cut in zip(ahead, less, strict=True)],
    )  # fmt: skip


def to_be_made(entries: Sequence[Entry]) -> list[Ahead]:
    """The lines ahead to be made again: one that repays nothing stays so, unless all do."""
    repaying = any(entry.principal_left for entry in entries)
    return [
        Ahead(
            entry.due_on, entry.principal_left,
            entry.rests or (GraceKind.INTEREST_ONLY if repaying and not entry.principal_left else None),
        )
        for entry in entries
    ]  # fmt: skip


def fitted(terms: LoanTerms, basis: Basis, ahead: Sequence[Ahead]) -> list[Instalment]:
    """Lines ahead of given principals, of which the last ones repay less, or the last one more, where less or more
    interest is capitalised than they count on.
    """
    while True:
        made = lines_ahead(terms, basis, ahead)
        over = -made[-1].closing_cents if made else 0
        changes = [-cut for cut in taken(max(over, 0), [line.cents for line in ahead], AllocationRule.LAST)]
        if over < 0:
            last = max((place for place, line in enumerate(ahead) if line.rests is None), default=None)
            if last is not None:
                changes[last] = -over
        if not any(changes):
            return made
        ahead = [line._replace(cents=line.cents + cents) for line, cents in zip(ahead, changes, strict=True)]


def taken(cents: int, amounts: Sequence[int], rule: AllocationRule) -> list[int]:
    """How much of each amount is taken, so that they sum to `cents`, or to all where that is less."""
    shares = [0] * len(amounts)
    left = min(cents, sum(amounts))
    if rule is AllocationRule.SPREAD:
        while left:
            places = [place for place, amount in enumerate(amounts) if amount > shares[place]]
            each, odd = divmod(left, len(places))
            for order, place in enumerate(places):
                share = min(each + (order < odd), amounts[place] - shares[place])
                shares[place] += share
                left -= share
        return shares
    forward = rule is AllocationRule.NEXT
    for place in range(len(amounts)) if forward else reversed(range(len(amounts))):
        if not left:
            break
        shares[place] = min(left, amounts[place])
        left -= shares[place]
    return shares
