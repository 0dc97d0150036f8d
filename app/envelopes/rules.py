"""Accounts of the ledger, and how an amount is shared among contributions. No session, no await.

An entry debits one account and credits another of the same contribution, so the ledger is zero-sum by construction:
what was contributed + shortfall = available + committed + paid out and neither repaid nor recovered + repaid or
recovered, and not recycled + waived + written off.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID


class Account(StrEnum):
    """The accounts of one contribution to a territory's envelope.

    Debits raise all but two: `contributor`, and `shortfall`, which is what the bank took back and `available` did not
    have any more.
    """

    CONTRIBUTOR = "contributor"
    AVAILABLE = "available"
    GRANTS_COMMITTED = "grants_committed"
    GRANTS_PAID = "grants_paid"
    ADVANCES_COMMITTED = "advances_committed"
    ADVANCES_PAID = "advances_paid"
    RELEASED = "released"
    REPAID = "repaid"
    RECOVERED = "recovered"
    WAIVED = "waived"
    WRITTEN_OFF = "written_off"
    SHORTFALL = "shortfall"


class Instrument(StrEnum):
    """What an award is: a grant (*subvention*) or a repayable advance (*avance remboursable*)."""

    GRANT = "grant"
    ADVANCE = "advance"


COMMITTED = {Instrument.GRANT: Account.GRANTS_COMMITTED, Instrument.ADVANCE: Account.ADVANCES_COMMITTED}
PAID = {Instrument.GRANT: Account.GRANTS_PAID, Instrument.ADVANCE: Account.ADVANCES_PAID}


class Act(StrEnum):
    """What causes an entry. A reversal carries the act that it takes back.

    A `bounce` is a repayment that the bank sent back; a `cover` fills a shortfall of the contribution it names; a
    `recovery` is money of a grant that came back, by a receipt or by being set off on a payment. A `waiver` and a
    `write_off` give up capital of an advance; what comes in after the latter is a `recovery_after_write_off`.
    """

    CONTRIBUTION = "contribution"
    AWARD = "award"
    PAYMENT = "payment"
    TRANCHE = "tranche"
    RELEASE = "release"
    REPAYMENT = "repayment"
    RECOVERY = "recovery"
    BOUNCE = "bounce"
    WAIVER = "waiver"
    WRITE_OFF = "write_off"
    RECOVERY_AFTER_WRITE_OFF = "recovery_after_write_off"
    COVER = "cover"


class ActStatus(StrEnum):
    """Whether an act of money counts, or was reversed by the opposite entries; it is never edited."""

    RECORDED = "recorded"
    REVERSED = "reversed"


class RepaymentPolicy(StrEnum):
    """Where repaid capital of advances and recovered grants go: back to the contributor (the default of the
    programme), or into the envelope again.
    """

    RETURN = "return"
    RECYCLE = "recycle"


def debit_effect(account: Account) -> int:
    """+1 where a debit raises the account's balance, -1 where it lowers it."""
    return -1 if account in (Account.CONTRIBUTOR, Account.SHORTFALL) else 1


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


@dataclass(frozen=True)
class Closing:
    """What an account holds at the end of a day, and until its next closing."""

    day: date
    cents: int


def headroom(closings: Sequence[Closing], day: date) -> int:
    """What can be taken from an account on a day: the least that it holds from then on, and never less than nothing."""
    return max(0, least(closings, day))


def least(closings: Sequence[Closing], day: date) -> int:
    """The least that an account holds from a day on.

    The closings are in the order of their days. Before the first of them the account holds nothing.
    """
    opening = next((closing.cents for closing in reversed(closings) if closing.day <= day), 0)
    return min([opening, *(closing.cents for closing in closings if closing.day > day)])


def shifted(closings: Sequence[Closing], day: date, cents: int) -> list[Closing]:
    """The closings of an account that has so much more from a day on, or less where it is below zero."""
    if not cents:
        return list(closings)
    opening = [closing for closing in closings if closing.day <= day]
    if not opening or opening[-1].day < day:
        opening.append(Closing(day, opening[-1].cents if opening else 0))
    later = [opening[-1], *(closing for closing in closings if closing.day > day)]
    return [*opening[:-1], *(Closing(each.day, each.cents + cents) for each in later)]


def released(
    amount_cents: int | None, accounts: Mapping[UUID, Sequence[Closing]], day: date
) -> dict[date, dict[UUID, int]]:
    """What each account gives back of an amount, or of all that it holds, from a day on, by the day on which it can.

    What the accounts hold only later is given back later. They must hold the amount in the end.
    """
    days = sorted({day, *(closing.day for closings in accounts.values() for closing in closings if closing.day > day)})
    given = dict.fromkeys(accounts, 0)
    left = sum(headroom(each, days[-1]) for each in accounts.values()) if amount_cents is None else amount_cents
    found: dict[date, dict[UUID, int]] = {}
    for each in days:
        free = {key: headroom(closings, each) - given[key] for key, closings in accounts.items()}
        last = each == days[-1]
        parts = share(left if last else min(left, sum(free.values())), free)
        if parts:
            found[each] = parts
        given = {key: cents + parts.get(key, 0) for key, cents in given.items()}
        left -= sum(parts.values())
    return found


def available_from(requested_cents: int, accounts: Iterable[Sequence[Closing]]) -> date | None:
    """The first day on which the accounts together have the headroom for an amount; None where there is none."""
    held = list(accounts)
    days = sorted({closing.day for closings in held for closing in closings})
    # Headroom never shrinks from one day to the next.
    place = bisect_left(days, requested_cents, key=lambda day: sum(headroom(closings, day) for closings in held))
    return days[place] if place < len(days) else None


@dataclass(frozen=True)
class Taker:
    """An act that took money out of an account."""

    act: Act
    act_id: UUID
    award_id: UUID | None
    effective_on: date
    cents: int

    def public(self) -> dict[str, str | None]:
        """As a refusal names it."""
        award_id = None if self.award_id is None else str(self.award_id)
        return {
            "act": self.act, "act_id": str(self.act_id), "award_id": award_id,
            "effective_on": self.effective_on.isoformat(),
        }  # fmt: skip


def enough(closings: Sequence[Closing], day: date, cents: int, takers: Iterable[Taker]) -> Iterator[Taker]:
    """The first of the takers that must give back for the account to have `cents` of headroom on a day."""
    for taker in takers:
        if headroom(closings, day) >= cents:
            return
        yield taker
        closings = [Closing(c.day, c.cents + taker.cents * (c.day >= taker.effective_on)) for c in closings]
