"""HTTP of advances: awards, tranches, schedule, repayments, statement."""

from dataclasses import asdict
from datetime import date

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor
from app.advances import schedule, schemas, service
from app.advances.queries import ADVANCES, REPAYMENTS, TRANCHES, account
from app.awards.rules import AwardAlreadyPaid, AwardEnded, BeforeDecision, DeciderNotAPerson, DeciderPays
from app.awards.schemas import Release
from app.core import clock
from app.core.db import fetchrow
from app.core.problems import AlreadyExists, IfMatchMissing, NotFound, ReferenceNotFound
from app.core.reading.answers import page, private, show
from app.core.reading.query import Parameter, read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.values import Day
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes.ledger import AccountOverdrawn, AlreadyReversed, EnvelopeExhausted
from app.envelopes.schemas import Reversal
from app.programme.routes import T

advances = router("advances")

ADVANCE = T + "/advances/{advance_id:uuid}"
AS_OF = {"as_of": Parameter(Day, "The day looked at; today where absent.")}


@advances.get(T + "/advances", **lists(ADVANCES))
async def list_advances(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Repayable advances of the territory."""
    return await page(request, ADVANCES)


@advances.post(
    T + "/advances",
    **changes(
        schemas.Advance,
        EnvelopeExhausted,
        AlreadyExists,
        ReferenceNotFound,
        IdempotencyKeyMissing,
        DeciderNotAPerson,
        status=201,
    ),
)
async def award_advance(
    request: Request, body: schemas.AdvanceCreate, actor: Actor = require("advances:award")
) -> Response:
    """Decide an advance and its terms: it commits the envelope at once, or is refused. Needs an Idempotency-Key."""
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.award_advance(write, territory, body),
        status=201,
        idempotency_required=True,
    )


@advances.get(T + "/advances/{id:uuid}", **shows(schemas.Advance))
async def get_advance(request: Request, actor: Actor = require("advances:read")) -> Response:
    """One advance."""
    return await show(request, ADVANCES)


@advances.post(
    T + "/advances/{id:uuid}/release",
    **changes(schemas.Advance, AwardEnded, BeforeDecision, DeciderNotAPerson, IfMatchMissing),
)
async def release_advance(request: Request, body: Release, actor: Actor = require("advances:award")) -> Response:
    """Give what is not disbursed back to the envelope. Needs If-Match."""
    path = request.path_params
    return await commit(request, lambda write: service.release(write, path["territory"], path["id"], body))


@advances.post(
    T + "/advances/{id:uuid}/reverse",
    **changes(schemas.Advance, AwardAlreadyPaid, AwardEnded, DeciderNotAPerson, IfMatchMissing),
)
async def reverse_advance(request: Request, body: Reversal, actor: Actor = require("advances:award")) -> Response:
    """Reverse a mistaken award, on which nothing is paid, with a reason. Needs If-Match."""
    path = request.path_params
    return await commit(request, lambda write: service.reverse(write, path["territory"], path["id"], body))


@advances.get(ADVANCE + "/tranches", **lists(TRANCHES))
async def list_tranches(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Tranches of an advance."""
    return await page(request, TRANCHES)


@advances.post(
    ADVANCE + "/tranches",
    **changes(
        schemas.Tranche,
        service.TranchesExceedAward,
        service.AfterLastInstalment,
        AwardEnded,
        BeforeDecision,
        DeciderPays,
        IdempotencyKeyMissing,
        status=201,
    ),
)
async def pay_tranche(
    request: Request, body: schemas.TrancheCreate, actor: Actor = require("advances:pay")
) -> Response:
    """Pay a tranche out; together they never exceed the award. Needs an Idempotency-Key."""
    path = request.path_params
    territory, advance_id = path["territory"], path["advance_id"]
    return await commit(
        request,
        lambda write: service.pay_tranche(write, territory, advance_id, body),
        status=201,
        idempotency_required=True,
    )


@advances.get(ADVANCE + "/tranches/{id:uuid}", **shows(schemas.Tranche))
async def get_tranche(request: Request, actor: Actor = require("advances:read")) -> Response:
    """One tranche."""
    return await show(request, TRANCHES)


@advances.post(
    ADVANCE + "/tranches/{id:uuid}/reverse",
    **changes(
        schemas.Tranche,
        AlreadyReversed,
        service.RepaymentExceedsOutstanding,
        AccountOverdrawn,
        DeciderPays,
        IfMatchMissing,
    ),
)
async def reverse_tranche(request: Request, body: Reversal, actor: Actor = require("advances:pay")) -> Response:
    """Reverse a mistaken tranche with a reason: what it paid is committed again. Needs If-Match."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.reverse_tranche(write, path["territory"], path["advance_id"], path["id"], body),
    )


@advances.get(ADVANCE + "/repayments", **lists(REPAYMENTS))
async def list_repayments(request: Request, actor: Actor = require("advances:read")) -> Response:
    """Repayments of an advance."""
    return await page(request, REPAYMENTS)


@advances.post(
    ADVANCE + "/repayments",
    **changes(schemas.Repayment, service.RepaymentExceedsOutstanding, AlreadyExists, IdempotencyKeyMissing, status=201),
)
async def receive_repayment(
    request: Request, body: schemas.RepaymentCreate, actor: Actor = require("advances:pay")
) -> Response:
    """Take capital in; never more than is owed, the same reference never twice. Needs an Idempotency-Key."""
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
    """One repayment."""
    return await show(request, REPAYMENTS)


@advances.post(
    ADVANCE + "/repayments/{id:uuid}/reverse",
    **changes(schemas.Repayment, AlreadyReversed, EnvelopeExhausted, IfMatchMissing),
)
async def reverse_repayment(request: Request, body: Reversal, actor: Actor = require("advances:pay")) -> Response:
    """Reverse a mistaken repayment with a reason: the firm owes it again. Needs If-Match."""
    path = request.path_params
    return await commit(
        request,
        lambda write: service.reverse_repayment(write, path["territory"], path["advance_id"], path["id"], body),
    )


@advances.get(ADVANCE + "/schedule", **shows(schemas.Schedule))
async def get_schedule(request: Request, actor: Actor = require("advances:read")) -> Response:
    """The repayment schedule of what has been disbursed: its principals sum to it, to the cent."""
    read(request, {})
    terms, tranches, _ = await _account(request)
    return private(
        {
            "advance_id": request.path_params["advance_id"],
            "disbursed_cents": sum(tranche.cents for tranche in tranches),
            "lines": [asdict(line) for line in schedule.lines(terms, tranches)],
        }
    )


@advances.get(ADVANCE + "/statement", **shows(schemas.Statement, parameters=AS_OF))
async def get_statement(request: Request, actor: Actor = require("advances:read")) -> Response:
    """What is due, paid, late and outstanding on a day, line by line; repayments settle the oldest lines first."""
    as_of = read(request, AS_OF).get("as_of") or clock.today()
    terms, tranches, repayments = await _account(request)
    stands = schedule.position(terms, tranches, repayments, as_of)
    return private(
        {
            "advance_id": request.path_params["advance_id"],
            "as_of": as_of,
            "disbursed_cents": stands.disbursed_cents,
            "due_cents": stands.due_cents,
            "paid_cents": stands.paid_cents,
            "late_cents": stands.late_cents,
            "outstanding_cents": stands.outstanding_cents,
            "lines": [
                {**asdict(each.line), "paid_cents": each.paid_cents, "late_cents": each.late_cents}
                for each in stands.lines
            ],
        }
    )


async def _account(request: Request) -> tuple[schedule.Terms, list[schedule.Payment], list[schedule.Payment]]:
    row = await fetchrow(request.state.engine, account(), dict(request.path_params))
    if row is None:
        raise NotFound
    terms = schemas.Terms.model_validate(from_json(row["terms"])).plan()
    return terms, _payments(row["tranches"]), _payments(row["repayments"])


def _payments(pairs: str) -> list[schedule.Payment]:
    return [schedule.Payment(date.fromisoformat(day), cents) for day, cents in from_json(pairs)]
