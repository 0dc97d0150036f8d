"""Who takes part, committees, rates, and the money from its contribution to what comes back, each from a file."""

import secrets
from typing import Any

import pytest

from app.integrations.imports.importers import IMPORTERS
from tests.integrations.imports.files import carry_out, csv_file, xlsx_file
from tests.integrations.imports.test_kinds import followed, here
from tests.projects.acts import filed
from tests.world import Client, World, fresh_siren, ok, problem


async def twice(client: Client, path: str, content: bytes) -> dict[str, Any]:
    """The first import; the same file again must change nothing."""
    first = await carry_out(client, path, content)
    assert (first["status"], first["problem"], first["problems"]) == ("succeeded", None, []), first
    again = await carry_out(client, path, content)
    assert (again["status"], again["rows_unchanged"], again["rows_written"]) == ("succeeded", first["rows_read"], 0)
    return first


async def refused(client: Client, path: str, content: bytes, *problems: tuple[int, str, str]) -> None:
    """A file of which these lines are at fault."""
    ended = await carry_out(client, path, content)
    assert (ended["status"], ended["rows_written"]) == ("refused", 0), ended
    assert [each[:3] for each in ended["problems"] if each[3] == "blocking"] == list(problems)


async def test_organisations_come_with_their_people(world: World) -> None:
    admin, mark, siren = world.admin, secrets.token_hex(4), fresh_siren()
    path = "/v1/imports?kind=organisations"
    ended = await twice(admin, path, csv_file("Nom;N° SIREN", f"Ancoris {mark};{siren}", f"DDETS {mark};"))
    assert ended["rows_created"] == 2
    again = await carry_out(admin, path, csv_file("Nom;SIREN", f"Ancoris Conseil {mark};{siren}"))
    assert (again["rows_updated"], again["rows_created"]) == (1, 0)
    people = "/v1/imports?kind=persons"
    one, two = f"{mark}-1@example.fr", f"{mark}-2@example.fr"
    header = "Prénom;Nom;Courriel;Organisme;SIREN de l'organisme"
    content = csv_file(header, f"Camille;Exemple;{one};ddets {mark};", f"Dominique;Exemple;{two};;{siren}")
    assert (await twice(admin, people, content))["rows_created"] == 2
    moved = await carry_out(admin, people, csv_file(header, f"Camille;Exemple;{one.upper()};;{siren}"))
    assert (moved["rows_updated"], moved["rows_created"]) == (1, 0)
    [office] = ok(await admin.get(f"/v1/organisations?siren={siren}"))["items"]
    names = ok(await admin.get(f"/v1/organisations/{office['id']}/persons?sort=name"))["items"]
    assert [each["name"] for each in names] == ["Camille Exemple", "Dominique Exemple"]
    wrong = csv_file(header, f"A;B;{mark}-3@example.fr;Inconnu {mark};", f"A;C;{mark}-4@example.fr;;")
    await refused(admin, people, wrong, (2, "organisation", "not_found"), (3, "organisation", "required"))
    known = ok(await admin.get(f"/v1/organisations?siren={siren}"))["items"][0]["id"]
    ok(await admin.post("/v1/organisations", {"name": f"DDETS {mark}"}), 201)
    unclear = csv_file(
        "nom;courriel;organisation_id;organisme", f"A;{mark}-3@example.fr;;DDETS {mark}",
        f"A;{mark}-4@example.fr;{known};DDETS {mark}",
    )  # fmt: skip
    await refused(admin, people, unclear, (2, "organisation", "ambiguous_name"), (3, "organisation", "name_of_another"))
    body = {"content": content, "headers": {"Content-Type": "text/csv"}}
    problem(await world.programme.request("POST", people, **body), 403, "forbidden")
    kept = ok(await admin.request("POST", people, **body), 202)["id"]
    problem(await world.programme.post(f"/v1/imports/{kept}/cancel"), 403, "forbidden")


