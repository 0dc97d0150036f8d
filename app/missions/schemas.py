"""What travels about missions."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field, model_validator

from app.access.schemas import OrganisationName
from app.core.faults import Fault
from app.core.messages import PERIOD_REVERSED
from app.core.schemas import (
    CONFIDENTIAL,
    Body,
    CreatedAt,
    ExternalName,
    Id,
    PersonName,
    PersonNameOrNull,
    Read,
    UpdatedAt,
    Version,
    period_in_order,
)
from app.core.values import (
    MAX_AMOUNT_CENTS,
    Code,
    Day,
    Days,
    ExternalId,
    Line,
    PositiveDays,
    Reason,
    ShortLine,
    SignedDays,
    TrueOrFalse,
    Uuid,
)
from app.missions.models import ConsortiumRole, OrderKind, Profile
from app.missions.rest_days import HolidayCalendar
from app.missions.rules import MissionStatus
from app.programme.schemas import TerritorySlug

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
INITIAL_ORDER_AMOUNT = Fault(
    "initial_order_amount",
    en="An initial order must have an amount above zero, where it states one.",
    fr="Un bon de commande initial doit avoir un montant supérieur à zéro, s'il en indique un.",
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
ALLOTMENT_DAY = Fault(
    "allotment_day",
    en="Say on which day the new allotment was decided (decided_on).",
    fr="Dites quel jour le nouveau quota a été décidé (decided_on).",
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
    """An activity under which days of a mission may be entered."""

    code: Annotated[Code, Field(description="Code that the entries carry, such as process_audit; once in a mission.")]
    label: Annotated[ShortLine, Field(description="What people read for the code, such as Analyse.")]
    to_on: (
        Annotated[
            Day,
            Field(description="Last Paris day, included, that may be worked under it; null or absent: no end."),
        ]
        | None
    ) = None


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


MissionName = Annotated[str, Field(description="Present name of the mission of mission_id.")]
_Name = Annotated[Line, Field(description="What the mission is called on lists and documents.")]
_Step = Annotated[
    Step,
    Field(
        description="Part of a day of which every entry is a multiple: 0.25 or 0.5. It cannot change while days count."
    ),
]
_Grace = Annotated[
    GraceDays,
    Field(
        description="Calendar days after the end of the window during which days may still be entered; later entries"
        " need the operator's leave. Null or absent: no limit."
    ),
]
_TravelCounts = Annotated[
    TrueOrFalse, Field(description="Whether travel uses days of the order; if so, travel may be one of the activities.")
]
_WeekendsAllowed = Annotated[TrueOrFalse, Field(description="Whether days may be worked on Saturdays and Sundays.")]
_HolidaysAllowed = Annotated[
    TrueOrFalse, Field(description="Whether days may be worked on the public holidays of holiday_calendar.")
]
_HolidayCalendar = Annotated[
    HolidayCalendar,
    Field(description="Region whose public holidays apply; it matters where holidays_allowed is false."),
]
_Thresholds = Annotated[
    Thresholds,
    Field(
        description="Shares of the days ordered, in basis points (8000 is 80 %), rising. An event"
        " mission.threshold_crossed comes when the days entered reach one of them."
    ),
]


class MissionCreate(Body):
    """A mission of this territory; its days and its window come from its orders."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ingénierie Rebond industriel", "step": 0.25}]})

    name: _Name
    step: Annotated[_Step, Field(json_schema_extra={"default": 0.25})] = Decimal("0.25")
    late_entry_grace_days: _Grace | None = None
    activities: (
        Annotated[
            Activities,
            Field(
                description="What days may be entered under. Absent or null, the usual ones: framing, audition,"
                " analysis, financial_engineering, roadmap, committee and, where travel counts, travel."
            ),
        ]
        | None
    ) = None
    travel_counts: _TravelCounts = True
    weekends_allowed: _WeekendsAllowed = True
    holidays_allowed: _HolidaysAllowed = True
    holiday_calendar: _HolidayCalendar = HolidayCalendar.METROPOLITAN
    alert_thresholds_bp: _Thresholds = Field(default_factory=lambda: [8000, 10000])
    external_id: ExternalId | None = None

    @model_validator(mode="after")
    def _counted(self) -> "MissionCreate":
        if not self.travel_counts and any(activity.code == "travel" for activity in self.activities or ()):
            raise TRAVEL_NOT_COUNTED.error()
        return self


