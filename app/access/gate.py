"""`require(…)`: who is calling, and whether a role of theirs permits it here.

Credentials are looked up by digest and kept for at most a few seconds, so a revoked key or an ended role stops working
within five seconds in every worker.
"""

import hashlib
import time
from collections import OrderedDict
from typing import Any
from uuid import UUID

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from app.access.rules import MATRIX, Actor, Role, RoleInForce, Scope, SubjectKind
from app.core import clock
from app.core.db import raw_connection
from app.core.problems import CredentialsInvalid, CredentialsMissing, Forbidden, InsufficientScope, NotFound

PREFIX = "rbd_"
KEPT = 10_000  # credentials remembered by one worker

# The key's use is noted at most once a minute: a read must not write each time.
_FIND = """
WITH credential AS (
    SELECT k.id AS key_id, k.scope, k.last_used_at, s.id AS subject_id, s.kind, s.organisation_id,
           s.email IS NOT NULL AS has_email
    FROM api_keys k JOIN subjects s ON s.id = k.subject_id
    WHERE k.digest = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)
), used AS (
    UPDATE api_keys SET last_used_at = $2 FROM credential
    WHERE api_keys.id = credential.key_id
      AND (credential.last_used_at IS NULL OR credential.last_used_at < $2 - interval '1 minute')
)
SELECT credential.*, (
    SELECT array_agg(ARRAY[m.role, m.territory]) FROM members m
    WHERE m.subject_id = credential.subject_id AND m.from_on <= $3 AND (m.to_on IS NULL OR m.to_on >= $3)
) AS grants
FROM credential
"""
_SUBJECT = """
SELECT s.id AS subject_id, s.kind, s.organisation_id, s.email IS NOT NULL AS has_email,
       'full' AS scope, NULL::uuid AS key_id, (
    SELECT array_agg(ARRAY[m.role, m.territory]) FROM members m
    WHERE m.subject_id = s.id AND m.from_on <= $2 AND (m.to_on IS NULL OR m.to_on >= $2)
) AS grants
FROM subjects s WHERE s.id = $1
"""


def digest_of(key: str) -> bytes:
    """The digest that is stored of a key. A key has 256 random bits, so a fast hash is enough."""
    return hashlib.sha256(key.encode()).digest()


async def actor_of(connection: Any, subject_id: UUID) -> Actor:
    """A subject with the roles in force today, without a key: for work that the subject asked for earlier."""
    return _actor(await connection.fetchrow(_SUBJECT, subject_id, clock.today()))


def _actor(row: Any) -> Actor:
    return Actor(
        subject_id=row["subject_id"],
        kind=SubjectKind(row["kind"]),
        organisation_id=row["organisation_id"],
        grants=tuple(RoleInForce(Role(role), territory) for role, territory in row["grants"] or ()),
        scope=Scope(row["scope"]),
        key_id=row["key_id"],
        has_email=row["has_email"],
    )


class Credentials:
    """The callers that this worker has seen in the last `kept` seconds, by the digest of their key."""

    def __init__(self, kept: float) -> None:
        self._kept = kept
        self._seen: OrderedDict[bytes, tuple[float, Actor]] = OrderedDict()
        self._territories: set[str] = set()

    async def actor(self, engine: AsyncEngine, key: str) -> Actor:
        """The subject behind `key`. Raises `CredentialsInvalid` (401)."""
        digest = digest_of(key)
        seen = self._seen.get(digest)
        if seen is not None and seen[0] > time.monotonic():
            return seen[1]
        async with raw_connection(engine) as connection:
            row = await connection.fetchrow(_FIND, digest, clock.now(), clock.today())
        if row is None:
            self._seen.pop(digest, None)
            raise CredentialsInvalid
        actor = _actor(row)
        self._seen[digest] = (time.monotonic() + self._kept, actor)
        if len(self._seen) > KEPT:
            self._seen.popitem(last=False)
        return actor

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


class Permission:
    """The gate of a route: lets the actor through who holds `permission` in the territory of the path.

    Raises `CredentialsMissing`, `CredentialsInvalid` (401), `NotFound` (404) where the caller may not even see what is
    there, `Forbidden` and `InsufficientScope` (403) where it may see, but not do this.
    """

    def __init__(self, permission: str) -> None:
        if permission not in MATRIX:
            raise ValueError(f"the matrix knows no permission {permission}")
        self.permission = permission
        self._reads = permission.endswith(":read")
        self._sight = permission.partition(":")[0] + ":read"

    async def __call__(self, request: Request) -> Actor:
        state = request.scope["state"]
        known: Actor | None = state.get("actor")
        if known is not None:
            return known
        actor: Actor = await state["credentials"].actor(state["engine"], _key(request))
        territory: str | None = request.scope["path_params"].get("territory")
        state["actor"] = actor
        if not actor.may(self.permission, territory):
            if actor.may(self._sight, territory) and not self._reads and await self._exists(state, territory):
                raise Forbidden(permission=self.permission)
            raise NotFound
        if not self._reads and actor.scope is Scope.READ_ONLY:
            raise InsufficientScope
        if territory is not None and not await self._exists(state, territory):
            raise NotFound
        return actor

    async def _exists(self, state: dict[str, Any], territory: str | None) -> bool:
        return territory is None or await state["credentials"].exists(state["engine"], territory)


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
