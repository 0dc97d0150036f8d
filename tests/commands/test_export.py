"""`rebond export territory`: the files say what the tables hold, all of it, and nothing of anyone else."""

import csv
import hashlib
import json
import re
import secrets
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from typer.testing import CliRunner

from app import models
from app.access.gate import digest_of
from app.cli import app as commands
from app.commands import export
from app.core import migrations
from app.core.db import create_engine
from tests.conftest import plain
from tests.contract.conftest import one_of_everything
from tests.contract.test_http import rich
from tests.world import World, ok

NAMES = [table.name for table in models.metadata.sorted_tables]


async def taken_out(world: World, database_url: str, directory: Path) -> dict[str, Any]:
    """The manifest of an export of the world's territory."""
    engine = create_engine(database_url, pool_size=1)
    try:
        written = await export.write(engine, world.territory, directory)
    finally:
        await engine.dispose()
    manifest: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    assert (written.tables, written.rows) == (len(manifest["tables"]), sum(t["rows"] for t in manifest["tables"]))
    return manifest


async def full(http: httpx2.AsyncClient, pool: Any) -> World:
    """A territory with something in every table that belongs to one."""
    world = await World.create(http, pool)
    known = await one_of_everything(world)
    await world.audition(consultant_ids=[known.ids["consultant_id"]])
    await rich(world)
    return world


# The tests of this module share these two: an export changes nothing.
@pytest.fixture(scope="module")
async def world(http: httpx2.AsyncClient, pool: Any, anyio_backend: Any) -> World:
    return await full(http, pool)


@pytest.fixture(scope="module")
async def other(http: httpx2.AsyncClient, pool: Any, anyio_backend: Any) -> World:
    return await full(http, pool)


def test_no_table_is_forgotten() -> None:
    """A table that neither belongs to a territory nor is pointed to is named in `export.LEFT_OUT`, with the reason."""
    taken = {table.name for table in export.tables()}
    assert taken | set(export.LEFT_OUT) == set(NAMES)
    assert taken.isdisjoint(export.LEFT_OUT)
    assert export.left_out() == export.LEFT_OUT
    for table in models.metadata.sorted_tables:
        assert "territory" not in table.c or table.name in taken, table.name


def test_no_column_that_is_taken_out_holds_a_secret() -> None:
    for table in export.tables():
        for column in export.columns(table):
            assert not any(word in column.name for word in ("digest", "secret", "token", "password")), column
    assert "email" not in {column.name for column in export.columns(models.metadata.tables["subjects"])}


def test_no_row_that_is_taken_out_points_to_what_is_left_out() -> None:
    """A foreign key is not checked where one of its columns is NULL, as a column that was hidden comes back."""
    for table in export.tables():
        taken = {column.name for column in export.columns(table)}
        for key in table.foreign_key_constraints:
            if key.referred_table.name in export.LEFT_OUT:
                assert any(column.name not in taken and column.nullable for column in key.columns), key


async def test_the_files_read_back_are_the_rows_of_the_tables(
    world: World, other: World, database_url: str, tmp_path: Path
) -> None:
    manifest = await taken_out(world, database_url, tmp_path / "out")
    async with world.pool.acquire() as connection, connection.transaction():
        for entry in manifest["tables"]:
            name, columns = entry["table"], [column["name"] for column in entry["columns"]]
            listed = ", ".join(f'"{column}"' for column in columns)
            await connection.execute(
                f"CREATE TEMP TABLE back_{name} ON COMMIT DROP AS SELECT {listed} FROM {name} LIMIT 0"
            )
            with (tmp_path / "out" / entry["file"]).open("rb") as file:
                status = await connection.copy_to_table(
                    f"back_{name}", source=file, columns=columns, format="csv", header=True
                )
            assert status == f"COPY {entry['rows']}"
            odd = f"SELECT count(*) FROM (SELECT {listed} FROM back_{name} EXCEPT SELECT {listed} FROM {name}) odd"
            assert await connection.fetchval(odd) == 0, name
            if entry["table"] in OWN:
                missing = (
                    f"SELECT count(*) FROM (SELECT {listed} FROM {name} WHERE {OWN[name]}"
                    f" EXCEPT ALL SELECT {listed} FROM back_{name}) missing"
                )
                assert await connection.fetchval(missing, world.territory) == 0, name
                more = f"SELECT count(*) FROM {name} WHERE {OWN[name]}"
                assert await connection.fetchval(more, world.territory) == entry["rows"], name
            elif "territory" in columns:
                raise AssertionError(f"{name} is new: say in OWN which rows are a territory's")
        for entry in manifest["tables"]:
            for reference in entry["references"]:
                await _points_inside(connection, entry["table"], reference)


