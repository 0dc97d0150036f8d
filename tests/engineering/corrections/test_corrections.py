"""Corrections of certified entries: the story, who takes which part, every state and act, and two acts at once."""

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import httpx2
import pytest

from app.engineering.certificates.rules import half_up
from app.engineering.corrections.rules import OPEN, TRANSITIONS, CorrectionAction, CorrectionStatus
from tests.contract.cures import seen, subject
from tests.world import Client, Mission, World, ok, problem

RATE = 99_999


@dataclass
class Certified:
    """Entries of the partner on one certificate, and the persons who may correct them."""

    world: World
    mission: Mission
    entries: list[str]
    certificate: dict[str, Any]

    async def propose(self, number: int = 0, client: Client | None = None, **more: Any) -> httpx2.Response:
        body = {"entry_id": self.entries[number], "reason": "The morning only.", "days": 0.25, **more}
        return await (client or self.world.consultant).post("time-entry-corrections", body)

    async def proposed(self, number: int = 0, **more: Any) -> str:
        return str(ok(await self.propose(number, **more), 201)["id"])

    async def agreed(self, number: int = 0, **more: Any) -> str:
        made = await self.proposed(number, **more)
        ok(await act(self.world.lead, made, "agree"))
        return made

    async def correct(self, number: int = 0, **more: Any) -> dict[str, Any]:
        return dict(ok(await act(self.world.operator, await self.agreed(number, **more), "accept")))


async def act(client: Client, correction: str, action: str, **arguments: Any) -> httpx2.Response:
    body = {"reason": "Not so."} if action in ("refuse", "withdraw") else None
    return await client.post(f"time-entry-corrections/{correction}/{action}", body, **arguments)


async def cancel(world: World, certificate: str) -> httpx2.Response:
    path = f"service-certificates/{certificate}"
    headers = await seen(world.operator, path)
    return await world.operator.post(f"{path}/cancel", {"reason": "Mistaken."}, headers=headers)


async def certified(world: World, *days: float, **more: Any) -> Certified:
    mission = await world.mission(days=20, lead=5, partner=15, **more)
    await world.rates(mission, day_rate_cents=RATE)
    entries = []
    for number, part in enumerate(days):
        body = mission.entry(worked_on=f"2023-07-{number + 3:02}", days=part, external_id=f"{mission.id}-{number}")
        entries.append(ok(await world.consultant.post("time-entries", body), 201)["id"])
        ok(await world.lead.post(f"time-entries/{entries[-1]}/validate"))
    return Certified(world, mission, entries, await world.certify(mission, from_on="2023-07-01", to_on="2023-07-31"))


async def entry_of(world: World, entry_id: str) -> dict[str, Any]:
    return dict(ok(await world.operator.get(f"time-entries/{entry_id}")))


async def certificate_of(world: World, certificate_id: str) -> dict[str, Any]:
    return dict(ok(await world.operator.get(f"service-certificates/{certificate_id}")))


async def clean(app: Any, world: World) -> None:
    assert await world.differences(app.state["engine"]) == []
    numbers = [row["number"] for row in ok(await world.operator.get("service-certificates?sort=number"))["items"]]
    assert numbers == list(range(1, len(numbers) + 1))


async def events_of(world: World, resource: str, key: str) -> list[str]:
    """What the feed will show, whatever transaction is open elsewhere."""
    found = await world.pool.fetch(
        "SELECT type FROM events WHERE resource_type = $1 AND resource_id = $2 ORDER BY id", resource, key
    )
    return [event["type"] for event in found]


# --- the story -------------------------------------------------------------------------------------------------------


