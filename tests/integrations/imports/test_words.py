"""A fault is told in the words of the file: the heading and cell as they stand there, what was found, what to do."""

import re
from collections import Counter
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest

from app.core import clock
from app.core.faults import FAULTS, FieldError
from app.core.reading.headings import has_words
from app.core.writing.importing import MISSING_COLUMN, FileLine, LineFault, Reader, match
from app.firms import importer, naf
from app.firms.rules import SECTIONS, NafVersion
from app.integrations.imports.importers import IMPORTERS
from app.integrations.imports.telling import Telling
from app.programme import cog
from tests.directory import siret_of
from tests.integrations.imports.files import carry_out, csv_file, ended_of, send, xlsx_file
from tests.world import Client, World, fresh_siren, ok

PROJECTS = "Titre;Type;Maturité;Siren;Actifs matériels;Détecté le"


def here(world: World, kind: str) -> str:
    return f"/v1/territories/{world.territory}/imports?kind={kind}"


async def problems(client: Client, path: str, content: bytes) -> list[dict[str, Any]]:
    """The problems of a file, whole."""
    base = path.partition("?")[0]
    ended = await ended_of(client, await send(client, path, content), base)
    found: list[dict[str, Any]] = ok(await client.get(f"{base}/{ended['id']}/problems?limit=500"))["items"]
    return found


async def test_an_amount_is_told_by_its_heading_its_cell_and_an_example(world: World) -> None:
    siren = await world.followed_firm()
    content = csv_file(PROJECTS, f"T;Équipement;Étude;{siren};12 k€;04/07/2023", f"U;Machine;Étude;{siren};1.500;x")
    amount, label, twofold, day = await problems(world.clients["territory"], here(world, "projects"), content)
    assert (amount["column"], amount["heading"], amount["cell"], amount["found"]) == (
        "tangible_cents", "Actifs matériels", "E2", "12 k€",
    )  # fmt: skip
    assert amount["detail_fr"] == (
        "E2, «\u00a0Actifs matériels\u00a0»\u00a0: «\u00a012 k€\u00a0». Doit être un montant en euros, comme 1 234,50."
    )
    assert amount["detail"] == (
        "E2, \u201cActifs matériels\u201d: \u201c12 k€\u201d. Must be an amount in euros, such as 1 234.50."
    )
    told = {each["cell"]: each for each in (label, twofold, day)}
    assert "Équipement, Bâtiment, R&D" in told["B3"]["detail_fr"]
    assert "equipment" not in told["B3"]["detail_fr"]
    assert told["B3"]["code"] == "not_one_of"
    assert "1,5 ou 1500" in told["E3"]["detail_fr"]
    assert told["F3"]["code"] == "cell_not_read"
    assert "14/06/2023" in told["F3"]["detail_fr"]


async def test_activities_are_looked_up_in_their_nomenclature(world: World) -> None:
    client = world.clients["territory"]
    siren = await world.add_firm()
    content = csv_file("siren;nom;code APE", f"{siren};A;25.62Z")
    [unknown] = await problems(client, "/v1/imports?kind=firms", content)
    assert (unknown["code"], unknown["cell"]) == ("unknown_naf_code", "C2")
    assert "25.62A" in unknown["detail_fr"] or "25.62B" in unknown["detail_fr"]
    header = "siren;nom;code APE;nomenclature"
    newer = csv_file(header, f"{siren};A;25.53Y;NAF 2025")
    assert (await carry_out(client, "/v1/imports?kind=firms", newer))["status"] == "succeeded"
    for code, version, words in (
        ("25.53Z", "NAF 2025", "Le plus proche est 25.53Y."), ("25.62A", "NAF 2025", "la NAF rév. 2 l'a"),
        ("25.53Y", "NAF rév. 2", "la NAF 2025 l'a : dites-le dans une colonne Nomenclature."),
    ):  # fmt: skip
        other = csv_file(header, f"{await world.add_firm()};A;{code};{version}")
        [told] = await problems(client, "/v1/imports?kind=firms", other)
        assert words in told["detail_fr"]


BEFORE, AFTER = date(2026, 12, 31), date(2027, 1, 1)


