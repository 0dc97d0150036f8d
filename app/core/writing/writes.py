"""Every write goes through `run`, or through `run_statement` where it is one statement.

A service does its work on a `Write`: it adds rows, declares what it spends, and returns the `Change` it made. `run`
then reads the changed object once with its Select; those bytes are the answer, the event's data and the stored reply.
The limits come next, then COMMIT (ROLLBACK in a dry run), then the response. Services never commit.

A frequent write is one statement: `run_statement` sends it, and the check of its key, its event and its reply are
parts of it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

import asyncpg
from pydantic_core import to_json
from sqlalchemy import ColumnElement, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from app.core import clock, limits
from app.core.db import (
    Base,
    SessionFactory,
    Statement,
    Versioned,
    driver_connection,
    fetchrow,
    flush,
    inserting,
    raw_connection,
    touch,
)
from app.core.problems import Busy, NotFound, Problem
from app.core.reading import answers, query, versions
from app.core.reading.listing import Listing
from app.core.schemas import Body
from app.core.violations import constraint_of, translate
from app.core.writing import events, idempotency

Row = TypeVar("Row", bound=Base)


class WritingSubject(Protocol):
    """Who writes: the access domain's Actor, or the service itself."""

    @property
    def subject_id(self) -> UUID | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def organisation_id(self) -> UUID | None: ...
    @property
    def has_email(self) -> bool: ...


@dataclass(frozen=True)
class System:
    """The service itself: who writes when a command does, and no subject."""

    subject_id: UUID | None = None
    kind: str = "system"
    organisation_id: UUID | None = None
    has_email: bool = False


@dataclass(frozen=True)
class Change:
    """What a write did: the event it appends, and where the changed objects are read.

    `keys` are the objects' keys in the order of the answer; `bound` the other parameters of the listing's Select.
    Without `type` nothing was changed and no event is due. `gone` holds objects that the write deletes, or what is told
    of an object in its place; `many` says that the answer is a list, however long; `status` is the answer's where only
    the write knows it (as a PUT does); `topic` says of a key what a national event is about, for the territories that
    follow it. An event names one object of its territory and type: `parent` stands before keys that do so only below
    another one (`910000017` of 2022).
    """

    type: str
    listing: Listing
    keys: Sequence[Any]
    bound: Mapping[str, Any] = field(default_factory=dict)
    gone: Sequence["Seen"] = ()
    many: bool = False
    status: int = 0
    topic: Callable[[Any], str] | None = None
    parent: str | None = None


@dataclass(frozen=True)
class Seen:
    """An object as it was read: its key, version, and JSON; and whose it is, where some see their own alone."""

    key: Any
    version: int | None
    body: str
    owner: UUID | None = None


