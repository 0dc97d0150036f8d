"""The two times of what is read: what counts by a day, and how it was known at the end of a day."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from app.core import clock
from app.core.db import param
from app.core.faults import Fault
from app.core.problems import ValidationFailed
from app.core.reading.listing import Filter, at_most
from app.core.reading.query import Parameter
from app.core.values import Day

DAY_NOT_OVER = Fault(
    "day_not_over",
    en="The day must be over (Paris time).",
    fr="Le jour doit être achevé (heure de Paris).",
)

AS_OF = {"as_of": Parameter(Day, "The Paris day up to which things count, as they are known now; today where absent.")}
TWO_TIMES = {
    **AS_OF,
    "recorded_as_of": Parameter(
        Day, "Only what was recorded by the end of this Paris day counts, yesterday at the latest."
    ),
}


# A write is recorded at the instant at which it began: a day is over when none that began in it can still be open
# (core/db bounds the wait for a connection and the transaction).
SETTLED = timedelta(minutes=1)


def known_before(recorded_as_of: date | None) -> datetime | None:
    """The instant at which a Paris day ends. Raises `ValidationFailed` (422) for a day that is not over."""
    if recorded_as_of is None:
        return None
    if recorded_as_of >= clock.paris_day(clock.now() - SETTLED):
        raise ValidationFailed(errors=[DAY_NOT_OVER.at("recorded_as_of")])
    return datetime.combine(recorded_as_of + timedelta(days=1), time.min, clock.PARIS)


def times_of(effective_on: Any, recorded_at: Any) -> dict[str, Filter]:
    """The two times as filters of a list whose rows are only appended."""
    return {
        "as_of": at_most(effective_on, Day, "Counting on this day or earlier."),
        "recorded_as_of": Filter(
            TWO_TIMES["recorded_as_of"], lambda name: recorded_at < param(name, recorded_at.type), known_before
        ),
    }


def both_times(query: Mapping[str, Any]) -> dict[str, Any]:
    """The two times of a query as SQL takes them. Raises `ValidationFailed` (422) for a day that is not over."""
    recorded_as_of = query.get("recorded_as_of")
    return {
        "as_of": query.get("as_of") or clock.today(),
        "recorded_as_of": recorded_as_of,
        "known_before": known_before(recorded_as_of),
    }
