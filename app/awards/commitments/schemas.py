"""What travels about commitments."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.awards.commitments.rules import CommitmentKind, CommitmentOutcome, CommitmentState
from app.core.schemas import Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, RecordedAt, UpdatedAt, Version
from app.core.values import Day, Fte, Reason, Sha256, Text
from app.firms.schemas import FirmName, SirenRead


class CommitmentReportCreate(Body):
    """What was observed of a commitment, with its evidence."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"observed_on": "2025-06-30", "text": "12 jobs stand.", "jobs_fte": 12, "document_sha256": "ab" * 32}
            ]
        }
    )

    observed_on: Annotated[Day, Field(description="Paris day of which it reports, today at the latest.")]
    text: Annotated[Text, Field(description="What was observed.")]
    jobs_fte: (
        Annotated[Fte, Field(description="Jobs observed, in full-time equivalents; absent or null: not counted.")]
        | None
    ) = None
    document_sha256: Annotated[Sha256, Field(description="SHA-256 of the evidence, in lower-case hexadecimal.")]


class CommitmentJudgment(Body):
    """What became of a commitment, as a person of the funder judges it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"outcome": "met", "judged_on": "2025-07-15", "reason": "12 jobs of 12 stand."}]
        }
    )

    outcome: Annotated[
        CommitmentOutcome,
        Field(description="met and partly_met rest on a report; not_met; waived: it is no longer asked for."),
    ]
    judged_on: Annotated[Day, Field(description="Paris day of the judgment, today at the latest.")]
    reason: Annotated[Reason, Field(description="Why; it is shown beside the commitment.")]


class Commitment(Read):
    """What a firm owes for its aid after the money, by a day."""

    id: Id
    aid_id: UUID = Field(description="The aid, a grant, an advance or both, for which it is owed.")
    decision_reference: str = Field(description="Reference of the decision that gave the aid.")
    siren: SirenRead
    firm_name: FirmName
    kind: CommitmentKind = Field(
        description="jobs: the jobs that stand on that day; investment: it is kept until that day."
    )
    months: int = Field(description="Months after the completion, by the frozen parameters of the aid.")
    due_on: date = Field(description="Paris day until which it is kept, or on which it is reported.")
    state: CommitmentState = Field(
        description="open; reported: what was reported is not judged yet; overdue: its day has passed without a report;"
        " settled: its outcome is recorded."
    )
    reports: int = Field(description="Number of reports.")
    overdue_on: date | None = Field(
        description="Paris day since which it is overdue, as the event said; null where none was due."
    )
    outcome: CommitmentOutcome | None = Field(
        description="met, partly_met, not_met or waived; null until it is judged."
    )
    judged_on: date | None = Field(description="Paris day of the judgment; null until then.")
    outcome_reason: str | None = Field(description="Why it was judged so; null until then.")
    judged_by: UUID | None = Field(
        description="The person who judged it, and who reported nothing of it; null until then."
    )
    judged_by_name: PersonNameOrNull = Field(description="Present name of who judged it; null until then.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class CommitmentReport(Read):
    """What was reported on a commitment. It stays as it was written."""

    id: Id
    commitment_id: UUID = Field(description="The commitment on which it reports.")
    commitment_due_on: date = Field(description="Paris day on which that commitment is due.")
    observed_on: date = Field(description="Paris day of which it reports.")
    text: str = Field(description="What was observed.")
    jobs_fte: Fte | None = Field(
        description="Jobs observed, in full-time equivalents; null where they were not counted."
    )
    document_sha256: str = Field(description="SHA-256 of the evidence, in lower-case hexadecimal.")
    reported_by: UUID = Field(description="Who recorded the report.")
    reported_by_name: PersonName = Field(description="Present name of who recorded the report.")
    recorded_at: RecordedAt
