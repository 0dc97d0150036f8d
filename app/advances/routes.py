"""HTTP of advances: awards, tranches, schedule, repayments, statement."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DECIDES_RECEIVES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor
from app.advances import schedule, schemas, service
from app.advances.queries import ADVANCES, REPAYMENTS, account
from app.advances.schedule import CashFlow, Instalment
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
    RequestTimeout,
    UnsupportedMediaType,
)
from app.core.reading.answers import form_wanted, page, private, show
from app.core.reading.exports import held
from app.core.reading.listing import FORMAT
from app.core.reading.query import read
from app.core.reading.tabular import FORMS
from app.core.reading.two_times import TWO_TIMES, both_times
from app.core.serving.operations import OTHER_FORMS, changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes.ledger import AccountOverdrawn, AlreadyReversed, EnvelopeExhausted
from app.envelopes.schemas import Reversal
from app.programme.routes import T

advances = router("advances")

ADVANCE = T + "/advances/{advance_id:uuid}"
BODY_PROBLEMS = (MalformedJson, UnsupportedMediaType, BodyTooLarge, RequestTimeout)


@advances.get(T + "/advances", **lists(ADVANCES))
async def list_advances(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Repayable advances of the territory."""
    return await page(request, ADVANCES)


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
        service.RepaymentExceedsOutstanding,
        AccountOverdrawn,
        AlreadyExists,
        *DECIDES_RECEIVES.refusals,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def receive_repayment(
    request: Request, body: schemas.RepaymentCreate, actor: Actor = require("advances:pay")
) -> Response:
    """Record a repayment of capital: at most what is owed, each reference once. An Idempotency-Key is required."""
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
        service.AlreadyBounced,
        service.BouncedBeforeReceipt,
        AlreadyReversed,
        *DECIDES_RECEIVES.refusals,
        IfMatchMissing,
    ),
)
async def bounce_repayment(request: Request, body: schemas.Bounce, actor: Actor = require("advances:pay")) -> Response:
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
        EnvelopeExhausted,
        AccountOverdrawn,
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
    **shows(schemas.Schedule, parameters={"format": FORMAT, **TWO_TIMES}, forms=OTHER_FORMS["content"]),
)
async def get_schedule(request: Request, actor: Actor = require("advances:read")) -> Response:
    """The repayment schedule of what has been disbursed: its principals sum to it, to the cent.

    Before the first tranche it is shown as if all were paid on the planned day, else on that of the decision
    (`assumes_paid_on`). `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end
    of a past day.
    """
    query = read(request, {"format": FORMAT, **TWO_TIMES})
    form = form_wanted(request, query)
    times = both_times(query)
    account = await _account(request, times)
    paid = account.tranches or account.planned
    made = schedule.lines(account.terms, paid)
    more = {
        "advance_id": request.path_params["advance_id"],
        "disbursed_cents": sum(tranche.cents for tranche in account.tranches),
        "assumes_paid_on": paid[0].on if paid and not account.tranches else None,
        "as_of": times["as_of"],
        "recorded_as_of": times["recorded_as_of"],
    }
    return _laid_out(request, form, made, paid, more)


@advances.get(ADVANCE + "/statement", **shows(schemas.AdvanceStatement, parameters=TWO_TIMES))
async def get_statement(request: Request, actor: Actor = require("advances:read")) -> Response:
    """What is due, repaid, late and outstanding on a day, by instalment; repayments settle the oldest first.

    `as_of` is what counts by a day, as known now; `recorded_as_of` is how it was known at the end of a past day.
    """
    times = both_times(read(request, TWO_TIMES))
    account = await _account(request, times)
    stands = schedule.position(account.terms, account.tranches, account.repayments, times["as_of"])
    return private(
        {
            "advance_id": request.path_params["advance_id"],
            "as_of": times["as_of"],
            "recorded_as_of": times["recorded_as_of"],
            "disbursed_cents": stands.disbursed_cents,
            "due_cents": stands.due_cents,
            "repaid_cents": stands.repaid_cents,
            "late_cents": stands.late_cents,
            "outstanding_cents": stands.outstanding_cents,
            "lines": [
                {**each.line._asdict(), "repaid_cents": each.repaid_cents, "late_cents": each.late_cents}
                for each in stands.lines
            ],
        }
    )


@advances.post(
    "/v1/advance-schedules",
    **shows(schemas.AdvanceSchedule, *BODY_PROBLEMS, parameters={"format": FORMAT}, forms=OTHER_FORMS["content"]),
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


class AdvanceAccount(NamedTuple):
    """What an advance's schedule is made from. `planned` is its one payment, as long as none is made."""

    terms: schedule.LoanTerms
    planned: list[CashFlow]
    tranches: list[CashFlow]
    repayments: list[CashFlow]


async def _account(request: Request, times: Mapping[str, Any]) -> AdvanceAccount:
    statement = account(times["known_before"] is not None)
    row = await fetchrow(request.state.engine, statement, {**request.path_params, **times})
    if row is None:
        raise NotFound
    terms = schemas.AwardedTerms.model_validate(from_json(row["terms"])).plan()
    planned = [CashFlow(row["planned_on"], row["awarded_cents"])]
    payable = row["decided"] and row["awarded_cents"] > 0 and row["planned_on"] < schedule.due_dates(terms)[-1]
    return AdvanceAccount(terms, planned if payable else [], _payments(row["tranches"]), _payments(row["repayments"]))


def _payments(pairs: str) -> list[CashFlow]:
    return [CashFlow(date.fromisoformat(day), cents) for day, cents in from_json(pairs)]


serve_life(advances, service.ADVANCE, schemas.Advance)
serve_claims(advances, service.ADVANCE)
serve_change_requests(advances, service.ADVANCE)
serve_closing(advances, service.ADVANCE, schemas.Advance)
serve_commitments(advances, service.ADVANCE)
