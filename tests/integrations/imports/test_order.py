"""Imports hold what they write in one order, whatever the order of their lines: of two the second waits."""

import asyncio
from typing import Any

import pytest

from app.integrations.imports import runner
from tests.integrations.imports.files import carry_out, csv_file, ended_of, send
from tests.integrations.imports.test_kinds import followed, here
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


@pytest.mark.parametrize(
    ("made", "table", "key"),
    [(firms, "firms", "siren"), (projects, "projects", "id"), (time_entries, "time_entries", "id")],
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
    assert (ended["status"], ended["rows_updated"]) == ("succeeded", 2), ended


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
