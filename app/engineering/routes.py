"""HTTP of engineering: time entries, their life, and the follow-up of the days."""

from functools import cache
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.core.db import Statement, fetchrow
from app.core.listing import page, show
from app.core.problems import AlreadyExists, NotFound, ReferenceNotFound
from app.core.query import read
from app.core.routing import changes, lists, router, shows
from app.core.writes import commit, run_statement
from app.engineering import queries, rules, schemas, service
from app.engineering.queries import FOLLOW_UP, TIME_ENTRIES
from app.engineering.rules import Action
from app.programme.routes import T

engineering: APIRouter = router("engineering")

ENTRY = T + "/time-entries/{id:uuid}"
LIMITS = (
    ReferenceNotFound,
    rules.OtherOrganisation,
    rules.DaysExhausted,
    rules.AllotmentExhausted,
    rules.PersonDayExceeded,
    rules.OutsideMissionWindow,
    rules.OutsideAssignment,
    rules.OffStep,
    rules.LateEntry,
)


def _own(actor: Actor, territory: str) -> dict[str, Any]:
    """A consultant sees the entries of its own organisation alone."""
    if actor.sees_only_own("time_entries:read", territory):
        return {"organisation": actor.organisation_id}
    return {}


@engineering.get(T + "/time-entries", **lists(TIME_ENTRIES))
async def list_time_entries(request: Request, actor: Actor = require("time_entries:read")) -> Response:
    """Time entries of the territory; a consultant sees those of its own organisation."""
    return await page(request, TIME_ENTRIES, **_own(actor, request.path_params["territory"]))


@engineering.post(T + "/time-entries", **changes(schemas.TimeEntry, AlreadyExists, *LIMITS, status=201))
async def create_time_entry(
    request: Request, body: schemas.TimeEntryCreate, actor: Actor = require("time_entries:write")
) -> Response:
    """Enter a person's part of a day. Submitted (the default), it counts at once, or is refused.

    It takes the person's day (1.00 a date over all territories), the member's allotment and the mission's order.
    """
    territory = request.path_params["territory"]
    attempt = service.Attempt(actor, territory, wishes=[service.wish_of(body)])
    counts = body.status == "submitted"
    return await run_statement(
        request,
        lambda keyed: service.record(counts, keyed),
        service.entry_values(actor, body),
        TIME_ENTRIES,
        event="time_entry.created",
        territory=territory,
        location=f"/v1/territories/{territory}/time-entries/",
        explain=attempt.explain,
    )


@engineering.post(T + "/time-entries/batch", **changes(schemas.TimeEntries, AlreadyExists, *LIMITS, status=201))
async def create_time_entry_batch(
    request: Request, body: schemas.TimeEntryBatch, actor: Actor = require("time_entries:write")
) -> Response:
    """Enter up to 1 000 entries, all or nothing. Missing references are told per row, a limit as one problem."""
    attempt = service.Attempt(actor, request.path_params["territory"], pointer="/items/{}")
    return await commit(
        request, lambda write: service.create_batch(write, attempt, body), status=201, explain=attempt.explain
    )


@engineering.get(ENTRY, **shows(schemas.TimeEntry))
async def get_time_entry(request: Request, actor: Actor = require("time_entries:read")) -> Response:
    """One time entry."""
    return await show(request, TIME_ENTRIES, **_own(actor, request.path_params["territory"]))


@engineering.patch(ENTRY, **changes(schemas.TimeEntry, rules.EntryLocked, AlreadyExists, *LIMITS))
async def update_time_entry(
    request: Request, body: schemas.TimeEntryUpdate, actor: Actor = require("time_entries:write")
) -> Response:
    """Change a draft or submitted entry. A move frees the one date, member or mission and takes the other at once."""
    attempt = service.Attempt(actor, request.path_params["territory"])
    return await commit(
        request,
        lambda write: service.update_entry(write, attempt, request.path_params["id"], body),
        explain=attempt.explain,
    )