async def test_stages_come_as_a_history_in_any_order(world: World) -> None:
    staff, siren, path = world.clients["territory"], await world.add_firm(), here(world, "firm_stages")
    lines = [f"{siren};Présélectionnée;05/07/2023;;", f"{siren};Identifiée;01/06/2023;;",
             f"{siren};Rencontrée;04/07/2023;Sur site;"]  # fmt: skip
    ended = await twice(staff, path, csv_file("SIREN;Étape;Depuis le;Motif;Taille", *lines))
    assert (ended["rows_created"], ended["rows_updated"]) == (1, 2)
    history = ok(await staff.get(f"firms/{siren}/stages?sort=effective_on"))["items"]
    assert [each["stage"] for each in history] == ["identified", "interviewed", "shortlisted"]
    sized = csv_file(
        "SIREN;Étape;Taille;Taille constatée au;Source de la taille", f"{siren};shortlisted;Petite;2023-06-30;Liasse"
    )
    assert (await twice(staff, path, sized))["rows_updated"] == 1
    assert ok(await staff.get(f"firms/{siren}"))["eu_size"] == "small"
    back = csv_file("siren;étape;depuis le", f"{siren};Sollicitée;06/07/2023")
    await refused(staff, path, back, (2, "", "stage-not-reachable"))
    fresh = await world.add_firm()
    named = csv_file("siren;étape", f"{fresh};Identifiée")
    assert (await twice(world.consultant, path, named))["rows_created"] == 1
    beyond = csv_file("siren;étape", f"{fresh};Rencontrée")
    await refused(world.consultant, path, beyond, (2, "", "stage-reserved"))
    known = csv_file("siren;étape;identifiant externe", f"{fresh};Identifiée;X")
    await refused(world.consultant, path, known, (2, "", "forbidden"))


async def test_a_file_with_faults_of_format_is_told_those_that_only_the_write_finds(world: World) -> None:
    """A file that is refused already is written and rolled back, so that it comes back but once."""
    staff, path = world.clients["territory"], here(world, "firm_stages")
    good, back, unknown = await world.add_firm(), await world.add_firm(), fresh_siren()
    lines = [
        f"{back};{stage}" for stage in ("Identifiée;01/06/2023", "Rencontrée;04/07/2023", "Présélectionnée;05/07/2023")
    ]
    begun = csv_file("SIREN;Étape;Depuis le", *lines)
    assert (await carry_out(staff, path, begun))["rows_created"] == 1
    content = csv_file(
        "SIREN;Étape;Depuis le", f"{good};Identifiée;01/06/2023", f"{back};Sollicitée;06/07/2023",
        f"{unknown};Identifiée;01/06/2023", f"{good};Rencontrée;31/02/2023",
    )  # fmt: skip
    wrong = [(2, "stage-not-reachable"), (3, "reference-not-found"), (4, "invalid_day")]
    for more in ("", "&dry_run=true", "&dry_run=true&on_error=skip"):
        ended = await carry_out(staff, path + more, content)
        found = sorted((line - 1, code) for line, _, code, _ in ended["problems"])
        assert found == wrong, more
        skips = more.endswith("skip")
        assert (ended["status"], ended["rows_created"]) == (("succeeded", 1) if skips else ("refused", 0)), more
    problem(await staff.get(f"firms/{good}"), 404, "not-found")


async def test_committees_come_planned_and_held(world: World) -> None:
    staff, path = world.clients["territory"], here(world, "committees")
    header = "Niveau;Prévu le;Tenu le;Lieu;Présidence;Autres membres;Procès-verbal;Procès-verbal adopté le"
    lines = [
        "Territoire;03/10/2023 14:00;;Alès;Sous-préfète|Présidente;Opérateur;;",
        "État-Région;2023-06-14 9h30;14/06/2023 09:35;Nîmes;Préfet;;Le comité adopte.;20/06/2023",
    ]
    assert (await twice(staff, path, csv_file(header, *lines)))["rows_created"] == 2
    held, planned = ok(await staff.get("committees?sort=planned_at"))["items"]
    assert (planned["planned_at"], planned["status"], planned["members_total"]) == (
        "2023-10-03T12:00:00.000000Z", "planned", 3,
    )  # fmt: skip
    assert (held["level"], held["status"], held["held_at"]) == ("state_region", "held", "2023-06-14T07:35:00.000000Z")
    took_place = [lines[0].replace(";;Alès", ";03/10/2023 14:10;Alès")]
    assert (await twice(staff, path, csv_file(header, *took_place)))["rows_updated"] == 1
    moved = await staff.get("committees?format=xlsx&status=held")
    assert (await carry_out(staff, path, moved.content))["rows_unchanged"] == 2
    nobody = csv_file("niveau;prévu le", "Territoire;05/10/2023 14:00", "Territoire;05/10/2023")
    await refused(staff, path, nobody, (2, "chairs", "missing_members"), (3, "planned", "cell_not_read"))
    await refused(staff, path, csv_file(*nobody.decode().split("\r\n")[:2]), (2, "chairs", "missing_members"))


