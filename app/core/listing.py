"""One Select, every representation: the columns of a `Listing` are exactly the fields of its read schema.

PostgreSQL writes the JSON of a page or of one object; Python joins texts. The SQL is compiled once per *shape* (which
filters, which sort, first page or not) and found in a dictionary after. Pages are cut by keyset: the cursor carries
the last row's sort value and id, signed together with the caller, the sort and the filters.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import from_json, to_json
from sqlalchemy import (
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Text,
    and_,
    any_,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute
from starlette.requests import Request
from starlette.responses import Response

from app.core import cursors, values, versions
from app.core.db import Statement, fetchrow, instant, param
from app.core.exports import Export
from app.core.problems import FieldError, NotFound, ValidationFailed
from app.core.query import Parameter, read
from app.core.schemas import Read
from app.core.tabular import FORMS, JSON_SUFFICES, NAMES, Form, columns_of, negotiated
from app.core.tabular import Column as TableColumn

Rows: TypeAlias = Select[*tuple[Any, ...]]
Column: TypeAlias = ColumnElement[Any] | InstrumentedAttribute[Any]

USUAL_LIMIT = 50  # written out in the SQL: PostgreSQL replans every call of a bound LIMIT


Item = TypeVar("Item")


class Page(BaseModel, Generic[Item]):
    """One page of a collection."""

    # The classes made of this one for each schema do not inherit its docstring.
    model_config = ConfigDict(json_schema_extra={"description": "One page of a collection."})

    items: list[Item] = Field(description="The objects of this page, in the order of `sort`; at most `limit` of them.")
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last page.")
    total: int | None = Field(
        default=None, description="Number of objects that the filters select on all pages; present with count=exact."
    )


def as_json(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as JSON shows it; its type decides."""
    if isinstance(column.type, DateTime):
        return instant(column).label(column.key)
    return column


# --- filters ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filter:
    """A parameter of the list, and the condition it puts on the rows."""

    parameter: Parameter
    where: Callable[[str], ColumnElement[bool]]
    prepare: Callable[[Any], Any] = lambda value: value


def equals(column: Any, type_: Any, doc: str) -> Filter:
    """Rows that have exactly this value."""
    return Filter(Parameter(type_, doc), lambda name: column == param(name, column.type))


def any_of(column: Any, type_: Any, doc: str) -> Filter:
    """Any of the values given; the parameter is repeated."""
    return Filter(Parameter(type_, doc, many=True), lambda name: column == any_(param(name, ARRAY(column.type))))


def at_least(column: Any, type_: Any, doc: str) -> Filter:
    """Rows whose value is this or more: the lower bound of a range."""
    return Filter(Parameter(type_, doc), lambda name: column >= param(name, column.type))


def at_most(column: Any, type_: Any, doc: str) -> Filter:
    """Rows whose value is this or less: the upper bound of a range."""
    return Filter(Parameter(type_, doc), lambda name: column <= param(name, column.type))


def matches(*columns: Any, doc: str) -> Filter:
    """Part of a name, without accents or case; `%` and `_` mean themselves."""
    return Filter(
        Parameter(Annotated[str, values.text(100)], doc),
        lambda name: or_(*(func.fold(column).like(func.fold(param(name, Text()))) for column in columns)),
        lambda value: "%" + value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%",
    )


def finds(words: Any, number: Any, digits: int, doc: str) -> Filter:
    """Words, each the beginning of a word in a stored column of `search_words`, found by its index; no accents, no
    case, in any order. What holds no letter or digit finds nothing.

    Digits with spaces between them are also the beginning of `number`, a column of so many digits; more are left out.
    """

    def where(name: str) -> ColumnElement[bool]:
        asked = param(name, Text())
        spaceless = func.substr(func.replace(asked, text("' '"), text("''")), text("1"), text(str(digits)))
        start = case((asked.op("~")(text("'^[0-9 ]+$'")), spaceless))
        bounds = [func.rpad(start, text(str(digits)), text(f"'{filler}'")) for filler in (0, 9)]
        found: ColumnElement[bool] = words.op("@@", return_type=Boolean())(func.search_query(asked)) | number.between(
            *bounds
        )
        return found

    return Filter(
        Parameter(Annotated[str, values.text(100)], doc),
        where,
        lambda value: " ".join(value.split()),  # no-break spaces are spaces
    )


def holds(condition: Any, doc: str) -> Filter:
    """Rows for which a condition holds (`true`), or does not (`false`)."""
    return Filter(
        Parameter(Literal["true", "false"], doc),
        lambda name: condition == param(name, Boolean()),
        lambda value: value == "true",
    )


