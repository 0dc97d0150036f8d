"""HTTP of engineering: time entries, their states, and closed months."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import ENTERS_VALIDATES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.core.problems import AlreadyExists, IfMatchMissing, InvalidTransition, Problem, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.reading.query import Parameter, read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.values import Uuid
from app.core.writing.writes import commit, run_statement
from app.engineering.entries import grid, locks, rules, schemas, service, steps
from app.engineering.entries.queries import ALL_TIME_ENTRIES, MONTH_LOCKS, TIME_ENTRIES, WEEK_GRIDS
from app.engineering.entries.rules import EntryAction
from app.missions.rules import MissionEnded
from app.programme.national import page_of_all
from app.programme.routes import T

entries: APIRouter = router("engineering")

ENTRY = T + "/time-entries/{id:uuid}"
COUNTING = (  # what days must keep to when they come to count
    MissionEnded,
    rules.DaysExhausted,
    rules.DaysNotYetOrdered,
    rules.AllotmentExhausted,
    rules.PersonDayExceeded,
    rules.OutsideMissionWindow,
    rules.OffStep,
    rules.LateEntry,
    rules.RestDay,
    rules.MonthLocked,
)
LIMITS = (  # and what a draft is held to already
    ReferenceNotFound,
    rules.OtherOrganisation,
    rules.OutsideAssignment,
    rules.ActivityNotListed,
    *COUNTING,
)
WHOLE = (*LIMITS, rules.ReferencesDisagree, rules.CorrectionElsewhere, rules.CorrectionExceeded)
JUDGEMENT: tuple[type[Problem], ...] = (
    InvalidTransition,
    *ENTERS_VALIDATES.refusals,
    rules.NotTheLeadFirm,
    rules.MonthLocked,
)
STEP = (InvalidTransition, rules.OtherOrganisation, rules.MonthLocked)
REVERSAL: tuple[type[Problem], ...] = (*STEP, rules.ReversalReserved, *BY_A_PERSON)
MANY = (steps.EntriesRefused, steps.TooManyEntries)


@entries.get(T + "/time-entries", **lists(TIME_ENTRIES))
async def list_time_entries(request: Request, actor: Actor = require("time_entries:read")) -> Response:
    """Time entries of the territory. A consultant sees the own firm's."""
    return await page(request, TIME_ENTRIES, **actor.own("time_entries:read", request.path_params["territory"]))


@entries.get("/v1/time-entries", **lists(ALL_TIME_ENTRIES))
async def list_all_time_entries(request: Request, actor: Actor = require("time_entries:read")) -> Response:
    """The same over all territories that are seen."""
    return await page_of_all(request, actor, "time_entries:read", ALL_TIME_ENTRIES)


@entries.post(
    T + "/time-entries", **changes(schemas.TimeEntry, AlreadyExists, *WHOLE, rules.CorrectedNotReversed, status=201)
)
async def create_time_entry(
    request: Request, body: schemas.TimeEntryCreate, actor: Actor = require("time_entries:write")
) -> Response:
    """Enter a person's part of a day on a mission.

    A submitted entry (the default) counts at once, or is refused. It takes from the person's day (1.00 a date over all
    territories), from the member's allotment and from the mission's order. A draft takes nothing.
    """
    territory = request.path_params["territory"]
    attempt = service.Attempt(actor, territory)
    location = f"/v1/territories/{territory}/time-entries/"
    if body.corrects_id is not None:
        return await commit(
            request,
            lambda write: service.create_correction(write, attempt, body),
            status=201,
            location=location + "{key}",
            explain=attempt.explain,
        )
    counts = body.status == "submitted"
    attempt.wishes = [service.wish_of(body)]
    return await run_statement(
        request,
        lambda keyed: service.record(counts, keyed),
        service.entry_values(actor, body),
        TIME_ENTRIES,
        event="time_entry.created",
        territory=territory,
        location=location,
        explain=attempt.explain,
    )


@entries.post(
    T + "/time-entries/batch",
    **changes(schemas.TimeEntries, AlreadyExists, *WHOLE, rules.CorrectedNotReversed, status=201),
)
async def create_time_entry_batch(
    request: Request, body: schemas.TimeEntryBatch, actor: Actor = require("time_entries:write")
) -> Response:
    """Enter up to 1 000 time entries: all of them, or none.

    Every reference that is not found is named with its row; a limit refuses the whole batch with one problem.
    """
    attempt = service.Attempt(actor, request.path_params["territory"], pointer="/items/{}")
    return await commit(
        request, lambda write: service.create_batch(write, attempt, body), status=201, explain=attempt.explain
    )


WEEK_GRID = {
    "consultant_id": Parameter(Uuid, "The assignment whose week it is.", required=True),
    "week": Parameter(schemas.Week, "The ISO week, as 2023-W27.", required=True),
}


