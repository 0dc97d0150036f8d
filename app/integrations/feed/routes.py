"""The change feed over HTTP."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import GUARDED_EVENTS, Actor
from app.core.problems import InvalidCursor
from app.core.serving.operations import shows
from app.core.serving.routing import router
from app.integrations.feed import feed

events: APIRouter = router("integrations")


@events.get("/v1/events", **shows(feed.Feed, InvalidCursor, parameters=feed.PARAMETERS))
async def list_events(request: Request, actor: Actor = require("events:read")) -> Response:
    """The change feed and audit trail, in an order that never changes: no event is missed or comes twice.

    Ask again with `after=<next_cursor>`, also after an empty page. National events (organisations, members, keys,
    waves, firms) are shown to callers who may read members in all territories; events about money, contacts and
    confidential notes are shown where the caller may read those objects.
    Events about the public facts of a firm are also shown to the territories that follow it, even those from before it
    was followed, but without their actor: another territory's interest in a firm is confidential. A `territory` filter
    leaves them out.
    """
    where = {kind: actor.territories(permission) for kind, permission in GUARDED_EVENTS.items()}
    sight = feed.Sight(
        territories=actor.territories("events:read"),
        national=actor.territories("members:read") is None,
        guarded=[kind for kind, slugs in where.items() if slugs is not None],
        guarded_in=[f"{kind} {slug}" for kind, slugs in where.items() for slug in slugs or ()],
    )
    return await feed.feed(request, sight)
