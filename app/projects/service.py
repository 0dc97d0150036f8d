"""Writes of projects and of their financing plans. Every write locks the project first."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, Text, case, delete, literal, select, text, union_all, update

from app.access.rules import person
from app.auditions.models import Audition, AuditionConsultant
from app.core import clock
from app.core.db import touch
from app.core.messages import NOT_FOUND, PERIOD_REVERSED, REQUIRED
from app.core.problems import Problem, ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, differing, given, put
from app.missions.models import Consultant
from app.programme.models import PerimeterCommune, Territory
from app.programme.queries import vintage_on
from app.projects import financing, rules, schemas
from app.projects.financing import PLANNED, SECURED, PlanStatus, SourceKind
from app.projects.models import (
    AIDED,
    Cost,
    FinancingLine,
    FinancingPlan,
    FundingStatement,
    Holder,
    JobObservation,
    Project,
    ProjectPassage,
)
from app.projects.queries import FINANCING, FUNDING_STATEMENTS, JOB_OBSERVATIONS, PROJECTS, pre_selections
from app.projects.rules import CostKind, FundingRoute, HolderKind, ProjectStage


class CommuneOutsidePerimeter(Problem):
    """The site's commune is not in the territory's perimeter on the day of detection."""

    status = 409
    title_fr = "La commune du site n'est pas dans le périmètre du territoire au jour de la détection."
    detail = "On {detected_on} the perimeter in force is that of {vintage}."
    detail_fr = "Le {detected_on}, le périmètre en vigueur est celui de {vintage}."
    cure = "Check the commune's INSEE code, or ask the programme to record the perimeter of that year."
    cure_fr = (
        "Vérifiez le code INSEE de la commune, ou demandez au programme d'enregistrer le périmètre de cette année."
    )


class HolderNamedTwice(Problem):
    """A firm can hold a project only once."""

    status = 422
    title_fr = "Une entreprise ne peut porter un projet qu'une fois."


class DetectionReserved(Problem):
    """A consultant can record only projects detected in an audition in which the consultant takes part."""

    status = 403
    title_fr = (
        "Un consultant ne peut enregistrer que des projets détectés lors d'une audition dont ce consultant fait partie."
    )
    cure = (
        "Name an audition in which you take part in detected_in_audition_id, or ask a person who takes part in it, or"
        " the territory's staff, to record the project."
    )
    cure_fr = (
        "Indiquez dans detected_in_audition_id une audition dont vous faites partie, ou demandez à une personne qui en"
        " fait partie, ou aux agents du territoire, d'enregistrer le projet."
    )


class OtherPublicAidInPlan(Problem):
    """The financing plan counts on other public aid."""

    status = 409
    title_fr = "Le plan de financement compte sur une autre aide publique."
    detail = "The last version of the plan contains {amount_cents} of other public aid that was not refused."
    detail_fr = "La dernière version du plan contient {amount_cents} d'autres aides publiques non refusées."
    cure = "Mark those lines as refused, or do not state that no other public funding was found."
    cure_fr = "Marquez ces lignes comme refusées, ou ne déclarez pas qu'aucun autre financement public n'a été trouvé."


_CHILDREN = {"holders", "costs"}
# What the holders of a project agree with is checked at COMMIT, and told before it: a dry run must tell it too.
HOLDER_KEYS: Mapping[str, type[Problem]] = {
    "grants_project_firm_fkey": rules.HolderHasAward,
    "advances_project_firm_fkey": rules.HolderHasAward,
    "applications_project_firm_fkey": rules.HolderHasFile,
}
_CHECK_HOLDERS = [
    text(f"SET CONSTRAINTS check_audition, {', '.join(HOLDER_KEYS)} {when}") for when in ("IMMEDIATE", "DEFERRED")
]


async def create_project(
    write: Write, territory: str, body: schemas.ProjectCreate, *, met_by: UUID | None = None
) -> Change:
    """A project, detected; in an audition of the consultant `met_by` where one is given.

    Raises `commune-outside-perimeter`, `audition-of-another-firm`, `already-exists` (409), `reference-not-found` (404),
    `holder-named-twice` (422), `detection-reserved` (403).
    """
    if met_by is not None and not await _took_part(write, territory, body.detected_in_audition_id, met_by):
        raise DetectionReserved
    detected_on = body.detected_on or await _day_of_audition(write, territory, body.detected_in_audition_id)
    refuse_future({"/detected_on": detected_on})
    _check_period(body.starts_on, body.ends_on)
    project = Project(
        territory=territory,
        stage=ProjectStage.DETECTED,
        stage_number=1,
        stage_since_on=detected_on,
        lead_position=_lead(body.holders),
        perimeter_vintage=await _vintage(write, territory, body.commune_code, detected_on),
        **body.model_dump(exclude={*_CHILDREN, "detected_on"}),
    )
    write.session.add(project)
    await write.session.flush()
    write.session.add(_passage(write, project, None))
    _check_owners(body.costs, len(body.holders))
    write.session.add_all(_holders(project, body.holders))
    write.session.add_all(_costs(project, body.costs))
    await write.session.flush()
    if body.detected_in_audition_id is not None:
        await _check_holders(write)
    return Change("project.created", PROJECTS, [project.id], {"territory": territory})


async def update_project(write: Write, territory: str, project_id: UUID, body: schemas.ProjectUpdate) -> list[Change]:
    """Change a project. New costs make a new draft of its financing plan, where it has one.

    Raises `commune-outside-perimeter`, `funding-route-missing`, `detected-too-late`, `costs-closed`,
    `audition-of-another-firm`, `stage-follows-award`, `already-exists` (409), `reference-not-found` (404).
    """
    project = await _project(write, territory, project_id)
    write.expect(project.version)
    values = given(body)
    detected_on = values.pop("detected_on", None)
    changed = differing(project, {name: value for name, value in values.items() if name not in _CHILDREN})
    holders = await _known(write, Holder, project_id)
    costs = await _known(write, Cost, project_id)
    new_holders = _differ(holders, _holders(project, values["holders"])) if "holders" in values else None
    new_costs = _differ(costs, _costs(project, values["costs"])) if "costs" in values else None
    if "holders" in values and _lead(values["holders"]) != project.lead_position:
        changed["lead_position"] = _lead(values["holders"])
    bound = {"territory": territory, "project_id": project_id}
    corrected = detected_on is not None and await _correct_detection(write, project, detected_on)
    if not changed and not corrected and new_holders is None and new_costs is None:
        return [Change("", PROJECTS, [project_id], bound)]
    if corrected and project.stage_number == 1:
        changed["stage_since_on"] = detected_on
    if "commune_code" in changed or corrected:
        first = await write.session.get_one(ProjectPassage, (project_id, 1))
        code = changed.get("commune_code", project.commune_code)
        changed["perimeter_vintage"] = await _vintage(write, territory, code, first.effective_on)
    put(project, changed)
    touch(project)  # before the first flush: holders and costs make one new version with the rest
    _check_period(project.starts_on, project.ends_on)
    if project.funding_route is None and project.stage not in rules.WITHOUT_ROUTE:
        raise rules.FundingRouteMissing
    _check_owners(costs if new_costs is None else new_costs, len(holders if new_holders is None else new_holders))
    if new_holders is not None:
        await write.session.execute(delete(Holder).where(Holder.project_id == project_id))
        write.session.add_all(new_holders)
    changes = [Change("project.updated", PROJECTS, [project_id], bound)]
    if new_costs is not None:
        await write.session.execute(delete(Cost).where(Cost.project_id == project_id))
        write.session.add_all(new_costs)
        await write.session.flush()
        changes += await _replan(write, project, new_costs)
    await write.session.flush()
    if new_holders is not None or "detected_in_audition_id" in changed:
        await _check_holders(write)
    return changes


async def _took_part(write: Write, territory: str, audition_id: UUID | None, person_id: UUID) -> bool:
    """Whether the person is a consultant of this audition of the territory."""
    a, c = AuditionConsultant, Consultant
    taken = select(a.audition_id).join(c, c.id == a.consultant_id)
    ours = taken.where(a.territory == territory, a.audition_id == audition_id, c.person_id == person_id)
    return await write.session.scalar(ours.limit(1)) is not None


async def _day_of_audition(write: Write, territory: str, audition_id: UUID | None) -> date:
    """The day of the held audition in which a project was detected. Without one, `detected_on` must be given."""
    a = Audition
    held_on = select(a.held_on).where(a.territory == territory, a.id == audition_id)
    day = await write.session.scalar(held_on) if audition_id is not None else None
    if day is None:
        raise ValidationFailed(errors=[REQUIRED.at("/detected_on")])
    return day


async def _correct_detection(write: Write, project: Project, detected_on: date) -> bool:
    """Correct the day of the first passage, alone of all; whether it was another. Raises `detected-too-late` (409).

    One statement: the next passage repeats the day, and the foreign key between them is held when it ends.
    """
    p = ProjectPassage
    asked = select(p.number, p.effective_on, p.recorded_at).where(p.project_id == project.id, p.number <= 2)
    first, *following = list(await write.session.execute(asked.order_by(p.number)))
    if first.effective_on == detected_on:
        return False
    latest_on = min([clock.paris_day(first.recorded_at), *(passage.effective_on for passage in following)])
    if detected_on > latest_on:
        raise rules.DetectedTooLate(latest_on=latest_on.isoformat())
    day = {"effective_on": case((p.number == 1, detected_on), else_=p.effective_on),
           "previous_on": case((p.number == 2, detected_on), else_=p.previous_on)}  # fmt: skip
    await write.session.execute(
        update(p).where(p.project_id == project.id, p.number <= 2).values(day),
        execution_options={"synchronize_session": False},
    )
    return True


async def pass_to(write: Write, territory: str, project_id: UUID, body: schemas.Passage) -> Change:
    """Take a project to another stage, and keep the passage.

    Raises `stage-passage-refused`, `stage-out-of-order`, `funding-route-missing`, `funding-statement-missing`,
    `award-missing`, `stage-follows-award` (409).
    """
    effective_on = body.effective_on or clock.today()
    refuse_future({"/effective_on": effective_on})
    project = await _project(write, territory, project_id)
    write.expect(project.version)
    if body.funding_route is not None:
        project.funding_route = body.funding_route
    route = FundingRoute(project.funding_route) if project.funding_route else None
    rules.check_passage(ProjectStage(project.stage), body.stage, route, body.reason)
    if effective_on < project.stage_since_on:
        raise rules.StageOutOfOrder(stage_since_on=project.stage_since_on.isoformat())
    _pass(write, project, body.stage, effective_on, body.reason)
    await write.session.flush()
    return Change("project.stage_changed", PROJECTS, [project_id], {"territory": territory})


async def hold(write: Write, territory: str, project_id: UUID) -> Project:
    """The project, locked. Raises `NotFound`."""
    return await _project(write, territory, project_id)


async def pass_to_filed(write: Write, project: Project, day: date) -> list[Change]:
    """Pass a held project that can receive an aid file to `filed`, unless it is there or beyond."""
    if ProjectStage(project.stage) in rules.CAN_BE_AIDED:
        return []
    _pass(write, project, ProjectStage.FILED, max(day, project.stage_since_on), None)
    await write.session.flush()
    return [Change("project.stage_changed", PROJECTS, [project.id], {"territory": project.territory})]


async def follow_file(
    write: Write, project: Project, stage: ProjectStage, day: date, reason: str | None = None
) -> list[Change]:
    """Pass a held project to the stage that its aid file means, unless it is there or has been contracted.

    Raises `stage-passage-refused` (409).
    """
    current = ProjectStage(project.stage)
    if current in (stage, ProjectStage.CONTRACTED):
        return []
    route = FundingRoute(project.funding_route) if project.funding_route else None
    rules.check_passage(current, stage, route, reason)
    _pass(write, project, stage, max(day, project.stage_since_on), reason)
    await write.session.flush()
    return [Change("project.stage_changed", PROJECTS, [project.id], {"territory": project.territory})]


async def is_pre_selected(write: Write, project: Project) -> bool:
    """Whether a committee has pre-selected a file of a held project, and has not taken it back."""
    return await write.session.scalar(pre_selections(project.id).limit(1)) is not None


async def follow_awards(write: Write, project: Project, day: date | None, reason: str | None) -> list[Change]:
    """Write what follows for a held project from the awards that stand: its passages, a version of its plan.

    A passage counts from the day on, but not before the stage that precedes it; None is the day of the present stage.
    """
    awards = await _awards(write, project)
    ended = [award.ended for award in awards]
    pre_selected = not ended and await is_pre_selected(write, project)
    stages = rules.passages_of(ProjectStage(project.stage), ended, pre_selected=pre_selected)
    for stage in stages:
        _pass(write, project, stage, max(day or project.stage_since_on, project.stage_since_on), reason)
    await write.session.flush()
    passed = [Change("project.stage_changed", PROJECTS, [project.id], {"territory": project.territory})]
    return [*(passed if stages else []), *await _follow_in_plan(write, project, awards)]


async def observe_jobs(
    write: Write, territory: str, project_id: UUID, body: schemas.JobObservationCreate
) -> list[Change]:
    """Record jobs counted 12 or 36 months after the end. A later observation of the same term replaces this one."""
    refuse_future({"/observed_on": body.observed_on})
    project = await _project(write, territory, project_id)
    observation = JobObservation(
        territory=territory, project_id=project_id, recorded_by=write.actor.subject_id, recorded_at=write.now,
        **body.model_dump(),
    )  # fmt: skip
    write.session.add(observation)
    touch(project)
    await write.session.flush()
    bound = {"territory": territory, "project_id": project_id}
    return [
        Change("job_observation.created", JOB_OBSERVATIONS, [observation.id], bound),
        Change("project.updated", PROJECTS, [project_id], bound),
    ]


# --- financing -------------------------------------------------------------------------------------------------------


async def put_financing(write: Write, territory: str, project_id: UUID, body: schemas.FinancingPut) -> Change:
    """A new version of the plan; the same plan again changes nothing.

    Raises `financing-incomplete` (409) for a plan declared complete while uses and sources differ, `line-has-award`,
    `line-without-award` (409).
    """
    project = await _project(write, territory, project_id)
    last = await _last_plan(write, project_id)
    write.expect(last.number if last is not None else None)
    costs = await _known(write, Cost, project_id)
    lines = financing.named([line.model_dump() for line in body.lines], await _awards(write, project))
    unproven = financing.unproven(lines)
    if unproven is not None and await _detected_since_served(write, project):
        raise unproven
    bound = {"territory": territory, "project_id": project_id}
    if last is not None:
        same = (last.status, last.note) == (body.status, body.note) and await _lines(write, last) == lines
        if same:
            return Change("", FINANCING, [project_id], bound)
    await _plan(write, project, last, costs, lines, body.status, body.note)
    status = 201 if last is None else 200
    return Change("financing.planned", FINANCING, [project_id], bound, status=status)


async def _replan(write: Write, project: Project, costs: Sequence[Cost]) -> list[Change]:
    """New costs make a new draft of the plan: the same lines and what awards say, whose gaps are computed again."""
    last = await _last_plan(write, project.id)
    if last is None:
        return []
    if (last.uses_cents, last.eligible_cents) == _uses(costs):
        return []
    lines = financing.following(await _lines(write, last), await _awards(write, project))
    await _plan(write, project, last, costs, lines, PlanStatus.DRAFT, last.note)
    return [_planned(project)]


async def _follow_in_plan(write: Write, project: Project, awards: Sequence[financing.StandingAward]) -> list[Change]:
    """A version of the plan that says what the awards say, where it does not; complete as long as it is balanced."""
    last = await _last_plan(write, project.id)
    if last is None:
        return []
    known = await _lines(write, last)
    lines = financing.following(known, awards)
    if lines == known:
        return []
    if last.recorded_at == write.now:  # a second version in one transaction: the first is held to its lines now
        for when in ("IMMEDIATE", "DEFERRED"):
            await write.session.execute(text(f"SET CONSTRAINTS check_financing {when}"))
    costs = await _known(write, Cost, project.id)
    status = PlanStatus(last.status)
    if financing.gaps(_uses(costs)[0], _plan_lines(lines)):
        status = PlanStatus.DRAFT
    await _plan(write, project, last, costs, lines, status, last.note)
    return [_planned(project)]


def _planned(project: Project) -> Change:
    bound = {"territory": project.territory, "project_id": project.id}
    return Change("financing.planned", FINANCING, [project.id], bound)


async def _awards(write: Write, project: Project) -> list[financing.StandingAward]:
    """The awards that stand for a project, in the order of their decisions' records."""
    standing = union_all(*AIDED).subquery()
    c = standing.c
    asked = select(c.kind, c.id, c.amount_cents, c.reference, c.ended).where(c.project_id == project.id).order_by(c.id)
    rows = await write.session.execute(asked)
    return [
        financing.StandingAward(SourceKind(kind), key, amount_cents, reference, ended)
        for kind, key, amount_cents, reference, ended in rows
    ]


