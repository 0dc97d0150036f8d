"""What travels about tranches of advances."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.advances.tranches.rules import TrancheExceeded
from app.awards.overrides.schemas import OverrideCode, OverrideRead
from app.awards.payments.schemas import (
    ApprovedBy,
    ApprovedByName,
    AwardPaymentCreate,
    PaidOn,
    PayeeIban,
    PayeeId,
    PaymentReason,
    PaymentState,
    PlannedOn,
    ProposedBy,
    ProposedByName,
    RecordedByName,
    RejectedOn,
    RejectionReason,
    SeenAt,
    SeenBy,
    SeenByName,
    SentOn,
)
from app.core.schemas import CreatedAt, Id, Read, UpdatedAt, Version
from app.core.values import PositiveCents, Sha256, ShortLine
from app.envelopes.schemas import ActAmount
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

_REFERENCE = "The payer's own reference of the transfer, once per advance"


class TrancheCreate(AwardPaymentCreate):
    """A part of an advance that is proposed, or, with `paid_on`, one that was paid out and is recorded."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"amount_cents": 10_000_000, "reference": "VIR-91"},
                {"amount_cents": 10_000_000, "paid_on": "2023-11-20"},
            ]
        }
    )

    amount_cents: Annotated[
        PositiveCents, Field(description="Cents of euro to pay out; at most `remaining_cents` of the advance.")
    ]
    reference: Annotated[ShortLine, Field(description=f"{_REFERENCE}; absent or null: none.")] | None = None
    document_sha256: (
        Annotated[
            Sha256,
            Field(
                description="SHA-256 of the document that the agreement asks for before this tranche, in lower-case"
                " hexadecimal; absent or null: none."
            ),
        ]
        | None
    ) = None


class Tranche(Read):
    """A tranche of an advance, from its proposal on, or from its record where it was recorded as it was paid."""

    told_as = "advance_tranche"

    id: Id
    territory: TerritorySlug
    advance_id: UUID = Field(description="The advance of which it is a part.")
    decision_reference: str = Field(description="Reference of the decision of that advance.")
    siren: SirenRead
    firm_name: FirmName
    amount_cents: ActAmount
    planned_on: PlannedOn
    paid_on: PaidOn
    document_sha256: str | None = Field(
        description="SHA-256 of the document that came with it, in lower-case hexadecimal; null where none did."
    )
    reference: str | None = Field(description=f"{_REFERENCE}; null where none was given.")
    override_id: OverrideRead
    override_code: OverrideCode
    bank_details_id: PayeeId
    iban: PayeeIban
    status: PaymentState
    reason: PaymentReason
    proposed_by: ProposedBy
    proposed_by_name: ProposedByName
    approved_by: ApprovedBy
    approved_by_name: ApprovedByName
    sent_on: SentOn
    rejected_on: RejectedOn
    rejection_reason: RejectionReason
    recorded_by: UUID | None = Field(
        description="Who recorded the tranche, never the person who awarded the advance; null while nobody has."
    )
    recorded_by_name: RecordedByName
    exceeds: list[TrancheExceeded] = Field(
        description="What would have refused a proposal of the tranche on `paid_on`, by the codes of the problems;"
        " empty where nothing would have, and while it is not recorded."
    )
    seen_by: SeenBy
    seen_by_name: SeenByName
    seen_at: SeenAt
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
