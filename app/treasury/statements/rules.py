"""To which advance money from the bank belongs, where that is beyond doubt. No session, no await."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from app.core.faults import Fault

UNKNOWN_ACCOUNT = Fault(
    "unknown_account",
    en="The account of the statement is not an approved account of your organisation.",
    fr="Le compte du relevé n'est pas un compte approuvé de votre organisation.",
)

# What the reader of the XML refuses (`app.reader.camt`).
NOT_A_STATEMENT = Fault(
    "not_a_statement",
    en="The file is not a bank statement in the format camt.053.001, versions 02 to 13.",
    fr="Le fichier n'est pas un relevé au format camt.053.001, versions 02 à 13.",
)
STATEMENT_WITH_DOCTYPE = Fault(
    "statement_with_doctype",
    en="A bank statement has no document type (DOCTYPE).",
    fr="Un relevé bancaire n'a pas de déclaration de type (DOCTYPE).",
)
UNREADABLE_XML = Fault(
    "unreadable_xml",
    en="The file is damaged or was cut: it is not well-formed XML.",
    fr="Le fichier est endommagé ou tronqué : ce n'est pas du XML bien formé.",
)
STATEMENT_TOO_LARGE = Fault(
    "statement_too_large",
    en="The file has more than {maximum} entries, or an entry or a value is too large.",
    fr="Le fichier compte plus de {maximum} écritures, ou une écriture ou une valeur est trop grande.",
)
STATEMENT_INCOMPLETE = Fault(
    "statement_incomplete",
    en="The statement or its entry lacks {element}, or what it says there cannot be read.",
    fr="{element} manque au relevé ou à l'écriture, ou ne peut pas y être lu.",
)
STATEMENT_SUM = Fault(
    "statement_sum",
    en="The entries of the statement do not come to what it says of {element}: {stated_cents} said, {entries_cents}"
    " found.",
    fr="Les écritures du relevé ne totalisent pas ce qu'il dit de {element} : {stated_cents} annoncés,"
    " {entries_cents} trouvés.",
)
ENTRY_SUM = Fault(
    "entry_sum",
    en="The transactions of the entry come to {entries_cents}, not to its amount of {stated_cents}.",
    fr="Les opérations de l'écriture totalisent {entries_cents}, et non son montant de {stated_cents}.",
)
WRONG_CURRENCY = Fault(
    "wrong_currency", en="The statement must be in euros (EUR).", fr="Le relevé doit être en euros (EUR)."
)
_SHORTEST = 5  # letters and digits of a reference that is looked for in what an unknown payer writes


@dataclass(frozen=True)
class Credit:
    """Money that came in: how much, from whom where that is known, and what the payer wrote."""

    amount_cents: int
    payer_siren: str | None
    text: str


@dataclass(frozen=True)
class Owed:
    """What an advance asks for on the value day: all of it, and what is due, or next, of it."""

    advance_id: UUID
    siren: str
    decision_reference: str
    owed_cents: int
    due_cents: int


@lru_cache(maxsize=50_000)  # every text is held against every reference
def words(text: str) -> str:
    """Letters and digits alone, in groups: `Réf. 2024/AVR-7` holds ` 2024 AVR 7 `."""
    return f" {' '.join(re.findall(r'[0-9A-Z]+', text.upper()))} "


def is_named(credit: Credit, siren: str, decision_reference: str) -> bool:
    """Whether the payer wrote the reference of the decision, and is not another firm."""
    reference = words(decision_reference)
    long_enough = len(reference.replace(" ", "")) >= _SHORTEST or credit.payer_siren == siren
    return credit.payer_siren in (None, siren) and long_enough and reference in words(credit.text)


class Named:
    """Advances, found by the firm that pays or by the decision that it writes, however many there are."""

    def __init__(self, advances: Iterable[tuple[UUID, str, str]]) -> None:
        self._of_firm: dict[str, list[UUID]] = defaultdict(list)
        self._by_reference: dict[str, list[tuple[UUID, str, str]]] = defaultdict(list)
        for id_, siren, reference in advances:
            self._of_firm[siren].append(id_)
            self._by_reference[words(reference)].append((id_, siren, reference))
        self._longest = max((len(reference.split()) for reference in self._by_reference), default=0)

    def of(self, credit: Credit) -> list[UUID]:
        """The advances of the firm that pays, and those whose decision is written, in the order of their ids."""
        found = set(self._of_firm.get(credit.payer_siren or "", ()))
        written = words(credit.text).split()
        for first in range(len(written)):
            for last in range(first + 1, min(first + self._longest, len(written)) + 1):
                for id_, siren, reference in self._by_reference.get(f" {' '.join(written[first:last])} ", ()):
                    if is_named(credit, siren, reference):
                        found.add(id_)
        return sorted(found)


def match(credit: Credit, owed: Iterable[Owed]) -> UUID | None:
    """The advance that the money repays: the one whose reference is written and that asks for as much, else the one of
    the firm that asks for exactly the amount. None where there is none, or more than one: a person assigns it.
    """
    every = list(owed)
    named = [each for each in every if is_named(credit, each.siren, each.decision_reference)]
    if named:
        found = [each for each in named if credit.amount_cents <= each.owed_cents] if len(named) == 1 else []
    else:
        found = [each for each in every if (each.siren, each.due_cents) == (credit.payer_siren, credit.amount_cents)]
    return found[0].advance_id if len(found) == 1 else None
