"""A bank statement (ISO 20022, camt.053) as rows of entries. No session, no await.

Expat reads the file in pieces and keeps one statement's head and one entry at a time. It fetches nothing, and a
document type is refused where it begins, so that no entity can be declared. Versions .02 to .13 say the same in two
ways: what moved under `Pty`, `Cd` or `TxDtls/Amt` is looked for in both places.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any
from xml.parsers import expat
from zoneinfo import ZoneInfo

from app.reader.tables import Row, Table, Unreadable

PARIS = ZoneInfo("Europe/Paris")
MOST = 20_000  # entries in one file
_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(?:0[2-9]|1[0-3])")
_OLD_AMOUNT = "AmtDtls/TxAmt/Amt"
_PIECE = 64 * 1024  # bytes that are parsed at a time
_DEPTH, _PARTS, _TEXT = 40, 20_000, 4_000  # elements in one another; elements of one entry; characters of one value

FIELDS = (
    "account_iban", "reference", "received_on", "value_on", "amount_cents", "direction", "method", "payer_name",
    "payer_siren", "payer_iban", "text", "end_to_end_id", "reason_code",
)  # fmt: skip


ABSENT = ("", "NOTPROVIDED", "NONREF")  # what banks write where they have nothing to say


@dataclass
class _Element:
    """An element of the statement: its name without the namespace, its text and what is in it."""

    name: str
    attributes: dict[str, str]
    text: str = ""
    parts: "list[_Element]" = field(default_factory=list)

    def all(self, path: str) -> "list[_Element]":
        found = [self]
        for name in path.split("/"):
            found = [part for each in found for part in each.parts if part.name == name]
        return found

    def get(self, *paths: str) -> str:
        """The first text at any of the paths; empty where there is none."""
        found = (" ".join(each.text.split()) for path in paths for each in self.all(path))
        return next((text for text in found if text not in ABSENT), "")


def table(file: IO[bytes]) -> Table:
    """The entries of a statement as a table."""
    return Table("xml", rows(file))


def rows(file: IO[bytes]) -> Iterator[Row]:
    """The names of the columns, then a row for each entry of an account, numbered from 1 over the whole file.

    An entry of several transactions with their amounts is a row for each. Raises `Unreadable`, of which `line` is
    the number of the row, where the file is no statement, is not in euros, or does not come to its own sums.
    """
    yield 0, list(FIELDS)
    reader = _Reader()
    while piece := file.read(_PIECE):
        reader.feed(piece)
        yield from reader.take()
    reader.feed(b"", last=True)
    yield from reader.take()


class _Reader:
    """Takes the file in pieces and gives the rows of the entries that have passed."""

    def __init__(self) -> None:
        self._open: list[_Element] = []
        self._parts = 0
        self._rows: list[Row] = []
        self._number = 0
        self._statements = 0
        self._statement: _Statement | None = None
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        self._parser = parser
        self._namespace = ""

    def feed(self, piece: bytes, *, last: bool = False) -> None:
        try:
            self._parser.Parse(piece, last)
        except (expat.ExpatError, LookupError, ValueError):  # LookupError: an encoding that nobody knows
            raise Unreadable("unreadable_xml", self._number or None) from None
        if last and not self._statements:
            raise Unreadable("not_a_statement")

    def take(self) -> list[Row]:
        taken, self._rows = self._rows, []
        return taken

    def _doctype(self, *_: Any) -> None:
        raise Unreadable("statement_with_doctype")

    def _start(self, qualified: str, attributes: dict[str, str]) -> None:
        namespace, _, name = qualified.rpartition(" ")
        if not self._open:
            if name != "Document" or not _NAMESPACE.fullmatch(namespace):
                raise Unreadable("not_a_statement")
            self._namespace = namespace
        if namespace != self._namespace:
            name = f"{namespace} {name}"  # a bank's own supplement is none of the statement
        element = _Element(name, attributes)
        self._parts += 1
        if len(self._open) >= _DEPTH or self._parts > _PARTS:
            raise self._too_large()
        if self._open:
            self._open[-1].parts.append(element)
        self._open.append(element)
        path = [each.name for each in self._open[1:]]
        if path == ["BkToCstmrStmt", "Stmt"]:
            self._parts = 0
            self._statement = None
        elif path == ["BkToCstmrStmt", "Stmt", "Ntry"]:
            self._parts = 0
            self._number += 1
            if self._number > MOST:
                raise self._too_large()
            if self._statement is None:
                self._statement = _Statement.of(self._open[-2], self._number)

    def _end(self, _: str) -> None:
        element = self._open.pop()
        path = [each.name for each in self._open[1:]]
        if path == ["BkToCstmrStmt", "Stmt"] and element.name == "Ntry":
            assert self._statement is not None  # its first entry has made it
            self._open[-1].parts.pop()
            self._parts = 0
            found = self._statement.entry(element, self._number)
            self._rows += [(number, cells) for number, cells in enumerate(found, self._number)]
            self._number += max(len(found) - 1, 0)
        elif path == ["BkToCstmrStmt"] and element.name == "Stmt":
            self._statements += 1
            statement = self._statement or _Statement.of(element, self._number)
            statement.close(self._number)
            self._open[-1].parts.clear()

    def _text(self, text: str) -> None:
        element = self._open[-1]
        if not text.isspace() or element.text:
            element.text += text
            if len(element.text) > _TEXT:
                raise self._too_large()

    def _too_large(self) -> Unreadable:
        return Unreadable("statement_too_large", self._number or None, maximum=MOST)


@dataclass
class _Statement:
    """A statement of one account, and what its entries have come to so far."""

    head: _Element
    iban: str
    name: str
    entries: int = 0
    credited_cents: int = 0
    debited_cents: int = 0

    @classmethod
    def of(cls, head: _Element, number: int) -> "_Statement":
        iban, name = head.get("Acct/Id/IBAN"), head.get("Id")
        _need(iban and name, "Acct/Id/IBAN" if name else "Id", number)
        if head.get("Acct/Ccy") not in ("", "EUR"):
            raise Unreadable("wrong_currency", number or None)
        return cls(head, iban, name)

    def entry(self, entry: _Element, number: int) -> list[list[Any]]:
        """The rows of an entry: none where it is not booked."""
        booked = entry.get("Sts", "Sts/Cd") in ("BOOK", "")
        direction = entry.get("CdtDbtInd")
        _need(direction in ("CRDT", "DBIT"), "CdtDbtInd", number)
        cents = _cents(entry, "Amt", number)
        if not booked:
            return []
        self.entries += 1
        credit = direction == "CRDT"
        self.credited_cents += cents if credit else 0
        self.debited_cents += 0 if credit else cents
        received_on = _day(entry, number, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")
        _need(received_on, "BookgDt", number)
        value_on = _day(entry, number, "ValDt/Dt", "ValDt/DtTm") or received_on
        own = entry.get("AcctSvcrRef", "NtryRef")
        reference = own if entry.get("AcctSvcrRef") else f"{self.name}/{own or self.entries}"
        found: list[list[Any]] = []
        transactions = entry.all("NtryDtls/TxDtls")
        # Transactions that are told without their amounts are no rows: the entry is one.
        several = len(transactions) > 1 and all(each.all("Amt") or each.all(_OLD_AMOUNT) for each in transactions)
        alone = transactions[0] if len(transactions) == 1 else entry
        for position, each in enumerate(transactions, 1) if several else ((0, alone),):
            amount = cents
            if several:
                amount = _cents(each, "Amt" if each.all("Amt") else _OLD_AMOUNT, number)
            # Who paid: also of money that the bank sent back to its debtor.
            sent_back = each.all("RtrInf") and each.all("RltdPties/Dbtr")
            party = "Dbtr" if credit or sent_back else "Cdtr"
            method = _method(entry, each)
            found.append([
                self.iban, f"{reference}/{position}" if position else reference, received_on, value_on, amount,
                "credit" if credit else "debit", method,
                each.get(f"RltdPties/{party}/Nm", f"RltdPties/{party}/Pty/Nm")[:100],
                _siren(each, party), each.get(f"RltdPties/{party}Acct/Id/IBAN"),
                _said(entry, each), each.get("Refs/EndToEndId")[:100],
                each.get("RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry")[:35],
            ])  # fmt: skip
        if several and (total := sum(each[4] for each in found)) != cents:
            raise Unreadable("entry_sum", number, stated_cents=cents, entries_cents=total)
        return found

    def close(self, number: int) -> None:
        """Hold the entries against the balances and the totals that the statement gives."""
        moved = self.credited_cents - self.debited_cents
        balances: dict[str, list[int]] = {}
        for balance in self.head.all("Bal"):
            cents = _cents(balance, "Amt", number)
            signed = -cents if balance.get("CdtDbtInd") == "DBIT" else cents
            balances.setdefault(balance.get("Tp/CdOrPrtry/Cd"), []).append(signed)
        opening, closing = balances.get("OPBD") or balances.get("PRCD"), balances.get("CLBD")
        if opening and closing:
            _agree("Bal", closing[-1] - opening[0], moved, number)
        for path, cents in (("TtlCdtNtries", self.credited_cents), ("TtlDbtNtries", self.debited_cents)):
            for total in self.head.all(f"TxsSummry/{path}"):
                if total.all("Sum"):
                    _agree(path, _cents(total, "Sum", number), cents, number)


def _method(entry: _Element, transaction: _Element) -> str:
    family = transaction.get("BkTxCd/Domn/Fmly/Cd") or entry.get("BkTxCd/Domn/Fmly/Cd")
    if family in ("RCDT", "ICDT", "RRCT", "IRCT"):
        return "transfer"
    return "direct_debit" if family in ("IDDT", "RDDT") else "other"


def _siren(transaction: _Element, party: str) -> str:
    """The payer's SIREN where the bank gives it, or the SIRET that begins with it, as the id of an organisation."""
    for path in (f"RltdPties/{party}/Id/OrgId/Othr/Id", f"RltdPties/{party}/Pty/Id/OrgId/Othr/Id"):
        for each in transaction.all(path):
            digits = re.sub(r"\s", "", each.text)
            if re.fullmatch(r"[0-9]{9}|[0-9]{14}", digits):
                return digits[:9]
    return ""


