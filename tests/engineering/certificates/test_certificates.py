"""Service certificates: what they come to, who makes them, how they are sealed and cancelled."""

import asyncio
import hashlib
import json
import secrets
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.reading.xlsx import MEDIA_TYPE
from app.core.writing.sealing import canonical
from app.engineering.certificates.rules import half_up, lines_of, rate_on, vat_on
from tests.engineering.certificates.test_documents import read_xlsx
from tests.world import Mission, World, ok, problem

# --- figures, without a database -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cents", "whole"),
    [("0.5", 1), ("0.49", 0), ("1.5", 2), ("2.5", 3), ("-0.5", -1), ("-2.5", -3), ("100.25", 100), ("0", 0)],
)
def test_halves_go_away_from_zero(cents: str, whole: int) -> None:
    assert half_up(Decimal(cents)) == whole


def test_days_are_summed_before_they_are_rounded() -> None:
    quarter = Decimal("0.25")
    [line] = lines_of([("senior", 99_999, quarter)] * 4)
    assert (line.days, line.amount_cents) == (Decimal(1), 99_999)
    assert sum(half_up(quarter * 99_999) for _ in range(4)) == 100_000, "rounded one by one, a cent too many"


@given(st.lists(st.tuples(st.sampled_from(["junior", "senior"]), st.integers(1, 200_000), st.integers(1, 4))))
def test_a_line_is_never_further_than_half_a_cent_from_its_days(worked: list[tuple[str, int, int]]) -> None:
    lines = lines_of((profile, rate, Decimal(quarters) / 4) for profile, rate, quarters in worked)
    assert sum(line.days for line in lines) == Decimal(sum(quarters for *_, quarters in worked)) / 4
    for line in lines:
        assert abs(line.amount_cents - line.days * line.day_rate_cents) <= Decimal("0.5")
        assert vat_on(-line.amount_cents, 2000) == -vat_on(line.amount_cents, 2000)


def test_the_rate_is_that_of_the_day_of_work() -> None:
    def rate(cents: int, from_on: date, until_on: date, profile: str = "senior") -> Any:
        return SimpleNamespace(profile=profile, day_rate_cents=cents, from_on=from_on, until_on=until_on)

    rates = [rate(1, date(2023, 1, 1), date(2023, 6, 30)), rate(2, date(2023, 7, 1), date(2199, 12, 31))]
    assert [rate_on(rates, "senior", day) for day in (date(2023, 6, 30), date(2023, 7, 1))] == [1, 2]
    assert rate_on(rates, "senior", date(2022, 12, 31)) is None
    assert rate_on(rates, "junior", date(2023, 7, 1)) is None
    assert rate_on(rates, None, date(2023, 7, 1)) is None


def test_canonical_json_has_sorted_keys_and_no_white_space() -> None:
    value = {"b": Decimal("1.00"), "a": [Decimal("0.25"), date(2023, 7, 4)], "é": "«é»"}
    assert canonical(value) == '{"a":[0.25,"2023-07-04"],"b":1,"é":"«é»"}'


# --- over HTTP -------------------------------------------------------------------------------------------------------


async def validated(world: World, mission: Mission, worked_on: str, days: float = 0.5, **more: Any) -> str:
    client = world.lead if more.get("by") == "lead" else world.consultant
    made = ok(await client.post("time-entries", mission.entry(worked_on=worked_on, days=days, **more)), 201)
    ok(await world.lead_judge.post(f"time-entries/{made['id']}/validate"))
    return str(made["id"])


def body(world: World, mission: Mission, **more: Any) -> dict[str, Any]:
    return {"mission_id": mission.id, "organisation_id": str(world.organisations["partner"]),
            "from_on": "2023-07-01", "to_on": "2023-07-31", **more}  # fmt: skip


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(16)}


async def clean(app: Any, world: World) -> None:
    assert await world.differences(app.state["engine"]) == []


