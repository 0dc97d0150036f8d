"""What stood before a rule stays, is counted and listed; what was written wrongly is mended."""

import asyncio
import hashlib
import logging
import lzma
import re
import subprocess
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from alembic import command

from app.access.gate import digest_of
from app.bundled import postgres
from app.commands import check
from app.core import migrations
from app.core.db import create_engine
from app.main import create_app
from app.settings import Settings
from tests.awards.claims.acts import Claims
from tests.committees.test_meetings import HELD, RECORD
from tests.conftest import plain
from tests.contract.cures import subject
from tests.contract.cures.decisions import closed_meeting
from tests.contract.document import document
from tests.projects.acts import filed, staff
from tests.roadmap.acts import AXES, DAYS, adopt, in_force
from tests.treasury.runs import Runs
from tests.world import Client, World, ok, problem

BEFORE = "2026_11_29_2306"  # the last revision without these rules


async def served(url: str, act: Callable[[httpx2.AsyncClient, Any], Awaitable[Any]]) -> Any:
    """Do `act` with a client of the application on this database."""
    own = Settings(_env_file=None, database_url=url, pool_size=5, log_level="error")
    application = create_app(own)
    async with application.router.lifespan_context(application) as state, asyncpg.create_pool(plain(url)) as pool:

        async def app(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = dict(state or {})
            await application(scope, receive, send)

        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://rebond.test") as http:
            return await act(http, pool)


async def connected(url: str, act: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do `act` in a transaction on this database."""
    connection = await asyncpg.connect(plain(url))
    try:
        async with connection.transaction():
            return await act(connection)
    finally:
        await connection.close()


async def planted(url: str, ids: dict[str, str]) -> None:
    """What yesterday's code took: days before their order, a correction of anything, the day of another reversal."""
    connection = await asyncpg.connect(plain(url))
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for statement, named in {
                "UPDATE orders SET signed_on = '2023-08-01' WHERE mission_id = $1": "mission",
                "UPDATE time_entries SET reversal_counted_on = '2023-10-01' WHERE id = $1": "reversed",
                f"UPDATE time_entries SET corrects_id = '{ids['reversed']}' WHERE id = $1": "counted",
            }.items():
                assert await connection.execute(statement, ids[named]) == "UPDATE 1"
    finally:
        await connection.close()


async def planted_duties(url: str, world: World) -> None:
    """What yesterday's code took: persons without an address, a decider's repayment."""
    connection = await asyncpg.connect(plain(url))
    try:
        await connection.execute("UPDATE subjects SET email = NULL WHERE id = $1", world.subjects["lead"])
        await connection.execute("UPDATE advance_repayments SET recorded_by = awarded_by")
    finally:
        await connection.close()


def test_duties_that_stood_before_stay_and_are_listed(new_database: Any, caplog: pytest.LogCaptureFixture) -> None:
    url = new_database("upgrades_duties")
    made: dict[str, Any] = {}

    async def live(http: httpx2.AsyncClient, pool: Any) -> None:
        world = made["world"] = await World.create(http, pool)
        made["ids"] = await world.money()
        members = [{"kind": "person", "name": "Chair", "chair": True, "attendance": "present"}]
        meeting = made["meeting"] = (await world.meeting(members=members, quorum=1))["id"]
        both = made["both"] = await subject(world, "territory", "committee")
        ok(await both.post(f"committees/{meeting}/hold", {"held_at": HELD}))
        ok(await both.patch(f"committees/{meeting}", RECORD))
        draft = made["draft"] = ok(await both.post("roadmap/versions", {**DAYS, "axes": AXES}), 201)["id"]
        ok(await world.clients["territory"].patch(f"roadmap/versions/{draft}", {"title": "Another"}))

    asyncio.run(served(url, live))
    world: World = made["world"]
    command.downgrade(migrations.config(url), "2026_11_29_2355")
    asyncio.run(planted_duties(url, world))
    logging.getLogger("rebond.migrations").addHandler(caplog.handler)
    migrations.upgrade(url)
    logging.getLogger("rebond.migrations").removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.name == "rebond.migrations"] == [
        "repayments recorded by who awarded the advance, which stay: 1",
        "persons without an e-mail address, who can neither validate, decide nor pay until it is given: 1",
    ]
    differ, earlier = asyncio.run(checked(url))
    assert differ == []
    assert sorted(f"{old.rule}, {old.key}: {old.found}" for old in earlier) == [
        f"a person without an e-mail address, {world.subjects['lead']}: lead of {world.territory}",
        f"a repayment recorded by the person who awarded the advance, {made['ids']['repayment']}: 100000",
    ]

    async def after(http: httpx2.AsyncClient, pool: Any) -> None:
        for client in (*world.clients.values(), made["both"]):
            client.http = http
        ok(await world.lead.get("engineering"))
        path = f"advances/{made['ids']['advance']}/repayments/{made['ids']['repayment']}"
        ok(await world.treasurer.post(f"{path}/reverse", {"reason": "Not the decider's."}, headers={"If-Match": "*"}))
        # Who wrote what is still open is known from the events.
        problem(await made["both"].post(f"committees/{made['meeting']}/close"), 403, "writer-closes")
        ok(await world.clients["committee"].post(f"committees/{made['meeting']}/close"))
        version, held_on = made["draft"], made["meeting"]
        problem(await adopt(made["both"], version, held_on), 403, "drafter-adopts")
        problem(await adopt(world.clients["territory"], version, held_on), 403, "drafter-adopts")
        ok(await adopt(world.clients["committee"], version, held_on))

    asyncio.run(served(url, after))
    assert asyncio.run(checked(url))[0] == []


async def checked(url: str) -> tuple[list[check.Difference], list[check.BeforeTheRule]]:
    engine = create_engine(url, pool_size=1)
    try:
        return (await check.differences(engine))[1], await check.before_the_rule(engine)
    finally:
        await engine.dispose()


def test_days_that_stood_before_the_calendar_stay_and_are_listed(
    new_database: Any, caplog: pytest.LogCaptureFixture
) -> None:
    url = new_database("upgrades")
    made: dict[str, Any] = {}

    async def live(http: httpx2.AsyncClient, pool: Any) -> None:
        world = made["world"] = await World.create(http, pool)
        mission = made["mission"] = await world.mission(days=10, lead=0, partner=10)
        for name, day, days in (("reversed", "2023-06-20", 0.5), ("counted", "2023-07-04", 1)):
            body = mission.entry(worked_on=day, days=days)
            made[name] = ok(await world.consultant.post("time-entries", body), 201)["id"]
        ok(await world.consultant.post(f"time-entries/{made['reversed']}/reverse", {"reason": "Wrong."}))

    asyncio.run(served(url, live))
    mission, entry = made["mission"], {name: made[name] for name in ("reversed", "counted")}
    command.downgrade(migrations.config(url), BEFORE)
    asyncio.run(planted(url, {**entry, "mission": mission.id}))
    logging.getLogger("rebond.migrations").addHandler(caplog.handler)  # an application has taken the root's away
    migrations.upgrade(url)
    logging.getLogger("rebond.migrations").removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.name == "rebond.migrations"] == [
        "reversals given back the day of their entry: 1",
        "missions with days beyond the orders signed by then, which keep them: 1",
        "corrections beyond what they correct, which stay: 1",
    ]
    differ, earlier = asyncio.run(checked(url))
    assert differ == []
    assert sorted(f"{old.rule}, {old.key}: {old.found}" for old in earlier) == [
        f"days counted before the orders that cover them were signed, {mission.id} 2023-08-01: 1.00",
        f"days of a correction of another person, mission or month, {mission.id} {entry['counted']}: 1.00",
        f"days of corrections beyond those of the entry that they correct, {mission.id} {entry['reversed']}: 0.50",
    ]

    async def after(http: httpx2.AsyncClient, pool: Any) -> None:
        world: World = made["world"]
        world.pool = pool
        for client in world.clients.values():
            client.http = http
        mended = ok(await world.consultant.get(f"time-entries/{entry['reversed']}"))
        assert (mended["reversal_counted_on"], mended["version"]) == (mended["counted_on"], 3)
        told = await pool.fetchrow(
            "SELECT type, resource_version, data ->> 'reversal_counted_on' AS day FROM events WHERE resource_id = $1"
            " ORDER BY sequence DESC LIMIT 1",
            entry["reversed"],
        )
        assert tuple(told) == ("time_entry.updated", 3, "2023-06-20")
        earlier_day = mission.entry(worked_on="2023-07-05", days=0.25)
        refused = problem(await world.consultant.post("time-entries", earlier_day), 409, "days-not-yet-ordered")
        assert refused["available_from"] == "2023-08-01"
        ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-08-01", days=0.25)), 201)
        more = mission.entry(worked_on="2023-06-21", days=0.25, corrects_id=entry["reversed"])
        problem(await world.consultant.post("time-entries", more), 409, "correction-exceeded")
        ok(await world.lead_judge.post(f"time-entries/{entry['counted']}/validate"))
        ok(await world.lead_judge.post(f"time-entries/{entry['counted']}/reverse", {"reason": "Wrong."}))

    asyncio.run(served(url, after))
    assert asyncio.run(checked(url))[0] == []


