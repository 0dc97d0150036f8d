"""The life of an advance: terms, tranches, schedule, repayments, statement."""

from typing import Any

import pytest

from app.advances.schedule import Frequency
from app.core import clock
from tests.envelopes.acts import DAY, TERMS, Acts
from tests.envelopes.test_limits import figures
from tests.world import World, ok, problem


@pytest.fixture
async def acts(world: World) -> Acts:
    return await Acts.of(world, 100_000_00)


async def status(acts: Acts, advance: str) -> tuple[str, int, int, int]:
    found = ok(await acts.world.auditor.get(f"advances/{advance}"))
    parts = found["disbursed_cents"] + found["released_cents"] + found["remaining_cents"]
    assert parts == (0 if found["status"] == "reversed" else found["amount_cents"])
    assert found["outstanding_cents"] == found["disbursed_cents"] - found["repaid_cents"]
    return found["status"], found["disbursed_cents"], found["released_cents"], found["outstanding_cents"]


# --- terms -----------------------------------------------------------------------------------------------------------


# What an agreement says where its terms do not.
AGREED: dict[str, Any] = {
    "steps": None, "lines": None, "allocation_rule": "next", "early_repayment": "allowed", "late_rate": "legal",
    "late_rate_bp": None, "notice_delay_days": 15, "kind": "fixed", "success_fee": None,
    "minimum_repayment_cents": None, "available_until_on": None, "tranches": [],
}  # fmt: skip


async def test_terms_are_kept_as_given_with_their_defaults(acts: Acts) -> None:
    given = {
        "instalments": 8, "frequency": "half_yearly", "annual_rate_bp": 0, "shape": "constant_principal",
        "grace_periods": 3, "grace_kind": "nothing_due", "grace_counts_in_term": True, "day_count": "act_365",
        "due_dates": "anchored", "first_due_on": "2025-01-31", "rounding": {"multiple_cents": 100, "remainder": "last"},
    }  # fmt: skip
    made = ok(await acts.advance(100, terms=given), 201)
    assert made["terms"] == {**AGREED, **given}
    plain = ok(await acts.advance(100, terms=TERMS), 201)
    assert plain["terms"] == {
        **AGREED, **TERMS, "annual_rate_bp": 0, "shape": "constant_principal", "grace_periods": 0,
        "grace_kind": "nothing_due", "grace_counts_in_term": False, "day_count": "30_360", "due_dates": "period_end",
        "rounding": {"multiple_cents": 1, "remainder": "last"},
    }  # fmt: skip


