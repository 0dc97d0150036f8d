"""HTTP of bank details."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import PROPOSES_ACCOUNT_APPROVES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.core.problems import IfMatchMissing
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.firms.bank_details import accounts, schemas, service
from app.firms.bank_details.payees import Place
from app.firms.bank_details.queries import ALL_BANK_DETAILS, BANK_DETAILS
from app.firms.bank_details.rules import BankDetailsAlreadyProposed, BankDetailsTransition, IbanNotHeld
from app.firms.routes import HERE
from app.programme.routes import T

bank_details = router("firms")

OF_FIRM = HERE + "/bank-details"
ONE = OF_FIRM + "/{id:uuid}"


@bank_details.get(T + "/bank-details", **lists(ALL_BANK_DETAILS))
async def list_bank_details(request: Request, actor: Actor = require("bank_details:read")) -> Response:
    """Bank details of all firms of the territory; each IBAN is masked."""
    return await page(request, ALL_BANK_DETAILS)


@bank_details.get(OF_FIRM, **lists(BANK_DETAILS))
async def list_firm_bank_details(request: Request, actor: Actor = require("bank_details:read")) -> Response:
    """Bank details of a firm, those refused, withdrawn and superseded included; each IBAN is masked."""
    return await page(request, BANK_DETAILS)


@bank_details.post(OF_FIRM, **changes(schemas.BankDetails, BankDetailsAlreadyProposed, EmailMissing, status=201))
async def propose_bank_details(
    request: Request, body: schemas.BankDetailsCreate, actor: Actor = require("bank_details:propose")
) -> Response:
    """Propose the account to which a firm's aid is to be paid. It counts once another person has approved it."""
    return await commit(request, lambda write: service.propose(write, _place(request), body), status=201)


@bank_details.get(ONE, **shows(schemas.BankDetails))
async def get_bank_details(request: Request, actor: Actor = require("bank_details:read")) -> Response:
    """Bank details of a firm; the IBAN is masked."""
    return await show(request, BANK_DETAILS)


@bank_details.get(
    ONE + "/iban", summary="Get the IBAN of the bank details of a firm", **shows(schemas.BankDetailsIban, IbanNotHeld)
)
async def get_bank_details_iban(request: Request, actor: Actor = require("firm_ibans:read")) -> Response:
    """The IBAN in full. Each read is recorded as an event (`bank_details.iban_read`), without the number."""
    return await accounts.show_iban(request, actor, service.OF_FIRMS, _place(request)._asdict())


@bank_details.post(
    ONE + "/approve",
    **changes(schemas.BankDetails, BankDetailsTransition, *PROPOSES_ACCOUNT_APPROVES.refusals, IfMatchMissing),
)
async def approve_bank_details(request: Request, actor: Actor = require("bank_details:approve")) -> Response:
    """Approve bank details that another person proposed; they supersede those approved before. If-Match is required."""
    return await commit(request, lambda write: service.approve(write, _place(request), request.path_params["id"]))


@bank_details.post(
    ONE + "/refuse",
    **changes(schemas.BankDetails, BankDetailsTransition, *PROPOSES_ACCOUNT_APPROVES.refusals, IfMatchMissing),
)
async def refuse_bank_details(
    request: Request, body: schemas.BankDetailsEnd, actor: Actor = require("bank_details:approve")
) -> Response:
    """Refuse bank details that another person proposed, giving a reason. If-Match is required."""
    return await commit(request, lambda write: service.refuse(write, _place(request), request.path_params["id"], body))


@bank_details.post(
    ONE + "/withdraw", **changes(schemas.BankDetails, BankDetailsTransition, *BY_A_PERSON, IfMatchMissing)
)
async def withdraw_bank_details(
    request: Request, body: schemas.BankDetailsEnd, actor: Actor = require("bank_details:propose")
) -> Response:
    """Withdraw bank details that are proposed or approved, giving a reason. If-Match is required."""
    return await commit(
        request, lambda write: service.withdraw(write, _place(request), request.path_params["id"], body)
    )


def _place(request: Request) -> Place:
    return Place(request.path_params["territory"], request.path_params["siren"])
