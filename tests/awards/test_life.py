"""The life of an aid: what one decision gives one firm, its acts, how it ends, and what refuses an act."""

import asyncio
from datetime import date
from typing import Any

import asyncpg
import pytest

from app.awards.life.queries import agreement_missing
from app.awards.life.rules import AgreementMissing, must_be_agreed
from app.awards.models import Aid
from app.commands.tick import take_unstarted
from app.core.values import iban_from
from tests.awards.life import (
    BASE,
    COMPLETED,
    DECIDED,
    EXTENDED,
    GUARANTEED,
    HASH,
    NOTIFIED,
    SCHEME,
    SIGNED,
    STARTED,
    Life,
)
from tests.envelopes.acts import Acts, key
from tests.world import World, ok, problem


@pytest.fixture
async def acts(world: World) -> Acts:
    return await Acts.of(world, 30_000_000)


# --- one aid for one decision ----------------------------------------------------------------------------------------


async def test_a_grant_and_an_advance_of_one_decision_share_an_aid_and_say_the_same(acts: Acts) -> None:
    life = await Life.of(acts, 4_000_000, 1_000_000)
    grant, advance = await life.says(), await life.says(life.advance)
    assert (grant["aid_id"], grant["lines"]) == (advance["aid_id"], advance["lines"])
    reference = acts.reference()
    first = ok(await acts.grant(100, decision_reference=reference, **SCHEME), 201)
    for other in ({"decided_on": "2023-10-04"}, {"base_cents": BASE_ELSE}, {"scheme": None, "base_cents": None}):
        said: dict[str, Any] = {**SCHEME, "decision_reference": reference, **other}
        problem(await acts.advance(50, **said), 409, "award-differs-from-aid")
    problem(await acts.grant(100, decision_reference=reference, **SCHEME), 409, "already-exists")
    elsewhere = Acts(acts.world, await acts.world.followed_firm())
    other = ok(await elsewhere.advance(50, decision_reference=reference), 201)
    assert other["aid_id"] != first["aid_id"]
    ok(await acts.reverse(f"grants/{first['id']}"))
    again = ok(await acts.grant(100, decision_reference=reference, decided_on="2023-10-04"), 201)
    assert again["aid_id"] != first["aid_id"]


BASE_ELSE = 9_999_999


async def test_awards_that_join_at_once_make_one_aid(acts: Acts) -> None:
    for _ in range(5):
        said = {"decision_reference": acts.reference(), **SCHEME}
        made = await asyncio.gather(acts.grant(100, **said), acts.advance(50, **said))
        grant, advance = [ok(each, 201) for each in made]
        assert grant["aid_id"] == advance["aid_id"]


# --- acts ------------------------------------------------------------------------------------------------------------


async def test_an_aid_is_notified_agreed_guaranteed_started_and_completed(acts: Acts) -> None:
    life = await Life.of(acts, 4_000_000, 1_000_000)
    assert (await life.says())["stage"] == "awarded"
    notified = ok(await life.act("notify", {**NOTIFIED, "conditions": "12 jobs."}))
    assert (notified["start_by_on"], notified["statement_by_on"]) == ("2025-11-02", "2026-11-30")
    problem(await acts.world.auditor.get(f"{life.grant}/agreement"), 404, "not-found")
    half = ok(await life.put("agreement", {**SIGNED, "signed_by_funder_on": None}), 201)
    assert (half["agreed_on"], (await life.says())["stage"]) == (None, "awarded")
    whole = ok(await life.put("agreement", SIGNED, of=life.advance), 200)
    assert (whole["agreed_on"], (await life.says())["stage"]) == ("2023-11-10", "agreed")
    ok(await life.put("guarantee", GUARANTEED), 201)
    before = (await life.says(life.advance))["version"]
    ok(await life.put("guarantee", GUARANTEED), 200)
    assert (await life.says(life.advance))["version"] == before  # the same again writes nothing
    assert ok(await life.act("start", STARTED, of=life.advance))["stage"] == "agreed"  # the start is its aid's
    done = ok(await life.act("completion", COMPLETED))
    assert (done["stage"], done["final_cost_cents"], done["conditions"]) == ("completed", 9_000_000, "12 jobs.")
    assert (await life.says(life.advance))["public_aid"] == COMPLETED["public_aid"]
    acted = [act for act, _ in await life.history()]
    assert acted == ["notify", "sign", "sign", "guarantee", "start", "complete"]
    assert await life.history() == await life.history(life.advance)
    told = [event["type"] for event in await acts.world.events(done["id"])]
    assert told == [
        "grant.awarded", "grant.notified", "grant.updated", "grant.agreed", "grant.updated", "grant.started",
        "grant.completed",
    ]  # fmt: skip