@pytest.mark.parametrize("frequency", Frequency)
@pytest.mark.parametrize("due", ["period_end", "anchored"])
async def test_every_frequency_and_kind_of_due_date_is_served(acts: Acts, frequency: str, due: str) -> None:
    advance = ok(await acts.advance(100, terms={**TERMS, "frequency": frequency, "due_dates": due}), 201)["id"]
    ok(await acts.tranche(advance, 100), 201)
    lines = ok(await acts.world.funder.get(f"advances/{advance}/schedule"))["lines"]
    assert len(lines) == 12
    assert sum(line["principal_cents"] for line in lines) == 100


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"annual_rate_bp": -1}, "/terms/annual_rate_bp", "rate_out_of_range"),
        ({"annual_rate_bp": 5_001}, "/terms/annual_rate_bp", "rate_out_of_range"),
        ({"rounding": {"rule": "down"}}, "/terms/rounding/rule", "unknown_field"),
        ({"annual_rate_bp": 0.5}, "/terms/annual_rate_bp", "not_an_integer"),
        ({"annual_rate_bp": None}, "/terms/annual_rate_bp", "not_an_integer"),
        ({"shape": "constant_annuity"}, "/terms/shape", "not_one_of"),
        ({"shape": "steps"}, "/terms/steps", "required"),
        (
            {"shape": "bullet", "lines": [{"due_on": "2027-01-01", "principal_cents": 1}]},
            "/terms/lines",
            "field_of_another_shape",
        ),
        ({"shape": "steps", "steps": [{"instalments": 12, "amount_cents": 1}]}, "/terms/steps", "steps_sum"),
        ({"grace_kind": "interest_free"}, "/terms/grace_kind", "not_one_of"),
        ({"late_rate": "contract"}, "/terms/late_rate_bp", "required"),
        ({"late_rate_bp": 500}, "/terms/late_rate_bp", "late_rate_is_legal"),
        ({"notice_delay_days": 7}, "/terms/notice_delay_days", "too_small"),
        ({"minimum_repayment_cents": 1}, "/terms/minimum_repayment_cents", "only_conditional"),
        ({"day_count": "act_act"}, "/terms/day_count", "not_one_of"),
        ({"due_dates": "working_day"}, "/terms/due_dates", "not_one_of"),
        ({"frequency": "weekly"}, "/terms/frequency", "not_one_of"),
        ({"rounding": {"multiple_cents": 1, "remainder": "none"}}, "/terms/rounding/remainder", "not_one_of"),
        ({"rounding": {"multiple_cents": 0}}, "/terms/rounding/multiple_cents", "too_small"),
        ({"rounding": {"multiple_cents": 1_000_001}}, "/terms/rounding/multiple_cents", "too_large"),
        ({"rounding": {"cents": 1}}, "/terms/rounding/cents", "unknown_field"),
        ({"instalments": 0}, "/terms/instalments", "too_small"),
        ({"instalments": 601}, "/terms/instalments", "too_many_periods"),
        ({"instalments": 2**31}, "/terms/instalments", "too_large"),
        ({"instalments": "12"}, "/terms/instalments", "not_an_integer"),
        ({"grace_periods": -1}, "/terms/grace_periods", "too_small"),
        ({"grace_periods": 589}, "/terms/instalments", "too_many_periods"),
        ({"grace_counts_in_term": "yes"}, "/terms/grace_counts_in_term", None),
        ({"grace_periods": 12, "grace_counts_in_term": True}, "/terms/grace_periods", "grace_without_end"),
        ({"first_due_on": "2199-12-31"}, "/terms/instalments", "schedule_too_long"),
        ({"first_due_on": "2023-02-29"}, "/terms/first_due_on", None),
        ({"first_due_on": None}, "/terms/first_due_on", None),
        ({"rate_bp": 0}, "/terms/rate_bp", "unknown_field"),
    ],
)
async def test_a_term_that_is_not_served_is_refused_where_it_stands(
    acts: Acts, change: dict[str, Any], pointer: str, code: str | None
) -> None:
    errors = problem(await acts.advance(1, terms={**TERMS, **change}), 422, "validation-failed")["errors"]
    assert [error["pointer"] for error in errors] == [pointer]
    assert code in (None, errors[0]["code"])
    assert errors[0]["detail"]
    assert figures(await acts.envelope())["committed"] == 0


@pytest.mark.parametrize("name", ["instalments", "frequency", "first_due_on"])
async def test_what_makes_a_schedule_must_be_said(acts: Acts, name: str) -> None:
    terms = {key: value for key, value in TERMS.items() if key != name}
    errors = problem(await acts.advance(1, terms=terms), 422, "validation-failed")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [(f"/terms/{name}", "required")]


# --- its life --------------------------------------------------------------------------------------------------------


async def test_an_advance_is_awarded_paying_repaying_and_repaid(acts: Acts) -> None:
    advance = ok(await acts.advance(100), 201)["id"]
    assert await status(acts, advance) == ("awarded", 0, 0, 0)
    ok(await acts.tranche(advance, 60), 201)
    assert await status(acts, advance) == ("paying", 60, 0, 60)
    ok(await acts.repay(advance, 60), 201)
    assert await status(acts, advance) == ("paying", 60, 0, 0)
    ok(await acts.tranche(advance, 40), 201)
    assert await status(acts, advance) == ("repaying", 100, 0, 40)
    last = ok(await acts.repay(advance, 40), 201)["id"]
    assert await status(acts, advance) == ("repaid", 100, 0, 0)
    ok(await acts.reverse(f"advances/{advance}/repayments/{last}"))
    assert await status(acts, advance) == ("repaying", 100, 0, 40)
    refused = problem(await acts.release(f"advances/{advance}"), 409, "award-ended")
    assert (refused["title"], refused["detail"]) == (
        "Nothing of the award is left to pay, release or reverse.",
        "The award is repaying.",
    )
    problem(await acts.reverse(f"advances/{advance}"), 409, "award-already-paid")


