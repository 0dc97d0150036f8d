"""What travels about collection runs. The numbers of accounts are in the file alone."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.access.schemas import OrganisationName
from app.core.schemas import CONFIDENTIAL, Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import Day, Reason, ReasonCode, ShortLine, Uuid
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug
from app.treasury.collections.rules import DUE_AFTER_COLLECTION, MOST, CollectionRunStatus, DebitOutcome
from app.treasury.runs.pain import DEBIT_FORMAT


class CollectionRunCreate(Body):
    """Which instalments to collect, to which account and when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"account_id": "019a9f5e-0000-7000-8000-000000000000", "due_to_on": "2199-12-01",
                 "collection_on": "2199-12-03"}
            ]
        }
    )  # fmt: skip

    account_id: Annotated[
        Uuid,
        Field(
            description="The account to collect to: an approved one of the caller's organisation, with a creditor"
            " identifier. The run takes advances that this organisation funds."
        ),
    ]
    due_to_on: Annotated[
        Day, Field(description="Paris day up to which unpaid instalments are taken; not after `collection_on`.")
    ]
    collection_on: Annotated[
        Day, Field(description="Paris day on which the bank is to collect, today at the earliest.")
    ]

    @model_validator(mode="after")
    def _in_order(self) -> "CollectionRunCreate":
        if self.due_to_on > self.collection_on:
            raise DUE_AFTER_COLLECTION.error()
        return self


class CollectionRunCancellation(Body):
    """Why a collection run is not handed over."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The firm pays by transfer."}]})

    reason: Annotated[Reason, Field(description="Why it is cancelled; it cannot contain an IBAN.")]


class DebitReceipt(Body):
    """That the bank collected a line."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"received_on": "2025-03-31", "reference": "PRLV-2025-0331"}]}
    )

    received_on: Annotated[Day, Field(description="Paris day on which the money arrived; today at the latest.")]
    value_on: Annotated[
        Day | None, Field(description="Paris day on which the money counts; absent or null: `received_on`.")
    ] = None
    reference: Annotated[ShortLine, Field(description="Reference of the entry, once per account among what stands.")]


class DebitReturn(Body):
    """That the bank sent a line back, or never collected it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"returned_on": "2025-04-03", "reason_code": "AM04", "bank_reference": "R-AM04-77"}]
        }
    )

    returned_on: Annotated[Day, Field(description="Paris day on which the bank sent it back; today at the latest.")]
    reason_code: Annotated[
        ReasonCode,
        Field(description="The bank's reason code (ISO 20022, four characters), such as AM04: insufficient funds."),
    ]
    bank_reference: Annotated[ShortLine, Field(description="The bank's own reference of what it sent back.")]


class CollectionRun(Read):
    """Instalments due by a day, collected to one account, in one file for the bank."""

    formerly = frozenset({"sha256"})  # the file is known but for the numbers of accounts

    id: Id
    territory: TerritorySlug
    account_id: UUID = Field(description="The account that is collected to.")
    account_label: str = Field(description="Name by which the organisation knows the account.")
    organisation_id: UUID = Field(description="The organisation that collects.")
    organisation_name: OrganisationName
    iban: str = Field(description="The IBAN of the account, masked: its first and last four characters.")
    creditor_identifier: str = Field(description="SEPA creditor identifier (ICS) under which it collects.")
    due_to_on: date = Field(description="Paris day up to which unpaid instalments were taken.")
    collection_on: date = Field(description="Paris day on which the bank is to collect.")
    debits: int = Field(description=f"Number of its lines, at most {MOST}.")
    total_cents: int = Field(description="Cents of euro that it is to collect.")
    collected_debits: int = Field(description="Number of its lines that came in and stand.")
    collected_cents: int = Field(description="Cents of euro of these.")
    returned_debits: int = Field(description="Number of its lines that the bank sent back or never collected.")
    returned_cents: int = Field(description="Cents of euro of these.")
    format: str = Field(description=f"Format of the file (ISO 20022), such as {DEBIT_FORMAT}.")
    size_bytes: int = Field(description="Length of the file in bytes.")
    status: CollectionRunStatus = Field(
        description="ready; handed_over: its file was read, for the bank; cancelled before that."
    )
    made_by: UUID = Field(description="Who made the run.")
    made_by_name: PersonName = Field(description="Present name of who made the run.")
    handed_over_by: UUID | None = Field(description="Who first read its file; null until then.")
    handed_over_by_name: PersonNameOrNull = Field(description="Present name of who first read it; null as the id is.")
    handed_over_at: datetime | None = Field(description="Instant in UTC of that first reading; null until then.")
    cancelled_by: UUID | None = Field(description="Who cancelled it; null where nobody did.")
    cancelled_by_name: PersonNameOrNull = Field(description="Present name of who cancelled it; null as the id is.")
    cancelled_at: datetime | None = Field(description="Instant in UTC of the cancellation; null as the id is.")
    reason: str | None = Field(description="Why it was cancelled; null where it was not.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class CollectionRunLine(Read):
    """One instalment of a collection run."""

    id: Id
    run_id: UUID = Field(description="The run that it is a line of.")
    run_collection_on: date = Field(description="Paris day on which the run is to be collected.")
    position: int = Field(description="Its place in the file, from 1.")
    advance_id: UUID = Field(description="The advance of which it is an instalment.")
    decision_reference: str = Field(description="Reference of the decision of that advance.")
    siren: SirenRead
    firm_name: FirmName
    due_on: date = Field(description="Paris day on which the instalment falls due.")
    mandate_id: UUID = Field(description="The mandate by which it is collected.")
    mandate_reference: str = Field(description="Unique reference of the mandate (RUM).")
    iban: str = Field(description="The IBAN of the mandate's bank details, masked: its first and last four characters.")
    amount_cents: int = Field(
        description="Cents of euro that are collected: what was left of the instalment when the run was made, without"
        " late interest."
    )
    text: str = Field(description="What the firm reads on its bank statement, but for accents and rare characters.")
    outcome: DebitOutcome = Field(
        description="sent; collected: the money came in; bounced: the bank sent it back since; reversed: its receipt"
        " was a mistake; rejected: it never came in; cancelled: with its run."
    )
    receipt_id: UUID | None = Field(description="The receipt of the money; null until it came in.")
    receipt_reference: str | None = Field(description="Reference of that receipt; null as the id is.")
    rejected_on: date | None = Field(description="Paris day of the reject; null where the bank rejected nothing.")
    rejection_reason: str | None = Field(
        description="The bank's reason code (ISO 20022) of the reject or the bounce; null where there is none."
    )
    version: int = Field(
        description="Version of the line, with which the ETag begins: it grows with what the bank makes of it."
    )


class CollectionRunFile(Read):
    """The file of a collection run, with every IBAN in full."""

    id: UUID = Field(description="The run whose file it is.")
    name: str = Field(description="Name under which the file is saved.")
    format: str = Field(description=f"Its format (ISO 20022), such as {DEBIT_FORMAT}.")
    sha256: str = Field(description="SHA-256 digest of the content, encoded in UTF-8, in lower-case hexadecimal.")
    content: str = Field(
        description="The file. Hand it to the bank, and do not log or store this answer.",
        json_schema_extra=CONFIDENTIAL,
    )
