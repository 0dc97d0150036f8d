"""Who sees what: the feed against the routes, and every answer against row-level security.

The service does not use row-level security (decision 16). Here a role of the database sees the rows of one territory,
by a policy on every table that belongs to one, and the application is asked the same through it.
"""

import asyncio
import itertools
import re
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
from sqlalchemy import make_url
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.util import LRUCache

from app.access.rules import MATRIX, Role
from app.commands.export import _parents, is_own
from app.core.reading import listing as listings
from app.core.reading.listing import Listing
from app.integrations.feed.kinds import EventKind
from app.models import metadata
from app.settings import Settings
from tests.conftest import as_service, plain, serving_in_process
from tests.contract.conftest import Known, one_of_everything
from tests.contract.test_conditions import about
from tests.contract.test_routes import ask, plain_path, routes
from tests.in_process import InProcess
from tests.world import Client, World, ok

# What the register holds is told to who follows it, and what names persons to who reads it in all territories, though
# a part of it can be read by others.
OF_THE_REGISTER = {"firm", "firm_activity", "firm_owner", "proceeding", "site"}
OF_PERSONS = {"person", "member", "service_account", "organisation"}
# Kinds of which no address that an event tells reads one: a report is below its award, an activity in a list.
NOWHERE = {"commitment_report", "firm_activity"}
# Their addresses name the parent otherwise than they do.
NAMED = {"award_id": "grant_id"}


async def read_whole(client: Client, query: str = "") -> dict[str, dict[str, Any]]:
    """The events that a caller sees, by id."""
    seen: dict[str, dict[str, Any]] = {}
    after = ""
    while items := (page := ok(await client.get(f"/v1/events?limit=500{query}{after}")))["items"]:
        seen |= {event["id"]: event for event in items}
        after = f"&after={page['next_cursor']}"
    return seen


async def settled(world: World) -> None:
    """Wait until the feed has come to the last event: an older transaction, anywhere on the server, holds it back."""
    last = await world.pool.fetchval("SELECT id::text FROM events ORDER BY sequence DESC LIMIT 1")
    async with asyncio.timeout(20):
        while last not in await read_whole(world.auditor):  # noqa: ASYNC110  # another server process ends it
            await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def away(alone: Known) -> Known:
    """Everything in another territory; in the first somebody of both firms reads the feed for its lead."""
    world = alone.world
    known = await one_of_everything(await World.create(world.http, world.pool))
    other = known.world
    async with world.pool.acquire() as connection:
        await world.add_subject(connection, "partner_lead", "partner", "lead")
        await world.add_subject(connection, "inspector", "office", None)
        await world.add_subject(connection, "national_funder", "office", "funder", territory=None)
        await world.add_subject(connection, "elsewhere", "lead", "consultant")
        for name, role, place in (("elsewhere", "treasurer", other), ("inspector", "auditor", world)):
            await connection.execute(
                "INSERT INTO members (subject_id, role, territory, from_on, created_at, updated_at)"
                " VALUES ($1, $2, $3, '2020-01-01', now(), now())",
                world.subjects[name], role, place.territory,
            )  # fmt: skip
    await settled(world)
    return known


def addresses(app: Any) -> dict[str, list[str]]:
    """The addresses at which one object of a kind is read, the longest first."""
    found: dict[str, list[str]] = defaultdict(list)
    for route in app.application.routes:
        noun = getattr(getattr(route, "response_model", None), "noun", None)
        if "GET" in (getattr(route, "methods", None) or ()) and noun is not None and route.path.startswith("/v1/"):
            found[noun()].append(plain_path(route.path))
    return {kind: sorted(paths, key=lambda path: -len(path)) for kind, paths in found.items()}


def addresses_of(paths: list[str], event: dict[str, Any]) -> Iterator[str]:
    """Where the object of an event may be read, by what the event says."""
    said = {**event["data"], "territory": event["territory"] or event["data"].get("territory")}
    for path in paths:
        names = re.findall(r"\{(\w+)\}", path)
        key = event["resource"]["id"].rpartition("/")[2]
        own = {names[-1]: said.get(names[-1]) or key} if names else {}
        if names and names[-1] == "id":
            own = {"id": key}
        values = {name: own.get(name) or said.get(name) or said.get(NAMED.get(name, "")) for name in names}
        if all(values.values()):
            yield path.format(**values)


