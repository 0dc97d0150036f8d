"""What the service is measured against: a bare ASGI handler over an asyncpg pool, its SQL written by hand.

No permission, no validation, no ETag, no log. The statements do what the service's do: the fields shown are taken from
its Select, all else follows the schema by hand, and the bench compares the answers before it measures. `asyncpg.Pool`
would send RESET at every release: that is left out here as in the service.
"""

import hashlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import uvicorn
from sqlalchemy import MetaData

from app.core.db import DIALECT, as_json
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.queries import entries
from app.grants.queries import GRANTS


def shape(rows: Any) -> str:
    """The fields and joins of the service's own Select, as text: what is shown is no question of who writes the SQL."""
    shown = rows.with_only_columns(*(as_json(column) for column in rows.selected_columns))
    return str(shown.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))


ENTRIES = shape(entries(TimeEntry))
ENTRY = shape(entries(TimeEntry.__table__.to_metadata(MetaData(), name="entry").c))  # type: ignore[attr-defined]  # a Table
# The statement that inserts a grant does not see the aid that the database makes with it: it is new, and says nothing.
GRANT = (
    shape(GRANTS.rows.params(p_territory=""))
    .rpartition("WHERE")[0]
    .replace("grants.", "given.")
    .replace("FROM grants", "FROM given")
    .replace("JOIN aids", "LEFT JOIN aids")
    .replace("aids.certified_cents", "0 AS certified_cents")
)

LIST = f"""
SELECT array_agg(row_to_json(p)::text) AS items, (array_agg(p.id::text))[50] AS last
FROM ({ENTRIES} WHERE time_entries.territory = $1 ORDER BY time_entries.id LIMIT 51) p"""

ONE = f"""
SELECT row_to_json(p)::text AS body
FROM ({ENTRIES} WHERE time_entries.territory = $1 AND time_entries.id = $2) p"""

GATE = """
gate AS (
    SELECT pg_try_advisory_xact_lock($1) AND NOT EXISTS (
        SELECT FROM idempotency_keys WHERE subject_id = $2 AND key = $3 AND created_at > $4) AS free
)"""


def told(kind: str) -> str:
    """The event and the stored reply of the one row of `shown`."""
    return f"""
noted AS (
    INSERT INTO events (type, occurred_at, territory, actor_id, actor_kind, actor_organisation_id, request_id,
        resource_type, resource_id, resource_version, data)
    SELECT '{kind}', $5, $6, $2, 'person', $7, $8, split_part('{kind}', '.', 1), id::text, version, body::jsonb
    FROM shown
), kept AS (
    INSERT INTO idempotency_keys (subject_id, key, digest, status, location, etag, body, created_at)
    SELECT $2, $3, $9, 201, $10 || id::text, '"' || version || '-' || left(md5(body), 8) || '"', body || chr(10), $5
    FROM shown
)"""


POST = f"""
WITH {GATE}, entry AS (
    INSERT INTO time_entries (territory, organisation_id, person_id, assigned_from_on, assigned_until_on, mission_id,
        consultant_id, worked_on, counted_on, days, activity, status, entered_by, authors, created_at, updated_at)
    SELECT c.territory, c.organisation_id, c.person_id, c.from_on, c.until_on, $11, c.id, $13, $13, $14, $15,
        'submitted', $2, ARRAY[$2::uuid], $5, $5
    FROM consultants c, gate
    WHERE gate.free AND c.id = $12 AND c.mission_id = $11 AND c.territory = $6 AND c.organisation_id = $7
    RETURNING *
), shown AS (
    SELECT p.id, p.version, row_to_json(p)::text AS body FROM ({ENTRY}) p
), {told("time_entry.created")}, person AS (
    INSERT INTO person_days AS d (person_id, worked_on, days) SELECT person_id, worked_on, days FROM entry
    ON CONFLICT (person_id, worked_on) DO UPDATE SET days = d.days + excluded.days RETURNING 1
), member AS (
    UPDATE member_days d SET days_entered = d.days_entered + e.days FROM entry e
    WHERE d.mission_id = e.mission_id AND d.organisation_id = e.organisation_id AND (SELECT count(*) FROM person) = 1
    RETURNING 1
), mission AS (
    UPDATE mission_days d SET days_entered = d.days_entered + e.days, worked_from = e.worked_on,
        worked_to = e.worked_on, entered_on = current_date, worked_days = ARRAY[e.worked_on],
        counted_months = ARRAY[date_trunc('month', e.worked_on)::date],
        entered_before = add_after(d.steps, d.entered_before, ARRAY[e.worked_on], ARRAY[e.days]) FROM entry e
    WHERE d.mission_id = e.mission_id AND (SELECT count(*) FROM member) = 1 RETURNING 1
)
SELECT id, version, body FROM shown"""

