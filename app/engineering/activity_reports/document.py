"""An activity report on paper: what was sealed when it was made, with the signatures given since."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, cast

from app.core.db import Statement, param
from app.core.formats import day, month, number
from app.core.reading import documents
from app.core.reading.listing import as_object
from app.engineering.activity_reports.models import ActivityReport
from app.engineering.activity_reports.queries import ACTIVITY_REPORTS


@cache
def report(own: bool) -> Statement:
    """A report as its listing shows it, with its sealed content."""
    r = ActivityReport
    rows = ACTIVITY_REPORTS.filtered(frozenset(), frozenset({"organisation"} if own else ()))
    rows = rows.where(r.id == param("id", r.id.type))
    return Statement(as_object(rows.add_columns(cast(r.content, JSON).label("content"))))


WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "title": "Activity report – {month}", "page": "Page {n} of {of}", "signed": "Date and signature",
        "stale": "This report is stale: an entry of {day} has changed. It has no effect.",
        "person": "Consultant", "organisation": "Consultancy", "mission": "Mission", "territory": "Territory",
        "total": "Total", "days": "Days", "by_activity": "By activity", "by_firm": "By firm",
        "activity_head": ["Activity", "Days"], "firm_head": ["Firm", "SIREN", "Days"], "no_firm": "None",
        "entries": "Day by day", "entries_head": ["Day", "Activity", "Firm", "Days", "Note"],
        "counts": "(counts on {day})",
        "signature": "Signed by {name} on {day}", "by_key": "Given in Rebond with the key of {name}",
        "consultant": "The consultant", "lead": "For the lead firm",
        "statement": "The consultant states that the days above were worked; the lead firm confirms them.",
        "seal": "Seal (SHA-256 of the reported content):",
    },
    "fr": {
        "title": "Compte rendu d’activité – {month}", "page": "Page {n} sur {of}", "signed": "Date et signature",
        "stale": "Ce compte rendu est périmé\u00a0: une saisie du {day} a changé. Il est sans effet.",
        "person": "Intervenant", "organisation": "Cabinet", "mission": "Mission", "territory": "Territoire",
        "total": "Total", "days": "Jours", "by_activity": "Par activité", "by_firm": "Par entreprise",
        "activity_head": ["Activité", "Jours"], "firm_head": ["Entreprise", "SIREN", "Jours"], "no_firm": "Aucune",
        "entries": "Jour par jour", "entries_head": ["Jour", "Activité", "Entreprise", "Jours", "Commentaire"],
        "counts": "(compte au {day})",
        "signature": "Signé par {name} le {day}", "by_key": "Donné dans Rebond avec la clé de {name}",
        "consultant": "L’intervenant", "lead": "Pour le mandataire",
        "statement": "L’intervenant déclare avoir effectué les jours ci-dessus\u00a0; le mandataire les confirme.",
        "seal": "Empreinte (SHA-256 du contenu du compte rendu)\u00a0:",
    },
}  # fmt: skip


def _on(value: str, language: str) -> str:
    return day(date.fromisoformat(value), language)


def _title(shown: Mapping[str, Any], language: str) -> str:
    title: str = WORDS[language]["title"].format(month=month(date.fromisoformat(shown["month"] + "-01"), language))
    return title


def _note(entry: Mapping[str, Any], language: str) -> str:
    later = ""
    if entry["counted_on"] != entry["worked_on"]:
        later = WORDS[language]["counts"].format(day=_on(entry["counted_on"], language))
    return "\n".join(part for part in (later, entry["note"] or "") if part)


def _signature(shown: Mapping[str, Any], who: str, signer: str | None, language: str) -> list[str]:
    """The typed name and the day, and whose key gave the signature; nothing while it is missing."""
    words = WORDS[language]
    if shown[f"{who}_signed_on"] is None:
        return []
    signed = words["signature"].format(name=shown[f"{who}_signed_name"], day=_on(shown[f"{who}_signed_on"], language))
    return [signed, words["by_key"].format(name=signer)]


def as_data(shown: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What the template needs of a report."""
    words, said = WORDS[language], shown["content"]

    def days(value: Any) -> str:
        return number(value, language, 2)

    stale = shown["stale_entry_worked_on"]
    total = days(said["days"])
    return {
        "title": _title(shown, language),
        "author": "Rebond",
        "footer": f"{_title(shown, language)} – {said['consultant_name']}",
        "language": language,
        "words": {
            name: words[name]
            for name in ("page", "signed", "seal", "statement", "by_activity", "by_firm", "entries")
        },
        "notice": words["stale"].format(day=_on(stale, language)) if stale else None,
        "facts": [
            (words["person"], said["consultant_name"]),
            (words["organisation"], said["organisation_name"]),
            (words["mission"], said["mission_name"]),
            (words["territory"], said["territory_name"]),
            (words["days"], total),
        ],
        "activity_head": words["activity_head"],
        "activities": [[row["label"], days(row["days"])] for row in said["by_activity"]],
        "firm_head": words["firm_head"],
        "firms": [
            [row["firm_name"] or words["no_firm"], row["siren"] or "", days(row["days"])] for row in said["by_firm"]
        ],
        "entries_head": words["entries_head"],
        "entries": [
            [
                _on(entry["worked_on"], language),
                entry["activity_label"],
                entry["firm_name"] or "",
                days(entry["days"]),
                _note(entry, language),
            ]
            for entry in said["entries"]
        ],
        "totals": [["", "", words["total"], total, ""]],
        "signatures": [
            [words["consultant"], said["consultant_name"],
             *_signature(shown, "consultant", shown["consultant_name"], language)],
            [words["lead"], said["lead_name"] or "",
             *_signature(shown, "lead", shown["lead_signed_by_name"], language)],
        ],
        "hash": shown["content_hash"],
    }  # fmt: skip


DOCUMENT = documents.Document(
    name=lambda path, shown: f"activity-report-{path['territory']}-{shown['month']}-{shown['id']}",
    template=Path(__file__).with_name("report.typ").read_text(),
    as_data=as_data,
)
