"""The calculator of schedules: tables to the cent, a second computation, properties over every combination."""

import calendar
import os
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy_financial
import pytest
import pyxirr
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.advances import schedule
from app.advances.schedule import MONTHS, CashFlow, Frequency, Instalment
from app.advances.schemas import ScheduleRequest
from app.core.faults import FAULTS
from tests.advances.tables import TABLES, body, rounding, rows, tranches

# What the issue of the calculator allows it to refuse, beside fields of a wrong type.
REFUSALS = {
    "principal_or_tranches", "tranches_out_of_order", "too_many_periods", "schedule_too_long", "grace_without_end",
    "first_due_before_disbursement", "tranche_after_last_due", "steps_sum", "steps_count", "lines_sum",
    "dates_not_increasing", "line_before_disbursement", "day_count_of_custom", "field_of_another_shape",
    "remainder_of_instalments", "instalment_below_interest", "rate_out_of_range",
}  # fmt: skip


def laid_out(sent: dict[str, Any]) -> tuple[list[Instalment], list[CashFlow]]:
    request = ScheduleRequest.model_validate(sent)
    return schedule.lines(request.plan(), request.paid()), request.paid()


def made(sent: dict[str, Any]) -> list[Instalment]:
    return laid_out(sent)[0]


def refused(sent: dict[str, Any]) -> list[tuple[str, str]]:
    """Each fault as its place and its code."""
    with pytest.raises(ValidationError) as caught:
        ScheduleRequest.model_validate(sent)
    return [("/".join(map(str, error["loc"])), error["type"]) for error in caught.value.errors()]


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLES)
def test_a_schedule_is_that_of_the_table_to_the_cent(name: str) -> None:
    table = TABLES[name]
    found = [{**line._asdict(), "due_on": line.due_on.isoformat()} for line in made(table.body)]
    wanted = rows(table.lines)
    assert len(found) == len(wanted)
    for line, row in zip(found, wanted, strict=True):
        assert {key: line[key] for key in row} == row
        assert line["total_cents"] == line["principal_cents"] + line["interest_cents"]
    assert [line["number"] for line in found] == list(range(1, len(found) + 1))


def test_the_interest_of_the_example_with_constant_instalments() -> None:
    found = made(TABLES["constant instalments after four quarters of interest"].body)
    assert schedule.totals(found).interest_cents == 426_309
    assert [year.year for year in schedule.by_year(found)] == [2026, 2027, 2028]
    assert schedule.by_year(found)[0] == (2026, 0, 200_000, 200_000)


@pytest.mark.parametrize(("day_count", "interest"), [("30_360", 50_000), ("act_365", 49_863), ("act_360", 50_556)])
def test_a_quarter_of_91_days_by_each_day_count(day_count: str, interest: int) -> None:
    found = made(body(10_000_000, "2025-03-31", 1, annual_rate_bp=200, day_count=day_count))
    assert (found[0].due_on, found[0].interest_cents) == (date(2025, 6, 30), interest)


# --- days ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paid_on", "frequency", "due", "wanted"),
    [
        ("2024-01-31", "monthly", "anchored", "2024-02-29 2024-03-31 2024-04-30"),
        ("2023-01-31", "monthly", "anchored", "2023-02-28 2023-03-31 2023-04-30"),
        ("2023-01-29", "monthly", "anchored", "2023-02-28 2023-03-29 2023-04-29"),
        ("2023-11-30", "quarterly", "anchored", "2024-02-29 2024-05-30 2024-08-30"),
        ("2024-02-29", "half_yearly", "anchored", "2024-08-29 2025-02-28 2025-08-29"),
        ("2024-03-30", "quarterly", "period_end", "2024-03-31 2024-06-30 2024-09-30"),
        ("2024-03-31", "quarterly", "period_end", "2024-06-30 2024-09-30 2024-12-31"),
        ("2024-02-28", "monthly", "period_end", "2024-02-29 2024-03-31 2024-04-30"),
        ("2024-12-31", "yearly", "period_end", "2025-12-31 2026-12-31 2027-12-31"),
    ],
)
def test_without_a_first_due_date_the_periods_follow_the_payment(
    paid_on: str, frequency: str, due: str, wanted: str
) -> None:
    found = made(body(300, paid_on, 3, frequency=frequency, due_dates=due))
    assert [line.due_on.isoformat() for line in found] == wanted.split()


