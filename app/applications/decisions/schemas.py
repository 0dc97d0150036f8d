"""What travels about decisions, their simulation, and the records of meetings."""

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from app.advances.schemas import Terms
from app.applications.agendas.rules import DUPLICATE_FILE, DecisionOutcome
from app.applications.schemas import UnmetRead
from app.committees.rules import Level
from app.core.schemas import PERSONAL, Body, ContentHash, CreatedAt, Id, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import AmountCents, Cents, Reason, Text, Uuid
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

MAX_DECISIONS = 100
_Count = Annotated[int, Field(strict=True, ge=0, le=100)]


class Votes(Body):
    """How the members voted; together no more than were present or represented."""

    model_config = ConfigDict(validate_by_alias=True, serialize_by_alias=True)

    in_favour: Annotated[_Count, Field(alias="for", description="Votes in favour.")]
    against: Annotated[_Count, Field(description="Votes against.")]
    abstained: Annotated[_Count, Field(description="Members who abstained.")]

    @property
    def total(self) -> int:
        """All votes, abstentions among them."""
        return self.in_favour + self.against + self.abstained


_Conditions = Annotated[Text, Field(description="What the decision depends on; null where it depends on nothing.")]
_Reasons = Annotated[Text, Field(description="Why; required of a rejection and a deferral.")]
_Votes = Annotated[Votes, Field(description="How the members voted.")]


class DecisionBody(Body):
    """What the meeting decided about a file."""

    application_id: Annotated[Uuid, Field(description="The file: on the frozen agenda of the meeting, decided once.")]
    outcome: Annotated[
        DecisionOutcome,
        Field(
            description="pre_select at the territorial level alone, grant at the State-Region level alone; withdraw"
            " records what the firm declared."
        ),
    ]
    grant_cents: Annotated[
        AmountCents, Field(description="Cents of euro decided as a grant; 0 where no aid is given.")
    ] = 0
    advance_cents: Annotated[
        AmountCents, Field(description="Cents of euro decided as a repayable advance; 0 where no aid is given.")
    ] = 0
    advance_terms: Annotated[
        Terms | None,
        Field(
            description="How the advance that a grant decision gives is repaid. Absent or null: in equal parts over"
            " advance_repayment_months, after advance_grace_months in which nothing is due; both are parameters of the"
            " scheme on the day of the decision."
        ),
    ] = None
    conditions: _Conditions | None = None
    reasons: _Reasons | None = None
    votes: _Votes


def _distinct(items: list[DecisionBody]) -> list[DecisionBody]:
    seen = Counter(item.application_id for item in items)
    if any(count > 1 for count in seen.values()):
        raise DUPLICATE_FILE.error()
    return items


_DECISION: dict[str, Any] = {
    "application_id": "019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11", "outcome": "grant", "grant_cents": 12_000_000,
    "advance_cents": 8_000_000, "votes": {"for": 7, "against": 0, "abstained": 1},
}  # fmt: skip


class DecisionsCreate(Body):
    """What a meeting decided, about one file or several: all of it is recorded, or nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_DECISION]}]})

    items: Annotated[
        list[DecisionBody],
        Field(
            min_length=1, max_length=MAX_DECISIONS, description="The decisions in the order in which they are taken."
        ),
        AfterValidator(_distinct),
    ]


class DecisionReversal(Body):
    """Why a decision is reversed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The amount of the grant was misread."}]})

    reason: Annotated[Reason, Field(description="Why; it is shown beside the decision and in the file's history.")]


