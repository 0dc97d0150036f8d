"""`rebond backup` and `rebond restore`, over the real service and its bundled PostgreSQL."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.bundled import postgres
from app.core import clock, migrations
from app.integrations.seals.service import _NEXT
from tests.processes import Home, Service, demonstration, eventually, loaded_home, new_home
from tests.world import fresh_email, fresh_siren, ok

ROOT = Path(__file__).parents[2]


@pytest.fixture
def loaded() -> Iterator[Home]:
    """A place with the demonstration, and a backup of it: `demo.dump`."""
    with loaded_home() as made:
        yield made


@pytest.fixture
def home() -> Iterator[Home]:
    with new_home() as made:
        yield made


def feed(service: Service, key: str) -> list[dict[str, Any]]:
    """Every event, page by page."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = ok(service.ask("GET", f"/v1/events?limit=200{after}", key))
        found += page["items"]
        if not page["items"]:
            return found
        after = f"&after={page['next_cursor']}"


def organisation(service: Service, name: str, key: str = "") -> str:
    body = {"name": name, "siren": fresh_siren()}
    return str(ok(service.ask("POST", "/v1/organisations", key or service.keys["admin"], json=body), 201)["id"])


def in_bundled(home: Home, *statements: str, database: str = "rebond") -> list[Any]:
    """The rows of the last statement, on the place's own server."""

    async def ask(url: str) -> list[Any]:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            found: list[Any] = []
            for statement in statements:
                found = await connection.fetch(statement)
            return found
        finally:
            await connection.close()

    with postgres.running(home.data) as server:
        return asyncio.run(ask(server.plain(database)))


def databases(home: Home) -> set[str]:
    found = in_bundled(home, "SELECT datname FROM pg_database WHERE NOT datistemplate", database="postgres")
    return {row[0] for row in found} - {"postgres"}


def names(home: Home) -> set[str]:
    return {row[0] for row in in_bundled(home, "SELECT name FROM organisations")}


def test_a_backup_of_the_running_service_brings_back_what_stood_then_elsewhere(loaded: Home, home: Home) -> None:
    with loaded.serving() as service:
        keys = service.keys
        before = organisation(service, "Before the backup")
        told = feed(service, keys["admin"])
        cursor = ok(service.ask("GET", "/v1/organisations?limit=1", keys["admin"]))["next_cursor"]
        listed = ok(service.ask("GET", f"/v1/organisations?limit=1&cursor={cursor}", keys["admin"]))["items"]
        said = loaded.said("backup", str(home.path))
        after = organisation(service, "After the backup")
    found = list(home.path.glob("rebond-*.dump"))
    assert len(found) == 1
    assert stat.S_IMODE(found[0].stat().st_mode) == 0o600
    assert f"saved {found[0]} (" in said
    assert migrations.head() in said
    assert "0 differ" in home.said("restore", found[0].name)
    with home.serving() as elsewhere:
        ok(elsewhere.ask("GET", f"/v1/organisations/{before}", keys["admin"]))  # the key works there too
        assert elsewhere.ask("GET", f"/v1/organisations/{after}", keys["admin"]).status_code == 404
        again = feed(elsewhere, keys["admin"])
        assert again[: len(told)] == told
        # The secret that signs cursors is among what came back.
        page = ok(elsewhere.ask("GET", f"/v1/organisations?limit=1&cursor={cursor}", keys["admin"]))
        assert page["items"] == listed
        organisation(elsewhere, "After the return", keys["admin"])
        assert eventually(lambda: feed(elsewhere, keys["admin"])[-1]["data"]["name"] == "After the return")
    assert home.said("check").endswith(" 0 differ\n")


def test_who_has_read_the_feed_further_than_the_backup_misses_nothing_after_it(loaded: Home) -> None:
    with loaded.serving() as service:
        organisation(service, "Lost")
        key = service.keys["admin"]
        assert eventually(lambda: feed(service, key)[-1]["data"]["name"] == "Lost")
        page = ok(service.ask("GET", "/v1/events?limit=500", key))
        while page["items"]:
            page = ok(service.ask("GET", f"/v1/events?limit=500&after={page['next_cursor']}", key))
    loaded.said("restore", "demo.dump", "--replace")
    with loaded.serving() as service:
        organisation(service, "New", key)

        def told() -> list[Any]:
            return [
                event["data"].get("name")
                for event in ok(service.ask("GET", f"/v1/events?after={page['next_cursor']}", key))["items"]
            ]

        assert eventually(lambda: "New" in told())


