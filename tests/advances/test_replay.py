"""The account of an advance: pure, by tables and properties."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.advances.late import DatedRate, NoRate, Overdue, Span, late_interest, segments
from app.advances.position import (
    AllocationRule,
    Assigned,
    EarlyChoice,
    Facts,
    LineState,
    Notice,
    OpenLine,
    PaidTranche,
    Position,
    Split,
    Sums,
    VersionCause,
)
from app.advances.receipts.models import PARTS
from app.advances.replay import course, replay, unwritten
from app.advances.schedule import (
    CashFlow,
    DayCount,
    Frequency,
    GraceKind,
    LoanTerms,
    Planned,
    ScheduleShape,
    interest_until,
    lines,
)
from app.advances.versions import accelerate
from tests.advances.replay_tables import LATE, LEGAL, REPLAYS

EXAMPLE_B = LoanTerms(
    8, Frequency.QUARTERLY, grace_periods=4, grace_kind=GraceKind.INTEREST_ONLY, annual_rate_bp=200,
    shape=ScheduleShape.CONSTANT_INSTALMENT,
)  # fmt: skip


def day(text: str) -> date:
    return date.fromisoformat(text)


def custom(lines: str) -> LoanTerms:
    planned = [Planned(day(one[:10]), int(one[11:])) for one in lines.split()]
    return LoanTerms(instalments=len(planned), shape=ScheduleShape.CUSTOM, planned=planned)


def received(repayments: str) -> list[Assigned]:
    made = [one.split() for one in repayments.split("; ") if one]
    return [Assigned(name, day(on), int(cents), order) for order, (on, cents, name) in enumerate(made)]


def facts(lines: str, repayments: str, rule: str = "next") -> Facts:
    terms = custom(lines)
    tranche = PaidTranche("T", date(2024, 1, 1), sum(line.cents for line in terms.planned))
    return Facts(terms, [tranche], received(repayments), rule=AllocationRule(rule))


def on_time(terms: LoanTerms, cents: int, paid_on: date, until: date) -> Facts:
    """An advance whose lines are all paid on their days, up to this one."""
    due = [line for line in lines(terms, [CashFlow(paid_on, cents)]) if line.due_on <= until and line.total_cents]
    paid = [Assigned(line.number, line.due_on, line.total_cents, line.number) for line in due]
    return Facts(terms, [PaidTranche("T", paid_on, cents)], paid)


def open_lines(stand: Position) -> list[tuple[int, int]]:
    return [(state.principal_left_cents, state.interest_left_cents) for state in stand.lines if state.left_cents]


@pytest.mark.parametrize(
    ("rule", "lines", "repayments", "as_of", "left", "settled", "outstanding", "late", "days", "overpaid"),
    [row[1:] for row in REPLAYS],
    ids=[row[0] for row in REPLAYS],
)
def test_repayments_are_replayed(
    rule: str, lines: str, repayments: str, as_of: str, left: list[int], settled: str, outstanding: int, late: int,
    days: int, overpaid: int,
) -> None:  # fmt: skip
    stand = replay(facts(lines, repayments, rule), day(as_of))
    assert [line.left_cents for line in stand.lines] == left
    assert " ".join(line.settled_on.isoformat() if line.settled_on else "-" for line in stand.lines) == settled
    assert (stand.outstanding_cents, stand.overdue_cents) == (outstanding, late)
    assert (stand.days_past_due, stand.overpaid_cents) == (days, overpaid)


def rates(text: str) -> list[DatedRate]:
    starts = [(day(one[:10]), int(one[11:])) for one in text.split()]
    ends = [*(start - timedelta(days=1) for start, _ in starts[1:]), date(2100, 1, 1)]
    return [DatedRate(start, end, bp) for (start, bp), end in zip(starts, ends, strict=True)]


@pytest.mark.parametrize(
    ("overdue", "notice", "paid", "as_of", "by_day", "wanted"), [row[1:] for row in LATE], ids=[row[0] for row in LATE]
)
def test_late_interest(overdue: int, notice: str, paid: str, as_of: str, by_day: str, wanted: int) -> None:
    steps = [Overdue(date(2024, 1, 1), overdue)]
    if paid:
        steps.append(Overdue(day(paid[:10]), overdue - int(paid[11:])))
    assert late_interest(steps, day(notice), day(as_of), rates(by_day)) == wanted


# --- early repayment, with interest ----------------------------------------------------------------------------------


def test_a_quarter_is_settled_to_the_day() -> None:
    """Example B: outstanding, and interest of 45 real days."""
    stand = replay(on_time(EXAMPLE_B, 10_000_000, date(2026, 1, 1), date(2027, 5, 15)), date(2027, 5, 15))
    assert stand.basis is not None
    assert (stand.outstanding_cents, stand.overdue_cents) == (8771711, 0)
    assert interest_until(EXAMPLE_B, stand.basis, date(2027, 5, 15)) == 21629
    whole = Assigned("all", date(2027, 5, 15), 8793340, 99)
    paid = on_time(EXAMPLE_B, 10_000_000, date(2026, 1, 1), date(2027, 5, 15))
    settled = replay(replace(paid, assignments=[*paid.assignments, whole]), date(2027, 5, 15))
    assert settled.splits["all"] == Split(principal_cents=8771711, interest_cents=21629)
    assert (settled.outstanding_cents, settled.next_due_on) == (0, None)


def test_an_early_repayment_is_spread_again_by_choice() -> None:
    respread = [(911412, 27686), (915969, 23129), (920548, 18550), (925151, 13947), (929777, 9321), (934424, 4672)]
    paid = on_time(EXAMPLE_B, 10_000_000, date(2026, 1, 1), date(2027, 6, 30))
    early = Assigned("early", date(2027, 6, 30), 2_000_000, 99, EarlyChoice.RESPREAD)
    stand = replay(replace(paid, assignments=[*paid.assignments, early]), date(2027, 6, 30))
    assert stand.outstanding_cents == 5537281
    assert open_lines(stand) == respread
    assert stand.versions[-1].cause is VersionCause.EARLY_REPAYMENT
    assert stand.versions[-1].outstanding_cents == 5537281


def test_an_early_repayment_shortens_by_choice() -> None:
    paid = on_time(EXAMPLE_B, 10_000_000, date(2026, 1, 1), date(2027, 6, 30))
    early = Assigned("early", date(2027, 6, 30), 2_000_000, 99, EarlyChoice.SHORTEN)
    lines = open_lines(replay(replace(paid, assignments=[*paid.assignments, early]), date(2027, 6, 30)))
    assert sum(principal for principal, _ in lines) == 5537281
    assert [principal + interest for principal, interest in lines[:-1]] == [1278289] * 4
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("spread", [(700000, cents) for cents in
                    (64274, 47638, 41425, 36649, 31759, 26466, 20712, 15707, 10586, 5293)]),
        ("next", [(0, 64274), (0, 52932), (0, 51781)]),
    ],
)  # fmt: skip
def test_interest_runs_on_both_balances_in_mid_period(rule: str, wanted: list[tuple[int, int]]) -> None:
    terms = LoanTerms(12, annual_rate_bp=300, day_count=DayCount.ACT_365, frequency=Frequency.QUARTERLY)
    paid = on_time(terms, 12_000_000, date(2024, 12, 31), date(2025, 8, 15))
    early = Assigned("early", date(2025, 8, 15), 3_000_000, 99)
    changed = replace(paid, assignments=[*paid.assignments, early], rule=AllocationRule(rule))
    lines = open_lines(replay(changed, date(2025, 8, 15)))
    assert lines[: len(wanted)] == wanted
    assert {principal for principal, _ in lines[len(wanted) :]} <= {1_000_000}
    assert sum(principal for principal, _ in lines) == 7_000_000


def test_late_interest_is_paid_before_principal() -> None:
    noticed = replace(
        facts("2025-03-31:2500000", "2025-06-15 1000000 A"),
        notices=[Notice(date(2025, 4, 20), frozenset({date(2025, 3, 31)}))], late_rates=rates(LEGAL),
    )  # fmt: skip
    stand = replay(noticed, date(2025, 9, 10))
    assert stand.splits["A"] == Split(principal_cents=985770, late_interest_cents=14230)
    assert stand.overdue_cents == 1514230
    assert [line.late_interest_cents for line in stand.lines] == [24783]
    assert stand.late_interest_cents == 24783 - 14230


def test_a_day_without_a_rate_is_told_only_where_interest_runs() -> None:
    late = replace(facts("2025-03-31:2500000", ""), late_rates=rates(LEGAL)[:1])
    assert replay(late, date(2025, 9, 10)).late_interest_cents == 0
    with pytest.raises(NoRate):
        replay(replace(late, notices=[Notice(date(2025, 4, 20), frozenset({date(2025, 3, 31)}))]), date(2025, 9, 10))


@pytest.mark.parametrize(
    ("stop", "days"), [(Span(date(2025, 4, 20), None), 0), (Span(date(2025, 4, 23), date(2025, 4, 30)), 4)]
)
def test_proceedings_stop_late_interest(stop: Span, days: int) -> None:
    parts = segments([Overdue(date(2025, 3, 31), 100)], date(2025, 4, 19), date(2025, 4, 30), rates(LEGAL), [stop])
    assert sum(part.days for part in parts) == days


def test_what_a_mistaken_tranche_made_due_is_not_asked_for() -> None:
    plain = replace(facts("2025-03-31:100 2025-09-30:100", ""), terms=replace(EXAMPLE_B, first_due_on=None))
    made = replace(accelerate(replay(plain, day("2025-06-15"))), number=1, act="A", order=1)
    assert sum(line.interest_cents for line in made.lines) > 0
    stand = replay(replace(plain, versions=[made], tranches=()), day("2025-08-01"))
    assert (stand.overdue_cents, stand.interest_due_cents, stand.lines) == (0, 0, ())


# --- properties ------------------------------------------------------------------------------------------------------

START = date(2024, 1, 1)
TERMS = st.builds(
    LoanTerms,
    instalments=st.integers(1, 8),
    frequency=st.sampled_from([Frequency.QUARTERLY, Frequency.MONTHLY]),
    grace_periods=st.integers(0, 3),
    grace_kind=st.sampled_from(GraceKind),
    annual_rate_bp=st.sampled_from([0, 0, 150, 1_200]),
    day_count=st.sampled_from(DayCount),
    shape=st.sampled_from([ScheduleShape.CONSTANT_PRINCIPAL, ScheduleShape.CONSTANT_INSTALMENT, ScheduleShape.BULLET]),
    first_due_on=st.sampled_from([None, date(2024, 3, 31)]),
)
DAYS = st.integers(0, 900).map(lambda days: START + timedelta(days=days))


@st.composite
def stories(draw: st.DrawFn) -> Facts:
    """Any advance: one or two tranches, money early, late and too much, notices, and a write-off."""
    terms = draw(TERMS)
    tranches = [PaidTranche("T1", START, draw(st.integers(10_000, 900_000)))]
    if draw(st.booleans()):
        tranches.append(
            PaidTranche("T2", START + timedelta(days=draw(st.integers(1, 80))), draw(st.integers(1, 500_000)))
        )
    assignments = [
        Assigned(order, on, cents, order, choice)
        for order, (on, cents, choice) in enumerate(
            draw(
                st.lists(
                    st.tuples(DAYS, st.integers(1, 400_000), st.sampled_from([None, None, None, *EarlyChoice])),
                    max_size=8,
                )
            )
        )
    ]
    named = frozenset(line.due_on for line in lines(terms, [CashFlow(START, 1)]))
    return Facts(
        terms, tranches, assignments, rule=draw(st.sampled_from(AllocationRule)),
        notices=draw(st.lists(st.builds(Notice, DAYS, st.just(named)), max_size=1)),
        late_rates=[DatedRate(date(2000, 1, 1), date(2100, 1, 1), 371)],
        written_off_on=draw(st.none() | DAYS),
    )  # fmt: skip


def conserves(stand: Position) -> None:
    paid_in = stand.disbursed_cents + stand.capitalised_cents
    gone = stand.repaid_cents + stand.waived_cents + stand.written_off_cents
    assert paid_in == gone + stand.outstanding_cents
    assert min(stand.outstanding_cents, stand.repaid_cents, stand.written_off_cents, stand.overdue_cents) >= 0
    left = sum(
        state.principal_left_cents - (state.line.capitalised_cents if state.line.due_on > stand.as_of else 0)
        for state in stand.lines
    )
    assert left == stand.outstanding_cents
    for state in stand.lines:
        assert min(state.principal_left_cents, state.interest_left_cents, state.late_interest_left_cents) >= 0
    assert sum(split.principal_cents for split in stand.splits.values()) == stand.repaid_cents
    if stand.basis is not None:
        due = sum(state.principal_left_cents for state in stand.lines if state.line.due_on <= stand.as_of)
        assert stand.basis.balance_cents == stand.outstanding_cents - due


@given(stories(), DAYS)
def test_no_cent_is_lost(story: Facts, as_of: date) -> None:
    stand = replay(story, as_of)
    conserves(stand)
    for assignment in story.assignments:
        if assignment.id in stand.splits:
            split = stand.splits[assignment.id]
            assert sum(getattr(split, part) for part in PARTS) == assignment.cents
            assert 0 <= split.recovered_cents <= split.principal_cents
    for version in stand.versions:
        assert version.outstanding_cents >= 0
        assert [line.due_on for line in version.lines] == sorted(line.due_on for line in version.lines)


@given(stories(), DAYS)
def test_the_course_says_of_every_day_what_the_replay_of_that_day_says(story: Facts, as_of: date) -> None:
    stand, made = course(story, as_of)
    assert stand == replay(story, as_of)
    assert [each.from_on for each in made] == sorted({each.from_on for each in made})
    last = [each for each in made if each.from_on <= as_of][-1]
    assert last.sums == Sums(
        stand.disbursed_cents, stand.capitalised_cents, stand.repaid_cents, stand.waived_cents,
        stand.written_off_cents, sum(split.income_cents for split in stand.splits.values()), stand.overpaid_cents,
    )  # fmt: skip
    assert last.lines == tuple(
        OpenLine(
            state.line.due_on, state.line.principal_cents, state.line.interest_cents, state.line.fees_cents,
            state.principal_left_cents, state.interest_left_cents, state.fees_left_cents, state.settled_on,
        )
        for state in stand.lines
    )  # fmt: skip


@given(stories(), DAYS)
def test_reversing_all_returns_to_the_start(story: Facts, as_of: date) -> None:
    """What was stored meanwhile is answered by versions whose lines are those of the start."""
    story = replace(story, written_off_on=None)
    never = replay(replace(story, assignments=()), as_of)
    stored = unwritten((), replay(story, as_of))
    reversed_ = replace(story, assignments=(), versions=stored)
    stand = replay(reversed_, as_of)
    assert [open_line(state) for state in stand.lines if state.left_cents] == [
        open_line(state) for state in never.lines if state.left_cents
    ]
    assert stand.outstanding_cents == never.outstanding_cents
    written = [*stored, *unwritten(stored, stand)]
    assert unwritten(written, replay(replace(reversed_, versions=written), as_of)) == []


def open_line(state: LineState) -> tuple[date, int, int]:
    return state.line.due_on, state.principal_left_cents, state.interest_left_cents


@given(stories(), DAYS)
def test_what_is_written_is_written_once(story: Facts, as_of: date) -> None:
    first = replay(story, as_of)
    stored = unwritten((), first)
    again = replay(replace(story, versions=stored), as_of)
    assert unwritten(stored, again) == []
    assert (again.splits, again.outstanding_cents) == (first.splits, first.outstanding_cents)


@given(stories(), st.randoms(use_true_random=False))
def test_repayments_of_one_day_may_be_recorded_in_any_order(story: Facts, random: Random) -> None:
    """On that day no total changes; where odd cents go in later lines depends on the order of recording."""
    as_of = date(2025, 1, 10)
    plain = [replace(one, choice=None) for one in story.assignments]
    orders = list(range(len(plain)))
    random.shuffle(orders)
    one_day = [replace(one, value_on=as_of) for one in plain]
    shuffled = [replace(one, order=order) for one, order in zip(one_day, orders, strict=True)]
    first = replay(replace(story, assignments=one_day), as_of)
    second = replay(replace(story, assignments=shuffled), as_of)
    for figure in ("outstanding_cents", "overdue_cents", "overpaid_cents", "repaid_cents", "days_past_due"):
        assert getattr(first, figure) == getattr(second, figure)
