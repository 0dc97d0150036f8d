"""What no file does to the service: it is read apart, written in bounded time, and nothing of it is lost."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import event

from app.core.db import create_engine, session_factory
from app.core.writing import apart
from app.core.writing.importing import match
from app.integrations.imports import runner
from app.integrations.imports.importers import IMPORTERS
from app.integrations.imports.progress import KEPT_PROBLEMS
from app.integrations.imports.telling import Telling
from app.reader.tables import column_letters
from tests.integrations.imports.files import carry_out, csv_file, ended_of, send, xlsx_file
from tests.integrations.imports.test_imports import FIRMS, Held, at_rest, firms, told
from tests.reader.files import FOUND, ods_file, with_rows, xlsb_file
from tests.world import World, fresh_siren, ok, problem

SLOW = with_rows("<x/>" * 5_000_000)  # some seconds for who reads it


@pytest.fixture
async def run_next(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What carries an import out, for this test to call: the service's own runner rests meanwhile."""
    return await at_rest(app, monkeypatch)


async def column(world: World, received: dict[str, Any], name: str) -> Any:
    async with world.pool.acquire() as connection:
        return await connection.fetchval(f"SELECT {name} FROM imports WHERE id = $1", UUID(received["id"]))


async def dies(world: World, received: dict[str, Any]) -> None:
    """As if the process that carries the import out had been killed half a minute ago, and the server with it."""
    async with world.pool.acquire() as connection:
        await connection.execute(
            "UPDATE imports SET heartbeat_at = heartbeat_at - interval '1 minute' WHERE id = $1", UUID(received["id"])
        )
        await connection.execute("DELETE FROM import_lines WHERE import_id = $1", UUID(received["id"]))


def readers_ended(limit: str) -> float:
    """How many readers of files the metrics say that this limit has ended; `died` of those that said none."""
    return REGISTRY.get_sample_value("rebond_import_readers_ended_total", {"limit": limit}) or 0


# --- what is lost in silence elsewhere -------------------------------------------------------------------------------


async def test_nothing_under_no_heading_and_no_line_break_where_none_belongs_is_taken(app: Any, world: World) -> None:
    one, two = (fresh_siren() for _ in range(2))
    rows = [
        "siren;;nom",
        f"{one};lost;A",
        f'{two};;"B\n{one};;C"',
        f"{fresh_siren()};;D;;;",
        f'{fresh_siren()};;"\nE\n"',
    ]
    ended = await carry_out(world.clients["territory"], FIRMS, csv_file(*rows))
    assert ended["problems"] == [
        (2, "", "under_no_heading", "blocking"), (3, "name", "line_break", "blocking"),
    ]  # fmt: skip
    note = f"/v1/territories/{world.territory}/imports?kind=contacts&dry_run=true"
    lines = csv_file("siren;nom;note", f'{one};Mme X;"une\nligne"')
    assert "line_break" not in {
        each[2] for each in (await carry_out(world.clients["territory"], note, lines))["problems"]
    }


async def test_a_file_whose_values_alone_are_read_says_so_and_asks_about_blanks(app: Any, world: World) -> None:
    siren = fresh_siren()
    content = ods_file(["siren", "nom", "sigle", "ville"], [siren, "Élan", "", ""])
    ended = await carry_out(world.clients["territory"], FIRMS, content)
    assert (ended["status"], ended["format"], ended["rows_created"]) == ("succeeded", "ods", 1)
    assert ended["problems"] == [
        (1, "ville", "ignored_column", "advisory"), (1, "", "values_alone", "advisory"),
        (1, "acronym", "blank_or_unseen", "advisory"),
    ]  # fmt: skip
    binary = xlsb_file(["siren", "nom", "créée le"], [fresh_siren(), "Élan", date(2023, 9, 8)], sheet="Firmes")
    ended = await carry_out(world.clients["territory"], FIRMS + "&sheet=Firmes", binary)
    assert (ended["status"], ended["format"], ended["rows_created"]) == ("succeeded", "xlsb", 1)
    assert ended["problems"] == [(1, "", "values_alone", "advisory")]


