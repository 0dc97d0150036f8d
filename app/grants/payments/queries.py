"""Reads of payments of grants, and what the conditions of one look at."""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Date, Integer, Text, cast, exists, func, literal_column, select, text

from app.access.models import Subject
from app.awards.holders import holder_on
from app.awards.overrides.models import Override
from app.awards.overrides.rules import LiftedRule
from app.awards.recoveries.models import Recovery
from app.core.db import Statement, driver_connection, flush, literals, param
from app.core.reading.listing import Filter, Listing, any_of, at_least, at_most, equals, holds, updated_since
from app.core.reading.query import Parameter
from app.core.values import Day, ShortLine, Siren, Uuid
from app.core.writing.writes import Write
from app.envelopes.queries import amount_range
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.rules import BankDetailsStatus
from app.firms.certificates.models import CertificateKind, FirmCertificate
from app.firms.certificates.queries import counts_longest
from app.firms.models import Firm
from app.firms.queries import in_proceedings
from app.grants.models import Grant
from app.grants.payments import schemas
from app.grants.payments.models import GrantPayment
from app.grants.payments.rules import COUNTED, PaymentKind, PaymentStatus
from app.programme.models import Territory, TerritoryStatus

_p = GrantPayment
_g = Grant
_territory = param("territory", Text())
_grant_id = param("grant_id", _g.id.type)
_override = Override.__table__.alias("override")
_proposer, _approver, _recorder, _seer = (
    Subject.__table__.alias(name) for name in ("proposer", "approver", "recorder", "seer")
)


def approvable_by(subject_id: Any) -> ColumnElement[bool]:
    """Proposals of which the subject has neither decided the aid, nor proposed them, nor made the bank details."""
    took_part = (_p.awarded_by, _p.proposed_by, _p.details_proposed_by, _p.details_decided_by)
    others: ColumnElement[bool] = _p.status.in_(literals([PaymentStatus.PROPOSED]))
    for author in took_part:
        others &= author != subject_id
    return others


def to_see_by(subject_id: Any) -> ColumnElement[bool]:
    """Payments that exceed something, that nobody has seen, and that the subject did not record."""
    unseen: ColumnElement[bool] = _exceeds & _p.seen_by.is_(None) & (_p.recorded_by != subject_id)
    return unseen


# The firm that is paid: the aid can have passed to another one since.
_siren = func.coalesce(BankDetails.siren, holder_on(_g, func.coalesce(_p.paid_on, literal_column("'infinity'::date"))))
_exceeds = _p.exceeds != text("'{}'")
_ROWS = (
    select(
        _p.id,
        _p.territory,
        _p.grant_id,
        _g.decision_reference,
        _siren.label("siren"),
        Firm.name.label("firm_name"),
        _p.amount_cents,
        _p.set_off_cents,
        _p.set_off_recovery_id,
        Recovery.order_number.label("set_off_order_number"),
        (_p.amount_cents - func.coalesce(_p.set_off_cents, 0)).label("transfer_cents"),
        _p.planned_on,
        _p.paid_on,
        _p.kind,
        _p.reference,
        _p.override_id,
        _override.c.code.label("override_code"),
        _p.bank_details_id,
        BankDetails.iban_masked.label("iban"),
        _p.status,
        _p.reason,
        _p.proposed_by,
        _proposer.c.name.label("proposed_by_name"),
        _p.approved_by,
        _approver.c.name.label("approved_by_name"),
        _p.sent_on,
        _p.rejected_on,
        _p.rejection_reason,
        _p.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        _p.exceeds,
        _p.seen_by,
        _seer.c.name.label("seen_by_name"),
        _p.seen_at,
        _p.version,
        _p.created_at,
        _p.updated_at,
    )
    .join(_g, _g.id == _p.grant_id)
    .outerjoin(BankDetails, BankDetails.id == _p.bank_details_id)
    .join(Firm, Firm.siren == _siren)
    .outerjoin(_proposer, _proposer.c.id == _p.proposed_by)
    .outerjoin(_approver, _approver.c.id == _p.approved_by)
    .outerjoin(_recorder, _recorder.c.id == _p.recorded_by)
    .outerjoin(_seer, _seer.c.id == _p.seen_by)
    .outerjoin(_override, _override.c.id == _p.override_id)
    .outerjoin(Recovery, Recovery.id == _p.set_off_recovery_id)
    .where(_p.territory == _territory)
)
REJECTED: ColumnElement[bool] = _p.rejected_on.is_not(None) & _p.status.in_(
    literals([PaymentStatus.PROPOSED, PaymentStatus.APPROVED])
)
_FILTERS = {
    "kind": any_of(_p.kind, PaymentKind, "Any of these kinds."),
    **amount_range(_p.amount_cents),
    "status": any_of(_p.status, PaymentStatus, "In any of these states."),
    "paid_from": at_least(_p.paid_on, Day, "Paid on this day or later."),
    "paid_to": at_most(_p.paid_on, Day, "Paid on this day or earlier."),
    "reference": equals(_p.reference, ShortLine, "The payment with this reference."),
    "rejected": holds(
        REJECTED, "true for payments that the bank rejected and that wait to be sent again, false for the others."
    ),
    "exceeding": holds(_exceeds, "true for payments that exceed something, false for the others."),
    "updated_since": updated_since(_p.updated_at),
}
_SORTS = {"paid_on": _p.paid_on, "planned_on": _p.planned_on, "amount_cents": _p.amount_cents}