def updated_since(column: Any) -> Filter:
    """Rows changed since an instant, with 60 s of overlap for transactions that were still open then."""
    return Filter(
        Parameter(values.Instant, "Changed since this instant (60 s of overlap; exact sync is /v1/events)."),
        lambda name: column >= param(name, column.type) - text("interval '60 seconds'"),
    )


def _limit(value: str) -> int:
    return values.parse_int(value, 1, 500)


FORMAT = Parameter(
    Literal[NAMES],
    "The representation; weighs more than Accept. All but json are whole and streamed: csv-fr has semicolons and a"
    " decimal comma for a French Excel, xlsx holds at most 100 000 rows.",
)
LIMIT = Parameter(
    Annotated[int, Field(ge=1, le=500), BeforeValidator(_limit)],
    "Rows of a page, 1 to 500; 50 by default. Other formats than json have all rows without it.",
)


# --- the listing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Listing:
    """A collection: its rows, how they may be filtered and sorted, and how one of them is found.

    `rows` takes its path parameters as `param("territory")`; `key` is the column that addresses one object; `scopes`
    are conditions that code, not the client, switches on; `derived` says that the rows also show neighbours' values;
    `parent` finds the object that the collection hangs on, so that an empty page of nothing is a 404.
    """

    schema: type[Read]
    rows: Rows
    key: Column
    key_name: str = "id"
    filters: Mapping[str, Filter] = field(default_factory=dict)
    sorts: Mapping[str, Column] = field(default_factory=dict)
    default_sort: str = ""
    scopes: Mapping[str, Callable[[str], ColumnElement[bool]]] = field(default_factory=dict)
    derived: bool = False
    version: Column | None = None
    parent: Rows | None = None
    _compiled: dict[Any, Statement] = field(default_factory=dict, repr=False)

    @cached_property
    def fields(self) -> list[str]:
        return [str(column.key) for column in self.rows.selected_columns]

    @property
    def _version(self) -> Column | ColumnElement[None]:
        return self.version if self.version is not None else null()

    @cached_property
    def personal(self) -> list[str]:
        """Fields that are personal data."""
        return sorted(self.schema.personal())

    @cached_property
    def withheld(self) -> list[str]:
        """Fields that never enter an event, a log or a public export: the personal and the confidential ones."""
        return sorted(self.schema.personal() | self.schema.confidential())

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        sorts = [self.key_name, *self.sorts]
        options = [*sorts, *(f"-{name}" for name in sorts)]
        default = self.default_sort or self.key_name
        return {
            **{name: f.parameter for name, f in self.filters.items()},
            "sort": Parameter(Literal[tuple(options)], f"Order, «-» for descending; {default} by default."),
            "format": FORMAT,
            "limit": LIMIT,
            "cursor": Parameter(Annotated[str, values.text(2000)], "next_cursor of the page before."),
            "count": Parameter(Literal["exact"], "exact adds total, the number of rows that the filters select."),
        }

    def filtered(self, given: frozenset[str], scopes: frozenset[str] = frozenset()) -> Rows:
        """The rows under the filters given, unordered and whole: what totals and exports are computed from."""
        conditions = [self.filters[name].where(name) for name in sorted(given)]
        conditions += [self.scopes[name]("scope_" + name) for name in sorted(scopes)]
        return self.rows.where(*conditions)

    def one(self, scopes: frozenset[str] = frozenset()) -> Statement:
        """The JSON of one object and its version, by its key."""

        def build() -> Any:
            rows = self.filtered(frozenset(), scopes).where(self.key == param(self.key_name, self.key.type))
            return as_object(rows, version=self._version)

        return self._statement(("one", scopes), build)

    def found(self) -> Statement:
        """One row where the collection's parent exists."""
        return self._statement(("parent",), lambda: self.parent)

    def several(self) -> Statement:
        """The key, version and JSON of the objects whose keys are in `keys`."""

        def build() -> Any:
            rows = self.filtered(frozenset()).where(self.key == any_(param("keys", ARRAY(self.key.type))))
            return as_object(rows, version=self._version, key=self.key)

        return self._statement(("several",), build)

    def page(
        self, given: frozenset[str], scopes: frozenset[str], sort: str, *, after: str, usual: bool, counted: bool
    ) -> Statement:
        """One page as one row: the texts, the keys, and the total where it is asked for.

        `after` is "" for the first page, else "value" or "null": whether the last row's sort value was one.
        """

        def build() -> Any:
            column, descending, order = self._order(sort)
            whole = self.filtered(given, scopes)
            rows = whole.with_only_columns(*(as_json(column) for column in whole.selected_columns))
            if after:
                rows = rows.where(_beyond(column, self.key, descending, after))
            limit = literal_column(str(USUAL_LIMIT + 1)) if usual else param("limit", Integer()) + 1
            rows = rows.add_columns(cast(column, Text).label("_k0"), cast(self.key, Text).label("_k1"))
            p = rows.order_by(*order).limit(limit).subquery("p")
            r = select(*(p.c[name] for name in self.fields)).correlate(p).lateral("r")
            last = literal_column(str(USUAL_LIMIT)) if usual else param("limit", Integer())
            k0: Any = func.array_agg(p.c["_k0"], type_=ARRAY(Text()))
            k1: Any = func.array_agg(p.c["_k1"], type_=ARRAY(Text()))
            columns = [func.array_agg(_text_of(r)).label("items"), k0[last].label("k0"), k1[last].label("k1")]
            if counted:
                columns.append(select(func.count()).select_from(whole.subquery("w")).scalar_subquery().label("total"))
            return select(*columns).select_from(p.join(r, text("true")))

        return self._statement(("page", given, scopes, sort, after, usual, counted), build)

    def _order(self, sort: str) -> tuple[Column, bool, list[ColumnElement[Any]]]:
        """The column of a sort, whether it descends, and the whole order: the key decides between equals."""
        descending = sort.startswith("-")
        name = sort.removeprefix("-")
        column = self.key if name == self.key_name else self.sorts[name]
        order: list[ColumnElement[Any]] = [column.desc().nulls_last() if descending else column.asc()]
        if column is not self.key:
            order.append(self.key.desc() if descending else self.key.asc())
        return column, descending, order

    @cached_property
    def columns(self) -> list[TableColumn]:
        """The columns of this collection as a table."""
        return columns_of(self.rows.subquery("shown"), self.schema)

    def whole(
        self, form: Form, given: frozenset[str], scopes: frozenset[str], sort: str, *, limited: bool
    ) -> tuple[Statement, Statement | None]:
        """All rows (the first `limit` where `limited`) in a form, and their number as far as the form can hold them."""

        def rows() -> Rows:
            found = self.filtered(given, scopes).order_by(*self._order(sort)[2])
            return found.limit(param("limit", Integer())) if limited else found

        def counted() -> Any:
            found = rows().with_only_columns(self.key).order_by(None)
            bounded = found if limited else found.limit((form.most or 0) + 1)
            return select(func.count()).select_from(bounded.subquery())

        shape = (form.name, given, scopes, sort, limited)
        statement = self._statement(shape, lambda: form.select(rows(), self.schema))
        return statement, self._statement(("count", *shape), counted) if form.most else None

    def _statement(self, shape: Any, build: Callable[[], Any]) -> Statement:
        statement = self._compiled.get(shape)
        if statement is None:
            statement = self._compiled[shape] = Statement(build())
        return statement


