"""Looking persons and organisations up: who is found by whom, and how little is told."""

import secrets
from typing import Any

import pytest

from app.access.rules import MATRIX, Role
from app.core import clock
from app.integrations.lookups.queries import ORGANISATIONS, PERSONS
from tests.world import Client, World, ok, problem

LOCAL = ["consultant", "lead", "territory"]
NATIONAL = ["programme", "operator", "auditor", "admin"]


async def ids(client: Client, kind: str, **query: Any) -> set[str]:
    """The ids of every row that the query finds."""
    found: set[str] = set()
    cursor: str | None = None
    while True:
        more: dict[str, Any] = {} if cursor is None else {"cursor": cursor}
        answer = ok(await client.get(f"/v1/lookups/{kind}", params={"limit": 500, **query, **more}))
        found |= {item["id"] for item in answer["items"]}
        cursor = answer["next_cursor"]
        if cursor is None:
            return found


async def person(world: World, name: str, *roles: tuple[str | None, str | None], home: str = "office") -> str:
    """A person with an e-mail address and these roles: a territory (none: all), and the last day."""
    subject_id = await world.pool.fetchval(
        "INSERT INTO subjects (kind, organisation_id, name, email, created_at, updated_at)"
        " VALUES ('person', $1, $2, $3, now(), now()) RETURNING id",
        world.organisations[home],
        name,
        f"{secrets.token_hex(6)}@example.org",
    )
    for territory, to_on in roles:
        await world.pool.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, to_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'territory', $2, '2020-01-01', $3::text::date, now(), now(), now())",
            subject_id,
            territory,
            to_on,
        )
    return str(subject_id)


async def test_a_local_role_finds_who_takes_part_in_its_territory_and_nobody_else(world: World, other: World) -> None:
    word = f"zoe{secrets.token_hex(4)}"
    here = await person(world, f"{word} Here", (world.territory, None))
    both = await person(world, f"{word} Both", (world.territory, None), (other.territory, None))
    until_today = await person(world, f"{word} Today", (world.territory, clock.today().isoformat()))
    ended = await person(world, f"{word} Ended", (world.territory, "2023-12-31"))
    there = await person(world, f"{word} There", (other.territory, None), home="lead")
    everywhere = await person(world, f"{word} Everywhere", (None, None))
    without = await person(world, f"{word} Without")
    assigned = await world.add_person("partner", f"{word} Assigned")
    await world.mission(people={"partner": assigned})
    found = {here, both, until_today, everywhere, str(assigned)}
    for role in LOCAL:
        assert await ids(world.clients[role], "persons", q=word) == found
        assert await ids(world.clients[role], "persons", q=word, territory=world.territory) == found
        elsewhere = await ids(world.clients[role], "persons", q=word, territory=other.territory)
        assert elsewhere == {everywhere}, "who takes part in another territory stays untold"
    for role in NATIONAL:
        assert await ids(world.clients[role], "persons", q=word) == found | {ended, there, without}
        assert await ids(world.clients[role], "persons", q=word, territory=other.territory) == {both, there, everywhere}


async def test_organisations_take_part_by_a_role_or_as_members_of_a_mission(world: World, other: World) -> None:
    word = f"atelier{secrets.token_hex(4)}"

    async def organisation(name: str) -> str:
        made = ok(await world.admin.post("/v1/organisations", {"name": f"{word} {name}"}), 201)
        return str(made["id"])

    member, there, without = [await organisation(name) for name in ("Member", "There", "Without")]
    for place, organisation_id in ((world, member), (other, there)):
        mission = await place.mission()
        body = {"organisation_id": organisation_id, "role": "partner", "days_allotted": 0, "decided_on": "2023-07-01"}
        ok(await place.operator.post(f"missions/{mission.id}/members", body), 201)
    for role in LOCAL:
        assert await ids(world.clients[role], "organisations", q=word) == {member}
        assert await ids(world.clients[role], "organisations", q=word, territory=other.territory) == set()
        seen = await ids(world.clients[role], "organisations")
        assert {str(each) for each in world.organisations.values()} <= seen
        assert not {str(each) for name, each in other.organisations.items() if name != "office"} & seen
    for role in NATIONAL:
        assert await ids(world.clients[role], "organisations", q=word) == {member, there, without}


async def test_names_are_found_by_the_beginnings_of_their_words(world: World) -> None:
    word = f"lefebvre{secrets.token_hex(4)}"
    asked = await person(world, f"Éloïse {word.upper()}-Œuvrard", (world.territory, None))
    for q in (word, word[:-2], f"eloi {word}", f"{word} ELOÏ", f"oeuv {word}", f"{word}-oeuvrard"):
        assert await ids(world.lead, "persons", q=q) == {asked}, q
    for q in (word[1:], f"loise {word}", "%", "!", f"{word} x"):
        assert await ids(world.lead, "persons", q=q) == set(), q


async def test_no_more_is_told_than_it_takes_to_name_somebody(world: World) -> None:
    word = f"anna{secrets.token_hex(4)}"
    asked = await person(world, word, (world.territory, None))
    [row] = ok(await world.admin.get("/v1/lookups/persons", params={"q": word}))["items"]
    assert row == {"id": asked, "name": word, "organisation_name": f"office of {world.territory}"}
    assert set(PERSONS.fields) == {"id", "name", "organisation_name"}
    assert set(ORGANISATIONS.fields) == {"id", "name"}
    async with world.pool.acquire() as connection:
        await world.add_subject(connection, "warehouse", "office", "territory", kind="service_account")
    assert await ids(world.lead, "persons", q=f"warehouse {world.territory}") == set(), "a program is no person"


async def test_who_is_found_can_be_named_as_the_owner_of_a_follow_up(world: World, other: World) -> None:
    await world.mission()
    outsider = str(other.subjects["consultant"])
    found = await ids(world.consultant, "persons", territory=world.territory)
    assert outsider not in found
    audition = await world.audition()
    for owner, status in [*((each, 200) for each in sorted(found)[:5]), (outsider, 404)]:
        body = {"follow_up": "Call.", "follow_up_owner_id": owner, "follow_up_due_on": "2023-08-01"}
        assert (await world.consultant.patch(f"auditions/{audition['id']}", body)).status_code == status


@pytest.mark.parametrize("kind", ["persons", "organisations"])
async def test_who_names_nobody_finds_nothing(world: World, kind: str) -> None:
    assert {role.value for role in MATRIX["lookups:read"]} == {*LOCAL, *NATIONAL}
    for role in set(Role) - MATRIX["lookups:read"]:
        problem(await world.clients[role].get(f"/v1/lookups/{kind}"), 404, "not-found")


@pytest.mark.parametrize("table", ["subjects", "organisations"])
async def test_the_search_uses_its_index(world: World, table: str) -> None:
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch(
            f"EXPLAIN SELECT FROM {table} WHERE search_words(ARRAY[name]) @@ search_query('anna')"
        )
    assert f"{table}_words_idx" in " ".join(row[0] for row in plan)
