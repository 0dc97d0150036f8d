"""Time entries from a file, as timesheets come: a person's name and days, or ids as in our own exports."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import ColumnElement, Text, and_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.access.models import Subject
from app.core.faults import Fault
from app.core.schemas import Body
from app.core.values import Code, Day, DayFraction, ExternalId, ShortLine, Siren, Uuid
from app.core.values import Line as ShortText
from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Locks, Outcome, coded, given, rows_of
from app.core.writing.writes import Change, Write
from app.engineering.entries import rules, schemas, service
from app.engineering.entries.models import TimeEntry
from app.engineering.entries.queries import TIME_ENTRIES
from app.engineering.entries.rules import COUNTING, EDITABLE, Status
from app.firms.importer import FIRMS_FIRST
from app.missions.models import Consultant, Mission
from app.missions.rules import MissionStatus

MISSING_PERSON = Fault(
    "missing_person",
    en="The line must name a person, by name or by consultant_id.",
    fr="La ligne doit nommer une personne, par son nom ou par consultant_id.",
)
NO_ASSIGNMENT = Fault(
    "no_assignment",
    en="No person of this name in your organisation was assigned to the mission on that day.",
    fr="Personne de ce nom, dans votre organisme, n'était affecté à la mission ce jour-là.",
)
AMBIGUOUS_PERSON = Fault(
    "ambiguous_person",
    en="Several assignments match the line: give the mission, or consultant_id.",
    fr="Plusieurs affectations correspondent à la ligne : donnez la mission, ou consultant_id.",
)
ENTRY_NOT_THERE = Fault(
    "entry_not_there",
    en="Only a draft or submitted entry can be created by an import; an entry with this status must already exist.",
    fr="Un import ne peut créer qu'une saisie en brouillon ou soumise ; une saisie de ce statut doit déjà exister.",
)

STATUSES = {
    "Brouillon": "draft", "Soumis": "submitted", "Validé": "validated", "Certifié": "certified", "Rejeté": "rejected",
    "Contre-passé": "reversed",
}  # fmt: skip
ACTIVITIES = {
    "Cadrage": "framing", "Audition": "audition", "Entretien": "audition", "Analyse": "analysis",
    "Ingénierie financière": "financial_engineering", "Feuille de route": "roadmap", "COPIL": "committee",
    "Comité": "committee", "Déplacement": "travel",
}  # fmt: skip
OVER = (Status.REJECTED, Status.REVERSED)  # lines of our own exports that ask for nothing
ABOUT = ("siren", "audition_id", "project_id")


class TimeEntryLine(Body):
    """A part of a day. The assignment is named by its id, or by the person's name, and the mission's where needed.

    A line of our own export that is past `submitted` repeats an entry that exists already.
    """

    id: Uuid | None = None
    nth: int = 1
    consultant_id: Uuid | None = None
    person: ShortText | None = None
    mission_id: Uuid | None = None
    mission: ShortLine | None = None
    worked_on: Day
    days: DayFraction
    activity: Code
    siren: Siren | None = None
    audition_id: Uuid | None = None
    project_id: Uuid | None = None
    note: schemas.Note | None = None
    external_id: ExternalId | None = None
    status: Status = Status.SUBMITTED

    @model_validator(mode="after")
    def _named(self) -> "TimeEntryLine":
        if self.consultant_id is None and self.person is None:
            raise MISSING_PERSON.error()
        return self


async def _assignments(write: Write, place: str, lines: Sequence[FileLine]) -> dict[int, list[Any]]:
    """For each line the assignments that it may mean: of the caller's organisation, on that day."""
    c, s, m = Consultant, Subject, Mission
    names = [line.item.person for line in lines if line.item.person is not None]
    ids = [line.item.consultant_id for line in lines if line.item.consultant_id is not None]
    folded = func.fold(func.unnest(literal(names, ARRAY(Text()))))
    result = await write.session.execute(
        select(c.id, c.mission_id, c.from_on, c.until_on, func.fold(s.name).label("person"), m.external_id,
               func.fold(m.name).label("mission"), m.status)
        .join(s, s.id == c.person_id)
        .join(m, m.id == c.mission_id)
        .where(c.territory == place, c.organisation_id == write.actor.organisation_id)
        .where(or_(c.id.in_(ids), func.fold(s.name).in_(select(folded))))
    )  # fmt: skip
    rows = result.all()
    said = {name for line in lines for name in (line.item.person, line.item.mission) if name is not None}
    texts = literal(sorted(said), ARRAY(Text()))
    told = await write.session.execute(select(func.unnest(texts), func.fold(func.unnest(texts))))
    plain = {row[0]: row[1] for row in told}
    meant = {}
    for line in lines:
        item = line.item
        named = [
            row
            for row in rows
            if (row.id == item.consultant_id if item.consultant_id else row.person == plain[item.person])
            and row.from_on <= item.worked_on <= row.until_on
            and (row.status != MissionStatus.CANCELLED or item.consultant_id or item.mission_id or item.mission)
            and (item.mission_id is None or row.mission_id == item.mission_id)
            and (item.mission is None or item.mission == row.external_id or plain[item.mission] == row.mission)
        ]
        # A cancelled mission is not meant where one that stands has the same name.
        meant[line.number] = [row for row in named if row.status != MissionStatus.CANCELLED] or named
    return meant


