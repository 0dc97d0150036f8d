"""What travels about schemes."""

from datetime import date
from typing import Annotated, Any

from pydantic import MISSING, BeforeValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema, model_validator

from app.core.faults import Fault
from app.core.messages import PERIOD_REVERSED
from app.core.schemas import Body, CreatedAt, Id, Read, UpdatedAt, Version
from app.core.values import MAX_CENTS, Code, Day, Line, text

PARAMETER_VALUE = Fault(
    "parameter_value",
    en="Must be a whole number, true or false, a list of 1 to 100 whole numbers, or text.",
    fr="Doit être un nombre entier, true ou false, une liste de 1 à 100 nombres entiers, ou un texte.",
)

_LEGAL = text(1000)
_WORDS: TypeAdapter[str] = TypeAdapter(Annotated[str, _LEGAL])
_INTEGER = {"type": "integer", "minimum": -MAX_CENTS, "maximum": MAX_CENTS}


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_CENTS


def _value(value: object) -> object:
    if isinstance(value, str):
        return _WORDS.validate_python(value)
    if isinstance(value, list) and 1 <= len(value) <= 100 and all(map(_whole, value)):
        return value
    if isinstance(value, bool) or _whole(value):
        return value
    raise PARAMETER_VALUE.error()


_UNITS = "The name ends with its unit: _cents (euro cents), _bp (basis points), _months, _days."
ParameterValue = Annotated[
    Any,
    BeforeValidator(_value),
    WithJsonSchema(
        {
            "anyOf": [
                _INTEGER,
                {"type": "boolean"},
                {"type": "array", "items": _INTEGER, "minItems": 1, "maxItems": 100},
                {"type": "string", "pattern": r"\S", "minLength": 1, "maxLength": 1000},
            ],
            "description": "An integer, a boolean, a list of integers or text, in the unit that ends the name. A name"
            " that the service knows asks for its own type.",
            "examples": [40000000],
        }
    ),
]

_SchemeName = Annotated[Line, Field(description="What people call the scheme, such as Rebond industriel.")]
_LegalBasis = Annotated[str, _LEGAL, Field(description="The texts that the scheme rests on, as a decision cites them.")]
_SchemeFrom = Annotated[Day, Field(description="First Paris day on which files of the scheme can be received.")]
_SchemeUntil = Annotated[
    Day,
    Field(
        description="Last Paris day, included, on which files of the scheme can be received; null or absent: no end."
    ),
]
_ParameterName = Annotated[Code, Field(description=f"What the value is, such as maximum_months. {_UNITS}")]
_From = Annotated[Day, Field(description="First Paris day on which this value is in force.")]
_Until = Annotated[
    Day,
    Field(description="Last Paris day, included, on which this value is in force; null or absent: no end."),
]
_Source = Annotated[str, _LEGAL, Field(description="The text or agreement that sets the value, with its article.")]


def _in_order(body: Any) -> Any:
    if body.valid_until_on is not None and body.valid_until_on < body.valid_from_on:
        raise PERIOD_REVERSED.error()
    return body


class SchemeCreate(Body):
    """A scheme, without its parameters."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"code": "fonds_vert_industrie", "name": "Fonds vert, Territoires d'industrie",
                 "legal_basis": "Décret n° 2018-514 du 25 juin 2018", "valid_from_on": "2024-01-01",
                 "valid_until_on": "2026-12-31"}
            ]
        }
    )  # fmt: skip

    code: Annotated[Code, Field(description="Name of the scheme in every address and file, unique; it never changes.")]
    name: _SchemeName
    legal_basis: _LegalBasis
    valid_from_on: _SchemeFrom
    valid_until_on: _SchemeUntil | None = None

    _ordered = model_validator(mode="after")(_in_order)


class SchemeUpdate(Body):
    """Fields of a scheme to change. Of one that has begun the first day stays, and the end is today or later."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"valid_until_on": "2030-12-31"}]})

    name: _SchemeName | MISSING = MISSING
    legal_basis: _LegalBasis | MISSING = MISSING
    valid_from_on: _SchemeFrom | MISSING = MISSING
    valid_until_on: _SchemeUntil | None | MISSING = MISSING


class Scheme(Read):
    """An aid scheme (*dispositif d'aide*). What it asks of a file is in its parameters."""

    code: str = Field(description="Name of the scheme in every address and file, unique; it never changes.")
    name: str = Field(description="What people call the scheme, such as Rebond industriel.")
    legal_basis: str = Field(description="The texts that the scheme rests on, as a decision cites them.")
    valid_from_on: date = Field(description="First Paris day on which files of the scheme can be received.")
    valid_until_on: date | None = Field(
        description="Last Paris day, included, on which files of the scheme can be received; null: no end."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class DatedParameterCreate(Body):
    """The value of a parameter from a day on, of whatever has dated parameters."""

    name: _ParameterName
    value: ParameterValue
    valid_from_on: _From
    valid_until_on: _Until | None = None
    source: _Source

    _ordered = model_validator(mode="after")(_in_order)


class SchemeParameterCreate(DatedParameterCreate):
    """The value of a parameter from a day on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"name": "minimum_base_cents", "value": 20000000, "valid_from_on": "2027-01-01",
                 "source": "Cahier des charges 2027, art. 3"}
            ]
        }
    )  # fmt: skip


class DatedParameterUpdate(Body):
    """Fields of a parameter to change, of whatever has dated parameters."""

    value: ParameterValue | MISSING = MISSING
    valid_from_on: _From | MISSING = MISSING
    valid_until_on: _Until | None | MISSING = MISSING
    source: _Source | MISSING = MISSING


class SchemeParameterUpdate(DatedParameterUpdate):
    """Fields of a parameter to change. Of one that has begun only the source, and the end to today or later."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"valid_until_on": "2030-12-31"}]})


# The fields of a parameter that is read, whatever it belongs to.
NameRead = Annotated[str, Field(description=f"What the value is, such as maximum_months. {_UNITS}")]
ValueRead = Annotated[
    int | bool | list[int] | str,
    Field(
        description="An integer, a boolean, a list of integers or text, in the unit that ends the name: in a table too,"
        " where amounts are cents here."
    ),
]
FromRead = Annotated[date, Field(description="First Paris day on which this value is in force.")]
UntilRead = Annotated[
    date | None, Field(description="Last Paris day, included, on which this value is in force; null: no end.")
]
SourceRead = Annotated[str, Field(description="The text or agreement that sets the value, with its article.")]


class SchemeParameter(Read):
    """The value of one parameter of a scheme between two days."""

    id: Id
    scheme: str = Field(description="Code of the scheme that the parameter belongs to.")
    name: NameRead
    value: ValueRead
    valid_from_on: FromRead
    valid_until_on: UntilRead
    source: SourceRead
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
