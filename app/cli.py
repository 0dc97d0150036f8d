"""The command line of Rebond: `rebond serve`, and what keeps its data in order; `rebond --help` lists them.

What one command alone needs is imported by it: the whole application takes most of a second.
"""

import asyncio
import errno
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from alembic.util import CommandError
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from app import __version__, backup
from app.access import service as access
from app.access.rules import Role, SubjectKind
from app.core import embedded, migrations, values
from app.core import installation as secrets
from app.core.db import create_engine, raw_connection, session_factory
from app.core.problems import NotFound, Problem, ReferenceNotFound
from app.core.serving import server
from app.core.writing.writes import System, new_request_id, run
from app.settings import KEYS_FILE, Settings, get_settings

app = typer.Typer(
    name="rebond",
    help="Rebond: the system of record of the Rebond industriel programme.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(help="API keys: make one, list them, end one.", no_args_is_help=True)
app.add_typer(keys, name="keys")
exports = typer.Typer(help="Take data out, in documented files.", no_args_is_help=True)
app.add_typer(exports, name="export")

POSTGRESQL = 180_000  # the oldest server_version_num that the migrations run on
FACTORY = "app.main:create_app"


class Refusal(Exception):
    """A command cannot go on; the text is one line for the person who typed it."""


def main() -> None:
    """The entry point: refusals are one line on stderr, with exit code 1."""
    try:
        app()
    except (Refusal, embedded.EmbeddedError, backup.BackupError) as error:
        _stop(str(error))
    except Problem as problem:
        body = problem.body("en")
        _stop(f"{problem.code}: {body['detail']}")
    except ValidationError as error:
        fault = error.errors()[0]
        name = "_".join(str(part) for part in fault["loc"])
        if error.title == Settings.__name__:
            name = name.upper() if name.upper() == "DATABASE_URL" else f"REBOND_{name.upper()}"
        _stop(f"{name} is not acceptable: {fault['msg'].removeprefix('Value error, ')}")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as error:
        _stop(_line(error))


def _stop(text: str) -> None:
    print(f"rebond: {text}", file=sys.stderr)
    raise SystemExit(1)


def _line(error: Exception) -> str:
    """What an error of the system or of the database says, in one line."""
    cause = getattr(error, "orig", None) or error  # SQLAlchemy puts the statement around it
    if isinstance(cause, OSError) and cause.filename:
        return f"{cause.filename}: {cause.strerror}"
    said = str(cause).strip().partition("\n")[0].rpartition("'>: ")[2]
    return said or type(cause).__name__


# --- the database a command works on ---------------------------------------------------------------------------------


def _data_dir(settings: Settings) -> Path:
    return settings.data_dir.expanduser() if settings.data_dir else embedded.default_data_dir()


@contextmanager
def _database(settings: Settings, *, migrate: bool = False) -> Iterator[str]:
    """The address of the database: the one of DATABASE_URL, else the bundled server, started where needed."""
    if settings.database_url is not None:
        if migrate:
            _check(settings.database_url, migrated=False)
        else:
            _check(settings.database_url)
        yield settings.database_url
        return
    with embedded.running(_data_dir(settings)) as bundled:
        embedded.ensure_database(bundled, "rebond")
        _upgrade(bundled.dsn())
        yield bundled.dsn()


def _upgrade(url: str) -> None:
    try:
        migrations.upgrade(url)
    except CommandError:
        raise Refusal(
            f"the database {_shown(url)} was migrated by another version of Rebond, which has revisions that this one"
            " does not know"
        ) from None

    async def ensure() -> None:
        engine = create_engine(url, pool_size=1, name="rebond migrate")
        try:
            await secrets.ensure(engine)
        finally:
            await engine.dispose()

    asyncio.run(ensure())


def _check(url: str, *, migrated: bool = True) -> None:
    """Refuse, in one line, a database that cannot be reached, is too old, or is not migrated."""
    place = _shown(url)

    async def look() -> tuple[int, str | None]:
        # Without the settings of `create_engine`: an older server knows some of them not, and would not be told apart.
        engine = create_async_engine(url, connect_args={"timeout": 5})
        try:
            async with raw_connection(engine) as connection:
                version = int(await connection.fetchval("SHOW server_version_num"))
                return version, await migrations.applied(connection)
        finally:
            await engine.dispose()

    try:
        version, revision = asyncio.run(look())
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError, TypeError, ValueError) as error:
        # The last two are what the driver makes of an option behind `?` that it does not know.
        raise Refusal(f"the database {place} cannot be reached: {_line(error)}") from None
    if version < POSTGRESQL:
        raise Refusal(f"the database {place} is PostgreSQL {version // 10_000}; Rebond needs 18 or later")
    if not migrated:
        return
    if revision is None:
        raise Refusal(f"the database {place} is not migrated: run «rebond migrate»")
    if not migrations.is_current(revision):
        raise Refusal(
            f"the database {place} is at {revision}, this version needs {migrations.head()}: run «rebond migrate»"
        )


