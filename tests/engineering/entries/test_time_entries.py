"""Time entries as people use them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.core import clock
from tests.world import Client, Mission, World, fresh_siren, ok, problem

NOWHERE = "019a9f5e-0000-7000-8000-000000000000"


async def enter(world: World, mission: Mission, *, by: str = "partner", **more: Any) -> dict[str, Any]:
    client = world.lead if by == "lead" else world.consultant
    entry: dict[str, Any] = ok(await client.post("time-entries", mission.entry(by=by, **more)), 201)
    return entry


async def program(world: World, name: str, organisation: str, role: str) -> Client:
    """A service account with a key."""
    async with world.pool.acquire() as connection:
        return await world.add_subject(connection, name, organisation, role, kind="service_account")


async def test_an_entry_is_submitted_and_counts_at_once(world: World) -> None:
    mission = await world.mission(days=10)
    made = await world.consultant.post("time-entries", mission.entry(days=0.75, note="Visite d'atelier"))
    entry = ok(made, 201)
    assert entry["status"] == "submitted"
    assert entry["days"] == 0.75
    assert made.headers["location"] == f"/v1/territories/{world.territory}/time-entries/{entry['id']}"
    read = await world.consultant.get(f"time-entries/{entry['id']}")
    assert ok(read) == entry
    assert read.headers["etag"] == made.headers["etag"]
    follow_up = await world.follow_up()
    assert (follow_up["days_ordered"], follow_up["days_entered"], follow_up["days_left"]) == (10, 0.75, 9.25)


async def test_the_life_of_an_entry_from_draft_to_validated(world: World) -> None:
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)
    assert (await world.follow_up())["days_entered"] == 0
    assert (await world.follow_up())["days_draft"] == 0.5
    ok(await world.consultant.post(f"time-entries/{entry['id']}/submit"))
    assert (await world.follow_up())["days_entered"] == 0.5
    validated = ok(await world.lead_judge.post(f"time-entries/{entry['id']}/validate"))
    assert validated["status"] == "validated"
    assert validated["validated_by"] == str(world.subjects["lead_judge"])
    problem(await world.consultant.patch(f"time-entries/{entry['id']}", {"days": 0.25}), 409, "entry-locked")
    reason = {"reason": "Wrong day."}
    problem(await world.consultant.post(f"time-entries/{entry['id']}/reverse", reason), 403, "reversal-reserved")
    ok(await world.lead_judge.post(f"time-entries/{entry['id']}/reverse", reason))
    assert (await world.follow_up())["days_left"] == 10


async def test_days_beyond_the_order_are_refused_with_figures(world: World) -> None:
    mission = await world.mission(days=1, partner=1)
    ok(await world.consultant.post("time-entries", mission.entry(days=0.75)), 201)
    answer = await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-05"))
    refused = problem(answer, 409, "days-exhausted")
    assert (refused["days_requested"], refused["days_left"], refused["days_ordered"]) == (0.5, 0.25, 1)


async def test_an_entry_shows_its_neighbours_names(world: World) -> None:
    mission = await world.mission(days=10, people={"partner": await world.add_person("partner", "Consultante A")})
    siren = await world.followed_firm("Mécanique")
    made = await enter(world, mission, siren=siren, external_id="CRA-7")
    assert (made["consultant_name"], made["firm_name"], made["mission_name"]) == (
        "Consultante A",
        "Mécanique",
        "Mission",
    )
    assert made["organisation_name"] == f"partner of {world.territory}"
    assert made["entered_by"] == str(world.subjects["consultant"])
    assert (made["counted_on"], made["validated_by"], made["version"]) == (made["worked_on"], None, 1)
    [event] = await world.events(made["id"])
    assert event["type"] == "time_entry.created"
    assert "Consultante A" not in event["data"]


# --- every state and every action, through HTTP ----------------------------------------------------------------------

BODIES: dict[str, Any] = {"reject": {"reason": "Which firm?"}, "reverse": {"reason": "Twice."}}


async def in_state(world: World, mission: Mission, state: str, **more: Any) -> str:
    """The address of an entry that has come to this state."""
    entry = await enter(world, mission, status="draft" if state == "draft" else "submitted", **more)
    address = f"time-entries/{entry['id']}"
    action = {"validated": "validate", "rejected": "reject", "reversed": "reverse"}.get(state)
    if action:
        client = world.consultant if action == "reverse" else world.lead_judge
        ok(await client.post(f"{address}/{action}", BODIES.get(action)))
    assert ok(await world.consultant.get(address))["status"] == state
    return address


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        ("draft", {"submit": "submitted", "patch": "draft", "delete": ""}),
        ("submitted", {"recall": "draft", "validate": "validated", "reject": "rejected", "reverse": "reversed",
                       "patch": "submitted"}),
        ("validated", {"reverse": "reversed"}),
        ("rejected", {"recall": "draft"}),
        ("reversed", {}),
    ],
)  # fmt: skip
async def test_what_may_be_done_in_each_state(world: World, state: str, allowed: dict[str, str]) -> None:
    mission = await world.mission(days=20)
    for number, action in enumerate(["submit", "recall", "validate", "reject", "reverse", "patch", "delete"]):
        address = await in_state(world, mission, state, worked_on=f"2023-07-{number + 3:02}")
        client = world.lead_judge if action in ("validate", "reject", "reverse") else world.consultant
        if action == "patch":
            answer = await client.patch(address, {"note": "Mended."})
        elif action == "delete":
            answer = await client.delete(address)
        else:
            answer = await client.post(f"{address}/{action}", BODIES.get(action))
        if action in allowed:
            found = ok(answer, 204 if action == "delete" else 200)
            assert (found or {"status": ""})["status"] == allowed[action], action
        else:
            refused = problem(answer, 409, "entry-locked" if action in ("patch", "delete") else "invalid-transition")
            assert refused["current"] == state
            assert ok(await client.get(address))["status"] == state


async def test_a_certified_entry_is_touched_no_more(world: World) -> None:
    mission = await world.mission(days=10)
    address = await in_state(world, mission, "validated")
    await world.certify(mission)
    for action in ("submit", "recall", "reverse"):
        problem(await world.consultant.post(f"{address}/{action}", BODIES.get(action)), 409, "invalid-transition")
    problem(await world.consultant.patch(address, {"note": "X"}), 409, "entry-locked")
    problem(await world.consultant.delete(address), 409, "entry-locked")
    found = await world.follow_up()
    assert (found["days_certified"], found["days_validated"], found["days_entered"]) == (0.5, 0.5, 0.5)


async def test_each_step_of_a_life_is_told(world: World) -> None:
    mission = await world.mission(days=10)
    address = await in_state(world, mission, "draft")
    entry = address.rpartition("/")[2]
    for client, action in (
        (world.consultant, "submit"), (world.lead_judge, "reject"), (world.consultant, "recall"),
        (world.consultant, "submit"), (world.lead_judge, "validate"), (world.lead_judge, "reverse"),
    ):  # fmt: skip
        ok(await client.post(f"{address}/{action}", BODIES.get(action)))
    told = await world.events(entry)
    assert [event["type"].partition(".")[2] for event in told] == [
        "created", "submitted", "rejected", "recalled", "submitted", "validated", "reversed",
    ]  # fmt: skip
    assert [event["resource_version"] for event in told] == [1, 2, 3, 4, 5, 6, 7]
    assert {event["territory"] for event in told} == {world.territory}
    assert told[2]["actor_id"] == world.subjects["lead_judge"]


async def test_a_recalled_entry_forgets_why_it_was_rejected(world: World) -> None:
    mission = await world.mission(days=10)
    address = await in_state(world, mission, "rejected")
    assert ok(await world.consultant.get(address))["reason"] == "Which firm?"
    assert ok(await world.consultant.post(f"{address}/recall"))["reason"] is None


@pytest.mark.parametrize("action", ["reject", "reverse"])
@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": None}, {"reason": "x" * 1001}, None])
async def test_a_reason_is_given(world: World, action: str, body: Any) -> None:
    mission = await world.mission(days=10)
    address = await in_state(world, mission, "submitted")
    client = world.lead_judge if action == "reject" else world.consultant
    answer = await client.post(f"{address}/{action}", body)
    assert answer.status_code in (415, 422), answer.text
    assert ok(await client.get(address))["status"] == "submitted"


async def test_an_action_on_a_version_that_is_gone_is_stale(world: World) -> None:
    mission = await world.mission(days=10)
    address = await in_state(world, mission, "submitted")
    tag = (await world.lead_judge.get(address)).headers["etag"]
    ok(await world.consultant.patch(address, {"days": 1}))
    refused = await world.lead_judge.post(f"{address}/validate", headers={"If-Match": tag})
    assert problem(refused, 412, "stale-version")["current_version"] == 2
    fresh = (await world.lead_judge.get(address)).headers["etag"]
    ok(await world.lead_judge.post(f"{address}/validate", headers={"If-Match": fresh}))


async def test_of_twenty_judgements_at_once_one_is_made(world: World) -> None:
    mission = await world.mission(days=10)
    address = await in_state(world, mission, "submitted")
    judged = (
        world.lead_judge.post(f"{address}/{action}", BODIES.get(action)) for action in ["validate", "reject"] * 10
    )
    answers = await asyncio.gather(*judged)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert len(await world.events(address.rpartition("/")[2])) == 2


# --- who -------------------------------------------------------------------------------------------------------------


async def test_nobody_validates_what_he_entered(world: World) -> None:
    mission = await world.mission(days=10)
    address = f"time-entries/{(await enter(world, mission, by='lead'))['id']}"
    for action in ("validate", "reject"):
        problem(await world.lead.post(f"{address}/{action}", BODIES.get(action)), 403, "separation-of-duties")
    ok(await world.lead_judge.post(f"{address}/validate"))


async def test_nobody_validates_what_he_changed(world: World) -> None:
    mission = await world.mission(days=10)
    address = f"time-entries/{(await enter(world, mission, by='lead'))['id']}"
    ok(await world.lead_judge.patch(address, {"note": "Mended."}))
    problem(await world.lead_judge.post(f"{address}/validate"), 403, "separation-of-duties")


async def test_nobody_validates_what_he_submitted(world: World) -> None:
    mission = await world.mission(days=10)
    address = f"time-entries/{(await enter(world, mission, by='lead', status='draft'))['id']}"
    ok(await world.lead_judge.post(f"{address}/submit"))
    problem(await world.lead_judge.post(f"{address}/validate"), 403, "separation-of-duties")


async def test_nobody_validates_what_he_worked(world: World) -> None:
    mission = await world.mission(days=10, people={"lead": world.subjects["lead_judge"]})
    address = f"time-entries/{(await enter(world, mission, by='lead'))['id']}"
    for action in ("validate", "reject"):
        problem(await world.lead_judge.post(f"{address}/{action}", BODIES.get(action)), 403, "separation-of-duties")


async def test_reading_or_reversing_makes_nobody_an_author(world: World) -> None:
    mission = await world.mission(days=10)
    address = await in_state(world, mission, "submitted")
    ok(await world.lead_judge.get(address))
    same = {"note": None, "days": 0.5}
    problem(await world.lead_judge.patch(address, same), 403, "other-organisation")
    ok(await world.lead_judge.post(f"{address}/validate"))


async def test_a_program_enters_days_and_never_validates_them(world: World) -> None:
    mission = await world.mission(days=10)
    robot = await program(world, "robot", "lead", "lead")
    mine = ok(await robot.post("time-entries", mission.entry(by="lead")), 201)
    theirs = await enter(world, mission)
    for entry in (mine, theirs):
        for action in ("validate", "reject"):
            answer = await robot.post(f"time-entries/{entry['id']}/{action}", BODIES.get(action))
            problem(answer, 403, "person-required")
    ok(await world.lead_judge.post(f"time-entries/{mine['id']}/validate"))


async def test_only_the_missions_own_lead_firm_judges(world: World) -> None:
    mission = await world.mission(days=10)
    async with world.pool.acquire() as connection:
        other_lead = await world.add_subject(connection, "other_lead", "office", "lead")
    address = await in_state(world, mission, "submitted")
    for action in ("validate", "reject"):
        problem(await other_lead.post(f"{address}/{action}", BODIES.get(action)), 403, "not-the-lead-firm")
    problem(await other_lead.post(f"{address}/reverse", BODIES["reverse"]), 403, "other-organisation")


async def test_the_lead_firm_changes_with_the_consortium(world: World) -> None:
    mission = await world.mission(days=10)
    address = await in_state(world, mission, "submitted")
    ok(await world.operator.patch(f"missions/{mission.id}/members/{mission.lead_member}", {"role": "partner"}))
    problem(await world.lead_judge.post(f"{address}/validate"), 403, "not-the-lead-firm")


async def test_a_consultant_sees_its_own_houses_entries_alone(world: World) -> None:
    mission = await world.mission(days=10)
    mine, theirs = await enter(world, mission), await enter(world, mission, by="lead")
    assert [item["id"] for item in ok(await world.consultant.get("time-entries"))["items"]] == [mine["id"]]
    assert ok(await world.consultant.get("time-entries?count=exact"))["total"] == 1
    house = {"organisation_id": str(world.organisations["lead"])}
    assert ok(await world.consultant.get("time-entries", params=house))["items"] == []
    address = f"time-entries/{theirs['id']}"
    problem(await world.consultant.get(address), 404, "not-found")
    problem(await world.consultant.patch(address, {"days": 1}), 404, "not-found")
    problem(await world.consultant.delete(address), 404, "not-found")
    for action in ("submit", "recall", "reverse"):
        problem(await world.consultant.post(f"{address}/{action}", BODIES.get(action)), 404, "not-found")
    absent = await world.consultant.patch(f"time-entries/{NOWHERE}", {"days": 1})
    problem(absent, 404, "not-found")
    assert ok(await world.lead.get(address)) == theirs


async def test_a_lead_sees_all_entries_and_changes_its_own_alone(world: World) -> None:
    mission = await world.mission(days=10)
    mine, theirs = await enter(world, mission, by="lead"), await enter(world, mission)
    listed = {item["id"] for item in ok(await world.lead.get("time-entries"))["items"]}
    assert listed == {mine["id"], theirs["id"]}
    ok(await world.lead.patch(f"time-entries/{mine['id']}", {"note": "Mine."}))
    address = f"time-entries/{theirs['id']}"
    problem(await world.lead.patch(address, {"note": "Not mine."}), 403, "other-organisation")
    problem(await world.lead.delete(address), 403, "other-organisation")
    for action in ("submit", "recall"):
        problem(await world.lead.post(f"{address}/{action}"), 403, "other-organisation")
    assert ok(await world.lead.post(f"{address}/reverse", {"reason": "Not worked."}))["status"] == "reversed"


async def test_a_partner_never_reverses_the_leads_entries(world: World) -> None:
    mission = await world.mission(days=10)
    theirs = await enter(world, mission, by="lead")
    async with world.pool.acquire() as connection:
        both = await world.add_subject(connection, "both", "partner", "consultant")
        await connection.execute(
            "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
            " VALUES ($1, 'auditor', $2, '2020-01-01', now(), now(), now())",
            world.subjects["both"],
            world.territory,
        )
    answer = await both.post(f"time-entries/{theirs['id']}/reverse", {"reason": "Mine!"})
    problem(answer, 403, "other-organisation")


async def test_days_are_entered_for_persons_of_ones_own_organisation(world: World) -> None:
    mission = await world.mission(days=10)
    refused = await world.consultant.post("time-entries", mission.entry(by="lead"))
    problem(refused, 403, "other-organisation")
    draft = await world.consultant.post("time-entries", mission.entry(by="lead", status="draft"))
    problem(draft, 403, "other-organisation")
    mixed = {"items": [mission.entry(), mission.entry(by="lead")]}
    problem(await world.consultant.post("time-entries/batch", mixed), 403, "other-organisation")
    entry = await enter(world, mission)
    moved = await world.consultant.patch(f"time-entries/{entry['id']}", {"consultant_id": mission.lead_consultant})
    problem(moved, 403, "other-organisation")
    assert (await world.follow_up())["days_entered"] == 0.5


async def test_entries_of_another_territory_are_not_there(world: World, other: World) -> None:
    mission = await other.mission(days=10)
    entry = await enter(other, mission)
    for client in (world.operator, world.lead):
        problem(await client.get(f"time-entries/{entry['id']}"), 404, "not-found")
    problem(await world.lead_judge.post(f"time-entries/{entry['id']}/validate"), 404, "not-found")
    problem(await world.consultant.patch(f"time-entries/{entry['id']}", {"days": 1}), 404, "not-found")
    problem(await world.consultant.post("time-entries", mission.entry()), 404, "reference-not-found")


# --- when and where --------------------------------------------------------------------------------------------------


async def test_no_day_to_come_is_entered(world: World) -> None:
    mission = await world.mission(days=10, ends_on="2199-12-31")
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    for status in ("submitted", "draft"):
        refused = await world.consultant.post("time-entries", mission.entry(worked_on=tomorrow, status=status))
        [error] = problem(refused, 422, "validation-failed")["errors"]
        assert (error["pointer"], error["code"]) == ("/worked_on", "future_day")
    items = [mission.entry(), mission.entry(worked_on=tomorrow)]
    refused = await world.consultant.post("time-entries/batch", {"items": items})
    assert [error["pointer"] for error in problem(refused, 422, "validation-failed")["errors"]] == [
        "/items/1/worked_on"
    ]
    entry = await enter(world, mission)
    problem(
        await world.consultant.patch(f"time-entries/{entry['id']}", {"worked_on": tomorrow}), 422, "validation-failed"
    )
    ok(await world.consultant.post("time-entries", mission.entry(worked_on=clock.today().isoformat())), 201)


async def test_today_begins_in_paris(world: World) -> None:
    mission = await world.mission(days=10)
    entry = mission.entry(worked_on="2023-07-14")
    with clock.frozen(datetime.fromisoformat("2023-07-13T21:59:59Z")):
        problem(await world.consultant.post("time-entries", entry), 422, "validation-failed")
    with clock.frozen(datetime.fromisoformat("2023-07-13T22:00:00Z")):
        ok(await world.consultant.post("time-entries", entry), 201)


@pytest.mark.parametrize(
    ("day", "inside"),
    [("2023-06-13", False), ("2023-06-14", True), ("2023-09-30", True), ("2023-10-01", False), ("2023-07-14", True)],
)
async def test_the_window_holds_its_first_and_its_last_day(world: World, day: str, inside: bool) -> None:
    mission = await world.mission(days=10)
    answer = await world.consultant.post("time-entries", mission.entry(worked_on=day))
    if inside:
        ok(answer, 201)
    else:
        refused = problem(answer, 409, "outside-mission-window")
        assert (refused["starts_on"], refused["ends_on"]) == ("2023-06-14", "2023-09-30")


@pytest.mark.parametrize("day", ["2024-02-29", "2025-03-30", "2025-10-26", "2024-12-31", "2025-01-01"])
async def test_a_day_is_a_day_whatever_the_clock_does(world: World, day: str) -> None:
    mission = await world.mission(days=10, starts_on=day, ends_on=day)
    entry = await enter(world, mission, worked_on=day, days=1)
    assert (entry["worked_on"], entry["counted_on"]) == (day, day)
    refused = await world.consultant.post("time-entries", mission.entry(worked_on=day, days=0.25))
    told = problem(refused, 409, "person-day-exceeded")
    assert (told["worked_on"], told["days_requested"], told["days_left"]) == (day, 0.25, 0)
    assert "errors" not in told  # one entry: there is no row to name


@pytest.mark.parametrize("day", ["2023-02-29", "2023-13-01", "2023-7-4", "04/07/2023", "1899-12-31", 20230704, None])
async def test_what_is_no_day_is_refused(world: World, day: Any) -> None:
    mission = await world.mission(days=10)
    refused = await world.consultant.post("time-entries", {**mission.entry(), "worked_on": day})
    assert [error["pointer"] for error in problem(refused, 422, "validation-failed")["errors"]] == ["/worked_on"]


@pytest.mark.parametrize(
    ("day", "inside"), [("2023-07-02", False), ("2023-07-03", True), ("2023-07-07", True), ("2023-07-08", False)]
)
async def test_an_assignment_holds_its_first_and_its_last_day(world: World, day: str, inside: bool) -> None:
    mission = await world.mission(days=10)
    dates = {"from_on": "2023-07-03", "to_on": "2023-07-07"}
    ok(await world.operator.patch(f"consultants/{mission.partner_consultant}", dates))
    for status in ("submitted", "draft"):
        answer = await world.consultant.post("time-entries", mission.entry(worked_on=day, days=0.25, status=status))
        if inside:
            ok(answer, 201)
        else:
            refused = problem(answer, 409, "outside-assignment")
            assert (refused["from_on"], refused["to_on"]) == ("2023-07-03", "2023-07-07")


@pytest.mark.parametrize("days", [0, -0.25, 1.25, 0.3, 0.125, "0.5", True, None, 1e-3, 100])
async def test_a_part_of_a_day_is_one_to_four_quarters(world: World, days: Any) -> None:
    mission = await world.mission(days=10)
    refused = await world.consultant.post("time-entries", {**mission.entry(), "days": days})
    assert [error["pointer"] for error in problem(refused, 422, "validation-failed")["errors"]] == ["/days"]


@pytest.mark.parametrize(("days", "taken"), [(0.25, False), (0.5, True), (0.75, False), (1, True), (1.0, True)])
async def test_a_mission_in_half_days_takes_no_quarters(world: World, days: float, taken: bool) -> None:
    mission = await world.mission(days=10, step=0.5)
    answer = await world.consultant.post("time-entries", mission.entry(days=days))
    if taken:
        ok(answer, 201)
    else:
        assert problem(answer, 409, "off-step")["step"] == 0.5
    assert (await world.follow_up())["days_entered"] == (days if taken else 0)


async def test_a_batch_of_quarters_is_off_the_step_of_half_days_even_where_their_sum_is_on_it(world: World) -> None:
    mission = await world.mission(days=10, step=0.5)
    items = [mission.entry(days=0.25, worked_on=day) for day in ("2023-07-04", "2023-07-05")]
    refused = problem(await world.consultant.post("time-entries/batch", {"items": items}), 409, "off-step")
    assert refused["step"] == 0.5
    assert (await world.follow_up())["days_entered"] == 0
    for item in items:
        item["status"] = "draft"
    ok(await world.consultant.post("time-entries/batch", {"items": items}), 201)


async def test_a_step_that_changes_under_a_batch_refuses_it(world: World) -> None:
    """The batch has read a step of a quarter; an operator's change commits before the batch spends."""
    mission = await world.mission(days=10)
    items = [mission.entry(days=0.25, worked_on=day) for day in ("2023-07-04", "2023-07-05")]
    async with world.pool.acquire() as operator:
        change = operator.transaction()
        await change.start()
        await operator.execute("UPDATE missions SET step = 0.5 WHERE id = $1::text::uuid", mission.id)
        batch = asyncio.create_task(world.consultant.post("time-entries/batch", {"items": items}))
        async with asyncio.timeout(10):
            while not await waits(world):  # noqa: ASYNC110  # another server process waits
                await asyncio.sleep(0.01)  # the batch reaches the limit row that the change holds
        await change.commit()
    assert problem(await batch, 409, "off-step")["step"] == 0.5
    assert ok(await world.lead.get("time-entries"))["items"] == []


