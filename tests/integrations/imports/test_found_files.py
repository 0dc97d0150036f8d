"""Files that people sent or published, as they are: each has the answer that its sender wants.

The small ones tried the first imports and were read wrongly; the others are what public bodies publish.
"""

from pathlib import Path
from typing import Any

import pytest

from app.core.writing.cells import cents
from tests.integrations.imports.files import carry_out
from tests.reader.files import FOUND, changed
from tests.world import World, ok

SHARED = Path(__file__).parents[4] / "shared"
# name → kind, status, what is told but for columns that are not used, and words of it
ANSWERS: dict[str, tuple[str, str, list[tuple[int, str, str]], str]] = {
    "b01_sparse_row.xlsx": ("firms", "refused", [(1, "", "too_many_rows")], "plus de 1048576 lignes"),
    "b05_sst.xlsx": ("firms", "refused", [(1, "", "too_many_strings")], "plus de 1000000 textes différents"),
    "c01_extra_cells.csv": (
        "firms", "refused", [(2, "", "beyond_the_headings")],
        "La ligne a 4 cellules pour 3 titres de colonnes : rien ne dit ce qu'est D2.",
    ),
    "c02_stray_quote.csv": ("firms", "refused", [(2, "", "unreadable_line")], "ouvre la cellule C2"),
    "c05_utf16.txt": ("firms", "succeeded", [], ""),
    "c12_naf.csv": ("firms", "refused", [(5, "naf_code", "invalid_naf_code")], "25.62B - Mécanique"),
    "c32.csv": ("firms", "succeeded", [(2, "remarque", "line_break_ignored")], "La cellule C2"),
    "communes_ales_agglomeration.csv": ("perimeter&set[vintage]=2025", "succeeded", [], ""),
    "legal_forms.json": ("firms", "not sent", [], "JSON"),
    "old.xls": ("firms", "refused", [
        (1, "", "values_alone"), (1, "founded_on", "blank_or_unseen"), (1, "name", "blank_or_unseen"),
        (4, "name", "required"),
    ], "XLS"),
    "p01_decimal_comma_in_comma_csv.csv": (
        "projects", "refused", [(2, "", "beyond_the_headings")], "La ligne a 6 cellules pour 5 titres",
    ),
    "scdl_subventions_schema_2.1.0.json": ("firms", "not sent", [], "JSON"),
    "subventions_somme_2018.csv": (
        "firms", "refused", [
            (1, "siren", "missing_column"), (1, "name", "missing_column"), (1, "", "unusable_header"),
        ], "numero siren",
    ),
    "w10.docx": ("firms", "refused", [(1, "", "not_a_table")], "Le fichier est au format DOCX"),
    "x03_formula_nocache.xlsx": (
        "firms", "refused", [(2, "acronym", "formula_without_result")], "C2, «\u00a0sigle\u00a0»",
    ),
    "x04_err.xlsx": (
        "firms", "refused", [(2, "name", "cell_error"), (2, "acronym", "cell_error")], "B2, «\u00a0name\u00a0»",
    ),
    "x08_wide_blank.xlsx": ("firms", "succeeded", [], ""),
}  # fmt: skip
STORED = {"p02_amounts.csv", "p05_excel_float2.xlsx", "x02_num_siren_fmt.xlsx", "x13_insee_num.xlsx"}


def base_of(world: World, kind: str) -> str:
    return "/v1/imports" if kind.startswith("firms") else f"/v1/territories/{world.territory}/imports"


@pytest.mark.parametrize("name", sorted(ANSWERS))
async def test_each_file_has_its_answer(app: Any, world: World, name: str) -> None:
    kind, status, problems, said = ANSWERS[name]
    client = world.programme if kind.startswith("perimeter") else world.clients["territory"]
    base, content = base_of(world, kind), (FOUND / name).read_bytes()
    if status == "not sent":
        headers = {"Content-Type": "application/octet-stream"}
        sent = await client.request("POST", f"{base}?kind={kind}", content=content, headers=headers)
        assert (sent.status_code, sent.json()["reason"]) == (422, "not_a_table")
        assert said in sent.json()["detail"]
        return
    ended = await carry_out(client, f"{base}?kind={kind}&dry_run=true", content)
    found = [(line, column, code) for line, column, code, _ in ended["problems"] if code != "ignored_column"]
    assert (ended["status"], found) == (status, problems)
    items = ok(await client.get(f"{base}/{ended['id']}/problems"))["items"]
    assert said in " ".join(f"{each['found']} {each['detail_fr']}" for each in items)