@pytest.mark.parametrize(
    ("code", "as_of", "today", "fault"),
    [
        ("25.62B", None, BEFORE, None), ("25.62B", None, AFTER, "code_of_another_nomenclature"),
        ("25.62B", BEFORE, AFTER, None), ("25.53Y", None, BEFORE, "code_of_another_nomenclature"),
        ("25.53Y", None, AFTER, None), ("25.53Y", AFTER, BEFORE, None), ("98.99Q", None, BEFORE, "unknown_naf_code"),
        ("98.99Q", None, AFTER, "unknown_naf_code"),
    ],
)  # fmt: skip
def test_a_code_without_a_nomenclature_is_of_that_of_its_day(
    monkeypatch: pytest.MonkeyPatch, code: str, as_of: date | None, today: date, fault: str | None
) -> None:
    monkeypatch.setattr(clock, "today", lambda: today)
    item = importer.FirmLine.model_construct(siren="910000017", name="A", naf_code=code, naf_version=None, as_of=as_of)
    found = importer._of_no_nomenclature([FileLine(2, item)], set(), "siren")
    assert [each.error.code for each in found] == ([fault] if fault else [])


def test_the_nomenclatures_are_whole() -> None:
    """As many codes as INSEE counts, of as many divisions; a letter behind each class, Y or Z where it has one code."""
    for version, number, divisions, alone in ((NafVersion.REV_2, 732, 88, "Z"), (NafVersion.NAF_2025, 747, 87, "Y")):
        codes = naf.codes(version)
        assert (len(codes), len({code[:2] for code in codes})) == (number, divisions)
        known = [range(first, last + 1) for first, last in SECTIONS[version].values()]
        assert all(any(int(code[:2]) in section for section in known) for code in codes)
        classes = Counter(code[:5] for code in codes)
        assert all((code[5] == alone) is (classes[code[:5]] == 1) for code in codes), version


async def test_the_communes_of_a_perimeter_are_those_of_its_year(world: World) -> None:
    header = "Millésime;Code INSEE;Nom"
    path = here(world, "perimeter")
    wrong = csv_file(header, "2023;30007;Alès", "2025;12076;Conques-en-Rouergue", "2023;12218;Conques-en-Rouergue",
                     "2025;99999;Alès", "2025;99134;Espagne", "2024;75101;Paris 1er", "2025;01039;Béon")  # fmt: skip
    found = {each["line"]: each for each in await problems(world.programme, path, wrong)}
    assert {line: each["code"] for line, each in found.items()} == {
        3: "commune_of_another_year", 4: "commune_of_another_year", 5: "unknown_commune", 6: "unknown_commune",
        7: "commune_of_another_year", 8: "commune_of_another_year",
    }  # fmt: skip
    assert "depuis 2025, la commune relève de 12218 (Conques-en-Rouergue)" in found[3]["detail_fr"]
    assert "avant 2025, la commune relève de 12076" in found[4]["detail_fr"]
    assert found[5]["detail_fr"].endswith("Le plus proche est 30007 (Alès).")
    assert "an arrondissement of 75056 (Paris)" in found[7]["detail"]
    assert "since 2023 the commune belongs to 01138 (Culoz-Béon)" in found[8]["detail"]
    right = csv_file(header, "2024;12076;Conques", "2025;12218;Conques", "2020;01039;Béon", "2030;30007;Alès",
                     "1999;01039;Béon")  # fmt: skip
    ended = await carry_out(world.programme, path, right)
    assert (ended["status"], ended["problems"]) == ("succeeded", [])


