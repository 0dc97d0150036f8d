"""What travels about planning."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from app.core.schemas import Body, Id, PersonName, PersonNameOrNull, Read, RecordedAt
from app.core.values import Day, Days, PositiveDays, Reason, Uuid
from app.engineering.entries.schemas import Week
from app.engineering.planning.rules import CONSULTANT_OR_PROFILE, MORE_THAN_THE_WEEK, PLANNED_TWICE
from app.missions.models import Profile
from app.missions.schemas import MissionName

MOST_LINES = 2000
WeekRead = Annotated[str, Field(pattern="^[0-9]{4}-W[0-9]{2}$", description="ISO 8601 week, such as 2023-W27.")]


class PlannedWeekBody(Body):
    """The days planned in a week for a consultant, or for a profile whose persons are not named yet."""

    consultant_id: Annotated[Uuid, Field(description="The assignment of the person to this mission.")] | None = None
    profile: Annotated[Profile, Field(description="A profile, where no person is named.")] | None = None
    week: Annotated[Week, Field(description="ISO 8601 week, such as 2023-W27.")]
    days: Annotated[PositiveDays, Field(description="Man-days planned in that week; of a consultant at most 7.")]

    @model_validator(mode="after")
    def _of_one(self) -> "PlannedWeekBody":
        if (self.consultant_id is None) == (self.profile is None):
            raise CONSULTANT_OR_PROFILE.error()
        if self.consultant_id is not None and self.days > 7:
            raise MORE_THAN_THE_WEEK.error()
        return self


def _each_once(lines: list[PlannedWeekBody]) -> list[PlannedWeekBody]:
    if len({(line.consultant_id, line.profile, line.week) for line in lines}) < len(lines):
        raise PLANNED_TWICE.error()
    return lines


class PlanPut(Body):
    """The whole plan of a mission's days, by week."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"planned_on": "2023-06-12",
                 "lines": [{"profile": "senior", "week": "2023-W24", "days": 6},
                           {"profile": "junior", "week": "2023-W24", "days": 3.5}]}
            ]
        }
    )  # fmt: skip

    planned_on: Annotated[
        Day, Field(description="Paris day on which it was made, and from which it holds; today or earlier.")
    ]
    lines: Annotated[
        list[PlannedWeekBody],
        Field(max_length=MOST_LINES, description="The days by week; what is left out is not planned."),
        AfterValidator(_each_once),
    ]


class PlannedWeek(Read):
    """The days planned in a week."""

    consultant_id: UUID | None = Field(description="The assignment of the person; null where a profile is planned.")
    consultant_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    profile: Profile | None = Field(description="The profile, where no person is named; null where one is.")
    week: WeekRead
    days: Days = Field(description="Man-days planned in that week.")


class Overplanned(Read):
    """A week in which a person is planned for more than five days, over all missions."""

    consultant_id: UUID = Field(description="The assignment of the person to this mission.")
    consultant_name: PersonName = Field(description="Present name of the person.")
    week: WeekRead
    days: Days = Field(description="Man-days that this plan has for the person in that week.")
    elsewhere: bool = Field(
        description="Whether plans of other missions count in it; which ones, and how many days, is not told."
    )


class MissionPlan(Read):
    """The plan of a mission's days. Each change is a version of its own, and stays."""

    id: Id
    mission_id: UUID = Field(description="The mission whose days are planned.")
    mission_name: MissionName
    version: int = Field(description="1 for the first plan of the mission, one more for each; the ETag begins with it.")
    planned_on: date = Field(description="Paris day on which it was made, and from which it holds until the next.")
    days_planned: Days = Field(description="Man-days of all its lines.")
    lines: list[PlannedWeek] = Field(
        json_schema_extra={"x-personal": True},
        description="The days by week, then by person and profile; no event shows them.",
    )
    overplanned: list[Overplanned] = Field(
        json_schema_extra={"x-personal": True},
        description="Weeks in which a person is planned for more than five days, over the plans that hold now of all"
        " missions that are open.",
    )
    recorded_by: UUID = Field(description="The person or service account that saved it.")
    recorded_by_name: PersonName = Field(description="Present name of the subject of recorded_by.")
    recorded_at: RecordedAt


class RemainingDaysCreate(Body):
    """What remains to be done of a mission, in the lead firm's judgment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"remaining_days": 32.5, "stated_on": "2023-08-31", "reason": "Two firms ask for a second audition."}
            ]
        }
    )

    remaining_days: Annotated[
        Days, Field(description="Man-days that remain to be done at the end of that day, whatever is ordered.")
    ]
    stated_on: Annotated[Day, Field(description="Paris day at whose end they remain; today or earlier.")]
    reason: Annotated[Reason, Field(description="Why so many remain, in the lead firm's words.")]


class RemainingDays(Read):
    """A statement of what remains to be done. It is never changed; the last one by its day holds."""

    id: Id
    mission_id: UUID = Field(description="The mission that it is about.")
    mission_name: MissionName
    remaining_days: Days = Field(description="Man-days that remain to be done at the end of that day.")
    stated_on: date = Field(description="Paris day at whose end they remain.")
    reason: str = Field(description="Why so many remain, in the lead firm's words.")
    recorded_by: UUID = Field(description="The person or service account that recorded it.")
    recorded_by_name: PersonName = Field(description="Present name of the subject of recorded_by.")
    recorded_at: RecordedAt
