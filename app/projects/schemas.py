"""What travels about projects and their financing."""

from collections import Counter
from datetime import date
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field, model_validator

from app.core.faults import Fault
from app.core.schemas import (
    Body,
    CreatedAt,
    ExternalName,
    Id,
    PersonName,
    PersonNameOrNull,
    Read,
    RecordedAt,
    UpdatedAt,
    Version,
)
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
    TrueOrFalse,
    Uuid,
)
from app.programme.schemas import TerritorySlug
from app.projects.financing import GapCode, LineStatus, PlanStatus, SourceKind
from app.projects.rules import CostKind, FundingRoute, HolderKind, Maturity, ProjectKind, ProjectStage

HOLDER_BY_SIREN = Fault(
    "holder_by_siren",
    en="Name a firm by its SIREN only, without a name.",
    fr="Désignez une entreprise par son seul SIREN, sans nom.",
)
HOLDER_BY_NAME = Fault(
    "holder_by_name",
    en="A training body or an association must have a name.",
    fr="Un organisme de formation ou une association doit avoir un nom.",
)
REASON_OF_INELIGIBLE_COST = Fault(
    "reason_of_ineligible_cost",
    en="Give a reason for a cost that is not eligible, and only for such a cost.",
    fr="Donnez un motif pour un coût non éligible, et seulement pour un tel coût.",
)
ONE_LEAD_HOLDER = Fault(
    "one_lead_holder",
    en="Only one holder can lead the project.",
    fr="Un seul porteur peut être chef de file du projet.",
)
LEGAL_BASIS_OF_PUBLIC_AID = Fault(
    "legal_basis_of_public_aid",
    en="Give a legal basis for other public aid, and only for it.",
    fr="Donnez une base juridique pour une autre aide publique, et seulement pour elle.",
)
PROOF_OF_SECURED_LINE = Fault(
    "proof_of_secured_line",
    en="Give a proof for a secured line, and only for a secured line.",
    fr="Donnez une preuve pour une ligne acquise, et seulement pour elle.",
)
SOURCE_NAMED_TWICE = Fault(
    "source_named_twice",
    en="A source of one kind can appear only once in a plan.",
    fr="Une source d'une même nature ne peut figurer qu'une fois dans un plan.",
)

Ratio = Annotated[float, Field(ge=0)]  # rounded half up to four decimals
Place = Annotated[int, Field(strict=True, ge=1, le=20, description="The owner: its place among the holders, from 1.")]


class HolderBody(Body):
    """A holder of the project: a firm by its SIREN alone, others by their name."""

    kind: Annotated[HolderKind, Field(description="firm, or for collective projects training_body or association.")]
    siren: (
        Annotated[
            Siren,
            Field(description="SIREN: required of a firm, which the territory follows; of others if it is known."),
        ]
        | None
    ) = None
    name: (
        Annotated[Line, Field(description="Name: required of a training body or association, refused of a firm.")]
        | None
    ) = None
    lead: Annotated[
        TrueOrFalse,
        Field(description="Whether this holder leads the project; of one at most. Otherwise the first leads."),
    ] = False

    @model_validator(mode="after")
    def _identified(self) -> "HolderBody":
        if self.kind is HolderKind.FIRM and (self.siren is None or self.name is not None):
            raise HOLDER_BY_SIREN.error()
        if self.kind is not HolderKind.FIRM and self.name is None:
            raise HOLDER_BY_NAME.error()
        return self


class CostBody(Body):
    """A cost of the project, excluding VAT."""

    label: Annotated[Line, Field(description="What is bought, such as the machine.")]
    kind: Annotated[
        CostKind, Field(description="tangible_asset and intangible_asset are eligible; not_eligible is not.")
    ]
    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro, excluding VAT.")]
    reason: (
        Annotated[
            Reason, Field(description="Why the cost is not eligible: required of not_eligible, refused of others.")
        ]
        | None
    ) = None
    holder: Place | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> "CostBody":
        if (self.kind is CostKind.NOT_ELIGIBLE) is (self.reason is None):
            raise REASON_OF_INELIGIBLE_COST.error()
        return self


