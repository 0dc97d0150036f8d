"""Reads of collection runs and of their lines, and of what their file is written from."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Text, case, cast, func, literal_column, select

from app.access.models import Organisation, Subject
from app.advances.models import Advance
from app.advances.receipts.models import Receipt
from app.advances.receipts.rules import ReceiptStatus
from app.core.db import literals, param
from app.core.reading.listing import Listing, any_of, at_least, at_most, equals, updated_since
from app.core.values import Day, Siren, Uuid
from app.firms.bank_details.models import BankDetails, FirmIban
from app.firms.models import Firm
from app.treasury.accounts.models import BankAccount
from app.treasury.collections import schemas
from app.treasury.collections.models import CollectionRun, CollectionRunLine
from app.treasury.collections.rules import CollectionRunStatus, DebitOutcome
from app.treasury.mandates.models import Mandate

_r, _l, _m, _a, _e = CollectionRun, CollectionRunLine, Mandate, Advance, Receipt
_territory = param("territory", Text())
_run_id = param("collection_run_id", _r.id.type)
_maker, _reader, _canceller = (Subject.__table__.alias(name) for name in ("maker", "reader", "canceller"))


def _word(outcome: DebitOutcome) -> ColumnElement[str]:
    return literal_column(f"'{outcome}'", Text())


_outcome = case(
    (_l.ended_as.is_not(None), _l.ended_as),
    (_e.status.in_(literals([ReceiptStatus.BOUNCED])), _word(DebitOutcome.BOUNCED)),
    (_e.status.in_(literals([ReceiptStatus.REVERSED])), _word(DebitOutcome.REVERSED)),
    (_l.receipt_id.is_not(None), _word(DebitOutcome.COLLECTED)),
    else_=_word(DebitOutcome.SENT),
)


def _of_lines(outcomes: list[DebitOutcome], name: str) -> list[Any]:
    """The number and the cents of the run's lines with one of the outcomes."""
    lines = select(_l.id).outerjoin(_e, _e.id == _l.receipt_id)
    mine = lines.where(_l.run_id == _r.id, _outcome.in_(literals(outcomes))).correlate(_r)
    cents = cast(func.coalesce(func.sum(_l.amount_cents), literal_column("0")), BigInteger)
    return [
        mine.with_only_columns(cast(func.count(), Integer)).scalar_subquery().label(f"{name}_debits"),
        mine.with_only_columns(cents).scalar_subquery().label(f"{name}_cents"),
    ]


COLLECTIONS = Listing(
    schema=schemas.CollectionRun,
    rows=select(
        _r.id,
        _r.territory,
        _r.account_id,
        BankAccount.label.label("account_label"),
        BankAccount.organisation_id,
        Organisation.name.label("organisation_name"),
        BankAccount.iban_masked.label("iban"),
        _r.creditor_identifier,
        _r.due_to_on,
        _r.collection_on,
        _r.debits,
        _r.total_cents,
        *_of_lines([DebitOutcome.COLLECTED], "collected"),
        *_of_lines([DebitOutcome.BOUNCED, DebitOutcome.REJECTED], "returned"),
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
        "account_id": equals(_r.account_id, Uuid, "Runs to this account."),
        "status": any_of(_r.status, CollectionRunStatus, "In any of these states."),
        "collected_from": at_least(_r.collection_on, Day, "To be collected on this day or later."),
        "collected_to": at_most(_r.collection_on, Day, "To be collected on this day or earlier."),
        "updated_since": updated_since(_r.updated_at),
    },
    sorts={"due_to_on": _r.due_to_on, "collection_on": _r.collection_on, "total_cents": _r.total_cents},
)

# A line has the version of its run, one more once it has ended, and that of its receipt: what the bank made of it.
_line_version = cast(
    _r.version + func.coalesce(_e.version, 0) + cast(_l.ended_as.is_not(None), Integer), Integer
).label("version")  # fmt: skip
LINE_VERSION = select(_line_version).select_from(_l).join(_r, _r.id == _l.run_id).outerjoin(_e, _e.id == _l.receipt_id)

DEBITS = Listing(
    schema=schemas.CollectionRunLine,
    rows=select(
        _l.id,
        _l.run_id,
        _r.collection_on.label("run_collection_on"),
        _l.position,
        _l.advance_id,
        _a.decision_reference,
        _a.siren.label("siren"),
        Firm.name.label("firm_name"),
        _l.due_on,
        _l.mandate_id,
        _m.reference.label("mandate_reference"),
        BankDetails.iban_masked.label("iban"),
        _l.amount_cents,
        _l.text,
        _outcome.label("outcome"),
        _l.receipt_id,
        _e.reference.label("receipt_reference"),
        _l.rejected_on,
        func.coalesce(_l.rejection_reason, _e.reason).label("rejection_reason"),
        _line_version,
    )
    .join(_r, _r.id == _l.run_id)
    .join(_a, _a.id == _l.advance_id)
    .join(Firm, Firm.siren == _a.siren)
    .join(_m, _m.id == _l.mandate_id)
    .join(BankDetails, BankDetails.id == _m.bank_details_id)
    .outerjoin(_e, _e.id == _l.receipt_id)
    .where(_l.territory == _territory, _l.run_id == _run_id),
    key=_l.id,
    version=_line_version.element,
    derived=True,
    parent=select(_r.id).where(_r.territory == _territory, _r.id == _run_id),
    filters={
        "outcome": any_of(_outcome, DebitOutcome, "With any of these outcomes."),
        "siren": equals(_a.siren, Siren, "Debits of this firm."),
        "advance_id": equals(_l.advance_id, Uuid, "Instalments of this advance."),
    },
    sorts={"position": _l.position, "amount_cents": _l.amount_cents, "due_on": _l.due_on},
)

# What the file is written from: these columns of these rows never change.
COLLECTION = (
    select(
        _r.created_at,
        _r.collection_on,
        _r.creditor_name,
        _r.creditor_identifier,
        FirmIban.iban,
        BankAccount.iban_masked,
        _r.format,
    )
    .join(BankAccount, BankAccount.id == _r.account_id)
    .outerjoin(FirmIban, FirmIban.id == BankAccount.iban_id)
)
COLLECTED = (
    select(
        _l.id, _l.amount_cents, BankDetails.holder_name, FirmIban.iban, BankDetails.iban_masked, _l.text, _m.reference,
        _m.signed_on
    )
    .join(_m, _m.id == _l.mandate_id)
    .join(BankDetails, BankDetails.id == _m.bank_details_id)
    .outerjoin(FirmIban, FirmIban.id == BankDetails.iban_id)
    .order_by(_l.position)
)  # fmt: skip
