"""Limits under real parallel connections: the last day goes to one, whoever asks at the same time."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from app.core.db import raw_connection
from tests.lives import FRESH, seed_of
from tests.world import Client, Mission, World, ok, problem

FIRST = date(2023, 6, 14)  # the window of `World.mission` opens here and holds 109 days
COUNTS = "('submitted', 'validated', 'certified')"


def day(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


def answers(responses: Iterable[httpx2.Response]) -> Counter[str]:
    """How many got which answer: the status of a success, the problem's code of a refusal."""
    return Counter(r.json()["type"].removeprefix("/problems/") if r.is_error else str(r.status_code) for r in responses)


async def crew(world: World, mission: Mission, number: int) -> list[str]:
    """More consultants of the partner on the mission, each a person of his own."""

    async def one() -> str:
        person = await world.add_person()
        body = {"person_id": str(person), "mission_id": mission.id, "from_on": "2023-01-01"}
        return str(ok(await world.operator.post("consultants", body), 201)["id"])

    return list(await asyncio.gather(*(one() for _ in range(number))))


async def sums(world: World, mission: Mission) -> dict[str, Decimal]:
    """What each of the places that count days says of the mission."""
    row = await world.pool.fetchrow(
        f"""
        SELECT (SELECT days_entered FROM mission_days WHERE mission_id = $1) AS mission,
               (SELECT sum(days_entered) FROM member_days WHERE mission_id = $1) AS members,
               (SELECT coalesce(sum(days), 0) FROM time_entries WHERE mission_id = $1 AND status IN {COUNTS}) AS entries
        """,
        mission.id,
    )
    return dict(row)


async def agree(world: World, *missions: Mission) -> Decimal:
    """The days entered on all these missions, having checked that every place that counts them says the same."""
    total = Decimal(0)
    for mission in missions:
        said = await sums(world, mission)
        assert len(set(said.values())) == 1, said
        total += said["mission"]
        by_member = await world.pool.fetch(
            f"""
            SELECT m.days_entered, coalesce(e.days, 0) AS entries, m.days_allotted, mm.days_allotted AS public
            FROM member_days m JOIN mission_members mm USING (mission_id, organisation_id)
            LEFT JOIN (SELECT organisation_id, sum(days) AS days FROM time_entries
                       WHERE mission_id = $1 AND status IN {COUNTS} GROUP BY 1) e USING (organisation_id)
            WHERE m.mission_id = $1
            """,
            mission.id,
        )
        assert all(row["days_entered"] == row["entries"] <= row["days_allotted"] for row in by_member), by_member
    people = await world.pool.fetch(
        f"""
        SELECT p.person_id, p.worked_on, p.days, coalesce(e.days, 0) AS entries
        FROM person_days p
        LEFT JOIN (SELECT person_id, worked_on, sum(days) AS days FROM time_entries
                   WHERE status IN {COUNTS} GROUP BY 1, 2) e USING (person_id, worked_on)
        WHERE p.person_id IN (SELECT person_id FROM time_entries WHERE territory = $1)
        """,
        world.territory,
    )
    assert all(row["days"] == row["entries"] <= 1 for row in people), people
    assert sum(row["days"] for row in people) >= total
    follow_up = await world.follow_up()
    assert Decimal(str(follow_up["days_entered"])) == total
    assert follow_up["days_left"] == follow_up["days_ordered"] - follow_up["days_entered"]
    assert sum(member["days_entered"] for member in follow_up["by_member"]) == follow_up["days_entered"]
    assert sum(week["days_entered"] for week in follow_up["by_week"]) == follow_up["days_entered"]
    return total


async def stored(world: World) -> tuple[int, int, int]:
    """How many entries, events of entries, and kept answers there are."""
    row = await world.pool.fetchrow(
        """
        SELECT (SELECT count(*) FROM time_entries WHERE territory = $1),
               (SELECT count(*) FROM events WHERE territory = $1 AND resource_type = 'time_entry'),
               (SELECT count(*) FROM idempotency_keys WHERE subject_id = $2)
        """,
        world.territory,
        world.subjects["consultant"],
    )
    return tuple(row)


async def at_once(number: int, send: Callable[[int], Awaitable[httpx2.Response]]) -> list[httpx2.Response]:
    return list(await asyncio.gather(*(send(i) for i in range(number))))


