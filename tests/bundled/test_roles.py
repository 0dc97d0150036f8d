"""Who is who on the bundled server: the role that serves owns nothing, and no stranger is the superuser."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.bundled import postgres
from tests.conftest import as_service, plain
from tests.processes import Home, eventually, loaded_home
from tests.world import fresh_siren, ok

# As an earlier version has left it: one role, the superuser, whom the server believes without a question.
UNMADE = (
    f"DROP OWNED BY {postgres.SERVICE}",
    f"DROP ROLE {postgres.SERVICE}",
)
TRUST = "local all all trust\n"


@pytest.fixture
def loaded() -> Iterator[Home]:
    with loaded_home() as made:
        yield made


@pytest.fixture
async def service(database_url: str) -> Any:
    """A connection of the role that serves, to a migrated database."""
    address = as_service(database_url)
    if address == database_url:
        pytest.skip("DATABASE_URL names a server of its own, whose roles are not ours")
    connection = await asyncpg.connect(plain(address))
    yield connection
    await connection.close()


async def test_the_role_that_serves_empties_alters_and_drops_no_table(service: Any) -> None:
    tables = [row[0] for row in await service.fetch("SELECT relname FROM pg_stat_user_tables ORDER BY 1")]
    assert len(tables) > 100
    for table in tables:
        for statement in (
            f"TRUNCATE {table} CASCADE", f"ALTER TABLE {table} DISABLE TRIGGER ALL", f"DROP TABLE {table} CASCADE",
            f"ALTER TABLE {table} OWNER TO {postgres.SERVICE}",
            f"CREATE TRIGGER mine BEFORE UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        ):  # fmt: skip
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(statement)


async def test_the_role_that_serves_drops_no_trigger_and_replaces_no_function(service: Any) -> None:
    triggers = await service.fetch(
        "SELECT tgname, tgrelid::regclass::text AS of FROM pg_trigger WHERE NOT tgisinternal"
        " AND tgrelid::regclass::text NOT LIKE 'frozen.%'"
    )
    functions = await service.fetch(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    )
    assert len(triggers) > 100
    assert len(functions) > 50
    attacks = [f"DROP TRIGGER {row['tgname']} ON {row['of']}" for row in triggers]
    attacks += [f"DROP FUNCTION {row[0]} CASCADE" for row in functions]
    attacks += [f"ALTER FUNCTION {row[0]} RENAME TO gone" for row in functions]
    attacks += [
        "SET session_replication_role = replica", f"ALTER ROLE {postgres.SERVICE} SUPERUSER", "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres", "CREATE TABLE mine ()", "CREATE SCHEMA mine", "CREATE ROLE mine",
        "COPY (SELECT 1) TO PROGRAM 'true'", "ALTER SYSTEM SET fsync = off",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ]  # fmt: skip
    for statement in attacks:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute(statement)


async def test_append_only_triggers_bind_the_role_that_serves(service: Any) -> None:
    """Each of them, by each statement that it refuses; one that touches no row is a statement as well."""
    refusals = await service.fetch(
        "SELECT tgrelid::regclass::text AS of, tgtype & 8 > 0 AS deletes, tgtype & 16 > 0 AS updates,"
        "  (SELECT attname FROM pg_attribute WHERE attrelid = tgrelid AND attnum = coalesce(tgattr[0], 1)) AS column"
        " FROM pg_trigger WHERE tgfoid = 'refuse_change'::regproc AND tgtype & 1 = 0"
    )
    attacks = [f"DELETE FROM {row['of']} WHERE false" for row in refusals if row["deletes"]]
    attacks += [
        f"UPDATE {row['of']} SET {row['column']} = {row['column']} WHERE false" for row in refusals if row["updates"]
    ]
    assert len(attacks) > 50
    for statement in attacks:
        with pytest.raises(asyncpg.RestrictViolationError):
            await service.execute(statement)


def test_a_directory_of_an_earlier_version_moves_once_whatever_dies_meanwhile(loaded: Home) -> None:
    moved = "SELECT oid, xmin::text FROM pg_default_acl ORDER BY oid"
    hba = loaded.data / "pg/pg_hba.conf"
    with postgres.running(loaded.data):
        for statement in UNMADE:
            loaded.ask(statement)
    assert eventually(lambda: not (loaded.data / "pg/postmaster.pid").exists())
    hba.write_text(TRUST)
    with postgres.running(loaded.data):
        assert loaded.ask(moved) == []
        asyncio.run(_killed_in_the_middle(loaded))
    assert eventually(lambda: not loaded.processes())
    hba.write_text(TRUST)  # as if it had died before
    with loaded.serving() as service:
        body = {"name": "Moved", "siren": fresh_siren()}
        ok(service.ask("POST", "/v1/organisations", service.keys["admin"], json=body), 201)
        at_work = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'rebond%'"
        assert [row[0] for row in loaded.ask(at_work)] == [postgres.SERVICE]
        done = loaded.ask(moved)
        methods = loaded.ask("SELECT DISTINCT type, auth_method, options FROM pg_hba_file_rules")
    assert [tuple(row) for row in methods] == [("local", "peer", ["map=rebond"])]
    assert loaded.said("check").endswith(" 0 differ\n")
    with postgres.running(loaded.data):
        assert loaded.ask(moved) == done
        assert len(done) == len(postgres.RIGHTS)


async def _killed_in_the_middle(home: Home) -> None:
    """Have a command give the role its rights as far as a lock lets it, and kill it there, with the server."""
    holder = await asyncpg.connect(home.address())
    await holder.execute("BEGIN")
    await holder.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO PUBLIC")
    with home.start("check", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not await holder.fetchval(waits):  # noqa: ASYNC110  # another process begins it
            await asyncio.sleep(0.02)
        os.kill(home.postmaster(), signal.SIGKILL)
        process.send_signal(signal.SIGKILL)
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await holder.close(timeout=2)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another account")
def test_another_account_is_no_role_even_where_it_reaches_the_socket(tmp_path: Path, loaded: Home) -> None:
    """The account that runs the server for root is shared with other programs of the machine: it stays outside too."""
    account = postgres._account(loaded.data)
    assert account is not None
    for role in (postgres.OWNER, postgres.SERVICE):
        with postgres.running(loaded.data) as server:
            argv = [postgres.program("psql"), "-X", "-d", server.plain("rebond", role), "-c", "SELECT 1"]
            ours = subprocess.run(argv, check=False, capture_output=True, text=True, cwd="/")
            theirs = subprocess.run(
                ["/bin/sh", "-c", 'exec "$0" "$@"', *argv], check=False, capture_output=True, text=True, cwd="/",
                user=account.uid, group=account.gid, extra_groups=[],
            )  # fmt: skip
        assert ours.returncode == 0, ours.stderr
        assert f'Peer authentication failed for user "{role}"' in theirs.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a directory away")
def test_the_user_of_the_data_directory_is_let_in_and_a_link_in_the_cluster_leads_nowhere(loaded: Home) -> None:
    account = postgres._account(loaded.data)
    assert account is not None
    precious = loaded.path / "precious"
    precious.write_text("mine")
    for name in ("pg_hba.conf", "pg_ident.conf", "pg_ident.conf.new"):
        (loaded.data / "pg" / name).unlink(missing_ok=True)
        (loaded.data / "pg" / name).symlink_to(precious)
    os.chown(loaded.data, *account)
    with postgres.running(loaded.data):
        let_in = loaded.ask("SELECT sys_name FROM pg_ident_file_mappings ORDER BY 1")
    assert len({row[0] for row in let_in}) == 2
    assert precious.read_text() == "mine"
