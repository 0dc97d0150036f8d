"""HTTP of advances: awards, tranches, schedule, repayments, statement."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DECIDES_RECEIVES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.advances import paper, schedule, schemas, service
from app.advances.account import KnownAccount, facts_of
from app.advances.amendments.routes import serve_amendments
from app.advances.legal_rates.rules import LegalRateMissing
from app.advances.queries import ADVANCES, ALL_ADVANCES, HEADED, REPAYMENTS, account
from app.advances.receipts.rules import AlreadyBounced, BouncedBeforeReceipt, RepaymentRefunded
from app.advances.receipts.schemas import Bounce
from app.advances.rules import RepaymentExceedsOutstanding
from app.advances.schedule import CashFlow, Instalment
from app.advances.statement import in_force, paid_out, planned_lines, shown_lines, statement
from app.awards import service as awards
from app.awards.change_requests.routes import serve_change_requests
from app.awards.claims.routes import serve_claims
from app.awards.closing_routes import serve_closing
from app.awards.commitments.routes import serve_commitments
from app.awards.life.routes import serve_life
from app.awards.rules import AwardEnded, BeforeDecision, PaymentsInFlight
from app.awards.schemas import Release
from app.core.db import fetchrow
from app.core.problems import (
    AlreadyExists,
    BodyTooLarge,
    IfMatchMissing,
    MalformedJson,
    NotFound,
    ReferenceNotFound,
    RequestTimeout,
    UnsupportedMediaType,
)
from app.core.reading import documents
from app.core.reading.answers import FORMS_VARY, form_wanted, page, private, show
from app.core.reading.exports import held
from app.core.reading.listing import FORMS_OF_TABLES, HEADINGS
from app.core.reading.negotiation import wanted
from app.core.reading.query import Parameter, read
from app.core.reading.tabular import FORMS
from app.core.reading.two_times import TWO_TIMES, both_times
from app.core.reading.xlsx import MEDIA_TYPE as XLSX
from app.core.serving.operations import OTHER_FORMS, changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes.ledger import AlreadyReversed, EnvelopeExhausted
from app.envelopes.schemas import Reversal
from app.programme.national import page_of_all
from app.programme.routes import T

advances = router("advances")

ADVANCE = T + "/advances/{advance_id:uuid}"
VersionNumber = Annotated[int, Field(ge=1, le=2**31 - 1)]
VERSION = {"version": Parameter(VersionNumber, "Number of the version asked for, from 1; absent: the one in force.")}
STATEMENT_FORMS = {
    "application/json": "json", "text/csv": "csv", "application/x-ndjson": "ndjson", XLSX: "xlsx", documents.PDF: "pdf",
}  # fmt: skip
STATEMENT_FORM = Parameter(
    Literal["json", "csv", "csv-fr", "ndjson", "xlsx", "pdf"],
    "The representation; it outweighs Accept. csv, csv-fr, ndjson and xlsx have the lines, pdf the whole for the firm.",
)
BODY_PROBLEMS = (MalformedJson, UnsupportedMediaType, BodyTooLarge, RequestTimeout)


@advances.get(T + "/advances", **lists(ADVANCES))
async def list_advances(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Repayable advances of the territory."""
    return await page(request, ADVANCES)


@advances.get("/v1/advances", **lists(ALL_ADVANCES))
async def list_all_advances(request: Request, actor: Actor = require("advances:read")) -> Response:
    """The same over all territories that the caller may see."""
    return await page_of_all(request, actor, "advances:read", ALL_ADVANCES)


@advances.get(T + "/advances/{id:uuid}", **shows(schemas.Advance))
async def get_advance(request: Request, actor: Actor = require("advances:read")) -> Response:
    """One repayable advance."""
    return await show(request, ADVANCES)


