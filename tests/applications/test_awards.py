"""What an award rests on: its funder, the file or the scheme, base and lines that it copies. None of it changes."""

from datetime import date
from typing import Any

import asyncpg
import httpx2
import pytest

from app.commands.check import before_the_rule
from app.commands.tick import take_silences
from tests.applications.acts import history, read
from tests.applications.meetings import (
    ADVANCE,
    GRANT,
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
from tests.envelopes.acts import TERMS, Acts, key
from tests.world import World, ok, problem

LATER = "2024-05-20"
UNKNOWN = "018f0000-0000-7000-8000-000000000000"
SCHEME: dict[str, Any] = {"scheme": "rebond_industriel", "base_cents": 1_000}
LINES = [
    {"label": "Machine", "kind": "tangible_asset", "amount_cents": 700},
    {"label": "Software", "kind": "intangible_asset", "amount_cents": 300},
]
RESTS_ON = ("scheme", "scheme_name", "base_cents", "lines", "parameters", "application_id", "decision_id")


@pytest.fixture
async def acts(world: World) -> Acts:
    return await Acts.of(world, 10_000)


async def pre_selected(world: World) -> dict[str, Any]:
    """A file that a territorial committee pre-selected and that was reviewed; another funder than its author exists."""
    await world.add_subject(world.pool, "second", "office", "funder")
    file = await admitted(world)
    path = await meeting(world)
    await frozen(world, path, item(file))
    await decided(world, path, decision(file))
    return file


async def award(
    world: World, kind: str, file: dict[str, Any], cents: int, *, by: str = "second", **more: Any
) -> httpx2.Response:
    """An award that names a file, by who did not review it."""
    body = {"siren": file["siren"], "project_title": "Atelier", "amount_cents": cents, "decided_on": LATER,
            "decision_reference": f"E-{cents}", "application_id": file["id"], **more}  # fmt: skip
    return await world.clients[by].post(kind, body | ({"terms": TERMS} if kind == "advances" else {}), headers=key())


# --- recorded by hand ------------------------------------------------------------------------------------------------


async def test_a_reference_of_the_meetings_is_not_taken_by_hand(acts: Acts) -> None:
    """A decision to come would find its reference taken, and could not be made."""
    world, slug = acts.world, acts.world.territory
    form = f"{slug.upper()}-2024-SR1-02"
    for reference in (form, f"{slug}-2024-t12-107"):
        for asked in (acts.grant, acts.advance):
            refused = problem(await asked(100, decision_reference=reference), 422, "validation-failed")
            assert [(each["pointer"], each["code"]) for each in refused["errors"]] == [
                ("/decision_reference", "reference_of_a_meeting")
            ]
    assert ok(await world.auditor.get("grants"))["items"] == []
    for other in (f"{form}-B", f"X{form}", f"{slug}-2024-SR-02", f"ELSEWHERE-{form[-11:]}"):
        ok(await acts.grant(100, decision_reference=other), 201)


async def test_an_award_without_a_scheme_is_held_by_its_amount_and_names_the_funder_of_its_decider(acts: Acts) -> None:
    world = acts.world
    for made in (ok(await acts.grant(100), 201), ok(await acts.advance(100), 201)):
        assert [made[name] for name in RESTS_ON] == [None] * len(RESTS_ON)
        assert made["funder_id"] == str(world.organisations["office"])
        assert made["funder_name"] == f"office of {world.territory}"
    other = str(world.organisations["partner"])
    assert ok(await acts.grant(100, funder_id=other), 201)["funder_id"] == other
    found = ok(await world.auditor.get(f"grants?funder_id={other}"))["items"]
    assert [each["amount_cents"] for each in found] == [100]
    problem(await acts.grant(100, funder_id=acts.world.territory), 422, "validation-failed")
    refused = problem(
        await acts.grant(100, funder_id="018f0000-0000-7000-8000-000000000000"), 404, "reference-not-found"
    )
    assert refused["errors"][0]["pointer"] == "/funder_id"


def lines_of(award: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of an award as they were decided: nothing is certified of them."""
    assert [line["certified_cents"] for line in award["lines"]] == [0] * len(award["lines"])
    return [{name: line[name] for name in ("label", "kind", "amount_cents")} for line in award["lines"]]


async def test_an_award_copies_the_scheme_of_its_day_with_base_and_lines(acts: Acts) -> None:
    whole = ok(await acts.grant(1_000, **SCHEME), 201)
    assert lines_of(whole) == [{"label": "Atelier", "kind": None, "amount_cents": 1_000}]
    assert (whole["scheme"], whole["base_cents"]) == ("rebond_industriel", 1_000)
    assert whole["parameters"]["minimum_base_cents"] == 40_000_000
    assert whole["parameters"]["jobs_report_months"] == [12, 36]
    detailed = ok(await acts.advance(400, **SCHEME, lines=LINES), 201)
    assert lines_of(detailed) == LINES
    assert detailed["parameters"] == whole["parameters"]
    told = problem(await acts.grant(1_001, **SCHEME), 409, "award-above-base")
    assert (told["amount_cents"], told["base_cents"]) == (1_001, 1_000)


@pytest.mark.parametrize(
    ("more", "code", "pointers"),
    [
        ({"scheme": "rebond_industriel"}, "scheme_with_base", ["/scheme"]),
        ({"base_cents": 5, "lines": LINES}, "scheme_with_base", ["/base_cents", "/lines"]),
        ({**SCHEME, "lines": LINES[:1]}, "lines_differ_from_base", ["/lines"]),
        (
            {**SCHEME, "application_id": UNKNOWN}, "said_by_the_file",
            ["/scheme", "/base_cents"],
        ),
    ],
)  # fmt: skip
async def test_what_is_given_must_go_together(acts: Acts, more: dict[str, Any], code: str, pointers: list[str]) -> None:
    for refused in (await acts.grant(1, **more), await acts.advance(1, **more)):
        errors = problem(refused, 422, "validation-failed")["errors"]
        assert [(each["code"], each["pointer"]) for each in errors] == [(code, pointer) for pointer in pointers]


async def test_a_scheme_must_be_known(acts: Acts) -> None:
    refused = problem(await acts.grant(1, scheme="none_such", base_cents=5), 404, "reference-not-found")
    assert refused["errors"][0]["pointer"] == "/scheme"


# --- with a file -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "cents"), [("grants", GRANT), ("advances", ADVANCE)])
async def test_an_award_with_a_file_takes_what_the_file_says_and_each_instrument_once(
    world: World, kind: str, cents: int
) -> None:
    await contribute(world, 1_000_000_00)
    file = await pre_selected(world)
    made = ok(await award(world, kind, file, cents), 201)
    assert (made["application_id"], made["project_id"]) == (file["id"], file["project_id"])
    assert (made["scheme"], made["base_cents"], made["decision_id"]) == (file["scheme"], file["base_cents"], None)
    assert lines_of(made) == [
        {name: line[name] for name in ("label", "kind", "amount_cents")} for line in file["lines"]
    ]
    assert made["parameters"]["decision_months"] == 8
    assert (await read(world, file))["state"] == "granted"
    assert (await history(world, file))[-1] == ("grant", LATER)
    found = ok(await world.auditor.get(f"{kind}?application_id={file['id']}&scheme={file['scheme']}"))["items"]
    assert [each["id"] for each in found] == [made["id"]]
    columns = "territory, firm_siren, project_id, project_title, application_id, amount_cents, decided_on, awarded_by"
    if kind == "advances":
        columns += ", terms"
    with pytest.raises(asyncpg.UniqueViolationError) as twice:
        await world.pool.execute(
            f"INSERT INTO {kind} ({columns}, decision_reference, created_at, updated_at)"
            f" SELECT {columns}, 'X', now(), now() FROM {kind} WHERE id = $1", made["id"],
        )  # fmt: skip
    assert twice.value.constraint_name == f"{kind}_application_key"
    undone = await world.clients["second"].post(
        f"{kind}/{made['id']}/reverse", {"reason": "Mistaken."}, headers={"If-Match": '"1"'}
    )
    ok(undone, 200)
    # It is pre-selected again, and silence has decided it meanwhile, until the next award reverses that.
    assert (await read(world, file))["state"] == "implicitly_rejected"
    assert ok(await world.auditor.get(f"projects/{file['project_id']}"), 200)["stage"] == "selected"
    await replan(world, file)
    ok(await award(world, kind, file, cents), 201)


async def test_an_award_is_the_decision_that_grants_its_file(world: World, app: Any) -> None:
    """Neither silence nor a committee here decides the file again, and both instruments are of the one decision."""
    await contribute(world, 1_000_000_00)
    file = await pre_selected(world)
    one = {"decision_reference": "ARR-1"}
    await take_silences(
        app.state["sessions"], date(2025, 1, 1)
    )  # the award is recorded after the tick, of a day before
    assert (await read(world, file))["state"] == "implicitly_rejected"
    grant = ok(await award(world, "grants", file, GRANT, **one), 201)
    await take_silences(app.state["sessions"], date(2025, 1, 1))
    assert (await read(world, file))["state"] == "granted"
    for more in ({"decision_reference": "ARR-2"}, {**one, "decided_on": "2024-05-21"}):
        problem(await award(world, "advances", file, ADVANCE, **more), 409, "invalid-transition")
    advance = ok(await award(world, "advances", file, ADVANCE, **one), 201)
    assert [act for act, _ in await history(world, file)].count("grant") == 1
    path = await meeting(world, "state_region", on=LATER)
    await frozen(world, path, item(file, "reject"))
    problem(await decide(world, path, decision(file, "reject")), 409, "invalid-transition")
    ok(await close(world, path), 200)  # the file has ended otherwise
    for kind, made, state in (("grants", grant, "granted"), ("advances", advance, "implicitly_rejected")):
        undone = await world.clients["second"].post(
            f"{kind}/{made['id']}/reverse", {"reason": "Mistaken."}, headers={"If-Match": '"1"'}
        )
        ok(undone, 200)
        assert (await read(world, file))["state"] == state
    assert await world.differences(app.state["engine"]) == []
    assert file["project_id"] not in str(await before_the_rule(app.state["engine"]))  # it is selected without an award


async def test_sql_grants_no_file_without_its_award_and_takes_none_back_while_it_stands(world: World) -> None:
    await contribute(world, 1_000_000_00)
    file = await pre_selected(world)
    said = (
        "application_id, number, previous_number, territory, from_state, to_state, act, effective_on, reference, reason"
    )
    act = f"INSERT INTO application_passages ({said}, reverses_number, recorded_at) SELECT application_id, number + 1,"
    last = f" FROM application_passages WHERE application_id = '{file['id']}' ORDER BY number DESC LIMIT 1"
    granted = f"{act} number, territory, to_state, 'granted', 'grant', '{LATER}', 'X', NULL, NULL, now() {last}"
    back = (
        f"{act} number, territory, to_state, from_state, 'reverse_decision', '{LATER}', 'X', 'x', number, now() {last}"
    )
    follows = (
        "UPDATE applications a SET state = p.to_state, passage_number = p.number FROM application_passages p"
        f" WHERE a.id = '{file['id']}' AND p.application_id = a.id AND p.number = a.passage_number + 1"
    )

    async def tried(connection: Any, statement: str) -> None:
        async with connection.transaction():
            await connection.execute(statement)
            await connection.execute(follows)

    async def refused(statement: str) -> str:
        async with world.pool.acquire() as connection:
            with pytest.raises(asyncpg.CheckViolationError) as no:
                await tried(connection, statement)
        return str(no.value.constraint_name)

    assert await refused(granted) == "application_passage_decided"
    assert await refused(back) == "application_passage_decision_stands"  # of the territorial committee
    ok(await award(world, "grants", file, GRANT), 201)
    assert await refused(back) == "application_passage_decision_stands"


async def test_the_conditions_of_a_grant_bite_on_an_award_with_a_file(world: World) -> None:
    await contribute(world, 10_000_000_00)
    file = await admitted(world)
    await world.add_subject(world.pool, "second", "office", "funder")
    problem(await award(world, "grants", file, 1), 409, "invalid-transition")
    path = await meeting(world)
    await frozen(world, path, item(file))
    await decided(world, path, decision(file))
    unmet = problem(await award(world, "grants", file, file["base_cents"] + 1), 409, "application-not-ready")["unmet"]
    assert {"award-above-requested", "award-above-base"} <= {each["code"] for each in unmet}
    problem(await award(world, "grants", file, 1, by="funder"), 403, "reviewer-decides")
    problem(await award(world, "grants", file, 1, decided_on="2025-06-01"), 409, "clock-has-run-out")
    another = await world.followed_firm()
    problem(await award(world, "grants", file, 1, siren=another), 409, "application-of-another-project")
    assert ok(await world.auditor.get("grants"))["items"] == []


# --- made by a decision ----------------------------------------------------------------------------------------------


async def test_awards_of_a_decision_are_reversed_with_it_alone(world: World) -> None:
    await contribute(world, 1_000_000_00)
    file = await pre_selected(world)
    path = await meeting(world, "state_region", on=LATER)
    await frozen(world, path, item(file, "grant"))
    (taken,) = await decided(world, path, decision(file, "grant"))
    awards = {kind: ok(await world.auditor.get(f"{kind}/{taken[one]}")) for kind, one in
              (("grants", "grant_id"), ("advances", "advance_id"))}  # fmt: skip
    for kind, made in awards.items():
        assert (made["decision_id"], made["application_id"]) == (taken["id"], file["id"])
        assert (made["base_cents"], made["scheme"]) == (file["base_cents"], file["scheme"])
        refused = await world.funder.post(
            f"{kind}/{made['id']}/reverse", {"reason": "Mistaken."}, headers={"If-Match": '"1"'}
        )
        told = problem(refused, 409, "award-of-a-decision")
        assert (told["decision_id"], f"committees/{told['committee_id']}") == (taken["id"], path)
        with pytest.raises(asyncpg.CheckViolationError) as by_hand:
            await world.pool.execute(f"UPDATE {kind} SET status = 'reversed', reason = 'x' WHERE id = $1", made["id"])
        assert by_hand.value.constraint_name == "award_of_a_decision"
    undone = await world.clients["committee"].post(
        f"{path}/decisions/{taken['id']}/reverse", {"reason": "Mistaken."}, headers={"If-Match": '"1"'}
    )
    ok(undone, 200)
    for kind, made in awards.items():
        assert ok(await world.auditor.get(f"{kind}/{made['id']}"))["status"] == "reversed"


async def test_after_the_closing_an_award_of_a_decision_is_still_released(world: World) -> None:
    await contribute(world, 1_000_000_00)
    file = await pre_selected(world)
    path = await meeting(world, "state_region", on=LATER)
    await frozen(world, path, item(file, "grant"))
    (taken,) = await decided(world, path, decision(file, "grant"))
    ok(await close(world, path), 200)
    released = await world.funder.post(
        f"grants/{taken['grant_id']}/release", {"reason": "Cheaper."}, headers={"If-Match": '"1"'}
    )
    assert ok(released)["status"] == "cancelled"


# --- SQL -------------------------------------------------------------------------------------------------------------


async def test_sql_cannot_change_what_an_award_rests_on(acts: Acts) -> None:
    made = {"grants": ok(await acts.grant(500, **SCHEME), 201), "advances": ok(await acts.advance(500, **SCHEME), 201)}
    tries = {
        "funder_id = funder_id": "_append_only",
        "base_cents = 2000": "_append_only",
        "lines = '[]'": "_append_only",
        "parameters = '{}'": "_append_only",
        "scheme = NULL, base_cents = NULL, lines = NULL, parameters = NULL": "_append_only",
        "application_id = NULL": "_append_only",
        "decision_id = NULL": "_append_only",
        "amount_cents = 1001": "award_above_base",
    }
    for table, award_made in made.items():
        for change, constraint in tries.items():
            with pytest.raises(asyncpg.PostgresError) as refused:
                await acts.world.pool.execute(f"UPDATE {table} SET {change} WHERE id = $1", award_made["id"])
            name = getattr(refused.value, "constraint_name", None)
            assert name == (f"{table}{constraint}" if constraint.startswith("_") else constraint), change
        again = ok(await acts.world.auditor.get(f"{table}/{award_made['id']}"))
        assert again == {**award_made, "updated_at": again["updated_at"]}


async def copied(connection: Any, made: dict[str, Any], change: str) -> None:
    """A changed copy of a grant, not yet among the grants."""
    await connection.execute(
        f"CREATE TEMPORARY TABLE copied ON COMMIT DROP AS SELECT * FROM grants WHERE id = '{made['id']}'"
    )
    await connection.execute(f"UPDATE copied SET id = gen_random_uuid(), decision_reference = 'X', {change}")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("scheme = NULL", "grant_frozen"),
        ('lines = \'[{"label": "x", "kind": null, "amount_cents": 999}]\'', "award_lines_are_base"),
        ("parameters = '[]'", "grant_frozen_kinds"),
        ('base_cents = 400, lines = \'[{"label": "x", "amount_cents": 400}]\'', "award_above_base"),
        ("application_id = gen_random_uuid()", "application_of_another_project"),
        ("decision_id = gen_random_uuid()", "award_is_what_was_decided"),
        ("funder_id = gen_random_uuid()", "grants_funder_id_fkey"),
    ],
)
async def test_sql_cannot_add_an_award_that_rests_on_something_else(acts: Acts, change: str, constraint: str) -> None:
    made = ok(await acts.grant(500, **SCHEME), 201)
    async with acts.world.pool.acquire() as connection, connection.transaction():
        await copied(connection, made, change)
        with pytest.raises(asyncpg.PostgresError) as refused:
            await connection.execute("INSERT INTO grants SELECT * FROM copied")
    assert getattr(refused.value, "constraint_name", None) == constraint


async def test_an_award_of_an_older_version_gets_the_funder_of_its_decider(acts: Acts) -> None:
    """The version before writes no funder: the database fills it."""
    made = ok(await acts.grant(500), 201)
    async with acts.world.pool.acquire() as connection, connection.transaction():
        await copied(connection, made, "funder_id = NULL")
        await connection.execute("INSERT INTO grants SELECT * FROM copied")
        found = await connection.fetchval("SELECT funder_id FROM grants WHERE decision_reference = 'X'")
    assert found == acts.world.organisations["office"]


async def test_a_file_says_how_its_awards_ended_and_its_project_started_after_its_receipt(world: World) -> None:
    await contribute(world, 1_000_000_00)
    file = await pre_selected(world)
    grant = ok(await award(world, "grants", file, GRANT), 201)
    assert grant["planned_end_on"] == file["planned_end_on"]  # the plan is the file's
    path = f"grants/{grant['id']}"
    second = world.clients["second"]

    async def act(verb: str, **body: str) -> httpx2.Response:
        response = await world.auditor.get(path)
        return await second.post(f"{path}/{verb}", body, headers={"If-Match": response.headers["etag"]})

    early = await act("start", started_on="2024-01-01", proof_sha256="0" * 64)
    told = problem(early, 409, "start-before-receipt")
    ok(await act("start", started_on=told["received_on"], proof_sha256="0" * 64))
    assert (await read(world, file))["awards_ended_as"] is None
    ok(await act("cancel", reason="Given up."))
    assert (await read(world, file))["awards_ended_as"] == "cancelled"
    found = ok(await world.auditor.get("applications?awards_ended_as=cancelled"))["items"]
    assert [each["id"] for each in found] == [file["id"]]
