"""Each kind of file: what a line comes to, and that a second run changes nothing."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.writing.importing import folded
from app.integrations.imports.importers import IMPORTERS
from tests.directory import siret_of
from tests.integrations.imports.files import carry_out, csv_file, xlsx_file
from tests.world import World, fresh_siren, ok


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
    assert (again["status"], again["rows_unchanged"], again["rows_written"]) == ("succeeded", first["rows_read"], 0)
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
        world.clients["territory"], "/v1/imports?kind=sites", csv_file("siret;fermé", f"{siret_of('732829320')};non")
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
    assert (planned["status"], len(planned["sirens"])) == ("planned", 2)


async def test_a_file_means_what_stands_under_a_name_that_was_cancelled_too(world: World) -> None:
    siren, client = await followed(world), world.clients["territory"]
    planned = {"kind": "interview", "sirens": [siren], "planned_on": "2023-07-04", "external_id": "RDV-1"}
    first = ok(await client.post("auditions", planned), 201)["id"]
    ok(await client.post(f"auditions/{first}/cancel", {"reason": "Ill."}))
    line = csv_file("kind;sirens;planned_on;external_id;place", f"interview;{siren};2023-07-04;RDV-1;Alès")
    second = ok(await client.post("auditions", planned), 201)["id"]
    told = await carry_out(client, here(world, "auditions"), line)
    assert (told["status"], told["rows_updated"]) == ("succeeded", 1), told
    assert [ok(await client.get(f"auditions/{each}"))["place"] for each in (first, second)] == [None, "Alès"]

    gone, stands = [await world.mission(days=2, partner=2) for _ in range(2)]
    person = ok(await world.consultant.get(f"consultants/{stands.partner_consultant}"))["person_id"]
    again = {"person_id": person, "mission_id": gone.id, "from_on": "2023-01-01"}
    ok(await world.operator.post("consultants", again), 201)
    ok(await world.operator.patch(f"missions/{gone.id}", {"external_id": "M-1"}))
    ok(await world.operator.post(f"missions/{gone.id}/cancel", {"reason": "Twice."}))
    ok(await world.operator.patch(f"missions/{stands.id}", {"external_id": "M-1"}))
    name = ok(await world.consultant.get(f"consultants/{stands.partner_consultant}"))["person_name"]
    entry = csv_file("mission;person;worked_on;days;activity", f"M-1;{name};2023-07-04;0.5;audition")
    told = await carry_out(world.consultant, here(world, "time_entries"), entry)
    assert (told["status"], told["rows_created"]) == ("succeeded", 1), told
    assert ok(await world.consultant.get("time-entries"))["items"][0]["mission_id"] == stands.id


async def test_a_file_may_keep_a_heading_that_was_replaced(world: World) -> None:
    siren, client = await followed(world), world.clients["territory"]
    audition = f"call;{siren};2023-07-04"
    ended = await twice(world, here(world, "auditions"), csv_file("kind;firm_sirens;planned_on", audition))
    assert ended["rows_created"] == 1
    again = await carry_out(client, here(world, "auditions"), csv_file("kind;sirens;planned_on", audition))
    assert (again["rows_unchanged"], again["problems"]) == (1, [])
    project = f"Atelier;building;idea;2023-07-04;{siren}"
    header = "title;kind;maturity;detected_on;firm_sirens"
    ended = await twice(world, here(world, "projects"), csv_file(header, project))
    assert ended["rows_created"] == 1
    both = csv_file("title;kind;maturity;detected_on;sirens;firm_sirens", f"{project};{siren}")
    told = await carry_out(client, here(world, "projects"), both)
    assert (told["rows_unchanged"], told["problems"]) == (1, [(1, "firm_sirens", "ignored_column", "advisory")])
    mission = await world.mission()
    entry = f"{mission.partner_consultant};2023-07-04;0.5;audition;{siren}"
    old = csv_file("consultant_id;worked_on;days;activity;firm_siren", entry)
    ended = await carry_out(world.consultant, here(world, "time_entries"), old)
    assert (ended["rows_created"], ended["problems"]) == (1, [])
    assert ok(await world.consultant.get("time-entries"))["items"][0]["siren"] == siren


async def test_projects_come_with_their_costs_and_jobs(world: World) -> None:
    siren = await followed(world)
    rows: list[list[Any]] = [
        ["Projet", "Type", "Maturité", "Porteur", "Actifs matériels", "Hors assiette", "Emplois créés", "Orientation",
         "Détecté le"],
        ["Centre d'usinage", "Équipement", "Prêt", int(siren), 850000.5, 25000, 6.5, "France 2030", "04/07/2023"],
        ["Atelier", "Bâtiment", "Idée", siren, "1 250 000,00 €", "", "", "", "04/07/2023"],
    ]  # fmt: skip
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


async def test_the_day_of_a_detection_is_asked_for_and_corrected_by_a_file(world: World) -> None:
    siren, client = await followed(world), world.clients["territory"]
    bare = csv_file("title;kind;maturity;sirens", f"Atelier;building;idea;{siren}")
    refused = await carry_out(client, here(world, "projects"), bare)
    assert (refused["status"], refused["rows_created"]) == ("refused", 0)
    assert [(line, column) for line, column, *_ in refused["problems"]] == [(2, "detected_on")]
    for day, outcome in (("2023-07-04", "rows_created"), ("2023-06-20", "rows_updated")):
        dated = csv_file("title;kind;maturity;sirens;detected_on", f"Atelier;building;idea;{siren};{day}")
        assert (await carry_out(client, here(world, "projects"), dated))[outcome] == 1
        [shown] = ok(await client.get("projects"))["items"]
        assert (shown["detected_on"], shown["stage_since_on"]) == (day, day)


@pytest.mark.parametrize("kind", sorted(IMPORTERS))
def test_no_two_columns_of_a_kind_answer_to_one_name(kind: str) -> None:
    names: dict[str, str] = {}
    for column in IMPORTERS[kind].columns:
        for name in (column.field, *column.names):
            assert names.setdefault(folded(name), column.field) == column.field, name
    for name, field in IMPORTERS[kind].synonyms().items():
        assert names.setdefault(folded(name), field) == field, name
    assert {name.partition(".")[0] for name in IMPORTERS[kind].fields} <= set(IMPORTERS[kind].schema.model_fields)


async def test_time_entries_come_by_the_name_of_the_person(world: World) -> None:
    mission = await world.mission(days=2, partner=2)
    name = ok(await world.consultant.get(f"consultants/{mission.partner_consultant}"))["person_name"]
    lines = [
        "Personne;Date;Jours;Activité;Commentaire",
        f"{name.upper()};04/07/2023;0,5;Audition;Sur site",
        f"{name};05/07/2023;1;Analyse;",
    ]
    path = here(world, "time_entries")
    first = await carry_out(world.consultant, path, csv_file(*lines, encoding="cp1252"))
    assert (first["status"], first["rows_created"], first["problem"], first["problems"]) == ("succeeded", 2, None, [])
    again = await carry_out(world.consultant, path, csv_file(*lines))
    assert (again["rows_unchanged"], again["rows_created"]) == (2, 0)
    lines[1] = lines[1].replace("0,5", "0,25")
    changed = await carry_out(world.consultant, path, csv_file(*lines))
    assert (changed["rows_updated"], changed["rows_unchanged"]) == (1, 1)
    assert ok(await world.consultant.get("engineering"))["days_entered"] == 1.25

    beyond = csv_file(lines[0], f"{name};06/07/2023;1;Audition;")
    refused = await carry_out(world.consultant, path, beyond)
    assert (refused["status"], refused["rows_created"]) == ("refused", 0)
    assert refused["problem"]["type"] == "/problems/allotment-exhausted"
    stranger = await carry_out(world.lead, path, beyond)
    assert stranger["problems"] == [(2, "person", "no_assignment", "blocking")]
    assert ok(await world.consultant.get("engineering"))["days_entered"] == 1.25


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_our_own_exports_are_imported_again_and_change_nothing(world: World, form: str) -> None:
    siren = await followed(world)
    client = world.clients["territory"]
    ok(
        await client.post(
            "projects",
            {
                "title": "École de soudure", "kind": "training", "maturity": "study", "detected_on": "2023-07-04",
                "holders": [
                    {"kind": "firm", "siren": siren},
                    {"kind": "association", "name": "Les soudeurs | du bassin", "lead": True},
                ],
                "costs": [
                    {"label": "Postes", "kind": "tangible_asset", "amount_cents": 1_250_50, "holder": 1},
                    {"label": "Cours", "kind": "not_eligible", "amount_cents": 40_000, "reason": "Fonctionnement."},
                ],
            },
        ),
        201,
    )  # fmt: skip
    needs = [{"category": "energy"}, {"category": "other", "description": "Un quai | une grue"}]
    planned = {"kind": "interview", "sirens": [siren], "planned_on": "2023-07-04", "needs": needs}
    ok(await client.post("auditions", planned), 201)
    mission = await world.mission(days=2, partner=2)
    entry = {"mission_id": mission.id, "consultant_id": mission.partner_consultant, "worked_on": "2023-07-04"}
    made = ok(await world.consultant.post("time-entries", entry | {"days": 0.5, "activity": "audition"}), 201)
    ok(await world.lead.post(f"time-entries/{made['id']}/validate"))
    for kind, sender in (("projects", client), ("auditions", client), ("time_entries", world.consultant)):
        export = await sender.get(f"{kind.replace('_', '-')}?format={form}")
        again = await carry_out(sender, here(world, kind), export.content)
        assert (again["status"], again["rows_unchanged"], again["rows_read"]) == ("succeeded", 1, 1), (kind, again)
    firm = await client.get(f"/v1/firms?format={form}&q={siren}")
    again = await carry_out(client, "/v1/imports?kind=firms", firm.content)
    assert (again["status"], again["rows_unchanged"]) == ("succeeded", 1), again


RISKY = st.text(st.sampled_from("'=+-@|\\;, ＝−a1é"), min_size=1, max_size=6).filter(lambda text: text == text.strip())


@given(st.lists(RISKY | st.sampled_from(["-", "NULL", "[ND]", "#N/A"]), min_size=1, max_size=20, unique=True))
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_a_file_takes_out_it_brings_back(world: World, names: list[str]) -> None:
    siren, client = fresh_siren(), world.clients["territory"]
    facts = {"name": names[0], "trade_names": names, "acronym": names[-1]}
    ok(await client.put(f"/v1/firms/{siren}", facts), 201)
    for form in ("csv", "csv-fr", "xlsx"):
        export = await client.get(f"/v1/firms?format={form}&siren={siren}")
        again = await carry_out(client, "/v1/imports?kind=firms", export.content)
        assert (again["status"], again["rows_unchanged"]) == ("succeeded", 1), (form, again)
        cleared = ok(await client.put(f"/v1/firms/{siren}", {"name": "Another"}))
        assert cleared["trade_names"] == []
        again = await carry_out(client, "/v1/imports?kind=firms", export.content)
        found = ok(await client.get(f"/v1/firms/{siren}"))
        assert {name: found[name] for name in facts} == facts, form


async def test_an_entry_past_submitted_is_none_that_a_file_can_make(world: World) -> None:
    mission = await world.mission(days=2, partner=2)
    line = f"{mission.partner_consultant};2023-07-04;1;audition;validated"
    content = csv_file("consultant_id;worked_on;days;activity;status", line)
    ended = await carry_out(world.consultant, here(world, "time_entries"), content)
    assert ended["problems"] == [(2, "status", "entry_not_there", "blocking")]