async def test_three_acts_of_three_persons_correct_a_certified_entry(app: Any, world: World) -> None:
    start = await certified(world, 1, 0.5, 0.25)
    old = await entry_of(world, start.entries[0])
    before = start.certificate
    made = ok(await start.propose(activity="analysis"), 201)
    assert (made["status"], made["days"], made["entry_days"], made["activity"]) == ("proposed", 0.25, 1, "analysis")
    assert (made["certificate_number"], made["worked_on"]) == (before["number"], old["worked_on"])
    ok(await act(world.lead, made["id"], "agree"))
    shown = ok(await act(world.operator, made["id"], "accept", params={"dry_run": "true"}))
    assert (await entry_of(world, start.entries[0])) == old, "nothing has happened yet"
    ok(await world.operator.patch(  # prices of today are not those of the certificate
        f"missions/{start.mission.id}/rates/{await _rate(world, start.mission)}", {"to_on": "2023-07-31"},
        headers=await seen(world.operator, f"missions/{start.mission.id}/rates/{await _rate(world, start.mission)}"),
    ))  # fmt: skip
    done = ok(await act(world.operator, made["id"], "accept"))
    money = [name for name in done if name.endswith("_cents")]
    assert len(money) == 5
    assert {name: shown[name] for name in (*money, "days_before", "days_after")} == {
        name: done[name] for name in (*money, "days_before", "days_after")
    }

    counter = await certificate_of(world, done["counter_certificate_id"])
    rest = await certificate_of(world, done["rest_certificate_id"])
    assert [before["number"], counter["number"], rest["number"]] == [1, 2, 3]
    assert counter["cancels_id"] == before["id"] == done["certificate_id"]
    assert (counter["days"], counter["total_cents"]) == (-1.75, -before["total_cents"])
    assert counter["reason"] == "The morning only."
    assert (done["days_before"], done["days_after"]) == (1.75, 0.75) == (before["days"], rest["days"])
    assert done["amount_before_excl_vat_cents"] == before["amount_excl_vat_cents"]
    assert done["amount_after_excl_vat_cents"] == rest["amount_excl_vat_cents"] == half_up(Decimal("0.75") * RATE)
    assert (done["total_before_cents"], done["total_after_cents"]) == (before["total_cents"], rest["total_cents"])
    assert (rest["from_on"], rest["to_on"], rest["vat_rate_bp"]) == (
        before["from_on"], before["to_on"], before["vat_rate_bp"],
    )  # fmt: skip

    entry = await entry_of(world, start.entries[0])
    assert (entry["status"], entry["reason"], entry["certificate_id"]) == ("reversed", "The morning only.", None)
    new = await entry_of(world, done["corrected_by_id"])
    assert (new["status"], new["corrects_id"], new["days"], new["activity"]) == (
        "validated", start.entries[0], 0.25, "analysis",
    )  # fmt: skip
    assert (new["entered_by"], new["validated_by"]) == (
        str(world.subjects["consultant"]), str(world.subjects["lead"]),
    )  # fmt: skip
    assert new["external_id"] == old["external_id"], "it is known elsewhere as the old one was"
    others = [await entry_of(world, one) for one in start.entries[1:]]
    assert {(one["status"], one["certificate_id"], one["version"]) for one in others} == {("certified", rest["id"], 4)}

    assert await events_of(world, "time_entry_correction", made["id"]) == [
        f"time_entry_correction.{step}" for step in ("created", "agreed", "accepted")
    ]
    assert (await events_of(world, "time_entry", start.entries[0]))[-1] == "time_entry.reversed"
    assert await events_of(world, "time_entry", new["id"]) == ["time_entry.created"]
    assert (await events_of(world, "time_entry", start.entries[1]))[-1] == "time_entry.certified"
    told = await world.pool.fetch("SELECT data FROM events WHERE resource_id = $1", made["id"])
    assert len(told) == 3
    assert not [event for event in told if "_cents" in event["data"] or "_by_name" in event["data"]]
    assert done["corrected_by_amount_excl_vat_cents"] == half_up(Decimal("0.25") * RATE)
    await clean(app, world)

    # The certificate of the month takes the new entry, at the rate of its day.
    again = await world.certify(start.mission, from_on="2023-07-01", to_on="2023-07-31")
    assert (again["number"], again["days"], again["amount_excl_vat_cents"]) == (
        4,
        0.25,
        half_up(Decimal("0.25") * RATE),
    )
    await clean(app, world)


