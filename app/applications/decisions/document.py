"""The sealed record of a meeting on paper: the PDF and the workbook, drawn from what was sealed, and their words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app.access.models import Subject
from app.applications.agendas.document import (
    COMMON,
    amount,
    at,
    dated,
    in_euros,
    named,
    names_of_files,
    on,
)
from app.applications.agendas.models import AgendaItem
from app.applications.decisions import queries
from app.applications.decisions.models import CommitteeDecision, CommitteeRecord
from app.committees.models import Committee
from app.core.db import Statement, param
from app.core.reading import documents
from app.core.reading.documents import Sheet
from app.core.reading.listing import as_object, json_array, json_object
from app.programme.models import Territory


def _record() -> Statement:
    """A record as its listing shows it, with the names of the ids that were sealed."""
    z, i, d = CommitteeRecord, AgendaItem, CommitteeDecision
    listed = select(i.application_id).where(i.committee_id == z.committee_id).correlate(z)
    decided = select(d.application_id).where(d.committee_id == z.committee_id).correlate(z)
    corrected = select(d.corrects_id).where(d.committee_id == z.committee_id).correlate(z)
    earlier = CommitteeDecision.__table__.alias("earlier")
    references = (
        select(json_array(json_object(id=earlier.c.id, reference=earlier.c.reference), earlier.c.id))
        .where(earlier.c.id.in_(corrected))
        .scalar_subquery()
    )
    closer = Subject.__table__.alias("closer")
    rows = (
        queries.RECORDS.filtered(frozenset())
        .join(Territory, Territory.slug == z.territory)
        .outerjoin(closer, closer.c.id == Committee.closed_by)
        .where(z.committee_id == param("committee_id", z.committee_id.type))
        .add_columns(
            Territory.name.label("territory_name"),
            closer.c.name.label("closed_by_name"),
            names_of_files(listed.union(decided)).label("files"),
            references.label("corrected"),
        )
    )
    return Statement(as_object(rows))


RECORD = _record()


# --- what it says on paper: no session, no await ---------------------------------------------------------------------

WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "title": "Record – {level}, {day}", "held": "Held on", "quorum": "Quorum",
        "reached": "{quorum} members needed, {present} present or represented",
        "no_quorum": "none is needed; {present} present or represented",
        "agenda": "Agenda", "frozen": "no. {number}, frozen", "no_agenda": "there was none",
        "adopted": "Minutes adopted on", "closed": "Closed on", "closed_by": "{at}, by {name}",
        "members": "Members", "members_head": ["Member", "Function", "Chair", "Attendance"], "chair": "chair",
        "attendance": {"present": "present", "represented": "represented", "excused": "excused", "absent": "absent"},
        "decisions": "Decisions", "no_decision": "The meeting took no decision.",
        "head": ["Decision", "Firm and project", "Outcome", "Grant", "Advance", "Votes"],
        "votes": "for {in_favour}\nagainst {against}\nabstained {abstained}",
        "stands": "Total of the decisions that stand",
        "reversed": "reversed on {day}", "why_reversed": "Reversed: {reason}",
        "erratum": "erratum to\n{reference}", "why_corrected": "Erratum to {reference}: {reason}",
        "grounds": "Conditions and reasons", "conditions": "Conditions: {text}", "reasons": "Reasons: {text}",
        "items": "Files of the agenda", "items_head": ["No.", "Firm and project", "Proposed", "Outcome"],
        "otherwise": "no decision: {state} since {day}", "minutes": "Minutes",
        "signatory": "Chair", "seal": "Seal (SHA-256 of the sealed content):",
    },
    "fr": {
        "title": "Procès-verbal – {level} du {day}", "held": "Réunion du", "quorum": "Quorum",
        "reached": "{quorum} membres requis, {present} présents ou représentés",
        "no_quorum": "aucun n’est requis\u202f; {present} présents ou représentés",
        "agenda": "Ordre du jour", "frozen": "n°\u00a0{number}, figé", "no_agenda": "il n’y en avait pas",
        "adopted": "Compte rendu adopté le", "closed": "Clôturé le", "closed_by": "{at}, par {name}",
        "members": "Membres", "members_head": ["Membre", "Qualité", "Présidence", "Présence"], "chair": "présidence",
        "attendance": {"present": "présent", "represented": "représenté", "excused": "excusé", "absent": "absent"},
        "decisions": "Décisions", "no_decision": "La réunion n’a pris aucune décision.",
        "head": ["Décision", "Entreprise et projet", "Issue", "Subvention", "Avance", "Voix"],
        "votes": "pour {in_favour}\ncontre {against}\nabst. {abstained}",
        "stands": "Total des décisions qui tiennent",
        "reversed": "annulée le {day}", "why_reversed": "Annulée\u00a0: {reason}",
        "erratum": "erratum à\n{reference}", "why_corrected": "Erratum à {reference}\u00a0: {reason}",
        "grounds": "Conditions et motifs", "conditions": "Conditions\u00a0: {text}", "reasons": "Motifs\u00a0: {text}",
        "items": "Dossiers de l’ordre du jour", "items_head": ["N°", "Entreprise et projet", "Proposé", "Issue"],
        "otherwise": "sans décision\u00a0: {state} depuis le {day}", "minutes": "Compte rendu",
        "signatory": "Présidence", "seal": "Empreinte (SHA-256 du contenu scellé)\u00a0:",
    },
}  # fmt: skip
PRESENT = ("present", "represented")


def _title(shown: Mapping[str, Any], language: str) -> str:
    sealed = shown["content"]
    title: str = WORDS[language]["title"].format(
        level=COMMON[language]["levels"][sealed["level"]], day=on(sealed["held_at"], language)
    )
    return title


def _facts(shown: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    common, words, sealed = COMMON[language], WORDS[language], shown["content"]
    present = sum(member["attendance"] in PRESENT for member in sealed["members"])
    quorum = words["no_quorum" if sealed["quorum"] is None else "reached"]
    agenda = words["frozen"].format(number=sealed["agenda"]["number"]) if sealed["agenda"] else words["no_agenda"]
    return [
        (common["territory"], shown["territory_name"]),
        (words["held"], at(sealed["held_at"], language)),
        *([(common["place"], sealed["place"])] if sealed["place"] else []),
        (words["quorum"], quorum.format(quorum=sealed["quorum"], present=present)),
        (words["agenda"], agenda),
        (words["adopted"], on(sealed["minutes_adopted_on"], language)),
        (
            words["closed"],
            words["closed_by"].format(at=at(sealed["closed_at"], language), name=shown["closed_by_name"] or "–"),
        ),
    ]


def _members(shown: Mapping[str, Any], language: str) -> list[list[str]]:
    words = WORDS[language]
    return [
        [member["name"], member["function"] or "", words["chair"] if member["chair"] else "",
         words["attendance"].get(member["attendance"], "")]
        for member in shown["content"]["members"]
    ]  # fmt: skip


def _decisions(shown: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The decisions in the order of their numbers, each with the names of its file and what it corrects."""
    files = {file["id"]: file for file in shown["files"]}
    known = {each["id"]: each["reference"] for each in shown["corrected"]}
    return [
        {**each, **{name: files[each["application_id"]][name] for name in ("siren", "firm_name", "project_title")},
         "corrects_reference": known.get(each["corrects_id"])}
        for each in shown["content"]["decisions"]
    ]  # fmt: skip


