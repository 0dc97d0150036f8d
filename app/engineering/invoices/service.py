"""Writes of invoices: made from certificates and sealed, then followed by what Chorus Pro says of them.

Lock order: the certificates by their ids, the invoice, and at COMMIT the row of the member (`member_invoicing`).
"""

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from app.access.models import Organisation, Subject
from app.access.rules import Actor, accountable
from app.core import clock
from app.core.faults import Fault
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.sealing import sealed
from app.core.writing.writes import Change, Write
from app.engineering.certificates.models import ServiceCertificate
from app.engineering.invoices import rules, schemas
from app.engineering.invoices.history import InvoiceHistory
from app.engineering.invoices.models import Invoice, InvoiceCertificate, InvoiceLine, InvoiceVat
from app.engineering.invoices.queries import INVOICES
from app.engineering.invoices.rules import InvoiceAct, InvoiceKind
from app.missions.frameworks import parameters
from app.missions.frameworks.models import Framework
from app.missions.models import Mission, Order
from app.programme.models import Territory

INVOICE_REASON_MISSING = Fault(
    "invoice_reason_missing",
    en="Give the reason of a suspension or a rejection.",
    fr="Donnez le motif d'une suspension ou d'un rejet.",
)
_EVENTS = {
    InvoiceAct.DEPOSIT: "deposited",
    InvoiceAct.MAKE_AVAILABLE: "received",
    InvoiceAct.SUSPEND: "suspended",
    InvoiceAct.COMPLETE: "completed",
    InvoiceAct.REJECT: "rejected",
    InvoiceAct.ORDER_PAYMENT: "payment_ordered",
    InvoiceAct.PAY: "paid",
    InvoiceAct.CANCEL: "cancelled",
    InvoiceAct.REVERSE: "act_reversed",
}
READ = "invoices:read"


async def create_invoice(write: Write, actor: Actor, territory: str, body: schemas.InvoiceCreate) -> Change:
    """An invoice of the caller's firm on certificates, or the credit note on counter-certificates, sealed.

    Raises `certificate-already-invoiced`, `certificate-cancelled`, `certificate-not-invoiced`, `invoice-number-taken`,
    `supplier-siren-missing` (409), `invoice-of-another-firm`, `email-missing` (403), `reference-not-found` (404),
    `repeated_certificate`, `certificates_differ`, `certificate_kinds_differ`, `issued_too_early`, `other_payer`,
    `future_day` (422).
    """
    made_by = accountable(actor)
    refuse_future({"/issued_on": body.issued_on})
    certificates = await _hold(write, actor, territory, body.certificate_ids)
    kind = rules.check_certificates(certificates)
    first = certificates[0]
    if first.organisation_id != actor.organisation_id:
        raise rules.InvoiceOfAnotherFirm
    corrected = await _corrected(write, certificates) if kind is InvoiceKind.CREDIT_NOTE else None
    certified_on = [clock.paris_day(certificate.created_at) for certificate in certificates]
    ends = [min(each.to_on, on) for each, on in zip(certificates, certified_on, strict=True)]
    rules.check_issued(body.issued_on, max(ends) if corrected is None else corrected.issued_on)
    names = await _names(write, first, max(certificates, key=lambda each: each.created_at).certified_by)
    if names["supplier_siren"] is None:
        raise rules.SupplierSirenMissing
    payer_siren = names["payer_siren"] or (body.payer_siret or "")[:9] or None
    if body.payer_siret is not None and not body.payer_siret.startswith(payer_siren or ""):
        raise ValidationFailed(errors=[rules.OTHER_PAYER.at("/payer_siret", siren=payer_siren)])

    lines = _lines(certificates)
    vat = rules.vat_of((line["amount_cents"], line["vat_rate_bp"]) for line in lines)
    amount, vat_cents = sum(line["amount_cents"] for line in lines), sum(each.vat_cents for each in vat)
    invoice_id = await write.session.scalar(select(func.uuidv7()))
    facts = {
        "id": invoice_id,
        "territory": territory,
        "mission_id": first.mission_id,
        "organisation_id": first.organisation_id,
        "kind": kind,
        "number": body.number,
        "supplier_siren": names["supplier_siren"],
        "payer_siret": body.payer_siret,
        "issued_on": body.issued_on,
        "engagement_number": body.engagement_number,
        "service_code": body.service_code,
        "service_on": max(certified_on),
        "days": sum((line["days"] for line in lines), Decimal(0)),
        "vat_cents": vat_cents,
        "total_cents": amount + vat_cents,
        "made_by": made_by,
    }
    numbers = {certificate.id: certificate.number for certificate in certificates}
    content = sealed(
        {
            **facts,
            **names,
            "payer_siren": payer_siren,
            "supplier_address": body.supplier_address,
            "payer_address": body.payer_address,
            "supplier_vat_number": rules.vat_number(names["supplier_siren"]),
            "amount_excl_vat_cents": amount,
            "certificates": [
                {"id": each.id, "number": each.number, "from_on": each.from_on, "to_on": each.to_on,
                 "content_hash": each.content_hash}
                for each in certificates
            ],
            "corrects": corrected
            and {"id": corrected.id, "number": corrected.number, "issued_on": corrected.issued_on},
            "lines": [
                {
                    "certificate_number": numbers[line["certificate_id"]],
                    "profile": line["profile"],
                    "days": line["days"],
                    "day_rate_cents": line["day_rate_cents"],
                    "amount_excl_vat_cents": line["amount_cents"],
                    "vat_rate_bp": line["vat_rate_bp"],
                }
                for line in lines
            ],
            "vat": [
                {"rate_bp": each.rate_bp, "taxable_cents": each.taxable_cents, "vat_cents": each.vat_cents}
                for each in vat
            ],
            **{
                name: await parameters.on(write.session, first.mission_id, name, body.issued_on)
                for name in (parameters.PAYMENT_DAYS, parameters.LATE_MARGIN_BP, parameters.RECOVERY_FEE_CENTS)
            },
            "made_at": f"{write.now:%Y-%m-%dT%H:%M:%S.%fZ}",
        }
    )  # fmt: skip
    invoice = Invoice(
        **facts, payer_id=names["payer_id"], amount_cents=amount, corrects_id=corrected and corrected.id, **content
    )
    write.session.add(invoice)
    await write.session.flush()
    same = {"invoice_id": invoice_id}
    write.session.add_all(
        InvoiceCertificate(
            **same, certificate_id=each.id, territory=territory, mission_id=each.mission_id,
            organisation_id=each.organisation_id,
        )
        for each in certificates
    )  # fmt: skip
    write.session.add_all(InvoiceVat(**same, **vars(each)) for each in vat)
    await write.session.flush()
    write.session.add_all(InvoiceLine(**same, number=number, **line) for number, line in enumerate(lines, 1))
    await write.session.flush()
    return _change("created", invoice)


