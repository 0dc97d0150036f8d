"""What is copied is what the requests make: every row that they write, in every table of the database."""

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.applications.acts import oriented
from tests.copies import new_ids
from tests.envelopes.acts import Acts
from tests.projects.acts import filed
from tests.world import World

VARYING = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|(?P<instant>\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z))"
    r"|[0-9a-f]{16}@|[0-9a-f]{32}|t-[0-9a-f]{12}|\b\d{9}\b|Person \d+|\"sequence\":\d+"
)
TABLES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r'"""


async def rows(pool: Any) -> dict[str, Counter[str]]:
    """All rows of all tables."""
    async with pool.acquire() as connection:
        tables = [row[0] for row in await connection.fetch(TABLES)]
        return {
            table: Counter(row[0] for row in await connection.fetch(f"SELECT row_to_json({table})::text FROM {table}"))
            for table in tables
        }


async def written(pool: Any, make: Any) -> dict[str, list[str]]:
    """What is in the database after the call and was not before: an id is its place among those of the call."""
    before = await rows(pool)
    await make()
    places: dict[str, str] = {}
    new = {table: sorted(found - before[table], key=order) for table, found in (await rows(pool)).items()}

    def placed(word: re.Match[str]) -> str:
        return "now" if word["instant"] else places.setdefault(word[0], f"#{len(places)}")

    new.pop("idempotency_keys")  # a key that nobody repeats needs no reply
    new.pop("access_records")  # of earlier requests, which the service writes when it has time
    return {table: [VARYING.sub(placed, row) for row in found] for table, found in new.items() if found}


def order(row: str) -> tuple[Any, ...]:
    """By the number of an event, or by the instant at which a row was made, and its names."""
    facts = json.loads(row)
    return facts.get("sequence", 0), facts.get("position", 0), facts.get("created_at", ""), VARYING.sub("#", row)


COPIED: dict[str, Callable[[World], Awaitable[Any]]] = {
    "mission": lambda world: world.mission(days=7, step=0.5),
    "firm": lambda world: world.add_firm(name="Firm's"),
    "followed firm": lambda world: world.followed_firm(name="Firm's"),
    "filed project": filed,
    "oriented project": lambda world: oriented(world, "2024-01-16"),
    "contribution": lambda world: Acts(world).contributed(7_00),
}


@pytest.mark.parametrize("name", COPIED)
async def test_a_copy_has_all_rows_that_the_requests_write(frozen: Any, name: str) -> None:
    worlds: list[World] = [await frozen.world() for _ in range(3)]
    for each in worlds:  # when a key was used last is written down a minute apart
        for role in ("operator", "territory", "treasurer", "programme"):
            await each.clients[role].get("/v1/me")
    requested, copied, again = [await written(frozen.pool, lambda w=w: COPIED[name](w)) for w in worlds]
    assert copied == again == requested


async def test_the_objects_of_a_copy_are_read_and_go_on(world: World) -> None:
    for _ in range(3):
        mission = await world.mission(days=9)
    assert (await world.operator.get(f"missions/{mission.id}")).json()["days_ordered"] == 9
    for by, client in (("lead", world.lead_judge), ("partner", world.consultant)):
        answer = await client.post("time-entries", mission.entry(by=by))
        assert answer.status_code == 201, answer.text
    members = (await world.operator.get(f"missions/{mission.id}/members")).json()["items"]
    assert {mission.lead_member, mission.partner_member} == {each["id"] for each in members}


def test_ids_follow_each_other() -> None:
    made = new_ids(5000) + new_ids(5)
    assert made == sorted(set(made))
