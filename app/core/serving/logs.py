"""Logs by structlog on stderr: JSON, one line an event, and on a terminal lines for people.

The standard library's records take the same form.
"""

import logging
import os
import sys
from collections.abc import Iterator
from typing import Any

import asyncpg
import structlog
from pydantic_core import to_json


def _dump(event: Any, **_: Any) -> bytes:
    return to_json(event, fallback=str)


def _told(error: BaseException | None) -> Iterator[str]:
    """What PostgreSQL says of the row in an error and in those behind it: its values, which may be personal."""
    while error is not None:
        if isinstance(error, asyncpg.PostgresError) and error.detail:
            yield error.detail
        error = error.__cause__ or error.__context__


def _without_rows(logger: Any, method: str, event: Any) -> Any:
    """Write out an exception without the values of the row that the database refused."""
    given = event.get("exc_info")
    error = sys.exception() if given is True else given[1] if isinstance(given, tuple) else given
    event = structlog.processors.format_exc_info(logger, method, event)
    if isinstance(error, BaseException):
        for values in _told(error):
            event["exception"] = event["exception"].replace(values, "(left out)")
    return event


def _for_people() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=not os.environ.get("NO_COLOR"),
        repr_native_str=True,  # which escapes control characters
        exception_formatter=structlog.dev.plain_traceback,
        pad_event_to=20,
    )


def configure(level: str = "info") -> None:
    """Set up logging for the process. Control characters are escaped in both forms, so no line can be forged."""
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ours: Any = structlog.processors.JSONRenderer(serializer=_dump)
    others: Any = structlog.processors.JSONRenderer(serializer=lambda event, **_: _dump(event).decode())
    factory: Any = structlog.BytesLoggerFactory(sys.stderr.buffer)
    if sys.stderr.isatty():
        ours = others = _for_people()
        factory = structlog.WriteLoggerFactory(sys.stderr)
    structlog.configure(
        processors=[*shared, _without_rows, ours],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_rows, others],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
