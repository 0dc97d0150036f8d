"""Reschedules, waivers and write-offs of an advance: two persons, versions of the schedule, and the money."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.advances.accounts import Books
from tests.advances.amending import (
    APPROVAL,
    DECISION,
    FINDING,
    MAY,
    MOVE,
    REASON,
    WRITE_OFF,
    Amending,
)
from tests.advances.replay_tables import SUCCESS_FEES
from tests.world import World, ok, problem

MOVED = [("2024-12-31", 70_00), ("2025-03-31", 100_00), ("2025-06-30", 100_00)]


async def test_a_move_is_previewed_approved_by_another_and_makes_a_version(world: World) -> None:
    scene = await Amending.within(world)
    first = await scene.repay(100_00, "2024-03-31")
    await scene.repay(30_00, "2024-05-01")
    shown = ok(await scene.ask("reschedules", MOVE, dry=True))
    assert [(line["due_on"], line["principal_cents"]) for line in shown["after"]] == MOVED
    assert (await scene.read("/reschedules"))["items"] == []
    path = await scene.asked("reschedules", MOVE)
    approved = ok(await scene.act(path, "approve", APPROVAL))
    assert (approved["status"], approved["decided_on"], approved["after"]) == ("approved", MAY, shown["after"])
    assert await scene.open(MAY) == MOVED
    assert await scene.open("2024-04-30") == [(f"2024-{day}", 100_00) for day in ("03-31", "06-30", "09-30", "12-31")]
    schedule = await scene.read("/schedule", as_of=MAY)
    assert (schedule["cause"], schedule["outstanding_cents"]) == ("amendment", 270_00)
    assert (await scene.read("/statement", as_of="2024-12-30"))["late_cents"] == 0
    # The first repayment was a mistake: a version of the same day carries it in its first open line.
    ok(await scene.acts.reverse(first))
    replayed = await scene.read("/schedule", as_of=MAY)
    assert (replayed["cause"], replayed["from_on"], replayed["number" if "number" in replayed else "version"]) == (
        "replay", MAY, schedule["version"] + 1,
    )  # fmt: skip
    assert await scene.open(MAY) == [("2024-12-31", 170_00), *MOVED[1:]]
    assert await scene.open(MAY, version=schedule["version"]) == MOVED


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"kind": "add_instalments", "instalments": 1},
         [("2024-03-31", 100_00), *((f"202{day}", 75_00) for day in ("4-06-30", "4-09-30", "4-12-31", "5-03-31"))]),
        ({"kind": "grace", "due_on": "2024-06-30", "periods": 2, "grace_kind": "nothing_due"},
         [("2024-03-31", 100_00), ("2024-06-30", 0), ("2024-09-30", 0),
          *((f"202{day}", 100_00) for day in ("4-12-31", "5-03-31", "5-06-30"))]),
        ({"kind": "re_amortise"}, [("2024-06-30", 133_33), ("2024-09-30", 133_33), ("2024-12-31", 133_34)]),
        ({"kind": "re_age", "instalments": 2, "first_on": "2025-01-31"},
         [("2025-01-31", 200_00), ("2025-04-30", 200_00)]),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)  # fmt: skip
async def test_each_kind_of_reschedule(world: World, asked: dict[str, Any], wanted: list[tuple[str, int]]) -> None:
    scene = await Amending.within(world)
    path = await scene.asked("reschedules", {**asked, "late_interest": "kept", **REASON})
    ok(await scene.act(path, "approve", APPROVAL))
    assert await scene.open(MAY) == wanted
    assert (await scene.read("/statement", as_of=MAY))["outstanding_cents"] == 400_00


async def test_a_failure_is_found_and_waived_in_part_by_another_person(world: World) -> None:
    scene = await Amending.within(world, kind="conditional", minimum_repayment_cents=150_00)
    await scene.repay(100_00, "2024-03-31")
    path = await scene.asked("waivers", REASON)
    refused = problem(await scene.act(path, "decide", DECISION), 409, "amendment-transition")
    assert refused["needed"] == "found"
    ok(await scene.act(path, "find", FINDING))
    part = {**DECISION, "waive": "part", "amount_cents": 250_01, "share": "proportion"}
    assert problem(await scene.act(path, "decide", part), 409, "waiver-too-high")["most_cents"] == 250_00
    made = ok(await scene.act(path, "decide", {**part, "amount_cents": 100_00}))
    assert (made["status"], made["waived_cents"], made["waive"]) == ("approved", 100_00, "part")
    assert [cents for _, cents in await scene.open(MAY)] == [66_66, 66_67, 66_67]
    advance = await scene.read()
    assert (advance["waived_cents"], advance["outstanding_cents"], advance["status"]) == (100_00, 200_00, "repaying")
    # The rest but for the minimum: 50 are to come, and they come.
    second = await scene.found()
    assert ok(await scene.act(second, "decide", DECISION))["waived_cents"] == 150_00
    assert await scene.open(MAY) == [("2024-06-30", 50_00), ("2024-09-30", 0), ("2024-12-31", 0)]
    await scene.repay(50_00, "2024-06-30")
    advance = await scene.read()
    assert (advance["outstanding_cents"], advance["repaid_cents"], advance["waived_cents"]) == (0, 150_00, 250_00)


async def test_what_is_waived_whole_closes_the_advance(world: World) -> None:
    scene = await Amending.within(world, kind="conditional")
    ok(await scene.act(await scene.found(), "decide", DECISION))
    advance = await scene.read()
    assert (advance["status"], advance["settled_as"], advance["outstanding_cents"]) == ("closed", "waived", 0)
    assert await scene.open(MAY) == []
    problem(await scene.ask("reschedules", MOVE), 409, "nothing-outstanding")


async def test_a_write_off_is_final_but_for_receipts(world: World) -> None:
    scene = await Amending.within(world)
    await scene.repay(100_00, "2024-03-31")
    path = await scene.asked("write-offs", WRITE_OFF)
    ok(await scene.act(path, "approve", APPROVAL))
    advance = await scene.read()
    assert (advance["status"], advance["written_off_cents"], advance["written_off_on"]) == ("closed", 300_00, MAY)
    for what, body in (("reschedules", MOVE), ("write-offs", WRITE_OFF)):
        problem(await scene.ask(what, body), 409, "already-written-off")
    recovered = ok(await scene.acts.repay(scene.id, 20_00, received_on="2024-04-30"), 201)
    assert (recovered["principal_cents"], recovered["after_write_off"]) == (20_00, True)
    advance = await scene.read()
    assert (advance["written_off_cents"], advance["repaid_cents"], advance["outstanding_cents"]) == (280_00, 120_00, 0)


async def test_after_a_write_off_schedule_and_statement_are_one_account(world: World) -> None:
    """The write-off makes a version, of which nothing is open; that of before stays, and is that of its days."""
    scene = await Amending.within(world)
    await scene.repay(120_00, "2024-03-31")
    before = await scene.read("/schedule", as_of=MAY)
    path = await scene.asked("write-offs", WRITE_OFF)
    ok(await scene.act(path, "approve", APPROVAL))
    for day in (MAY, "2025-01-01"):
        schedule, statement = await scene.read("/schedule", as_of=day), await scene.read("/statement", as_of=day)
        assert (schedule["cause"], schedule["outstanding_cents"]) == ("write_off", 0)
        assert schedule["version"] == statement["version"] == before["version"] + 1
        shown = ("due_on", "principal_cents", "interest_cents", "opening_cents", "closing_cents", "kept")
        assert [[line[name] for name in shown] for line in schedule["lines"]] == [
            [line[name] for name in shown] for line in statement["lines"]
        ]
        assert [(line["due_on"], line["principal_cents"], line["kept"]) for line in schedule["lines"]] == [
            ("2024-03-31", 100_00, True), ("2024-06-30", 20_00, True),
        ]  # fmt: skip
    assert (await scene.read("/schedule", as_of="2024-05-01"))["lines"] == before["lines"]
    assert (await scene.read("/schedule", version=before["version"]))["lines"] == before["lines"]


async def test_a_tranche_that_was_paid_after_a_write_off_is_repaid_before_what_was_written_off(world: World) -> None:
    """It is a fact, and due by itself; the ledger takes each cent out of the account that holds it."""
    scene = await Amending.within(world, paid_cents=300_00)
    await scene.repay(100_00, "2024-03-31")
    ok(await scene.act(await scene.asked("write-offs", WRITE_OFF), "approve", APPROVAL))
    ok(await scene.acts.tranche(scene.id, 100_00, paid_on="2024-06-03"), 201)
    advance = await scene.read()
    assert (advance["status"], advance["outstanding_cents"]) == ("repaying", 100_00)
    assert advance["written_off_cents"] == 200_00
    books = Books(scene.acts)
    await books.agree(every=False)
    for cents, left, gone in ((60_00, 40_00, 200_00), (90_00, 0, 150_00), (160_00, 0, 0)):
        paid = await scene.repay(cents, "2024-07-01")
        advance = await scene.read()
        assert (advance["outstanding_cents"], advance["written_off_cents"]) == (left, gone)
        await books.agree(every=False)
    assert ok(await world.auditor.get(paid))["overpaid_cents"] == 10_00
    ok(await scene.acts.bounce(scene.id, paid.rpartition("/")[2], bounced_on="2024-07-02"))
    assert (await scene.read())["written_off_cents"] == 150_00
    await books.agree(every=False)


async def test_a_day_is_settled_to_the_cent(world: World) -> None:
    """The settlement of a day is what, received that day, leaves nothing."""
    scene = await Amending.within(world, 10_000_000, annual_rate_bp=200, day_count="act_365")
    await scene.repay(2_500_000, "2024-03-31")
    shown = await scene.read("/settlement", on="2024-05-15")
    assert shown["principal_cents"] + shown["interest_cents"] == shown["total_cents"]
    received = await scene.repay(shown["total_cents"], "2024-05-15")
    paid = await scene.read(received.removeprefix(scene.path))
    assert (paid["principal_cents"], paid["interest_cents"], paid["overpaid_cents"]) == (
        shown["principal_cents"], shown["interest_cents"], 0,
    )  # fmt: skip
    assert (await scene.read())["status"] == "repaid"


async def test_a_decided_amendment_stays_as_it_is(world: World) -> None:
    scene = await Amending.within(world)
    path = await scene.asked("reschedules", MOVE)
    ok(await scene.act(path, "refuse", {"reason": "No."}))
    problem(await scene.act(path, "approve", APPROVAL), 409, "amendment-transition")
    for change in ("reason = 'x'", "reference = 'x'", "status = 'approved'"):
        with pytest.raises(asyncpg.PostgresError):
            await world.pool.execute(f"UPDATE advance_amendments SET {change} WHERE advance_id = $1", scene.id)


@pytest.mark.parametrize(("advance", "rate_bp", "cap_bp", "last_year", "turnovers", "fees"), SUCCESS_FEES)
async def test_a_success_fee_is_capped_and_ends(
    world: World, advance: int, rate_bp: int, cap_bp: int, last_year: int, turnovers: dict[int, int],
    fees: dict[int, int],
) -> None:  # fmt: skip
    fee = {"rate_bp": rate_bp, "cap_bp": cap_bp, "last_year": last_year}
    scene = await Amending.within(world, advance, kind="conditional", success_fee=fee)
    turnovers, fees = {**turnovers, last_year + 1: 1_000_000}, {**fees, last_year + 1: 0}
    paths = {}
    for year, cents in turnovers.items():
        said = {"year": year, "turnover_cents": cents, "due_on": "2024-06-30"}
        paths[year] = await scene.asked("turnovers", said)
    assert {each["year"]: each["fee_cents"] for each in (await scene.read("/turnovers"))["items"]} == fees
    shown = await scene.read("/settlement", on="2024-06-30")
    assert shown["success_fee_cents"] == sum(fees.values())
    # It is paid after the lines that are due, and before those that are not.
    first = await scene.read((await scene.repay(advance // 2 + 1_000, "2024-06-30")).removeprefix(scene.path))
    assert (first["principal_cents"], first["success_fee_cents"]) == (advance // 2, 1_000)
    ok(await scene.act(paths[2027], "reverse", {"reason": "Of another firm."}))
    assert (await scene.read("/settlement", on="2024-06-30"))["success_fee_cents"] == 3_600_000 - 1_000


async def test_an_early_repayment_does_what_was_chosen(world: World) -> None:
    scene = await Amending.within(world)
    unsaid = problem(
        await scene.ask("early-repayments", {"amount_cents": 1, "planned_on": MAY}), 422, "validation-failed"
    )
    assert [(each["pointer"], each["code"]) for each in unsaid["errors"]] == [("/choice", "choice_missing")]
    said = {"amount_cents": 100_00, "planned_on": MAY, "choice": "respread"}
    path = await scene.asked("early-repayments", said)
    await scene.repay(100_00, "2024-03-31")
    repayment = await scene.repay(99_99, MAY)
    assert [cents for _, cents in await scene.open(MAY)] == [100_00] * 4  # the version of the tranche
    headers = await scene.acts.seen(path)
    body = {"repayment_id": repayment.rpartition("/")[2]}
    ok(await scene.acts.world.treasurer.post(f"{path}/receive", body, headers=headers))
    assert await scene.open(MAY) == [("2024-06-30", 66_67), ("2024-09-30", 66_67), ("2024-12-31", 66_67)]
    assert (await scene.read("/schedule", as_of=MAY))["cause"] == "early_repayment"
    assert (await scene.read(path.removeprefix(scene.path)))["status"] == "received"


async def test_a_rate_is_changed_by_an_amendment_from_the_day_of_the_decision(world: World) -> None:
    """The agreement's terms stay; interest runs at both rates in the period of the day, and the statement knows it."""
    scene = await Amending.within(world, 400_000, annual_rate_bp=365, day_count="act_365")
    body = {"annual_rate_bp": 730, **REASON}
    shown = ok(await scene.ask("rate-changes", body, dry=True))
    interest = [(line["due_on"], line["interest_cents"]) for line in shown["after"]]
    # From the last line on 31 March: 32 days at 30 cents a day, 59 at 60; then 40 and 20 a day.
    assert interest[1:] == [("2024-06-30", 32 * 30 + 59 * 60), ("2024-09-30", 92 * 40), ("2024-12-31", 92 * 20)]
    path = await scene.asked("rate-changes", body)
    approved = ok(await scene.act(path, "approve", APPROVAL))
    assert (approved["annual_rate_bp"], approved["replaced_rate_bp"]) == (730, 365)
    assert approved["after"] == shown["after"] != approved["before"]
    assert (await scene.read())["terms"]["annual_rate_bp"] == 730
    assert (await scene.read("/schedule", as_of=MAY))["cause"] == "amendment"
    assert (await scene.read("/schedule", as_of="2024-05-01"))["cause"] == "tranche"
    # What is outstanding bears the new rate after the day: a day later, 60 cents more than on the day.
    on, after = [(await scene.read("/settlement", on=day))["interest_cents"] for day in (MAY, "2024-05-03")]
    assert after - on == 60
    # A further change replaces this one, and its request is shown with what it replaces on the day of its decision.
    first, second = [await scene.asked("rate-changes", {**body, "annual_rate_bp": bp}) for bp in (0, 100)]
    ok(await scene.act(first, "approve", {**APPROVAL, "decided_on": "2024-05-03"}))
    again = ok(await scene.act(second, "approve", {**APPROVAL, "decided_on": "2024-05-04"}))
    assert (again["annual_rate_bp"], again["replaced_rate_bp"]) == (100, 0)
    whole = (await scene.read("/settlement", on="2024-05-10"))["total_cents"]
    paid = await scene.read((await scene.repay(whole, "2024-05-10")).removeprefix(scene.path))
    assert (paid["overpaid_cents"], (await scene.read())["status"]) == (0, "repaid")
    await Books(scene.acts).agree()


