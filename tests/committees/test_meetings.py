"""Meetings of committees: planned, held, closed; and nothing after."""

import asyncio
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.committees import rules
from app.committees.rules import TRANSITIONS, CommitteeAction, CommitteeStatus
from tests.world import World, ok, problem

HELD = "2023-10-03T12:10:00Z"
RECORD = {"minutes": "La feuille de route est adoptée.", "minutes_adopted_on": "2023-10-20"}


def seats(*attendance: str | None, chairs: int = 1) -> list[dict[str, Any]]:
    return [
        {"kind": "organisation", "name": f"Seat {place}", "chair": place < chairs, "attendance": came}
        for place, came in enumerate(attendance)
    ]


async def held(world: World, *attendance: str | None, **more: Any) -> str:
    """A meeting that was held, with the attendance given."""
    meeting = await world.meeting(**more)
    body = {"held_at": HELD, "members": seats(*(attendance or ("present", "represented")))}
    ok(await world.clients["territory"].post(f"committees/{meeting['id']}/hold", body))
    return f"committees/{meeting['id']}"


async def closed(world: World) -> str:
    """A meeting whose record is closed."""
    path = await held(world)
    ok(await world.clients["territory"].patch(path, RECORD))
    ok(await world.clients["committee"].post(f"{path}/close"))
    return path


# --- the life of a meeting -------------------------------------------------------------------------------------------


@given(action=st.sampled_from(CommitteeAction), current=st.sampled_from(CommitteeStatus))
def test_an_action_leads_from_one_state_to_one_and_is_refused_from_all_others(
    action: CommitteeAction, current: CommitteeStatus
) -> None:
    source, target = TRANSITIONS[action]
    if current is source:
        assert rules.next_status(action, current) is target
    else:
        with pytest.raises(rules.MeetingTransition):
            rules.next_status(action, current)


@given(st.lists(st.sampled_from(CommitteeAction), max_size=8))
def test_whatever_is_tried_a_meeting_that_is_over_stays_as_it_is(actions: list[CommitteeAction]) -> None:
    status, over = CommitteeStatus.PLANNED, None
    for action in actions:
        if action in TRANSITIONS and TRANSITIONS[action][0] is status:
            status = rules.next_status(action, status)
        if status in rules.OVER:
            over = over or status
            assert status is over
    assert status in (CommitteeStatus.PLANNED, CommitteeStatus.HELD) or status is over


async def test_a_meeting_is_planned_held_and_closed(world: World) -> None:
    made = await world.clients["territory"].post(
        "committees", {"level": "state_region", "planned_at": "2023-10-03T14:00:00+02:00", "members": seats(None, None)}
    )
    meeting = ok(made, 201)
    assert (meeting["status"], meeting["planned_at"]) == ("planned", "2023-10-03T12:00:00.000000Z")
    path = made.headers["location"]
    was = ok(await world.clients["territory"].post(f"{path}/hold", {"held_at": HELD, "members": seats("present")}))
    assert (was["status"], was["members_total"], was["members_attending"]) == ("held", 1, 1)
    ok(await world.clients["territory"].patch(path, RECORD))
    done = ok(await world.clients["committee"].post(f"{path}/close"))
    assert (done["status"], done["closed_by"]) == ("closed", str(world.subjects["committee"]))
    assert (was["closed_by_name"], done["closed_by_name"]) == (None, f"committee of {world.territory}")
    assert ok(await world.consultant.get(path)) == done
    assert [event["type"] for event in await world.events(meeting["id"])] == [
        "committee.created", "committee.held", "committee.updated", "committee.closed",
    ]  # fmt: skip


