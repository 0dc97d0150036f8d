"""What travels about auditions."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field
from pydantic.config import JsonDict

from app.auditions.rules import AuditionFollowUp, AuditionKind, AuditionStatus, NeedCategory
from app.core.faults import Fault
from app.core.schemas import (
    PERSONAL,
    Body,
    CreatedAt,
    ExternalName,
    Id,
    PersonalText,
    PersonNameOrNull,
    Read,
    UpdatedAt,
    Version,
)
from app.core.values import Day, ExternalId, Line, Reason, Siren, Text, Uuid
from app.firms.contacts.models import ErasureCause, LegalBasis, Purpose
from app.firms.schemas import FirmName
from app.programme.schemas import TerritorySlug

REPEATED_ITEM = Fault(
    "repeated_item",
    en="An item can appear only once in the list.",
    fr="Un élément ne peut figurer qu'une fois dans la liste.",
)


def _once(items: list[Any]) -> list[Any]:
    if len(set(items)) != len(items):
        raise REPEATED_ITEM.error()
    return items


_Kind = Annotated[AuditionKind, Field(description="How the firms are met.")]
_Sirens = Annotated[
    list[Siren],
    Field(
        min_length=1, max_length=50, description="SIREN of each firm that is met; the territory follows all of them."
    ),
    AfterValidator(_once),
]
_Ids = Annotated[list[Uuid], Field(max_length=100), AfterValidator(_once)]
_ConsultantIds = Annotated[
    _Ids, Field(description="Assignments (`T/consultants`) of the consultants who take part, of any mission here.")
]
_ContactIds = Annotated[_Ids, Field(description="Contacts (`T/contacts`) of the firms that are met who take part.")]
_MissionId = Annotated[
    Uuid, Field(description="The mission of engineering that the audition is a part of; null: none.")
]
_PlannedOn = Annotated[Day, Field(description="Paris day for which the audition is planned.")]
_HeldOn = Annotated[Day, Field(description="Paris day on which it was held; today at the latest.")]
_Place = Annotated[Line, Field(description="Where the firms are met, in free text.")]
_Findings = Annotated[
    Text, Field(description="What was found at the firms, once it was held. It enters no event: it may name people.")
]
_FollowUp = Annotated[Line, Field(description="What is to be done next. It needs an owner and a due day.")]
_FollowUpOwnerId = Annotated[
    Uuid, Field(description="The person who does it: somebody with a role or an assignment in this territory.")
]
_FollowUpDueOn = Annotated[Day, Field(description="Paris day by which it is to be done; it needs an owner.")]

_FOLLOW_UP: JsonDict = {
    "follow_up": "Envoyer le dossier Fonds vert",
    "follow_up_owner_id": "019a9f5e-0000-7000-8000-000000000000",
    "follow_up_due_on": "2023-07-31",
}


class Need(Body):
    """What a firm needs help with."""

    category: Annotated[NeedCategory, Field(description="The field in which help is needed.")]
    description: (
        Annotated[Line, Field(description="The need in the firm's own words; null: the category says all.")] | None
    ) = None


_Needs = Annotated[
    list[Need],
    Field(max_length=50, description="What the firms need help with, in this order; the list is replaced whole."),
]


class AuditionCreate(Body):
    """An audition that is planned, of one or several firms that the territory follows.

    A follow-up always has an owner and a due day.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "site_visit", "sirens": ["910000017"], "planned_on": "2023-07-04", "place": "Alès",
                 "consultant_ids": ["019a9f5e-0000-7000-8000-000000000000"]}
            ]
        }
    )  # fmt: skip

    kind: _Kind
    sirens: _Sirens
    mission_id: _MissionId | None = None
    planned_on: _PlannedOn
    place: _Place | None = None
    consultant_ids: _ConsultantIds = Field(default_factory=list)
    contact_ids: _ContactIds = Field(default_factory=list)
    needs: _Needs = Field(default_factory=list)
    follow_up: _FollowUp | None = None
    follow_up_owner_id: _FollowUpOwnerId | None = None
    follow_up_due_on: _FollowUpDueOn | None = None
    external_id: ExternalId | None = None


