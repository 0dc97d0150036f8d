"""What travels about recoveries."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.awards.recoveries.rules import REPLY_DAYS, RecoveryCause, RecoveryStatus, SettledAs
from app.awards.schemas import ProjectTitle
from app.core.schemas import Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import Cents, Day, PositiveCents, Reason, Sha256, ShortLine
from app.envelopes.rules import ActStatus
from app.envelopes.schemas import ActAmount, ReversalReason
from app.firms.schemas import FirmName, SirenRead

CauseRead = Annotated[
    RecoveryCause,
    Field(
        description="overpaid: more was paid than the final amount; object_changed: the object or its use was changed"
        " without leave; aid_ceiling: public aid exceeds its ceiling; not_completed: the project was not completed in"
        " time; commitment_broken: a commitment was not met."
    ),
]


class RecoveryCreate(Body):
    """Why money of a grant must come back, and how much."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"cause": "object_changed", "amount_cents": 1_500_000, "reason": "The machine was sold."}]
        }
    )

    cause: CauseRead
    amount_cents: Annotated[
        PositiveCents, Field(description="Cents of euro: at most what is paid and not claimed back already.")
    ]
    reason: Annotated[Reason, Field(description="What was found; the firm is told it.")]
    opened_on: (
        Annotated[Day, Field(description="Paris day of the finding, today at the latest; absent or null: today.")]
        | None
    ) = None
    document_sha256: (
        Annotated[Sha256, Field(description="SHA-256 of the document that finds it, in lower-case hexadecimal.")] | None
    ) = None


class RecoveryNotice(Body):
    """The letter that tells the firm what is to come back, and until when it can reply."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"notified_on": "2025-03-03", "reply_until_on": "2025-03-18"}]}
    )

    notified_on: Annotated[Day, Field(description="Paris day on which the firm was notified, today at the latest.")]
    reply_until_on: Annotated[
        Day, Field(description=f"Last Paris day to reply: {REPLY_DAYS} days after `notified_on` or later.")
    ]


class RecoveryOrder(Body):
    """The order that makes the money due (*titre de perception*)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"order_number": "TP-2025-12", "ordered_on": "2025-03-19", "due_on": "2025-04-30", "replied_on": None}
            ]
        }
    )

    order_number: Annotated[ShortLine, Field(description="Number of the order, once per territory.")]
    ordered_on: Annotated[
        Day, Field(description="Paris day of the order: after the time to reply, unless the firm has replied.")
    ]
    due_on: Annotated[Day, Field(description="Last Paris day to pay: not before the order.")]
    replied_on: (
        Annotated[Day, Field(description="Paris day on which the firm's reply came in; absent or null: none did.")]
        | None
    ) = None


class RecoveryWaiver(Body):
    """The decision that what has not come back is given up (*remise gracieuse*)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"decision_reference": "RG-2025-3", "waived_on": "2025-06-02", "reason": "The firm is in liquidation."}
            ]
        }
    )

    decision_reference: Annotated[ShortLine, Field(description="What the decision to waive is filed under.")]
    waived_on: Annotated[
        Day, Field(description="Paris day of the decision: not before the order, today at the latest.")
    ]
    reason: Annotated[Reason, Field(description="Why the rest is given up; it is shown beside the recovery.")]


class RecoveryWithdrawal(Body):
    """Why a recovery is withdrawn as a mistake."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The machine was moved, not sold."}]})

    reason: Annotated[Reason, Field(description="What was wrong; it is shown beside the recovery.")]


