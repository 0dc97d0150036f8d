"""`require(…)`: who is calling, and whether a role of theirs permits it here.

Credentials are looked up by digest and kept for at most a few seconds, so a revoked key or an ended role stops working
within five seconds in every worker.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from app.access.quotas.rules import Limits, quota_of
from app.access.rules import (
    BY_TWO,
    MATRIX,
    OF_ONESELF,
    Actor,
    Role,
    RoleInForce,
    Scope,
    SubjectKind,
    network_of,
    within,
)
from app.core import clock
from app.core.db import one_of, raw_connection
from app.core.problems import CredentialsInvalid, CredentialsMissing, Forbidden, InsufficientScope, NotFound
from app.core.quotas import REQUESTS, WRITES, Meter
from app.core.serving.addresses import address_of, client_of

PREFIX = "rbd_"
KEPT = 10_000  # credentials remembered by one worker

_WORKING = "k.revoked_at IS NULL AND k.expires_at > $2"

# Those of many digests that open something: one look into the index for each, whatever they are.
_OPENING = f"SELECT k.digest FROM api_keys k WHERE k.digest = ANY($1::bytea[]) AND {_WORKING}"  # noqa: S608  # ours

# Until its fingerprint is confirmed, a key carries no role that decides, pays or administers.
_WITH_ROLES = f"""
SELECT credential.*, held.grants, held.withheld
FROM credential CROSS JOIN LATERAL (
    SELECT array_agg(ARRAY[m.role, m.territory] ORDER BY m.role, m.territory) FILTER (WHERE carried) AS grants,
           bool_or(NOT carried) AS withheld
    FROM members m, LATERAL (SELECT credential.confirmed OR NOT ({one_of("m.role", sorted(BY_TWO))}) AS carried) AS _
    WHERE m.subject_id = credential.subject_id AND m.granted AND m.from_on <= $3 AND (m.to_on IS NULL OR m.to_on >= $3)
) AS held
"""  # noqa: S608  # the roles are ours

# The key's use is noted at most once a minute: a read must not write each time.
_FIND = f"""
WITH credential AS (
    SELECT k.id AS key_id, k.scope, k.last_used_at, s.id AS subject_id, s.kind, s.organisation_id,
           s.email IS NOT NULL AS has_email, k.confirmed_at IS NOT NULL AS confirmed, k.permissions, k.territories,
           k.addresses
    FROM api_keys k JOIN subjects s ON s.id = k.subject_id
    WHERE k.digest = $1 AND {_WORKING}
), used AS (
    UPDATE api_keys SET last_used_at = $2 FROM credential
    WHERE api_keys.id = credential.key_id
      AND (credential.last_used_at IS NULL OR credential.last_used_at < $2 - interval '1 minute')
)
{_WITH_ROLES}"""  # noqa: S608  # the conditions are ours

# Of keys that are in use: what each carries now.
_STAND = f"""
WITH credential AS (
    SELECT k.id AS key_id, k.scope, s.id AS subject_id, s.kind, s.organisation_id, s.email IS NOT NULL AS has_email,
           k.confirmed_at IS NOT NULL AS confirmed, k.permissions, k.territories, k.addresses
    FROM api_keys k JOIN subjects s ON s.id = k.subject_id
    WHERE k.id = ANY($1::uuid[]) AND {_WORKING}
)
{_WITH_ROLES}"""  # noqa: S608  # the condition is ours

# For work that was asked for earlier: as the subject and, where there is one, the key stand now.
_ASKED_BY = f"""
WITH credential AS (
    SELECT k.id AS key_id, coalesce(k.scope, '{Scope.FULL}') AS scope, s.id AS subject_id, s.kind, s.organisation_id,
           s.email IS NOT NULL AS has_email, k.id IS NULL OR k.confirmed_at IS NOT NULL AS confirmed, k.permissions,
           k.territories, k.addresses
    FROM subjects s LEFT JOIN api_keys k ON k.id = $1 AND k.subject_id = s.id AND {_WORKING}
    WHERE s.id = $4 AND ($1::uuid IS NULL OR k.id IS NOT NULL)
)
{_WITH_ROLES}"""  # noqa: S608  # the condition is ours

_LIMITS = """
SELECT DISTINCT ON (subject_kind, role, name) subject_kind, role, name, value FROM role_quotas
WHERE from_on <= $1 ORDER BY subject_kind, role, name, from_on DESC, id DESC
"""


def digest_of(key: str) -> bytes:
    """The digest that is stored of a key. A key has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(key.encode()).digest()


