"""kill -9 of the workers in the middle of a file of 40 000 lines, of which each 500 are committed."""

import os
import random
import signal
import time
from collections import Counter

import httpx2

from app.core.values import siren_from
from tests.faults.conftest import FIGURES, ROUNDS, SEED
from tests.faults.test_workers import workers
from tests.processes import Home, Service, eventually
from tests.world import ok

LINES = 40_000 if ROUNDS > 10 else 4_000
DEATHS = 4 if ROUNDS > 10 else 1  # an import is tried five times
WRONG = 500  # each of so many lines has a SIREN that is none

EVENTS = "SELECT resource_id FROM events WHERE request_id = $1 AND type = 'firm.created'"


def file_of(first: int) -> tuple[list[str], bytes]:
    """Firms, and the file that names them among lines that are wrong."""
    sirens = [siren_from(first + n) for n in range(LINES)]
    good = [siren for n, siren in enumerate(sirens) if n % WRONG]
    lines = [f"{siren if n % WRONG else '123456789'};Atelier {n};25.62B" for n, siren in enumerate(sirens)]
    return good, ("siren;raison sociale;code APE\n" + "\n".join(lines) + "\n").encode()


def sent(service: Service, content: bytes) -> str:
    with httpx2.Client(base_url=service.base, trust_env=False, verify=False, timeout=60) as client:
        headers = {"Authorization": f"Bearer {service.keys['territory']}", "Content-Type": "text/csv"}
        answer = client.post("/v1/imports?kind=firms&on_error=skip", content=content, headers=headers)
    return str(ok(answer, 202)["id"])


def test_an_import_goes_on_after_each_death_and_does_nothing_twice(home: Home) -> None:
    moments = random.Random(SEED)
    sirens, content = file_of(40_000_000)
    with home.serving("--workers", "2") as service:
        id_ = sent(service, content)

        def reached() -> tuple[int, str]:
            [row] = home.ask("SELECT written_to, status FROM imports WHERE id = $1", id_)
            return row[0], row[1]

        for death in range(DEATHS):
            before = reached()[0]
            wanted = before + moments.randrange(1, LINES // (2 * DEATHS))
            assert eventually(lambda least=wanted: reached()[0] > least or reached()[1] != "running", 90)  # type: ignore[misc]
            if death == 0:
                assert reached()[1] == "running", "it ended before anything died"
            time.sleep(moments.random() * 0.05)
            for pid in workers(home):
                os.kill(pid, signal.SIGKILL)
            # As if half a minute had passed without a sign of life.
            home.ask("UPDATE imports SET heartbeat_at = heartbeat_at - interval '1 minute' WHERE id = $1", id_)
            assert eventually(lambda: len(workers(home)) == 2), "not replaced"
        assert eventually(lambda: reached()[1] not in ("queued", "running"), 180)
        [ended] = home.ask("SELECT * FROM imports WHERE id = $1", id_)
        told = home.ask(EVENTS, f"import-{id_}")
        stored = home.ask("SELECT siren FROM firms WHERE siren = ANY($1)", sirens)
        faults = home.ask("SELECT line, severity FROM import_problems WHERE import_id = $1", id_)
        ends = home.ask("SELECT 1 FROM events WHERE resource_id = $1 AND type = 'import.finished'", id_)
    wrong = LINES - len(sirens)
    assert (ended["status"], ended["attempts"]) == ("succeeded", DEATHS + 1)
    assert (ended["rows_read"], ended["rows_created"], ended["rows_skipped"]) == (LINES, len(sirens), wrong)
    assert (ended["rows_updated"], ended["rows_unchanged"], ended["reader_deaths"]) == (0, 0, 0)
    assert len(stored) == len(sirens)
    assert Counter(row[0] for row in told) == Counter(sirens), "an event is missing, or there twice"
    assert Counter(row[0] for row in faults if row[1] == "blocking") == Counter(
        n + 2 for n in range(LINES) if n % WRONG == 0
    )
    assert len(ends) == 1
    assert home.said("check").endswith(" 0 differ\n")
    FIGURES["lines imported across deaths"] += LINES
