"""What travels about activity reports."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.access.schemas import OrganisationName
from app.core.schemas import (
    Body,
    ContentHash,
    CreatedAt,
    Id,
    PersonName,
    PersonNameOrNull,
    Read,
    UpdatedAt,
    Version,
)
from app.core.values import Day, DayFraction, Days, Line, Uuid
from app.engineering.activity_reports.rules import ActivityReportStatus
from app.engineering.entries.schemas import Month
from app.firms.schemas import FirmName, SirenRead
from app.missions.schemas import MissionName
from app.programme.schemas import TerritorySlug

MonthRead = Annotated[
    str,
    Field(
        pattern="^[0-9]{4}-[0-9]{2}$",
        description="Calendar month in Paris in which the days count, such as 2023-06.",
    ),
]


class ActivityReportCreate(Body):
    """The month of an assigned person whose days are reported."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"consultant_id": "019a9f5e-0000-7000-8000-000000000000", "month": "2023-06"}]}
    )

    consultant_id: Annotated[
        Uuid,
        Field(description="The assignment of the person: of the caller's organisation, or in a mission that it leads."),
    ]
    month: Annotated[
        Month, Field(description="Calendar month in Paris in which the days count (`counted_on`), such as 2023-06.")
    ]


class ActivityReportSignature(Body):
    """A signature: the name as the person types it, and the day, as both stand on the paper."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Camille Exemple", "signed_on": "2023-07-03"}]})

    name: Annotated[Line, Field(description="Name of the caller, typed by the caller; it stands on the paper.")]
    signed_on: Annotated[
        Day,
        Field(
            description="Paris day of the signature, today at the latest: not before the last day that the report"
            " contains, nor before the other signature."
        ),
    ]


class ActivityReport(Read):
    """What a person worked on a mission in a month (*compte rendu d'activité*), as it was sealed, and who signed it."""

    id: Id
    month: MonthRead
    mission_id: UUID = Field(description="The mission on which the person worked.")
    mission_name: MissionName
    consultant_id: UUID = Field(description="The assignment of the person to the mission.")
    person_id: UUID = Field(description="The person who worked, and who signs first.")
    consultant_name: PersonName = Field(description="Present name of the person who worked.")
    organisation_id: UUID = Field(description="The member of the consortium that employs the person.")
    organisation_name: OrganisationName
    days: Days = Field(description="Man-days of all the entries that the report contains.")
    last_worked_on: date = Field(description="Last Paris day worked among these entries; no signature is earlier.")
    status: ActivityReportStatus = Field(
        description="to_sign, then signed_by_consultant, then signed by the lead firm too; stale: an entry has changed"
        " since, or another one counts in the month."
    )
    consultant_signed_name: PersonNameOrNull = Field(
        description="Name that the person typed to sign; null while that signature is missing."
    )
    consultant_signed_on: date | None = Field(description="Paris day of that signature; null as the name is.")
    consultant_signed_at: datetime | None = Field(
        description="Instant in UTC at which it was given, with a key of the person; null as the name is."
    )
    lead_signed_by: UUID | None = Field(
        description="The person of the lead firm who signed; null while that signature is missing."
    )
    lead_signed_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    lead_signed_name: PersonNameOrNull = Field(description="Name that this person typed to sign; null as the id is.")
    lead_signed_on: date | None = Field(description="Paris day of that signature; null as the id is.")
    lead_signed_at: datetime | None = Field(
        description="Instant in UTC at which it was given, with a key of that person; null as the id is."
    )
    stale_at: datetime | None = Field(description="Instant in UTC at which it became stale; null while it stands.")
    stale_entry_id: UUID | None = Field(
        description="The entry whose change made it stale, deleted since perhaps; null while it stands."
    )
    stale_entry_worked_on: date | None = Field(
        description="Paris day on which that entry was worked, after the change; null as the id is."
    )
    replaced: bool = Field(description="Whether a later report of this person and month was made.")
    content_hash: ContentHash = Field(
        description="SHA-256 of the sealed content, 64 hexadecimal digits; …/content has the text that was hashed."
    )
    made_by: UUID = Field(description="Who had it made from the entries.")
    made_by_name: PersonName = Field(description="Present name of that subject.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class ReportedEntry(Read):
    """A part of a day that the report contains."""

    id: UUID = Field(description="The time entry.")
    worked_on: date = Field(description="Paris day on which the person worked.")
    counted_on: date = Field(
        description="Paris day on which it counts: `worked_on`, or for a correction of a locked month a later day."
    )
    days: DayFraction = Field(description="Man-days worked: 0.25, 0.5, 0.75 or 1.")
    activity: str = Field(description="Code of what was done, one of the mission's.")
    activity_label: str = Field(description="What the mission calls that activity.")
    siren: SirenRead | None = Field(description="SIREN of the firm that the work was about; null where it names none.")
    firm_name: FirmName | None = Field(description="Name of that firm when the report was made; null as `siren` is.")
    audition_id: UUID | None = Field(description="The audition for which the person worked; null where it names none.")
    project_id: UUID | None = Field(description="The project for which the person worked; null where it names none.")
    note: str | None = Field(description="What was done, in words; null where nothing is said.")


class ReportedActivity(Read):
    """The days of one activity in a report."""

    activity: str = Field(description="Code of what was done.")
    label: str = Field(description="What the mission calls it.")
    days: Days = Field(description="Man-days of this activity.")


class ReportedFirm(Read):
    """The days about one firm in a report."""

    siren: SirenRead | None = Field(description="SIREN of the firm; null for work about none.")
    firm_name: FirmName | None = Field(description="Name of the firm when the report was made; null as `siren` is.")
    days: Days = Field(description="Man-days about this firm.")


class ReportedDay(Read):
    """One day in a report."""

    worked_on: date = Field(description="Paris day on which the person worked.")
    days: Days = Field(description="Man-days of this day, at most 1 over all missions.")


class ActivityReportContent(Read):
    """What a report says, as it was sealed, with the names of that day. Absences are not asked."""

    territory: TerritorySlug
    territory_name: str = Field(description="Name of the territory when the report was made.")
    mission_id: UUID = Field(description="The mission on which the person worked.")
    mission_name: MissionName
    consultant_id: UUID = Field(description="The assignment of the person to the mission.")
    consultant_name: PersonName = Field(description="Name of the person when the report was made.")
    organisation_id: UUID = Field(description="The member of the consortium that employs the person.")
    organisation_name: OrganisationName
    lead_name: str | None = Field(
        description="Name of the lead firm of the mission when the report was made; null where it has none yet."
    )
    month: MonthRead
    days: Days = Field(description="Man-days of all the entries.")
    by_activity: list[ReportedActivity] = Field(description="The days of each activity, by its code.")
    by_firm: list[ReportedFirm] = Field(description="The days about each firm, by its SIREN; those about none first.")
    by_day: list[ReportedDay] = Field(description="The days of each date, in their order.")
    entries: list[ReportedEntry] = Field(description="The entries, in the order of the days worked.")
    made_by: UUID = Field(description="Who had the report made.")
    made_at: datetime = Field(description="Instant in UTC at which the content was sealed.")
