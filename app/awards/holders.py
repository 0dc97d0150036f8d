"""Which firm held an aid on a day: it passes from one to another by an act."""

from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from app.awards.models import AidActRecord


def holder_on(award: Any, day: Any, known: Any = None) -> ColumnElement[str]:
    """The SIREN of the firm that held the aid of an award on a day, by what was recorded before the instant `known`."""
    r = AidActRecord
    later = r.on_day > day if known is None else or_(r.on_day > day, r.recorded_at >= known)
    before = select(r.from_siren).where(r.aid_id == award.aid_id, r.to_siren.is_not(None), later)
    held_then = before.order_by(r.id).limit(1).correlate(award).scalar_subquery()
    return func.coalesce(held_then, award.siren)
