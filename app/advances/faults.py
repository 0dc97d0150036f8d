"""What a schedule cannot be, in English and French: the sentences of the faults that `schedule` and `schemas` find."""

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from app.advances.schedule import TermsFault
from app.core.messages import FIELD_MESSAGES

FAULTS: dict[str, tuple[str, str]] = {
    "principal_or_tranches": (
        "Send either principal_cents with disbursed_on, or tranches.",
        "Indiquez soit principal_cents avec disbursed_on, soit tranches.",
    ),
    "tranches_out_of_order": (
        "A tranche cannot be paid before the one that precedes it ({previous_on}).",
        "Un versement ne peut pas précéder celui d'avant ({previous_on}).",
    ),
    "too_many_periods": (
        "A schedule has at most {most} periods, the grace among them; this one has {periods}.",
        "Un échéancier compte au plus {most} périodes, différé compris ; celui-ci en compte {periods}.",
    ),
    "schedule_too_long": (
        "The last instalment would fall due in {year}; a schedule ends in {last_year} at the latest.",
        "La dernière échéance tomberait en {year} ; un échéancier s'achève au plus tard en {last_year}.",
    ),
    "grace_without_end": (
        "The grace of {grace_periods} periods covers all {instalments} instalments; at least one must remain.",
        "Le différé de {grace_periods} périodes couvre les {instalments} échéances ; il doit en rester au moins une.",
    ),
    "first_due_before_disbursement": (
        "The first due date must be after the disbursement on {disbursed_on}.",
        "La première échéance doit suivre le versement du {disbursed_on}.",
    ),
    "tranche_after_last_due": (
        "The money must be paid before the last due date, {last_due_on}.",
        "L'argent doit être versé avant la dernière échéance, le {last_due_on}.",
    ),
    "planned_before_decision": (
        "The planned day cannot be before the decision of {decided_on}.",
        "Le jour prévu ne peut pas précéder la décision du {decided_on}.",
    ),
    "steps_sum": (
        "The steps must sum to what is paid out: they sum to {steps_cents}, not {principal_cents}.",
        "Les paliers doivent totaliser ce qui est versé : ils totalisent {steps_cents}, non {principal_cents}.",
    ),
    "steps_count": (
        "The steps must have {instalments} instalments, as many as repay principal; they have {steps_instalments}.",
        "Les paliers doivent compter {instalments} échéances de principal ; ils en comptent {steps_instalments}.",
    ),
    "lines_sum": (
        "The principals of the lines must sum to what is paid out: they sum to {lines_cents}, not {principal_cents}.",
        "Le principal des lignes doit totaliser ce qui est versé : il totalise {lines_cents}, non {principal_cents}.",
    ),
    "lines_count": (
        "instalments must be the number of lines, {lines}; or leave it out.",
        "instalments doit être le nombre de lignes, {lines} ; ou omettez-le.",
    ),
    "dates_not_increasing": (
        "The line must fall due later than the one before it ({previous_on}).",
        "L'échéance doit suivre la précédente ({previous_on}).",
    ),
    "line_before_disbursement": (
        "The first line must fall due after the disbursement on {disbursed_on}.",
        "La première échéance doit suivre le versement du {disbursed_on}.",
    ),
    "day_count_of_custom": (
        "A custom schedule with a rate counts real days: send act_365 or act_360.",
        "Un échéancier libre à taux non nul compte les jours réels : indiquez act_365 ou act_360.",
    ),
    "field_of_another_shape": (
        "The shape {shape} does not take this field.",
        "La forme {shape} n'admet pas ce champ.",
    ),
    "remainder_of_instalments": (
        "Constant instalments leave the remainder to the last line: send last.",
        "Des échéances constantes laissent le reste à la dernière : indiquez last.",
    ),
    "instalment_below_interest": (
        "The interest due on {due_on}, {interest_cents}, is more than the instalment of {instalment_cents}.",
        "Les intérêts dus le {due_on}, {interest_cents}, dépassent l'échéance de {instalment_cents}.",
    ),
    "rate_out_of_range": (
        "The rate must be from {minimum} to {maximum} basis points.",
        "Le taux doit être compris entre {minimum} et {maximum} points de base.",
    ),
}

FIELD_MESSAGES.update(FAULTS)


def refuse(faults: Iterable[TermsFault]) -> None:
    """Raises a validation error with each fault where it stands; nothing where there is none."""
    found = []
    for fault in faults:
        kind = PydanticCustomError(fault.code, "Refused.", dict(fault.members))
        found.append(InitErrorDetails(type=kind, loc=fault.at, input=None))
    if found:
        raise ValidationError.from_exception_data("schedule", found)