@advances.post(
    T + "/advances/{id:uuid}/release",
    **changes(schemas.Advance, AwardEnded, BeforeDecision, PaymentsInFlight, *BY_A_PERSON, IfMatchMissing),
)
async def release_advance(request: Request, body: Release, actor: Actor = require("advances:award")) -> Response:
    """Release what is not disbursed to the envelope. If-Match is required."""
    path = request.path_params
    return await commit(
        request, lambda write: awards.release(write, service.ADVANCE, path["territory"], path["id"], body)
    )


@advances.get(ADVANCE + "/repayments", **lists(REPAYMENTS))
async def list_repayments(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Repayments of an advance."""
    return await page(request, REPAYMENTS)


@advances.post(
    ADVANCE + "/repayments",
    **changes(
        schemas.Repayment,
        RepaymentExceedsOutstanding,
        AlreadyExists,
        ReferenceNotFound,
        *DECIDES_RECEIVES.refusals,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def receive_repayment(
    request: Request, body: schemas.RepaymentCreate, actor: Actor = require("advances:pay")
) -> Response:
    """Record money that came in for one advance: a receipt that is assigned at once. An Idempotency-Key is required.

    It pays what is due, the oldest first (fees, late interest, interest, principal), then what falls due that day, then
    future lines by the agreement's rule; what is more is overpaid.
    """
    path = request.path_params
    territory, advance_id = path["territory"], path["advance_id"]
    return await commit(
        request,
        lambda write: service.receive_repayment(write, territory, advance_id, body),
        status=201,
        idempotency_required=True,
    )


@advances.get(ADVANCE + "/repayments/{id:uuid}", **shows(schemas.Repayment))
async def get_repayment(request: Request, actor: Actor = require("advances:read")) -> Response:
    """One repayment of an advance."""
    return await show(request, REPAYMENTS)


@advances.post(
    ADVANCE + "/repayments/{id:uuid}/bounce",
    **changes(
        schemas.Repayment,
        AlreadyBounced,
        BouncedBeforeReceipt,
        AlreadyReversed,
        *DECIDES_RECEIVES.refusals,
        IfMatchMissing,
    ),
)
async def bounce_repayment(request: Request, body: Bounce, actor: Actor = require("advances:pay")) -> Response:
    """Record that the bank sent a repayment back: the firm owes it again from its first day on. Needs If-Match.

    The envelope gives back what was recycled on the day of the bounce; what it no longer has is its `shortfall_cents`,
    which the next money of that contribution fills first.
    """
    path = request.path_params
    return await commit(
        request,
        lambda write: service.bounce_repayment(write, path["territory"], path["advance_id"], path["id"], body),
    )


@advances.post(
    ADVANCE + "/repayments/{id:uuid}/reverse",
    **changes(
        schemas.Repayment,
        AlreadyReversed,
        RepaymentRefunded,
        EnvelopeExhausted,
        *DECIDES_RECEIVES.refusals,
        IfMatchMissing,
    ),
)
async def reverse_repayment(request: Request, body: Reversal, actor: Actor = require("advances:pay")) -> Response:
    """Reverse a mistaken repayment, giving a reason: the firm owes it again. If-Match is required."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.reverse_repayment(write, path["territory"], path["advance_id"], path["id"], body),
    )


@advances.get(
    ADVANCE + "/schedule",
    **shows(schemas.Schedule, parameters={**FORMS_OF_TABLES, **VERSION, **TWO_TIMES}, forms=OTHER_FORMS["content"]),
)
async def get_schedule(request: Request, actor: Actor = require("advances:read")) -> Response:
    """The repayment schedule in the version in force on a day, or in the one that is asked for.

    Before the first tranche it is shown as if all were paid on the planned day, else on that of the decision
    (`assumes_paid_on`). `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end
    of a past day. A version is never changed: two of them can be compared line by line.
    """
    query = read(request, {**FORMS_OF_TABLES, **VERSION, **TWO_TIMES})
    form = form_wanted(request, query)
    times = both_times(query)
    known = await _known(request, times)
    number = query.get("version")
    version = in_force(known, times["as_of"], number)
    if number is not None and version is None:
        raise NotFound
    paid = paid_out(known, max(times["as_of"], version.from_on) if version else times["as_of"])
    lines = shown_lines(version.lines, paid) if version else planned_lines(known, times["as_of"])
    if form != "json":
        return held(request, FORMS[form], schemas.VersionLine, lines)
    more = {
        "advance_id": request.path_params["advance_id"],
        "version": version.number if version else None,
        "from_on": version.from_on if version else None,
        "cause": version.cause if version else None,
        "disbursed_cents": sum(each.cents for each in paid),
        "outstanding_cents": version.outstanding_cents if version else 0,
        "assumes_paid_on": None if version or not lines else known.planned_on,
        "as_of": times["as_of"],
        "recorded_as_of": times["recorded_as_of"],
    }
    return private(
        {**more, **schemas.shown_version(lines, version.outstanding_cents if version else None)},
        vary="Accept, Accept-Language",
    )


