"""The follow-up of the days: what is ordered, allotted, entered, validated, certified and left, in both times.

`as_of` is the day by which something counts: an order by the day on which it was signed, an allotment by the day on
which it was decided, a time entry by `counted_on`; an entry whose reversal counts later still counts until then. As it
was known at the end of a day (`recorded_as_of`), an order or allotment is there where it was recorded by then, and a
time entry is what its last event by then says.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from math import ceil
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import (
    CTE,
    Date,
    DateTime,
    Integer,
    Numeric,
    Text,
    Uuid,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    union,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.access.models import Organisation
from app.auditions.models import Audition
from app.core.db import Statement, literals, param
from app.core.reading.listing import as_object
from app.core.reading.query import Parameter
from app.core.reading.two_times import TWO_TIMES
from app.core.values import Uuid as UuidValue
from app.core.writing.events import Event
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.rules import COUNTING, Status
from app.firms.models import Firm
from app.missions.models import Allotment, Consultant, Mission, MissionMember, Order
from app.projects.models import Project, ProjectPassage

PARAMETERS = {
    "mission_id": Parameter(UuidValue, "Only this mission of the territory."),
    "organisation_id": Parameter(UuidValue, "Only this member; its allotment takes the place of the order."),
    **TWO_TIMES,
}

# What of the parameters changes the SQL.
Shape = tuple[bool, bool, bool]  # one mission, one member, as known at an instant


def shape_of(query: Mapping[str, Any]) -> Shape:
    """What of the parameters given changes the SQL."""
    return "mission_id" in query, "organisation_id" in query, query.get("recorded_as_of") is not None


_DAYS = Numeric(7, 2)
_ZERO = literal_column("0", _DAYS)
_AS_OF = param("as_of", Date())
_BEFORE = param("known_before", DateTime(timezone=True))
_MISSION = param("mission_id", Mission.id.type)
_ORGANISATION = param("organisation_id", Organisation.id.type)


def _word(value: str) -> Any:
    return literal_column(f"'{value}'", Text())


# --- what both the follow-up and the burn-down stand on --------------------------------------------------------------


def missions(shape: Shape) -> CTE:
    """The missions asked about; those in which the member is, where one is asked for."""
    one_mission, one_member, _ = shape
    found = select(Mission.id).where(Mission.territory == param("territory", Text()))
    if one_mission:
        found = found.where(Mission.id == _MISSION)
    if one_member:
        m = MissionMember
        found = found.where(Mission.id.in_(select(m.mission_id).where(m.organisation_id == _ORGANISATION)))
    return found.cte("mission")


def orders(shape: Shape, of: CTE) -> CTE:
    """The orders signed by the day: mission, days, window and the day on which they count."""
    o = Order
    found = select(o.id, o.mission_id, o.days, o.starts_on, o.ends_on, o.signed_on.label("on_day")).where(
        o.mission_id.in_(select(of.c.id)), o.signed_on <= _AS_OF
    )
    return (found.where(o.created_at < _BEFORE) if shape[2] else found).cte("ordered")


def allotments(shape: Shape, of: CTE) -> CTE:
    """The allotments decided by the day, and the day on which they count."""
    a = Allotment
    found = select(a.mission_id, a.organisation_id, a.days, a.decided_on.label("on_day")).where(
        a.mission_id.in_(select(of.c.id)), a.decided_on <= _AS_OF
    )
    if shape[1]:
        found = found.where(a.organisation_id == _ORGANISATION)
    return (found.where(a.created_at < _BEFORE) if shape[2] else found).cte("allotted")


def window(ordered: CTE) -> CTE:
    """From the first day to the last that the orders open; over several missions, the whole of it."""

    def latest(column: str) -> Any:
        value = ordered.c[column]
        told = func.array_agg(aggregate_order_by(value, ordered.c.id.desc())).filter(value.is_not(None))
        return func.coalesce(told)[1]  # the last order that says it

    each = select(latest("starts_on").label("starts_on"), latest("ends_on").label("ends_on")).group_by(
        ordered.c.mission_id
    )
    found = each.subquery("each")
    return select(
        cast(func.min(found.c.starts_on), Date).label("starts_on"),
        cast(func.max(found.c.ends_on), Date).label("ends_on"),
    ).cte("window_of_days")


def entries(shape: Shape, of: CTE) -> CTE:
    """The time entries that count by the day, or did until their reversal, and the drafts.

    Columns: of whom, what and when they are, `days`, `counts` (no draft), `validated`, `certified`, and
    `reversed_on`, the later day on which a reversal counts.
    """
    source = _entries_then(of) if shape[2] else _entries_now()
    e = source
    conditions = [
        e["mission_id"].in_(select(of.c.id)),
        e["counted_on"] <= _AS_OF,
        or_(
            e["status"].in_(literals((*COUNTING, Status.DRAFT))),
            and_(e["status"] == _word("reversed"), e["reversal_counted_on"] > e["counted_on"]),
        ),
    ]
    if not shape[2]:
        conditions.append(e["worked_on"] <= _AS_OF)  # it follows, and is what the index knows
    if shape[1]:
        conditions.append(e["organisation_id"] == _ORGANISATION)
    certified = e["status"] == _word("certified")
    return (
        select(
            *(e[name].label(name) for name in ("mission_id", "organisation_id", "consultant_id", "activity",
                                               "firm_siren", "worked_on", "counted_on", "days")),
            (e["status"] != _word("draft")).label("counts"),
            or_(e["status"] == _word("validated"), certified,
                and_(e["status"] == _word("reversed"), e["was_validated"])).label("validated"),
            certified.label("certified"),
            case((e["status"] == _word("reversed"), e["reversal_counted_on"])).label("reversed_on"),
        )
        .where(*conditions)
        .cte("entry")
    )  # fmt: skip


def _entries_now() -> dict[str, Any]:
    t = TimeEntry
    columns = {column.key: getattr(t, column.key) for column in t.__table__.c}
    return columns | {"was_validated": t.validated_at.is_not(None)}


def _last_event(kind: str, ids: Any) -> Any:
    """What the last event about each of these objects said by the instant; none for what was gone or not yet there."""
    e = Event.__table__.c
    last = (
        select(e.type, e.data)
        .where(e.resource_type == _word(kind), e.resource_id == cast(ids.c.id, Text), e.occurred_at < _BEFORE)
        .order_by(e.resource_type.desc(), e.resource_id.desc(), e.sequence.desc())
        .limit(1)
        .lateral(f"last_of_{kind}")
    )
    said = select(ids.c.id, last.c.data).select_from(ids.join(last, true()))
    return said.where(last.c.type != _word(f"{kind}.deleted")).subquery(f"{kind}_then")


def _entries_then(of: CTE) -> dict[str, Any]:
    """Every entry that the territory has had, a deleted draft too, as it was: it may have been in another mission."""
    t, e = TimeEntry, Event.__table__.c
    territory = param("territory", Text())
    had = union(
        select(t.id).where(t.territory == territory),
        select(cast(e.resource_id, Uuid)).where(e.territory == territory, e.type == _word("time_entry.deleted")),
    ).subquery("had")
    said = _last_event("time_entry", had).c.data
    types: dict[str, Any] = {
        "mission_id": Uuid(), "organisation_id": Uuid(), "consultant_id": Uuid(), "activity": Text(),
        "firm_siren": Text(), "worked_on": Date(), "counted_on": Date(), "days": _DAYS, "status": Text(),
        "reversal_counted_on": Date(),
    }  # fmt: skip
    values = {name: cast(said.op("->>")(_word(name)), type_) for name, type_ in types.items()}
    return values | {"was_validated": said.op("->>")(_word("validated_at")).is_not(None)}


# --- the answer ------------------------------------------------------------------------------------------------------

DIMENSIONS = ("organisation_id", "profile", "activity", "firm_siren", "week")


@cache
def follow_up(shape: Shape) -> Statement:
    """One row: `totals` and `lists` as JSON objects, and how many missions were asked about."""
    of = missions(shape)
    ordered, allotted, entry = orders(shape, of), allotments(shape, of), entries(shape, of)
    profiled = _profiled(shape, entry)
    sums = _sums(profiled)
    opened = window(ordered)

    def total(source: Any, column: str) -> Any:
        return select(func.coalesce(func.sum(source.c[column]), _ZERO)).scalar_subquery()

    whole = sums.c.grouped == literal_column(str(_grouped()))
    budget = total(allotted if shape[1] else ordered, "days")
    figures = select(*_figures(sums)).where(whole).subquery("figures")
    totals = as_object(
        select(
            param("territory", Text()).label("territory"),
            _AS_OF.label("as_of"),
            (param("recorded_as_of", Date()) if shape[2] else cast(None, Date)).label("recorded_as_of"),
            opened.c.starts_on,
            opened.c.ends_on,
            total(ordered, "days").label("days_ordered"),
            total(allotted, "days").label("days_allotted"),
            *figures.c,
            (budget - figures.c.days_entered).label("days_left"),
            _auditions_held(shape).label("auditions_held"),
            _projects_detected(shape).label("projects_detected"),
        ).select_from(opened.join(figures, true()))
    ).scalar_subquery()
    lists = as_object(
        select(
            _rows(_members(shape, of, allotted, sums), "organisation_name", "organisation_id").label("by_member"),
            _rows(_by(sums, "profile"), "profile").label("by_profile"),
            _rows(_by(sums, "activity"), "activity").label("by_activity"),
            _rows(_firms(sums), "firm_name", "firm_siren").label("by_firm"),
            _rows(_weeks(sums), "week").label("by_week"),
        )
    ).scalar_subquery()
    found = select(func.count()).select_from(of).scalar_subquery()
    return Statement(select(totals.label("totals"), lists.label("lists"), found.label("missions")))


def _auditions_held(shape: Shape) -> Any:
    """How many auditions of the territory, or of the mission, were held by the day; None for one member."""
    a, territory = Audition, param("territory", Text())
    mission_id: Any = a.mission_id
    if shape[1]:
        return cast(None, Integer)
    if shape[2]:
        ids = select(a.id).where(a.territory == territory).subquery("audition_ids")
        said = _last_event("audition", ids).c.data
        held_on, mission_id = (cast(said.op("->>")(_word(name)), type_) for name, type_ in
                               (("held_on", Date()), ("mission_id", Uuid())))  # fmt: skip
        held = select(func.count()).where(held_on <= _AS_OF)
    else:
        held = select(func.count()).where(a.territory == territory, a.held_on <= _AS_OF)
    return (held.where(mission_id == _MISSION) if shape[0] else held).scalar_subquery()


def _projects_detected(shape: Shape) -> Any:
    """How many projects were detected by the day, for one mission in its auditions; None for one member."""
    if shape[1]:
        return cast(None, Integer)
    g, p, a = ProjectPassage, Project, Audition
    first = (
        select(func.count())
        .select_from(g)
        .where(g.territory == param("territory", Text()), g.number == literal_column("1"), g.effective_on <= _AS_OF)
    )
    if shape[2]:
        first = first.where(g.recorded_at < _BEFORE)
    if shape[0]:
        first = first.join(p, p.id == g.project_id).join(a, a.id == p.detected_in_audition_id)
        first = first.where(a.mission_id == _MISSION)
    return first.scalar_subquery()


def _profiled(shape: Shape, entry: CTE) -> Any:
    """The entries with the consultant's profile, as known then."""
    c = Consultant
    if not shape[2]:
        return select(*entry.c, c.profile).join(c, c.id == entry.c.consultant_id).subquery("profiled")
    ids = select(entry.c.consultant_id.label("id")).distinct().subquery("consultant_ids")
    then = _last_event("consultant", ids)
    profile = then.c.data.op("->>")(_word("profile"))
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
    week = func.to_char(e.c.worked_on, _word('IYYY-"W"IW'))
    at = select(
        *(e.c[name] for name in DIMENSIONS[:-1]),
        week.label("week"),
        cast(func.date_trunc(_word("week"), e.c.worked_on), Date).label("starts_on"),
        e.c.days,
        (e.c.counts & func.coalesce(e.c.reversed_on > _AS_OF, true())).label("counts"),
        e.c.validated,
        e.c.certified,
        (~e.c.counts).label("draft"),
    ).subquery("at")

    def days(*conditions: Any) -> Any:
        return func.coalesce(func.sum(at.c.days).filter(and_(*conditions)), _ZERO)

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
    """Rows of one dimension in which anything stands; what is all reversed shows nothing."""
    some = or_(sums.c.days_entered > _ZERO, sums.c.days_draft > _ZERO)
    return and_(sums.c.grouped == literal_column(str(_grouped(dimension))), some)


