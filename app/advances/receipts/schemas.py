"""What travels about receipts."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.advances.receipts.rules import ReceiptMethod, ReceiptStatus, RefundStatus
from app.core.schemas import Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import Cents, Day, PositiveCents, Reason, ShortLine, Siren, Uuid
from app.envelopes.schemas import ActAmount

AccountId = Annotated[
    Uuid | None,
    Field(
        description="Account of an organisation on which the money came in; absent or null: the only approved one of"
        " your organisation, if it has only one."
    ),
]
ValueOn = Annotated[
    Day | None, Field(description="Paris day on which the money counts; absent or null: `received_on`.")
]
Method = Annotated[ReceiptMethod, Field(description="How the money came in.")]


class Payer(Body):
    """Who paid, as the bank says."""

    name: Annotated[ShortLine, Field(description="Name of the payer.")]
    siren: Annotated[Siren | None, Field(description="Its SIREN; absent or null where it is not known.")] = None


PayerSaid = Annotated[Payer | None, Field(description="Who paid; absent or null where the bank does not say.")]


class AssignmentCreate(Body):
    """A part of a receipt, assigned to an advance that it repays."""

    advance_id: Annotated[Uuid, Field(description="The advance that is repaid.")]
    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro of the receipt, at most what is left.")]


class Assignments(Body):
    """What of a receipt is assigned to which advances."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"assignments": [{"advance_id": "019a5b5e-0000-7000-8000-000000000001", "amount_cents": 833_333}]}
            ]
        }
    )

    assignments: Annotated[
        list[AssignmentCreate],
        Field(
            min_length=1, max_length=100, description="Parts of the receipt; those of one advance are one repayment."
        ),
    ]


class ReceiptCreate(Body):
    """One entry of a bank account: money that came in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"amount_cents": 833_333, "received_on": "2025-03-31", "reference": "VIR-2025-0331",
                 "method": "transfer", "payer": {"name": "Forges Alésiennes", "siren": "320252489"}}
            ]
        }
    )  # fmt: skip

    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro received.")]
    received_on: Annotated[Day, Field(description="Paris day on which the money arrived; today at the latest.")]
    value_on: ValueOn = None
    reference: Annotated[ShortLine, Field(description="Reference of the entry, once per account among what stands.")]
    account_id: AccountId = None
    method: Method = ReceiptMethod.OTHER
    payer: PayerSaid = None
    assignments: Annotated[
        list[AssignmentCreate],
        Field(max_length=100, description="Advances that it repays, at once; the rest waits to be assigned."),
    ] = Field(default_factory=list)


class Unassignment(Body):
    """A repayment that a receipt was assigned to by mistake."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"repayment_id": "019a5b5e-0000-7000-8000-000000000001", "reason": "Another advance."}]
        }
    )

    repayment_id: Annotated[Uuid, Field(description="The repayment that is taken back.")]
    reason: Annotated[Reason, Field(description="Why it is taken back; it is shown beside the repayment.")]


