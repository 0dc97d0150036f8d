"""What a bank statement says, and that no file that is sent as one does harm."""

import io
import time
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.values import iban_from
from app.core.writing.sheets import Format, Sniffer
from app.reader import camt
from app.reader.tables import Unreadable
from tests.treasury.statements import NEW, OLD, Entry, month, statement

IBAN = iban_from(7)
PAYER = iban_from(8)


def read(file: bytes) -> list[dict[str, object]]:
    (_, names), *rows = camt.rows(io.BytesIO(file))
    return [{"number": number} | dict(zip(map(str, names), cells, strict=True)) for number, cells in rows]


def refused(file: bytes) -> tuple[str, int | None, dict[str, object]]:
    with pytest.raises(Unreadable) as told:
        read(file)
    return told.value.code, told.value.line, told.value.figures


@pytest.mark.parametrize("form", [OLD, NEW, "camt.053.001.13"])
def test_both_forms_say_the_same(form: str) -> None:
    file = statement(
        Entry(1_234_56, "BQ-1", "REF 2024-07\n échéance", value_on="2024-01-11", siren="732 829 320 00074", iban=PAYER,
              end_to_end="E-1"),
        Entry(10_00, None, direction="DBIT", family="IDDT", returned="AM04"),
        Entry(5, "BQ-3", status="PDNG"),
        iban=IBAN, form=form,
    )  # fmt: skip
    first, second = read(file)
    assert first == {
        "number": 1, "account_iban": IBAN, "reference": "BQ-1", "received_on": "2024-01-10", "value_on": "2024-01-11",
        "amount_cents": 1_234_56, "direction": "credit", "method": "transfer", "payer_name": "Forges Alésiennes",
        "payer_siren": "732829320", "payer_iban": PAYER, "text": "REF 2024-07 échéance", "end_to_end_id": "E-1",
        "reason_code": "",
    }  # fmt: skip
    told = [second[name] for name in ("reference", "direction", "method", "end_to_end_id", "reason_code")]
    assert told == ["2024-01/2", "debit", "direct_debit", "", "AM04"], "an entry without a reference is its place"


def test_an_entry_of_several_transactions_is_a_row_for_each() -> None:
    parts = "".join(
        f'<TxDtls><Refs><EndToEndId>E-{n}</EndToEndId></Refs><Amt Ccy="EUR">{n}.00</Amt></TxDtls>' for n in (1, 2)
    )
    whole = Entry(300, "BQ-1").xml(NEW)
    start, end = whole.index("<TxDtls>"), whole.index("</NtryDtls>")
    batch = whole[:start] + parts + whole[end:]
    rows = read(statement(batch, Entry(1, "BQ-2"), iban=IBAN, closing=10_003_01))
    assert [(row["number"], row["reference"], row["amount_cents"], row["end_to_end_id"]) for row in rows] == [
        (1, "BQ-1/1", 100, "E-1"), (2, "BQ-1/2", 200, "E-2"), (3, "BQ-2", 1, ""),
    ]  # fmt: skip
    missing = batch.replace('<Amt Ccy="EUR">1.00</Amt>', "")
    [silent] = read(statement(missing, iban=IBAN, closing=10_003_00))
    told = [silent[name] for name in ("reference", "amount_cents", "end_to_end_id", "payer_name")]
    assert told == ["BQ-1", 300, "", ""], "an amount is missing: the entry is one row, of no transaction"
    code, line, figures = refused(statement(batch.replace("2.00<", "2.01<"), iban=IBAN, closing=10_003_00))
    assert (code, line, figures) == ("entry_sum", 1, {"stated_cents": 300, "entries_cents": 301})


