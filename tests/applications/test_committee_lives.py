"""Any interleaving of contributions, decisions, withdrawals and reversals: held against a plain model.

How lives are drawn, told and kept: `tests/lives.py`.
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx2
import pytest

from app.core import clock
from tests.applications.acts import act, read
from tests.applications.meetings import DECIDED, admitted, contribute, decide, decision, frozen, item, meeting, replan
from tests.lives import FRESH, MORE, Act, Chance, Life, New, relived, seed_of, told
from tests.lives import STEPS as ASKED
from tests.world import World, ok

SEEDS = range(3)
STEPS = ASKED or 25
FILES = 4
STATES = {"pre_select": "pre_selected", "grant": "granted", "defer": "deferred", "reject": "rejected",
          "withdraw": "withdrawn"}  # fmt: skip
SOURCES = {
    "pre_select": {"admissible", "deferred"},
    "grant": {"pre_selected", "deferred"},
    "defer": {"admissible", "pre_selected", "deferred"},
    "reject": {"admissible", "pre_selected", "deferred"},
    "withdraw": {"admissible", "pre_selected", "deferred"},
}


@dataclass
class Done:
    """A decision that was taken, or a withdrawal (no meeting)."""

    outcome: str
    meeting: str = ""
    id: str = ""
    cents: int = 0


@dataclass
class File:
    """A file with the acts that stand on it."""

    object: dict[str, Any]
    standing: list[Done] = field(default_factory=list)
    silent: bool = False  # silence has decided it since a decision was reversed, and does after each act of that time

    @property
    def state(self) -> str:
        return STATES[self.standing[-1].outcome] if self.standing else "admissible"

    @property
    def shown(self) -> str:
        return "implicitly_rejected" if self.silent and self.state in SOURCES["defer"] else self.state


class CommitteeLife(Life):
    """Two territorial and two State-Region meetings, which all have every file on their agendas."""

    KINDS: ClassVar = ("money", "pre_select", "pre_select", "grant", "grant", "grant", "defer", "reject", "withdraw",
                       "declared", "reverse", "reverse", "simulate", "look", "reopen")  # fmt: skip

    def __init__(self, chance: Chance, world: World, files: list[File], meetings: dict[str, list[str]]) -> None:
        super().__init__(chance)
        self.engine: Any = None
        self.world, self.files, self.meetings = world, files, meetings
        self.available = self.number = 0
        self.made: dict[str, int] = dict.fromkeys([path for paths in meetings.values() for path in paths], 0)
        self.then: dict[str, Any] = {}

    @classmethod
    async def of(cls, world: World, chance: Chance) -> "CommitteeLife":
        files = [File(await admitted(world)) for _ in range(FILES)]
        meetings: dict[str, list[str]] = {}
        for level, proposal in (("territorial", "pre_select"), ("state_region", "grant")):
            meetings[level] = [await meeting(world, level, on=DECIDED) for _ in range(2)]
            for path in meetings[level]:
                await frozen(world, path, *(item(file.object, proposal) for file in files))
        return cls(chance, world, files, meetings)

    # --- acts --------------------------------------------------------------------------------------------------------

    async def money(self) -> bool:
        self.number += 1
        cents = self.chance.randint(50, 300)
        await contribute(self.world, cents, f"C-{self.number}")
        self.available += cents
        return True

    async def pre_select(self) -> bool:
        return await self._decide("pre_select", "territorial")

    async def grant(self) -> bool:
        return await self._decide("grant", "state_region", self.chance.randint(1, 150), self.chance.randint(0, 100))

    async def defer(self) -> bool:
        return await self._decide("defer", self.chance.choice(["territorial", "state_region"]))

    async def reject(self) -> bool:
        return await self._decide("reject", self.chance.choice(["territorial", "state_region"]))

    async def declared(self) -> bool:
        return await self._decide("withdraw", self.chance.choice(["territorial", "state_region"]))

    async def withdraw(self) -> bool:
        file = self.chance.choice(self.files)
        answer = await act(self.world, file.object["id"], "withdraw", DECIDED)
        if file.state in SOURCES["withdraw"]:
            ok(answer, 200)
            file.standing.append(Done("withdraw"))
            return True
        assert _code(answer) == "invalid-transition"
        return False

    async def reverse(self) -> bool | None:
        taken = [(file, done) for file in self.files for done in file.standing if done.meeting]
        if not taken:
            return None
        file, done = self.chance.choice(taken)
        path = f"{done.meeting}/decisions/{done.id}/reverse"
        answer = await self.world.clients["committee"].post(path, {"reason": "Misread."})
        if file.standing[-1] is not done:
            assert _code(answer) == "decision-followed"
            return False
        ok(answer, 200)
        file.standing.pop()
        file.silent = True
        if done.outcome == "grant":
            await replan(self.world, file.object)
        self.available += done.cents
        return True

    async def simulate(self) -> bool:
        path, left = self.meetings["state_region"][0], self.available
        asked = [decision(file.object, "grant", grant_cents=60, advance_cents=30) for file in self.files]
        found = ok(await decide(self.world, path, *asked, dry=True), 200)
        for file, each in zip(self.files, found["items"], strict=True):
            possible = self._refusal(file, "grant", path) is None and left >= 90
            left -= 90 if possible else 0
            assert (each["possible"], each["available_cents"]) == (possible, left)
        return True

    async def look(self) -> bool:
        """What was known yesterday stays what was known; then a day passes."""
        day = (clock.today() - timedelta(days=1)).isoformat()
        for known, answer in self.then.items():
            assert await self._known(known) == answer
        self.then[day] = await self._known(day)
        return True

    async def reopen(self) -> bool:
        """What was decided stays as it was sealed, on the next agenda too."""
        level = self.chance.choice(list(self.meetings))
        path = self.chance.choice(self.meetings[level])
        ok(await self.world.clients["territory"].post(f"{path}/agenda/reopen", {"reason": "Again."}), 200)
        assert _code(await decide(self.world, path, decision(self.files[0].object, "defer"))) == "agenda-not-frozen"
        ok(await self.world.clients["territory"].post(f"{path}/agenda/freeze"), 200)
        return True

    async def _known(self, day: str) -> Any:
        return ok(await self.world.auditor.get(f"envelope?as_of={DECIDED}&recorded_as_of={day}"), 200)

    async def _decide(self, outcome: str, level: str, grant_cents: int = 0, advance_cents: int = 0) -> bool:
        file, path = self.chance.choice(self.files), self.chance.choice(self.meetings[level])
        amounts = {"grant_cents": grant_cents, "advance_cents": advance_cents} if outcome == "grant" else {}
        answer = await decide(self.world, path, decision(file.object, outcome, **amounts))
        cents = grant_cents + advance_cents
        refused = self._refusal(file, outcome, path)
        if refused is None and outcome == "grant" and cents > self.available:
            refused = "envelope-exhausted"
        if refused is not None:
            assert _code(answer) == refused
            return False
        (made,) = ok(answer, 201)["items"]
        self.made[path] += 1
        assert made["number"] == self.made[path]
        file.standing.append(Done(outcome, path, made["id"], cents))
        self.available -= cents
        return True

    def _refusal(self, file: File, outcome: str, path: str) -> str | None:
        ended = file.state in ("pre_selected", "granted", "rejected") and file.state not in SOURCES[outcome]
        if ended or any(done.meeting == path for done in file.standing):
            return "already-decided"
        if outcome == "grant" and not any(done.outcome == "pre_select" for done in file.standing):
            return "application-not-ready"
        return None if file.state in SOURCES[outcome] else "invalid-transition"

    # --- what must hold ----------------------------------------------------------------------------------------------

    async def compare(self) -> None:
        assert [(await read(self.world, file.object))["state"] for file in self.files] == [
            file.shown for file in self.files
        ]
        envelope = ok(await self.world.auditor.get("envelope"), 200)
        assert envelope["available_cents"] == self.available
        assert sum(each["available_cents"] for each in envelope["by_contributor"]) == self.available

    async def close(self) -> None:
        await self.look()
        assert await self.world.differences(self.engine) == []


def _code(answer: httpx2.Response) -> str:
    assert answer.is_error, answer.text
    found: str = answer.json()["type"].removeprefix("/problems/")
    return found


def _lives(app: Any, http: Any, pool: Any) -> New:
    """Lives, each of a territory of its own."""

    async def new(chance: Chance) -> Life:
        life = await CommitteeLife.of(await World.create(http, pool), chance)
        life.engine = app.state["engine"]
        return life

    return new


@pytest.mark.parametrize("seed", [*SEEDS, *MORE, FRESH])
async def test_whatever_committees_do_the_model_agrees(app: Any, http: Any, pool: Any, seed: int | str) -> None:
    begun = datetime.now(UTC)

    new = _lives(app, http, pool)
    life = await new(Chance(seed_of(seed)))
    async with told(life, new):
        for step in range(STEPS):
            with ExitStack() as later:  # a day passes from act to act
                later.enter_context(clock.frozen(begun + timedelta(days=step)))
                await life.step()
                await life.compare()
                if step == STEPS - 1:
                    await life.close()


# Lives that failed once, cut down.
LIVES: dict[str, list[Act]] = {
    "a file is pre-selected again after a mistake, and granted": [
        ("pre_select", [3, 1]), ("reverse", [0]), ("pre_select", [3, 0]), ("grant", [4, 100, 3, 0]),
    ],
    "a file on which a withdrawal was a mistake, and then silence decided, is pre-selected a second time": [
        ("pre_select", [3, 0]), ("declared", [1, 3, 0]), ("reverse", [1]), ("pre_select", [3, 1]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", LIVES)
async def test_a_life_that_failed_once_agrees(app: Any, http: Any, pool: Any, name: str) -> None:
    new = _lives(app, http, pool)
    await relived(new, LIVES[name])