def _said(entry: _Element, transaction: _Element) -> str:
    """What the payer wrote: free text and structured references."""
    parts = [*transaction.all("RmtInf/Ustrd"), *transaction.all("RmtInf/Strd/CdtrRefInf/Ref")]
    told = [*(each.text for each in parts), entry.get("AddtlNtryInf")]
    return " ".join(" ".join(told).split())[:1_000]


def _need(there: Any, element: str, number: int) -> None:
    if not there:
        raise Unreadable("statement_incomplete", number or None, element=element)


def _agree(element: str, stated: int, found: int, number: int) -> None:
    if stated != found:
        raise Unreadable("statement_sum", number or None, element=element, stated_cents=stated, entries_cents=found)


def _cents(element: _Element, path: str, number: int) -> int:
    """An amount in euros as cents. Raises `Unreadable` for another currency."""
    amounts = element.all(path)
    text = amounts[0].text.strip() if amounts else ""
    _need(re.fullmatch(r"[0-9]{1,13}(?:\.[0-9]{1,5})?", text), path, number)
    cents = Decimal(text) * 100
    _need(cents == cents.to_integral_value(), path, number)
    if amounts[0].attributes.get("Ccy", "EUR") != "EUR":
        raise Unreadable("wrong_currency", number or None)
    return int(cents)


def _day(element: _Element, number: int, *paths: str) -> str:
    """The first day at any of the paths, as ISO: an instant is the Paris day that it falls on."""
    for path in paths:
        text = element.get(path)
        if not text:
            continue
        read: Callable[[str], date] = _paris_day if path.endswith("DtTm") else _plain_day
        try:
            return read(text).isoformat()
        except (ValueError, OverflowError):
            _need(False, path, number)
    return ""


def _plain_day(text: str) -> date:
    return date.fromisoformat(text[:10])


def _paris_day(text: str) -> date:
    instant = datetime.fromisoformat(text)
    return (instant if instant.tzinfo is None else instant.astimezone(PARIS)).date()
