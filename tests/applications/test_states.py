"""The states of an aid file: each act in each state, over HTTP and in the table."""

import itertools
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest

from app.applications import rules
from app.applications.rules import (
    BY_A_COMMITTEE,
    BY_THE_SERVICE,
    REVERSALS,
    TRANSITIONS,
    ApplicationAct,
    ApplicationState,
    Life,
)
from app.commands.tick import take_silences
from app.core import clock
from tests.applications.acts import BODIES, RECEIVED, act, digest, done, draft, history, read, submitted
from tests.projects.acts import staff
from tests.world import World, ok, problem

S, A = ApplicationState, ApplicationAct
TODAY = clock.today().isoformat()


async def tick(app: Any, day: str = TODAY) -> int:
    """What `rebond tick` does about aid files; it decides those of other tests too."""
    return await take_silences(app.state["sessions"], date.fromisoformat(day))


async def in_state(world: World, app: Any, state: ApplicationState) -> dict[str, Any]:
    """A file received today, in a state that an act of this issue leads to."""
    if state is S.DRAFT:
        return await draft(world)
    if state in (S.DEEMED_ADMISSIBLE, S.IMPLICITLY_REJECTED):
        # Received three months ago, or in January 2024: the first time is over, or both are.
        earlier = (clock.today() - timedelta(days=100)).isoformat()
        file = await submitted(world, day=earlier if state is S.DEEMED_ADMISSIBLE else RECEIVED)
        await tick(app)
        return await read(world, file)
    file = await submitted(world, day=TODAY)
    way = {
        S.SUBMITTED: [],
        S.INCOMPLETE: ["request-documents"],
        S.ADMISSIBLE: ["admit"],
        S.INADMISSIBLE: ["declare-inadmissible"],
        S.UNDER_REVIEW: ["admit", "open-review"],
        S.WITHDRAWN: ["withdraw"],
    }[state]
    for verb in way:
        await done(world, file, verb)
    return await read(world, file)


REACHED = [S.DRAFT, S.SUBMITTED, S.INCOMPLETE, S.ADMISSIBLE, S.INADMISSIBLE, S.DEEMED_ADMISSIBLE, S.UNDER_REVIEW,
           S.IMPLICITLY_REJECTED, S.WITHDRAWN]  # fmt: skip


async def stored(world: World, file: dict[str, Any]) -> list[Any]:
    """Everything that an act could change."""
    rows = await world.pool.fetch(
        "SELECT to_jsonb(a)::text FROM applications a WHERE id = $1"
        " UNION ALL SELECT to_jsonb(p)::text FROM application_passages p WHERE application_id = $1"
        " UNION ALL SELECT id::text FROM events WHERE resource_id = $1::text"
        " UNION ALL SELECT to_jsonb(p)::text FROM projects p WHERE id = $2",
        file["id"], file["project_id"],
    )  # fmt: skip
    return [row[0] for row in rows]


@pytest.mark.parametrize("state", REACHED)
async def test_what_is_not_in_the_table_is_refused_and_changes_nothing(
    world: World, app: Any, state: ApplicationState
) -> None:
    file = await in_state(world, app, state)
    assert file["state"] == state
    before = await stored(world, file)
    followers = ok(await staff(world).get(f"applications/{file['id']}/transitions"), 200)["acts"]
    allowed = {each["act"] for each in followers}
    assert allowed == {
        each
        for each in A
        if each not in (*BY_THE_SERVICE, A.REVERSE_DECISION)
        and state in {source for source, _ in TRANSITIONS[each]}
        and not (each in BY_A_COMMITTEE and state is S.INCOMPLETE)  # never found admissible
    }
    for verb in BODIES:
        more: dict[str, Any] = {"given_until_on": TODAY} if verb == "request-documents" else {}
        if verb == "acknowledge":
            more = {"acknowledged_on": TODAY}
        if verb.replace("-", "_") in allowed:
            continue
        answer = await act(world, file["id"], verb, **more)
        refused = problem(answer, 409, _code(state, verb))
        if refused["type"] == "/problems/invalid-transition":
            assert refused["from"] == state
            assert refused["allowed"] == sorted({each["to_state"] for each in followers} - {state})
            assert all(each in refused["detail"] for each in [state, *refused["allowed"]])
    assert await stored(world, file) == before


