"""What travels about the days that are followed: consumption, forecast, burn-down and timesheets."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.core.schemas import PERSONAL, Read
from app.core.values import DayFraction, Days, SignedDays


class TimesheetEntry(Read):
    """A part of a day that counts. It counts on another day than it was worked where it corrects a closed month."""

    id: UUID
    worked_on: date
    counted_on: date
    activity: str
    activity_label: str | None
    firm_siren: str | None
    firm_name: str | None
    days: DayFraction
    status: Literal["submitted", "validated", "certified"]
    note: str | None


class Timesheet(Read):
    """What an assigned person worked in a month (*compte rendu d'activité*), in the order of days."""

    territory: str
    territory_name: str
    month: Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}$")]
    consultant_id: UUID
    consultant_name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    mission_id: UUID
    mission_name: str
    organisation_id: UUID
    organisation_name: str
    profile: str | None
    days_entered: Days
    days_validated: Days
    days_certified: Days
    entries: list[TimesheetEntry]


class Figures(Read):
    """Days that count. `days_entered` holds the validated days, and these the certified ones; drafts stand apart."""

    days_entered: Days
    days_validated: Days
    days_certified: Days
    days_draft: Days


class MemberFollowUp(Figures):
    """The days of one member; `days_left` of its allotment."""

    organisation_id: UUID
    organisation_name: str
    days_allotted: Days
    days_left: SignedDays


class ProfileFollowUp(Figures):
    """The days of consultants of one profile; null: of those who have none."""

    profile: str | None


class ActivityFollowUp(Figures):
    """The days of one activity."""

    activity: str


class FirmFollowUp(Figures):
    """The days about one firm; null: about none."""

    firm_siren: str | None
    firm_name: str | None


class WeekFollowUp(Figures):
    """The days worked in one ISO week, which starts on a Monday."""

    week: Annotated[str, Field(pattern="^[0-9]{4}-W[0-9]{2}$")]
    starts_on: date


class Consumption(Read):
    """The share of the days used beside the share of the window elapsed at the end of `as_of`, in calendar days.

    Also the days entered for each audition held and each project detected by then.
    """

    share_used: float | None
    calendar_days: int | None
    calendar_days_elapsed: int | None
    share_elapsed: float | None
    days_per_audition: float | None
    days_per_project: float | None


class Forecast(Read):
    """When the days are used up if the pace of `weeks` lasts, and what is left at the end of the window then.

    Where there is no such day, `reason` says why. `assumption` is told in the caller's language.
    """

    exhausted_on: date | None
    reason: (
        Literal["nothing_ordered", "already_exhausted", "no_full_week", "no_days_in_these_weeks", "beyond_2199"] | None
    )
    days_per_week: float | None
    weeks: list[str]
    days_left_at_end: float | None
    assumption: str


class BurnDownPoint(Read):
    """What is left at the end of a day; null where the day is still to come as of the day asked for."""

    on: date
    days_ordered: Days
    days_left_planned: float
    days_left_entered: SignedDays | None
    days_left_validated: SignedDays | None


class BurnDown(Read):
    """The days left at the end of each day or week, beside a straight line from all that is ordered to nothing.

    `step_days` is 1 or 7, or a multiple where a long window would have more than 1 000 points. With `organisation_id`
    the member's allotment takes the place of what is ordered.
    """

    territory: str
    as_of: date
    recorded_as_of: date | None
    starts_on: date | None
    ends_on: date | None
    step_days: int | None
    points: list[BurnDownPoint]


class FollowUp(Figures):
    """How many days are ordered, entered and left, as of a day, and as known at the end of another.

    `days_left` is left of what is ordered; with `organisation_id`, of the member's allotment, and `auditions_held` and
    `projects_detected`, which are of no single member, are null. With `mission_id` they are those of the mission.
    """

    territory: str
    as_of: date
    recorded_as_of: date | None
    starts_on: date | None
    ends_on: date | None
    days_ordered: Days
    days_allotted: Days
    days_left: SignedDays
    auditions_held: int | None
    projects_detected: int | None
    consumption: Consumption
    forecast: Forecast
    by_member: list[MemberFollowUp]
    by_profile: list[ProfileFollowUp]
    by_activity: list[ActivityFollowUp]
    by_firm: list[FirmFollowUp]
    by_week: list[WeekFollowUp]
