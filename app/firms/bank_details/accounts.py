"""What happens to accounts that one person proposes and another approves, whoever holds them: one mechanism.

An `AccountKind` says what differs: the table, how an account is read, what its events are called, and whose it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import PROPOSES_ACCOUNT_APPROVES
from app.access.rules import Actor, accountable, person
from app.core.problems import NotFound
from app.core.reading.answers import private
from app.core.reading.listing import Listing
from app.core.reading.query import read
from app.core.values import masked_iban
from app.core.writing.writes import Change, Seen, Write, run
from app.firms.bank_details import rules
from app.firms.bank_details.models import FirmIban, ProposedAccount
from app.firms.bank_details.rules import BankDetailsAction, BankDetailsStatus

Account = TypeVar("Account", bound=ProposedAccount)


@dataclass(frozen=True)
class AccountKind(Generic[Account]):
    """A kind of accounts.

    `holder` names the columns that the address gives; of what has the same `one_of` one account is approved at a time,
    and an approval supersedes it.
    """

    model: type[Account]
    listing: Listing
    noun: str
    holder: tuple[str, ...]
    one_of: tuple[str, ...]

    def change(self, act: str, account: Account) -> Change:
        """The change that an act made of an account, which is also the name of its event."""
        bound = {name: getattr(account, name) for name in self.holder}
        return Change(f"{self.noun}.{act}", self.listing, [account.id], bound)

    def mine(self, holder: Mapping[str, Any]) -> list[Any]:
        """The conditions of an account of this holder."""
        return [getattr(self.model, name) == holder[name] for name in self.holder]


async def propose(write: Write, kind: AccountKind[Account], iban: str, **columns: Any) -> Change:
    """Propose an account. Raises `email-missing` (403), `bank-details-already-proposed` (409)."""
    proposed_by = accountable(write.actor)
    number = FirmIban(iban=iban)
    write.session.add(number)
    await write.session.flush()
    account = kind.model(**columns, iban_id=number.id, iban_masked=masked_iban(iban), proposed_by=proposed_by)
    write.session.add(account)
    await write.session.flush()
    return kind.change("proposed", account)


async def approve(write: Write, kind: AccountKind[Account], holder: Mapping[str, Any], id_: UUID) -> list[Change]:
    """Approve what another person proposed; what was approved before is superseded.

    Raises `person-required`, `bank-details-own-approval` (403), `bank-details-transition` (409).
    """
    account, approved = await _stepped(write, kind, holder, id_, BankDetailsAction.APPROVE)
    decided_by = PROPOSES_ACCOUNT_APPROVES.separate(write.actor, [account.proposed_by])
    same = [getattr(kind.model, name) == getattr(account, name) for name in kind.one_of]
    standing = select(kind.model).where(*same, kind.model.status == BankDetailsStatus.APPROVED)
    superseded = (await write.session.scalars(standing.with_for_update(key_share=True))).all()
    for before in superseded:
        before.status, before.ended_at = BankDetailsStatus.SUPERSEDED, write.now
    await write.session.flush()  # at no instant are two approved
    account.status, account.decided_by, account.decided_at = approved, decided_by, write.now
    await write.session.flush()
    return [kind.change("approved", account), *(kind.change("superseded", before) for before in superseded)]


async def refuse(write: Write, kind: AccountKind[Account], holder: Mapping[str, Any], id_: UUID, reason: str) -> Change:
    """Refuse what another person proposed, giving a reason."""
    account, refused = await _stepped(write, kind, holder, id_, BankDetailsAction.REFUSE)
    account.decided_by = PROPOSES_ACCOUNT_APPROVES.separate(write.actor, [account.proposed_by])
    account.status, account.decided_at = refused, write.now
    account.ended_at, account.end_reason = write.now, reason
    return kind.change("refused", account)


async def withdraw(
    write: Write, kind: AccountKind[Account], holder: Mapping[str, Any], id_: UUID, reason: str
) -> Change:
    """Withdraw a proposal, or an account that must not be used any more, giving a reason."""
    person(write.actor)
    account, withdrawn = await _stepped(write, kind, holder, id_, BankDetailsAction.WITHDRAW)
    account.status, account.ended_at, account.end_reason = withdrawn, write.now, reason
    await write.session.flush()
    return kind.change("withdrawn", account)


async def show_iban(request: Request, actor: Actor, kind: AccountKind[Account], holder: Mapping[str, Any]) -> Response:
    """The number in full, never stored, and the event of its reading, which shows the mask.

    Raises `NotFound`, `iban-not-held` (409).
    """
    read(request, {})
    id_ = request.path_params["id"]
    ibans: list[str] = []

    async def work(write: Write) -> Change:
        number = select(FirmIban.iban, kind.model.iban_masked).select_from(kind.model).outerjoin(
            FirmIban, FirmIban.id == kind.model.iban_id
        )  # fmt: skip
        found = (await write.session.execute(number.where(kind.model.id == id_, *kind.mine(holder)))).one_or_none()
        if found is None:
            raise NotFound
        ibans.append(rules.held(*found))
        return Change(f"{kind.noun}.iban_read", kind.listing, [id_], dict(holder))

    def reply(_change: Change, seen: list[Seen]) -> Response:
        return private({"id": str(seen[0].key), "iban": ibans[0]}, cache_control="no-store")

    state = request.state
    known = {"request_id": state.request_id, "client_request_id": state.client_request_id}
    answer = await run(state.sessions, actor, work, **known, reply=reply)
    assert isinstance(answer, Response)  # `reply` was given
    return answer


async def _stepped(
    write: Write, kind: AccountKind[Account], holder: Mapping[str, Any], id_: UUID, action: BankDetailsAction
) -> tuple[Account, BankDetailsStatus]:
    """The account, locked, and the state that the action leads to."""
    account = await write.lock(kind.model, kind.model.id == id_, *kind.mine(holder))
    write.expect(account.version, required=True)
    return account, rules.next_status(action, BankDetailsStatus(account.status))
