"""Which days of a mission's window are not worked: weekends and public holidays, by region. No session, no await.

Public holidays are those of the Code du travail, art. L3133-1; art. L3134-13 adds two in Moselle and Alsace, art.
L3422-2 the days that remember the abolition of slavery overseas. The dates come from the `holidays` library.
"""

from datetime import date, timedelta
from enum import StrEnum


class HolidayCalendar(StrEnum):
    """Region whose public holidays apply to a mission."""

    METROPOLITAN = "metropolitan"
    ALSACE_MOSELLE = "alsace_moselle"
    GUADELOUPE = "guadeloupe"
    MARTINIQUE = "martinique"
    GUYANE = "guyane"
    LA_REUNION = "la_reunion"
    MAYOTTE = "mayotte"
    SAINT_BARTHELEMY = "saint_barthelemy"
    SAINT_MARTIN = "saint_martin"
    SAINT_PIERRE_ET_MIQUELON = "saint_pierre_et_miquelon"
    NEW_CALEDONIA = "new_caledonia"
    FRENCH_POLYNESIA = "french_polynesia"
    WALLIS_ET_FUTUNA = "wallis_et_futuna"


_SUBDIVISION = {  # the library's names; Alsace (6AE) and Moselle (57) keep the same days
    HolidayCalendar.METROPOLITAN: None,
    HolidayCalendar.ALSACE_MOSELLE: "57",
    HolidayCalendar.GUADELOUPE: "971",
    HolidayCalendar.MARTINIQUE: "972",
    HolidayCalendar.GUYANE: "973",
    HolidayCalendar.LA_REUNION: "974",
    HolidayCalendar.MAYOTTE: "976",
    HolidayCalendar.SAINT_BARTHELEMY: "BL",
    HolidayCalendar.SAINT_MARTIN: "MF",
    HolidayCalendar.SAINT_PIERRE_ET_MIQUELON: "PM",
    HolidayCalendar.NEW_CALEDONIA: "NC",
    HolidayCalendar.FRENCH_POLYNESIA: "PF",
    HolidayCalendar.WALLIS_ET_FUTUNA: "WF",
}


def public_holidays(first: date, last: date, calendar: HolidayCalendar) -> set[date]:
    """Public holidays between two days, both included."""
    from holidays.countries.france import France  # takes 0.3 s, and few processes ever ask

    days = France(  # type: ignore[no-untyped-call]  # the library has no types
        years=range(first.year, last.year + 1), subdiv=_SUBDIVISION[calendar]
    )
    return {day for day in days if first <= day <= last}


def rest_days(
    first: date, last: date, calendar: HolidayCalendar, *, weekends_allowed: bool, holidays_allowed: bool
) -> list[date]:
    """The days between two days, both included, on which a mission is not worked; none where all are allowed."""
    days = set() if holidays_allowed else public_holidays(first, last, calendar)
    if not weekends_allowed:
        whole = (first + timedelta(days=n) for n in range((last - first).days + 1))
        days |= {day for day in whole if day.isoweekday() > 5}
    return sorted(days)