async def _hold(write: Write, actor: Actor, territory: str, ids: Sequence[UUID]) -> list[ServiceCertificate]:
    """The certificates in the order of their numbers, held in that of their ids.

    Raises `reference-not-found` (404) where the actor sees nothing of one, `repeated_certificate` (422).
    """
    c = ServiceCertificate
    repeated = [number for number, each in enumerate(ids) if each in ids[:number]]
    if repeated:
        pointers = [f"/certificate_ids/{number}" for number in repeated]
        raise ValidationFailed(errors=[rules.REPEATED_CERTIFICATE.at(pointer) for pointer in pointers])
    conditions = [c.territory == territory, c.id.in_(ids)]
    if actor.sees_only_own(READ, territory):
        conditions.append(c.organisation_id == actor.organisation_id)
    rows = select(c).where(*conditions).order_by(c.id).with_for_update(key_share=True)
    known = {row.id: row for row in await write.session.scalars(rows)}
    missing = [NOT_FOUND.at(f"/certificate_ids/{number}") for number, each in enumerate(ids) if each not in known]
    if missing:
        raise ReferenceNotFound(errors=missing)
    counters = select(c.id).where(c.cancels_id.in_(ids)).limit(1)
    if await write.session.scalar(counters) is not None:
        raise rules.CertificateCancelled
    return sorted(known.values(), key=lambda each: each.number)


async def _corrected(write: Write, counters: Sequence[ServiceCertificate]) -> Invoice:
    """The invoice that contains what these counter-certificates cancel.

    Raises `certificate-not-invoiced` (409), `certificate_kinds_differ` (422).
    """
    x = InvoiceCertificate
    cancelled = [counter.cancels_id for counter in counters]
    rows = select(x.certificate_id, x.invoice_id).where(x.certificate_id.in_(cancelled), x.stands)
    on_invoice = {row.certificate_id: row.invoice_id for row in await write.session.execute(rows)}
    if len(on_invoice) < len(cancelled):
        raise rules.CertificateNotInvoiced
    if len(set(on_invoice.values())) > 1:
        raise ValidationFailed(errors=[rules.CERTIFICATE_KINDS_DIFFER.at("/certificate_ids")])
    return await write.lock(Invoice, Invoice.id == next(iter(on_invoice.values())))


