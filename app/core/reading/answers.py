"""The answers of collections and objects: a page, a whole table, one object, with their headers."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.responses import Response

from app.core.db import fetchrow
from app.core.faults import Fault
from app.core.problems import NotFound, ValidationFailed
from app.core.reading import cursors, versions
from app.core.reading.exports import Export
from app.core.reading.listing import FORMS_OF_TABLES, SCHEMAS, USUAL_LIMIT, Listing
from app.core.reading.query import read
from app.core.reading.table_schema import MEDIA_TYPE as TABLE_SCHEMA
from app.core.reading.table_schema import table_schema
from app.core.reading.tabular import FORMS, JSON_SUFFICES, Form, negotiated

ONLY_WITH_JSON = Fault(
    "only_with_json",
    en="This parameter can be used only with pages of JSON; other formats contain all rows.",
    fr="Ce paramètre ne s'emploie qu'avec les pages en JSON ; les autres formats contiennent toutes les lignes.",
)
FORMS_VARY = "Accept, Accept-Language"  # where an address has several forms


async def page(request: Request, listing: Listing, **scopes: Any) -> Response:
    """A page of the collection at this address for this caller, or all of it in another form than JSON.

    Raises `ValidationFailed` and `InvalidCursor` (422).
    """
    state = request.state
    query = read(request, listing.parameters) if request.scope["query_string"] else {}
    form, machine = _form(request, query), query.pop("headings", "labels") == "machine"
    fields = query.pop("fields", None)
    if form in SCHEMAS:
        described = table_schema(listing.schema, listing.table(fields), listing.key_name, comma=SCHEMAS[form])
        headers = {"Cache-Control": "private, no-cache", "Vary": FORMS_VARY}
        return Response(to_json(described) + b"\n", headers=headers, media_type=TABLE_SCHEMA)
    if form != "json":
        return _export(request, listing, FORMS[form], query, scopes, fields, machine=machine)
    sort = query.pop("sort", "") or listing.default_sort or listing.key_name
    limit = query.pop("limit", USUAL_LIMIT)
    cursor = query.pop("cursor", None)
    counted = query.pop("count", None) is not None
    given = frozenset(query)
    bound = _bound(request, listing, query, scopes)
    names = [f"k{number}" for number in range(len(listing.order(sort)))]
    empty = None
    seal = _seal(request, sort, bound)
    if cursor is not None:
        last = _open(state.cursor_secrets, cursor, seal)[-len(names) :]  # a cursor of before may repeat the key
        empty = tuple(value is None for value in last)
        bound.update((name, value) for name, value in zip(names, last, strict=True) if value is not None)
    usual = limit == USUAL_LIMIT
    bound["limit"] = limit
    statement = listing.page(given, frozenset(scopes), sort, empty=empty, usual=usual, counted=counted, fields=fields)
    row = await fetchrow(state.engine, statement, bound)
    items: list[str] = row["items"] or []
    if not items and listing.parent is not None:
        parent = listing.parent_row(frozenset(scopes))
        if await fetchrow(state.engine, parent, bound) is None:
            raise NotFound
    headers = {"Vary": FORMS_VARY, "Cache-Control": "private, no-cache"}
    following = "null"
    if len(items) > limit:
        token = cursors.close(state.cursor_secrets, seal, to_json([row[name] for name in names]))
        following = f'"{token}"'
        headers["Link"] = f'<{_next_address(request, token)}>; rel="next"'
    total = f',"total":{row["total"]}' if counted else ""
    body = f'{{"items":[{",".join(items[:limit])}],"next_cursor":{following}{total}}}\n'
    return Response(body, headers=headers, media_type="application/json")


def form_wanted(request: Request, query: dict[str, Any] | None = None) -> str:
    """The form that the caller asks for, where the answer is no page: the query takes `FORMS_OF_TABLES` or was read."""
    query = read(request, FORMS_OF_TABLES) if query is None else query
    query.pop("headings", None)
    return _form(request, query)


def _form(request: Request, query: dict[str, Any]) -> str:
    form: str | None = query.pop("format", None)
    if form is None and (accept := request.headers.get("accept", "*/*")) not in JSON_SUFFICES:
        form = negotiated(accept)
    return form or "json"


def _bound(request: Request, listing: Listing, filters: Mapping[str, Any], scopes: Mapping[str, Any]) -> dict[str, Any]:
    bound = {name: listing.criteria[name].prepare(value) for name, value in filters.items()}
    bound.update(request.path_params)
    bound.update({"scope_" + name: value for name, value in scopes.items()})
    return bound


def _export(
    request: Request, listing: Listing, form: Form, query: dict[str, Any], scopes: Mapping[str, Any],
    fields: tuple[str, ...] | None, *, machine: bool,
) -> Response:  # fmt: skip
    """The whole collection as a table or as lines; what belongs to pages is refused."""
    faults = [ONLY_WITH_JSON.at(name) for name in ("cursor", "count") if name in query]
    if faults:
        raise ValidationFailed(errors=faults)
    sort = query.pop("sort", "") or listing.default_sort or listing.key_name
    limit = query.pop("limit", None)
    given, limited = frozenset(query), limit is not None
    statement, count = listing.whole(form, given, frozenset(scopes), sort, limited=limited, fields=fields)
    bound = _bound(request, listing, query, scopes)
    bound["limit"] = limit
    parent = listing.parent_row(frozenset(scopes)) if listing.parent is not None else None
    return Export(request, form, listing.table(fields), statement, count, parent, bound, machine=machine)


async def show(
    request: Request, listing: Listing, given: Mapping[str, Any] | None = None, /, **scopes: Any
) -> Response:
    """One object, found by the path; 304 where the client has it already. Raises `NotFound`.

    `given` are parameters of the rows that the route has read from the query string; without it the query is empty.
    """
    if given is None:
        read(request, {})
    bound = {**request.path_params, **(given or {})}
    bound.update({"scope_" + name: value for name, value in scopes.items()})
    row = await fetchrow(request.state.engine, listing.one(frozenset(scopes)), bound)
    if row is None:
        raise NotFound
    return answer(request, listing, row["body"].encode(), row["version"])


def private(content: str | bytes | Mapping[str, Any], **headers: str) -> Response:
    """JSON for this caller alone: as PostgreSQL wrote it, or a mapping; ended by a newline, as every answer is."""
    if isinstance(content, str):
        content = content.encode()
    body = content if isinstance(content, bytes) else to_json(content)
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return Response(body + b"\n", headers={"Cache-Control": "private, no-cache"} | named, media_type="application/json")


def answer(request: Request, listing: Listing, body: bytes, version: int | None, status: int = 200) -> Response:
    """An object's JSON with its ETag."""
    headers = {"Vary": FORMS_VARY, "Cache-Control": "private, no-cache"}
    if version is None:
        return Response(body + b"\n", status, headers, media_type="application/json")
    tag = versions.etag(version, body, derived=listing.derived)
    return tagged(request, tag, body + b"\n", headers, status)


