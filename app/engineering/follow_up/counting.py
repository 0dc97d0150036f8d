"""What counts by a day: orders, allotments and entries in both times. The one definition of every figure of days."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Numeric,
    Select,
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
    union,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from app.access.models import Organisation
from app.core.db import literals, param
from app.core.reading.query import Parameter
from app.core.reading.two_times import TWO_TIMES
from app.core.values import Uuid as UuidValue
from app.core.writing.events import BEFORE, Event, last_event, said
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.rules import COUNTING, Status
from app.missions.models import Allotment, Mission, MissionMember, Order
from app.missions.rules import MissionStatus

PARAMETERS = {
    "mission_id": Parameter(UuidValue, "Only this mission of the territory."),
    "organisation_id": Parameter(
        UuidValue, "Only this member of the consortium; its allotment replaces the order in the figures."
    ),
    **TWO_TIMES,
}


class Shape(NamedTuple):
    """What changes the SQL: one mission, one member, what was known at an instant, the reader's own reports alone, and
    of invoices the reader's own or none.
    """

    one_mission: bool = False
    one_member: bool = False
    known_then: bool = False
    own_reports: bool = False
    own_invoices: bool = False
    no_invoices: bool = False


def shape_of(query: Mapping[str, Any], **reader: bool) -> Shape:
    """What of the parameters given, and of the reader, changes the SQL."""
    known_then = query.get("recorded_as_of") is not None
    return Shape("mission_id" in query, "organisation_id" in query, known_then, **reader)


DAYS = Numeric(7, 2)
AS_OF = param("as_of", Date())
MISSION = param("mission_id", Mission.id.type)
ORGANISATION = param("organisation_id", Organisation.id.type)
READER = param("organisation", Organisation.id.type)


def word(value: str) -> Any:
    """A code as a literal of the statement."""
    return literal_column(f"'{value}'", Text())


def not_cancelled(shape: Shape, within: ColumnElement[bool]) -> ColumnElement[bool]:
    """What reads several missions together leaves out those that were mistakes; `within` says which it reads."""
    standing: ColumnElement[bool] = Mission.status != word(MissionStatus.CANCELLED)
    if not shape.known_then:
        return standing
    ids = select(Mission.id).where(within).subquery("mission_known")
    then = last_event("mission", ids)
    off: Select[Any] = select(then.c.id).where(said(then, "status", Text()) == word(MissionStatus.CANCELLED))
    return Mission.id.not_in(off)


def missions(shape: Shape) -> CTE:
    """The missions asked about: one, or those that are not cancelled; where a member is asked for, those it is in."""
    within = Mission.territory == param("territory", Text())
    chosen = select(Mission.id).where(within)
    chosen = chosen.where(Mission.id == MISSION if shape.one_mission else not_cancelled(shape, within))
    if shape.one_member:
        m = MissionMember
        chosen = chosen.where(Mission.id.in_(select(m.mission_id).where(m.organisation_id == ORGANISATION)))
    return chosen.cte("mission")


def orders(shape: Shape, of: CTE) -> CTE:
    """The orders signed by the day: mission, days, window and the day on which they count."""
    o = Order
    ordered = select(o.id, o.mission_id, o.days, o.starts_on, o.ends_on, o.signed_on.label("on_day")).where(
        o.mission_id.in_(select(of.c.id)), o.signed_on <= AS_OF
    )
    return (ordered.where(o.created_at < BEFORE) if shape.known_then else ordered).cte("ordered")


def allotments(shape: Shape, of: CTE) -> CTE:
    """The allotments decided by the day, and the day on which they count."""
    a = Allotment
    allotted = select(a.mission_id, a.organisation_id, a.days, a.decided_on.label("on_day")).where(
        a.mission_id.in_(select(of.c.id)), a.decided_on <= AS_OF
    )
    if shape.one_member:
        allotted = allotted.where(a.organisation_id == ORGANISATION)
    return (allotted.where(a.created_at < BEFORE) if shape.known_then else allotted).cte("allotted")


def window(ordered: CTE) -> CTE:
    """From the first day to the last that the orders open; over several missions, the whole of it."""

    def latest(column: str) -> Any:
        value = ordered.c[column]
        told = func.array_agg(aggregate_order_by(value, ordered.c.id.desc())).filter(value.is_not(None))
        return func.coalesce(told)[1]  # the last order that says it

    each = select(latest("starts_on").label("starts_on"), latest("ends_on").label("ends_on")).group_by(
        ordered.c.mission_id
    )
    windows = each.subquery("each")
    return select(
        cast(func.min(windows.c.starts_on), Date).label("starts_on"),
        cast(func.max(windows.c.ends_on), Date).label("ends_on"),
    ).cte("window_of_days")


def entries(shape: Shape, of: CTE, slugs: Select[Any] | None = None) -> CTE:
    """The time entries that count by the day, or did until their reversal, and the drafts.

    The missions are those of the `territory` asked for, or of those in `slugs`.

    Columns: of whom, what and when they are, `days`, `counts` (no draft), `validated`, `certified`, and
    `reversed_on`, the later day on which a reversal counts.
    """
    source = _entries_then(slugs) if shape.known_then else _entries_now()
    e = source
    conditions = [
        e["mission_id"].in_(select(of.c.id)),
        e["counted_on"] <= AS_OF,
        or_(
            e["status"].in_(literals((*COUNTING, Status.DRAFT))),
            and_(e["status"] == word("reversed"), e["reversal_counted_on"] > e["counted_on"]),
        ),
    ]
    if not shape.known_then:
        conditions.append(e["worked_on"] <= AS_OF)  # it follows, and is what the index knows
    if shape.one_member:
        conditions.append(e["organisation_id"] == ORGANISATION)
    certified = e["status"] == word("certified")
    return (
        select(
            *(e[name].label(name) for name in ("mission_id", "organisation_id", "consultant_id", "activity",
                                               "siren", "worked_on", "counted_on", "days")),
            (e["status"] != word("draft")).label("counts"),
            or_(e["status"] == word("validated"), certified,
                and_(e["status"] == word("reversed"), e["was_validated"])).label("validated"),
            certified.label("certified"),
            case((e["status"] == word("reversed"), e["reversal_counted_on"])).label("reversed_on"),
        )
        .where(*conditions)
        .cte("entry")
    )  # fmt: skip


def counts_at(entry: CTE) -> ColumnElement[bool]:
    """Whether an entry counts at the end of the day: it is no draft, and no reversal of it counts by then."""
    return and_(entry.c.counts, func.coalesce(entry.c.reversed_on > AS_OF, true()))


def _entries_now() -> dict[str, Any]:
    t = TimeEntry
    columns = {column.key: getattr(t, column.key) for column in t.__table__.c}
    return columns | {"was_validated": t.validated_at.is_not(None)}


def _entries_then(slugs: Select[Any] | None) -> dict[str, Any]:
    """Every entry that the territory has had, a deleted draft too, as it was: it may have been in another mission."""
    t, e = TimeEntry, Event.__table__.c

    def ours(column: Any) -> Any:
        return column == param("territory", Text()) if slugs is None else column.in_(slugs)

    had = union(
        select(t.id).where(ours(t.territory)),
        select(cast(e.resource_id, Uuid)).where(ours(e.territory), e.type == word("time_entry.deleted")),
    ).subquery("had")
    then = last_event("time_entry", had)
    types: dict[str, Any] = {
        "mission_id": Uuid(), "organisation_id": Uuid(), "consultant_id": Uuid(), "activity": Text(),
        "worked_on": Date(), "counted_on": Date(), "days": DAYS, "status": Text(),
        "reversal_counted_on": Date(),
    }  # fmt: skip
    values = {name: said(then, name, type_) for name, type_ in types.items()}
    # Events of before the field was renamed hold the old name.
    siren = func.coalesce(*(said(then, name, Text()) for name in ("siren", "firm_siren")))
    return values | {"siren": siren, "was_validated": said(then, "validated_at", Text()).is_not(None)}