class MissionUpdate(Body):
    """Fields of a mission to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ingénierie Rebond industriel, Alès"}]})

    elsewhere: ClassVar = dict.fromkeys(
        ("days_ordered", "starts_on", "ends_on"), ("POST /v1/territories/{territory}/missions/{mission_id}/orders",)
    )

    name: _Name | MISSING = MISSING
    step: _Step | MISSING = MISSING
    late_entry_grace_days: _Grace | None | MISSING = MISSING
    activities: (
        Annotated[
            Activities,
            Field(
                description="What days may be entered under; it replaces the whole list. Activities that entries carry"
                " stay as they are, or end."
            ),
        ]
        | MISSING
    ) = MISSING
    travel_counts: _TravelCounts | MISSING = MISSING
    weekends_allowed: _WeekendsAllowed | MISSING = MISSING
    holidays_allowed: _HolidaysAllowed | MISSING = MISSING
    holiday_calendar: _HolidayCalendar | MISSING = MISSING
    alert_thresholds_bp: _Thresholds | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class MissionActivity(Read):
    """An activity of a mission."""

    code: str = Field(description="Code that the entries carry, once in a mission.")
    label: str = Field(description="What people read for the code.")
    to_on: date | None = Field(description="Last Paris day, included, that may be worked under it; null: no end.")


class Mission(Read):
    """A mission, with the days and the window that its orders add up to."""

    id: Id
    territory: TerritorySlug
    name: str = Field(description="What the mission is called on lists and documents.")
    step: Days = Field(description="Part of a day of which every entry is a multiple: 0.25 or 0.5.")
    late_entry_grace_days: int | None = Field(
        description="Calendar days after ends_on during which days may still be entered without the operator's leave;"
        " null: no limit."
    )
    activities: list[MissionActivity] = Field(description="What days may be entered under, in the order that was sent.")
    travel_counts: bool = Field(description="Whether travel uses days of the order.")
    weekends_allowed: bool = Field(description="Whether days may be worked on Saturdays and Sundays.")
    holidays_allowed: bool = Field(description="Whether days may be worked on the public holidays of holiday_calendar.")
    holiday_calendar: HolidayCalendar = Field(description="Region whose public holidays apply.")
    alert_thresholds_bp: list[int] = Field(
        description="Shares of days_ordered, in basis points (8000 is 80 %), rising: an event comes when the days"
        " entered reach one of them."
    )
    external_id: ExternalName
    days_ordered: Days = Field(
        description="Man-days that all orders signed so far add up to; 0 before the first order."
    )
    days_allotted: Days = Field(description="Man-days allotted to the members of the consortium, at most days_ordered.")
    starts_on: date | None = Field(
        description="First Paris day on which days may be worked, by the latest order that says it; null before the"
        " initial order."
    )
    ends_on: date | None = Field(
        description="Last Paris day on which days may be worked, included, by the latest order that says it; null"
        " before the initial order."
    )
    status: MissionStatus = Field(
        description="open; closed: it is over, nothing is entered in it any more, and all of it is read; cancelled: it"
        " was a mistake, nothing ever counted, and reads of all missions together leave it out."
    )
    status_by: UUID | None = Field(
        description="The person of the operator who closed, cancelled or reopened it last; null where nobody did."
    )
    status_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    status_at: datetime | None = Field(description="Instant in UTC of that act; null as the id is.")
    status_reason: str | None = Field(description="Why, in words; null as the id is.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class MissionEnding(Body):
    """Why a mission is closed, cancelled or reopened."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "All days are certified."}]})

    reason: Annotated[Reason, Field(description="Why, in a person's words; it stands beside the mission's status.")]


OrderCents = Annotated[int, Field(strict=True, ge=-MAX_AMOUNT_CENTS, le=MAX_AMOUNT_CENTS, examples=[115_000_00])]