@pytest.fixture
async def deadlocks(app: Any, pool: Any) -> Callable[[], Awaitable[int]]:
    """Counts the database's deadlocks; the service's connections are made to report theirs first."""

    async def count() -> int:
        gathered = asyncio.Barrier(20)

        async def flush() -> None:
            async with raw_connection(app.state["engine"]) as connection:
                await gathered.wait()  # all connections of the pool at once, so that none is left out
                await connection.execute("SELECT pg_stat_force_next_flush()")

        await asyncio.gather(*(flush() for _ in range(20)))
        found: int = await pool.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return found

    before = await count()

    async def since() -> int:
        return await count() - before

    return since


@contextlib.asynccontextmanager
async def held(world: World, *statements: tuple[Any, ...]) -> AsyncIterator[None]:
    """A transaction of somebody else that has done this and lasts; it is rolled back at the end."""
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            for statement, *arguments in statements:
                await connection.execute(statement, *arguments)
            yield
        finally:
            await transaction.rollback()


async def waiting(world: World, number: int) -> None:
    """Return once so many writers wait for a lock."""
    look = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(10):
        while await world.pool.fetchval(look) < number:  # each look is a round trip: the writers get their turn
            pass


# --- the last quarter-day --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alone", [True, False], ids=["the order alone is short", "order and allotment end together"])
async def test_the_last_quarter_day_goes_to_exactly_one_of_fifty(world: World, alone: bool) -> None:
    mission = await world.mission(days=3, lead=0, partner=3)
    if alone:  # by the service an order is never smaller than its allotments: only so the order alone can refuse
        await world.pool.execute("UPDATE member_days SET days_allotted = 100 WHERE mission_id = $1", mission.id)
    people = await crew(world, mission, 5)
    for number, days in enumerate((1, 1, 0.75)):
        ok(await world.consultant.post("time-entries", mission.entry(worked_on=day(100 + number), days=days)), 201)
    before = await stored(world)

    async def quarter(i: int) -> httpx2.Response:
        body = mission.entry(worked_on=day(i), days=0.25, consultant_id=people[i % 5])
        return await world.consultant.post("time-entries", body, headers={"Idempotency-Key": f"{mission.id}-{i}"})

    assert answers(await at_once(50, quarter)) == {"201": 1, "days-exhausted": 49}
    assert await agree(world, mission) == 3
    assert [after - was for after, was in zip(await stored(world), before, strict=True)] == [1, 1, 1]


async def test_the_last_quarter_of_an_allotment_goes_to_exactly_one_of_fifty(world: World) -> None:
    mission = await world.mission(days=10, lead=9, partner=1)
    people = await crew(world, mission, 5)
    ok(await world.consultant.post("time-entries", mission.entry(worked_on=day(100), days=0.75)), 201)
    before = await stored(world)

    async def quarter(i: int) -> httpx2.Response:
        body = mission.entry(worked_on=day(i), days=0.25, consultant_id=people[i % 5])
        return await world.consultant.post("time-entries", body, headers={"Idempotency-Key": f"{mission.id}-{i}"})

    assert answers(await at_once(50, quarter)) == {"201": 1, "allotment-exhausted": 49}
    assert await agree(world, mission) == 1
    assert [after - was for after, was in zip(await stored(world), before, strict=True)] == [1, 1, 1]


async def test_fifty_quarters_of_one_day_of_a_person_are_four(world: World) -> None:
    mission = await world.mission(days=50)
    responses = await at_once(50, lambda _: world.consultant.post("time-entries", mission.entry(days=0.25)))
    assert answers(responses) == {"201": 4, "person-day-exceeded": 46}
    assert await agree(world, mission) == 1
    assert (await stored(world))[:2] == (4, 4)


async def test_fifty_drafts_submitted_at_once_share_what_is_left(world: World) -> None:
    mission = await world.mission(days=2, lead=0.5, partner=1.5)
    items = [mission.entry(worked_on=day(i), days=0.5, status="draft") for i in range(50)]
    drafts = ok(await world.consultant.post("time-entries/batch", {"items": items}), 201)["items"]
    responses = await at_once(50, lambda i: world.consultant.post(f"time-entries/{drafts[i]['id']}/submit"))
    assert answers(responses) == {"200": 3, "allotment-exhausted": 47}
    assert await agree(world, mission) == Decimal("1.5")
    submitted = await world.pool.fetchval(
        "SELECT count(*) FROM events WHERE territory = $1 AND type = 'time_entry.submitted'", world.territory
    )
    assert submitted == 3


