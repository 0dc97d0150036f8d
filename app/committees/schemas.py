"""What travels about committees."""

from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field
from pydantic.config import JsonValue

from app.committees.rules import Attendance, CommitteeStatus, Level, MemberKind
from app.core.faults import Fault
from app.core.schemas import (
    PERSONAL,
    Body,
    ContentHashOrNull,
    CreatedAt,
    ExternalName,
    Id,
    PersonalText,
    PersonNameOrNull,
    Read,
    UpdatedAt,
    Version,
)
from app.core.values import Day, ExternalId, Instant, Line, Reason, Text, TrueOrFalse, Uuid
from app.programme.schemas import TerritorySlug

TOO_MANY_CHAIRS = Fault(
    "too_many_chairs",
    en="At most two members can chair a meeting.",
    fr="Deux membres au plus peuvent présider une réunion.",
)
NO_PERSON = Fault(
    "no_person",
    en="Only a member whose kind is person can have a subject_id.",
    fr="Seul un membre dont le kind est person peut avoir un subject_id.",
)
SEATED_TWICE = Fault(
    "seated_twice",
    en="A person can have only one seat at a meeting.",
    fr="Une personne ne peut avoir qu'un siège à une réunion.",
)

_MEMBERS: list[JsonValue] = [
    {"kind": "person", "name": "Camille Exemple (demonstration)", "function": "sous-préfecture d'Alès", "chair": True},
    {"kind": "organisation", "name": "Région Occitanie", "chair": True, "attendance": "represented"},
    {"kind": "organisation", "name": "Banque des territoires", "attendance": "excused"},
]


class CommitteeMember(Body):
    """A seat at the meeting: of a person, or of an organisation whoever represents it."""

    kind: MemberKind
    name: Annotated[
        Line, Field(description="Name of the person or of the organisation that has the seat, as the record shows it.")
    ]
    subject_id: (
        Annotated[Uuid, Field(description="The person, of those who have a key here; absent or null: somebody else.")]
        | None
    ) = None
    subject_name: Annotated[Line, Field(description="Ignored: members can be sent back as they were read.")] | None = (
        Field(default=None, exclude=True)
    )
    function: (
        Annotated[Line, Field(description="What the member represents, such as sous-préfecture d'Alès.")] | None
    ) = None
    chair: Annotated[
        TrueOrFalse, Field(description="Whether this member presides; at most two members of a meeting do.")
    ] = False
    attendance: (
        Annotated[Attendance, Field(description="How the member took part; absent or null: not recorded yet.")] | None
    ) = None


def _seated(members: list[CommitteeMember]) -> list[CommitteeMember]:
    if sum(member.chair for member in members) > 2:
        raise TOO_MANY_CHAIRS.error()
    if any(member.subject_id is not None and member.kind is not MemberKind.PERSON for member in members):
        raise NO_PERSON.error()
    persons = [member.subject_id for member in members if member.subject_id is not None]
    if len(set(persons)) < len(persons):
        raise SEATED_TWICE.error()
    return members


Members = Annotated[list[CommitteeMember], Field(min_length=1, max_length=100), AfterValidator(_seated)]
Quorum = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=100,
        description="Members present or represented that the meeting needs; absent or null: it needs none.",
    ),
]

_PlannedAt = Annotated[Instant, Field(description="Instant for which the members are invited.")]
_HeldAt = Annotated[Instant, Field(description="Instant at which the meeting began; it cannot be in the future.")]
_Minutes = Annotated[Text, Field(description="What was said and decided; personal data, which no event shows.")]
_AdoptedOn = Annotated[
    Day, Field(description="Paris day on which the minutes were adopted, from the day of the meeting until today.")
]
_Place = Annotated[Line, Field(description="Where the members meet, such as Alès, hôtel de ville.")]
_Members = Annotated[
    Members, Field(description="Everybody who has a seat, in the order of the list; it replaces the whole list.")
]


