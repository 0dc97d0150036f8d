"""HTTP of engineering: time entries, their life, and the follow-up of the days."""

from typing import Any

from fastapi import APIRouter
from pydantic_core import from_json, to_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor, PersonRequired
from app.core import clock
from app.core.db import fetchrow
from app.core.problems import AlreadyExists, IfMatchMissing, NotFound, ReferenceNotFound
from app.core.reading import documents
from app.core.reading.answers import page, show
from app.core.reading.negotiation import language_of, wanted
from app.core.reading.query import Parameter, read
from app.core.reading.two_times import known_before
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.values import Uuid
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit, run_statement
from app.engineering.certificates import document as certificate_documents
from app.engineering.certificates import service as certificates
from app.engineering.entries import grid, locks, queries, rules, schemas, service, steps
from app.engineering.entries.queries import CERTIFICATES, MONTH_LOCKS, TIME_ENTRIES, WEEK_GRIDS
from app.engineering.entries.rules import Action
from app.engineering.follow_up import burn_down, timesheets
from app.engineering.follow_up import queries as follow_up
from app.programme.routes import T

engineering: APIRouter = router("engineering")

ENTRY = T + "/time-entries/{id:uuid}"
CERTIFICATE = T + "/service-certificates/{id:uuid}"
SVG = {"application/json": "json", burn_down.MEDIA_TYPE: "svg"}
LIMITS = (
    ReferenceNotFound,
    rules.OtherOrganisation,
    rules.DaysExhausted,
    rules.DaysNotYetOrdered,
    rules.AllotmentExhausted,
    rules.PersonDayExceeded,
    rules.OutsideMissionWindow,
    rules.OutsideAssignment,
    rules.OffStep,
    rules.LateEntry,
    rules.RestDay,
    rules.ActivityNotListed,
    rules.MonthLocked,
    rules.CorrectedNotReversed,
    rules.CorrectionElsewhere,
    rules.CorrectionExceeded,
    rules.ReferencesDisagree,
)
JUDGEMENT = (
    rules.InvalidTransition,
    rules.SeparationOfDuties,
    PersonRequired,
    rules.NotTheLeadFirm,
    rules.MonthLocked,
)
STEP = (rules.InvalidTransition, rules.OtherOrganisation, rules.MonthLocked)
REVERSAL = (*STEP, rules.ReversalReserved, PersonRequired)
MANY = (steps.EntriesRefused, steps.TooManyEntries)


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


@engineering.post(T + "/time-entries/batch", **changes(schemas.TimeEntries, AlreadyExists, *LIMITS, status=201))
async def create_time_entry_batch(
    request: Request, body: schemas.TimeEntryBatch, actor: Actor = require("time_entries:write")
) -> Response:
    """Enter up to 1 000 entries, all or nothing. Missing references are told per row, a limit as one problem."""
    attempt = service.Attempt(actor, request.path_params["territory"], pointer="/items/{}")
    return await commit(
        request, lambda write: service.create_batch(write, attempt, body), status=201, explain=attempt.explain
    )


WEEK_GRID = {
    "consultant_id": Parameter(Uuid, "The assignment whose week it is.", required=True),
    "week": Parameter(schemas.Week, "The ISO week, as 2023-W27.", required=True),
}


@engineering.get(T + "/time-entries/grid", **shows(schemas.WeekGrid, parameters=WEEK_GRID))
async def get_time_entry_grid(request: Request, actor: Actor = require("time_entries:read")) -> Response:
    """One person's week as a grid, an empty one too, and the entries that a grid cannot hold."""
    return await show(request, WEEK_GRIDS, read(request, WEEK_GRID), **_own(actor, request.path_params["territory"]))


