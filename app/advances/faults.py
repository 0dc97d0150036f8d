"""What a schedule cannot be: the faults that `schedule` and `schemas` find."""

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from app.advances.schedule import TermsFault
from app.core.faults import FAULTS, Fault

PRINCIPAL_OR_TRANCHES = Fault(
    "principal_or_tranches",
    en="Send either principal_cents with disbursed_on, or tranches.",
    fr="Indiquez soit principal_cents avec disbursed_on, soit tranches.",
)
TRANCHES_OUT_OF_ORDER = Fault(
    "tranches_out_of_order",
    en="A tranche cannot be paid before the one that precedes it ({previous_on}).",
    fr="Un versement ne peut pas précéder celui d'avant ({previous_on}).",
)
TOO_MANY_PERIODS = Fault(
    "too_many_periods",
    en="A schedule has at most {most} periods, the grace among them; this one has {periods}.",
    fr="Un échéancier compte au plus {most} périodes, différé compris ; celui-ci en compte {periods}.",
)
SCHEDULE_TOO_LONG = Fault(
    "schedule_too_long",
    en="The last instalment would fall due in {year}; a schedule ends in {last_year} at the latest.",
    fr="La dernière échéance tomberait en {year} ; un échéancier s'achève au plus tard en {last_year}.",
)
GRACE_WITHOUT_END = Fault(
    "grace_without_end",
    en="The grace period covers every instalment; at least one must remain.",
    fr="Le différé couvre toutes les échéances ; il doit en rester au moins une.",
)
FIRST_DUE_BEFORE_DISBURSEMENT = Fault(
    "first_due_before_disbursement",
    en="The first due date must be after the disbursement on {disbursed_on}.",
    fr="La première échéance doit suivre le versement du {disbursed_on}.",
)
TRANCHE_AFTER_LAST_DUE = Fault(
    "tranche_after_last_due",
    en="The money must be paid before the last due date, {last_due_on}.",
    fr="L'argent doit être versé avant la dernière échéance, le {last_due_on}.",
)
PLANNED_BEFORE_DECISION = Fault(
    "planned_before_decision",
    en="The planned day cannot be before the decision of {decided_on}.",
    fr="Le jour prévu ne peut pas précéder la décision du {decided_on}.",
)
STEPS_SUM = Fault(
    "steps_sum",
    en="The steps must sum to what is paid out: they sum to {steps_cents}, not {principal_cents}.",
    fr="Les paliers doivent totaliser ce qui est versé : ils totalisent {steps_cents}, non {principal_cents}.",
)
STEPS_COUNT = Fault(
    "steps_count",
    en="The steps must have {instalments} instalments, as many as repay principal; they have {steps_instalments}.",
    fr="Les paliers doivent compter {instalments} échéances de principal ; ils en comptent {steps_instalments}.",
)
LINES_SUM = Fault(
    "lines_sum",
    en="The principals of the lines must sum to what is paid out: they sum to {lines_cents}, not {principal_cents}.",
    fr="Le principal des lignes doit totaliser ce qui est versé : il totalise {lines_cents}, non {principal_cents}.",
)
LINES_COUNT = Fault(
    "lines_count",
    en="instalments must be the number of lines, {lines}; or leave it out.",
    fr="instalments doit être le nombre de lignes, {lines} ; ou omettez-le.",
)
DATES_NOT_INCREASING = Fault(
    "dates_not_increasing",
    en="The line must fall due later than the one before it ({previous_on}).",
    fr="L'échéance doit suivre la précédente ({previous_on}).",
)
LINE_BEFORE_DISBURSEMENT = Fault(
    "line_before_disbursement",
    en="The first line must fall due after the disbursement on {disbursed_on}.",
    fr="La première échéance doit suivre le versement du {disbursed_on}.",
)
DAY_COUNT_OF_CUSTOM = Fault(
    "day_count_of_custom",
    en="A custom schedule with a rate counts real days: send act_365 or act_360.",
    fr="Un échéancier libre à taux non nul compte les jours réels : indiquez act_365 ou act_360.",
)
FIELD_OF_ANOTHER_SHAPE = Fault(
    "field_of_another_shape",
    en="The shape {shape} does not take this field.",
    fr="La forme {shape} n'admet pas ce champ.",
)
REMAINDER_OF_INSTALMENTS = Fault(
    "remainder_of_instalments",
    en="Constant instalments leave the remainder to the last line: send last.",
    fr="Des échéances constantes laissent le reste à la dernière : indiquez last.",
)
INSTALMENT_BELOW_INTEREST = Fault(
    "instalment_below_interest",
    en="The interest due on {due_on}, {interest_cents}, is more than the instalment of {instalment_cents}.",
    fr="Les intérêts dus le {due_on}, {interest_cents}, dépassent l'échéance de {instalment_cents}.",
)
RATE_OUT_OF_RANGE = Fault(
    "rate_out_of_range",
    en="The rate must be from {minimum} to {maximum} basis points.",
    fr="Le taux doit être compris entre {minimum} et {maximum} points de base.",
)

LATE_RATE_IS_LEGAL = Fault(
    "late_rate_is_legal",
    en="late_rate_bp belongs to late_rate contract.",
    fr="late_rate_bp n'accompagne que late_rate contract.",
)
ONLY_CONDITIONAL = Fault(
    "only_conditional",
    en="Only a conditional advance has this field.",
    fr="Seule une avance conditionnelle (kind conditional) admet ce champ.",
)
AVAILABLE_BEFORE_DECISION = Fault(
    "available_before_decision",
    en="The last day on which the advance is drawn cannot be before the decision of {decided_on}.",
    fr="Le dernier jour de tirage de l'avance ne peut pas précéder la décision du {decided_on}.",
)
MINIMUM_ABOVE_ADVANCE = Fault(
    "minimum_above_advance",
    en="The minimum repayment cannot be more than the advance, {amount_cents}.",
    fr="Le remboursement minimal ne peut pas dépasser l'avance, {amount_cents}.",
)
SHARE_WITHOUT_BASE = Fault(
    "share_without_base",
    en="A certified share needs a base: send scheme and base_cents, or leave it out.",
    fr="Une part attestée suppose une assiette : indiquez scheme et base_cents, ou omettez-la.",
)


def refuse(faults: Iterable[TermsFault]) -> None:
    """Raises a validation error with each fault where it stands; nothing where there is none."""
    details = []
    for fault in faults:
        kind = FAULTS[fault.code].error(**fault.members)
        details.append(InitErrorDetails(type=kind, loc=fault.at, input=None))
    if details:
        raise ValidationError.from_exception_data("schedule", details)
