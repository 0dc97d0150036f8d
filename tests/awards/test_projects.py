"""An award, its project, its firm and its committee know each other; what an award means for them follows it."""

import asyncio
import random
from itertools import combinations
from typing import Any

import asyncpg
import httpx2
import pytest

from app.commands import check
from app.core import clock
from tests.awards.conftest import SERVED
from tests.envelopes.acts import DAY, Acts
from tests.lives import FRESH, MORE, seed_of
from tests.projects.acts import BALANCED, COSTS, filed, followed, pass_through, project, searched, staff
from tests.world import World, fresh_siren, ok, problem

KINDS = ("grants", "advances")


async def award(acts: Acts, kind: str, cents: int, **more: Any) -> httpx2.Response:
    return await (acts.grant(cents, **more) if kind == "grants" else acts.advance(cents, **more))


async def aided(acts: Acts, kind: str = "grants", cents: int = 100, **more: Any) -> tuple[str, str, str]:
    """The path of an award for a project of its own, the project's id, and the firm's SIREN."""
    plan = await filed(acts.world, **more)
    siren = plan["holders"][0]["siren"]
    made = ok(await award(acts, kind, cents, siren=siren, project_id=plan["id"]), 201)
    return f"{kind}/{made['id']}", plan["id"], siren


async def stages(world: World, project_id: str, siren: str) -> tuple[str, str]:
    plan, firm = await world.auditor.get(f"projects/{project_id}"), await world.auditor.get(f"firms/{siren}")
    return ok(plan)["stage"], ok(firm)["stage"]


async def history(world: World, project_id: str) -> list[tuple[str, str, str | None]]:
    told = ok(await world.auditor.get(f"projects/{project_id}/stages?sort=number"))["items"]
    return [(item["stage"], item["effective_on"], item["reason"]) for item in told]


# --- which project ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_an_award_names_its_project_from_the_day_on_which_the_territory_is_served(acts: Acts, kind: str) -> None:
    siren = await acts.world.followed_firm()
    ok(await acts.contribute(100, decided_on="2020-01-01"), 201)
    early, on_the_day = {"decided_on": "2023-06-13"}, {"decided_on": SERVED}
    if kind == "advances":
        early["planned_disbursement_on"] = "2023-06-13"
    ok(await award(acts, kind, 10, siren=siren, **early), 201)
    problem(await award(acts, kind, 10, siren=siren, **on_the_day), 409, "project-missing")
    path, project_id, firm = await aided(acts, kind)
    found = ok(await acts.world.auditor.get(path))
    assert (found["project_id"], found["siren"]) == (project_id, firm)
    [same] = ok(await acts.world.auditor.get(f"{kind}?project_id={project_id}"))["items"]
    assert same == found


@pytest.mark.parametrize("kind", KINDS)
async def test_what_an_award_names_is_of_one_firm_and_one_territory(acts: Acts, other: World, kind: str) -> None:
    world = acts.world
    mine, foreign = await filed(world), await filed(other)
    another = await followed(world)
    body = {"siren": mine["holders"][0]["siren"]}
    for wrong in (foreign["id"], (await world.meeting())["id"]):
        told = problem(await award(acts, kind, 10, **body, project_id=wrong), 404, "reference-not-found")
        assert told["errors"][0]["pointer"] == "/project_id"
    of_another = {"siren": another, "project_id": mine["id"]}
    problem(await award(acts, kind, 10, **of_another), 409, "project-of-another-firm")
    holders = [*mine["holders"], {"kind": "firm", "siren": another}]
    bare = [{"kind": each["kind"], "siren": each["siren"]} for each in holders]
    ok(await staff(world).patch(f"projects/{mine['id']}", {"holders": bare}))
    ok(await award(acts, kind, 10, **of_another), 201)
    ok(await staff(world).patch(f"projects/{mine['id']}", {"holders": [*reversed(bare)]}))
    for dry_run in ("true", "false"):
        path = f"projects/{mine['id']}?dry_run={dry_run}"
        problem(await staff(world).patch(path, {"holders": bare[:1]}), 409, "holder-has-award")


REFERENCES = ("siren", "project_id", "committee_id")


