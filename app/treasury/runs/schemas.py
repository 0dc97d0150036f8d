"""What travels about payment runs. The numbers of accounts are in the file alone."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.access.schemas import OrganisationName
from app.core.schemas import CONFIDENTIAL, Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import Day, Reason, ReasonCode, Uuid
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug
from app.treasury.runs.pain import FORMAT
from app.treasury.runs.rules import CUT_OFF_AFTER_EXECUTION, MOST, LineOutcome, PaymentRunStatus


class PaymentRunCreate(Body):
    """Which approved payments to send, from which account and when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "account_id": "019a9f5e-0000-7000-8000-000000000000",
                    "cut_off_on": "2199-12-01",
                    "execution_on": "2199-12-03",
                }
            ]
        }
    )

    account_id: Annotated[
        Uuid,
        Field(
            description="The account to pay from: an approved one of the caller's organisation. The run takes payments"
            " of grants and tranches of advances that this organisation funds."
        ),
    ]
    cut_off_on: Annotated[
        Day,
        Field(
            description="Paris day up to which planned payments are taken, and those without a planned day; not after"
            " `execution_on`. One run of an account has it."
        ),
    ]
    execution_on: Annotated[Day, Field(description="Paris day on which the bank is to pay, today at the earliest.")]

    @model_validator(mode="after")
    def _in_order(self) -> "PaymentRunCreate":
        if self.cut_off_on > self.execution_on:
            raise CUT_OFF_AFTER_EXECUTION.error()
        return self


class PaymentRunCancellation(Body):
    """Why a payment run is not handed over."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The bank details of a firm have changed."}]})

    reason: Annotated[Reason, Field(description="Why it is cancelled; it cannot contain an IBAN.")]


class LineRejection(Body):
    """That the bank rejected a line of a payment run."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rejected_on": "2023-11-16", "reason_code": "AC04", "planned_on": None}]}
    )

    rejected_on: Annotated[
        Day, Field(description="Paris day of the reject: not before the run was made, today at the latest.")
    ]
    reason_code: Annotated[
        ReasonCode,
        Field(description="The bank's reason code (ISO 20022, four characters), such as AC04: account closed."),
    ]
    reason: (
        Annotated[
            Reason,
            Field(description="What the bank says beside it; absent or null: nothing. It cannot contain an IBAN."),
        ]
        | None
    ) = None
    planned_on: (
        Annotated[
            Day,
            Field(
                description="Paris day on which the payment is to be sent again, today at the earliest; absent or null:"
                " with the next run."
            ),
        ]
        | None
    ) = None


