"""What travels about arrears: instalments, formal notices, accelerations, alerts."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field, model_validator

from app.advances.arrears.rules import DELAY_DAYS, AdvanceAlertKind, NoticeStatus
from app.advances.position import Bucket
from app.core.faults import Fault
from app.core.schemas import Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, RecordedAt, UpdatedAt, Version
from app.core.values import Cents, Day, Reason, Sha256
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

LINE_NAMED_TWICE = Fault(
    "line_named_twice",
    en="A line can be named only once.",
    fr="Une échéance ne peut être désignée qu'une fois.",
)

_DecisionReference = Annotated[str, Field(description="Reference of the decision that awarded the advance.")]


class AdvanceInstalment(Read):
    """A line of the schedule in force of an advance on a day, with what it still asks for then."""

    id: UUID = Field(description="Id of the line's place in the schedule of its advance, on every day the same.")
    territory: TerritorySlug
    advance_id: UUID = Field(description="The advance that it repays.")
    decision_reference: _DecisionReference
    siren: SirenRead
    firm_name: FirmName
    number: int = Field(description="Place of the line in the schedule in force, from 1.")
    due_on: date = Field(description="Paris day on which it falls due.")
    principal_cents: Cents = Field(description="Principal that it repays, in euro cents.")
    interest_cents: Cents = Field(description="Contract interest due with it, in euro cents.")
    fees_cents: Cents = Field(description="Fees due with it, in euro cents.")
    due_cents: Cents = Field(description="Principal, interest and fees together, in euro cents.")
    left_cents: Cents = Field(
        description="What is still to pay of them, in euro cents. Late interest runs day by day: the statement has it."
    )
    settled_on: date | None = Field(
        description="Value date of the last cent that it took; null while something is left."
    )
    days_past_due: int = Field(description="Days since its due day, 1 on the day after; 0 where nothing of it is late.")
    bucket: Bucket = Field(
        description="Its age by days past due; current: not late; in_proceedings: something is left, and proceedings of"
        " the firm are open."
    )


class FormalNoticeCreate(Body):
    """A formal notice that was sent for overdue lines."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"lines": ["2025-03-31"], "sent_on": "2025-04-16", "received_on": "2025-04-20", "delay_days": 15}
            ]
        }
    )

    lines: Annotated[
        list[Day],
        Field(min_length=1, max_length=600, description="Due days of the overdue lines that it claims, each once."),
    ]
    sent_on: Annotated[Day, Field(description="Paris day on which it was sent, today at the latest.")]
    first_presented_on: (
        Annotated[Day, Field(description="Day on which the post first presented it; absent: not known yet.")] | None
    ) = None
    received_on: (
        Annotated[Day, Field(description="Day on which the firm received it; absent: not known yet.")] | None
    ) = None
    delay_days: (
        Annotated[
            int,
            Field(
                strict=True, ge=DELAY_DAYS[0], le=DELAY_DAYS[1], examples=[15],
                description="Days that it leaves to pay; absent: those of the agreement.",
            ),
        ]
        | None
    ) = None  # fmt: skip
    document_sha256: (
        Annotated[Sha256, Field(description="SHA-256 of the letter or of the decision, in lower-case hexadecimal.")]
        | None
    ) = None

    @model_validator(mode="after")
    def _each_once(self) -> "FormalNoticeCreate":
        if len(set(self.lines)) < len(self.lines):
            raise LINE_NAMED_TWICE.error()
        return self


class FormalNoticeUpdate(Body):
    """The days on which a formal notice was presented and received."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"received_on": "2025-04-20"}]})

    first_presented_on: (
        Annotated[Day, Field(description="Day on which the post first presented it.")] | None | MISSING
    ) = MISSING
    received_on: Annotated[Day, Field(description="Day on which the firm received it.")] | None | MISSING = MISSING


class FormalNoticeWithdrawal(Body):
    """Why a formal notice does not count."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Sent to another firm."}]})

    reason: Annotated[Reason, Field(description="Why it was a mistake.")]


