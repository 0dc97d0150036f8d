"""Decisions of committees: numbered, all or nothing, with their awards; reversed before the closing, or corrected."""

import hashlib
from datetime import date
from typing import Any

import asyncpg
import pytest

from app.applications.decisions.rules import advance_terms
from app.schemes.rules import ParameterNotInForce, Parameters
from tests.applications.acts import done, history, read
from tests.applications.meetings import (
    ADVANCE,
    DECIDED,
    GRANT,
    REVIEW,
    admitted,
    close,
    contribute,
    decide,
    decided,
    decision,
    frozen,
    item,
    meeting,
    put_agenda,
)
from tests.envelopes.acts import key
from tests.projects.acts import staff
from tests.world import World, ok, problem

LATER = "2024-05-20"


async def pre_selected(world: World, *files: dict[str, Any], on: str = DECIDED) -> str:
    """A territorial meeting that pre-selected these files."""
    path = await meeting(world, on=on)
    await frozen(world, path, *(item(file) for file in files))
    await decided(world, path, *(decision(file) for file in files))
    return path


async def granting(world: World, *files: dict[str, Any], on: str = LATER) -> str:
    """A State-Region meeting whose frozen agenda has these files, which were pre-selected before."""
    await pre_selected(world, *files)
    path = await meeting(world, "state_region", on=on)
    await frozen(world, path, *(item(file, "grant") for file in files))
    return path


# --- taken -----------------------------------------------------------------------------------------------------------


async def test_two_levels_decide_a_file_and_the_grant_makes_both_awards(world: World) -> None:
    await contribute(world, 1_000_000_00)
    file = await admitted(world)
    path = await granting(world, file)
    assert (await read(world, file))["state"] == "pre_selected"
    project = ok(await staff(world).get(f"projects/{file['project_id']}"), 200)
    assert project["stage"] == "selected"
    (made,) = await decided(world, path, decision(file, "grant", conditions="The firm keeps its site."))
    slug = world.territory.upper()
    assert (made["reference"], made["number"]) == (f"{slug}-2024-SR1-01", 1)
    grant = ok(await world.auditor.get(f"grants/{made['grant_id']}"), 200)
    advance = ok(await world.auditor.get(f"advances/{made['advance_id']}"), 200)
    assert (grant["amount_cents"], advance["amount_cents"]) == (GRANT, ADVANCE)
    assert {grant["decision_reference"], advance["decision_reference"]} == {made["reference"]}
    assert (await read(world, file))["state"] == "granted"
    assert ok(await staff(world).get(f"projects/{file['project_id']}"), 200)["stage"] == "contracted"
    envelope = ok(await world.auditor.get("envelope"), 200)
    assert envelope["available_cents"] == 1_000_000_00 - GRANT - ADVANCE
    assert (await history(world, file))[-2:] == [("pre_select", DECIDED), ("grant", LATER)]
    assert (
        problem(await decide(world, path, decision(file, "grant")), 409, "already-decided")["reference"]
        == made["reference"]
    )


async def test_a_grant_that_does_not_fit_is_refused_whole_with_all_of_its_batch(world: World) -> None:
    await contribute(world, GRANT + ADVANCE + GRANT)
    first, second = await admitted(world), await admitted(world)
    path = await granting(world, first, second)
    told = problem(
        await decide(world, path, decision(first, "grant"), decision(second, "grant")), 409, "envelope-exhausted"
    )
    assert (told["requested_cents"], told["available_cents"], told["application_id"]) == (ADVANCE, 0, second["id"])
    assert {(await read(world, file))["state"] for file in (first, second)} == {"pre_selected"}
    assert ok(await world.auditor.get("grants"), 200)["items"] == []
    simulated = ok(await decide(world, path, decision(first, "grant"), decision(second, "grant"), dry=True), 200)
    assert [(each["possible"], each["available_cents"]) for each in simulated["items"]] == [
        (True, GRANT),
        (False, GRANT),
    ]
    assert simulated["items"][1]["refusal"]["code"] == "envelope-exhausted"
    assert (simulated["refusals"], simulated["available_cents"]) == ([], GRANT + ADVANCE + GRANT)
    assert [each["available_cents"] for each in simulated["items"][0]["contributions"]] == [GRANT]
    smaller = decision(second, "grant", advance_cents=0)
    made = await decided(world, path, decision(first, "grant"), smaller)
    assert [each["number"] for each in made] == [1, 2]
    assert ok(await world.auditor.get("envelope"), 200)["available_cents"] == 0


