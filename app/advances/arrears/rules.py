"""How old arrears are, what a formal notice starts, and when all becomes due. No session, no await.

Sources: code civil, art. 1231-6 (late interest runs from the formal notice), 1225 (acceleration after a notice that has
had no effect); loi organique n° 2001-692, art. 24 (an instalment unpaid for six months needs an act).
"""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from app.advances.position import Bucket
from app.core.clock import after_months
from app.core.problems import Problem

ONE_DAY = timedelta(days=1)
DELAY_DAYS = (8, 30)  # the shortest and the longest delay of a formal notice
ACT_NEEDED_MONTHS = 6
DEFAULT_DAYS = 90  # overdue for longer is default

# The first day past due of each bucket, the youngest first.
BUCKETS = (
    (Bucket.DAYS_1_30, 1),
    (Bucket.DAYS_31_60, 31),
    (Bucket.DAYS_61_90, 61),
    (Bucket.DAYS_91_180, 91),
    (Bucket.OVER_180, 181),
)


def act_needed_on(due_on: date) -> date:
    """The day on which an instalment that is still unpaid needs an act: the day after six months."""
    return after_months(due_on, ACT_NEEDED_MONTHS) + ONE_DAY


class AdvanceAlertKind(StrEnum):
    """What is told of an advance when its day comes."""

    INSTALMENT_DUE = "instalment_due"
    INSTALMENT_OVERDUE = "instalment_overdue"
    BUCKET_CHANGED = "bucket_changed"
    CLAIM_DUE = "claim_due"
    ACT_NEEDED = "act_needed"


# --- formal notice and acceleration ----------------------------------------------------------------------------------


class NoticeStatus(StrEnum):
    """A formal notice counts, or was withdrawn as a mistake."""

    RECORDED = "recorded"
    WITHDRAWN = "withdrawn"


def runs_from(received_on: date | None, first_presented_on: date | None) -> date | None:
    """The day from which a notice has effect: it was received, or first presented where it was not claimed."""
    return received_on if received_on is not None else first_presented_on


class Given(NamedTuple):
    """A formal notice: the due days of the lines that it claims, and what runs from which day."""

    id: UUID
    due_dates: frozenset[date]
    from_on: date | None
    delay_days: int

    @property
    def delay_ends_on(self) -> date | None:
        """The last day on which the firm can still pay what is claimed; None where nothing runs yet."""
        return None if self.from_on is None else self.from_on + timedelta(days=self.delay_days)


class LineNotOverdue(Problem):
    """A formal notice can claim only lines that are overdue on the day on which it is sent."""

    status = 409
    title_fr = "Une mise en demeure ne peut réclamer que des échéances impayées le jour de son envoi."
    detail = "No line due on {due_on} is overdue on that day."
    detail_fr = "Aucune échéance du {due_on} n'est impayée ce jour-là."
    cure = "Name only lines that are late (`T/instalments?late=true`)."
    cure_fr = "Ne désignez que des échéances en retard (`T/instalments?late=true`)."


class NoticeDelayTooShort(Problem):
    """A formal notice must leave at least the delay of the agreement."""

    status = 409
    title_fr = "Une mise en demeure doit laisser au moins le délai de la convention."
    detail = "The agreement leaves {agreed_days} days."
    detail_fr = "La convention laisse {agreed_days} jours."
    cure = "Send at least that many days as delay_days, or leave it out."
    cure_fr = "Indiquez au moins ce nombre de jours dans delay_days, ou omettez-le."


class NoticeDaysOutOfOrder(Problem):
    """A formal notice is sent, then presented, then received: its days must be in this order."""

    status = 422
    title_fr = "Une mise en demeure est envoyée, puis présentée, puis reçue : ses jours doivent suivre cet ordre."


class CallsStopped(Problem):
    """No formal notice can be sent while proceedings of the firm are open."""

    status = 409
    title_fr = "Aucune mise en demeure ne peut être envoyée tant qu'une procédure collective est ouverte."
    detail = "The proceeding ({kind}) was opened on {opened_on}."
    detail_fr = "La procédure ({kind}) a été ouverte le {opened_on}."
    cure = "Declare the claim to the proceeding (PUT `…/debt-claims/{proceeding_id}`)."
    cure_fr = "Déclarez la créance à la procédure (PUT `…/debt-claims/{proceeding_id}`)."


class NoticeWithdrawn(Problem):
    """The formal notice is withdrawn."""

    status = 409
    title_fr = "La mise en demeure est retirée."
    cure = "Record another formal notice."
    cure_fr = "Enregistrez une autre mise en demeure."


class NoticeReliedOn(Problem):
    """All of the advance became due on this formal notice: it stays as it is."""

    status = 409
    title_fr = "La déchéance du terme repose sur cette mise en demeure : elle reste telle qu'elle est."
    detail = "It was accelerated on {accelerated_on}."
    detail_fr = "Elle a été prononcée le {accelerated_on}."


class NoticeMissing(Problem):
    """No formal notice for a line that is overdue has been received or presented."""

    status = 409
    title_fr = "Aucune mise en demeure d'une échéance impayée n'a été reçue ou présentée."
    cure = "Send a formal notice, record it with the day on which it was received or first presented, and wait."
    cure_fr = "Envoyez une mise en demeure, enregistrez-la avec le jour de réception ou de présentation, et attendez."


class DelayRunning(Problem):
    """The delay of the formal notice is still running on the day of the acceleration."""

    status = 409
    title_fr = "Le délai de la mise en demeure court encore le jour de la déchéance du terme."
    detail = "The firm can pay until {until}."
    detail_fr = "L'entreprise peut payer jusqu'au {until}."
    cure = "Accelerate the advance on a day after that one."
    cure_fr = "Prononcez la déchéance du terme à un jour postérieur."


class AlreadyAccelerated(Problem):
    """All of the advance is due already."""

    status = 409
    title_fr = "La totalité de l'avance est déjà exigible."
    detail = "It is due since {accelerated_on}."
    detail_fr = "Elle l'est depuis le {accelerated_on}."


class ClauseVoid(Problem):
    """A safeguard or a reorganisation makes nothing due: a clause that says otherwise is void."""

    status = 409
    title_fr = "Une sauvegarde ou un redressement ne rend rien exigible : une clause contraire est réputée non écrite."
    detail = "The proceeding ({kind}) was opened on {opened_on}."
    detail_fr = "La procédure ({kind}) a été ouverte le {opened_on}."
    cure = "Declare the claim to the proceeding (`…/debt-claims`); record the end of the proceeding if it has ended."
    cure_fr = (
        "Déclarez la créance à la procédure (`…/debt-claims`) ; enregistrez la fin de la procédure si elle est close."
    )


def notice_relied_on(notices: Iterable[Given], overdue: frozenset[date], on: date) -> Given:
    """The notice on which an acceleration of a day rests: of those that claim an overdue line the one that ran out
    first.

    Raises `notice-missing`, `delay-running` (409).
    """
    running = [
        (given.delay_ends_on, given) for given in notices if given.delay_ends_on is not None
        and given.due_dates & overdue
    ]  # fmt: skip
    if not running:
        raise NoticeMissing
    until, given = min(running, key=lambda each: (each[0], each[1].id))
    if on <= until:
        raise DelayRunning(until=until)
    return given
