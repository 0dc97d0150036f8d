"""Reads of what happened to aids: acts, agreements and guarantees; and of the agreements that are missing."""

from datetime import date
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Text, column, extract, func, select, table, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from app.access.models import Subject
from app.awards.kinds import AwardKind, in_lock_order
from app.awards.life import rules, schemas
from app.awards.models import STANDS, Aid, AidAct, AidActRecord
from app.core.db import param
from app.core.reading.listing import Listing, any_of, at_least, at_most
from app.core.values import Day
from app.firms.models import Firm

_territory = param("territory", Text())
_actor = Subject.__table__.alias("actor")
_from, _to = (Firm.__table__.alias(name) for name in ("from_firm", "to_firm"))
_r = AidActRecord


@cache
def acts_of(kind: AwardKind) -> Listing:
    """Acts on the aid of an award of this instrument, and on its awards."""
    return Listing(
        schema=schemas.AidActRead,
        rows=select(
            _r.id,
            _r.act,
            _r.on_day.label("on"),
            _r.grant_id,
            _r.advance_id,
            _r.actor_id,
            _actor.c.name.label("actor_name"),
            _r.reason,
            _r.document_sha256,
            _r.from_siren,
            _from.c.name.label("from_firm_name"),
            _r.to_siren,
            _to.c.name.label("to_firm_name"),
            _r.recorded_at,
        )
        .outerjoin(_actor, _actor.c.id == _r.actor_id)
        .outerjoin(_from, _from.c.siren == _r.from_siren)
        .outerjoin(_to, _to.c.siren == _r.to_siren)
        .where(_r.aid_id == kind.aid_named().scalar_subquery()),
        key=_r.id,
        derived=True,
        parent=kind.aid_named(),
        filters={
            "act": any_of(_r.act, AidAct, "Any of these acts."),
            "on_from": at_least(_r.on_day, Day, "On this day or later."),
            "on_to": at_most(_r.on_day, Day, "On this day or earlier."),
        },
        sorts={"on": _r.on_day},
    )


def _of_aid(kind: AwardKind, schema: Any, on_file: Any, **columns: Any) -> Listing:
    a, award = Aid, kind.table
    return Listing(
        schema=schema,
        rows=select(a.id, *(value.label(name) for name, value in columns.items()), a.version)
        .join(award, award.aid_id == a.id)
        .where(a.territory == _territory, on_file.is_not(None)),
        key=award.id,
        key_name=f"{kind.resource}_id",
        version=a.version,
    )


@cache
def agreement_of(kind: AwardKind) -> Listing:
    """The agreement of the aid of an award of this instrument."""
    a = Aid
    return _of_aid(
        kind, schemas.Agreement, a.agreement_reference,
        reference=a.agreement_reference, signed_by_firm_on=a.signed_by_firm_on,
        signed_by_funder_on=a.signed_by_funder_on, agreed_on=a.agreed_on, document_sha256=a.agreement_sha256,
    )  # fmt: skip


@cache
def guarantee_of(kind: AwardKind) -> Listing:
    """The first-demand guarantee of the aid of an award of this instrument."""
    a = Aid
    return _of_aid(
        kind, schemas.Guarantee, a.guarantee_reference,
        guarantor=a.guarantor, reference=a.guarantee_reference, amount_cents=a.guarantee_cents,
        until_on=a.guaranteed_until_on, document_sha256=a.guarantee_sha256,
    )  # fmt: skip


_files = table("applications", column("id"), column("received_on"))  # the files come later in the house


async def received_on_of(session: AsyncSession, aid: Aid) -> date | None:
    """The day on which the aid file was received; None where the aid has none here."""
    if aid.application_id is None:
        return None
    day: date | None = await session.scalar(select(_files.c.received_on).where(_files.c.id == aid.application_id))
    return day


async def awarded_in_year(session: AsyncSession, funder_id: UUID, siren: str, year: int) -> int:
    """What stands of the awards of a funder to a firm, decided in a calendar year, over all territories, in cents."""
    standing = union_all(
        *(
            select(each.table.holds_cents.label("cents")).where(
                each.table.siren == siren,
                each.table.funder_id == funder_id,
                extract("year", each.table.decided_on) == year,
                text(STANDS),
            )
            for each in in_lock_order()
        )
    ).subquery()
    return int(await session.scalar(select(func.coalesce(func.sum(standing.c.cents), 0))) or 0)


async def agreement_missing(session: AsyncSession, aid: Aid) -> rules.AgreementMissing | None:
    """Why nothing of an aid can be paid before both have signed its agreement; None where it can."""
    threshold_cents = rules.threshold_of(aid.parameters or {})
    if aid.agreed_on is not None or threshold_cents is None:
        return None
    year = aid.decided_on.year
    category = await session.scalar(select(Firm.legal_form_code).where(Firm.siren == aid.siren))
    awarded_cents = await awarded_in_year(session, aid.funder_id, aid.siren, year)
    if not rules.must_be_agreed(awarded_cents, threshold_cents, category):
        return None
    return rules.AgreementMissing(year=year, awarded_cents=awarded_cents, threshold_cents=threshold_cents)