def _one_leads(holders: list[HolderBody]) -> list[HolderBody]:
    if sum(holder.lead for holder in holders) > 1:
        raise ONE_LEAD_HOLDER.error()
    return holders


Holders = Annotated[
    list[HolderBody],
    Field(min_length=1, max_length=20, description="Who holds the project, in this order; the list is replaced whole."),
    AfterValidator(_one_leads),
]
Costs = Annotated[
    list[CostBody],
    Field(max_length=200, description="What the project costs, in this order; the list is replaced whole."),
]
_Title = Annotated[Line, Field(description="What the project is called.")]
_Kind = Annotated[ProjectKind, Field(description="What the money is mainly spent on.")]
_Maturity = Annotated[Maturity, Field(description="How ready the project is: idea, study, ready, or started.")]
_Description = Annotated[Text, Field(description="The project in a few sentences.")]
_CommuneCode = Annotated[
    InseeCode,
    Field(description="INSEE code of the commune of the site: one of the perimeter in force on the day of detection."),
]
_StartsOn = Annotated[Day, Field(description="Paris day on which the project begins, as planned.")]
_EndsOn = Annotated[Day, Field(description="Paris day on which the project ends, as planned; not before `starts_on`.")]
_JobsCreated = Annotated[Fte, Field(description="Jobs that the project plans to create, in full-time equivalents.")]
_JobsMaintained = Annotated[Fte, Field(description="Jobs that the project plans to keep, in full-time equivalents.")]
_Effect = Annotated[Text, Field(description="What the project changes for the environment.")]
_Route = Annotated[
    FundingRoute, Field(description="The scheme proposed to fund the project; required from the stage oriented on.")
]
_MissionId = Annotated[Uuid, Field(description="The mission of engineering that detected the project.")]
_ConsultantId = Annotated[
    Uuid, Field(description="The assignment (`T/consultants`) of the consultant who follows the project.")
]
_AuditionId = Annotated[Uuid, Field(description="The audition in which the project was detected.")]

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
    """A project as it is detected."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROJECT | {"detected_on": "2023-07-04"}]})

    title: _Title
    kind: _Kind
    maturity: _Maturity
    holders: Holders
    description: _Description | None = None
    commune_code: _CommuneCode | None = None
    detected_on: (
        Annotated[
            Day,
            Field(
                description="Paris day on which the project was detected; absent or null: the day of the held audition"
                " in detected_in_audition_id, and required without one."
            ),
        ]
        | None
    ) = None
    starts_on: _StartsOn | None = None
    ends_on: _EndsOn | None = None
    costs: Costs = Field(default_factory=list)
    jobs_created_fte: _JobsCreated | None = None
    jobs_maintained_fte: _JobsMaintained | None = None
    environmental_effect: _Effect | None = None
    funding_route: _Route | None = None
    mission_id: _MissionId | None = None
    consultant_id: _ConsultantId | None = None
    detected_in_audition_id: _AuditionId | None = None
    external_id: ExternalId | None = None


class ProjectUpdate(Body):
    """Fields of a project to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"maturity": "started", "jobs_created_fte": 7}]})

    elsewhere: ClassVar = {"stage": ("POST /v1/territories/{territory}/projects/{project_id}/stages",)}

    title: _Title | MISSING = MISSING
    kind: _Kind | MISSING = MISSING
    maturity: _Maturity | MISSING = MISSING
    holders: Holders | MISSING = MISSING
    description: _Description | None | MISSING = MISSING
    commune_code: _CommuneCode | None | MISSING = MISSING
    detected_on: (
        Annotated[Day, Field(description="Paris day on which the project was detected, to correct it.")] | MISSING
    ) = MISSING
    starts_on: _StartsOn | None | MISSING = MISSING
    ends_on: _EndsOn | None | MISSING = MISSING
    costs: Costs | MISSING = MISSING
    jobs_created_fte: _JobsCreated | None | MISSING = MISSING
    jobs_maintained_fte: _JobsMaintained | None | MISSING = MISSING
    environmental_effect: _Effect | None | MISSING = MISSING
    funding_route: _Route | None | MISSING = MISSING
    mission_id: _MissionId | None | MISSING = MISSING
    consultant_id: _ConsultantId | None | MISSING = MISSING
    detected_in_audition_id: _AuditionId | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class Holder(Read):
    """A holder of a project."""

    kind: HolderKind = Field(description="firm, or for collective projects training_body or association.")
    siren: str | None = Field(description="SIREN; null where that of a training body or association is not known.")
    name: str = Field(description="Present name in the register for a firm, the name as it was given for others.")
    lead: bool = Field(description="Whether this holder leads the project; of exactly one.")


