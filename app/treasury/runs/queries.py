"""Reads of payment runs and of their lines, and of what their file is written from."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Text, case, cast, func, literal_column, select

from app.access.models import Organisation, Subject
from app.advances.models import Advance
from app.advances.tranches.models import Tranche
from app.awards.payments.rules import PaymentStatus
from app.core.db import literals, param
from app.core.reading.listing import Listing, any_of, at_least, at_most, equals, updated_since
from app.core.values import Day, Siren, Uuid
from app.firms.bank_details.models import BankDetails, FirmIban
from app.firms.models import Firm
from app.grants.models import Grant
from app.grants.payments.models import GrantPayment
from app.treasury.accounts.models import BankAccount
from app.treasury.runs import schemas
from app.treasury.runs.models import PaymentRun, PaymentRunLine
from app.treasury.runs.rules import LineOutcome, PaymentRunStatus

_r, _l, _p, _g, _t, _a = PaymentRun, PaymentRunLine, GrantPayment, Grant, Tranche, Advance
_territory = param("territory", Text())
_run_id = param("run_id", _r.id.type)
_maker, _reader, _canceller = (Subject.__table__.alias(name) for name in ("maker", "reader", "canceller"))


def _word(outcome: LineOutcome) -> ColumnElement[str]:
    return literal_column(f"'{outcome}'", Text())


# A line sends a payment of a grant or a tranche of an advance.
_status = func.coalesce(_p.status, _t.status)
_version = func.coalesce(_p.version, _t.version)
_is_paid = _l.ended_as.is_(None) & _status.in_(literals([PaymentStatus.RECORDED]))
_outcome = case(
    (_l.ended_as.is_not(None), _l.ended_as),
    (_is_paid, _word(LineOutcome.PAID)),
    (_status.in_(literals([PaymentStatus.REVERSED])), _word(LineOutcome.REVERSED)),
    else_=_word(LineOutcome.SENT),
)


def _of_lines(condition: ColumnElement[bool], name: str) -> list[Any]:
    """The number and the cents of the run's lines that satisfy a condition."""
    sent = select(_l.id).outerjoin(_p, _p.id == _l.payment_id).outerjoin(_t, _t.id == _l.tranche_id)
    lines = sent.where(_l.run_id == _r.id, condition).correlate(_r)
    cents = cast(func.coalesce(func.sum(_l.amount_cents), literal_column("0")), BigInteger)
    return [
        lines.with_only_columns(cast(func.count(), Integer)).scalar_subquery().label(f"{name}_payments"),
        lines.with_only_columns(cents).scalar_subquery().label(f"{name}_cents"),
    ]


RUNS = Listing(
    schema=schemas.PaymentRun,
    rows=select(
        _r.id,
        _r.territory,
        _r.account_id,
        BankAccount.label.label("account_label"),
        BankAccount.organisation_id,
        Organisation.name.label("organisation_name"),
        BankAccount.iban_masked.label("iban"),
        _r.cut_off_on,
        _r.execution_on,
        _r.payments,
        _r.total_cents,
        *_of_lines(_is_paid, "paid"),
        *_of_lines(_l.ended_as.in_(literals([LineOutcome.REJECTED])), "rejected"),
        _r.format,
        _r.size_bytes,
        _r.status,
        _r.made_by,
        _maker.c.name.label("made_by_name"),
        _r.handed_over_by,
        _reader.c.name.label("handed_over_by_name"),
        _r.handed_over_at,
        _r.cancelled_by,
        _canceller.c.name.label("cancelled_by_name"),
        _r.cancelled_at,
        _r.reason,
        _r.version,
        _r.created_at,
        _r.updated_at,
    )
    .join(BankAccount, BankAccount.id == _r.account_id)
    .join(Organisation, Organisation.id == BankAccount.organisation_id)
    .join(_maker, _maker.c.id == _r.made_by)
    .outerjoin(_reader, _reader.c.id == _r.handed_over_by)
    .outerjoin(_canceller, _canceller.c.id == _r.cancelled_by)
    .where(_r.territory == _territory),
    key=_r.id,
    version=_r.version,
    derived=True,
    filters={
        "account_id": equals(_r.account_id, Uuid, "Runs from this account."),
        "status": any_of(_r.status, PaymentRunStatus, "In any of these states."),
        "executed_from": at_least(_r.execution_on, Day, "Executed on this day or later."),
        "executed_to": at_most(_r.execution_on, Day, "Executed on this day or earlier."),
        "updated_since": updated_since(_r.updated_at),
    },
    sorts={"cut_off_on": _r.cut_off_on, "execution_on": _r.execution_on, "total_cents": _r.total_cents},
)

LINES = Listing(
    schema=schemas.PaymentRunLine,
    rows=select(
        _l.id,
        _l.run_id,
        _r.cut_off_on.label("run_cut_off_on"),
        _l.position,
        _l.payment_id,
        _l.tranche_id,
        func.coalesce(_p.reference, _t.reference).label("payment_reference"),
        _p.grant_id,
        _t.advance_id,
        func.coalesce(_g.decision_reference, _a.decision_reference).label("decision_reference"),
        BankDetails.siren.label("siren"),
        Firm.name.label("firm_name"),
        BankDetails.holder_name,
        _l.bank_details_id,
        BankDetails.iban_masked.label("iban"),
        _l.amount_cents,
        _l.text,
        _outcome.label("outcome"),
        _l.rejected_on,
        _l.reason_code,
        _l.rejection_reason,
        _version.label("version"),
    )
    .join(_r, _r.id == _l.run_id)
    .outerjoin(_p, _p.id == _l.payment_id)
    .outerjoin(_g, _g.id == _p.grant_id)
    .outerjoin(_t, _t.id == _l.tranche_id)
    .outerjoin(_a, _a.id == _t.advance_id)
    .join(BankDetails, BankDetails.id == _l.bank_details_id)
    .join(Firm, Firm.siren == BankDetails.siren)
    .where(_l.territory == _territory, _l.run_id == _run_id),
    key=_l.id,
    version=_version,
    derived=True,
    parent=select(_r.id).where(_r.territory == _territory, _r.id == _run_id),
    filters={
        "outcome": any_of(_outcome, LineOutcome, "With any of these outcomes."),
        "siren": equals(BankDetails.siren, Siren, "Payments to this firm."),
    },
    sorts={"position": _l.position, "amount_cents": _l.amount_cents},
)

# What the file is written from: these columns of these rows never change.
ORDER = (
    select(_r.created_at, _r.execution_on, _r.payer_name, FirmIban.iban, BankAccount.iban_masked, _r.format)
    .join(BankAccount, BankAccount.id == _r.account_id)
    .outerjoin(FirmIban, FirmIban.id == BankAccount.iban_id)
)
TRANSFERS = (
    select(_l.id, _l.amount_cents, BankDetails.holder_name, FirmIban.iban, BankDetails.iban_masked, _l.text)
    .join(BankDetails, BankDetails.id == _l.bank_details_id)
    .outerjoin(FirmIban, FirmIban.id == BankDetails.iban_id)
    .order_by(_l.position)
)