class OrderCreate(Body):
    """An order. The initial one says the whole window; an amendment says what changes, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "initial", "reference": "BC-2023-014", "signed_on": "2023-06-01", "days": 100,
                 "starts_on": "2023-06-14", "ends_on": "2023-09-30"}
            ]
        }
    )  # fmt: skip

    kind: OrderKind
    reference: Annotated[
        ShortLine, Field(description="Number of the document, such as BC-2023-014; once in a mission.")
    ]
    signed_on: Annotated[
        Day, Field(description="Paris day on which the document was signed; the terms of a day count it from then on.")
    ]
    days: Annotated[
        SignedDays,
        Field(
            description="Man-days that this order adds: more than 0 in the initial one; in an amendment also 0, or"
            " negative to take days away."
        ),
    ]
    starts_on: (
        Annotated[
            Day,
            Field(
                description="First Paris day on which days may be worked; the initial order needs it. Absent or null"
                " in an amendment: it stays."
            ),
        ]
        | None
    ) = None
    ends_on: (
        Annotated[
            Day,
            Field(
                description="Last Paris day on which days may be worked, included; the initial order needs it. Absent"
                " or null in an amendment: it stays."
            ),
        ]
        | None
    ) = None
    reason: Annotated[Reason, Field(description="Why the amendment was made; an amendment needs it.")] | None = None
    framework_id: (
        Annotated[
            Uuid,
            Field(
                description="The framework that the days are ordered under; its maximum holds the order. Absent or"
                " null: none, in an amendment that of the initial order."
            ),
        ]
        | None
    ) = None
    amount_cents: (
        Annotated[
            OrderCents,
            Field(
                description="Euro cents, excluding VAT, that this order adds to its framework: above 0 in the initial"
                " one; in an amendment also negative. A framework with a maximum in euros needs it; an amendment of 0"
                " days without it adds 0. `GET /v1/frameworks/{framework_id}/orders` shows it."
            ),
        ]
        | None
    ) = None

    @model_validator(mode="after")
    def _complete(self) -> "OrderCreate":
        if self.kind is OrderKind.INITIAL:
            if self.amount_cents is not None and self.amount_cents <= 0:
                raise INITIAL_ORDER_AMOUNT.error()
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
    """An order of days. It is never changed: a later amendment adds to it."""

    id: Id
    mission_id: UUID = Field(description="The mission whose days are ordered.")
    mission_name: MissionName
    kind: OrderKind = Field(description="The first order of the mission, or a later amendment.")
    reference: str = Field(description="Number of the document, once in a mission.")
    signed_on: date = Field(description="Paris day on which the document was signed.")
    days: SignedDays = Field(description="Man-days that this order adds; negative where it takes days away.")
    starts_on: date | None = Field(description="First Paris day of the window that it says; null: it does not move it.")
    ends_on: date | None = Field(description="Last Paris day of the window that it says; null: it does not move it.")
    reason: str | None = Field(description="Why the amendment was made; null for an initial order.")
    amount_cents: int | None = Field(
        json_schema_extra=CONFIDENTIAL,
        description="Euro cents, excluding VAT, that this order adds in its framework; negative where it takes away;"
        " null where it states none, and for who may not read the rates of all members. No event shows it.",
    )
    framework_id: UUID | None = Field(description="The framework that the order counts in; null where it names none.")
    framework_reference: str | None = Field(
        description="Present reference of the framework of framework_id; null as the id is."
    )
    days_ordered: Days = Field(description="Man-days of the mission in all, this order and those before it together.")
    ordered_by: UUID | None = Field(
        description="Person who recorded the order; null for orders from before a person was asked for."
    )
    ordered_by_name: PersonNameOrNull = Field(description="Present name of the person of ordered_by.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class LateEntryLeaveCreate(Body):
    """The operator's leave to enter days after the grace has passed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"until_on": "2023-12-31", "reason": "Closing committee of 3 October."}]}
    )

    until_on: Annotated[
        Day,
        Field(description="Last Paris day, included, on which days of the mission may be entered, whenever worked."),
    ]
    reason: Annotated[Reason, Field(description="Why late entries are accepted, in the operator's words.")]


