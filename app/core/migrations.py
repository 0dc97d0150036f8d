"""Which migrations there are, which are applied, and how to apply the rest.

Alembic, and with it every table, is imported only where there is something to apply: most commands find nothing.
"""

import asyncio
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from app.core.db import bare_engine, raw_connection

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
REVISION = len("2026_11_22_1310")


class UnknownRevision(Exception):
    """The database was migrated by another version of this code, to a revision that is not among ours."""


def config(url: str) -> "Config":
    """Alembic's configuration for the database at `url`."""
    from alembic.config import Config

    alembic = Config()
    alembic.set_main_option("script_location", str(MIGRATIONS))
    alembic.attributes["url"] = url
    return alembic


@cache
def head() -> str:
    """The revision that this code needs: each file's name begins with its revision, the moment it was made."""
    return max(path.name[:REVISION] for path in MIGRATIONS.glob("versions/*.py"))


def upgrade(url: str) -> None:
    """Apply every migration that is missing, each in a transaction of its own. Two at once wait for each other."""
    if asyncio.run(_revision(url)) == head():
        return
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(config(url), "head")
    except CommandError as error:
        raise UnknownRevision(str(error)) from None


async def _revision(url: str) -> str | None:
    engine = bare_engine(url)
    try:
        async with raw_connection(engine) as connection:
            return await applied(connection)
    finally:
        await engine.dispose()


async def applied(connection: Any) -> str | None:
    """The revision of the database on this asyncpg connection, None where it was never migrated."""
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    return revision


def is_current(revision: str | None) -> bool:
    """Whether the database has what this code needs; a newer database works with yesterday's code.

    Revisions are named by the moment they were made, so those of a newer version sort after ours.
    """
    return revision is not None and revision >= head()
