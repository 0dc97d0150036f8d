"""Reads of amendments of advances."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, Text, case, cast, select

from app.access.models import Subject
from app.advances.amendments import schemas
from app.advances.amendments.models import Amendment, AnnouncedRepayment, Turnover
from app.advances.amendments.rules import AmendmentKind, AmendmentStatus, AnnouncedStatus
from app.advances.models import Advance, Repayment
from app.core.db import literals, param
from app.core.reading.listing import (
    Filter,
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    holds,
    updated_since,
)
from app.core.reading.query import Parameter
from app.core.values import Day, Siren, Uuid
from app.envelopes.rules import ActStatus
from app.firms.models import Firm

_requester, _finder, _decider = (Subject.__table__.alias(name) for name in ("requester", "finder", "decider"))
_a = Amendment
_territory, _advance_id = param("territory", Text()), param("advance_id", Advance.id.type)
_parent = select(Advance.id).where(Advance.territory == _territory, Advance.id == _advance_id)


def _asked(name: str, kind: Any = None) -> Any:
    text = _a.asked[name].astext
    return (cast(text, kind) if kind is not None else text).label(name)


def _replaced(name: str, kind: Any) -> Any:
    return cast(_a.decision["replaced"].astext, kind).label(name)


def _listing(kind: AmendmentKind, schema: Any, *columns: Any) -> Listing:
    return Listing(
        schema=schema,
        rows=select(
            _a.id,
            _a.advance_id,
            _a.reason,
            _a.requested_on,
            _a.requested_by,
            _requester.c.name.label("requested_by_name"),
            _a.status,
            _a.decided_on,
            _a.decided_by,
            _decider.c.name.label("decided_by_name"),
            _a.reference,
            _a.document_sha256,
            _a.end_reason,
            _a.before,
            _a.after,
            _a.version,
            _a.created_at,
            _a.updated_at,
            *columns,
        )
        .join(_requester, _requester.c.id == _a.requested_by)
        .outerjoin(_decider, _decider.c.id == _a.decided_by)
        .outerjoin(_finder, _finder.c.id == _a.found_by)
        .where(_a.territory == _territory, _a.advance_id == _advance_id, _a.kind == kind.value),
        key=_a.id,
        version=_a.version,
        derived=True,
        parent=_parent,
        filters={
            "status": any_of(_a.status, AmendmentStatus, "Any of these states."),
            "requested_from": at_least(_a.requested_on, Day, "Asked for on this day or later."),
            "requested_to": at_most(_a.requested_on, Day, "Asked for on this day or earlier."),
            "updated_since": updated_since(_a.updated_at),
        },
        sorts={"requested_on": _a.requested_on},
    )


AMENDMENTS: Mapping[AmendmentKind, Listing] = MappingProxyType(
    {
        AmendmentKind.RESCHEDULE: _listing(
            AmendmentKind.RESCHEDULE, schemas.Reschedule, _asked("kind"), _asked("due_on", Date()),
            _asked("first_on", Date()), _asked("instalments", Integer()), _asked("periods", Integer()),
            _asked("grace_kind"), _asked("late_interest"),
        ),
        AmendmentKind.WAIVER: _listing(
            AmendmentKind.WAIVER, schemas.Waiver, _a.found_on, _a.found_by, _finder.c.name.label("found_by_name"),
            _a.finding, _a.decision["waive"].astext.label("waive"), _a.decision["share"].astext.label("share"),
            _a.waived_cents,
        ),
        AmendmentKind.RATE_CHANGE: _listing(
            AmendmentKind.RATE_CHANGE, schemas.RateChange, _asked("annual_rate_bp", Integer()),
            _replaced("replaced_rate_bp", Integer()),
        ),
        AmendmentKind.AVAILABILITY_EXTENSION: _listing(
            AmendmentKind.AVAILABILITY_EXTENSION, schemas.AvailabilityExtension, _asked("available_until_on", Date()),
            _replaced("replaced_until_on", Date()),
        ),
        AmendmentKind.WRITE_OFF: _listing(
            AmendmentKind.WRITE_OFF, schemas.WriteOff, _asked("ground"), _asked("proof_sha256")
        ),
    }
)  # fmt: skip


def decidable_by(subject_id: Any) -> ColumnElement[bool]:
    """Requests that can be decided, a waiver once the failure is found, by a subject who did not ask for them."""
    ready: ColumnElement[bool] = case(
        (_a.kind == _waiver, _a.status == literals([AmendmentStatus.FOUND])[0]),
        else_=_a.status == literals([AmendmentStatus.REQUESTED])[0],
    )
    ready &= _a.requested_by != subject_id
    return ready


_waiver = literals([AmendmentKind.WAIVER])[0]
TO_FIND: ColumnElement[bool] = (_a.kind == _waiver) & (_a.status == literals([AmendmentStatus.REQUESTED])[0])
ALL_AMENDMENTS = Listing(
    schema=schemas.AdvanceAmendment,
    rows=select(
        _a.id,
        _a.advance_id,
        Advance.decision_reference,
        Advance.siren.label("siren"),
        Firm.name.label("firm_name"),
        _a.kind,
        _a.reason,
        _a.requested_on,
        _a.requested_by,
        _requester.c.name.label("requested_by_name"),
        _a.status,
        _a.decided_on,
        _a.decided_by,
        _decider.c.name.label("decided_by_name"),
        _a.reference,
        _a.end_reason,
        _a.version,
        _a.created_at,
        _a.updated_at,
    )
    .join(Advance, Advance.id == _a.advance_id)
    .join(Firm, Firm.siren == Advance.siren)
    .join(_requester, _requester.c.id == _a.requested_by)
    .outerjoin(_decider, _decider.c.id == _a.decided_by)
    .where(_a.territory == _territory),
    key=_a.id,
    version=_a.version,
    derived=True,
    filters={
        "advance_id": equals(_a.advance_id, Uuid, "Amendments of this advance."),
        "siren": equals(Advance.siren, Siren, "Amendments of advances to this firm."),
        "kind": any_of(_a.kind, AmendmentKind, "Of any of these kinds."),
        "status": any_of(_a.status, AmendmentStatus, "Any of these states."),
        "decidable_by": Filter(
            Parameter(Uuid, "Amendments that this subject did not ask for and can decide: who asks does not decide."),
            lambda name: decidable_by(param(name, _a.requested_by.type)),
        ),
        "to_find": holds(TO_FIND, "true: waivers whose failure is not found yet; false: the others."),
        "requested_from": at_least(_a.requested_on, Day, "Asked for on this day or later."),
        "requested_to": at_most(_a.requested_on, Day, "Asked for on this day or earlier."),
        "updated_since": updated_since(_a.updated_at),
    },
    sorts={"requested_on": _a.requested_on},
)

_announcer, _declarer = (Subject.__table__.alias(name) for name in ("announcer", "declarer"))
_e, _t, _repayment = AnnouncedRepayment, Turnover, Repayment.__table__.alias("repayment")
EARLY_REPAYMENTS = Listing(
    schema=schemas.AnnouncedRepayment,
    rows=select(
        _e.id,
        _e.advance_id,
        _e.amount_cents,
        _e.planned_on,
        _e.choice,
        _e.announced_by,
        _announcer.c.name.label("announced_by_name"),
        _e.status,
        _e.repayment_id,
        _repayment.c.reference.label("repayment_reference"),
        _e.end_reason,
        _e.version,
        _e.created_at,
        _e.updated_at,
    )
    .join(_announcer, _announcer.c.id == _e.announced_by)
    .outerjoin(_repayment, _repayment.c.id == _e.repayment_id)
    .where(_e.territory == _territory, _e.advance_id == _advance_id),
    key=_e.id,
    version=_e.version,
    derived=True,
    parent=_parent,
    filters={
        "status": any_of(_e.status, AnnouncedStatus, "Any of these states."),
        "planned_from": at_least(_e.planned_on, Day, "Planned for this day or later."),
        "planned_to": at_most(_e.planned_on, Day, "Planned for this day or earlier."),
        "updated_since": updated_since(_e.updated_at),
    },
    sorts={"planned_on": _e.planned_on},
)
TURNOVERS = Listing(
    schema=schemas.Turnover,
    rows=select(
        _t.id,
        _t.advance_id,
        _t.year,
        _t.turnover_cents,
        _t.amount_cents.label("fee_cents"),
        _t.due_on,
        _t.declared_by,
        _declarer.c.name.label("declared_by_name"),
        _t.status,
        _t.reason,
        _t.version,
        _t.created_at,
        _t.updated_at,
    )
    .join(_declarer, _declarer.c.id == _t.declared_by)
    .where(_t.territory == _territory, _t.advance_id == _advance_id),
    key=_t.id,
    version=_t.version,
    derived=True,
    parent=_parent,
    filters={
        "status": any_of(_t.status, ActStatus, "Recorded, or reversed."),
        "due_from": at_least(_t.due_on, Day, "Fee due on this day or later."),
        "due_to": at_most(_t.due_on, Day, "Fee due on this day or earlier."),
        "updated_since": updated_since(_t.updated_at),
    },
    sorts={"year": _t.year, "due_on": _t.due_on},
)
