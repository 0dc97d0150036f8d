"""HTTP of reports: the promise of the product in one call."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core import clock
from app.core.db import Statement, fetchrow
from app.core.reading.answers import private
from app.core.reading.query import read
from app.core.reading.two_times import AS_OF
from app.core.serving.operations import shows
from app.core.serving.routing import router
from app.programme.routes import T
from app.programme.to_do import waiting
from app.reports import schemas
from app.reports.summary import summary
from app.reports.to_do import KINDS

reports = router("reports")


@reports.get(T + "/summary", **shows(schemas.Summary, parameters=AS_OF))
async def get_territory_summary(request: Request, actor: Actor = require("summary:read")) -> Response:
    """Figures of one territory on a day: engineering days, envelope, advances, auditions, firms and projects."""
    as_of = read(request, AS_OF).get("as_of") or clock.today()
    return await _answer(request, summary(many=False), {"territory": request.path_params["territory"], "as_of": as_of})


@reports.get("/v1/summary", **shows(schemas.ProgrammeSummary, parameters=AS_OF))
async def get_summary(request: Request, actor: Actor = require("summary:read")) -> Response:
    """The same figures over all territories that the caller may see, and of each of them."""
    as_of = read(request, AS_OF).get("as_of") or clock.today()
    visible = actor.territories("summary:read")
    return await _answer(
        request,
        summary(many=True, everywhere=visible is None),
        {"territories": visible, "as_of": as_of},
    )


@reports.get("/v1/me/to-do", **shows(schemas.ToDo))
async def get_my_to_do(request: Request, actor: Actor = require("me:read")) -> Response:
    """What waits for the caller, in every territory: how many objects, since when, and where they are listed.

    It is what a first screen shows. A kind is told to who may act on it: in these territories, for this organisation,
    and only objects in which the caller took no part where others must decide.
    """
    read(request, {})
    return private({"items": await waiting(request.state.engine, KINDS, actor)})


async def _answer(request: Request, statement: Statement, bound: dict[str, object]) -> Response:
    row = await fetchrow(request.state.engine, statement, bound)
    return private(row["body"])
