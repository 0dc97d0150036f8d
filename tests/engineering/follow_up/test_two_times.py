"""Two times of the days: `as_of` follows what counts by a day, `recorded_as_of` says for ever what a past day knew."""

from datetime import datetime
from typing import Any

from app.core.clock import PARIS, frozen
from tests.world import Mission, World, ok, problem

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = "2023-07-10", "2023-07-11", "2023-07-12", "2023-07-13"
FIGURES = ("ordered", "allotted", "entered", "validated", "draft", "left")


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=PARIS)


async def ask(world: World, address: str = "engineering", **parameters: Any) -> dict[str, Any]:
    found: dict[str, Any] = ok(await world.operator.get(address, params=parameters))
    return found


def brief(found: dict[str, Any]) -> dict[str, float]:
    """The figures that are not zero."""
    return {name: found[f"days_{name}"] for name in FIGURES if found[f"days_{name}"]}


async def entered(world: World, mission: Mission, worked_on: str, days: float, **more: Any) -> str:
    body = mission.entry(worked_on=worked_on, days=days, **more)
    return str(ok(await world.consultant.post("time-entries", body), 201)["id"])


async def mission_of_monday(world: World) -> Mission:
    """Ordered on 1 June for 14 June to 30 September, recorded and allotted on Monday 10 July."""
    with frozen(noon(MONDAY)):
        return await world.mission(days=20)


async def test_what_a_past_day_knew_of_the_days_never_changes(world: World) -> None:
    mission = await mission_of_monday(world)
    with frozen(noon(MONDAY)):
        first = await entered(world, mission, "2023-07-03", 1)
        draft = await entered(world, mission, MONDAY, 0.5, status="draft")
    with frozen(noon(TUESDAY)):
        ok(await world.lead_judge.post(f"time-entries/{first}/validate"))
        second = await entered(world, mission, TUESDAY, 0.75, activity="roadmap")
    questions = [
        {"recorded_as_of": known, "as_of": counts}
        for known in ("2023-07-09", MONDAY, TUESDAY)
        for counts in ("2023-07-02", MONDAY, TUESDAY, "2024-01-01")
    ]
    addresses = ("engineering", "engineering/burn-down")
    with frozen(noon(WEDNESDAY)):
        said = [await ask(world, address, **each) for each in questions for address in addresses]
        assert [brief(each) for each in said[::2]] == [
            {}, {}, {}, {},
            {"ordered": 20, "allotted": 20, "left": 20},
            *[{"ordered": 20, "allotted": 20, "entered": 1, "draft": 0.5, "left": 19}] * 3,
            {"ordered": 20, "allotted": 20, "left": 20},
            {"ordered": 20, "allotted": 20, "entered": 1, "validated": 1, "draft": 0.5, "left": 19},
            *[{"ordered": 20, "allotted": 20, "entered": 1.75, "validated": 1, "draft": 0.5, "left": 18.25}] * 2,
        ]  # fmt: skip
        # Everything is turned over: reversed, moved, deleted, ordered anew, allotted anew, given another profile.
        ok(await world.lead_judge.post(f"time-entries/{first}/reverse", {"reason": "Another firm."}))
        ok(await world.consultant.patch(f"time-entries/{second}", {"worked_on": "2023-07-04", "days": 0.25}))
        ok(await world.consultant.delete(f"time-entries/{draft}"), 204)
        amendment = {"kind": "amendment", "reference": "A-1", "signed_on": MONDAY, "days": 5, "reason": "More firms."}
        ok(await world.operator.post(f"missions/{mission.id}/orders", {**amendment, "ends_on": "2023-10-03"}), 201)
        raised = {"days_allotted": 12, "reason": "More firms.", "decided_on": MONDAY}
        ok(await world.operator.patch(f"missions/{mission.id}/members/{mission.partner_member}", raised))
        ok(await world.operator.patch(f"consultants/{mission.partner_consultant}", {"profile": "senior"}))
        assert [await ask(world, address, **each) for each in questions for address in addresses] == said
    with frozen(noon(THURSDAY)):
        assert [await ask(world, address, **each) for each in questions for address in addresses] == said
        known, now = await ask(world, recorded_as_of=WEDNESDAY), await ask(world)
        assert known.pop("recorded_as_of") == WEDNESDAY
        assert now.pop("recorded_as_of") is None
        assert known == now
        assert brief(now) == {"ordered": 25, "allotted": 22, "entered": 0.25, "left": 24.75}
        assert now["by_profile"][0]["profile"] == "senior"
        assert now["ends_on"] == "2023-10-03"


