"""HTTP of the accounts of organisations."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import PROPOSES_ACCOUNT_APPROVES
from app.access.gate import require
from app.access.rules import BY_A_PERSON, Actor, EmailMissing
from app.core.problems import Forbidden, IfMatchMissing, NotFound
from app.core.reading.answers import page, show
from app.core.serving.operations import changes, lists, shows
from app.core.serving.routing import router
from app.core.writing.writes import commit
from app.firms.bank_details import accounts
from app.firms.bank_details.rules import BankDetailsTransition, IbanNotHeld
from app.firms.bank_details.schemas import BankDetailsEnd, BankDetailsIban
from app.treasury.accounts import schemas
from app.treasury.accounts.queries import ACCOUNTS
from app.treasury.accounts.rules import BankAccountAlreadyProposed
from app.treasury.accounts.service import OF_ORGANISATIONS, propose

bank_accounts = router("treasury")

HERE = "/v1/organisations/{organisation_id:uuid}/bank-accounts"
ONE = HERE + "/{id:uuid}"
READ, PROPOSE, APPROVE = "bank_accounts:read", "bank_accounts:propose", "bank_accounts:approve"


@bank_accounts.get(HERE, **lists(ACCOUNTS))
async def list_bank_accounts(request: Request, actor: Actor = require(READ)) -> Response:
    """Accounts from which an organisation pays, those that have ended included; each IBAN is masked.

    A caller whose roles are limited to some territories sees those of its own organisation.
    """
    _seen(request, actor)
    return await page(request, ACCOUNTS)


@bank_accounts.post(HERE, **changes(schemas.BankAccount, BankAccountAlreadyProposed, EmailMissing, status=201))
async def propose_bank_account(
    request: Request, body: schemas.BankAccountCreate, actor: Actor = require(PROPOSE)
) -> Response:
    """Propose an account of one's own organisation. It can be used once another person has approved it."""
    holder = _own(request, actor, PROPOSE)
    return await commit(request, lambda write: propose(write, holder["organisation_id"], body), status=201)


@bank_accounts.get(ONE, **shows(schemas.BankAccount))
async def get_bank_account(request: Request, actor: Actor = require(READ)) -> Response:
    """An account from which an organisation pays; the IBAN is masked."""
    _seen(request, actor)
    return await show(request, ACCOUNTS)


@bank_accounts.get(ONE + "/iban", **shows(BankDetailsIban, IbanNotHeld))
async def get_bank_account_iban(request: Request, actor: Actor = require("firm_ibans:read")) -> Response:
    """The IBAN in full, for a treasurer of the organisation.

    Each read is recorded as an event (`bank_account.iban_read`), without the number.
    """
    return await accounts.show_iban(request, actor, OF_ORGANISATIONS, _own(request, actor))


@bank_accounts.post(
    ONE + "/approve",
    **changes(schemas.BankAccount, BankDetailsTransition, *PROPOSES_ACCOUNT_APPROVES.refusals, IfMatchMissing),
)
async def approve_bank_account(request: Request, actor: Actor = require(APPROVE)) -> Response:
    """Approve an account that another person proposed; the one approved before with the same label is superseded.

    If-Match is required.
    """
    holder, id_ = _own(request, actor, APPROVE), request.path_params["id"]
    return await commit(request, lambda write: accounts.approve(write, OF_ORGANISATIONS, holder, id_))


@bank_accounts.post(
    ONE + "/refuse",
    **changes(schemas.BankAccount, BankDetailsTransition, *PROPOSES_ACCOUNT_APPROVES.refusals, IfMatchMissing),
)
async def refuse_bank_account(request: Request, body: BankDetailsEnd, actor: Actor = require(APPROVE)) -> Response:
    """Refuse an account that another person proposed, giving a reason. If-Match is required."""
    holder, id_ = _own(request, actor, APPROVE), request.path_params["id"]
    return await commit(request, lambda write: accounts.refuse(write, OF_ORGANISATIONS, holder, id_, body.reason))


@bank_accounts.post(
    ONE + "/withdraw", **changes(schemas.BankAccount, BankDetailsTransition, *BY_A_PERSON, IfMatchMissing)
)
async def withdraw_bank_account(request: Request, body: BankDetailsEnd, actor: Actor = require(PROPOSE)) -> Response:
    """Withdraw an account that is proposed or approved, giving a reason. If-Match is required."""
    holder, id_ = _own(request, actor, PROPOSE), request.path_params["id"]
    return await commit(request, lambda write: accounts.withdraw(write, OF_ORGANISATIONS, holder, id_, body.reason))


def _seen(request: Request, actor: Actor) -> None:
    """Refuse who sees the accounts of its own organisation alone, and looks at another's. Raises `NotFound`."""
    if actor.organisation_id != request.path_params["organisation_id"] and actor.sees_only_own(READ, None):
        raise NotFound


def _own(request: Request, actor: Actor, permission: str = "") -> dict[str, Any]:
    """The organisation of the address, which is the caller's own.

    Raises `NotFound` where it is another, and `Forbidden` where the caller may see it, but not do what it asks.
    """
    _seen(request, actor)
    organisation_id = request.path_params["organisation_id"]
    if actor.organisation_id == organisation_id:
        return {"organisation_id": organisation_id}
    raise Forbidden(permission=permission) if permission else NotFound
