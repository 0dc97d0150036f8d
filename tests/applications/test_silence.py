"""What silence decides: the last minute and the next, the tick, and acts that were done in time and recorded late."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from app.commands.tick import take_silences
from app.core import clock
from app.core.writing.passages import Silences
from tests.applications.acts import act, body_of, done, draft, history, oriented, read, submitted
from tests.applications.test_states import stored, tick
from tests.conftest import Frozen
from tests.projects.acts import staff
from tests.world import World, ok, problem


def last_minute(day: str) -> datetime:
    """The last second of a day in Paris."""
    return datetime.combine(date.fromisoformat(day), time(23, 59, 59), clock.PARIS)


# Received on, last day to decide admissibility, last day to decide: over both changes of clocks, the leap day, the end
# of a longer month.
TIMES = [
    ("2024-01-15", "2024-03-15", "2024-09-15"),
    ("2024-02-10", "2024-04-10", "2024-10-10"),
    ("2024-09-05", "2024-11-05", "2025-05-05"),
    ("2023-12-31", "2024-02-29", "2024-08-31"),
    ("2024-06-30", "2024-08-30", "2025-02-28"),
    ("2024-01-27", "2024-03-27", "2024-09-27"),
    ("2024-08-27", "2024-10-27", "2025-04-27"),
]


@pytest.mark.parametrize(("received", "admissibility", "decision"), TIMES)
async def test_a_time_ends_with_the_last_minute_of_its_last_day_in_paris(
    frozen: Frozen, received: str, admissibility: str, decision: str
) -> None:
    world = await frozen.world()
    first, second = [await submitted(world, day=received) for _ in range(2)]
    assert (first["admissibility_ends_on"], first["decision_ends_on"]) == (admissibility, decision)
    assert first["silence_on"] == str(date.fromisoformat(admissibility) + timedelta(days=1))
    async with frozen.at(last_minute(admissibility)):
        assert (await done(world, first, "admit"))["state"] == "admissible"
    async with frozen.at(last_minute(admissibility) + timedelta(seconds=1)):
        before = await stored(world, second)
        refused = problem(await act(world, second["id"], "admit"), 409, "clock-has-run-out")
        assert (refused["last_day"], refused["state"]) == (admissibility, "deemed_admissible")
        assert await stored(world, second) == before
        assert (await done(world, second, "open-review"))["state"] == "under_review"
    async with frozen.at(last_minute(decision)):
        assert (await done(world, first, "withdraw"))["state"] == "withdrawn"
        until = str(date.fromisoformat(decision) + timedelta(days=30))
        told = await act(world, second["id"], "extend", until_on=decision)
        assert problem(told, 409, "extension-not-later")["last_day"] == decision
        answer = await world.funder.post(
            f"applications/{second['id']}/extend?dry_run=true", {"until_on": until, "reason": "An expert."}
        )
        assert ok(answer, 200)["decision_ends_on"] == until
    async with frozen.at(last_minute(decision) + timedelta(seconds=1)):
        refused = problem(await act(world, second["id"], "extend", until_on=until), 409, "extension-too-late")
        assert refused["last_day"] == decision
        refused = problem(await act(world, second["id"], "withdraw"), 409, "clock-has-run-out")
        assert (refused["last_day"], refused["state"]) == (decision, "implicitly_rejected")
    assert (await read(world, second))["state"] == "under_review"


async def test_the_tick_takes_each_silence_once_on_its_own_day(world: World, app: Any) -> None:
    file = await submitted(world)
    await tick(app, "2024-03-15")
    assert (await read(world, file))["state"] == "submitted"
    await tick(app, "2024-03-16")
    assert (await read(world, file))["state"] == "deemed_admissible"
    events = [(row["type"], row["actor_kind"]) for row in await world.events(file["id"])]
    assert events[-1] == ("application.deemed_admissible", "system")
    assert await tick(app, "2024-03-16") == 0
    late = await submitted(world)
    await tick(app, "2024-12-01")
    for each in (file, late):
        assert (await read(world, each))["state"] == "implicitly_rejected"
        assert await history(world, each) == [
            ("submit", "2024-01-15"), ("silence_admits", "2024-03-16"), ("silence_rejects", "2024-09-16"),
        ]  # fmt: skip
        versions = [row["resource_version"] for row in await world.events(each["id"])]
        assert versions == [1, 2, 3, 4]
        states = [row["data"] for row in await world.events(each["id"])]
        assert '"deemed_admissible"' in states[-2]
        assert '"implicitly_rejected"' in states[-1]
    assert await world.differences(app.state["engine"]) == []


async def test_a_stop_moves_both_ends_and_an_answer_brings_them_back(world: World, app: Any) -> None:
    file = await submitted(world)
    asked = await done(world, file, "request-documents", "2024-02-01", given_until_on="2024-03-01")
    assert (asked["admissibility_ends_on"], asked["decision_ends_on"]) == ("2024-04-13", "2024-10-14")
    complete = await done(world, file, "complete", "2024-02-20")
    assert (complete["admissibility_ends_on"], complete["decision_ends_on"]) == ("2024-04-03", "2024-10-04")
    asked = await done(world, file, "request-documents", "2024-02-21", indispensable=False, given_until_on="2024-03-20")
    assert asked["admissibility_ends_on"] == "2024-04-03", "what is not indispensable stops nothing"
    await tick(app, "2024-04-03")
    assert (await read(world, file))["state"] == "incomplete"
    await tick(app, "2024-04-04")
    assert (await read(world, file))["state"] == "deemed_admissible"
    assert await world.differences(app.state["engine"]) == []


async def test_a_request_gives_twelve_months_at_most(world: World) -> None:
    file = await submitted(world, day="2024-02-29")
    answer = await act(world, file["id"], "request-documents", "2024-02-29", given_until_on="2025-03-01")
    [fault] = problem(answer, 422, "validation-failed")["errors"]
    assert (fault["pointer"], fault["code"], fault["latest_on"], fault["months"]) == (
        "/given_until_on", "given_until_too_late", "2025-02-28", 12,
    )  # fmt: skip
    assert "2025-02-28" in fault["detail"]
    asked = await done(world, file, "request-documents", "2024-02-29", given_until_on="2025-02-28")
    assert asked["admissibility_ends_on"] == "2025-04-29"


async def test_of_a_stop_and_an_extension_of_one_day_the_later_moves_what_the_earlier_left(world: World) -> None:
    day, given, until = "2024-02-01", {"given_until_on": "2024-03-01"}, {"until_on": "2025-01-01"}
    file = await submitted(world)
    await done(world, file, "request-documents", day, **given)
    assert (await done(world, file, "extend", day, **until))["decision_ends_on"] == "2025-01-01", "it fixes the day"
    file = await submitted(world)
    await done(world, file, "extend", day, **until)
    asked = await done(world, file, "request-documents", day, **given)
    assert asked["decision_ends_on"] == "2025-01-30", "29 stopped days move the day that was fixed"


async def test_the_time_to_decide_counts_from_the_acknowledgement(world: World) -> None:
    file = await submitted(world)
    told = await done(world, file, "acknowledge", "2024-01-20")
    assert (told["acknowledged_on"], told["decision_ends_on"], told["admissibility_ends_on"]) == (
        "2024-01-20", "2024-09-20", "2024-03-15",
    )  # fmt: skip
    problem(await act(world, file["id"], "acknowledge", "2024-01-20"), 409, "invalid-transition")
    same_day = await done(world, await submitted(world), "acknowledge")
    assert (same_day["acknowledged_on"], same_day["acknowledgement_reference"]) == ("2024-01-15", "AR-1")


# Each act of the last day, and what silence decides after it all the same.
LATE: dict[str, list[tuple[str, str]]] = {
    "admit": [("silence_rejects", "2024-09-16")],
    "declare-inadmissible": [],
    "withdraw": [],
    "request-documents": [("silence_admits", "2024-03-16"), ("silence_rejects", "2024-09-16")],
    "extend": [("silence_admits", "2024-03-16")],
}


@pytest.mark.parametrize("verb", LATE)
async def test_an_act_of_the_last_day_that_is_recorded_after_the_tick_reverses_the_silence(
    world: World, app: Any, verb: str
) -> None:
    on, again = "2024-03-15", LATE[verb]
    early, late = [await submitted(world) for _ in range(2)]
    await done(world, early, verb, on)
    await tick(app, "2024-12-01")
    await tick(app, "2024-12-01")
    kept = await read(world, late)
    assert kept["state"] == "implicitly_rejected"
    told = await done(world, late, verb, on)
    name = verb.replace("-", "_")
    assert (await history(world, late))[3:] == [("reverse_silence", on), ("reverse_silence", on), (name, on), *again]
    items = ok(await staff(world).get(f"applications/{late['id']}/history"), 200)["items"]
    assert [each["reversed"] for each in items] == [False, True, True, *[False] * (3 + len(again))]
    assert [each["reverses_number"] for each in items[3:5]] == [3, 2]
    assert [each["recorded_by"] is None for each in items[5:]] == [False, *[True] * len(again)]
    assert told == await read(world, late)
    ends = ("state", "admissibility_ends_on", "decision_ends_on", "silence_on", "acknowledged_on")
    first, second = [await read(world, each) for each in (early, late)]
    assert [first[name] for name in ends] == [second[name] for name in ends], "as if it had been recorded in time"
    assert await world.differences(app.state["engine"]) == []


async def test_an_act_that_decides_nothing_leaves_what_silence_has_decided(world: World, app: Any) -> None:
    today = clock.today()
    file = await submitted(world, day=str(today - timedelta(days=100)))
    await tick(app)
    told = await done(world, file, "extend", str(today - timedelta(days=90)))
    follows = ok(await staff(world).get(f"applications/{file['id']}/transitions"), 200)
    assert told["state"] == (await read(world, file))["state"] == follows["state"] == "deemed_admissible"
    events = [(row["type"], row["actor_kind"], row["resource_version"]) for row in await world.events(file["id"])]
    assert events[2:] == [
        ("application.deemed_admissible", "system", 3), ("application.extended", "person", 4),
        ("application.deemed_admissible", "system", 5),
    ]  # fmt: skip


@pytest.mark.parametrize("ticked", [False, True])
async def test_an_act_dated_after_the_last_day_is_too_late_whether_the_tick_has_run_or_not(
    world: World, app: Any, ticked: bool
) -> None:
    file = await submitted(world)
    if ticked:
        await tick(app, "2024-12-01")
    before = await stored(world, file)
    for verb in ("admit", "declare-inadmissible", "request-documents", "acknowledge"):
        refused = problem(await act(world, file["id"], verb, "2024-03-16"), 409, "clock-has-run-out")
        assert (refused["last_day"], refused["silence_on"]) == ("2024-03-15", "2024-03-16")
    refused = problem(await act(world, file["id"], "withdraw", "2024-09-16"), 409, "clock-has-run-out")
    assert (refused["last_day"], refused["state"]) == ("2024-09-15", "implicitly_rejected")
    problem(await act(world, file["id"], "extend", "2024-09-16"), 409, "extension-too-late")
    assert await stored(world, file) == before
    told = await done(world, file, "open-review", "2024-03-16")
    assert told["state"] == ("implicitly_rejected" if ticked else "under_review")
    recorded = [each for each in await history(world, file) if "silence" in each[0]]
    if ticked:
        assert recorded == [("silence_admits", "2024-03-16"), ("silence_rejects", "2024-09-16"),
                            ("reverse_silence", "2024-03-16"), ("silence_rejects", "2024-09-16")]  # fmt: skip
    else:
        assert recorded == [("silence_admits", "2024-03-16")]
    assert await world.differences(app.state["engine"]) == []


async def test_a_silence_that_a_new_file_rests_on_stands(world: World, app: Any) -> None:
    made = await oriented(world)
    file = await submitted(world, made)
    await tick(app, "2024-12-01")
    again = await draft(world, made, refiles_id=file["id"])
    before = await stored(world, file)
    problem(await act(world, file["id"], "withdraw", "2024-09-15"), 409, "refiled")
    problem(await act(world, file["id"], "admit", "2024-03-15"), 409, "refiled")
    assert await stored(world, file) == before
    ok(await staff(world).delete(f"applications/{again['id']}"), 204)
    unnamed = await draft(world, made)
    problem(await act(world, file["id"], "open-review", "2024-09-15"), 409, "refiled")
    ok(await staff(world).delete(f"applications/{unnamed['id']}"), 204)
    assert (await done(world, file, "withdraw", "2024-09-15"))["state"] == "withdrawn"
    problem(await staff(world).post("applications", body_of(made, refiles_id=file["id"])), 409, "not-refilable")


async def test_the_tick_takes_many_files_in_batches_in_the_order_of_their_days(world: World, app: Any) -> None:
    days = ["2024-01-10", "2024-01-15", "2024-05-20", "2023-11-02", "2024-01-15"]
    await tick(app)
    files = [await submitted(world, day=day) for day in days]
    said: list[str] = []
    taken = await take_silences(app.state["sessions"], date(2025, 6, 1), batch=2, say=said.append)
    assert taken == 10
    assert len(said) >= 3
    rows = await world.pool.fetch(
        "SELECT data->>'state' AS state, resource_id FROM events WHERE territory = $1 AND type LIKE 'application.%'"
        " AND actor_kind = 'system' ORDER BY sequence",
        world.territory,
    )
    told = [await history(world, file) for file in files]
    due = {(file["id"], each): on for file, acts in zip(files, told, strict=True) for each, on in acts}
    act_of = {"deemed_admissible": "silence_admits", "implicitly_rejected": "silence_rejects"}
    in_order = [due[row["resource_id"], act_of[row["state"]]] for row in rows]
    assert len(in_order) == 10
    assert in_order == sorted(in_order)


async def test_a_tick_that_dies_is_gone_on_with(world: World, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await tick(app)
    files = [await submitted(world) for _ in range(3)]
    decide: Callable[..., Any] = Silences._record
    calls = 0

    async def dies(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ConnectionError("killed")
        await decide(*arguments)

    monkeypatch.setattr(Silences, "_record", dies)
    with pytest.raises(ConnectionError):
        await take_silences(app.state["sessions"], date(2024, 12, 1))
    assert [(await read(world, file))["state"] for file in files] == ["submitted"] * 3
    monkeypatch.undo()
    await take_silences(app.state["sessions"], date(2024, 12, 1), batch=2)
    for file in files:
        assert (await read(world, file))["state"] == "implicitly_rejected"
        assert len(await history(world, file)) == 3


async def test_what_waits_is_told_to_who_acts(world: World) -> None:
    today = clock.today()
    soon = await submitted(world, day=(today - timedelta(days=50)).isoformat())
    waiting = await submitted(world, day=today.isoformat())
    first, second = [(today + timedelta(days=days)).isoformat() for days in (3, 20)]
    await done(world, waiting, "request-documents", given_until_on=first)
    await done(world, waiting, "complete")
    await done(world, waiting, "request-documents", given_until_on=second)
    told = {}
    for role in ("funder", "territory", "committee"):
        items = ok(await world.clients[role].get("/v1/me/to-do"), 200)["items"]
        told[role] = {each["kind"]: each for each in items if each["territory"] == world.territory}
        for each in told[role].values():
            listed = ok(await world.clients[role].get(f"{each['link']}&count=exact"), 200)
            assert listed["total"] == each["count"]
    assert told["funder"]["applications_before_silence"]["count"] == 1
    assert told["funder"]["applications_before_silence"]["oldest_on"] == soon["silence_on"]
    assert told["territory"]["applications_awaiting_documents"]["count"] == 1
    assert told["territory"]["applications_awaiting_documents"]["oldest_on"] == second
    assert not {"applications_before_silence", "applications_awaiting_documents"} & told["committee"].keys()
