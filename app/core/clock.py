"""The time, asked in one place so that a test can set it."""

from calendar import monthrange
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")

# A module variable rather than a ContextVar: tasks started before the test froze the time must see it too.
_frozen: datetime | None = None


def now() -> datetime:
    """The present instant, in UTC."""
    return _frozen or datetime.now(UTC)


def today() -> date:
    """The present day in Paris."""
    return paris_day(now())


def paris_day(instant: datetime) -> date:
    """The Paris calendar day on which an aware instant falls. ValueError when it is naive."""
    if instant.tzinfo is None:
        raise ValueError("a naive time falls on no known day")
    return instant.astimezone(PARIS).date()


def after_months(day: date, months: int) -> date:
    """The same day number so many months later, or the last day of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


@contextmanager
def frozen(instant: datetime) -> Iterator[None]:
    """For tests: the time stands still at this aware instant, for the whole process."""
    global _frozen  # noqa: PLW0603  # the process has one time
    if instant.tzinfo is None:
        raise ValueError("the time is frozen at an aware instant")
    before, _frozen = _frozen, instant.astimezone(UTC)
    try:
        yield
    finally:
        _frozen = before
