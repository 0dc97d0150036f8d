"""Writes of auditions: planned, then held, cancelled or missed by the firm; and their confidential notes."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, insert, or_, select

from app.access.models import Member, Subject
from app.auditions import rules, schemas
from app.auditions.models import Audition, AuditionConsultant, AuditionContact, AuditionFirm, Need, Note
from app.auditions.queries import AUDITIONS, NOTES
from app.auditions.rules import AuditionAction, AuditionStatus
from app.core.db import touch
from app.core.faults import FieldError
from app.core.messages import NOT_FOUND
from app.core.problems import NotFound, ReferenceNotFound
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, given, merge, put
from app.firms.contacts.models import Contact
from app.firms.models import TerritoryFirm
from app.missions.models import Consultant, Mission

PAST = {
    AuditionAction.HOLD: "held",
    AuditionAction.CANCEL: "cancelled",
    AuditionAction.NO_SHOW: "missed",
    AuditionAction.REVERSE: "reversed",
}
CHILDREN = ("sirens", "consultant_ids", "contact_ids", "needs")


async def create_audition(write: Write, territory: str, body: schemas.AuditionCreate) -> Change:
    """Plan an audition. Raises `reference-not-found`, `follow-up-incomplete`, `already-exists`."""
    audition = Audition(territory=territory, **body.model_dump(exclude=set(CHILDREN)))
    await _refer(write, audition)
    write.session.add(audition)
    await write.session.flush()
    await _put_children(write, audition, {name: getattr(body, name) for name in CHILDREN})
    return Change("audition.created", AUDITIONS, [audition.id], {"territory": territory})


async def update_audition(write: Write, territory: str, audition_id: UUID, body: schemas.AuditionUpdate) -> Change:
    """Change an audition. Raises `audition-over`, `nothing-found-yet` (409), `reference-not-found`."""
    audition = await _audition(write, territory, audition_id)
    rules.may_change(AuditionStatus(audition.status), frozenset(body.model_fields_set))
    changed = await _put(write, audition, body)
    return Change("audition.updated" if changed else "", AUDITIONS, [audition_id], {"territory": territory})


async def hold(write: Write, territory: str, audition_id: UUID, body: schemas.AuditionHold) -> Change:
    """Record that the audition was held, and what came of it. Raises `audition-transition` (409).

    The firm's stage stays where the territory's staff has put it: to say where the territory stands with a firm is
    theirs, while consultants hold auditions too.
    """
    audition = await _audition(write, territory, audition_id)
    audition.status = rules.next_status(AuditionAction.HOLD, AuditionStatus(audition.status))
    with write.session.no_autoflush:  # the state and its day are written together
        await _put(write, audition, body)
    return Change("audition.held", AUDITIONS, [audition_id], {"territory": territory})


async def miss(write: Write, territory: str, audition_id: UUID, action: AuditionAction, reason: str) -> Change:
    """Record that the audition was cancelled, that the firm did not come, or that it was said to be held by mistake:
    nothing was found then. Raises `audition-transition` (409).
    """
    audition = await _audition(write, territory, audition_id)
    audition.status = rules.next_status(action, AuditionStatus(audition.status))
    audition.reason, audition.held_on, audition.findings = reason, None, None
    return Change(f"audition.{PAST[action]}", AUDITIONS, [audition_id], {"territory": territory})


async def _audition(write: Write, territory: str, audition_id: UUID) -> Audition:
    """The audition in the version that the caller expects, held."""
    audition = await write.lock(Audition, Audition.id == audition_id, Audition.territory == territory)
    write.expect(audition.version)
    return audition


async def _put(write: Write, audition: Audition, body: schemas.AuditionUpdate | schemas.AuditionHold) -> bool:
    """Put what the body gives onto the audition; whether anything changed."""
    values = given(body)
    children = {name: values.pop(name) for name in CHILDREN if name in values}
    for name in ("held_on", "follow_up_done_on"):
        refuse_future({f"/{name}": values.get(name)})
    if values.get("findings") is not None and audition.status != AuditionStatus.HELD:
        raise rules.NothingFoundYet
    if "held_on" in values and audition.status != AuditionStatus.HELD:
        refused = rules.AuditionTransition(current=audition.status, action="held_on", needed=[AuditionStatus.HELD])
        refused.cure, refused.cure_fr = rules.NothingFoundYet.cure, rules.NothingFoundYet.cure_fr
        raise refused
    changed = put(audition, values)
    await _refer(write, audition, changed)
    moved = await _put_children(write, audition, children)
    if moved:
        touch(audition)
    return bool(changed) or moved


async def _refer(write: Write, audition: Audition, changed: Mapping[str, Any] | None = None) -> None:
    """Hold the follow-up and the mission to what this territory has. Raises `reference-not-found`."""
    due, owner = audition.follow_up_due_on, audition.follow_up_owner_id
    if (due is None) != (owner is None) or (
        due is None and (audition.follow_up is not None or audition.follow_up_done_on is not None)
    ):
        raise rules.FollowUpIncomplete
    faults = []
    if owner is not None and (changed is None or "follow_up_owner_id" in changed):
        s, m, c = Subject, Member, Consultant
        known = select(s.id).where(
            s.id == owner,
            s.kind == "person",
            or_(
                exists().where(
                    m.subject_id == s.id, m.granted, or_(m.territory == audition.territory, m.territory.is_(None))
                ),
                exists().where(c.person_id == s.id, c.territory == audition.territory),
            ),
        )
        if await write.session.scalar(known) is None:
            faults.append(NOT_FOUND.at("/follow_up_owner_id"))
    if audition.mission_id is not None and (changed is None or "mission_id" in changed):
        mission = select(Mission.id).where(Mission.id == audition.mission_id, Mission.territory == audition.territory)
        if await write.session.scalar(mission) is None:
            faults.append(NOT_FOUND.at("/mission_id"))
    if faults:
        raise ReferenceNotFound(errors=faults)


async def _put_children(write: Write, audition: Audition, given: Mapping[str, Any]) -> bool:
    """Replace the lists given: firms and needs, consultants and contacts; whether anything changed.

    Raises `reference-not-found` with every fault at once.
    """
    wanted, faults = await _wanted(write, audition, given)
    if faults:
        raise ReferenceNotFound(errors=faults)
    new: list[tuple[Any, list[dict[str, Any]]]] = []
    gone: list[Any] = []
    for table, key, rows in wanted:
        of_this = table.c.audition_id == audition.id
        known = [dict(row) for row in (await write.session.execute(select(table).where(of_this))).mappings()]
        kept = {row[key] for row in known if row in rows}
        fresh = [row for row in rows if row[key] not in kept]
        if fresh:
            new.append((table, fresh))
        if stale := [row[key] for row in known if row[key] not in kept]:
            gone.append(delete(table).where(of_this, table.c[key].in_(stale)))
    for statement in reversed(gone):  # a person before the firm for which it came
        await write.session.execute(statement)
    for table, fresh in new:
        await write.session.execute(insert(table), fresh)
    return bool(new or gone)


async def _wanted(
    write: Write, audition: Audition, given: Mapping[str, Any]
) -> tuple[list[tuple[Any, str, list[dict[str, Any]]]], list[FieldError]]:
    """Each child table with its key and the rows that it should have, and the references that lead nowhere."""
    base = {"audition_id": audition.id, "territory": audition.territory}
    wanted: list[tuple[Any, str, list[dict[str, Any]]]] = []
    faults: list[FieldError] = []

    def missing(name: str, known: set[Any]) -> None:
        faults.extend(NOT_FOUND.at(f"/{name}/{place}") for place, key in enumerate(given[name]) if key not in known)

    f, k = AuditionFirm.__table__, AuditionContact.__table__
    if "sirens" in given:
        t = TerritoryFirm
        followed = select(t.siren).where(t.territory == audition.territory, t.siren.in_(given["sirens"]))
        missing("sirens", set(await write.session.scalars(followed)))
        wanted.append((f, "siren", [{**base, "siren": siren} for siren in given["sirens"]]))
    if given.get("consultant_ids"):
        c = Consultant
        assigned = select(c.id).where(c.territory == audition.territory, c.id.in_(given["consultant_ids"]))
        missing("consultant_ids", set(await write.session.scalars(assigned)))
    if "consultant_ids" in given:
        rows = [{**base, "consultant_id": one} for one in given["consultant_ids"]]
        wanted.append((AuditionConsultant.__table__, "consultant_id", rows))
    if "contact_ids" in given:
        sirens = await _persons(write, audition, given) if given["contact_ids"] else {}
        missing("contact_ids", set(sirens))
        rows = [{**base, "contact_id": one, "siren": sirens[one]} for one in given["contact_ids"] if one in sirens]
        wanted.append((k, "contact_id", rows))
    if "needs" in given:
        rows = [{**base, "position": place, **need.model_dump()} for place, need in enumerate(given["needs"], 1)]
        wanted.append((Need.__table__, "position", rows))
    return wanted, faults


async def _persons(write: Write, audition: Audition, given: Mapping[str, Any]) -> dict[UUID, str]:
    """The contacts among those given who may take part, with the firm for which they come.

    A person who was erased since keeps the place that it has, and gets no new one.
    """
    k, f, p = AuditionContact.__table__.c, AuditionFirm.__table__.c, Contact
    firms: Sequence[str] = given.get("sirens") or list(
        await write.session.scalars(select(f.siren).where(f.audition_id == audition.id))
    )
    here = exists().where(k.audition_id == audition.id, k.contact_id == p.id)
    contacts = select(p.id, p.siren).where(
        p.territory == audition.territory,
        p.id.in_(given["contact_ids"]),
        p.siren.in_(firms),
        or_(p.erased_at.is_(None), here),
    )
    return {row.id: row.siren for row in await write.session.execute(contacts)}


# --- confidential notes ----------------------------------------------------------------------------------------------


async def create_note(write: Write, territory: str, audition_id: UUID, body: schemas.NoteCreate) -> Change:
    """Note what was said in confidence."""
    same_audition = select(Audition.id).where(Audition.id == audition_id, Audition.territory == territory)
    if await write.session.scalar(same_audition) is None:
        raise NotFound
    note = Note(territory=territory, audition_id=audition_id, written_by=write.actor.subject_id, **body.model_dump())
    write.session.add(note)
    await write.session.flush()
    return Change("audition_note.created", NOTES, [note.id], _bound(territory, audition_id))


async def update_note(
    write: Write, territory: str, audition_id: UUID, note_id: UUID, body: schemas.NoteUpdate
) -> Change:
    """Change a note."""
    note = await _note(write, territory, audition_id, note_id)
    changed = merge(note, body)
    return Change("audition_note.updated" if changed else "", NOTES, [note_id], _bound(territory, audition_id))


async def delete_note(write: Write, territory: str, audition_id: UUID, note_id: UUID) -> Change:
    """Delete a note: it counts nowhere, and may hold what a person asks to have erased."""
    note = await _note(write, territory, audition_id, note_id)
    bound = _bound(territory, audition_id)
    gone = await write.see_last(note, NOTES, note_id, bound)
    await write.session.delete(note)
    await write.session.flush()
    return Change("audition_note.deleted", NOTES, [note_id], bound, gone=gone)


async def _note(write: Write, territory: str, audition_id: UUID, note_id: UUID) -> Note:
    note = await write.lock(Note, Note.id == note_id, Note.audition_id == audition_id, Note.territory == territory)
    write.expect(note.version)
    return note


def _bound(territory: str, audition_id: UUID) -> dict[str, Any]:
    return {"territory": territory, "audition_id": audition_id}
