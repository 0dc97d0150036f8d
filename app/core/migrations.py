"""Which migrations there are, which are applied, and how to apply the rest."""

from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def config(url: str) -> Config:
    """Alembic's configuration for the database at `url`."""
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    found.attributes["url"] = url
    return found


@cache
def head() -> str:
    """The revision that this code wants."""
    revision = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert revision is not None  # the history is never empty
    return revision


def upgrade(url: str) -> None:
    """Apply every migration that is missing, each in a transaction of its own. Two at once wait for each other."""
    command.upgrade(config(url), "head")


async def applied(connection: Any) -> str | None:
    """The revision of the database on this asyncpg connection, None where it was never migrated."""
    try:
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    return revision


def is_current(revision: str | None) -> bool:
    """Whether the database has what this code wants; a newer database works with yesterday's code.

    Revisions are named by the moment they were made, so those of a newer version sort after ours.
    """
    return revision is not None and revision >= head()
