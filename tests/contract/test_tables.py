"""Answers that are no lists and yet tables: the same figures as their JSON, cell by cell."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.advances import schemas as advances
from app.core.reading.headings import has_words, heading
from app.core.reading.tabular import guard, held_columns, unguard
from app.engineering.follow_up import schemas as follow_up
from app.engineering.follow_up.routes import TABLES
from app.envelopes.schemas import ContributorAmounts
from app.roadmap.schemas import RoadmapLine
from tests.contract.conftest import Known
from tests.contract.test_forms import check_table, table
from tests.contract.test_http import rich
from tests.roadmap.acts import in_force
from tests.world import ok, problem

T = "/v1/territories/{territory}"


def lines_of_roadmap(shown: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**action, "axis": axis["position"], "axis_title": axis["title"], "position": place}
        for axis in shown["axes"]
        for place, action in enumerate(axis["actions"], 1)
    ]


CASES: dict[str, tuple[str, dict[str, str], Any, Any]] = {
    "envelope": ("envelope", {}, ContributorAmounts, lambda shown: shown["by_contributor"]),
    "roadmap": ("roadmap", {}, RoadmapLine, lines_of_roadmap),
    "burn-down": ("engineering/burn-down", {}, follow_up.BurnDownPoint, lambda shown: shown["points"]),
    **{
        name: ("engineering", {"table": name}, schema, lambda shown, name=name: shown[name])
        for name, schema in TABLES.items()
    },
}


@pytest.mark.parametrize("case", CASES)
async def test_a_table_shows_what_json_shows(alone: Known, case: str) -> None:
    world = alone.world
    path, query, schema, lines = CASES[case]
    if case == "envelope":
        await rich(world)
    if case == "roadmap" and (await world.auditor.get("roadmap")).status_code == 404:
        await in_force(world)
    items = lines(ok(await world.auditor.get(path)))
    assert items, case
    for form in ("csv", "csv-fr", "xlsx"):
        answer = await world.auditor.get(path, params={"format": form, "headings": "machine", **query})
        assert answer.status_code == 200, answer.text
        ordered = [{name: item[name] for name in schema.model_fields} for item in items]
        check_table(form, answer.content, ordered, SimpleNamespace(schema=schema))  # type: ignore[arg-type]
    named, _ = table("xlsx", (await world.auditor.get(path, params={"format": "xlsx", **query})).content)
    columns = [column.name for column in held_columns(schema)]
    assert all(map(has_words, columns))
    assert named == [heading(column, "en") for column in columns]


async def test_which_list_is_asked_of_a_table_alone(alone: Known) -> None:
    told = problem(await alone.world.auditor.get("engineering?table=by_week"), 422, "validation-failed")
    assert [(each["pointer"], each["code"]) for each in told["errors"]] == [("table", "only_with_tables")]


@pytest.mark.parametrize("text", ["=1", "'=1", "A;=1", "A, -1", "a\n@b", "\t=", "plain", "'", "＝1"])
def test_what_python_guards_is_taken_off_too(text: str) -> None:
    assert unguard(guard(text)) == unguard(guard(text, 1)) == text


@pytest.mark.parametrize("schema", [advances.VersionLine, advances.StatementLine, advances.ScheduleLine])
def test_the_lines_of_an_advance_have_words_in_both_languages(schema: Any) -> None:
    columns = [column.name for column in held_columns(schema)]
    assert all(map(has_words, columns))
    assert all(len({heading(column, language) for column in columns}) == len(columns) for language in ("en", "fr"))
