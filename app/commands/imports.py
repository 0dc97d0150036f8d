"""`rebond import`: the same import as over HTTP, carried out by the command itself, with a progress bar."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

import app.advances.tranches.service
import app.grants.payments.service  # the acts on an aid find the instruments that are imported
import app.models  # noqa: F401  # every table: a foreign key names one of another domain
from app.access.gate import Credentials
from app.core.db import create_engine, raw_connection, session_factory
from app.core.messages import NOT_FOUND, NOT_ONE_OF
from app.core.problems import CredentialsMissing, Forbidden, ReferenceNotFound, ValidationFailed
from app.core.writing.writes import System, WritingSubject, new_request_id, run
from app.integrations.imports import runner, service
from app.integrations.imports.importers import IMPORTERS
from app.integrations.imports.models import ImportStatus, OnError
from app.settings import get_settings

SHOWN = 20  # problems that are printed; all are kept


async def carry_out(
    url: str, kind: str, file: Path, territory: str | None, key: str | None, *, dry_run: bool, skip: bool
) -> bool:
    """Import a file; whether it was taken. The import stays readable under its id.

    Raises `ValidationFailed` for a kind that is not imported there, `Forbidden` where the key does not permit it.
    """
    importer = IMPORTERS.get(kind)
    if importer is None or importer.national is (territory is not None):
        known = [name for name, each in IMPORTERS.items() if each.national is (territory is None)]
        raise ValidationFailed(errors=[NOT_ONE_OF.at("kind", expected=known)])
    engine = create_engine(url, pool_size=4, name="rebond import")
    sessions = session_factory(engine)
    try:
        if importer.needs_subject and key is None:
            raise CredentialsMissing
        actor = await _who(engine, key, importer.permission, territory)
        upload = await service.receive(engine, _pieces(file))
        settings = get_settings()
        on_error = OnError.SKIP if skip else OnError.ABORT
        wish = service.ImportRequest(kind, dry_run, on_error, file.name, settings.import_transaction)
        asked = await run(
            sessions,
            actor,
            lambda write: service.request_import(write, territory, wish, upload),
            request_id=new_request_id(),
        )
        import_id: UUID = asked[0].key  # type: ignore[index]  # objects, as no reply was asked
        with typer.progressbar(length=100, label=file.name, file=sys.stderr) as bar:
            await runner.run_next(
                engine,
                sessions,
                import_id,
                told=lambda p: bar.update(int(100 * p.share) - bar.pos),
                memory=settings.import_memory,
            )
            bar.update(100 - bar.pos)
        return await _report(engine, import_id)
    finally:
        await engine.dispose()


async def _who(engine: AsyncEngine, key: str | None, permission: str, territory: str | None) -> WritingSubject:
    if key is None:
        return System()
    credentials = Credentials(0)
    actor = await credentials.actor(engine, key)
    if territory is not None and not await credentials.exists(engine, territory):
        raise ReferenceNotFound(errors=[NOT_FOUND.at("territory")])
    if not actor.may(permission, territory):
        raise Forbidden(permission=permission)
    return actor


async def _pieces(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(service.CHUNK):
            yield piece


async def _report(engine: AsyncEngine, import_id: UUID) -> bool:
    """Say how it ended: counts, the first problems, where the rest is."""
    async with raw_connection(engine) as connection:
        ended: Any = await connection.fetchrow("SELECT * FROM imports WHERE id = $1", import_id)
        problems = await connection.fetch(
            "SELECT line, column_name, severity, detail FROM import_problems WHERE import_id = $1"
            " ORDER BY line, id LIMIT $2",
            import_id,
            SHOWN,
        )
    for each in problems:
        place = f"line {each['line']}" + (f", {each['column_name']}" if each["column_name"] else "")
        print(f"{place}: {each['detail']}" + (" (advisory)" if each["severity"] == "advisory" else ""))
    told = ended["blocking_problems"] + ended["advisory_problems"]
    if told > len(problems):
        print(f"… and {told - len(problems)} more, under import {import_id}")
    counts = ", ".join(f"{ended['rows_' + name]} {name}" for name in ("created", "updated", "unchanged", "skipped"))
    print(f"{ended['status']}{' (dry run)' if ended['dry_run'] else ''}: {ended['rows_read']} lines read, {counts}")
    return bool(ended["status"] == ImportStatus.SUCCEEDED)
