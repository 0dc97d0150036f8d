"""Receipts from a file: what came in on an account, and with the advance that it repays, its assignment."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, select

from app.advances.models import Advance, Repayment, RepaymentStatus
from app.advances.receipts import queries, schemas, service
from app.advances.receipts.models import Receipt
from app.advances.receipts.rules import ReceiptMethod, ReceiptStatus
from app.advances.tranches.importer import ADVANCES_FIRST
from app.awards.rules import OVER
from app.core.db import literals
from app.core.schemas import Body
from app.core.values import Day, PositiveCents, ShortLine, Siren
from app.core.values import Uuid as Id
from app.core.writing import cells
from app.core.writing.importing import Heading, Importer, Locks, coded, given, rows_of
from app.core.writing.upserts import NamedObject, Upsert
from app.core.writing.writes import Change, Write

METHODS = {
    "Prélèvement": "direct_debit", "Virement": "transfer", "Titre de perception": "collection_order", "Autre": "other",
}  # fmt: skip
_ACCOUNTS = service.ACCOUNTS.c


class ReceiptLine(Body):
    """An entry of an account; all of it repays the advance that the line names, where it names one."""

    id: Id | None = None
    amount_cents: PositiveCents
    received_on: Day
    value_on: Day | None = None
    reference: ShortLine
    account_id: Id | None = None
    account_label: ShortLine | None = None
    method: ReceiptMethod = ReceiptMethod.OTHER
    payer_name: ShortLine | None = None
    payer_siren: Siren | None = None
    advance_id: Id | None = None
    advance: ShortLine | None = None

    def body(self) -> schemas.ReceiptCreate:
        """The receipt as a client would record it."""
        fields = given(self, schemas.ReceiptCreate.model_fields)
        if self.payer_name is not None:
            fields["payer"] = schemas.Payer(name=self.payer_name, siren=self.payer_siren)
        if self.advance_id is not None:
            fields["assignments"] = [_all_of(self.advance_id, self.amount_cents)]
        return schemas.ReceiptCreate(**fields)


def _all_of(advance_id: Any, amount_cents: int) -> schemas.AssignmentCreate:
    return schemas.AssignmentCreate(advance_id=advance_id, amount_cents=amount_cents)


def _known(_place: str, item: ReceiptLine) -> Sequence[ColumnElement[bool]]:
    """That of this reference: on the account that the line names, or on any where it names none."""
    named = [] if item.account_id is None else [Receipt.account_id == item.account_id]
    return [Receipt.reference == item.reference, *named]


async def _create(write: Write, place: str, item: ReceiptLine) -> list[Change]:
    return await service.record(write, place, item.body())


async def _update(write: Write, place: str, key: Any, item: ReceiptLine) -> list[Change]:
    """What is left of a known receipt repays the advance of the line, unless it does already."""
    r = Repayment
    if item.advance_id is None:
        return []
    repays = exists().where(r.receipt_id == key, r.advance_id == item.advance_id, r.status == RepaymentStatus.RECORDED)
    if await write.session.scalar(select(repays)):
        return []
    left = await write.session.scalar(select(Receipt.unassigned_cents).where(Receipt.id == key)) or item.amount_cents
    body = schemas.Assignments(assignments=[_all_of(item.advance_id, left)])
    return await service.assign(write, place, key, body)


_RECEIPTS = Upsert(
    key=Receipt.id,
    listing=queries.RECEIPTS,
    known=_known,
    create=_create,
    update=_update,
    fixed=["account_id", "amount_cents", "received_on", "value_on", "reference", "method", "payer_name", "payer_siren"],
    stands=Receipt.status.in_(literals([ReceiptStatus.RECORDED, ReceiptStatus.RETURNED])),
    names=[
        NamedObject(
            "account_id",
            _ACCOUNTS.id,
            {"account_label": [_ACCOUNTS.label]},
            lambda write, _place: [_ACCOUNTS.organisation_id == write.actor.organisation_id],
        ),
        NamedObject(
            "advance_id",
            Advance.id,
            {"advance": [Advance.decision_reference, Advance.external_id]},
            lambda _write, place: [Advance.territory == place, Advance.status.not_in(literals(OVER))],
        ),
    ],
)


RECEIPTS_FILE = Importer(
    kind="receipts",
    permission="receipts:write",
    needs_subject=True,
    schema=ReceiptLine,
    key=["id", "account_id", "account_label", "reference"],
    listing=queries.RECEIPTS,
    columns=[
        Heading("id", cells.plain),
        Heading("reference", cells.plain, ["référence", "référence bancaire"], required=True),
        Heading("received_on", cells.day, ["reçu le", "date de réception", "date"], required=True),
        Heading("value_on", cells.day, ["date de valeur"]),
        Heading("amount_cents", cells.cents, ["montant", "montant reçu"], required=True),
        Heading("method", coded(METHODS), ["moyen", "mode de paiement"]),
        Heading("payer_name", cells.plain, ["payeur", "nom du payeur"]),
        Heading("payer_siren", cells.siren, ["siren du payeur", "siren"], en="Payer SIREN"),
        Heading("account_id", cells.plain),
        Heading("account_label", cells.plain, ["compte"]),
        Heading("advance_id", cells.plain, first=ADVANCES_FIRST),
        Heading("advance", cells.plain, ["avance remboursée", "décision de l'avance"], first=ADVANCES_FIRST),
    ],
    check=_RECEIPTS.check,
    locks=Locks(_RECEIPTS.ids("advance_id"), rows_of(Advance.id)),
    apply=_RECEIPTS.apply,
)
