"""The agenda of a meeting on paper, as it was frozen or, while it is a draft, as it stands: PDF, workbook, words."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, and_, case, cast, func, literal_column, select

from app.access.models import Organisation
from app.applications.agendas.models import Agenda, AgendaItem, FrozenAgenda
from app.applications.agendas.queries import AGENDAS
from app.applications.models import Application
from app.committees.models import Committee
from app.core.clock import PARIS
from app.core.db import Statement, param
from app.core.formats import day, euros
from app.core.reading import documents
from app.core.reading.documents import Sheet
from app.core.reading.listing import as_object, json_array, json_object
from app.envelopes.models import Contribution
from app.firms.models import Firm
from app.programme.models import Territory
from app.projects.models import Project


def names_of_files(files: Any) -> Any:
    """The present names of these files, as SQL: what was sealed of them holds ids alone."""
    a = Application
    named = json_object(id=a.id, siren=a.siren, firm_name=Firm.name, project_title=Project.title)
    return (
        select(json_array(named, a.id))
        .select_from(a)
        .join(Firm, Firm.siren == a.siren)
        .join(Project, Project.id == a.project_id)
        .where(a.id.in_(files))
        .scalar_subquery()
    )


def _agenda() -> Statement:
    """An agenda as its listing shows it, with its meeting, what was frozen of it, and the names."""
    g, i, z = Agenda, AgendaItem, FrozenAgenda
    sealed = (
        select(cast(z.content, JSON))
        .where(z.committee_id == g.committee_id, z.number == g.number)
        .correlate(g)
        .scalar_subquery()
    )
    listed = select(i.application_id).where(i.committee_id == g.committee_id, i.number == g.number).correlate(g)
    contribution = json_object(
        id=Contribution.id, organisation_name=Organisation.name, reference=Contribution.reference
    )
    contributions = (
        select(json_array(contribution, Contribution.id))
        .select_from(Contribution)
        .join(Organisation, Organisation.id == Contribution.organisation_id)
        .where(Contribution.territory == g.territory)
        .correlate(g)
        .scalar_subquery()
    )
    rows = (
        AGENDAS.filtered(frozenset())
        .join(Committee, and_(Committee.id == g.committee_id, Committee.territory == g.territory))
        .join(Territory, Territory.slug == g.territory)
        .where(g.committee_id == param("committee_id", g.committee_id.type))
        .add_columns(
            Territory.name.label("territory_name"),
            func.coalesce(Committee.held_at, Committee.planned_at).label("meets_at"),
            Committee.place,
            sealed.label("content"),
            names_of_files(listed).label("files"),
            # Who puts money into the envelope matters where the envelope was frozen.
            case((g.state == literal_column("'frozen'"), contributions), else_=None).label("contributions"),
        )
    )
    return Statement(as_object(rows))


AGENDA = _agenda()


# --- words that the record has too: no session, no await --------------------------------------------------------------

COMMON: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "page": "Page {n} of {of}", "signed": "Date and signature", "territory": "Territory", "meets": "Meeting of",
        "at": "{day}, {hour}:{minute}", "place": "Place", "siren": "SIREN {siren}", "grant": "Grant",
        "advance": "Advance", "total": "Total",
        "names": "Firms and projects stand under their present names; the seal covers their identifiers.",
        "levels": {"territorial": "territorial committee", "state_region": "State-Region committee"},
        "outcomes": {"pre_select": "pre-selection", "grant": "grant", "reject": "rejection", "defer": "deferral",
                     "withdraw": "withdrawal by the firm"},
        "states": {"draft": "draft", "submitted": "submitted", "incomplete": "incomplete", "admissible": "admissible",
                   "deemed_admissible": "deemed admissible", "inadmissible": "inadmissible",
                   "under_review": "under review", "pre_selected": "pre-selected", "deferred": "deferred",
                   "granted": "granted", "rejected": "rejected", "implicitly_rejected": "implicitly rejected",
                   "withdrawn": "withdrawn"},
    },
    "fr": {
        "page": "Page {n} sur {of}", "signed": "Date et signature", "territory": "Territoire", "meets": "Réunion du",
        "at": "{day} à {hour}\u00a0h\u00a0{minute}", "place": "Lieu", "siren": "SIREN\u00a0{siren}",
        "grant": "Subvention", "advance": "Avance", "total": "Total",
        "names": "Les entreprises et les projets figurent sous leur nom actuel\u202f; l’empreinte porte sur leurs"
                 " identifiants.",
        "levels": {"territorial": "comité territorial", "state_region": "comité État-Région"},
        "outcomes": {"pre_select": "présélection", "grant": "attribution", "reject": "rejet", "defer": "ajournement",
                     "withdraw": "retrait par l’entreprise"},
        "states": {"draft": "brouillon", "submitted": "déposé", "incomplete": "incomplet", "admissible": "recevable",
                   "deemed_admissible": "réputé recevable", "inadmissible": "irrecevable",
                   "under_review": "en instruction", "pre_selected": "présélectionné", "deferred": "ajourné",
                   "granted": "attribué", "rejected": "rejeté", "implicitly_rejected": "implicitement rejeté",
                   "withdrawn": "retiré"},
    },
}  # fmt: skip


def on(text: str, language: str) -> str:
    """A day or, of an instant, its Paris day."""
    if "T" in text:
        return day(datetime.fromisoformat(text).astimezone(PARIS).date(), language)
    return day(date.fromisoformat(text), language)


def at(text: str, language: str) -> str:
    """An instant as Paris has it, to the minute."""
    instant = datetime.fromisoformat(text).astimezone(PARIS)
    hour = f"{instant:%H}" if language == "en" else str(instant.hour)
    told: str = COMMON[language]["at"].format(day=day(instant.date(), language), hour=hour, minute=f"{instant:%M}")
    return told


def dated(instant: str) -> str:
    """The Paris day of an instant, as the name of a file has it."""
    return f"{datetime.fromisoformat(instant).astimezone(PARIS):%Y-%m-%d}"


def amount(cents: int, language: str) -> str:
    """An amount; a dash where none is given."""
    return euros(cents, language) if cents else "–"


def spaced(siren: str) -> str:
    """A SIREN in groups of three."""
    return "\u202f".join(siren[start : start + 3] for start in (0, 3, 6))


def named(file: Mapping[str, Any], language: str) -> str:
    """A file by its firm and, on a second line, its project."""
    siren = COMMON[language]["siren"].format(siren=spaced(file["siren"]))
    return f"{file['firm_name']} ({siren})\n{file['project_title']}"


def in_euros(cents: int) -> Decimal:
    """An amount as a cell has it."""
    return Decimal(cents) / 100


# --- the agenda ------------------------------------------------------------------------------------------------------

WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "title": "Agenda no. {number} – {level}, {day}",
        "frozen": "Frozen on {at}. The meeting decides on these items alone.",
        "draft": "Draft as it stands: it is not frozen, and can change.",
        "as_of": "Figures as of", "items": "Items", "nothing": "There is no file on the agenda.",
        "head": ["No.", "Firm and project", "State", "Proposal", "Base", "Requested", "Grant", "Advance"],
        "draft_head": ["No.", "Firm and project", "State", "Proposal", "Grant", "Advance"],
        "notes": "Notes", "envelope": "What the envelope has left",
        "envelope_head": ["Contributor", "Reference", "Left"],
        "seal": "Seal (SHA-256 of the frozen content):",
    },
    "fr": {
        "title": "Ordre du jour n°\u00a0{number} – {level} du {day}",
        "frozen": "Figé le {at}. La réunion statue sur ces seuls points.",
        "draft": "Projet en l’état\u00a0: il n’est pas figé et peut changer.",
        "as_of": "Chiffres au", "items": "Points", "nothing": "Aucun dossier n’est inscrit à l’ordre du jour.",
        "head": ["N°", "Entreprise et projet", "État", "Proposition", "Assiette", "Demandé", "Subvention", "Avance"],
        "draft_head": ["N°", "Entreprise et projet", "État", "Proposition", "Subvention", "Avance"],
        "notes": "Observations", "envelope": "Disponible de l’enveloppe",
        "envelope_head": ["Contributeur", "Référence", "Disponible"],
        "seal": "Empreinte (SHA-256 du contenu figé)\u00a0:",
    },
}  # fmt: skip


def _title(shown: Mapping[str, Any], language: str) -> str:
    title: str = WORDS[language]["title"].format(
        number=shown["number"],
        level=COMMON[language]["levels"][shown["level"]],
        day=on(shown["meets_at"], language),
    )
    return title


def _notice(shown: Mapping[str, Any], language: str) -> str:
    words = WORDS[language]
    if shown["content"] is None:
        return str(words["draft"])
    return str(words["frozen"].format(at=at(shown["content"]["frozen_at"], language)))


def _facts(shown: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    common, words, content = COMMON[language], WORDS[language], shown["content"]
    return [
        (common["territory"], shown["territory_name"]),
        (common["meets"], at(shown["meets_at"], language)),
        *([(common["place"], shown["place"])] if shown["place"] else []),
        *([(words["as_of"], on(content["as_of_on"], language))] if content else []),
    ]


def _items(shown: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The items as they were frozen; of a draft, as they stand. Each has the names of its file."""
    files = {file["id"]: file for file in shown["files"]}
    items = shown["content"]["items"] if shown["content"] else shown["items"]
    return [{**item, **files[item["application_id"]]} for item in items]


