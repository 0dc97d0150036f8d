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
    en="An earlier line of the claim is the same invoice (supplier and number): {first}. An invoice can stand on"
    " several lines where each gives its whole amount (invoice_amount_excl_vat_cents) and another line_id or paid_on.",
    fr="Une ligne précédente de la demande est la même facture (fournisseur et numéro) : {first}. Une facture peut"
    " figurer sur plusieurs lignes si chacune donne son montant total (invoice_amount_excl_vat_cents) et un autre"
    " line_id ou paid_on.",
)
ABOVE_INVOICE = Fault(
    "above_invoice",
    en="A line must not declare more than the invoice comes to (invoice_amount_excl_vat_cents).",
    fr="Une ligne ne doit pas déclarer plus que le montant de la facture (invoice_amount_excl_vat_cents).",
)
CREDIT_NOTE_FIELDS = Fault(
    "credit_note_fields",
    en="A credit note must have a negative amount and name the invoice that it lowers (lowers_invoice_number), without"
    " invoice_amount_excl_vat_cents; an invoice has a positive amount and lowers none.",
    fr="Un avoir doit avoir un montant négatif et désigner la facture qu'il diminue (lowers_invoice_number), sans"
    " invoice_amount_excl_vat_cents ; une facture a un montant positif et n'en diminue aucune.",
)
LOWERED_INVOICE_MISSING = Fault(
    "lowered_invoice_missing",
    en="The credit note must name an invoice of the same supplier that is declared on this line of the decision.",
    fr="L'avoir doit désigner une facture du même fournisseur, déclarée sur cette ligne de la décision.",
)
WRONG_SIGN = Fault(
    "wrong_sign",
    en="The amounts must not be below zero for an invoice, nor above zero for a credit note: nothing of it is parked.",
    fr="Les montants ne doivent pas être négatifs pour une facture, ni positifs pour un avoir : rien n'en est réservé.",
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
        " whole: then the invoice is free. If each declares a part of it, give the whole amount on each line"
        " (`invoice_amount_excl_vat_cents`). If they are two suppliers, give the SIREN and the name of each."
    )
    cure_fr = (
        "Retirez cette facture. Si c'est l'autre demande qui est erronée, faites-la retirer, ou faites déduire toute sa"
        " ligne : la facture est alors libre. Si chacune en déclare une partie, donnez son montant total sur chaque"
        " ligne (`invoice_amount_excl_vat_cents`). S'il s'agit de deux fournisseurs, donnez le SIREN et le nom de"
        " chacun."
    )


class InvoiceExceeded(Problem):
    """The lines that declare an invoice must not come to more than its amount."""

    status = 409
    title_fr = "Les lignes qui déclarent une facture ne doivent pas dépasser son montant."
    detail = "Of the invoice {left_cents} are not declared yet."
    detail_fr = "De la facture, {left_cents} ne sont pas encore déclarés."
    cure = "Declare at most what is left of the invoice; or have the line that declared too much withdrawn or deducted."
    cure_fr = (
        "Déclarez au plus ce qui reste de la facture ; ou faites retirer ou déduire la ligne qui en a déclaré trop."
    )


