"""Payments of grants from a file."""

from app.awards.payments.importer import payments_file
from app.core.faults import Message
from app.core.values import Day, ShortLine, Uuid
from app.core.writing import cells
from app.core.writing.importing import Heading, coded
from app.grants.payments.schemas import PaymentCreate
from app.grants.payments.service import GRANT_PAYMENTS

KINDS = {
    "Avance": "advance_payment", "Acompte": "interim_payment", "Solde": "balance_payment",
}  # fmt: skip


class GrantPaymentLine(PaymentCreate):
    """A payment that the bank has made; its grant is named by its id or by the reference of its decision."""

    id: Uuid | None = None
    grant_id: Uuid | None = None
    decision_reference: ShortLine | None = None
    paid_on: Day


GRANT_PAYMENTS_FILE = payments_file(
    GRANT_PAYMENTS,
    kind="grant_payments",
    permission="grants:pay",
    line=GrantPaymentLine,
    body=PaymentCreate,
    first=Message("grants_first", "Import the grants first.", "Importez d'abord les subventions."),
    columns=[
        Heading("kind", coded(KINDS), ["nature", "type"], required=True),
        Heading("reference", cells.plain, ["référence", "référence du virement"], required=True),
    ],
)
