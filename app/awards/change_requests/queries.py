"""Reads of change requests."""

import json
from functools import cache
from typing import Any

from sqlalchemy import cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from app.access.models import Subject
from app.awards.change_requests import schemas
from app.awards.change_requests.models import ChangeRequest
from app.awards.change_requests.rules import ChangeRequestStatus
from app.awards.kinds import AwardKind
from app.core.db import compact
from app.core.reading.listing import Listing, any_of, at_least, at_most, json_array, updated_since
from app.core.values import Day

_requester, _decider = (Subject.__table__.alias(name) for name in ("requester", "decider"))
_c = ChangeRequest


def _as_read() -> Any:
    """The changes as they were asked, each with every field: those that came later are null in a request of before."""
    said = func.jsonb_array_elements(_c.changes).table_valued("value", with_ordinality="position").render_derived()
    nothing = dict.fromkeys(schemas.ChangeRead.model_fields)
    whole = literal_column(f"'{json.dumps(nothing)}'::jsonb", JSONB()).op("||")(cast(said.c.value, JSONB))
    return select(json_array(compact(whole), said.c.position)).select_from(said).scalar_subquery()


_changes = _as_read()


@cache
def change_requests_of(kind: AwardKind) -> Listing:
    """Change requests of the aid of an award of this instrument, whichever award they were asked of."""
    aid = kind.aid_named()
    return Listing(
        schema=schemas.ChangeRequest,
        rows=select(
            _c.id,
            _c.grant_id,
            _c.advance_id,
            _changes.label("changes"),
            _c.reason,
            _c.requested_on,
            _c.requested_by,
            _requester.c.name.label("requested_by_name"),
            _c.status,
            _c.decided_on,
            _c.decided_by,
            _decider.c.name.label("decided_by_name"),
            _c.reference,
            _c.document_sha256,
            _c.end_reason,
            _c.raised_cents,
            _c.lowered_cents,
            _c.version,
            _c.created_at,
            _c.updated_at,
        )
        .join(_requester, _requester.c.id == _c.requested_by)
        .outerjoin(_decider, _decider.c.id == _c.decided_by)
        .where(_c.aid_id == aid.scalar_subquery()),
        key=_c.id,
        version=_c.version,
        derived=True,
        parent=aid,
        filters={
            "status": any_of(_c.status, ChangeRequestStatus, "Any of these states."),
            "requested_from": at_least(_c.requested_on, Day, "Asked for on this day or later."),
            "requested_to": at_most(_c.requested_on, Day, "Asked for on this day or earlier."),
            "updated_since": updated_since(_c.updated_at),
        },
        sorts={"requested_on": _c.requested_on},
    )
