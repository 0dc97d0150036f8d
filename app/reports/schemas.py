"""What travels as a summary."""

from datetime import date
from typing import Annotated

from pydantic import Field

from app.core.schemas import Read
from app.core.values import Cents, Days, Fte, SignedDays
from app.envelopes.schemas import Amounts
from app.firms.rules import Stage
from app.programme.schemas import TerritorySlug
from app.programme.to_do import Waiting, kind_field
from app.projects.rules import ProjectStage
from app.reports.to_do import KINDS

TerritoryName = Annotated[str, Field(description="Present name of the territory.")]
AsOf = Annotated[
    date, Field(description="Paris day at whose end the figures count; today where the request names none.")
]


class SummaryFigures(Amounts):
    """Days, euros, firms and projects on a day, as they are known now."""

    days_ordered: Days = Field(description="Man-days of all orders signed by that day.")
    days_entered: Days = Field(description="Man-days submitted, validated or certified that count by that day.")
    days_left: SignedDays = Field(
        description="Man-days ordered less entered. Below zero before the order of days that were worked already."
    )
    auditions_held: int = Field(description="Number of auditions held by that day.")
    firms: int = Field(
        description="Number of firms that had a stage on that day; one that several territories follow counts once."
    )
    firms_by_stage: dict[Stage, int] = Field(
        description="Number of firms at each stage on that day, 0 included; over several territories, a firm counts in"
        " each that follows it."
    )
    firms_interviewed: int = Field(
        description="Number of firms that were met at an audition held by that day, each once, as in the funnel."
    )
    projects_detected: int = Field(description="Number of projects detected by that day, dropped ones included.")
    investment_cents: Cents = Field(
        description="What these projects cost by present plans: cents of euro excluding VAT."
    )
    jobs_fte: Fte = Field(description="Jobs that they plan to create and keep, in full-time equivalents.")
    projects_by_stage: dict[ProjectStage, int] = Field(
        description="Number of projects at each stage on that day, 0 included."
    )


class Summary(SummaryFigures):
    """The figures of one territory."""

    territory: TerritorySlug
    territory_name: TerritoryName
    as_of: AsOf


class TerritoryFigures(SummaryFigures):
    """The figures of one territory among several."""

    territory: TerritorySlug
    territory_name: TerritoryName


class ProgrammeSummary(SummaryFigures):
    """The figures over all territories that the caller may see, and of each."""

    as_of: AsOf
    territories: int = Field(description="Number of territories that the caller may see and the figures sum up.")
    by_territory: list[TerritoryFigures] = Field(
        description="The same figures of each territory, in the order of slugs."
    )


class TerritoryWaiting(Waiting):
    """How many objects of a kind wait for the caller in a territory."""

    kind: str = kind_field(KINDS)


class ToDo(Read):
    """What waits for the caller, in every territory."""

    items: list[TerritoryWaiting] = Field(
        description="What waits, in the order of territories and kinds; empty where nothing does."
    )
