"""HTTP of the acts on a payment, below the awards of each instrument."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import (
    DECIDES_PAYS,
    MAKES_ACCOUNT_APPROVES_PAYMENT,
    PROPOSES_PAYMENT_APPROVES,
    RECORDS_SEES,
)
from app.access.gate import require
from app.access.rules import Actor
from app.awards.payments import rules, schemas, service
from app.awards.payments.kinds import Payments
from app.awards.payments.service import PaymentPlace
from app.awards.rules import BeforeDecision
from app.core.problems import AlreadyExists, IfMatchMissing, Problem
from app.core.serving.operations import changes
from app.core.writing.writes import Change, Write, commit
from app.envelopes.ledger import AlreadyReversed
from app.envelopes.schemas import Reversal

Act = Callable[[Write, PaymentPlace], Awaitable[list[Change]]]


def place_of(request: Request, payments: Payments) -> PaymentPlace:
    """The payment that an address names."""
    path = request.path_params
    return PaymentPlace(path["territory"], path[payments.award_id.key], path["id"])


def serve_payments(
    router: APIRouter, payments: Payments, one: str, schema: Any, refused: tuple[type[Problem], ...],
    taken_back: tuple[type[Problem], ...],
) -> None:  # fmt: skip
    """Serve the acts on one payment at the address `one`, which answer with it.

    `refused` are the problems of a proposal, `taken_back` those of a reversal.
    """
    _serve_two_persons(router, payments, one, schema, refused)
    _serve_bank(router, payments, one, schema)
    _serve_ends(router, payments, one, schema, taken_back)


async def _act(request: Request, payments: Payments, act: Act) -> Response:
    place = place_of(request, payments)
    return await commit(request, lambda write: act(write, place))


def _serve_two_persons(
    router: APIRouter, payments: Payments, one: str, schema: Any, refused: tuple[type[Problem], ...]
) -> None:
    noun, may = payments.noun, f"{payments.kind.resource}s:pay"

    @router.post(
        one + "/approve",
        name=f"approve_{noun}",
        **changes(
            schema, rules.PaymentTransition, *refused, PROPOSES_PAYMENT_APPROVES.refused,
            MAKES_ACCOUNT_APPROVES_PAYMENT.refused, DECIDES_PAYS.refused, *PROPOSES_PAYMENT_APPROVES.refusals[1:],
            IfMatchMissing,
        ),
    )  # fmt: skip
    async def approve(request: Request, actor: Actor = require(may)) -> Response:
        """Approve a payment that another person proposed, to bank details that others made. If-Match is required.

        What refuses a proposal is asked again.
        """
        return await _act(request, payments, lambda write, place: service.approve(write, payments, place))

    @router.post(
        one + "/see",
        name=f"see_{noun}",
        **changes(schema, rules.NothingToSee, *RECORDS_SEES.refusals, IfMatchMissing),
    )
    async def see(request: Request, actor: Actor = require(may)) -> Response:
        """Say that one has seen what a payment exceeds that another person recorded. If-Match is required."""
        return await _act(request, payments, lambda write, place: service.see(write, payments, place))


def _serve_bank(router: APIRouter, payments: Payments, one: str, schema: Any) -> None:
    noun, may = payments.noun, f"{payments.kind.resource}s:pay"

    @router.post(
        one + "/send",
        name=f"send_{noun}",
        **changes(
            schema, rules.PaymentUnapproved, rules.PaymentTransition, *DECIDES_PAYS.refusals, IfMatchMissing,
        ),
    )  # fmt: skip
    async def send(request: Request, body: schemas.PaymentSending, actor: Actor = require(may)) -> Response:
        """Record that an approved payment was handed to the bank outside of a payment run. If-Match is required."""
        return await _act(request, payments, lambda write, place: service.send(write, payments, place, body))

    @router.post(
        one + "/record",
        name=f"record_{noun}",
        **changes(
            schema, rules.PaymentTransition, BeforeDecision, *DECIDES_PAYS.refusals, AlreadyExists, IfMatchMissing,
        ),
    )  # fmt: skip
    async def record(request: Request, body: schemas.PaymentRecord, actor: Actor = require(may)) -> Response:
        """Record that the bank made a payment: from now on the ledger counts it. If-Match is required.

        It is a fact: what it breaks stands in `exceeds`. A balance payment closes the grant and gives the rest back to
        the envelope; a tranche makes a version of the schedule.
        """
        return await _act(request, payments, lambda write, place: service.record(write, payments, place, body))

    @router.post(
        one + "/reject",
        name=f"reject_{noun}",
        **changes(
            schema, rules.PaymentTransition, rules.PaymentNotHandedOver, rules.RejectedBeforeSent,
            *DECIDES_PAYS.refusals, IfMatchMissing,
        ),
    )  # fmt: skip
    async def reject(request: Request, body: schemas.PaymentRejection, actor: Actor = require(may)) -> Response:
        """Record that the bank rejected a payment that was sent. If-Match is required.

        It is approved again, with a new day; where other bank details of the firm have been approved meanwhile, it is
        proposed again, to them.
        """
        return await _act(request, payments, lambda write, place: service.reject(write, payments, place, body))


def _serve_ends(
    router: APIRouter, payments: Payments, one: str, schema: Any, taken_back: tuple[type[Problem], ...]
) -> None:
    noun, may = payments.noun, f"{payments.kind.resource}s:pay"

    @router.post(
        one + "/cancel",
        name=f"cancel_{noun}",
        **changes(schema, rules.PaymentTransition, *DECIDES_PAYS.refusals, IfMatchMissing),
    )
    async def cancel(request: Request, body: schemas.PaymentCancellation, actor: Actor = require(may)) -> Response:
        """Cancel a payment that was not sent, giving a reason: the award has its room again. If-Match is required."""
        return await _act(request, payments, lambda write, place: service.cancel_payment(write, payments, place, body))

    @router.post(
        one + "/reverse",
        name=f"reverse_{noun}",
        **changes(
            schema, AlreadyReversed, rules.PaymentTransition, *DECIDES_PAYS.refusals, *taken_back, IfMatchMissing,
        ),
    )  # fmt: skip
    async def reverse(request: Request, body: Reversal, actor: Actor = require(may)) -> Response:
        """Reverse a mistaken payment, giving a reason: its amount is committed again, and what a balance gave back.

        If-Match is required.
        """
        return await _act(request, payments, lambda write, place: service.reverse_payment(write, payments, place, body))
