"""The register of firms by SIREN, and a firm's stages in a territory."""

import asyncio
import json
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core import clock
from tests.directory import siret_of
from tests.world import World, fresh_siren, ok, problem

FACTS: dict[str, Any] = {
    "name": "Mécanique",
    "naf_code": "25.62B",
    "naf_version": "naf_rev2",
    "legal_form_code": "5710",
}


def staff(world: World) -> Any:
    """The agglomeration's client: its role is called like the territory itself."""
    return world.clients["territory"]


async def firm(world: World, **more: Any) -> str:
    siren = fresh_siren()
    ok(await staff(world).put(f"/v1/firms/{siren}", {**FACTS, **more}), 201)
    return siren


async def test_a_firm_is_registered_once_for_all_territories(world: World, other: World) -> None:
    siren = fresh_siren()
    made = await staff(world).post("/v1/firms", {"siren": siren, **FACTS})
    registered = ok(made, 201)
    assert made.headers["location"] == f"/v1/firms/{siren}"
    refused = problem(await staff(other).post("/v1/firms", {"siren": siren, **FACTS}), 409, "already-exists")
    assert refused["errors"][0]["pointer"] == "/siren"
    withheld = ("declared_by_organisation_id", "declared_by_organisation_name", "as_of", "version")
    assert ok(await other.consultant.get(f"/v1/firms/{siren}")) == registered | dict.fromkeys(withheld)
    assert "territory" not in registered


async def test_since_when_and_by_whom_a_firm_is_there_is_told_to_who_follows_it(world: World, other: World) -> None:
    """Whoever enters or changes a firm is interested in it: its competitors follow it, or learn nothing."""
    siren = fresh_siren()
    ok(await staff(world).post("/v1/firms", {"siren": siren, **FACTS}), 201)
    ok(await staff(world).put(f"firms/{siren}", {"stage": "identified"}), 201)
    site = siret_of(siren)
    ok(await staff(world).put(f"/v1/firms/{siren}/sites/{site}", {"seat_from_on": "2019-03-01"}), 201)
    judged = ok(
        await staff(world).post(f"/v1/firms/{siren}/proceedings", {"kind": "safeguard", "opened_on": "2024-02-06"}), 201
    )
    addresses = ("", f"/sites/{site}", "/seats", f"/proceedings/{judged['id']}")
    instants = ("created_at", "updated_at", "recorded_at")
    office = str(world.organisations["office"])
    for path in addresses:
        for client, follows in (
            (world.lead, True), (world.operator, True), (other.consultant, False), (staff(other), False)
        ):  # fmt: skip
            shown = ok(await client.get(f"/v1/firms/{siren}{path}"))
            shown = shown["items"][0] if "items" in shown else shown
            assert {shown[name] is not None for name in instants if name in shown} == {follows}, path
            if path != "/seats":
                assert shown["declared_by_organisation_id"] == (office if follows else None), path
    # Neither filters nor the order tell more; who declares is told of itself alone.
    since = "/v1/firms?updated_since=2020-01-01T00:00:00Z&limit=500"
    for client, follows in ((world.lead, True), (other.lead, False)):
        listed = ok(await client.get(f"{since}&siren={siren}"))["items"]
        assert [each["siren"] for each in listed] == ([siren] if follows else [])
    changed = ok(await staff(other).patch(f"/v1/firms/{siren}", {"acronym": "FDG2"}))
    theirs = str(other.organisations["office"])
    assert (changed["declared_by_organisation_id"], changed["created_at"]) == (theirs, None)
    assert ok(await world.lead.get(f"/v1/firms/{siren}"))["declared_by_organisation_id"] == theirs
    event = await world.pool.fetchrow(
        "SELECT data ->> 'declared_by_organisation_id' AS who FROM events WHERE topic = $1"
        " ORDER BY sequence DESC LIMIT 1",
        f"firm/{siren}",
    )
    assert event["who"] == theirs, "every follower reads in the event who declared it"
    # To follow in order to write is an event of the territory that does.
    ok(await staff(other).put(f"firms/{siren}", {"stage": "identified"}), 201)
    told = "SELECT count(*) FROM events WHERE type = 'territory_firm.created' AND territory = $1 AND resource_id = $2"
    assert await other.pool.fetchval(told, other.territory, siren) == 1
    assert ok(await other.lead.get(f"/v1/firms/{siren}"))["created_at"] is not None