class Cost(Read):
    """A cost of a project, excluding VAT."""

    label: str = Field(description="What is bought, such as the machine.")
    kind: CostKind = Field(description="tangible_asset and intangible_asset are eligible; not_eligible is not.")
    amount_cents: Cents = Field(description="Cents of euro, excluding VAT.")
    reason: str | None = Field(description="Why the cost is not eligible; null of assets.")
    holder: int | None = Field(description="The owner: its place among the holders, from 1; null where none is named.")


class ObservedJobs(Read):
    """Jobs counted 12 or 36 months after the end, by the last observation of that term."""

    after_months: int = Field(description="The term: 12 or 36 months after the project's end.")
    observed_on: date = Field(description="Paris day on which the jobs were counted.")
    jobs_created_fte: Fte = Field(description="Jobs that the project has created, in full-time equivalents.")
    jobs_maintained_fte: Fte = Field(description="Jobs that the project has kept, in full-time equivalents.")


class Project(Read):
    """An industrial project."""

    id: Id
    territory: TerritorySlug
    title: str = Field(description="What the project is called.")
    description: str | None = Field(description="The project in a few sentences; null where nobody wrote any.")
    kind: ProjectKind = Field(description="What the money is mainly spent on.")
    maturity: Maturity = Field(description="How ready the project is: idea, study, ready, or started.")
    holders: list[Holder] = Field(description="Who holds the project, in the order in which it was given.")
    commune_code: str | None = Field(description="INSEE code of the commune of the site; null where it is not known.")
    commune_name: str | None = Field(
        description="Name of that commune in the perimeter of its vintage; null as the code is."
    )
    detected_on: date = Field(description="Paris day on which the project was detected.")
    starts_on: date | None = Field(description="Paris day on which the project begins, as planned; null: not known.")
    ends_on: date | None = Field(description="Paris day on which the project ends, as planned; null: not known.")
    longer_than_24_months: bool | None = Field(
        description="Whether it lasts longer than the 24 months that the programme allows; null without both days."
    )
    costs: list[Cost] = Field(description="What the project costs, in the order in which it was given.")
    cost_cents: Cents = Field(description="Sum of all costs, in cents of euro excluding VAT.")
    eligible_cents: Cents = Field(description="Sum of the costs of assets, in cents of euro excluding VAT.")
    jobs_created_fte: Fte | None = Field(
        description="Jobs planned to be created, in full-time equivalents; null: not said."
    )
    jobs_maintained_fte: Fte | None = Field(
        description="Jobs planned to be kept, in full-time equivalents; null: not said."
    )
    jobs_fte: Fte = Field(description="Planned jobs, created and kept together; what is not said counts as 0.")
    jobs_observed: list[ObservedJobs] = Field(description="Jobs as they were counted after the end, one item a term.")
    environmental_effect: str | None = Field(description="What it changes for the environment; null: not said.")
    funding_route: FundingRoute | None = Field(description="The scheme proposed to fund the project; null: none yet.")
    stage: ProjectStage = Field(description="How far the project has come; with `as_of`, on that day.")
    stage_since_on: date = Field(
        description="Paris day since which it is at this stage; with `as_of`, that of that day."
    )
    mission_id: UUID | None = Field(description="The mission of engineering that detected the project; null: none.")
    mission_name: str | None = Field(description="Present name of that mission; null as the id is.")
    consultant_id: UUID | None = Field(
        description="The assignment of the consultant who follows the project; null: none."
    )
    consultant_name: PersonNameOrNull = Field(description="Present name of that consultant; null as the id is.")
    detected_in_audition_id: UUID | None = Field(
        description="The audition in which it was detected; null: none is named."
    )
    detected_in_audition_on: date | None = Field(
        description="Paris day of that audition: on which it was held, else for which it is planned; null as the id is."
    )
    external_id: ExternalName
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class Passage(Body):
    """The stage to which a project passes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"stage": "oriented", "funding_route": "rebond", "effective_on": "2023-09-12"}]}
    )

    stage: Annotated[ProjectStage, Field(description="The new stage; from each stage only some can be reached.")]
    effective_on: (
        Annotated[
            Day,
            Field(
                description="Paris day from which it is at this stage, not before that of the stage before; absent or"
                " null: today."
            ),
        ]
        | None
    ) = None
    reason: (
        Annotated[
            Reason,
            Field(description="Why: required to drop a project, to send it back to orientation, to take it up again."),
        ]
        | None
    ) = None
    funding_route: (
        Annotated[FundingRoute, Field(description="The proposed route, set in the same step; absent: unchanged.")]
        | None
    ) = None


class ProjectPassage(Read):
    """A passage of a project from stage to stage. It is never changed."""

    number: int = Field(description="1 for the detection, one more for each passage of the project.")
    project_id: UUID = Field(description="The project that passed.")
    stage: ProjectStage = Field(description="The stage from this passage on.")
    previous_stage: ProjectStage | None = Field(description="The stage until then; null of the detection.")
    reason: str | None = Field(description="Why the project passed; null where none was needed or given.")
    effective_on: date = Field(description="Paris day from which the project is at this stage.")
    recorded_by: UUID | None = Field(description="Who recorded the passage; null where the service itself did.")
    recorded_by_name: PersonNameOrNull = Field(description="Present name of who recorded it; null as the id is.")
    recorded_at: RecordedAt


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

    after_months: Annotated[Literal[12, 36], Field(description="The term: 12 or 36 months after the project's end.")]
    observed_on: Annotated[Day, Field(description="Paris day on which the jobs were counted; today at the latest.")]
    jobs_created_fte: Annotated[Fte, Field(description="Jobs that the project has created, in full-time equivalents.")]
    jobs_maintained_fte: Annotated[Fte, Field(description="Jobs that the project has kept, in full-time equivalents.")]
    evidence: Annotated[Line, Field(description="The document that proves the numbers.")]


class JobObservation(Read):
    """An observation of jobs. It is never changed: a later one of the same term replaces it."""

    id: Id
    project_id: UUID = Field(description="The project whose jobs were counted.")
    after_months: int = Field(description="The term: 12 or 36 months after the project's end.")
    observed_on: date = Field(description="Paris day on which the jobs were counted.")
    jobs_created_fte: Fte = Field(description="Jobs that the project has created, in full-time equivalents.")
    jobs_maintained_fte: Fte = Field(description="Jobs that the project has kept, in full-time equivalents.")
    evidence: str = Field(description="The document that proves the numbers.")
    recorded_by: UUID | None = Field(description="Who recorded the observation; null where the service itself did.")
    recorded_by_name: PersonNameOrNull = Field(description="Present name of who recorded it; null as the id is.")
    recorded_at: RecordedAt


# --- financing -------------------------------------------------------------------------------------------------------


class LineBody(Body):
    """A source of money in a financing plan."""

    kind: Annotated[SourceKind, Field(description="What sort of money it is.")]
    source: Annotated[Line, Field(description="Who gives it; each source of one kind is named once in a plan.")]
    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro that the source pays, or would pay.")]
    status: Annotated[LineStatus, Field(description="planned, requested, secured, or refused, which pays for nothing.")]
    legal_basis: (
        Annotated[Line, Field(description="The aid scheme: required of other_public_aid, refused of other kinds.")]
        | None
    ) = None
    proof_reference: (
        Annotated[Line, Field(description="What proves it: required of a secured source, refused of others.")] | None
    ) = None

    @model_validator(mode="after")
    def _proven(self) -> "LineBody":
        if (self.kind is SourceKind.OTHER_PUBLIC_AID) is (self.legal_basis is None):
            raise LEGAL_BASIS_OF_PUBLIC_AID.error()
        if (self.status is LineStatus.SECURED) is (self.proof_reference is None):
            raise PROOF_OF_SECURED_LINE.error()
        return self


def _distinct(lines: list[LineBody]) -> list[LineBody]:
    if any(number > 1 for number in Counter((line.kind, line.source) for line in lines).values()):
        raise SOURCE_NAMED_TWICE.error()
    return lines


class FinancingPut(Body):
    """A new version of the plan, with all its lines."""

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

    status: Annotated[
        PlanStatus, Field(description="draft, or complete: the project's costs equal its sources, else it is refused.")
    ]
    lines: Annotated[
        list[LineBody],
        Field(max_length=100, description="Every source of money, in this order; the list is replaced whole."),
        AfterValidator(_distinct),
    ]
    note: Annotated[Text, Field(description="What the reader of this version should know.")] | None = None


class FinancingLine(Read):
    """A source of money in a financing plan."""

    kind: SourceKind = Field(description="What sort of money it is.")
    source: str = Field(description="Who gives it; once in a plan for each kind.")
    amount_cents: Cents = Field(description="Cents of euro that the source pays, or would pay.")
    status: LineStatus = Field(description="planned, requested, secured, or refused, which pays for nothing.")
    legal_basis: str | None = Field(description="The aid scheme of other_public_aid; null of other kinds.")
    proof_reference: str | None = Field(
        description="What proves a secured source, of an award the reference of its decision; null of others."
    )
    award_id: UUID | None = Field(
        description="The award that pays the line: a grant of rebond_grant, an advance of rebond_advance. It keeps the"
        " line's amount and status; null where no award does. PUT does not take it: it is found by kind, amount and"
        " reference."
    )


class Gap(Read):
    """A reason why the project's costs and its sources differ."""

    code: GapCode = Field(description="The reason, such as sources_below_uses.")
    amount_cents: Cents = Field(description="Cents of euro by which they differ, or that a source has refused.")
    source: str | None = Field(description="The source that refused; null of other reasons.")


