"""Reads of imports."""

from typing import Annotated, Any

from sqlalchemy import ColumnElement, Text, case, func, literal, literal_column, select, true
from sqlalchemy.dialects.postgresql import JSONB

from app.access.models import Subject
from app.access.rules import Actor
from app.core.db import param
from app.core.reading.listing import Listing, any_of, at_least, updated_since
from app.core.values import Code, Instant, text
from app.integrations.imports import schemas
from app.integrations.imports.importers import IMPORTERS
from app.integrations.imports.models import Import, ImportProblem, ImportStatus, Severity

_i, _p = Import, ImportProblem
_import_id = param("import_id", _i.id.type)
_name = Subject.name.label("requested_by_name")
_Rule = Annotated[str, text(100)]
_given = _i.__table__.c.options
_options = func.jsonb_build_object(
    literal_column("'sheet'"), _given["sheet"],
    literal_column("'header_row'"), _given["header_row"],
    literal_column("'constants'"), func.coalesce(_given["constants"], literal_column("'{}'::jsonb")),
    literal_column("'hours_per_day'"), _given["hours_per_day"],
    type_=JSONB(),
).label("options")  # fmt: skip
_columns: dict[str, Any] = {**_i.__table__.c, _name.key: _name, _options.key: _options}


def _kinds_seen(actor: Actor, place: str | None) -> list[str] | None:
    """The kinds of file that a caller may send here; all of them for who reads the imports of every organisation."""
    if not actor.sees_only_own("imports:read", place):
        return None
    return [
        importer.kind
        for importer in IMPORTERS.values()
        if importer.national is (place is None) and actor.may(importer.permission, place)
    ]


_NARROWS = {"kind": (_i.kind, _kinds_seen)}


def _imports(place: ColumnElement[bool]) -> Listing:
    return Listing(
        schema=schemas.FileImport,
        rows=select(*(_columns[name] for name in schemas.FileImport.model_fields))
        .outerjoin(Subject, Subject.id == _i.requested_by)
        .where(place),
        key=_i.id,
        filters={
            "kind": any_of(_i.kind, Code, "Imports of any of these kinds."),
            "status": any_of(_i.status, ImportStatus, "Imports in any of these states."),
            "created_from": at_least(
                _i.created_at, Instant, "Imports whose file was received at this instant or later."
            ),
            "updated_since": updated_since(_i.updated_at),
        },
        sorts={"created_at": _i.created_at},
        default_sort="-created_at",
        owner=_i.organisation_id,
        narrows=_NARROWS,
    )


IMPORTS = _imports(_i.territory.is_(None))
TERRITORY_IMPORTS = _imports(_i.territory == param("territory", Text()))


# Only the sender reads what stands in the file.
_found: ColumnElement[str | None] = case((_i.requested_by == param("scope_sender", _i.requested_by.type), _p.found))


def _quoted(value: Any, before: str, after: str) -> ColumnElement[Any]:
    quoted: ColumnElement[Any] = literal(before) + value + literal(after)
    return quoted


def told(detail: Any, colon: str, before: str, after: str, found: Any = _p.found) -> ColumnElement[str]:
    """A sentence in the words of the file: the cell, its heading and what stands there before it."""
    place = func.nullif(func.concat_ws(", ", _p.cell, _quoted(_p.heading, before, after)), "")
    there = func.nullif(func.concat_ws(colon, place, _quoted(found, before, after)), "")
    return func.concat_ws(". ", there, detail)


ENGLISH, FRENCH = (": ", "\u201c", "\u201d"), ("\u00a0: ", "\u00ab\u00a0", "\u00a0\u00bb")


def _problems(place: ColumnElement[bool]) -> Listing:
    mine = (_i.id == _import_id, place)
    detail = told(_p.detail, *ENGLISH, found=_found).label("detail")
    detail_fr = told(_p.detail_fr, *FRENCH, found=_found).label("detail_fr")
    return Listing(
        schema=schemas.ImportProblem,
        rows=select(
            _p.id, _p.line, _p.column_name.label("column"), _p.heading, _p.cell, _found.label("found"), _p.severity,
            _p.code, detail, detail_fr,
        )
        .join(_i, _i.id == _p.import_id)
        .where(*mine),
        key=_p.id,
        parent=select(_i.id).where(*mine),
        filters={
            "severity": any_of(_p.severity, Severity, "Problems of any of these severities."),
            "code": any_of(_p.code, _Rule, "Problems with any of these codes."),
        },
        sorts={"line": _p.line},
        default_sort="line",
        owner=_i.organisation_id,
        narrows=_NARROWS,
        scopes={
            "sender": lambda _name: true(),  # the rows ask for it
        },
    )  # fmt: skip


PROBLEMS = _problems(_i.territory.is_(None))
TERRITORY_PROBLEMS = _problems(_i.territory == param("territory", Text()))
