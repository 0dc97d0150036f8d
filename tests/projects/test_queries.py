"""How many statements a write of projects or roadmap costs, with twice the rows."""

from typing import Any

from tests.contract.test_listings import count, known_callers  # noqa: F401  # the fixture is used by name
from tests.projects.acts import BALANCED, COSTS, followed, project, staff
from tests.roadmap.acts import AXES, draft
from tests.world import World, ok


async def test_a_write_costs_the_same_with_twice_the_rows(app: Any, world: World, known_callers: None) -> None:  # noqa: F811  # the fixture
    siren = await followed(world)
    holders = [{"kind": "firm", "siren": siren}]
    body = {"title": "T", "kind": "other", "maturity": "idea", "holders": holders, "detected_on": "2023-07-04"}
    found: list[dict[str, int]] = []
    for costs, lines in ((COSTS, BALANCED[:2]), (COSTS * 2, BALANCED)):
        made = await project(world, holders=holders, funding_route="bank")
        address = f"projects/{made['id']}"
        client = staff(world)
        calls: dict[str, tuple[str, str, Any]] = {
            "create": ("POST", "projects", {**body, "costs": costs}),
            "costs": ("PATCH", address, {"costs": costs}),
            "title": ("PATCH", address, {"title": "Another"}),
            "plan": ("PUT", f"{address}/financing", {"status": "draft", "lines": lines}),
            "plan again": ("PUT", f"{address}/financing", {"status": "draft", "lines": lines, "note": "N"}),
            "stage": ("POST", f"{address}/stages", {"stage": "oriented"}),
            "statement": ("POST", f"{address}/funding-statements", {"sources_searched": ["ADEME"]}),
        }
        found.append({name: await count(app, client, *call) for name, call in calls.items()})
    assert found[0] == found[1]
    assert found[0] == {
        "create": 6, "costs": 9, "title": 6, "plan": 8, "plan again": 8, "stage": 5, "statement": 6,
    }  # fmt: skip


async def test_a_roadmap_is_written_and_read_with_the_same_statements_however_long(
    app: Any,
    world: World,
    known_callers: None,  # noqa: F811  # the fixture
) -> None:
    made = await draft(world)
    found = []
    for axes in (AXES, [{**axis, "actions": axis["actions"] * 2} for axis in AXES]):
        write = await count(app, staff(world), "PATCH", f"roadmap/versions/{made['id']}", {"axes": axes})
        read = await count(app, staff(world), "GET", f"roadmap/versions/{made['id']}")
        found.append((write, read))
    assert found[0] == found[1]
    assert found[0][1] == 1
    assert len(ok(await staff(world).get(f"roadmap/versions/{made['id']}"))["axes"][0]["actions"]) == 4
