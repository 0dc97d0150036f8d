"""A mission's own rules: activities, travel, days of rest, alert thresholds, rates, and its acts as of a day."""

import asyncio
from datetime import date
from typing import Any

import pytest

from app.missions.rest_days import HolidayCalendar, public_holidays, rest_days
from tests.world import Mission, World, ok, problem

# --- the calendar, without a database --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendar", "extra"),
    [
        (HolidayCalendar.METROPOLITAN, set()),
        (HolidayCalendar.ALSACE_MOSELLE, {date(2023, 4, 7), date(2023, 12, 26)}),
        (HolidayCalendar.MARTINIQUE, {date(2023, 5, 22)}),
        (HolidayCalendar.LA_REUNION, {date(2023, 12, 20)}),
    ],
)
def test_public_holidays_by_region(calendar: HolidayCalendar, extra: set[date]) -> None:
    national = {
        date(2023, 1, 1), date(2023, 4, 10), date(2023, 5, 1), date(2023, 5, 8), date(2023, 5, 18), date(2023, 5, 29),
        date(2023, 7, 14), date(2023, 8, 15), date(2023, 11, 1), date(2023, 11, 11), date(2023, 12, 25),
    }  # fmt: skip
    assert public_holidays(date(2023, 1, 1), date(2023, 12, 31), calendar) >= national | extra
    if calendar in (HolidayCalendar.METROPOLITAN, HolidayCalendar.ALSACE_MOSELLE):
        assert public_holidays(date(2023, 1, 1), date(2023, 12, 31), calendar) == national | extra


@pytest.mark.parametrize("calendar", HolidayCalendar)
def test_every_calendar_is_known(calendar: HolidayCalendar) -> None:
    assert len(public_holidays(date(2024, 1, 1), date(2024, 12, 31), calendar)) >= 11


def test_days_of_rest_are_those_not_allowed() -> None:
    first, last, home = date(2023, 7, 10), date(2023, 7, 16), HolidayCalendar.METROPOLITAN
    bastille, weekend = [date(2023, 7, 14)], [date(2023, 7, 15), date(2023, 7, 16)]
    for weekends, holidays, found in (
        (True, True, []), (False, True, weekend), (True, False, bastille), (False, False, bastille + weekend),
    ):  # fmt: skip
        assert rest_days(first, last, home, weekends_allowed=weekends, holidays_allowed=holidays) == found


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def enter(world: World, mission: Mission, worked_on: str, **more: Any) -> Any:
    return await world.consultant.post("time-entries", mission.entry(worked_on=worked_on, days=0.25, **more))


async def test_weekends_and_public_holidays_are_refused_where_they_are_not_allowed(world: World) -> None:
    mission = await world.mission(days=10, weekends_allowed=False, holidays_allowed=False)
    for day in ("2023-07-08", "2023-07-09", "2023-07-14", "2023-08-15"):
        told = problem(await enter(world, mission, day), 409, "rest-day")
        assert told["worked_on"] == day
        batch = {"items": [mission.entry(worked_on="2023-07-04"), mission.entry(worked_on=day)]}
        problem(await world.consultant.post("time-entries/batch", batch), 409, "rest-day")
    draft = ok(await enter(world, mission, "2023-07-14", status="draft"), 201)
    problem(await world.consultant.post(f"time-entries/{draft['id']}/submit"), 409, "rest-day")
    kept = ok(await enter(world, mission, "2023-07-13"), 201)
    problem(await world.consultant.patch(f"time-entries/{kept['id']}", {"worked_on": "2023-07-14"}), 409, "rest-day")
    assert (await world.follow_up())["days_entered"] == 0.25
    path = f"missions/{mission.id}"
    ok(await world.operator.patch(path, {"holidays_allowed": True}))
    ok(await enter(world, mission, "2023-07-14"), 201)
    refused = problem(await world.operator.patch(path, {"holidays_allowed": False}), 409, "entries-on-rest-days")
    assert refused["entries"] == 1
    problem(await enter(world, mission, "2023-07-15"), 409, "rest-day")


async def test_good_friday_is_a_holiday_in_alsace_and_not_at_ales(world: World) -> None:
    window: dict[str, Any] = {"starts_on": "2023-04-01", "ends_on": "2023-04-30", "holidays_allowed": False}
    ales = await world.mission(days=10, **window)
    colmar = await world.mission(days=10, holiday_calendar="alsace_moselle", **window)
    ok(await enter(world, ales, "2023-04-07"), 201)
    problem(await enter(world, colmar, "2023-04-07"), 409, "rest-day")
    for mission in (ales, colmar):
        problem(await enter(world, mission, "2023-04-10"), 409, "rest-day")