class AuditionUpdate(Body):
    """Fields of an audition to change; lists are replaced whole.

    `held_on` and `findings` belong to an audition that was held. Of one that did not take place only the follow-up and
    `external_id` change.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_FOLLOW_UP]})

    elsewhere: ClassVar = {
        "status": (
            "POST /v1/territories/{territory}/auditions/{id}/hold",
            "POST /v1/territories/{territory}/auditions/{id}/cancel",
            "POST /v1/territories/{territory}/auditions/{id}/no-show",
        )
    }

    kind: _Kind | MISSING = MISSING
    sirens: _Sirens | MISSING = MISSING
    mission_id: _MissionId | None | MISSING = MISSING
    planned_on: _PlannedOn | MISSING = MISSING
    held_on: _HeldOn | MISSING = MISSING
    place: _Place | None | MISSING = MISSING
    consultant_ids: _ConsultantIds | MISSING = MISSING
    contact_ids: _ContactIds | MISSING = MISSING
    findings: _Findings | None | MISSING = MISSING
    needs: _Needs | MISSING = MISSING
    follow_up: _FollowUp | None | MISSING = MISSING
    follow_up_owner_id: _FollowUpOwnerId | None | MISSING = MISSING
    follow_up_due_on: _FollowUpDueOn | None | MISSING = MISSING
    follow_up_done_on: (
        Annotated[Day, Field(description="Paris day on which the follow-up was done, today at the latest; null: open.")]
        | None
        | MISSING
    ) = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class AuditionHold(Body):
    """The day on which the audition was held, and its results; absent fields stay as they were planned."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"held_on": "2023-07-04", "findings": "L'atelier est saturé ; un second centre d'usinage est envisagé.",
                 "needs": [{"category": "financing", "description": "Centre d'usinage cinq axes"}], **_FOLLOW_UP}
            ]
        }
    )  # fmt: skip

    held_on: _HeldOn
    place: _Place | None | MISSING = MISSING
    consultant_ids: _ConsultantIds | MISSING = MISSING
    contact_ids: _ContactIds | MISSING = MISSING
    findings: _Findings | None | MISSING = MISSING
    needs: _Needs | MISSING = MISSING
    follow_up: _FollowUp | None | MISSING = MISSING
    follow_up_owner_id: _FollowUpOwnerId | None | MISSING = MISSING
    follow_up_due_on: _FollowUpDueOn | None | MISSING = MISSING


class AuditionMissed(Body):
    """Why the audition did not take place."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The firm asked for a date in autumn."}]})

    reason: Annotated[Reason, Field(description="Why the firms were not met. It enters no event: it may name people.")]


class NeedRead(Read):
    """What a firm needs help with."""

    category: NeedCategory = Field(description="The field in which help is needed.")
    description: str | None = Field(description="The need in the firm's own words; null: the category says all.")


class Audition(Read):
    """A meeting with firms.

    The names of the contacts are read at `T/contacts`. Texts that people write about a meeting may name somebody, so
    they enter no event.
    """

    id: Id
    territory: TerritorySlug
    kind: AuditionKind = Field(description="How the firms are met.")
    status: AuditionStatus = Field(description="planned, then held, cancelled, or no_show where the firm did not come.")
    sirens: list[str] = Field(description="SIREN of each firm that is met, in ascending order.")
    firm_names: list[str] = Field(description="Present names of these firms in the register, in the order of `sirens`.")
    mission_id: UUID | None = Field(
        description="The mission of engineering that the audition is a part of; null: none."
    )
    mission_name: str | None = Field(description="Present name of that mission; null where there is none.")
    planned_on: date = Field(description="Paris day for which the audition is planned.")
    held_on: date | None = Field(description="Paris day on which it was held; null unless it was.")
    place: str | None = Field(description="Where the firms are met, in free text; null where it is not known.")
    consultant_ids: list[UUID] = Field(description="Assignments (`T/consultants`) of the consultants who take part.")
    consultant_names: Annotated[list[str], Field(json_schema_extra=PERSONAL)] = Field(
        description="Present names of these consultants, in the order of `consultant_ids`."
    )
    contact_ids: list[UUID] = Field(
        description="Contacts of the firms who take part; a contact keeps its place when the person is erased."
    )
    reason: PersonalText = Field(description="Why the firms were not met; null unless it is cancelled or no_show.")
    findings: PersonalText = Field(description="What was found at the firms; null until it is held and written.")
    need_categories: list[NeedCategory] = Field(
        description="The fields in which help is needed, each once, in alphabetical order; for filters and charts."
    )
    needs: Annotated[list[NeedRead], Field(json_schema_extra=PERSONAL)] = Field(
        description="What the firms need help with, in the order in which it was given."
    )
    follow_up: PersonalText = Field(description="What is to be done next; null where nothing was agreed.")
    follow_up_owner_id: UUID | None = Field(description="The person who does it; null without a follow-up.")
    follow_up_owner_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    follow_up_due_on: date | None = Field(description="Paris day by which it is to be done; null without a follow-up.")
    follow_up_done_on: date | None = Field(description="Paris day on which it was done; null while it is open.")
    follow_up_status: AuditionFollowUp = Field(
        description="none: nothing is to be done; open: due and not done yet; done: it has a `follow_up_done_on`."
    )
    external_id: ExternalName
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


_NoteBody = Annotated[Text, Field(description="What was said in confidence. The text enters no event and no export.")]


class NoteCreate(Body):
    """What was said in confidence."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": "La banque attend la cession de l'atelier."}]})

    body: _NoteBody