async def test_rates_come_as_percentages_and_are_corrected(world: World) -> None:
    for kind in ("legal_rates", "refinancing_rates"):
        path, address = f"/v1/imports?kind={kind}", f"/v1/{kind.replace('_', '-')}?from_from=2152-01-01"
        half_years = csv_file("À compter du;Taux;Texte", "01/01/2152;2,62 %;Arrêté", "01/07/2152;3;Arrêté")
        assert (await twice(world.programme, path, half_years))["rows_created"] == 2
        corrected = xlsx_file(["from_on", "rate_bp", "source"], ["2152-01-01", 265, "Rectificatif"])
        assert (await twice(world.programme, path, corrected))["rows_created"] == 1
        assert (await carry_out(world.programme, path, half_years))["rows_unchanged"] == 2
        rows = ok(await world.auditor.get(f"{address}&corrected=false&sort=from_on"))["items"]
        assert [row["rate_bp"] for row in rows] == [265, 300]
        await refused(
            world.programme, path, csv_file("from_on;taux;source", "02/01/2152;3;x"), (2, "from_on", "not_a_half_year")
        )
        await refused(
            world.programme,
            path,
            csv_file("from_on;source", "01/01/2152;x"),
            (1, "rate", "missing_column"),
            (1, "", "unusable_header"),
        )


