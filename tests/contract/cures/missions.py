"""The cures of what refuses a mission: its orders, members, assignments, rates and settings."""

from typing import Any

import httpx2

from tests.contract.cures import Case, walk
from tests.contract.cures.days import DAY, allot, amend, reverse, submitted, validated
from tests.world import Mission, World, ok


async def change(world: World, mission: Mission, **values: Any) -> httpx2.Response:
    return await world.operator.patch(f"missions/{mission.id}", values)


async def bare(world: World) -> str:
    """A mission without an order."""
    found: str = ok(await world.operator.post("missions", {"name": "Bare"}), 201)["id"]
    return found


async def member(world: World, mission: str, of: str, role: str, days: float) -> httpx2.Response:
    body = {"organisation_id": str(world.organisations[of]), "role": role, "days_allotted": days}
    return await world.operator.post(f"missions/{mission}/members", body)


ORDER = {"kind": "initial", "reference": "BC-1", "signed_on": "2023-06-01", "days": 10, "starts_on": "2023-06-14",
         "ends_on": "2023-09-30"}  # fmt: skip


async def order(world: World, mission: str, **more: Any) -> httpx2.Response:
    return await world.operator.post(f"missions/{mission}/orders", {**ORDER, **more})


# --- settings --------------------------------------------------------------------------------------------------------


@walk("mission-ended", "create_order")
async def ordered_in_an_ended_mission(case: Case) -> None:
    world = await case.own()
    path = f"missions/{(await world.mission(days=10)).id}"
    order = {"kind": "amendment", "reference": "AV-1", "signed_on": "2023-07-10", "days": 1, "reason": "More."}
    ok(await world.operator.post(f"{path}/close", {"reason": "It is over."}))
    case.refused(await world.operator.post(f"{path}/orders", order))
    ok(await world.operator.post(f"{path}/reopen", {"reason": "Days are missing."}))
    case.cured(await world.operator.post(f"{path}/orders", order))


@walk("step-in-use", "update_mission")
async def step_in_use(case: Case) -> None:
    mission = await case.world.mission()
    one, two = [await submitted(case.world, mission, worked_on=day) for day in (DAY, "2023-07-05")]
    case.refused(await change(case.world, mission, step=0.5))
    ok(await reverse(case.world.consultant, one))
    ok(await case.world.consultant.post(f"time-entries/{two}/recall"))
    case.cured(await change(case.world, mission, step=0.5))


@walk("activity-in-use", "update_mission")
async def activity_in_use(case: Case) -> None:
    mission = await case.world.mission()
    entry = await submitted(case.world, mission)
    only = [{"code": "analysis", "label": "Analysis"}]
    case.refused(await change(case.world, mission, activities=only))
    kept = {"code": "audition", "label": "Audition"}
    case.cured(await change(case.world, mission, activities=[*only, kept]))
    case.refused(await change(case.world, mission, activities=[{**kept, "label": "Meeting"}]))
    meeting = {"code": "meeting", "label": "Meeting"}
    case.cured(await change(case.world, mission, activities=[*only, {**kept, "to_on": DAY}, meeting]))
    ok(await case.world.consultant.patch(f"time-entries/{entry}", {"activity": "analysis"}))
    case.cured(await change(case.world, mission, activities=only))


@walk("travel-not-counted", "update_mission")
async def travel_not_counted(case: Case) -> None:
    mission = await case.world.mission(travel_counts=False)
    listed = [{"code": "audition", "label": "Audition"}, {"code": "travel", "label": "Travel"}]
    case.refused(await change(case.world, mission, activities=listed))
    case.cured(await change(case.world, mission, activities=listed[:1]))
    case.cured(await change(case.world, mission, activities=listed, travel_counts=True))


