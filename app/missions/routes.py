"""HTTP of missions: missions, orders, leaves for late entry, members and allotments, rates, consultants."""

from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.core import clock
from app.core.db import fetchrow
from app.core.problems import AlreadyExists, IfMatchMissing, NotFound, ReferenceNotFound
from app.core.reading.answers import page, private, show
from app.core.reading.listing import Listing
from app.core.reading.query import read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit, refused_as
from app.missions import queries, schemas, service
from app.missions.frameworks.rules import (
    FrameworkAmountsMissing,
    FrameworkExhausted,
    OrderAmountBelowZero,
    OrderFrameworkDiffers,
    OrderOutsideFramework,
)
from app.missions.queries import (
    ALLOTMENTS,
    AS_OF,
    CONSULTANTS,
    LATE_ENTRY_LEAVES,
    MEMBERS,
    MEMBERS_AS_OF,
    MISSIONS,
    MISSIONS_AS_OF,
    ORDERS,
    RATES,
    SETTINGS_AS_OF,
    THRESHOLD_CROSSINGS,
    orders,
)
from app.missions.rules import MissionAction, MissionEnded, MissionInUse, MissionTransition
from app.programme.routes import T

missions = router("missions")

MISSION = T + "/missions/{mission_id:uuid}"


@missions.get(T + "/missions", **lists(MISSIONS_AS_OF))
async def list_missions(request: Request, actor: Actor = require("missions:read")) -> Response:
    """Engineering missions of the territory, with the days and the window that their orders add up to.

    With `as_of`, their settings are those of that day.
    """
    return await page(request, MISSIONS_AS_OF if "as_of" in request.query_params else MISSIONS)


@missions.post(T + "/missions", **changes(schemas.Mission, AlreadyExists, status=201))
async def create_mission(
    request: Request, body: schemas.MissionCreate, actor: Actor = require("missions:write")
) -> Response:
    """Create a mission. It has no days until its initial order is recorded."""
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.create_mission(write, territory, body),
        status=201,
    )


@missions.get(T + "/missions/{id:uuid}", **shows(schemas.Mission, parameters={"as_of": SETTINGS_AS_OF.parameter}))
async def get_mission(request: Request, actor: Actor = require("missions:read")) -> Response:
    """One mission, with the days and the window that its orders add up to; with `as_of`, its settings of that day."""
    query = read(request, {"as_of": SETTINGS_AS_OF.parameter})
    return await show(request, MISSIONS_AS_OF if query else MISSIONS, query)


