"""Formal notices, late interest to the cent, and acceleration, through HTTP."""

from typing import Any

import pytest

from app.commands.tick import take_judgments
from app.core import clock
from app.core.db import session_factory
from tests.advances.accounts import Books
from tests.advances.arrears import MATCH, SHA, THIRD, Late
from tests.world import World, ok, problem

MARCH, JUNE, SEPTEMBER = "2025-03-31", "2025-06-30", "2025-09-30"


async def test_late_interest_runs_on_what_a_notice_claims_from_its_receipt(world: World) -> None:
    late = await Late.of(world)
    assert (await late.statement("2025-09-10"))["late_interest_cents"] == 0, "nothing runs before a notice"
    notice = ok(await late.notice(), 201)
    assert (notice["runs_from_on"], notice["delay_days"], notice["delay_ends_on"]) == ("2025-04-20", 15, "2025-05-05")
    assert (notice["lines"], notice["status"]) == ([MARCH], "recorded")
    told = [(await late.statement(day))["late_interest_cents"] for day in ("2025-04-20", "2025-04-21", "2025-09-10")]
    assert told == [0, 254, 31_653], "the line of 30 June is late too, and was not claimed"


async def test_what_comes_in_pays_late_interest_first(world: World) -> None:
    """10 000 € on the way pay 14 230 cents of late interest first: 1 514 230 stays overdue, 24 783 ran in all."""
    late = await Late.of(world)
    ok(await late.notice(), 201)
    paid = ok(await late.acts.repay(late.advance, 1_000_000, received_on="2025-06-15"), 201)
    assert (paid["late_interest_cents"], paid["principal_cents"]) == (14_230, 985_770)
    stands = await late.statement("2025-09-10")
    [line] = [line for line in stands["lines"] if line["due_on"] == MARCH]
    assert (line["left_cents"], line["late_interest_left_cents"]) == (1_514_230, 24_783 - 14_230)
    assert stands["income_cents"] == 14_230


async def test_a_notice_that_was_not_claimed_runs_from_its_first_presentation(world: World) -> None:
    late = await Late.of(world)
    made = ok(await late.notice(received_on=None), 201)
    assert (made["runs_from_on"], made["delay_ends_on"]) == (None, None)
    path = f"advances/{late.advance}/notices/{made['id']}"
    treasurer = world.treasurer
    problem(await treasurer.patch(path, {"first_presented_on": "2025-04-18"}), 428, "if-match-missing")
    early = await treasurer.patch(path, {"first_presented_on": "2025-04-15"}, headers=MATCH)
    problem(early, 422, "notice-days-out-of-order")
    shown = ok(await treasurer.patch(path, {"first_presented_on": "2025-04-20"}, headers=MATCH))
    assert (shown["runs_from_on"], shown["delay_ends_on"]) == ("2025-04-20", "2025-05-05")
    assert (await late.statement("2025-04-21"))["late_interest_cents"] == 254
    ok(await treasurer.post(f"{path}/withdraw", {"reason": "Sent to another firm."}, headers=MATCH))
    assert (await late.statement("2025-04-21"))["late_interest_cents"] == 0
    again = await treasurer.post(f"{path}/withdraw", {"reason": "Again."}, headers=MATCH)
    problem(again, 409, "notice-withdrawn")


async def test_the_rate_of_the_agreement_holds_also_on_a_leap_day(world: World) -> None:
    late = await Late.of(world, late_rate="contract", late_rate_bp=500)
    ok(await late.notice(sent_on="2025-04-01", received_on="2025-04-02"), 201)
    assert (await late.statement("2026-04-02"))["late_interest_cents"] == 125_000


@pytest.mark.parametrize(
    ("more", "code", "member"),
    [({"lines": [SEPTEMBER]}, "line-not-overdue", {"due_on": SEPTEMBER}),
     ({"lines": [MARCH], "sent_on": MARCH, "received_on": None}, "line-not-overdue", {"due_on": MARCH}),
     ({"delay_days": 14}, "notice-delay-too-short", {"agreed_days": 15})],
)  # fmt: skip
async def test_a_notice_claims_what_is_overdue_and_leaves_the_agreed_delay(
    world: World, more: dict[str, Any], code: str, member: dict[str, Any]
) -> None:
    late = await Late.of(world)
    told = problem(await late.notice(**more), 409, code)
    assert {name: told[name] for name in member} == member