def _code(state: ApplicationState, verb: str) -> str:
    """The refusal of an act that cannot follow: where silence has decided what the act would have, it says so."""
    source = {S.DEEMED_ADMISSIBLE: S.SUBMITTED, S.IMPLICITLY_REJECTED: S.DEEMED_ADMISSIBLE}.get(state)
    while source is not None:
        if source in {each for each, _ in TRANSITIONS[A(verb.replace("-", "_"))]}:
            return "extension-too-late" if verb == "extend" else "clock-has-run-out"
        source = {S.DEEMED_ADMISSIBLE: S.SUBMITTED}.get(source)
    return "invalid-transition"


@pytest.mark.parametrize("state", REACHED)
async def test_a_dry_run_of_each_act_that_can_follow_shows_its_state_and_changes_nothing(
    world: World, app: Any, state: ApplicationState
) -> None:
    file = await in_state(world, app, state)
    before = await stored(world, file)
    for each in ok(await staff(world).get(f"applications/{file['id']}/transitions"), 200)["acts"]:
        verb = each["act"].replace("_", "-")
        if verb not in BODIES:
            continue  # an outcome of a committee (test_decisions.py)
        role, body = BODIES[verb]
        if verb == "request-documents":
            body = {**body, "given_until_on": TODAY}
        if verb == "submit":
            body = {"received_at": "2024-01-15T11:00:00Z"}
        if verb == "acknowledge":
            body = {**body, "acknowledged_on": TODAY}
        answer = await world.clients[role].post(f"applications/{file['id']}/{verb}?dry_run=true", body)
        assert ok(answer, 200)["state"] == each["to_state"], verb
    assert await stored(world, file) == before


async def test_a_refusal_tells_what_the_file_can_become_and_not_what_it_is(world: World) -> None:
    file = await submitted(world, day=TODAY)
    await done(world, file, "acknowledge")
    refused = problem(await act(world, file["id"], "acknowledge"), 409, "invalid-transition")
    assert refused["allowed"] == ["admissible", "inadmissible", "incomplete", "withdrawn"]
    assert "cannot become submitted" not in refused["detail"]
    await done(world, file, "withdraw")
    refused = problem(await act(world, file["id"], "withdraw"), 409, "invalid-transition")
    assert refused["allowed"] == []
    assert "it can become nothing else." in refused["detail"]


async def test_a_file_goes_back_to_where_its_documents_were_requested_and_is_examined_once(world: World) -> None:
    file = await submitted(world, day=TODAY)
    assert (await done(world, file, "request-documents"))["state"] == "incomplete"
    assert (await done(world, file, "complete"))["state"] == "submitted"
    await done(world, file, "admit")
    assert (await done(world, file, "open-review"))["state"] == "under_review"
    await done(world, file, "request-documents")
    for verb in ("admit", "declare-inadmissible"):
        refused = problem(await act(world, file["id"], verb), 409, "invalid-transition")
        assert (refused["from"], refused["allowed"]) == (
            "incomplete", ["deferred", "rejected", "under_review", "withdrawn"],
        )  # fmt: skip
    told = ok(await staff(world).get(f"applications/{file['id']}/transitions"), 200)
    assert told["documents_awaited"] == ["quote"]
    assert [each["running"] for each in told["deadlines"]] == [False, True]
    assert (await done(world, file, "complete"))["state"] == "under_review"
    assert [each for each, _ in await history(world, file)] == [
        "submit", "request_documents", "complete", "admit", "open_review", "request_documents", "complete",
    ]  # fmt: skip


async def test_an_act_has_a_day_that_is_neither_to_come_nor_before_the_one_it_follows(world: World) -> None:
    file = await submitted(world)
    for verb in ("admit", "withdraw", "request-documents", "extend", "acknowledge"):
        answer = problem(await act(world, file["id"], verb, "2199-01-01"), 422, "validation-failed")
        pointer = "/acknowledged_on" if verb == "acknowledge" else "/on"
        assert (answer["errors"][0]["pointer"], answer["errors"][0]["code"]) == (pointer, "future_day")
        refused = problem(await act(world, file["id"], verb, "2024-01-14"), 409, "act-out-of-order")
        assert refused["after_on"] == "2024-01-15"
    await done(world, file, "admit", "2024-02-01")
    problem(await act(world, file["id"], "open-review", "2024-01-31"), 409, "act-out-of-order")
    await done(world, file, "open-review", "2024-02-01")