async def test_an_event_is_shown_where_its_object_is(alone: Known, away: Known) -> None:
    world = alone.world
    app = world.http.app  # type: ignore[attr-defined]  # a client in this process
    kinds: tuple[EventKind, ...] = app.application.state.event_kinds
    paths, known = addresses(app), {kind.noun for kind in kinds}
    await settled(world)  # what other tests of this module have written
    whole = await read_whole(world.auditor)
    there: dict[tuple[str, str], list[str]] = defaultdict(list)
    asked: dict[str, bool] = {}
    for event in whole.values():
        kind = event["resource"]["type"]
        for address in addresses_of(paths.get(kind, []), event):
            if address not in asked:
                asked[address] = (await world.auditor.get(address)).status_code == 200
            if asked[address]:
                there[kind, address].append(event["id"])
                break
    told = {event["resource"]["type"] for event in whole.values()}
    assert told <= known
    assert told - {kind for kind, _ in there} == NOWHERE
    some: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for kind, address in there:
        event = whole[there[kind, address][0]]
        some[kind, f"{event['territory']} {event['data'].get('organisation_id')}"].append((kind, address))
    followers = await world.pool.fetch("SELECT siren, territory FROM territory_firms")
    wrong, told_whole = [], set()
    names = [*(str(role) for role in Role), "partner_lead", "inspector", "national_funder", "elsewhere"]
    for turn, name in enumerate(names):
        client = world.clients[name]
        if (await client.get("/v1/events?limit=1")).status_code == 404:
            continue
        seen = await read_whole(client)
        assert set(seen) <= set(whole)
        roles = {each["role"]: each["territory"] for each in ok(await client.get("/v1/me"))["roles"]}
        feeds = {place for role, place in roles.items() if Role(role) in MATRIX["events:read"]}
        reads_everything = any(place is None and Role(role) in MATRIX["members:read"] for role, place in roles.items())
        # Two objects of each kind and place for everybody, and each of the others for somebody.
        objects = [each for group in some.values() for each in (*group[:2], *group[2 + turn :: len(names)])]
        for kind, address in objects:
            events = there[kind, address]
            shown = {event_id in seen for event_id in events}
            wanted = (await client.get(address)).status_code == 200
            if kind in OF_THE_REGISTER:
                siren = re.findall(r"/firms/([0-9]{9})", address)[0]
                wanted = wanted and (
                    None in feeds or any(row["territory"] in feeds for row in followers if row["siren"] == siren)
                )
            elif kind in OF_PERSONS:
                wanted = wanted and reads_everything
            if shown != {wanted}:
                wrong.append((name, address, "told" if wanted else "hidden", shown))
            elif wanted:
                told_whole.add(kind)
    assert wrong == []
    assert told_whole == {kind for kind, _ in there}


# What every role reads belongs to no territory: the programme, the law, the register of firms.
OF_EVERYBODY = {permission for permission, roles in MATRIX.items() if roles == set(Role)} - {"me:read"}


async def test_a_role_in_one_territory_shows_nothing_of_another(alone: Known, away: Known) -> None:
    """Every address that names no territory, by every role that somebody holds in one alone."""
    world, other = alone.world, away.world
    clients = {}
    async with world.pool.acquire() as connection:
        for role in Role:
            client = clients[role] = await world.add_subject(connection, f"only_{role}", "partner", None)
            await connection.execute(
                "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
                " VALUES ($1, $2, $3, '2020-01-01', now(), now(), now())",
                world.subjects[f"only_{role}"], role, world.territory,
            )  # fmt: skip
    everywhere = await world.pool.fetch(  # organisations of which somebody has a role in all territories
        "WITH everywhere AS (SELECT s.organisation_id AS id FROM subjects s JOIN members m ON m.subject_id = s.id"
        " WHERE m.territory IS NULL) SELECT id::text FROM everywhere"
        " UNION ALL SELECT s.id::text FROM subjects s JOIN everywhere e ON e.id = s.organisation_id"
    )
    theirs = {other.territory, *away.ids.values(), *map(str, (*other.organisations.values(), *other.subjects.values()))}
    theirs -= {*alone.ids.values(), *(row["id"] for row in everywhere)}
    seen: dict[str, dict[str, set[str]]] = defaultdict(dict)
    reached: dict[str, set[Role]] = defaultdict(set)
    for method, path, route in routes(world.http.app):  # type: ignore[attr-defined]
        if method != "GET" or "{territory}" in path or route.gate.permission in OF_EVERYBODY:
            continue
        for role, client in clients.items():
            answer = await client.get(away.address(path) + ("?limit=500" if is_list(route) else ""))
            if answer.status_code == 200:
                reached[path].add(role)
            asked = set(away.address(path).split("/"))
            if told := {each for each in theirs - asked if f'"{each}"' in answer.text}:
                seen[path][role] = told
    assert seen == {}
    assert {"/v1/organisations", "/v1/members", "/v1/events", "/v1/instalments", "/v1/summary"} <= reached.keys()


def is_list(route: Any) -> bool:
    return "x-listing" in (route.openapi_extra or {})