# What belongs to a territory, written apart from app/export.
_MISSION = "mission_id IN (SELECT id FROM missions WHERE territory = $1)"
OWN = {name: "territory = $1" for name, table in models.metadata.tables.items() if "territory" in table.c} | {
    "territories": "slug = $1",
    "correctable_days": "entry_id IN (SELECT id FROM time_entries WHERE territory = $1)",
    "late_entry_leaves": _MISSION,
    "mission_days": _MISSION,
    "mission_members": _MISSION,
    "orders": _MISSION,
    "member_days": _MISSION,
    "import_problems": "import_id IN (SELECT id FROM imports WHERE territory = $1)",
}


# Tables that the demonstration leaves empty; every other one has rows there, which an export must find.
NOT_IN_THE_DEMONSTRATION = {
    "advance_accelerations",
    "advance_alerts",
    "advance_claims",
    "advance_turnovers",
    "agenda_reopenings",
    "audition_notes",
    "change_requests",
    "firm_notes",
    "firm_owners",
    "import_problems",
    "imports",
    "job_observations",
    "organisation_bank_accounts",
    "collection_run_lines",
    "collection_runs",
    "direct_debit_mandates",
    "payment_run_lines",
    "payment_runs",
    "proceedings",
    "receipt_refunds",
    "service_certificate_earlier_refusals",
    "service_certificate_remarks",
    "threshold_crossings",
    "time_entry_corrections",
}


async def _points_inside(connection: Any, table: str, reference: dict[str, Any]) -> None:
    """What an exported row refers to is exported too."""
    pairs = list(zip(reference["columns"], reference["to"], strict=True))
    present = " AND ".join(f"here.{column} IS NOT NULL" for column, _ in pairs)
    equal = " AND ".join(f"there.{to} = here.{column}" for column, to in pairs)
    lost = await connection.fetchval(
        f"SELECT count(*) FROM back_{table} here WHERE {present}"
        f" AND NOT EXISTS (SELECT FROM back_{reference['table']} there WHERE {equal})"
    )
    assert lost == 0, (table, reference)


