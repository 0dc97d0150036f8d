"""What an act on an aid asks of the acts before it. No session, no await."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from app.core.faults import Fault
from app.core.problems import Problem


class AwardStage(StrEnum):
    """How far an award is: what its aid has seen, and then how it ended."""

    AWARDED = "awarded"
    AGREED = "agreed"
    STARTED = "started"
    COMPLETED = "completed"
    CLOSED = "closed"
    TERMINATED = "terminated"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


PLANNED_END_BEFORE_START = Fault(
    "planned_end_before_start",
    en="Must not be before planned_start_on.",
    fr="Ne peut pas précéder planned_start_on.",
)
DECLARED_BEFORE_COMPLETION = Fault(
    "declared_before_completion",
    en="Must not be before completed_on.",
    fr="Ne peut pas précéder completed_on.",
)
SIGNED_BY_NOBODY = Fault(
    "signed_by_nobody",
    en="Must be given where the other signature is not: an agreement on file bears one at least.",
    fr="Doit être donné si l'autre signature ne l'est pas : une convention au dossier en porte au moins une.",
)


class StartBeforeReceipt(Problem):
    """The project cannot have started before the day on which the aid file was received."""

    status = 409
    title_fr = "Le projet ne peut pas avoir commencé avant le jour de réception du dossier d'aide."
    detail = "The file was received on {received_on}."
    detail_fr = "Le dossier a été reçu le {received_on}."
    cure = (
        "Check the day of the first order. A project that started before is not aided: cancel or terminate the award."
    )
    cure_fr = (
        "Vérifiez le jour de la première commande. Un projet commencé avant n'est pas aidé : annulez ou résiliez"
        " l'attribution."
    )


class StartTooLate(Problem):
    """The project must have started by the last day for its start."""

    status = 409
    title_fr = "Le projet doit avoir commencé au plus tard le dernier jour prévu pour son commencement."
    detail = "That day was {start_by_on}."
    detail_fr = "Ce jour était le {start_by_on}."
    cure = "Check the day of the first order. An aid that was not started by then lapses."
    cure_fr = "Vérifiez le jour de la première commande. Une aide non commencée à cette date devient caduque."


class NotNotified(Problem):
    """The decision must be notified first: the time for the start begins on that day."""

    status = 409
    title_fr = "La décision doit d'abord être notifiée : le délai de commencement court de ce jour."
    cure = "Record the notification of the decision first (`…/notify`)."
    cure_fr = "Enregistrez d'abord la notification de la décision (`…/notify`)."


class AlreadyStarted(Problem):
    """The project has already started: its start needs no more time."""

    status = 409
    title_fr = "Le projet a déjà commencé : son commencement n'appelle pas de prorogation."
    detail = "It started on {started_on}."
    detail_fr = "Il a commencé le {started_on}."
    cure = "Correct the day of the start if it is mistaken (`…/start`)."
    cure_fr = "Corrigez le jour de commencement s'il est erroné (`…/start`)."


class StartExtensionUsed(Problem):
    """The time for the start can be extended only once."""

    status = 409
    title_fr = "Le délai de commencement ne peut être prorogé qu'une fois."
    detail = "It was extended on {extended_on}; the start must be by {start_by_on}."
    detail_fr = "Il a été prorogé le {extended_on} ; le commencement doit intervenir au plus tard le {start_by_on}."
    cure = "Start the project by this day."
    cure_fr = "Commencez le projet au plus tard ce jour."


class StartExtensionLate(Problem):
    """The time for the start can be extended only before its end."""

    status = 409
    constraint = "start_extension_late"
    title_fr = "Le délai de commencement ne peut être prorogé qu'avant son terme."
    cure = "Check the day of the request, or start the project by `start_by_on`."
    cure_fr = "Vérifiez le jour de la demande, ou commencez le projet au plus tard à `start_by_on`."


class StartExtensionTooLong(Problem):
    """The time for the start cannot be extended by so many months."""

    status = 409
    constraint = "start_extension_too_long"
    title_fr = "Le délai de commencement ne peut pas être prorogé d'autant de mois."
    detail = "At most {most_months} months under this scheme."
    detail_fr = "Au plus {most_months} mois pour ce dispositif."
    cure = "Extend it by at most this number of months."
    cure_fr = "Prorogez-le au plus de ce nombre de mois."


class CompletedBeforeStart(Problem):
    """The project cannot be completed before it started."""

    status = 409
    constraint = "completed_before_start"
    title_fr = "Le projet ne peut pas être achevé avant d'avoir commencé."
    detail = "It started on {started_on}."
    detail_fr = "Il a commencé le {started_on}."
    cure = "Enter this day or a later one, or correct the day of the start (`…/start`)."
    cure_fr = "Saisissez ce jour ou un jour ultérieur, ou corrigez le jour de commencement (`…/start`)."


class CompletedUnstarted(Problem):
    """The start of the project must be recorded before its completion."""

    status = 409
    constraint = "completed_unstarted"
    title_fr = "Le commencement du projet doit être enregistré avant son achèvement."
    cure = "Record the start first (`…/start`)."
    cure_fr = "Enregistrez d'abord le commencement (`…/start`)."


class AwardPaid(Problem):
    """An award of which something was paid cannot be cancelled."""

    status = 409
    title_fr = "Une attribution dont une partie a été payée ne peut pas être retirée."
    cure = "Terminate it (`…/terminate`): what is not paid returns to the envelope."
    cure_fr = "Résiliez-la (`…/terminate`) : ce qui n'est pas payé revient à l'enveloppe."


class NothingAgreed(Problem):
    """An award can be terminated only once it is agreed, started or paid."""

    status = 409
    title_fr = "Une attribution ne peut être résiliée qu'une fois conventionnée, commencée ou payée."
    cure = "Cancel it (`…/cancel`)."
    cure_fr = "Retirez-la (`…/cancel`)."


class AgreementMissing(Problem):
    """The firm and the funder must have signed the agreement of the aid first."""

    status = 409
    title_fr = "L'entreprise et le financeur doivent d'abord avoir signé la convention de l'aide."
    detail = "The awards of this funder to this firm in {year} come to {awarded_cents}, above {threshold_cents}."
    detail_fr = (
        "Les attributions de ce financeur à cette entreprise en {year} totalisent {awarded_cents}, au-delà de"
        " {threshold_cents}."
    )
    cure = "Put the agreement that both have signed on file first (PUT `…/agreement`)."
    cure_fr = "Versez d'abord au dossier la convention signée par les deux parties (PUT `…/agreement`)."

    @classmethod
    def of_terms(cls) -> "AgreementMissing":
        """The refusal of an act that rests on what is agreed, whatever the amount."""
        refused = cls()
        refused.detail = refused.detail_fr = ""
        return refused


def must_be_agreed(awarded_cents: int, threshold_cents: int | None, legal_form_code: str | None) -> bool:
    """Whether the awards of one funder to one firm in one calendar year need a signed agreement before any payment.

    A public body (legal category 4 or 7) needs none; a firm whose category is unknown counts as private. The threshold
    itself can be reached (loi 2000-321, art. 10; décret 2001-495, art. 1).
    """
    private = legal_form_code is None or legal_form_code[0] not in "47"
    return private and threshold_cents is not None and awarded_cents > threshold_cents


def threshold_of(parameters: Mapping[str, Any]) -> int | None:
    """Above which amount of a year an agreement is needed, as the scheme said on the day of the decision."""
    value = parameters.get("agreement_above_cents")
    return value if isinstance(value, int) else None


def refuse_late_start(start_by_on: date | None, started_on: date) -> None:
    """Raises `start-too-late` (409) for a start after the last day for it."""
    if start_by_on is not None and started_on > start_by_on:
        raise StartTooLate(start_by_on=start_by_on)
