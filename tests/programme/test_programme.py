"""Waves, territories, and the communes of a territory by vintage."""

import asyncio
import secrets
from typing import Any

import asyncpg
import pytest

from app.programme import checks
from tests.world import World, fresh_siren, ok, problem

ALES, ANDUZE, BESSEGES = (
    {"insee_code": "30007", "name": "Alès"},
    {"insee_code": "30010", "name": "Anduze"},
    {"insee_code": "30037", "name": "Bessèges"},
)


async def new_wave(world: World, **more: Any) -> dict[str, Any]:
    """A wave whose number nobody has yet: tests share them, and name those from 990 on themselves."""
    for _ in range(50):
        made = await world.programme.post("/v1/waves", {"number": 2 + secrets.randbelow(900), **more})
        if made.status_code == 201:
            wave: dict[str, Any] = made.json()
            return wave
    raise AssertionError("no number is free")


def territory(**more: Any) -> dict[str, Any]:
    siren = fresh_siren()
    return {"slug": f"p-{secrets.token_hex(6)}", "name": "Bassin", "wave_number": 1, "lead_siren": siren, **more}


# --- waves -----------------------------------------------------------------------------------------------------------


async def test_a_wave_is_opened_once_under_its_number(world: World) -> None:
    wave = await new_wave(world, name="Relève", opened_on="2022-10-01", closed_on="2023-02-01")
    refused = problem(await world.programme.post("/v1/waves", {"number": wave["number"]}), 409, "already-exists")
    assert refused["errors"][0]["pointer"] == "/number"
    assert ok(await world.consultant.get(f"/v1/waves/{wave['id']}")) == wave
    [event] = await world.events(wave["id"])
    assert (event["type"], event["territory"]) == ("wave.created", None)


async def test_a_wave_closes_on_or_after_the_day_it_opens(world: World) -> None:
    reversed_days = {"opened_on": "2023-02-02", "closed_on": "2023-02-01"}
    refused = await world.programme.post("/v1/waves", {"number": 997, **reversed_days})
    assert problem(refused, 422, "validation-failed")["errors"][0]["code"] == "period_reversed"
    wave = await new_wave(world, opened_on="2023-02-01")
    address = f"/v1/waves/{wave['id']}"
    problem(await world.programme.patch(address, {"closed_on": "2023-01-31"}), 422, "wave-period")
    assert ok(await world.programme.patch(address, {"closed_on": "2023-02-01"}))["version"] == 2
    problem(await world.programme.patch(address, {"number": 5}), 422, "validation-failed")


@pytest.mark.parametrize("number", [0, 1000, -1, 1.0, "2", True, None])
async def test_a_wave_has_a_whole_number_from_1_to_999(world: World, number: Any) -> None:
    problem(await world.programme.post("/v1/waves", {"number": number}), 422, "validation-failed")


# --- territories -----------------------------------------------------------------------------------------------------


async def test_a_territory_without_a_list_is_its_leading_epci_alone(world: World) -> None:
    body = territory()
    made = await world.programme.post("/v1/territories", body)
    found = ok(made, 201)
    assert made.headers["location"] == f"/v1/territories/{body['slug']}"
    assert (found["epci_sirens"], found["status"]) == ([body["lead_siren"]], "laureate")
    assert ok(await world.operator.get(made.headers["location"])) == found
    problem(await world.programme.post("/v1/territories", body), 409, "already-exists")


async def test_the_lead_must_be_among_the_epci(world: World) -> None:
    body = territory()
    others = [fresh_siren(), fresh_siren()]
    refused = await world.programme.post("/v1/territories", {**body, "epci_sirens": others})
    problem(refused, 422, "lead-not-among-epci")
    together = {**body, "epci_sirens": [*others, body["lead_siren"]]}
    address = f"/v1/territories/{ok(await world.programme.post('/v1/territories', together), 201)['slug']}"
    problem(await world.programme.patch(address, {"epci_sirens": others}), 422, "lead-not-among-epci")
    problem(await world.programme.patch(address, {"lead_siren": fresh_siren()}), 422, "lead-not-among-epci")
    assert ok(await world.programme.patch(address, {"lead_siren": others[0], "epci_sirens": others}))["version"] == 2