async def test_a_meeting_is_simulated_before_it_is_held(world: World) -> None:
    file = await admitted(world)
    path = await meeting(world, hold=False, on="2199-01-01")
    ok(await put_agenda(world, path, item(file)), 201)
    told = ok(await decide(world, path, decision(file), dry=True), 200)
    assert [each["code"] for each in told["refusals"]] == ["meeting-transition", "agenda-not-frozen"]
    assert told["items"][0]["possible"] is False  # the certificates have expired since
    assert {each["code"] for each in told["items"][0]["unmet"]} == set()


async def test_what_keeps_a_meeting_from_deciding(world: World) -> None:
    file, other = await admitted(world), await admitted(world)
    planned = await meeting(world, hold=False)
    problem(await decide(world, planned, decision(file)), 409, "meeting-transition")
    alone = await meeting(world, attendance=("present", "absent"), quorum=2)
    told = problem(await decide(world, alone, decision(file)), 409, "quorum-not-reached")
    assert (told["present"], told["quorum"]) == (1, 2)
    path = await meeting(world)
    problem(await decide(world, path, decision(file)), 409, "agenda-not-frozen")
    ok(await put_agenda(world, path, item(file)), 201)
    problem(await decide(world, path, decision(file)), 409, "agenda-not-frozen")
    ok(await staff(world).post(f"{path}/agenda/freeze"), 200)
    problem(await decide(world, path, decision(other)), 409, "not-on-agenda")
    told = problem(await decide(world, path, decision(file, "grant")), 409, "outcome-of-another-level")
    assert told["allowed"] == ["pre_select", "reject", "defer", "withdraw"]
    for verdict in ("reject", "defer"):
        told = problem(await decide(world, path, decision(file, verdict, reasons=None)), 422, "validation-failed")
        assert [(e["pointer"], e["code"]) for e in told["errors"]] == [("/items/0/reasons", "reasons_missing")]
    many = decision(file) | {"votes": {"for": 2, "against": 1, "abstained": 0}}
    told = problem(await decide(world, path, many), 422, "validation-failed")
    assert [(e["pointer"], e["code"]) for e in told["errors"]] == [("/items/0/votes", "votes_above_present")]
    problem(await decide(world, path, decision(file), by="territory"), 403, "forbidden")
    assert (await read(world, file))["state"] == "admissible"
    paper = {"kind": "tax", "issued_on": "2024-04-01", "valid_until_on": "2024-09-01", "sha256": "ab" * 32}
    ok(await staff(world).post(f"firms/{file['siren']}/certificates", paper), 201)
    told = problem(await decide(world, path, decision(file)), 412, "agenda-changed")
    assert told["changes"] == [
        {"pointer": "/items/0/tax_certificate_until_on", "then": "2024-07-03", "now": "2024-09-01"}
    ]


async def test_who_wrote_the_review_does_not_decide_the_file(world: World) -> None:
    file = await admitted(world)
    path = await meeting(world)
    await frozen(world, path, item(file))
    async with world.pool.acquire() as connection:
        both = await world.add_subject(connection, "both", "office", "committee")
    await world.pool.execute(
        "UPDATE application_reviews SET authors = authors || $1::uuid WHERE application_id = $2::uuid",
        world.subjects["both"], file["id"],
    )  # fmt: skip
    answer = await both.post(f"{path}/decisions", {"items": [decision(file)]}, headers=key())
    problem(answer, 403, "reviewer-decides")
    async with world.pool.acquire() as connection:
        program = await world.add_subject(connection, "program", "office", "committee", kind="service_account")
    problem(await program.post(f"{path}/decisions", {"items": [decision(file)]}, headers=key()), 403, "person-required")


