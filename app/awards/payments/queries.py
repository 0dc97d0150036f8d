"""Reads of payments that every instrument shares, and what the conditions of a payment look at."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Integer, Select, Text, exists, func, literal_column, select, text

from app.access.models import Subject
from app.awards.holders import holder_on
from app.awards.kinds import AwardKind
from app.awards.overrides.models import Override
from app.awards.overrides.rules import LiftedRule
from app.awards.payments.kinds import Payments
from app.awards.payments.rules import COUNTED, PaymentStatus
from app.core.db import Statement, driver_connection, flush, literals, param
from app.core.reading.listing import Filter, any_of, at_least, at_most, equals, holds, updated_since
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
from app.programme.models import Territory, TerritoryStatus

_override = Override.__table__.alias("override")
_proposer, _approver, _recorder, _seer = (
    Subject.__table__.alias(name) for name in ("proposer", "approver", "recorder", "seer")
)
_NOTHING = text("'{}'")


def approvable_by(p: Any, subject_id: Any) -> ColumnElement[bool]:
    """Proposals of which the subject has neither decided the aid, nor proposed them, nor made the bank details."""
    took_part = (p.awarded_by, p.proposed_by, p.details_proposed_by, p.details_decided_by)
    others: ColumnElement[bool] = p.status.in_(literals([PaymentStatus.PROPOSED]))
    for author in took_part:
        others &= author != subject_id
    return others


def to_see_by(p: Any, subject_id: Any) -> ColumnElement[bool]:
    """Payments that exceed something, that nobody has seen, and that the subject did not record."""
    unseen: ColumnElement[bool] = (p.exceeds != _NOTHING) & p.seen_by.is_(None) & (p.recorded_by != subject_id)
    return unseen


def rejected(p: Any) -> ColumnElement[bool]:
    """Payments that the bank rejected and that wait to be sent again."""
    waiting: ColumnElement[bool] = p.status.in_(literals([PaymentStatus.PROPOSED, PaymentStatus.APPROVED]))
    waiting &= p.rejected_on.is_not(None)
    return waiting


def _payee_of(p: Any, award: Any) -> ColumnElement[str]:
    """The firm that is paid: the aid can have passed to another one since."""
    return func.coalesce(
        BankDetails.siren, holder_on(award, func.coalesce(p.paid_on, literal_column("'infinity'::date")))
    )


def rows_of(p: Any, award: Any, award_id: Any, amounts: Sequence[Any] = (), said: Sequence[Any] = ()) -> Select[Any]:
    """Payments of a territory: what they share, `amounts` after the amount, and what is `said` after the days."""
    return (
        select(
            p.id,
            p.territory,
            award_id,
            award.decision_reference,
            _payee_of(p, award).label("siren"),
            Firm.name.label("firm_name"),
            p.amount_cents,
            *amounts,
            p.planned_on,
            p.paid_on,
            *said,
            p.reference,
            p.override_id,
            _override.c.code.label("override_code"),
            p.bank_details_id,
            BankDetails.iban_masked.label("iban"),
            p.status,
            p.reason,
            p.proposed_by,
            _proposer.c.name.label("proposed_by_name"),
            p.approved_by,
            _approver.c.name.label("approved_by_name"),
            p.sent_on,
            p.rejected_on,
            p.rejection_reason,
            p.recorded_by,
            _recorder.c.name.label("recorded_by_name"),
            p.exceeds,
            p.seen_by,
            _seer.c.name.label("seen_by_name"),
            p.seen_at,
            p.version,
            p.created_at,
            p.updated_at,
        )
        .join(award, award.id == award_id)
        .outerjoin(BankDetails, BankDetails.id == p.bank_details_id)
        .join(Firm, Firm.siren == _payee_of(p, award))
        .outerjoin(_proposer, _proposer.c.id == p.proposed_by)
        .outerjoin(_approver, _approver.c.id == p.approved_by)
        .outerjoin(_recorder, _recorder.c.id == p.recorded_by)
        .outerjoin(_seer, _seer.c.id == p.seen_by)
        .outerjoin(_override, _override.c.id == p.override_id)
        .where(p.territory == param("territory", Text()))
    )


def filters_of(p: Any, noun: str) -> dict[str, Filter]:
    """The filters of the payments of one award; `noun` is what one is called."""
    return {
        **amount_range(p.amount_cents),
        "status": any_of(p.status, PaymentStatus, "In any of these states."),
        "paid_from": at_least(p.paid_on, Day, "Paid on this day or later."),
        "paid_to": at_most(p.paid_on, Day, "Paid on this day or earlier."),
        "reference": equals(p.reference, ShortLine, f"The {noun} with this reference."),
        "rejected": holds(
            rejected(p),
            f"true for {noun}s that the bank rejected and that wait to be sent again, false for the others.",
        ),
        "exceeding": holds(p.exceeds != _NOTHING, f"true for {noun}s that exceed something, false for the others."),
        "updated_since": updated_since(p.updated_at),
    }


def more_filters_of(p: Any, award: Any, kind: str, noun: str) -> dict[str, Filter]:
    """The filters of the payments of all awards of a territory beside these; `kind` is what an award is called."""
    return {
        "siren": equals(_payee_of(p, award), Siren, f"{noun.capitalize()}s to this firm."),
        "approvable_by": Filter(
            Parameter(
                Uuid,
                f"Proposals that this subject may approve: it did not award the {kind}, propose the {noun}, or propose"
                " or approve the bank details.",
            ),
            lambda name: approvable_by(p, param(name, p.id.type)),
        ),
        "to_see_by": Filter(
            Parameter(
                Uuid, f"{noun.capitalize()}s that exceed something, that nobody has seen and that this subject did not"
                " record."
            ),
            lambda name: to_see_by(p, param(name, p.id.type)),
        ),
    }  # fmt: skip


def sorts_of(p: Any) -> dict[str, Any]:
    """What payments are sorted by."""
    return {"paid_on": p.paid_on, "planned_on": p.planned_on, "amount_cents": p.amount_cents}


# --- what a payment is judged by --------------------------------------------------------------------------------------


class Known(NamedTuple):
    """What is known of an award's other payments, of its territory and of its firm, on a day."""

    bound: int  # payments that are approved, sent or recorded
    withdrawn: bool
    proceedings_open: bool
    lifted: bool  # an override that lifts proceedings is the payment's own
    payee_approved: bool
    tax_until_on: date | None
    social_until_on: date | None


