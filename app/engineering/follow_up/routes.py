"""HTTP of the follow-up of days: timesheets, figures, burn-down."""

from decimal import Decimal
from typing import Any, Literal

from fastapi import APIRouter
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.db import fetchrow
from app.core.faults import Fault
from app.core.problems import NotFound, ValidationFailed
from app.core.reading import documents
from app.core.reading.answers import FORMS_VARY, form_wanted, private
from app.core.reading.exports import held
from app.core.reading.listing import FORMS_OF_TABLES
from app.core.reading.negotiation import language_of, wanted
from app.core.reading.query import Parameter, read
from app.core.reading.tabular import FORMS
from app.core.reading.two_times import both_times
from app.core.schemas import Read
from app.core.serving.operations import OTHER_FORMS, shows
from app.core.serving.routing import router
from app.core.serving.shell import content_policy
from app.engineering.follow_up import burn_down, counting, outlook, picture, queries, schemas, timesheets
from app.engineering.follow_up.to_do import KINDS
from app.programme import to_do
from app.programme.routes import T

follow_up: APIRouter = router("engineering")

# The lists of the follow-up that are tables, each with what its lines are.
TABLES: dict[str, type[Read]] = {
    "by_member": schemas.MemberFollowUp,
    "by_profile": schemas.ProfileFollowUp,
    "by_activity": schemas.ActivityFollowUp,
    "by_firm": schemas.FirmFollowUp,
    "by_week": schemas.WeekFollowUp,
}
FOLLOW_UP = {
    **counting.PARAMETERS,
    **FORMS_OF_TABLES,
    "table": Parameter(
        Literal[tuple(TABLES)], "Which list of the answer a form other than JSON has; by_member by default."
    ),
}
ONLY_WITH_TABLES = Fault(
    "only_with_tables",
    en="This parameter can be used only with a table; JSON contains all lists.",
    fr="Ce paramètre ne s'emploie qu'avec un tableau ; le JSON contient toutes les listes.",
)


@follow_up.get(
    T + "/consultants/{id:uuid}/timesheets/{month:month}",
    **shows(schemas.Timesheet, documents.PdfNotInstalled, parameters=documents.FORM, forms=documents.FORMS),
)
async def get_timesheet(request: Request, actor: Actor = require("time_entries:read")) -> Response:
    """The month's timesheet of an assigned person, as JSON, or as a document to sign: PDF (tagged, PDF/UA-1) or XLSX.

    A consultant sees those of its own organisation. The documents are in the language of Accept-Language.
    """
    form, path = wanted(request, read(request, documents.FORM), documents.FORMS), request.path_params
    own = actor.own("time_entries:read", path["territory"])
    bound = {**path, **timesheets.days_of(path["month"]), **own}
    row = await fetchrow(request.state.engine, timesheets.timesheet(bool(own)), bound)
    if row is None:
        raise NotFound
    if form == "json":
        return private(row["body"], vary=FORMS_VARY)
    return await documents.answer(request, timesheets.DOCUMENT, from_json(row["body"]), form)


@follow_up.get(T + "/engineering", **shows(schemas.FollowUp, parameters=FOLLOW_UP, forms=OTHER_FORMS["content"]))
async def get_engineering(request: Request, actor: Actor = require("engineering:read")) -> Response:
    """The days ordered, entered, validated, certified and left, by member, profile, activity, firm and week.

    `as_of` gives the figures that count by a day, as known now; `recorded_as_of` gives them as they were known at the
    end of a past day. The answer also compares the days used with the time elapsed, and forecasts when the days are
    used up at the pace of the last weeks. A table has one of its lists (`table`).
    """
    query = read(request, FOLLOW_UP)
    form, table = form_wanted(request, query), query.pop("table", None)
    if form == "json" and table is not None:
        raise ValidationFailed(errors=[ONLY_WITH_TABLES.at("table")])
    territory = request.path_params["territory"]
    reports, invoices = (actor.own(f"{what}:read", territory) for what in ("activity_reports", "invoices"))
    bound = {**query, **request.path_params, **both_times(query), **reports, **invoices}
    shape = counting.shape_of(
        query,
        own_reports=bool(reports),
        own_invoices=bool(invoices),
        no_invoices=not actor.may("invoices:read", territory),
    )
    row = await fetchrow(request.state.engine, queries.follow_up(shape), bound)
    _found(row, query)
    language = language_of(request, request.state.default_language)
    body = outlook.with_outlook(
        row["totals"], row["lists"], row["expectations"], bound["as_of"], language, one_member=shape.one_member
    )
    if form != "json":
        name = table or "by_member"
        return held(request, FORMS[form], TABLES[name], from_json(body)[name])
    return private(body, vary=FORMS_VARY, content_language=language)


