"""HTTP of imports: a file is received, and its progress can be read at an address."""

from typing import Annotated, Any, Literal
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.messages import REQUIRED
from app.core.problems import Forbidden, UnsupportedMediaType, ValidationFailed
from app.core.reading import query
from app.core.reading.answers import page, show
from app.core.reading.query import Parameter
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.values import text
from app.core.writing import writes
from app.core.writing.writes import commit
from app.integrations.imports import schemas, service
from app.integrations.imports.importers import IMPORTERS
from app.integrations.imports.models import OnError
from app.integrations.imports.queries import IMPORTS, PROBLEMS, TERRITORY_IMPORTS, TERRITORY_PROBLEMS
from app.programme.routes import T

imports = router("integrations")

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XML = ("application/xml", "text/xml")
BYTES = "application/octet-stream"
WORKBOOKS = (
    XLSX,
    "application/vnd.ms-excel",
    "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    "application/vnd.ms-excel.sheet.macroenabled.12",
    "application/vnd.oasis.opendocument.spreadsheet",
)
MEDIA_TYPES = (CSV, "text/plain", "text/tab-separated-values", *WORKBOOKS, *XML, BYTES)


def _kinds(*, national: bool) -> Any:
    kinds = tuple(kind for kind, importer in IMPORTERS.items() if importer.national is national)
    return Parameter(Literal[kinds], "What the lines of the file are.")


def _asked(*, national: bool) -> dict[str, Parameter]:
    return {
        "kind": _kinds(national=national),
        "on_error": Parameter(
            OnError,
            "abort (default): one faulty line refuses the whole file, which is written in one transaction; skip: faulty"
            " lines are left out, and each 500 lines are committed.",
        ),
        "filename": Parameter(Annotated[str, text(200)], "Name of the file, shown in the import."),
        **writes.QUERY,
    }


NATIONAL, LOCAL = _asked(national=True), _asked(national=False)


def _upload(asked: dict[str, Parameter]) -> dict[str, Any]:
    """Decorator arguments of an upload: 202, and a file as the body."""
    refusals = (service.UnreadableFile, UnsupportedMediaType)
    documented = changes(schemas.FileImport, *refusals, status=202)
    documented["openapi_extra"]["parameters"] += [p for p in query.names_parameters(asked) if p["name"] != "dry_run"]
    documented["openapi_extra"]["requestBody"] = {
        "required": True,
        "description": "The file: CSV, XLSX, XLSB, XLS, ODS or XML, recognised by its content. Their types do as well.",
        "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}},  # what generated clients can send
    }
    return documented


async def _receive(request: Request, actor: Actor, asked: dict[str, Parameter], territory: str | None) -> Response:
    given = query.read(request, asked)
    if "kind" not in given:
        raise ValidationFailed(errors=[REQUIRED.at("kind")])
    importer = IMPORTERS[given["kind"]]
    if not actor.may(importer.permission, territory):
        raise Forbidden(permission=importer.permission)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in MEDIA_TYPES:
        raise UnsupportedMediaType
    upload = await service.receive(request.state.engine, request.stream())
    request.state.body = upload.digest  # what an Idempotency-Key is held to
    wish = service.ImportRequest(
        given["kind"],
        given.get("dry_run", False),
        given.get("on_error", OnError.ABORT),
        given.get("filename"),
        request.state.import_transaction,
    )
    base = "/v1" if territory is None else f"/v1/territories/{territory}"
    answer = await commit(
        request,
        lambda write: service.request_import(write, territory, wish, upload),
        status=202,
        location=base + "/imports/{key}",
        dry_run=False,
    )
    request.state.import_received.set()
    return answer


@imports.post("/v1/imports", **_upload(NATIONAL))
async def create_national_import(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Send a file of facts that all territories share, such as firms and sites. `Location` shows its progress."""
    return await _receive(request, actor, NATIONAL, None)


@imports.get("/v1/imports", **lists(IMPORTS))
async def list_national_imports(request: Request, actor: Actor = require("imports:read")) -> Response:
    """Imports of facts that all territories share, the latest first."""
    return await page(request, IMPORTS)


@imports.get("/v1/imports/{id:uuid}", **shows(schemas.FileImport))
async def get_national_import(request: Request, actor: Actor = require("imports:read")) -> Response:
    """One import: its progress, and its result once it is finished."""
    return await show(request, IMPORTS)


@imports.post("/v1/imports/{id:uuid}/cancel", **changes(schemas.FileImport, service.ImportFinished))
async def cancel_national_import(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Cancel an import that is not finished. Nothing of it is written; with on_error=skip, nothing more of it."""
    import_id: UUID = request.path_params["id"]
    return await commit(request, lambda write: service.cancel(write, None, import_id, None))


@imports.get("/v1/imports/{import_id:uuid}/problems", **lists(PROBLEMS))
async def list_national_import_problems(request: Request, actor: Actor = require("imports:read")) -> Response:
    """What is wrong with the file of an import, by line."""
    return await page(request, PROBLEMS)


@imports.post(T + "/imports", **_upload(LOCAL))
async def create_import(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Send a file of the territory's own objects, such as time entries or projects. `Location` shows its progress."""
    return await _receive(request, actor, LOCAL, request.path_params["territory"])


@imports.get(T + "/imports", **lists(TERRITORY_IMPORTS))
async def list_imports(request: Request, actor: Actor = require("imports:read")) -> Response:
    """Imports of the territory, the latest first. A consultant sees those of its own organisation."""
    return await page(request, TERRITORY_IMPORTS, **actor.own("imports:read", request.path_params["territory"]))


@imports.get(T + "/imports/{id:uuid}", **shows(schemas.FileImport))
async def get_import(request: Request, actor: Actor = require("imports:read")) -> Response:
    """One import: its progress, and its result once it is finished."""
    return await show(request, TERRITORY_IMPORTS, **actor.own("imports:read", request.path_params["territory"]))


@imports.post(T + "/imports/{id:uuid}/cancel", **changes(schemas.FileImport, service.ImportFinished))
async def cancel_import(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Cancel an import that is not finished. Nothing of it is written; with on_error=skip, nothing more of it."""
    territory, import_id = request.path_params["territory"], request.path_params["id"]
    own = actor.own("imports:read", territory).get("organisation")
    return await commit(request, lambda write: service.cancel(write, territory, import_id, own))


@imports.get(T + "/imports/{import_id:uuid}/problems", **lists(TERRITORY_PROBLEMS))
async def list_import_problems(request: Request, actor: Actor = require("imports:read")) -> Response:
    """What is wrong with the file of an import, by line."""
    return await page(request, TERRITORY_PROBLEMS, **actor.own("imports:read", request.path_params["territory"]))
