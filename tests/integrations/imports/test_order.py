"""Imports hold what they write in one order, whatever the order of their lines: of two the second waits."""

import asyncio
from typing import Any

import pytest

from app.integrations.imports import runner
from tests.integrations.imports.files import carry_out, csv_file, ended_of, send
from tests.integrations.imports.test_kinds import followed, here
from tests.projects.acts import filed
from tests.world import Client, World, ok

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1"


async def waits(connection: Any, task: "asyncio.Task[Any]", query: str, number: int = 1) -> None:
    """Until so many statements of the service wait for a lock."""
    while not task.done() and await connection.fetchval(WAITING, query) < number:  # noqa: ASYNC110  # PostgreSQL tells nobody that one waits
        await asyncio.sleep(0.01)
    assert not task.done()


async def firms(world: World) -> tuple[Client, str, str, dict[str, str]]:
    sirens = [await world.add_firm() for _ in range(2)]
    lines = {siren: f"{siren};Renommée" for siren in sirens}
    return world.clients["territory"], "/v1/imports?kind=firms", "SIREN;Nom", lines


async def projects(world: World) -> tuple[Client, str, str, dict[str, str]]:
    client, siren = world.clients["territory"], await followed(world)
    body = {"detected_on": "2023-07-04", "kind": "equipment", "maturity": "idea", "costs": [],
            "holders": [{"kind": "firm", "siren": siren}]}  # fmt: skip
    lines = {}
    for name in ("P-1", "P-2"):
        project = ok(await client.post("projects", {**body, "title": name, "external_id": name}), 201)
        lines[project["id"]] = f"{name};Nouveau titre;Équipement;Étude;{siren}"
    return client, here(world, "projects"), "external_id;Titre;Type;Maturité;SIREN", lines


async def time_entries(world: World) -> tuple[Client, str, str, dict[str, str]]:
    mission = await world.mission(days=10, partner=5)
    lines = {}
    for day in ("2023-07-04", "2023-07-05"):
        entry = {"mission_id": mission.id, "consultant_id": mission.partner_consultant, "worked_on": day}
        made = ok(await world.consultant.post("time-entries", entry | {"days": 0.5, "activity": "analysis"}), 201)
        lines[made["id"]] = f"{mission.partner_consultant};{day};0,25;analysis"
    return world.consultant, here(world, "time_entries"), "consultant_id;worked_on;days;activity", lines


async def committees(world: World) -> tuple[Client, str, str, dict[str, str]]:
    meetings = [await world.meeting(external_id=name) for name in ("C-1", "C-2")]
    lines = {each["id"]: f"{each['external_id']};territorial;2023-10-04T12:00:00Z" for each in meetings}
    return world.clients["territory"], here(world, "committees"), "external_id;level;planned_at", lines


async def stages(world: World) -> tuple[Client, str, str, dict[str, str]]:
    lines = {siren: f"{siren};solicited" for siren in [await followed(world) for _ in range(2)]}
    return world.clients["territory"], here(world, "firm_stages"), "siren;stage", lines


async def aided(world: World, awards: str, **more: Any) -> list[Any]:
    """Two awards of one instrument."""
    money = await world.money()
    award = {"siren": money["firm"], "project_title": "Atelier", "amount_cents": 1_000_00, "decided_on": "2023-10-03"}
    return [ok(await world.clients["funder"].post(awards, award | {"decision_reference": name} | more,
                                                  headers={"Idempotency-Key": name}), 201)
            for name in ("D-1", "D-2")]  # fmt: skip


async def payments(world: World) -> tuple[Client, str, str, dict[str, str]]:
    lines = {each["aid_id"]: f"{each['decision_reference']};1;2023-11-15;advance_payment;R"
             for each in await aided(world, "grants")}  # fmt: skip
    header = "decision_reference;amount_eur;paid_on;kind;reference"
    return world.clients["treasurer"], here(world, "grant_payments"), header, lines


