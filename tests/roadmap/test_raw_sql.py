"""What the database itself refuses, whoever writes: the roadmap by bare SQL."""

import asyncio
from datetime import date

import asyncpg
import pytest

from tests.projects.acts import followed, project, staff
from tests.projects.test_raw_sql import done, refused
from tests.roadmap.acts import AXES, draft, held, in_force
from tests.world import World, ok


async def test_no_part_of_an_adopted_roadmap_is_added_changed_or_removed(world: World) -> None:
    siren, served = await followed(world), await project(world)
    axes = [{**AXES[0], "actions": [{**AXES[0]["actions"][0], "project_ids": [served["id"]], "sirens": [siren]}]}]
    version = await in_force(world, axes=axes)
    key, slug = version["id"], world.territory
    action = version["axes"][0]["actions"][0]["id"]
    for statement in (
        "DELETE FROM roadmap_action_projects WHERE version_id = $1",
        "DELETE FROM roadmap_action_firms WHERE version_id = $1",
        "UPDATE roadmap_actions SET budget_cents = 1 WHERE version_id = $1",
        "UPDATE roadmap_axes SET title = 'Other' WHERE version_id = $1",
        "UPDATE roadmap_versions SET title = 'Other' WHERE id = $1",
        "UPDATE roadmap_versions SET adopted_on = adopted_on + 1 WHERE id = $1",
        "UPDATE roadmap_versions SET status = 'draft', committee_id = NULL, adopted_on = NULL WHERE id = $1",
        "DELETE FROM roadmap_versions WHERE id = $1",
    ):
        await refused(world.pool, "roadmap_adopted", (statement, key))
    axis = "INSERT INTO roadmap_axes (version_id, position, territory, title) VALUES ($1, 9, $2, 'More')"
    await refused(world.pool, "roadmap_adopted", (axis, key, slug))
    fresh = (await draft(world))["id"]
    moved = "UPDATE roadmap_actions SET version_id = $2 WHERE version_id = $1"
    await refused(world.pool, "roadmap_adopted", (moved, key, fresh))
    state = "UPDATE roadmap_followed_actions SET state = 'done' WHERE id = $1"
    await refused(world.pool, "followed_action_history", (state, action))


@pytest.mark.parametrize("table", ["roadmap_versions", "roadmap_axes", "roadmap_actions", "roadmap_action_states"])
async def test_the_roadmap_is_not_truncated(world: World, table: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError):
        await world.pool.execute(f"TRUNCATE {table} CASCADE")


INSERT = (
    "INSERT INTO roadmap_versions (territory, number, title, starts_on, ends_on, status, created_at, updated_at)"
    " VALUES ($1, $2, 'T', '2023-01-01', '2024-01-01', $3, now(), now()) RETURNING id"
)
ADOPT = (
    "UPDATE roadmap_versions SET status = 'adopted', committee_id = $2, adopted_on = $3, adopted_by = $4 WHERE id = $1"
)


async def test_a_roadmap_is_adopted_by_a_held_meeting_of_its_territory_on_its_day(world: World, other: World) -> None:
    slug, person, pool = world.territory, world.subjects["territory"], world.pool
    await refused(pool, "roadmap_adopted", (INSERT, slug, 1, "adopted"))
    key = await pool.fetchval(INSERT, slug, 1, "draft")
    await refused(pool, "draft_exists", (INSERT, slug, 2, "draft"))
    meeting, theirs, day = await held(world), await held(other), date(2023, 10, 3)
    await refused(pool, "committee_not_held", (ADOPT, key, theirs, day, person))
    await refused(pool, "committee_not_held", (ADOPT, key, meeting, date(2023, 10, 4), person))
    body = {"level": "territorial", "planned_at": "2023-10-03T12:00:00Z",
            "members": [{"kind": "organisation", "name": "P (synthetic)", "chair": True}]}  # fmt: skip
    planned = ok(await staff(world).post("committees", body), 201)["id"]
    await refused(pool, "committee_not_held", (ADOPT, key, planned, day, person))
    await done(pool, (ADOPT, key, meeting, day, person))
    second = await pool.fetchval(INSERT, slug, 2, "draft")
    later = await held(world, "2024-01-10T09:00:00Z")
    await refused(pool, "roadmap_in_force_twice", (ADOPT, second, later, date(2024, 1, 10), person))
    leave = "UPDATE roadmap_versions SET status = 'superseded', superseded_on = $2 WHERE id = $1"
    await refused(pool, "roadmap_superseded", (leave, key, day))
    late = (leave, key, date(2024, 1, 11))
    await refused(pool, "roadmap_in_force_twice", late, (ADOPT, second, later, date(2024, 1, 10), person))
    await done(pool, (leave, key, date(2024, 1, 10)), (ADOPT, second, later, date(2024, 1, 10), person))
    again = "UPDATE roadmap_versions SET superseded_on = superseded_on + 1 WHERE id = $1"
    await refused(pool, "roadmap_adopted", (again, key))