class RecoveryReceiptCreate(Body):
    """Money of a recovery that came in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"amount_cents": 500_000, "received_on": "2025-04-15", "bank_reference": "VIR-2025-0415-7"}]
        }
    )

    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro: at most `remaining_cents`.")]
    received_on: Annotated[
        Day, Field(description="Paris day on which the money came in: not before the recovery, today at the latest.")
    ]
    bank_reference: Annotated[ShortLine, Field(description="The bank's reference of the entry, once per territory.")]


class Recovery(Read):
    """Money of a grant that must come back (*reversement*)."""

    id: Id
    grant_id: UUID = Field(description="The grant of which the money was paid.")
    project_title: ProjectTitle
    siren: SirenRead
    firm_name: FirmName
    cause: CauseRead
    amount_cents: Cents = Field(description="Cents of euro claimed back. It never changes: a mistake is withdrawn.")
    received_cents: Cents = Field(description="Cents of euro that came in, less reversed receipts.")
    set_off_cents: Cents = Field(description="Cents of euro that were kept from a payment.")
    waived_cents: Cents = Field(description="Cents of euro given up by a decision.")
    planned_cents: Cents = Field(description="Cents of euro that are kept from a payment that is not recorded yet.")
    remaining_cents: Cents = Field(
        description="Cents of euro still to come back: claimed, less received, set off, planned and waived; 0 once"
        " withdrawn."
    )
    reason: str | None = Field(description="What was found; null where the closing of the aid found it.")
    document_sha256: str | None = Field(description="SHA-256 of the document that finds it; null where there is none.")
    of_closing: bool = Field(description="true: the closing of the aid opened it, as what was paid too much.")
    opened_on: date = Field(description="Paris day of the finding.")
    opened_by: UUID = Field(description="Who opened it, or recorded the closing that did.")
    opened_by_name: PersonName = Field(description="Present name of who opened it.")
    notified_on: date | None = Field(description="Paris day on which the firm was notified; null until then.")
    reply_until_on: date | None = Field(description="Last Paris day to reply; null until the firm is notified.")
    replied_on: date | None = Field(description="Paris day on which the firm's reply came in; null where none did.")
    order_number: str | None = Field(description="Number of the order; null until it is ordered.")
    ordered_on: date | None = Field(description="Paris day of the order; null until then.")
    due_on: date | None = Field(description="Last Paris day to pay; null until it is ordered.")
    ordered_by: UUID | None = Field(
        description="The person who ordered it, and who neither records its receipts nor waives it; null until then."
    )
    ordered_by_name: PersonNameOrNull = Field(description="Present name of who ordered it; null until then.")
    status: RecoveryStatus = Field(
        description="opened; notified: the firm can reply; ordered: it must pay; closed: nothing is left to come back;"
        " withdrawn: it was a mistake."
    )
    settled_as: SettledAs | None = Field(
        description="What closed it: repaid, the last receipt; set_off, kept from a payment; waived. Null while open."
    )
    waived_on: date | None = Field(description="Paris day of the decision to waive; null where there is none.")
    waiver_reference: str | None = Field(description="Reference of that decision; null where there is none.")
    waiver_reason: str | None = Field(description="Why the rest was given up; null where it was not.")
    waived_by: UUID | None = Field(description="The person who waived it; null where nobody did.")
    waived_by_name: PersonNameOrNull = Field(description="Present name of who waived it; null where nobody did.")
    end_reason: str | None = Field(description="Why it was withdrawn; null where it was not.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class RecoveryReceipt(Read):
    """Money of a recovery that came in."""

    id: Id
    recovery_id: UUID = Field(description="The recovery on which it came in.")
    order_number: str = Field(description="Number of the order of that recovery.")
    grant_id: UUID = Field(description="The grant that it was paid of.")
    project_title: ProjectTitle
    amount_cents: ActAmount
    received_on: date = Field(description="Paris day on which it counts.")
    bank_reference: str = Field(description="The bank's reference of the entry, once per territory.")
    status: ActStatus = Field(description="recorded: it counts; reversed: it is owed again.")
    reason: ReversalReason
    recorded_by: UUID = Field(description="Who recorded it; never the person who ordered the recovery.")
    recorded_by_name: PersonName = Field(description="Present name of who recorded it.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