def test_what_certificates_left_out_before_says_so(new_database: Any) -> None:
    """The latest refusal of an entry that is still validated; one that a later certificate contains says nothing."""
    url = new_database("upgrades_refusals")
    made: dict[str, Any] = {}

    async def live(http: httpx2.AsyncClient, pool: Any) -> None:
        world = await World.create(http, pool)
        mission = await world.mission()
        for day in ("2023-07-03", "2023-07-04", "2023-07-05"):
            made[day] = ok(await world.consultant.post("time-entries", mission.entry(worked_on=day)), 201)["id"]
            ok(await world.lead.post(f"time-entries/{made[day]}/validate"))
        left_out, taken = made["2023-07-03"], made["2023-07-04"]
        first = [{"entry_id": one, "reason": "First."} for one in (left_out, taken)]
        await world.certify(mission, refusals=first)
        last = await world.certify(mission, refusals=[{"entry_id": left_out, "reason": "Second."}])
        made["certificate"], made["earlier"] = last["id"], last["earlier_refusals"]

    asyncio.run(served(url, live))
    command.downgrade(migrations.config(url), "2026_11_30_0700")
    migrations.upgrade(url)

    async def after(_http: httpx2.AsyncClient, pool: Any) -> None:
        rows = await pool.fetch("SELECT id, certification_refused_reason AS said FROM time_entries")
        said = {str(row["id"]): row["said"] for row in rows}
        assert [said[made[day]] for day in ("2023-07-03", "2023-07-04", "2023-07-05")] == ["Second.", None, None]
        earlier = await pool.fetch("SELECT certificate_id, entry_id, reason FROM service_certificate_earlier_refusals")
        assert [tuple(map(str, row)) for row in earlier] == [(made["certificate"], made["2023-07-04"], "First.")]
        assert [one["entry_id"] for one in made["earlier"]] == [made["2023-07-04"]], "as it was said at the time"

    asyncio.run(served(url, after))
    assert asyncio.run(checked(url))[0] == []