class FormalNotice(Read):
    """A formal notice (*mise en demeure*) to pay overdue lines of an advance."""

    told_as = "advance_notice"

    id: Id
    advance_id: UUID = Field(description="The advance whose lines it claims.")
    lines: list[date] = Field(description="Due days of the lines that it claims, the earliest first.")
    sent_on: date = Field(description="Paris day on which it was sent.")
    first_presented_on: date | None = Field(description="Day on which the post first presented it; null: not known.")
    received_on: date | None = Field(description="Day on which the firm received it; null: not received.")
    runs_from_on: date | None = Field(
        description="Day of receipt, or of first presentation where it was not claimed: late interest on these lines"
        " and the delay run from the day after. Null until one of the two is known."
    )
    delay_days: int = Field(description="Days that it leaves to pay.")
    delay_ends_on: date | None = Field(
        description="Last day of the delay: the advance can be accelerated after it; null until the delay runs."
    )
    document_sha256: str | None = Field(
        description="SHA-256 of the letter, in lower-case hexadecimal; null: not given."
    )
    status: NoticeStatus = Field(description="recorded: it counts; withdrawn: it was a mistake.")
    reason: str | None = Field(description="Why it was withdrawn; null while it counts.")
    recorded_by: UUID = Field(description="Who recorded it.")
    recorded_by_name: PersonName = Field(description="Present name of who recorded it.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class AccelerationCreate(Body):
    """The decision that all of an advance is due."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"reason": "Notice of 16 April without effect.", "accelerated_on": "2025-05-06"}]
        }
    )

    reason: Annotated[Reason, Field(description="Why all becomes due.")]
    accelerated_on: (
        Annotated[Day, Field(description="Paris day from which all is due, today at the latest; absent: today.")] | None
    ) = None
    document_sha256: (
        Annotated[Sha256, Field(description="SHA-256 of the letter or of the decision, in lower-case hexadecimal.")]
        | None
    ) = None


class Acceleration(Read):
    """All of an advance became due (*déchéance du terme*): by a person after a formal notice, or by a judgment."""

    told_as = "advance_acceleration"

    id: Id
    advance_id: UUID = Field(description="The advance that became due.")
    accelerated_on: date = Field(description="Paris day from which all is due.")
    due_cents: Cents = Field(
        description="Capital outstanding on that day, in euro cents: all of it is due from then on."
    )
    notice_id: UUID | None = Field(description="The formal notice that had no effect; null where a judgment did it.")
    notice_sent_on: date | None = Field(description="Day on which that notice was sent; null as the id is.")
    proceeding_id: UUID | None = Field(description="The liquidation that made it due; null where a person decided.")
    proceeding_opened_on: date | None = Field(description="Day of that judgment; null as the id is.")
    reason: str | None = Field(description="Why a person decided so; null where a judgment did it.")
    document_sha256: str | None = Field(
        description="SHA-256 of the decision, in lower-case hexadecimal; null: not given."
    )
    decided_by: UUID | None = Field(description="The person who decided; null where a judgment did it.")
    decided_by_name: PersonNameOrNull = Field(description="Present name of who decided; null as the id is.")
    recorded_at: RecordedAt


class AdvanceAlert(Read):
    """What was told of an advance when its day had come, once."""

    told_as = "advance"

    id: Id
    territory: TerritorySlug
    advance_id: UUID = Field(description="The advance that it is about.")
    decision_reference: _DecisionReference
    siren: SirenRead
    firm_name: FirmName
    kind: AdvanceAlertKind = Field(
        description="instalment_due: a line falls due; instalment_overdue: it is unpaid the day after; bucket_changed:"
        " the advance has come to another bucket, or proceedings were opened; claim_due: a claim is to be declared in"
        " 15 or 3 days; act_needed: a line is unpaid for six months (loi organique n° 2001-692, art. 24)."
    )
    on_day: date = Field(description="Paris day on which it became so.")
    due_on: date | None = Field(description="Due day of the line, or last day of the claim; null where it has none.")
    bucket: Bucket | None = Field(description="The bucket that was reached; null of the other kinds.")
    amount_cents: Cents = Field(description="What was left of the line, or outstanding, when it was told: euro cents.")
    raised_at: RecordedAt
