"""What waits for whom: each item counts exactly what its link lists, and is told to who may act."""

import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.access.rules import MATRIX, Role
from app.core import clock
from app.core.values import iban_from
from app.engineering.follow_up import to_do as engineering
from app.reports.to_do import KINDS
from tests.contract.cures import subject
from tests.contract.test_listings import count, known_callers  # noqa: F401  # a fixture
from tests.engineering.corrections.test_corrections import Certified, act, certified
from tests.world import Client, Mission, World, ok

PAGE = Path(__file__).parents[2] / "docs" / "to-do.md"
CALLERS = [*(str(role) for role in Role), "lead_judge"]


async def waiting(world: World, client: Client, path: str = "/v1/me/to-do") -> dict[str, Any]:
    """What waits for the caller in this territory, by kind; each count is what its link lists, from the oldest on."""
    items = [item for item in ok(await client.get(path))["items"] if item["territory"] == world.territory]
    for item in items:
        assert item["count"] > 0
        listed = ok(await client.get(f"{item['link']}&count=exact&limit=500"))
        assert listed["total"] == len(listed["items"]) == item["count"], item
        if item["kind"].startswith("corrections_"):
            assert listed["items"][0]["entry_worked_on"] == item["oldest_on"]
        if item["kind"].startswith("entries_"):
            assert listed["items"][0]["worked_on"] == item["oldest_on"]
    found = {item["kind"]: item for item in items}
    assert len(found) == len(items)
    return found


async def counts(world: World, name: str) -> dict[str, int]:
    mine = await waiting(world, world.clients[name])
    here = await waiting(world, world.clients[name], "engineering/to-do")
    names = {kind.name for kind in engineering.KINDS}
    assert here == {kind: item for kind, item in mine.items() if kind in names}
    return {kind: item["count"] for kind, item in mine.items()}


async def enter(world: World, mission: Mission, day: int, by: str = "consultant", **more: Any) -> str:
    side = "partner" if by == "consultant" else "lead"
    body = mission.entry(by=side, worked_on=f"2023-07-{day:02}", days=0.25, **more)
    return str(ok(await world.clients[by].post("time-entries", body), 201)["id"])


async def test_each_kind_waits_for_those_who_may_act_and_ends_with_the_act(world: World) -> None:
    mission = await world.mission(days=10)
    for name in CALLERS:
        assert await counts(world, name) == {}
    mine, theirs = await enter(world, mission, 3, by="lead"), await enter(world, mission, 4)
    assert await counts(world, "lead") == {"entries_to_validate": 1}, "the lead's own day waits for somebody else"
    assert await counts(world, "lead_judge") == {"entries_to_validate": 2}
    assert await counts(world, "operator") == {}
    item = (await waiting(world, world.clients["lead_judge"]))["entries_to_validate"]
    assert item["oldest_on"] == "2023-07-03"
    assert item["territory_name"] == world.territory
    ok(await world.lead_judge.post(f"time-entries/{mine}/validate"))
    ok(await world.lead_judge.post(f"time-entries/{theirs}/reject", {"reason": "Which firm?"}))
    assert await counts(world, "lead_judge") == {}, "the rejected day is another firm's"
    assert await counts(world, "consultant") == {"entries_rejected": 1}
    assert await counts(world, "operator") == {"entries_to_certify": 1}
    correction = await enter(world, mission, 4, corrects_id=theirs)
    assert await counts(world, "consultant") == {}
    assert await counts(world, "lead_judge") == {"entries_to_validate": 1}
    ok(await world.consultant.post(f"time-entries/{correction}/recall"))
    assert await counts(world, "consultant") == {"entries_rejected": 1}, "a draft corrects nothing"
    ok(await world.consultant.post(f"time-entries/{theirs}/recall"))
    assert await counts(world, "consultant") == {}
    await world.certify(mission, of="lead")
    assert await counts(world, "operator") == {}