@pytest.mark.parametrize("pair", list(combinations(REFERENCES, 2)), ids=" ".join)
async def test_each_pair_of_references_crossed_with_another_territory_is_refused(
    acts: Acts, other: World, pair: tuple[str, str]
) -> None:
    things = []
    for world in (acts.world, other):
        plan = await filed(world)
        meeting = await held(world, "2023-09-30T12:00:00Z")
        things.append({"siren": plan["holders"][0]["siren"], "project_id": plan["id"], "committee_id": meeting})
    mine, theirs = things
    for here, there in (pair, pair[::-1]):
        mixed = mine | {there: theirs[there]}
        assert mixed[here] == mine[here]
        for kind in KINDS:
            refused = await award(acts, kind, 10, **mixed)
            assert refused.json()["type"].rpartition("/")[2] in ("reference-not-found", "project-of-another-firm")


@pytest.mark.parametrize("stage", ["detected", "oriented", "dropped", "completed", "another route"])
async def test_aid_is_awarded_only_for_what_is_filed_with_the_programme(acts: Acts, stage: str) -> None:
    world = acts.world
    plan = await project(world)
    if stage == "another route":
        await pass_through(world, plan["id"], "oriented", "filed", route="region")
    elif stage == "completed":
        await pass_through(world, plan["id"], "oriented", "completed", route="bank")
    elif stage != "detected":
        await pass_through(world, plan["id"], stage)
    body = {"siren": plan["holders"][0]["siren"], "project_id": plan["id"]}
    told = problem(await award(acts, "grants", 10, **body), 409, "project-not-filed")
    assert told["stage"] == ("filed" if stage == "another route" else stage)


async def test_a_decision_is_not_older_than_the_filing(acts: Acts) -> None:
    plan = await filed(acts.world)
    body = {"siren": plan["holders"][0]["siren"], "project_id": plan["id"]}
    ok(await acts.contribute(100, decided_on="2023-06-14"), 201)
    refused = await award(acts, "grants", 10, **body, decided_on="2023-08-01")
    assert problem(refused, 409, "stage-out-of-order")["stage_since_on"] == "2023-08-02"


async def held(world: World, at: str) -> str:
    meeting = (await world.meeting(planned_at=at))["id"]
    ok(await staff(world).post(f"committees/{meeting}/hold", {"held_at": at}))
    return str(meeting)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_committee_that_decided_was_held_by_the_day_of_the_decision(
    acts: Acts, other: World, kind: str
) -> None:
    world = acts.world
    plan = await filed(world)
    body = {"siren": plan["holders"][0]["siren"], "project_id": plan["id"]}
    planned, late = (await world.meeting())["id"], await held(world, "2023-10-03T22:30:00Z")  # the 4th in Paris
    for wrong in (planned, late):
        problem(await award(acts, kind, 10, **body, committee_id=wrong), 409, "committee-after-decision")
    foreign = await held(other, "2023-10-03T12:00:00Z")
    told = problem(await award(acts, kind, 10, **body, committee_id=foreign), 404, "reference-not-found")
    assert told["errors"][0]["pointer"] == "/committee_id"
    meeting = await held(world, "2023-10-03T21:30:00Z")
    made = ok(await award(acts, kind, 10, **body, committee_id=meeting), 201)
    assert (made["committee_id"], made["committee_on"]) == (meeting, DAY)
    path, later = f"committees/{meeting}", {"held_at": "2023-10-03T22:00:00Z"}  # the 4th in Paris
    told = problem(await staff(world).patch(path, later), 409, "meeting-day-in-use")
    assert (told["awards"], told["roadmaps"]) == (1, 0)
    for day in ("2023-10-03T21:59:00Z", "2023-09-30T12:00:00Z"):
        ok(await staff(world).patch(path, {"held_at": day}))
    ok(await acts.reverse(f"{kind}/{made['id']}"))
    ok(await staff(world).patch(path, later))


async def test_an_award_and_a_later_day_of_its_meeting_are_one_before_the_other(acts: Acts) -> None:
    world = acts.world
    plan = await filed(world)
    body = {"siren": plan["holders"][0]["siren"], "project_id": plan["id"]}
    later = {"held_at": "2023-10-05T12:00:00Z"}
    for _ in range(6):
        meeting = await held(world, "2023-10-03T12:00:00Z")
        moved, made = await asyncio.gather(
            staff(world).patch(f"committees/{meeting}", later),
            award(acts, "grants", 1, **body, committee_id=meeting),
        )
        assert sorted((moved.is_success, made.is_success)) == [False, True], (moved.text, made.text)
    # The day is not committed yet: the award waits for it.
    meeting = await held(world, "2023-10-03T12:00:00Z")
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("UPDATE committees SET held_at = '2023-10-05' WHERE id = $1", meeting)
        waiting = asyncio.ensure_future(award(acts, "grants", 1, **body, committee_id=meeting))
        await asyncio.sleep(0.2)
        assert not waiting.done()
    problem(await waiting, 409, "committee-after-decision")


