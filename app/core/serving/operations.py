"""How an operation documents itself: its parameters, its answers and its problems."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from starlette.convertors import Convertor, register_url_convertor

from app.core import problems as p
from app.core import values
from app.core.faults import Fault
from app.core.problems import (
    MEDIA_TYPE,
    CredentialsInvalid,
    CredentialsMissing,
    InvalidCursor,
    NotFound,
    Problem,
    ValidationFailed,
)
from app.core.reading import table_schema, xlsx
from app.core.reading.exports import TooManyExports, TooManyRows
from app.core.reading.listing import Listing, Page
from app.core.reading.query import names_parameters
from app.core.writing.writes import IF_MATCH, QUERY


# `fault` is what is told of a value that a convertor refuses in an address that is right but for it.
class PathText(Convertor[str]):
    """A part of an address that is text: it has the form of `regex`, and `accepts` may ask for more than a form."""

    def __init__(self, regex: str, fault: Fault, accepts: Callable[[str], bool] = bool) -> None:
        self.regex, self.fault, self.accepts = regex, fault.at(""), accepts  # type: ignore[misc]  # one class, many forms
        self.schema = {"type": "string", "pattern": f"^{regex}$"}

    def convert(self, value: str) -> str:
        if not self.accepts(value):
            raise ValueError("not accepted")
        return value

    def to_string(self, value: str) -> str:
        return value


class _Year(Convertor[int]):
    fault = values.INTEGER_OUT_OF_RANGE.at("", minimum=1900, maximum=2199)
    regex = "(?:19|20|21)[0-9]{2}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _Month(Convertor[date]):
    fault = values.INVALID_MONTH.at("")
    regex = "(?:19|20|21)[0-9]{2}-(?:0[1-9]|1[0-2])"

    def convert(self, value: str) -> date:
        return date.fromisoformat(value + "-01")

    def to_string(self, value: date) -> str:
        return f"{value:%Y-%m}"


SLUG = PathText("[a-z0-9]+(?:-[a-z0-9]+)*", values.INVALID_SLUG)
YEAR = {"type": "integer", "minimum": 1900, "maximum": 2199}
register_url_convertor("month", _Month())
register_url_convertor("slug", SLUG)
register_url_convertor("year", _Year())

_PATH_PARAMETERS: dict[str, dict[str, Any]] = {}


NAMED_BY: dict[str, str] = {}  # what a path parameter names, where its own name does not say it


def describe(name: str, description: str, schema: dict[str, Any], example: Any, *, of: str = "") -> None:
    """Say how the path parameter of this name is documented, beside the address that has it; `of` is what it names."""
    if of:
        NAMED_BY[name] = of
    _PATH_PARAMETERS[name] = {"description": description, "schema": schema, "example": example}


describe("year", "A calendar year.", YEAR, 2022)
describe("month", "The month, such as 2023-06.", {"type": "string", "pattern": f"^{_Month.regex}$"}, "2023-06")
describe("code", "The code of the problem, such as not-found.", SLUG.schema, "not-found")


def path_parameter(name: str) -> dict[str, Any]:
    """How a path parameter is documented: as its domain describes it, or as the id of what precedes `_id`."""
    if name in _PATH_PARAMETERS:
        return _PATH_PARAMETERS[name]
    owner = "object" if name == "id" else name.removesuffix("_id")
    return {
        "description": f"The id of the {owner}.",
        "schema": {"type": "string", "format": "uuid"},
        "example": "019a9f5e-0000-7000-8000-000000000000",
    }


# The media types of the forms that answers have beside JSON, by the names that `format` takes.
MEDIA_TYPES = {
    "csv": "text/csv", "csv-fr": "text/csv", "ndjson": "application/x-ndjson", "pdf": "application/pdf",
    "schema": table_schema.MEDIA_TYPE, "schema-fr": table_schema.MEDIA_TYPE, "sse": "text/event-stream",
    "svg": "image/svg+xml",
    "xlsx": xlsx.MEDIA_TYPE, "xml": "application/xml",
}  # fmt: skip
# The headers of answers that a client acts upon.
HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "The version of the object, to send as If-Match or If-None-Match.", "schema": {"type": "string"},
    },
    "Idempotency-Replayed": {
        "description": "`true`: this is the answer to an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "const": "true"},
    },
    "Link": {
        "description": '`rel="next"`: the next page, absent on the last one.',
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "The address of what was created.", "schema": {"type": "string", "format": "uri-reference"},
    },
    "RateLimit": {
        "description": "What is left of the caller's limits, in the worker that answers: `r` requests for `t` s.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {
        "description": "The limits of the caller: `q` requests in `w` seconds.", "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "Seconds to wait before the request is sent again.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 86_400},
    },
}  # fmt: skip
_RETRIED = (409, 429, 502, 503)  # statuses of refusals that may say when to come again


def headers(*names: str) -> dict[str, Any]:
    """The `headers` of an answer: those of `HEADERS` that it may have."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def responses(*problems: type[Problem], statuses: Iterable[int] = ()) -> dict[int | str, dict[str, Any]]:
    """The problems of an operation, one entry a status, each code with its title."""
    documented: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        entry = documented.setdefault(problem.status, {"description": "", "content": _problem_content()})
        entry["description"] += f"{' · ' if entry['description'] else ''}`{problem.code}`: {problem.title}"
        if problem.status in _RETRIED:
            entry["headers"] = headers("Retry-After")
    for status in statuses:
        documented.setdefault(status, {"description": "A problem.", "content": _problem_content()})
    return documented