@pytest.mark.parametrize(
    ("sent", "first", "interest"),
    [
        # 100 000 € at 3.65 %: a day is 1 000 cents over 365, a quarter of 30_360 is 91 250 cents.
        (body(10_000_000, "2024-12-31", 4), "2025-03-31", 91_250),  # from the end of a period
        (body(10_000_000, "2025-01-01", 4), "2025-03-31", 91_250),  # from the day after it
        (body(10_000_000, "2025-01-02", 4), "2025-03-31", 88_000),
        (body(10_000_000, "2025-01-15", 4, due_dates="anchored"), "2025-04-15", 91_250),
        (body(10_000_000, "2025-01-15", 4, due_dates="anchored", first_due_on="2025-04-15"), "2025-04-15", 91_250),
        # anchored, the day after is broken; so is a period that is longer than one
        (body(10_000_000, "2025-01-16", 4, due_dates="anchored", first_due_on="2025-04-15"), "2025-04-15", 89_000),
        (body(10_000_000, "2024-10-15", 4, due_dates="anchored", first_due_on="2025-04-15"), "2025-04-15", 182_000),
        # a short month: the day one period before is the anchor's own
        (body(10_000_000, "2024-11-30", 4, due_dates="anchored", first_due_on="2025-02-28"), "2025-02-28", 90_000),
        (body(10_000_000, "2024-11-28", 4, due_dates="anchored", first_due_on="2025-02-28"), "2025-02-28", 91_250),
    ],
)
def test_a_period_is_whole_from_the_day_one_period_before(sent: dict[str, Any], first: str, interest: int) -> None:
    line = made({**sent, "annual_rate_bp": 365})[0]
    assert (line.due_on.isoformat(), line.interest_cents) == (first, interest)


@pytest.mark.parametrize(
    ("second", "line", "interest"),
    [
        # 100 000 € and 100 000 € more, in the second of four quarters at 3.65 %; 75 000 € of the first are open.
        ("2025-03-30", 0, 91_250 + 1_000),  # one day before the first due date
        ("2025-03-31", 1, 68_438 + 91_250),  # on it: a whole period, with the next line
        ("2025-04-01", 1, 68_438 + 91_250),  # the day after a period's end
        ("2025-04-02", 1, 68_438 + 89_000),
        ("2025-06-29", 1, 68_438 + 1_000),
    ],
)
def test_a_tranche_bears_its_own_part_of_the_period_in_which_it_is_paid(second: str, line: int, interest: int) -> None:
    sent = tranches((10_000_000, "2025-01-01"), (10_000_000, second), instalments=4, annual_rate_bp=365)
    assert made(sent)[line].interest_cents == pytest.approx(interest, abs=1)


@pytest.mark.parametrize(
    ("second", "openings", "principals"),
    [
        ("2025-03-30", [200, 150, 100, 50], [50, 50, 50, 50]),
        ("2025-03-31", [100, 175, 117, 59], [25, 58, 58, 59]),
        ("2025-04-01", [100, 175, 117, 59], [25, 58, 58, 59]),
    ],
)
def test_a_tranche_belongs_to_the_lines_due_after_its_day(
    second: str, openings: list[int], principals: list[int]
) -> None:
    found = made(tranches((100, "2025-01-01"), (100, second), instalments=4))
    assert [line.opening_cents for line in found] == openings
    assert [line.principal_cents for line in found] == principals


