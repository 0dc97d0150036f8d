"""HTTP of amendments of advances, and of what settles one on a day."""

from collections.abc import Awaitable, Callable, Mapping
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
from app.advances.amendments.queries import ALL_AMENDMENTS, AMENDMENTS, EARLY_REPAYMENTS, TURNOVERS
from app.advances.amendments.rules import AmendmentAction, AmendmentKind
from app.advances.amendments.settlement import settlement
from app.advances.legal_rates.rules import LegalRateMissing
from app.advances.queries import account
from app.advances.statement import held_refunds
from app.advances.tranches.rules import AfterLastInstalment
from app.awards.life.rules import AgreementMissing
from app.awards.rules import AwardEnded, BeforeDecision, BeforeRequest
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
DRAWN_LATER: Problems = (AwardEnded, rules.NothingToExtend, rules.AvailabilityNotExtended, AfterLastInstalment)
AGREED: Problems = (AgreementMissing,)
MAKES_A_VERSION: Problems = (rules.BeforeLastVersion,)
DECIDES: Problems = (rules.AmendmentTransition, BeforeRequest, *REQUESTS_DECIDES.refusals, IfMatchMissing)
ENDS: Problems = (rules.AmendmentTransition, *REQUESTS_DECIDES.refusals, IfMatchMissing)
WITHDRAWS: Problems = (rules.AmendmentTransition, *BY_A_PERSON, IfMatchMissing)

Act = Callable[[Write, str, UUID, UUID, Any], Awaitable[list[Change]]]
# What approves a kind, what more refuses it, and what it does. A waiver is decided by an act of its own.
DECISIONS: Mapping[AmendmentKind, tuple[Act, Problems, str]] = {
    AmendmentKind.RESCHEDULE: (
        service.approve_reschedule, (*AGREED, *STANDS, *MAKES_A_VERSION, *LAYS_OUT),
        "Approve a reschedule that another person asked for: it makes a version of the schedule.",
    ),
    AmendmentKind.RATE_CHANGE: (
        service.approve_rate_change, (*AGREED, *STANDS, *MAKES_A_VERSION, rules.NoLineAhead),
        "Approve another rate that another person asked for: it makes a version of the schedule.",
    ),
    AmendmentKind.AVAILABILITY_EXTENSION: (
        service.approve_availability_extension, (*AGREED, *DRAWN_LATER),
        "Give the advance more time to be drawn, as another person asked.",
    ),
    AmendmentKind.WRITE_OFF: (
        service.approve_write_off, (*STANDS, *MAKES_A_VERSION),
        "Write off what is outstanding, as another person asked: final, but for receipts.",
    ),
}  # fmt: skip


