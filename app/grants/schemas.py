"""What travels about grants."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

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
    OverrideId,
    ProjectId,
    ProjectTitle,
)
from app.core.schemas import Body, CreatedAt, ExternalName, Id, PersonName, Read, UpdatedAt, Version
from app.core.values import Cents, Day, PositiveCents, ShortLine
from app.envelopes.rules import ActStatus
from app.envelopes.schemas import ActAmount, ReversalReason
from app.firms.schemas import FirmName, SirenRead
from app.grants.models import PaymentKind
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
    remaining_cents: Cents = Field(description="Cents of euro that may still be paid: awarded less paid and released.")
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
        description="The person who awarded the grant, and who therefore cannot record its payments."
    )
    awarded_by_name: PersonName = Field(description="Present name of the person who recorded the decision.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class PaymentCreate(Body):
    """A payment that was made on a grant."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"amount_cents": 4_500_000, "paid_on": "2023-11-15", "kind": "advance_payment", "reference": "VIR-88"}
            ]
        }
    )  # fmt: skip

    amount_cents: Annotated[
        PositiveCents, Field(description="Cents of euro paid; at most `remaining_cents` of the grant.")
    ]
    paid_on: Annotated[
        Day, Field(description="Paris day of the payment: not before the decision, today at the latest.")
    ]
    kind: Annotated[
        PaymentKind,
        Field(description="advance_payment: before costs arise; interim_payment; balance_payment: the last."),
    ]
    reference: Annotated[ShortLine, Field(description="The payer's own reference of the transfer, once per grant.")]
    override_id: OverrideId | None = None


class Payment(Read):
    """A payment of a grant."""

    id: Id
    grant_id: UUID = Field(description="The grant on which it was paid.")
    amount_cents: ActAmount
    paid_on: date = Field(description="Paris day on which the payment counts.")
    kind: PaymentKind = Field(
        description="advance_payment: before costs arise; interim_payment; balance_payment: the last."
    )
    reference: str = Field(description="The payer's own reference of the transfer, once per grant.")
    override_id: OverrideRead
    override_code: OverrideCode
    status: ActStatus = Field(description="recorded: it counts; reversed: the amount is committed again.")
    reason: ReversalReason
    recorded_by: UUID = Field(description="Who recorded the payment; never the person who awarded the grant.")
    recorded_by_name: PersonName = Field(description="Present name of who recorded the payment.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