async def test_batches_at_once_are_taken_whole_or_not_at_all(world: World) -> None:
    mission = await world.mission(days=10, lead=0, partner=10)

    async def batch(i: int) -> httpx2.Response:
        items = [mission.entry(worked_on=day(3 * i + k), days=1) for k in range(3)]
        return await world.consultant.post("time-entries/batch", {"items": items})

    assert answers(await at_once(12, batch)) == {"201": 3, "days-exhausted": 9}
    assert await agree(world, mission) == 9


# --- one person in two territories -----------------------------------------------------------------------------------


async def in_both(world: World, other: World) -> tuple[tuple[World, Client, Mission], ...]:
    """One person of the partner at work in two territories, with a client in each."""
    other.organisations["partner"] = world.organisations["partner"]
    async with world.pool.acquire() as connection:
        there = await other.add_subject(connection, "partner's clerk", "partner", "consultant")
    person = await world.add_person()
    here_mission = await world.mission(people={"partner": person})
    there_mission = await other.mission(people={"partner": person})
    return ((world, world.consultant, here_mission), (other, there, there_mission))


async def test_half_days_in_two_territories_never_exceed_one_day(world: World, other: World) -> None:
    places = await in_both(world, other)

    async def half(i: int) -> httpx2.Response:
        _, client, mission = places[i % 2]
        return await client.post("time-entries", mission.entry(days=0.5))

    assert answers(await at_once(40, half)) == {"201": 2, "person-day-exceeded": 38}
    assert sum([(await sums(place, mission))["mission"] for place, _, mission in places]) == 1


async def test_a_refusal_tells_nothing_of_the_other_territory_but_the_date(world: World, other: World) -> None:
    (_, here, here_mission), (_, there, there_mission) = await in_both(world, other)
    secret = ok(await here.post("time-entries", here_mission.entry(days=0.75, note="Kept between us")), 201)
    single = await there.post("time-entries", there_mission.entry(days=0.5))
    batch = await there.post("time-entries/batch", {"items": [there_mission.entry(days=0.5)]})
    draft = ok(await there.post("time-entries", there_mission.entry(days=0.5, status="draft")), 201)
    submit = await there.post(f"time-entries/{draft['id']}/submit")
    known = {"type", "title", "status", "detail", "instance", "request_id", "worked_on"}
    for response in (single, batch, submit):
        body = problem(response, 409, "person-day-exceeded")
        assert set(body) == known | ({"errors"} if response is batch else set())  # a batch names its row
        assert body["worked_on"] == "2023-07-04"
        hidden = [world.territory, *secret.values(), "0.75", "0.25"]
        shared = [draft["worked_on"], draft["activity"], draft["status"], draft["consultant_name"]]
        shared += [draft["organisation_id"], draft["organisation_name"], draft["mission_name"], draft["days"]]
        for value in hidden:
            if isinstance(value, str) and value not in shared:
                assert value not in response.text, value
    ok(await there.post("time-entries", there_mission.entry(days=0.25)), 201)


# --- moves -----------------------------------------------------------------------------------------------------------


async def test_an_entry_moves_to_another_day_person_or_mission_in_one_step(world: World) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    elsewhere = await world.mission(days=1, lead=0, partner=1)
    (colleague,) = await crew(world, mission, 1)
    entry = ok(await world.consultant.post("time-entries", mission.entry(days=1)), 201)
    path = f"time-entries/{entry['id']}"

    async def taken() -> dict[tuple[str, str], float]:
        rows = await world.pool.fetch(
            "SELECT c.id, p.worked_on, p.days FROM person_days p JOIN consultants c USING (person_id)"
            " WHERE c.territory = $1 AND p.days > 0",
            world.territory,
        )
        return {(str(row["id"]), row["worked_on"].isoformat()): float(row["days"]) for row in rows}

    ok(await world.consultant.patch(path, {"worked_on": day(3)}))
    assert await taken() == {(mission.partner_consultant, day(3)): 1}
    ok(await world.consultant.patch(path, {"consultant_id": colleague}))
    assert await taken() == {(colleague, day(3)): 1}
    moved = {"mission_id": elsewhere.id, "consultant_id": elsewhere.partner_consultant}
    ok(await world.consultant.patch(path, moved))
    assert await taken() == {(elsewhere.partner_consultant, day(3)): 1}
    assert (await sums(world, mission))["mission"] == 0
    assert (await sums(world, elsewhere))["mission"] == 1
    assert await agree(world, mission, elsewhere) == 1


