"""Meetings of committees from a file: planned ones, and with the time at which they began those that were held."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, model_validator
from sqlalchemy import ColumnElement, select

from app.committees import queries, schemas, service
from app.committees.models import Committee, CommitteeMember
from app.committees.rules import CommitteeStatus, Level, MemberKind
from app.core.faults import Fault
from app.core.problems import ValidationFailed
from app.core.schemas import Body
from app.core.values import Day, ExternalId, Instant, Line, Text, Uuid
from app.core.writing import cells
from app.core.writing.importing import Heading, Importer, coded, given
from app.core.writing.upserts import Upsert
from app.core.writing.writes import Change, Write

MISSING_TIME = Fault(
    "missing_time",
    en="The line must say for when the meeting is planned: the day and the time in Paris, or planned_at in UTC.",
    fr="La ligne doit dire pour quand la réunion est prévue : le jour et l'heure à Paris, ou planned_at en UTC.",
)
MISSING_MEMBERS = Fault(
    "missing_members",
    en="A new meeting has members: give who presides and the others, or the members as in an export.",
    fr="Une nouvelle réunion a des membres : donnez la présidence et les autres membres, ou les membres comme dans un"
    " export.",
)
LEVELS = {
    "Territoire": "territorial", "Territorial": "territorial", "État-Région": "state_region",
    "État et Région": "state_region",
}  # fmt: skip
KINDS = {"Personne": "person", "Organisme": "organisation", "Organisation": "organisation"}
ATTENDANCE = {
    "Présent": "present", "Présente": "present", "Représenté": "represented", "Représentée": "represented",
    "Excusé": "excused", "Excusée": "excused", "Absent": "absent", "Absente": "absent",
}  # fmt: skip
_PARIS_TIMES = {"planned": "planned_at", "held": "held_at"}


class CommitteeLine(Body):
    """A meeting; `planned` and `held` are Paris times, where `planned_at` and `held_at` are in UTC.

    Its members stand as in our exports, or by their names alone: who presides, and the others.
    """

    id: Uuid | None = None
    level: Level
    planned_at: Instant | None = None
    planned: Instant | None = None
    held_at: Instant | None = None
    held: Instant | None = None
    place: Line | None = None
    quorum: schemas.Quorum | None = None
    members: schemas.Members | None = None
    chairs: list[Line] | None = Field(None, min_length=1, max_length=2)
    others: list[Line] | None = Field(None, min_length=1, max_length=98)
    minutes: Text | None = None
    minutes_adopted_on: Day | None = None
    external_id: ExternalId | None = None

    @model_validator(mode="before")
    @classmethod
    def _times(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The Paris times are the instants, where these are not given."""
        rest = {name: value for name, value in values.items() if name not in _PARIS_TIMES}
        return {at: values[said] for said, at in _PARIS_TIMES.items() if said in values} | rest

    @model_validator(mode="after")
    def _planned(self) -> "CommitteeLine":
        if self.planned_at is None:
            raise MISSING_TIME.error()
        return self

    def seats(self) -> dict[str, Any]:
        """The members, where the line gives any."""
        if self.members is not None:
            return {"members": self.members}
        named = [(name, True) for name in self.chairs or ()] + [(name, False) for name in self.others or ()]
        members = [schemas.CommitteeMember(kind=MemberKind.PERSON, name=name, chair=chair) for name, chair in named]
        return {"members": members} if members else {}


def _known(_place: Any, item: CommitteeLine) -> Sequence[ColumnElement[bool]]:
    """That of this external id, else of this level and time."""
    c = Committee
    if item.external_id is not None:
        return [c.external_id == item.external_id]
    return [c.level == item.level, c.planned_at == item.planned_at]


async def _create(write: Write, place: str, item: CommitteeLine) -> Change:
    fields = given(item, schemas.CommitteeCreate.model_fields) | item.seats()
    if "members" not in fields:
        raise ValidationFailed(errors=[MISSING_MEMBERS.at("/chairs")])
    return await service.create_committee(write, place, schemas.CommitteeCreate(**fields))


async def _update(write: Write, place: str, key: Any, item: CommitteeLine) -> list[Change]:
    """What the line says of a meeting: that it was held, where it was planned, and then the rest."""
    known = await write.session.get_one(Committee, key)
    seats = item.seats()
    if item.members is None and seats and await _has(write, key, seats["members"]):
        seats = {}
    changes = []
    if item.held_at is not None and known.status == CommitteeStatus.PLANNED:
        body = schemas.CommitteeHold(**given(item, schemas.CommitteeHold.model_fields) | seats)
        changes.append(await service.hold(write, place, key, body))
        await write.session.flush()
    update = schemas.CommitteeUpdate(**given(item, schemas.CommitteeUpdate.model_fields) | seats)
    return [*changes, await service.update_committee(write, place, key, update)]


async def _has(write: Write, key: Any, members: Sequence[schemas.CommitteeMember]) -> bool:
    """Whether the meeting has members of these names already, with the same chairs: their attendance stays."""
    m = CommitteeMember
    rows = await write.session.execute(select(m.name, m.chair).where(m.committee_id == key).order_by(m.position))
    return [(row.name, row.chair is not None) for row in rows] == [(each.name, each.chair) for each in members]


_COMMITTEES = Upsert(
    key=Committee.id,
    listing=queries.COMMITTEES,
    known=_known,
    create=_create,
    update=_update,
    fixed=["level"],
    stands=Committee.status != CommitteeStatus.CANCELLED,
)
COMMITTEES_FILE = Importer(
    kind="committees",
    permission="committees:write",
    schema=CommitteeLine,
    key=["id", "external_id", "level", "planned_at", "planned"],
    listing=queries.COMMITTEES,
    columns=[
        Heading("id", cells.plain),
        Heading("level", coded(LEVELS), ["niveau", "comité"], required=True),
        Heading("planned_at", cells.instant),
        Heading("planned", cells.paris_time, ["prévu le", "date", "date et heure"], required=True,
                fr="Prévu le (heure de Paris)", en="Planned (Paris time)", unless="planned_at"),
        Heading("held_at", cells.instant),
        Heading("held", cells.paris_time, ["tenu le", "réuni le"], fr="Tenu le (heure de Paris)",
                en="Held (Paris time)"),
        Heading("place", cells.plain, ["lieu"]),
        Heading("quorum", cells.whole, ["quorum"]),
        Heading("chairs", cells.parts, ["présidence", "présidents"]),
        Heading("others", cells.parts, ["autres membres"]),
        Heading("members.kind", cells.each(coded(KINDS)), ["membres : nature"]),
        Heading("members.name", cells.each(cells.plain), ["membres : nom"]),
        Heading("members.subject_id", cells.each(cells.plain), ["membres : personne"]),
        Heading("members.function", cells.each(cells.plain), ["membres : fonction"]),
        Heading("members.chair", cells.each(cells.truth), ["membres : présidence"]),
        Heading("members.attendance", cells.each(coded(ATTENDANCE)), ["membres : présence"]),
        Heading("minutes", cells.plain, ["procès-verbal", "compte rendu"]),
        Heading("minutes_adopted_on", cells.day, ["procès-verbal adopté le"]),
        Heading("external_id", cells.plain, ["identifiant externe"]),
    ],
    check=_COMMITTEES.check,
    locks=_COMMITTEES.locks,
    apply=_COMMITTEES.apply,
)  # fmt: skip
