"""Tax and social-contribution certificates of firms: recorded once, reversed where that was a mistake."""

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from app.access.rules import Role
from app.core import clock
from tests.contract.cures import seen
from tests.world import World, ok, problem


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def certificate(name: str = "file", **more: Any) -> dict[str, Any]:
    return {"kind": "tax", "issued_on": "2023-10-02", "valid_until_on": "2024-03-30", "sha256": digest(name), **more}


async def recorded(world: World, siren: str, name: str = "file", **more: Any) -> str:
    """The path of a certificate."""
    body = certificate(name, **more)
    made = ok(await world.clients["territory"].post(f"firms/{siren}/certificates", body), 201)
    return f"firms/{siren}/certificates/{made['id']}"


async def test_a_certificate_is_recorded_by_the_territory_or_the_funder_and_read_where_money_is(world: World) -> None:
    siren = await world.followed_firm("Garage")
    for number, role in enumerate(Role):
        body = certificate(role.value)
        answer = await world.clients[role].post(f"firms/{siren}/certificates", body)
        if role in (Role.TERRITORY, Role.FUNDER):
            made = ok(answer, 201)
            assert {name: made[name] for name in body} == body, number
            assert (made["firm_name"], made["recorded_by"]) == ("Garage", str(world.subjects[role]))
            assert (made["reversed_on"], made["reversal_reason"], made["version"]) == (None, None, 1)
            assert ok(await world.treasurer.get(answer.headers["location"])) == made
        elif role in (Role.CONSULTANT, Role.LEAD, Role.COMMITTEE):
            problem(answer, 404, "not-found")
        else:
            problem(answer, 403, "forbidden")


async def test_the_same_file_is_recorded_once_a_firm(world: World) -> None:
    siren, another = await world.followed_firm(), await world.followed_firm()
    path = await recorded(world, siren)
    staff = world.clients["territory"]
    again = await staff.post(f"firms/{siren}/certificates", certificate(kind="social"))
    [error] = problem(again, 409, "already-exists")["errors"]
    assert error["pointer"] == "/sha256"
    await recorded(world, another)
    ok(await staff.post(f"{path}/reverse", {"reason": "Of another kind."}))
    await recorded(world, siren, kind="social")
    rivals = [staff.post(f"firms/{siren}/certificates", certificate("rival")) for _ in range(6)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*rivals)) == [201] + [409] * 5


async def test_a_mistake_is_reversed_once_and_says_why(world: World) -> None:
    siren = await world.followed_firm()
    path = await recorded(world, siren)
    stale = {"If-Match": '"7"'}
    problem(await world.funder.post(f"{path}/reverse", {"reason": "No."}, headers=stale), 412, "stale-version")
    match = await seen(world.funder, path)
    told = ok(await world.funder.post(f"{path}/reverse", {"reason": "Of another firm."}, headers=match))
    assert (told["reversed_on"], told["reversal_reason"]) == (clock.today().isoformat(), "Of another firm.")
    problem(await world.funder.post(f"{path}/reverse", {"reason": "Again."}), 409, "firm-certificate-reversed")
    events = await world.pool.fetch(
        "SELECT type, resource_version, data FROM events WHERE resource_id = $1 ORDER BY sequence",
        path.rpartition("/")[2],
    )
    assert [(event["type"], event["resource_version"]) for event in events] == [
        ("firm_certificate.recorded", 1), ("firm_certificate.reversed", 2),
    ]  # fmt: skip
    assert json.loads(events[1]["data"])["reversal_reason"] == "Of another firm."