class Leverage(Read):
    """What a euro of programme aid (Rebond grant and advance) sets in motion, as ratios with four decimals.

    Each is null where there is no programme aid.
    """

    total: Ratio | None = Field(description="Eligible cost divided by programme aid.")
    cofunding: Ratio | None = Field(description="All money but the programme's, divided by programme aid.")
    private: Ratio | None = Field(description="Own funds, loans, leases and other private money, by programme aid.")
    other_public: Ratio | None = Field(description="Aid of other public bodies, divided by programme aid.")


class Leverages(Read):
    """Leverage of what is planned, and of what is certain."""

    planned: Leverage = Field(description="Over every source but those that refused.")
    secured: Leverage = Field(description="Over the secured sources alone.")


class Financing(Read):
    """A version of a project's financing plan. New costs of the project make a new draft of the plan."""

    id: Id
    project_id: UUID = Field(description="The project that the plan pays for.")
    project_title: str = Field(description="Present title of that project.")
    version: int = Field(description="Number of this version of the plan, from 1; the ETag begins with it.")
    status: PlanStatus = Field(description="draft, or complete: the project's costs equal its sources.")
    lines: list[FinancingLine] = Field(description="Every source of money, in the order in which it was given.")
    uses_cents: Cents = Field(description="Costs of the project in this version: cents of euro excluding VAT.")
    eligible_cents: Cents = Field(description="The part of these costs that assets make up, in cents of euro.")
    sources_cents: Cents = Field(description="Cents of euro of all sources but those that refused.")
    secured_cents: Cents = Field(description="Cents of euro of the secured sources.")
    gaps: list[Gap] = Field(description="Every reason why costs and sources differ; empty where they are equal.")
    leverage: Leverages = Field(description="What a euro of programme aid sets in motion in this plan.")
    note: str | None = Field(description="What the reader of this version should know; null where there is nothing.")
    recorded_by: UUID | None = Field(description="Who made this version; null where the service itself did.")
    recorded_by_name: PersonNameOrNull = Field(description="Present name of who made it; null as the id is.")
    recorded_at: RecordedAt


