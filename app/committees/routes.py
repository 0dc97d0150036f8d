"""HTTP of committees: meetings planned, held and closed."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.committees import rules, schemas, service
from app.committees.queries import COMMITTEES
from app.core.problems import AlreadyExists, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.programme.routes import T

committees = router("committees")

COMMITTEE = T + "/committees/{id:uuid}"


@committees.get(T + "/committees", **lists(COMMITTEES))
async def list_committees(request: Request, actor: Actor = require("committees:read")) -> Response:
    """Meetings of the steering committees of this territory, with who came and what the minutes say."""
    return await page(request, COMMITTEES)


@committees.post(
    T + "/committees",
    **changes(
        schemas.Committee,
        AlreadyExists,
        ReferenceNotFound,
        rules.ChairMissing,
        rules.MinutesBeforeTheMeeting,
        rules.MinutesAdoptedOn,
        status=201,
    ),
)
async def create_committee(
    request: Request, body: schemas.CommitteeCreate, actor: Actor = require("committees:write")
) -> Response:
    """Plan a meeting with its members, one or two of whom preside, or record one that was held already.

    With `held_at` the meeting is held at once, and its minutes can come with it: what remains is to close it. Raises
    `already-exists` for a known external_id.
    """
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.create_committee(write, territory, body),
        status=201,
    )


@committees.get(COMMITTEE, **shows(schemas.Committee))
async def get_committee(request: Request, actor: Actor = require("committees:read")) -> Response:
    """One meeting, with who presides and who came, whether the quorum was reached and what the minutes say."""
    return await show(request, COMMITTEES)


@committees.patch(
    COMMITTEE,
    **changes(
        schemas.Committee,
        rules.MeetingClosed,
        rules.MeetingDecided,
        rules.MeetingDayInUse,
        rules.MinutesBeforeTheMeeting,
        rules.MinutesAdoptedOn,
        rules.ChairMissing,
        AlreadyExists,
        ReferenceNotFound,
    ),
)
async def update_committee(
    request: Request, body: schemas.CommitteeUpdate, actor: Actor = require("committees:write")
) -> Response:
    """Change what is planned for a meeting, or record its minutes.

    A closed or cancelled meeting cannot change: `meeting-closed`.
    """
    path = request.path_params
    return await commit(request, lambda write: service.update_committee(write, path["territory"], path["id"], body))


@committees.post(
    COMMITTEE + "/hold",
    **changes(
        schemas.Committee, rules.MeetingTransition, rules.ChairMissing, rules.MinutesAdoptedOn, ReferenceNotFound
    ),
)
async def hold_committee(
    request: Request, body: schemas.CommitteeHold, actor: Actor = require("committees:write")
) -> Response:
    """Record that a planned meeting was held, who came, and its minutes where they are adopted already."""
    path = request.path_params
    return await commit(request, lambda write: service.hold(write, path["territory"], path["id"], body))


@committees.post(COMMITTEE + "/cancel", **changes(schemas.Committee, rules.MeetingTransition))
async def cancel_committee(
    request: Request, body: schemas.CommitteeCancel, actor: Actor = require("committees:write")
) -> Response:
    """Cancel a planned meeting and say why. Raises `meeting-transition` for a meeting that was held."""
    path = request.path_params
    return await commit(request, lambda write: service.cancel(write, path["territory"], path["id"], body.reason))