@dataclass
class Write:
    """A write in progress: the session of its transaction, who writes, when, and what it spends."""

    session: AsyncSession
    actor: WritingSubject
    now: datetime
    request: Request | None = None
    client_request_id: str | None = None
    compared: bool = False
    spends: list[limits.Spend] = field(default_factory=list)
    closing: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def last(self, act: Callable[[], Awaitable[None]]) -> None:
        """Run `act` just before COMMIT.

        Use it for work that locks contended rows, so that they stay locked only briefly.
        """
        self.closing.append(act)

    async def close(self) -> None:
        """Run what was put off until now."""
        acts, self.closing = self.closing, []
        for act in acts:
            await act()

    def spend(
        self, balance: limits.Balance, *key: Any, delta: Mapping[str, Any], touch: Mapping[str, Any] | None = None,
        put: Mapping[str, Any] | None = None, dated: Mapping[str, dict[date, Decimal]] | None = None,
        steps: Mapping[str, set[date]] | None = None,
    ) -> None:  # fmt: skip
        """Declare what this write adds to a limit row; it is applied last. Negative amounts give back."""
        self.spends.append(
            limits.Spend(
                balance, key, dict(delta), dict(touch or {}), dict(put or {}), dict(dated or {}), dict(steps or {})
            )
        )

    @property
    def request_id(self) -> str:
        """The id of the request that writes, or a new one where none does."""
        known: str = self.request.state.request_id if self.request is not None else new_request_id()
        return known

    @property
    def conditional(self) -> bool:
        """Whether the request has a condition for the object."""
        return self.request is not None and versions.conditional(self.request)

    def expect(self, version: int | None, *, required: bool = False, told: bool = True) -> None:
        """Refuse where If-Match or If-None-Match do not hold for the object's version, which the caller has locked.

        None says that the object does not exist; `told`, whether the caller is told its version. A write that was sent
        a condition and expects nothing is refused.
        """
        self.compared = True
        if self.request is not None:
            versions.check(self.request, version, required=required, told=told)

    async def insert(self, item: Any) -> None:
        """Write a new object and take its id, as `session.add` and `flush` do, by a statement that is compiled once.

        Use it for frequent writes. The session does not know the object: who changes it later locks it first.
        """
        await flush(self.session)
        table = item.__table__
        values = {
            name: value for name, value in vars(item).items()
            if name in table.c and (value is not None or table.c[name].server_default is None)
        }  # fmt: skip
        values |= {"created_at": self.now, "updated_at": self.now}
        statement = inserting(table, frozenset(values))
        connection = await driver_connection(self.session)
        item.id = await connection.fetchval(statement.sql, *statement.arguments(values))

    async def see_last(self, item: Versioned, listing: Listing, key: Any, bound: Mapping[str, Any]) -> list[Seen]:
        """The object that the caller deletes next, as its last event tells it: a deletion has a version of its own."""
        touch(item)
        return await self.see(listing, [key], bound)

    async def lock(self, model: type[Row], *conditions: ColumnElement[bool]) -> Row:
        """The one row that satisfies the conditions, locked against other writes until COMMIT. Raises `NotFound`.

        Rows that refer to it can still be added: a lock on the key could deadlock with writers that hold a balance.
        """
        row = await self.session.scalar(select(model).where(*conditions).with_for_update(key_share=True))
        if row is None:
            raise NotFound
        return row

    async def see(self, listing: Listing, keys: Sequence[Any], bound: Mapping[str, Any]) -> list[Seen]:
        """The objects as they are now in this transaction, in the order of `keys`."""
        by_key = await self.find(listing, keys, bound)
        return [by_key[key] for key in keys]

    async def find(self, listing: Listing, keys: Sequence[Any], bound: Mapping[str, Any]) -> dict[Any, Seen]:
        """The objects that there are of these, by key, as they are now in this transaction."""
        await flush(self.session)
        connection = await driver_connection(self.session)
        many = len(keys) != 1
        statement = listing.several(many)
        named = list(keys) if many else keys[0]
        rows = await connection.fetch(statement.sql, *statement.arguments({**bound, "keys": named}))
        return {row["key"]: Seen(row["key"], row["version"], row["body"], row["owner"]) for row in rows}


def given(body: Body) -> dict[str, Any]:
    """The fields that a PATCH gives. Absent fields are left alone."""
    return {name: getattr(body, name) for name in body.model_fields_set}


