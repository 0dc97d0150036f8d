"""`rebond import`: the same import as over HTTP, carried out by the command itself, with a progress bar."""

import sys
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import typer
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

import app.advances.tranches.service
import app.grants.payments.service  # the acts on an aid find the instruments that are imported
import app.models  # noqa: F401  # every table: a foreign key names one of another domain
from app.access.gate import Credentials
from app.core.db import create_engine, raw_connection, session_factory
from app.core.messages import NOT_FOUND, NOT_ONE_OF, WRONG_FORM
from app.core.problems import CredentialsMissing, Forbidden, ReferenceNotFound, ValidationFailed
from app.core.writing.writes import System, WritingSubject, new_request_id, run
from app.integrations.imports import kinds, runner, service
from app.integrations.imports.importers import IMPORTERS
from app.integrations.imports.models import ImportProblem, ImportStatus, OnError
from app.integrations.imports.queries import ENGLISH, FRENCH, told
from app.settings import get_settings

SHOWN = 20  # problems that are printed; all are kept


def columns_of(kind: str, language: str) -> str:
    """The columns that a file of this kind may have. Raises `ValidationFailed` for a kind that is no table."""
    importer = IMPORTERS.get(kind)
    if importer is None or importer.xml:
        known = [name for name, each in IMPORTERS.items() if not each.xml]
        raise ValidationFailed(errors=[NOT_ONE_OF.at("kind", expected=known)])
    return kinds.as_text(importer, language)


def options_of(
    sheet: str | None, header_row: int | None, constants: list[str], hours_per_day: float | None
) -> service.ReadingOptions:
    """How the file is to be read. Raises `ValidationFailed` where a constant has no name."""
    pairs = [each.partition("=") for each in constants]
    if any(not name or not sign for name, sign, _ in pairs):
        raise ValidationFailed(errors=[WRONG_FORM.at("set")])
    hours = Decimal(str(hours_per_day)) if hours_per_day is not None else None
    return service.ReadingOptions(sheet, header_row, {name: value for name, _, value in pairs}, hours)


async def carry_out(
    url: str, kind: str, file: Path, territory: str | None, key: str | None, *, dry_run: bool, skip: bool,
    options: service.ReadingOptions | None = None, language: str = "en",
) -> bool:  # fmt: skip
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
        settings = get_settings()
        on_error = OnError.SKIP if skip else OnError.ABORT
        wish = service.ImportRequest(
            kind, dry_run, on_error, file.name, options or service.ReadingOptions(), settings.import_transaction
        )
        async with service.received(engine, _pieces(file)) as upload:
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
        return await _report(engine, import_id, language)
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


WORDS = {
    "en": {
        "line": "line", "advisory": " (advisory)", "more": "… and {more} more, under import {id}",
        "read": "{rows} lines read", "created": "created", "updated": "updated", "unchanged": "unchanged",
        "skipped": "skipped", "dry_run": " (dry run)", "succeeded": "succeeded", "refused": "refused",
        "failed": "failed", "cancelled": "cancelled",
    },
    "fr": {
        "line": "ligne", "advisory": " (remarque)", "more": "… et {more} autres, sous l'import {id}",
        "read": "{rows} lignes lues", "created": "créées", "updated": "modifiées", "unchanged": "inchangées",
        "skipped": "laissées de côté", "dry_run": " (à blanc)", "succeeded": "réussi", "refused": "refusé",
        "failed": "échoué", "cancelled": "annulé",
    },
}  # fmt: skip


async def _report(engine: AsyncEngine, import_id: UUID, language: str) -> bool:
    """Say how it ended: counts, why it was refused, the first problems, where the rest is."""
    words = WORDS[language]
    async with raw_connection(engine) as connection:
        ended: Any = await connection.fetchrow("SELECT * FROM imports WHERE id = $1", import_id)
    suffix = "_fr" if language == "fr" else ""
    detail, signs = (ImportProblem.detail_fr, FRENCH) if suffix else (ImportProblem.detail, ENGLISH)
    asked = (
        select(ImportProblem.line, ImportProblem.heading, ImportProblem.column_name, ImportProblem.severity,
               told(detail, *signs).label("detail"))
        .where(ImportProblem.import_id == import_id)
        .order_by(ImportProblem.line, ImportProblem.id)
        .limit(SHOWN)
    )  # fmt: skip
    async with engine.connect() as session:
        problems = (await session.execute(asked)).all()
    for each in problems:
        named = f", {each.column_name}" if each.column_name and each.heading is None else ""
        note = words["advisory"] if each.severity == "advisory" else ""
        print(f"{words['line']} {each.line}{named}: {each.detail}{note}")
    count = ended["blocking_problems"] + ended["advisory_problems"]
    if count > len(problems):
        print(words["more"].format(more=count - len(problems), id=import_id))
    if ended["problem"] is not None:
        print(ended["problem"]["detail" + suffix])
    counts = ", ".join(
        f"{ended['rows_' + name]} {words[name]}" for name in ("created", "updated", "unchanged", "skipped")
    )
    dry = words["dry_run"] if ended["dry_run"] else ""
    print(f"{words[ended['status']]}{dry}: {words['read'].format(rows=ended['rows_read'])}, {counts}")
    return bool(ended["status"] == ImportStatus.SUCCEEDED)