async def test_a_mission_waits_from_its_lowest_threshold_until_more_days_are_ordered_or_it_is_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_on = clock.today().replace(year=clock.today().year + 1, day=1).isoformat()
    mission = await world.mission(days=1, ends_on=ends_on, alert_thresholds_bp=[5000, 10000])
    over = await world.mission(days=1, alert_thresholds_bp=[5000])
    await enter(world, mission, 3)
    await enter(world, over, 10)
    await enter(world, over, 11, by="lead")
    assert "missions_over_threshold" not in await counts(world, "operator")
    await enter(world, mission, 4, by="lead")
    [item] = [i for k, i in (await waiting(world, world.operator)).items() if k == "missions_over_threshold"]
    assert (item["count"], item["oldest_on"]) == (1, clock.today().isoformat())
    assert [m["id"] for m in ok(await world.operator.get(item["link"]))["items"]] == [mission.id]
    unfiltered = {m["id"] for m in ok(await world.operator.get("missions?over_threshold=true"))["items"]}
    assert unfiltered == {mission.id, over.id}
    assert ok(await world.operator.get("missions?over_threshold=false"))["items"] == []
    for name in CALLERS:
        if name != "operator":
            assert "missions_over_threshold" not in await counts(world, name)
    amendment = {"kind": "amendment", "reason": "More.", "reference": "AV-1", "signed_on": "2023-07-01", "days": 1}
    ok(await world.operator.post(f"missions/{mission.id}/orders", amendment), 201)
    assert "missions_over_threshold" not in await counts(world, "operator")


async def test_a_meeting_waits_for_its_minutes_once_it_was_held(world: World) -> None:
    meeting = (await world.meeting())["id"]
    assert await counts(world, "territory") == {}
    ok(await world.clients["territory"].post(f"committees/{meeting}/hold", {"held_at": "2023-10-03T12:00:00Z"}))
    for name in CALLERS:
        assert await counts(world, name) == ({"committees_without_minutes": 1} if name == "territory" else {})
    [item] = (await waiting(world, world.clients["territory"])).values()
    assert item["oldest_on"] == "2023-10-03"
    ok(await world.clients["territory"].patch(f"committees/{meeting}", {"minutes": "Adopted as it stands."}))
    assert await counts(world, "territory") == {}


async def test_an_override_waits_for_whoever_did_not_propose_it(world: World) -> None:
    siren = await world.followed_firm()
    body = {"code": "firm-ceased", "siren": siren, "reason": "The plan stands.",
            "valid_until_on": clock.today().isoformat()}  # fmt: skip
    headers = {"Idempotency-Key": "to-do-1"}
    override = ok(await world.funder.post("overrides", body, headers=headers), 201)["id"]
    for name in CALLERS:
        assert await counts(world, name) == ({"overrides_to_approve": 1} if name == "programme" else {})
    assert (await waiting(world, world.programme))["overrides_to_approve"]["oldest_on"] == clock.today().isoformat()
    proposer = {"decidable_by": str(world.subjects["funder"])}
    assert ok(await world.programme.get("overrides", params=proposer))["items"] == []
    read = await world.programme.get(f"overrides/{override}")
    ok(await world.programme.post(f"overrides/{override}/approve", headers={"If-Match": read.headers["etag"]}), 200)
    assert await counts(world, "programme") == {}


async def test_bank_details_wait_for_a_treasurer_who_did_not_propose_them(world: World) -> None:
    path = f"firms/{await world.followed_firm()}/bank-details"
    body = {"iban": iban_from(1), "holder_name": "Firm"}
    first = ok(await world.funder.post(path, body), 201)["id"]
    for name in CALLERS:
        assert await counts(world, name) == ({"bank_details_to_approve": 1} if name == "treasurer" else {})
    told = (await waiting(world, world.treasurer))["bank_details_to_approve"]
    assert told["oldest_on"] == clock.today().isoformat()
    program = await subject(world, "treasurer", kind="service_account")
    assert await waiting(world, program) == {}
    ok(await world.treasurer.post(f"{path}/{first}/approve", headers={"If-Match": "*"}))
    assert await counts(world, "treasurer") == {}
    ok(await world.treasurer.post(path, body), 201)
    assert await counts(world, "treasurer") == {}, "whoever proposed them does not decide"
    assert list(await waiting(world, await subject(world, "treasurer"))) == ["bank_details_to_approve"]


