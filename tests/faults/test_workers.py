"""The life of two workers, real processes from their start on: what stops, what dies, what a death leaves."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.core.serving import server
from tests.commands.test_cli import a_stop_leaves_nothing, is_free, stands
from tests.processes import REBOND, Home, Service, eventually
from tests.world import ok


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_stop_of_two_workers_leaves_no_process(home: Home, number: signal.Signals) -> None:
    a_stop_leaves_nothing(home, number, workers=2)


def test_a_closed_terminal_ends_two_workers(home: Home) -> None:
    """The kernel sends SIGHUP to who has the terminal; without one it would replace the workers."""
    ours, theirs = os.openpty()
    take = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", take, *REBOND, "serve", "--port", "0", "--workers", "2"]
    with subprocess.Popen(
        command, cwd=home.path, env=home.environment(), stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(theirs)
        said = b""
        while b"Ctrl-C" not in said:
            said += os.read(ours, 65_536)
        assert eventually(lambda: len(workers(home)) == 2)
        os.close(ours)
        assert process.wait(timeout=60) == 0
    assert eventually(lambda: not home.processes())


def test_a_hangup_replaces_the_workers_one_by_one_and_loses_no_request(home: Home) -> None:
    with home.serving("--workers", "2", REBOND_DRAIN="1") as service, asking(service) as answers:
        first = workers(home)
        service.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: len(workers(home)) == 2 and not first & workers(home)), "not replaced"
        stands(service)
        asked = len(answers)
        assert eventually(lambda: len(answers) > asked + 20)
        assert set(answers) == {200}


@contextlib.contextmanager
def asking(service: Service) -> Iterator[list[int]]:
    """The statuses of what four callers ask meanwhile, each on one connection while it lasts; 0 for what was lost."""
    answers: list[int] = []
    done = threading.Event()

    def ask() -> None:
        with httpx2.Client(base_url=service.base, trust_env=False, verify=False, timeout=30) as client:
            while not done.is_set():
                try:
                    answers.append(client.get("/v1/me", headers={"Authorization": f"Bearer {key}"}).status_code)
                except httpx2.TransportError:
                    answers.append(0)
                done.wait(0.01)

    key = service.keys["operator"]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(ask)
        try:
            assert eventually(lambda: len(answers) > 10)
            yield answers
        finally:
            done.set()


def workers(home: Home) -> set[int]:
    return {pid for pid, command in home.processes().items() if "spawn_main" in command}


def test_two_workers_are_one_service_whatever_dies(home: Home) -> None:
    """One life of two workers: each of its parts is what a test of its own would start them for."""
    scratch = home.path / "tmp"
    scratch.mkdir()
    with home.serving("--workers", "2", TMPDIR=str(scratch)) as service:
        they_give_one_sum_and_no_request_id_twice(service, scratch)
        first = workers(home)
        os.kill(min(first), signal.SIGKILL)
        assert eventually(lambda: len(workers(home)) == 2 and min(first) not in workers(home)), "not replaced"
        stands(service)
        dead = left_in(scratch)
        service.stop(signal.SIGKILL)
        assert eventually(lambda: not home.processes()), "they outlive their supervisor"
        assert is_free(service.port)
    assert left_in(scratch) == dead
    assert len(dead) == 1
    # What a killed supervisor left is removed by the next, and nothing else.
    with home.serving("--workers", "2", TMPDIR=str(scratch)) as service:
        stands(service)
        living = left_in(scratch)
        assert len(living) == 1
        assert not living & dead
        with server_metrics(scratch) as another:
            assert left_in(scratch) == {*living, another}
        assert left_in(scratch) == living
        service.stop(signal.SIGTERM)
    assert list(scratch.iterdir()) == []


def they_give_one_sum_and_no_request_id_twice(service: Service, scratch: Path) -> None:
    ids: list[str] = []

    def call(_: int) -> str:
        answer = service.ask("GET", "/healthz")
        return ok(answer, 200) and str(answer.headers["x-request-id"])

    def both_have_answered() -> bool:
        with ThreadPoolExecutor(8) as pool:
            ids.extend(pool.map(call, range(16)))
        return len(list(scratch.glob("rebond-metrics-*/summary_*.db"))) == 2

    assert eventually(both_have_answered)
    assert len(set(ids)) == len(ids)
    assert eventually(lambda: counted(service) == len(ids))  # a worker counts a request once it has answered it
    assert [counted(service) for _ in range(8)] == [len(ids)] * 8


def counted(service: Service) -> float:
    """How many requests for /healthz whichever worker answers says that all have had."""
    families = text_string_to_metric_families(service.figures())
    samples = [sample for family in families for sample in family.samples]
    [said] = [s.value for s in samples if s.name == "rebond_route_seconds_count" and s.labels["route"] == "/healthz"]
    return said


def left_in(scratch: Path) -> set[Path]:
    return set(scratch.glob("rebond-metrics-*"))


@contextlib.contextmanager
def server_metrics(scratch: Path) -> Iterator[Path]:
    """The directory of another supervisor with the same temporary directory."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(scratch))
        with server.metrics_directory() as directory:
            yield Path(directory)
