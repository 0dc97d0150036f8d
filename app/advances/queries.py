"""Reads of advances."""

import json
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Date, Text, case, cast, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import JSONB

from app.access.models import Organisation, Subject
from app.advances import schemas
from app.advances.amendments.models import Turnover
from app.advances.arrears.facts import columns as surroundings
from app.advances.models import (
    Advance,
    AdvanceStatus,
    Repayment,
    RepaymentStatus,
    ScheduleLine,
    ScheduleVersion,
)
from app.advances.position import VersionCause
from app.advances.receipts.models import Refund
from app.advances.receipts.rules import RefundStatus
from app.advances.rules import AdvanceStage
from app.advances.tranches.models import Tranche
from app.awards.models import STANDS, Aid, AidAct, AidActRecord
from app.awards.queries import awards
from app.core.db import Statement, literals, param
from app.core.reading.listing import (
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    json_array,
    updated_since,
)
from app.core.values import Day, ShortLine, Uuid
from app.core.writing.events import BEFORE, last_event, said
from app.envelopes.models import LedgerEntry
from app.envelopes.queries import amount_range, released
from app.firms.models import Firm
from app.programme.models import Territory
from app.programme.national import national
from app.projects.models import AIDED

_territory = param("territory", Text())
_as_of = param("as_of", Date())
_advance = Advance
_recorder = Subject.__table__.alias("recorder")

# What terms say that were stored before they said it.
_said_since = schemas.Terms.model_construct().model_dump(mode="json", include=set(schemas.SAID_SINCE))
AGREED: Any = literal_column(f"'{json.dumps(_said_since)}'", JSONB())

_ended = _advance.ended_as.in_(literals([AdvanceStage.LAPSED, AdvanceStage.TERMINATED]))


def _stage(code: AdvanceStage) -> Any:
    return literal_column(f"'{code}'", Text())


STAGE: Any = case(
    (_advance.status == _stage(AdvanceStage.REVERSED), _stage(AdvanceStage.REVERSED)),
    ((_advance.status == _stage(AdvanceStage.CANCELLED)) & _ended, _advance.ended_as),
    (_advance.status == _stage(AdvanceStage.CANCELLED), _stage(AdvanceStage.CANCELLED)),
    (
        _advance.status.in_(literals([AdvanceStatus.REPAID, AdvanceStatus.CLOSED])),
        func.coalesce(_advance.settled_as, _stage(AdvanceStage.REPAID)),
    ),
    (_advance.status == literals([AdvanceStatus.REPAYING])[0], _stage(AdvanceStage.RUNNING)),
    (_advance.status == literals([AdvanceStatus.PAYING])[0], _stage(AdvanceStage.DISBURSING)),
    (Aid.agreed_on.is_not(None), _stage(AdvanceStage.AGREED)),
    else_=_stage(AdvanceStage.AWARDED),
)

ADVANCES = awards(
    _advance,
    schemas.Advance,
    "advance",
    AdvanceStatus,
    "disbursed_cents",
    _advance.repaid_cents,
    _advance.capitalised_cents,
    _advance.waived_cents,
    _advance.written_off_cents,
    _advance.outstanding_cents.label("outstanding_cents"),
    _advance.settled_as,
    _advance.accelerated_on,
    _advance.in_proceedings_on,
    _advance.written_off_on,
    AGREED.op("||", return_type=JSONB())(_advance.terms_in_force).label("terms"),
    _advance.planned_disbursement_on,
    in_flight=_advance.in_flight_cents,
    stage=STAGE,
    stages=AdvanceStage,
)
ALL_ADVANCES = national(ADVANCES, _advance.territory)

AIDED.append(
    select(
        _advance.territory,
        _advance.siren,
        _advance.project_id,
        literal_column("'rebond_advance'").label("kind"),
        _advance.id,
        _advance.holds_cents.label("amount_cents"),
        _advance.decision_reference.label("reference"),
        _advance.status.in_(literals([AdvanceStatus.REPAID, AdvanceStatus.CLOSED])).label("ended"),
    ).where(text(STANDS))
)

