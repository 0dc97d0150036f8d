"""The OpenAPI document is valid, committed, and identical to what is served."""

import json
import re
from pathlib import Path
from typing import Any

import httpx2
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.core.problems import CATALOGUE
from app.core.serving import openapi
from tests.world import ok

SNAPSHOT = Path(__file__).parents[2] / "openapi" / "openapi.json"


async def test_the_committed_document_is_the_served_one(http: httpx2.AsyncClient) -> None:
    served = ok(await http.get("/openapi.json"))
    assert openapi.dumped(served) == SNAPSHOT.read_text(), "run «make openapi» and read the difference"


def test_the_document_is_valid_openapi_3_1() -> None:
    document = json.loads(SNAPSHOT.read_text())
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def operations() -> dict[str, dict[str, Any]]:
    """Each operation of the document by its method and path."""
    paths = json.loads(SNAPSHOT.read_text())["paths"]
    found = {f"{method} {path}": operation for path, of in paths.items() for method, operation in of.items()}
    assert len(found) > 50
    return found


def test_every_operation_has_a_name_of_its_own_that_a_client_can_call() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name)] == []


def test_every_operation_says_what_it_is_for_and_shows_how_to_call_it() -> None:
    for name, operation in operations().items():
        assert operation["summary"].strip(), name
        assert operation["description"].strip(), name
        assert len(operation["tags"]) == 1, name
        assert operation["x-codeSamples"][0]["source"].startswith("curl "), name
        for parameter in operation.get("parameters", []):
            assert parameter.get("description", "").strip(), (name, parameter["name"])


def test_a_key_of_idempotency_is_documented_where_it_has_an_effect() -> None:
    """On POST: `writes.commit` takes no key of another method."""
    documented = {
        name
        for name, operation in operations().items()
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
    }
    named = {name for name, operation in operations().items() if "`idempotency-key-in-use`" in json.dumps(operation)}
    # The calculator writes nothing; of a code the secret is made once, and kept for no second answer.
    without = {"post /v1/advance-schedules", "post /v1/enrolments"}
    writing = {name for name in operations() if name.startswith("post ")} - without
    assert documented == named == writing


def test_every_answer_has_a_schema() -> None:
    for name, operation in operations().items():
        answers = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
        assert answers, name
        for status, answer in answers.items():
            for media_type, content in answer.get("content", {}).items():
                schema = content.get("schema", {})
                assert media_type != "application/json" or "$ref" in schema, (name, status)
            assert "content" in answer or status == "204", (name, status)


def test_every_problem_of_an_operation_stands_under_its_status_and_is_in_the_catalogue() -> None:
    seen = set()
    for name, operation in operations().items():
        for status, answer in operation["responses"].items():
            if "application/problem+json" in answer.get("content", {}):
                codes = re.findall(r"`([a-z0-9-]+)`: ", answer["description"])
                wrong = [code for code in codes if str(CATALOGUE[code].status) != status]
                assert (wrong, status[0] in "45") == ([], True), name
                seen |= set(codes)
    assert len(seen) > 20


def test_the_document_holds_no_schema_that_nothing_names() -> None:
    text = SNAPSHOT.read_text()
    named = set(re.findall(r"#/components/schemas/([^\"]+)", text))
    assert set(json.loads(text)["components"]["schemas"]) == named


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
