"""Corrections of certified entries over HTTP; their acceptance is with the certificates that it issues."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import PROPOSES_ACCEPTS
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.core.problems import ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.engineering.corrections import rules, schemas, service
from app.engineering.corrections.queries import CORRECTIONS
from app.engineering.entries import rules as entries
from app.engineering.entries.service import Attempt
from app.missions.rules import MissionEnded
from app.programme.routes import T

corrections: APIRouter = router("engineering")

CORRECTION = T + "/time-entry-corrections/{id:uuid}"
READ = "time_entry_corrections:read"


@corrections.get(T + "/time-entry-corrections", **lists(CORRECTIONS))
async def list_time_entry_corrections(request: Request, actor: Actor = require(READ)) -> Response:
    """Corrections of certified entries, those that ended too. A consultant sees those of its own organisation."""
    return await page(request, CORRECTIONS, **actor.own(READ, request.path_params["territory"]))


@corrections.post(
    T + "/time-entry-corrections",
    **changes(
        schemas.TimeEntryCorrection,
        ReferenceNotFound,
        *BY_A_PERSON,
        entries.OtherOrganisation,
        rules.EntryNotCertified,
        rules.CorrectionOpen,
        entries.CorrectionExceeded,
        entries.CorrectionElsewhere,
        entries.ReferencesDisagree,
        entries.OutsideMissionWindow,
        entries.OutsideAssignment,
        entries.ActivityNotListed,
        entries.OffStep,
        MissionEnded,
        entries.RestDay,
        entries.LateEntry,
        entries.PersonDayExceeded,
        entries.DaysNotYetOrdered,
        status=201,
    ),
)
async def create_time_entry_correction(
    request: Request,
    body: schemas.TimeEntryCorrectionCreate,
    actor: Actor = require("time_entry_corrections:write"),
) -> Response:
    """Propose what a certified entry of the caller's organisation should have been, and why.

    The lead firm agrees, the operator accepts: three different persons. Until then the entry stays as it is. An entry
    has one open correction at most.
    """
    attempt = Attempt(actor, request.path_params["territory"])
    return await commit(request, lambda write: service.propose(write, attempt, body), status=201)


@corrections.get(CORRECTION, **shows(schemas.TimeEntryCorrection))
async def get_time_entry_correction(request: Request, actor: Actor = require(READ)) -> Response:
    """One correction of a certified entry."""
    return await show(request, CORRECTIONS, **actor.own(READ, request.path_params["territory"]))


@corrections.post(
    CORRECTION + "/agree",
    summary="Agree to a time entry correction",
    **changes(
        schemas.TimeEntryCorrection,
        rules.CorrectionTransition,
        *PROPOSES_ACCEPTS.refusals,
        entries.NotTheLeadFirm,
    ),
)
async def agree_time_entry_correction(
    request: Request, actor: Actor = require("time_entry_corrections:agree")
) -> Response:
    """Agree to a proposed correction for the lead firm, as a person who neither proposed it nor worked the day."""
    attempt = Attempt(actor, request.path_params["territory"])
    return await commit(request, lambda write: service.agree(write, attempt, request.path_params["id"]))


@corrections.post(
    CORRECTION + "/refuse",
    **changes(schemas.TimeEntryCorrection, rules.CorrectionTransition, entries.NotTheLeadFirm, *BY_A_PERSON),
)
async def refuse_time_entry_correction(
    request: Request, body: schemas.CorrectionEnd, actor: Actor = require("time_entry_corrections:refuse")
) -> Response:
    """Refuse a correction that is proposed or agreed, for the lead firm or the operator, with a reason."""
    attempt = Attempt(actor, request.path_params["territory"])
    return await commit(request, lambda write: service.refuse(write, attempt, request.path_params["id"], body.reason))


@corrections.post(
    CORRECTION + "/withdraw",
    **changes(schemas.TimeEntryCorrection, rules.CorrectionTransition, entries.OtherOrganisation, *BY_A_PERSON),
)
async def withdraw_time_entry_correction(
    request: Request, body: schemas.CorrectionEnd, actor: Actor = require("time_entry_corrections:write")
) -> Response:
    """Withdraw a correction of the caller's organisation that is proposed or agreed, with a reason."""
    attempt = Attempt(actor, request.path_params["territory"])
    return await commit(request, lambda write: service.withdraw(write, attempt, request.path_params["id"], body.reason))
