"""The public directory: what it says becomes the register's, and its faults are nobody's harm."""

import asyncio
import json
import time
from typing import Any

import pytest

from app.firms.directory import DirectoryUnavailable, Turns, retry_after
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
    assert (ok(again, 200), again.headers["etag"]) == (
        ok(await world.lead.get(f"/v1/firms/{siren}")),
        first.headers["etag"],
    )
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
    codes = ok(await world.lead.get(f"/v1/firms/{siren}/activities?naf_version=naf_rev2"))["items"]
    assert [(each["naf_code"], each["to_on"] is None) for each in codes] == [("25.62B", False), ("24.54Z", True)]


async def test_the_name_of_a_sole_trader_is_kept_apart(world: World, directory: StandIn) -> None:
    siren = fresh_siren()
    trader = firm(siren, nom_complet="CAMILLE EXEMPLE (ATELIER DU GARDON)", nom_raison_sociale=None, sigle=None,
                  siege=site(siren, nom_commercial="ATELIER DU GARDON"),
                  complements={"est_entrepreneur_individuel": True})  # fmt: skip
    directory.says[siren] = trader
    found = await refresh(world, siren)
    assert (ok(found, 201)["name"], found.json()["sole_trader"]) == ("ATELIER DU GARDON", True)
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
    "a name that is a number": json.dumps({"results": [firm("910000017", nom_complet=17)]}).encode(),
    "a SIRET that is none": json.dumps({"results": [firm("910000017", siege={"siret": "1"})]}).encode(),
    "a day that is none": json.dumps({"results": [firm("910000017", date_creation="2023-13-45")]}).encode(),
    "a control character": json.dumps({"results": [firm("910000017", nom_raison_sociale="A\u0000B")]}).encode(),
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
