"""What travels about the roadmap."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic_core import PydanticCustomError

from app.core.schemas import Body, Read
from app.core.values import AmountCents, Cents, Day, Line, Reason, Siren, Text, Uuid, parse_int
from app.projects.schemas import FieldChange
from app.roadmap.rules import ActionState, VersionStatus


class ActionBody(Body):
    """An action. One that is there already is named by its `id` and keeps its follow-up; a new one has none."""

    id: Uuid | None = None
    title: Line
    description: Text | None = None
    owner_organisation_id: Uuid | None = None
    due_on: Day | None = None
    budget_cents: AmountCents | None = None
    indicator: Line | None = None
    project_ids: Annotated[list[Uuid], Field(max_length=200)] = Field(default_factory=list)
    firm_sirens: Annotated[list[Siren], Field(max_length=200)] = Field(default_factory=list)


class AxisBody(Body):
    """An axis and its actions, in order."""

    title: Line
    objective: Text | None = None
    actions: Annotated[list[ActionBody], Field(max_length=100)] = Field(default_factory=list)


def _once(axes: list[AxisBody]) -> list[AxisBody]:
    ids = [action.id for axis in axes for action in axis.actions if action.id is not None]
    if len(ids) != len(set(ids)):
        raise PydanticCustomError("action_named_twice", "An action stands once in a roadmap.")
    return axes


Axes = Annotated[list[AxisBody], Field(max_length=20), AfterValidator(_once)]

_AXES: list[JsonValue] = [
    {"title": "Compétences", "objective": "Train a hundred operators a year.", "actions": [
        {"title": "School of machining", "due_on": "2025-09-01", "budget_cents": 40_000_000,
         "indicator": "Operators trained"}]},
]  # fmt: skip


class RoadmapDraft(Body):
    """A new draft. What is left out is copied from the version in force; without one, title and days are needed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"title": "Feuille de route 2023-2027", "starts_on": "2023-10-03", "ends_on": "2027-12-31",
                          "axes": _AXES}]
        }
    )  # fmt: skip

    title: Line | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    axes: Axes | None = None


class RoadmapUpdate(Body):
    """Fields of a draft to change. `axes` are replaced whole; an action named by its `id` keeps its follow-up."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Feuille de route 2023-2027"}]})

    title: Line | MISSING = MISSING
    starts_on: Day | MISSING = MISSING
    ends_on: Day | MISSING = MISSING
    axes: Axes | MISSING = MISSING


class Adoption(Body):
    """The committee that adopted the draft: a meeting that was held. Its day is that of the adoption."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"committee_id": "019a9f5e-0000-7000-8000-000000000000"}]}
    )

    committee_id: Uuid


# An axis as a filter names it: text of a query string.
AxisPlace = Annotated[int, BeforeValidator(lambda value: parse_int(value, 1, 20))]


class LinkedProject(Read):
    """A project that an action serves."""

    id: UUID
    title: str


class LinkedFirm(Read):
    """A firm that an action serves."""

    siren: str
    name: str


class Progress(Read):
    """How far actions have come. `ratio` is done / (all that are not dropped); null where there are none.

    `late` are those past their due day that are neither done nor dropped.
    """

    actions: int
    planned: int
    in_progress: int
    on_hold: int
    done: int
    dropped: int
    late: int
    ratio: Annotated[float | None, Field(ge=0, le=1, description="Rounded to four decimals.")]


class AxisAction(Read):
    """An action of an axis, with its state."""

    id: UUID
    title: str
    description: str | None
    owner_organisation_id: UUID | None
    owner_organisation_name: str | None
    due_on: date | None
    budget_cents: Cents | None
    indicator: str | None
    projects: list[LinkedProject]
    firms: list[LinkedFirm]
    state: ActionState
    state_since_on: date | None
    late: bool


class Axis(Read):
    """An axis of the roadmap, its actions in order, and their progress."""

    position: int
    title: str
    objective: str | None
    progress: Progress
    actions: list[AxisAction]


class RoadmapVersion(Read):
    """A version of the roadmap. In force from `adopted_on` (included) to `superseded_on` (excluded).

    An adopted version never changes; states and progress of its actions are their follow-up.
    """

    id: UUID
    territory: str
    number: int
    title: str
    starts_on: date
    ends_on: date
    status: VersionStatus
    committee_id: UUID | None
    adopted_on: date | None
    adopted_by: UUID | None
    superseded_on: date | None
    progress: Progress
    axes: list[Axis]
    version: int
    created_at: datetime
    updated_at: datetime


class RoadmapAction(Read):
    """An action of the roadmap in force, and how far it has come."""

    id: UUID
    roadmap_id: UUID
    axis: int
    axis_title: str
    position: int
    title: str
    description: str | None
    owner_organisation_id: UUID | None
    owner_organisation_name: str | None
    due_on: date | None
    budget_cents: Cents | None
    indicator: str | None
    projects: list[LinkedProject]
    firms: list[LinkedFirm]
    state: ActionState
    state_since_on: date | None
    late: bool
    version: int
    created_at: datetime
    updated_at: datetime


class Move(Body):
    """The state to which an action goes, the day from which it holds (today where absent), and the reason.

    A reason is needed to drop an action, to let it rest, and to take up again what was done or dropped.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "in_progress", "effective_on": "2024-01-15"}]})

    state: ActionState
    effective_on: Day | None = None
    reason: Reason | None = None


class ActionStateChange(Read):
    """A move of an action, in both times: when it held, and when it was recorded."""

    number: int
    action_id: UUID
    state: ActionState
    previous_state: ActionState
    reason: str | None
    effective_on: date
    recorded_by: UUID | None
    recorded_at: datetime


class ComparedAxis(Read):
    """An axis as versions are compared."""

    position: int
    title: str
    objective: str | None


class ChangedAxis(Read):
    """An axis of both versions, by its place, and what changed in it."""

    position: int
    fields: dict[str, FieldChange]


class AxesComparison(Read):
    """Axes added, removed and changed, told apart by their place."""

    added: list[ComparedAxis]
    removed: list[ComparedAxis]
    changed: list[ChangedAxis]


class ComparedAction(Read):
    """An action as versions are compared: its wording and its place, not its follow-up."""

    id: UUID
    axis: int
    title: str
    description: str | None
    owner_organisation_id: UUID | None
    due_on: date | None
    budget_cents: Cents | None
    indicator: str | None
    project_ids: list[UUID]
    firm_sirens: list[str]


class ChangedAction(Read):
    """An action of both versions, and what changed in it."""

    id: UUID
    fields: dict[str, FieldChange]


class ActionsComparison(Read):
    """Actions added, removed and changed, told apart by their id."""

    added: list[ComparedAction]
    removed: list[ComparedAction]
    changed: list[ChangedAction]


class RoadmapComparison(Read):
    """What changed from one version of the roadmap to another; null and all added where there was none before."""

    before_number: int | None
    after_number: int
    fields: dict[str, FieldChange]
    axes: AxesComparison
    actions: ActionsComparison
