"""The service, its processes and its database, under writers who send until they are answered.

REBOND_SIEGE_ROUNDS says how many deaths a story has, REBOND_SIEGE_SEED repeats their order and the moments chosen.
"""

import asyncio
import contextlib
import http.client
import json
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import pytest

from app.core.problems import CATALOGUE
from tests.contract.server import Answer, answer_on, message
from tests.processes import Home, Service, eventually, loaded_home
from tests.world import Mission, World, dumps

ROUNDS = int(os.environ.get("REBOND_SIEGE_ROUNDS", "60"))
SEED = int(os.environ.get("REBOND_SIEGE_SEED") or random.SystemRandom().randrange(2**32))
FIGURES: Counter[str] = Counter()  # what the run has done, for its last lines
os.environ["REBOND_SIEGE_SEED"] = str(SEED)  # the same in each worker of pytest-xdist
RECOVERIES: dict[str, list[float]] = {}  # by what died: seconds from the database's first answer to the service's


@dataclass
class Ground:
    """A territory in the service's database, ready for writes."""

    world: World
    mission: Mission
    firm: str
    people: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"/v1/territories/{self.world.territory}"

    def key(self, role: str) -> str:
        return self.world.clients[role].key


def new_ground(home: Home, base: str, *, people: int) -> Ground:
    """A territory with a large envelope and a mission of many days, on which so many consultants work."""

    async def make() -> Ground:
        async with (
            httpx2.AsyncClient(base_url=base, trust_env=False, timeout=30) as http,
            asyncpg.create_pool(home.address(), min_size=1, max_size=2) as pool,
        ):
            world = await World.create(http, pool)
            mission = await world.mission(days=90_000, starts_on="2000-01-01", ends_on="2100-01-01")
            ground = Ground(world, mission, await world.followed_firm())
            for _ in range(people):
                body = {"person_id": str(await world.add_person()), "mission_id": mission.id, "from_on": "2000-01-01"}
                made = await world.operator.post("consultants", body)
                ground.people.append(made.json()["id"])
            contribution = {
                "organisation_id": str(world.organisations["office"]), "amount_cents": 900_000_000_00,
                "decided_on": "2023-06-14", "reference": "R",
            }  # fmt: skip
            once = {"Idempotency-Key": str(uuid4())}
            made = await world.programme.post("envelope/contributions", contribution, headers=once)
            assert made.status_code == 201, made.text
            return ground

    return asyncio.run(make())


@dataclass
class Intention:
    """Something that a client wants once, and the answer that acknowledged it."""

    path: str
    role: str
    body: dict[str, Any]
    key: str = field(default_factory=lambda: str(uuid4()))
    answer: bytes = b""

    @property
    def id(self) -> str:
        return str(json.loads(self.answer)["id"])


