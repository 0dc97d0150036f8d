"""The summary: one statement over days, envelope, firms and projects, for one territory or for all that may be seen."""

from functools import cache
from typing import Any

from sqlalchemy import CTE, BigInteger, Numeric, Text, any_, case, cast, func, literal_column, select, text
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from app.auditions.models import Audition
from app.core.db import Statement, param
from app.core.reading.listing import as_object, json_array
from app.engineering.follow_up import counting
from app.envelopes.models import LedgerEntry
from app.envelopes.queries import amounts
from app.firms.models import StageChange
from app.firms.queries import interviewed
from app.firms.rules import Stage
from app.missions.models import Mission
from app.programme.models import Territory
from app.projects.models import Cost, Project, ProjectPassage
from app.projects.rules import ProjectStage

_DAYS = ("days_ordered", "days_entered", "days_left")
_PIPELINE = ("projects_detected", "investment_cents", "jobs_fte")


@cache
def summary(many: bool, everywhere: bool = False) -> Statement:
    """The figures on a day: of one territory, or (`many`) of those in the list, all where `everywhere`."""
    t = select(Territory.slug, Territory.name)
    if not many:
        t = t.where(Territory.slug == param("territory", Text()))
    elif not everywhere:
        t = t.where(Territory.slug == any_(param("territories", ARRAY(Text()))))
    seen = t.cte("seen")
    mine = select(seen.c.slug)
    zero = counting.ZERO

    of = select(Mission.id, Mission.territory).where(Mission.territory.in_(mine)).cte("mission")
    order, counted = counting.orders(counting.Shape(), of), counting.entries(counting.Shape(), of)

    def days_of(source: CTE, name: str, *where: Any) -> CTE:
        """The days of each territory, from what counts of its missions."""
        return (
            select(of.c.territory, func.sum(source.c.days).label("days"))
            .join(source, source.c.mission_id == of.c.id)
            .where(*where)
            .group_by(of.c.territory)
            .cte(name)
        )

    ordered = days_of(order, "ordered_days")
    entered = days_of(counted, "entered_days", counting.counts_at(counted))
    e = LedgerEntry
    entry = (
        select(e.territory, e.debit, e.credit, e.amount_cents)
        .where(e.territory.in_(mine), e.effective_on <= counting.AS_OF)
        .cte("ledger")
    )
    money = select(entry.c.territory, *amounts(entry)).group_by(entry.c.territory).cte("money")
    auditions_held = (
        select(Audition.territory, func.count().label("held"))
        .where(Audition.territory.in_(mine), Audition.held_on <= counting.AS_OF)
        .group_by(Audition.territory)
        .cte("auditions_held")
    )
    met = interviewed(counting.AS_OF).cte("met")
    met_here = select(met.c.siren).where(met.c.territory.in_(mine)).distinct().subquery("met_here")
    firms_met = (
        select(met.c.territory, func.count().label("firms")).where(met.c.territory.in_(mine)).group_by(met.c.territory)
    ).cte("firms_met")
    # Where each firm stood: its last passage by that day; of two on one day, the one recorded last.
    s = StageChange
    stood = (
        select(s.territory, s.siren, s.stage)
        .ext(distinct_on(s.territory, s.siren))
        .where(s.territory.in_(mine), s.effective_on <= counting.AS_OF)
        .order_by(s.territory, s.siren, s.effective_on.desc(), s.id.desc())
        .cte("stood")
    )

    # Projects detected by that day, at the stage where they stood; costs and jobs as known now.
    g, p = ProjectPassage, Project
    detected = (
        select(g.territory, g.project_id, g.stage)
        .ext(distinct_on(g.project_id))
        .where(g.territory.in_(mine), g.effective_on <= counting.AS_OF)
        .order_by(g.project_id, g.number.desc())
        .cte("detected")
    )
    cost = select(func.sum(Cost.amount_cents)).where(Cost.project_id == p.id).correlate(p).scalar_subquery()
    pipeline = (
        select(
            detected.c.territory,
            func.count().label("projects_detected"),
            cast(func.coalesce(func.sum(cost), 0), Numeric).label("investment_cents"),
            func.sum(func.coalesce(p.jobs_created_fte, 0) + func.coalesce(p.jobs_maintained_fte, 0)).label("jobs_fte"),
        )
        .join(p, p.id == detected.c.project_id)
        .group_by(detected.c.territory)
        .cte("pipeline")
    )

    def stages(source: Any, codes: Any, *where: Any) -> Any:
        counted = [
            part
            for stage in codes
            for part in (text(f"'{stage}'"), func.count(case((source.c.stage == literal_column(f"'{stage}'"), 1))))
        ]
        return select(func.json_build_object(*counted)).where(*where).select_from(source).scalar_subquery()

    cents = [column.name for column in amounts(entry)]
    each = (
        select(
            seen.c.slug.label("territory"),
            seen.c.name.label("territory_name"),
            func.coalesce(ordered.c.days, zero).label("days_ordered"),
            func.coalesce(entered.c.days, zero).label("days_entered"),
            (func.coalesce(ordered.c.days, zero) - func.coalesce(entered.c.days, zero)).label("days_left"),
            *(func.coalesce(money.c[name], 0).label(name) for name in cents),
            func.coalesce(auditions_held.c.held, 0).label("auditions_held"),
            func.coalesce(firms_met.c.firms, 0).label("firms_interviewed"),
            stages(stood, Stage, stood.c.territory == seen.c.slug).label("firms_by_stage"),
            *(func.coalesce(pipeline.c[name], 0).label(name) for name in _PIPELINE),
            stages(detected, ProjectStage, detected.c.territory == seen.c.slug).label("projects_by_stage"),
        )
        .outerjoin(ordered, ordered.c.territory == seen.c.slug)
        .outerjoin(entered, entered.c.territory == seen.c.slug)
        .outerjoin(money, money.c.territory == seen.c.slug)
        .outerjoin(pipeline, pipeline.c.territory == seen.c.slug)
        .outerjoin(auditions_held, auditions_held.c.territory == seen.c.slug)
        .outerjoin(firms_met, firms_met.c.territory == seen.c.slug)
    )
    if not many:
        one = each.cte("each")
        return Statement(as_object(select(*one.c, counting.AS_OF.label("as_of"))))
    rows = each.cte("each")
    listed = json_array(func.row_to_json(rows.table_valued()), rows.c.territory)
    whole = select(
        counting.AS_OF.label("as_of"),
        func.count().label("territories"),
        *(func.coalesce(func.sum(rows.c[name]), zero).label(name) for name in _DAYS),
        *(cast(func.coalesce(func.sum(rows.c[name]), 0), rows.c[name].type).label(name) for name in cents),
        cast(func.coalesce(func.sum(rows.c.auditions_held), 0), BigInteger).label("auditions_held"),
        select(func.count()).select_from(met_here).scalar_subquery().label("firms_interviewed"),
        stages(stood, Stage).label("firms_by_stage"),
        *(cast(func.coalesce(func.sum(rows.c[name]), 0), rows.c[name].type).label(name) for name in _PIPELINE),
        stages(detected, ProjectStage).label("projects_by_stage"),
        listed.label("by_territory"),
    ).select_from(rows)
    return Statement(as_object(whole))
