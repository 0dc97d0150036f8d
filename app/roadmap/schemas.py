"""What travels about the roadmap."""

from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import MISSING, AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue

from app.core.faults import Fault
from app.core.schemas import (
    Body,
    ContentHashOrNull,
    CreatedAt,
    Id,
    PersonNameOrNull,
    Read,
    RecordedAt,
    UpdatedAt,
    Version,
)
from app.core.values import AmountCents, Cents, Day, Line, Reason, Siren, Text, Uuid, parse_int
from app.programme.schemas import TerritorySlug
from app.projects.schemas import FieldChange
from app.roadmap.rules import ActionState, VersionStatus

ACTION_NAMED_TWICE = Fault(
    "action_named_twice",
    en="An action can appear only once in a roadmap.",
    fr="Une action ne peut figurer qu'une fois dans une feuille de route.",
)


class ActionBody(Body):
    """An action of an axis."""

    id: (
        Annotated[Uuid, Field(description="An action that exists: it keeps its state. Absent or null: a new action.")]
        | None
    ) = None
    title: Annotated[Line, Field(description="What is to be done.")]
    description: Annotated[Text, Field(description="The action in a few sentences.")] | None = None
    owner_organisation_id: (
        Annotated[Uuid, Field(description="The organisation that answers for the action.")] | None
    ) = None
    due_on: Annotated[Day, Field(description="Paris day by which it is to be done.")] | None = None
    budget_cents: Annotated[AmountCents, Field(description="Planned cost in cents of euro.")] | None = None
    indicator: Annotated[Line, Field(description="How success is measured.")] | None = None
    project_ids: Annotated[
        list[Uuid], Field(max_length=200, description="Projects of this territory that the action serves.")
    ] = Field(default_factory=list)
    sirens: Annotated[
        list[Siren],
        Field(max_length=200, description="SIREN of each firm that the action serves; the territory follows it."),
    ] = Field(default_factory=list)


class AxisBody(Body):
    """An axis of the roadmap, with its actions."""

    title: Annotated[Line, Field(description="What the axis is about.")]
    objective: Annotated[Text, Field(description="What its actions are to reach together.")] | None = None
    actions: Annotated[
        list[ActionBody], Field(max_length=100, description="The actions of the axis, in this order.")
    ] = Field(default_factory=list)


def _once(axes: list[AxisBody]) -> list[AxisBody]:
    ids = [action.id for axis in axes for action in axis.actions if action.id is not None]
    if len(ids) != len(set(ids)):
        raise ACTION_NAMED_TWICE.error()
    return axes


_Title = Annotated[Line, Field(description="What the roadmap is called.")]
_StartsOn = Annotated[Day, Field(description="First Paris day of the years that the roadmap plans.")]
_EndsOn = Annotated[Day, Field(description="Last Paris day of these years; not before `starts_on`.")]
Axes = Annotated[
    list[AxisBody],
    Field(max_length=20, description="The axes, in this order; they are replaced whole, with their actions."),
    AfterValidator(_once),
]

_AXES: list[JsonValue] = [
    {"title": "Compétences", "objective": "Train a hundred operators a year.", "actions": [
        {"title": "School of machining", "due_on": "2025-09-01", "budget_cents": 40_000_000,
         "indicator": "Operators trained"}]},
]  # fmt: skip


class RoadmapDraft(Body):
    """A new draft. Fields left out are copied from the version in force; without one, title and days are required."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"title": "Feuille de route 2023-2027", "starts_on": "2023-10-03", "ends_on": "2027-12-31",
                          "axes": _AXES}]
        }
    )  # fmt: skip

    title: _Title | None = None
    starts_on: _StartsOn | None = None
    ends_on: _EndsOn | None = None
    axes: Axes | None = None


class RoadmapUpdate(Body):
    """Fields of a draft to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "Feuille de route 2023-2027"}]})

    elsewhere: ClassVar = {"status": ("POST /v1/territories/{territory}/roadmap/versions/{id}/adopt",)}

    title: _Title | MISSING = MISSING
    starts_on: _StartsOn | MISSING = MISSING
    ends_on: _EndsOn | MISSING = MISSING
    axes: Axes | MISSING = MISSING


