"""The cures of what refuses days: limits, locks, steps of an entry's life, certificates."""

from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from app.engineering.entries import steps
from tests.contract.cures import Case, key, seen, subject, walk, word
from tests.world import Client, Mission, World, ok

ENTERING = (
    "create_time_entry", "create_time_entry_batch", "put_time_entry_grid", "update_time_entry", "submit_time_entry",
    "submit_time_entries",
)  # fmt: skip
MAKING = ENTERING[:4]  # what may name another assignment or activity; a draft has been held to both
DAY = "2023-07-04"  # a Tuesday within the window
WEEKS = {DAY: "2023-W27", "2023-07-08": "2023-W27", "2023-10-03": "2023-W40", "2023-08-01": "2023-W31"}


@dataclass
class Entering:
    """Days that come to count by one of the acts: what a draft or an entry must be before is made by `prepare`."""

    act: str
    world: World
    mission: Mission
    facts: dict[str, Any] = field(default_factory=dict)
    entry: str = ""
    small: float = 0.25  # what counts already of an entry that is changed
    by: Client | None = None

    @property
    def client(self) -> Client:
        return self.by or self.world.consultant

    async def prepare(self, **facts: Any) -> None:
        """What these facts are about, before anything speaks against them."""
        self.facts = {"worked_on": DAY, "days": 0.5, "activity": "audition", **facts}
        if self.act.startswith("submit"):
            draft = self.mission.entry(**self.facts, status="draft")
            self.entry = ok(await self.client.post("time-entries", draft), 201)["id"]
        elif self.act == "update_time_entry":
            small = self.mission.entry(worked_on="2023-07-05", days=self.small)
            self.entry = ok(await self.client.post("time-entries", small), 201)["id"]

    async def send(self, **changed: Any) -> httpx2.Response:
        """Let the days count, with these facts changed. `dry_run` asks only whether they would."""
        params = {"dry_run": "true"} if changed.pop("dry_run", False) else {}
        facts = {**self.facts, **changed}
        body = self.mission.entry(**facts)
        if self.act.startswith("submit"):
            if changed:
                ok(await self.client.patch(f"time-entries/{self.entry}", changed))
            if self.act == "submit_time_entry":
                return await self.client.post(f"time-entries/{self.entry}/submit", params=params)
            return await self.client.post("time-entries/submit", {"ids": [self.entry]}, params=params)
        if self.act == "update_time_entry":
            return await self.client.patch(f"time-entries/{self.entry}", facts, params=params)
        if self.act == "put_time_entry_grid":
            cell = {name: facts[name] for name in ("worked_on", "activity", "days")}
            grid = {"consultant_id": body["consultant_id"], "week": WEEKS[facts["worked_on"]], "cells": [cell]}
            return await put_grid(self.client, grid, params=params)
        if self.act == "create_time_entry_batch":
            return await self.client.post("time-entries/batch", {"items": [body]}, params=params)
        return await self.client.post("time-entries", body, params=params)


async def put_grid(client: Client, grid: dict[str, Any], **more: Any) -> httpx2.Response:
    """Write a week as it was read a moment ago."""
    read = await seen(client, f"time-entries/grid?consultant_id={grid['consultant_id']}&week={grid['week']}")
    return await client.put("time-entries/grid", grid, headers=read, **more)


async def entering(case: Case, facts: dict[str, Any] | None = None, **mission: Any) -> Entering:
    """A mission, and days that are about to count in it."""
    found = Entering(case.act, case.world, await case.world.mission(**mission))
    await found.prepare(**(facts or {}))
    return found


async def submitted(world: World, mission: Mission, **facts: Any) -> str:
    """An entry of the partner's consultant that counts."""
    entry: str = ok(await world.consultant.post("time-entries", mission.entry(**facts)), 201)["id"]
    return entry


async def validated(world: World, mission: Mission, **facts: Any) -> str:
    entry = await submitted(world, mission, **facts)
    ok(await world.lead.post(f"time-entries/{entry}/validate"))
    return entry


async def lock(world: World, mission: Mission, month: str = "2023-07") -> str:
    found: str = ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": month}), 201)["id"]
    return found


async def reopen(world: World, lock_id: str) -> None:
    """What the operator does whom a cure asks to open a month again."""
    ok(await world.operator.post(f"month-locks/{lock_id}/reopen", {"reason": "A sheet was missing."}))