class PaymentRun(Read):
    """The approved payments of a territory up to a cut-off, from one account, in one file for the bank."""

    formerly = frozenset({"sha256"})  # the file is known but for the numbers of accounts

    id: Id
    territory: TerritorySlug
    account_id: UUID = Field(description="The account that is paid from.")
    account_label: str = Field(description="Name by which the organisation knows the account.")
    organisation_id: UUID = Field(description="The organisation that pays.")
    organisation_name: OrganisationName
    iban: str = Field(description="The IBAN of the account, masked: its first and last four characters.")
    cut_off_on: date = Field(description="Paris day up to which planned payments were taken.")
    execution_on: date = Field(description="Paris day on which the bank is to pay.")
    payments: int = Field(
        description=f"Number of payments, at most {MOST}: those with the lowest ids. The next run takes the others."
    )
    total_cents: int = Field(description="Cents of euro that the bank transfers by the run.")
    paid_payments: int = Field(description="Number of payments that are recorded as paid.")
    paid_cents: int = Field(description="Cents of euro of the payments that are recorded as paid.")
    rejected_payments: int = Field(description="Number of payments that the bank rejected.")
    rejected_cents: int = Field(description="Cents of euro of the payments that the bank rejected.")
    format: str = Field(description=f"Format of the file (ISO 20022), such as {FORMAT}.")
    size_bytes: int = Field(description="Size of the file in bytes.")
    status: PaymentRunStatus = Field(
        description="ready: the file was not read yet; handed_over: it was read, and the bank may have it; cancelled:"
        " its payments are approved again."
    )
    made_by: UUID = Field(description="Who made the run.")
    made_by_name: PersonName = Field(description="Present name of the subject of made_by.")
    handed_over_by: UUID | None = Field(description="Who read the file first; null while nobody has.")
    handed_over_by_name: PersonNameOrNull = Field(
        description="Present name of who read the file first; null as the id."
    )
    handed_over_at: datetime | None = Field(
        description="Instant in UTC at which the file was first read; null as the id is."
    )
    cancelled_by: UUID | None = Field(description="Who cancelled the run; null where nobody has.")
    cancelled_by_name: PersonNameOrNull = Field(description="Present name of who cancelled the run; null as the id is.")
    cancelled_at: datetime | None = Field(description="Instant in UTC of the cancellation; null as the id is.")
    reason: str | None = Field(description="Why the run was cancelled; null where it was not.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class PaymentRunLine(Read):
    """One payment of a run."""

    id: UUID = Field(
        description="UUIDv7 of the line. The file and the bank's answers have it without hyphens, as EndToEndId."
    )
    run_id: UUID = Field(description="The run of which it is a line.")
    run_cut_off_on: date = Field(description="Paris day up to which that run took planned payments.")
    position: int = Field(description="Place of the line in the file, from 1.")
    payment_id: UUID | None = Field(
        description="The payment of a grant that the line sends; what the bank paid is recorded there. Null where it"
        " sends a tranche."
    )
    tranche_id: UUID | None = Field(
        description="The tranche of an advance that the line sends; what the bank paid is recorded there. Null where it"
        " sends a payment of a grant."
    )
    payment_reference: str | None = Field(
        description="The payer's own reference of the payment; null where a tranche has none."
    )
    grant_id: UUID | None = Field(description="The grant of which it is a payment; null as `payment_id` is.")
    advance_id: UUID | None = Field(description="The advance of which it is a tranche; null as `tranche_id` is.")
    decision_reference: str = Field(description="Reference of the decision of that award.")
    siren: SirenRead
    firm_name: FirmName
    holder_name: PersonName = Field(description="Holder of the account that is paid; it may be a person.")
    bank_details_id: UUID = Field(description="The bank details to which the run pays it.")
    iban: str = Field(description="The IBAN of these bank details, masked: its first and last four characters.")
    amount_cents: int = Field(
        description="Cents of euro that the bank transfers: the payment, less what is kept of it for a recovery."
    )
    text: str = Field(description="What the firm reads on its bank statement, but for accents and rare characters.")
    outcome: LineOutcome = Field(
        description="sent; paid: the payment is recorded; reversed: it was recorded by mistake; rejected: by the bank,"
        " and the payment can be sent again; cancelled: with its run."
    )
    rejected_on: date | None = Field(description="Paris day of the reject; null where the bank rejected nothing.")
    reason_code: str | None = Field(
        description="The bank's reason code (ISO 20022); null as the day is, and where the reject was recorded without."
    )
    rejection_reason: str | None = Field(description="What the bank says of the reject; null as the day is.")
    version: int = Field(
        description="Version of the payment, whose acts are those of the line; the ETag begins with it."
    )


class PaymentRunFile(Read):
    """The file of a payment run, with every IBAN in full."""

    id: UUID = Field(description="The run whose file it is.")
    name: str = Field(description="Name under which the file is saved.")
    format: str = Field(description=f"Its format (ISO 20022), such as {FORMAT}.")
    sha256: str = Field(description="SHA-256 digest of the content, encoded in UTF-8, in lower-case hexadecimal.")
    content: str = Field(
        description="The file. Hand it to the bank, and do not log or store this answer.",
        json_schema_extra=CONFIDENTIAL,
    )
