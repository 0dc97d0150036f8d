"""What the metrics tell of a worker and of the commands that a timer runs."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from app.commands.database import noted
from app.core import command_ends
from app.core.db import create_engine
from app.core.serving.operations_port import OfTheLiving
from app.core.serving.routing import Route
from app.core.serving.shell import REQUESTS
from app.main import create_app
from app.settings import Settings
from tests.processes import eventually


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


def test_what_a_dead_worker_held_is_forgotten(tmp_path: Path) -> None:
    """Each worker writes its own file; a sum over those of the dead would grow with every restart."""
    hold = (
        "from types import SimpleNamespace as N\n"
        "from app.core.quotas import Slots\n"
        "from app.core.serving import figures\n"
        "pool = N(checkedout=lambda: 3, size=lambda: 10)\n"
        f"figures.share({str(tmp_path)!r})\n"
        "figures.hold(N(pool=pool), exports=Slots('exports', 2), documents=Slots('documents'))\n"
    )
    alive = subprocess.Popen(
        [sys.executable, "-c", f"{hold}print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert alive.stdout is not None
    alive.stdout.readline()
    subprocess.run([sys.executable, "-c", hold], check=True)
    registry = CollectorRegistry()
    OfTheLiving(registry, str(tmp_path))
    told = generate_latest(registry).decode()
    assert 'rebond_pool_connections{state="in_use"} 3.0' in told
    assert 'rebond_pool_connections{state="size"} 10.0' in told
    assert 'rebond_places_in_use{of="exports"} 0.0' in told
    assert "rebond_build_info{" in told
    alive.communicate(b"\n")
    assert "rebond_pool_connections{" not in generate_latest(registry).decode()


HELD_UP = """
import signal, sys, threading, time
from app.core.serving import figures, operations_port, profiles
from app.core import command_ends

def busy_with_much():
    until = time.monotonic() + 30  # a worker that lets go of nothing but the interpreter's lock
    while time.monotonic() < until:
        pass

with operations_port.answered("127.0.0.1", 0, sys.argv[1]) as port:
    figures.share(sys.argv[1])
    command_ends.ENDED.labels("tick", "failed").set(7)
    with profiles.offered(sys.argv[1]):
        print(port, flush=True)
        busy_with_much()
"""


def asked(port: int, path: str) -> tuple[int, str]:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=False, timeout=20) as client:
        answer = client.get(path)
        return answer.status_code, answer.text


def refused(port: int) -> bool:
    try:
        asked(port, "/metrics")
    except httpx2.TransportError:
        return True
    return False


def test_the_operations_port_is_answered_beside_a_worker_that_is_held_up(tmp_path: Path) -> None:
    """Also where its process does not run at all; and it ends with it."""
    place = tmp_path / ("long" * 30)  # no address of a socket has room for it
    place.mkdir()
    with subprocess.Popen([sys.executable, "-c", HELD_UP, str(place)], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        port = int(worker.stdout.readline())
        code, said = asked(port, "/profile?seconds=1")
        worker.send_signal(signal.SIGSTOP)
        figure = 'rebond_command_ended_timestamp_seconds{command="tick",end="failed"} 7.0'
        assert figure in asked(port, "/metrics")[1]
        wrong = [asked(port, path)[0] for path in ("/", *(f"/profile?seconds={given}" for given in ("61", "0", "x")))]
        assert wrong == [404, 400, 400, 400]
        worker.kill()
    stacks = [line.rpartition(" ") for line in said.splitlines()]
    looks = {stack: int(number) for stack, _, number in stacks}
    assert code == 200
    assert looks[f"worker_{worker.pid};__main__.<module>;__main__.busy_with_much"] > 20
    assert eventually(lambda: refused(port))


def test_there_are_few_series() -> None:
    """Of what each route and each method may have, whatever is asked."""
    app = create_app(Settings(_env_file=None, database_url="postgresql+asyncpg://x/x"))
    asked = {
        (method, route.path_format)
        for route in app.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    of_a_histogram = len(REQUESTS._upper_bounds) + 2
    assert len(REQUESTS._labelnames) == 1
    assert len(asked) > 500
    assert 2 * len(asked) + of_a_histogram * len({method for method, _ in asked}) < 2_000