def tagged(request: Request, tag: str, content: bytes, headers: dict[str, str], status: int = 200) -> Response:
    """JSON with its ETag; of a read 304 where the client has it already."""
    if status == 200 and request.method in ("GET", "HEAD") and (held := versions.held(request, tag)):
        return Response(status_code=304, headers=headers | {"ETag": held})
    return Response(content, status, headers | {"ETag": tag}, media_type="application/json")


def _seal(request: Request, sort: str, bound: Mapping[str, Any]) -> bytes:
    """What a cursor is tied to: the caller, the address, the sort and the filters."""
    caller = getattr(request.state, "actor", None)
    subject = str(getattr(caller, "subject_id", ""))
    return to_json([subject, request.scope["path"], sort, sorted((k, str(v)) for k, v in bound.items())])


def _open(secrets: Sequence[bytes], token: str, seal: bytes) -> list[str | None]:
    values: list[str | None] = from_json(cursors.unseal(secrets, seal, token))
    return values


def _next_address(request: Request, token: str) -> str:
    query = [part for part in request.scope["query_string"].decode("ascii").split("&") if part]
    query = [part for part in query if not part.startswith("cursor=")] + [f"cursor={token}"]
    base = request.state.public_url or ""
    return f"{base}{request.scope['path']}?{'&'.join(query)}"
