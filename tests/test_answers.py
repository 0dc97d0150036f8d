"""What holds answers against the OpenAPI document refuses those that the document does not know."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from pydantic_core import to_json

from tests.answers import hold

HEALTH = SimpleNamespace(path_format="/healthz")


def answer(status: int, body: Any, **headers: str) -> httpx2.Response:
    given = {"content-type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx2.Request("GET", "http://rebond.test/")
    return httpx2.Response(status, headers=given, content=to_json(body), request=request)


@pytest.mark.parametrize(
    ("status", "body", "headers", "fault"),
    [
        (200, {"status": "ok"}, {}, ""),
        (200, {}, {}, "required property"),
        (200, {"status": 1}, {}, "is not of type"),
        (200, {"status": "ok", "extra": 1}, {}, "Additional properties"),
        (201, {"status": "ok"}, {}, "is not documented"),
        (200, {"status": "ok"}, {"content_type": "text/plain"}, "is text/plain"),
        (200, {"status": "ok"}, {"location": "/"}, "does not declare"),
    ],
)
def test_an_answer_that_the_document_does_not_know_fails(
    status: int, body: Any, headers: Mapping[str, str], fault: str
) -> None:
    if not fault:
        hold("GET", HEALTH, answer(status, body, **headers))
        return
    with pytest.raises(AssertionError, match=fault):
        hold("GET", HEALTH, answer(status, body, **headers))
