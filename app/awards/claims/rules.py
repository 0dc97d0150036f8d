"""What a claim can be and become, what of it counts, and which lines a control looks at. No session, no await.

Source: décret 2018-514 art. 5, 12 and 13 (*état récapitulatif des dépenses acquittées*, *service fait*). An expense
counts once it is paid, is neither earlier than the receipt of the file nor later than the completion, and counts up to
the line of the base that it belongs to. Every cent that a firm declares is certified, deducted for a stated reason, or
parked until a later claim.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from app.core.faults import Fault
from app.core.problems import Problem

MOST_LINES = 200  # of one claim: it is read, told as an event and settled as a whole


class ClaimStatus(StrEnum):
    """State of a claim: each is reached by an act."""

    SUBMITTED = "submitted"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


class ClaimAction(StrEnum):
    """What may be done to a claim."""

    CHANGE = "change"
    SAMPLE = "sample"
    SETTLE = "settle"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"


TRANSITIONS: Mapping[ClaimAction, tuple[ClaimStatus, ClaimStatus]] = {
    ClaimAction.CHANGE: (ClaimStatus.SUBMITTED, ClaimStatus.SUBMITTED),
    ClaimAction.SAMPLE: (ClaimStatus.SUBMITTED, ClaimStatus.SUBMITTED),
    ClaimAction.SETTLE: (ClaimStatus.SUBMITTED, ClaimStatus.SETTLED),
    ClaimAction.REOPEN: (ClaimStatus.SETTLED, ClaimStatus.SUBMITTED),
    ClaimAction.WITHDRAW: (ClaimStatus.SUBMITTED, ClaimStatus.WITHDRAWN),
}


NEED_REASON = frozenset({ClaimAction.REOPEN, ClaimAction.WITHDRAW})


class Deduction(StrEnum):
    """Why a part of what was declared does not count."""

    NOT_ELIGIBLE = "not_eligible"
    NOT_PAID = "not_paid"
    OUT_OF_PERIOD = "out_of_period"
    DOUBLE = "double"
    OVER_LINE = "over_line"
    NO_PROOF = "no_proof"


class SampleMethod(StrEnum):
    """How a sample is drawn: every line alike, or every cent alike, so that a large line is the more likely."""

    RANDOM = "random"
    MONETARY_UNIT = "monetary_unit"


# --- faults ----------------------------------------------------------------------------------------------------------

SUPPLIER_MISSING = Fault(
    "supplier_missing",
    en="The line must name its supplier, by supplier_siren or by supplier_name.",
    fr="La ligne doit désigner son fournisseur, par supplier_siren ou par supplier_name.",
)
NO_LETTER_OR_DIGIT = Fault(
    "no_letter_or_digit",
    en="Must contain a letter or a digit.",
    fr="Doit contenir une lettre ou un chiffre.",
)
REPEATED_INVOICE = Fault(
    "repeated_invoice",
    en="An earlier line of the claim is the same invoice (supplier and number): {first}.",
    fr="Une ligne précédente de la demande est la même facture (fournisseur et numéro) : {first}.",
)
MISSING_VERDICT = Fault(
    "missing_verdict",
    en="The settlement must say what becomes of each controlled line of the claim. Missing: {positions}.",
    fr="Le règlement doit dire ce que devient chaque ligne contrôlée de la demande. Manquent : {positions}.",
)
REPEATED_VERDICT = Fault(
    "repeated_verdict",
    en="An earlier item names the same line of the claim.",
    fr="Un élément précédent désigne la même ligne de la demande.",
)
SAMPLE_TOO_LARGE = Fault(
    "sample_too_large",
    en="The sample must have at most as many lines as the claim: {lines}.",
    fr="L'échantillon doit compter au plus autant de lignes que la demande : {lines}.",
)


# --- refusals --------------------------------------------------------------------------------------------------------


class ClaimTransition(Problem):
    """The state of the claim does not allow this action."""

    status = 409
    title_fr = "L'état de la demande de versement ne permet pas cette action."
    detail = "It is {current}; {action} requires: {needed}."
    detail_fr = "Elle est {current} ; {action} exige : {needed}."


class AwardWithoutLines(Problem):
    """Expenses can be claimed only of an award that carries the lines of its decision."""

    status = 409
    title_fr = "Des dépenses ne peuvent être déclarées que sur une attribution qui porte les lignes de sa décision."
    cure = "Award the aid with its scheme and base (`scheme`, `base_cents`); this one is held by its amount alone."
    cure_fr = (
        "Attribuez l'aide avec son dispositif et son assiette (`scheme`, `base_cents`) ; celle-ci n'est tenue que par"
        " son montant."
    )


class InvoiceAlreadyClaimed(Problem):
    """The same invoice of the same supplier is already claimed for an aid of this firm."""

    status = 409
    title_fr = "La même facture du même fournisseur est déjà déclarée pour une aide de cette entreprise."
    cure = (
        "Leave the invoice out. If the other claim is the wrong one, have it withdrawn, or its line deducted as a"
        " whole: then the invoice is free."
    )
    cure_fr = (
        "Retirez cette facture. Si c'est l'autre demande qui est erronée, faites-la retirer, ou faites déduire toute sa"
        " ligne : la facture est alors libre."
    )


class AboveParked(Problem):
    """An invoice returns in a later claim with at most what was parked of it."""

    status = 409
    title_fr = "Une facture ne revient dans une demande ultérieure que pour ce qui en a été réservé."
    detail = "Parked of it: {parked_cents}."
    detail_fr = "Réservés : {parked_cents}."
    cure = "Claim at most this amount of the invoice."
    cure_fr = "Déclarez au plus ce montant de la facture."


class ParkedLineReturned(Problem):
    """A parked line of the settlement has returned in a later claim."""

    status = 409
    title_fr = "Une ligne réservée par ce règlement est revenue dans une demande ultérieure."
    detail = "It returned in claim {number}."
    detail_fr = "Elle est revenue dans la demande {number}."
    cure = "Withdraw that claim first, reopening it where it is settled."
    cure_fr = "Retirez d'abord cette demande, en la rouvrant si elle est réglée."


class ExpenseBeforeReceipt(Problem):
    """An expense is not eligible before the day on which the aid file was received."""

    status = 409
    title_fr = "Une dépense n'est pas éligible avant le jour de réception du dossier d'aide."
    detail = "The file was received on {received_on}."
    detail_fr = "Le dossier a été reçu le {received_on}."
    cure = "Leave out what was invoiced or paid earlier."
    cure_fr = "Retirez ce qui a été facturé ou payé plus tôt."


class ExpenseAfterCompletion(Problem):
    """An expense is not eligible after the day of the completion."""

    status = 409
    title_fr = "Une dépense n'est pas éligible après le jour de l'achèvement."
    detail = "The project was completed on {completed_on}."
    detail_fr = "Le projet a été achevé le {completed_on}."
    cure = (
        "Leave out what was invoiced later; at a settlement deduct it as out_of_period, reopening first the claim that"
        " certified it."
    )
    cure_fr = (
        "Retirez ce qui a été facturé plus tard ; au règlement, déduisez-le (out_of_period), en rouvrant d'abord la"
        " demande qui l'a certifié."
    )


class SettlementUnbalanced(Problem):
    """What is certified, deducted and parked of a line must come to what was declared."""

    status = 409
    title_fr = "Le certifié, le déduit et le réservé d'une ligne doivent faire le montant déclaré."
    detail = "Of line {position}, {declared_cents} were declared, and {settled_cents} settled."
    detail_fr = "De la ligne {position}, {declared_cents} ont été déclarés et {settled_cents} réglés."
    cure = "Say of the whole amount of the line what is certified, deducted and parked."
    cure_fr = "Dites, de tout le montant de la ligne, ce qui est certifié, déduit et réservé."


class SampleDrawn(Problem):
    """The sample of the claim is drawn: it is not drawn again, and the lines stay as they are."""

    status = 409
    title_fr = "L'échantillon de la demande est tiré : il n'est pas tiré à nouveau, et les lignes restent inchangées."
    cure = "Settle the claim, controlling the lines that were drawn; or withdraw it, and submit another."
    cure_fr = "Réglez la demande en contrôlant les lignes tirées ; ou retirez-la, et déposez-en une autre."


def next_status(action: ClaimAction, current: ClaimStatus) -> ClaimStatus:
    """The state after the action. Raises `claim-transition` (409)."""
    needed, target = TRANSITIONS[action]
    if current is not needed:
        raise ClaimTransition(current=current, action=action, needed=[needed])
    return target


# --- the same invoice ------------------------------------------------------------------------------------------------

# How the database folds them too (models.py): a test compares the two.
_ACCENTS = re.compile("[\u0300-\u036f]")
_LIGATURES = str.maketrans({"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae"})
_SIGNS = "\u0001-/:-@\\[-`{-\u00bf\u2000-\u206f"  # what ASCII, Latin-1 and typography have beside letters and digits
SIGNS = re.compile(f"[{_SIGNS}]+")
LEGAL_FORMS = (
    "sa", "sas", "sasu", "sarl", "eurl", "snc", "sci", "scop", "ei", "eirl", "gmbh", "ltd", "srl", "spa", "bv",
)  # fmt: skip


def _fold(text: str) -> str:
    bare = unicodedata.normalize("NFD", text.translate(_LIGATURES))
    return _ACCENTS.sub("", bare).lower()


def invoice_key(number: str) -> str:
    """An invoice's number as it is compared: `FA 2024-0012`, `fa2024/0012` are one.

    Signs, spaces, case and accents do not count, nor do zeros in front, which spreadsheets drop.
    """
    bare = SIGNS.sub("", _fold(number))
    return bare.lstrip("0") or bare[:1]


def supplier_key(name: str) -> str:
    """A supplier's name as it is compared: `S.A.S. Établissements Dupont`, `ETABLISSEMENTS DUPONT` are one.

    Signs, spaces, case, accents and the words of a legal form do not count; a name of nothing else keeps them.
    """
    words = SIGNS.sub(" ", _fold(name).replace(".", "")).split()
    return "".join(word for word in words if word not in LEGAL_FORMS) or "".join(words)


@dataclass(frozen=True)
class Invoice:
    """An invoice as it is compared with others of the same firm."""

    number: str
    supplier_siren: str | None
    supplier_name: str | None

    def is_the_same_as(self, other: "Invoice") -> bool:
        """Of one number, from one SIREN; where one of the two has none, from one name."""
        if invoice_key(self.number) != invoice_key(other.number):
            return False
        if self.supplier_siren is not None and other.supplier_siren is not None:
            return self.supplier_siren == other.supplier_siren
        names = [name for name in (self.supplier_name, other.supplier_name) if name is not None]
        return len(names) == 2 and supplier_key(names[0]) == supplier_key(names[1])  # the two


def repeated(invoices: Sequence[Invoice]) -> Iterable[tuple[int, int]]:
    """The places of invoices that an earlier one repeats, each with the place of the first."""
    first: dict[str, list[int]] = {}
    for place, invoice in enumerate(invoices):
        alike = first.setdefault(invoice_key(invoice.number), [])
        found = next((earlier for earlier in alike if invoices[earlier].is_the_same_as(invoice)), None)
        if found is not None:
            yield place, found
        alike.append(place)


# --- the period ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Period:
    """The days in which an expense is eligible: from the receipt of the file until the completion; None: not known."""

    received_on: date | None = None
    completed_on: date | None = None

    def refuse(self, expenses: Sequence[tuple[str, date, date]]) -> None:
        """Refuse what was invoiced or paid before the receipt, or invoiced after the completion.

        `expenses` are the pointer of each line, the day of its invoice and that of its payment. An invoice of the
        period may be paid after its end. Raises `expense-before-receipt`, `expense-after-completion` (409).
        """
        if self.received_on is not None:
            early = ExpenseBeforeReceipt(received_on=self.received_on.isoformat())
            early.errors = [early.at(at) for at, *days in expenses if min(days) < self.received_on]
            if early.errors:
                raise early
        if self.completed_on is not None:
            late = ExpenseAfterCompletion(completed_on=self.completed_on.isoformat())
            late.errors = [late.at(at) for at, invoiced_on, _ in expenses if invoiced_on > self.completed_on]
            if late.errors:
                raise late


# --- settlement ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What becomes of what was declared: certified, deducted by reason, parked for a later claim; in cents."""

    certified_cents: int
    parked_cents: int = 0
    deducted: Mapping[Deduction, int] = field(default_factory=dict)

    @property
    def settled_cents(self) -> int:
        """What it comes to."""
        return self.certified_cents + self.parked_cents + sum(self.deducted.values())

    def within(self, left_cents: int) -> "Verdict":
        """The same of a line of the decision that has so much left: beyond it, what was certified is over the line."""
        over = max(self.certified_cents - max(left_cents, 0), 0)
        if not over:
            return self
        deducted = {**self.deducted, Deduction.OVER_LINE: self.deducted.get(Deduction.OVER_LINE, 0) + over}
        return Verdict(self.certified_cents - over, self.parked_cents, deducted)

    def columns(self) -> dict[str, int]:
        """The columns of a settled line, by name."""
        return {
            "certified_cents": self.certified_cents,
            "parked_cents": self.parked_cents,
            **{column(each): self.deducted.get(each, 0) for each in Deduction},
        }


