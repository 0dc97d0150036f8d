"""HTTP of imports: a file is received, and its progress can be read at an address."""

import asyncio
import base64
import re
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, Field
from starlette.convertors import register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.db import raw_connection
from app.core.messages import NOT_A_NUMBER
from app.core.problems import Forbidden, NotFound, UnsupportedMediaType
from app.core.reading import answers, query
from app.core.reading.answers import page, show
from app.core.reading.negotiation import language_of, wanted
from app.core.reading.query import Parameter
from app.core.serving.operations import PathText, changes, describe, lists, shows
from app.core.serving.routing import router
from app.core.values import INVALID_CODE, parse_int, text
from app.core.writing import writes
from app.core.writing.writes import commit
from app.integrations.imports import kinds, schemas, service
from app.integrations.imports.importers import IMPORTERS
from app.integrations.imports.models import OnError
from app.integrations.imports.queries import IMPORTS, PROBLEMS, TERRITORY_IMPORTS, TERRITORY_PROBLEMS
from app.programme.routes import T

imports = router("integrations")
KIND = PathText("[a-z]+(?:_[a-z]+)*", INVALID_CODE)
register_url_convertor("import_kind", KIND)
describe("import_kind", "The kind of file, such as projects.", KIND.schema, "projects")

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
XML = ("application/xml", "text/xml")
BYTES = "application/octet-stream"
MOST_ROWS = 1_048_576  # lines of a spreadsheet
WORKBOOKS = (
    XLSX,
    "application/vnd.ms-excel",
    "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    "application/vnd.ms-excel.sheet.macroenabled.12",
    "application/vnd.oasis.opendocument.spreadsheet",
)
MEDIA_TYPES = (CSV, "text/plain", "text/tab-separated-values", *WORKBOOKS, *XML, BYTES)


def _row_number(value: str) -> int:
    return parse_int(value, 1, MOST_ROWS)


def _hours(value: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,2}(?:[.,][0-9]{1,2})?", value):
        raise NOT_A_NUMBER.error()
    return Decimal(value.replace(",", "."))


def _kinds(*, national: bool) -> Any:
    kinds = tuple(kind for kind, importer in IMPORTERS.items() if importer.national is national)
    return Parameter(Literal[kinds], "What the lines of the file are.", required=True)


def _asked(*, national: bool) -> dict[str, Parameter]:
    return {
        "kind": _kinds(national=national),
        "on_error": Parameter(
            OnError,
            "abort (default): one faulty line refuses the whole file, which is written in one transaction; skip: faulty"
            " lines are left out, and each 500 lines are committed.",
        ),
        "filename": Parameter(Annotated[str, text(200)], "Name of the file, shown in the import."),
        "sheet": Parameter(Annotated[str, text(100)], "Name of the sheet of a workbook; the first by default."),
        "header_row": Parameter(
            Annotated[int, Field(ge=1, le=MOST_ROWS), BeforeValidator(_row_number)],
            "Line of the headings, counted from 1; without it they are looked for in the first 20 lines.",
        ),
        "set": Parameter(
            Annotated[str, text(1000)],
            "A value for a column that the file does not have, by a heading that the kind accepts: set[vintage]=2025.",
            keyed=True,
        ),
        "hours_per_day": Parameter(
            Annotated[Decimal, Field(gt=0, le=24), BeforeValidator(_hours)],
            "Number of hours of a day, such as 7.5: needed where the file has hours instead of days.",
        ),
        **writes.QUERY,
    }


NATIONAL, LOCAL = _asked(national=True), _asked(national=False)


def _upload(asked: dict[str, Parameter]) -> dict[str, Any]:
    """Decorator arguments of an upload: 202, and a file as the body."""
    refusals = (service.UnreadableFile, service.ImportSpaceExhausted, UnsupportedMediaType)
    documented = changes(schemas.FileImport, *refusals, status=202)
    documented["openapi_extra"]["parameters"] += [p for p in query.names_parameters(asked) if p["name"] != "dry_run"]
    documented["openapi_extra"]["requestBody"] = {
        "required": True,
        "description": "The file: CSV, XLSX, XLSB, XLS, ODS or XML, recognised by its content. Their types do as well.",
        "content": {BYTES: {"schema": {"type": "string", "format": "binary"}}},  # what generated clients can send
    }
    return documented


JSON = "application/json"
TEMPLATE_FORMS = {JSON: "json", XLSX: "xlsx", CSV: "csv"}
TEMPLATE_FORM = {"format": Parameter(Literal["xlsx", "csv", "json"], "The representation; weighs more than Accept.")}
COPY_FORMS = {XLSX: "xlsx", JSON: "json"}
COPY_FORM = {"format": Parameter(Literal["xlsx", "json"], "The representation; weighs more than Accept.")}

