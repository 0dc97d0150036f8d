"""Pydantic's errors as ours: a JSON Pointer, a stable code with its bounds, and nothing of what was sent."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from app.core import clock
from app.core import messages as m
from app.core.faults import FAULTS, Fault, FieldError
from app.core.problems import ValidationFailed

Context = Mapping[str, Any]


def _nothing(_context: Context) -> dict[str, Any]:
    return {}


def _bound(member: str, *names: str) -> Callable[[Context], dict[str, Any]]:
    """The bound that was passed, whichever of these names Pydantic gives it."""
    return lambda context: {member: next(context[name] for name in names if name in context)}


_VALUE = re.compile(r"""'([^']*)'|"([^"]*)"|(-?[0-9]+)""")


def _expected(context: Context) -> dict[str, Any]:
    """The values of an enum or Literal, which Pydantic tells as a sentence: `'a', 'b' or 'c'`."""
    return {
        "expected": [int(number) if number else one or two for one, two, number in _VALUE.findall(context["expected"])]
    }


# Pydantic's own codes, as our faults and their figures. What is absent here is `invalid`, unless a fault of ours.
PYDANTIC_CODES: dict[str, tuple[Fault, Callable[[Context], dict[str, Any]]]] = {
    "missing": (m.REQUIRED, _nothing),
    "extra_forbidden": (m.UNKNOWN_FIELD, _nothing),
    "int_type": (m.NOT_AN_INTEGER, _nothing),
    "int_parsing": (m.NOT_AN_INTEGER, _nothing),
    "int_from_float": (m.NOT_AN_INTEGER, _nothing),
    "string_type": (m.NOT_TEXT, _nothing),
    "bool_type": (m.NOT_A_BOOLEAN, _nothing),
    "bool_parsing": (m.NOT_A_BOOLEAN, _nothing),
    "list_type": (m.NOT_A_LIST, _nothing),
    "tuple_type": (m.NOT_A_LIST, _nothing),
    "dict_type": (m.NOT_AN_OBJECT, _nothing),
    "model_type": (m.NOT_AN_OBJECT, _nothing),
    "model_attributes_type": (m.NOT_AN_OBJECT, _nothing),
    "enum": (m.NOT_ONE_OF, _expected),
    "literal_error": (m.NOT_ONE_OF, _expected),
    "greater_than_equal": (m.TOO_SMALL, _bound("minimum", "ge")),
    "less_than_equal": (m.TOO_LARGE, _bound("maximum", "le")),
    "string_too_short": (m.TOO_SHORT, _bound("minimum", "min_length")),
    "string_too_long": (m.TOO_LONG, _bound("maximum", "max_length")),
    "string_pattern_mismatch": (m.WRONG_FORM, _nothing),
    "too_long": (m.TOO_MANY_ITEMS, _bound("maximum", "max_length")),
    "too_short": (m.TOO_FEW_ITEMS, _bound("minimum", "min_length")),
}


# An unknown name is the client's own text: only one that could be a field's is repeated.
NAME = re.compile(r"[A-Za-z0-9_]{1,40}")


def field_errors(
    errors: Sequence[Mapping[str, Any]], hints: Mapping[str, FieldError] | None = None
) -> list[FieldError]:
    """Pydantic's errors as ours: a JSON Pointer, a stable code, and nothing of what was sent. `hints` replace some."""
    faults = []
    for error in errors:
        fault, members = _fault(str(error["type"]), error.get("ctx", {}))
        location = error["loc"][1:] if error["loc"][:1] in (("body",), ("query",), ("path",)) else error["loc"]
        if fault is m.UNKNOWN_FIELD and not NAME.fullmatch(str(location[-1])):
            location = (*location[:-1], "?")
        pointer = pointer_of(location)
        faults.append((hints or {}).get(pointer) or fault.at(pointer, **members))
    return faults


def _fault(kind: str, context: Context) -> tuple[Fault, dict[str, Any]]:
    own = FAULTS.get(kind)
    if own is not None and own.placeholders <= context.keys():  # Pydantic has a `too_long` too, with other figures
        return own, dict(context)
    fault, figures = PYDANTIC_CODES.get(kind, (m.INVALID, _nothing))
    return fault, figures(context)


def pointer_of(location: Sequence[Any]) -> str:
    """A path of names and numbers as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def refuse_future(days: Mapping[str, date | None]) -> None:
    """Refuse days that are still to come in Paris, each told at its pointer: `future_day` (422)."""
    today = clock.today()
    if faults := [m.FUTURE_DAY.at(pointer) for pointer, day in days.items() if day is not None and day > today]:
        raise ValidationFailed(errors=faults)


def refuse_past(days: Mapping[str, date | None]) -> None:
    """Refuse days that are over in Paris, each told at its pointer: `past_day` (422)."""
    today = clock.today()
    if faults := [m.PAST_DAY.at(pointer) for pointer, day in days.items() if day is not None and day < today]:
        raise ValidationFailed(errors=faults)
