"""The mirror of the page "Mirroring Rebond", as it is printed there: killed, resumed, the same as what GET shows."""

import asyncio
import contextlib
import json
import os
import re
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from app.engineering.entries.schemas import TimeEntry
from app.firms.contacts.schemas import Contact
from tests.contract.conftest import service
from tests.contract.server import Service
from tests.world import World, ok

PAGE = Path(__file__).parents[2] / "docs" / "mirroring.md"
__all__ = ["service"]  # a fixture


PERSON = "Camille Exemple"


class Mirror:
    """The program of the page, and the database that it writes."""

    def __init__(self, home: Path, key: str, address: str) -> None:
        [program] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
        assert program.count("\n") <= 70
        (home / "mirror.py").write_text(program)
        self.home, self.database = home, home / "mirror.db"
        self._words = [sys.executable, str(home / "mirror.py"), address, str(self.database)]
        self._environment = {**os.environ, "KEY": key}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """For the length of a block, at whose end it is killed."""
        with (self.home / "errors").open("a") as errors:
            process = await asyncio.create_subprocess_exec(*self._words, env=self._environment, stderr=errors)
            try:
                yield
                assert process.returncode is None, (self.home / "errors").read_text()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def rows(self, query: str, *given: Any) -> list[Any]:
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query, given).fetchall()

    async def until(self, query: str, *given: Any) -> None:
        """Wait until the mirror has such a row."""
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(sqlite3.OperationalError):  # there is no table yet
                    if self.rows(query, *given):
                        return
                await asyncio.sleep(0.05)

    def of(self, world: World, kind: str) -> dict[str, Any]:
        """What it has of a kind in a territory."""
        held = self.rows("SELECT id, data FROM rows WHERE (territory, kind) = (?, ?)", world.territory, kind)
        return {key: json.loads(data) for key, data in held}


async def shown(world: World, schema: Any, collection: str) -> dict[str, Any]:
    """What GET shows of a collection, without what no event tells."""
    items = ok(await world.clients["territory"].get(f"{collection}?limit=500"))["items"]
    return {each["id"]: {name: each[name] for name in each if name not in schema.withheld()} for each in items}


async def test_the_mirror_of_the_page_is_what_get_shows_however_often_it_is_killed(
    world: World, service: Service, tmp_path: Path
) -> None:
    own = world.clients["territory"]
    mirror = Mirror(tmp_path, own.key, service.url)
    mission = await world.mission(days=100)
    entry = "SELECT 1 FROM rows WHERE id = ?"
    for month in ("2023-07", "2023-08"):  # killed while there is more to come
        bodies = [mission.entry(worked_on=f"{month}-{day:02}", days=0.25) for day in (3, 4, 7)]
        made = [ok(await world.consultant.post("time-entries", body), 201) for body in bodies]
        async with mirror.running():
            await mirror.until(entry, made[0]["id"])
            ok(await world.lead_judge.post(f"time-entries/{made[1]['id']}/validate"))
    firm = await world.followed_firm("Before")
    contact = await world.contact(firm, name=PERSON)
    draft = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-08-08", status="draft")), 201)
    async with mirror.running():
        await mirror.until(entry, draft["id"])
        ok(await world.consultant.delete(f"time-entries/{draft['id']}"), 204)
        ok(await own.post(f"contacts/{contact['id']}/erase"))
        ok(await own.patch(f"/v1/firms/{firm}", {"name": "After"}))
        await mirror.until("SELECT 1 FROM names WHERE (kind, id, name) = ('firm', ?, 'After')", firm)
        last = ok(await world.consultant.post("time-entries", mission.entry(worked_on="2023-08-09")), 201)
        await mirror.until(entry, last["id"])
    assert draft["id"] not in mirror.of(world, "time_entry")
    for kind, schema, collection in (("time_entry", TimeEntry, "time-entries"), ("contact", Contact, "contacts")):
        mirrored, read = mirror.of(world, kind), await shown(world, schema, collection)
        if kind == "contact":  # the name of another row, as it was and as it is
            assert mirrored[contact["id"]].pop("firm_name") == "Before"
            assert read[contact["id"]].pop("firm_name") == "After"
        assert mirrored == read, kind
    assert PERSON not in mirror.database.read_bytes().decode(errors="replace")
