"""Invoices over HTTP: made from certificates, followed, and read as JSON, as Factur-X or as its XML."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor, EmailMissing
from app.core.problems import IfMatchMissing, ReferenceNotFound
from app.core.reading import documents
from app.core.reading.answers import page, show
from app.core.reading.negotiation import wanted
from app.core.reading.query import read
from app.core.reading.sealed import show_content
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.engineering.invoices import document, rules, schemas, service
from app.engineering.invoices.models import Invoice
from app.engineering.invoices.queries import HISTORY, INVOICES
from app.programme.routes import T

invoices: APIRouter = router("engineering")

INVOICE = T + "/invoices/{id:uuid}"
READ = "invoices:read"
AGAIN = (rules.CertificateAlreadyInvoiced, rules.InvoiceNumberTaken)
ACT = (rules.InvoiceTransition, rules.InvoiceActOutOfOrder, rules.InvoiceCredited)


@invoices.get(T + "/invoices", **lists(INVOICES))
async def list_invoices(request: Request, actor: Actor = require(READ)) -> Response:
    """Invoices and credit notes. A member of the consortium sees its own."""
    return await page(request, INVOICES, **actor.own(READ, request.path_params["territory"]))


@invoices.post(
    T + "/invoices",
    **changes(
        schemas.Invoice,
        *AGAIN,
        rules.CertificateCancelled,
        rules.CertificateNotInvoiced,
        rules.SupplierSirenMissing,
        rules.InvoiceOfAnotherFirm,
        EmailMissing,
        ReferenceNotFound,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def create_invoice(
    request: Request, body: schemas.InvoiceCreate, actor: Actor = require("invoices:write")
) -> Response:
    """Make an invoice of the caller's firm from certificates, each whole and once; needs Idempotency-Key.

    Counter-certificates make a credit note, which corrects the invoice that contains what they cancel. The lines are
    those of the sealed certificates; VAT is computed once on the sum of each rate. What it says is sealed.
    """
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.create_invoice(write, actor, territory, body),
        status=201,
        idempotency_required=True,
    )


@invoices.get(
    INVOICE,
    **shows(schemas.Invoice, documents.PdfNotInstalled, parameters=document.FORM, forms=document.FORMS),
)
async def get_invoice(request: Request, actor: Actor = require(READ)) -> Response:
    """One invoice or credit note, as JSON, as Factur-X (PDF/A-3 that contains its XML), or as that XML of EN 16931.

    Both are French, and made of what was sealed alone: the same invoice gives the same bytes.
    """
    own = actor.own(READ, request.path_params["territory"])
    form = wanted(request, read(request, document.FORM), document.FORMS)
    if form == "json":
        return await show(request, INVOICES, {}, **own)
    return await document.show_factur_x(request, form, own)


@invoices.get(INVOICE + "/content", **shows(schemas.InvoiceContent))
async def get_invoice_content(request: Request, actor: Actor = require(READ)) -> Response:
    """The sealed content of an invoice as canonical JSON whose SHA-256 is `content_hash`.

    The answer ends with a newline, which is not part of what was hashed.
    """
    return await show_content(request, Invoice, actor.own(READ, request.path_params["territory"]))


@invoices.get(T + "/invoices/{invoice_id:uuid}/history", **lists(HISTORY))
async def list_invoice_history(request: Request, actor: Actor = require(READ)) -> Response:
    """The acts on an invoice in the order in which they were recorded."""
    return await page(request, HISTORY, **actor.own(READ, request.path_params["territory"]))


@invoices.post(INVOICE + "/record", **changes(schemas.Invoice, *ACT, IfMatchMissing))
async def record_invoice_act(
    request: Request, body: schemas.InvoiceActBody, actor: Actor = require("invoices:follow")
) -> Response:
    """Record what Chorus Pro says of an invoice, and since when; needs If-Match.

    `make_available` is the receipt: the delay to pay begins, at the service done where that is later. The first
    suspension stops it; once all is there it runs anew.
    """
    path = request.path_params
    return await commit(request, lambda write: service.record_act(write, actor, path["territory"], path["id"], body))


@invoices.post(
    INVOICE + "/cancel",
    **changes(schemas.Invoice, *ACT, rules.InvoiceOfAnotherFirm, IfMatchMissing),
)
async def cancel_invoice(
    request: Request, body: schemas.InvoiceCancellation, actor: Actor = require("invoices:write")
) -> Response:
    """Cancel an invoice of the caller's firm that is not deposited yet; needs If-Match.

    Its number and its certificates are free. What was deposited is rejected by the payer or corrected by a credit note.
    """
    path = request.path_params
    return await commit(
        request, lambda write: service.cancel_invoice(write, actor, path["territory"], path["id"], body)
    )


@invoices.post(
    INVOICE + "/reverse",
    **changes(schemas.Invoice, rules.InvoiceNothingToReverse, rules.InvoiceCredited, *AGAIN, IfMatchMissing),
)
async def reverse_invoice_act(
    request: Request, body: schemas.InvoiceReversal, actor: Actor = require("invoices:follow")
) -> Response:
    """Take back the last act on an invoice, which was a mistake; needs If-Match. Both acts stay in its history.

    An invoice that stands again needs its number and its certificates, which nothing else may have taken meanwhile.
    """
    path = request.path_params
    return await commit(request, lambda write: service.reverse_act(write, actor, path["territory"], path["id"], body))