@engineering.put(T + "/time-entries/grid", **changes(schemas.WeekGrid, grid.GridRefused, IfMatchMissing, *LIMITS))
async def put_time_entry_grid(
    request: Request, body: schemas.GridPut, actor: Actor = require("time_entries:write")
) -> Response:
    """Make one person's week what the grid of dates and activities says, all or nothing; the same again does nothing.

    Needs the week's ETag in If-Match. An empty cell deletes its draft or submitted entry. Validated entries stay as
    they are: their cells come unchanged. `fixed_cells` are no part of the body, and stay.
    """
    attempt = service.Attempt(actor, request.path_params["territory"])
    return await commit(request, lambda write: grid.put_grid(write, attempt, body), explain=attempt.explain)


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


async def _act(
    request: Request, actor: Actor, action: Action, reason: str | None = None, *, unnamed: bool = False
) -> Response:
    attempt = service.Attempt(actor, request.path_params["territory"])
    entry_id = request.path_params["id"]
    return await commit(
        request,
        lambda write: steps.act(write, attempt, entry_id, action, reason, unnamed=unnamed),
        explain=attempt.explain if action is Action.SUBMIT else None,
    )


async def _act_on_many(
    request: Request, actor: Actor, action: Action, chosen: schemas.Selection, reason: str | None = None
) -> Response:
    attempt = service.Attempt(actor, request.path_params["territory"])
    return await commit(
        request,
        lambda write: steps.act_on_many(write, attempt, action, chosen, reason),
        explain=attempt.explain if action is Action.SUBMIT else None,
    )


@engineering.post(ENTRY + "/submit", **changes(schemas.TimeEntry, rules.InvalidTransition, *LIMITS))
async def submit_time_entry(request: Request, actor: Actor = require("time_entries:write")) -> Response:
    """Let a draft count: it takes the person's day, the allotment and the order, or is refused."""
    return await _act(request, actor, Action.SUBMIT)


@engineering.post(T + "/time-entries/submit", **changes(schemas.TimeEntries, *MANY, *LIMITS))
async def submit_time_entries(
    request: Request, body: schemas.Selection, actor: Actor = require("time_entries:write")
) -> Response:
    """Let up to 1 000 drafts count, all or none."""
    return await _act_on_many(request, actor, Action.SUBMIT, body)


NOTHING = schemas.Recall()


@engineering.post(ENTRY + "/recall", **changes(schemas.TimeEntry, *STEP, AlreadyExists))
async def recall_time_entry(
    request: Request, body: schemas.Recall = NOTHING, actor: Actor = require("time_entries:write")
) -> Response:
    """Take a submitted or rejected entry back to draft; what it took is free at once.

    Where another entry bears the external id of a rejected one by now, `{"external_id": null}` gives it up.
    """
    return await _act(request, actor, Action.RECALL, unnamed="external_id" in body.model_fields_set)


@engineering.post(T + "/time-entries/recall", **changes(schemas.TimeEntries, *MANY, rules.MonthLocked))
async def recall_time_entries(
    request: Request, body: schemas.Selection, actor: Actor = require("time_entries:write")
) -> Response:
    """Take up to 1 000 submitted or rejected entries back to draft, all or none."""
    return await _act_on_many(request, actor, Action.RECALL, body)


@engineering.post(ENTRY + "/validate", **changes(schemas.TimeEntry, *JUDGEMENT))
async def validate_time_entry(request: Request, actor: Actor = require("time_entries:validate")) -> Response:
    """Validate a submitted entry as a person of the lead firm who neither entered nor worked it."""
    return await _act(request, actor, Action.VALIDATE)


@engineering.post(T + "/time-entries/validate", **changes(schemas.TimeEntries, *MANY, rules.MonthLocked))
async def validate_time_entries(
    request: Request, body: schemas.Selection, actor: Actor = require("time_entries:validate")
) -> Response:
    """Validate up to 1 000 submitted entries, all or none; each that cannot be is named, with the reason."""
    return await _act_on_many(request, actor, Action.VALIDATE, body)


@engineering.post(ENTRY + "/reject", **changes(schemas.TimeEntry, *JUDGEMENT))
async def reject_time_entry(
    request: Request, body: schemas.Refusal, actor: Actor = require("time_entries:validate")
) -> Response:
    """Send a submitted entry back with a reason; what it took is free at once. It can be recalled and mended."""
    return await _act(request, actor, Action.REJECT, body.reason)


