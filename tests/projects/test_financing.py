"""Financing plans and funding statements over HTTP: versions, gaps, leverage, and acts that stay."""

import asyncio
from typing import Any

import pytest

from tests.projects.acts import BALANCED, COSTS, project, staff
from tests.world import World, ok, problem


async def plan(world: World, project_id: str, lines: list[dict[str, Any]], status: str = "draft", **more: Any) -> Any:
    return await staff(world).put(
        f"projects/{project_id}/financing", {"status": status, "lines": lines, **more.pop("body", {})}, **more
    )


async def test_a_balanced_plan_is_declared_complete_and_tells_its_leverage(world: World) -> None:
    made = await project(world, costs=COSTS)
    problem(await staff(world).get(f"projects/{made['id']}/financing"), 404, "not-found")
    response = await plan(world, made["id"], BALANCED, "complete")
    told = ok(response, 201)
    assert (told["status"], told["gaps"], told["version"]) == ("complete", [], 1)
    assert (told["uses_cents"], told["sources_cents"], told["eligible_cents"]) == (800_000_00, 800_000_00, 750_000_00)
    assert told["secured_cents"] == 300_000_00
    assert told["leverage"] == {
        "planned": {"total": 3.75, "cofunding": 3.0, "private": 3.0, "other_public": 0},
        "secured": {"total": None, "cofunding": None, "private": None, "other_public": None},
    }
    assert response.headers["etag"].startswith('"1-')
    assert ok(await world.funder.get(f"projects/{made['id']}/financing")) == told
    sums = ok(await staff(world).get("projects/totals"))
    assert sums["leverage"] == told["leverage"]
    [_, event] = await world.events(made["id"])
    assert (event["type"], event["resource_type"]) == ("financing.planned", "financing")


@pytest.mark.parametrize(
    ("lines", "gaps"),
    [
        ([], [{"code": "sources_below_uses", "amount_cents": 800_000_00, "source": None}]),
        (BALANCED[:3], [{"code": "sources_below_uses", "amount_cents": 80_000_00, "source": None}]),
        (
            [*BALANCED[:3], {**BALANCED[3], "status": "refused"}],
            [
                {"code": "sources_below_uses", "amount_cents": 80_000_00, "source": None},
                {"code": "source_refused", "amount_cents": 80_000_00, "source": "Rebond"},
            ],
        ),
        (
            [*BALANCED, {"kind": "other", "source": "Group", "amount_cents": 1, "status": "planned"}],
            [{"code": "sources_above_uses", "amount_cents": 1, "source": None}],
        ),
    ],
)
async def test_every_gap_is_named_and_no_plan_with_one_is_complete(
    world: World, lines: list[dict[str, Any]], gaps: list[dict[str, Any]]
) -> None:
    made = await project(world, costs=COSTS)
    told = problem(await plan(world, made["id"], lines, "complete"), 409, "financing-incomplete")
    assert told["gaps"] == gaps
    assert "800,000.00 €" in told["detail"]
    assert ok(await plan(world, made["id"], lines), 201)["gaps"] == gaps


async def test_a_project_without_costs_has_no_complete_plan(world: World) -> None:
    made = await project(world)
    told = problem(await plan(world, made["id"], [], "complete"), 409, "financing-incomplete")
    assert told["gaps"] == [{"code": "costs_missing", "amount_cents": 0, "source": None}]


async def test_new_costs_make_a_new_draft_so_that_no_complete_plan_is_out_of_date(world: World) -> None:
    made = await project(world, costs=COSTS)
    ok(await plan(world, made["id"], BALANCED, "complete"), 201)
    ok(await staff(world).patch(f"projects/{made['id']}", {"costs": COSTS[:2]}), 200)
    told = ok(await staff(world).get(f"projects/{made['id']}/financing"))
    assert (told["version"], told["status"], told["uses_cents"]) == (2, "draft", 750_000_00)
    assert told["gaps"] == [{"code": "sources_above_uses", "amount_cents": 50_000_00, "source": None}]
    assert [line["source"] for line in told["lines"]] == ["Equity", "Bank", "Rebond", "Rebond"]
    renamed = [{**COSTS[0], "label": "Another machine"}, COSTS[1]]
    ok(await staff(world).patch(f"projects/{made['id']}", {"costs": renamed}), 200)
    assert ok(await staff(world).get(f"projects/{made['id']}/financing"))["version"] == 2, "the same money"


