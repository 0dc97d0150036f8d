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
    confidential notes are shown where the caller may read those objects: those of its own organisation, where it may
    read no others.
    Events about the public facts of a firm are also shown to the territories that follow it, even those from before it
    was followed, but without their actor: another territory's interest in a firm is confidential. A `territory` filter
    leaves them out.
    """
    return await feed.feed(request, sight_of(actor))


def sight_of(actor: Actor) -> feed.Sight:
    """What the actor may see of the feed: of a guarded kind what the permission to read it shows, and no more."""
    guarded: list[str] = []
    whole: list[str] = []
    own: list[str] = []
    for kind, permission in GUARDED_EVENTS.items():
        slugs = actor.territories(permission)
        if slugs is None:
            if not actor.sees_only_own(permission, None):
                continue
            own.append(kind)  # everywhere; a role of one territory may see more there
            slugs = sorted({grant.territory for grant in actor.grants if grant.territory})
        guarded.append(kind)
        for slug in slugs:
            (own if actor.sees_only_own(permission, slug) else whole).append(f"{kind} {slug}")
    return feed.Sight(
        territories=actor.territories("events:read"),
        national=actor.territories("members:read") is None,
        guarded=guarded,
        guarded_in=whole,
        guarded_own=own,
        organisation_id=actor.organisation_id,
    )
