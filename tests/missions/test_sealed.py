"""What a sealed act rests on is sealed: over HTTP, by SQL, and on two connections at once."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

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
    "another price": ("rate_certified", "UPDATE rates SET day_rate_cents = 999 WHERE id = $1"),
    "another profile": ("rate_certified", "UPDATE rates SET profile = 'junior' WHERE id = $1"),
    "another start": ("rate_certified", "UPDATE rates SET from_on = from_on + 1 WHERE id = $1"),
    "an end too early": ("rate_certified", "UPDATE rates SET until_on = '2023-07-02' WHERE id = $1"),
    "no rate": ("rate_certified", "DELETE FROM rates WHERE id = $1"),
    "the profile paid": ("profile_certified", "UPDATE consultants SET profile = 'expert' WHERE id = $2"),
    "the law's VAT": ("vat_rates_append_only", "UPDATE vat_rates SET rate_bp = 1"),
    "no VAT": ("vat_rates_append_only", "DELETE FROM vat_rates"),
}


async def test_nothing_that_a_sealed_act_rests_on_is_rewritten_by_sql(world: World) -> None:
    mission = await world.mission(days=20)
    await validated(world, mission, "2023-07-03")
    await world.certify(mission)
    rate = await partners_rate(world, mission)
    named = (rate["id"], mission.partner_consultant)
    for what, (constraint, statement) in REWRITES.items():
        arguments = [value for number, value in enumerate(named, 1) if f"${number}" in statement]
        statement = statement.replace("$2", "$1") if "$1" not in statement else statement
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await world.pool.execute(statement, *arguments)
        assert refused.value.constraint_name == constraint, what
