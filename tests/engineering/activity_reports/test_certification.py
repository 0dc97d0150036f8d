"""Where the framework asks for signed activity reports, days are certified in them, or as a correction left them."""

from datetime import datetime
from typing import Any

import asyncpg
import httpx2
import pytest

from app.core import clock
from tests.conftest import Frozen
from tests.contract.cures import key
from tests.engineering.activity_reports.test_reports import assigned, enter, make, report_of, sign, signed
from tests.engineering.corrections.test_corrections import act, cancel
from tests.missions.frameworks.acts import a_framework
from tests.world import Client, Mission, World, ok, problem

REQUIRED = {
    "name": "activity_reports_required",
    "value": True,
    "valid_from_on": "2023-07-01",
    "source": "CCP, art. 7; to be confirmed by the programme",
}


async def asked(world: World, **more: Any) -> Mission:
    """A mission whose framework asks for signed reports of days from July on."""
    framework = await a_framework(world)
    ok(await world.operator.post(f"/v1/frameworks/{framework}/parameters", REQUIRED | more), 201)
    mission = await assigned(world, framework=framework)
    await world.rates(mission)
    return mission


async def validated(world: World, mission: Mission, day: str, days: float = 0.5) -> str:
    entry = await enter(world, mission, day, days)
    ok(await world.lead_judge.post(f"time-entries/{entry}/validate"))
    return entry


async def certify(world: World, mission: Mission, **more: Any) -> httpx2.Response:
    body = {"mission_id": mission.id, "organisation_id": str(world.organisations["partner"]), "from_on": "2023-06-01",
            "to_on": "2023-07-31", **more}  # fmt: skip
    return await world.operator.post("service-certificates", body, headers=key())


async def test_a_day_is_certified_once_its_report_has_both_signatures(app: Any, world: World) -> None:
    mission = await asked(world)
    june, july = await validated(world, mission, "2023-06-20"), await validated(world, mission, "2023-07-04")
    left_out = {"refusals": [{"entry_id": july, "reason": "Not signed yet."}]}
    ok(await certify(world, mission, **left_out), 201)
    assert ok(await world.operator.get(f"time-entries/{june}"))["status"] == "certified", "counts before it was asked"

    async def refused(code: str, report: str | None, status: str | None) -> None:
        body = problem(await certify(world, mission), 409, "activity-report-unsigned")
        [error] = body["errors"]
        assert (error["code"], error["activity_report_id"], error["status"]) == (code, report, status)
        assert (error["consultant_id"], error["month"]) == (mission.partner_consultant, "2023-07")
        assert error["consultant_name"] == f"consultant of {world.territory}"

    await refused("activity_report_absent", None, None)
    report = (await make(world.consultant, mission.partner_consultant))["id"]
    await refused("activity_report_to_sign", report, "to_sign")
    ok(await sign(world.consultant, report))
    await refused("activity_report_to_countersign", report, "signed_by_consultant")
    ok(await sign(world.lead, report, "countersign"))
    more = await validated(world, mission, "2023-07-05")
    await refused("activity_report_stale", report, "stale")
    again = (await signed(world, mission))["id"]
    ok(await certify(world, mission), 201)
    assert [ok(await world.operator.get(f"time-entries/{entry}"))["status"] for entry in (july, more)] == [
        "certified", "certified",
    ]  # fmt: skip
    assert (await report_of(world, again))["status"] == "signed", "certification changes nothing of it"
    assert await world.differences(app.state["engine"]) == []


