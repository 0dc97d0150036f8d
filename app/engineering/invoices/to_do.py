"""What waits among certificates and invoices: to invoice, suspended, late."""

from sqlalchemy import select

from app.core.db import literals, paris_day
from app.engineering.certificates.models import ServiceCertificate
from app.engineering.certificates.queries import TO_INVOICE
from app.engineering.invoices.models import Invoice, InvoicePassage
from app.engineering.invoices.queries import late_on
from app.engineering.invoices.rules import InvoiceState
from app.programme.to_do import ORGANISATION, TODAY, Kind

_certificate, _invoice, _last = ServiceCertificate, Invoice, InvoicePassage
_overdue = select(_invoice.territory, _invoice.due_on).where(late_on(TODAY), _invoice.paid_on.is_(None))

KINDS = (
    Kind(
        "certificates_to_invoice",
        "certificates of the caller's firm that no invoice contains, and counter-certificates that no credit note does;"
        " the day of the certificate.",
        "invoices:write",
        select(_certificate.territory, paris_day(_certificate.created_at)).where(
            TO_INVOICE, _certificate.organisation_id == ORGANISATION
        ),
        "service-certificates?to_invoice=true&organisation_id={organisation}&sort=number",
        by_person=False,
    ),
    Kind(
        "invoices_suspended",
        "invoices of the caller's firm that the payer has suspended; the day of the suspension.",
        "invoices:write",
        select(_invoice.territory, _last.effective_on)
        .join(_last, (_last.invoice_id == _invoice.id) & (_last.number == _invoice.passage_number))
        .where(_invoice.state.in_(literals([InvoiceState.SUSPENDED])), _invoice.organisation_id == ORGANISATION),
        "invoices?state=suspended&organisation_id={organisation}&sort=issued_on",
        by_person=False,
    ),
    Kind(
        "invoices_late",
        "invoices of the caller's firm that are unpaid after their last day; that day.",
        "invoices:write",
        _overdue.where(_invoice.organisation_id == ORGANISATION),
        "invoices?overdue=true&organisation_id={organisation}&sort=due_on",
        by_person=False,
    ),
    Kind(
        "invoices_to_pay_late",
        "invoices of all members that are unpaid after their last day; that day.",
        "service_certificates:write",
        _overdue,
        "invoices?overdue=true&sort=due_on",
        by_person=False,
    ),
)