async def test_a_release_ends_the_tranches_and_not_the_repayments(acts: Acts) -> None:
    advance, unpaid = ok(await acts.advance(100), 201)["id"], ok(await acts.advance(50), 201)["id"]
    ok(await acts.tranche(advance, 60), 201)
    ok(await acts.release(f"advances/{advance}"))
    assert await status(acts, advance) == ("repaying", 60, 40, 60)
    problem(await acts.tranche(advance, 1), 409, "award-ended")
    ok(await acts.repay(advance, 60), 201)
    assert await status(acts, advance) == ("repaid", 60, 40, 0)
    ok(await acts.release(f"advances/{unpaid}"))
    assert await status(acts, unpaid) == ("cancelled", 0, 50, 0)
    for send in (acts.tranche, acts.repay):
        assert (await send(unpaid, 1)).status_code == 409
    problem(await acts.reverse(f"advances/{unpaid}"), 409, "award-ended")
    now = figures(await acts.envelope())
    assert (now["released"], now["paid"], now["repaid"], now["available"]) == (90, 60, 60, 100_000_00 - 60)


async def test_a_tranche_that_was_repaid_since_is_not_reversed_before_the_repayment(acts: Acts) -> None:
    advance = ok(await acts.advance(100), 201)["id"]
    first = ok(await acts.tranche(advance, 60), 201)["id"]
    ok(await acts.tranche(advance, 40), 201)
    back = ok(await acts.repay(advance, 41), 201)["id"]
    refused = problem(await acts.reverse(f"advances/{advance}/tranches/{first}"), 409, "repayment-exceeds-outstanding")
    assert refused["outstanding_cents"] == 59
    ok(await acts.reverse(f"advances/{advance}/repayments/{back}"))
    ok(await acts.reverse(f"advances/{advance}/tranches/{first}"))
    assert await status(acts, advance) == ("paying", 40, 0, 40)
    assert figures(await acts.envelope())["outstanding"] == 40


async def test_an_advance_that_was_paid_and_released_in_part_is_not_reversed_as_a_whole(acts: Acts) -> None:
    ok(await acts.advance(500), 201)  # stands in the same account
    advance = ok(await acts.advance(100), 201)["id"]
    tranche = ok(await acts.tranche(advance, 40), 201)["id"]
    ok(await acts.release(f"advances/{advance}"))
    ok(await acts.reverse(f"advances/{advance}/tranches/{tranche}"))
    assert await status(acts, advance) == ("awarded", 0, 60, 0)
    problem(await acts.reverse(f"advances/{advance}"), 409, "award-already-paid")
    ok(await acts.release(f"advances/{advance}"))
    assert await status(acts, advance) == ("cancelled", 0, 100, 0)
    now = figures(await acts.envelope())
    assert (now["committed"], now["available"]) == (500, 100_000_00 - 500)


async def test_a_reversed_tranche_takes_back_no_more_of_a_contribution_than_is_still_owed_to_it(world: World) -> None:
    """Three cents of two contributors, two of them repaid, one to each: the last tranche was the second's only cent."""
    acts = await Acts.of(world, 200, 100)
    other = ok(await acts.advance(270), 201)["id"]
    ok(await acts.tranche(other, 270), 201)  # what it owes would hide a debt below zero in the same accounts
    advance = ok(await acts.advance(3), 201)["id"]
    first, second, third = [ok(await acts.tranche(advance, 1), 201)["id"] for _ in range(3)]
    repayment = ok(await acts.repay(advance, 2), 201)["id"]
    problem(await acts.reverse(f"advances/{advance}/tranches/{third}"), 409, "account-overdrawn")
    assert await status(acts, advance) == ("repaying", 3, 0, 1)
    ok(await acts.reverse(f"advances/{advance}/tranches/{second}"))
    problem(await acts.reverse(f"advances/{advance}/tranches/{first}"), 409, "repayment-exceeds-outstanding")
    ok(await acts.reverse(f"advances/{advance}/repayments/{repayment}"))
    for tranche in (first, third):
        ok(await acts.reverse(f"advances/{advance}/tranches/{tranche}"))
    assert await status(acts, advance) == ("awarded", 0, 0, 0)
    assert figures(await acts.envelope())["outstanding"] == 270