async def test_what_is_no_table_is_named_when_it_is_sent(world: World) -> None:
    for content, found in ((b"%PDF-1.4", "PDF"), (b"<!doctype html><html>", "HTML"), (b'{"a": 1}', "JSON")):
        sent = await world.clients["territory"].request(
            "POST", FIRMS, content=content, headers={"Content-Type": "application/vnd.ms-excel"}
        )
        told = problem(sent, 422, "unreadable-file")
        assert (told["reason"], told["found"]) == ("not_a_table", found)
        assert f"The file is {found}" in told["detail"]


# --- what it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "limit"),
    [
        (with_rows('<row r="1000000000000000"><c><v>1</v></c></row>'), "too_many_rows"),
        ((FOUND / "b05_sst.xlsx").read_bytes(), "too_many_strings"),
        (b"siren;nom\n1;" + b"x" * 2_000_000 + b"\n", "line_too_long"),
    ],
    ids=["far", "b05", "csv"],
)  # fmt: skip
async def test_a_file_beyond_a_limit_is_refused_and_the_next_one_is_imported(
    app: Any, world: World, content: bytes, limit: str
) -> None:
    client = world.clients["territory"]
    before = readers_ended(limit)
    ended = await carry_out(client, FIRMS, content)
    assert (ended["status"], ended["attempts"]) == ("refused", 1)
    assert readers_ended(limit) == before + 1
    assert (ended["problem"]["type"], ended["problem"]["limit"]) == ("/problems/import-too-large", limit)
    assert "Send it as CSV" in ended["problem"]["detail"]
    assert "CSV" in ended["problem"]["detail_fr"]
    assert "guillemet qui manque" in ended["problem"]["detail_fr"], "a CSV needs another cure than to be one"
    assert await column(world, ended, "reader_deaths") == 0
    assert (await carry_out(client, FIRMS, csv_file(*firms()[1])))["status"] == "succeeded"


def test_a_table_may_be_as_wide_as_a_sheet() -> None:
    """What is wrong with its columns takes time in proportion to them: the service told each among all the others."""
    importer = IMPORTERS["firms"]
    began = time.process_time()
    header = match(importer, 1, ["siren", "nom", *(f"colonne {n}" for n in range(16_000))])
    faults = header.faults(importer)[:KEPT_PROBLEMS]
    told = Telling(uuid4(), importer, header)
    rows = [told.row(fault) for fault in faults]
    assert time.process_time() - began < 4, "some tenths of a second; it was half a minute"
    assert (len(rows), rows[-1][4]) == (KEPT_PROBLEMS, f"{column_letters(KEPT_PROBLEMS + 2)}1")


@pytest.mark.parametrize(("times", "status"), [(1, "succeeded"), (2, "refused")])
async def test_a_reader_that_is_killed_is_tried_once_more(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any, times: int, status: str
) -> None:
    usual = apart.Reading.begin
    killed: list[int] = []

    def begin(reading: apart.Reading) -> None:
        usual(reading)
        if len(killed) < times:
            killed.append(reading.pid)
            os.kill(reading.pid, signal.SIGKILL)

    client = world.clients["territory"]
    received = await send(client, FIRMS, csv_file(*firms(40_000)[1]))
    monkeypatch.setattr(apart.Reading, "begin", begin)
    before = readers_ended("died")
    await run_next(app.state["engine"], app.state["sessions"], UUID(received["id"]))
    ended = ok(await client.get(f"/v1/imports/{received['id']}"))
    assert (ended["status"], await column(world, received, "reader_deaths")) == (status, times)
    assert readers_ended("died") - before == times
    if status == "refused":
        assert (ended["problem"]["type"], ended["problem"]["reason"]) == ("/problems/unreadable-file", "reader_ended")
    else:
        assert ended["rows_created"] == 40_000


def _gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


