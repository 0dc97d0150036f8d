"""Reads of receipts and of their refunds."""

from typing import Any

from sqlalchemy import ColumnElement, Text, Uuid, case, column, exists, func, literal_column, select, table

from app.access.models import Subject
from app.advances.models import Advance, Repayment, RepaymentStatus
from app.advances.receipts import schemas
from app.advances.receipts.models import Receipt, Refund
from app.advances.receipts.rules import ReceiptMethod, ReceiptStatus, RefundStatus
from app.core.db import literals, param
from app.core.reading.listing import Filter, Listing, any_of, at_least, at_most, equals, holds, updated_since
from app.core.reading.query import Parameter
from app.core.values import Day, ShortLine, Siren
from app.core.values import Uuid as Id
from app.envelopes.queries import amount_range

_r, _f = Receipt, Refund
_recorder, _proposer, _approver = (Subject.__table__.alias(name) for name in ("recorder", "proposer", "approver"))
_territory = param("territory", Text())
# The accounts of organisations are the treasury's, which stands above advances.
_accounts = table("organisation_bank_accounts", column("id", Uuid()), column("label", Text()))

STANDS: Any = _r.status.in_(literals([ReceiptStatus.RECORDED, ReceiptStatus.RETURNED]))
UNASSIGNED: Any = case((STANDS, _r.unassigned_cents), else_=0)


def _proposed(*of_them: Any) -> Any:
    """What refunds of a receipt that are proposed have taken."""
    proposed: Any = _f.status == literals([RefundStatus.PROPOSED])[0]
    rows = select(func.coalesce(func.sum(_f.amount_cents), 0)).where(_f.receipt_id == _r.id, proposed, *of_them)
    return rows.correlate(_r).scalar_subquery()


# What waits for a person: a part that no advance has and nobody returns, and one that an advance has too much of and
# nobody gives back.
TO_ASSIGN: Any = (
    (_r.status == literals([ReceiptStatus.RECORDED])[0])
    & (_r.unassigned_cents > _r.returned_cents)
    & (_r.unassigned_cents - _r.returned_cents > _proposed(_f.repayment_id.is_(None)))
)
# Money that the bank sent back by the one entry that is known of it.
SENT_BACK: Any = (_r.status == literals([ReceiptStatus.BOUNCED])[0]) & (_r.reference == _r.bank_reference)
OVERPAID: Any = (_r.status == literals([ReceiptStatus.RECORDED])[0]) & (_r.overpaid_cents > _r.refunded_cents)
TO_REFUND: Any = OVERPAID & (_r.overpaid_cents - _r.refunded_cents > _proposed(_f.repayment_id.is_not(None)))
# Money that went back of a receipt that the bank has sent back since: its payer holds it, and has paid nothing.
TO_TAKE_BACK: Any = (
    (_r.status == literals([ReceiptStatus.BOUNCED])[0])
    & (_r.refunded_cents + _r.returned_cents > literal_column("0"))
    & (_f.status == literals([RefundStatus.PAID])[0])
)


def approvable_by(subject_id: Any) -> ColumnElement[bool]:
    """Proposed refunds that the subject neither proposed nor has awarded an advance of the receipt of."""
    each = Repayment.__table__.alias("each")
    awarded = exists().where(
        each.c.receipt_id == _f.receipt_id,
        each.c.status == literals([RepaymentStatus.RECORDED])[0],
        each.c.awarded_by == subject_id,
    )
    waits: ColumnElement[bool] = _f.status == literals([RefundStatus.PROPOSED])[0]
    waits &= (_f.proposed_by != subject_id) & ~awarded
    return waits


