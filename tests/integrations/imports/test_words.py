"""A fault is told in the words of the file: the heading and cell as they stand there, what was found, what to do."""

from pathlib import Path
from typing import Any

import pytest

from app.integrations.imports.importers import IMPORTERS
from tests.directory import siret_of
from tests.integrations.imports.files import carry_out, csv_file, ended_of, send, xlsx_file
from tests.world import Client, World, ok

INPUTS = Path(__file__).parent / "inputs"
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


async def test_every_spelling_of_an_amount_is_read_or_told(world: World) -> None:
    siren = await world.followed_firm()
    client = world.clients["territory"]
    content = (INPUTS / "p02_amounts.csv").read_text().replace("910000017", siren).encode()
    found = await problems(client, here(world, "projects") + "&dry_run=true", content)
    told = {each["line"] - 2: each["code"] for each in found if each["column"] == "tangible_cents"}
    assert told == {
        3: "ambiguous_number", 4: "ambiguous_number", 10: "cell_not_read", 11: "cell_not_read", 12: "cell_not_read",
        13: "cell_not_read", 14: "too_small", 15: "cell_not_read", 16: "cell_not_read", 18: "cell_not_read",
        19: "cell_not_read", 20: "wrongly_grouped", 21: "wrongly_grouped", 22: "cell_not_read", 23: "cell_not_read",
    }  # fmt: skip
    [small] = [each for each in found if each["code"] == "too_small"]
    assert small["detail_fr"].endswith("Doit être au moins 0,00 €.")


async def test_a_computed_amount_is_read_as_it_is_shown(world: World) -> None:
    siren = await world.followed_firm()
    rows: list[list[Any]] = [PROJECTS.split(";"), ["T", "Équipement", "Étude", siren, 1415.2799999999997, "04/07/2023"]]
    ended = await carry_out(world.clients["territory"], here(world, "projects"), xlsx_file(*rows))
    assert (ended["status"], ended["problems"]) == ("succeeded", [])
    [project] = ok(await world.clients["territory"].get("projects"))["items"]
    assert project["costs"][0]["amount_cents"] == 141_528


async def test_activities_are_read_in_each_spelling_and_looked_up(world: World) -> None:
    client = world.clients["territory"]
    ended = await carry_out(client, "/v1/imports?kind=firms&dry_run=true", (INPUTS / "c12_naf.csv").read_bytes())
    assert ended["problems"] == [(5, "naf_code", "invalid_naf_code", "blocking")]
    siren = await world.add_firm()
    content = csv_file("siren;nom;code APE", f"{siren};A;25.62Z")
    [unknown] = await problems(client, "/v1/imports?kind=firms", content)
    assert (unknown["code"], unknown["cell"]) == ("unknown_naf_code", "C2")
    assert "25.62A" in unknown["detail_fr"] or "25.62B" in unknown["detail_fr"]
    newer = csv_file("siren;nom;code APE;nomenclature", f"{siren};A;25.53Y;NAF 2025")
    assert (await carry_out(client, "/v1/imports?kind=firms", newer))["status"] == "succeeded"


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


async def test_a_missing_column_is_told_with_all_headings_that_are_accepted(world: World) -> None:
    content = csv_file("Code INSEE;Nom", "30007;Alès")
    found = await problems(world.programme, here(world, "perimeter"), content)
    [missing] = [each for each in found if each["code"] == "missing_column"]
    assert "millésime, année" in missing["detail_fr"]
    twice = csv_file("Année;Year;Code INSEE;Nom", "2025;2025;30007;Alès")
    [repeated, *_] = await problems(world.programme, here(world, "perimeter"), twice)
    assert (repeated["code"], "Année, Year" in repeated["detail_fr"]) == ("repeated_column", True)


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
