"""HTTP of projects: projects, their stages, totals, observed jobs, financing plans and funding statements."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.core.compare import changes as field_changes
from app.core.compare import compare
from app.core.db import fetch, fetchrow
from app.core.faults import Fault
from app.core.problems import AlreadyExists, NotFound, ReferenceNotFound, ValidationFailed
from app.core.reading.answers import page, private, show
from app.core.reading.listing import Listing
from app.core.reading.query import Parameter, read
from app.core.reading.two_times import TWO_TIMES, both_times, known_before
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.values import Uuid
from app.core.writing.writes import commit, refused_as
from app.programme.national import page_of_all
from app.programme.routes import T
from app.projects import financing, rules, schemas, service
from app.projects.queries import (
    ALL_PROJECTS,
    ALL_PROJECTS_AS_OF,
    AS_OF,
    COMPARED,
    FINANCING,
    FINANCING_THEN,
    FINANCING_VERSIONS,
    FUNDING_STATEMENTS,
    JOB_OBSERVATIONS,
    PROJECTS,
    PROJECTS_AS_OF,
    STAGES,
    STAGES_THEN,
    filters_of,
    totals,
    totals_then,
)

projects = router("projects")

PROJECT = T + "/projects/{project_id:uuid}"
KNOWN = {"recorded_as_of": TWO_TIMES["recorded_as_of"]}
WITH = {"with": Parameter(Uuid, "Id of the version to compare with; absent: the one before.")}


@projects.get(T + "/projects", **lists(PROJECTS_AS_OF))
async def list_projects(request: Request, actor: Actor = require("projects:read")) -> Response:
    """Industrial projects of the territory; with `as_of`, those detected by that day, at the stage of that day."""
    asked = "as_of" in request.query_params
    return await page(request, PROJECTS_AS_OF if asked else PROJECTS)


@projects.get("/v1/projects", **lists(ALL_PROJECTS_AS_OF))
async def list_all_projects(request: Request, actor: Actor = require("projects:read")) -> Response:
    """The same over all territories that are seen."""
    asked = "as_of" in request.query_params
    return await page_of_all(request, actor, "projects:read", ALL_PROJECTS_AS_OF if asked else ALL_PROJECTS)


@projects.post(
    T + "/projects",
    **changes(
        schemas.Project,
        AlreadyExists,
        ReferenceNotFound,
        service.CommuneOutsidePerimeter,
        service.HolderNamedTwice,
        service.DetectionReserved,
        rules.AuditionOfAnotherFirm,
        status=201,
    ),
)
async def create_project(
    request: Request, body: schemas.ProjectCreate, actor: Actor = require("projects:detect")
) -> Response:
    """Record a project that was detected. The territory follows its firms and has its commune.

    A consultant records those detected in an audition in which the consultant takes part. Raises `detection-reserved`.
    """
    territory = request.path_params["territory"]
    anywhere = actor.may("projects:write", territory)
    return await commit(
        request,
        lambda write: service.create_project(write, territory, body, met_by=None if anywhere else actor.subject_id),
        status=201,
    )


NOT_WITH_RECORDED_AS_OF = Fault(
    "not_with_recorded_as_of",
    en="q cannot be used with recorded_as_of, every other filter can: no event knows the present name of a holder.",
    fr="q ne s'emploie pas avec recorded_as_of, tout autre filtre oui : aucun événement ne connaît le nom actuel d'un"
    " porteur.",
)
OF_TOTALS = {**filters_of(PROJECTS_AS_OF), **KNOWN}


@projects.get(T + "/projects/totals", **shows(schemas.Totals, parameters=OF_TOTALS))
async def get_project_totals(request: Request, actor: Actor = require("projects:read")) -> Response:
    """Totals of the projects that the filters select: costs, jobs, stages, routes and leverage.

    `recorded_as_of` is how they were known at the end of a past day; every filter but `q` can be used with it.
    """
    query = read(request, OF_TOTALS)
    times = both_times(query)
    query.pop("recorded_as_of", None)
    shown = {name: times[name] for name in ("as_of", "recorded_as_of")}
    if times["known_before"] is not None:
        given = frozenset(query) - {"as_of"}
        if "q" in given:
            raise ValidationFailed(errors=[NOT_WITH_RECORDED_AS_OF.at("q")])
        bound = {**_prepared(PROJECTS, query), **times, **request.path_params}
        row = await fetchrow(request.state.engine, totals_then(given), bound)
        return private({**shown, **_with_leverage(from_json(row["body"]))})
    listing = PROJECTS_AS_OF if "as_of" in query else PROJECTS
    bound = {**_prepared(listing, query), **request.path_params}
    row = await fetchrow(request.state.engine, totals(listing, frozenset(query)), bound)
    return private({**shown, **_with_leverage(from_json(row["body"]))})


def _prepared(listing: Listing, query: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the filters as their conditions take them."""
    return {name: listing.filters[name].prepare(value) for name, value in query.items() if name in listing.filters}