# Of one grant, and of all grants of the territory.
PAYMENTS = Listing(
    schema=schemas.Payment,
    rows=_ROWS.where(_p.grant_id == _grant_id),
    key=_p.id,
    version=_p.version,
    derived=True,
    parent=select(_g.id).where(_g.territory == _territory, _g.id == _grant_id),
    filters=_FILTERS,
    sorts=_SORTS,
)
ALL_PAYMENTS = Listing(
    schema=schemas.Payment,
    rows=_ROWS,
    key=_p.id,
    version=_p.version,
    derived=True,
    filters={
        **_FILTERS,
        "siren": equals(_siren, Siren, "Payments to this firm."),
        "approvable_by": Filter(
            Parameter(
                Uuid,
                "Proposals that this subject may approve: it did not award the grant, propose the payment, or propose"
                " or approve the bank details.",
            ),
            lambda name: approvable_by(param(name, _p.id.type)),
        ),
        "to_see_by": Filter(
            Parameter(
                Uuid, "Payments that exceed something, that nobody has seen and that this subject did not record."
            ),
            lambda name: to_see_by(param(name, _p.id.type)),
        ),
    },
    sorts=_SORTS,
)


# --- what a payment is judged by --------------------------------------------------------------------------------------


class Known(NamedTuple):
    """What is known of a grant's other payments, of its territory and of its firm, on a day."""

    advance_payments_cents: int  # paid or in flight, as the next one
    interim_payments_cents: int
    bound: int  # payments that are approved, sent or recorded
    withdrawn: bool
    proceedings_open: bool
    lifted: bool  # an override that lifts proceedings is the payment's own
    payee_approved: bool
    tax_until_on: date | None
    social_until_on: date | None


def _known() -> Statement:
    payment_id, on, days = param("payment_id", _p.id.type), param("on", Date()), param("certificate_days", Integer())
    others = (_p.grant_id == _g.id, _p.id.is_distinct_from(payment_id), _p.status.in_(literals(COUNTED)))

    def summed(kind: PaymentKind) -> Any:
        cents = select(cast(func.coalesce(func.sum(_p.amount_cents), text("0")), BigInteger))
        return cents.where(*others, _p.kind.in_(literals([kind]))).correlate(_g).scalar_subquery()

    def until_on(kind: CertificateKind) -> Any:
        mine = (FirmCertificate.territory == _g.territory) & (FirmCertificate.siren == _g.siren)
        counting = counts_longest(mine, kind, days, on).correlate(_g).subquery(f"{kind}_certificate")
        return select(counting.c.until_on).scalar_subquery()

    bound = literals([PaymentStatus.APPROVED, PaymentStatus.SENT, PaymentStatus.RECORDED])
    return Statement(
        select(
            summed(PaymentKind.ADVANCE_PAYMENT).label("advance_payments_cents"),
            summed(PaymentKind.INTERIM_PAYMENT).label("interim_payments_cents"),
            select(func.count(_p.id))
            .where(*others, _p.status.in_(bound))
            .correlate(_g)
            .scalar_subquery()
            .label("bound"),
            Territory.status.in_(literals([TerritoryStatus.WITHDRAWN])).label("withdrawn"),
            in_proceedings(_g.siren, on).label("proceedings_open"),
            exists()
            .where(Override.used_by_id == payment_id, Override.code.in_(literals([LiftedRule.PROCEEDINGS_OPEN])))
            .label("lifted"),
            exists()
            .where(
                BankDetails.territory == _g.territory,
                BankDetails.siren == _g.siren,
                BankDetails.status.in_(literals([BankDetailsStatus.APPROVED])),
            )
            .label("payee_approved"),
            until_on(CertificateKind.TAX).label("tax_until_on"),
            until_on(CertificateKind.SOCIAL).label("social_until_on"),
        )
        .select_from(_g)
        .join(Territory, Territory.slug == _g.territory)
        .where(_g.id == _grant_id)
    )


_KNOWN = _known()


async def known(write: Write, grant_id: UUID, payment_id: UUID | None, on: date, certificate_days: int | None) -> Known:
    """What a payment of a held grant is judged by; `payment_id`: the payment itself, which is not counted."""
    await flush(write.session)
    connection = await driver_connection(write.session)
    bound = {"grant_id": grant_id, "payment_id": payment_id, "on": on, "certificate_days": certificate_days}
    [row] = await connection.fetch(_KNOWN.sql, *_KNOWN.arguments(bound))
    return Known(**dict(row))