async def asked_by(connection: Any, subject_id: UUID, key_id: UUID | None) -> Actor | None:
    """The subject that asked for work earlier, with the roles in force today and what the key carries of them now.

    None where the key no longer works; without a key (asked before keys were kept) all that the roles permit.
    """
    row = await connection.fetchrow(_ASKED_BY, key_id, clock.now(), clock.today(), subject_id)
    return None if row is None else _actor(row)


async def standing(engine: AsyncEngine, key_ids: Iterable[UUID]) -> dict[UUID, Actor]:
    """Whom each of these keys lets in now, with the roles in force today; of those alone that still work."""
    async with raw_connection(engine) as connection:
        rows = await connection.fetch(_STAND, list(key_ids), clock.now(), clock.today())
    return {row["key_id"]: _actor(row) for row in rows}


def _actor(row: Any) -> Actor:
    grants = [RoleInForce(Role(role), territory) for role, territory in row["grants"] or ()]
    if row["territories"] is not None:  # a role of all territories is then one of these
        grants = [
            RoleInForce(each.role, slug)
            for slug in row["territories"] for each in grants if each.territory in (None, slug)
        ]  # fmt: skip
    return Actor(
        subject_id=row["subject_id"],
        kind=SubjectKind(row["kind"]),
        organisation_id=row["organisation_id"],
        grants=tuple(dict.fromkeys(grants)),
        scope=Scope(row["scope"]),
        key_id=row["key_id"],
        has_email=row["has_email"],
        confirmed=row["confirmed"],
        permissions=None if row["permissions"] is None else frozenset(row["permissions"]),
        addresses=tuple(map(network_of, row["addresses"] or ())),
    )


def _by_role(rows: Iterable[Any]) -> Limits:
    limits: dict[tuple[SubjectKind, Role | None], dict[str, int]] = {}
    for row in rows:
        role = Role(row["role"]) if row["role"] is not None else None
        limits.setdefault((SubjectKind(row["subject_kind"]), role), {})[row["name"]] = row["value"]
    return limits


class Credentials:
    """The callers that this worker has seen in the last `kept` seconds, by the digest of their key.

    Whether keys that it does not remember open anything is asked at once for all that came meanwhile, on one
    connection: a key that works waits for one such look, however many that are none come with it.
    """

    def __init__(self, kept: float, *, workers: int = 1) -> None:
        self._kept, self._workers = kept, workers
        self._seen: OrderedDict[bytes, tuple[float, Actor]] = OrderedDict()
        self._meters: OrderedDict[UUID, Meter] = OrderedDict()
        self._limits: tuple[float, Limits] = (0.0, {})
        self._asked: dict[bytes, asyncio.Future[bool]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._territories: set[str] = set()

    async def actor(self, engine: AsyncEngine, key: str) -> Actor:
        """The subject behind `key`. Raises `CredentialsInvalid` (401)."""
        digest = digest_of(key)
        seen = self._seen.get(digest)
        if seen is not None and seen[0] > time.monotonic():
            return seen[1]
        if seen is None and not await self._opens(engine, digest):
            raise CredentialsInvalid
        return await self._look(engine, digest)

    async def _opens(self, engine: AsyncEngine, digest: bytes) -> bool:
        asked = self._asked.get(digest)
        if asked is None:
            asked = self._asked[digest] = asyncio.get_running_loop().create_future()
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(engine))
        return await asyncio.shield(asked)  # others may wait for it too

    async def _ask(self, engine: AsyncEngine) -> None:
        """Answer all that are asked, also those that come meanwhile."""
        while asked := self._asked:
            self._asked = {}
            try:
                async with raw_connection(engine) as connection:
                    opening = await connection.fetch(_OPENING, list(asked), clock.now())
            except Exception as error:  # noqa: BLE001  # whatever it is, each of them answers it
                for each in asked.values():
                    each.set_exception(error)
                    each.exception()  # nobody may wait any more
            else:
                found = {row["digest"] for row in opening}
                for digest, each in asked.items():
                    each.set_result(digest in found)
            finally:
                for each in asked.values():
                    each.cancel()  # where this task was ended

    async def _look(self, engine: AsyncEngine, digest: bytes) -> Actor:
        async with raw_connection(engine) as connection:
            row = await connection.fetchrow(_FIND, digest, clock.now(), clock.today())
            if row is None:
                self._seen.pop(digest, None)
                raise CredentialsInvalid
            if row["withheld"] and not row["grants"]:
                raise CredentialsInvalid.unconfirmed()
            until, limits = self._limits
            if until <= time.monotonic():
                limits = _by_role(await connection.fetch(_LIMITS, clock.today()))
                self._limits = (time.monotonic() + self._kept, limits)
        actor = self._metered(_actor(row), limits)
        self._seen[digest] = (time.monotonic() + self._kept, actor)
        if len(self._seen) > KEPT:
            self._seen.popitem(last=False)
        return actor

    def _metered(self, actor: Actor, limits: Limits) -> Actor:
        """The actor with its limits, and with the meter of its subject, whichever of its keys is used."""
        quota = quota_of(limits, actor.kind, actor.any_roles)
        if not quota.keys() >= {REQUESTS, WRITES}:
            return replace(actor, quota=quota)
        meter = self._meters.get(actor.subject_id)
        if meter is None or not meter.counts_by(quota):
            meter = self._meters[actor.subject_id] = Meter(quota, self._workers)
        self._meters.move_to_end(actor.subject_id)
        if len(self._meters) > KEPT:
            self._meters.popitem(last=False)
        return replace(actor, quota=quota, meter=meter)

    async def exists(self, engine: AsyncEngine, territory: str) -> bool:
        """Whether the territory exists; territories are never deleted, so a yes is remembered."""
        if territory in self._territories:
            return True
        async with raw_connection(engine) as connection:
            known = await connection.fetchval("SELECT true FROM territories WHERE slug = $1", territory)
        if known:
            self._territories.add(territory)
        return bool(known)

    def forget(self) -> None:
        """Look every credential up again: a key, a role or a person has just changed."""
        self._seen.clear()
        self._limits = (0.0, {})


