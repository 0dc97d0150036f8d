"""What travels about missions."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.schemas import PERSONAL, Body, Read
from app.core.values import Code, Day, Days, ExternalId, Line, PositiveDays, Reason, ShortLine, SignedDays, Uuid
from app.missions.models import ConsortiumRole, OrderKind


def _quarter_or_half(step: Decimal) -> Decimal:
    if step not in (Decimal("0.25"), Decimal("0.50")):
        raise PydanticCustomError("not_a_step", "A step is 0.25 or 0.5 of a day.")
    return step


Step = Annotated[PositiveDays, AfterValidator(_quarter_or_half)]
GraceDays = Annotated[int, Field(strict=True, ge=0, le=3660)]


class MissionCreate(Body):
    """A mission of this territory; its days and window come from its orders.

    `step` is the smallest part of a day that may be entered. `late_entry_grace_days` is how many days after the
    window's end entries are still taken without the operator's leave; absent, there is no such limit.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ingénierie Rebond industriel", "step": 0.25}]})

    name: Line
    step: Annotated[Step, Field(json_schema_extra={"default": 0.25})] = Decimal("0.25")
    late_entry_grace_days: GraceDays | None = None
    external_id: ExternalId | None = None


class MissionUpdate(Body):
    """Fields of a mission to change; the step only while nothing is entered."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ingénierie Rebond industriel, Alès"}]})

    name: Line | MISSING = MISSING
    step: Step | MISSING = MISSING
    late_entry_grace_days: GraceDays | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class Mission(Read):
    """A mission, with what its orders come to. `starts_on` and `ends_on` are both included."""

    id: UUID
    territory: str
    name: str
    step: Days
    late_entry_grace_days: int | None
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

    The initial order says the whole window; an amendment says what of it changes.
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
                raise PydanticCustomError("initial_order_days", "An initial order orders more than zero days.")
            if self.starts_on is None or self.ends_on is None:
                raise PydanticCustomError("initial_order_window", "An initial order says starts_on and ends_on.")
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise PydanticCustomError("period_reversed", "The end comes before the start.")
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
    """A consultancy of the consortium and the days allotted to it."""

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


class MissionMemberUpdate(Body):
    """Role or allotment to change; an allotment never falls below what is entered."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"days_allotted": 42.5}]})

    role: ConsortiumRole | MISSING = MISSING
    days_allotted: Days | MISSING = MISSING


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
            raise PydanticCustomError("period_reversed", "The end comes before the start.")
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
