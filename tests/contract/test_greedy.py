"""What a caller may cost: faults, suggestions, names and compiled statements are bounded whatever is sent."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, cast, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.core import schemas
from app.core.db import KEPT_SHAPES
from app.core.problems import MOST_ERRORS
from app.core.reading import listing
from app.core.schemas import MOST_SUGGESTIONS
from app.core.serving.routing import Route
from app.core.writing.strictjson import FEW_NAMES, MAX_NAMES, names_in
from app.engineering.entries.queries import TIME_ENTRIES
from app.main import create_app
from app.settings import Settings
from tests.contract.conftest import Known
from tests.contract.document import document

APP = create_app(Settings(_env_file=None, database_url="postgresql+asyncpg://x/x"))
BODIES = {
    f"{min(route.methods or ())} {route.path_format}": route.body_field.field_info.annotation
    for route in APP.routes
    if isinstance(route, Route) and route.body_field is not None
}
ADAPTERS: dict[str, TypeAdapter[Any]] = {place: TypeAdapter(cast("Any", body)) for place, body in BODIES.items()}
BATCH = "POST /v1/territories/{territory}/time-entries/batch"


async def test_of_many_faults_a_hundred_are_told_and_all_are_counted(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    nearest = schemas.nearest_name

    def counted(name: str, names: Iterable[str]) -> str | None:
        asked.append(name)
        return nearest(name, names)

    monkeypatch.setattr(schemas, "nearest_name", counted)
    body = {"name": "Much", **{f"nam{number}": 1 for number in range(900)}}
    answer = await known.world.admin.post("/v1/organisations", body)
    told = answer.json()
    assert (answer.status_code, len(told["errors"]), told["errors_total"]) == (422, MOST_ERRORS, 900)
    assert [error.get("did_you_mean") for error in told["errors"][:12]] == ["name"] * MOST_SUGGESTIONS + [None] * 2
    assert len(asked) == MOST_SUGGESTIONS


async def test_what_all_faults_fit_into_has_no_total(known: Known) -> None:
    body = {"name": "Much", **{f"nam{number}": 1 for number in range(MOST_ERRORS)}}
    told = (await known.world.admin.post("/v1/organisations", body)).json()
    assert (len(told["errors"]), "errors_total" in told) == (MOST_ERRORS, False)


async def test_of_many_unknown_parameters_ten_have_a_suggestion(known: Known) -> None:
    asked = "&".join(f"limi{number}=1" for number in range(30))
    told = (await known.world.admin.get(f"/v1/organisations?{asked}")).json()
    assert sum("did_you_mean" in error for error in told["errors"]) == MOST_SUGGESTIONS
    assert len(told["errors"]) == 30


async def test_a_body_of_more_names_than_any_schema_needs_is_not_read(known: Known) -> None:
    world = known.world
    for most, client, path in (
        (FEW_NAMES, world.admin, "/v1/organisations"),
        (FEW_NAMES, world.consultant, f"/v1/territories/{world.territory}/time-entries"),
        (names_in(ADAPTERS[BATCH].json_schema()), world.consultant, BATCH[5:].format(territory=world.territory)),
    ):
        body = json.dumps({f"a{number}": ":" for number in range(most + 1)})
        answer = await client.request("POST", path, content=body.encode(), headers={
            "Content-Type": "application/json"})  # fmt: skip
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-json")
        assert re.sub(r"\D", "", answer.json()["detail"]).startswith(str(most))


def test_what_is_read_of_names_follows_from_what_an_address_takes() -> None:
    """Many where a body is a list of many; else few, of which the widest body of one object needs a part."""
    most = {place: names_in(adapter.json_schema()) for place, adapter in ADAPTERS.items()}
    assert most[BATCH] > 10 * FEW_NAMES
    assert sum(number == FEW_NAMES for number in most.values()) > 0.8 * len(most)
    endless = {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}}
    itself = {"$defs": {"A": {"properties": {"a": {"$ref": "#/$defs/A"}}}}, "$ref": "#/$defs/A"}
    assert [names_in(endless), names_in(itself), names_in({"type": "string"})] == [MAX_NAMES, MAX_NAMES, FEW_NAMES]


def test_colons_in_texts_are_no_names() -> None:
    from app.core.writing import strictjson

    assert len(strictjson.loads(json.dumps({"text": ":" * (MAX_NAMES + 1)}).encode())["text"]) == MAX_NAMES + 1


def test_no_request_needs_more_names_than_are_read() -> None:
    """The most names of a body (of an array as many as it has items at most) that fit in a body of a mebibyte."""
    whole = document()

    def names(schema: dict[str, Any], within: tuple[str, ...] = ()) -> tuple[int, int]:
        """How many there can be, and the bytes that they take with the shortest of values."""
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return (0, 0) if name in within else names(whole["components"]["schemas"][name], (*within, name))
        either = [names(each, within) for word in ("anyOf", "oneOf", "allOf") for each in schema.get(word, ())]
        fields = [(name, names(each, within)) for name, each in schema.get("properties", {}).items()]
        own = sum(1 + count for _, (count, _) in fields), sum(len(name) + 5 + size for name, (_, size) in fields)
        items = (
            tuple(figure * schema.get("maxItems", 10_000) for figure in names(schema.get("items", {}), within))
            if "items" in schema
            else (0, 0)
        )
        return max([*either, own, items])

    needed = {
        f"{method} {path}": names(content["application/json"]["schema"])
        for path, operations in whole["paths"].items()
        for method, operation in operations.items()
        if "application/json" in (content := operation.get("requestBody", {}).get("content", {}))
    }
    assert len(needed) > 100
    fitting = {name: min(count, count * 2**20 // max(size, 1)) for name, (count, size) in needed.items()}
    assert {name: count for name, count in fitting.items() if count > MAX_NAMES} == {}


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        for field in annotation.model_fields.values():
            yield from _models(field.annotation)
    for each in get_args(annotation):
        yield from _models(each)


def test_true_and_false_are_themselves_in_every_body() -> None:
    """Neither 1, nor 1.0, nor "yes", wherever a body takes a boolean."""
    fields = {
        (model.__name__, name): field
        for annotation in BODIES.values()
        for model in _models(annotation)
        for name, field in model.model_fields.items()
        if field.annotation is bool or bool in get_args(field.annotation)
    }
    assert len(fields) > 8
    lax = []
    for place, field in fields.items():
        annotation: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        odd: Any
        for odd in (1, 0, 1.0, "true", "yes", "on", "t"):
            try:
                adapter.validate_python(odd)
            except ValidationError:
                continue
            lax.append((*place, odd))
    assert lax == []


def test_statements_of_made_up_shapes_do_not_heap_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each combination of filters is a statement of its own, and callers choose them."""
    few = 20
    assert listing._compiled.capacity == KEPT_SHAPES
    monkeypatch.setattr(listing, "_compiled", type(listing._compiled)(few))
    names = sorted(TIME_ENTRIES.filters)
    assert 2 ** len(names) > 4 * few
    for number in range(2 * few):
        given = frozenset(name for place, name in enumerate(names) if number >> place & 1)
        TIME_ENTRIES.page(given, frozenset(), "id", empty=None, usual=True, counted=False)
    assert len(listing._compiled) <= 1.5 * few
