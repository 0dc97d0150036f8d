"""When the commands that are run by a timer ended last, so that somebody hears of the one that is run no more."""

from datetime import datetime

from prometheus_client import Gauge
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, raw_connection

TIMED = ("tick", "check", "backup")
ENDED = Gauge(
    "rebond_command_ended_timestamp_seconds",
    "When `rebond tick`, `check` and `backup` ended last, by how they ended: succeeded or failed; 0 for never.",
    ["command", "end"],
    multiprocess_mode="mostrecent",
)


class CommandEnd(Base):
    """The last two ends of a command: one that did what it is for, and one that did not or found a difference."""

    __tablename__ = "command_ends"

    command: Mapped[str] = mapped_column(primary_key=True)
    succeeded_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]


async def note(engine: AsyncEngine, command: str, *, succeeded: bool) -> None:
    """Write down that a command has ended."""
    end = "succeeded_at" if succeeded else "failed_at"
    statement = (
        f"INSERT INTO command_ends (command, {end}) VALUES ($1, now())"  # noqa: S608  # one of our two columns
        f" ON CONFLICT (command) DO UPDATE SET {end} = EXCLUDED.{end}"
    )
    async with raw_connection(engine) as connection:
        await connection.execute(statement, command)


async def look(engine: AsyncEngine) -> None:
    """Tell the last ends in the metrics."""
    async with raw_connection(engine) as connection:
        rows = await connection.fetch("SELECT command, succeeded_at, failed_at FROM command_ends")
    known = {row["command"]: row for row in rows}
    for command in TIMED:
        for end in ("succeeded", "failed"):
            at = known[command][f"{end}_at"] if command in known else None
            ENDED.labels(command, end).set(at.timestamp() if at is not None else 0)
