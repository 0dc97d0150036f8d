"""Writes of imports: receive a file, request its import, cancel it. `runner` runs them."""

import asyncio
import contextlib
import hashlib
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import IO, Any
from uuid import UUID, uuid4

from prometheus_client import Counter
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.access.rules import Actor
from app.core.db import driver_connection, raw_connection
from app.core.faults import LANGUAGES, Fault, Message
from app.core.messages import NOT_ONE_OF
from app.core.problems import Forbidden, NotFound, Problem, ValidationFailed
from app.core.quotas import IMPORT_BYTES, IMPORTS_AT_ONCE, Quota, QuotaExceeded
from app.core.reading.listing import OWN, Listing
from app.core.writing import apart, sheets
from app.core.writing.importing import Header, Importer, find_header, match
from app.core.writing.writes import Change, Write
from app.integrations.imports import annotated
from app.integrations.imports.importers import IMPORTERS
from app.integrations.imports.models import Import, ImportStatus, OnError
from app.integrations.imports.queries import IMPORTS, TERRITORY_IMPORTS

XML_WANTED = Fault(
    "xml_wanted", en="What is imported here is read from XML.", fr="Ce qui est importé ici se lit dans du XML."
)
TABLE_WANTED = Fault(
    "table_wanted",
    en="What is imported here is read from a table, not from XML.",
    fr="Ce qui est importé ici se lit dans un tableau, non dans du XML.",
)
OPTION_OF_NO_SUCH_FILE = Fault(
    "option_of_no_such_file",
    en="This parameter is of another kind of file: sheet of workbooks, set of tables, hours_per_day of lines with"
    " hours.",
    fr="Ce paramètre concerne un autre genre de fichier : sheet les classeurs, set les tableaux, hours_per_day les"
    " lignes en heures.",
)
NO_SUCH_COLUMN = Fault(
    "no_such_column",
    en="No column is called {heading} here. The columns are: {columns}.",
    fr="Aucune colonne ne s'appelle ici {heading}. Les colonnes sont : {columns}.",
)
NO_SUCH_LINE = Fault(
    "no_such_line",
    en="The file has nothing in the line that header_row names.",
    fr="Le fichier n'a rien à la ligne que header_row désigne.",
)
READERS_ENDED = Counter(
    "rebond_import_readers_ended_total",
    "Programs that ended before the file that they read, by the limit that ended them; died where they said none.",
    ["limit"],
)
CHUNK = 256 * 1024  # bytes of a file that are held in memory
TRANSACTION = 600  # seconds that one transaction may write, where nothing else is said
KEPT = timedelta(days=7)  # how long a table is kept for its sender; a bank statement is forgotten at once


class UnreadableFile(Problem):
    """The file cannot be read."""

    status = 422
    title_fr = "Le fichier ne peut pas être lu."
    detail = "{reason}"
    detail_fr = "{reason}"
    cure = (
        "Send CSV (comma or semicolon) or a workbook (XLSX; XLSB, XLS and ODS are read too) as the body, the first line"
        " naming the columns; of bank statements, the XML (camt.053) as the bank gives it."
    )
    cure_fr = (
        "Envoyez du CSV (virgule ou point-virgule) ou un classeur (XLSX ; XLSB, XLS et ODS se lisent aussi), la"
        " première ligne nommant les colonnes ; pour les relevés bancaires, le XML (camt.053) tel que la banque le"
        " donne."
    )


class FileForgotten(Problem):
    """The file of the import is no longer kept."""

    status = 410
    title_fr = "Le fichier de l'import n'est plus conservé."
    cure = "Send the file again: a new import tells its faults anew."
    cure_fr = "Renvoyez le fichier : un nouvel import en redit les défauts."


class ImportSpaceExhausted(Problem):
    """The files of your imports that are kept leave no room for this one."""

    status = 409
    title_fr = "Les fichiers de vos imports qui sont conservés ne laissent pas de place à celui-ci."
    detail = "{kept_bytes} bytes are kept, the file has {file_bytes}, and the limit is {limit_bytes}."
    detail_fr = "{kept_bytes} octets sont conservés, le fichier en a {file_bytes}, et la limite est de {limit_bytes}."
    cure = "Delete files of finished imports (`DELETE …/imports/{id}/file`), or wait: none is kept longer than a week."
    cure_fr = (
        "Supprimez des fichiers d'imports terminés (`DELETE …/imports/{id}/file`), ou attendez : aucun n'est conservé"
        " plus d'une semaine."
    )


