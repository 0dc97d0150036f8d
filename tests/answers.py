"""Every answer that a test receives in this process is held against the OpenAPI document."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any

import httpx2
import jsonschema_rs
from pydantic_core import from_json

from app.core.serving.operations import HEADERS
from tests.contract.document import document

PROBLEM = "application/problem+json"
ANYWHERE = {"404", "405"}  # of an address, before there is an operation
# Members of a problem depend on its code. What a rule or a file says is free.
OPEN = {"Problem"}


def hold(method: str, route: Any, response: httpx2.Response) -> None:
    """Fails where the status, the type, a header or the body is not what the document says of this operation.

    What has been held once is not held again: answers of an operation that differ in digits alone are as good as one.
    """
    if _loose.get() or b"fields=" in response.request.url.query:  # then an object is a part of itself
        return
    template, body = getattr(route, "path_format", ""), response.content
    told = {name.lower(): value for name, value in response.headers.raw if name.lower() in _LOOKED_AT}
    seen = hash((method, template, response.status_code, *told, told.get(b"content-type"), body.translate(_DIGITS)))
    if seen not in _held:
        _hold("GET" if method == "HEAD" else method, template, response, bodiless=method == "HEAD")
        _held.add(seen)


_held: set[int] = set()
_loose: ContextVar[bool] = ContextVar("loose", default=False)


@contextlib.contextmanager
def unheld() -> Iterator[None]:
    """For answers about rows that no request can make, which the document does not bound."""
    token = _loose.set(True)
    try:
        yield
    finally:
        _loose.reset(token)


# Hexadecimal digits as one: how many there are stays, so a figure of another width is another answer.
_DIGITS = bytes.maketrans(b"123456789abcdef", b"0" * 15)
_LOOKED_AT = {name.lower().encode() for name in (*HEADERS, "Content-Type")}


def _hold(method: str, template: str, response: httpx2.Response, *, bodiless: bool) -> None:
    operation = _operations().get((template, method))
    status = str(response.status_code)
    media_type = response.headers.get("content-type", "").partition(";")[0]
    place = f"{method} {template or response.request.url.path} {status}"
    if operation is None or status not in operation["responses"]:
        assert operation is None or status in ANYWHERE, f"{place} is not documented"
        documented: dict[str, Any] = {"content": {media_type: _PROBLEM if media_type == PROBLEM else {}}}
    else:
        documented = operation["responses"][status]
        undeclared = {name for name in HEADERS if name.lower() in response.headers} - {*documented.get("headers", ())}
        assert not undeclared, f"{place} does not declare {undeclared}"
    content = documented.get("content", {})
    if bodiless:
        return
    if not content:
        assert not response.content, f"{place} has a body"
    elif media_type not in content:
        others = {_media_types()[form] for form in (operation or {}).get("x-rebond-forms", ())}
        assert (status, media_type in others) == ("200", True), f"{place} is {media_type}"
    elif "$ref" in content[media_type].get("schema", {}):
        _hold_body(content[media_type]["schema"]["$ref"].rpartition("/")[2], response.content, place)


_PROBLEM = {"schema": {"$ref": "#/components/schemas/Problem"}}


@cache
def _operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (path, method.upper()): operation
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    }


@cache
def _media_types() -> dict[str, str]:
    found: dict[str, str] = document()["x-rebond-forms"]
    return found


@cache
def _registry() -> Any:
    """The schemas of the document; an object has no member that it does not name."""
    schemas = {name: schema if name in OPEN else closed(schema) for name, schema in _schemas().items()}
    return jsonschema_rs.Registry([("urn:rebond", {"components": {"schemas": schemas}})])


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = document()["components"]["schemas"]
    return found


def closed(schema: Any) -> Any:
    """The schema with `additionalProperties: false` wherever it names properties."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {
        key: {name: closed(each) for name, each in value.items()} if key == "properties" else closed(value)
        for key, value in schema.items()
        if key not in ("examples", "example")
    }
    return (
        {"additionalProperties": False} | shut if "properties" in shut and isinstance(shut.get("type"), str) else shut
    )


@cache
def _validator(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"urn:rebond#/components/schemas/{name}"}, registry=_registry(), validate_formats=True
    )


def _hold_body(name: str, body: bytes, place: str) -> None:
    validator, found = _validator(name), from_json(body)
    if not validator.is_valid(found):
        error = next(validator.iter_errors(found))
        raise AssertionError(f"{place}: {error.message} at /{'/'.join(map(str, error.instance_path))}")