def test_awards_and_stages_that_nothing_supports_stay_and_are_listed(
    new_database: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Awards without a project since the first event, a stage that was typed, a balance that closed nothing."""
    url = new_database("links")
    made: dict[str, Any] = {}

    async def live(http: httpx2.AsyncClient, pool: Any) -> None:
        world = made["world"] = await World.create(http, pool)
        made["money"] = await world.money()
        made["project"] = (await filed(world))["id"]
        made["met"] = await world.followed_firm()

    asyncio.run(served(url, live))
    world, money, project = made["world"], made["money"], made["project"]

    passed = (
        "INSERT INTO project_stages (project_id, number, territory, stage, effective_on, previous_number,"
        " previous_stage, previous_on, recorded_at)"
        " SELECT id, {}, territory, '{}', stage_since_on, {}, '{}', stage_since_on, now() FROM projects WHERE id = $1"
    )

    async def plant() -> None:
        connection = await asyncpg.connect(plain(url))
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = replica")
                for statement, key in {
                    "UPDATE events SET occurred_at = '2023-06-14' WHERE territory = $1": world.territory,
                    passed.format(4, "selected", 3, "filed"): project,
                    passed.format(5, "contracted", 4, "selected"): project,
                    "UPDATE projects SET stage = 'contracted', stage_number = 5 WHERE id = $1": project,
                    "UPDATE grant_payments SET kind = 'balance_payment' WHERE id = $1": money["payment"],
                    "UPDATE firm_stage_changes SET stage = 'interviewed' WHERE siren = $1": made["met"],
                    "UPDATE territory_firms SET stage = 'interviewed' WHERE siren = $1": made["met"],
                }.items():
                    await connection.execute(statement, key)
        finally:
            await connection.close()

    command.downgrade(migrations.config(url), "2026_11_29_2355")
    asyncio.run(plant())
    logging.getLogger("rebond.migrations").addHandler(caplog.handler)
    migrations.upgrade(url)
    logging.getLogger("rebond.migrations").removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.name == "rebond.migrations"] == [
        "grants that name no project, which stay: 1",
        "advances that name no project, which stay: 1",
        "projects of the programme at a stage that no award supports, which stay: 1",
    ]
    differ, earlier = asyncio.run(checked(url))
    assert differ == []
    assert sorted(f"{old.rule}, {old.key.partition(' ')[2]}: {old.found}" for old in earlier) == sorted([
        f"cents left of a grant after its balance, {money['grant']}: 5000000",
        f"cents of an award that names no project, {money['advance']}: 6000000",
        f"cents of an award that names no project, {money['grant']}: 6000000",
        f"stage of a project of the programme without an award, {project}: contracted",
    ])  # fmt: skip

    async def after(http: httpx2.AsyncClient, pool: Any) -> None:
        for client in world.clients.values():
            client.http = http
        assert ok(await world.auditor.get(""))["served_since_on"] == "2023-06-14"
        assert ok(await world.auditor.get("firms/funnel"))["firms_interviewed"] >= 1
        headers = {"Idempotency-Key": "after"}
        body = {"amount_cents": 1, "paid_on": "2023-12-01", "kind": "interim_payment", "reference": "AFTER"}
        ok(await world.treasurer.post(f"grants/{money['grant']}/payments", body, headers=headers), 201)
        path = f"projects/{project}/stages"
        problem(await staff(world).post(path, {"stage": "completed"}), 409, "award-missing")
        ok(await staff(world).post(path, {"stage": "filed", "reason": "No award stands."}))

    asyncio.run(served(url, after))
    assert asyncio.run(checked(url))[0] == []


def test_settings_of_missions_are_filled_from_their_events(new_database: Any) -> None:
    url = new_database("settings")
    made: dict[str, str] = {}

    async def live(http: httpx2.AsyncClient, pool: Any) -> None:
        world = await World.create(http, pool)
        for name in ("told", "silent"):
            mission = made[name] = (await world.mission(days=10, name="First")).id
            ok(await world.operator.patch(f"missions/{mission}", {"name": "Second", "late_entry_grace_days": 9}))

    async def days(connection: Any) -> None:
        """The change is of a day long past, the first event is of a release that said less; of one nothing is told."""
        await connection.execute("SET LOCAL session_replication_role = replica")
        changed = "UPDATE events SET occurred_at = $2 WHERE resource_id = $1 AND data ->> 'name' = 'Second'"
        await connection.execute(changed, made["told"], datetime.fromisoformat("2023-07-10T00:30:00+02:00"))
        fewer = "UPDATE events SET data = data - 'step' - 'external_id' WHERE resource_id = $1"
        await connection.execute(fewer, made["told"])
        await connection.execute("DELETE FROM events WHERE resource_id = $1", made["silent"])

    async def rows(connection: Any) -> dict[str, list[tuple[Any, ...]]]:
        asked = """
            SELECT from_on::text, name, late_entry_grace_days, step::text FROM mission_settings
            WHERE mission_id = $1 ORDER BY from_on, id"""
        return {name: [tuple(row) for row in await connection.fetch(asked, made[name])] for name in made}

    asyncio.run(served(url, live))
    command.downgrade(migrations.config(url), "2026_11_30_0100")
    asyncio.run(connected(url, days))
    migrations.upgrade(url)
    assert asyncio.run(connected(url, rows)) == {
        "told": [("1900-01-01", "First", None, "0.25"), ("2023-07-10", "Second", 9, "0.25")],
        "silent": [("1900-01-01", "Second", 9, "0.25")],
    }
    assert asyncio.run(checked(url))[0] == []


def test_invoices_that_stood_before_count_as_they_did(new_database: Any) -> None:
    """Each line was a whole invoice; one that returns is its earlier line's, and what has fallen is free."""
    url = new_database("invoices")
    lived: list[Any] = []

    async def live(http: httpx2.AsyncClient, pool: Any) -> None:
        claims = await Claims.of(await World.create(http, pool))
        line, fallen = claims.line(900), claims.line(500, supplier_siren=None, supplier_name="Dupont")
        made = [await claims.submitted(line), await claims.submitted(fallen)]
        ok(await claims.settle(made[0], {"certified_cents": 300, "parked_cents": 600}))
        ok(await claims.settle(made[1], {"certified_cents": 0, "no_proof_cents": 500}))
        back = await claims.submitted({**line, "amount_excl_vat_cents": 600})
        ok(await claims.settle(back, {"certified_cents": 400, "parked_cents": 200}))
        lived.extend((claims, line, fallen))

    async def after(http: httpx2.AsyncClient, pool: Any) -> None:
        claims, line, fallen = lived
        for client in claims.world.clients.values():
            client.http = http
        rows = await pool.fetch("SELECT amount_cents, declared_cents FROM declared_invoices ORDER BY amount_cents")
        assert [tuple(row) for row in rows] == [(500, 0), (900, 900)]
        assert await pool.fetchval("SELECT count(DISTINCT invoice_id) = 2 AND count(invoice_id) = 3 FROM claim_lines")
        problem(await claims.submit({**line, "amount_excl_vat_cents": 201}), 409, "above-parked")
        ok(await claims.submit({**line, "amount_excl_vat_cents": 200}), 201)
        ok(await claims.submit(fallen), 201)
        note = claims.line(-800, lowers_invoice_number=line["invoice_number"])
        credited = ok(await claims.submit(note), 201)
        problem(await claims.settle(credited), 409, "credit-above-invoice")  # 700 of it are certified

    asyncio.run(served(url, live))
    command.downgrade(migrations.config(url), "2026_11_30_2123")
    migrations.upgrade(url)
    asyncio.run(served(url, after))
    assert asyncio.run(checked(url))[0] == []


def test_roadmaps_and_records_of_before_have_their_hashes(new_database: Any) -> None:
    """They are those that the adoption and the closing give now: nothing in the texts has changed."""
    url = new_database("seals")
    seals = (
        "SELECT content_hash FROM roadmap_versions WHERE status <> 'draft'"
        " UNION ALL SELECT record_hash FROM committees WHERE status = 'closed' ORDER BY 1"
    )
    made: list[list[str]] = []

    async def live(http: httpx2.AsyncClient, pool: Any) -> None:
        world = await World.create(http, pool)
        await in_force(world)
        await in_force(world, "2024-10-03T12:00:00Z")
        await closed_meeting(world)
        made.append([row[0] for row in await pool.fetch(seals)])

    async def after(_http: httpx2.AsyncClient, pool: Any) -> None:
        made.append([row[0] for row in await pool.fetch(seals)])

    asyncio.run(served(url, live))
    command.downgrade(migrations.config(url), "2026_11_30_2143")
    migrations.upgrade(url)
    asyncio.run(served(url, after))
    assert made[0] == made[1]
    assert len(set(made[0])) == 3
    assert asyncio.run(checked(url))[0] == []


def test_roles_and_keys_of_before_stay_and_end(new_database: Any) -> None:
    url = new_database("approvals")
    command.downgrade(migrations.config(url), "2026_11_30_2320")

    async def before(connection: Any) -> None:
        await connection.execute(
            """
            WITH home AS (INSERT INTO organisations (name, created_at, updated_at) VALUES ('Office', now(), now())
                RETURNING id),
            holder AS (INSERT INTO subjects (kind, organisation_id, name, email, created_at, updated_at)
                SELECT kind, home.id, kind, email, now(), now() FROM home, (VALUES ('person', 'a@b.fr'),
                    ('service_account', NULL)) AS _ (kind, email) RETURNING id, kind),
            member AS (INSERT INTO members (subject_id, role, from_on, created_at, updated_at)
                SELECT id, role, '2020-01-01', now(), now() FROM holder, (VALUES ('admin'), ('auditor')) AS _ (role))
            INSERT INTO api_keys (subject_id, name, prefix, digest, scope, expires_at, created_at, updated_at)
            SELECT id, 'key', 'rbd_', sha256((kind || ends)::bytea), 'full', nullif(ends, '')::timestamptz, now(), now()
            FROM holder, (VALUES (''), ('2199-01-01'), ('2027-01-01')) AS _ (ends)"""
        )

    async def after(connection: Any) -> tuple[list[Any], list[Any], list[Any]]:
        return (
            await connection.fetch(
                "SELECT s.kind, m.role, m.granted, m.to_on - (now() AT TIME ZONE 'Europe/Paris')::date FROM members m"
                " JOIN subjects s ON s.id = m.subject_id ORDER BY 1, 2"
            ),
            await connection.fetch(
                "SELECT s.kind, extract(epoch FROM k.expires_at - now()) / 86400, k.confirmed_at IS NOT NULL"
                " FROM api_keys k JOIN subjects s ON s.id = k.subject_id ORDER BY 1, 2"
            ),
            await connection.fetch("SELECT type, data FROM events ORDER BY sequence"),
        )

    asyncio.run(connected(url, before))
    migrations.upgrade(url)
    members, keys, events = asyncio.run(connected(url, after))
    assert [tuple(row) for row in members] == [
        ("person", "admin", True, None), ("person", "auditor", True, None),
        ("service_account", "admin", True, 30), ("service_account", "auditor", True, None),
    ]  # fmt: skip
    assert [(kind, round(days), confirmed) for kind, days, confirmed in keys if round(days) in (90, 400)] == [
        ("person", 90, True), ("person", 90, True), ("service_account", 400, True), ("service_account", 400, True),
    ]  # fmt: skip
    assert len(keys) == 6
    assert sorted(event["type"] for event in events) == ["api_key.updated"] * 4 + ["member.updated"]


def test_past_events_say_whose_they_are_and_no_digest_of_what_is_sealed(new_database: Any) -> None:
    url = new_database("owners")
    made: dict[str, Any] = {}
    told = "SELECT * FROM events WHERE resource_type <> 'api_key' ORDER BY sequence"
    sealed = """
        UPDATE events SET data = data || '{"content_hash": "secret"}' WHERE resource_type = 'service_certificate'"""
    reply = """{"id":"1","content_hash":"%s","note":null}""" % ("0" * 64)

    async def live(http: httpx2.AsyncClient, pool: Any) -> None:
        world = made["world"] = await World.create(http, pool)
        mission = await world.mission(days=10)
        entry = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-06-20")), 201)
        ok(await world.lead_judge.post(f"time-entries/{entry['id']}/validate"))
        await world.certify(mission)
        draft = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)
        ok(await world.consultant.delete(f"time-entries/{draft['id']}"), 204)
        received = {"kind": "time_entries"}
        answer = await world.consultant.post("imports", params=received, content=b"a;b\n1;2\n",
                                             headers={"Content-Type": "text/csv"})  # fmt: skip
        ok(answer, 202)
        made["before"] = [dict(row) for row in await pool.fetch(told)]

    async def as_written(pool_url: str) -> None:
        connection = await asyncpg.connect(plain(pool_url))
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = replica")
                await connection.execute(sealed)
                await connection.execute(
                    "INSERT INTO idempotency_keys VALUES (uuidv7(), 'k', '', 201, NULL, NULL, $1, now())", reply
                )
        finally:
            await connection.close()

    async def after(http: httpx2.AsyncClient, pool: Any) -> None:
        made["after"] = [dict(row) for row in await pool.fetch(told)]
        assert await pool.fetchval("SELECT body FROM idempotency_keys WHERE key = 'k'") == '{"id":"1","note":null}'
        with pytest.raises(asyncpg.RestrictViolationError):
            await pool.execute("UPDATE events SET data = '{}'")

    asyncio.run(served(url, live))
    command.downgrade(migrations.config(url), "2026_11_30_2325")
    asyncio.run(as_written(url))
    migrations.upgrade(url)
    asyncio.run(served(url, after))
    assert made["after"][: len(made["before"])] == made["before"], "owners are found again, and the digest is gone"
    owned = {row["resource_type"] for row in made["after"] if row["owner_organisation_id"] is not None}
    assert owned == {"time_entry", "service_certificate", "rate", "import"}
    partner = {made["world"].organisations["partner"]}
    for kind in ("service_certificate", "import"):
        assert {row["owner_organisation_id"] for row in made["after"] if row["resource_type"] == kind} == partner


