"""Parameters of a scheme by name: which type each known one has, and what they say on a day. No session, no await."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from app.core.faults import FieldError
from app.core.problems import Problem
from app.core.validation import field_errors
from app.core.values import AmountCents, BasisPoints

Value = TypeVar("Value")

# The bounds keep every day that is counted from a parameter inside the calendar.
Months = Annotated[int, Field(strict=True, ge=0, le=600)]
Days = Annotated[int, Field(strict=True, ge=0, le=3660)]
# The months that an advance is repaid in: at least one.
RepaymentMonths = Annotated[int, Field(strict=True, ge=1, le=600)]


class Manner(StrEnum):
    """What a request for indispensable pieces does to the delay of admissibility.

    `suspends`: it goes on where it stopped once they come in; `restarts`: it begins anew on that day.
    """

    SUSPENDS = "suspends"
    RESTARTS = "restarts"


class ParameterNotInForce(Problem):
    """The scheme has no value of this parameter on this day."""

    status = 409
    title_fr = "Le dispositif n'a pas de valeur pour ce paramètre à cette date."
    detail = "{parameter} has no value on {on}."
    detail_fr = "{parameter} n'a pas de valeur le {on}."
    cure = "Ask the programme to record a value that is in force on this day (`/v1/schemes/…/parameters`)."
    cure_fr = "Demandez au programme d'enregistrer une valeur en vigueur à cette date (`/v1/schemes/…/parameters`)."


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What a scheme's parameters say on one day: None where no value is in force.

    `_cents` are euro cents, `_bp` basis points, `_months` calendar months, `_days` days of Paris.
    """

    minimum_base_cents: AmountCents | None = None
    maximum_months: Months | None = None
    admissibility_months: Months | None = None
    decision_months: Months | None = None
    clocks_stop: bool | None = None
    admissibility_clock: Manner | None = None
    start_months: Months | None = None
    start_extension_months: Months | None = None
    completion_statement_months: Months | None = None
    advance_payment_bp: BasisPoints | None = None
    advance_payment_guaranteed_bp: BasisPoints | None = None
    paid_before_completion_bp: BasisPoints | None = None
    paid_before_completion_long_bp: BasisPoints | None = None
    long_project_months: Months | None = None
    agreement_above_cents: AmountCents | None = None
    certificate_days: Days | None = None
    maintenance_months: Months | None = None
    maintenance_sme_months: Months | None = None
    jobs_report_months: tuple[Months, ...] | None = None
    advance_grace_months: Months | None = None
    advance_repayment_months: RepaymentMonths | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Parameters":
        """The parameters known by name among these values; others are read by who knows them."""
        return _PARAMETERS.validate_python({name: value for name, value in values.items() if name in KNOWN})


_PARAMETERS = TypeAdapter(Parameters)
# The type of each parameter that code knows by name, and of others by the unit that ends their name. A scheme may have
# parameters of any other name, without a change here.
KNOWN: Mapping[str, Any] = {each.name: each.type for each in fields(Parameters)}
UNITS: Mapping[str, Any] = {"_cents": AmountCents, "_bp": BasisPoints, "_months": Months, "_days": Days}


def type_of(name: str, known: Mapping[str, Any] = KNOWN) -> Any:
    """What a value of this parameter must be; None where any integer, boolean, list of integers or text is one."""
    return known.get(name) or next((kind for ending, kind in UNITS.items() if name.endswith(ending)), None)


def faults_of(name: str, value: Any, pointer: str, known: Mapping[str, Any] = KNOWN) -> list[FieldError]:
    """What is wrong with a value of this parameter, told at its place in the body; `known` are types by name."""
    kind = type_of(name, known)
    if kind is None:
        return []
    try:
        TypeAdapter(kind).validate_json(to_json(value), strict=True)
    except ValidationError as error:
        return [replace(fault, pointer=pointer + fault.pointer) for fault in field_errors(error.errors())]
    return []


def in_force(value: Value | None, parameter: str, on: date) -> Value:
    """The value of a parameter that an act cannot do without. Raises `parameter-not-in-force` (409)."""
    if value is None:
        raise ParameterNotInForce(parameter=parameter, on=on)
    return value
