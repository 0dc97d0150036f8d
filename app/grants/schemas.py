"""What travels about grants."""

from uuid import UUID

from pydantic import Field

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
from app.awards.models import AwardStatus
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
from app.core.schemas import CreatedAt, ExternalName, Id, PersonName, Read, UpdatedAt, Version
from app.core.values import Cents
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug


class Grant(Read):
    """A grant: a decided aid that is not repaid."""

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
    paid_cents: Cents = Field(description="Cents of euro paid, less reversed payments.")
    released_cents: Cents = Field(description="Cents of euro given back to the envelope unpaid.")
    final_cents: FinalCents
    remaining_cents: Cents = Field(
        description="Cents of euro that may still be paid: awarded less paid, in flight and released."
    )
    in_flight_cents: Cents = Field(
        description="Cents of euro of payments that are proposed, approved or sent, and not yet recorded as paid."
    )
    recovered_cents: Cents = Field(description="Cents of euro paid that have come back by recoveries.")
    claimed_back_cents: Cents = Field(
        description="Cents of euro paid that recoveries claim back, whether they have come back or not; at most what is"
        " paid."
    )
    in_recovery: bool = Field(description="true: a recovery of the grant is opened, notified or ordered.")
    decided_on: DecidedOn
    decision_reference: DecisionReference
    external_id: ExternalName
    override_id: OverrideRead
    override_code: OverrideCode
    status: AwardStatus = Field(
        description="awarded: nothing is paid yet; paying: a part is; closed: paid up, or the rest released; cancelled:"
        " ended unpaid."
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
        description="The person who awarded the grant, and who therefore cannot propose, approve or record its"
        " payments."
    )
    awarded_by_name: PersonName = Field(description="Present name of the person who recorded the decision.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
