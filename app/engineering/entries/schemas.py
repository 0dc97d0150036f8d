"""What travels about engineering."""

import re
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import MISSING, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from app.access.schemas import OrganisationName
from app.core.faults import Fault
from app.core.schemas import Body, CreatedAt, ExternalName, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import INVALID_MONTH, CellDays, Code, Day, DayFraction, Days, ExternalId, Reason, Siren, Uuid, text
from app.engineering.entries.rules import Status
from app.firms.schemas import FirmName, SirenRead
from app.missions.schemas import MissionName
from app.programme.schemas import TerritorySlug

INVALID_WEEK = Fault(
    "invalid_week",
    en="Must be an ISO week from 1900 to 2199, such as 2023-W27.",
    fr="Doit être une semaine ISO de 1900 à 2199, comme 2023-W27.",
)
IDS_OR_FILTER = Fault(
    "ids_or_filter",
    en="Send either ids or filter, not both.",
    fr="Envoyez soit ids, soit filter, pas les deux.",
)

Note = Annotated[str, text(2000, multiline=True)]

_ENTRY: JsonDict = {
    "mission_id": "019a9f5e-0000-7000-8000-000000000000",
    "consultant_id": "019a9f5e-0000-7000-8000-000000000000",
    "worked_on": "2023-07-04",
    "days": 0.5,
    "activity": "audition",
}


_Mission = Annotated[Uuid, Field(description="The mission of the territory whose ordered days this takes.")]
_Consultant = Annotated[
    Uuid,
    Field(
        description="The assignment of the person who worked: one of the mission, made by the caller's organisation."
    ),
]
_WorkedOn = Annotated[
    Day, Field(description="Paris day on which the person worked: within the assignment, not future.")
]
_EntryDays = Annotated[DayFraction, Field(description="Man-days worked: 0.25, 0.5, 0.75 or 1; no hours.")]
_Activity = Annotated[
    Code, Field(description="Code of what was done, one of those that the mission lists, such as audition.")
]
_Siren = Annotated[
    Siren, Field(description="SIREN of the firm that the work was about, which the territory follows; null: none.")
]
_Audition = Annotated[Uuid, Field(description="The audition of the territory for which the person worked; null: none.")]
_Project = Annotated[Uuid, Field(description="The project of the territory for which the person worked; null: none.")]
_EntryNote = Annotated[
    Note, Field(description="What was done, in the person's words; shown to all who read the entry; null: nothing.")
]
_InitialStatus = Annotated[
    Literal["draft", "submitted"],
    Field(description="submitted: the days count at once, or are refused; draft: they count for nothing yet."),
]


class TimeEntryCreate(Body):
    """A person's part of a day on a mission."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTRY]})

    mission_id: _Mission
    consultant_id: _Consultant
    worked_on: _WorkedOn
    days: _EntryDays
    activity: _Activity
    siren: _Siren | None = None
    audition_id: _Audition | None = None
    project_id: _Project | None = None
    note: _EntryNote | None = None
    external_id: ExternalId | None = None
    corrects_id: (
        Annotated[
            Uuid,
            Field(
                description="The reversed or rejected entry that this one corrects, of the same person, mission and"
                " month. Where the month is locked, this entry counts on the first open day. All corrections of an"
                " entry together have at most its days."
            ),
        ]
        | None
    ) = None
    status: _InitialStatus = "submitted"


class TimeEntryBatch(Body):
    """Entries that are made all together or not at all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ENTRY]}]})

    items: Annotated[
        list[TimeEntryCreate],
        Field(min_length=1, max_length=1000, description="The entries to make, 1 to 1 000; faults name their place."),
    ]


