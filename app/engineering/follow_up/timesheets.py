"""The month's timesheet of an assignment (*compte rendu d'activité*): what one person worked on one mission.

It belongs to the assignment, not to the person, because that is what is signed: one mission, one member of the
consortium. It holds what counts (submitted, validated, certified), by the day worked.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Date, Text, and_, func, literal_column, select, true

from app.access.models import Organisation, Subject
from app.core.db import NO_DAYS, Statement, literals, param
from app.core.formats import day, month, number
from app.core.reading import documents
from app.core.reading.documents import Sheet
from app.core.reading.listing import as_object, json_array
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.rules import COUNTING
from app.firms.models import Firm
from app.missions.models import Consultant, Mission, MissionActivity
from app.programme.models import Territory


def days_of(first: date) -> dict[str, date]:
    """The first day of a month and of the next."""
    return {"month": first, "next_month": (first.replace(day=28) + timedelta(days=4)).replace(day=1)}


@cache
def timesheet(own: bool) -> Statement:
    """The timesheet as one JSON object; `own` limits it to the caller's organisation."""
    c, t = Consultant, TimeEntry
    first, following = param("month", Date()), param("next_month", Date())
    lines = (
        select(
            t.id,
            t.worked_on,
            t.counted_on,
            t.activity,
            MissionActivity.label.label("activity_label"),
            t.siren.label("siren"),
            Firm.name.label("firm_name"),
            t.days,
            t.status,
            t.note,
        )
        .outerjoin(
            MissionActivity, and_(MissionActivity.mission_id == t.mission_id, MissionActivity.code == t.activity)
        )
        .outerjoin(Firm, Firm.siren == t.siren)
        .where(
            t.consultant_id == c.id,
            t.worked_on >= first,
            t.worked_on < following,
            t.status.in_(literals(COUNTING)),
        )
        .correlate(c)
        .lateral("line")
    )
    validated = lines.c.status.in_([literal_column("'validated'"), literal_column("'certified'")])
    certified = lines.c.status == literal_column("'certified'")
    zero = NO_DAYS
    row = func.row_to_json(lines.table_valued())
    told = select(
        func.coalesce(func.sum(lines.c.days), zero).label("days_entered"),
        func.coalesce(func.sum(lines.c.days).filter(lines.c.counted_on < following), zero).label("days_counted"),
        func.coalesce(func.sum(lines.c.days).filter(validated), zero).label("days_validated"),
        func.coalesce(func.sum(lines.c.days).filter(certified), zero).label("days_certified"),
        json_array(row, lines.c.worked_on, lines.c.id).label("entries"),
    ).lateral("told")
    rows = (
        select(
            c.territory,
            Territory.name.label("territory_name"),
            func.to_char(first, literal_column("'YYYY-MM'"), type_=Text()).label("month"),
            c.id.label("consultant_id"),
            Subject.name.label("consultant_name"),
            c.mission_id,
            Mission.name.label("mission_name"),
            c.organisation_id,
            Organisation.name.label("organisation_name"),
            c.profile,
            *told.c,
        )
        .select_from(Consultant)
        .join(Mission, Mission.id == c.mission_id)
        .join(Territory, Territory.slug == c.territory)
        .join(Subject, Subject.id == c.person_id)
        .join(Organisation, Organisation.id == c.organisation_id)
        .join(told, true())
        .where(c.territory == param("territory", Text()), c.id == param("id", c.id.type))
    )
    if own:
        rows = rows.where(c.organisation_id == param("organisation", c.organisation_id.type))
    return Statement(as_object(rows))


# --- what it says on paper: no session, no await ---------------------------------------------------------------------

WORDS: Mapping[str, Mapping[str, Any]] = {
    "en": {
        "title": "Timesheet – {month}", "page": "Page {n} of {of}", "signed": "Date and signature",
        "nothing": "No day counts in this month.", "territory": "Territory", "mission": "Mission",
        "person": "Consultant", "profile": "Profile", "organisation": "Consultancy",
        "head": ["Day", "Activity", "Firm", "Days", "State", "Note"],
        "submitted": "submitted", "validated": "validated", "certified": "certified",
        "junior": "junior", "senior": "senior", "expert": "expert",
        "total": "Total", "of_which": "of which validated", "of_which_certified": "of which certified",
        "of_which_counted": "of which count this month",
        "counts": "(counts on {day})",
        "signatures": [["The consultant", "{person}"], ["For the lead firm", "validated"],
                       ["For the operator", "seen"]],
    },
    "fr": {
        "title": "Feuille de temps – {month}", "page": "Page {n} sur {of}", "signed": "Date et signature",
        "nothing": "Aucun jour ne compte ce mois-ci.", "territory": "Territoire", "mission": "Mission",
        "person": "Intervenant", "profile": "Profil", "organisation": "Cabinet",
        "head": ["Jour", "Activité", "Entreprise", "Jours", "État", "Commentaire"],
        "submitted": "soumis", "validated": "validé", "certified": "certifié",
        "junior": "junior", "senior": "confirmé", "expert": "expert",
        "total": "Total", "of_which": "dont validés", "of_which_certified": "dont certifiés",
        "of_which_counted": "dont comptés ce mois-ci",
        "counts": "(compte au {day})",
        "signatures": [["L’intervenant", "{person}"], ["Pour le mandataire", "bon pour validation"],
                       ["Pour l’opérateur", "vu"]],
    },
}  # fmt: skip


