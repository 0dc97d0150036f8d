"""The OpenAPI document of the application as it is, printed by the command once in a run."""

import fcntl
import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from tests.processes import RUN, Home


@cache
def served_document() -> dict[str, Any]:
    """To be read only: all in a process get the same one. Of all processes of a run the first generates it."""
    kept = Path(os.environ[RUN]) / "openapi.json"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_text(Home(kept.parent, from_nothing=True).said("openapi"), encoding="utf-8")
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return found


@cache
def document() -> dict[str, Any]:
    """The same with each operation's parameters, refusals and headers in their place, instead of their references."""
    return in_place(served_document())


def in_place(document: dict[str, Any]) -> dict[str, Any]:
    """A document whose operations are whole: only schemas are referred to."""
    components = document["components"]
    paths = {
        path: {method: _whole(operation, components) for method, operation in operations.items()}
        for path, operations in document["paths"].items()
    }
    return document | {"paths": paths}


def _whole(operation: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    whole = dict(operation)
    if "parameters" in operation:
        whole["parameters"] = [_found(each, components) for each in operation["parameters"]]
    whole["responses"] = {}
    for status, named in operation["responses"].items():
        answer = _found(named, components)
        if "headers" in answer:
            answer = answer | {
                "headers": {name: _found(header, components) for name, header in answer["headers"].items()}
            }
        whole["responses"][status] = answer
    return whole


def _found(node: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    kind, _, name = node["$ref"].removeprefix("#/components/").partition("/")
    found: dict[str, Any] = components[kind][name]
    return found


def with_forms(document: dict[str, Any]) -> dict[str, Any]:
    """The document as it would be with every form under 200, for what holds answers of all forms to it."""
    media_types = document["x-rebond-forms"]
    whole = in_place(document)
    for operations in whole["paths"].values():
        for operation in operations.values():
            forms: list[str] = operation.get("x-rebond-forms", [])
            if forms:
                answer = operation["responses"]["200"]
                others: dict[str, Any] = {media_types[form]: {} for form in forms}
                operation["responses"]["200"] = answer | {"content": others | answer["content"]}
    return whole
