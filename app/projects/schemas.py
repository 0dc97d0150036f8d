"""What travels about projects and their financing."""

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.schemas import Body, Read
from app.core.values import (
    Cents,
    Day,
    ExternalId,
    Fte,
    InseeCode,
    Line,
    PositiveCents,
    Reason,
    Siren,
    Text,
    Uuid,
)
from app.projects.financing import GapCode, LineStatus, PlanStatus, SourceKind
from app.projects.rules import CostKind, FundingRoute, HolderKind, Maturity, ProjectKind, ProjectStage

Ratio = Annotated[float, Field(ge=0, description="Rounded half up to four decimals.")]
Place = Annotated[int, Field(strict=True, ge=1, le=20, description="A holder, by its place in the list, from 1.")]


class HolderBody(Body):
    """Who holds the project: a firm that the territory follows, by SIREN; others by name, with their SIREN if known."""

    kind: HolderKind
    siren: Siren | None = None
    name: Line | None = None
    lead: bool = False

    @model_validator(mode="after")
    def _identified(self) -> "HolderBody":
        if self.kind is HolderKind.FIRM and (self.siren is None or self.name is not None):
            raise PydanticCustomError("holder_by_siren", "A firm is named by its SIREN alone.")
        if self.kind is not HolderKind.FIRM and self.name is None:
            raise PydanticCustomError("holder_by_name", "A training body or association has a name.")
        return self


class CostBody(Body):
    """A cost excluding VAT. What is not an asset is not eligible, for a reason; `holder` is its owner."""

    label: Line
    kind: CostKind
    amount_cents: PositiveCents
    reason: Reason | None = None
    holder: Place | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> "CostBody":
        if (self.kind is CostKind.NOT_ELIGIBLE) is (self.reason is None):
            raise PydanticCustomError("reason_of_ineligible_cost", "A reason is told where a cost is not eligible.")
        return self


def _one_leads(holders: list[HolderBody]) -> list[HolderBody]:
    if sum(holder.lead for holder in holders) > 1:
        raise PydanticCustomError("one_lead_holder", "One holder leads.")
    return holders


Holders = Annotated[list[HolderBody], Field(min_length=1, max_length=20), AfterValidator(_one_leads)]
Costs = Annotated[list[CostBody], Field(max_length=200)]

_PROJECT: dict[str, Any] = {
    "title": "Centre d'usinage cinq axes",
    "description": "Machining of titanium parts, which are bought abroad today.",
    "kind": "equipment",
    "maturity": "ready",
    "holders": [{"kind": "firm", "siren": "910000017", "lead": True}],
    "commune_code": "30007",
    "starts_on": "2024-01-15",
    "ends_on": "2025-06-30",
    "costs": [
        {"label": "Machining centre", "kind": "tangible_asset", "amount_cents": 85_000_000, "holder": 1},
        {"label": "Training", "kind": "not_eligible", "amount_cents": 2_500_000, "reason": "A running cost."},
    ],
    "jobs_created_fte": 6,
    "jobs_maintained_fte": 12.5,
    "environmental_effect": "A third less scrap metal.",
}


class ProjectCreate(Body):
    """A project as it is detected. The first holder leads unless another says so.

    The commune of its site is one of the perimeter in force on `detected_on` (today where absent).
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_PROJECT | {"detected_on": "2023-07-04"}]})

    title: Line
    kind: ProjectKind
    maturity: Maturity
    holders: Holders
    description: Text | None = None
    commune_code: InseeCode | None = None
    detected_on: Day | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    costs: Costs = Field(default_factory=list)
    jobs_created_fte: Fte | None = None
    jobs_maintained_fte: Fte | None = None
    environmental_effect: Text | None = None
    funding_route: FundingRoute | None = None
    mission_id: Uuid | None = None
    consultant_id: Uuid | None = None
    detected_in_audition_id: Uuid | None = None
    external_id: ExternalId | None = None


class ProjectUpdate(Body):
    """Fields of a project to change. `holders` and `costs` are replaced whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"maturity": "started", "jobs_created_fte": 7}]})

    title: Line | MISSING = MISSING
    kind: ProjectKind | MISSING = MISSING
    maturity: Maturity | MISSING = MISSING
    holders: Holders | MISSING = MISSING
    description: Text | None | MISSING = MISSING
    commune_code: InseeCode | None | MISSING = MISSING
    starts_on: Day | None | MISSING = MISSING
    ends_on: Day | None | MISSING = MISSING
    costs: Costs | MISSING = MISSING
    jobs_created_fte: Fte | None | MISSING = MISSING
    jobs_maintained_fte: Fte | None | MISSING = MISSING
    environmental_effect: Text | None | MISSING = MISSING
    funding_route: FundingRoute | None | MISSING = MISSING
    mission_id: Uuid | None | MISSING = MISSING
    consultant_id: Uuid | None | MISSING = MISSING
    detected_in_audition_id: Uuid | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class Holder(Read):
    """A holder of a project; a firm's name is the register's."""

    kind: HolderKind
    siren: str | None
    name: str
    lead: bool