async def amend(world: World, mission: Mission, **more: Any) -> httpx2.Response:
    """An amendment by the operator."""
    body = {"kind": "amendment", "reference": "BC-2", "signed_on": "2023-06-20", "days": 0, "reason": "More to do.",
            **more}  # fmt: skip
    return await world.operator.post(f"missions/{mission.id}/orders", body)


async def reverse(client: Client, entry: str) -> httpx2.Response:
    return await client.post(f"time-entries/{entry}/reverse", {"reason": "Entered twice."})


async def allot(world: World, mission: Mission, days: float, decided_on: str = "2023-06-20") -> httpx2.Response:
    """Another allotment of the partner by the operator, decided on the day of `amend` unless another is said."""
    path = f"missions/{mission.id}/members/{mission.partner_member}"
    allotment = {"days_allotted": days, "decided_on": decided_on, "reason": "So agreed."}
    return await world.operator.patch(path, allotment)


# --- limits ----------------------------------------------------------------------------------------------------------


@walk("mission-ended", *ENTERING)
async def mission_ended(case: Case) -> None:
    start = await entering(case)
    path = f"missions/{start.mission.id}"
    ok(await case.world.operator.post(f"{path}/close", {"reason": "It is over."}))
    case.refused(await start.send())
    ok(await case.world.operator.post(f"{path}/reopen", {"reason": "A sheet was missing."}))
    case.cured(await start.send())


@walk("days-exhausted", *ENTERING)
async def days_exhausted(case: Case) -> None:
    start = await entering(case, {"days": 1}, days=1.5, partner=1.5)
    other = await submitted(case.world, start.mission, worked_on="2023-07-13", days=1)
    case.refused(await start.send())
    case.cured(await start.send(days=0.25, dry_run=True))
    if case.act.startswith("submit"):
        await start.send(days=1, dry_run=True)
    ok(await reverse(case.world.consultant, other))
    case.cured(await start.send(dry_run=True))
    await submitted(case.world, start.mission, worked_on="2023-07-13", days=1)
    case.refused(await start.send())
    ok(await amend(case.world, start.mission, days=10), 201)
    ok(await allot(case.world, start.mission, 10))
    case.cured(await start.send())
    if case.act == "create_time_entry":
        await not_ordered_yet(case)


async def not_ordered_yet(case: Case) -> None:
    """In a mission that has no order yet."""
    world, operator = case.world, case.world.operator
    mission = ok(await operator.post("missions", {"name": "Not ordered"}), 201)["id"]
    member = {"organisation_id": str(world.organisations["partner"]), "role": "partner", "days_allotted": 0,
              "decided_on": "2023-06-01"}  # fmt: skip
    member_id = ok(await operator.post(f"missions/{mission}/members", member), 201)["id"]
    assignment = {"person_id": str(await world.add_person()), "mission_id": mission, "from_on": "2023-01-01"}
    consultant = ok(await operator.post("consultants", assignment), 201)["id"]
    known = Mission(mission, consultant, consultant, member_id, member_id)
    case.refused(await world.consultant.post("time-entries", known.entry()), "initial order")
    order = {"kind": "initial", "reference": "BC-1", "signed_on": "2023-06-01", "days": 10, "starts_on": "2023-06-14",
             "ends_on": "2023-09-30"}  # fmt: skip
    ok(await operator.post(f"missions/{mission}/orders", order), 201)
    ok(await allot(world, known, 10))
    case.cured(await world.consultant.post("time-entries", known.entry()))


@walk("allotment-exhausted", *ENTERING)
async def allotment_exhausted(case: Case) -> None:
    start = await entering(case, {"days": 1}, days=10, partner=1, lead=1)
    await submitted(case.world, start.mission, worked_on="2023-07-13", days=0.5)
    case.refused(await start.send())
    ok(await allot(case.world, start.mission, 8))
    case.cured(await start.send())


@walk("person-day-exceeded", *ENTERING)
async def person_day_exceeded(case: Case) -> None:
    start = await entering(case, {"days": 1})
    other = await submitted(case.world, start.mission, days=0.5, activity="analysis")
    if case.act == "put_time_entry_grid":  # which would replace the other cell of the week
        person = await case.world.pool.fetchval(
            "SELECT person_id FROM consultants WHERE id = $1", start.mission.partner_consultant
        )
        ok(await reverse(case.world.consultant, other))
        second = await case.world.mission(people={"partner": person})
        other = await submitted(case.world, second, days=0.5)
    case.refused(await start.send())
    case.cured(await start.send(days=0.25, dry_run=True))
    if case.act.startswith("submit"):
        await start.send(days=1, dry_run=True)
    ok(await reverse(case.world.consultant, other))
    case.cured(await start.send())