async def test_a_person_decides_and_a_program_records(world: World) -> None:
    program = await world.add_subject(world.pool, "program", "office", "funder", kind="service_account")
    file = await submitted(world, day=TODAY)
    for verb in ("admit", "declare-inadmissible", "extend"):
        problem(await act(world, file["id"], verb, by=program), 403, "person-required")
    await done(world, file, "request-documents", by=program)
    await done(world, file, "complete", by=program)


async def test_the_roles_of_an_act_are_those_of_the_answer(world: World) -> None:
    file = await submitted(world, day=TODAY)
    for role in ("territory", "funder", "committee"):
        told = ok(await world.clients[role].get(f"applications/{file['id']}/transitions"), 200)["acts"]
        for each in told:
            assert each["permitted"] == (role in each["roles"])
            if not each["permitted"]:
                answer = await act(world, file["id"], each["act"].replace("_", "-"), by=world.clients[role])
                problem(answer, 403, "forbidden")


async def test_the_answer_says_what_silence_means_in_both_languages(world: World) -> None:
    file = await submitted(world, day=TODAY)
    said = {}
    for language in ("en", "fr"):
        headers = {"Accept-Language": language}
        told = ok(await staff(world).get(f"applications/{file['id']}/transitions", headers=headers), 200)
        said[language] = [each.pop("meaning") for each in told["deadlines"]]
        assert [each["kind"] for each in told["deadlines"]] == ["admissibility", "decision"]
        first, second = told["deadlines"]
        assert (first["last_day"], second["last_day"]) == (file["admissibility_ends_on"], file["decision_ends_on"])
        assert (first["days_stopped"], first["running"], first["silence_leads_to"]) == (0, True, "deemed_admissible")
        assert (second["running"], second["silence_leads_to"]) == (True, "implicitly_rejected")
    assert f"deemed admissible on {file['silence_on']}" in said["en"][0]
    assert "implicitement rejeté" in said["fr"][1]


async def test_what_silence_has_decided_by_today_is_told_before_the_tick_records_it(world: World) -> None:
    file = await submitted(world)
    told = ok(await staff(world).get(f"applications/{file['id']}/transitions"), 200)
    assert (file["state"], told["state"], told["acts"]) == ("submitted", "implicitly_rejected", [])
    assert [each["running"] for each in told["deadlines"]] == [False, False]


# --- the table itself ------------------------------------------------------------------------------------------------


def test_each_act_leads_to_one_state_but_those_that_give_back() -> None:
    for each, pairs in TRANSITIONS.items():
        sources = [source for source, _ in pairs]
        if each not in (A.COMPLETE, A.REVERSE_SILENCE, A.REVERSE_DECISION):
            assert len(sources) == len(set(sources)), each
    ended = {S.INADMISSIBLE, S.WITHDRAWN, S.GRANTED, S.REJECTED}
    assert not ended & {source for each, pairs in TRANSITIONS.items() if each not in REVERSALS for source, _ in pairs}
    assert {source for source, _ in TRANSITIONS[A.SILENCE_REJECTS]} == set(rules.UNDECIDED)


@pytest.mark.parametrize(("state", "asked"), list(itertools.product(S, A)))
def test_no_act_leads_where_the_table_does_not(state: ApplicationState, asked: ApplicationAct) -> None:
    to = rules.target(Life(state, ()), asked)
    assert to is None or (state, to) in TRANSITIONS[asked]


