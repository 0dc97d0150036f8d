"""What an audition may be and become: pure decisions, by properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auditions import rules
from app.auditions.rules import AFTERWARDS, TRANSITIONS, AuditionAction, AuditionStatus

OVER = [AuditionStatus.CANCELLED, AuditionStatus.NO_SHOW]
FIELDS = st.frozensets(st.sampled_from(sorted({"kind", "held_on", "sirens", "findings", *AFTERWARDS})))


@given(st.lists(st.sampled_from(AuditionAction), min_size=1, max_size=6))
def test_the_first_act_decides_and_no_other_follows(actions: list[AuditionAction]) -> None:
    status = rules.next_status(actions[0], AuditionStatus.PLANNED)
    assert status is TRANSITIONS[actions[0]]
    for action in actions[1:]:
        with pytest.raises(rules.AuditionTransition):
            rules.next_status(action, status)


def test_every_end_is_reached_by_one_act() -> None:
    assert sorted(TRANSITIONS.values()) == sorted(set(AuditionStatus) - {AuditionStatus.PLANNED})


@given(current=st.sampled_from(AuditionStatus), fields=FIELDS)
def test_of_what_did_not_take_place_only_the_follow_up_changes(current: AuditionStatus, fields: frozenset[str]) -> None:
    if current in OVER and fields - AFTERWARDS:
        with pytest.raises(rules.AuditionOver):
            rules.may_change(current, fields)
    else:
        rules.may_change(current, fields)
