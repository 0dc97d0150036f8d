"""What travels as a summary."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.access.schemas import OrganisationName
from app.core.schemas import Read
from app.core.values import Cents, Fte, SignedSummedDays, SummedDays
from app.envelopes.schemas import Amounts
from app.firms.rules import Stage
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import RegionCodeRead, TerritorySlug
from app.programme.to_do import Waiting, kind_field
from app.projects.rules import ProjectStage
from app.reports.delays.rules import Milestone
from app.reports.to_do import KINDS

TerritoryName = Annotated[str, Field(description="Present name of the territory.")]
AsOf = Annotated[
    date, Field(description="Paris day at whose end the figures count; today where the request names none.")
]
RecordedAsOf = Annotated[
    date | None,
    Field(description="Paris day at whose end the figures were known so; null: as they are known now."),
]


class SummaryFigures(Amounts):
    """Days, euros, firms and projects on a day, as they are known now, or were at the end of a day."""

    days_ordered: SummedDays = Field(description="Man-days of all orders signed by that day.")
    days_entered: SummedDays = Field(description="Man-days submitted, validated or certified that count by that day.")
    days_left: SignedSummedDays = Field(
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
        description="What these projects cost, as known now or then: cents of euro excluding VAT."
    )
    jobs_fte: Fte = Field(description="Jobs that they plan to create and keep, in full-time equivalents.")
    projects_by_stage: dict[ProjectStage, int] = Field(
        description="Number of projects at each stage on that day, 0 included."
    )


class Summary(SummaryFigures):
    """The figures of one territory."""

    territory: TerritorySlug
    territory_name: TerritoryName
    region_code: RegionCodeRead
    as_of: AsOf
    recorded_as_of: RecordedAsOf


class TerritoryFigures(SummaryFigures):
    """The figures of one territory among several."""

    territory: TerritorySlug
    territory_name: TerritoryName
    region_code: RegionCodeRead


class ProgrammeSummary(SummaryFigures):
    """The figures over all territories that the caller may see, and of each."""

    as_of: AsOf
    recorded_as_of: RecordedAsOf
    territories: int = Field(description="Number of territories that the caller may see and the figures sum up.")
    by_territory: list[TerritoryFigures] = Field(
        description="The same figures of each territory, in the order of slugs."
    )


# --- ten words for ten amounts ---------------------------------------------------------------------------------------

Awarded = Annotated[
    Cents,
    Field(
        description="Cents of euro decided as grants and advances, amendments that raised them included, less reversed"
        " awards: committed + paid + released."
    ),
]
Committed = Annotated[
    Cents, Field(description="Cents of euro awarded and neither paid nor released, as in `T/envelope`.")
]
Paid = Annotated[
    Cents, Field(description="Cents of euro paid on grants and advances, whatever was repaid or recovered since.")
]
Repaid = Annotated[Cents, Field(description="Cents of euro of capital that was repaid on advances.")]
Released = Annotated[Cents, Field(description="Cents of euro that awards have given back to the envelope unpaid.")]
Recovered = Annotated[
    Cents, Field(description="Cents of euro paid on grants that came back since, set off or received.")
]
Remaining = Annotated[
    Cents,
    Field(description="Cents of euro still to pay, derived: awarded less paid less released, which is committed."),
]


class Words(Read):
    """Ten amounts, never mixed, and what is derived of them."""

    requested_cents: Cents = Field(
        description="Cents of euro that received aid files ask for. One that another file has replaced counts no more."
    )
    recommended_cents: Cents | None = Field(
        description="Cents of euro that completed reviews recommend; null where the caller may not read reviews, and"
        " where one was changed since the end of `recorded_as_of`."
    )
    awarded_cents: Awarded
    committed_cents: Committed
    certified_cents: Cents = Field(description="Cents of euro of expenses, excluding VAT, certified on settled claims.")
    paid_cents: Paid
    repaid_cents: Repaid
    waived_cents: Cents = Field(
        description="Cents of euro that firms need not give back, by decisions: of recoveries, and of advances as in"
        " `T/envelope`."
    )
    released_cents: Released
    recovered_cents: Recovered
    remaining_to_pay_cents: Remaining


class ContributorTotals(Read):
    """What of the words is the money of one contributor: files, reviews, claims and recoveries are nobody's share."""

    organisation_id: UUID = Field(description="The contributor whose money it is.")
    organisation_name: OrganisationName
    awarded_cents: Awarded
    committed_cents: Committed
    paid_cents: Paid
    repaid_cents: Repaid
    released_cents: Released
    recovered_cents: Recovered
    remaining_to_pay_cents: Remaining


