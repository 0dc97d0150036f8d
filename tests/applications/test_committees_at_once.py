"""Whatever committees, funders and firms do at once: a plain model tells afterwards what must have come out.

Callers act by chance over real parallel connections, day after day. In which order their acts came, each file's history
says: a model replays it. What was answered to each caller says what money is left. A seed draws the acts, not their
order: `REBOND_MODEL_SEEDS` adds lives, and `make siege` runs many.
"""

import asyncio
import random
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import pytest

from app.commands.tick import take_silences
from app.core import clock
from tests.applications.acts import act, done, history, read
from tests.applications.meetings import (
    DECIDED,
    admitted,
    contribute,
    decide,
    decided,
    decision,
    frozen,
    item,
    meeting,
    replan,
)
from tests.applications.test_committee_lives import SOURCES, STATES
from tests.envelopes.acts import key
from tests.lives import FRESH, MORE, STEPS, seed_of
from tests.projects.acts import staff
from tests.world import World, ok

FILES, CALLERS, DAYS = 3, 6, 3
ACTS = STEPS or 4  # of a caller on a day
KINDS = ("money", "pre_select", "pre_select", "grant", "grant", "grant", "both", "both", "defer", "reject", "declared",
         "withdraw", "reverse", "reverse", "by_hand", "by_hand", "take_back", "reopen", "simulate", "tick")  # fmt: skip
REFUSALS = {
    "already-decided", "application-not-ready", "invalid-transition", "envelope-exhausted", "decision-followed",
    "decision-reversed", "agenda-frozen", "agenda-not-frozen", "award-ended", "stale-version", "already-exists",
}  # fmt: skip