def _shown(url: str) -> str:
    """The address as a person writes it, without the password."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=True)


# --- commands --------------------------------------------------------------------------------------------------------


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [REBOND_HOST, default 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [REBOND_PORT, default 8000]")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes. [REBOND_WORKERS, default 1]", min=1, max=64)] = None,
) -> None:  # fmt: skip
    """Serve the API.

    Without DATABASE_URL: starts the bundled PostgreSQL in the data directory, migrates it, and loads the Alès
    demonstration on the first start. With DATABASE_URL: only serves, and refuses a database that is not migrated.
    """
    chosen: dict[str, Any] = {"host": host, "port": port, "workers": workers}
    settings = Settings(**{name: value for name, value in chosen.items() if value not in (None, "")})
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a stop before uvicorn listens, and after it is done
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup wants it
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))  # the terminal was closed
    try:
        listening = server.listen(settings.host, settings.port)
    except OSError as error:
        busy = error.errno in (errno.EADDRINUSE, errno.EACCES)
        setting, option = ("REBOND_PORT", "--port") if busy else ("REBOND_HOST", "--host")
        place = f"{settings.host}:{settings.port}"
        raise Refusal(
            f"cannot listen on {place}: {error.strerror} (choose another with {setting} or {option})"
        ) from None
    try:
        with listening:
            if settings.database_url is not None:
                _check(settings.database_url)
                _say(settings, listening.getsockname()[1], None)
                _serve(settings, settings.database_url, listening)
                return
            data_dir = _data_dir(settings)
            with embedded.running(data_dir, exclusive_service=True) as bundled:
                embedded.ensure_database(bundled, "rebond")
                _upgrade(bundled.dsn())
                from app.demo import load as demo

                issued = asyncio.run(demo.ensure(bundled.dsn(), data_dir / KEYS_FILE, first_start=True))
                _say(settings, listening.getsockname()[1], issued)
                with embedded.revived(bundled):
                    _serve(settings, bundled.dsn(), listening)
    except KeyboardInterrupt:
        sys.exit(0)


def _serve(settings: Settings, url: str, listening: Any) -> None:
    os.environ["DATABASE_URL"] = url
    with ExitStack() as stack:
        if settings.workers > 1:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(server.metrics_directory())
        server.serve(FACTORY, listening, workers=settings.workers)


def _say(settings: Settings, port: int, issued: dict[str, str] | None) -> None:
    """What a person wants to know at a glance: addresses, keys, and lines to paste."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104  # what to type, not to bind
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    url = settings.database_url
    lines = [
        "",
        f"{typer.style(f'Rebond {__version__}', bold=True)}  {base}",
        f"  documentation  {base}/docs",
        f"  data           {_data_dir(settings) if url is None else _shown(url)}",
    ]
    if issued:
        lines += ["", f"Demonstration keys, Alès (kept in {_data_dir(settings) / KEYS_FILE})"]
        lines += [f"  {line}" for line in _columns(list(issued.items()))]
        who = f"-H 'Authorization: Bearer {issued['operator']}'"
        paths = ("/v1/me", "/v1/territories/ales/engineering", "/v1/territories/ales/time-entries?limit=3")
        lines += ["", "Try", *(f"  curl -s {who} '{base}{path}'" for path in paths)]
    lines += ["", "Ctrl-C stops the service and its database." if url is None else "Ctrl-C stops the service.", ""]
    typer.echo("\n".join(lines))  # which drops the bold where no terminal reads it
    sys.stdout.flush()


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as aligned lines, never cut: what is printed here is copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


