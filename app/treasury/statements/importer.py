"""The entries of bank statements from a file: what came in becomes receipts, and repays the advance that it names.

An entry is known by its account and its reference, whatever became of its receipt: a statement that is imported again
changes nothing. Advances are locked in the order of their ids before any is repaid (docs/locking.md); each is settled
once, whatever the statement brings it.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator
from sqlalchemy import case, or_, select

from app.advances import account
from app.advances.arrears.facts import replayed_so_far
from app.advances.models import Advance
from app.advances.receipts import service
from app.advances.receipts.models import Receipt
from app.advances.receipts.queries import STANDS
from app.advances.receipts.rules import ReceiptMethod, ReceiptStatus
from app.advances.receipts.service import Said, of_receipt
from app.advances.replay import Assigned, Facts, Position
from app.core import clock
from app.core.messages import FUTURE_DAY
from app.core.schemas import Body
from app.core.values import Day, Iban, PositiveCents, ShortLine, Siren, text
from app.core.writing import sheets
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Outcome, together
from app.core.writing.writes import Change, Write
from app.firms.bank_details.models import BankDetails, FirmIban
from app.firms.bank_details.rules import BankDetailsStatus, with_ibans_masked
from app.treasury.accounts.models import BankAccount
from app.treasury.collections import service as collections
from app.treasury.collections.models import CollectionRun, CollectionRunLine
from app.treasury.collections.rules import CollectionRunStatus
from app.treasury.statements import camt, rules

_HELD = (BankDetailsStatus.APPROVED, BankDetailsStatus.SUPERSEDED)  # what an account is, or was
# What the bank writes is kept as it is, but for the numbers of accounts in it.
_Masked = AfterValidator(with_ibans_masked)
_Text = Annotated[str, text(1_000), _Masked]
_Number = Annotated[str, text(40)]


class StatementEntry(Body):
    """An entry of a bank statement."""

    account_iban: Iban
    reference: Annotated[ShortLine, _Masked]
    received_on: Day
    value_on: Day
    amount_cents: PositiveCents
    direction: Literal["credit", "debit"]
    method: ReceiptMethod
    payer_name: Annotated[ShortLine, _Masked] | None = None
    payer_siren: Siren | None = None
    payer_iban: _Number | None = None
    text: _Text = ""
    end_to_end_id: ShortLine | None = None
    reason_code: Annotated[ShortLine, _Masked] | None = None


@dataclass(frozen=True)
class _Accounts:
    """The accounts of the caller's organisation, by number: those that bear it, the one in force first."""

    ids: Mapping[str, Sequence[UUID]]

    def known_as(self, account_id: UUID | None) -> str:
        return next(iban for iban, ids in self.ids.items() if account_id in ids)


async def _accounts(write: Write, lines: Sequence[FileLine]) -> _Accounts:
    a = BankAccount
    in_force = case((a.status == BankDetailsStatus.APPROVED, 0), else_=1)
    rows = select(FirmIban.iban, a.id).join(FirmIban, FirmIban.id == a.iban_id).order_by(in_force, a.id.desc())
    mine = rows.where(
        FirmIban.iban.in_({line.item.account_iban for line in lines}),
        a.organisation_id == write.actor.organisation_id,
        a.status.in_(_HELD),
    )
    ids: dict[str, list[UUID]] = defaultdict(list)
    for iban, account_id in await write.session.execute(mine):
        ids[iban].append(account_id)
    return _Accounts(dict(ids))


