"""What the metrics tell of a worker and of the commands that a timer runs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from app.commands.database import noted
from app.core import command_ends
from app.core.db import create_engine
from app.core.serving import figures
from app.core.serving.figures import OfTheLiving


@pytest.fixture
def url(new_database: Any) -> str:
    made: str = new_database("figures")
    return made


@pytest.fixture
async def engine(url: str) -> Any:
    made = create_engine(url, pool_size=1)
    yield made
    await made.dispose()


def ended(command: str, end: str) -> float:
    return float(command_ends.ENDED.labels(command, end)._value.get())


async def test_the_last_ends_of_commands_are_told_apart(engine: Any) -> None:
    await command_ends.look(engine)
    assert [ended(command, end) for command in command_ends.TIMED for end in ("succeeded", "failed")] == [0] * 6
    await command_ends.note(engine, "check", succeeded=True)
    await command_ends.look(engine)
    first = ended("check", "succeeded")
    assert first > 1_700_000_000
    await command_ends.note(engine, "check", succeeded=False)
    await command_ends.note(engine, "check", succeeded=True)
    await command_ends.look(engine)
    assert first < ended("check", "failed") < ended("check", "succeeded")
    assert ended("tick", "succeeded") == 0


def test_a_command_that_fails_is_noted_and_fails_as_it_did(new_database: Any) -> None:
    url = new_database("noted")
    with noted(url, "tick"):
        pass
    with pytest.raises(KeyError), noted(url, "backup"):
        raise KeyError
    with noted(url, "check") as end:
        end.succeeded = False
    with pytest.raises(ZeroDivisionError), noted("postgresql://127.0.0.1:1/x", "tick"):  # it is gone meanwhile
        raise ZeroDivisionError


def test_what_a_dead_worker_held_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each worker writes its own file; a sum over those of the dead would grow with every restart."""
    monkeypatch.setenv(figures.MULTIPROCESS, str(tmp_path))
    hold = (
        "from types import SimpleNamespace as N\n"
        "from app.core.quotas import Slots\n"
        "from app.core.serving import figures\n"
        "pool = N(checkedout=lambda: 3, size=lambda: 10)\n"
        "figures.hold(N(pool=pool), Slots('exports', 2), Slots('documents'))\n"
    )
    alive = subprocess.Popen(
        [sys.executable, "-c", f"{hold}print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert alive.stdout is not None
    alive.stdout.readline()
    subprocess.run([sys.executable, "-c", hold], check=True)
    registry = CollectorRegistry()
    OfTheLiving(registry)  # type: ignore[no-untyped-call]  # the library has no types
    told = generate_latest(registry).decode()
    assert 'rebond_pool_connections{state="in_use"} 3.0' in told
    assert 'rebond_pool_connections{state="size"} 10.0' in told
    assert 'rebond_places_in_use{of="exports"} 0.0' in told
    assert "rebond_build_info{" in told
    alive.communicate(b"\n")
    assert "rebond_pool_connections{" not in generate_latest(registry).decode()