async def test_acts_need_the_version_that_was_read_and_who_may_do_them(acts: Acts) -> None:
    life = await Life.of(acts)
    funder = acts.world.funder
    problem(await funder.post(f"{life.grant}/notify", NOTIFIED), 428, "if-match-missing")
    stale = await acts.seen(life.grant)
    answer = await funder.post(f"{life.grant}/notify?dry_run=true", NOTIFIED, headers=stale)
    assert ok(answer)["notified_on"] == NOTIFIED["notified_on"]
    assert (await life.says())["notified_on"] is None
    ok(await life.act("notify", NOTIFIED))
    problem(await funder.post(f"{life.grant}/start", STARTED, headers=stale), 412, "stale-version")
    treasurer = acts.world.treasurer
    problem(await life.act("start", STARTED, by=treasurer), 403, "forbidden")
    problem(await life.act("cancel", {"reason": "No."}, by=treasurer), 403, "forbidden")


async def test_what_refuses_an_act_is_cured_as_it_says(acts: Acts) -> None:
    life = await Life.of(acts)
    assert problem(await life.act("extension", EXTENDED), 409, "not-notified")
    problem(await life.act("notify", {"notified_on": "2023-10-02"}), 409, "before-decision")
    problem(await life.put("agreement", {**SIGNED, "signed_by_firm_on": "2023-10-02"}), 409, "before-decision")
    ok(await life.act("notify", NOTIFIED))
    problem(await life.act("completion", COMPLETED), 409, "completed-unstarted")
    late = {**EXTENDED, "requested_on": "2025-11-03"}
    problem(await life.act("extension", late), 409, "start-extension-late")
    assert problem(await life.act("extension", {**EXTENDED, "months": 13}), 409, "start-extension-too-long") | {
        "most_months": 12
    }
    problem(await life.act("start", {**STARTED, "started_on": "2025-11-03"}), 409, "start-too-late")
    assert ok(await life.act("extension", {**EXTENDED, "requested_on": "2025-11-02"}))["start_by_on"] == "2026-05-02"
    problem(await life.act("extension", EXTENDED), 409, "start-extension-used")
    ok(await life.act("start", {**STARTED, "started_on": "2025-11-03"}))
    problem(await life.act("extension", EXTENDED), 409, "already-started")
    told = problem(await life.act("completion", COMPLETED), 409, "completed-before-start")
    assert told["started_on"] == "2025-11-03"
    ok(await life.act("start", STARTED))  # the correction
    ok(await life.act("completion", COMPLETED))
    problem(await life.act("start", {**STARTED, "started_on": "2025-11-01"}), 409, "completed-before-start")


FAULTS = [
    ("notify", {**NOTIFIED, "planned_end_on": "2023-11-30"}, "planned_end_before_start", ["/planned_end_on"]),
    ("notify", {"notified_on": "2199-01-01"}, "future_day", ["/notified_on"]),
    ("start", {**STARTED, "started_on": "2199-01-01"}, "future_day", ["/started_on"]),
    ("completion", {**COMPLETED, "declared_on": "2025-10-30"}, "declared_before_completion", ["/declared_on"]),
    ("terminate", {"on": "2199-01-01", "reason": "No."}, "future_day", ["/on"]),
]


async def test_days_that_contradict_each_other_are_told_at_their_place(acts: Acts) -> None:
    life = await Life.of(acts)
    for verb, body, code, pointers in FAULTS:
        errors = problem(await life.act(verb, body), 422, "validation-failed")["errors"]
        assert [(each["code"], each["pointer"]) for each in errors] == [(code, pointer) for pointer in pointers]
    unsigned = {"reference": "C", "document_sha256": HASH}
    errors = problem(await life.put("agreement", unsigned), 422, "validation-failed")["errors"]
    assert {each["code"] for each in errors} == {"signed_by_nobody"}


