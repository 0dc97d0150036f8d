"""Schemes over HTTP, and by SQL: who writes, which values are taken, and what stays once it has begun."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.core import clock
from app.schemes.queries import load_parameters
from tests.conftest import Frozen
from tests.contract.cures.schemes import VALUE, change, code, in_days, parameter, scheme
from tests.world import World, ok, problem

REBOND = "/v1/schemes/rebond_industriel"


async def test_everybody_reads_schemes_and_the_programme_alone_writes_them(world: World) -> None:
    body = {"code": code(), "name": "Fonds", "legal_basis": "Décret", "valid_from_on": "2024-01-01"}
    for role, client in world.clients.items():
        assert ok(await client.get(REBOND))["name"] == "Rebond industriel", role
        assert len(ok(await client.get(f"{REBOND}/parameters?as_of=2023-06-14"))["items"]) == 21, role
        if role != "programme":
            problem(await client.post("/v1/schemes", body), 403, "forbidden")
            problem(await client.post(f"{REBOND}/parameters", VALUE), 403, "forbidden")
    made = await world.programme.post("/v1/schemes", body)
    assert ok(made, 201) | body == ok(made)
    assert ok(made)["valid_until_on"] is None
    read = await world.consultant.get(made.headers["location"])
    assert (read.json(), read.headers["etag"]) == (made.json(), made.headers["etag"])
    problem(await world.programme.post("/v1/schemes", body), 409, "already-exists")
    problem(await world.programme.get("/v1/schemes/no_such_scheme/parameters"), 404, "not-found")
    problem(await world.programme.post("/v1/schemes/no_such_scheme/parameters", VALUE), 404, "not-found")
    stale = {"If-Match": '"7"'}
    path = made.headers["location"]
    problem(await world.programme.patch(path, {"name": "Fonds vert"}, headers=stale), 412, "stale-version")
    assert ok(await world.programme.patch(path, {"name": "Fonds vert"}))["version"] == 2


async def test_a_value_follows_another_and_each_day_has_its_own(world: World, app: Any) -> None:
    of = await scheme(world)
    first = await parameter(world, of, valid_until_on=in_days(5))
    second = await parameter(world, of, value=36, valid_from_on=in_days(7))
    values = {}
    async with app.state["sessions"]() as session:
        for number in (0, 5, 6, 7, 4000):
            day = clock.today() + timedelta(days=number)
            values[number] = (await load_parameters(session, of.rpartition("/")[2], day)).maximum_months
            listed = ok(await world.lead.get(f"{of}/parameters?as_of={day}"))["items"]
            assert [item["value"] for item in listed] == [values[number]] * (values[number] is not None)
    assert values == {0: 24, 5: 24, 6: None, 7: 36, 4000: 36}
    ids = [path.rpartition("/")[2] for path in (first, second)]
    for query, found in (
        (f"in_force_from={in_days(6)}", ids[1:]),
        (f"in_force_to={in_days(6)}", ids[:1]),
        ("name=maximum_months&sort=-valid_from_on", ids[::-1]),
        ("name=decision_months", []),
    ):
        assert [item["id"] for item in ok(await world.lead.get(f"{of}/parameters?{query}"))["items"]] == found, query


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("maximum_months", "24", "not_an_integer"),
        ("maximum_months", True, "not_an_integer"),
        ("maximum_months", 601, "too_large"),
        ("minimum_base_cents", -1, "too_small"),
        ("clocks_stop", 1, "not_a_boolean"),
        ("admissibility_clock", "stops", "not_one_of"),
        ("jobs_report_months", 12, "not_a_list"),
        ("jobs_report_months", [12, -1], "too_small"),
        ("own_share_bp", "2000", "not_an_integer"),
        ("anything", None, "parameter_value"),
        ("anything", 2.5, "parameter_value"),
        ("anything", [], "parameter_value"),
        ("anything", ["a"], "parameter_value"),
        ("anything", {"a": 1}, "parameter_value"),
        ("anything", " ", "blank_text"),
    ],
)
async def test_a_value_has_the_type_of_its_name(world: World, name: str, value: Any, code: str) -> None:
    of = await scheme(world)
    told = problem(
        await world.programme.post(f"{of}/parameters", {**VALUE, "name": name, "value": value}),
        422,
        "validation-failed",
    )
    assert [(error["pointer"].startswith("/value"), error["code"]) for error in told["errors"]] == [(True, code)]


async def test_a_new_scheme_and_a_new_parameter_need_no_code(world: World) -> None:
    of = await scheme(world)
    wanted = {"own_share_bp": 2000, "eligible_departments": [30, 48], "jury": "Région", "open_to_associations": False}
    for name, value in wanted.items():
        await parameter(world, of, name=name, value=value)
    listed = ok(await world.funder.get(f"{of}/parameters?as_of=2023-06-14"))["items"]
    assert {item["name"]: item["value"] for item in listed} == wanted
    for form in ("csv", "csv-fr", "xlsx", "ndjson"):
        assert (await world.funder.get(f"{of}/parameters?format={form}")).status_code == 200
    rows = (await world.funder.get(f"{of}/parameters?format=csv&sort=name")).text.splitlines()
    assert [row.split(",")[3] for row in rows[3:]] == ["false", "2000"]


async def test_what_has_begun_stays_and_what_has_not_can_be_corrected(frozen: Frozen) -> None:
    """On the last minute of a Paris day the next day's value is still open, and one minute later it is in use."""
    world = await frozen.world()
    late = datetime(2024, 3, 31, 21, 59, tzinfo=UTC)  # 23:59 in Paris
    async with frozen.at(late):
        of = await scheme(world)
        path = await parameter(world, of, valid_from_on="2024-04-01")
        assert ok(await change(world, path, value=36, valid_until_on="2024-12-31"))["value"] == 36
    async with frozen.at(late + timedelta(minutes=1)):
        problem(await change(world, path, value=48), 409, "parameter-in-use")
        problem(await change(world, path, valid_from_on="2024-04-02"), 409, "parameter-in-use")
        problem(await change(world, path, valid_until_on="2024-03-31"), 422, "validation-failed")
        assert ok(await change(world, path, source="Arrêté, art. 2"))["source"] == "Arrêté, art. 2"
        assert ok(await change(world, path, valid_until_on="2024-04-01"))["valid_until_on"] == "2024-04-01"
        version = ok(await change(world, path, valid_until_on=None))["version"]
        assert ok(await change(world, path, valid_until_on=None))["version"] == version, "nothing changed"
    async with frozen.at(late + timedelta(days=9)):
        problem(await change(world, path, valid_until_on="2024-04-08"), 409, "parameter-in-use")
        ok(await change(world, path, valid_until_on="2024-04-09"))
        problem(await change(world, of, valid_until_on="2024-04-08"), 409, "scheme-in-use")
        ok(await change(world, of, valid_until_on="2024-04-09"))


