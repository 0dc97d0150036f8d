"""What travels about payments of awards, whatever the instrument."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.awards.payments.rules import PLANNED_OR_PAID, PaymentStatus
from app.awards.schemas import OverrideId
from app.core.schemas import Body, PersonNameOrNull
from app.core.values import Day, PositiveCents, Reason, ShortLine


class AwardPaymentCreate(Body):
    """A payment that is proposed, or, with `paid_on`, one that was made and is recorded."""

    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro to pay.")]
    reference: Annotated[ShortLine, Field(description="The payer's own reference of the transfer.")] | None = None
    planned_on: (
        Annotated[
            Day,
            Field(
                description="Paris day on which the bank is to pay a proposal, today at the earliest; absent or null:"
                " as soon as it is approved."
            ),
        ]
        | None
    ) = None
    paid_on: (
        Annotated[
            Day,
            Field(
                description="Paris day on which the payment was made, not before the decision, today at the latest."
                " Absent or null: it is a proposal."
            ),
        ]
        | None
    ) = None
    override_id: OverrideId | None = None

    @model_validator(mode="after")
    def _planned_or_paid(self) -> "AwardPaymentCreate":
        if self.planned_on is not None and self.paid_on is not None:
            raise PLANNED_OR_PAID.error()
        return self


class PaymentSending(Body):
    """That a payment was handed to the bank."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sent_on": "2023-11-14"}]})

    sent_on: (
        Annotated[Day, Field(description="Paris day on which it was, today at the latest; absent or null: today.")]
        | None
    ) = None


class PaymentRecord(Body):
    """That the bank made a payment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"paid_on": "2023-11-15"}]})

    paid_on: Annotated[
        Day, Field(description="Paris day of the payment: not before the decision, today at the latest.")
    ]
    reference: (
        Annotated[
            ShortLine,
            Field(description="The bank's reference of the transfer, once per award; absent or null: as proposed."),
        ]
        | None
    ) = None


class PaymentRejection(Body):
    """That the bank rejected a payment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"rejected_on": "2023-11-16", "reason": "AC04: the account is closed.", "planned_on": None}]
        }
    )

    rejected_on: Annotated[
        Day, Field(description="Paris day of the reject: not before the payment was sent, today at the latest.")
    ]
    reason: Annotated[Reason, Field(description="What the bank says, such as its code; it cannot contain an IBAN.")]
    planned_on: (
        Annotated[
            Day,
            Field(
                description="Paris day on which the bank is to pay it after all, today at the earliest; absent or"
                " null: as soon as it can be sent."
            ),
        ]
        | None
    ) = None


class PaymentCancellation(Body):
    """Why a payment that was not sent is not made."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The firm asks for a later payment."}]})

    reason: Annotated[Reason, Field(description="Why it is not made; it is shown beside the payment.")]


# What payments of grants and of advances say alike.
PlannedOn = Annotated[
    date | None,
    Field(
        description="Paris day on which the bank is to pay it; null: as soon as it can be sent, or it was recorded as"
        " it was made."
    ),
]
PaidOn = Annotated[
    date | None,
    Field(
        description="Paris day on which the payment counts; null while it is not recorded, or where it was cancelled."
    ),
]
PayeeId = Annotated[
    UUID | None,
    Field(description="The firm's bank details to which it goes; null where it was recorded as it was made."),
]
PayeeIban = Annotated[str | None, Field(description="The IBAN of these bank details, masked; null as their id is.")]
PaymentState = Annotated[
    PaymentStatus,
    Field(
        description="proposed; approved; sent: handed to the bank; recorded: the bank paid it, and the ledger counts"
        " it; cancelled: it was not made; reversed: it was recorded by mistake, and the amount is committed again."
    ),
]
PaymentReason = Annotated[str | None, Field(description="Why it was cancelled or reversed; null where it was neither.")]
ProposedBy = Annotated[
    UUID | None,
    Field(description="Who proposed it, and therefore cannot approve it; null where it was recorded as it was made."),
]
ProposedByName = Annotated[PersonNameOrNull, Field(description="Present name of who proposed it; null as the id is.")]
ApprovedBy = Annotated[UUID | None, Field(description="The person who approved it; null while nobody has.")]
ApprovedByName = Annotated[PersonNameOrNull, Field(description="Present name of who approved it; null as the id is.")]
SentOn = Annotated[
    date | None, Field(description="Paris day on which it was handed to the bank; null where it was not, or came back.")
]
RejectedOn = Annotated[
    date | None, Field(description="Paris day on which the bank last rejected it; null where it did not.")
]
RejectionReason = Annotated[str | None, Field(description="What the bank said then; null as the day is.")]
RecordedByName = Annotated[PersonNameOrNull, Field(description="Present name of who recorded it; null as the id is.")]
SeenBy = Annotated[
    UUID | None,
    Field(description="The person, other than who recorded it, who has seen what it exceeds; null while nobody has."),
]
SeenByName = Annotated[PersonNameOrNull, Field(description="Present name of who has seen it; null as the id is.")]
SeenAt = Annotated[datetime | None, Field(description="Instant in UTC at which it was seen; null as the id is.")]
