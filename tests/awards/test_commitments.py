"""Commitments after the money: due by the frozen parameters, reported, judged by somebody else, overdue once."""

import asyncio
from datetime import date
from typing import Any

import asyncpg
import pytest

from app.awards.commitments.rules import CommitmentKind, Due, commitments
from app.commands.tick import tell_overdue
from app.core import clock
from app.schemes.rules import Parameters
from tests.awards.closing import Aid
from tests.world import Client, World, ok, problem

JOBS, INVESTMENT = CommitmentKind
REPORT = {"observed_on": "2024-11-30", "text": "12 jobs stand.", "jobs_fte": 12.5, "document_sha256": "ab" * 32}
KEPT = {"maintenance_months": 60, "maintenance_sme_months": 36}
JUDGED_BY_ITS_REPORTER = "outcome = 'met', judged_on = now(), outcome_reason = 'x', judged_by = reporters[1]"
MET = {"outcome": "met", "judged_on": "2024-12-15", "reason": "All stand."}


@pytest.mark.parametrize(
    ("said", "completed_on", "sme", "due"),
    [
        ({}, "2024-02-29", True, []),
        ({"jobs_report_months": (12, 36)}, "2024-02-29", True, [(JOBS, 12, "2025-02-28"), (JOBS, 36, "2027-02-28")]),
        ({"jobs_report_months": (36, 12, 12)}, "2023-08-31", True,
         [(JOBS, 12, "2024-08-31"), (JOBS, 36, "2026-08-31")]),
        (KEPT, "2024-01-15", True, [(INVESTMENT, 36, "2027-01-15")]),
        (KEPT, "2024-01-15", False, [(INVESTMENT, 60, "2029-01-15")]),
        ({"maintenance_months": 60}, "2024-01-15", True, []),
        ({"jobs_report_months": (6,), "maintenance_months": 1}, "2023-08-31", False,
         [(JOBS, 6, "2024-02-29"), (INVESTMENT, 1, "2023-09-30")]),
    ],
)  # fmt: skip
def test_what_is_owed_after_the_completion(said: Any, completed_on: str, sme: bool, due: list[Any]) -> None:
    found = commitments(Parameters(**said), date.fromisoformat(completed_on), sme=sme)
    assert found == [Due(kind, months, date.fromisoformat(day)) for kind, months, day in due]


async def closed(world: World, *, sme: bool = False) -> tuple[Aid, list[dict[str, Any]]]:
    """An aid that was closed, completed on 30 November 2023, and what its firm owes."""
    aid = await Aid.of(world, grant=100, advance=50, base=200)
    if sme:
        size = {"eu_size": "small", "eu_size_evidence_on": "2022-12-31", "eu_size_source": "Accounts of 2022"}
        ok(await world.clients["territory"].patch(f"firms/{aid.acts.firm}", size))
    await aid.complete(160)
    ok(await aid.close())
    return aid, ok(await world.auditor.get(f"{aid.path}/commitments", params={"sort": "due_on"}))["items"]


async def test_the_closing_promises_what_the_parameters_ask_once(world: World) -> None:
    aid, owed = await closed(world)
    told = [(each["kind"], each["months"], each["due_on"], each["state"]) for each in owed]
    assert told == [
        (kind, months, due_on, "overdue" if due_on < str(clock.today()) else "open")
        for kind, months, due_on in (
            ("jobs", 12, "2024-11-30"), ("jobs", 36, "2026-11-30"), ("investment", 60, "2028-11-30"),
        )
    ]  # fmt: skip
    assert (
        ok(await world.auditor.get(f"advances/{aid.advance}/commitments", params={"sort": "due_on"}))["items"] == owed
    )
    assert ok(await world.auditor.get("commitments", params={"sort": "due_on"}))["items"] == owed


async def test_an_sme_keeps_the_investment_three_years(world: World) -> None:
    _, owed = await closed(world, sme=True)
    assert [each["due_on"] for each in owed if each["kind"] == "investment"] == ["2026-11-30"]