@pytest.mark.parametrize(
    ("received_on", "cents", "overpaid"),
    [("2023-12-31", 1, None), ("2024-01-10", 60, 0), ("2024-02-09", 61, 1), ("2024-02-10", 100, 0)],
)
async def test_a_repayment_is_of_what_was_owed_on_its_day(
    acts: Acts, received_on: str, cents: int, overpaid: int | None
) -> None:
    advance = ok(await acts.advance(100), 201)["id"]
    ok(await acts.tranche(advance, 60, paid_on="2024-01-10"), 201)
    ok(await acts.tranche(advance, 40, paid_on="2024-02-10"), 201)
    response = await acts.repay(advance, cents, received_on=received_on)
    if overpaid is not None:
        repaid = ok(response, 201)
        assert (repaid["principal_cents"], repaid["overpaid_cents"]) == (cents - overpaid, overpaid)
        left = 100 - cents + overpaid
        assert await status(acts, advance) == ("repaying" if left else "repaid", 100, 0, left)
    else:
        assert problem(response, 409, "repayment-exceeds-outstanding")["outstanding_cents"] == 100
        assert await status(acts, advance) == ("repaying", 100, 0, 100)


async def test_a_tranche_is_paid_between_the_decision_and_the_last_instalment(acts: Acts) -> None:
    terms = {**TERMS, "instalments": 2, "first_due_on": "2024-03-31"}
    advance = ok(await acts.advance(100, terms=terms, decided_on="2024-01-10"), 201)["id"]
    problem(await acts.tranche(advance, 1, paid_on="2024-01-09"), 409, "before-decision")
    problem(await acts.release(f"advances/{advance}", released_on="2024-01-09"), 409, "before-decision")
    ok(await acts.tranche(advance, 1, paid_on="2024-01-10"), 201)
    ok(await acts.tranche(advance, 1, paid_on="2024-06-29"), 201)
    lines = ok(await acts.world.funder.get(f"advances/{advance}/schedule"))["lines"]
    assert [line["principal_cents"] for line in lines] == [1, 1]
    assert ok(await acts.tranche(advance, 1, paid_on="2024-06-30"), 201)["exceeds"] == ["after-last-instalment"]


@pytest.mark.parametrize(("decided_on", "fits"), [("2023-09-29", True), ("2023-09-30", False), ("2024-04-02", False)])
async def test_an_advance_whose_schedule_is_over_at_its_decision_is_refused_at_once(
    acts: Acts, decided_on: str, fits: bool
) -> None:
    """T14: no tranche of it could ever be paid."""
    terms = {**TERMS, "instalments": 6, "first_due_on": "2022-06-30"}
    ok(await acts.contribute(100, decided_on="2022-01-01"), 201)
    response = await acts.advance(100, terms=terms, decided_on=decided_on)
    if fits:
        ok(await acts.tranche(ok(response, 201)["id"], 100, paid_on=decided_on), 201)
        return
    errors = problem(response, 422, "validation-failed")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [
        ("/terms/first_due_on", "tranche_after_last_due")
    ]


