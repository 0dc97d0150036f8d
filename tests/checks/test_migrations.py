"""Migrations are held against the models, down to every constraint, index, default, trigger and function."""

import asyncio
import io
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from app.core import migrations
from app.models import metadata
from tests.conftest import plain

# Rules of squawk that are left out, each with its reason.
SQUAWK_EXCLUDED = {
    "prefer-robust-stmts": "each migration runs in a transaction of its own, and Alembic knows which are done",
    "prefer-text-field": "the one varchar is in Alembic's own table",
    "prefer-bigint-over-int": "version counts the edits of one object",
    "prefer-bigint-over-smallint": "years, wave numbers and HTTP statuses",
}

CATALOGUE = {
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 AND contype <> 'n'""",
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "triggers": "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "functions": """
        SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid) FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'i')""",
    "options": """
        SELECT relname, reloptions::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'""",
    "sequences": "SELECT sequencename, increment_by, cache_size FROM pg_sequences WHERE schemaname = 'public'",
}


def test_the_newest_file_is_the_head_and_each_is_named_by_its_revision() -> None:
    """`migrations.head()` reads names alone."""
    script = ScriptDirectory(str(migrations.MIGRATIONS))
    assert script.get_heads() == [migrations.head()]
    assert [one.path for one in script.walk_revisions() if not Path(one.path).name.startswith(one.revision)] == []


async def _catalogue(url: str) -> dict[str, set[tuple[Any, ...]]]:
    connection = await asyncpg.connect(plain(url))
    try:
        found = {}
        for kind, query in CATALOGUE.items():
            rows = {tuple(row.values()) for row in await connection.fetch(query)}
            found[kind] = {row for row in rows if not any(str(part).startswith("alembic_version") for part in row[:2])}
        return found
    finally:
        await connection.close()


async def _create_all(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()


def test_a_migrated_database_is_what_the_models_say(new_database: Any) -> None:
    migrated, created = new_database("migrated"), new_database("created", migrated=False)
    asyncio.run(_create_all(created))
    ours, models = asyncio.run(_catalogue(migrated)), asyncio.run(_catalogue(created))
    assert len(ours["constraints"]) > 80
    for kind in CATALOGUE:
        assert ours[kind] == models[kind], f"{kind} differ: {ours[kind] ^ models[kind]}"


def test_alembic_finds_nothing_to_generate(new_database: Any) -> None:
    command.check(migrations.config(new_database("check")))


def test_there_is_one_head_and_each_migration_says_what_it_does() -> None:
    script = ScriptDirectory(str(migrations.MIGRATIONS))
    assert len(script.get_heads()) == 1
    for revision in script.walk_revisions():
        assert revision.doc.endswith("."), f"{revision.revision} has no sentence for a name"


def test_migrations_go_down_and_up_again(new_database: Any) -> None:
    url = new_database("updown")
    before = asyncio.run(_catalogue(url))
    command.downgrade(migrations.config(url), "base")
    assert not asyncio.run(_catalogue(url))["constraints"]
    migrations.upgrade(url)
    assert asyncio.run(_catalogue(url)) == before


async def _awarded_before(url: str) -> None:
    """Two advances as they stood before lines were rounded half-up, one of them the demonstration's."""
    connection = await asyncpg.connect(plain(url))
    awarder = await connection.fetchval(
        """
        WITH funder AS (
            INSERT INTO organisations (id, name, created_at, updated_at)
            VALUES (gen_random_uuid(), 'Funder', now(), now()) RETURNING id
        )
        INSERT INTO subjects (id, kind, organisation_id, name, email, created_at, updated_at)
        SELECT gen_random_uuid(), 'person', id, 'Awarder', 'awarder@example.org', now(), now() FROM funder
        RETURNING id"""
    )
    await connection.execute(
        "INSERT INTO firms (siren, name, created_at, updated_at) VALUES ('910000017', 'Firm', now(), now())"
    )
    await connection.execute("SET session_replication_role = replica")  # other rows that they point to are not there
    await connection.execute(
        "INSERT INTO territories (slug, name, wave_number, lead_siren, epci_sirens, status, created_at, updated_at)"
        " VALUES ('ales', 'Alès', 1, '910000017', '{910000017}', 'laureate', now(), now())"
    )
    for external_id in (None, "demo-advance-1"):
        await connection.execute(
            """
            INSERT INTO advances (id, territory, firm_siren, project_title, amount_cents, decided_on,
                decision_reference, external_id, awarded_by, terms, created_at, updated_at)
            VALUES (gen_random_uuid(), 'ales', '910000017', 'Atelier', 100, '2023-10-03', $1, $2, $3,
                '{"instalments": 12, "rounding": {"multiple_cents": 1, "remainder": "last"}}', now(), now())""",
            str(external_id),
            external_id,
            awarder,
        )
    await connection.close()


async def _roundings(url: str) -> list[str | None]:
    connection = await asyncpg.connect(plain(url))
    query = "SELECT terms #>> '{rounding,rule}' FROM advances ORDER BY external_id NULLS FIRST"
    found = [row[0] for row in await connection.fetch(query)]
    await connection.close()
    return found


async def _funded_by_their_awarders(url: str) -> Any:
    """How many advances name the organisation of who awarded them."""
    connection = await asyncpg.connect(plain(url))
    found = await connection.fetchval(
        "SELECT count(*) FROM advances a JOIN subjects s ON s.id = a.awarded_by WHERE a.funder_id = s.organisation_id"
    )
    await connection.close()
    return found


async def _aids(url: str) -> list[tuple[Any, ...]]:
    """The aids of advances: the reference of each, how many of its awards stand, and whether another may join it."""
    connection = await asyncpg.connect(plain(url))
    query = (
        "SELECT s.decision_reference, s.awards, s.joins FROM aids s JOIN advances a ON a.aid_id = s.id"
        " ORDER BY s.decision_reference"
    )
    found = [tuple(row) for row in await connection.fetch(query)]
    await connection.close()
    return found


def test_advances_that_stand_keep_lines_that_are_rounded_down(new_database: Any) -> None:
    url = new_database("rounding")
    command.downgrade(migrations.config(url), "2026_11_22_1420")
    asyncio.run(_awarded_before(url))
    migrations.upgrade(url)
    assert asyncio.run(_roundings(url)) == ["down", None]
    assert asyncio.run(_funded_by_their_awarders(url)) == 2
    assert asyncio.run(_aids(url)) == [("None", 1, True), ("demo-advance-1", 1, True)]
    command.downgrade(migrations.config(url), "2026_11_22_1420")
    assert asyncio.run(_roundings(url)) == [None, None]


def test_squawk_finds_no_dangerous_statement(tmp_path: Path) -> None:
    sql = io.StringIO()
    with redirect_stdout(sql):
        settings = migrations.config("postgresql+asyncpg://offline/offline")
        settings.output_buffer = sql
        command.upgrade(settings, "head", sql=True)
    script = tmp_path / "migrations.sql"
    script.write_text(sql.getvalue())
    squawk = Path(sys.executable).with_name("squawk")
    done = subprocess.run(
        [squawk, "--pg-version", "18", "--exclude", ",".join(SQUAWK_EXCLUDED), str(script)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("table", ["events", "orders", "firm_stage_changes", "late_entry_leaves", "mission_settings"])
async def test_acts_are_append_only(pool: Any, table: str) -> None:
    for statement in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await pool.execute(statement)
