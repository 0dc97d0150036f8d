"""Reads of overrides."""

from typing import Any

from sqlalchemy import ColumnElement, Text, case, func, literal_column, or_, select

from app.access.models import Subject
from app.awards.overrides import schemas
from app.awards.overrides.models import Override
from app.awards.overrides.rules import LiftedRule, OverrideState, OverrideStatus
from app.core.db import literals, param, paris_day
from app.core.reading.listing import Filter, Listing, any_of, at_least, at_most, equals, updated_since
from app.core.reading.query import Parameter
from app.core.values import Day, Siren, Uuid
from app.firms.models import Firm

_o = Override
_proposer = Subject.__table__.alias("proposer")
_decider = Subject.__table__.alias("decider")
_today = paris_day(func.now())
_open = or_(*(_o.status == status for status in literals((OverrideStatus.PROPOSED, OverrideStatus.APPROVED))))
STATE: Any = case(
    (_open & (_o.valid_until_on < _today), literal_column(f"'{OverrideState.EXPIRED}'", Text())), else_=_o.status
)


def decidable_by(subject_id: Any) -> ColumnElement[bool]:
    """Overrides that the subject did not propose."""
    others: ColumnElement[bool] = _o.proposed_by != subject_id
    return others


OVERRIDES = Listing(
    schema=schemas.Override,
    rows=select(
        _o.id,
        _o.territory,
        _o.siren.label("siren"),
        Firm.name.label("firm_name"),
        _o.code,
        _o.reason,
        _o.valid_until_on,
        STATE.label("status"),
        _o.proposed_by,
        _proposer.c.name.label("proposed_by_name"),
        _o.decided_by,
        _decider.c.name.label("decided_by_name"),
        _o.decided_at,
        _o.end_reason,
        _o.used_by_type,
        _o.used_by_id,
        _o.used_on,
        _o.version,
        _o.created_at,
        _o.updated_at,
    )
    .join(Firm, Firm.siren == _o.siren)
    .join(_proposer, _proposer.c.id == _o.proposed_by)
    .outerjoin(_decider, _decider.c.id == _o.decided_by)
    .where(_o.territory == param("territory", Text())),
    key=_o.id,
    version=_o.version,
    derived=True,
    filters={
        "decidable_by": Filter(
            Parameter(Uuid, "Overrides that this subject did not propose: who proposes one does not decide on it."),
            lambda name: decidable_by(param(name, _o.proposed_by.type)),
        ),
        "status": any_of(STATE, OverrideState, "Any of these states, on this day."),
        "code": any_of(_o.code, LiftedRule, "Overrides of any of these rules."),
        "siren": equals(_o.siren, Siren, "Overrides for this firm."),
        "valid_until_from": at_least(_o.valid_until_on, Day, "Valid until this day or a later one."),
        "valid_until_to": at_most(_o.valid_until_on, Day, "Valid until this day or an earlier one."),
        "updated_since": updated_since(_o.updated_at),
    },
    sorts={"valid_until_on": _o.valid_until_on, "updated_at": _o.updated_at},
)
