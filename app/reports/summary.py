"""The summary: one statement over days, envelope, firms and projects, for one territory or for all that may be seen."""

from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    CTE,
    BigInteger,
    Date,
    Numeric,
    Select,
    Text,
    any_,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from app.auditions.models import Audition
from app.core.db import NO_DAYS, Statement, param
from app.core.reading.listing import as_object, json_array, json_object
from app.core.writing.events import BEFORE, last_event, said
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
def summary(many: bool, everywhere: bool = False, known: bool = False) -> Statement:
    """The figures on a day: of one territory, or (`many`) of those in the list, all where `everywhere`.

    `known` limits them to what had been recorded by an instant.
    """
    asked = _territories(many, everywhere, known)
    parts = _Parts.of(asked, known)
    each = _of_each(asked, parts).cte("each")
    times = (
        counting.AS_OF.label("as_of"),
        (param("recorded_as_of", Date()) if known else cast(null(), Date)).label("recorded_as_of"),
    )
    return Statement(as_object(_of_all(each, parts, times) if many else select(*each.c, *times)))


def _territories(many: bool, everywhere: bool, known: bool) -> CTE:
    asked = select(Territory.slug, Territory.name, Territory.region_code)
    if not many:
        return asked.where(Territory.slug == param("territory", Text())).cte("seen")
    if not everywhere:
        asked = asked.where(Territory.slug == any_(param("territories", ARRAY(Text()))))
    return (asked.where(Territory.created_at < BEFORE) if known else asked).cte("seen")


class _Parts(NamedTuple):
    """What is summed up, by territory: a row of each, but for `stood` and `detected`, which have one of each object."""

    ordered: CTE
    entered: CTE
    money: CTE
    cents: list[str]  # the columns of `money`
    auditions_held: CTE
    interviewed: CTE
    stood: CTE
    detected: CTE
    pipeline: CTE

    @classmethod
    def of(cls, asked: CTE, known: bool) -> "_Parts":
        """The parts for these territories."""
        slugs = select(asked.c.slug)
        ordered, entered = _days(slugs, known)
        money, cents = _money(slugs, known)
        project = _project_then(slugs) if known else None
        detected = _detected(slugs, project)
        return cls(
            ordered=ordered,
            entered=entered,
            money=money,
            cents=cents,
            auditions_held=_auditions_held(slugs, known),
            interviewed=_interviewed(slugs, known),
            stood=_stood(slugs, known),
            detected=detected,
            pipeline=_pipeline(detected, project),
        )


def _days(slugs: Select[Any], known: bool) -> tuple[CTE, CTE]:
    """The days ordered and entered, from what counts of the missions."""
    shape, ours = counting.Shape(known_then=known), Mission.territory.in_(slugs)
    missions = select(Mission.id, Mission.territory).where(ours, counting.not_cancelled(shape, ours)).cte("mission")
    order, counted = counting.orders(shape, missions), counting.entries(shape, missions, slugs)

    def by_territory(source: CTE, name: str, *where: Any) -> CTE:
        return (
            select(missions.c.territory, func.sum(source.c.days).label("days"))
            .join(source, source.c.mission_id == missions.c.id)
            .where(*where)
            .group_by(missions.c.territory)
            .cte(name)
        )

    return (
        by_territory(order, "ordered_days"),
        by_territory(counted, "entered_days", counting.counts_at(counted)),
    )


def _money(slugs: Select[Any], known: bool) -> tuple[CTE, list[str]]:
    """The amounts of the envelope from its ledger, and what they are called."""
    rows = select(LedgerEntry.territory, LedgerEntry.debit, LedgerEntry.credit, LedgerEntry.amount_cents).where(
        LedgerEntry.territory.in_(slugs), LedgerEntry.effective_on <= counting.AS_OF
    )
    entry = (rows.where(LedgerEntry.recorded_at < BEFORE) if known else rows).cte("ledger")
    figures = amounts(entry)
    money = select(entry.c.territory, *figures).group_by(entry.c.territory).cte("money")
    return money, [figure.name for figure in figures]


def _auditions_held(slugs: Select[Any], known: bool) -> CTE:
    held = select(Audition.territory, func.count().label("held")).where(Audition.territory.in_(slugs))
    held_on: Any = Audition.held_on
    if known:
        then = last_event("audition", select(Audition.id).where(Audition.territory.in_(slugs)).subquery("ids"))
        held = held.join(then, then.c.id == Audition.id)
        held_on = said(then, "held_on", Date())
    return held.where(held_on <= counting.AS_OF).group_by(Audition.territory).cte("auditions_held")


def _interviewed(slugs: Select[Any], known: bool) -> CTE:
    """The firms that were met at an audition held by that day, in each territory."""
    met = interviewed(counting.AS_OF, known=known, slugs=slugs).subquery("met")
    return select(met.c.territory, met.c.siren).where(met.c.territory.in_(slugs)).cte("interviewed")


def _stood(slugs: Select[Any], known: bool) -> CTE:
    """Where each firm stood: its last passage by that day; of two on one day, the one recorded last."""
    passage = StageChange
    passages = (
        select(passage.territory, passage.siren, passage.stage)
        .ext(distinct_on(passage.territory, passage.siren))
        .where(passage.territory.in_(slugs), passage.effective_on <= counting.AS_OF)
        .order_by(passage.territory, passage.siren, passage.effective_on.desc(), passage.id.desc())
    )
    return (passages.where(passage.recorded_at < BEFORE) if known else passages).cte("stood")


