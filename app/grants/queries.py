"""Reads of grants."""

from sqlalchemy import literal_column, select, text

from app.awards.models import STANDS, AwardStatus
from app.awards.queries import awards
from app.awards.recoveries.models import Recovery
from app.awards.recoveries.queries import IS_OPEN
from app.grants import schemas
from app.grants.models import Grant
from app.programme.national import national
from app.projects.models import AIDED

_g = Grant

_in_recovery = select(Recovery.id).where(Recovery.grant_id == _g.id, IS_OPEN).exists()
GRANTS = awards(
    _g, schemas.Grant, "grant", AwardStatus, "paid_cents", _g.recovered_cents, _g.claimed_back_cents,
    _in_recovery.label("in_recovery"), in_flight=_g.in_flight_cents,
)  # fmt: skip
ALL_GRANTS = national(GRANTS, _g.territory)

AIDED.append(
    select(
        _g.territory,
        _g.siren,
        _g.project_id,
        literal_column("'rebond_grant'").label("kind"),
        _g.id,
        _g.holds_cents.label("amount_cents"),
        _g.decision_reference.label("reference"),
        (_g.status == AwardStatus.CLOSED).label("ended"),
    ).where(text(STANDS))
)
