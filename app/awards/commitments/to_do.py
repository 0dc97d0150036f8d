"""What waits among the commitments of a territory."""

from sqlalchemy import select

from app.awards.commitments.models import Commitment
from app.awards.commitments.queries import STATE
from app.awards.commitments.rules import CommitmentState
from app.core.db import literals
from app.programme.to_do import Kind

KINDS = (
    Kind(
        "commitments_overdue",
        "commitments of firms whose day has passed without a report; that day.",
        "commitments:write",
        select(Commitment.territory, Commitment.due_on).where(STATE.in_(literals([CommitmentState.OVERDUE]))),
        "commitments?state=overdue",
        by_person=False,
    ),
    Kind(
        "commitments_to_judge",
        "commitments that were reported and not judged; the day on which they are due.",
        "commitments:judge",
        select(Commitment.territory, Commitment.due_on).where(STATE.in_(literals([CommitmentState.REPORTED]))),
        "commitments?state=reported",
    ),
)
