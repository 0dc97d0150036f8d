"""The life of an action as a table, without a database."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.problems import ValidationFailed
from app.roadmap import rules
from app.roadmap.rules import MOVES, NEED_REASON, ActionState

LIFE = {
    "planned": {"in_progress", "dropped"},
    "in_progress": {"done", "on_hold", "dropped"},
    "on_hold": {"in_progress", "dropped"},
    "done": {"in_progress"},
    "dropped": {"planned"},
}


def test_the_table_has_every_state() -> None:
    assert set(LIFE) == set(ActionState) == set(MOVES)


@pytest.mark.parametrize(("current", "target"), list(product(ActionState, ActionState)))
def test_every_move_is_allowed_or_told_what_is(current: ActionState, target: ActionState) -> None:
    if target in LIFE[current]:
        rules.check_move(current, target, "For a reason.")
        if (current, target) in NEED_REASON:
            with pytest.raises(ValidationFailed):
                rules.check_move(current, target, None)
        else:
            rules.check_move(current, target, None)
        return
    with pytest.raises(rules.ActionMoveRefused) as refused:
        rules.check_move(current, target, "For a reason.")
    assert refused.value.members["allowed"] == sorted(LIFE[current])


def test_what_ends_rests_or_comes_back_is_told_with_a_reason() -> None:
    free = {(source, target) for source, targets in LIFE.items() for target in targets} - NEED_REASON
    assert free == {("planned", "in_progress"), ("in_progress", "done"), ("on_hold", "in_progress")}


@given(st.lists(st.sampled_from(ActionState)))
def test_nothing_is_done_that_was_not_in_progress(targets: list[ActionState]) -> None:
    state = ActionState.PLANNED
    for target in targets:
        try:
            rules.check_move(state, target, "For a reason.")
        except rules.ActionMoveRefused:
            continue
        assert target is not ActionState.DONE or state is ActionState.IN_PROGRESS
        state = target