@engineering.delete(ENTRY, **changes(schemas.TimeEntry, rules.EntryLocked, rules.OtherOrganisation, status=204))
async def delete_time_entry(request: Request, actor: Actor = require("time_entries:write")) -> Response:
    """Delete a draft. What counted is reversed, never deleted."""
    attempt = service.Attempt(actor, request.path_params["territory"])
    return await commit(
        request, lambda write: service.delete_entry(write, attempt, request.path_params["id"]), status=204
    )


async def _act(request: Request, actor: Actor, action: Action, reason: str | None = None) -> Response:
    attempt = service.Attempt(actor, request.path_params["territory"])
    entry_id = request.path_params["id"]
    return await commit(
        request,
        lambda write: service.act(write, attempt, entry_id, action, reason),
        explain=attempt.explain if action is Action.SUBMIT else None,
    )


@engineering.post(ENTRY + "/submit", **changes(schemas.TimeEntry, rules.InvalidTransition, *LIMITS))
async def submit_time_entry(request: Request, actor: Actor = require("time_entries:write")) -> Response:
    """Let a draft count: it takes the person's day, the allotment and the order, or is refused."""
    return await _act(request, actor, Action.SUBMIT)


@engineering.post(ENTRY + "/recall", **changes(schemas.TimeEntry, rules.InvalidTransition, rules.OtherOrganisation))
async def recall_time_entry(request: Request, actor: Actor = require("time_entries:write")) -> Response:
    """Take a submitted or rejected entry back to draft; what it took is free at once."""
    return await _act(request, actor, Action.RECALL)


@engineering.post(
    ENTRY + "/validate",
    **changes(
        schemas.TimeEntry,
        rules.InvalidTransition,
        rules.SeparationOfDuties,
        rules.PersonRequired,
        rules.NotTheLeadFirm,
    ),
)
async def validate_time_entry(request: Request, actor: Actor = require("time_entries:validate")) -> Response:
    """Validate a submitted entry as a person of the lead firm who neither entered nor worked it."""
    return await _act(request, actor, Action.VALIDATE)


@engineering.post(
    ENTRY + "/reject",
    **changes(
        schemas.TimeEntry,
        rules.InvalidTransition,
        rules.SeparationOfDuties,
        rules.PersonRequired,
        rules.NotTheLeadFirm,
    ),
)
async def reject_time_entry(
    request: Request, body: schemas.Refusal, actor: Actor = require("time_entries:validate")
) -> Response:
    """Send a submitted entry back with a reason; what it took is free at once. It can be recalled and mended."""
    return await _act(request, actor, Action.REJECT, body.reason)


@engineering.post(ENTRY + "/reverse", **changes(schemas.TimeEntry, rules.InvalidTransition, rules.OtherOrganisation))
async def reverse_time_entry(
    request: Request, body: schemas.Refusal, actor: Actor = require("time_entries:write")
) -> Response:
    """Reverse a submitted or validated entry with a reason (*contre-passation*); what it took is free at once."""
    return await _act(request, actor, Action.REVERSE, body.reason)


@cache
def _follow_up(one_mission: bool) -> Statement:
    return queries.follow_up(one_mission)


@engineering.get(T + "/engineering", **shows(schemas.FollowUp, parameters=FOLLOW_UP))
async def get_engineering(request: Request, actor: Actor = require("engineering:read")) -> Response:
    """How many days are ordered, entered, validated, certified and left, by member and by week."""
    query = read(request, FOLLOW_UP)
    bound = {"territory": request.path_params["territory"], **query}
    row = await fetchrow(request.state.engine, _follow_up("mission_id" in query), bound)
    if "mission_id" in query and not row["missions"]:
        raise NotFound
    headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "private, no-cache"}
    return Response(row["body"] + "\n", headers=headers, media_type="application/json")