async def test_an_amendment_brings_its_own_days_of_rest(world: World) -> None:
    mission = await world.mission(days=10, holidays_allowed=False)
    amendment = {"kind": "amendment", "reference": "AV-1", "signed_on": "2023-09-28", "days": 0,
                 "ends_on": "2023-11-30", "reason": "The committee meets later."}  # fmt: skip
    ok(await world.operator.post(f"missions/{mission.id}/orders", amendment), 201)
    problem(await enter(world, mission, "2023-11-11"), 409, "rest-day")
    ok(await enter(world, mission, "2023-11-13"), 201)


async def test_a_rule_of_rest_and_an_entry_at_the_same_instant_never_miss_each_other(world: World) -> None:
    for _ in range(6):
        mission = await world.mission(days=10)
        entered, ruled = await asyncio.gather(
            enter(world, mission, "2023-07-14"),
            world.operator.patch(f"missions/{mission.id}", {"holidays_allowed": False}),
        )
        codes = {r.json().get("type", str(r.status_code)) for r in (entered, ruled) if r.is_error}
        assert codes in ({"/problems/rest-day"}, {"/problems/entries-on-rest-days"})
        if entered.is_success:
            ok(await world.consultant.post(f"time-entries/{entered.json()['id']}/recall"))


async def test_entries_carry_one_of_the_missions_activities(world: World) -> None:
    listed = [{"code": "golf", "label": "Golf d'affaires"}, {"code": "audition", "label": "Audition"}]
    mission = await world.mission(days=10, activities=listed)
    assert ok(await world.lead.get(f"missions/{mission.id}"))["activities"] == [
        {**one, "to_on": None} for one in listed
    ]
    told = problem(await enter(world, mission, "2023-07-04", activity="roadmap"), 409, "activity-not-listed")
    assert told["activities"] == ["golf", "audition"]
    batch = {"items": [mission.entry(), mission.entry(activity="roadmap", worked_on="2023-07-05")]}
    problem(await world.consultant.post("time-entries/batch", batch), 409, "activity-not-listed")
    entry = ok(await enter(world, mission, "2023-07-04", activity="golf"), 201)
    changed = await world.consultant.patch(f"time-entries/{entry['id']}", {"activity": "roadmap"})
    problem(changed, 409, "activity-not-listed")
    path = f"missions/{mission.id}"
    problem(await world.operator.patch(path, {"activities": listed[1:]}), 409, "activity-in-use")
    ok(await world.consultant.patch(f"time-entries/{entry['id']}", {"activity": "audition"}))
    again = await world.operator.patch(path, {"activities": listed[1:]})
    assert ok(again)["activities"] == [{**listed[1], "to_on": None}]
    same = await world.operator.patch(path, {"activities": listed[1:]})
    assert same.headers["etag"] == again.headers["etag"], "the same list again changes nothing"
    twice = await world.operator.patch(path, {"activities": [listed[0], listed[0]]})
    assert problem(twice, 422, "validation-failed")["errors"][0]["code"] == "repeated_activity"


async def test_travel_is_entered_only_where_it_counts(world: World) -> None:
    mission = await world.mission(days=10, travel_counts=False)
    problem(await enter(world, mission, "2023-07-04", activity="travel"), 409, "activity-not-listed")
    travel = {"code": "travel", "label": "Déplacement"}
    path = f"missions/{mission.id}"
    problem(await world.operator.patch(path, {"activities": [travel]}), 409, "travel-not-counted")
    ok(await world.operator.patch(path, {"travel_counts": True, "activities": [travel]}))
    entry = ok(await enter(world, mission, "2023-07-04", activity="travel"), 201)
    problem(await world.operator.patch(path, {"travel_counts": False}), 409, "activity-in-use")
    ok(await world.consultant.post(f"time-entries/{entry['id']}/recall"))
    ok(await world.consultant.delete(f"time-entries/{entry['id']}"))
    audition = {"code": "audition", "label": "Audition"}
    off = ok(await world.operator.patch(path, {"travel_counts": False, "activities": [audition]}))
    assert (off["travel_counts"], off["activities"]) == (False, [{**audition, "to_on": None}])


