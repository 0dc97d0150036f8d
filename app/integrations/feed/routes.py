"""The change feed over HTTP."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.problems import InvalidCursor
from app.core.serving.operations import shows
from app.core.serving.routing import router
from app.integrations.feed import feed, kinds
from app.integrations.feed.live import TooManyListeners

events: APIRouter = router("integrations")


@events.get(
    "/v1/events",
    **shows(
        feed.Feed,
        InvalidCursor,
        TooManyListeners,
        parameters=feed.PARAMETERS,
        forms=feed.FORMS,
        headed=[feed.LAST_EVENT_ID],
    ),
)
async def list_events(request: Request, actor: Actor = require("events:read")) -> Response:
    """The change feed and audit trail, in an order that never changes: no event is missed or comes twice.

    Ask again with `after=<next_cursor>`, also after an empty page; `wait` lets an empty page wait for the first event,
    and `Accept: text/event-stream` is told each as it comes, from `Last-Event-ID` on. An event is shown where the
    caller's roles let it GET objects of that kind, in that territory, of that organisation: events of before, and of
    what was deleted, too. Where the caller sees those of its own organisation alone, what is not known to be its own
    is not shown. Events about the public facts of a firm are also shown to the territories that follow it, even those
    from before it was followed, but without their actor: another territory's interest in a firm is confidential.
    Events about persons, roles and keys are shown to who reads them in all territories. A `territory` filter leaves
    out what belongs to none.
    """
    known = request.app.state.event_kinds
    return await feed.feed(request, known, kinds.sight_of(known, actor))