ByContributor = Annotated[
    list[ContributorTotals],
    Field(description="What moved of each contributor's money, in the order of their names; it sums to the whole."),
]


class TerritoryTotals(Words):
    """The ten amounts of a territory, or of one firm in it."""

    territory: TerritorySlug
    territory_name: TerritoryName
    siren: SirenRead | None = Field(description="The firm that the request names; null: all firms.")
    firm_name: str | None = Field(
        description="Present name of that firm; null where it is not registered, or not named."
    )
    as_of: AsOf
    recorded_as_of: RecordedAsOf
    by_contributor: ByContributor


class AidTotals(Words):
    """The ten amounts of an aid: of the grant and the advance of one decision together."""

    territory: TerritorySlug
    territory_name: TerritoryName
    aid_id: UUID = Field(description="The aid: what one decision gives one firm, a grant, an advance or both.")
    decision_reference: str = Field(description="Reference of the decision that gave the aid.")
    grant_id: UUID | None = Field(description="Its grant, the last one where one was taken back; null: it has none.")
    advance_id: UUID | None = Field(description="Its advance, as `grant_id`; null: it has none.")
    siren: SirenRead
    firm_name: FirmName
    as_of: AsOf
    recorded_as_of: RecordedAsOf
    by_contributor: ByContributor


class FirmTerritoryTotals(Words):
    """The ten amounts of a firm in one territory."""

    territory: TerritorySlug
    territory_name: TerritoryName


class FirmTotals(Words):
    """The ten amounts of a firm over all territories that the caller may see, and in each."""

    siren: SirenRead
    firm_name: FirmName
    as_of: AsOf
    recorded_as_of: RecordedAsOf
    by_territory: list[FirmTerritoryTotals] = Field(
        description="The same amounts in each territory where the firm has a file or an award, in the order of slugs."
    )


# --- delays ----------------------------------------------------------------------------------------------------------


class StepDelay(Read):
    """How long the files that have made a step took for it."""

    since: Milestone = Field(description="Where the step begins.")
    until: Milestone = Field(
        description="Where it ends. A decision is one to grant or to reject, not what silence decides; an agreement is"
        " signed by both; a first payment is that of the grant or the advance."
    )
    files: int = Field(description="Number of files that have made the step by the day, and are counted.")
    median_days: float | None = Field(
        description="Days that half of the files took at most, as MEDIAN of a spreadsheet; null where there is no file."
    )
    p90_days: float | None = Field(
        description="Days that nine files in ten took at most, as PERCENTILE of a spreadsheet; null as the median is."
    )
    days_stopped: int = Field(
        description="Days, over all these files, on which indispensable documents were awaited: they are not counted."
    )


class Delays(Read):
    """How long aid files take, step by step."""

    territory: TerritorySlug
    as_of: date = Field(description="Paris day up to which acts count; today where the request names none.")
    files: int = Field(description="Number of files received by that day that the request asks for.")
    steps: list[StepDelay] = Field(
        description="From receipt to admissible, to decision, to agreement, to first payment; and from receipt to first"
        " payment."
    )


# --- what waits ------------------------------------------------------------------------------------------------------


class TerritoryWaiting(Waiting):
    """How many objects of a kind wait for the caller in a territory."""

    kind: str = kind_field(KINDS)


class ToDo(Read):
    """What waits for the caller, in every territory."""

    items: list[TerritoryWaiting] = Field(
        description="What waits, in the order of territories and kinds; empty where nothing does."
    )