async def test_in_an_exhausted_mission_an_entry_shrinks_and_is_noted_but_does_not_grow(world: World) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    entry = ok(await world.consultant.post("time-entries", mission.entry(days=0.75)), 201)
    ok(await world.consultant.post("time-entries", mission.entry(days=0.25, worked_on=day(1))), 201)
    path = f"time-entries/{entry['id']}"
    refused = problem(await world.consultant.patch(path, {"days": 1}), 409, "days-exhausted")
    assert (refused["days_requested"], refused["days_left"]) == (0.25, 0)
    assert ok(await world.consultant.patch(path, {"note": "Atelier"}))["days"] == 0.75
    ok(await world.consultant.patch(path, {"days": 0.5}))
    assert await agree(world, mission) == Decimal("0.75")
    ok(await world.consultant.patch(path, {"days": 0.75}))
    assert await agree(world, mission) == 1


async def test_a_move_in_an_exhausted_mission_is_refused_by_what_is_truly_short(world: World) -> None:
    mission = await world.mission(days=2, lead=0, partner=2)
    entry = ok(await world.consultant.post("time-entries", mission.entry(days=1)), 201)
    ok(await world.consultant.post("time-entries", mission.entry(days=1, worked_on=day(1))), 201)
    refused = await world.consultant.patch(f"time-entries/{entry['id']}", {"worked_on": day(1)})
    assert problem(refused, 409, "person-day-exceeded")["worked_on"] == day(1)
    outside = await world.consultant.patch(f"time-entries/{entry['id']}", {"worked_on": "2023-06-13"})
    problem(outside, 409, "outside-mission-window")
    assert await agree(world, mission) == 2


async def test_a_shrink_off_the_step_is_refused_with_the_step(world: World) -> None:
    mission = await world.mission(days=2, step=0.5)
    entry = ok(await world.consultant.post("time-entries", mission.entry(days=1)), 201)
    refused = problem(await world.consultant.patch(f"time-entries/{entry['id']}", {"days": 0.25}), 409, "off-step")
    assert refused["step"] == 0.5


async def test_a_duplicate_external_id_is_told_as_such_in_every_write(world: World) -> None:
    mission = await world.mission(days=10)
    ok(await world.consultant.post("time-entries", mission.entry(external_id="cra-1")), 201)
    entry = ok(await world.consultant.post("time-entries", mission.entry(worked_on=day(1))), 201)
    twin = mission.entry(external_id="cra-1", worked_on=day(2))
    for response, row in (
        (await world.consultant.post("time-entries", twin), ""),
        (await world.consultant.post("time-entries/batch", {"items": [twin]}), "/items/0"),
        (await world.consultant.patch(f"time-entries/{entry['id']}", {"external_id": "cra-1"}), ""),
    ):
        assert problem(response, 409, "already-exists")["errors"][0]["pointer"] == f"{row}/external_id"


@pytest.mark.parametrize("action", ["recall", "reject", "reverse", "reverse after validation"])
async def test_what_is_given_back_is_free_at_once(world: World, action: str) -> None:
    mission = await world.mission(days=1, lead=0, partner=1)
    entry = ok(await world.consultant.post("time-entries", mission.entry(days=1)), 201)
    path = f"time-entries/{entry['id']}"
    problem(await world.consultant.post("time-entries", mission.entry(days=0.25)), 409, "days-exhausted")
    if action == "reject":
        ok(await world.lead_judge.post(f"{path}/reject", {"reason": "Wrong day"}))
    elif action == "recall":
        ok(await world.consultant.post(f"{path}/recall"))
    else:
        if "validation" in action:
            ok(await world.lead_judge.post(f"{path}/validate"))
        ok(await world.lead_judge.post(f"{path}/reverse", {"reason": "Wrong day"}))
    assert await agree(world, mission) == 0
    ok(await world.consultant.post("time-entries", mission.entry(days=1)), 201)
    assert await agree(world, mission) == 1


