"""The OpenAPI document, 3.1: what FastAPI generates, mended where generators of clients stumble."""

import json
import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.core.problems import (
    MOST_ERRORS,
    AddressTooLong,
    Busy,
    DatabaseUnavailable,
    HeadersTooLarge,
    InternalError,
    MalformedRequest,
)
from app.core.quotas import QuotaExceeded, TooManyFailedCredentials
from app.core.serving.operations import path_parameter, responses
from app.core.serving.routing import Route
from app.core.writing.idempotency import IdempotencyKeyInUse, IdempotencyKeyInvalid, IdempotencyKeyReused
from app.core.writing.writes import IDEMPOTENCY_KEY

CONVENTIONS = """\
Conventions of every operation: errors are `application/problem+json` (RFC 9457) with a stable code, listed at
`/problems`; collections are paged by signed keyset cursors; `ETag` and `If-Match` guard changes; `Idempotency-Key` is
honoured on every POST that writes, while a second PUT, PATCH or DELETE changes nothing anyway; `dry_run=true` runs all
rules and changes nothing. Amounts are whole cents of euro (`_cents`),
rates are basis points (`_bp`), days are multiples of 0.25, dates are Europe/Paris calendar days, instants are RFC 3339
in UTC. The name beside an id is the present one and may change without a new version: join by id.
Every answer to a key says in `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) what its
subject may ask for and what is left in the worker that answered; beyond it, and beyond what may run at once, the
answer is 429 `quota-exceeded` with `Retry-After`. `X-Request-Id` of an answer is the service's own; the one that a
client sends is kept beside it in events and in the log.
"""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
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
                        "type": "string",
                        "description": "JSON Pointer to the field of the object that is meant, such as"
                        " /lines/3/ordered_on; absent where none is.",
                    },
                },
            },
        },
    },
}


# What any address may answer, whatever it does.
EVERYWHERE = {
    str(status): response
    for status, response in responses(
        MalformedRequest, AddressTooLong, HeadersTooLarge, InternalError, DatabaseUnavailable, Busy
    ).items()
}
# What every address answers that asks for a key.
METERED = {
    str(status): response
    | {"headers": {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}}
    for status, response in responses(QuotaExceeded, TooManyFailedCredentials).items()
}
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
        separate_input_output_schemas=False,
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas["Problem"] = PROBLEM
    shared = {**EVERYWHERE, **METERED}
    components["responses"] = {f"Problem{status}": response for status, response in shared.items()}
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": "An API key: rbd_…"}}
    document["servers"] = [{"url": app.state.settings.prefix or "/", "description": "This service."}]
    ours = [route for route in app.routes if isinstance(route, Route)]
    gates = {(route.path_format, method): route.gate for route in ours for method in route.methods or ()}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            gate = gates.get((path, method.upper()))
            _mend(path, method, operation, schemas)
            if gate is None:
                operation["security"] = []
            else:
                operation["security"] = [{"key": []}]
                operation["x-permission"] = gate.permission
                for status in METERED:
                    operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})
    mended: dict[str, Any] = plain(document, schemas)
    _prune(mended)
    return mended


def _mend(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
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
    content = operation["responses"].get("422", {}).get("content", {})
    if "application/json" in content:  # FastAPI's own 422, which is never sent
        operation["responses"].pop("422")
    for status, response in KEYED.items() if keyed else ():
        _add(operation["responses"].setdefault(status, {**response, "description": ""}), response)
    for status, response in EVERYWHERE.items():
        _add(operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Problem{status}"}), response)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    example = schemas.get(body.get("$ref", "").rpartition("/")[2], {}).get("examples", [None])[0] if body else None
    headers = [line for code, line in PRECONDITIONS.items() if code in json.dumps(operation["responses"])]
    if not body and "requestBody" in operation:
        headers.append(f" -H 'Content-Type: {next(iter(operation['requestBody']['content']))}' --data-binary @file.csv")
    operation["x-codeSamples"] = [{"lang": "curl", "source": _curl(path, method, parameters, headers, example)}]


def _add(own: dict[str, Any], response: dict[str, Any]) -> None:
    """Name the problems of `response` in the operation's own one of the same status."""
    if "$ref" not in own and response["description"] not in own["description"]:
        own["description"] += f"{' · ' if own['description'] else ''}{response['description']}"


# What a request needs where one of these problems tells of its lack.
PRECONDITIONS = {
    "idempotency-key-missing": ' -H "Idempotency-Key: $(uuidgen)"',
    "if-match-missing": " -H 'If-Match: \"1\"'",
}


def _curl(path: str, method: str, parameters: list[dict[str, Any]], headers: list[str], example: Any) -> str:
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
    line = "curl -s" + ("" if method == "get" else f" -X {method.upper()}") + ' -H "Authorization: Bearer $KEY"'
    line += "".join(headers)
    if example is not None:
        body = json.dumps(example, ensure_ascii=False).replace("'", "'\\''")
        line += f" --json '{body}'"
    return f"{line} http://127.0.0.1:8000{path}"


def _prune(document: dict[str, Any]) -> None:
    """Drop the schemas that nothing names, as an enum that is written out wherever it may be null."""
    schemas = document["components"]["schemas"]
    while unused := schemas.keys() - set(re.findall(r"#/components/schemas/([^\"]+)", json.dumps(document))):
        for name in unused:
            del schemas[name]


def plain(node: Any, schemas: dict[str, Any]) -> Any:
    """`anyOf: [X, null]` as `type: [X, "null"]`, which generators read; a code of ours is written out for it."""
    if isinstance(node, list):
        return [plain(item, schemas) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: plain(value, schemas) for key, value in node.items()}
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


def dumped(document: dict[str, Any]) -> str:
    """The document as it is committed and compared."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