async def test_what_counts_by_a_day_follows_the_day_worked_and_the_day_signed(world: World) -> None:
    mission = await mission_of_monday(world)
    with frozen(noon(THURSDAY)):
        await entered(world, mission, TUESDAY, 1)
        await entered(world, mission, THURSDAY, 0.5)
        amendment = {"kind": "amendment", "reference": "A-1", "signed_on": WEDNESDAY, "days": -2, "reason": "Fewer."}
        ok(await world.operator.post(f"missions/{mission.id}/orders", amendment), 409)  # all is allotted
        lowered = {"days_allotted": 6, "reason": "Fewer.", "decided_on": WEDNESDAY}
        ok(await world.operator.patch(f"missions/{mission.id}/members/{mission.lead_member}", lowered))
        ok(await world.operator.post(f"missions/{mission.id}/orders", amendment), 201)
        told = {day: brief(await ask(world, as_of=day)) for day in ("2023-05-31", MONDAY, TUESDAY, WEDNESDAY, THURSDAY)}
    assert told == {
        "2023-05-31": {},
        MONDAY: {"ordered": 20, "allotted": 20, "left": 20},
        TUESDAY: {"ordered": 20, "allotted": 20, "entered": 1, "left": 19},
        WEDNESDAY: {"ordered": 18, "allotted": 16, "entered": 1, "left": 17},
        THURSDAY: {"ordered": 18, "allotted": 16, "entered": 1.5, "left": 16.5},
    }


async def test_a_reversal_that_counts_later_leaves_the_earlier_day_as_it_was(world: World) -> None:
    mission = await mission_of_monday(world)
    with frozen(noon(MONDAY)):
        wrong = await entered(world, mission, "2023-06-20", 1)
        ok(await world.lead_judge.post(f"time-entries/{wrong}/validate"))
        ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-06"}), 201)
        ok(await world.lead_judge.post(f"time-entries/{wrong}/reverse", {"reason": "Another firm."}))
        of_june, of_july = await ask(world, as_of="2023-06-30"), await ask(world)
        assert (of_june["days_entered"], of_june["days_validated"], of_june["days_left"]) == (1, 1, 19)
        assert (of_july["days_entered"], of_july["days_validated"], of_july["by_week"]) == (0, 0, [])
        points = (await ask(world, "engineering/burn-down", by="day"))["points"]
    left = {point["on"]: point["days_left_entered"] for point in points}
    assert [left[on] for on in ("2023-06-19", "2023-06-20", "2023-06-30", "2023-07-01")] == [20, 19, 19, 20]


async def test_a_draft_moved_to_another_mission_was_in_the_first_one_then(world: World) -> None:
    people = {"partner": await world.add_person("partner")}
    with frozen(noon(MONDAY)):
        first = await world.mission(days=10, people=people)
        second = await world.mission(days=10, people=people)
        draft = await entered(world, first, MONDAY, 1, status="draft")
    with frozen(noon(TUESDAY)):
        moved = {"mission_id": second.id, "consultant_id": second.partner_consultant}
        ok(await world.consultant.patch(f"time-entries/{draft}", moved))
    with frozen(noon(WEDNESDAY)):
        told = [
            (await ask(world, mission_id=mission.id, recorded_as_of=day))["days_draft"]
            for mission in (first, second)
            for day in (MONDAY, TUESDAY)
        ]
    assert told == [1, 0, 0, 1]


async def test_a_day_that_is_not_over_is_not_known_yet(world: World) -> None:
    with frozen(noon(MONDAY)):
        for address in ("engineering", "engineering/burn-down"):
            for day in (MONDAY, TUESDAY):
                told = problem(await world.operator.get(f"{address}?recorded_as_of={day}"), 422, "validation-failed")
                assert [error["code"] for error in told["errors"]] == ["day_not_over"]


async def test_what_a_past_day_knew_of_firms_is_read_under_the_name_that_events_had_then(world: World) -> None:
    mission = await mission_of_monday(world)
    siren, other = await world.followed_firm(), await world.followed_firm()
    with frozen(noon(MONDAY)):
        await entered(world, mission, "2023-07-03", 1, siren=siren)
        recent = await entered(world, mission, "2023-07-04", 0.5, siren=other)
    with frozen(noon(TUESDAY)):
        before = (await ask(world, recorded_as_of=MONDAY))["by_firm"]
        assert {each["siren"]: each["days_entered"] for each in before} == {siren: 1, other: 0.5}
        async with world.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            renamed = await connection.execute(
                "UPDATE events SET data = data - 'siren' || jsonb_build_object('firm_siren', data -> 'siren')"
                " WHERE territory = $1 AND resource_type = 'time_entry' AND resource_id <> $2", world.territory, recent,
            )  # fmt: skip
        assert renamed == "UPDATE 1"
        assert (await ask(world, recorded_as_of=MONDAY))["by_firm"] == before
