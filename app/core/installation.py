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


CURSOR = "cursor"


async def ensure(engine: AsyncEngine) -> None:
    """Make the secrets that are missing."""
    async with raw_connection(engine) as connection:
        await connection.execute(
            "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", CURSOR, secrets.token_bytes(32)
        )


async def cursor_secret(engine: AsyncEngine) -> bytes:
    """The key that signs cursors, the same in every worker."""
    async with raw_connection(engine) as connection:
        value: bytes = await connection.fetchval("SELECT value FROM secrets WHERE name = $1", CURSOR)
    return value
