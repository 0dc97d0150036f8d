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

events: APIRouter = router("access")


@events.get("/v1/events", **shows(feed.Feed, InvalidCursor, parameters=feed.PARAMETERS))
async def list_events(request: Request, actor: Actor = require("events:read")) -> Response:
    """The change feed and audit trail: nothing missed, nothing twice, never backwards.

    Ask again with `after=<next_cursor>`, also after an empty page. National events (organisations, members, keys,
    waves, firms) are shown to who reads members in all territories, events about money, contacts and confidential notes
    to who may read those.
    Events about the public facts of a firm are also shown to the territories that follow it, those before it was
    followed too, without their actor: who prospects a firm is nobody else's business. A `territory` filter leaves
    them out.
    """
    where = {kind: actor.territories(permission) for kind, permission in GUARDED_EVENTS.items()}
    sight = feed.Sight(
        territories=actor.territories("events:read"),
        national=actor.territories("members:read") is None,
        guarded=[kind for kind, slugs in where.items() if slugs is not None],
        guarded_in=[f"{kind} {slug}" for kind, slugs in where.items() for slug in slugs or ()],
    )
    return await feed.feed(request, sight)