def differing(item: Base, values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that `item` does not have already."""
    return {name: value for name, value in values.items() if getattr(item, name) != value}


def put(item: Base, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set the values on `item`. Returns those that differ from what it had: none where nothing changes."""
    changed = differing(item, values)
    for name, value in changed.items():
        setattr(item, name, value)
    return changed


def merge(item: Base, body: Body, **more: Any) -> bool:
    """Set the fields that a PATCH gives on `item`. Returns whether anything changed."""
    return bool(put(item, given(body) | more))


Work = Callable[[Write], Awaitable[Change | Sequence[Change]]]
Explain = Callable[[AsyncSession, str], Awaitable[Problem | None]]


def refused_as(problems: Mapping[str, type[Problem]]) -> Explain:
    """Problems that replace the usual one of a constraint where this write violates it."""

    async def explain(_session: AsyncSession, constraint: str) -> Problem | None:
        problem = problems.get(constraint)
        return problem() if problem is not None else None

    return explain


async def run(
    factory: SessionFactory,
    actor: WritingSubject,
    work: Work,
    *,
    request: Request | None = None,
    request_id: str = "",
    client_request_id: str | None = None,
    dry_run: bool = False,
    claim: idempotency.Claim | None = None,
    reply: Callable[[Change, list[Seen]], Response] | None = None,
    explain: Explain | None = None,
) -> Response | list[Seen]:
    """Do `work` in one transaction and record it. Returns the objects it changed, or what `reply` makes of them.

    A refusal of the database becomes its problem. `explain(session, constraint)` can return a more precise one,
    from the state as it is after the refusal.
    """
    now = clock.now()
    try:
        async with factory() as session, session.begin() as transaction:
            if claim is not None and not dry_run:
                replayed = await idempotency.begin(session, claim)
                if replayed is not None:
                    return replayed
            write = Write(session, actor, now, request, client_request_id)
            done = await work(write)
            made = [done] if isinstance(done, Change) else list(done)
            if request is not None:
                versions.conclude(request, compared=write.compared, created=made[0].status == 201)
            seen = [await record(write, change, request_id) for change in made]
            response = reply(made[0], seen[0]) if reply is not None else None
            if claim is not None and response is not None and not dry_run:
                await idempotency.keep(session, claim, response, now)
            await write.close()
            await limits.apply(session, write.spends)
            if dry_run:
                await transaction.rollback()
        if request is not None:
            request.state.event_told = not dry_run and bool(made[0].type)
    except (DBAPIError, asyncpg.PostgresError) as error:
        problem = await _explained(factory, error, explain)
        if problem is None:
            raise
        raise problem from error
    return response if response is not None else seen[0] if seen else []


async def _explained(factory: SessionFactory, error: Exception, explain: Explain | None) -> Problem | None:
    constraint = constraint_of(error)
    if explain is not None and constraint:
        async with factory() as session:
            if problem := await explain(session, constraint):
                return problem
    return translate(error, Base.metadata)


async def record(write: Write, change: Change, request_id: str) -> list[Seen]:
    """Append the events of a change. Returns its objects as they are now. `run` calls it for what `work` returns."""
    seen = list(change.gone) or await write.see(change.listing, change.keys, change.bound)
    if change.type:
        told = seen
        if any(change.bound.get(name) != value for name, value in change.listing.told.items()):
            told = await write.see(change.listing, change.keys, {**change.bound, **change.listing.told})
        connection = await driver_connection(write.session)
        values = event_values(
            change.type, change.listing, write.actor, write.now, request_id, change.bound.get("territory"),
            write.client_request_id,
        )  # fmt: skip
        values |= {
            "keys": [str(item.key) if change.parent is None else f"{change.parent}/{item.key}" for item in told],
            "versions": [item.version for item in told],
            "bodies": [item.body for item in told],
            "topics": [change.topic(item.key) if change.topic else None for item in told],
            "owners": [item.owner for item in told],
        }
        await connection.execute(_APPEND.sql, *_APPEND.arguments(values))
    return seen


_APPEND = Statement(events.append())


def event_values(
    type_: str, listing: Listing, actor: WritingSubject, now: datetime, request_id: str, territory: str | None,
    client_request_id: str | None,
) -> dict[str, Any]:  # fmt: skip
    """What an event says beside its object, as parameters of `events.append` and of hot statements.

    Raises `ValueError` where the object is called otherwise than its schema: who reads the schema reads the events.
    """
    noun = listing.schema.noun()
    if noun != type_.partition(".")[0]:
        raise ValueError(f"an event about a {noun} is called {type_}")
    return {
        "type": type_,
        "occurred_at": now,
        "territory": territory,
        "actor_id": actor.subject_id,
        "actor_kind": actor.kind,
        "actor_organisation_id": actor.organisation_id,
        "request_id": request_id,
        "client_request_id": client_request_id,
        "resource_type": noun,
        "withheld": listing.withheld,
    }


# --- over HTTP -------------------------------------------------------------------------------------------------------


QUERY = {
    "dry_run": query.Parameter(
        query.Flag,
        "true: all rules are run, the answer is 200, nothing changes.",
    )
}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A name of your own for this request: a retry with it has no second effect (kept 24 h).",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag you read, quotes included. The answer is 412 where the object has changed since or"
    " does not exist, and where the request changes no single object.",
    "schema": {"type": "string"},
}


async def commit(
    request: Request,
    work: Work,
    *,
    status: int = 200,
    location: str = "",
    explain: Explain | None = None,
    idempotency_required: bool = False,
    dry_run: bool | None = None,
    beside: Callable[[], Mapping[str, Any]] | None = None,
) -> Response:
    """Do `work` for this request's caller and answer with the changed object.

    A POST that creates says where: below its own address, or at `location`, `{key}` standing for the new object's key.
    A list of changes answers with the first; a change of several objects with `{"items": […]}`. With `dry_run=true` the
    answer is 200 and nothing is changed; the query is read for it unless the route has done so. `beside` gives what
    the answer says beside the object, once the work is done.
    """
    state = request.state
    if dry_run is None:
        dry_run = query.read(request, QUERY).get("dry_run", False)
    post = request.method == "POST"
    claim = idempotency.claim(request, state.actor.subject_id, required=idempotency_required) if post else None

    def reply(change: Change, seen: list[Seen]) -> Response:
        code = 200 if dry_run else change.status or status
        if code == 204:
            return Response(status_code=204)
        if change.many:
            return _many(seen, code)
        body = seen[0].body.encode()
        if beside is not None:
            body = body[:-1] + b"," + to_json(beside())[1:]
        answer = answers.answer(request, change.listing, body, seen[0].version, code)
        if code == 201 and post:
            place = location or request.scope["path"] + "/{key}"
            answer.headers["Location"] = place.format(key=seen[0].key)
        if dry_run:  # the version it shows will never be, or will be another object's state
            del answer.headers["ETag"]
        return answer

    result = await run(
        state.sessions,
        state.actor,
        work,
        request=request,
        request_id=state.request_id,
        client_request_id=state.client_request_id,
        dry_run=dry_run,
        claim=claim,
        reply=reply,
        explain=explain,
    )
    assert isinstance(result, Response)  # `reply` was given
    return result


