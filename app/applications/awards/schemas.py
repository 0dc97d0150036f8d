"""What travels when an award is recorded."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.advances import schedule
from app.advances.faults import refuse
from app.advances.schedule import TermsFault
from app.advances.schemas import TERMS_EXAMPLE, Terms
from app.awards.schemas import OverrideId
from app.core.schemas import Body, PersonNameOrNull, Read, RecordedAt
from app.core.values import Cents, Code, Day, ExternalId, Line, PositiveCents, ShortLine, Siren, Uuid
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug
from app.projects.rules import CostKind


class AwardLineBody(Body):
    """A line of what the aid was decided for."""

    label: Annotated[Line, Field(description="What is bought, such as the machine.")]
    kind: Annotated[
        Literal[CostKind.TANGIBLE_ASSET, CostKind.INTANGIBLE_ASSET], Field(description="Only assets are eligible.")
    ]
    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro, excluding VAT.")]


class AwardCreate(Body):
    """What every award decision says: to whom, for what, how much, on which day and by which act."""

    siren: Annotated[Siren, Field(description="SIREN of the firm that receives the aid; it must be in the register.")]
    project_id: (
        Annotated[
            Uuid,
            Field(
                description="The project that the aid pays for: one of the territory, held by the firm, filed with the"
                " programme. Required unless the decision is older than `served_since_on` of the territory."
            ),
        ]
        | None
    ) = None
    project_title: Annotated[Line, Field(description="What the aid pays for, as the decision words it.")]
    committee_id: (
        Annotated[Uuid, Field(description="The meeting that decided, held on the day of the decision at the latest.")]
        | None
    ) = None
    funder_id: (
        Annotated[
            Uuid,
            Field(description="The organisation that funds the aid; absent or null: that of who records the decision."),
        ]
        | None
    ) = None
    application_id: (
        Annotated[
            Uuid,
            Field(
                description="The aid file that was decided, of this firm and project: the conditions of a grant bite"
                " here too, and the award takes its scheme, base and lines from the file."
            ),
        ]
        | None
    ) = None
    scheme: (
        Annotated[Code, Field(description="Code of the scheme (`/v1/schemes`), together with base_cents.")] | None
    ) = None
    base_cents: (
        Annotated[
            PositiveCents,
            Field(description="Base of the aid in cents of euro, together with scheme; the award is not above it."),
        ]
        | None
    ) = None
    lines: (
        Annotated[
            list[AwardLineBody],
            Field(
                min_length=1,
                max_length=200,
                description="Eligible lines that come to base_cents; absent or null: the whole base is one line.",
            ),
        ]
        | None
    ) = None
    amount_cents: Annotated[
        PositiveCents, Field(description="Cents of euro to commit; at most what the envelope has available.")
    ]
    decided_on: Annotated[
        Day, Field(description="Paris day of the decision, from which the amount is committed; today at the latest.")
    ]
    decision_reference: Annotated[
        ShortLine,
        Field(
            description="Reference of the decision, once per territory and kind of aid; not of the form in which"
            " meetings of the territory number theirs, such as ALES-2023-SR1-07."
        ),
    ]
    external_id: ExternalId | None = None
    override_id: OverrideId | None = None


class GrantCreate(AwardCreate):
    """An award decision: it commits the envelope at once, or is refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"siren": "910000017", "project_title": "Centre d'usinage cinq axes", "amount_cents": 15_000_000,
                 "decided_on": "2023-10-03", "decision_reference": "DEC-2023-031"}
            ]
        }
    )  # fmt: skip


