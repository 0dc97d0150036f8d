"""Reads of imports."""

from typing import Annotated

from sqlalchemy import ColumnElement, Text, select

from app.access.models import Subject
from app.core.db import param
from app.core.reading.listing import Listing, any_of, at_least, updated_since
from app.core.values import Code, Instant, text
from app.integrations.imports import schemas
from app.integrations.imports.models import Import, ImportProblem, ImportStatus, Severity

_i, _p = Import, ImportProblem
_import_id = param("import_id", _i.id.type)
_name = Subject.name.label("requested_by_name")
_Rule = Annotated[str, text(100)]


def _imports(place: ColumnElement[bool]) -> Listing:
    return Listing(
        schema=schemas.FileImport,
        rows=select(*(_name if name == _name.key else _i.__table__.c[name] for name in schemas.FileImport.model_fields))
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
        scopes={"organisation": lambda name: _i.organisation_id == param(name, _i.organisation_id.type)},
    )


IMPORTS = _imports(_i.territory.is_(None))
TERRITORY_IMPORTS = _imports(_i.territory == param("territory", Text()))


def _problems(place: ColumnElement[bool]) -> Listing:
    mine = (_i.id == _import_id, place)
    return Listing(
        schema=schemas.ImportProblem,
        rows=select(_p.id, _p.line, _p.column_name.label("column"), _p.severity, _p.code, _p.detail, _p.detail_fr)
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
        scopes={"organisation": lambda name: _i.organisation_id == param(name, _i.organisation_id.type)},
    )


PROBLEMS = _problems(_i.territory.is_(None))
TERRITORY_PROBLEMS = _problems(_i.territory == param("territory", Text()))