@entries.get(T + "/time-entries/grid", **shows(schemas.WeekGrid, parameters=WEEK_GRID))
async def get_time_entry_grid(request: Request, actor: Actor = require("time_entries:read")) -> Response:
    """One person's week as a grid, an empty one too, and the entries that a grid cannot hold."""
    return await show(
        request,
        WEEK_GRIDS,
        read(request, WEEK_GRID),
        **actor.own("time_entries:read", request.path_params["territory"]),
    )


@entries.put(T + "/time-entries/grid", **changes(schemas.WeekGrid, grid.GridRefused, IfMatchMissing, *LIMITS))
async def put_time_entry_grid(
    request: Request, body: schemas.GridPut, actor: Actor = require("time_entries:write")
) -> Response:
    """Replace one person's week on a mission by a grid of days and activities: the whole grid, or nothing.

    Needs the week's ETag in If-Match. An empty cell deletes its draft or submitted entry. Validated and certified
    entries cannot be changed here: send their cells unchanged. `fixed_cells` are no part of the body, and stay. The
    same grid sent again changes nothing.
    """
    attempt = service.Attempt(actor, request.path_params["territory"])
    return await commit(request, lambda write: grid.put_grid(write, attempt, body), explain=attempt.explain)


@entries.get(ENTRY, **shows(schemas.TimeEntry))
async def get_time_entry(request: Request, actor: Actor = require("time_entries:read")) -> Response:
    """One time entry of the territory."""
    return await show(request, TIME_ENTRIES, **actor.own("time_entries:read", request.path_params["territory"]))


@entries.patch(ENTRY, **changes(schemas.TimeEntry, rules.EntryLocked, AlreadyExists, *WHOLE))
async def update_time_entry(
    request: Request, body: schemas.TimeEntryUpdate, actor: Actor = require("time_entries:write")
) -> Response:
    """Change fields of a draft or submitted time entry.

    Where the change moves the entry to another day, member or mission, the days there are taken and the former ones
    freed in one step.
    """
    attempt = service.Attempt(actor, request.path_params["territory"])
    return await commit(
        request,
        lambda write: service.update_entry(write, attempt, request.path_params["id"], body),
        explain=attempt.explain,
    )


@entries.delete(ENTRY, **changes(schemas.TimeEntry, rules.EntryLocked, rules.OtherOrganisation, status=204))
async def delete_time_entry(request: Request, actor: Actor = require("time_entries:write")) -> Response:
    """Delete a draft. An entry that has counted cannot be deleted: it is reversed."""
    attempt = service.Attempt(actor, request.path_params["territory"])
    return await commit(
        request, lambda write: service.delete_entry(write, attempt, request.path_params["id"]), status=204
    )


async def _act(
    request: Request, actor: Actor, action: EntryAction, reason: str | None = None, *, unnamed: bool = False
) -> Response:
    attempt = service.Attempt(actor, request.path_params["territory"])
    entry_id = request.path_params["id"]
    return await commit(
        request,
        lambda write: steps.act(write, attempt, entry_id, action, reason, unnamed=unnamed),
        explain=attempt.explain if action is EntryAction.SUBMIT else None,
    )


async def _act_on_many(
    request: Request, actor: Actor, action: EntryAction, chosen: schemas.Selection, reason: str | None = None
) -> Response:
    attempt = service.Attempt(actor, request.path_params["territory"])
    return await commit(
        request,
        lambda write: steps.act_on_many(write, attempt, action, chosen, reason),
        explain=attempt.explain if action is EntryAction.SUBMIT else None,
    )


@entries.post(
    ENTRY + "/submit",
    **changes(schemas.TimeEntry, InvalidTransition, rules.OtherOrganisation, *COUNTING, rules.CorrectionExceeded),
)
async def submit_time_entry(request: Request, actor: Actor = require("time_entries:write")) -> Response:
    """Submit a draft: from now on it counts, or it is refused.

    It takes from the person's day, from the member's allotment and from the mission's order.
    """
    return await _act(request, actor, EntryAction.SUBMIT)


@entries.post(T + "/time-entries/submit", **changes(schemas.TimeEntries, *MANY, *COUNTING, rules.CorrectionExceeded))
async def submit_time_entries(
    request: Request, body: schemas.Selection, actor: Actor = require("time_entries:write")
) -> Response:
    """Submit up to 1 000 drafts: all of them, or none."""
    return await _act_on_many(request, actor, EntryAction.SUBMIT, body)


NOTHING = schemas.Recall()


@entries.post(ENTRY + "/recall", **changes(schemas.TimeEntry, *STEP, AlreadyExists))
async def recall_time_entry(
    request: Request, body: schemas.Recall = NOTHING, actor: Actor = require("time_entries:write")
) -> Response:
    """Take a submitted or rejected entry back to draft; what it took is free at once.

    Where another entry bears the external id of a rejected one by now, `{"external_id": null}` gives it up.
    """
    return await _act(request, actor, EntryAction.RECALL, unnamed="external_id" in body.model_fields_set)