class LateEntryLeave(Read):
    """A leave for late entry. It is never changed; the latest until_on of a mission counts."""

    id: Id
    mission_id: UUID = Field(description="The mission whose days may be entered late.")
    mission_name: MissionName
    until_on: date = Field(description="Last Paris day, included, on which days of the mission may be entered.")
    reason: str = Field(description="Why late entries are accepted, in the operator's words.")
    granted_by: UUID | None = Field(
        description="Person who granted the leave; null for leaves from before a person was asked for."
    )
    granted_by_name: PersonNameOrNull = Field(description="Present name of the person of granted_by.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


_ConsortiumRole = Annotated[
    ConsortiumRole, Field(description="The lead firm (mandataire), one in a mission, or a partner (cotraitant).")
]


class MissionMemberCreate(Body):
    """A consultancy of the consortium and the days allotted to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "organisation_id": "019a9f5e-0000-7000-8000-000000000000",
                    "role": "lead",
                    "days_allotted": 40,
                    "decided_on": "2023-06-12",
                }
            ]
        }
    )

    organisation_id: Annotated[Uuid, Field(description="The consultancy that joins the consortium.")]
    role: _ConsortiumRole
    days_allotted: Annotated[
        Days, Field(description="Man-days that the member may enter; all members together at most what is ordered.")
    ]
    decided_on: (
        Annotated[
            Day,
            Field(
                description="Paris day on which it was decided; absent or null: the day of the mission's order, and"
                " required where it has none or several."
            ),
        ]
        | None
    ) = None


class MissionMemberUpdate(Body):
    """Role or allotment to change. A new allotment is an act, with a reason and the day of its decision."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"days_allotted": 42.5, "reason": "Inec gives two days to the lead.", "decided_on": "2023-09-12"}
            ]
        }
    )

    role: _ConsortiumRole | MISSING = MISSING
    days_allotted: (
        Annotated[
            Days, Field(description="Man-days that the member may enter from now on; at least what it has entered.")
        ]
        | MISSING
    ) = MISSING
    decided_on: (
        Annotated[Day, Field(description="Paris day on which the new allotment was decided; required with it.")]
        | MISSING
    ) = MISSING
    reason: Annotated[Reason, Field(description="Why days_allotted changes; required with it.")] | MISSING = MISSING

    @model_validator(mode="after")
    def _reasoned(self) -> "MissionMemberUpdate":
        given = self.model_fields_set
        if "days_allotted" in given and "reason" not in given:
            raise ALLOTMENT_REASON.error()
        if "days_allotted" in given and "decided_on" not in given:
            raise ALLOTMENT_DAY.error()
        if "days_allotted" not in given and given & {"reason", "decided_on"}:
            raise ALLOTMENT_MISSING.error()
        return self


class MissionMember(Read):
    """A member of the consortium."""

    id: Id
    mission_id: UUID = Field(description="The mission that the consortium works on.")
    mission_name: MissionName
    organisation_id: UUID = Field(description="The consultancy; once in a mission.")
    organisation_name: OrganisationName
    role: ConsortiumRole = Field(description="The lead firm (mandataire), one in a mission, or a partner (cotraitant).")
    days_allotted: Days = Field(description="Man-days that the member may enter; all its allotments together.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class Allotment(Read):
    """An act that allots days to a member or takes days from it. It is never changed."""

    id: Id
    mission_id: UUID = Field(description="The mission whose days are allotted.")
    mission_name: MissionName
    organisation_id: UUID = Field(description="The member that gets or loses the days.")
    organisation_name: OrganisationName
    days: SignedDays = Field(description="Man-days that the act adds; negative where it takes days away.")
    days_allotted: Days = Field(description="Man-days of the member in all, this act and those before it together.")
    decided_on: date = Field(description="Paris day on which it was decided; the terms of a day count it from then on.")
    reason: str | None = Field(description="Why the allotment changed; null for the first one of a member.")
    decided_by: UUID | None = Field(
        description="Person or service account that recorded the act; null where the service itself did."
    )
    decided_by_name: PersonNameOrNull = Field(description="Present name of the subject of decided_by.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class ThresholdCrossing(Read):
    """An alert threshold that the days entered have reached: once for each total that was ordered."""

    id: Id
    mission_id: UUID = Field(description="The mission whose days are counted.")
    threshold_bp: int = Field(description="The threshold of the mission, in basis points of days_ordered.")
    days_ordered: Days = Field(description="Man-days that were ordered at that moment.")
    days_entered: Days = Field(description="Man-days submitted, validated or certified then, the last entry included.")
    crossed_at: datetime = Field(description="Instant in UTC of the write that reached the threshold.")


class MemberTerms(Read):
    """The allotment of a member of the consortium on a day."""

    organisation_id: UUID = Field(description="The consultancy; members without an allotment by that day are left out.")
    organisation_name: OrganisationName
    role: ConsortiumRole = Field(description="Its role at present, which may differ from the one of that day.")
    days_allotted: Days = Field(description="Man-days allotted by decisions up to as_of.")


class MissionTerms(Read):
    """The days, the window and the allotments of a mission on a day, by the documents signed up to then."""

    mission_id: UUID = Field(description="The mission of the orders and allotments.")
    mission_name: MissionName
    as_of: date = Field(description="Paris day that the answer describes; what was signed or decided on it counts.")
    days_ordered: Days = Field(description="Man-days of the orders signed up to as_of.")
    days_allotted: Days = Field(description="Man-days allotted to all members by decisions up to as_of.")
    starts_on: date | None = Field(
        description="First Paris day of the window, by the latest order signed up to as_of that says it; null before."
    )
    ends_on: date | None = Field(
        description="Last Paris day of the window, by the latest order signed up to as_of that says it; null before."
    )
    members: list[MemberTerms] = Field(
        description="Members with allotments up to as_of, by the names of organisations."
    )


DayRateCents = Annotated[int, Field(strict=True, ge=1, le=100_000_000)]

_DayRate = Annotated[
    DayRateCents,
    Field(
        description="Euro cents, excluding VAT, for one day; a part of a day is paid in proportion.", examples=[115000]
    ),
]
_RateEnd = Annotated[
    Day, Field(description="Last Paris day, included, whose work is paid at this rate; null or absent: no end.")
]


class RateCreate(Body):
    """What a member is paid for one day of a profile."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"organisation_id": "019a9f5e-0000-7000-8000-000000000000", "profile": "senior",
                 "day_rate_cents": 115000, "from_on": "2023-06-14"}
            ]
        }
    )  # fmt: skip

    organisation_id: Annotated[Uuid, Field(description="The member of the consortium that is paid.")]
    profile: Profile
    day_rate_cents: _DayRate
    from_on: Annotated[Day, Field(description="First Paris day whose work is paid at this rate.")]
    to_on: _RateEnd | None = None

    _in_order = model_validator(mode="after")(period_in_order)


class RateUpdate(Body):
    """Amount or last day of a rate to change. One that priced certified days can only be ended."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to_on": "2023-12-31"}]})

    day_rate_cents: _DayRate | MISSING = MISSING
    to_on: _RateEnd | None | MISSING = MISSING