class CommitteeCreate(Body):
    """A meeting that is planned, or one that was held already: `held_at` says so, and its record can come with it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"level": "territorial", "planned_at": "2023-10-03T12:00:00Z", "place": "Alès", "quorum": 2,
                 "members": _MEMBERS}
            ]
        }
    )  # fmt: skip

    level: Level
    planned_at: _PlannedAt
    place: _Place | None = None
    quorum: Quorum | None = None
    members: Annotated[Members, Field(description="Everybody who has a seat at the meeting, in the order of the list.")]
    held_at: _HeldAt | MISSING = MISSING
    minutes: _Minutes | MISSING = MISSING
    minutes_adopted_on: _AdoptedOn | MISSING = MISSING
    external_id: ExternalId | None = None


class CommitteeUpdate(Body):
    """Fields of a meeting to change until it is closed.

    `held_at`, `minutes` and `minutes_adopted_on` belong to a meeting that was held.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"minutes": "La feuille de route est adoptée.", "minutes_adopted_on": "2023-10-20"}]
        }
    )

    elsewhere: ClassVar = {
        "status": (
            "POST /v1/territories/{territory}/committees/{id}/hold",
            "POST /v1/territories/{territory}/committees/{id}/cancel",
            "POST /v1/territories/{territory}/committees/{id}/close",
        )
    }

    planned_at: _PlannedAt | MISSING = MISSING
    held_at: _HeldAt | MISSING = MISSING
    place: _Place | None | MISSING = MISSING
    quorum: Quorum | None | MISSING = MISSING
    members: _Members | MISSING = MISSING
    minutes: _Minutes | None | MISSING = MISSING
    minutes_adopted_on: _AdoptedOn | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class CommitteeHold(Body):
    """When the meeting was held, who came, and its minutes where they are adopted already."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"held_at": "2023-10-03T12:10:00Z", "members": _MEMBERS}]}
    )

    held_at: _HeldAt
    members: Annotated[Members, Field(description="The seats with their attendance; absent: they stay.")] | MISSING = (
        MISSING
    )
    minutes: _Minutes | MISSING = MISSING
    minutes_adopted_on: _AdoptedOn | MISSING = MISSING


class CommitteeCancel(Body):
    """Why the meeting is not held."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Postponed by the préfecture."}]})

    reason: Annotated[Reason, Field(description="Why the meeting is not held; personal data, which no event shows.")]


class MemberRead(Read):
    """A seat at the meeting."""

    kind: MemberKind = Field(
        description="Whether the seat belongs to a person, or to an organisation whoever represents it."
    )
    name: str = Field(
        description="Name of the person or of the organisation that has the seat, as the record shows it."
    )
    subject_id: UUID | None = Field(description="The person, where one of those known here; null of all others.")
    subject_name: PersonNameOrNull = Field(description="Present name of the person of subject_id.")
    function: str | None = Field(description="What the member represents; null where the name is enough.")
    chair: bool = Field(description="Whether this member presides; one or two members of a held meeting do.")
    attendance: Attendance | None = Field(description="How the member took part; null until it is recorded.")


class Committee(Read):
    """A meeting of a committee."""

    id: Id
    territory: TerritorySlug
    level: Level = Field(description="Which committee meets; it cannot change.")
    status: CommitteeStatus = Field(
        description="planned, then held and closed, or cancelled; closed and cancelled meetings never change."
    )
    planned_at: datetime = Field(description="Instant in UTC for which the members were invited.")
    held_at: datetime | None = Field(description="Instant in UTC at which the meeting began; null until it was held.")
    place: str | None = Field(description="Where the members meet; null where it is not said.")
    members: list[MemberRead] = Field(
        json_schema_extra=PERSONAL, description="Everybody who has a seat, in the order of the list that was sent."
    )
    members_total: int = Field(description="Number of seats, whether their holders came or not.")
    members_attending: int = Field(
        description="Number of members present or represented. A member who gave a mandate counts (code des relations"
        " entre le public et l'administration, art. R. 133-10)."
    )
    quorum: int | None = Field(description="Number of members attending that the meeting needs; null: it needs none.")
    quorum_reached: bool | None = Field(
        description="Whether members_attending reaches the quorum; null where there is no quorum, or while nobody's"
        " attendance is recorded."
    )
    reason: PersonalText = Field(description="Why the meeting was cancelled; null for every other state.")
    minutes: PersonalText = Field(description="What was said and decided; null until somebody records it.")
    minutes_adopted_on: date | None = Field(description="Paris day on which the minutes were adopted; null before.")
    closed_by: UUID | None = Field(description="Person of the committee who closed the record; null before.")
    closed_by_name: PersonNameOrNull = Field(description="Present name of the person of closed_by.")
    closed_at: datetime | None = Field(description="Instant in UTC at which the record was closed; null before.")
    record_hash: ContentHashOrNull = Field(
        description="SHA-256 of the sealed record, 64 hexadecimal digits, as `…/record` has it; null until it is"
        " closed."
    )
    external_id: ExternalName
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