@missions.patch(
    T + "/missions/{id:uuid}",
    **changes(
        schemas.Mission,
        service.StepInUse,
        service.ActivityInUse,
        service.TravelNotCounted,
        service.EntriesOnRestDays,
        AlreadyExists,
    ),
)
async def update_mission(
    request: Request, body: schemas.MissionUpdate, actor: Actor = require("missions:write")
) -> Response:
    """Change a mission's name, step, grace, activities or days of rest, from today on.

    What held before is read with `as_of`. A change that entries which count already would break is refused.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.update_mission(write, path["territory"], path["id"], body),
        explain=refused_as({"activity_not_listed": service.ActivityInUse}),
    )


async def _act(request: Request, action: MissionAction, reason: str) -> Response:
    path = request.path_params
    return await commit(
        request,
        lambda write: service.act(write, path["territory"], path["id"], action, reason),
        explain=service.explain_reopening(path["id"]) if action is MissionAction.REOPEN else None,
    )


@missions.post(T + "/missions/{id:uuid}/close", **changes(schemas.Mission, MissionTransition, *BY_A_PERSON))
async def close_mission(
    request: Request, body: schemas.MissionEnding, actor: Actor = require("missions:write")
) -> Response:
    """Close a mission that is over, with a reason: no days can be entered in it any more, and all of it is readable.

    What was entered can still be validated, certified, reversed and paid.
    """
    return await _act(request, MissionAction.CLOSE, body.reason)


@missions.post(
    T + "/missions/{id:uuid}/cancel", **changes(schemas.Mission, MissionTransition, MissionInUse, *BY_A_PERSON)
)
async def cancel_mission(
    request: Request, body: schemas.MissionEnding, actor: Actor = require("missions:write")
) -> Response:
    """Cancel a mission that was made by mistake and in which nothing ever counted, with a reason.

    The follow-up and the summaries of the territory leave it out, its orders too, which come back to their framework;
    at its own address all of it stays.
    """
    return await _act(request, MissionAction.CANCEL, body.reason)


@missions.post(
    T + "/missions/{id:uuid}/reopen",
    **changes(
        schemas.Mission,
        MissionTransition,
        AlreadyExists,
        FrameworkExhausted,
        FrameworkAmountsMissing,
        OrderOutsideFramework,
        *BY_A_PERSON,
    ),
)
async def reopen_mission(
    request: Request, body: schemas.MissionEnding, actor: Actor = require("missions:write")
) -> Response:
    """Reopen a closed or cancelled mission, with a reason.

    The orders of a cancelled one count in their framework again: `framework-exhausted` where that has no room left. So
    does its external id: `already-exists` where another mission has it by now.
    """
    return await _act(request, MissionAction.REOPEN, body.reason)


@cache
def _terms() -> Any:
    return queries.terms()


@missions.get(MISSION + "/terms", **shows(schemas.MissionTerms, parameters=AS_OF))
async def get_mission_terms(request: Request, actor: Actor = require("missions:read")) -> Response:
    """The days, the window and the allotments of a mission on a day, by what was signed and decided up to then."""
    bound = {"as_of": clock.today(), **read(request, AS_OF), **request.path_params}
    row = await fetchrow(request.state.engine, _terms(), bound)
    if row is None:
        raise NotFound
    return private(row["body"])


def _orders(request: Request, actor: Actor) -> Listing:
    """Orders with their amounts for who reads all rates: of an order, rates of others could be computed."""
    return orders(amounts=actor.sees_all("rates:read", request.path_params["territory"]))


@missions.get(MISSION + "/orders", **lists(ORDERS))
async def list_orders(request: Request, actor: Actor = require("missions:read")) -> Response:
    """The initial order of a mission and its amendments, oldest first."""
    return await page(request, _orders(request, actor))


@missions.post(
    MISSION + "/orders",
    **changes(
        schemas.Order,
        AlreadyExists,
        service.SecondInitialOrder,
        service.OrderMissing,
        service.OrderedBelowEntered,
        service.AmendmentTooEarly,
        service.AllotmentsExceedOrder,
        service.EntriesOutsideWindow,
        service.MissionWindow,
        MissionEnded,
        FrameworkExhausted,
        OrderOutsideFramework,
        OrderFrameworkDiffers,
        OrderAmountBelowZero,
        ReferenceNotFound,
        *BY_A_PERSON,
        status=201,
    ),
)
async def create_order(
    request: Request, body: schemas.OrderCreate, actor: Actor = require("missions:write")
) -> Response:
    """Record the initial order of a mission, or an amendment.

    `days` is what this order adds; the dates it gives replace those of the window. An amendment that only moves the end
    adds 0 days. The days ordered cannot fall below those entered or allotted. An order that names a framework stays
    within its maximum: `framework-exhausted`.
    """
    path = request.path_params
    territory, mission_id = path["territory"], path["mission_id"]
    return await commit(
        request,
        lambda write: service.create_order(write, territory, mission_id, body),
        status=201,
        explain=service.explain_order(mission_id, body),
    )


@missions.get(MISSION + "/orders/{id:uuid}", **shows(schemas.Order))
async def get_order(request: Request, actor: Actor = require("missions:read")) -> Response:
    """One order or amendment of a mission."""
    return await show(request, _orders(request, actor))


@missions.get(MISSION + "/late-entry-leaves", **lists(LATE_ENTRY_LEAVES))
async def list_late_entry_leaves(request: Request, actor: Actor = require("missions:read")) -> Response:
    """Leaves for late entry that the operator granted for a mission."""
    return await page(request, LATE_ENTRY_LEAVES)


@missions.post(MISSION + "/late-entry-leaves", **changes(schemas.LateEntryLeave, *BY_A_PERSON, status=201))
async def grant_late_entry(
    request: Request, body: schemas.LateEntryLeaveCreate, actor: Actor = require("missions:write")
) -> Response:
    """Allow days of a mission to be entered until a day, although the grace after its end has passed."""
    path = request.path_params
    territory, mission_id = path["territory"], path["mission_id"]
    return await commit(
        request,
        lambda write: service.grant_late_entry(write, territory, mission_id, body),
        status=201,
    )


@missions.get(MISSION + "/late-entry-leaves/{id:uuid}", **shows(schemas.LateEntryLeave))
async def get_late_entry_leave(request: Request, actor: Actor = require("missions:read")) -> Response:
    """One leave for late entry of a mission."""
    return await show(request, LATE_ENTRY_LEAVES)


@missions.get(MISSION + "/members", **lists(MEMBERS_AS_OF))
async def list_mission_members(request: Request, actor: Actor = require("missions:read")) -> Response:
    """Members of the consortium, the lead and the partners, with the days allotted to each, now or by a day."""
    return await page(request, MEMBERS_AS_OF if "as_of" in request.query_params else MEMBERS)


@missions.post(
    MISSION + "/members",
    **changes(
        schemas.MissionMember,
        AlreadyExists,
        ReferenceNotFound,
        service.SecondLead,
        service.AllotmentsExceedOrder,
        status=201,
    ),
)
async def create_mission_member(
    request: Request, body: schemas.MissionMemberCreate, actor: Actor = require("missions:write")
) -> Response:
    """Add a consultancy to the consortium, with its allotment of days.

    All allotments together cannot exceed the days ordered.
    """
    path = request.path_params
    territory, mission_id = path["territory"], path["mission_id"]
    return await commit(
        request,
        lambda write: service.create_member(write, territory, mission_id, body),
        status=201,
        explain=service.explain_allotment(mission_id, body.days_allotted),
    )


@missions.get(MISSION + "/members/{id:uuid}", **shows(schemas.MissionMember))
async def get_mission_member(request: Request, actor: Actor = require("missions:read")) -> Response:
    """One member of the consortium, with the days allotted to it."""
    return await show(request, MEMBERS)


@missions.patch(
    MISSION + "/members/{id:uuid}",
    **changes(schemas.MissionMember, service.SecondLead, service.AllotmentsExceedOrder, service.AllotmentBelowEntered),
)
async def update_mission_member(
    request: Request, body: schemas.MissionMemberUpdate, actor: Actor = require("missions:write")
) -> Response:
    """Change a member's role or allotment. An allotment cannot fall below what the member has entered."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.update_member(write, path["territory"], path["mission_id"], path["id"], body),
        explain=service.explain_allotment(path["mission_id"], body.days_allotted, path["id"]),
    )