def serve_amendments(advances: APIRouter) -> None:
    """Serve amendments of each kind, what the firm says, and the settlement below each advance."""

    @advances.get(ADVANCE + "/settlement", **shows(schemas.AdvanceSettlement, LegalRateMissing, parameters=ON))
    async def get_settlement(request: Request, actor: Actor = require("advances:read")) -> Response:
        """What settles the advance on a day, to the cent, if nothing else is paid until then."""
        on = _day_of(request)
        values = {**request.path_params, "as_of": LAST_DAY}
        row = await fetchrow(request.state.engine, account(False), values)
        if row is None:
            raise NotFound
        known = facts_of(row)
        beside = {"advance_id": request.path_params["advance_id"], "held_refunds_cents": held_refunds(known, on)}
        return private({**beside, **settlement(known.facts, on)})

    @advances.get(T + "/advance-amendments", **lists(ALL_AMENDMENTS))
    async def list_advance_amendments(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """Amendments of all advances of the territory, of every kind, asked for and decided."""
        return await page(request, ALL_AMENDMENTS)

    for kind in AmendmentKind:
        _serve_kind(advances, kind, DECISIONS.get(kind))
    _serve_new_lines(advances)
    _serve_waivers(advances)
    _serve_availability_extensions(advances)
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


def _serve_kind(advances: APIRouter, kind: AmendmentKind, decided: Any) -> None:
    """Serve the list of one kind, one of them, and its withdrawal. `decided`: serve what decides on it, too."""
    noun, schema, listing = kind.value, AMENDMENTS[kind].schema, AMENDMENTS[kind]
    collection, one = _addresses(kind)

    @advances.get(collection, name=f"list_{noun}s", **lists(listing))
    async def list_amendments(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """Amendments of this kind of an advance, asked for and decided."""
        return await page(request, listing)

    @advances.get(one, name=f"get_{noun}", **shows(schema))
    async def get_amendment(request: Request, actor: Actor = require("amendments:read")) -> Response:
        """One amendment of this kind of an advance."""
        return await show(request, listing)

    if decided is not None:
        _serve_decision(advances, kind, *decided)

    @advances.post(one + "/withdraw", name=f"withdraw_{noun}", **changes(schema, *WITHDRAWS))
    async def withdraw(
        request: Request, body: schemas.AmendmentEnd, actor: Actor = require("amendments:write")
    ) -> Response:
        """Withdraw a request that is not decided, giving a reason. If-Match is required."""
        return await _acted(request, _ending(kind, AmendmentAction.WITHDRAW), body)


def _serve_decision(advances: APIRouter, kind: AmendmentKind, act: Act, refused: Problems, told: str) -> None:
    noun, schema = kind.value, AMENDMENTS[kind].schema
    _, one = _addresses(kind)

    @advances.post(
        one + "/approve", name=f"approve_{noun}", description=f"{told} If-Match is required.",
        **changes(schema, *DECIDES, *refused),
    )  # fmt: skip
    async def approve(
        request: Request, body: schemas.AmendmentApproval, actor: Actor = require("amendments:decide")
    ) -> Response:
        return await _acted(request, act, body)

    @advances.post(one + "/refuse", name=f"refuse_{noun}", **changes(schema, *ENDS))
    async def refuse(
        request: Request, body: schemas.AmendmentEnd, actor: Actor = require("amendments:decide")
    ) -> Response:
        """Refuse what another person asked for, giving a reason. If-Match is required."""
        return await _acted(request, _ending(kind, AmendmentAction.REFUSE), body)


def _addresses(kind: AmendmentKind) -> tuple[str, str]:
    collection = f"{ADVANCE}/{kind.value.replace('_', '-')}s"
    return collection, collection + "/{id:uuid}"


def _requests(kind: AmendmentKind, *refused: type[Problem]) -> Any:
    return changes(
        AMENDMENTS[kind].schema, *refused, BeforeDecision, EmailMissing, IdempotencyKeyMissing, status=201
    )  # fmt: skip


def _serve_new_lines(advances: APIRouter) -> None:
    """Reschedules and changes of the rate: a decision makes a version of the schedule."""
    kind = AmendmentKind.RESCHEDULE

    @advances.post(_addresses(kind)[0], **_requests(kind, *AGREED, *STANDS, *LAYS_OUT))
    async def request_reschedule(
        request: Request, body: schemas.RescheduleCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Ask for a reschedule. With dry_run=true it is a preview: `before` and `after` are the open lines.

        An Idempotency-Key is required.
        """
        return await _asked(request, service.request_reschedule, body)

    kind = AmendmentKind.RATE_CHANGE

    @advances.post(_addresses(kind)[0], **_requests(kind, *AGREED, *STANDS, rules.NoLineAhead))
    async def request_rate_change(
        request: Request, body: schemas.RateChangeCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Ask for another rate of interest. With dry_run=true it is a preview: `before` and `after` are the open lines.

        An Idempotency-Key is required.
        """
        return await _asked(request, service.request_rate_change, body)


def _serve_availability_extensions(advances: APIRouter) -> None:
    kind = AmendmentKind.AVAILABILITY_EXTENSION

    @advances.post(_addresses(kind)[0], **_requests(kind, *AGREED, *DRAWN_LATER))
    async def request_availability_extension(
        request: Request, body: schemas.AvailabilityExtensionCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Ask for a later last day on which the advance is drawn, before the present one is over.

        An Idempotency-Key is required.
        """
        return await _asked(request, service.request_availability_extension, body)


def _serve_write_offs(advances: APIRouter) -> None:
    kind = AmendmentKind.WRITE_OFF

    @advances.post(_addresses(kind)[0], **_requests(kind, *STANDS))
    async def request_write_off(
        request: Request, body: schemas.WriteOffCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Ask for a write-off of what is outstanding, with the proof. An Idempotency-Key is required."""
        return await _asked(request, service.request_write_off, body)


def _serve_waivers(advances: APIRouter) -> None:
    kind = AmendmentKind.WAIVER
    collection, one = _addresses(kind)

    @advances.post(collection, **_requests(kind, rules.NotConditional, *AGREED, *STANDS))
    async def request_waiver(
        request: Request, body: schemas.WaiverCreate, actor: Actor = require("amendments:write")
    ) -> Response:
        """Ask for a waiver, because the project failed; of a conditional advance alone. Needs an Idempotency-Key."""
        return await _asked(request, service.request_waiver, body)

    @advances.post(
        one + "/find",
        **changes(schemas.Waiver, rules.AmendmentTransition, BeforeRequest, EmailMissing, IfMatchMissing),
    )
    async def find_failure(
        request: Request, body: schemas.Finding, actor: Actor = require("amendments:find")
    ) -> Response:
        """Record the finding of the failure (*constat d'échec*): a waiver is decided after it. If-Match is required."""
        return await _acted(request, service.find_failure, body)

    @advances.post(
        one + "/decide", **changes(schemas.Waiver, rules.WaiverTooHigh, *AGREED, *DECIDES, *STANDS, *MAKES_A_VERSION)
    )
    async def decide_waiver(
        request: Request, body: schemas.WaiverDecision, actor: Actor = require("amendments:decide")
    ) -> Response:
        """Decide a waiver that another person asked for: all, a part, or nothing. If-Match is required."""
        return await _acted(request, service.decide_waiver, body)


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
