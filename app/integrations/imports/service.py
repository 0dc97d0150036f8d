"""Writes of imports: receive a file, request its import, cancel it. `runner` runs them."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import raw_connection
from app.core.faults import Fault
from app.core.messages import NOT_ONE_OF
from app.core.problems import Problem, ValidationFailed
from app.core.reading.listing import Listing
from app.core.writing import sheets
from app.core.writing.writes import Change, Write
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
CHUNK = 256 * 1024  # bytes of a file that are held in memory
TRANSACTION = 600  # seconds that one transaction may write, where nothing else is said


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
class ImportRequest:
    """What is asked of a file."""

    kind: str
    dry_run: bool = False
    on_error: OnError = OnError.ABORT
    filename: str | None = None
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


async def receive(engine: AsyncEngine, pieces: AsyncIterator[bytes]) -> Upload:
    """Keep the file in the database as it comes, at most 256 KiB in memory. Raises `unreadable-file` (422).

    An upload that nothing asks for is forgotten after an hour (`forget_uploads`).
    """
    upload_id, number = uuid4(), 0
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


async def request_import(write: Write, territory: str | None, wish: ImportRequest, upload: Upload) -> Change:
    """Request the import of a received file.

    Raises `unreadable-file` (422) where the kind is not read from its format, and `not_one_of` where lines would be
    left out of what stands or falls together.
    """
    whole = IMPORTERS[wish.kind].xml
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
        upload_id=upload.id,
        size_bytes=upload.size,
        format=upload.shape.format,
        encoding=upload.shape.encoding,
        requested_by=write.actor.subject_id,
        organisation_id=write.actor.organisation_id,
        created_at=write.now,
        updated_at=write.now,
    )
    import_id = await write.session.scalar(statement.returning(Import.id))
    return Change("import.created", listing_of(territory), [import_id], bound_of(territory))


async def cancel(write: Write, territory: str | None, import_id: UUID, organisation_id: UUID | None) -> Change:
    """Cancel an import; one that runs writes nothing more. Raises `import-finished` (409)."""
    conditions = [Import.id == import_id]
    conditions.append(Import.territory.is_(None) if territory is None else Import.territory == territory)
    if organisation_id is not None:
        conditions.append(Import.organisation_id == organisation_id)
    locked = await write.lock(Import, *conditions)
    if locked.status not in (ImportStatus.QUEUED, ImportStatus.RUNNING):
        raise ImportFinished(current=locked.status)
    locked.status, locked.finished_at, locked.updated_at = ImportStatus.CANCELLED, write.now, write.now
    return Change("import.cancelled", listing_of(territory), [import_id], bound_of(territory))


_FORGET = """
DELETE FROM import_chunks c WHERE created_at < now() - interval '1 hour'
AND NOT EXISTS (SELECT FROM imports i WHERE i.upload_id = c.upload_id AND i.finished_at IS NULL)
"""


async def forget_uploads(engine: AsyncEngine) -> None:
    """Remove files that nothing waits for: their sender left, or was refused."""
    async with raw_connection(engine) as connection:
        await connection.execute(_FORGET)
