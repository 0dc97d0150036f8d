"""What a firm's proceedings do to its advances. No session, no await.

Sources: code de commerce, art. L. 622-28 and L. 622-29 (a safeguard stops late interest, makes nothing due), L. 631-14
(a reorganisation likewise), L. 643-1 (a liquidation makes all due), R. 622-24 (claims within two months of the notice).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from app.advances.late import Span
from app.core.clock import after_months
from app.core.problems import Problem
from app.firms.models import ProceedingKind

CLAIM_MONTHS = 2
CLAIM_ALERTS = (15, 3)  # days before the last day to declare a claim


@dataclass(frozen=True)
class Judged:
    """A proceeding of the firm, as the register has it."""

    id: UUID
    kind: ProceedingKind
    opened_on: date
    noticed_on: date | None = None
    continued_until_on: date | None = None
    closed_on: date | None = None

    def open_on(self, day: date) -> bool:
        """Whether it is open on a day; on the day of its end it is not."""
        return self.opened_on <= day and (self.closed_on is None or day < self.closed_on)

    @property
    def claim_by_on(self) -> date | None:
        """The last day to declare a claim; None while no notice is known."""
        return None if self.noticed_on is None else after_months(self.noticed_on, CLAIM_MONTHS)

    @property
    def due_on(self) -> date | None:
        """The day on which it makes all due: of a liquidation the judgment, or the end of the activity that goes on.

        None where it makes nothing due, or was over before that day.
        """
        if self.kind is not ProceedingKind.LIQUIDATION:
            return None
        day = self.continued_until_on or self.opened_on
        return day if self.closed_on is None or day <= self.closed_on else None


class Accelerated(NamedTuple):
    """All of an advance is due from a day, by a judgment."""

    on: date
    proceeding_id: UUID


def stops(proceedings: Iterable[Judged]) -> list[Span]:
    """The days on which late interest does not run: those of open proceedings, of any kind."""
    return [Span(judged.opened_on, judged.closed_on) for judged in proceedings]


def open_on(proceedings: Iterable[Judged], day: date) -> Judged | None:
    """The proceeding that is open on a day: of several the one that opened last."""
    found = [judged for judged in proceedings if judged.open_on(day)]
    return max(found, key=lambda judged: (judged.opened_on, judged.id)) if found else None


def in_proceedings_on(proceedings: Iterable[Judged], day: date) -> date | None:
    """Since when the firm is in proceedings on a day, without a break; None where it is not."""
    judgments = list(proceedings)
    current = open_on(judgments, day)
    if current is None:
        return None
    since = current.opened_on
    while earlier := [
        judged.opened_on
        for judged in judgments
        if judged.opened_on < since and (judged.closed_on is None or judged.closed_on >= since)
    ]:
        since = min(earlier)
    return since


def made_due(proceedings: Iterable[Judged], day: date) -> Accelerated | None:
    """What a liquidation makes due by a day; of several the first. None where none does."""
    found = [Accelerated(judged.due_on, judged.id) for judged in proceedings if judged.due_on is not None]
    reached = [each for each in found if each.on <= day]
    return min(reached) if reached else None


class ClaimBeforeOpening(Problem):
    """A claim cannot be declared before the day of the opening judgment."""

    status = 409
    title_fr = "Une créance ne peut pas être déclarée avant le jour du jugement d'ouverture."
    detail = "The proceeding was opened on {opened_on}."
    detail_fr = "La procédure a été ouverte le {opened_on}."


class ClaimNotDeclared(Problem):
    """The claim is not declared yet."""

    status = 409
    title_fr = "La créance n'est pas encore déclarée."
    cure = "Record first that it was declared (POST `…/debt-claims`)."
    cure_fr = "Enregistrez d'abord sa déclaration (POST `…/debt-claims`)."


class AdmittedExceedsClaim(Problem):
    """More cannot be admitted than was declared."""

    status = 409
    title_fr = "Il ne peut pas être admis plus que ce qui a été déclaré."


class ClaimAdmittedBeforeDeclared(Problem):
    """A claim cannot be admitted before the day on which it was declared."""

    status = 409
    title_fr = "Une créance ne peut pas être admise avant le jour de sa déclaration."


class NoPlan(Problem):
    """The proceeding has not ended by a plan."""

    status = 409
    title_fr = "La procédure ne s'est pas terminée par un plan."
    cure = "Record its end in the register (PATCH `/v1/firms/{siren}/proceedings/{id}`: closed_on, ended_by `plan`)."
    cure_fr = (
        "Enregistrez sa fin au répertoire (PATCH `/v1/firms/{siren}/proceedings/{id}` : closed_on, ended_by `plan`)."
    )


class AlreadyPlanned(Problem):
    """The plan of this proceeding is recorded already."""

    status = 409
    title_fr = "Le plan de cette procédure est déjà enregistré."
    detail = "It is of {planned_on}."
    detail_fr = "Il est du {planned_on}."


class PlanLinesSum(Problem):
    """The lines of a plan must come to what is outstanding on its day."""

    status = 409
    title_fr = "Les échéances d'un plan doivent totaliser ce qui reste dû à sa date."
    detail = "They come to {lines_cents}; {outstanding_cents} are outstanding."
    detail_fr = "Elles totalisent {lines_cents} ; il reste dû {outstanding_cents}."
    cure = "Send lines that come to what is outstanding; what the plan remits is a waiver."
    cure_fr = "Envoyez des échéances qui totalisent ce qui reste dû ; ce que le plan remet est un abandon."