REGISTER = "/v1/firms"
ADDRESSES = ("", "/activities", "/sites", "/sites/{siret}", "/seats", "/proceedings", "/proceedings/{proceeding}")


async def told(reader: Any, siren: str, proceeding: str) -> list[Any]:
    """All that the register tells of a firm, without the ids of what belongs to it, and by which filters and sorts."""
    names = {"siret": siret_of(siren), "proceeding": proceeding}
    said = []
    for path in ADDRESSES:
        answer = await reader.get(f"{REGISTER}/{siren}{path.format(**names)}")
        said.append((path, ok(answer), answer.headers.get("etag")))
    queries = [f"{name}={day}" for name in ("as_of_from", "as_of_to") for day in ("2020-01-01", "2199-12-31")]
    queries += [f"updated_since={instant}" for instant in ("2020-01-01T00:00:00Z", "2199-12-31T00:00:00Z")]
    said += [(query, ok(await reader.get(f"{REGISTER}?siren={siren}&{query}"))["items"], None) for query in queries]
    for path, day in (("/activities", "in_force_on=2020-01-01"), ("/activities", "in_force_on=2199-12-31"),
                      ("/sites", queries[-1]), ("/proceedings", queries[-1])):  # fmt: skip
        said.append((path + day, ok(await reader.get(f"{REGISTER}/{siren}{path}?{day}"))["items"], None))
    return said


def without_ids(said: list[Any], siren: str) -> str:
    """The same, without the number of the firm and what is random in ids: their instants stay."""
    text = json.dumps(said).replace(siret_of(siren), "the site").replace(siren, "the firm")
    return re.sub(r'"([0-9a-f]{8}-[0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"', r'"\1"', text)


async def registered(world: World, siren: str) -> str:
    """A firm with a site, its seat, and a proceeding, whose id it is."""
    by, firm = staff(world), f"{REGISTER}/{siren}"
    ok(await by.post(REGISTER, {"siren": siren, **FACTS}), 201)
    site = {"name": "A", "naf_code": "25.62B", "seat_from_on": "2019-03-01"}
    ok(await by.put(f"{firm}/sites/{siret_of(siren)}", site), 201)
    judgment = {"kind": "safeguard", "opened_on": "2024-02-06", "court": "TC de Nîmes"}
    proceeding: str = ok(await by.post(f"{firm}/proceedings", judgment), 201)["id"]
    return proceeding


async def changed_and_back(world: World, siren: str, proceeding: str) -> None:
    """Every fact of the firm is changed, and is as it was again."""
    by, firm = staff(world), f"{REGISTER}/{siren}"
    site = f"{firm}/sites/{siret_of(siren)}"
    for number in range(3):
        names = ("Autre", "B", "TC d'Alès") if number % 2 == 0 else (FACTS["name"], "A", "TC de Nîmes")
        for last in (names, (FACTS["name"], "A", "TC de Nîmes")) if number == 2 else (names,):
            ok(await by.patch(firm, {"name": last[0]}))
            ok(await by.put(site, {"name": last[1], "naf_code": "25.62B"}))
            ok(await by.patch(f"{firm}/proceedings/{proceeding}", {"court": last[2]}))
    for code in ("25.53Y", FACTS["naf_code"]):
        ok(await by.patch(firm, {"naf_code": code, "naf_version": "naf_rev2"}))


