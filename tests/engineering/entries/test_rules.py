"""What a time entry may be and become: tables, without a database."""

from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.duties import ENTERS_VALIDATES, SeparationOfDuties
from app.access.rules import EmailMissing, PersonRequired
from app.core.problems import InvalidTransition
from app.engineering.entries import rules
from app.engineering.entries.rules import COUNTING, EDITABLE, PAST, TRANSITIONS, Caller, EntryAction, Status, Wish

# From each state, where each action leads; "" is refused.
LIFE = {
    #             submit       recall   validate     reject      reverse
    "draft":     ("submitted", "",      "",          "",         ""),
    "submitted": ("",          "draft", "validated", "rejected", "reversed"),
    "validated": ("",          "",      "",          "",         "reversed"),
    "certified": ("",          "",      "",          "",         ""),
    "rejected":  ("",          "draft", "",          "",         ""),
    "reversed":  ("",          "",      "",          "",         ""),
}  # fmt: skip
ACTIONS = ("submit", "recall", "validate", "reject", "reverse")


def test_the_table_has_every_state_and_every_action() -> None:
    assert set(LIFE) == set(Status)
    assert set(ACTIONS) == set(EntryAction) == set(TRANSITIONS) == set(PAST)


@pytest.mark.parametrize(("state", "place"), list(product(LIFE, range(len(ACTIONS)))))
def test_every_action_in_every_state(state: str, place: int) -> None:
    action, target = EntryAction(ACTIONS[place]), LIFE[state][place]
    if target:
        assert rules.next_status(action, Status(state)) == target
        return
    with pytest.raises(InvalidTransition) as refused:
        rules.next_status(action, Status(state))
    needed = sorted(source for source, targets in LIFE.items() if targets[place])
    assert refused.value.members == {"current": state, "action": action, "needed": list(needed)}


def test_what_counts_and_what_may_be_changed() -> None:
    assert set(COUNTING) == {"submitted", "validated", "certified"}
    assert set(EDITABLE) == {"draft", "submitted"}


A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


@pytest.mark.parametrize(
    ("judge", "kind", "email", "authors", "worker", "refusal"),
    [
        (A, "person", True, [B], C, None),
        (A, "person", True, [], C, None),
        (A, "person", True, [A], C, SeparationOfDuties),
        (A, "person", True, [B, A], C, SeparationOfDuties),
        (A, "person", True, [B], A, SeparationOfDuties),
        (A, "service_account", False, [B], C, PersonRequired),
        (A, "service_account", False, [A], A, PersonRequired),
        (A, "system", False, [B], C, PersonRequired),
        (A, "person", False, [B], C, EmailMissing),
    ],
)
def test_who_may_judge_an_entry(
    judge: UUID, kind: str, email: bool, authors: list[UUID], worker: UUID, refusal: Any
) -> None:
    who = Caller(judge, kind, None, validates=True, certifies=False, has_email=email)
    if refusal is None:
        ENTERS_VALIDATES.separate(who, [*authors, worker])
        return
    with pytest.raises(refusal):
        ENTERS_VALIDATES.separate(who, [*authors, worker])


# --- why a wish cannot count -----------------------------------------------------------------------------------------

MISSION, CONSULTANT, HOUSE, PERSON = UUID(int=10), UUID(int=11), UUID(int=12), UUID(int=13)
DAY, TODAY = date(2023, 7, 4), date(2023, 8, 1)


def state(**more: Any) -> rules.MissionState:
    usual: dict[str, Any] = {
        "step": Decimal("0.25"), "days_ordered": Decimal(100), "days_entered": Decimal(0),
        "starts_on": date(2023, 6, 14), "ends_on": date(2023, 9, 30), "enterable_until_on": None,
        "rest_days": (), "locked_months": (), "activities": {"audition": TODAY, "travel": TODAY},
    }  # fmt: skip
    return rules.MissionState(**usual | more)