class NoteUpdate(Body):
    """The new text of the note."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": "La banque attend la cession du site."}]})

    body: _NoteBody | MISSING = MISSING


class AuditionNote(Read):
    """A confidential note of an audition, read with a permission of its own."""

    id: Id
    audition_id: UUID = Field(description="The audition at which it was said.")
    body: str = Field(description="What was said in confidence, as it reads now.", json_schema_extra=PERSONAL)
    written_by: UUID | None = Field(description="Who wrote the first text; null where the service itself did.")
    written_by_name: PersonNameOrNull = Field(description="Present name of who wrote it; null as the id is.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class AttendedRead(Read):
    """An audition in which the person took part."""

    audition_id: UUID = Field(description="The audition, as `T/auditions` has it.")
    kind: AuditionKind = Field(description="How the firm was met.")
    status: AuditionStatus = Field(description="planned, then held, cancelled, or no_show where the firm did not come.")
    planned_on: date = Field(description="Paris day for which it was planned.")
    held_on: date | None = Field(description="Paris day on which it was held; null unless it was.")
    place: str | None = Field(description="Where the firm was met, in free text; null where it is not known.")


class RecordedRead(Read):
    """A change of what is held about the person."""

    type: str = Field(description="Type of the event that records the change, such as contact.updated.")
    occurred_at: datetime = Field(description="Instant in UTC of the change.")
    actor_id: UUID | None = Field(description="Who made the change; null where the service itself did.")
    actor_name: PersonNameOrNull = Field(description="Present name of who made the change; null as the id is.")


class ContactExport(Read):
    """Everything that is held about a person (GDPR art. 15 and 20), in a form that machines read.

    Confidential notes and findings are held about firms: they are not searched for names.
    """

    id: Id
    territory: TerritorySlug
    siren: str = Field(description="SIREN of the firm for which the person works.")
    firm_name: FirmName
    name: PersonNameOrNull = Field(description="First name and family name; null after erasure.")
    function: PersonalText = Field(description="What the person does at the firm; null if unknown or erased.")
    email: PersonalText = Field(description="E-mail address; null if unknown or erased.")
    phone: PersonalText = Field(description="Telephone number as it was given; null if unknown or erased.")
    external_id: PersonalText = Field(
        description="Identifier of the person in another system; null where there is none, or after erasure."
    )
    purpose: Purpose = Field(description="What the data is kept for (GDPR art. 5(1)(b)).")
    legal_basis: LegalBasis = Field(description="Which of the six grounds of GDPR art. 6(1) allows it.")
    retain_until_on: date = Field(description="Last Paris day on which the data is kept; the day after, it is erased.")
    recorded_by: UUID | None = Field(description="Who recorded the person first; null where the service itself did.")
    recorded_by_name: PersonNameOrNull = Field(description="Present name of who recorded it; null as the id is.")
    created_at: CreatedAt
    updated_at: UpdatedAt
    erased_at: datetime | None = Field(description="Instant in UTC of the erasure; null while the data is kept.")
    erased_because: ErasureCause | None = Field(
        description="request: the person asked for it (art. 17); retention: the time was over; null while it is kept."
    )
    auditions: list[AttendedRead] = Field(description="The auditions in which the person took part, oldest first.")
    history: list[RecordedRead] = Field(description="Each change of what is held, oldest first, without its content.")
