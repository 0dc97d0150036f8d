"""Scenarios of days for the bench: validation of 1 000 entries in one call, and a person's week as a grid.

Each takes clients that are ready to call and ids that exist, prepares what it needs, and gives the seconds it took.
Nothing here is a test; the bench decides what to print and what to compare.
"""

import time
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Protocol


class Caller(Protocol):
    """A client with the key of one role, whose paths are below the territory."""

    async def post(self, path: str, body: Any = None) -> Any: ...
    async def put(self, path: str, body: Any) -> Any: ...


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
        done = await consultant.put("time-entries/grid", body)
        found.append(time.perf_counter() - started)
        assert done.status_code == 200, done.text
    return found