class Adoption(Body):
    """The committee that adopted the draft."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"committee_id": "019a9f5e-0000-7000-8000-000000000000"}]}
    )

    committee_id: Annotated[
        Uuid,
        Field(description="The meeting that adopted it: one that was held, whose Paris day is that of the adoption."),
    ]


# An axis as a filter names it: text of a query string.
AxisPlace = Annotated[int, BeforeValidator(lambda value: parse_int(value, 1, 20))]


class LinkedProject(Read):
    """A project that an action serves."""

    id: UUID = Field(description="The project, as `T/projects` has it.")
    title: str = Field(description="Present title of the project.")


class LinkedFirm(Read):
    """A firm that an action serves."""

    siren: str = Field(description="SIREN: nine digits.")
    name: str = Field(description="Present name of the firm in the register.")


class Progress(Read):
    """How far actions have come."""

    actions: int = Field(description="Number of actions, dropped ones included.")
    planned: int = Field(description="Number of actions that have not begun.")
    in_progress: int = Field(description="Number of actions under way.")
    on_hold: int = Field(description="Number of actions that were begun and are paused.")
    done: int = Field(description="Number of finished actions.")
    dropped: int = Field(description="Number of actions that were given up.")
    late: int = Field(description="Number of actions whose due day is over, neither done nor dropped.")
    ratio: Annotated[float | None, Field(ge=0, le=1)] = Field(
        description="Done actions divided by those that are not dropped, with four decimals; null where there are none."
    )


class AxisAction(Read):
    """An action of an axis, with its state."""

    id: UUID = Field(description="The action through all versions of the roadmap that have it.")
    title: str = Field(description="What is to be done.")
    description: str | None = Field(description="The action in a few sentences; null where nobody wrote any.")
    owner_organisation_id: UUID | None = Field(description="The organisation that answers for it; null: none yet.")
    owner_organisation_name: str | None = Field(description="Present name of that organisation; null as the id is.")
    due_on: date | None = Field(description="Paris day by which it is to be done; null: no day is set.")
    budget_cents: Cents | None = Field(description="Planned cost in cents of euro; null: not said.")
    indicator: str | None = Field(description="How success is measured; null: not said.")
    projects: list[LinkedProject] = Field(description="Projects that it serves, by title.")
    firms: list[LinkedFirm] = Field(description="Firms that it serves, by name.")
    state: ActionState = Field(description="How far the action has come: now, or on the day that was asked for.")
    state_since_on: date | None = Field(description="Paris day since which it is in this state; null: it never moved.")
    late: bool = Field(description="Whether its due day is over and it is neither done nor dropped.")


class Axis(Read):
    """An axis of the roadmap, with its actions."""

    position: int = Field(description="Place of the axis in the roadmap, from 1.")
    title: str = Field(description="What the axis is about.")
    objective: str | None = Field(description="What its actions are to reach together; null: not said.")
    progress: Progress = Field(description="How far the actions of this axis have come.")
    actions: list[AxisAction] = Field(description="The actions of the axis, in their order.")


class RoadmapLine(AxisAction):
    """An action with its axis: a line of the roadmap as a table."""

    axis: int = Field(description="Place of its axis in the roadmap, from 1.")
    axis_title: str = Field(description="What that axis is about.")
    position: int = Field(description="Place of the action in its axis, from 1.")


class RoadmapVersion(Read):
    """A version of the roadmap. An adopted version never changes; the states of its actions do."""

    id: Id
    territory: TerritorySlug
    number: int = Field(description="1 for the first version of the territory's roadmap, one more for each after it.")
    title: str = Field(description="What the roadmap is called.")
    starts_on: date = Field(description="First Paris day of the years that the roadmap plans.")
    ends_on: date = Field(description="Last Paris day of these years.")
    status: VersionStatus = Field(description="draft; adopted: it is in force; superseded: a later one replaced it.")
    committee_id: UUID | None = Field(
        description="The meeting that adopted it, as `T/committees` has it; null of a draft."
    )
    adopted_on: date | None = Field(
        description="Paris day of that meeting, from which the version is in force; null of a draft."
    )
    adopted_by: UUID | None = Field(description="The person who recorded the adoption; null of a draft.")
    adopted_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    superseded_on: date | None = Field(
        description="Paris day from which a later version is in force instead; null unless it is superseded."
    )
    content_hash: ContentHashOrNull = Field(
        description="SHA-256 of the text as it was adopted, 64 hexadecimal digits (`…/content` has the text); null of a"
        " draft."
    )
    progress: Progress = Field(description="How far all actions of the version have come.")
    axes: list[Axis] = Field(description="The axes, in their order.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class SealedAction(Read):
    """An action as the sealed text words it."""

    budget_cents: Cents | None = Field(description="Planned cost in cents of euro; null: not said.")
    description: str | None = Field(description="The action in a few sentences; null where nobody wrote any.")
    due_on: date | None = Field(description="Paris day by which it is to be done; null: no day is set.")
    id: UUID = Field(description="The action through all versions of the roadmap that have it.")
    indicator: str | None = Field(description="How success is measured; null: not said.")
    owner_organisation_id: UUID | None = Field(description="The organisation that answers for it; null: none yet.")
    position: int = Field(description="Place of the action in its axis, from 1.")
    project_ids: list[UUID] = Field(description="Projects that it serves, in the order of their ids.")
    sirens: list[str] = Field(description="SIREN of each firm that it serves, in ascending order.")
    title: str = Field(description="What is to be done.")


class SealedAxis(Read):
    """An axis as the sealed text words it."""

    actions: list[SealedAction] = Field(description="The actions of the axis, in their order.")
    objective: str | None = Field(description="What its actions are to reach together; null: not said.")
    position: int = Field(description="Place of the axis in the roadmap, from 1.")
    title: str = Field(description="What the axis is about.")


class RoadmapContent(Read):
    """The text of a version as its adoption sealed it.

    It holds ids without names, because names change and the sealed text cannot.
    """

    adopted_by: UUID = Field(description="The person who recorded the adoption.")
    adopted_on: date = Field(description="Paris day of the meeting that adopted it.")
    axes: list[SealedAxis] = Field(description="The axes, in their order.")
    committee_id: UUID = Field(description="The meeting that adopted it, as `T/committees` has it.")
    ends_on: date = Field(description="Last Paris day of the years that the roadmap plans.")
    id: UUID = Field(description="The version that this is the text of.")
    number: int = Field(description="1 for the first version of the territory's roadmap, one more for each after it.")
    starts_on: date = Field(description="First Paris day of these years.")
    territory: TerritorySlug
    title: str = Field(description="What the roadmap is called.")


class RoadmapAction(Read):
    """An action of the roadmap in force, and how far it has come."""

    id: UUID = Field(description="The action through all versions of the roadmap that have it.")
    roadmap_id: UUID = Field(description="The version of the roadmap in force.")
    roadmap_title: str = Field(description="What that roadmap is called.")
    axis: int = Field(description="Place of its axis in the roadmap, from 1.")
    axis_title: str = Field(description="What that axis is about.")
    position: int = Field(description="Place of the action in its axis, from 1.")
    title: str = Field(description="What is to be done.")
    description: str | None = Field(description="The action in a few sentences; null where nobody wrote any.")
    owner_organisation_id: UUID | None = Field(description="The organisation that answers for it; null: none yet.")
    owner_organisation_name: str | None = Field(description="Present name of that organisation; null as the id is.")
    due_on: date | None = Field(description="Paris day by which it is to be done; null: no day is set.")
    budget_cents: Cents | None = Field(description="Planned cost in cents of euro; null: not said.")
    indicator: str | None = Field(description="How success is measured; null: not said.")
    projects: list[LinkedProject] = Field(description="Projects that it serves, by title.")
    firms: list[LinkedFirm] = Field(description="Firms that it serves, by name.")
    state: ActionState = Field(description="How far the action has come.")
    state_since_on: date | None = Field(description="Paris day since which it is in this state; null: it never moved.")
    late: bool = Field(description="Whether its due day is over and it is neither done nor dropped.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class ActionMove(Body):
    """The state to which an action goes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"state": "in_progress", "effective_on": "2024-01-15"}]})

    state: Annotated[ActionState, Field(description="The new state; from each state only some can be reached.")]
    effective_on: (
        Annotated[
            Day,
            Field(
                description="Paris day from which it is in this state, not before that of the state before; absent or"
                " null: today."
            ),
        ]
        | None
    ) = None
    reason: (
        Annotated[
            Reason,
            Field(
                description="Why: required to drop an action, to put it on hold, and to take up again what was done or"
                " dropped."
            ),
        ]
        | None
    ) = None


