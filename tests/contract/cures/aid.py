"""The cures of what refuses an award for its project, and a stage for its award."""

from typing import Any

import httpx2

from tests.contract.cures import Case, walk
from tests.contract.cures.money import acts_of
from tests.envelopes.acts import Acts
from tests.projects.acts import COSTS, filed, followed, pass_through, project, searched, staff
from tests.world import World, ok

REASON = {"reason": "So it was."}


async def award(case: Case, acts: Acts, **more: Any) -> httpx2.Response:
    return await (acts.grant(10, **more) if case.act == "award_grant" else acts.advance(10, **more))


def of(plan: dict[str, Any]) -> dict[str, str]:
    """What an award says of a project."""
    return {"siren": plan["holders"][0]["siren"], "project_id": plan["id"]}


async def served(world: World, day: str) -> httpx2.Response:
    return await world.programme.patch(world.auditor.base, {"served_since_on": day})


AWARDS = ("award_grant", "award_advance")


@walk("project-missing", *AWARDS)
async def project_missing(case: Case) -> None:
    acts = await acts_of(case, own=True)
    ok(await served(case.world, "2023-06-14"))
    plan = await filed(case.world)
    case.refused(await award(case, acts, siren=plan["holders"][0]["siren"]))
    case.cured(await award(case, acts, **of(plan)))
    ok(await served(case.world, "2023-10-04"))  # the day was wrong
    case.cured(await award(case, acts))


@walk("project-of-another-firm", *AWARDS)
async def project_of_another_firm(case: Case) -> None:
    acts = await acts_of(case)
    plan, another = await filed(case.world), await followed(case.world)
    case.refused(await award(case, acts, siren=another, project_id=plan["id"]))
    case.cured(await award(case, acts, **of(plan)))
    holders = [{"kind": "firm", "siren": siren} for siren in (plan["holders"][0]["siren"], another)]
    ok(await staff(case.world).patch(f"projects/{plan['id']}", {"holders": holders}))
    case.cured(await award(case, acts, siren=another, project_id=plan["id"]))


@walk("project-not-filed", *AWARDS)
async def project_not_filed(case: Case) -> None:
    acts = await acts_of(case)
    plan = await project(case.world)
    case.refused(await award(case, acts, **of(plan)))
    await pass_through(case.world, plan["id"], "oriented", "filed")
    case.cured(await award(case, acts, **of(plan)))


@walk("committee-after-decision", *AWARDS)
async def committee_after_decision(case: Case) -> None:
    acts = await acts_of(case)
    plan = await filed(case.world)
    meeting = (await case.world.meeting())["id"]
    case.refused(await award(case, acts, **of(plan), committee_id=meeting))
    ok(await staff(case.world).post(f"committees/{meeting}/hold", {"held_at": "2023-10-03T12:00:00Z"}))
    case.cured(await award(case, acts, **of(plan), committee_id=meeting))
    case.cured(await award(case, acts, **of(plan)))


@walk("meeting-day-in-use", "update_committee")
async def meeting_day_in_use(case: Case) -> None:
    acts = await acts_of(case)
    plan = await filed(case.world)
    meeting = (await case.world.meeting())["id"]
    path, later = f"committees/{meeting}", {"held_at": "2023-11-03T12:00:00Z"}
    ok(await staff(case.world).post(f"{path}/hold", {"held_at": "2023-10-03T12:00:00Z"}))
    made = ok(await acts.grant(10, **of(plan), committee_id=meeting), 201)
    case.refused(await staff(case.world).patch(path, later))
    ok(await acts.reverse(f"grants/{made['id']}"))
    case.cured(await staff(case.world).patch(path, later))


@walk("awards-without-project", "update_territory")
async def awards_without_project(case: Case) -> None:
    acts = await acts_of(case, own=True)
    ok(await acts.grant(10), 201)
    case.refused(await served(case.world, "2023-10-03"))
    case.cured(await served(case.world, "2023-10-04"))


