"""Writes of activity reports: made from the entries and sealed, then signed twice; and what a certificate asks of them.

Lock order: the assignment, its entries by their ids, the report. Who certifies holds the entries that it certifies, so
that none of them changes between the look at its report and the COMMIT.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Date, and_, bindparam, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from app.access.duties import WORKS_COUNTERSIGNS
from app.access.models import Organisation, Subject
from app.access.rules import accountable, person
from app.core import clock
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.sealing import sealed
from app.core.writing.writes import Change, Write
from app.engineering.activity_reports import rules, schemas
from app.engineering.activity_reports.models import ActivityReport
from app.engineering.activity_reports.queries import ACTIVITY_REPORTS
from app.engineering.activity_reports.rules import ActivityReportAction, ActivityReportStatus
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.rules import COUNTING, NotTheLeadFirm, OtherOrganisation, month_of
from app.engineering.entries.service import Attempt
from app.firms.models import Firm
from app.missions.frameworks.parameters import reports_required_on
from app.missions.leads import leads
from app.missions.models import Consultant, Mission, MissionActivity, MissionMember
from app.programme.models import Territory

_lead = Organisation.__table__.alias("lead")


async def make(write: Write, attempt: Attempt, body: schemas.ActivityReportCreate) -> Change:
    """Make the report of an assigned person's month from the entries that count in it, and seal what it says.

    Raises `activity-report-exists`, `activity-report-empty` (409), `other-organisation` (403), `reference-not-found`
    (404).
    """
    made_by = accountable(write.actor)
    consultant = await _hold(write, attempt, body.consultant_id)
    entries = await _entries(write, consultant.id, body.month)
    if not entries:
        raise rules.ActivityReportEmpty
    days = sum((entry.days for entry in entries), Decimal(0))
    content = {
        **(await _names(write, consultant)),
        "territory": attempt.territory,
        "mission_id": consultant.mission_id,
        "consultant_id": consultant.id,
        "organisation_id": consultant.organisation_id,
        "month": f"{body.month:%Y-%m}",
        "days": days,
        **_sums(entries),
        "entries": [entry._asdict() for entry in entries],
        "made_by": made_by,
        "made_at": f"{write.now:%Y-%m-%dT%H:%M:%S.%fZ}",
    }
    report = ActivityReport(
        territory=attempt.territory, mission_id=consultant.mission_id, consultant_id=consultant.id,
        organisation_id=consultant.organisation_id, person_id=consultant.person_id, month=body.month, days=days,
        last_worked_on=max(entry.worked_on for entry in entries), made_by=made_by, **sealed(content),
    )  # fmt: skip
    write.session.add(report)
    await write.session.flush()
    return _change("created", report)


async def sign(write: Write, attempt: Attempt, report_id: UUID, body: schemas.ActivityReportSignature) -> Change:
    """Sign a report as the person who worked its days.

    Raises `activity-report-not-yours`, `person-required`, `email-missing` (403), `activity-report-transition` (409),
    `signed_before_last_day` (422).
    """
    signer = person(write.actor)
    refuse_future({"/signed_on": body.signed_on})
    report = await _locked(write, attempt, report_id)
    if signer != report.person_id:
        raise rules.ActivityReportNotYours
    rules.next_status(ActivityReportAction.SIGN, ActivityReportStatus(report.status))
    _refuse_early(report, body.signed_on)
    report.consultant_signed_by, report.consultant_signed_at = signer, write.now
    report.consultant_signed_name, report.consultant_signed_on = body.name, body.signed_on
    await write.session.flush()
    return _change("signed", report)


async def countersign(write: Write, attempt: Attempt, report_id: UUID, body: schemas.ActivityReportSignature) -> Change:
    """Sign a report for the lead firm, as a person who did not work its days.

    Raises `not-the-lead-firm`, `activity-report-by-one-person`, `person-required`, `email-missing` (403),
    `activity-report-transition` (409), `signed_before_consultant` (422).
    """
    refuse_future({"/signed_on": body.signed_on})
    report = await _locked(write, attempt, report_id)
    if not await leads(write, report.mission_id):
        raise NotTheLeadFirm
    signer = WORKS_COUNTERSIGNS.separate(write.actor, [report.person_id])
    rules.next_status(ActivityReportAction.COUNTERSIGN, ActivityReportStatus(report.status))
    _refuse_early(report, body.signed_on)
    report.lead_signed_by, report.lead_signed_at = signer, write.now
    report.lead_signed_name, report.lead_signed_on = body.name, body.signed_on
    await write.session.flush()
    return _change("countersigned", report)


# --- what a certificate asks -----------------------------------------------------------------------------------------


async def refuse_unsigned(write: Write, mission_id: UUID, entries: Iterable[Any]) -> None:
    """Refuse days outside a signed report where the framework asks for one on the day on which they count.

    Raises `activity-report-unsigned` (409), which names the last report of each person and month. The trigger
    `signed_report` of the entries asks the same.
    """
    asked_on = await _asked_on(write, mission_id, {entry.counted_on for entry in entries})
    months = {(entry.consultant_id, month_of(entry.counted_on)) for entry in entries if entry.counted_on in asked_on}
    if not months:
        return
    r = ActivityReport
    made = (
        select(r.id, r.consultant_id, r.month, r.status)
        .where(tuple_(r.consultant_id, r.month).in_(months))
        .order_by(r.id)
    )
    known = {(row.consultant_id, row.month): row for row in await write.session.execute(made)}
    c = Consultant
    persons = {consultant_id for consultant_id, _ in months}
    named = select(c.id, Subject.name).join(Subject, Subject.id == c.person_id).where(c.id.in_(persons))
    names = {row.id: row.name for row in await write.session.execute(named)}
    faults = []
    for consultant_id, month in sorted(months, key=lambda place: (place[1], str(place[0]))):
        report = known.get((consultant_id, month))
        status = ActivityReportStatus(report.status) if report is not None else None
        if status is not ActivityReportStatus.SIGNED:
            members = {
                "activity_report_id": report.id if report is not None else None,
                "consultant_id": consultant_id,
                "consultant_name": names[consultant_id],
                "month": f"{month:%Y-%m}",
                "status": status,
            }
            faults.append(rules.UNSIGNED[status].at("", **members))
    if faults:
        raise rules.ActivityReportUnsigned(errors=faults)


async def _asked_on(write: Write, mission_id: UUID, days: Iterable[date]) -> set[date]:
    """The days among these on which the mission's framework asks for signed reports."""
    day = func.unnest(bindparam("days", sorted(days), type_=ARRAY(Date()))).column_valued("day")
    return set(await write.session.scalars(select(day).where(reports_required_on(mission_id, day))))


