"""`rebond serve` with two workers on its bundled database, besieged; and how much was sent.

REBOND_SIEGE_EXAMPLES says how many requests of a kind are made up, REBOND_SIEGE_SECONDS how long a phase of the
document's tests may take, REBOND_SIEGE_SEED repeats a run.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx2
import pytest

from tests import directory, processes
from tests.contract import server
from tests.contract.conftest import Known, one_of_everything
from tests.contract.test_document import SEED
from tests.world import World

EXAMPLES = int(os.environ.get("REBOND_SIEGE_EXAMPLES", "100"))
SECONDS = int(os.environ.get("REBOND_SIEGE_SECONDS", "90"))
SENT: Counter[tuple[str, str, int]] = Counter()  # by kind of test, operation and status
os.environ["REBOND_SIEGE_SEED"] = str(SEED)  # the same in each worker of pytest-xdist


class Fortress:
    """The service under siege, and new worlds in its database."""

    def __init__(self, home: processes.Home, service: processes.Service) -> None:
        self.home, self.base = home, service.base
        self.service = server.Service(service.port, service.figures_port, home.path / "stderr", service.process)  # type: ignore[arg-type]  # text or bytes, it is waited for alone

    def new_world(self) -> Known:
        """A fresh territory with one of everything; the keys of a world may not outlive what is done to it."""

        async def make() -> Known:
            async with (
                httpx2.AsyncClient(base_url=self.base, trust_env=False, timeout=30) as http,
                asyncpg.create_pool(self.home.address(), min_size=1, max_size=2) as pool,
            ):
                return await one_of_everything(await World.create(http, pool))

        return asyncio.run(make())


@pytest.fixture(scope="session")
def fortress() -> Iterator[Fortress]:
    """After the siege: it still answers, no request has met a bug or a deadlock, every balance is what it sums up."""
    with (
        directory.running() as known_firms,
        processes.loaded_home(from_nothing=True) as home,
        home.serving("--workers", "2", REBOND_DIRECTORY_URL=known_firms.url) as service,
    ):
        yield Fortress(home, service)
        assert service.ask("GET", "/readyz").status_code == 200
        log = service.errors()
        for word in ("unexpected_error", "broken_answer", '"deadlock"'):
            assert word not in log, [line for line in log.splitlines() if word in line][:3]
        assert home.said("check").endswith(" 0 differ\n")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands over what it has sent."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["sent"] = [[*sent, count] for sent, count in SENT.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker has sent is added up."""
    for kind, operation, status, count in getattr(node, "workeroutput", {}).get("sent", ()):
        SENT[kind, operation, status] += count


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many requests were sent, of which kind and to which end: among the last lines of `make siege`."""
    if not SENT:
        return
    by_kind: dict[str, Counter[int]] = {}
    operations: dict[str, set[str]] = {}
    for (kind, operation, status), count in SENT.items():
        by_kind.setdefault(kind, Counter())[status] += count
        operations.setdefault(kind, set()).add(operation)
    write = terminalreporter.write_line
    write("")
    for kind, statuses in by_kind.items():
        said = " ".join(f"{status}:{count}" for status, count in sorted(statuses.items()))
        write(f"{kind:>10} {statuses.total():>8} requests, {len(operations[kind]):>3} operations   {said}")
    write(f"{sum(SENT.values())} requests sent; again: REBOND_SIEGE_SEED={SEED} make siege")
