"""Which organisation leads a mission: the lead firm of the consortium answers for the work of all."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select, text

from app.core.writing.writes import Write
from app.missions.models import MissionMember


def led_by(mission_id: Any, organisation_id: Any) -> ColumnElement[bool]:
    """Whether the lead firm of the mission is this organisation: false of a mission that has none."""
    m = MissionMember
    return exists().where(m.mission_id == mission_id, m.role == text("'lead'"), m.organisation_id == organisation_id)


async def leads(write: Write, mission_id: UUID) -> bool:
    """Whether the organisation of the actor leads the mission: false of an actor who has none."""
    return bool(await write.session.scalar(select(led_by(mission_id, write.actor.organisation_id))))
