"""A name that was replaced is refused, with its successor named, wherever the successor is known."""

from typing import Any

import pytest

from app.core.schemas import RETIRED, nearest_name
from tests.contract.document import document
from tests.world import World, ok, problem

DOCUMENT = document()


@pytest.mark.parametrize("old", sorted(RETIRED))
def test_no_schema_and_no_address_has_a_retired_name(old: str) -> None:
    fields = {name: set(schema.get("properties", ())) for name, schema in DOCUMENT["components"]["schemas"].items()}
    parameters = {
        f"{method} {path}": {parameter["name"] for parameter in operation.get("parameters", ()) if "name" in parameter}
        for path, operations in DOCUMENT["paths"].items()
        for method, operation in operations.items()
    }
    assert [place for place, names in (fields | parameters).items() if old in names] == []


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("firm_siren", ["siren", "name"], "siren"),
        ("firmSiren", ["siren", "name"], "siren"),
        ("firm_siren", ["sirens", "name"], "sirens"),
        ("firm_sirens", ["siren", "name"], "siren"),
        ("firm_siren", ["holder_siren"], "holder_siren"),
        ("firm_siren", ["firm_siren"], "firm_siren"),
        ("firm_siren", ["title"], None),
    ],
)
def test_the_nearest_name_of_a_retired_one_is_its_successor(name: str, known: list[str], meant: str | None) -> None:
    assert nearest_name(name, known) == meant


def hints(response: Any) -> list[tuple[str, str, str | None]]:
    errors = problem(response, 422, "validation-failed")["errors"]
    return [(error["pointer"], error["code"], error.get("did_you_mean")) for error in errors]


async def test_a_filter_by_a_retired_name_is_refused_and_told_the_new_one(world: World) -> None:
    siren = await world.add_firm()
    for collection in ("grants", "advances", "auditions", "time-entries"):
        ok(await world.auditor.get(collection, params={"siren": siren}))
        refused = await world.auditor.get(collection, params={"firm_siren": siren})
        assert hints(refused) == [("firm_siren", "unknown_parameter", "siren")], collection


async def test_a_body_with_a_retired_name_is_refused_and_told_the_new_one(world: World) -> None:
    siren = await world.add_firm()
    decision = {"project_title": "Atelier", "amount_cents": 1, "decided_on": "2023-10-03", "decision_reference": "D"}
    funder, staff = world.clients["funder"], world.clients["territory"]
    refused = await funder.post("grants", decision | {"siren": siren, "firm_siren": siren})
    assert hints(refused) == [("/firm_siren", "unknown_field", "siren")]
    refused = await funder.post("grants", decision | {"firm_siren": siren})
    assert set(hints(refused)) == {("/firm_siren", "unknown_field", "siren"), ("/siren", "required", None)}
    worked = {"worked_on": "2023-07-04", "days": 1, "activity": "audition", "firm_siren": siren}
    assert ("/firm_siren", "unknown_field", "siren") in hints(await world.consultant.post("time-entries", worked))
    batch = {"items": [worked]}
    refused = await world.consultant.post("time-entries/batch", batch)
    assert ("/items/0/firm_siren", "unknown_field", "siren") in hints(refused)
    planned = {"kind": "call", "planned_on": "2023-07-04", "firm_sirens": [siren]}
    assert ("/firm_sirens", "unknown_field", "sirens") in hints(await staff.post("auditions", planned))
    axes = [{"title": "Compétences", "actions": [{"title": "École", "firm_sirens": [siren]}]}]
    draft = {"title": "Feuille de route", "starts_on": "2023-10-03", "ends_on": "2027-12-31", "axes": axes}
    told = hints(await staff.post("roadmap/versions", draft))
    assert told == [("/axes/0/actions/0/firm_sirens", "unknown_field", "sirens")]