def assignment(**more: Any) -> rules.Assignment:
    usual: dict[str, Any] = {
        "mission_id": MISSION, "organisation_id": HOUSE, "person_id": PERSON, "from_on": date(2023, 6, 1),
        "until_on": date(2199, 12, 31), "days_allotted": Decimal(50), "days_entered": Decimal(0),
    }  # fmt: skip
    return rules.Assignment(**usual | more)


def wish(days: str = "0.5", worked_on: date = DAY, **more: Any) -> Wish:
    usual: dict[str, Any] = {
        "mission_id": MISSION, "consultant_id": CONSULTANT, "worked_on": worked_on, "activity": "audition",
        "counted_on": worked_on,
    }  # fmt: skip
    return Wish(**usual | more, days=Decimal(days))


def why(
    *wishes: Wish, mission: Any = None, assigned: Any = None, taken: str = "0", today: date = TODAY, pointer: str = ""
) -> Any:
    return rules.refusal(
        wishes or [wish()], {MISSION: mission or state()}, {CONSULTANT: assigned or assignment()},
        {(PERSON, DAY): Decimal(taken)}, today, pointer=pointer,
    )  # fmt: skip


def test_nothing_speaks_against_an_ordinary_day() -> None:
    assert why() is None


@pytest.mark.parametrize(
    ("mission", "assigned", "taken", "wished", "refusal", "members"),
    [
        ({"starts_on": None, "ends_on": None}, {}, "0", {}, rules.DaysExhausted, {"days_left": 0}),
        ({"starts_on": date(2023, 7, 5)}, {}, "0", {}, rules.OutsideMissionWindow, {"starts_on": "2023-07-05"}),
        ({"ends_on": date(2023, 7, 3)}, {}, "0", {}, rules.OutsideMissionWindow, {"ends_on": "2023-07-03"}),
        ({}, {"from_on": date(2023, 7, 5)}, "0", {}, rules.OutsideAssignment, {"from_on": "2023-07-05"}),
        ({}, {"until_on": date(2023, 7, 3)}, "0", {}, rules.OutsideAssignment, {"to_on": "2023-07-03"}),
        ({"step": Decimal("0.5")}, {}, "0", {"days": "0.75"}, rules.OffStep, {"step": Decimal("0.5")}),
        ({"enterable_until_on": date(2023, 7, 31)}, {}, "0", {}, rules.LateEntry, {"enterable_until_on": "2023-07-31"}),
        ({"rest_days": [DAY]}, {}, "0", {}, rules.RestDay, {"worked_on": "2023-07-04"}),
        ({"locked_months": [date(2023, 7, 1)]}, {}, "0", {}, rules.MonthLocked, {"month": "2023-07"}),
        ({}, {}, "0", {"activity": "golf"}, rules.ActivityNotListed, {"activities": ["audition", "travel"]}),
        (
            {"activities": {"audition": date(2023, 7, 3), "travel": DAY}}, {}, "0", {}, rules.ActivityNotListed,
            {"activities": ["travel"]},
        ),
        ({"days_entered": Decimal("99.75")}, {}, "0", {}, rules.DaysExhausted, {"days_left": Decimal("0.25")}),
        ({}, {"days_entered": Decimal("49.75")}, "0", {}, rules.AllotmentExhausted, {"days_left": Decimal("0.25")}),
        ({}, {}, "0.75", {}, rules.PersonDayExceeded, {"worked_on": "2023-07-04"}),
    ],
)  # fmt: skip
def test_each_reason_has_its_problem(
    mission: Any, assigned: Any, taken: str, wished: Any, refusal: Any, members: dict[str, Any]
) -> None:
    found = why(wish(**wished), mission=state(**mission), assigned=assignment(**assigned), taken=taken)
    assert type(found) is refusal
    assert {name: found.members.get(name) for name in members} == members


@pytest.mark.parametrize(
    ("mission", "assigned", "taken"),
    [
        ({"starts_on": DAY, "ends_on": DAY}, {"from_on": DAY, "until_on": DAY}, "0.5"),
        ({"enterable_until_on": TODAY}, {}, "0"),
        ({"days_entered": Decimal("99.5")}, {"days_entered": Decimal("49.5")}, "0.5"),
    ],
)
def test_the_edges_belong_to_what_is_allowed(mission: Any, assigned: Any, taken: str) -> None:
    assert why(mission=state(**mission), assigned=assignment(**assigned), taken=taken) is None