async def test_an_epci_belongs_to_one_laureate_territory(world: World) -> None:
    shared, lead = fresh_siren(), fresh_siren()
    made = ok(
        await world.programme.post("/v1/territories", territory(lead_siren=lead, epci_sirens=[shared, lead])), 201
    )
    problem(
        await world.programme.post("/v1/territories", territory(lead_siren=shared)), 409, "epci-of-another-territory"
    )
    problem(
        await world.programme.patch("", {"lead_siren": lead, "epci_sirens": [lead]}), 409, "epci-of-another-territory"
    )
    waiting = ok(await world.programme.post("/v1/territories", territory(lead_siren=shared, status="candidate")), 201)[
        "slug"
    ]
    candidate = f"/v1/territories/{waiting}"
    problem(await world.programme.patch(candidate, {"status": "laureate"}), 409, "epci-of-another-territory")
    ok(await world.programme.patch(f"/v1/territories/{made['slug']}", {"epci_sirens": [lead]}))
    ok(await world.programme.patch(candidate, {"status": "laureate"}))
    bodies = [territory(lead_siren=siren) for siren in [fresh_siren()] * 20]
    answers = await asyncio.gather(*(world.programme.post("/v1/territories", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    for name, query in checks.CHECKS.items():
        assert [row for row in await world.pool.fetch(query) if row[1] != row[2]] == [], name


async def test_two_territories_that_exchange_epcis_do_not_wait_for_each_other(world: World) -> None:
    first, second, one, other = (fresh_siren() for _ in range(4))
    for siren, more, slug in ((first, one, "one"), (second, other, "other")):
        body = territory(lead_siren=siren, epci_sirens=[siren, more], slug=f"{world.territory}-{slug}")
        ok(await world.programme.post("/v1/territories", body), 201)
    for _ in range(10):
        answers = await asyncio.gather(
            world.programme.patch(f"/v1/territories/{world.territory}-one", {"epci_sirens": [first, other]}),
            world.programme.patch(f"/v1/territories/{world.territory}-other", {"epci_sirens": [second, one]}),
        )
        assert {answer.status_code for answer in answers} <= {200, 409}


async def test_sql_gives_no_epci_to_two_laureate_territories(world: World, other: World) -> None:
    siren = ok(await world.lead.get(""))["lead_siren"]
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await world.pool.execute(
            "UPDATE territories SET epci_sirens = epci_sirens || $2::text WHERE slug = $1", other.territory, siren
        )
    assert refused.value.constraint_name == "epci_of_another_territory"


async def test_a_territory_belongs_to_a_wave_that_is_open(world: World) -> None:
    free = (await new_wave(world))["number"]
    await world.pool.execute("DELETE FROM waves WHERE number = $1", free)
    refused = await world.programme.post("/v1/territories", territory(wave_number=free))
    assert problem(refused, 404, "reference-not-found")["errors"][0]["pointer"] == "/wave_number"
    problem(await world.programme.patch("", {"wave_number": free}), 404, "reference-not-found")


@pytest.mark.parametrize(
    "slug", ["Ales", "alès", "-ales", "ales-", "a--b", "a_b", "a b", "", "x" * 64, "a/b", "ales\n"]
)
async def test_a_slug_is_lower_case_letters_digits_and_single_hyphens(world: World, slug: str) -> None:
    refused = problem(await world.programme.post("/v1/territories", territory(slug=slug)), 422, "validation-failed")
    assert [error["pointer"] for error in refused["errors"]] == ["/slug"]


async def test_a_slug_never_changes_and_is_nobodys_twice(world: World) -> None:
    problem(await world.programme.patch("", {"slug": "elsewhere"}), 422, "validation-failed")
    problem(await world.programme.post("/v1/territories", territory(slug=world.territory)), 409, "already-exists")


@pytest.mark.parametrize("siren", ["200066919", "000000000", "20006691", "200 066 918", 200066918])
async def test_an_epci_has_a_valid_siren(world: World, siren: Any) -> None:
    problem(await world.programme.post("/v1/territories", territory(lead_siren=siren)), 422, "validation-failed")
    body = territory()
    refused = await world.programme.post("/v1/territories", {**body, "epci_sirens": [body["lead_siren"], siren]})
    assert problem(refused, 422, "validation-failed")["errors"][0]["pointer"] == "/epci_sirens/1"


async def test_a_territory_is_changed_and_the_same_again_changes_nothing(world: World) -> None:
    first = await world.programme.patch("", {"status": "closed", "laureate_on": "2023-06-14"})
    assert (ok(first)["status"], first.headers["etag"]) == ("closed", '"2"')
    again = await world.programme.patch("", {"status": "closed", "laureate_on": "2023-06-14"})
    assert (again.json(), again.headers["etag"]) == (first.json(), first.headers["etag"])
    assert [event["type"] for event in await world.events(world.territory)] == ["territory.updated"]
    stale = await world.programme.patch("", {"status": "laureate"}, headers={"If-Match": '"1"'})
    assert problem(stale, 412, "stale-version")["current_version"] == 2
    ok(await world.programme.patch("", {"status": "laureate"}, headers={"If-Match": '"2"'}))


async def test_territories_are_listed_to_those_who_see_them(world: World, other: World) -> None:
    mine = ok(await world.lead.get("/v1/territories"))["items"]
    assert [found["slug"] for found in mine] == [world.territory]
    siren = ok(await world.lead.get(""))["lead_siren"]
    for reader, seen in ((world.auditor, [world.territory]), (other.lead, [])):
        found = ok(await reader.get("/v1/territories", params={"epci_siren": siren}))["items"]
        assert [item["slug"] for item in found] == seen


async def test_an_unknown_territory_is_not_there_for_anyone(world: World) -> None:
    for client in (world.programme, world.operator, world.lead):
        problem(await client.get("/v1/territories/no-such-place"), 404, "not-found")
        problem(await client.get("/v1/territories/no-such-place/missions"), 404, "not-found")
    problem(await world.programme.patch("/v1/territories/no-such-place", {"name": "X"}), 404, "not-found")
    problem(await world.operator.post("/v1/territories/no-such-place/missions", {"name": "X"}), 404, "not-found")
    problem(await world.auditor.post("/v1/territories/no-such-place/missions", {"name": "X"}), 404, "not-found")


# --- perimeters ------------------------------------------------------------------------------------------------------


async def test_a_perimeter_is_set_as_a_whole(world: World) -> None:
    made = await world.programme.put("perimeter/2023", {"communes": [ANDUZE, ALES]})
    perimeter = ok(made, 201)
    assert perimeter["communes"] == [ALES, ANDUZE]
    assert (perimeter["vintage"], made.headers["etag"]) == (2023, '"1"')
    replaced = await world.programme.put("perimeter/2023", {"communes": [BESSEGES]})
    assert ok(replaced, 200)["communes"] == [BESSEGES]
    assert replaced.headers["etag"] == '"2"'
    assert ok(await world.lead.get("perimeter/2023")) == replaced.json()


async def test_the_same_communes_again_change_nothing(world: World) -> None:
    first = await world.programme.put("perimeter/2023", {"communes": [ALES, ANDUZE]})
    again = await world.programme.put("perimeter/2023", {"communes": [ANDUZE, ALES]})
    assert ok(again, 200) == ok(first, 201)
    assert again.headers["etag"] == first.headers["etag"]
    written = "SELECT count(*) FROM events WHERE territory = $1 AND resource_type = 'perimeter'"
    assert await world.pool.fetchval(written, world.territory) == 1
    renamed = ok(
        await world.programme.put("perimeter/2023", {"communes": [{**ALES, "name": "Alès (30)"}, ANDUZE]}), 200
    )
    assert renamed["version"] == 2
    assert await world.pool.fetchval(written, world.territory) == 2


async def test_a_perimeter_is_replaced_on_the_version_that_was_read(world: World) -> None:
    first = await world.programme.put("perimeter/2023", {"communes": [ALES]})
    ok(await world.programme.put("perimeter/2023", {"communes": [ALES, ANDUZE]}), 200)
    stale = {"If-Match": first.headers["etag"]}
    refused = await world.programme.put("perimeter/2023", {"communes": [BESSEGES]}, headers=stale)
    problem(refused, 412, "stale-version")
    assert ok(await world.lead.get("perimeter/2023"))["communes"] == [ALES, ANDUZE]


async def test_twenty_puts_of_one_vintage_at_once_make_one_perimeter(world: World) -> None:
    puts = (world.programme.put("perimeter/2023", {"communes": [ALES, ANDUZE]}) for _ in range(20))
    answers = await asyncio.gather(*puts)
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert {answer.headers["etag"] for answer in answers} == {'"1"'}


async def test_a_commune_is_named_once(world: World) -> None:
    refused = await world.programme.put("perimeter/2023", {"communes": [ALES, {**ALES, "name": "Ales"}]})
    assert problem(refused, 422, "validation-failed")["errors"][0]["code"] == "repeated_commune"
    problem(await world.programme.put("perimeter/2023", {"communes": []}), 422, "validation-failed")
    problem(await world.lead.get("perimeter/2023"), 404, "not-found")


@pytest.mark.parametrize("code", ["30100A", "3007", "2C004", "30 007", "", 30007])
async def test_a_commune_has_an_insee_code(world: World, code: Any) -> None:
    refused = await world.programme.put("perimeter/2023", {"communes": [ALES, {"insee_code": code, "name": "X"}]})
    assert problem(refused, 422, "validation-failed")["errors"][0]["pointer"] == "/communes/1/insee_code"


async def test_corsican_communes_have_letters_in_their_code(world: World) -> None:
    corsica = [{"insee_code": "2A004", "name": "Ajaccio"}, {"insee_code": "2B033", "name": "Bastia"}]
    assert ok(await world.programme.put("perimeter/2023", {"communes": corsica}), 201)["communes"] == corsica


@pytest.mark.parametrize("vintage", ["1899", "2200", "23", "2023.0", "+2023", "02023", "next"])
async def test_a_vintage_is_a_year(world: World, vintage: str) -> None:
    problem(await world.programme.put(f"perimeter/{vintage}", {"communes": [ALES]}), 404, "not-found")


@pytest.mark.parametrize(
    ("day", "vintage"),
    [
        ("1950-01-01", 2021),  # before the oldest: the oldest
        ("2020-12-31", 2021),
        ("2021-01-01", 2021),
        ("2022-12-31", 2021),
        ("2023-01-01", 2023),
        ("2024-12-31", 2023),
        ("2025-01-01", 2025),
        ("2199-12-31", 2025),
    ],
)
async def test_the_vintage_in_force_is_the_latest_of_its_day(world: World, day: str, vintage: int) -> None:
    for year in (2023, 2021, 2025):
        ok(await world.programme.put(f"perimeter/{year}", {"communes": [ALES]}), 201)
    [found] = ok(await world.lead.get("perimeter", params={"in_force_on": day}))["items"]
    assert found["vintage"] == vintage


async def test_a_territory_without_a_perimeter_has_none_in_force(world: World, other: World) -> None:
    ok(await other.programme.put("perimeter/2023", {"communes": [ALES]}), 201)
    assert ok(await world.lead.get("perimeter", params={"in_force_on": "2023-06-14"}))["items"] == []


async def test_the_perimeters_of_a_territory_are_its_own(world: World, other: World) -> None:
    ok(await world.programme.put("perimeter/2023", {"communes": [ALES]}), 201)
    ok(await other.programme.put("perimeter/2023", {"communes": [ANDUZE]}), 201)
    assert ok(await world.lead.get("perimeter/2023"))["communes"] == [ALES]
    assert [item["territory"] for item in ok(await world.lead.get("perimeter"))["items"]] == [world.territory]
