"""Reads of claims: of an award, of a territory, and their lines as a spreadsheet holds them."""

from collections.abc import Collection
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, case, column, func, literal_column, or_, select, table, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import Subject
from app.awards.claims import schemas
from app.awards.claims.models import ClaimLine, ExpenseClaim
from app.awards.claims.rules import ClaimStatus, Deduction
from app.awards.claims.rules import column as column_of
from app.awards.kinds import AwardKind
from app.awards.models import Aid, AidLine, Ending
from app.core.db import literals, param
from app.core.reading.listing import (
    Filter,
    Listing,
    any_of,
    at_least,
    at_most,
    equals,
    holds,
    json_array,
    json_object,
    updated_since,
)
from app.core.reading.query import Parameter
from app.core.values import Day, ExternalId, ShortLine, Siren, Uuid
from app.firms.models import Firm

_c, _l, _a, _line = ExpenseClaim, ClaimLine, Aid, AidLine
_territory = param("territory", Text())
_submitter, _sampler, _settler, _reopener, _withdrawer = (
    Subject.__table__.alias(name) for name in ("submitter", "sampler", "settler", "reopener", "withdrawer")
)
# The awards of an aid, by the names of their tables: their domains import this one, not the other way round.
_GRANTS, _ADVANCES = (
    table(name, column("id", _c.id.type), column("aid_id", _c.id.type), column("status", Text()),
          column("ended_as", Text()))
    for name in ("grants", "advances")
)  # fmt: skip
_ONE: ColumnElement[int] = literal_column("1")


def award_of(awards: Any, aid_id: Any) -> Any:
    """The award of this instrument that an aid has: the one that stands, else the last."""
    falls = case((awards.c.status.in_(literals([Ending.CANCELLED, Ending.REVERSED])), 1), else_=0)
    found = select(awards.c.id).where(awards.c.aid_id == aid_id).order_by(falls, awards.c.id.desc())
    return found.limit(_ONE).scalar_subquery()


GRANT_ID, ADVANCE_ID = award_of(_GRANTS, _c.aid_id), award_of(_ADVANCES, _c.aid_id)