# --- endings ---------------------------------------------------------------------------------------------------------


async def test_an_award_is_cancelled_unpaid_and_terminated_once_agreed_started_or_paid(acts: Acts) -> None:
    available = (await acts.envelope())["available_cents"]
    life = await Life.of(acts, 4_000_000, 1_000_000)
    ending = {"on": "2023-12-15", "reason": "Given up."}
    problem(await life.act("terminate", ending), 409, "nothing-agreed")
    problem(await life.act("cancel", {**ending, "on": "2023-10-02"}), 409, "before-decision")
    ended = ok(await life.act("cancel", ending))
    assert (ended["status"], ended["stage"], ended["ended_on"]) == ("cancelled", "cancelled", "2023-12-15")
    problem(await life.act("cancel", ending), 409, "award-ended")
    problem(await life.act("start", STARTED), 409, "award-ended")
    assert (await life.says(life.advance))["stage"] == "awarded"  # the other award of the aid goes on
    ok(await life.act("start", STARTED, of=life.advance))
    over = ok(await life.act("terminate", ending, of=life.advance))
    assert (over["status"], over["stage"]) == ("cancelled", "terminated")
    assert (await acts.envelope())["available_cents"] == available
    paid = await Life.of(acts)
    ok(await acts.pay(paid.grant.removeprefix("grants/"), 100), 201)
    problem(await paid.act("cancel", ending), 409, "award-paid")
    over = ok(await paid.act("terminate", ending))
    assert (over["status"], over["stage"], over["released_cents"]) == ("closed", "terminated", 3_999_900)
    assert (await acts.envelope())["available_cents"] == available - 100
    released = await Life.of(acts)
    assert ok(await acts.release(released.grant))["stage"] == "cancelled"  # as served before
    assert [act for act, _ in await released.history()] == ["cancel"]


@pytest.mark.parametrize("how", ["terminate", "lapse", "balance"])
async def test_what_was_awarded_later_returns_from_the_day_on_which_it_was_awarded(
    app: Any, acts: Acts, how: str
) -> None:
    available = (await acts.envelope())["available_cents"]
    life = await Life.of(acts)
    raised = await life.asked({"kind": "amount", "amount_cents": 4_000_100})
    ok(await life.act("notify", NOTIFIED))
    grant = life.grant.removeprefix("grants/")
    payment = ok(await acts.pay(grant, 1, paid_on="2025-11-01"), 201)["id"]  # so that it can be raised after 2 November
    ok(await life.decide(raised, decided_on="2025-11-10"))
    ok(await acts.reverse(f"{life.grant}/payments/{payment}"))
    if how == "terminate":
        ok(await life.put("agreement", SIGNED), 201)
        ok(await life.act("terminate", {"on": "2025-11-03", "reason": "Given up."}))
    elif how == "lapse":
        await lapse(app, "2025-11-11")
    else:
        ok(await acts.pay(grant, 100, kind="balance_payment", paid_on="2025-11-03"), 201)
    paid = 100 * (how == "balance")
    over = await life.says()
    assert (over["released_cents"], over["remaining_cents"]) == (4_000_100 - paid, 0)
    for day, committed in (("2025-11-02", 4_000_000), ("2025-11-03", 0), ("2025-11-10", 0)):
        said = await acts.envelope(as_of=day)
        gone = paid * (day > "2025-11-02")
        assert (said["committed_cents"], said["available_cents"]) == (committed, available - committed - gone)
    assert await acts.world.differences(app.state["engine"]) == []


async def lapse(app: Any, as_of: str) -> int:
    return await take_unstarted(app.state["sessions"], date.fromisoformat(as_of))