async def test_a_review_that_was_completed_after_the_meeting_is_none_of_its_day(world: World) -> None:
    file = await admitted(world)
    path = await granting(world, file)
    review = await world.funder.get(f"applications/{file['id']}/review")
    later = REVIEW | {"completed_on": "2024-05-21"}
    sent = await world.funder.put(
        f"applications/{file['id']}/review", later, headers={"If-Match": review.headers["etag"]}
    )
    ok(sent, 200)
    told = problem(await decide(world, path, decision(file, "grant")), 409, "application-not-ready")
    assert [each["code"] for each in told["unmet"]] == ["review-not-favourable"]


async def test_an_advance_is_repaid_as_the_scheme_says_where_the_decision_does_not(world: World) -> None:
    await contribute(world, 1_000_000_00)
    file = await admitted(world)
    path = await granting(world, file)
    terms = {"instalments": 12, "frequency": "quarterly", "first_due_on": "2025-03-31"}
    refused = await decide(world, path, decision(file, "grant", advance_cents=0, advance_terms=terms), dry=True)
    told = problem(refused, 422, "validation-failed")["errors"]
    assert [(e["pointer"], e["code"]) for e in told] == [("/items/0/advance_terms", "terms_without_advance")]
    (made,) = await decided(world, path, decision(file, "grant"))
    agreed = ok(await world.auditor.get(f"advances/{made['advance_id']}"), 200)["terms"]
    said = ("instalments", "frequency", "grace_periods", "first_due_on")
    assert [agreed[name] for name in said] == [20, "quarterly", 8, "2024-09-30"]


@pytest.mark.parametrize(
    ("grace", "repayment", "terms"),
    [(24, 60, (20, "quarterly", 8)), (0, 3, (1, "quarterly", 0)), (7, 60, (60, "monthly", 7)),
     (24, 1, (1, "monthly", 24))],
)  # fmt: skip
def test_the_months_of_the_scheme_make_quarters_or_months(
    grace: int, repayment: int, terms: tuple[int, str, int]
) -> None:
    known = Parameters(advance_grace_months=grace, advance_repayment_months=repayment)
    for decided_on, first_due_on in (("2024-01-01", "2024-06-30"), ("2024-12-31", "2025-03-31")):
        found = advance_terms(date.fromisoformat(decided_on), known)
        assert (found["instalments"], found["frequency"], found["grace_periods"]) == terms
        assert found["first_due_on"] == first_due_on
    with pytest.raises(ParameterNotInForce):
        advance_terms(date(2024, 1, 1), Parameters(advance_grace_months=grace))


async def test_a_grant_names_every_condition_that_is_unmet(world: World) -> None:
    file = await admitted(world)
    path = await meeting(world, "state_region")
    await frozen(world, path, item(file, "grant"))
    await done(world, file, "open-review", "2024-03-10")
    told = problem(
        await decide(world, path, decision(file, "grant", grant_cents=GRANT + 1)), 409, "application-not-ready"
    )
    assert [each["code"] for each in told["unmet"]] == ["not-pre-selected", "award-above-requested"]
    assert told["application_id"] == file["id"]


@pytest.mark.parametrize(
    ("outcome", "state"), [("defer", "deferred"), ("reject", "rejected"), ("withdraw", "withdrawn")]
)
async def test_the_other_outcomes_are_acts_on_the_file(world: World, outcome: str, state: str) -> None:
    file = await admitted(world)
    path = await meeting(world)
    await frozen(world, path, item(file))
    (made,) = await decided(world, path, decision(file, outcome))
    assert (await read(world, file))["state"] == state
    assert (await history(world, file))[-1] == (outcome, DECIDED)
    ok(await world.clients["committee"].post(f"{path}/decisions/{made['id']}/reverse", {"reason": "Misread."}), 200)
    # It is admissible again, and silence has decided it meanwhile: it is told at once, without a tick.
    assert (await read(world, file))["state"] == "implicitly_rejected"
    assert [act for act, _ in (await history(world, file))[-2:]] == ["reverse_decision", "silence_rejects"]
    # A decision that only silence has followed can be reversed: the silence is reversed with it.
    (deferred,) = await decided(world, path, decision(file, "defer"))
    assert (await read(world, file))["state"] == "implicitly_rejected"
    address = f"{path}/decisions/{deferred['id']}/reverse"
    ok(await world.clients["committee"].post(address, {"reason": "Misread."}), 200)
    assert [act for act, _ in (await history(world, file))[-3:]] == [
        "reverse_silence", "reverse_decision", "silence_rejects",
    ]  # fmt: skip
    longer = await admitted(world)
    await done(world, longer, "extend", "2024-04-01", until_on="2199-12-31")
    later = await meeting(world)
    await frozen(world, later, item(longer))
    (made,) = await decided(world, later, decision(longer, outcome))
    ok(await world.clients["committee"].post(f"{later}/decisions/{made['id']}/reverse", {"reason": "Misread."}), 200)
    assert (await read(world, longer))["state"] == "admissible"


