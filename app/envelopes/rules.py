"""Accounts of the ledger, and how an amount is shared among contributions. No session, no await.

An entry debits one account and credits another of the same contribution, so the ledger is zero-sum by construction:
what was contributed = available + committed + paid out and not yet repaid + repaid and not recycled.
"""

from collections.abc import Mapping
from enum import StrEnum
from uuid import UUID


class Account(StrEnum):
    """The accounts of one contribution to a territory's envelope. All are debit-normal but `contributor`."""

    CONTRIBUTOR = "contributor"
    AVAILABLE = "available"
    GRANTS_COMMITTED = "grants_committed"
    GRANTS_PAID = "grants_paid"
    ADVANCES_COMMITTED = "advances_committed"
    ADVANCES_PAID = "advances_paid"
    RELEASED = "released"
    REPAID = "repaid"


class Instrument(StrEnum):
    """What an award is: a grant (*subvention*) or a repayable advance (*avance remboursable*)."""

    GRANT = "grant"
    ADVANCE = "advance"


COMMITTED = {Instrument.GRANT: Account.GRANTS_COMMITTED, Instrument.ADVANCE: Account.ADVANCES_COMMITTED}
PAID = {Instrument.GRANT: Account.GRANTS_PAID, Instrument.ADVANCE: Account.ADVANCES_PAID}


class Act(StrEnum):
    """What causes an entry. A reversal carries the act that it takes back."""

    CONTRIBUTION = "contribution"
    AWARD = "award"
    PAYMENT = "payment"
    TRANCHE = "tranche"
    RELEASE = "release"
    REPAYMENT = "repayment"


class ActStatus(StrEnum):
    """Whether an act of money counts, or was reversed by the opposite entries; it is never edited."""

    RECORDED = "recorded"
    REVERSED = "reversed"


class RepaymentPolicy(StrEnum):
    """Where repaid capital of advances goes: back to the contributor (the default of the programme), or into the
    envelope again.
    """

    RETURN = "return"
    RECYCLE = "recycle"


def debit_effect(account: Account) -> int:
    """+1 where a debit raises the account's balance, -1 where it lowers it (the contributor's)."""
    return -1 if account is Account.CONTRIBUTOR else 1


def share(amount_cents: int, weights: Mapping[UUID, int]) -> dict[UUID, int]:
    """Share an amount among contributions in proportion to their weights, to the cent (largest remainder).

    The weights are what each can give, in cents; their sum must reach the amount. No share is above its weight, the
    shares sum to the amount, and the order of equal remainders is that of the ids, so that the result is one.
    """
    total = sum(weights.values())
    if amount_cents > total:
        raise ValueError("the weights do not reach the amount")
    if amount_cents == 0:
        return {}
    shares = {key: amount_cents * weight // total for key, weight in weights.items()}
    missing = amount_cents - sum(shares.values())
    by_remainder = sorted(weights, key=lambda key: (-(amount_cents * weights[key] % total), key))
    for key in by_remainder[:missing]:  # each of them has a remainder, hence a cent more to give
        shares[key] += 1
    return {key: cents for key, cents in shares.items() if cents}
