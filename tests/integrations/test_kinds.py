"""Each kind of file: what a line comes to, and that a second run changes nothing."""

from typing import Any

import pytest

from app.core.importing import folded
from app.integrations.importers import IMPORTERS
from tests.directory import siret_of
from tests.integrations.files import carry_out, csv_file, xlsx_file
from tests.world import World, ok


def here(world: World, kind: str) -> str:
    return f"/v1/territories/{world.territory}/imports?kind={kind}"


async def followed(world: World) -> str:
    siren = await world.add_firm()
    ok(await world.clients["territory"].put(f"firms/{siren}", {"stage": "identified"}))
    return siren


async def twice(world: World, path: str, content: bytes) -> dict[str, Any]:
    """The first import; the same file again must change nothing."""
    client = world.clients["territory"]
    first = await carry_out(client, path, content)
    assert (first["status"], first["problems"]) == ("succeeded", []), first
    again = await carry_out(client, path, content)
    assert (again["status"], again["rows_unchanged"]) == ("succeeded", first["rows_read"]), again
    return first


async def test_sites_come_to_firms_of_the_register(world: World) -> None:
    siren = await world.add_firm()
    siret = siret_of(siren)
    lines = ["SIRET;Code INSEE;Ville;Adresse;Siège depuis", f"{siret};30 007;Alès;1 rue Basse;01/03/2019"]
    ended = await twice(world, "/v1/imports?kind=sites", csv_file(*lines))
    assert ended["rows_created"] == 1
    [site] = ok(await world.auditor.get(f"/v1/firms/{siren}/sites"))["items"]
    assert (site["siret"], site["commune_name"], site["is_seat"]) == (siret, "Alès", True)
    orphan = await carry_out(
        world.clients["territory"], "/v1/imports?kind=sites", csv_file("siret", siret_of("732829320"))
    )
    assert orphan["problems"] == [(2, "siret", "not_found", "blocking")]


async def test_contacts_come_with_purpose_basis_and_date(world: World) -> None:
    siren = await followed(world)
    header = "SIREN;Nom et prénom;Fonction;Courriel;Finalité;Base légale;Conserver jusqu'au"
    line = f"{siren};Claude Exemple;Direction;claude@demonstration.invalid;Mission d'ingénierie;"
    line += "Mission d'intérêt public;31/12/2028"
    ended = await twice(world, here(world, "contacts"), csv_file(header, line, encoding="cp1252"))
    assert ended["rows_created"] == 1
    [contact] = ok(await world.clients["territory"].get("contacts"))["items"]
    assert (contact["name"], contact["legal_basis"]) == ("Claude Exemple", "public_task")
    changed = csv_file(header, line.replace("Direction", "Production"))
    moved = await carry_out(world.clients["territory"], here(world, "contacts"), changed)
    assert (moved["rows_updated"], moved["rows_created"]) == (1, 0)
    stranger = csv_file(header, line.replace(siren, await world.add_firm()))
    refused = await carry_out(world.clients["territory"], here(world, "contacts"), stranger)
    assert (refused["status"], refused["problems"]) == ("refused", [(2, "siren", "reference-not-found", "blocking")])
    async with world.pool.acquire() as connection:
        told = await connection.fetch("SELECT data::text FROM events WHERE territory = $1", world.territory)
    assert not any("Exemple" in row["data"] or "claude@" in row["data"] for row in told)


async def test_auditions_are_planned_and_those_with_a_day_are_held(world: World) -> None:
    one, two = await followed(world), await followed(world)
    lines = [
        "Type;Entreprises;Prévue le;Tenue le;Lieu;Constats;Besoins",
        f"Visite de site;{one};04/07/2023;05/07/2023;Alès;Atelier saturé;Financement: centre d'usinage | Locaux",
        f"Entretien;{one}|{two};2023-07-10;;;;",
    ]
    ended = await twice(world, here(world, "auditions"), csv_file(*lines))
    assert ended["rows_created"] == 2
    held, planned = ok(await world.clients["territory"].get("auditions?sort=planned_on"))["items"]
    assert (held["kind"], held["status"], held["held_on"]) == ("site_visit", "held", "2023-07-05")
    assert [need["category"] for need in held["needs"]] == ["financing", "premises"]
    assert (planned["status"], len(planned["firm_sirens"])) == ("planned", 2)


async def test_projects_come_with_their_costs_and_jobs(world: World) -> None:
    siren = await followed(world)
    rows: list[list[Any]] = [
        ["Projet", "Type", "Maturité", "Porteur", "Actifs matériels", "Hors assiette", "Emplois créés", "Orientation"],
        ["Centre d'usinage", "Équipement", "Prêt", int(siren), 850000.5, 25000, 6.5, "France 2030"],
        ["Atelier", "Bâtiment", "Idée", siren, "1 250 000,00 €", "", "", ""],
    ]
    ended = await twice(world, here(world, "projects"), xlsx_file(*rows))
    assert ended["rows_created"] == 2
    projects = {item["title"]: item for item in ok(await world.clients["territory"].get("projects"))["items"]}
    costs = projects["Centre d'usinage"]["costs"]
    assert {cost["kind"]: cost["amount_cents"] for cost in costs} == {
        "tangible_asset": 850_000_50, "not_eligible": 25_000_00,
    }  # fmt: skip
    assert projects["Centre d'usinage"]["jobs_created_fte"] == 6.5
    assert projects["Centre d'usinage"]["funding_route"] == "france_2030"
    assert projects["Atelier"]["costs"][0]["amount_cents"] == 1_250_000_00


@pytest.mark.parametrize("kind", sorted(IMPORTERS))
def test_no_two_columns_of_a_kind_answer_to_one_name(kind: str) -> None:
    names: dict[str, str] = {}
    for column in IMPORTERS[kind].columns:
        for name in (column.field, *column.names):
            assert names.setdefault(folded(name), column.field) == column.field, name
    assert set(IMPORTERS[kind].fields) <= set(IMPORTERS[kind].schema.model_fields)
