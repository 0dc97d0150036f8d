"""Scenarios of days for the bench: validation of 1 000 entries in one call, a person's week as a grid, the follow-up.

Each takes clients that are ready to call and ids that exist, prepares what it needs, and gives the seconds it took;
`measure` runs all of them on a filled database. Nothing here is a test; the bench decides what to print.
"""

import time
from collections.abc import Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any, Protocol

import asyncpg

from app.core import clock
from app.core.clock import PARIS
from tests.bench import follow_up
from tests.bench.filling import client
from tests.world import World, ok


class Caller(Protocol):
    """A client with the key of one role, whose paths are below the territory."""

    async def post(self, path: str, body: Any = None) -> Any: ...
    async def put(self, path: str, body: Any, *, headers: dict[str, str]) -> Any: ...


async def validate_many(
    consultant: Caller,
    judge: Caller,
    mission_id: str,
    consultant_ids: Sequence[str],
    *,
    first: date,
    number: int = 1000,
) -> float:
    """Enter `number` quarter days in one batch, and validate them in one call; the seconds that the call takes.

    The mission has at least `number` / 4 days left, and is open from `first` for as many days as its `consultant_ids`
    need at four quarters a day.
    """
    places = [
        (first + timedelta(days=day), consultant_id)
        for day in range(-(-number // (4 * len(consultant_ids))))
        for consultant_id in consultant_ids
        for _ in range(4)
    ][:number]
    items = [
        {
            "mission_id": mission_id,
            "consultant_id": consultant_id,
            "worked_on": day.isoformat(),
            "days": 0.25,
            "activity": "audition",
        }
        for day, consultant_id in places
    ]
    entered = await consultant.post("time-entries/batch", {"items": items})
    assert entered.status_code == 201, entered.text
    ids = [entry["id"] for entry in entered.json()["items"]]
    started = time.perf_counter()
    done = await judge.post("time-entries/validate", {"ids": ids})
    seconds = time.perf_counter() - started
    assert done.status_code == 200, done.text
    assert len(done.json()["items"]) == number
    return seconds


async def fill_weeks(consultant: Caller, consultant_id: str, *, first_monday: date, weeks: int = 10) -> list[float]:
    """Fill weeks of five days and two activities, each by one grid; the seconds of each call."""
    found = []
    for week in range(weeks):
        monday = first_monday + timedelta(weeks=week)
        iso = monday.isocalendar()
        cells = [
            {"worked_on": (monday + timedelta(days=day)).isoformat(), "activity": activity, "days": 0.5}
            for day in range(5)
            for activity in ("audition", "analysis")
        ]
        body = {"consultant_id": consultant_id, "week": f"{iso.year}-W{iso.week:02}", "cells": cells}
        started = time.perf_counter()
        done = await consultant.put("time-entries/grid", body, headers={"If-Match": "*"})
        found.append(time.perf_counter() - started)
        assert done.status_code == 200, done.text
    return found


async def measure(url: str, plain: str, repeats: int) -> dict[str, float]:
    """Milliseconds (medians) of each scenario through the application in this process, on a database that is filled.

    Each repeat has a territory of its own; the last one's mission of 1 000 entries is what the follow-up is asked for.
    """
    validations, weeks = [], []
    async with client(url) as http, asyncpg.create_pool(plain, min_size=1, max_size=4) as pool:
        # Entered two days ago, so that yesterday knows them.
        with clock.frozen(clock.now().astimezone(PARIS) - timedelta(days=2)):
            for _ in range(repeats):
                world = await World.create(http, pool)
                window: dict[str, Any] = {"starts_on": "2023-01-02", "ends_on": "2023-12-31"}
                mission = await world.mission(days=250, lead=0, partner=250, **window)
                weekly = await world.mission(days=50, lead=0, partner=50, **window)
                crew = [mission.partner_consultant]
                for _ in range(3):
                    assigned = {"person_id": str(await world.add_person()), "mission_id": mission.id}
                    crew.append(
                        ok(await world.operator.post("consultants", {**assigned, "from_on": "2023-01-01"}), 201)["id"]
                    )
                validations.append(
                    await validate_many(world.consultant, world.lead_judge, mission.id, crew, first=date(2023, 1, 2))
                )
                weeks += await fill_weeks(world.consultant, weekly.partner_consultant, first_monday=date(2023, 6, 5))
        known = clock.today() - timedelta(days=1)
        asked = await follow_up.ask(world.committee, mission.id, known.isoformat())
    return {
        "validation of 1 000 entries": 1000 * median(validations),
        "grid of a week": 1000 * median(weeks),
        **{f"T/{address.partition('=')[0]}": 1000 * median(took) for address, took in asked.items()},
    }