class FieldChange(Read):
    """A field's value before and after."""

    before: Any = Field(description="The value in the older version, as JSON; null where it had none.")
    after: Any = Field(description="The value in the newer version, as JSON; null where it has none.")


class ChangedLine(Read):
    """A line of both versions, and what changed in it."""

    kind: SourceKind = Field(description="Kind of the source that both versions name.")
    source: str = Field(description="The source that both versions name.")
    fields: dict[str, FieldChange] = Field(description="The fields that differ, by their names.")


class FinancingComparison(Read):
    """What changed from one version of a plan to another. A line is identified by kind and source."""

    project_id: UUID = Field(description="The project of both versions.")
    before_version: int | None = Field(description="Number of the older version; null where there was none before.")
    after_version: int = Field(description="Number of the newer version.")
    fields: dict[str, FieldChange] = Field(description="What differs beside the lines, by the names of the fields.")
    added: list[FinancingLine] = Field(
        description="Lines of the newer version alone; all of them where it is the first."
    )
    removed: list[FinancingLine] = Field(description="Lines of the older version alone.")
    changed: list[ChangedLine] = Field(description="Lines of both versions that differ.")


class FundingStatementCreate(Body):
    """The statement that no other public funding was found: on which day (today where absent), searched where."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "stated_on": "2023-09-20",
                    "sources_searched": ["Aides-territoires", "Région Occitanie", "ADEME", "Bpifrance (France 2030)"],
                }
            ]
        }
    )

    stated_on: (
        Annotated[Day, Field(description="Paris day of the statement, today at the latest; absent or null: today.")]
        | None
    ) = None
    sources_searched: Annotated[
        list[Line],
        Field(min_length=1, max_length=50, description="The funding bodies and aid catalogues that were searched."),
    ]
    note: Annotated[Text, Field(description="How the search was made, or what it found unsuitable.")] | None = None


class FundingStatement(Read):
    """A person's statement that no other public funding was found for a project. It is never changed."""

    id: Id
    project_id: UUID = Field(description="The project for which no other funding was found.")
    stated_on: date = Field(description="Paris day of the statement.")
    sources_searched: list[str] = Field(description="The funding bodies and aid catalogues that were searched.")
    note: str | None = Field(description="How the search was made, or what it found unsuitable; null: not said.")
    stated_by: UUID = Field(description="The person who made the statement.")
    stated_by_name: PersonName = Field(description="Present name of that person.")
    recorded_at: RecordedAt