@app.command()
def migrate() -> None:
    """Bring the database to the version of this code. Two at once wait for each other."""
    settings = get_settings()
    with _database(settings, migrate=True) as url:
        if settings.database_url is not None:
            _upgrade(url)
    print(f"migrated to {migrations.head()}")


@app.command(name="demo")
def load_demo(
    keys_file: Annotated[
        Path | None, typer.Option(help="Where the keys are kept. [demo-keys.json beside the data, or here]")
    ] = None,
    shell: Annotated[
        bool, typer.Option("--shell", help="Print the keys as lines for a shell: export LEAD=rbd_…")
    ] = False,
) -> None:
    """Load the Alès demonstration (synthetic firms and persons). A second run changes nothing."""
    from app.demo import load as demo

    settings = get_settings()
    beside = Path() if settings.database_url is not None else _data_dir(settings)
    with _database(settings) as url:
        issued = asyncio.run(demo.ensure(url, keys_file or beside / KEYS_FILE, first_start=False))
    if shell:
        print("\n".join(f"export {role.upper()}={key}" for role, key in issued.items()))
    else:
        print(json.dumps(issued, indent=2))


@app.command(name="check")
def check_balances() -> None:
    """Compute every balance (days and cents) again from its entries; exit code 1 where any differs."""
    with _database(get_settings()) as url:
        agree = _balances_agree(url)
    if not agree:
        raise SystemExit(1)


def _balances_agree(url: str) -> bool:
    """Compute every balance again, and print what differs and how many do, and what stood before a rule."""
    from app import check

    async def compute() -> tuple[int, list[check.Difference], list[str]]:
        engine = create_engine(url, pool_size=1, name="rebond check")
        try:
            return *await check.differences(engine), await check.before_the_rule(engine)
        finally:
            await engine.dispose()

    checked, differing, earlier = asyncio.run(compute())
    for line in earlier:
        print(line)
    for each in differing:
        print(f"{each.balance}, {each.key}: the entries come to {each.entries}, the balance says {each.found}")
    print(f"{checked} balances computed again, {len(differing)} differ")
    return not differing


@app.command(name="backup")
def save_backup(
    target: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A new file, or a directory to put one in.")],
) -> None:
    """Save the bundled server's database in one file, readable by you alone; the service may run meanwhile."""
    data_dir = _bundled("back it up with: pg_dump {dump} --file=FILE {url}")
    if not (data_dir / "pg").is_dir():
        raise Refusal(f"there is no database in {data_dir}")
    with embedded.running(data_dir) as bundled, _progress("saving") as say:
        file, revision = backup.save(bundled, target, say)
    print(f"saved {file} ({file.stat().st_size:,} bytes, {revision})")


@app.command(name="restore")
def restore_backup(
    file: Annotated[Path, typer.Argument(help="What «rebond backup» wrote. Restore only files you trust.")],
    replace: Annotated[bool, typer.Option("--replace", help="Let it take the place of data that are there.")] = False,
) -> None:  # fmt: skip
    """Bring a backup back into the bundled server, while the service is stopped.

    It is filled in, migrated and checked beside what is there, and takes its place only then.
    """
    data_dir = _bundled("restore into it with: pg_restore {restore} --dbname={url} FILE, then rebond migrate")
    revision = backup.revision_in(file)
    with embedded.running(data_dir, exclusive_service=True) as bundled:
        in_use = asyncio.run(backup.is_in_use(bundled))
        if in_use and not replace:
            raise Refusal(f"there are data in {data_dir}: --replace lets the backup take their place")
        with backup.beside(bundled) as name:
            with _progress("restoring") as say:
                backup.fill(bundled, file, say)
            url = bundled.dsn(name)
            _upgrade(url)
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
        raise Refusal(f"the backup is in place, but its balances differ as said above{kept}")