def test_money_paid_while_nothing_is_due_bears_interest_from_the_end_of_the_grace() -> None:
    for second in ("2025-01-15", "2025-06-30", "2025-07-01"):  # in the grace, on its last day, on the day after
        sent = tranches((100_000, "2025-01-01"), (100_000, second), instalments=2, grace_periods=2, annual_rate_bp=400)
        assert [line.interest_cents for line in made(sent)] == [2_000, 1_000]
    for day_count, interest in (("act_365", 2_016), ("act_360", 2_044)):
        sent = body(200_000, "2025-01-15", 2, grace_periods=2, annual_rate_bp=400, day_count=day_count)
        assert made(sent)[0].interest_cents == interest  # 92 days from 30 June


# --- grace, shapes, remainders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["constant_principal", "constant_instalment", "bullet", "steps"])
@pytest.mark.parametrize("kind", ["nothing_due", "interest_only", "interest_deferred", "interest_capitalised"])
@pytest.mark.parametrize("inside", [False, True])
def test_every_grace_with_every_shape(shape: str, kind: str, inside: bool) -> None:
    sent = body(
        1_000_000, "2024-12-31", 8 if inside else 6,
        grace_periods=2, grace_kind=kind, grace_counts_in_term=inside, shape=shape, annual_rate_bp=400,
    )  # fmt: skip
    if shape == "steps":
        sent["steps"] = [{"instalments": 2, "amount_cents": 50_000}, {"instalments": 4, "amount_cents": 225_000}]
    found = made(sent)
    resting = [] if kind == "nothing_due" else found[:2]
    repaying = found[len(resting) :]
    assert len(repaying) == 6
    assert repaying[-1].due_on == date(2026, 12, 31)
    assert [line.principal_cents for line in resting] == [0] * len(resting)
    owed = 1_020_100 if kind == "interest_capitalised" else 1_000_000  # twice 1 %, compounded
    assert sum(line.principal_cents for line in repaying) == owed
    paid = [line.interest_cents for line in found[:3]]
    match kind:
        case "nothing_due":
            assert paid[0] == 10_000
        case "interest_only":
            assert paid == [10_000] * 3
        case "interest_deferred":
            assert paid == [0, 0, 30_000]
        case _:
            assert (paid, [line.capitalised_cents for line in found[:3]]) == ([0, 0, 10_201], [10_000, 10_100, 0])
    principals = [line.principal_cents for line in repaying]
    match shape:
        case "constant_principal":
            assert max(principals[:-1]) == min(principals[:-1])
            assert abs(principals[-1] - principals[0]) <= 6
        case "bullet":
            assert principals == [0, 0, 0, 0, 0, owed]
        case "steps":
            shares = [cents * 1_000_000 / owed for cents in principals]
            assert shares == pytest.approx([50_000] * 2 + [225_000] * 4, abs=3)
        case _:
            totals = [line.total_cents for line in repaying]
            totals[0] -= 20_000 if kind == "interest_deferred" else 0  # what was deferred is paid on top
            assert max(totals[:-1]) == min(totals[:-1])
            assert abs(totals[-1] - totals[0]) <= 6


def test_open_steps_are_shares_of_what_is_outstanding() -> None:
    sent = tranches((600, "2025-01-01"), (400, "2025-04-10"), instalments=4, shape="steps")
    sent["steps"] = [{"instalments": 1, "amount_cents": 100}, {"instalments": 3, "amount_cents": 300}]
    # 600 in shares of 1, 3, 3, 3; then 940 in equal shares
    assert [line.principal_cents for line in made(sent)] == [60, 313, 313, 314]


@pytest.mark.parametrize(
    ("cents", "multiple", "remainder", "wanted"),
    [
        (103, 1, "last", [26, 26, 26, 25]),
        (103, 1, "first", [28, 25, 25, 25]),
        (103, 1, "spread", [26, 26, 26, 25]),
        (1_050, 100, "last", [300, 300, 300, 150]),
        (1_050, 100, "first", [450, 200, 200, 200]),
        (1_050, 100, "spread", [300, 300, 200, 250]),
        (50, 100, "last", [0, 0, 0, 50]),
        (50, 100, "first", [50, 0, 0, 0]),
        (50, 100, "spread", [0, 0, 0, 50]),
        (350, 100, "last", [100, 100, 100, 50]),
        (100, 1_000_000, "first", [100, 0, 0, 0]),
    ],
)
def test_where_the_remainder_goes(cents: int, multiple: int, remainder: str, wanted: list[int]) -> None:
    sent = body(cents, "2025-01-01", 4, rounding=rounding(multiple, remainder))
    assert [line.principal_cents for line in made(sent)] == wanted