@pytest.mark.parametrize("action", ["recall", "reverse"])
async def test_an_entry_gives_back_what_it_took_only_once(world: World, action: str) -> None:
    mission = await world.mission(days=10)
    ok(await world.consultant.post("time-entries", mission.entry(days=1, worked_on=day(1))), 201)
    entry = ok(await world.consultant.post("time-entries", mission.entry(days=1)), 201)
    body = {"reason": "Twice"} if action == "reverse" else None
    path = f"time-entries/{entry['id']}/{action}"
    responses = await at_once(20, lambda _: world.consultant.post(path, body))
    assert answers(responses) == {"200": 1, "invalid-transition": 19}
    assert await agree(world, mission) == 1


# --- acts that narrow a limit, beside entries ------------------------------------------------------------------------


async def test_a_shrinking_amendment_never_leaves_an_entry_outside_the_window(world: World) -> None:
    mission = await world.mission(days=50)
    for number in range(12):
        edge = (date(2023, 9, 30) - timedelta(days=number)).isoformat()
        shorter = (date(2023, 9, 29) - timedelta(days=number)).isoformat()
        order = {
            "kind": "amendment",
            "reason": "Asked for.",
            "reference": f"A-{number}",
            "signed_on": "2023-07-01",
            "days": 0,
        }

        async def enter(edge: str = edge) -> httpx2.Response:
            return await world.consultant.post("time-entries", mission.entry(worked_on=edge, days=0.25))

        async def shorten(body: dict[str, Any] = {**order, "ends_on": shorter}) -> httpx2.Response:  # noqa: B006  # as of this round
            return await world.operator.post(f"missions/{mission.id}/orders", body)

        mixed = [shorten(), enter(), enter()] if number % 2 else [enter(), shorten(), enter()]
        found = answers(await asyncio.gather(*mixed))
        assert found in ({"201": 1, "outside-mission-window": 2}, {"201": 2, "entries-outside-window": 1}), found
        outside = await world.pool.fetch(
            f"SELECT e.worked_on, d.ends_on FROM time_entries e JOIN mission_days d USING (mission_id)"
            f" WHERE mission_id = $1 AND e.status IN {COUNTS} AND e.worked_on > d.ends_on",
            mission.id,
        )
        assert not outside
        await world.pool.execute("UPDATE mission_days SET worked_to = NULL WHERE mission_id = $1", mission.id)
        entries = ok(await world.consultant.get(f"time-entries?mission_id={mission.id}&status=submitted"))["items"]
        for entry in entries:
            ok(await world.consultant.post(f"time-entries/{entry['id']}/recall"))
        if "entries-outside-window" in found:
            ok(await shorten(), 201)
    assert await agree(world, mission) == 0


async def test_an_amendment_that_takes_days_away_never_leaves_entries_above(world: World) -> None:
    mission = await world.mission(days=12, lead=0, partner=0)
    await world.pool.execute("UPDATE member_days SET days_allotted = 100 WHERE mission_id = $1", mission.id)

    async def race(i: int) -> httpx2.Response:
        if i % 4 == 0:
            body = {
                "kind": "amendment",
                "reason": "Asked for.",
                "reference": f"A-{i}",
                "signed_on": "2023-07-01",
                "days": -1,
            }
            return await world.operator.post(f"missions/{mission.id}/orders", body)
        return await world.consultant.post("time-entries", mission.entry(worked_on=day(i), days=0.5))

    found = answers(await at_once(48, race))
    assert found["201"] + found["days-exhausted"] + found["ordered-below-entered"] == 48
    assert found["days-exhausted"]
    entered = await agree(world, mission)
    ordered = await world.pool.fetchval("SELECT days_ordered FROM mission_days WHERE mission_id = $1", mission.id)
    placed = await world.pool.fetchval("SELECT sum(days) FROM orders WHERE mission_id = $1", mission.id)
    assert entered <= ordered == placed


