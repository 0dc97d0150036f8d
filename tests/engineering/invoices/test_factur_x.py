"""Factur-X: read back by the library and by pypdf, the rules of EN 16931 for totals and VAT, the same bytes again."""

import io
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import facturx
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pypdf import PdfReader

from app.engineering.certificates.rules import PricedLine
from app.engineering.invoices.document import as_data, factur_x
from app.engineering.invoices.factur_x import model_of, xml_of
from app.engineering.invoices.rules import vat_number, vat_of
from tests.engineering.invoices.acts import cancelled, certified, invoice
from tests.world import World, ok, problem

SAFE = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
NAMES = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=40)
LINES = st.lists(
    st.tuples(
        st.sampled_from(["junior", "senior", "expert"]), st.integers(1, 100_000_000), st.integers(1, 400),
        st.sampled_from([2000, 1960, 1000, 0]),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


def said(lines: list[tuple[str, int, int, int]], kind: str = "invoice", **names: str) -> dict[str, Any]:
    """What an invoice of such lines says."""
    sign = -1 if kind == "credit_note" else 1
    priced = [(PricedLine(profile, rate, sign * Decimal(quarters) / 4), bp) for profile, rate, quarters, bp in lines]
    vat = vat_of((line.amount_cents, bp) for line, bp in priced)
    amount, tax = sum(line.amount_cents for line, _ in priced), sum(each.vat_cents for each in vat)
    texts = {"supplier_name": "Cabinet", "payer_name": "Banque", "mission_name": "Mission", "number": "FA-1", **names}
    return {
        **texts, "kind": kind, "issued_on": "2023-07-05", "territory_name": "Alès", "order_reference": "BC-1",
        "framework_reference": None, "service_code": None, "engagement_number": "13004", "service_on": "2023-07-04",
        "supplier_siren": "443061841", "supplier_vat_number": vat_number("443061841"), "supplier_address": None,
        "payer_siren": None, "payer_siret": None, "payer_address": None, "payment_days": 30, "late_margin_bp": 800,
        "recovery_fee_cents": 4000, "made_at": "2023-07-05T08:00:00.000000Z",
        "corrects": {"number": "FA-0", "issued_on": "2023-07-01"} if sign < 0 else None,
        "certificates": [{"number": 1, "from_on": "2023-06-14", "to_on": "2023-06-30"}],
        "lines": [
            {"certificate_number": 1, "profile": line.profile, "days": float(line.days), "vat_rate_bp": bp,
             "day_rate_cents": line.day_rate_cents, "amount_excl_vat_cents": line.amount_cents}
            for line, bp in priced
        ],
        "vat": [vars(each) for each in vat],
        "days": float(sum(line.days for line, _ in priced)), "amount_excl_vat_cents": amount, "vat_cents": tax,
        "total_cents": amount + tax,
    }  # fmt: skip


def figures(root: Any, path: str) -> list[Decimal]:
    namespaces = {"ram": root.nsmap["ram"]}
    return [Decimal(node.text) for node in root.iterfind(f".//ram:{path.replace('/', '/ram:')}", namespaces)]


def check_totals(xml: bytes) -> dict[str, Decimal]:
    """The rules of EN 16931 about totals and VAT (BR-CO-10, 13, 14, 15, 16, 17; BR-S-8 and BR-Z-8)."""
    root = etree.fromstring(xml, SAFE)
    lines = figures(root, "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount")
    rates = figures(root, "SpecifiedLineTradeSettlement/ApplicableTradeTax/RateApplicablePercent")
    total = {
        name: figures(root, f"SpecifiedTradeSettlementHeaderMonetarySummation/{name}")[0]
        for name in ("LineTotalAmount", "TaxBasisTotalAmount", "TaxTotalAmount", "GrandTotalAmount", "DuePayableAmount")
    }
    assert total["LineTotalAmount"] == total["TaxBasisTotalAmount"] == sum(lines)
    header = "ApplicableHeaderTradeSettlement/ApplicableTradeTax/"
    bases, taxes, percents = (
        figures(root, header + name) for name in ("BasisAmount", "CalculatedAmount", "RateApplicablePercent")
    )
    of_rate: dict[Decimal, Decimal] = defaultdict(Decimal)
    for amount, rate in zip(lines, rates, strict=True):
        of_rate[rate] += amount
    assert dict(zip(percents, bases, strict=True)) == of_rate
    for base, tax, percent in zip(bases, taxes, percents, strict=True):
        assert tax == (base * percent / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert total["TaxTotalAmount"] == sum(taxes)
    assert total["GrandTotalAmount"] == total["TaxBasisTotalAmount"] + total["TaxTotalAmount"]
    assert total["DuePayableAmount"] == total["GrandTotalAmount"] >= 0
    return total


@settings(max_examples=25, deadline=None)
@given(LINES, st.sampled_from(["invoice", "credit_note"]), NAMES)
def test_totals_and_vat_are_those_of_en_16931(lines: Any, kind: str, name: str) -> None:
    told = said(lines, kind, supplier_name=name, mission_name=name)
    xml = xml_of(told)  # the library has held it against the schema
    total = check_totals(xml)
    assert total["GrandTotalAmount"] == abs(Decimal(told["total_cents"]) / 100)
    assert etree.fromstring(xml, SAFE).findtext(".//{*}ExchangedDocument/{*}TypeCode") == (
        "381" if kind == "credit_note" else "380"
    )
    assert as_data(told, "0" * 64)["totals"]


def test_what_is_not_said_is_not_written() -> None:
    model = model_of(said([("senior", 100_000, 4, 2000)]))
    assert "BT-10" not in model
    assert "BG-3" not in model
    assert model["BG-7"] == {"name": "Banque", "identifiers": {}, "country_code": "FR"}
    assert model_of(said([("senior", 100_000, 4, 2000)], "credit_note"))["BG-3"] == [
        {"BT-25": "FA-0", "BT-26": "2023-07-01"}
    ]


async def test_an_invoice_is_downloaded_as_factur_x_and_is_the_same_again(world: World) -> None:
    mission = await world.mission(days=20)
    certificate = await certified(world, mission, "2023-07-03", 0.75)
    made = ok(await invoice(world.consultant, certificate, number="FA-2023-7", supplier_address="1 rue <A> & B"), 201)
    path = f"invoices/{made['id']}"
    answer = await world.consultant.get(path, headers={"Accept": "application/pdf"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"].endswith(f'-{made["id"]}.pdf"')
    name, embedded = facturx.get_facturx_xml_from_pdf(answer.content, check_xsd=True, check_schematron=False)
    assert name == "factur-x.xml"
    xml = await world.consultant.get(f"{path}?format=xml")
    assert (xml.status_code, xml.headers["content-type"]) == (200, "application/xml")
    assert embedded == xml.content
    assert facturx.get_level(etree.fromstring(embedded, SAFE)) == "en16931"
    assert check_totals(embedded)["GrandTotalAmount"] == Decimal(made["total_cents"]) / 100 == 900
    assert (await world.auditor.get(f"{path}?format=pdf")).content == answer.content
    reader = PdfReader(io.BytesIO(answer.content))
    metadata = reader.trailer["/Root"]["/Metadata"].get_data().decode()  # type: ignore[index]
    assert "<pdfaid:part>3</pdfaid:part>" in metadata
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in metadata
    assert "EN 16931" in metadata
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for told in ("Facture n° FA-2023-7", "1 rue <A> & B", "1300451236", "INVEST-30", "0,75", "900,00", "40,00"):
        assert told in text.replace("\u202f", " "), told
    problem(await world.lead.get(f"{path}?format=pdf"), 404, "not-found")
    problem(await world.consultant.get(f"{path}?format=xlsx"), 406, "not-acceptable")


async def test_a_credit_note_says_what_it_corrects(world: World) -> None:
    mission = await world.mission(days=20)
    certificate = await certified(world, mission, "2023-07-03")
    ok(await invoice(world.consultant, certificate, number="FA-1"), 201)
    note = ok(await invoice(world.consultant, await cancelled(world, certificate), number="AV-1"), 201)
    content = (await world.consultant.get(f"invoices/{note['id']}/content")).text.removesuffix("\n")
    body = await factur_x(content, "pdf")
    _, embedded = facturx.get_facturx_xml_from_pdf(body, check_xsd=True, check_schematron=False)
    root = etree.fromstring(embedded, SAFE)
    assert root.findtext(".//{*}InvoiceReferencedDocument/{*}IssuerAssignedID") == "FA-1"
    assert check_totals(embedded)["GrandTotalAmount"] == 600
    assert "Rectifie la facture n° FA-1" in " ".join(PdfReader(io.BytesIO(body)).pages[0].extract_text().split())