async def _detected_since_served(write: Write, project: Project) -> bool:
    """Whether all aid of the project is awarded here; an older project may have aid that was never recorded."""
    p, t = ProjectPassage, Territory
    served = select(t.served_since_on).where(t.slug == project.territory).scalar_subquery()
    asked = select(p.effective_on >= served).where(p.project_id == project.id, p.number == 1)
    return bool(await write.session.scalar(asked))


async def _plan(
    write: Write, project: Project, last: FinancingPlan | None, costs: Sequence[Cost],
    lines: Sequence[Mapping[str, Any]], status: PlanStatus, note: str | None,
) -> None:  # fmt: skip
    uses_cents, eligible_cents = _uses(costs)
    known = _plan_lines(lines)
    if status is PlanStatus.COMPLETE:
        financing.check_complete(uses_cents, known)
    planned, secured = financing.sources(known, PLANNED), financing.sources(known, SECURED)
    ratios = {
        "planned": financing.leverage(eligible_cents, planned),
        "secured": financing.leverage(eligible_cents, secured),
    }
    plan = FinancingPlan(
        territory=project.territory,
        project_id=project.id,
        number=last.number + 1 if last is not None else 1,
        status=status,
        uses_cents=uses_cents,
        eligible_cents=eligible_cents,
        sources_cents=planned.total_cents,
        secured_cents=secured.total_cents,
        gaps=[gap.public() for gap in financing.gaps(uses_cents, known)],
        note=note,
        recorded_by=write.actor.subject_id,
        recorded_at=write.now,
        **{f"{basis}_{name}": value for basis, leverage in ratios.items() for name, value in vars(leverage).items()},
    )
    write.session.add(plan)
    await write.session.flush()
    write.session.add_all(
        FinancingLine(
            territory=project.territory,
            plan_id=plan.id,
            position=place,
            grant_id=line["award_id"] if line["kind"] is SourceKind.REBOND_GRANT else None,
            advance_id=line["award_id"] if line["kind"] is SourceKind.REBOND_ADVANCE else None,
            **{name: line[name] for name in _LINE},
        )
        for place, line in enumerate(lines, 1)
    )
    await write.session.flush()