def as_object(rows: Rows, **more: Any) -> Rows:
    """Each row as one JSON text, `body`, beside the columns in `more`, which are not part of the object."""
    fields = [str(column.key) for column in rows.selected_columns]
    shown = rows.with_only_columns(*(as_json(column) for column in rows.selected_columns))
    p = shown.add_columns(*(column.label("_" + name) for name, column in more.items())).subquery("p")
    r = select(*(p.c[name] for name in fields)).correlate(p).lateral("r")
    columns = [p.c["_" + name].label(name) for name in more]
    return select(_text_of(r).label("body"), *columns).select_from(p.join(r, text("true")))


def _text_of(row: Any) -> ColumnElement[Any]:
    return cast(func.row_to_json(row.table_valued()), Text)


def _beyond(column: Any, key: Any, descending: bool, after: str) -> ColumnElement[bool]:
    """Rows after the cursor. Rows without a sort value come last in both directions."""
    k1 = cast(param("k1", Text()), key.type)
    if column is key:
        return key < k1 if descending else key > k1  # type: ignore[no-any-return]
    after_key = key < k1 if descending else key > k1
    if after == "null":
        return and_(column.is_(None), after_key)
    k0 = cast(param("k0", Text()), column.type)
    pair, at = tuple_(column, key), tuple_(k0, k1)
    beyond: ColumnElement[bool] = pair < at if descending else pair > at
    nullable = getattr(column, "nullable", True)
    return or_(beyond, column.is_(None)) if nullable else beyond


# --- the answers -----------------------------------------------------------------------------------------------------