async def _rate(world: World, mission: Mission) -> str:
    found = ok(await world.operator.get(f"missions/{mission.id}/rates"))["items"]
    return str(next(row["id"] for row in found if row["organisation_id"] == str(world.organisations["partner"])))


async def test_nothing_is_certified_anew_where_nothing_is_left(app: Any, world: World) -> None:
    start = await certified(world, 1)
    done = await start.correct(days=0.5)
    assert (done["rest_certificate_id"], done["days_after"], done["total_after_cents"]) == (None, 0, 0)
    assert ok(await world.operator.get("service-certificates?count=exact"))["total"] == 2
    await clean(app, world)


async def test_the_new_entry_costs_what_its_certificate_will_say(world: World) -> None:
    """At the rate of its own day, which is not that of the old one; unknown while no rate is in force."""
    start = await certified(world, 0.5)
    rates = f"missions/{start.mission.id}/rates"
    old = f"{rates}/{await _rate(world, start.mission)}"
    ok(await world.operator.patch(old, {"to_on": "2023-07-05"}, headers=await seen(world.operator, old)))
    rate = {"organisation_id": str(world.organisations["partner"]), "profile": "senior", "from_on": "2023-07-10",
            "day_rate_cents": RATE + 3}  # fmt: skip
    agreed = await start.agreed(worked_on="2023-07-11")
    shown = ok(await act(world.operator, agreed, "accept", params={"dry_run": "true"}))
    assert shown["corrected_by_amount_excl_vat_cents"] is None
    ok(await world.operator.post(rates, rate), 201)
    done = ok(await act(world.operator, agreed, "accept"))
    assert done["corrected_by_amount_excl_vat_cents"] == half_up(Decimal("0.25") * (RATE + 3))
    again = await world.certify(start.mission)
    assert again["amount_excl_vat_cents"] == done["corrected_by_amount_excl_vat_cents"]


async def test_no_days_take_the_entry_back_altogether(app: Any, world: World) -> None:
    start = await certified(world, 1, 0.5)
    done = await start.correct(days=0)
    assert (done["corrected_by_id"], done["days"], done["days_after"]) == (None, 0, 0.5)
    assert done["corrected_by_amount_excl_vat_cents"] == 0
    assert (await entry_of(world, start.entries[0]))["status"] == "reversed"
    assert (await world.follow_up())["days_entered"] == 0.5
    await clean(app, world)


