"""`rebond serve`: the service, with its own PostgreSQL where no other is named."""

import asyncio
import errno
import os
import signal
import sys
from contextlib import ExitStack
from typing import Annotated, Any

import typer

from app import __version__
from app.bundled import postgres
from app.commands.database import check_server, data_dir_of, shown, upgrade
from app.commands.terminal import Refusal, aligned
from app.core.serving import server
from app.settings import KEYS_FILE, Settings

FACTORY = "app.main:create_app"


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
                check_server(settings.database_url)
                _say(settings, listening.getsockname()[1], None)
                _serve(settings, settings.database_url, listening)
                return
            data_dir = data_dir_of(settings)
            with postgres.running(data_dir, exclusive_service=True) as bundled:
                postgres.ensure_database(bundled, "rebond")
                upgrade(bundled.dsn())
                from app.demo import load as demo

                issued = asyncio.run(demo.ensure(bundled.dsn(), data_dir / KEYS_FILE, first_start=True))
                _say(settings, listening.getsockname()[1], issued)
                with postgres.revived(bundled):
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
        f"  data           {data_dir_of(settings) if url is None else shown(url)}",
    ]
    if issued:
        lines += ["", f"Demonstration keys, Alès (kept in {data_dir_of(settings) / KEYS_FILE})"]
        lines += [f"  {line}" for line in aligned(list(issued.items()))]
        who = f"-H 'Authorization: Bearer {issued['operator']}'"
        paths = ("/v1/me", "/v1/territories/ales/engineering", "/v1/territories/ales/time-entries?limit=3")
        lines += ["", "Try", *(f"  curl -s {who} '{base}{path}'" for path in paths)]
    lines += ["", "Ctrl-C stops the service and its database." if url is None else "Ctrl-C stops the service.", ""]
    typer.echo("\n".join(lines))  # which drops the bold where no terminal reads it
    sys.stdout.flush()