async def test_an_assignment_that_ends_earlier_never_leaves_an_entry_behind(
    world: World, deadlocks: Callable[[], Awaitable[int]]
) -> None:
    mission = await world.mission(days=100)
    path = f"consultants/{mission.partner_consultant}"
    for number in range(10):
        edge = (date(2023, 9, 30) - timedelta(days=number)).isoformat()
        earlier = (date(2023, 9, 29) - timedelta(days=number)).isoformat()
        items = {"items": [mission.entry(worked_on=edge, days=0.25)]}
        found = answers(
            await asyncio.gather(
                world.consultant.post("time-entries", mission.entry(worked_on=edge, days=0.25)),
                world.operator.patch(path, {"to_on": earlier}),
                world.consultant.post("time-entries/batch", items),
            )
        )
        entered = found["201"]
        assert found["outside-assignment"] == 2 - entered, found
        assert found["200" if entered == 0 else "entries-outside-assignment"] == 1, found
        entries = ok(await world.consultant.get("time-entries?status=submitted"))["items"]
        assert [entry["worked_on"] for entry in entries] == [edge] * entered
        for entry in entries:
            ok(await world.consultant.patch(f"time-entries/{entry['id']}", {"worked_on": day(0), "days": 0.25}))
            ok(await world.consultant.post(f"time-entries/{entry['id']}/reverse", {"reason": "Race"}))
        ok(await world.operator.patch(path, {"to_on": earlier}))
    assert await deadlocks() == 0


async def test_entries_pass_while_an_assignment_is_lengthened(world: World) -> None:
    mission = await world.mission(days=100)

    async def race(i: int) -> httpx2.Response:
        if i % 4 == 0:
            to_on = (date(2024, 1, 1) + timedelta(days=i)).isoformat()
            return await world.operator.patch(f"consultants/{mission.partner_consultant}", {"to_on": to_on})
        return await world.consultant.post("time-entries", mission.entry(worked_on=day(i), days=0.25))

    assert answers(await at_once(60, race)) == {"200": 15, "201": 45}
    assert await agree(world, mission) == Decimal("11.25")


async def test_a_lowered_allotment_is_never_below_what_is_entered(world: World) -> None:
    mission = await world.mission(days=20, lead=0, partner=8)
    path = f"missions/{mission.id}/members/{mission.partner_member}"

    async def race(i: int) -> httpx2.Response:
        if i % 6 == 0:
            return await world.operator.patch(
                path, {"days_allotted": 8 - i / 6, "reason": "Agreed.", "decided_on": "2023-07-03"}
            )
        return await world.consultant.post("time-entries", mission.entry(worked_on=day(i), days=0.5))

    found = answers(await at_once(48, race))
    assert found["201"] + found["200"] + found["allotment-exhausted"] + found["allotment-below-entered"] == 48
    await agree(world, mission)
    row = await world.pool.fetchrow(
        "SELECT d.days_allotted, sum(m.days_allotted), sum(p.days_allotted) FROM mission_days d"
        " JOIN member_days m USING (mission_id) JOIN mission_members p USING (mission_id, organisation_id)"
        " WHERE mission_id = $1 GROUP BY 1",
        mission.id,
    )
    assert row[0] == row[1] == row[2]


# --- opposite orders -------------------------------------------------------------------------------------------------


async def test_batches_that_list_the_same_days_in_opposite_orders_never_deadlock(
    world: World, deadlocks: Callable[[], Awaitable[int]]
) -> None:
    missions = [await world.mission(days=100, lead=0) for _ in range(2)]
    crews = [[*await crew(world, mission, 2), mission.partner_consultant] for mission in missions]
    rows = [
        mission.entry(worked_on=day(number), days=0.25, consultant_id=consultant)
        for number in range(5)
        for mission, people in zip(missions, crews, strict=True)
        for consultant in people
    ]

    async def batch(i: int) -> httpx2.Response:
        return await world.consultant.post("time-entries/batch", {"items": rows if i % 2 else rows[::-1]})

    found = answers(await at_once(16, batch))
    assert found == {"201": 4, "person-day-exceeded": 12}
    assert await deadlocks() == 0
    assert await agree(world, *missions) == 30


