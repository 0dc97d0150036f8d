"""A number of days has one spelling in every answer: two decimals, nothing or not."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.contract.conftest import Known
from tests.world import ok

# All else is written by PostgreSQL from numeric(7, 2).
IN_PYTHON = {
    "/v1/territories/{territory}/engineering/burn-down": "points of a curve",
    "/v1/territories/{territory}/activity-reports/{id}/content": "the canonical text that is sealed",
    "/v1/territories/{territory}/invoices/{id}/content": "the canonical text that is sealed",
    "/v1/territories/{territory}/service-certificates/{id}/content": "the canonical text that is sealed",
}
IN_PYTHON |= dict.fromkeys(
    ("/v1/imports/{id}/annotated", "/v1/territories/{territory}/imports/{id}/annotated"),
    "the copy of a file, which is its sender's alone",
)
STEP = 0.25  # what days are multiples of, by the document


def days_in(node: Any) -> Iterator[str]:
    """The names of the properties that are days: whole days and parts of days."""
    if isinstance(node, dict):
        for name, schema in node.get("properties", {}).items():
            if isinstance(schema, dict) and schema.get("multipleOf") == STEP:
                yield name
        for value in node.values():
            yield from days_in(value)


async def test_days_are_spelt_with_two_decimals_everywhere(known: Known) -> None:
    document = ok(await known.world.http.get("/openapi.json"))
    names = sorted(set(days_in(document["components"]["schemas"])))
    assert {"days", "days_ordered", "days_certified", "days_allotted"} <= set(names)
    odd, seen = set(), set()
    for path, operations in document["paths"].items():
        answers = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if "application/json" not in answers or path in IN_PYTHON:
            continue
        client = known.holder(operations["get"].get("x-permission"))
        if path.startswith("/v1/me/keys"):  # of the one whose key stands in the addresses
            client = known.world.treasurer
        answer = await client.get(known.read_address(path))
        assert answer.status_code == 200, path
        for name, figure in re.findall(rf'"({"|".join(names)})"\s*:\s*(-?[0-9.]+)', answer.text):
            seen.add(name)
            if not re.fullmatch(r"-?[0-9]+\.[0-9]{2}", figure):
                odd.add(f"{path}: {json.dumps(name)}:{figure}")
    assert len(seen) > 10
    assert sorted(odd) == []