async def test_that_something_was_deleted_is_told_to_who_could_read_it(alone: Known, away: Known) -> None:
    world = alone.world
    notes = f"auditions/{alone.ids['audition_id']}/notes"
    note = ok(await world.consultant.post(notes, {"body": "Said in confidence."}), 201)["id"]
    ok(await world.consultant.delete(f"{notes}/{note}"), 204)
    mission = await world.mission(days=1)
    draft = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)["id"]
    ok(await world.consultant.delete(f"time-entries/{draft}"), 204)
    await settled(world)
    for name, reads_notes in (("lead", True), ("territory", True), ("funder", False), ("treasurer", False)):
        seen = {(each["resource"]["id"], each["type"]) for each in (await read_whole(world.clients[name])).values()}
        assert ((note, "audition_note.deleted") in seen) is reads_notes
        assert (draft, "time_entry.deleted") in seen
    told = {event["resource"]["id"] for event in (await read_whole(away.world.lead)).values()}
    assert not told & {note, draft}


async def test_what_has_become_a_secret_is_cut_out_of_past_events(alone: Known, away: Known) -> None:
    """Also of those that code of before writes while it is replaced, which know no owner: who sees all is told."""
    world, gone = alone.world, str(uuid4())
    await world.pool.execute(
        "INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id, data)"
        " VALUES ('service_certificate.created', now(), $1, 'system', 'test', 'service_certificate', $2, $3)",
        world.territory, gone, '{"days": 1, "content_hash": "0", "total_cents": 2}',
    )  # fmt: skip
    await settled(world)
    asked = f"&resource_type=service_certificate&resource_id={gone}"
    told = await read_whole(world.clients["inspector"], asked)
    assert [each["data"] for each in told.values()] == [{"days": 1}]
    for name in ("lead", "partner_lead", "funder"):
        assert await read_whole(world.clients[name], asked) == {}


# --- row-level security as the oracle ---------------------------------------------------------------------------------

# The roles of the first territory, who sees but its own organisation's part first; an auditor of it sees all of it.
LOCAL = {"consultant": "consultant", "lead": "lead", "territory": "territory", "treasurer": "treasurer",
         "funder": "funder", "committee": "committee", "inspector": "auditor"}  # fmt: skip


def policies() -> Iterator[tuple[str, str]]:
    """The condition under which a row of each table that belongs to a territory is seen."""
    here = "ANY (string_to_array(current_setting('oracle.territories'), ','))"
    for table in metadata.sorted_tables:
        if table.name == "territories":
            yield table.name, f"slug = {here}"
        elif "territory" in table.c:
            yield table.name, f"territory IS NULL OR territory = {here}"
        elif is_own(table):
            columns, there = next((a, b) for a, b in _parents(table) if is_own(b[0].table))
            same = " AND ".join(f"o.{b.name} = {table.name}.{a.name}" for a, b in zip(columns, there, strict=True))
            yield table.name, f"EXISTS (SELECT FROM {there[0].table.name} o WHERE {same})"


@dataclass(frozen=True)
class Oracle:
    """One of everything in two territories, and the application through a role that sees the first alone."""

    known: Known
    other: Known
    http: httpx2.AsyncClient

    def through(self, client: Client) -> Client:
        return Client(self.http, client.key, client.base)


@pytest.fixture(scope="module")
async def oracle(
    alone: Known, away: Known, own_url: str, settings: Settings, anyio_backend: Any
) -> AsyncIterator[Oracle]:
    role, password = f"oracle_{secrets.token_hex(6)}", secrets.token_hex(16)
    connection = await asyncpg.connect(plain(own_url))
    await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    try:
        everything = make_url(as_service(own_url)).username
        for table, condition in policies():
            await connection.execute(
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
                f'CREATE POLICY plain ON {table} TO "{everything}" USING (true);'
                f"CREATE POLICY here ON {table} TO {role} USING ({condition})"
            )
        await connection.execute(
            f"ALTER ROLE {role} SET oracle.territories = '{alone.world.territory}';"
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};"
            f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}"
        )
        url = make_url(own_url).set(username=role, password=password).render_as_string(hide_password=False)
        async with AsyncExitStack() as stack:
            served = await stack.enter_async_context(
                serving_in_process(settings.model_copy(update={"database_url": url}))
            )
            client = await stack.enter_async_context(InProcess(served))
            yield Oracle(alone, away, client)
    finally:
        await connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await connection.close()


VOLATILE = re.compile(
    r'"(request_id|instance|next_cursor|as_of|read_at|last_used_at)":("[^"]*"|null)|[0-9-]{10}T[0-9:.]+Z|"/v1[^"]*"'
)


UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def said(response: httpx2.Response, ids: set[str]) -> tuple[int, str]:
    """An answer, without what is another at every request, as the id is of what a dry run makes."""
    text = VOLATILE.sub("", response.text) if response.content else ""
    return response.status_code, UUID7.sub(lambda each: each[0] if each[0] in ids else "", text)


