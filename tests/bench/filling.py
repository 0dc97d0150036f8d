"""A filled database: territories through the API, entries by the hundred thousand in SQL, all of it in balance."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import asyncpg
import httpx2

from app.main import create_app
from app.settings import Settings
from tests.bench.bare import ENTRIES
from tests.world import World, ok

TERRITORIES = 100
FIRMS = 5  # that each territory follows
EXPORTED = 100_000  # entries of the one more territory whose list is exported
HOT = 60  # consultants of the hot mission: each takes four quarters on each of DAYS days
DAYS = 1_000
TODAY = date.today()
FIRST = TODAY - timedelta(days=DAYS + 50)


@dataclass(frozen=True)
class Setting:
    """Who asks for what: keys, addresses, and the bodies' ids."""

    territories: list[str]
    exported: str
    hot: str
    mission: str
    consultants: list[str]
    firm: str
    reader: str
    consultant: str
    consultant_id: str
    consultant_organisation: str
    funder: str
    funder_id: str
    funder_organisation: str


@asynccontextmanager
async def serving(url: str) -> AsyncIterator[Any]:
    """The application in this process."""
    settings = Settings(_env_file=None, database_url=url, log_level="error")
    application = create_app(settings)
    async with application.router.lifespan_context(application) as state:

        async def served(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = dict(state or {})
            await application(scope, receive, send)

        yield served


@asynccontextmanager
async def client(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application in this process."""
    async with serving(url) as served:
        transport = httpx2.ASGITransport(app=served)
        async with httpx2.AsyncClient(transport=transport, base_url="http://bench") as http:
            yield http


async def settle(url: str, plain: str) -> Setting:
    """Territories with a mission each, an envelope, and people with keys; no entry yet."""
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=10) as pool:
        firms = [await (await World.create(http, pool)).add_firm(f"Mécanique {n}") for n in range(FIRMS)]

        async def found() -> tuple[World, str]:
            world = await World.create(http, pool)
            for siren in firms:
                ok(await world.clients["territory"].put(f"firms/{siren}", {"stage": "identified"}))
            window = {"starts_on": FIRST.isoformat(), "ends_on": (TODAY + timedelta(days=30)).isoformat()}
            mission = await world.mission(days=99_000, lead=0, partner=99_000, **window)  # type: ignore[arg-type]  # two days
            return world, mission.id

        worlds = []
        for _ in range((TERRITORIES + 2) // 6):
            worlds += await asyncio.gather(*(found() for _ in range(6)))
        (hot, mission), (exported, _), *_ = worlds
        await pool.execute(PEOPLE, 10, FIRST, None)
        await pool.execute(PEOPLE, EXPORTED // DAYS - 10, FIRST, exported.territory)
        await pool.execute(PEOPLE, HOT, FIRST, hot.territory)
        body = {"organisation_id": str(hot.organisations["office"]), "amount_cents": 10**12,
                "decided_on": FIRST.isoformat(), "reference": "bench", "repayment_policy": "return"}  # fmt: skip
        headers = {"Idempotency-Key": "bench"}
        ok(await hot.programme.post("envelope/contributions", body, headers=headers), 201)
        consultants = await pool.fetch(
            "SELECT c.id::text FROM consultants c JOIN subjects s ON s.id = c.person_id"
            " WHERE c.territory = $1 AND s.name LIKE 'Bench %' ORDER BY c.id", hot.territory
        )  # fmt: skip
        return Setting(
            territories=[world.territory for world, _ in worlds[2:]],
            exported=exported.territory,
            hot=hot.territory,
            mission=mission,
            consultants=[row[0] for row in consultants],
            firm=firms[0],
            reader=hot.operator.key,
            consultant=hot.consultant.key,
            consultant_id=str(hot.subjects["consultant"]),
            consultant_organisation=str(hot.organisations["partner"]),
            funder=hot.funder.key,
            funder_id=str(hot.subjects["funder"]),
            funder_organisation=str(hot.organisations["office"]),
        )


# $1 more people for each mission's partner, in all territories or in $3, assigned from $2 on.
PEOPLE = """
WITH partner AS (
    SELECT m.territory, m.id AS mission_id, p.organisation_id FROM missions m
    JOIN mission_members p ON p.mission_id = m.id AND p.role = 'partner' WHERE $3::text IN (m.territory) OR $3 IS NULL
), person AS (
    INSERT INTO subjects (kind, organisation_id, name, email, created_at, updated_at)
    SELECT 'person', organisation_id, 'Bench ' || n, uuidv7() || '@example.fr', now(), now()
    FROM partner, generate_series(1, $1::int) n
    RETURNING id, organisation_id
)
INSERT INTO consultants (territory, mission_id, organisation_id, person_id, from_on, until_on, created_at, updated_at)
SELECT territory, mission_id, organisation_id, person.id, $2::date, '2199-12-31', now(), now()
FROM partner JOIN person USING (organisation_id)"""

# Half a day each: $2 days of every consultant of the territories in $1, the firms in turn. By day, as time brings them,
# so that a territory's entries lie between those of all others.
ENTER = """
INSERT INTO time_entries (territory, organisation_id, person_id, assigned_from_on, assigned_until_on, mission_id,
    consultant_id, worked_on, counted_on, days, activity, firm_siren, note, status, entered_by, authors, validated_by,
    validated_at, created_at, updated_at)
SELECT c.territory, c.organisation_id, c.person_id, c.from_on, c.until_on, c.mission_id, c.id, c.from_on + d.n,
    c.from_on + d.n, 0.5, (ARRAY['audition', 'analysis', 'roadmap', 'committee'])[1 + d.n % 4],
    CASE WHEN d.n % 2 = 0 THEN ($3::text[])[1 + (d.n + c.k::int) % array_length($3, 1)] END,
    'Visite de l''atelier et entretien avec la direction, compte rendu à relire', 'validated', v.author,
    ARRAY[v.author], v.judge, now(), now(), now()
FROM generate_series(0, $2::int - 1) AS d (n)
CROSS JOIN (
    SELECT c.*, row_number() OVER (ORDER BY c.id) AS k FROM consultants c JOIN subjects s ON s.id = c.person_id
    WHERE c.territory = ANY ($1::text[]) AND s.name LIKE 'Bench %') c
JOIN (
    SELECT territory, max(subject_id::text) FILTER (WHERE role = 'consultant')::uuid AS author,
        max(subject_id::text) FILTER (WHERE role = 'lead')::uuid AS judge FROM members GROUP BY territory
) v ON v.territory = c.territory
ORDER BY d.n, c.k"""

BALANCE = (
    """INSERT INTO person_days (person_id, worked_on, days)
    SELECT person_id, worked_on, sum(days) FROM time_entries GROUP BY 1, 2""",
    """UPDATE member_days d SET days_entered = e.days FROM (
        SELECT mission_id, organisation_id, sum(days) AS days FROM time_entries GROUP BY 1, 2
    ) e WHERE (d.mission_id, d.organisation_id) = (e.mission_id, e.organisation_id)""",
    "SET session_replication_role = origin",  # a trigger counts the steps of a mission
    """UPDATE mission_days d SET days_entered = e.days, steps = d.steps FROM (
        SELECT mission_id, sum(days) AS days FROM time_entries GROUP BY 1
    ) e WHERE d.mission_id = e.mission_id""",
    "SET session_replication_role = replica",
    f"""INSERT INTO events (type, occurred_at, territory, actor_id, actor_kind, actor_organisation_id, request_id,
        resource_type, resource_id, resource_version, data)
    SELECT 'time_entry.created', now(), p.territory, p.entered_by, 'person', p.organisation_id, 'bench', 'time_entry',
        p.id::text, p.version, row_to_json(p)::jsonb
    FROM ({ENTRIES}) p""",
)


async def fill(plain: str, setting: Setting, days: int, *, exported: bool) -> int:
    """Entries on so many days for each consultant, their events and their balances; how many there are.

    References hold by construction (each row is read from what it refers to), so they are not looked up again.
    """
    connection = await asyncpg.connect(plain, command_timeout=900)
    try:
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        firms = [row[0] for row in await connection.fetch("SELECT siren FROM firms ORDER BY siren")]
        await connection.execute(ENTER, setting.territories, days, firms)
        if exported:
            await connection.execute(ENTER, [setting.exported], DAYS, firms)
        for statement in BALANCE:
            await connection.execute(statement)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        count: int = await connection.fetchval("SELECT count(*) FROM time_entries")
        return count
    finally:
        await connection.close()


async def count_again(plain: str) -> None:
    """What autovacuum does within a minute: until then plans of tables that were empty read them whole."""
    connection = await asyncpg.connect(plain, command_timeout=900)
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def sample(plain: str, setting: Setting, count: int) -> list[tuple[str, str]]:
    """Entries anywhere in the database: territory and id."""
    connection = await asyncpg.connect(plain)
    try:
        rows = await connection.fetch(
            "SELECT territory, id::text FROM time_entries WHERE territory = ANY ($1) ORDER BY random() LIMIT $2",
            setting.territories,
            count,
        )
        return [tuple(row) for row in rows]
    finally:
        await connection.close()


def new_database(server: str, name: str, template: str = "template0") -> None:
    """A database of the scratch server, sorted as the service's own."""

    async def create() -> None:
        connection = await asyncpg.connect(server)
        try:
            locale = " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'" if template == "template0" else ""
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{locale}')
        finally:
            await connection.close()

    asyncio.run(create())


async def hurry(server: str) -> None:
    """Let the template be made without waiting for the disk; the setting does not pass to the databases made of it."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute("ALTER DATABASE bench SET synchronous_commit = off")
    finally:
        await connection.close()