async def receipts(world: World) -> tuple[Client, str, str, dict[str, str]]:
    terms = {"instalments": 4, "frequency": "quarterly", "first_due_on": "2199-03-31"}
    made, lines = await aided(world, "advances", terms=terms), {}
    for each in made:
        tranche = {"amount_cents": 500_00, "paid_on": "2023-11-15"}
        ok(await world.clients["treasurer"].post(f"advances/{each['id']}/tranches", tranche,
                                                 headers={"Idempotency-Key": each["id"]}), 201)  # fmt: skip
        lines[each["id"]] = f"R-{each['decision_reference']};2024-04-02;1;{each['decision_reference']}"
    return world.clients["treasurer"], here(world, "receipts"), "reference;received_on;amount_eur;advance", lines


async def grants(world: World) -> tuple[Client, str, str, dict[str, str]]:
    await world.money()
    lines = {}
    for name in ("P-1", "P-2"):
        siren = await followed(world)
        project = await filed(world, siren, title=name)
        lines[project["id"]] = f"{siren};{name};1;{project['stage_since_on']};D-{name};{name}"
    header = "siren;project_title;amount_eur;decided_on;decision_reference;project"
    return world.clients["funder"], here(world, "grants"), header, lines


@pytest.mark.parametrize(
    ("made", "table", "key"),
    [
        (firms, "firms", "siren"),
        (projects, "projects", "id"),
        (time_entries, "time_entries", "id"),
        (committees, "committees", "id"),
        (stages, "territory_firms", "siren"),
        (payments, "aids", "id"),
        (receipts, "advances", "id"),
        (grants, "projects", "id"),
    ],
)
async def test_a_file_holds_its_rows_in_their_order_before_its_first_line(
    world: World, monkeypatch: pytest.MonkeyPatch, made: Any, table: str, key: str
) -> None:
    """An act that holds the first row and then wants the second gets it, though the file names the second first."""
    monkeypatch.setattr(runner, "SLICE", 1)
    client, path, header, lines = await made(world)
    low, high = sorted(lines)
    content = csv_file(header, lines[high], lines[low])
    held = f"SELECT 1 FROM {table} WHERE {key}::text = $1 FOR NO KEY UPDATE NOWAIT"
    async with world.pool.acquire() as connection, world.pool.acquire() as other:
        async with connection.transaction():
            await connection.execute(held, low)
            sent = asyncio.create_task(carry_out(client, path, content))
            await waits(other, sent, f"%{table}%FOR NO KEY UPDATE%")
            await connection.execute(held, high)
        ended = await sent
    assert (ended["status"], ended["rows_written"]) == ("succeeded", 2), ended


async def test_of_two_files_with_the_same_new_rows_in_opposite_orders_both_succeed(
    app: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that nobody knows yet cannot be locked: an import holds its place."""
    monkeypatch.setattr(runner, "SLICE", 1)
    client, siren = world.clients["territory"], await followed(world)
    lines = [f"N-{number};Projet {number};Équipement;Étude;{siren};04/07/2023" for number in range(4)]
    header = "external_id;Titre;Type;Maturité;SIREN;Détecté le"
    base, path = here(world, "projects").partition("?")[0], here(world, "projects")
    async with world.pool.acquire() as connection, world.pool.acquire() as other:
        async with connection.transaction():
            await connection.execute(runner._HOLD_PLACE.replace(":place", "$1"), world.territory)
            received = [await send(client, path, csv_file(header, *order)) for order in (lines, reversed(lines))]
            state = app.state
            second = asyncio.create_task(
                runner.run_next(state["engine"], state["sessions"], import_id=received[1]["id"])
            )
            await waits(other, second, "%pg_advisory_xact_lock%", 2)
        await second
        ended = [await ended_of(client, each, base) for each in received]
    assert [each["status"] for each in ended] == ["succeeded"] * 2, ended
    assert sorted((each["rows_created"], each["rows_unchanged"]) for each in ended) == [(0, 4), (4, 0)]