# --- totals ----------------------------------------------------------------------------------------------------------


class RouteTotals(Read):
    """Projects of one proposed route."""

    funding_route: FundingRoute | None = Field(description="The route; null gathers projects that have none yet.")
    projects: int = Field(description="Number of projects with this route.")
    share: Ratio = Field(description="Their part of the selected projects, from 0 to 1, with four decimals.")
    cost_cents: Cents = Field(description="Sum of their costs, in cents of euro excluding VAT.")
    jobs_fte: Fte = Field(description="Jobs that they plan to create and keep, in full-time equivalents.")


class Totals(Read):
    """Sums over the projects that the filters select."""

    as_of: date = Field(description="Paris day looked at; today where the request names none.")
    recorded_as_of: date | None = Field(
        description="Paris day at whose end the figures were known so; null: as they are known now."
    )
    projects: int = Field(description="Number of projects selected.")
    firms: int = Field(description="Distinct firms among the holders.")
    cost_cents: Cents = Field(description="Sum of all costs, in cents of euro excluding VAT.")
    eligible_cents: Cents = Field(description="Sum of the costs of assets, in cents of euro excluding VAT.")
    jobs_created_fte: Fte = Field(description="Jobs planned to be created, in full-time equivalents.")
    jobs_maintained_fte: Fte = Field(description="Jobs planned to be kept, in full-time equivalents.")
    jobs_fte: Fte = Field(description="Planned jobs, created and kept together, in full-time equivalents.")
    jobs_observed_12_fte: Fte = Field(description="Jobs counted 12 months after the end, in full-time equivalents.")
    jobs_observed_36_fte: Fte = Field(description="Jobs counted 36 months after the end, in full-time equivalents.")
    by_stage: dict[ProjectStage, int] = Field(description="Number of projects at each stage, 0 included.")
    by_funding_route: list[RouteTotals] = Field(description="The same figures by proposed route.")
    leverage: Leverages = Field(
        description="Leverage of the sums over the financing plans; projects without a plan count for nothing."
    )