async def test_a_site_and_a_project_lie_in_a_commune_that_is_or_was(world: World) -> None:
    siren = await world.followed_firm()
    sites = csv_file("SIRET;Nom;Code INSEE;Ville;Situation au", f"{siret_of(siren)};A;30999;Alès;",
                     f"{siret_of(siren, 2)};B;12076;Conques;", f"{siret_of(siren, 3)};C;12076;Conques;01/07/2024",
                     f"{siret_of(siren, 4)};D;75101;Paris;")  # fmt: skip
    found = await problems(world.clients["territory"], "/v1/imports?kind=sites&dry_run=true", sites)
    assert [(each["line"], each["code"], each["severity"]) for each in found] == [
        (2, "unknown_commune", "blocking"), (3, "commune_of_another_year", "advisory"),
    ]  # fmt: skip
    assert found[0]["detail_fr"].endswith("Le plus proche est 30007 (Alès).")
    lines = [f"{title};Équipement;Étude;{siren};{code};04/07/2023" for title, code in (("T", "30999"), ("U", "12218"))]
    projects = csv_file("Titre;Type;Maturité;Siren;Commune;Détecté le", *lines)
    found = await problems(world.clients["territory"], here(world, "projects") + "&dry_run=true", projects)
    assert sorted((each["line"], each["code"]) for each in found) == [
        (2, "unknown_commune"), (3, "commune-outside-perimeter"), (3, "commune_of_another_year"),
    ]  # fmt: skip


async def test_what_stands_is_no_unknown_commune(world: World) -> None:
    communes = [{"insee_code": "99998", "name": "Nulle-part"}]
    ok(await world.programme.put(f"/v1/territories/{world.territory}/perimeter/2025", {"communes": communes}))
    again = csv_file("Millésime;Code INSEE;Nom", "2025;99998;Nulle-part")
    ended = await carry_out(world.programme, here(world, "perimeter"), again)
    assert (ended["status"], ended["rows_unchanged"]) == ("succeeded", 1)


def test_the_codes_of_communes_are_what_their_lists_say() -> None:
    def commune(code: str, name: str, *old: str) -> dict[str, Any]:
        return {"code": code, "nom": name, "type": "commune-actuelle", "anciensCodes": list(old)}

    lists = {
        2021: [commune("01001", "A"), commune("01002", "B"), commune("01004", "D", "01003")],
        2022: [
            commune("01001", "A et B", "01002"),
            {"code": "01002", "nom": "B", "type": "commune-deleguee", "chefLieu": "01001"},
            {"code": "01005", "nom": "D 1er", "type": "arrondissement-municipal", "commune": "01004"},
            commune("01004", "D", "01003"),
        ],
    }
    assert list(cog.rows(lists)) == [
        "code;name;years;into", "01001;A et B;;", "01002;B;2021;01001", "01003;;-;01004", "01004;D;;",
        "01005;D 1er;=;01004",
    ]  # fmt: skip
    counted = [sum(found.of(year) for found in map(cog._read, cog._lines())) for year in cog.YEARS]
    assert counted == [35064, 35059, 35049, 35039, 35029, 34969, 34969]


async def test_what_our_own_api_took_is_no_unknown_activity(world: World) -> None:
    siren = await world.add_firm()
    client = world.clients["territory"]
    ok(await client.patch(f"/v1/firms/{siren}", {"naf_code": "98.99Q", "naf_version": "naf_rev2"}))
    export = await client.get(f"/v1/firms?format=csv&q={siren}")
    again = await carry_out(client, "/v1/imports?kind=firms", export.content)
    assert (again["status"], again["rows_unchanged"]) == ("succeeded", 1)


async def test_what_must_be_done_first_is_told(world: World) -> None:
    client = world.clients["territory"]
    [site] = await problems(client, "/v1/imports?kind=sites", csv_file("N° SIRET;Nom", f"{siret_of('732829320')};A"))
    assert site["code"] == "not_found"
    assert site["detail_fr"].endswith("Importez d'abord les entreprises.")
    assert site["found"] == siret_of("732829320")
    header = "SIREN;Nom;Finalité;Base légale;Conserver jusqu'au"
    line = f"{await world.add_firm()};Claude Exemple;Information;Consentement;31/12/2028"
    [contact] = await problems(client, here(world, "contacts"), csv_file(header, line))
    assert contact["cell"] == "A2"
    assert contact["detail_fr"].endswith("Importez d'abord les entreprises, et suivez-les dans le territoire.")
    member = csv_file(
        "Courriel;Rôle;Territoire;À partir du", f"nobody@example.fr;Auditeur;{world.territory};01/01/2023"
    )
    [holder] = await problems(world.clients["admin"], "/v1/imports?kind=members", member)
    assert (holder["cell"], holder["detail_fr"].endswith("Importez d'abord les personnes.")) == ("A2", True)


