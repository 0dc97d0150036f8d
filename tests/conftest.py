"""A real PostgreSQL for every test: one template, one clone of it per worker, a fresh territory per test.

Nothing is wiped: each test makes what it needs under names of its own, and commits for real. With DATABASE_URL set, the
databases `rebond_test_…` are made on that server and dropped at the end; the one it names is never touched.
"""

# ruff: noqa: E402  # the collector is told of the imports before they begin
import gc

gc.set_threshold(50_000, 20, 50)  # a third of the time of the imports would go into looking through them for garbage

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import hypothesis
import pytest
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, make_url

from app.bundled import postgres
from app.core import clock, installation, migrations
from app.core.db import create_engine
from app.main import create_app
from app.settings import KEYS_FILE, Settings
from tests.contract.document import served_document
from tests.directory import StandIn
from tests.directory import running as stand_in
from tests.in_process import InProcess
from tests.national import guard
from tests.processes import RUN, demonstration, run_directory
from tests.quotas import lift
from tests.units import Units, rank
from tests.world import World

SERVER = "REBOND_TEST_SERVER"  # the server's address, from the main process to its workers
TEMPLATE = "REBOND_TEST_TEMPLATE"
DEMONSTRATION = "_demo"  # the same with the demonstration, where a test has asked for it
REMEMBERED = {"prepared_statement_cache_size": 2000, "statement_cache_size": 2000, "max_cached_statement_lifetime": 0}
STATE = pytest.StashKey[contextlib.ExitStack]()
hypothesis.settings.register_profile("rebond", deadline=None, print_blob=True)
hypothesis.settings.load_profile("rebond")


@event.listens_for(Engine, "do_connect")
def remember(_dialect: Any, _record: Any, _arguments: Any, named: dict[str, Any]) -> None:
    """A connection remembers what it has prepared. Of a hundred statements, as usual, each is soon forgotten: tests
    send many more kinds, and a ninth of their time would go into preparing them again.
    """
    named.update(REMEMBERED)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return
    stack = config.stash[STATE] = contextlib.ExitStack()
    try:
        os.environ[RUN] = str(stack.enter_context(run_directory()))
        server = _server(stack)
        os.environ[SERVER] = server
        template = f"rebond_test_{os.getpid()}_template"
        os.environ[TEMPLATE] = template
        asyncio.run(_create(server, template))
        stack.callback(lambda: asyncio.run(_drop(server, template)))
        stack.callback(lambda: asyncio.run(_drop(server, f"{template}{DEMONSTRATION}")))
        url = _on(server, template)
        migrations.upgrade(url)
        asyncio.run(_secrets(url))
        asyncio.run(lift(plain(url)))
    except BaseException:
        stack.close()
        raise


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever the order is, the long ones come first in it."""
    items.sort(key=lambda item: rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Units:
    """What a worker is given at once."""
    return Units(config, log)


def pytest_collection_finish() -> None:
    """What has been imported stays: a sixth of a run's time would go into looking through it for garbage."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Pytest looks for what nobody closed five times over: this is the first, and the others find little to look at."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if STATE in config.stash:
        config.stash[STATE].close()


def _server(stack: contextlib.ExitStack) -> str:
    given = Settings(_env_file=None).database_url
    if given is not None:
        return make_url(given).set(database="postgres").render_as_string(hide_password=False)
    home = Path(os.environ[RUN]) / "server"
    quick = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}
    return stack.enter_context(postgres.running(home, settings=quick)).dsn("postgres")


def _on(server: str, database: str) -> str:
    url: URL = make_url(server).set(database=database)
    return url.render_as_string(hide_password=False)