async def award_ids(session: AsyncSession, aid_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """An award of each of these aids: its grant, else its advance."""
    award = func.coalesce(award_of(_GRANTS, _a.id), award_of(_ADVANCES, _a.id))
    rows = await session.execute(select(_a.id, award.label("award_id")).where(_a.id.in_(aid_ids)))
    return {row.id: row.award_id for row in rows}


# Of these awards nothing is claimed or settled any more; what was claimed of a terminated one is still settled.
OVER = (Ending.CLOSED, Ending.LAPSED, Ending.CANCELLED, Ending.REVERSED)


def settleable_by(subject_id: Any) -> ColumnElement[bool]:
    """Submitted claims that the subject did not write, of an aid that is not over."""
    awards = union_all(*(select(each.c.aid_id, each.c.ended_as) for each in (_GRANTS, _ADVANCES))).subquery("awards")
    goes_on = select(awards.c.aid_id).where(
        or_(awards.c.ended_as.is_(None), awards.c.ended_as.not_in(literals(OVER))), awards.c.aid_id == _c.aid_id
    )
    mine: ColumnElement[bool] = subject_id == func.any(_c.authors)
    return and_(_c.status.in_(literals([ClaimStatus.SUBMITTED])), ~mine, goes_on.exists())


_DEDUCTED = tuple(getattr(_l, column_of(each)) for each in Deduction)
_ALL_DEDUCTED: Any = sum(_DEDUCTED[1:], start=_DEDUCTED[0])


def _cents(amount: Any, name: str) -> Any:
    return func.sum(amount).cast(_l.declared_cents.type).label(name)


# Every claim has lines.
_lines: Any = (
    select(
        _cents(_l.declared_cents, "declared_cents"),
        _cents(_l.certified_cents, "certified_cents"),
        _cents(_ALL_DEDUCTED, "deducted_cents"),
        _cents(_l.over_line_cents, "over_line_cents"),
        _cents(_l.parked_cents, "parked_cents"),
        json_array(
            json_object(
                id=_l.id,
                position=_l.position,
                invoice_number=_l.invoice_number,
                supplier_siren=_l.supplier_siren,
                supplier_name=_l.supplier_name,
                invoiced_on=_l.invoiced_on,
                paid_on=_l.paid_on,
                amount_excl_vat_cents=_l.declared_cents,
                line_id=_l.line_id,
                line_label=_line.label,
                proof_sha256=_l.proof_sha256,
                invoice_amount_excl_vat_cents=_l.invoice_cents,
                lowers_invoice_number=_l.lowers_invoice_number,
                returns_id=_l.returns_id,
                sampled=_l.sampled,
                certified_cents=_l.certified_cents,
                parked_cents=_l.parked_cents,
                not_eligible_cents=_l.not_eligible_cents,
                not_paid_cents=_l.not_paid_cents,
                out_of_period_cents=_l.out_of_period_cents,
                double_cents=_l.double_cents,
                over_line_cents=_l.over_line_cents,
                no_proof_cents=_l.no_proof_cents,
                note=_l.note,
            ),
            _l.position,
        ).label("lines"),
    )
    .join(_line, _line.id == _l.line_id)
    .where(_l.claim_id == _c.id)
    .correlate(_c)
    .lateral("of_claim")
)
_rows = (
    select(
        _c.id,
        _c.territory,
        GRANT_ID.label("grant_id"),
        ADVANCE_ID.label("advance_id"),
        _a.decision_reference,
        _c.siren.label("siren"),
        Firm.name.label("firm_name"),
        _c.number,
        _c.external_id,
        _c.status,
        _lines.c.declared_cents,
        _lines.c.certified_cents,
        _lines.c.deducted_cents,
        _lines.c.over_line_cents,
        _lines.c.parked_cents,
        _lines.c.lines,
        _c.sample_method,
        _c.sample_size,
        _c.sample_seed,
        _c.sampled_by,
        _sampler.c.name.label("sampled_by_name"),
        _c.checklist,
        _c.visited_on,
        _c.submitted_by,
        _submitter.c.name.label("submitted_by_name"),
        _c.settled_on,
        _c.settled_by,
        _settler.c.name.label("settled_by_name"),
        _c.settled_at,
        _c.reopened_by,
        _reopener.c.name.label("reopened_by_name"),
        _c.reopened_at,
        _c.reopen_reason,
        _c.withdrawn_by,
        _withdrawer.c.name.label("withdrawn_by_name"),
        _c.withdrawn_at,
        _c.withdrawal_reason,
        _c.version,
        _c.created_at,
        _c.updated_at,
    )
    .join(_a, _a.id == _c.aid_id)
    .join(Firm, Firm.siren == _c.siren)
    .join(_submitter, _submitter.c.id == _c.submitted_by)
    .outerjoin(_sampler, _sampler.c.id == _c.sampled_by)
    .outerjoin(_settler, _settler.c.id == _c.settled_by)
    .outerjoin(_reopener, _reopener.c.id == _c.reopened_by)
    .outerjoin(_withdrawer, _withdrawer.c.id == _c.withdrawn_by)
    .join(_lines, literal_column("true"))
    .where(_c.territory == _territory)
)
_SETTLEABLE = Filter(
    Parameter(
        Uuid,
        "Submitted claims that this subject did not write, of an aid that is not over: who writes a claim does not"
        " settle it.",
    ),
    lambda name: settleable_by(param(name, _c.id.type)),
)
_FILTERS = {
    "status": any_of(_c.status, ClaimStatus, "In any of these states."),
    "settleable_by": _SETTLEABLE,
    "external_id": equals(_c.external_id, ExternalId, "The claims that another system knows by this id."),
    "settled_from": at_least(_c.settled_on, Day, "Settled on this day or later."),
    "settled_to": at_most(_c.settled_on, Day, "Settled on this day or earlier."),
    "updated_since": updated_since(_c.updated_at),
}
_SORTS = {"number": _c.number, "settled_on": _c.settled_on, "updated_at": _c.updated_at}

CLAIMS = Listing(
    schema=schemas.ExpenseClaim,
    rows=_rows,
    key=_c.id,
    version=_c.version,
    derived=True,
    filters={
        "siren": any_of(_c.siren, Siren, "Claims of any of these firms, by SIREN."),
        "decision_reference": equals(_a.decision_reference, ShortLine, "Claims of the aid of this decision."),
        **_FILTERS,
    },
    sorts=_SORTS,
)


def claims_of(kind: AwardKind) -> Listing:
    """The claims of the aid of one award of an instrument; the path names the award `{grant_id}` or `{advance_id}`."""
    return Listing(
        schema=schemas.ExpenseClaim,
        rows=_rows.where(_c.aid_id == kind.aid_named().scalar_subquery()),
        key=_c.id,
        version=_c.version,
        derived=True,
        parent=select(kind.table.id).where(*kind.named()),
        filters=_FILTERS,
        sorts=_SORTS,
    )


CLAIMED_INVOICES = Listing(
    schema=schemas.ClaimedInvoice,
    rows=select(
        _l.id,
        _l.position,
        _l.invoice_number,
        _l.supplier_siren,
        _l.supplier_name,
        _l.invoiced_on,
        _l.paid_on,
        _l.declared_cents.label("amount_excl_vat_cents"),
        _l.invoice_cents.label("invoice_amount_excl_vat_cents"),
        _l.lowers_invoice_number,
        _l.line_id,
        _line.label.label("line_label"),
        _l.proof_sha256,
        _l.returns_id,
        _l.sampled,
        _l.certified_cents,
        _l.parked_cents,
        *_DEDUCTED,
        _l.note,
        _l.claim_id,
        _c.number.label("claim_number"),
        _c.external_id.label("claim_external_id"),
        _c.status.label("claim_status"),
        GRANT_ID.label("grant_id"),
        ADVANCE_ID.label("advance_id"),
        _a.decision_reference,
        _c.siren.label("siren"),
        Firm.name.label("firm_name"),
    )
    .join(_c, _c.id == _l.claim_id)
    .join(_a, _a.id == _c.aid_id)
    .join(_line, _line.id == _l.line_id)
    .join(Firm, Firm.siren == _c.siren)
    .where(_c.territory == _territory),
    key=_l.id,
    derived=True,
    filters={
        "claim_id": any_of(_l.claim_id, Uuid, "Lines of any of these claims."),
        "claim_status": any_of(_c.status, ClaimStatus, "Of claims in any of these states."),
        "siren": any_of(_c.siren, Siren, "Declared by any of these firms, by SIREN."),
        "decision_reference": equals(_a.decision_reference, ShortLine, "Declared for the aid of this decision."),
        "line_id": equals(_l.line_id, Uuid, "Of this line of the decision."),
        "sampled": holds(_l.sampled, "Whether the control's sample holds the line."),
        "invoiced_from": at_least(_l.invoiced_on, Day, "Invoiced on this day or later."),
        "invoiced_to": at_most(_l.invoiced_on, Day, "Invoiced on this day or earlier."),
    },
    sorts={"invoiced_on": _l.invoiced_on, "amount_excl_vat_cents": _l.declared_cents},
)


async def last_certified_on(session: AsyncSession, aid_id: UUID) -> date | None:
    """The day of the last invoice of which something is certified of an aid; None where nothing is."""
    of_aid = select(func.max(ClaimLine.invoiced_on)).where(ClaimLine.aid_id == aid_id, ClaimLine.certified_cents > 0)
    day: date | None = await session.scalar(of_aid)
    return day