async def test_certificates_are_found_by_kind_and_by_the_day_on_which_they_count(world: World) -> None:
    siren = await world.followed_firm()
    tax = await recorded(world, siren, "tax")
    social = await recorded(world, siren, "social", kind="social", issued_on="2024-01-15", valid_until_on="2024-07-13")
    mistake = await recorded(world, siren, "mistake", issued_on="2024-01-01", valid_until_on="2024-12-31")
    ok(await world.clients["territory"].post(f"{mistake}/reverse", {"reason": "No."}))

    async def found(query: str) -> list[str]:
        items = ok(await world.auditor.get(f"firms/{siren}/certificates?{query}"))["items"]
        return [f"firms/{siren}/certificates/{each['id']}" for each in items]

    assert await found("") == [tax, social, mistake]
    assert await found("kind=social") == [social]
    assert await found("kind=tax&kind=social&reversed=false") == [tax, social]
    assert await found("reversed=true") == [mistake]
    counting = {"2023-10-01": [], "2023-10-02": [tax], "2024-01-15": [tax, social], "2024-03-30": [tax, social],
                "2024-03-31": [social], "2024-07-13": [social], "2024-07-14": []}  # fmt: skip
    for day, paths in counting.items():
        assert await found(f"valid_on={day}") == paths, day
    assert await found("valid_until_from=2024-03-31&valid_until_to=2024-07-13") == [social]
    assert await found(f"sha256={digest('tax')}") == [tax]
    assert await found("sort=-valid_until_on") == [mistake, social, tax]


async def test_the_days_of_a_certificate_are_refused_all_at_once(world: World) -> None:
    siren = await world.followed_firm()
    tomorrow = clock.today() + timedelta(days=1)
    path = f"firms/{siren}/certificates"
    for days, faults in [
        ({"issued_on": tomorrow, "valid_until_on": tomorrow - timedelta(days=9)},
         [("/issued_on", "future_day"), ("/valid_until_on", "period_reversed")]),
        ({"issued_on": tomorrow, "valid_until_on": tomorrow}, [("/issued_on", "future_day")]),
    ]:  # fmt: skip
        body = certificate(**{name: day.isoformat() for name, day in days.items()})
        told = problem(await world.funder.post(path, body), 422, "validation-failed")
        assert [(error["pointer"], error["code"]) for error in told["errors"]] == faults
    today = clock.today().isoformat()
    ok(await world.funder.post(path, certificate(issued_on=today, valid_until_on=today)), 201)
    for wrong in ("", digest("x")[:-1], digest("x").upper(), digest("x") + "0", "g" * 64, 7):
        told = problem(await world.funder.post(path, certificate(sha256=wrong)), 422, "validation-failed")
        assert told["errors"][0]["pointer"] == "/sha256"
    problem(await world.funder.post(f"firms/{await world.add_firm()}/certificates", certificate()), 404, "not-found")


ATTACKS = {
    "firm_certificate_reversed: changed": "UPDATE firm_certificates SET valid_until_on = '2199-12-31' WHERE id = $1",
    "firm_certificate_reversed: deleted": "DELETE FROM firm_certificates WHERE id = $1",
    "firm_certificate_reversed: reversed and changed":
        "UPDATE firm_certificates SET reversed_on = now(), reversal_reason = 'No.', kind = 'social' WHERE id = $1",
    "firm_certificate_reversal": "UPDATE firm_certificates SET reversed_on = now() WHERE id = $1",
    **{
        f"{name}: inserted": f"""
            INSERT INTO firm_certificates (territory, siren, kind, issued_on, valid_until_on, sha256, created_at,
                updated_at)
            SELECT territory, siren, {kind}, {issued_on}, {valid_until_on}, {sha256}, created_at, updated_at
            FROM firm_certificates WHERE id = $1"""
        for name, (kind, issued_on, valid_until_on, sha256) in {
            "firm_certificate_kind": ("'other'", "issued_on", "valid_until_on", "repeat('0', 64)"),
            "firm_certificate_period": ("kind", "issued_on", "issued_on - 1", "repeat('0', 64)"),
            "firm_certificate_sha256": ("kind", "issued_on", "valid_until_on", "repeat('0', 63)"),
            "firm_certificate_issued_in_the_future":
                ("kind", "date '2199-01-01'", "date '2199-01-02'", "repeat('0', 64)"),
            "firm_certificates_territory_siren_sha256_key": ("kind", "issued_on", "valid_until_on", "sha256"),
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
async def test_the_database_refuses_what_nobody_may_do(world: World, attack: str) -> None:
    path = await recorded(world, await world.followed_firm())
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await world.pool.execute(ATTACKS[attack], path.rpartition("/")[2])
    assert refused.value.constraint_name == attack.partition(":")[0]