async def page(request: Request, listing: Listing, **scopes: Any) -> Response:
    """A page of the collection at this address, for this caller; all of it where another form than JSON is wanted.

    Raises `ValidationFailed` and `InvalidCursor` (422).
    """
    state = request.state
    query = read(request, listing.parameters) if request.scope["query_string"] else {}
    form = query.pop("format", None)
    if form is None and (accept := request.headers.get("accept", "*/*")) not in JSON_SUFFICES:
        form = negotiated(accept)
    if form is not None and form != "json":
        return _export(request, listing, FORMS[form], query, scopes)
    sort = query.pop("sort", "") or listing.default_sort or listing.key_name
    limit = query.pop("limit", USUAL_LIMIT)
    cursor = query.pop("cursor", None)
    counted = query.pop("count", None) is not None
    given = frozenset(query)
    bound = _bound(request, listing, query, scopes)
    after = ""
    seal = _seal(request, sort, bound)
    if cursor is not None:
        bound["k0"], bound["k1"] = _open(state.cursor_secret, cursor, seal)
        after = "null" if bound["k0"] is None else "value"
    usual = limit == USUAL_LIMIT
    bound["limit"] = limit
    statement = listing.page(given, frozenset(scopes), sort, after=after, usual=usual, counted=counted)
    row = await fetchrow(state.engine, statement, bound)
    items: list[str] = row["items"] or []
    if not items and listing.parent is not None and await fetchrow(state.engine, listing.found(), bound) is None:
        raise NotFound
    headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "private, no-cache"}
    following = "null"
    if len(items) > limit:
        token = cursors.close(state.cursor_secret, seal, to_json([row["k0"], row["k1"]]))
        following = f'"{token}"'
        headers["Link"] = f'<{_next_address(request, token)}>; rel="next"'
    total = f',"total":{row["total"]}' if counted else ""
    body = f'{{"items":[{",".join(items[:limit])}],"next_cursor":{following}{total}}}\n'
    return Response(body, headers=headers, media_type="application/json")


def _bound(request: Request, listing: Listing, filters: Mapping[str, Any], scopes: Mapping[str, Any]) -> dict[str, Any]:
    bound = {name: listing.filters[name].prepare(value) for name, value in filters.items()}
    bound.update(request.path_params)
    bound.update({"scope_" + name: value for name, value in scopes.items()})
    return bound


def _export(
    request: Request, listing: Listing, form: Form, query: dict[str, Any], scopes: Mapping[str, Any]
) -> Response:
    """The whole collection as a table or as lines; what belongs to pages is refused."""
    faults = [FieldError(name, "only_with_json") for name in ("cursor", "count") if name in query]
    if faults:
        raise ValidationFailed(errors=faults)
    sort = query.pop("sort", "") or listing.default_sort or listing.key_name
    limit = query.pop("limit", None)
    statement, count = listing.whole(form, frozenset(query), frozenset(scopes), sort, limited=limit is not None)
    bound = _bound(request, listing, query, scopes)
    bound["limit"] = limit
    parent = listing.found() if listing.parent is not None else None
    return Export(request, form, listing.columns, statement, count, parent, bound)


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


def answer(request: Request, listing: Listing, body: bytes, version: int | None, status: int = 200) -> Response:
    """An object's JSON with its ETag."""
    headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "private, no-cache"}
    if version is not None:
        tag = headers["ETag"] = versions.etag(version, body, derived=listing.derived)
        if status == 200 and request.method in ("GET", "HEAD") and versions.is_current(request, tag):
            return Response(status_code=304, headers=headers)
    return Response(body + b"\n", status, headers, media_type="application/json")


# --- cursors ---------------------------------------------------------------------------------------------------------


def _seal(request: Request, sort: str, bound: Mapping[str, Any]) -> bytes:
    """What a cursor is tied to: the caller, the address, the sort and the filters."""
    caller = getattr(request.state, "actor", None)
    subject = str(getattr(caller, "subject_id", ""))
    return to_json([subject, request.scope["path"], sort, sorted((k, str(v)) for k, v in bound.items())])


def _open(secret: bytes, token: str, seal: bytes) -> tuple[str | None, str]:
    k0, k1 = from_json(cursors.unseal(secret, seal, token))
    return k0, k1


def _next_address(request: Request, token: str) -> str:
    query = [part for part in request.scope["query_string"].decode("ascii").split("&") if part]
    query = [part for part in query if not part.startswith("cursor=")] + [f"cursor={token}"]
    base = request.state.public_url or ""
    return f"{base}{request.scope['path']}?{'&'.join(query)}"