@missions.get(MISSION + "/allotments", **lists(ALLOTMENTS))
async def list_allotments(request: Request, actor: Actor = require("missions:read")) -> Response:
    """Acts that allotted days to members or took days from them, oldest first."""
    return await page(request, ALLOTMENTS)


@missions.get(MISSION + "/allotments/{id:uuid}", **shows(schemas.Allotment))
async def get_allotment(request: Request, actor: Actor = require("missions:read")) -> Response:
    """One act that allotted days to a member or took days from it."""
    return await show(request, ALLOTMENTS)


@missions.get(MISSION + "/threshold-crossings", **lists(THRESHOLD_CROSSINGS))
async def list_threshold_crossings(request: Request, actor: Actor = require("missions:read")) -> Response:
    """Alert thresholds that the days entered have reached, oldest first."""
    return await page(request, THRESHOLD_CROSSINGS)


@missions.get(MISSION + "/rates", **lists(RATES))
async def list_rates(request: Request, actor: Actor = require("rates:read")) -> Response:
    """Day rates, excluding VAT, by member and profile; a member of the consortium sees its own alone."""
    return await page(request, RATES, **actor.own("rates:read", request.path_params["territory"]))


@missions.post(MISSION + "/rates", **changes(schemas.Rate, ReferenceNotFound, service.RatesOverlap, status=201))
async def create_rate(request: Request, body: schemas.RateCreate, actor: Actor = require("rates:write")) -> Response:
    """Record what a member is paid for a day of a profile.

    Two rates of the same member and profile cannot share a day: `rates-overlap`.
    """
    path = request.path_params
    territory, mission_id = path["territory"], path["mission_id"]
    return await commit(
        request,
        lambda write: service.create_rate(write, territory, mission_id, body),
        status=201,
    )


@missions.get(MISSION + "/rates/{id:uuid}", **shows(schemas.Rate))
async def get_rate(request: Request, actor: Actor = require("rates:read")) -> Response:
    """One day rate, excluding VAT."""
    return await show(request, RATES, **actor.own("rates:read", request.path_params["territory"]))


@missions.patch(
    MISSION + "/rates/{id:uuid}",
    **changes(schemas.Rate, service.RateCertified, service.RatesOverlap, IfMatchMissing),
)
async def update_rate(request: Request, body: schemas.RateUpdate, actor: Actor = require("rates:write")) -> Response:
    """Change a rate's amount or last day; If-Match is required.

    A rate that priced certified days can only be ended, not before the last of them: `rate-certified`.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.update_rate(write, path["territory"], path["mission_id"], path["id"], body),
        explain=service.explain_rate(path["id"]),
    )


@missions.get(T + "/consultants", **lists(CONSULTANTS))
async def list_consultants(request: Request, actor: Actor = require("missions:read")) -> Response:
    """Assignments of persons to the missions of this territory."""
    return await page(request, CONSULTANTS)


@missions.post(
    T + "/consultants",
    **changes(
        schemas.Consultant, ReferenceNotFound, service.PersonNotInConsortium, service.AlreadyAssigned, status=201
    ),
)
async def create_consultant(
    request: Request, body: schemas.ConsultantCreate, actor: Actor = require("missions:write")
) -> Response:
    """Assign a person of a member organisation to a mission, from a day on or between two days."""
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.create_consultant(write, territory, body),
        status=201,
    )


@missions.get(T + "/consultants/{id:uuid}", **shows(schemas.Consultant))
async def get_consultant(request: Request, actor: Actor = require("missions:read")) -> Response:
    """One assignment of a person to a mission."""
    return await show(request, CONSULTANTS)


@missions.patch(
    T + "/consultants/{id:uuid}",
    **changes(schemas.Consultant, service.AlreadyAssigned, service.EntriesOutsideAssignment, service.ProfileCertified),
)
async def update_consultant(
    request: Request, body: schemas.ConsultantUpdate, actor: Actor = require("missions:write")
) -> Response:
    """Change an assignment's profile or days. Entries that count must stay within the days.

    The profile as which certified days are paid stays: `profile-certified`.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.update_consultant(write, path["territory"], path["id"], body),
        explain=refused_as({"outside_assignment": service.EntriesOutsideAssignment}),
    )