def _outcome(decision: Mapping[str, Any], language: str) -> str:
    words, told = WORDS[language], COMMON[language]["outcomes"][decision["outcome"]]
    if decision["corrects_id"]:
        told = words["erratum"].format(reference=decision["corrects_reference"])
    if decision["reversed_at"]:
        told += "\n" + words["reversed"].format(day=on(decision["reversed_at"], language))
    return str(told)


def _amounts(decision: Mapping[str, Any]) -> tuple[int, int]:
    """What a decision gives as a grant and as an advance: an erratum corrects words, and gives nothing."""
    return (0, 0) if decision["corrects_id"] else (decision["grant_cents"], decision["advance_cents"])


def _votes(decision: Mapping[str, Any], language: str) -> str:
    votes = decision["votes"]
    told: str = WORDS[language]["votes"].format(
        in_favour=votes["for"], against=votes["against"], abstained=votes["abstained"]
    )
    return told


def _grounds(decision: Mapping[str, Any], language: str) -> list[str]:
    """Why it was decided, and what it depends on; why it was reversed, or corrects another."""
    words, told = WORDS[language], []
    if decision["corrects_id"]:
        told.append(
            words["why_corrected"].format(
                reference=decision["corrects_reference"], reason=decision["correction_reason"]
            )
        )
    told += [words[name].format(text=decision[name]) for name in ("conditions", "reasons") if decision[name]]
    if decision["reversed_at"]:
        told.append(words["why_reversed"].format(reason=decision["reversal_reason"]))
    return told