# --- what is common --------------------------------------------------------------------------------------------------


async def _hold(write: Write, attempt: Attempt, consultant_id: UUID) -> Consultant:
    """The assignment and all its entries, held: none is entered, changed or moved to it until COMMIT.

    Raises `reference-not-found` (404) where the actor sees nothing of it, `other-organisation` (403).
    """
    c, e, actor = Consultant, TimeEntry, attempt.actor
    conditions = [c.id == consultant_id, c.territory == attempt.territory]
    if actor.sees_only_own("activity_reports:read", attempt.territory):
        conditions.append(c.organisation_id == actor.organisation_id)
    consultant = await write.session.scalar(select(c).where(*conditions).with_for_update())
    if consultant is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/consultant_id")])
    if consultant.organisation_id != actor.organisation_id and not await leads(write, consultant.mission_id):
        raise OtherOrganisation
    own = select(e.id).where(e.consultant_id == consultant_id).order_by(e.id).with_for_update(key_share=True)
    await write.session.execute(own)
    return consultant


async def _entries(write: Write, consultant_id: UUID, month: date) -> Sequence[Any]:
    """What counts in the month, as the report says it."""
    e, a = TimeEntry, MissionActivity
    rows = (
        select(
            e.id, e.worked_on, e.counted_on, e.days, e.activity, a.label.label("activity_label"),
            e.siren.label("siren"), Firm.name.label("firm_name"), e.audition_id, e.project_id, e.note,
        )
        .join(a, and_(a.mission_id == e.mission_id, a.code == e.activity))
        .outerjoin(Firm, Firm.siren == e.siren)
        .where(
            e.consultant_id == consultant_id,
            e.status.in_(COUNTING),
            e.counted_on >= month,
            e.counted_on < clock.after_months(month, 1),
        )
        .order_by(e.worked_on, e.id)
    )  # fmt: skip
    return (await write.session.execute(rows)).all()