class ActionStateChange(Read):
    """A move of an action from state to state. It is never changed."""

    number: int = Field(description="1 for the first move of the action, one more for each.")
    action_id: UUID = Field(description="The action that moved.")
    state: ActionState = Field(description="The state from this move on.")
    previous_state: ActionState = Field(description="The state until then.")
    reason: str | None = Field(description="Why it moved; null where none was needed or given.")
    effective_on: date = Field(description="Paris day from which the action is in this state.")
    recorded_by: UUID | None = Field(description="Who recorded the move; null where the service itself did.")
    recorded_by_name: PersonNameOrNull = Field(description="Present name of who recorded it; null as the id is.")
    recorded_at: RecordedAt


class ComparedAxis(Read):
    """An axis as versions are compared."""

    position: int = Field(description="Place of the axis in its version, from 1.")
    title: str = Field(description="What the axis is about.")
    objective: str | None = Field(description="What its actions are to reach together; null: not said.")


class ChangedAxis(Read):
    """An axis of both versions, by its place, and what changed in it."""

    position: int = Field(description="Place of the axis in both versions, from 1.")
    fields: dict[str, FieldChange] = Field(description="The fields that differ, by their names.")


class AxesComparison(Read):
    """Axes added, removed and changed. An axis is identified by its place."""

    added: list[ComparedAxis] = Field(description="Axes of the newer version alone; all of them where it is the first.")
    removed: list[ComparedAxis] = Field(description="Axes of the older version alone.")
    changed: list[ChangedAxis] = Field(description="Axes of both versions that differ.")