async def test_a_certificate_is_the_base_of_an_invoice(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    await world.rates(mission, day_rate_cents=99_999)
    entries = [await validated(world, mission, f"2023-07-{day:02}", 0.25) for day in (3, 4, 5)]
    outside = await validated(world, mission, "2023-08-01")
    waiting = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-07-10")), 201)
    answer = await world.operator.post("service-certificates", body(world, mission), headers=keyed())
    made = ok(answer, 201)
    # 0.75 × 999.99 € = 749.9925 € → 749.99; VAT 20 % = 149.998 → 150.00
    assert made["lines"] == [
        {"profile": "senior", "days": 0.75, "day_rate_cents": 99_999, "amount_excl_vat_cents": 74_999}
    ]
    figures = [made[name] for name in ("number", "days", "amount_excl_vat_cents", "vat_rate_bp", "vat_cents")]
    assert figures == [1, 0.75, 74_999, 2000, 15_000]
    assert made["total_cents"] == 89_999
    assert answer.headers["location"].endswith(f"/service-certificates/{made['id']}")
    assert ok(await world.operator.get(f"service-certificates/{made['id']}")) == made
    listed = ok(await world.operator.get(f"time-entries?certificate_id={made['id']}"))["items"]
    assert {entry["id"] for entry in listed} == set(entries)
    assert {(entry["status"], entry["certified_by"], entry["certificate_number"]) for entry in listed} == {
        ("certified", str(world.subjects["operator"]), 1)
    }
    for entry, status in ((outside, "validated"), (waiting["id"], "submitted")):
        assert ok(await world.operator.get(f"time-entries/{entry}"))["status"] == status
    follow_up = await world.follow_up()
    assert (follow_up["days_certified"], follow_up["days_validated"]) == (0.75, 1.25)
    problem(
        await world.operator.post("service-certificates", body(world, mission), headers=keyed()),
        409, "nothing-to-certify",
    )  # fmt: skip
    await clean(app, world)


async def test_the_content_is_sealed_byte_for_byte(world: World) -> None:
    mission = await world.mission(days=20)
    entry = await validated(world, mission, "2023-07-03")
    made = await world.certify(mission)
    content = await world.operator.get(f"service-certificates/{made['id']}/content")
    assert hashlib.sha256(content.content.removesuffix(b"\n")).hexdigest() == made["content_hash"]
    told = ok(content)
    assert [line["id"] for line in told["entries"]] == [entry]
    assert (told["total_cents"], told["number"]) == (made["total_cents"], made["number"])
    # A later rate changes nothing of it.
    rates = await world.operator.get(f"missions/{mission.id}/rates?organisation_id={world.organisations['partner']}")
    [rate] = ok(rates)["items"]
    address = f"missions/{mission.id}/rates/{rate['id']}"
    tag = (await world.operator.get(address)).headers["etag"]
    problem(await world.operator.patch(address, {"to_on": "2023-07-03"}), 428, "if-match-missing")
    ok(await world.operator.patch(address, {"to_on": "2023-07-03"}, headers={"If-Match": tag}))
    later = {name: rate[name] for name in ("organisation_id", "profile")} | {"day_rate_cents": 1}
    ok(await world.operator.post(f"missions/{mission.id}/rates", {**later, "from_on": "2023-07-04"}), 201)
    again = await world.operator.get(f"service-certificates/{made['id']}/content")
    assert again.content == content.content


async def test_a_certificate_is_cancelled_by_its_opposite(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    entry = await validated(world, mission, "2023-07-03")
    first = await world.certify(mission)
    path = f"service-certificates/{first['id']}"
    problem(await world.operator.post(f"{path}/cancel", {"reason": "Wrong."}), 428, "if-match-missing")
    tag = {"If-Match": (await world.operator.get(path)).headers["etag"]}
    counter = ok(await world.operator.post(f"{path}/cancel", {"reason": "Wrong."}, headers=tag), 201)
    for name in ("days", "amount_excl_vat_cents", "vat_cents", "total_cents"):
        assert counter[name] == -first[name]
    assert (counter["number"], counter["cancels_id"], counter["reason"]) == (2, first["id"], "Wrong.")
    assert counter["cancels_number"] == 1
    cancelled = ok(await world.operator.get(path))
    assert (cancelled["cancelled_by_id"], cancelled["cancelled_by_number"]) == (counter["id"], 2)
    back = ok(await world.operator.get(f"time-entries/{entry}"))
    assert (back["status"], back["certificate_id"], back["certified_by"]) == ("validated", None, None)
    await clean(app, world)
    again = await world.operator.post(f"{path}/cancel", {"reason": "Twice."}, headers=tag)
    problem(again, 409, "certificate-already-cancelled")
    twice = f"service-certificates/{counter['id']}/cancel"
    problem(await world.operator.post(twice, {"reason": "Back."}, headers=tag), 409, "counter-certificate")
    third = await world.certify(mission)
    assert (third["number"], third["days"]) == (3, first["days"])
    told = [event["type"] for event in await world.events(entry)]
    assert told[-3:] == ["time_entry.certified", "time_entry.uncertified", "time_entry.certified"]
    await clean(app, world)


async def test_reservations_are_certified_and_refusals_are_not(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    kept, reserved, refused = [await validated(world, mission, f"2023-07-0{day}") for day in (3, 4, 5)]
    made = await world.certify(
        mission,
        reservations=[{"entry_id": reserved, "reason": "Minutes are missing."}],
        refusals=[{"entry_id": refused, "reason": "The firm was closed."}],
    )
    assert made["days"] == 1
    assert {(r["entry_id"], r["entry_worked_on"], r["kind"]) for r in made["remarks"]} == {
        (reserved, "2023-07-04", "reservation"), (refused, "2023-07-05", "refusal"),
    }  # fmt: skip
    states = [ok(await world.operator.get(f"time-entries/{entry}"))["status"] for entry in (kept, reserved, refused)]
    assert states == ["certified", "certified", "validated"]
    remark = {"entry_id": kept, "reason": "Which?"}
    unknown = await world.operator.post(
        "service-certificates", body(world, mission, refusals=[remark]), headers=keyed()
    )
    assert problem(unknown, 404, "reference-not-found")["errors"][0]["pointer"] == "/refusals/0/entry_id"
    both = body(world, mission, refusals=[{**remark, "entry_id": refused}] * 2)
    problem(await world.operator.post("service-certificates", both, headers=keyed()), 422, "validation-failed")
    await clean(app, world)


async def test_days_without_a_rate_are_named_and_not_certified(world: World) -> None:
    mission = await world.mission(days=20)
    await validated(world, mission, "2023-07-03")
    refused = await world.operator.post("service-certificates", body(world, mission), headers=keyed())
    told = problem(refused, 409, "rate-missing")["errors"]
    assert [(error["code"], error["worked_on"], error["profile"]) for error in told] == [
        ("rate_missing", "2023-07-03", None)
    ]
    [entry] = ok(await world.operator.get(f"time-entries?mission_id={mission.id}"))["items"]
    assert [told[0][name] for name in ("consultant_id", "consultant_name")] == [
        entry["consultant_id"], entry["consultant_name"],
    ]  # fmt: skip


async def test_nobody_certifies_what_he_took_part_in_and_no_program_certifies(world: World) -> None:
    mission = await world.mission(days=20)
    await validated(world, mission, "2023-07-03")
    await world.rates(mission)
    await world.pool.execute(
        "INSERT INTO members (subject_id, role, from_on, approved_at, created_at, updated_at)"
        " SELECT id, 'operator', '2020-01-01', now(), now(), now() FROM unnest(ARRAY[$1, $2]::uuid[]) AS id",
        world.subjects["consultant"],
        world.subjects["lead_judge"],
    )
    async with world.pool.acquire() as connection:
        robot = await world.add_subject(connection, "robot", "office", "operator", kind="service_account")
        for client in (world.consultant, world.lead_judge):
            key = await world.add_subject(connection, secrets.token_hex(4), "office", None)
            await connection.execute(
                "UPDATE api_keys SET subject_id = $1 WHERE digest = (SELECT digest FROM api_keys WHERE prefix = $2)",
                world.subjects["consultant" if client is world.consultant else "lead_judge"],
                key.key[:12],
            )
            refused = await key.post("service-certificates", body(world, mission), headers=keyed())
            problem(refused, 403, "certifier-took-part")
    problem(await robot.post("service-certificates", body(world, mission), headers=keyed()), 403, "person-required")
    problem(await world.operator.post("service-certificates", body(world, mission)), 400, "idempotency-key-missing")


async def test_a_partner_sees_neither_anothers_certificates_nor_its_amounts_in_the_feed(world: World) -> None:
    mission = await world.mission(days=20)
    await validated(world, mission, "2023-07-03")
    await validated(world, mission, "2023-07-03", by="lead")
    certificates = {of: await world.certify(mission, of=of) for of in ("partner", "lead")}
    for of, client in (("partner", world.consultant), ("lead", world.lead)):
        other = certificates["lead" if of == "partner" else "partner"]
        listed = ok(await client.get("service-certificates?count=exact"))
        assert ([item["id"] for item in listed["items"]], listed["total"]) == ([certificates[of]["id"]], 1)
        ok(await client.get(f"service-certificates/{certificates[of]['id']}/content"))
        for path in (f"service-certificates/{other['id']}", f"service-certificates/{other['id']}/content"):
            problem(await client.get(path), 404, "not-found")
    for role in ("territory", "funder", "treasurer", "committee"):
        problem(await world.clients[role].get("service-certificates"), 404, "not-found")
    [event] = await world.events(certificates["partner"]["id"])
    for name in ("lines", "amount_excl_vat_cents", "vat_cents", "total_cents", "100000"):
        assert name not in event["data"], name


async def test_certificates_at_the_same_instant_take_each_day_once_and_leave_no_hole(app: Any, world: World) -> None:
    mission = await world.mission(days=40)
    await world.rates(mission)
    for day in range(3, 13):
        await validated(world, mission, f"2023-07-{day:02}", 0.5)
    periods = [("2023-07-01", "2023-07-31"), ("2023-07-03", "2023-07-07"), ("2023-07-06", "2023-07-12")] * 2
    found = await asyncio.gather(
        *(
            world.operator.post(
                "service-certificates", body(world, mission, from_on=first, to_on=last), headers=keyed()
            )
            for first, last in periods
        )
    )
    made = [response.json() for response in found if response.status_code == 201]
    assert {r.json()["type"] for r in found if r.is_error} <= {"/problems/nothing-to-certify"}
    assert sum(certificate["days"] for certificate in made) == 5
    assert sorted(certificate["number"] for certificate in made) == list(range(1, len(made) + 1))
    await clean(app, world)


async def test_a_dry_run_says_what_a_certificate_would_come_to(world: World) -> None:
    mission = await world.mission(days=20)
    await validated(world, mission, "2023-07-03")
    await world.rates(mission)
    dry = await world.operator.post("service-certificates?dry_run=true", body(world, mission), headers=keyed())
    assert ok(dry, 200)["days"] == 0.5
    assert ok(await world.operator.get("service-certificates"))["items"] == []
    assert (await world.certify(mission))["number"] == 1


async def test_the_rate_of_vat_is_that_of_the_end_of_the_period(world: World) -> None:
    rows = await world.pool.fetch("SELECT from_on, rate_bp, source FROM vat_rates ORDER BY 1")
    assert [(row["from_on"].isoformat(), row["rate_bp"]) for row in rows] == [
        ("2000-04-01", 1960),
        ("2014-01-01", 2000),
    ]
    assert all("CGI, art. 278" in row["source"] for row in rows)
    mission = await world.mission(days=20, starts_on="2013-12-01", ends_on="2014-01-31")
    await world.rates(mission)
    await world.pool.execute("UPDATE rates SET from_on = '2013-01-01' WHERE mission_id = $1", mission.id)
    for role in ("lead", "partner"):
        consultant = getattr(mission, f"{role}_consultant")
        ok(await world.operator.patch(f"consultants/{consultant}", {"from_on": "2013-01-01"}))
    for day in ("2013-12-31", "2014-01-02"):
        await validated(world, mission, day)
        made = await world.certify(mission, from_on="2013-12-01", to_on=day)
        assert (made["days"], made["vat_rate_bp"]) == (0.5, 1960 if day < "2014" else 2000)


async def test_an_entry_that_is_left_out_says_why_until_a_certificate_contains_it(app: Any, world: World) -> None:
    mission = await world.mission(days=20)
    entries = [await validated(world, mission, day) for day in ("2023-07-03", "2023-07-04", "2023-07-05")]
    refusals = [{"entry_id": one, "reason": f"No minutes of {number}."} for number, one in enumerate(entries[:2])]
    await world.certify(mission, refusals=refusals)
    left_out = ok(await world.consultant.get("time-entries?certification_refused=true&sort=worked_on"))["items"]
    assert [
        (one["id"], one["status"], one["certification_refused_reason"], one["certification_refused_by"])
        for one in left_out
    ] == [
        (one, "validated", f"No minutes of {number}.", str(world.subjects["operator"]))
        for number, one in enumerate(entries[:2])
    ]
    assert {one["certification_refused_by_name"] for one in left_out} == {f"operator of {world.territory}"}
    told = await world.pool.fetch(
        "SELECT resource_id FROM events WHERE type = 'time_entry.certification_refused' AND territory = $1",
        world.territory,
    )
    assert {row["resource_id"] for row in told} == set(entries[:2])
    # The consultancy has it reversed, and enters what it should have been.
    done = ok(await world.lead.post(f"time-entries/{entries[0]}/reverse", {"reason": "Not worked."}))
    assert (done["status"], done["certification_refused_reason"]) == ("reversed", "No minutes of 0.")
    again = mission.entry(worked_on="2023-07-03", days=0.25, corrects_id=entries[0])
    assert ok(await world.consultant.post("time-entries", again), 201)["certification_refused_on"] is None
    # The other one is contained by the next certificate, which says so, and says it no longer itself.
    earlier = [{"entry_id": entries[1], "entry_worked_on": "2023-07-04", "reason": "No minutes of 1."}]
    shown = await world.operator.post(
        "service-certificates?dry_run=true", body(world, mission), headers={"Idempotency-Key": "earlier"}
    )
    assert ok(shown)["earlier_refusals"] == earlier
    last = await world.certify(mission)
    assert last["earlier_refusals"] == earlier
    told = await world.pool.fetchval(
        "SELECT data ->> 'earlier_refusals' FROM events WHERE resource_id = $1", last["id"]
    )
    assert json.loads(told) == earlier
    sealed = ok(await world.operator.get(f"service-certificates/{last['id']}/content"))
    assert sealed["earlier_refusals"] == [{"entry_id": entries[1], "reason": "No minutes of 1."}]
    paper = await world.operator.get(f"service-certificates/{last['id']}", headers={"Accept": MEDIA_TYPE})
    assert ["refused earlier, certified now", "No minutes of 1."] in [
        [row[0], row[4]] for row in read_xlsx(paper.content)
    ]
    taken = ok(await world.consultant.get(f"time-entries/{entries[1]}"))
    assert (taken["status"], taken["certification_refused_reason"], taken["certification_refused_on"]) == (
        "certified", None, None,
    )  # fmt: skip
    await clean(app, world)
