"""What travels about engineering."""

import re
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.core.schemas import CONFIDENTIAL, PERSONAL, Body, Read
from app.core.values import CellDays, Code, Day, DayFraction, Days, ExternalId, Reason, SignedDays, Siren, Uuid, text
from app.engineering.entries.rules import Status

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

    `activity` is one of the mission's. `firm_siren` is a firm that the territory follows, `audition_id`
    and `project_id` are the territory's own. `corrects_id` names the reversed or rejected entry of the same person,
    mission and month that this one corrects: where the month is locked, it counts on the first open day. All
    corrections of an entry together have at most its days.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTRY]})

    mission_id: Uuid
    consultant_id: Uuid
    worked_on: Day
    days: DayFraction
    activity: Code
    firm_siren: Siren | None = None
    audition_id: Uuid | None = None
    project_id: Uuid | None = None
    note: Note | None = None
    external_id: ExternalId | None = None
    corrects_id: Uuid | None = None
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
    audition_id: Uuid | None | MISSING = MISSING
    project_id: Uuid | None | MISSING = MISSING
    note: Note | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class Recall(Body):
    """Nothing; or `external_id` null, to give up an external id that another entry bears by now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"external_id": None}]})

    external_id: None | MISSING = MISSING


class Refusal(Body):
    """Why an entry is rejected or reversed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Entered twice."}]})

    reason: Reason


def _week(value: object) -> date:
    if isinstance(value, str) and re.fullmatch(r"(?:19|20|21)[0-9]{2}-W[0-9]{2}", value):
        with suppress(ValueError):  # most years have no week 53
            return date.fromisocalendar(int(value[:4]), int(value[6:]), 1)
    raise PydanticCustomError("invalid_week", "An ISO week as 2023-W27 is wanted, from 1900 to 2199.")


# An ISO 8601 week, YYYY-Www; in Python its Monday.
Week = Annotated[
    date,
    BeforeValidator(_week),
    WithJsonSchema({"type": "string", "pattern": "^(19|20|21)[0-9]{2}-W[0-9]{2}$", "examples": ["2023-W27"]}),
]


class GridCell(Body):
    """One day and activity of a week; 0 or null days is the same as leaving the cell out: nothing is there."""

    worked_on: Day
    activity: Code
    days: CellDays | None


class GridPut(Body):
    """One person's week on a mission, whole: a cell that it does not name is empty.

    Cells that are new or drafts come out in `status`; what counts already stays counted. Entries that a grid cannot
    hold (`fixed_cells`) are left alone.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "consultant_id": "019a9f5e-0000-7000-8000-000000000000",
                    "week": "2023-W27",
                    "cells": [
                        {"worked_on": "2023-07-03", "activity": "audition", "days": 0.5},
                        {"worked_on": "2023-07-03", "activity": "analysis", "days": 0.5},
                        {"worked_on": "2023-07-04", "activity": "audition", "days": 1},
                    ],
                }
            ]
        }
    )

    consultant_id: Uuid
    week: Week
    status: Literal["draft", "submitted"] = "submitted"
    cells: Annotated[list[GridCell], Field(max_length=350)]


class WeekCell(Read):
    """An entry that the grid can change: a day, an activity, and days."""

    entry_id: UUID
    worked_on: date
    activity: str
    days: DayFraction
    status: Literal["draft", "submitted", "validated", "certified"]


class FixedCell(WeekCell):
    """An entry that says more than a grid can hold. It is changed by its own address."""

    firm_siren: str | None
    audition_id: UUID | None
    project_id: UUID | None
    note: str | None
    external_id: str | None
    corrects_id: UUID | None


class WeekGrid(Read):
    """One person's week on a mission. `version` is a digest of its entries: two weeks with the same are the same."""

    consultant_id: UUID
    mission_id: UUID
    week: Annotated[str, Field(pattern="^[0-9]{4}-W[0-9]{2}$")]
    cells: list[WeekCell]
    fixed_cells: list[FixedCell]
    version: int


class EntryFilter(Body):
    """Entries of the territory that a step is taken for: those in a state to take it that answer all of these."""

    mission_id: Uuid | None = None
    consultant_id: Uuid | None = None
    organisation_id: Uuid | None = None
    activity: Code | None = None
    worked_from: Day | None = None
    worked_to: Day | None = None

    def equals(self) -> dict[str, Any]:
        """The fields that an entry must have exactly."""
        given = self.model_dump(exclude={"worked_from", "worked_to"})
        return {name: value for name, value in given.items() if value is not None}


class Selection(Body):
    """Entries by their ids, or by a filter; at most 1 000, all or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"filter": {"worked_from": "2023-06-14", "worked_to": "2023-06-30"}}]
        }
    )  # fmt: skip

    ids: Annotated[list[Uuid], Field(min_length=1, max_length=1000)] | None = None
    filter: EntryFilter | None = None

    @model_validator(mode="after")
    def _one(self) -> "Selection":
        if (self.ids is None) == (self.filter is None):
            raise PydanticCustomError("ids_or_filter", "Either ids or a filter is wanted.")
        return self


class ReasonedSelection(Selection):
    """The same, with the reason that all of them get."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"filter": {"activity": "travel"}, "reason": "Travel does not count."}]
        }
    )  # fmt: skip

    reason: Reason


