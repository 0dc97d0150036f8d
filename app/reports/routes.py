"""HTTP of reports: the promise of the product in one call, and its money in ten words."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core import clock
from app.core.db import Statement, fetch, fetchrow
from app.core.problems import NotFound
from app.core.reading.answers import private
from app.core.reading.query import Parameter, read
from app.core.reading.two_times import AS_OF, TWO_TIMES, both_times
from app.core.serving.operations import shows
from app.core.serving.routing import router
from app.core.values import Code, Day, Siren
from app.firms.routes import FIRM
from app.programme.routes import T
from app.programme.to_do import waiting
from app.reports import schemas
from app.reports.delays.queries import FILES, courses
from app.reports.delays.rules import STEPS, delay_of
from app.reports.summary import summary
from app.reports.to_do import KINDS
from app.reports.totals import Of, totals

reports = router("reports")

COHORT = {
    "scheme": Parameter(Code, "Files under any of these schemes.", many=True),
    "received_from": Parameter(Day, "Files received on this day or later."),
    "received_to": Parameter(Day, "Files received on this day or earlier."),
}
OF_A_FIRM = {"siren": Parameter(Siren, "Only what this firm asked for and received.")}


@reports.get(T + "/summary", **shows(schemas.Summary, parameters=TWO_TIMES))
async def get_territory_summary(request: Request, actor: Actor = require("summary:read")) -> Response:
    """Figures of one territory on a day: engineering days, envelope, advances, auditions, firms and projects.

    `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end of a past day.
    """
    times = both_times(read(request, TWO_TIMES))
    statement = summary(many=False, known=times["known_before"] is not None)
    return await _answer(request, statement, {**request.path_params, **times})


@reports.get("/v1/summary", **shows(schemas.ProgrammeSummary, parameters=TWO_TIMES))
async def get_summary(request: Request, actor: Actor = require("summary:read")) -> Response:
    """The same figures over all territories that the caller may see, and of each of them.

    Territories registered after the end of `recorded_as_of` are not among them.
    """
    times = both_times(read(request, TWO_TIMES))
    visible = actor.territories("summary:read")
    statement = summary(many=True, everywhere=visible is None, known=times["known_before"] is not None)
    return await _answer(request, statement, {"territories": visible, **times})


@reports.get(T + "/totals", **shows(schemas.TerritoryTotals, parameters={**OF_A_FIRM, **TWO_TIMES}))
async def get_territory_totals(request: Request, actor: Actor = require("grants:read")) -> Response:
    """Ten amounts of a territory, or of one firm in it, on a day: from what was requested to what was recovered.

    `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end of a past day.
    """
    query = read(request, {**OF_A_FIRM, **TWO_TIMES})
    siren = query.get("siren")
    return await _totals(request, actor, Of.TERRITORY if siren is None else Of.FIRM_THERE, query, siren=siren)


@reports.get(T + "/awards/{award_id:uuid}/totals", **shows(schemas.AidTotals, parameters=TWO_TIMES))
async def get_award_totals(request: Request, actor: Actor = require("grants:read")) -> Response:
    """The same amounts of the aid of a grant or an advance: of both instruments of its decision.

    `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end of a past day.
    """
    return await _totals(request, actor, Of.AID, read(request, TWO_TIMES))


@reports.get(FIRM + "/totals", **shows(schemas.FirmTotals, parameters=TWO_TIMES))
async def get_firm_totals(request: Request, actor: Actor = require("grants:read")) -> Response:
    """The same amounts of a firm, over all territories that the caller may see, and in each.

    `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end of a past day.
    """
    query = read(request, TWO_TIMES)
    return await _totals(request, actor, Of.FIRM, query, territories=actor.territories("grants:read"))


@reports.get(T + "/applications/delays", **shows(schemas.Delays, parameters={**COHORT, **AS_OF}))
async def get_application_delays(request: Request, actor: Actor = require("applications:read")) -> Response:
    """How long aid files take from their receipt to the first payment, without the days on which clocks stood.

    Each step has its median and 90th percentile over the files that have made it by the day.
    """
    query = read(request, {**COHORT, **AS_OF})
    as_of = query.get("as_of") or clock.today()
    bound = {**dict.fromkeys(COHORT), **query, **request.path_params, "as_of": as_of}
    found = courses(await fetch(request.state.engine, FILES, bound), as_of)
    steps = [{"since": since, "until": until, **delay_of(found, since, until)._asdict()} for since, until in STEPS]
    return private({"territory": bound["territory"], "as_of": as_of, "files": len(found), "steps": steps})


@reports.get("/v1/me/to-do", summary="List what waits for you", **shows(schemas.ToDo))
async def get_my_to_do(request: Request, actor: Actor = require("me:read")) -> Response:
    """What waits for the caller, in every territory: how many objects, since when, and where they are listed.

    It is what a first screen shows. A kind is told to who may act on it: in these territories, for this organisation,
    and only objects in which the caller took no part where others must decide.
    """
    read(request, {})
    return private({"items": await waiting(request.state.engine, KINDS, actor)})


async def _totals(request: Request, actor: Actor, of: Of, query: Mapping[str, Any], **scope: Any) -> Response:
    times = both_times(query)
    statement = totals(of, known=times["known_before"] is not None)
    bound = {**times, "reviewed": actor.territories("reviews:read"), **scope, **request.path_params}
    return await _answer(request, statement, bound)


async def _answer(request: Request, statement: Statement, bound: dict[str, object]) -> Response:
    row = await fetchrow(request.state.engine, statement, bound)
    if row is None:
        raise NotFound
    return private(row["body"])