class Siege:
    """Writers who send each request until it is acknowledged, whatever dies meanwhile."""

    def __init__(self, home: Home, ground: Ground, service: Service) -> None:
        self.home, self.ground, self.service = home, ground, service
        self.done: list[Intention] = []
        self.faults: list[str] = []
        self.seen: Counter[str] = Counter()
        self.last_words = ""  # what dead services have logged
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(number,)) for number in range(len(ground.people) + 2)
        ]

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Write during the block; at its end every request begun is sent until it is acknowledged."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join(120)
        assert not any(thread.is_alive() for thread in self._threads), "a writer got no answer in two minutes"
        self.nothing_wrong()

    def nothing_wrong(self) -> None:
        """No writer was answered what it should not have been, and the service has met no bug."""
        said = self.last_words + self.service.errors()
        odd = [line for line in said.splitlines() if "unexpected_error" in line or "broken" in line]
        assert not self.faults, "\n".join(self.faults[:3] + odd[:3])
        assert not odd, odd[0]

    def after(self, more: int) -> None:
        """Wait for so many acknowledgements more."""
        wanted = len(self.done) + more
        assert eventually(lambda: len(self.done) >= wanted or bool(self.faults), 90), "the writers are stuck"
        self.nothing_wrong()

    def _write(self, number: int) -> None:
        turn = 0
        try:
            while not self._ended.is_set():
                turn += 1
                self._until_acknowledged(self._intention(number, turn))
        except Exception as error:  # noqa: BLE001  # told by the main thread
            self.faults.append(repr(error))

    def _intention(self, number: int, turn: int) -> Intention:
        ground = self.ground
        if number < len(ground.people):
            day = time.strftime("%Y-%m-%d", time.gmtime(946_684_800 + 86_400 * turn))  # from 2000-01-01 on
            entry = ground.mission.entry(worked_on=day, days=0.25, external_id=f"{number}-{turn}")
            return Intention("time-entries", "consultant", entry | {"consultant_id": ground.people[number]})
        award = {
            "siren": ground.firm, "project_title": "Atelier", "amount_cents": 100 + turn,
            "decided_on": "2023-10-03", "decision_reference": f"{number}-{turn}",
        }  # fmt: skip
        return Intention("grants", "funder", award)

    def _until_acknowledged(self, wish: Intention) -> None:
        while True:
            answer = self.send(wish)
            if answer is not None and answer.status == 201:
                wish.answer = answer.body
                self.done.append(wish)
                return
            time.sleep(0.02)

    def send(self, wish: Intention) -> Answer | None:
        """Once; None where nobody answers. Only what tells the client to come again may be answered otherwise."""
        body = dumps(wish.body)
        fields: dict[str, str | bytes] = {
            "Host": "rebond.test",
            "Authorization": f"Bearer {self.ground.key(wish.role)}",
            "Content-Type": "application/json",
            "Idempotency-Key": wish.key,
        }
        try:
            with socket.create_connection(("127.0.0.1", self.service.port), timeout=60) as connection:
                connection.sendall(message("POST", f"{self.ground.base}/{wish.path}", fields, body))
                answer = answer_on(connection)
        except (OSError, http.client.IncompleteRead):  # a worker died before, or in the middle of what it said
            self.seen["no answer"] += 1
            return None
        self.seen[str(answer.status)] += 1
        if answer.status != 201:
            code = answer.json["type"].removeprefix("/problems/")
            told = f"{wish} → {answer.status} {answer.body!r}"
            assert code in ("database-unavailable", "busy", "idempotency-key-in-use"), told
            assert int(answer.headers["retry-after"]) > 0, told
            assert CATALOGUE[code].status == answer.status, told
        return answer


def holds_what_it_acknowledged(siege: Siege) -> None:
    """Nothing acknowledged is lost, no key has worked twice, and every balance is what it sums up."""
    territory = siege.ground.world.territory
    for path, table, name in (
        ("time-entries", "time_entries", "external_id"),
        ("grants", "grants", "decision_reference"),
    ):
        wishes = [wish for wish in siege.done if wish.path == path]
        assert wishes
        stored = siege.home.ask(f"SELECT id::text, {name} FROM {table} WHERE territory = $1", territory)
        assert Counter(row[1] for row in stored) == Counter(wish.body[name] for wish in wishes)
        assert {row[0] for row in stored} == {wish.id for wish in wishes}
        kind = {"time_entries": "time_entry.created", "grants": "grant.awarded"}[table]
        told = siege.home.ask("SELECT resource_id FROM events WHERE territory = $1 AND type = $2", territory, kind)
        assert Counter(row[0] for row in told) == Counter(wish.id for wish in wishes)
    for wish in random.Random(SEED).sample(siege.done, min(40, len(siege.done))):
        again = siege.send(wish)
        assert again is not None
        assert (again.status, again.headers["idempotency-replayed"]) == (201, "true")
        assert again.body == wish.answer
    checked = siege.home.said("check")
    assert checked.endswith(" 0 differ\n"), checked
    FIGURES["writes acknowledged"] += len(siege.done)
    for seen, count in siege.seen.items():
        FIGURES[f"answers {seen}"] += count


@pytest.fixture
def home() -> Iterator[Home]:
    """A place in which the service was started once, and stopped; its supervisor is forked, its workers are spawned."""
    with loaded_home() as made:
        yield made


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands over what it has survived."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["survived"] = [dict(FIGURES), RECOVERIES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker has survived is added up."""
    figures, recoveries = getattr(node, "workeroutput", {}).get("survived", ({}, {}))
    FIGURES.update(figures)
    for what, seconds in recoveries.items():
        RECOVERIES.setdefault(what, []).extend(seconds)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was survived: among the last lines of `make siege`."""
    if not FIGURES:
        return
    write = terminalreporter.write_line
    write("")
    for name, count in sorted(FIGURES.items()):
        write(f"{count:>8} {name}")
    for what, seconds in RECOVERIES.items():
        slowest, middle = max(seconds), sorted(seconds)[len(seconds) // 2]
        write(f"the service answers again after {what}: median {middle:.2f} s, slowest {slowest:.2f} s")
    write(f"again: REBOND_SIEGE_SEED={SEED} make siege")