async def test_every_version_is_kept_and_any_two_can_be_compared(world: World) -> None:
    made = await project(world, costs=COSTS)
    address = f"projects/{made['id']}/financing"
    ok(await plan(world, made["id"], BALANCED[:3]), 201)
    again = await plan(world, made["id"], BALANCED[:3])
    assert (ok(again, 200)["version"], len(await world.events(made["id"]))) == (1, 2), "the same plan changes nothing"
    changed = [{**BALANCED[0], "amount_cents": 320_000_00}, BALANCED[1], BALANCED[3]]
    ok(await plan(world, made["id"], changed, body={"note": "After the bank's answer."}), 200)
    first, second = ok(await staff(world).get(f"{address}/versions"))["items"]
    assert ok(await staff(world).get(f"{address}/versions/{first['id']}")) == first
    told = ok(await staff(world).get(f"{address}/versions/{second['id']}/compare?with={first['id']}"))
    assert told == ok(await staff(world).get(f"{address}/versions/{second['id']}/compare"))
    assert (told["before_version"], told["after_version"]) == (1, 2)
    assert told["changed"] == [
        {"kind": "own_funds", "source": "Equity",
         "fields": {"amount_cents": {"before": 300_000_00, "after": 320_000_00}}}
    ]  # fmt: skip
    assert [line["kind"] for line in told["added"]] == ["rebond_advance"]
    assert [line["kind"] for line in told["removed"]] == ["rebond_grant"]
    assert set(told["fields"]) == {"note", "sources_cents", "secured_cents"}
    back = ok(await staff(world).get(f"{address}/versions/{first['id']}/compare?with={second['id']}"))
    assert (back["added"], back["removed"]) == (told["removed"], told["added"])
    same = ok(await staff(world).get(f"{address}/versions/{first['id']}/compare?with={first['id']}"))
    assert (same["added"], same["removed"], same["changed"], same["fields"]) == ([], [], [], {})
    whole = ok(await staff(world).get(f"{address}/versions/{first['id']}/compare"))
    assert (whole["before_version"], len(whole["added"])) == (None, 3)
    nobody = "019a9f5e-0000-7000-8000-000000000000"
    problem(await staff(world).get(f"{address}/versions/{first['id']}/compare?with={nobody}"), 404, "not-found")
    problem(await staff(world).get(f"{address}/versions/{nobody}/compare?with={first['id']}"), 404, "not-found")
    stranger = await project(world, costs=COSTS)
    theirs = ok(await plan(world, stranger["id"], BALANCED), 201)["id"]
    problem(await staff(world).get(f"{address}/versions/{first['id']}/compare?with={theirs}"), 404, "not-found")


async def test_of_two_plans_made_from_one_version_one_is_kept(world: World) -> None:
    made = await project(world, costs=COSTS)
    tag = {"headers": {"If-Match": ok(await plan(world, made["id"], BALANCED), 201) and '"1"'}}
    answers = await asyncio.gather(
        *(plan(world, made["id"], BALANCED[: n % 3 + 1], **tag) for n in range(9))  # type: ignore[arg-type]  # any field
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 8
    assert ok(await staff(world).get(f"projects/{made['id']}/financing"))["version"] == 2


async def test_costs_and_plan_changed_at_once_never_part(world: World) -> None:
    made = await project(world, costs=COSTS)
    ok(await plan(world, made["id"], BALANCED), 201)
    for round_ in range(4):
        costs = [{**COSTS[0], "amount_cents": 500_000_00 + round_}]
        lines = [{**BALANCED[0], "amount_cents": 500_000_00 + round_}]
        await asyncio.gather(
            staff(world).patch(f"projects/{made['id']}", {"costs": costs}),
            plan(world, made["id"], lines),
            plan(world, made["id"], lines, "complete"),
        )
        told = ok(await staff(world).get(f"projects/{made['id']}/financing"))
        assert told["uses_cents"] == ok(await staff(world).get(f"projects/{made['id']}"))["cost_cents"]
        assert told["status"] == "draft" or told["uses_cents"] == told["sources_cents"]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({**BALANCED[0], "proof_reference": None}, "proof_of_secured_line"),
        ({**BALANCED[1], "proof_reference": "Too early"}, "proof_of_secured_line"),
        ({"kind": "other_public_aid", "source": "Région", "amount_cents": 1, "status": "planned"},
         "legal_basis_of_public_aid"),
        ({**BALANCED[1], "legal_basis": "SA.100001"}, "legal_basis_of_public_aid"),
        ({**BALANCED[1], "amount_cents": 0}, "too_small"),
        ({**BALANCED[1], "amount_cents": 1.5}, "not_an_integer"),
    ],
)  # fmt: skip
async def test_a_line_is_proven_and_has_its_basis(world: World, line: dict[str, Any], code: str) -> None:
    made = await project(world)
    told = problem(await plan(world, made["id"], [line]), 422, "validation-failed")
    assert code in {error["code"] for error in told["errors"]}


