"""The OpenAPI document is valid, committed, and identical to what is served."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.core.problems import CATALOGUE
from app.core.serving import openapi
from app.main import TAGS
from tests.contract.document import in_place
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
    """Each operation of the document by its method and path, whole."""
    paths = in_place(json.loads(SNAPSHOT.read_text()))["paths"]
    found = {f"{method} {path}": operation for path, of in paths.items() for method, operation in of.items()}
    assert len(found) > 50
    return found


def test_every_operation_has_a_name_of_its_own_that_a_client_can_call() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name)] == []


def nodes(node: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the document, with its place."""
    if isinstance(node, dict):
        yield place, node
        for key, value in node.items():
            yield from nodes(value, f"{place}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from nodes(value, f"{place}/{number}")


def typed(kind: str) -> dict[str, dict[str, Any]]:
    """The schemas of this type, or null, by their places."""
    document = json.loads(SNAPSHOT.read_text())
    found = {
        place: node for place, node in nodes(document) if kind in ([node["type"]] if isinstance(node.get("type"), str)
        else node.get("type", ()) if isinstance(node.get("type"), list) else ())
    }  # fmt: skip
    assert len(found) > 40
    return found


def test_every_integer_has_a_width_in_which_its_bounds_fit() -> None:
    """So a client that has 32 bits for an integer without a format reads the sums of a territory."""
    widths = {"int32": 2**31 - 1, "int64": 2**63 - 1}
    odd = {
        place: node
        for place, node in typed("integer").items()
        if not -widths[node["format"]] <= node["minimum"] <= node["maximum"] <= widths[node["format"]]
    }
    assert odd == {}


# Figures in days that are no multiple of a quarter, each with the reason.
NO_QUARTERS = {
    "BurnDownPoint/properties/days_left_at_pace": "a mean pace",
    "BurnDownPoint/properties/days_left_by_plan": "a week spread over its days",
    "BurnDownPoint/properties/days_left_planned": "a straight line",
    "Consumption/properties/days_per_audition": "a ratio",
    "Consumption/properties/days_per_project": "a ratio",
    "Forecast/properties/days_left_at_end": "a mean pace",
    "Forecast/properties/days_per_week": "a mean pace",
    "Landing/properties/days_beyond_order": "a week spread over its days",
    "Landing/properties/days_done": "written as those beside it",
    "Landing/properties/days_landing": "a week spread over its days",
    "Landing/properties/days_planned": "written as those beside it",
    "Landing/properties/days_planned_by_now": "a week spread over its days",
    "Landing/properties/days_remaining": "a week spread over its days",
    "StepDelay/properties/median_days": "a median of calendar days",
    "StepDelay/properties/p90_days": "a centile of calendar days",
}


def test_days_are_multiples_of_a_quarter() -> None:
    days = {
        place.removeprefix("/components/schemas/"): node
        for place, node in typed("number").items()
        if "days" in place.rpartition("/")[2].split("_")
    }
    assert {place for place, node in days.items() if node.get("multipleOf") != 0.25} == set(NO_QUARTERS)


def test_no_default_makes_a_client_send_what_it_was_not_asked() -> None:
    """Of a default openapi-typescript makes a required property, others a value that is always sent."""
    document = json.loads(SNAPSHOT.read_text())
    places = [place for place, node in nodes(document) if "default" in node and not place.endswith("/properties")]
    assert places == []


def test_what_has_json_has_json_alone() -> None:
    seen = 0
    for name, operation in operations().items():
        for answer in operation["responses"].values():
            content = answer.get("content", {})
            assert len(content) == 1 or not content, name
        forms: list[str] = next(
            (p["schema"]["enum"] for p in operation.get("parameters", ()) if p["name"] == "format"), []
        )
        assert set(operation.get("x-rebond-forms", ())) == set(forms) - {"json"}, name
        seen += bool(forms)
    assert seen > 100


def test_a_problem_is_one_of_the_catalogue() -> None:
    told = json.loads(SNAPSHOT.read_text())["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert told == [f"/problems/{code}" for code in sorted(CATALOGUE)]


def test_an_operation_is_small_and_names_what_it_shares() -> None:
    """A reader, a diff and a language model take one operation at a time: at most 3 KiB of it, without the spaces."""
    document = json.loads(SNAPSHOT.read_text())
    whole = {operation["operationId"]: operation for of in document["paths"].values() for operation in of.values()}
    sizes = {
        name: len(json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode()) for name, each in whole.items()
    }
    assert {name: size for name, size in sizes.items() if size > 3 * 1024} == {}
    for name, operation in whole.items():
        refusals = [answer for status, answer in operation["responses"].items() if status >= "400"]
        assert all("$ref" in each for each in [*refusals, *operation.get("parameters", ())]), name


def test_every_summary_is_a_sentence_of_its_own() -> None:
    summaries = {name: operation["summary"] for name, operation in operations().items()}
    assert len(set(summaries.values())) == len(summaries)
    for name, summary in summaries.items():
        assert re.fullmatch(r"[A-Z][a-z]+ \S.{2,78}[^.]", summary), (name, summary)
        assert not re.search(r"\b(?:a [aeio]|an [^aeiouIA]|(\w+) \1\b)", summary), (name, summary)


def test_the_groups_are_those_of_the_story_in_its_order() -> None:
    document = json.loads(SNAPSHOT.read_text())
    assert [tag["name"] for tag in document["tags"]] == list(TAGS)
    assert {tag for operation in operations().values() for tag in operation["tags"]} == set(TAGS)


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
