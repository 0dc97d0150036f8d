"""What travels about advances."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.advances import schedule
from app.advances.models import AdvanceStatus
from app.advances.schedule import DueDates, Frequency
from app.awards.schemas import AwardCreate
from app.core.schemas import PERSONAL, Body, Read
from app.core.values import BasisPoints, Cents, Day, PositiveCents, ShortLine
from app.envelopes.rules import ActStatus

_TERMS: JsonDict = {
    "instalments": 12,
    "frequency": "quarterly",
    "annual_rate_bp": 0,
    "shape": "constant_principal",
    "grace_periods": 4,
    "grace_kind": "nothing_due",
    "grace_counts_in_term": False,
    "day_count": "30_360",
    "due_dates": "period_end",
    "first_due_on": "2024-03-31",
    "rounding": {"multiple_cents": 1, "remainder": "last"},
}


def _zero(rate: int) -> int:
    if rate != 0:
        raise PydanticCustomError("only_zero_rate", "Only a rate of 0 is served for now.")
    return rate


class Rounding(Body):
    """Each instalment is rounded down to a multiple of cents; the last one takes the remainder."""

    multiple_cents: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1
    remainder: Literal["last"] = "last"


class Terms(Body):
    """How an advance is repaid. For now at zero rate and by constant principal alone.

    During `grace_periods`, counted in `frequency`, nothing is due. They come before the instalments, or are the first
    of them where `grace_counts_in_term`. `first_due_on` is the due date of the first period, grace or not.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_TERMS]})

    instalments: Annotated[int, Field(strict=True, ge=1, le=600)]
    frequency: Frequency
    annual_rate_bp: Annotated[BasisPoints, AfterValidator(_zero)] = 0
    shape: Literal["constant_principal"] = "constant_principal"
    grace_periods: Annotated[int, Field(strict=True, ge=0, le=120)] = 0
    grace_kind: Literal["nothing_due"] = "nothing_due"
    grace_counts_in_term: Annotated[bool, Field(strict=True)] = False
    day_count: Literal["30_360", "act_360", "act_365"] = "30_360"
    due_dates: DueDates = DueDates.PERIOD_END
    first_due_on: Day
    rounding: Rounding = Rounding()

    @model_validator(mode="after")
    def _possible(self) -> "Terms":
        if self.grace_counts_in_term and self.grace_periods >= self.instalments:
            raise PydanticCustomError("grace_without_end", "The grace leaves no instalment.")
        try:
            schedule.due_dates(self.plan())
        except ValueError:
            raise PydanticCustomError("schedule_too_long", "The last instalment would fall after 2199.") from None
        return self

    def plan(self) -> schedule.Terms:
        """The terms as the schedule reads them."""
        return schedule.Terms(
            instalments=self.instalments,
            frequency=self.frequency,
            grace_periods=self.grace_periods,
            grace_counts_in_term=self.grace_counts_in_term,
            due_dates=self.due_dates,
            first_due_on=self.first_due_on,
            multiple_cents=self.rounding.multiple_cents,
        )


class AdvanceCreate(AwardCreate):
    """An award decision: it commits the envelope at once, or is refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"firm_siren": "910000017", "project_title": "Ligne de traitement", "amount_cents": 20_000_000,
                 "decided_on": "2023-10-03", "decision_reference": "DEC-2023-032", "terms": _TERMS}
            ]
        }
    )  # fmt: skip

    terms: Terms


class Advance(Read):
    """An advance. `remaining_cents` may still be paid out; `outstanding_cents` is still to be repaid."""

    id: UUID
    territory: str
    firm_siren: str
    firm_name: str
    project_title: str
    amount_cents: Cents
    disbursed_cents: Cents
    released_cents: Cents
    remaining_cents: Cents
    repaid_cents: Cents
    outstanding_cents: Cents
    terms: Terms
    decided_on: date
    decision_reference: str
    external_id: str | None
    status: AdvanceStatus
    reason: str | None
    awarded_by: UUID
    awarded_by_name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    version: int
    created_at: datetime
    updated_at: datetime


class TrancheCreate(Body):
    """A part of the advance paid out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount_cents": 10_000_000, "paid_on": "2023-11-20"}]})

    amount_cents: PositiveCents
    paid_on: Day


class Tranche(Read):
    """A tranche of an advance."""

    id: UUID
    advance_id: UUID
    amount_cents: Cents
    paid_on: date
    status: ActStatus
    reason: str | None
    recorded_by: UUID
    recorded_by_name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    version: int
    created_at: datetime
    updated_at: datetime


class RepaymentCreate(Body):
    """Capital received from the firm. The reference is the receiver's own, once per advance."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount_cents": 833_333, "received_on": "2025-03-31", "reference": "PRLV-1"}]}
    )

    amount_cents: PositiveCents
    received_on: Day
    reference: ShortLine


class Repayment(Read):
    """A repayment of an advance."""

    id: UUID
    advance_id: UUID
    amount_cents: Cents
    received_on: date
    reference: str
    status: ActStatus
    reason: str | None
    recorded_by: UUID | None
    recorded_by_name: Annotated[str | None, Field(json_schema_extra=PERSONAL)]
    version: int
    created_at: datetime
    updated_at: datetime


class ScheduleLine(Read):
    """An instalment; all amounts in cents."""

    number: int
    due_on: date
    opening_cents: Cents
    principal_cents: Cents
    interest_cents: Cents
    total_cents: Cents
    closing_cents: Cents


class Schedule(Read):
    """The schedule of what has been disbursed. Its principals sum to it, to the cent."""

    advance_id: UUID
    disbursed_cents: Cents
    lines: list[ScheduleLine]


class StatementLine(ScheduleLine):
    """An instalment, and what it has received: repayments settle the oldest lines first."""

    paid_cents: Cents
    late_cents: Cents


class Statement(Read):
    """Where an advance stands on a day: due by then, paid, late (unpaid after its due date), outstanding."""

    advance_id: UUID
    as_of: date
    disbursed_cents: Cents
    due_cents: Cents
    paid_cents: Cents
    late_cents: Cents
    outstanding_cents: Cents
    lines: list[StatementLine]