async def test_each_threshold_is_told_once_for_each_total_ordered(world: World) -> None:
    mission = await world.mission(days=10, lead=0, partner=10, alert_thresholds_bp=[5000, 8000, 10000])

    async def told() -> list[tuple[int, float, float]]:
        rows = await world.pool.fetch(
            "SELECT data FROM events WHERE type = 'mission.threshold_crossed' AND resource_id = $1 ORDER BY sequence",
            mission.id,
        )
        listed = ok(await world.lead.get(f"missions/{mission.id}/threshold-crossings"))["items"]
        assert len(rows) == len(listed)
        return [(item["threshold_bp"], item["days_ordered"], item["days_entered"]) for item in listed]

    for day in range(1, 5):
        ok(await world.consultant.post("time-entries", mission.entry(worked_on=f"2023-07-0{day}", days=1)), 201)
    assert await told() == []
    fifth = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-05", days=1)), 201)
    assert await told() == [(5000, 10, 5)]
    ok(await world.consultant.post(f"time-entries/{fifth['id']}/recall"))
    ok(await world.consultant.post(f"time-entries/{fifth['id']}/submit"))
    dry = mission.entry(worked_on="2023-07-06", days=1)
    ok(await world.consultant.post("time-entries?dry_run=true", dry), 200)
    assert await told() == [(5000, 10, 5)], "once, and never for a dry run"
    items = {"items": [mission.entry(worked_on=f"2023-07-{day:02}", days=1) for day in range(6, 11)]}
    found = await asyncio.gather(*(world.consultant.post("time-entries/batch", items) for _ in range(4)))
    assert sorted(answer.status_code for answer in found) == [201, 409, 409, 409]
    assert await told() == [(5000, 10, 5), (8000, 10, 10), (10000, 10, 10)]
    order = {"kind": "amendment", "reference": "AV-1", "signed_on": "2023-09-01", "days": 10, "reason": "More."}
    ok(await world.operator.post(f"missions/{mission.id}/orders", order), 201)
    assert (await told())[3:] == [(5000, 20, 10)], "a new total arms them anew"


async def test_many_at_once_tell_a_threshold_once(world: World) -> None:
    mission = await world.mission(days=10, lead=0, partner=10)
    days = [f"2023-07-{day:02}" for day in range(1, 25)]
    found = await asyncio.gather(
        *(world.consultant.post("time-entries", mission.entry(worked_on=day, days=0.5)) for day in days)
    )
    assert sum(answer.is_success for answer in found) == 20
    rows = await world.pool.fetch("SELECT threshold_bp FROM threshold_crossings WHERE mission_id = $1", mission.id)
    assert sorted(row["threshold_bp"] for row in rows) == [8000, 10000]


async def test_orders_and_allotments_are_read_as_of_any_day(world: World) -> None:
    mission = await world.mission(days=20, lead=10, partner=5)
    orders = f"missions/{mission.id}/orders"
    amendment = {"kind": "amendment", "reference": "AV-1", "signed_on": "2023-07-10", "days": 10}
    told = problem(await world.operator.post(orders, amendment), 422, "validation-failed")
    assert told["errors"][0]["code"] == "amendment_reason"
    ok(await world.operator.post(orders, {**amendment, "ends_on": "2023-10-03", "reason": "More firms."}), 201)
    member = f"missions/{mission.id}/members/{mission.partner_member}"
    bare = problem(await world.operator.patch(member, {"days_allotted": 9}), 422, "validation-failed")
    assert bare["errors"][0]["code"] == "allotment_reason"
    act = {"days_allotted": 9, "reason": "Four of the ten.", "decided_on": "2023-07-11"}
    ok(await world.operator.patch(member, act))
    await world.pool.execute("SELECT 1")
    listed = ok(await world.lead.get(f"missions/{mission.id}/allotments?decided_from=2023-07-11&decided_to=2023-07-11"))
    [shown] = listed["items"]
    assert (shown["days"], shown["days_allotted"], shown["reason"]) == (4, 9, "Four of the ten.")
    assert shown["decided_by"] == str(world.subjects["operator"])

    async def terms(as_of: str) -> tuple[Any, ...]:
        found = ok(await world.lead.get(f"missions/{mission.id}/terms?as_of={as_of}"))
        return found["days_ordered"], found["starts_on"], found["ends_on"], found["as_of"]

    assert await terms("2023-05-31") == (0, None, None, "2023-05-31")
    assert await terms("2023-06-01") == (20, "2023-06-14", "2023-09-30", "2023-06-01")
    assert await terms("2023-07-10") == (30, "2023-06-14", "2023-10-03", "2023-07-10")
    now = ok(await world.lead.get(f"missions/{mission.id}/terms"))
    assert {m["role"]: m["days_allotted"] for m in now["members"]} == {"lead": 10, "partner": 9}
    assert now["days_allotted"] == 19


