"""What travels about the days that are followed: consumption, forecast, burn-down and timesheets."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.access.schemas import OrganisationName
from app.core.schemas import PersonName, Read
from app.core.values import DayFraction, Days, SignedDays
from app.engineering.deliverables.schemas import DeliverablesFollowUp
from app.engineering.follow_up.to_do import KINDS
from app.engineering.planning.rules import RemainingSource
from app.firms.schemas import FirmName, SirenRead
from app.missions.schemas import MissionName
from app.programme.schemas import TerritorySlug
from app.programme.to_do import Waiting, kind_field


class TimesheetEntry(Read):
    """A part of a day that counts."""

    id: UUID = Field(description="The time entry that the line shows.")
    worked_on: date = Field(description="Paris day on which the person worked.")
    counted_on: date = Field(
        description="Paris day on which it counts: `worked_on`, or for a correction of a locked month a later day."
    )
    activity: str = Field(description="Code of what was done, one of the mission's.")
    activity_label: str | None = Field(description="What the mission calls that activity; null where it lists none.")
    siren: SirenRead | None = Field(description="SIREN of the firm that the work was about; null where it names none.")
    firm_name: FirmName | None = Field(description="Present name of that firm in the register; null as `siren` is.")
    days: DayFraction = Field(description="Man-days worked: 0.25, 0.5, 0.75 or 1.")
    status: Literal["submitted", "validated", "certified"] = Field(
        description="How far the entry has come; entries in other states do not count and are not shown."
    )
    note: str | None = Field(
        description="What was done, in the words of whoever entered it; null where nothing is said."
    )


class Timesheet(Read):
    """What an assigned person worked in a month (*compte rendu d'activité*)."""

    territory: TerritorySlug
    territory_name: str = Field(description="Present name of the territory.")
    month: Annotated[
        str,
        Field(
            pattern="^[0-9]{4}-[0-9]{2}$", description="Calendar month of the days worked, in Paris, such as 2023-06."
        ),
    ]
    consultant_id: UUID = Field(description="The assignment of the person to the mission.")
    consultant_name: PersonName = Field(description="Present name of the person who worked.")
    mission_id: UUID = Field(description="The mission of the assignment.")
    mission_name: MissionName
    organisation_id: UUID = Field(description="The member of the consortium that employs the person.")
    organisation_name: OrganisationName
    profile: str | None = Field(description="Profile by which days are priced; null where none is recorded.")
    days_entered: Days = Field(description="Man-days that count, of all the entries shown.")
    days_validated: Days = Field(
        description="Man-days among them that the lead firm has validated, certified ones too."
    )
    days_certified: Days = Field(description="Man-days among these that a service certificate contains.")
    days_counted: Days = Field(
        description="Man-days of `days_entered` that count in this month. The others correct a month that was"
        " locked: they count later, and stand in a later certificate."
    )
    entries: list[TimesheetEntry] = Field(description="The entries that count, in the order of the days worked.")


class DayFigures(Read):
    """Man-days by how far their entries have come."""

    days_entered: Days = Field(description="Man-days that count: submitted, validated and certified.")
    days_validated: Days = Field(description="Man-days among them that were validated, certified ones too.")
    days_certified: Days = Field(description="Man-days among these that a service certificate contains.")
    days_draft: Days = Field(description="Man-days of drafts: they do not count and are in no other figure.")


class MemberFollowUp(DayFigures):
    """The days of one member of the consortium."""

    organisation_id: UUID = Field(description="The member of the consortium.")
    organisation_name: OrganisationName
    days_allotted: Days = Field(description="Man-days of its allotment, from decisions of `as_of` or earlier.")
    days_left: SignedDays = Field(
        description="Man-days allotted but not entered; negative where past figures exceed them."
    )


class ProfileFollowUp(DayFigures):
    """The days of consultants of one profile."""

    profile: str | None = Field(description="junior, senior or expert; null for consultants who have none.")


class ActivityFollowUp(DayFigures):
    """The days of one activity."""

    activity: str = Field(description="Code of what was done, as entered.")


class FirmFollowUp(DayFigures):
    """The days about one firm."""

    siren: SirenRead | None = Field(description="SIREN of the firm that the work was about; null for work about none.")
    firm_name: FirmName | None = Field(description="Present name of that firm in the register; null as `siren` is.")


class WeekFollowUp(DayFigures):
    """The days worked in one week."""

    week: Annotated[
        str, Field(pattern="^[0-9]{4}-W[0-9]{2}$", description="ISO 8601 week of the days worked, such as 2023-W27.")
    ]
    starts_on: date = Field(description="Monday of that week, a Paris day.")


class ActivityReportCounts(Read):
    """How many activity reports are in each state, of months that have begun by `as_of`; not those made again since."""

    to_sign: int = Field(description="Number of reports that nobody has signed.")
    signed_by_consultant: int = Field(description="Number of reports that lack the lead firm's signature alone.")
    signed: int = Field(description="Number of reports with both signatures.")
    stale: int = Field(description="Number of reports with an entry that has changed since, to be made again.")


class InvoiceFigures(Read):
    """How many invoices and credit notes are in each state at the end of `as_of`, and the days invoiced."""

    issued: int = Field(description="Number of those that are made and not deposited yet.")
    deposited: int = Field(description="Number of those deposited in Chorus Pro (Déposée).")
    at_payer: int = Field(description="Number of those at the payer's (Mise à disposition du destinataire).")
    suspended: int = Field(description="Number of those that the payer has suspended (Suspendue).")
    rejected: int = Field(description="Number of those that the payer has rejected (Rejetée).")
    payment_ordered: int = Field(description="Number of those whose payment is ordered (Mandatée).")
    paid: int = Field(description="Number of those that are paid (Mise en paiement).")
    cancelled: int = Field(description="Number of those that the supplier has cancelled before their deposit.")
    days_invoiced: SignedDays = Field(description="Man-days of those that stand, less credit notes.")
    days_to_invoice: SignedDays = Field(
        description="Man-days certified less those invoiced; negative where a credit note is missing."
    )


class Consumption(Read):
    """The share of the days used, beside the share of the window elapsed at the end of `as_of`."""

    share_used: float | None = Field(
        description="Days entered over days ordered (of one member: allotted), 0.5 for a half, to four decimals; null"
        " where there are none."
    )
    calendar_days: int | None = Field(
        description="Calendar days of the window, its first and last included; null where no order opens one."
    )
    calendar_days_elapsed: int | None = Field(
        description="Calendar days among them up to `as_of`, included; null as `calendar_days` is."
    )
    share_elapsed: float | None = Field(
        description="Calendar days elapsed over those of the window, to four decimals; null as they are."
    )
    days_per_audition: float | None = Field(
        description="Man-days entered for each audition held, to four decimals; null without an audition and for one"
        " member."
    )
    days_per_project: float | None = Field(
        description="Man-days entered for each project detected, to four decimals; null without a project and for one"
        " member."
    )


class Forecast(Read):
    """When the days are used up if the recent pace continues, and what is left at the end of the window."""

    exhausted_on: date | None = Field(
        description="Paris day on which the days are used up; null where `reason` says why."
    )
    reason: (
        Literal["nothing_ordered", "already_exhausted", "no_full_week", "no_days_in_these_weeks", "beyond_2199"] | None
    ) = Field(description="Why there is no such day; null where there is one.")
    days_per_week: float | None = Field(
        description="Mean of the man-days worked in `weeks`, to four decimals; null without a week."
    )
    weeks: list[str] = Field(
        description="ISO 8601 weeks whose mean is the pace, such as 2023-W27: the last that are over, at most four,"
        " none that begins before the window."
    )
    days_left_at_end: float | None = Field(
        description="Man-days left on the last day of the window at this pace, to two decimals; null without a pace and"
        " after the window."
    )
    assumption: str = Field(description="The assumption in a sentence, in the language of Content-Language.")


class Landing(Read):
    """Where the missions asked about land: the days done and those that remain, beside the plan and the order."""

    days_planned: float | None = Field(
        description="Man-days of the plans that hold on `as_of`, all weeks together; null where a mission has none."
    )
    days_planned_by_now: float | None = Field(
        description="Man-days of them up to `as_of`, a week's spread over its first five days; null as those are."
    )
    days_done: float = Field(description="Man-days that count by `as_of`: those of `days_entered`.")
    days_remaining: float | None = Field(
        description="Man-days that remain to be done: what the lead firm stated, less what was done since, or what the"
        " plan has ahead, whichever is newer; null where a mission has neither."
    )
    remaining_source: RemainingSource | None = Field(
        description="stated: at least one mission rests on a statement; planned: all rest on their plans; null where"
        " days_remaining is."
    )
    days_landing: float | None = Field(
        description="Man-days that will be done in all: days_done and days_remaining; null where that is."
    )
    days_beyond_order: float | None = Field(
        description="days_landing less the man-days ordered; negative where days will be left, null where that is."
    )


class BurnDownPoint(Read):
    """What is left at the end of a day."""

    on: date = Field(description="Paris day at whose end the figures hold.")
    days_ordered: Days = Field(description="Man-days ordered by then; of one member, allotted by then.")
    days_left_planned: float = Field(
        description="Man-days left on the straight line from all that is ordered to nothing, to four decimals."
    )
    days_left_by_plan: float | None = Field(
        description="Man-days left of all that is ordered by the plan that holds on `as_of`, to four decimals; null"
        " where a mission has none, and for one member."
    )
    days_left_at_pace: float | None = Field(
        description="Man-days left from `as_of` on at the pace of the last full weeks, to four decimals, at least 0;"
        " null before, and without a pace."
    )
    days_left_entered: SignedDays | None = Field(
        description="Man-days ordered but not entered by then; null for days after `as_of`."
    )
    days_left_validated: SignedDays | None = Field(
        description="Man-days ordered but not validated by then; null for days after `as_of`."
    )


_AsOf = Annotated[date, Field(description="Paris day by which orders, allotments and entries count.")]
_RecordedAsOf = Annotated[
    date | None, Field(description="Past Paris day at whose end the figures were known so; null: as known now.")
]
_StartsOn = Annotated[
    date | None, Field(description="First Paris day of the window that the orders open; null where they open none.")
]
_EndsOn = Annotated[date | None, Field(description="Last Paris day of the window; null where the orders open none.")]


class BurnDown(Read):
    """The days left at the end of each day or week, beside a straight line from all that is ordered to nothing."""

    territory: TerritorySlug
    as_of: _AsOf
    recorded_as_of: _RecordedAsOf
    starts_on: _StartsOn
    ends_on: _EndsOn
    step_days: int | None = Field(
        description="Calendar days between two points: 1 or 7, or a multiple where there would be more than 1 000"
        " points; null without a window."
    )
    landing: Landing | None = Field(
        description="Where the missions land by the plan and the lead firm's statements; null for one member."
    )
    points: list[BurnDownPoint] = Field(
        description="From the eve of the window on, in the order of days, `as_of` among them; empty without a window."
    )


class FollowUp(DayFigures):
    """How many days are ordered, entered and left, as of a day, and as known at the end of another."""

    territory: TerritorySlug
    as_of: _AsOf
    recorded_as_of: _RecordedAsOf
    starts_on: _StartsOn
    ends_on: _EndsOn
    days_ordered: Days = Field(description="Man-days of the orders signed by `as_of`, amendments included.")
    days_allotted: Days = Field(description="Man-days allotted to members by decisions of `as_of` or earlier.")
    days_left: SignedDays = Field(
        description="Man-days ordered but not entered; with organisation_id, of the member's allotment."
    )
    auditions_held: int | None = Field(
        description="Number of auditions held by `as_of`, with mission_id those of the mission; null for one member."
    )
    projects_detected: int | None = Field(
        description="Number of projects detected by `as_of`, with mission_id in auditions of the mission; null for one"
        " member."
    )
    deliverables: DeliverablesFollowUp | None = Field(
        description="The deliverables of the missions, of the one with mission_id; null for one member."
    )
    activity_reports: ActivityReportCounts = Field(
        description="How far the activity reports have come; to a consultant, those of its own organisation."
    )
    invoices: InvoiceFigures | None = Field(
        description="How far what is certified has been invoiced, by the day on which certificates and invoices were"
        " made; to a member of the consortium its own, null for who reads no invoices."
    )
    consumption: Consumption = Field(description="Shares of the days and of the window, and days for each result.")
    forecast: Forecast = Field(description="When the days are used up at the pace of the last weeks.")
    landing: Landing | None = Field(
        description="What the plan and the lead firm's statements lead to, beside the pace; null for one member."
    )
    by_member: list[MemberFollowUp] = Field(description="The figures of each member of the consortium, by its name.")
    by_profile: list[ProfileFollowUp] = Field(description="The figures of each profile that has days.")
    by_activity: list[ActivityFollowUp] = Field(description="The figures of each code of activity that has days.")
    by_firm: list[FirmFollowUp] = Field(description="The figures of each firm that has days, by its name.")
    by_week: list[WeekFollowUp] = Field(description="The figures of each ISO week that has days, in their order.")


class EngineeringWaiting(Waiting):
    """How many objects of a kind wait for the caller in the engineering of a territory."""

    kind: str = kind_field(KINDS)


class EngineeringToDo(Read):
    """What waits for the caller in the engineering of a territory."""

    items: list[EngineeringWaiting] = Field(description="What waits, by kind; empty where nothing does.")
