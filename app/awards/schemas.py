"""What travels about the award of an aid, whatever its instrument."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.core.schemas import Body
from app.core.values import Cents, Day, ExternalId, Line, PositiveCents, Reason, ShortLine, Siren, Uuid

# What grants and advances say alike.
ProjectTitle = Annotated[str, Field(description="What the aid pays for, as the decision words it.")]
ProjectId = Annotated[
    UUID | None,
    Field(description="The project that the aid pays for; null of awards from before the territory was served here."),
]
CommitteeId = Annotated[UUID | None, Field(description="The meeting that decided; null: none is named.")]
CommitteeOn = Annotated[date | None, Field(description="Paris day on which that meeting was held; null as the id is.")]
DecidedOn = Annotated[date, Field(description="Paris day of the decision: from this day the amount is committed.")]
DecisionReference = Annotated[str, Field(description="Reference of the decision, once per territory and kind of aid.")]
AwardedCents = Annotated[Cents, Field(description="Cents of euro awarded. It never changes.")]
EndReason = Annotated[
    str | None,
    Field(description="Why the award was released or reversed; null where it was neither, or closed by its balance."),
]


OverrideId = Annotated[
    Uuid, Field(description="Approved override that lifts the rule by which the act would be refused; it serves once.")
]


class AwardCreate(Body):
    """What every award decision says: to whom, for what, how much, on which day and by which act."""

    siren: Annotated[Siren, Field(description="SIREN of the firm that receives the aid; it must be in the register.")]
    project_id: (
        Annotated[
            Uuid,
            Field(
                description="The project that the aid pays for: one of the territory, held by the firm, filed with the"
                " programme. Required unless the decision is older than `served_since_on` of the territory."
            ),
        ]
        | None
    ) = None
    project_title: Annotated[Line, Field(description="What the aid pays for, as the decision words it.")]
    committee_id: (
        Annotated[Uuid, Field(description="The meeting that decided, held on the day of the decision at the latest.")]
        | None
    ) = None
    amount_cents: Annotated[
        PositiveCents, Field(description="Cents of euro to commit; at most what the envelope has available.")
    ]
    decided_on: Annotated[
        Day, Field(description="Paris day of the decision, from which the amount is committed; today at the latest.")
    ]
    decision_reference: Annotated[
        ShortLine, Field(description="Reference of the decision, once per territory and kind of aid.")
    ]
    external_id: ExternalId | None = None
    override_id: OverrideId | None = None


class Release(Body):
    """Why what is not paid returns to the envelope, and from which day it counts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Final cost below the plan."}]})

    reason: Annotated[Reason, Field(description="Why the rest is no longer needed; it is shown beside the award.")]
    released_on: (
        Annotated[Day, Field(description="Paris day from which the rest is available again; absent or null: today.")]
        | None
    ) = None
