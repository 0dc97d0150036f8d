"""Deliverables: who does what, what a version stands on, what is late, what they weigh, what the database refuses."""

import asyncio
import hashlib
import json
from datetime import date, datetime, timedelta
from typing import Any

from app.core import clock
from tests.contract.cures.decisions import closed_meeting
from tests.engineering.deliverables.acts import act, address, done, ordered, read, stored, tick
from tests.projects.test_raw_sql import refused
from tests.roadmap.acts import AXES, adopt, draft, held, in_force
from tests.world import World, ok, problem

TODAY = clock.today().isoformat()


async def refused_before(world: World, deliverable: Any, document_on: str, **named: Any) -> None:
    """The day before that of its meeting, the document cannot be delivered."""
    before = (date.fromisoformat(document_on) - timedelta(days=1)).isoformat()
    [fault] = problem(await act(world, deliverable, "deliver", before, **named), 422, "validation-failed")["errors"]
    assert (fault["pointer"], fault["code"]) == ("/on", "before_the_document")
    assert document_on in fault["detail"]


async def test_an_adopted_roadmap_is_sealed_and_a_deliverable_takes_its_hash(world: World) -> None:
    objective = 'What is "sealed" \\ /:\n, as it is. 😀'
    axes = [{"title": "Land « œ »", "objective": objective, "actions": [{"title": "Two hectares"}]}, *AXES]
    version = await draft(world, axes=axes)
    assert version["content_hash"] is None
    problem(await world.clients["territory"].get(f"roadmap/versions/{version['id']}/content"), 404, "not-found")
    deliverable = await ordered(world, kind="roadmap", due_on="2023-10-31")
    named: dict[str, Any] = {"document_sha256": None, "roadmap_version_id": version["id"]}
    problem(await act(world, deliverable, "deliver", **named), 409, "document-not-sealed")
    adopted = ok(await adopt(world.committee, version["id"], await held(world)), 200)
    answer = await world.clients["territory"].get(f"roadmap/versions/{version['id']}/content")
    sealed = answer.content.removesuffix(b"\n")
    assert hashlib.sha256(sealed).hexdigest() == adopted["content_hash"]
    content = json.loads(sealed)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert sealed.decode() == canonical, "sorted keys and no white space, as what else is sealed"
    names = ("id", "territory", "number", "title", "starts_on", "ends_on", "committee_id", "adopted_on", "adopted_by")
    assert {name: content[name] for name in names} == {name: adopted[name] for name in names}
    assert [
        [(each["id"], each["title"], each["due_on"], each["budget_cents"]) for each in axis["actions"]]
        for axis in content["axes"]
    ] == [
        [(each["id"], each["title"], each["due_on"], each["budget_cents"]) for each in axis["actions"]]
        for axis in adopted["axes"]
    ]
    await refused_before(world, deliverable, adopted["adopted_on"], **named)
    found = await done(world, deliverable, ("deliver", "2023-10-20"), **named)
    assert (found["document_sha256"], found["roadmap_version_number"]) == (adopted["content_hash"], 1)
    assert (found["late"], found["awaited_on"]) == (False, None)
    for change in ("content = 'x'", "content_hash = repeat('0', 64)", "content = NULL, content_hash = NULL"):
        statement = f"UPDATE roadmap_versions SET {change} WHERE id = $1"
        await refused(world.pool, "roadmap_adopted", (statement, version["id"]))


async def test_a_deliverable_takes_the_hash_of_a_meetings_record(world: World, other: World) -> None:
    made = await closed_meeting(world)
    meeting = ok(await world.auditor.get(f"committees/{made['committee']}"), 200)
    record = ok(await world.auditor.get(f"committees/{made['committee']}/record"), 200)
    assert meeting["record_hash"] == record["content_hash"]
    deliverable = await ordered(world, kind="final_report")
    mine: dict[str, Any] = {"document_sha256": None, "committee_id": made["committee"]}
    held_on = clock.paris_day(datetime.fromisoformat(meeting["held_at"])).isoformat()
    await refused_before(world, deliverable, held_on, **mine)
    found = await done(world, deliverable, ("deliver", held_on), **mine)
    assert (found["document_sha256"], found["committee_id"]) == (record["content_hash"], made["committee"])
    assert found["committee_held_on"] is not None
    elsewhere = await ordered(other)
    problem(await act(other, elsewhere, "deliver", **mine), 404, "reference-not-found")
    held_only = await ordered(other, title="Other")
    named: dict[str, Any] = {"document_sha256": None, "committee_id": await held(other)}
    problem(await act(other, held_only, "deliver", **named), 409, "document-not-sealed")
    await refused(world.pool, "meeting_closed", (
        "UPDATE committees SET record_hash = repeat('0', 64) WHERE id = $1", made["committee"],
    ))  # fmt: skip
    for more in ({"document_sha256": None}, {"committee_id": made["committee"]}):
        answer = await act(world, await ordered(world), "deliver", **more)
        assert problem(answer, 422, "validation-failed")["errors"][0]["code"] == "one_document"


