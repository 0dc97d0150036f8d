"""A cure that the service refuses is a fault: each is provoked by every act that raises its problem, and done."""

from typing import Any

import httpx2
import pytest

from app.core.problems import CATALOGUE
from tests.contract.cures import WALKS, Case, days, documented, missions, money, records, requests
from tests.directory import StandIn
from tests.world import World

MODULES = (days, missions, money, records, requests)  # importing them registers their walks


@pytest.fixture(scope="module")
async def shared(http: httpx2.AsyncClient, pool: Any, anyio_backend: Any) -> World:
    """The territory of all walks that need none of their own."""
    return await World.create(http, pool)


@pytest.mark.parametrize(("code", "act"), sorted(WALKS), ids=[f"{code} by {act}" for code, act in sorted(WALKS)])
async def test_the_cure_is_accepted(shared: World, directory: StandIn, code: str, act: str) -> None:
    case = Case(code, act, shared, directory)
    await WALKS[code, act](case)
    assert case.told, "the problem was not provoked"
    assert case.done, "nothing was done about it"