async def test_since_when_a_territory_is_served(world: World) -> None:
    slug = f"{world.territory}-new"
    body = {"slug": slug, "name": "New", "wave_number": 1, "lead_siren": fresh_siren()}
    today = clock.today().isoformat()
    assert ok(await world.programme.post("/v1/territories", body), 201)["served_since_on"] == today
    more = {"slug": f"{slug}-2", "lead_siren": fresh_siren(), "served_since_on": SERVED}
    given = await world.programme.post("/v1/territories", {**body, **more})
    assert ok(given, 201)["served_since_on"] == SERVED
    path, future = f"/v1/territories/{slug}", {"served_since_on": "2199-01-01"}
    for refused in (
        await world.programme.patch(path, future),
        await world.programme.post("/v1/territories", {**body, "slug": f"{slug}-3", **future}),
    ):
        assert problem(refused, 422, "validation-failed")["errors"][0]["code"] == "future_day"


async def test_the_day_does_not_pass_awards_without_a_project(world: World) -> None:
    acts = await Acts.of(world, 1_000)
    grant = ok(await acts.grant(10), 201)["id"]  # before the territory is served: today
    mistaken = ok(await acts.grant(10, decided_on="2023-12-01"), 201)["id"]
    path, earlier = world.auditor.base, {"served_since_on": "2023-10-03"}
    problem(await world.programme.patch(path, earlier), 409, "awards-without-project")
    problem(await world.programme.patch(path, {"served_since_on": "2023-11-01"}), 409, "awards-without-project")
    ok(await acts.reverse(f"grants/{mistaken}"))
    ok(await world.programme.patch(path, {"served_since_on": "2023-11-01"}))
    problem(await world.programme.patch(path, earlier), 409, "awards-without-project")
    ok(await world.programme.patch(path, {"served_since_on": "2023-10-04"}))
    ok(await acts.pay(grant, 5), 201)


async def test_what_stands_without_a_project_goes_on(world: World, app: Any) -> None:
    """As the migration leaves it: the day of the territory's first event is before the award."""
    acts = await Acts.of(world, 1_000)
    grant = ok(await acts.grant(10), 201)["id"]
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(
            "UPDATE territories SET served_since_on = $2 WHERE slug = $1", world.territory, clock.today().replace(2020)
        )
    payment = ok(await acts.pay(grant, 4), 201)["id"]
    ok(await acts.reverse(f"grants/{grant}/payments/{payment}"))
    ok(await acts.release(f"grants/{grant}"))
    assert await world.differences(app.state["engine"]) == []


# --- what follows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
async def test_an_award_contracts_its_project_and_supports_its_firm(acts: Acts, kind: str) -> None:
    path, plan, siren = await aided(acts, kind)
    assert await stages(acts.world, plan, siren) == ("contracted", "supported")
    assert (await history(acts.world, plan))[-2:] == [("selected", DAY, None), ("contracted", DAY, None)]
    told = [event["type"] for event in await acts.world.events(plan)]
    assert told[-1] == "project.stage_changed"
    ok(await acts.reverse(path))
    assert await stages(acts.world, plan, siren) == ("filed", "interviewed")
    assert (await history(acts.world, plan))[-1] == ("filed", DAY, "Mistaken.")
    assert ok(await acts.world.auditor.get(f"projects/{plan}?as_of={DAY}"))["stage"] == "filed", "as if never decided"


async def test_a_cancelled_award_takes_its_project_and_its_firm_back(acts: Acts) -> None:
    path, plan, siren = await aided(acts)
    ok(await acts.release(path, released_on="2023-12-01"))
    assert await stages(acts.world, plan, siren) == ("filed", "interviewed")
    assert (await history(acts.world, plan))[-1] == ("filed", "2023-12-01", "Cheaper.")
    dropped = {"stage": "dropped", "reason": "The firm has withdrawn.", "effective_on": "2023-12-01"}
    ok(await staff(acts.world).post(f"projects/{plan}/stages", dropped))


