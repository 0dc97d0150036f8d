"""Timesheets and service certificates on paper: tagged PDF and workbooks that run nothing."""

import io
import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape
from pydantic import TypeAdapter, ValidationError

from app.core.formats import day, euros, month, number, short_day, short_month
from app.core.reading import documents
from app.core.reading.xlsx import MEDIA_TYPE
from app.engineering.entries.schemas import Note
from app.engineering.follow_up import timesheets
from tests.world import Mission, World, ok, problem

HOSTILE = "=1+1 #let $x$ @a \\ *b* _c_ `d` <e> [f](http://g) // /* \"h\" 'i' {j} _x0041_ שלום 工 👩"
ON_PAPER = HOSTILE.replace("工", "[U+5DE5]").replace("👩", "[U+1F469]")
MONTH = "consultants/{}/timesheets/2023-07"


async def worked(world: World, note: str | None = None) -> Mission:
    """A mission whose partner worked three days of July: validated, submitted, and a rejected one that counts not."""
    mission = await world.mission(days=20)
    for day_, days, action in (("2023-07-04", 1, "validate"), ("2023-07-03", 0.25, ""), ("2023-07-05", 1, "reject"),
                               ("2023-06-30", 0.5, "validate")):  # fmt: skip
        body = mission.entry(worked_on=day_, days=days, note=note)
        entry = ok(await world.consultant.post("time-entries", body), 201)["id"]
        if action:
            reason = {"reason": "Which firm?"} if action == "reject" else None
            ok(await world.lead_judge.post(f"time-entries/{entry}/{action}", reason))
    return mission


def read_pdf(body: bytes) -> tuple[Any, str]:
    """The document, and its text without breaks."""
    reader = pypdf.PdfReader(io.BytesIO(body))
    said = " ".join(page.extract_text() for page in reader.pages)
    return reader, " ".join(said.replace("\u200b", "").split())