async def test_a_member_can_be_a_person_known_here(world: World) -> None:
    """The name that was sent stays; the present name stands beside the id."""
    staff, chair = world.clients["territory"], str(world.subjects["committee"])
    known = {
        "kind": "person",
        "name": "C. Exemple, préfet",
        "subject_id": chair,
        "chair": True,
        "attendance": "present",
    }
    path = await held(world)
    seated = ok(await staff.patch(path, {"members": [known, *seats("excused", chairs=0)]}))["members"]
    assert [(each["name"], each["subject_id"], each["subject_name"]) for each in seated] == [
        ("C. Exemple, préfet", chair, f"committee of {world.territory}"), ("Seat 0", None, None),
    ]  # fmt: skip
    version = ok(await staff.get(path))["version"]
    assert ok(await staff.patch(path, {"members": seated}))["version"] == version  # as they were read
    async with world.pool.acquire() as connection:
        await world.add_subject(connection, "program", "office", "territory", kind="service_account")
    for members, status, code in (
        ([known | {"kind": "organisation"}], 422, "no_person"),
        ([known, known | {"chair": False}], 422, "seated_twice"),
        ([known | {"subject_id": str(world.subjects["program"])}], 404, "not_found"),
        ([known | {"subject_id": str(world.organisations["office"])}], 404, "not_found"),
    ):
        (fault,) = ok(await staff.patch(path, {"members": members}), status)["errors"]
        assert fault["code"] == code
    ok(await staff.patch(path, RECORD))
    ok(await world.clients["committee"].post(f"{path}/close"))
    record = ok(await world.clients["committee"].get(f"{path}/record"))["content"]
    assert [each["subject_id"] for each in record["members"]] == [chair, None]


async def test_a_meeting_that_was_held_is_recorded_by_one_call_and_closed_by_another(world: World) -> None:
    staff, body = world.clients["territory"], {"level": "territorial", "planned_at": HELD, "members": seats("present")}
    made = await staff.post("committees", body | RECORD | {"held_at": HELD})
    assert (ok(made, 201)["status"], ok(made, 201)["held_at"]) == ("held", ok(made, 201)["planned_at"])
    assert ok(await world.clients["committee"].post(f"{made.headers['location']}/close"))["status"] == "closed"
    meeting = await world.meeting()
    ok(await staff.post(f"committees/{meeting['id']}/hold", {"held_at": HELD, "members": seats("present")} | RECORD))
    assert ok(await world.clients["committee"].post(f"committees/{meeting['id']}/close"))["status"] == "closed"
    later = await staff.post("committees", body | {"held_at": "2126-10-03T12:10:00Z"})
    assert problem(later, 422, "validation-failed")["errors"][0]["code"] == "future_instant"


async def test_a_cancelled_meeting_says_why_and_is_over(world: World) -> None:
    meeting = await world.meeting()
    path = f"committees/{meeting['id']}"
    staff = world.clients["territory"]
    assert ok(await staff.post(f"{path}/cancel", {"reason": "Postponed."}))["reason"] == "Postponed."
    problem(await staff.post(f"{path}/hold", {"held_at": HELD}), 409, "meeting-transition")
    problem(await staff.patch(path, {"place": "Alès"}), 409, "meeting-closed")


async def test_a_cancelled_meeting_frees_its_external_id(world: World) -> None:
    first = await world.meeting(external_id="COPIL-1")
    members = [{"kind": "organisation", "name": "Agglomeration", "chair": True}]
    body = {"level": "territorial", "planned_at": "2023-10-03T12:00:00Z", "members": members, "external_id": "COPIL-1"}
    staff = world.clients["territory"]
    problem(await staff.post("committees", body), 409, "already-exists")
    ok(await staff.post(f"committees/{first['id']}/cancel", {"reason": "Postponed."}))
    second = ok(await staff.post("committees", body), 201)
    found = ok(await staff.get("committees?external_id=COPIL-1"))["items"]
    assert {each["id"] for each in found} == {first["id"], second["id"]}
    problem(await staff.post("committees", body), 409, "already-exists")


@pytest.mark.parametrize(
    ("attendance", "quorum", "reached"),
    [
        (("present", "represented", "absent"), 2, True),
        (("present", "excused", "absent"), 2, False),
        (("present", "present", "present"), None, None),
        ((None, None), 1, None),
        (("represented", None), 1, True),
    ],
)
async def test_who_is_present_or_represented_makes_the_quorum(
    world: World, attendance: tuple[str | None, ...], quorum: int | None, reached: bool | None
) -> None:
    meeting = await world.meeting(members=seats(*attendance), quorum=quorum)
    assert meeting["quorum_reached"] is reached
    assert meeting["members_attending"] == sum(one in ("present", "represented") for one in attendance)


