"""Versions of a schedule as persons make them: pure, by tables and properties."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.advances.amendments.settlement import settlement
from app.advances.position import Assigned, Facts, Line, PaidTranche, Position, Version
from app.advances.replay import replay, unwritten
from app.advances.schedule import (
    DayCount,
    Frequency,
    GraceKind,
    Impossible,
    LoanTerms,
    ScheduleShape,
)
from app.advances.versions import (
    LateInterest,
    WaiverShare,
    accelerate,
    add_instalments,
    change_rate,
    grace,
    move,
    open_lines,
    plan,
    re_age,
    re_amortise,
    reduce,
    waive,
    waiver_shares,
)
from tests.advances.replay_tables import WAIVERS
from tests.advances.test_replay import DAYS, conserves, facts, stories

KEPT, LATE_WAIVED, CAPITALISED = LateInterest


@pytest.mark.parametrize(("amounts", "waived", "shares"), WAIVERS)
def test_a_waiver_is_shared_in_proportion(amounts: list[int], waived: int, shares: list[int]) -> None:
    assert waiver_shares(waived, amounts) == shares


def figures(version: Version) -> list[tuple[str, int, int]]:
    return [
        (line.due_on.isoformat(), line.principal_cents, line.interest_cents) for line in version.lines if not line.kept
    ]


def quarters(rate_bp: int = 0, **more: object) -> LoanTerms:
    return LoanTerms(4, Frequency.QUARTERLY, annual_rate_bp=rate_bp, day_count=DayCount.ACT_365, **more)  # type: ignore[arg-type]


def stand_of(terms: LoanTerms, cents: int, as_of: date, *paid: tuple[str, int]) -> Position:
    received = [Assigned(order, date.fromisoformat(on), cents, order) for order, (on, cents) in enumerate(paid)]
    return replay(Facts(terms, [PaidTranche("T", date(2023, 12, 31), cents)], received), as_of)


def test_a_line_and_all_after_it_move() -> None:
    terms = quarters()
    stand = stand_of(terms, 400_00, date(2024, 5, 2), ("2024-03-31", 100_00), ("2024-05-01", 30_00))
    version = move(terms, stand, KEPT, date(2024, 6, 30), date(2024, 12, 31))
    assert figures(version) == [("2024-12-31", 70_00, 0), ("2025-03-31", 100_00, 0), ("2025-06-30", 100_00, 0)]
    assert [line.principal_cents for line in version.lines if line.kept] == [100_00, 30_00]
    assert version.outstanding_cents == 270_00


def test_a_moved_line_bears_the_interest_of_its_longer_period() -> None:
    terms = quarters(365)
    stand = stand_of(terms, 400_000, date(2024, 1, 10))
    version = move(terms, stand, KEPT, date(2024, 3, 31), date(2024, 6, 30))
    assert figures(version)[0] == ("2024-06-30", 100_000, 400_000 * 365 * 182 // 3_650_000)


def test_instalments_are_added() -> None:
    terms = quarters()
    version = add_instalments(terms, stand_of(terms, 400_00, date(2024, 1, 10)), KEPT, 2)
    assert [cents for _, cents, _ in figures(version)] == [66_67] * 5 + [66_65]
    assert figures(version)[-1][0] == "2025-06-30"


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (GraceKind.INTEREST_ONLY, [(0, 3_650), (0, 3_680), (100_000, 3_600), (100_000, 2_730), (100_000, 1_840),
                                   (100_000, 920)]),
        (GraceKind.INTEREST_DEFERRED, [(0, 0), (0, 0), (100_000, 10_910), (100_000, 2_730), (100_000, 1_840),
                                       (100_000, 920)]),
        (GraceKind.NOTHING_DUE, [(0, 0), (0, 0), (100_000, 3_640), (100_000, 2_730), (100_000, 1_840), (100_000, 920)]),
    ],
)  # fmt: skip
def test_a_grace_in_the_middle(kind: GraceKind, wanted: list[tuple[int, int]]) -> None:
    terms = quarters(365, first_due_on=None)
    tranche = [PaidTranche("T", date(2025, 3, 31), 400_000)]
    stand = replay(Facts(terms, tranche), date(2025, 4, 1))
    version = grace(terms, stand, KEPT, 2, kind, date(2025, 6, 30))
    days = {"2025-06-30": 91, "2025-09-30": 92, "2025-12-31": 92, "2026-03-31": 90, "2026-06-30": 91, "2026-09-30": 92}
    assert [on for on, _, _ in figures(version)] == list(days)
    interest = {on: (400_000 - 100_000 * max(0, place - 2)) * 365 * days[on] // 3_650_000
                for place, on in enumerate(days)}  # fmt: skip
    if kind is GraceKind.INTEREST_ONLY:
        assert [one for _, _, one in figures(version)] == list(interest.values())
    else:
        assert [one for _, _, one in figures(version)][:2] == [0, 0]
    assert [principal for _, principal, _ in figures(version)] == [0, 0, *[100_000] * 4]
    deferred = interest["2025-06-30"] + interest["2025-09-30"] if kind is GraceKind.INTEREST_DEFERRED else 0
    assert figures(version)[2][2] == interest["2025-12-31"] + deferred


def test_capitalised_interest_of_a_grace_is_repaid() -> None:
    terms = quarters(365)
    stand = stand_of(terms, 400_000, date(2024, 1, 10))
    version = grace(terms, stand, KEPT, 1, GraceKind.INTEREST_CAPITALISED, date(2024, 3, 31))
    assert version.lines[0].capitalised_cents == 3_640
    assert [line.principal_cents for line in version.lines[1:]] == [100_910] * 4
    assert version.outstanding_cents == 400_000


def test_arrears_are_re_amortised_and_re_aged() -> None:
    terms = LoanTerms(3, Frequency.QUARTERLY)
    arrears = stand_of(terms, 112_500, date(2024, 4, 1))
    version = re_amortise(terms, arrears, KEPT)
    assert [cents for _, cents, _ in figures(version)] == [37_500 + 18_750] * 2
    small = replace(facts("2024-03-31:833333 2024-06-30:833333 2024-09-30:1", ""))
    aged = re_age(replace(terms, multiple_cents=1), replay(small, date(2024, 7, 1)), KEPT, 5, date(2024, 12, 31))
    assert [cents for _, cents, _ in figures(aged)] == [333_333] * 4 + [333_335]


def test_a_reduction_is_due_at_once_and_taken_from_the_last() -> None:
    terms = quarters()
    version = reduce(terms, stand_of(terms, 400_00, date(2024, 5, 2)), 150_00)
    assert figures(version) == [("2024-03-31", 100_00, 0), ("2024-05-02", 150_00, 0), ("2024-06-30", 100_00, 0),
                                ("2024-09-30", 50_00, 0), ("2024-12-31", 0, 0)]  # fmt: skip


def test_acceleration_makes_all_due_with_the_interest_that_ran() -> None:
    terms = quarters(365)
    stand = stand_of(terms, 400_000, date(2024, 4, 10))
    version = accelerate(stand)
    assert figures(version) == [("2024-03-31", 100_000, 3_640), ("2024-04-10", 300_000, 300)]


def at_once(_: LoanTerms, stand: Position) -> Version:
    """The plan that makes all due with the interest that has run."""
    return plan(stand, [Line(date(2024, 4, 10), 300_000, 300)])


@pytest.mark.parametrize(("build", "interest"), [(lambda _, stand: accelerate(stand), 300 + 10 * 30), (at_once, 300)])
def test_interest_that_an_act_made_due_runs_no_second_time(build: "Build", interest: int) -> None:
    """Neither in a settlement of a later day, nor where the lines are made again: a plan ends the interest."""
    terms = quarters(365)
    paid = [Assigned("A", date(2024, 3, 31), 103_640, 9)]
    story = Facts(terms, [PaidTranche("T", date(2023, 12, 31), 400_000)], paid)
    on, later = date(2024, 4, 10), date(2024, 4, 20)
    acted = replace(story, versions=[replace(build(terms, replay(story, on)), number=1, act="act", order=99)])
    stand = replay(acted, later)
    assert [each.ran_cents for each in (replay(acted, on), stand)] == [0, 0]
    again = re_age(stand.terms, stand, LATE_WAIVED, 1, date(2024, 4, 30))
    assert [line for line in figures(again) if line[1] != 100_000] == [("2024-04-30", 300_000, interest)]


@pytest.mark.parametrize("paid_on", [date(2023, 9, 5), date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 10)])
@pytest.mark.parametrize("on", [date(2024, 1, 31), date(2024, 2, 15), date(2024, 4, 30), date(2024, 5, 31)])
@pytest.mark.parametrize("count", DayCount)
def test_what_settles_an_advance_settles_it_to_the_cent(paid_on: date, on: date, count: DayCount) -> None:
    """Also before the first due day, where the money came in mid period, and at the end of a month in a quarter."""
    terms = replace(quarters(300), day_count=count, first_due_on=date(2024, 3, 31))
    story = Facts(terms, [PaidTranche("T", paid_on, 250_000_01)])
    until = replay(story, on)
    asked = until.outstanding_cents + until.interest_due_cents + until.ran_cents
    settled = replay(replace(story, assignments=[Assigned("all", on, asked, 9)]), on)
    assert (settled.outstanding_cents, settled.splits["all"].overpaid_cents) == (0, 0)
    assert sum(state.left_cents for state in settled.lines) == 0
    later = replay(replace(story, assignments=[Assigned("all", on, asked, 9)]), on + timedelta(days=9))
    assert (settled.ran_cents, later.ran_cents) == (0, 0), "what is settled asks for nothing until its next due day"


@pytest.mark.parametrize(
    "back", [[("part", 10, 100_000)], [("all", 15, None)], [("part", 1, 50_000), ("all", 20, None)]]
)
def test_an_acceleration_bears_the_interest_that_ran_as_it_is_known_now(
    back: list[tuple[str, int, int | None]],
) -> None:
    """Money of a day before it, that is found later: what it made due is what it would make due today."""
    terms, on = quarters(365), date(2024, 3, 1)
    story = Facts(terms, [PaidTranche("T", date(2023, 12, 31), 400_000)])
    made = replace(accelerate(replay(story, on)), number=1, act="act", order=1)
    for order, (name, day, cents) in enumerate(back, start=9):
        known = replay(story, date(2024, 2, day))
        assigned = Assigned(name, date(2024, 2, day), cents or known.outstanding_cents + known.ran_cents, order)
        story = replace(story, assignments=[*story.assignments, assigned])
    wanted = accelerate(replay(story, on))
    after = replay(replace(story, versions=[made]), on)
    conserves(after)
    asked = [(line.principal_cents, line.interest_cents) for line in wanted.lines if not line.kept]
    left = [(state.principal_left_cents, state.interest_left_cents) for state in after.lines]
    assert [each for each in left if any(each)] == asked


def test_interest_of_a_plan_is_what_its_lines_name() -> None:
    """Money that comes early settles its lines, and what settles all asks for no other interest."""
    terms, on = quarters(365), date(2024, 4, 10)
    story = Facts(terms, [PaidTranche("T", date(2023, 12, 31), 400_000)])
    lines = [Line(date(2025, 12, 31), 300_000, 500), Line(date(2026, 12, 31), 100_000, 700)]
    acted = replace(story, versions=[replace(plan(replay(story, on), lines), number=1, act="act")])
    after = replay(replace(acted, assignments=[Assigned("early", date(2024, 6, 1), 50_000, 9)]), date(2024, 6, 1))
    left = [(state.principal_left_cents, state.interest_left_cents) for state in open_lines(after)]
    assert left == [(250_000, 500), (100_000, 700)]
    assert after.ran_cents == 0


@pytest.mark.parametrize(
    "build", [lambda terms, stand: reduce(terms, stand, 150_00), lambda _, stand: accelerate(stand)]
)
@pytest.mark.parametrize("rate_bp", [0, 365])
def test_what_an_act_makes_due_on_the_day_of_a_line_is_a_line_beside_it(build: "Build", rate_bp: int) -> None:
    terms, on = quarters(rate_bp), date(2024, 6, 30)
    known = Facts(terms, [PaidTranche("T", date(2023, 12, 31), 400_00)], [])
    stored = unwritten((), replay(known, on))
    made = build(terms, replay(replace(known, versions=stored), on))
    assert [line.due_on for line in made.lines].count(on) == 2
    acted = replace(made, number=len(stored) + 1, order=1_000, act="act")
    after = replay(replace(known, versions=[*stored, acted]), on)
    conserves(after)
    stands = [(state.line.due_on.isoformat(), state.principal_left_cents) for state in after.lines]
    assert sorted(stands) == sorted((due_on, principal) for due_on, principal, _ in figures(made))


def test_interest_runs_at_both_rates_of_a_period_that_a_change_cuts() -> None:
    terms = quarters(365)
    story = Facts(terms, [PaidTranche("T", date(2023, 12, 31), 400_000)])
    version = replace(change_rate(terms, replay(story, date(2024, 4, 10)), 730), number=1, act="act")
    changed = [("2024-06-30", 100_000, 10 * 30 + 81 * 60), ("2024-09-30", 100_000, 92 * 40),
               ("2024-12-31", 100_000, 92 * 20)]  # fmt: skip
    assert figures(version) == [("2024-03-31", 100_000, 3_640), *changed]
    # What comes early afterwards bears no interest any more, at the rate of its day; so does what settles all.
    early = Assigned("early", date(2024, 4, 20), 203_640, 9)
    after = replay(replace(story, versions=[version], assignments=[early]), date(2024, 4, 20))
    assert after.terms.annual_rate_bp == 730
    assert [state.interest_left_cents for state in after.lines if state.interest_left_cents] == [
        10 * 30 + 10 * 60 + 71 * 40, 92 * 40, 92 * 20,
    ]  # fmt: skip
    assert after.ran_cents == 10 * 30 + 10 * 60
    # A constant instalment is made again, and nothing is left after it.
    equal = quarters(200, shape=ScheduleShape.CONSTANT_INSTALMENT)
    dearer = change_rate(equal, stand_of(equal, 400_000, date(2024, 1, 1)), 2_000)
    totals = {principal + interest for _, principal, interest in figures(dearer)[:-1]}
    assert (len(totals), dearer.outstanding_cents) == (1, 400_000)


def test_a_first_period_that_is_longer_bears_interest_from_the_day_of_payment_on() -> None:
    """Paid half a year before the first due day of quarters: 40 cents a day, whatever is done in that time."""
    terms, paid_on, on = replace(quarters(365), first_due_on=date(2024, 3, 31)), date(2023, 10, 1), date(2023, 11, 20)
    story = Facts(terms, [PaidTranche("T", paid_on, 400_000)])
    for day in (date(2023, 10, 2), on, date(2023, 12, 31), date(2024, 1, 15), date(2024, 3, 30)):
        assert replay(story, day).ran_cents == 40 * (day - paid_on).days
    stand = replay(story, on)
    assert figures(reduce(terms, stand, 100_000))[:2] == [("2023-11-20", 100_000, 0), ("2024-03-31", 100_000, 5_960)]
    assert figures(change_rate(terms, stand, 730))[0] == ("2024-03-31", 100_000, 50 * 40 + 132 * 80)
    assert figures(accelerate(stand)) == [("2023-11-20", 400_000, 2_000)]
    early = replay(replace(story, assignments=[Assigned("early", on, 100_000, 9)]), on)
    assert next(state.interest_left_cents for state in early.lines if state.interest_left_cents) == 50 * 40 + 132 * 30
    more = replace(story, tranches=[*story.tranches, PaidTranche("U", date(2023, 12, 1), 100_000)])
    both = replay(replace(more, assignments=[Assigned("early", on, 100_000, 9)]), date(2023, 12, 1))
    assert next(state.interest_left_cents for state in both.lines if state.interest_left_cents) == (
        50 * 40 + 11 * 30 + 121 * 40
    )
    settled = replay(replace(story, assignments=[Assigned("all", on, 402_000, 9)]), on)
    assert (settled.outstanding_cents, settled.splits["all"].overpaid_cents, settled.ran_cents) == (0, 0, 0)


# --- properties ------------------------------------------------------------------------------------------------------

Build = Callable[[LoanTerms, Position], Version]


@st.composite
def builds(draw: st.DrawFn) -> Build:
    """Any act of a person on an advance that has lines ahead."""
    late, number = draw(st.sampled_from(LateInterest)), draw(st.integers(1, 4))
    part, place = draw(st.floats(0, 1)), draw(st.integers(0, 5))
    kind, share = draw(st.sampled_from(GraceKind)), draw(st.sampled_from(WaiverShare))

    def line_of(stand: Position, *, ahead: bool = False) -> date:
        lines = [state.line.due_on for state in open_lines(stand) if not ahead or state.line.due_on > stand.as_of]
        return lines[place % len(lines)]

    def later(stand: Position) -> date:
        return max(stand.as_of, *(state.line.due_on for state in stand.lines)) + timedelta(days=number * 40)

    def planned(stand: Position) -> Version:
        first = stand.outstanding_cents // 2
        days = [stand.as_of + timedelta(days=100), stand.as_of + timedelta(days=200)]
        return plan(stand, [Line(days[0], first, 7), Line(days[1], stand.outstanding_cents - first)], late)

    def cents_of(stand: Position) -> int:
        return int(stand.outstanding_cents * part)

    acts: list[Build] = [
        lambda terms, stand: move(terms, stand, late, line_of(stand), later(stand)),
        lambda terms, stand: add_instalments(terms, stand, late, number),
        lambda terms, stand: grace(terms, stand, late, number, kind, line_of(stand, ahead=True)),  # as it is asked for
        lambda terms, stand: re_amortise(terms, stand, late),
        lambda terms, stand: re_age(terms, stand, late, number, later(stand)),
        lambda terms, stand: waive(terms, stand, cents_of(stand), share),
        lambda terms, stand: reduce(terms, stand, cents_of(stand)),
        lambda _, stand: accelerate(stand),
        lambda terms, stand: change_rate(terms, stand, number * 125 * (kind is not GraceKind.NOTHING_DUE)),
        lambda _, stand: planned(stand),
    ]
    return draw(st.sampled_from(acts))


def test_interest_that_ran_before_a_rest_is_settled_once() -> None:
    """Deferred until then, and paid with everything else on the day from which nothing is due."""
    terms = LoanTerms(
        1, Frequency.QUARTERLY, grace_periods=1, annual_rate_bp=150, grace_kind=GraceKind.INTEREST_DEFERRED,
        day_count=DayCount.THIRTY_360,
    )  # fmt: skip
    on = date(2024, 3, 31)
    story = Facts(terms, [PaidTranche("T", date(2024, 1, 1), 10_000)])
    first = unwritten((), replay(story, on))
    rest = grace(terms, replay(replace(story, versions=first), on), KEPT, 1, GraceKind.NOTHING_DUE, date(2024, 6, 30))
    known = replace(story, versions=[*first, replace(rest, number=2, order=1, act="act")])
    assert settlement(known, on)["total_cents"] == 10_038
    paid = replace(known, assignments=[Assigned("all", on, 10_038, 9)])
    assert (settlement(paid, on)["total_cents"], replay(paid, on).splits["all"].overpaid_cents) == (0, 0)


@given(stories(), DAYS, builds(), DAYS, st.lists(st.tuples(DAYS, st.integers(1, 300_000)), max_size=3))
def test_an_act_loses_no_cent_and_stands_as_it_was_made(
    story: Facts, on: date, build: Build, as_of: date, later: list[tuple[date, int]]
) -> None:
    story = replace(story, written_off_on=None)
    known = replace(story, assignments=[one for one in story.assignments if one.value_on <= on])
    stored = unwritten((), replay(known, on))
    known = replace(known, versions=stored)
    stand = replay(known, on)
    assume(any(state.line.due_on > on and not state.rests for state in open_lines(stand)))
    assume(not any(tranche.on > on for tranche in story.tranches))
    try:
        made = build(story.terms, stand)
    except Impossible:
        return
    carried = made.carried
    expected = stand.outstanding_cents + carried.capitalised_cents - carried.waived_cents
    assert made.outstanding_cents == expected
    assert all(line.principal_cents >= 0 and line.interest_cents >= 0 for line in made.lines)
    numbered = replace(made, number=len(stored) + 1, order=1_000, act="act")
    after = replay(replace(known, versions=[*stored, numbered]), on)
    conserves(after)
    assert after.outstanding_cents == expected
    assert unwritten([*stored, numbered], after) == []
    # Money that is found later to have come before it, and after it.
    more = [Assigned(("later", place), day, cents, 2_000 + place) for place, (day, cents) in enumerate(later)]
    changed = replace(story, versions=[*stored, numbered], assignments=[*story.assignments, *more])
    stand = replay(changed, as_of)
    conserves(stand)
    written = [*changed.versions, *unwritten(changed.versions, stand)]
    assert unwritten(written, replay(replace(changed, versions=written), as_of)) == []
    if stand.outstanding_cents:
        parts = settlement(changed, as_of)
        settling = Assigned("all", as_of, parts["total_cents"], 9_000)
        changed = replace(changed, assignments=[*changed.assignments, settling])
        assert settlement(changed, as_of)["total_cents"] == replay(changed, as_of).splits["all"].overpaid_cents == 0
