"""A letter on paper: what was sealed when it was drawn up, set as PDF for those who sign it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.awards.letters.models import Letter
from app.awards.letters.queries import LETTERS
from app.core.db import Statement, param
from app.core.formats import day, euros, number
from app.core.reading import documents
from app.core.reading.listing import as_object

LETTER = Statement(as_object(LETTERS.filtered(frozenset()).where(Letter.id == param("id", Letter.id.type))))

WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "page": "Page {n} of {of}", "signed": "Name, capacity, date and signature", "siren": "SIREN {siren}",
        "seal": "Seal of what this letter says (SHA-256):",
        "titles": {"notification": "Notification of an aid decision", "agreement": "Aid agreement"},
        "withdrawn": "This letter is withdrawn. It has no effect.",
        "reference": "Our reference", "decision": "Decision", "decided": "{reference}, {day}", "scheme": "Scheme",
        "project": "Project", "received": "File received on",
        "article": "Article {n}. {title}",
        "opening": {
            "notification": "The decision named above gives {firm} the aid described below, for the project"
                            " “{project}” in the territory {territory}. This letter notifies it.",
            "agreement": "Between {funder}, the funder, and {firm} (SIREN {siren}), the firm, the following is agreed"
                         " for the project “{project}” in the territory {territory}.",
        },
        "amount": "Amount of the aid", "grant": "Grant", "advance": "Repayable advance, without interest",
        "total": "Total", "aid_head": ["Instrument", "At most"],
        "rate": "The aid is {rate} % of the eligible expenses at most. The final amount is computed on the expenses"
                " that are certified, and is never above the amount awarded.",
        "base": "Eligible expenses", "base_head": ["Expense", "Amount without VAT"],
        "calendar": "Planned days", "planned": "The works are planned from {starts} to {ends}.",
        "start": "The project must start within {months} months of the notification; otherwise the decision lapses.",
        "statement": "The firm declares the completion of the project within {months} months of the planned end;"
                     " otherwise nothing more is paid.",
        "conditions": "Conditions", "payment": "Payment", "recovery": "Repayment",
        "of_advance": "The advance is paid back by the schedule of its award.",
        "closing": {"notification": "The funder’s staff answers any question about this decision.",
                    "agreement": "Done in two originals, one for each of the two."},
        "by": {"funder": "For the funder", "firm": "For the firm"},
    },
    "fr": {
        "page": "Page {n} sur {of}", "signed": "Nom, qualité, date et signature", "siren": "SIREN\u00a0{siren}",
        "seal": "Empreinte de ce que dit ce courrier (SHA-256)\u00a0:",
        "titles": {"notification": "Notification d’une décision d’aide", "agreement": "Convention d’aide"},
        "withdrawn": "Ce courrier est retiré. Il est sans effet.",
        "reference": "Nos références", "decision": "Décision", "decided": "{reference} du {day}",
        "scheme": "Dispositif", "project": "Projet", "received": "Dossier reçu le",
        "article": "Article {n} – {title}",
        "opening": {
            "notification": "La décision citée ci-dessus attribue à {firm} l’aide décrite ci-après, pour le projet"
                            " «\u00a0{project}\u00a0» sur le territoire {territory}. Le présent courrier la notifie.",
            "agreement": "Entre {funder}, ci-après le financeur, et {firm} (SIREN\u00a0{siren}), ci-après l’entreprise,"
                         " il est convenu ce qui suit pour le projet «\u00a0{project}\u00a0» sur le territoire"
                         " {territory}.",
        },
        "amount": "Montant de l’aide", "grant": "Subvention", "advance": "Avance remboursable, sans intérêt",
        "total": "Total", "aid_head": ["Instrument", "Montant maximal"],
        "rate": "L’aide représente au plus {rate}\u00a0% de la dépense éligible. Son montant définitif est calculé sur"
                " les dépenses certifiées\u202f; il ne dépasse jamais le montant attribué.",
        "base": "Dépense éligible", "base_head": ["Dépense", "Montant hors taxes"],
        "calendar": "Calendrier prévisionnel", "planned": "Les travaux sont prévus du {starts} au {ends}.",
        "start": "Le projet doit commencer dans les {months}\u00a0mois suivant la notification\u202f; à défaut, la"
                 " décision est caduque.",
        "statement": "L’entreprise déclare l’achèvement du projet dans les {months}\u00a0mois suivant la date prévue de"
                     " fin des travaux\u202f; à défaut, plus rien n’est payé.",
        "conditions": "Conditions", "payment": "Modalités de versement", "recovery": "Reversement",
        "of_advance": "L’avance est remboursée selon l’échéancier de son attribution.",
        "closing": {"notification": "Les services du financeur répondent à toute question sur cette décision.",
                    "agreement": "Fait en deux exemplaires originaux, un pour chacune des parties."},
        "by": {"funder": "Pour le financeur", "firm": "Pour l’entreprise"},
    },
}  # fmt: skip


def _title(shown: Mapping[str, Any], language: str) -> str:
    return str(WORDS[language]["titles"][shown["kind"]])


def _on(text: str, language: str) -> str:
    return day(date.fromisoformat(text), language)


def _spaced(siren: str) -> str:
    return "\u202f".join(siren[start : start + 3] for start in (0, 3, 6))


def _facts(shown: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    words, said = WORDS[language], shown["content"]
    decided = words["decided"].format(reference=said["decision_reference"], day=_on(said["decided_on"], language))
    return [
        (words["reference"], shown["reference"]),
        (words["decision"], decided),
        *([(words["scheme"], said["scheme_name"])] if said["scheme_name"] else []),
        (words["project"], said["project_title"]),
        *([(words["received"], _on(said["received_on"], language))] if said["received_on"] else []),
    ]


def _opening(shown: Mapping[str, Any], language: str) -> str:
    said = shown["content"]
    words: str = WORDS[language]["opening"][shown["kind"]]
    return words.format(
        firm=said["firm_name"], siren=_spaced(said["siren"]), project=said["project_title"],
        territory=said["territory_name"], funder=said["funder_name"],
    )  # fmt: skip


def _section(title: str, *paragraphs: str | None, head: Any = (), rows: Any = (), totals: Any = ()) -> dict[str, Any]:
    told = [text for paragraph in paragraphs if paragraph for text in paragraph.split("\n") if text.strip()]
    return {"title": title, "paragraphs": told, "head": head, "rows": rows, "totals": totals}


def _sections(said: Mapping[str, Any], language: str) -> list[dict[str, Any]]:
    words = WORDS[language]

    def euros_of(cents: int) -> str:
        return euros(cents, language)

    given = [(words["grant"], said["grant_cents"]), (words["advance"], said["advance_cents"])]
    aid = [[name, euros_of(cents)] for name, cents in given if cents]
    total = said["grant_cents"] + said["advance_cents"]
    lines = [[line["label"], euros_of(line["amount_cents"])] for line in said["lines"]]
    rate = words["rate"].format(rate=_percent(total, said["base_cents"], language)) if said["base_cents"] else None
    planned = words["planned"].format(
        starts=_on(said["planned_start_on"], language), ends=_on(said["planned_end_on"], language)
    )
    clocks = [
        words[name].format(months=said[key]) if said[key] is not None else None
        for name, key in (("start", "start_months"), ("statement", "completion_statement_months"))
    ]
    return [
        _section(
            words["amount"], rate, head=words["aid_head"], rows=aid,
            totals=[[words["total"], euros_of(total)]] if len(aid) > 1 else [],
        ),
        *(
            [_section(words["base"], head=words["base_head"], rows=lines,
                      totals=[[words["total"], euros_of(said["base_cents"])]])]
            if lines else []
        ),
        _section(words["calendar"], planned, *clocks),
        *([_section(words["conditions"], said["conditions"])] if said["conditions"] else []),
        _section(words["payment"], said["payment_terms"]),
        _section(
            words["recovery"], said["recovery_terms"], words["of_advance"] if said["advance_cents"] else None
        ),
    ]  # fmt: skip


def _percent(cents: int, base_cents: int, language: str) -> str:
    """A share of the base in per cent, rounded down to two places: a rate is a ceiling."""
    return number(Decimal(cents * 10_000 // base_cents) / 100, language, 2)


def as_data(shown: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What the template needs of a letter."""
    words, said = WORDS[language], shown["content"]
    sections = _sections(said, language)
    if shown["kind"] == "agreement":
        for n, section in enumerate(sections, start=1):
            section["title"] = words["article"].format(n=n, title=section["title"])
    signatory = ", ".join(filter(None, (said["signatory_name"], said["signatory_capacity"])))
    funder = " – ".join(filter(None, (said["funder_name"], signatory)))
    parties = [(words["by"]["funder"], funder), (words["by"]["firm"], said["firm_name"])]
    return {
        "title": _title(shown, language),
        "author": "Rebond",
        "footer": f"{_title(shown, language)} – {shown['reference']}",
        "language": language,
        "words": {name: words[name] for name in ("page", "signed", "seal")},
        "sender": said["funder_name"],
        "territory": said["territory_name"],
        "addressee": [said["firm_name"], words["siren"].format(siren=_spaced(said["siren"]))],
        "notice": words["withdrawn"] if shown["status"] == "withdrawn" else None,
        "facts": _facts(shown, language),
        "opening": [_opening(shown, language)],
        "sections": sections,
        "closing": [words["closing"][shown["kind"]]],
        "signatures": parties if shown["kind"] == "agreement" else parties[:1],
        "hash": shown["content_hash"],
    }


DOCUMENT = documents.Document(
    name=lambda path, shown: f"{shown['kind']}-{path['territory']}-{shown['id']}",
    template=Path(__file__).with_name("letter.typ").read_text(),
    as_data=as_data,
)