@engineering.post(T + "/time-entries/reject", **changes(schemas.TimeEntries, *MANY, rules.MonthLocked))
async def reject_time_entries(
    request: Request, body: schemas.ReasonedSelection, actor: Actor = require("time_entries:validate")
) -> Response:
    """Send up to 1 000 submitted entries back with one reason, all or none."""
    return await _act_on_many(request, actor, Action.REJECT, body, body.reason)


@engineering.post(ENTRY + "/reverse", **changes(schemas.TimeEntry, *REVERSAL))
async def reverse_time_entry(
    request: Request, body: schemas.Refusal, actor: Actor = require("time_entries:reverse")
) -> Response:
    """Reverse a submitted or validated entry with a reason (*contre-passation*); what it took is free at once.

    A submitted one is reversed by its own firm, a validated one by a person of the lead firm or of the operator. The
    reversal of an entry of a locked month counts on the first open day.
    """
    return await _act(request, actor, Action.REVERSE, body.reason)


@engineering.post(T + "/time-entries/reverse", **changes(schemas.TimeEntries, *MANY, rules.MonthLocked))
async def reverse_time_entries(
    request: Request, body: schemas.ReasonedSelection, actor: Actor = require("time_entries:reverse")
) -> Response:
    """Reverse up to 1 000 submitted or validated entries with one reason, all or none."""
    return await _act_on_many(request, actor, Action.REVERSE, body, body.reason)


@engineering.get(T + "/month-locks", **lists(MONTH_LOCKS))
async def list_month_locks(request: Request, actor: Actor = require("month_locks:read")) -> Response:
    """Months that the operator has closed, and those opened again."""
    return await page(request, MONTH_LOCKS)


@engineering.post(
    T + "/month-locks",
    **changes(schemas.MonthLock, locks.MonthAlreadyLocked, ReferenceNotFound, PersonRequired, status=201),
)
async def lock_month(
    request: Request, body: schemas.MonthLockCreate, actor: Actor = require("month_locks:write")
) -> Response:
    """Close a month of a mission: what counts in it is no longer entered, changed or validated, only corrected."""
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: locks.lock_month(write, territory, body),
        status=201,
        location=f"/v1/territories/{territory}/month-locks/{{key}}",
    )


@engineering.get(T + "/month-locks/{id:uuid}", **shows(schemas.MonthLock))
async def get_month_lock(request: Request, actor: Actor = require("month_locks:read")) -> Response:
    """One closed month."""
    return await show(request, MONTH_LOCKS)


@engineering.post(T + "/month-locks/{id:uuid}/reopen", **changes(schemas.MonthLock, locks.MonthOpen, PersonRequired))
async def reopen_month(
    request: Request, body: schemas.Reopening, actor: Actor = require("month_locks:write")
) -> Response:
    """Open a closed month again, with a reason."""
    path = request.path_params
    return await commit(request, lambda write: locks.reopen_month(write, path["territory"], path["id"], body))


def _own_certificates(actor: Actor, territory: str) -> dict[str, Any]:
    """A member of the consortium, the lead too, sees its own certificates alone: they show its rates."""
    if actor.sees_only_own("service_certificates:read", territory):
        return {"organisation": actor.organisation_id}
    return {}


@engineering.get(T + "/service-certificates", **lists(CERTIFICATES))
async def list_service_certificates(request: Request, actor: Actor = require("service_certificates:read")) -> Response:
    """Service certificates and their counter-certificates; a member of the consortium sees its own."""
    return await page(request, CERTIFICATES, **_own_certificates(actor, request.path_params["territory"]))


