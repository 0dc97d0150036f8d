"""HTTP of the roadmap: the one in force, its versions, their adoption, and the follow-up of actions."""

from http import HTTPStatus
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from app.access.duties import DRAFTS_ADOPTS
from app.access.gate import require
from app.access.rules import Actor
from app.core.compare import changes as field_changes
from app.core.compare import compare
from app.core.db import fetch, fetchrow
from app.core.problems import NotFound, ReferenceNotFound
from app.core.reading.answers import form_wanted, page, private, show
from app.core.reading.exports import held
from app.core.reading.listing import FORMS_OF_TABLES
from app.core.reading.query import Parameter, read
from app.core.reading.tabular import FORMS
from app.core.reading.two_times import both_times
from app.core.serving.operations import OTHER_FORMS, changes, lists, shows
from app.core.serving.routing import router
from app.core.values import Uuid
from app.core.writing.idempotency import IdempotencyKeyMissing
from app.core.writing.writes import commit, refused_as
from app.programme.routes import T
from app.roadmap import rules, schemas, service
from app.roadmap.queries import ACTIONS, COMPARED, CONTENT, ROADMAP, ROADMAP_THEN, STATES, TIMES, VERSIONS

roadmap = router("roadmap")

WITH = {"with": Parameter(Uuid, "Id of the version to compare with; absent: the one before.")}


@roadmap.get(
    T + "/roadmap",
    **shows(schemas.RoadmapVersion, parameters={**FORMS_OF_TABLES, **TIMES}, forms=OTHER_FORMS["content"]),
)
async def get_roadmap(request: Request, actor: Actor = require("roadmap:read")) -> Response:
    """The roadmap in force on a day, today by default, with the states of its actions on that day.

    `recorded_as_of` gives it as it was known at the end of a past day. Tables have a line for each action.
    """
    query = read(request, {**FORMS_OF_TABLES, **TIMES})
    form, times = form_wanted(request, query), both_times(query)
    found = await show(request, ROADMAP if times["known_before"] is None else ROADMAP_THEN, times)
    if form == "json" or found.status_code != HTTPStatus.OK:
        return found
    lines = [
        {**action, "axis": axis["position"], "axis_title": axis["title"], "position": place}
        for axis in from_json(bytes(found.body))["axes"]
        for place, action in enumerate(axis["actions"], 1)
    ]
    return held(request, FORMS[form], schemas.RoadmapLine, lines)


@roadmap.get(T + "/roadmap/versions", **lists(VERSIONS))
async def list_roadmap_versions(request: Request, actor: Actor = require("roadmap:read")) -> Response:
    """Every version of the roadmap: the draft, the one in force, and the superseded ones."""
    return await page(request, VERSIONS)


@roadmap.post(
    T + "/roadmap/versions", **changes(schemas.RoadmapVersion, rules.DraftExists, ReferenceNotFound, status=201)
)
async def create_roadmap_version(
    request: Request, body: schemas.RoadmapDraft, actor: Actor = require("roadmap:write")
) -> Response:
    """Start a draft; there is one at a time. Fields left out are copied from the roadmap in force."""
    territory = request.path_params["territory"]
    return await commit(
        request,
        lambda write: service.create_draft(write, territory, body),
        status=201,
        explain=refused_as({"roadmap_versions_number_key": rules.DraftExists}),  # only a draft takes a number
    )


@roadmap.get(T + "/roadmap/versions/{id:uuid}", **shows(schemas.RoadmapVersion))
async def get_roadmap_version(request: Request, actor: Actor = require("roadmap:read")) -> Response:
    """One version of the roadmap, with its axes and actions."""
    return await show(request, VERSIONS)


@roadmap.get(T + "/roadmap/versions/{id:uuid}/content", **shows(schemas.RoadmapContent))
async def get_roadmap_content(request: Request, actor: Actor = require("roadmap:read")) -> Response:
    """The text of a version as its adoption sealed it: canonical JSON whose SHA-256 is `content_hash`.

    The answer ends with a newline, which is not part of what was hashed. A draft has none: 404.
    """
    read(request, {})
    row = await fetchrow(request.state.engine, CONTENT, request.path_params)
    if row is None:
        raise NotFound
    return private(row["content"])


@roadmap.patch(
    T + "/roadmap/versions/{id:uuid}", **changes(schemas.RoadmapVersion, rules.RoadmapAdopted, ReferenceNotFound)
)
async def update_roadmap_version(
    request: Request, body: schemas.RoadmapUpdate, actor: Actor = require("roadmap:write")
) -> Response:
    """Change a draft. Axes and their actions are replaced whole, in the order given."""
    path = request.path_params
    return await commit(request, lambda write: service.update_draft(write, path["territory"], path["id"], body))


@roadmap.delete(T + "/roadmap/versions/{id:uuid}", **changes(schemas.RoadmapVersion, rules.RoadmapAdopted, status=204))
async def delete_roadmap_version(request: Request, actor: Actor = require("roadmap:write")) -> Response:
    """Delete a draft. An adopted version cannot be deleted."""
    path = request.path_params
    return await commit(request, lambda write: service.delete_draft(write, path["territory"], path["id"]), status=204)