async def _check(write: Write, place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    """Each line means exactly one assignment; one that is past `submitted`, an entry that exists already."""
    assert place is not None  # entries are a territory's
    meant = await _assignments(write, place, lines)
    faults = []
    for line in lines:
        column = "consultant_id" if line.item.consultant_id is not None else "person"
        if len(meant[line.number]) != 1:
            fault = AMBIGUOUS_PERSON if meant[line.number] else NO_ASSIGNMENT
            faults.append(LineFault(line.number, column, fault.at("")))
    past = [line for line in lines if line.item.status not in EDITABLE and len(meant[line.number]) == 1]
    there = await _there(write, place, [line.item for line in past]) if past else set()
    for line in past:
        cell = (meant[line.number][0].id, line.item.worked_on, line.item.activity)
        if not {line.item.id, line.item.external_id or cell} & there:
            faults.append(LineFault(line.number, "status", ENTRY_NOT_THERE.at("")))
    return faults


async def _there(write: Write, place: str, items: Sequence[TimeEntryLine]) -> set[Any]:
    """Entries of these days and ids, whatever became of them: id, `external_id`, and assignment, day and activity."""
    e = TimeEntry
    rows = await write.session.execute(
        select(e.id, e.external_id, e.consultant_id, e.worked_on, e.activity).where(
            e.territory == place,
            or_(
                e.id.in_({item.id for item in items if item.id}),
                e.external_id.in_({item.external_id for item in items if item.external_id}),
                e.worked_on.in_({item.worked_on for item in items}),
            ),
        )
    )
    return {
        key
        for row in rows
        for key in (row.id, row.external_id, (row.consultant_id, row.worked_on, row.activity))
        if key is not None
    }


def _standing(place: str, external_ids: set[str], consultants: set[UUID], days: set[date]) -> ColumnElement[bool]:
    """Entries that stand, of these ids of another system, or of these assignments on these days."""
    e = TimeEntry
    return and_(
        e.territory == place,
        e.status.in_([Status.DRAFT, *COUNTING]),
        or_(e.external_id.in_(external_ids), e.consultant_id.in_(consultants) & e.worked_on.in_(days)),
    )


async def _entries_of(write: Write, place: str | None, lines: Sequence[FileLine]) -> set[UUID]:
    """The entries that the lines may mean."""
    assert place is not None  # entries are a territory's
    meant = await _assignments(write, place, lines)
    standing = _standing(
        place,
        {line.item.external_id for line in lines if line.item.external_id},
        {row.id for rows in meant.values() for row in rows},
        {line.item.worked_on for line in lines},
    )
    return set(await write.session.scalars(select(TimeEntry.id).where(standing)))


def _meant(
    known: dict[Any, list[TimeEntry]], item: schemas.TimeEntryCreate, entry_id: UUID | None, nth: int
) -> TimeEntry | None:
    """The entry that a line means: of its id, of its `external_id`, else the n-th of those that are about the same.

    A line that names neither firm, audition nor project means an entry of that day and activity, whatever it is about.
    """
    for name in (entry_id, item.external_id):
        if name is not None and known[name]:
            return known[name][0]
    if item.external_id is not None:
        return None
    of_the_day = known[item.consultant_id, item.worked_on, item.activity]
    about = [entry for entry in of_the_day if all(getattr(entry, name) == getattr(item, name) for name in ABOUT)]
    if not about and not item.model_fields_set & set(ABOUT):
        about = of_the_day
    return about[nth - 1] if nth <= len(about) else None


async def _known(
    write: Write, place: str, wanted: Iterable[schemas.TimeEntryCreate], ids: set[UUID]
) -> dict[Any, list[TimeEntry]]:
    """Entries that exist already, by id, by `external_id` and by assignment, day and activity; locked."""
    items = list(wanted)
    standing = _standing(
        place,
        {item.external_id for item in items if item.external_id},
        {item.consultant_id for item in items},
        {item.worked_on for item in items},
    )
    named = and_(TimeEntry.territory == place, TimeEntry.id.in_(ids), TimeEntry.status.in_([Status.DRAFT, *COUNTING]))
    held = select(TimeEntry).where(or_(standing, named)).order_by(TimeEntry.id).with_for_update(key_share=True)
    entries = await write.session.scalars(held)
    known: dict[Any, list[TimeEntry]] = defaultdict(list)
    for entry in entries:
        known[entry.consultant_id, entry.worked_on, entry.activity].append(entry)
        known[entry.id].append(entry)
        if entry.external_id is not None:
            known[entry.external_id].append(entry)
    return known


async def _apply(write: Write, place: str | None, lines: Sequence[FileLine]) -> Outcome:
    assert place is not None  # entries are a territory's
    meant = await _assignments(write, place, lines)
    items: list[schemas.TimeEntryCreate] = []
    past: dict[int, Status] = {}  # by place in items
    told: list[tuple[UUID | None, int]] = []  # the id that each of the items has, and which of its equals it is
    for line in lines:
        if line.item.status in OVER:
            continue
        [assignment] = meant[line.number]
        fields = given(line.item, schemas.TimeEntryCreate.model_fields)
        fields |= {"consultant_id": assignment.id, "mission_id": assignment.mission_id}
        if line.item.status not in EDITABLE:
            past[len(items)] = fields.pop("status")
        items.append(schemas.TimeEntryCreate(**fields))
        told.append((line.item.id, line.item.nth))
    attempt = service.Attempt(write.actor, place)  # type: ignore[arg-type]  # the importer wants a subject
    known = await _known(write, place, items, {entry_id for entry_id, _ in told if entry_id is not None})
    new: list[schemas.TimeEntryCreate] = []
    changed: list[UUID] = []
    for n, item in enumerate(items):
        entry = _meant(known, item, *told[n])
        if entry is None:
            if n in past:
                raise rules.EntryLocked(current=past[n])
            new.append(item)
            continue
        wish = given(item, {"worked_on", "days", "activity", *ABOUT, "note", "consultant_id", "mission_id"})
        difference = {name: value for name, value in wish.items() if getattr(entry, name) != value}
        if not difference:
            continue
        if entry.status not in EDITABLE:
            raise rules.EntryLocked(current=entry.status)
        body = schemas.TimeEntryUpdate(**difference)
        await service.update_entry(write, attempt, entry.id, body)
        changed.append(entry.id)
    made = [entry.id for entry in await service.enter(write, attempt, new)] if new else []
    await write.session.flush()
    bound = {"territory": place}
    acts = (("created", made), ("updated", changed))
    changes = [Change(f"time_entry.{act}", TIME_ENTRIES, keys, bound) for act, keys in acts if keys]
    return Outcome(changes, len(made), len(changed), len(lines) - len(made) - len(changed))


TIME_ENTRIES_FILE = Importer(
    kind="time_entries",
    permission="time_entries:write",
    needs_subject=True,
    schema=TimeEntryLine,
    key=["id", "external_id", "consultant_id", "person", "mission_id", "mission", "worked_on", "activity", *ABOUT],
    listing=TIME_ENTRIES,
    renamed={"person": "consultant_name", "mission": "mission_name"},
    counted="nth",
    columns=[
        Heading("id", cells.plain),
        Heading("consultant_id", cells.plain),
        Heading(
            "person",
            cells.plain,
            ["personne", "consultant", "consultant name", "intervenant", "nom"],
            given_name=["prénom", "first name", "given name"],
        ),
        Heading("mission_id", cells.plain),
        Heading("mission", cells.plain, ["mission name", "nom de la mission"], fr="Mission"),
        Heading("worked_on", cells.day, ["date", "jour", "travaillé le"], required=True),
        Heading(
            "days",
            cells.days,
            ["jours", "quantité", "durée (jours)"],
            required=True,
            hours=["heures", "hours", "durée (heures)", "nombre d'heures"],
        ),
        Heading("activity", coded(ACTIVITIES), ["activité"], required=True),
        Heading("siren", cells.siren, ["entreprise"], instead=["siret"], fr="SIREN", en="SIREN", first=FIRMS_FIRST),
        Heading("audition_id", cells.plain),
        Heading("project_id", cells.plain),
        Heading("note", cells.plain, ["commentaire", "observations"]),
        Heading("external_id", cells.plain, ["identifiant externe"]),
        Heading("status", coded(STATUSES), ["statut", "état"]),
    ],
    check=_check,
    locks=Locks(_entries_of, rows_of(TimeEntry.id)),
    apply=_apply,
)
