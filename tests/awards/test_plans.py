"""The line of a financing plan and the award that pays it know each other, and say the same."""

import asyncio
from typing import Any

import asyncpg
import httpx2
import pytest

from app.commands import check
from tests.awards.test_projects import KINDS, award, awards_beside_plans  # the fixture
from tests.envelopes.acts import DAY, Acts
from tests.projects.acts import BALANCED, COSTS, filed, project, staff
from tests.world import World, ok, problem

LINE = {"grants": "rebond_grant", "advances": "rebond_advance"}
PRIVATE = BALANCED[:2]
AMOUNT = {"grants": 300, "advances": 200}
PROGRAMME = [
    {"kind": LINE[kind], "source": "Rebond", "amount_cents": AMOUNT[kind], "status": "requested"} for kind in KINDS
]
COST = [{**COSTS[0], "amount_cents": 600_000_00 + 500}]  # what the plan below comes to


async def put(world: World, plan: str, lines: list[dict[str, Any]], status: str = "draft") -> httpx2.Response:
    return await staff(world).put(f"projects/{plan}/financing", {"status": status, "lines": lines})


async def planned(acts: Acts, *lines: dict[str, Any], status: str = "complete") -> dict[str, str]:
    """What an award says of a project that has a plan of these lines, or a balanced one."""
    made = await filed(acts.world, costs=COST)
    ok(await put(acts.world, made["id"], list(lines) or [*PRIVATE, *PROGRAMME], status), 201)
    return {"siren": made["holders"][0]["siren"], "project_id": made["id"]}


async def plan_of(world: World, of: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = ok(await world.auditor.get(f"projects/{of['project_id']}/financing"))
    return found


def lines_of(plan: dict[str, Any], kind: str) -> list[tuple[Any, ...]]:
    """The lines of one instrument: source, amount, status, proof and award."""
    names = ("source", "amount_cents", "status", "proof_reference", "award_id")
    return [tuple(line[name] for name in names) for line in plan["lines"] if line["kind"] == LINE[kind]]


def sent(plan: dict[str, Any], **changed: Any) -> list[dict[str, Any]]:
    """The lines of a plan as they are sent back; those of an award changed."""
    return [
        {name: value for name, value in line.items() if name != "award_id"} | (changed if line["award_id"] else {})
        for line in plan["lines"]
    ]


async def pay(acts: Acts, path: str, cents: int, **more: Any) -> str:
    kind, key = path.split("/")
    paid = acts.pay(key, cents, **more) if kind == "grants" else acts.tranche(key, cents)
    return f"{path}/{'payments' if kind == 'grants' else 'tranches'}/{ok(await paid, 201)['id']}"


# --- what an award does to the plan ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_an_award_secures_the_line_of_its_kind(acts: Acts, kind: str) -> None:
    of = await planned(acts)
    made = ok(await award(acts, kind, AMOUNT[kind], **of), 201)
    told = await plan_of(acts.world, of)
    assert lines_of(told, kind) == [("Rebond", AMOUNT[kind], "secured", made["decision_reference"], made["id"])]
    [other] = set(KINDS) - {kind}
    assert lines_of(told, other) == [("Rebond", AMOUNT[other], "requested", None, None)]
    assert (told["version"], told["status"], told["recorded_by_name"]) == (2, "complete", made["awarded_by_name"])
    assert told["secured_cents"] == BALANCED[0]["amount_cents"] + AMOUNT[kind]  # type: ignore[operator]  # an int
    assert told["leverage"]["secured"]["total"] is not None
    path = f"projects/{of['project_id']}/financing/versions"
    versions = ok(await acts.world.auditor.get(path))["items"]
    [changed] = ok(await acts.world.auditor.get(f"{path}/{versions[-1]['id']}/compare"))["changed"]
    assert changed["fields"]["award_id"] == {"before": None, "after": made["id"]}
    assert changed["fields"]["status"] == {"before": "requested", "after": "secured"}
    events = [event["type"] for event in await acts.world.events(of["project_id"])]
    assert events.count("financing.planned") == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_another_amount_than_was_asked_makes_a_draft(acts: Acts, kind: str) -> None:
    of = await planned(acts)
    ok(await award(acts, kind, AMOUNT[kind] - 10, **of), 201)
    told = await plan_of(acts.world, of)
    assert (told["status"], lines_of(told, kind)[0][1]) == ("draft", AMOUNT[kind] - 10)
    assert told["gaps"] == [{"code": "sources_below_uses", "amount_cents": 10, "source": None}]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["reverse", "release"])
