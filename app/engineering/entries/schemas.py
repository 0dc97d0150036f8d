"""What travels about engineering."""

import re
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.core.schemas import PERSONAL, Body, Read
from app.core.values import CellDays, Code, Day, DayFraction, Days, ExternalId, Reason, Siren, Uuid, text
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
