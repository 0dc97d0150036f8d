"""How migrations run: one at a time, each in its own transaction, with bounded waits."""

import asyncio
import time

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.pool import NullPool

from app.core.db import bare_engine
from app.models import metadata

LOCK = 7_302_411  # the advisory lock that two `rebond migrate` at once queue for


def _compared(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Alembic compares defaults by running both; a number drawn twice is never the same (a test compares the texts)."""
    return (kind, name) != ("column", "sequence")


def _configure(**arguments: object) -> None:
    context.configure(
        target_metadata=metadata,
        transaction_per_migration=True,
        compare_server_default=True,
        include_object=_compared,
        autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
        **arguments,  # type: ignore[arg-type]  # passed through
    )


def _run(connection: Connection) -> None:
    # Asked again and again, without a limit and without a transaction: an index that another migration builds
    # concurrently waits for every open one, also for one that waits for this lock.
    while not connection.scalar(text(f"SELECT pg_try_advisory_lock({LOCK})")):
        connection.commit()
        time.sleep(0.2)
    connection.execute(text("SET lock_timeout = '3s'"))
    connection.execute(text("SET statement_timeout = '60s'"))
    connection.commit()
    _configure(connection=connection)
    try:
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()  # of a migration that failed, whose error would be hidden by one of the unlock
        connection.execute(text(f"SELECT pg_advisory_unlock({LOCK})"))
        connection.commit()


async def _online(url: str) -> None:
    engine = bare_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


if context.is_offline_mode():
    _configure(dialect_name="postgresql", literal_binds=True)
    with context.begin_transaction():
        context.execute("SET lock_timeout = '3s'")
        context.execute("SET statement_timeout = '60s'")
        context.run_migrations()
else:
    asyncio.run(_online(context.config.attributes["url"]))
