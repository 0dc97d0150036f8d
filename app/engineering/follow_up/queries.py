"""The follow-up of the days: what is ordered, allotted, entered, validated, certified and left, in both times.

`as_of` is the day by which something counts: an order by the day on which it was signed, an allotment by the day on
which it was decided, a time entry by `counted_on`; an entry whose reversal counts later still counts until then. As it
was known at the end of a day (`recorded_as_of`), an order or allotment is there where it was recorded by then, and a
time entry is what its last event by then says.
"""

from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    Date,
    Integer,
    Text,
    Uuid,
    and_,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
)

from app.access.models import Organisation
from app.auditions.models import Audition
from app.core.db import NO_DAYS, Statement, param
from app.core.reading.listing import as_object, json_array
from app.core.writing.events import BEFORE, last_event, said
from app.engineering.follow_up.counting import (
    AS_OF,
    MISSION,
    ORGANISATION,
    Shape,
    allotments,
    counts_at,
    entries,
    missions,
    orders,
    window,
    word,
)
from app.engineering.follow_up.deliverables import deliverables
from app.engineering.follow_up.invoices import invoices
from app.engineering.follow_up.landing import expectations
from app.engineering.follow_up.reports import activity_reports
from app.firms.models import Firm
from app.missions.models import Consultant, MissionMember
from app.projects.models import Project, ProjectPassage

# --- the answer ------------------------------------------------------------------------------------------------------

DIMENSIONS = ("organisation_id", "profile", "activity", "siren", "week")


@cache
def follow_up(shape: Shape) -> Statement:
    """One row: `totals` and `lists` as JSON objects, and how many missions were asked about."""
    of = missions(shape)
    ordered, allotted, entry = orders(shape, of), allotments(shape, of), entries(shape, of)
    profiled = _profiled(shape, entry)
    sums = _sums(profiled)
    opened = window(ordered)

    def total(source: Any, column: str) -> Any:
        return select(func.coalesce(func.sum(source.c[column]), NO_DAYS)).scalar_subquery()

    whole = sums.c.grouped == literal_column(str(_grouped()))
    budget = total(allotted if shape.one_member else ordered, "days")
    figures = select(*_figures(sums)).where(whole).subquery("figures")
    totals = as_object(
        select(
            param("territory", Text()).label("territory"),
            AS_OF.label("as_of"),
            (param("recorded_as_of", Date()) if shape.known_then else cast(None, Date)).label("recorded_as_of"),
            opened.c.starts_on,
            opened.c.ends_on,
            total(ordered, "days").label("days_ordered"),
            total(allotted, "days").label("days_allotted"),
            *figures.c,
            (budget - figures.c.days_entered).label("days_left"),
            _auditions_held(shape).label("auditions_held"),
            _projects_detected(shape).label("projects_detected"),
            deliverables(shape, of).label("deliverables"),
            activity_reports(shape, of).label("activity_reports"),
            invoices(shape, of).label("invoices"),
        ).select_from(opened.join(figures, true()))
    ).scalar_subquery()
    lists = as_object(
        select(
            _rows(_members(shape, of, allotted, sums), "organisation_name", "organisation_id").label("by_member"),
            _rows(_by(sums, "profile"), "profile").label("by_profile"),
            _rows(_by(sums, "activity"), "activity").label("by_activity"),
            _rows(_firms(sums), "firm_name", "siren").label("by_firm"),
            _rows(_weeks(sums), "week").label("by_week"),
        )
    ).scalar_subquery()
    number = select(func.count()).select_from(of).scalar_subquery()
    expecting = expectations(shape, of, entry).label("expectations")
    return Statement(select(totals.label("totals"), lists.label("lists"), number.label("missions"), expecting))


def _auditions_held(shape: Shape) -> Any:
    """How many auditions of the territory, or of the mission, were held by the day; None for one member."""
    a, territory = Audition, param("territory", Text())
    mission_id: Any = a.mission_id
    if shape.one_member:
        return cast(None, Integer)
    if shape.known_then:
        ids = select(a.id).where(a.territory == territory).subquery("audition_ids")
        then = last_event("audition", ids)
        mission_id = said(then, "mission_id", Uuid())
        held = select(func.count()).where(said(then, "held_on", Date()) <= AS_OF)
    else:
        held = select(func.count()).where(a.territory == territory, a.held_on <= AS_OF)
    return (held.where(mission_id == MISSION) if shape.one_mission else held).scalar_subquery()


def _projects_detected(shape: Shape) -> Any:
    """How many projects were detected by the day, for one mission in its auditions; None for one member."""
    if shape.one_member:
        return cast(None, Integer)
    g, p, a = ProjectPassage, Project, Audition
    if shape.known_then:
        return _projects_detected_then(shape)
    first = (
        select(func.count())
        .select_from(g)
        .where(g.territory == param("territory", Text()), g.number == literal_column("1"), g.effective_on <= AS_OF)
    )
    if shape.one_mission:
        first = first.join(p, p.id == g.project_id).join(a, a.id == p.detected_in_audition_id)
        first = first.where(a.mission_id == MISSION)
    return first.scalar_subquery()