def _project_then(slugs: Select[Any]) -> CTE:
    """What the last event of each project by the instant says of it."""
    ids = select(Project.id).where(Project.territory.in_(slugs)).subquery("project_ids")
    then = last_event("project", ids)
    fields = {"detected_on": Date(), "cost_cents": Numeric(), "jobs_fte": Numeric(12, 2)}
    return select(then.c.id, *(said(then, name, type_).label(name) for name, type_ in fields.items())).cte("known")


def _detected(slugs: Select[Any], project: CTE | None) -> CTE:
    """Projects detected by that day, at the stage where they stood."""
    passage = ProjectPassage
    passages = select(passage.territory, passage.project_id, passage.stage).where(passage.territory.in_(slugs))
    effective_on: Any = passage.effective_on
    if project is not None:
        # The day of the first passage is the one that can be corrected.
        effective_on = case((passage.number == literal_column("1"), project.c.detected_on), else_=effective_on)
        passages = passages.join(project, project.c.id == passage.project_id).where(passage.recorded_at < BEFORE)
    return (
        passages.ext(distinct_on(passage.project_id))
        .where(effective_on <= counting.AS_OF)
        .order_by(passage.project_id, passage.number.desc())
        .cte("detected")
    )


def _pipeline(detected: CTE, project: CTE | None) -> CTE:
    """How many projects were detected; their costs and jobs as known now, or then."""
    if project is not None:
        return (
            select(
                detected.c.territory,
                func.count().label("projects_detected"),
                func.sum(project.c.cost_cents).label("investment_cents"),
                func.sum(project.c.jobs_fte).label("jobs_fte"),
            )
            .join(project, project.c.id == detected.c.project_id)
            .group_by(detected.c.territory)
            .cte("pipeline")
        )
    cost = select(func.sum(Cost.amount_cents)).where(Cost.project_id == Project.id).correlate(Project).scalar_subquery()
    jobs = func.coalesce(Project.jobs_created_fte, 0) + func.coalesce(Project.jobs_maintained_fte, 0)
    return (
        select(
            detected.c.territory,
            func.count().label("projects_detected"),
            cast(func.coalesce(func.sum(cost), 0), Numeric).label("investment_cents"),
            func.sum(jobs).label("jobs_fte"),
        )
        .join(Project, Project.id == detected.c.project_id)
        .group_by(detected.c.territory)
        .cte("pipeline")
    )


def _stages(source: CTE, codes: type[StrEnum], *where: Any) -> Any:
    """How many rows of the source are at each stage."""
    counts = {stage.value: func.count(case((source.c.stage == literal_column(f"'{stage}'"), 1))) for stage in codes}
    return select(json_object(**counts)).where(*where).select_from(source).scalar_subquery()


def _firms(source: CTE, *where: Any) -> Any:
    """How many firms there are; one of several territories is one firm."""
    return select(func.count(source.c.siren.distinct())).where(*where).scalar_subquery()


def _of_each(asked: CTE, parts: _Parts) -> Select[Any]:
    """The figures of each territory."""
    days_ordered = func.coalesce(parts.ordered.c.days, NO_DAYS)
    days_entered = func.coalesce(parts.entered.c.days, NO_DAYS)
    rows = select(
        asked.c.slug.label("territory"),
        asked.c.name.label("territory_name"),
        asked.c.region_code,
        days_ordered.label("days_ordered"),
        days_entered.label("days_entered"),
        (days_ordered - days_entered).label("days_left"),
        *(func.coalesce(parts.money.c[name], 0).label(name) for name in parts.cents),
        func.coalesce(parts.auditions_held.c.held, 0).label("auditions_held"),
        _firms(parts.interviewed, parts.interviewed.c.territory == asked.c.slug).label("firms_interviewed"),
        _firms(parts.stood, parts.stood.c.territory == asked.c.slug).label("firms"),
        _stages(parts.stood, Stage, parts.stood.c.territory == asked.c.slug).label("firms_by_stage"),
        *(func.coalesce(parts.pipeline.c[name], 0).label(name) for name in _PIPELINE),
        _stages(parts.detected, ProjectStage, parts.detected.c.territory == asked.c.slug).label("projects_by_stage"),
    )
    for part in (parts.ordered, parts.entered, parts.money, parts.pipeline, parts.auditions_held):
        rows = rows.outerjoin(part, part.c.territory == asked.c.slug)
    return rows


def _of_all(each: CTE, parts: _Parts, times: tuple[Any, ...]) -> Select[Any]:
    """The figures of all the territories together, and of each of them."""

    def total(name: str) -> Any:
        column = each.c[name]
        return cast(func.coalesce(func.sum(column), 0), column.type).label(name)

    return select(
        *times,
        func.count().label("territories"),
        *(func.coalesce(func.sum(each.c[name]), NO_DAYS).label(name) for name in _DAYS),
        *(total(name) for name in parts.cents),
        cast(func.coalesce(func.sum(each.c.auditions_held), 0), BigInteger).label("auditions_held"),
        _firms(parts.interviewed).label("firms_interviewed"),
        _firms(parts.stood).label("firms"),
        _stages(parts.stood, Stage).label("firms_by_stage"),
        *(total(name) for name in _PIPELINE),
        _stages(parts.detected, ProjectStage).label("projects_by_stage"),
        json_array(func.row_to_json(each.table_valued()), each.c.territory).label("by_territory"),
    ).select_from(each)
