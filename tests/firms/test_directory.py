"""The public directory: what it says becomes the register's, and its faults are nobody's harm."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app.firms.directory import DirectoryUnavailable, Turns, record_of, retry_after
from tests.directory import StandIn, firm, send, siret_of, site
from tests.world import World, fresh_siren, ok, problem


async def refresh(world: World, siren: str, **more: Any) -> Any:
    return await world.operator.post(f"/v1/firms/{siren}/refresh", **more)


async def told(world: World, siren: str) -> list[str]:
    """The types of the events about a firm and what hangs on it, oldest first."""
    rows = await world.pool.fetch("SELECT type FROM events WHERE topic = $1 ORDER BY sequence", f"firm/{siren}")
    return [row["type"] for row in rows]


async def test_a_firm_is_filled_from_the_directory(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    made = await refresh(world, siren)
    found = ok(made, 201)
    assert made.headers["location"] == f"/v1/firms/{siren}"
    assert {name: found[name] for name in ("name", "acronym", "naf_code", "naf_version", "legal_form_code")} == {
        "name": "FORGES DU GARDON", "acronym": "FDG", "naf_code": "25.62B", "naf_version": "naf_rev2",
        "legal_form_code": "5710",
    }  # fmt: skip
    assert (found["headcount_bracket"], found["headcount_year"]) == ("12", 2023)
    assert (found["insee_category"], found["insee_category_year"], found["founded_on"]) == ("pme", 2023, "2004-05-03")
    assert (found["source"], found["seat_siret"], found["ceased"]) == ("directory", siret_of(siren), False)
    sites = ok(await world.lead.get(f"/v1/firms/{siren}/sites"))["items"]
    assert [(each["siret"], each["insee_code"], each["is_seat"]) for each in sites] == [
        (siret_of(siren), "30007", True), (siret_of(siren, 2), "30305", False)
    ]  # fmt: skip
    codes = ok(await world.lead.get(f"/v1/firms/{siren}/activities"))["items"]
    assert {(each["naf_version"], each["naf_code"], each["to_on"]) for each in codes} == {
        ("naf_rev2", "25.62B", None), ("naf_2025", "25.53Y", None)
    }  # fmt: skip
    assert await told(world, siren) == ["firm.created", "site.created", "site.created"]
    asked, headers = directory.asked[-1]
    assert asked.startswith("/search?")
    assert headers["User-Agent"].startswith("rebond/")


async def test_a_refresh_that_finds_nothing_new_writes_nothing(world: World) -> None:
    siren = fresh_siren()
    first = await refresh(world, siren)
    ok(first, 201)
    before = await told(world, siren)
    again = await refresh(world, siren)
    shown = ok(await world.operator.get(f"/v1/firms/{siren}"))
    assert (ok(again, 200), again.headers["etag"]) == ({**shown, "advisories": []}, first.headers["etag"])
    assert await told(world, siren) == before


async def test_a_dry_refresh_shows_what_would_be(world: World) -> None:
    siren = fresh_siren()
    assert ok(await refresh(world, siren, params={"dry_run": "true"}), 200)["name"] == "FORGES DU GARDON"
    problem(await world.lead.get(f"/v1/firms/{siren}"), 404, "not-found")
    assert await told(world, siren) == []


async def test_a_refresh_prepared_on_another_version_is_refused(world: World) -> None:
    siren = await world.add_firm()
    ok(await world.operator.patch(f"/v1/firms/{siren}", {"acronym": "X"}))
    problem(await refresh(world, siren, headers={"If-Match": '"1"'}), 412, "stale-version")
    assert ok(await refresh(world, siren, headers={"If-Match": '"2"'}), 200)["acronym"] == "FDG"


async def test_a_new_siret_of_the_seat_is_a_move(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    ok(await refresh(world, siren), 201)
    old = site(siren, 1, etat_administratif="F", date_fermeture="2026-09-30", est_siege=False)
    new = site(siren, 3, date_creation="2026-10-01", commune="30305", libelle_commune="SALINDRES", est_siege=True)
    directory.says[siren] = firm(siren, siege=new, matching_etablissements=[old, new])
    moved = ok(await refresh(world, siren), 200)
    assert (moved["seat_siret"], moved["version"]) == (siret_of(siren, 3), 3)
    left = ok(await world.lead.get(f"/v1/firms/{siren}/sites/{siret_of(siren)}"))
    assert (left["closed"], left["closed_on"], left["is_seat"]) == (True, "2026-09-30", False)
    seats = ok(await world.lead.get(f"/v1/firms/{siren}/seats"))["items"]
    assert [(each["siret"], each["from_on"]) for each in seats] == [
        (siret_of(siren), "2019-03-01"), (siret_of(siren, 3), "2026-10-01")
    ]  # fmt: skip
    assert (await told(world, siren))[3:] == ["firm.updated", "site.created", "site.updated"]
    listed = ok(await world.lead.get(f"/v1/firms?siren={siren}&commune=30007"))["items"]
    assert listed == [], "a closed site is no presence"


async def test_a_changed_activity_ends_the_one_before(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    ok(await refresh(world, siren), 201)
    directory.says[siren] = firm(siren, activite_principale="24.54Z")
    ok(await refresh(world, siren), 200)
    codes = ok(await world.operator.get(f"/v1/firms/{siren}/activities?naf_version=naf_rev2"))["items"]
    assert [(each["naf_code"], each["to_on"] is None) for each in codes] == [("25.62B", False), ("24.54Z", True)]


async def test_the_name_of_a_sole_trader_is_kept_apart(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    trader = firm(siren, nom_complet="CAMILLE EXEMPLE (ATELIER DU GARDON)", nom_raison_sociale=None, sigle=None,
                  siege=site(siren, nom_commercial="ATELIER DU GARDON"),
                  complements={"est_entrepreneur_individuel": True})  # fmt: skip
    directory.says[siren] = trader
    found = await refresh(world, siren)
    assert (ok(found, 201)["name"], found.json()["sole_trader"]) == ("ATELIER DU GARDON", True)
    assert ok(await world.auditor.get(f"/v1/firms/{siren}/owner"))["name"] == "CAMILLE EXEMPLE"
    problem(await world.funder.get(f"/v1/firms/{siren}/owner"), 404, "not-found")
    ok(await world.clients["territory"].put(f"firms/{siren}", {"stage": "identified"}), 201)
    assert ok(await world.funder.get(f"/v1/firms/{siren}/owner"))["name"] == "CAMILLE EXEMPLE"
    problem(await world.consultant.get(f"/v1/firms/{siren}/owner"), 404, "not-found")
    for row in await world.pool.fetch("SELECT data::text FROM events WHERE topic = $1", f"firm/{siren}"):
        assert "CAMILLE" not in row["data"]
        assert "FORGES 30100" not in row["data"], "a sole trader's address is often a home"
    assert ok(await world.lead.get("/v1/firms?q=camille%20exemple"))["items"] == []


async def test_what_partial_diffusion_hides_is_not_kept_or_shown(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    mask = "[NON-DIFFUSIBLE]"
    seat = site(siren, adresse=mask, nom_commercial=mask)
    directory.says[siren] = firm(siren, statut_diffusion="P", sigle=mask, siege=seat, matching_etablissements=None)
    found = ok(await refresh(world, siren), 201)
    assert (found["diffusion"], found["acronym"], found["name"]) == ("partial", None, "FORGES DU GARDON")
    place = ok(await world.lead.get(f"/v1/firms/{siren}/sites"))["items"][0]
    assert (place["address"], place["insee_code"], place["diffusion"]) == (None, "30007", "partial")
    ok(await world.operator.put(f"/v1/firms/{siren}/sites/{place['siret']}", {"address": "1 rue Cachée"}))
    assert ok(await world.lead.get(f"/v1/firms/{siren}/sites"))["items"][0]["address"] is None


async def test_a_ceased_firm_in_liquidation(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    bodacc = {
        "procedure_collective_nature": "Jugement de liquidation judiciaire",
        "procedure_collective_date": "2026-02-03",
    }
    directory.says[siren] = firm(siren, etat_administratif="C", date_fermeture="2026-06-30", bodacc=bodacc)
    found = ok(await refresh(world, siren), 201)
    assert (found["ceased"], found["ceased_on"]) == (True, "2026-06-30")
    ok(await refresh(world, siren), 200)
    [proceeding] = ok(await world.lead.get(f"/v1/firms/{siren}/proceedings"))["items"]
    assert (proceeding["kind"], proceeding["opened_on"], proceeding["source"]) == (
        "liquidation",
        "2026-02-03",
        "directory",
    )
    assert ok(await world.lead.get(f"/v1/firms?siren={siren}&in_proceedings=true&ceased=true"))["items"]


async def test_unknown_fields_and_codes_are_passed_over(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    directory.says[siren] = firm(
        siren, categorie_entreprise="MEGA", tranche_effectif_salarie="99", new_field={"a": [1]}
    )
    found = ok(await refresh(world, siren), 201)
    assert (found["insee_category"], found["headcount_bracket"]) == (None, None)
    assert [(each["pointer"], each["code"]) for each in found["advisories"]] == [
        ("/tranche_effectif_salarie", "not_one_of"), ("/categorie_entreprise", "not_one_of")
    ]  # fmt: skip


async def test_a_siren_that_the_directory_does_not_know(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    for said in ([], [firm(fresh_siren())]):
        directory.says[siren] = said
        problem(await refresh(world, siren), 404, "firm-unknown-to-directory")
    problem(await world.lead.get(f"/v1/firms/{siren}"), 404, "not-found")


GOOD = json.dumps({"results": [firm("910000017")]}).encode()
BROKEN = {
    "garbage": b"<html>502 Bad Gateway</html>",
    "empty": b"",
    "not an object": b"[]",
    "no results": b'{"erreur": "x"}',
    "no SIREN": json.dumps({"results": [{**firm("910000017"), "siren": None}]}).encode(),
    "a SIREN that is a number": json.dumps({"results": [{**firm("910000017"), "siren": 910000017}]}).encode(),
    "half a character": json.dumps({"results": [firm("910000017", sigle="\ud800")]}).encode(),
    "NaN": b'{"results": [{"siren": NaN}]}',
    "too large": b'{"results": [], "x": "' + b"x" * 1_100_000 + b'"}',
    "not UTF-8": b'{"results": [{"siren": "\xff"}]}',
}


@pytest.mark.parametrize("fault", BROKEN)
async def test_an_answer_that_cannot_be_read_changes_nothing(world: World, directory: StandIn, fault: str) -> None:
    siren = fresh_siren()
    directory.says[siren] = BROKEN[fault].replace(b"910000017", siren.encode())
    refused = problem(await refresh(world, siren), 502, "directory-invalid")
    assert "results" not in json.dumps(refused)
    problem(await world.lead.get(f"/v1/firms/{siren}"), 404, "not-found")


# --- one odd fact costs that fact ------------------------------------------------------------------------------------

# Which facts each field of the answer may cost; what is not here costs nothing.
COSTS = {
    "nom_complet": {"name"}, "nom_raison_sociale": {"name"}, "sigle": {"acronym"},
    "siege": {"seat_siret", "trade_names"}, "siege/siret": {"seat_siret", "trade_names"},
    "siege/nom_commercial": {"trade_names"}, "siege/liste_enseignes": {"trade_names"},
    "activite_principale": {"naf_code", "naf_version"}, "nature_juridique": {"legal_form_code"},
    "tranche_effectif_salarie": {"headcount_bracket"}, "annee_tranche_effectif_salarie": {"headcount_year"},
    "categorie_entreprise": {"insee_category"}, "annee_categorie_entreprise": {"insee_category_year"},
    "etat_administratif": {"ceased", "ceased_on"}, "date_creation": {"founded_on"}, "date_fermeture": {"ceased_on"},
    "statut_diffusion": {"diffusion"}, "complements": {"sole_trader", "name"},
    "complements/est_entrepreneur_individuel": {"sole_trader", "name"},
}  # fmt: skip
SITE_COSTS = {
    "commune": {"insee_code"}, "libelle_commune": {"commune_name"}, "adresse": {"address"},
    "activite_principale": {"naf_code", "naf_version"}, "date_creation": {"opened_on"},
    "date_fermeture": {"closed_on"}, "etat_administratif": {"closed", "closed_on"}, "nom_commercial": {"name"},
    "statut_diffusion_etablissement": {"diffusion"},
}  # fmt: skip
# Fields of which null says that there is none, or which say nothing that is taken over.
ORDINARY = {"sigle", "nom_raison_sociale", "date_fermeture", "adresse", "nom_commercial", "liste_enseignes",
            "matching_etablissements", "bodacc", "activite_principale_naf25"}  # fmt: skip
ABSENT = object()
ODD: list[Any] = [
    None, ABSENT, "", "odd", "[ND]", "[NON-DIFFUSIBLE]", "A\u0000B", "x" * 5000, 0, -1, 2**70, 1.5,
    True, [], {}, [None], [1, "a"], {"a": {}}, "1897-05-01", "2023-13-45", "36.1Z", "741G", "99999", "910000017",
]  # fmt: skip


def recorded(siren: str) -> dict[str, Any]:
    """An answer in which every field that is read says something."""
    said = firm(siren, bodacc={"procedure_collective_nature": "Redressement", "procedure_collective_date": "2026-02-03",
                               "procedure_collective_date_jugement": "2026-02-01"},
                etat_administratif="C", date_fermeture="2026-06-30")  # fmt: skip
    said["siege"] |= {"nom_commercial": "LA FORGE", "liste_enseignes": ["FORGE", "GARDON"]}
    said["matching_etablissements"][0] = said["siege"]
    said["matching_etablissements"][1] |= {"etat_administratif": "F", "date_fermeture": "2026-01-31"}
    return said


def places(said: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every field of an answer, however deep."""
    for name, value in said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ():
        yield (*path, name)
        yield from places(value, (*path, name))


