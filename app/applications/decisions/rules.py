"""What a decision needs, how it is named, and what it changes. No session, no await."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from app.applications.agendas.rules import DecisionOutcome
from app.applications.rules import ApplicationAct
from app.committees.rules import Level
from app.core.faults import Fault
from app.core.problems import Problem
from app.schemes.rules import Parameters, in_force

# Outcomes that say why: the firm can contest them.
NEED_REASONS = (DecisionOutcome.REJECT, DecisionOutcome.DEFER)

# What an outcome does to the file.
ACTS: Mapping[DecisionOutcome, ApplicationAct] = {
    DecisionOutcome.PRE_SELECT: ApplicationAct.PRE_SELECT,
    DecisionOutcome.GRANT: ApplicationAct.GRANT,
    DecisionOutcome.REJECT: ApplicationAct.REJECT,
    DecisionOutcome.DEFER: ApplicationAct.DEFER,
    DecisionOutcome.WITHDRAW: ApplicationAct.WITHDRAW,
}

# How a reference names the level of a meeting.
SERIES: Mapping[Level, str] = {Level.TERRITORIAL: "T", Level.STATE_REGION: "SR"}

# --- faults ----------------------------------------------------------------------------------------------------------

VOTES_ABOVE_PRESENT = Fault(
    "votes_above_present",
    en="There are more votes than members present: {present}.",
    fr="Il y a plus de voix que de membres présents : {present}.",
)
REASONS_MISSING = Fault(
    "reasons_missing",
    en="This outcome needs reasons.",
    fr="Cette issue doit être motivée.",
)
TERMS_WITHOUT_ADVANCE = Fault(
    "terms_without_advance",
    en="The decision gives no advance: advance_terms must be absent.",
    fr="La décision n'accorde pas d'avance : advance_terms doit être absent.",
)


REFERENCE_OF_A_MEETING = Fault(
    "reference_of_a_meeting",
    en="Meetings of this territory number their decisions so, and only they do: give the reference of the act by which"
    " the aid was decided elsewhere.",
    fr="Les réunions de ce territoire numérotent ainsi leurs décisions, et elles seules : donnez la référence de l'acte"
    " qui a décidé l'aide ailleurs.",
)

# --- refusals --------------------------------------------------------------------------------------------------------


class QuorumNotReached(Problem):
    """The quorum of the meeting is not reached."""

    status = 409
    title_fr = "Le quorum de la réunion n'est pas atteint."
    detail = "{present} present or represented, {quorum} needed."
    detail_fr = "{present} présents ou représentés, {quorum} requis."
    cure = "Correct the attendance or the quorum of the meeting if one is wrong; otherwise convene another meeting."
    cure_fr = (
        "Corrigez la présence ou le quorum de la réunion si l'un est inexact ; sinon, convoquez une autre réunion."
    )


class NotOnAgenda(Problem):
    """The file is not on the frozen agenda of the meeting."""

    status = 409
    title_fr = "Le dossier n'est pas à l'ordre du jour figé de la réunion."
    cure = "Reopen the agenda (`…/agenda/reopen`), add the file, and freeze it again."
    cure_fr = "Rouvrez l'ordre du jour (`…/agenda/reopen`), ajoutez le dossier, puis figez-le à nouveau."


class AgendaChanged(Problem):
    """The figures of the file are no longer those of the frozen agenda."""

    status = 412
    title_fr = "Les chiffres du dossier ne sont plus ceux de l'ordre du jour figé."
    cure = "Read `changes`; reopen the agenda (`…/agenda/reopen`) and freeze it again, so that the members see them."
    cure_fr = "Lisez `changes` ; rouvrez l'ordre du jour (`…/agenda/reopen`) et figez-le à nouveau pour les membres."


class AgendaNotFinished(Problem):
    """The meeting has not decided every file of its agenda."""

    status = 409
    title_fr = "La réunion n'a pas statué sur chaque dossier de son ordre du jour."
    detail = "Files without an outcome: {undecided}."
    detail_fr = "Dossiers sans issue : {undecided}."
    cure = "Record an outcome for each of `application_ids`: a file can be deferred."
    cure_fr = "Consignez une issue pour chacun de `application_ids` : un dossier peut être ajourné."


class DecisionFollowed(Problem):
    """The file has gone on since this decision: it can no longer be reversed."""

    status = 409
    title_fr = "Le dossier a évolué depuis cette décision : elle ne peut plus être annulée."
    detail = "The last act on the file is {act}, of {on}."
    detail_fr = "Le dernier acte sur le dossier est {act}, du {on}."
    cure = "Put the file on the agenda of a meeting, which decides it anew."
    cure_fr = "Inscrivez le dossier à l'ordre du jour d'une réunion, qui statue à nouveau."


class DecisionReversed(Problem):
    """The decision is already reversed."""

    status = 409
    title_fr = "La décision est déjà annulée."


class ErratumRefused(Problem):
    """An erratum corrects a decision that stands, of a closed meeting, at a later meeting of the same level here."""

    status = 409
    title_fr = (
        "Un erratum corrige une décision en vigueur d'une réunion close, lors d'une réunion ultérieure de même niveau."
    )
    cure = (
        "Before the meeting is closed, reverse the decision; afterwards name the decision itself, at a later meeting"
        " of its level."
    )
    cure_fr = (
        "Avant la clôture, annulez la décision ; après, désignez la décision elle-même, lors d'une réunion"
        " ultérieure de son niveau."
    )


# --- names and differences -------------------------------------------------------------------------------------------


def reference_of(territory: str, year: int, level: Level, meeting: int, number: int) -> str:
    """The reference of a decision: `ALES-2023-SR1-07`."""
    return f"{territory.upper()}-{year}-{SERIES[level]}{meeting}-{number:02}"


def is_of_a_meeting(territory: str, reference: str) -> bool:
    """Whether a reference has the form of `reference_of` in this territory: a decision may come to need it."""
    form = rf"{re.escape(territory)}-[0-9]+-({'|'.join(SERIES.values())})[0-9]+-[0-9]+"
    return re.fullmatch(form, reference, re.IGNORECASE) is not None


def advance_terms(decided_on: date, parameters: Parameters) -> dict[str, Any]:
    """How an advance is repaid where the decision does not say: in equal parts, by the scheme's parameters of its day.

    By quarters where both times are whole quarters, else by months. The first period ends with the next quarter.
    Raises `parameter-not-in-force` (409).
    """
    grace = in_force(parameters.advance_grace_months, "advance_grace_months", decided_on)
    repayment = in_force(parameters.advance_repayment_months, "advance_repayment_months", decided_on)
    frequency, months = ("monthly", 1) if grace % 3 or repayment % 3 else ("quarterly", 3)
    quarter = (decided_on.month - 1) // 3 + 2  # from 2 to 5
    year, month = decided_on.year + (quarter - 1) // 4, 3 * ((quarter - 1) % 4) + 3
    return {
        "instalments": repayment // months,
        "frequency": frequency,
        "grace_periods": grace // months,
        "first_due_on": date(year, month, 31 if month in (3, 12) else 30).isoformat(),
    }


def changes_of(pointer: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures that differ, each with its place in the frozen agenda; nothing where none were frozen."""
    return [
        {"pointer": f"{pointer}/{name}", "then": then[name], "now": value}
        for name, value in now.items()
        if name in then and then[name] != value
    ]
