"""What travels about missions."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field, model_validator

from app.core.faults import Fault
from app.core.messages import PERIOD_REVERSED
from app.core.schemas import CONFIDENTIAL, PERSONAL, Body, Read
from app.core.values import Code, Day, Days, ExternalId, Line, PositiveDays, Reason, ShortLine, SignedDays, Uuid
from app.missions.calendar import HolidayCalendar
from app.missions.models import ConsortiumRole, OrderKind, Profile

NOT_A_STEP = Fault(
    "not_a_step",
    en="The step must be 0.25 or 0.5 of a day.",
    fr="Le pas doit être de 0,25 ou 0,5 jour.",
)
REPEATED_ACTIVITY = Fault(
    "repeated_activity",
    en="An activity can appear only once in the list.",
    fr="Une activité ne peut figurer qu'une fois dans la liste.",
)
THRESHOLDS_NOT_RISING = Fault(
    "thresholds_not_rising",
    en="Thresholds must be in rising order, each given once.",
    fr="Les seuils doivent être en ordre croissant, chacun donné une fois.",
)
TRAVEL_NOT_COUNTED = Fault(
    "travel_not_counted",
    en="Travel cannot be listed as an activity: this mission does not count travel.",
    fr="Le déplacement ne peut pas figurer parmi les activités : cette mission ne compte pas le déplacement.",
)
INITIAL_ORDER_DAYS = Fault(
    "initial_order_days",
    en="An initial order must order more than zero days.",
    fr="Un bon de commande initial doit commander plus de zéro jour.",
)
INITIAL_ORDER_WINDOW = Fault(
    "initial_order_window",
    en="An initial order must have starts_on and ends_on.",
    fr="Un bon de commande initial doit avoir starts_on et ends_on.",
)
AMENDMENT_REASON = Fault(
    "amendment_reason",
    en="Give a reason for the amendment (reason).",
    fr="Donnez un motif pour l'avenant (reason).",
)
ALLOTMENT_REASON = Fault(
    "allotment_reason",
    en="Give a reason for the new allotment (reason).",
    fr="Donnez un motif pour le nouveau quota (reason).",
)
ALLOTMENT_MISSING = Fault(
    "allotment_missing",
    en="reason and decided_on can be sent only with days_allotted.",
    fr="reason et decided_on ne peuvent être envoyés qu'avec days_allotted.",
)


def _quarter_or_half(step: Decimal) -> Decimal:
    if step not in (Decimal("0.25"), Decimal("0.50")):
        raise NOT_A_STEP.error()
    return step


Step = Annotated[PositiveDays, AfterValidator(_quarter_or_half)]
GraceDays = Annotated[int, Field(strict=True, ge=0, le=3660)]


class ListedActivity(Body):
    """What days of a mission may be entered under: a code, which entries carry, and its label."""

    code: Code
    label: ShortLine


# What missions of engineering usually consist of.
USUAL_ACTIVITIES = (
    ListedActivity(code="framing", label="Cadrage"),
    ListedActivity(code="audition", label="Audition"),
    ListedActivity(code="analysis", label="Analyse"),
    ListedActivity(code="financial_engineering", label="Ingénierie financière"),
    ListedActivity(code="roadmap", label="Feuille de route"),
    ListedActivity(code="committee", label="Comité de pilotage"),
    ListedActivity(code="travel", label="Déplacement"),
)


def _each_once(activities: list[ListedActivity]) -> list[ListedActivity]:
    if len({activity.code for activity in activities}) < len(activities):
        raise REPEATED_ACTIVITY.error()
    return activities


Activities = Annotated[list[ListedActivity], Field(min_length=1, max_length=50), AfterValidator(_each_once)]


def _rising(thresholds: list[int]) -> list[int]:
    if sorted(set(thresholds)) != thresholds:
        raise THRESHOLDS_NOT_RISING.error()
    return thresholds


Thresholds = Annotated[
    list[Annotated[int, Field(strict=True, ge=1, le=10_000)]], Field(max_length=20), AfterValidator(_rising)
]
Flag = Annotated[bool, Field(strict=True)]


class MissionCreate(Body):
    """A mission of this territory; its days and window come from its orders.

    `step` is the smallest part of a day that may be entered. `late_entry_grace_days` is how many days after the
    window's end entries are still taken without the operator's leave; absent, there is no such limit. Entries carry
    one of the `activities`; absent, the usual ones: framing, audition, analysis, financial_engineering, roadmap,
    committee and, where travel counts, travel. `holiday_calendar` is the region whose public holidays are kept. An
    event tells when the days entered reach each of `alert_thresholds_bp` (basis points of what is ordered).
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ingénierie Rebond industriel", "step": 0.25}]})

    name: Line
    step: Annotated[Step, Field(json_schema_extra={"default": 0.25})] = Decimal("0.25")
    late_entry_grace_days: GraceDays | None = None
    activities: Activities | None = None
    travel_counts: Flag = True
    weekends_allowed: Flag = True
    holidays_allowed: Flag = True
    holiday_calendar: HolidayCalendar = HolidayCalendar.METROPOLITAN
    alert_thresholds_bp: Thresholds = Field(default_factory=lambda: [8000, 10000])
    external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _counted(self) -> "MissionCreate":
        if not self.travel_counts and any(activity.code == "travel" for activity in self.activities or ()):
            raise TRAVEL_NOT_COUNTED.error()
        return self