async def test_an_aid_that_is_not_started_in_time_lapses_and_a_paid_one_is_told_once(app: Any, acts: Acts) -> None:
    available = (await acts.envelope())["available_cents"]
    life, paid, started, extended = [await Life.of(acts, 4_000_000, 1_000_000) for _ in range(4)]
    for each in (life, paid, started, extended):
        ok(await each.act("notify", NOTIFIED))
    ok(await acts.pay(paid.grant.removeprefix("grants/"), 100), 201)
    ok(await started.act("start", STARTED))
    ok(await extended.act("extension", EXTENDED))
    await lapse(app, "2025-11-02")
    assert (await life.says())["stage"] == "awarded"  # the last day
    await lapse(app, "2025-11-03")
    for path in (life.grant, life.advance):
        over = await life.says(path)
        assert (over["status"], over["stage"], over["ended_on"]) == ("cancelled", "lapsed", "2025-11-03")
    assert [act for act, _ in await life.history()] == ["notify", "lapse", "lapse"]
    problem(await life.act("start", STARTED), 409, "award-ended")
    assert [(await each.says())["stage"] for each in (paid, started, extended)] == ["awarded", "started", "awarded"]
    await lapse(app, "2025-11-04")
    told = [event["type"] for event in await acts.world.events((await paid.says())["id"])]
    assert told.count("grant.start_missing") == 1
    assert [act for act, _ in await paid.history()] == ["notify", "start_missing"]
    ok(await paid.act("terminate", {"on": "2025-11-05", "reason": "Never started."}))
    assert (await acts.envelope())["available_cents"] == available - 3 * 5_000_000 + 3_999_900 + 0
    await lapse(app, "2026-05-03")
    assert (await extended.says())["stage"] == "lapsed"
    assert await acts.world.differences(app.state["engine"]) == []


async def test_an_aid_whose_only_payment_is_taken_back_lapses_after_its_missing_start_was_told(
    app: Any, acts: Acts
) -> None:
    life = await Life.of(acts, 4_000_000, 1_000_000)
    ok(await life.act("notify", NOTIFIED))
    payment = ok(await acts.pay(life.grant.removeprefix("grants/"), 100), 201)["id"]
    for day in ("2025-11-03", "2025-11-04"):
        await lapse(app, day)
    ok(await acts.reverse(f"{life.grant}/payments/{payment}"))
    await lapse(app, "2025-11-05")
    assert [act for act, _ in await life.history()] == ["notify", "start_missing", "lapse", "lapse"]
    assert {(await life.says(path))["ended_on"] for path in (life.grant, life.advance)} == {"2025-11-03"}
    assert await acts.world.differences(app.state["engine"]) == []


async def test_a_payment_beside_the_lapse_is_before_it_or_after_it(app: Any, acts: Acts) -> None:
    for _ in range(8):
        life = await Life.of(acts, 100_000)
        ok(await life.act("notify", NOTIFIED))
        grant = life.grant.removeprefix("grants/")
        answer, _ = await asyncio.gather(acts.pay(grant, 10, paid_on="2023-12-05"), lapse(app, "2025-11-03"))
        says = await life.says()
        if answer.status_code == 201:
            assert (says["stage"], says["paid_cents"], says["released_cents"]) == ("awarded", 10, 0)
        else:
            problem(answer, 409, "award-ended")
            assert (says["stage"], says["paid_cents"], says["released_cents"]) == ("lapsed", 0, 100_000)
    assert await acts.world.differences(app.state["engine"]) == []


# --- when an agreement is needed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("awarded_cents", "threshold_cents", "legal_form_code", "needed"),
    [
        (2_300_000, 2_300_000, "5710", False), (2_300_001, 2_300_000, "5710", True),
        (2_300_001, 2_300_000, None, True), (2_300_001, 2_300_000, "7210", False),
        (2_300_001, 2_300_000, "4110", False), (2_300_001, None, "5710", False),
    ],
)  # fmt: skip
def test_an_agreement_is_needed_above_the_threshold_of_a_private_firm(
    awarded_cents: int, threshold_cents: int | None, legal_form_code: str | None, needed: bool
) -> None:
    assert must_be_agreed(awarded_cents, threshold_cents, legal_form_code) is needed


# --- change requests -------------------------------------------------------------------------------------------------

AMOUNT = {"kind": "amount", "amount_cents": 5_000_000}
DATES = {"kind": "dates", "planned_end_on": "2026-06-30"}
OBJECT = {"kind": "object", "project_title": "Atelier et bureaux"}
PARAMETERS = {"kind": "parameters", "parameters": {"start_months": 30}}