@walk("outside-mission-window", *ENTERING)
async def outside_mission_window(case: Case) -> None:
    start = await entering(case, {"worked_on": "2023-10-03"})
    case.refused(await start.send())
    ok(await amend(case.world, start.mission, ends_on="2023-12-31"), 201)
    case.cured(await start.send())


@walk("outside-assignment", *MAKING)
async def outside_assignment(case: Case) -> None:
    start = await entering(case, {"worked_on": "2023-08-01"})
    assignment = f"consultants/{start.mission.partner_consultant}"
    ok(await case.world.operator.patch(assignment, {"to_on": "2023-07-31"}))
    case.refused(await start.send())
    ok(await case.world.operator.patch(assignment, {"to_on": None}))
    case.cured(await start.send())


@walk("off-step", *ENTERING)
async def off_step(case: Case) -> None:
    start = Entering(case.act, case.world, await case.world.mission(step=0.5), small=0.5)
    await start.prepare(days=0.25)
    case.refused(await start.send())
    case.cured(await start.send(days=0.5))


@walk("late-entry", *ENTERING)
async def late_entry(case: Case) -> None:
    start = await entering(case)
    mission = f"missions/{start.mission.id}"
    ok(await case.world.operator.patch(mission, {"late_entry_grace_days": 10}))
    case.refused(await start.send())
    leave = {"until_on": "2199-01-01", "reason": "Late papers."}
    ok(await case.world.operator.post(f"{mission}/late-entry-leaves", leave), 201)
    case.cured(await start.send())


@walk("rest-day", *ENTERING)
async def rest_day(case: Case) -> None:
    start = await entering(case, {"worked_on": "2023-07-08"})
    mission = f"missions/{start.mission.id}"
    ok(await case.world.operator.patch(mission, {"weekends_allowed": False}))
    case.refused(await start.send())
    case.cured(await start.send(worked_on=DAY, dry_run=True))
    if case.act.startswith("submit"):
        await start.send(worked_on="2023-07-08", dry_run=True)
    ok(await case.world.operator.patch(mission, {"weekends_allowed": True}))
    case.cured(await start.send())


@walk("activity-not-listed", *MAKING)
async def activity_not_listed(case: Case) -> None:
    start = await entering(case, {"activity": "welding"})
    listed = case.refused(await start.send())["activities"]
    case.cured(await start.send(activity=listed[0], dry_run=True))
    mission = f"missions/{start.mission.id}"
    known = ok(await case.world.operator.get(mission))["activities"]
    added = [*known, {"code": "welding", "label": "Welding"}]
    ok(await case.world.operator.patch(mission, {"activities": added}))
    case.cured(await start.send())


@walk("corrected-not-reversed", "create_time_entry", "create_time_entry_batch")
async def corrected_not_reversed(case: Case) -> None:
    start = await entering(case)
    other = await submitted(case.world, start.mission, worked_on="2023-07-13")
    case.refused(await start.send(corrects_id=other))
    ok(await reverse(case.world.consultant, other))
    case.cured(await start.send(corrects_id=other))


@walk("days-not-yet-ordered", *ENTERING)
async def days_not_yet_ordered(case: Case) -> None:
    start = await entering(case, {"days": 1}, days=1.5, partner=1.5)
    await submitted(case.world, start.mission, worked_on="2023-07-13", days=1)
    ok(await amend(case.world, start.mission, days=10, signed_on="2023-08-01"), 201)
    ok(await allot(case.world, start.mission, 10, decided_on="2023-08-01"))
    told = case.refused(await start.send())
    assert told["available_from"] == "2023-08-01"
    case.cured(await start.send(days=0.25, dry_run=True))
    case.cured(await start.send(days=1, worked_on=told["available_from"]))


# --- corrections and what an entry is about ---------------------------------------------------------------------------


