"""What travels about advances."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.config import JsonDict

from app.advances import schedule
from app.advances.faults import refuse
from app.advances.models import AdvanceStatus, RepaymentStatus
from app.advances.position import AllocationRule, Bucket, EarlyChoice, VersionCause
from app.advances.receipts.rules import ReceiptMethod
from app.advances.receipts.schemas import AccountId, Method, PayerSaid, ValueOn
from app.advances.rules import AdvanceStage, AdvanceTermsKind, EarlyRepayment, LateRate, Settled
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
from app.core.schemas import Body, CreatedAt, ExternalName, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import MAX_CENTS, BasisPoints, Cents, Day, PositiveCents, ShortLine, SignedCents, TrueOrFalse
from app.envelopes.schemas import ActAmount
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

_COUNT: JsonDict = {"maximum": MOST_PERIODS}  # what is above it is `too_many_periods`

# The calculator stores nothing, so it takes whatever can be told exactly.
CalculatedCents = Annotated[int, Field(strict=True, ge=1, le=MAX_CENTS, examples=[150_000_00])]
Multiple = Annotated[
    int,
    Field(strict=True, ge=1, le=1_000_000, description="Principals are multiples of so many euro cents, 1 to 1000000."),
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
    TrueOrFalse, Field(description="Whether the grace is the first of the instalments; otherwise before them.")
]

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


class ScheduleRounding(Body):
    """How principals are rounded, and where the rest goes. Interest is always rounded half-up to the cent."""

    multiple_cents: Multiple = 1
    remainder: Remainder = Remainder.LAST


class ScheduleStep(Body):
    """Instalments in a row of the same principal."""

    instalments: Annotated[
        int, Field(strict=True, ge=1, le=MOST_PERIODS, description="Number of instalments of this step.")
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


class _Laid(Body):
    """What terms and a request of a schedule have in common: a shape, and what belongs to it."""

    instalments: Annotated[
        Instalments | None, Field(description="Number of instalments; of a custom schedule, that of its lines.")
    ] = None
    frequency: Annotated[Frequency | None, Field(description="Length of a period; absent for a custom schedule.")] = (
        None
    )
    annual_rate_bp: Annotated[
        int,
        Field(strict=True, description="Rate a year in basis points (200 is 2 %), from 0 to 5000."),
        WithJsonSchema({"type": "integer", "minimum": 0, "maximum": schedule.RATE_MAX_BP}),
    ] = 0
    shape: ScheduleShape = ScheduleShape.CONSTANT_PRINCIPAL
    grace_periods: GracePeriods = 0
    grace_kind: GraceKind = GraceKind.NOTHING_DUE
    grace_counts_in_term: GraceCountsInTerm = False
    day_count: DayCount = DayCount.THIRTY_360
    due_dates: DueDates = DueDates.PERIOD_END
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

    def _plan(self, first_due_on: date | None) -> schedule.LoanTerms:
        planned = [Planned(line.due_on, line.principal_cents) for line in self.lines or ()]
        return schedule.LoanTerms(
            instalments=len(planned) if self.instalments is None else self.instalments,
            frequency=self.frequency or Frequency.MONTHLY,
            grace_periods=self.grace_periods,
            grace_counts_in_term=self.grace_counts_in_term,
            due_dates=self.due_dates,
            first_due_on=first_due_on,
            multiple_cents=self.rounding.multiple_cents,
            remainder=self.rounding.remainder,
            shape=self.shape,
            annual_rate_bp=self.annual_rate_bp,
            grace_kind=self.grace_kind,
            day_count=self.day_count,
            steps=[InstalmentStep(step.instalments, step.amount_cents) for step in self.steps or ()],
            planned=planned,
        )


class SuccessFee(Body):
    """What a firm owes beside the capital where its project succeeds: a share of its turnover, capped."""

    rate_bp: Annotated[BasisPoints, Field(description="Share of the turnover of a year, in basis points.")]
    cap_bp: Annotated[BasisPoints, Field(description="Most in all, in basis points of the advance.")]
    last_year: Annotated[
        int | None,
        Field(
            strict=True, ge=1900, le=2199, description="Last calendar year that counts; absent or null: no last one."
        ),
    ] = None


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
    ] = None


class Terms(_Laid):
    """How an advance is repaid, as the agreement says.

    The `grace_periods`, counted in `frequency`, come before the instalments, or are the first of them where
    `grace_counts_in_term`. `first_due_on` is the due date of the first period, grace or not; a `custom` schedule has
    `lines` instead.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [TERMS_EXAMPLE]})

    first_due_on: Annotated[
        Day | None,
        Field(
            description="Due date of the first period, grace or not; a Paris calendar day. Absent for a custom schedule"
            " alone."
        ),
    ] = None
    allocation_rule: Annotated[
        AllocationRule,
        Field(
            description="Which future lines early money settles: the next ones, the last ones, or all in equal parts."
        ),
    ] = AllocationRule.NEXT
    early_repayment: Annotated[
        EarlyRepayment, Field(description="Whether the firm repays early as it likes, or announces it first.")
    ] = EarlyRepayment.ALLOWED
    late_rate: Annotated[
        LateRate,
        Field(description="Rate of late interest: legal, by half-years, or contract, which is `late_rate_bp`."),
    ] = LateRate.LEGAL
    late_rate_bp: Annotated[
        BasisPoints | None, Field(description="Rate of late interest a year, in basis points, of `contract` alone.")
    ] = None
    notice_delay_days: Annotated[
        int,
        Field(strict=True, ge=8, le=30, description="Days that a formal notice leaves before acceleration, 8 to 30."),
    ] = 15
    kind: Annotated[
        AdvanceTermsKind,
        Field(description="fixed: repaid whatever happens; conditional: a failure of the project can waive it."),
    ] = AdvanceTermsKind.FIXED
    success_fee: Annotated[
        SuccessFee | None, Field(description="Fee on the turnover, of a conditional advance alone; null: none.")
    ] = None
    minimum_repayment_cents: Annotated[
        Cents | None,
        Field(description="Euro cents that stay due on failure, of a conditional advance alone; null: none."),
    ] = None
    available_until_on: Annotated[
        Day | None,
        Field(
            description="Last Paris day on which the advance is drawn; what is not lapses the day after. Null: none."
        ),
    ] = None
    tranches: list[TrancheCondition] = Field(
        default_factory=list,
        max_length=20,
        description="Conditions of the tranches in their order, at most 20; a tranche beyond the list has none.",
    )

    @model_validator(mode="after")
    def _possible(self) -> "Terms":
        refuse([*self._faults_of_shape(), *self._faults_of_agreement()])
        plan = self.plan()
        refuse(schedule.faults_of_terms(plan))
        return self

    def _faults_of_agreement(self) -> Iterator[TermsFault]:
        if self.shape is not ScheduleShape.CUSTOM:
            yield from self._required("first_due_on")
        if self.late_rate is LateRate.CONTRACT:
            yield from self._required("late_rate_bp")
        elif self.late_rate_bp is not None:
            yield TermsFault(("late_rate_bp",), "late_rate_is_legal")
        if self.kind is AdvanceTermsKind.FIXED:
            for name in ("success_fee", "minimum_repayment_cents"):
                if getattr(self, name) is not None:
                    yield TermsFault((name,), "only_conditional")

    def plan(self) -> schedule.LoanTerms:
        """The terms as the schedule reads them."""
        return self._plan(self.first_due_on)