class TimeEntryUpdate(Body):
    """Fields of a draft or submitted entry to change. The days that it took are freed and taken anew in one step."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"days": 0.25}]})

    elsewhere: ClassVar = {
        "status": (
            "POST /v1/territories/{territory}/time-entries/{id}/submit",
            "POST /v1/territories/{territory}/time-entries/{id}/recall",
            "POST /v1/territories/{territory}/time-entries/{id}/validate",
            "POST /v1/territories/{territory}/time-entries/{id}/reject",
            "POST /v1/territories/{territory}/time-entries/{id}/reverse",
        )
    }

    mission_id: _Mission | MISSING = MISSING
    consultant_id: _Consultant | MISSING = MISSING
    worked_on: _WorkedOn | MISSING = MISSING
    days: _EntryDays | MISSING = MISSING
    activity: _Activity | MISSING = MISSING
    siren: _Siren | None | MISSING = MISSING
    audition_id: _Audition | None | MISSING = MISSING
    project_id: _Project | None | MISSING = MISSING
    note: _EntryNote | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class Recall(Body):
    """Nothing; or `external_id` null, to give up an external id that another entry bears by now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"external_id": None}]})

    external_id: None | MISSING = Field(
        default=MISSING, description="null gives up the entry's external id; left out, it is kept."
    )


_StepReason = Annotated[Reason, Field(description="Why, in a person's words; it stays with the entry.")]


class Refusal(Body):
    """Why an entry is rejected or reversed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Entered twice."}]})

    reason: _StepReason


def _week(value: object) -> date:
    if isinstance(value, str) and re.fullmatch(r"(?:19|20|21)[0-9]{2}-W[0-9]{2}", value):
        with suppress(ValueError):  # most years have no week 53
            return date.fromisocalendar(int(value[:4]), int(value[6:]), 1)
    raise INVALID_WEEK.error()


# An ISO 8601 week, YYYY-Www; in Python its Monday.
Week = Annotated[
    date,
    BeforeValidator(_week),
    WithJsonSchema({"type": "string", "pattern": "^(19|20|21)[0-9]{2}-W[0-9]{2}$", "examples": ["2023-W27"]}),
]


class GridCell(Body):
    """One day and activity of a week."""

    worked_on: Annotated[Day, Field(description="Paris day of the cell, within the week.")]
    activity: _Activity
    days: Annotated[
        CellDays | None,
        Field(
            description="Man-days worked: 0.25, 0.5, 0.75 or 1. 0 and null leave the cell empty, as its absence does."
        ),
    ]


class GridPut(Body):
    """One person's whole week on a mission: a cell that is not named is emptied. `fixed_cells` are left alone."""

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

    consultant_id: Annotated[Uuid, Field(description="The assignment whose week this is; it names person and mission.")]
    week: Annotated[Week, Field(description="ISO 8601 week, from its Monday, such as 2023-W27.")]
    status: Annotated[
        Literal["draft", "submitted"],
        Field(description="State of the cells that are new or drafts. Entries that already count stay counted."),
    ] = "submitted"
    cells: Annotated[
        list[GridCell],
        Field(max_length=350, description="The week's cells, each day and activity once; those left out are emptied."),
    ]


class WeekCell(Read):
    """An entry that the grid can change: a day, an activity, and days."""

    entry_id: UUID = Field(description="The entry that the cell shows.")
    worked_on: date = Field(description="Paris day worked.")
    activity: str = Field(description="Code of what was done.")
    days: DayFraction = Field(description="Man-days worked, in quarters.")
    status: Literal["draft", "submitted", "validated", "certified"] = Field(description="State of the entry.")


class FixedCell(WeekCell):
    """An entry that says more than a grid can hold. It is changed by its own address."""

    siren: SirenRead | None = Field(description="SIREN of the firm that the work was about; null: none.")
    firm_name: str | None = Field(description="Present name of that firm; null as the SIREN is.")
    audition_id: UUID | None = Field(description="The audition for which the person worked; null: none.")
    audition_on: date | None = Field(description="Paris day on which that audition is held or planned.")
    project_id: UUID | None = Field(description="The project for which the person worked; null: none.")
    project_title: str | None = Field(description="Present title of that project; null as the id is.")
    note: str | None = Field(description="What was done, in the person's words; null: nothing.")
    external_id: str | None = Field(description="The entry's id in another system; null: none.")
    corrects_id: UUID | None = Field(description="The entry that this one corrects; null: none.")
    corrects_worked_on: date | None = Field(description="Paris day worked of the corrected entry; null as its id is.")