def _plan_lines(lines: Sequence[Mapping[str, Any]]) -> list[financing.PlanLine]:
    return [financing.PlanLine(line["kind"], line["source"], line["amount_cents"], line["status"]) for line in lines]


async def state_no_other_funding(
    write: Write, territory: str, project_id: UUID, body: schemas.FundingStatementCreate
) -> Change:
    """Keep a person's statement that no other public funding was found, as an act.

    Raises `other-public-aid-in-plan` (409), `person-required` (403).
    """
    stated_on = body.stated_on or clock.today()
    refuse_future({"/stated_on": stated_on})
    stated_by = person(write.actor)
    await _project(write, territory, project_id)
    last = await _last_plan(write, project_id)
    if last is not None:
        others = [
            line["amount_cents"]
            for line in await _lines(write, last)
            if line["kind"] is SourceKind.OTHER_PUBLIC_AID and line["status"] in PLANNED
        ]
        if others:
            raise OtherPublicAidInPlan(amount_cents=sum(others))
    statement = FundingStatement(
        territory=territory, project_id=project_id, stated_on=stated_on, stated_by=stated_by,
        recorded_at=write.now, **body.model_dump(exclude={"stated_on"}),
    )  # fmt: skip
    write.session.add(statement)
    await write.session.flush()
    bound = {"territory": territory, "project_id": project_id}
    return Change("funding_statement.created", FUNDING_STATEMENTS, [statement.id], bound)


