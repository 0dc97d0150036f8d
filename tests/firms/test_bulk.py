"""Many firms at once, as an import puts them: set-based, in one lock order, and without effect the second time."""

import asyncio
from typing import Any

from sqlalchemy import text

from app.core.values import siret_from
from app.core.writing.writes import Change, System, Write, run
from app.firms.models import Source
from app.firms.service import move_seats, upsert_firms, upsert_sites
from tests.contract.test_listings import Queries, watched
from tests.world import World, fresh_siren, ok

BLANK: dict[str, Any] = {"naf_code": None, "naf_version": None, "acronym": None}


def rows(sirens: list[str], **more: Any) -> list[dict[str, Any]]:
    return [{"siren": siren, "name": f"Firm {siren}", **BLANK, **more} for siren in sirens]


async def put(app: Any, firms: list[dict[str, Any]], sites: list[dict[str, Any]] | None = None) -> list[Change]:
    made: list[Change] = []

    async def work(write: Write) -> list[Change]:
        await write.session.execute(text("SET LOCAL lock_timeout = '10s'"))  # the patience of an import
        made.extend(await upsert_firms(write, firms, Source.SIRENE))
        made.extend(await upsert_sites(write, sites or [], Source.SIRENE))
        await move_seats(write, [(site["siret"], None) for site in sites or []], Source.SIRENE)
        return made or [Change("", *_first(firms))]

    await run(app.state["sessions"], System(), work)
    return made


def _first(firms: list[dict[str, Any]]) -> Any:
    from app.firms.queries import FIRMS

    return FIRMS, [firms[0]["siren"]], {"scope_following": None, "scope_declarer": None}


async def test_a_second_run_changes_nothing_and_a_third_what_differs(app: Any, world: World) -> None:
    sirens = [fresh_siren() for _ in range(30)]
    facts = rows(sirens, naf_code="25.62B", naf_version="naf_rev2")
    first = await put(app, facts)
    assert [(change.type, len(change.keys)) for change in first] == [("firm.created", 30)]
    assert await put(app, facts) == []
    facts[3] = {**facts[3], "name": "Renamed", "naf_code": "24.54Z"}
    [third] = await put(app, facts)
    assert (third.type, list(third.keys)) == ("firm.updated", [facts[3]["siren"]])
    read = ok(await world.operator.get(f"/v1/firms/{facts[3]['siren']}"))
    assert (read["name"], read["source"], read["version"]) == ("Renamed", "sirene", 2)
    codes = ok(await world.operator.get(f"/v1/firms/{facts[3]['siren']}/activities"))["items"]
    assert [(code["naf_code"], code["to_on"] is None) for code in codes] == [("25.62B", False), ("24.54Z", True)]


async def test_thousands_of_firms_cost_as_many_statements_as_ten(app: Any, world: World) -> None:
    async def cost(number: int) -> int:
        seen: Queries
        with watched(app) as seen:
            await put(app, rows([fresh_siren() for _ in range(number)]))
        return len(seen)

    assert await cost(10) == await cost(700)


async def test_imports_in_opposite_orders_never_wait_for_each_other_in_a_circle(app: Any, world: World) -> None:
    sirens = [fresh_siren() for _ in range(60)]
    runs = [rows(sirens if n % 2 else sirens[::-1], acronym=str(n)) for n in range(8)]
    sites = [
        [{"siret": siret_from(row["siren"], 1), "insee_code": f"300{n:02}"} for row in each]
        for n, each in enumerate(runs)
    ]
    await asyncio.gather(*(put(app, firms, places) for firms, places in zip(runs, sites, strict=True)))
    held = await world.pool.fetch(
        "SELECT f.version, count(s.*) AS sites, count(f.seat_siret) AS seats FROM firms f JOIN sites s USING (siren)"
        " WHERE siren = ANY($1) GROUP BY f.siren, f.version",
        sirens,
    )
    assert len(held) == 60
    assert {(row["sites"], row["seats"]) for row in held} == {(1, 1)}
    told = await world.pool.fetchval(
        "SELECT count(*) FROM events WHERE type = 'firm.created' AND resource_id = ANY($1)", sirens
    )
    assert told == 60