class WeekGrid(Read):
    """One person's week on a mission, as a grid of days and activities."""

    consultant_id: UUID = Field(description="The assignment whose week it is.")
    consultant_name: PersonName = Field(description="Present name of the person assigned.")
    mission_id: UUID = Field(description="The mission of the assignment.")
    mission_name: MissionName
    week: Annotated[str, Field(pattern="^[0-9]{4}-W[0-9]{2}$", description="ISO 8601 week, such as 2023-W27.")]
    cells: list[WeekCell] = Field(description="Entries that a grid can change, by day and activity.")
    fixed_cells: list[FixedCell] = Field(description="Entries that say more than a grid can hold, and stay.")
    version: int = Field(description="A digest of the week's entries: it changes when one of them does.")


class EntryFilter(Body):
    """Entries of the territory that match all of these conditions and are in a state that allows the change."""

    mission_id: Annotated[Uuid, Field(description="Entries of this mission.")] | None = None
    consultant_id: Annotated[Uuid, Field(description="Entries of this assignment of a person.")] | None = None
    organisation_id: Annotated[Uuid, Field(description="Entries of this member of the consortium.")] | None = None
    activity: Annotated[Code, Field(description="Entries with this code of what was done.")] | None = None
    worked_from: Annotated[Day, Field(description="Entries worked on this Paris day or later.")] | None = None
    worked_to: Annotated[Day, Field(description="Entries worked on this Paris day or earlier.")] | None = None
    counted_from: Annotated[Day, Field(description="Entries that count on this Paris day or later.")] | None = None
    counted_to: Annotated[Day, Field(description="Entries that count on this Paris day or earlier.")] | None = None


class Selection(Body):
    """Entries, named by their ids or by a filter: one of the two. The change is made for all of them or for none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"filter": {"worked_from": "2023-06-14", "worked_to": "2023-06-30"}}]}
    )

    ids: (
        Annotated[list[Uuid], Field(min_length=1, max_length=1000, description="Ids of entries, 1 to 1 000.")] | None
    ) = None
    filter: Annotated[
        EntryFilter | None, Field(description="Conditions that select the entries; more than 1 000 are refused.")
    ] = None

    @model_validator(mode="after")
    def _one(self) -> "Selection":
        if (self.ids is None) == (self.filter is None):
            raise IDS_OR_FILTER.error()
        return self


class ReasonedSelection(Selection):
    """Entries, named by their ids or by a filter, with one reason for all of them."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"filter": {"activity": "travel"}, "reason": "Travel does not count."}]}
    )

    reason: _StepReason


