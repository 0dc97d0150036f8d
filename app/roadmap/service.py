"""Writes of the roadmap. The versions that are not superseded are locked first, in the order of their numbers."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select

from app.access.duties import DRAFTS_ADOPTS, with_author
from app.committees.models import Committee
from app.core import clock
from app.core.db import touch
from app.core.messages import NOT_FOUND, PERIOD_REVERSED, REQUIRED
from app.core.problems import NotFound, ReferenceNotFound, ValidationFailed
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, given, put
from app.roadmap import rules, schemas
from app.roadmap.models import Action, ActionFirm, ActionProject, Axis, FollowedAction, RoadmapVersion, StateChange
from app.roadmap.queries import ACTIONS, VERSIONS
from app.roadmap.rules import ActionState, VersionStatus

PARIS = ZoneInfo("Europe/Paris")
HELD = ("held", "closed")


async def create_draft(write: Write, territory: str, body: schemas.RoadmapDraft) -> Change:
    """A draft: what the body leaves out is copied from the version in force. Raises `draft-exists` (409)."""
    v = RoadmapVersion
    present = await _present(write, territory)
    if any(version.status == VersionStatus.DRAFT for version in present):
        raise rules.DraftExists
    in_force = next(iter(present), None)
    facts: dict[str, Any] = {}
    for name in ("title", "starts_on", "ends_on"):
        facts[name] = getattr(body, name) or (getattr(in_force, name) if in_force is not None else None)
    missing = [REQUIRED.at(f"/{name}") for name, value in facts.items() if value is None]
    if missing:
        raise ValidationFailed(errors=missing)
    _check_period(facts["starts_on"], facts["ends_on"])
    number = await write.session.scalar(
        select(func.coalesce(func.max(v.number), 0) + 1).where(v.territory == territory)
    )
    draft = v(
        territory=territory, number=number, status=VersionStatus.DRAFT, authors=with_author([], write.actor), **facts
    )
    write.session.add(draft)
    await write.session.flush()
    await _put_axes(write, draft, await _axes(write, in_force) if body.axes is None else body.axes)
    return Change("roadmap_version.created", VERSIONS, [draft.id], {"territory": territory})


async def update_draft(write: Write, territory: str, version_id: UUID, body: schemas.RoadmapUpdate) -> Change:
    """Change a draft; its axes are replaced whole. Raises `roadmap-adopted` (409)."""
    draft = await _draft(write, territory, version_id)
    values = given(body)
    axes = values.pop("axes", None)
    if axes is not None and [axis.model_dump() for axis in await _axes(write, draft)] == [a.model_dump() for a in axes]:
        axes = None
    changed = put(draft, values)
    bound = {"territory": territory}
    if not changed and axes is None:
        return Change("", VERSIONS, [version_id], bound)
    _check_period(draft.starts_on, draft.ends_on)
    draft.authors = with_author(draft.authors, write.actor)
    touch(draft)
    if axes is not None:
        await _remove_axes(write, draft)
        await _put_axes(write, draft, axes)
    await write.session.flush()
    return Change("roadmap_version.updated", VERSIONS, [version_id], bound)


async def delete_draft(write: Write, territory: str, version_id: UUID) -> Change:
    """Delete a draft. Raises `roadmap-adopted` (409) for what a committee adopted."""
    draft = await _draft(write, territory, version_id)
    bound = {"territory": territory}
    gone = await write.see_last(draft, VERSIONS, version_id, bound)
    await _remove_axes(write, draft)
    await write.session.delete(draft)
    await write.session.flush()
    await _forget_orphans(write, territory)
    return Change("roadmap_version.deleted", VERSIONS, [version_id], bound, gone=gone)


async def adopt(write: Write, territory: str, version_id: UUID, body: schemas.Adoption) -> list[Change]:
    """Put a draft in force from the day of the committee that adopted it; the one in force until then is superseded.

    Raises `roadmap-adopted`, `roadmap-empty`, `committee-not-held`, `roadmap-in-force-twice` (409),
    `reference-not-found` (404), `person-required`, `drafter-adopts` (403).
    """
    draft = await _draft(write, territory, version_id)
    adopted_by = DRAFTS_ADOPTS.separate(write.actor, draft.authors)
    in_force = next((v for v in await _present(write, territory) if v.status == VersionStatus.ADOPTED), None)
    c = Committee
    meeting = await write.session.scalar(
        select(c).where(c.territory == territory, c.id == body.committee_id).with_for_update(read=True)
    )
    if meeting is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/committee_id")])
    if meeting.status not in HELD or meeting.held_at is None:
        raise rules.CommitteeNotHeld(current=meeting.status)
    if await write.session.scalar(select(Action.action_id).where(Action.version_id == version_id).limit(1)) is None:
        raise rules.RoadmapEmpty
    adopted_on = meeting.held_at.astimezone(PARIS).date()
    bound = {"territory": territory}
    changes = [Change("roadmap_version.adopted", VERSIONS, [version_id], bound)]
    if in_force is not None:
        assert in_force.adopted_on is not None  # it is adopted
        if adopted_on <= in_force.adopted_on:
            raise rules.RoadmapInForceTwice(adopted_on=in_force.adopted_on.isoformat())
        in_force.status, in_force.superseded_on = VersionStatus.SUPERSEDED, adopted_on
        await write.session.flush()  # before the new one is in force: no day has two
        changes.append(Change("roadmap_version.superseded", VERSIONS, [in_force.id], bound))
    draft.status, draft.committee_id, draft.adopted_on = VersionStatus.ADOPTED, meeting.id, adopted_on
    draft.adopted_by = adopted_by
    await write.session.flush()
    await _forget_orphans(write, territory)
    return changes


async def move(write: Write, territory: str, action_id: UUID, body: schemas.ActionMove) -> Change:
    """Take an action of the roadmap in force to another state, and keep the move.

    Raises `action-not-in-force`, `action-move-refused`, `action-move-out-of-order` (409).
    """
    effective_on = body.effective_on or clock.today()
    refuse_future({"/effective_on": effective_on})
    f = FollowedAction
    action = await write.lock(f, f.id == action_id, f.territory == territory)
    write.expect(action.version)
    in_force = (
        select(Action.action_id)
        .join(RoadmapVersion, RoadmapVersion.id == Action.version_id)
        .where(Action.action_id == action_id, RoadmapVersion.status == VersionStatus.ADOPTED)
    )
    if await write.session.scalar(in_force) is None:
        raise rules.ActionNotInForce
    current = ActionState(action.state)
    rules.check_move(current, body.state, body.reason)
    if action.state_since_on is not None and effective_on < action.state_since_on:
        raise rules.ActionMoveOutOfOrder(state_since_on=action.state_since_on.isoformat())
    number = (action.state_number or 0) + 1
    write.session.add(
        StateChange(
            action_id=action_id, number=number, territory=territory, state=body.state, effective_on=effective_on,
            previous_number=action.state_number, previous_state=current, previous_on=action.state_since_on,
            reason=body.reason, recorded_by=write.actor.subject_id, recorded_at=write.now,
        )
    )  # fmt: skip
    action.state, action.state_number, action.state_since_on = body.state, number, effective_on
    await write.session.flush()
    return Change("roadmap_action.state_changed", ACTIONS, [action_id], {"territory": territory})


# --- parts -----------------------------------------------------------------------------------------------------------


async def _present(write: Write, territory: str) -> Sequence[RoadmapVersion]:
    """The version in force and the draft, as far as there are any, locked: two adoptions follow each other."""
    v = RoadmapVersion
    present = (VersionStatus.ADOPTED, VersionStatus.DRAFT)
    versions = select(v).where(v.territory == territory, v.status.in_(present)).order_by(v.number)
    return (await write.session.scalars(versions.with_for_update(key_share=True))).all()


async def _draft(write: Write, territory: str, version_id: UUID) -> RoadmapVersion:
    """The draft, locked. Raises `not-found`, and `roadmap-adopted` for a version that is no draft any more."""
    v = RoadmapVersion
    await _present(write, territory)
    version = await write.session.scalar(select(v).where(v.id == version_id, v.territory == territory))
    if version is None:
        raise NotFound
    write.expect(version.version)
    if version.status != VersionStatus.DRAFT:
        raise rules.RoadmapAdopted(current=version.status)
    return version


def _check_period(starts_on: date, ends_on: date) -> None:
    if ends_on < starts_on:
        raise ValidationFailed(errors=[PERIOD_REVERSED.at("/ends_on")])


async def _axes(write: Write, version: RoadmapVersion | None) -> list[schemas.AxisBody]:
    """The content of a version as a body gives it; nothing of none."""
    if version is None:
        return []
    linked: dict[type[Any], dict[UUID, list[Any]]] = {}
    for model, column in ((ActionProject, ActionProject.project_id), (ActionFirm, ActionFirm.siren)):
        linked[model] = {}
        rows = await write.session.execute(
            select(model.action_id, column).where(model.version_id == version.id).order_by(column)
        )
        for action_id, value in rows:
            linked[model].setdefault(action_id, []).append(value)
    actions = await write.session.scalars(
        select(Action).where(Action.version_id == version.id).order_by(Action.axis, Action.position)
    )
    by_axis: dict[int, list[schemas.ActionBody]] = {}
    for action in actions:
        by_axis.setdefault(action.axis, []).append(
            schemas.ActionBody(
                id=action.action_id, title=action.title, description=action.description, due_on=action.due_on,
                owner_organisation_id=action.owner_organisation_id, budget_cents=action.budget_cents,
                indicator=action.indicator, project_ids=linked[ActionProject].get(action.action_id, []),
                sirens=linked[ActionFirm].get(action.action_id, []),
            )
        )  # fmt: skip
    axes = await write.session.scalars(select(Axis).where(Axis.version_id == version.id).order_by(Axis.position))
    return [
        schemas.AxisBody(title=axis.title, objective=axis.objective, actions=by_axis.get(axis.position, []))
        for axis in axes
    ]


async def _put_axes(write: Write, draft: RoadmapVersion, axes: Sequence[schemas.AxisBody]) -> None:
    """Write the content of a draft, and make the actions that are new. Raises `reference-not-found` (404)."""
    place = {"version_id": draft.id, "territory": draft.territory}
    wanted = {action.id for axis in axes for action in axis.actions if action.id is not None}
    f = FollowedAction
    known = set(await write.session.scalars(select(f.id).where(f.territory == draft.territory, f.id.in_(wanted))))
    faults = [
        NOT_FOUND.at(f"/axes/{n}/actions/{m}/id")
        for n, axis in enumerate(axes)
        for m, action in enumerate(axis.actions)
        if action.id is not None and action.id not in known
    ]
    if faults:
        raise ReferenceNotFound(errors=faults)
    new = [(n, m) for n, axis in enumerate(axes) for m, action in enumerate(axis.actions) if action.id is None]
    fresh: dict[tuple[int, int], UUID] = {}
    if new:
        made = await write.session.scalars(insert(f).returning(f.id), [{"territory": draft.territory}] * len(new))
        fresh = dict(zip(new, made, strict=True))
    write.session.add_all(
        Axis(**place, position=n, title=a.title, objective=a.objective) for n, a in enumerate(axes, 1)
    )
    await write.session.flush()
    ids = {(n, m): action.id or fresh[n, m] for n, axis in enumerate(axes) for m, action in enumerate(axis.actions)}
    worded = [(ids[n, m], n + 1, m + 1, action) for n, axis in enumerate(axes) for m, action in enumerate(axis.actions)]
    write.session.add_all(
        Action(**place, action_id=key, axis=n, position=m, **_worded(action)) for key, n, m, action in worded
    )
    await write.session.flush()
    for key, _, _, action in worded:
        links = [ActionProject(**place, action_id=key, project_id=i) for i in dict.fromkeys(action.project_ids)]
        write.session.add_all(links)
        write.session.add_all(ActionFirm(**place, action_id=key, siren=s) for s in dict.fromkeys(action.sirens))
    await write.session.flush()
    await _forget_orphans(write, draft.territory)


def _worded(action: schemas.ActionBody) -> Mapping[str, Any]:
    return action.model_dump(exclude={"id", "project_ids", "sirens"})


async def _remove_axes(write: Write, draft: RoadmapVersion) -> None:
    for model in (ActionProject, ActionFirm, Action, Axis):
        await write.session.execute(delete(model).where(model.version_id == draft.id))


async def _forget_orphans(write: Write, territory: str) -> None:
    """Delete the actions that no version contains any more and that were never followed."""
    f = FollowedAction
    worded = select(Action.action_id).where(Action.action_id == f.id).exists()
    await write.session.execute(delete(f).where(f.territory == territory, f.state_number.is_(None), ~worded))
