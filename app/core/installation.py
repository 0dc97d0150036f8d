"""Secrets of this installation that live in its database: a row, made by `rebond migrate`."""

import secrets

from sqlalchemy import LargeBinary
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, raw_connection


class Secret(Base):
    """A random value by name, made once."""

    __tablename__ = "secrets"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[bytes] = mapped_column(LargeBinary)


CURSOR, FORMER_CURSOR = "cursor", "cursor_former"


async def ensure(engine: AsyncEngine) -> None:
    """Make the secrets that are missing."""
    async with raw_connection(engine) as connection:
        await connection.execute(
            "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", CURSOR, secrets.token_bytes(32)
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
