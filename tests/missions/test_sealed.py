"""What a sealed act rests on is sealed: over HTTP, by SQL, and on two connections at once."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.core import clock
from tests.conftest import Frozen
from tests.missions.frameworks import test_frameworks as frameworks
from tests.projects.acts import perimeter, project
from tests.schemes import test_schemes as schemes
from tests.world import Mission, World, ok, problem


async def validated(world: World, mission: Mission, worked_on: str, **more: Any) -> str:
    made = ok(await world.consultant.post("time-entries", mission.entry(worked_on=worked_on, days=0.5, **more)), 201)
    ok(await world.lead_judge.post(f"time-entries/{made['id']}/validate"))
    return str(made["id"])


async def partners_rate(world: World, mission: Mission) -> dict[str, Any]:
    path = f"missions/{mission.id}/rates?organisation_id={world.organisations['partner']}"
    [rate] = ok(await world.operator.get(path))["items"]
    return dict(rate)


async def change_rate(world: World, mission: Mission, rate: dict[str, Any], **values: Any) -> Any:
    path = f"missions/{mission.id}/rates/{rate['id']}"
    tag = (await world.operator.get(path)).headers["etag"]
    return await world.operator.patch(path, values, headers={"If-Match": tag})


async def cancel(world: World, certificate: dict[str, Any]) -> None:
    path = f"service-certificates/{certificate['id']}"
    tag = (await world.operator.get(path)).headers["etag"]
    ok(await world.operator.post(f"{path}/cancel", {"reason": "The price."}, headers={"If-Match": tag}), 201)


# --- rates and profiles ----------------------------------------------------------------------------------------------


async def test_a_rate_that_priced_certified_days_is_only_ended(world: World) -> None:
    mission = await world.mission(days=20)
    for day in ("2023-07-03", "2023-07-10"):
        await validated(world, mission, day)
    made = await world.certify(mission)
    rate = await partners_rate(world, mission)
    told = problem(await change_rate(world, mission, rate, day_rate_cents=999), 409, "rate-certified")
    assert told["certified_until_on"] == "2023-07-10"
    problem(await change_rate(world, mission, rate, to_on="2023-07-09"), 409, "rate-certified")
    problem(await change_rate(world, mission, rate, to_on="2023-07-10", day_rate_cents=1), 409, "rate-certified")
    ok(await change_rate(world, mission, rate, to_on="2023-07-10"))
    ok(await change_rate(world, mission, rate, to_on=None))
    ok(await change_rate(world, mission, rate, to_on="2023-07-10"))
    another = {name: rate[name] for name in ("organisation_id", "profile")} | {"day_rate_cents": 999}
    ok(await world.operator.post(f"missions/{mission.id}/rates", {**another, "from_on": "2023-07-11"}), 201)
    await cancel(world, made)
    again = await world.certify(mission)
    assert again["amount_excl_vat_cents"] == made["amount_excl_vat_cents"] == 100_000


async def test_a_rate_that_priced_nothing_that_stands_can_be_corrected(world: World) -> None:
    mission = await world.mission(days=20)
    await validated(world, mission, "2023-07-03")
    made = await world.certify(mission)
    rate = await partners_rate(world, mission)
    leads = ok(await world.operator.get(f"missions/{mission.id}/rates"))["items"]
    [lead] = [one for one in leads if one["id"] != rate["id"]]
    ok(await change_rate(world, mission, lead, day_rate_cents=2))
    await cancel(world, made)
    ok(await change_rate(world, mission, rate, day_rate_cents=200_000))
    assert (await world.certify(mission))["amount_excl_vat_cents"] == 100_000


async def test_the_profile_of_certified_days_stays(world: World) -> None:
    mission = await world.mission(days=20)
    await validated(world, mission, "2023-07-03")
    made = await world.certify(mission)
    path = f"consultants/{mission.partner_consultant}"
    problem(await world.operator.patch(path, {"profile": "junior"}), 409, "profile-certified")
    ok(await world.operator.patch(path, {"to_on": "2023-12-31"}))
    await cancel(world, made)
    ok(await world.operator.patch(path, {"profile": "junior"}))


async def test_certifying_waits_for_a_change_of_the_rate_and_a_change_for_it(world: World) -> None:
    """Either the certificate is priced at the new rate, or the rate stays as it priced."""
    for _ in range(6):
        mission = await world.mission(days=20)
        await world.rates(mission)
        await validated(world, mission, "2023-07-03")
        rate = await partners_rate(world, mission)
        made, changed = await asyncio.gather(
            world.certify(mission), change_rate(world, mission, rate, day_rate_cents=50_000)
        )
        if changed.is_error:
            problem(changed, 409, "rate-certified")
        assert made["amount_excl_vat_cents"] == (await partners_rate(world, mission))["day_rate_cents"] // 2


async def test_a_change_of_a_rate_in_sql_waits_for_a_certificate_and_is_refused(world: World) -> None:
    mission = await world.mission(days=20)
    await world.rates(mission)
    await validated(world, mission, "2023-07-03")
    rate = await partners_rate(world, mission)
    async with world.pool.acquire() as one, world.pool.acquire() as two:
        held = one.transaction()
        await held.start()
        await one.execute("UPDATE rates SET day_rate_cents = 1 WHERE id = $1", rate["id"])
        certifying = asyncio.create_task(world.certify(mission))
        await asyncio.sleep(0.3)
        assert not certifying.done(), "the certificate waits for the rate"
        await held.rollback()
        assert (await certifying)["amount_excl_vat_cents"] == 50_000
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await two.execute("UPDATE rates SET day_rate_cents = 1 WHERE id = $1", rate["id"])
        assert refused.value.constraint_name == "rate_certified"


# --- every table that a sealed act rests on, by SQL -------------------------------------------------------------------


REWRITES: dict[str, tuple[str, str]] = {
    "another price": ("rate_certified", "UPDATE rates SET day_rate_cents = 999"),
    "another profile": ("rate_certified", "UPDATE rates SET profile = 'junior'"),
    "another start": ("rate_certified", "UPDATE rates SET from_on = from_on + 1"),
    "an end too early": ("rate_certified", "UPDATE rates SET until_on = '2023-07-02'"),
    "no rate": ("rate_certified", "DELETE FROM rates"),
    "the profile paid": ("profile_certified", "UPDATE consultants SET profile = 'expert'"),
    "a setting of a day": ("mission_settings_append_only", "UPDATE mission_settings SET step = 0.5"),
    "no setting": ("mission_settings_append_only", "DELETE FROM mission_settings"),
    "another activity": ("activity_in_use", "UPDATE mission_activities SET label = 'Golf'"),
    "another code": ("activity_in_use", "UPDATE mission_activities SET code = 'golf' || position"),
    "no activity": ("activity_in_use", "DELETE FROM mission_activities"),
    "an activity ended too early": ("activity_not_listed", "UPDATE mission_activities SET until_on = '2023-07-02'"),
    "no commune": ("commune_in_use", "DELETE FROM perimeter_communes"),
    "another commune": ("commune_in_use", "UPDATE perimeter_communes SET insee_code = '30001'"),
    "what was ordered": ("orders_append_only", "UPDATE orders SET days = 1"),
    "what was allotted": ("allotments_append_only", "DELETE FROM allotments"),
}


@pytest.mark.parametrize("what", REWRITES)
async def test_nothing_that_a_sealed_act_rests_on_is_rewritten_by_sql(world: World, what: str) -> None:
    mission = await world.mission(days=20)
    await validated(world, mission, "2023-07-03")
    await world.certify(mission)
    await perimeter(world)
    await project(world, commune_code="30007")
    constraint, statement = REWRITES[what]
    where, value = ("territory", world.territory) if "commune" in what else ("mission_id", mission.id)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await world.pool.execute(f"{statement} WHERE {where} = $1", value)
    assert refused.value.constraint_name == constraint


async def test_every_seal_is_attacked(world: World) -> None:
    seals = await world.pool.fetch(
        "SELECT tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid WHERE prosrc LIKE '%a sealed act rests on%'"
    )
    attacked = {constraint for constraint, _ in REWRITES.values()} | schemes.ATTACKS.keys() | frameworks.ATTACKS.keys()
    assert {row["tgname"] for row in seals} == {name for name in attacked if not name.endswith("_append_only")} - {
        "activity_not_listed"  # the entry's own CHECK, which the end of its activity meets
    }


async def test_the_vat_of_the_law_is_not_rewritten(world: World) -> None:
    for statement in ("UPDATE vat_rates SET rate_bp = 1", "DELETE FROM vat_rates"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await world.pool.execute(statement)


# --- settings --------------------------------------------------------------------------------------------------------


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00+01:00")


async def test_a_mission_is_read_with_the_settings_of_a_day(frozen: Frozen) -> None:
    """Each day before and after a change; of several changes on one day the last one holds."""
    world = await frozen.world()
    mission = await world.mission(days=20)
    path = f"missions/{mission.id}"
    first = ok(await world.operator.get(path))
    changes: list[tuple[str, dict[str, Any]]] = [
        ("2027-01-11", {"late_entry_grace_days": 5, "name": "January"}),
        ("2027-01-20", {"name": "Twice"}),
        ("2027-01-20", {"name": "Twice a day", "step": 0.5, "alert_thresholds_bp": [5000]}),
        ("2027-02-01", {"weekends_allowed": False, "late_entry_grace_days": None}),
    ]
    for day, values in changes:
        async with frozen.at(noon(day)):
            ok(await world.operator.patch(path, values))
            ok(await world.operator.patch(path, values))  # nothing changes, and nothing is recorded
    names = [name for name in first if name not in ("version", "updated_at", "activities")]
    for day in [(date(2027, 1, 8) + timedelta(days=n)).isoformat() for n in range(27)]:
        expected = {name: first[name] for name in names}
        for since, values in changes:
            if since <= day:
                expected |= values
        told = ok(await world.lead.get(path, params={"as_of": day}))
        assert {name: told[name] for name in names} == expected, day
        [listed] = ok(await world.lead.get("missions", params={"as_of": day}))["items"]
        assert listed == told
    assert await frozen.pool.fetchval("SELECT count(*) FROM mission_settings WHERE mission_id = $1", mission.id) == 5
    early = ok(await world.lead.get(path, params={"as_of": "2020-01-01"}))
    figures = [early[name] for name in ("name", "days_ordered", "days_allotted", "starts_on")]
    assert figures == [first["name"], 0, 0, None]
    tags = {(await world.lead.get(path, params={"as_of": day})).headers["etag"] for day in ("2027-01-10", "2027-01-11")}
    assert len(tags) == 2


async def test_a_change_of_a_mission_in_sql_is_a_dated_row_too(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    await world.pool.execute("UPDATE missions SET name = 'By hand' WHERE id = $1", mission.id)
    rows = await world.pool.fetch(
        "SELECT from_on, name FROM mission_settings WHERE mission_id = $1 ORDER BY id", mission.id
    )
    assert [row["from_on"] for row in rows] == [date(1900, 1, 1), clock.today()]
    assert rows[-1]["name"] == "By hand"
    assert await world.differences(app.state["engine"]) == []


# --- activities ------------------------------------------------------------------------------------------------------


AUDITION = {"code": "audition", "label": "Audition"}
MEETING = {"code": "meeting", "label": "Entretien"}


async def set_activities(world: World, mission: Mission, *activities: dict[str, Any]) -> Any:
    return await world.operator.patch(f"missions/{mission.id}", {"activities": list(activities)})


async def test_an_activity_that_entries_carry_ends_and_another_takes_its_place(world: World) -> None:
    mission = await world.mission(days=20, activities=[AUDITION])
    entry = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-04")), 201)
    for wrong in ([{**AUDITION, "label": "Golf"}], [MEETING], [{**AUDITION, "to_on": "2023-07-03"}, MEETING]):
        problem(await set_activities(world, mission, *wrong), 409, "activity-in-use")
    ended: list[dict[str, Any]] = [{**AUDITION, "to_on": "2023-07-04"}, {**MEETING, "to_on": None}]
    assert ok(await set_activities(world, mission, *ended))["activities"] == ended
    later: dict[str, Any] = {"worked_on": "2023-07-05", "days": 0.25}
    told = problem(await world.consultant.post("time-entries", mission.entry(**later)), 409, "activity-not-listed")
    assert told["activities"] == ["meeting"]
    draft = mission.entry(**later, status="draft")
    problem(await world.consultant.post("time-entries", draft), 409, "activity-not-listed")
    batch = {"items": [mission.entry(**later, activity="meeting"), mission.entry(**later)]}
    problem(await world.consultant.post("time-entries/batch", batch), 409, "activity-not-listed")
    moved = await world.consultant.patch(f"time-entries/{entry['id']}", {"worked_on": "2023-07-05"})
    problem(moved, 409, "activity-not-listed")
    early = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-03")), 201)
    to_end = {"worked_on": "2023-07-05", "activity": "meeting"}
    ok(await world.consultant.patch(f"time-entries/{early['id']}", to_end))
    ok(await world.consultant.patch(f"time-entries/{early['id']}", {"worked_on": "2023-07-04", "activity": "audition"}))
    for day, codes in (("2023-07-04", ["audition", "meeting"]), ("2023-07-05", ["meeting"])):
        held = ok(await world.lead.get(f"missions/{mission.id}", params={"as_of": day}))["activities"]
        assert [one["code"] for one in held] == codes
    ok(await set_activities(world, mission, AUDITION))
    ok(await world.consultant.post("time-entries", mission.entry(**later)), 201)


async def test_the_end_of_an_activity_and_an_entry_at_the_same_instant_never_miss_each_other(world: World) -> None:
    for _ in range(8):
        mission = await world.mission(days=10, activities=[AUDITION])
        entered, ended = await asyncio.gather(
            world.consultant.post("time-entries", mission.entry(worked_on="2023-07-05", days=0.25)),
            set_activities(world, mission, {**AUDITION, "to_on": "2023-07-04"}, MEETING),
        )
        codes = {answer.json()["type"] for answer in (entered, ended) if answer.is_error}
        assert codes in ({"/problems/activity-not-listed"}, {"/problems/activity-in-use"})
        if entered.is_success:
            ok(await world.consultant.post(f"time-entries/{entered.json()['id']}/recall"))
            ok(await world.consultant.delete(f"time-entries/{entered.json()['id']}"))


async def test_a_rename_in_sql_waits_for_an_entry_that_carries_the_activity(world: World) -> None:
    mission = await world.mission(days=20, activities=[AUDITION])
    rename = "UPDATE mission_activities SET label = 'Golf' WHERE mission_id = $1"
    async with world.pool.acquire() as one, world.pool.acquire() as two:
        held = one.transaction()
        await held.start()
        await one.execute("SELECT FROM mission_activities WHERE mission_id = $1 FOR KEY SHARE", mission.id)
        renaming = asyncio.create_task(two.execute(rename, mission.id))
        await asyncio.sleep(0.3)
        assert not renaming.done(), "as a foreign key holds it"
        ok(await world.consultant.post("time-entries", mission.entry()), 201)
        await held.rollback()
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await renaming
    assert refused.value.constraint_name == "activity_in_use"


# --- as of a day -----------------------------------------------------------------------------------------------------


async def test_orders_allotments_rates_and_assignments_are_read_as_of_a_day(world: World) -> None:
    mission = await world.mission(days=20)
    path = f"missions/{mission.id}"
    amendment = {"kind": "amendment", "reference": "AV-1", "signed_on": "2023-07-10", "days": 10, "reason": "More."}
    ok(await world.operator.post(f"{path}/orders", amendment), 201)
    allotted = {"days_allotted": 12, "decided_on": "2023-07-12", "reason": "More."}
    ok(await world.operator.patch(f"{path}/members/{mission.partner_member}", allotted))
    partner = str(world.organisations["partner"])
    for cents, days in ((1, {"from_on": "2023-06-01", "to_on": "2023-07-14"}), (2, {"from_on": "2023-07-15"})):
        rate = {"organisation_id": partner, "profile": "senior", "day_rate_cents": cents, **days}
        ok(await world.operator.post(f"{path}/rates", rate), 201)
    ok(await world.operator.patch(f"consultants/{mission.partner_consultant}", {"to_on": "2023-07-20"}))

    async def read(address: str, day: str) -> list[dict[str, Any]]:
        return list(ok(await world.operator.get(address, params={"as_of": day}))["items"])

    start = date(2023, 5, 30)
    for day in [(start + timedelta(days=n)).isoformat() for n in range(55)]:
        ordered = (20 if day >= "2023-06-01" else 0) + (10 if day >= "2023-07-10" else 0)
        assert sum(one["days"] for one in await read(f"{path}/orders", day)) == ordered, day
        own = [one for one in await read(f"{path}/members", day) if one["organisation_id"] == partner]
        expected = [] if day < "2023-06-01" else [12 if day >= "2023-07-12" else 10]
        assert [one["days_allotted"] for one in own] == expected, day
        acts = [one for one in await read(f"{path}/allotments", day) if one["organisation_id"] == partner]
        assert sum(one["days"] for one in acts) == sum(expected), day
        price = [] if day < "2023-06-01" else [2 if day >= "2023-07-15" else 1]
        assert [one["day_rate_cents"] for one in await read(f"{path}/rates", day)] == price, day
        there = {one["id"] for one in await read("consultants", day)}
        assert (mission.partner_consultant in there) is (day <= "2023-07-20"), day
        told = ok(await world.lead.get(path, params={"as_of": day}))
        assert (told["days_ordered"], told["days_allotted"]) == (ordered, 10 + sum(expected) if expected else 0), day
        terms = ok(await world.lead.get(f"{path}/terms", params={"as_of": day}))
        assert {name: told[name] for name in ("days_ordered", "days_allotted", "starts_on", "ends_on")} == {
            name: terms[name] for name in ("days_ordered", "days_allotted", "starts_on", "ends_on")
        }