class ComparedAction(Read):
    """An action as versions are compared: its wording and its place, not its state."""

    id: UUID = Field(description="The action through all versions of the roadmap that have it.")
    axis: int = Field(description="Place of its axis in the version, from 1.")
    title: str = Field(description="What is to be done.")
    description: str | None = Field(description="The action in a few sentences; null where nobody wrote any.")
    owner_organisation_id: UUID | None = Field(description="The organisation that answers for it; null: none yet.")
    owner_organisation_name: str | None = Field(description="Present name of that organisation; null as the id is.")
    due_on: date | None = Field(description="Paris day by which it is to be done; null: no day is set.")
    budget_cents: Cents | None = Field(description="Planned cost in cents of euro; null: not said.")
    indicator: str | None = Field(description="How success is measured; null: not said.")
    project_ids: list[UUID] = Field(description="Projects that it serves, in the order of their ids.")
    project_titles: list[str] = Field(description="Present titles of these projects, in the order of `project_ids`.")
    sirens: list[str] = Field(description="SIREN of each firm that it serves, in ascending order.")
    firm_names: list[str] = Field(description="Present names of these firms, in the order of `sirens`.")


class ChangedAction(Read):
    """An action of both versions, and what changed in it."""

    id: UUID = Field(description="The action in both versions.")
    fields: dict[str, FieldChange] = Field(description="The fields that differ, by their names.")


class ActionsComparison(Read):
    """Actions added, removed and changed. An action is identified by its id."""

    added: list[ComparedAction] = Field(description="Actions of the newer version alone; all where it is the first.")
    removed: list[ComparedAction] = Field(description="Actions of the older version alone.")
    changed: list[ChangedAction] = Field(description="Actions of both versions whose wording or place differs.")


class RoadmapComparison(Read):
    """What changed from one version of the roadmap to another."""

    before_number: int | None = Field(description="Number of the older version; null where there was none before.")
    after_number: int = Field(description="Number of the newer version.")
    fields: dict[str, FieldChange] = Field(description="What differs in title and days, by the names of the fields.")
    axes: AxesComparison = Field(description="Axes that were added, removed or changed.")
    actions: ActionsComparison = Field(description="Actions that were added, removed or changed.")