async def test_a_project_is_completed_by_the_last_of_its_awards(acts: Acts) -> None:
    path, plan, siren = await aided(acts)
    second = ok(await acts.advance(50, siren=siren, project_id=plan), 201)["id"]
    ok(await acts.pay(path.split("/")[1], 40, kind="balance_payment", paid_on="2024-01-10"), 201)
    assert await stages(acts.world, plan, siren) == ("contracted", "supported"), "the advance is open"
    ok(await acts.tranche(second, 50), 201)
    ok(await acts.repay(second, 50, received_on="2024-02-01"), 201)
    assert await stages(acts.world, plan, siren) == ("completed", "supported")
    assert (await history(acts.world, plan))[-1][:2] == ("completed", "2024-02-01")


async def test_a_firm_stays_supported_as_long_as_one_of_its_awards_stands(acts: Acts) -> None:
    path, plan, siren = await aided(acts)
    other = await filed(acts.world, siren)
    second = ok(await acts.grant(10, siren=siren, project_id=other["id"]), 201)["id"]
    ok(await acts.reverse(path))
    assert await stages(acts.world, plan, siren) == ("filed", "supported")
    declined = {"stage": "declined", "reason": "No."}
    problem(await staff(acts.world).put(f"firms/{siren}", declined), 409, "firm-has-award")
    ok(await acts.release(f"grants/{second}"))
    assert await stages(acts.world, other["id"], siren) == ("filed", "interviewed")
    ok(await staff(acts.world).put(f"firms/{siren}", declined))


# --- a stage means what it says --------------------------------------------------------------------------------------


async def test_a_project_is_filed_with_the_programme_on_a_dated_statement(world: World) -> None:
    plan = await project(world)
    await pass_through(world, plan["id"], "oriented")
    path, body = f"projects/{plan['id']}/stages", {"stage": "filed", "effective_on": "2023-08-10"}
    problem(await staff(world).post(path, body), 409, "funding-statement-missing")
    await searched(world, plan["id"], "2023-08-11")
    problem(await staff(world).post(path, body), 409, "funding-statement-missing")
    await searched(world, plan["id"], "2023-08-10")
    ok(await staff(world).post(path, body))


async def test_another_route_needs_no_statement_and_turning_to_the_programme_does(world: World) -> None:
    plan = await project(world)
    await pass_through(world, plan["id"], "oriented", "filed", route="region")
    path = f"projects/{plan['id']}"
    problem(await staff(world).patch(path, {"funding_route": "rebond"}), 409, "funding-statement-missing")
    await searched(world, plan["id"])
    ok(await staff(world).patch(path, {"funding_route": "rebond"}))


async def test_selection_contract_and_completion_follow_from_an_award(acts: Acts) -> None:
    world = acts.world
    plan = await filed(world)
    path = f"projects/{plan['id']}/stages"
    problem(await staff(world).post(path, {"stage": "selected"}), 409, "award-missing")
    paid, contracted, _ = await aided(acts)
    path = f"projects/{contracted}/stages"
    for stage in ("dropped", "filed"):
        refused = await staff(world).post(path, {"stage": stage, "reason": "No."})
        problem(refused, 409, "stage-follows-award")
    refused = await staff(world).patch(f"projects/{contracted}", {"funding_route": "region"})
    problem(refused, 409, "stage-follows-award")
    ok(await staff(world).post(path, {"stage": "completed"}))  # the works end before the balance is paid
    ok(await staff(world).post(path, {"stage": "contracted", "reason": "A machine is missing."}))
    ok(await acts.pay(paid.split("/")[1], 100, paid_on=clock.today().isoformat()), 201)
    refused = await staff(world).post(path, {"stage": "contracted", "reason": "No."})
    problem(refused, 409, "stage-follows-award")