def test_instalments_are_half_up_to_the_multiple() -> None:
    sent = body(10_000_000, "2025-01-01", 8, annual_rate_bp=200, shape="constant_instalment", rounding=rounding(10_000))
    found = made(sent)
    assert [line.total_cents for line in found[:-1]] == [1_280_000] * 7
    assert found[-1].closing_cents == 0


def test_at_zero_rate_constant_instalments_are_constant_principals() -> None:
    sent = body(10_000_001, "2025-01-01", 7, rounding=rounding(100))
    assert made({**sent, "shape": "constant_instalment"}) == made(sent)


# --- what is refused -------------------------------------------------------------------------------------------------

PLAIN = body(100_000, "2025-01-01", 4)
CUSTOM: dict[str, Any] = {
    "principal_cents": 100, "disbursed_on": "2025-01-01", "shape": "custom",
    "lines": [{"due_on": "2025-02-01", "principal_cents": 40}, {"due_on": "2025-03-01", "principal_cents": 60}],
}  # fmt: skip
STEPS = {**PLAIN, "shape": "steps", "steps": [{"instalments": 4, "amount_cents": 25_000}]}


def two(first: str, second: str) -> list[dict[str, Any]]:
    return [{"amount_cents": 50_000, "paid_on": first}, {"amount_cents": 50_000, "paid_on": second}]


def without(sent: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in sent.items() if name not in names}


TWO = without(PLAIN, "principal_cents", "disbursed_on")