class Cost(Read):
    """A cost of a project, excluding VAT."""

    label: str
    kind: CostKind
    amount_cents: Cents
    reason: str | None
    holder: int | None


class ObservedJobs(Read):
    """Jobs counted 12 or 36 months after the end, by the last observation of that term."""

    after_months: int
    observed_on: date
    jobs_created_fte: Fte
    jobs_maintained_fte: Fte


class Project(Read):
    """An industrial project. `jobs_fte` is what is planned, created and maintained together.

    With `as_of`, stage and `stage_since_on` are those of that day; all else is as known now.
    """

    id: UUID
    territory: str
    title: str
    description: str | None
    kind: ProjectKind
    maturity: Maturity
    holders: list[Holder]
    commune_code: str | None
    commune_name: str | None
    detected_on: date
    starts_on: date | None
    ends_on: date | None
    longer_than_24_months: Annotated[
        bool | None, Field(description="Longer than the 24 months that the programme allows; null without both days.")
    ]
    costs: list[Cost]
    cost_cents: Cents
    eligible_cents: Cents
    jobs_created_fte: Fte | None
    jobs_maintained_fte: Fte | None
    jobs_fte: Fte
    jobs_observed: list[ObservedJobs]
    environmental_effect: str | None
    funding_route: FundingRoute | None
    stage: ProjectStage
    stage_since_on: date
    mission_id: UUID | None
    mission_name: str | None
    consultant_id: UUID | None
    detected_in_audition_id: UUID | None
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class Passage(Body):
    """The stage to which a project passes, the day from which it holds (today where absent), and the reason.

    `funding_route` sets the proposed route in the same step. A reason is needed to drop a project, to send it back to
    orientation, and to take it up again.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"stage": "oriented", "funding_route": "rebond", "effective_on": "2023-09-12"}]}
    )

    stage: ProjectStage
    effective_on: Day | None = None
    reason: Reason | None = None
    funding_route: FundingRoute | None = None


class ProjectPassage(Read):
    """A passage of a project, in both times: when it held, and when it was recorded."""

    number: int
    project_id: UUID
    stage: ProjectStage
    previous_stage: ProjectStage | None
    reason: str | None
    effective_on: date
    recorded_by: UUID | None
    recorded_at: datetime


class JobObservationCreate(Body):
    """Jobs counted 12 or 36 months after the project's end, and what proves them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"after_months": 12, "observed_on": "2026-06-30", "jobs_created_fte": 5.5, "jobs_maintained_fte": 12,
                 "evidence": "DSN of June 2026"}
            ]
        }
    )  # fmt: skip

    after_months: Literal[12, 36]
    observed_on: Day
    jobs_created_fte: Fte
    jobs_maintained_fte: Fte
    evidence: Line


class JobObservation(Read):
    """An observation of jobs. It is never changed: a later one of the same term replaces it."""

    id: UUID
    project_id: UUID
    after_months: int
    observed_on: date
    jobs_created_fte: Fte
    jobs_maintained_fte: Fte
    evidence: str
    recorded_by: UUID | None
    recorded_at: datetime


# --- financing -------------------------------------------------------------------------------------------------------


class LineBody(Body):
    """A source of money. Other public aid names its legal basis; what is secured names its proof."""

    kind: SourceKind
    source: Line
    amount_cents: PositiveCents
    status: LineStatus
    legal_basis: Line | None = None
    proof_reference: Line | None = None

    @model_validator(mode="after")
    def _proven(self) -> "LineBody":
        if (self.kind is SourceKind.OTHER_PUBLIC_AID) is (self.legal_basis is None):
            raise PydanticCustomError("legal_basis_of_public_aid", "Other public aid has a legal basis, and only it.")
        if (self.status is LineStatus.SECURED) is (self.proof_reference is None):
            raise PydanticCustomError("proof_of_secured_line", "What is secured has a proof, and only it.")
        return self


def _distinct(lines: list[LineBody]) -> list[LineBody]:
    if any(number > 1 for number in Counter((line.kind, line.source) for line in lines).values()):
        raise PydanticCustomError("source_named_twice", "A source of one kind is named once in a plan.")
    return lines


