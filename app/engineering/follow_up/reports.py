"""How far the activity reports of the missions have come, in both times."""

from typing import Any

from sqlalchemy import CTE, and_, case, exists, func, select

from app.core.reading.listing import json_object
from app.core.writing.events import BEFORE
from app.engineering.activity_reports.models import ActivityReport
from app.engineering.activity_reports.rules import ActivityReportStatus
from app.engineering.follow_up.counting import AS_OF, ORGANISATION, READER, Shape, word


def activity_reports(shape: Shape, of: CTE) -> Any:
    """The number of reports in each state, of months that have begun by the day.

    A report that was made again is not counted any more. Who sees only its own organisation's reports counts those.
    """
    r, later = ActivityReport, ActivityReport.__table__.alias("later_report")

    def known(instant: Any) -> Any:
        return instant < BEFORE if shape.known_then else instant.is_not(None)

    replaced = exists().where(
        later.c.consultant_id == r.consultant_id,
        later.c.month == r.month,
        later.c.id > r.id,
        known(later.c.created_at),
    )
    state = case(
        (known(r.stale_at), word(ActivityReportStatus.STALE)),
        (known(r.lead_signed_at), word(ActivityReportStatus.SIGNED)),
        (known(r.consultant_signed_at), word(ActivityReportStatus.SIGNED_BY_CONSULTANT)),
        else_=word(ActivityReportStatus.TO_SIGN),
    )
    rows = select(r.id, state.label("state")).where(
        and_(r.mission_id.in_(select(of.c.id)), r.month <= AS_OF, known(r.created_at), ~replaced)
    )
    if shape.one_member:
        rows = rows.where(r.organisation_id == ORGANISATION)
    if shape.own_reports:
        rows = rows.where(r.organisation_id == READER)
    report = rows.subquery("report")
    counts = {each.value: func.count(report.c.id).filter(report.c.state == word(each)) for each in ActivityReportStatus}
    return select(json_object(**counts)).select_from(report).scalar_subquery()
