"""HTTP of amendments of advances, and of what settles one on a day."""

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DECIDES_RECEIVES, REQUESTS_DECIDES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.advances.account import facts_of
from app.advances.amendments import firm, rules, schemas, service
from app.advances.amendments.queries import AMENDMENTS, EARLY_REPAYMENTS, TURNOVERS
from app.advances.amendments.rules import AmendmentAction, AmendmentKind
from app.advances.amendments.settlement import settlement
from app.advances.legal_rates.rules import LegalRateMissing
from app.advances.queries import account
from app.awards.rules import BeforeDecision
from app.core import clock
from app.core.db import fetchrow
from app.core.problems import AlreadyExists, IfMatchMissing, NotFound, Problem, ReferenceNotFound
from app.core.reading.answers import page, private, show
from app.core.reading.query import Parameter, read
from app.core.serving.operations import changes, lists, shows
from app.core.values import LAST_DAY, Day
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import Change, Write, commit
from app.envelopes.ledger import AlreadyReversed
from app.envelopes.schemas import Reversal
from app.programme.routes import T

ADVANCE = T + "/advances/{advance_id:uuid}"
ON = {"on": Parameter(Day, "Paris day of the settlement; absent: today.")}
Problems = tuple[type[Problem], ...]
STANDS: Problems = (rules.NothingOutstanding, rules.AlreadyWrittenOff, LegalRateMissing)
LAYS_OUT: Problems = (ReferenceNotFound, rules.NoLineAhead, rules.FirstDayTooEarly, rules.RescheduleTooLong)
DECIDES: Problems = (
    rules.AmendmentTransition, *STANDS, BeforeDecision, rules.BeforeLastVersion, *REQUESTS_DECIDES.refusals,
    IfMatchMissing,
)  # fmt: skip
ENDS: Problems = (rules.AmendmentTransition, *REQUESTS_DECIDES.refusals, IfMatchMissing)
WITHDRAWS: Problems = (rules.AmendmentTransition, *BY_A_PERSON, IfMatchMissing)

Act = Callable[[Write, str, UUID, UUID, Any], Awaitable[list[Change]]]


def serve_amendments(advances: APIRouter) -> None:
    """Serve reschedules, waivers, write-offs and the settlement below each advance."""

    @advances.get(ADVANCE + "/settlement", **shows(schemas.AdvanceSettlement, LegalRateMissing, parameters=ON))
    async def get_settlement(request: Request, actor: Actor = require("advances:read")) -> Response:
        """What settles the advance on a day, to the cent, if nothing else is paid until then."""
        on = _day_of(request)
        values = {**request.path_params, "as_of": LAST_DAY}
        row = await fetchrow(request.state.engine, account(False), values)
        if row is None:
            raise NotFound
        return private({"advance_id": request.path_params["advance_id"], **settlement(facts_of(row).facts, on)})

    _serve_reschedules(advances)
    _serve_waivers(advances)
    _serve_write_offs(advances)
    _serve_early_repayments(advances)
    _serve_turnovers(advances)


def _day_of(request: Request) -> date:
    on: date = read(request, ON).get("on") or clock.today()
    return on


async def _asked(
    request: Request, ask: Callable[[Write, str, UUID, Any], Awaitable[list[Change]]], body: Any
) -> Response:
    path = request.path_params
    return await commit(
        request, lambda write: ask(write, path["territory"], path["advance_id"], body), status=201,
        idempotency_required=True,
    )  # fmt: skip


async def _acted(request: Request, act: Act, body: Any) -> Response:
    path = request.path_params
    return await commit(request, lambda write: act(write, path["territory"], path["advance_id"], path["id"], body))


def _ending(kind: AmendmentKind, action: AmendmentAction) -> Act:
    async def act(write: Write, territory: str, advance_id: UUID, amendment_id: UUID, body: Any) -> list[Change]:
        return await service.end(write, territory, advance_id, amendment_id, body, kind, action)

    return act


