"""`rebond import territory`: what was exported is there again, to the byte, or nothing is."""

import asyncio
import csv
import hashlib
import io
import json
import re
import shutil
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event
from typer.testing import CliRunner

from app import models
from app.cli import app as commands
from app.commands import bring_in, export
from app.core import migrations
from app.core.db import create_engine
from app.demo import load as demo
from app.settings import Settings
from tests.applications.ready import REVIEW
from tests.commands.test_export import full, taken_out
from tests.conftest import plain, serving_in_process
from tests.contract.document import document
from tests.in_process import InProcess
from tests.world import Client, World, ok

HERE = "/v1/territories/{territory}"
OF_THE_PLACE = re.compile(rb',"request_id":"\w+"|(?<="next_cursor":)"[^"]+"')  # what no two places say alike
OF_EACH = 2  # objects of a collection whose own addresses are read


def told(url: str, *words: str) -> Any:
    """What a command says on this database."""
    return CliRunner().invoke(commands, [*words], env={"DATABASE_URL": plain(url)})


@dataclass(frozen=True)
class Moved:
    """The demonstration where it was made, its export, and where it was brought in."""

    there: str
    here: str
    directory: Path
    said: str


@pytest.fixture(scope="module")
def moved(new_demonstration: Any, new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Moved:
    home = tmp_path_factory.mktemp("moved")
    there, here = new_demonstration("moved_from", home / "keys.json"), new_database("moved_to")
    exported = told(there, "export", "territory", "ales", str(home / "out"))
    assert exported.exit_code == 0, exported.output
    brought = told(here, "import", "territory", str(home / "out"))
    assert brought.exit_code == 0, (brought.output, brought.exception)
    assert brought.stderr == ""
    return Moved(there, here, home / "out", brought.output)


def test_the_balances_agree_at_once_and_later(moved: Moved) -> None:
    manifest = json.loads((moved.directory / "manifest.json").read_text())
    rows = sum(entry["rows"] for entry in manifest["tables"])
    first, second = moved.said.splitlines()
    assert first == f"{rows} rows of {len(manifest['tables'])} tables of ales brought in"
    assert re.fullmatch(r"\d{3,} balances computed again, 0 differ", second)
    checked = told(moved.here, "check")
    assert (checked.exit_code, checked.output.splitlines()[-1]) == (0, second)


def test_no_demonstration_is_loaded_on_top_of_it(moved: Moved, tmp_path: Path) -> None:
    """Nor at the first start of the service, nor where somebody asks for it."""
    before = asyncio.run(state(moved.here))
    refused = told(moved.here, "demo", "--keys-file", str(tmp_path / "keys.json"))
    assert (refused.exit_code, "has a territory of its own" in str(refused.exception)) == (1, True), refused.output
    assert asyncio.run(demo.ensure(moved.here, tmp_path / "keys.json", first_start=True)) == {}
    assert asyncio.run(state(moved.here)) == before
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def empty(new_database: Any, request: pytest.FixtureRequest) -> str:
    """A database into which nothing was ever written."""
    url: str = new_database(f"empty_{hashlib.sha256(request.node.name.encode()).hexdigest()[:8]}")
    return url


# --- what is told of it ----------------------------------------------------------------------------------------------


async def everything_told(url: str, key: str, settings: Settings) -> dict[str, tuple[int, bytes]]:
    """What the key reads of the territory: by address, status and body; of lists some objects, and what is below."""
    paths = [path for path, acts in document()["paths"].items() if path.startswith(HERE) and "get" in acts]
    found: dict[str, tuple[int, bytes]] = {}
    items: dict[str, list[Any]] = {}
    async with serving_in_process(settings.model_copy(update={"database_url": url})) as served:
        client = Client(InProcess(served), key, "")

        async def read(address: str) -> list[Any]:
            if address not in items:
                answer = await client.get(address)
                found[address] = answer.status_code, OF_THE_PLACE.sub(b"", answer.content)
                is_list = answer.status_code == 200 and answer.content.startswith(b'{"items":')
                items[address] = answer.json()["items"][:OF_EACH] if is_list else []
            return items[address]

        async def addresses(path: str) -> list[str]:
            before, name, after = re.fullmatch(r"(.*)/\{(\w+)\}(.*)", path).groups()  # type: ignore[union-attr]
            if name == "territory":
                return [f"/v1/territories/ales{after}"]
            lists = [f"{address}?limit=500" for address in await addresses(before)]
            below = [(each, item) for each in lists for item in await read(each)]
            return [f"{each.partition('?')[0]}/{value_of(item, name)}{after}" for each, item in below]

        for path in paths:
            for address in await addresses(path):
                await read(address)
    return found


def value_of(item: dict[str, Any], name: str) -> str:
    found = next(item[each] for each in (name, "id", "siren", "number") if each in item)
    return urllib.parse.quote(str(found), safe="")


def key_of(url: str, role: str) -> str:
    who = ("--subject", "A reader", "--email", f"{role}@reader.example.fr", "--organisation", "910000017")
    made = told(url, "keys", "create", "--role", role, *who)
    assert made.exit_code == 0, made.output
    return str(made.output.strip())


@pytest.fixture(scope="module")
def keys(moved: Moved) -> tuple[str, str, str]:
    """A key of an auditor at both places, and of a funder here; they are made after the export."""
    return key_of(moved.there, "auditor"), key_of(moved.here, "auditor"), key_of(moved.here, "funder")


async def test_whoever_reads_the_territory_is_told_the_same(
    moved: Moved, keys: tuple[str, str, str], settings: Settings
) -> None:
    there = await everything_told(moved.there, keys[0], settings)
    here = await everything_told(moved.here, keys[1], settings)
    assert list(there) == list(here)
    assert sum(status == 200 for status, _ in there.values()) > 300
    differing = {address for address in there if there[address] != here[address]}
    # What a review says leaves an installation in no export: it is to be written again, and its author is known.
    reviews = {address for address in there if address.endswith("/review") and there[address][0] == 200}
    assert reviews
    assert {here[address][0] for address in reviews} == {404}
    recommended = "/v1/territories/ales/totals"
    assert differing == {*reviews, recommended}, [(here[each], there[each]) for each in differing - reviews][:1]
    totals = [json.loads(answers[recommended][1]) for answers in (there, here)]
    assert [each.pop("recommended_cents") > 0 for each in totals] == [True, False]
    assert totals[0] == totals[1]
    await a_review_is_written_again(moved.here, min(reviews), keys[2], settings)


async def a_review_is_written_again(url: str, path: str, key: str, settings: Settings) -> None:
    """Who wrote it before is still among those who do not decide its file."""
    async with serving_in_process(settings.model_copy(update={"database_url": url})) as served:
        funder = Client(InProcess(served), key, "")
        written = ok(await funder.put(path, REVIEW), 201)
        assert ok(await funder.get(path)) == written
    connection = await asyncpg.connect(plain(url))
    [file] = re.findall(r"applications/(.*)/review", path)
    authors = await connection.fetchval("SELECT authors FROM application_reviews WHERE application_id = $1", file)
    await connection.close()
    assert len(authors) == 2
    assert str(authors[-1]) == written["author_id"]


# --- what is stored --------------------------------------------------------------------------------------------------


def rows_of(directory: Path, but: dict[str, set[str]]) -> dict[str, list[dict[str, str]]]:
    """The rows of an export by table, without these columns."""
    found = {}
    for table in export.tables():
        with (directory / f"{table.name}.csv").open(newline="") as file:
            left_out = but.get(table.name, set())
            found[table.name] = [
                {name: value for name, value in row.items() if name not in left_out} for row in csv.DictReader(file)
            ]
    return found


# Events get numbers of their own; a file that was imported is not at hand here, nor what was found in it.
OWN = {
    "events": {"sequence"},
    "imports": {"file_kept_until", "claim", "heartbeat_at", "status", "finished_at"},
    "import_problems": {"found"},
}


async def test_exported_again_it_is_the_same(
    http: Any, pool: Any, database_url: str, empty: str, tmp_path: Path
) -> None:
    """A territory with something in every table of its own, from a database with others in it."""
    await World.create(http, pool)
    world = await full(http, pool)
    first, second = tmp_path / "first", tmp_path / "second"
    await taken_out(world, database_url, first)
    engine = create_engine(empty, pool_size=1)
    try:
        brought = await bring_in.read(engine, first)
        await export.write(engine, world.territory, second)
    finally:
        await engine.dispose()
    assert brought.territory == world.territory
    assert brought.rows == sum(len(rows) for rows in rows_of(first, {}).values())
    for table in export.tables():
        if table.name not in OWN:
            assert (second / f"{table.name}.csv").read_bytes() == (first / f"{table.name}.csv").read_bytes(), table.name
    there, back = rows_of(first, OWN), rows_of(second, OWN)
    for name in OWN:
        assert back[name] == there[name]
    numbers = [int(row["sequence"]) for row in rows_of(second, {})["events"]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert {row["status"] for row in rows_of(second, {})["imports"]} <= {"succeeded", "refused", "failed", "cancelled"}


# --- what is refused -------------------------------------------------------------------------------------------------

Spoil = Callable[[Path], Any]


def cut(name: str) -> Spoil:
    def spoil(directory: Path) -> None:
        whole = (directory / name).read_bytes()
        (directory / name).write_bytes(whole[: len(whole) // 2])

    return spoil


def changed(old: bytes, new: bytes) -> Spoil:
    def spoil(directory: Path) -> None:
        whole = (directory / "ledger_entries.csv").read_bytes()
        assert old in whole
        (directory / "ledger_entries.csv").write_bytes(whole.replace(old, new, 1))

    return spoil


def removed(name: str) -> Spoil:
    return lambda directory: (directory / name).unlink()


def said_otherwise(member: str, value: Any) -> Spoil:
    def spoil(directory: Path) -> None:
        path = directory / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {member: value}))

    return spoil


def forged(table: str, change: Callable[[list[list[str]]], Any]) -> Spoil:
    """Other rows, under a manifest that says so."""

    def spoil(directory: Path) -> None:
        path = directory / f"{table}.csv"
        rows = list(csv.reader(io.StringIO(path.read_text())))
        change(rows)
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerows(rows)
        path.write_text(written.getvalue())
        manifest = json.loads((directory / "manifest.json").read_text())
        [entry] = [each for each in manifest["tables"] if each["table"] == table]
        body = path.read_bytes()
        entry |= {"rows": len(rows) - 1, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        (directory / "manifest.json").write_text(json.dumps(manifest))

    return spoil


def set_in_first(column: str, value: str) -> Callable[[list[list[str]]], None]:
    def change(rows: list[list[str]]) -> None:
        rows[1][rows[0].index(column)] = value

    return change


REFUSED: dict[str, tuple[Spoil, str]] = {
    "no export": (removed("manifest.json"), "is no export of a territory: it has no manifest.json"),
    "a manifest that is cut short": (cut("manifest.json"), "is cut short, or no manifest of an export"),
    "a manifest of something else": (lambda d: (d / "manifest.json").write_text("[]"), "no manifest"),
    "another migration": (said_otherwise("schema_revision", "2026_11_22_0500"), "the export is at revision 2026_11_22"),
    "other tables": (said_otherwise("tables", []), "does not name the tables of an export at revision"),
    "a file that is missing": (removed("events.csv"), "events.csv is missing"),
    "a file that is cut short": (cut("time_entries.csv"), "time_entries.csv is cut short: "),
    "a file that was changed": (changed(b"0", b"1"), "ledger_entries.csv is not as it was exported"),
    "a row that is no row": (
        forged("time_entries", set_in_first("worked_on", "soon")), "has a row that time_entries does not take: invalid"
    ),
    "a row that a rule refuses": (
        forged("time_entries", set_in_first("days", "0.30")), "has a row that time_entries does not take: "
    ),
    "a row that points nowhere": (
        forged("ledger_entries", set_in_first("contribution_id", "019e0000-0000-7000-8000-000000000000")),
        "has a row that ledger_entries does not take: ",
    ),
    "rows that lead back nowhere": (
        forged("project_stages", lambda rows: rows.__delitem__(slice(1, None))), "do not go together: "
    ),
    "rows that do not come to their balances": (
        forged("ledger_entries", lambda rows: rows.pop()), "balances differ from their entries: nothing was brought in"
    ),
}  # fmt: skip

_STATE = """
SELECT (SELECT json_agg((conrelid::regclass, conname, condeferrable, condeferred) ORDER BY conrelid, conname)::text
        FROM pg_constraint WHERE contype = 'f'),
    (SELECT string_agg(DISTINCT tgenabled::text, '') FROM pg_trigger)
"""


async def state(url: str) -> tuple[Any, set[str]]:
    """How the foreign keys and triggers of a database stand, and which of its tables have rows."""
    connection = await asyncpg.connect(plain(url))
    try:
        filled = {
            name for name in models.metadata.tables if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name})")
        }
        return tuple(await connection.fetchrow(_STATE)), filled
    finally:
        await connection.close()


async def test_what_is_not_whole_is_refused_and_leaves_nothing(
    moved: Moved, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring_in, "WAIT", "200ms")
    before = await state(empty)
    engine = create_engine(empty, pool_size=1)

    async def refused(directory: Path, wanted: str) -> None:
        with pytest.raises(bring_in.NotBroughtIn) as refusal:
            await bring_in.read(engine, directory)
        assert wanted in str(refusal.value)
        assert await state(empty) == before

    for name, (spoil, wanted) in REFUSED.items():
        copy = tmp_path / name
        shutil.copytree(moved.directory, copy)
        spoil(copy)
        await refused(copy, wanted)
        shutil.rmtree(copy)

    def stop(what: str) -> None:
        if what == "writing time_entries":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await bring_in.read(engine, moved.directory, stop)
    assert await state(empty) == before
    # Somebody writes meanwhile.
    writer = await asyncpg.connect(plain(empty))
    async with writer.transaction():
        await writer.execute("LOCK TABLE waves IN ROW EXCLUSIVE MODE")
        await refused(moved.directory, "somebody writes to the database: stop the service")
    await writer.close()
    # Then it is brought in as if nothing had been tried, and a second one is refused.
    assert (await bring_in.read(engine, moved.directory)).territory == "ales"
    with pytest.raises(bring_in.NotBroughtIn, match="the database is not empty: "):
        await bring_in.read(engine, moved.directory)
    now, _ = await state(empty)
    await engine.dispose()
    assert now == before[0]


async def test_only_an_owner_brings_a_territory_in(moved: Moved, empty: str) -> None:
    """The role of the service, which cannot switch off a trigger."""
    owner = await asyncpg.connect(plain(empty))
    await owner.execute(
        "DROP ROLE IF EXISTS rebond_test_reader; CREATE ROLE rebond_test_reader;"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rebond_test_reader"
    )
    engine = create_engine(empty, pool_size=1)
    event.listen(engine.sync_engine, "connect", lambda held, _: held.cursor().execute("SET ROLE rebond_test_reader"))
    try:
        with pytest.raises(bring_in.NotBroughtIn, match="only the owner of the tables"):
            await bring_in.read(engine, moved.directory)
    finally:
        await engine.dispose()
        await owner.execute("DROP OWNED BY rebond_test_reader; DROP ROLE rebond_test_reader")
        await owner.close()


def test_the_command_refuses_in_one_line(moved: Moved, tmp_path: Path) -> None:
    named = "name the directory of an export, and no option: rebond import territory DIRECTORY"
    for words, said in (
        ((), named),
        ((str(moved.directory / "events.csv"),), named),
        ((str(moved.directory), "--dry-run"), named),
        ((str(tmp_path),), f"{tmp_path} is no export of a territory: it has no manifest.json"),
        ((str(moved.directory),), "the database is not empty: "),
    ):
        refused = told(moved.here, "import", "territory", *words)
        assert refused.exit_code == 1
        assert str(refused.exception).startswith(said)
    assert migrations.head() in (moved.directory / "README.md").read_text()
    assert "rebond import territory" in (moved.directory / "README.md").read_text()
    lines = told(moved.here, "import", "firms", str(moved.directory))
    assert (lines.exit_code, str(lines.exception)) == (1, f"{moved.directory} is a directory")
    shown = told(moved.here, "import", "--help").output
    assert "rebond import territory" in shown