def test_a_backup_is_one_snapshot_while_others_write(loaded: Home, home: Home) -> None:
    ended = threading.Event()

    def write(service: Service) -> int:
        made = 0
        while not ended.is_set():
            organisation(service, f"Written meanwhile {made}")
            made += 1
        return made

    with loaded.serving() as service, ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write, service)
        try:
            loaded.said("backup", str(home.path / "meanwhile.dump"))
        finally:
            ended.set()
        assert writing.result(timeout=60) > 0
    home.said("restore", "meanwhile.dump")
    orphans = """SELECT count(*) FROM organisations o WHERE name LIKE 'Written meanwhile%'
        AND NOT EXISTS (SELECT FROM events e WHERE e.resource_id = o.id::text)"""
    assert in_bundled(home, orphans)[0][0] == 0


def test_a_backup_overwrites_nothing_and_leaves_nothing_when_it_fails(loaded: Home) -> None:
    (loaded.path / "mine").write_text("mine")
    (loaded.path / "link").symlink_to("nowhere")
    for name in ("mine", "link", "demo.dump"):
        assert loaded.refusal("backup", name) == f"{name} exists already, and is not overwritten"
    assert (loaded.path / "mine").read_text() == "mine"
    assert loaded.refusal("backup", "none/file").startswith("none/file cannot be written")
    in_bundled(loaded, f"ALTER DATABASE rebond RENAME TO {'elsewhere'}", database="postgres")
    before = sorted(loaded.path.iterdir())
    assert "does not exist" in loaded.refusal("backup", "new.dump")
    assert sorted(loaded.path.iterdir()) == before


@contextlib.contextmanager
def held_up(server: postgres.Server) -> Iterator[threading.Event]:
    """No dump gets further than its first locks in this block, until the event is set."""
    held, release = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(server.plain())
        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE organisations IN ACCESS EXCLUSIVE MODE")
                held.set()
                await asyncio.to_thread(release.wait, 60)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(asyncio.run, hold())
        assert held.wait(10)
        try:
            yield release
        finally:
            release.set()
        holding.result(timeout=60)


