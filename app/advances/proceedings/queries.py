"""Reads of claims in proceedings: of a territory, and of one advance."""

from typing import Any

from sqlalchemy import Date, Text, and_, case, cast, func, literal_column, or_, select, text

from app.access.models import Subject
from app.advances.models import Advance
from app.advances.proceedings import schemas
from app.advances.proceedings.models import DebtClaim
from app.advances.proceedings.rules import CLAIM_MONTHS
from app.core.db import param, paris_day
from app.core.reading.listing import Listing, at_least, at_most, equals, holds, updated_since
from app.core.values import Day, Siren, Uuid
from app.firms.models import Firm, Proceeding, ProceedingKind

_c, _a, _p = DebtClaim, Advance, Proceeding
_declarer = Subject.__table__.alias("declarer")
_territory = param("territory", Text())
_advance_id = param("advance_id", _a.id.type)

CLAIM_BY_ON: Any = cast(_p.noticed_on + text(f"interval '{CLAIM_MONTHS} months'"), Date)
_DUE_ON: Any = func.coalesce(_p.continued_until_on, _p.opened_on)
_MADE_DUE: Any = case(
    (
        and_(
            _p.kind == literal_column(f"'{ProceedingKind.LIQUIDATION}'"),
            or_(_p.closed_on.is_(None), _p.closed_on >= _DUE_ON),
        ),
        _DUE_ON,
    )
)
OWED: Any = text("0") < _a.outstanding_cents
# To be declared: the proceeding goes on, and nothing was declared.
TO_DECLARE: Any = and_(
    _c.declared_on.is_(None), OWED,
    or_(_p.closed_on.is_(None), _p.closed_on > paris_day(func.now())),
)  # fmt: skip

_rows = (
    select(
        _c.id,
        _c.territory,
        _c.advance_id,
        _a.decision_reference,
        _a.siren.label("siren"),
        Firm.name.label("firm_name"),
        _c.proceeding_id,
        _p.kind.label("proceeding_kind"),
        _p.opened_on.label("proceeding_opened_on"),
        _p.noticed_on.label("proceeding_noticed_on"),
        _p.closed_on.label("proceeding_closed_on"),
        _p.ended_by,
        _MADE_DUE.label("due_on"),
        CLAIM_BY_ON.label("claim_by_on"),
        _a.outstanding_cents.label("outstanding_cents"),
        _c.declared_on,
        (_c.declared_on > CLAIM_BY_ON).label("late"),
        _c.amount_cents,
        _c.proof_sha256,
        _c.admitted_on,
        _c.admitted_cents,
        _c.planned_on,
        _c.plan_sha256,
        _c.declared_by,
        _declarer.c.name.label("declared_by_name"),
        _c.version,
        _c.created_at,
        _c.updated_at,
    )
    .join(_a, _a.id == _c.advance_id)
    .join(Firm, Firm.siren == _a.siren)
    .join(_p, _p.id == _c.proceeding_id)
    .outerjoin(_declarer, _declarer.c.id == _c.declared_by)
    .where(_c.territory == _territory)
)
_filters = {
    "to_declare": holds(TO_DECLARE, "true: to be declared, for the proceeding goes on; false: the others."),
    "claim_by_from": at_least(CLAIM_BY_ON, Day, "To be declared by this day or later."),
    "claim_by_to": at_most(CLAIM_BY_ON, Day, "To be declared by this day or earlier."),
    "proceeding_id": equals(_c.proceeding_id, Uuid, "In this proceeding."),
    "updated_since": updated_since(_c.updated_at),
}
_sorts = {"claim_by_on": CLAIM_BY_ON, "declared_on": _c.declared_on}

DEBT_CLAIMS = Listing(
    schema=schemas.DebtClaim,
    rows=_rows,
    key=_c.id,
    version=_c.version,
    derived=True,
    filters={
        **_filters,
        "siren": equals(_a.siren, Siren, "For advances to this firm."),
        "advance_id": equals(_c.advance_id, Uuid, "For this advance."),
    },
    sorts=_sorts,
)
ADVANCE_DEBT_CLAIMS = Listing(
    schema=schemas.DebtClaim,
    rows=_rows.where(_c.advance_id == _advance_id),
    key=_c.id,
    version=_c.version,
    derived=True,
    parent=select(_a.id).where(_a.territory == _territory, _a.id == _advance_id),
    filters=_filters,
    sorts=_sorts,
)
