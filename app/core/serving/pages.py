"""Beside the resources: health, the problems' catalogue, the document and its page, and what is where."""

import asyncio
import math
import time
from datetime import timedelta
from functools import cache
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, Field
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.core import clock, migrations
from app.core.db import raw_connection
from app.core.problems import CATALOGUE, DatabaseUnavailable, NotFound, Stopping
from app.core.reading.answers import tagged
from app.core.reading.negotiation import language_of
from app.core.reading.query import read
from app.core.serving import documentation
from app.core.serving.documentation import Static
from app.core.serving.draining import DRAIN
from app.core.serving.operations import responses
from app.core.serving.routing import Route, router

SECURITY_TXT_LASTS = timedelta(days=180)  # who reads it anew has it for so long again

service: APIRouter = router("service")


class Link(BaseModel):
    """An address of the service."""

    name: str = Field(description="Stable name of what the address leads to, such as territories.")
    href: str = Field(description="Path on this server, from the root.")


class Index(BaseModel):
    """The addresses of the service."""

    service: str = Field(description="Always rebond, so that a client can recognise the service.")
    version: str = Field(description="Version of the running code, the same as in the OpenAPI document.")
    links: list[Link] = Field(
        description="Where to read on: documents, health, and the collections of all territories."
    )


class Health(BaseModel):
    """State of the service."""

    status: str = Field(description="ok: the process is alive; ready: it can also answer requests.")


class ProblemEntry(BaseModel):
    """A problem of the catalogue, with its cause and its cure."""

    type: str = Field(description="Path of this entry; an error answer has it as its `type`.")
    code: str = Field(description="The last part of `type`, such as days-exhausted; the same in every language.")
    status: int = Field(description="HTTP status code of the answers that have this problem.")
    title: str = Field(description="The rule in one sentence, in the language of Content-Language.")
    cause: str = Field(description="When the service answers with this problem.")
    cure: str = Field(description="What the caller can do so that the request is accepted.")


class Catalogue(BaseModel):
    """Every problem that the service may answer with."""

    items: list[ProblemEntry] = Field(description="The problems in the alphabetical order of their codes, on one page.")


class Readiness:
    """Whether the database answers and is migrated, looked at once a second however many ask."""

    KEPT = 1.0

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._looked_at = -math.inf
        self._refused: Exception | None = None

    async def look(self, engine: AsyncEngine) -> None:
        """Raises `database-unavailable` (503)."""
        async with self._lock:
            if time.monotonic() - self._looked_at >= self.KEPT:
                try:
                    async with raw_connection(engine) as connection:
                        current = migrations.is_current(await migrations.applied(connection))
                    self._refused = None if current else DatabaseUnavailable()
                except Exception as refused:  # noqa: BLE001  # whatever it is, all who ask within the second hear it
                    self._refused = refused
                self._looked_at = time.monotonic()
            if self._refused is not None:
                raise self._refused


