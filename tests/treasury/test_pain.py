"""The file of a payment run: the same bytes from the same values, and what every bank takes."""

import hashlib
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xmlschema import XMLSchemaValidationError

from app.core.values import iban_from
from app.treasury.runs import pain
from app.treasury.runs.pain import Initiation, Transfer, credit_transfers, in_sepa
from tests.treasury.runs import texts

ASKED = Initiation("0" * 32, datetime(2026, 11, 30, 23, 30, tzinfo=UTC), date(2026, 12, 3), "Bpifrance", iban_from(1))
TRANSFERS = [
    Transfer("1" * 32, 1, "Mécanique cévenole & Fils", iban_from(2), "Décision n° 2023/7"),
    Transfer("2" * 32, 123_456_789_01, "Œuvres «À l'Ancre»", "DE89370400440532013000", "Solde"),
]


def test_the_file_is_that_of_its_values_and_holds_to_its_schema() -> None:
    file = credit_transfers(ASKED, TRANSFERS)
    pain.check(file)
    # Another digest means other bytes for runs that were made before: their format needs a name of its own then.
    assert hashlib.sha256(file).hexdigest() == "78d369c9827d1f7961a86adf374ab4371eabab66f120cce0d5de61e8d6e42e33"
    assert file == credit_transfers(ASKED, TRANSFERS)
    assert texts(file, "GrpHdr/MsgId") == texts(file, "PmtInf/PmtInfId") == ["0" * 32]
    assert texts(file, "GrpHdr/CreDtTm") == ["2026-12-01T00:30:00"], "the time of Paris"
    assert texts(file, "GrpHdr/NbOfTxs") == texts(file, "PmtInf/NbOfTxs") == ["2"]
    assert texts(file, "GrpHdr/CtrlSum") == texts(file, "PmtInf/CtrlSum") == ["123456789.02"]
    assert texts(file, "PmtInf/ReqdExctnDt/Dt") == ["2026-12-03"]
    assert texts(file, "PmtInf/DbtrAcct/Id/IBAN") == [iban_from(1)]
    each = "PmtInf/CdtTrfTxInf"
    assert texts(file, f"{each}/PmtId/EndToEndId") == ["1" * 32, "2" * 32]
    assert texts(file, f"{each}/Amt/InstdAmt") == ["0.01", "123456789.01"]
    assert texts(file, f"{each}/Cdtr/Nm") == ["Mecanique cevenole Fils", "OEuvres A l'Ancre"]
    assert texts(file, f"{each}/CdtrAcct/Id/IBAN") == [iban_from(2), "DE89370400440532013000"]
    assert texts(file, f"{each}/RmtInf/Ustrd") == ["Decision ndeg 2023/7", "Solde"]


def test_a_file_that_breaks_its_schema_is_not_let_through() -> None:
    with pytest.raises(XMLSchemaValidationError):
        pain.check(credit_transfers(ASKED._replace(iban="FR14 2004"), TRANSFERS))


@given(st.text(max_size=200), st.integers(1, 140))
@settings(max_examples=300, deadline=None)
def test_any_text_becomes_one_that_every_bank_takes(text: str, length: int) -> None:
    said = in_sepa(text, length)
    assert 1 <= len(said) <= max(length, len("NOTPROVIDED"))
    assert all(character.isascii() and (character.isalnum() or character in "/?:().,'+ -") for character in said)
    assert not said.startswith(("/", " "))
    assert "//" not in said
    assert in_sepa(said, 140) == said


@given(st.lists(st.tuples(st.integers(1, 10**13), st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=4))
@settings(max_examples=4, deadline=None)
def test_every_file_holds_to_its_schema(values: list[tuple[int, str, str]]) -> None:
    transfers = [
        Transfer(f"{n:032}", cents, name, iban_from(n), text) for n, (cents, name, text) in enumerate(values, 1)
    ]
    file = credit_transfers(ASKED._replace(name=values[0][1]), transfers)
    pain.check(file)
    assert sum(
        int((amount or "").replace(".", "")) for amount in texts(file, "PmtInf/CdtTrfTxInf/Amt/InstdAmt")
    ) == sum(cents for cents, _, _ in values)
