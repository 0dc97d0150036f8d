"""What travels about agendas."""

from collections import Counter
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from app.applications.agendas.rules import DUPLICATE_FILE, AgendaState, DecisionOutcome, Proposal
from app.applications.rules import ApplicationState
from app.committees.rules import Level
from app.core.schemas import (
    Body,
    ContentHash,
    ContentHashOrNull,
    CreatedAt,
    Id,
    PersonNameOrNull,
    Read,
    UpdatedAt,
    Version,
)
from app.core.values import AmountCents, Cents, Reason, Text, Uuid
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

MAX_ITEMS = 100


class AgendaItemBody(Body):
    """A file on the agenda, with what is proposed for it."""

    application_id: Annotated[Uuid, Field(description="The file; once on an agenda.")]
    proposal: Annotated[
        Proposal, Field(description="pre_select at the territorial level alone, grant at the State-Region level alone.")
    ]
    grant_cents: Annotated[
        AmountCents, Field(description="Cents of euro proposed as a grant; 0 where rejection or deferral is proposed.")
    ] = 0
    advance_cents: Annotated[
        AmountCents,
        Field(description="Cents of euro proposed as a repayable advance; 0 where rejection or deferral is proposed."),
    ] = 0
    note: Annotated[Text, Field(description="What the members should know; it is frozen with the item.")] | None = None


def _distinct(items: list[AgendaItemBody]) -> list[AgendaItemBody]:
    seen = Counter(item.application_id for item in items)
    if any(count > 1 for count in seen.values()):
        raise DUPLICATE_FILE.error()
    return items


class AgendaPut(Body):
    """The agenda of a meeting, whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"items": [{"application_id": "019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11", "proposal": "grant",
                            "grant_cents": 12_000_000, "advance_cents": 8_000_000}]}
            ]
        }
    )  # fmt: skip

    items: Annotated[
        list[AgendaItemBody],
        Field(
            max_length=MAX_ITEMS,
            description="The files in the order in which they are taken; the list is replaced whole. An item that the"
            " meeting has decided must stay as it was frozen.",
        ),
        AfterValidator(_distinct),
    ]


class AgendaReopen(Body):
    """Why a frozen agenda is reopened."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "A quote came in after the freeze."}]})

    reason: Annotated[Reason, Field(description="Why; it is shown beside what was frozen.")]


class AgendaItem(Read):
    """A file on the agenda."""

    position: int = Field(description="Place on the agenda, from 1.", ge=1)
    application_id: UUID = Field(description="The file.")
    project_title: str = Field(description="Present title of the file's project.")
    siren: SirenRead
    firm_name: FirmName
    state: ApplicationState = Field(description="Present state of the file.")
    proposal: Proposal = Field(description="What is proposed for the file.")
    grant_cents: Cents = Field(description="Cents of euro proposed as a grant.")
    advance_cents: Cents = Field(description="Cents of euro proposed as a repayable advance.")
    note: str | None = Field(description="What the members should know; null where nothing is noted.")
    outcome: DecisionOutcome | None = Field(description="What the meeting decided; null while it has not.")
    decision_reference: str | None = Field(description="Reference of that decision; null while there is none.")


