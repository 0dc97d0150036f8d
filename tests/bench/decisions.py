"""A grant decision, eight at once on one hot envelope, beside the same rows written by hand over a bare pool.

Both answer over HTTP in this process. The bare handler asks for no permission and no condition, and leaves out the
project, its financing plan and the firm: it counts the decision at its agenda, adds the act, the decision, the award,
its posting and one event. Each round decides one file for each client; what was decided is reversed between the rounds,
off the clock.
"""

import asyncio
import time
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg
import httpx2

from tests.applications.acts import done
from tests.applications.meetings import (
    DECIDED,
    admitted,
    contribute,
    decide,
    decided,
    decision,
    frozen,
    item,
    meeting,
    replan,
)
from tests.bench.filling import client
from tests.world import World, ok

CLIENTS = 8
CENTS = 100

COUNT = """
UPDATE agendas SET decisions_made = decisions_made + 1 WHERE committee_id = $1
RETURNING decisions_made AS number, territory"""
ACT = """
WITH act AS (
    INSERT INTO application_passages (application_id, number, previous_number, territory, act, from_state, to_state,
        effective_on, reference, recorded_by, recorded_at)
    SELECT id, passage_number + 1, passage_number, territory, 'grant', state, 'granted', $2, $3, $4, now()
    FROM applications WHERE id = $1 FOR NO KEY UPDATE
    RETURNING application_id, number
)
UPDATE applications a SET state = 'granted', passage_number = act.number, version = version + 1, updated_at = now()
FROM act WHERE a.id = act.application_id RETURNING act.number"""
DECIDE = """
INSERT INTO committee_decisions (territory, committee_id, level, number, previous_number, reference, agenda_number,
    application_id, passage_number, outcome, grant_cents, advance_cents, votes_for, votes_against, votes_abstained,
    members_present, decided_on, decided_by, created_at, updated_at)
VALUES ($1, $2, 'state_region', $3::smallint, nullif($3::smallint - 1, 0), $4, 1, $5, $6, 'grant', $7, 0, 2, 0, 0, 2,
    $8, $9, now(), now())
RETURNING id, row_to_json(committee_decisions)::text AS body"""
AWARD = """
WITH given AS (
    INSERT INTO grants (territory, firm_siren, project_title, amount_cents, decided_on, decision_reference, awarded_by,
        created_at, updated_at)
    SELECT a.territory, a.firm_siren, 'Atelier', $2, $3, $4, $5, now(), now() FROM applications a WHERE a.id = $1
    RETURNING *
), told AS (
    INSERT INTO events (type, occurred_at, territory, actor_id, actor_kind, request_id, resource_type, resource_id,
        resource_version, data)
    SELECT 'committee_decision.taken', now(), territory, $5, 'person', $4, 'committee_decision', $6::uuid::text, 1,
        $7::jsonb
    FROM given
), credit AS (
    UPDATE account_balances b SET balance_cents = b.balance_cents - g.amount_cents FROM given g
    WHERE b.territory = g.territory AND b.account = 'available' RETURNING b.contribution_id, b.balance_cents
), debit AS (
    UPDATE account_balances b SET balance_cents = b.balance_cents + g.amount_cents FROM given g, credit c
    WHERE b.territory = g.territory AND b.contribution_id = c.contribution_id AND b.account = 'grants_committed'
    RETURNING b.balance_cents
)
INSERT INTO ledger_entries (territory, contribution_id, debit, credit, amount_cents, debit_balance_cents,
    credit_balance_cents, effective_on, recorded_at, recorded_by, act, act_id, award_id)
SELECT g.territory, c.contribution_id, 'grants_committed', 'available', g.amount_cents, d.balance_cents,
    c.balance_cents, g.decided_on, now(), $5, 'award', g.id, g.id
FROM given g, credit c, debit d"""
UNDO = (
    """
    WITH act AS (
        INSERT INTO application_passages (application_id, number, previous_number, territory, act, from_state, to_state,
            effective_on, reference, reason, reverses_number, recorded_by, recorded_at)
        SELECT application_id, number + 1, number, territory, 'reverse_decision', to_state, from_state, effective_on,
            reference, 'Again.', number, recorded_by, now()
        FROM application_passages WHERE application_id = $1 ORDER BY number DESC LIMIT 1
        RETURNING application_id, number, to_state
    )
    UPDATE applications a SET state = act.to_state, passage_number = act.number, version = version + 1,
        updated_at = now()
    FROM act WHERE a.id = act.application_id""",
    """
    UPDATE committee_decisions SET reversed_at = now(), reversed_by = decided_by, reversal_reason = 'Again.'
    WHERE application_id = $1 AND outcome = 'grant' AND reversed_at IS NULL""",
)