def others_of(p: Any, award: Any, award_id: Any) -> tuple[ColumnElement[bool], ...]:
    """The conditions of the other payments of the award that are paid or in flight, as the one that is tried."""
    payment_id = param("payment_id", p.id.type)
    return (award_id == award.id, p.id.is_distinct_from(payment_id), p.status.in_(literals(COUNTED)))


def known_of(p: Any, kind: AwardKind, *more: Any) -> Statement:
    """What a payment of an award is tried by: the members of `Known`, and `more` that its instrument asks for."""
    award = kind.table
    award_id = getattr(p, f"{kind.resource}_id")
    payment_id, on, days = param("payment_id", p.id.type), param("on", Date()), param("certificate_days", Integer())

    def until_on(certificate: CertificateKind) -> Any:
        mine = (FirmCertificate.territory == award.territory) & (FirmCertificate.siren == award.siren)
        counting = counts_longest(mine, certificate, days, on).correlate(award).subquery(f"{certificate}_certificate")
        return select(counting.c.until_on).scalar_subquery()

    bound = literals([PaymentStatus.APPROVED, PaymentStatus.SENT, PaymentStatus.RECORDED])
    return Statement(
        select(
            *more,
            select(func.count(p.id))
            .where(*others_of(p, award, award_id), p.status.in_(bound))
            .correlate(award)
            .scalar_subquery()
            .label("bound"),
            Territory.status.in_(literals([TerritoryStatus.WITHDRAWN])).label("withdrawn"),
            in_proceedings(award.siren, on).label("proceedings_open"),
            exists()
            .where(Override.used_by_id == payment_id, Override.code.in_(literals([LiftedRule.PROCEEDINGS_OPEN])))
            .label("lifted"),
            exists()
            .where(
                BankDetails.territory == award.territory,
                BankDetails.siren == award.siren,
                BankDetails.status.in_(literals([BankDetailsStatus.APPROVED])),
            )
            .label("payee_approved"),
            until_on(CertificateKind.TAX).label("tax_until_on"),
            until_on(CertificateKind.SOCIAL).label("social_until_on"),
        )
        .select_from(award)
        .join(Territory, Territory.slug == award.territory)
        .where(award.id == param("award_id", award.id.type))
    )


async def known(
    write: Write, payments: Payments, award_id: UUID, payment_id: UUID | None, on: date, certificate_days: int | None
) -> tuple[Known, dict[str, Any]]:
    """What a payment of a held award is tried by, and what its instrument asks for beside.

    `payment_id`: the payment itself, which is not counted.
    """
    await flush(write.session)
    connection = await driver_connection(write.session)
    bound = {"award_id": award_id, "payment_id": payment_id, "on": on, "certificate_days": certificate_days}
    [row] = await connection.fetch(payments.known.sql, *payments.known.arguments(bound))
    members = dict(row)
    return Known(**{name: members.pop(name) for name in Known._fields}), members