class Agenda(Read):
    """The agenda of a meeting as it is now."""

    committee_id: UUID = Field(description="The meeting.")
    territory: TerritorySlug
    level: Level = Field(description="Level of the meeting.")
    state: AgendaState = Field(description="draft: it can be changed; frozen: it cannot, and the meeting can decide.")
    number: int = Field(description="1, and one more after each reopening.", ge=1)
    items: list[AgendaItem] = Field(description="The files in the order in which they are taken.")
    frozen_at: datetime | None = Field(description="Instant in UTC at which it was frozen; null of a draft.")
    frozen_by: UUID | None = Field(description="Who froze it; null of a draft.")
    frozen_by_name: PersonNameOrNull = Field(description="Present name of who froze it; null of a draft.")
    content_hash: ContentHashOrNull = Field(
        description="SHA-256 of what was frozen, 64 hexadecimal digits; null of a draft."
        " `…/agenda/versions/{id}/content` has the text that was hashed."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class FrozenAgenda(Read):
    """An agenda as it was frozen; it never changes. Whether it was reopened, and why, stands beside it."""

    id: Id
    committee_id: UUID = Field(description="The meeting.")
    number: int = Field(description="Which agenda of the meeting it is, from 1.", ge=1)
    content_hash: ContentHash = Field(
        description="SHA-256 of the frozen content, 64 hexadecimal digits; …/content has the text that was hashed."
    )
    frozen_at: datetime = Field(description="Instant in UTC at which it was frozen.")
    frozen_by: UUID | None = Field(description="Who froze it; null where the service did.")
    frozen_by_name: PersonNameOrNull = Field(description="Present name of who froze it.")
    reopened_at: datetime | None = Field(description="Instant in UTC at which it was reopened; null of the last one.")
    reopened_by: UUID | None = Field(description="Who reopened it; null where nobody has.")
    reopened_by_name: PersonNameOrNull = Field(description="Present name of who reopened it.")
    reopening_reason: str | None = Field(description="Why it was reopened; null where it was not.")


class FrozenFigures(Read):
    """The figures of a file that a decision holds against the frozen agenda."""

    base_cents: Cents = Field(description="Base of the aid in cents of euro: the sum of the eligible lines.")
    requested_grant_cents: Cents = Field(description="Cents of euro that the file asks for as a grant.")
    requested_advance_cents: Cents = Field(description="Cents of euro that the file asks for as an advance.")
    other_public_aid_cents: Cents = Field(description="Cents of euro of other public aid in the financing plan.")
    tax_certificate_until_on: str | None = Field(
        description="Last Paris day on which the firm's tax certificate counts; null where there is none."
    )
    social_certificate_until_on: str | None = Field(
        description="Last Paris day on which the firm's certificate of social contributions counts; null: none."
    )


class FrozenItem(FrozenFigures):
    """A file as it was frozen. It holds ids without names, because names change and the sealed text cannot."""

    position: int = Field(description="Place on the agenda, from 1.", ge=1)
    application_id: UUID = Field(description="The file.")
    application_version: int = Field(description="Version of the file when it was frozen.", ge=1)
    project_id: UUID = Field(description="The file's project.")
    siren: SirenRead
    scheme: str = Field(description="Code of the scheme.")
    state: ApplicationState = Field(description="State of the file when it was frozen.")
    proposal: Proposal = Field(description="What is proposed for the file.")
    grant_cents: Cents = Field(description="Cents of euro proposed as a grant.")
    advance_cents: Cents = Field(description="Cents of euro proposed as a repayable advance.")
    note: str | None = Field(description="What the members should know; null where nothing is noted.")


class FrozenContribution(Read):
    """What a contribution had left when the agenda was frozen."""

    contribution_id: UUID = Field(description="Whose money it is that was left: one of the envelope's contributions.")
    organisation_id: UUID = Field(description="The contributor.")
    available_cents: Cents = Field(description="Cents of euro that an award of that day could commit of it.")


class FrozenEnvelope(Read):
    """What the envelope had left when the agenda was frozen."""

    available_cents: Cents = Field(description="Cents of euro that an award of that day could commit.")
    contributions: list[FrozenContribution] = Field(description="The same for each contribution.")


class FrozenContent(Read):
    """What was frozen of an agenda, as canonical JSON."""

    territory: TerritorySlug
    committee_id: UUID = Field(description="The meeting.")
    level: Level = Field(description="Level of the meeting.")
    number: int = Field(description="Which agenda of the meeting it is, from 1.", ge=1)
    as_of_on: str = Field(
        description="Paris day of the figures: that of the meeting where it was held, else of the freeze."
    )
    frozen_by: UUID | None = Field(description="Who froze it; null where the service did.")
    frozen_at: str = Field(description="Instant in UTC at which it was frozen.")
    items: list[FrozenItem] = Field(description="The files in the order in which they are taken.")
    envelope: FrozenEnvelope = Field(description="What the envelope had left.")