class TimeEntry(Read):
    """A person's part of a day on a mission. It counts while it is submitted, validated or certified."""

    id: Id
    territory: TerritorySlug
    mission_id: UUID = Field(description="The mission whose ordered days the entry takes.")
    mission_name: MissionName
    consultant_id: UUID = Field(description="The assignment of the person who worked: a person on a mission.")
    consultant_name: PersonName = Field(description="Present name of the person who worked.")
    organisation_id: UUID = Field(description="Member of the consortium whose allotment the entry takes.")
    organisation_name: OrganisationName
    worked_on: date = Field(description="Paris day on which the person worked.")
    counted_on: date = Field(
        description="Paris day on which the entry counts: `worked_on`, or for a correction of a locked month the first"
        " open day."
    )
    days: DayFraction = Field(description="Man-days worked: 0.25, 0.5, 0.75 or 1.")
    activity: str = Field(description="Code of what was done, one of the mission's.")
    siren: SirenRead | None = Field(description="SIREN of the firm that the work was about; null where it names none.")
    firm_name: FirmName | None = Field(description="Present name of that firm in the register; null as `siren` is.")
    audition_id: UUID | None = Field(description="The audition for which the person worked; null where it names none.")
    audition_on: date | None = Field(
        description="Paris day of that audition: on which it was held, else for which it is planned; null as the id is."
    )
    project_id: UUID | None = Field(description="The project for which the person worked; null where it names none.")
    project_title: str | None = Field(description="Present title of that project; null as the id is.")
    note: str | None = Field(
        description="What was done, in the words of whoever entered it; null where nothing is said."
    )
    external_id: ExternalName
    status: Status = Field(
        description="draft, rejected and reversed entries take no days; submitted, validated and certified ones do."
    )
    reason: str | None = Field(description="Why the entry was rejected or reversed; null in every other state.")
    entered_by: UUID = Field(description="The person or service account that made the entry.")
    entered_by_name: PersonName = Field(description="Present name of the subject of `entered_by`.")
    validated_by: UUID | None = Field(
        description="The person of the lead firm who validated it; kept when it is certified or reversed, else null."
    )
    validated_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    validated_at: datetime | None = Field(description="Instant in UTC of the validation; null as `validated_by` is.")
    corrects_id: UUID | None = Field(
        description="The reversed or rejected entry that this one corrects; null where it corrects none."
    )
    corrects_worked_on: date | None = Field(
        description="Paris day worked of the entry that this one corrects; null as the id is."
    )
    reversal_counted_on: date | None = Field(
        description="Paris day from which a reversed entry counts no more: its own `counted_on`, or the first open day"
        " after a locked month. Null where it is not reversed."
    )
    certificate_id: UUID | None = Field(
        description="The service certificate that contains the entry; null while none does, and again after its"
        " cancellation."
    )
    certificate_number: int | None = Field(
        description="Number of that certificate among those of the territory; null as the id is."
    )
    certified_by: UUID | None = Field(
        description="The person of the operator who certified it; null as the certificate."
    )
    certified_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    certified_at: datetime | None = Field(description="Instant in UTC of the certification; null as the certificate.")
    certification_refused_reason: str | None = Field(
        description="Why a certificate left the validated entry out, in the words of the operator; null where none did,"
        " and again once a certificate contains it."
    )
    certification_refused_by: UUID | None = Field(
        description="The person of the operator who left it out; null as the reason is."
    )
    certification_refused_by_name: PersonNameOrNull = Field(
        description="Present name of that person; null as the id is."
    )
    certification_refused_on: date | None = Field(
        description="Paris day of the certificate that left it out; null as the reason is."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class TimeEntries(Read):
    """The entries of one request."""

    items: list[TimeEntry] = Field(
        description="The entries after the change: in the order sent, or by id where a filter selected them; of a grid,"
        " all entries of the week."
    )


def _month(value: object) -> date:
    if isinstance(value, str) and re.fullmatch(r"(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])", value):
        return date.fromisoformat(value + "-01")
    raise INVALID_MONTH.error()


# A calendar month, YYYY-MM; in Python its first day.
Month = Annotated[
    date,
    BeforeValidator(_month),
    WithJsonSchema({"type": "string", "pattern": "^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$", "examples": ["2023-06"]}),
]


class MonthLockCreate(Body):
    """A month of a mission to close."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"mission_id": "019a9f5e-0000-7000-8000-000000000000", "month": "2023-06"}]}
    )

    mission_id: Annotated[Uuid, Field(description="The mission of the territory whose month is closed.")]
    month: Annotated[Month, Field(description="Calendar month in Paris, such as 2023-06; it must be over.")]


class Reopening(Body):
    """Why a closed month is reopened."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "A sheet of June was never entered."}]})

    reason: Annotated[Reason, Field(description="Why, in a person's words; it stays with the lock.")]


class MonthLock(Read):
    """A month of a mission that the operator has closed: entries that count in it can no longer be changed."""

    id: Id
    mission_id: UUID = Field(description="The mission whose month is closed.")
    mission_name: MissionName
    month: Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}$", description="Calendar month in Paris, such as 2023-06.")]
    days_submitted: Days = Field(
        description="Man-days that still await validation in this month, at present; while it is locked they can only"
        " be reversed."
    )
    days_rejected: Days = Field(
        description="Man-days that were rejected in this month and count nowhere; a new entry that names theirs in"
        " `corrects_id` counts on the first open day."
    )
    locked_by: UUID = Field(description="The person of the operator who closed the month.")
    locked_by_name: PersonName = Field(description="Present name of that person.")
    reopened_at: datetime | None = Field(description="Instant in UTC of the reopening; null while the month is closed.")
    reopened_by: UUID | None = Field(description="The person who reopened the month; null while it is closed.")
    reopened_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    reopening_reason: str | None = Field(description="Why the month was reopened; null while it is closed.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
