"""Reads of advances."""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Date, ScalarSelect, Text, cast, func, literal_column, select, text

from app.access.models import Subject
from app.advances import schemas
from app.advances.models import Advance, AdvanceStatus, Repayment, RepaymentStatus, Tranche
from app.awards.models import STANDS
from app.awards.overrides.models import Override
from app.awards.queries import awards
from app.core.db import Statement, param
from app.core.reading.listing import (
    Column,
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    json_array,
    updated_since,
)
from app.core.values import Day, ShortLine
from app.core.writing.events import BEFORE, last_event, said
from app.envelopes.models import LedgerEntry
from app.envelopes.queries import amount_range, released
from app.envelopes.rules import ActStatus
from app.projects.models import AIDED

_territory = param("territory", Text())
_as_of = param("as_of", Date())
_a = Advance
_recorder = Subject.__table__.alias("recorder")
_override = Override.__table__.alias("override")

ADVANCES = awards(
    _a,
    schemas.Advance,
    "advance",
    AdvanceStatus,
    "disbursed_cents",
    _a.repaid_cents,
    (_a.disbursed_cents - _a.repaid_cents).label("outstanding_cents"),
    _a.terms,
    _a.planned_disbursement_on,
)

AIDED.append(
    select(
        _a.territory,
        _a.siren,
        _a.project_id,
        literal_column("'rebond_advance'").label("kind"),
        _a.id,
        (_a.amount_cents - _a.released_cents).label("amount_cents"),
        _a.decision_reference.label("reference"),
        (_a.status == AdvanceStatus.REPAID).label("ended"),
    ).where(text(STANDS))
)

_advance_id = param("advance_id", _a.id.type)
_parent = select(_a.id).where(_a.territory == _territory, _a.id == _advance_id)

_t = Tranche
TRANCHES = Listing(
    schema=schemas.Tranche,
    rows=select(
        _t.id,
        _t.advance_id,
        _t.amount_cents,
        _t.paid_on,
        _t.override_id,
        _override.c.code.label("override_code"),
        _t.status,
        _t.reason,
        _t.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _t.version,
        _t.created_at,
        _t.updated_at,
    )
    .join(_recorder, _recorder.c.id == _t.recorded_by)
    .outerjoin(_override, _override.c.id == _t.override_id)
    .where(_t.territory == _territory, _t.advance_id == _advance_id),
    key=_t.id,
    version=_t.version,
    derived=True,
    parent=_parent,
    filters={
        **amount_range(_t.amount_cents),
        "status": any_of(_t.status, ActStatus, "Recorded, or reversed."),
        "paid_from": at_least(_t.paid_on, Day, "Paid on this day or later."),
        "paid_to": at_most(_t.paid_on, Day, "Paid on this day or earlier."),
        "updated_since": updated_since(_t.updated_at),
    },
    sorts={"paid_on": _t.paid_on, "amount_cents": _t.amount_cents},
)

_r = Repayment
REPAYMENTS = Listing(
    schema=schemas.Repayment,
    rows=select(
        _r.id,
        _r.advance_id,
        _r.amount_cents,
        _r.received_on,
        _r.reference,
        _r.status,
        _r.reason,
        _r.bounced_on,
        _r.bank_reference,
        _r.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _r.version,
        _r.created_at,
        _r.updated_at,
    )
    .outerjoin(_recorder, _recorder.c.id == _r.recorded_by)
    .where(_r.territory == _territory, _r.advance_id == _advance_id),
    key=_r.id,
    version=_r.version,
    derived=True,
    parent=_parent,
    filters={
        **amount_range(_r.amount_cents),
        "status": any_of(_r.status, RepaymentStatus, "Recorded, sent back by the bank, or reversed."),
        "bank_reference": equals(_r.bank_reference, ShortLine, "The repayment sent back with this reference."),
        "bounced_from": at_least(_r.bounced_on, Day, "Sent back on this day or later."),
        "bounced_to": at_most(_r.bounced_on, Day, "Sent back on this day or earlier."),
        "reference": equals(_r.reference, ShortLine, "The repayment with this reference."),
        "received_from": at_least(_r.received_on, Day, "Received on this day or later."),
        "received_to": at_most(_r.received_on, Day, "Received on this day or earlier."),
        "updated_since": updated_since(_r.updated_at),
    },
    sorts={"received_on": _r.received_on, "amount_cents": _r.amount_cents},
)


@cache
def account(known: bool) -> Statement:
    """An advance's terms, and the tranches and repayments of the days up to `as_of` that count, in one row.

    It is what the schedule is made from. `known` limits it to what had been recorded by an instant: an act that was
    reversed or sent back later counts.
    """

    def moves(table: type[Tranche | Repayment], kind: str, day: Column) -> ScalarSelect[Any]:
        pair = func.json_build_array(day, table.amount_cents)
        rows = select(json_array(pair, day)).where(day <= _as_of)
        if not known:
            return rows.where(table.advance_id == _a.id, table.status == text("'recorded'")).scalar_subquery()
        then = last_event(kind, select(table.id).where(table.advance_id == _advance_id).subquery(f"{kind}_ids"))
        return (
            rows.join(then, then.c.id == table.id)
            .where(said(then, "status", Text()) == text("'recorded'"))
            .scalar_subquery()
        )

    _e = LedgerEntry
    releases = select(_e.debit, _e.credit, _e.amount_cents).where(_e.award_id == _advance_id, _e.effective_on <= _as_of)
    awards_made = [_a.territory == _territory, _a.id == _advance_id]
    if known:
        releases = releases.where(_e.recorded_at < BEFORE)
        awards_made.append(_a.created_at < BEFORE)
    entry = releases.subquery("release")
    return Statement(
        select(
            _a.id,
            (_a.decided_on <= _as_of).label("decided"),
            cast(_a.amount_cents - select(released(entry)).scalar_subquery(), BigInteger).label("awarded_cents"),
            func.coalesce(_a.planned_disbursement_on, _a.decided_on).label("planned_on"),
            cast(_a.terms, Text).label("terms"),
            cast(moves(Tranche, "advance_tranche", _t.paid_on), Text).label("tranches"),
            cast(moves(Repayment, "advance_repayment", _r.received_on), Text).label("repayments"),
        ).where(*awards_made)
    )
