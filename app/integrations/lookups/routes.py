"""HTTP of lookups."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.reading.answers import page
from app.core.serving.operations import lists
from app.core.serving.routing import router
from app.integrations.lookups.queries import ORGANISATIONS, PERSONS

lookups: APIRouter = router("integrations")


@lookups.get("/v1/lookups/persons", **lists(PERSONS))
async def look_up_persons(request: Request, actor: Actor = require("lookups:read")) -> Response:
    """Persons who can be named, by the beginnings of their names: id, name and organisation, nothing else.

    They are those with a role or an assignment that has not ended in a territory of the caller; national roles see all.
    """
    return await page(request, PERSONS, **_within(request, actor))


@lookups.get("/v1/lookups/organisations", **lists(ORGANISATIONS))
async def look_up_organisations(request: Request, actor: Actor = require("lookups:read")) -> Response:
    """Organisations that can be named, by the beginnings of their names.

    They are those that take part in a territory of the caller, by a role of somebody or as members of a mission;
    national roles see all organisations.
    """
    return await page(request, ORGANISATIONS, **_within(request, actor))


def _within(request: Request, actor: Actor) -> dict[str, list[str]]:
    """The caller's territories, or the one asked for if it is among them: no filter tells who takes part elsewhere."""
    territories = actor.territories("lookups:read")
    if territories is None:
        return {}
    asked = request.query_params.get("territory")
    return {"within": [slug for slug in territories if asked in (None, slug)]}
