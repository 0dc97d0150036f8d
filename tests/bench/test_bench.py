"""The bench can fill its databases, and measures the service against a handler that does the same."""

import itertools
from typing import Any

import httpx2
import pytest

from app.commands import check
from app.core.db import create_engine
from tests.bench import bare, filling
from tests.bench.__main__ import Target, compare
from tests.conftest import plain


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, new_database: Any) -> str:
    """The database of a bench of few territories and people."""
    monkeypatch.setattr(filling, "TERRITORIES", 4)
    monkeypatch.setattr(filling, "HOT", 2)
    monkeypatch.setattr(filling, "EXPORTED", 11 * filling.DAYS)
    made: str = new_database("bench")
    monkeypatch.setenv("DATABASE_URL", plain(made))
    return made


async def test_the_bench_fills_a_database_in_balance_and_compares_like_with_like(url: str) -> None:
    setting = await filling.settle(url, plain(url))
    assert await filling.fill(plain(url), setting, 30, exported=False) > 50 * len(setting.territories)
    engine = create_engine(url, pool_size=1)
    checked, differing = await check.differences(engine)
    await engine.dispose()
    assert checked > 0
    assert not differing
    entries = await filling.sample(plain(url), setting, 10)
    async with filling.serving(url) as served, bare.connected():
        real, its = (
            Target(name, 0, 0, setting, entries, numbers, transport=httpx2.ASGITransport(app=app))
            for name, app, numbers in (("service", served, itertools.count()), ("bare", bare.app, itertools.count(1)))
        )
        await compare(real, its)
