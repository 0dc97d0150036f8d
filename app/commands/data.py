"""The commands that move data: migrate, demo, check, backup, restore, tick, import, export, openapi."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from app.bundled import backup, encryption, postgres
from app.commands.database import bundled_data_dir, data_dir_of, database, engine_of, noted, upgrade
from app.commands.terminal import CommandRefused, progress
from app.core import clock, migrations
from app.core.db import session_factory
from app.settings import KEYS_FILE, Settings, get_settings


def migrate() -> None:
    """Migrate the database to this version. A second run at the same time waits for the first."""
    settings = get_settings()
    with database(settings, migrate=True) as url:
        if settings.database_url is not None:
            upgrade(url)
    print(f"migrated to {migrations.head()}")


def load_demo(
    keys_file: Annotated[
        Path | None,
        typer.Option(
            help="File of the keys. [demo-keys.json in the data directory; with DATABASE_URL, in this directory]"
        ),
    ] = None,
    shell: Annotated[
        bool, typer.Option("--shell", help="Print the keys as lines for a shell: export LEAD=rbd_…")
    ] = False,
    docs: Annotated[
        bool, typer.Option("--docs", help="Print the address of /docs that offers a choice of these roles.")
    ] = False,
) -> None:
    """Load the Alès demonstration and print its keys. Firms and persons are synthetic; a second run changes nothing."""
    from app.demo import load as demo

    settings = get_settings()
    beside = Path() if settings.database_url is not None else data_dir_of(settings)
    with database(settings) as url:
        try:
            issued = asyncio.run(demo.ensure(url, keys_file or beside / KEYS_FILE, first_start=False))
        except demo.TerritoryIsThere:
            raise CommandRefused(
                "the database has a territory of its own: the demonstration is loaded into an empty one"
            ) from None
    if shell:
        print("\n".join(f"export {role.upper()}={key}" for role, key in issued.items()))
    elif docs:  # a browser sends nobody what stands behind «#»
        print(f"{settings.public_url or f'http://{settings.host}:{settings.port}'}/docs#demo:{urlencode(issued)}")
    else:
        print(json.dumps(issued, indent=2))


def check_balances(
    seals: Annotated[
        list[str] | None,
        typer.Option(
            "--seal", metavar="NUMBER:SHA256", help="A seal that was kept elsewhere: is it still the same here?"
        ),
    ] = None,
) -> None:
    """Compute every balance again from its entries, and every seal of the events. Exit code 1 if one differs."""
    kept = [_seal_of(text) for text in seals or []]
    with database(get_settings()) as url, noted(url, "check") as end:
        end.succeeded = agree = _seals_are_here(url, kept) & _balances_agree(url)
    if not agree:
        raise SystemExit(1)


def _seal_of(text: str) -> tuple[int, str]:
    """A seal as the tick prints it."""
    read = re.fullmatch(r"([1-9][0-9]{0,17}):([0-9a-f]{64})", text.strip().lower())
    if read is None:
        raise CommandRefused(f"{text} is no seal: write it as «rebond tick» prints it, 12:9f86d0…")
    return int(read[1]), read[2]


def _seals_are_here(url: str, kept: list[tuple[int, str]]) -> bool:
    """Hold seals against those of the database, and print those that are not here or not the same."""
    from app.integrations.seals.service import kept_seal

    async def look() -> bool:
        same = True
        async with engine_of(url, "rebond check") as engine:
            for number, sha256 in kept:
                here = await kept_seal(engine, number)
                if here is None:
                    print(f"seal {number}: there is none of this number here")
                elif here.sha256 != sha256:
                    print(f"seal {number}: here it is {here.sha256}, kept was {sha256}")
                else:
                    print(f"seal {number} is the one that was kept")
                    continue
                same = False
        return same

    return asyncio.run(look()) if kept else True


def _balances_agree(url: str) -> bool:
    """Compute every balance again, and print what differs and how many do."""
    from app.commands import check

    async def compute() -> tuple[int, list[check.Difference], list[check.BeforeTheRule]]:
        async with engine_of(url, "rebond check") as engine:
            return *await check.differences(engine), await check.before_the_rule(engine)

    checked, differing, standing = asyncio.run(compute())
    for old in standing:
        print(f"before the rule: {old.rule}, {old.key}: {old.found}")
    for each in differing:
        print(each.told)
    print(f"{checked} balances computed again, {len(differing)} differ")
    return not differing


def save_backup(
    target: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A new file, or a directory for it.")],
) -> None:
    """Save the bundled server's database in one file, encrypted where REBOND_BACKUP_KEY_FILE names a key.

    Only you can read it; the service can run meanwhile.
    """
    data_dir = bundled_data_dir("back it up with: pg_dump {dump} --file=FILE {url}")
    if not (data_dir / "pg").is_dir():
        raise CommandRefused(f"there is no database in {data_dir}")
    key = _backup_key()
    with postgres.running(data_dir) as bundled, noted(bundled.dsn(), "backup"), progress("saving") as say:
        saved = backup.save(bundled, target, say, key)
    told = [f"{saved.file.stat().st_size:,} bytes", saved.revision]
    told += ["encrypted"] * (key is not None) + [f"seal {saved.seal}"] * (saved.seal is not None)
    print(f"saved {saved.file} ({', '.join(told)})")


def _backup_key() -> bytes | None:
    """The key of backups; none where the setting names none."""
    file = get_settings().backup_key_file
    if file is None:
        return None
    try:
        return encryption.key_in(file)
    except OSError as error:
        raise CommandRefused(f"REBOND_BACKUP_KEY_FILE: {file}: {error.strerror}") from None
    except encryption.NotAKey:
        raise CommandRefused(
            f"REBOND_BACKUP_KEY_FILE: {file} is no key: it holds 64 hexadecimal digits (openssl rand -hex 32)"
        ) from None


def restore_backup(
    file: Annotated[Path, typer.Argument(help="A file written by «rebond backup». Restore only files you trust.")],
    replace: Annotated[bool, typer.Option("--replace", help="Replace the present data.")] = False,
) -> None:
    """Restore a backup into the bundled server. The service must be stopped.

    The backup is loaded into a new database, migrated and checked; only then it replaces the present one.
    """
    data_dir = bundled_data_dir("restore into it with: pg_restore {restore} --dbname={url} FILE, then rebond migrate")
    revision, key = backup.revision_in(file), _backup_key()
    with postgres.running(data_dir, exclusive_service=True) as bundled:
        in_use = asyncio.run(backup.is_in_use(bundled))
        if in_use and not replace:
            raise CommandRefused(f"there are data in {data_dir}: --replace lets the backup take their place")
        with backup.beside(bundled) as name:
            with progress("restoring") as say:
                backup.fill(bundled, file, say, key)
            url = bundled.dsn(name)
            upgrade(url)
            agree = _balances_agree(url)
            # They belong to what is replaced; found beside other people's data they would let the next start load the
            # demonstration into these.
            (data_dir / KEYS_FILE).unlink(missing_ok=True)
            asyncio.run(backup.put_in_place(bundled))
        if agree:
            asyncio.run(backup.forget_replaced(bundled))
    print(f"restored {file} ({revision}, now {migrations.head()})")
    if not agree:
        kept = f"; the data before it stay in the database {backup.REPLACED} until the next restore" if in_use else ""
        raise CommandRefused(f"the backup is in place, but its balances differ as said above{kept}")


def do_what_is_due(
    as_of: Annotated[
        str | None,
        typer.Option(
            help="Take the clocks of aid files and deliverables that have run out by this day; today if absent."
        ),
    ] = None,
) -> None:
    """Do what is due: run it once a day.

    Records what silence has decided about aid files and deliverables, tells of late deliverables, reads the proceedings
    of firms into their advances, tells what has come of instalments, erases contacts whose retention date is past,
    imported files after seven days, old stored replies and old records of accesses, and seals the event trail.
    """
    from app.commands.tick import tick
    from app.integrations.access_records.service import delete_due
    from app.integrations.seals.service import newest_seal, seal_events

    day = _past_day(as_of)

    async def due(url: str) -> str:
        async with engine_of(url, "rebond tick") as engine:
            with progress("done:") as say:
                done = await tick(session_factory(engine), as_of=day, say=say)
                accesses = await delete_due(engine)
                sealed = await seal_events(engine, say=say)
            newest = await newest_seal(engine)
        return (
            f"{done.silences} silences recorded, {done.admitted} deliverables admitted by silence,"
            f" {done.late} deliverables late, {done.unstarted} aids not started in time,"
            f" {done.undrawn} advances not drawn in time, {done.commitments} commitments overdue,"
            f" {done.judged} advances settled, {done.alerts} alerts of advances,"
            f" {done.contacts_erased} contacts erased, {done.files_deleted} imported files deleted,"
            f" {done.replies_forgotten} stored replies forgotten, {accesses} access records deleted,"
            f" {sealed} events sealed{'' if newest is None else f', seal {newest}'}"
        )

    with database(get_settings()) as url, noted(url, "tick"):
        print(asyncio.run(due(url)))


def _past_day(text: str | None) -> date | None:
    """A day, today at the latest."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise CommandRefused(f"{text} is no day: write it as 2026-03-02") from None
    if day > clock.today():
        raise CommandRefused(f"{text} is in the future: no clock has run out then")
    return day


