"""Writes of overrides: proposed by one person, approved or refused by another, withdrawn, used by one act."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.access.duties import PROPOSES_APPROVES
from app.access.rules import person
from app.awards.overrides import rules, schemas
from app.awards.overrides.models import Override
from app.awards.overrides.queries import OVERRIDES
from app.awards.overrides.rules import LiftedAct, OverrideAction, OverrideStatus
from app.core import clock
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound
from app.core.validation import refuse_past
from app.core.writing.writes import Change, Write


async def propose(write: Write, territory: str, body: schemas.OverrideCreate) -> Change:
    """Propose to lift a rule. Raises `person-required` (403), `reference-not-found` for a firm not in the register."""
    refuse_past({"/valid_until_on": body.valid_until_on})
    override = Override(territory=territory, proposed_by=person(write.actor), **body.model_dump())
    write.session.add(override)
    await write.session.flush()
    return _change("proposed", override)


async def approve(write: Write, territory: str, override_id: UUID) -> Change:
    """Approve what another person proposed.

    Raises `person-required`, `proposer-approves` (403), `override-transition`, `override-expired` (409).
    """
    override = await _stepped(write, territory, override_id, OverrideAction.APPROVE)
    _decide(write, override)
    if override.valid_until_on < clock.today():
        raise rules.OverrideExpired(valid_until_on=override.valid_until_on)
    return _change("approved", override)


async def refuse(write: Write, territory: str, override_id: UUID, body: schemas.OverrideEnd) -> Change:
    """Refuse what another person proposed, giving a reason."""
    override = await _stepped(write, territory, override_id, OverrideAction.REFUSE)
    _decide(write, override)
    override.end_reason = body.reason
    return _change("refused", override)


async def withdraw(write: Write, territory: str, override_id: UUID, body: schemas.OverrideEnd) -> Change:
    """Withdraw an override that no act has used, giving a reason. Raises `override-transition` (409)."""
    person(write.actor)
    override = await _stepped(write, territory, override_id, OverrideAction.WITHDRAW)
    override.end_reason = body.reason
    return _change("withdrawn", override)


async def use(write: Write, act: Any, siren: str, kind: LiftedAct) -> list[Change]:
    """Use the override that the act names, where it names one: it lifts its rule for this act alone.

    The database looks at the rule itself when the act is written (`awards.door`); from here on the act has its id.
    """
    if act.override_id is None:
        return []
    override = await write.session.scalar(
        select(Override)
        .where(Override.id == act.override_id, Override.territory == act.territory)
        .with_for_update(key_share=True)
    )
    if override is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at("/override_id")])
    if override.status == OverrideStatus.USED:
        raise rules.OverrideAlreadyUsed
    if override.status != OverrideStatus.APPROVED:
        raise rules.OverrideNotApproved(current=override.status)
    if override.siren != siren:
        raise rules.OverrideDoesNotApply
    if override.valid_until_on < clock.today():
        raise rules.OverrideExpired(valid_until_on=override.valid_until_on)
    act.id = await write.session.scalar(select(func.uuidv7()))
    override.status, override.used_on = OverrideStatus.USED, clock.today()
    override.used_by_type, override.used_by_id = kind, act.id
    await write.session.flush()
    return [_change("used", override)]


async def _stepped(write: Write, territory: str, override_id: UUID, action: OverrideAction) -> Override:
    """The override, locked, in the state that the action leads to."""
    override = await write.lock(Override, Override.id == override_id, Override.territory == territory)
    write.expect(override.version, required=True)
    override.status = rules.next_status(action, OverrideStatus(override.status))
    return override


def _decide(write: Write, override: Override) -> None:
    override.decided_by = PROPOSES_APPROVES.separate(write.actor, [override.proposed_by])
    override.decided_at = write.now


def _change(act: str, override: Override) -> Change:
    return Change(f"override.{act}", OVERRIDES, [override.id], {"territory": override.territory})