def _left(shown: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """What each contribution had left, the most first."""
    if not shown["content"]:
        return []
    known = {each["id"]: each for each in shown["contributions"]}
    told = [
        (known[each["contribution_id"]]["organisation_name"], known[each["contribution_id"]]["reference"],
         each["available_cents"])
        for each in shown["content"]["envelope"]["contributions"]
    ]  # fmt: skip
    return sorted(told, key=lambda each: (-each[2], each[:2]))


def _figures(item: Mapping[str, Any]) -> list[int]:
    """The amounts of an item in the order of their columns: of a frozen one, its base and what is requested too."""
    figures = [item["grant_cents"], item["advance_cents"]]
    if "base_cents" in item:
        requested = item["requested_grant_cents"] + item["requested_advance_cents"]
        figures = [item["base_cents"], requested, *figures]
    return figures


def _said(item: Mapping[str, Any], language: str) -> list[str]:
    common = COMMON[language]
    return [str(item["position"]), named(item, language), common["states"][item["state"]],
            common["outcomes"][item["proposal"]]]  # fmt: skip


def _totals(items: Sequence[Mapping[str, Any]]) -> list[int]:
    return [sum(column) for column in zip(*(_figures(item) for item in items), strict=True)]


def as_data(shown: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What the template needs of the agenda."""
    common, words, title = COMMON[language], WORDS[language], _title(shown, language)
    items, content = _items(shown), shown["content"]
    return {
        "title": title,
        "author": "Rebond",
        "footer": f"{title} – {shown['territory_name']}",
        "language": language,
        "words": {
            **{name: common[name] for name in ("page", "names")},
            **{name: words[name] for name in ("items", "nothing", "notes", "envelope", "seal")},
        },
        "notice": _notice(shown, language),
        "frozen": content is not None,
        "facts": _facts(shown, language),
        "head": words["head" if content else "draft_head"],
        "rows": [
            [*_said(item, language), *(amount(cents, language) for cents in _figures(item))] for item in items
        ],
        "totals": [["", common["total"], "", "", *(amount(cents, language) for cents in _totals(items))]]
        if items
        else [],
        "notes": [[f"{item['position']}. {item['firm_name']}", item["note"]] for item in items if item["note"]],
        "envelope_head": words["envelope_head"],
        "envelope": [[who, reference, euros(cents, language)] for who, reference, cents in _left(shown)],
        "envelope_totals": [[common["total"], "", euros(content["envelope"]["available_cents"], language)]]
        if content
        else [],
        "hash": shown["content_hash"],
    }  # fmt: skip


def as_xlsx(shown: Mapping[str, Any], language: str) -> bytes:
    """The agenda as a workbook, its amounts in euros as numbers."""
    common, words, title = COMMON[language], WORDS[language], _title(shown, language)
    items, content = _items(shown), shown["content"]
    head = words["head" if content else "draft_head"]
    kinds = ("", "", "", "", *("euros" for _ in head[4:]), "")
    book = Sheet(title, language, (22, 44, 22, 20, *(18 for _ in head[4:]), 60))
    book.heading(title)
    book.heading(_notice(shown, language))
    for name, value in _facts(shown, language):
        book.row(name, value)
    book.gap()
    book.row(*head, words["notes"], head=True)
    for item in items:
        _, *said = _said(item, language)
        book.row(
            item["position"], *said, *(in_euros(cents) for cents in _figures(item)), item["note"] or None, kinds=kinds
        )
    if items:
        totals = (in_euros(cents) for cents in _totals(items))
        book.row(None, common["total"], None, None, *totals, kinds=kinds, bold=True)
    if content:
        book.gap()
        book.row(words["envelope"], bold=True)
        for who, reference, cents in _left(shown):
            book.row(who, reference, in_euros(cents), kinds=("", "", "euros"))
        whole = in_euros(content["envelope"]["available_cents"])
        book.row(common["total"], None, whole, kinds=("", "", "euros"), bold=True)
        book.gap()
        book.row(words["seal"], shown["content_hash"])
        book.row(common["names"])
    return book.bytes()


DOCUMENT = documents.Document(
    name=lambda path, shown: f"agenda-{path['territory']}-{dated(shown['meets_at'])}-{shown['number']}",
    template=Path(__file__).with_name("agenda.typ").read_text(),
    as_data=as_data,
    as_xlsx=as_xlsx,
)