@pytest.mark.parametrize("seed", range(3))
async def test_after_any_life_a_count_is_what_its_link_lists_for_each_role(world: World, seed: int) -> None:
    chance = random.Random(seed)  # a life, not a secret
    missions = [await world.mission(days=40), await world.mission(days=40)]
    entries: list[str] = []
    acts = ["submit", "recall", "reverse", *["validate", "reject"] * 3]
    for day in range(1, 25):
        by = chance.choice(["consultant", "lead"])
        more = {"status": "draft"} if chance.random() < 0.2 else {}
        entries.append(await enter(world, missions[day % 2], day, by, **more))
    for _ in range(60):  # what the state refuses is refused
        name, act = chance.choice(["consultant", "lead", "lead_judge", "operator"]), chance.choice(acts)
        body = {"reason": "So it was."} if act in ("reject", "reverse") else None
        await world.clients[name].post(f"time-entries/{chance.choice(entries)}/{act}", body)
    for _ in range(3):
        meeting = (await world.meeting())["id"]
        if chance.random() < 0.7:
            held = {"held_at": "2023-10-03T12:00:00Z"}
            ok(await world.clients["territory"].post(f"committees/{meeting}/hold", held))
    met: Counter[str] = Counter()
    for name in CALLERS:
        met.update(await counts(world, name))
    assert set(met) >= {"entries_to_validate", "entries_to_certify", "entries_rejected"}


async def test_a_correction_waits_for_the_lead_then_for_the_operator_and_for_nobody_who_took_part(world: World) -> None:
    made = await (await certified(world, 1.0, 0.5)).proposed()
    told = {"consultant": {"certificates_to_invoice": 1}}
    agreeing = {name: {"corrections_to_agree": 1} for name in ("lead", "lead_judge")}
    for name in CALLERS:
        assert await counts(world, name) == (told | agreeing).get(name, {}), name
    ok(await act(world.lead, made, "agree"))
    for name in CALLERS:
        assert await counts(world, name) == (told | {"operator": {"corrections_to_accept": 1}}).get(name, {}), name
    ok(await act(world.operator, made, "accept"))
    assert await counts(world, "lead_judge") == {}
    assert await counts(world, "operator") == {"entries_to_certify": 1}, "the corrected day"


async def test_a_day_that_a_certificate_left_out_waits_for_its_firm_until_it_is_reversed(world: World) -> None:
    mission = await world.mission(days=10)
    kept, refused = [await enter(world, mission, day) for day in (3, 4)]
    for entry in (kept, refused):
        ok(await world.lead_judge.post(f"time-entries/{entry}/validate"))
    await world.certify(mission, refusals=[{"entry_id": refused, "reason": "The firm was closed."}])
    told = {
        "consultant": {"entries_certification_refused": 1, "certificates_to_invoice": 1},
        "operator": {"refused_entries_to_certify": 1},
    }
    for name in CALLERS:
        assert await counts(world, name) == told.get(name, {}), name
    ok(await world.consultant.post(f"time-entries/{refused}/reverse", {"reason": "It was closed."}))
    assert await counts(world, "consultant") == {"certificates_to_invoice": 1}


async def test_what_a_cancelled_certificate_left_out_waits_for_a_certificate_again(world: World) -> None:
    mission = await world.mission(days=10)
    entries = [await enter(world, mission, day) for day in (3, 4, 5)]
    for entry in entries:
        ok(await world.lead_judge.post(f"time-entries/{entry}/validate"))
    first = await world.certify(mission, refusals=[{"entry_id": e, "reason": "Closed."} for e in entries[1:]])
    ok(await world.lead_judge.post(f"time-entries/{entries[2]}/reverse", {"reason": "It was closed."}))
    path = f"service-certificates/{first['id']}"
    headers = {"If-Match": (await world.operator.get(path)).headers["etag"]}
    ok(await world.operator.post(f"{path}/cancel", {"reason": "By mistake."}, headers=headers))
    assert await counts(world, "consultant") == {}
    assert await counts(world, "operator") == {"entries_to_certify": 2}
    assert ok(await world.operator.get(f"time-entries/{entries[1]}"))["certification_refused_reason"] is None
    reversed_ = ok(await world.operator.get(f"time-entries/{entries[2]}"))
    assert (reversed_["status"], reversed_["certification_refused_reason"]) == ("reversed", None)