class WrittenDocument:
    """The OpenAPI document as it is sent: made once, and beside the event loop, as it takes seconds."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._written: Static | None = None

    async def written(self, app: FastAPI) -> Static:
        async with self._lock:
            if self._written is None:
                self._written = await asyncio.to_thread(
                    lambda: Static.of(to_json(app.openapi()) + b"\n", "application/json")
                )
        return self._written


def _json(content: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(to_json(content) + b"\n", headers=headers, media_type="application/json")


def _index(request: Request) -> Response:
    read(request, {})
    collections = (
        route.path
        for route in request.app.routes
        if isinstance(route, Route) and "GET" in (route.methods or ()) and route.path.startswith("/v1/")
    )
    links = [
        ("documentation", "/docs"),
        ("openapi", "/openapi.json"),
        ("problems", "/problems"),
        *((path.removeprefix("/v1/"), path) for path in collections if "{" not in path),
        ("health", "/healthz"),
        ("readiness", "/readyz"),
    ]
    return _json(
        {
            "service": "rebond",
            "version": request.app.version,
            "links": [{"name": name, "href": request.state.prefix + href} for name, href in links],
        }
    )


@service.get(
    "/", summary="Find the addresses of the service", response_model=Index, responses=responses(statuses=[422])
)
async def get_index(request: Request) -> Response:
    """The addresses of the service, to start from. Anyone may read them."""
    return _index(request)


@service.get("/v1", summary="Find the addresses of the API", response_model=Index, responses=responses(statuses=[422]))
async def get_v1_index(request: Request) -> Response:
    """The addresses of the service, as at the root. Anyone may read them."""
    return _index(request)


@service.get(
    "/healthz", summary="Ask whether the process is alive", response_model=Health, responses=responses(statuses=[422])
)
async def get_health(request: Request) -> Response:
    """Whether the process is alive. A failing database does not change the answer: see /readyz."""
    read(request, {})
    return _json({"status": "ok"}, {"Cache-Control": "no-store"})


@service.get(
    "/readyz",
    summary="Ask whether the service can answer",
    response_model=Health,
    responses=responses(DatabaseUnavailable, Stopping, statuses=[422]),
)
async def get_readiness(request: Request) -> Response:
    """Whether the service can work: its database answers and is migrated to the version of this code.

    Raises `database-unavailable` (503), and `stopping` (503) where this process ends soon.
    """
    read(request, {})
    if DRAIN.begun:
        raise Stopping
    await request.state.readiness.look(request.state.engine)
    return _json({"status": "ready"}, {"Cache-Control": "no-store"})


@service.get("/problems", response_model=Catalogue, responses=responses(statuses=[422]))
async def list_problems(request: Request) -> Response:
    """Every problem with its cause and cure, in English or French (Accept-Language)."""
    read(request, {})
    language = language_of(request, request.state.default_language)
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return Response(_catalogue(language), headers=headers, media_type="application/json")


@cache
def _catalogue(language: str) -> bytes:
    return to_json({"items": [CATALOGUE[code].entry(language) for code in sorted(CATALOGUE)]}) + b"\n"


@service.get("/problems/{code:slug}", response_model=ProblemEntry, responses=responses(NotFound, statuses=[422]))
async def get_problem(request: Request) -> Response:
    """One problem with its cause and cure; the `type` of an error answer leads here. Raises `not-found`."""
    read(request, {})
    problem = CATALOGUE.get(request.path_params["code"])
    if problem is None:
        raise NotFound
    language = language_of(request, request.state.default_language)
    return _json(problem.entry(language), {"Content-Language": language, "Vary": "Accept-Language"})


@service.get("/.well-known/security.txt", include_in_schema=False)
async def get_security_contact(request: Request) -> Response:
    """Where to report a weakness (RFC 9116). Raises `not-found` where the deployment names no contact."""
    read(request, {})
    state = request.state
    if not state.security_contact:
        raise NotFound
    expires_on = clock.now().date() + SECURITY_TXT_LASTS
    lines = [f"Contact: {contact}" for contact in state.security_contact]
    lines += [f"Expires: {expires_on}T00:00:00Z", "Preferred-Languages: fr, en"]
    lines += [f"Canonical: {state.public_url}/.well-known/security.txt"] if state.public_url else []
    lines += [f"Policy: {state.security_policy}"] if state.security_policy else []
    return Response("\n".join(lines) + "\n", media_type="text/plain")


@service.get("/openapi.json", include_in_schema=False)
async def get_openapi_document(request: Request) -> Response:
    """The OpenAPI document of exactly this version."""
    read(request, {})
    document = await request.state.document.written(request.app)
    return tagged(request, f'"{document.digest}"', document.content, {"Cache-Control": "no-cache"})


@service.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> Response:
    """The document as a page to try things on; everything it loads comes from here."""
    headers = {"Content-Security-Policy": documentation.POLICY, "Cache-Control": "no-cache"}
    return HTMLResponse(documentation.page(), headers=headers)


async def get_docs_file(request: Request) -> Response:
    """What the page loads. An address with the digest of the content is that content for ever."""
    written = documentation.file(request.scope["path"].rpartition("/")[2])
    named = request.scope["query_string"] == written.digest.encode()
    headers = {"Cache-Control": documentation.FOR_EVER if named else "no-cache"}
    return Response(written.content, headers=headers, media_type=written.media_type)


for _name in documentation.FILES:
    service.get(f"/docs/{_name}", include_in_schema=False)(get_docs_file)
