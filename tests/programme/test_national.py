"""Lists over territories: what each shows, to whom, and which territories may be asked for."""

import json
import secrets
from typing import Any

import pytest

from app.access.rules import Role
from tests.contract.cures.files import admissible
from tests.world import World, ok, problem

LISTS = ("advances", "grants", "time-entries", "projects", "applications", "instalments")


@pytest.fixture(scope="module")
async def places(http: Any, pool: Any, anyio_backend: Any) -> tuple[World, World]:
    """Two territories of two regions, with a day of each firm, a grant and an advance in each."""
    worlds = [await World.create(http, pool) for _ in range(2)]
    for world, region in zip(worlds, ("76", "84"), strict=True):
        ok(await world.programme.patch(world.auditor.base, {"region_code": region}))
        await world.money()
        await admissible(world)
        mission = await world.mission()
        ok(await world.consultant.post("time-entries", mission.entry()), 201)
        ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)
    return worlds[0], worlds[1]


async def test_the_rows_of_a_territory_are_those_of_its_own_list(places: tuple[World, World]) -> None:
    world = places[0]
    for name in LISTS:
        own = ok(await world.auditor.get(f"{name}?limit=500"))["items"]
        assert own, name
        by_region = ok(await world.auditor.get(f"/v1/{name}?limit=500&territory={world.territory}"))["items"]
        assert by_region == own, name
        assert all(row["territory"] == world.territory for row in own)


async def test_territories_are_asked_for_by_name_wave_and_region(places: tuple[World, World]) -> None:
    both = "&".join(f"territory={world.territory}" for world in places)
    seen = [world.territory for world in places]

    async def found(query: str) -> list[str]:
        items = ok(await places[0].auditor.get(f"/v1/time-entries?{both}&{query}"))["items"]
        return sorted({row["territory"] for row in items}, key=seen.index)

    assert await found("") == seen
    assert await found("region_code=84") == seen[1:]
    assert await found("region_code=84&region_code=76&wave_number=1") == seen
    assert await found("wave_number=2") == []
    for wrong in ("region_code=05", "wave_number=0", "territory=A%20B"):
        problem(await places[0].auditor.get(f"/v1/time-entries?{wrong}"), 422, "validation-failed")
    totals = ok(await places[0].auditor.get("/v1/summary"))["by_territory"]
    assert {each["region_code"] for each in totals if each["territory"] in seen} == {"76", "84"}


async def test_a_caller_sees_the_territories_of_its_roles_and_of_each_its_part(
    app: Any, places: tuple[World, World]
) -> None:
    here, there = places
    for name in LISTS:
        rows = ok(await here.clients["territory"].get(f"/v1/{name}?limit=500"))["items"]
        assert {row["territory"] for row in rows} <= {here.territory}, name
        hidden = ok(await here.clients["territory"].get(f"/v1/{name}?territory={there.territory}"))["items"]
        assert hidden == [], name
    own = ok(await here.consultant.get("/v1/time-entries?limit=500"))["items"]
    assert [row["organisation_id"] for row in own] == [str(here.organisations["partner"])]
    # A consultant here who leads there sees the own part here and all there.
    await here.grant(subject_id=str(here.subjects["consultant"]), role=Role.LEAD, territory=there.territory)
    app.state["credentials"].forget()
    rows = ok(await here.consultant.get("/v1/time-entries?limit=500"))["items"]
    mine = [row for row in rows if row["territory"] == here.territory]
    assert [row["organisation_id"] for row in mine] == [str(here.organisations["partner"])]
    assert len([row for row in rows if row["territory"] == there.territory]) == 2
    lines = (await here.consultant.get("/v1/time-entries?format=ndjson&sort=-worked_on,days")).content.splitlines()
    assert {json.loads(line)["id"] for line in lines} == {row["id"] for row in rows}
    assert len(lines) == 3


async def test_a_region_is_told_and_taken_back(world: World) -> None:
    assert ok(await world.auditor.get(""))["region_code"] is None
    assert ok(await world.programme.patch(world.auditor.base, {"region_code": "93"}))["region_code"] == "93"
    found = ok(await world.auditor.get(f"/v1/territories?region_code=93&territory={world.territory}"))["items"]
    assert [each["slug"] for each in found] == [world.territory]
    assert ok(await world.programme.patch(world.auditor.base, {"region_code": None}))["region_code"] is None
    body = {"slug": f"r-{secrets.token_hex(4)}", "name": "R", "wave_number": 1, "lead_siren": "200066918",
            "status": "candidate", "region_code": "05"}  # fmt: skip
    problem(await world.programme.post("/v1/territories", body), 422, "validation-failed")