def spoilt(siren: str, path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The answer with one field replaced, or without it."""
    said = json.loads(json.dumps(recorded(siren)))
    at = said
    for part in path[:-1]:
        at = at[part]
    if value is not ABSENT:
        at[path[-1]] = value
    elif isinstance(at, list):
        at[path[-1]] = None
    else:
        del at[path[-1]]
    return dict(said)


PLACES = [path for path in places(recorded("910000017")) if path != ("siren",)]


@pytest.mark.parametrize("path", PLACES, ids=lambda path: "/".join(map(str, path)))
def test_an_odd_fact_costs_that_fact_alone(path: tuple[Any, ...]) -> None:
    siren, today = "910000017", date(2026, 11, 30)
    whole = record_of(siren, recorded(siren), today)
    assert whole.told == []
    sites = {site["siret"]: site for site in whole.sites}
    cost = COSTS.get("/".join(map(str, path)), COSTS.get("/".join(map(str, path[:2])), set()))
    in_site = path[0] in ("siege", "matching_etablissements")
    field = next((part for part in path[1:] if isinstance(part, str)), None) if in_site else path[0]
    for value in ODD:
        found = record_of(siren, spoilt(siren, path, value), today)
        lost = {name for name in whole.facts if found.facts.get(name) != whole.facts[name]}
        assert lost <= cost, value
        for place in found.sites:
            known = sites[place["siret"]]
            less = {name for name in known if place.get(name) != known[name]}
            assert less <= SITE_COSTS.get(str(field), set()), value
        pointer = "/" + "/".join(map(str, path))
        if value in (None, ABSENT) and (pointer[1:] in COSTS or (in_site and path[-1] in SITE_COSTS)):
            told = any(fact.pointer == pointer for fact in found.told)
            assert told or (value is None and field in ORDINARY), value


async def test_no_field_of_an_answer_refuses_the_firm(
    app: Any, world: World, directory: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state["directory"], "_turns", Turns(1_000_000))
    known = fresh_siren()
    for number, path in enumerate(PLACES):
        siren = fresh_siren()
        directory.says[siren] = spoilt(siren, path, (None, ABSENT, ODD[number % len(ODD)])[number % 3])
        ok(await refresh(world, siren), 201)
        directory.says[known] = spoilt(known, path, (ABSENT, ODD[number % len(ODD)], None)[number % 3])
        assert (await refresh(world, known)).status_code in (200, 201), path
    directory.says[known] = recorded(known)
    ok(await refresh(world, known), 200)


async def test_what_the_directory_does_not_say_stays_as_it_was(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    directory.says[siren] = recorded(siren)
    first = ok(await refresh(world, siren), 201)
    told = {"pointer": "/etat_administratif", "code": "not_said_by_the_directory",
            "detail": "L'annuaire ne le dit pas."}  # fmt: skip
    for value in (None, ABSENT):
        directory.says[siren] = spoilt(siren, ("etat_administratif",), value)
        again = ok(await refresh(world, siren, headers={"Accept-Language": "fr"}), 200)
        assert (again["ceased"], again["ceased_on"], again["version"]) == (True, "2026-06-30", first["version"])
        assert again["advisories"] == [told]
    closed = siret_of(siren, 2)
    directory.says[siren] = spoilt(siren, ("matching_etablissements", 1, "etat_administratif"), ABSENT)
    ok(await refresh(world, siren), 200)
    found = ok(await world.lead.get(f"/v1/firms/{siren}/sites/{closed}"))
    assert (found["closed"], found["closed_on"]) == (True, "2026-01-31"), "no state never means open"
    directory.says[siren] = firm(siren, date_creation="1897-05-01", activite_principale="36.1Z")
    again = ok(await refresh(world, siren), 200)
    assert (again["founded_on"], again["naf_code"], again["naf_version"]) == ("2004-05-03", "25.62B", "naf_rev2")
    assert [(each["pointer"], each["code"]) for each in again["advisories"]] == [
        ("/activite_principale", "invalid_naf_code"), ("/date_creation", "invalid_day")
    ]  # fmt: skip


async def test_a_name_that_may_be_a_person_s_is_not_taken(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    said = firm(siren, nom_complet="CAMILLE EXEMPLE", nom_raison_sociale=None, nature_juridique=None, complements=None)
    directory.says[siren] = said
    found = ok(await refresh(world, siren), 201)
    assert (found["name"], found["sole_trader"]) == (f"Entreprise {siren[:3]} {siren[3:6]} {siren[6:]}", False)
    directory.says[siren] = said | {"nature_juridique": "1000"}
    assert ok(await refresh(world, siren), 200)["sole_trader"] is True
    assert ok(await world.auditor.get(f"/v1/firms/{siren}/owner"))["name"] == "CAMILLE EXEMPLE"


async def test_a_site_that_closes_before_it_opens_loses_its_closing(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    odd = site(siren, 2, etat_administratif="F", date_creation="2019-03-01", date_fermeture="2019-02-28")
    directory.says[siren] = firm(siren, matching_etablissements=[odd])
    found = ok(await refresh(world, siren), 201)
    assert [(each["pointer"], each["code"]) for each in found["advisories"]] == [
        (f"/sites/{siret_of(siren, 2)}/date_fermeture", "closing_before_opening")
    ]  # fmt: skip
    place = ok(await world.lead.get(f"/v1/firms/{siren}/sites/{siret_of(siren, 2)}"))
    assert (place["opened_on"], place["closed"], place["closed_on"]) == ("2019-03-01", True, None)
    del odd["date_creation"]  # the day of opening that is known still holds
    ok(await refresh(world, siren), 200)


async def test_a_site_has_its_own_diffusion(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    hidden = site(siren, 2, adresse="[ND]", nom_commercial="[ND]", statut_diffusion_etablissement="P")
    directory.says[siren] = firm(siren, matching_etablissements=[site(siren), hidden])
    assert ok(await refresh(world, siren), 201)["diffusion"] == "full"
    seat, other = ok(await world.lead.get(f"/v1/firms/{siren}/sites"))["items"]
    assert (seat["diffusion"], seat["address"]) == ("full", "12 RUE DES FORGES 30100 ALES")
    assert (other["diffusion"], other["address"], other["name"]) == ("partial", None, None)
    address = f"/v1/firms/{siren}/sites/{other['siret']}"
    put = ok(await world.operator.put(address, {"address": "1 rue Cachée", "diffusion": "partial"}))
    assert (put["diffusion"], put["address"]) == ("partial", None)
    directory.says[siren] = firm(siren, statut_diffusion="P")
    ok(await refresh(world, siren), 200)
    sites = ok(await world.lead.get(f"/v1/firms/{siren}/sites"))["items"]
    assert [(each["diffusion"], each["address"]) for each in sites] == [("partial", None)] * 2


# --- the nomenclatures -----------------------------------------------------------------------------------------------

BEFORE, AFTER = date(2026, 12, 31), date(2027, 1, 1)


@pytest.mark.parametrize(
    ("day", "main", "extra", "codes", "of_sites"),
    [
        (BEFORE, "25.62B", "25.53Y", {("25.62B", "naf_rev2"), ("25.53Y", "naf_2025")}, "naf_rev2"),
        (BEFORE, "25.62B", ABSENT, {("25.62B", "naf_rev2")}, "naf_rev2"),
        (BEFORE, None, "25.53Y", {("25.53Y", "naf_2025")}, "naf_rev2"),
        (AFTER, "25.53Y", ABSENT, {("25.53Y", "naf_2025")}, "naf_2025"),
        (AFTER, "25.53Y", None, {("25.53Y", "naf_2025")}, "naf_2025"),
        (AFTER, "25.53Y", "25.53Y", {("25.53Y", "naf_2025")}, "naf_2025"),
        # Not replaced yet.
        (AFTER, "25.62B", "25.53Y", {("25.62B", "naf_rev2"), ("25.53Y", "naf_2025")}, "naf_rev2"),
    ],
)
def test_a_code_is_of_the_nomenclature_of_its_day_and_field(
    day: date, main: Any, extra: Any, codes: set[tuple[str, str]], of_sites: str
) -> None:
    said = spoilt("910000017", ("activite_principale_naf25",), extra) | {"activite_principale": main}
    found = record_of("910000017", said, day)
    assert set(found.activities) == codes
    assert {(found.facts["naf_code"], found.facts["naf_version"])} <= {*codes, (None, None)}
    assert {each["naf_version"] for each in found.sites} == {of_sites}


async def test_a_new_nomenclature_does_not_end_the_code_of_the_one_before(frozen: Any, directory: StandIn) -> None:
    siren, world = fresh_siren(), await frozen.world()
    async with frozen.at(datetime(2026, 12, 31, 12, tzinfo=UTC)):
        ok(await refresh(world, siren), 201)
    said = spoilt(siren, ("activite_principale_naf25",), ABSENT) | {"activite_principale": "25.53Y"}
    directory.says[siren] = said
    async with frozen.at(datetime(2027, 1, 1, 12, tzinfo=UTC)):
        found = ok(await refresh(world, siren), 200)
        assert (found["naf_code"], found["naf_version"]) == ("25.53Y", "naf_2025")
        codes = ok(await world.lead.get(f"/v1/firms/{siren}/activities"))["items"]
        assert {(each["naf_version"], each["naf_code"], each["to_on"]) for each in codes} == {
            ("naf_rev2", "25.62B", None), ("naf_2025", "25.53Y", None)
        }  # fmt: skip
        other = fresh_siren()
        made = ok(await world.operator.put(f"/v1/firms/{other}", {"name": "A", "naf_code": "25.53Y"}), 201)
        assert made["naf_version"] == "naf_2025"
        body = {"name": "A", "naf_code": "25.62B", "as_of": "2026-12-31"}
        assert ok(await world.operator.put(f"/v1/firms/{other}", body))["naf_version"] == "naf_rev2"


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 418])
async def test_an_answer_of_another_kind_is_not_followed(world: World, directory: StandIn, status: int) -> None:
    siren = fresh_siren()
    directory.says[siren] = lambda handler: send(handler, status, b"{}", Location=f"{directory.url}/search?q={siren}")
    asked = len(directory.asked)
    problem(await refresh(world, siren), 502, "directory-invalid")
    assert len(directory.asked) == asked + 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_directory_that_is_down_says_when_to_try_again(world: World, directory: StandIn, status: int) -> None:
    siren = fresh_siren()
    directory.says[siren] = lambda handler: send(handler, status, b"down", Retry_After="120")
    answer = await refresh(world, siren)
    problem(answer, 503, "directory-unavailable")
    assert int(answer.headers["retry-after"]) >= 120


async def test_an_answer_that_breaks_off_is_an_absent_directory(world: World, directory: StandIn) -> None:
    def truncated(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "5000")
        handler.end_headers()
        handler.wfile.write(GOOD[:40])
        handler.close_connection = True

    def reset(handler: Any) -> None:
        handler.close_connection = True

    for said in (truncated, reset):
        siren = fresh_siren()
        directory.says[siren] = said
        answer = await refresh(world, siren)
        problem(answer, 503, "directory-unavailable")
        assert answer.headers["retry-after"] == "30"


async def test_a_slow_directory_is_given_up_and_holds_no_connection(
    app: Any, world: World, directory: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.firms.directory.TIME_LIMIT", 0.3)
    engine = app.state["engine"].sync_engine
    held = []

    def dripping(handler: Any) -> None:
        held.append(engine.pool.checkedout())
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(GOOD)))
        handler.end_headers()
        for byte in GOOD[:40]:
            try:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    siren = fresh_siren()
    directory.says[siren] = dripping
    problem(await refresh(world, siren), 503, "directory-unavailable")
    assert held == [0], "no transaction waits for the directory"


async def test_a_429_is_waited_out_once_then_told(world: World, directory: StandIn) -> None:
    siren, seen = fresh_siren(), []

    def once(handler: Any) -> None:
        seen.append(1)
        if len(seen) == 1:
            send(handler, 429, b"{}", Retry_After="0")
        else:
            send(handler, 200, json.dumps({"results": [firm(siren)]}).encode())

    directory.says[siren] = once
    ok(await refresh(world, siren), 201)
    assert len(seen) == 2


async def test_after_a_long_retry_after_nobody_asks_until_then(
    app: Any, world: World, directory: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state["directory"], "_turns", Turns(7))
    siren = fresh_siren()
    directory.says[siren] = lambda handler: send(handler, 429, b"{}", Retry_After="600")
    assert int((await refresh(world, siren)).headers["retry-after"]) >= 600
    asked = len(directory.asked)
    answer = await refresh(world, fresh_siren())
    problem(answer, 503, "directory-unavailable")
    assert 590 <= int(answer.headers["retry-after"]) <= 601
    assert len(directory.asked) == asked


async def test_twenty_refreshes_of_one_siren_at_once_make_one_firm(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state["directory"], "_turns", Turns(1000))
    siren = fresh_siren()
    answers = await asyncio.gather(
        *(refresh(world, siren) for _ in range(10)),
        *(world.operator.put(f"/v1/firms/{siren}", {"name": "FORGES DU GARDON"}) for _ in range(10)),
    )
    assert sorted({answer.status_code for answer in answers}) == [200, 201]
    assert [answer.status_code for answer in answers].count(201) == 1
    assert await world.pool.fetchval("SELECT count(*) FROM firms WHERE siren = $1", siren) == 1
    assert await world.pool.fetchval("SELECT count(*) FROM sites WHERE siren = $1", siren) == 2
    assert (await told(world, siren)).count("firm.created") == 1


async def test_turns_are_given_at_an_even_pace() -> None:
    now, slept = [0.0], []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 6))

    turns = Turns(7, now=lambda: now[0], sleep=sleep)
    for _ in range(22):
        await turns.take()
    assert slept == [round(n / 7, 6) for n in range(1, 22)]
    with pytest.raises(DirectoryUnavailable) as refused:
        await turns.take()
    assert refused.value.headers["Retry-After"] == "4"
    now[0] = 10.0
    slept.clear()
    await turns.take()
    assert slept == []
    turns.pause(1_000_000)
    with pytest.raises(DirectoryUnavailable) as refused:
        await turns.take()
    assert refused.value.headers["Retry-After"] == "3601"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, 1), ("", 1), ("7", 7), ("-3", 1), ("soon", 1), ("99999999999999", 3600), ("٣", 1),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2199 07:28:00 GMT", 3600)],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float) -> None:
    assert retry_after(header) == seconds