async def test_the_database_refuses_what_the_table_does_not_have(world: World) -> None:
    file, other = await submitted(world), await draft(world)
    insert = (
        "INSERT INTO application_passages (application_id, number, territory, act, from_state, to_state, effective_on,"
        " previous_number, recorded_at)"
        " VALUES ($1, 2, $2, 'admit', 'submitted', 'under_review', '2024-01-16', 1, now())"
    )

    async def refused(sql: str, *arguments: Any) -> str:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as caught:
            await world.pool.execute(sql, *arguments)
        return str(caught.value.constraint_name)

    assert await refused(insert, file["id"], world.territory) == "application_passage_transition"
    moved = "UPDATE applications SET state = 'admissible' WHERE id = $1"
    assert await refused(moved, file["id"]) == "applications_state_fkey"
    asked = "UPDATE applications SET requested_grant_cents = 1 WHERE id = $1"
    assert await refused(asked, file["id"]) == "application_not_a_draft"
    lines = "DELETE FROM application_lines WHERE application_id = $1"
    assert await refused(lines, file["id"]) == "application_not_a_draft"
    acts = "DELETE FROM application_passages WHERE application_id = $1"
    assert await refused(acts, file["id"]) == "application_passages_append_only"
    base = "UPDATE applications SET base_cents = 1 WHERE id = $1"
    assert await refused(base, other["id"]) == "application_base_of_lines"


async def test_the_database_keeps_what_a_file_rests_on(world: World, app: Any) -> None:
    file = await draft(world)
    paper = {"kind": "form", "name": "Form", "size_bytes": 1, "sha256": digest(file["id"]), "location": "ged://1",
             "received_on": RECEIVED}  # fmt: skip
    document = ok(await staff(world).post(f"applications/{file['id']}/documents", paper), 201)
    await done(world, file, "submit", RECEIVED)
    await done(world, file, "admit", RECEIVED)
    review = {"opinion": "favourable", "kyc": "clear"}
    ok(await world.funder.put(f"applications/{file['id']}/review", review), 201)
    await tick(app)
    assert (await read(world, file))["state"] == "implicitly_rejected"
    before = await stored(world, file)
    reversal = (
        "INSERT INTO application_passages (application_id, number, territory, act, from_state, to_state, effective_on,"
        " previous_number, reverses_number, recorded_at)"
        " VALUES ($1, 4, $2, 'reverse_silence', 'implicitly_rejected', $3, $4, 3, $5, now())"
    )
    same, later = date(2024, 9, 15), date(2024, 9, 16)
    refusals: list[tuple[str, str, tuple[Any, ...]]] = [
        ("application_last_passage", "UPDATE applications SET state = 'submitted', passage_number = 1 WHERE id = $1",
         (file["id"],)),
        ("application_not_a_draft", "DELETE FROM application_documents WHERE id = $1", (document["id"],)),
        ("application_not_a_draft", "UPDATE application_documents SET kind = 'other' WHERE id = $1", (document["id"],)),
        ("application_reviews_append_only", "DELETE FROM application_reviews WHERE application_id = $1",
         (file["id"],)),
        ("application_review_authors",
         "UPDATE application_reviews SET author_id = $2, authors = ARRAY[$2::uuid] WHERE application_id = $1",
         (file["id"], world.subjects["operator"])),
        ("application_passage_number",
         ("INSERT INTO application_passages (application_id, number, territory, act, from_state, to_state,"
          " effective_on, reason, recorded_at)"
          " VALUES ($1, 4, $2, 'withdraw', 'admissible', 'withdrawn', $3, 'Given up.', now())"),
         (file["id"], world.territory, same)),
        # What is no silence; a state that the file did not have before it; a day on which it had taken effect.
        ("application_passage_reversal", reversal, (file["id"], world.territory, "submitted", same, 1)),
        ("application_passage_reversal", reversal, (file["id"], world.territory, "submitted", same, 3)),
        ("application_passage_reversal", reversal, (file["id"], world.territory, "admissible", later, 3)),
        # What is well formed counts only with the file.
        ("application_last_passage", reversal, (file["id"], world.territory, "admissible", same, 3)),
    ]  # fmt: skip
    for name, sql, arguments in refusals:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as caught:
            await world.pool.execute(sql, *arguments)
        assert caught.value.constraint_name == name, (sql, arguments)
    for table in ("application_lines", "application_documents", "application_reviews"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await world.pool.execute(f"TRUNCATE {table}")
    assert await stored(world, file) == before
    await done(world, file, "withdraw", "2024-09-15")
