"""What a test needs again and again is made once through the API; then its rows are copied, ids and times new.

A copy is told from what requests make by nothing but its ids, names of its own, and times (`tests/test_copies.py`
compares every row that each writes). It takes one statement in place of several requests. The role of the tests' server
must be a superuser, or be granted SET on `session_replication_role`: for any other, all is made through the API.
"""

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

# Another one in every copy, as the ids of requests are.
_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:\+00:00|Z)"
_ADDRESS = r"[0-9a-f]{16}@example\.fr"
_COUNTED = ("sequence", "id")  # of events: the database gives them

_COLUMNS = """
SELECT attrelid::regclass::text, array_agg(quote_ident(attname) ORDER BY attnum)
FROM pg_attribute
WHERE attrelid = ANY ($1::text[]::regclass[]) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
GROUP BY 1"""


def new_ids(count: int) -> list[str]:
    """As many ids as PostgreSQL would make now (UUID version 7), in their order."""
    found = []
    now = time.time_ns()
    for place in range(count):
        milliseconds, rest = divmod(now + place * 250, 1_000_000)
        bits = milliseconds << 80 | 7 << 76 | (rest * 4096 // 1_000_000) << 64 | 2 << 62
        found.append(str(UUID(int=bits | secrets.randbits(62))))
    return found


async def may_copy(connection: Any) -> bool:
    """Whether this role may write rows past the triggers."""
    allowed: bool = await connection.fetchval("SELECT has_parameter_privilege('session_replication_role', 'SET')")
    return allowed


@dataclass
class Prototype:
    """The rows of an object as an INSERT, cut at each word that another copy says otherwise."""

    parts: list[str]
    ids: list[str]  # those that a copy has of its own, in their order
    instants: dict[str, int]  # their order

    @classmethod
    async def of(cls, connection: Any, rows: Mapping[str, str], given: Any, names: Sequence[str]) -> "Prototype":
        """What these conditions find by table; `$1` is `given`. `names` are the words to replace."""
        columns = dict(await connection.fetch(_COLUMNS, list(rows)))
        statements = []
        for table, condition in rows.items():
            order = " ORDER BY sequence" if table == "events" else ""
            chosen = f"SELECT json_agg(row_to_json({table}){order})::text FROM {table} WHERE {condition}"
            found = await connection.fetchval(chosen, given)
            assert found, table
            listed = ", ".join(c for c in columns[table] if table != "events" or c not in _COUNTED)
            quoted = found.replace("'", "''")
            statements.append(
                f"INSERT INTO {table} ({listed})"
                f" SELECT {listed} FROM json_populate_recordset(NULL::{table}, '{quoted}')"
            )
        whole = ";\n".join(statements)
        known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        parts = re.split(rf"({_ID}|{_INSTANT}|{_ADDRESS}|(?<=\"request_id\":\")\w+|{known})", whole)
        changing = set(parts[1::2]) - set(names)
        instants = sorted({_at(each) for each in changing if re.fullmatch(_INSTANT, each)})
        places = {each: instants.index(_at(each)) for each in changing if re.fullmatch(_INSTANT, each)}
        return cls(parts, sorted(each for each in changing if re.fullmatch(_ID, each)), places)

    async def copy(self, connection: Any, words: Mapping[str, str], now: datetime) -> dict[str, str]:
        """Writes another one with these words in place of the names; gives the new ids by the prototype's."""
        ids = dict(zip(self.ids, new_ids(len(self.ids)), strict=True))
        times = {each: _said(now + timedelta(microseconds=place)) for each, place in self.instants.items()}
        new = {**times, **ids, **words}
        written = list(self.parts)
        for place in range(1, len(written), 2):
            word = written[place]
            if word not in new:  # the id of a request, or an e-mail address
                _, at, domain = word.partition("@")
                new[word] = f"{secrets.token_hex(8)}{at}{domain}" if at else secrets.token_hex(16)
            written[place] = new[word]
        # The rows are whole: what triggers would add or refuse is among them.
        await connection.execute(f"BEGIN; SET LOCAL session_replication_role = replica; {''.join(written)}; COMMIT")
        return ids


def _at(instant: str) -> datetime:
    return datetime.fromisoformat(instant)


def _said(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
