"""What travels about advances."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from app.advances import schedule
from app.advances.faults import refuse
from app.advances.models import AdvanceStatus, RepaymentStatus
from app.advances.schedule import (
    MOST_PERIODS,
    CashFlow,
    DayCount,
    DueDates,
    Frequency,
    GraceKind,
    Instalment,
    InstalmentStep,
    Planned,
    Remainder,
    ScheduleShape,
    TermsFault,
)
from app.awards.life.schemas import (
    AgreedOn,
    AidId,
    CertifiedCents,
    CompletedOn,
    Conditions,
    EndedOn,
    FinalCostCents,
    GuaranteedUntilOn,
    NotifiedOn,
    PaymentTerms,
    PlannedEndOn,
    PlannedStartOn,
    PublicAidDeclared,
    RecoveryTerms,
    StageRead,
    StartByOn,
    StartedOn,
    StatementByOn,
)
from app.awards.overrides.schemas import OverrideCode, OverrideRead
from app.awards.schemas import (
    ApplicationId,
    AwardedCents,
    CommitteeId,
    CommitteeOn,
    DecidedOn,
    DecisionId,
    DecisionReference,
    EndReason,
    FinalCents,
    FrozenBase,
    FrozenLines,
    FrozenParameters,
    FrozenScheme,
    FrozenSchemeName,
    FunderId,
    FunderName,
    ProjectId,
    ProjectTitle,
)
from app.core.faults import Fault
from app.core.schemas import Body, CreatedAt, ExternalName, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import MAX_CENTS, BasisPoints, Cents, Day, PositiveCents, Reason, ShortLine
from app.envelopes.schemas import ActAmount
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

INT32 = Field(json_schema_extra={"format": "int32"})
_COUNT: JsonDict = {"format": "int32", "maximum": MOST_PERIODS}  # what is above it is `too_many_periods`

# The calculator stores nothing, so it takes whatever can be told exactly.
CalculatedCents = Annotated[int, Field(strict=True, ge=1, le=MAX_CENTS, examples=[150_000_00])]
Multiple = Annotated[
    int,
    Field(strict=True, ge=1, le=1_000_000, description="Principals are multiples of so many euro cents, 1 to 1000000."),
    INT32,
]
Instalments = Annotated[
    int,
    Field(strict=True, ge=1, le=2**31 - 1, description="Number of instalments that repay the principal."),
    Field(json_schema_extra=_COUNT),
]
GracePeriods = Annotated[
    int,
    Field(strict=True, ge=0, le=2**31 - 1, description="Number of periods, as long as `frequency` says, in the grace."),
    Field(json_schema_extra=_COUNT),
]
GraceCountsInTerm = Annotated[
    bool, Field(strict=True, description="Whether the grace is the first of the instalments; otherwise before them.")
]

ONLY_ZERO_RATE = Fault("only_zero_rate", en="The rate must be 0.", fr="Le taux doit être 0.")

TERMS_EXAMPLE: JsonDict = {
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
    """Each instalment is rounded half-up to a multiple of cents; the last one takes the remainder."""

    multiple_cents: Multiple = 1
    remainder: Annotated[Literal["last"], Field(description="The last instalment takes the rest.")] = "last"


class TrancheCondition(Body):
    """What must stand before a tranche is paid."""

    document: Annotated[
        ShortLine | None,
        Field(description="The document that the firm must hand in first, in the agreement's words; null: none."),
    ] = None
    certified_bp: Annotated[
        int | None,
        Field(
            strict=True,
            ge=1,
            le=10_000,
            description="Share of the base, in basis points, that settled claims must certify first; null: none.",
        ),
        INT32,
    ] = None


class Terms(Body):
    """How an advance is repaid. For now at zero rate and by constant principal alone.

    During `grace_periods`, counted in `frequency`, nothing is due. They come before the instalments, or are the first
    of them where `grace_counts_in_term`. `first_due_on` is the due date of the first period, grace or not.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [TERMS_EXAMPLE]})

    instalments: Instalments
    frequency: Frequency
    annual_rate_bp: Annotated[
        BasisPoints, AfterValidator(_zero), Field(description="Rate a year, in basis points.")
    ] = 0
    shape: Annotated[Literal["constant_principal"], Field(description="Equal parts of the principal.")] = (
        "constant_principal"
    )
    grace_periods: GracePeriods = 0
    grace_kind: Annotated[Literal["nothing_due"], Field(description="No line, and no interest.")] = "nothing_due"
    grace_counts_in_term: GraceCountsInTerm = False
    day_count: DayCount = DayCount.THIRTY_360
    due_dates: DueDates = DueDates.PERIOD_END
    first_due_on: Annotated[Day, Field(description="Due date of the first period, grace or not; a Paris calendar day.")]
    rounding: Rounding = Rounding()
    tranches: list[TrancheCondition] = Field(
        default_factory=list,
        max_length=20,
        description="Conditions of the tranches in their order, at most 20; a tranche beyond the list has none.",
    )

    @model_validator(mode="after")
    def _possible(self) -> "Terms":
        refuse(schedule.faults_of_periods(self.plan()))
        return self

    def plan(self) -> schedule.LoanTerms:
        """The terms as the schedule reads them."""
        return schedule.LoanTerms(
            instalments=self.instalments,
            frequency=self.frequency,
            grace_periods=self.grace_periods,
            grace_counts_in_term=self.grace_counts_in_term,
            due_dates=self.due_dates,
            first_due_on=self.first_due_on,
            multiple_cents=self.rounding.multiple_cents,
        )


