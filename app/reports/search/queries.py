"""What a search finds: each list answers the question by its own `q`, and all of them in one statement."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Integer, Text, cast, func, literal_column, null, select, text, union_all

from app.advances.queries import ADVANCES
from app.auditions.queries import AUDITIONS
from app.core.db import Statement, param
from app.core.reading.listing import Listing
from app.firms.contacts.queries import CONTACTS
from app.firms.queries import TERRITORY_FIRMS
from app.grants.queries import GRANTS
from app.projects.queries import PROJECTS
from app.reports.search.schemas import SearchKind


class Searched(NamedTuple):
    """A list that is searched: who reads it, and which of its columns a result shows."""

    listing: Listing
    permission: str
    title: Callable[[Any], Any]
    siren: str | None
    state: str | None
    path: str


def _column(name: str) -> Callable[[Any], Any]:
    return lambda columns: columns[name]


def _firms_of(columns: Any) -> Any:
    return func.array_to_string(columns["firm_names"], text("', '"))


# In the order in which results are shown.
SOURCES = {
    SearchKind.FIRM: Searched(TERRITORY_FIRMS, "territory_firms:read", _column("name"), "siren", "stage", "firms"),
    SearchKind.CONTACT: Searched(CONTACTS, "contacts:read", _column("name"), "siren", None, "contacts"),
    SearchKind.PROJECT: Searched(PROJECTS, "projects:read", _column("title"), None, "stage", "projects"),
    SearchKind.AUDITION: Searched(AUDITIONS, "auditions:read", _firms_of, None, "status", "auditions"),
    SearchKind.GRANT: Searched(GRANTS, "grants:read", _column("project_title"), "siren", "status", "grants"),
    SearchKind.ADVANCE: Searched(ADVANCES, "advances:read", _column("project_title"), "siren", "status", "advances"),
}


def asked(kinds: Sequence[SearchKind], question: str) -> dict[str, Any]:
    """The question as the list of each kind takes it."""
    return {f"q_{kind}": SOURCES[kind].listing.filters["q"].prepare(question) for kind in kinds}


@lru_cache(maxsize=64)  # every choice of the six kinds
def search(kinds: tuple[SearchKind, ...]) -> Statement:
    """The first `limit` results of each of these kinds, by title."""
    parts = [_part(number, kind, SOURCES[kind]) for number, kind in enumerate(kinds)]
    found = union_all(*(select(*part.c) for part in parts)).subquery("found")
    shown = (found.c[name] for name in ("kind", "id", "title", "siren", "state", "link"))
    return Statement(select(*shown).order_by(found.c.place, found.c.title, found.c.id))


def _part(number: int, kind: SearchKind, source: Searched) -> Any:
    listing = source.listing
    columns = listing.rows.selected_columns
    key = cast(listing.key, Text)
    title = cast(source.title(columns), Text)

    def shown(name: str | None) -> ColumnElement[Any]:
        return cast(columns[name] if name is not None else null(), Text)

    address = func.concat(
        text("'/v1/territories/'"), param("territory", Text()), text(f"'/{source.path}/'"), key, type_=Text()
    )
    rows = listing.rows.where(listing.filters["q"].where(f"q_{kind}"))
    return (
        rows.with_only_columns(
            literal_column(str(number), Integer()).label("place"),
            literal_column(f"'{kind}'", Text()).label("kind"),
            key.label("id"),
            title.label("title"),
            shown(source.siren).label("siren"),
            shown(source.state).label("state"),
            address.label("link"),
        )
        .order_by(title, listing.key)
        .limit(param("limit", Integer()))
        .subquery(str(kind))
    )