async def test_the_money_comes_from_files(app: Any, world: World) -> None:
    """A territory's whole account: contributions, grants, advances, what was paid and what came back."""
    siren, office = await followed(world), world.sirens[0]
    paths = {kind: here(world, kind) for kind in IMPORTERS}
    contributions = csv_file(
        "SIREN du contributeur;Montant;Date de décision;Référence;Sort des remboursements",
        f"{office};1 000,00 €;14/06/2023;FR2030-1;Recyclage", f"{office};500;14/06/2023;FR2030-2;Retour",
    )  # fmt: skip
    assert (await twice(world.programme, paths["contributions"], contributions))["rows_created"] == 2
    await refused(
        world.programme, paths["contributions"], contributions.replace(b";500;", b";501;"),
        (3, "amount_cents", "recorded_otherwise"),
    )  # fmt: skip

    funder, treasurer = world.clients["funder"], world.clients["treasurer"]
    meeting = ok(await world.clients["territory"].post(
        "committees", {"level": "territorial", "planned_at": "2023-10-03T12:00:00Z", "held_at": "2023-10-03T12:00:00Z",
                       "members": [{"kind": "person", "name": "A", "chair": True}], "external_id": "COPIL-1"},
    ), 201)  # fmt: skip
    header = "SIREN;Intitulé;Montant;Date de décision;Référence de la décision;Dispositif;Assiette;Comité"
    grants = [
        f"{siren};Atelier;600;03/10/2023;DEC-1;Rebond industriel;2 000;COPIL-1",
        f"{siren};Presse;100;03/10/2023;DEC-2;;;",
    ]
    assert (await twice(funder, paths["grants"], csv_file(header, *grants)))["rows_created"] == 2
    found = ok(await funder.get("grants?sort=amount_cents"))["items"]
    assert [(each["committee_id"], each["scheme"]) for each in found] == [
        (None, None),
        (meeting["id"], "rebond_industriel"),
    ]
    beyond = csv_file(header, f"{siren};A;1;03/10/2023;DEC-3;;;", f"{siren};B;800;03/10/2023;DEC-4;;;")
    await refused(funder, paths["grants"], beyond, (3, "", "envelope-exhausted"))
    await refused(
        funder, paths["grants"], csv_file(header, grants[0].replace("600", "601"), grants[1].replace("Presse", "Four")),
        (2, "amount_cents", "recorded_otherwise"), (3, "project_title", "recorded_otherwise"),
    )  # fmt: skip
    astray = csv_file(
        f"{header};Projet;Financeur", f"{siren};A;1;03/10/2023;DEC-3;;;;Nul projet;", f"{siren};B;1;03/10/2023;D;;;;;X"
    )
    await refused(funder, paths["grants"], astray, (2, "project", "not_found"), (3, "funder", "not_found"))
    skipped = await carry_out(funder, paths["grants"] + "&on_error=skip", beyond)
    assert (skipped["rows_created"], skipped["rows_skipped"]) == (1, 1)
    problem(await treasurer.request("POST", paths["grants"], content=beyond, headers={"Content-Type": "text/csv"}),
            403, "forbidden")  # fmt: skip

    terms = "Nombre d'échéances;Périodicité;Première échéance;Taux annuel"
    lent = csv_file(f"{header};{terms}", f"{siren};Ligne;400;03/10/2023;AR-1;;;;4;Trimestrielle;31/03/2024;2 %")
    assert (await twice(funder, paths["advances"], lent))["rows_created"] == 1
    [advance] = ok(await funder.get("advances"))["items"]
    assert (advance["terms"]["annual_rate_bp"], advance["terms"]["frequency"]) == (200, "quarterly")
    await refused(
        funder, paths["advances"], lent.replace(b"2 %", b"3 %"), (2, "terms.annual_rate_bp", "recorded_otherwise")
    )

    paid = csv_file(
        "Décision;Nature;Montant;Date de paiement;Référence",
        "DEC-1;Avance;50;15/11/2023;VIR-1",
        "dec-2;Acompte;10;16/11/2023;VIR-1",
    )
    assert (await twice(treasurer, paths["grant_payments"], paid))["rows_created"] == 2
    await refused(
        treasurer, paths["grant_payments"], paid.replace(b";50;", b";51;"), (2, "amount_cents", "recorded_otherwise")
    )
    await refused(treasurer, paths["grant_payments"], paid.replace(b"15/11", b"17/11"), (2, "", "payment-transition"))
    unknown = paid.replace(b"DEC-1", b"DEC-9")
    await refused(treasurer, paths["grant_payments"], unknown, (2, "decision_reference", "not_found"))
    tranche = "AR-1;100;20/11/2023"
    drawn = csv_file("décision;montant;date de versement", tranche, tranche)
    assert (await twice(treasurer, paths["advance_tranches"], drawn))["rows_created"] == 2
    assert ok(await funder.get(f"advances/{advance['id']}"))["disbursed_cents"] == 200_00

    came = [f"PRLV-1;02/04/2024;50;Prélèvement;Forges;{siren};AR-1", "VIR-9;03/04/2024;1;Virement;Un inconnu;;"]
    head = "Référence;Reçu le;Montant;Moyen;Payeur;SIREN du payeur;Avance remboursée"
    assert (await twice(treasurer, paths["receipts"], csv_file(head, *came)))["rows_created"] == 2
    assigned = csv_file(head, came[1] + "AR-1")
    assert (await twice(treasurer, paths["receipts"], assigned))["rows_updated"] == 1
    await refused(treasurer, paths["receipts"], csv_file(head, came[0].replace(";50;", ";49;")),
                  (2, "amount_cents", "recorded_otherwise"))  # fmt: skip
    assert ok(await funder.get(f"advances/{advance['id']}"))["repaid_cents"] > 0
    assert await world.differences(app.state["engine"]) == []