@engineering.post(
    T + "/service-certificates",
    **changes(
        schemas.ServiceCertificate,
        certificates.NothingToCertify,
        certificates.RateMissing,
        certificates.CertifierTookPart,
        PersonRequired,
        ReferenceNotFound,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def create_service_certificate(
    request: Request, body: schemas.ServiceCertificateCreate, actor: Actor = require("service_certificates:write")
) -> Response:
    """Certify a member's validated days of a period (*attestation de service fait*). Needs an Idempotency-Key.

    Each day is priced at the rate of the person's profile on the day it was worked, each line rounded once.
    """
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: certificates.certify(write, territory, body),
        status=201,
        location=f"/v1/territories/{territory}/service-certificates/{{key}}",
        idempotency_required=True,
    )


@engineering.get(
    CERTIFICATE,
    **shows(schemas.ServiceCertificate, documents.PdfNotInstalled, parameters=documents.FORM, forms=documents.FORMS),
)
async def get_service_certificate(request: Request, actor: Actor = require("service_certificates:read")) -> Response:
    """One service certificate, as JSON, or to sign and keep: PDF (tagged, PDF/UA-1) and XLSX.

    The documents are in the language of Accept-Language.
    """
    form = wanted(request, read(request, documents.FORM), documents.FORMS)
    own = _own_certificates(actor, request.path_params["territory"])
    if form == "json":
        return await show(request, CERTIFICATES, {}, **own)
    bound = {**request.path_params, "scope_organisation": own.get("organisation")}
    row = await fetchrow(request.state.engine, certificate_documents.certificate(bool(own)), bound)
    if row is None:
        raise NotFound
    language, shown = language_of(request, request.state.default_language), from_json(row["body"])
    name = f"service-certificate-{request.path_params['territory']}-{shown['number']}"
    if form == "xlsx":
        return documents.attachment(certificate_documents.as_xlsx(shown, language), form, name, language)
    data = certificate_documents.as_data(shown, language)
    return documents.attachment(await documents.pdf(certificate_documents.TEMPLATE, data), form, name, language)


@engineering.get(CERTIFICATE + "/content", **shows(schemas.CertificateContent))
async def get_service_certificate_content(
    request: Request, actor: Actor = require("service_certificates:read")
) -> Response:
    """What the certificate was made from, entry by entry, as canonical JSON: its SHA-256 is `content_hash`.

    The answer ends with a newline, which is not hashed.
    """
    read(request, {})
    own = _own_certificates(actor, request.path_params["territory"])
    statement = queries.certificate_content(bool(own))
    row = await fetchrow(request.state.engine, statement, {**request.path_params, **own})
    if row is None:
        raise NotFound
    headers = {"Cache-Control": "private, no-cache"}
    return Response(row["content"] + "\n", headers=headers, media_type="application/json")


@engineering.post(
    CERTIFICATE + "/cancel",
    **changes(
        schemas.ServiceCertificate,
        certificates.CertificateAlreadyCancelled,
        certificates.CounterCertificate,
        PersonRequired,
        IfMatchMissing,
        status=201,
    ),
)
async def cancel_service_certificate(
    request: Request, body: schemas.Cancellation, actor: Actor = require("service_certificates:write")
) -> Response:
    """Cancel a certificate by a counter-certificate, which is the answer. Needs If-Match.

    Its days are validated days again, and may be certified anew.
    """
    path = request.path_params
    territory = path["territory"]
    return await commit(
        request,
        lambda write: certificates.cancel(write, territory, path["id"], body.reason),
        status=201,
        location=f"/v1/territories/{territory}/service-certificates/{{key}}",
    )


@engineering.get(
    T + "/consultants/{id:uuid}/timesheets/{month:month}",
    **shows(schemas.Timesheet, documents.PdfNotInstalled, parameters=documents.FORM, forms=documents.FORMS),
)
async def get_timesheet(request: Request, actor: Actor = require("time_entries:read")) -> Response:
    """The month's timesheet of an assigned person, as JSON, or to sign: PDF (tagged, PDF/UA-1) and XLSX.

    A consultant sees those of its own organisation. The documents are in the language of Accept-Language.
    """
    form, path = wanted(request, read(request, documents.FORM), documents.FORMS), request.path_params
    own = _own(actor, path["territory"])
    bound = {**path, **timesheets.days_of(path["month"]), **own}
    row = await fetchrow(request.state.engine, timesheets.timesheet(bool(own)), bound)
    if row is None:
        raise NotFound
    if form == "json":
        headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "private, no-cache"}
        return Response(row["body"] + "\n", headers=headers, media_type="application/json")
    language, sheet = language_of(request, request.state.default_language), from_json(row["body"])
    name = f"timesheet-{path['territory']}-{path['month']:%Y-%m}"
    if form == "xlsx":
        return documents.attachment(timesheets.as_xlsx(sheet, language), form, name, language)
    body = await documents.pdf(timesheets.TEMPLATE, timesheets.as_data(sheet, language))
    return documents.attachment(body, form, name, language)