class Erratum(Body):
    """The right words of a decision of a closed meeting. Its outcome and amounts stay."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"corrects_id": "019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11", "reason": "A vote was counted twice.",
                 "votes": {"for": 6, "against": 0, "abstained": 1}}
            ]
        }
    )  # fmt: skip

    corrects_id: Annotated[Uuid, Field(description="The decision, of a closed meeting that was held before this one.")]
    reason: Annotated[Reason, Field(description="Why it is corrected.")]
    conditions: _Conditions | None = None
    reasons: _Reasons | None = None
    votes: Annotated[Votes, Field(description="How the members voted then, as it is right.")]


class VotesRead(Read):
    """How the members voted."""

    model_config = ConfigDict(frozen=True, validate_by_alias=True, serialize_by_alias=True)

    in_favour: int = Field(alias="for", description="Votes in favour.")
    against: int = Field(description="Votes against.")
    abstained: int = Field(description="Members who abstained.")


class CommitteeDecision(Read):
    """What a meeting decided about a file. It never changes; a mistake is reversed, or corrected by an erratum."""

    id: Id
    territory: TerritorySlug
    committee_id: UUID = Field(description="The meeting that decided.")
    level: Level = Field(description="Level of the meeting.")
    number: int = Field(description="Number of the decision in its meeting, from 1 without a gap.", ge=1)
    reference: str = Field(
        description="Reference of the decision, and of the awards that it makes: territory, year, level with the"
        " meeting's number in that year, number of the decision. ALES-2023-SR1-07."
    )
    application_id: UUID = Field(description="The file.")
    project_title: str = Field(description="Present title of the file's project.")
    siren: SirenRead
    firm_name: FirmName
    outcome: DecisionOutcome = Field(description="What was decided; withdraw records what the firm declared.")
    grant_cents: Cents = Field(description="Cents of euro decided as a grant.")
    advance_cents: Cents = Field(description="Cents of euro decided as a repayable advance.")
    grant_id: UUID | None = Field(description="The grant that the decision made; null where it made none.")
    advance_id: UUID | None = Field(description="The advance that the decision made; null where it made none.")
    conditions: str | None = Field(description="What the decision depends on; null where it depends on nothing.")
    reasons: str | None = Field(description="Why; null where no reason was given.")
    votes: VotesRead = Field(description="How the members voted.")
    members_present: int = Field(description="Members who were present or represented when it was decided.")
    quorum: int | None = Field(description="Members that the meeting needed; null: it needed none.")
    decided_on: date = Field(description="Paris day of the decision: that of the meeting.")
    decided_by: UUID = Field(description="Person of the committee who recorded it.")
    decided_by_name: PersonNameOrNull = Field(description="Present name of that person.")
    corrects_id: UUID | None = Field(description="The decision that this erratum corrects; null of other decisions.")
    corrects_reference: str | None = Field(description="Reference of that decision; null of other decisions.")
    correction_reason: str | None = Field(description="Why it is corrected; null of other decisions.")
    corrected_by_id: UUID | None = Field(description="The last erratum to this decision; null where there is none.")
    corrected_by_reference: str | None = Field(description="Reference of that erratum; null where there is none.")
    reversed_at: datetime | None = Field(description="Instant in UTC at which it was reversed; null while it stands.")
    reversed_by: UUID | None = Field(description="Who reversed it; null while it stands.")
    reversed_by_name: PersonNameOrNull = Field(description="Present name of who reversed it; null while it stands.")
    reversal_reason: str | None = Field(description="Why it was reversed; null while it stands.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class CommitteeDecisions(Read):
    """Decisions that were recorded together, in the order in which they were sent."""

    items: list[CommitteeDecision] = Field(description="The decisions.")


# --- the simulation --------------------------------------------------------------------------------------------------


class LeftOfContribution(Read):
    """What a contribution has left."""

    contribution_id: UUID = Field(description="Money of the envelope that the awards take from.")
    contribution_reference: str = Field(description="What its convention calls it.")
    organisation_id: UUID = Field(description="The contributor.")
    organisation_name: str = Field(description="Present name of the contributor.")
    available_cents: Cents = Field(description="Cents of euro that an award of the meeting's day could commit of it.")


class SimulatedRefusal(Read):
    """Why something would be refused."""

    code: str = Field(description="Code of the problem.")
    title: str = Field(description="What is refused, in the language of the caller.")
    detail: str = Field(description="Its figures and its cure, in the language of the caller.")


class SimulatedDecision(Read):
    """What a decision would do after those before it."""

    application_id: UUID = Field(description="The file.")
    outcome: DecisionOutcome = Field(description="What is decided.")
    grant_cents: Cents = Field(description="Cents of euro decided as a grant.")
    advance_cents: Cents = Field(description="Cents of euro decided as a repayable advance.")
    possible: bool = Field(description="Whether it could be taken; otherwise nothing of it counts for those after it.")
    refusal: SimulatedRefusal | None = Field(description="Why it would be refused; null where it is possible.")
    unmet: list[UnmetRead] = Field(description="Every condition of the file that is not met.")
    available_cents: Cents = Field(description="Cents of euro that the envelope would have left after it.")
    contributions: list[LeftOfContribution] = Field(description="The same for each contribution.")


class Simulation(Read):
    """What decisions would do, one after the other. Nothing of it is recorded."""

    decided_on: date = Field(description="Paris day as of which it is computed: that of the meeting, or today.")
    refusals: list[SimulatedRefusal] = Field(
        description="What keeps the meeting itself from deciding; none where it can."
    )
    available_cents: Cents = Field(description="Cents of euro that the envelope has left before.")
    contributions: list[LeftOfContribution] = Field(description="The same for each contribution.")
    items: list[SimulatedDecision] = Field(description="The decisions in the order in which they were sent.")


# --- the record ------------------------------------------------------------------------------------------------------


class CommitteeRecord(Read):
    """The record of a closed meeting, sealed. It never changes."""

    committee_id: UUID = Field(description="The meeting.")
    territory: TerritorySlug
    level: Level = Field(description="Level of the meeting.")
    content_hash: ContentHash = Field(
        description="SHA-256 of the sealed content, 64 hexadecimal digits; …/record/content has the text that was"
        " hashed."
    )
    sealed_at: datetime = Field(description="Instant in UTC at which the record was sealed.")
    content: dict[str, Any] = Field(
        description="What was sealed: the meeting with its members, the files of its agenda with their outcomes, the"
        " decisions, the errata.",
        json_schema_extra=PERSONAL,
    )


class RecordContent(Read):
    """What was sealed of a meeting. It holds ids without names of what changes its name."""

    territory: TerritorySlug
    committee_id: UUID = Field(description="The meeting.")
    level: Level = Field(description="Level of the meeting.")
    held_at: datetime = Field(description="Instant in UTC at which the meeting began.")
    place: str | None = Field(description="Where the members met; null where it is not said.")
    quorum: int | None = Field(description="Members that the meeting needed; null: it needed none.")
    members: list[dict[str, Any]] = Field(
        description="Everybody who had a seat, in their order, with their attendance.", json_schema_extra=PERSONAL
    )
    minutes: PersonNameOrNull = Field(description="What was said and decided.")
    minutes_adopted_on: date = Field(description="Paris day on which the minutes were adopted.")
    closed_by: UUID = Field(description="Person of the committee who closed the record.")
    closed_at: datetime = Field(description="Instant in UTC at which the record was closed.")
    agenda: dict[str, Any] | None = Field(
        description="Number and hash of the frozen agenda; null where there was none."
    )
    items: list[dict[str, Any]] = Field(
        description="The files of the agenda in their order: what was proposed, the reference of the decision (null"
        " where the file ended otherwise), the state of the file and the Paris day since when it has it."
    )
    decisions: list[dict[str, Any]] = Field(
        description="What the meeting decided in the order of the numbers, reversed decisions and errata among it."
    )
