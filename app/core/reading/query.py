"""Query strings, read strictly: UTF-8, each parameter known, and given once unless it is a filter of several values."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import parse_qsl

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from starlette.requests import Request

from app.core.messages import NOT_A_BOOLEAN, REPEATED_PARAMETER, REQUIRED, UNKNOWN_PARAMETER
from app.core.problems import MalformedRequest, ValidationFailed
from app.core.schemas import MOST_SUGGESTIONS, nearest_name
from app.core.validation import NAME, field_errors


def _flag(value: Any) -> Any:
    if value not in ("true", "false"):
        raise NOT_A_BOOLEAN.error()
    return value == "true"


# true or false, as a query string says it.
Flag = Annotated[bool, BeforeValidator(_flag)]


class Parameter:
    """One parameter of an address: the type of a value, whether it may be repeated or must be given, what it is for.

    One that is `keyed` has a value for each key: `set[vintage]=2025`.
    """

    def __init__(
        self, type_: Any, doc: str, *, many: bool = False, required: bool = False, keyed: bool = False,
        example: Any = None,
    ) -> None:  # fmt: skip
        self.adapter: TypeAdapter[Any] = TypeAdapter(type_)
        self.many = many
        self.required = required
        self.keyed = keyed
        self.doc = doc
        self.example = example

    @cached_property
    def _value(self) -> dict[str, Any]:
        """The schema of one value, made once: hundreds of addresses have `dry_run`, `format` and `limit`."""
        return self.adapter.json_schema(mode="validation")

    def schema(self, name: str) -> dict[str, Any]:
        """The parameter in OpenAPI."""
        schema = copy.deepcopy(self._value)
        if self.many:
            schema = {"type": "array", "items": schema}
        if self.keyed:
            schema = {"type": "object", "additionalProperties": schema}
        parameter = {"name": name, "in": "query", "required": self.required, "description": self.doc, "schema": schema}
        if self.keyed:
            return parameter | {"explode": True, "style": "deepObject"}
        return parameter | ({"explode": True, "style": "form"} if self.many else {})


def pairs(request: Request) -> list[tuple[str, str]]:
    """The parameters as sent. Raises `MalformedRequest` (400) where they are not UTF-8."""
    raw: bytes = request.scope["query_string"]
    if not raw:
        return []
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=200)
    except ValueError:
        raise MalformedRequest from None


def read(request: Request, known: Mapping[str, Parameter]) -> dict[str, Any]:
    """The parameters as values, by name; those not given are absent.

    Raises `ValidationFailed` (422) naming every fault at once, with the nearest known name of a misspelt one.
    """
    given = pairs(request)
    values: dict[str, Any] = {}
    named = {name for name, _ in given}
    unknown = 0
    faults = [REQUIRED.at(name) for name, p in known.items() if p.required and name not in named]
    for written, text in given:
        name, key = _apart(written)
        parameter = known.get(name)
        if parameter is None or parameter.keyed is not (key is not None):
            unknown += 1
            guess = nearest_name(name, known) if unknown <= MOST_SUGGESTIONS else None
            faults.append(UNKNOWN_PARAMETER.at(_shown(name), **({"did_you_mean": guess} if guess else {})))
            continue
        into = values if key is None else values.setdefault(name, {})
        if (key or name) in into and not parameter.many:
            faults.append(REPEATED_PARAMETER.at(name))
            continue
        try:
            value = parameter.adapter.validate_python(text)
        except ValidationError as error:
            refused = field_errors(error.errors(include_url=False, include_input=False))
            faults.extend(replace(fault, pointer=name) for fault in refused)
            continue
        if parameter.many:
            values.setdefault(name, []).append(value)
        else:
            into[key or name] = value
    if faults:
        raise ValidationFailed(errors=faults)
    return values


def _apart(name: str) -> tuple[str, str | None]:
    """The name of a parameter, and the key of one that is keyed: `set[vintage]` is `set` and `vintage`."""
    base, bracket, key = name.partition("[")
    return (base, key[:-1]) if bracket and len(key) > 1 and key.endswith("]") else (name, None)


def _shown(name: str) -> str:
    return name if NAME.fullmatch(name) else "?"


def names_parameters(known: Mapping[str, Parameter]) -> list[dict[str, Any]]:
    """The parameters as OpenAPI lists them."""
    return [parameter.schema(name) for name, parameter in known.items()]