# --- parts -----------------------------------------------------------------------------------------------------------


async def _project(write: Write, territory: str, project_id: UUID) -> Project:
    return await write.lock(Project, Project.id == project_id, Project.territory == territory)


def _check_period(starts_on: date | None, ends_on: date | None) -> None:
    if starts_on is not None and ends_on is not None and ends_on < starts_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/ends_on")])


def _check_owners(costs: Sequence[schemas.CostBody | Cost], holders: int) -> None:
    """Refuse a cost whose owner is none of the holders."""
    faults = [
        NOT_FOUND.at(f"/costs/{number}/holder")
        for number, cost in enumerate(costs)
        if cost.holder is not None and cost.holder > holders
    ]
    if faults:
        raise ReferenceNotFound(errors=faults)


async def _vintage(write: Write, territory: str, commune_code: str | None, day: date) -> int | None:
    """The perimeter's vintage in force on the day, which has the commune; None without a commune."""
    if commune_code is None:
        return None
    c = PerimeterCommune
    vintage: int | None = await write.session.scalar(
        select(vintage_on(literal(territory, Text()), literal(day, Date())))
    )
    same_commune = select(c.insee_code).where(
        c.territory == territory, c.vintage == vintage, c.insee_code == commune_code
    )
    if vintage is None or await write.session.scalar(same_commune) is None:
        raise CommuneOutsidePerimeter(detected_on=day.isoformat(), vintage=vintage)
    return vintage