# --- numbers, reversal, closing, errata ------------------------------------------------------------------------------


async def test_a_reversed_decision_keeps_its_number_and_gives_everything_back(world: World) -> None:
    await contribute(world, GRANT + ADVANCE)
    file = await admitted(world)
    path = await granting(world, file)
    (first,) = await decided(world, path, decision(file, "grant"))
    reversal = await world.clients["committee"].post(f"{path}/decisions/{first['id']}/reverse", {"reason": "Misread."})
    assert ok(reversal, 200)["reversal_reason"] == "Misread."
    # Nobody has decided the pre-selected file in time: silence has, and is reversed by the second decision below.
    assert (await read(world, file))["state"] == "implicitly_rejected"
    assert ok(await staff(world).get(f"projects/{file['project_id']}"), 200)["stage"] == "selected"
    assert ok(await world.auditor.get("envelope"), 200)["available_cents"] == GRANT + ADVANCE
    assert ok(await world.auditor.get(f"grants/{first['grant_id']}"), 200)["status"] == "reversed"
    again = await world.clients["committee"].post(f"{path}/decisions/{first['id']}/reverse", {"reason": "Misread."})
    problem(again, 409, "decision-reversed")
    (second,) = await decided(world, path, decision(file, "grant"))
    assert (second["number"], second["reference"][-3:]) == (2, "-02")
    listed = ok(await world.clients["committee"].get(f"{path}/decisions"), 200)["items"]
    assert [(each["number"], each["reversed_at"] is None) for each in listed] == [(1, False), (2, True)]
    assert [each["grant_id"] for each in listed] == [first["grant_id"], second["grant_id"]]


async def test_a_project_of_a_pre_selected_file_is_selected_again_without_its_award(world: World) -> None:
    await contribute(world, GRANT)
    file = await admitted(world)
    await pre_selected(world, file)
    said = {"siren": file["siren"], "project_id": file["project_id"], "project_title": "Atelier", "amount_cents": 1,
            "decided_on": DECIDED, "decision_reference": "ELSEWHERE"}  # fmt: skip
    grant = ok(await world.funder.post("grants", said, headers={"Idempotency-Key": "g"}), 201)
    project = f"projects/{file['project_id']}"
    assert ok(await staff(world).get(project), 200)["stage"] == "contracted"
    reversal = await world.funder.post(
        f"grants/{grant['id']}/reverse", {"reason": "Mistaken."}, headers={"If-Match": "*"}
    )
    ok(reversal, 200)
    assert ok(await staff(world).get(project), 200)["stage"] == "selected"


async def test_a_decision_on_which_the_file_has_gone_on_or_that_is_paid_is_not_reversed(world: World) -> None:
    await contribute(world, GRANT + ADVANCE)
    file = await admitted(world)
    territorial = await pre_selected(world, file)
    (pre,) = ok(await world.clients["committee"].get(f"{territorial}/decisions"), 200)["items"]
    await done(world, file, "open-review", "2024-05-01")
    refused = await world.clients["committee"].post(f"{territorial}/decisions/{pre['id']}/reverse", {"reason": "No."})
    assert problem(refused, 409, "decision-followed")["act"] == "open_review"
    path = await meeting(world, "state_region", on=LATER)
    await frozen(world, path, item(file, "grant"))
    (made,) = await decided(world, path, decision(file, "grant"))
    payment = {"amount_cents": 1, "paid_on": "2024-06-01", "kind": "advance_payment", "reference": "P-1"}
    ok(
        await world.treasurer.post(f"grants/{made['grant_id']}/payments", payment, headers={"Idempotency-Key": "p"}),
        201,
    )
    refused = await world.clients["committee"].post(f"{path}/decisions/{made['id']}/reverse", {"reason": "No."})
    problem(refused, 409, "award-already-paid")
    assert (await read(world, file))["state"] == "granted"