class AdvanceCreate(AwardCreate):
    """An award decision: it commits the envelope at once, or is refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"siren": "910000017", "project_title": "Ligne de traitement", "amount_cents": 20_000_000,
                 "decided_on": "2023-10-03", "decision_reference": "DEC-2023-032", "terms": TERMS_EXAMPLE}
            ]
        }
    )  # fmt: skip

    terms: Terms
    planned_disbursement_on: Annotated[
        Day | None,
        Field(
            description="Day on which it is to be paid out: until then the schedule is shown as if all were paid on it,"
            " or on `decided_on` where this is absent. No earlier than the decision."
        ),
    ] = None

    @model_validator(mode="after")
    def _payable(self) -> "AdvanceCreate":
        planned, last = self.planned_disbursement_on, schedule.due_dates(self.terms.plan())[-1]
        if planned is not None and planned < self.decided_on:
            refuse(
                [TermsFault(("planned_disbursement_on",), "planned_before_decision", {"decided_on": self.decided_on})]
            )
        if (planned or self.decided_on) >= last:
            at = ("planned_disbursement_on",) if planned else ("terms", "first_due_on")
            refuse([TermsFault(at, "tranche_after_last_due", {"last_due_on": last})])
        refuse(self._faults_of_agreement(last))
        paid = [schedule.CashFlow(planned or self.decided_on, self.amount_cents)]
        refuse(
            [
                TermsFault(("terms", *fault.at), fault.code, fault.members)
                for fault in schedule.faults_of_amount(self.terms.plan(), paid)
            ]
        )
        return self

    def _faults_of_agreement(self, last_due_on: date) -> Iterator[TermsFault]:
        """What the agreement cannot say of an advance of this amount, decided on this day."""
        terms = self.terms
        until_on, minimum = terms.available_until_on, terms.minimum_repayment_cents
        if until_on is not None and until_on < self.decided_on:
            at = ("terms", "available_until_on")
            yield TermsFault(at, "available_before_decision", {"decided_on": self.decided_on})
        if until_on is not None and until_on >= last_due_on:
            yield TermsFault(("terms", "available_until_on"), "tranche_after_last_due", {"last_due_on": last_due_on})
        if minimum is not None and minimum > self.amount_cents:
            at = ("terms", "minimum_repayment_cents")
            yield TermsFault(at, "minimum_above_advance", {"amount_cents": self.amount_cents})
        for place, condition in enumerate(terms.tranches):
            if condition.certified_bp is not None and self.base_cents is None and self.application_id is None:
                yield TermsFault(("terms", "tranches", place, "certified_bp"), "share_without_base")


class StoryEntry(Read):
    """Something that was done on the way of an aid."""

    on: date = Field(description="Paris day on which it counts; where it has none of its own, that of its recording.")
    recorded_at: RecordedAt
    object_type: str = Field(
        examples=["grant_payment"], description="Kind of object that it was done to, as in `/v1/events`."
    )
    object_id: str = Field(description="The object's id.")
    object_name: str | None = Field(
        description="What tells the object from others of its kind: a title, a reference, a number or a day; null where"
        " it had none yet."
    )
    link: str = Field(description="Address of the object.")
    act: str = Field(examples=["recorded"], description="What was done to it.")
    state: str | None = Field(description="State of the object right after it; null where the act changes none.")
    amount_cents: Cents | None = Field(description="Cents of euro that it is about; null where it is about none.")
    by: UUID | None = Field(description="Who recorded it; null where the service itself did.")
    by_name: PersonNameOrNull = Field(description="Present name of who recorded it; null where the id is null.")


class AwardStory(Read):
    """All that was done about an aid: interview, project, file, decision, agreement, claims, payments, recoveries."""

    territory: TerritorySlug
    aid_id: UUID = Field(description="The aid: what one decision gives one firm, a grant, an advance or both.")
    decision_reference: str = Field(description="Reference of the decision that gave the aid.")
    decided_on: date = Field(description="Paris day of the decision.")
    siren: SirenRead
    firm_name: FirmName
    grant_id: UUID | None = Field(description="Its grant, the last one where one was taken back; null: it has none.")
    advance_id: UUID | None = Field(description="Its advance, as `grant_id`; null: it has none.")
    entries: list[StoryEntry] = Field(
        description="In the order of the days on which they count, those of one day in the order of their recording."
        " Only of objects that the caller may read; never of a review."
    )
