"""What travels as a summary."""

from datetime import date

from app.core.values import Cents, Days, Fte, SignedDays
from app.envelopes.schemas import Amounts
from app.firms.rules import Stage
from app.projects.rules import ProjectStage


class Figures(Amounts):
    """Days, euros (in cents), firms and projects on a day, as known now.

    Investment is what the projects detected by then cost, jobs what they plan to create and maintain.
    """

    days_ordered: Days
    days_entered: Days
    days_left: SignedDays  # below zero on a day before the order of days that were worked already
    auditions_held: int
    firms_by_stage: dict[Stage, int]
    projects_detected: int
    investment_cents: Cents
    jobs_fte: Fte
    projects_by_stage: dict[ProjectStage, int]


class Summary(Figures):
    """The figures of one territory."""

    territory: str
    territory_name: str
    as_of: date


class TerritoryFigures(Figures):
    """The figures of one territory among several."""

    territory: str
    territory_name: str


class ProgrammeSummary(Figures):
    """The figures over all territories that the caller may see, and of each."""

    as_of: date
    territories: int
    by_territory: list[TerritoryFigures]
