"""What Chorus Pro says of invoices, from the table that it exports: a number, a status, the day on which it changed."""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Text, any_, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.access.rules import Actor
from app.core.faults import Fault
from app.core.schemas import Body
from app.core.values import Day, Reason, Siren
from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Locks, Outcome, coded, rows_of
from app.core.writing.writes import Change, Write
from app.engineering.invoices import rules, schemas, service
from app.engineering.invoices.history import InvoiceHistory
from app.engineering.invoices.models import Invoice
from app.engineering.invoices.rules import InvoiceAct

INVOICE_UNKNOWN = Fault(
    "invoice_unknown",
    en="No invoice with this number is known, or several suppliers have one: give the SIREN of the supplier.",
    fr="Aucune facture portant ce numéro n'est connue, ou plusieurs fournisseurs en ont une : donnez le SIREN du"
    " fournisseur.",
)
INVOICE_LINE_REASON = Fault(
    "invoice_line_reason",
    en="A suspension or a rejection needs its reason.",
    fr="Une suspension ou un rejet exige son motif.",
)
NO_ACT = "none"
# The statuses of Chorus Pro. Those that say nothing to the supplier about its payment are no acts here.
STATUSES = {
    "Déposée": "deposit", "Mise à disposition": "make_available",
    "Mise à disposition du destinataire": "make_available", "Suspendue": "suspend", "Complétée": "complete",
    "Rejetée": "reject", "Mandatée": "order_payment", "Mise en paiement": "pay", "En cours d'acheminement": NO_ACT,
    "A recycler": NO_ACT, "Service fait": NO_ACT, "Mise à disposition du comptable": NO_ACT, "Comptabilisée": NO_ACT,
}  # fmt: skip


class InvoiceStatusLine(Body):
    """A status of an invoice, and since when it has it."""

    number: schemas.Number
    supplier_siren: Siren | None = None
    status: Literal["deposit", "make_available", "suspend", "complete", "reject", "order_payment", "pay", "none"]
    on: Day
    reason: Reason | None = None


async def _meant(write: Write, place: str, lines: Sequence[FileLine]) -> dict[int, UUID]:
    """The invoice of each line: the one that stands, else the newest; none where several suppliers have one."""
    i = Invoice
    numbers = sorted({line.item.number for line in lines})
    told = func.unnest(literal(numbers, ARRAY(Text()))).column_valued("told")
    keys = {row[0]: row[1] for row in await write.session.execute(select(told, func.invoice_key(told)))}
    conditions = [i.territory == place, i.number_key == any_(literal(sorted(set(keys.values())), ARRAY(Text())))]
    actor = write.actor
    if not isinstance(actor, Actor) or actor.sees_only_own(service.READ, place):
        conditions.append(i.organisation_id == actor.organisation_id)
    rows = (
        await write.session.execute(
            select(i.id, i.number_key, i.supplier_siren, i.stands)
            .where(*conditions)
            .order_by(i.stands.desc(), i.id.desc())
        )
    ).all()
    meant = {}
    for line in lines:
        item = line.item
        found = [
            row
            for row in rows
            if row.number_key == keys[item.number] and item.supplier_siren in (None, row.supplier_siren)
        ]
        if len({row.supplier_siren for row in found}) == 1:
            meant[line.number] = found[0].id
    return meant


async def _check(write: Write, place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    """Each line means one invoice, and says why where its act needs a reason."""
    assert place is not None  # invoices are a territory's
    meant = await _meant(write, place, lines)
    unknown = [LineFault(line.number, "number", INVOICE_UNKNOWN.at("")) for line in lines if line.number not in meant]
    silent = [
        LineFault(line.number, "reason", INVOICE_LINE_REASON.at(""))
        for line in lines
        if line.item.status in rules.NEED_REASON and line.item.reason is None
    ]
    return [*unknown, *silent]


async def _invoices_of(write: Write, place: str | None, lines: Sequence[FileLine]) -> set[UUID]:
    assert place is not None  # invoices are a territory's
    return set((await _meant(write, place, lines)).values())


async def _apply(write: Write, place: str | None, lines: Sequence[FileLine]) -> Outcome:
    """Record the acts of the lines in the order of their days; one that stands already changes nothing."""
    assert place is not None  # invoices are a territory's
    meant = await _meant(write, place, lines)
    changes: list[Change] = []
    changed = set()
    for line in sorted(lines, key=lambda each: (each.item.on, each.number)):
        item: Any = line.item
        if item.status == NO_ACT:
            continue
        invoice = await write.lock(Invoice, Invoice.id == meant[line.number])
        standing = (await InvoiceHistory.of(write, invoice)).life.standing
        if any((done.act, done.effective_on) == (item.status, item.on) for done in standing):
            continue
        changes.append(await service.follow(write, invoice, InvoiceAct(item.status), item.on, item.reason))
        changed.add(line.number)
    return Outcome(_last_of_each(changes), 0, len(changed), len(lines) - len(changed))


def _last_of_each(changes: Sequence[Change]) -> list[Change]:
    """One event an invoice: what it is told to be is read at the end, after all of its acts."""
    return list({change.keys[0]: change for change in changes}.values())


INVOICE_STATUSES = Importer(
    kind="invoice_statuses",
    permission="invoices:follow",
    needs_subject=True,
    schema=InvoiceStatusLine,
    key=["number", "supplier_siren", "status", "on"],
    columns=[
        Heading("number", cells.plain, ["numéro de facture", "n° facture", "numéro", "facture"], required=True),
        Heading("supplier_siren", cells.siren, ["siren du fournisseur", "siren fournisseur", "fournisseur"]),
        Heading("status", coded(STATUSES), ["statut", "statut courant", "état"], required=True),
        Heading("on", cells.day, ["date", "date du statut", "date de changement de statut"], required=True),
        Heading("reason", cells.plain, ["motif", "commentaire"]),
    ],
    check=_check,
    locks=Locks(_invoices_of, rows_of(Invoice.id)),
    apply=_apply,
)
