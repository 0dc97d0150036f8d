"""The OpenAPI document is valid, committed, and identical to what is served."""

import json
from pathlib import Path
from typing import Any

import httpx2
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.core import openapi
from tests.world import ok

SNAPSHOT = Path(__file__).parents[2] / "openapi" / "openapi.json"


async def test_the_committed_document_is_the_served_one(http: httpx2.AsyncClient) -> None:
    served = ok(await http.get("/openapi.json"))
    assert openapi.dumped(served) == SNAPSHOT.read_text(), "run «make openapi» and read the difference"


def test_the_document_is_valid_openapi_3_1() -> None:
    document = json.loads(SNAPSHOT.read_text())
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_a_nullable_field_is_a_type_with_null() -> None:
    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict):
            options = node.get("anyOf", [])
            assert not (
                {"type": "null"} in options and any("$ref" not in o and o != {"type": "null"} for o in options)
            ), path
            for key, value in node.items():
                walk(value, f"{path}/{key}")
        elif isinstance(node, list):
            for number, value in enumerate(node):
                walk(value, f"{path}/{number}")

    walk(json.loads(SNAPSHOT.read_text())["components"], "")
