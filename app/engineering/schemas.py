"""What travels about engineering."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field
from pydantic.config import JsonDict

from app.core.schemas import PERSONAL, Body, Read
from app.core.values import Code, Day, DayFraction, Days, ExternalId, Reason, Siren, Uuid, text
from app.engineering.rules import Status

Note = Annotated[str, text(2000, multiline=True)]

_ENTRY: JsonDict = {
    "mission_id": "019a9f5e-0000-7000-8000-000000000000",
    "consultant_id": "019a9f5e-0000-7000-8000-000000000000",
    "worked_on": "2023-07-04",
    "days": 0.5,
    "activity": "audition",
}


class TimeEntryCreate(Body):
    """A person's part of a day on a mission. It is submitted, and counts, unless `status` says `draft`.

    Usual activities: framing, audition, analysis, financial_engineering, roadmap, committee, travel.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTRY]})

    mission_id: Uuid
    consultant_id: Uuid
    worked_on: Day
    days: DayFraction
    activity: Code
    firm_siren: Siren | None = None
    note: Note | None = None
    external_id: ExternalId | None = None
    status: Literal["draft", "submitted"] = "submitted"


class TimeEntryBatch(Body):
    """At most 1 000 entries, taken all together or not at all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ENTRY]}]})

    items: Annotated[list[TimeEntryCreate], Field(min_length=1, max_length=1000)]


class TimeEntryUpdate(Body):
    """Fields of a draft or submitted entry to change. What it took is given back and taken anew in one step."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"days": 0.25}]})

    mission_id: Uuid | MISSING = MISSING
    consultant_id: Uuid | MISSING = MISSING
    worked_on: Day | MISSING = MISSING
    days: DayFraction | MISSING = MISSING
    activity: Code | MISSING = MISSING
    firm_siren: Siren | None | MISSING = MISSING
    note: Note | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class Refusal(Body):
    """Why an entry is rejected or reversed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Entered twice."}]})

    reason: Reason


class TimeEntry(Read):
    """A time entry. `counted_on` is the day on which it counts, `worked_on` the fact."""

    id: UUID
    territory: str
    mission_id: UUID
    mission_name: str
    consultant_id: UUID
    consultant_name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    organisation_id: UUID
    organisation_name: str
    worked_on: date
    counted_on: date
    days: DayFraction
    activity: str
    firm_siren: str | None
    firm_name: str | None
    note: str | None
    external_id: str | None
    status: Status
    reason: str | None
    entered_by: UUID
    validated_by: UUID | None
    validated_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class TimeEntries(Read):
    """The entries of a batch, in the order sent."""

    items: list[TimeEntry]


class MemberFollowUp(Read):
    """The days of one member."""

    organisation_id: UUID
    organisation_name: str
    days_allotted: Days
    days_entered: Days
    days_validated: Days
    days_certified: Days
    days_draft: Days
    days_left: Days


class WeekFollowUp(Read):
    """The days worked in one ISO week, which starts on a Monday."""

    week: Annotated[str, Field(pattern="^[0-9]{4}-W[0-9]{2}$")]
    starts_on: date
    days_entered: Days
    days_validated: Days
    days_certified: Days


class FollowUp(Read):
    """How many days are ordered, entered and left, now. `days_entered` holds the validated and certified days too."""

    territory: str
    days_ordered: Days
    days_entered: Days
    days_validated: Days
    days_certified: Days
    days_draft: Days
    days_left: Days
    by_member: list[MemberFollowUp]
    by_week: list[WeekFollowUp]