def _standing(shown: Mapping[str, Any]) -> list[int]:
    """What the decisions that stand come to, as grants and as advances."""
    stand = [_amounts(each) for each in shown["content"]["decisions"] if not each["reversed_at"]]
    return [sum(column) for column in zip(*stand, strict=True)] or [0, 0]


def _items(shown: Mapping[str, Any], language: str) -> list[list[str]]:
    """The files of the agenda, each with the reference of its decision, or how it ended otherwise."""
    common, words = COMMON[language], WORDS[language]
    files = {file["id"]: file for file in shown["files"]}
    return [
        [
            str(item["position"]),
            named(files[item["application_id"]], language),
            common["outcomes"][item["proposal"]],
            item["decision"]
            or words["otherwise"].format(
                state=common["states"][item["state"]], day=on(item["state_since_on"], language)
            ),
        ]
        for item in shown["content"]["items"]
    ]


def as_data(shown: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What the template needs of the record."""
    common, words, title, sealed = COMMON[language], WORDS[language], _title(shown, language), shown["content"]
    decisions = _decisions(shown)
    grounds = [(each["reference"], each["firm_name"], _grounds(each, language)) for each in decisions]
    return {
        "title": title,
        "author": "Rebond",
        "footer": f"{title} – {shown['territory_name']}",
        "language": language,
        "words": {
            **{name: common[name] for name in ("page", "signed", "names")},
            **{name: words[name] for name in ("members", "decisions", "no_decision", "grounds", "items", "minutes",
                                              "seal")},
        },
        "facts": _facts(shown, language),
        "members_head": words["members_head"],
        "members": _members(shown, language),
        "items_head": words["items_head"],
        "items": _items(shown, language),
        "head": words["head"],
        "decisions": [
            [each["reference"], named(each, language), _outcome(each, language),
             *(amount(cents, language) for cents in _amounts(each)), _votes(each, language)]
            for each in decisions
        ],
        "totals": [["", words["stands"], "", *(amount(cents, language) for cents in _standing(shown)), ""]],
        "grounds": [[f"{reference} – {firm}", told] for reference, firm, told in grounds if told],
        "minutes": sealed["minutes"],
        "signatures": [
            [member["name"], member["function"] or words["signatory"]] for member in sealed["members"]
            if member["chair"]
        ],
        "hash": shown["content_hash"],
    }  # fmt: skip


def as_xlsx(shown: Mapping[str, Any], language: str) -> bytes:
    """The record as a workbook: amounts in euros as numbers, days as dates."""
    common, words, title = COMMON[language], WORDS[language], _title(shown, language)
    kinds = ("", "", "", "euros", "euros")
    book = Sheet(title, language, (26, 44, 30, 18, 18, 18, 70))
    book.heading(title)
    for name, value in _facts(shown, language):
        book.row(name, value)
    book.gap()
    book.row(*words["head"], words["grounds"], head=True)
    for each in _decisions(shown):
        book.row(
            each["reference"], named(each, language), _outcome(each, language),
            *(in_euros(cents) for cents in _amounts(each)), _votes(each, language),
            "\n".join(_grounds(each, language)) or None,
            kinds=kinds,
        )  # fmt: skip
    book.row(None, words["stands"], None, *(in_euros(cents) for cents in _standing(shown)), kinds=kinds, bold=True)
    book.gap()
    book.row(words["items"], bold=True)
    for item in _items(shown, language):
        book.row(*item)
    book.gap()
    book.row(*words["members_head"], bold=True)
    for member in _members(shown, language):
        book.row(*(value or None for value in member))
    book.gap()
    book.row(words["minutes"], shown["content"]["minutes"])
    book.row(words["seal"], shown["content_hash"])
    book.row(common["names"])
    return book.bytes()


DOCUMENT = documents.Document(
    name=lambda path, shown: (
        f"record-{path['territory']}-{shown['level'].replace('_', '-')}-{dated(shown['content']['held_at'])}"
    ),
    template=Path(__file__).with_name("record.typ").read_text(),
    as_data=as_data,
    as_xlsx=as_xlsx,
)
