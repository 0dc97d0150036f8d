"""The amounts of certified days: lines by profile and rate, rounded half-up. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True)
class PricedLine:
    """Days of one profile at one rate, and their amount."""

    profile: str
    day_rate_cents: int
    days: Decimal

    @property
    def amount_cents(self) -> int:
        return half_up(self.days * self.day_rate_cents)


class Priced(Protocol):
    """What a price depends on: the rates of one member, by profile and days, both included."""

    profile: str
    day_rate_cents: int
    from_on: date
    until_on: date


def half_up(cents: Decimal) -> int:
    """To the whole cent, halves away from zero."""
    return int(cents.quantize(Decimal(1), ROUND_HALF_UP))


def rate_on(rates: Iterable[Priced], profile: str | None, day: date) -> int | None:
    """The day rate of the profile in force on the day the work was done."""
    return next(
        (rate.day_rate_cents for rate in rates if rate.profile == profile and rate.from_on <= day <= rate.until_on),
        None,
    )


def lines_of(days: Iterable[tuple[str, int, Decimal]]) -> list[PricedLine]:
    """One line a profile and rate: the days are summed first, and rounded once."""
    sums: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    for profile, rate, part in days:
        sums[profile, rate] += part
    return [PricedLine(profile, rate, total) for (profile, rate), total in sorted(sums.items())]


def rest_of(sealed: Iterable[Mapping[str, Any]], entry_id: UUID) -> list[Mapping[str, Any]]:
    """The sealed entries of a certificate but one, each with the price that it had."""
    return [entry for entry in sealed if entry["id"] != str(entry_id)]


def vat_on(amount_cents: int, rate_bp: int) -> int:
    """VAT on the sum of a certificate, half-up to the cent."""
    return half_up(Decimal(amount_cents) * rate_bp / 10_000)