async def test_what_was_sealed_is_sealed_again_with_its_reservations(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    await world.rates(mission, day_rate_cents=RATE)
    entries = []
    for day in ("2023-07-03", "2023-07-04", "2023-07-05"):
        entries.append(ok(await world.consultant.post("time-entries", mission.entry(worked_on=day)), 201)["id"])
        ok(await world.lead.post(f"time-entries/{entries[-1]}/validate"))
    remarks = [{"entry_id": one, "reason": "No minutes."} for one in entries[:2]]
    refused = [{"entry_id": entries[2], "reason": "Not worked."}]
    more = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-06")), 201)["id"]
    ok(await world.lead.post(f"time-entries/{more}/validate"))
    earlier = [{"entry_id": one, "reason": "Not yet."} for one in entries[:2]]
    first = await world.certify(mission, refusals=[*earlier, *refused])
    assert first["earlier_refusals"] == []
    made = await world.certify(mission, reservations=remarks, refusals=refused)
    start = Certified(world, mission, entries, made)
    done = await start.correct()
    rest = await certificate_of(world, done["rest_certificate_id"])
    assert [(one["entry_id"], one["kind"]) for one in rest["remarks"]] == [(entries[1], "reservation")]
    assert rest["earlier_refusals"] == [one for one in made["earlier_refusals"] if one["entry_id"] == entries[1]] != []
    sealed = ok(await world.operator.get(f"service-certificates/{rest['id']}/content"))
    before = ok(await world.operator.get(f"service-certificates/{made['id']}/content"))
    assert sealed["entries"] == [one for one in before["entries"] if one["id"] == entries[1]]
    assert (sealed["rest_of_id"], sealed["rest_of_number"]) == (made["id"], made["number"])
    for accept in ("application/pdf", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"):
        answer = await world.operator.get(f"service-certificates/{rest['id']}", headers={"Accept": accept})
        assert (answer.status_code, answer.headers["content-type"]) == (200, accept)
    await clean(app, world)


async def test_in_a_locked_month_both_count_on_the_first_open_day(app: Any, world: World) -> None:
    start = await certified(world, 1, 0.5)
    ok(await world.operator.post("month-locks", {"mission_id": start.mission.id, "month": "2023-07"}), 201)
    done = await start.correct()
    old, new = await entry_of(world, start.entries[0]), await entry_of(world, done["corrected_by_id"])
    assert (old["reversal_counted_on"], new["counted_on"], new["worked_on"]) == (
        "2023-08-01", "2023-08-01", "2023-07-03",
    )  # fmt: skip
    assert done["corrected_by_counted_on"] == "2023-08-01"
    august = await world.certify(start.mission, from_on="2023-08-01", to_on="2023-08-31")
    assert august["days"] == 0.25
    await clean(app, world)


async def test_corrections_of_one_certificate_do_not_make_each_other_stale(app: Any, world: World) -> None:
    start = await certified(world, 1, 1, 0.5)
    first, second = await start.agreed(0), await start.agreed(1)
    third = await start.proposed(2)
    rest = ok(await act(world.operator, first, "accept"))["rest_certificate_number"]
    found = ok(await world.lead.get(f"time-entry-corrections/{second}"))
    assert (found["status"], found["certificate_number"]) == ("agreed", rest)
    done = ok(await act(world.operator, second, "accept"))
    assert (done["days_before"], done["days_after"], done["certificate_number"]) == (1.5, 0.5, rest)
    assert ok(await world.lead.get(f"time-entry-corrections/{third}"))["status"] == "proposed"
    await clean(app, world)


async def test_a_cancelled_certificate_makes_open_corrections_stale(app: Any, world: World) -> None:
    start = await certified(world, 1, 1)
    first, second = await start.agreed(0), await start.proposed(1)
    ok(await cancel(world, start.certificate["id"]), 201)
    for one in (first, second):
        found = ok(await world.consultant.get(f"time-entry-corrections/{one}"))
        assert (found["status"], found["ending_reason"], found["certificate_id"]) == ("stale", "Mistaken.", None)
        assert found["ended_by"] == str(world.subjects["operator"])
        assert (await events_of(world, "time_entry_correction", one))[-1] == "time_entry_correction.stale"
    problem(await act(world.operator, first, "accept"), 409, "correction-transition")
    problem(await start.propose(0), 409, "entry-not-certified")
    await world.certify(start.mission)
    assert (await start.correct(0))["days_after"] == 1
    await clean(app, world)


async def test_what_was_corrected_is_certified_and_corrected_again(app: Any, world: World) -> None:
    start = await certified(world, 1, 0.5)
    first = (await start.correct(days=0.5))["corrected_by_id"]
    start.certificate = await world.certify(start.mission)
    start.entries[0] = first
    second = await start.correct(days=0.25)
    assert (second["certificate_id"], second["rest_certificate_id"]) == (start.certificate["id"], None)
    new = await entry_of(world, second["corrected_by_id"])
    assert (new["corrects_id"], new["days"]) == (first, 0.25)
    assert (await world.follow_up())["days_entered"] == 0.75
    await clean(app, world)


# --- who -------------------------------------------------------------------------------------------------------------


async def test_three_persons_and_the_worker_is_none_of_the_last_two(world: World) -> None:
    everybody = await subject(world, "consultant", "lead", "operator", home="partner")
    start = await certified(world, 1)
    made = ok(await start.propose(client=everybody), 201)["id"]
    problem(await act(everybody, made, "agree"), 403, "not-the-lead-firm")
    ok(await act(world.lead, made, "agree"))
    problem(await act(everybody, made, "accept"), 403, "correction-by-one-person")
    ok(await act(world.operator, made, "accept"))


async def test_where_the_member_is_the_lead_another_person_of_it_agrees(app: Any, world: World) -> None:
    worker = await subject(world, "lead", "operator")
    name = next(name for name, client in world.clients.items() if client is worker)
    mission = await world.mission(days=20, people={"lead": world.subjects[name]})
    await world.rates(mission)
    entry = ok(await world.lead.post("time-entries", mission.entry(by="lead")), 201)["id"]
    ok(await world.lead_judge.post(f"time-entries/{entry}/validate"))
    start = Certified(world, mission, [entry], await world.certify(mission, of="lead"))
    made = ok(await start.propose(client=world.lead), 201)["id"]
    problem(await act(world.lead, made, "agree"), 403, "correction-by-one-person")
    problem(await act(worker, made, "agree"), 403, "correction-by-one-person")
    ok(await act(world.lead_judge, made, "agree"))
    problem(await act(worker, made, "accept"), 403, "correction-by-one-person")
    ok(await act(world.operator, made, "accept"))
    await clean(app, world)


async def test_who_agreed_does_not_accept(world: World) -> None:
    both = await subject(world, "lead", "operator")
    start = await certified(world, 1, 0.5)
    made = await start.proposed()
    ok(await act(both, made, "agree"))
    problem(await act(both, made, "accept"), 403, "correction-by-one-person")
    ok(await act(world.operator, made, "accept"))


async def test_who_validated_the_rest_does_not_certify_it_anew(world: World) -> None:
    both = await subject(world, "lead", "operator")
    mission = await world.mission(days=20)
    await world.rates(mission)
    entries = []
    for judge, day in ((world.lead, "2023-07-03"), (both, "2023-07-04")):
        entries.append(ok(await world.consultant.post("time-entries", mission.entry(worked_on=day)), 201)["id"])
        ok(await judge.post(f"time-entries/{entries[-1]}/validate"))
    start = Certified(world, mission, entries, await world.certify(mission))
    made = await start.agreed()
    problem(await act(both, made, "accept"), 403, "certifier-took-part")
    ok(await act(world.operator, made, "accept"))


async def test_a_program_does_none_of_it(world: World) -> None:
    start = await certified(world, 1)
    machines = {
        role: await subject(world, role, kind="service_account", home=home)
        for role, home in (("consultant", "partner"), ("lead", "lead"), ("operator", "office"))
    }
    problem(await start.propose(client=machines["consultant"]), 403, "person-required")
    made = await start.proposed()
    problem(await act(machines["lead"], made, "agree"), 403, "person-required")
    problem(await act(machines["lead"], made, "refuse"), 403, "person-required")
    problem(await act(machines["consultant"], made, "withdraw"), 403, "person-required")
    ok(await act(world.lead, made, "agree"))
    problem(await act(machines["operator"], made, "accept"), 403, "person-required")


async def test_other_firms_and_territories_see_and_do_nothing(world: World) -> None:
    start = await certified(world, 1)
    made = await start.proposed()
    stranger = await subject(world, "consultant", home="office")
    problem(await stranger.get(f"time-entry-corrections/{made}"), 404, "not-found")
    assert ok(await stranger.get("time-entry-corrections"))["items"] == []
    problem(await start.propose(client=stranger), 404, "reference-not-found")
    problem(await act(stranger, made, "withdraw"), 404, "not-found")
    problem(await start.propose(client=world.lead), 403, "other-organisation")
    problem(await act(world.lead, made, "withdraw"), 403, "other-organisation")
    elsewhere = await World.create(world.http, world.pool)
    for action in CorrectionAction:
        client = {"withdraw": elsewhere.consultant, "accept": elsewhere.operator}.get(action, elsewhere.lead)
        problem(await act(client, made, action), 404, "not-found")
    assert ok(await world.lead.get(f"time-entry-corrections?entry_id={start.entries[0]}"))["items"][0]["id"] == made


# --- states ----------------------------------------------------------------------------------------------------------


async def in_state(start: Certified, status: CorrectionStatus) -> str:
    world = start.world
    if status is CorrectionStatus.PROPOSED:
        return await start.proposed()
    made = await start.agreed()
    step = {"accepted": (world.operator, "accept"), "refused": (world.lead, "refuse"),
            "withdrawn": (world.consultant, "withdraw")}.get(status)  # fmt: skip
    if step is not None:
        ok(await act(step[0], made, step[1]))
    elif status is CorrectionStatus.STALE:
        ok(await cancel(world, start.certificate["id"]), 201)
    return made


@pytest.mark.parametrize("status", CorrectionStatus)
async def test_every_act_in_every_state(app: Any, world: World, status: CorrectionStatus) -> None:
    for action in CorrectionAction:
        start = await certified(world, 1, 0.5)
        made = await in_state(start, status)
        assert ok(await world.lead.get(f"time-entry-corrections/{made}"))["status"] == status
        client = {"agree": world.lead, "accept": world.operator, "refuse": world.operator}.get(action, world.consultant)
        sources, target = TRANSITIONS[action]
        answer = await act(client, made, action)
        if status in sources:
            done = ok(answer)
            assert (done["status"], done["version"]) == (target, 2 if status is CorrectionStatus.PROPOSED else 3)
            if target in ("refused", "withdrawn"):
                assert (done["ending_reason"], done["ended_by"]) == ("Not so.", str(world.subjects[
                    "operator" if target == "refused" else "consultant"]))  # fmt: skip
        else:
            assert problem(answer, 409, "correction-transition")["current"] == status
    await clean(app, world)


async def test_an_entry_has_one_open_correction(world: World) -> None:
    start = await certified(world, 1)
    made = await start.proposed()
    problem(await start.propose(), 409, "correction-open")
    ok(await act(world.consultant, made, "withdraw"))
    again = await start.proposed()
    ok(await act(world.lead, again, "refuse"))
    await start.agreed()
    problem(await start.propose(), 409, "correction-open")
    assert {"proposed", "agreed"} == OPEN


async def test_what_a_proposal_may_say(world: World) -> None:
    start = await certified(world, 0.5)
    problem(await start.propose(days=0.75), 409, "correction-exceeded")
    problem(await start.propose(worked_on="2023-08-01"), 409, "correction-elsewhere")
    problem(await start.propose(consultant_id=start.mission.lead_consultant), 409, "correction-elsewhere")
    faults = problem(await start.propose(days=0.5), 422, "validation-failed")["errors"]
    assert faults[0]["code"] == "changes_nothing"
    submitted = ok(await world.consultant.post("time-entries", start.mission.entry(worked_on="2023-07-20")), 201)["id"]
    body = {"entry_id": submitted, "reason": "No.", "days": 0.25}
    answer = await world.consultant.post("time-entry-corrections", body)
    assert problem(answer, 409, "entry-not-certified")["current"] == "submitted"
    firm = await world.followed_firm()
    made = ok(await start.propose(siren=firm, note="At the workshop.", worked_on="2023-07-06"), 201)
    assert (made["siren"], made["firm_name"], made["worked_on"]) == (firm, "Firm", "2023-07-06")


# --- two at once -----------------------------------------------------------------------------------------------------


def codes(answers: list[httpx2.Response]) -> list[str]:
    return sorted(json.loads(one.text).get("type", "done").removeprefix("/problems/") for one in answers)


@pytest.mark.parametrize("round_", range(3))
async def test_two_acceptances_at_once(app: Any, world: World, round_: int) -> None:
    start = await certified(world, 1, 1, 0.5)
    first, second = await start.agreed(0), await start.agreed(1)
    accepts = [act(world.operator, one, "accept") for one in (first, first, second)]
    assert codes(await asyncio.gather(*accepts)) == ["correction-transition", "done", "done"]
    assert ok(await world.operator.get("service-certificates?count=exact"))["total"] == 5
    await clean(app, world)


@pytest.mark.parametrize("round_", range(4))
async def test_an_acceptance_beside_the_cancelling_of_its_certificate(app: Any, world: World, round_: int) -> None:
    start = await certified(world, 1, 0.5)
    made = await start.agreed()
    path = f"service-certificates/{start.certificate['id']}"
    headers = await seen(world.operator, path)
    cancelling = world.operator.post(f"{path}/cancel", {"reason": "Mistaken."}, headers=headers)
    acts = [act(world.operator, made, "accept"), cancelling]
    accepted, cancelled = await asyncio.gather(*(acts if round_ % 2 else reversed(acts)))
    if not round_ % 2:
        accepted, cancelled = cancelled, accepted
    both = (accepted.status_code, cancelled.status_code)
    assert both in ((200, 409), (409, 201)), both
    found = ok(await world.operator.get(f"time-entry-corrections/{made}"))["status"]
    assert found == ("accepted" if both[0] == 200 else "stale")
    await clean(app, world)


@pytest.mark.parametrize("round_", range(3))
async def test_an_acceptance_beside_the_lock_of_its_month(app: Any, world: World, round_: int) -> None:
    start = await certified(world, 1, 0.5)
    made = await start.agreed()
    lock = world.operator.post("month-locks", {"mission_id": start.mission.id, "month": "2023-07"})
    accepted, locked = await asyncio.gather(act(world.operator, made, "accept"), lock)
    ok(locked, 201)
    if accepted.status_code != 200:
        problem(accepted, 409, "month-locked")
        ok(await act(world.operator, made, "accept"))
    await clean(app, world)


async def test_an_acceptance_beside_a_proposal_an_assignment_and_other_writers(app: Any, world: World) -> None:
    start = await certified(world, 1, 1, 1, 0.5)
    made = [await start.agreed(number) for number in range(3)]
    others = [
        *(act(world.operator, one, "accept") for one in made),
        start.propose(3),
        world.operator.patch(f"consultants/{start.mission.partner_consultant}", {"to_on": "2023-12-31"}),
        world.consultant.post("time-entries", start.mission.entry(worked_on="2023-07-20")),
    ]
    answers = await asyncio.gather(*others)
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    await clean(app, world)


# --- by SQL ----------------------------------------------------------------------------------------------------------


async def test_the_database_holds_persons_states_and_proposals(pool: Any, world: World) -> None:
    start = await certified(world, 1)
    made = await start.proposed()
    agreed = "UPDATE time_entry_corrections SET status = 'agreed', agreed_at = now(), agreed_by = $2 WHERE id = $1"
    person = await pool.fetchval("SELECT person_id FROM time_entry_corrections WHERE id = $1", made)
    for who in (world.subjects["consultant"], person):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await pool.execute(agreed, made, who)
        assert refused.value.constraint_name == "correction_by_one_person"
    await pool.execute(agreed, made, world.subjects["lead"])
    for change in ("days = 0.5", "status = 'proposed', agreed_by = NULL, agreed_at = NULL", "reason = 'Another.'"):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await pool.execute(f"UPDATE time_entry_corrections SET {change} WHERE id = $1", made)
        assert refused.value.constraint_name == "correction_transition", change
    with pytest.raises(asyncpg.RestrictViolationError):
        await pool.execute("DELETE FROM time_entry_corrections WHERE id = $1", made)