async def test_closing_asks_for_an_outcome_of_every_file_and_seals_the_record(world: World) -> None:
    file, other, late = [await admitted(world) for _ in range(3)]
    for each in (file, other):
        await done(world, each, "extend", "2024-04-01")
    path = await meeting(world)
    await frozen(world, path, item(file), item(other, "defer"), item(late, "defer"))
    (made,) = await decided(world, path, decision(file))
    told = problem(await close(world, path), 409, "agenda-not-finished")
    assert told["application_ids"] == [other["id"]]  # silence has decided the third, though no tick has run
    await done(world, other, "withdraw", "2024-05-01")
    assert ok(await world.clients["committee"].post(f"{path}/close"), 200)["status"] == "closed"
    record = ok(await world.clients["committee"].get(f"{path}/record"), 200)
    assert [(each["state"], each["decision"]) for each in record["content"]["items"]] == [
        ("pre_selected", made["reference"]), ("withdrawn", None), ("implicitly_rejected", None),
    ]  # fmt: skip
    content = await world.clients["committee"].get(f"{path}/record/content")
    assert hashlib.sha256(content.text.removesuffix("\n").encode()).hexdigest() == record["content_hash"]
    problem(await decide(world, path, decision(other)), 409, "meeting-closed")
    reversal = await world.clients["committee"].post(f"{path}/decisions/{made['id']}/reverse", {"reason": "No."})
    problem(reversal, 409, "meeting-closed")
    problem(await staff(world).post(f"{path}/agenda/reopen", {"reason": "No."}), 409, "meeting-closed")


async def test_an_erratum_corrects_the_words_of_a_closed_meeting_at_a_later_one(world: World) -> None:
    file = await admitted(world)
    await done(world, file, "extend", "2024-04-01")
    path = await pre_selected(world, file)
    (made,) = ok(await world.clients["committee"].get(f"{path}/decisions"), 200)["items"]
    later = await meeting(world, on=LATER)
    erratum = {"corrects_id": made["id"], "reason": "A vote was counted twice.",
               "votes": {"for": 1, "against": 1, "abstained": 0}}  # fmt: skip
    problem(await world.clients["committee"].post(f"{later}/errata", erratum, headers=key()), 409, "erratum-refused")
    ok(await close(world, path), 200)
    async with world.pool.acquire() as connection:
        both = await world.add_subject(connection, "both", "office", "committee")
    await world.pool.execute(
        "UPDATE application_reviews SET authors = authors || $1::uuid WHERE application_id = $2::uuid",
        world.subjects["both"], file["id"],
    )  # fmt: skip
    problem(await both.post(f"{later}/errata", erratum, headers=key()), 403, "reviewer-decides")
    told = ok(await world.clients["committee"].post(f"{later}/errata", erratum, headers=key()), 201)
    assert (told["corrects_reference"], told["number"], told["reference"][-5:]) == (made["reference"], 1, "T2-01")
    corrected = ok(await world.clients["committee"].get(f"{path}/decisions/{made['id']}"), 200)
    assert (corrected["corrected_by_reference"], corrected["votes"]["against"]) == (told["reference"], 0)
    ok(await close(world, later), 200)
    assert (await read(world, file))["state"] == "pre_selected"


