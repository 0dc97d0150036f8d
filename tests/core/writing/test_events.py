"""The feed beside long transactions: nothing missed, nothing twice, never backwards; and what an event never says."""

import asyncio
import json
import random
import re
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx2
import pytest
from prometheus_client import generate_latest

from app.integrations.feed.horizon import Horizon
from tests.world import Client, World, ok, problem

SEQUENCES = "SELECT id, sequence FROM events WHERE territory = $1 ORDER BY sequence"
APPEND = """
INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id, resource_version,
                    data)
VALUES ('probe.made', now(), $1, 'system', 'test', 'mission', $2, $3, '{}')
RETURNING sequence
"""


# What belongs to no territory and is read by all: other tests may tell of it.
EVERYBODYS = {"wave", "scheme", "scheme_parameter", "legal_rate", "refinancing_rate", "role_quota"}


class Reader:
    """A caller who follows the feed from its beginning, some events at a time."""

    def __init__(self, client: Client, query: str = "", limit: int = 50) -> None:
        self.client, self.query, self.limit = client, query, limit
        self.cursor: str | None = None
        self.seen: list[dict[str, Any]] = []

    async def poll(self) -> list[dict[str, Any]]:
        """One page more."""
        after = f"&after={self.cursor}" if self.cursor else ""
        page = ok(await self.client.get(f"/v1/events?limit={self.limit}{self.query}{after}"))
        self.cursor = page["next_cursor"]
        self.seen += page["items"]
        found: list[dict[str, Any]] = page["items"]
        return found

    async def until(self, enough: Callable[["Reader"], bool]) -> None:
        """Read on until `enough`; a feed that never gets there is cut off."""
        async with asyncio.timeout(30):
            while not enough(self):
                await self.poll()

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.seen]


async def stored(world: World) -> list[str]:
    return [str(row["id"]) for row in await world.pool.fetch(SEQUENCES, world.territory)]


async def caught_up(world: World, reader: Reader) -> list[dict[str, Any]]:
    """Everything that is stored for the territory, as the reader got it."""
    wanted = set(await stored(world))
    await reader.until(lambda r: wanted <= set(r.ids))
    return reader.seen


# --- beside writers --------------------------------------------------------------------------------------------------


async def test_a_reader_beside_eight_writers_misses_nothing_and_sees_nothing_twice(world: World) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    missions = [(await world.mission(days=100)) for _ in range(3)]
    running = asyncio.Event()
    running.set()

    async def by_sql() -> None:
        """A transaction that takes its number early, its objects late, and lasts; one in six is rolled back."""
        for _ in range(15):
            async with world.pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await connection.execute(APPEND, world.territory, f"alone-{chance.random()}", 1)
                await asyncio.sleep(chance.random() * 0.02)
                for mission in sorted(chance.sample(missions, 2), key=lambda mission: mission.id):
                    version = await connection.fetchval(
                        "UPDATE missions SET version = version + 1 WHERE id = $1 RETURNING version", mission.id
                    )
                    await connection.execute(APPEND, world.territory, mission.id, version)
                    await asyncio.sleep(chance.random() * 0.01)
                await (transaction.rollback() if chance.random() < 1 / 6 else transaction.commit())

    async def by_http(number: int) -> None:
        for turn in range(15):
            mission = chance.choice(missions)
            if chance.random() < 0.5:
                ok(await world.operator.patch(f"missions/{mission.id}", {"name": f"Mission {number}-{turn}"}))
            else:
                body = mission.entry(worked_on=f"2023-07-{1 + turn:02}", days=0.25)
                response = await world.consultant.post("time-entries", body)
                assert response.status_code in (201, 409), response.text

    async def read(reader: Reader) -> None:
        while running.is_set():
            await reader.poll()
        await caught_up(world, reader)

    readers = [
        Reader(world.lead, limit=7),
        Reader(world.operator, limit=500),
        Reader(world.operator, query=f"&territory={world.territory}", limit=3),
    ]
    reading = [asyncio.create_task(read(reader)) for reader in readers]
    await asyncio.gather(*(by_sql() for _ in range(4)), *(by_http(number) for number in range(4)))
    running.clear()
    await asyncio.gather(*reading)

    rows = await world.pool.fetch(SEQUENCES, world.territory)
    place = {str(row["id"]): row["sequence"] for row in rows}
    assert len(rows) > 100
    for reader in readers:
        assert len(set(reader.ids)) == len(reader.ids)
        mine = [event for event in reader.seen if event["territory"] == world.territory]
        assert [event["id"] for event in mine] == [str(row["id"]) for row in rows]
        assert sorted(place[event["id"]] for event in mine) == [place[event["id"]] for event in mine]
        for mission in missions:
            versions = [e["resource"]["version"] for e in mine if e["resource"]["id"] == mission.id]
            assert versions == sorted(set(versions))