async def test_somebody_presides_and_no_more_than_two(world: World) -> None:
    staff = world.clients["territory"]
    nobody = await world.meeting(members=seats("present", chairs=0))
    problem(await staff.post(f"committees/{nobody['id']}/hold", {"held_at": HELD}), 409, "chair-missing")
    three = {"level": "territorial", "planned_at": HELD, "members": seats("present", "present", "present", chairs=3)}
    refused = problem(await staff.post("committees", three), 422, "validation-failed")
    assert [(error["pointer"], error["code"]) for error in refused["errors"]] == [("/members", "too_many_chairs")]


async def test_a_record_is_closed_with_everybodys_attendance_and_adopted_minutes(world: World) -> None:
    staff, chair = world.clients["territory"], world.clients["committee"]
    path = await held(world, "present", None)
    ok(await staff.patch(path, RECORD))
    problem(await chair.post(f"{path}/close"), 409, "attendance-missing")
    ok(await staff.patch(path, {"members": seats("present", "absent"), "minutes_adopted_on": None}))
    problem(await chair.post(f"{path}/close"), 409, "minutes-missing")
    ok(await staff.patch(path, RECORD))
    assert ok(await chair.post(f"{path}/close"))["status"] == "closed"


async def test_minutes_are_of_a_meeting_that_was_held_and_adopted_after_it(world: World) -> None:
    staff = world.clients["territory"]
    meeting = await world.meeting()
    problem(await staff.patch(f"committees/{meeting['id']}", RECORD), 409, "minutes-before-the-meeting")
    path = await held(world)
    for day in ("2023-10-02", "2199-01-01"):
        early = await staff.patch(path, {**RECORD, "minutes_adopted_on": day})
        problem(early, 409, "minutes-adopted-on")


async def test_a_meeting_is_not_held_in_the_future(world: World) -> None:
    meeting = await world.meeting()
    late = await world.clients["territory"].post(
        f"committees/{meeting['id']}/hold", {"held_at": "2199-01-01T00:00:00Z"}
    )
    assert [error["code"] for error in problem(late, 422, "validation-failed")["errors"]] == ["future_instant"]


async def test_who_prepares_the_record_does_not_close_it_and_no_program_does(world: World) -> None:
    path = await held(world)
    ok(await world.clients["territory"].patch(path, RECORD))
    problem(await world.clients["territory"].post(f"{path}/close"), 403, "forbidden")
    async with world.pool.acquire() as connection:
        robot = await world.add_subject(connection, "robot", "office", "committee", kind="service_account")
    problem(await robot.post(f"{path}/close"), 403, "person-required")


async def test_a_change_that_changes_nothing_leaves_the_version(world: World) -> None:
    meeting = await world.meeting()
    path = f"committees/{meeting['id']}"
    same = {"members": meeting["members"], "place": meeting["place"]}
    assert ok(await world.clients["territory"].patch(path, same)) == meeting
    assert len(await world.events(meeting["id"])) == 1
    renamed = [{**meeting["members"][0], "name": "Another"}, *meeting["members"][1:]]
    changed = ok(await world.clients["territory"].patch(path, {"members": renamed}, headers={"If-Match": '"1"'}))
    assert changed["version"] == 2
    stale = await world.clients["territory"].patch(path, {"place": "Alès"}, headers={"If-Match": '"1"'})
    problem(stale, 412, "stale-version")


async def test_no_name_of_a_meeting_enters_an_event(world: World) -> None:
    path = await closed(world)
    for event in await world.events(path.rpartition("/")[2]):
        assert "Seat" not in event["data"]
        assert "feuille" not in event["data"]