@entries.post(T + "/time-entries/recall", **changes(schemas.TimeEntries, *MANY, rules.MonthLocked))
async def recall_time_entries(
    request: Request, body: schemas.Selection, actor: Actor = require("time_entries:write")
) -> Response:
    """Turn up to 1 000 submitted or rejected entries back into drafts: all of them, or none."""
    return await _act_on_many(request, actor, EntryAction.RECALL, body)


@entries.post(ENTRY + "/validate", **changes(schemas.TimeEntry, *JUDGEMENT))
async def validate_time_entry(request: Request, actor: Actor = require("time_entries:validate")) -> Response:
    """Validate a submitted entry, as a person of the lead firm who neither entered nor worked it."""
    return await _act(request, actor, EntryAction.VALIDATE)


@entries.post(T + "/time-entries/validate", **changes(schemas.TimeEntries, *MANY, rules.MonthLocked, EmailMissing))
async def validate_time_entries(
    request: Request, body: schemas.Selection, actor: Actor = require("time_entries:validate")
) -> Response:
    """Validate up to 1 000 submitted entries: all of them, or none.

    Each entry that cannot be validated is named with the reason.
    """
    return await _act_on_many(request, actor, EntryAction.VALIDATE, body)


@entries.post(ENTRY + "/reject", **changes(schemas.TimeEntry, *JUDGEMENT))
async def reject_time_entry(
    request: Request, body: schemas.Refusal, actor: Actor = require("time_entries:validate")
) -> Response:
    """Reject a submitted entry, with a reason. The days that it took are free at once.

    Its firm can recall it, correct it and submit it again.
    """
    return await _act(request, actor, EntryAction.REJECT, body.reason)


@entries.post(T + "/time-entries/reject", **changes(schemas.TimeEntries, *MANY, rules.MonthLocked, EmailMissing))
async def reject_time_entries(
    request: Request, body: schemas.ReasonedSelection, actor: Actor = require("time_entries:validate")
) -> Response:
    """Reject up to 1 000 submitted entries, with one reason: all of them, or none."""
    return await _act_on_many(request, actor, EntryAction.REJECT, body, body.reason)


@entries.post(ENTRY + "/reverse", **changes(schemas.TimeEntry, *REVERSAL))
async def reverse_time_entry(
    request: Request, body: schemas.Refusal, actor: Actor = require("time_entries:reverse")
) -> Response:
    """Reverse a submitted or validated entry, with a reason (*contre-passation*). Its days are free at once.

    Its own firm reverses a submitted entry; a person of the lead firm or of the operator reverses a validated one. If
    the month of the entry is locked, the reversal counts on the first open day.
    """
    return await _act(request, actor, EntryAction.REVERSE, body.reason)


@entries.post(T + "/time-entries/reverse", **changes(schemas.TimeEntries, *MANY, rules.MonthLocked, EmailMissing))
async def reverse_time_entries(
    request: Request, body: schemas.ReasonedSelection, actor: Actor = require("time_entries:reverse")
) -> Response:
    """Reverse up to 1 000 submitted or validated entries, with one reason: all of them, or none."""
    return await _act_on_many(request, actor, EntryAction.REVERSE, body, body.reason)


@entries.get(T + "/month-locks", **lists(MONTH_LOCKS))
async def list_month_locks(request: Request, actor: Actor = require("month_locks:read")) -> Response:
    """Months of missions that the operator has closed, those reopened since included."""
    return await page(request, MONTH_LOCKS)


@entries.post(
    T + "/month-locks",
    **changes(schemas.MonthLock, locks.MonthAlreadyLocked, ReferenceNotFound, *BY_A_PERSON, status=201),
)
async def lock_month(
    request: Request, body: schemas.MonthLockCreate, actor: Actor = require("month_locks:write")
) -> Response:
    """Close a month of a mission: entries that count in it cannot be entered, changed or validated any more.

    They can still be reversed and corrected; both then count on the first open day.
    """
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: locks.lock_month(write, territory, body),
        status=201,
    )


@entries.get(T + "/month-locks/{id:uuid}", **shows(schemas.MonthLock))
async def get_month_lock(request: Request, actor: Actor = require("month_locks:read")) -> Response:
    """One closed month of a mission."""
    return await show(request, MONTH_LOCKS)


@entries.post(T + "/month-locks/{id:uuid}/reopen", **changes(schemas.MonthLock, locks.MonthOpen, *BY_A_PERSON))
async def reopen_month(
    request: Request, body: schemas.Reopening, actor: Actor = require("month_locks:write")
) -> Response:
    """Reopen a closed month, with a reason."""
    path = request.path_params
    return await commit(request, lambda write: locks.reopen_month(write, path["territory"], path["id"], body))
