"""Two answers to one question are one figure: after a random life every report says the same of every day."""

import random
from datetime import date, timedelta

import pytest

from tests.lives import FRESH, MORE, seed_of
from tests.world import World, ok

FIRST, LAST = date(2023, 5, 31), date(2023, 10, 3)
SEEDS = (1, 2, 3, FRESH)


async def _live(world: World, chance: random.Random) -> None:
    """Entries on any day, drafts, reversals, amendments, and months that close over all of them."""
    mission = await world.mission(days=40, step=0.25)
    entered: list[str] = []
    for turn in range(40):
        act = chance.choice(["enter"] * 5 + ["reverse"] * 3 + ["lock", "amend", "draft"])
        day = date(2023, 6, 14) + timedelta(days=chance.randrange(100))
        if act in ("enter", "draft"):
            status = "draft" if act == "draft" else "submitted"
            body = mission.entry(worked_on=day.isoformat(), days=chance.choice([0.25, 0.5, 1]), status=status)
            answer = await world.consultant.post("time-entries", body)
            if answer.status_code == 201 and act == "enter":
                entered.append(answer.json()["id"])
        elif act == "reverse" and entered:
            place = f"time-entries/{entered.pop(chance.randrange(len(entered)))}"
            version = ok(await world.consultant.get(place))["version"]
            ok(
                await world.consultant.post(
                    f"{place}/reverse", {"reason": "Twice."}, headers={"If-Match": f'"{version}"'}
                )
            )
        elif act == "lock":
            month = {"mission_id": mission.id, "month": f"2023-{chance.choice(['06', '07', '08'])}"}
            await world.operator.post("month-locks", month)
        elif act == "amend":
            order = {
                "kind": "amendment",
                "reference": f"A{turn}",
                "signed_on": day.isoformat(),
                "days": 0.5,
                "reason": "More",
            }
            ok(await world.operator.post(f"missions/{mission.id}/orders", order), 201)


@pytest.mark.parametrize("seed", [*SEEDS, *MORE])
async def test_the_summary_and_the_follow_up_agree_on_every_day(world: World, seed: int | str) -> None:
    await _live(world, random.Random(seed_of(seed)))
    for ahead in range((LAST - FIRST).days + 1):
        day = {"as_of": (FIRST + timedelta(days=ahead)).isoformat()}
        summary = ok(await world.auditor.get("summary", params=day))
        engineering = ok(await world.operator.get("engineering", params=day))
        for figure in ("days_ordered", "days_entered", "days_left"):
            assert summary[figure] == engineering[figure], (day, figure)


async def test_what_was_reversed_after_its_month_closed_counts_until_then(world: World) -> None:
    mission = await world.mission(days=10)
    made = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-08-22", days=1)), 201)
    ok(await world.operator.post("month-locks", {"mission_id": mission.id, "month": "2023-08"}), 201)
    ok(
        await world.consultant.post(
            f"time-entries/{made['id']}/reverse", {"reason": "Twice."}, headers={"If-Match": '"1"'}
        )
    )
    for day, days in (("2023-08-31", 1), ("2023-09-01", 0)):
        told = {
            ok(await world.operator.get(report, params={"as_of": day}))["days_entered"]
            for report in ("engineering", "summary")
        }
        assert told == {days}, day