async def test_the_files_are_read_by_their_own_ddl(world: World, database_url: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = await taken_out(world, database_url, out)
    script = (out / "schema.sql").read_text()
    assert "tsvector" not in script.lower()
    assert "search" not in {c["name"] for entry in manifest["tables"] for c in entry["columns"]}
    copies = re.findall(r"^\\copy (\w+) \((.*)\) FROM '(.*)' WITH \(FORMAT csv, HEADER match\)$", script, re.MULTILINE)
    assert [name for name, _, _ in copies] == [entry["table"] for entry in manifest["tables"]]
    made, linked = re.split(r"(?:^\\copy .*\n)+", script, flags=re.MULTILINE)
    name = f"read_back_{secrets.token_hex(4)}"
    owner = await asyncpg.connect(plain(database_url))
    try:
        await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        empty = await asyncpg.connect(plain(database_url), database=name)
        await empty.execute(made)
        for table, columns, file in copies:
            named = [column.strip('"') for column in columns.split(", ")]
            await empty.copy_to_table(table, source=out / file, columns=named, format="csv", header=True)
        await empty.execute(linked)
        for entry in manifest["tables"]:
            assert await empty.fetchval(f"SELECT count(*) FROM {entry['table']}") == entry["rows"]
        await empty.close()
    finally:
        await owner.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await owner.close()


async def test_the_manifest_says_what_the_files_are(world: World, database_url: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = await taken_out(world, database_url, out)
    assert (manifest["territory"], manifest["schema_revision"]) == (world.territory, migrations.head())
    assert {path.name for path in out.iterdir()} == {
        "README.md", "manifest.json", "schema.sql", *(entry["file"] for entry in manifest["tables"]),
    }  # fmt: skip
    readme = (out / "README.md").read_text()
    for entry in manifest["tables"]:
        body = (out / entry["file"]).read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (entry["bytes"], entry["sha256"])
        rows = list(csv.reader(body.decode().splitlines(keepends=True)))
        assert rows[0] == [column["name"] for column in entry["columns"]]
        assert len(rows) - 1 == entry["rows"]
        assert entry["what"]
        assert f"`{entry['file']}` | {entry['rows']} |" in readme
        for column in entry["columns"]:
            if column["name"].endswith(("_cents", "_on", "_at", "_bp")):
                assert column["unit"], column
    assert set(manifest["left_out"]) == set(export.LEFT_OUT)


async def test_nothing_of_another_territory_and_no_secret_is_in_the_files(
    world: World, other: World, database_url: str, tmp_path: Path
) -> None:
    person = f"/v1/organisations/{world.organisations['office']}/persons/{world.subjects['auditor']}"
    ok(await world.admin.patch(person, {"email": f"{world.territory}@example.fr"}))
    await taken_out(world, database_url, tmp_path / "out")
    everything = "\n".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert world.territory in everything
    for hidden in (
        other.territory, str(other.subjects["consultant"]), f"{world.territory}@example.fr", "rbd_",
        digest_of(world.operator.key).hex(), world.operator.key[4:],
    ):  # fmt: skip
        assert hidden not in everything


def inside(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def test_the_directory_appears_complete_or_not_at_all(world: World, database_url: str, tmp_path: Path) -> None:
    engine = create_engine(database_url, pool_size=1)

    def stop(table: str, _size: int) -> None:
        if table == "time_entries":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await export.write(engine, world.territory, tmp_path / "out", stop)
    assert inside(tmp_path) == []
    with pytest.raises(export.NoSuchTerritory):
        await export.write(engine, "nowhere", tmp_path / "out")
    assert inside(tmp_path) == []
    (tmp_path / "empty").mkdir()
    await export.write(engine, world.territory, tmp_path / "empty")
    assert (tmp_path / "empty").stat().st_mode & 0o777 == 0o700, "names of persons are in it"
    before = (tmp_path / "empty" / "manifest.json").read_bytes()
    with pytest.raises(FileExistsError):
        await export.write(engine, world.territory, tmp_path / "empty")
    assert (tmp_path / "empty" / "manifest.json").read_bytes() == before
    assert inside(tmp_path) == ["empty"]
    await engine.dispose()


def test_the_command_exports_and_refuses_in_one_line(
    new_demonstration: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", plain(new_demonstration("export", tmp_path / "keys.json")))
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    done = runner.invoke(commands, ["export", "territory", "ales", "out"])
    assert done.exit_code == 0, done.output
    assert done.output.endswith(f" tables in {tmp_path}/out\n")
    assert done.stderr == ""
    names = {table.name for table in export.tables()}
    assert {path.stem for path in (tmp_path / "out").glob("*.csv")} == names
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    empty = {entry["table"] for entry in manifest["tables"] if not entry["rows"]}
    assert empty == NOT_IN_THE_DEMONSTRATION, "rows of a territory are lost, or there are rows now"
    for arguments, said in (
        (["ales", "out"], f"{tmp_path}/out is not an empty directory"),
        (["nowhere", "other"], "there is no territory nowhere"),
    ):
        refused = runner.invoke(commands, ["export", "territory", *arguments])
        assert refused.exit_code == 1
        assert str(refused.exception) == said
    assert not (tmp_path / "other").exists()