class AwardedRounding(Rounding):
    """How the lines of a decided advance are rounded."""

    rule: Annotated[
        Literal["down"] | None,
        Field(
            description="`down`: the advance was awarded while lines were rounded down, and keeps them; each tranche is"
            " spread by itself. Absent where lines are rounded half-up. No body takes it."
        ),
    ] = None


class AwardedTerms(Terms):
    """The terms of a decided advance."""

    rounding: AwardedRounding = AwardedRounding()

    def plan(self) -> schedule.LoanTerms:
        """The terms as the schedule reads them."""
        return replace(super().plan(), rounded_down=self.rounding.rule == "down")


# --- the calculator --------------------------------------------------------------------------------------------------


class ScheduleRounding(Body):
    """How principals are rounded, and where the rest goes. Interest is always rounded half-up to the cent."""

    multiple_cents: Multiple = 1
    remainder: Remainder = Remainder.LAST


class ScheduleTranche(Body):
    """A part of the principal, paid out on a day. It belongs to the lines due after that day."""

    amount_cents: Annotated[PositiveCents, Field(description="Euro cents paid out, at least one.")]
    paid_on: Annotated[Day, Field(description="Paris calendar day of the payment; no earlier than the tranche before.")]


class ScheduleStep(Body):
    """Instalments in a row of the same principal."""

    instalments: Annotated[
        int, Field(strict=True, ge=1, le=MOST_PERIODS, description="Number of instalments of this step."), INT32
    ]
    amount_cents: Annotated[
        Cents,
        Field(
            description="Principal of each instalment of this step, in euro cents; with further tranches, its share."
        ),
    ]


class ScheduleLineGiven(Body):
    """A line of a `custom` schedule."""

    due_on: Annotated[Day, Field(description="Paris calendar day on which it falls due; later than the line before.")]
    principal_cents: Annotated[Cents, Field(description="Principal that it repays, in euro cents.")]


# What a custom schedule says by its lines alone.
_NOT_OF_CUSTOM = ("frequency", "grace_periods", "grace_kind", "grace_counts_in_term", "due_dates", "first_due_on",
                  "rounding", "steps")  # fmt: skip


