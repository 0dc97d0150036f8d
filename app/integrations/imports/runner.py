"""Runs imports: claims one, reads its file into waiting lines, checks them set-wise, and writes them.

The claim is a row: its process updates it every half second, and after half a minute without an update another process
takes over. That is harmless: all that an import writes, with the status that it is done, is one transaction, so it
happens once or not at all; where faulty lines are left out, each 500 lines are one, with the line that is reached, and
who takes over goes on from there. Progress is written separately, on a connection of its own.

No wait is without an end. An import fails after an hour; one that cannot even be cancelled is left behind, and the
runner goes on with a fresh pool. The metrics tell how long imports wait for a runner.
"""

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from decimal import Decimal
from json import JSONDecoder
from typing import IO, Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import structlog
from prometheus_client import Gauge
from pydantic_core import from_json, to_json
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.access.gate import asked_by
from app.access.rules import Scope
from app.core import clock, limits
from app.core.db import Base, SessionFactory, driver_connection, raw_connection
from app.core.faults import Fault
from app.core.problems import Problem
from app.core.serving.background import within
from app.core.violations import translate
from app.core.writing import apart, sheets
from app.core.writing.importing import (
    NO_LINES,
    FileLine,
    Header,
    Importer,
    LineFault,
    NamedLine,
    Outcome,
    Reader,
    found_in,
    says_nothing_new,
)
from app.core.writing.writes import Change, System, Write, WritingSubject, record
from app.integrations.imports import service, telling
from app.integrations.imports.importers import IMPORTERS
from app.integrations.imports.models import ImportStatus, OnError
from app.integrations.imports.progress import ImportProgress
from app.integrations.imports.service import TRANSACTION, UnreadableFile, bound_of, listing_of

log = structlog.get_logger("rebond")

SLICE = 500  # lines that are read, checked or written together
AT_ONCE = 20  # of them that the service reads or checks without a look at its other requests
SLICE_BYTES = 512 * 1024  # bytes after which fewer are read together
BEAT = 0.5  # seconds between two signs of life
LOST = 30.0  # seconds without one, after which another process takes over
SEND = "imports:write"  # what a sender needs beside what the kind asks for
POLL = 5.0  # seconds between two looks for imports that another process received or lost
ATTEMPTS = 5
LONGEST = 3600.0  # seconds that one import may take; then it fails
ENDING = 30.0  # seconds more for it to record that; then its heartbeat ends, and after as many it is left behind
LOUD = 60.0  # seconds without a look that succeeded, after which a failure is logged as an error

# What one import may take: until its turn in its place, and then. These replace the bounds of a request. A
# transaction_timeout that runs changes only by way of 0.
WAITS = (
    "SET LOCAL transaction_timeout = 0; SET LOCAL transaction_timeout = '1h'; SET LOCAL statement_timeout = '1h';"
    " SET LOCAL lock_timeout = '1h'"
)


def bounds(seconds: int) -> str:
    """The bounds of a transaction that may write for so long; our own clock ends it a little before.

    Its statements are planned each time: it fills the tables that they read, and a plan that is kept was made for the
    few rows of before (50 000 firms in a register of 47 took minutes of a nested loop, not seconds).
    """
    return (
        "SET LOCAL plan_cache_mode = force_custom_plan;"
        f"SET LOCAL transaction_timeout = 0; SET LOCAL transaction_timeout = '{seconds + 5}s';"
        f" SET LOCAL statement_timeout = '{seconds + 5}s'; SET LOCAL lock_timeout = '10s';"
        " SET LOCAL idle_in_transaction_session_timeout = '5min'"
    )


WAIT = Gauge(
    "rebond_imports_wait_seconds",
    "Seconds for which the oldest import that no process carries out has waited; 0 where none waits.",
    multiprocess_mode="mostrecent",
)


class ImportFailed(Problem):
    """The import failed; nothing was changed."""

    status = 500
    title_fr = "L'import a échoué ; rien n'a été modifié."
    cure = "Send the file again. If it fails again, report the id of the import."
    cure_fr = "Renvoyez le fichier. Si l'échec se répète, signalez l'id de l'import."


