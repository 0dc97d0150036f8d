"""The statement of an advance on paper, for the firm: what is due, what was received, what is late."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from app.core.formats import day, euros
from app.core.reading import documents

WORDS: dict[str, dict[str, Any]] = {
    "en": {
        "title": "Statement of a repayable advance", "page": "Page {n} of {of}", "signed": "Date and signature",
        "lines": "Instalments", "nothing": "Nothing has been paid out yet.", "on": "As of", "known": "As known on",
        "firm": "Firm", "project": "Project", "decision": "Decision", "funder": "Funder", "territory": "Territory",
        "version": "Schedule", "version_of": "version {number}", "disbursed": "Paid out", "repaid": "Capital repaid",
        "waived": "Waived", "written_off": "Written off", "capitalised": "Interest added to the capital",
        "outstanding": "Capital outstanding", "received": "Received in all", "income": "of which interest and fees",
        "late": "Overdue",
        "late_interest": "Late interest due", "fees": "Fees due", "overpaid": "Paid too much",
        "held_refunds": "Refunds to give back (payment returned by the bank)",
        "next": "Next due", "next_on": "{amount} on {day}",
        "head": ["Due on", "Capital", "Interest", "Received", "Left", ""],
        "total": "Total", "settled": "settled on {day}", "past_one": "1 day past due",
        "past": "{days} days past due",
        "how": "What is received pays fees, late interest, interest and capital in this order, the oldest instalment"
        " first; what comes early pays instalments that are not due yet, as the agreement says.",
    },
    "fr": {
        "title": "Situation d’une avance remboursable", "page": "Page {n} sur {of}", "signed": "Date et signature",
        "lines": "Échéances", "nothing": "Rien n’a encore été versé.", "on": "Au", "known": "Telle que connue le",
        "firm": "Entreprise", "project": "Projet", "decision": "Décision", "funder": "Financeur",
        "territory": "Territoire", "version": "Échéancier", "version_of": "version {number}", "disbursed": "Versé",
        "repaid": "Capital remboursé", "waived": "Remise", "written_off": "Passé en perte",
        "capitalised": "Intérêts capitalisés", "outstanding": "Capital restant dû", "received": "Reçu en tout",
        "income": "dont intérêts et frais", "late": "Impayé échu",
        "late_interest": "Intérêts moratoires dus", "fees": "Frais dus", "overpaid": "Trop-perçu",
        "held_refunds": "Trop-perçus rendus à restituer (paiement rejeté par la banque)",
        "next": "Prochaine échéance", "next_on": "{amount} le {day}",
        "head": ["Échéance", "Capital", "Intérêts", "Reçu", "Reste", ""],
        "total": "Total", "settled": "soldée le {day}", "past_one": "1 jour de retard",
        "past": "{days} jours de retard",
        "how": "Les encaissements s’imputent sur les frais, les intérêts moratoires, les intérêts puis le capital, la"
        " plus ancienne échéance d’abord ; ce qui arrive avant s’impute sur les échéances à venir selon la convention.",
    },
}  # fmt: skip
_ALWAYS = ("disbursed", "repaid", "outstanding", "received", "late")
_FIGURES = {
    "disbursed": "disbursed_cents", "capitalised": "capitalised_cents", "repaid": "repaid_cents",
    "waived": "waived_cents", "written_off": "written_off_cents", "outstanding": "outstanding_cents",
    "received": "received_cents", "income": "income_cents", "late": "late_cents",
    "late_interest": "late_interest_cents", "fees": "fees_due_cents", "overpaid": "overpaid_cents",
    "held_refunds": "held_refunds_cents",
}  # fmt: skip


def _facts(shown: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    words, head = WORDS[language], shown["head"]
    found = [
        (words["firm"], f"{head['firm_name']} ({head['siren']})"),
        (words["project"], head["project_title"]),
        (words["decision"], f"{head['decision_reference']}, {day(head['decided_on'], language)}"),
        (words["funder"], head["funder_name"]),
        (words["territory"], head["territory_name"]),
        (words["on"], day(shown["as_of"], language)),
    ]
    if shown["recorded_as_of"]:
        found.append((words["known"], day(shown["recorded_as_of"], language)))
    if shown["version"]:
        found.append((words["version"], words["version_of"].format(number=shown["version"])))
    return found


def _figures(shown: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    words = WORDS[language]
    found = [
        (words[name], euros(shown[field], language))
        for name, field in _FIGURES.items()
        if shown[field] or name in _ALWAYS
    ]
    if shown["next_due_on"]:
        amount, on = euros(shown["next_due_cents"], language), day(shown["next_due_on"], language)
        found.append((words["next"], words["next_on"].format(amount=amount, day=on)))
    return found


def _state(line: Mapping[str, Any], language: str) -> str:
    words = WORDS[language]
    if line["settled_on"]:
        return str(words["settled"].format(day=day(line["settled_on"], language)))
    days = line["days_past_due"]
    return str(words["past_one" if days == 1 else "past"].format(days=days)) if days else ""


def as_data(shown: dict[str, Any], language: str) -> dict[str, Any]:
    """What the template needs of the statement."""
    words = WORDS[language]
    lines = shown["lines"]
    sums = [sum(line[name] for line in lines) for name in _COLUMNS]
    title = words["title"]
    return {
        "title": title,
        "author": "Rebond",
        "footer": f"{title} – {shown['head']['firm_name']} – {shown['head']['decision_reference']}",
        "language": language,
        "words": {name: words[name] for name in ("page", "signed", "nothing", "lines", "how")},
        "facts": _facts(shown, language),
        "figures": _figures(shown, language),
        "head": words["head"],
        "rows": [
            [
                day(line["due_on"], language),
                *(euros(line[name], language) for name in _COLUMNS),
                _state(line, language),
            ]
            for line in lines
        ],
        "totals": [[words["total"], *(euros(cents, language) for cents in sums), ""]] if lines else [],
    }


_COLUMNS = ("principal_cents", "interest_cents", "repaid_cents", "left_cents")


def _name(path: Mapping[str, Any], shown: Mapping[str, Any]) -> str:
    as_of: date = shown["as_of"]
    return f"statement-{path['territory']}-{shown['head']['siren']}-{as_of}"


DOCUMENT = documents.Document(
    name=_name, template=Path(__file__).with_name("statement.typ").read_text(), as_data=as_data
)