def plain(url: str) -> str:
    """The address as asyncpg and psql take it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def _create(server: str, name: str, template: str = "template0") -> None:
    connection = await asyncpg.connect(plain(server))
    try:
        locale = " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'" if template == "template0" else ""
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY wal_log{locale}')
    finally:
        await connection.close()
    if template == "template0":
        await _let_serve(_on(server, name))


async def _let_serve(url: str) -> None:
    """Make the role that serves, on our own server, and give it its rights in a new database and all copies of it."""
    if as_service(url) == url:
        return
    connection = await asyncpg.connect(plain(url))
    try:
        with contextlib.suppress(asyncpg.DuplicateObjectError):
            await connection.execute(f"CREATE ROLE {postgres.SERVICE} LOGIN")
        await connection.execute(postgres.DEFAULT_PRIVILEGES)
    finally:
        await connection.close()


def as_service(url: str) -> str:
    """The address for the role that serves; on a server of somebody's own, the role of DATABASE_URL serves."""
    address = make_url(url)
    owned = address.username == postgres.OWNER and Settings(_env_file=None).database_url is None
    return address.set(username=postgres.SERVICE).render_as_string(hide_password=False) if owned else url


async def _drop(server: str, name: str) -> None:
    connection = await asyncpg.connect(plain(server))
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


async def _secrets(url: str) -> None:
    engine = create_engine(url, pool_size=1)
    await installation.ensure(engine)
    await engine.dispose()


@pytest.fixture(scope="session")
def server_url() -> str:
    """The server on which tests may make databases of their own, named `rebond_test_…`."""
    return os.environ[SERVER]


@pytest.fixture(scope="session")
def new_database(server_url: str, worker_id: str) -> Iterator[Any]:
    """`new_database(suffix, migrated=True)` makes a database that is dropped at the end, and gives its address."""
    made: list[str] = []

    def make(suffix: str, *, migrated: bool = True, like: str = "") -> str:
        name = f"{os.environ[TEMPLATE].removesuffix('_template')}_{worker_id}_{suffix}"
        asyncio.run(_create(server_url, name, like or (os.environ[TEMPLATE] if migrated else "template0")))
        made.append(name)
        return _on(server_url, name)

    yield make
    for name in made:
        asyncio.run(_drop(server_url, name))


@pytest.fixture(scope="session")
def new_demonstration(server_url: str, new_database: Any) -> Any:
    """`new_demonstration(suffix, keys_file)` makes a database with the demonstration in it, and writes its keys.

    It is that of the first start (`demonstration()`). Whoever asks first, of all processes of a run, restores it; the
    others get a copy.
    """
    whole = f"{os.environ[TEMPLATE]}{DEMONSTRATION}"
    restored = Path(os.environ[RUN]) / "demonstration.restored"

    def make(suffix: str, keys_file: Path) -> str:
        home = demonstration()
        with restored.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not restored.exists():
                asyncio.run(_drop(server_url, whole))
                asyncio.run(_create(server_url, whole))
                into = [f"--dbname={plain(_on(server_url, whole))}", "--no-owner", "--no-privileges"]
                program = [postgres.program("pg_restore"), "--exit-on-error", *into, str(home.path / "demo.dump")]
                subprocess.run(program, check=True)
                restored.touch()
        url: str = new_database(suffix, like=whole)
        shutil.copy(home.data / KEYS_FILE, keys_file)
        return url

    return make


@pytest.fixture(scope="session")
def database_url(new_database: Any) -> str:
    """This worker's database, migrated and empty at the start; what all its tests read stays as it is."""
    url: str = new_database("main")
    asyncio.run(guard(plain(url)))
    return url


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """One event loop for the whole run: pools belong to a loop."""
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture(scope="session")
def directory() -> Iterator[StandIn]:
    """A stand-in for the public directory of firms; it knows every SIREN unless a test says otherwise."""
    with stand_in() as running:
        yield running


@pytest.fixture(scope="session")
def settings(database_url: str, directory: StandIn) -> Settings:
    return Settings(
        _env_file=None, database_url=database_url, pool_size=20, log_level="error", credential_cache=3.0,
        directory_url=directory.url, trusted_proxies=(ip_network("127.0.0.0/8"),),
        pool_timeout=60,  # a hundred requests at once are answered on a machine that does much else besides, too
    )  # fmt: skip


