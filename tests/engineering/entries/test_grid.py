"""The week grid: dates × activities, the difference in one step, and the same grid again for nothing."""

import asyncio
from datetime import date
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from app.engineering.entries import rules
from app.engineering.entries.grid import SeveralEntries, difference
from tests.world import Client, Mission, World, ok, problem

MONDAY = date(2023, 7, 3)
CELL = (MONDAY, "audition")


def there(*states: tuple[str, str]) -> list[Any]:
    return [
        SimpleNamespace(id=number, status=status, days=Decimal(days), counted_on=MONDAY)
        for number, (status, days) in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("entries", "days", "status", "todo"),
    [
        ([], "0.5", "submitted", {"enter": {CELL: Decimal("0.5")}}),
        ([], "0", "submitted", {}),
        ([("submitted", "0.5")], "0.5", "submitted", {}),
        ([("submitted", "0.5")], "0.5", "draft", {}),
        ([("draft", "0.5")], "0.5", "draft", {}),
        ([("draft", "0.5")], "0.5", "submitted", {"submit": [0]}),
        ([("draft", "0.5")], "1", "submitted", {"change": {0: Decimal(1)}, "submit": [0]}),
        ([("submitted", "0.5")], "1", "draft", {"change": {0: Decimal(1)}}),
        ([("draft", "0.5")], "0", "draft", {"remove": [0]}),
        ([("submitted", "0.5"), ("draft", "0.25")], "0", "draft", {"remove": [0, 1]}),
        ([("submitted", "0.5"), ("draft", "0.25")], "0.75", "draft", {}),
        ([("submitted", "0.5"), ("draft", "0.25")], "1", "draft", {"refused": {CELL: SeveralEntries}}),
        ([("validated", "0.5")], "0.5", "submitted", {}),
        ([("validated", "0.5")], "0", "submitted", {"refused": {CELL: rules.EntryLocked}}),
        ([("certified", "0.5")], "1", "submitted", {"refused": {CELL: rules.EntryLocked}}),
    ],
)
def test_what_a_cell_asks_for(entries: list[tuple[str, str]], days: str, status: str, todo: dict[str, Any]) -> None:
    wanted = {CELL: Decimal(days)} if days != "0" else {}
    found = difference(wanted, {CELL: there(*entries)} if entries else {}, submitted=status == "submitted")
    nothing: dict[str, Any] = {"enter": {}, "change": {}, "submit": [], "remove": [], "refused": {}}
    assert vars(found) == nothing | todo


def test_a_cell_of_a_locked_month_comes_as_it_is() -> None:
    july = [date(2023, 7, 1)]
    for days in ("0", "1"):
        found = difference(
            {CELL: Decimal(days)}, {CELL: there(("submitted", "0.5"))}, submitted=True, locked_months=july
        )
        assert found.refused == {CELL: rules.MonthLocked}
    kept = difference({CELL: Decimal("0.5")}, {CELL: there(("submitted", "0.5"))}, submitted=True, locked_months=july)
    assert not any(vars(kept).values())


# --- over HTTP -------------------------------------------------------------------------------------------------------


def grid(mission: Mission, *cells: tuple[int, str, float | None], **more: Any) -> dict[str, Any]:
    return {
        "consultant_id": mission.partner_consultant,
        "week": "2023-W27",
        "cells": [
            {"worked_on": f"2023-07-{day:02}", "activity": activity, "days": days} for day, activity, days in cells
        ],
        **more,
    }


def address(week: dict[str, Any]) -> str:
    return f"time-entries/grid?consultant_id={week['consultant_id']}&week={week['week']}"


async def put_seen(client: Client, week: dict[str, Any]) -> httpx2.Response:
    """Fill a week that the client has just read."""
    seen = (await client.get(address(week))).headers
    return await client.put("time-entries/grid", week, headers={"If-Match": seen.get("etag", "*")})


def shown(answer: Any) -> list[tuple[str, str, float, str]]:
    return sorted((e["worked_on"][8:], e["activity"], e["days"], e["status"]) for e in ok(answer, 200)["cells"])