def _by(sums: CTE, dimension: str) -> Any:
    return select(sums.c[dimension], *_figures(sums)).where(_only(sums, dimension)).subquery(f"by_{dimension}")


def _members(shape: Shape, of: CTE, allotted: CTE, sums: CTE) -> Any:
    m = MissionMember
    member = select(m.organisation_id).where(m.mission_id.in_(select(of.c.id))).distinct()
    if shape[1]:
        member = member.where(m.organisation_id == _ORGANISATION)
    if shape[2]:
        member = member.where(m.created_at < _BEFORE)
    each = member.subquery("member")
    given = (
        select(allotted.c.organisation_id, func.sum(allotted.c.days).label("days"))
        .group_by(allotted.c.organisation_id)
        .subquery("given")
    )
    days_allotted = func.coalesce(given.c.days, _ZERO)
    figures = {name: func.coalesce(sums.c[name], _ZERO) for name in FIGURES}
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
        select(sums.c.firm_siren, Firm.name.label("firm_name"), *_figures(sums))
        .outerjoin(Firm, Firm.siren == sums.c.firm_siren)
        .where(_only(sums, "firm_siren"))
        .subquery("by_firm")
    )


def _weeks(sums: CTE) -> Any:
    return select(sums.c.week, sums.c.starts_on, *_figures(sums)).where(_only(sums, "week")).subquery("by_week")


