"""Pydantic's errors as ours: a JSON Pointer, a stable code, and nothing of what was sent."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic_core.core_schema import ErrorType

from app.core.problems import FieldError

# Pydantic's own codes, in our words. What is absent here is `invalid`, unless a type of core/values gave its own code.
PYDANTIC_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "int_type": "not_an_integer",
    "int_parsing": "not_an_integer",
    "number_type": "not_a_number",
    "int_from_float": "not_an_integer",
    "string_type": "not_text",
    "bool_type": "not_a_boolean",
    "bool_parsing": "not_a_boolean",
    "list_type": "not_a_list",
    "tuple_type": "not_a_list",
    "dict_type": "not_an_object",
    "model_type": "not_an_object",
    "model_attributes_type": "not_an_object",
    "enum": "not_one_of",
    "literal_error": "not_one_of",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
    "string_too_short": "too_short",
    "string_too_long": "too_long",
    "string_pattern_mismatch": "wrong_form",
    "too_long": "too_many_items",
    "too_short": "too_few_items",
}


# An unknown name is the client's own text: only one that could be a field's is told back.
NAME = re.compile(r"[A-Za-z0-9_]{1,40}")


def field_errors(errors: Sequence[Mapping[str, Any]], nearest: Mapping[str, str] | None = None) -> list[FieldError]:
    """Pydantic's errors as ours: a JSON Pointer, a stable code, and nothing of what was sent."""
    found = []
    for error in errors:
        kind = str(error["type"])
        code = PYDANTIC_CODES.get(kind) or ("invalid" if kind in PYDANTIC_BUILTIN else kind)
        location = error["loc"][1:] if error["loc"][:1] in (("body",), ("query",), ("path",)) else error["loc"]
        if code == "unknown_field" and not NAME.fullmatch(str(location[-1])):
            location = (*location[:-1], "?")
        pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
        members: dict[str, Any] = dict(error.get("ctx", {})) if code == kind else {}  # the figures of a code of ours
        if code == "unknown_field" and error.get("msg") and nearest and pointer in nearest:
            members["did_you_mean"] = nearest[pointer]
        if code == "not_one_of":
            members["expected"] = str(error.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ")
        found.append(FieldError(pointer, code, members, str(error.get("msg", "")) if code == kind else ""))
    return found


PYDANTIC_BUILTIN = frozenset(get_args(ErrorType))
