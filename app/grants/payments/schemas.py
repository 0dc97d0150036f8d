"""What travels about payments of grants."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

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
from app.core.schemas import Body, CreatedAt, Id, Read, UpdatedAt, Version
from app.core.values import Cents, PositiveCents, ShortLine, Uuid
from app.envelopes.schemas import ActAmount
from app.firms.schemas import FirmName, SirenRead
from app.grants.ceilings import Exceeded
from app.grants.payments.rules import PaymentKind
from app.programme.schemas import TerritorySlug

_KIND = "advance_payment: before costs arise; interim_payment: on certified costs; balance_payment: the last."
_REFERENCE = "The payer's own reference of the transfer, once per grant."


class PaymentCreate(AwardPaymentCreate):
    """A payment that is proposed, or, with `paid_on`, one that was made and is recorded."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"amount_cents": 4_500_000, "kind": "advance_payment", "reference": "VIR-88"},
                {"amount_cents": 4_500_000, "paid_on": "2023-11-15", "kind": "advance_payment", "reference": "VIR-88"},
            ]
        }
    )  # fmt: skip

    amount_cents: Annotated[
        PositiveCents, Field(description="Cents of euro to pay; at most `remaining_cents` of the grant.")
    ]
    kind: Annotated[PaymentKind, Field(description=_KIND)]
    reference: Annotated[ShortLine, Field(description=_REFERENCE)]


class PaymentSetOff(Body):
    """The recovery that is kept from a payment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"recovery_id": "019a9f5e-0000-7000-8000-000000000000"}]})

    recovery_id: Annotated[
        Uuid, Field(description="An ordered recovery of the same grant: all that has still to come back is kept.")
    ]


class Payment(Read):
    """A payment of a grant, from its proposal on, or from its record where it was recorded as it was made."""

    told_as = "grant_payment"

    id: Id
    territory: TerritorySlug
    grant_id: UUID = Field(description="The grant of which it is a payment.")
    decision_reference: str = Field(description="Reference of the decision of that grant.")
    siren: SirenRead
    firm_name: FirmName
    amount_cents: ActAmount
    set_off_cents: Cents | None = Field(
        description="Cents of euro of the amount that are kept for a recovery of the grant; null where nothing is."
    )
    set_off_recovery_id: UUID | None = Field(description="That recovery; null where there is none.")
    set_off_order_number: str | None = Field(description="Number of its order; null where there is none.")
    transfer_cents: Cents = Field(description="Cents of euro that the bank pays: the amount, less what is kept of it.")
    planned_on: PlannedOn
    paid_on: PaidOn
    kind: PaymentKind = Field(description=_KIND)
    reference: str = Field(description=_REFERENCE)
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
        description="Who recorded the payment, never the person who awarded the grant; null while nobody has."
    )
    recorded_by_name: RecordedByName
    exceeds: list[Exceeded] = Field(
        description="What would have refused a proposal of the payment on `paid_on`, by the codes of the problems;"
        " empty where nothing would have, and while it is not recorded."
    )
    seen_by: SeenBy
    seen_by_name: SeenByName
    seen_at: SeenAt
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
