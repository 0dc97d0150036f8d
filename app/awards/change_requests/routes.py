"""HTTP of change requests, below each award of an aid."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import REQUESTS_DECIDES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.awards.change_requests import rules, schemas, service
from app.awards.change_requests.queries import change_requests_of
from app.awards.claims.rules import InvoiceAlreadyClaimed
from app.awards.kinds import AwardKind
from app.awards.rules import (
    AwardAboveBase,
    AwardEnded,
    BeforeDecision,
    BeforeRequest,
    FirmCeased,
    PaymentsInFlight,
    ProceedingsOpen,
    ProjectOfAnotherFirm,
)
from app.core.problems import IfMatchMissing, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit
from app.envelopes.ledger import EnvelopeExhausted
from app.firms.bank_details.rules import BankDetailsUnapproved
from app.programme.routes import T


def serve_change_requests(awards: APIRouter, kind: AwardKind) -> None:
    """Serve the change requests of an aid below the awards of an instrument."""
    noun = kind.resource
    listing = change_requests_of(kind)
    collection = f"{T}/{noun}s/{{{noun}_id:uuid}}/change-requests"
    one = collection + "/{id:uuid}"

    def named(request: Request) -> tuple[AwardKind, str, UUID, UUID]:
        path = request.path_params
        return kind, path["territory"], path[f"{noun}_id"], path["id"]

    @awards.get(collection, name=f"list_{noun}_change_requests", **lists(listing))
    async def list_requests(request: Request, actor: Actor = require("change_requests:read")) -> Response:
        """Change requests of the aid of this award."""
        return await page(request, listing)

    @awards.post(
        collection,
        name=f"request_{noun}_change",
        **changes(
            schemas.ChangeRequest, AwardEnded, BeforeDecision, rules.NotHeldByParameters, rules.ParameterUnknown,
            rules.BelowStartExtension, rules.AlreadyHolder, ReferenceNotFound, EmailMissing, IdempotencyKeyMissing,
            status=201,
        ),
    )  # fmt: skip
    async def ask(
        request: Request, body: schemas.ChangeRequestCreate, actor: Actor = require("change_requests:write")
    ) -> Response:
        """Ask for changes of the aid: of this award's amount, the dates, the object, the parameters, or the firm.

        An Idempotency-Key is required.
        """
        territory, award_id = request.path_params["territory"], request.path_params[f"{noun}_id"]
        return await commit(
            request, lambda write: service.request(write, kind, territory, award_id, body), status=201,
            idempotency_required=True,
        )  # fmt: skip

    @awards.get(one, name=f"get_{noun}_change_request", **shows(schemas.ChangeRequest))
    async def get_request(request: Request, actor: Actor = require("change_requests:read")) -> Response:
        """One change request of the aid of this award."""
        return await show(request, listing)

    @awards.post(
        one + "/approve",
        name=f"approve_{noun}_change_request",
        **changes(
            schemas.ChangeRequest, rules.ChangeRequestTransition, AwardEnded, BeforeRequest, rules.BeforeLastPayment,
            rules.BelowPaid, AwardAboveBase, EnvelopeExhausted, rules.NotHeldByParameters,
            rules.BelowStartExtension, rules.PlannedEndBeforeStart, rules.HolderChanged, BankDetailsUnapproved,
            ProjectOfAnotherFirm, FirmCeased, ProceedingsOpen, PaymentsInFlight, InvoiceAlreadyClaimed,
            *REQUESTS_DECIDES.refusals, IfMatchMissing,
        ),
    )  # fmt: skip
    async def approve(
        request: Request, body: schemas.ChangeApproval, actor: Actor = require("change_requests:decide")
    ) -> Response:
        """Take all changes of a request that another person asked for: it is the amendment. If-Match is required."""
        return await commit(request, lambda write: service.approve(write, *named(request), body))

    @awards.post(
        one + "/refuse",
        name=f"refuse_{noun}_change_request",
        **changes(
            schemas.ChangeRequest, rules.ChangeRequestTransition, *REQUESTS_DECIDES.refusals, IfMatchMissing
        ),
    )  # fmt: skip
    async def refuse(
        request: Request, body: schemas.ChangeRequestEnd, actor: Actor = require("change_requests:decide")
    ) -> Response:
        """Refuse a request that another person made, giving a reason. If-Match is required."""
        return await commit(request, lambda write: service.refuse(write, *named(request), body))

    @awards.post(
        one + "/withdraw",
        name=f"withdraw_{noun}_change_request",
        **changes(schemas.ChangeRequest, rules.ChangeRequestTransition, *BY_A_PERSON, IfMatchMissing),
    )
    async def withdraw(
        request: Request, body: schemas.ChangeRequestEnd, actor: Actor = require("change_requests:write")
    ) -> Response:
        """Withdraw a request that is not decided, giving a reason. If-Match is required."""
        return await commit(request, lambda write: service.withdraw(write, *named(request), body))