@contextlib.asynccontextmanager
async def serving_in_process(settings: Settings) -> AsyncIterator[Any]:
    """The application under the role that serves, its lifespan running; what a server would hand it is its `state`."""
    assert settings.database_url is not None
    application = create_app(settings.model_copy(update={"database_url": as_service(settings.database_url)}))
    application.openapi = served_document  # type: ignore[method-assign]  # every application's is the same: one a process
    async with application.router.lifespan_context(application) as state:
        if state:  # without a bound: tests compile twice as many statements as an engine keeps
            state["engine"].update_execution_options(compiled_cache={})

        async def served(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = dict(state or {})
            await application(scope, receive, send)

        served.state = state  # type: ignore[attr-defined]  # for the tests
        served.application = application  # type: ignore[attr-defined]  # for the tests
        yield served


@pytest.fixture(scope="session")
async def app(settings: Settings, anyio_backend: Any) -> AsyncIterator[Any]:
    """The application in this process."""
    async with serving_in_process(settings) as served:
        yield served


@pytest.fixture(scope="session")
async def http(app: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application without a credential."""
    async with InProcess(app) as client:
        yield client


@pytest.fixture(scope="session")
async def pool(database_url: str, anyio_backend: Any) -> AsyncIterator[Any]:
    """Bare asyncpg connections to the same database: for attacks by SQL."""
    async with asyncpg.create_pool(plain(database_url), min_size=1, max_size=20) as connections:
        yield connections


# Unqualified, `now()` is this one for every session of the database: statements, triggers, defaults made by functions.
FROZEN = """
CREATE SCHEMA frozen;
CREATE TABLE frozen.instant (at timestamptz);
CREATE FUNCTION frozen.now() RETURNS timestamptz LANGUAGE sql STABLE
AS 'SELECT coalesce((SELECT at FROM frozen.instant), pg_catalog.now())';
GRANT USAGE ON SCHEMA frozen TO PUBLIC;
GRANT SELECT ON frozen.instant TO PUBLIC;
"""


class Frozen:
    """The service on a database of its own, and the instant at which both stand still."""

    def __init__(self, http: httpx2.AsyncClient, pool: Any) -> None:
        self.http, self.pool = http, pool

    async def world(self) -> World:
        """A fresh territory."""
        return await World.create(self.http, self.pool)

    @contextlib.asynccontextmanager
    async def at(self, instant: datetime) -> AsyncIterator[None]:
        """Python's clock and the database's `now()` stand at this instant (not CURRENT_DATE and the like)."""
        await self.pool.execute("INSERT INTO frozen.instant VALUES ($1)", instant)
        try:
            with clock.frozen(instant):
                yield
        finally:
            await self.pool.execute("DELETE FROM frozen.instant")


@pytest.fixture(scope="session")
def frozen_url(new_database: Any) -> str:
    url: str = new_database("frozen")
    return url


@pytest.fixture(scope="session")
async def frozen(frozen_url: str, settings: Settings, anyio_backend: Any) -> AsyncIterator[Frozen]:
    """For tests on another day: `async with frozen.at(instant)`."""
    url = frozen_url
    connection = await asyncpg.connect(plain(url))
    await connection.execute(FROZEN)
    name = make_url(url).database
    await connection.execute(f'ALTER DATABASE "{name}" SET search_path = frozen, public, pg_catalog')
    await connection.close()
    async with (
        serving_in_process(settings.model_copy(update={"database_url": url})) as served,
        InProcess(served) as client,
        asyncpg.create_pool(plain(url), min_size=1, max_size=5) as connections,
    ):
        yield Frozen(client, connections)


@pytest.fixture
async def world(http: httpx2.AsyncClient, pool: Any) -> World:
    """A fresh territory with people in every role; see `tests/world.py`."""
    return await World.create(http, pool)


@pytest.fixture
async def other(http: httpx2.AsyncClient, pool: Any) -> World:
    """Another territory, whose people have no role in the first."""
    return await World.create(http, pool)
