"""What travels about corrections."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.access.schemas import OrganisationName
from app.core.schemas import CONFIDENTIAL, Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import CellDays, Code, Day, DayFraction, Days, Reason, Siren, Uuid
from app.engineering.corrections.rules import CorrectionStatus
from app.engineering.entries.schemas import Note
from app.firms.schemas import FirmName, SirenRead
from app.missions.schemas import MissionName


class TimeEntryCorrectionCreate(Body):
    """What a certified entry should have been, and why. What is left out is as the entry has it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"entry_id": "019a9f5e-0000-7000-8000-000000000000", "days": 0.25,
                 "reason": "The interview took the morning only."}
            ]
        }
    )  # fmt: skip

    entry_id: Annotated[Uuid, Field(description="The certified entry of the caller's organisation.")]
    reason: Annotated[Reason, Field(description="Why the entry is wrong; it becomes the reason of what follows.")]
    days: (
        Annotated[
            CellDays,
            Field(
                description="Man-days it should have had, at most those it has; 0: it is taken back altogether, and no"
                " entry takes its place."
            ),
        ]
        | MISSING
    ) = MISSING
    worked_on: Annotated[Day, Field(description="Paris day of the work, in the entry's month.")] | MISSING = MISSING
    consultant_id: (
        Annotated[Uuid, Field(description="Another assignment of the same person to the same mission.")] | MISSING
    ) = MISSING
    activity: Annotated[Code, Field(description="Code of what was done, one of the mission's.")] | MISSING = MISSING
    siren: (
        Annotated[Siren, Field(description="SIREN of the firm that the work was about; null: none.")] | None | MISSING
    ) = MISSING
    audition_id: (
        Annotated[Uuid, Field(description="The audition for which the person worked; null: none.")] | None | MISSING
    ) = MISSING
    project_id: (
        Annotated[Uuid, Field(description="The project for which the person worked; null: none.")] | None | MISSING
    ) = MISSING
    note: Annotated[Note, Field(description="What was done, in words; null: nothing.")] | None | MISSING = MISSING


class CorrectionEnd(Body):
    """Why a correction is refused or withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The minutes show the whole day."}]})

    reason: Annotated[Reason, Field(description="Why, in a person's words; it stays with the correction.")]


class TimeEntryCorrection(Read):
    """The correction of a certified entry: what it should have been, who agreed, and what became of it."""

    id: Id
    entry_id: UUID = Field(description="The entry that is corrected.")
    entry_worked_on: date = Field(description="Paris day on which that entry was worked, as it has it.")
    entry_days: DayFraction = Field(description="Man-days of that entry, as it has them.")
    entry_activity: str = Field(description="Code of what was done, as that entry has it.")
    mission_id: UUID = Field(description="The mission of the entry.")
    mission_name: MissionName
    organisation_id: UUID = Field(description="The member of the consortium whose entry it is.")
    organisation_name: OrganisationName
    consultant_id: UUID = Field(description="The assignment that the entry should have had: its own, as a rule.")
    consultant_name: PersonName = Field(description="Present name of the person who worked.")
    worked_on: date = Field(description="Paris day of the work, as it should have been.")
    days: Days = Field(description="Man-days, as they should have been; 0: the entry is taken back altogether.")
    activity: str = Field(description="Code of what was done, as it should have been.")
    siren: SirenRead | None = Field(description="SIREN of the firm that the work was about; null where it names none.")
    firm_name: FirmName | None = Field(description="Present name of that firm in the register; null as `siren` is.")
    audition_id: UUID | None = Field(description="The audition for which the person worked; null where it names none.")
    audition_on: date | None = Field(description="Paris day on which that audition is held or planned; null: none.")
    project_id: UUID | None = Field(description="The project for which the person worked; null where it names none.")
    project_title: str | None = Field(description="Present title of that project; null as the id is.")
    note: str | None = Field(description="What was done, in words; null where nothing is said.")
    reason: str = Field(description="Why the entry is wrong, in the words of who proposed the correction.")
    status: CorrectionStatus = Field(
        description="proposed, then agreed, then accepted; or refused, withdrawn, or stale: the entry is no longer"
        " certified."
    )
    proposed_by: UUID = Field(description="The person of the member's firm who proposed it.")
    proposed_by_name: PersonName = Field(description="Present name of that person.")
    agreed_by: UUID | None = Field(description="The person of the lead firm who agreed; null while nobody has.")
    agreed_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    agreed_at: datetime | None = Field(description="Instant in UTC of the agreement; null as the id is.")
    accepted_by: UUID | None = Field(description="The person of the operator who accepted it; null while nobody has.")
    accepted_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    accepted_at: datetime | None = Field(description="Instant in UTC of the acceptance; null as the id is.")
    ended_by: UUID | None = Field(
        description="Who refused or withdrew it, or cancelled the certificate that it was about; null otherwise."
    )
    ended_by_name: PersonNameOrNull = Field(description="Present name of that subject; null as the id is.")
    ended_at: datetime | None = Field(description="Instant in UTC at which it ended so; null as the id is.")
    ending_reason: str | None = Field(
        description="Why it was refused or withdrawn, or why the certificate was cancelled; null as the id is."
    )
    certificate_id: UUID | None = Field(
        description="The certificate that contains the entry; of an accepted correction the one that was cancelled."
        " Null where the entry is in none."
    )
    certificate_number: int | None = Field(description="Number of that certificate; null as the id is.")
    counter_certificate_id: UUID | None = Field(
        description="The counter-certificate by which the acceptance cancelled it; null until then."
    )
    counter_certificate_number: int | None = Field(description="Number of that one; null as the id is.")
    rest_certificate_id: UUID | None = Field(
        description="The new certificate over the rest of the cancelled one, priced as it was; null where nothing is"
        " left, and until the acceptance."
    )
    rest_certificate_number: int | None = Field(description="Number of that one; null as the id is.")
    corrected_by_id: UUID | None = Field(
        description="The validated entry that took the place of the old one; null where none did, and until the"
        " acceptance."
    )
    corrected_by_counted_on: date | None = Field(
        description="Paris day on which that entry counts: its own, or the first open one; null as the id is."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class AcceptedCorrection(TimeEntryCorrection):
    """An accepted correction, with the days and the money of the member's certificate before and after."""

    told_as = "time_entry_correction"

    days_before: Days = Field(description="Man-days of the certificate that is cancelled.")
    days_after: Days = Field(description="Man-days of the certificate over the rest; 0 where nothing is left.")
    amount_before_excl_vat_cents: int = Field(
        description="Euro cents, excluding VAT: the certificate that is cancelled.", json_schema_extra=CONFIDENTIAL
    )
    amount_after_excl_vat_cents: int = Field(
        description="Euro cents, excluding VAT: the certificate over the rest; 0 where nothing is left.",
        json_schema_extra=CONFIDENTIAL,
    )
    total_before_cents: int = Field(
        description="Euro cents, including VAT: the certificate that is cancelled.", json_schema_extra=CONFIDENTIAL
    )
    total_after_cents: int = Field(
        description="Euro cents, including VAT: the certificate over the rest; 0 where nothing is left.",
        json_schema_extra=CONFIDENTIAL,
    )
    corrected_by_amount_excl_vat_cents: int | None = Field(
        description="Euro cents, excluding VAT: what the new entry costs at the day rate of its day. No amount after"
        " includes it, since its certificate is still to come. 0 where no entry takes the place of the old one; null"
        " where no rate is in force on that day.",
        json_schema_extra=CONFIDENTIAL,
    )
