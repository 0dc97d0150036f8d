"""What travels about overrides."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.awards.overrides.rules import LiftedAct, LiftedRule, OverrideState
from app.core.schemas import (
    Body,
    CreatedAt,
    Id,
    PersonName,
    PersonNameOrNull,
    Read,
    UpdatedAt,
    Version,
)
from app.core.values import Day, Reason, Siren
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

# What an act that gives money shows of its override.
OverrideCode = Annotated[
    LiftedRule | None, Field(description="Code of the rule that the override of override_id lifts; null without one.")
]
OverrideRead = Annotated[
    UUID | None, Field(description="The override that lifts a rule for this act; null where no rule refuses it.")
]


class OverrideCreate(Body):
    """A rule that one act about a firm is to be spared, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"code": "proceedings-open", "siren": "910000017", "valid_until_on": "2199-12-31",
                 "reason": "The court has confirmed the continuation plan."}
            ]
        }
    )  # fmt: skip

    code: Annotated[LiftedRule, Field(description="Code of the problem that refuses the act.")]
    siren: Annotated[Siren, Field(description="SIREN of the firm that the act is about.")]
    reason: Annotated[Reason, Field(description="Why the rule is to be lifted; it is shown beside the override.")]
    valid_until_on: Annotated[
        Day, Field(description="Last Paris day on which an act can name the override; today or later.")
    ]


class OverrideEnd(Body):
    """Why an override is refused or withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The plan has not been confirmed."}]})

    reason: Annotated[Reason, Field(description="Why it is refused or withdrawn; it is shown beside the override.")]


class Override(Read):
    """An override (*dérogation*): it lifts one rule, for one act about one firm, until a day."""

    id: Id
    territory: TerritorySlug
    siren: SirenRead
    firm_name: FirmName
    code: LiftedRule = Field(description="Code of the problem that it lifts.")
    reason: str = Field(description="Why the rule is to be lifted.")
    valid_until_on: date = Field(description="Last Paris day on which an act can name it.")
    status: OverrideState = Field(
        description="proposed; approved: one act can name it; refused; withdrawn; used: an act names it; expired:"
        " proposed or approved, and its last day is over."
    )
    proposed_by: UUID = Field(description="The person who proposed it, and who therefore cannot decide on it.")
    proposed_by_name: PersonName = Field(description="Present name of the person who proposed it.")
    decided_by: UUID | None = Field(description="The person who approved or refused it; null while nobody has.")
    decided_by_name: PersonNameOrNull = Field(
        description="Present name of the person who approved or refused it; null while nobody has."
    )
    decided_at: datetime | None = Field(description="Instant in UTC of the decision; null while there is none.")
    end_reason: str | None = Field(description="Why it was refused or withdrawn; null where it was neither.")
    used_by_type: LiftedAct | None = Field(description="Kind of the act that names it; null while none does.")
    used_by_id: UUID | None = Field(
        description="Id of the act that names it, a grant, an advance, a payment or a tranche; null while none does."
    )
    used_on: date | None = Field(description="Paris day on which that act was recorded; null while none is.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