@follow_up.get(
    T + "/engineering/burn-down",
    **shows(schemas.BurnDown, parameters=burn_down.PARAMETERS, forms=burn_down.FORMS),
)
async def get_burn_down(request: Request, actor: Actor = require("engineering:read")) -> Response:
    """The days left, day by day or week by week, as a series or as a picture (`Accept: image/svg+xml`, `format=svg`).

    The picture can be embedded: it has axes, a legend and a text alternative, and follows the reader's light or dark
    scheme. Its words are in the language of Accept-Language. Tables have the points.
    """
    query = read(request, burn_down.PARAMETERS)
    by, form = query.pop("by", "week"), wanted(request, query, burn_down.FORMS)
    bound = {**query, **request.path_params, **both_times(query)}
    row = await fetchrow(request.state.engine, burn_down.movements(counting.shape_of(query)), bound)
    _found(row, query)
    starts_on, ends_on, as_of = row["starts_on"], row["ends_on"], bound["as_of"]
    step, points, budget = None, list[burn_down.Point](), Decimal(0)
    if starts_on is not None and ends_on is not None:
        moves = burn_down.moves_of(from_json(row["moves"] or "[]"))
        budget = sum((move.budget for move in moves), Decimal(0))
        expected = burn_down.ahead_of(row["expectations"], row["worked"], starts_on, as_of)
        step, points = burn_down.series(moves, starts_on, ends_on, as_of, by, expected)
    landing = outlook.landing_of(row["expectations"], budget, as_of)
    if form == "svg":
        language = language_of(request, request.state.default_language)
        names = burn_down.heading(row, request.path_params["territory"])
        svg = picture.picture(points, starts_on, ends_on, as_of, names, language, (landing or {}).get("days_landing"))
        headers = {
            "Vary": FORMS_VARY,
            "Cache-Control": "private, no-cache",
            "Content-Language": language,
            "Content-Security-Policy": content_policy(picture.style_source(svg)),
        }
        return Response(svg, headers=headers, media_type=burn_down.MEDIA_TYPE)
    if form != "json":
        return held(request, FORMS[form], schemas.BurnDownPoint, map(burn_down.shown, points))
    body = {
        "territory": request.path_params["territory"],
        "as_of": as_of,
        "recorded_as_of": bound["recorded_as_of"],
        "starts_on": starts_on,
        "ends_on": ends_on,
        "step_days": step,
        "landing": landing,
        "points": [burn_down.shown(point) for point in points],
    }
    return private(body, vary=FORMS_VARY)


@follow_up.get(T + "/engineering/to-do", **shows(schemas.EngineeringToDo))
async def get_engineering_to_do(request: Request, actor: Actor = require("engineering:read")) -> Response:
    """What waits for the caller in the engineering of this territory: how many, since when, and where they are listed.

    What a kind is, and who is told of it, follows from who may act: days to validate are told to the lead firm, days to
    certify to the operator.
    """
    read(request, {})
    items = await to_do.waiting(request.state.engine, KINDS, actor, request.path_params["territory"])
    return private({"items": items})


def _found(row: Any, query: dict[str, Any]) -> None:
    """A mission or member asked for that the territory does not have is not found."""
    if not row["missions"] and ("mission_id" in query or "organisation_id" in query):
        raise NotFound