async def test_an_open_transaction_holds_the_feed_back_until_it_ends(world: World) -> None:
    reader = Reader(world.lead)
    await caught_up(world, reader)
    async with world.pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(APPEND, world.territory, "slow", 1)
        await world.pool.execute(APPEND, world.territory, "quick", 1)
        for _ in range(10):
            assert not any(event["type"] == "probe.made" for event in await reader.poll())
        await transaction.commit()
    seen = await caught_up(world, reader)
    assert [e["resource"]["id"] for e in seen if e["type"] == "probe.made"] == ["slow", "quick"]


async def test_a_rolled_back_event_leaves_a_hole_and_is_never_shown(world: World) -> None:
    reader = Reader(world.lead)
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(APPEND, world.territory, "undone", 1)
        await transaction.rollback()
    await world.pool.execute(APPEND, world.territory, "done", 1)
    seen = await caught_up(world, reader)
    assert [e["resource"]["id"] for e in seen if e["type"] == "probe.made"] == ["done"]


async def test_a_transaction_that_only_reads_holds_nothing_back(world: World) -> None:
    reader = Reader(world.lead)
    async with (
        world.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.fetchval("SELECT count(*) FROM events")
        await world.pool.execute(APPEND, world.territory, "seen", 1)
        seen = await caught_up(world, reader)
    assert seen[-1]["resource"]["id"] == "seen"


async def test_a_fresh_horizon_under_an_open_writing_transaction_shows_nothing_beyond_it(
    world: World, app: Any
) -> None:
    engine = app.state["engine"]
    horizon = Horizon()
    async with world.pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        held = await slow.fetchval(APPEND, world.territory, "held", 1)
        beyond = await world.pool.fetchval(APPEND, world.territory, "beyond", 1)
        assert held < beyond
        for _ in range(10):
            assert await horizon.advance(engine) < held
        await transaction.commit()
    async with asyncio.timeout(30):
        while await horizon.advance(engine) < beyond:
            pass


async def test_a_horizon_taken_before_the_number_was_drawn_waits_as_well(world: World, app: Any) -> None:
    """A transaction that has its id but not yet its number when the sample is taken."""
    engine = app.state["engine"]
    horizon = Horizon()
    async with world.pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute("SELECT pg_current_xact_id()")
        before = await world.pool.fetchval(APPEND, world.territory, "before", 1)
        reached = await horizon.advance(engine)
        held = await slow.fetchval(APPEND, world.territory, "late", 1)
        await world.pool.execute(APPEND, world.territory, "after", 1)
        for _ in range(10):
            reached = max(reached, await horizon.advance(engine))
        assert reached < before < held
        await transaction.commit()
    async with asyncio.timeout(30):
        while await horizon.advance(engine) < held:
            pass


async def test_the_horizon_never_goes_back(world: World, app: Any) -> None:
    horizon, engine = Horizon(), app.state["engine"]

    async def look() -> list[int]:
        return [await horizon.advance(engine) for _ in range(20)]

    async def write() -> None:
        for number in range(20):
            await world.pool.execute(APPEND, world.territory, str(number), 1)

    first, second, _ = await asyncio.gather(look(), look(), write())
    assert first == sorted(first)
    assert second == sorted(second)


async def test_the_metrics_tell_how_far_the_feed_is_behind_although_nobody_reads_it(
    world: World, app: Any, http: httpx2.AsyncClient
) -> None:
    horizon, engine = Horizon(), app.state["engine"]

    async def age() -> float:
        await horizon.look(engine)
        told = re.search(r"^rebond_feed_horizon_age_seconds (\S+)$", generate_latest().decode(), re.MULTILINE)
        assert told is not None
        return float(told[1])

    async with asyncio.timeout(60), world.pool.acquire() as slow:
        async with slow.transaction():
            await slow.fetchval(APPEND, world.territory, "held", 1)
            while (behind := await age()) < 0.3:
                pass
        while await age() >= behind:
            pass


# --- cursors and filters ---------------------------------------------------------------------------------------------


async def told(world: World) -> dict[str, Any]:
    """A short story in the territory: a mission, an entry, its validation."""
    mission = await world.mission(days=10)
    entry: dict[str, Any] = ok(await world.consultant.post("time-entries", mission.entry()), 201)
    ok(await world.lead_judge.post(f"time-entries/{entry['id']}/validate"))
    return entry


async def test_a_cursor_is_good_for_its_caller_and_its_filters_alone(world: World) -> None:
    await told(world)
    page = ok(await world.lead.get("/v1/events?limit=2&type=mission.updated"))
    cursor = page["next_cursor"]
    ok(await world.lead.get(f"/v1/events?limit=5&type=mission.updated&after={cursor}"))
    other_secret = ("A" if cursor[0] != "A" else "B") + cursor[1:]
    listed = ok(await world.lead.get("missions?limit=1"))["next_cursor"] or "AAAA"
    for client, query in (
        (world.lead_judge, f"type=mission.updated&after={cursor}"),
        (world.operator, f"type=mission.updated&after={cursor}"),
        (world.lead, f"after={cursor}"),
        (world.lead, f"type=mission.created&after={cursor}"),
        (world.lead, f"type=mission.updated&territory={world.territory}&after={cursor}"),
        (world.lead, f"type=mission.updated&after={other_secret}"),
        (world.lead, f"type=mission.updated&after={listed}"),
        (world.lead, "type=mission.updated&after=1"),
        (world.lead, "type=mission.updated&after=caf%C3%A9"),
        (world.lead, "type=mission.updated&after=%21%21"),
    ):
        problem(await client.get(f"/v1/events?{query}"), 422, "invalid-cursor")


async def test_filters_select_and_keep_the_order(world: World) -> None:
    entry = await told(world)
    everything = [each for each in await caught_up(world, Reader(world.lead)) if each["territory"] is not None]
    validated = next(event for event in everything if event["type"] == "time_entry.validated")
    judge = str(world.subjects["lead_judge"])
    later = everything[len(everything) // 2]["occurred_at"]

    cases: dict[str, Callable[[dict[str, Any]], bool]] = {
        "type=time_entry.created&type=time_entry.validated": lambda e: e["type"].startswith("time_entry."),
        "resource_type=order": lambda e: e["resource"]["type"] == "order",
        f"resource_id={entry['id']}": lambda e: e["resource"]["id"] == entry["id"],
        f"actor={judge}": lambda e: e["actor"]["id"] == judge,
        f"occurred_from={later}": lambda e: e["occurred_at"] >= later,
        f"territory={world.territory}&resource_type=mission": lambda e: e["resource"]["type"] == "mission",
        f"resource_type=time_entry&actor={judge}": lambda e: e["id"] == validated["id"],
        "type=nothing.happened": lambda _: False,
    }
    for query, wanted in cases.items():
        for client in (world.lead, world.operator):
            national = "" if client is world.lead or "territory=" in query else f"&territory={world.territory}"
            found = ok(await client.get(f"/v1/events?limit=500&{query}{national}"))["items"]
            found = [event for event in found if event["territory"] is not None]
            assert found == [event for event in everything if wanted(event)], query
    assert validated["actor"] == {"id": judge, "kind": "person", "organisation_id": str(world.organisations["lead"])}
    assert validated["resource"] == {"type": "time_entry", "id": entry["id"], "version": 2}
    assert validated["data"]["status"] == "validated"


async def test_the_data_of_an_event_is_the_object_as_it_was_answered_without_personal_fields(world: World) -> None:
    entry = await told(world)
    reader = Reader(world.lead)
    seen = [e for e in await caught_up(world, reader) if e["resource"]["id"] == entry["id"]]
    assert [event["type"] for event in seen] == ["time_entry.created", "time_entry.validated"]
    people = {"consultant_name", "entered_by_name", "validated_by_name", "certified_by_name",
              "certification_refused_by_name"}  # fmt: skip
    expected = {name: value for name, value in entry.items() if name not in people}
    assert seen[0]["data"] == expected


async def test_who_meets_for_an_hour_gets_no_feed(world: World) -> None:
    problem(await world.committee.get("/v1/events"), 404, "not-found")


async def test_a_consultant_reads_the_feed_of_its_mission_of_days_those_of_its_firm_alone(world: World) -> None:
    mission = await world.mission(days=10)
    own = ok(await world.consultant.post("time-entries", mission.entry()), 201)["id"]
    lead = ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)["id"]
    last = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-05")), 201)["id"]
    reader = Reader(world.consultant)
    await reader.until(lambda r: last in {event["resource"]["id"] for event in r.seen})
    told = {event["resource"]["id"] for event in reader.seen}
    assert {mission.id, own} <= told
    assert lead not in told


async def test_without_a_key_there_is_no_feed(http: httpx2.AsyncClient) -> None:
    problem(await http.get("/v1/events"), 401, "credentials-missing")


async def test_a_territory_sees_its_own_events_and_of_national_ones_what_it_reads(world: World, other: World) -> None:
    await told(world)
    await told(other)
    ok(await world.admin.post("/v1/organisations", {"name": f"National {world.territory}"}), 201)
    for name in ("lead", "funder", "treasurer", "territory"):
        reader = Reader(world.clients[name])
        seen = [event for event in await caught_up(world, reader) if event["resource"]["type"] not in EVERYBODYS]
        assert {event["territory"] for event in seen} == {world.territory}
        assert ok(await world.clients[name].get(f"/v1/events?territory={other.territory}"))["items"] == []
        both = ok(await world.clients[name].get(f"/v1/events?territory={other.territory}&territory={world.territory}"))
        assert both["items"] == seen[:50]
    made = "SELECT id FROM events WHERE type = 'organisation.created' AND data->>'name' = $1"
    national = str(await world.pool.fetchval(made, f"National {world.territory}"))
    for name in ("operator", "programme", "auditor", "admin"):
        reader = Reader(world.clients[name], "&type=organisation.created", limit=500)
        await reader.until(lambda r: national in r.ids)


async def test_no_event_tells_a_name_or_an_address_of_a_person_nor_a_key(world: World) -> None:
    """Told through every route that touches a person; looked for in every event there is."""
    word = world.territory.removeprefix("t-")
    organisation = ok(await world.admin.post("/v1/organisations", {"name": "House"}), 201)
    persons = f"/v1/organisations/{organisation['id']}/persons"
    secret = f"Human{word}"
    person = ok(await world.admin.post(persons, {"name": secret, "email": f"{secret}@example.test"}), 201)
    ok(await world.admin.patch(f"{persons}/{person['id']}", {"name": f"{secret} Second"}))
    held = {"subject_id": person["id"], "role": "consultant", "territory": world.territory}
    member = ok(await world.admin.post("/v1/members", {**held, "from_on": "2020-01-01"}), 201)
    ok(await world.admin.patch(f"/v1/members/{member['id']}", {"to_on": "2030-01-01"}))
    keys = [await world.issue(person["id"])]
    holder = Client(world.http, keys[0]["key"], "")
    keys.append(ok(await holder.post(f"/v1/me/keys/{keys[0]['id']}/rotate", {"overlap_hours": 1}), 201))
    ok(await world.admin.post(f"/v1/api-keys/{keys[1]['id']}/revoke"))
    mission = ok(await world.operator.post("missions", {"name": "Mission"}), 201)
    order = {"kind": "initial", "reference": "BC", "signed_on": "2023-06-01", "days": 5, "starts_on": "2023-06-14"}
    ok(await world.operator.post(f"missions/{mission['id']}/orders", {**order, "ends_on": "2023-09-30"}), 201)
    allotment = {"organisation_id": organisation["id"], "role": "lead", "days_allotted": 5}
    ok(await world.operator.post(f"missions/{mission['id']}/members", allotment), 201)
    assignment = {"person_id": person["id"], "mission_id": mission["id"], "from_on": "2023-01-01"}
    consultant = ok(await world.operator.post("consultants", assignment), 201)
    ok(await world.operator.patch(f"consultants/{consultant['id']}", {"profile": "senior"}))
    key = await world.issue(person["id"], name="phone")
    himself = Client(world.http, key["key"], f"/v1/territories/{world.territory}")
    body = {"mission_id": mission["id"], "consultant_id": consultant["id"], "worked_on": "2023-07-04", "days": 0.25}
    entry = ok(await himself.post("time-entries", {**body, "activity": "audition"}), 201)
    assert entry["consultant_name"] == f"{secret} Second"
    ok(await himself.post("time-entries/batch", {"items": [{**body, "activity": "audition"}]}), 201)
    ok(await himself.patch(f"time-entries/{entry['id']}", {"note": "Changed"}))
    ok(await himself.post(f"time-entries/{entry['id']}/recall"))
    ok(await himself.delete(f"time-entries/{entry['id']}"))

    rows = await world.pool.fetch("SELECT type, resource_type, events::text AS whole, data::text AS data FROM events")
    mine = [row for row in rows if person["id"] in row["whole"] or world.territory in row["whole"]]
    assert {"person.created", "person.updated", "member.created", "api_key.created", "consultant.created"} <= {
        row["type"] for row in mine
    }
    for row in rows:
        assert secret.lower() not in row["whole"].lower(), row["type"]
        for made in (*keys, key):
            assert made["key"] not in row["whole"], row["type"]
        said = set(json.loads(row["data"]))
        assert not said & {"email", "consultant_name", "person_name", "subject_name", "key", "digest"}, row["type"]
        if row["resource_type"] == "person":
            assert "name" not in said
    kept = await world.pool.fetchval("SELECT string_agg(body, ' ') FROM idempotency_keys") or ""
    assert not any(made["key"] in kept for made in (*keys, key))


async def test_a_stored_answer_never_holds_a_key(world: World) -> None:
    body = {"subject_id": str(world.subjects["lead"]), "name": "laptop"}
    headers = {"Idempotency-Key": f"key-{world.territory}"}
    made = ok(await world.admin.post("/v1/api-keys", body, headers=headers), 201)
    again = await world.admin.post("/v1/api-keys", body, headers=headers)
    assert ok(again, 201) == {**made, "code": None}
    assert made["code"].startswith("rbc_")
    stored = "SELECT body FROM idempotency_keys WHERE subject_id = $1"
    assert made["code"] not in await world.pool.fetchval(stored, world.subjects["admin"])


# --- what never changes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE events SET data = '{}' WHERE territory = $1",
        "UPDATE events SET type = 'x' WHERE false AND territory = $1",
        "DELETE FROM events WHERE territory = $1",
        "DELETE FROM events WHERE false AND territory = $1",
        "TRUNCATE events",
        "INSERT INTO events SELECT * FROM events WHERE territory = $1 ON CONFLICT (sequence) DO UPDATE SET data = '{}'",
    ],
)
async def test_an_event_is_never_changed_or_deleted(world: World, attack: str) -> None:
    await told(world)
    before = await stored(world)
    arguments = (world.territory,) if "$1" in attack else ()
    with pytest.raises(asyncpg.RestrictViolationError) as refused:
        await world.pool.execute(attack, *arguments)
    assert refused.value.constraint_name == "events_append_only"
    assert await stored(world) == before