async def test_one_decision_takes_all_changes_of_a_request(app: Any, acts: Acts) -> None:
    life = await Life.of(acts, 4_000_000, 1_000_000)
    ok(await life.act("notify", NOTIFIED))
    available = (await acts.envelope())["available_cents"]
    path = await life.asked(AMOUNT, DATES, OBJECT, PARAMETERS)
    ok(await life.decide(path, dry=True))
    assert (await life.says())["amount_cents"] == 4_000_000
    approved = ok(await life.decide(path))
    assert (approved["status"], approved["raised_cents"], approved["lowered_cents"]) == ("approved", 1_000_000, 0)
    grant, advance = await life.says(), await life.says(life.advance)
    assert (grant["amount_cents"], grant["remaining_cents"], advance["amount_cents"]) == (
        5_000_000,
        5_000_000,
        1_000_000,
    )
    assert grant["project_title"] == advance["project_title"] == "Atelier et bureaux"
    assert grant["planned_end_on"] == "2026-06-30"
    assert grant["start_by_on"] == "2026-05-02"
    assert grant["parameters"] == advance["parameters"]  # those that hold
    assert grant["parameters"]["start_months"] == 30
    assert (await acts.envelope())["available_cents"] == available - 1_000_000
    problem(await life.decide(path), 409, "change-request-transition")
    down = await life.asked({"kind": "amount", "amount_cents": 3_000_000})
    assert ok(await life.decide(down))["lowered_cents"] == 2_000_000
    assert (await life.says())["remaining_cents"] == 3_000_000
    assert (await acts.envelope())["available_cents"] == available + 1_000_000
    assert await acts.world.differences(app.state["engine"]) == []
    raised = await Life.of(acts)
    ok(await raised.decide(await raised.asked(AMOUNT)))
    ok(await acts.reverse(raised.grant))  # with what the amendment added
    assert (await acts.envelope())["available_cents"] == available + 1_000_000
    assert await acts.world.differences(app.state["engine"]) == []


async def test_a_change_is_within_the_envelope_the_base_and_what_is_paid_or_all_of_it_is_refused(acts: Acts) -> None:
    life = await Life.of(acts)
    ok(await acts.pay(life.grant.removeprefix("grants/"), 1_000, paid_on="2024-01-15"), 201)
    for change, code in (
        ({"kind": "amount", "amount_cents": 999}, "below-paid"),
        ({"kind": "amount", "amount_cents": 10_000_001}, "award-above-base"),
        (
            {"kind": "dates", "planned_start_on": "2026-01-02", "planned_end_on": "2026-01-01"},
            "planned-end-before-start",
        ),
    ):
        path = await life.asked(OBJECT, change)
        problem(await life.decide(path), 409, code)
        assert (await life.says())["project_title"] == "Atelier"
        assert ok(await life.decide(path, "refuse"))["status"] == "refused"
    path = await life.asked(AMOUNT)
    refused = problem(await life.decide(path, decided_on="2024-01-14"), 409, "before-last-payment")
    assert refused["last_paid_on"] == "2024-01-15"
    problem(await life.decide(path, decided_on="2024-01-01"), 409, "before-request")
    spent = (await acts.envelope())["available_cents"] - 999_999
    rest = ok(await acts.grant(spent), 201)
    problem(await life.decide(path), 409, "envelope-exhausted")
    ok(await acts.reverse(f"grants/{rest['id']}"))
    ok(await life.decide(path))
    plain = await Life.of(acts, 100, scheme=None, base_cents=None)
    problem(await plain.ask(PARAMETERS), 409, "not-held-by-parameters")
    ended = await plain.asked(OBJECT)
    ok(await acts.release(plain.grant))
    problem(await plain.decide(ended), 409, "award-ended")
    problem(await plain.ask(OBJECT), 409, "award-ended")


