"""Writes of quotas."""

from app.access.quotas import schemas
from app.access.quotas.models import RoleQuota
from app.access.quotas.queries import QUOTAS
from app.core.writing.writes import Change, Write


async def record_quota(write: Write, body: schemas.RoleQuotaCreate) -> Change:
    """A limit from a day on, in the place of the one before."""
    quota = RoleQuota(recorded_by=write.actor.subject_id, recorded_at=write.now, **body.model_dump())
    write.session.add(quota)
    await write.session.flush()
    return Change("role_quota.recorded", QUOTAS, [quota.id])
