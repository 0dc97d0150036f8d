"""An invoice on paper and as Factur-X: French, as the law has it, and made of what was sealed alone."""

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from app.core.formats import day, euros, number
from app.core.reading import documents
from app.core.reading.query import Parameter
from app.core.reading.sealed import content_of
from app.engineering.invoices.factur_x import PROFILES, notes, terms
from app.engineering.invoices.models import Invoice

FORMS = {"application/json": "json", documents.PDF: "pdf", documents.XML: "xml"}
FORM = {"format": Parameter(Literal["json", "pdf", "xml"], "The representation; weighs more than Accept.")}
PROGRAM = "app.engineering.invoices.factur_x"
TEMPLATE = Path(__file__).with_name("invoice.typ").read_text()
WORDS = {
    "page": "Page {n} sur {of}", "signed": "", "supplier": "Fournisseur", "payer": "Client", "vat": "TVA par taux",
    "seal": "Scellé (SHA-256 du contenu de la facture) :",
}  # fmt: skip


def _on(text: str) -> str:
    return day(date.fromisoformat(text), "fr")


def title_of(said: Mapping[str, Any]) -> str:
    """`Facture n° FA-1`, `Avoir n° AV-1`."""
    return f"{'Avoir' if said['kind'] == 'credit_note' else 'Facture'} n°\u00a0{said['number']}"


def _party(said: Mapping[str, Any], who: str, *more: tuple[str, str | None]) -> list[Any]:
    lines = [said[f"{who}_address"], *(value and f"{name}\u00a0: {value}" for name, value in more)]
    return [said[f"{who}_name"], [line for line in lines if line]]


def as_data(said: Mapping[str, Any], content_hash: str) -> dict[str, Any]:
    """What the template needs of a sealed invoice."""
    title, corrects = title_of(said), said["corrects"]
    periods = {each["number"]: f"{_on(each['from_on'])} – {_on(each['to_on'])}" for each in said["certificates"]}
    facts = [
        ("Date", _on(said["issued_on"])),
        ("Mission", f"{said['mission_name']}, {said['territory_name']}"),
        ("Bon de commande", said["order_reference"]),
        ("Accord-cadre", said["framework_reference"]),
        ("Numéro d'engagement", said["engagement_number"]),
        ("Code service", said["service_code"]),
        ("Service fait", _on(said["service_on"])),
    ]
    return {
        "title": title,
        "author": said["supplier_name"],
        "day": [int(part) for part in said["issued_on"].split("-")],
        "footer": f"{title} – {said['supplier_name']}",
        "language": "fr",
        "words": WORDS,
        "notice": corrects and f"Rectifie la facture n°\u00a0{corrects['number']} du {_on(corrects['issued_on'])}.",
        "supplier": _party(
            said, "supplier", ("SIREN", said["supplier_siren"]), ("TVA", said["supplier_vat_number"])
        ),
        "payer": _party(said, "payer", ("SIRET" if said["payer_siret"] else "SIREN",
                                        said["payer_siret"] or said["payer_siren"])),
        "facts": [(name, value) for name, value in facts if value],
        "head": ["Attestation", "Prestation", "Jours", "Prix HT", "TVA", "Montant HT"],
        "rows": [
            [
                f"n°\u00a0{line['certificate_number']}",
                f"{PROFILES[line['profile']]}, {periods[line['certificate_number']]}",
                number(line["days"], "fr", 2),
                euros(line["day_rate_cents"], "fr"),
                f"{number(Decimal(line['vat_rate_bp']) / 100, 'fr')}\u00a0%",
                euros(line["amount_excl_vat_cents"], "fr"),
            ]
            for line in said["lines"]
        ],
        "totals": [
            ["", "Total HT", number(said["days"], "fr", 2), "", "", euros(said["amount_excl_vat_cents"], "fr")],
            ["", "TVA", "", "", "", euros(said["vat_cents"], "fr")],
            ["", "Total TTC", "", "", "", euros(said["total_cents"], "fr")],
        ],
        "vat_head": ["Taux", "Base HT", "TVA"],
        "vat": [
            [
                f"{number(Decimal(each['rate_bp']) / 100, 'fr')}\u00a0%",
                euros(each["taxable_cents"], "fr"),
                euros(each["vat_cents"], "fr"),
            ]
            for each in said["vat"]
        ],
        "notes": [terms(said), *(note["BT-22"] for note in notes(said))] if said["kind"] == "invoice" else [],
        "hash": content_hash,
    }  # fmt: skip


async def factur_x(content: str, form: str) -> bytes:
    """The Factur-X of a sealed invoice (`pdf`), or its XML alone (`xml`). Raises `PdfNotInstalled` (501)."""
    said = json.loads(content)
    data = as_data(said, sha256(content.encode()).hexdigest())
    return await documents.pdf(TEMPLATE, data, PROGRAM, said=said, form=form)


async def show_factur_x(request: Request, form: str, own: Mapping[str, Any]) -> Response:
    """The Factur-X of an invoice, found by the path; `own` limits it to an organisation. Raises `NotFound`."""
    content = await content_of(request, Invoice, own)
    name = f"invoice-{request.path_params['territory']}-{request.path_params['id']}"
    with request.state.documents.taken(request.state.actor):
        return documents.attachment(await factur_x(content, form), form, name, "fr")