RECEIPTS = Listing(
    schema=schemas.Receipt,
    rows=select(
        _r.id,
        _r.account_id,
        _accounts.c.label.label("account_label"),
        _r.reference,
        _r.received_on,
        _r.value_on,
        _r.amount_cents,
        _r.method,
        _r.payer_name,
        _r.payer_siren,
        _r.status,
        _r.reason,
        _r.bounced_on,
        _r.bank_reference,
        _r.principal_cents,
        _r.interest_cents,
        _r.late_interest_cents,
        _r.fees_cents,
        _r.success_fee_cents,
        _r.overpaid_cents,
        UNASSIGNED.label("unassigned_cents"),
        (_r.refunded_cents + _r.returned_cents).label("refunded_cents"),
        _r.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _r.version,
        _r.created_at,
        _r.updated_at,
    )
    .outerjoin(_accounts, _accounts.c.id == _r.account_id)
    .outerjoin(_recorder, _recorder.c.id == _r.recorded_by)
    .where(_r.territory == _territory),
    key=_r.id,
    version=_r.version,
    derived=True,
    filters={
        **amount_range(_r.amount_cents),
        "status": any_of(_r.status, ReceiptStatus, "In any of these states."),
        "method": any_of(_r.method, ReceiptMethod, "Received in any of these ways."),
        "account_id": equals(_r.account_id, Id, "Receipts of this account."),
        "reference": equals(_r.reference, ShortLine, "The receipt with this reference."),
        "payer_siren": equals(_r.payer_siren, Siren, "Receipts from this payer."),
        "unassigned": holds(TO_ASSIGN, "true: a part waits to be assigned or returned; false: the others."),
        "to_refund": holds(
            TO_REFUND,
            "true: an advance has too much of it, and no refund of all that is proposed; false: the others.",
        ),
        "sent_back": holds(
            SENT_BACK, "true: the bank sent back money of which nothing else is known; false: the others."
        ),
        "received_from": at_least(_r.received_on, Day, "Received on this day or later."),
        "received_to": at_most(_r.received_on, Day, "Received on this day or earlier."),
        "updated_since": updated_since(_r.updated_at),
    },
    sorts={"received_on": _r.received_on, "amount_cents": _r.amount_cents},
)

_REFUNDS = (
    select(
        _f.id,
        _f.receipt_id,
        _r.reference.label("receipt_reference"),
        _f.repayment_id,
        Repayment.advance_id,
        Advance.decision_reference,
        _f.amount_cents,
        _f.reason,
        _f.status,
        _f.proposed_by,
        _proposer.c.name.label("proposed_by_name"),
        _f.approved_by,
        _approver.c.name.label("approved_by_name"),
        _f.refunded_on,
        _f.reference,
        _f.end_reason,
        _f.version,
        _f.created_at,
        _f.updated_at,
    )
    .join(_r, _r.id == _f.receipt_id)
    .outerjoin(Repayment, Repayment.id == _f.repayment_id)
    .outerjoin(Advance, Advance.id == Repayment.advance_id)
    .join(_proposer, _proposer.c.id == _f.proposed_by)
    .outerjoin(_approver, _approver.c.id == _f.approved_by)
    .where(_f.territory == _territory)
)
_OF_REFUNDS: dict[str, Filter] = {
    **amount_range(_f.amount_cents),
    "status": any_of(_f.status, RefundStatus, "In any of these states."),
    "to_take_back": holds(
        TO_TAKE_BACK,
        "true: paid, of money that the bank has sent back since, so that its payer holds it; false: the others.",
    ),
    "updated_since": updated_since(_f.updated_at),
}
ALL_REFUNDS = Listing(
    schema=schemas.Refund,
    rows=_REFUNDS,
    key=_f.id,
    version=_f.version,
    derived=True,
    filters={
        **_OF_REFUNDS,
        "receipt_id": equals(_f.receipt_id, Id, "Refunds of this receipt."),
        "approvable_by": Filter(
            Parameter(Id, "Proposed refunds that this subject can approve: who proposes one does not."),
            lambda name: approvable_by(param(name, _f.proposed_by.type)),
        ),
    },
    sorts={"amount_cents": _f.amount_cents, "refunded_on": _f.refunded_on},
)

_receipt_id = param("receipt_id", _f.receipt_id.type)
REFUNDS = Listing(
    schema=schemas.Refund,
    rows=_REFUNDS.where(_f.receipt_id == _receipt_id),
    key=_f.id,
    version=_f.version,
    derived=True,
    parent=select(_r.id).where(_r.territory == _territory, _r.id == _receipt_id),
    filters=_OF_REFUNDS,
    sorts={"amount_cents": _f.amount_cents, "refunded_on": _f.refunded_on},
)