@pytest.mark.parametrize(
    ("sent", "at", "code"),
    [
        ({**PLAIN, "tranches": two("2025-01-01", "2025-02-01")}, "tranches", "principal_or_tranches"),
        (TWO, "principal_cents", "principal_or_tranches"),
        ({**TWO, "principal_cents": None, "tranches": None}, "principal_cents", "principal_or_tranches"),
        (without(PLAIN, "disbursed_on"), "disbursed_on", "required"),
        (without(PLAIN, "principal_cents"), "principal_cents", "required"),
        (without(PLAIN, "instalments"), "instalments", "required"),
        (without(PLAIN, "frequency"), "frequency", "required"),
        (without(STEPS, "steps"), "steps", "required"),
        (without(CUSTOM, "lines"), "lines", "required"),
        ({**TWO, "tranches": two("2025-02-01", "2025-01-31")}, "tranches/1/paid_on", "tranches_out_of_order"),
        ({**TWO, "tranches": two("2025-01-01", "2025-12-31")}, "tranches/1/paid_on", "tranche_after_last_due"),
        ({**PLAIN, "instalments": 601}, "instalments", "too_many_periods"),
        ({**PLAIN, "instalments": 600, "grace_periods": 1}, "instalments", "too_many_periods"),
        ({**PLAIN, "instalments": 200, "frequency": "yearly"}, "instalments", "schedule_too_long"),
        ({**PLAIN, "first_due_on": "2199-06-30"}, "instalments", "schedule_too_long"),
        ({**PLAIN, "grace_periods": 4, "grace_counts_in_term": True}, "grace_periods", "grace_without_end"),
        ({**PLAIN, "first_due_on": "2024-12-31"}, "first_due_on", "first_due_before_disbursement"),
        (
            {**PLAIN, "disbursed_on": "2025-03-31", "first_due_on": "2025-03-31"},
            "first_due_on",
            "first_due_before_disbursement",
        ),
        ({**STEPS, "principal_cents": 99_999}, "steps", "steps_sum"),
        ({**STEPS, "grace_periods": 1, "grace_counts_in_term": True}, "steps", "steps_count"),
        ({**CUSTOM, "principal_cents": 101}, "lines", "lines_sum"),
        ({**CUSTOM, "instalments": 3}, "instalments", "lines_count"),
        ({**CUSTOM, "lines": [*CUSTOM["lines"][:1] * 2]}, "lines/1/due_on", "dates_not_increasing"),
        ({**CUSTOM, "disbursed_on": "2025-02-01"}, "lines/0/due_on", "line_before_disbursement"),
        ({**CUSTOM, "annual_rate_bp": 1}, "day_count", "day_count_of_custom"),
        ({**CUSTOM, "frequency": "monthly"}, "frequency", "field_of_another_shape"),
        ({**CUSTOM, "grace_periods": 0}, "grace_periods", "field_of_another_shape"),
        ({**CUSTOM, "rounding": rounding()}, "rounding", "field_of_another_shape"),
        ({**CUSTOM, "first_due_on": "2025-02-01"}, "first_due_on", "field_of_another_shape"),
        ({**PLAIN, "steps": STEPS["steps"]}, "steps", "field_of_another_shape"),
        ({**STEPS, "lines": CUSTOM["lines"]}, "lines", "field_of_another_shape"),
        (
            {**PLAIN, "shape": "constant_instalment", "rounding": rounding(remainder="spread")},
            "rounding/remainder",
            "remainder_of_instalments",
        ),
        (
            {**PLAIN, "shape": "constant_instalment", "annual_rate_bp": 5000, "first_due_on": "2027-12-31"},
            "instalments",
            "instalment_below_interest",
        ),
        ({**PLAIN, "annual_rate_bp": 5001}, "annual_rate_bp", "rate_out_of_range"),
        ({**PLAIN, "annual_rate_bp": -1}, "annual_rate_bp", "rate_out_of_range"),
        (
            {**PLAIN, "principal_cents": 2**53 - 1, "annual_rate_bp": 1, "shape": "bullet"},
            "annual_rate_bp",
            "sum_too_large",
        ),
        ({**PLAIN, "principal_cents": 0}, "principal_cents", "greater_than_equal"),
        ({**PLAIN, "instalments": 2.0}, "instalments", "int_type"),
        ({**PLAIN, "dry_run": True}, "dry_run", "extra_forbidden"),
    ],
)
def test_a_fault_is_told_where_it_stands(sent: dict[str, Any], at: str, code: str) -> None:
    assert (at, code) in refused(sent)
    assert code in FAULTS or code not in REFUSALS


def test_two_tranches_of_a_custom_schedule_and_all_its_foreign_fields_are_told_at_once() -> None:
    sent = {**without(CUSTOM, "principal_cents", "disbursed_on"), "tranches": two("2025-01-01", "2025-01-02")}
    sent |= {"due_dates": "anchored", "grace_kind": "interest_only", "steps": STEPS["steps"]}
    assert {at for at, _ in refused(sent)} == {"tranches", "due_dates", "grace_kind", "steps"}
    assert {code for _, code in refused(sent)} == {"field_of_another_shape"}


def test_every_refusal_has_its_sentence() -> None:
    assert set(FAULTS) >= REFUSALS


def test_a_custom_schedule_takes_one_tranche_and_null_where_a_field_is_absent() -> None:
    tranche = {"amount_cents": 100, "paid_on": "2025-01-01"}
    sent = {**without(CUSTOM, "principal_cents", "disbursed_on"), "tranches": [tranche], "first_due_on": None}
    assert made(sent) == made(CUSTOM)


# --- a second computation --------------------------------------------------------------------------------------------


@given(
    cents=st.integers(1_000, 10**10),
    count=st.integers(1, 360),
    bp=st.integers(1, 2_000),
    frequency=st.sampled_from(Frequency),
)
def test_a_constant_instalment_is_that_of_numpy_financial(
    cents: int, count: int, bp: int, frequency: Frequency
) -> None:
    rate = bp / 10_000 * MONTHS[frequency] / 12
    found = schedule._annuity(cents, count, bp * MONTHS[frequency], 1)
    assert abs(found + numpy_financial.pmt(rate, count, cents)) <= 0.5 + cents * 1e-9


