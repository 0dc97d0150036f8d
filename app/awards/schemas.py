"""What travels about the award of an aid, whatever its instrument."""

from pydantic import ConfigDict

from app.core.schemas import Body
from app.core.values import Day, ExternalId, Line, PositiveCents, Reason, ShortLine, Siren


class AwardCreate(Body):
    """What every award decision says: to whom, for what, how much, decided when and by which act."""

    firm_siren: Siren
    project_title: Line
    amount_cents: PositiveCents
    decided_on: Day
    decision_reference: ShortLine
    external_id: ExternalId | None = None


class Release(Body):
    """Why what is not paid returns to the envelope, and from which day it counts (today where absent)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Final cost below the plan."}]})

    reason: Reason
    released_on: Day | None = None