class Permission:
    """The gate of a route: lets the actor through who holds `permission` in the territory of the path.

    Raises `CredentialsMissing`, `CredentialsInvalid` (401), `NotFound` (404) where the caller may not even see what is
    there, `Forbidden` (403) where it may see, but not do this, and `InsufficientScope` (403) where its roles permit it
    and its key does not; `QuotaExceeded` (429) where the caller asks too much, and `TooManyFailedCredentials` where its
    address sends too many keys that are none.
    """

    def __init__(self, permission: str) -> None:
        if permission not in MATRIX:
            raise ValueError(f"the matrix knows no permission {permission}")
        self.permission = permission
        self._reads = permission.endswith(":read")
        self._by_any_key = self._reads or permission in OF_ONESELF
        self._sight = permission.partition(":")[0] + ":read"

    async def __call__(self, request: Request) -> Actor:
        state = request.scope["state"]
        known: Actor | None = state.get("actor")
        if known is not None:
            return known
        try:
            actor: Actor = await state["credentials"].actor(state["engine"], _key(request))
            if actor.addresses and not within(client_of(request.scope, state["trusted_proxies"]), actor.addresses):
                raise CredentialsInvalid.from_elsewhere()
        except CredentialsInvalid:
            count_failure(request)
            raise
        territory: str | None = request.scope["path_params"].get("territory")
        state["actor"] = actor
        self._count(actor.meter, state)
        if not actor.may(self.permission, territory):
            if not self._reads and actor.permitted(self.permission, territory) and await self._exists(state, territory):
                raise InsufficientScope
            if actor.may(self._sight, territory) and not self._reads and await self._exists(state, territory):
                raise Forbidden(permission=self.permission)
            raise NotFound
        if not self._by_any_key and actor.scope is Scope.READ_ONLY:
            raise InsufficientScope
        if territory is not None and not await self._exists(state, territory):
            raise NotFound
        return actor

    def _count(self, meter: Meter | None, state: dict[str, Any]) -> None:
        """Count the request against its caller's limits; the answer says what is left of them."""
        if meter is None:
            return
        if self._reads:
            state["rate_limit"] = meter.read_headers
            meter.read()
        else:
            state["rate_limit"] = meter.write_headers
            meter.write()

    async def _exists(self, state: dict[str, Any], territory: str | None) -> bool:
        return territory is None or await state["credentials"].exists(state["engine"], territory)


def count_failure(request: Request) -> None:
    """Count a credential or a code that is none against the address it comes from.

    Raises `TooManyFailedCredentials` (429).
    """
    state = request.scope["state"]
    state["failed_credential"] = True  # for the trail, whatever problem it becomes
    state["failures"].count(address_of(request.scope, state["trusted_proxies"]))


def _key(request: Request) -> str:
    given = request.headers.get("authorization")
    if given is None:
        raise CredentialsMissing
    scheme, _, key = given.partition(" ")
    key = key.strip()
    if given.startswith(PREFIX):
        raise CredentialsInvalid.without_scheme()
    if scheme.lower() != "bearer" or not key.startswith(PREFIX) or len(key) > 100 or not key.isascii():
        raise CredentialsInvalid
    return key


def require(permission: str) -> Any:
    """The permission that a route needs, in its signature, as the default of `actor`."""
    return Depends(Permission(permission))
