"""Reads of quotas."""

from typing import Any

from sqlalchemy import Date, exists, or_, select
from sqlalchemy.orm import aliased

from app.access.models import Subject
from app.access.quotas import schemas
from app.access.quotas.models import RoleQuota
from app.access.quotas.rules import QuotaName
from app.access.rules import Role, SubjectKind
from app.core.db import param
from app.core.reading.listing import Filter, Listing, any_of, equals
from app.core.reading.query import Parameter
from app.core.values import Day

_later, _recorder = aliased(RoleQuota), Subject.__table__.alias("recorder")


def _in_force(name: str) -> Any:
    """Rows that begin by the day, and whose place no other row has taken by then."""
    day, q = param(name, Date()), RoleQuota
    replaced = exists().where(
        _later.subject_kind == q.subject_kind, _later.role.is_not_distinct_from(q.role), _later.name == q.name,
        _later.from_on <= day,
        or_(_later.from_on > q.from_on, (_later.from_on == q.from_on) & (_later.id > q.id)),
    )  # fmt: skip
    return (q.from_on <= day) & ~replaced


QUOTAS = Listing(
    schema=schemas.RoleQuota,
    rows=select(
        RoleQuota.id,
        RoleQuota.subject_kind,
        RoleQuota.role,
        RoleQuota.name,
        RoleQuota.value,
        RoleQuota.from_on,
        RoleQuota.source,
        RoleQuota.recorded_by,
        _recorder.c.name.label("recorded_by_name"),
        RoleQuota.recorded_at,
    ).outerjoin(_recorder, _recorder.c.id == RoleQuota.recorded_by),
    key=RoleQuota.id,
    derived=True,
    filters={
        "subject_kind": equals(RoleQuota.subject_kind, SubjectKind, "Limits of persons, or of programs."),
        "role": any_of(RoleQuota.role, Role, "Limits of any of these roles; those of every role are left out."),
        "name": any_of(RoleQuota.name, QuotaName, "Limits of any of these names."),
        "as_of": Filter(Parameter(Day, "Limits that hold on this Paris day."), _in_force),
    },
    sorts={"from_on": RoleQuota.from_on, "name": RoleQuota.name},
)