async def test_costs_of_a_completed_project_are_closed_until_it_is_stepped_back(world: World) -> None:
    plan = await project(world, costs=COSTS)
    await pass_through(world, plan["id"], "oriented", "filed", "selected", "contracted", "completed", route="region")
    path = f"projects/{plan['id']}"
    problem(await staff(world).patch(path, {"costs": COSTS[:1]}), 409, "costs-closed")
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await world.pool.execute("DELETE FROM project_costs WHERE project_id = $1", plan["id"])
    assert refused.value.constraint_name == "costs_closed"
    ok(await staff(world).patch(path, {"title": "Another title"}))
    missing = problem(await staff(world).post(f"{path}/stages", {"stage": "contracted"}), 422, "validation-failed")
    assert missing["errors"][0]["pointer"] == "/reason"
    ok(await staff(world).post(f"{path}/stages", {"stage": "contracted", "reason": "The works go on."}))
    ok(await staff(world).patch(path, {"costs": COSTS[:1]}))
    assert [stage for stage, _, _ in await history(world, plan["id"])][-2:] == ["completed", "contracted"]


async def test_a_project_was_detected_with_a_firm_that_holds_it(world: World) -> None:
    one, two = await followed(world), await followed(world)
    of_one, of_two = (await world.audition(one))["id"], (await world.audition(two))["id"]
    holders = [{"kind": "firm", "siren": one}]
    body = {"title": "T", "kind": "equipment", "maturity": "idea", "holders": holders, "detected_on": "2023-07-04"}
    for dry_run in ("true", "false"):
        path = f"projects?dry_run={dry_run}"
        refused = await staff(world).post(path, {**body, "detected_in_audition_id": of_two})
        problem(refused, 409, "audition-of-another-firm")
    made = ok(await staff(world).post("projects", {**body, "detected_in_audition_id": of_one}), 201)
    path = f"projects/{made['id']}"
    problem(await staff(world).patch(path, {"detected_in_audition_id": of_two}), 409, "audition-of-another-firm")
    moved = [{"kind": "firm", "siren": two}]
    problem(await staff(world).patch(path, {"holders": moved}), 409, "audition-of-another-firm")
    ok(await staff(world).patch(path, {"holders": moved, "detected_in_audition_id": of_two}))
    async with world.pool.acquire() as connection:
        with pytest.raises(asyncpg.CheckViolationError) as refused_by:
            await connection.execute(
                "UPDATE projects SET detected_in_audition_id = $2 WHERE id = $1", made["id"], of_one
            )
    assert refused_by.value.constraint_name == "audition_of_another_firm"


# --- the balance -----------------------------------------------------------------------------------------------------


async def test_a_balance_closes_the_grant_releases_the_rest_and_nothing_follows_it(acts: Acts) -> None:
    path, plan, siren = await aided(acts, cents=15_000)
    grant = path.split("/")[1]
    before = (await acts.envelope())["available_cents"]
    ok(await acts.pay(grant, 3_000), 201)
    balance = ok(await acts.pay(grant, 7_000, kind="balance_payment", paid_on="2024-01-10"), 201)["id"]
    found = ok(await acts.world.auditor.get(path))
    told = {name: found[name] for name in ("status", "paid_cents", "released_cents", "remaining_cents", "reason")}
    assert told == {"status": "closed", "paid_cents": 10_000, "released_cents": 5_000, "remaining_cents": 0,
                    "reason": None}  # fmt: skip
    assert (await acts.envelope())["available_cents"] == before + 5_000
    on_the_eve = await acts.envelope(as_of="2024-01-09")
    assert on_the_eve["available_cents"] == before, "it counts from the day of the balance"
    assert await stages(acts.world, plan, siren) == ("completed", "supported")
    for kind in ("advance_payment", "interim_payment", "balance_payment"):
        problem(await acts.pay(grant, 1, kind=kind), 409, "award-ended")
    problem(await acts.release(path), 409, "award-ended")
    ok(await acts.reverse(f"{path}/payments/{balance}"))
    found = ok(await acts.world.auditor.get(path))
    assert (found["status"], found["released_cents"], found["remaining_cents"]) == ("paying", 0, 12_000)
    assert (await acts.envelope())["available_cents"] == before
    ok(await acts.pay(grant, 12_000, kind="balance_payment"), 201)
    assert ok(await acts.world.auditor.get(path))["released_cents"] == 0