@engineering.get(T + "/engineering", **shows(schemas.FollowUp, parameters=follow_up.PARAMETERS))
async def get_engineering(request: Request, actor: Actor = require("engineering:read")) -> Response:
    """How many days are ordered, entered, validated, certified and left, by member, profile, activity, firm and week.

    `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end of a past day. Beside
    it the consumption against the time elapsed, and when the days run out at the pace of the last weeks.
    """
    query = read(request, follow_up.PARAMETERS)
    bound = _two_times(request, query)
    shape = follow_up.shape_of(query)
    row = await fetchrow(request.state.engine, follow_up.follow_up(shape), bound)
    _found(row, query)
    language = language_of(request, request.state.default_language)
    body = follow_up.with_outlook(row["totals"], row["lists"], bound["as_of"], language, one_member=shape[1])
    headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "private, no-cache", "Content-Language": language}
    return Response(body, headers=headers, media_type="application/json")


@engineering.get(T + "/engineering/burn-down", **shows(schemas.BurnDown, parameters=burn_down.PARAMETERS, forms=SVG))
async def get_burn_down(request: Request, actor: Actor = require("engineering:read")) -> Response:
    """The days left day by day or week by week, as series or as a picture (`Accept: image/svg+xml`, `format=svg`).

    The picture is for embedding: it has its axes, legend and text alternative, follows the reader's light or dark
    scheme, and its words the Accept-Language.
    """
    query = read(request, burn_down.PARAMETERS)
    by, form = query.pop("by", "week"), wanted(request, query, SVG)
    bound = _two_times(request, query)
    row = await fetchrow(request.state.engine, burn_down.movements(follow_up.shape_of(query)), bound)
    _found(row, query)
    starts_on, ends_on, as_of = row["starts_on"], row["ends_on"], bound["as_of"]
    step, points = None, list[burn_down.Point]()
    if starts_on is not None and ends_on is not None:
        moves = burn_down.moves_of(from_json(row["moves"] or "[]"))
        step, points = burn_down.series(moves, starts_on, ends_on, as_of, by)
    headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "private, no-cache"}
    if form == "svg":
        language = language_of(request, request.state.default_language)
        names = burn_down.heading(row, request.path_params["territory"])
        svg = burn_down.picture(points, starts_on, ends_on, as_of, names, language)
        headers |= {"Content-Language": language, "Content-Security-Policy": burn_down.policy(svg)}
        return Response(svg, headers=headers, media_type=burn_down.MEDIA_TYPE)
    body = {
        "territory": request.path_params["territory"],
        "as_of": as_of,
        "recorded_as_of": bound["recorded_as_of"],
        "starts_on": starts_on,
        "ends_on": ends_on,
        "step_days": step,
        "points": [burn_down.shown(point) for point in points],
    }
    return Response(to_json(body) + b"\n", headers=headers, media_type="application/json")


def _two_times(request: Request, query: dict[str, Any]) -> dict[str, Any]:
    """The parameters as the follow-up's SQL wants them. Raises `ValidationFailed` for a day that is not over."""
    recorded_as_of = query.get("recorded_as_of")
    times = {"as_of": query.get("as_of") or clock.today(), "recorded_as_of": recorded_as_of}
    return {**query, **request.path_params, **times, "known_before": known_before(recorded_as_of)}


def _found(row: Any, query: dict[str, Any]) -> None:
    """A mission or member asked for that the territory does not have is not found."""
    if not row["missions"] and ("mission_id" in query or "organisation_id" in query):
        raise NotFound
