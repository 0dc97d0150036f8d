"""What a firm has committed itself to, by when, and what became of it. No session, no await.

Source: regulation (EU) No 651/2014, art. 14, § 5 (an investment is kept five years, three by an SME); the rest is what
the parameters of the scheme say, as they were frozen into the award.
"""

from datetime import date
from enum import StrEnum
from typing import NamedTuple

from app.core.clock import after_months
from app.core.problems import Problem
from app.schemes.rules import Parameters


class CommitmentKind(StrEnum):
    """What is committed to: jobs at a day, or the investment kept until then."""

    JOBS = "jobs"
    INVESTMENT = "investment"


class CommitmentOutcome(StrEnum):
    """What became of a commitment."""

    MET = "met"
    PARTLY_MET = "partly_met"
    NOT_MET = "not_met"
    WAIVED = "waived"


class CommitmentState(StrEnum):
    """A commitment as it is read: `overdue` is a due one without a report after its last day."""

    OPEN = "open"
    REPORTED = "reported"
    OVERDUE = "overdue"
    SETTLED = "settled"


class Due(NamedTuple):
    """A commitment, so many months after the completion."""

    kind: CommitmentKind
    months: int
    due_on: date


class CommitmentSettled(Problem):
    """The outcome of this commitment is recorded already."""

    status = 409
    title_fr = "L'issue de cet engagement est déjà enregistrée."
    detail = "It was {outcome}."
    detail_fr = "L'issue est {outcome}."


class CommitmentNotReported(Problem):
    """What became of a commitment is judged by a report with its evidence."""

    status = 409
    title_fr = "L'issue d'un engagement s'apprécie sur un compte rendu et ses pièces."
    cure = "Record a report first, or record the outcome waived or not_met."
    cure_fr = "Enregistrez d'abord un compte rendu, ou enregistrez l'issue waived ou not_met."


def commitments(parameters: Parameters, completed_on: date, *, sme: bool) -> list[Due]:
    """What the parameters ask after the completion. A firm whose size is not known is held as a large one."""
    kept = parameters.maintenance_sme_months if sme else parameters.maintenance_months
    return [
        *(Due(CommitmentKind.JOBS, months, after_months(completed_on, months))
          for months in sorted(set(parameters.jobs_report_months or ()))),
        *(Due(CommitmentKind.INVESTMENT, months, after_months(completed_on, months))
          for months in ([kept] if kept is not None else [])),
    ]  # fmt: skip