async def happens(what: Callable[[], bool]) -> bool:
    """Whether it happens within the second, and the slack of a busy machine."""
    for _ in range(500):
        if what():
            return True
        await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize("end", ["cancelled", "stopped"])
async def test_a_reader_ends_with_its_import(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any, end: str
) -> None:
    started: list[int] = []
    usual = apart.Reading.begin

    def begin(reading: apart.Reading) -> None:
        started.append(reading.pid)
        usual(reading)

    monkeypatch.setattr(apart.Reading, "begin", begin)
    client = world.clients["territory"]
    received = await send(client, FIRMS, SLOW)
    running = asyncio.create_task(run_next(app.state["engine"], app.state["sessions"], UUID(received["id"])))
    assert await happens(lambda: bool(started))
    await asyncio.sleep(0.5)
    assert not _gone(started[0])
    if end == "cancelled":
        ok(await client.post(f"/v1/imports/{received['id']}/cancel"))
        assert await happens(lambda: _gone(started[0]))
        assert await running
    else:
        running.cancel()
        assert await happens(lambda: _gone(started[0]))
        await asyncio.gather(running, return_exceptions=True)
        assert await column(world, received, "reader_deaths") == 0, "a stop of the worker is no death of the reader"
        ok(await client.post(f"/v1/imports/{received['id']}/cancel"))


# --- how it is written -----------------------------------------------------------------------------------------------


async def test_where_lines_are_left_out_each_five_hundred_are_committed_and_resumed_after_a_death(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any
) -> None:
    sirens, lines = firms(1_200)
    lines[10] = "123456789;Mauvaise clé;"
    lines[700] = lines[1]
    client = world.clients["territory"]
    received = await send(client, FIRMS + "&on_error=skip", csv_file(*lines))
    assert received["transaction_seconds"] is None
    engine, sessions = app.state["engine"], app.state["sessions"]
    with monkeypatch.context() as patched:
        held = Held(patched, received, "_commit")
        first = asyncio.create_task(run_next(engine, sessions, UUID(received["id"])))
        await held.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    ok(await client.get(f"/v1/firms/{sirens[0]}"))
    problem(await client.get(f"/v1/firms/{sirens[1100]}"), 404, "not-found")
    assert await column(world, received, "rows_created") == 500
    await dies(world, received)
    assert await run_next(engine, sessions, UUID(received["id"]))
    ended = ok(await client.get(f"/v1/imports/{received['id']}"))
    counted = [ended[f"rows_{name}"] for name in ("read", "created", "unchanged", "skipped", "written")]
    assert (ended["status"], ended["attempts"], counted) == ("succeeded", 2, [1_200, 1_198, 0, 2, 1_198])
    items = ok(await client.get(f"/v1/imports/{received['id']}/problems"))["items"]
    assert [(each["line"], each["code"]) for each in items] == [(11, "invalid_siren"), (701, "repeated_line")]
    for siren in (sirens[0], sirens[1199]):
        assert len(await told(world, siren)) == 1


async def test_a_line_that_the_service_refuses_is_left_out_and_told_once_whatever_dies(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any
) -> None:
    """Its slice is then written line by line, each with its place in the file."""
    sirens, lines = firms(5)
    importer = IMPORTERS["firms"]
    usual = importer.apply

    async def apply(write: Any, place: Any, some: Any) -> Any:
        if any(line.item.siren == sirens[2] for line in some):
            raise runner.ImportNotPermitted
        return await usual(write, place, some)

    monkeypatch.setitem(IMPORTERS, "firms", type(importer)(**vars(importer) | {"apply": apply}))
    client = world.clients["territory"]
    received = await send(client, FIRMS + "&on_error=skip", csv_file(*lines))
    engine, sessions = app.state["engine"], app.state["sessions"]
    with monkeypatch.context() as patched:
        usual_commit = runner._Run._commit
        reached = asyncio.Event()

        async def commit(run: Any, actor: Any, some: Any, upto: int) -> Any:
            done = await usual_commit(run, actor, some, upto)
            if str(run.id) == received["id"] and upto == 5 and len(some) == 1:
                reached.set()
                await asyncio.sleep(60)
            return done

        patched.setattr(runner._Run, "_commit", commit)
        first = asyncio.create_task(run_next(engine, sessions, UUID(received["id"])))
        async with asyncio.timeout(60):
            await reached.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    assert await column(world, received, "written_to") == 5
    await dies(world, received)
    assert await run_next(engine, sessions, UUID(received["id"]))
    ended = ok(await client.get(f"/v1/imports/{received['id']}"))
    assert (ended["status"], ended["rows_created"], ended["rows_skipped"], ended["blocking_problems"]) == (
        "succeeded", 4, 1, 1,
    )  # fmt: skip
    items = ok(await client.get(f"/v1/imports/{received['id']}/problems"))["items"]
    assert [(each["line"], each["code"]) for each in items] == [(4, "import-not-permitted")]
    problem(await client.get(f"/v1/firms/{sirens[2]}"), 404, "not-found")


