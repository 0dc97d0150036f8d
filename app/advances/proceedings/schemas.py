"""What travels about proceedings of an advance: the claim, and the plan."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import Body, CreatedAt, Id, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import AmountCents, Cents, Day, PositiveCents, Sha256, Uuid
from app.firms.models import ProceedingEnd, ProceedingKind
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

_DeclaredOn = Annotated[Day, Field(description="Paris day on which it was declared, today at the latest.")]
_Declared = Annotated[PositiveCents, Field(description="What was declared, in euro cents.")]
_Proof = Annotated[
    Sha256, Field(description="SHA-256 of the declaration with the proof of its receipt, in lower-case hexadecimal.")
]


class DebtClaimCreate(Body):
    """A claim that was declared to a proceeding."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"proceeding_id": "019a9f5e-0000-7000-8000-000000000000", "declared_on": "2025-03-28",
                 "amount_cents": 7_500_000, "proof_sha256": "a3" * 32}
            ]
        }
    )  # fmt: skip

    proceeding_id: Annotated[Uuid, Field(description="The proceeding of the firm, by its id in the register.")]
    declared_on: _DeclaredOn
    amount_cents: _Declared
    proof_sha256: _Proof


class DebtClaimUpdate(Body):
    """What was admitted of a claim, or what was declared really."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"admitted_on": "2025-09-15", "admitted_cents": 7_500_000}]}
    )

    declared_on: _DeclaredOn | MISSING = MISSING
    amount_cents: _Declared | MISSING = MISSING
    proof_sha256: _Proof | MISSING = MISSING
    admitted_on: (
        Annotated[Day, Field(description="Day on which the judge decided; with admitted_cents.")] | None | MISSING
    ) = MISSING
    admitted_cents: (
        Annotated[AmountCents, Field(description="What was admitted, in euro cents: 0 where it was refused.")]
        | None
        | MISSING
    ) = MISSING


class DebtClaim(Read):
    """The claim for an advance in a proceeding of its firm (*déclaration de créance*): to be declared, or declared."""

    id: Id
    territory: TerritorySlug
    advance_id: UUID = Field(description="The advance that is claimed.")
    decision_reference: str = Field(description="Reference of the decision that awarded the advance.")
    siren: SirenRead
    firm_name: FirmName
    proceeding_id: UUID = Field(description="The proceeding of the register to which it is declared.")
    proceeding_kind: ProceedingKind = Field(
        description="Safeguard, reorganisation or liquidation, as the register has it."
    )
    proceeding_opened_on: date = Field(description="Day of its opening judgment.")
    proceeding_noticed_on: date | None = Field(description="Day of its notice in the BODACC; null: not recorded.")
    proceeding_closed_on: date | None = Field(description="Day of the decision that ended it; null while it goes on.")
    ended_by: ProceedingEnd | None = Field(description="How it ended; null while it goes on or where it is not known.")
    due_on: date | None = Field(
        description="Day on which a liquidation makes all of the advance due, or will; null of other kinds."
    )
    claim_by_on: date | None = Field(
        description="Last day to declare the claim: two months after the notice (code de commerce, art. R. 622-24);"
        " null while no notice is recorded."
    )
    outstanding_cents: Cents = Field(description="Capital of the advance that is outstanding today, in euro cents.")
    declared_on: date | None = Field(description="Paris day on which the claim was declared; null: it was not yet.")
    late: bool | None = Field(description="Whether that was after the last day; null where either is not known.")
    amount_cents: Cents | None = Field(description="What was declared, in euro cents; null: nothing yet.")
    proof_sha256: str | None = Field(
        description="SHA-256 of the declaration with its proof, in lower-case hexadecimal; null: not declared yet."
    )
    admitted_on: date | None = Field(description="Day on which the judge admitted it; null: not decided yet.")
    admitted_cents: Cents | None = Field(description="What was admitted, in euro cents; null: not decided yet.")
    planned_on: date | None = Field(
        description="Day of the plan by which the advance is repaid, a version of its schedule; null: none is recorded."
    )
    plan_sha256: str | None = Field(description="SHA-256 of that judgment, in lower-case hexadecimal; null: not given.")
    declared_by: UUID | None = Field(description="Who recorded the claim; null: not declared yet.")
    declared_by_name: PersonNameOrNull = Field(description="Present name of who recorded the claim; null as the id is.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class InstalmentOfPlan(Body):
    """A line of a plan."""

    due_on: Annotated[Day, Field(description="Paris day on which it falls due; later than the line before.")]
    principal_cents: Annotated[Cents, Field(description="Principal that it repays, in euro cents.")]
    interest_cents: Annotated[Cents, Field(description="Contract interest due with it, in euro cents.")] = 0
    late_interest_cents: Annotated[
        Cents, Field(description="Late interest of before the opening that is due with it, in euro cents.")
    ] = 0


class PlanCreate(Body):
    """The lines by which the plan that ended a proceeding repays an advance."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"lines": [{"due_on": "2026-06-30", "principal_cents": 2_500_000},
                           {"due_on": "2027-06-30", "principal_cents": 5_000_000}]}
            ]
        }
    )  # fmt: skip

    lines: Annotated[
        list[InstalmentOfPlan],
        Field(
            min_length=1,
            max_length=600,
            description="Their principals come to what is outstanding on the day of the plan.",
        ),
    ]
    document_sha256: Annotated[
        Sha256 | None, Field(description="SHA-256 of the judgment, in lower-case hexadecimal.")
    ] = None