@pytest.mark.parametrize("instrument", ["grants", "advances"])
async def test_an_award_is_lowered_and_raised_to_the_cent_of_its_base(app: Any, acts: Acts, instrument: str) -> None:
    life = await Life.of(acts, 1, 1)
    path = life.grant if instrument == "grants" else life.advance
    begun = (await acts.envelope())["available_cents"] + 1
    for cents in (BASE, 1, BASE, 2_300_000, 2_300_001, 2_300_000, BASE - 1, BASE):
        asked = await life.asked({"kind": "amount", "amount_cents": cents}, of=path)
        ok(await life.decide(asked))
        said = await life.says(path)
        assert (said["amount_cents"] - said["released_cents"], said["remaining_cents"]) == (cents, cents)
        assert (await acts.envelope())["available_cents"] == begun - cents
    above = await life.asked({"kind": "amount", "amount_cents": BASE + 1}, of=path)
    refused = problem(await life.decide(above), 409, "award-above-base")
    assert (refused["amount_cents"], refused["base_cents"]) == (BASE + 1, BASE)
    async with acts.world.pool.acquire() as connection:
        award_id, pair = path.partition("/")[2], ("amount_cents + 1", "released_cents - 1")
        for column, value in zip(("amount_cents", "released_cents"), pair, strict=True):
            with pytest.raises(asyncpg.CheckViolationError) as error:
                await connection.execute(f"UPDATE {instrument} SET {column} = {value} WHERE id = $1", award_id)
            assert error.value.constraint_name == "award_above_base"
        with pytest.raises(asyncpg.CheckViolationError) as error:  # what was lowered stays given back
            await connection.execute(
                f"UPDATE {instrument} SET amount_cents = $2, released_cents = 0 WHERE id = $1", award_id, BASE
            )
        assert error.value.constraint_name == "released_by_the_ledger"
        async with connection.transaction():  # what counts is the row when the transaction ends
            for step in ("- 1", "+ 1"):
                await connection.execute(
                    f"UPDATE {instrument} SET amount_cents = amount_cents - 1, released_cents = released_cents {step}"
                    " WHERE id = $1",
                    award_id,
                )
            await connection.execute(f"UPDATE {instrument} SET amount_cents = amount_cents + 2 WHERE id = $1", award_id)
    assert await acts.world.differences(app.state["engine"]) == []


async def test_another_person_decides_and_only_one_of_two(acts: Acts) -> None:
    life = await Life.of(acts)
    funder = acts.world.funder
    path = f"{life.grant}/change-requests/{ok(await life.ask(OBJECT, by=funder), 201)['id']}"
    for verb in ("approve", "refuse"):
        problem(await life.decide(path, verb), 403, "requester-decides")
    problem(await life.decide(path, by=acts.world.clients["territory"]), 403, "forbidden")
    ok(await life.decide(path, "withdraw"))
    path = await life.asked(AMOUNT)
    second = await acts.world.add_subject(acts.world.pool, "second", "office", "funder")
    answers = await asyncio.gather(life.decide(path), life.decide(path, by=second))
    assert sorted(each.status_code for each in answers) in ([200, 409], [200, 412])
    assert (await life.says())["amount_cents"] == 5_000_000


async def test_a_change_comes_before_the_aid_lapses_whether_the_tick_has_run_or_not(acts: Acts) -> None:
    life, paid = await Life.of(acts), await Life.of(acts)
    for each in (life, paid):
        ok(await each.act("notify", NOTIFIED))  # to be started by 2 November 2025
    refused = problem(await life.ask(PARAMETERS, requested_on="2025-11-03"), 409, "award-ended")
    assert refused["detail"] == "The award is lapsed."
    path = await life.asked(PARAMETERS)
    problem(await life.decide(path, decided_on="2025-11-03"), 409, "award-ended")
    ok(await life.decide(path, decided_on="2025-11-02"))
    assert (await life.says())["start_by_on"] == "2026-05-02"
    ok(await acts.pay(paid.grant.removeprefix("grants/"), 100), 201)
    ok(await paid.ask(PARAMETERS, requested_on="2025-11-03"), 201)  # what is paid does not lapse


async def test_only_what_the_scheme_has_is_changed(acts: Acts) -> None:
    life = await Life.of(acts)
    unknown = {"kind": "parameters", "parameters": {"start_months": 30, "start_month": 30}}
    refused = problem(await life.ask(OBJECT, unknown), 409, "parameter-unknown")
    assert (refused["scheme"], refused["parameter"]) == ("rebond_industriel", "start_month")
    assert [each["pointer"] for each in refused["errors"]] == ["/changes/1/parameters/start_month"]