@walk("envelope-exhausted", "reverse_grant_payment")
async def envelope_exhausted_by_a_balance_taken_back(case: Case) -> None:
    acts = await acts_of(case, 100)
    grant = ok(await acts.grant(100), 201)["id"]
    balance = f"grants/{grant}/payments/{ok(await acts.pay(grant, 60, kind='balance_payment'), 201)['id']}"
    later = ok(await acts.grant(30), 201)["id"]
    told = case.refused(await acts.reverse(balance), "later_acts")
    assert [each["act_id"] for each in told["later_acts"]] == [later]
    ok(await acts.reverse(f"grants/{later}"))
    case.cured(await acts.reverse(balance))


# --- stages ----------------------------------------------------------------------------------------------------------


async def turn(case: Case, plan: dict[str, Any], stage: str) -> httpx2.Response:
    """To a stage with the route of the programme: by a passage, or by turning a project that is there to the route."""
    path = f"projects/{plan['id']}"
    if case.act == "update_project":
        return await staff(case.world).patch(path, {"funding_route": "rebond"})
    return await staff(case.world).post(f"{path}/stages", {"stage": stage, "funding_route": "rebond"})


@walk("funding-statement-missing", "change_project_stage", "update_project")
async def funding_statement_missing(case: Case) -> None:
    plan = await project(case.world)
    await pass_through(case.world, plan["id"], "oriented", *(["filed"] if case.act == "update_project" else []),
                       route="region")  # fmt: skip
    case.refused(await turn(case, plan, "filed"))
    await searched(case.world, plan["id"])
    case.cured(await turn(case, plan, "filed"))


@walk("award-missing", "change_project_stage", "update_project")
async def award_missing(case: Case) -> None:
    acts = await acts_of(case)
    if case.act == "change_project_stage":
        plan = await filed(case.world)
        case.refused(await turn(case, plan, "selected"))
        ok(await acts.grant(10, **of(plan)), 201)
        path = f"projects/{plan['id']}/stages"
        case.cured(await staff(case.world).post(path, {"stage": "completed"}))
        return
    plan = await project(case.world)
    await pass_through(case.world, plan["id"], "oriented", "filed", "selected", route="region")
    case.refused(await turn(case, plan, "selected"))
    back = {"stage": "filed", "effective_on": "2023-08-10", **REASON}
    ok(await staff(case.world).post(f"projects/{plan['id']}/stages", back))
    await searched(case.world, plan["id"])
    case.cured(await turn(case, plan, "filed"))
    ok(await acts.grant(10, **of(plan)), 201)


@walk("stage-follows-award", "change_project_stage", "update_project")
async def stage_follows_award(case: Case) -> None:
    acts = await acts_of(case)
    for undo in (acts.release, acts.reverse):
        plan = await filed(case.world)
        grant = ok(await acts.grant(10, **of(plan)), 201)["id"]
        path = f"projects/{plan['id']}"

        async def act(path: str = path) -> httpx2.Response:
            if case.act == "update_project":
                return await staff(case.world).patch(path, {"funding_route": "region"})
            return await staff(case.world).post(f"{path}/stages", {"stage": "dropped", **REASON})

        case.refused(await act())
        ok(await undo(f"grants/{grant}"))
        case.cured(await act())


@walk("firm-has-award", "put_territory_firm")
async def firm_has_award(case: Case) -> None:
    acts = await acts_of(case)
    for undo in (acts.release, acts.reverse):
        plan = await filed(case.world)
        path, declined = f"firms/{of(plan)['siren']}", {"stage": "declined", **REASON}
        grant = ok(await acts.grant(10, **of(plan)), 201)["id"]
        case.refused(await staff(case.world).put(path, declined))
        ok(await undo(f"grants/{grant}"))
        case.cured(await staff(case.world).put(path, declined))