async def test_the_schedule_and_the_statement_follow_tranches_repayments_and_reversals(acts: Acts) -> None:
    advance = ok(await acts.advance(100_000_00, terms={**TERMS, "first_due_on": "2024-03-31"}), 201)["id"]
    path = f"advances/{advance}"
    auditor = acts.world.auditor
    planned = ok(await auditor.get(f"{path}/schedule"))
    assert (planned["disbursed_cents"], planned["assumes_paid_on"]) == (0, DAY)
    first = ok(await acts.tranche(advance, 100_000_00), 201)["id"]
    paid = ok(await auditor.get(f"{path}/schedule"))
    version = {"version": 1, "from_on": DAY, "cause": "tranche", "outstanding_cents": 100_000_00}
    assert paid == {**planned, **version, "disbursed_cents": 100_000_00, "assumes_paid_on": None}
    lines = paid["lines"]
    assert [line["principal_cents"] for line in lines] == [8_333_33] * 11 + [8_333_37]
    assert lines[0] == {
        "number": 1, "due_on": "2024-03-31", "opening_cents": 100_000_00, "principal_cents": 8_333_33,
        "interest_cents": 0, "capitalised_cents": 0, "total_cents": 8_333_33, "closing_cents": 91_666_67,
        "fees_cents": 0, "late_interest_cents": 0, "kept": False,
    }  # fmt: skip
    back = ok(await acts.repay(advance, 8_333_33, received_on="2024-04-02"), 201)["id"]

    async def stands(day: str) -> tuple[int, int, int, int]:
        found = ok(await auditor.get(f"{path}/statement?as_of={day}"))
        assert sum(line["late_cents"] for line in found["lines"]) == found["late_cents"]
        assert found["as_of"] == day
        return found["due_cents"], found["repaid_cents"], found["late_cents"], found["outstanding_cents"]

    assert await stands("2024-03-31") == (8_333_33, 0, 0, 100_000_00)
    assert await stands("2024-04-01") == (8_333_33, 0, 8_333_33, 100_000_00)
    assert await stands("2024-04-02") == (8_333_33, 8_333_33, 0, 91_666_67)
    assert await stands("2024-07-01") == (16_666_66, 8_333_33, 8_333_33, 91_666_67)
    assert await stands("2023-10-02") == (0, 0, 0, 0)
    ok(await acts.reverse(f"{path}/repayments/{back}"))
    assert await stands("2024-04-02") == (8_333_33, 0, 8_333_33, 100_000_00)
    ok(await acts.reverse(f"{path}/tranches/{first}"))
    assert await stands("2024-04-02") == (0, 0, 0, 0)
    assert ok(await auditor.get(f"{path}/schedule")) == planned
    for what in ("schedule", "statement"):
        for wrong in ("as_of=2024-02-30", "recorded_as_of=2199-12-31", "asof=2024-01-01"):
            problem(await auditor.get(f"{path}/{what}?{wrong}"), 422, "validation-failed")
    problem(await auditor.get("advances/019a9f5e-0000-7000-8000-000000000000/statement"), 404, "not-found")


async def test_an_award_shows_the_schedule_that_the_firm_signs_before_anything_is_paid(acts: Acts) -> None:
    terms = {**TERMS, "instalments": 4, "first_due_on": "2024-03-31"}
    given: dict[str, Any] = {"terms": terms, "planned_disbursement_on": "2024-04-15"}
    tried = ok(await acts.advance(100_02, **given, dry=True))
    assert tried["planned_disbursement_on"] == tried["schedule"]["assumes_paid_on"] == "2024-04-15"
    lines = tried["schedule"]["lines"]
    assert [line["principal_cents"] for line in lines] == [0, 33_34, 33_34, 33_34]
    assert tried["schedule"]["totals"]["total_cents"] == 100_02
    assert tried["schedule"]["checks"] == {"principal_sums": True, "closing_is_zero": True, "dates_increase": True}
    assert figures(await acts.envelope())["committed"] == 0
    made = ok(await acts.advance(100_02, **given), 201)
    assert "schedule" not in made
    path = f"advances/{made['id']}"
    found = ok(await acts.world.auditor.get(f"{path}/schedule"))
    times = {"as_of": clock.today().isoformat(), "recorded_as_of": None}
    none = {"version": None, "from_on": None, "cause": None, "outstanding_cents": 0}
    more = {"fees_cents": 0, "late_interest_cents": 0, "kept": False}
    planned = {**tried["schedule"], "lines": [{**line, **more} for line in lines]}
    assert found == {**planned, **none, "advance_id": made["id"], "disbursed_cents": 0, **times}
    lines_of_csv = (await acts.world.auditor.get(f"{path}/schedule?format=csv")).text.splitlines()
    assert lines_of_csv[2] == "2,2024-06-30,100.02,33.34,0.00,0.00,33.34,66.68,0.00,0.00,false"
    ok(await acts.release(path))
    gone = ok(await acts.world.auditor.get(f"{path}/schedule"))
    assert (gone["lines"], gone["assumes_paid_on"], gone["checks"]["principal_sums"]) == ([], None, True)
    plain = ok(await acts.advance(1, dry=True))
    assert plain["schedule"]["assumes_paid_on"] == DAY


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"planned_disbursement_on": "2023-10-02"}, "/planned_disbursement_on", "planned_before_decision"),
        ({"planned_disbursement_on": "2028-12-31"}, "/planned_disbursement_on", "tranche_after_last_due"),
        ({"terms": {**TERMS, "first_due_on": "2020-12-31"}}, "/terms/first_due_on", "tranche_after_last_due"),
        *(
            ({"terms": {**TERMS, "kind": "conditional", **terms}}, f"/terms/{pointer}", code)
            for terms, pointer, code in (
                ({"available_until_on": "2023-10-02"}, "available_until_on", "available_before_decision"),
                ({"available_until_on": "2028-12-31"}, "available_until_on", "tranche_after_last_due"),
                ({"minimum_repayment_cents": 2}, "minimum_repayment_cents", "minimum_above_advance"),
                ({"tranches": [{}, {"certified_bp": 1}]}, "tranches/1/certified_bp", "share_without_base"),
            )
        ),
    ],
)
async def test_an_award_whose_terms_could_not_be_kept_is_refused(
    acts: Acts, change: dict[str, Any], pointer: str, code: str
) -> None:
    errors = problem(await acts.advance(1, **change), 422, "validation-failed")["errors"]
    assert [(error["pointer"], error["code"]) for error in errors] == [(pointer, code)]


