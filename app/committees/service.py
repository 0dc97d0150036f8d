"""Writes of committees: planned, held, closed. What is closed never changes."""

from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select

from app.access.duties import WRITES_CLOSES, with_author
from app.access.models import Subject
from app.access.rules import SubjectKind
from app.committees import rules, schemas
from app.committees.models import Committee, CommitteeMember
from app.committees.queries import COMMITTEES
from app.committees.rules import OVER, CommitteeAction, CommitteeStatus
from app.core.db import touch
from app.core.faults import Fault
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound, ValidationFailed
from app.core.writing.writes import Change, Write, given, put

FUTURE_INSTANT = Fault(
    "future_instant",
    en="The time must not be in the future.",
    fr="L'heure ne doit pas être dans le futur.",
)

MINUTES = {"minutes", "minutes_adopted_on"}  # who writes these does not close the meeting
RECORD = {"held_at", *MINUTES}  # what a meeting has that was held

_SEATS: Any = CommitteeMember.__table__


async def create_committee(write: Write, territory: str, body: schemas.CommitteeCreate) -> Change:
    """Plan a meeting, or record one that was held.

    Raises `already-exists` for a known `external_id`, `reference-not-found` (404) for an unknown person of the members,
    and what `hold` raises where the body says when it was held.
    """
    values = given(body)
    record = {name: values.pop(name) for name in RECORD if name in values}
    members = values.pop("members")
    meeting = Committee(territory=territory, status=CommitteeStatus.PLANNED, **values)
    write.session.add(meeting)
    await write.session.flush()
    await _seat(write, meeting, members)
    if "held_at" in record:
        meeting.status = rules.next_status(CommitteeAction.HOLD, CommitteeStatus.PLANNED)
    _record(write, meeting, record)
    return Change("committee.created", COMMITTEES, [meeting.id], {"territory": territory})


async def update_committee(write: Write, territory: str, committee_id: UUID, body: schemas.CommitteeUpdate) -> Change:
    """Change a meeting that is not over. Raises `meeting-closed`, and the problems of incomplete minutes (409)."""
    meeting = await _meeting(write, territory, committee_id)
    if meeting.status in OVER:
        raise rules.MeetingClosed
    changed = await _put(write, meeting, body)
    return Change("committee.updated" if changed else "", COMMITTEES, [committee_id], {"territory": territory})


async def hold(write: Write, territory: str, committee_id: UUID, body: schemas.CommitteeHold) -> Change:
    """Record that the meeting was held. Raises `meeting-transition`, `chair-missing` (409)."""
    meeting = await _meeting(write, territory, committee_id)
    held = rules.next_status(CommitteeAction.HOLD, CommitteeStatus(meeting.status))
    await _put(write, meeting, body)
    meeting.status = held
    return Change("committee.held", COMMITTEES, [committee_id], {"territory": territory})


async def cancel(write: Write, territory: str, committee_id: UUID, reason: str) -> Change:
    """Cancel a planned meeting. Raises `meeting-transition` (409)."""
    meeting = await _meeting(write, territory, committee_id)
    meeting.status = rules.next_status(CommitteeAction.CANCEL, CommitteeStatus(meeting.status))
    meeting.reason = reason
    return Change("committee.cancelled", COMMITTEES, [committee_id], {"territory": territory})


async def close(write: Write, territory: str, committee_id: UUID) -> Change:
    """Close the record for good, as a person of the committee who did not write the minutes.

    Raises `person-required`, `email-missing`, `writer-closes` (403), `meeting-transition`, `attendance-missing`,
    `minutes-missing` (409).
    """
    meeting = await _meeting(write, territory, committee_id)
    closed_by = WRITES_CLOSES.separate(write.actor, meeting.minutes_authors)
    meeting.status = rules.next_status(CommitteeAction.CLOSE, CommitteeStatus(meeting.status))
    meeting.closed_by, meeting.closed_at = closed_by, write.now
    return Change("committee.closed", COMMITTEES, [committee_id], {"territory": territory})


async def _meeting(write: Write, territory: str, committee_id: UUID) -> Committee:
    """The meeting in the version that the caller expects, held."""
    meeting = await write.lock(Committee, Committee.id == committee_id, Committee.territory == territory)
    write.expect(meeting.version)
    return meeting


async def _put(write: Write, meeting: Committee, body: schemas.CommitteeUpdate | schemas.CommitteeHold) -> bool:
    """Put what the body gives onto the meeting; whether anything changed. The seats come first: the meeting's guard
    looks at them.
    """
    values = given(body)
    members = values.pop("members", None)
    reseated = members is not None and await _reseated(write, meeting, members)
    changed = _record(write, meeting, values)
    if reseated:
        touch(meeting)
    return changed or reseated


def _record(write: Write, meeting: Committee, values: dict[str, Any]) -> bool:
    """Put the values onto the meeting, and name the authors of its minutes; whether anything changed."""
    held_at = values.get("held_at")
    if held_at is not None and held_at > write.now:
        raise ValidationFailed(errors=[FUTURE_INSTANT.at("/held_at")])
    changed = put(meeting, values)
    if MINUTES & changed.keys():
        meeting.minutes_authors = with_author(meeting.minutes_authors or [], write.actor)
    return bool(changed)


async def _reseated(write: Write, meeting: Committee, members: list[schemas.CommitteeMember]) -> bool:
    """Replace the list of members where it differs."""
    wanted = _seats(meeting, members)
    known = await write.session.execute(
        select(_SEATS).where(_SEATS.c.committee_id == meeting.id).order_by(_SEATS.c.position)
    )
    if [{name: row[name] for name in wanted[0]} for row in known.mappings()] == wanted:
        return False
    await write.session.execute(delete(_SEATS).where(_SEATS.c.committee_id == meeting.id))
    await _seat(write, meeting, members)
    return True


async def _seat(write: Write, meeting: Committee, members: list[schemas.CommitteeMember]) -> None:
    """Give the members their seats. Raises `reference-not-found` (404) for a person who is not known."""
    asked = {member.subject_id for member in members if member.subject_id is not None}
    if asked:
        s = Subject
        known = set(await write.session.scalars(select(s.id).where(s.id.in_(asked), s.kind == SubjectKind.PERSON)))
        unknown = [place for place, member in enumerate(members) if member.subject_id in asked - known]
        if unknown:
            raise ReferenceNotFound(errors=[NOT_FOUND.at(f"/members/{place}/subject_id") for place in unknown])
    await write.session.execute(insert(_SEATS), _seats(meeting, members))


def _seats(meeting: Committee, members: list[schemas.CommitteeMember]) -> list[dict[str, Any]]:
    """The rows of the members, in their order; the chairs are numbered."""
    chairs = count(1)
    return [
        {
            "committee_id": meeting.id,
            "position": position,
            "territory": meeting.territory,
            **member.model_dump(),
            "chair": next(chairs) if member.chair else None,
        }
        for position, member in enumerate(members, 1)
    ]
