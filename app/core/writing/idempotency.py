"""Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header): one request, one effect, the same answer again.

The key is stored in the transaction of the work, with the finished answer; an advisory lock that is tried, not waited
for, tells a twin that is still running. A refusal stores nothing, so the same key may succeed later.
"""

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import (
    CTE,
    DDL,
    BigInteger,
    LargeBinary,
    SmallInteger,
    Text,
    cast,
    delete,
    event,
    exists,
    func,
    insert,
    literal_column,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from starlette.requests import Request
from starlette.responses import Response

from app.core import clock
from app.core.db import Base, Statement, driver_connection, flush, param
from app.core.problems import Problem

KEPT = timedelta(hours=24)
FORM = re.compile(r"[\x21-\x7e]{1,255}")


class IdempotencyKeyMissing(Problem):
    """This write requires the header Idempotency-Key."""

    status = 400
    title_fr = "Cette écriture exige l'en-tête Idempotency-Key."
    cure = "Send Idempotency-Key with a value of your own: new for each intention, the same for each retry."
    cure_fr = (
        "Envoyez Idempotency-Key avec une valeur choisie par vous : nouvelle par intention, la même à chaque reprise."
    )


class IdempotencyKeyInvalid(Problem):
    """The Idempotency-Key is not valid."""

    status = 400
    title_fr = "L'Idempotency-Key n'est pas valide."
    cure = "Use 1 to 255 visible ASCII characters; a UUID is a good choice."
    cure_fr = "Utilisez de 1 à 255 caractères ASCII visibles ; un UUID convient."


class IdempotencyKeyInUse(Problem):
    """The first request with this Idempotency-Key is still running."""

    status = 409
    title_fr = "La première requête portant cette Idempotency-Key est encore en cours."
    cure = "Send the same request again in a second."
    cure_fr = "Renvoyez la même requête dans une seconde."
    retry_after = 1
    constraint = "idempotency_keys_pkey"


class IdempotencyKeyReused(Problem):
    """This Idempotency-Key belongs to another request."""

    status = 422
    title_fr = "Cette Idempotency-Key appartient à une autre requête."
    cure = "Use a new key for a new intention."
    cure_fr = "Utilisez une nouvelle clé pour une nouvelle intention."


class IdempotencyKey(Base):
    """An answer that was given, kept 24 h for the subject who sent the key."""

    __tablename__ = "idempotency_keys"

    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger)
    location: Mapped[str | None]
    etag: Mapped[str | None]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True)
class Claim:
    """A request's claim to its key: whose, which, of what content, and the number of its advisory lock."""

    subject_id: UUID
    key: str
    digest: bytes
    lock: int

    constraint: ClassVar[str] = IdempotencyKeyInUse.constraint


def claim(request: Request, subject_id: UUID, *, required: bool = False) -> Claim | None:
    """The claim of this request, None without a key.

    Raises `IdempotencyKeyInvalid`, and `IdempotencyKeyMissing` where the key is `required`.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        if required:
            raise IdempotencyKeyMissing
        return None
    if not FORM.fullmatch(key):
        raise IdempotencyKeyInvalid
    scope = request.scope
    head = f"{scope['method']}\0{scope['path']}\0".encode() + scope["query_string"] + b"\0"
    digest = hashlib.sha256(head + (getattr(request.state, "body", b"") or b"")).digest()
    lock = int.from_bytes(hashlib.sha256(subject_id.bytes + key.encode()).digest()[:8], signed=True)
    return Claim(subject_id, key, digest, lock)


def _stored() -> Any:
    k = IdempotencyKey
    return select(k.digest, k.status, k.location, k.etag, k.body).where(
        k.subject_id == param("subject_id", k.subject_id.type),
        k.key == param("key", Text()),
        k.created_at > param("kept_since", k.created_at.type),
    )


STORED = Statement(_stored())


def free() -> Any:
    """The gate of a hot write: true where the lock is ours and nothing is stored under the key."""
    k = IdempotencyKey.__table__.c
    taken = exists().where(
        k.subject_id == param("subject_id", k.subject_id.type),
        k.key == param("key", Text()),
        k.created_at > param("kept_since", k.created_at.type),
    )
    return func.pg_try_advisory_xact_lock(param("lock")) & ~taken


_COLUMNS = ["subject_id", "key", "digest", "status", "location", "etag", "body", "created_at"]


def keep_from(shown: CTE) -> Any:
    """INSERT of the finished answer as a part of a hot write that creates one row (id, version, body)."""
    tag = literal_column("'\"'").concat(cast(shown.c.version, Text))
    tag = tag.concat(literal_column("'-'")).concat(func.left(func.md5(shown.c.body), 8)).concat(literal_column("'\"'"))
    answer = select(
        param("subject_id", IdempotencyKey.subject_id.type),
        param("key", Text()),
        param("digest", LargeBinary()),
        literal_column("201"),
        param("location", Text()).concat(cast(shown.c.id, Text)),
        tag,
        shown.c.body.concat(literal_column("chr(10)")),
        param("now", IdempotencyKey.created_at.type),
    )
    return insert(IdempotencyKey).from_select(_COLUMNS, answer)


def _keeping() -> Any:
    k = IdempotencyKey.__table__.c
    return insert(IdempotencyKey).values({k[name]: param(name, k[name].type) for name in _COLUMNS})


_KEPT = Statement(_keeping())


async def keep(session: AsyncSession, claim: Claim, response: Response, now: datetime) -> None:
    """Store the finished answer of this transaction under the key."""
    values = {
        "subject_id": claim.subject_id,
        "key": claim.key,
        "digest": claim.digest,
        "status": response.status_code,
        "location": response.headers.get("location"),
        "etag": response.headers.get("etag"),
        "body": bytes(response.body).decode(),
        "created_at": now,
    }
    await flush(session)
    connection = await driver_connection(session)
    await connection.execute(_KEPT.sql, *_KEPT.arguments(values))


def bound(claim: Claim | None, now: datetime) -> dict[str, Any]:
    """The claim's parameters for `STORED` and `free`."""
    if claim is None:
        return {}
    return {
        "subject_id": claim.subject_id,
        "key": claim.key,
        "digest": claim.digest,
        "lock": claim.lock,
        "kept_since": now - KEPT,
    }