_advance_id = param("advance_id", _advance.id.type)
_parent = select(_advance.id).where(_advance.territory == _territory, _advance.id == _advance_id)

_repayment = Repayment
REPAYMENTS = Listing(
    schema=schemas.Repayment,
    rows=select(
        _repayment.id,
        _repayment.advance_id,
        _repayment.receipt_id,
        _repayment.amount_cents,
        _repayment.received_on,
        _repayment.value_on,
        _repayment.reference,
        _repayment.principal_cents,
        _repayment.interest_cents,
        _repayment.late_interest_cents,
        _repayment.fees_cents,
        _repayment.success_fee_cents,
        _repayment.overpaid_cents,
        _repayment.refunded_cents,
        _repayment.after_write_off,
        _repayment.choice,
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
        "receipt_id": equals(_repayment.receipt_id, Uuid, "The repayments of this receipt."),
        "reference": equals(_repayment.reference, ShortLine, "The repayment with this reference."),
        "received_from": at_least(_repayment.received_on, Day, "Received on this day or later."),
        "received_to": at_most(_repayment.received_on, Day, "Received on this day or earlier."),
        "updated_since": updated_since(_repayment.updated_at),
    },
    sorts={"received_on": _repayment.received_on, "amount_cents": _repayment.amount_cents},
)


@cache
def account(known: bool) -> Statement:
    """The facts of an advance's account, in one row: terms, tranches, repayments, and the versions of its schedule.

    `known` limits them to what had been recorded by an instant: an act that was reversed or sent back later counts.
    Each fact is an array in the order of `account.facts_of`.
    """
    a, v, each = _advance, ScheduleVersion, ScheduleLine
    of_it = [a.territory == _territory, a.id == _advance_id]
    released_then = select(LedgerEntry.debit, LedgerEntry.credit, LedgerEntry.amount_cents).where(
        LedgerEntry.award_id == _advance_id, LedgerEntry.effective_on <= _as_of
    )
    if known:
        released_then = released_then.where(LedgerEntry.recorded_at < BEFORE)
        of_it.append(a.created_at < BEFORE)

    def facts(table: Any, kind: str, day: Any, *values: Any, changing: tuple[Any, ...] = ()) -> Any:
        """The rows that stand. What `changing` says is told by the last event, where it matters what was known."""
        if not known:
            rows = select(table).where(table.advance_id == a.id, table.status == text("'recorded'"))
            found = [*values, *changing]
        else:
            then = last_event(kind, select(table.id).where(table.advance_id == _advance_id).subquery(f"{kind}_ids"))
            rows = select(table).join(then, then.c.id == table.id)
            rows = rows.where(said(then, "status", Text()) == text("'recorded'"))
            found = [*values, *(said(then, column.key, column.type) for column in changing)]
        items = json_array(func.json_build_array(table.id, day, table.amount_cents, *found), day, table.id)
        return cast(rows.with_only_columns(items).scalar_subquery(), Text)

    line = func.json_build_array(
        each.due_on, each.principal_cents, each.interest_cents, each.capitalised_cents, each.fees_cents,
        each.late_interest_cents, each.kept,
    )  # fmt: skip
    lines = select(json_array(line, each.position)).where(each.version_id == v.id).scalar_subquery()
    # What a closing took counts no more once the closing was taken back: it is then a version like any other.
    reopened = select(AidActRecord.id).where(
        AidActRecord.aid_id == a.aid_id,
        AidActRecord.act == literal_column(f"'{AidAct.REOPEN}'"),
        AidActRecord.recorded_at > v.recorded_at,
        *([AidActRecord.recorded_at < BEFORE] if known else []),
    )
    reduced: Any = literal_column(f"'{VersionCause.REDUCTION}'")
    cause = case(((v.cause == reduced) & reopened.exists(), literal_column(f"'{VersionCause.REPLAY}'")), else_=v.cause)
    version = func.json_build_array(
        v.id, v.number, v.from_on, cause, v.act_id, v.waived_cents, v.capitalised_cents, v.carried_interest_cents,
        v.carried_fees_cents, v.carried_late_interest_cents, v.interest_free_until_on, v.annual_rate_bp,
        v.recorded_at, lines,
    )  # fmt: skip
    versions = select(json_array(version, v.number)).where(v.advance_id == a.id)
    if known:
        versions = versions.where(v.recorded_at < BEFORE)
    written_off_on: Any = a.written_off_on
    if known:
        then = last_event("advance", select(_advance_id.label("id")).subquery("advance_ids"))
        written_off_on = select(said(then, "written_off_on", Date())).scalar_subquery()
    siren = select(a.siren).where(a.territory == _territory, a.id == _advance_id).scalar_subquery()
    return Statement(
        select(
            a.id,
            (a.decided_on <= _as_of).label("decided"),
            cast(
                a.amount_cents - select(released(released_then.subquery("release"))).scalar_subquery(), BigInteger
            ).label("awarded_cents"),
            func.coalesce(a.planned_disbursement_on, a.decided_on).label("planned_on"),
            cast(a.terms, Text).label("terms"),
            written_off_on.label("written_off_on"),
            facts(Tranche, "advance_tranche", Tranche.paid_on).label("tranches"),
            facts(
                Repayment, "advance_repayment", _repayment.value_on, _repayment.after_write_off,
                changing=(_repayment.refunded_cents, _repayment.choice),
            ).label("repayments"),
            cast(versions.scalar_subquery(), Text).label("versions"),
            _held_by_the_firm(known).label("held_refunds"),
            *surroundings(_advance_id, siren, known),
            facts(Turnover, "turnover", Turnover.due_on).label("charges"),
        ).where(*of_it)
    )  # fmt: skip