async def test_a_week_is_filled_changed_and_emptied(app: Any, world: World) -> None:
    mission = await world.mission(days=10)
    put = partial(put_seen, world.consultant)
    first = grid(mission, (3, "audition", 0.5), (3, "analysis", 0.5), (4, "audition", 1))
    assert shown(await put(first)) == [
        ("03", "analysis", 0.5, "submitted"), ("03", "audition", 0.5, "submitted"), ("04", "audition", 1, "submitted"),
    ]  # fmt: skip
    assert (await world.follow_up())["days_entered"] == 2
    told = "SELECT count(*), max(version) FROM events e, time_entries t WHERE e.territory = $1 AND t.territory = $1"
    before = await world.pool.fetchrow(told, world.territory)
    assert len(shown(await put(first))) == 3
    assert await world.pool.fetchrow(told, world.territory) == before, "the same grid again writes nothing"
    second = grid(mission, (3, "audition", 0.25), (4, "audition", None), (7, "roadmap", 0.75))
    assert shown(await put(second)) == [
        ("03", "audition", 0.25, "submitted"), ("07", "roadmap", 0.75, "submitted"),
    ]  # fmt: skip
    assert (await world.follow_up())["days_entered"] == 1
    assert shown(await put(grid(mission))) == []
    assert (await world.follow_up())["days_entered"] == 0
    assert await world.differences(app.state["engine"]) == []
    kinds = await world.pool.fetch(
        "SELECT split_part(type, '.', 2) AS kind, count(*) FROM events"
        " WHERE territory = $1 AND resource_type = 'time_entry' GROUP BY 1",
        world.territory,
    )
    assert {row["kind"]: row["count"] for row in kinds} == {"created": 4, "updated": 1, "recalled": 4, "deleted": 4}


async def test_drafts_are_kept_apart_until_the_week_is_submitted(world: World) -> None:
    mission = await world.mission(days=10)
    week = grid(mission, (3, "audition", 0.5), (4, "audition", 1), status="draft")
    assert {row[3] for row in shown(await put_seen(world.consultant, week))} == {"draft"}
    assert (await world.follow_up())["days_entered"] == 0
    week["cells"][0]["days"] = 0.75
    week["status"] = "submitted"
    assert shown(await put_seen(world.consultant, week)) == [
        ("03", "audition", 0.75, "submitted"), ("04", "audition", 1, "submitted"),
    ]  # fmt: skip
    assert (await world.follow_up())["days_entered"] == 1.75


async def test_validated_entries_stay_and_each_cell_that_would_change_them_is_named(world: World) -> None:
    mission = await world.mission(days=10)
    week = grid(mission, (3, "audition", 0.5), (4, "audition", 1), (5, "audition", 1))
    entries = ok(await put_seen(world.consultant, week))["cells"]
    for entry in entries[:2]:
        ok(await world.lead_judge.post(f"time-entries/{entry['entry_id']}/validate"))
    changed = grid(mission, (3, "audition", 1), (5, "audition", 0.25))
    told = problem(await put_seen(world.consultant, changed), 409, "grid-refused")["errors"]
    assert [(error["pointer"], error["code"], error["worked_on"], error["days_now"]) for error in told] == [
        ("/cells/0", "entry_locked", "2023-07-03", 0.5), ("/cells", "entry_locked", "2023-07-04", 1),
    ]  # fmt: skip
    assert (await world.follow_up())["days_entered"] == 2.5, "nothing was changed"
    kept = grid(mission, (3, "audition", 0.5), (4, "audition", 1), (6, "audition", 0.25))
    assert [row[2] for row in shown(await put_seen(world.consultant, kept))] == [0.5, 1, 0.25]


async def test_the_limits_hold_for_a_grid_as_a_whole(world: World) -> None:
    mission = await world.mission(days=2, lead=0, partner=2)
    full = grid(mission, (3, "audition", 1), (4, "audition", 1))
    ok(await put_seen(world.consultant, full))
    more = grid(mission, (3, "audition", 1), (4, "audition", 1), (5, "audition", 0.25))
    told = problem(await put_seen(world.consultant, more), 409, "days-exhausted")
    assert (told["days_requested"], told["days_left"]) == (0.25, 0)
    moved = grid(mission, (4, "audition", 0.5), (4, "analysis", 0.5), (5, "audition", 1))
    assert len(shown(await put_seen(world.consultant, moved))) == 3, "what is freed is taken at once"
    beyond = grid(mission, (4, "audition", 0.5), (4, "analysis", 0.75))
    problem(await put_seen(world.consultant, beyond), 409, "person-day-exceeded")
    unknown = grid(mission, (4, "audition", 0.5), (4, "golf", 0.5))
    problem(await put_seen(world.consultant, unknown), 409, "activity-not-listed")