async def test_all_is_due_after_a_notice_and_its_delay_exactly(world: World) -> None:
    late = await Late.of(world)
    problem(await late.accelerate("2025-05-06"), 409, "notice-missing")
    notice = ok(await late.notice(), 201)
    assert problem(await late.accelerate("2025-05-05"), 409, "delay-running")["until"] == "2025-05-05"
    made = ok(await late.accelerate("2025-05-06", document_sha256=SHA), 201)
    assert (made["due_cents"], made["notice_id"], made["proceeding_id"]) == (3 * THIRD, notice["id"], None)
    advance = await late.read()
    assert (advance["accelerated_on"], advance["outstanding_cents"]) == ("2025-05-06", 3 * THIRD)
    stands = await late.statement("2025-05-07")
    assert stands["late_cents"] == 3 * THIRD
    assert await late.left("2025-05-05") == [(MARCH, THIRD), (JUNE, THIRD), (SEPTEMBER, THIRD)]
    assert sum(cents for _, cents in await late.left("2025-05-06")) == 3 * THIRD
    assert await late.causes() == ["tranche", "acceleration"]
    told = problem(await late.accelerate("2025-05-07"), 409, "already-accelerated")
    assert told["accelerated_on"] == "2025-05-06"
    withdrawn = await late.post(f"notices/{notice['id']}/withdraw", {"reason": "Too late."})
    problem(withdrawn, 409, "notice-relied-on")
    tranche = await late.acts.tranche(late.advance, 1, paid_on="2025-05-07")
    assert tranche.status_code == 409


async def test_a_paid_line_is_nothing_to_accelerate_for(world: World) -> None:
    late = await Late.of(world)
    ok(await late.notice(), 201)
    ok(await late.acts.repay(late.advance, THIRD + 3_812, received_on="2025-05-05"), 201)
    problem(await late.accelerate("2025-05-06"), 409, "notice-missing")


async def test_a_receipt_waits_for_no_rate_and_is_replayed_as_the_rate_is_recorded(app: Any, world: World) -> None:
    """What is stored says at once what the statement computes; the tick finds nothing left to do."""
    late = await Late.of(world, agreed=False, year=1995)
    ok(await late.notice("1996-03-31", sent_on="1996-04-16", received_on="1996-04-20"), 201)
    paid = ok(await late.acts.repay(late.advance, 1_000_000, received_on="1996-06-15"), 201)
    assert (paid["late_interest_cents"], paid["principal_cents"]) == (0, 1_000_000)
    path = f"advances/{late.advance}/statement?as_of=1996-06-15"
    assert problem(await world.auditor.get(path), 409, "legal-rate-missing")["on"] == "1996-04-21"
    rate = {"from_on": "1996-01-01", "rate_bp": 371, "source": "Exemple"}
    ok(await world.programme.post("/v1/legal-rates", rate), 201)
    paid = await late.read(f"/repayments/{paid['id']}")
    assert (paid["late_interest_cents"], paid["principal_cents"]) == (14_230, 985_770)
    told = ok(await world.auditor.get(path))
    assert (told["income_cents"], told["repaid_cents"]) == (14_230, (await late.read())["repaid_cents"])
    assert [each["type"] for each in await world.events(late.advance)][-1] == "advance.updated"
    version = (await late.read())["version"]
    await take_judgments(session_factory(app.state["engine"]), clock.today())
    assert (await late.read())["version"] == version
    # A correction of the rate is followed in the same way, and by what was given up or made of the lines since.
    ok(await world.programme.post("/v1/legal-rates", {**rate, "rate_bp": 742}), 201)
    assert (await late.read(f"/repayments/{paid['id']}"))["late_interest_cents"] == 28_460
    await Books(late.acts).agree(every=False)