def import_file(
    kind: Annotated[
        str,
        typer.Argument(
            help="firms, sites, perimeter, contacts, auditions, projects, time_entries, claim_lines or another kind of"
            " lines; or territory."
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A CSV or XLSX file; of a territory, the directory of its export.", exists=True, readable=True
        ),
    ] = None,
    columns: Annotated[bool, typer.Option("--columns", help="Tell the columns of the kind, import nothing.")] = False,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook; the first by default.")] = None,
    header_row: Annotated[int | None, typer.Option(help="Line of the headings.", min=1)] = None,
    constants: Annotated[
        list[str] | None, typer.Option("--set", help="A value for a column that the file does not have: vintage=2025.")
    ] = None,
    hours_per_day: Annotated[float | None, typer.Option(help="Hours of a day, where the file has hours.")] = None,
    territory: Annotated[str | None, typer.Option(help="Territory of the lines; none for firms and sites.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Skip faulty lines instead of refusing the file.")] = False,
    key: Annotated[
        str | None,
        typer.Option(envvar="REBOND_KEY", help="The API key to import with; without it, the service itself imports."),
    ] = None,
) -> None:
    """Import a file and show the progress. Exit code 1 if the file is refused.

    «rebond import territory DIRECTORY» reads what «rebond export territory» has written into an empty database of the
    same revision: all of it, with balances that agree, or nothing. Persons come without keys and e-mail addresses,
    accounts without their number, reviews without what they say.
    """
    if kind == TERRITORY:
        given = (columns, sheet, header_row, constants, hours_per_day, territory, dry_run, skip)
        if file is None or not file.is_dir() or any(given):
            raise CommandRefused("name the directory of an export, and no option: rebond import territory DIRECTORY")
        _bring_in(file)
        return
    from app.commands import imports as command

    settings = get_settings()
    language = settings.default_language
    if columns:
        print(command.columns_of(kind, language))
        return
    if file is None:
        raise CommandRefused("name the file to import, or --columns")
    if file.is_dir():
        raise CommandRefused(f"{file} is a directory")
    options = command.options_of(sheet, header_row, constants or [], hours_per_day)
    with database(settings) as url:
        ended = asyncio.run(
            command.carry_out(
                url, kind, file, territory, key, dry_run=dry_run, skip=skip, options=options, language=language
            )
        )
    if not ended:
        raise SystemExit(1)