async def test_a_number_is_drawn_once(world: World) -> None:
    await world.pool.execute(APPEND, world.territory, "first", 1)
    with pytest.raises(asyncpg.UniqueViolationError):
        await world.pool.execute("INSERT INTO events SELECT * FROM events WHERE territory = $1", world.territory)


async def test_events_about_money_are_for_those_who_read_the_envelope(world: World) -> None:
    office = str(world.organisations["office"])
    body = {"organisation_id": office, "amount_cents": 100, "decided_on": "2023-06-14", "reference": "R"}
    ok(await world.programme.post("envelope/contributions", body, headers={"Idempotency-Key": "k"}), 201)

    async def types(client: Client) -> set[str]:
        found: set[str] = set()
        after = ""
        while True:
            page = ok(await client.get(f"/v1/events?territory={world.territory}&limit=500{after}"))
            if not page["items"] and "contribution.created" in await recorded():
                return found
            found |= {event["type"] for event in page["items"]}
            after = f"&after={page['next_cursor']}"

    async def recorded() -> set[str]:
        rows = await world.pool.fetch("SELECT type FROM events WHERE territory = $1", world.territory)
        return {row["type"] for row in rows}

    await world.add_firm()
    for _ in range(200):
        if "contribution.created" in await types(world.funder):
            break
        await asyncio.sleep(0.05)  # the feed shows an event once no transaction from before is open
    else:
        raise AssertionError("the funder never sees the contribution")
    assert "contribution.created" not in await types(world.lead)


async def test_a_national_funder_sees_no_event_about_members(world: World) -> None:
    async with world.pool.acquire() as connection:
        funder = await world.add_subject(connection, "national_funder", "office", None)
        await connection.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'funder', NULL, '2020-01-01', now(), now(), now())",
            world.subjects["national_funder"],
        )
    made = ok(await world.admin.post("/v1/organisations", {"name": f"Body of {world.territory}"}), 201)
    seen = await world.shown(world.admin, f"resource_id={made['id']}")
    assert [event["type"] for event in seen] == ["organisation.created"]
    assert ok(await funder.get(f"/v1/events?resource_id={made['id']}"))["items"] == []