async def test_an_award_that_ends_unpaid_leaves_its_line_requested(
    acts: Acts,
    kind: str,
    end: str,
) -> None:
    of = await planned(acts)
    made = ok(await award(acts, kind, AMOUNT[kind], **of), 201)
    path = f"{kind}/{made['id']}"
    ok(await (acts.reverse(path) if end == "reverse" else acts.release(path, released_on=DAY)))
    told = await plan_of(acts.world, of)
    assert lines_of(told, kind) == [("Rebond", AMOUNT[kind], "requested", None, None)]
    assert (told["version"], told["status"]) == (3, "complete")
    again = ok(await award(acts, kind, AMOUNT[kind], **of), 201)
    assert lines_of(await plan_of(acts.world, of), kind)[0][4] == again["id"]


@pytest.mark.parametrize("kind", KINDS)
async def test_the_line_has_what_is_not_released(acts: Acts, kind: str) -> None:
    of = await planned(acts)
    made = ok(await award(acts, kind, AMOUNT[kind], **of), 201)
    await pay(acts, f"{kind}/{made['id']}", 40)
    assert (await plan_of(acts.world, of))["version"] == 2, "a payment changes no plan"
    ok(await acts.release(f"{kind}/{made['id']}"))
    told = await plan_of(acts.world, of)
    assert lines_of(told, kind) == [("Rebond", 40, "secured", made["decision_reference"], made["id"])]
    assert (told["version"], told["status"]) == (3, "draft")


async def test_a_balance_and_its_reversal_are_in_the_plan(acts: Acts) -> None:
    of = await planned(acts)
    made = ok(await award(acts, "grants", 300, **of), 201)
    path = f"grants/{made['id']}"
    paid = await pay(acts, path, 250, kind="balance_payment")
    assert lines_of(await plan_of(acts.world, of), "grants")[0][1:3] == (250, "secured")
    ok(await acts.reverse(paid))
    told = await plan_of(acts.world, of)
    assert lines_of(told, "grants") == [("Rebond", 300, "secured", made["decision_reference"], made["id"])]
    assert told["version"] == 4
    assert told["status"] == "draft", "who declares a plan complete is the territory"


@pytest.mark.parametrize("kind", KINDS)
async def test_each_of_two_awards_has_its_line(acts: Acts, kind: str) -> None:
    of = await planned(acts, status="complete")
    first, second = [ok(await award(acts, kind, cents, **of), 201) for cents in (AMOUNT[kind], 10)]
    told = await plan_of(acts.world, of)
    assert [(line[0], line[1], line[4]) for line in lines_of(told, kind)] == [
        ("Rebond", AMOUNT[kind], first["id"]), ("Rebond 2", 10, second["id"])
    ]  # fmt: skip
    assert told["status"] == "draft"
    ok(await acts.reverse(f"{kind}/{first['id']}"))
    told = await plan_of(acts.world, of)
    assert [line[2:5:2] for line in lines_of(told, kind)] == [("requested", None), ("secured", second["id"])]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refused_line_stays_and_another_kind_is_no_line_of_the_award(acts: Acts, kind: str) -> None:
    [other] = set(KINDS) - {kind}
    refused = {"kind": LINE[kind], "source": "Rebond", "amount_cents": 7, "status": "refused"}
    of = await planned(acts, refused, *(line for line in PROGRAMME if line["kind"] == LINE[other]), status="draft")
    made = ok(await award(acts, kind, 10, **of), 201)
    told = await plan_of(acts.world, of)
    assert [line[:3] for line in lines_of(told, kind)] == [("Rebond", 7, "refused"), ("Rebond 2", 10, "secured")]
    assert lines_of(told, kind)[1][4] == made["id"]
    assert lines_of(told, other)[0][2] == "requested"


@pytest.mark.parametrize("kind", KINDS)
async def test_where_there_is_no_plan_no_award_makes_one(acts: Acts, kind: str) -> None:
    made = await filed(acts.world)
    of = {"siren": made["holders"][0]["siren"], "project_id": made["id"]}
    path = f"{kind}/{ok(await award(acts, kind, 10, **of), 201)['id']}"
    await pay(acts, path, 4)
    ok(await acts.release(path))
    problem(await acts.world.auditor.get(f"projects/{made['id']}/financing"), 404, "not-found")


