"""kill -9 of whatever runs, at random moments, under writers who repeat with their keys until they are acknowledged."""

import contextlib
import fcntl
import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import httpx2

from tests.commands.test_cli import attempt, die_at, the_demonstration_is_whole
from tests.faults.conftest import (
    FIGURES,
    RECOVERIES,
    ROUNDS,
    SEED,
    Siege,
    holds_what_it_acknowledged,
    new_ground,
)
from tests.processes import Home, Service, eventually, new_home

BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'rebond' AND datname = current_database()"
KINDS = ["worker", "backend", "database", "service", "keeper"]
COMES_BACK_S = 30.0  # five seconds are promised; a machine that does much else besides may take longer


def pids(home: Home, word: str) -> list[int]:
    """The place's processes with this word in their command line."""
    return sorted(pid for pid, command in home.processes().items() if word in command)


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def answers(service: Service, path: str = "/readyz") -> bool:
    try:
        return service.ask("GET", path).status_code == 200
    except httpx2.TransportError:
        return False


def database_answers(home: Home) -> bool:
    try:
        return bool(home.ask("SELECT 1"))
    except Exception:  # noqa: BLE001  # it refuses, starts, or hangs up in the middle
        return False


def test_a_death_while_the_demonstration_is_loaded_is_made_good_by_the_next_start() -> None:
    def has(query: str) -> Callable[[], bool]:
        return lambda: attempt(lambda: home.ask(query)) != []

    with new_home() as home:
        moments = [
            has("SELECT 1 FROM pg_tables WHERE tablename = 'alembic_version'"),
            has("SELECT 1 FROM organisations"),
            has("SELECT 1 FROM territories"),
            has("SELECT 1 FROM missions"),
            has("SELECT 1 FROM time_entries"),
            has("SELECT 1 FROM time_entries WHERE validated_by IS NOT NULL"),  # and stays so once certified
            (home.data / "demo-keys.json").exists,
        ]
        die_at(home, moments)
        the_demonstration_is_whole(home)


def test_nothing_acknowledged_is_lost_and_no_key_works_twice_whatever_dies(home: Home) -> None:
    print(f"REBOND_SIEGE_SEED={SEED}")  # shown where the test fails
    chance = random.Random(SEED)
    order = [kind for _ in range(-(-ROUNDS // len(KINDS))) for kind in chance.sample(KINDS, len(KINDS))][:ROUNDS]
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(home.serving("--workers", "2"))
        siege = Siege(home, new_ground(home, service.base, people=4), service)
        with siege.under_way():
            for kind in order:
                siege.after(chance.randint(1, 30))
                time.sleep(chance.uniform(0, 0.02))  # anywhere in the middle of the writes under way
                if kind == "service":
                    siege.service.stop(signal.SIGKILL)
                    # As a service manager would: at once, while what is left of the old one still ends.
                    assert eventually(lambda: not pids(home, "spawn_main")), "its workers hold the port"
                    siege.last_words += siege.service.errors()
                    siege.service = stack.enter_context(home.serving("--workers", "2", "--port", str(service.port)))
                else:
                    strike(home, kind, chance)
                print(f"{time.monotonic():.1f} s: {kind}, {len(siege.done)} acknowledged, {dict(siege.seen)}")
                FIGURES[f"times kill -9 of a {kind}"] += 1
                siege.after(1)
            siege.after(20)
        holds_what_it_acknowledged(siege)
        siege.nothing_wrong()


def strike(home: Home, kind: str, chance: random.Random) -> None:
    """kill -9 of one of this kind, and wait until there is another."""
    if kind == "worker":
        victim = chance.choice(pids(home, "spawn_main"))
        kill(victim)
        assert eventually(lambda: len(pids(home, "spawn_main")) == 2 and victim not in pids(home, "spawn_main"))
    elif kind == "keeper":
        for victim in pids(home, "keeper.py"):
            kill(victim)
    else:
        backends = [row[0] for row in home.ask(BACKENDS)]
        before = home.postmaster()
        if kind == "backend":  # its postmaster ends all others and recovers
            kill(chance.choice(backends))
        else:
            kill(before)
            assert eventually(lambda: (home.data / "pg/postmaster.pid").exists() and home.postmaster() != before)


@contextlib.contextmanager
def kept_away(home: Home) -> Iterator[None]:
    """The bundled server dies, and cannot be started again before the end of the block."""
    with (home.data / "start.lock").open("r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kill(home.postmaster())
        yield


def test_without_its_database_the_service_says_so_and_when_to_come_again(home: Home) -> None:
    with home.serving("--workers", "2") as service:
        ground = new_ground(home, service.base, people=1)
        siege = Siege(home, ground, service)
        for _ in range(max(1, ROUNDS // 5)):
            with kept_away(home):
                assert eventually(lambda: not answers(service))
                for _ in range(4):  # both workers
                    for method, path, role in (
                        ("GET", f"{ground.base}/time-entries", "operator"),
                        ("GET", f"{ground.base}/summary", "operator"),
                        ("GET", "/v1/events", "operator"),
                        ("GET", "/v1/me", "consultant"),
                        ("PATCH", f"{ground.base}/missions/{ground.mission.id}", "operator"),
                    ):
                        body = {"name": "Other"} if method == "PATCH" else None
                        answer = service.ask(method, path, ground.key(role), json=body)
                        assert answer.status_code == 503, (path, answer.text)
                        assert answer.headers["content-type"] == "application/problem+json"
                        assert answer.json()["type"] == "/problems/database-unavailable"
                        assert answer.headers["retry-after"] == "2"
                    assert service.ask("GET", "/healthz").status_code == 200
                    assert "rebond_request_seconds" in service.figures()
                refused = siege.send(siege._intention(0, 1))
                assert refused is not None
                assert refused.status == 503
                # A worker that starts now must not end the service: it waits for the database as the others do.
                before = service.errors().count("waiting_for_the_database")
                strike(home, "worker", random.Random(SEED))
                assert eventually(lambda: service.errors().count("waiting_for_the_database") > before)  # noqa: B023  # called at once
            assert eventually(lambda: database_answers(home), COMES_BACK_S)
            back = time.monotonic()
            assert eventually(lambda: answers(service), COMES_BACK_S)
            RECOVERIES.setdefault("its database's return", []).append(time.monotonic() - back)
            FIGURES["times the database was kept away"] += 1
        accepted = siege.send(siege._intention(0, 1))
        assert accepted is not None
        assert accepted.status == 201
        siege.nothing_wrong()