async def waits(world: World) -> bool:
    """Whether somebody waits for a mission's limit row."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE mission_days%'"
    )
    return bool(await world.pool.fetchval(waiting))


# --- the limits, each by its name ------------------------------------------------------------------------------------


async def test_a_person_has_one_day_a_date_over_all_territories(world: World, other: World) -> None:
    """The refusal tells another territory nothing but the date."""
    person = await world.add_person("partner")
    here = await world.mission(days=10, people={"partner": person})
    other.organisations["partner"] = world.organisations["partner"]
    there = await other.mission(days=10, people={"partner": person})
    async with other.pool.acquire() as connection:
        colleague = await other.add_subject(connection, "colleague", "partner", "consultant")
    ok(await world.consultant.post("time-entries", here.entry(days=0.75)), 201)
    refused = problem(await colleague.post("time-entries", there.entry(days=0.5)), 409, "person-day-exceeded")
    assert refused["worked_on"] == "2023-07-04"
    assert world.territory not in str({name: refused[name] for name in refused if name != "instance"})
    assert not [name for name in refused if name.startswith("days")]
    ok(await colleague.post("time-entries", there.entry(days=0.25)), 201)
    problem(await world.consultant.post("time-entries", here.entry(days=0.25)), 409, "person-day-exceeded")


async def test_an_allotment_is_exhausted_before_the_order_is(world: World) -> None:
    mission = await world.mission(days=10, lead=9, partner=1)
    await enter(world, mission, days=1)
    refused = await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-05", days=0.25))
    told = problem(refused, 409, "allotment-exhausted")
    assert (told["days_requested"], told["days_left"], told["days_allotted"]) == (0.25, 0, 1)
    await enter(world, mission, by="lead", days=1)


async def test_drafts_take_nothing_until_they_are_submitted(world: World) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    drafts = [await enter(world, mission, days=1, worked_on=f"2023-07-0{n}", status="draft") for n in (4, 4, 5)]
    assert (await world.follow_up())["days_draft"] == 3
    ok(await world.consultant.post(f"time-entries/{drafts[0]['id']}/submit"))
    problem(await world.consultant.post(f"time-entries/{drafts[1]['id']}/submit"), 409, "days-exhausted")
    problem(await world.consultant.post(f"time-entries/{drafts[2]['id']}/submit"), 409, "days-exhausted")
    ok(await world.consultant.post(f"time-entries/{drafts[0]['id']}/recall"))
    ok(await world.consultant.post(f"time-entries/{drafts[2]['id']}/submit"))


@pytest.mark.parametrize("free", ["recall", "reject", "reverse", "shrink", "move"])
async def test_what_an_entry_gives_back_is_free_at_once(world: World, free: str) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    entry = await enter(world, mission, days=1)
    address = f"time-entries/{entry['id']}"
    again = mission.entry(days=0.5, worked_on="2023-07-04")
    problem(await world.consultant.post("time-entries", again), 409, "days-exhausted")
    if free == "shrink":
        ok(await world.consultant.patch(address, {"days": 0.5}))
    elif free == "move":
        ok(await world.consultant.patch(address, {"days": 0.5, "worked_on": "2023-07-10"}))
    else:
        client = world.lead_judge if free == "reject" else world.consultant
        ok(await client.post(f"{address}/{free}", BODIES.get(free)))
    ok(await world.consultant.post("time-entries", again), 201)
    assert (await world.follow_up())["days_left"] == (0 if free in ("shrink", "move") else 0.5)


# --- change ----------------------------------------------------------------------------------------------------------


async def test_a_change_gives_back_and_takes_anew_in_one_step(world: World) -> None:
    """At the limit: an entry of a full day moves, though nothing else is left to take."""
    mission = await world.mission(days=1, lead=0, partner=1)
    entry = await enter(world, mission, days=1)
    address = f"time-entries/{entry['id']}"
    moved = ok(await world.consultant.patch(address, {"worked_on": "2023-07-05"}))
    assert (moved["worked_on"], moved["counted_on"]) == ("2023-07-05", "2023-07-05")
    days = await world.pool.fetch(
        "SELECT worked_on::text, days FROM person_days p JOIN consultants c USING (person_id)"
        " WHERE c.id = $1::text::uuid AND days > 0",
        mission.partner_consultant,
    )
    assert [(row["worked_on"], float(row["days"])) for row in days] == [("2023-07-05", 1.0)]


async def test_an_entry_moves_to_another_person_of_the_house(world: World) -> None:
    mission = await world.mission(days=10)
    colleague = await world.add_person("partner")
    assigned = {"person_id": str(colleague), "mission_id": mission.id, "from_on": "2023-06-14"}
    second = ok(await world.operator.post("consultants", assigned), 201)["id"]
    entry = await enter(world, mission, days=1)
    moved = ok(await world.consultant.patch(f"time-entries/{entry['id']}", {"consultant_id": second}))
    assert moved["consultant_id"] == second
    await enter(world, mission, days=1)
    answer = await world.consultant.post("time-entries", {**mission.entry(days=0.25), "consultant_id": second})
    problem(answer, 409, "person-day-exceeded")


async def test_an_entry_moves_to_another_mission_with_its_consultant(world: World) -> None:
    first, second = await world.mission(days=10), await world.mission(days=10)
    entry = await enter(world, first, days=1)
    address = f"time-entries/{entry['id']}"
    for half in ({"mission_id": second.id}, {"consultant_id": second.partner_consultant}):
        problem(await world.consultant.patch(address, half), 404, "reference-not-found")
    ok(await world.consultant.patch(address, {"mission_id": second.id, "consultant_id": second.partner_consultant}))
    for mission, entered in ((first, 0), (second, 1)):
        found = ok(await world.lead.get(f"engineering?mission_id={mission.id}"))
        assert found["days_entered"] == entered


async def test_a_change_beyond_a_limit_leaves_the_entry_as_it_was(world: World) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    entry = await enter(world, mission, days=0.5)
    await enter(world, mission, days=0.5, worked_on="2023-07-05")
    address = f"time-entries/{entry['id']}"
    refused = problem(await world.consultant.patch(address, {"days": 0.75}), 409, "days-exhausted")
    assert (refused["days_requested"], refused["days_left"]) == (0.25, 0)
    problem(await world.consultant.patch(address, {"worked_on": "2023-10-01"}), 409, "outside-mission-window")
    assert ok(await world.consultant.get(address)) == entry
    assert len(await world.events(entry["id"])) == 1


async def test_a_patch_that_changes_nothing_writes_nothing(world: World) -> None:
    mission = await world.mission(days=10)
    entry = await enter(world, mission, note="Visite")
    address = f"time-entries/{entry['id']}"
    tag = (await world.consultant.get(address)).headers["etag"]
    for body in ({}, {"note": "Visite"}, {"days": 0.5, "worked_on": "2023-07-04"}):
        answer = await world.consultant.patch(address, body)
        assert (ok(answer), answer.headers["etag"]) == (entry, tag)
    assert len(await world.events(entry["id"])) == 1


async def test_null_clears_what_can_be_cleared(world: World) -> None:
    mission = await world.mission(days=10)
    siren = await world.followed_firm()
    entry = await enter(world, mission, note="Visite", siren=siren, external_id="CRA-7")
    address = f"time-entries/{entry['id']}"
    cleared = ok(await world.consultant.patch(address, {"note": None, "siren": None, "external_id": None}))
    assert (cleared["note"], cleared["siren"], cleared["firm_name"], cleared["external_id"]) == (None,) * 4
    for field in ("days", "worked_on", "activity", "mission_id", "consultant_id"):
        refused = problem(await world.consultant.patch(address, {field: None}), 422, "validation-failed")
        assert all(error["pointer"].startswith(f"/{field}") for error in refused["errors"])


@pytest.mark.parametrize("field", ["status", "version", "entered_by", "validated_by", "counted_on", "territory", "id"])
async def test_what_the_service_decides_is_not_sent(world: World, field: str) -> None:
    mission = await world.mission(days=10)
    entry = await enter(world, mission)
    value = entry[field] or str(world.subjects["lead"])
    refused = await world.consultant.patch(f"time-entries/{entry['id']}", {field: value})
    code = "changed_elsewhere" if field == "status" else "unknown_field"
    assert problem(refused, 422, "validation-failed")["errors"][0]["code"] == code
    if field != "status":
        refused = await world.consultant.post("time-entries", {**mission.entry(), field: value})
        assert problem(refused, 422, "validation-failed")["errors"][0]["pointer"] == f"/{field}"
    problem(await world.consultant.post("time-entries", mission.entry(status="validated")), 422, "validation-failed")


async def test_a_draft_is_deleted_and_its_deletion_told(world: World) -> None:
    mission = await world.mission(days=10)
    entry = await enter(world, mission, status="draft")
    answer = await world.consultant.delete(f"time-entries/{entry['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    problem(await world.consultant.get(f"time-entries/{entry['id']}"), 404, "not-found")
    problem(await world.consultant.delete(f"time-entries/{entry['id']}"), 404, "not-found")
    assert [event["type"] for event in await world.events(entry["id"])] == ["time_entry.created", "time_entry.deleted"]


# --- references and external ids -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["submitted", "draft"])
async def test_an_entry_names_what_exists_here(world: World, other: World, status: str) -> None:
    mission, elsewhere = await world.mission(days=10), await other.mission(days=10)
    cases = {
        "/mission_id": {"mission_id": NOWHERE},
        "/consultant_id": {"consultant_id": elsewhere.partner_consultant},
        "/siren": {"siren": fresh_siren()},
    }
    for pointer, change in cases.items():
        answer = await world.consultant.post("time-entries", {**mission.entry(status=status), **change})
        refused = problem(answer, 404, "reference-not-found")
        assert pointer in {error["pointer"] for error in refused["errors"]}
    assert ok(await world.lead.get("time-entries"))["items"] == []


async def test_an_external_id_is_unique_in_its_territory_and_finds_its_entry(world: World, other: World) -> None:
    mission, there = await world.mission(days=10), await other.mission(days=10)
    first = await enter(world, mission, external_id="CRA-2023-07/4")
    await enter(other, there, external_id="CRA-2023-07/4")
    twin = mission.entry(worked_on="2023-07-05", external_id="CRA-2023-07/4")
    refused = problem(await world.consultant.post("time-entries", twin), 409, "already-exists")
    assert [error["pointer"] for error in refused["errors"]] == ["/external_id"]
    found = ok(await world.lead.get("time-entries", params={"external_id": "CRA-2023-07/4"}))["items"]
    assert [item["id"] for item in found] == [first["id"]]
    second = await enter(world, mission, worked_on="2023-07-05", external_id="CRA-5")
    changed = await world.consultant.patch(f"time-entries/{second['id']}", {"external_id": "CRA-2023-07/4"})
    problem(changed, 409, "already-exists")
    batch = {"items": [mission.entry(worked_on="2023-07-06", external_id="CRA-5")]}
    problem(await world.consultant.post("time-entries/batch", batch), 409, "already-exists")
    assert (await world.follow_up())["days_entered"] == 1


async def test_entries_are_filtered_and_sorted(world: World) -> None:
    mission = await world.mission(days=10)
    siren = await world.followed_firm()
    for day, more in (
        ("2023-07-03", {"activity": "framing"}),
        ("2023-07-04", {"siren": siren, "note": "Visite de l'Évêché"}),
        ("2023-07-05", {"status": "draft", "days": 1}),
    ):
        await enter(world, mission, worked_on=day, **more)

    async def days(query: str) -> list[str]:
        return [item["worked_on"][-1] for item in ok(await world.lead.get(f"time-entries?{query}"))["items"]]

    assert await days("worked_from=2023-07-04&sort=worked_on") == ["4", "5"]
    assert await days("worked_to=2023-07-04&sort=-worked_on") == ["4", "3"]
    assert await days("status=submitted&sort=worked_on") == ["3", "4"]
    assert await days("status=draft&status=validated") == ["5"]
    assert await days("activity=framing&activity=audition&sort=-days") == ["5", "4", "3"]
    assert await days(f"siren={siren}") == ["4"]
    assert await days("q=eveche") == ["4"]
    assert await days(f"mission_id={mission.id}&consultant_id={mission.lead_consultant}") == []


# --- batch -----------------------------------------------------------------------------------------------------------


async def test_a_thousand_entries_are_taken_in_one_go(world: World) -> None:
    mission = await world.mission(days=1000, lead=0, partner=1000, starts_on="2023-01-01", ends_on="2025-12-31")
    first = datetime.fromisoformat("2023-01-01")
    items = [
        mission.entry(worked_on=(first + timedelta(days=n)).date().isoformat(), days=1, external_id=f"N-{n:04}")
        for n in range(1000)
    ]
    answer = await world.consultant.post("time-entries/batch", {"items": items})
    made = ok(answer, 201)["items"]
    assert [entry["external_id"] for entry in made] == [item["external_id"] for item in items]
    assert {entry["status"] for entry in made} == {"submitted"}
    assert len({entry["id"] for entry in made}) == 1000
    assert (await world.follow_up())["days_left"] == 0
    events = "SELECT count(*) FROM events WHERE territory = $1 AND type = 'time_entry.created'"
    assert await world.pool.fetchval(events, world.territory) == 1000
    too_many = {"items": [*items, items[0]]}
    refused = await world.consultant.post("time-entries/batch", too_many)
    assert problem(refused, 422, "validation-failed")["errors"][0]["code"] == "too_many_items"


async def test_a_batch_is_all_or_nothing(world: World) -> None:
    mission = await world.mission(days=2, lead=0, partner=2)
    items = [mission.entry(days=1, worked_on=f"2023-07-0{n}") for n in (3, 4, 5)]
    told = problem(await world.consultant.post("time-entries/batch", {"items": items}), 409, "days-exhausted")
    assert (told["days_requested"], told["days_left"]) == (3, 2)
    assert ok(await world.lead.get("time-entries"))["items"] == []
    assert (await world.follow_up())["days_entered"] == 0
    items[2]["status"] = "draft"
    ok(await world.consultant.post("time-entries/batch", {"items": items}), 201)
    found = await world.follow_up()
    assert (found["days_entered"], found["days_draft"], found["days_left"]) == (2, 1, 0)


async def test_the_entries_of_a_batch_count_together_for_a_persons_day(world: World) -> None:
    mission = await world.mission(days=10)
    items = [mission.entry(days=0.5), mission.entry(days=0.5), mission.entry(days=0.25)]
    refused = await world.consultant.post("time-entries/batch", {"items": items})
    assert problem(refused, 409, "person-day-exceeded")["worked_on"] == "2023-07-04"
    ok(await world.consultant.post("time-entries/batch", {"items": items[:2]}), 201)


async def test_faults_of_a_batch_are_told_row_by_row_and_all_at_once(world: World, other: World) -> None:
    mission, elsewhere = await world.mission(days=10), await other.mission(days=10)
    good = mission.entry()
    shapes = [good, {**good, "days": 0.3}, {**good, "activty": "x"}, {**good, "worked_on": "2023-02-30"}, {}]
    refused = await world.consultant.post("time-entries/batch", {"items": shapes})
    pointers = {error["pointer"] for error in problem(refused, 422, "validation-failed")["errors"]}
    assert pointers >= {"/items/1/days", "/items/2/activty", "/items/3/worked_on", "/items/4/mission_id"}
    assert not [pointer for pointer in pointers if pointer.startswith("/items/0")]
    references = [good, {**good, "consultant_id": NOWHERE}, good, {**good, "consultant_id": elsewhere.lead_consultant}]
    refused = await world.consultant.post("time-entries/batch", {"items": references})
    assert [error["pointer"] for error in problem(refused, 404, "reference-not-found")["errors"]] == [
        "/items/1/consultant_id",
        "/items/3/consultant_id",
    ]
    problem(await world.consultant.post("time-entries/batch", {"items": []}), 422, "validation-failed")
    assert ok(await world.lead.get("time-entries"))["items"] == []


async def test_a_batch_is_replayed_with_its_idempotency_key(world: World) -> None:
    mission = await world.mission(days=10)
    body, headers = {"items": [mission.entry(), mission.entry(by="partner")]}, {"Idempotency-Key": mission.id}
    first = await world.consultant.post("time-entries/batch", body, headers=headers)
    again = await world.consultant.post("time-entries/batch", body, headers=headers)
    assert ok(again, 201) == ok(first, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert (await world.follow_up())["days_entered"] == 1


# --- dry runs --------------------------------------------------------------------------------------------------------


async def stored(world: World) -> list[Any]:
    """Everything that a write could leave behind in this territory."""
    tables = ["time_entries", "mission_days", "member_days", "person_days", "idempotency_keys"]
    digest = "SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t"
    mine = {
        "time_entries": "t.territory = $1",
        "mission_days": "t.mission_id IN (SELECT id FROM missions WHERE territory = $1)",
        "member_days": "t.mission_id IN (SELECT id FROM missions WHERE territory = $1)",
        "person_days": "t.person_id IN (SELECT person_id FROM consultants WHERE territory = $1)",
        "idempotency_keys": "strpos(t.body, $1) > 0",
        "events": "t.territory = $1",
    }
    return [
        tuple(await world.pool.fetchrow(f"{digest.format(table)} WHERE {mine[table]}", world.territory))
        for table in [*tables, "events"]
    ]


async def test_a_dry_run_of_every_day_operation_says_what_would_be_and_changes_nothing(world: World) -> None:
    mission = await world.mission(days=10)
    draft, rejected = await in_state(world, mission, "draft"), await in_state(world, mission, "rejected")
    submitted = await in_state(world, mission, "submitted", days=0.25)
    before = await stored(world)
    new = mission.entry(worked_on="2023-07-06")
    calls: list[tuple[Client, str, str, Any, str]] = [
        (world.consultant, "POST", "time-entries", new, "submitted"),
        (world.consultant, "POST", "time-entries", {**new, "status": "draft"}, "draft"),
        (world.consultant, "POST", "time-entries/batch", {"items": [new, new]}, "submitted"),
        (world.consultant, "PATCH", submitted, {"days": 0.75, "worked_on": "2023-07-07"}, "submitted"),
        (world.consultant, "POST", f"{draft}/submit", None, "submitted"),
        (world.consultant, "POST", f"{submitted}/recall", None, "draft"),
        (world.consultant, "POST", f"{rejected}/recall", None, "draft"),
        (world.lead_judge, "POST", f"{submitted}/validate", None, "validated"),
        (world.lead_judge, "POST", f"{submitted}/reject", {"reason": "Why?"}, "rejected"),
        (world.consultant, "POST", f"{submitted}/reverse", {"reason": "Twice."}, "reversed"),
        (world.consultant, "DELETE", draft, None, "draft"),
    ]
    for client, method, path, body, status in calls:
        more = {"json": body} if body is not None else {}
        headers = {"Idempotency-Key": f"dry-{world.territory}"} if method == "POST" else {}
        answer = await client.request(method, path, params={"dry_run": "true"}, headers=headers, **more)
        told = ok(answer, 200)
        assert (told["items"][0] if "items" in told else told)["status"] == status, (method, path)
        assert "location" not in answer.headers
        assert await stored(world) == before, (method, path)


async def test_a_dry_run_is_refused_like_the_real_thing(world: World) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    address = await in_state(world, mission, "submitted", days=1)
    before = await stored(world)

    async def dry(client: Client, method: str, path: str, body: Any = None) -> Any:
        more = {"json": body} if body is not None else {}
        return await client.request(method, path, params={"dry_run": "true"}, **more)

    more = mission.entry(worked_on="2023-07-05", days=0.25)
    problem(await dry(world.consultant, "POST", "time-entries", more), 409, "days-exhausted")
    problem(await dry(world.consultant, "POST", "time-entries/batch", {"items": [more]}), 409, "days-exhausted")
    problem(await dry(world.consultant, "PATCH", address, {"worked_on": "2023-10-01"}), 409, "outside-mission-window")
    problem(await dry(world.consultant, "POST", f"{address}/submit"), 409, "invalid-transition")
    problem(await dry(world.consultant, "DELETE", address), 409, "entry-locked")
    problem(await dry(world.lead, "POST", f"{address}/recall"), 403, "other-organisation")
    twice = await world.consultant.post("time-entries?dry_run=maybe", more)
    problem(twice, 422, "validation-failed")
    assert await stored(world) == before


async def test_an_action_that_takes_no_body_says_so(world: World) -> None:
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)
    submit = f"time-entries/{entry['id']}/submit"
    for body, told in (
        ({"days": 1, "note": "x"}, [("/days", "unknown_field"), ("/note", "unknown_field")]),
        ({"<b>": 1}, [("/?", "unknown_field")]),
        ([1], [("", "unexpected_body")]),
    ):
        refused = problem(await world.consultant.post(submit, body), 422, "validation-failed")
        assert [(error["pointer"], error["code"]) for error in refused["errors"]] == told
    problem(await world.consultant.request("POST", submit, content=b"{"), 400, "malformed-json")
    assert (await world.follow_up())["days_entered"] == 0
    ok(await world.consultant.post(f"time-entries/{entry['id']}/submit", {}))


async def test_a_batch_names_the_rows_that_a_limit_refuses(world: World) -> None:
    mission = await world.mission(days=10)
    fine, half, more = mission.entry(worked_on="2023-07-03"), mission.entry(days=0.5), mission.entry(days=0.75)
    refused = await world.consultant.post("time-entries/batch", {"items": [fine, half, more]})
    told = problem(refused, 409, "person-day-exceeded")
    assert (told["worked_on"], told["days_requested"], told["days_left"]) == ("2023-07-04", 1.25, 1)
    assert [(e["pointer"], e["code"]) for e in told["errors"]] == [
        ("/items/1", "person_day_exceeded"),
        ("/items/2", "person_day_exceeded"),
    ]
    assert "1.25 requested on 2023-07-04, 1.00 left of 1.00" in told["errors"][0]["detail"]
    late = mission.entry(worked_on="2023-10-01")
    refused = await world.consultant.post("time-entries/batch", {"items": [fine, late]})
    told = problem(refused, 409, "outside-mission-window")
    assert [(e["pointer"], e["ends_on"]) for e in told["errors"]] == [("/items/1", "2023-09-30")]
    assert (await world.follow_up())["days_entered"] == 0


async def test_a_batch_names_the_rows_whose_name_is_taken_and_the_entry_that_has_it(world: World) -> None:
    mission = await world.mission(days=10)
    there = await enter(world, mission, external_id="CRA-1", days=0.25)
    items = [
        mission.entry(worked_on="2023-07-03"),
        mission.entry(worked_on="2023-07-05", external_id="CRA-1"),
        mission.entry(worked_on="2023-07-06", external_id="CRA-2"),
        mission.entry(worked_on="2023-07-07", external_id="CRA-2"),
    ]
    told = problem(await world.consultant.post("time-entries/batch", {"items": items}), 409, "already-exists")
    assert [(e["pointer"], e["code"], e.get("id")) for e in told["errors"]] == [
        ("/items/1/external_id", "duplicate", there["id"]),
        ("/items/3/external_id", "duplicate", None),
    ]
    hidden = [mission.entry(by="lead", external_id="CRA-1")]
    told = problem(await world.lead.post("time-entries/batch", {"items": hidden}), 409, "already-exists")
    assert told["errors"][0]["pointer"] == "/items/0/external_id"
