"""One Select, every representation: the columns of a `Listing` are exactly the fields of its read schema.

PostgreSQL writes the JSON of a page or of one object; Python joins texts. The SQL is compiled once per *shape* (which
filters, which sort, first page or not) and found in a dictionary after. Pages are cut by keyset: the cursor carries
the last row's values that the list is sorted by, its key among them, signed together with the caller, the sort and the
filters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Select,
    Text,
    Uuid,
    any_,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, aggregate_order_by
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.visitors import iterate
from sqlalchemy.util import LRUCache

from app.core import values
from app.core.db import KEPT_SHAPES, Statement, as_json, param
from app.core.faults import Fault
from app.core.reading.order import SortKey, beyond, sorts_of
from app.core.reading.query import Parameter
from app.core.reading.tabular import NAMES, Form, columns_of
from app.core.reading.tabular import Column as TableColumn
from app.core.schemas import Read, nearest_name

Narrow: TypeAlias = Callable[[Any, str | None], Sequence[str] | None]
Rows: TypeAlias = Select[*tuple[Any, ...]]
Column: TypeAlias = ColumnElement[Any] | InstrumentedAttribute[Any]

UNKNOWN_PROPERTY = Fault(
    "unknown_property", en="The objects have no such property.", fr="Les objets n'ont pas cette propriété."
)
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


# --- filters ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filter:
    """A parameter of the list, and the condition it puts on the rows."""

    parameter: Parameter
    where: Callable[[str], ColumnElement[bool]]
    prepare: Callable[[Any], Any] = lambda value: value
    bounds: Any = None  # the column whose lower or upper bound it is, and the type of a value


def equals(column: Any, type_: Any, doc: str) -> Filter:
    """Rows that have exactly this value."""
    return Filter(Parameter(type_, doc), lambda name: column == param(name, column.type))


def any_of(column: Any, type_: Any, doc: str) -> Filter:
    """Any of the values given; the parameter is repeated."""
    return Filter(Parameter(type_, doc, many=True), lambda name: column == any_(param(name, ARRAY(column.type))))


def at_least(column: Any, type_: Any, doc: str) -> Filter:
    """Rows whose value is this or more: the lower bound of a range."""
    return Filter(Parameter(type_, doc), lambda name: column >= param(name, column.type), bounds=(column, type_))


def at_most(column: Any, type_: Any, doc: str) -> Filter:
    """Rows whose value is this or less: the upper bound of a range."""
    return Filter(Parameter(type_, doc), lambda name: column <= param(name, column.type), bounds=(column, type_))


def matches(*columns: Any, doc: str) -> Filter:
    """Part of a name, without accents or case; `%` and `_` mean themselves."""
    return Filter(
        Parameter(Annotated[str, values.text(100)], doc),
        lambda name: or_(*(func.fold(column).like(func.fold(param(name, Text()))) for column in columns)),
        lambda value: "%" + value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%",
    )


def begins(words: Any, doc: str) -> Filter:
    """Words, each the beginning of one of `search_words`, found by its index; no accents, no case, in any order."""
    return Filter(
        Parameter(Annotated[str, values.text(100)], f"{doc} Without accents or case, in any order."),
        lambda name: words.op("@@", return_type=Boolean())(func.search_query(param(name, Text()))),
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
        matches: ColumnElement[bool] = words.op("@@", return_type=Boolean())(func.search_query(asked)) | number.between(
            *bounds
        )
        return matches

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
        Parameter(
            values.Instant, "Written at this instant or later, or up to 60 s before it (exact sync: /v1/events)."
        ),
        lambda name: column >= param(name, column.type) - text("interval '60 seconds'"),
    )


_KEYS = {
    Uuid: values.Uuid,
    Integer: Annotated[int, BeforeValidator(lambda value: values.parse_int(value, 0, 2**31 - 1))],
    Text: Annotated[str, values.text(100)],
}  # fmt: skip


def _chosen(known: Sequence[str]) -> Any:
    """The names of properties, separated by commas, each of them one of these."""

    def read(value: str) -> tuple[str, ...]:
        names = tuple(name.strip() for name in value.split(","))
        for name in names:
            if name not in known:
                guess = nearest_name(name[:100], known)
                raise UNKNOWN_PROPERTY.error(**({"did_you_mean": guess} if guess else {}))
        return tuple(dict.fromkeys(names))

    form = {"type": "string", "pattern": "^[a-z0-9_]+(,[a-z0-9_]+)*$"}
    return Annotated[Any, BeforeValidator(read), WithJsonSchema(form)]


def _limit(value: str) -> int:
    return values.parse_int(value, 1, 500)


_FORMAT = (
    "The representation; it outweighs Accept. All but json are whole and streamed: csv-fr has semicolons and a"
    " decimal comma for a French Excel, xlsx holds at most 100 000 rows."
)
FORMAT = Parameter(Literal[NAMES], _FORMAT)
SCHEMAS = {"schema": False, "schema-fr": True}  # each with whether its numbers have a decimal comma
LIST_FORMAT = Parameter(
    Literal[(*NAMES, *SCHEMAS)],
    f"{_FORMAT} schema is the Frictionless Table Schema of csv (schema-fr of csv-fr): the type of each column.",
)
HEADINGS = Parameter(
    Literal["labels", "machine"],
    "How the columns of xlsx are headed: labels in the language of Accept-Language, which imports read too (default),"
    " or the machine names that csv has.",
)
FORMS_OF_TABLES = {"format": FORMAT, "headings": HEADINGS}  # of an answer that is also a table, and no list
LIMIT = Parameter(
    Annotated[int, Field(ge=1, le=500), BeforeValidator(_limit)],
    "Objects on a page, 1 to 500; 50 by default. Formats other than json have all objects without it.",
)
CURSOR = Parameter(Annotated[str, values.text(2000, as_it_is=True)], "next_cursor of the previous page.")
COUNT = Parameter(
    Literal["exact"], "exact: the answer has total, the number of objects that the filters select on all pages."
)


# --- the listing -----------------------------------------------------------------------------------------------------

# Of all collections, what was asked for last: callers choose filters and sort.
_compiled: LRUCache[Any, Statement] = LRUCache(KEPT_SHAPES)

LISTINGS: list["Listing"] = []  # all that there are
OWN = "organisation"  # the scope of who sees the objects of its own organisation alone


@dataclass(frozen=True, eq=False)
class Listing:
    """A collection: its rows, how they may be filtered and sorted, and how one of them is found.

    `rows` takes its path parameters as `param("territory")`; `key` is the column that addresses one object; `scopes`
    are conditions that code, not the client, switches on; `derived`: rows include columns of other tables, so the ETag
    must hash the body (a neighbour's rename changes it without a new version); `parent` finds the object that the
    collection belongs to, so that the page of an unknown parent is a 404, and `parent_scopes` narrow that as scopes of
    these names narrow the rows; `owner` is the organisation that an object is of, where some callers see those of their
    own alone: the scope `organisation`, and the owner of its events.
    `told` are parameters of the rows as its events say them, where these tell more than some answers.
    `narrows` are fields of which a caller sees some values alone in a place (None: no territory), or all (None); each
    is a scope too, and narrows the events. `national`: the rows are those of another collection, in all its places.
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
    parent_scopes: Mapping[str, Callable[[str], ColumnElement[bool]]] = field(default_factory=dict)
    owner: Column | None = None
    narrows: Mapping[str, tuple[Column, Narrow]] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    national: bool = False

    def __post_init__(self) -> None:
        LISTINGS.append(self)

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
    def criteria(self) -> Mapping[str, Filter]:
        """All filters: the declared ones, those by a day whose range is declared, and the key, of which many may be
        named, where the address has none of it.
        """
        declared = {**self._by_day(), **self.filters}
        if any(isinstance(part, BindParameter) and part.key == f"p_{self.key_name}" for part in iterate(self.rows)):
            return declared
        type_ = next(kind for of, kind in _KEYS.items() if isinstance(self.key.type, of))
        by_key = any_of(self.key, type_, f"The objects with this {self.key_name}; repeated for several.")
        return {self.key_name: by_key, **declared}

    def _by_day(self) -> dict[str, Filter]:
        """A filter by one day or month, under the property's name, for each whose bounds may be asked for."""
        shown = {name: getattr(column, "element", column) for name, column in self.rows.selected_columns.items()}
        days = {}
        for bound_name, filter_ in self.filters.items():
            column, type_ = filter_.bounds or (None, None)
            if column is None or not isinstance(column.type, Date):
                continue
            name = next((name for name, other in shown.items() if other.compare(_plain(column))), None)
            if name is None:  # it is shown otherwise, as a month or an instant is: named by its two bounds
                stem, _, end = bound_name.rpartition("_")
                other_bound = self.filters.get(f"{stem}_{'to' if end == 'from' else 'from'}")
                if not (other_bound and other_bound.bounds and _plain(other_bound.bounds[0]).compare(_plain(column))):
                    continue
                name = stem if stem in shown else f"{stem}_on"
            days[name] = equals(column, type_, f"Those whose {name} is this one.")
        return days

    def shown(self, fields: Sequence[str] | None) -> list[str]:
        """The fields of an answer: those that are named, in this order, or all."""
        return list(fields) if fields is not None else self.fields

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        sorts = [self.key_name, *self.sorts]
        default = self.default_sort or self.key_name
        return {
            **{name: f.parameter for name, f in self.criteria.items()},
            "fields": Parameter(
                _chosen(self.fields),
                "The properties of each object, in this order, separated by commas: all others are left out. In every"
                " form; all of them by default.",
            ),
            "sort": Parameter(
                sorts_of(sorts),
                "Order of the objects: properties separated by commas, the first of most weight; - before a name means"
                f" descending. Objects without a value come last. {default} by default.",
            ),
            "format": LIST_FORMAT,
            "headings": HEADINGS,
            "limit": LIMIT,
            "cursor": CURSOR,
            "count": COUNT,
        }

    def filtered(self, given: frozenset[str], scopes: frozenset[str] = frozenset()) -> Rows:
        """The rows under the filters given, unordered and whole: what totals and exports are computed from."""
        conditions = [self.criteria[name].where(name) for name in sorted(given)]
        conditions += [self._scope(name)("scope_" + name) for name in sorted(scopes)]
        return self.rows.where(*conditions)

    def _scope(self, name: str) -> Callable[[str], ColumnElement[bool]]:
        owner = self.owner
        if name == OWN and owner is not None:
            return lambda bound: owner == param(bound, owner.type)
        if name in self.narrows:
            column = self.narrows[name][0]
            return lambda bound: column == any_(param(bound, ARRAY(column.type)))
        return self.scopes[name]

    def narrowed(self, actor: Any, place: str | None) -> dict[str, Sequence[str]]:
        """The scopes of what a caller sees of it in a place."""
        seen = {name: values_of(actor, place) for name, (_, values_of) in self.narrows.items()}
        return {name: values for name, values in seen.items() if values is not None}

    def one(self, scopes: frozenset[str] = frozenset()) -> Statement:
        """The JSON of one object and its version, by its key."""

        def build() -> Any:
            rows = self.filtered(frozenset(), scopes).where(self.key == param(self.key_name, self.key.type))
            return as_object(rows, version=self._version)

        return self._statement(("one", scopes), build)

    def parent_row(self, scopes: frozenset[str] = frozenset()) -> Statement:
        """One row where the collection's parent exists, and the caller sees it: its own rows have the same owner."""

        def build() -> Any:
            assert self.parent is not None
            columns = {OWN: self.owner, **{name: column for name, (column, _) in self.narrows.items()}}
            shown = self.parent.get_final_froms()
            own = {name for name, column in columns.items() if column is not None and _table(column) in shown}
            conditions = {name: self._scope(name) for name in scopes & own} | {
                name: self.parent_scopes[name] for name in scopes & self.parent_scopes.keys()
            }
            return self.parent.where(*(conditions[name]("scope_" + name) for name in sorted(conditions)))

        return self._statement(("parent", scopes), build)

    def several(self, many: bool = True) -> Statement:
        """The key, version, owner and JSON of the objects with their keys in `keys`; without `many`, of that one.

        One is asked for by itself: for an array PostgreSQL plans ten rows, and may plan anew for every call.
        """

        def build() -> Any:
            kind = self.key.type
            named = any_(param("keys", ARRAY(kind))) if many else param("keys", kind)
            rows = self.filtered(frozenset()).where(self.key == named)
            owner = self.owner if self.owner is not None else null()
            return as_object(rows, version=self._version, key=self.key, owner=owner)

        return self._statement(("several", many), build)

    def page(
        self,
        given: frozenset[str],
        scopes: frozenset[str],
        sort: str,
        *,
        empty: tuple[bool, ...] | None,
        usual: bool,
        counted: bool,
        fields: tuple[str, ...] | None = None,
    ) -> Statement:
        """One page as one row: the texts, the keys, and the total where it is asked for.

        `empty` is None for the first page, else it tells which values of the last row, in the order, were null.
        """

        def build() -> Any:
            keys = self.order(sort)
            whole = self.filtered(given, scopes)
            selected, shown = whole.selected_columns, self.shown(fields)
            rows = whole.with_only_columns(*(as_json(selected[name]) for name in shown))
            if empty is not None:
                rows = rows.where(beyond(keys, empty))
            limit = literal_column(str(USUAL_LIMIT + 1)) if usual else param("limit", Integer()) + 1
            rows = rows.add_columns(*(cast(key.column, Text).label(f"_k{number}") for number, key in enumerate(keys)))
            p = rows.order_by(*(key.ordered() for key in keys)).limit(limit).subquery("p")
            r = select(*(p.c[name] for name in shown)).correlate(p).lateral("r")
            last = literal_column(str(USUAL_LIMIT)) if usual else param("limit", Integer())
            columns = [func.array_agg(_text_of(r)).label("items")]
            for number in range(len(keys)):
                values_of: Any = func.array_agg(p.c[f"_k{number}"], type_=ARRAY(Text()))
                columns.append(values_of[last].label(f"k{number}"))
            if counted:
                columns.append(select(func.count()).select_from(whole.subquery("w")).scalar_subquery().label("total"))
            return select(*columns).select_from(p.join(r, text("true")))

        return self._statement(("page", given, scopes, sort, empty, usual, counted, fields), build)

    def order(self, sort: str) -> list[SortKey]:
        """The columns of a sort. The key decides between equals, in the direction of the last; nothing follows it."""
        keys: list[SortKey] = []
        for part in sort.split(","):
            name, descending = part.removeprefix("-"), part.startswith("-")
            if name == self.key_name:
                return [*keys, SortKey(self.key, descending)]
            keys.append(SortKey(self.sorts[name], descending))
        return [*keys, SortKey(self.key, keys[-1].descending)]

    @cached_property
    def columns(self) -> list[TableColumn]:
        """The columns of this collection as a table."""
        return columns_of(self.rows.subquery("shown"), self.schema)

    def table(self, fields: Sequence[str] | None = None) -> list[TableColumn]:
        """The columns of these fields, in their order."""
        if fields is None:
            return self.columns
        shown = self.rows.with_only_columns(*(self.rows.selected_columns[name] for name in fields))
        return columns_of(shown.subquery("shown"), self.schema)

    def whole(
        self,
        form: Form,
        given: frozenset[str],
        scopes: frozenset[str],
        sort: str,
        *,
        limited: bool,
        fields: tuple[str, ...] | None = None,
    ) -> tuple[Statement, Statement | None]:
        """All rows (the first `limit` where `limited`) in a form, and their number as far as the form can hold them."""

        def rows() -> Rows:
            filtered = self.filtered(given, scopes).order_by(*(key.ordered() for key in self.order(sort)))
            if fields is not None:
                filtered = filtered.with_only_columns(*(filtered.selected_columns[name] for name in fields))
            return filtered.limit(param("limit", Integer())) if limited else filtered

        def counted() -> Any:
            keys = rows().with_only_columns(self.key).order_by(None)
            bounded = keys if limited else keys.limit((form.most or 0) + 1)
            return select(func.count()).select_from(bounded.subquery())

        shape = (form.name, given, scopes, sort, limited, fields)
        statement = self._statement(shape, lambda: form.select(rows(), self.schema))
        return statement, self._statement(("count", *shape), counted) if form.most else None

    def _statement(self, shape: Any, build: Callable[[], Any]) -> Statement:
        key = (self, shape)
        statement = _compiled.get(key)
        if statement is None:
            statement = _compiled[key] = Statement(build())
        return statement


def as_object(rows: Rows, **more: Any) -> Rows:
    """Each row as one JSON text, `body`, beside the columns in `more`, which are not part of the object."""
    fields = [str(column.key) for column in rows.selected_columns]
    shown = rows.with_only_columns(*(as_json(column) for column in rows.selected_columns))
    p = shown.add_columns(*(column.label("_" + name) for name, column in more.items())).subquery("p")
    r = select(*(p.c[name] for name in fields)).correlate(p).lateral("r")
    columns = [p.c["_" + name].label(name) for name in more]
    return select(_text_of(r).label("body"), *columns).select_from(p.join(r, text("true")))


def _plain(column: Any) -> Any:
    return column.__clause_element__() if hasattr(column, "__clause_element__") else column


def _table(column: Any) -> Any:
    return _plain(column).table


class _JsonObject(FunctionElement[Any]):
    """Columns under their labels as one JSON object.

    `row_to_json` is the one constructor that writes no white space (`json_build_object` and the standard's JSON_OBJECT
    do), and the quickest. An aggregate among the columns is the enclosing query's where it names a column of that
    query, as `count(*)` does not.
    """

    type = JSON()
    inherit_cache = True


@compiles(_JsonObject)
def _as_row(element: _JsonObject, compiler: SQLCompiler, **options: Any) -> str:
    named = (
        f"{compiler.process(label.element, **options)} AS {compiler.preparer.quote(label.name)}"
        for label in element.clauses
    )
    return f"(SELECT row_to_json(o) FROM (SELECT {', '.join(named)}) o)"  # noqa: S608  # columns that we compile


def json_object(**fields: Any) -> Any:
    """An object of these fields, as SQL. Counts of rows name a column: `count(*)` would count one row."""
    return _JsonObject(*(as_json(column).label(name) for name, column in fields.items()))


def json_array(item: Any, *order: Any) -> Any:
    """The items of all rows as an array, in this order; empty where there are none."""
    return func.coalesce(func.to_json(func.array_agg(aggregate_order_by(item, *order))), text("'[]'::json"))


def _text_of(row: Any) -> ColumnElement[Any]:
    return cast(func.row_to_json(row.table_valued()), Text)