@walk("costs-closed", "update_project")
async def costs_closed(case: Case) -> None:
    plan = await project(case.world, costs=COSTS)
    await pass_through(case.world, plan["id"], "oriented", "completed", route="bank")
    path = f"projects/{plan['id']}"
    case.refused(await staff(case.world).patch(path, {"costs": COSTS[:1]}))
    ok(await staff(case.world).post(f"{path}/stages", {"stage": "oriented", **REASON}))
    case.cured(await staff(case.world).patch(path, {"costs": COSTS[:1]}))


@walk("holder-has-award", "update_project")
async def holder_has_award(case: Case) -> None:
    acts = await acts_of(case)
    plan, another = await filed(case.world), await followed(case.world)
    ok(await acts.grant(10, **of(plan)), 201)
    path, holders = f"projects/{plan['id']}", [{"kind": "firm", "siren": another}]
    case.refused(await staff(case.world).patch(path, {"holders": holders}))
    holders.append({"kind": "firm", "siren": of(plan)["siren"]})
    case.cured(await staff(case.world).patch(path, {"holders": holders}))


@walk("audition-of-another-firm", "create_project", "update_project")
async def audition_of_another_firm(case: Case) -> None:
    world = case.world
    one, another = await followed(world), await followed(world)
    body = {"title": "P", "kind": "other", "maturity": "idea", "detected_on": "2023-07-04",
            "holders": [{"kind": "firm", "siren": one}]}  # fmt: skip
    path = f"projects/{ok(await staff(world).post('projects', body), 201)['id']}"

    async def act(audition_id: str | None) -> httpx2.Response:
        if case.act == "create_project":
            return await staff(world).post("projects", {**body, "detected_in_audition_id": audition_id})
        return await staff(world).patch(path, {"detected_in_audition_id": audition_id})

    case.refused(await act((await world.audition(another))["id"]))
    case.cured(await act((await world.audition(one))["id"]))
    case.cured(await act(None))


# --- the plan's line -------------------------------------------------------------------------------------------------


@walk("line-has-award", "put_financing")
async def line_has_award(case: Case) -> None:
    acts, plan = await acts_of(case), await filed(case.world)
    asked = {"kind": "rebond_grant", "source": "Rebond", "amount_cents": 20, "status": "requested"}

    async def act(*lines: dict[str, Any]) -> httpx2.Response:
        body = {"status": "draft", "lines": list(lines)}
        return await staff(case.world).put(f"projects/{plan['id']}/financing", body)

    ok(await act(asked), 201)
    ok(await acts.grant(10, **of(plan)), 201)
    aid: dict[str, Any] = of(plan)
    ok(await acts.advance(5, **aid), 201)
    case.refused(await act(asked))  # the advance has a line of its own since
    told = case.refused(await act())
    case.cured(await act(*told["lines"]))
    told = case.refused(await act(*told["lines"][:1]))
    ok(await acts.grant(1, **of(plan)), 201)
    told = case.refused(await act(asked))
    case.cured(await act(*told["lines"]))


@walk("line-without-award", "put_financing")
async def line_without_award(case: Case) -> None:
    acts = await acts_of(case, own=True)
    ok(await served(case.world, "2023-06-14"))
    plan = await filed(case.world)
    line = {"kind": "rebond_advance", "source": "Rebond", "amount_cents": 10}

    async def act(**more: str) -> httpx2.Response:
        body = {"status": "draft", "lines": [{**line, **more}]}
        return await staff(case.world).put(f"projects/{plan['id']}/financing", body)

    case.refused(await act(status="secured", proof_reference="The committee"))
    case.cured(await act(status="requested"))
    aid: dict[str, Any] = of(plan)
    ok(await acts.advance(10, **aid), 201)
    found = ok(await staff(case.world).get(f"projects/{plan['id']}/financing"))
    assert found["lines"][0]["status"] == "secured"