class FileTooLong(Problem):
    """The file has more lines than an annotated copy can have."""

    status = 422
    title_fr = "Le fichier a plus de lignes qu'une copie annotée ne peut en avoir."
    detail = "An annotated copy can have at most {most_rows} lines."
    detail_fr = "Une copie annotée peut avoir au plus {most_rows} lignes."
    cure = "Read the problems of the import, or send the file in parts."
    cure_fr = "Lisez les problèmes de l'import, ou envoyez le fichier en parties."


class FileNeeded(Problem):
    """The import is not finished: its file is still needed."""

    status = 409
    title_fr = "L'import n'est pas terminé : son fichier est encore nécessaire."
    cure = "Wait until the import is finished."
    cure_fr = "Attendez que l'import soit terminé."


class ImportFinished(Problem):
    """The import is over: it can no longer be cancelled."""

    constraint = "import_cancelled_too_late"  # no CHECK: the one named `import_finished` is a shape
    title_fr = "L'import est terminé : il ne peut plus être annulé."
    detail = "The import is {current}."
    detail_fr = "L'import est {current}."


@dataclass(frozen=True)
class Upload:
    """A file as it was received: where its pieces are, its shape, its size and its SHA-256."""

    id: UUID
    shape: sheets.SheetShape
    size: int
    digest: bytes


@dataclass(frozen=True)
class ReadingOptions:
    """How a file is to be read where it does not say so itself.

    `sheet` is the name of a sheet of a workbook, `header_row` the line of its headings; `constants` are values for
    columns that it does not have, by field; `hours_per_day` says how long a day is whose hours the file has.
    """

    sheet: str | None = None
    header_row: int | None = None
    constants: Mapping[str, str] = field(default_factory=dict)
    hours_per_day: Decimal | None = None

    def __post_init__(self) -> None:
        if self.hours_per_day is not None:
            object.__setattr__(self, "hours_per_day", Decimal(str(self.hours_per_day)))

    def checked(self, importer: Importer, format_: sheets.Format) -> "ReadingOptions":
        """The options with the fields that the constants fill, whatever heading names them.

        Raises `ValidationFailed` for a column that the kind does not have, and where an option is none of such a file.
        """
        constants, faults = {}, []
        for name, value in self.constants.items():
            field_name = match(importer, 0, [name]).matched[0][1]
            if importer.xml:
                faults.append(OPTION_OF_NO_SUCH_FILE.at("set"))
            elif field_name is None:
                fields = ", ".join(column.field for column in importer.columns)
                labels = (", ".join(column.label(language) for column in importer.columns) for language in LANGUAGES)
                faults.append(NO_SUCH_COLUMN.at("set", heading=name[:200], columns=Message(fields, *labels)))
            else:
                constants[field_name] = value
        hours = any(column.hours for column in importer.columns)
        of_no_such_file = {
            "sheet": self.sheet is not None and format_ in (sheets.Format.CSV, sheets.Format.XML),
            "header_row": self.header_row is not None and importer.xml,
            "hours_per_day": self.hours_per_day is not None and not hours,
        }
        faults += [OPTION_OF_NO_SUCH_FILE.at(name) for name, wrong in of_no_such_file.items() if wrong]
        if faults:
            raise ValidationFailed(errors=faults)
        return replace(self, constants=constants)

    def header(
        self, importer: Importer, rows: Iterator[sheets.Row], names: Sequence[str]
    ) -> tuple[Header, Iterator[sheets.Row]]:
        """The headings of a file, and the rows below them; `names` are its sheets. Raises `UnreadableSheet`."""
        header, below = find_header(importer, rows, self.constants, self.header_row)
        if header is not None:
            return header, below
        if self.header_row is not None:
            raise sheets.UnreadableSheet(NO_SUCH_LINE)
        if len(names) > 1:
            raise sheets.UnreadableSheet(sheets.EMPTY_SHEET, sheet=names[0], others=names[1:])
        raise sheets.UnreadableSheet(sheets.EMPTY_FILE)

    def kept(self) -> dict[str, Any]:
        """The options that were given, as they are stored."""
        given = {name: value for name, value in vars(self).items() if value}
        return given | ({"hours_per_day": str(self.hours_per_day)} if self.hours_per_day else {})