async def test_batches_with_the_same_external_ids_in_opposite_orders_never_deadlock(
    world: World, deadlocks: Callable[[], Awaitable[int]]
) -> None:
    mission = await world.mission(days=100)
    draft = ok(await world.consultant.post("time-entries", mission.entry(status="draft")), 201)
    items = [mission.entry(status="draft", external_id=name) for name in ("a", "m", "z")]
    both = (items, items[::-1])
    async with held(world, ("UPDATE time_entries SET external_id = 'm' WHERE id = $1", draft["id"])):
        # Each comes to the id in the middle, and holds what it wrote before.
        batches = []
        for number, listed in enumerate(both, 1):
            batches.append(asyncio.create_task(world.consultant.post("time-entries/batch", {"items": listed})))
            await waiting(world, number)
    responses = await asyncio.gather(*batches)
    assert answers(responses) == {"201": 1, "already-exists": 1}
    for response, listed in zip(responses, both, strict=True):
        if response.is_success:
            given = [entry["external_id"] for entry in response.json()["items"]]
            assert given == [item["external_id"] for item in listed]
    assert await deadlocks() == 0


ASSIGN = """
INSERT INTO consultants (territory, mission_id, organisation_id, person_id, from_on, until_on, created_at, updated_at)
SELECT territory, mission_id, organisation_id, $2, '2023-04-15', '2023-06-15', now(), now()
FROM consultants WHERE id = $1
"""


async def test_one_of_twenty_equal_assignments_is_made_and_the_others_told(
    world: World, deadlocks: Callable[[], Awaitable[int]]
) -> None:
    mission = await world.mission(days=10)
    person = await world.add_person()
    body = {"person_id": str(person), "mission_id": mission.id, "from_on": "2023-01-01"}
    async with held(world, (ASSIGN, mission.partner_consultant, person)):
        posts = [asyncio.create_task(world.operator.post("consultants", body)) for _ in range(18)]
        await waiting(world, 18)
    assert answers(await asyncio.gather(*posts)) == {"201": 1, "already-assigned": 17}
    assert await deadlocks() == 0


async def test_assignments_that_grow_into_each_other_are_refused_without_a_deadlock(
    world: World, deadlocks: Callable[[], Awaitable[int]]
) -> None:
    mission = await world.mission(days=10)
    person = await world.add_person()
    same = {"person_id": str(person), "mission_id": mission.id}
    early = ok(await world.operator.post("consultants", {**same, "from_on": "2023-01-01", "to_on": "2023-03-31"}), 201)
    late = ok(await world.operator.post("consultants", {**same, "from_on": "2023-07-01"}), 201)
    async with held(world, (ASSIGN, mission.partner_consultant, person)):
        patches = [
            asyncio.create_task(world.operator.patch(f"consultants/{early['id']}", {"to_on": "2023-05-15"})),
            asyncio.create_task(world.operator.patch(f"consultants/{late['id']}", {"from_on": "2023-05-01"})),
        ]
        await waiting(world, 2)
    assert answers(await asyncio.gather(*patches)) == {"200": 1, "already-assigned": 1}
    assert await deadlocks() == 0


async def test_an_entry_a_recall_and_a_new_assignment_never_wait_in_a_circle(
    world: World, deadlocks: Callable[[], Awaitable[int]]
) -> None:
    """The recall holds its entry, the assignment waits for that entry, and the new entry waits for the assignment."""
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry()), 201)
    lock = (
        "SELECT 1 FROM person_days p JOIN time_entries e USING (person_id, worked_on) WHERE e.id = $1 FOR UPDATE OF p"
    )
    steps: list[Callable[[], Coroutine[Any, Any, httpx2.Response]]] = [
        lambda: world.consultant.post(f"time-entries/{entry['id']}/recall"),
        lambda: world.operator.patch(f"consultants/{mission.partner_consultant}", {"to_on": "2024-01-01"}),
        lambda: world.consultant.post("time-entries", mission.entry(worked_on=day(0))),
    ]
    async with held(world, (lock, entry["id"])):
        writes = []
        for number, step in enumerate(steps, 1):
            writes.append(asyncio.create_task(step()))
            await waiting(world, number)
    assert [response.status_code for response in await asyncio.gather(*writes)] == [200, 200, 201]
    assert await deadlocks() == 0
    assert await agree(world, mission) == Decimal("0.5")