CHANGES: list[tuple[list[dict[str, Any]], str | None, str]] = [
    ([{"kind": "amount", "planned_end_on": "2026-01-01"}], "fields_of_change", "/changes/0"),
    ([{"kind": "dates"}], "fields_of_change", "/changes/0"),
    ([OBJECT, OBJECT], "kind_twice", "/changes/1/kind"),
    ([{"kind": "parameters", "parameters": {"start_months": "two"}}], None, "/changes/0/parameters/start_months"),
]


async def test_changes_give_the_fields_of_their_kind_once(acts: Acts) -> None:
    life = await Life.of(acts)
    for changes, code, pointer in CHANGES:
        [error] = problem(await life.ask(*changes), 422, "validation-failed")["errors"]
        assert error["pointer"] == pointer
        assert code in (None, error["code"])
    body = {"changes": [OBJECT], "reason": "x"}
    answer = await acts.world.funder.post(f"{life.grant}/change-requests", body)
    problem(answer, 400, "idempotency-key-missing")
    first = await acts.world.funder.post(f"{life.grant}/change-requests", body, headers=(again := key()))
    assert (await acts.world.funder.post(f"{life.grant}/change-requests", body, headers=again)).json() == first.json()


async def test_no_text_about_an_aid_holds_an_iban(acts: Acts) -> None:
    life = await Life.of(acts)
    iban = iban_from(1)
    aid = [{"source": iban, "amount_cents": 1}]
    done = {"completed_on": "2023-12-20", "declared_on": "2023-12-20", "final_cost_cents": 1, "public_aid": aid}
    recovery = {"cause": "overpaid", "amount_cents": 1, "reason": f"To {iban}."}
    payment = {"amount_cents": 1, "kind": "advance_payment", "reference": iban}
    for told, pointer in (
        (await life.act("notify", {"notified_on": "2023-12-01", "conditions": f"To {iban}."}), "/conditions"),
        (await life.act("completion", done), "/public_aid/0/source"),
        (await life.act("recoveries", recovery), "/reason"),
        (await life.act("payments", payment, by=acts.world.treasurer), "/reference"),
        (await life.ask({"kind": "object", "project_title": iban}), "/changes/0/project_title"),
    ):
        errors = problem(told, 422, "validation-failed")["errors"]
        assert [(each["pointer"], each["code"]) for each in errors] == [(pointer, "iban_in_text")]


# --- the last line ---------------------------------------------------------------------------------------------------