@dataclass(frozen=True)
class ImportRequest:
    """What is asked of a file."""

    kind: str
    dry_run: bool = False
    on_error: OnError = OnError.ABORT
    filename: str | None = None
    options: ReadingOptions = field(default_factory=ReadingOptions)
    transaction_seconds: int = TRANSACTION

    @property
    def in_one_transaction(self) -> bool:
        """Whether all lines are written together, or not at all."""
        return self.dry_run or self.on_error is OnError.ABORT


def listing_of(territory: str | None) -> Listing:
    """Where the imports of a territory are read, or those of facts that all share."""
    return IMPORTS if territory is None else TERRITORY_IMPORTS


def bound_of(territory: str | None) -> dict[str, Any]:
    """The parameters of that listing."""
    return {} if territory is None else {"territory": territory}


_CHUNK = "INSERT INTO import_chunks (upload_id, number, data) VALUES ($1, $2, $3)"


@asynccontextmanager
async def received(engine: AsyncEngine, pieces: AsyncIterator[bytes]) -> AsyncIterator[Upload]:
    """Keep a file in the database as it comes, at most 256 KiB in memory, for a block that asks for its import.

    Where it is refused, or its sender leaves, the file is forgotten at once; where this process dies, after an hour
    (`forget_uploads`). Raises `unreadable-file` (422).
    """
    upload_id = uuid4()
    try:
        yield await _receive(engine, pieces, upload_id)
    except BaseException:  # a sender that has left is a cancellation
        with contextlib.suppress(Exception):  # the database is away: the hour counts
            await forget_upload(engine, upload_id)
        raise


async def _receive(engine: AsyncEngine, pieces: AsyncIterator[bytes], upload_id: UUID) -> Upload:
    number = 0
    sniffer, digest = sheets.Sniffer(), hashlib.sha256()
    held = bytearray()

    async def keep() -> None:
        nonlocal number
        async with raw_connection(engine) as connection:
            await connection.execute(_CHUNK, upload_id, number, bytes(held))
        number += 1
        held.clear()

    async for piece in pieces:
        sniffer.feed(piece)
        digest.update(piece)
        held += piece
        if len(held) >= CHUNK:
            await keep()
    try:
        shape = sniffer.shape()
    except sheets.UnreadableSheet as error:
        raise UnreadableFile(reason=error.reason, **error.figures) from None
    await keep()
    return Upload(upload_id, shape, sniffer.size, digest.digest())


_OWN_FILES = """
SELECT count(*) FILTER (WHERE finished_at IS NULL) AS open, coalesce(sum(size_bytes), 0)::bigint AS bytes
FROM imports WHERE requested_by = $1 AND (finished_at IS NULL OR file_kept_until IS NOT NULL)
"""


async def refuse_beyond(connection: Any, subject_id: UUID, quota: Quota, size: int) -> None:
    """Raise `quota-exceeded` (429) where a subject has as many imports under way as it may, and
    `import-space-exhausted` (409) where its files that are kept leave no room for so many bytes.
    """
    at_once, most = quota.get(IMPORTS_AT_ONCE), quota.get(IMPORT_BYTES)
    if at_once is None and most is None:
        return
    own = await connection.fetchrow(_OWN_FILES, subject_id)
    if at_once is not None and own["open"] >= at_once:
        raise QuotaExceeded.of(IMPORTS_AT_ONCE, at_once, 10)
    if most is not None and own["bytes"] + size > most:
        raise ImportSpaceExhausted(kept_bytes=own["bytes"], file_bytes=size, limit_bytes=most)