@advances.get(
    ADVANCE + "/statement",
    **shows(
        schemas.AdvanceStatement,
        LegalRateMissing,
        documents.PdfNotInstalled,
        parameters={"format": STATEMENT_FORM, "headings": HEADINGS, **TWO_TIMES},
        forms=STATEMENT_FORMS,
    ),
)
async def get_statement(request: Request, actor: Actor = require("advances:read")) -> Response:
    """What is due, received, late and outstanding on a day, line by line; as PDF for the firm (tagged, PDF/UA-1).

    The tables have the lines alone. `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known
    at the end of a past day.
    """
    query = read(request, {"format": STATEMENT_FORM, "headings": HEADINGS, **TWO_TIMES})
    form = wanted(request, query, STATEMENT_FORMS)
    times = both_times(query)
    told = statement(await _known(request, times), times["as_of"])
    if form in FORMS:
        return held(request, FORMS[form], schemas.StatementLine, told["lines"])
    shown = {"advance_id": request.path_params["advance_id"], "as_of": times["as_of"]}
    shown |= {"recorded_as_of": times["recorded_as_of"], **told}
    if form == "pdf":
        head = dict(await fetchrow(request.state.engine, HEADED, dict(request.path_params)))
        return await documents.answer(request, paper.DOCUMENT, {**shown, "head": head}, form)
    return private(shown, vary=FORMS_VARY)


@advances.post(
    "/v1/advance-schedules",
    **shows(schemas.AdvanceSchedule, *BODY_PROBLEMS, parameters=FORMS_OF_TABLES, forms=OTHER_FORMS["content"]),
)
async def calculate_advance_schedule(
    request: Request, body: schemas.ScheduleRequest, actor: Actor = require("me:read")
) -> Response:
    """Lay out the repayment of an advance, to the cent. Any key may ask; nothing is stored, so no key of idempotency
    is needed. Other formats than JSON have the lines alone.
    """
    form = form_wanted(request)
    paid = body.paid()
    return _laid_out(request, form, schedule.lines(body.plan(), paid), paid, {})


def _laid_out(
    request: Request, form: str, made: Sequence[Instalment], paid: Sequence[CashFlow], more: Mapping[str, Any]
) -> Response:
    """A schedule in the form wanted: with all that belongs to it in JSON, else its lines."""
    if form != "json":
        return held(request, FORMS[form], schemas.ScheduleLine, (line._asdict() for line in made))
    return private({**more, **schemas.shown(made, paid)}, vary="Accept, Accept-Language")


async def _known(request: Request, times: Mapping[str, Any]) -> KnownAccount:
    row = await fetchrow(
        request.state.engine, account(times["known_before"] is not None), {**request.path_params, **times}
    )
    if row is None:
        raise NotFound
    return facts_of(row)


serve_life(advances, service.ADVANCE, schemas.Advance)
serve_claims(advances, service.ADVANCE)
serve_change_requests(advances, service.ADVANCE)
serve_closing(advances, service.ADVANCE, schemas.Advance)
serve_commitments(advances, service.ADVANCE)
serve_amendments(advances)