def _many(seen: Sequence[Seen], status: int) -> Response:
    body = '{"items":[' + ",".join(item.body for item in seen) + "]}\n"
    return Response(body, status, {"Cache-Control": "no-store"}, media_type="application/json")


async def run_statement(
    request: Request,
    statement: Callable[[bool], Statement],
    values: Mapping[str, Any],
    listing: Listing,
    *,
    event: str,
    territory: str,
    location: str,
    explain: Explain,
) -> Response:
    """A hot write: everything that `commit` does, in the one statement that `statement(keyed)` gives.

    The statement answers with one row (free, id, version, body): `free` is false where the gate was shut, `body` null
    where a reference was missing; `explain(session, constraint)` finds the problem, with the constraint's name where
    one refused.
    """
    state = request.state
    dry_run = query.read(request, QUERY).get("dry_run", False)
    versions.conclude(request, compared=False, created=True)
    claim = None if dry_run else idempotency.claim(request, state.actor.subject_id)
    now = clock.now()
    bound = {
        **values,
        **event_values(event, listing, state.actor, now, state.request_id, territory, state.client_request_id),
        **idempotency.bound(claim, now),
        "now": now,
        "territory": territory,
        "location": location,
    }
    prepared = statement(claim is not None)
    arguments = prepared.arguments(bound)
    for attempt in (1, 2):
        try:
            async with raw_connection(state.engine) as connection:
                sql = prepared.sql
                row = await (_undone(connection, sql, arguments) if dry_run else connection.fetchrow(sql, *arguments))
            break
        except asyncpg.UniqueViolationError as error:
            refused: Exception = error
            # A twin committed between our snapshot and our lock: the second try finds its answer. Or the key is
            # taken by an answer older than a day.
            if error.constraint_name == idempotency.Claim.constraint and attempt == 1:
                async with raw_connection(state.engine) as connection:
                    await connection.execute(idempotency.EXPIRED.sql, *idempotency.EXPIRED.arguments(bound))
                continue
            problem = translate(error, Base.metadata)
        except asyncpg.CheckViolationError as error:
            refused = error
            async with state.sessions() as session:
                problem = await explain(session, error.constraint_name or "") or translate(error, Base.metadata)
        except asyncpg.ForeignKeyViolationError as error:
            refused = error
            problem = translate(error, Base.metadata)
        if replayed := await _replayed(state.engine, claim, bound):
            return replayed  # that twin has taken what this try was refused
        raise problem or refused
    if not row["free"]:
        if replayed := await _replayed(state.engine, claim, bound):
            return replayed
        raise idempotency.IdempotencyKeyInUse
    if row["body"] is None:
        async with state.sessions() as session:
            raise await explain(session, "") or Busy()
    answer = answers.answer(request, listing, row["body"].encode(), row["version"], 200 if dry_run else 201)
    if dry_run:
        del answer.headers["ETag"]
    else:
        state.event_told = True
        answer.headers["Location"] = location + str(row["id"])
    return answer


async def _replayed(engine: AsyncEngine, claim: idempotency.Claim | None, bound: dict[str, Any]) -> Response | None:
    """The answer stored under the key by now. Raises `IdempotencyKeyReused` where it is another request's."""
    stored = await fetchrow(engine, idempotency.STORED, bound) if claim is not None else None
    return idempotency.replay(claim, stored) if claim is not None and stored is not None else None


async def _undone(connection: Any, sql: str, arguments: Sequence[Any]) -> Any:
    transaction = connection.transaction()
    await transaction.start()
    try:
        return await connection.fetchrow(sql, *arguments)
    finally:
        await transaction.rollback()


def new_request_id() -> str:
    """The id of a write that no request asked for: a command's."""
    return f"cli-{uuid4().hex[:16]}"
