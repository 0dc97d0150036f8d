"""A program of its own: what an invoice says comes in on stdin as JSON, its Factur-X or its XML goes out on stdout.

The library `factur-x` writes the XML of EN 16931, holds it against its schema and puts it into the PDF/A-3 that typst
has set. It asks nobody: the checks that a server would do for it are not called. The same invoice gives the same bytes.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from app.core.formats import day, number
from app.core.reading.typesetting import main, typeset

LEVEL = "en16931"
PROFILES = {"junior": "Consultant junior", "senior": "Consultant senior", "expert": "Expert"}
# What XML 1.0 cannot contain.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def terms(said: Mapping[str, Any]) -> str:
    """Until when it is to be paid, in words: the day itself depends on the receipt."""
    return f"Paiement à {said['payment_days']} jours de la réception, ou du service fait s'il est postérieur."


def notes(said: Mapping[str, Any]) -> list[dict[str, str]]:
    """What the law has on an invoice (code de commerce, art. L. 441-9; CCP, art. L. 2192-12 to L. 2192-14)."""
    margin = number(said["late_margin_bp"] // 100, "fr") if said["late_margin_bp"] % 100 == 0 else number(
        said["late_margin_bp"] / 100, "fr"
    )  # fmt: skip
    fee = euros_of(said["recovery_fee_cents"]).replace(".", ",")
    return [
        {"BT-21": "PMT", "BT-22": f"Indemnité forfaitaire pour frais de recouvrement en cas de retard : {fee} €."},
        {"BT-21": "PMD", "BT-22": f"Intérêts moratoires : taux de la Banque centrale européenne + {margin} points."},
        {"BT-21": "AAB", "BT-22": "Pas d'escompte pour paiement anticipé."},
    ]


def euros_of(cents: int) -> str:
    """Cents as EN 16931 writes euros: `1234.50`."""
    sign, whole = ("-" if cents < 0 else ""), abs(cents)
    return f"{sign}{whole // 100}.{whole % 100:02}"


def percent_of(bp: int) -> str:
    """A rate as EN 16931 writes it: `20.00`."""
    return euros_of(bp)


def category_of(bp: int) -> str:
    """The category of VAT: standard rate, or zero."""
    return "S" if bp else "Z"


def model_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """The terms of EN 16931 that a sealed invoice has. A credit note has positive amounts, and what it corrects."""
    sign = -1 if said["kind"] == "credit_note" else 1
    certificates = {each["number"]: each for each in said["certificates"]}
    model: dict[str, Any] = {
        "BT-1": said["number"],
        "BT-2": said["issued_on"],
        "BT-3": "381" if sign < 0 else "380",
        "BT-5": "EUR",
        "BT-10": said["service_code"],
        "BT-12": said["framework_reference"],
        "BT-13": said["engagement_number"],
        "BT-20": terms(said),
        "BT-23": "A1",  # Chorus Pro: an invoice that its supplier deposits
        "BT-72": max(each["to_on"] for each in said["certificates"]),
        "BT-73": min(each["from_on"] for each in said["certificates"]),
        "BT-74": max(each["to_on"] for each in said["certificates"]),
        "BT-106": euros_of(sign * said["amount_excl_vat_cents"]),
        "BT-109": euros_of(sign * said["amount_excl_vat_cents"]),
        "BT-110": euros_of(sign * said["vat_cents"]),
        "BT-112": euros_of(sign * said["total_cents"]),
        "BT-115": euros_of(sign * said["total_cents"]),
        "BG-1": notes(said),
        "BG-4": {
            "name": said["supplier_name"],
            "legal_identifier": said["supplier_siren"],
            "legal_identifier_schemeid": "0002",
            "vat_identifier": said["supplier_vat_number"],
            "country_code": "FR",
            "addr_l1": said["supplier_address"],
        },
        "BG-7": {
            "name": said["payer_name"],
            "identifiers": {"0009": said["payer_siret"]} if said["payer_siret"] else {},
            "legal_identifier": said["payer_siren"],
            "legal_identifier_schemeid": "0002" if said["payer_siren"] else None,
            "country_code": "FR",
            "addr_l1": said["payer_address"],
        },
        "BG-23": [
            {
                "BT-116": euros_of(sign * each["taxable_cents"]),
                "BT-117": euros_of(sign * each["vat_cents"]),
                "BT-118": category_of(each["rate_bp"]),
                "BT-119": percent_of(each["rate_bp"]),
            }
            for each in said["vat"]
        ],
        "BG-25": [
            {
                "BT-126": str(place),
                "BT-129": f"{sign * line['days']:.2f}",
                "BT-130": "DAY",
                "BT-131": euros_of(sign * line["amount_excl_vat_cents"]),
                "BT-134": certificates[line["certificate_number"]]["from_on"],
                "BT-135": certificates[line["certificate_number"]]["to_on"],
                "BT-146": euros_of(line["day_rate_cents"]),
                "BT-151": category_of(line["vat_rate_bp"]),
                "BT-152": percent_of(line["vat_rate_bp"]),
                "BT-153": f"{PROFILES[line['profile']]}, jours de prestation",
                "BT-154": f"Attestation de service fait n° {line['certificate_number']}",
            }
            for place, line in enumerate(said["lines"], 1)
        ],
    }
    if said["corrects"]:
        model["BG-3"] = [{"BT-25": said["corrects"]["number"], "BT-26": said["corrects"]["issued_on"]}]
    return _readable(model)  # type: ignore[no-any-return]  # a dict of a dict


def _readable(value: Any) -> Any:
    """The same without what XML cannot contain, and without what is not said."""
    if isinstance(value, str):
        return _NOT_XML.sub("", value)
    if isinstance(value, dict):
        return {name: _readable(each) for name, each in value.items() if each is not None}
    return [_readable(each) for each in value] if isinstance(value, list) else value


def xml_of(said: Mapping[str, Any]) -> bytes:
    """The XML of a sealed invoice, held against the schema of EN 16931."""
    import facturx

    xml: bytes = facturx.generate_xml(
        model_of(said), flavor="factur-x", level=LEVEL, check_xsd=True, check_schematron=None
    )
    return xml


def make(order: Mapping[str, Any]) -> bytes:
    """The XML of the sealed invoice `said`, or where a template comes with it the PDF/A-3 that contains it."""
    said = order["said"]
    xml = xml_of(said)
    if order["form"] == "xml":
        return xml
    import facturx
    from facturx import facturx as library

    class SealedAt(datetime):
        """The clock of the library: it stands at the instant at which the invoice was sealed."""

        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.fromisoformat(said["made_at"]).astimezone(tz)

    library.datetime = SealedAt
    title = order["data"]["title"]
    metadata = {
        "author": _readable(said["supplier_name"]), "keywords": "Factur-X", "title": title,
        "subject": f"{title}, {day(date.fromisoformat(said['issued_on']), 'fr')}",
    }  # fmt: skip
    document: bytes = facturx.generate_from_binary(
        typeset({**order, "standards": ["a-3b"]}), xml, flavor="factur-x", level=LEVEL, check_xsd=False,
        check_schematron=False, pdf_metadata=metadata, lang="fr", afrelationship="data",
    )  # fmt: skip
    return document


if __name__ == "__main__":
    main(make)