class ScheduleRequest(Body):
    """An advance to be laid out: what is paid out and when, and the terms of its repayment.

    Either `principal_cents` and `disbursed_on`, or `tranches`. `steps` belong to the shape `steps`; a `custom` schedule
    has `lines`, a rate and a day count, and one tranche. Where null is allowed it counts as absent.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {**TERMS_EXAMPLE, "principal_cents": 10_000_000, "disbursed_on": "2026-01-01", "instalments": 8,
                 "annual_rate_bp": 200, "shape": "constant_instalment", "grace_kind": "interest_only",
                 "first_due_on": None},
            ]
        }
    )  # fmt: skip

    principal_cents: Annotated[
        CalculatedCents | None, Field(description="Euro cents paid out on `disbursed_on`; instead of `tranches`.")
    ] = None
    disbursed_on: Annotated[
        Day | None, Field(description="Paris calendar day on which `principal_cents` is paid out.")
    ] = None
    tranches: Annotated[
        list[ScheduleTranche] | None,
        Field(min_length=1, max_length=100, description="Payments in the order of their days, at most 100."),
    ] = None
    instalments: Annotated[
        Instalments | None, Field(description="Number of instalments; of a custom schedule, that of its lines.")
    ] = None
    frequency: Annotated[Frequency | None, Field(description="Length of a period; absent for a custom schedule.")] = (
        None
    )
    annual_rate_bp: Annotated[
        int,
        Field(strict=True, description="Rate a year in basis points (200 is 2 %), from 0 to 5000."),
        WithJsonSchema({"type": "integer", "format": "int32", "minimum": 0, "maximum": schedule.RATE_MAX_BP}),
    ] = 0
    shape: ScheduleShape = ScheduleShape.CONSTANT_PRINCIPAL
    grace_periods: GracePeriods = 0
    grace_kind: GraceKind = GraceKind.NOTHING_DUE
    grace_counts_in_term: GraceCountsInTerm = False
    day_count: DayCount = DayCount.THIRTY_360
    due_dates: DueDates = DueDates.PERIOD_END
    first_due_on: Annotated[
        Day | None,
        Field(description="Due date of the first period, grace or not; absent, the first period follows the payment."),
    ] = None
    rounding: ScheduleRounding = ScheduleRounding()
    steps: Annotated[
        list[ScheduleStep] | None,
        Field(min_length=1, max_length=MOST_PERIODS, description="Steps in their order, of the shape `steps` alone."),
    ] = None
    lines: Annotated[
        list[ScheduleLineGiven] | None,
        Field(
            min_length=1,
            description="Lines in their order, at most 600, of the shape `custom` alone.",
            json_schema_extra={"maxItems": MOST_PERIODS},
        ),
    ] = None

    @model_validator(mode="after")
    def _possible(self) -> "ScheduleRequest":
        refuse([*self._faults_of_payment(), *self._faults_of_shape()])
        refuse(schedule.faults(self.plan(), self.paid()))
        return self

    def _faults_of_payment(self) -> Iterator[TermsFault]:
        whole = self.principal_cents is not None or self.disbursed_on is not None
        if whole and self.tranches is not None:
            yield TermsFault(("tranches",), "principal_or_tranches")
        elif not whole and self.tranches is None:
            yield TermsFault(("principal_cents",), "principal_or_tranches")
        elif whole:
            yield from self._required("principal_cents", "disbursed_on")
        if self.shape is ScheduleShape.CUSTOM and len(self.tranches or ()) > 1:
            yield TermsFault(("tranches",), "field_of_another_shape", {"shape": self.shape.value})

    def _faults_of_shape(self) -> Iterator[TermsFault]:
        if self.shape is ScheduleShape.CUSTOM:
            foreign = [name for name in _NOT_OF_CUSTOM if name in self.model_fields_set]
            yield from self._required("lines")
            if self.lines is not None and self.instalments not in (None, len(self.lines)):
                yield TermsFault(("instalments",), "lines_count", {"lines": len(self.lines)})
        else:
            foreign = ["lines"] if self.shape is ScheduleShape.STEPS else ["steps", "lines"]
            yield from self._required(
                "instalments", "frequency", *(["steps"] if self.shape is ScheduleShape.STEPS else [])
            )
        for name in foreign:
            if getattr(self, name) is not None:
                yield TermsFault((name,), "field_of_another_shape", {"shape": self.shape.value})

    def _required(self, *names: str) -> Iterator[TermsFault]:
        for name in names:
            if getattr(self, name) is None:
                yield TermsFault((name,), "required")

    def plan(self) -> schedule.LoanTerms:
        """The terms as the schedule reads them."""
        planned = [Planned(line.due_on, line.principal_cents) for line in self.lines or ()]
        return schedule.LoanTerms(
            instalments=len(planned) if self.instalments is None else self.instalments,
            frequency=self.frequency or Frequency.MONTHLY,
            grace_periods=self.grace_periods,
            grace_counts_in_term=self.grace_counts_in_term,
            due_dates=self.due_dates,
            first_due_on=self.first_due_on,
            multiple_cents=self.rounding.multiple_cents,
            remainder=self.rounding.remainder,
            shape=self.shape,
            annual_rate_bp=self.annual_rate_bp,
            grace_kind=self.grace_kind,
            day_count=self.day_count,
            steps=[InstalmentStep(step.instalments, step.amount_cents) for step in self.steps or ()],
            planned=planned,
        )

    def paid(self) -> list[CashFlow]:
        """What is paid out."""
        if self.tranches is not None:
            return [CashFlow(tranche.paid_on, tranche.amount_cents) for tranche in self.tranches]
        assert self.principal_cents is not None
        assert self.disbursed_on is not None
        return [CashFlow(self.disbursed_on, self.principal_cents)]


class ScheduleLine(Read):
    """A line of a schedule."""

    number: Annotated[int, Field(description="Place of the line, from 1."), INT32]
    due_on: Annotated[date, Field(description="Paris calendar day on which the line falls due.")]
    opening_cents: Annotated[
        Cents, Field(description="Outstanding before the line, in euro cents, with the tranches since the line before.")
    ]
    principal_cents: Annotated[Cents, Field(description="Principal that the line repays, in euro cents.")]
    interest_cents: Annotated[
        Cents, Field(description="Interest due with the line, in euro cents, rounded half-up once a line.")
    ]
    capitalised_cents: Annotated[
        Cents, Field(description="Interest added to the balance instead of falling due, in euro cents.")
    ]
    total_cents: Annotated[Cents, Field(description="Due with the line, in euro cents: principal and interest.")]
    closing_cents: Annotated[
        Cents, Field(description="Outstanding after the line, in euro cents: opening - principal + capitalised.")
    ]


class ScheduleTotals(Read):
    """Sums over all lines of a schedule."""

    principal_cents: Annotated[Cents, Field(description="Principal of all lines, in euro cents.")]
    interest_cents: Annotated[Cents, Field(description="Interest due with all lines, in euro cents.")]
    capitalised_cents: Annotated[Cents, Field(description="Interest added to the balance, in euro cents.")]
    total_cents: Annotated[Cents, Field(description="Due with all lines, in euro cents.")]


class ScheduleYear(Read):
    """What falls due in a calendar year."""

    year: Annotated[int, Field(description="Calendar year of the due dates."), INT32]
    principal_cents: Annotated[Cents, Field(description="Principal due in the year, in euro cents.")]
    interest_cents: Annotated[Cents, Field(description="Interest due in the year, in euro cents.")]
    total_cents: Annotated[Cents, Field(description="Due in the year, in euro cents: principal and interest.")]


class ScheduleChecks(Read):
    """What every schedule holds, looked at again on its lines; false is a fault of the service."""

    principal_sums: Annotated[
        bool, Field(description="Principals sum to what is paid out and capitalised, to the cent.")
    ]
    closing_is_zero: Annotated[bool, Field(description="Nothing is outstanding after the last line.")]
    dates_increase: Annotated[bool, Field(description="Each line falls due later than the one before.")]


class AdvanceSchedule(Read):
    """A repayment schedule, line by line."""

    lines: Annotated[list[ScheduleLine], Field(description="Lines in the order of their due dates.")]
    totals: Annotated[ScheduleTotals, Field(description="Sums over all lines.")]
    by_year: Annotated[list[ScheduleYear], Field(description="Sums by calendar year, years without a line left out.")]
    checks: Annotated[ScheduleChecks, Field(description="Invariants of the lines, computed anew from them.")]


def shown(made: Sequence[Instalment], paid: Sequence[CashFlow]) -> dict[str, Any]:
    """The members of an `AdvanceSchedule`."""
    return {
        "lines": [line._asdict() for line in made],
        "totals": schedule.totals(made)._asdict(),
        "by_year": [year._asdict() for year in schedule.by_year(made)],
        "checks": schedule.checks(made, paid)._asdict(),
    }


# --- advances --------------------------------------------------------------------------------------------------------


class Advance(Read):
    """A repayable advance: a decided aid whose capital the firm repays without interest."""

    id: Id
    aid_id: AidId
    territory: TerritorySlug
    siren: SirenRead
    firm_name: FirmName
    project_id: ProjectId
    project_title: ProjectTitle
    committee_id: CommitteeId
    committee_on: CommitteeOn
    funder_id: FunderId
    funder_name: FunderName
    application_id: ApplicationId
    decision_id: DecisionId
    scheme: FrozenScheme
    scheme_name: FrozenSchemeName
    base_cents: FrozenBase
    lines: FrozenLines
    parameters: FrozenParameters
    amount_cents: AwardedCents
    disbursed_cents: Cents = Field(description="Cents of euro paid out in tranches, less reversed ones.")
    released_cents: Cents = Field(description="Cents of euro given back to the envelope unpaid.")
    final_cents: FinalCents
    remaining_cents: Cents = Field(
        description="Cents of euro that may still be paid out: awarded less disbursed, in flight and released."
    )
    in_flight_cents: Cents = Field(
        description="Cents of euro of tranches that are proposed, approved or sent, and not yet recorded as paid."
    )
    repaid_cents: Cents = Field(description="Cents of euro of capital repaid, less reversed repayments.")
    outstanding_cents: Cents = Field(description="Cents of euro still to be repaid: disbursed less repaid.")
    terms: AwardedTerms = Field(description="How the advance is repaid, as decided.")
    planned_disbursement_on: date | None = Field(
        description="Day on which it was to be paid out, as the decision says; null where it does not."
    )
    decided_on: DecidedOn
    decision_reference: DecisionReference
    external_id: ExternalName
    override_id: OverrideRead
    override_code: OverrideCode
    status: AdvanceStatus = Field(
        description="awarded: nothing is paid out yet; paying: a part is; repaying: all of it is; repaid: nothing"
        " is owed any more; cancelled: ended unpaid."
    )
    stage: StageRead
    ended_on: EndedOn
    reason: EndReason
    notified_on: NotifiedOn
    planned_start_on: PlannedStartOn
    planned_end_on: PlannedEndOn
    conditions: Conditions
    payment_terms: PaymentTerms
    recovery_terms: RecoveryTerms
    agreed_on: AgreedOn
    guaranteed_until_on: GuaranteedUntilOn
    start_by_on: StartByOn
    started_on: StartedOn
    statement_by_on: StatementByOn
    completed_on: CompletedOn
    final_cost_cents: FinalCostCents
    public_aid: PublicAidDeclared
    certified_cents: CertifiedCents
    awarded_by: UUID = Field(
        description="The person who awarded the advance, and who therefore cannot pay its tranches."
    )
    awarded_by_name: PersonName = Field(description="Present name of the person who awarded the advance.")
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


class Bounce(Body):
    """That the bank sent a repayment back: when, why, and under which reference of its own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"bounced_on": "2025-04-03", "reason": "Insufficient funds.", "bank_reference": "R-AM04-77"}]
        }
    )

    bounced_on: Annotated[Day, Field(description="Paris day on which the bank sent it back; today at the latest.")]
    reason: Annotated[Reason, Field(description="Why the bank sent it back, in its words or yours.")]
    bank_reference: Annotated[ShortLine, Field(description="The bank's own reference of what it sent back.")]