class FinancingPut(Body):
    """A new version of the plan: all its lines. `complete` declares that uses equal sources."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"status": "complete", "lines": [
                    {"kind": "own_funds", "source": "Equity", "amount_cents": 27_500_000, "status": "secured",
                     "proof_reference": "Board of 4 July 2023"},
                    {"kind": "loan", "source": "House bank", "amount_cents": 40_000_000, "status": "requested"},
                    {"kind": "rebond_grant", "source": "Rebond", "amount_cents": 20_000_000, "status": "planned"},
                ]}
            ]
        }
    )  # fmt: skip

    status: PlanStatus
    lines: Annotated[list[LineBody], Field(max_length=100), AfterValidator(_distinct)]
    note: Text | None = None


class FinancingLine(Read):
    """A source of a plan."""

    kind: SourceKind
    source: str
    amount_cents: Cents
    status: LineStatus
    legal_basis: str | None
    proof_reference: str | None


class Gap(Read):
    """Why uses and sources differ, and by how much; `source` is a line that was refused."""

    code: GapCode
    amount_cents: Cents
    source: str | None


class Leverage(Read):
    """What a euro of programme aid (Rebond grant and advance) sets in motion; null where there is none.

    `total` is eligible cost over programme aid; `cofunding` all other money over programme aid, of which `private`
    (own funds, loans, leases, other) and `other_public`.
    """

    total: Ratio | None
    cofunding: Ratio | None
    private: Ratio | None
    other_public: Ratio | None


class Leverages(Read):
    """Leverage of what is planned (all but refused lines), and of what is secured."""

    planned: Leverage
    secured: Leverage


class Financing(Read):
    """A version of a project's financing plan. Uses are the project's costs: new costs make a new draft.

    `version` is its number; `sources_cents` counts every line that was not refused.
    """

    id: UUID
    project_id: UUID
    project_title: str
    version: int
    status: PlanStatus
    lines: list[FinancingLine]
    uses_cents: Cents
    eligible_cents: Cents
    sources_cents: Cents
    secured_cents: Cents
    gaps: list[Gap]
    leverage: Leverages
    note: str | None
    recorded_by: UUID | None
    recorded_at: datetime


class FieldChange(Read):
    """A field's value before and after."""

    before: Any
    after: Any


class ChangedLine(Read):
    """A line of both versions, and what changed in it."""

    kind: SourceKind
    source: str
    fields: dict[str, FieldChange]


class FinancingComparison(Read):
    """What changed from one version of a plan to another; null and all lines added where there was none before.

    Lines are told apart by kind and source.
    """

    project_id: UUID
    before_version: int | None
    after_version: int
    fields: dict[str, FieldChange]
    added: list[FinancingLine]
    removed: list[FinancingLine]
    changed: list[ChangedLine]


class FundingStatementCreate(Body):
    """The statement that no other public funding was found: on which day (today where absent), searched where."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"stated_on": "2023-09-20",
                 "sources_searched": ["Aides-territoires", "Région Occitanie", "ADEME", "Bpifrance (France 2030)"]}
            ]
        }
    )  # fmt: skip

    stated_on: Day | None = None
    sources_searched: Annotated[list[Line], Field(min_length=1, max_length=50)]
    note: Text | None = None


class FundingStatement(Read):
    """A person's statement that no other public funding was found for a project. It is never changed."""

    id: UUID
    project_id: UUID
    stated_on: date
    sources_searched: list[str]
    note: str | None
    stated_by: UUID
    recorded_at: datetime


# --- totals ----------------------------------------------------------------------------------------------------------


class RouteTotals(Read):
    """Projects of one proposed route; null gathers those that have none yet."""

    funding_route: FundingRoute | None
    projects: int
    share: Ratio
    cost_cents: Cents
    jobs_fte: Fte


class Totals(Read):
    """What the projects that the filters select come to.

    Jobs are full-time equivalents, planned, and observed after 12 and 36 months. Leverage is that of the sums over the
    projects' financing plans (those of projects without a plan count for nothing).
    """

    projects: int
    firms: Annotated[int, Field(description="Distinct firms among the holders.")]
    cost_cents: Cents
    eligible_cents: Cents
    jobs_created_fte: Fte
    jobs_maintained_fte: Fte
    jobs_fte: Fte
    jobs_observed_12_fte: Fte
    jobs_observed_36_fte: Fte
    by_stage: dict[ProjectStage, int]
    by_funding_route: list[RouteTotals]
    leverage: Leverages
