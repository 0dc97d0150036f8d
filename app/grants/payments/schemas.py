"""What travels about payments of grants."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.awards.overrides.schemas import OverrideCode, OverrideRead
from app.awards.schemas import OverrideId
from app.core.schemas import Body, CreatedAt, Id, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import Cents, Day, PositiveCents, Reason, ShortLine, Uuid
from app.envelopes.schemas import ActAmount
from app.firms.bank_details.schemas import WithoutIban
from app.firms.schemas import FirmName, SirenRead
from app.grants.ceilings import Exceeded
from app.grants.payments.rules import PLANNED_OR_PAID, PaymentKind, PaymentStatus
from app.programme.schemas import TerritorySlug

_KIND = "advance_payment: before costs arise; interim_payment: on certified costs; balance_payment: the last."
_REFERENCE = "The payer's own reference of the transfer, once per grant."


class PaymentCreate(Body):
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
    reference: Annotated[ShortLine, WithoutIban, Field(description=_REFERENCE)]
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
    def _planned_or_paid(self) -> "PaymentCreate":
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
            WithoutIban,
            Field(description="The bank's reference of the transfer, once per grant; absent or null: as proposed."),
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
    reason: Annotated[
        Reason, WithoutIban, Field(description="What the bank says, such as its code; it cannot contain an IBAN.")
    ]
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

    reason: Annotated[Reason, WithoutIban, Field(description="Why it is not made; it is shown beside the payment.")]


class PaymentSetOff(Body):
    """The recovery that is kept from a payment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"recovery_id": "019a9f5e-0000-7000-8000-000000000000"}]})

    recovery_id: Annotated[
        Uuid, Field(description="An ordered recovery of the same grant: all that has still to come back is kept.")
    ]


class Payment(Read):
    """A payment of a grant, from its proposal on, or from its record where it was recorded as it was made."""

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
    planned_on: date | None = Field(
        description="Paris day on which the bank is to pay it; null: as soon as it can be sent, or it was recorded as"
        " it was made."
    )
    paid_on: date | None = Field(
        description="Paris day on which the payment counts; null while it is not recorded, or where it was cancelled."
    )
    kind: PaymentKind = Field(description=_KIND)
    reference: str = Field(description=_REFERENCE)
    override_id: OverrideRead
    override_code: OverrideCode
    bank_details_id: UUID | None = Field(
        description="The firm's bank details to which it goes; null where it was recorded as it was made."
    )
    iban: str | None = Field(description="The IBAN of these bank details, masked; null as their id is.")
    status: PaymentStatus = Field(
        description="proposed; approved; sent: handed to the bank; recorded: the bank paid it, and the ledger counts"
        " it; cancelled: it was not made; reversed: it was recorded by mistake, and the amount is committed again."
    )
    reason: str | None = Field(description="Why it was cancelled or reversed; null where it was neither.")
    proposed_by: UUID | None = Field(
        description="Who proposed it, and therefore cannot approve it; null where it was recorded as it was made."
    )
    proposed_by_name: PersonNameOrNull = Field(description="Present name of who proposed it; null as the id is.")
    approved_by: UUID | None = Field(description="The person who approved it; null while nobody has.")
    approved_by_name: PersonNameOrNull = Field(description="Present name of who approved it; null as the id is.")
    sent_on: date | None = Field(
        description="Paris day on which it was handed to the bank; null where it was not, or came back."
    )
    rejected_on: date | None = Field(description="Paris day on which the bank last rejected it; null where it did not.")
    rejection_reason: str | None = Field(description="What the bank said then; null as the day is.")
    recorded_by: UUID | None = Field(
        description="Who recorded the payment, never the person who awarded the grant; null while nobody has."
    )
    recorded_by_name: PersonNameOrNull = Field(description="Present name of who recorded it; null as the id is.")
    exceeds: list[Exceeded] = Field(
        description="What would have refused a proposal of the payment on `paid_on`, by the codes of the problems;"
        " empty where nothing would have, and while it is not recorded."
    )
    seen_by: UUID | None = Field(
        description="The person, other than who recorded it, who has seen what it exceeds; null while nobody has."
    )
    seen_by_name: PersonNameOrNull = Field(description="Present name of who has seen it; null as the id is.")
    seen_at: datetime | None = Field(description="Instant in UTC at which it was seen; null as the id is.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
