"""Reads of grants."""

from sqlalchemy import literal_column, select, text

from app.awards.models import STANDS, AwardStatus
from app.awards.queries import awards
from app.grants import schemas
from app.grants.models import Grant
from app.projects.models import AIDED

_g = Grant

GRANTS = awards(_g, schemas.Grant, "grant", AwardStatus, "paid_cents", in_flight=_g.in_flight_cents)

AIDED.append(
    select(
        _g.territory,
        _g.siren,
        _g.project_id,
        literal_column("'rebond_grant'").label("kind"),
        _g.id,
        (_g.amount_cents - _g.released_cents).label("amount_cents"),
        _g.decision_reference.label("reference"),
        (_g.status == AwardStatus.CLOSED).label("ended"),
    ).where(text(STANDS))
)
