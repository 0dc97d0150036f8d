"""Conditions over HTTP: each alone on a file that is otherwise ready, its cure done by the role it names, all at once."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.applications.conditions import CONDITIONS, FileStep
from tests.applications import ready as r
from tests.applications.ready import ReadyFile, ready
from tests.projects.acts import perimeter, searched, staff
from tests.world import World, ok, problem


async def test_a_ready_file_is_received(world: World) -> None:
    file = await ready(world)
    assert await file.unmet("territory", "submit") == []
    assert ok(await file.submit(dry_run=True), 200)["state"] == "submitted"
    assert ok(await file.submit(), 200)["state"] == "submitted"