class Rate(Read):
    """A day rate. A member of the consortium sees its own rates alone."""

    id: Id
    mission_id: UUID = Field(description="The mission whose days are paid at this rate.")
    mission_name: MissionName
    organisation_id: UUID = Field(description="The member of the consortium that is paid.")
    organisation_name: OrganisationName
    profile: Profile = Field(description="The profile of the consultants whose days are paid at this rate.")
    day_rate_cents: int = Field(
        json_schema_extra=CONFIDENTIAL, description="Euro cents, excluding VAT, for one day; no event shows it."
    )
    from_on: date = Field(description="First Paris day whose work is paid at this rate.")
    to_on: date | None = Field(description="Last Paris day, included; null: no end.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


_ConsultantProfile = Annotated[
    Code,
    Field(
        description="What the person's days are paid as: junior, senior or expert, of which the member has a rate."
        " Without it, days cannot be certified."
    ),
]
_AssignedFrom = Annotated[Day, Field(description="First Paris day on which the person may work for the mission.")]
_AssignedTo = Annotated[
    Day, Field(description="Last Paris day on which the person may work for it, included; null or absent: no end.")
]


class ConsultantCreate(Body):
    """The assignment of a person of a member organisation to a mission."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"person_id": "019a9f5e-0000-7000-8000-000000000000",
                 "mission_id": "019a9f5e-0000-7000-8000-000000000000",
                 "profile": "senior", "from_on": "2023-06-14"}
            ]
        }
    )  # fmt: skip

    person_id: Annotated[Uuid, Field(description="The person, whose organisation must be a member of the consortium.")]
    mission_id: Annotated[Uuid, Field(description="The mission of this territory that the person works for.")]
    profile: _ConsultantProfile | None = None
    from_on: _AssignedFrom
    to_on: _AssignedTo | None = None

    _in_order = model_validator(mode="after")(period_in_order)


class ConsultantUpdate(Body):
    """Profile or days of an assignment to change; every entry that counts must stay within the days."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to_on": "2023-10-03"}]})

    profile: _ConsultantProfile | None | MISSING = MISSING
    from_on: _AssignedFrom | MISSING = MISSING
    to_on: _AssignedTo | None | MISSING = MISSING


class Consultant(Read):
    """The assignment of a person to a mission, through a member of the consortium."""

    id: Id
    person_id: UUID = Field(description="The person who works; a person may have several assignments.")
    person_name: PersonName = Field(description="Present name of the person.")
    organisation_id: UUID = Field(
        description="The member of the consortium for which the person works: the person's organisation when the"
        " assignment was made."
    )
    organisation_name: OrganisationName
    mission_id: UUID = Field(description="The mission that the person works for.")
    mission_name: MissionName
    profile: str | None = Field(
        description="What the person's days are paid as: junior, senior or expert; null where it is not said, and days"
        " cannot be certified."
    )
    from_on: date = Field(description="First Paris day on which the person may work for the mission.")
    to_on: date | None = Field(description="Last Paris day, included; null: no end.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