_ANNOTATES = shows(
    schemas.AnnotatedFile, service.FileNeeded, service.FileForgotten, service.FileTooLong, service.UnreadableFile,
    parameters=COPY_FORM, forms=COPY_FORMS,
)  # fmt: skip


async def _receive(request: Request, actor: Actor, asked: dict[str, Parameter], territory: str | None) -> Response:
    given = query.read(request, asked)
    importer = IMPORTERS[given["kind"]]
    if not actor.may(importer.permission, territory):
        raise Forbidden(permission=importer.permission)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in MEDIA_TYPES:
        raise UnsupportedMediaType.of_a_file(MEDIA_TYPES)
    state = request.state
    announced = request.headers.get("content-length", "")
    if "idempotency-key" not in request.headers:  # before the file arrives; a retry may have an answer already
        async with raw_connection(state.engine) as connection:
            size = int(announced) if announced.isdigit() else 0
            await service.refuse_beyond(connection, actor.subject_id, actor.quota, size)
    base = "/v1" if territory is None else f"/v1/territories/{territory}"
    options = service.ReadingOptions(
        given.get("sheet"), given.get("header_row"), given.get("set", {}), given.get("hours_per_day")
    )
    wish = service.ImportRequest(
        given["kind"], given.get("dry_run", False), given.get("on_error", OnError.ABORT), given.get("filename"),
        options, state.import_transaction,
    )  # fmt: skip
    with state.uploads.taken(actor):
        async with service.received(state.engine, request.stream()) as upload:
            state.body = upload.digest  # what an Idempotency-Key is held to
            answer = await commit(
                request,
                lambda write: service.request_import(write, territory, wish, upload, actor.quota),
                status=202,
                location=base + "/imports/{key}",
                dry_run=False,
            )
        if "idempotency-replayed" in answer.headers:
            await service.forget_upload(state.engine, upload.id)
    state.import_received.set()
    return answer


