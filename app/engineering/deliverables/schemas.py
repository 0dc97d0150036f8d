"""What travels about deliverables."""

from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import CONFIDENTIAL, Body, CreatedAt, Id, PersonNameOrNull, Read, RecordedAt, UpdatedAt, Version
from app.core.values import BasisPoints, Day, Days, Line, PositiveCents, PositiveDays, Reason, Sha256, Uuid
from app.engineering.deliverables.rules import DeliverableAct, DeliverableKind, DeliverableState
from app.missions.schemas import MissionName

_On = Annotated[
    Day,
    Field(
        description="Paris day of the act: today at the latest, not before the act that it follows; today if absent."
    ),
]
_ReasonOf = Annotated[Reason, Field(description="Why; it is shown in the history of the deliverable.")]
_Kind = Annotated[DeliverableKind, Field(description="What is delivered.")]
_Title = Annotated[Line, Field(description="What the deliverable is called.")]
_DueOn = Annotated[Day, Field(description="Paris day by which the first version is to be delivered.")]
_Weight = Annotated[
    BasisPoints,
    Field(
        ge=1,
        le=10_000,
        description="Share of the mission's deliverables, in basis points, 10 000 for all of them together; null: not"
        " said.",
    ),
]


class DeliverableCreate(Body):
    """A deliverable that a mission orders."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "diagnosis", "title": "Diagnostic du bassin", "due_on": "2023-09-15", "weight_bp": 4_000}
            ]
        }
    )

    kind: _Kind
    title: _Title
    due_on: _DueOn
    weight_bp: _Weight | None = None


class DeliverableUpdate(Body):
    """Fields of a deliverable to change, until a first version is delivered."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"due_on": "2023-09-30"}]})

    elsewhere: ClassVar = {
        "state": tuple(
            f"POST /v1/territories/{{territory}}/missions/{{mission_id}}/deliverables/{{id}}/{act}"
            for act in ("deliver", "verify", "admit", "defer", "admit-with-reduction", "reject")
        )
    }

    kind: _Kind | MISSING = MISSING
    title: _Title | MISSING = MISSING
    due_on: _DueOn | MISSING = MISSING
    weight_bp: _Weight | None | MISSING = MISSING


class Delivery(Body):
    """A version that is delivered: a document by its hash, an adopted roadmap, or the record of a closed meeting."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"document_sha256": "ab" * 32, "on": "2023-09-14"}]})

    document_sha256: (
        Annotated[
            Sha256,
            Field(description="SHA-256 of the document, 64 hexadecimal digits; absent where it is taken from another."),
        ]
        | None
    ) = None
    roadmap_version_id: (
        Annotated[Uuid, Field(description="An adopted version of the roadmap, whose hash the deliverable takes.")]
        | None
    ) = None
    committee_id: (
        Annotated[Uuid, Field(description="A closed meeting, whose record's hash the deliverable takes.")] | None
    ) = None
    on: (
        Annotated[
            Day,
            Field(
                description="Paris day of the delivery, from which the delay to verify counts: today at the latest, not"
                " before the act that it follows or the meeting that the document comes from; today if absent."
            ),
        ]
        | None
    ) = None


class DeliverableActBody(Body):
    """The day of an act."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": "2023-09-20"}]})

    on: _On | None = None


class Rejection(Body):
    """Why a version is rejected."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "It is not about this basin.", "on": "2023-10-02"}]}
    )

    reason: _ReasonOf
    on: _On | None = None


class Deferral(Body):
    """What is to be mended, and by when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reason": "The figures of employment are missing.", "on": "2023-10-16", "until_on": "2023-10-31"}
            ]
        }
    )

    reason: Annotated[Reason, Field(description="What is to be mended; it is shown in the history of the deliverable.")]
    until_on: Annotated[
        Day, Field(description="Paris day by which a mended version is to be delivered: not before the deferral.")
    ]
    on: _On | None = None


