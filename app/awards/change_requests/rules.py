"""What a change request can ask for, be and become. No session, no await."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from app.core import clock
from app.core.faults import Fault
from app.core.problems import Problem


class ChangeKind(StrEnum):
    """What of an aid a change request changes."""

    AMOUNT = "amount"
    DATES = "dates"
    OBJECT = "object"
    PARAMETERS = "parameters"
    HOLDER = "holder"


class ChangeRequestStatus(StrEnum):
    """State of a change request; an approved one is the amendment (*avenant*)."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class ChangeRequestAction(StrEnum):
    """What may be done to a change request."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"


TRANSITIONS: Mapping[ChangeRequestAction, ChangeRequestStatus] = {
    ChangeRequestAction.APPROVE: ChangeRequestStatus.APPROVED,
    ChangeRequestAction.REFUSE: ChangeRequestStatus.REFUSED,
    ChangeRequestAction.WITHDRAW: ChangeRequestStatus.WITHDRAWN,
}
# The fields that each kind of change gives: at least one of them, a holder both, and no other.
FIELDS: Mapping[ChangeKind, tuple[str, ...]] = {
    ChangeKind.AMOUNT: ("amount_cents",),
    ChangeKind.DATES: ("planned_start_on", "planned_end_on"),
    ChangeKind.OBJECT: ("project_title",),
    ChangeKind.PARAMETERS: ("parameters",),
    ChangeKind.HOLDER: ("siren", "proof_sha256"),
}

FIELDS_OF_CHANGE = Fault(
    "fields_of_change",
    en="A change of this kind gives: {fields}.",
    fr="Un changement de cette nature donne : {fields}.",
)
KIND_TWICE = Fault(
    "kind_twice",
    en="A kind of change can appear only once in a request.",
    fr="Une nature de changement ne peut figurer qu'une fois dans une demande.",
)


class ChangeRequestTransition(Problem):
    """The change request has already been decided or withdrawn."""

    status = 409
    title_fr = "La demande d'avenant a déjà été tranchée ou retirée."
    detail = "The request is {current}."
    detail_fr = "La demande est {current}."
    cure = "Make a new request for a further change."
    cure_fr = "Faites une nouvelle demande pour un autre changement."


class BelowPaid(Problem):
    """The amount cannot be below what is paid or on its way."""

    status = 409
    title_fr = "Le montant ne peut pas être inférieur à ce qui est payé ou en cours de paiement."
    detail = "Paid or on its way: {paid_cents}."
    detail_fr = "Payé ou en cours de paiement : {paid_cents}."
    cure = "Refuse the request, and ask for at least this amount; what must come back is a recovery."
    cure_fr = "Refusez la demande et demandez au moins ce montant ; ce qui doit revenir est un reversement."


class BeforeLastPayment(Problem):
    """A change cannot be dated before the last payment."""

    status = 409
    title_fr = "Un avenant ne peut pas être daté d'avant le dernier paiement."
    detail = "The last payment was made on {last_paid_on}."
    detail_fr = "Le dernier paiement date du {last_paid_on}."
    cure = "Enter this day or a later one."
    cure_fr = "Saisissez ce jour ou un jour ultérieur."


class NotHeldByParameters(Problem):
    """The award is held by its amount alone: it has no parameters that could be changed."""

    status = 409
    title_fr = "L'attribution est tenue par son seul montant : elle n'a pas de paramètres à modifier."
    cure = "Ask for a change of the amount, the dates or the object."
    cure_fr = "Demandez un changement du montant, des dates ou de l'objet."


class ParameterUnknown(Problem):
    """The scheme of the aid has no parameter of this name."""

    status = 409
    title_fr = "Le dispositif de l'aide n'a pas de paramètre de ce nom."
    detail = "{parameter} is no parameter of {scheme}."
    detail_fr = "{parameter} n'est pas un paramètre de {scheme}."
    cure = "Ask for a change of a parameter that the scheme has (`/v1/schemes/…/parameters`)."
    cure_fr = "Demandez le changement d'un paramètre que le dispositif possède (`/v1/schemes/…/parameters`)."


class BelowStartExtension(Problem):
    """The parameters cannot fall below what an extension of the start has used."""

    status = 409
    title_fr = "Les paramètres ne peuvent pas être inférieurs à ce qu'une prolongation du démarrage a utilisé."
    detail = (
        "The start was extended by {start_extension_months} months on {extended_on}, which was within {start_months}"
        " months of the notification."
    )
    detail_fr = (
        "Le démarrage a été prolongé de {start_extension_months} mois le {extended_on}, soit dans les {start_months}"
        " mois suivant la notification."
    )
    cure = (
        "Ask for at least these months (`start_months`, `start_extension_months`); refuse first a request that waits"
        " and asks for less."
    )
    cure_fr = (
        "Demandez au moins ces mois (`start_months`, `start_extension_months`) ; refusez d'abord une demande en attente"
        " qui en demande moins."
    )


class AlreadyHolder(Problem):
    """The firm holds the aid already."""

    status = 409
    title_fr = "L'entreprise porte déjà l'aide."


class HolderChanged(Problem):
    """The aid has passed to another firm since the request."""

    status = 409
    title_fr = "L'aide est passée à une autre entreprise depuis la demande."
    detail = "Its holder is {siren}."
    detail_fr = "Son porteur est {siren}."
    cure = "Refuse the request, and make a new one."
    cure_fr = "Refusez la demande, puis faites-en une nouvelle."


class PlannedEndBeforeStart(Problem):
    """The planned end would be before the planned start."""

    status = 409
    title_fr = "La fin prévue précéderait le début prévu."
    detail = "The start is planned for {planned_start_on}, the end for {planned_end_on}."
    detail_fr = "Le début est prévu le {planned_start_on}, la fin le {planned_end_on}."
    cure = "Refuse the request, and ask for both days."
    cure_fr = "Refusez la demande et demandez les deux jours."


def check_change(status: str, action: ChangeRequestAction) -> ChangeRequestStatus:
    """What a request becomes by the action. Raises `change-request-transition` (409)."""
    if status != ChangeRequestStatus.REQUESTED:
        raise ChangeRequestTransition(current=status)
    return TRANSITIONS[action]


def refuse_below_extension(
    notified_on: date | None, extended_on: date | None, extension_months: int, parameters: Mapping[str, Any]
) -> None:
    """Raises `below-start-extension` (409) for parameters by which a used extension of the start was not allowed."""
    if notified_on is None or extended_on is None:
        return
    start_months = parameters.get("start_months")
    late = start_months is not None and extended_on > clock.after_months(notified_on, start_months)
    if late or extension_months > (parameters.get("start_extension_months") or 0):
        needed = next(months for months in range(1, 1200) if clock.after_months(notified_on, months) >= extended_on)
        raise BelowStartExtension(
            start_extension_months=extension_months, extended_on=extended_on.isoformat(), start_months=needed
        )


def refuse_before_last_payment(last_paid_on: date | None, on: date) -> None:
    """Raises `before-last-payment` (409) for a change that would be dated before money went out."""
    if last_paid_on is not None and on < last_paid_on:
        raise BeforeLastPayment(last_paid_on=last_paid_on)