@pytest.mark.parametrize("shape", ["constant_principal", "constant_instalment", "bullet"])
@pytest.mark.parametrize("grace_kind", ["interest_only", "interest_capitalised"])
@pytest.mark.parametrize("frequency", ["monthly", "quarterly", "half_yearly", "yearly"])
def test_the_internal_rate_is_the_rate_of_the_terms(shape: str, grace_kind: str, frequency: str) -> None:
    """What is paid out, and the lines, discounted: whole periods bring the rate a period that they were made with."""
    sent = body(
        100_000_000_00, "2024-12-31", 12,
        shape=shape, frequency=frequency, annual_rate_bp=325, grace_periods=3, grace_kind=grace_kind,
    )  # fmt: skip
    rate = pyxirr.irr([-100_000_000_00, *(line.total_cents for line in made(sent))])
    assert rate == pytest.approx(0.0325 * MONTHS[Frequency(frequency)] / 12, abs=1e-9)


def test_the_internal_rate_of_real_days_is_that_of_simple_interest_compounded_at_its_dates() -> None:
    sent = body(100_000_000_00, "2025-01-31", 1, annual_rate_bp=500, frequency="yearly", day_count="act_365",
                due_dates="anchored")  # fmt: skip
    line = made(sent)[0]
    rate = pyxirr.xirr([date(2025, 1, 31), line.due_on], [-100_000_000_00, line.total_cents])
    assert rate == pytest.approx(0.05, abs=1e-9)


# --- properties ------------------------------------------------------------------------------------------------------

SHAPES = ["constant_principal", "constant_instalment", "steps", "bullet"]
PAID_ON = st.one_of(
    st.dates(date(1990, 1, 1), date(2060, 12, 31)),
    st.builds(  # the days on which schedules break: the ends of months, and those before and after
        lambda year, month, back: date(year, month, calendar.monthrange(year, month)[1]) - timedelta(days=back),
        st.integers(2023, 2029),
        st.integers(1, 12),
        st.integers(-1, 3),
    ),
)
CENTS = st.one_of(st.integers(1, 1_000), st.integers(1, 10**12))


@st.composite
def requests(draw: st.DrawFn, shape: str) -> dict[str, Any]:
    """Bodies of a shape, their fields of the right types, most of them possible."""
    grace = draw(st.integers(0, 12))
    inside = draw(st.booleans())
    repaying = draw(st.integers(1, 40))
    first = draw(PAID_ON)
    given_first = draw(st.one_of(st.none(), st.integers(-5, 500).map(lambda days: first + timedelta(days=days))))
    sent: dict[str, Any] = {
        "shape": shape, "instalments": repaying + (grace if inside else 0), "grace_periods": grace,
        "grace_counts_in_term": inside,
        "frequency": draw(st.sampled_from(["monthly", "quarterly", "half_yearly", "yearly"])),
        "grace_kind": draw(
            st.sampled_from(["nothing_due", "interest_only", "interest_deferred", "interest_capitalised"])
        ),
        "day_count": draw(st.sampled_from(["30_360", "act_360", "act_365"])),
        "due_dates": draw(st.sampled_from(["anchored", "period_end"])),
        "annual_rate_bp": draw(st.one_of(st.just(0), st.integers(0, 5_000))),
        "first_due_on": given_first and given_first.isoformat(),
        "rounding": rounding(
            draw(st.sampled_from([1, 1, 100, 1_000_000])), draw(st.sampled_from(["last", "first", "spread"]))
        ),
    }  # fmt: skip
    later = sorted(draw(st.lists(st.integers(0, 4_000), max_size=3)))
    paid = [(draw(CENTS), first + timedelta(days=days)) for days in (0, *later)]
    if shape == "steps":
        sent["steps"] = draw(steps(repaying, sum(cents for cents, _ in paid)))
    if len(paid) == 1 and draw(st.booleans()):
        return sent | {"principal_cents": paid[0][0], "disbursed_on": first.isoformat()}
    return sent | {"tranches": [{"amount_cents": cents, "paid_on": day.isoformat()} for cents, day in paid]}


