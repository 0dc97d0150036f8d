"""What travels about auditions."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field
from pydantic.config import JsonDict

from app.auditions.rules import AuditionFollowUp, AuditionStatus, Kind, NeedCategory
from app.core.faults import Fault
from app.core.schemas import PERSONAL, Body, Read
from app.core.values import Day, ExternalId, Line, Reason, Siren, Text, Uuid
from app.firms.contacts.models import ErasureCause, LegalBasis, Purpose
from app.firms.contacts.schemas import PersonalText

REPEATED_ITEM = Fault(
    "repeated_item",
    en="An item can appear only once in the list.",
    fr="Un élément ne peut figurer qu'une fois dans la liste.",
)


def _once(items: list[Any]) -> list[Any]:
    if len(set(items)) != len(items):
        raise REPEATED_ITEM.error()
    return items


FirmSirens = Annotated[list[Siren], Field(min_length=1, max_length=50), AfterValidator(_once)]
Ids = Annotated[list[Uuid], Field(max_length=100), AfterValidator(_once)]

_FOLLOW_UP: JsonDict = {
    "follow_up": "Envoyer le dossier Fonds vert",
    "follow_up_owner_id": "019a9f5e-0000-7000-8000-000000000000",
    "follow_up_due_on": "2023-07-31",
}


class Need(Body):
    """What a firm needs help with."""

    category: NeedCategory
    description: Line | None = None


Needs = Annotated[list[Need], Field(max_length=50)]


class AuditionCreate(Body):
    """An audition that is planned, of one or several firms that the territory follows.

    Consultants take part by their assignment, contacts for one of the firms that are met. A follow-up has an owner (a
    person with a role in this territory) and a due date.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "site_visit", "firm_sirens": ["910000017"], "planned_on": "2023-07-04", "place": "Alès",
                 "consultant_ids": ["019a9f5e-0000-7000-8000-000000000000"]}
            ]
        }
    )  # fmt: skip

    kind: Kind
    firm_sirens: FirmSirens
    mission_id: Uuid | None = None
    planned_on: Day
    place: Line | None = None
    consultant_ids: Ids = Field(default_factory=list)
    contact_ids: Ids = Field(default_factory=list)
    needs: Needs = Field(default_factory=list)
    follow_up: Line | None = None
    follow_up_owner_id: Uuid | None = None
    follow_up_due_on: Day | None = None
    external_id: ExternalId | None = None


class AuditionUpdate(Body):
    """Fields of an audition to change; lists are replaced whole.

    `held_on` and `findings` belong to an audition that was held. Of one that did not take place only the follow-up and
    `external_id` change.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_FOLLOW_UP]})

    kind: Kind | MISSING = MISSING
    firm_sirens: FirmSirens | MISSING = MISSING
    mission_id: Uuid | None | MISSING = MISSING
    planned_on: Day | MISSING = MISSING
    held_on: Day | MISSING = MISSING
    place: Line | None | MISSING = MISSING
    consultant_ids: Ids | MISSING = MISSING
    contact_ids: Ids | MISSING = MISSING
    findings: Text | None | MISSING = MISSING
    needs: Needs | MISSING = MISSING
    follow_up: Line | None | MISSING = MISSING
    follow_up_owner_id: Uuid | None | MISSING = MISSING
    follow_up_due_on: Day | None | MISSING = MISSING
    follow_up_done_on: Day | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class AuditionHold(Body):
    """The day on which the audition was held, and what came of it; absent fields stay as they were planned."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"held_on": "2023-07-04", "findings": "L'atelier est saturé ; un second centre d'usinage est envisagé.",
                 "needs": [{"category": "financing", "description": "Centre d'usinage cinq axes"}], **_FOLLOW_UP}
            ]
        }
    )  # fmt: skip

    held_on: Day
    place: Line | None | MISSING = MISSING
    consultant_ids: Ids | MISSING = MISSING
    contact_ids: Ids | MISSING = MISSING
    findings: Text | None | MISSING = MISSING
    needs: Needs | MISSING = MISSING
    follow_up: Line | None | MISSING = MISSING
    follow_up_owner_id: Uuid | None | MISSING = MISSING
    follow_up_due_on: Day | None | MISSING = MISSING


class AuditionMissed(Body):
    """Why the audition did not take place."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The firm asked for a date in autumn."}]})

    reason: Reason


class NeedRead(Read):
    """What a firm needs help with."""

    category: NeedCategory
    description: str | None


class Audition(Read):
    """A meeting with firms. Persons of the firms stand here by id alone: their names are read at `T/contacts`.

    What people write about a meeting (findings, needs, reason, follow-up) may name somebody, so it enters no event.
    """

    id: UUID
    territory: str
    kind: Kind
    status: AuditionStatus
    firm_sirens: list[str]
    firm_names: list[str]
    mission_id: UUID | None
    mission_name: str | None
    planned_on: date
    held_on: date | None
    place: str | None
    consultant_ids: list[UUID]
    consultant_names: Annotated[list[str], Field(json_schema_extra=PERSONAL)]
    contact_ids: list[UUID]
    reason: PersonalText
    findings: PersonalText
    need_categories: list[NeedCategory]
    needs: Annotated[list[NeedRead], Field(json_schema_extra=PERSONAL)]
    follow_up: PersonalText
    follow_up_owner_id: UUID | None
    follow_up_owner_name: PersonalText
    follow_up_due_on: date | None
    follow_up_done_on: date | None
    follow_up_status: AuditionFollowUp
    external_id: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class NoteCreate(Body):
    """What was said in confidence."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": "La banque attend la cession de l'atelier."}]})

    body: Text


class NoteUpdate(Body):
    """The note as it should read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"body": "La banque attend la cession du site."}]})

    body: Text | MISSING = MISSING


class AuditionNote(Read):
    """A confidential note of an audition, read with a permission of its own."""

    id: UUID
    audition_id: UUID
    body: Annotated[str, Field(json_schema_extra=PERSONAL)]
    written_by: UUID | None
    written_by_name: PersonalText
    version: int
    created_at: datetime
    updated_at: datetime


class AttendedRead(Read):
    """An audition in which the person took part."""

    audition_id: UUID
    kind: Kind
    status: AuditionStatus
    planned_on: date
    held_on: date | None
    place: str | None


class RecordedRead(Read):
    """A change of what is held about the person."""

    type: str
    occurred_at: datetime
    actor_id: UUID | None


class ContactExport(Read):
    """Everything that is held about a person (GDPR art. 15 and 20), in a form that machines read.

    Confidential notes and findings are held about firms: they are not searched for names.
    """

    id: UUID
    territory: str
    siren: str
    firm_name: str
    name: PersonalText
    function: PersonalText
    email: PersonalText
    phone: PersonalText
    external_id: PersonalText
    purpose: Purpose
    legal_basis: LegalBasis
    retain_until_on: date
    recorded_by: UUID | None
    created_at: datetime
    updated_at: datetime
    erased_at: datetime | None
    erased_because: ErasureCause | None
    auditions: list[AttendedRead]
    history: list[RecordedRead]
