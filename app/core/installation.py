"""Secrets of this installation that live in its database: a row, made by `rebond migrate`."""

import hmac
import secrets
from hashlib import sha256

from sqlalchemy import LargeBinary, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, raw_connection


class Secret(Base):
    """A random value by name, made once."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)


CURSOR, FORMER_CURSOR, DIGEST = "cursor", "cursor_former", "digest"


async def ensure(engine: AsyncEngine) -> None:
    """Make the secrets that are missing."""
    async with raw_connection(engine) as connection:
        await connection.executemany(
            "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [(name, secrets.token_bytes(32)) for name in (CURSOR, DIGEST)],
        )


async def cursor_secrets(engine: AsyncEngine) -> tuple[bytes, ...]:
    """The key that signs cursors, the same in every worker; after it the former one, which still opens them."""
    query = "SELECT value FROM secrets WHERE name = ANY ($1) ORDER BY name"
    async with raw_connection(engine) as connection:
        return tuple(row[0] for row in await connection.fetch(query, [CURSOR, FORMER_CURSOR]))


async def renew_cursor_secret(engine: AsyncEngine) -> None:
    """Make the key that signs cursors anew. The one before it becomes the former one, and that one is forgotten."""
    async with raw_connection(engine) as connection, connection.transaction():
        await connection.execute(
            "WITH former AS (SELECT value FROM secrets WHERE name = $1 FOR UPDATE)"
            " INSERT INTO secrets (name, value) SELECT $2, value FROM former"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value", CURSOR, FORMER_CURSOR,
        )  # fmt: skip
        await connection.execute("UPDATE secrets SET value = $2 WHERE name = $1", CURSOR, secrets.token_bytes(32))


async def keyed_digest(session: AsyncSession, content: bytes) -> str:
    """The digest of what can be guessed but for a little, such as an IBAN: HMAC-SHA-256 of its SHA-256, in hexadecimal.

    Who has it, but not the secret of this installation, can try no guess with it.
    """
    key = await session.scalar(select(Secret.value).where(Secret.name == DIGEST))
    assert key is not None  # the migration made it
    return hmac.digest(key, sha256(content).digest(), "sha256").hex()
