"""HTTP of letters: drawn up, signed, notified, and read as JSON or as PDF."""

from typing import Literal

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.gate import require
from app.access.rules import Actor, EmailMissing
from app.awards.letters import document, rules, schemas, service
from app.awards.letters.queries import LETTERS
from app.awards.rules import AwardEnded, BeforeDecision
from app.core.db import fetchrow
from app.core.problems import AlreadyExists, IfMatchMissing, NotFound, ReferenceNotFound
from app.core.reading import documents
from app.core.reading.answers import page, show
from app.core.reading.negotiation import wanted
from app.core.reading.query import Parameter, read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.programme.routes import T

letters = router("grants")

ONE = T + "/letters/{id:uuid}"
FORM = {"format": Parameter(Literal["json", "pdf"], "The representation; weighs more than Accept.")}
FORMS = {"application/json": "json", documents.PDF: "pdf"}


@letters.get(T + "/letters", **lists(LETTERS))
async def list_letters(request: Request, actor: Actor = require("agreements:read")) -> Response:
    """Letters about the aids of the territory: notifications of decisions, and agreements."""
    return await page(request, LETTERS)


@letters.post(
    T + "/letters",
    **changes(schemas.Letter, AwardEnded, rules.LetterOpen, AlreadyExists, ReferenceNotFound, EmailMissing, status=201),
)
async def draw_up_letter(
    request: Request, body: schemas.LetterCreate, actor: Actor = require("agreements:write")
) -> Response:
    """Draw up the notification of a decision, or the agreement, from the data of the aid. What it says is sealed.

    Its PDF is what is signed. A term that the aid does not say yet is given here, and counts once the notification is
    notified or the agreement signed.
    """
    path = request.path_params
    return await commit(request, lambda write: service.draw_up(write, path["territory"], body), status=201)


@letters.get(ONE, **shows(schemas.Letter, documents.PdfNotInstalled, parameters=FORM, forms=FORMS))
async def get_letter(request: Request, actor: Actor = require("agreements:read")) -> Response:
    """One letter; as a PDF (tagged, PDF/UA-1) in the language of Accept-Language it says what was sealed."""
    form = wanted(request, read(request, FORM), FORMS)
    if form == "json":
        return await show(request, LETTERS, {})
    row = await fetchrow(request.state.engine, document.LETTER, request.path_params)
    if row is None:
        raise NotFound
    return await documents.answer(request, document.DOCUMENT, from_json(row["body"]), form)


@letters.post(
    ONE + "/sign",
    **changes(schemas.Letter, rules.LetterTransition, AwardEnded, BeforeDecision, EmailMissing, IfMatchMissing),
)
async def sign_letter(
    request: Request, body: schemas.LetterSignature, actor: Actor = require("agreements:write")
) -> Response:
    """Record that a letter was signed. If-Match is required.

    An agreement is thereby on file, signed by both (`…/agreement` of its awards).
    """
    path = request.path_params
    return await commit(request, lambda write: service.sign(write, path["territory"], path["id"], body))


@letters.post(
    ONE + "/notify",
    **changes(
        schemas.Letter, rules.LetterTransition, rules.NotifiedBeforeSignature, AwardEnded, EmailMissing, IfMatchMissing
    ),
)
async def notify_letter(
    request: Request, body: schemas.LetterNotification, actor: Actor = require("agreements:write")
) -> Response:
    """Record that the firm was notified of a signed letter. If-Match is required.

    That of a decision is the notification of the aid (`…/notify` of its awards): the time for the start begins.
    """
    path = request.path_params
    return await commit(request, lambda write: service.notify(write, path["territory"], path["id"], body))


@letters.post(ONE + "/withdraw", **changes(schemas.Letter, rules.LetterTransition, EmailMissing, IfMatchMissing))
async def withdraw_letter(
    request: Request, body: schemas.LetterWithdrawal, actor: Actor = require("agreements:write")
) -> Response:
    """Withdraw a letter that is not notified, giving a reason. If-Match is required."""
    path = request.path_params
    return await commit(request, lambda write: service.withdraw(write, path["territory"], path["id"], body))