TERRITORY = "territory"  # what is imported and is no kind of lines


def _bring_in(directory: Path) -> None:
    from app.commands import bring_in

    async def read(url: str) -> bring_in.Brought:
        async with engine_of(url, "rebond import") as engine:
            with progress() as say:
                return await bring_in.read(engine, directory, say)

    with ending_on_sigterm(), database(get_settings(), as_owner=True) as url:
        try:
            brought = asyncio.run(read(url))
        except bring_in.BalancesDiffer as refusal:
            for each in refusal.differing:
                print(each.told)
            raise CommandRefused(str(refusal)) from None
        except bring_in.NotBroughtIn as refusal:
            raise CommandRefused(str(refusal)) from None
        except KeyboardInterrupt:
            sys.exit(1)
    print(f"{brought.rows} rows of {brought.tables} tables of {brought.territory} brought in")
    print(f"{brought.balances} balances computed again, 0 differ")


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end a block as an exception does, which leaves nothing half-written."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def export_territory(
    territory: Annotated[str, typer.Argument(help="The territory's slug.")],
    directory: Annotated[Path, typer.Argument(help="A directory that is empty or does not exist.")],
) -> None:
    """Write every table of a territory as CSV, with a manifest and a README that explain them.

    All tables are read in one snapshot. The directory appears complete or not at all, and only you can read it.
    """
    from app.commands import export

    async def write(url: str) -> export.Written:
        async with engine_of(url, "rebond export") as engine:
            with progress() as say:
                return await export.write(
                    engine, territory, directory, lambda table, size: say(f"{table}  {size / 1e6:.1f} MB")
                )

    with ending_on_sigterm(), database(get_settings()) as url:
        try:
            written = asyncio.run(write(url))
        except export.NoSuchTerritory:
            raise CommandRefused(f"there is no territory {territory}") from None
        except FileExistsError as error:
            raise CommandRefused(f"{error.filename or error}") from None
        except KeyboardInterrupt:
            sys.exit(1)
    print(f"{written.rows} rows of {written.tables} tables in {written.directory}")


def write_openapi(
    output: Annotated[Path | None, typer.Option(help="File to write; standard output without it.")] = None,
) -> None:
    """Write the OpenAPI document, exactly as the service serves it."""
    from app.core.serving import openapi
    from app.main import create_app

    document = openapi.dumped(create_app(Settings(database_url="postgresql://localhost/none")).openapi())
    if output is None:
        print(document, end="")
    else:
        output.write_text(document)