class Bare:
    """An ASGI application that decides one file."""

    def __init__(self, pool: Any, person: UUID) -> None:
        self._pool, self._person = pool, person

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        _, committee_id, application_id = scope["path"].split("/")
        body = await self._decide(UUID(committee_id), UUID(application_id))
        await send({"type": "http.response.start", "status": 201, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": body.encode()})

    async def _decide(self, committee_id: UUID, application_id: UUID) -> str:
        on = date.fromisoformat(DECIDED)
        async with self._pool.acquire() as connection, connection.transaction():
            counted = await connection.fetchrow(COUNT, committee_id)
            reference = f"{committee_id}-{counted['number']}"
            act = await connection.fetchval(ACT, application_id, on, reference, self._person)
            made = await connection.fetchrow(
                DECIDE, counted["territory"], committee_id, counted["number"], reference, application_id, act, CENTS,
                on, self._person,
            )  # fmt: skip
            await connection.execute(
                AWARD, application_id, CENTS, on, reference, self._person, made["id"], made["body"]
            )
        return str(made["body"])


@dataclass
class Sitting:
    """A territory with a file for each client, pre-selected, on the agenda of a meeting for each client."""

    world: World
    files: list[dict[str, Any]]
    paths: list[str]

    @classmethod
    async def of(cls, world: World, clients: int) -> "Sitting":
        await contribute(world, 10_000_000_00)
        # Silence has decided none of them by today, so that what is reversed waits again.
        files = [await done(world, await admitted(world), "extend", "2024-02-02") for _ in range(clients)]
        before = await meeting(world)
        await frozen(world, before, *(item(file) for file in files))
        await decided(world, before, *(decision(file) for file in files))
        paths = [await meeting(world, "state_region") for _ in files]
        for path, file in zip(paths, files, strict=True):
            await frozen(world, path, item(file, "grant"))
        return cls(world, files, paths)

    async def real(self) -> float:
        """Seconds of one round of the service; then all of it is taken back."""
        asked = [
            decide(self.world, path, decision(file, "grant", grant_cents=CENTS, advance_cents=0))
            for path, file in zip(self.paths, self.files, strict=True)
        ]
        started = time.perf_counter()
        answers = await asyncio.gather(*asked)
        seconds = time.perf_counter() - started
        for path, file, answer in zip(self.paths, self.files, answers, strict=True):
            (made,) = ok(answer, 201)["items"]
            ok(
                await self.world.clients["committee"].post(
                    f"{path}/decisions/{made['id']}/reverse", {"reason": "Again."}
                )
            )
            await replan(self.world, file)
        return seconds

    async def bare(self, pool: Any) -> float:
        """Seconds of one round of the bare handler; then the files are given back."""
        handler = Bare(pool, self.world.subjects["committee"])
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=handler), base_url="http://bare") as http:
            asked = [
                http.post(f"/{path.removeprefix('committees/')}/{file['id']}")
                for path, file in zip(self.paths, self.files, strict=True)
            ]
            started = time.perf_counter()
            answers = await asyncio.gather(*asked)
            seconds = time.perf_counter() - started
        assert {answer.status_code for answer in answers} == {201}
        for file in self.files:
            async with pool.acquire() as connection, connection.transaction():
                for statement in UNDO:
                    await connection.execute(statement, UUID(file["id"]))
        return seconds


async def measure(url: str, plain: str, repeats: int, clients: int = CLIENTS) -> dict[str, float]:
    """Milliseconds of a decision (the median round, by its decisions), of the service and of the bare handler."""
    async with client(url) as http, asyncpg.create_pool(plain, min_size=clients, max_size=clients) as pool:
        real, other = [await Sitting.of(await World.create(http, pool), clients) for _ in range(2)]
        # Each meeting takes its number with its first decision: before anything is timed.
        await real.real()
        await other.real()
        rounds = [(await real.real(), await other.bare(pool)) for _ in range(4 * repeats)]
    mine, its = (1000 * median(seconds) / clients for seconds in zip(*rounds, strict=True))
    return {"a grant decision, eight at once": mine, "the same by the bare handler": its}