async def test_what_is_wrong_with_a_grid_on_its_face(world: World) -> None:
    mission = await world.mission(days=10)
    put = partial(put_seen, world.consultant)
    faults = {
        "outside_week": grid(mission, (10, "audition", 1)),
        "repeated_cell": grid(mission, (3, "audition", 1), (3, "audition", 0.5)),
        "invalid_week": grid(mission, week="2023-W54"),
        "days_out_of_range": grid(mission, (3, "audition", 1.25)),
        "not_a_quarter_day": grid(mission, (3, "audition", 0.3)),
    }
    for code, body in faults.items():
        told = problem(await put(body), 422, "validation-failed")
        assert told["errors"][0]["code"] == code
    problem(await put_seen(world.lead, grid(mission)), 403, "other-organisation")
    gone = grid(mission, consultant_id=mission.id)
    problem(await put(gone), 404, "reference-not-found")


async def test_the_same_grid_at_the_same_instant_is_made_once(app: Any, world: World) -> None:
    mission = await world.mission(days=10)
    week = grid(mission, (3, "audition", 0.5), (4, "audition", 0.5))
    seen = {"If-Match": (await world.consultant.get(address(week))).headers["etag"]}
    found = await asyncio.gather(
        *(world.consultant.put("time-entries/grid", week, headers=seen) for _ in range(6)),
        *(world.consultant.put("time-entries/grid", week, headers={"If-Match": "*"}) for _ in range(2)),
    )
    assert sorted(answer.status_code for answer in found[:6]) in ([200, *[412] * 5], [412] * 6)
    assert {len(ok(answer)["cells"]) for answer in found if answer.status_code == 200} == {2}
    assert (await world.follow_up())["days_entered"] == 1
    assert await world.differences(app.state["engine"]) == []


async def test_the_last_week_of_a_year_begins_in_the_year_before(world: World) -> None:
    mission = await world.mission(days=10, starts_on="2024-12-01", ends_on="2025-01-31")
    cells = [{"worked_on": day, "activity": "audition", "days": 1} for day in ("2024-12-30", "2025-01-01")]
    week = {"consultant_id": mission.partner_consultant, "week": "2025-W01", "cells": cells}
    assert [entry["worked_on"] for entry in ok(await put_seen(world.consultant, week))["cells"]] == [
        "2024-12-30", "2025-01-01",
    ]  # fmt: skip


# --- what a grid cannot hold, and what it has not seen ---------------------------------------------------------------


async def test_a_grid_leaves_alone_what_it_cannot_hold(app: Any, world: World) -> None:
    mission = await world.mission(days=10, lead=0, partner=10)
    siren = await world.followed_firm()
    audition = await world.audition(siren)
    wrong = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-05", days=0.25)), 201)
    ok(await world.consultant.post(f"time-entries/{wrong['id']}/reverse", {"reason": "Wrong."}))
    beyond = {
        "firm": {"siren": siren}, "audition": {"audition_id": audition["id"]}, "note": {"note": "By phone."},
        "external_id": {"external_id": "cra-1"}, "draft": {"note": "Later.", "status": "draft"},
        "correction": {"corrects_id": wrong["id"], "worked_on": "2023-07-05"},
    }  # fmt: skip
    kept = {}
    for day, (name, more) in enumerate(beyond.items()):
        body = {**mission.entry(worked_on=f"2023-07-0{3 + day}", days=0.25), **more}
        kept[name] = ok(await world.consultant.post("time-entries", body), 201)
    plain = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-03", days=0.25)), 201)
    read = await world.consultant.get(address(grid(mission)))
    week = ok(read)
    assert [cell["entry_id"] for cell in week["cells"]] == [plain["id"]]
    assert {cell["entry_id"] for cell in week["fixed_cells"]} == {entry["id"] for entry in kept.values()}
    assert {cell["note"] for cell in week["fixed_cells"]} == {None, "By phone.", "Later."}
    assert read.headers["etag"].startswith(f'"{week["version"]}-')
    done = await world.consultant.put(
        "time-entries/grid", grid(mission, (4, "audition", 0.5)), headers={"If-Match": read.headers["etag"]}
    )
    assert shown(done) == [("04", "audition", 0.5, "submitted")]
    assert ok(done)["fixed_cells"] == week["fixed_cells"]
    for entry in kept.values():
        assert ok(await world.consultant.get(f"time-entries/{entry['id']}"))["version"] == entry["version"]
    problem(await world.consultant.get(f"time-entries/{plain['id']}"), 404, "not-found")
    assert await world.differences(app.state["engine"]) == []