class TimeEntry(Read):
    """A time entry. `counted_on` is the day on which it counts, `worked_on` the fact.

    A reversed entry stopped to count on `reversal_counted_on`: its own day, or the first open day after a locked month.
    """

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
    audition_id: UUID | None
    project_id: UUID | None
    project_title: str | None
    note: str | None
    external_id: str | None
    status: Status
    reason: str | None
    entered_by: UUID
    validated_by: UUID | None
    validated_at: datetime | None
    corrects_id: UUID | None
    reversal_counted_on: date | None
    certificate_id: UUID | None
    certified_by: UUID | None
    certified_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class TimeEntries(Read):
    """The entries of a batch, in the order sent."""

    items: list[TimeEntry]


def _month(value: object) -> date:
    if isinstance(value, str) and re.fullmatch(r"(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])", value):
        return date.fromisoformat(value + "-01")
    raise PydanticCustomError("invalid_month", "A month as 2023-06 is wanted, from 1900 to 2199.")


# A calendar month, YYYY-MM; in Python its first day.
Month = Annotated[
    date,
    BeforeValidator(_month),
    WithJsonSchema({"type": "string", "pattern": "^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$", "examples": ["2023-06"]}),
]


class MonthLockCreate(Body):
    """A month of a mission to close. It must be over."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"mission_id": "019a9f5e-0000-7000-8000-000000000000", "month": "2023-06"}]}
    )

    mission_id: Uuid
    month: Month


class Reopening(Body):
    """Why a closed month is opened again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "A sheet of June was never entered."}]})

    reason: Reason


class MonthLock(Read):
    """A month that the operator has closed, and what was left in it.

    `days_submitted` still count, and only their reversal takes them out. `days_rejected` count nowhere: a new entry
    that names theirs in `corrects_id` counts on the first open day.
    """

    id: UUID
    mission_id: UUID
    mission_name: str
    month: Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}$")]
    days_submitted: Days
    days_rejected: Days
    locked_by: UUID
    reopened_at: datetime | None
    reopened_by: UUID | None
    reopening_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class Remark(Body):
    """What the operator remarks on one entry, and why."""

    entry_id: Uuid
    reason: Reason


Remarks = Annotated[list[Remark], Field(max_length=1000)]


class ServiceCertificateCreate(Body):
    """The validated days of a member that count in a period, both days included, but for those refused.

    A refused entry stays validated: the lead firm reverses it, or the next certificate takes it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"mission_id": "019a9f5e-0000-7000-8000-000000000000",
                 "organisation_id": "019a9f5e-0000-7000-8000-000000000000",
                 "from_on": "2023-06-14", "to_on": "2023-06-30"}
            ]
        }
    )  # fmt: skip

    mission_id: Uuid
    organisation_id: Uuid
    from_on: Day
    to_on: Day
    reservations: Remarks = Field(default_factory=list)
    refusals: Remarks = Field(default_factory=list)

    @model_validator(mode="after")
    def _ordered(self) -> "ServiceCertificateCreate":
        if self.to_on < self.from_on:
            raise PydanticCustomError("period_reversed", "The end comes before the start.")
        return self


class Cancellation(Body):
    """Why a certificate is cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Two days belong to another firm."}]})

    reason: Reason


class CertificateLine(Read):
    """The days of a profile at a day rate, and what they come to: half-up to the cent."""

    profile: str
    days: SignedDays
    day_rate_cents: int
    amount_excl_vat_cents: int


class CertificateRemark(Read):
    """A reservation on an entry, or its refusal."""

    entry_id: UUID
    kind: Literal["reservation", "refusal"]
    reason: str


class ServiceCertificate(Read):
    """A service certificate, the base of an invoice; or the counter-certificate, with negative figures, of another.

    `content_hash` is the SHA-256 of its canonical JSON (`…/content`). Events never show its amounts.
    """

    id: UUID
    number: int
    mission_id: UUID
    mission_name: str
    organisation_id: UUID
    organisation_name: str
    from_on: date
    to_on: date
    days: SignedDays
    lines: Annotated[list[CertificateLine], Field(json_schema_extra=CONFIDENTIAL)]
    amount_excl_vat_cents: Annotated[int, Field(json_schema_extra=CONFIDENTIAL)]
    vat_rate_bp: int
    vat_cents: Annotated[int, Field(json_schema_extra=CONFIDENTIAL)]
    total_cents: Annotated[int, Field(json_schema_extra=CONFIDENTIAL)]
    remarks: list[CertificateRemark]
    content_hash: str
    cancels_id: UUID | None
    cancelled_by_id: UUID | None
    reason: str | None
    certified_by: UUID
    version: int
    created_at: datetime
    updated_at: datetime


class CertificateContent(Read):
    """What a certificate was made from, as it was sealed: its entries too, or what a counter-certificate cancels."""

    id: UUID
    number: int
    territory: str
    mission_id: UUID
    organisation_id: UUID
    from_on: date
    to_on: date
    days: SignedDays
    lines: list[CertificateLine]
    amount_excl_vat_cents: int
    vat_rate_bp: int
    vat_cents: int
    total_cents: int
    certified_by: UUID
    certified_at: datetime


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