async def test_an_order_and_a_leave_are_a_persons(world: World) -> None:
    mission = await world.mission(days=10)
    async with world.pool.acquire() as connection:
        robot = await world.add_subject(connection, "robot", "office", "operator", kind="service_account")
    order = {"kind": "amendment", "reference": "AV-1", "signed_on": "2023-07-10", "days": 1, "reason": "More."}
    problem(await robot.post(f"missions/{mission.id}/orders", order), 403, "person-required")
    leave = {"until_on": "2099-12-31", "reason": "Late."}
    problem(await robot.post(f"missions/{mission.id}/late-entry-leaves", leave), 403, "person-required")
    made = ok(await world.operator.post(f"missions/{mission.id}/orders", order), 201)
    assert made["ordered_by"] == str(world.subjects["operator"])


# --- rates -----------------------------------------------------------------------------------------------------------


async def test_rates_of_a_member_and_profile_never_share_a_day(world: World) -> None:
    mission = await world.mission(days=10)
    path = f"missions/{mission.id}/rates"
    base = {"organisation_id": str(world.organisations["partner"]), "profile": "senior", "day_rate_cents": 115_000}
    first = ok(await world.operator.post(path, {**base, "from_on": "2023-01-01", "to_on": "2023-06-30"}), 201)
    for period in (
        {"from_on": "2023-06-30"},
        {"from_on": "2022-01-01"},
        {"from_on": "2023-03-01", "to_on": "2023-03-01"},
    ):
        problem(await world.operator.post(path, {**base, **period}), 409, "rates-overlap")
    second = ok(await world.operator.post(path, {**base, "from_on": "2023-07-01", "day_rate_cents": 120_000}), 201)
    ok(await world.operator.post(path, {**base, "profile": "junior", "from_on": "2023-01-01"}), 201)
    lead = {**base, "organisation_id": str(world.organisations["lead"]), "from_on": "2023-01-01"}
    ok(await world.operator.post(path, lead), 201)
    tag = {"If-Match": (await world.operator.get(f"{path}/{first['id']}")).headers["etag"]}
    problem(await world.operator.patch(f"{path}/{first['id']}", {"to_on": None}, headers=tag), 409, "rates-overlap")
    reversed_ = await world.operator.patch(f"{path}/{first['id']}", {"to_on": "2022-12-31"}, headers=tag)
    problem(reversed_, 422, "validation-failed")
    listed = ok(await world.operator.get(f"{path}?profile=senior&in_force_from=2023-07-01&in_force_to=2023-07-01"))
    assert second["id"] in {rate["id"] for rate in listed["items"]}
    assert first["id"] not in {rate["id"] for rate in listed["items"]}
    for wrong in ({"day_rate_cents": 0}, {"day_rate_cents": 1.5}, {"profile": "wizard"}, {"to_on": "2022-12-31"}):
        problem(await world.operator.post(path, {**base, "from_on": "2023-01-01", **wrong}), 422, "validation-failed")
    outsider = {**base, "organisation_id": str(world.organisations["office"]), "from_on": "2023-01-01"}
    problem(await world.operator.post(path, outsider), 404, "reference-not-found")


async def test_a_member_sees_its_own_rates_alone_and_the_feed_none(world: World, other: World) -> None:
    mission = await world.mission(days=10)
    await world.rates(mission, day_rate_cents=123_456)
    path = f"missions/{mission.id}/rates"
    whole = {rate["organisation_id"]: rate["id"] for rate in ok(await world.operator.get(path))["items"]}
    assert len(whole) == 2
    for role, home in (("consultant", "partner"), ("lead", "lead")):
        client, own = world.clients[role], str(world.organisations[home])
        listed = ok(await client.get(f"{path}?count=exact&sort=-day_rate_cents"))
        assert ([rate["organisation_id"] for rate in listed["items"]], listed["total"]) == ([own], 1)
        [foreign] = [rate for organisation, rate in whole.items() if organisation != own]
        problem(await client.get(f"{path}/{foreign}"), 404, "not-found")
        for form in ("csv", "ndjson"):
            told = await client.get(f"{path}?format={form}")
            assert (told.status_code, own in told.text) == (200, True)
            assert foreign not in told.text
        asked = ok(await client.get(f"{path}?organisation_id={next(o for o in whole if o != own)}"))
        assert asked["items"] == []
    for role in ("territory", "funder", "treasurer", "committee"):
        problem(await world.clients[role].get(path), 404, "not-found")
    problem(await other.lead.get(f"{world.lead.base}/{path}"), 404, "not-found")
    for rate in whole.values():
        [event] = await world.events(rate)
        assert "123456" not in event["data"]
        assert "day_rate_cents" not in event["data"]
