"""The table of quotas."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.access.quotas.rules import QuotaName
from app.access.rules import Role, SubjectKind
from app.core import clock
from app.core.db import Base, Identified, one_of, shape
from app.core.routines import keep


class RoleQuota(Identified, Base):
    """One limit of a role, or (null) of every role that has none of its own, from a day on.

    A later row, or one of the same day recorded later, takes its place.
    """

    __tablename__ = "role_quotas"
    __table_args__ = (
        shape(one_of("subject_kind", SubjectKind), name="role_quota_subject_kind"),
        shape(one_of("role", Role), name="role_quota_role"),
        shape(one_of("name", QuotaName), name="role_quota_name"),
        shape("value BETWEEN 1 AND 1000000000000", name="role_quota_value"),
        shape("from_on BETWEEN '1900-01-01' AND '2199-12-31'", name="role_quota_from_on"),
        Index(None, "subject_kind", "role", "name", "from_on", "id"),
    )

    subject_kind: Mapped[str]
    role: Mapped[str | None]
    name: Mapped[str]
    value: Mapped[int] = mapped_column(BigInteger)
    from_on: Mapped[date]
    source: Mapped[str]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


keep(RoleQuota)