@contextmanager
def _progress(doing: str) -> Iterator[backup.Say]:
    """What is told on a terminal while it goes on, in one line that is gone at the end."""
    shown = sys.stderr.isatty()

    def say(table: str) -> None:
        if shown:
            print(f"\r\033[K{doing} {table}", end="", file=sys.stderr, flush=True)

    try:
        yield say
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _bundled(otherwise: str) -> Path:
    """The bundled server's data directory; where DATABASE_URL names another server, that one's tools are told instead.

    A command that asks for it cleans up behind itself also when it is ended by SIGTERM.
    """
    settings = get_settings()
    if settings.database_url is not None:
        url = make_url(settings.database_url).set(drivername="postgresql")
        query = {"sslmode" if name == "ssl" else name: value for name, value in url.query.items()}  # as libpq says
        shown = url._replace(password=None, query=query).render_as_string()  # type: ignore[arg-type]  # a plain dict
        command = otherwise.format(dump=" ".join(backup.DUMP), restore=" ".join(backup.RESTORE), url=f"'{shown}'")
        raise Refusal(f"DATABASE_URL names a server of its own; {command}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return _data_dir(settings)


@app.command(name="tick")
def do_what_is_due() -> None:
    """Do what is due by today: erase the contacts whose retention date is past. Run it daily; twice does no harm."""
    from app.tick import tick

    async def due(url: str) -> str:
        engine = create_engine(url, pool_size=1, name="rebond tick")
        try:
            with _progress("erased") as say:
                done = await tick(session_factory(engine), say=say)
        finally:
            await engine.dispose()
        return f"{done.contacts_erased} contacts erased, {done.replies_forgotten} stored replies forgotten"

    with _database(get_settings()) as url:
        print(asyncio.run(due(url)))


@app.command(name="import")
def import_file(
    kind: Annotated[str, typer.Argument(help="What the lines are: firms, sites, perimeter, …")],
    file: Annotated[Path, typer.Argument(help="A CSV or XLSX file.", exists=True, dir_okay=False, readable=True)],
    territory: Annotated[str | None, typer.Option(help="The territory that they belong to.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be, change nothing.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Leave faulty lines out instead of refusing the file.")] = False,
    key: Annotated[
        str | None, typer.Option(envvar="REBOND_KEY", help="Key of who imports; without it, the service itself.")
    ] = None,
) -> None:  # fmt: skip
    """Import a file into the database, showing how far it is; exit code 1 where it was refused."""
    from app.integrations import command

    with _database(get_settings()) as url:
        ended = asyncio.run(command.carry_out(url, kind, file, territory, key, dry_run=dry_run, skip=skip))
    if not ended:
        raise SystemExit(1)


@keys.command("create")
def create_key(
    role: Annotated[Role, typer.Option(help="The role that the key's subject holds.")],
    territory: Annotated[str | None, typer.Option(help="The territory's slug; all territories without it.")] = None,
    organisation: Annotated[str | None, typer.Option(help="SIREN of the subject's organisation.")] = None,
    subject: Annotated[str | None, typer.Option(help="Name of the person or program; else the role's.")] = None,
    service_account: Annotated[bool, typer.Option("--service-account", help="The subject is a program.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help='Print {"key": "rbd_…"} and more as JSON.')] = False,
) -> None:  # fmt: skip
    """Make an API key. Organisation, subject and role are made where they are missing; the key is shown once."""
    import app.models  # noqa: F401  # every table: a foreign key names one of another domain

    if organisation is not None and not values.is_siren(organisation):
        raise Refusal("--organisation wants a SIREN: nine digits, the last being its Luhn key")
    key = access.new_key()
    kind = SubjectKind.SERVICE_ACCOUNT if service_account else SubjectKind.PERSON
    name = subject or role.value

    async def make(url: str) -> dict[str, Any]:
        engine = create_engine(url, pool_size=1, name="rebond keys")
        try:
            seen = await run(
                session_factory(engine),
                System(),
                lambda write: access.issue_key(write, role, territory, organisation, name, kind, key),
                request_id=new_request_id(),
            )
        finally:
            await engine.dispose()
        stored: dict[str, Any] = json.loads(seen[0].body)  # type: ignore[index]  # objects, as no reply was asked
        return stored

    with _database(get_settings()) as url:
        try:
            stored = asyncio.run(make(url))
        except ReferenceNotFound:
            raise Refusal(f"there is no territory {territory}") from None
    found = {"key": key, "id": stored["id"], "subject_id": stored["subject_id"], "role": role, "territory": territory}
    print(json.dumps(found) if as_json else key)


@keys.command("list")
def list_keys() -> None:
    """List the API keys, without their secrets."""
    query = """
        SELECT k.id, k.prefix, s.name, o.name AS organisation, k.scope, k.expires_at, k.revoked_at, k.last_used_at
        FROM api_keys k JOIN subjects s ON s.id = k.subject_id JOIN organisations o ON o.id = s.organisation_id
        ORDER BY k.id
    """

    async def read(url: str) -> list[Any]:
        engine = create_engine(url, pool_size=1, name="rebond keys")
        try:
            async with raw_connection(engine) as connection:
                rows: list[Any] = await connection.fetch(query)
                return rows
        finally:
            await engine.dispose()

    with _database(get_settings()) as url:
        rows = asyncio.run(read(url))
    heads = ["id", "key", "subject", "organisation", "scope", "expires", "revoked", "last used"]
    for line in _columns([heads, *([_text(value) for value in row.values()] for row in rows)]):
        print(line)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")  # the session's zone is UTC
    return "" if value is None else str(value)


@keys.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="The key's id, as «rebond keys list» shows it.")]) -> None:
    """End a key: within five seconds it works nowhere."""
    import app.models  # noqa: F401  # every table: a foreign key names one of another domain

    try:
        wanted = TypeAdapter(values.Uuid).validate_python(key_id)
    except ValidationError:
        raise Refusal("the key's id is a UUID: see «rebond keys list»") from None

    async def revoke(url: str) -> None:
        engine = create_engine(url, pool_size=1, name="rebond keys")
        try:
            await run(
                session_factory(engine),
                System(),
                lambda write: access.revoke_api_key(write, wanted),
                request_id=new_request_id(),
            )
        finally:
            await engine.dispose()

    with _database(get_settings()) as url:
        try:
            asyncio.run(revoke(url))
        except NotFound:
            raise Refusal("no key has this id: see «rebond keys list»") from None
    print("revoked")


