"""What an aid comes to in the end: its final amounts, what returns to the envelope, and what was paid too much.

Pure: no session, no await. Source: décret n° 2018-514, art. 10, III (public aid at most the planned base) and art. 15
(what was paid too much comes back). A rate is the fraction award/base, never a percentage that was rounded; a final
amount is rounded down, because a rate is a ceiling.
"""

from typing import NamedTuple


class FinalAmounts(NamedTuple):
    """The final amounts of the two instruments of one aid, in cents."""

    grant_cents: int
    advance_cents: int


class Settlement(NamedTuple):
    """What the closing of an award does, in cents: what it gives back unpaid, what it still owes, what comes back."""

    released_cents: int
    due_cents: int
    overpaid_cents: int


def due_on_certified(award_cents: int, certified_cents: int, base_cents: int) -> int:
    """What the certified cost gives a right to: min(award, ⌊award × certified ÷ base⌋)."""
    return min(award_cents, award_cents * certified_cents // base_cents)


def final_amounts(
    *, grant_cents: int, advance_cents: int, base_cents: int, certified_cents: int, other_aid_cents: int
) -> FinalAmounts:
    """The final amounts of a grant and an advance that one decision gave on one base.

    Both are cut by their own fraction. Public aid at face value, the advance and the aid of others included, is then
    cut to the base of the decision: the excess is taken from the grant first, then from the advance.
    """
    grant = due_on_certified(grant_cents, certified_cents, base_cents)
    advance = due_on_certified(advance_cents, certified_cents, base_cents)
    excess = max(0, grant + advance + other_aid_cents - base_cents)
    of_grant = min(grant, excess)
    return FinalAmounts(grant - of_grant, advance - min(advance, excess - of_grant))


def settle(
    *, award_cents: int, released_cents: int, paid_cents: int, claimed_back_cents: int, final_cents: int, last: bool
) -> Settlement:
    """How an award is settled at its final amount.

    `claimed_back_cents` is what recoveries claim already of what was paid. `last` says that nothing more is paid, as
    after a balance: what was not paid then returns whole; else what is due stays committed.
    """
    unpaid = award_cents - paid_cents - released_cents
    due = 0 if last else min(unpaid, max(0, final_cents - paid_cents))
    return Settlement(unpaid - due, due, max(0, paid_cents - claimed_back_cents - final_cents))
