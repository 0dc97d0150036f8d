"""HTTP of bank details."""

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import PROPOSES_ACCOUNT_APPROVES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.core.problems import IfMatchMissing
from app.core.reading.answers import page, private, show
from app.core.reading.query import read
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import Change, Seen, Write, commit, run
from app.firms.bank_details import schemas, service
from app.firms.bank_details.payees import Place
from app.firms.bank_details.queries import ALL_BANK_DETAILS, BANK_DETAILS
from app.firms.bank_details.rules import BankDetailsAlreadyProposed, BankDetailsTransition
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


@bank_details.get(ONE + "/iban", **shows(schemas.BankDetailsIban))
async def get_bank_details_iban(request: Request, actor: Actor = require("firm_ibans:read")) -> Response:
    """The IBAN in full. Each read is recorded as an event (`bank_details.iban_read`), without the number."""
    read(request, {})
    ibans: list[str] = []

    async def work(write: Write) -> Change:
        change, iban = await service.read_iban(write, _place(request), request.path_params["id"])
        ibans.append(iban)
        return change

    def reply(_change: Change, seen: list[Seen]) -> Response:
        return private({"id": str(seen[0].key), "iban": ibans[0]}, cache_control="no-store")

    state = request.state
    answer = await run(state.sessions, actor, work, request_id=state.request_id, reply=reply)
    assert isinstance(answer, Response)  # `reply` was given
    return answer


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
