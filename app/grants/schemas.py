"""What travels about grants."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.awards.models import AwardStatus
from app.awards.schemas import AwardCreate
from app.core.schemas import PERSONAL, Body, Read
from app.core.values import Cents, Day, PositiveCents, ShortLine
from app.envelopes.rules import ActStatus
from app.grants.models import PaymentKind


class GrantCreate(AwardCreate):
    """An award decision: it commits the envelope at once, or is refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"firm_siren": "910000017", "project_title": "Centre d'usinage cinq axes", "amount_cents": 15_000_000,
                 "decided_on": "2023-10-03", "decision_reference": "DEC-2023-031"}
            ]
        }
    )  # fmt: skip


class Grant(Read):
    """A grant. `remaining_cents` is what may still be paid."""

    id: UUID
    territory: str
    firm_siren: str
    firm_name: str
    project_title: str
    amount_cents: Cents
    paid_cents: Cents
    released_cents: Cents
    remaining_cents: Cents
    decided_on: date
    decision_reference: str
    external_id: str | None
    status: AwardStatus
    reason: str | None
    awarded_by: UUID
    awarded_by_name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    version: int
    created_at: datetime
    updated_at: datetime


class PaymentCreate(Body):
    """A payment made: advance, interim or balance. The reference is the payer's own, once per grant."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"amount_cents": 4_500_000, "paid_on": "2023-11-15", "kind": "advance_payment", "reference": "VIR-88"}
            ]
        }
    )  # fmt: skip

    amount_cents: PositiveCents
    paid_on: Day
    kind: PaymentKind
    reference: ShortLine


class Payment(Read):
    """A payment of a grant."""

    id: UUID
    grant_id: UUID
    amount_cents: Cents
    paid_on: date
    kind: PaymentKind
    reference: str
    status: ActStatus
    reason: str | None
    recorded_by: UUID
    recorded_by_name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    version: int
    created_at: datetime
    updated_at: datetime