async def _names(write: Write, certificate: ServiceCertificate, certified_by: UUID) -> dict[str, Any]:
    """The names of the day on which the invoice is made: who invoices, who pays, and for what."""
    payer, m, o = aliased(Organisation), Mission, Order
    framework = (
        select(Framework.reference)
        .join(o, o.framework_id == Framework.id)
        .where(o.mission_id == m.id, o.kind == "initial")
        .scalar_subquery()
    )
    order = select(o.reference).where(o.mission_id == m.id, o.kind == "initial").scalar_subquery()
    names = (
        select(
            Organisation.name.label("supplier_name"), Organisation.siren.label("supplier_siren"),
            payer.id.label("payer_id"), payer.name.label("payer_name"), payer.siren.label("payer_siren"),
            m.name.label("mission_name"), Territory.name.label("territory_name"),
            framework.label("framework_reference"), order.label("order_reference"),
        )
        .select_from(m)
        .join(Territory, Territory.slug == m.territory)
        .join(Organisation, Organisation.id == certificate.organisation_id)
        .join(Subject, Subject.id == certified_by)
        .join(payer, payer.id == Subject.organisation_id)
        .where(m.id == certificate.mission_id)
    )  # fmt: skip
    return dict((await write.session.execute(names)).mappings().one())


def _lines(certificates: Sequence[ServiceCertificate]) -> list[dict[str, Any]]:
    """The lines of the certificates as they were sealed, with the rate of VAT of each."""
    return [
        {
            "certificate_id": certificate.id,
            "profile": line["profile"],
            "day_rate_cents": line["day_rate_cents"],
            "days": Decimal(line["days"]),
            "amount_cents": line["amount_excl_vat_cents"],
            "vat_rate_bp": certificate.vat_rate_bp,
        }
        for certificate in certificates
        for line in json.loads(certificate.content, parse_float=Decimal)["lines"]
    ]


# --- what becomes of it ----------------------------------------------------------------------------------------------


async def record_act(
    write: Write, actor: Actor, territory: str, invoice_id: UUID, body: schemas.InvoiceActBody
) -> Change:
    """Record what Chorus Pro says of an invoice. Raises what `follow` raises."""
    act, on = InvoiceAct(body.act), _day(body.on)
    if act in rules.NEED_REASON and body.reason is None:
        raise ValidationFailed(errors=[INVOICE_REASON_MISSING.at("/reason")])
    invoice = await _expected(write, actor, territory, invoice_id)
    return await follow(write, invoice, act, on, body.reason)


async def cancel_invoice(
    write: Write, actor: Actor, territory: str, invoice_id: UUID, body: schemas.InvoiceCancellation
) -> Change:
    """Cancel an invoice of the caller's firm that is not deposited yet: its number and its certificates are free.

    Raises `invoice-of-another-firm` (403) and what `follow` raises.
    """
    on = _day(body.on)
    invoice = await _expected(write, actor, territory, invoice_id)
    if invoice.organisation_id != actor.organisation_id:
        raise rules.InvoiceOfAnotherFirm
    return await follow(write, invoice, InvoiceAct.CANCEL, on, body.reason)


async def reverse_act(
    write: Write, actor: Actor, territory: str, invoice_id: UUID, body: schemas.InvoiceReversal
) -> Change:
    """Take back the last act that stands, as a mistake: the invoice is what it was before.

    Raises `invoice-nothing-to-reverse`, `certificate-already-invoiced`, `invoice-number-taken`, `invoice-credited`
    (409).
    """
    invoice = await _expected(write, actor, territory, invoice_id)
    history = await InvoiceHistory.of(write, invoice)
    last = history.life.last
    if last is None:
        raise rules.InvoiceNothingToReverse
    history.add(InvoiceAct.REVERSE, last.from_state, clock.today(), reverses_number=last.number, reason=body.reason)
    await history.write_down()
    return _change(_EVENTS[InvoiceAct.REVERSE], invoice)


def _day(on: date | None) -> date:
    """The day of an act. Raises `future_day` (422)."""
    day = on or clock.today()
    refuse_future({"/on": day})
    return day


async def follow(write: Write, invoice: Invoice, act: InvoiceAct, on: date, reason: str | None) -> Change:
    """Record an act on an invoice that is held.

    Raises `invoice-transition`, `invoice-act-out-of-order`, `invoice-credited` (409).
    """
    history = await InvoiceHistory.of(write, invoice)
    to = rules.check_invoice_act(history.life, act, on, invoice.issued_on)
    days = None
    if act is InvoiceAct.MAKE_AVAILABLE:
        begins_on = max(on, invoice.service_on)
        days = await parameters.on(write.session, invoice.mission_id, parameters.PAYMENT_DAYS, begins_on)
    history.add(act, to, on, reason=reason, payment_days=days)
    await history.write_down()
    return _change(_EVENTS[act], invoice)


async def _expected(write: Write, actor: Actor, territory: str, invoice_id: UUID) -> Invoice:
    """The invoice, held, as the caller has read it. Raises `not-found` where the actor may not see it."""
    i = Invoice
    conditions = [i.id == invoice_id, i.territory == territory]
    if actor.sees_only_own(READ, territory):
        conditions.append(i.organisation_id == actor.organisation_id)
    invoice = await write.lock(i, *conditions)
    write.expect(invoice.version, required=True)
    return invoice


def _change(event: str, invoice: Invoice) -> Change:
    return Change(f"invoice.{event}", INVOICES, [invoice.id], {"territory": invoice.territory})