@walk(
    "other-organisation", *MAKING, "delete_time_entry", "submit_time_entry", "recall_time_entry", "reverse_time_entry"
)
async def other_organisation(case: Case) -> None:
    """Who sees another firm's days: its lead firm, which reverses them by its role, and who may also read them all."""
    world, mission = case.world, await case.world.mission()
    start = Entering(case.act, world, mission, {"worked_on": DAY, "days": 0.5, "activity": "audition"})
    draft = case.act.startswith(("delete", "submit"))
    if not case.act.startswith(("create", "put")):
        facts = {"worked_on": "2023-07-05", "status": "draft" if draft else "submitted"}
        start.entry = await submitted(world, mission, **facts)
    step = case.act.split("_")[0]

    async def send(client: Client) -> httpx2.Response:
        if step in ("recall", "reverse", "submit"):
            body = {"reason": "Entered twice."} if step == "reverse" else None
            return await client.post(f"time-entries/{start.entry}/{step}", body)
        if step == "delete":
            return await client.delete(f"time-entries/{start.entry}")
        start.by = client
        return await start.send()

    reads_all = await subject(world, "consultant", "auditor", home="lead")
    case.refused(await send(reads_all))
    if step != "reverse":
        case.refused(await send(world.lead))
    case.cured(await send(world.consultant))


@walk("correction-elsewhere", "create_time_entry", "create_time_entry_batch", "update_time_entry")
async def correction_elsewhere(case: Case) -> None:
    world = case.world
    start = await entering(case, {"worked_on": "2023-08-01"})
    july, august = [await submitted(world, start.mission, worked_on=day) for day in ("2023-07-13", "2023-08-02")]
    for entry in (july, august):
        ok(await reverse(world.consultant, entry))
    if case.act == "update_time_entry":  # whose entry names what it corrects for good
        again = start.mission.entry(worked_on="2023-07-13", corrects_id=july)
        path = f"time-entries/{ok(await world.consultant.post('time-entries', again), 201)['id']}"
        case.refused(await world.consultant.patch(path, {"worked_on": "2023-08-01"}))
        case.cured(await world.consultant.post("time-entries", start.mission.entry(worked_on="2023-08-01")))
        return
    case.refused(await start.send(corrects_id=july))
    case.cured(await start.send(dry_run=True))
    case.cured(await start.send(corrects_id=august))


@walk("correction-exceeded", "create_time_entry", "create_time_entry_batch", "update_time_entry", "submit_time_entry",
      "submit_time_entries")  # fmt: skip
