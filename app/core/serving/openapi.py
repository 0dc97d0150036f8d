"""The OpenAPI document, 3.1: what FastAPI generates, mended where generators of clients stumble."""

import copy
import json
import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.core.problems import (
    CATALOGUE,
    MOST_ERRORS,
    AddressTooLong,
    Busy,
    DatabaseUnavailable,
    HeadersTooLarge,
    InternalError,
    MalformedRequest,
)
from app.core.quotas import QuotaExceeded, TooManyFailedCredentials
from app.core.serving.operations import HEADERS, MEDIA_TYPES, headers, path_parameter, responses
from app.core.serving.routing import Route
from app.core.serving.sharing import share
from app.core.serving.summaries import summary
from app.core.values import MAX_CENTS
from app.core.writing.idempotency import IdempotencyKeyInUse, IdempotencyKeyInvalid, IdempotencyKeyReused
from app.core.writing.writes import IDEMPOTENCY_KEY

CONVENTIONS = """\
Conventions of every operation: errors are `application/problem+json` (RFC 9457) with a stable code, listed at
`/problems`; collections are paged by signed keyset cursors; `ETag` and `If-Match` guard changes; `Idempotency-Key` is
honoured on every POST that writes, while a second PUT, PATCH or DELETE changes nothing anyway; `dry_run=true` runs all
rules and changes nothing. Amounts are whole cents of euro (`_cents`),
rates are basis points (`_bp`), days are multiples of 0.25, dates are Europe/Paris calendar days, instants are RFC 3339
in UTC. The name beside an id is the present one and may change without a new version: join by id.
An operation documents its JSON. `x-rebond-forms` names the other forms that it has, for `format=` or by their media
types (`x-rebond-forms` of the document) for `Accept`; of a list they have every row.
Every answer to a key says in `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) what its
subject may ask for and what is left in the worker that answered; beyond it, and beyond what may run at once, the
answer is 429 `quota-exceeded` with `Retry-After`. `X-Request-Id` of an answer is the service's own; the one that a
client sends is kept beside it in events and in the log.
"""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. `type` addresses the catalogue entry; further members depend on the code;"
    " a list among them (`allowed`, `needed`, `activities`, `gaps`) is an array.",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "description": "Address of the rule that was broken, with its cause and cure. The part after /problems/ is"
            " a stable code, the same in every language.",
            "examples": ["/problems/days-exhausted"],
        },
        "title": {
            "type": "string",
            "description": "The rule in one sentence, the same for every answer with this code; in the language of"
            " Content-Language.",
        },
        "status": {
            "type": "integer",
            "minimum": 400,
            "maximum": 599,
            "description": "Status code of the HTTP answer, repeated here.",
        },
        "detail": {
            "type": "string",
            "description": "What happened in this case, with its figures, and what to do about it; for people. Programs"
            " read `type` and the further members.",
        },
        "instance": {
            "type": "string",
            "description": "Path of the request that was refused, without its query; empty where the path holds"
            " characters that are not repeated.",
        },
        "request_id": {
            "type": "string",
            "description": "Identifies the request in the logs of the service; also sent as X-Request-Id.",
        },
        "errors": {
            "type": "array",
            "maxItems": MOST_ERRORS,
            "description": "Every fault of the request at once; present where a field or parameter is at fault. Of"
            " more than a hundred the first hundred, and errors_total says how many there are. Of unknown names the"
            " first ten have a suggestion."
            " A fault may have further members: did_you_mean, minimum and maximum of what is accepted, or expected, the"
            " array of the accepted values.",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON Pointer (RFC 6901) to the field of the body, such as /items/3/days; the"
                        " name of a query parameter, without a slash; empty for the request as a whole.",
                    },
                    "code": {
                        "type": "string",
                        "description": "Stable code of what is wrong with this field, the same in every language.",
                    },
                    "detail": {
                        "type": "string",
                        "description": "What is wrong with this field, as a sentence for people.",
                    },
                },
            },
        },
        "errors_total": {
            "type": "integer",
            "minimum": MOST_ERRORS + 1,
            "maximum": 1_000_000,
            "description": "How many faults the request has; present where errors has not all of them.",
        },
        "unmet": {
            "type": "array",
            "description": "Every condition that is not met, present where a step has conditions and some are not.",
            "items": {
                "type": "object",
                "required": ["code", "detail", "cure"],
                "properties": {
                    "code": {
                        "type": "string",
                        "description": "Stable code of the condition, the same in every language.",
                    },
                    "detail": {
                        "type": "string",
                        "description": "What is not met, with its figures, as a sentence for people.",
                    },
                    "cure": {
                        "type": "string",
                        "description": "What meets the condition, as a sentence for people.",
                    },
                    "pointer": {
                        "type": ["string", "null"],
                        "description": "JSON Pointer to the field of the object that is meant, such as"
                        " /lines/3/ordered_on; null where none is.",
                    },
                },
            },
        },
    },
}


JSON = "application/json"

