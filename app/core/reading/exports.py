"""A collection as one stream: COPY writes the rows in one snapshot, and each chunk leaves before the next is read.

What is refused is refused before the answer begins. After that, whatever breaks (the client has left or stopped
reading, the database is gone, the time is up) ends the body without its last chunk, so that the client sees it, and
gives the connection back.
"""

import asyncio
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.core import clock
from app.core.db import Statement, copy_out, snapshot
from app.core.problems import NotFound, Problem
from app.core.reading.headings import heading
from app.core.reading.negotiation import language_of
from app.core.reading.streams import passing_on, while_listening
from app.core.reading.table_schema import MEDIA_TYPE
from app.core.reading.tabular import Column, Form, HeldRows, held_columns


class TooManyExports(Problem):
    """Too many exports are running."""

    status = 503
    title_fr = "Trop d'exports sont en cours."
    cure = "Try again in a few seconds."
    cure_fr = "Réessayez dans quelques secondes."
    retry_after = 5


class TooManyRows(Problem):
    """An XLSX file cannot contain so many rows."""

    status = 422
    title_fr = "Un fichier XLSX ne peut pas contenir autant de lignes."
    detail = "An XLSX file can contain at most {most_rows} rows."
    detail_fr = "Un fichier XLSX peut contenir au plus {most_rows} lignes."
    cure = "Narrow the filters, or ask for format=csv."
    cure_fr = "Resserrez les filtres, ou demandez format=csv."


class Export(Response):
    """The rows of `statement` in a form of their own.

    `parent` finds the object that the collection belongs to (404), `count` counts the rows as far as the form can hold
    them (422). Raises `TooManyExports` (503) where as many run in this process as may, and `QuotaExceeded` (429) where
    the caller has as many of them as it may.
    """

    def __init__(
        self, request: Request, form: Form, columns: list[Column], statement: Statement, count: Statement | None,
        parent: Statement | None, bound: dict[str, Any], *, machine: bool = False,
    ) -> None:  # fmt: skip
        name, headers = _named(request.scope, form)
        if form.name == "xlsx" and not machine:
            columns = _headed(request, columns, headers)
        schema = "schema-fr" if form.name == "csv-fr" else "schema"
        address = f"{request.state.public_url or ''}{request.scope['path']}?format={schema}"
        if chosen := request.query_params.get("fields"):
            address += f"&fields={quote(chosen, safe=',')}"
        headers["Link"] = f'<{address}>; rel="describedby"; type="{MEDIA_TYPE}"'
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self.state = request.state
        self.form, self.bound = form, bound
        self.statement, self.count, self.parent = statement, count, parent
        self.writer = form.writer(columns, name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        seconds = self.state.export_timeout
        with self.state.exports.taken(self.state.actor):
            await self._run(scope, receive, send, seconds)

    async def _run(self, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        async with snapshot(self.state.engine, seconds) as connection:
            await self._check(connection)
            # The shell's limit is for answers that come at once.
            self.state.time_limit.reschedule(asyncio.get_running_loop().time() + seconds)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await while_listening(receive, self._stream(connection, send))
            await send({"type": "http.response.body", "body": b""})

    async def _check(self, connection: Any) -> None:
        if self.parent is not None:
            parent = await connection.fetchrow(self.parent.sql, *self.parent.arguments(self.bound))
            if parent is None:
                raise NotFound
        if self.count is not None:
            rows = await connection.fetchval(self.count.sql, *self.count.arguments(self.bound))
            if rows > (self.form.most or 0):
                raise TooManyRows(most_rows=self.form.most)

    async def _stream(self, connection: Any, send: Send) -> None:
        pass_on = passing_on(send, self.state.send_timeout)

        async def write(rows: bytes) -> None:
            await pass_on(self.writer.add(rows))

        await pass_on(self.writer.begin())
        arguments = self.statement.arguments(self.bound)
        await copy_out(connection, self.statement.sql, arguments, write, **self.form.copy)
        await pass_on(self.writer.end())


def held(request: Request, form: Form, schema: type[BaseModel], rows: HeldRows) -> Response:
    """Objects that Python holds, each with the fields of `schema`, as a file in this form: what no SELECT gives."""
    name, headers = _named(request.scope, form)
    columns = held_columns(schema)
    labels = form.name == "xlsx" and request.query_params.get("headings") != "machine"
    headed = _headed(request, columns, headers) if labels else columns
    writer = form.writer(headed, name)
    body = writer.begin() + writer.add(form.held(columns, rows)) + writer.end()
    return Response(body, headers=headers)


def _headed(request: Request, columns: list[Column], headers: dict[str, str]) -> list[Column]:
    """The columns with headings for people, in the language of the caller."""
    language = headers["Content-Language"] = language_of(request, request.state.default_language)
    return [replace(column, name=heading(column.name, language)) for column in columns]


def _named(scope: Scope, form: Form) -> tuple[str, dict[str, str]]:
    """What the file is called, and the headers that say so."""
    name = "-".join(_names(scope))
    file = f"{name}-{clock.today()}.{form.extension}"
    return name, {
        "Vary": "Accept, Accept-Language",
        "Cache-Control": "private, no-cache",
        "Content-Type": form.media_type,
        "Content-Disposition": f"attachment; filename=\"{file}\"; filename*=UTF-8''{file}",
    }


def _names(scope: Scope) -> list[str]:
    """What the collection is called: its territory, and the words of its address."""
    path: str = scope["route"].path_format
    words = [part for part in path.removeprefix("/v1/").split("/") if not part.startswith("{")]
    territory = scope["path_params"].get("territory")
    return words if territory is None else [territory, *words[1:]]
