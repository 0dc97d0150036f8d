"""HTTP of claims: those of a territory, and below each award those of its aid, the same whichever award names it."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import CLAIMS_SETTLES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.awards.claims import schemas, service
from app.awards.claims.queries import CLAIMED_INVOICES, CLAIMS, claims_of
from app.awards.claims.rules import (
    AboveParked,
    AwardWithoutLines,
    ClaimTransition,
    CreditAboveInvoice,
    ExpenseAfterCompletion,
    ExpenseBeforeReceipt,
    InvoiceAlreadyClaimed,
    InvoiceExceeded,
    ParkedLineReturned,
    SampleDrawn,
    SettlementUnbalanced,
)
from app.awards.kinds import AwardKind
from app.awards.rules import AwardEnded, BeforeDecision
from app.core.problems import AlreadyExists, IfMatchMissing, ReferenceNotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.programme.routes import T

claims = router("grants")

# Why what a claim declares is refused.
_DECLARED = (
    InvoiceAlreadyClaimed, InvoiceExceeded, CreditAboveInvoice, AboveParked, ExpenseBeforeReceipt,
    ExpenseAfterCompletion, AwardEnded, AlreadyExists, ReferenceNotFound, EmailMissing,
)  # fmt: skip


@claims.get(T + "/claims", **lists(CLAIMS))
async def list_claims(request: Request, actor: Actor = require("claims:read")) -> Response:
    """Claims of all aids of the territory."""
    return await page(request, CLAIMS)


@claims.get(T + "/claims/{id:uuid}", **shows(schemas.ExpenseClaim))
async def get_claim(request: Request, actor: Actor = require("claims:read")) -> Response:
    """One claim of the territory."""
    return await show(request, CLAIMS)


@claims.get(T + "/claim-lines", **lists(CLAIMED_INVOICES))
async def list_claim_lines(request: Request, actor: Actor = require("claims:read")) -> Response:
    """Lines of all claims of the territory, each with its claim: what a file of `claim_lines` holds."""
    return await page(request, CLAIMED_INVOICES)


def serve_claims(awards: APIRouter, kind: AwardKind) -> None:
    """Serve the claims of an aid below the awards of an instrument."""
    noun = kind.resource
    listing = claims_of(kind)
    collection = f"{T}/{noun}s/{{{noun}_id:uuid}}/claims"
    one = collection + "/{id:uuid}"

    def named(request: Request) -> tuple[str, UUID, UUID]:
        path = request.path_params
        return path["territory"], path[f"{noun}_id"], path["id"]

    @awards.get(collection, name=f"list_{noun}_claims", **lists(listing))
    async def list_of_award(request: Request, actor: Actor = require("claims:read")) -> Response:
        """Claims of the aid of this award: what is certified counts for the grant and for the advance."""
        return await page(request, listing)

    @awards.post(
        collection,
        name=f"submit_{noun}_claim",
        **changes(schemas.ExpenseClaim, AwardWithoutLines, *_DECLARED, status=201),
    )
    async def submit(request: Request, body: schemas.ClaimCreate, actor: Actor = require("claims:write")) -> Response:
        """Submit what the firm has spent of the aid, invoice by invoice.

        An invoice that an earlier claim parked returns by its supplier and number.
        """
        territory, award_id = request.path_params["territory"], request.path_params[f"{noun}_id"]
        return await commit(request, lambda write: service.submit(write, territory, award_id, body, kind), status=201)

    @awards.get(one, name=f"get_{noun}_claim", **shows(schemas.ExpenseClaim))
    async def get_of_award(request: Request, actor: Actor = require("claims:read")) -> Response:
        """One claim of the aid of this award."""
        return await show(request, listing)

    @awards.patch(
        one,
        name=f"update_{noun}_claim",
        **changes(schemas.ExpenseClaim, ClaimTransition, SampleDrawn, *_DECLARED, IfMatchMissing),
    )
    async def update(request: Request, body: schemas.ClaimUpdate, actor: Actor = require("claims:write")) -> Response:
        """Change a claim that is neither settled nor sampled. If-Match is required."""
        return await commit(request, lambda write: service.change(write, *named(request), body, kind))

    @awards.post(
        one + "/sample",
        name=f"sample_{noun}_claim",
        **changes(schemas.ExpenseClaim, ClaimTransition, SampleDrawn, *CLAIMS_SETTLES.refusals, IfMatchMissing),
    )
    async def sample(request: Request, body: schemas.SampleDraw, actor: Actor = require("claims:settle")) -> Response:
        """Draw the lines to control, once. If-Match is required.

        The seed is kept: whoever draws again with it finds the same lines. A dry run draws from another seed.
        """
        return await commit(request, lambda write: service.draw(write, *named(request), body, kind))

    @awards.post(
        one + "/settle",
        name=f"settle_{noun}_claim",
        **changes(
            schemas.ExpenseClaim,
            ClaimTransition,
            SettlementUnbalanced,
            CreditAboveInvoice,
            ExpenseAfterCompletion,
            AwardEnded,
            BeforeDecision,
            ReferenceNotFound,
            *CLAIMS_SETTLES.refusals,
            IfMatchMissing,
        ),
    )
    async def settle(request: Request, body: schemas.ClaimSettle, actor: Actor = require("claims:settle")) -> Response:
        """Settle a claim line by line, as a person who did not write it. If-Match is required.

        What is declared is certified, deducted for a reason, or parked. Beyond what a line of the decision has left,
        nothing counts: the answer says how much is over the line.
        """
        return await commit(request, lambda write: service.settle(write, *named(request), body, kind))

    @awards.post(
        one + "/reopen",
        name=f"reopen_{noun}_claim",
        **changes(
            schemas.ExpenseClaim,
            ClaimTransition,
            ParkedLineReturned,
            InvoiceAlreadyClaimed,
            InvoiceExceeded,
            CreditAboveInvoice,
            AwardEnded,
            *BY_A_PERSON,
            IfMatchMissing,
        ),
    )
    async def reopen(request: Request, body: schemas.ClaimReopen, actor: Actor = require("claims:settle")) -> Response:
        """Take a settlement back, giving a reason: nothing of the claim counts until it is settled anew.

        If-Match is required.
        """
        return await commit(request, lambda write: service.reopen(write, *named(request), body, kind))

    @awards.post(
        one + "/withdraw",
        name=f"withdraw_{noun}_claim",
        **changes(schemas.ExpenseClaim, ClaimTransition, CreditAboveInvoice, EmailMissing, IfMatchMissing),
    )
    async def withdraw(
        request: Request, body: schemas.ClaimWithdraw, actor: Actor = require("claims:write")
    ) -> Response:
        """Withdraw a claim that is not settled, giving a reason: its invoices are free. If-Match is required."""
        return await commit(request, lambda write: service.withdraw(write, *named(request), body, kind))