async def test_a_source_of_one_kind_is_named_once(world: World) -> None:
    made = await project(world)
    told = problem(await plan(world, made["id"], [BALANCED[1], BALANCED[1]]), 422, "validation-failed")
    assert told["errors"][0]["code"] == "source_named_twice"
    huge = [{**BALANCED[1], "source": name, "amount_cents": 10**12} for name in "AB"]
    assert ok(await plan(world, made["id"], huge), 201)["sources_cents"] == 2 * 10**12


async def test_totals_give_the_leverage_of_the_sums_over_last_versions(world: World) -> None:
    for costs, lines in [(COSTS, BALANCED), (COSTS[:1], BALANCED[:2]), (COSTS, None)]:
        made = await project(world, costs=costs)
        if lines is not None:
            ok(await plan(world, made["id"], BALANCED[:1]), 201)  # a version that no longer counts
            ok(await plan(world, made["id"], lines), 200)
    told = ok(await staff(world).get("projects/totals"))["leverage"]["planned"]
    # Eligible 750 000 + 600 000, programme aid 200 000, private 600 000 + 600 000; the third has no plan.
    assert told == {"total": 6.75, "cofunding": 6.0, "private": 6.0, "other_public": 0}


# --- the statement ---------------------------------------------------------------------------------------------------


async def test_a_statement_says_who_when_and_where_was_searched_and_stays(world: World) -> None:
    made = await project(world, costs=COSTS)
    address = f"projects/{made['id']}/funding-statements"
    body = {"stated_on": "2023-09-20", "sources_searched": ["Aides-territoires", "Région Occitanie"], "note": "Asked."}
    response = await staff(world).post(address, body)
    told = ok(response, 201)
    assert told["stated_by"] == str(world.subjects["territory"])
    assert ok(await world.funder.get(response.headers["location"])) == told
    assert ok(await world.funder.get(address))["items"] == [told]
    for method in ("PUT", "PATCH", "DELETE"):
        problem(await staff(world).request(method, f"{address}/{told['id']}"), 405, "method-not-allowed")
    problem(await staff(world).post(address, {"sources_searched": []}), 422, "validation-failed")
    problem(await staff(world).post(address, {**body, "stated_on": "2199-01-01"}), 422, "validation-failed")


async def test_nobody_states_what_the_plan_denies(world: World) -> None:
    made = await project(world, costs=COSTS)
    aid = {"kind": "other_public_aid", "source": "ADEME", "amount_cents": 5_00, "status": "requested",
           "legal_basis": "SA.111726"}  # fmt: skip
    ok(await plan(world, made["id"], [aid]), 201)
    address = f"projects/{made['id']}/funding-statements"
    told = problem(await staff(world).post(address, {"sources_searched": ["ADEME"]}), 409, "other-public-aid-in-plan")
    assert told["amount_cents"] == 5_00
    ok(await plan(world, made["id"], [{**aid, "status": "refused"}]), 200)
    ok(await staff(world).post(address, {"sources_searched": ["ADEME"]}), 201)


async def test_a_program_states_nothing(world: World) -> None:
    made = await project(world)
    async with world.pool.acquire() as connection:
        program = await world.add_subject(connection, "program", "office", "territory", kind="service_account")
    refused = await program.post(f"projects/{made['id']}/funding-statements", {"sources_searched": ["ADEME"]})
    problem(refused, 403, "person-required")
