"""How days, dates and amounts are written for people, in English and in French."""

from datetime import date
from decimal import Decimal

MONTHS = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December"),
    "fr": ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre",
           "novembre", "décembre"),
}  # fmt: skip
_SHORT_FR = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc.")
_NO_BREAK, _NARROW = "\u00a0", "\u202f"


def day(value: date, language: str) -> str:
    """`14 June 2023`, `1er août 2023`."""
    return f"{_day_of_month(value, language)}{_NO_BREAK}{MONTHS[language][value.month - 1]}{_NO_BREAK}{value.year}"


def short_day(value: date, language: str) -> str:
    """`14 Jun`, `14 juin`, `1er juil.`."""
    month = _SHORT_FR[value.month - 1] if language == "fr" else MONTHS["en"][value.month - 1][:3]
    return f"{_day_of_month(value, language)}{_NO_BREAK}{month}"


def short_month(value: date, language: str) -> str:
    """`Jun 2023`, `juin 2023`."""
    return short_day(value, language).partition(_NO_BREAK)[2] + f"{_NO_BREAK}{value.year}"


def month(value: date, language: str) -> str:
    """`June 2023`, `juin 2023`."""
    return f"{MONTHS[language][value.month - 1]}{_NO_BREAK}{value.year}"


def _day_of_month(value: date, language: str) -> str:
    return "1er" if language == "fr" and value.day == 1 else str(value.day)


def number(value: Decimal | float, language: str, places: int | None = None) -> str:
    """`1,234.5`, `1 234,5`: as many decimals as it has, or exactly `places`."""
    exact = Decimal(str(value))
    text = f"{exact:,.{places}f}" if places is not None else f"{exact:,f}"
    if places is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    text = text.replace("-", "\u2212")
    return text.replace(",", _NARROW).replace(".", ",") if language == "fr" else text


def euros(cents: int, language: str) -> str:
    """`€1,234.50`, `1 234,50 €`."""
    amount = number(Decimal(cents) / 100, language, 2)
    if language == "fr":
        return f"{amount}{_NO_BREAK}€"
    return amount.replace("\u2212", "\u2212€") if cents < 0 else f"€{amount}"