def test_a_backup_that_is_stopped_leaves_no_file(loaded: Home) -> None:
    with postgres.running(loaded.data) as server:
        with held_up(server):
            before = set(loaded.path.iterdir())
            with loaded.start(
                "backup", "stopped.dump", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                assert eventually(lambda: any("pg_dump" in command for command in loaded.processes().values()))
                process.send_signal(signal.SIGTERM)
                assert process.wait(60) == 128 + signal.SIGTERM
        assert set(loaded.path.iterdir()) == before
        assert not any("pg_dump" in command for command in loaded.processes().values())


def test_the_seal_that_a_backup_names_is_the_newest_one_in_it(loaded: Home) -> None:
    """Also where the events are sealed while the dump is under way."""
    (loaded.path / "key").write_text("5f" * 32)
    with postgres.running(loaded.data) as server:

        def seal() -> str:
            [made] = loaded.ask(_NEXT, 2**62, 10, clock.now())
            return f"{made['number']}:{made['sha256']}"

        for name, settings in {"plain": {}, "encrypted": {"REBOND_BACKUP_KEY_FILE": str(loaded.path / "key")}}.items():
            newest, silent = seal(), subprocess.DEVNULL
            with (
                held_up(server) as release,
                loaded.start("backup", name, stdout=subprocess.PIPE, stderr=silent, **settings) as backup,
            ):
                assert eventually(lambda: bool(loaded.ask("SELECT FROM pg_locks WHERE NOT granted")))
                assert seal() != newest
                release.set()
                assert backup.stdout is not None
                assert f"seal {newest})" in backup.stdout.read()
    program = [postgres.program("pg_restore"), "--data-only", "--table=event_seals", "--file=-", "plain"]
    rows = subprocess.run(program, cwd=loaded.path, env=postgres.environment(), capture_output=True, check=True).stdout
    assert len(re.findall(rb"^[0-9]+\t", rows, re.MULTILINE)) == 1


def test_a_backup_with_a_key_is_of_no_use_without_it(loaded: Home) -> None:
    (loaded.path / "key").write_text("5f" * 32)
    (loaded.path / "other").write_text("60" * 32)
    key, other = ({"REBOND_BACKUP_KEY_FILE": str(loaded.path / name)} for name in ("key", "other"))
    sealed = re.search(r"seal (1:[0-9a-f]{64})", loaded.said("tick"))
    assert sealed
    said = loaded.said("backup", "secret.dump", **key)
    assert f"{migrations.head()}, encrypted, seal {sealed[1]})" in said
    file = (loaded.path / "secret.dump").read_bytes()
    assert sealed[1].encode() in file[:1000]
    assert b"PGDMP" not in file
    assert b"organisations" not in file
    before = names(loaded)
    (loaded.path / "cut.dump").write_bytes(file[:-20])
    refused = loaded.refusal("restore", "secret.dump", "--replace")
    assert refused == "secret.dump is encrypted: REBOND_BACKUP_KEY_FILE names the file of its key"
    cannot = "cannot be opened: its key is another one, or the file is damaged"
    assert loaded.refusal("restore", "secret.dump", "--replace", **other) == f"secret.dump {cannot}"
    assert loaded.refusal("restore", "cut.dump", "--replace", **key) == f"cut.dump {cannot}"
    assert loaded.refusal("backup", "new.dump", REBOND_BACKUP_KEY_FILE="none") == (
        "REBOND_BACKUP_KEY_FILE: none: No such file or directory"
    )
    assert databases(loaded) == {"rebond"}
    with loaded.serving() as service:
        organisation(service, "Written later")
    assert "0 differ" in loaded.said("restore", "secret.dump", "--replace", **key)
    assert names(loaded) == before
    assert "seal 1 is the one that was kept" in loaded.said("check", "--seal", sealed[1])
    loaded.said("restore", "demo.dump", "--replace", **key)  # a plain one


def test_nothing_is_backed_up_where_nothing_is(home: Home) -> None:
    assert home.refusal("backup", "new.dump") == f"there is no database in {home.data}"
    assert not home.data.exists()


def test_data_are_replaced_only_when_that_is_asked_for(loaded: Home) -> None:
    with loaded.serving() as service:
        organisation(service, "Written later")
        assert "another rebond service" in loaded.refusal("restore", "demo.dump", "--replace")
    assert loaded.refusal("restore", "demo.dump").endswith("--replace lets the backup take their place")
    assert "Written later" in names(loaded)
    loaded.said("restore", "demo.dump", "--replace")
    assert "Written later" not in names(loaded)
    assert databases(loaded) == {"rebond"}


def test_a_database_that_was_migrated_and_never_used_is_no_obstacle(home: Home) -> None:
    home.said("migrate")
    home.said("restore", str(demonstration().path / "demo.dump"))
    assert names(home)


def test_the_demonstration_is_not_loaded_into_what_came_back(home: Home) -> None:
    home.said("migrate")
    home.said("keys", "create", "--role", "admin", "--organisation", fresh_siren(), "--email", fresh_email())
    home.said("backup", "ours.dump")
    ours = names(home)
    shutil.rmtree(home.data)
    subprocess.run(["cp", "-a", demonstration().data, home.data], check=True)
    assert (home.data / "demo-keys.json").exists()
    home.said("restore", "ours.dump", "--replace")
    with home.serving() as service:
        assert service.keys == {}
    assert names(home) == ours


@pytest.mark.parametrize("kept", [10, 3_000, -2_000])
def test_a_restore_that_fails_leaves_the_old_data(loaded: Home, kept: int) -> None:
    before = names(loaded)
    keys = (loaded.data / "demo-keys.json").read_text()
    (loaded.path / "cut.dump").write_bytes((loaded.path / "demo.dump").read_bytes()[:kept])
    assert loaded.refusal("restore", "cut.dump", "--replace").startswith("pg_restore: ")
    assert names(loaded) == before
    assert databases(loaded) == {"rebond"}
    assert (loaded.data / "demo-keys.json").read_text() == keys


def test_a_restore_that_was_killed_leaves_the_old_data_and_the_next_one_works(loaded: Home) -> None:
    before = names(loaded)
    with loaded.start(
        "restore", "demo.dump", "--replace", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        assert eventually(lambda: any("pg_restore --exit" in command for command in running(loaded)))
        process.send_signal(signal.SIGKILL)
    assert eventually(lambda: not any("pg_restore" in command for command in running(loaded)))
    assert names(loaded) == before
    assert databases(loaded) == {"rebond", "rebond_restored"}
    loaded.said("restore", "demo.dump", "--replace")
    assert databases(loaded) == {"rebond"}


def running(home: Home) -> list[str]:
    """The command lines of what runs there, the path of a program left out."""
    return [re.sub(r"^\S*/", "", command) for command in home.processes().values()]


def test_a_restore_while_a_command_uses_the_database_changes_nothing(loaded: Home) -> None:
    held, release = threading.Event(), threading.Event()

    async def hold(url: str) -> None:
        connection = await asyncpg.connect(url)
        held.set()
        await asyncio.to_thread(release.wait, 60)
        await connection.close()

    with postgres.running(loaded.data) as server, ThreadPoolExecutor(1) as pool:
        holding = pool.submit(asyncio.run, hold(server.plain()))
        assert held.wait(10)
        done = loaded.rebond("restore", "demo.dump", "--replace")
        release.set()
        holding.result(timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "try again when it has ended" in done.stderr
    assert databases(loaded) == {"rebond"}


def test_what_is_no_backup_of_rebond_is_refused(loaded: Home) -> None:
    (loaded.path / "text.dump").write_text("text, and more of it than a header has\n")
    assert loaded.refusal("restore", "text.dump").startswith("pg_restore: ")
    assert loaded.refusal("restore", "none.dump") == "none.dump is not a file"
    with postgres.running(loaded.data) as server:
        program = [postgres.program("pg_dump"), "--format=custom", "--file=other.dump", server.plain("postgres")]
        subprocess.run(program, cwd=loaded.path, check=True)
    assert loaded.refusal("restore", "other.dump") == "other.dump is a backup of something else than Rebond"


def test_a_backup_of_a_newer_version_is_refused(loaded: Home) -> None:
    before = names(loaded)
    with postgres.running(loaded.data) as server:
        postgres.ensure_database(server, "newer")
        in_bundled(
            loaded,
            "CREATE TABLE alembic_version (version_num text)",
            "INSERT INTO alembic_version VALUES ('2999_01_01_0000')",
            database="newer",
        )
        program = [postgres.program("pg_dump"), "--format=custom", "--file=newer.dump", server.plain("newer")]
        subprocess.run(program, cwd=loaded.path, check=True)
    said = loaded.refusal("restore", "newer.dump", "--replace")
    assert said.startswith("newer.dump was made by a newer version of Rebond: it is at 2999_01_01_0000")
    assert names(loaded) == before


def test_a_backup_of_an_older_version_is_migrated(loaded: Home) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory

    revisions = [one.revision for one in ScriptDirectory(str(migrations.MIGRATIONS)).walk_revisions()]
    older = revisions[1]
    with postgres.running(loaded.data) as server:
        postgres.ensure_database(server, "older")
        command.upgrade(migrations.config(server.dsn("older")), older)
        program = [postgres.program("pg_dump"), "--format=custom", "--file=older.dump", server.plain("older")]
        subprocess.run(program, cwd=loaded.path, check=True)
    said = loaded.said("restore", "older.dump", "--replace")
    assert f"({older}, now {migrations.head()})" in said
    assert in_bundled(loaded, "SELECT version_num FROM alembic_version")[0][0] == migrations.head()
    # What came back and what the migrations have added since then is for the role that serves.
    withheld = (
        f"SELECT relname FROM pg_stat_user_tables WHERE NOT has_table_privilege('{postgres.SERVICE}', relid, 'INSERT')"
    )
    assert in_bundled(loaded, withheld) == []


def test_balances_that_differ_are_told_and_the_data_before_are_kept(loaded: Home) -> None:
    in_bundled(
        loaded,
        "ALTER TABLE grants DISABLE TRIGGER ALL",
        "UPDATE grants SET paid_cents = paid_cents - 1 WHERE paid_cents > 0",
        "ALTER TABLE grants ENABLE TRIGGER ALL",
    )
    loaded.said("backup", "wrong.dump")
    done = loaded.rebond("restore", "wrong.dump", "--replace")
    assert done.returncode == 1
    assert "paid of a grant" in done.stdout
    assert done.stderr.startswith("rebond: the backup is in place, but its balances differ")
    assert databases(loaded) == {"rebond", "rebond_replaced"}
    assert "0 differ" in loaded.said("restore", "demo.dump", "--replace")
    assert databases(loaded) == {"rebond"}


def test_with_database_url_the_server_s_own_tools_are_named_without_the_password(home: Home) -> None:
    url = "postgresql://rebond:secret@db.example/rebond?sslmode=require"
    shown = "'postgresql://rebond@db.example/rebond?sslmode=require'"
    for words, program in (
        (("backup", "file"), f"pg_dump --format=custom --no-owner --no-privileges --file=FILE {shown}"),
        (("restore", "file"), f"pg_restore --exit-on-error --no-owner --no-privileges --dbname={shown} FILE"),
    ):
        said = home.refusal(*words, DATABASE_URL=url)
        assert program in said
        assert "secret" not in said
    assert not home.data.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal")
def test_a_person_at_a_terminal_sees_the_table_at_hand(loaded: Home) -> None:
    mine, theirs = os.openpty()
    with loaded.start("backup", "seen.dump", stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while b"\033[Ksaving time_entries" not in seen:
            more = os.read(mine, 65_536)
            assert more
            seen += more
        assert process.wait(60) == 0
    os.close(mine)