class Reduction(Body):
    """What a reduction takes off what may be invoiced, in days or in cents, and why."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reduced_days": 1.5, "reason": "Two of ten interviews were not held."}]}
    )

    reduced_days: Annotated[PositiveDays, Field(description="Man-days taken off; absent: cents are.")] | None = None
    reduced_cents: (
        Annotated[PositiveCents, Field(description="Euro cents taken off, excluding VAT; absent: days are.")] | None
    ) = None
    reason: _ReasonOf
    on: _On | None = None


_ReducedDays = Annotated[
    Days | None, Field(description="Man-days that a reduction takes off what may be invoiced; null where none does.")
]
_ReducedCents = Annotated[
    int | None,
    Field(
        description="Euro cents, excluding VAT, that a reduction takes off what may be invoiced; null where none does,"
        " and for who may not read amounts. No event shows it.",
        json_schema_extra=CONFIDENTIAL,
    ),
]
_DocumentSha256 = Annotated[str | None, Field(description="SHA-256 of the document; null where nothing is delivered.")]
_RoadmapVersionId = Annotated[
    UUID | None, Field(description="The adopted version of the roadmap that it stands on; null where it is another.")
]
_RoadmapNumber = Annotated[int | None, Field(description="Number of that version; null as the id is.")]
_CommitteeId = Annotated[
    UUID | None, Field(description="The closed meeting on whose record it stands; null where it is another document.")
]
_CommitteeHeldOn = Annotated[date | None, Field(description="Paris day of that meeting; null as the id is.")]


class Deliverable(Read):
    """A deliverable of a mission, and how far its last version has come."""

    id: Id
    mission_id: UUID = Field(description="The mission that delivers it.")
    mission_name: MissionName
    kind: DeliverableKind = Field(description="What is delivered.")
    title: str = Field(description="What the deliverable is called.")
    due_on: date = Field(description="Paris day by which the first version was or is to be delivered.")
    weight_bp: int | None = Field(
        description="Share of the mission's deliverables, in basis points; null where it is not said."
    )
    state: DeliverableState = Field(
        description="expected; delivered, then under_verification; admitted, also by silence, admitted_with_reduction,"
        " deferred or rejected: of these last two a new version can be delivered."
    )
    by_silence: bool = Field(description="Whether silence has admitted it: nobody decided within the delay.")
    document_version: int | None = Field(description="Which version was delivered last, from 1; null where none was.")
    document_sha256: _DocumentSha256
    roadmap_version_id: _RoadmapVersionId
    roadmap_version_number: _RoadmapNumber
    committee_id: _CommitteeId
    committee_held_on: _CommitteeHeldOn
    delivered_on: date | None = Field(description="Paris day on which that version was delivered; null: none was.")
    delivered_by: UUID | None = Field(description="Who delivered it; null: nothing was delivered.")
    delivered_by_name: PersonNameOrNull = Field(description="Present name of that subject; null as the id is.")
    verification_ends_on: date | None = Field(
        description="Last Paris day to verify that version; silence admits it the day after. Null: none was delivered."
    )
    silence_on: date | None = Field(
        description="Paris day on which silence admits it if nobody decides; null where no delay runs."
    )
    awaited_on: date | None = Field(
        description="Paris day by which a version is awaited: the first, or a mended one; null where none is."
    )
    late: bool = Field(description="Whether that day is over.")
    late_on: date | None = Field(
        description="Paris day from which it was last told to be late, by an event; null where it never was."
    )
    decided_on: date | None = Field(
        description="Paris day on which the last version was decided, be it by silence; null where it is not."
    )
    decided_by: UUID | None = Field(description="The person who decided; null where nobody did.")
    decided_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    reason: str | None = Field(
        description="Why it is deferred (what is to be mended), reduced or rejected; null in other states."
    )
    reduced_days: _ReducedDays
    reduced_cents: _ReducedCents
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class DeliverablePassage(Read):
    """An act on a deliverable, as it was recorded."""

    number: int = Field(description="Place of the act in the history of the deliverable, from 1.", ge=1)
    deliverable_id: UUID = Field(description="The deliverable on which it was done.")
    deliverable_title: str = Field(description="What the deliverable is called.")
    act: DeliverableAct = Field(
        description="What was done; silence_admits: nobody decided in time; reverse_silence: an act that was done in"
        " time was recorded after that, and the silence no longer counts."
    )
    from_state: DeliverableState = Field(description="State of the deliverable before the act.")
    to_state: DeliverableState = Field(description="State of the deliverable after the act.")
    effective_on: date = Field(description="Paris day of the act, or on which silence took effect.")
    reverses_number: int | None = Field(description="Number of the silence that this reverses; null for other acts.")
    reversed: bool = Field(description="Whether this is a silence that a later act has reversed.")
    reason: str | None = Field(description="Why; null where the act gives no reason.")
    document_version: int | None = Field(description="Which version is delivered, from 1; null for other acts.")
    document_sha256: _DocumentSha256
    roadmap_version_id: _RoadmapVersionId
    roadmap_version_number: _RoadmapNumber
    committee_id: _CommitteeId
    committee_held_on: _CommitteeHeldOn
    verification_ends_on: date | None = Field(
        description="Last Paris day to verify the version that is delivered; null for other acts."
    )
    until_on: date | None = Field(
        description="Paris day by which a deferral awaits a mended version; null for other acts."
    )
    reduced_days: _ReducedDays
    reduced_cents: _ReducedCents
    recorded_by: UUID | None = Field(description="Who recorded it; null where the service did.")
    recorded_by_name: PersonNameOrNull = Field(
        description="Present name of who recorded it; null where the service did."
    )
    recorded_at: RecordedAt


class LateDeliverable(Read):
    """A deliverable of which a version is awaited since a day that is over."""

    id: UUID = Field(description="The deliverable.")
    title: str = Field(description="What the deliverable is called.")
    kind: DeliverableKind = Field(description="What is delivered.")
    mission_id: UUID = Field(description="The mission that delivers it.")
    mission_name: MissionName
    awaited_on: date = Field(description="Paris day by which a version was awaited.")
    days_late: int = Field(description="Calendar days from that day to `as_of`.", ge=1)


class DeliverablesFollowUp(Read):
    """How many deliverables are in each state at the end of `as_of`, and those that are late."""

    total: int = Field(description="Number of deliverables that are ordered.", ge=0)
    expected: int = Field(description="Number of those of which no version was delivered.", ge=0)
    delivered: int = Field(description="Number of those whose last version waits for its verification.", ge=0)
    under_verification: int = Field(description="Number of those whose last version is being verified.", ge=0)
    admitted: int = Field(description="Number of those admitted, by silence too.", ge=0)
    deferred: int = Field(description="Number of those of which a mended version is awaited.", ge=0)
    admitted_with_reduction: int = Field(description="Number of those admitted with a reduction.", ge=0)
    rejected: int = Field(description="Number of those whose last version was rejected.", ge=0)
    late: list[LateDeliverable] = Field(description="Those that are late, the oldest first.")