async def test_a_balance_is_not_taken_back_where_what_it_released_is_spent(acts: Acts) -> None:
    path, *_ = await aided(acts, cents=150_000)
    balance = ok(await acts.pay(path.split("/")[1], 100_000, kind="balance_payment"), 201)["id"]
    spent, *_ = await aided(acts, cents=50_000)
    told = problem(await acts.reverse(f"{path}/payments/{balance}"), 409, "envelope-exhausted")
    assert told["later_acts"]
    ok(await acts.reverse(spent))
    ok(await acts.reverse(f"{path}/payments/{balance}"))


# --- a random life ---------------------------------------------------------------------------------------------------


async def awards_beside_plans(app: Any, world: World) -> list[str]:
    """The awards of the territory that the plan of their project does not name."""
    found = await check.before_the_rule(app.state["engine"])
    rule = "cents of an award that the plan of its project does not name"
    return [each.key for each in found if each.rule == rule and each.key.startswith(f"{world.territory} ")]


@pytest.mark.parametrize("seed", [1, 2, 3, *MORE, FRESH])
async def test_after_any_acts_projects_and_firms_are_where_their_awards_put_them(
    acts: Acts, app: Any, seed: int | str
) -> None:
    chance, world = random.Random(seed_of(seed)), acts.world
    shared = await followed(world)
    plans = [await filed(world, shared), await filed(world, shared, costs=COSTS), await filed(world, costs=COSTS)]
    for plan in plans[1:]:
        body = {"status": "complete", "lines": BALANCED}
        ok(await staff(world).put(f"projects/{plan['id']}/financing", body), 201)
    awards: list[str] = []
    undone: list[str] = []

    async def act() -> None:
        plan = chance.choice(plans)
        kind, day = chance.choice(KINDS), f"2024-0{chance.randrange(1, 9)}-15"
        others = ["balance", "release", "reverse", "undo", "repay", "hand", "plan"]
        what = chance.choice(["award"] * 3 + ["pay"] * 4 + others)
        path = chance.choice(awards) if awards else ""
        mine = path.split("/")[-1]
        if what == "award":
            body = {"siren": plan["holders"][0]["siren"], "project_id": plan["id"]}
            answer = await award(acts, kind, chance.choice([10, 20]), **body)
            if answer.status_code == 201:
                awards.append(f"{kind}/{answer.json()['id']}")
        elif what == "hand":
            stage = chance.choice(["oriented", "filed", "contracted", "completed", "dropped", "detected"])
            await staff(world).post(f"projects/{plan['id']}/stages", {"stage": stage, "reason": "By hand."})
            stage = chance.choice(["interviewed", "shortlisted", "supported", "declined"])
            await staff(world).put(f"firms/{plan['holders'][0]['siren']}", {"stage": stage, "reason": "By hand."})
        elif what == "plan" and plan is not plans[0]:
            address = f"projects/{plan['id']}/financing"
            lines = BALANCED[: chance.randrange(5)]
            if chance.randrange(2):
                lines = [
                    {name: value for name, value in line.items() if name != "award_id"}
                    for line in ok(await staff(world).get(address))["lines"]
                    if line["award_id"] or chance.randrange(3)
                ]
            answer = await staff(world).put(address, {"status": "draft", "lines": lines})
            assert answer.status_code == 200 or "line-has-award" in answer.text, answer.text
        elif not path:
            return
        elif what in ("pay", "balance"):
            cents = chance.choice([5, 10, 20])
            more = {"kind": "balance_payment"} if what == "balance" and path.startswith("grants") else {}
            paid = acts.pay if path.startswith("grants") else acts.tranche
            answer = await paid(mine, cents, paid_on=day, **more)
            if answer.status_code == 201:
                payments = "payments" if path.startswith("grants") else "tranches"
                undone.append(f"{path}/{payments}/{answer.json()['id']}")
        elif what == "repay" and path.startswith("advances"):
            answer = await acts.repay(mine, chance.choice([5, 10, 20]), received_on="2024-09-15")
            if answer.status_code == 201:
                undone.append(f"{path}/repayments/{answer.json()['id']}")
        elif what == "release":
            await acts.release(path, released_on=day)
        elif what == "reverse":
            await acts.reverse(path)
        elif what == "undo" and undone:
            await acts.reverse(chance.choice(undone))

    for step in range(60):
        await act()
        if step % 10 == 9:  # what differs goes on to differ; the check reads what all tests have left in the database
            assert await world.differences(app.state["engine"]) == []
            assert await awards_beside_plans(app, world) == []
    assert awards
