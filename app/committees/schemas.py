"""What travels about committees."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field
from pydantic.config import JsonValue

from app.committees.rules import Attendance, CommitteeStatus, Level, MemberKind
from app.core.faults import Fault
from app.core.schemas import PERSONAL, Body, Read
from app.core.values import Day, ExternalId, Instant, Line, Reason, Text

TOO_MANY_CHAIRS = Fault(
    "too_many_chairs",
    en="At most two members can chair a meeting.",
    fr="Deux membres au plus peuvent présider une réunion.",
)

_MEMBERS: list[JsonValue] = [
    {"kind": "person", "name": "Camille Exemple (demonstration)", "function": "sous-préfecture d'Alès", "chair": True},
    {"kind": "organisation", "name": "Région Occitanie", "chair": True, "attendance": "represented"},
    {"kind": "organisation", "name": "Banque des territoires", "attendance": "excused"},
]  # fmt: skip


class CommitteeMember(Body):
    """Who sits at the meeting: a person, or an organisation whoever speaks for it. One or two preside."""

    kind: MemberKind
    name: Line
    function: Line | None = None
    chair: bool = False
    attendance: Attendance | None = None


def _seated(members: list[CommitteeMember]) -> list[CommitteeMember]:
    if sum(member.chair for member in members) > 2:
        raise TOO_MANY_CHAIRS.error()
    return members


Members = Annotated[list[CommitteeMember], Field(min_length=1, max_length=100), AfterValidator(_seated)]
Quorum = Annotated[int, Field(strict=True, ge=1, le=100)]


class CommitteeCreate(Body):
    """A meeting that is planned. Without `quorum` the committee needs none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"level": "territorial", "planned_at": "2023-10-03T12:00:00Z", "place": "Alès", "quorum": 2,
                 "members": _MEMBERS}
            ]
        }
    )  # fmt: skip

    level: Level
    planned_at: Instant
    place: Line | None = None
    quorum: Quorum | None = None
    members: Members
    external_id: ExternalId | None = None


class CommitteeUpdate(Body):
    """Fields of a meeting to change until it is closed. `members` is replaced whole, attendance included.

    `held_at`, `minutes` and `minutes_adopted_on` belong to a meeting that was held.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"minutes": "La feuille de route est adoptée.", "minutes_adopted_on": "2023-10-20"}]
        }
    )

    planned_at: Instant | MISSING = MISSING
    held_at: Instant | MISSING = MISSING
    place: Line | None | MISSING = MISSING
    quorum: Quorum | None | MISSING = MISSING
    members: Members | MISSING = MISSING
    minutes: Text | None | MISSING = MISSING
    minutes_adopted_on: Day | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class CommitteeHold(Body):
    """When the meeting was held, and who came (`members` replaces the list; absent, it stays)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"held_at": "2023-10-03T12:10:00Z", "members": _MEMBERS}]}
    )

    held_at: Instant
    members: Members | MISSING = MISSING


class CommitteeCancel(Body):
    """Why the meeting is not held."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Postponed by the préfecture."}]})

    reason: Reason


class MemberRead(Read):
    """A seat at the meeting."""

    kind: MemberKind
    name: str
    function: str | None
    chair: bool
    attendance: Attendance | None


class Committee(Read):
    """A meeting of a committee.

    `members_attending` counts who is present or represented; `quorum_reached` is null where there is no quorum, or
    nobody's attendance is recorded yet. A member who gave a mandate counts (code des relations entre le public et
    l'administration, art. R. 133-10).
    """

    id: UUID
    territory: str
    level: Level
    status: CommitteeStatus
    planned_at: datetime
    held_at: datetime | None
    place: str | None
    members: Annotated[list[MemberRead], Field(json_schema_extra=PERSONAL)]
    members_total: int
    members_attending: int
    quorum: int | None
    quorum_reached: bool | None
    reason: Annotated[str | None, Field(json_schema_extra=PERSONAL)]
    minutes: Annotated[str | None, Field(json_schema_extra=PERSONAL)]
    minutes_adopted_on: date | None
    closed_by: UUID | None
    closed_at: datetime | None
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime
