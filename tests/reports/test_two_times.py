"""What a report said at the end of a day it says for ever: every report for every past pair of days."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import httpx2
import pytest

from app.core.clock import PARIS
from app.projects.queries import PROJECTS
from tests.conftest import Frozen
from tests.envelopes.acts import Acts, key
from tests.lives import FRESH, MORE, seed_of
from tests.projects.acts import BALANCED, COSTS, filed, project
from tests.roadmap.acts import adopt, draft, held
from tests.world import Mission, World, ok, problem

FIRST = date(2023, 10, 3)
DAYS = [FIRST + timedelta(days=ahead) for ahead in range(4)]
AS_OF = [date(2023, 7, 20), date(2023, 8, 31), *DAYS, date(2024, 12, 31)]
ACTS_A_DAY = 60
OFTEN = [
    "enter", "enter", "validate", "validate", "advance", "tranche", "repay", "repay", "bounce", "certify", "certify",
    "detect", "correct", "correct", "reopen_mission", "award", "elsewhere", "elsewhere", "elsewhere",
]  # fmt: skip
ELSEWHERE = ["enter", "validate", "certify", "firm_stage", "detect", "award", "tranche"]
SEEDS = (1, 2, FRESH)


class Life:
    """Random acts of everybody on one territory, some on past days; what is refused leaves everything as it was.

    Its neighbour is another territory that the funder sees too, with a firm that both may follow.
    """

    neighbour: "Life"

    def __init__(self, acts: Acts, mission: Mission, chance: random.Random) -> None:
        self.acts, self.world, self.mission, self.chance = acts, acts.world, mission, chance
        self.taken: Counter[str] = Counter()
        self.made: dict[str, list[str]] = {}
        self.firm_sirens = [acts.firm]
        self.followed = {acts.firm}
        self.rated = False

    @classmethod
    async def begin(cls, frozen: Frozen, chance: random.Random) -> "Life":
        life, neighbour = [await cls._in(await frozen.world(), chance) for _ in range(2)]
        neighbour.firm_sirens.append(life.acts.firm)
        life.neighbour = neighbour
        await frozen.pool.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'funder', $2, '2020-01-01', now(), now(), now())",
            life.world.subjects["funder"],
            neighbour.world.territory,
        )
        return life

    @classmethod
    async def _in(cls, world: World, chance: random.Random) -> "Life":
        acts = await Acts.of(world, 1000)
        return cls(acts, await world.mission(days=60), chance)

    async def do_elsewhere(self) -> None:
        """Two acts in the other territory."""
        for _ in range(2):
            await self.neighbour.act(ELSEWHERE)

    async def act(self, kinds: Sequence[str] = ()) -> None:
        known = sorted(name.removeprefix("do_") for name in dir(self) if name.startswith("do_"))
        kind = self.chance.choice(kinds or [*known, *OFTEN])
        answer = await getattr(self, f"do_{kind}")()
        if answer is None:
            return
        assert answer.status_code < 500, answer.text
        if answer.is_success:
            self.taken[kind] += 1

    def any_of(self, kind: str) -> str | None:
        known = self.made.get(kind)
        return self.chance.choice(known) if known else None

    def some_of(self, kind: str) -> list[str]:
        known = self.made.get(kind, [])
        return self.chance.sample(known, min(2, len(known)))

    def keep(self, kind: str, answer: httpx2.Response, prefix: str = "") -> httpx2.Response:
        if answer.is_success:
            self.made.setdefault(kind, []).append(prefix + str(answer.json().get("id", "")))
        return answer

    def day(self, first: date = date(2023, 7, 1), last: date = FIRST) -> str:
        return (first + timedelta(days=self.chance.randrange((last - first).days + 1))).isoformat()

    # --- days ---

    async def do_enter(self) -> Any:
        status = self.chance.choice(["submitted", "submitted", "draft"])
        body = self.mission.entry(worked_on=self.day(last=date(2023, 9, 30)), days=0.25, status=status)
        return self.keep("entry", await self.world.consultant.post("time-entries", body))

    async def _on_entry(self, verb: str, body: Any, client: str) -> Any:
        if (entry := self.any_of("entry")) is None:
            return None
        place = f"time-entries/{entry}"
        seen = await self.world.operator.get(place)
        if not seen.is_success:
            return None
        headers = {"If-Match": f'"{seen.json()["version"]}"'}
        if verb == "delete":
            return await self.world.clients[client].delete(place, headers=headers)
        if verb == "move":
            return await self.world.clients[client].patch(place, body, headers=headers)
        return await self.world.clients[client].post(f"{place}/{verb}", body, headers=headers)

    async def do_validate(self) -> Any:
        return await self._on_entry("validate", None, "lead_judge")

    async def do_reverse_entry(self) -> Any:
        return await self._on_entry("reverse", {"reason": "Twice."}, self.chance.choice(["consultant", "lead_judge"]))

    async def do_delete(self) -> Any:
        return await self._on_entry("delete", None, "consultant")

    async def do_move(self) -> Any:
        return await self._on_entry("move", {"worked_on": self.day(last=date(2023, 9, 30)), "days": 0.5}, "consultant")

    async def do_lock(self) -> Any:
        month = {"mission_id": self.mission.id, "month": f"2023-{self.chance.choice(['07', '08'])}"}
        return await self.world.operator.post("month-locks", month)

    async def do_amend(self) -> Any:
        order = {"kind": "amendment", "reference": self.acts.reference(), "signed_on": self.day(), "days": 0.5,
                 "reason": "More"}  # fmt: skip
        return await self.world.operator.post(f"missions/{self.mission.id}/orders", order)

    async def do_order_another_mission(self) -> Any:
        made = await self.world.operator.post("missions", {"name": "Mistake", "step": 0.25})
        order = {"kind": "initial", "reference": self.acts.reference(), "signed_on": self.day(), "days": 3,
                 "starts_on": "2023-10-03", "ends_on": "2023-12-31"}  # fmt: skip
        self.keep("mission", made)
        return await self.world.operator.post(f"missions/{made.json()['id']}/orders", order)

    async def do_cancel_mission(self) -> Any:
        if (mission := self.any_of("mission")) is None:
            return None
        seen = await self.world.operator.get(f"missions/{mission}")
        return await self.world.operator.post(
            f"missions/{mission}/cancel", {"reason": "A mistake."}, headers={"If-Match": seen.headers["etag"]}
        )

    async def do_close_mission(self) -> Any:
        mission = self.chance.choice([self.mission.id, *self.made.get("mission", ())])
        return await self.world.operator.post(f"missions/{mission}/close", {"reason": "It is over."})

    async def do_reopen_mission(self) -> Any:
        mission = self.chance.choice([self.mission.id, *self.made.get("mission", ())])
        return await self.world.operator.post(f"missions/{mission}/reopen", {"reason": "It is not."})

    async def do_certify(self) -> Any:
        if not self.rated:
            await self.world.rates(self.mission)
            self.rated = True
        partner = str(self.world.organisations["partner"])
        body: dict[str, Any] = {"mission_id": self.mission.id, "organisation_id": partner, "from_on": "2020-01-01",
                                "to_on": "2199-12-31"}  # fmt: skip
        if (entry := await self._entry("validated")) is not None and self.chance.random() < 0.6:
            body["refusals"] = [{"entry_id": entry, "reason": "Which firm?"}]
        answer = await self.world.operator.post("service-certificates", body, headers=key())
        self.taken["refuse"] += answer.is_success and "refusals" in body
        return self.keep("certificate", answer)

    async def do_cancel_certificate(self) -> Any:
        if (certificate := self.any_of("certificate")) is None:
            return None
        place = f"service-certificates/{certificate}"
        headers = {"If-Match": (await self.world.operator.get(place)).headers["etag"]}
        return await self.world.operator.post(f"{place}/cancel", {"reason": "Mistaken."}, headers=headers)

    async def _entry(self, status: str) -> str | None:
        """An entry in this state."""
        found = ok(await self.world.operator.get(f"time-entries?status={status}&sort=worked_on"))["items"]
        return str(self.chance.choice(found)["id"]) if found else None

    async def do_correct(self) -> Any:
        """Propose the correction of a certified entry; most are agreed and accepted."""
        if (entry := await self._entry("certified")) is None:
            return None
        what: dict[str, Any] = self.chance.choice(
            [{"days": 0}, {"worked_on": self.day(last=date(2023, 9, 30))}, {"activity": "analysis"}]
        )
        body = {"entry_id": entry, "reason": "Another day.", **what}
        made = await self.world.consultant.post("time-entry-corrections", body)
        if not made.is_success:
            return made
        place = f"time-entry-corrections/{made.json()['id']}"
        await self.world.lead.post(f"{place}/agree")
        if self.chance.random() < 0.2:
            return await self.world.lead.post(f"{place}/refuse", {"reason": "As it was."})
        accepted = await self.world.operator.post(f"{place}/accept")
        self.taken["accept"] += accepted.is_success
        return accepted

    # --- money ---

    async def do_contribute(self) -> Any:
        answer = await self.acts.contribute(300, decided_on=self.day(), repayment_policy="recycle")
        return self.keep("undoable", answer, "envelope/contributions/")

    async def do_grant(self) -> Any:
        return self.keep("undoable", await self.acts.grant(50, decided_on=self.day()), "grants/")

    async def do_advance(self) -> Any:
        answer = await self.acts.advance(200, decided_on=self.day())
        self.keep("undoable", answer, "advances/")
        return self.keep("advance", answer)

    async def do_award(self) -> Any:
        """An award of a project: it writes the stages of the project and of its firm."""
        if self.chance.random() < 0.4 or not self.made.get("filed"):
            made = await filed(self.world, self.acts.firm, costs=COSTS)
            self.made.setdefault("project", []).append(made["id"])
            self.made.setdefault("filed", []).append(made["id"])
        more: dict[str, Any] = {"project_id": self.any_of("filed"), "decided_on": self.day(first=date(2023, 8, 3))}
        if self.chance.random() < 0.5:
            return self.keep("undoable", await self.acts.grant(50, **more), "grants/")
        answer = await self.acts.advance(100, **more)
        self.keep("undoable", answer, "advances/")
        return self.keep("advance", answer)

    async def do_tranche(self) -> Any:
        if (advance := self.any_of("advance")) is None:
            return None
        answer = await self.acts.tranche(advance, 60, paid_on=self.day())
        return self.keep("undoable", answer, f"advances/{advance}/tranches/")

    async def do_repay(self) -> Any:
        if (advance := self.any_of("advance")) is None:
            return None
        answer = await self.acts.repay(advance, 20, received_on=self.day())
        self.keep("repayment", answer, f"{advance}/")
        return self.keep("undoable", answer, f"advances/{advance}/repayments/")

    async def do_bounce(self) -> Any:
        if (repayment := self.any_of("repayment")) is None:
            return None
        return await self.acts.bounce(*repayment.split("/"), bounced_on=self.day())

    async def do_reverse_money(self) -> Any:
        return None if (path := self.any_of("undoable")) is None else await self.acts.reverse(path)

    async def do_release(self) -> Any:
        if (advance := self.any_of("advance")) is None:
            return None
        return await self.acts.release(f"advances/{advance}", released_on=self.day())

    # --- firms and projects ---

    async def do_firm_stage(self) -> Any:
        if self.chance.random() < 0.3:
            self.firm_sirens.append(await self.world.add_firm())
        siren = self.chance.choice(self.firm_sirens)
        stage = self.chance.choice(["identified", "solicited", "interviewed", "declined"])
        answer = await self.world.clients["territory"].put(
            f"firms/{siren}", {"stage": stage, "reason": "So it is.", "effective_on": self.day()}
        )
        if answer.is_success:
            self.followed.add(siren)
        return answer

    async def do_plan_audition(self) -> Any:
        body = {"kind": "interview", "sirens": [self.acts.firm], "planned_on": self.day()}
        return self.keep("audition", await self.world.consultant.post("auditions", body))

    async def _on_audition(self, verb: str, body: Any) -> Any:
        if (audition := self.any_of("audition")) is None:
            return None
        place = f"auditions/{audition}"
        headers = {"If-Match": (await self.world.operator.get(place)).headers["etag"]}
        if verb:
            return await self.world.consultant.post(f"{place}/{verb}", body, headers=headers)
        return await self.world.consultant.patch(place, body, headers=headers)

    async def do_hold_audition(self) -> Any:
        return await self._on_audition("hold", {"held_on": self.day()})

    async def do_move_audition(self) -> Any:
        return await self._on_audition("", {"held_on": self.day()})

    async def do_detect(self) -> Any:
        starts_on = self.day(date(2024, 1, 1), date(2024, 12, 31))
        made = await project(
            self.world,
            costs=COSTS[: self.chance.randrange(1, 4)],
            jobs_created_fte=self.chance.choice([1, 2.5]),
            detected_on=self.day(),
            maturity=self.chance.choice(["idea", "study"]),
            starts_on=starts_on,
            ends_on=self.day(date(2025, 1, 1), date(2027, 12, 31)),
            mission_id=self.chance.choice([None, self.mission.id]),
        )
        self.made.setdefault("project", []).append(made["id"])
        self.taken["detect"] += 1

    async def do_change_project(self) -> Any:
        if (project_id := self.any_of("project")) is None:
            return None
        what = self.chance.choice(
            [
                {"detected_on": self.day()},
                {"jobs_maintained_fte": 3},
                {"costs": COSTS[: self.chance.randrange(1, 3)]},
                {"starts_on": self.day(date(2024, 1, 1), date(2024, 12, 31)), "maturity": "idea"},
                {"consultant_id": self.mission.partner_consultant},
            ]
        )
        return await self.world.clients["territory"].patch(f"projects/{project_id}", what)

    async def do_pass(self) -> Any:
        if (project_id := self.any_of("project")) is None:
            return None
        body = {"stage": self.chance.choice(["oriented", "dropped", "detected"]), "effective_on": self.day(),
                "funding_route": "rebond", "reason": "So decided."}  # fmt: skip
        return await self.world.clients["territory"].post(f"projects/{project_id}/stages", body)

    async def do_plan(self) -> Any:
        if (project_id := self.any_of("project")) is None:
            return None
        lines = BALANCED[: self.chance.randrange(1, 5)]
        answer = await self.world.clients["territory"].put(
            f"projects/{project_id}/financing", {"status": "draft", "lines": lines}
        )
        if answer.status_code == 201:
            self.made.setdefault("planned", []).append(project_id)
        return answer

    # --- the roadmap ---

    async def do_adopt(self) -> Any:
        if not self.made.get("draft"):
            self.made["draft"] = [(await draft(self.world))["id"]]
        meeting = await held(self.world, f"{self.day(first=date(2023, 9, 1))}T08:00:00Z")
        answer = await adopt(self.world.clients["committee"], self.made["draft"][0], meeting)
        if answer.is_success:
            self.made["draft"] = []
            self.made["action"] = [action["id"] for axis in answer.json()["axes"] for action in axis["actions"]]
        return answer

    async def do_move_action(self) -> Any:
        if (action := self.any_of("action")) is None:
            return None
        body = {"state": self.chance.choice(["in_progress", "done", "dropped", "planned"]), "reason": "So it is.",
                "effective_on": self.day(first=date(2023, 9, 1))}  # fmt: skip
        return await self.world.clients["territory"].post(f"roadmap/actions/{action}/states", body)

    # --- what is asked ---

    def reports(self) -> Sequence[str]:
        """The addresses of all reports in both times, on some of what is there by now."""
        engineering = ["engineering", f"engineering?mission_id={self.mission.id}"]
        advances = [f"advances/{each}/{what}" for each in self.some_of("advance") for what in ADVANCE_REPORTS]
        followed = sorted(self.followed)
        firms = [f"firms/{siren}/stages" for siren in self.chance.sample(followed, min(2, len(followed)))]
        projects = [f"projects/{each}/stages" for each in self.some_of("project")]
        plans = [f"projects/{each}/financing" for each in self.some_of("planned")]
        totals = ["", *self.chance.sample(self.totals(), 3)]
        plans += ["roadmap", *(f"projects/totals?{each}" for each in totals)]
        reports = ["envelope", "firms/funnel", "summary", "/v1/summary", *engineering, *advances, *firms, *projects]
        amounts = ["totals", f"totals?siren={self.acts.firm}", f"/v1/firms/{self.acts.firm}/totals"]
        amounts += [f"awards/{each}/totals" for each in self.some_of("advance")]
        return reports + plans + amounts

    def totals(self) -> Sequence[str]:
        """Filters of the totals: each that events know."""
        day, later = "2023-08-15", "2024-06-01"
        return [
            "funding_route=rebond&stage=oriented", "stage=detected&maturity=idea&kind=equipment",
            f"stage_since_from={day}", f"stage_since_to={day}", f"detected_from={day}", f"detected_to={day}",
            f"starts_from={later}", f"starts_to={later}", f"siren={self.firm_sirens[0]}",
            "amount_min_cents=10000000", "amount_max_cents=10000000", "longer_than_24_months=false",
            f"mission_id={self.mission.id}", f"consultant_id={self.mission.partner_consultant}",
            "commune_code=30007", "external_id=none", f"updated_since={DAYS[1]}T12:00:00Z",
            f"detected_in_audition_id={self.mission.id}",
        ]  # fmt: skip

    async def ask(self, address: str, **query: Any) -> Any:
        address, _, more = address.partition("?")
        if address.endswith("/financing"):
            del query["as_of"]  # a plan counts from its recording
        query |= dict(pair.split("=") for pair in more.split("&") if pair)
        answer = await self.world.clients[READER.get(address, "auditor")].get(address, params=query)
        if address == "roadmap" and answer.status_code == 404:
            return None  # none was in force
        found = ok(answer)
        found.pop("recorded_as_of", None)
        return found


ADVANCE_REPORTS = ("statement", "schedule")
READER = {"/v1/summary": "funder"}  # who sees this territory and its neighbour


@pytest.mark.parametrize("seed", [*SEEDS, *MORE])
async def test_no_report_ever_gives_another_answer_than_it_gave_then(frozen: Frozen, seed: int | str) -> None:
    chance = random.Random(seed_of(seed))
    given: dict[tuple[str, date, date], Any] = {}
    async with frozen.at(datetime.combine(FIRST, time(9), PARIS)):
        life = await Life.begin(frozen, chance)
    for day in DAYS:
        async with frozen.at(datetime.combine(day, time(12), PARIS)):
            for _ in range(ACTS_A_DAY):
                await life.act()
        async with frozen.at(datetime.combine(day, time(23, 59), PARIS)):
            for address in life.reports():
                for as_of in AS_OF:
                    given[address, as_of, day] = await life.ask(address, as_of=as_of.isoformat())
    async with frozen.at(datetime.combine(DAYS[-1] + timedelta(days=9), time(12), PARIS)):
        for (address, as_of, day), told in given.items():
            asked = {"as_of": as_of.isoformat(), "recorded_as_of": day.isoformat()}
            assert await life.ask(address, **asked) == told, (address, asked)
    assert len(life.taken) > 20, life.taken
    assert len(life.neighbour.taken) > 2, life.neighbour.taken
    last = await life.ask("/v1/summary", as_of=AS_OF[-1].isoformat())
    assert len(last["by_territory"]) == 2


@pytest.mark.parametrize("address", ["summary", "/v1/summary", "projects/totals", "totals"])
async def test_a_day_that_is_not_over_is_not_known_yet(world: World, address: str) -> None:
    refused = problem(await world.auditor.get(f"{address}?recorded_as_of=2199-12-31"), 422, "validation-failed")
    assert [error["code"] for error in refused["errors"]] == ["day_not_over"]


def test_the_life_asks_for_totals_by_every_filter() -> None:
    life = Life.__new__(Life)
    life.firm_sirens, life.mission = ["910000017"], Mission("m", "l", "c", "l", "p")
    asked = {pair.partition("=")[0] for query in life.totals() for pair in query.split("&")}
    assert asked == PROJECTS.filters.keys() - {"q"}


async def test_totals_of_a_past_day_refuse_a_filter_on_what_no_event_knows(world: World) -> None:
    answer = await world.auditor.get("projects/totals?recorded_as_of=2024-01-01&q=lathe")
    refused = problem(answer, 422, "validation-failed")
    assert [(error["pointer"], error["code"]) for error in refused["errors"]] == [("q", "not_with_recorded_as_of")]
