"""HTTP of seals."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.reading.answers import page
from app.core.serving.operations import lists
from app.core.serving.routing import router
from app.integrations.seals.queries import EVENT_SEALS

event_seals: APIRouter = router("integrations")


@event_seals.get("/v1/events/seals", **lists(EVENT_SEALS))
async def list_event_seals(request: Request, actor: Actor = require("event_seals:read")) -> Response:
    """Seals of the event trail, the newest first. `rebond tick` makes them, once a day.

    A seal tells nothing of the events. Who keeps the newest one elsewhere can have the trail up to it held against it
    later (`rebond check --seal NUMBER:SHA256`): an event that was changed, removed, added or swapped is found.
    """
    return await page(request, EVENT_SEALS)
