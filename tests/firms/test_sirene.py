"""INSEE's files of the register, as they are: all their headings, and nothing that they do not say."""

import csv
import io
from typing import Any

import pytest

from app.core.values import siren_from
from app.core.writing.importing import Reader, match
from app.firms import importer, sirene
from tests.directory import siret_of
from tests.integrations.imports.files import carry_out, csv_file
from tests.world import World, fresh_siren, ok

FIRMS, SITES = "/v1/imports?kind=firms", "/v1/imports?kind=sites"
UNIT = {
    "statutDiffusionUniteLegale": "O", "dateCreationUniteLegale": "1967-01-01", "sigleUniteLegale": "EF",
    "trancheEffectifsUniteLegale": "31", "anneeEffectifsUniteLegale": "2023",
    "dateDernierTraitementUniteLegale": "2025-12-06T05:25:38", "nombrePeriodesUniteLegale": "7",
    "categorieEntreprise": "ETI", "anneeCategorieEntreprise": "2023", "dateDebut": "2022-10-01",
    "etatAdministratifUniteLegale": "A", "denominationUniteLegale": "ETABLISSEMENTS EXEMPLE",
    "denominationUsuelle1UniteLegale": "LA FORGE", "categorieJuridiqueUniteLegale": "5710",
    "activitePrincipaleUniteLegale": "25.62B", "nomenclatureActivitePrincipaleUniteLegale": "NAFRev2",
    "nicSiegeUniteLegale": "00012", "economieSocialeSolidaireUniteLegale": "N", "caractereEmployeurUniteLegale": "O",
    "activitePrincipaleNAF25UniteLegale": "25.53Y",
}  # fmt: skip
SITE = {
    "statutDiffusionEtablissement": "O", "dateCreationEtablissement": "2010-01-01",
    "dateDernierTraitementEtablissement": "2025-12-06T05:25:38", "etablissementSiege": "true",
    "numeroVoieEtablissement": "12", "typeVoieEtablissement": "RUE", "libelleVoieEtablissement": "DES FORGES",
    "codePostalEtablissement": "30100", "libelleCommuneEtablissement": "ALES", "codeCommuneEtablissement": "30007",
    "dateDebut": "2024-03-31", "etatAdministratifEtablissement": "F", "enseigne1Etablissement": "LA FORGE",
    "activitePrincipaleEtablissement": "25.62B", "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
}  # fmt: skip