@dataclass
class Basin:
    """A territory with files on the agendas of two meetings of each level, and what was answered so far."""

    world: World
    sessions: Any
    files: list[dict[str, Any]]
    meetings: dict[str, list[str]]
    contributed: int = 0
    number: int = 0
    decisions: dict[str, tuple[str, int]] = field(default_factory=dict)  # those that stand: where, and for how much
    awards: dict[str, int] = field(default_factory=dict)  # of decisions taken elsewhere, those that stand
    answers: Counter[str] = field(default_factory=Counter)

    @classmethod
    async def of(cls, world: World, sessions: Any) -> "Basin":
        files = [await admitted(world) for _ in range(FILES)]
        for file in files:
            await done(world, file, "extend", "2024-04-01")
        meetings: dict[str, list[str]] = {}
        for level, proposal in (("territorial", "pre_select"), ("state_region", "grant")):
            meetings[level] = [await meeting(world, level) for _ in range(2)]
            for path in meetings[level]:
                await frozen(world, path, *(item(file, proposal) for file in files))
        await world.add_subject(world.pool, "second", "office", "funder")
        basin = cls(world, sessions, files, meetings)
        path = meetings["territorial"][0]
        for made in await decided(world, path, *(decision(file) for file in files)):
            basin.decisions[made["id"]] = path, 0
        return basin

    async def caller(self, chance: random.Random) -> None:
        """Acts by chance, one after the other."""
        for _ in range(ACTS):
            kind = chance.choice(KINDS)
            response = await getattr(self, kind)(chance)
            if response is None:
                continue
            code = response.json()["type"].removeprefix("/problems/") if response.is_error else "done"
            assert code in {"done", *REFUSALS}, f"{kind}: {response.text}"
            self.answers[f"{kind} {code}"] += 1

    # --- acts --------------------------------------------------------------------------------------------------------

    async def money(self, chance: random.Random) -> None:
        self.number += 1
        cents = chance.randint(50, 300)
        await contribute(self.world, cents, f"C-{self.number}")
        self.contributed += cents

    async def pre_select(self, chance: random.Random) -> httpx2.Response:
        return await self._decide(chance, "territorial", "pre_select")

    async def grant(self, chance: random.Random) -> httpx2.Response:
        return await self._decide(chance, "state_region", "grant")

    async def both(self, chance: random.Random) -> httpx2.Response:
        return await self._decide(chance, "state_region", "grant", files=2)

    async def defer(self, chance: random.Random) -> httpx2.Response:
        return await self._decide(chance, chance.choice(list(self.meetings)), "defer")

    async def reject(self, chance: random.Random) -> httpx2.Response:
        return await self._decide(chance, chance.choice(list(self.meetings)), "reject")

    async def declared(self, chance: random.Random) -> httpx2.Response:
        return await self._decide(chance, chance.choice(list(self.meetings)), "withdraw")

    async def withdraw(self, chance: random.Random) -> httpx2.Response | None:
        if chance.random() < 0.7:
            return None  # seldom, for it is final
        return await act(self.world, chance.choice(self.files)["id"], "withdraw", DECIDED)

    async def reverse(self, chance: random.Random) -> httpx2.Response | None:
        if not self.decisions:
            return None
        decision_id = chance.choice(list(self.decisions))
        path, _ = self.decisions[decision_id]
        answer = await self.world.clients["committee"].post(
            f"{path}/decisions/{decision_id}/reverse", {"reason": "Misread."}
        )
        if answer.is_success:
            del self.decisions[decision_id]
            await self._replan()
        return answer

    async def by_hand(self, chance: random.Random) -> httpx2.Response:
        """An award that was decided elsewhere, of the one decision or of another."""
        file, cents = chance.choice(self.files), chance.randint(1, 100)
        body = {"siren": file["siren"], "project_title": "Atelier", "amount_cents": cents, "decided_on": DECIDED,
                "decision_reference": f"E-{file['siren']}-{chance.randint(0, 1)}",
                "application_id": file["id"]}  # fmt: skip
        terms = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2024-12-31"}
        kind = chance.choice(["grants", "advances"])
        more = {"terms": terms} if kind == "advances" else {}
        answer = await self.world.clients["second"].post(kind, body | more, headers=key())
        if answer.is_success:
            self.awards[f"{kind}/{answer.json()['id']}"] = cents
        return answer

    async def take_back(self, chance: random.Random) -> httpx2.Response | None:
        if not self.awards:
            return None
        path = chance.choice(list(self.awards))
        answer = await self.world.clients["second"].post(
            f"{path}/reverse", {"reason": "Mistaken."}, headers={"If-Match": '"1"'}
        )
        if answer.is_success:
            del self.awards[path]
            await self._replan()
        return answer

    async def reopen(self, chance: random.Random) -> httpx2.Response:
        path = chance.choice(self.meetings[chance.choice(list(self.meetings))])
        answer = await staff(self.world).post(f"{path}/agenda/reopen", {"reason": "Again."})
        await staff(self.world).post(f"{path}/agenda/freeze")
        return answer

    async def simulate(self, chance: random.Random) -> httpx2.Response:
        path = chance.choice(self.meetings["state_region"])
        asked = [decision(file, "grant", grant_cents=5, advance_cents=5) for file in self.files]
        return await decide(self.world, path, *asked, dry=True)

    async def tick(self, _: random.Random) -> None:
        await take_silences(self.sessions, date(2025, 1, 1))

    async def _decide(self, chance: random.Random, level: str, outcome: str, files: int = 1) -> httpx2.Response:
        path, cents = chance.choice(self.meetings[level]), chance.randint(1, 100)
        amounts = {"grant_cents": cents, "advance_cents": cents} if outcome == "grant" else {}
        chosen = chance.sample(self.files, files)  # in any order
        answer = await decide(self.world, path, *(decision(file, outcome, **amounts) for file in chosen))
        for made in answer.json()["items"] if answer.is_success else []:
            self.decisions[made["id"]] = path, made["grant_cents"] * (outcome == "grant") * 2
        return answer

    async def _replan(self) -> None:
        """An award that was taken back has left its plan a draft."""
        for file in self.files:
            if (await read(self.world, file))["state"] != "granted":
                answer = await self.world.clients["territory"].get(f"projects/{file['project_id']}/financing")
                if answer.json()["status"] == "draft":
                    await replan(self.world, file)

    # --- what must hold ----------------------------------------------------------------------------------------------

    async def agrees(self) -> None:
        """The files are what their histories come to, the money is what was answered, and no number is left out."""
        for file in self.files:
            standing: list[str] = []
            for each, _ in await history(self.world, file):
                if each == "reverse_decision":
                    standing.pop()
                elif each in STATES:
                    state = STATES[standing[-1]] if standing else "admissible"
                    assert state in SOURCES[each], (each, standing)
                    assert each != "grant" or "pre_select" in standing
                    standing.append(each)
            expected = STATES[standing[-1]] if standing else "admissible"
            assert (await read(self.world, file))["state"] == expected
        left = self.contributed - sum(cents for _, cents in self.decisions.values()) - sum(self.awards.values())
        envelope = ok(await self.world.auditor.get("envelope"), 200)
        assert envelope["available_cents"] == sum(each["available_cents"] for each in envelope["by_contributor"])
        assert envelope["available_cents"] == left >= 0
        lowest = "SELECT min(closing_cents) FROM account_days WHERE territory = $1"
        assert (await self.world.pool.fetchval(lowest, self.world.territory) or 0) >= 0
        for path in (path for paths in self.meetings.values() for path in paths):
            made = ok(await staff(self.world).get(f"{path}/decisions?limit=500"), 200)["items"]
            assert sorted(each["number"] for each in made) == list(range(1, len(made) + 1))
            assert {each["id"] for each in made if each["reversed_at"] is None} == {
                decision_id for decision_id, (where, _) in self.decisions.items() if where == path
            }

    async def known(self, day: str) -> Any:
        return ok(await self.world.auditor.get(f"envelope?as_of={DECIDED}&recorded_as_of={day}"), 200)


@pytest.mark.parametrize("seed", [*MORE, FRESH])
async def test_whatever_many_do_at_once_a_model_agrees_with_what_came_out(
    world: World, app: Any, seed: int | str
) -> None:
    chosen = seed_of(seed)
    basin = await Basin.of(world, app.state["sessions"])
    await basin.money(random.Random(chosen))
    begun, then = datetime.now(UTC), dict[str, Any]()
    for day in range(DAYS):
        with ExitStack() as later:
            later.enter_context(clock.frozen(begun + timedelta(days=day)))
            await asyncio.gather(*(basin.caller(random.Random(f"{chosen} {day} {n}")) for n in range(CALLERS)))
            await basin.agrees()
            for past, told in then.items():
                assert await basin.known(past) == told
            yesterday = (clock.today() - timedelta(days=1)).isoformat()
            then[yesterday] = await basin.known(yesterday)
    print(dict(basin.answers))
    assert await world.differences(app.state["engine"]) == []
