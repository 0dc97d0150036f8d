"""Beside the resources: health, metrics, the problems' catalogue, the document and its page, and what is where."""

from pathlib import Path
from typing import Any

import fastapi_offline
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from pydantic import BaseModel
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from app.core import migrations
from app.core.db import raw_connection
from app.core.problems import CATALOGUE, DatabaseUnavailable, NotFound
from app.core.reading.negotiation import language_of
from app.core.reading.query import read
from app.core.serving.operations import responses
from app.core.serving.routing import router

ASSETS = Path(fastapi_offline.__file__).parent / "static"
DOCS_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self'; frame-ancestors 'none'"
)
DOCS_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Rebond, the API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
"""
DOCS_START = (
    'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: true});\n'
)

service: APIRouter = router("service")


class Link(BaseModel):
    """A place of the service."""

    name: str
    href: str


class Index(BaseModel):
    """What is there."""

    service: str
    version: str
    links: list[Link]


class Health(BaseModel):
    """How the service is."""

    status: str


class ProblemEntry(BaseModel):
    """A problem of the catalogue: cause and cure."""

    type: str
    code: str
    status: int
    title: str
    cause: str
    cure: str


class Catalogue(BaseModel):
    """Every problem that the service may answer with."""

    items: list[ProblemEntry]


def _json(content: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(to_json(content) + b"\n", headers=headers, media_type="application/json")


def _index(request: Request) -> Response:
    read(request, {})
    links = [
        ("documentation", "/docs"),
        ("openapi", "/openapi.json"),
        ("problems", "/problems"),
        ("me", "/v1/me"),
        ("territories", "/v1/territories"),
        ("waves", "/v1/waves"),
        ("firms", "/v1/firms"),
        ("organisations", "/v1/organisations"),
        ("members", "/v1/members"),
        ("api-keys", "/v1/api-keys"),
        ("events", "/v1/events"),
        ("health", "/healthz"),
        ("readiness", "/readyz"),
        ("metrics", "/metrics"),
    ]
    return _json(
        {
            "service": "rebond",
            "version": request.app.version,
            "links": [{"name": name, "href": href} for name, href in links],
        }
    )


@service.get("/", response_model=Index, responses=responses(statuses=[422]))
async def get_index(request: Request) -> Response:
    """What is there: the entry to the service. Anyone may read it."""
    return _index(request)


@service.get("/v1", response_model=Index, responses=responses(statuses=[422]))
async def get_v1_index(request: Request) -> Response:
    """What is there under /v1. Anyone may read it."""
    return _index(request)


@service.get("/healthz", response_model=Health, responses=responses(statuses=[422]))
async def get_health(request: Request) -> Response:
    """Whether the process lives. It touches nothing else; a failing database does not make it fail."""
    read(request, {})
    return _json({"status": "ok"}, {"Cache-Control": "no-store"})


@service.get("/readyz", response_model=Health, responses=responses(DatabaseUnavailable, statuses=[422]))
async def get_readiness(request: Request) -> Response:
    """Whether the service can work: its database answers and is migrated to the version of this code.

    Raises `database-unavailable` (503).
    """
    read(request, {})
    async with raw_connection(request.state.engine) as connection:
        if not migrations.is_current(await migrations.applied(connection)):
            raise DatabaseUnavailable
    return _json({"status": "ready"}, {"Cache-Control": "no-store"})


@service.get("/metrics", response_class=Response, responses=responses(statuses=[422]))
async def get_metrics(request: Request) -> Response:
    """Figures of the service in the Prometheus text format, over all workers."""
    read(request, {})
    state = request.state
    if state.multiprocess:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@service.get("/problems", response_model=Catalogue, responses=responses(statuses=[422]))
async def list_problems(request: Request) -> Response:
    """Every problem code with its cause and cure, in English or French (Accept-Language)."""
    read(request, {})
    language = language_of(request, request.state.default_language)
    return _json(
        {"items": [CATALOGUE[code].entry(language) for code in sorted(CATALOGUE)]},
        {"Content-Language": language, "Vary": "Accept-Language"},
    )


@service.get("/problems/{code:slug}", response_model=ProblemEntry, responses=responses(NotFound, statuses=[422]))
async def get_problem(request: Request) -> Response:
    """One problem: what the `type` of an error answer addresses. Raises `not-found`."""
    read(request, {})
    problem = CATALOGUE.get(request.path_params["code"])
    if problem is None:
        raise NotFound
    language = language_of(request, request.state.default_language)
    return _json(problem.entry(language), {"Content-Language": language, "Vary": "Accept-Language"})


@service.get("/openapi.json", include_in_schema=False)
async def get_openapi_document(request: Request) -> Response:
    """The OpenAPI document of exactly this version."""
    read(request, {})
    return _json(request.app.openapi(), {"Cache-Control": "no-cache"})


@service.get("/docs", include_in_schema=False)
async def get_docs(request: Request) -> Response:
    """The document as a page to try things on; everything it loads comes from here."""
    return HTMLResponse(DOCS_PAGE, headers={"Content-Security-Policy": DOCS_POLICY})


@service.get("/docs/start.js", include_in_schema=False)
async def get_docs_start(request: Request) -> Response:
    """Starts the page; a file of its own, because the policy allows no inline script."""
    return Response(DOCS_START, media_type="text/javascript")


@service.get("/docs/swagger-ui.css", include_in_schema=False)
async def get_docs_style(request: Request) -> Response:
    """Swagger UI's style sheet."""
    return FileResponse(ASSETS / "swagger-ui.css", media_type="text/css")


@service.get("/docs/swagger-ui-bundle.js", include_in_schema=False)
async def get_docs_script(request: Request) -> Response:
    """Swagger UI."""
    return FileResponse(ASSETS / "swagger-ui-bundle.js", media_type="text/javascript")