HASHED = f"'{HASH}'"
COMPLETE = (
    "UPDATE aids SET completed_on = '2024-01-01', completion_declared_on = '2024-01-01', final_cost_cents = 0,"
    " public_aid = '[]' WHERE id = $1"
)
EXTEND = (
    "UPDATE aids SET notified_on = decided_on, extended_on = '2025-10-04', start_extension_months = 1 WHERE id = $1"
)
APPROVE = (
    "UPDATE change_requests SET status = 'approved', decided_by = requested_by, decided_on = requested_on,"
    " before = '{}' WHERE aid_id = $1 AND status = 'requested'"
)
AMENDED = "UPDATE change_requests SET lowered_cents = 1 WHERE aid_id = $1 AND status = 'approved'"
INSERT = (
    "INSERT INTO aids (territory, firm_siren, decision_reference, decided_on, funder_id, agreed_on, created_at,"
    " updated_at) SELECT territory, firm_siren, 'X', decided_on, funder_id, decided_on, now(), now() FROM aids"
    " WHERE id = $1"
)
ATTACKS = [
    ("UPDATE aids SET decided_on = '2020-01-01' WHERE id = $1", "aids_append_only"),
    ("UPDATE aids SET base_cents = 1 WHERE id = $1", "aids_append_only"),
    ("DELETE FROM aids WHERE id = $1", "aids_append_only"),
    ("UPDATE aids SET notified_on = '2023-10-02' WHERE id = $1", "aid_facts"),
    ("UPDATE aids SET signed_by_firm_on = '2024-01-01' WHERE id = $1", "aid_facts"),
    ("UPDATE aids SET started_on = '2024-01-01' WHERE id = $1", "aid_facts"),
    (f"UPDATE aids SET started_on = '2024-01-01', start_proof_sha256 = upper({HASHED}) WHERE id = $1", "aid_facts"),
    ("UPDATE aids SET guaranteed_until_on = '2199-01-01' WHERE id = $1", "aid_facts"),
    (COMPLETE, "completed_unstarted"),
    (
        "UPDATE aids SET notified_on = decided_on, extended_on = decided_on, start_extension_months = 13 WHERE id = $1",
        "start_extension_too_long",
    ),
    (EXTEND, "start_extension_late"),
    ("UPDATE aids SET awards = -1 WHERE id = $1", "aid_counts"),
    ("UPDATE aids SET certified_cents = base_cents + 1 WHERE id = $1", "aid_counts"),
    ("UPDATE aid_lines SET certified_cents = amount_cents + 1 WHERE aid_id = $1", "over_line"),
    ("UPDATE aid_lines SET amount_cents = 1 WHERE aid_id = $1", "aid_lines_append_only"),
    ("UPDATE grants SET aid_id = gen_random_uuid() WHERE aid_id = $1", "grants_append_only"),
    ("UPDATE grants SET ended_as = 'lapsed', ended_on = decided_on WHERE aid_id = $1", "grant_ended"),
    ("UPDATE grants SET in_flight_cents = amount_cents + 1 WHERE aid_id = $1", "payments_exceed_award"),
    ("UPDATE aid_acts SET act = 'lapse' WHERE aid_id = $1", "aid_acts_append_only"),
    ("UPDATE change_requests SET changes = '[]' WHERE aid_id = $1", "change_requests_append_only"),
    (AMENDED, "change_requests_append_only"),
    (APPROVE, "requester_decides"),
    (INSERT, "aid_facts"),
]


async def test_sql_cannot_say_of_an_aid_what_its_acts_do_not(acts: Acts) -> None:
    life = await Life.of(acts)
    ok(await life.decide(await life.asked(OBJECT)))
    ok(await life.ask(OBJECT, by=acts.world.funder), 201)
    aid = (await life.says())["aid_id"]
    for attack, constraint in ATTACKS:
        async with acts.world.pool.acquire() as connection, connection.transaction():
            with pytest.raises(asyncpg.PostgresError) as refused:
                await connection.execute(attack, aid)
            assert getattr(refused.value, "constraint_name", None) == constraint, attack
    async with acts.world.pool.acquire() as connection:
        forged = "UPDATE aids SET start_by_on = '2199-01-01', agreed_on = '2020-01-01' WHERE id = $1 RETURNING *"
        row = await connection.fetchrow(forged, aid)
    assert (row["start_by_on"], row["agreed_on"], str(row["decided_on"])) == (None, None, DECIDED)


async def test_an_agreement_is_missing_by_the_awards_of_a_year_in_all_territories(app: Any, acts: Acts) -> None:
    life = await Life.of(acts, 2_000_000, 200_000)
    aid_id = (await life.says())["aid_id"]

    async def missing() -> AgreementMissing | None:
        async with app.state["sessions"]() as session:
            return await agreement_missing(session, await session.get_one(Aid, aid_id))

    assert await missing() is None
    other = await World.create(acts.world.http, acts.world.pool)
    there = Acts(other, acts.firm)
    ok(await other.clients["territory"].put(f"firms/{acts.firm}", {"stage": "identified"}))
    ok(await there.contribute(1_000_000), 201)
    funder = (await life.says())["funder_id"]
    ok(await there.grant(100_000, funder_id=funder), 201)
    for cents in (1, 2_000_000):  # what was lowered and raised again counts once
        ok(await life.decide(await life.asked({"kind": "amount", "amount_cents": cents})))
    assert await missing() is None  # 23 000.00 €
    ok(await there.grant(1, funder_id=funder, decided_on="2024-01-02"), 201)
    ok(await there.advance(1), 201)  # another funder's
    assert await missing() is None
    last = ok(await there.grant(1, funder_id=funder), 201)
    found = await missing()
    assert found is not None
    ok(await life.put("agreement", SIGNED), 201)
    assert await missing() is None
    assert last["amount_cents"] == 1
