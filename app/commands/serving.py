"""`rebond serve`: the service, with its own PostgreSQL where no other is named."""

import asyncio
import errno
import gc
import os
import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from app import __version__
from app.bundled import postgres
from app.commands.database import check_server, data_dir_of, shown, upgrade
from app.commands.terminal import CommandRefused, line_of
from app.core.problems import Problem
from app.settings import KEYS_FILE, Settings

FACTORY = "app.commands.serving:application"


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. [REBOND_HOST, default 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. [REBOND_PORT, default 8000]")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes. [REBOND_WORKERS, default 1]", min=1, max=64)] = None,
) -> None:
    """Serve the API.

    Without DATABASE_URL: starts the bundled PostgreSQL in the data directory, migrates it, and loads the Alès
    demonstration on the first start. With DATABASE_URL: only serves, and refuses a database that is not migrated.
    """
    from app.core.serving import server

    chosen: dict[str, Any] = {"host": host, "port": port, "workers": workers}
    settings = Settings(**{name: value for name, value in chosen.items() if value not in (None, "")})
    stop = server.Stop()  # before uvicorn listens, and after it is done
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup wants it
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))  # the terminal was closed
    try:
        with ExitStack() as stack:
            operations = _operations(settings, stack)  # forks: before there is any thread
            try:
                listening = stack.enter_context(server.listen(settings.host, settings.port))
            except OSError as error:
                named = ("HOST or --host", "PORT or --port")
                raise _cannot_listen(error, settings.host, settings.port, *named) from None
            if settings.database_url is not None:
                check_server(settings.database_url)
                _serve(settings, settings.database_url, listening, stop, operations, None)
                return
            data_dir = data_dir_of(settings)
            with postgres.running(data_dir, exclusive_service=True) as bundled:
                postgres.ensure_database(bundled, "rebond")
                upgrade(bundled.dsn())
                url = bundled.dsn(role=postgres.SERVICE)
                issued = _demonstration(url, data_dir)
                with postgres.revived(bundled):
                    _serve(settings, url, listening, stop, operations, issued)
    except KeyboardInterrupt:
        sys.exit(0)


def _cannot_listen(error: OSError, host: str, port: int, host_setting: str, port_setting: str) -> CommandRefused:
    busy = error.errno in (errno.EADDRINUSE, errno.EACCES)
    setting = f"REBOND_{port_setting if busy else host_setting}"
    return CommandRefused(f"cannot listen on {host}:{port}: {error.strerror} (choose another with {setting})")


def application() -> Any:
    """What uvicorn serves. What is imported stays, so it is looked through for garbage once, not all along."""
    gc.disable()
    from app.main import create_app

    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)  # as in the process of the command: a large body is looked through once, not all along
    gc.enable()
    return create_app()


def _operations(settings: Settings, stack: ExitStack) -> int | None:
    """The port on which the figures of the workers are answered; none where no setting asks for it."""
    if settings.operations_port is None:
        return None
    from app.core.serving import figures, operations_port, server

    directory = stack.enter_context(server.metrics_directory())
    host, port = settings.operations_host, settings.operations_port
    try:
        taken = stack.enter_context(operations_port.answered(host, port, directory))
    except OSError as error:
        raise _cannot_listen(error, host, port, "OPERATIONS_HOST", "OPERATIONS_PORT") from None
    if settings.workers == 1:
        figures.share(directory)
    else:
        os.environ[figures.MULTIPROCESS] = directory
    return taken


def _serve(
    settings: Settings, url: str, listening: Any, stop: Any, operations: int | None, issued: dict[str, str] | None
) -> None:
    from app.core.serving import server

    os.environ["DATABASE_URL"] = url
    _say(settings, listening.getsockname()[1], operations, issued)
    server.serve(FACTORY, listening, workers=settings.workers, stop=stop)


def _demonstration(url: str, data_dir: Path) -> dict[str, str]:
    """The keys of the demonstration, which is loaded into an empty database. Its failure never stops the service."""
    from app.demo import load as demo

    try:
        return asyncio.run(demo.ensure(url, data_dir / KEYS_FILE, first_start=True))
    except Exception as error:  # noqa: BLE001  # whatever it stumbles over in data that people have changed
        said = f"{type(error).__name__}: {line_of(error)}"
        if isinstance(error, Problem):
            said = f"{error.code}: {error.body('en')['detail']}"
        typer.echo(f"rebond: the demonstration is not loaded ({said})", err=True)
        return {}


def _base(host: str, port: int) -> str:
    """What to type to reach what listens there."""
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  # what to type, not to bind
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _say(settings: Settings, port: int, operations: int | None, issued: dict[str, str] | None) -> None:
    """The addresses and lines to paste, and never a key: a journal may keep what is printed here."""
    base = _base(settings.host, port)
    url = settings.database_url
    lines = [
        "",
        f"{typer.style(f'Rebond {__version__}', bold=True)}  {base}",
        f"  documentation  {base}/docs",
        f"  data           {data_dir_of(settings) if url is None else shown(url)}",
    ]
    if operations is not None:
        lines.append(f"  figures        {_base(settings.operations_host, operations)}/metrics")
    if issued:
        where = f"REBOND_DATA_DIR={shlex.quote(str(settings.data_dir))} " if settings.data_dir else ""
        rebond = shlex.quote(sys.argv[0]) if Path(sys.argv[0]).name == "rebond" else "rebond"
        lines += [
            "",
            "Try it in a second terminal (a key for each role of the Alès demonstration, then a question)",
            f'  eval "$({where}{rebond} demo --shell)"',
        ]
        who = '-H "Authorization: Bearer $OPERATOR"'
        paths = ("/v1/me", "/v1/territories/ales/engineering", "/v1/territories/ales/time-entries?limit=3")
        lines += [f"  curl -s {who} '{base}{path}'" for path in paths]
    lines += ["", "Ctrl-C stops the service and its database." if url is None else "Ctrl-C stops the service.", ""]
    typer.echo("\n".join(lines))  # which drops the bold where no terminal reads it
    sys.stdout.flush()
