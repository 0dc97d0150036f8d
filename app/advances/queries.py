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
_advance = Advance
_recorder = Subject.__table__.alias("recorder")
_override = Override.__table__.alias("override")

ADVANCES = awards(
    _advance,
    schemas.Advance,
    "advance",
    AdvanceStatus,
    "disbursed_cents",
    _advance.repaid_cents,
    (_advance.disbursed_cents - _advance.repaid_cents).label("outstanding_cents"),
    _advance.terms,
    _advance.planned_disbursement_on,
)

AIDED.append(
    select(
        _advance.territory,
        _advance.siren,
        _advance.project_id,
        literal_column("'rebond_advance'").label("kind"),
        _advance.id,
        _advance.holds_cents.label("amount_cents"),
        _advance.decision_reference.label("reference"),
        (_advance.status == AdvanceStatus.REPAID).label("ended"),
    ).where(text(STANDS))
)

_advance_id = param("advance_id", _advance.id.type)
_parent = select(_advance.id).where(_advance.territory == _territory, _advance.id == _advance_id)

_tranche = Tranche
TRANCHES = Listing(
    schema=schemas.Tranche,
    rows=select(
        _tranche.id,
        _tranche.advance_id,
        _tranche.amount_cents,
        _tranche.paid_on,
        _tranche.override_id,
        _override.c.code.label("override_code"),
        _tranche.status,
        _tranche.reason,
        _tranche.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _tranche.version,
        _tranche.created_at,
        _tranche.updated_at,
    )
    .join(_recorder, _recorder.c.id == _tranche.recorded_by)
    .outerjoin(_override, _override.c.id == _tranche.override_id)
    .where(_tranche.territory == _territory, _tranche.advance_id == _advance_id),
    key=_tranche.id,
    version=_tranche.version,
    derived=True,
    parent=_parent,
    filters={
        **amount_range(_tranche.amount_cents),
        "status": any_of(_tranche.status, ActStatus, "Recorded, or reversed."),
        "paid_from": at_least(_tranche.paid_on, Day, "Paid on this day or later."),
        "paid_to": at_most(_tranche.paid_on, Day, "Paid on this day or earlier."),
        "updated_since": updated_since(_tranche.updated_at),
    },
    sorts={"paid_on": _tranche.paid_on, "amount_cents": _tranche.amount_cents},
)

_repayment = Repayment
REPAYMENTS = Listing(
    schema=schemas.Repayment,
    rows=select(
        _repayment.id,
        _repayment.advance_id,
        _repayment.amount_cents,
        _repayment.received_on,
        _repayment.reference,
        _repayment.status,
        _repayment.reason,
        _repayment.bounced_on,
        _repayment.bank_reference,
        _repayment.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _repayment.version,
        _repayment.created_at,
        _repayment.updated_at,
    )
    .outerjoin(_recorder, _recorder.c.id == _repayment.recorded_by)
    .where(_repayment.territory == _territory, _repayment.advance_id == _advance_id),
    key=_repayment.id,
    version=_repayment.version,
    derived=True,
    parent=_parent,
    filters={
        **amount_range(_repayment.amount_cents),
        "status": any_of(_repayment.status, RepaymentStatus, "Recorded, sent back by the bank, or reversed."),
        "bank_reference": equals(_repayment.bank_reference, ShortLine, "The repayment sent back with this reference."),
        "bounced_from": at_least(_repayment.bounced_on, Day, "Sent back on this day or later."),
        "bounced_to": at_most(_repayment.bounced_on, Day, "Sent back on this day or earlier."),
        "reference": equals(_repayment.reference, ShortLine, "The repayment with this reference."),
        "received_from": at_least(_repayment.received_on, Day, "Received on this day or later."),
        "received_to": at_most(_repayment.received_on, Day, "Received on this day or earlier."),
        "updated_since": updated_since(_repayment.updated_at),
    },
    sorts={"received_on": _repayment.received_on, "amount_cents": _repayment.amount_cents},
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
            return rows.where(table.advance_id == _advance.id, table.status == text("'recorded'")).scalar_subquery()
        then = last_event(kind, select(table.id).where(table.advance_id == _advance_id).subquery(f"{kind}_ids"))
        return (
            rows.join(then, then.c.id == table.id)
            .where(said(then, "status", Text()) == text("'recorded'"))
            .scalar_subquery()
        )

    _entry = LedgerEntry
    releases = select(_entry.debit, _entry.credit, _entry.amount_cents).where(
        _entry.award_id == _advance_id, _entry.effective_on <= _as_of
    )
    awards_made = [_advance.territory == _territory, _advance.id == _advance_id]
    if known:
        releases = releases.where(_entry.recorded_at < BEFORE)
        awards_made.append(_advance.created_at < BEFORE)
    entry = releases.subquery("release")
    return Statement(
        select(
            _advance.id,
            (_advance.decided_on <= _as_of).label("decided"),
            cast(_advance.amount_cents - select(released(entry)).scalar_subquery(), BigInteger).label("awarded_cents"),
            func.coalesce(_advance.planned_disbursement_on, _advance.decided_on).label("planned_on"),
            cast(_advance.terms, Text).label("terms"),
            cast(moves(Tranche, "advance_tranche", _tranche.paid_on), Text).label("tranches"),
            cast(moves(Repayment, "advance_repayment", _repayment.received_on), Text).label("repayments"),
        ).where(*awards_made)
    )
