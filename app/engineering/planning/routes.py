"""HTTP of planning: the plan of a mission and its versions, and what remains to be done."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.problems import ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.reading.query import read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.engineering.entries.rules import NotTheLeadFirm
from app.engineering.planning import schemas, service
from app.engineering.planning.queries import AS_OF, PLAN, PLAN_AS_OF, PLAN_VERSIONS, REMAINING_DAYS
from app.engineering.planning.rules import PlanOutOfOrder
from app.missions.routes import MISSION
from app.missions.rules import MissionCancelled, MissionEnded

planning: APIRouter = router("engineering")


@planning.get(MISSION + "/plan", **shows(schemas.MissionPlan, parameters={"as_of": AS_OF}))
async def get_mission_plan(request: Request, actor: Actor = require("plans:read")) -> Response:
    """The plan of a mission's days by week, for persons and profiles: the last version, or the one that holds on a day.

    It also tells in which weeks a person is planned for more than five days, over all missions.
    """
    query = read(request, {"as_of": AS_OF})
    return await show(request, PLAN_AS_OF if query else PLAN, query)


@planning.put(
    MISSION + "/plan",
    **changes(schemas.MissionPlan, PlanOutOfOrder, MissionEnded, NotTheLeadFirm, ReferenceNotFound, may_create=True),
)
async def put_mission_plan(request: Request, body: schemas.PlanPut, actor: Actor = require("plans:write")) -> Response:
    """Save a new version of the plan, with all its lines: 201 for the first, 200 after that.

    The lead firm of the mission plans. The same plan sent again changes nothing.
    """
    path = request.path_params
    return await commit(request, lambda write: service.put_plan(write, path["territory"], path["mission_id"], body))


@planning.get(MISSION + "/plan/versions", **lists(PLAN_VERSIONS))
async def list_mission_plan_versions(request: Request, actor: Actor = require("plans:read")) -> Response:
    """Every version of a mission's plan, oldest first."""
    return await page(request, PLAN_VERSIONS)


@planning.get(MISSION + "/plan/versions/{id:uuid}", **shows(schemas.MissionPlan))
async def get_mission_plan_version(request: Request, actor: Actor = require("plans:read")) -> Response:
    """One version of a mission's plan."""
    return await show(request, PLAN_VERSIONS)


@planning.get(MISSION + "/remaining-days", **lists(REMAINING_DAYS))
async def list_remaining_days(request: Request, actor: Actor = require("remaining_days:read")) -> Response:
    """What the lead firm said remains to be done of a mission, oldest first; the last one by its day holds."""
    return await page(request, REMAINING_DAYS)


@planning.post(
    MISSION + "/remaining-days", **changes(schemas.RemainingDays, MissionCancelled, NotTheLeadFirm, status=201)
)
async def state_remaining_days(
    request: Request, body: schemas.RemainingDaysCreate, actor: Actor = require("remaining_days:write")
) -> Response:
    """State how many days remain to be done at the end of a day, with the reason.

    The follow-up adds them to the days done: that is where the mission lands.
    """
    path = request.path_params
    return await commit(
        request, lambda write: service.state_remaining(write, path["territory"], path["mission_id"], body), status=201
    )


@planning.get(MISSION + "/remaining-days/{id:uuid}", **shows(schemas.RemainingDays))
async def get_remaining_days(request: Request, actor: Actor = require("remaining_days:read")) -> Response:
    """One statement of what remains to be done."""
    return await show(request, REMAINING_DAYS)