async def test_when_and_how_often_a_firm_was_written_is_told_to_who_follows_it(world: World, other: World) -> None:
    """Two firms of the same facts: one entered years ago and never touched, the other today and changed many times."""
    before, now = sorted((fresh_siren(), fresh_siren()))
    with clock.frozen(datetime.fromisoformat("2024-05-02T10:00:00Z")):
        old = await registered(world, before)
    new = await registered(world, now)
    await changed_and_back(world, now, new)
    readers = {"follower": world.operator, "outside": other.lead, "who writes": staff(other)}
    said = {
        name: [without_ids(await told(reader, siren, proceeding), siren) for siren, proceeding in
               ((before, old), (now, new))]
        for name, reader in readers.items()
    }  # fmt: skip
    assert said["outside"][0] == said["outside"][1]
    assert said["who writes"][0] == said["who writes"][1] == said["outside"][0]
    assert said["follower"][0] != said["follower"][1]
    # What is withheld sorts as nothing: the order is that of the numbers, whichever way.
    for sort in ("as_of", "-as_of", "updated_at", "-updated_at"):
        pair = f"{REGISTER}?siren={now}&siren={before}&sort={sort}"
        listed = [each["siren"] for each in ok(await other.lead.get(pair))["items"]]
        assert listed == sorted((before, now), reverse=sort.startswith("-")), sort
    assert [each["siren"] for each in ok(await world.operator.get(pair))["items"]] == [now, before]
    # Nor do conditions and refusals tell a version, nor the feed.
    for address in ("", f"/sites/{siret_of(now)}", f"/proceedings/{new}"):
        known = ok(await world.operator.get(f"{REGISTER}/{now}{address}"))["version"]
        method = "PUT" if "sites" in address else "PATCH"
        for version in (known, known + 1):
            for header, code in (("If-Match", "stale-version"), ("If-None-Match", "object-exists")):
                condition = {header: f'"{version}"'}
                refused = await staff(other).request(method, f"{REGISTER}/{now}{address}", json={}, headers=condition)
                assert "current_version" not in problem(refused, 412, code)
        assert known > 1
    same = await staff(other).patch(f"{REGISTER}/{now}", {"name": FACTS["name"]}, headers={"If-Match": "*"})
    assert (ok(same)["version"], same.headers.get("etag")) == (None, None)
    events = await world.pool.fetch("SELECT id::text FROM events WHERE topic = $1", f"firm/{now}")
    assert len(events) > 12
    feed = ok(await other.lead.get("/v1/events?limit=500"))["items"]
    assert not {row["id"] for row in events} & {each["id"] for each in feed}


async def test_what_somebody_elsewhere_changes_is_told_whole_to_who_follows(world: World, other: World) -> None:
    siren = await firm(world)
    ok(await staff(world).put(f"firms/{siren}", {"stage": "identified"}), 201)
    changed = ok(await staff(other).patch(f"{REGISTER}/{siren}", {"name": "Autre"}))
    assert (changed["as_of"], changed["version"], changed["updated_at"]) == (None, None, None)
    data = json.loads((await world.pool.fetchrow(
        "SELECT data FROM events WHERE topic = $1 ORDER BY sequence DESC LIMIT 1", f"firm/{siren}"
    ))["data"])  # fmt: skip
    assert (data["version"], data["as_of"]) == (2, clock.today().isoformat())
    assert ok(await world.lead.get(f"{REGISTER}/{siren}")) == data


async def test_a_put_registers_then_replaces_then_changes_nothing(world: World) -> None:
    siren = fresh_siren()
    made = await world.operator.put(f"/v1/firms/{siren}", FACTS)
    assert ok(made, 201)["version"] == 1
    same = await world.operator.put(f"/v1/firms/{siren}", FACTS)
    assert (ok(same, 200), same.headers["etag"]) == (made.json(), made.headers["etag"])
    replaced = ok(await world.operator.put(f"/v1/firms/{siren}", {"name": "Mécanique"}), 200)
    assert (replaced["naf_code"], replaced["naf_version"], replaced["legal_form_code"]) == (None, None, None)
    assert replaced["version"] == 2
    assert [event["type"] for event in await world.events(siren)] == ["firm.created", "firm.updated"]