async def test_an_erratum_is_of_the_level_that_decided(world: World) -> None:
    await contribute(world, 1_000_000_00)
    file = await admitted(world)
    await done(world, file, "extend", "2024-04-01")
    path = await granting(world, file)
    (made,) = await decided(world, path, decision(file, "grant"))
    ok(await close(world, path), 200)
    votes = {"for": 1, "against": 0, "abstained": 0}
    erratum = {"corrects_id": made["id"], "reason": "A vote was counted twice.", "votes": votes}
    committee, day = world.clients["committee"], "2024-06-20"
    other, same = await meeting(world, on=day), await meeting(world, "state_region", on=day)
    problem(await committee.post(f"{other}/errata", erratum, headers=key()), 409, "erratum-refused")
    told = ok(await committee.post(f"{same}/errata", erratum, headers=key()), 201)
    ok(await put_agenda(world, other), 201)
    there = other.removeprefix("committees/")
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "UPDATE agendas SET year = 2024, meeting_number = 99, decisions_made = 1 WHERE committee_id = $1", there
        )
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute(
                "INSERT INTO committee_decisions SELECT (jsonb_populate_record(d, jsonb_build_object('id', uuidv7(),"
                " 'committee_id', $1::text, 'level', 'territorial', 'reference', 'X'))).* FROM committee_decisions d"
                " WHERE d.id = $2",
                there, told["id"],
            )  # fmt: skip
    assert refused.value.constraint_name == "erratum_refused"


async def test_decisions_and_errata_need_an_intention(world: World) -> None:
    file = await admitted(world)
    path = await meeting(world)
    await frozen(world, path, item(file))
    committee, body = world.clients["committee"], {"items": [decision(file)]}
    problem(await committee.post(f"{path}/decisions", body), 400, "idempotency-key-missing")
    ok(await committee.post(f"{path}/decisions?dry_run=true", body), 200)
    intention = key()
    first, again = [await committee.post(f"{path}/decisions", body, headers=intention) for _ in range(2)]
    assert (first.status_code, again.headers["idempotency-replayed"], again.content) == (201, "true", first.content)


async def test_what_was_decided_stays_on_the_reopened_agenda_as_it_was_sealed(world: World) -> None:
    file, other = await admitted(world), await admitted(world)
    path = await meeting(world)
    await frozen(world, path, item(file), item(other))
    await decided(world, path, decision(file))
    ok(await staff(world).post(f"{path}/agenda/reopen", {"reason": "One leaves."}), 200)
    problem(await put_agenda(world, path, item(other)), 409, "already-decided")
    problem(await put_agenda(world, path, item(file, "defer")), 409, "already-decided")
    await frozen(world, path, item(other, "defer"), item(file))
    versions = ok(await staff(world).get(f"{path}/agenda/versions"), 200)["items"]
    first, second = [
        ok(await staff(world).get(f"{path}/agenda/versions/{each['id']}/content"), 200)["items"] for each in versions
    ]
    assert second[1] == {**first[0], "position": 2}
    assert second[1]["state"] == "admissible"  # as it was when it was sealed
    problem(await decide(world, path, decision(file)), 409, "already-decided")
    await decided(world, path, decision(other, "defer"))


async def test_when_a_meeting_was_held_and_who_came_stays_once_it_has_decided(world: World) -> None:
    file = await admitted(world)
    path = await pre_selected(world, file)
    problem(await staff(world).patch(path, {"held_at": "2024-04-16T08:00:00Z"}), 409, "meeting-decided")
    problem(await staff(world).patch(path, {"quorum": 1}), 409, "meeting-decided")
    members = [{"kind": "organisation", "name": "Another", "chair": True, "attendance": "present"}]
    problem(await staff(world).patch(path, {"members": members}), 409, "meeting-decided")
    ok(await staff(world).patch(path, {"place": "Alès"}), 200)