def _rows(source: Any, *order: str) -> Any:
    whole = aggregate_order_by(func.row_to_json(source.table_valued()), *(source.c[name] for name in order))
    return select(func.coalesce(func.json_agg(whole), literal_column("'[]'::json"))).scalar_subquery()


# --- consumption and forecast: no session, no await ------------------------------------------------------------------

RATIO = Decimal("0.0001")
PACE_WEEKS = 4
LAST_DAY = date(2199, 12, 31)
ONE_DAY, ONE_WEEK = timedelta(days=1), timedelta(weeks=1)


def ratio(part: Decimal | int, whole: Decimal | int) -> float | None:
    """A share to four decimals; None of nothing."""
    return float((Decimal(part) / Decimal(whole)).quantize(RATIO, ROUND_HALF_UP)) if whole else None


def consumption(
    entered: Decimal,
    budget: Decimal,
    starts_on: date | None,
    ends_on: date | None,
    as_of: date,
    auditions: int | None = None,
    projects: int | None = None,
) -> dict[str, Any]:
    """The share of the days used beside the share of the window elapsed, both at the end of a day; and what they gave.

    The window is counted in calendar days, both ends included.
    """
    whole = elapsed = None
    if starts_on is not None and ends_on is not None:
        whole = (ends_on - starts_on).days + 1
        elapsed = min(max((as_of - starts_on).days + 1, 0), whole)
    return {
        "share_used": ratio(entered, budget),
        "calendar_days": whole,
        "calendar_days_elapsed": elapsed,
        "share_elapsed": ratio(elapsed, whole) if whole is not None and elapsed is not None else None,
        "days_per_audition": ratio(entered, auditions or 0),
        "days_per_project": ratio(entered, projects or 0),
    }