async def _check_holders(write: Write) -> None:
    for statement in _CHECK_HOLDERS:
        await write.session.execute(statement)


def _lead(holders: Sequence[schemas.HolderBody]) -> int:
    return next((place for place, holder in enumerate(holders, 1) if holder.lead), 1)


def _holders(project: Project, holders: Sequence[schemas.HolderBody]) -> list[Holder]:
    return [
        Holder(
            project_id=project.id, territory=project.territory, position=place, kind=holder.kind, name=holder.name,
            firm_siren=holder.siren if holder.kind is HolderKind.FIRM else None,
            siren=holder.siren if holder.kind is not HolderKind.FIRM else None,
        )
        for place, holder in enumerate(holders, 1)
    ]  # fmt: skip


def _costs(project: Project, costs: Sequence[schemas.CostBody]) -> list[Cost]:
    return [
        Cost(project_id=project.id, territory=project.territory, position=place, **cost.model_dump())
        for place, cost in enumerate(costs, 1)
    ]


async def _known(write: Write, model: type[Any], project_id: UUID) -> list[Any]:
    """The children of a project in their order."""
    rows = await write.session.scalars(select(model).where(model.project_id == project_id).order_by(model.position))
    return list(rows)


def _differ(known: Sequence[Any], wanted: list[Any]) -> list[Any] | None:
    """What the request asks for, or None where it is so already."""

    def facts(rows: Sequence[Any]) -> list[dict[str, Any]]:
        return [{column.key: getattr(row, column.key) for column in row.__table__.columns} for row in rows]

    return wanted if facts(known) != facts(wanted) else None


