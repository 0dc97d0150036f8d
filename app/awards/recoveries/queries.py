"""Reads of recoveries. Grants are known by the name of their table: their domain imports this one."""

from typing import Any

from sqlalchemy import Text, case, column, func, select, table

from app.access.models import Subject
from app.awards.recoveries import schemas
from app.awards.recoveries.models import Recovery, RecoveryReceipt
from app.awards.recoveries.rules import OPEN, RecoveryCause, RecoveryStatus
from app.core.db import literals, param, paris_day
from app.core.reading.listing import Listing, any_of, at_least, at_most, equals, holds, updated_since
from app.core.values import Day, ShortLine, Siren
from app.envelopes.queries import amount_range
from app.envelopes.rules import ActStatus
from app.firms.models import Firm

_r, _e = Recovery, RecoveryReceipt
_opener, _orderer, _waiver, _recorder = (
    Subject.__table__.alias(name) for name in ("opener", "orderer", "waiver", "recorder")
)
_grants = table(
    "grants", column("id", _r.grant_id.type), column("territory", Text()), column("project_title", Text()),
    column("firm_siren", Text()),
)  # fmt: skip
_territory, _grant_id = param("territory", Text()), param("grant_id", _r.grant_id.type)

IS_OPEN: Any = _r.status.in_(literals(OPEN))
REMAINING: Any = case(
    (_r.status.in_(literals([RecoveryStatus.WITHDRAWN])), 0),
    else_=_r.amount_cents - _r.received_cents - _r.set_off_cents - _r.waived_cents - _r.planned_cents,
)
IS_OVERDUE: Any = _r.status.in_(literals([RecoveryStatus.ORDERED])) & (_r.due_on < paris_day(func.now()))
CAN_BE_ORDERED: Any = _r.status.in_(literals([RecoveryStatus.NOTIFIED])) & (_r.reply_until_on < paris_day(func.now()))

_columns = (
    select(
        _r.id,
        _r.grant_id,
        _grants.c.project_title,
        _grants.c.firm_siren.label("siren"),
        Firm.name.label("firm_name"),
        _r.cause,
        _r.amount_cents,
        _r.received_cents,
        _r.set_off_cents,
        _r.waived_cents,
        _r.planned_cents,
        REMAINING.label("remaining_cents"),
        _r.reason,
        _r.document_sha256,
        _r.of_closing,
        _r.opened_on,
        _r.opened_by,
        _opener.c.name.label("opened_by_name"),
        _r.notified_on,
        _r.reply_until_on,
        _r.replied_on,
        _r.order_number,
        _r.ordered_on,
        _r.due_on,
        _r.ordered_by,
        _orderer.c.name.label("ordered_by_name"),
        _r.status,
        _r.settled_as,
        _r.waived_on,
        _r.waiver_reference,
        _r.waiver_reason,
        _r.waived_by,
        _waiver.c.name.label("waived_by_name"),
        _r.end_reason,
        _r.version,
        _r.created_at,
        _r.updated_at,
    )
    .join(_grants, _grants.c.id == _r.grant_id)
    .join(Firm, Firm.siren == _grants.c.firm_siren)
    .join(_opener, _opener.c.id == _r.opened_by)
    .outerjoin(_orderer, _orderer.c.id == _r.ordered_by)
    .outerjoin(_waiver, _waiver.c.id == _r.waived_by)
    .where(_r.territory == _territory)
)
_filters = {
    "status": any_of(_r.status, RecoveryStatus, "Any of these states."),
    "cause": any_of(_r.cause, RecoveryCause, "For any of these causes."),
    "order_number": equals(_r.order_number, ShortLine, "The recovery with this order."),
    **amount_range(_r.amount_cents),
    "due_from": at_least(_r.due_on, Day, "Due on this day or later."),
    "due_to": at_most(_r.due_on, Day, "Due on this day or earlier."),
    "overdue": holds(IS_OVERDUE, "true: ordered, due before today and not settled; false: the others."),
    "can_be_ordered": holds(CAN_BE_ORDERED, "true: notified, and the time to reply has passed; false: the others."),
    "updated_since": updated_since(_r.updated_at),
}
_sorts = {"opened_on": _r.opened_on, "due_on": _r.due_on, "amount_cents": _r.amount_cents}

RECOVERIES = Listing(
    schema=schemas.Recovery,
    rows=_columns,
    key=_r.id,
    version=_r.version,
    derived=True,
    filters={**_filters, "siren": equals(_grants.c.firm_siren, Siren, "Recoveries from this firm.")},
    sorts=_sorts,
)
OF_A_GRANT = Listing(
    schema=schemas.Recovery,
    rows=_columns.where(_r.grant_id == _grant_id),
    key=_r.id,
    version=_r.version,
    derived=True,
    parent=select(_grants.c.id).where(_grants.c.territory == _territory, _grants.c.id == _grant_id),
    filters=_filters,
    sorts=_sorts,
)

_recovery_id = param("recovery_id", _r.id.type)
RECEIPTS = Listing(
    schema=schemas.RecoveryReceipt,
    rows=select(
        _e.id,
        _e.recovery_id,
        _r.order_number,
        _e.grant_id,
        _grants.c.project_title,
        _e.amount_cents,
        _e.received_on,
        _e.bank_reference,
        _e.status,
        _e.reason,
        _e.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _e.version,
        _e.created_at,
        _e.updated_at,
    )
    .join(_r, _r.id == _e.recovery_id)
    .join(_grants, _grants.c.id == _e.grant_id)
    .join(_recorder, _recorder.c.id == _e.recorded_by)
    .where(_e.territory == _territory, _e.grant_id == _grant_id, _e.recovery_id == _recovery_id),
    key=_e.id,
    version=_e.version,
    derived=True,
    parent=select(_r.id).where(_r.territory == _territory, _r.grant_id == _grant_id, _r.id == _recovery_id),
    filters={
        "status": any_of(_e.status, ActStatus, "Recorded, or reversed."),
        "bank_reference": equals(_e.bank_reference, ShortLine, "The receipt with this reference."),
        **amount_range(_e.amount_cents),
        "received_from": at_least(_e.received_on, Day, "Received on this day or later."),
        "received_to": at_most(_e.received_on, Day, "Received on this day or earlier."),
        "updated_since": updated_since(_e.updated_at),
    },
    sorts={"received_on": _e.received_on, "amount_cents": _e.amount_cents},
)