ASSUMPTION = {
    "en": "The pace stays the mean of the last full ISO weeks of the window, at most four, by the day worked.",
    "fr": "Le rythme reste la moyenne des dernières semaines ISO entières de la période, quatre au plus, au jour"
    " travaillé.",
}


def pace_weeks(starts_on: date | None, as_of: date) -> list[date]:
    """The Mondays of the weeks whose mean is the pace: the last four, wholly in the window and over on the day."""
    if starts_on is None:
        return []
    monday = as_of + ONE_DAY - timedelta(days=(as_of + ONE_DAY).weekday())  # of the first week that is not over
    last = [monday - n * ONE_WEEK for n in range(PACE_WEEKS, 0, -1) if (monday - date.min).days >= n * 7]
    return [week for week in last if week >= starts_on]


def forecast(
    left: Decimal,
    budget: Decimal,
    worked: Mapping[date, Decimal],
    starts_on: date | None,
    ends_on: date | None,
    as_of: date,
    language: str,
) -> dict[str, Any]:
    """The day on which the days are used up, if the last weeks' pace lasts; None with the reason where there is none.

    `worked` holds the days entered by the Monday of their week. Also what is left at the end of the window then.
    """
    weeks = pace_weeks(starts_on, as_of)
    pace = sum((worked.get(week, Decimal(0)) for week in weeks), Decimal(0)) / len(weeks) if weeks else None
    exhausted_on, reason = None, None
    if not budget:
        reason = "nothing_ordered"
    elif left <= 0:
        reason = "already_exhausted"
    elif pace is None:
        reason = "no_full_week"
    elif not pace:
        reason = "no_days_in_these_weeks"
    elif (ahead := ceil(left * 7 / pace)) > (LAST_DAY - as_of).days:
        reason = "beyond_2199"
    else:
        exhausted_on = as_of + timedelta(days=ahead)
    left_at_end = None
    if pace is not None and ends_on is not None and ends_on >= as_of:
        rest = left - pace * (ends_on - as_of).days / 7
        left_at_end = float(max(rest, Decimal(0)).quantize(Decimal("0.01"), ROUND_HALF_UP))
    return {
        "exhausted_on": exhausted_on,
        "reason": reason,
        "days_per_week": None if pace is None else float(pace.quantize(RATIO, ROUND_HALF_UP)),
        "weeks": [f"{week:%G-W%V}" for week in weeks],
        "days_left_at_end": left_at_end,
        "assumption": ASSUMPTION[language],
    }


def with_outlook(totals: str, lists: str, as_of: date, language: str, *, one_member: bool) -> bytes:
    """The follow-up as JSON: PostgreSQL's figures as it wrote them, with consumption and forecast between."""
    figures, told = from_json(totals), from_json(lists)

    def days(name: str) -> Decimal:
        return Decimal(str(figures[name]))

    starts_on, ends_on = (figures[name] and date.fromisoformat(figures[name]) for name in ("starts_on", "ends_on"))
    budget = days("days_allotted" if one_member else "days_ordered")
    worked = {date.fromisoformat(week["starts_on"]): Decimal(str(week["days_entered"])) for week in told["by_week"]}
    outlook = {
        "consumption": consumption(
            days("days_entered"),
            budget,
            starts_on,
            ends_on,
            as_of,
            figures["auditions_held"],
            figures["projects_detected"],
        ),
        "forecast": forecast(days("days_left"), budget, worked, starts_on, ends_on, as_of, language),
    }
    return b",".join([totals[:-1].encode(), to_json(outlook)[1:-1], lists[1:].encode()]) + b"\n"