async def test_what_is_sealed_stands_together(world: World) -> None:
    """SQL adds no half of it: each statement is refused at COMMIT, where the other half is missing."""
    file = await admitted(world)
    path = await pre_selected(world, file)
    committee = path.removeprefix("committees/")
    seal = f"'{committee}', '{world.territory}', '{{}}', encode(sha256('{{}}'), 'hex'), now()"
    by = f"closed_by = '{world.subjects['committee']}'"
    closed = f"closed_at = now(), {by}, minutes = 'x', minutes_adopted_on = '2024-06-01'"
    where = f"WHERE committee_id = '{committee}'"
    undone = "reversed_at = now(), reversed_by = decided_by, reversal_reason = 'x'"
    reversed_ = f"UPDATE committee_decisions SET {undone} {where}"
    closes = f"UPDATE committees SET status = 'closed', {closed} WHERE id = '{committee}'"
    record = "INSERT INTO committee_records (committee_id, territory, content, content_hash, sealed_at) VALUES"
    agenda = "INSERT INTO frozen_agendas (committee_id, territory, content, content_hash, frozen_at, number) VALUES"
    reopening = "INSERT INTO agenda_reopenings (committee_id, number, territory, reason, reopened_at) VALUES"
    for statement, constraint in (
        (reversed_, "committee_decision_reversed_alone"),
        (closes, "committee_closed_with_its_record"),
        (f"{record} ({seal})", "committee_closed_with_its_record"),
        (f"{agenda} ({seal}, 2)", "frozen_agenda_of_its_agenda"),
        (f"{reopening} ('{committee}', 1, '{world.territory}', 'x', now())", "frozen_agenda_of_its_agenda"),
    ):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await world.pool.execute(statement)
        assert refused.value.constraint_name == constraint, statement


async def test_sql_edits_no_decision_and_no_record(world: World) -> None:
    file = await admitted(world)
    path = await pre_selected(world, file)
    committee = path.removeprefix("committees/")
    ok(await close(world, path), 200)
    where = f"WHERE committee_id = '{committee}'"
    for statement, constraint in (
        (f"UPDATE committee_decisions SET grant_cents = 1 {where}", "meeting_closed"),
        (f"UPDATE committee_decisions SET reversed_at = now() {where}", "meeting_closed"),
        (f"DELETE FROM committee_decisions {where}", "committee_decisions_append_only"),
        ("TRUNCATE committee_decisions CASCADE", "committee_decisions_append_only"),
        (f"UPDATE committee_records SET content = '{{}}' {where}", "committee_records_append_only"),
        ("DELETE FROM committee_records", "committee_records_append_only"),
        (f"UPDATE agendas SET decisions_made = 7 {where}", "meeting_closed"),
        (f"UPDATE committees SET place = 'Nîmes' WHERE id = '{committee}'", "meeting_closed"),
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await world.pool.execute(statement)
        assert refused.value.constraint_name == constraint, statement


async def test_sql_decides_nothing_that_a_meeting_did_not(world: World) -> None:
    file, other = await admitted(world), await admitted(world)
    path = await meeting(world)
    await frozen(world, path, item(file), item(other))
    (made,) = await decided(world, path, decision(file))
    committee = path.removeprefix("committees/")
    async with world.pool.acquire() as connection:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute(f"UPDATE committee_decisions SET votes_for = 0 WHERE id = '{made['id']}'")
        assert refused.value.constraint_name == "committee_decisions_append_only"
        for change, constraint in (
            ({"number": 3, "previous_number": 2}, "committee_decision_of_its_meeting"),
            ({"decided_on": date(2024, 4, 16)}, "committee_decision_of_its_meeting"),
            ({"members_present": 9}, "committee_decision_of_its_meeting"),
            ({"agenda_number": 2}, "agenda_not_frozen"),
            ({"number": 1, "previous_number": None}, "committee_decision_of_its_meeting"),
        ):
            row = dict(await connection.fetchrow("SELECT * FROM committee_decisions WHERE id = $1::uuid", made["id"]))
            row |= {"number": 2, "previous_number": 1, "reference": "X", "application_id": other["id"]} | change
            del row["id"]
            names = ", ".join(row)
            marks = ", ".join(f"${place}" for place in range(1, len(row) + 1))
            bump = f"UPDATE agendas SET decisions_made = 2 WHERE committee_id = '{committee}'"
            insert = f"INSERT INTO committee_decisions ({names}) VALUES ({marks})"
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(bump)
            with pytest.raises(asyncpg.PostgresError) as refused:
                await connection.execute(insert, *row.values())
            await transaction.rollback()
            assert refused.value.constraint_name == constraint, change