async def correction_exceeded(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    taken_back = await submitted(world, mission, days=0.5)
    ok(await reverse(world.consultant, taken_back))
    other = await submitted(world, mission, days=0.25, worked_on="2023-07-13", corrects_id=taken_back)
    start = Entering(case.act, world, mission)
    start.facts = {"worked_on": DAY, "days": 0.5, "activity": "audition", "corrects_id": taken_back}
    if not case.act.startswith("create"):
        made = {**start.facts, "days": 0.25, "status": "draft" if case.act.startswith("submit") else "submitted"}
        start.entry = ok(await world.consultant.post("time-entries", mission.entry(**made)), 201)["id"]
        del start.facts["corrects_id"]
        if case.act.startswith("submit"):
            ok(await world.consultant.patch(f"time-entries/{start.entry}", {"days": 0.5}))
    case.refused(await start.send())
    case.cured(await start.send(days=0.25, dry_run=True))
    if case.act.startswith("submit"):
        await start.send(days=0.5, dry_run=True)
    ok(await reverse(world.consultant, other))
    case.cured(await start.send())


@walk("references-disagree", "create_time_entry", "create_time_entry_batch", "update_time_entry")
async def references_disagree(case: Case) -> None:
    world = case.world
    start = await entering(case)
    met, other = await world.followed_firm(), await world.followed_firm()
    audition = (await world.audition(met))["id"]
    case.refused(await start.send(siren=other, audition_id=audition))
    case.cured(await start.send(siren=other, dry_run=True))
    case.cured(await start.send(siren=met, audition_id=audition))


@walk("already-exists", "recall_time_entry")
async def name_given_away(case: Case) -> None:
    """The external id of a rejected entry is another's by now: that one gives it up, or this one does."""
    world = case.world
    mission = await world.mission()
    for given_up in (False, True):
        named = {"external_id": word()}
        rejected = await submitted(world, mission, days=0.25, **named)
        ok(await world.lead.post(f"time-entries/{rejected}/reject", {"reason": "No."}))
        other = await submitted(world, mission, days=0.25, worked_on="2023-07-13", **named)
        path = f"time-entries/{rejected}/recall"
        case.refused(await world.consultant.post(path))
        if given_up:
            case.cured(await world.consultant.post(path, {"external_id": None}))
            continue
        ok(await world.consultant.patch(f"time-entries/{other}", {"external_id": word()}))
        case.cured(await world.consultant.post(path))


# --- closed months ---------------------------------------------------------------------------------------------------


async def correct(case: Case, mission: Mission, entry: str) -> None:
    """Reverse the entry and name it in corrects_id of a new one, which counts on the first open day."""
    ok(await reverse(case.world.consultant, entry))
    again = mission.entry(worked_on=DAY, days=0.25, corrects_id=entry)
    made = case.cured(await case.world.consultant.post("time-entries", again))
    assert made["counted_on"] == "2023-08-01"


@walk("month-locked", "create_time_entry", "create_time_entry_batch", "submit_time_entry")
async def month_locked_for_what_is_new(case: Case) -> None:
    start = await entering(case)
    closed = await lock(case.world, start.mission)
    case.refused(await start.send(), "open the month again")
    await reopen(case.world, closed)
    case.cured(await start.send())


@walk("month-locked", "update_time_entry", "recall_time_entry", "validate_time_entry", "reject_time_entry")
async def month_locked_for_what_counts(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    entry = await submitted(world, mission, worked_on=DAY)
    closed = await lock(world, mission)

    async def act() -> httpx2.Response:
        path = f"time-entries/{entry}"
        if case.act == "update_time_entry":
            return await world.consultant.patch(path, {"days": 0.25})
        step = case.act.removesuffix("_time_entry")
        client = world.consultant if step == "recall" else world.lead
        return await client.post(f"{path}/{step}", {"reason": "No."} if step == "reject" else None)

    case.refused(await act(), "corrects_id", "open the month again")
    await reopen(world, closed)
    case.cured(await act() if case.act == "update_time_entry" else await world.consultant.get(f"time-entries/{entry}"))
    if case.act == "update_time_entry":
        await lock(world, mission)
        await correct(case, mission, entry)
    else:
        case.cured(await act())


@walk("grid-refused", "put_time_entry_grid")
async def grid_refused(case: Case) -> None:
    """Each reason of a cell, with the cure that the cell needs."""
    world = case.world
    mission = await world.mission()
    grid: dict[str, Any] = {"consultant_id": mission.partner_consultant, "week": "2023-W27"}

    async def put(*cells: tuple[str, float], **more: Any) -> httpx2.Response:
        listed = [{"worked_on": DAY, "activity": code, "days": days} for code, days in cells]
        return await put_grid(world.consultant, {**grid, "cells": listed, **more})

    # A validated entry: with its current days, or reversed.
    judged = await validated(world, mission)
    cell = case.refused(await put(("audition", 0.25)))["errors"][0]
    case.cured(await put(("audition", cell["days_now"])))
    ok(await reverse(world.lead, judged))
    case.cured(await put(("audition", 0.25)))
    # Several entries in one cell: one by one.
    await submitted(world, mission, days=0.25)
    cell = case.refused(await put(("audition", 0.25)))["errors"][0]
    assert cell["code"] == "several_entries"
    case.cured(await put(("audition", cell["days_now"])))
    # A closed month, without an entry in the cell: left empty as it is, or opened again.
    closed = await lock(world, mission)
    filled = ("audition", cell["days_now"])
    cell = case.refused(await put(filled, ("analysis", 0.5)))["errors"][0]
    assert (cell["code"], cell["days_now"]) == ("month_locked", 0)
    case.cured(await put(filled, ("analysis", 0)))
    await reopen(world, closed)
    case.cured(await put(filled, ("analysis", 0.5)))


# --- an entry's life -------------------------------------------------------------------------------------------------


@walk("entry-locked", "update_time_entry", "delete_time_entry")
async def entry_locked(case: Case) -> None:
    """Each state, with the cure that the state needs."""
    world = case.world
    mission = await world.mission()
    await world.rates(mission)

    async def act(entry: str) -> httpx2.Response:
        if case.act == "update_time_entry":
            return await world.consultant.patch(f"time-entries/{entry}", {"days": 0.25})
        return await world.consultant.delete(f"time-entries/{entry}")

    async def recalled(entry: str) -> None:
        case.refused(await act(entry), "Recall it")
        ok(await world.consultant.post(f"time-entries/{entry}/recall"))
        case.cured(await act(entry))

    async def anew(entry: str) -> None:
        ok(await reverse(world.lead, entry))
        case.cured(await world.consultant.post("time-entries", mission.entry(days=0.25)))

    if case.act == "delete_time_entry":
        await recalled(await submitted(world, mission, worked_on="2023-07-10"))
    rejected = await submitted(world, mission, worked_on="2023-07-11")
    ok(await world.lead.post(f"time-entries/{rejected}/reject", {"reason": "No."}))
    await recalled(rejected)
    judged = await validated(world, mission)
    case.refused(await act(judged), "Ask the lead firm or the operator to reverse it")
    await anew(judged)
    case.refused(await act(judged), "Enter the days anew")
    case.cured(await world.consultant.post("time-entries", mission.entry(days=0.25, worked_on="2023-07-12")))
    sealed = await validated(world, mission, worked_on="2023-07-13")
    await world.certify(mission)
    case.refused(await act(sealed), "Propose its correction")
    proposal = {"entry_id": sealed, "days": 0.25, "reason": "The morning only."}
    made = ok(await world.consultant.post("time-entry-corrections", proposal), 201)["id"]
    ok(await world.lead.post(f"time-entry-corrections/{made}/agree"))
    case.cured(await world.operator.post(f"time-entry-corrections/{made}/accept"))


async def cancelled(world: World, certificate: str) -> None:
    path = f"service-certificates/{certificate}"
    headers = await seen(world.operator, path)
    ok(await world.operator.post(f"{path}/cancel", {"reason": "Mistaken."}, headers=headers), (200, 201))


@walk("separation-of-duties", "validate_time_entry", "reject_time_entry")
async def separation_of_duties(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    entry = ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)["id"]
    step = case.act.removesuffix("_time_entry")
    body = {"reason": "No."} if step == "reject" else None
    case.refused(await world.lead.post(f"time-entries/{entry}/{step}", body))
    case.cured(await world.lead_judge.post(f"time-entries/{entry}/{step}", body))


@walk("reversal-reserved", "reverse_time_entry")
async def reversal_reserved(case: Case) -> None:
    mission = await case.world.mission()
    entry = await validated(case.world, mission)
    case.refused(await reverse(case.world.consultant, entry))
    case.cured(await reverse(case.world.lead, entry))


BULK = tuple(f"{step}_time_entries" for step in ("submit", "recall", "validate", "reject", "reverse"))


@walk("entries-refused", *BULK)
async def entries_refused(case: Case) -> None:
    """Leave out the entries in errors; or correct them, here one that is in another state."""
    world = case.world
    mission = await world.mission()
    step = case.act.removesuffix("_time_entries")
    good = [
        ok(await world.consultant.post("time-entries", mission.entry(worked_on=day, status=status)), 201)["id"]
        for status in ["draft" if step == "submit" else "submitted"]
        for day in ("2023-07-10", "2023-07-11")
    ]
    bad = ok(await world.consultant.post("time-entries", mission.entry(worked_on=DAY, status="draft")), 201)["id"]
    if step == "submit":
        ok(await world.consultant.post(f"time-entries/{bad}/submit"))
    client = world.lead if step in ("validate", "reject") else world.consultant

    async def act(ids: list[str]) -> httpx2.Response:
        body: dict[str, Any] = {"ids": ids}
        if step in ("reject", "reverse"):
            body["reason"] = "No."
        return await client.post(f"time-entries/{step}", body)

    named = {error["id"] for error in case.refused(await act([*good, bad]))["errors"]}
    case.cured(await act([entry for entry in (good[0], bad) if entry not in named]))
    ok(await world.consultant.post(f"time-entries/{bad}/{'recall' if step == 'submit' else 'submit'}"))
    case.cured(await act([good[1], bad]))


@walk("too-many-entries", *BULK)
async def too_many_entries(case: Case) -> None:
    """With a limit of one entry instead of a thousand."""
    world = case.world
    mission = await world.mission()
    step = case.act.removesuffix("_time_entries")
    status = "draft" if step == "submit" else "submitted"
    for day in ("2023-07-04", "2023-07-11"):
        ok(await world.consultant.post("time-entries", mission.entry(worked_on=day, status=status)), 201)
    client = world.lead if step in ("validate", "reject") else world.consultant
    reason = {"reason": "No."} if step in ("reject", "reverse") else {}
    wide = {"mission_id": mission.id}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(steps, "AT_ONCE", 1)
        case.refused(await client.post(f"time-entries/{step}", {"filter": wide, **reason}))
        narrow = {**wide, "worked_from": "2023-07-03", "worked_to": "2023-07-09"}
        case.cured(await client.post(f"time-entries/{step}", {"filter": narrow, **reason}))


# --- certificates ----------------------------------------------------------------------------------------------------


def certificate(mission: Mission, world: World, **more: Any) -> dict[str, Any]:
    return {"mission_id": mission.id, "organisation_id": str(world.organisations["partner"]),
            "from_on": "2023-07-01", "to_on": "2023-07-31", **more}  # fmt: skip


@walk("nothing-to-certify", "create_service_certificate")
async def nothing_to_certify(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    await world.rates(mission)
    entry = await submitted(world, mission, worked_on=DAY)
    body = certificate(mission, world)
    case.refused(await world.operator.post("service-certificates", body, headers=key()))
    ok(await world.lead.post(f"time-entries/{entry}/validate"))
    case.cured(await world.operator.post("service-certificates", body, headers=key()))
    case.refused(await world.operator.post("service-certificates", body, headers=key()))
    await validated(world, mission, worked_on="2023-08-02")
    other = {**body, "from_on": "2023-08-01", "to_on": "2023-08-31"}
    case.cured(await world.operator.post("service-certificates", other, headers=key()))


@walk("certifier-took-part", "create_service_certificate")
async def certifier_took_part(case: Case) -> None:
    world = case.world
    person = await subject(world, "operator", home="office")
    own = ok(await person.get("/v1/me"))["subject_id"]
    home = world.organisations["office"]
    mission = await world.mission(days=100, lead=40, partner=40)
    member = {"organisation_id": str(home), "role": "partner", "days_allotted": 10}
    ok(await world.operator.post(f"missions/{mission.id}/members", member), 201)
    assignment = {"person_id": own, "mission_id": mission.id, "from_on": "2023-01-01", "profile": "senior"}
    assigned = ok(await world.operator.post("consultants", assignment), 201)["id"]
    rate = {"organisation_id": str(home), "profile": "senior", "from_on": "2020-01-01", "day_rate_cents": 100}
    ok(await world.operator.post(f"missions/{mission.id}/rates", rate), 201)
    colleague = await subject(world, "consultant", home="office")
    entry = {**mission.entry(), "consultant_id": assigned}
    entry_id = ok(await colleague.post("time-entries", entry), 201)["id"]
    ok(await world.lead.post(f"time-entries/{entry_id}/validate"))
    body = certificate(mission, world, organisation_id=str(home))
    case.refused(await person.post("service-certificates", body, headers=key()))
    case.cured(await world.operator.post("service-certificates", body, headers=key()))


@walk("rate-missing", "create_service_certificate")
async def rate_missing(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    await validated(world, mission, worked_on=DAY)
    body = certificate(mission, world)
    case.refused(await world.operator.post("service-certificates", body, headers=key()))
    await world.rates(mission)  # a profile to each person, and a rate for it to each member
    case.cured(await world.operator.post("service-certificates", body, headers=key()))


@walk("counter-certificate", "cancel_service_certificate")
async def counter_certificate(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    await validated(world, mission, worked_on=DAY)
    first = (await world.certify(mission))["id"]
    await cancelled(world, first)
    found = ok(await world.operator.get(f"service-certificates?mission_id={mission.id}"))["items"]
    counter = next(f"service-certificates/{each['id']}" for each in found if each["cancels_id"] == first)
    headers = await seen(world.operator, counter)
    case.refused(await world.operator.post(f"{counter}/cancel", {"reason": "No."}, headers=headers))
    case.cured(await world.operator.post("service-certificates", certificate(mission, world), headers=key()))


@walk("invalid-transition", "reverse_time_entry")
async def certified_is_not_reversed(case: Case) -> None:
    """Of all states and actions, the one whose refusal says what to do first."""
    world = case.world
    mission = await world.mission()
    entry = await validated(world, mission, worked_on=DAY)
    sealed = (await world.certify(mission))["id"]
    case.refused(await reverse(world.lead, entry), "cancel its certificate")
    await cancelled(world, sealed)
    case.cured(await reverse(world.lead, entry))