async def test_the_time_to_draw_an_advance_is_extended_before_it_is_over(world: World) -> None:
    scene = await Amending.within(world, paid_cents=100_00, available_until_on="2024-06-30")
    longer = {"available_until_on": "2024-10-31", **REASON}
    path = await scene.asked("availability-extensions", longer)
    lines = await scene.open(MAY)
    approved = ok(await scene.act(path, "approve", APPROVAL))
    assert (approved["available_until_on"], approved["replaced_until_on"]) == ("2024-10-31", "2024-06-30")
    assert (await scene.read())["terms"]["available_until_on"] == "2024-10-31"
    assert await scene.open(MAY) == lines
    assert approved["before"] == approved["after"]
    told = problem(await scene.ask("availability-extensions", longer), 409, "availability-not-extended")
    assert told["available_until_on"] == "2024-10-31"
    past_last = {**longer, "available_until_on": "2024-12-31"}
    problem(await scene.ask("availability-extensions", past_last), 409, "after-last-instalment")
    late = {**longer, "available_until_on": "2024-11-30", "requested_on": "2024-11-01"}
    assert problem(await scene.ask("availability-extensions", late), 409, "award-ended")["current"] == "lapsed"
    # What is drawn in the time that was added exceeds nothing; nothing is left to extend after it.
    drawn = ok(await scene.acts.tranche(scene.id, 300_00, paid_on="2024-10-01"), 201)
    assert "award-ended" not in drawn["exceeds"]
    problem(await scene.ask("availability-extensions", past_last), 409, "nothing-to-extend")