def test_runs_of_before_are_known_by_a_keyed_digest(new_database: Any) -> None:
    url = new_database("keyed_digests")
    made: dict[str, Any] = {}

    async def live(http: httpx2.AsyncClient, pool: Any) -> None:
        runs = made["runs"] = await Runs.of(await World.create(http, pool))
        await runs.paying.approved(1_000)
        made["run"] = (await runs.made())["id"]
        made["file"] = (await runs.file(made["run"])).content
        made["keyed"] = await pool.fetchval("SELECT file_hmac FROM payment_runs")

    async def as_written(pool_url: str) -> None:
        connection = await asyncpg.connect(plain(pool_url))
        try:
            async with connection.transaction():
                await connection.execute("SET LOCAL session_replication_role = replica")
                plainly = hashlib.sha256(made["file"]).hexdigest()
                await connection.execute("UPDATE payment_runs SET sha256 = $1", plainly)
        finally:
            await connection.close()

    async def after(http: httpx2.AsyncClient, pool: Any) -> None:
        assert await pool.fetchval("SELECT file_hmac FROM payment_runs") == made["keyed"]
        treasurer = made["runs"].treasurer
        again = await Client(http, treasurer.key, treasurer.base).get(f"payment-runs/{made['run']}/file?format=xml")
        assert (again.status_code, again.content) == (200, made["file"])

    asyncio.run(served(url, live))
    command.downgrade(migrations.config(url), "2026_12_01_0020")
    asyncio.run(as_written(url))
    migrations.upgrade(url)
    asyncio.run(served(url, after))


