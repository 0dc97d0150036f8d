"""What a plan comes to on a day: what is planned by then, what remains, and where a mission lands. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from app.core.faults import Fault
from app.core.problems import Problem

PLANNED_TWICE = Fault(
    "planned_twice",
    en="A week of a consultant or profile can appear only once in the plan.",
    fr="Une semaine d'un consultant ou d'un profil ne peut figurer qu'une fois dans le plan.",
)
CONSULTANT_OR_PROFILE = Fault(
    "consultant_or_profile",
    en="Give either consultant_id or profile.",
    fr="Donnez soit consultant_id, soit profile.",
)
MORE_THAN_THE_WEEK = Fault(
    "more_than_the_week",
    en="A consultant can be planned for at most 7 days of a week.",
    fr="Un consultant peut être planifié au plus 7 jours par semaine.",
)

FULL_WEEK = Decimal(5)  # days; a person planned for more, over all missions, is over-planned
WORKING = 5  # of the seven days of a week, over which the days planned in it are spread


class PlanOutOfOrder(Problem):
    """A plan cannot be dated before the one that it replaces."""

    status = 409
    title_fr = "Un plan ne peut pas être daté d'avant celui qu'il remplace."
    detail = "The last version is of {last_planned_on}."
    detail_fr = "La dernière version est du {last_planned_on}."
    cure = "Give that day or a later one as planned_on."
    cure_fr = "Donnez cette date ou une date ultérieure comme planned_on."


class RemainingSource(StrEnum):
    """What the days that remain rest on: the lead firm's last statement, or the plan."""

    STATED = "stated"
    PLANNED = "planned"


@dataclass(frozen=True)
class Expectation:
    """What is known of a mission on a day: days done, the plan that holds, and the last statement.

    `planned` has the days of each week, by its Monday; None without a plan. `done_this_week` are days worked in the
    week of the day, `done_by_statement` the days that were done at the end of the day of the statement.
    """

    done: Decimal
    done_this_week: Decimal = Decimal(0)
    planned: Mapping[date, Decimal] | None = None
    planned_on: date | None = None
    stated: Decimal | None = None
    stated_on: date | None = None
    done_by_statement: Decimal = Decimal(0)


def planned_by(planned: Mapping[date, Decimal], on: date) -> Decimal:
    """The days planned up to a day: whole weeks, and of the present one a fifth for each of its first five days."""
    total = Decimal(0)
    for week, days in planned.items():
        total += days * min(max((on - week).days + 1, 0), WORKING) / WORKING
    return total


def remaining(known: Expectation, as_of: date) -> tuple[Decimal, RemainingSource] | None:
    """What remains to be done at the end of a day, and what that rests on; None where nothing says it.

    The newer of plan and statement says it, of one day the statement: what it states less what was done since, or what
    the plan has in the weeks ahead, and in the present one beyond what was done in it.
    """
    by_statement = known.stated is not None and (
        known.planned_on is None or known.stated_on is None or known.stated_on >= known.planned_on
    )
    if by_statement and known.stated is not None:
        return max(known.stated - (known.done - known.done_by_statement), Decimal(0)), RemainingSource.STATED
    if known.planned is None:
        return None
    monday = as_of - timedelta(days=as_of.weekday())
    ahead = sum((days for week, days in known.planned.items() if week > monday), Decimal(0))
    present = max(known.planned.get(monday, Decimal(0)) - known.done_this_week, Decimal(0))
    return ahead + present, RemainingSource.PLANNED


@dataclass(frozen=True)
class LandingFigures:
    """What missions come to together: planned in all and by the day, remaining, and the landing (done and remaining).

    None where a mission among them has no plan, or nothing that says what remains.
    """

    days_planned: Decimal | None
    days_planned_by_now: Decimal | None
    days_done: Decimal
    days_remaining: Decimal | None
    remaining_source: RemainingSource | None
    days_landing: Decimal | None


def landing(missions: Sequence[Expectation], as_of: date) -> LandingFigures:
    """The landing of missions together, at the end of a day."""
    done = sum((each.done for each in missions), Decimal(0))
    plans = [each.planned for each in missions if each.planned is not None]
    left = [found for each in missions if (found := remaining(each, as_of)) is not None]
    whole = bool(missions) and len(plans) == len(missions)
    told = bool(missions) and len(left) == len(missions)
    days_remaining = sum((days for days, _ in left), Decimal(0)) if told else None
    sources = {source for _, source in left}
    return LandingFigures(
        sum((sum(plan.values(), Decimal(0)) for plan in plans), Decimal(0)) if whole else None,
        sum((planned_by(plan, as_of) for plan in plans), Decimal(0)) if whole else None,
        done,
        days_remaining,
        RemainingSource.STATED if told and RemainingSource.STATED in sources else sources.pop() if told else None,
        done + days_remaining if days_remaining is not None else None,
    )