async def _check(write: Write, place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    """Each account must be known, and no day lie ahead."""
    accounts = await _accounts(write, lines)
    today, faults = clock.today(), []
    unknown: dict[str, int] = {}
    for line in lines:
        if line.item.account_iban not in accounts.ids:
            unknown.setdefault(line.item.account_iban, line.number)
        faults += [
            LineFault(line.number, name, FUTURE_DAY.at(""))
            for name in ("received_on", "value_on")
            if line.item.direction == "credit" and getattr(line.item, name) > today
        ]
    return [*(LineFault(number, "account_iban", rules.UNKNOWN_ACCOUNT.at("")) for number in unknown.values()), *faults]


async def _apply(write: Write, place: str | None, lines: Sequence[FileLine]) -> Outcome:
    """Write the credits down that are not known yet, each of them to the advance that it belongs to; what the bank sent
    back of a direct debit bounces.
    """
    assert place is not None  # a receipt belongs to a territory
    accounts = await _accounts(write, lines)
    known = await _known(write, place, accounts, lines)
    debited = await _debited(write, place, lines)
    new = [
        line.item for line in lines
        if line.item.direction == "credit" and (line.item.account_iban, line.item.reference) not in known
    ]  # fmt: skip
    payers = await _payers(write, place, new)
    said = [
        rules.Credit(each.amount_cents, payers.get(each.payer_iban, each.payer_siren), each.text) for each in new
    ]  # fmt: skip
    advances, named = await _held(write, place, said, {line.advance_id for line in debited.values()})
    changes: list[Change] = []
    later: list[account.Post] = []  # the accounts of the envelope are locked last
    others: list[tuple[StatementEntry, rules.Credit]] = []
    for entry, credit in zip(new, said, strict=True):
        sent = debited.get(entry.end_to_end_id or "")
        if sent is None or not await _collected(write, accounts, advances, entry, sent, changes, later):
            others.append((entry, credit))
    owing = _Owing(advances, named)
    receipts = await service.enter_all(write, place, [
        Said(
            each.reference, each.received_on, each.value_on, each.amount_cents, accounts.ids[each.account_iban][0],
            each.method, each.payer_name, credit.payer_siren,
        )
        for each, credit in others
    ])  # fmt: skip
    changes += [of_receipt("created", each) for each in receipts]
    written = zip(receipts, [credit for _, credit in others], strict=True)
    repaid: dict[UUID, list[Receipt]] = defaultdict(list)
    for receipt, credit in sorted(written, key=lambda each: each[0].value_on):
        found = rules.match(credit, await owing.asked(write, credit, receipt.value_on))
        if found is not None:
            owing.receive(found, receipt)
            repaid[found].append(receipt)
    for advance_id, of_advance in sorted(repaid.items()):
        changes += await service.repay_by_each(write, advances[advance_id], of_advance, later)
    for post in later:
        changes += await post()
    returned = 0
    for line in lines:
        sent = debited.get(line.item.end_to_end_id or "")
        if line.item.direction == "debit" and sent is not None:
            returned += await _returned(write, advances, line.item, sent, changes)
    return Outcome(
        together(changes), created=len(new), updated=returned, unchanged=len(lines) - len(new) - returned
    )  # fmt: skip


async def _debited(write: Write, territory: str, lines: Sequence[FileLine]) -> dict[str, CollectionRunLine]:
    """The lines of collection runs of the caller's organisation that entries name, by the id that the bank repeats."""
    ids: dict[UUID, str] = {}
    for name in {line.item.end_to_end_id or "" for line in lines}:
        with contextlib.suppress(ValueError):
            ids[UUID(hex=name)] = name
    c = CollectionRunLine
    rows = select(c).join(CollectionRun, CollectionRun.id == c.run_id).join(
        BankAccount, BankAccount.id == CollectionRun.account_id
    ).where(
        c.id.in_(ids), c.territory == territory, c.ended_as.is_(None),
        BankAccount.organisation_id == write.actor.organisation_id,
        CollectionRun.status == CollectionRunStatus.HANDED_OVER,
    )  # fmt: skip
    return {ids[each.id]: each for each in await write.session.scalars(rows)}


async def _collected(
    write: Write, accounts: _Accounts, advances: Mapping[UUID, Advance], entry: StatementEntry,
    line: CollectionRunLine, changes: list[Change], later: list[account.Post],
) -> bool:  # fmt: skip
    """Whether an entry is the money of a line that waits for it, to the cent; its receipt repays the line's advance."""
    advance = advances.get(line.advance_id)
    if advance is None or line.receipt_id is not None or entry.amount_cents != line.amount_cents:
        return False
    if not await _was_paid_out(write, advance, entry.value_on):
        return False
    run = await write.session.get_one(CollectionRun, line.run_id)
    said = await collections.said_of(write, line, entry.reference, entry.received_on, entry.value_on)
    account_id = accounts.ids[entry.account_iban][0]
    changes += await collections.collect(write, advance, run, line, replace(said, account_id=account_id), later)
    return True


async def _returned(
    write: Write, advances: Mapping[UUID, Advance], entry: StatementEntry, line: CollectionRunLine,
    changes: list[Change],
) -> bool:  # fmt: skip
    """Whether an entry sends a line back, for the first time: its receipt bounces, or it never came in."""
    if line.advance_id not in advances or entry.amount_cents != line.amount_cents or line.ended_as is not None:
        return False
    if line.receipt_id is not None:
        receipt = await write.session.get_one(Receipt, line.receipt_id)
        if receipt.status in (ReceiptStatus.BOUNCED, ReceiptStatus.REVERSED) or entry.received_on < receipt.received_on:
            return False
    run = await write.session.get_one(CollectionRun, line.run_id)
    reason = entry.reason_code or entry.text[:100] or "RTRN"
    advance = advances[line.advance_id]
    changes += await collections.give_back(write, advance, run, line, entry.received_on, reason, entry.reference)
    return True


async def _known(write: Write, territory: str, accounts: _Accounts, lines: Sequence[FileLine]) -> set[tuple[str, str]]:
    """The entries that have a receipt: in the territory whatever became of it, in another one that stands."""
    ids = {each for of_number in accounts.ids.values() for each in of_number}
    named = select(Receipt.account_id, Receipt.reference).where(
        Receipt.account_id.in_(ids),
        Receipt.reference.in_({line.item.reference for line in lines}),
        or_(Receipt.territory == territory, STANDS),
    )
    return {(accounts.known_as(account_id), name) for account_id, name in await write.session.execute(named)}


async def _payers(write: Write, territory: str, entries: Iterable[StatementEntry]) -> dict[str | None, str]:
    """The firm whose bank details the payer's account is, or was, by its number: where it is one firm."""
    d = BankDetails
    numbers = {each.payer_iban for each in entries if each.payer_iban is not None}
    rows = select(FirmIban.iban, d.siren).join(FirmIban, FirmIban.id == d.iban_id)
    mine = rows.where(FirmIban.iban.in_(numbers), d.territory == territory, d.status.in_(_HELD))
    firms: dict[str, set[str]] = defaultdict(set)
    for iban, siren in await write.session.execute(mine):
        firms[iban].add(siren)
    return {iban: next(iter(sirens)) for iban, sirens in firms.items() if len(sirens) == 1}


async def _held(
    write: Write, territory: str, said: Sequence[rules.Credit], collected: set[UUID]
) -> tuple[dict[UUID, Advance], rules.Named]:
    """The advances that the money may belong to, locked, and how they are found. Whoever awarded one does not receive
    for it.
    """
    a = Advance
    rows = select(a.id, a.siren, a.decision_reference).where(
        a.territory == territory, a.disbursed_cents > 0, a.awarded_by.is_distinct_from(write.actor.subject_id),
        or_(a.settled_as.is_(None), a.id.in_(collected)),
    )  # fmt: skip
    known = [(id_, siren, reference) for id_, siren, reference in await write.session.execute(rows)]
    named = rules.Named(known)
    meant = {id_ for id_, *_ in known if id_ in collected}.union(*(named.of(credit) for credit in said))
    held = {id_: await account.hold(write, territory, id_) for id_ in sorted(meant)}
    await account.hold_receipts(write, held)
    return held, named


async def _was_paid_out(write: Write, advance: Advance, on: date) -> bool:
    return (await account.stands(write, advance, on)).disbursed_cents > 0


class _Owing:
    """What the advances ask for, with the money of this statement that they have got so far. The facts of each are read
    once; the account is replayed in memory.
    """

    def __init__(self, advances: Mapping[UUID, Advance], named: rules.Named) -> None:
        self._advances, self._named = advances, named
        self._facts: dict[UUID, Facts] = {}

    async def asked(self, write: Write, credit: rules.Credit, on: date) -> list[rules.Owed]:
        """What the advances that may be meant ask for on a day."""
        await asyncio.sleep(0)  # a long statement leaves the others their turn
        found = []
        for advance_id in self._named.of(credit):
            advance = self._advances[advance_id]
            if advance_id not in self._facts:
                self._facts[advance_id] = (await account.known(write, advance)).facts
            found.append(_owed(advance, replayed_so_far(self._facts[advance_id], on)))
        return found

    def receive(self, advance_id: UUID, receipt: Receipt) -> None:
        """Count a receipt that repays an advance."""
        facts = self._facts[advance_id]
        orders = [each.order for each in facts.assignments] + [each.order for each in facts.versions]
        order = max(orders, default=0) + 1
        got = Assigned(
            receipt.id, receipt.value_on, receipt.amount_cents, order,
            after_write_off=self._advances[advance_id].written_off_on is not None,
        )  # fmt: skip
        self._facts[advance_id] = replace(facts, assignments=[*facts.assignments, got])


def _owed(advance: Advance, position: Position) -> rules.Owed:
    """What an advance asks for: nothing where nothing was paid out by the day."""
    on = position.as_of
    due = sum(line.left_cents for line in position.lines if not line.line.kept and line.line.due_on <= on)
    beside = position.late_interest_cents + position.success_fee_due_cents
    owed = position.outstanding_cents + position.interest_due_cents + position.fees_due_cents + beside
    due_cents = due + beside or position.next_due_cents
    return rules.Owed(
        advance.id, advance.siren, advance.decision_reference, owed, due_cents if position.disbursed_cents else 0
    )


STATEMENTS = Importer(
    kind="bank_statements",
    permission="receipts:write",
    schema=StatementEntry,
    columns=[Heading(name, sheets.whole if name == "amount_cents" else sheets.plain) for name in camt.FIELDS],
    key=("account_iban", "reference"),
    apply=_apply,
    check=_check,
    needs_subject=True,
    read=camt.rows,
)