def read_xlsx(body: bytes) -> list[list[Any]]:
    """The cells as a spreadsheet shows them: openpyxl leaves the escapes of texts that stand in their cells."""
    book = openpyxl.load_workbook(io.BytesIO(body))
    assert len(book.worksheets) == 1
    cells = [cell for row in book.active.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f" or cell.hyperlink]
    return [
        [unescape(cell.value) if isinstance(cell.value, str) else cell.value for cell in row]
        for row in book.active.iter_rows()
    ]


# --- timesheets ------------------------------------------------------------------------------------------------------


async def test_a_timesheet_holds_what_counts_in_the_order_of_days(world: World) -> None:
    mission = await worked(world)
    found = ok(await world.consultant.get(MONTH.format(mission.partner_consultant)))
    assert [(entry["worked_on"], entry["days"], entry["status"]) for entry in found["entries"]] == [
        ("2023-07-03", 0.25, "submitted"), ("2023-07-04", 1, "validated"),
    ]  # fmt: skip
    assert (found["days_entered"], found["days_validated"], found["days_certified"]) == (1.25, 1, 0)
    assert (found["month"], found["mission_name"], found["territory_name"]) == ("2023-07", "Mission", world.territory)
    june = ok(await world.consultant.get(MONTH.format(mission.partner_consultant).replace("2023-07", "2023-06")))
    assert [entry["worked_on"] for entry in june["entries"]] == ["2023-06-30"]
    empty = ok(await world.consultant.get(MONTH.format(mission.partner_consultant).replace("2023-07", "2024-02")))
    assert (empty["entries"], empty["days_entered"]) == ([], 0)


async def test_a_timesheet_says_how_many_of_its_days_count_in_a_later_month(world: World) -> None:
    mission = await worked(world)
    address = MONTH.format(mission.partner_consultant)
    entries = {entry["worked_on"]: entry["id"] for entry in ok(await world.consultant.get(address))["entries"]}
    ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-07"}), 201)
    wrong = entries["2023-07-04"]
    ok(await world.lead_judge.post(f"time-entries/{wrong}/reverse", {"reason": "Three quarters of a day"}))
    right = mission.entry(worked_on="2023-07-04", days=0.75, corrects_id=wrong)
    ok(await world.consultant.post("time-entries", right), 201)
    found = ok(await world.lead.get(address))
    assert (found["days_entered"], found["days_counted"]) == (1, 0.25)
    for language, word in (("fr", "dont comptés ce mois-ci"), ("en", "of which count this month")):
        said = await world.lead.get(f"{address}?format=pdf", headers={"Accept-Language": language})
        assert word in read_pdf(said.content)[1].replace("\u00a0", " ")
        told = read_xlsx(
            (await world.lead.get(f"{address}?format=xlsx", headers={"Accept-Language": language})).content
        )
        assert [row for row in told if word in row]


async def test_whose_timesheets_are_not_yours_are_not_found(world: World, other: World) -> None:
    mission = await worked(world)
    for form in ("json", "pdf", "xlsx"):
        for client, consultant in ((world.consultant, mission.lead_consultant), (other.lead, mission.lead_consultant),
                                   (world.operator, mission.id)):  # fmt: skip
            problem(await client.get(f"{MONTH.format(consultant)}?format={form}"), 404, "not-found")
        assert (await world.lead.get(f"{MONTH.format(mission.partner_consultant)}?format={form}")).status_code == 200
    address = f"{other.operator.base}/{MONTH.format(mission.partner_consultant)}"
    problem(await world.operator.get(address), 404, "not-found")
    for wrong in ("2023-13", "2023-00", "23-07", "2023-7", "2023-07-01"):
        address = MONTH.format(mission.partner_consultant).replace("2023-07", wrong)
        problem(await world.operator.get(address), 404, "not-found")


@pytest.mark.parametrize(
    ("language", "title", "said"),
    [
        ("fr", "Feuille de temps – juillet\u00a02023", ["3 juillet 2023", "0,25", "soumis", "validé", "Page 1 sur 1"]),
        ("en", "Timesheet – July\u00a02023", ["3 July 2023", "0.25", "submitted", "validated", "Page 1 of 1"]),
    ],
)
async def test_a_pdf_is_tagged_and_says_its_language_and_title(
    world: World, language: str, title: str, said: list[str]
) -> None:
    mission = await worked(world)
    address, headers = MONTH.format(mission.partner_consultant), {"Accept": "application/pdf"}
    response = await world.lead.get(address, headers={**headers, "Accept-Language": language})
    assert (response.headers["content-type"], response.headers["content-language"]) == ("application/pdf", language)
    assert response.headers["content-disposition"] == (f'inline; filename="timesheet-{world.territory}-2023-07.pdf"')
    reader, text = read_pdf(response.content)
    catalogue: Any = reader.trailer["/Root"]
    assert (catalogue["/Lang"], catalogue["/MarkInfo"]["/Marked"]) == (language, True)
    assert catalogue["/ViewerPreferences"]["/DisplayDocTitle"] is not None
    assert reader.metadata.title == title
    assert b"pdfuaid" in catalogue["/Metadata"].get_data()
    roles = re.findall(r"'/S': '/(\w+)'", str(walk(catalogue["/StructTreeRoot"])))
    assert {"H1", "Table", "TR", "TH", "TD"} <= set(roles)
    for part in said:
        assert part in text.replace("\u00a0", " ")
    again = await world.lead.get(address, headers={**headers, "Accept-Language": language})
    assert again.content == response.content, "the same data give the same bytes"


def walk(node: Any) -> Any:
    """The tree of tags, without the way back up."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        return [walk(each) for each in node]
    if not isinstance(node, dict):
        return None
    return {"/S": str(node.get("/S")), "/K": walk(node.get("/K"))}


async def test_what_people_wrote_stands_in_the_documents_as_it_is(world: World) -> None:
    mission = await worked(world, note=HOSTILE)
    address = MONTH.format(mission.partner_consultant)
    _, text = read_pdf((await world.lead.get(f"{address}?format=pdf")).content)
    # What is written from right to left is read out of the page in another order.
    for part in ON_PAPER.split(" שלום ")[0], "[U+5DE5]", "[U+1F469]":
        assert "".join(part.split()) in "".join(text.split())
    rows = read_xlsx((await world.lead.get(f"{address}?format=xlsx")).content)
    assert [row[5] for row in rows if row[4] in ("submitted", "validated")] == [
        HOSTILE,
        HOSTILE,
    ]


async def test_a_workbook_has_days_as_numbers_and_dates_as_dates(world: World) -> None:
    mission = await worked(world)
    response = await world.lead.get(
        MONTH.format(mission.partner_consultant),
        headers={"Accept": MEDIA_TYPE, "Accept-Language": "fr"},
    )
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["content-disposition"].startswith("attachment; filename=")
    rows = read_xlsx(response.content)
    assert rows[0][0] == "Feuille de temps – juillet\u00a02023"
    assert [(row[0].date(), row[3], row[4]) for row in rows if hasattr(row[0], "date")] == [
        (date(2023, 7, 3), 0.25, "soumis"), (date(2023, 7, 4), 1, "validé"),
    ]  # fmt: skip
    assert [row[2:4] for row in rows[-3:]] == [["Total", 1.25], ["dont validés", 1], ["dont certifiés", 0]]


async def test_where_typst_is_not_installed_a_pdf_is_refused_by_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    mission = await world.mission(days=10)
    monkeypatch.setattr(documents, "_installed", lambda: False)
    address = MONTH.format(mission.partner_consultant)
    problem(await world.lead.get(f"{address}?format=pdf"), 501, "pdf-not-installed")
    assert (await world.lead.get(f"{address}?format=xlsx")).status_code == 200


NOTE: TypeAdapter[str] = TypeAdapter(Note)
ANYTHING = st.text(max_size=60) | st.text(st.characters(min_codepoint=0x300, max_codepoint=0x3000), max_size=60)


def sheet_of(notes: list[str]) -> dict[str, Any]:
    """A timesheet, as PostgreSQL tells it, with these texts everywhere."""
    entries = [
        {"worked_on": "2023-07-04", "counted_on": "2023-07-04", "activity": "audition", "activity_label": note,
         "firm_name": note, "days": 0.5, "status": "validated", "note": note} for note in notes
    ]  # fmt: skip
    return {"month": "2023-07", "consultant_name": " ".join(notes[0].split()) or "A", "organisation_name": notes[0],
            "mission_name": notes[-1], "territory_name": "T", "profile": None, "days_entered": 0.5,
            "days_validated": 0.5, "days_certified": 0, "days_counted": 0.5, "entries": entries}  # fmt: skip


def accepted(text: str) -> str | None:
    """The text as a note holds it; None where it may not."""
    try:
        return NOTE.validate_python(text)
    except ValidationError:
        return None


@settings(max_examples=15, deadline=None)
@given(st.lists(ANYTHING.map(accepted).filter(bool), min_size=1, max_size=30))
async def test_every_text_that_a_note_may_hold_can_be_set(notes: list[str]) -> None:
    sheet = sheet_of(notes)
    data = documents._spelt(timesheets.as_data(sheet, "fr"), documents._NOT_SHOWN)
    body = await documents._run(TYPESETTER, {"template": documents._LOOK + timesheets.DOCUMENT.template, "data": data})
    assert body.startswith(b"%PDF")
    told = [row[5] for row in read_xlsx(timesheets.as_xlsx(sheet, "fr")) if row[4] == "validé"]
    assert told == notes


TYPESETTER = "app.core.reading.typesetting"
LOOP = "#if json(bytes(sys.inputs.data)).loop { let f(n) = { while true { n += 1 } }; f(0) }\n"


async def test_what_breaks_the_typesetter_breaks_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that it would loop on ends its process; what is left of the text in plain letters is set then."""
    sheet = timesheets.as_data(sheet_of(["A", "שלום"]), "fr")
    monkeypatch.setattr(documents, "_NOT_SHOWN", re.compile("(?!)"))
    monkeypatch.setattr(documents, "_spelt", lambda data, pattern: {**data, "loop": pattern.pattern == "(?!)"})
    monkeypatch.setattr(documents, "SECONDS", 3)
    monkeypatch.setattr(documents, "_LOOK", documents._LOOK + LOOP)
    looping = {"template": documents._LOOK + timesheets.DOCUMENT.template, "data": {**sheet, "loop": True}}
    with pytest.raises(documents.TypesettingFailed):
        await documents._run(TYPESETTER, looping)
    assert (await documents.pdf(timesheets.DOCUMENT.template, sheet)).startswith(b"%PDF")


async def test_a_timesheet_of_long_notes_breaks_over_pages_with_its_header() -> None:
    sheet = sheet_of(["W" * 2000] * 124) | {"consultant_name": "A", "organisation_name": "B", "mission_name": "C"}
    for entry in sheet["entries"]:
        entry |= {"activity_label": None, "firm_name": None}
    body = await documents.pdf(timesheets.DOCUMENT.template, timesheets.as_data(sheet, "fr"))
    pages = pypdf.PdfReader(io.BytesIO(body)).pages
    count = len(pages)
    assert count > 200
    for page in (*range(1, count, 16), count - 1):  # to read one takes a twentieth of a second
        text = " ".join(pages[page - 1].extract_text().split())
        assert "Activité" in text
        assert f"Page {page} sur {count}" in text


# --- certificates ----------------------------------------------------------------------------------------------------


async def test_a_certificate_says_its_figures_in_every_form(world: World) -> None:
    mission = await worked(world)
    await world.rates(mission, day_rate_cents=91_234)
    made = await world.certify(mission)
    address = f"service-certificates/{made['id']}"
    headers = {"Accept-Language": "fr"}
    assert ok(await world.operator.get(f"{address}?format=json")) == ok(await world.operator.get(address))
    reader, text = read_pdf((await world.operator.get(f"{address}?format=pdf", headers=headers)).content)
    text = text.replace("\u00a0", " ").replace("\u202f", " ")
    assert reader.metadata.title == f"Attestation de service fait n°\u00a0{made['number']}"
    for part in ("1,50", "912,34 €", "1 368,51 €", "TVA 20 %", "273,70 €", "1 642,21 €", "Confirmé", "operator of",
                 f"partner of {world.territory}"):  # fmt: skip
        assert part in text, text
    assert made["content_hash"] in "".join(text.split())
    rows = read_xlsx((await world.operator.get(f"{address}?format=xlsx", headers=headers)).content)
    assert ["Confirmé", 1.5, 912.34, 1368.51] in [row[:4] for row in rows]
    assert [row[3] for row in rows if row[0] in ("Total HT", "TVA 20\u00a0%", "Total TTC")] == [1368.51, 273.7, 1642.21]


async def test_a_cancelled_certificate_and_its_counter_say_so(world: World) -> None:
    mission = await worked(world)
    made = await world.certify(mission)
    address = f"service-certificates/{made['id']}"
    etag = (await world.operator.get(address)).headers["etag"]
    counter = ok(await world.operator.post(f"{address}/cancel", {"reason": HOSTILE}, headers={"If-Match": etag}), 201)
    _, text = read_pdf((await world.operator.get(f"{address}?format=pdf")).content)
    assert f"Cancelled by counter-certificate no. {counter['number']}." in text
    _, text = read_pdf((await world.operator.get(f"service-certificates/{counter['id']}?format=pdf")).content)
    assert f"Cancels certificate no. {made['number']}: =1+1 #let $x$ @a" in text
    assert "\u22121.50" in text
    rows = read_xlsx((await world.operator.get(f"service-certificates/{counter['id']}?format=xlsx")).content)
    assert rows[1][0].startswith(f"Cancels certificate no. {made['number']}: =1+1 #let")


async def test_the_certificate_of_another_member_is_not_found_in_any_form(world: World, other: World) -> None:
    mission = await worked(world)
    made = await world.certify(mission)
    for form in ("json", "pdf", "xlsx"):
        address = f"service-certificates/{made['id']}?format={form}"
        assert (await world.consultant.get(address)).status_code == 200
        problem(await world.lead.get(address), 404, "not-found")
        problem(await world.operator.get(f"{other.operator.base}/{address}"), 404, "not-found")


# --- how people write ------------------------------------------------------------------------------------------------


def test_days_dates_and_amounts_are_written_as_each_language_does() -> None:
    august = date(2023, 8, 1)
    assert (day(august, "fr"), day(august, "en")) == ("1er\u00a0août\u00a02023", "1\u00a0August\u00a02023")
    assert (short_day(august, "fr"), short_day(date(2023, 7, 14), "en")) == ("1er\u00a0août", "14\u00a0Jul")
    assert (month(august, "fr"), short_month(date(2023, 7, 14), "fr")) == ("août\u00a02023", "juil.\u00a02023")
    assert (euros(123_450, "fr"), euros(123_450, "en")) == ("1\u202f234,50\u00a0€", "€1,234.50")
    assert (euros(-5, "fr"), euros(-5, "en")) == ("\u22120,05\u00a0€", "\u2212€0.05")
    assert (number(Decimal("0.25"), "fr"), number(100.0, "en"), number(1.5, "fr", 2)) == ("0,25", "100", "1,50")
    assert unicodedata.normalize("NFC", day(august, "fr")) == day(august, "fr")