async def test_a_percentage_is_told_as_one(world: World) -> None:
    rates = csv_file("À compter du;Taux;Texte", "01/07/2199;500;A")
    [rate] = await problems(world.programme, "/v1/imports?kind=legal_rates", rates)
    assert (rate["column"], rate["cell"], rate["found"]) == ("rate", "B2", "500")
    assert rate["detail_fr"].endswith("Doit être au plus 100 %.")


async def test_a_missing_column_is_told_with_all_headings_that_are_accepted(world: World) -> None:
    content = csv_file("Code INSEE;Nom;Observations", "30007;Alès;")
    found = await problems(world.programme, here(world, "perimeter"), content)
    [ignored] = [each for each in found if each["code"] == "ignored_column"]
    assert ignored["detail_fr"].startswith("C1, «\u00a0Observations\u00a0»")
    [missing] = [each for each in found if each["code"] == "missing_column"]
    assert "Millésime, Vintage, année" in missing["detail_fr"]
    header = match(IMPORTERS["advances"], 1, [])
    telling = Telling(uuid4(), IMPORTERS["advances"], header)
    faults = header.faults(telling.importer)
    assert [telling.row(fault)[-1] for fault in faults] == [fault.error.public("fr")["detail"] for fault in faults]
    twice = csv_file("Année;Year;Code INSEE;Nom", "2025;2025;30007;Alès")
    [repeated, *_] = await problems(world.programme, here(world, "perimeter"), twice)
    assert (repeated["code"], "Année, Year" in repeated["detail_fr"]) == ("repeated_column", True)


async def test_what_stands_in_a_cell_is_quoted_as_it_stands(world: World) -> None:
    """Also where a rule of the service finds the fault, which has days and codes in its own spelling; a day of a
    workbook as people see it there.
    """
    client = world.clients["territory"]
    book = xlsx_file(["SIREN", "Nom", "Créée le"], [fresh_siren(), "A", datetime(1999, 6, 14, 8, 30)])
    [time] = await problems(client, "/v1/imports?kind=firms&dry_run=true", book)
    assert time["detail_fr"] == (
        "C2, «\u00a0Créée le\u00a0»\u00a0: «\u00a014/06/1999 08:30\u00a0». Seul le jour 14/06/1999 est retenu, l'heure"
        " 08:30 est laissée de côté."
    )
    later, siren = "4/7/2199", await world.followed_firm()
    projects = csv_file("Titre;Type;Maturité;Siren;Détecté le;Audition", f"T;Équipement;Étude;{siren};{later};")
    [future] = await problems(client, here(world, "projects") + "&dry_run=true", projects)
    assert (future["code"], future["cell"], future["found"]) == ("future_day", "E2", later)
    codes = csv_file("SIRET;Nom;Code INSEE;Code NAF", f"{siret_of(siren)};A;30 999;9899q")
    found = await problems(client, "/v1/imports?kind=sites&dry_run=true", codes)
    assert sorted((each["cell"], each["found"]) for each in found) == [("C2", "30 999"), ("D2", "9899q")]


async def test_a_line_that_repeats_another_names_the_column_that_does(world: World) -> None:
    content = csv_file("Millésime;Code INSEE;Nom", "2025;30007;Alès", "2025;30007;Alès")
    [repeated] = await problems(world.programme, here(world, "perimeter"), content)
    assert (repeated["column"], repeated["cell"], repeated["found"]) == ("insee_code", "B3", "30007")


async def test_a_field_without_a_column_is_told_by_its_label(world: World) -> None:
    siren = await world.followed_firm()
    content = csv_file("Titre;Type;Maturité;Siren", f"T;Équipement;Étude;{siren}")
    [missing] = await problems(world.clients["territory"], here(world, "projects"), content)
    assert (missing["column"], missing["heading"], missing["cell"]) == ("detected_on", None, None)
    assert missing["detail_fr"].startswith("Détecté le\u00a0: ")