async def test_a_week_is_written_as_it_was_seen_or_not_at_all(world: World) -> None:
    mission = await world.mission(days=10)
    week, put = grid(mission, (3, "audition", 0.5)), partial(world.consultant.put, "time-entries/grid")
    problem(await put(week), 428, "if-match-missing")
    empty = await world.consultant.get(address(week))
    assert (ok(empty)["cells"], ok(empty)["fixed_cells"], ok(empty)["week"]) == ([], [], "2023-W27")
    seen = {"If-None-Match": empty.headers["etag"]}
    assert (await world.consultant.get(address(week), headers=seen)).status_code == 304
    ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-04")), 201)
    problem(await put(week, headers={"If-Match": empty.headers["etag"]}), 412, "stale-version")
    problem(await put(week, headers={"If-Match": '"999"'}), 412, "stale-version")
    now = await world.consultant.get(address(week))
    dry = await put(week, headers={"If-Match": now.headers["etag"]}, params={"dry_run": "true"})
    assert (dry.status_code, "etag" in dry.headers) == (200, False)
    done = await put(week, headers={"If-Match": now.headers["etag"]})
    assert shown(done) == [("03", "audition", 0.5, "submitted")]
    assert done.headers["etag"] == (await world.consultant.get(address(week))).headers["etag"]
    again = await put(week, headers={"If-Match": done.headers["etag"]})
    assert (ok(again), again.headers["etag"]) == (ok(done), done.headers["etag"])


async def test_a_week_is_read_by_who_may_read_its_entries(world: World, other: World) -> None:
    mission = await world.mission(days=10)
    ours, lead = grid(mission), {"consultant_id": mission.lead_consultant, "week": "2023-W27"}
    for client in (world.consultant, world.lead, world.operator):
        ok(await client.get(address(ours)))
    problem(await world.consultant.get(address(lead)), 404, "not-found")
    problem(await other.operator.get(f"time-entries/grid?consultant_id={mission.id}&week=2023-W27"), 404, "not-found")
    told = problem(await world.lead.get("time-entries/grid?week=2023-W54"), 422, "validation-failed")
    assert {(error["pointer"], error["code"]) for error in told["errors"]} == {
        ("consultant_id", "required"), ("week", "invalid_week"),
    }  # fmt: skip
    assert len(problem(await world.lead.get("time-entries/grid"), 422, "validation-failed")["errors"]) == 2


async def test_a_deletion_has_a_version_of_its_own(world: World) -> None:
    mission = await world.mission(days=10)
    week = grid(mission, (3, "audition", 0.5), (4, "audition", 1), status="draft")
    ok(await put_seen(world.consultant, week))
    ok(await put_seen(world.consultant, {**week, "cells": week["cells"][:1], "status": "submitted"}))
    ok(await put_seen(world.consultant, grid(mission)))
    draft = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)
    ok(await world.consultant.delete(f"time-entries/{draft['id']}"))
    rows = await world.pool.fetch(
        "SELECT resource_id, type, resource_version, (data ->> 'version')::integer AS said FROM events"
        " WHERE territory = $1 AND resource_type = 'time_entry' ORDER BY sequence",
        world.territory,
    )
    lives: dict[str, list[tuple[str, int]]] = {}
    for row in rows:
        assert row["said"] == row["resource_version"]
        lives.setdefault(row["resource_id"], []).append((row["type"].partition(".")[2], row["resource_version"]))
    assert sorted(lives.values()) == sorted([
        [("created", 1), ("submitted", 2), ("recalled", 3), ("deleted", 4)],
        [("created", 1), ("deleted", 2)],
        [("created", 1), ("deleted", 2)],
    ])  # fmt: skip