def _serve_reschedules(advances: APIRouter) -> None:
    listing = AMENDMENTS[AmendmentKind.RESCHEDULE]
    collection, one = ADVANCE + "/reschedules", ADVANCE + "/reschedules/{id:uuid}"

    @advances.get(collection, **lists(listing))
    async def list_reschedules(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """Reschedules of an advance, asked for and decided."""
        return await page(request, listing)

    @advances.post(
        collection,
        **changes(
            schemas.Reschedule, *STANDS, *LAYS_OUT, BeforeDecision, EmailMissing, IdempotencyKeyMissing, status=201
        ),
    )
    async def request_reschedule(
        request: Request, body: schemas.RescheduleCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Ask for a reschedule. With dry_run=true it is a preview: `before` and `after` are the open lines.

        An Idempotency-Key is required.
        """
        return await _asked(request, service.request_reschedule, body)

    @advances.get(one, **shows(schemas.Reschedule))
    async def get_reschedule(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """One reschedule of an advance."""
        return await show(request, listing)

    @advances.post(one + "/approve", **changes(schemas.Reschedule, *DECIDES, *LAYS_OUT))
    async def approve_reschedule(
        request: Request, body: schemas.AmendmentApproval, actor: Actor = require("amendments:decide")
    ) -> Response:
        """Approve a reschedule that another person asked for: it makes a version of the schedule. Needs If-Match."""
        return await _acted(request, service.approve_reschedule, body)

    @advances.post(one + "/refuse", **changes(schemas.Reschedule, *ENDS))
    async def refuse_reschedule(
        request: Request, body: schemas.AmendmentEnd, actor: Actor = require("amendments:decide")
    ) -> Response:
        """Refuse a reschedule that another person asked for, giving a reason. If-Match is required."""
        return await _acted(request, _ending(AmendmentKind.RESCHEDULE, AmendmentAction.REFUSE), body)

    @advances.post(one + "/withdraw", **changes(schemas.Reschedule, *WITHDRAWS))
    async def withdraw_reschedule(
        request: Request, body: schemas.AmendmentEnd, actor: Actor = require("amendments:write")
    ) -> Response:
        """Withdraw a reschedule that is not decided, giving a reason. If-Match is required."""
        return await _acted(request, _ending(AmendmentKind.RESCHEDULE, AmendmentAction.WITHDRAW), body)


def _serve_waivers(advances: APIRouter) -> None:
    listing = AMENDMENTS[AmendmentKind.WAIVER]
    collection, one = ADVANCE + "/waivers", ADVANCE + "/waivers/{id:uuid}"

    @advances.get(collection, **lists(listing))
    async def list_waivers(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """Waivers of an advance, asked for and decided."""
        return await page(request, listing)

    @advances.post(
        collection,
        **changes(
            schemas.Waiver, rules.NotConditional, *STANDS, BeforeDecision, EmailMissing, IdempotencyKeyMissing,
            status=201,
        ),
    )  # fmt: skip
    async def request_waiver(
        request: Request, body: schemas.WaiverCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Ask for a waiver, because the project failed; of a conditional advance alone. Needs an Idempotency-Key."""
        return await _asked(request, service.request_waiver, body)

    @advances.get(one, **shows(schemas.Waiver))
    async def get_waiver(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """One waiver of an advance."""
        return await show(request, listing)

    @advances.post(
        one + "/find",
        **changes(schemas.Waiver, rules.AmendmentTransition, BeforeDecision, EmailMissing, IfMatchMissing),
    )
    async def find_failure(
        request: Request, body: schemas.Finding, actor: Actor = require("amendments:find")
    ) -> Response:
        """Record the finding of the failure (*constat d'échec*): a waiver is decided after it. If-Match is required."""
        return await _acted(request, service.find_failure, body)

    @advances.post(one + "/decide", **changes(schemas.Waiver, rules.WaiverTooHigh, *DECIDES))
    async def decide_waiver(
        request: Request, body: schemas.WaiverDecision, actor: Actor = require("amendments:decide")
    ) -> Response:
        """Decide a waiver that another person asked for: all, a part, or nothing. If-Match is required."""
        return await _acted(request, service.decide_waiver, body)

    @advances.post(one + "/withdraw", **changes(schemas.Waiver, *WITHDRAWS))
    async def withdraw_waiver(
        request: Request, body: schemas.AmendmentEnd, actor: Actor = require("amendments:write")
    ) -> Response:
        """Withdraw a waiver that is not decided, giving a reason. If-Match is required."""
        return await _acted(request, _ending(AmendmentKind.WAIVER, AmendmentAction.WITHDRAW), body)


def _serve_write_offs(advances: APIRouter) -> None:
    listing = AMENDMENTS[AmendmentKind.WRITE_OFF]
    collection, one = ADVANCE + "/write-offs", ADVANCE + "/write-offs/{id:uuid}"

    @advances.get(collection, **lists(listing))
    async def list_write_offs(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """Write-offs of an advance, asked for and decided."""
        return await page(request, listing)

    @advances.post(
        collection,
        **changes(schemas.WriteOff, *STANDS, BeforeDecision, EmailMissing, IdempotencyKeyMissing, status=201),
    )
    async def request_write_off(
        request: Request, body: schemas.WriteOffCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Ask for a write-off of what is outstanding, with the proof. An Idempotency-Key is required."""
        return await _asked(request, service.request_write_off, body)

    @advances.get(one, **shows(schemas.WriteOff))
    async def get_write_off(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """One write-off of an advance."""
        return await show(request, listing)

    @advances.post(one + "/approve", **changes(schemas.WriteOff, *DECIDES))
    async def approve_write_off(
        request: Request, body: schemas.AmendmentApproval, actor: Actor = require("amendments:decide")
    ) -> Response:
        """Write off what is outstanding, as another person asked: final, but for receipts. If-Match is required."""
        return await _acted(request, service.approve_write_off, body)

    @advances.post(one + "/refuse", **changes(schemas.WriteOff, *ENDS))
    async def refuse_write_off(
        request: Request, body: schemas.AmendmentEnd, actor: Actor = require("amendments:decide")
    ) -> Response:
        """Refuse a write-off that another person asked for, giving a reason. If-Match is required."""
        return await _acted(request, _ending(AmendmentKind.WRITE_OFF, AmendmentAction.REFUSE), body)

    @advances.post(one + "/withdraw", **changes(schemas.WriteOff, *WITHDRAWS))
    async def withdraw_write_off(
        request: Request, body: schemas.AmendmentEnd, actor: Actor = require("amendments:write")
    ) -> Response:
        """Withdraw a write-off that is not decided, giving a reason. If-Match is required."""
        return await _acted(request, _ending(AmendmentKind.WRITE_OFF, AmendmentAction.WITHDRAW), body)


def _serve_early_repayments(advances: APIRouter) -> None:
    collection, one = ADVANCE + "/early-repayments", ADVANCE + "/early-repayments/{id:uuid}"

    @advances.get(collection, **lists(EARLY_REPAYMENTS))
    async def list_early_repayments(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """Early repayments that the firm announced."""
        return await page(request, EARLY_REPAYMENTS)

    @advances.post(
        collection,
        **changes(schemas.AnnouncedRepayment, *STANDS, EmailMissing, IdempotencyKeyMissing, status=201),
    )
    async def announce_early_repayment(
        request: Request, body: schemas.EarlyRepaymentCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Record an early repayment that the firm announces, with its choice. An Idempotency-Key is required."""
        return await _asked(request, firm.announce, body)

    @advances.get(one, **shows(schemas.AnnouncedRepayment))
    async def get_early_repayment(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """One early repayment that the firm announced."""
        return await show(request, EARLY_REPAYMENTS)

    @advances.post(
        one + "/receive",
        **changes(
            schemas.AnnouncedRepayment, rules.EarlyRepaymentTransition, AlreadyExists, ReferenceNotFound,
            *DECIDES_RECEIVES.refusals, IfMatchMissing,
        ),
    )  # fmt: skip
    async def receive_early_repayment(
        request: Request, body: schemas.EarlyRepaymentReceipt, actor: Actor = require("advances:pay")
    ) -> Response:
        """Name the repayment that it came in as: the lines ahead are made as was chosen. If-Match is required."""
        return await _acted(request, firm.receive, body)

    @advances.post(
        one + "/withdraw",
        **changes(schemas.AnnouncedRepayment, rules.EarlyRepaymentTransition, EmailMissing, IfMatchMissing),
    )
    async def withdraw_early_repayment(
        request: Request, body: schemas.AmendmentEnd, actor: Actor = require("amendments:write")
    ) -> Response:
        """Withdraw an early repayment that has not come in, giving a reason. If-Match is required."""
        return await _acted(request, firm.withdraw, body)


def _serve_turnovers(advances: APIRouter) -> None:
    collection, one = ADVANCE + "/turnovers", ADVANCE + "/turnovers/{id:uuid}"

    @advances.get(collection, **lists(TURNOVERS))
    async def list_turnovers(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """Turnovers that the firm declared, and the success fee on each."""
        return await page(request, TURNOVERS)

    @advances.post(
        collection,
        **changes(
            schemas.Turnover, rules.NoSuccessFee, rules.AlreadyWrittenOff, AlreadyExists, EmailMissing,
            IdempotencyKeyMissing, status=201,
        ),
    )  # fmt: skip
    async def declare_turnover(
        request: Request, body: schemas.TurnoverCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Record the turnover of a year: its success fee falls due. An Idempotency-Key is required."""
        return await _asked(request, firm.declare, body)

    @advances.get(one, **shows(schemas.Turnover))
    async def get_turnover(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """The turnover of a year."""
        return await show(request, TURNOVERS)

    @advances.post(one + "/reverse", **changes(schemas.Turnover, AlreadyReversed, EmailMissing, IfMatchMissing))
    async def reverse_turnover(
        request: Request, body: Reversal, actor: Actor = require("amendments:decide")
    ) -> Response:
        """Reverse a turnover that was declared by mistake, giving a reason. If-Match is required."""
        return await _acted(request, firm.reverse, body)