class CreditAboveInvoice(Problem):
    """A credit note must not come to more than what is declared and certified of the invoice that it lowers."""

    status = 409
    title_fr = "Un avoir ne doit pas dépasser ce qui est déclaré et certifié de la facture qu'il diminue."
    cure = (
        "Lower the credit note to what is declared of the invoice. At a settlement settle the invoice first, and deduct"
        " of the credit note what does not count of the invoice; before the invoice is reopened, changed or withdrawn,"
        " reopen and withdraw the credit note."
    )
    cure_fr = (
        "Ramenez l'avoir à ce qui est déclaré de la facture. Au règlement, réglez d'abord la facture et déduisez de"
        " l'avoir ce qui n'en compte pas ; avant de rouvrir, de modifier ou de retirer la facture, rouvrez et retirez"
        " l'avoir."
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
class ComparedInvoice:
    """An invoice, or a credit note, as it is compared with others of the same firm.

    `cents` is what the whole of it comes to; the key of a credit note begins with a minus.
    """

    key: str
    supplier_siren: str | None
    supplier_key: str | None
    invoiced_on: date
    cents: int

    @classmethod
    def of(
        cls, number: str, siren: str | None, name: str | None, invoiced_on: date, cents: int, whole_cents: int | None
    ) -> "ComparedInvoice":
        """What a line declares: `cents` of it, of `whole_cents` where the line says so."""
        key = ("-" if cents < 0 else "") + invoice_key(number)
        return cls(key, siren, None if name is None else supplier_key(name), invoiced_on, whole_cents or abs(cents))

    def is_the_same_as(self, other: "ComparedInvoice") -> bool:
        """Of one number, from one SIREN; where one of the two has none, from one name.

        Where only one has a SIREN and the names do not tell, the day and the amount do; the day alone where one
        has no name at all.
        """
        if self.key != other.key:
            return False
        if self.supplier_siren is not None and other.supplier_siren is not None:
            return self.supplier_siren == other.supplier_siren
        named = self.supplier_key is not None and other.supplier_key is not None
        if named and self.supplier_key == other.supplier_key:
            return True
        one_siren = (self.supplier_siren is None) != (other.supplier_siren is None)
        return one_siren and self.invoiced_on == other.invoiced_on and (not named or self.cents == other.cents)

    def is_lowered_by(self, number: str, siren: str | None, name: str | None) -> bool:
        """Whether a credit note of this supplier names this invoice."""
        if self.key != invoice_key(number):
            return False
        known = None if name is None else supplier_key(name)
        return (siren is not None and siren == self.supplier_siren) or (
            known is not None and known == self.supplier_key
        )


@dataclass(frozen=True)
class Part:
    """What a line of a claim declares of an invoice: for a line of the decision, of what was paid on a day.

    `whole_cents` is what the line says that the invoice comes to; without it the line declares all of it.
    """

    invoice: ComparedInvoice
    line_id: Any
    paid_on: date
    whole_cents: int | None = None

    def is_apart_from(self, other: "Part") -> bool:
        """Whether two lines may declare one invoice: both say the same whole, and not the same part."""
        whole = self.whole_cents is not None and self.whole_cents == other.whole_cents
        return whole and (self.line_id, self.paid_on) != (other.line_id, other.paid_on)


def repeated(parts: Sequence[Part]) -> Iterable[tuple[int, int]]:
    """The places of lines that declare again what an earlier one declares, each with the place of the first."""
    first: dict[str, list[int]] = {}
    for place, part in enumerate(parts):
        alike = first.setdefault(part.invoice.key, [])
        same = (earlier for earlier in alike if parts[earlier].invoice.is_the_same_as(part.invoice))
        found = next((earlier for earlier in same if not part.is_apart_from(parts[earlier])), None)
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

        `expenses` are the pointer of each invoice, its day and that of its payment. An invoice of the period may be
        paid after its end; credit notes lower what counts on whatever day they come. Raises `expense-before-receipt`,
        `expense-after-completion` (409).
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
    def parts(self) -> tuple[int, ...]:
        """All that it says."""
        return (self.certified_cents, self.parked_cents, *self.deducted.values())

    def fits(self, declared_cents: int) -> bool:
        """Whether nothing is below zero of an invoice, nor above it of a credit note, of which nothing is parked."""
        if declared_cents > 0:
            return min(self.parts) >= 0
        return max(self.parts) <= 0 == self.parked_cents

    @property
    def settled_cents(self) -> int:
        """What it comes to."""
        return sum(self.parts)

    def within(self, left_cents: int) -> "Verdict":
        """The same of a line of the decision that has so much left: beyond it, what was certified is over the line."""
        over = max(self.certified_cents - max(left_cents, 0), 0)  # never of a credit note
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
    decision has left, in cents: credit notes give back to it, then lines of the claim take it in their order. Raises
    `settlement-unbalanced` (409).
    """
    rest = dict(left)
    settled = {}
    for line in sorted(declared, key=lambda each: (each.declared_cents > 0, each.position)):
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