def _with_leverage(sums: dict[str, Any]) -> dict[str, Any]:
    """The totals, with the ratios that their sums come to."""
    eligible = sums.pop("eligible")
    ratios = {}
    for basis in ("planned", "secured"):
        programme, public, whole = (sums.pop(f"{basis}_{group}") for group in ("programme", "other_public", "all"))
        money = financing.Sources(whole - programme - public, public, programme)
        by_name = vars(financing.leverage(eligible, money))
        ratios[basis] = {name: None if value is None else float(value) for name, value in by_name.items()}
    routes = [
        {
            "funding_route": route["funding_route"],
            "projects": route["projects"],
            "share": float(financing.ratio(route["projects"], sums["projects"]) or 0),
            "cost_cents": route["cost_cents"],
            "jobs_fte": route["jobs_fte"],
        }
        for route in sums["by_funding_route"]
    ]
    return sums | {"by_funding_route": routes, "leverage": ratios}


@projects.get(T + "/projects/{id:uuid}", **shows(schemas.Project, parameters={"as_of": AS_OF.parameter}))
async def get_project(request: Request, actor: Actor = require("projects:read")) -> Response:
    """One project; with `as_of`, at the stage of that day."""
    query = read(request, {"as_of": AS_OF.parameter})
    return await show(request, PROJECTS_AS_OF if query else PROJECTS, query)


@projects.patch(
    T + "/projects/{id:uuid}",
    **changes(
        schemas.Project,
        AlreadyExists,
        ReferenceNotFound,
        service.CommuneOutsidePerimeter,
        service.HolderNamedTwice,
        rules.FundingRouteMissing,
        rules.DetectedTooLate,
        rules.CostsClosed,
        rules.AuditionOfAnotherFirm,
        rules.HolderHasAward,
        rules.HolderHasFile,
        rules.FundingStatementMissing,
        rules.AwardMissing,
        rules.StageFollowsAward,
    ),
)
async def update_project(
    request: Request, body: schemas.ProjectUpdate, actor: Actor = require("projects:write")
) -> Response:
    """Change a project. Holders and costs are replaced whole; new costs make a new draft of the financing plan."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.update_project(write, path["territory"], path["id"], body),
        explain=refused_as(service.HOLDER_KEYS),
    )


@projects.get(PROJECT + "/stages", **lists(STAGES))
async def list_project_stages(request: Request, actor: Actor = require("projects:read")) -> Response:
    """Passages of a project from stage to stage, oldest first."""
    return await page(request, STAGES_THEN if "recorded_as_of" in request.query_params else STAGES)


@projects.post(
    PROJECT + "/stages",
    **changes(
        schemas.Project,
        rules.StagePassageRefused,
        rules.StageOutOfOrder,
        rules.FundingRouteMissing,
        rules.FundingStatementMissing,
        rules.AwardMissing,
        rules.StageFollowsAward,
    ),
)
async def change_project_stage(
    request: Request, body: schemas.Passage, actor: Actor = require("projects:write")
) -> Response:
    """Move a project to another stage, or back to an earlier one. The answer is the project; the passage is kept.

    Of a project that the programme aids, awards write the stages from `selected` on.
    """
    path = request.path_params
    return await commit(request, lambda write: service.pass_to(write, path["territory"], path["project_id"], body))


@projects.get(PROJECT + "/job-observations", **lists(JOB_OBSERVATIONS))
async def list_job_observations(request: Request, actor: Actor = require("projects:read")) -> Response:
    """Counts of jobs after the project's end; the last count of each term replaces the earlier ones."""
    return await page(request, JOB_OBSERVATIONS)


@projects.post(PROJECT + "/job-observations", **changes(schemas.JobObservation, status=201))
async def create_job_observation(
    request: Request, body: schemas.JobObservationCreate, actor: Actor = require("projects:write")
) -> Response:
    """Record jobs counted 12 or 36 months after the project's end."""
    path = request.path_params
    territory, project_id = path["territory"], path["project_id"]
    return await commit(
        request,
        lambda write: service.observe_jobs(write, territory, project_id, body),
        status=201,
    )