@pytest.mark.parametrize("what", ["reschedules", "rate-changes", "availability-extensions", "waivers"])
async def test_nothing_is_amended_without_an_agreement(world: World, what: str) -> None:
    """A loss is written off all the same: it rests on no agreement."""
    terms: dict[str, Any] = {"kind": "conditional", "available_until_on": "2024-06-30"}
    scene = await Amending.within(world, agreed=False, paid_cents=100_00, **terms)
    asked: dict[str, dict[str, Any]] = {
        "reschedules": MOVE, "rate-changes": {"annual_rate_bp": 100, **REASON}, "waivers": REASON,
        "availability-extensions": {"available_until_on": "2024-10-31", **REASON},
    }  # fmt: skip
    body = asked[what]
    problem(await scene.ask(what, body), 409, "agreement-missing")
    ok(await scene.ask("write-offs", WRITE_OFF, dry=True))
    await scene.agree()
    ok(await scene.ask(what, body, dry=True))


async def test_acts_at_once_lose_no_cent(world: World) -> None:
    """Repayments, a reversal, a reschedule and a waiver at once: each waits for the advance, and the sums hold."""
    scene = await Amending.within(world, kind="conditional")
    mistaken = await scene.repay(60_00, "2024-03-31")
    reschedule, waiver = await scene.asked("reschedules", MOVE), await scene.found()
    part = {**DECISION, "waive": "part", "amount_cents": 50_00, "share": "last"}
    answers = await asyncio.gather(
        *(scene.acts.repay(scene.id, 10_00, received_on=MAY) for _ in range(5)),
        scene.acts.reverse(mistaken),
        scene.act(reschedule, "approve", APPROVAL),
        scene.act(waiver, "decide", part),
    )
    for answer in answers:
        ok(answer, (200, 201))
    advance = await scene.read()
    assert (advance["repaid_cents"], advance["waived_cents"], advance["outstanding_cents"]) == (50_00, 50_00, 300_00)
    statement = await scene.read("/statement", as_of=MAY)
    assert statement["outstanding_cents"] == 300_00
    last = await scene.read("/schedule", as_of=MAY)
    open_cents = sum(line["principal_cents"] for line in last["lines"] if not line["kept"])
    assert open_cents == last["outstanding_cents"]
    left = await scene.read("/settlement", on=MAY)
    assert left["total_cents"] == 300_00