def _passage(
    write: Write, project: Project, before: tuple[int, str, date] | None, reason: str | None = None
) -> ProjectPassage:
    number, stage, day = before or (None, None, None)
    return ProjectPassage(
        project_id=project.id, territory=project.territory, number=project.stage_number, stage=project.stage,
        effective_on=project.stage_since_on, previous_number=number, previous_stage=stage, previous_on=day,
        reason=reason, recorded_by=write.actor.subject_id, recorded_at=write.now,
    )  # fmt: skip


def _pass(write: Write, project: Project, stage: ProjectStage, day: date, reason: str | None) -> None:
    before = (project.stage_number, project.stage, project.stage_since_on)
    project.stage_number += 1
    project.stage, project.stage_since_on = stage, day
    write.session.add(_passage(write, project, before, reason))


def _uses(costs: Sequence[Cost]) -> tuple[int, int]:
    """The sum of the costs in cents, and its eligible part."""
    return (
        sum(cost.amount_cents for cost in costs),
        sum(cost.amount_cents for cost in costs if cost.kind != CostKind.NOT_ELIGIBLE),
    )


async def _last_plan(write: Write, project_id: UUID) -> FinancingPlan | None:
    v = FinancingPlan
    return await write.session.scalar(select(v).where(v.project_id == project_id).order_by(v.number.desc()).limit(1))


_LINE = ("kind", "source", "amount_cents", "status", "legal_basis", "proof_reference")


async def _lines(write: Write, plan: FinancingPlan) -> list[dict[str, Any]]:
    """The lines of a version, as a body gives them, each with its award."""
    lines = select(FinancingLine).where(FinancingLine.plan_id == plan.id).order_by(FinancingLine.position)
    rows = await write.session.scalars(lines)
    return [
        {name: getattr(row, name) for name in _LINE}
        | {"kind": SourceKind(row.kind), "status": financing.LineStatus(row.status)}
        | {"award_id": row.grant_id or row.advance_id}
        for row in rows
    ]