@exports.command("territory")
def export_territory(
    territory: Annotated[str, typer.Argument(help="The territory's slug.")],
    directory: Annotated[Path, typer.Argument(help="Where to: absent, or empty.")],
) -> None:
    """Write every table of a territory as CSV, with a manifest and a README that explain them.

    All is seen in one snapshot. The directory appears complete or not at all, and only its owner can read it.
    """
    from app import export

    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which leaves nothing half-written
    told = sys.stderr.isatty()

    def progress(table: str, size: int) -> None:
        if told:
            print(f"\r\x1b[K{table}  {size / 1e6:.1f} MB", end="", file=sys.stderr, flush=True)

    async def write(url: str) -> export.Written:
        engine = create_engine(url, pool_size=1, name="rebond export")
        try:
            return await export.write(engine, territory, directory, progress)
        finally:
            await engine.dispose()

    with _database(get_settings()) as url:
        try:
            written = asyncio.run(write(url))
        except export.NoSuchTerritory:
            raise Refusal(f"there is no territory {territory}") from None
        except FileExistsError as error:
            raise Refusal(f"{error.filename or error}") from None
        except KeyboardInterrupt:
            sys.exit(1)
        finally:
            if told:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            signal.signal(signal.SIGTERM, before)
    print(f"{written.rows} rows of {written.tables} tables in {written.directory}")


@app.command(name="openapi")
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


if __name__ == "__main__":
    main()