@imports.post("/v1/imports", **_upload(NATIONAL))
async def create_national_import(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Send a file of facts that all territories share, such as firms and sites. `Location` shows its progress."""
    return await _receive(request, actor, NATIONAL, None)


@imports.get("/v1/imports", **lists(IMPORTS))
async def list_national_imports(request: Request, actor: Actor = require("imports:read")) -> Response:
    """Imports of facts that all territories share, the latest first: those of your organisation, of kinds that you may
    send; all of them where you read everything.
    """
    return await page(request, IMPORTS, **service.seen(actor, None))


@imports.get("/v1/imports/{id:uuid}", **shows(schemas.FileImport))
async def get_national_import(request: Request, actor: Actor = require("imports:read")) -> Response:
    """One import: its progress, and its result once it is finished."""
    return await show(request, IMPORTS, **service.seen(actor, None))


@imports.post("/v1/imports/{id:uuid}/cancel", **changes(schemas.FileImport, service.ImportFinished))
async def cancel_national_import(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Cancel an import that is not finished. Nothing of it is written; with on_error=skip, nothing more of it.

    It is of a kind that you may send, and of your organisation unless you read everything.
    """
    import_id: UUID = request.path_params["id"]
    return await commit(request, lambda write: service.cancel(write, actor, None, import_id))


@imports.get("/v1/imports/{import_id:uuid}/problems", **lists(PROBLEMS))
async def list_national_import_problems(request: Request, actor: Actor = require("imports:read")) -> Response:
    """What is wrong with the file of an import, by line."""
    return await page(request, PROBLEMS, sender=actor.subject_id, **service.seen(actor, None))


@imports.delete("/v1/imports/{id:uuid}/file", **changes(schemas.FileImport, service.FileNeeded, service.FileForgotten))
async def delete_national_import_file(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Delete the file of an import that you have sent, before its seven days are over."""
    import_id: UUID = request.path_params["id"]
    return await commit(request, lambda write: service.delete_file(write, actor, None, import_id))


@imports.get("/v1/imports/{id:uuid}/annotated", summary="Get the annotated file of a national import", **_ANNOTATES)
async def get_annotated_national_import(request: Request, actor: Actor = require("imports:read")) -> Response:
    """The file of an import that you have sent, as XLSX, with what was found wrong before each line and in red.

    Cells are text as they stood. The copy is imported as it is, with the same parameters.
    """
    return await _annotated(request, actor, None)


@imports.get("/v1/imports/kinds", **shows(schemas.ImportKinds))
async def list_import_kinds(request: Request, actor: Actor = require("imports:read")) -> Response:
    """What can be imported from tables, and the columns of each kind."""
    query.read(request, {})
    return answers.private({"items": kinds.described()})


@imports.get(
    "/v1/imports/kinds/{import_kind:import_kind}/template",
    summary="Get a file to fill in for an import",
    **shows(schemas.ImportKind, parameters=TEMPLATE_FORM, forms=TEMPLATE_FORMS),
)
async def get_import_template(request: Request, actor: Actor = require("imports:read")) -> Response:
    """A file to fill in, as XLSX or CSV: headings in your language, lists of values, notes; as JSON the kind itself."""
    importer = IMPORTERS.get(request.path_params["import_kind"])
    if importer is None or importer.xml:
        raise NotFound
    form = wanted(request, query.read(request, TEMPLATE_FORM), TEMPLATE_FORMS)
    if form == "json":
        return answers.private(kinds.describe(importer), vary=answers.FORMS_VARY)
    language = language_of(request, request.state.default_language)
    make = kinds.xlsx_template if form == "xlsx" else kinds.csv_template
    name = f"{importer.kind}-{language}"
    return _file(await asyncio.to_thread(make, importer, language), name, form, language)


def _file(body: bytes, name: str, form: str, language: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{form}"', "Content-Language": language,
        "Vary": answers.FORMS_VARY, "Cache-Control": "no-store",
    }  # fmt: skip
    return Response(body, headers=headers, media_type={"csv": CSV, "xlsx": XLSX}[form])


async def _annotated(request: Request, actor: Actor, territory: str | None) -> Response:
    form = wanted(request, query.read(request, COPY_FORM), COPY_FORMS)
    language = language_of(request, request.state.default_language)
    body = await service.annotate(
        request.state.engine,
        territory,
        request.path_params["id"],
        actor.subject_id,
        language,
        request.state.import_memory,
    )
    import_id = request.path_params["id"]
    if form == "json":
        content = base64.b64encode(body).decode()
        named = {"id": str(import_id), "name": f"import-{import_id}.xlsx", "content": content}
        return answers.private(named, cache_control="no-store", vary=answers.FORMS_VARY)
    return _file(body, f"import-{import_id}", "xlsx", language)


@imports.post(T + "/imports", **_upload(LOCAL))
async def create_import(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Send a file of the territory's own objects, such as time entries or projects. `Location` shows its progress."""
    return await _receive(request, actor, LOCAL, request.path_params["territory"])


@imports.get(T + "/imports", **lists(TERRITORY_IMPORTS))
async def list_imports(request: Request, actor: Actor = require("imports:read")) -> Response:
    """Imports of the territory, the latest first: those of your organisation, of kinds that you may send; all of them
    where you read everything.
    """
    return await page(request, TERRITORY_IMPORTS, **service.seen(actor, request.path_params["territory"]))


@imports.get(T + "/imports/{id:uuid}", **shows(schemas.FileImport))
async def get_import(request: Request, actor: Actor = require("imports:read")) -> Response:
    """One import: its progress, and its result once it is finished."""
    return await show(request, TERRITORY_IMPORTS, **service.seen(actor, request.path_params["territory"]))


@imports.post(T + "/imports/{id:uuid}/cancel", **changes(schemas.FileImport, service.ImportFinished))
async def cancel_import(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Cancel an import that is not finished. Nothing of it is written; with on_error=skip, nothing more of it.

    It is of a kind that you may send, and of your organisation unless you read everything.
    """
    territory, import_id = request.path_params["territory"], request.path_params["id"]
    return await commit(request, lambda write: service.cancel(write, actor, territory, import_id))


@imports.get(T + "/imports/{import_id:uuid}/problems", **lists(TERRITORY_PROBLEMS))
async def list_import_problems(request: Request, actor: Actor = require("imports:read")) -> Response:
    """What is wrong with the file of an import, by line."""
    scopes = service.seen(actor, request.path_params["territory"])
    return await page(request, TERRITORY_PROBLEMS, sender=actor.subject_id, **scopes)


@imports.delete(T + "/imports/{id:uuid}/file", **changes(schemas.FileImport, service.FileNeeded, service.FileForgotten))
async def delete_import_file(request: Request, actor: Actor = require("imports:write")) -> Response:
    """Delete the file of an import that you have sent, before its seven days are over."""
    territory, import_id = request.path_params["territory"], request.path_params["id"]
    return await commit(request, lambda write: service.delete_file(write, actor, territory, import_id))


@imports.get(T + "/imports/{id:uuid}/annotated", summary="Get the annotated file of an import", **_ANNOTATES)
async def get_annotated_import(request: Request, actor: Actor = require("imports:read")) -> Response:
    """The file of an import that you have sent, as XLSX, with what was found wrong before each line and in red.

    Cells are text as they stood. The copy is imported as it is, with the same parameters.
    """
    return await _annotated(request, actor, request.path_params["territory"])
