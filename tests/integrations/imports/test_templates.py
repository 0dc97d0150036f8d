"""What can be imported is told, offered as a template, and comes back annotated; a file says how it is to be read."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from app.core import clock
from app.core.writing import cells, sheets
from app.core.writing.importing import folded, match
from app.core.writing.writes import System, Write
from app.integrations.imports import annotated, kinds, service
from app.integrations.imports.importers import IMPORTERS
from app.reader import workbooks
from tests.directory import siret_of
from tests.integrations.imports.files import carry_out, csv_file, ended_of, send, xlsx_file
from tests.world import World, fresh_siren, ok, problem

TABLES = sorted(kind for kind, importer in IMPORTERS.items() if not importer.xml)
PROJECTS = "Titre;Type;Maturité;Siren;Actifs matériels;Détecté le"


def here(world: World, kind: str) -> str:
    return f"/v1/territories/{world.territory}/imports?kind={kind}"


async def test_the_kinds_are_told_with_their_columns(world: World) -> None:
    told = {each["kind"]: each for each in ok(await world.consultant.get("/v1/imports/kinds"))["items"]}
    assert sorted(told) == TABLES
    columns = {column["field"]: column for column in told["projects"]["columns"]}
    assert [value["label_fr"] for value in columns["kind"]["values"]][:3] == ["Équipement", "Bâtiment", "R&D"]
    assert columns["tangible_cents"]["example_fr"] == "1 234,50"
    assert columns["title"]["required"] is True


@pytest.mark.parametrize("kind", TABLES)
def test_every_label_and_value_that_is_told_is_understood(kind: str) -> None:
    importer = IMPORTERS[kind]
    for column in kinds.describe(importer)["columns"]:
        for heading in column["headings"]:
            assert match(importer, 1, [heading]).matched[0][1] == column["field"], heading
        labelled = set(importer.fields[column["field"]].read.labels.values())
        assert labelled <= {value["code"] for value in column["values"]}, column["field"]
        for value in column["values"]:
            read = importer.fields[column["field"]].read
            for label in (value["label"], value["label_fr"], value["code"]):
                parsed = read(label)
                assert value["code"] in str(parsed), (column["field"], label, parsed)
        for example in (column["example"], column["example_fr"]):
            assert example is None or importer.fields[column["field"]].read(example) not in (None, "")


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_a_template_is_read_as_its_kind(world: World, kind: str, language: str) -> None:
    address = f"/v1/imports/kinds/{kind}/template?format="
    headers = {"Accept-Language": language}
    book = load_workbook(io.BytesIO((await world.consultant.get(address + "xlsx", headers=headers)).content))
    sheet, notes = book.worksheets
    headings = [cell.value for cell in sheet[1]]
    header = match(IMPORTERS[kind], 1, headings)
    names = {folded(name) for name in IMPORTERS[kind].renamed.values()}
    assert language == "en" or not names & {folded(heading) for heading in headings}, "an English name for the French"
    assert not [fault for fault in header.faults(IMPORTERS[kind], 7) if fault.error.code != "repeated_column"]  # type: ignore[arg-type]
    assert all(name is not None for _, name in header.matched)
    assert [row[0].value for row in notes.iter_rows(min_row=2)][: len(headings)] == headings
    assert notes.max_row == len(headings) + 3, "and what to do with it"
    text = (await world.consultant.get(f"{address}csv", headers=headers)).content.decode("utf-8-sig")
    assert next(csv.reader([text.strip()], delimiter=";" if language == "fr" else ",")) == headings


async def test_a_template_of_projects_offers_the_values(world: World) -> None:
    headers = {"Accept-Language": "fr"}
    answer = await world.consultant.get("/v1/imports/kinds/projects/template?format=xlsx", headers=headers)
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    offered = " ".join(str(each.formula1) for each in sheet.data_validations.dataValidation)
    assert "Équipement,Bâtiment" in offered
    problem(await world.consultant.get("/v1/imports/kinds/bank_statements/template"), 404, "not-found")
    problem(await world.consultant.get("/v1/imports/kinds/nothing/template"), 404, "not-found")


async def faulty(world: World) -> tuple[dict[str, Any], str]:
    siren = await world.followed_firm()
    content = csv_file(
        "Projets du bassin", "", PROJECTS, f"T;Équipement;Étude;{siren};12 k€;04/07/2023",
        f"U;Bâtiment;Étude;{siren};1 500,50;04/07/2023", f"V;Machine;Étude;{siren};10;04/07/2023",
    )  # fmt: skip
    client = world.clients["territory"]
    base = f"/v1/territories/{world.territory}/imports"
    return await ended_of(client, await send(client, here(world, "projects"), content), base), base


async def test_the_annotated_copy_is_mended_and_imported_as_it_is(world: World) -> None:
    ended, base = await faulty(world)
    client = world.clients["territory"]
    assert ended["status"] == "refused"
    answer = await client.get(f"{base}/{ended['id']}/annotated", headers={"Accept-Language": "fr"})
    book = load_workbook(io.BytesIO(ok_bytes(answer)))
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[3]][:3] == ["Problèmes trouvés", "Titre", "Type"]
    assert sheet["B1"].value == "Projets du bassin"
    assert "montant en euros" in sheet["A4"].value
    assert "Équipement, Bâtiment" in sheet["A6"].value
    assert sheet["A5"].value is None
    assert sheet["F4"].value == "12 k€"
    assert str(sheet["F4"].fill.fgColor.rgb) == "FFFFC7CE"
    assert sheet["F5"].fill.fill_type is None
    again = await carry_out(client, here(world, "projects"), answer.content)
    assert (again["status"], again["blocking_problems"]) == ("refused", ended["blocking_problems"])
    sheet["F4"].value, sheet["C6"].value = 12000, "Équipement"
    mended = io.BytesIO()
    book.save(mended)
    done = await carry_out(client, here(world, "projects"), mended.getvalue())
    assert (done["status"], done["rows_created"]) == ("succeeded", 3)
    assert [code for _, _, code, _ in done["problems"]] == ["headings_below"]


def test_what_stands_in_a_cell_stands_in_the_copy() -> None:
    """Days and numbers as a language writes them, and any text: of some XlsxWriter would make XML of its own."""
    kinds = sheets.CellKind
    kept = [
        sheets.Cell(kinds.DATE, "2023-06-14"), sheets.Cell(kinds.DATETIME, "2023-06-14T08:30:00"),
        sheets.Cell(kinds.NUMBER, "1.5"), sheets.Cell(kinds.BOOLEAN, "true"), sheets.Cell(kinds.TIME, "8:30:00"),
    ]  # fmt: skip
    odd = ["<r><t>a</t></r>", "<r>not closed</r>", "=1+1", "_x0041_", "a\x01b", "https://a.fr", "x" * 32_767]
    rows: list[sheets.Row] = [(1, ["Nom", "Jour"]), (3, [*odd, *kept])]
    for language, written in (
        ("fr", ["14/06/2023", "14/06/2023 08:30", "1,5", "vrai", "8:30:00"]),
        ("en", ["2023-06-14", "2023-06-14 08:30", "1.5", "true", "8:30:00"]),
    ):
        made = annotated.workbook(rows, 1, [], language, "L'été d'Alès'")
        table = workbooks.packed(io.BytesIO(made))
        assert table.sheets == ("L'été d'Alès",)
        assert list(table.rows)[1] == (3, [None, *odd, *written])


def test_a_number_that_its_text_would_not_be_stays_one() -> None:
    """What is read of the copy is what was read of the file."""
    number, day, time = sheets.CellKind.NUMBER, sheets.CellKind.DATE, sheets.CellKind.DATETIME
    columns = [
        (cells.instant, sheets.Cell(day, "2023-06-14")), (cells.instant, sheets.Cell(time, "2023-06-14T08:30:00")),
        (cells.day, sheets.Cell(day, "2023-06-14")), (cells.day, sheets.Cell(time, "2023-06-14T08:30:00")),
        (cells.paris_time, sheets.Cell(time, "2023-06-14T08:30:00")),
        (cells.truth, sheets.Cell(sheets.CellKind.BOOLEAN, "true")),
        (cells.percent, sheets.Cell(number, "0.02", "0%")), (cells.percent, sheets.Cell(number, "0.025", "0.0%")),
        (cells.fte, sheets.Cell(number, "1.125")), (cells.day, sheets.Cell(number, "41525")),
        (cells.siren, sheets.Cell(number, "300103", "000000000")), (cells.cents, sheets.Cell(number, "1415.28")),
    ]  # fmt: skip
    readers = [read for read, _ in columns]
    rows: list[sheets.Row] = [(1, ["A"] * len(columns)), (2, [cell for _, cell in columns])]
    made = annotated.workbook(rows, 1, [], "fr", None, readers)
    [_, (_, [_, *copied])] = list(workbooks.packed(io.BytesIO(made)).rows)
    for (read, cell), copy in zip(columns, copied, strict=True):
        kinds = {"n": number, "d": day, "dt": time}
        again = copy if copy is None or isinstance(copy, str) else sheets.Cell(kinds[copy[0]], *copy[1:])
        assert annotated._read(read, again) == annotated._read(read, cell)
    assert [isinstance(copy, str) for copy in copied] == [False, *[True] * 5, *[False] * 4, True, True]


def ok_bytes(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.text
    content: bytes = answer.content
    return content


async def test_the_file_is_its_senders_until_it_is_deleted(world: World) -> None:
    ended, base = await faulty(world)
    client = world.clients["territory"]
    address = f"{base}/{ended['id']}"
    assert ended["file_kept_until"] is not None
    problem(await world.lead.get(f"{address}/annotated"), 404, "not-found")
    problem(await world.lead.delete(f"{address}/file"), 404, "not-found")
    assert ok(await client.delete(f"{address}/file"))["file_kept_until"] is None
    problem(await client.get(f"{address}/annotated"), 410, "file-forgotten")
    problem(await client.delete(f"{address}/file"), 410, "file-forgotten")
    found = ok(await client.get(f"{address}/problems"))["items"]
    assert [each["found"] for each in found] == [None] * len(found)
    left = "SELECT count(*) FROM import_chunks c JOIN imports i USING (upload_id) WHERE i.id::text = $1"
    assert await world.pool.fetchval(left, ended["id"]) == 0


async def test_a_file_is_deleted_after_seven_days(app: Any, world: World) -> None:
    ended, base = await faulty(world)
    past = "UPDATE imports SET file_kept_until = now() - interval '1 second' WHERE id::text = $1"
    await world.pool.execute(past, ended["id"])
    async with app.state["sessions"]() as session, session.begin():
        changes = await service.forget_files(Write(session, System(), clock.now()), 500)
    assert ended["id"] in {str(key) for change in changes for key in change.keys}
    assert ok(await world.clients["territory"].get(f"{base}/{ended['id']}"))["file_kept_until"] is None
    kept = "SELECT count(found) FROM import_problems WHERE import_id::text = $1"
    assert await world.pool.fetchval(kept, ended["id"]) == 0


async def test_what_a_file_lacks_is_said_beside_it(world: World) -> None:
    path = here(world, "perimeter") + "&set[ann%C3%A9e]=2025"
    ended = await carry_out(world.programme, path, csv_file("Code INSEE;Nom", "30007;Alès"))
    assert (ended["status"], ended["rows_created"], ended["options"]) == (
        "succeeded", 1,
        {"sheet": None, "header_row": None, "constants": {"vintage": "2025"}, "hours_per_day": None},
    )  # fmt: skip
    both = await carry_out(world.programme, path, csv_file("Millésime;Code INSEE;Nom", "2025;30007;Alès"))
    assert ("repeated_column" in [code for _, _, code, _ in both["problems"]], both["status"]) == (True, "refused")
    unknown = await world.programme.request(
        "POST", here(world, "perimeter") + "&set[couleur]=bleu", content=b"a", headers={"Content-Type": "text/csv"}
    )
    [error] = problem(unknown, 422, "validation-failed")["errors"]
    assert (error["pointer"], error["code"]) == ("set", "no_such_column")
    assert "couleur" in error["detail"]
    assert "Vintage" in error["detail"]
    assert error["columns"].startswith("vintage, insee_code, ")
    plain = await world.programme.request(
        "POST", here(world, "perimeter") + "&set=2025", content=b"a", headers={"Content-Type": "text/csv"}
    )
    problem(plain, 422, "validation-failed")


async def test_the_headings_are_found_under_a_title_or_said(world: World) -> None:
    siren = fresh_siren()
    title = csv_file("Liste des entreprises;;", "arrêtée au 1er mars", "SIREN;Nom", f"{siren};A")
    ended = await carry_out(world.clients["territory"], "/v1/imports?kind=firms&dry_run=true", title)
    assert (ended["status"], ended["rows_read"], ended["problems"]) == (
        "succeeded", 1, [(3, "", "headings_below", "advisory")],
    )  # fmt: skip
    said = await carry_out(world.clients["territory"], "/v1/imports?kind=firms&dry_run=true&header_row=3", title)
    assert (said["status"], said["problems"]) == ("succeeded", [])
    nowhere = await carry_out(world.clients["territory"], "/v1/imports?kind=firms&header_row=9", title)
    assert (nowhere["status"], nowhere["problem"]["reason"]) == ("refused", "no_such_line")
    empty = await carry_out(world.clients["territory"], "/v1/imports?kind=firms", csv_file("SIREN;Nom"))
    assert (empty["status"], empty["problems"]) == ("succeeded", [(1, "", "no_lines", "advisory")])


async def test_a_sheet_is_chosen_by_its_name(world: World) -> None:
    book = load_workbook(io.BytesIO(xlsx_file(["Notice"], ["Lisez ceci."])))
    sheet = book.create_sheet("Entreprises")
    sheet.append(["SIREN", "Nom"])
    sheet.append([fresh_siren(), "A"])
    out = io.BytesIO()
    book.save(out)
    client, path = world.clients["territory"], "/v1/imports?kind=firms&dry_run=true"
    for name in ("entreprises", "Entreprises"):  # spreadsheets do not tell them apart
        ended = await carry_out(client, f"{path}&sheet={name}", out.getvalue())
        assert (ended["status"], ended["rows_read"]) == ("succeeded", 1)
    copy = await client.get(f"/v1/imports/{ended['id']}/annotated")
    assert (await carry_out(client, path + "&sheet=Entreprises", copy.content))["status"] == "succeeded"
    first = await carry_out(client, path, out.getvalue())
    assert (first["status"], first["problem"]["reason"]) == ("refused", "unusable_sheet")
    assert "La ligne 1 de la feuille Sheet" in first["problem"]["detail_fr"]
    assert "(sheet : Entreprises)" in first["problem"]["detail_fr"]
    book["Sheet"].delete_rows(1, 2)
    empty = io.BytesIO()
    book.save(empty)
    first = await carry_out(client, path, empty.getvalue())
    assert (first["problem"]["reason"], first["problem"]["others"]) == ("empty_sheet", ["Entreprises"])
    plain = await carry_out(client, path, csv_file("Liste", "des entreprises"))
    assert (plain["problem"]["reason"], plain["problem"]["found_line"]) == ("unusable_header", 1)
    wrong = await carry_out(client, path + "&sheet=Firmes", out.getvalue())
    assert wrong["problem"]["reason"] == "no_such_sheet"
    assert "Entreprises" in wrong["problem"]["detail_fr"]
    table = {"Content-Type": "text/csv"}
    refused = await client.request("POST", path + "&sheet=A", content=b"siren;nom\n", headers=table)
    assert problem(refused, 422, "validation-failed")["errors"][0]["pointer"] == "sheet"


async def test_first_names_stand_in_a_column_of_their_own_and_a_siret_names_its_firm(world: World) -> None:
    siren = await world.followed_firm()
    header = "SIRET;Nom;Prénom;Finalité;Base légale;Conserver jusqu'au"
    line = f"{siret_of(siren)};Exemple;Claude;Information;Consentement;31/12/2028"
    ended = await carry_out(world.clients["territory"], here(world, "contacts"), csv_file(header, line))
    assert (ended["status"], ended["problems"]) == ("succeeded", [])
    [contact] = ok(await world.clients["territory"].get("contacts"))["items"]
    assert (contact["name"], contact["siren"]) == ("Claude Exemple", siren)


async def test_hours_are_days_of_a_length_that_is_said(world: World) -> None:
    mission = await world.mission(days=2, partner=2)
    lines = ["consultant_id;Date;Heures;Activité", f"{mission.partner_consultant};04/07/2023;3,5;Audition"]
    unsaid = await carry_out(world.consultant, here(world, "time_entries"), csv_file(*lines))
    assert "hours_without_length" in [code for _, _, code, _ in unsaid["problems"]]
    told = await carry_out(world.consultant, here(world, "time_entries") + "&hours_per_day=7", csv_file(*lines))
    assert (told["status"], told["problems"]) == ("succeeded", [])
    assert ok(await world.consultant.get("time-entries"))["items"][0]["days"] == 0.5
    odd = csv_file(lines[0], f"{mission.partner_consultant};05/07/2023;3;Audition")
    refused = await carry_out(world.consultant, here(world, "time_entries") + "&hours_per_day=7", odd)
    assert [code for _, _, code, _ in refused["problems"]] == ["not_a_quarter_day"]


@pytest.mark.parametrize("kind", TABLES)
def test_no_part_of_a_column_has_the_name_of_another(kind: str) -> None:
    names = [folded(name) for column in IMPORTERS[kind].columns for name in (*column.given_name, *column.hours)]
    assert len(names) == len(set(names))
    assert not set(names) & {folded(name) for column in IMPORTERS[kind].columns for name in column.accepted}


def test_the_page_of_columns_is_what_the_kinds_say() -> None:
    page = Path(__file__).parents[3] / "docs" / "import-columns.md"
    assert page.read_text(encoding="utf-8") == kinds.page()
