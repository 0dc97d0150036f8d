"""A file becomes objects: whole or not at all, once however often, and its faults are told by line and column."""

import asyncio
import contextlib
import json
import re
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import generate_latest
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

from app.core.db import create_engine, session_factory
from app.core.serving import background
from app.integrations.imports import runner
from app.integrations.imports.models import ImportStatus
from tests.conftest import plain
from tests.integrations.imports.files import CSV, carry_out, csv_file, ended_of, send, xlsx_file
from tests.world import Client, World, fresh_siren, ok, problem

FIRMS = "/v1/imports?kind=firms"


def firms(count: int = 2) -> tuple[list[str], list[str]]:
    sirens = sorted(fresh_siren() for _ in range(count))
    return sirens, ["siren;raison sociale;code APE", *(f"{s};Atelier {s};25.62B" for s in sirens)]


async def told(world: World, siren: str) -> list[tuple[str, str, str]]:
    """The events about a firm, in their order, also those above the feed's horizon."""
    query = "SELECT type, data->>'name' AS name, request_id FROM events WHERE resource_id = $1 ORDER BY sequence"
    return [tuple(row.values()) for row in await world.pool.fetch(query, siren)]


async def at_rest(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the service's own runner rest, once it has ended what it is at: what carries an import out, to be called."""
    usual = runner.run_next
    rests = asyncio.Event()

    async def rest(engine: AsyncEngine, *_: Any, **_named: Any) -> bool:
        if engine.url == app.state["engine"].url:
            rests.set()
        return False

    monkeypatch.setattr(runner, "run_next", rest)
    app.state["import_received"].set()
    async with asyncio.timeout(60):
        await rests.wait()
    return usual


@pytest.fixture
async def run_next(app: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What carries an import out, for this test to call: the service's own runner rests meanwhile."""
    return await at_rest(app, monkeypatch)


class Held:
    """A step of one import's run, which does not end until it is released; a deaf one ignores that it is cancelled.

    Other imports take the step as usual: another test may have left one under way in the same process.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, received: dict[str, Any], step: str, *, deaf: bool = False
    ) -> None:
        self.reached, self.released = asyncio.Event(), asyncio.Event()
        self.deaf = deaf
        self.task: asyncio.Task[Any] | None = None
        usual = getattr(runner._Run, step)

        async def held(run: Any, *arguments: Any) -> Any:
            done = await usual(run, *arguments)
            if str(run.id) == received["id"]:
                self.task = asyncio.current_task()
                self.reached.set()
                await self._wait()
            return done

        monkeypatch.setattr(runner._Run, step, held)

    async def wait(self) -> None:
        """Until the step is reached."""
        async with asyncio.timeout(60):
            await self.reached.wait()

    async def _wait(self) -> None:
        while not self.released.is_set():
            try:
                await self.released.wait()
            except asyncio.CancelledError:
                if not self.deaf:
                    raise


def ours(monkeypatch: pytest.MonkeyPatch, engine: AsyncEngine, run: Any) -> None:
    """Let `serve` run this with this engine; the service's own runner, which has another, goes on resting."""

    async def only(given: AsyncEngine, *arguments: Any, **named: Any) -> bool:
        return given is engine and bool(await run(given, *arguments, **named))

    monkeypatch.setattr(runner, "run_next", only)


async def test_a_file_of_firms_is_imported_once_and_a_second_run_changes_nothing(app: Any, world: World) -> None:
    sirens, lines = firms(3)
    first = await carry_out(world.clients["territory"], FIRMS, csv_file(*lines))
    assert (first["status"], first["rows_created"], first["problems"]) == ("succeeded", 3, [])
    assert (first["rows_read"], first["rows_checked"], first["rows_written"]) == (3, 3, 3)
    assert first["columns"][1] == {"header": "raison sociale", "field": "name"}
    firm = ok(await world.auditor.get(f"/v1/firms/{sirens[0]}"))
    assert (firm["name"], firm["naf_code"]) == (f"Atelier {sirens[0]}", "25.62B")

    again = await carry_out(world.clients["territory"], FIRMS, csv_file(*lines))
    assert (again["rows_created"], again["rows_updated"], again["rows_unchanged"]) == (0, 0, 3)
    assert (again["rows_read"], again["rows_checked"], again["rows_written"]) == (3, 3, 0), "nothing was written"
    assert ok(await world.auditor.get(f"/v1/firms/{sirens[0]}"))["version"] == firm["version"]

    lines[1] = lines[1].replace("Atelier", "Fonderie")
    changed = await carry_out(world.clients["territory"], FIRMS, csv_file(*lines))
    assert (changed["rows_created"], changed["rows_updated"], changed["rows_unchanged"]) == (0, 1, 2)
    assert changed["rows_written"] == 1
    assert await told(world, sirens[0]) == [
        ("firm.created", f"Atelier {sirens[0]}", f"import-{first['id']}"),
        ("firm.updated", f"Fonderie {sirens[0]}", f"import-{changed['id']}"),
    ]


async def test_a_faulty_line_refuses_the_whole_file_and_all_faults_are_told(app: Any, world: World) -> None:
    sirens, lines = firms(2)
    lines += ["123456789;Mauvaise clé;25.62B", f"{fresh_siren()};;25.62B", f"{sirens[0]};Encore;", f"{sirens[1]};x;25"]
    ended = await carry_out(world.clients["territory"], FIRMS, csv_file(*lines))
    assert ended["status"] == "refused"
    assert ended["problems"] == [
        (4, "siren", "invalid_siren", "blocking"),
        (5, "name", "required", "blocking"),
        (6, "siren", "repeated_line", "blocking"),
        (7, "naf_code", "invalid_naf_code", "blocking"),
    ]
    assert (ended["rows_created"], ended["blocking_problems"]) == (0, 4)
    problem(await world.auditor.get(f"/v1/firms/{sirens[0]}"), 404, "not-found")


async def test_on_request_faulty_lines_are_left_out(app: Any, world: World) -> None:
    sirens, lines = firms(2)
    ended = await carry_out(
        world.clients["territory"], FIRMS + "&on_error=skip", csv_file(*lines, "123456789;Mauvaise clé;")
    )
    assert (ended["status"], ended["rows_created"], ended["rows_skipped"]) == ("succeeded", 2, 1)
    ok(await world.auditor.get(f"/v1/firms/{sirens[1]}"))


async def test_a_dry_run_tells_all_and_changes_nothing(app: Any, world: World) -> None:
    sirens, lines = firms(2)
    ended = await carry_out(world.clients["territory"], FIRMS + "&dry_run=true", csv_file(*lines))
    assert (ended["status"], ended["rows_created"], ended["dry_run"]) == ("succeeded", 2, True)
    problem(await world.auditor.get(f"/v1/firms/{sirens[0]}"), 404, "not-found")


@pytest.mark.parametrize(
    ("encoding", "delimiter", "end"),
    [("utf-8", ",", "\n"), ("utf-8-sig", ";", "\r\n"), ("cp1252", ";", "\r\n"), ("latin-1", "\t", "\r")],
)
async def test_the_file_may_be_written_as_offices_write(
    app: Any, world: World, encoding: str, delimiter: str, end: str
) -> None:
    siren = fresh_siren()
    spaced = f"{siren[:3]}\u00a0{siren[3:6]} {siren[6:]}"
    header = delimiter.join(['"N° SIREN"', "Dénomination", "Activité principale"])
    inside = "," if delimiter == "\t" else delimiter  # a tab is no part of a name
    row = delimiter.join([spaced, f'"Mécanique ""cévenole""{inside} Alès"', "25.62B"])
    ended = await carry_out(world.clients["territory"], FIRMS, csv_file(header, "", row, end=end, encoding=encoding))
    assert (ended["status"], ended["delimiter"], ended["problems"]) == ("succeeded", delimiter, [])
    firm = ok(await world.auditor.get(f"/v1/firms/{siren}"))
    assert firm["name"] == f'Mécanique "cévenole"{inside} Alès'


async def test_a_latin_file_behind_a_utf8_mark_is_read(app: Any, world: World) -> None:
    siren = fresh_siren()
    content = b"\xef\xbb\xbf" + csv_file("siren;nom", f"{siren};Société créée", encoding="latin-1")
    ended = await carry_out(world.clients["territory"], FIRMS, content)
    assert (ended["status"], ended["encoding"]) == ("succeeded", "cp1252")
    assert ok(await world.auditor.get(f"/v1/firms/{siren}"))["name"] == "Société créée"


async def test_a_workbook_is_imported_with_its_types(app: Any, world: World) -> None:
    siren = fresh_siren()
    content = xlsx_file(["SIREN", "Nom", "Catégorie juridique", None], [int(siren), "Tôlerie", 5710, None], [])
    ended = await carry_out(world.clients["territory"], FIRMS, content)
    assert (ended["status"], ended["format"], ended["problems"]) == ("succeeded", "xlsx", [])
    assert ok(await world.auditor.get(f"/v1/firms/{siren}"))["legal_form_code"] == "5710"


async def test_what_our_exports_guard_is_read_as_it_was(app: Any, world: World) -> None:
    siren = fresh_siren()
    ended = await carry_out(world.clients["territory"], FIRMS, csv_file("siren,name", f"{siren},'=1+1 SARL"))
    assert ended["status"] == "succeeded"
    assert ok(await world.auditor.get(f"/v1/firms/{siren}"))["name"] == "=1+1 SARL"


async def test_an_unknown_column_is_told_and_a_missing_one_refuses(app: Any, world: World) -> None:
    siren = fresh_siren()
    told = await carry_out(world.clients["territory"], FIRMS, csv_file("siren;nom;couleur;siern", f"{siren};A;bleu;"))
    assert told["status"] == "succeeded"
    assert told["problems"] == [
        (1, "couleur", "ignored_column", "advisory"),
        (1, "siern", "ignored_column", "advisory"),
    ]
    lacking = await carry_out(world.clients["territory"], FIRMS, csv_file("nom;code APE", "A;25.62B"))
    assert (lacking["status"], lacking["problem"]["type"]) == ("refused", "/problems/unreadable-file")
    assert (1, "siren", "missing_column", "blocking") in lacking["problems"]


@pytest.mark.parametrize(
    "content",
    [
        b"\x00" * 100, b"siren;nom\n", b"siren;nom\n" + b"\xff\xfe" * 50, b'siren;nom\n"' + b"x" * 200_000,
        b"PK\x03\x04 not a workbook", b"siren" + b";a" * 600, b"\n\n\n",
        b"siren;nom\n=cmd|'/c calc'!A1;\x00\n", b"\xef\xbb\xbf",
    ],
    ids=["nul", "header", "garbage", "quote", "zip", "wide", "blank", "formula", "mark"],
)  # fmt: skip
async def test_no_file_breaks_the_reader(app: Any, world: World, content: bytes) -> None:
    ended = await carry_out(world.clients["territory"], FIRMS, content)
    assert ended["status"] in ("refused", "succeeded")
    assert ended["rows_created"] == 0
    assert ended["status"] == "succeeded" or ended["problems"]


async def test_nothing_and_the_wrong_type_are_refused_at_once(world: World) -> None:
    client = world.clients["territory"]
    empty = await client.request("POST", FIRMS, content=b"", headers=CSV)
    assert problem(empty, 422, "unreadable-file")["reason"] == "empty_file"
    told = problem(await client.post(FIRMS, {"siren": "x"}), 415, "unsupported-media-type")
    assert {"text/csv", "application/vnd.ms-excel", "application/octet-stream"} <= set(told["expected"])
    assert "text/csv" in told["detail"]
    assert "JSON" not in told["title"] + told["detail"]
    missing = problem(await client.request("POST", "/v1/imports", content=b"a", headers=CSV), 422, "validation-failed")
    assert missing["errors"][0]["pointer"] == "kind"
    wrong = await client.request("POST", "/v1/imports?kind=perimeter", content=b"a", headers=CSV)
    problem(wrong, 422, "validation-failed")


async def test_an_import_needs_the_permission_of_what_it_writes(world: World) -> None:
    refused = await world.consultant.request("POST", FIRMS, content=b"siren;nom\n", headers=CSV)
    assert problem(refused, 403, "forbidden")["permission"] == "firms:write"
    problem(await world.auditor.request("POST", FIRMS, content=b"a", headers=CSV), 403, "forbidden")
    problem(await world.http.request("POST", FIRMS, content=b"a", headers=CSV), 401, "credentials-missing")


async def test_a_right_that_was_lost_meanwhile_stops_the_import(app: Any, world: World, run_next: Any) -> None:
    received = await send(world.clients["territory"], FIRMS, csv_file(*firms()[1]))
    async with world.pool.acquire() as connection:
        await connection.execute(
            "UPDATE members SET to_on = '2020-01-02' WHERE subject_id = $1", world.subjects["territory"]
        )
    await run_next(app.state["engine"], app.state["sessions"], UUID(received["id"]))
    ended = ok(await world.auditor.get(f"/v1/imports/{received['id']}"))
    assert (ended["status"], ended["problem"]["type"]) == ("refused", "/problems/import-not-permitted")


async def test_the_same_key_imports_once(app: Any, world: World) -> None:
    content = csv_file(*firms()[1])
    sent = [await send(world.clients["territory"], FIRMS, content, **{"Idempotency-Key": "k1"}) for _ in range(2)]
    assert sent[0]["id"] == sent[1]["id"]
    other = await world.clients["territory"].request(
        "POST", FIRMS, content=content + b"\n", headers=CSV | {"Idempotency-Key": "k1"}
    )
    problem(other, 422, "idempotency-key-reused")


async def test_the_perimeter_of_a_vintage_is_imported(app: Any, world: World, other: World) -> None:
    lines = ["millésime;code INSEE;commune", "2024;30007;Alès", "2024;30010;Anduze"]
    path = f"/v1/territories/{world.territory}/imports?kind=perimeter"
    ended = await carry_out(world.programme, path, csv_file(*lines))
    assert (ended["status"], ended["rows_created"], ended["problems"]) == ("succeeded", 2, [])
    perimeter = ok(await world.auditor.get("perimeter/2024"))
    assert [c["name"] for c in perimeter["communes"]] == ["Alès", "Anduze"]
    again = await carry_out(world.programme, path, csv_file(*lines, "2024;30132;La Grand-Combe"))
    assert (again["rows_created"], again["rows_unchanged"]) == (1, 2)
    problem(await other.clients["territory"].get(f"{path.partition('?')[0]}/{ended['id']}"), 404, "not-found")
    base = f"/v1/territories/{other.territory}/imports"
    problem(await world.programme.get(f"{base}/{ended['id']}"), 404, "not-found")
    problem(await world.programme.get(f"{base}/{ended['id']}/problems"), 404, "not-found")


async def test_two_processes_carry_an_import_out_once(app: Any, world: World, run_next: Any) -> None:
    sirens, lines = firms(50)
    received = await send(world.clients["territory"], FIRMS, csv_file(*lines))
    engine, sessions = app.state["engine"], app.state["sessions"]
    ran = await asyncio.gather(*(run_next(engine, sessions, UUID(received["id"])) for _ in range(4)))
    assert sorted(ran) == [False, False, False, True]
    assert len(await told(world, sirens[7])) == 1


async def test_an_import_whose_process_died_is_taken_over_and_done_once(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any
) -> None:
    sirens, lines = firms(20)
    received = await send(world.clients["territory"], FIRMS, csv_file(*lines))
    engine, sessions = app.state["engine"], app.state["sessions"]
    import_id = UUID(received["id"])
    with monkeypatch.context() as patched:
        held = Held(patched, received, "_finish")  # all is written, nothing is committed
        first = asyncio.create_task(run_next(engine, sessions, import_id))
        await held.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
    problem(await world.auditor.get(f"/v1/firms/{sirens[0]}"), 404, "not-found")
    assert not await run_next(engine, sessions, import_id), "it still beats"
    async with world.pool.acquire() as connection:
        await connection.execute(
            "UPDATE imports SET heartbeat_at = heartbeat_at - interval '1 minute' WHERE id = $1", import_id
        )
        await connection.execute("DELETE FROM import_lines WHERE import_id = $1", import_id)  # as after a crash
    assert await run_next(engine, sessions, import_id)
    ended = ok(await world.auditor.get(f"/v1/imports/{import_id}"))
    assert (ended["status"], ended["rows_created"], ended["attempts"]) == ("succeeded", 20, 2)


async def test_a_process_that_stops_in_the_middle_of_an_import_stops(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any
) -> None:
    """Also in the moment in which the import no longer beats: its end is being committed."""
    received = await send(world.clients["territory"], FIRMS, csv_file(*firms(3)[1]))
    held = Held(monkeypatch, received, "_finish")
    ours(monkeypatch, app.state["engine"], run_next)
    serving = asyncio.create_task(runner.serve(app.state["engine"], app.state["sessions"], asyncio.Event()))
    await held.wait()
    serving.cancel()
    async with asyncio.timeout(10):
        await asyncio.gather(serving, return_exceptions=True)
    assert serving.cancelled()
    async with world.pool.acquire() as connection:  # no other test's runner shall take it over
        await connection.execute(
            "UPDATE imports SET status = 'cancelled', finished_at = now() WHERE id = $1", UUID(received["id"])
        )


@pytest.mark.parametrize("end", [None, runner._Superseded()], ids=["done", "superseded"])
async def test_a_process_that_stops_as_an_import_ends_stops(
    app: Any, monkeypatch: pytest.MonkeyPatch, run_next: Any, end: Exception | None
) -> None:
    """The import's own end may swallow the cancellation: it must not be waited for again."""
    reached, over = asyncio.Event(), asyncio.Event()

    async def ending(*_: Any, **_named: Any) -> bool:
        reached.set()
        with contextlib.suppress(asyncio.CancelledError):
            await over.wait()
        if end is not None:
            raise end
        return True

    ours(monkeypatch, app.state["engine"], ending)
    serving = asyncio.create_task(runner.serve(app.state["engine"], app.state["sessions"], asyncio.Event()))
    await reached.wait()
    serving.cancel()
    async with asyncio.timeout(2):
        await asyncio.gather(serving, return_exceptions=True)
    assert serving.cancelled()


async def test_a_cancelled_import_writes_nothing(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any
) -> None:
    monkeypatch.setattr(runner, "BEAT", 0.01)
    sirens, lines = firms(20)
    client = world.clients["territory"]
    received = await send(client, FIRMS, csv_file(*lines))
    held = Held(monkeypatch, received, "_write_slice")
    running = asyncio.create_task(run_next(app.state["engine"], app.state["sessions"], UUID(received["id"])))
    await held.wait()
    assert ok(await client.get(f"/v1/imports/{received['id']}"))["status"] == "running"
    ok(await client.post(f"/v1/imports/{received['id']}/cancel"))
    assert await running
    assert ok(await client.get(f"/v1/imports/{received['id']}"))["status"] == "cancelled"
    problem(await client.get(f"/v1/firms/{sirens[0]}"), 404, "not-found")
    problem(await client.post(f"/v1/imports/{received['id']}/cancel"), 409, "import-finished")
    async with world.pool.acquire() as connection:
        for table in ("import_lines", "import_chunks"):
            column = "import_id" if table == "import_lines" else "upload_id"
            kept = await connection.fetchval(
                f"SELECT count(*) FROM {table} t JOIN imports i ON t.{column} IN (i.id, i.upload_id) WHERE i.id = $1",
                UUID(received["id"]),
            )
            assert kept == 0, table


@pytest.mark.parametrize("deaf", [False, True], ids=["hangs", "deaf"])
async def test_an_import_that_does_not_end_does_not_keep_the_others_waiting(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any, database_url: str, deaf: bool
) -> None:
    """It fails and its sender is told; where it cannot even be cancelled, it is left behind with what it holds."""
    client = world.clients["territory"]
    first = await send(client, FIRMS, csv_file(*firms()[1]))
    held = Held(monkeypatch, first, "_write_slice", deaf=deaf)
    engine = create_engine(database_url, pool_size=2)  # what a run needs: it cannot do with one that the first left
    before = engine.sync_engine.pool
    ours(monkeypatch, engine, run_next)
    monkeypatch.setattr(background, "GRACE", 0.1)
    with monkeypatch.context() as patched:
        patched.setattr(runner, "LONGEST", 5.0)  # a reader starts meanwhile
        if deaf:
            patched.setattr(runner, "ENDING", 0.1)
        serving = asyncio.create_task(runner.serve(engine, session_factory(engine), asyncio.Event()))
        await held.wait()
    second = await send(client, FIRMS, csv_file(*firms()[1]))
    try:
        assert (await ended_of(client, second))["status"] == "succeeded"
        if not deaf:
            told = ok(await client.get(f"/v1/imports/{first['id']}"))
            assert (told["status"], told["problem"]["type"]) == ("failed", "/problems/import-failed")
    finally:
        held.released.set()
        serving.cancel()
        await asyncio.gather(serving, *([held.task] if held.task else []), return_exceptions=True)
        await engine.dispose()
        await greenlet_spawn(before.dispose)


async def test_the_runner_rests_once_the_import_that_it_is_at_has_ended(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of these tests themselves: a step that one replaces must not meet an import that another has left."""
    client = world.clients["territory"]
    with monkeypatch.context() as patched:
        await at_rest(app, patched)
        received = await send(client, FIRMS, csv_file(*firms()[1]))
    held = Held(monkeypatch, received, "_check")
    app.state["import_received"].set()
    await held.wait()
    resting = asyncio.create_task(at_rest(app, monkeypatch))
    assert (await asyncio.wait({resting}, timeout=0.05))[1] == {resting}
    held.released.set()
    await resting
    assert ok(await client.get(f"/v1/imports/{received['id']}"))["status"] == "succeeded"


async def test_the_end_of_an_import_is_recorded_with_its_problems_and_its_event_or_not_at_all(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch, run_next: Any
) -> None:
    client = world.clients["territory"]
    received = await send(client, FIRMS, csv_file("siren;nom", "123456789;Mauvaise clé"))
    import_id = UUID(received["id"])

    async def dying(*_: Any) -> None:
        raise LookupError

    with monkeypatch.context() as patched:
        patched.setattr(runner, "record", dying)  # the event is the last that is written
        with pytest.raises(LookupError):
            await run_next(app.state["engine"], app.state["sessions"], import_id)
    assert ok(await client.get(f"/v1/imports/{import_id}"))["status"] == "running"
    assert ok(await client.get(f"/v1/imports/{import_id}/problems"))["items"] == []
    ok(await client.post(f"/v1/imports/{import_id}/cancel"))


async def _told_to_wait(app: Any, world: World) -> float:
    await runner.look(app.state["engine"])
    told = re.search(r"^rebond_imports_wait_seconds (\S+)$", generate_latest().decode(), re.MULTILINE)
    assert told is not None
    return float(told[1])


async def test_the_metrics_tell_how_long_imports_wait(app: Any, world: World, run_next: Any) -> None:
    client = world.clients["territory"]
    received = await send(client, FIRMS, csv_file(*firms()[1]))
    async with world.pool.acquire() as connection:
        await connection.execute(
            "UPDATE imports SET created_at = now() - interval '2 hours' WHERE id = $1", UUID(received["id"])
        )
    waits = [await _told_to_wait(app, world) for _ in range(3)]  # the service's own look may have begun before
    assert 7200 <= max(waits) < 7300
    ok(await client.post(f"/v1/imports/{received['id']}/cancel"))


async def test_what_stands_in_the_file_stands_in_no_event_and_beside_a_problem_alone(app: Any, world: World) -> None:
    secret = "Mme Untel 0612345678"
    ended = await carry_out(world.clients["territory"], FIRMS, csv_file("siren;nom", f"{secret};{secret}"))
    assert ended["status"] == "refused"
    async with world.pool.acquire() as connection:
        told = await connection.fetch(
            "SELECT data::text FROM events WHERE resource_id = $1"
            " UNION ALL SELECT (to_jsonb(p) - 'found')::text FROM import_problems p WHERE import_id::text = $1",
            ended["id"],
        )
    assert len(told) >= 3
    assert not any("Untel" in json.dumps(row["data"]) for row in told)


def test_every_end_of_an_import_is_final() -> None:
    assert set(ImportStatus) - {ImportStatus.QUEUED, ImportStatus.RUNNING} == {
        ImportStatus.SUCCEEDED, ImportStatus.REFUSED, ImportStatus.FAILED, ImportStatus.CANCELLED,
    }  # fmt: skip


async def test_the_bounds_of_an_import_replace_those_of_a_request(database_url: str) -> None:
    """They hold in a transaction that has begun under the shorter ones."""
    short = {"transaction_timeout": "200ms", "statement_timeout": "200ms"}
    connection = await asyncpg.connect(plain(database_url), server_settings=short)
    try:
        async with connection.transaction():
            for bound in runner.bounds(60).split(";"):
                await connection.execute(bound)
            assert await connection.fetchval("SELECT 1 FROM pg_sleep(0.3)") == 1
            assert await connection.fetchval("SHOW plan_cache_mode") == "force_custom_plan", "tables grow under it"
    finally:
        await connection.close()


# --- whose imports are ----------------------------------------------------------------------------------------------


async def listed(client: Client, path: str) -> set[str]:
    return {each["id"] for each in ok(await client.get(path, params={"limit": 500}))["items"]}


async def test_an_import_is_seen_and_cancelled_by_its_organisation_where_it_may_send_that_kind(
    app: Any,
    world: World,
    other: World,
    run_next: Any,
) -> None:
    staff = world.clients["territory"]
    national = await send(staff, FIRMS, csv_file(*firms()[1]))
    contacts = await send(staff, "imports?kind=contacts", csv_file("siren;nom", "123456789;X"))
    strangers = [
        world.consultant, world.lead, world.funder, world.treasurer, other.clients["territory"], other.consultant,
    ]  # fmt: skip
    for path, received in (("/v1/imports", national), (f"{world.lead.base}/imports", contacts)):
        one = f"{path}/{received['id']}"
        for client in strangers:
            problem(await client.get(one), 404, "not-found")
            problem(await client.get(f"{one}/problems"), 404, "not-found")
            problem(await client.post(f"{one}/cancel"), 404, "not-found")
            problem(await client.delete(f"{one}/file"), 404, "not-found")
            if client not in (other.clients["territory"], other.consultant) or path == "/v1/imports":
                assert received["id"] not in await listed(client, path)
        assert received["id"] in await listed(world.auditor, path)
        assert received["id"] in await listed(staff, path)
    # Who sees the imports of everybody cancels none of a kind that it may not send.
    problem(await world.programme.post(f"{world.lead.base}/imports/{contacts['id']}/cancel"), 403, "forbidden")
    ok(await staff.post(f"imports/{contacts['id']}/cancel"))
    ok(await world.programme.post(f"/v1/imports/{national['id']}/cancel"))


@pytest.mark.parametrize("end", ["revoked_at", "expires_at"])
async def test_an_import_that_waits_is_refused_where_its_key_no_longer_works(
    app: Any,
    world: World,
    run_next: Any,
    end: str,
) -> None:
    staff = world.clients["territory"]
    received = await send(staff, FIRMS, csv_file(*firms()[1]))
    key = await world.pool.fetchval("SELECT api_key_id FROM imports WHERE id = $1", UUID(received["id"]))
    assert str(key) == ok(await staff.get("/v1/me"))["key_id"]
    await world.pool.execute(f"UPDATE api_keys SET {end} = now() - interval '1 second' WHERE id = $1", key)
    assert await run_next(app.state["engine"], app.state["sessions"], UUID(received["id"]))
    ended = ok(await world.auditor.get(f"/v1/imports/{received['id']}"))
    assert (ended["status"], ended["problem"]["type"]) == ("refused", "/problems/import-not-permitted")
    assert ended["rows_written"] == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("permissions = ARRAY['imports:read', 'imports:write', 'firms:write']", "succeeded"),
        ("permissions = ARRAY['imports:read', 'imports:write']", "refused"),
        ("permissions = ARRAY['imports:read', 'firms:write']", "refused"),
        ("territories = ARRAY['HERE']", "succeeded"),
        ("territories = ARRAY['ELSEWHERE']", "refused"),
        ("scope = 'read_only'", "refused"),
    ],
)
async def test_an_import_that_waits_may_what_its_key_carries_when_it_runs(
    app: Any, world: World, other: World, run_next: Any, change: str, status: str
) -> None:
    """Whatever its sender's roles permit beyond that."""
    received = await send(world.clients["territory"], FIRMS, csv_file(*firms()[1]))
    key = await world.pool.fetchval("SELECT api_key_id FROM imports WHERE id = $1", UUID(received["id"]))
    assignment = change.replace("HERE", world.territory).replace("ELSEWHERE", other.territory)
    await world.pool.execute(f"UPDATE api_keys SET {assignment} WHERE id = $1", key)
    assert await run_next(app.state["engine"], app.state["sessions"], UUID(received["id"]))
    ended = ok(await world.auditor.get(f"/v1/imports/{received['id']}"))
    assert (ended["status"], ended["rows_written"]) == (status, 2 if status == "succeeded" else 0)
    assert (ended["problem"] or {}).get("type") == (None if status == "succeeded" else "/problems/import-not-permitted")
    told = (
        "SELECT actor_id FROM events WHERE resource_type = 'import' AND resource_id = $1 ORDER BY sequence DESC LIMIT 1"
    )
    assert await world.pool.fetchval(told, received["id"]) == world.subjects["territory"]


async def test_an_import_carries_no_role_that_its_key_does_not_carry(app: Any, world: World, run_next: Any) -> None:
    """One that decides, pays or administers is carried by a key whose fingerprint was confirmed."""
    received = await send(world.programme, FIRMS, csv_file(*firms()[1]))
    body = {"subject_id": str(world.subjects["programme"]), "name": "unconfirmed"}
    made = ok(await world.admin.post("/v1/api-keys", body), 201)
    ok(await world.http.post("/v1/enrolments", json={"code": made["code"]}), 201)
    asked_with = "UPDATE imports SET api_key_id = $2 WHERE id = $1"
    await world.pool.execute(asked_with, UUID(received["id"]), UUID(made["id"]))
    assert await run_next(app.state["engine"], app.state["sessions"], UUID(received["id"]))
    ended = ok(await world.auditor.get(f"/v1/imports/{received['id']}"))
    assert (ended["status"], ended["rows_written"]) == ("refused", 0)


async def test_an_import_of_before_its_key_was_kept_is_run_by_the_roles_of_its_sender(
    app: Any,
    world: World,
    run_next: Any,
) -> None:
    received = await send(world.clients["territory"], FIRMS, csv_file(*firms()[1]))
    await world.pool.execute("UPDATE imports SET api_key_id = NULL WHERE id = $1", UUID(received["id"]))
    assert await run_next(app.state["engine"], app.state["sessions"], UUID(received["id"]))
    assert ok(await world.auditor.get(f"/v1/imports/{received['id']}"))["status"] == "succeeded"
