"""Agendas: put until they are frozen, sealed then, reopened with a reason; nobody edits what was frozen."""

import hashlib
import json
from typing import Any

import asyncpg
import pytest

from tests.applications.acts import draft
from tests.applications.meetings import admitted, frozen, item, meeting, put_agenda
from tests.projects.acts import staff
from tests.world import World, ok, problem


async def test_an_agenda_is_put_until_it_is_frozen_and_reopened_with_a_reason(world: World) -> None:
    first, second = await admitted(world), await admitted(world)
    path = await meeting(world)
    made = await put_agenda(world, path, item(first))
    assert ok(made, 201)["state"] == "draft"
    again = await put_agenda(world, path, item(first))
    assert (ok(again, 200)["version"], again.headers["etag"]) == (1, made.headers["etag"])
    both = await put_agenda(world, path, item(second), item(first, "defer", note="A quote is awaited."))
    assert [each["application_id"] for each in ok(both, 200)["items"]] == [second["id"], first["id"]]
    problem(await put_agenda(world, path, item(first), **{"If-Match": made.headers["etag"]}), 412, "stale-version")

    sealed = ok(await staff(world).post(f"{path}/agenda/freeze"), 200)
    assert (sealed["state"], sealed["number"]) == ("frozen", 1)
    problem(await put_agenda(world, path, item(first)), 409, "agenda-frozen")
    problem(await staff(world).post(f"{path}/agenda/freeze"), 409, "agenda-frozen")
    opened = ok(await staff(world).post(f"{path}/agenda/reopen", {"reason": "A file is added."}), 200)
    assert (opened["state"], opened["number"], len(opened["items"])) == ("draft", 2, 2)
    assert opened["version"] > sealed["version"]
    problem(await staff(world).post(f"{path}/agenda/reopen", {"reason": "Again."}), 409, "agenda-not-frozen")
    ok(await put_agenda(world, path, item(first)), 200)
    ok(await staff(world).post(f"{path}/agenda/freeze"), 200)
    versions = ok(await world.clients["committee"].get(f"{path}/agenda/versions"), 200)["items"]
    assert [(each["number"], each["reopening_reason"]) for each in versions] == [(1, "A file is added."), (2, None)]
    for version, size in zip(versions, (2, 1), strict=True):
        content = await world.clients["committee"].get(f"{path}/agenda/versions/{version['id']}/content")
        assert hashlib.sha256(content.text.removesuffix("\n").encode()).hexdigest() == version["content_hash"]
        assert len(ok(content, 200)["items"]) == size


async def test_what_is_frozen_says_the_figures_of_each_file_and_what_the_envelope_has_left(world: World) -> None:
    acts = world.clients["programme"]
    for cents in (300_00, 700_00):
        body = {"organisation_id": str(world.organisations["office"]), "amount_cents": cents, "reference": f"C-{cents}",
                "decided_on": "2023-10-03"}  # fmt: skip
        ok(await acts.post("envelope/contributions", body, headers={"Idempotency-Key": f"c-{cents}"}), 201)
    file = await admitted(world)
    path = await meeting(world)
    await frozen(world, path, item(file))
    version = ok(await staff(world).get(f"{path}/agenda/versions"), 200)["items"][0]
    content = ok(await staff(world).get(f"{path}/agenda/versions/{version['id']}/content"), 200)
    (sealed,) = content["items"]
    now = ok(await staff(world).get(f"applications/{file['id']}"), 200)
    assert (sealed["application_version"], sealed["base_cents"]) == (now["version"], now["base_cents"])
    assert (sealed["tax_certificate_until_on"], sealed["state"]) == ("2024-07-03", "admissible")
    assert content["envelope"]["available_cents"] == 1_000_00
    assert sorted(each["available_cents"] for each in content["envelope"]["contributions"]) == [300_00, 700_00]
    assert json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == (
        await world.pool.fetchval("SELECT content FROM frozen_agendas WHERE id = $1::uuid", version["id"])
    )


@pytest.mark.parametrize(
    ("level", "proposal"), [("territorial", "grant"), ("state_region", "pre_select")]
)  # fmt: skip
async def test_a_proposal_of_the_other_level_is_refused(world: World, level: str, proposal: str) -> None:
    path = await meeting(world, level)
    answer = await put_agenda(world, path, item(await admitted(world), proposal))
    told = problem(answer, 409, "outcome-of-another-level")
    assert told["level"] == level
    assert proposal not in told["allowed"]


async def test_items_that_say_nothing_are_refused_by_their_place(world: World) -> None:
    file = await admitted(world)
    path = await meeting(world, "state_region")

    async def codes(*items: dict[str, Any], status: int = 422) -> list[tuple[str, str]]:
        told = ok(await put_agenda(world, path, *items), status)
        return [(each["pointer"], each["code"]) for each in told["errors"]]

    assert await codes(item(file, "reject"), item(file, "defer")) == [("/items", "duplicate_file")]
    assert await codes(item(file, "grant", grant_cents=0, advance_cents=0)) == [
        ("/items/0/grant_cents", "no_amount_granted"),
        ("/items/0/advance_cents", "no_amount_granted"),
    ]
    assert await codes(item(file, "reject", grant_cents=1)) == [("/items/0/grant_cents", "amount_without_aid")]
    assert await codes(item(await draft(world), "reject")) == [("/items/0/application_id", "not_submitted")]
    unknown = {"id": world.organisations["office"].__str__()}
    assert await codes(item(unknown, "reject"), status=404) == [("/items/0/application_id", "not_found")]


async def test_sql_edits_no_frozen_agenda(world: World) -> None:
    file, other = await admitted(world), await admitted(world)
    path = await meeting(world)
    await frozen(world, path, item(file))
    committee = path.removeprefix("committees/")
    for statement, constraint in (
        (f"UPDATE agenda_items SET grant_cents = 1 WHERE committee_id = '{committee}'", "agenda_frozen"),
        (f"DELETE FROM agenda_items WHERE committee_id = '{committee}'", "agenda_frozen"),
        (
            f"INSERT INTO agenda_items VALUES ('{committee}', 1, '{other['id']}', 2, '{world.territory}', 'defer')",
            "agenda_frozen",
        ),
        (f"UPDATE agendas SET state = 'draft' WHERE committee_id = '{committee}'", "agenda_frozen"),
        (f"UPDATE agendas SET state = 'draft', number = 2 WHERE committee_id = '{committee}'", "agenda_frozen"),
        (f"UPDATE agendas SET level = 'state_region' WHERE committee_id = '{committee}'", "agenda_of_its_meeting"),
        (f"DELETE FROM agendas WHERE committee_id = '{committee}'", "agendas_append_only"),
        (
            f"UPDATE frozen_agendas SET content = '{{}}' WHERE committee_id = '{committee}'",
            "frozen_agendas_append_only",
        ),
        ("DELETE FROM agenda_reopenings", "agenda_reopenings_append_only"),
        ("TRUNCATE agenda_items CASCADE", "agenda_items_append_only"),
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await world.pool.execute(statement)
        assert refused.value.constraint_name == constraint, statement


async def test_the_agenda_of_a_meeting_that_is_over_stays(world: World) -> None:
    path = await meeting(world, hold=False)
    ok(await put_agenda(world, path, item(await admitted(world))), 201)
    ok(await staff(world).post(f"{path}/cancel", {"reason": "Nobody can come."}), 200)
    problem(await put_agenda(world, path), 409, "meeting-closed")
    problem(await staff(world).post(f"{path}/agenda/freeze"), 409, "meeting-closed")
