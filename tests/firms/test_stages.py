"""The stages of a firm as a state machine, and what a territory reads off them on any day."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.problems import ValidationFailed
from app.firms.rules import (
    ENDS,
    FORWARD,
    SECTIONS,
    WITH_REASON,
    Stage,
    StageNotReachable,
    StageOn,
    admit,
    divisions,
    reachable,
    standing,
)
from tests.world import World, ok, problem

STAGES = st.sampled_from(Stage)
DAYS = st.dates(date(2023, 6, 1), date(2023, 6, 12))
REASONS = st.sampled_from([None, "Because."])


@given(st.lists(st.tuples(STAGES, DAYS, REASONS), max_size=25))
def test_whatever_is_tried_each_stage_that_counts_follows_from_the_one_before(
    tried: list[tuple[Stage, date, str | None]],
) -> None:
    recorded: list[StageOn] = []
    for stage, day, reason in tried:
        new = StageOn(stage, day)
        try:
            admit(recorded, new, reason)
        except (StageNotReachable, ValidationFailed):
            continue
        recorded.append(new)
    counting = standing(recorded)
    for earlier, later in pairwise(counting):
        assert earlier.effective_on < later.effective_on
        assert earlier.stage is later.stage or later.stage in reachable(earlier.stage)


@given(STAGES, STAGES, REASONS)
def test_a_step_is_admitted_with_its_reason_and_refused_without(a: Stage, b: Stage, reason: str | None) -> None:
    def admitted(reason: str | None) -> bool:
        try:
            admit([StageOn(a, date(2023, 6, 1))], StageOn(b, date(2023, 6, 2)), reason)
        except (StageNotReachable, ValidationFailed):
            return False
        return True

    assert admitted("Because.") is (a is b or b in reachable(a))
    assert admitted(None) is ((a is b and b not in ENDS) or b in FORWARD[a])
    assert not FORWARD[a] & WITH_REASON[a]


def test_every_stage_is_reached_from_the_first_and_none_is_a_trap() -> None:
    for start in Stage:
        found, fresh = {start}, {start}
        while fresh:
            fresh = {after for stage in fresh for after in reachable(stage)} - found
            found |= fresh
        assert found == set(Stage), start


def test_of_two_stages_on_one_day_the_one_recorded_last_counts() -> None:
    day = date(2023, 6, 1)
    assert standing([StageOn(Stage.DECLINED, day), StageOn(Stage.SOLICITED, day)]) == [StageOn(Stage.SOLICITED, day)]


def test_every_division_stands_in_one_section_of_its_nomenclature() -> None:
    for version, sections in SECTIONS.items():
        found = [division for division in divisions(sections) if division.startswith(version)]
        assert len(found) == len(set(found)) >= 87
    assert "naf_rev2:25" in divisions(["C"])
    assert "naf_2025:25" in divisions(["C"])
    assert divisions(["V"]) == ["naf_2025:99"]


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def put(world: World, siren: str, stage: str, day: str, reason: str | None = None) -> Any:
    body = {"stage": stage, "effective_on": day, "reason": reason}
    return await world.clients["territory"].put(f"firms/{siren}", body)


async def test_a_firm_does_not_jump_over_stages(world: World) -> None:
    siren = await world.add_firm()
    ok(await put(world, siren, "identified", "2023-06-14"), 201)
    refused = problem(await put(world, siren, "supported", "2023-06-20"), 409, "stage-not-reachable")
    assert (refused["from_stage"], refused["to_stage"]) == ("identified", "supported")
    assert refused["allowed"] == ["solicited", "interviewed", "declined", "unreachable"]
    assert ok(await world.lead.get(f"firms/{siren}"))["stage"] == "identified"
    assert len(ok(await world.lead.get(f"firms/{siren}/stages"))["items"]) == 1


@pytest.mark.parametrize("stage", ["declined", "unreachable"])
async def test_an_end_says_why(world: World, stage: str) -> None:
    siren = await world.add_firm()
    ok(await put(world, siren, "solicited", "2023-06-14"), 201)
    for path in (siren, await world.add_firm()):
        refused = problem(await put(world, path, stage, "2023-06-20"), 422, "validation-failed")
        assert [(e["pointer"], e["code"]) for e in refused["errors"]] == [("/reason", "reason_required")]
    ok(await put(world, siren, stage, "2023-06-20", "No answer to three letters."))


async def test_a_stage_put_between_two_others_follows_and_is_followed(world: World) -> None:
    siren = await world.add_firm()
    ok(await put(world, siren, "identified", "2023-06-14"), 201)
    ok(await put(world, siren, "interviewed", "2023-07-04"))
    ok(await put(world, siren, "solicited", "2023-06-20"))
    problem(await put(world, siren, "supported", "2023-06-25", "Late."), 409, "stage-not-reachable")
    assert ok(await world.lead.get(f"firms/{siren}"))["stage"] == "interviewed"


async def test_a_mistake_is_corrected_by_another_stage_of_the_same_day(world: World) -> None:
    siren = await world.add_firm()
    ok(await put(world, siren, "solicited", "2023-06-14"), 201)
    ok(await put(world, siren, "declined", "2023-06-20", "Wrong firm."))
    ok(await put(world, siren, "interviewed", "2023-06-20"))
    funnel = ok(await world.lead.get("firms/funnel?as_of=2023-06-30"))
    assert (funnel["firms_by_stage"]["interviewed"], funnel["firms_by_stage"]["declined"]) == (1, 0)


async def test_the_funnel_and_the_response_rate_of_any_day(world: World) -> None:
    empty = ok(await world.committee.get("/v1/me"))  # a committee reads summaries, not the firms
    assert empty["subject_id"]
    assert ok(await world.lead.get("firms/funnel"))["response_rate"] is None
    for number in range(7):
        siren = await world.add_firm()
        ok(await put(world, siren, "identified", "2023-06-14"), 201)
        if number < 6:
            ok(await put(world, siren, "solicited", "2023-06-20"))
        if number < 3:
            audition = await world.audition(siren)
            ok(await world.consultant.post(f"auditions/{audition['id']}/hold", {"held_on": "2023-07-04"}))
        if number == 3:  # a stage that is typed is no interview
            ok(await put(world, siren, "interviewed", "2023-07-04"))
        if number == 0:
            ok(await put(world, siren, "declined", "2023-07-10", "Not now."))
        if number == 5:
            ok(await put(world, siren, "unreachable", "2023-07-10", "No answer."))
    seen = {}
    for day in ("2023-06-13", "2023-06-14", "2023-06-30", "2023-07-04", "2023-12-31"):
        found = ok(await world.auditor.get(f"firms/funnel?as_of={day}"))
        assert sum(found["firms_by_stage"].values()) == found["firms"]
        seen[day] = (found["firms"], found["firms_solicited"], found["firms_interviewed"], found["response_rate"])
    assert seen == {
        "2023-06-13": (0, 0, 0, None),
        "2023-06-14": (7, 0, 0, None),
        "2023-06-30": (7, 6, 0, 0),
        "2023-07-04": (7, 6, 3, 0.5),
        "2023-12-31": (7, 6, 3, 0.5),
    }
    siren = await world.add_firm()
    ok(await put(world, siren, "solicited", "2023-07-05"), 201)
    assert ok(await world.lead.get("firms/funnel"))["response_rate"] == 0.4286


async def test_the_funnel_as_it_was_known(world: World) -> None:
    siren = await world.add_firm()
    ok(await put(world, siren, "interviewed", "2023-07-04"), 201)
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    known = ok(await world.lead.get(f"firms/funnel?as_of=2023-12-31&recorded_as_of={yesterday}"))
    assert (known["firms"], known["recorded_as_of"]) == (0, yesterday)
    refused = await world.lead.get("firms/funnel?recorded_as_of=2190-01-01")
    assert problem(refused, 422, "validation-failed")["errors"][0]["code"] == "day_not_over"


async def test_the_funnel_of_another_territory_is_not_there(world: World, other: World) -> None:
    siren = await world.add_firm()
    ok(await put(world, siren, "interviewed", "2023-07-04"), 201)
    problem(await other.lead.get(f"{world.lead.base}/firms/funnel"), 404, "not-found")
    assert ok(await other.lead.get("firms/funnel"))["firms"] == 0