@pytest.mark.parametrize("seed", [1, FRESH])
async def test_every_kind_of_write_mixed_at_random_keeps_the_sums_and_never_deadlocks(
    world: World, deadlocks: Callable[[], Awaitable[int]], seed: int | str
) -> None:
    chance = random.Random(seed_of(seed))
    missions = [await world.mission(days=12, lead=2, partner=6) for _ in range(2)]
    crews = [[*await crew(world, mission, 1), mission.partner_consultant] for mission in missions]
    references = iter(range(10_000))
    known: list[str] = []

    def row(which: int) -> dict[str, Any]:
        return missions[which].entry(
            worked_on=day(chance.randrange(6)),
            days=chance.choice((0.25, 0.5)),
            consultant_id=chance.choice(crews[which]),
        )

    async def batch() -> httpx2.Response:
        items = [row(chance.randrange(2)) for _ in range(6)]
        chance.shuffle(items)
        return await world.consultant.post("time-entries/batch", {"items": items})

    async def single() -> httpx2.Response:
        return await world.consultant.post("time-entries", row(chance.randrange(2)))

    async def act() -> httpx2.Response:
        action = chance.choice(("recall", "recall", "submit", "reverse", "validate", "reject"))
        client = world.lead_judge if action in ("validate", "reject", "reverse") else world.consultant
        body = {"reason": "Chance"} if action in ("reverse", "reject") else None
        return await client.post(f"time-entries/{chance.choice(known)}/{action}", body)

    async def move() -> httpx2.Response:
        which = chance.randrange(2)
        whole = row(which)
        names = chance.choice(
            (("days",), ("worked_on",), ("mission_id", "consultant_id", "worked_on"), ("days", "worked_on"))
        )
        return await world.consultant.patch(
            f"time-entries/{chance.choice(known)}", {name: whole[name] for name in names}
        )

    async def amend() -> httpx2.Response:
        body: dict[str, Any] = {
            "kind": "amendment",
            "reason": "Asked for.",
            "reference": f"A-{next(references)}",
            "signed_on": "2023-07-01",
        }
        moved: dict[str, Any] = {"days": 0, "starts_on": day(chance.randrange(3))}
        body |= chance.choice([{"days": 1}, {"days": -1}, moved])
        return await world.operator.post(f"missions/{chance.choice(missions).id}/orders", body)

    async def allot() -> httpx2.Response:
        mission = chance.choice(missions)
        path = f"missions/{mission.id}/members/{mission.partner_member}"
        return await world.operator.patch(
            path, {"days_allotted": chance.randrange(4, 12), "reason": "Chance", "decided_on": "2023-07-03"}
        )

    async def assign() -> httpx2.Response:
        to_on = chance.choice((None, day(4), day(20), day(40)))
        return await world.operator.patch(f"consultants/{chance.choice(chance.choice(crews))}", {"to_on": to_on})

    async def leave() -> httpx2.Response:
        mission = chance.choice(missions)
        return await world.operator.patch(
            f"missions/{mission.id}", {"late_entry_grace_days": chance.choice((None, 3660))}
        )

    kinds = [batch, batch, single, single, single, act, act, act, act, move, move, move, amend, allot, assign, leave]
    seen: Counter[str] = Counter()
    for _ in range(10):
        known = [
            str(row["id"])
            for row in await world.pool.fetch("SELECT id FROM time_entries WHERE territory = $1", world.territory)
        ] or [missions[0].id]
        responses = await asyncio.gather(*(chance.choice(kinds)() for _ in range(20)))
        assert all(response.status_code in (200, 201, 404, 409) for response in responses), [
            response.text for response in responses if response.status_code not in (200, 201, 404, 409)
        ]
        seen += answers(responses)
    assert {"200", "201"} <= set(seen)
    assert not set(seen) & {"reference-not-found", "busy"}, seen
    await agree(world, *missions)
    assert await deadlocks() == 0
    astray = await world.pool.fetch(
        "SELECT e.id FROM time_entries e JOIN mission_days d USING (mission_id)"
        " JOIN consultants c ON c.id = e.consultant_id"
        f" WHERE e.territory = $1 AND e.status IN {COUNTS} AND NOT (worked_on BETWEEN d.starts_on AND d.ends_on"
        f" AND worked_on BETWEEN c.from_on AND c.until_on)",
        world.territory,
    )
    assert not astray