@pytest.mark.parametrize("kind", KINDS)
async def test_new_costs_keep_the_awards_of_the_plan(acts: Acts, kind: str) -> None:
    of = await planned(acts)
    made = ok(await award(acts, kind, 10, **of), 201)
    ok(await staff(acts.world).patch(f"projects/{of['project_id']}", {"costs": COSTS}))
    assert lines_of(await plan_of(acts.world, of), kind)[0][4] == made["id"]


async def test_a_dry_run_of_an_award_leaves_the_plan(acts: Acts) -> None:
    of = await planned(acts)
    ok(await acts.advance(10, dry=True, **of))
    assert (await plan_of(acts.world, of))["version"] == 1


# --- what is sent ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_the_line_of_an_award_is_sent_as_it_is(acts: Acts, kind: str) -> None:
    world, of = acts.world, await planned(acts)
    made = ok(await award(acts, kind, 10, **of), 201)
    told = await plan_of(world, of)
    assert ok(await put(world, of["project_id"], sent(told), told["status"])) == told, "the same plan changes nothing"
    [wanted] = [line for line in sent(told) if line["proof_reference"] == made["decision_reference"]]
    for lines in (
        [line for line in sent(told) if line != wanted],
        sent(told, amount_cents=11),
        sent(told, status="requested", proof_reference=None),
        sent(told, status="refused", proof_reference=None, source="Nobody"),
        sent(told, proof_reference="Another decision"),
        [],
    ):
        refused = problem(await put(world, of["project_id"], lines), 409, "line-has-award")
        [line] = refused["lines"]
        assert {**line, "source": ""} == {**wanted, "source": ""}
    ok(await put(world, of["project_id"], [*refused["lines"], *PRIVATE]))
    assert lines_of(await plan_of(world, of), kind)[0][4] == made["id"]
    renamed = [{**wanted, "source": "The programme"}, *PRIVATE]
    ok(await put(world, of["project_id"], renamed))
    assert lines_of(await plan_of(world, of), kind)[0][::4] == ("The programme", made["id"])


@pytest.mark.parametrize("kind", KINDS)
async def test_a_first_plan_after_the_award_names_it(acts: Acts, kind: str) -> None:
    world, made = acts.world, await filed(acts.world, costs=COST)
    of = {"siren": made["holders"][0]["siren"], "project_id": made["id"]}
    given = ok(await award(acts, kind, AMOUNT[kind], **of), 201)
    refused = problem(await put(world, made["id"], [*PRIVATE, *PROGRAMME], "complete"), 409, "line-has-award")
    lines = [line for line in PROGRAMME if line["kind"] != LINE[kind]]
    told = ok(await put(world, made["id"], [*PRIVATE, *lines, *refused["lines"]], "complete"), 201)
    assert lines_of(told, kind) == [("Rebond", AMOUNT[kind], "secured", given["decision_reference"], given["id"])]


@pytest.mark.parametrize("kind", KINDS)
async def test_aid_of_the_programme_is_secured_by_an_award_alone(acts: Acts, kind: str) -> None:
    world, made = acts.world, await project(acts.world)
    line = {"kind": LINE[kind], "source": "Rebond", "amount_cents": 10}
    typed = {**line, "status": "secured", "proof_reference": "The committee said so"}
    problem(await put(world, made["id"], [typed]), 409, "line-without-award")
    ok(await put(world, made["id"], [{**line, "status": "requested"}]), 201)
    older = await project(world, detected_on="2023-06-13")  # the day before the territory is served here
    told = ok(await put(world, older["id"], [typed]), 201)
    assert lines_of(told, kind) == [("Rebond", 10, "secured", "The committee said so", None)]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_plan_and_an_award_at_once_never_part(acts: Acts, app: Any, kind: str) -> None:
    world, of = acts.world, await planned(acts)
    for round_ in range(4):
        lines = [*PRIVATE, {**PROGRAMME[0], "amount_cents": 1 + round_}]
        *_, one, two = await asyncio.gather(
            put(world, of["project_id"], lines),
            put(world, of["project_id"], lines[:1]),
            award(acts, kind, 10, **of),
            award(acts, kind, 20, **of),
        )
        both = {ok(one, 201)["id"], ok(two, 201)["id"]}
        assert both == {line[4] for line in lines_of(await plan_of(world, of), kind)} - {None}
        await asyncio.gather(*(acts.reverse(f"{kind}/{key}") for key in both))
        assert {line[4] for line in lines_of(await plan_of(world, of), kind)} <= {None}
    assert await world.differences(app.state["engine"]) == []


