"""What the database itself refuses, whoever writes: projects, their stages and their plans by bare SQL."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.projects.acts import BALANCED, COSTS, followed, perimeter, project, staff
from tests.world import World, ok

STAGE = (
    "INSERT INTO project_stages (project_id, number, territory, stage, effective_on, previous_number, previous_stage,"
    " previous_on, reason, recorded_at) VALUES ($1, $2, $3, $4, $5::date, $6, $7, $8::date, $9, now())"
)


async def done(pool: Any, *statements: tuple[Any, ...]) -> None:
    """The statements in one transaction."""
    async with pool.acquire() as connection, connection.transaction():
        for statement, *arguments in statements:
            await connection.execute(statement, *arguments)


async def refused(pool: Any, constraint: str, *statements: tuple[Any, ...]) -> None:
    """The statements, in one transaction, are refused by this constraint at COMMIT at the latest."""
    with pytest.raises(asyncpg.PostgresError) as error:
        await done(pool, *statements)
    assert getattr(error.value, "constraint_name", None) == constraint, error.value


async def test_a_stage_is_the_last_passage_of_the_history(world: World) -> None:
    made = await project(world, funding_route="rebond")
    key, slug = made["id"], world.territory
    update = "UPDATE projects SET stage = $2, stage_number = $3, stage_since_on = $4::text::date WHERE id = $1"
    await refused(world.pool, "projects_stage_fkey", (update, key, "oriented", 1, "2023-07-04"))
    await refused(world.pool, "projects_stage_fkey", (update, key, "detected", 1, "2023-07-05"))
    insert = STAGE.replace("::date", "::text::date")
    jump = (insert, key, 2, slug, "selected", "2023-08-01", 1, "detected", "2023-07-04", None)
    await refused(world.pool, "stage_passage_refused", jump)
    false = (insert, key, 2, slug, "filed", "2023-08-01", 1, "oriented", "2023-07-04", None)
    await refused(world.pool, "project_stages_previous_fkey", false)
    early = (insert, key, 2, slug, "oriented", "2023-07-03", 1, "detected", "2023-07-04", None)
    await refused(world.pool, "stage_out_of_order", early)
    silent = (insert, key, 2, slug, "dropped", "2023-08-01", 1, "detected", "2023-07-04", None)
    await refused(world.pool, "project_stage_reason", silent)
    unrooted = (insert, key, 3, slug, "detected", "2023-08-01", None, None, None, None)
    await refused(world.pool, "stage_passage_refused", unrooted)
    future = (insert, key, 2, slug, "oriented", "2199-01-01", 1, "detected", "2023-07-04", None)
    await refused(world.pool, "project_stage_future", future)
    good = (insert, key, 2, slug, "oriented", "2023-08-01", 1, "detected", "2023-07-04", None)
    await done(world.pool, good, (update, key, "oriented", 2, "2023-08-01"))


@pytest.mark.parametrize(
    "table", ["project_stages", "job_observations", "financing_plans", "financing_lines", "funding_statements"]
)
async def test_acts_of_projects_are_append_only(pool: Any, table: str) -> None:
    for statement in (f"UPDATE {table} SET territory = territory", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await pool.execute(statement)


async def test_a_project_has_a_lead_holder_and_no_holder_of_another_territory(world: World, other: World) -> None:
    made = await project(world, costs=COSTS)
    key, slug = made["id"], world.territory
    gone = ("DELETE FROM project_holders WHERE project_id = $1", key)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await done(world.pool, gone)
    holder = (
        "INSERT INTO project_holders (project_id, position, territory, kind, firm_siren) VALUES ($1, 2, $2, $3, $4)"
    )
    theirs, mine = await followed(other), await followed(world)
    foreign = "project_holders_territory_firm_siren_fkey"
    await refused(world.pool, foreign, (holder, key, slug, "firm", theirs))
    await refused(
        world.pool, "project_holders_territory_project_id_fkey", (holder, key, other.territory, "firm", theirs)
    )
    await refused(world.pool, "project_holder_identity", (holder, key, slug, "association", mine))
    again = (holder, key, slug, "firm", made["holders"][0]["siren"])
    await refused(world.pool, "holder_named_twice", again)


async def test_nothing_of_a_project_crosses_a_territory(world: World, other: World) -> None:
    made, mission = await project(world), await other.mission()
    await perimeter(other, 2023, "30007")
    set_ = "UPDATE projects SET {} WHERE id = $1"
    for constraint, column, value in [
        ("projects_territory_mission_id_fkey", "mission_id = $2::uuid", mission.id),
        ("projects_territory_consultant_id_fkey", "consultant_id = $2::uuid", mission.lead_consultant),
        ("projects_audition_fkey", "detected_in_audition_id = $2::uuid", mission.id),
        ("projects_commune_fkey", "perimeter_vintage = 2023, commune_code = $2::text", "30007"),
    ]:
        await refused(world.pool, constraint, (set_.format(column), made["id"], value))
    moved = ("UPDATE projects SET territory = $2 WHERE id = $1", made["id"], other.territory)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await done(world.pool, moved)


PLAN = (
    "INSERT INTO financing_plans (territory, project_id, number, status, uses_cents, eligible_cents, sources_cents,"
    " secured_cents, gaps, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '[]', now()) RETURNING id"
)
LINE = (
    "INSERT INTO financing_lines (plan_id, position, territory, kind, source, amount_cents, status, proof_reference)"
    " VALUES ($1, 1, $2, 'own_funds', 'Equity', $3, 'secured', 'Board')"
)


async def planned(pool: Any, slug: str, key: str, number: int, status: str, uses: int, line: int, said: int) -> None:
    """A plan of one line by SQL, which says that its sources come to `said`."""
    async with pool.acquire() as connection, connection.transaction():
        plan = await connection.fetchval(PLAN, slug, key, number, status, uses, min(uses, 750_000_00), said, said)
        await connection.execute(LINE, plan, slug, line)


async def test_a_plan_is_what_its_lines_and_the_projects_costs_come_to(world: World) -> None:
    made = await project(world, costs=COSTS)
    key, slug = made["id"], world.territory
    for arguments, constraint in [
        ((1, "complete", 800_000_00, 1_00, 1_00), "financing_incomplete"),
        ((1, "draft", 800_000_00, 1_00, 2_00), "financing_sums"),
        ((1, "draft", 799_999_99, 1_00, 1_00), "financing_sums"),
        ((1, "complete", 800_000_00, 1_00, 800_000_00), "financing_sums"),
        ((0, "draft", 800_000_00, 1_00, 1_00), "financing_plan_number"),
    ]:
        with pytest.raises(asyncpg.CheckViolationError) as error:
            await planned(world.pool, slug, key, *arguments)
        assert error.value.constraint_name == constraint
    await planned(world.pool, slug, key, 1, "complete", 800_000_00, 800_000_00, 800_000_00)
    plan = await world.pool.fetchval("SELECT id FROM financing_plans WHERE project_id = $1", key)
    more = LINE.replace("1, $2, 'own", "2, $2, 'own").replace("'Equity'", "'More'")
    await refused(world.pool, "financing_sums", (more, plan, slug, 1))
    for statement in (
        "DELETE FROM project_costs WHERE project_id = $1",
        "UPDATE project_costs SET amount_cents = amount_cents + 1 WHERE project_id = $1",
        "UPDATE project_costs SET kind = 'not_eligible', reason = 'So' WHERE project_id = $1 AND position = 1",
    ):
        await refused(world.pool, "financing_sums", (statement, key))
    await planned(world.pool, slug, key, 2, "draft", 800_000_00, 1_00, 1_00)
    await refused(world.pool, "financing_sums", (more, plan, slug, 1))  # no line is added to an old version


async def test_new_costs_and_a_new_plan_in_two_transactions_at_once_do_not_miss_each_other(world: World) -> None:
    made = await project(world, costs=COSTS)
    key, slug = made["id"], world.territory
    async with world.pool.acquire() as one, world.pool.acquire() as two:
        first, second = one.transaction(), two.transaction()
        await first.start()
        await second.start()
        plan = await one.fetchval(PLAN, slug, key, 1, "draft", 800_000_00, 750_000_00, 1_00, 1_00)
        await one.execute(LINE, plan, slug, 1_00)
        await two.execute("DELETE FROM project_costs WHERE project_id = $1 AND position = 1", key)
        ends = await asyncio.gather(first.commit(), second.commit(), return_exceptions=True)
    refusals = [error for error in ends if isinstance(error, asyncpg.CheckViolationError)]
    assert len(refusals) == 1, ends
    assert refusals[0].constraint_name == "financing_sums"
    plans = await world.pool.fetch("SELECT uses_cents FROM financing_plans WHERE project_id = $1", key)
    costs = await world.pool.fetchval("SELECT sum(amount_cents) FROM project_costs WHERE project_id = $1", key)
    assert all(row["uses_cents"] == costs for row in plans)


async def test_lines_are_proven_and_statements_are_a_persons(world: World) -> None:
    made = await project(world, costs=COSTS)
    ok(await staff(world).put(f"projects/{made['id']}/financing", {"status": "draft", "lines": BALANCED}), 201)
    bad = LINE.replace("'Board'", "NULL").replace("1, $2, 'own", "9, $2, 'own")
    plan = await world.pool.fetchval("SELECT id FROM financing_plans WHERE project_id = $1", made["id"])
    await refused(world.pool, "financing_line_proof", (bad, plan, world.territory, 1))
    statement = (
        "INSERT INTO funding_statements (territory, project_id, stated_on, sources_searched, stated_by, stater_kind,"
        " recorded_at) VALUES ($1, $2, '2023-01-01', ARRAY['ADEME'], $3, $4, now())"
    )
    async with world.pool.acquire() as connection:
        await world.add_subject(connection, "program", "office", "territory", kind="service_account")
    program, person = world.subjects["program"], world.subjects["territory"]
    slug, key = world.territory, made["id"]
    await refused(world.pool, "stated_by_a_person", (statement, slug, key, program, "person"))
    await refused(world.pool, "funding_statement_stater_kind", (statement, slug, key, program, "service_account"))
    await refused(
        world.pool, "funding_statement_sources", (statement.replace("'ADEME'", "NULL"), slug, key, person, "person")
    )