async def test_the_communes_of_a_basin_are_its_perimeter(world: World) -> None:
    path = f"{base_of(world, 'perimeter')}?kind=perimeter&set[vintage]=2025"
    ended = await carry_out(world.programme, path, (FOUND / "communes_ales_agglomeration.csv").read_bytes())
    assert (ended["status"], ended["rows_created"]) == ("succeeded", 71)
    assert {code for _, _, code, _ in ended["problems"]} == {"ignored_column"}


async def test_a_code_has_the_zeros_that_its_format_shows(world: World) -> None:
    content = (FOUND / "x02_num_siren_fmt.xlsx").read_bytes()
    ended = await carry_out(world.clients["territory"], "/v1/imports?kind=firms", content)
    assert (ended["status"], ended["problems"]) == ("succeeded", [])
    assert ok(await world.clients["territory"].get("/v1/firms/000300103"))["name"] == "A"
    content = (FOUND / "x13_insee_num.xlsx").read_bytes()
    ended = await carry_out(world.programme, f"{base_of(world, 'perimeter')}?kind=perimeter", content)
    assert (ended["status"], ended["problems"]) == ("succeeded", [])
    perimeter = ok(await world.auditor.get("perimeter/2024"))
    assert [(each["insee_code"], each["name"]) for each in perimeter["communes"]] == [("01004", "Ambérieu")]


async def test_an_amount_is_the_one_that_people_see(world: World) -> None:
    siren = await world.followed_firm()
    client, path = world.clients["territory"], f"{base_of(world, 'projects')}?kind=projects&on_error=skip"
    day = "&set[Détecté le]=04/07/2023"
    excel = changed((FOUND / "p05_excel_float2.xlsx").read_bytes(), r".*\.xml", ("910000017", siren))
    assert (await carry_out(client, path + day, excel))["rows_created"] == 1
    csv = (FOUND / "p02_amounts.csv").read_text(encoding="utf-8").replace("910000017", siren).encode()
    ended = await carry_out(client, path + day, csv)
    told = {line - 2: code for line, _, code, _ in ended["problems"]}
    assert told == {
        3: "ambiguous_number", 4: "ambiguous_number", 10: "cell_not_read", 11: "cell_not_read", 12: "cell_not_read",
        13: "cell_not_read", 14: "too_small", 15: "cell_not_read", 16: "cell_not_read", 18: "cell_not_read",
        19: "cell_not_read", 20: "wrongly_grouped", 21: "wrongly_grouped", 22: "cell_not_read", 23: "cell_not_read",
    }  # fmt: skip
    projects = ok(await client.get("projects?limit=100"))["items"]
    assert {each["title"]: each["costs"][0]["amount_cents"] for each in projects} == {
        "A": 141_528, "T0": 123_456, "T1": 123_456, "T2": 123_456, "T5": 123_450, "T6": 123_400, "T7": 123_456_789,
        "T8": 123_456_700, "T9": 123_456_780, "T17": 123_456,
    }  # fmt: skip


async def test_a_published_list_of_subsidies_is_read_whatever_it_holds(world: World) -> None:
    content = (FOUND / "subventions_somme_2018.csv").read_bytes()
    content = content.replace(b"idBeneficiaire", b"siren").replace(b"nomBeneficiaire", b"nom", 1)
    ended = await carry_out(world.clients["territory"], "/v1/imports?kind=firms&on_error=skip", content)
    assert (ended["status"], ended["delimiter"], ended["encoding"]) == ("succeeded", ";", "cp1252")
    assert ended["rows_read"] == 41
    known = ("rows_skipped", "rows_created", "rows_updated", "rows_unchanged")  # others may have entered these firms
    assert ended["rows_read"] == sum(ended[name] for name in known)
    assert cents("26\u00a0956,00") == 2_695_600


def test_every_file_that_was_found_has_an_answer() -> None:
    here = {path.name for path in FOUND.iterdir()}
    assert here == set(ANSWERS) | STORED


@pytest.mark.skipif(not SHARED.exists(), reason="the files as they were found are not here")
def test_the_files_are_those_that_were_found() -> None:
    found = [*(SHARED / "findings" / "files").glob("*.*"), *(SHARED / "data").glob("*.*")]
    for path in found:
        if path.name == "naf_rev2.json":
            assert path.read_bytes() == (Path(__file__).parents[3] / "app" / "firms" / path.name).read_bytes()
        elif path.suffix != ".md":
            assert path.read_bytes() == (FOUND / path.name).read_bytes()