class ImportTooLarge(Problem):
    """The file goes beyond what is read."""

    status = 422
    title_fr = "Le fichier dépasse ce qui est lu."
    detail = "{limit}"
    detail_fr = "{limit}"
    cure = (
        "Send it as CSV where it is a workbook, which without its other sheets and its formats is smaller too, or in"
        " parts. In a CSV, look for a quotation mark that is missing in the line."
    )
    cure_fr = (
        "Envoyez-le en CSV si c'est un classeur, qui sans ses autres feuilles ni ses mises en forme est plus petit"
        " aussi, ou en plusieurs parties. Dans un CSV, cherchez un guillemet qui manque à la ligne."
    )


class ImportTooLong(Problem):
    """The lines take longer to write than one transaction may."""

    status = 422
    title_fr = "L'écriture des lignes dure plus longtemps qu'une transaction ne le peut."
    detail = "They are written in one transaction, of at most {transaction_seconds} s."
    detail_fr = "Elles s'écrivent en une transaction, de {transaction_seconds} s au plus."
    cure = "Send the file with on_error=skip, which commits each 500 lines, or in parts."
    cure_fr = "Envoyez le fichier avec on_error=skip, qui valide toutes les 500 lignes, ou en plusieurs parties."


class ImportNotPermitted(Problem):
    """The sender of the import is no longer allowed to write this here, or its key no longer works."""

    status = 403
    title_fr = "L'auteur de l'import n'a plus le droit d'écrire ceci ici, ou sa clé n'est plus valable."


VALUES_ALONE = Fault(
    "values_alone",
    en="Of this file ({format}) the values alone are read: errors, formulas that were never calculated, and the formats"
    " in which numbers are shown cannot be seen.",
    fr="De ce fichier ({format}), seules les valeurs sont lues : les erreurs, les formules qui n'ont jamais été"
    " calculées et les formats d'affichage des nombres ne se voient pas.",
)
BLANK_OR_UNSEEN = Fault(
    "blank_or_unseen",
    en="Cells of this column are blank: in this format they could as well hold an error. Send XLSX or CSV to be sure.",
    fr="Des cellules de cette colonne sont vides : dans ce format, elles pourraient aussi contenir une erreur. Envoyez"
    " du XLSX ou du CSV pour en être sûr.",
)


class _Superseded(Exception):
    """The import was called off, or another process holds it now."""


_CLAIM = """
UPDATE imports SET status = 'running', claim = $1, attempts = attempts + 1, heartbeat_at = now(), updated_at = now(),
    started_at = coalesce(started_at, now())
WHERE id = (
    SELECT id FROM imports
    WHERE ($2::uuid IS NULL OR id = $2) AND kind = ANY($4)
      AND (status = 'queued' OR (status = 'running' AND heartbeat_at < now() - make_interval(secs => $3)))
    ORDER BY attempts, id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING *
"""
# Imports write to a place one after the other: their lines come in any order, and so would the rows that they make.
_HOLD_PLACE = f"SELECT pg_advisory_xact_lock(hashtextextended(:place, {0x696D706F7274}))"
_WAIT = """
SELECT coalesce(max(extract(epoch FROM now() - coalesce(heartbeat_at, created_at))), 0)::float8 FROM imports
WHERE status = 'queued' OR (status = 'running' AND heartbeat_at < now() - make_interval(secs => $1))
"""
# What is committed by parts is counted with them: a beat that had to wait for such a commit tells less.
_BEAT = """
UPDATE imports SET heartbeat_at = now(), updated_at = now(), rows_read = greatest(rows_read, $3), rows_checked = $4,
    rows_written = greatest($5, CASE WHEN written_to > 0 THEN rows_written END),
    rows_unchanged = greatest($6, CASE WHEN written_to > 0 THEN rows_unchanged END)
WHERE id = $1 AND claim = $2 AND status = 'running' RETURNING true
"""
_COLUMNS = "UPDATE imports SET columns = $3::jsonb, delimiter = $4, format = $5 WHERE id = $1 AND claim = $2"
_DIED = "UPDATE imports SET reader_deaths = reader_deaths + 1 WHERE id = $1 AND claim = $2 RETURNING reader_deaths"
_REACH = """
UPDATE imports SET heartbeat_at = now(), updated_at = now(), written_to = $3, rows_read = greatest(rows_read, $4),
    rows_written = $5, rows_created = $6, rows_updated = $7, rows_unchanged = $8,
    blocking_problems = $9, advisory_problems = $10
WHERE id = $1 AND claim = $2 AND status = 'running' RETURNING true
"""
_WAITING = """
SELECT number, body, written FROM import_lines WHERE import_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""
_LEFT_OUT = "DELETE FROM import_lines WHERE import_id = $1 AND number = ANY($2)"
_FINISH = """
UPDATE imports SET status = $3, finished_at = now(), updated_at = now(), heartbeat_at = NULL, claim = NULL,
    rows_read = greatest(rows_read, $4), rows_checked = $5, rows_written = $6, rows_created = $7, rows_updated = $8,
    rows_unchanged = $9,
    rows_skipped = $10, blocking_problems = $11, advisory_problems = $12, problem = $13::jsonb