def slowly(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let firms take so long to be written."""
    importer = IMPORTERS["firms"]
    usual = importer.apply

    async def apply(write: Any, place: Any, lines: Any) -> Any:
        connection = await write.session.connection()
        await connection.exec_driver_sql(f"SELECT pg_sleep({seconds})")
        return await usual(write, place, lines)

    monkeypatch.setitem(IMPORTERS, "firms", type(importer)(**vars(importer) | {"apply": apply}))


async def test_an_import_outlives_the_bound_of_its_session(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any, database_url: str
) -> None:
    """PostgreSQL does not begin a running transaction_timeout anew: it is switched off first."""
    engine = create_engine(database_url, pool_size=4)

    @event.listens_for(engine.sync_engine, "connect")
    def short(connection: Any, _: Any) -> None:
        connection.run_async(lambda driver: driver.execute("SET transaction_timeout = '1s'"))

    slowly(monkeypatch, 1.5)
    client = world.clients["territory"]
    received = await send(client, FIRMS, csv_file(*firms()[1]))
    try:
        assert await run_next(engine, session_factory(engine), UUID(received["id"]))
    finally:
        await engine.dispose()
    assert ok(await client.get(f"/v1/imports/{received['id']}"))["status"] == "succeeded"


async def test_a_transaction_beyond_its_bound_is_refused_as_it_was_said(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any
) -> None:
    slowly(monkeypatch, 5)
    client = world.clients["territory"]
    sirens, lines = firms()
    for path in (FIRMS, FIRMS + "&on_error=skip&dry_run=true"):
        received = await send(client, path, csv_file(*lines))
        async with world.pool.acquire() as connection:
            await connection.execute(
                "UPDATE imports SET transaction_seconds = 1 WHERE id = $1 AND transaction_seconds = 600",
                UUID(received["id"]),
            )
        assert await run_next(app.state["engine"], app.state["sessions"], UUID(received["id"]))
        ended = ok(await client.get(f"/v1/imports/{received['id']}"))
        assert (ended["status"], ended["transaction_seconds"]) == ("refused", 1)
        assert (ended["problem"]["type"], ended["problem"]["transaction_seconds"]) == ("/problems/import-too-long", 1)
        assert "on_error=skip" in ended["problem"]["detail"]
    problem(await client.get(f"/v1/firms/{sirens[0]}"), 404, "not-found")


async def test_the_answer_says_beforehand_how_long_a_transaction_may_last(app: Any, world: World) -> None:
    client = world.clients["territory"]
    said = {}
    for path in ("", "&on_error=skip", "&on_error=skip&dry_run=true", "&dry_run=true"):
        received = await send(client, FIRMS + path, xlsx_file(["siren", "nom"], [fresh_siren(), "A"]))
        said[path] = received["transaction_seconds"]
        await ended_of(client, received)
    assert said == {"": 600, "&on_error=skip": None, "&on_error=skip&dry_run=true": 600, "&dry_run=true": 600}