TURN = itertools.count()


def askers(route: Any) -> list[str]:
    """The first of the local callers whom the gate of a route lets in, the last, and one of those between by turns."""
    first, *between = [name for name, role in LOCAL.items() if role in MATRIX[route.gate.permission]] or [""]
    last = between[-1:]
    turn = [between[:-1][next(TURN) % len(between[:-1])]] if between[:-1] else []
    return [name for name in (first, *turn, *last) if name]


async def tried(client: Client, method: str, address: str, route: Any, known: Known) -> httpx2.Response:
    """A read, or a write that changes nothing: a dry run, with the example of its body about what there is."""
    if method == "GET" or route.body_field is None:
        return await ask(client, method, address, route)
    example = route.body_field.field_info.annotation.model_config["json_schema_extra"]["examples"][0]
    return await client.request(method, address, params={"dry_run": "true"}, json=about(known, example))


async def answers(oracle: Oracle, method: str, path: str, route: Any, ids: Known, names: list[str]) -> list[Any]:
    """What an address in the first territory, with these ids, says to local callers, plainly and through the oracle."""
    mine = Known(oracle.known.world, ids.ids | {"territory": oracle.known.ids["territory"]})
    address = mine.read_address(path) if method == "GET" else mine.address(path)
    told, shown = [], {*oracle.known.ids.values(), *oracle.other.ids.values()}
    for name in names:
        client = oracle.known.world.clients[name]
        both = [
            said(await tried(each, method, address, route, mine), shown) for each in (client, oracle.through(client))
        ]
        told.append((name, method, address, *both))
    return told


def differing(told: list[Any]) -> list[Any]:
    return [each for each in told if each[-2] != each[-1]]


# Addresses that name by a word or a number what each territory has, and what belongs to none.
NAMED_ALIKE = re.compile(r"/perimeter/\{vintage\}|/imports/kinds/")


async def test_every_answer_is_the_same_under_policies_on_every_territorial_table(oracle: Oracle) -> None:
    """With the ids of another territory too, of which no address in the own one shows anything."""
    found: list[Any] = []
    crossed: list[Any] = []
    for method, path, route in routes(oracle.known.world.http.app):  # type: ignore[attr-defined]
        found += differing(await answers(oracle, method, path, route, oracle.known, askers(route)))
        if set(re.findall(r"{(\w+)}", path)) - {"territory"}:
            told = await answers(oracle, method, path, route, oracle.other, askers(route)[-2:])
            found += differing(told)
            bare = method == "GET" or route.body_field is None  # a body may be refused first, or name what all share
            if bare and "{territory}" in path and not NAMED_ALIKE.search(path):
                crossed += [each[:4] for each in told if each[3][0] not in (403, 404)]
    assert found == []
    assert crossed == []


async def test_the_feed_is_the_same(oracle: Oracle) -> None:
    await settled(oracle.known.world)
    for name in ("lead", "territory", "funder", "treasurer"):
        client = oracle.known.world.clients[name]
        plainly = await read_whole(client)
        assert plainly
        for _ in range(100):  # it has a horizon of its own, which an older transaction holds back as well
            if (seen := await read_whole(oracle.through(client))) == plainly:
                break
            await asyncio.sleep(0.1)
        assert seen == plainly, name


def of_no_territory(rows: Any) -> Any:
    """The rows of a listing without the conditions that name the territory of the address."""
    kept = [
        each for each in rows._where_criteria
        if not any(getattr(part, "key", None) == "p_territory" for part in iterate(each))
    ]  # fmt: skip
    bare = rows._clone()
    bare._where_criteria = tuple(kept)
    return bare if len(kept) < len(rows._where_criteria) else None


async def test_a_where_that_is_taken_away_is_found(oracle: Oracle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each list of a territory without its WHERE, which shows the rows of the other one too, but for the oracle."""
    monkeypatch.setattr(listings, "_compiled", LRUCache(1000))
    filtered, taken = Listing.filtered, set()

    def without(listing: Listing, *given: Any) -> Any:
        bare = of_no_territory(filtered(listing, *given))
        if bare is None:
            return filtered(listing, *given)
        taken.add(listing.schema.noun())
        return bare

    monkeypatch.setattr(Listing, "filtered", without)
    world, found, asked = oracle.known.world, set(), set()
    for method, path, route in routes(world.http.app):  # type: ignore[attr-defined]
        lists = "x-listing" in (route.openapi_extra or {}) and path.count("{") == 1
        if lists and path.startswith("/v1/territories/{territory}/"):
            taken.clear()
            if differing(await answers(oracle, method, path, route, oracle.known, askers(route))):
                found.add(path)
            if taken:
                asked.add(path)
    assert asked - found == set()
    assert len(found) > 20