ATTACKS = {
    "parameter_in_use": (
        "UPDATE scheme_parameters SET value = '36' WHERE id = $1::uuid",
        "UPDATE scheme_parameters SET name = 'decision_months' WHERE id = $1::uuid",
        "UPDATE scheme_parameters SET valid_from_on = '2024-01-01' WHERE id = $1::uuid",
        "UPDATE scheme_parameters SET valid_until_on = '2024-01-01' WHERE id = $1::uuid",
        "DELETE FROM scheme_parameters WHERE id = $1::uuid",
    ),
    "scheme_in_use": (
        "UPDATE schemes SET valid_until_on = '2024-01-01' WHERE code = $1",
        "UPDATE schemes SET valid_from_on = '2024-01-01' WHERE code = $1",
    ),
}


async def test_the_database_refuses_it_too(world: World) -> None:
    of = await scheme(world)
    path = await parameter(world, of)
    its = of.rpartition("/")[2]
    for constraint, statements in ATTACKS.items():
        for statement in statements:
            with pytest.raises(asyncpg.CheckViolationError) as refused:
                await world.pool.execute(statement, its if constraint == "scheme_in_use" else path.rpartition("/")[2])
            assert refused.value.constraint_name == constraint, statement
    with pytest.raises(asyncpg.ExclusionViolationError) as overlapping:
        await world.pool.execute(
            "INSERT INTO scheme_parameters (scheme, name, value, valid_from_on, valid_until_on, source, created_at,"
            " updated_at) VALUES ($1, 'maximum_months', '1', '2022-01-01', '2023-01-01', 'x', now(), now())",
            its,
        )
    assert overlapping.value.constraint_name == "parameters_overlap"


async def test_of_two_values_for_one_day_at_once_one_is_recorded(world: World) -> None:
    of = await scheme(world)
    answers = await asyncio.gather(
        *(world.programme.post(f"{of}/parameters", {**VALUE, "value": number}) for number in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json()["type"] for answer in answers if answer.is_error} == {"/problems/parameters-overlap"}


async def test_the_feed_tells_schemes_and_their_parameters(world: World) -> None:
    of = await scheme(world)
    path = await parameter(world, of)
    ok(await change(world, path, valid_until_on=date(2199, 12, 31).isoformat()))
    rows = await world.pool.fetch(
        "SELECT type, resource_version, territory FROM events WHERE resource_id IN ($1, $2) ORDER BY sequence",
        of.rpartition("/")[2],
        path.rpartition("/")[2],
    )
    assert [tuple(row) for row in rows] == [
        ("scheme.created", 1, None),
        ("scheme_parameter.created", 1, None),
        ("scheme_parameter.updated", 2, None),
    ]