async def test_meetings_are_found_by_level_state_day_and_words(world: World) -> None:
    path = await closed(world)
    await world.meeting(level="state_region", planned_at="2023-10-03T22:30:00Z", external_id="COPIL-2")
    wanted = {
        "level=state_region": 1, "status=closed": 1, "status=planned": 1, "status=planned&status=closed": 2,
        "planned_from=2023-10-04": 1, "planned_to=2023-10-03": 1, "held_from=2023-10-03&held_to=2023-10-03": 1,
        "held_from=2023-10-04": 0, "external_id=COPIL-2": 1, "q=FEUILLE+de": 1, "sort=-planned_at": 2,
    }  # fmt: skip
    found = {query: len(ok(await world.auditor.get(f"committees?{query}"))["items"]) for query in wanted}
    assert found == wanted
    assert ok(await world.auditor.get(path))["status"] == "closed"


# --- what is closed --------------------------------------------------------------------------------------------------


async def test_a_closed_meeting_never_changes_over_http(world: World) -> None:
    path = await closed(world)
    before = ok(await world.auditor.get(path))
    staff, chair = world.clients["territory"], world.clients["committee"]
    problem(await staff.patch(path, {"minutes": "Otherwise."}), 409, "meeting-closed")
    problem(await staff.post(f"{path}/cancel", {"reason": "No."}), 409, "meeting-transition")
    problem(await staff.post(f"{path}/hold", {"held_at": HELD}), 409, "meeting-transition")
    problem(await chair.post(f"{path}/close"), 409, "meeting-transition")
    assert ok(await world.auditor.get(path)) == before