async def request_import(
    write: Write, territory: str | None, wish: ImportRequest, upload: Upload, quota: Quota = MappingProxyType({})
) -> Change:
    """Request the import of a received file.

    Raises `unreadable-file` (422) where the kind is not read from its format, and `not_one_of` where lines would be
    left out of what stands or falls together; beyond the quota of the sender what `refuse_beyond` raises.
    """
    subject_id = write.actor.subject_id
    if subject_id is not None and quota:
        connection = await driver_connection(write.session)
        number = int.from_bytes(hashlib.sha256(b"imports" + subject_id.bytes).digest()[:8], signed=True)
        await connection.execute("SELECT pg_advisory_xact_lock($1)", number)  # one request of a sender counts at a time
        await refuse_beyond(connection, subject_id, quota, upload.size)
    importer = IMPORTERS[wish.kind]
    whole = importer.xml
    options = wish.options.checked(importer, upload.shape.format)
    if whole is not (upload.shape.format is sheets.Format.XML):
        raise UnreadableFile(reason=XML_WANTED if whole else TABLE_WANTED)
    if whole and wish.on_error is OnError.SKIP:
        raise ValidationFailed(errors=[NOT_ONE_OF.at("on_error", expected=[OnError.ABORT])])
    statement = insert(Import).values(
        territory=territory,
        kind=wish.kind,
        dry_run=wish.dry_run,
        on_error=wish.on_error,
        filename=wish.filename,
        transaction_seconds=wish.transaction_seconds if wish.in_one_transaction else None,
        options=options.kept(),
        file_kept_until=None if whole else write.now + KEPT,
        upload_id=upload.id,
        size_bytes=upload.size,
        format=upload.shape.format,
        encoding=upload.shape.encoding,
        requested_by=write.actor.subject_id,
        api_key_id=getattr(write.actor, "key_id", None),
        organisation_id=write.actor.organisation_id,
        created_at=write.now,
        updated_at=write.now,
    )
    import_id = await write.session.scalar(statement.returning(Import.id))
    return Change("import.created", listing_of(territory), [import_id], bound_of(territory))


def seen(actor: Actor, territory: str | None) -> dict[str, Any]:
    """The scopes of the imports that a caller sees in a territory, or of facts that all share."""
    return actor.own("imports:read", territory) | listing_of(territory).narrowed(actor, territory)


async def _locked(write: Write, actor: Actor, territory: str | None, import_id: UUID, *more: Any) -> Import:
    """An import that the caller sees, for an act on it, which needs the right to send that kind of file."""
    scopes = seen(actor, territory)
    conditions = [Import.id == import_id, *more]
    conditions.append(Import.territory.is_(None) if territory is None else Import.territory == territory)
    if OWN in scopes:
        conditions.append(Import.organisation_id == scopes[OWN])
    locked = await write.lock(Import, *conditions)
    importer = IMPORTERS.get(locked.kind)
    if importer is None or locked.kind not in scopes.get("kind", IMPORTERS):
        raise NotFound
    if not actor.may(importer.permission, territory):
        raise Forbidden(permission=importer.permission)
    return locked


async def cancel(write: Write, actor: Actor, territory: str | None, import_id: UUID) -> Change:
    """Cancel an import; one that runs writes nothing more. Raises `import-finished` (409)."""
    locked = await _locked(write, actor, territory, import_id)
    if locked.status not in (ImportStatus.QUEUED, ImportStatus.RUNNING):
        raise ImportFinished(current=locked.status)
    locked.status, locked.finished_at, locked.updated_at = ImportStatus.CANCELLED, write.now, write.now
    locked.file_kept_until = None  # nothing was found in it
    return Change("import.cancelled", listing_of(territory), [import_id], bound_of(territory))


_REMARKS = """
SELECT line, heading, detail, detail_fr, severity = 'blocking' AS blocking FROM import_problems WHERE import_id = $1
ORDER BY line, id
"""
_FORGET_FILES = """
WITH gone AS (
    UPDATE imports SET file_kept_until = NULL, updated_at = now()
    WHERE id = ANY($1) RETURNING id, upload_id
), chunks AS (DELETE FROM import_chunks c USING gone g WHERE c.upload_id = g.upload_id)
UPDATE import_problems p SET found = NULL FROM gone g WHERE p.import_id = g.id AND p.found IS NOT NULL
"""


async def delete_file(write: Write, actor: Actor, territory: str | None, import_id: UUID) -> Change:
    """Delete the file of an own import that is finished, with what its problems told of it.

    Raises `file-needed` (409), `file-forgotten` (410), and `NotFound` for who has not sent the file.
    """
    locked = await _locked(write, actor, territory, import_id, Import.requested_by == write.actor.subject_id)
    if locked.finished_at is None:
        raise FileNeeded
    if locked.file_kept_until is None:
        raise FileForgotten
    return await _forget_files(write, territory, [import_id])


async def _forget_files(write: Write, territory: str | None, import_ids: list[UUID]) -> Change:
    connection = await driver_connection(write.session)
    await connection.execute(_FORGET_FILES, import_ids)
    return Change("import.file_deleted", listing_of(territory), import_ids, bound_of(territory))