async def _names(write: Write, consultant: Consultant) -> dict[str, Any]:
    """The names of the day on which the report is made."""
    leading = MissionMember
    names = (
        select(
            Territory.name.label("territory_name"), Mission.name.label("mission_name"),
            Subject.name.label("consultant_name"), Organisation.name.label("organisation_name"),
            _lead.c.name.label("lead_name"),
        )
        .select_from(Consultant)
        .join(Territory, Territory.slug == Consultant.territory)
        .join(Mission, Mission.id == Consultant.mission_id)
        .join(Subject, Subject.id == Consultant.person_id)
        .join(Organisation, Organisation.id == Consultant.organisation_id)
        .outerjoin(leading, and_(leading.mission_id == Consultant.mission_id, leading.role == "lead"))
        .outerjoin(_lead, _lead.c.id == leading.organisation_id)
        .where(Consultant.id == consultant.id)
    )  # fmt: skip
    return dict((await write.session.execute(names)).mappings().one())


def _sums(entries: Sequence[Any]) -> dict[str, Any]:
    """The days by activity, by firm and by day."""
    by_activity, by_firm, by_day = (defaultdict[Any, Decimal](Decimal) for _ in range(3))
    for entry in entries:
        by_activity[entry.activity, entry.activity_label] += entry.days
        by_firm[entry.siren, entry.firm_name] += entry.days
        by_day[entry.worked_on] += entry.days
    return {
        "by_activity": [
            {"activity": code, "label": label, "days": days} for (code, label), days in sorted(by_activity.items())
        ],
        "by_firm": [
            {"siren": siren, "firm_name": name, "days": days}
            for (siren, name), days in sorted(by_firm.items(), key=lambda item: item[0][0] or "")
        ],
        "by_day": [{"worked_on": day, "days": days} for day, days in sorted(by_day.items())],
    }


def _refuse_early(report: ActivityReport, signed_on: date) -> None:
    """Refuse a signature before the last day of the report, or before that of the consultant (422)."""
    if report.consultant_signed_on is not None and signed_on < report.consultant_signed_on:
        fault = rules.SIGNED_BEFORE_CONSULTANT.at("/signed_on", consultant_signed_on=report.consultant_signed_on)
        raise ValidationFailed(errors=[fault])
    if signed_on < report.last_worked_on:
        fault = rules.SIGNED_BEFORE_LAST_DAY.at("/signed_on", last_worked_on=report.last_worked_on)
        raise ValidationFailed(errors=[fault])


async def _locked(write: Write, attempt: Attempt, report_id: UUID) -> ActivityReport:
    """The report, held, in the version that the caller expects. Raises `not-found` where the actor may not see it."""
    r, actor = ActivityReport, attempt.actor
    conditions = [r.id == report_id, r.territory == attempt.territory]
    if actor.sees_only_own("activity_reports:read", attempt.territory):
        conditions.append(r.organisation_id == actor.organisation_id)
    report = await write.lock(r, *conditions)
    write.expect(report.version, required=True)
    return report


def _change(act: str, report: ActivityReport) -> Change:
    return Change(f"activity_report.{act}", ACTIVITY_REPORTS, [report.id], {"territory": report.territory})
