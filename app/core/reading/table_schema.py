"""What the columns of a table are, as a Frictionless Table Schema: so that a reader keeps the zeros of a SIREN.

https://datapackage.org/standard/table-schema/
"""

from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.core.reading.tabular import Column, ColumnKind, bare, euro_name, parts_of

# None is registered; a type of its own, since under application/json a collection answers with a page.
MEDIA_TYPE = "application/vnd.tableschema+json"

_TYPES: dict[ColumnKind, dict[str, Any]] = {
    ColumnKind.TEXT: {"type": "string"},
    ColumnKind.CODE: {"type": "string"},
    ColumnKind.ID: {"type": "string", "format": "uuid"},
    ColumnKind.PARTS: {"type": "string"},
    ColumnKind.NUMBER: {"type": "number"},
    ColumnKind.EUROS: {"type": "number"},
    ColumnKind.DAY: {"type": "date"},
    ColumnKind.INSTANT: {"type": "datetime"},
    ColumnKind.TRUTH: {"type": "boolean", "trueValues": ["true"], "falseValues": ["false"]},
}


def table_schema(schema: type[BaseModel], columns: list[Column], key: str, *, comma: bool) -> dict[str, Any]:
    """The Table Schema of the CSV of these columns; with `comma` that of the French one."""
    said = dict(_leaves(schema, "", required=True))
    fields = []
    for column in columns:
        annotation, about, required = said[column.name]
        field: dict[str, Any] = {"name": column.name, **_TYPES[column.kind]}
        if column.kind is ColumnKind.NUMBER and annotation is int:
            field["type"] = "integer"
        if comma and field["type"] == "number":
            field["decimalChar"] = ","
        if about.description:
            field["description"] = about.description
        constraints: dict[str, Any] = {"required": True} if required else {}
        if column.kind is ColumnKind.CODE and (known := _known(annotation)):
            constraints["enum"] = known
        fields.append({**field, **({"constraints": constraints} if constraints else {})})
    return {
        "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
        "fields": fields,
        **({"primaryKey": [key]} if key in {column.name for column in columns} else {}),
        "missingValues": [""],
    }


def _known(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    return (
        [str(each.value) for each in annotation]
        if isinstance(annotation, type) and issubclass(annotation, Enum)
        else []
    )


def _leaves(
    schema: type[BaseModel], before: str, *, required: bool, listed: bool = False
) -> Iterator[tuple[str, tuple[Any, FieldInfo, bool]]]:
    """The columns of a schema with the type, the field and whether it is never null, by the names of the columns."""
    for name, about in parts_of(schema):
        inner = bare(about.annotation)
        always = required and not listed and type(None) not in get_args(about.annotation) and about.is_required()
        items = get_origin(inner) in (list, tuple, set, frozenset)
        element = bare(get_args(inner)[0]) if items else inner
        if isinstance(element, type) and issubclass(element, BaseModel) and not listed:
            yield from _leaves(element, f"{before}{name}.", required=always, listed=items)
        else:
            shown = euro_name(name) if element is int and name.endswith("_cents") else name
            yield before + shown, (inner, about, always and not items)
