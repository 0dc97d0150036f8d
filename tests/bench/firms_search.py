"""Search in a register of 200 000 firms: milliseconds of each question, and whether an index answered it.

`python -m tests.bench.firms_search` runs it on a scratch PostgreSQL, through the SQL that the service sends, from one
connection: the median and the slowest of `ROUNDS` after one to warm up. Firms are synthetic.
"""

import asyncio
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

from app.bundled import postgres
from app.core import migrations
from app.core.values import siren_from, siret_from
from app.firms.queries import FIRMS, TERRITORY_FIRMS

FIRMS_HELD = 200_000
FOLLOWED = 500
ROUNDS = 30

FILL = """
INSERT INTO firms (siren, name, naf_code, naf_version, trade_names, insee_category, created_at, updated_at)
SELECT s.siren, s.name,
    (ARRAY['25.62B','24.54Z','62.01Z','47.11D','43.21A','56.10A','10.39B','28.99B','70.22Z','68.20B'])
        [1 + n % 10],
    'naf_rev2', CASE WHEN n % 7 = 0 THEN ARRAY['Atelier ' || n] ELSE '{}' END, 'pme', now(), now()
FROM (
    SELECT n, siren,
        (ARRAY['Société','Établissements','SARL','Ateliers','Groupe'])[1 + n % 5]
        || ' ' || (ARRAY['Mécanique','Fonderie','Chimie','Textile','Menuiserie','Câblage','Boulangerie','Garage'])
            [1 + n % 8]
        || ' ' || (ARRAY['cévenole','du Gardon','d''Alès','de l''Évêché','des Pins','du Midi'])[1 + n % 6]
        || ' ' || translate((n::bigint * 7919 % 999983)::text, '0123456789', 'abcdefghij') AS name
    FROM unnest($1::text[]) WITH ORDINALITY AS given (siren, n)
) s"""
SITES = """
INSERT INTO sites (siret, siren, insee_code, created_at, updated_at)
SELECT siret, substr(siret, 1, 9), CASE WHEN place % 100 = 0 THEN '30007' ELSE '75056' END, now(), now()
FROM unnest($1::text[]) WITH ORDINALITY AS given (siret, place)"""

# What is asked: a name for it, the parameters of the list, whether an index of search must be in the plan.
QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("three words, one firm", {"q": "mecanique cevenol bcd"}),
    ("two words, 4 000 firms", {"q": "mecanique cevenol"}),
    ("one frequent word, 25 000 firms", {"q": "fonderie"}),
    ("two letters", {"q": "me"}),
    ("nothing", {"q": "zzzz introuvable"}),
    ("a SIREN with spaces", {"q": "100 000 09"}),
    ("a commune", {"commune": ["30007"]}),
    ("a section", {"naf_section": ["C"]}),
    ("words, section and commune", {"q": "mecanique", "naf_section": ["C"], "commune": ["30007"]}),
]


async def measure(url: str) -> list[dict[str, Any]]:
    """Figures of every question on a filled database: milliseconds (median, slowest), rows, indexes of the plan."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("SET jit = off")
    found = []
    try:
        for place, listing, path in (("register", FIRMS, {}), ("territory", TERRITORY_FIRMS, {"territory": "bench"})):
            for name, query in QUESTIONS:
                bound = {key: listing.filters[key].prepare(value) for key, value in query.items()} | path
                statement = listing.page(
                    frozenset(query), frozenset(), listing.key_name, empty=None, usual=True, counted=False
                )
                arguments = statement.arguments({**bound, "limit": 50})
                took = []
                for _ in range(ROUNDS + 1):
                    started = time.perf_counter()
                    row = await connection.fetchrow(statement.sql, *arguments)
                    took.append((time.perf_counter() - started) * 1000)
                plan = await connection.fetchval(f"EXPLAIN (FORMAT json) {statement.sql}", *arguments)
                found.append(
                    {
                        "list": place, "question": name, "rows": len(row["items"] or []),
                        "ms": round(statistics.median(took[1:]), 2), "slowest_ms": round(max(took[1:]), 2),
                        "indexes": sorted(indexes(json.loads(plan))),
                    }
                )  # fmt: skip
    finally:
        await connection.close()
    return found


def indexes(plan: Any) -> set[str]:
    """The indexes that a plan uses."""
    if isinstance(plan, list):
        return {name for part in plan for name in indexes(part)}
    if isinstance(plan, dict):
        own = {plan["Index Name"]} if "Index Name" in plan else set()
        return own | {name for part in plan.values() for name in indexes(part)}
    return set()


async def fill(url: str, firms: int = FIRMS_HELD) -> float:
    """A register of so many firms, of which a territory follows `FOLLOWED`; the seconds that it took."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    started = time.perf_counter()
    try:
        sirens = [siren_from(10_000_000 + number) for number in range(firms)]
        await connection.execute(FILL, sirens)
        await connection.execute(SITES, [siret_from(siren, 1) for siren in sirens])
        await connection.execute("INSERT INTO waves (number, created_at, updated_at) VALUES (1, now(), now())")
        await connection.execute(
            "INSERT INTO territories (slug, name, wave_number, lead_siren, epci_sirens, status, created_at, updated_at)"
            " VALUES ('bench', 'Bench', 1, '200066918', '{200066918}', 'laureate', now(), now())"
        )
        await connection.execute(
            "INSERT INTO territory_firms (territory, siren, stage, stage_since_on, created_at, updated_at)"
            " SELECT 'bench', siren, 'identified', '2023-06-14', now(), now() FROM firms ORDER BY md5(siren) LIMIT $1",
            FOLLOWED,
        )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return time.perf_counter() - started


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="rebond-bench-"))
    home.chmod(0o711)
    try:
        with postgres.running(home) as server:
            url = server.dsn("postgres")
            migrations.upgrade(url)
            print(f"{FIRMS_HELD} firms and sites in {asyncio.run(fill(url)):.0f} s")
            for row in asyncio.run(measure(url)):
                print(json.dumps(row))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