# An envelope of one contribution, as the bench makes it: nothing is shared out.
AWARD = f"""
WITH {GATE}, given AS (
    INSERT INTO grants (territory, firm_siren, project_title, amount_cents, decided_on, decision_reference, awarded_by,
        created_at, updated_at)
    SELECT $6, $11, $12, $13, $14, $15, $2, $5, $5 FROM gate WHERE gate.free RETURNING *
), shown AS (
    SELECT p.id, p.version, row_to_json(p)::text AS body FROM ({GRANT}) p
), {told("grant.awarded")}, credit AS (
    UPDATE account_balances b SET balance_cents = b.balance_cents - g.amount_cents FROM given g
    WHERE b.territory = g.territory AND b.account = 'available' RETURNING b.contribution_id, b.balance_cents
), debit AS (
    UPDATE account_balances b SET balance_cents = b.balance_cents + g.amount_cents FROM given g, credit c
    WHERE b.territory = g.territory AND b.contribution_id = c.contribution_id AND b.account = 'grants_committed'
    RETURNING b.balance_cents
), posted AS (
    INSERT INTO ledger_entries (territory, contribution_id, debit, credit, amount_cents, debit_balance_cents,
        credit_balance_cents, effective_on, recorded_at, recorded_by, act, act_id, award_id)
    SELECT g.territory, c.contribution_id, 'grants_committed', 'available', g.amount_cents, d.balance_cents,
        c.balance_cents, g.decided_on, $5, $2, 'award', g.id, g.id
    FROM given g, credit c, debit d
)
SELECT id, version, body FROM shown"""

DAY = timedelta(days=1)
pool: asyncpg.Pool


class Connection(asyncpg.Connection):  # type: ignore[misc]  # asyncpg has no types
    """A connection that goes back to the pool without a round trip."""

    def get_reset_query(self) -> str:
        return ""


@asynccontextmanager
async def connected() -> AsyncIterator[None]:
    global pool  # noqa: PLW0603  # the process has one
    settings = {"timezone": "UTC", "jit": "off", "join_collapse_limit": "5", "application_name": "bare"}
    pool = await asyncpg.create_pool(
        os.environ["DATABASE_URL"], min_size=10, max_size=10, connection_class=Connection, server_settings=settings
    )
    yield
    await pool.close()


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The application: a list, an object, and two writes."""
    if scope["type"] == "lifespan":
        await receive()
        async with connected():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    _, _, _, territory, collection, *key = scope["path"].split("/")
    status, more = 200, []
    if scope["method"] == "POST":
        body, location = await (enter if collection == "time-entries" else award)(scope, receive, territory)
        status, more = 201, [(b"location", location)]
    elif key:
        row = await pool.fetchrow(ONE, territory, UUID(key[0]))
        body = row["body"].encode() + b"\n"
    else:
        row = await pool.fetchrow(LIST, territory)
        following = f'"{row["last"]}"' if len(row["items"]) > 50 else "null"
        body = f'{{"items":[{",".join(row["items"][:50])}],"next_cursor":{following}}}\n'.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read(scope: Any, receive: Any, territory: str) -> tuple[dict[str, Any], list[Any], str]:
    """The body, and the parameters that gate, event and reply take."""
    raw = b""
    while True:
        part = await receive()
        raw += part.get("body", b"")
        if not part.get("more_body"):
            break
    headers = dict(scope["headers"])
    key = headers[b"idempotency-key"]
    subject, organisation = UUID(headers[b"x-subject"].decode()), UUID(headers[b"x-organisation"].decode())
    lock = int.from_bytes(hashlib.sha256(subject.bytes + key).digest()[:8], signed=True)
    now, path = datetime.now(UTC), scope["path"] + "/"
    digest = hashlib.sha256(f"POST\0{scope['path']}\0\0".encode() + raw).digest()
    common = [lock, subject, key.decode(), now - DAY, now, territory, organisation, uuid4().hex, digest, path]
    return json.loads(raw), common, path


async def enter(scope: Any, receive: Any, territory: str) -> tuple[bytes, bytes]:
    """One time entry."""
    given, common, path = await read(scope, receive, territory)
    row = await pool.fetchrow(
        POST, *common, UUID(given["mission_id"]), UUID(given["consultant_id"]), date.fromisoformat(given["worked_on"]),
        Decimal(str(given["days"])), given["activity"],
    )  # fmt: skip
    return row["body"].encode() + b"\n", f"{path}{row['id']}".encode()


async def award(scope: Any, receive: Any, territory: str) -> tuple[bytes, bytes]:
    """One grant."""
    given, common, path = await read(scope, receive, territory)
    row = await pool.fetchrow(
        AWARD, *common, given["siren"], given["project_title"], given["amount_cents"],
        date.fromisoformat(given["decided_on"]), given["decision_reference"],
    )  # fmt: skip
    return row["body"].encode() + b"\n", f"{path}{row['id']}".encode()


if __name__ == "__main__":
    config = uvicorn.Config(app, loop="uvloop", http="httptools", ws="none", access_log=False, log_level="error")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(sys.argv[1]))])