WHERE id = $1 AND claim = $2 AND status = 'running' RETURNING true
"""
_FORGET_LINES = """
DELETE FROM import_lines l USING imports i WHERE i.id = $1 AND l.import_id = i.id AND i.finished_at IS NOT NULL
"""
_FORGET_FILE = """
DELETE FROM import_chunks c USING imports i WHERE i.id = $1 AND c.upload_id = i.upload_id AND i.finished_at IS NOT NULL
    AND i.file_kept_until IS NULL
"""


_own_json = JSONDecoder(parse_float=Decimal).decode  # what was written here needs no second look at how
T = TypeVar("T")
Tell = Callable[[ImportProgress], None]  # who wants to see the progress: called about every second


async def serve(
    engine: AsyncEngine, sessions: SessionFactory, woken: asyncio.Event, *, memory: int = apart.MEMORY
) -> None:
    """Run imports one after the other, for as long as the process serves; `woken` says that one has just come.

    `memory` is what the reader of a file may take.

    An import that neither ends nor lets itself be cancelled is left behind, and the next one runs: the transaction of
    the first is ended, and with it the hold on its place.
    """
    well = time.monotonic()
    writing: set[int] = set()
    while True:
        try:
            while await within(LONGEST + 2 * ENDING, run_next(engine, sessions, writing=writing, memory=memory)):
                well = time.monotonic()
            well = time.monotonic()
        except Exception:  # whatever ended it, the next import runs; this one is taken up when its heartbeat is old
            if time.monotonic() - well > LOUD:
                log.exception("imports_interrupted")
            else:
                log.warning("imports_interrupted", exc_info=True)
            with contextlib.suppress(Exception):  # what was left behind may hold connections: begin with a fresh pool
                await within(LOST, engine.dispose())
            with contextlib.suppress(Exception):
                await within(LOST, _end(engine, writing))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL):
                await woken.wait()
        woken.clear()


async def _end(engine: AsyncEngine, writing: set[int]) -> None:
    """End the transactions that imports left behind, by the processes of the database that carry them out."""
    async with raw_connection(engine) as connection:
        await connection.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid", list(writing))
    writing.clear()


async def look(engine: AsyncEngine) -> None:
    """Tell in the metrics how long imports wait, whether this process runs them or not."""
    async with raw_connection(engine) as connection:
        WAIT.set(await connection.fetchval(_WAIT, LOST))


async def run_next(
    engine: AsyncEngine, sessions: SessionFactory, import_id: UUID | None = None, *, told: Tell | None = None,
    writing: set[int] | None = None, memory: int = apart.MEMORY,
) -> bool:  # fmt: skip
    """Claim and run one import, this one or the oldest that waits; False where there is none.

    `writing` holds the process of the database that writes it, for as long as it does.

    One that was tried before waits until all others have been tried, so that it cannot keep them waiting.
    """
    async with asyncio.timeout(LOST), raw_connection(engine) as connection:
        row = await connection.fetchrow(_CLAIM, uuid4(), import_id, LOST, list(IMPORTERS))
    if row is None:
        return False
    run = _Run(engine, sessions, row, IMPORTERS[row["kind"]], writing if writing is not None else set(), memory)
    beating = asyncio.create_task(run.beat(told))
    working = asyncio.create_task(run.work(beating))
    beating.add_done_callback(lambda done: working.cancel() if not done.cancelled() and not working.done() else None)
    mine = asyncio.current_task()
    try:
        await working
    except (_Superseded, asyncio.CancelledError):
        if mine is not None and mine.cancelling():
            raise  # the process itself stops: another takes over
        log.info("import_superseded", import_id=str(run.id))
        await run.clear()
    finally:
        beating.cancel()
        working.cancel()
        await asyncio.gather(beating, working, return_exceptions=True)
    return True


class _Run:
    """One import under way."""

    def __init__(
        self,
        engine: AsyncEngine,
        sessions: SessionFactory,
        row: Any,
        importer: Importer,
        writing: set[int],
        memory: int,
    ) -> None:
        self.engine, self.sessions, self.importer, self.writing = engine, sessions, importer, writing
        self.row, self.memory = row, memory
        self.id: UUID = row["id"]
        self.claim: UUID = row["claim"]
        self.place: str | None = row["territory"]
        self.options = service.ReadingOptions(**row["options"])
        self.header: Header | None = None
        self.progress = ImportProgress()
        self.actor: WritingSubject = System()
        self.by_parts = row["on_error"] == OnError.SKIP and not row["dry_run"]
        self.seconds: int = row["transaction_seconds"] or TRANSACTION

    async def beat(self, told: Tell | None) -> None:
        """Record every second that the import is alive and how far it is.

        Ends when another process has the claim, and where the import should have ended: another process then tries it.
        """
        end = time.monotonic() + LONGEST + ENDING
        while time.monotonic() < end:
            await asyncio.sleep(BEAT)
            p = self.progress
            if told is not None:
                told(p)
            try:
                async with asyncio.timeout(LOST), raw_connection(self.engine) as connection:
                    counts = (p.read, p.checked, p.written, p.unchanged)
                    if not await connection.fetchval(_BEAT, self.id, self.claim, *counts):
                        return
            except Exception:  # whatever it is, the work goes on: another process takes over if all beats are missed
                log.warning("import_beat_missed", import_id=str(self.id), exc_info=True)

    async def work(self, beating: asyncio.Task[None]) -> None:
        """Carry out the import from the file to its end, be it success, refusal or failure."""
        problem: Problem | None = None
        status = ImportStatus.FAILED
        try:
            async with asyncio.timeout(LONGEST):
                actor = await self._allow()
                await self._read(actor)
                if self.by_parts:
                    status = await self._write_parts(actor, beating)
                else:
                    status = await self._write(actor, beating)
        except Problem as refusal:
            problem = refusal
            status = ImportStatus.FAILED if refusal.status >= 500 else ImportStatus.REFUSED
        except (_Superseded, asyncio.CancelledError):
            raise
        except (DBAPIError, asyncpg.PostgresError) as error:
            problem = translate(error, Base.metadata) or ImportFailed()
            if problem.reason == "transaction_timeout" and not self.by_parts:
                problem = ImportTooLong(transaction_seconds=self.seconds)
            status = ImportStatus.FAILED if problem.status >= 500 else ImportStatus.REFUSED
            log.warning("import_stopped", import_id=str(self.id), exc_info=True)
        except Exception:  # a fault of ours: who waits for the import is told, and the next one runs
            log.exception("import_failed", import_id=str(self.id))
            problem = ImportFailed()
        beating.cancel()
        if status is not ImportStatus.SUCCEEDED or self.row["dry_run"]:
            async with self.sessions() as session, session.begin():
                await self._finish(session, status, problem)
        await self.clear()

    async def clear(self) -> None:
        """Forget the waiting lines, unless somebody else goes on with them, and the file where it is not kept."""
        async with raw_connection(self.engine) as connection:
            for statement in (_FORGET_LINES, _FORGET_FILE):
                await connection.execute(statement, self.id)

    async def _allow(self) -> WritingSubject:
        """Who asked, where the roles in force now, and the key that asked as it stands now, still permit it; the
        service itself for the command line.

        What the import writes is asked of the same roles and the same key.
        """
        if self.row["attempts"] > ATTEMPTS:
            raise ImportFailed
        if self.row["requested_by"] is None:
            return self.actor
        async with raw_connection(self.engine) as connection:
            actor = await asked_by(connection, self.row["requested_by"], self.row["api_key_id"])
            self.actor = actor or await asked_by(connection, self.row["requested_by"], None) or self.actor
        if (
            actor is None
            or actor.scope is Scope.READ_ONLY
            or not all(actor.may(needed, self.place) for needed in (SEND, self.importer.permission))
        ):
            raise ImportNotPermitted
        return actor

    # --- from bytes to waiting lines ---------------------------------------------------------------------------------

    async def _read(self, actor: WritingSubject) -> None:
        """Read the file into `import_lines`: a program of its own parses it, and a thread takes what that tells.

        A reader that dies without a word may have been ended by somebody else, and is tried again once.
        """
        async with raw_connection(self.engine) as connection:
            reached = self.row["written_to"] > 0
            if not reached:
                await connection.execute("DELETE FROM import_problems WHERE import_id = $1", self.id)
            with tempfile.TemporaryFile() as file:
                await service.fetch(connection, self.row["upload_id"], file)
                while True:
                    self.progress = ImportProgress.resumed(self.row) if reached else ImportProgress()
                    await connection.execute("DELETE FROM import_lines WHERE import_id = $1", self.id)
                    try:
                        await self._take(connection, file, actor)
                    except apart.ReaderDied as death:
                        service.READERS_ENDED.labels("died").inc()
                        deaths = await connection.fetchval(_DIED, self.id, self.claim)
                        log.warning("import_reader_died", import_id=str(self.id), exit_code=death.code, deaths=deaths)
                        if deaths is None:
                            raise _Superseded from None
                        if deaths > 1:
                            self._note_whole(1, sheets.READER_ENDED)
                            raise UnreadableFile(reason=sheets.READER_ENDED) from None
                    except sheets.UnreadableSheet as error:
                        self._note_whole(error.line or 1, error.reason, **error.figures)
                        raise _unreadable(error) from None
                    except sheets.SheetTooLarge as error:
                        service.READERS_ENDED.labels(error.limit.code).inc()
                        self._note_whole(1, error.limit, **error.figures)
                        raise ImportTooLarge(limit=error.limit, **error.figures) from None
                    else:
                        return

    def _note_whole(self, line: int, reason: Fault, **figures: Any) -> None:
        self.progress.note([LineFault(line, "", reason.at("", **figures))])

    async def _take(self, connection: Any, file: IO[bytes], actor: WritingSubject) -> None:
        """Hear the reader from the headings to the end."""
        shape = sheets.SheetShape(sheets.Format(self.row["format"]), self.row["encoding"])
        with apart.Reading(file, shape, self.memory, self.options.sheet) as reading:
            await _listen(reading, reading.begin)
            header, rows = await _listen(reading, lambda: self._header(reading))
            columns = to_json([{"header": name, "field": to} for name, to in header.matched]).decode()
            await connection.execute(_COLUMNS, self.id, self.claim, columns, reading.delimiter, reading.format)
            if reading.shallow:
                alone = VALUES_ALONE.at("", format=reading.format.upper())
                self.progress.note([LineFault(header.line, "", alone, advisory=True)])
            await self._stage(connection, reading, rows, header, actor)

    def _header(self, reading: apart.Reading) -> tuple[Header, Iterator[sheets.Row]]:
        """The headings and the rows below them."""
        header, below = self.options.header(self.importer, reading.rows(), reading.sheets)
        self.header = header
        faults = header.faults(self.importer, self.options.hours_per_day)
        self.progress.note(faults)
        if any(not fault.advisory for fault in faults):
            sheet, *others = reading.sheets or [""]
            reason = sheets.UNUSABLE_SHEET if others else sheets.UNUSABLE_HEADER
            named = {"sheet": sheet, "others": others} if others else {}
            raise sheets.UnreadableSheet(reason, header.line, found_line=header.line, **named)
        return header, below

    async def _stage(
        self, connection: Any, reading: apart.Reading, rows: Iterator[sheets.Row], header: Header, actor: WritingSubject
    ) -> None:
        reader = Reader(self.importer, header, self.options.hours_per_day)
        columns = [(place, name) for place, (_, name) in enumerate(header.matched) if name is not None]
        blank: set[str] = set()

        def some() -> tuple[list[tuple[UUID, int, str, str | None]], list[LineFault], list[NamedLine], int, bool]:
            staged, faults, seen = [], [], 0
            named: list[NamedLine] = []
            most = reading.taken + SLICE_BYTES
            for number, cells in rows:
                line, wrong = reader.line(number, cells)
                faults += wrong
                if line is not None:
                    written = to_json(line.written).decode() if line.written else None
                    staged.append((self.id, line.number, line.item.model_dump_json(exclude_unset=True), written))
                if reader.named is not None:
                    named.append(reader.named)
                if reading.shallow:
                    blank.update(name for place, name in columns if place >= len(cells) or not cells[place])
                seen += 1
                if seen % AT_ONCE == 0:
                    time.sleep(0)  # else requests wait for Python to take turns, 5 ms at each of their steps
                if seen == SLICE or reading.taken > most:
                    return staged, faults, named, seen, False
            return staged, faults, named, seen, True

        try:
            while not self.progress.whole:
                staged, faults, named, seen, whole = await _listen(reading, some)
                if same := await self._unchanged(actor, named):
                    staged = [line for line in staged if line[1] not in same]
                    faults = [fault for fault in faults if fault.line not in same]
                    self.progress.same += len(same)
                await connection.copy_records_to_table(
                    "import_lines", records=staged, columns=["import_id", "number", "body", "written"]
                )
                self.progress.note(faults)
                self.progress.read += seen
                self.progress.bytes_read = reading.share
                self.progress.whole = whole
        finally:
            reader.close()
        unseen = [LineFault(header.line, name, BLANK_OR_UNSEEN.at(""), advisory=True) for name in sorted(blank)]
        self.progress.note(unseen)
        if not self.progress.read and not self.importer.xml:
            self.progress.note([LineFault(header.line, "", NO_LINES.at(""), advisory=True)])

    async def _unchanged(self, actor: WritingSubject, named: Sequence[NamedLine]) -> set[int]:
        """The lines that repeat an object as it stands, whatever state it is in: they are not written, so that no rule
        of that state refuses them. Of another organisation's objects nothing is said to who sees its own alone.
        """
        importer = self.importer
        if not named or importer.listing is None:
            return set()
        async with self.sessions() as session, session.begin():
            write = Write(session, actor, clock.now())
            stored = await write.find(importer.listing, [line.id for line in named], bound_of(self.place))
        shown = {key: from_json(seen.body) for key, seen in stored.items()}
        if _sees_only_own(actor, importer, self.place):
            own = str(getattr(actor, "organisation_id", None))
            shown = {key: item for key, item in shown.items() if item.get("organisation_id") == own}
        return {
            line.number
            for line in named
            if line.id in shown and says_nothing_new(line.values, shown[line.id], importer.renamed)
        }

    # --- from waiting lines to objects -------------------------------------------------------------------------------

    async def _lines(self, after: int = -1) -> AsyncIterator[list[FileLine]]:
        """The waiting lines, a slice at a time; of what is no table, all."""
        most = None if self.importer.xml else SLICE
        schema = self.importer.schema
        while True:
            async with raw_connection(self.engine) as connection:
                rows = await connection.fetch(_WAITING, self.id, after, most)
            if not rows:
                return
            after = rows[-1]["number"]
            lines: list[FileLine] = []
            for number, row in enumerate(rows, 1):
                written = from_json(row["written"]) if row["written"] else {}
                lines.append(FileLine(row["number"], schema.model_validate(_own_json(row["body"])), written))
                if number % AT_ONCE == 0:
                    await asyncio.sleep(0)
            yield lines

    async def _faults_of(self, write: Write, lines: list[FileLine]) -> Sequence[LineFault]:
        if self.importer.check is None or not lines:
            return ()
        return found_in(lines, await self.importer.check(write, self.place, lines))

    async def _write(self, actor: WritingSubject, beating: asyncio.Task[None]) -> ImportStatus:
        """Check and write all lines in one transaction, together with the status that it is done.

        It holds the feed of all, so it has a bound, which the sender was told. What is refused already is tried as a
        dry run is, so that all faults are told at once; but of an XML, whose rows stand or fall together, nothing is.
        """
        abort = self.row["on_error"] == OnError.ABORT
        async with self.sessions() as session, session.begin() as transaction, self._known(session):
            await self._take_turn(session)
            async with self._in_time():
                write = Write(session, actor, clock.now())
                named = await self._check(write)
                if not (self.importer.xml and self.progress.blocking):
                    if self.importer.locks is not None:
                        await self.importer.locks.hold(write, named)
                    async for lines in self._lines():
                        await self._write_slice(write, lines)
                        write.spends[:] = limits.net(write.spends)
                    await limits.apply(session, write.spends)
                refused = abort and self.progress.blocking > 0
                if self.row["dry_run"] or refused:
                    await transaction.rollback()
                else:
                    beating.cancel()
                    await self._finish(session, ImportStatus.SUCCEEDED, None)
        return ImportStatus.REFUSED if refused else ImportStatus.SUCCEEDED

    async def _check(self, write: Write) -> set[Any]:
        """Hold the lines against what is stored, before anything is written; what those that are left name."""
        named: set[Any] = set()
        async for lines in self._lines():
            faults = await self._faults_of(write, lines)
            self.progress.note(faults)
            if blocked := _blocked(faults):  # they wait no longer
                async with raw_connection(self.engine) as connection:
                    await connection.execute(_LEFT_OUT, self.id, sorted(blocked))
            if self.importer.locks is not None:
                good = [line for line in lines if line.number not in blocked]
                named |= await self.importer.locks.of(write, self.place, good)
            write.session.expunge_all()
            self.progress.checked += len(lines)
        return named

    @contextlib.asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Raises `import-too-long` where the transaction goes beyond its bound."""
        bound = asyncio.timeout(self.seconds)
        try:
            async with bound:
                yield
        except TimeoutError:
            if bound.expired():
                raise ImportTooLong(transaction_seconds=self.seconds) from None
            raise

    async def _take_turn(self, session: AsyncSession) -> None:
        """Wait for the imports to the same place, and begin to write."""
        await self._bound(session, WAITS)
        await session.execute(text(_HOLD_PLACE), {"place": self.place or ""})
        await self._bound(session, bounds(self.seconds))

    async def _write_parts(self, actor: WritingSubject, beating: asyncio.Task[None]) -> ImportStatus:
        """Check and write 500 lines at a time, each in a transaction with the line that is reached."""
        async for lines in self._lines(self.row["written_to"] or -1):
            async with self.sessions() as session, session.begin():
                faults = await self._faults_of(Write(session, actor, clock.now()), lines)
            self.progress.note_of_part(faults)
            blocked = _blocked(faults)
            good = [line for line in lines if line.number not in blocked]
            if await self._commit(actor, good, lines[-1].number) is not None:
                for line in good:  # one of them was refused: find it
                    refusal = await self._commit(actor, [line], line.number)
                    if refusal is not None:
                        self.progress.note_of_part([LineFault(line.number, "", telling.as_error(refusal))])
            self.progress.checked += len(lines)
        beating.cancel()
        async with self.sessions() as session, session.begin():
            await self._finish(session, ImportStatus.SUCCEEDED, None)
        return ImportStatus.SUCCEEDED

    async def _commit(self, actor: WritingSubject, lines: list[FileLine], reached: int) -> Problem | None:
        """Write lines in a transaction of their own, with the line that is reached; what refused them, if anything did.

        A limit that one of them exceeds refuses the line: what is committed before it stays.
        """
        p = self.progress
        try:
            async with self.sessions() as session, session.begin(), self._known(session):
                await self._take_turn(session)
                write = Write(session, actor, clock.now())
                outcome = Outcome()
                if lines:
                    if (locks := self.importer.locks) is not None:
                        await locks.hold(write, await locks.of(write, self.place, lines))
                    outcome = await self.importer.apply(write, self.place, lines)
                for change in outcome.changes:
                    await record(write, change, f"import-{self.id}")
                await write.close()
                await limits.apply(session, write.spends)
                connection = await driver_connection(session)
                created, updated = p.created + outcome.created, p.updated + outcome.updated
                ours = await connection.fetchval(
                    _REACH, self.id, self.claim, reached, p.read, created + updated, created, updated,
                    p.unchanged + outcome.unchanged, p.of_parts[False], p.of_parts[True],
                )  # fmt: skip
                if not ours:
                    raise _Superseded
                await self._keep(connection, p.pending)
        except Problem as problem:
            refusal = problem
        except (DBAPIError, asyncpg.PostgresError) as error:
            told = translate(error, Base.metadata)
            if told is None:
                raise
            refusal = told
        else:
            p.pending.clear()
            p.count(outcome, len(lines))
            return None
        if refusal.status >= 500:  # no fault of the lines
            raise refusal
        return refusal

    @contextlib.asynccontextmanager
    async def _known(self, session: AsyncSession) -> AsyncIterator[None]:
        """Tell which process of the database writes: who leaves this import behind ends it."""
        process = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        self.writing.add(process)
        try:
            yield
        finally:
            self.writing.discard(process)

    async def _bound(self, session: AsyncSession, bounds: str) -> None:
        for bound in bounds.split(";"):
            await session.execute(text(bound))

    async def _write_slice(self, write: Write, lines: list[FileLine]) -> None:
        if not lines or await self._try(write, lines) is None:
            return
        for line in lines:  # one of them was refused: find it
            refusal = await self._try(write, [line])
            if refusal is not None:
                fault = LineFault(line.number, telling.column_of(refusal), telling.as_error(refusal))
                self.progress.note(found_in([line], [fault]))

    async def _try(self, write: Write, lines: list[FileLine]) -> Problem | None:
        """Write lines under a savepoint; what refused them, if anything did."""
        spent = len(write.spends)
        try:
            async with write.session.begin_nested():
                outcome = await self.importer.apply(write, self.place, lines)
                for change in outcome.changes:
                    await record(write, change, f"import-{self.id}")
                await write.close()  # so that an amount which the accounts refuse is told of its line
        except Problem as problem:
            refusal: Problem | None = problem
        except (DBAPIError, asyncpg.PostgresError) as error:
            refusal = translate(error, Base.metadata)
            if refusal is None or refusal.status >= 500:  # no fault of the line
                raise
        else:
            self.progress.count(outcome, len(lines))
            write.session.expunge_all()
            return None
        del write.spends[spent:]
        write.closing.clear()
        write.session.expunge_all()
        return refusal

    async def _finish(self, session: AsyncSession, status: ImportStatus, problem: Problem | None) -> None:
        """Record the end, with its problems and its event, in the transaction of `session`."""
        p = self.progress
        done = status is ImportStatus.SUCCEEDED
        connection = await driver_connection(session)
        told = None if problem is None else to_json(telling.kept(problem)).decode()
        kept = done or self.by_parts
        rest = p.read - p.created - p.updated - p.unchanged
        same = min(p.same, rest)  # of what was begun by another process some are counted already
        skipped = rest - same if done else 0
        counts = (p.created, p.updated, p.unchanged + same, skipped) if kept else (0, 0, 0, 0)
        ours = await connection.fetchval(
            _FINISH, self.id, self.claim, status, p.read, p.checked, p.written if kept else 0, *counts,
            p.blocking, p.advisory, told,
        )  # fmt: skip
        if not ours:
            raise _Superseded
        await self._keep(connection, [*p.faults, *p.pending])
        change = Change("import.finished", listing_of(self.place), [self.id], bound_of(self.place))
        await record(Write(session, self.actor, clock.now()), change, f"import-{self.id}")

    async def _keep(self, connection: Any, faults: Sequence[LineFault]) -> None:
        """Keep what was found wrong, in the words of the file."""
        told = telling.Telling(self.id, self.importer, self.header)
        rows = []
        for number, fault in enumerate(faults, 1):
            rows.append(told.row(fault))
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        await connection.copy_records_to_table("import_problems", records=rows, columns=telling.COLUMNS)


def _sees_only_own(actor: WritingSubject, importer: Importer, place: str | None) -> bool:
    sees_only_own = getattr(actor, "sees_only_own", None)
    reads = importer.permission.partition(":")[0] + ":read"
    return place is not None and sees_only_own is not None and sees_only_own(reads, place)


async def _listen(reading: apart.Reading, act: Callable[[], T]) -> T:
    """What a thread makes of what the reader tells. Where that is called off, the reader ends, and so the thread."""
    listening = asyncio.ensure_future(asyncio.to_thread(act))
    try:
        return await asyncio.shield(listening)
    except asyncio.CancelledError:
        reading.kill()
        await asyncio.wait({listening})
        listening.exception()  # a death that nobody needs to hear of
        raise


def _unreadable(error: sheets.UnreadableSheet) -> Problem:
    return UnreadableFile(reason=error.reason, line=error.line, **error.figures)


def _blocked(faults: Sequence[LineFault]) -> set[int]:
    """The lines that are kept out."""
    return {fault.line for fault in faults if not fault.advisory}