async def test_what_a_corrected_certificate_left_out_waits_for_a_certificate_again(world: World) -> None:
    """The acceptance of a correction cancels the certificate, and what it refused is refused no longer."""
    start = await certified(world, 1.0, 0.5)
    left_out = [await enter(world, start.mission, day) for day in (10, 11)]
    kept = await enter(world, start.mission, 12)
    for entry in (*left_out, kept):
        ok(await world.lead_judge.post(f"time-entries/{entry}/validate"))
    refusals = [{"entry_id": e, "reason": "Closed."} for e in left_out]
    again = await world.certify(start.mission, refusals=refusals)
    once_more = await enter(world, start.mission, 13)
    ok(await world.lead_judge.post(f"time-entries/{once_more}/validate"))
    await world.certify(start.mission, refusals=refusals[::-1])
    await Certified(world, start.mission, [kept], again).correct(days=0)
    left = {"refused_entries_to_certify": 2}
    assert await counts(world, "operator") == left, "the second certificate refused them too"
    await Certified(world, start.mission, [once_more], again).correct(days=0)
    assert await counts(world, "operator") == {"entries_to_certify": 2}
    assert await counts(world, "consultant") == {"certificates_to_invoice": 1}
    for entry in left_out:
        shown = ok(await world.operator.get(f"time-entries/{entry}"))
        assert (shown["status"], shown["certification_refused_reason"]) == ("validated", None)
        last = await world.pool.fetchval(
            "SELECT type FROM events WHERE resource_id = $1 ORDER BY sequence DESC LIMIT 1", entry
        )
        assert last == "time_entry.updated"


async def test_a_program_is_not_told_what_a_person_must_do(world: World) -> None:
    mission = await world.mission(days=10)
    async with world.pool.acquire() as connection:
        await world.add_subject(connection, "program", "lead", "lead", kind="service_account")
    entry = await enter(world, mission, 3, by="lead")
    await enter(world, mission, 4)
    assert await counts(world, "lead_judge") == {"entries_to_validate": 2}
    ok(await world.lead_judge.post(f"time-entries/{entry}/reject", {"reason": "Which firm?"}))
    assert await counts(world, "program") == {"entries_rejected": 1}


async def test_the_lead_of_one_mission_is_not_told_of_another_ones(world: World, other: World) -> None:
    mission = await world.mission(days=10)
    await enter(world, mission, 3)
    led = f"time-entries?led_by={world.organisations['lead']}"
    assert len(ok(await world.operator.get(led))["items"]) == 1
    await world.pool.execute("UPDATE mission_members SET role = 'partner' WHERE mission_id = $1", mission.id)
    assert await counts(world, "lead_judge") == {}
    assert ok(await world.operator.get(led))["items"] == []
    assert await waiting(world, other.lead) == {}


def test_the_page_says_who_is_told_what() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `([\w:]+)` \| ([\w, ]+) \| .* \| (yes|no) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [
        (kind.name, kind.permission, ", ".join(sorted(MATRIX[kind.permission])), "yes" if kind.by_person else "no")
        for kind in KINDS
    ]
    assert len({kind.name for kind in KINDS}) == len(KINDS)


async def test_it_is_one_query(app: Any, world: World, known_callers: None) -> None:  # noqa: F811
    mission = await world.mission(days=10)
    await enter(world, mission, 3)
    for name, queries in (("operator", 1), ("lead", 1), ("consultant", 1), ("territory", 1), ("auditor", 0)):
        client = world.clients[name]
        ok(await client.get("/v1/me/to-do"))
        assert await count(app, client, "GET", "/v1/me/to-do") == queries, name
        inside = 0 if name == "territory" else queries
        assert await count(app, client, "GET", "engineering/to-do") == inside, name
