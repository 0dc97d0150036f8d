"""Decisions under real parallel connections: the last cents, one file and two meetings, and what happens beside."""

import asyncio
from collections import Counter
from datetime import date
from typing import Any

import httpx2

from app.commands.tick import take_silences
from tests.applications.acts import act, history, read
from tests.applications.meetings import (
    DECIDED,
    admitted,
    close,
    contribute,
    decide,
    decided,
    decision,
    frozen,
    item,
    meeting,
    replan,
)
from tests.envelopes.acts import key
from tests.projects.acts import staff
from tests.world import World, ok

LATER = "2024-05-20"


def answers(responses: list[httpx2.Response]) -> Counter[str]:
    return Counter(r.json()["type"].removeprefix("/problems/") if r.is_error else str(r.status_code) for r in responses)


async def selected(world: World, count: int) -> list[dict[str, Any]]:
    """Files that a territorial meeting pre-selected."""
    files = [await admitted(world) for _ in range(count)]
    path = await meeting(world)
    await frozen(world, path, *(item(file) for file in files))
    await decided(world, path, *(decision(file) for file in files))
    return files


async def test_fifty_decisions_at_once_share_out_the_last_cents_and_the_numbers(world: World) -> None:
    files = await selected(world, 10)
    meetings = [await meeting(world, "state_region", on=LATER) for _ in range(5)]
    for path in meetings:
        await frozen(world, path, *(item(file, "grant") for file in files))
    await contribute(world, 7 * 200 + 150)
    asked = [
        decide(world, path, decision(file, "grant", grant_cents=120, advance_cents=80))
        for file in files
        for path in meetings
    ]
    given = answers(await asyncio.gather(*asked))
    while given.pop("busy", 0):  # who waited more than three seconds asks again
        more = [
            decide(world, path, decision(file, "grant", grant_cents=120, advance_cents=80))
            for file in files
            for path in meetings[:1]
        ]
        given += answers(await asyncio.gather(*more))
    assert given["201"] == 7
    assert set(given) == {"201", "envelope-exhausted", "already-decided"}
    assert ok(await world.auditor.get("envelope"), 200)["available_cents"] == 150
    states = Counter([(await read(world, file))["state"] for file in files])
    assert states == {"granted": 7, "pre_selected": 3}
    for path in meetings:
        numbers = [each["number"] for each in ok(await staff(world).get(f"{path}/decisions"), 200)["items"]]
        assert numbers == list(range(1, len(numbers) + 1))
    awards = ok(await world.auditor.get("grants?limit=500"), 200)["items"]
    assert len({each["decision_reference"] for each in awards}) == 7


async def test_one_file_is_decided_by_one_of_two_meetings_and_a_withdrawal_beside_a_grant_by_either(
    world: World,
) -> None:
    await contribute(world, 10_000_00)
    for number in range(6):
        (file,) = await selected(world, 1)
        paths = [await meeting(world, "state_region", on=LATER) for _ in range(2)]
        for path in paths:
            await frozen(world, path, item(file, "grant"))
        grants = [decide(world, path, decision(file, "grant", grant_cents=1, advance_cents=0)) for path in paths]
        if number % 2:
            found = await asyncio.gather(grants[0], act(world, file["id"], "withdraw", LATER))
            grants[1].close()
            assert sum(r.is_success for r in found) == 1
            assert {r.status_code for r in found if r.is_error} == {409}
        else:
            assert answers(await asyncio.gather(*grants)) == {"201": 1, "already-decided": 1}
        state = (await read(world, file))["state"]
        awards = ok(await world.auditor.get(f"grants?siren={file['siren']}"), 200)["items"]
        assert (state, len(awards)) in (("granted", 1), ("withdrawn", 0))


async def test_a_decision_of_the_last_day_stands_whether_the_tick_comes_before_beside_or_after(
    world: World, app: Any
) -> None:
    sessions = app.state["sessions"]
    for order in range(3):
        file = await admitted(world)
        last_day = (await read(world, file))["decision_ends_on"]
        path = await meeting(world, on=last_day)
        # The certificates have expired by then: a deferral asks for none.
        await frozen(world, path, item(file, "defer"))
        taken, tick = decide(world, path, decision(file, "defer")), take_silences(sessions, date(2025, 1, 1))
        if order == 0:
            ok(await taken, 201)
            await tick
        elif order == 1:
            await tick
            ok(await taken, 201)
        else:
            found, _ = await asyncio.gather(taken, tick)
            ok(found, 201)
        acts = [(each, on) for each, on in await history(world, file) if each in ("defer", "silence_rejects")]
        assert ("defer", last_day) in acts
        await take_silences(sessions, date(2025, 1, 1))
        assert (await read(world, file))["state"] == "implicitly_rejected"  # a deferral stops no clock


async def test_errata_at_once_at_a_meeting_without_an_agenda_are_all_numbered(world: World) -> None:
    await selected(world, 1)
    (held,) = ok(await staff(world).get("committees"), 200)["items"]
    (made,) = ok(await staff(world).get(f"committees/{held['id']}/decisions"), 200)["items"]
    ok(await close(world, f"committees/{held['id']}"), 200)
    later = await meeting(world, on=LATER)
    erratum = {"corrects_id": made["id"], "reason": "A vote.", "votes": {"for": 1, "against": 0, "abstained": 0}}
    path, committee = f"{later}/errata", world.clients["committee"]
    found = await asyncio.gather(*(committee.post(path, erratum, headers=key()) for _ in range(6)))
    assert answers(found) == {"201": 6}
    assert sorted(each.json()["number"] for each in found) == [1, 2, 3, 4, 5, 6]


async def test_contributions_batches_in_opposite_order_reversals_and_closings_never_deadlock(world: World) -> None:
    await contribute(world, 1_000_000_00)
    files = await selected(world, 6)
    paths = [await meeting(world, "state_region", on=LATER) for _ in range(2)]
    for path in paths:
        await frozen(world, path, *(item(file, "grant") for file in files))
    bodies = [decision(file, "grant", grant_cents=2, advance_cents=1) for file in files]

    async def reverse_all(path: str) -> list[httpx2.Response]:
        made = ok(await staff(world).get(f"{path}/decisions"), 200)["items"]
        committee = world.clients["committee"]
        return [
            await committee.post(f"{path}/decisions/{each['id']}/reverse", {"reason": "Again."})
            for each in made
            if each["reversed_at"] is None
        ]

    for round_ in range(3):
        found = await asyncio.gather(
            decide(world, paths[0], *bodies),
            decide(world, paths[1], *reversed(bodies)),
            contribute(world, 100, f"R-{round_}"),
            world.clients["committee"].post(f"{paths[0]}/close"),
        )
        codes = answers([found[0], found[1]])
        assert codes["201"] == 1, codes
        assert set(codes) == {"201", "already-decided"}  # a deadlock would be busy
        back = [each for path in paths for each in await reverse_all(path)]
        assert {each.status_code for each in back} == {200}
        for file in files:
            await replan(world, file)
    envelope = ok(await world.auditor.get("envelope"), 200)
    assert envelope["available_cents"] == 1_000_000_00 + 300
    ok(await close(world, await meeting(world, on=DECIDED)), 200)  # without an agenda, as before