def column(deduction: Deduction) -> str:
    """The column, and the field, of what is deducted for this reason."""
    return f"{deduction.value}_cents"


@dataclass(frozen=True)
class DeclaredLine:
    """A line of a claim as it is settled: its place in the claim, the line of the decision it belongs to, and cents."""

    position: int
    line_id: Any
    declared_cents: int


def settle(
    declared: Sequence[DeclaredLine], verdicts: Mapping[int, Verdict], left: Mapping[Any, int]
) -> dict[int, Verdict]:
    """What counts of each line of a claim, by its position.

    `verdicts` are by position too; a line without one is certified as it was declared. `left` is what each line of the
    decision has left, in cents: lines of the claim take it in their order. Raises `settlement-unbalanced` (409).
    """
    rest = dict(left)
    settled = {}
    for line in sorted(declared, key=lambda each: each.position):
        verdict = verdicts.get(line.position, Verdict(line.declared_cents))
        if verdict.settled_cents != line.declared_cents:
            raise SettlementUnbalanced(
                position=line.position, declared_cents=line.declared_cents, settled_cents=verdict.settled_cents
            )
        settled[line.position] = verdict.within(rest[line.line_id])
        rest[line.line_id] -= settled[line.position].certified_cents
    return settled


# --- samples ---------------------------------------------------------------------------------------------------------


def draw(method: SampleMethod, seed: str, size: int, cents: Mapping[int, int]) -> list[int]:
    """The positions of the lines to control, of all lines with what was declared of each.

    Whoever knows the seed draws the same again. `random`: those `size` lines whose `SHA-256(seed:position)` in
    hexadecimal come first. `monetary_unit`: of all cents, counted in the order of positions from 0, the cents number
    `(SHA-256(seed) + ⌊k × total ÷ size⌋) modulo total` for k from 0 to size - 1 are drawn, and so the lines that hold
    them: never more than `size`, and each line of at least the interval.
    """
    if method is SampleMethod.RANDOM:
        return sorted(sorted(cents, key=lambda position: _digest(f"{seed}:{position}"))[:size])
    total = sum(cents.values())
    start = int(_digest(seed), 16)
    points = sorted((start + number * total // size) % total for number in range(size))
    drawn, end = [], 0
    for position in sorted(cents):
        begin, end = end, end + cents[position]
        if any(begin <= point < end for point in points):
            drawn.append(position)
    return drawn


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
