"""Payments of awards from a file, whatever the instrument: what the bank has paid is recorded.

A payment that waits for the bank is recorded as made by a line of its reference; a line that the award knows nothing of
is a payment that was made elsewhere. A proposal is an act of a person for one firm, and no line of a file makes one.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select

from app.awards.models import Aid
from app.awards.payments import service
from app.awards.payments.kinds import Payments
from app.awards.payments.rules import PaymentStatus
from app.awards.payments.schemas import PaymentRecord
from app.awards.payments.service import PaymentPlace
from app.awards.rules import OVER
from app.core.db import literals
from app.core.faults import Message
from app.core.writing import cells
from app.core.writing.importing import Heading, Importer, Locks
from app.core.writing.importing import given as given_by
from app.core.writing.upserts import NamedObject, Upsert
from app.core.writing.writes import Change, Write

ENDED = (PaymentStatus.CANCELLED, PaymentStatus.REVERSED)


async def _nothing_else(_write: Write, _award_ids: list[UUID]) -> None:
    return None


def payments_file(
    payments: Payments, *, kind: str, permission: str, line: Any, body: Any, columns: Sequence[Heading], first: Message,
    counted: str | None = None, hold_more: Callable[[Write, list[UUID]], Awaitable[None]] = _nothing_else,
) -> Importer:  # fmt: skip
    """The import of the payments of one instrument. `hold_more` holds what a payment moves beside the aid and the
    awards, which are held. `counted`: a payment needs no reference, and equal lines are as many payments.
    """
    table, award = payments.table, payments.kind.table
    award_id = f"{payments.kind.resource}_id"

    def known(_place: Any, item: Any) -> Sequence[ColumnElement[bool]]:
        of_award = payments.of(getattr(item, award_id))
        if item.reference is not None:
            return [of_award, table.reference == item.reference]
        return [of_award, table.paid_on == item.paid_on, table.amount_cents == item.amount_cents]

    async def create(write: Write, place: str, item: Any) -> list[Change]:
        made = body(**given_by(item, body.model_fields))
        return await service.pay(write, payments, place, getattr(item, award_id), made)

    async def update(write: Write, place: str, key: Any, item: Any) -> list[Change]:
        payment = await write.session.get_one(table, key)
        record = PaymentRecord(paid_on=item.paid_on, reference=item.reference)
        named = PaymentPlace(place, getattr(payment, award_id), key)
        return await service.record(write, payments, named, record)

    upsert = Upsert(
        key=table.id,
        listing=payments.listing,
        known=known,
        create=create,
        update=update,
        fixed=[name for name in (award_id, *body.model_fields) if name != "paid_on"],
        stands=table.status.not_in(literals(ENDED)),
        names=[
            NamedObject(
                award_id,
                award.id,
                {"decision_reference": [award.decision_reference]},
                lambda _write, place: [award.territory == place, award.status.not_in(literals(OVER))],
                required=True,
            )
        ],
    )

    async def hold(write: Write, award_ids: set[UUID]) -> None:
        of_them = select(award.aid_id).where(award.id.in_(award_ids))
        for column, which in ((Aid.id, Aid.id.in_(of_them)), (award.id, award.id.in_(award_ids))):
            rows = select(column).where(which).order_by(column)
            await write.session.execute(rows.with_for_update(key_share=True))
        await hold_more(write, sorted(award_ids))

    return Importer(
        kind=kind,
        permission=permission,
        needs_subject=True,
        schema=line,
        key=["id", award_id, "decision_reference", "reference", *(["paid_on", "amount_cents"] if counted else [])],
        counted=counted,
        listing=payments.listing,
        columns=[
            Heading("id", cells.plain),
            Heading(award_id, cells.plain, first=first),
            Heading("decision_reference", cells.plain, ["n° de décision", "numéro de décision", "décision"],
                    fr="Référence de la décision", first=first),
            Heading("amount_cents", cells.cents, ["montant", "montant payé", "montant versé"], required=True),
            Heading("paid_on", cells.day, ["date de paiement", "date de versement", "versé le"], required=True),
            *columns,
            Heading("override_id", cells.plain),
        ],
        check=upsert.check,
        locks=Locks(upsert.ids(award_id), hold),
        apply=upsert.apply,
    )  # fmt: skip