@projects.get(PROJECT + "/job-observations/{id:uuid}", **shows(schemas.JobObservation))
async def get_job_observation(request: Request, actor: Actor = require("projects:read")) -> Response:
    """One count of jobs after the project's end."""
    return await show(request, JOB_OBSERVATIONS)


@projects.get(PROJECT + "/financing", **shows(schemas.Financing, parameters=KNOWN))
async def get_financing(request: Request, actor: Actor = require("projects:read")) -> Response:
    """The last version of a project's financing plan, with its gaps and its leverage.

    `recorded_as_of` gives the version that was the last at the end of a past day.
    """
    before = known_before(read(request, KNOWN).get("recorded_as_of"))
    return await show(request, FINANCING if before is None else FINANCING_THEN, {"known_before": before})


@projects.put(
    PROJECT + "/financing",
    **changes(
        schemas.Financing,
        financing.FinancingIncomplete,
        financing.LineHasAward,
        financing.LineWithoutAward,
        may_create=True,
    ),
)
async def put_financing(
    request: Request, body: schemas.FinancingPut, actor: Actor = require("projects:write")
) -> Response:
    """Save a new version of the financing plan, with all its lines: 201 for the first, 200 after that.

    Every version is kept. `complete` is refused while costs and sources differ; the refusal names each gap. Each award
    that stands for the project has its line, which acts on the award keep: it is sent as it is.
    """
    path = request.path_params
    return await commit(
        request, lambda write: service.put_financing(write, path["territory"], path["project_id"], body)
    )


@projects.get(PROJECT + "/financing/versions", **lists(FINANCING_VERSIONS))
async def list_financing_versions(request: Request, actor: Actor = require("projects:read")) -> Response:
    """Every version of a project's financing plan, oldest first."""
    return await page(request, FINANCING_VERSIONS)


@projects.get(PROJECT + "/financing/versions/{id:uuid}", **shows(schemas.Financing))
async def get_financing_version(request: Request, actor: Actor = require("projects:read")) -> Response:
    """One version of a project's financing plan."""
    return await show(request, FINANCING_VERSIONS)


@projects.get(PROJECT + "/financing/versions/{id:uuid}/compare", **shows(schemas.FinancingComparison, parameters=WITH))
async def compare_financing_versions(request: Request, actor: Actor = require("projects:read")) -> Response:
    """What changed between two versions of a financing plan: `with`, or the one before, and this one."""
    path = request.path_params
    bound = {"with": None, **read(request, WITH), **path}
    plans = [from_json(row["body"]) for row in await fetch(request.state.engine, COMPARED, bound)]
    after = next((plan for plan in plans if plan["id"] == str(path["id"])), None)
    if after is None or (bound["with"] is not None and len(plans) == 1 and bound["with"] != path["id"]):
        raise NotFound
    before = next((plan for plan in plans if plan is not after), after if bound["with"] is not None else None)
    whole = ("status", "uses_cents", "eligible_cents", "sources_cents", "secured_cents", "note")
    body = {
        "project_id": after["project_id"],
        "before_version": before["version"] if before is not None else None,
        "after_version": after["version"],
        "fields": field_changes(
            {name: (before or {}).get(name) for name in whole}, {name: after[name] for name in whole}
        ),
        **compare(before["lines"] if before is not None else [], after["lines"], ("kind", "source")),
    }
    return private(body)


@projects.get(PROJECT + "/funding-statements", **lists(FUNDING_STATEMENTS))
async def list_funding_statements(request: Request, actor: Actor = require("projects:read")) -> Response:
    """Statements that no other public funding was found for a project."""
    return await page(request, FUNDING_STATEMENTS)


@projects.post(
    PROJECT + "/funding-statements",
    **changes(schemas.FundingStatement, service.OtherPublicAidInPlan, *BY_A_PERSON, status=201),
)
async def create_funding_statement(
    request: Request, body: schemas.FundingStatementCreate, actor: Actor = require("projects:write")
) -> Response:
    """State that no other public funding was found, and where it was searched. A statement never changes."""
    path = request.path_params
    territory, project_id = path["territory"], path["project_id"]
    return await commit(
        request,
        lambda write: service.state_no_other_funding(write, territory, project_id, body),
        status=201,
    )


@projects.get(PROJECT + "/funding-statements/{id:uuid}", **shows(schemas.FundingStatement))
async def get_funding_statement(request: Request, actor: Actor = require("projects:read")) -> Response:
    """One statement that no other public funding was found."""
    return await show(request, FUNDING_STATEMENTS)