class MissionUpdate(Body):
    """Fields of a mission to change; the step only while nothing is entered, `activities` as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ingénierie Rebond industriel, Alès"}]})

    name: Line | MISSING = MISSING
    step: Step | MISSING = MISSING
    late_entry_grace_days: GraceDays | None | MISSING = MISSING
    activities: Activities | MISSING = MISSING
    travel_counts: Flag | MISSING = MISSING
    weekends_allowed: Flag | MISSING = MISSING
    holidays_allowed: Flag | MISSING = MISSING
    holiday_calendar: HolidayCalendar | MISSING = MISSING
    alert_thresholds_bp: Thresholds | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class MissionActivity(Read):
    """An activity of a mission."""

    code: str
    label: str


class Mission(Read):
    """A mission, with what its orders come to. `starts_on` and `ends_on` are both included."""

    id: UUID
    territory: str
    name: str
    step: Days
    late_entry_grace_days: int | None
    activities: list[MissionActivity]
    travel_counts: bool
    weekends_allowed: bool
    holidays_allowed: bool
    holiday_calendar: HolidayCalendar
    alert_thresholds_bp: list[int]
    external_id: str | None
    days_ordered: Days
    days_allotted: Days
    starts_on: date | None
    ends_on: date | None
    version: int
    created_at: datetime
    updated_at: datetime


class OrderCreate(Body):
    """An order. `days` is what it adds: more than zero in the initial one; zero or negative is allowed in an amendment.

    The initial order says the whole window; an amendment says what of it changes, and why.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "initial", "reference": "BC-2023-014", "signed_on": "2023-06-01", "days": 100,
                 "starts_on": "2023-06-14", "ends_on": "2023-09-30"}
            ]
        }
    )  # fmt: skip

    kind: OrderKind
    reference: ShortLine
    signed_on: Day
    days: SignedDays
    starts_on: Day | None = None
    ends_on: Day | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _complete(self) -> "OrderCreate":
        if self.kind is OrderKind.INITIAL:
            if self.days <= 0:
                raise INITIAL_ORDER_DAYS.error()
            if self.starts_on is None or self.ends_on is None:
                raise INITIAL_ORDER_WINDOW.error()
        elif self.reason is None:
            raise AMENDMENT_REASON.error()
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise PERIOD_REVERSED.error()
        return self


class Order(Read):
    """An order of days; `days_ordered` is the total once it counts."""

    id: UUID
    mission_id: UUID
    kind: OrderKind
    reference: str
    signed_on: date
    days: SignedDays
    starts_on: date | None
    ends_on: date | None
    reason: str | None
    days_ordered: Days
    ordered_by: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class LateEntryLeaveCreate(Body):
    """The operator's leave to enter days after the grace, until a day (included), for a reason."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"until_on": "2023-12-31", "reason": "Closing committee of 3 October."}]}
    )

    until_on: Day
    reason: Reason


class LateEntryLeave(Read):
    """A leave for late entry, and who granted it."""

    id: UUID
    mission_id: UUID
    until_on: date
    reason: str
    granted_by: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class MissionMemberCreate(Body):
    """A consultancy of the consortium and the days allotted to it, from a day on (today where absent)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"organisation_id": "019a9f5e-0000-7000-8000-000000000000", "role": "lead", "days_allotted": 40}
            ]
        }
    )

    organisation_id: Uuid
    role: ConsortiumRole
    days_allotted: Days
    decided_on: Day | None = None