def _projects_detected_then(shape: Shape) -> Any:
    """The same from events: the day of the detection and its audition can be corrected."""
    p, territory = Project, param("territory", Text())
    project = last_event("project", select(p.id).where(p.territory == territory).subquery("project_ids"))
    detected = select(func.count()).select_from(project).where(said(project, "detected_on", Date()) <= AS_OF)
    if shape.one_mission:
        auditions = select(Audition.id).where(Audition.territory == territory).subquery("detection_ids")
        audition = last_event("audition", auditions).alias("detection")
        detected = detected.join(audition, audition.c.id == said(project, "detected_in_audition_id", Uuid()))
        detected = detected.where(said(audition, "mission_id", Uuid()) == MISSION)
    return detected.scalar_subquery()


def _profiled(shape: Shape, entry: CTE) -> Any:
    """The entries with the consultant's profile, as known then."""
    c = Consultant
    if not shape.known_then:
        return select(*entry.c, c.profile).join(c, c.id == entry.c.consultant_id).subquery("profiled")
    ids = select(entry.c.consultant_id.label("id")).distinct().subquery("consultant_ids")
    then = last_event("consultant", ids)
    profile = said(then, "profile", Text())
    return (
        select(*entry.c, profile.label("profile"))
        .select_from(entry.outerjoin(then, then.c.id == entry.c.consultant_id))
        .subquery("profiled")
    )


def _grouped(*names: str) -> int:
    """What GROUPING says of rows grouped by these dimensions: a bit for each that is not among them."""
    return sum(1 << place for place, name in enumerate(reversed(DIMENSIONS)) if name not in names)


def _sums(e: Any) -> CTE:
    """The figures, whole and by each dimension, in one pass over the entries."""
    week = func.to_char(e.c.worked_on, word('IYYY-"W"IW'))
    at = select(
        *(e.c[name] for name in DIMENSIONS[:-1]),
        week.label("week"),
        cast(func.date_trunc(word("week"), e.c.worked_on), Date).label("starts_on"),
        e.c.days,
        counts_at(e).label("counts"),
        e.c.validated,
        e.c.certified,
        (~e.c.counts).label("draft"),
    ).subquery("at")

    def days(*conditions: Any) -> Any:
        return func.coalesce(func.sum(at.c.days).filter(and_(*conditions)), NO_DAYS)

    by = [at.c[name] for name in DIMENSIONS]
    return (
        select(
            cast(func.grouping(*by), Integer).label("grouped"),
            *by,
            func.min(at.c.starts_on).label("starts_on"),
            days(at.c.counts).label("days_entered"),
            days(at.c.counts, at.c.validated).label("days_validated"),
            days(at.c.counts, at.c.certified).label("days_certified"),
            days(at.c.draft).label("days_draft"),
        )
        .group_by(func.grouping_sets(tuple_(), *(tuple_(column) for column in by)))
        .cte("sums")
    )


FIGURES = ("days_entered", "days_validated", "days_certified", "days_draft")


def _figures(sums: Any) -> list[Any]:
    return [sums.c[name] for name in FIGURES]


def _only(sums: CTE, dimension: str) -> Any:
    """Rows of one dimension that are not zero: what is entirely reversed is left out."""
    some = or_(sums.c.days_entered > NO_DAYS, sums.c.days_draft > NO_DAYS)
    return and_(sums.c.grouped == literal_column(str(_grouped(dimension))), some)


def _by(sums: CTE, dimension: str) -> Any:
    return select(sums.c[dimension], *_figures(sums)).where(_only(sums, dimension)).subquery(f"by_{dimension}")


def _members(shape: Shape, of: CTE, allotted: CTE, sums: CTE) -> Any:
    m = MissionMember
    member = select(m.organisation_id).where(m.mission_id.in_(select(of.c.id))).distinct()
    if shape.one_member:
        member = member.where(m.organisation_id == ORGANISATION)
    if shape.known_then:
        member = member.where(m.created_at < BEFORE)
    each = member.subquery("member")
    given = (
        select(allotted.c.organisation_id, func.sum(allotted.c.days).label("days"))
        .group_by(allotted.c.organisation_id)
        .subquery("given")
    )
    days_allotted = func.coalesce(given.c.days, NO_DAYS)
    figures = {name: func.coalesce(sums.c[name], NO_DAYS) for name in FIGURES}
    own = and_(sums.c.organisation_id == each.c.organisation_id, _only(sums, "organisation_id"))
    return (
        select(
            each.c.organisation_id,
            Organisation.name.label("organisation_name"),
            days_allotted.label("days_allotted"),
            *(column.label(name) for name, column in figures.items()),
            (days_allotted - figures["days_entered"]).label("days_left"),
        )
        .select_from(
            each.join(Organisation, Organisation.id == each.c.organisation_id)
            .outerjoin(given, given.c.organisation_id == each.c.organisation_id)
            .outerjoin(sums, own)
        )
        .subquery("by_member")
    )


def _firms(sums: CTE) -> Any:
    return (
        select(sums.c.siren, Firm.name.label("firm_name"), *_figures(sums))
        .outerjoin(Firm, Firm.siren == sums.c.siren)
        .where(_only(sums, "siren"))
        .subquery("by_firm")
    )


def _weeks(sums: CTE) -> Any:
    return select(sums.c.week, sums.c.starts_on, *_figures(sums)).where(_only(sums, "week")).subquery("by_week")


def _rows(source: Any, *order: str) -> Any:
    return select(
        json_array(func.row_to_json(source.table_valued()), *(source.c[name] for name in order))
    ).scalar_subquery()


# --- consumption and forecast: no session, no await ------------------------------------------------------------------
