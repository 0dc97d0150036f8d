"""A day names what it was about: a firm, an audition, a project of its own territory."""

import asyncio
import itertools

import asyncpg
import pytest

from tests.projects.acts import followed, project
from tests.world import World, ok, problem


async def test_a_day_names_its_audition_and_its_project(world: World) -> None:
    mission = await world.mission(days=10)
    siren = await followed(world)
    audition = (await world.audition(siren))["id"]
    plan = await project(world, holders=[{"kind": "firm", "siren": siren}])
    body = mission.entry(siren=siren, audition_id=audition, project_id=plan["id"])
    entry = ok(await world.consultant.post("time-entries", body), 201)
    assert (entry["audition_id"], entry["project_id"]) == (audition, plan["id"])
    assert (entry["audition_on"], entry["project_title"]) == ("2023-07-04", plan["title"])
    for query in (f"audition_id={audition}", f"project_id={plan['id']}"):
        found = ok(await world.lead.get(f"time-entries?{query}"))["items"]
        assert [item["id"] for item in found] == [entry["id"]]
    changed = await world.consultant.patch(f"time-entries/{entry['id']}", {"project_id": None})
    assert ok(changed)["project_title"] is None
    cleared = ok(await world.consultant.patch(f"time-entries/{entry['id']}", {"audition_id": None}))
    assert (cleared["audition_id"], cleared["audition_on"]) == (None, None)
    batch = {"items": [mission.entry(worked_on="2023-07-05", project_id=plan["id"])]}
    [made] = ok(await world.consultant.post("time-entries/batch", batch), 201)["items"]
    assert made["project_id"] == plan["id"]


@pytest.mark.parametrize("name", ["audition", "project"])
async def test_what_belongs_to_another_territory_is_not_found(world: World, other: World, name: str) -> None:
    mission = await world.mission(days=10)
    foreign = (await other.meetings())["audition"] if name == "audition" else (await project(other))["id"]
    for wrong in (foreign, mission.id):
        body = mission.entry() | {f"{name}_id": wrong}
        refused = problem(await world.consultant.post("time-entries", body), 404, "reference-not-found")
        assert refused["errors"][0]["pointer"] == f"/{name}_id"
    assert ok(await world.lead.get("engineering"))["days_entered"] == 0


async def test_what_counted_names_the_same_project_for_ever(world: World) -> None:
    mission = await world.mission(days=10)
    entry = ok(await world.consultant.post("time-entries", mission.entry()), 201)
    ok(await world.lead_judge.post(f"time-entries/{entry['id']}/validate"))
    plan = await project(world)
    async with world.pool.acquire() as connection:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute("UPDATE time_entries SET project_id = $1 WHERE id = $2", plan["id"], entry["id"])
    assert refused.value.constraint_name == "entry_locked"


PAIRS = list(itertools.combinations(("siren", "audition_id", "project_id"), 2))


@pytest.mark.parametrize("pair", PAIRS, ids=[" ".join(pair) for pair in PAIRS])
async def test_what_an_entry_names_is_about_one_firm(world: World, pair: tuple[str, str]) -> None:
    mission = await world.mission(days=10)
    things = []
    for name in ("Mécanique", "Textile"):
        siren = await followed(world, name)
        audition = await world.audition(siren)
        plan = await project(world, title=name, holders=[{"kind": "firm", "siren": siren}])
        things.append({"siren": siren, "audition_id": audition["id"], "project_id": plan["id"]})
    mixed = {pair[0]: things[0][pair[0]], pair[1]: things[1][pair[1]]}
    body, same = mission.entry() | mixed, mission.entry() | {name: things[0][name] for name in pair}
    for dry_run in ("true", "false"):
        refused = await world.consultant.post("time-entries", body, params={"dry_run": dry_run})
        problem(refused, 409, "references-disagree")
    problem(await world.consultant.post("time-entries/batch", {"items": [body]}), 409, "references-disagree")
    entry = ok(await world.consultant.post("time-entries", same), 201)
    path = f"time-entries/{entry['id']}"
    problem(await world.consultant.patch(path, {pair[1]: mixed[pair[1]]}), 409, "references-disagree")
    ok(await world.consultant.patch(path, {pair[1]: None}))
    ok(await world.consultant.patch(path, {name: things[1][name] for name in pair}))
    ok(await world.lead_judge.post(f"{path}/validate"))


async def test_a_firm_stays_on_an_audition_while_an_entry_or_a_project_is_about_it(world: World) -> None:
    mission = await world.mission(days=10)
    one, two = await followed(world, "Mécanique"), await followed(world, "Textile")
    audition = (await world.audition(one, two))["id"]
    path = f"auditions/{audition}"
    entry = mission.entry() | {"audition_id": audition, "siren": one}
    entered = ok(await world.consultant.post("time-entries", entry), 201)["id"]
    plan = await project(world, title="Mécanique", holders=[{"kind": "firm", "siren": one}])
    tag = {"If-Match": "*"}
    ok(await world.clients["territory"].patch(f"projects/{plan['id']}", {"detected_in_audition_id": audition}))
    about = mission.entry(worked_on="2023-07-05") | {"audition_id": audition, "project_id": plan["id"]}
    named = ok(await world.consultant.post("time-entries", about), 201)["id"]
    told = problem(await world.consultant.patch(path, {"sirens": [two]}, headers=tag), 409, "audition-firm-in-use")
    assert (told["siren"], told["entries"], told["projects"]) == (one, 2, 1)
    ok(await world.consultant.patch(path, {"sirens": [one]}))  # nothing is about the other
    ok(await world.consultant.patch(path, {"sirens": [one, two]}))
    for each in (entered, named):
        ok(await world.consultant.patch(f"time-entries/{each}", {"audition_id": None}))
    told = problem(await world.consultant.patch(path, {"sirens": [two]}), 409, "audition-firm-in-use")
    assert (told["entries"], told["projects"]) == (0, 1)
    ok(await world.clients["territory"].patch(f"projects/{plan['id']}", {"detected_in_audition_id": None}))
    ok(await world.consultant.patch(path, {"sirens": [two]}))


async def test_an_entry_and_the_leaving_out_of_its_firm_are_one_before_the_other(world: World) -> None:
    """Over two connections: the entry holds its audition, and who leaves a firm out waits for it, or is first."""
    mission = await world.mission(days=10)
    for entry_first in (True, False):
        one, two = await followed(world, "Mécanique"), await followed(world, "Textile")
        audition = (await world.audition(one, two))["id"]
        made = ok(await world.consultant.post("time-entries", mission.entry()), 201)["id"]
        name = "UPDATE time_entries SET audition_id = $1, firm_siren = $2 WHERE id = $3", audition, one, made
        leave = "DELETE FROM audition_firms WHERE audition_id = $1 AND siren = $2", audition, one
        first, second = (name, leave) if entry_first else (leave, name)
        async with world.pool.acquire() as here, world.pool.acquire() as there:
            begun = here.transaction()
            await begun.start()
            await here.execute(*first)
            if not entry_first:
                await here.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as COMMIT does, but for its end
            waiting = asyncio.ensure_future(there.execute(*second))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            await begun.commit()
            with pytest.raises(asyncpg.CheckViolationError) as refused:
                await waiting
        assert refused.value.constraint_name == ("audition_firm_in_use" if entry_first else "references_disagree")
