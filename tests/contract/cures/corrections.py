"""The cures of what refuses a correction of a certified entry: when it is proposed, and when it is accepted."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.contract.cures import Case, subject, walk
from tests.contract.cures.days import DAY, amend, cancelled, reverse, submitted, validated
from tests.world import Client, Mission, World, ok

PROPOSE, AGREE, ACCEPT, REFUSE, WITHDRAW = (
    f"{act}_time_entry_correction" for act in ("create", "agree", "accept", "refuse", "withdraw")
)
BOTH = (PROPOSE, ACCEPT)


@dataclass
class Correcting:
    """A certified entry of the partner, and a correction of it that is about to be proposed, or accepted."""

    act: str
    world: World
    mission: Mission
    entry: str
    certificate: str
    correction: str = ""

    async def propose(self, client: Client | None = None, **more: Any) -> httpx2.Response:
        body = {"entry_id": self.entry, "reason": "The morning only.", "days": 0.25, **more}
        return await (client or self.world.consultant).post("time-entry-corrections", body)

    async def prepare(self, **facts: Any) -> None:
        """What comes before the act: an acceptance needs what was agreed, before anything speaks against it."""
        if self.act == ACCEPT:
            self.correction = ok(await self.propose(**facts), 201)["id"]
            ok(await self.step(self.world.lead, "agree"))

    async def send(self, client: Client | None = None, **facts: Any) -> httpx2.Response:
        if self.act == ACCEPT:
            return await self.step(client or self.world.operator, "accept")
        return await self.propose(client, **facts)

    async def step(self, client: Client, step: str) -> httpx2.Response:
        body = {"reason": "Another day."} if step in ("withdraw", "refuse") else None
        return await client.post(f"time-entry-corrections/{self.correction}/{step}", body)


async def correcting(case: Case, *, worked_on: str = DAY, worked: float = 0.5, **mission: Any) -> Correcting:
    world = case.world
    made = await world.mission(**mission)
    await world.rates(made)
    entry = await validated(world, made, worked_on=worked_on, days=worked)
    return Correcting(case.act, world, made, entry, (await world.certify(made))["id"])


# --- what entries refuse too -----------------------------------------------------------------------------------------


Spoiling = Callable[[Correcting], Awaitable[Callable[[], Awaitable[Any]]]]


async def walked(case: Case, start: Correcting, spoil: Spoiling, **facts: Any) -> None:
    """Prepare, let something speak against it, be refused, do what the cure says, and be accepted."""
    await start.prepare(**facts)
    mend = await spoil(start)
    case.refused(await start.send(**facts))
    await mend()
    case.cured(await start.send(**facts))


def settings(spoilt: dict[str, Any], mended: dict[str, Any]) -> Spoiling:
    """The operator changes the mission, and changes it again."""

    async def spoil(start: Correcting) -> Callable[[], Awaitable[Any]]:
        path = f"missions/{start.mission.id}"
        ok(await start.world.operator.patch(path, spoilt))

        async def mend() -> Any:
            return ok(await start.world.operator.patch(path, mended))

        return mend

    return spoil


@walk("activity-not-listed", *BOTH)
async def activity_not_listed(case: Case) -> None:
    async def spoil(start: Correcting) -> Callable[[], Awaitable[Any]]:
        path = f"missions/{start.mission.id}"
        listed = ok(await start.world.operator.get(path))["activities"]
        fewer = [one for one in listed if one["code"] != "analysis"]
        ok(await start.world.operator.patch(path, {"activities": fewer}))

        async def mend() -> Any:
            return ok(await start.world.operator.patch(path, {"activities": listed}))

        return mend

    await walked(case, await correcting(case), spoil, activity="analysis")


@walk("rest-day", *BOTH)
async def rest_day(case: Case) -> None:
    spoil = settings({"weekends_allowed": False}, {"weekends_allowed": True})
    await walked(case, await correcting(case), spoil, worked_on="2023-07-08")


@walk("off-step", PROPOSE)
async def off_step(case: Case) -> None:
    start = await correcting(case, worked=1, step=0.5)
    case.refused(await start.send(days=0.25))
    case.cured(await start.send(days=0.5))


@walk("mission-ended", PROPOSE)
async def proposed_in_an_ended_mission(case: Case) -> None:
    start = await correcting(case)
    path = f"missions/{start.mission.id}"
    ok(await start.world.operator.post(f"{path}/close", {"reason": "It is over."}))
    case.refused(await start.send())
    ok(await start.world.operator.post(f"{path}/reopen", {"reason": "One is corrected."}))
    case.cured(await start.send())


@walk("mission-ended", ACCEPT)
async def mission_ended(case: Case) -> None:
    async def spoil(start: Correcting) -> Callable[[], Awaitable[Any]]:
        path = f"missions/{start.mission.id}"
        ok(await start.world.operator.post(f"{path}/close", {"reason": "It is over."}))

        async def mend() -> Any:
            return ok(await start.world.operator.post(f"{path}/reopen", {"reason": "One is corrected."}))

        return mend

    await walked(case, await correcting(case), spoil)


@walk("late-entry", *BOTH)
async def late_entry(case: Case) -> None:
    async def spoil(start: Correcting) -> Callable[[], Awaitable[Any]]:
        path = f"missions/{start.mission.id}"
        ok(await start.world.operator.patch(path, {"late_entry_grace_days": 0}))

        async def mend() -> Any:
            leave = {"until_on": "2199-01-01", "reason": "Committee."}
            return ok(await start.world.operator.post(f"{path}/late-entry-leaves", leave), 201)

        return mend

    await walked(case, await correcting(case), spoil)


@walk("outside-mission-window", *BOTH)
async def outside_mission_window(case: Case) -> None:
    async def spoil(start: Correcting) -> Callable[[], Awaitable[Any]]:
        ok(await amend(start.world, start.mission, ends_on="2023-07-10"), 201)

        async def mend() -> Any:
            return ok(await amend(start.world, start.mission, ends_on="2023-09-30", reference="BC-3"), 201)

        return mend

    await walked(case, await correcting(case), spoil, worked_on="2023-07-20")


@walk("outside-assignment", *BOTH)
async def outside_assignment(case: Case) -> None:
    async def spoil(start: Correcting) -> Callable[[], Awaitable[Any]]:
        path = f"consultants/{start.mission.partner_consultant}"
        ok(await start.world.operator.patch(path, {"to_on": "2023-07-10"}))

        async def mend() -> Any:
            return ok(await start.world.operator.patch(path, {"to_on": None}))

        return mend

    await walked(case, await correcting(case), spoil, worked_on="2023-07-20")


@walk("person-day-exceeded", *BOTH)
async def person_day_exceeded(case: Case) -> None:
    async def spoil(start: Correcting) -> Callable[[], Awaitable[Any]]:
        other = await submitted(start.world, start.mission, worked_on="2023-07-06", days=0.75)

        async def mend() -> Any:
            return ok(await reverse(start.world.consultant, other))

        return mend

    facts: dict[str, Any] = {"worked_on": "2023-07-06", "days": 0.5}
    await walked(case, await correcting(case), spoil, **facts)
    start = await correcting(case)
    await start.prepare(**facts)
    await spoil(start)
    case.refused(await start.send(**facts))
    if start.correction:
        ok(await start.step(case.world.consultant, "withdraw"))
    fewer = {**facts, "days": 0.25}
    await start.prepare(**fewer)
    case.cured(await start.send(**fewer))


@walk("days-not-yet-ordered", *BOTH)
async def days_not_yet_ordered(case: Case) -> None:
    """On an earlier day, before which no more was ordered than counts already: on a later one."""
    start = await correcting(case, worked_on="2023-07-20", days=10, lead=0, partner=10)
    await start.prepare(worked_on="2023-07-10")
    await submitted(case.world, start.mission, worked_on="2023-07-05", days=0.25)
    ok(await amend(case.world, start.mission, days=9.75, signed_on="2023-07-15"), 201)
    ok(await amend(case.world, start.mission, days=-9.75, signed_on="2023-07-01", reference="BC-3"), 201)
    told = case.refused(await start.send(worked_on="2023-07-10"))
    if start.correction:
        ok(await start.step(case.world.consultant, "withdraw"))
        await start.prepare(worked_on=told["available_from"])
    case.cured(await start.send(worked_on=told["available_from"]))


@walk("references-disagree", *BOTH)
async def references_disagree(case: Case) -> None:
    """A firm that was not met at the audition: name the one that was, or no audition."""
    world = case.world
    met, other = await world.followed_firm(), await world.followed_firm()
    audition = (await world.audition(met))["id"]
    start = await correcting(case)
    if case.act == PROPOSE:
        case.refused(await start.send(siren=other, audition_id=audition))
        case.cured(await start.send(siren=met, audition_id=audition))
        return
    await start.prepare(siren=met, audition_id=audition)
    ok(await world.consultant.patch(f"auditions/{audition}", {"sirens": [other]}))
    case.refused(await start.send())
    ok(await start.step(world.consultant, "withdraw"))
    await start.prepare(siren=met)
    case.cured(await start.send())


# --- what is theirs --------------------------------------------------------------------------------------------------


@walk("correction-exceeded", PROPOSE)
async def correction_exceeded(case: Case) -> None:
    start = await correcting(case)
    case.refused(await start.send(days=0.75))
    case.cured(await start.send(days=0.25))


@walk("correction-elsewhere", PROPOSE)
async def correction_elsewhere(case: Case) -> None:
    start = await correcting(case)
    case.refused(await start.send(worked_on="2023-08-01"))
    case.cured(await start.send(days=0))
    case.cured(await case.world.consultant.post("time-entries", start.mission.entry(worked_on="2023-08-01")))


@walk("other-organisation", PROPOSE, WITHDRAW)
async def another_organisations_days(case: Case) -> None:
    start = await correcting(case)
    if case.act == PROPOSE:
        case.refused(await start.propose(case.world.lead))
        case.cured(await start.propose())
        return
    start.correction = ok(await start.propose(), 201)["id"]
    case.refused(await start.step(case.world.lead, "withdraw"))
    case.cured(await start.step(case.world.consultant, "withdraw"))


@walk("correction-transition", AGREE, ACCEPT, REFUSE, WITHDRAW)
async def correction_transition(case: Case) -> None:
    """Not agreed yet; ended in each way but by its acceptance."""
    step = case.act.split("_")[0]
    clients = {AGREE: case.world.lead, ACCEPT: case.world.operator, REFUSE: case.world.lead,
               WITHDRAW: case.world.consultant}  # fmt: skip
    client = clients[case.act]
    for ended in ("refuse", "withdraw", "stale"):
        start = await correcting(case)
        await start.prepare()
        if case.act != ACCEPT:
            start.correction = ok(await start.propose(), 201)["id"]
        if ended == "stale":
            await cancelled(case.world, start.certificate)
            await case.world.certify(start.mission)
        else:
            ok(await start.step(case.world.lead if ended == "refuse" else case.world.consultant, ended))
        case.refused(await start.step(client, step))
        start.correction = ok(await start.propose(), 201)["id"]
        if case.act == ACCEPT:
            case.refused(await start.step(client, step))
            ok(await start.step(case.world.lead, "agree"))
        case.cured(await start.step(client, step))


@walk("entry-not-certified", PROPOSE)
async def entry_not_certified(case: Case) -> None:
    start = await correcting(case)
    start.entry = await submitted(case.world, start.mission, worked_on="2023-07-20")
    case.refused(await start.send())
    case.cured(await case.world.consultant.patch(f"time-entries/{start.entry}", {"days": 0.25}))
    judged = await validated(case.world, start.mission, worked_on="2023-07-21")
    start.entry = judged
    case.refused(await start.send())
    ok(await reverse(case.world.lead, judged))
    again = start.mission.entry(worked_on="2023-07-21", days=0.25, corrects_id=judged)
    case.cured(await case.world.consultant.post("time-entries", again))


@walk("correction-open", PROPOSE)
async def correction_open(case: Case) -> None:
    start = await correcting(case)
    start.correction = ok(await start.propose(), 201)["id"]
    case.refused(await start.send())
    found = ok(await case.world.consultant.get(f"time-entry-corrections?entry_id={start.entry}&status=proposed"))
    assert [one["id"] for one in found["items"]] == [start.correction]
    ok(await start.step(case.world.consultant, "withdraw"))
    case.cured(await start.send())


@walk("correction-by-one-person", AGREE, ACCEPT)
async def correction_by_one_person(case: Case) -> None:
    world = case.world
    everybody = await subject(world, "lead", "operator")
    start = await correcting(case)
    if case.act == ACCEPT:
        start.correction = ok(await start.propose(), 201)["id"]
        ok(await start.step(everybody, "agree"))
        case.refused(await start.step(everybody, "accept"))
        case.cured(await start.step(world.operator, "accept"))
        return
    entry = ok(await world.lead_judge.post("time-entries", start.mission.entry(by="lead")), 201)["id"]
    ok(await world.lead.post(f"time-entries/{entry}/validate"))
    await world.certify(start.mission, of="lead")
    start.entry = entry
    start.correction = ok(await start.propose(everybody), 201)["id"]
    case.refused(await start.step(everybody, "agree"))
    case.cured(await start.step(world.lead, "agree"))


@walk("certifier-took-part", ACCEPT)
async def certifier_took_part(case: Case) -> None:
    """Who validated another day of the certificate."""
    world = case.world
    both = await subject(world, "lead", "operator")
    start = await correcting(case)
    other = await submitted(world, start.mission, worked_on="2023-07-20")
    ok(await both.post(f"time-entries/{other}/validate"))
    await cancelled(world, start.certificate)
    await world.certify(start.mission)
    await start.prepare()
    case.refused(await start.send(both))
    case.cured(await start.send())