def _facts(sheet: Mapping[str, Any], language: str) -> list[tuple[str, str]]:
    words = WORDS[language]
    profile = [(words["profile"], words.get(sheet["profile"], sheet["profile"]))] if sheet["profile"] else []
    return [
        (words["person"], sheet["consultant_name"]),
        *profile,
        (words["organisation"], sheet["organisation_name"]),
        (words["mission"], sheet["mission_name"]),
        (words["territory"], sheet["territory_name"]),
    ]


def _title(sheet: Mapping[str, Any], language: str) -> str:
    first = date.fromisoformat(sheet["month"] + "-01")
    title: str = WORDS[language]["title"].format(month=month(first, language))
    return title


def _totals(sheet: Mapping[str, Any], language: str) -> list[tuple[str, float]]:
    words = WORDS[language]
    names = [("total", "days_entered"), ("of_which", "days_validated"), ("of_which_certified", "days_certified")]
    if sheet["days_counted"] != sheet["days_entered"]:
        names.append(("of_which_counted", "days_counted"))
    return [(words[word], sheet[name]) for word, name in names]


def _note(entry: Mapping[str, Any], language: str) -> str:
    later = ""
    if entry["counted_on"] != entry["worked_on"]:
        later = WORDS[language]["counts"].format(day=day(date.fromisoformat(entry["counted_on"]), language))
    return "\n".join(part for part in (later, entry["note"] or "") if part)


def as_data(sheet: Mapping[str, Any], language: str) -> dict[str, Any]:
    """What the template needs of the timesheet."""
    words = WORDS[language]
    rows = [
        [
            day(date.fromisoformat(entry["worked_on"]), language),
            entry["activity_label"] or entry["activity"],
            entry["firm_name"] or "",
            number(entry["days"], language, 2),
            words[entry["status"]],
            _note(entry, language),
        ]
        for entry in sheet["entries"]
    ]
    person = sheet["consultant_name"]
    return {
        "title": _title(sheet, language),
        "author": "Rebond",
        "footer": f"{_title(sheet, language)} – {person}",
        "language": language,
        "words": {name: words[name] for name in ("page", "signed", "nothing")},
        "facts": _facts(sheet, language),
        "head": words["head"],
        "rows": rows,
        "totals": [["", "", name, number(days, language, 2), "", ""] for name, days in _totals(sheet, language)],
        "signatures": [[who, person if what == "{person}" else what] for who, what in words["signatures"]],
    }


def as_xlsx(sheet: Mapping[str, Any], language: str) -> bytes:
    """The timesheet as a workbook, its days as numbers and its dates as dates."""
    words = WORDS[language]
    title, kinds = _title(sheet, language), ("", "", "", "days")
    book = Sheet(title, language, (17, 26, 32, 9, 13, 60))
    book.heading(title)
    for name, value in _facts(sheet, language):
        book.row(name, value)
    book.gap()
    book.row(*words["head"], head=True)
    for entry in sheet["entries"]:
        book.row(
            date.fromisoformat(entry["worked_on"]),
            entry["activity_label"] or entry["activity"],
            entry["firm_name"],
            Decimal(str(entry["days"])),
            words[entry["status"]],
            _note(entry, language) or None,
            kinds=kinds,
        )
    for name, days in _totals(sheet, language):
        book.row(None, None, name, Decimal(str(days)), kinds=kinds, bold=True)
    return book.bytes()


DOCUMENT = documents.Document(
    name=lambda path, _sheet: f"timesheet-{path['territory']}-{path['month']:%Y-%m}",
    template=Path(__file__).with_name("timesheet.typ").read_text(),
    as_data=as_data,
    as_xlsx=as_xlsx,
)