async def test_the_lead_firm_delivers_and_another_person_of_the_operator_decides(world: World) -> None:
    deliverable = await ordered(world)
    stranger = await world.add_subject(world.pool, "stranger", "partner", "lead")
    problem(await act(world, deliverable, "deliver", by=stranger), 403, "not-the-lead-firm")
    both = await world.add_subject(world.pool, "both", "lead", "lead")
    await world.pool.execute(
        "INSERT INTO members (subject_id, role, territory, from_on, approved_at, created_at, updated_at)"
        " VALUES ($1, 'operator', NULL, '2020-01-01', now(), now(), now())",
        world.subjects["both"],
    )
    ok(await act(world, deliverable, "deliver", by=both), 200)
    ok(await act(world, deliverable, "verify", by=both), 200)
    program = await world.add_subject(world.pool, "program", "office", "operator", kind="service_account")
    for verb in ("admit", "defer", "admit-with-reduction", "reject"):
        problem(await act(world, deliverable, verb, by=both), 403, "deliverer-decides")
        problem(await act(world, deliverable, verb, by=program), 403, "person-required")
    await refused(world.pool, "deliverer_decides", (
        "UPDATE deliverables SET decided_by = $2 WHERE id = $1", deliverable["id"], world.subjects["both"],
    ))  # fmt: skip
    found = ok(await act(world, deliverable, "admit"), 200)
    assert (found["decided_by"], found["decided_on"]) == (str(world.subjects["operator"]), TODAY)
    answer = await world.operator.patch(address(deliverable), {"title": "Other"})
    problem(answer, 409, "deliverable-delivered")


async def test_a_reduction_in_cents_is_read_by_the_operator_and_the_lead_alone(world: World) -> None:
    deliverable = await ordered(world)
    await done(
        world, deliverable, ("deliver", TODAY), ("verify", TODAY), ("admit-with-reduction", TODAY), reduced_days=None,
        reduced_cents=5_00,
    )  # fmt: skip
    path = address(deliverable)
    seen = {}
    for role in ("operator", "lead", "auditor", "consultant", "territory", "funder"):
        client = world.clients[role]
        one = ok(await client.get(path), 200)
        (listed,) = ok(await client.get(f"deliverables?mission_id={deliverable['mission_id']}"), 200)["items"]
        last = ok(await client.get(f"{path}/history"), 200)["items"][-1]
        assert one == listed == ok(await client.get(f"deliverables/{deliverable['id']}"), 200)
        assert one["reduced_cents"] == last["reduced_cents"]
        seen[role] = one["reduced_cents"]
    assert seen == {"operator": 500, "lead": 500, "auditor": 500, "consultant": None, "territory": None, "funder": None}
    assert all("reduced_cents" not in row["data"] for row in await world.events(deliverable["id"]))


async def test_what_is_late_is_told_once_for_each_day_that_it_was_awaited_by(world: World, app: Any) -> None:
    mission = await world.mission()
    deliverable = await ordered(world, mission)
    mistaken = await ordered(world, title="Of a mission that was a mistake")
    ok(await world.operator.post(f"missions/{mistaken['mission_id']}/cancel", {"reason": "Twice."}), 200)
    await tick(app, "2023-09-15")
    assert [row["type"] for row in await world.events(deliverable["id"])] == ["deliverable.created"]
    await tick(app, "2023-09-16")
    before = await stored(world, deliverable)
    await tick(app, "2023-12-01")
    assert await stored(world, deliverable) == before, "once"
    (told,) = [row for row in await world.events(deliverable["id"]) if row["type"] == "deliverable.late"]
    assert (told["actor_kind"], json.loads(told["data"])["late_on"]) == ("system", "2023-09-16")
    await done(world, deliverable, ("deliver", "2023-10-01"), ("verify", "2023-10-01"), ("defer", "2023-10-02"),
               until_on="2023-10-31")  # fmt: skip
    await tick(app, "2023-10-31")
    assert (await read(world, deliverable))["late_on"] == "2023-09-16"
    await tick(app, "2023-11-01")
    assert (await read(world, deliverable))["late_on"] == "2023-11-01"
    assert [row["type"] for row in await world.events(mistaken["id"])] == ["deliverable.created"]
    assert ok(await world.operator.get("deliverables"), 200)["items"][-1]["id"] == deliverable["id"]
    listed = ok(await world.operator.get(f"missions/{mistaken['mission_id']}/deliverables?late=true"), 200)["items"]
    assert [each["id"] for each in listed] == [mistaken["id"]], "a cancelled mission is still read by itself"