class Repayment(Read):
    """A repayment of an advance: capital that was received from the firm."""

    id: Id
    advance_id: UUID = Field(description="The advance that is repaid.")
    amount_cents: ActAmount
    received_on: date = Field(description="Paris day on which the money arrived, and on which it counts.")
    reference: str = Field(description="The receiver's own reference, once per advance.")
    status: RepaymentStatus = Field(
        description="recorded: it counts; bounced: the bank sent it back; reversed: it was a mistake. The firm owes the"
        " amount of the last two again."
    )
    reason: str | None = Field(description="Why the bank sent it back, or why it was reversed; null while it counts.")
    bounced_on: date | None = Field(description="Paris day on which the bank sent it back, or null.")
    bank_reference: str | None = Field(description="The bank's reference of what it sent back, or null.")
    recorded_by: UUID | None = Field(description="Who recorded the repayment; null where the service itself did.")
    recorded_by_name: PersonNameOrNull = Field(
        description="Present name of who recorded the repayment; null as the id is."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class PlannedSchedule(AdvanceSchedule):
    """The schedule of an advance, as paid out or as planned."""

    assumes_paid_on: Annotated[
        date | None,
        Field(
            description="Before the first tranche: the day on which the whole award is taken to be paid out. Null once"
            " a tranche is paid, and where nothing is left to be paid."
        ),
    ]


class AdvanceAwarded(Advance):
    """What an award would be (`dry_run`), with the schedule that the firm would sign."""

    schedule: Annotated[PlannedSchedule, Field(description="The schedule as if all were paid on `assumes_paid_on`.")]


class Schedule(PlannedSchedule):
    """The schedule of what has been disbursed; before the first tranche, of the whole award. Principals sum to it."""

    advance_id: Annotated[UUID, Field(description="The advance that the schedule repays.")]
    disbursed_cents: Annotated[Cents, Field(description="Paid out by that day, in euro cents.")]
    as_of: date = Field(description="Paris day at whose end it counts; today where the request names none.")
    recorded_as_of: date | None = Field(description="Paris day at whose end it was known so; null: as it is known now.")


class StatementLine(ScheduleLine):
    """An instalment, and what has been repaid on it: repayments settle the oldest instalments first."""

    repaid_cents: Cents = Field(description="Cents of euro repaid on this instalment by the day looked at.")
    late_cents: Cents = Field(description="Cents of euro unpaid although the due day is over on the day looked at.")


class AdvanceStatement(Read):
    """What has been repaid, is due and is late on an advance on a day."""

    advance_id: UUID = Field(description="The advance that is repaid.")
    as_of: date = Field(description="Paris day looked at; today where the request names none.")
    recorded_as_of: date | None = Field(description="Paris day at whose end it was known so; null: as it is known now.")
    disbursed_cents: Cents = Field(description="Cents of euro paid out to the firm by that day.")
    due_cents: Cents = Field(description="Cents of euro of all instalments due by that day, repaid or not.")
    repaid_cents: Cents = Field(description="Cents of euro that the firm has repaid by that day.")
    late_cents: Cents = Field(description="Cents of euro due and unpaid on that day.")
    outstanding_cents: Cents = Field(description="Cents of euro of capital that the firm still owes, due or not.")
    lines: list[StatementLine] = Field(description="The instalments in the order of their due days.")
