"""Projects over HTTP: who holds them, where they stand, what they come to, and who sees them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.core import clock
from tests.projects.acts import COSTS, followed, pass_through, perimeter, project, staff
from tests.world import World, fresh_siren, ok, problem


async def test_a_project_is_read_as_it_was_recorded(world: World) -> None:
    await perimeter(world)
    siren = await followed(world)
    mission = await world.mission()
    met = await world.audition(siren, planned_on="2023-07-03")
    body: dict[str, Any] = {
        "title": "Centre d'usinage", "kind": "equipment", "maturity": "ready", "description": "Titanium parts.",
        "holders": [{"kind": "training_body", "name": "CFAI"}, {"kind": "firm", "siren": siren, "lead": True}],
        "commune_code": "30007", "detected_on": "2023-07-04", "starts_on": "2024-01-15", "ends_on": "2025-06-30",
        "costs": [{**COSTS[0], "holder": 2}, *COSTS[1:]], "jobs_created_fte": 6, "jobs_maintained_fte": 12.5,
        "environmental_effect": "Less scrap.", "funding_route": "rebond", "mission_id": mission.id,
        "consultant_id": mission.partner_consultant, "external_id": "P-1", "detected_in_audition_id": met["id"],
    }  # fmt: skip
    response = await staff(world).post("projects", body)
    made = ok(response, 201)
    assert response.headers["location"] == f"/v1/territories/{world.territory}/projects/{made['id']}"
    assert ok(await world.consultant.get(f"projects/{made['id']}")) == made
    assert made["holders"] == [
        {"kind": "training_body", "siren": None, "name": "CFAI", "lead": False},
        {"kind": "firm", "siren": siren, "name": "Mécanique cévenole", "lead": True},
    ]
    assert (made["cost_cents"], made["eligible_cents"]) == (800_000_00, 750_000_00)
    assert [cost["holder"] for cost in made["costs"]] == [2, None, None]
    assert (made["jobs_fte"], made["commune_name"], made["longer_than_24_months"]) == (18.5, "Commune 30007", False)
    assert (made["stage"], made["stage_since_on"], made["detected_on"]) == ("detected", "2023-07-04", "2023-07-04")
    assert made["mission_name"] == "Mission"
    consultant = ok(await world.consultant.get(f"consultants/{mission.partner_consultant}"))
    assert (made["consultant_name"], made["detected_in_audition_on"]) == (consultant["person_name"], "2023-07-03")
    [event] = await world.events(made["id"])
    assert (event["type"], "consultant_name" in event["data"]) == ("project.created", False)
    [passage] = ok(await staff(world).get(f"projects/{made['id']}/stages"))["items"]
    assert (passage["number"], passage["previous_stage"]) == (1, None)
    assert passage["recorded_by_name"] == f"territory of {world.territory}"


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"holders": []}, "/holders", "too_few_items"),
        ({"holders": [{"kind": "firm", "name": "A firm"}]}, "/holders/0", "holder_by_siren"),
        ({"holders": [{"kind": "association"}]}, "/holders/0", "holder_by_name"),
        ({"holders": [{"kind": "association", "name": n, "lead": True} for n in "AB"]}, "/holders", "one_lead_holder"),
        ({"costs": [{**COSTS[2], "reason": None}]}, "/costs/0", "reason_of_ineligible_cost"),
        ({"costs": [{**COSTS[0], "reason": "Why?"}]}, "/costs/0", "reason_of_ineligible_cost"),
        ({"costs": [{**COSTS[0], "amount_cents": 10**12 + 1}]}, "/costs/0/amount_cents", "too_large"),
        ({"ends_on": "2024-01-01", "starts_on": "2024-01-02"}, "/ends_on", "period_reversed"),
        ({"detected_on": "2199-01-01"}, "/detected_on", "future_day"),
        ({"jobs_created_fte": 0.001}, "/jobs_created_fte", "not_a_hundredth"),
        ({"jobs_created_fte": -1}, "/jobs_created_fte", "fte_out_of_range"),
        ({"kind": "casino"}, "/kind", "not_one_of"),
    ],
)
async def test_what_is_wrong_on_its_face_is_told_by_field(
    world: World, change: dict[str, Any], pointer: str, code: str
) -> None:
    holders = [{"kind": "association", "name": "A"}]
    body = {
        "title": "T",
        "kind": "other",
        "maturity": "idea",
        "holders": holders,
        "detected_on": "2023-07-04",
        **change,
    }
    told = problem(await staff(world).post("projects", body), 422, "validation-failed")
    assert (pointer, code) in {(error["pointer"], error["code"]) for error in told["errors"]}


async def test_the_sites_commune_is_one_of_the_perimeter_on_the_day_of_detection(world: World) -> None:
    body = {"commune_code": "30007"}
    told = problem(await staff(world).post("projects", _plain(**body)), 409, "commune-outside-perimeter")
    assert told["vintage"] is None, "there is no perimeter yet"
    await perimeter(world, 2023, "30007")
    await perimeter(world, 2024, "30007", "30010")
    for day, code, vintage in [
        ("2023-12-31", "30010", 2023), ("2019-01-01", "30010", 2023), ("2024-01-01", "30258", 2024),
    ]:  # fmt: skip
        sent = _plain(commune_code=code, detected_on=day)
        told = problem(await staff(world).post("projects", sent), 409, "commune-outside-perimeter")
        assert told["vintage"] == vintage
    made = ok(await staff(world).post("projects", _plain(commune_code="30010", detected_on="2024-01-01")), 201)
    assert made["commune_name"] == "Commune 30010"
    earlier = ok(await staff(world).post("projects", _plain(commune_code="30007", detected_on="2023-12-31")), 201)
    moved = await staff(world).patch(f"projects/{earlier['id']}", {"commune_code": "30010"})
    problem(moved, 409, "commune-outside-perimeter")
    ok(await staff(world).patch(f"projects/{made['id']}", {"commune_code": "30007"}), 200)


async def test_a_project_and_a_perimeter_without_its_commune_never_miss_each_other(world: World) -> None:
    fewer = {"communes": [{"insee_code": "30007", "name": "Alès"}]}
    for _ in range(6):
        await perimeter(world, 2023, "30007", "30010")
        made, left = await asyncio.gather(
            staff(world).post("projects", _plain(commune_code="30010")),
            world.programme.put("perimeter/2023", fewer),
        )
        assert (made.status_code, left.status_code) in {(201, 409), (409, 200), (404, 200)}, (made.text, left.text)
        if made.is_success:
            problem(left, 409, "commune-in-use")
            ok(await staff(world).patch(f"projects/{made.json()['id']}", {"commune_code": None}))


async def test_a_perimeter_keeps_the_communes_in_which_projects_stand(world: World) -> None:
    await perimeter(world, 2023, "30007", "30010")
    await project(world, commune_code="30010")
    again = {"communes": [{"insee_code": code, "name": "Renamed"} for code in ("30007", "30010", "30258")]}
    ok(await world.programme.put("perimeter/2023", again), 200)
    fewer = {"communes": [{"insee_code": "30007", "name": "Alès"}]}
    told = problem(await world.programme.put("perimeter/2023", fewer), 409, "commune-in-use")
    assert told["insee_codes"] == ["30010"]
    ok(await world.programme.put("perimeter/2024", fewer), 201)
    kept = ok(await world.programme.put("perimeter/2023", {"communes": again["communes"][1:]}), 200)
    assert [commune["insee_code"] for commune in kept["communes"]] == ["30010", "30258"]
    for day, vintage in (("2023-12-31", 2023), ("2024-01-01", 2024)):
        [held] = ok(await world.lead.get("perimeter", params={"as_of": day}))["items"]
        assert held["vintage"] == vintage
    for statement in ("DELETE FROM {}", "UPDATE {} SET insee_code = '30001'", "UPDATE {} SET vintage = 1999"):
        sql = statement.format("perimeter_communes") + " WHERE territory = $1 AND insee_code = '30010'"
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await world.pool.execute(sql, world.territory)
        assert refused.value.constraint_name == "commune_in_use"


def _plain(**more: Any) -> dict[str, Any]:
    holders = [{"kind": "association", "name": "Mécanic Vallée (synthetic)"}]
    return {"title": "T", "kind": "other", "maturity": "idea", "holders": holders, "detected_on": "2023-07-04", **more}


async def test_holders_and_what_a_project_points_to_are_those_of_the_territory(world: World, other: World) -> None:
    theirs, mission = await followed(other), await other.mission()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"holders": [{"kind": "firm", "siren": theirs}]}, "/holders"),
        ({"holders": [{"kind": "firm", "siren": fresh_siren()}]}, "/holders"),
        ({"mission_id": mission.id}, "/mission_id"),
        ({"consultant_id": mission.lead_consultant}, "/consultant_id"),
        ({"detected_in_audition_id": mission.id}, "/detected_in_audition_id"),
    ]
    for change, field in wrong:
        told = problem(await staff(world).post("projects", _plain(**change)), 404, "reference-not-found")
        assert told["errors"][0]["pointer"] == field
    costs = [{**COSTS[0], "holder": 2}]
    told = problem(await staff(world).post("projects", _plain(costs=costs)), 404, "reference-not-found")
    assert told["errors"][0]["pointer"] == "/costs/0/holder"
    mine = await followed(world)
    twice = [{"kind": "firm", "siren": mine}, {"kind": "firm", "siren": mine}]
    problem(await staff(world).post("projects", _plain(holders=twice)), 422, "holder-named-twice")


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "long"),
    [
        ("2024-01-01", "2026-01-01", False),
        ("2024-01-01", "2026-01-02", True),
        ("2024-02-29", "2026-02-28", False),
        ("2024-02-29", "2026-03-01", True),
        ("2024-01-01", None, None),
    ],
)
async def test_more_than_24_months_is_flagged_and_not_refused(
    world: World, starts_on: str, ends_on: str | None, long: bool | None
) -> None:
    made = await project(world, starts_on=starts_on, ends_on=ends_on)
    assert made["longer_than_24_months"] is long
    for flag in (True, False):
        found = ok(await staff(world).get(f"projects?longer_than_24_months={str(flag).lower()}"))["items"]
        assert [item["id"] for item in found] == ([made["id"]] if long is flag else [])


async def test_a_change_replaces_lists_whole_and_one_that_changes_nothing_writes_nothing(world: World) -> None:
    made = await project(world, costs=COSTS, title="Old")
    address = f"projects/{made['id']}"
    same = {"costs": COSTS, "title": "Old", "maturity": "study", "holders": [{"kind": "firm", "siren": _siren(made)}]}
    kept = await staff(world).patch(address, same)
    assert ok(kept, 200) == made
    changed = ok(await staff(world).patch(address, {"costs": COSTS[:1], "title": "New"}), 200)
    assert (changed["cost_cents"], changed["title"], changed["version"]) == (600_000_00, "New", 2)
    two = [{"kind": "association", "name": "A"}, {"kind": "association", "name": "B", "lead": True}]
    changed = ok(await staff(world).patch(address, {"holders": two}), 200)
    assert [(h["name"], h["lead"]) for h in changed["holders"]] == [("A", False), ("B", True)]
    changed = ok(await staff(world).patch(address, {"costs": [{**COSTS[0], "holder": 2}]}), 200)
    left = problem(await staff(world).patch(address, {"holders": two[:1]}), 404, "reference-not-found")
    assert left["errors"][0]["pointer"] == "/costs/0/holder"
    stale = await staff(world).patch(address, {"title": "Late"}, headers={"If-Match": '"1"'})
    problem(stale, 412, "stale-version")
    assert [event["type"] for event in await world.events(made["id"])] == ["project.created"] + ["project.updated"] * 3


def _siren(made: dict[str, Any]) -> str:
    return str(made["holders"][0]["siren"])


# --- stages ----------------------------------------------------------------------------------------------------------


async def test_a_project_goes_its_way_and_any_day_shows_where_it_stood(world: World) -> None:
    made = await project(world)
    last = await pass_through(
        world, made["id"], "oriented", "filed", "selected", "contracted", "completed", route="region"
    )
    assert (last["stage"], last["stage_since_on"], last["funding_route"]) == ("completed", "2023-08-05", "region")
    for day, stage in [("2023-07-04", "detected"), ("2023-08-01", "oriented"), ("2023-08-04", "contracted")]:
        [then] = ok(await staff(world).get(f"projects?as_of={day}"))["items"]
        assert then == ok(await staff(world).get(f"projects/{made['id']}?as_of={day}"))
        assert then["stage"] == stage
        assert len(ok(await staff(world).get(f"projects?as_of={day}&stage={stage}"))["items"]) == 1
        assert ok(await staff(world).get(f"projects?as_of={day}&stage=completed"))["items"] == []
        assert ok(await staff(world).get(f"projects/totals?as_of={day}"))["by_stage"][stage] == 1
    assert ok(await staff(world).get("projects?as_of=2023-07-03"))["items"] == []
    problem(await staff(world).get(f"projects/{made['id']}?as_of=2023-07-03"), 404, "not-found")
    history = ok(await staff(world).get(f"projects/{made['id']}/stages?sort=-number"))["items"]
    assert [item["stage"] for item in history] == [
        "completed", "contracted", "selected", "filed", "oriented", "detected",
    ]  # fmt: skip
    refused = await staff(world).post(f"projects/{made['id']}/stages", {"stage": "dropped"})
    told = problem(refused, 409, "stage-passage-refused")
    assert told["allowed"] == ["contracted", "filed"]


async def test_a_passage_needs_its_route_its_reason_and_its_order(world: World) -> None:
    made = await project(world)
    stages = f"projects/{made['id']}/stages"
    problem(await staff(world).post(stages, {"stage": "oriented"}), 409, "funding-route-missing")
    told = problem(await staff(world).post(stages, {"stage": "dropped"}), 422, "validation-failed")
    assert told["errors"][0]["pointer"] == "/reason"
    early = {"stage": "oriented", "funding_route": "bank", "effective_on": "2023-07-03"}
    told = problem(await staff(world).post(stages, early), 409, "stage-out-of-order")
    assert told["stage_since_on"] == "2023-07-04"
    future = {"stage": "oriented", "funding_route": "bank", "effective_on": "2199-01-01"}
    problem(await staff(world).post(stages, future), 422, "validation-failed")
    ok(await staff(world).post(stages, {**early, "effective_on": "2023-07-04"}), 200)
    cleared = await staff(world).patch(f"projects/{made['id']}", {"funding_route": None})
    problem(cleared, 409, "funding-route-missing")
    dropped = {"stage": "dropped", "reason": "The firm is sold.", "effective_on": "2023-09-01"}
    tried = ok(await staff(world).post(stages + "?dry_run=true", dropped), 200)
    assert tried["stage"] == "dropped"
    assert ok(await staff(world).get(f"projects/{made['id']}"))["stage"] == "oriented"


async def test_ten_passages_at_once_make_one(world: World) -> None:
    made = await project(world, funding_route="rebond")
    stages = f"projects/{made['id']}/stages"
    answers = await asyncio.gather(*(staff(world).post(stages, {"stage": "oriented"}) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert len(ok(await staff(world).get(stages))["items"]) == 2


async def test_observed_jobs_are_kept_and_the_last_of_a_term_counts(world: World) -> None:
    made = await project(world)
    address = f"projects/{made['id']}/job-observations"
    first = {"after_months": 12, "observed_on": "2026-06-30", "jobs_created_fte": 5, "jobs_maintained_fte": 10,
             "evidence": "DSN"}  # fmt: skip
    response = await staff(world).post(address, first)
    assert ok(await staff(world).get(response.headers["location"])) == ok(response, 201)
    ok(await staff(world).post(address, {**first, "jobs_created_fte": 5.5}), 201)
    ok(await staff(world).post(address, {**first, "after_months": 36, "jobs_created_fte": 9}), 201)
    assert len(ok(await staff(world).get(address))["items"]) == 3
    told = ok(await staff(world).get(f"projects/{made['id']}"))["jobs_observed"]
    assert [(item["after_months"], item["jobs_created_fte"]) for item in told] == [(12, 5.5), (36, 9)]
    sums = ok(await staff(world).get("projects/totals"))
    assert (sums["jobs_observed_12_fte"], sums["jobs_observed_36_fte"]) == (15.5, 19)
    told = problem(await staff(world).post(address, {**first, "after_months": 24}), 422, "validation-failed")
    problem(await staff(world).post(address, {**first, "observed_on": "2199-01-01"}), 422, "validation-failed")


# --- finding ---------------------------------------------------------------------------------------------------------


async def test_every_filter_finds_its_projects_and_totals_follow_the_same_filters(world: World) -> None:
    await perimeter(world, 2023, "30007", "30010")
    siren = await followed(world, "Fonderie cévenole")
    mission = await world.mission()
    made = await project(
        world, title="Énergie du four", costs=COSTS, commune_code="30007", maturity="ready", kind="decarbonation",
        holders=[{"kind": "firm", "siren": siren}], starts_on="2024-01-01", ends_on="2024-06-30", jobs_created_fte=3,
        mission_id=mission.id, consultant_id=mission.lead_consultant, external_id="X-1", funding_route="france_2030",
    )  # fmt: skip
    other_one = await project(world, title="Autre", commune_code="30010", detected_on="2023-09-01", kind="training",
                              costs=[{**COSTS[0], "amount_cents": 100}])  # fmt: skip
    filters = [
        "q=energie", "q=fonderie%20cevenole", f"siren={siren}", "kind=decarbonation", "maturity=ready",
        "funding_route=france_2030", "commune_code=30007", f"mission_id={mission.id}", "external_id=X-1",
        f"consultant_id={mission.lead_consultant}", "amount_min_cents=101", "detected_to=2023-08-31",
        "starts_from=2024-01-01", "starts_to=2024-01-01", "longer_than_24_months=false", "stage_since_to=2023-07-04",
    ]  # fmt: skip
    for found in filters:
        [item] = ok(await staff(world).get(f"projects?{found}"))["items"]
        assert item["id"] == made["id"], found
        sums = ok(await staff(world).get(f"projects/totals?{found}"))
        assert (sums["projects"], sums["cost_cents"], sums["jobs_fte"]) == (1, 800_000_00, 3), found
    for found in ("amount_max_cents=100", "detected_from=2023-09-01", "kind=training", "stage_since_from=2023-09-01"):
        [item] = ok(await staff(world).get(f"projects?{found}"))["items"]
        assert item["id"] == other_one["id"], found
    nobody = "019a9f5e-0000-7000-8000-000000000000"
    assert ok(await staff(world).get(f"projects?detected_in_audition_id={nobody}"))["items"] == []
    both = ok(await staff(world).get("projects?stage=detected&stage=oriented&updated_since=2020-01-01T00:00:00Z"))
    assert len(both["items"]) == 2
    for wrong in ("amount_min_cents=-1", "amount_min_cents=1.5", "longer_than_24_months=yes", "limt=3", "siren=1"):
        problem(await staff(world).get(f"projects?{wrong}"), 422, "validation-failed")
        problem(await staff(world).get(f"projects/totals?{wrong}"), 422, "validation-failed")


@pytest.mark.parametrize("sort", ["title", "cost_cents", "jobs_fte", "stage", "stage_since_on", "detected_on",
                                  "starts_on", "updated_at"])  # fmt: skip
async def test_pages_of_every_sort_lose_and_repeat_nothing(world: World, sort: str) -> None:
    siren = await followed(world)
    for number in range(5):
        await project(
            world, title=f"P{number % 2}", holders=[{"kind": "firm", "siren": siren}],
            jobs_created_fte=number % 3 or None, detected_on=f"2023-07-0{number % 3 + 1}",
            costs=COSTS[: number % 3], starts_on=None if number % 2 else f"2024-0{number + 1}-01",
        )  # fmt: skip
    whole = ok(await staff(world).get("projects?limit=500"))["items"]
    for direction in ("", "-"):
        seen, cursor = [], ""
        while cursor is not None:
            params = {"sort": direction + sort, "limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = ok(await staff(world).get("projects", params=params))
            seen += page["items"]
            cursor = page["next_cursor"]
        assert sorted(item["id"] for item in seen) == sorted(item["id"] for item in whole)
        keys = [item[sort] for item in seen if item[sort] is not None]
        assert keys == sorted(keys, reverse=bool(direction))
        assert [item[sort] for item in seen] == keys + [None] * (len(seen) - len(keys)), "without a value: last"


async def test_totals_count_routes_stages_and_firms_once(world: World) -> None:
    siren = await followed(world)
    holders = [{"kind": "firm", "siren": siren}]
    for route in ("france_2030", "rebond", "rebond", None):
        await project(world, holders=holders, funding_route=route, costs=COSTS[:1], jobs_created_fte=1.25)
    sums = ok(await staff(world).get("projects/totals"))
    assert (sums["projects"], sums["firms"], sums["cost_cents"], sums["jobs_fte"]) == (4, 1, 2_400_000_00, 5)
    assert [(r["funding_route"], r["projects"], r["share"], r["jobs_fte"]) for r in sums["by_funding_route"]] == [
        ("france_2030", 1, 0.25, 1.25), ("rebond", 2, 0.5, 2.5), (None, 1, 0.25, 1.25),
    ]  # fmt: skip
    assert sums["by_stage"]["detected"] == 4
    assert sums["leverage"]["planned"] == {"total": None, "cofunding": None, "private": None, "other_public": None}
    nothing = ok(await staff(world).get("projects/totals?q=nowhere"))
    assert (nothing["projects"], nothing["cost_cents"], nothing["by_funding_route"]) == (0, 0, [])


async def test_a_second_try_with_the_same_external_id_is_told_so(world: World) -> None:
    ok(await staff(world).post("projects", _plain(external_id="E-1")), 201)
    told = problem(await staff(world).post("projects", _plain(external_id="E-1")), 409, "already-exists")
    assert told["errors"][0]["pointer"] == "/external_id"


async def test_a_project_is_its_territorys_alone(world: World, other: World) -> None:
    made = await project(world)
    foreign = f"/v1/territories/{other.territory}/projects/{made['id']}"
    for path in ("", "/stages", "/financing", "/financing/versions", "/job-observations", "/funding-statements"):
        problem(await staff(other).get(foreign + path), 404, "not-found")
        away = await staff(other).get(f"/v1/territories/{world.territory}/projects/{made['id']}{path}")
        problem(away, 404, "not-found")
        problem(await world.operator.get(foreign + path), 404, "not-found")
    problem(await staff(other).patch(foreign, {"title": "Mine"}), 404, "not-found")
    for path, body in {
        "/stages": {"stage": "dropped", "reason": "Mine."},
        "/job-observations": {"after_months": 12, "observed_on": "2024-01-01", "jobs_created_fte": 1,
                              "jobs_maintained_fte": 0, "evidence": "E"},
        "/funding-statements": {"sources_searched": ["ADEME"]},
    }.items():  # fmt: skip
        problem(await staff(other).post(foreign + path, body), 404, "not-found")
    problem(await staff(other).put(foreign + "/financing", {"status": "draft", "lines": []}), 404, "not-found")
    assert len(await world.events(made["id"])) == 1
    assert ok(await staff(other).get("projects"))["items"] == []
    assert ok(await staff(other).get("projects/totals"))["projects"] == 0


async def test_the_day_of_the_detection_is_that_of_the_held_audition_or_asked_for(world: World) -> None:
    siren = await followed(world)
    planned = {"kind": "interview", "sirens": [siren], "planned_on": "2023-06-20"}
    audition = ok(await world.lead.post("auditions", planned), 201)["id"]
    body = {"title": "T", "kind": "other", "maturity": "idea", "holders": [{"kind": "firm", "siren": siren}]}
    for more in ({}, {"detected_in_audition_id": audition}, {"detected_in_audition_id": str(uuid4())}):
        told = problem(await staff(world).post("projects", body | more), 422, "validation-failed")
        assert [(error["pointer"], error["code"]) for error in told["errors"]] == [("/detected_on", "required")]
    ok(await world.lead.post(f"auditions/{audition}/hold", {"held_on": "2023-06-21"}), 200)
    made = ok(await staff(world).post("projects", body | {"detected_in_audition_id": audition}), 201)
    assert (made["detected_on"], made["stage_since_on"]) == ("2023-06-21", "2023-06-21")


async def test_the_day_of_the_detection_is_corrected(world: World) -> None:
    made = await project(world, funding_route="bank")
    address = f"projects/{made['id']}"
    corrected = ok(await staff(world).patch(address, {"detected_on": "2023-06-20"}))
    assert (corrected["detected_on"], corrected["stage_since_on"], corrected["version"]) == (
        "2023-06-20", "2023-06-20", 2,
    )  # fmt: skip
    assert ok(await staff(world).patch(address, {"detected_on": "2023-06-20"}))["version"] == 2
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    problem(await staff(world).patch(address, {"detected_on": tomorrow}), 409, "detected-too-late")
    ok(await staff(world).post(f"{address}/stages", {"stage": "oriented", "effective_on": "2023-09-01"}))
    told = problem(await staff(world).patch(address, {"detected_on": "2023-09-02"}), 409, "detected-too-late")
    assert told["latest_on"] == "2023-09-01"
    again = ok(await staff(world).patch(address, {"detected_on": told["latest_on"]}))
    assert (again["detected_on"], again["stage_since_on"], again["version"]) == ("2023-09-01", "2023-09-01", 4)
    passages = ok(await staff(world).get(f"{address}/stages"))["items"]
    assert [(passage["number"], passage["effective_on"]) for passage in passages] == [
        (1, "2023-09-01"), (2, "2023-09-01"),
    ]  # fmt: skip
    at = ok(await staff(world).get("projects?as_of=2023-08-31"))["items"]
    assert at == []


async def test_no_other_day_of_a_passage_is_corrected(world: World) -> None:
    made = await project(world, funding_route="bank")
    ok(await staff(world).post(f"projects/{made['id']}/stages", {"stage": "oriented", "effective_on": "2023-09-01"}))
    for change in ("effective_on = '2023-09-02' WHERE number = 2", "previous_on = '2023-07-05' WHERE number = 2",
                   "reason = 'Else' WHERE number = 1", "effective_on = '2023-07-01' WHERE number = 1"):  # fmt: skip
        with pytest.raises((asyncpg.RestrictViolationError, asyncpg.ForeignKeyViolationError)):
            await world.pool.execute(f"UPDATE project_stages SET {change} AND project_id = $1", UUID(made["id"]))
