"""What travels about the award of an aid, whatever its instrument."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.core.schemas import Body, Read
from app.core.values import Cents, Day, PositiveCents, Reason, Sha256, Uuid
from app.projects.rules import CostKind

# What grants and advances say alike.
ProjectTitle = Annotated[str, Field(description="What the aid pays for, as the decision words it.")]
ProjectId = Annotated[
    UUID | None,
    Field(description="The project that the aid pays for; null of awards from before the territory was served here."),
]
CommitteeId = Annotated[UUID | None, Field(description="The meeting that decided; null: none is named.")]
CommitteeOn = Annotated[date | None, Field(description="Paris day on which that meeting was held; null as the id is.")]
FunderId = Annotated[UUID, Field(description="The organisation that funds the aid.")]
FunderName = Annotated[str, Field(description="Present name of that organisation.")]
ApplicationId = Annotated[
    UUID | None, Field(description="The aid file that the award decides; null: it was decided without one here.")
]
DecisionId = Annotated[
    UUID | None,
    Field(
        description="The decision of a committee that made the award, and whose reversal alone reverses it; null: the"
        " award was decided elsewhere, under `decision_reference`."
    ),
]
FrozenScheme = Annotated[
    str | None,
    Field(
        description="Code of the scheme under which the aid was decided; null: the award is held by its amount alone."
    ),
]
FrozenSchemeName = Annotated[str | None, Field(description="Present name of the scheme; null as its code is.")]
FrozenBase = Annotated[
    Cents | None,
    Field(
        description="Base of the aid in cents of euro, as decided: the award is not above it. Null as the scheme is."
    ),
]
DecidedOn = Annotated[date, Field(description="Paris day of the decision: from this day the amount is committed.")]
DecisionReference = Annotated[str, Field(description="Reference of the decision, once per territory and kind of aid.")]
AwardedCents = Annotated[
    Cents, Field(description="Cents of euro awarded, with what approved change requests added to it.")
]
EndReason = Annotated[
    str | None,
    Field(description="Why the award was released or reversed; null where it was neither, or closed by its balance."),
]


class AwardLine(Read):
    """A line of what the aid was decided for, and what is certified of it."""

    id: UUID = Field(description="By which claims name the line.")
    label: str = Field(description="What is bought; `project_title` where the base is one line.")
    kind: CostKind | None = Field(
        description="tangible_asset or intangible_asset, as in the file; null where the decision does not say."
    )
    amount_cents: PositiveCents = Field(description="Cents of euro, excluding VAT.")
    certified_cents: Cents = Field(description="Cents of euro certified of the line by settled claims.")


FrozenLines = Annotated[
    list[AwardLine] | None,
    Field(description="The lines that come to the base, as decided; they stay. Null as the scheme is."),
]
ParameterValues = dict[str, int | bool | list[int] | str]
FrozenParameters = Annotated[
    ParameterValues | None,
    Field(
        description="The scheme's parameters by name, as they were in force on `decided_on` or as an amendment has"
        " changed them since: an integer, a boolean, a list of integers or text, in the unit that ends the name"
        " (_cents, _bp, _months, _days). Null as the scheme is."
    ),
]


OverrideId = Annotated[
    Uuid, Field(description="Approved override that lifts the rule by which the act would be refused; it serves once.")
]


class Release(Body):
    """Why what is not paid returns to the envelope, and from which day it counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Final cost below the plan."}]})

    reason: Annotated[Reason, Field(description="Why the rest is no longer needed; it is shown beside the award.")]
    released_on: (
        Annotated[Day, Field(description="Paris day from which the rest is available again; absent or null: today.")]
        | None
    ) = None


class AidClosing(Body):
    """From which day an aid is closed, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"closed_on": "2025-06-30", "reason": "Final cost certified."}]}
    )

    reason: Annotated[Reason, Field(description="What the closing rests on; it is shown beside the award.")]
    closed_on: (
        Annotated[
            Day,
            Field(description="Paris day of the closing: not before the completion; absent or null: today."),
        ]
        | None
    ) = None
    document_sha256: (
        Annotated[Sha256, Field(description="SHA-256 of the record of the closing, in lower-case hexadecimal.")] | None
    ) = None


FinalCents = Annotated[
    Cents | None,
    Field(
        description="Final amount in cents of euro, once the aid is closed: the award's share of the certified cost,"
        " rounded down, and cut where public aid would exceed the base. Null until then, and where the award is held"
        " by its amount alone."
    ),
]