async def test_twenty_puts_of_one_siren_at_once_make_one_firm(world: World) -> None:
    siren = fresh_siren()
    answers = await asyncio.gather(*(staff(world).put(f"/v1/firms/{siren}", FACTS) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert {answer.text for answer in answers} == {answers[0].text}
    assert await world.pool.fetchval("SELECT count(*) FROM firms WHERE siren = $1", siren) == 1
    assert [event["type"] for event in await world.events(siren)] == ["firm.created"]


async def test_twenty_posts_of_one_siren_at_once_make_one_firm(world: World) -> None:
    siren = fresh_siren()
    answers = await asyncio.gather(*(staff(world).post("/v1/firms", {"siren": siren, **FACTS}) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


async def test_a_put_respects_the_version_that_was_read(world: World) -> None:
    siren = await firm(world)
    ok(await world.operator.patch(f"/v1/firms/{siren}", {"name": "Mécanique d'Alès"}))
    refused = await world.operator.put(f"/v1/firms/{siren}", FACTS, headers={"If-Match": '"1"'})
    assert problem(refused, 412, "stale-version")["current_version"] == 2


async def test_an_activity_code_without_its_version_is_read_as_revision_2(world: World) -> None:
    siren = fresh_siren()
    made = ok(await staff(world).put(f"/v1/firms/{siren}", {"name": "A", "naf_code": "25.62B"}), 201)
    assert made["naf_version"] == "naf_rev2"
    posted = {"siren": fresh_siren(), "name": "A", "naf_code": "25.62B"}
    assert ok(await staff(world).post("/v1/firms", posted), 201)["naf_version"] == "naf_rev2"


async def test_a_version_without_its_activity_code_is_refused(world: World) -> None:
    lone = {"name": "A", "naf_version": "naf_2025"}
    problem(await staff(world).put(f"/v1/firms/{fresh_siren()}", lone), 422, "naf-code-without-version")
    problem(await staff(world).post("/v1/firms", {"siren": fresh_siren(), **lone}), 422, "naf-code-without-version")
    siren = await firm(world)
    for half in ({"naf_code": None}, {"naf_version": None}):
        problem(await staff(world).patch(f"/v1/firms/{siren}", half), 422, "naf-code-without-version")
    cleared = ok(await staff(world).patch(f"/v1/firms/{siren}", {"naf_code": None, "naf_version": None}))
    assert (cleared["naf_code"], cleared["naf_version"]) == (None, None)
    bare = await staff(world).patch(f"/v1/firms/{siren}", {"naf_code": "25.62B"})
    problem(bare, 422, "naf-code-without-version")


async def test_a_patch_changes_what_it_names_alone(world: World) -> None:
    siren = await firm(world)
    changed = ok(await world.operator.patch(f"/v1/firms/{siren}", {"legal_form_code": None}))
    assert (changed["legal_form_code"], changed["naf_code"]) == (None, "25.62B")
    again = await world.operator.patch(f"/v1/firms/{siren}", {"legal_form_code": None})
    assert ok(again) == changed
    assert again.headers["etag"].startswith('"2-')
    untouched = await world.operator.patch(f"/v1/firms/{siren}", {})
    assert ok(untouched) == changed
    refused = problem(await world.operator.patch(f"/v1/firms/{siren}", {"name": None}), 422, "validation-failed")
    assert refused["errors"][0]["pointer"].startswith("/name")
    assert [event["type"] for event in await world.events(siren)] == ["firm.created", "firm.updated"]


@pytest.mark.parametrize("siren", ["200066919", "000000000", "20006691", "2000669180", "20006691x", "٢٠٠٠٦٦٩١٨"])
async def test_what_is_no_siren_is_no_address_and_no_field(world: World, siren: str) -> None:
    for client, method in ((world.lead, "GET"), (staff(world), "PUT"), (staff(world), "PATCH")):
        for base in ("/v1/firms", f"{world.lead.base}/firms"):
            if (method, base) != ("PATCH", f"{world.lead.base}/firms"):
                answer = await client.request(method, f"{base}/{siren}", json={"name": "A"})
                told = problem(answer, 404, "not-found")["errors"]
                assert [(error["pointer"], error["code"]) for error in told] == [("siren", "invalid_siren")]
                assert "Luhn" in told[0]["detail"]
    refused = problem(await staff(world).post("/v1/firms", {"siren": siren, "name": "A"}), 422, "validation-failed")
    assert refused["errors"][0]["code"] == "invalid_siren"
    listed = await world.lead.get("time-entries", params={"siren": siren})
    problem(listed, 422, "validation-failed")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("naf_code", "2562B"), ("naf_code", "25.62"), ("naf_code", "25.62b"), ("naf_version", "rev3"),
        ("legal_form_code", "57"), ("legal_form_code", 5710), ("name", ""), ("name", "x" * 201), ("siret", "x"),
    ],
)  # fmt: skip
async def test_public_facts_have_their_official_form(world: World, field: str, value: Any) -> None:
    refused = await staff(world).put(f"/v1/firms/{fresh_siren()}", {**FACTS, field: value})
    assert [error["pointer"] for error in problem(refused, 422, "validation-failed")["errors"]] == [f"/{field}"]


async def test_firms_are_found_by_name_siren_and_activity(world: World) -> None:
    siren = await firm(world, name=f"Fonderie de l'Évêché {world.territory}")
    for query in ({"q": f"eveche {world.territory}"}, {"q": siren}):
        found = ok(await world.committee.get("/v1/firms", params=query))["items"]
        assert [item["siren"] for item in found] == [siren]
    other = ok(await world.committee.get("/v1/firms", params={"q": siren, "naf_code": "10.39B"}))["items"]
    assert other == []


# --- a firm in a territory -------------------------------------------------------------------------------------------


async def test_a_firm_goes_from_stage_to_stage_and_its_history_keeps_both_times(world: World) -> None:
    siren = await firm(world)
    first = await staff(world).put(f"firms/{siren}", {"stage": "identified", "effective_on": "2023-06-20"})
    assert ok(first, 201)["stage_since_on"] == "2023-06-20"
    met = {"stage": "interviewed", "reason": "Met on site.", "effective_on": "2023-07-04"}
    second = await staff(world).put(f"firms/{siren}", met)
    assert (ok(second, 200)["stage"], second.json()["version"]) == ("interviewed", 2)
    corrected = {"stage": "declined", "reason": "Closed since spring.", "effective_on": "2023-03-31"}
    ok(await staff(world).put(f"firms/{siren}", corrected), 200)
    history = ok(await world.auditor.get(f"firms/{siren}/stages"))["items"]
    assert [(act["stage"], act["previous_stage"], act["effective_on"]) for act in history] == [
        ("identified", None, "2023-06-20"),
        ("interviewed", "identified", "2023-07-04"),
        ("declined", "interviewed", "2023-03-31"),
    ]
    recorded = [datetime.fromisoformat(act["recorded_at"]) for act in history]
    assert recorded == sorted(recorded)
    assert {act["recorded_by"] for act in history} == {str(world.subjects["territory"])}
    assert {act["recorded_by_name"] for act in history} == {f"territory of {world.territory}"}
    told = await world.pool.fetch(
        "SELECT type FROM events WHERE territory = $1 AND resource_type = 'territory_firm' ORDER BY sequence",
        world.territory,
    )
    assert [row["type"] for row in told] == ["territory_firm.created"] + ["territory_firm.stage_changed"] * 2


async def test_the_same_stage_again_changes_nothing(world: World) -> None:
    siren = await firm(world)
    body = {"stage": "solicited", "reason": "By mail.", "effective_on": "2023-07-04"}
    first = await staff(world).put(f"firms/{siren}", body)
    for again in (body, {"stage": "solicited", "reason": "By mail."}):
        answer = await staff(world).put(f"firms/{siren}", again)
        assert (ok(answer, 200), answer.headers["etag"]) == (first.json(), first.headers["etag"])
    assert len(ok(await world.lead.get(f"firms/{siren}/stages"))["items"]) == 1
    ok(await staff(world).put(f"firms/{siren}", {**body, "reason": "By phone."}), 200)
    assert len(ok(await world.lead.get(f"firms/{siren}/stages"))["items"]) == 2


async def test_twenty_puts_of_one_stage_at_once_are_one_passage(world: World) -> None:
    siren = await firm(world)
    answers = await asyncio.gather(*(staff(world).put(f"firms/{siren}", {"stage": "solicited"}) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert len(ok(await world.lead.get(f"firms/{siren}/stages"))["items"]) == 1


async def test_a_stage_without_a_day_holds_from_today_in_paris(world: World) -> None:
    siren = await firm(world)
    with clock.frozen(datetime.fromisoformat("2026-07-13T22:30:00Z")):
        assert (
            ok(await staff(world).put(f"firms/{siren}", {"stage": "solicited"}), 201)["stage_since_on"] == "2026-07-14"
        )


async def test_no_stage_holds_from_a_day_to_come(world: World) -> None:
    siren = await firm(world)
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    refused = await staff(world).put(f"firms/{siren}", {"stage": "solicited", "effective_on": tomorrow})
    assert problem(refused, 422, "validation-failed")["errors"][0]["pointer"] == "/effective_on"
    problem(await world.lead.get(f"firms/{siren}"), 404, "not-found")


async def test_a_firm_outside_the_register_has_no_stage(world: World) -> None:
    unknown = await staff(world).put(f"firms/{fresh_siren()}", {"stage": "solicited"})
    assert problem(unknown, 404, "reference-not-found")["errors"][0]["pointer"] == "/siren"


async def test_who_prospects_whom_is_the_territorys_own_business(world: World, other: World) -> None:
    siren = await firm(world)
    ok(await staff(world).put(f"firms/{siren}", {"stage": "supported"}), 201)
    problem(await other.lead.get(f"firms/{siren}"), 404, "not-found")
    problem(await other.lead.get(f"firms/{siren}/stages"), 404, "not-found")
    problem(await other.lead.get(f"{world.lead.base}/firms/{siren}"), 404, "not-found")
    assert ok(await other.lead.get("firms"))["items"] == []
    ok(await staff(other).put(f"firms/{siren}", {"stage": "identified"}), 201)
    assert ok(await world.lead.get(f"firms/{siren}"))["stage"] == "supported"


async def test_a_firms_new_name_shows_here_without_a_new_version(world: World) -> None:
    siren = await firm(world)
    first = await staff(world).put(f"firms/{siren}", {"stage": "identified"})
    ok(await staff(world).patch(f"/v1/firms/{siren}", {"name": "Renommée"}))
    read = await world.lead.get(f"firms/{siren}", headers={"If-None-Match": first.headers["etag"]})
    assert (ok(read, 200)["name"], read.json()["version"]) == ("Renommée", 1)
    ok(
        await staff(world).put(f"firms/{siren}", {"stage": "solicited"}, headers={"If-Match": first.headers["etag"]}),
        200,
    )


async def test_the_history_is_append_only(world: World) -> None:
    siren = await firm(world)
    ok(await staff(world).put(f"firms/{siren}", {"stage": "identified"}), 201)
    for attack in ("UPDATE firm_stage_changes SET stage = 'declined'", "DELETE FROM firm_stage_changes"):
        with pytest.raises(Exception, match=r"append-only|never"):
            await world.pool.execute(f"{attack} WHERE siren = $1", siren)


async def test_firms_are_listed_by_stage(world: World) -> None:
    sirens = {}
    for stage in ("identified", "declined", "supported"):
        sirens[stage] = await firm(world)
        ok(
            await staff(world).put(
                f"firms/{sirens[stage]}", {"stage": stage, "reason": "So.", "effective_on": "2023-07-04"}
            ),
            201,
        )
    listed = ok(await world.lead.get("firms?stage=declined&stage=supported&sort=-stage&count=exact"))
    assert [item["siren"] for item in listed["items"]] == [sirens["supported"], sirens["declined"]]
    assert listed["total"] == 2
    assert ok(await world.lead.get("firms?stage_since_from=2023-07-05"))["items"] == []
