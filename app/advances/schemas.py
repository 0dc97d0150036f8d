"""What travels about advances."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from app.advances import schedule
from app.advances.models import AdvanceStatus
from app.advances.schedule import DueDates, Frequency
from app.awards.schemas import AwardCreate, AwardedCents, DecidedOn, DecisionReference, EndReason, ProjectTitle
from app.core.faults import Fault
from app.core.schemas import (
    Body,
    CreatedAt,
    ExternalName,
    FirmName,
    Id,
    PersonName,
    PersonNameOrNull,
    Read,
    SirenRead,
    TerritorySlug,
    UpdatedAt,
    Version,
)
from app.core.values import BasisPoints, Cents, Day, PositiveCents, ShortLine
from app.envelopes.rules import ActStatus
from app.envelopes.schemas import ActAmount, ReversalReason

ONLY_ZERO_RATE = Fault("only_zero_rate", en="The rate must be 0.", fr="Le taux doit être 0.")
GRACE_WITHOUT_END = Fault(
    "grace_without_end",
    en="The grace period covers every instalment; at least one must remain.",
    fr="Le différé couvre toutes les échéances ; il doit en rester au moins une.",
)
SCHEDULE_TOO_LONG = Fault(
    "schedule_too_long",
    en="The last instalment must not be due after 2199.",
    fr="La dernière échéance ne doit pas tomber après 2199.",
)

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
        raise ONLY_ZERO_RATE.error()
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
            raise GRACE_WITHOUT_END.error()
        try:
            schedule.due_dates(self.plan())
        except ValueError:
            raise SCHEDULE_TOO_LONG.error() from None
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
                {"siren": "910000017", "project_title": "Ligne de traitement", "amount_cents": 20_000_000,
                 "decided_on": "2023-10-03", "decision_reference": "DEC-2023-032", "terms": _TERMS}
            ]
        }
    )  # fmt: skip

    terms: Terms


class Advance(Read):
    """A repayable advance: a decided aid whose capital the firm repays without interest."""

    id: Id
    territory: TerritorySlug
    siren: SirenRead
    firm_name: FirmName
    project_title: ProjectTitle
    amount_cents: AwardedCents
    disbursed_cents: Cents = Field(description="Cents of euro paid out in tranches, less reversed ones.")
    released_cents: Cents = Field(description="Cents of euro given back to the envelope unpaid.")
    remaining_cents: Cents = Field(
        description="Cents of euro that may still be paid out: awarded less disbursed and released."
    )
    repaid_cents: Cents = Field(description="Cents of euro of capital repaid, less reversed repayments.")
    outstanding_cents: Cents = Field(description="Cents of euro still to be repaid: disbursed less repaid.")
    terms: Terms = Field(description="How the advance is repaid, as decided.")
    decided_on: DecidedOn
    decision_reference: DecisionReference
    external_id: ExternalName
    status: AdvanceStatus = Field(
        description="awarded: nothing is paid out yet; paying: a part is; repaying: all of it is; repaid: nothing"
        " is owed any more; cancelled: ended unpaid."
    )
    reason: EndReason
    awarded_by: UUID = Field(
        description="The person who awarded the advance, and who therefore cannot pay its tranches."
    )
    awarded_by_name: PersonName = Field(description="Present name of the person who awarded the advance.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class TrancheCreate(Body):
    """A part of an advance that was paid out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount_cents": 10_000_000, "paid_on": "2023-11-20"}]})

    amount_cents: Annotated[
        PositiveCents, Field(description="Cents of euro paid out; at most `remaining_cents` of the advance.")
    ]
    paid_on: Annotated[
        Day, Field(description="Paris day of the payment: not before the decision, today at the latest.")
    ]


class Tranche(Read):
    """A tranche of an advance: a part of it that was paid out."""

    id: Id
    advance_id: UUID = Field(description="The advance of which it is a part.")
    amount_cents: ActAmount
    paid_on: date = Field(description="Paris day on which the tranche counts; its instalments fall due after it.")
    status: ActStatus = Field(description="recorded: it counts; reversed: the amount is committed again.")
    reason: ReversalReason
    recorded_by: UUID = Field(description="Who recorded the tranche; never the person who awarded the advance.")
    recorded_by_name: PersonName = Field(description="Present name of who recorded the tranche.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class RepaymentCreate(Body):
    """Capital that was received from the firm."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount_cents": 833_333, "received_on": "2025-03-31", "reference": "PRLV-1"}]}
    )

    amount_cents: Annotated[
        PositiveCents, Field(description="Cents of euro received; at most `outstanding_cents` of the advance.")
    ]
    received_on: Annotated[Day, Field(description="Paris day on which the money arrived; today at the latest.")]
    reference: Annotated[ShortLine, Field(description="The receiver's own reference, once per advance.")]


class Repayment(Read):
    """A repayment of an advance: capital that was received from the firm."""

    id: Id
    advance_id: UUID = Field(description="The advance that is repaid.")
    amount_cents: ActAmount
    received_on: date = Field(description="Paris day on which the money arrived, and on which it counts.")
    reference: str = Field(description="The receiver's own reference, once per advance.")
    status: ActStatus = Field(description="recorded: it counts; reversed: the firm owes the amount again.")
    reason: ReversalReason
    recorded_by: UUID | None = Field(description="Who recorded the repayment; null where the service itself did.")
    recorded_by_name: PersonNameOrNull = Field(
        description="Present name of who recorded the repayment; null as the id is."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class ScheduleLine(Read):
    """An instalment of the schedule."""

    number: int = Field(ge=1, description="Place of the instalment in the schedule, from 1; grace periods have none.")
    due_on: date = Field(description="Paris day by whose end the instalment is to be paid.")
    opening_cents: Cents = Field(
        description="Cents of euro of capital owed before this instalment, if those before it are paid."
    )
    principal_cents: Cents = Field(description="Cents of euro of capital that this instalment repays.")
    interest_cents: Cents = Field(description="Cents of euro of interest: 0, since the rate is 0.")
    total_cents: Cents = Field(description="Cents of euro to pay: principal and interest.")
    closing_cents: Cents = Field(description="Cents of euro of capital owed once this instalment is paid.")


class Schedule(Read):
    """The repayment schedule of what has been disbursed."""

    advance_id: UUID = Field(description="The advance that is repaid.")
    disbursed_cents: Cents = Field(description="Cents of euro paid out so far; the principals sum to it, to the cent.")
    lines: list[ScheduleLine] = Field(description="The instalments in the order of their due days.")


class StatementLine(ScheduleLine):
    """An instalment, and what has been repaid on it: repayments settle the oldest instalments first."""

    paid_cents: Cents = Field(description="Cents of euro repaid on this instalment by the day looked at.")
    late_cents: Cents = Field(description="Cents of euro unpaid although the due day is over on the day looked at.")


class Statement(Read):
    """What has been paid, is due and is late on an advance on a day."""

    advance_id: UUID = Field(description="The advance that is repaid.")
    as_of: date = Field(description="Paris day looked at; today where the request names none.")
    disbursed_cents: Cents = Field(description="Cents of euro paid out to the firm by that day.")
    due_cents: Cents = Field(description="Cents of euro of all instalments due by that day, paid or not.")
    paid_cents: Cents = Field(description="Cents of euro that the firm has repaid by that day.")
    late_cents: Cents = Field(description="Cents of euro due and unpaid on that day.")
    outstanding_cents: Cents = Field(description="Cents of euro of capital that the firm still owes, due or not.")
    lines: list[StatementLine] = Field(description="The instalments in the order of their due days.")