async def test_the_follow_up_says_what_stood_on_a_day_and_what_was_known_of_it(world: World, app: Any) -> None:
    def noon(day: str) -> Any:
        return clock.frozen(datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=clock.PARIS))

    async def told(mission_id: str = "", **times: str) -> dict[str, Any]:
        parameters = times | ({"mission_id": mission_id} if mission_id else {})
        found = ok(await world.auditor.get("engineering", params=parameters), 200)["deliverables"]
        late = [(each["title"], each["days_late"]) for each in found.pop("late")]
        shown = {name: count for name, count in found.items() if count}
        return shown | ({"late": late} if late else {})

    with noon("2024-01-10"):
        mission = await world.mission()
        first, second = [await ordered(world, mission, title=title, due_on="2024-01-31") for title in ("A", "B")]
    with noon("2024-02-01"):
        ok(await world.operator.patch(address(second), {"due_on": "2024-03-31"}), 200)
        await done(world, first, ("deliver", "2024-01-15"), ("verify", "2024-01-20"))
    with noon("2024-05-01"):
        await tick(app, "2024-05-01")
        await done(world, first, ("defer", "2024-03-10"), until_on="2024-04-10")
    with noon("2024-05-02"):
        assert await told(as_of="2024-01-14") == {"total": 2, "expected": 2}
        assert await told(as_of="2024-01-15") == {"total": 2, "expected": 1, "delivered": 1}
        assert await told(as_of="2024-03-10") == {"total": 2, "expected": 1, "deferred": 1}
        assert await told() == {"total": 2, "expected": 1, "deferred": 1, "late": [("B", 32), ("A", 22)]}
        assert await told(mission.id) == await told()
        known = {"recorded_as_of": "2024-01-10"}
        assert await told(**known, as_of="2024-02-05") == {"total": 2, "expected": 2, "late": [("A", 5), ("B", 5)]}
        known = {"recorded_as_of": "2024-02-01"}
        assert await told(**known, as_of="2024-03-15") == {"total": 2, "expected": 1, "under_verification": 1}
        assert await told(**known, as_of="2024-03-16") == {"total": 2, "expected": 1, "admitted": 1}, "silence admits"
        assert await told(recorded_as_of="2024-01-09") == {}
        member = {"organisation_id": str(world.organisations["lead"])}
        assert ok(await world.auditor.get("engineering", params=member), 200)["deliverables"] is None


async def test_the_to_do_counts_what_its_lists_list(world: World) -> None:
    mission = await world.mission()
    today = clock.today()
    soon, far = [str(today + timedelta(days=days)) for days in (15, 16)]
    await ordered(world, mission, title="Late", due_on="2023-09-15")
    await ordered(world, mission, title="Soon", due_on=soon)
    await ordered(world, mission, title="Far", due_on=far)
    waiting = await ordered(world, mission, title="Delivered")
    await done(world, waiting, ("deliver", TODAY))
    expected = {
        ("lead", "deliverables_to_deliver"): (["Late", "Soon"], "2023-09-15"),
        ("operator", "deliverables_to_verify"): (["Delivered"], (await read(world, waiting))["silence_on"]),
    }
    for (role, kind), (titles, oldest_on) in expected.items():
        client = world.clients[role]
        for path in ("engineering/to-do", "/v1/me/to-do"):
            items = ok(await client.get(path), 200)["items"]
            (item,) = [each for each in items if (each["territory"], each["kind"]) == (world.territory, kind)]
            listed = ok(await client.get(item["link"]), 200)["items"]
            assert [each["title"] for each in listed] == titles
            assert (item["count"], item["oldest_on"]) == (len(titles), oldest_on)


async def test_deliverables_of_a_mission_weigh_no_more_than_the_whole_together(world: World) -> None:
    mission = await world.mission()
    first = await ordered(world, mission, title="First", weight_bp=6_000)
    body = {"kind": "other", "title": "More", "due_on": "2023-09-15", "weight_bp": 2_500}
    answers = await asyncio.gather(
        *(world.operator.post(f"missions/{mission.id}/deliverables", body) for _ in range(8))
    )
    assert sorted(each.status_code for each in answers) == [201, *[409] * 7]
    refusal = next(each for each in answers if each.status_code == 409)
    assert problem(refusal, 409, "weights-exceeded")["left_bp"] == 1_500
    answer = await world.operator.patch(address(first), {"weight_bp": 7_501})
    assert problem(answer, 409, "weights-exceeded")["left_bp"] == 7_500
    ok(await world.operator.patch(address(first), {"weight_bp": 7_500}), 200)
    await refused(world.pool, "weights_exceeded", (
        "UPDATE deliverables SET weight_bp = 7501 WHERE id = $1", first["id"],
    ))  # fmt: skip
    ok(await world.operator.post(f"missions/{mission.id}/close", {"reason": "It is over."}), 200)
    problem(await world.operator.post(f"missions/{mission.id}/deliverables", body), 409, "mission-ended")
    ok(await act(world, first, "deliver"), 200)  # what is ordered is delivered when the days are over too


async def test_a_version_that_stands_on_a_roadmap_has_its_hash(world: World) -> None:
    version, deliverable = await in_force(world), await ordered(world, title="Roadmap")
    hashed = (
        "INSERT INTO deliverable_passages (deliverable_id, number, territory, act, from_state, to_state, effective_on,"
        " document_version, document_sha256, roadmap_version_id, verification_ends_on, recorded_at)"
        " VALUES ($1, 1, $2, 'deliver', 'expected', 'delivered', '2024-01-15', 1, repeat('0', 64), $3, '2024-03-15',"
        " now())"
    )
    wrong = (hashed, deliverable["id"], world.territory, version["id"])
    await refused(world.pool, "deliverable_passages_roadmap_hash_fkey", wrong)
