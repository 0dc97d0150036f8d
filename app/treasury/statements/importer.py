"""The entries of bank statements from a file: what came in becomes receipts, and repays the advance that it names.

An entry is known by its account and its reference, whatever became of its receipt: a statement that is imported again
changes nothing. Where an account serves several territories, each takes the entries that concern its own advances, and
those that concern nobody's. What the bank sent back is never lost: it bounces the debit or the receipt that it must be,
or stands as a receipt that was sent back, for a person to look at. All advances, and then all their receipts, are
locked in the order of their ids before any is written (docs/locking.md); each is settled once, whatever the statement
brings it.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator
from sqlalchemy import ColumnElement, case, or_, select

from app.access.rules import accountable
from app.advances import account
from app.advances.arrears.facts import replayed_so_far
from app.advances.models import Advance, Repayment, RepaymentStatus
from app.advances.position import Assigned, Facts, Position
from app.advances.receipts import service
from app.advances.receipts.models import Receipt
from app.advances.receipts.rules import ReceiptMethod, ReceiptStatus
from app.advances.receipts.service import Said, of_receipt
from app.core import clock
from app.core.messages import FUTURE_DAY
from app.core.problems import Busy
from app.core.schemas import Body
from app.core.values import Day, Iban, PositiveCents, Siren, text, with_ibans_masked
from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Outcome, together
from app.core.writing.writes import Change, Write
from app.firms.bank_details.models import BankDetails, FirmIban
from app.firms.bank_details.rules import BankDetailsStatus
from app.reader import camt
from app.treasury.accounts.models import BankAccount
from app.treasury.collections import service as collections
from app.treasury.collections.models import CollectionRun, CollectionRunLine
from app.treasury.collections.rules import CollectionRunStatus
from app.treasury.statements import rules

_HELD = (BankDetailsStatus.APPROVED, BankDetailsStatus.SUPERSEDED)  # what an account is, or was
# What the bank writes is kept as it is, but for the numbers of accounts in it.
_Masked = AfterValidator(with_ibans_masked)
_Text = Annotated[str, text(1_000, as_it_is=True), _Masked]
_Word = Annotated[str, text(100, as_it_is=True), _Masked]
# By these its accounts and debits are found: none of them is kept.
_Number = Annotated[str, text(40, as_it_is=True)]
_Name = Annotated[str, text(100, as_it_is=True)]


class StatementEntry(Body):
    """An entry of a bank statement."""

    account_iban: Iban
    reference: _Word
    received_on: Day
    value_on: Day
    amount_cents: PositiveCents
    direction: Literal["credit", "debit"]
    method: ReceiptMethod
    payer_name: _Word | None = None
    payer_siren: Siren | None = None
    payer_iban: _Number | None = None
    text: _Text = ""
    end_to_end_id: _Name | None = None
    reason_code: _Word | None = None


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
    entries = [line.item for line in lines]
    sent_for = await _sent_for(write, entries)
    debited = {name: line for name, line in sent_for.items() if line.territory == place and line.ended_as is None}
    own = await _own(write, place, entries, await _known(write, place, accounts, entries), sent_for)
    new = [(entry, credit) for entry, credit in own if entry.direction == "credit"]
    returns = [
        (entry, credit) for entry, credit in own
        if entry.direction == "debit" and entry.reason_code
        and _sent_otherwise(entry, sent_for.get(entry.end_to_end_id or ""))
    ]  # fmt: skip
    bouncing = await _bouncing(write, place, accounts, returns)
    said = [credit for _, credit in new]
    debits = [
        (entry, sent) for entry in entries
        if entry.direction == "debit" and (sent := debited.get(entry.end_to_end_id or "")) is not None
    ]  # fmt: skip
    due_back = {*bouncing.values(), *(sent.receipt_id for _, sent in debits if sent.receipt_id is not None)}
    concerned = {line.advance_id for line in debited.values()} | await _repaid_by(write, due_back)
    advances, named = await _held(write, place, said, concerned)
    await account.hold_receipts(write, advances, due_back)
    if not await _repaid_by(write, due_back) <= concerned:
        raise Busy  # one that bounces was assigned meanwhile
    changes: list[Change] = []
    later: list[account.Post] = []  # the accounts of the envelope are locked last
    others: list[tuple[StatementEntry, rules.Credit]] = []
    for entry, credit in new:
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
    for entry, sent in debits:
        returned += await _returned(write, advances, entry, sent, changes)
    lost = 0
    for entry, credit in returns:
        if await _bounced(write, place, advances, entry, bouncing.get(entry.reference), changes):
            returned += 1
        else:
            changes.append(await _sent_back(write, place, accounts, entry, credit))
            lost += 1
    created = len(new) + lost
    return Outcome(together(changes), created=created, updated=returned, unchanged=len(lines) - created - returned)


async def _sent_for(write: Write, entries: Sequence[StatementEntry]) -> dict[str, CollectionRunLine]:
    """The lines of collection runs of the caller's organisation, in every territory, that entries name, by the id that
    the bank repeats.
    """
    ids: dict[UUID, str] = {}
    for name in {entry.end_to_end_id or "" for entry in entries}:
        with contextlib.suppress(ValueError):
            ids[UUID(hex=name)] = name
    c = CollectionRunLine
    rows = select(c).join(CollectionRun, CollectionRun.id == c.run_id).join(
        BankAccount, BankAccount.id == CollectionRun.account_id
    ).where(
        c.id.in_(ids),
        BankAccount.organisation_id == write.actor.organisation_id,
        CollectionRun.status == CollectionRunStatus.HANDED_OVER,
    )  # fmt: skip
    return {ids[each.id]: each for each in await write.session.scalars(rows)}


def _sent_otherwise(entry: StatementEntry, line: CollectionRunLine | None) -> bool:
    """Whether no line of a run was sent for what came back, or one for another amount."""
    return line is None or line.amount_cents != entry.amount_cents


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
        if not await _can_bounce(write, advances, entry, receipt):
            return False
    run = await write.session.get_one(CollectionRun, line.run_id)
    reason = entry.reason_code or entry.text[:100] or "RTRN"
    advance = advances[line.advance_id]
    changes += await collections.give_back(write, advance, run, line, entry.received_on, reason, entry.reference)
    return True


async def _can_bounce(
    write: Write, advances: Mapping[UUID, Advance], entry: StatementEntry, receipt: Receipt
) -> bool:  # fmt: skip
    """Whether a receipt, and all that it repays, is held, and came in before the bank sent it back."""
    standing = receipt.status in (ReceiptStatus.RECORDED, ReceiptStatus.RETURNED)
    if not standing or entry.received_on < receipt.received_on:
        return False
    return await _repaid_by(write, {receipt.id}) <= advances.keys()


async def _bounced(
    write: Write, territory: str, advances: Mapping[UUID, Advance], entry: StatementEntry, receipt_id: UUID | None,
    changes: list[Change],
) -> bool:  # fmt: skip
    """Whether an entry sends a receipt back that no run has collected."""
    if receipt_id is None:
        return False
    receipt = await write.session.get_one(Receipt, receipt_id)
    if not await _can_bounce(write, advances, entry, receipt):
        return False
    held = await service.hold(write, territory, receipt_id)
    assert entry.reason_code is not None  # it is a return
    changes += await service.bounce(write, held, entry.received_on, entry.reason_code, entry.reference)
    return True


async def _sent_back(
    write: Write, territory: str, accounts: _Accounts, entry: StatementEntry, credit: rules.Credit
) -> Change:
    """Money that went back, of which nothing is known but that: a receipt that bounced, by one and the same entry."""
    account_id = accounts.ids[entry.account_iban][0]
    receipt = Receipt(
        territory=territory, account_id=account_id, reference=entry.reference, received_on=entry.received_on,
        value_on=entry.value_on, amount_cents=entry.amount_cents, unassigned_cents=entry.amount_cents,
        method=entry.method, payer_name=entry.payer_name, payer_siren=credit.payer_siren,
        recorded_by=accountable(write.actor), status=ReceiptStatus.BOUNCED, bounced_on=entry.received_on,
        reason=entry.reason_code, bank_reference=entry.reference,
    )  # fmt: skip
    write.session.add(receipt)
    await write.session.flush()
    return of_receipt("sent_back", receipt)


async def _bouncing(
    write: Write, territory: str, accounts: _Accounts, returns: Sequence[tuple[StatementEntry, rules.Credit]]
) -> dict[str, UUID]:
    """The receipt that each return sends back, by its reference: the only one of the payer, of the same amount and
    method.
    """
    e = Receipt
    rows = select(e.id, e.account_id, e.amount_cents, e.payer_siren, e.method).where(
        e.territory == territory, e.status == ReceiptStatus.RECORDED,
        e.amount_cents.in_({entry.amount_cents for entry, _ in returns}),
        e.payer_siren.in_({credit.payer_siren for _, credit in returns}),
    )  # fmt: skip
    of_payer: dict[tuple[Any, ...], list[UUID]] = defaultdict(list)
    for id_, *said in await write.session.execute(rows) if returns else ():
        of_payer[tuple(said)].append(id_)
    found: dict[str, UUID] = {}
    for entry, credit in returns:
        possible = [
            id_ for account_id in accounts.ids[entry.account_iban]
            for method in {entry.method, ReceiptMethod.OTHER}
            for id_ in of_payer[account_id, entry.amount_cents, credit.payer_siren, method]
        ]  # fmt: skip
        if len(possible) == 1 and possible[0] not in found.values():
            found[entry.reference] = possible[0]
    return found


async def _repaid_by(write: Write, receipt_ids: set[UUID]) -> set[UUID]:
    r = Repayment
    of_them = select(r.advance_id).where(r.receipt_id.in_(receipt_ids), r.status != RepaymentStatus.REVERSED)
    return set(await write.session.scalars(of_them)) if receipt_ids else set()


async def _known(
    write: Write, territory: str, accounts: _Accounts, entries: Sequence[StatementEntry]
) -> set[tuple[str, str]]:
    """The entries that have a receipt, or sent one back: here whatever became of it, in another territory unless it was
    a mistake.
    """
    ids = {each for of_number in accounts.ids.values() for each in of_number}
    references = {entry.reference for entry in entries}
    of_account = (
        Receipt.account_id.in_(ids), or_(Receipt.territory == territory, Receipt.status != ReceiptStatus.REVERSED)
    )  # fmt: skip
    known: set[tuple[str, str]] = set()
    columns: tuple[Any, ...] = (Receipt.reference, Receipt.bank_reference)
    for column in columns:
        named = select(Receipt.account_id, column).where(*of_account, column.in_(references))
        known |= {(accounts.known_as(account_id), name) for account_id, name in await write.session.execute(named)}
    return known


async def _own(
    write: Write,
    territory: str,
    entries: Sequence[StatementEntry],
    known: set[tuple[str, str]],
    sent_for: Mapping[str, CollectionRunLine],
) -> list[tuple[StatementEntry, rules.Credit]]:
    """The entries that are new, and the territory's: those that concern its advances, or nobody's of the organisation
    that the account is of.
    """
    new = [entry for entry in entries if (entry.account_iban, entry.reference) not in known]
    a, d = Advance, BankDetails
    here = await _concerned(write, new, d.territory == territory, a.territory == territory)
    funded = a.funder_id == write.actor.organisation_id
    elsewhere = await _concerned(write, new, d.territory != territory, (a.territory != territory) & funded)
    own = []
    for entry, (credit, concerns), (_, concerns_another) in zip(new, here, elsewhere, strict=True):
        line = sent_for.get(entry.end_to_end_id or "")
        if (concerns or not concerns_another) if line is None else line.territory == territory:
            own.append((entry, credit))
    return own


async def _concerned(
    write: Write, entries: Sequence[StatementEntry], details: ColumnElement[bool], of_them: ColumnElement[bool]
) -> list[tuple[rules.Credit, bool]]:
    """What each entry says, its payer known by these bank details, and whether it concerns one of these advances."""
    payers = await _payers(write, details, entries)
    said = [
        rules.Credit(each.amount_cents, payers.get(each.payer_iban, each.payer_siren), each.text) for each in entries
    ]  # fmt: skip
    a = Advance
    rows = select(a.siren, a.decision_reference).where(of_them, a.disbursed_cents > 0).distinct()
    written = rules.words("\n".join(credit.text for credit in said))
    meant: list[tuple[str, str]] = []
    firms = set()
    for siren, reference in await write.session.execute(rows) if entries else ():
        firms.add(siren)
        if rules.words(reference) in written:
            meant.append((siren, reference))
    return [
        (credit, credit.payer_siren in firms or any(rules.is_named(credit, *each) for each in meant))
        for credit in said
    ]  # fmt: skip


async def _payers(
    write: Write, details: ColumnElement[bool], entries: Iterable[StatementEntry]
) -> dict[str | None, str]:
    """The firm whose bank details, of these, the payer's account is, or was, by its number: where it is one firm."""
    d = BankDetails
    numbers = {each.payer_iban for each in entries if each.payer_iban is not None}
    rows = select(FirmIban.iban, d.siren).join(FirmIban, FirmIban.id == d.iban_id)
    mine = rows.where(FirmIban.iban.in_(numbers), details, d.status.in_(_HELD))
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
    return {id_: await account.hold(write, territory, id_) for id_ in sorted(meant)}, named


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
    columns=[Heading(name, cells.as_it_is if name == "amount_cents" else cells.verbatim) for name in camt.FIELDS],
    key=("account_iban", "reference"),
    apply=_apply,
    check=_check,
    needs_subject=True,
    xml=True,
)