EARLIER = sorted((Path(__file__).parent / "earlier").glob("*.sql.xz"))


async def held(url: str) -> dict[str, int]:
    """How many rows there are in each table."""

    async def count(connection: Any) -> dict[str, int]:
        named = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        tables = [row[0] for row in await connection.fetch(named)]
        return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for name in tables}

    found: dict[str, int] = await connected(url, count)
    return found


@pytest.mark.parametrize("file", EARLIER, ids=lambda file: file.name.partition(".")[0])
def test_what_an_earlier_version_has_made_is_carried_over_whole(new_database: Any, file: Path) -> None:
    """The demonstration as that version itself made it: its rows stay, its balances agree, and all of it is read."""
    url = new_database("earlier", migrated=False)
    psql = [postgres.program("psql"), "--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1"]
    with lzma.open(file) as dump:
        subprocess.run([*psql, plain(url)], env=postgres.environment(), input=dump.read(), check=True)
    before = asyncio.run(held(url))
    assert sum(before.values()) > 2_000
    migrations.upgrade(url)
    after = asyncio.run(held(url))
    assert {table: (number, after.get(table)) for table, number in before.items() if after.get(table, 0) < number} == {}
    assert asyncio.run(checked(url))[0] == []

    async def with_a_key(connection: Any) -> None:
        await connection.execute("SET LOCAL session_replication_role = replica")
        of_a_key = """UPDATE api_keys SET digest = $1 WHERE id = (
            SELECT k.id FROM api_keys k JOIN members m USING (subject_id) WHERE m.role = 'auditor' LIMIT 1)"""
        assert await connection.execute(of_a_key, digest_of("rbd_of_the_auditor")) == "UPDATE 1"

    async def read(http: httpx2.AsyncClient, pool: Any) -> None:
        assert await pool.fetchval("SELECT count(*) FROM events WHERE data::text LIKE '%content_hash%'") == 0
        http.headers["Authorization"] = "Bearer rbd_of_the_auditor"
        paths = {path for path, operations in document()["paths"].items() if "get" in operations}
        plain_ones = {path.format(territory="ales") for path in paths if not re.search(r"\{(?!territory)", path)}
        told = {path: (await http.get(path)).status_code for path in sorted(plain_ones)}
        assert {path for path, status in told.items() if status >= 500} == set()
        assert sum(status == 200 for status in told.values()) > 60

    asyncio.run(connected(url, with_a_key))
    asyncio.run(served(url, read))