def test_a_draft_wants_no_days_and_is_held_by_its_assignment_alone() -> None:
    shut = state(starts_on=None, ends_on=None, enterable_until_on=date(2023, 7, 1), days_entered=Decimal(100))
    assert why(wish("0"), mission=shut, taken="1") is None
    assert type(why(wish("0"), assigned=assignment(until_on=date(2023, 7, 3)))) is rules.OutsideAssignment
    assert type(why(wish("0.5"), wish("0"), mission=state(ends_on=DAY), taken="0.75")) is rules.PersonDayExceeded


def test_the_most_fundamental_reason_comes_first() -> None:
    everything: dict[str, Any] = {
        "starts_on": date(2023, 8, 1), "step": Decimal("0.5"), "enterable_until_on": date(2023, 7, 1),
        "days_entered": Decimal(100),
    }  # fmt: skip
    exhausted = assignment(from_on=date(2023, 8, 1), days_entered=Decimal(50))
    order = []
    mended: dict[str, Any] = {}
    for mend in ({"starts_on": date(2023, 6, 14)}, None, {"step": Decimal("0.25")}, {"enterable_until_on": None},
                 {"days_entered": Decimal(0)}):  # fmt: skip
        order.append(type(why(wish("0.25"), mission=state(**everything | mended), assigned=exhausted, taken="1")))
        if mend is None:
            exhausted = assignment(days_entered=Decimal(50))
        else:
            mended |= mend
    order.append(type(why(wish("0.25"), mission=state(), assigned=exhausted, taken="1")))
    order.append(type(why(wish("0.25"), taken="1")))
    assert order == [
        rules.OutsideMissionWindow, rules.OutsideAssignment, rules.OffStep, rules.LateEntry, rules.DaysExhausted,
        rules.AllotmentExhausted, rules.PersonDayExceeded,
    ]  # fmt: skip


def test_wishes_count_together() -> None:
    two = [wish("0.5"), wish("0.5", date(2023, 7, 5))]
    assert type(why(*two, mission=state(days_entered=Decimal("99.25")))) is rules.DaysExhausted
    assert type(why(*two, assigned=assignment(days_entered=Decimal("49.25")))) is rules.AllotmentExhausted
    assert why(*two, taken="0.5") is None
    assert type(why(wish("0.5"), wish("0.5"), taken="0.25")) is rules.PersonDayExceeded


def test_what_is_not_there_is_told_with_its_place() -> None:
    found = why(wish(), wish(consultant_id=A), wish(mission_id=B), pointer="/items/{}")
    assert [error.pointer for error in found.errors] == [
        "/items/1/consultant_id", "/items/2/mission_id", "/items/2/consultant_id",
    ]  # fmt: skip
    assert [error.pointer for error in why(wish(consultant_id=A)).errors] == ["/consultant_id"]


quarters = st.integers(min_value=1, max_value=4).map(lambda n: Decimal(n) / 4)


@given(
    st.lists(st.tuples(quarters, st.integers(0, 5)), min_size=1, max_size=12),
    st.integers(0, 40).map(lambda n: Decimal(n) / 4),
    st.integers(0, 40).map(lambda n: Decimal(n) / 4),
)
def test_wishes_are_let_through_exactly_where_every_sum_fits(
    wanted: list[tuple[Decimal, int]], left: Decimal, allotted: Decimal
) -> None:
    wishes = [wish(str(days), date(2023, 7, 4 + offset)) for days, offset in wanted]
    found = why(*wishes, mission=state(days_ordered=left), assigned=assignment(days_allotted=allotted))
    total = sum(days for days, _ in wanted)
    by_day = [sum(days for days, place in wanted if place == offset) for offset in range(6)]
    assert (found is None) is (total <= left and total <= allotted and max(by_day) <= 1)