async def test_only_the_sender_reads_what_was_found(world: World) -> None:
    content = csv_file("siren;nom", "12 34;A")
    received = await send(world.clients["territory"], "/v1/imports?kind=firms", content)
    await ended_of(world.clients["territory"], received)
    address = f"/v1/imports/{received['id']}/problems"
    [mine] = ok(await world.clients["territory"].get(address))["items"]
    [others] = ok(await world.auditor.get(address))["items"]
    assert (mine["found"], others["found"]) == ("12 34", None)
    assert "12 34" in mine["detail"]
    assert "12 34" not in others["detail"] + others["detail_fr"]


@pytest.mark.parametrize("kind", sorted(kind for kind, each in IMPORTERS.items() if not each.xml))
def test_every_column_says_what_it_accepts_in_both_languages(kind: str) -> None:
    for column in IMPORTERS[kind].columns:
        assert column.label("fr")
        assert column.label("en")
        assert column.read.accepts.fr
        assert column.read.accepts.en


@pytest.mark.parametrize("kind", [kind for kind, importer in IMPORTERS.items() if not importer.xml])
def test_no_fault_of_a_cell_speaks_of_how_the_api_is_spelt(kind: str) -> None:
    """Nor of names that no file has: whatever stands in a column, its fault says what people write there."""
    importer = IMPORTERS[kind]
    for column in importer.columns:
        if "." in column.field or column.field.endswith("_id") or column.field.endswith("_ids") or column.field == "id":
            continue
        reader = Reader(importer, match(importer, 1, [column.field]))
        for cell in ("??", "31/02/2009", "01/01/1800", "12 34", "-3", "9" * 40, "x" * 3000):
            for fault in reader.line(2, [cell])[1]:
                for language in ("en", "fr"):
                    told = str(fault.error.public(language)["detail"])
                    assert not re.search("JSON|lower_snake|Luhn|1900-01", told), (column, told)


def test_a_fault_names_columns_as_the_file_does() -> None:
    importer = IMPORTERS["claim_lines"]
    telling = Telling(uuid4(), importer, match(importer, 1, ["Facture d'origine"]))
    parameter = "donnez son numéro (header_row)"
    assert telling.in_headings(parameter, "fr") == parameter, "what is said beside the file is said as it is spelt"
    said = telling.in_headings("désigner la facture (lowers_invoice_number), sans invoice_amount_excl_vat_cents", "fr")
    assert said == ("désigner la facture («\u00a0Facture d'origine\u00a0»), sans «\u00a0Montant total HT\u00a0»")


# Parameters of an import, codes that people type, and what belongs to requests alone.
_AS_THEY_ARE = frozenset({"header_row", "hours_per_day", "site_visit", "lower_snake", "recorded_as_of"})


@pytest.mark.parametrize("kind", [kind for kind, importer in IMPORTERS.items() if not importer.xml])
def test_no_problem_of_a_line_names_a_field_or_a_day_as_the_api_spells_it(kind: str) -> None:
    """Whichever rule of the service refuses a line: people read headings, French days and percentages."""
    importer = IMPORTERS[kind]
    telling = Telling(uuid4(), importer, match(importer, 1, [column.label("fr") for column in importer.columns]))
    for fault in [each for each in FAULTS.values() if each is not MISSING_COLUMN]:
        members = {name: 150 if name in ("minimum", "maximum") else "2023-07-04" for name in fault.placeholders}
        row = telling.row(LineFault(2, "", FieldError("", fault, members)))
        french = str(row[-1])
        left = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", french)) - _AS_THEY_ARE
        assert not {name for name in left if has_words(name) or name in importer.fields}, french
        assert not re.search(r"\b20[0-9]{2}-[0-9]{2}-[0-9]{2}\b(?!T)|points de base", french), (fault.code, french)


async def test_what_a_file_lacks_may_be_said_beside_it(world: World) -> None:
    content = csv_file("Code INSEE;Nom", "30007;Alès")
    [missing, *_] = await problems(world.programme, here(world, "perimeter"), content)
    assert "set[vintage]=2023" in missing["detail_fr"]
    ended = await carry_out(world.programme, here(world, "perimeter") + "&set[vintage]=2026&dry_run=true", content)
    assert ended["status"] == "succeeded", ended
    [number, *_] = await problems(world.clients["territory"], "/v1/imports?kind=firms", csv_file("Nom", "A"))
    assert (number["column"], "set[" in number["detail_fr"]) == ("siren", False), "a number names one line alone"