@roadmap.post(
    T + "/roadmap/versions/{id:uuid}/adopt",
    **changes(
        schemas.RoadmapVersion,
        rules.RoadmapAdopted,
        rules.CommitteeNotHeld,
        rules.RoadmapInForceTwice,
        rules.RoadmapEmpty,
        *DRAFTS_ADOPTS.refusals,
        ReferenceNotFound,
        IdempotencyKeyMissing,
    ),
)
async def adopt_roadmap_version(
    request: Request, body: schemas.Adoption, actor: Actor = require("roadmap:adopt")
) -> Response:
    """Record that a committee adopted the draft: it is in force from the day of the meeting, and never changes again.

    Who drafted it cannot record its adoption. The roadmap in force until then is superseded. An Idempotency-Key is
    required.
    """
    path = request.path_params
    return await commit(
        request, lambda write: service.adopt(write, path["territory"], path["id"], body), idempotency_required=True
    )


@roadmap.get(T + "/roadmap/versions/{id:uuid}/compare", **shows(schemas.RoadmapComparison, parameters=WITH))
async def compare_roadmap_versions(request: Request, actor: Actor = require("roadmap:read")) -> Response:
    """What changed between two versions of the roadmap: `with`, or the one before, and this one."""
    path = request.path_params
    bound = {"with": None, **read(request, WITH), **path}
    versions = [from_json(row["body"]) for row in await fetch(request.state.engine, COMPARED, bound)]
    after = next((version for version in versions if version["id"] == str(path["id"])), None)
    if after is None or (bound["with"] is not None and len(versions) == 1 and bound["with"] != path["id"]):
        raise NotFound
    before = next(
        (version for version in versions if version is not after), after if bound["with"] is not None else None
    )
    whole = ("title", "starts_on", "ends_on")
    body = {
        "before_number": before["number"] if before is not None else None,
        "after_number": after["number"],
        "fields": field_changes({name: (before or {}).get(name) for name in whole}, {n: after[n] for n in whole}),
        "axes": compare(_axes(before), _axes(after), ("position",)),
        "actions": compare(_actions(before), _actions(after), ("id",)),
    }
    return private(body)


def _axes(version: dict[str, Any] | None) -> list[dict[str, Any]]:
    axes = version["axes"] if version is not None else []
    return [{name: axis[name] for name in schemas.ComparedAxis.model_fields} for axis in axes]


_WORDING = (
    "title", "description", "owner_organisation_id", "owner_organisation_name", "due_on", "budget_cents", "indicator",
)  # fmt: skip


def _split(linked: list[dict[str, Any]], **lists: str) -> dict[str, list[Any]]:
    """Linked objects as lists side by side, in the order of the first: `sirens` and `firm_names`."""
    ordered = sorted(linked, key=lambda item: str(item[next(iter(lists.values()))]))
    return {name: [item[field] for item in ordered] for name, field in lists.items()}


def _actions(version: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Actions by their wording and place. Both versions show present names, so that a new name is no change."""
    return [
        {
            "id": action["id"],
            "axis": axis["position"],
            **{name: action[name] for name in _WORDING},
            **_split(action["projects"], project_ids="id", project_titles="title"),
            **_split(action["firms"], sirens="siren", firm_names="name"),
        }
        for axis in (version["axes"] if version is not None else [])
        for action in axis["actions"]
    ]


@roadmap.get(T + "/roadmap/actions", **lists(ACTIONS))
async def list_roadmap_actions(request: Request, actor: Actor = require("roadmap:read")) -> Response:
    """Actions of the roadmap in force, with their states."""
    return await page(request, ACTIONS)


@roadmap.get(T + "/roadmap/actions/{id:uuid}", **shows(schemas.RoadmapAction))
async def get_roadmap_action(request: Request, actor: Actor = require("roadmap:read")) -> Response:
    """One action of the roadmap in force."""
    return await show(request, ACTIONS)


@roadmap.get(T + "/roadmap/actions/{action_id:uuid}/states", **lists(STATES))
async def list_roadmap_action_states(request: Request, actor: Actor = require("roadmap:read")) -> Response:
    """Moves of an action from state to state, oldest first; an action that never moved is planned."""
    return await page(request, STATES)


@roadmap.post(
    T + "/roadmap/actions/{action_id:uuid}/states",
    **changes(schemas.RoadmapAction, rules.ActionNotInForce, rules.ActionMoveRefused, rules.ActionMoveOutOfOrder),
)
async def change_roadmap_action_state(
    request: Request, body: schemas.ActionMove, actor: Actor = require("roadmap:write")
) -> Response:
    """Move an action of the roadmap in force to another state. The answer is the action; the move is kept for good."""
    path = request.path_params
    return await commit(request, lambda write: service.move(write, path["territory"], path["action_id"], body))
