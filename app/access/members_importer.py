"""Roles from a file. One that decides, pays or administers is proposed, whoever imports it: a file grants none."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import model_validator
from sqlalchemy import select

from app.access import queries, schemas, service
from app.access.importer import PERSONS_FIRST
from app.access.models import Member, Subject
from app.access.rules import Role
from app.core.faults import Fault
from app.core.messages import NOT_FOUND
from app.core.schemas import Body
from app.core.values import Day, Email, Slug, Uuid
from app.core.writing import cells
from app.core.writing.importing import FileLine, Heading, Importer, LineFault, Outcome, coded, given, together
from app.core.writing.writes import Change, Write

SUBJECT_MISSING = Fault(
    "subject_missing",
    en="The line must name a person by the e-mail address, or a person or program by subject_id.",
    fr="La ligne doit désigner une personne par son adresse électronique, ou une personne ou un programme par"
    " subject_id.",
)
ROLES = {
    "Programme": "programme", "Opérateur": "operator", "Consultant": "consultant", "Mandataire": "lead",
    "Territoire": "territory", "Financeur": "funder", "Comptable": "treasurer", "Comité": "committee",
    "Auditeur": "auditor", "Administrateur": "admin",
}  # fmt: skip


class MemberLine(Body):
    """A role of a person whom an e-mail address names, or of a subject."""

    id: Uuid | None = None
    subject_id: Uuid | None = None
    email: Email | None = None
    role: Role
    territory: Slug | None = None
    from_on: Day
    to_on: Day | None = None

    @model_validator(mode="after")
    def _named(self) -> "MemberLine":
        if self.subject_id is None and self.email is None:
            raise SUBJECT_MISSING.error()
        return self


async def _subjects(write: Write, lines: Sequence[FileLine]) -> dict[Any, UUID]:
    """The subjects of the lines, by their ids and addresses."""
    named = {line.item.subject_id for line in lines}, {line.item.email for line in lines}
    s = Subject
    rows = await write.session.execute(
        select(s.id, s.email).where(s.id.in_(named[0] - {None}) | s.email.in_(named[1] - {None}))
    )
    return {name: row.id for row in rows for name in (row.id, row.email) if name is not None}


async def _check(write: Write, _place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
    subjects = await _subjects(write, lines)
    slugs = sorted({line.item.territory for line in lines} - {None})
    unknown = {slugs[place] for place in await service.unknown_territories(write, slugs)}
    faults = []
    for line in lines:
        name = "subject_id" if line.item.subject_id is not None else "email"
        if getattr(line.item, name) not in subjects:
            faults.append(LineFault(line.number, name, NOT_FOUND.at("")))
        if line.item.territory in unknown:
            faults.append(LineFault(line.number, "territory", NOT_FOUND.at("")))
    return faults


async def _apply(write: Write, _place: str | None, lines: Sequence[FileLine]) -> Outcome:
    subjects = await _subjects(write, lines)
    changes = [await _put(write, subjects[line.item.subject_id or line.item.email], line.item) for line in lines]
    created = sum(change.type.endswith(".created") for change in changes)
    unchanged = sum(not change.type for change in changes)
    return Outcome(
        together(change for change in changes if change.type), created, len(lines) - created - unchanged, unchanged
    )


async def _put(write: Write, subject_id: UUID, item: MemberLine) -> Change:
    """The role from this day, which is given its last day; else a new one."""
    m = Member
    same = m.territory == item.territory if item.territory else m.territory.is_(None)
    held = select(m.id).where(m.subject_id == subject_id, m.role == item.role, same, m.from_on == item.from_on)
    member_id = await write.session.scalar(held)
    if member_id is not None:
        return await service.update_member(write, member_id, schemas.MemberUpdate(to_on=item.to_on))
    body = schemas.MemberCreate(**given(item, schemas.MemberCreate.model_fields) | {"subject_id": subject_id})
    return await service.create_member(write, body, grants=False)


MEMBERS = Importer(
    kind="members",
    permission="members:write",
    national=True,
    schema=MemberLine,
    key=["id", "subject_id", "email", "role", "territory", "from_on"],
    listing=queries.MEMBERS,
    columns=[
        Heading("id", cells.plain),
        Heading("subject_id", cells.plain, ["identifiant du sujet"]),
        Heading("email", cells.plain, ["courriel", "e-mail", "mail", "adresse électronique"], first=PERSONS_FIRST),
        Heading("role", coded(ROLES), ["rôle"], required=True),
        Heading("territory", cells.plain, ["territoire"]),
        Heading("from_on", cells.day, ["à partir du", "depuis le", "début"], required=True),
        Heading("to_on", cells.day, ["jusqu'au", "fin"]),
    ],
    check=_check,
    apply=_apply,
)