GOOD = statement(Entry(100, "A"), Entry(250, "B"), iban=IBAN)
LAUGHS = "<!DOCTYPE lolz [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
) + "]>"  # fmt: skip
OUTSIDE = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
SUMMARY = "<TxsSummry><TtlCdtNtries><NbOfNtries>2</NbOfNtries><Sum>{}</Sum></TtlCdtNtries></TxsSummry>"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        (GOOD.replace(b"<Id>2024", b"<Id>&j;2024").replace(b"?>\n", b"?>\n" + LAUGHS.encode(), 1),
         "statement_with_doctype"),
        (statement(Entry(1, "A", "&x;"), iban=IBAN, before=OUTSIDE), "statement_with_doctype"),
        (statement(iban=IBAN, before='<!DOCTYPE d SYSTEM "http://192.0.2.1/d.dtd">'), "statement_with_doctype"),
        (GOOD.replace(b"<Nm>", b"<Nm>&undefined;"), "unreadable_xml"),
        (GOOD[:-200], "unreadable_xml"),
        (GOOD.replace(b"UTF-8", b"x-none"), "unreadable_xml"),
        (GOOD.replace(b"Forges", b"\xff\xfe"), "unreadable_xml"),
        (GOOD.replace(b"camt.053", b"camt.054"), "not_a_statement"),
        (GOOD.replace(b"001.08", b"001.01"), "not_a_statement"),
        (b'<?xml version="1.0"?><Document/>', "not_a_statement"),
        (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>', "not_a_statement"),
        (statement(Entry(100, "A"), Entry(250, "B"), iban=IBAN, closing=10_003_51), "statement_sum"),
        (statement(Entry(100, "A"), Entry(250, "B"), iban=IBAN, summary=SUMMARY.format("3.51")), "statement_sum"),
        (statement(Entry(100, "A", currency="USD"), iban=IBAN), "wrong_currency"),
        (statement(iban=IBAN, currency="CHF"), "wrong_currency"),
        (GOOD.replace(b">1.00<", b">1.005<"), "statement_incomplete"),
        (GOOD.replace(b">1.00<", b">-1.00<"), "statement_incomplete"),
        (GOOD.replace(b">1.00<", b">1e9<"), "statement_incomplete"),
        (GOOD.replace(b"<Dt>2024-01-10</Dt>", b"<Dt>2024-02-30</Dt>"), "statement_incomplete"),
        (GOOD.replace(b"CRDT</CdtDbtInd><Sts>", b"?</CdtDbtInd><Sts>"), "statement_incomplete"),
        (statement(iban=""), "statement_incomplete"),
        (GOOD.replace(b"<RltdPties>", b"<RltdPties>" + b"<x>" * 50, 1), "statement_too_large"),
        (GOOD.replace(b"<RltdPties>", b"<RltdPties>" + b"<x/>" * 20_001, 1), "statement_too_large"),
        (statement(Entry(100, "A", "a" * 5_000), iban=IBAN), "statement_too_large"),
    ],
)  # fmt: skip
def test_what_is_no_sound_statement_is_told(file: bytes, code: str) -> None:
    assert refused(file)[0] == code


def test_a_wrong_sum_says_both_amounts_and_a_fault_where_it_is() -> None:
    told = refused(statement(Entry(100, "A"), Entry(250, "B"), iban=IBAN, closing=10_003_51))
    assert told == ("statement_sum", 2, {"element": "Bal", "stated_cents": 351, "entries_cents": 350})
    assert read(statement(Entry(100, "A"), Entry(250, "B"), iban=IBAN, summary=SUMMARY.format("3.50")))
    assert refused(statement(Entry(1, "A"), Entry(2, "B", currency="USD"), iban=IBAN))[:2] == ("wrong_currency", 2)


@given(content=st.binary(max_size=200).map(lambda rest: GOOD[: len(rest) * 9] + rest + GOOD[len(rest) * 10 :]))
@example(content=GOOD.decode().replace('encoding="UTF-8"', "").encode("utf-16"))
def test_any_bytes_are_rows_or_refused(content: bytes) -> None:
    try:
        read(content)
    except Unreadable:
        return


@pytest.mark.parametrize(
    "content", [GOOD, b"\xef\xbb\xbf" + GOOD, GOOD.partition(b"\n")[2], GOOD.decode().encode("utf-16")]
)
def test_a_statement_is_recognised_by_its_content(content: bytes) -> None:
    sniffer = Sniffer()
    for n in range(0, len(content), 100):
        sniffer.feed(content[n : n + 100])
    assert sniffer.shape().format is Format.XML


def test_a_long_statement_is_read_in_pieces() -> None:
    file = month(2_500, iban=IBAN)
    started = time.perf_counter()
    tracemalloc.start()
    count = sum(1 for _ in camt.rows(io.BytesIO(file))) - 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 2_500
    assert peak < 750_000 < len(file)
    assert time.perf_counter() - started < 30