def _problem_content() -> dict[str, Any]:
    return {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


# What a collection answers beside application/json.
OTHER_FORMS: dict[str, Any] = {
    "content": {
        "application/x-ndjson": {"schema": {"type": "string", "description": "One object a line."}},
        "text/csv": {"schema": {"type": "string", "description": "RFC 4180, with a header."}},
        xlsx.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}},
        table_schema.MEDIA_TYPE: {"schema": {"type": "object", "description": "The columns of the CSV form."}},
    },
    "headers": headers("Link"),
}


def lists(listing: Listing, *problems: type[Problem]) -> dict[str, Any]:
    """Decorator arguments of a collection: filters, sorts, pages and forms, all of them in OpenAPI."""
    known = (
        CredentialsMissing, CredentialsInvalid, NotFound, ValidationFailed, InvalidCursor, TooManyRows, TooManyExports,
    )  # fmt: skip
    return {
        "response_model": Page[listing.schema],  # type: ignore[name-defined]  # a class made at run time
        "responses": {**responses(*known, *problems), 200: OTHER_FORMS},
        "openapi_extra": {"parameters": names_parameters(listing.parameters), "x-listing": True}
        | ({"x-national": True} if listing.national else {}),
    }


IF_NONE_MATCH: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag you have. The answer is 304 without a body where the object still has it.",
    "schema": {"type": "string"},
}


ONLY_CREATE: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "`*`: the object is created, and what is there already is left as it is (412).",
    "schema": {"type": "string"},
}


def shows(
    schema: Any,
    *problems: type[Problem],
    parameters: Mapping[str, Any] | None = None,
    forms: Iterable[str] = (),
    headed: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Decorator arguments of a read of one object; `forms` are the media types it has beside JSON, `headed` the headers
    that it takes.
    """
    documented = responses(CredentialsMissing, CredentialsInvalid, NotFound, ValidationFailed, *problems)
    headers = [*headed]
    if "version" in schema.model_fields:
        documented[304] = {"description": "The client has this version already."}
        headers.append(IF_NONE_MATCH)
    others = [media_type for media_type in forms if media_type != "application/json"]
    if others:
        binary = {"type": "string", "format": "binary"}
        documented[200] = {
            "content": {each: {"schema": {"type": "string"} if each.endswith("+xml") else binary} for each in others}
        }
    return {
        "response_model": schema,
        "responses": documented,
        "openapi_extra": {"parameters": [*headers, *names_parameters(parameters or {})]},
    }


def changes(
    schema: Any, *problems: type[Problem], status: int = 200, may_create: bool = False, tried: Any = None
) -> dict[str, Any]:
    """Decorator arguments of a write: `status` is 201 for what creates, 204 for what deletes an object of the schema.

    `may_create` says that the answer is 201 where nothing was there (PUT); `tried` is what a dry run answers of what
    creates or deletes, where that is not the object.
    """
    known: tuple[type[Problem], ...] = (
        p.CredentialsMissing,
        p.CredentialsInvalid,
        p.Forbidden,
        p.InsufficientScope,
        NotFound,
        p.MalformedJson,
        p.UnsupportedMediaType,
        p.BodyTooLarge,
        p.RequestTimeout,
        ValidationFailed,
        p.StaleVersion,
        p.ObjectExists,
        p.NothingToCompare,
        p.TotalTooLarge,
        p.DatabaseUnavailable,
        p.Busy,
    )
    documented = responses(*dict.fromkeys((*known, *problems)))
    headers = [IF_MATCH, *([ONLY_CREATE] if may_create else [])]
    if may_create:
        documented[201] = {"description": "The object did not exist; it was created.", "model": schema}
    if status in (201, 204):
        documented[200] = {
            "description": f"With dry_run=true: {'what it would do' if tried else 'the object as it would be'}.",
            "model": tried or schema,
        }
    return {
        "response_model": schema if status != 204 else None,
        "status_code": status,
        "responses": documented,
        "openapi_extra": {"parameters": [*headers, *names_parameters(QUERY)]},
    }