async def test_a_report_has_its_evidence_and_somebody_else_judges(world: World) -> None:
    aid, owed = await closed(world)
    path = f"{aid.path}/commitments/{owed[0]['id']}"

    async def judge(by: Client, **more: Any) -> Any:
        return await by.post(f"{path}/judge", {**MET, **more}, headers=await aid.acts.seen(path))

    problem(await judge(world.funder), 409, "commitment-not-reported")
    problem(await world.funder.post(f"{path}/judge", MET), 428, "if-match-missing")
    report = ok(await world.funder.post(f"{path}/reports", REPORT), 201)
    assert ok(await world.auditor.get(f"{path}/reports"))["items"] == [report]
    assert (await aid.says(path))["state"] == "reported"
    problem(await judge(world.funder), 403, "reporter-judges")
    found = ok(await judge(aid.recovering.judge))
    assert (found["state"], found["outcome"], found["reports"]) == ("settled", "met", 1)
    assert problem(await judge(aid.recovering.judge), 409, "commitment-settled")["outcome"] == "met"
    problem(await world.clients["territory"].post(f"{path}/reports", REPORT), 409, "commitment-settled")


async def test_what_is_not_reported_can_be_waived_or_found_not_met(world: World) -> None:
    aid, owed = await closed(world)
    for each, outcome in zip(owed, ("not_met", "waived"), strict=False):
        path = f"{aid.path}/commitments/{each['id']}"
        body = {**MET, "outcome": outcome}
        ok(await world.funder.post(f"{path}/judge", body, headers=await aid.acts.seen(path)))


async def test_an_overdue_commitment_is_told_once_in_the_order_of_the_days(world: World, app: Any) -> None:
    aid, owed = await closed(world)

    async def tick(as_of: str) -> None:
        await tell_overdue(app.state["sessions"], date.fromisoformat(as_of), batch=1)

    async def told() -> list[str]:
        rows = await world.pool.fetch(
            "SELECT resource_id FROM events WHERE territory = $1 AND type = 'commitment.overdue' ORDER BY sequence",
            world.territory,
        )
        return [row["resource_id"] for row in rows]

    await tick("2024-11-30")  # its last day
    assert await told() == []
    await asyncio.gather(tick("2024-12-01"), tick("2024-12-01"))
    assert await told() == [owed[0]["id"]]
    found = await aid.says(f"{aid.path}/commitments/{owed[0]['id']}")
    assert (found["overdue_on"], found["version"]) == ("2024-12-01", 2)
    ok(await world.clients["territory"].post(f"{aid.path}/commitments/{owed[1]['id']}/reports", REPORT), 201)
    await tick("2029-01-01")
    assert await told() == [owed[0]["id"], owed[2]["id"]]  # the second was reported


async def test_what_waits_among_commitments(world: World) -> None:
    aid, owed = await closed(world)

    async def waits() -> dict[str, tuple[int, str]]:
        found: list[dict[str, Any]] = ok(await world.funder.get("/v1/me/to-do"))["items"]
        mine = [each for each in found if each["kind"].startswith("commitments")]
        for each in mine:
            assert len(ok(await world.funder.get(each["link"]))["items"]) == each["count"]
        return {each["kind"]: (each["count"], each["oldest_on"]) for each in mine}

    late = [each["due_on"] for each in owed if each["state"] == "overdue"]
    assert await waits() == {"commitments_overdue": (len(late), "2024-11-30")}
    ok(await world.clients["territory"].post(f"{aid.path}/commitments/{owed[0]['id']}/reports", REPORT), 201)
    still = {"commitments_overdue": (len(late) - 1, late[1])} if len(late) > 1 else {}
    assert await waits() == {"commitments_to_judge": (1, "2024-11-30")} | still


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE commitments SET reports = 0 WHERE id = $1", "commitment_settled"),
        (f"UPDATE commitments SET {JUDGED_BY_ITS_REPORTER} WHERE id = $1", "reporter_judges"),
        ("UPDATE commitments SET outcome = 'met' WHERE id = $1", "commitment_judged"),
        ("UPDATE commitment_reports SET text = 'x' WHERE commitment_id = $1", "commitment_reports_append_only"),
        ("DELETE FROM commitment_reports WHERE commitment_id = $1", "commitment_reports_append_only"),
    ],
)
async def test_sql_cannot_forget_a_commitment(world: World, statement: str, constraint: str) -> None:
    aid, owed = await closed(world)
    ok(await world.clients["territory"].post(f"{aid.path}/commitments/{owed[0]['id']}/reports", REPORT), 201)
    async with world.pool.acquire() as connection:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(statement, owed[0]["id"])
    assert getattr(refused.value, "constraint_name", None) == constraint