def replay(claim: Claim, row: Any) -> Response:
    """The stored answer again. Raises `IdempotencyKeyReused` where the request is another."""
    if row["digest"] != claim.digest:
        raise IdempotencyKeyReused
    headers = {"Idempotency-Replayed": "true", "Cache-Control": "no-store"}
    if row["location"]:
        headers["Location"] = row["location"]
    if row["etag"]:
        headers["ETag"] = row["etag"]
    return Response(row["body"].encode(), row["status"], headers, media_type="application/json")


def _expired() -> Any:
    k = IdempotencyKey
    return delete(k).where(
        k.subject_id == param("subject_id", k.subject_id.type),
        k.key == param("key", Text()),
        k.created_at <= param("kept_since", k.created_at.type),
    )


EXPIRED = Statement(_expired())

# One call instead of three. Each query of it sees what was committed before it began: what is stored is read after the
# lock was tried, so that the answer of a twin that has just ended is seen. `digest` is null where none is stored.
CLAIM_KEY = """
CREATE FUNCTION claim_key(number bigint, whose uuid, named text, kept_since timestamptz)
RETURNS TABLE (free boolean, digest bytea, status smallint, location text, etag text, body text)
LANGUAGE plpgsql AS $$
DECLARE
    expired boolean;
BEGIN
    free := pg_try_advisory_xact_lock(number);
    SELECT k.digest, k.status, k.location, k.etag, k.body, k.created_at <= kept_since
    INTO digest, status, location, etag, body, expired
    FROM idempotency_keys k WHERE k.subject_id = whose AND k.key = named;
    IF expired THEN
        DELETE FROM idempotency_keys k WHERE k.subject_id = whose AND k.key = named AND k.created_at <= kept_since;
        digest := NULL;
    END IF;
    RETURN NEXT;
END
$$
"""
event.listen(IdempotencyKey.__table__, "after_create", DDL(CLAIM_KEY))


def _claimed() -> Any:
    names = ["free", "digest", "status", "location", "etag", "body"]
    k = IdempotencyKey.__table__.c
    claimed = func.claim_key(
        param("lock", BigInteger()),
        param("subject_id", k.subject_id.type),
        param("key", Text()),
        param("kept_since", k.created_at.type),
    ).table_valued(*names)
    return select(*(claimed.c[name] for name in names))


_CLAIMED = Statement(_claimed())


async def begin(session: AsyncSession, claim: Claim) -> Response | None:
    """Take the key for this transaction, or answer as the first request was answered.

    Raises `IdempotencyKeyInUse` (409) while the first is running, `IdempotencyKeyReused` (422) for another request.
    """
    arguments = tuple(_CLAIMED.arguments(bound(claim, clock.now())))
    connection = await session.connection()  # the session's own: this opens the transaction
    row = (await connection.exec_driver_sql(_CLAIMED.sql, arguments)).mappings().one()
    if row["digest"] is not None:
        return replay(claim, row)
    if not row["free"]:
        raise IdempotencyKeyInUse
    return None


async def forget_expired(session: AsyncSession) -> int:
    """Delete answers older than 24 h; how many."""
    result = await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < clock.now() - KEPT))
    return result.rowcount  # type: ignore[attr-defined,no-any-return]  # a DELETE's result has it


async def redact(session: AsyncSession, forgotten: Mapping[str, Collection[str]]) -> None:
    """Take texts out of the stored answers that created objects: by their `location`, the texts that are erased.

    The answer itself stays, with null in their place: a retry must have no second effect.
    """
    addresses = [address for address, texts in forgotten.items() if texts]
    if not addresses:
        return
    k = IdempotencyKey
    for row in await session.scalars(select(k).where(k.location.in_(addresses)).with_for_update()):
        gone = forgotten[row.location or ""]
        row.body = to_json(_without(from_json(row.body), gone)).decode() + "\n"


def _without(value: Any, gone: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, gone) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, gone) for each in value]
    return None if isinstance(value, str) and value in gone else value