def stock(headings: list[str], *rows: dict[str, str]) -> bytes:
    """The file with all headings, as INSEE writes it."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, headings, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def units(*rows: dict[str, str]) -> bytes:
    return stock(sirene._UNIT, *rows)


def sites(*rows: dict[str, str]) -> bytes:
    return stock(sirene._SITE, *rows)


async def done(world: World, path: str, content: bytes) -> dict[str, Any]:
    ended: dict[str, Any] = await carry_out(world.clients["territory"], path, content)
    return ended


async def firm(world: World, siren: str) -> dict[str, Any]:
    found: dict[str, Any] = ok(await world.operator.get(f"/v1/firms/{siren}"))
    return found


async def test_a_legal_unit_comes_with_all_that_its_row_says(world: World) -> None:
    siren = fresh_siren()
    ended = await done(world, FIRMS, units({"siren": siren, **UNIT}))
    assert (ended["status"], ended["rows_created"], ended["problems"]) == ("succeeded", 1, [])
    found = await firm(world, siren)
    assert {name: found[name] for name in (
        "name", "trade_names", "acronym", "naf_code", "naf_version", "legal_form_code", "headcount_bracket",
        "headcount_year", "insee_category", "insee_category_year", "founded_on", "ceased", "diffusion", "sole_trader",
        "source", "as_of",
    )} == {
        "name": "ETABLISSEMENTS EXEMPLE", "trade_names": ["LA FORGE"], "acronym": "EF", "naf_code": "25.62B",
        "naf_version": "naf_rev2", "legal_form_code": "5710", "headcount_bracket": "31", "headcount_year": 2023,
        "insee_category": "eti", "insee_category_year": 2023, "founded_on": "1967-01-01", "ceased": False,
        "diffusion": "full", "sole_trader": False, "source": "sirene", "as_of": "2025-12-06",
    }  # fmt: skip
    codes = ok(await world.operator.get(f"/v1/firms/{siren}/activities"))["items"]
    assert {(each["naf_version"], each["naf_code"]) for each in codes} == {
        ("naf_rev2", "25.62B"), ("naf_2025", "25.53Y")
    }  # fmt: skip
    again = await done(world, FIRMS, units({"siren": siren, **UNIT}))
    assert (again["status"], again["rows_unchanged"]) == ("succeeded", 1)


async def test_a_natural_person_s_name_is_the_owner_s(world: World) -> None:
    siren, hidden, traded = fresh_siren(), fresh_siren(), fresh_siren()
    person = {"categorieJuridiqueUniteLegale": "1000", "nomUniteLegale": "EXEMPLE", "prenom1UniteLegale": "CAMILLE",
              "prenomUsuelUniteLegale": "CAMILLE", "etatAdministratifUniteLegale": "A"}  # fmt: skip
    mask = {"statutDiffusionUniteLegale": "P", "nomUniteLegale": "[ND]", "prenom1UniteLegale": "[ND]",
            "prenomUsuelUniteLegale": "[ND]", "denominationUniteLegale": "[ND]"}  # fmt: skip
    rows = [{"siren": siren, **person}, {"siren": hidden, **person, **mask},
            {"siren": traded, **person, "denominationUsuelle1UniteLegale": "ATELIER DU GARDON"}]  # fmt: skip
    ended = await done(world, FIRMS, units(*rows))
    assert (ended["status"], ended["rows_created"]) == ("succeeded", 3), ended
    found = await firm(world, siren)
    assert (found["name"], found["sole_trader"]) == (f"Entreprise {siren[:3]} {siren[3:6]} {siren[6:]}", True)
    assert ok(await world.auditor.get(f"/v1/firms/{siren}/owner"))["name"] == "CAMILLE EXEMPLE"
    assert (await firm(world, hidden))["diffusion"] == "partial"
    assert (await world.auditor.get(f"/v1/firms/{hidden}/owner")).status_code == 404
    assert (await firm(world, traded))["name"] == "ATELIER DU GARDON"
    for row in await world.pool.fetch("SELECT data::text FROM events WHERE topic = $1", f"firm/{siren}"):
        assert "CAMILLE" not in row["data"]
    ok(await world.operator.patch(f"/v1/firms/{siren}", {"name": "Atelier"}))
    ok_again = await done(world, FIRMS, units(rows[0]))
    assert ok_again["status"] == "succeeded"
    assert (await firm(world, siren))["name"] == "Atelier", "a name that the file does not have stays"


async def test_a_site_is_closed_where_the_register_says_so(world: World) -> None:
    siren = await world.add_firm()
    closed, opened = siret_of(siren), siret_of(siren, 2)
    open_now = {"etatAdministratifEtablissement": "A", "etablissementSiege": "false", "dateDebut": "2010-01-01"}
    rows = [{"siret": closed, "siren": siren, **SITE}, {"siret": opened, "siren": siren, **SITE, **open_now}]
    ended = await done(world, SITES, sites(*rows))
    assert (ended["status"], ended["rows_created"], ended["problems"]) == ("succeeded", 2, [])
    first, second = ok(await world.lead.get(f"/v1/firms/{siren}/sites"))["items"]
    assert {name: first[name] for name in (
        "name", "insee_code", "commune_name", "address", "naf_code", "naf_version", "opened_on", "closed", "closed_on",
        "is_seat", "source", "diffusion",
    )} == {
        "name": "LA FORGE", "insee_code": "30007", "commune_name": "ALES", "address": "12 RUE DES FORGES",
        "naf_code": "25.62B", "naf_version": "naf_rev2", "opened_on": "2010-01-01", "closed": True,
        "closed_on": "2024-03-31", "is_seat": True, "source": "sirene", "diffusion": "full",
    }  # fmt: skip
    assert (second["closed"], second["closed_on"], second["is_seat"]) == (False, None, False)
    again = await done(world, SITES, sites(*rows))
    assert (again["status"], again["rows_unchanged"]) == ("succeeded", 2)


async def test_no_state_never_means_open(world: World) -> None:
    siren = await world.add_firm()
    siret = siret_of(siren)
    for state in ("", "X"):
        ended = await done(world, SITES, sites({"siret": siret, **SITE, "etatAdministratifEtablissement": state}))
        assert ended["status"] == "refused"
        assert ended["problems"] == [(2, "etatAdministratifEtablissement", "state_missing", "blocking")]
    some = await done(world, SITES, csv_file("siret,libelleCommuneEtablissement", f"{siret},ALES"))
    assert (some["status"], some["problems"][-1][2]) == ("refused", "state_missing")
    other = fresh_siren()
    some = await done(world, FIRMS, csv_file("siren,denominationUniteLegale", f"{other},A"))
    assert (some["status"], some["problems"][-1][2]) == ("refused", "state_missing")
    bare = await done(world, SITES, csv_file("siret,x", f"{siret},1"))
    assert (bare["status"], bare["problems"][-1]) == ("refused", (2, "", "nothing_but_a_number", "blocking"))
    assert ok(await world.lead.get(f"/v1/firms/{siren}/sites"))["items"] == []


async def test_what_is_of_another_time_is_left_out_and_told(world: World) -> None:
    siren = fresh_siren()
    old = {"etatAdministratifUniteLegale": "C", "activitePrincipaleUniteLegale": "74.1G",
           "nomenclatureActivitePrincipaleUniteLegale": "NAFRev1", "dateCreationUniteLegale": "1897-05-01",
           "trancheEffectifsUniteLegale": "99", "categorieEntreprise": "MEGA"}  # fmt: skip
    ended = await done(world, FIRMS, units({"siren": siren, **UNIT, **old}))
    assert ended["status"] == "succeeded"
    assert {(column, code, severity) for _, column, code, severity in ended["problems"]} == {
        ("activitePrincipaleUniteLegale", "older_nomenclature", "advisory"),
        ("dateCreationUniteLegale", "fact_left_out", "advisory"),
        ("trancheEffectifsUniteLegale", "fact_left_out", "advisory"),
        ("categorieEntreprise", "fact_left_out", "advisory"),
    }
    found = await firm(world, siren)
    assert (found["naf_code"], found["founded_on"], found["headcount_bracket"]) == (None, None, None)
    assert (found["ceased"], found["ceased_on"]) == (True, "2022-10-01")


async def test_the_directory_s_own_fields_are_read_as_its_answers_are(world: World) -> None:
    siren, person = fresh_siren(), fresh_siren()
    head = "siren;nom_complet;nom_raison_sociale;sigle;activite_principale;nature_juridique;etat_administratif;"
    head += "date_creation;date_fermeture;statut_diffusion;est_entrepreneur_individuel;tranche_effectif_salarie"
    lines = [f"{siren};FORGES (F);FORGES;F;36.1Z;5710;C;1897-05-01;2024-06-30;O;false;12",
             f"{person};CAMILLE EXEMPLE;;;25.62B;1000;A;2004-05-03;;P;true;NN"]  # fmt: skip
    ended = await done(world, FIRMS, csv_file(head, *lines))
    assert (ended["status"], ended["rows_created"]) == ("succeeded", 2), ended
    assert {(line, column, code) for line, column, code, _ in ended["problems"]} == {
        (2, "activite_principale", "invalid_naf_code"), (2, "date_creation", "invalid_day")
    }  # fmt: skip
    found = await firm(world, siren)
    assert (found["name"], found["ceased"], found["ceased_on"], found["naf_code"], found["source"]) == (
        "FORGES", True, "2024-06-30", None, "directory"
    )  # fmt: skip
    found = await firm(world, person)
    assert (found["name"][:10], found["sole_trader"], found["diffusion"]) == ("Entreprise", True, "partial")
    assert ok(await world.auditor.get(f"/v1/firms/{person}/owner"))["name"] == "CAMILLE EXEMPLE"
    siret, other = siret_of(siren), siret_of(siren, 2)
    head = "siret;commune;libelle_commune;adresse;etat_administratif;date_fermeture;nom_commercial;liste_enseignes"
    lines = [f"{siret};30007;ALES;[ND];F;2024-06-30;[ND];", f"{other};30007;ALES;1 RUE BASSE;;;;"]
    ended = await done(world, SITES + "&on_error=skip", csv_file(head, *lines))
    assert (ended["status"], ended["rows_created"], ended["rows_skipped"]) == ("succeeded", 1, 1), ended
    assert ended["problems"] == [(3, "etat_administratif", "state_missing", "blocking")]
    [place] = ok(await world.lead.get(f"/v1/firms/{siren}/sites"))["items"]
    assert (place["closed"], place["closed_on"], place["address"], place["name"]) == (True, "2024-06-30", None, None)


@pytest.mark.parametrize("headings", [sirene._UNIT, sirene._SITE], ids=["units", "sites"])
async def test_no_heading_of_insee_is_called_unused(world: World, headings: list[str]) -> None:
    siren = siren_from(20_000_000)
    row = {"siren": siren, "siret": siret_of(siren)}
    path = FIRMS if headings is sirene._UNIT else SITES
    known = {name: value for name, value in row.items() if name in headings}
    ended = await done(world, f"{path}&dry_run=true", stock(headings, known))
    assert "ignored_column" not in {code for _, _, code, _ in ended["problems"]}
    assert [column["header"] for column in ended["columns"]] == headings


async def test_of_the_cog_communes_alone_come(world: World) -> None:
    head = "TYPECOM,COM,REG,DEP,LIBELLE,vintage"
    lines = ["COM,30007,76,30,Alès,2025", "COMD,30010,76,30,Anduze,2025", "ARM,13201,93,13,Marseille 1er,2025"]
    path = f"/v1/territories/{world.territory}/imports?kind=perimeter"
    ended = await carry_out(world.programme, path, csv_file(head, *lines))
    assert (ended["status"], ended["rows_created"]) == ("succeeded", 1), ended
    assert "TYPECOM" not in {column for _, column, _, _ in ended["problems"]}
    [perimeter] = ok(await world.auditor.get("perimeter"))["items"]
    assert [each["name"] for each in perimeter["communes"]] == ["Alès"]


async def test_of_banatic_the_member_s_name_comes(world: World) -> None:
    head = "dept;siren;raison_sociale;insee;siren_membre;nom_membre;millesime"
    line = "30;200066918;CA Alès Agglomération;30007;213000078;Alès;2025"
    path = f"/v1/territories/{world.territory}/imports?kind=perimeter"
    ended = await carry_out(world.programme, path, csv_file(head, line))
    assert (ended["status"], ended["rows_created"]) == ("succeeded", 1), ended
    [perimeter] = ok(await world.auditor.get("perimeter"))["items"]
    assert [(each["insee_code"], each["name"]) for each in perimeter["communes"]] == [("30007", "Alès")]


def test_a_number_that_has_lost_digits_is_told_of_its_own_column() -> None:
    headings = ["siren", "denominationUniteLegale", "etatAdministratifUniteLegale", "activitePrincipaleUniteLegale"]
    reader = Reader(importer.FIRMS, match(importer.FIRMS, 1, headings))
    line, [lost] = reader.line(2, ["7,3E+08", "A", "A", ""])
    assert (line, lost.column, lost.error.code, lost.found) == (None, "siren", "lost_digits", "7,3E+08")
    reader.close()