class Bounce(Body):
    """That the bank sent money back: when, why, and under which reference of its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"bounced_on": "2025-04-03", "reason": "Insufficient funds.", "bank_reference": "R-AM04-77"}]
        }
    )

    bounced_on: Annotated[Day, Field(description="Paris day on which the bank sent it back; today at the latest.")]
    reason: Annotated[Reason, Field(description="Why the bank sent it back, in its words or yours.")]
    bank_reference: Annotated[ShortLine, Field(description="The bank's own reference of what it sent back.")]


class Receipt(Read):
    """One entry of a bank account. Its amount is always the sum of its parts, from `principal_cents` to
    `unassigned_cents`.
    """

    id: Id
    account_id: UUID | None = Field(description="Account on which the money came in; null where none was known.")
    account_label: str | None = Field(description="Present label of that account; null as the id is.")
    reference: str = Field(description="Reference of the entry, once per account among what stands.")
    received_on: date = Field(description="Paris day on which the money arrived.")
    value_on: date = Field(description="Paris day on which the money counts.")
    amount_cents: ActAmount
    method: ReceiptMethod = Field(
        description="direct_debit, transfer, collection_order (titre de perception), or other: how the money came in."
    )
    payer_name: PersonNameOrNull = Field(description="Name of the payer, as the bank says; null where it does not.")
    payer_siren: str | None = Field(description="SIREN of the payer; null where it is not known.")
    status: ReceiptStatus = Field(
        description="recorded: it counts; bounced: the bank sent it back; reversed: it was a mistake; returned: all of"
        " it went back to the payer."
    )
    reason: str | None = Field(description="Why it bounced or was reversed; null while it counts.")
    bounced_on: date | None = Field(description="Paris day on which the bank sent it back, or null.")
    bank_reference: str | None = Field(description="The bank's reference of what it sent back, or null.")
    principal_cents: Cents = Field(description="Cents of euro of capital of advances.")
    interest_cents: Cents = Field(description="Cents of euro of the interest of agreements.")
    late_interest_cents: Cents = Field(description="Cents of euro of late interest.")
    fees_cents: Cents = Field(description="Cents of euro of fees.")
    success_fee_cents: Cents = Field(description="Cents of euro of success fees.")
    overpaid_cents: Cents = Field(description="Cents of euro above all that the advances ask for.")
    unassigned_cents: Cents = Field(description="Cents of euro that are assigned to no advance.")
    refunded_cents: Cents = Field(description="Cents of euro that went back to the payer; part of the last two.")
    recorded_by: UUID | None = Field(description="Who recorded the receipt; null where the service itself did.")
    recorded_by_name: PersonNameOrNull = Field(
        description="Present name of who recorded the receipt; null as the id is."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class RefundCreate(Body):
    """What is to go back to the payer of a receipt: what an advance was overpaid, or what is not assigned."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount_cents": 1_500_000, "reason": "Paid twice."}]})

    repayment_id: Annotated[
        Uuid | None,
        Field(description="The repayment that is overpaid; absent or null: what is not assigned is returned."),
    ] = None
    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro, at most what is overpaid or unassigned.")]
    reason: Annotated[Reason, Field(description="Why the money goes back.")]


class RefundApproval(Body):
    """That the money went back: when, and under which reference of the bank."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"refunded_on": "2025-04-20", "reference": "VIR-2025-0420"}]}
    )

    refunded_on: Annotated[Day, Field(description="Paris day on which the money went back; today at the latest.")]
    reference: Annotated[ShortLine, Field(description="Reference of the payment that returned it.")]


class RefundEnd(Body):
    """Why a refund does not take place, or is taken back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The firm asks to keep it for later."}]})

    reason: Annotated[Reason, Field(description="Why the refund ends; it is shown beside it.")]


class Refund(Read):
    """Money of a receipt that goes back to its payer."""

    told_as = "receipt_refund"

    id: Id
    receipt_id: UUID = Field(description="The receipt of which it is a part.")
    receipt_reference: str = Field(description="Reference of the bank entry that came in.")
    repayment_id: UUID | None = Field(description="The repayment that is overpaid; null: the money was not assigned.")
    advance_id: UUID | None = Field(description="The advance that is overpaid; null as the repayment is.")
    decision_reference: str | None = Field(
        description="Reference of the decision that awarded that advance; null as its id is."
    )
    amount_cents: ActAmount
    reason: str = Field(description="Why the money goes back.")
    status: RefundStatus = Field(
        description="proposed: another person must approve it; paid: it went back; cancelled: it does not take place;"
        " reversed: it was a mistake, or came back."
    )
    proposed_by: UUID = Field(description="Who proposed the refund.")
    proposed_by_name: PersonName = Field(description="Present name of who proposed the refund.")
    approved_by: UUID | None = Field(description="Who approved the refund; null until it is paid.")
    approved_by_name: PersonNameOrNull = Field(description="Present name of who approved it; null as the id is.")
    refunded_on: date | None = Field(description="Paris day on which the money went back; null until then.")
    reference: str | None = Field(description="Reference of the payment that returned it; null until then.")
    end_reason: str | None = Field(description="Why it was cancelled or reversed; null where it was not.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