# --- bare SQL, and what was there before -----------------------------------------------------------------------------


COPY = """
WITH last AS (
    SELECT * FROM financing_plans WHERE project_id = $1 ORDER BY number DESC LIMIT 1
), made AS (
    INSERT INTO financing_plans (territory, project_id, number, status, uses_cents, eligible_cents, sources_cents,
        secured_cents, gaps, recorded_at)
    SELECT territory, project_id, number + 1, 'draft', uses_cents, eligible_cents, {cents}, {cents}, '[]', now()
    FROM last RETURNING id, territory
)
INSERT INTO financing_lines (plan_id, position, territory, kind, source, amount_cents, status, proof_reference,
    grant_id, advance_id)
SELECT made.id, 1, made.territory, '{kind}', 'Rebond', {cents}, '{status}', {proof}, {grant}, {advance} FROM made
"""


@pytest.mark.parametrize("kind", KINDS)
async def test_no_sql_parts_a_line_from_its_award(acts: Acts, other: World, kind: str) -> None:
    world, of = acts.world, await planned(acts)
    mine = ok(await award(acts, kind, 10, **of), 201)
    ended = ok(await award(acts, kind, 10, **of), 201)
    ok(await acts.reverse(f"{kind}/{ended['id']}"))
    elsewhere = ok(await award(acts, kind, 10, **await planned(acts)), 201)
    theirs = await Acts.of(other, 100)
    foreign = ok(await award(theirs, kind, 10), 201)
    other_kind = LINE["advances" if kind == "grants" else "grants"]
    column, unnamed = ("grant", "advance") if kind == "grants" else ("advance", "grant")

    async def line(found: dict[str, Any], **more: Any) -> None:
        values = {"kind": LINE[kind], "cents": 10, "status": "secured", "proof": f"'{found['decision_reference']}'"}
        values |= {column: f"'{found['id']}'", unnamed: "NULL", **more}
        async with world.pool.acquire() as connection, connection.transaction():
            await connection.execute(COPY.format(**values), of["project_id"])

    for found, more, constraint in (
        (ended, {}, "financing_line_of_award"),
        (elsewhere, {}, "financing_line_of_award"),
        (mine, {"cents": 11}, "financing_line_of_award"),
        (mine, {"proof": "'Another'"}, "financing_line_of_award"),
        (mine, {"kind": other_kind}, "financing_line_award"),
        (mine, {"kind": "own_funds"}, "financing_line_award"),
        (mine, {"status": "requested", "proof": "NULL", "cents": 0}, None),
        (mine, {"status": "requested", "proof": "NULL"}, "financing_line_award"),
        (foreign, {}, f"financing_lines_{column}_fkey"),
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
            await line(found, **more)
        assert constraint is None or refused.value.constraint_name == constraint, (more, refused.value)
    await line(mine)
    for statement in (
        f"UPDATE {kind} SET released_cents = 1 WHERE id = $1",
        f"UPDATE {kind} SET status = 'cancelled', released_cents = amount_cents WHERE id = $1",
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await world.pool.execute(statement, mine["id"])
        assert refused.value.constraint_name == "financing_line_of_award"


@pytest.mark.parametrize("kind", KINDS)
async def test_what_stands_beside_its_plan_is_listed_until_the_next_version(
    acts: Acts,
    app: Any,
    kind: str,
) -> None:
    """As the migration leaves it: an award with a project, and a plan that was typed."""
    world, of = acts.world, await planned(acts)
    made = ok(await award(acts, kind, AMOUNT[kind], **of), 201)
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "UPDATE financing_lines SET grant_id = NULL, advance_id = NULL, proof_reference = 'The committee'"
            " WHERE coalesce(grant_id, advance_id) = $1", made["id"],
        )  # fmt: skip
    assert await awards_beside_plans(app, world) == [f"{world.territory} {made['id']}"]
    assert await world.differences(app.state["engine"]) == []
    assert await check.before_the_rule(app.state["engine"])
    ok(await staff(world).patch(f"projects/{of['project_id']}", {"costs": COSTS}))
    assert await awards_beside_plans(app, world) == []
    told = lines_of(await plan_of(world, of), kind)
    assert told == [("Rebond", AMOUNT[kind], "secured", made["decision_reference"], made["id"])]