def _held_by_the_firm(known: bool) -> Any:
    """What was refunded of repayments that the bank has sent back since, by the days on which it went back."""
    f, r = Refund, Repayment
    refund_says, repayment_says = f.status, r.status
    refunds = select(f).join(r, r.id == f.repayment_id).where(r.advance_id == _advance_id)
    if known:
        of_advance = select(f.id).join(r, r.id == f.repayment_id).where(r.advance_id == _advance_id)
        refund = last_event("receipt_refund", of_advance.subquery("receipt_refund_ids"))
        repaid = select(r.id).where(r.advance_id == _advance_id).subquery("refunded_repayment_ids")
        repayment = last_event("advance_repayment", repaid)
        refunds = refunds.join(refund, refund.c.id == f.id).join(repayment, repayment.c.id == r.id)
        refund_says, repayment_says = said(refund, "status", Text()), said(repayment, "status", Text())
    held = refunds.where(
        refund_says == literals([RefundStatus.PAID])[0], repayment_says == literals([RepaymentStatus.BOUNCED])[0]
    )
    items = json_array(func.json_build_array(f.refunded_on, f.amount_cents), f.refunded_on, f.id)
    return cast(held.with_only_columns(items).scalar_subquery(), Text)


def _headed() -> Statement:
    a, f, o, t = Advance, Firm, Organisation, Territory
    return Statement(
        select(
            f.name.label("firm_name"), a.siren.label("siren"), a.project_title, a.decision_reference, a.decided_on,
            o.name.label("funder_name"), t.name.label("territory_name"),
        )
        .join(f, f.siren == a.siren)
        .join(o, o.id == a.funder_id)
        .join(t, t.slug == a.territory)
        .where(a.territory == _territory, a.id == _advance_id)
    )  # fmt: skip


# What stands above a statement on paper: whose advance it is, and who decided it.
HEADED = _headed()
