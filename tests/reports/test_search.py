"""The search of a territory: what its lists find by `q`, together, for whoever may read them."""

import secrets
from typing import Any

import pytest

from app.reports.search.queries import SOURCES
from app.reports.search.schemas import SearchKind
from tests.contract.test_listings import count
from tests.projects.acts import project
from tests.world import World, ok, problem

WORD = f"Éclair{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
async def place(http: Any, pool: Any, anyio_backend: Any) -> World:
    """A firm of the word with a person, a project and an audition, and an award for what bears it."""
    world = await World.create(http, pool)
    siren = await world.followed_firm(WORD)
    await world.contact(siren, name=f"Anne {WORD}")
    await world.audition(siren)
    await project(world, title=f"Atelier {WORD}", holders=[{"kind": "firm", "siren": siren}])
    await world.money()
    await pool.execute("UPDATE grants SET project_title = $2 WHERE territory = $1", world.territory, f"Four {WORD}")
    return world


async def test_all_that_bears_a_word_is_found_without_accents_or_case(app: Any, place: World) -> None:
    asked = WORD.lower().replace("é", "e")
    items = ok(await place.auditor.get(f"search?q={asked}"))["items"]
    assert {each["kind"] for each in items} == set(SearchKind) - {"advance"}
    assert [each["kind"] for each in items] == sorted((each["kind"] for each in items), key=list(SOURCES).index)
    for each in items:
        assert WORD in each["title"]
        shown = ok(await place.auditor.get(each["link"]))
        assert each["id"] in (shown.get("id"), shown["siren"] if each["kind"] == "firm" else None)
        assert each["state"] in (None, shown.get("stage"), shown.get("status"))
    firm = items[0]
    spaced = f"{firm['id'][:3]} {firm['id'][3:6]} {firm['id'][6:]}"
    assert ok(await place.auditor.get("search", params={"q": spaced}))["items"][0] == firm
    for kind, source in SOURCES.items():
        address = "firms" if kind == "firm" else source.path
        listed = ok(await place.auditor.get(address, params={"q": asked}))["items"]
        found = ok(await place.auditor.get("search", params={"q": asked, "kind": kind, "limit": "50"}))["items"]
        assert {each["id"] for each in found} == {each.get("id") or each["siren"] for each in listed}, kind


async def test_a_search_is_one_query(app: Any, place: World) -> None:
    assert await count(app, place.auditor, "GET", f"search?q={WORD}") == 1


async def test_each_role_finds_what_it_may_list(place: World) -> None:
    for role, client in place.clients.items():
        if role in ("second_admin", "lead_judge"):
            continue
        found = {each["kind"] for each in ok(await client.get(f"search?q={WORD}"))["items"]}
        listed = set()
        for kind, source in SOURCES.items():
            answer = await client.get(source.path, params={"q": WORD})
            if answer.status_code == 200 and answer.json()["items"]:
                listed.add(kind)
        assert found == listed, role


async def test_another_territory_is_not_found(world: World, place: World) -> None:
    there = f"/v1/territories/{place.territory}/search?q={WORD}"
    assert (await world.clients["territory"].get(there)).status_code == 404
    assert ok(await world.clients["territory"].get(f"search?q={WORD}"))["items"] == []


async def test_a_search_is_bounded_and_asks_something(place: World) -> None:
    for wrong in ("", "q=", "q=a&limit=51", "q=a&kind=mission", "q=a&q=b", f"q={'a' * 101}"):
        problem(await place.auditor.get(f"search?{wrong}"), 422, "validation-failed")
    assert ok(await place.auditor.get(f"search?q={WORD}&limit=1&kind=contact&kind=project"))["items"][1:] != []
    for odd in ("%25", "_", "'", "\\", "%C2%A0"):
        assert (await place.auditor.get(f"search?q={odd}")).status_code in (200, 422)
