"""The files for a bank, from plain values: SEPA credit transfers of a payment run, SEPA direct debits of a collection
run (ISO 20022). No session, no await.

The same values give the same bytes: nothing is asked of the clock, and nothing is drawn. Source: pain.001.001.09 and
pain.008.001.08 as the European Payments Council uses them (EPC132-08, EPC130-08): IBAN only, NOTPROVIDED as the bank's
code, the characters of section 1.4.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from threading import Lock
from typing import Any, NamedTuple

from sepaxml import SepaDD, SepaTransfer
from text_unidecode import unidecode

from app.core.clock import PARIS

FORMAT = "pain.001.001.09"
DEBIT_FORMAT = "pain.008.001.08"
MEDIA_TYPE = "application/xml"
_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:{}"
_OUTSIDE = re.compile(r"[^A-Za-z0-9/?:().,'+ -]+")
_NAME, _TEXT = 70, 140  # characters
_CHECKING = Lock()


class Transfer(NamedTuple):
    """One credit transfer. `id` comes back with what the bank says of it: at most 35 letters and digits."""

    id: str
    amount_cents: int
    name: str
    iban: str
    text: str


class Debit(NamedTuple):
    """One direct debit by a mandate. `id` comes back with what the bank says of it: at most 35 letters and digits."""

    id: str
    amount_cents: int
    name: str
    iban: str
    text: str
    mandate: str
    signed_on: date


class Initiation(NamedTuple):
    """Who asks the bank to pay or to collect, from or to which account and on which day."""

    id: str
    created_at: datetime
    execution_on: date
    name: str
    iban: str


def in_sepa(text: str, length: int) -> str:
    """The text in the characters that every bank takes: accents go, what is left over becomes a space."""
    plain = re.sub("/{2,}", "/", _OUTSIDE.sub(" ", unidecode(text)))
    return " ".join(plain.split()).lstrip("/ ")[:length].rstrip() or "NOTPROVIDED"


def credit_transfers(asked: Initiation, transfers: Iterable[Transfer]) -> bytes:
    """The file, not yet held against its schema (`check`).

    The library draws its ids, reads the clock and leaves the debtor's bank empty: these are set to what was asked.
    """
    file = SepaTransfer(
        {"name": in_sepa(asked.name, _NAME), "IBAN": asked.iban, "batch": True, "currency": "EUR"}, schema=FORMAT
    )
    for transfer in transfers:
        file.add_payment({
            "name": in_sepa(transfer.name, _NAME),
            "IBAN": transfer.iban,
            "amount": transfer.amount_cents,
            "execution_date": asked.execution_on,
            "description": in_sepa(transfer.text, _TEXT),
            "endtoend_id": transfer.id,
        })  # fmt: skip
    document = _as_asked(file, asked, FORMAT)
    [bank] = document.findall("*/PmtInf/DbtrAgt/FinInstnId", {"": _NAMESPACE.format(FORMAT)})
    other = ET.SubElement(bank, f"{{{_NAMESPACE.format(FORMAT)}}}Othr")
    ET.SubElement(other, f"{{{_NAMESPACE.format(FORMAT)}}}Id").text = "NOTPROVIDED"
    return _written(document)


def direct_debits(asked: Initiation, creditor_identifier: str, debits: Iterable[Debit]) -> bytes:
    """The file, not yet held against its schema (`check`). The bank books each debit by itself, as each comes back."""
    file = SepaDD(
        {"name": in_sepa(asked.name, _NAME), "IBAN": asked.iban, "batch": True, "currency": "EUR",
         "creditor_id": creditor_identifier, "instrument": "CORE"},
        schema=DEBIT_FORMAT,
    )  # fmt: skip
    for debit in debits:
        file.add_payment({
            "name": in_sepa(debit.name, _NAME),
            "IBAN": debit.iban,
            "amount": debit.amount_cents,
            "type": "RCUR",
            "collection_date": asked.execution_on,
            "mandate_id": debit.mandate,
            "mandate_date": debit.signed_on,
            "description": in_sepa(debit.text, _TEXT),
            "endtoend_id": debit.id,
        })  # fmt: skip
    document = _as_asked(file, asked, DEBIT_FORMAT)
    for booking in document.findall("*/PmtInf/BtchBookg", {"": _NAMESPACE.format(DEBIT_FORMAT)}):
        booking.text = "false"
    return _written(document)


def _as_asked(file: Any, asked: Initiation, form: str) -> ET.Element:
    """The document that the library has made, with the ids and the instant that were asked for."""
    document = ET.fromstring(file.export(validate=False))  # noqa: S314  # written in the line before
    within = {"": _NAMESPACE.format(form)}
    for path, text in (
        ("*/GrpHdr/MsgId", asked.id),
        ("*/GrpHdr/CreDtTm", f"{asked.created_at.astimezone(PARIS):%Y-%m-%dT%H:%M:%S}"),
        ("*/PmtInf/PmtInfId", asked.id),
    ):
        [element] = document.findall(path, within)
        element.text = text
    return document


def _written(document: ET.Element) -> bytes:
    written: bytes = ET.tostring(document, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + written + b"\n"


@cache
def _schema(form: str) -> Any:
    """The schema that the library ships, compiled once: it takes half a second."""
    from xmlschema import XMLSchema  # slow to import, and rarely wanted

    return XMLSchema(str(files("sepaxml") / "schemas" / f"{form}.xsd"))


def check(file: bytes, form: str = FORMAT) -> None:
    """Hold a file against its schema, one at a time. Raises `XMLSchemaValidationError`: a fault of ours."""
    with _CHECKING:
        _schema(form).validate(file.decode())