@st.composite
def steps(draw: st.DrawFn, count: int, cents: int) -> list[dict[str, int]]:
    """Steps of one instalment or more, the last taking what is left."""
    each = draw(st.integers(0, cents // count))
    before = draw(st.integers(0, count - 1))
    found = [{"instalments": before, "amount_cents": each}] if before else []
    left, rest = divmod(cents - before * each, count - before)
    if count - before - 1:
        found.append({"instalments": count - before - 1, "amount_cents": left})
    return [*found, {"instalments": 1, "amount_cents": left + rest}]


@st.composite
def customs(draw: st.DrawFn) -> dict[str, Any]:
    first = draw(PAID_ON)
    days = sorted(draw(st.sets(st.integers(1, 4_000), min_size=1, max_size=30)))
    planned = [
        {"due_on": (first + timedelta(days=each)).isoformat(), "principal_cents": draw(st.integers(0, 10**9))}
        for each in days
    ]
    return {
        "shape": "custom", "disbursed_on": first.isoformat(), "lines": planned,
        "principal_cents": sum(line["principal_cents"] for line in planned) or 1,
        "annual_rate_bp": draw(st.integers(0, 5_000)), "day_count": draw(st.sampled_from(["act_360", "act_365"])),
    }  # fmt: skip


# Random requests of each shape; `make siege` asks 2 000, which is ten thousand in all.
EXAMPLES = int(os.environ.get("REBOND_EXAMPLES", "150"))


@pytest.mark.parametrize("shape", [*SHAPES, "custom"])
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_schedule_holds_whatever_is_asked_or_is_refused_by_name(shape: str, data: st.DataObject) -> None:
    sent = data.draw(customs() if shape == "custom" else requests(shape))
    try:
        request = ScheduleRequest.model_validate(sent)
    except ValidationError as error:
        refusals = {fault["type"] for fault in error.errors()}
    else:
        refusals = set()
    if refusals:
        assert refusals <= REFUSALS | {"sum_too_large", "too_large"}
        return
    paid = request.paid()
    found = schedule.lines(request.plan(), paid)
    assert schedule.checks(found, paid) == (True, True, True)
    assert all(before.due_on < after.due_on for before, after in pairwise(found))
    assert found[0].due_on > paid[0].on
    assert sum(line.principal_cents for line in found) == (
        sum(tranche.cents for tranche in paid) + sum(line.capitalised_cents for line in found)
    )
    balance, repaid_by = 0, paid[0].on
    for line in found:
        new = sum(t.cents for t in paid if (t.on >= repaid_by or line.number == 1) and t.on < line.due_on)
        assert line.opening_cents == balance + new
        assert min(line[2:]) >= 0
        assert line.total_cents == line.principal_cents + line.interest_cents
        balance, repaid_by = line.closing_cents, line.due_on
        assert balance == line.opening_cents - line.principal_cents + line.capitalised_cents
    assert balance == 0
    assert schedule.totals(found)[1] == sum(year.interest_cents for year in schedule.by_year(found))


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(1, 10**9).map(lambda k: k * 720), st.integers(0, 700)), min_size=2, max_size=4),
    st.sampled_from(["anchored", "period_end"]),
)
def test_at_zero_rate_tranches_add_up(paid: list[tuple[int, int]], due: str) -> None:
    """Amounts that six lines and fewer divide without a rest: what is laid out together is the sum of what is alone."""
    start = date(2025, 1, 31)
    placed = sorted((start + timedelta(days=days), cents) for cents, days in paid)
    terms = schedule.LoanTerms(
        instalments=6, frequency=Frequency.QUARTERLY, due_dates=schedule.DueDates(due), first_due_on=date(2025, 4, 30)
    )
    payments = [CashFlow(day, cents) for day, cents in placed if day < schedule.due_dates(terms)[-1]]
    if not payments:
        return
    together = [line.principal_cents for line in schedule.lines(terms, payments)]
    alone = [[line.principal_cents for line in schedule.lines(terms, [payment])] for payment in payments]
    assert together == [sum(each) for each in zip(*alone, strict=True)]
