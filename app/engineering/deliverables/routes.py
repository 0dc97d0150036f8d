"""HTTP of deliverables: those of a territory, and those of a mission with the acts on them and their history."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DELIVERS_DECIDES
from app.access.gate import require
from app.access.rules import Actor, EmailMissing
from app.core.problems import ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.engineering.deliverables import rules, schemas, service
from app.engineering.deliverables.queries import DELIVERABLES, DELIVERABLES_OF_MISSION, HISTORY, history
from app.engineering.deliverables.queries import deliverables as all_deliverables
from app.engineering.deliverables.queries import deliverables_of_mission as of_mission
from app.engineering.entries.rules import NotTheLeadFirm
from app.missions.rules import MissionCancelled, MissionEnded
from app.programme.routes import T

deliverables = router("engineering")

OF_MISSION = T + "/missions/{mission_id:uuid}/deliverables"
DELIVERABLE = OF_MISSION + "/{id:uuid}"

READ = "deliverables:read"
ACT = (MissionCancelled, rules.DeliverableTransition, rules.DeliverableActOutOfOrder)
IN_TIME = (*ACT, rules.VerificationOver)


def _amounts(request: Request, actor: Actor) -> bool:
    """Whether the caller reads what a reduction takes off in cents: who reads all rates, and the lead firm."""
    territory = request.path_params["territory"]
    return actor.sees_all("rates:read", territory) or actor.may("deliverables:deliver", territory)


@deliverables.get(T + "/deliverables", **lists(DELIVERABLES))
async def list_deliverables(request: Request, actor: Actor = require(READ)) -> Response:
    """Deliverables of the territory's missions, but for those of missions that were cancelled."""
    return await page(request, all_deliverables(amounts=_amounts(request, actor)), standing=True)


@deliverables.get(T + "/deliverables/{id:uuid}", **shows(schemas.Deliverable))
async def get_deliverable(request: Request, actor: Actor = require(READ)) -> Response:
    """One deliverable of a mission of the territory."""
    return await show(request, all_deliverables(amounts=_amounts(request, actor)))


@deliverables.get(OF_MISSION, **lists(DELIVERABLES_OF_MISSION))
async def list_mission_deliverables(request: Request, actor: Actor = require(READ)) -> Response:
    """Deliverables of one mission."""
    return await page(request, of_mission(amounts=_amounts(request, actor)))


@deliverables.post(OF_MISSION, **changes(schemas.Deliverable, MissionEnded, rules.WeightsExceeded, status=201))
async def create_deliverable(
    request: Request, body: schemas.DeliverableCreate, actor: Actor = require("deliverables:write")
) -> Response:
    """Order a deliverable of an open mission, by a day."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.create_deliverable(write, path["territory"], path["mission_id"], body),
        status=201,
    )


@deliverables.get(DELIVERABLE, **shows(schemas.Deliverable))
async def get_mission_deliverable(request: Request, actor: Actor = require(READ)) -> Response:
    """One deliverable of a mission."""
    return await show(request, of_mission(amounts=_amounts(request, actor)))


@deliverables.patch(
    DELIVERABLE,
    **changes(schemas.Deliverable, MissionCancelled, rules.DeliverableDelivered, rules.WeightsExceeded),
)
async def update_deliverable(
    request: Request, body: schemas.DeliverableUpdate, actor: Actor = require("deliverables:write")
) -> Response:
    """Change what is ordered, until a first version is delivered."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.update_deliverable(write, path["territory"], path["mission_id"], path["id"], body),
    )


@deliverables.post(
    DELIVERABLE + "/deliver",
    **changes(schemas.Deliverable, *ACT, rules.DocumentNotSealed, NotTheLeadFirm, EmailMissing, ReferenceNotFound),
)
async def deliver_deliverable(
    request: Request, body: schemas.Delivery, actor: Actor = require("deliverables:deliver")
) -> Response:
    """Deliver a version, for the lead firm: a document, an adopted roadmap, or the record of a closed meeting.

    The delay to verify it counts from the day of the delivery, as the framework of the mission says on that day.
    """
    path = request.path_params
    return await commit(
        request, lambda write: service.deliver(write, path["territory"], path["mission_id"], path["id"], body)
    )


@deliverables.post(DELIVERABLE + "/verify", **changes(schemas.Deliverable, *IN_TIME))
async def verify_deliverable(
    request: Request, body: schemas.DeliverableActBody, actor: Actor = require("deliverables:decide")
) -> Response:
    """Open the verification of the version that was delivered. It does not move the last day."""
    path = request.path_params
    return await commit(
        request, lambda write: service.verify(write, path["territory"], path["mission_id"], path["id"], body)
    )


@deliverables.post(DELIVERABLE + "/admit", **changes(schemas.Deliverable, *IN_TIME, *DELIVERS_DECIDES.refusals))
async def admit_deliverable(
    request: Request, body: schemas.DeliverableActBody, actor: Actor = require("deliverables:decide")
) -> Response:
    """Admit the version that is under verification, as a person who delivered none."""
    path = request.path_params
    return await commit(
        request, lambda write: service.admit(write, path["territory"], path["mission_id"], path["id"], body)
    )


@deliverables.post(DELIVERABLE + "/defer", **changes(schemas.Deliverable, *IN_TIME, *DELIVERS_DECIDES.refusals))
async def defer_deliverable(
    request: Request, body: schemas.Deferral, actor: Actor = require("deliverables:decide")
) -> Response:
    """Say what is to be mended in the version, and by when. The mended version is verified anew."""
    path = request.path_params
    return await commit(
        request, lambda write: service.defer(write, path["territory"], path["mission_id"], path["id"], body)
    )


@deliverables.post(
    DELIVERABLE + "/admit-with-reduction",
    **changes(schemas.Deliverable, *IN_TIME, *DELIVERS_DECIDES.refusals),
)
async def admit_deliverable_with_reduction(
    request: Request, body: schemas.Reduction, actor: Actor = require("deliverables:decide")
) -> Response:
    """Admit the version for less: days or cents are taken off what may be invoiced, with a reason."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.admit_with_reduction(write, path["territory"], path["mission_id"], path["id"], body),
    )


@deliverables.post(DELIVERABLE + "/reject", **changes(schemas.Deliverable, *IN_TIME, *DELIVERS_DECIDES.refusals))
async def reject_deliverable(
    request: Request, body: schemas.Rejection, actor: Actor = require("deliverables:decide")
) -> Response:
    """Reject the version, with a reason. Another version can be delivered."""
    path = request.path_params
    return await commit(
        request, lambda write: service.reject(write, path["territory"], path["mission_id"], path["id"], body)
    )


@deliverables.get(OF_MISSION + "/{deliverable_id:uuid}/history", **lists(HISTORY))
async def list_deliverable_history(request: Request, actor: Actor = require(READ)) -> Response:
    """The acts on a deliverable in the order in which they were recorded, those of silence among them."""
    return await page(request, history(amounts=_amounts(request, actor)))