class MissionMemberUpdate(Body):
    """Role or allotment to change; an allotment never falls below what is entered.

    A new allotment is an act: it has a `reason`, and a day on which it was decided (today where absent).
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"days_allotted": 42.5, "reason": "Inec gives two days to the lead."}]}
    )

    role: ConsortiumRole | MISSING = MISSING
    days_allotted: Days | MISSING = MISSING
    decided_on: Day | MISSING = MISSING
    reason: Reason | MISSING = MISSING

    @model_validator(mode="after")
    def _reasoned(self) -> "MissionMemberUpdate":
        given = self.model_fields_set
        if "days_allotted" in given and "reason" not in given:
            raise ALLOTMENT_REASON.error()
        if "days_allotted" not in given and given & {"reason", "decided_on"}:
            raise ALLOTMENT_MISSING.error()
        return self


class MissionMember(Read):
    """A member of the consortium."""

    id: UUID
    mission_id: UUID
    organisation_id: UUID
    organisation_name: str
    role: ConsortiumRole
    days_allotted: Days
    version: int
    created_at: datetime
    updated_at: datetime


class Allotment(Read):
    """Days allotted to a member or taken from it, by an act; `days_allotted` is what it has once the act counts."""

    id: UUID
    mission_id: UUID
    organisation_id: UUID
    organisation_name: str
    days: SignedDays
    days_allotted: Days
    decided_on: date
    reason: str | None
    decided_by: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class ThresholdCrossing(Read):
    """An alert threshold that the days entered have reached, and when; told once for each total ordered."""

    id: UUID
    mission_id: UUID
    threshold_bp: int
    days_ordered: Days
    days_entered: Days
    crossed_at: datetime


class MemberTerms(Read):
    """What a member of the consortium had on a day."""

    organisation_id: UUID
    organisation_name: str
    role: ConsortiumRole
    days_allotted: Days


class MissionTerms(Read):
    """What the orders and allotments of a mission came to on a day."""

    mission_id: UUID
    as_of: date
    days_ordered: Days
    days_allotted: Days
    starts_on: date | None
    ends_on: date | None
    members: list[MemberTerms]


DayRateCents = Annotated[int, Field(strict=True, ge=1, le=100_000_000)]


class RateCreate(Body):
    """What a member is paid for one day of a profile, in cents excl. VAT, both days included; open without `to_on`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"organisation_id": "019a9f5e-0000-7000-8000-000000000000", "profile": "senior",
                 "day_rate_cents": 115000, "from_on": "2023-06-14"}
            ]
        }
    )  # fmt: skip

    organisation_id: Uuid
    profile: Profile
    day_rate_cents: DayRateCents
    from_on: Day
    to_on: Day | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "RateCreate":
        if self.to_on is not None and self.to_on < self.from_on:
            raise PERIOD_REVERSED.error()
        return self


class RateUpdate(Body):
    """A rate's amount or last day to change. What is certified keeps the rate that it was certified at."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to_on": "2023-12-31"}]})

    day_rate_cents: DayRateCents | MISSING = MISSING
    to_on: Day | None | MISSING = MISSING


class Rate(Read):
    """A day rate excl. VAT; a member of the consortium sees its own alone, and events never show the amount."""

    id: UUID
    mission_id: UUID
    organisation_id: UUID
    organisation_name: str
    profile: Profile
    day_rate_cents: Annotated[int, Field(json_schema_extra=CONFIDENTIAL)]
    from_on: date
    to_on: date | None
    version: int
    created_at: datetime
    updated_at: datetime


class ConsultantCreate(Body):
    """The assignment of a person of a member organisation to a mission, both days included; open without `to_on`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"person_id": "019a9f5e-0000-7000-8000-000000000000",
                 "mission_id": "019a9f5e-0000-7000-8000-000000000000",
                 "profile": "senior", "from_on": "2023-06-14"}
            ]
        }
    )  # fmt: skip

    person_id: Uuid
    mission_id: Uuid
    profile: Code | None = None
    from_on: Day
    to_on: Day | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "ConsultantCreate":
        if self.to_on is not None and self.to_on < self.from_on:
            raise PERIOD_REVERSED.error()
        return self


class ConsultantUpdate(Body):
    """Profile or days of an assignment to change; no entry may fall outside."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to_on": "2023-10-03"}]})

    profile: Code | None | MISSING = MISSING
    from_on: Day | MISSING = MISSING
    to_on: Day | None | MISSING = MISSING


class Consultant(Read):
    """A person at work on a mission, through a member of the consortium."""

    id: UUID
    person_id: UUID
    person_name: Annotated[str, Field(json_schema_extra=PERSONAL)]
    organisation_id: UUID
    organisation_name: str
    mission_id: UUID
    mission_name: str
    profile: str | None
    from_on: date
    to_on: date | None
    version: int
    created_at: datetime
    updated_at: datetime