async def forget_files(write: Write, most: int) -> list[Change]:
    """Delete files whose time is over, the oldest first and at most so many."""
    due = (
        select(Import.id, Import.territory)
        .where(Import.file_kept_until <= write.now, Import.finished_at.is_not(None))
        .order_by(Import.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    by_place: dict[str | None, list[UUID]] = {}
    for row in await write.session.execute(due):
        by_place.setdefault(row.territory, []).append(row.id)
    return [await _forget_files(write, territory, ids) for territory, ids in by_place.items()]


async def kept(engine: AsyncEngine, territory: str | None, import_id: UUID, subject_id: UUID) -> Any:
    """The import that a subject has sent, while its file is kept. Raises `NotFound` and `file-forgotten` (410)."""
    async with raw_connection(engine) as connection:
        row = await connection.fetchrow(
            "SELECT * FROM imports WHERE id = $1 AND requested_by = $2 AND territory IS NOT DISTINCT FROM $3",
            import_id, subject_id, territory,
        )  # fmt: skip
    if row is None:
        raise NotFound
    if row["finished_at"] is None:
        raise FileNeeded
    if row["file_kept_until"] is None:
        raise FileForgotten
    return row


async def fetch(connection: Any, upload_id: UUID, file: IO[bytes]) -> None:
    """Write a file that was received into `file`, and go back to its beginning."""
    number = 0
    query = "SELECT data FROM import_chunks WHERE upload_id = $1 AND number = $2"
    while (data := await connection.fetchval(query, upload_id, number)) is not None:
        file.write(data)
        number += 1
    file.flush()
    file.seek(0)


async def annotate(
    engine: AsyncEngine, territory: str | None, import_id: UUID, subject_id: UUID, language: str, memory: int
) -> bytes:
    """The file of an import with its problems, as a workbook. Raises what `kept` does, and `file-too-long` (422)."""
    row = await kept(engine, territory, import_id, subject_id)
    importer = IMPORTERS[row["kind"]]
    with tempfile.TemporaryFile() as file:
        async with raw_connection(engine) as connection:
            await fetch(connection, row["upload_id"], file)
            told = await connection.fetch(_REMARKS, import_id)
        detail = "detail_fr" if language == "fr" else "detail"
        remarks = [annotated.LineRemark(each["line"], each["heading"], each[detail], each["blocking"]) for each in told]

        shape = sheets.SheetShape(sheets.Format(row["format"]), row["encoding"])
        options = ReadingOptions(**row["options"])

        def written() -> bytes:
            # Read twice: the headings may stand below the first lines, which the copy has too.
            with apart.Reading(file, shape, memory, options.sheet) as reading:
                reading.begin()
                header, _ = options.header(importer, reading.rows(), reading.sheets)
            with apart.Reading(file, shape, memory, options.sheet) as reading:
                reading.begin()
                name = next(iter(reading.sheets), None)
                ours = header.matched if header.layout is None else []
                readers = [importer.fields[field].read if field is not None else None for _, field in ours]
                return annotated.workbook(reading.rows(), header.line, remarks, language, name, readers)

        try:
            return await asyncio.to_thread(written)
        except annotated.TooManyLines:
            raise FileTooLong(most_rows=annotated.MOST_LINES) from None
        except sheets.UnreadableSheet as error:
            raise UnreadableFile(reason=error.reason, line=error.line, **error.figures) from None
        except sheets.SheetTooLarge as error:
            READERS_ENDED.labels(error.limit.code).inc()
            raise UnreadableFile(reason=error.limit, **error.figures) from None
        except apart.ReaderDied:
            READERS_ENDED.labels("died").inc()
            raise UnreadableFile(reason=sheets.READER_ENDED) from None


_FORGET = """
DELETE FROM import_chunks c WHERE created_at < now() - interval '1 hour'
AND NOT EXISTS (SELECT FROM imports i WHERE i.upload_id = c.upload_id
    AND (i.finished_at IS NULL OR i.file_kept_until IS NOT NULL))
"""


_FORGET_ONE = """
DELETE FROM import_chunks WHERE upload_id = $1 AND NOT EXISTS (SELECT FROM imports WHERE upload_id = $1)
"""


async def forget_upload(engine: AsyncEngine, upload_id: UUID) -> None:
    """Remove a file, unless its import was requested: a COMMIT may succeed whose answer is lost."""
    async with raw_connection(engine) as connection:
        await connection.execute(_FORGET_ONE, upload_id)


async def forget_uploads(engine: AsyncEngine) -> None:
    """Remove files that nothing waits for: their sender left, or was refused."""
    async with raw_connection(engine) as connection:
        await connection.execute(_FORGET)