# What terms say only since agreements have all terms as fields.
SAID_SINCE = (
    "steps", "lines", "allocation_rule", "early_repayment", "late_rate", "late_rate_bp", "notice_delay_days", "kind",
    "success_fee", "minimum_repayment_cents", "available_until_on", "tranches",
)  # fmt: skip


class AwardedRounding(ScheduleRounding):
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

    def _faults_of_shape(self) -> Iterator[TermsFault]:
        yield from ()  # all fields are stored, those too that another shape does not take


# --- the calculator --------------------------------------------------------------------------------------------------


class ScheduleTranche(Body):
    """A part of the principal, paid out on a day. It belongs to the lines due after that day."""

    amount_cents: Annotated[PositiveCents, Field(description="Euro cents paid out, at least one.")]
    paid_on: Annotated[Day, Field(description="Paris calendar day of the payment; no earlier than the tranche before.")]


class ScheduleRequest(_Laid):
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
    first_due_on: Annotated[
        Day | None,
        Field(description="Due date of the first period, grace or not; absent, the first period follows the payment."),
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

    def plan(self) -> schedule.LoanTerms:
        """The terms as the schedule reads them."""
        return self._plan(self.first_due_on)

    def paid(self) -> list[CashFlow]:
        """What is paid out."""
        if self.tranches is not None:
            return [CashFlow(tranche.paid_on, tranche.amount_cents) for tranche in self.tranches]
        assert self.principal_cents is not None
        assert self.disbursed_on is not None
        return [CashFlow(self.disbursed_on, self.principal_cents)]


class ScheduleLine(Read):
    """A line of a schedule."""

    number: Annotated[int, Field(description="Place of the line, from 1.")]
    due_on: Annotated[date, Field(description="Paris calendar day on which the line falls due.")]
    opening_cents: Annotated[
        SignedCents,
        Field(
            description="Outstanding before the line, in euro cents, with the tranches since the line before; negative"
            " where more was repaid than paid out."
        ),
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
        SignedCents, Field(description="Outstanding after the line, in euro cents: opening - principal + capitalised.")
    ]


class ScheduleTotals(Read):
    """Sums over all lines of a schedule."""

    principal_cents: Annotated[Cents, Field(description="Principal of all lines, in euro cents.")]
    interest_cents: Annotated[Cents, Field(description="Interest due with all lines, in euro cents.")]
    capitalised_cents: Annotated[Cents, Field(description="Interest added to the balance, in euro cents.")]
    total_cents: Annotated[Cents, Field(description="Due with all lines, in euro cents.")]


class ScheduleYear(Read):
    """What falls due in a calendar year."""

    year: Annotated[int, Field(description="Calendar year of the due dates.")]
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


def shown_version(lines: Sequence[dict[str, Any]], outstanding_cents: int | None) -> dict[str, Any]:
    """The members of an `AdvanceSchedule` of lines that are shown already; open ones come to what was outstanding."""
    opened = sum(line["principal_cents"] - line["capitalised_cents"] for line in lines if not line["kept"])
    sums = {name: sum(line[name] for line in lines) for name in ScheduleTotals.model_fields}
    years: dict[int, dict[str, int]] = {}
    for line in lines:
        year = years.setdefault(line["due_on"].year, dict.fromkeys(_OF_A_YEAR, 0))
        for name in _OF_A_YEAR:
            year[name] += line[name]
    days = [line["due_on"] for line in lines if not line["kept"]]
    return {
        "lines": list(lines),
        "totals": sums,
        "by_year": [{"year": year, **amounts} for year, amounts in years.items()],
        "checks": {
            "principal_sums": outstanding_cents in (None, opened),
            "closing_is_zero": not lines or lines[-1]["closing_cents"] == 0,
            "dates_increase": all(before < after for before, after in pairwise(days)),
        },
    }


_OF_A_YEAR = ("principal_cents", "interest_cents", "total_cents")

# --- advances --------------------------------------------------------------------------------------------------------


class Advance(Read):
    """A repayable advance: a decided aid whose capital the firm repays."""

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
    in_flight_cents: Cents = Field(description="Cents of euro of tranches that are proposed, approved or sent.")
    repaid_cents: Cents = Field(description="Cents of euro of capital repaid, less reversed repayments.")
    capitalised_cents: Cents = Field(description="Cents of euro of interest that were added to the capital.")
    waived_cents: Cents = Field(description="Cents of euro of capital that the firm need not repay, by decisions.")
    written_off_cents: Cents = Field(
        description="Cents of euro of capital given up as lost, less what came in after that."
    )
    outstanding_cents: Cents = Field(
        description="Cents of euro still to be repaid: disbursed and capitalised, less repaid, waived and written off."
    )
    settled_as: Settled | None = Field(
        description="What took the last cent: repaid, waived or written_off; null while something is outstanding."
    )
    accelerated_on: date | None = Field(
        description="Paris day on which all became due at once (déchéance du terme); null where it did not."
    )
    in_proceedings_on: date | None = Field(
        description="Paris day on which collective proceedings of the firm opened; null where none are open."
    )
    written_off_on: date | None = Field(description="Paris day of the write-off; null where there is none.")
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
        " is owed any more; closed: the last cent was waived or written off; cancelled: ended unpaid; reversed: it was"
        " a mistake."
    )
    stage: AdvanceStage = Field(
        description="awarded; agreed: the agreement is signed; disbursing: a part is paid out; running: all of it"
        " is; repaid, waived, written_off: what took the last cent; cancelled, lapsed, terminated: ended unpaid;"
        " reversed: it was a mistake."
    )
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
    """Money that was received from the firm for one advance: a receipt, assigned at once."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"amount_cents": 833_333, "received_on": "2025-03-31", "reference": "PRLV-1"}]}
    )

    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro received; what is too much is overpaid.")]
    received_on: Annotated[Day, Field(description="Paris day on which the money arrived; today at the latest.")]
    value_on: ValueOn = None
    reference: Annotated[ShortLine, Field(description="Reference of the entry, once per account among what stands.")]
    account_id: AccountId = None
    method: Method = ReceiptMethod.OTHER
    payer: PayerSaid = None


class Repayment(Read):
    """A repayment of an advance: what a receipt was assigned to it. Its amount is the sum of the parts that it pays."""

    told_as = "advance_repayment"

    id: Id
    advance_id: UUID = Field(description="The advance that is repaid.")
    receipt_id: UUID = Field(description="The receipt of which it is a part, or the whole.")
    amount_cents: ActAmount
    received_on: date = Field(description="Paris day on which the money arrived.")
    value_on: date = Field(description="Paris day on which the money counts.")
    reference: str = Field(description="Reference of the receipt.")
    principal_cents: Cents = Field(description="Cents of euro of capital that it pays.")
    interest_cents: Cents = Field(description="Cents of euro of the agreement's interest that it pays.")
    late_interest_cents: Cents = Field(description="Cents of euro of late interest that it pays.")
    fees_cents: Cents = Field(description="Cents of euro of fees that it pays.")
    success_fee_cents: Cents = Field(description="Cents of euro of success fees that it pays.")
    overpaid_cents: Cents = Field(description="Cents of euro above all that the advance asks for.")
    refunded_cents: Cents = Field(description="Cents of euro of that which went back to the firm.")
    after_write_off: bool = Field(description="Whether it came in after the advance was written off.")
    choice: EarlyChoice | None = Field(
        description="What an announced early repayment does: shorten or respread; null for any other repayment."
    )
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


class VersionLine(ScheduleLine):
    """A line of a version of a schedule."""

    fees_cents: Annotated[Cents, Field(description="Fees due with the line, in euro cents.")]
    late_interest_cents: Annotated[
        Cents, Field(description="Late interest from before the version that the line carries, in euro cents.")
    ]
    kept: Annotated[
        bool, Field(description="Whether the line, or this part of it, was paid when the version was made.")
    ]


class Schedule(PlannedSchedule):
    """The schedule of what has been disbursed; before the first tranche, of the whole award. Principals sum to it."""

    advance_id: Annotated[UUID, Field(description="The advance that the schedule repays.")]
    version: Annotated[int | None, Field(description="Number of the version, from 1; null before the first tranche.")]
    from_on: Annotated[date | None, Field(description="Paris day from which the version is in force; null as it is.")]
    cause: Annotated[VersionCause | None, Field(description="Why the version was made; null as it is.")]
    disbursed_cents: Annotated[Cents, Field(description="Paid out by that day, in euro cents.")]
    outstanding_cents: Annotated[
        Cents, Field(description="Outstanding in euro cents as known when the version was made: its open lines.")
    ]
    as_of: date = Field(description="Paris day at whose end it counts; today where the request names none.")
    recorded_as_of: date | None = Field(description="Paris day at whose end it was known so; null: as it is known now.")
    lines: Annotated[list[VersionLine], Field(description="Lines in the order of their due dates.")]  # type: ignore[assignment]


class StatementLine(VersionLine):
    """A line of the version in force, and what has been received on it."""

    repaid_cents: Cents = Field(description="Cents of euro of principal, interest and fees received by the day.")
    late_cents: Cents = Field(description="Cents of euro unpaid although the due day is over on the day looked at.")
    left_cents: Cents = Field(description="Cents of euro that the line still asks for, late interest beside.")
    late_interest_left_cents: Cents = Field(description="Cents of euro of late interest that has run and is unpaid.")
    days_past_due: Annotated[int, Field(description="Days since the due day, where something is unpaid.")]
    settled_on: date | None = Field(description="Value day of the last cent; null while something is unpaid.")


class AdvanceStatement(Read):
    """What is due, has been received and is late on an advance on a day."""

    advance_id: UUID = Field(description="The advance that is repaid.")
    as_of: date = Field(description="Paris day looked at; today where the request names none.")
    recorded_as_of: date | None = Field(description="Paris day at whose end it was known so; null: as it is known now.")
    version: Annotated[
        int | None, Field(description="Number of the version of the schedule in force; null where none is.")
    ]
    disbursed_cents: Cents = Field(description="Cents of euro paid out to the firm by that day.")
    capitalised_cents: Cents = Field(description="Cents of euro of interest added to the capital by that day.")
    due_cents: Cents = Field(description="Cents of euro of all instalments due by that day, received or not.")
    repaid_cents: Cents = Field(description="Cents of euro of capital that the firm has repaid by that day.")
    waived_cents: Cents = Field(description="Cents of euro of capital waived by that day.")
    written_off_cents: Cents = Field(description="Cents of euro of capital written off, less what came in since.")
    outstanding_cents: Cents = Field(description="Cents of euro of capital that the firm still owes, due or not.")
    received_cents: Cents = Field(description="Cents of euro received from the firm by that day, refunds taken off.")
    income_cents: Cents = Field(
        description="Cents of euro of that which are interest, late interest, fees and success fees."
    )
    late_cents: Cents = Field(description="Cents of euro due and unpaid on that day, late interest beside.")
    interest_due_cents: Cents = Field(description="Cents of euro of the agreement's interest due and unpaid.")
    late_interest_cents: Cents = Field(description="Cents of euro of late interest that has run and is unpaid.")
    fees_due_cents: Cents = Field(description="Cents of euro of fees due and unpaid.")
    success_fee_due_cents: Cents = Field(description="Cents of euro of success fees due and unpaid.")
    overpaid_cents: Cents = Field(description="Cents of euro received above all that is asked for, and not refunded.")
    held_refunds_cents: Cents = Field(
        description="Cents of euro refunded by that day of repayments that the bank has sent back since: the firm holds"
        " them, and owes them beside all the rest until the refunds are reversed."
    )
    days_past_due: Annotated[int, Field(description="Days since the oldest unpaid instalment fell due.")]
    bucket: Bucket = Field(
        description="current, 1_30, 31_60, 61_90, 91_180 or over_180 by the days past due; in_proceedings: proceedings"
        " of the firm are open."
    )
    next_due_on: date | None = Field(description="Next due day with something unpaid; null where there is none.")
    next_due_cents: Cents = Field(description="Cents of euro unpaid of what falls due on that day.")
    lines: list[StatementLine] = Field(description="The lines of the version in force in the order of their due days.")
