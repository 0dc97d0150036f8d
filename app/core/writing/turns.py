"""One worker at a time, where several do the same work: `rebond tick` beside another one."""

from sqlalchemy import func, select, text

from app.core.writing.writes import Write

LONGEST_WAIT = "20s"  # for the turn, and for whoever acts on a row of the work


async def take_turn(write: Write, lock: int) -> None:
    """Wait until no other worker has the turn, and have it until COMMIT. What is read then is what that worker left."""
    await write.session.execute(text(f"SET LOCAL lock_timeout = '{LONGEST_WAIT}'"))
    await write.session.execute(select(func.pg_advisory_xact_lock(lock)))
