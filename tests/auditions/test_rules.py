"""What an audition may be and become: pure decisions, by properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auditions import rules
from app.auditions.rules import AFTERWARDS, TRANSITIONS, AuditionAction, AuditionStatus

OVER = [AuditionStatus.CANCELLED, AuditionStatus.NO_SHOW]
FIELDS = st.frozensets(st.sampled_from(sorted({"kind", "held_on", "sirens", "findings", *AFTERWARDS})))


@given(st.lists(st.sampled_from(AuditionAction), min_size=1, max_size=6))
def test_an_act_is_done_once_and_only_what_was_held_is_reversed(actions: list[AuditionAction]) -> None:
    status = AuditionStatus.PLANNED
    for action in actions:
        source, target = TRANSITIONS[action]
        if status is source:
            status = rules.next_status(action, status)
            assert status is target
        else:
            with pytest.raises(rules.AuditionTransition):
                rules.next_status(action, status)


def test_every_end_is_reached_and_every_state_that_counts_has_a_way_out() -> None:
    sources, targets = zip(*TRANSITIONS.values(), strict=True)
    assert set(targets) == set(AuditionStatus) - {AuditionStatus.PLANNED}
    assert set(sources) == {AuditionStatus.PLANNED, AuditionStatus.HELD}


@given(current=st.sampled_from(AuditionStatus), fields=FIELDS)
def test_of_what_did_not_take_place_only_the_follow_up_changes(current: AuditionStatus, fields: frozenset[str]) -> None:
    if current in OVER and fields - AFTERWARDS:
        with pytest.raises(rules.AuditionOver):
            rules.may_change(current, fields)
    else:
        rules.may_change(current, fields)