async def test_nothing_slips_into_a_roadmap_that_is_being_adopted(world: World) -> None:
    made, meeting = await draft(world), await held(world)
    key, person = made["id"], world.subjects["committee"]
    axis = "INSERT INTO roadmap_axes (version_id, position, territory, title) VALUES ($1, 9, $2, 'Late')"
    async with world.pool.acquire() as one, world.pool.acquire() as two:
        adoption = one.transaction()
        await adoption.start()
        await one.execute(ADOPT, key, meeting, date(2023, 10, 3), person)
        late = asyncio.ensure_future(two.execute(axis, key, world.territory))
        await adoption.commit()
        with pytest.raises(asyncpg.CheckViolationError) as error:
            await late
    assert error.value.constraint_name == "roadmap_adopted"


async def test_an_actions_state_is_the_last_of_its_history(world: World) -> None:
    version = await in_force(world)
    key, slug = version["axes"][0]["actions"][0]["id"], world.territory
    insert = (
        "INSERT INTO roadmap_action_states (action_id, number, territory, state, effective_on, previous_number,"
        " previous_state, previous_on, reason, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now())"
    )
    set_ = "UPDATE roadmap_followed_actions SET state = $2, state_number = $3, state_since_on = $4 WHERE id = $1"
    day = date(2024, 1, 1)
    jump = (insert, key, 1, slug, "done", day, None, "planned", None, None)
    await refused(world.pool, "action_move_refused", jump)
    false = (insert, key, 2, slug, "done", day, 1, "in_progress", day, None)
    await refused(world.pool, "roadmap_action_states_previous_fkey", false)
    silent = (insert, key, 1, slug, "dropped", day, None, "planned", None, None)
    await refused(world.pool, "action_state_reason", silent)
    invented = (insert, key, 1, slug, "done", day, None, "in_progress", None, None)
    await refused(world.pool, "action_state_number", invented)
    await refused(world.pool, "roadmap_followed_actions_state_fkey", (set_, key, "done", 1, day))
    good = (insert, key, 1, slug, "in_progress", day, None, "planned", None, None)
    await done(world.pool, good, (set_, key, "in_progress", 1, day))


async def test_nothing_of_a_roadmap_crosses_a_territory(world: World, other: World) -> None:
    made = await draft(world)
    theirs, siren = await project(other), await followed(other)
    key, slug, action = made["id"], world.territory, made["axes"][0]["actions"][0]["id"]
    link = "INSERT INTO roadmap_action_projects (version_id, action_id, project_id, territory) VALUES ($1, $2, $3, $4)"
    await refused(
        world.pool, "roadmap_action_projects_territory_project_id_fkey", (link, key, action, theirs["id"], slug)
    )
    crossed = (link, key, action, theirs["id"], other.territory)
    await refused(world.pool, "roadmap_action_projects_territory_version_id_fkey", crossed)
    firm = "INSERT INTO roadmap_action_firms (version_id, action_id, siren, territory) VALUES ($1, $2, $3, $4)"
    await refused(world.pool, "roadmap_action_firms_territory_siren_fkey", (firm, key, action, siren, slug))
    foreign = (await draft(other))["axes"][0]["actions"][0]["id"]
    word = (
        "INSERT INTO roadmap_actions (version_id, action_id, territory, axis, position, title)"
        " VALUES ($1, $2, $3, 1, 9, 'Stolen')"
    )
    await refused(world.pool, "roadmap_actions_territory_action_id_fkey", (word, key, foreign, slug))