async def test_an_award_names_its_project_as_people_do(world: World) -> None:
    siren, funder = await followed(world), world.clients["funder"]
    await world.money()
    project = await filed(world, siren, title="Centre d'usinage")
    line = f"{siren};Atelier;100;{project['stage_since_on']};DEC-9;centre d'usinage"
    grants = csv_file("SIREN;Intitulé;Montant;Date de décision;Décision;Projet", line)
    assert (await twice(funder, here(world, "grants"), grants))["rows_created"] == 1
    [grant] = ok(await funder.get("grants?decision_reference=DEC-9"))["items"]
    assert grant["project_id"] == project["id"]
    assert ok(await funder.get(f"projects/{project['id']}"))["stage"] == "contracted"


async def test_an_old_file_undoes_no_reversal(world: World) -> None:
    path, office = here(world, "contributions"), world.sirens[0]
    header = "organisation_siren;amount_eur;decided_on;reference"
    old = csv_file(header, f"{office};100;2023-06-14;R-1")
    assert (await twice(world.programme, path, old))["rows_created"] == 1
    [made] = ok(await world.programme.get("envelope/contributions"))["items"]
    reversal = f"envelope/contributions/{made['id']}/reverse"
    ok(await world.programme.post(reversal, {"reason": "Wrong."}, headers={"If-Match": "*"}))
    assert (await carry_out(world.programme, path, old))["rows_unchanged"] == 1
    assert (await twice(world.programme, path, csv_file(header, f"{office};90;2023-06-14;R-1")))["rows_created"] == 1
    assert (await carry_out(world.programme, path, old))["rows_unchanged"] == 1


async def test_a_program_records_no_money(world: World) -> None:
    async with world.pool.acquire() as connection:
        program = await world.add_subject(connection, "program", "office", "programme", kind="service_account")
    content = csv_file("organisation_siren;amount_eur;decided_on;reference", f"{world.sirens[0]};1;2023-06-14;R")
    await refused(program, here(world, "contributions"), content, (2, "", "person-required"))


@pytest.mark.parametrize("kind", ["grant_payments", "advance_tranches"])
async def test_a_payment_that_waits_for_the_bank_is_recorded_by_its_reference(world: World, kind: str) -> None:
    siren = await followed(world)
    await world.papers(siren)
    [details] = ok(await world.clients["treasurer"].get(f"firms/{siren}/bank-details"))["items"]
    ok(
        await world.clients["treasurer"].post(
            f"firms/{siren}/bank-details/{details['id']}/approve", headers={"If-Match": "*"}
        )
    )
    key = {"headers": {"Idempotency-Key": secrets.token_hex(8)}}
    contribution = {"organisation_id": str(world.organisations["office"]), "amount_cents": 100_00,
                    "decided_on": "2023-06-14", "reference": "R"}  # fmt: skip
    ok(await world.programme.post("envelope/contributions", contribution, **key), 201)
    terms = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2199-03-31"}
    body = {"siren": siren, "project_title": "A", "amount_cents": 50_00, "decided_on": "2023-10-03",
            "decision_reference": "D-1", **({"terms": terms} if kind == "advance_tranches" else {})}  # fmt: skip
    awards = "grants" if kind == "grant_payments" else "advances"
    award = ok(await world.clients["funder"].post(awards, body, **key), 201)["id"]
    payments = f"{awards}/{award}/{'payments' if awards == 'grants' else 'tranches'}"
    proposal = {
        "amount_cents": 10_00,
        "reference": "VIR-1",
        **({"kind": "advance_payment"} if awards == "grants" else {}),
    }
    ok(await world.clients["treasurer"].post(payments, proposal, **key), 201)
    line = "D-1;10;15/11/2023;VIR-1" + (";Avance" if awards == "grants" else ";")
    content = csv_file("décision;montant;paid_on;référence;nature", line)
    ended = await carry_out(world.clients["treasurer"], here(world, kind), content)
    assert (ended["status"], ended["rows_updated"]) == ("succeeded", 1), ended
    [paid] = ok(await world.clients["treasurer"].get(payments))["items"]
    assert (paid["status"], paid["paid_on"], paid["exceeds"]) == ("recorded", "2023-11-15", ["payment-unapproved"])
    assert (await carry_out(world.clients["treasurer"], here(world, kind), content))["rows_unchanged"] == 1