# What any address may answer, whatever it does.
EVERYWHERE = {
    str(status): response
    for status, response in responses(
        MalformedRequest, AddressTooLong, HeadersTooLarge, InternalError, DatabaseUnavailable, Busy
    ).items()
}
# What every address answers that asks for a key.
METERED = {str(status): response for status, response in responses(QuotaExceeded, TooManyFailedCredentials).items()}
# What a POST that writes (it has `dry_run`) answers as well: a key of idempotency has an effect on POST alone.
KEYED = {
    str(status): response
    for status, response in responses(IdempotencyKeyInvalid, IdempotencyKeyInUse, IdempotencyKeyReused).items()
}


def install(app: FastAPI) -> None:
    """Make `app.openapi()` give the mended document, generated once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = generate(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend the document


def generate(app: FastAPI) -> dict[str, Any]:
    """The document of this application's routes."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=f"{app.description}\n\n{CONVENTIONS}",
        license_info={"name": "European Union Public Licence 1.2", "identifier": "EUPL-1.2"},
        routes=app.routes,
        tags=app.openapi_tags,
        separate_input_output_schemas=False,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = copy.deepcopy(PROBLEM)
    schemas["Problem"]["properties"]["type"]["enum"] = [f"/problems/{code}" for code in sorted(CATALOGUE)]
    components["headers"] = copy.deepcopy(HEADERS)
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key: rbd_…"}}
    document["x-rebond-forms"] = MEDIA_TYPES
    document["servers"] = [{"url": app.state.settings.prefix or "/", "description": "This service."}]
    routes = {
        (route.path_format, method.lower()): route
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _mend(path, method, operation, routes[path, method], schemas)
    mended: dict[str, Any] = document | {part: plain(document[part], schemas) for part in ("components", "paths")}
    _prune(mended)
    for schema in mended["components"]["schemas"].values():
        _say_defaults(schema, mended["components"]["schemas"])
    share(mended)
    return mended


def _mend(path: str, method: str, operation: dict[str, Any], route: Route, schemas: dict[str, Any]) -> None:
    operation["summary"] = route.summary or summary(operation["operationId"], path)
    parameters = operation.setdefault("parameters", [])
    named = {parameter["name"] for parameter in parameters}
    keyed = method == "post" and "dry_run" in named
    if keyed:
        parameters.insert(0, IDEMPOTENCY_KEY)
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        if name not in named:
            parameters.insert(0, {"name": name, "in": "path", "required": True, **path_parameter(name)})
    if not parameters:
        del operation["parameters"]
    answers = operation["responses"]
    if "application/json" in answers.get("422", {}).get("content", {}):  # FastAPI's own 422, which is never sent
        del answers["422"]
    refusals = [EVERYWHERE, *([METERED] if route.gate else []), *([KEYED] if keyed else [])]
    for status, response in (each for statuses in refusals for each in statuses.items()):
        _add(answers.setdefault(status, {**response, "description": ""}), response)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    body.pop("default", None)  # of a body that may be absent
    example = _named(body, schemas).get("examples", [None])[0] if body else None
    needed = [line for code, line in PRECONDITIONS.items() if code in json.dumps(answers)]
    if not body and "requestBody" in operation:
        needed.append(f" -H 'Content-Type: {next(iter(operation['requestBody']['content']))}' --data-binary @file.csv")
    operation["x-codeSamples"] = [{"lang": "curl", "source": _curl(path, method, parameters, needed, example)}]
    for status, answer in answers.items():
        if status < "400":
            tried = (status, route.status_code) == ("200", 201)  # with dry_run=true: nothing was made
            _accept(status, answer, operation, keyed=keyed, posts=method == "post", tried=tried, schemas=schemas)
        if route.gate:
            answer["headers"] = answer.get("headers", {}) | headers("RateLimit", "RateLimit-Policy")
    operation["security"] = [{"key": []}] if route.gate else []
    if route.gate:
        operation["x-permission"] = route.gate.permission


# What an answer says of itself where nothing else is said.
ANSWERED = {"200": "Done.", "201": "Created.", "202": "Accepted.", "204": "Deleted."}
A_PAGE = "A page; the other forms have every row."
WITH_FORMS = "As JSON; other forms by `format`."


def _accept(
    status: str, answer: dict[str, Any], operation: dict[str, Any], *, keyed: bool, posts: bool, tried: bool,
    schemas: dict[str, Any],
) -> None:  # fmt: skip
    """Mend an answer that is no refusal: its headers, and JSON alone where it has JSON.

    A generator that finds several media types makes a union of them, and no field of the object can be read.
    """
    content = answer.get("content", {})
    operation.pop("x-national", None)  # it is for us
    listed = status == "200" and operation.get("x-listing", False)
    others = JSON in content and len(content) > 1
    if others:
        [format_] = (each for each in operation["parameters"] if each["name"] == "format")
        operation["x-rebond-forms"] = [name for name in format_["schema"]["enum"] if name != "json"]
        answer["content"] = {JSON: content[JSON]}
    if answer["description"] == "Successful Response":
        answer["description"] = A_PAGE if listed else WITH_FORMS if others else ANSWERED[status]
    says = []
    schema = _named(content.get(JSON, {}).get("schema", {}), schemas)
    if status == "304" or ("version" in schema.get("properties", {}) and not tried):
        says.append("ETag")
    if keyed and not tried:
        says.append("Idempotency-Replayed")
    if posts and status in ("201", "202"):
        says.append("Location")
    if says:
        answer["headers"] = answer.get("headers", {}) | headers(*says)


def _named(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema that is referred to, or an empty one."""
    found: dict[str, Any] = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
    return found


def _say_defaults(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Say what holds for a property that is absent in its description.

    Of a `default` generators make a property that must be sent, or one that the client sends unasked.
    """
    for found in schema.get("properties", {}).values():
        if "default" in found:
            default = json.dumps(found.pop("default"), ensure_ascii=False)
            described = found.get("description") or _named(found, schemas).get("description", "")
            found["description"] = f"{described} Absent: `{default}`.".strip()


def _add(own: dict[str, Any], response: dict[str, Any]) -> None:
    """Name the problems of `response` in the operation's own one of the same status."""
    if response["description"] not in own["description"]:
        own["description"] += f"{' · ' if own['description'] else ''}{response['description']}"
    if "headers" in response:
        own["headers"] = own.get("headers", {}) | response["headers"]


# What a request needs where one of these problems tells of its lack.
PRECONDITIONS = {
    "idempotency-key-missing": ' -H "Idempotency-Key: $(date +%s%N)"',
    "if-match-missing": " -H 'If-Match: \"1\"'",
}


def _curl(path: str, method: str, parameters: list[dict[str, Any]], headers: list[str], example: Any) -> str:
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    asked = [
        f"{each['name']}={_shown(each['schema'])}" for each in parameters if each["in"] == "query" and each["required"]
    ]
    line = "curl -s" + ("" if method == "get" else f" -X {method.upper()}") + ' -H "Authorization: Bearer $KEY"'
    line += "".join(headers)
    if example is not None:
        body = json.dumps(example, ensure_ascii=False, separators=(",", ":")).replace("'", "'\\''")
        line += f" --json '{body}'"
    address = f"http://127.0.0.1:8000{path}"
    return f"{line} '{address}?{'&'.join(asked)}'" if asked else f"{line} {address}"


def _shown(schema: dict[str, Any]) -> str:
    return str(next(iter(schema.get("examples") or schema["enum"])))


def _prune(document: dict[str, Any]) -> None:
    """Drop the schemas that nothing names, as an enum that is written out wherever it may be null."""
    schemas = document["components"]["schemas"]
    while unused := schemas.keys() - set(re.findall(r"#/components/schemas/([^\"]+)", json.dumps(document))):
        for name in unused:
            del schemas[name]


_AS_THEY_ARE = ("const", "default", "enum", "example", "examples")  # values, not schemas


def plain(node: Any, schemas: dict[str, Any]) -> Any:
    """`anyOf: [X, null]` as `type: [X, "null"]`, which generators read; a code of ours is written out for it.

    Every integer has a format and both bounds; no title repeats a name.
    """
    if isinstance(node, list):
        return [plain(item, schemas) for item in node]
    if not isinstance(node, dict):
        return node
    node = {
        key: {name: plain(each, schemas) for name, each in value.items()} if key == "properties"
        else value if key in _AS_THEY_ARE
        else plain(value, schemas)
        for key, value in node.items()
        if key != "title"
    }  # fmt: skip
    if node.get("type") == "integer":
        node = _wide(node)
    options = node.get("anyOf")
    if isinstance(options, list) and len(options) == 2 and {"type": "null"} in options:
        other = next((option for option in options if option != {"type": "null"}), None)
        named = schemas.get(str((other or {}).get("$ref", "")).rpartition("/")[2], {})
        if "enum" in named:
            beside = {key: value for key, value in (other or {}).items() if key != "$ref"}
            other = {key: value for key, value in named.items() if key != "title"} | beside
        if other is not None and isinstance(other.get("type"), str):
            rest = {key: value for key, value in node.items() if key != "anyOf"}
            if "enum" in other:
                other = {**other, "enum": [*other["enum"], None]}
            return {**other, **rest, "type": [other["type"], "null"]}
    return node


INT32 = 2**31 - 1


def _wide(integer: dict[str, Any]) -> dict[str, Any]:
    """An integer with the width that its bounds need. Without bounds it is what every JSON client reads exactly.

    A generator makes an integer without a format 32 bits wide, in which no sum of a territory fits.
    """
    low = int(integer.get("minimum", -MAX_CENTS))
    high = int(integer.get("maximum", MAX_CENTS))
    width = "int32" if low >= -INT32 and high <= INT32 else "int64"
    return integer | {"format": width, "minimum": low, "maximum": high}


def dumped(document: dict[str, Any]) -> str:
    """The document as it is committed and compared."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