@walk("entries-on-rest-days", "update_mission")
async def entries_on_rest_days(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    moved, recalled = [await submitted(world, mission, worked_on=day) for day in ("2023-07-08", "2023-07-09")]
    judged = await validated(world, mission, worked_on="2023-07-15")
    case.refused(await change(world, mission, weekends_allowed=False))
    ok(await world.consultant.patch(f"time-entries/{moved}", {"worked_on": "2023-07-10"}))
    ok(await world.consultant.post(f"time-entries/{recalled}/recall"))
    ok(await reverse(world.lead, judged))
    case.cured(await change(world, mission, weekends_allowed=False))


# --- orders ----------------------------------------------------------------------------------------------------------


@walk("second-initial-order", "create_order")
async def second_initial_order(case: Case) -> None:
    mission = await case.world.mission()
    case.refused(await order(case.world, mission.id, reference="BC-2"))
    case.cured(await amend(case.world, mission, days=10))


@walk("order-missing", "create_order")
async def order_missing(case: Case) -> None:
    mission = await bare(case.world)
    amendment = {"kind": "amendment", "reference": "BC-2", "reason": "More to do."}
    case.refused(await order(case.world, mission, **amendment))
    ok(await order(case.world, mission), 201)
    case.cured(await order(case.world, mission, **amendment))


@walk("ordered-below-entered", "create_order")
async def ordered_below_entered(case: Case) -> None:
    world = case.world
    mission = await world.mission(days=2, partner=2)
    entries = [await submitted(world, mission, worked_on=day, days=1) for day in (DAY, "2023-07-05")]
    case.refused(await amend(world, mission, days=-1.5))
    ok(await reverse(world.consultant, entries[0]))
    ok(await allot(world, mission, 1))
    case.refused(await amend(world, mission, days=-1.5))
    case.cured(await amend(world, mission, days=-1))


@walk("amendment-too-early", "create_order")
async def amendment_too_early(case: Case) -> None:
    world = case.world
    mission = await world.mission(days=2, lead=0, partner=1)
    entry = await submitted(world, mission, worked_on=DAY, days=1)
    ok(await amend(world, mission, days=1, signed_on="2023-08-01", reference="BC-2"), 201)
    early = {"days": -1.25, "signed_on": "2023-07-10", "reference": "BC-3"}
    case.refused(await amend(world, mission, **early))
    for other in ({"days": -1}, {"signed_on": "2023-08-02"}):
        case.cured(await dry(world, mission, early | other))
    ok(await reverse(world.consultant, entry))
    case.cured(await amend(world, mission, **early))


async def dry(world: World, mission: Mission, order: dict[str, Any]) -> httpx2.Response:
    """Whether an amendment would be accepted."""
    body = {"kind": "amendment", "reason": "Less to do.", **order}
    return await world.operator.post(f"missions/{mission.id}/orders", body, params={"dry_run": "true"})


@walk("allotments-exceed-order", "create_order", "create_mission_member", "update_mission_member")
async def allotments_exceed_order(case: Case) -> None:
    world = case.world
    mission = await world.mission(days=10, lead=5, partner=5)

    async def act(days: float) -> httpx2.Response:
        if case.act == "create_order":
            return await amend(world, mission, days=-days, reference="BC-5")
        if case.act == "create_mission_member":
            return await member(world, mission.id, "office", "partner", days)
        return await allot(world, mission, 5 + days)

    case.refused(await act(1))
    ok(await allot(world, mission, 4))
    if case.act != "update_mission_member":  # where fewer days are allotted already
        case.cured(await act(1))
    ok(await amend(world, mission, days=8, reference="BC-9"), 201)
    if case.act == "update_mission_member":
        case.cured(await act(1))


@walk("entries-outside-window", "create_order")
async def entries_outside_window(case: Case) -> None:
    """An amendment that ends the window before what is entered; the last day entered is the one that is left out."""
    world = case.world
    mission = await world.mission(late_entry_grace_days=3660)
    moved, recalled = [await submitted(world, mission, worked_on=day) for day in ("2023-08-01", "2023-08-02")]
    judged = await validated(world, mission, worked_on="2023-08-03")
    last = await submitted(world, mission, worked_on="2023-08-04")
    told = case.refused(await amend(world, mission, ends_on="2023-07-31"))
    assert told["entries"] == 4
    ok(await world.consultant.patch(f"time-entries/{moved}", {"worked_on": "2023-07-10"}))
    ok(await world.consultant.post(f"time-entries/{recalled}/recall"))
    ok(await reverse(world.lead, judged))
    ok(await reverse(world.consultant, last))
    case.cured(await amend(world, mission, ends_on="2023-07-31"))


# --- members ---------------------------------------------------------------------------------------------------------


@walk("second-lead", "create_mission_member", "update_mission_member")
async def second_lead(case: Case) -> None:
    world = case.world
    mission = await world.mission(days=10, lead=5, partner=2)
    lead = f"missions/{mission.id}/members/{mission.lead_member}"

    async def act() -> httpx2.Response:
        if case.act == "create_mission_member":
            return await member(world, mission.id, "office", "lead", 1)
        path = f"missions/{mission.id}/members/{mission.partner_member}"
        return await world.operator.patch(path, {"role": "lead"})

    case.refused(await act())
    ok(await world.operator.patch(lead, {"role": "partner"}))
    case.cured(await act())


@walk("allotment-below-entered", "update_mission_member")
async def allotment_below_entered(case: Case) -> None:
    world = case.world
    mission = await world.mission(days=10, lead=5, partner=5)
    entries = [await submitted(world, mission, worked_on=day, days=1) for day in (DAY, "2023-07-05")]
    told = case.refused(await allot(world, mission, 1))
    case.cured(await allot(world, mission, told["days_entered"]))
    ok(await reverse(world.consultant, entries[0]))
    case.cured(await allot(world, mission, 1))


# --- assignments and rates -------------------------------------------------------------------------------------------


async def assign(world: World, mission: str, person: Any, **more: Any) -> httpx2.Response:
    body = {"person_id": str(person), "mission_id": mission, "from_on": "2023-01-01", **more}
    return await world.operator.post("consultants", body)


@walk("person-not-in-consortium", "create_consultant")
async def person_not_in_consortium(case: Case) -> None:
    world = case.world
    mission = await world.mission(days=10, lead=5, partner=4)
    person = await world.add_person("office")
    case.refused(await assign(world, mission.id, person))
    ok(await member(world, mission.id, "office", "partner", 1), 201)
    case.cured(await assign(world, mission.id, person))


@walk("already-assigned", "create_consultant", "update_consultant")
async def already_assigned(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    person = await world.add_person()
    first = ok(await assign(world, mission.id, person, to_on="2023-07-31"), 201)["id"]
    if case.act == "create_consultant":
        case.refused(await assign(world, mission.id, person, from_on="2023-07-15"))
        ok(await world.operator.patch(f"consultants/{first}", {"to_on": "2023-07-14"}))
        case.cured(await assign(world, mission.id, person, from_on="2023-07-15"))
        return
    later = ok(await assign(world, mission.id, person, from_on="2023-08-01"), 201)["id"]
    case.refused(await world.operator.patch(f"consultants/{first}", {"to_on": "2023-08-31"}))
    ok(await world.operator.patch(f"consultants/{later}", {"from_on": "2023-09-01"}))
    case.cured(await world.operator.patch(f"consultants/{first}", {"to_on": "2023-08-31"}))


@walk("entries-outside-assignment", "update_consultant")
async def entries_outside_assignment(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    path = f"consultants/{mission.partner_consultant}"
    moved, taken_back = [await submitted(world, mission, worked_on=day) for day in ("2023-08-01", "2023-08-02")]
    judged = await validated(world, mission, worked_on="2023-08-03")
    draft = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-08-04", status="draft")), 201)
    case.refused(await world.operator.patch(path, {"to_on": "2023-07-31"}))
    ok(await world.consultant.patch(f"time-entries/{moved}", {"worked_on": DAY}))
    ok(await reverse(world.consultant, taken_back))
    ok(await reverse(world.lead, judged))
    ok(await world.consultant.delete(f"time-entries/{draft['id']}"))
    case.cured(await world.operator.patch(path, {"to_on": "2023-07-31"}))


@walk("rates-overlap", "create_rate", "update_rate")
async def rates_overlap(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    path = f"missions/{mission.id}/rates"
    rate = {"organisation_id": str(world.organisations["lead"]), "profile": "senior", "day_rate_cents": 100_000}

    async def make(from_on: str, to_on: str | None) -> httpx2.Response:
        return await world.operator.post(path, {**rate, "from_on": from_on, "to_on": to_on})

    async def end(rate_id: str, to_on: str | None) -> httpx2.Response:
        known = await world.operator.get(f"{path}/{rate_id}")
        headers = {"If-Match": known.headers["etag"]}
        return await world.operator.patch(f"{path}/{rate_id}", {"to_on": to_on}, headers=headers)

    first = ok(await make("2023-01-01", None if case.act == "create_rate" else "2023-06-30"), 201)["id"]
    if case.act == "create_rate":
        case.refused(await make("2023-07-01", None))
        ok(await end(first, "2023-06-30"))
        case.cured(await make("2023-07-01", None))
        return
    ok(await make("2023-07-01", "2023-12-31"), 201)
    second = ok(await make("2022-01-01", "2022-06-30"), 201)["id"]
    case.refused(await end(second, "2023-03-31"))
    ok(await end(first, "2023-01-01"))
    case.refused(await end(second, "2023-03-31"))
    case.cured(await end(second, "2022-12-31"))


@walk("mission-transition", "close_mission", "cancel_mission")
async def mission_transition(case: Case) -> None:
    world = case.world
    step, reason = case.act.split("_")[0], {"reason": "Made twice."}
    for ended in ("close", "cancel"):
        path = f"missions/{(await world.mission()).id}"
        ok(await world.operator.post(f"{path}/{ended}", reason))
        case.refused(await world.operator.post(f"{path}/{step}", reason))
        ok(await world.operator.post(f"{path}/reopen", reason))
        case.cured(await world.operator.post(f"{path}/{step}", reason))


@walk("mission-in-use", "cancel_mission")
async def mission_in_use(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    entry = await submitted(world, mission)
    reason = {"reason": "Made twice."}
    case.refused(await world.operator.post(f"missions/{mission.id}/cancel", reason))
    ok(await world.consultant.post(f"time-entries/{entry}/recall"))
    case.cured(await world.operator.post(f"missions/{mission.id}/cancel", reason))
    other = await world.mission()
    await submitted(world, other, worked_on="2023-07-20")
    case.refused(await world.operator.post(f"missions/{other.id}/cancel", reason))
    case.cured(await world.operator.post(f"missions/{other.id}/close", reason))


async def end_rate(world: World, path: str, **values: Any) -> httpx2.Response:
    tag = (await world.operator.get(path)).headers["etag"]
    return await world.operator.patch(path, values, headers={"If-Match": tag})


async def cancel(world: World, certificate: dict[str, Any]) -> None:
    path = f"service-certificates/{certificate['id']}"
    tag = (await world.operator.get(path)).headers["etag"]
    ok(await world.operator.post(f"{path}/cancel", {"reason": "The price."}, headers={"If-Match": tag}), 201)


@walk("rate-certified", "update_rate")
async def rate_certified(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    await validated(world, mission, worked_on=DAY)
    made = await world.certify(mission)
    home = f"missions/{mission.id}/rates"
    [rate] = ok(await world.operator.get(f"{home}?organisation_id={world.organisations['partner']}"))["items"]
    path = f"{home}/{rate['id']}"
    told = case.refused(await end_rate(world, path, day_rate_cents=1))
    case.cured(await end_rate(world, path, to_on=told["certified_until_on"]))
    another = {name: rate[name] for name in ("organisation_id", "profile")} | {"day_rate_cents": 1}
    ok(await world.operator.post(home, {**another, "from_on": "2023-07-05"}), 201)
    case.refused(await end_rate(world, path, day_rate_cents=1))
    await cancel(world, made)
    case.cured(await end_rate(world, path, day_rate_cents=1))


@walk("profile-certified", "update_consultant")
async def profile_certified(case: Case) -> None:
    world = case.world
    mission = await world.mission()
    path = f"consultants/{mission.partner_consultant}"
    await validated(world, mission, worked_on=DAY)
    made = await world.certify(mission)
    known = ok(await world.operator.get(path))
    case.refused(await world.operator.patch(path, {"profile": "junior"}))
    ok(await world.operator.patch(path, {"to_on": DAY}))
    ok(await assign(world, mission.id, known["person_id"], from_on="2023-07-05", profile="junior"), 201)
    await cancel(world, made)
    case.cured(await world.operator.patch(path, {"profile": "junior"}))