async def test_an_advance_that_was_awarded_while_lines_were_rounded_down_keeps_them(acts: Acts) -> None:
    terms = {**TERMS, "instalments": 4, "first_due_on": "2024-03-31"}
    advance = ok(await acts.advance(103, terms=terms), 201)["id"]
    await acts.world.pool.execute(
        "UPDATE advances SET terms = jsonb_set(terms, '{rounding,rule}', '\"down\"') WHERE id = $1", advance
    )
    ok(await acts.tranche(advance, 103), 201)
    shown = ok(await acts.world.auditor.get(f"advances/{advance}"))
    assert shown["terms"]["rounding"] == {"multiple_cents": 1, "remainder": "last", "rule": "down"}
    lines = ok(await acts.world.auditor.get(f"advances/{advance}/schedule"))["lines"]
    assert [line["principal_cents"] for line in lines] == [25, 25, 25, 28]


async def test_what_is_recycled_can_be_awarded_again_and_then_not_be_owed_again(world: World) -> None:
    acts = await Acts.of(world)
    ok(await acts.contribute(100, repayment_policy="recycle"), 201)
    advance = ok(await acts.advance(100), 201)["id"]
    ok(await acts.tranche(advance, 100), 201)
    back = ok(await acts.repay(advance, 70), 201)["id"]
    now = figures(await acts.envelope())
    assert (now["available"], now["recycled"], now["repaid"], now["outstanding"]) == (70, 70, 70, 30)
    grant = ok(await acts.grant(1), 201)["id"]
    refused = problem(await acts.reverse(f"advances/{advance}/repayments/{back}"), 409, "envelope-exhausted")
    assert [act["act_id"] for act in refused["later_acts"]] == [grant]
    ok(await acts.reverse(f"grants/{grant}"))
    ok(await acts.reverse(f"advances/{advance}/repayments/{back}"))
    now = figures(await acts.envelope())
    assert (now["available"], now["recycled"], now["repaid"], now["outstanding"]) == (0, 0, 0, 100)


async def test_what_is_returned_to_the_contributor_cannot_be_awarded_again(acts: Acts) -> None:
    advance = ok(await acts.advance(100_000_00), 201)["id"]
    ok(await acts.tranche(advance, 100_000_00), 201)
    ok(await acts.repay(advance, 100_000_00), 201)
    assert problem(await acts.grant(1), 409, "envelope-exhausted")["available_cents"] == 0


async def test_the_schedule_of_a_day_shows_what_was_paid_and_released_by_then(acts: Acts) -> None:
    path = f"advances/{ok(await acts.advance(1000), 201)['id']}"
    ok(await acts.tranche(path.removeprefix("advances/"), 400, paid_on="2023-11-02"), 201)
    ok(await acts.release(path, released_on="2023-11-05"))

    async def told(day: str) -> tuple[int, int, str | None]:
        found = ok(await acts.world.auditor.get(f"{path}/schedule?as_of={day}"))
        assert found["as_of"] == day
        return found["disbursed_cents"], found["totals"]["principal_cents"], found["assumes_paid_on"]

    assert await told("2023-10-02") == (0, 0, None)
    assert await told(DAY) == (0, 1000, DAY)
    assert await told("2023-11-01") == (0, 1000, DAY)
    assert await told("2023-11-02") == (400, 400, None)
    assert await told("2023-11-06") == (400, 400, None)