ATTACKS = {
    "UPDATE committees SET minutes = 'x' WHERE id = $1": "meeting_closed",
    "UPDATE committees SET status = 'held', closed_at = NULL, closed_by = NULL WHERE id = $1": "meeting_closed",
    "UPDATE committees SET version = version + 1 WHERE id = $1": "meeting_closed",
    "DELETE FROM committees WHERE id = $1": "meeting_closed",
    "UPDATE committee_members SET attendance = 'absent' WHERE committee_id = $1": "meeting_closed",
    "DELETE FROM committee_members WHERE committee_id = $1": "meeting_closed",
    "INSERT INTO committee_members (committee_id, position, territory, kind, name)"
    " SELECT id, 99, territory, 'person', 'Late' FROM committees WHERE id = $1": "meeting_closed",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_closed_meeting_never_changes_by_sql(world: World, attack: str) -> None:
    meeting_id = (await closed(world)).rpartition("/")[2]
    with pytest.raises(asyncpg.PostgresError) as refused:
        await world.pool.execute(attack, meeting_id)
    assert refused.value.constraint_name == ATTACKS[attack]


HELD_ATTACKS = {
    "UPDATE committees SET status = 'planned', held_at = NULL WHERE id = $1": "meeting_transition",
    "UPDATE committees SET status = 'cancelled', held_at = NULL, reason = 'x' WHERE id = $1": "meeting_transition",
    "UPDATE committees SET status = 'closed' WHERE id = $1": "committee_closed",
    "UPDATE committees SET held_at = NULL WHERE id = $1": "committee_held",
    "UPDATE committees SET held_at = now() + interval '1 day' WHERE id = $1": "held_in_the_future",
    "UPDATE committees SET reason = 'x' WHERE id = $1": "committee_reason",
    "UPDATE committees SET quorum = 0 WHERE id = $1": "committee_quorum",
    "UPDATE committees SET minutes_adopted_on = '2023-10-20' WHERE id = $1": "minutes_adopted_on",
    "UPDATE committees SET level = 'state_region' WHERE id = $1": "meeting_moved",
    "UPDATE committees SET closed_by = uuidv7() WHERE id = $1": "committee_closed",
    "UPDATE committees SET status = 'lost' WHERE id = $1": "meeting_transition",
    "DELETE FROM committees WHERE id = $1": "meeting_closed",
    "UPDATE committee_members SET chair = 3 WHERE committee_id = $1 AND position = 2": "committee_member_chair",
    "UPDATE committee_members SET chair = 1 WHERE committee_id = $1 AND position = 2": "third_chair",
    "UPDATE committee_members SET attendance = 'late' WHERE committee_id = $1": "committee_member_attendance",
    "UPDATE committee_members SET kind = 'dog' WHERE committee_id = $1": "committee_member_kind",
    "UPDATE committee_members SET name = '' WHERE committee_id = $1": "committee_member_name",
    "UPDATE committee_members SET subject_id = uuidv7() WHERE committee_id = $1": "committee_member_subject",
    "UPDATE committee_members SET subject_kind = 'service_account' WHERE committee_id = $1": (
        "committee_member_subject_kind"
    ),
    "UPDATE committee_members SET kind = 'person', subject_id = uuidv7() WHERE committee_id = $1 AND position = 1": (
        "committee_members_subject_fkey"
    ),
    "UPDATE committee_members SET kind = 'person', subject_id = (SELECT subject_id FROM members LIMIT 1)"
    " WHERE committee_id = $1": "committee_members_subject_key",
    "UPDATE committee_members SET position = 0 WHERE committee_id = $1 AND position = 1": "committee_member_position",
}


@pytest.mark.parametrize("attack", HELD_ATTACKS)
async def test_the_database_refuses_what_a_meeting_cannot_be(world: World, attack: str) -> None:
    meeting_id = (await held(world)).rpartition("/")[2]
    with pytest.raises(asyncpg.PostgresError) as refused:
        await world.pool.execute(attack, meeting_id)
    assert refused.value.constraint_name == HELD_ATTACKS[attack]


async def test_a_seat_stays_in_its_territory(world: World, other: World) -> None:
    theirs = (await held(other)).rpartition("/")[2]
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await world.pool.execute(
            "INSERT INTO committee_members (committee_id, position, territory, kind, name)"
            " VALUES ($1, 9, $2, 'person', 'Spy')",
            theirs,
            world.territory,
        )


async def test_of_many_who_close_at_once_one_does(world: World) -> None:
    path = await held(world)
    ok(await world.clients["territory"].patch(path, RECORD))
    answers = await asyncio.gather(*(world.clients["committee"].post(f"{path}/close") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    told = [event["type"] for event in await world.events(path.rpartition("/")[2])]
    assert told.count("committee.closed") == 1


async def test_a_seat_written_while_the_meeting_is_being_closed_waits_and_is_refused(world: World) -> None:
    path = await held(world)
    ok(await world.clients["territory"].patch(path, RECORD))
    meeting_id = path.rpartition("/")[2]
    async with world.pool.acquire() as closing, world.pool.acquire() as writing:
        transaction = closing.transaction()
        await transaction.start()
        await closing.execute(
            "UPDATE committees SET status = 'closed', closed_at = now(), closed_by = $2, updated_at = now()"
            " WHERE id = $1",
            meeting_id,
            world.subjects["committee"],
        )
        await closing.execute(
            "INSERT INTO committee_records (committee_id, territory, content, content_hash, sealed_at)"
            " SELECT id, territory, '{}', encode(sha256('{}'), 'hex'), now() FROM committees WHERE id = $1",
            meeting_id,
        )
        late = asyncio.create_task(
            writing.execute("UPDATE committee_members SET attendance = 'absent' WHERE committee_id = $1", meeting_id)
        )
        waits = "SELECT cardinality(pg_blocking_pids($1)) > 0"
        async with asyncio.timeout(10):
            while not await world.pool.fetchval(waits, writing.get_server_pid()):  # each look is a round trip
                pass
        await transaction.commit()
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await late
    assert refused.value.constraint_name == "meeting_closed"


async def test_a_meeting_is_nothing_to_another_territory(world: World, other: World) -> None:
    path = await held(world)
    staff = other.clients["territory"]
    meeting = path.rpartition("/")[2]
    problem(await staff.get(f"/v1/territories/{world.territory}/{path}"), 404, "not-found")
    for call in (
        staff.get(path), staff.patch(path, {"place": "Here"}), staff.post(f"{path}/hold", {"held_at": HELD}),
        staff.post(f"{path}/cancel", {"reason": "Ours."}), other.clients["committee"].post(f"{path}/close"),
    ):  # fmt: skip
        problem(await call, 404, "not-found")
    assert meeting not in str(ok(await staff.get("committees"))["items"])