async def test_the_rest_of_a_corrected_certificate_needs_no_new_signature(app: Any, world: World) -> None:
    """What takes the place of the corrected day does; so does what is cancelled by hand and certified again."""
    mission = await asked(world)
    wrong, right = await validated(world, mission, "2023-07-04", 1), await validated(world, mission, "2023-07-05")
    first = (await signed(world, mission))["id"]
    certificate = ok(await certify(world, mission), 201)
    proposal = {"entry_id": wrong, "days": 0.5, "reason": "The morning only."}
    made = ok(await world.consultant.post("time-entry-corrections", proposal), 201)["id"]
    ok(await act(world.lead_judge, made, "agree"))
    done = ok(await act(world.operator, made, "accept"))
    assert (await report_of(world, first))["status"] == "stale"
    rest = ok(await world.operator.get(f"time-entries/{right}"))
    assert (rest["status"], rest["certificate_id"]) == ("certified", done["rest_certificate_id"])
    [error] = problem(await certify(world, mission), 409, "activity-report-unsigned")["errors"]
    assert (error["activity_report_id"], error["status"]) == (first, "stale")
    second = (await signed(world, mission))["id"]
    assert ok(await certify(world, mission), 201)["days"] == 0.5
    assert (await report_of(world, second))["status"] == "signed"
    # Another correction of the same certificate: the rest of the rest, and nothing is left to certify again by hand.
    ok(await cancel(world, done["rest_certificate_id"]), 201)
    ok(await certify(world, mission), 201)
    await enter(world, mission, "2023-07-06")
    again = ok(await world.operator.get(f"time-entries/{right}"))["certificate_id"]
    ok(await cancel(world, again), 201)
    problem(await certify(world, mission), 409, "activity-report-unsigned")
    assert certificate["number"] == 1
    assert await world.differences(app.state["engine"]) == []


async def test_the_database_refuses_it_whoever_writes(world: World) -> None:
    """An entry of a cancelled certificate is marked as certified on it by hand; the seal of another opens nothing."""
    mission = await asked(world)
    entry = await validated(world, mission, "2023-07-04")
    await signed(world, mission)
    certificate = ok(await certify(world, mission), 201)["id"]
    ok(await cancel(world, certificate), 201)
    statement = (
        "UPDATE time_entries SET status = 'certified', certificate_id = $1, certified_at = now(), certified_by = $2"
        " WHERE id = $3"
    )
    arguments = (certificate, world.subjects["operator"], entry)
    with pytest.raises(asyncpg.CheckViolationError) as standing:
        await world.pool.execute(statement, *arguments)
    assert standing.value.constraint_name == "certificate_differs", "signed: only its certificate stands against it"
    await enter(world, mission, "2023-07-05")
    with pytest.raises(asyncpg.CheckViolationError) as stale:
        await world.pool.execute(statement, *arguments)
    assert stale.value.constraint_name == "activity_report_unsigned"


async def test_the_framework_stops_asking_from_a_day_on(world: World) -> None:
    mission = await asked(world, valid_until_on="2023-07-10")
    await validated(world, mission, "2023-07-11")
    assert ok(await certify(world, mission), 201)["days"] == 0.5
    await validated(world, mission, "2023-07-10")
    problem(await certify(world, mission), 409, "activity-report-unsigned")


async def test_a_month_without_a_report_waits_where_the_framework_asks_for_it(frozen: Frozen) -> None:
    world = await frozen.world()
    async with frozen.at(datetime(2023, 7, 31, 23, 59, tzinfo=clock.PARIS)):
        mission, free = await asked(world), await assigned(world)
        early = await enter(world, mission, "2023-06-20")  # counts before it is asked
        submitted, checked = await enter(world, mission), await validated(world, mission, "2023-07-05")
        ok(await world.consultant.post("time-entries", free.entry(worked_on="2023-07-06", days=0.5)), 201)
        draft = await enter(world, mission, "2023-07-07", status="draft")

        async def waits(client: Client) -> tuple[int, str] | None:
            items = ok(await client.get("engineering/to-do"))["items"]
            for item in items:
                if item["kind"] == "activity_reports_to_make":
                    listed = ok(await client.get(item["link"] + "&count=exact"))
                    assert listed["total"] == item["count"]
                    assert {each["id"] for each in listed["items"]} == {submitted, checked}
                    return item["count"], item["oldest_on"]
            return None

        assert await waits(world.consultant) is None, "the month is not over"
    async with frozen.at(datetime(2023, 8, 1, 0, 0, 1, tzinfo=clock.PARIS)):
        assert await waits(world.consultant) == (2, "2023-07-04")
        assert await waits(world.lead) is None, "its own firm has none"
        others = ok(await world.operator.get("time-entries?report_missing=false&limit=500"))["items"]
        assert {early, draft} <= {each["id"] for each in others}
        assert not {submitted, checked} & {each["id"] for each in others}
        await make(world.consultant, mission.partner_consultant)
        assert await waits(world.consultant) is None
