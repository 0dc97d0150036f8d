"""Writes of deliverables: what is ordered, its versions, and what their verification finds.

An act locks the deliverable, and is added to its history (`app/core/writing/passages.py`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.access.duties import DELIVERS_DECIDES, with_author
from app.access.rules import accountable
from app.committees.models import Committee
from app.core import clock
from app.core.db import paris_day
from app.core.messages import NOT_FOUND
from app.core.problems import ReferenceNotFound
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write, given, merge
from app.engineering.deliverables import rules, schemas
from app.engineering.deliverables.history import DeliverableHistory
from app.engineering.deliverables.models import Deliverable, DeliverablePassage
from app.engineering.deliverables.queries import DELIVERABLES_OF_MISSION
from app.engineering.deliverables.rules import DeliverableAct, DeliverableState
from app.engineering.entries.rules import NotTheLeadFirm
from app.missions.frameworks import parameters
from app.missions.leads import leads
from app.missions.models import Mission
from app.missions.rules import MissionCancelled, MissionEnded, MissionStatus
from app.roadmap.models import RoadmapVersion

_EVENTS = {
    DeliverableAct.DELIVER: "delivered",
    DeliverableAct.VERIFY: "verification_opened",
    DeliverableAct.ADMIT: "admitted",
    DeliverableAct.DEFER: "deferred",
    DeliverableAct.ADMIT_WITH_REDUCTION: "admitted_with_reduction",
    DeliverableAct.REJECT: "rejected",
}


# --- what is ordered -------------------------------------------------------------------------------------------------


async def create_deliverable(write: Write, territory: str, mission_id: UUID, body: schemas.DeliverableCreate) -> Change:
    """Order a deliverable of a mission. Raises `mission-ended`, `weights-exceeded` (409)."""
    mission = await write.lock(Mission, Mission.id == mission_id, Mission.territory == territory)
    if mission.status != MissionStatus.OPEN:
        raise MissionEnded
    await _check_weight(write, mission_id, body.weight_bp)
    deliverable = Deliverable(territory=territory, mission_id=mission_id, **body.model_dump())
    write.session.add(deliverable)
    await write.session.flush()
    return _change("created", deliverable)


async def update_deliverable(
    write: Write, territory: str, mission_id: UUID, deliverable_id: UUID, body: schemas.DeliverableUpdate
) -> Change:
    """Change what is ordered. Raises `mission-cancelled`, `deliverable-delivered`, `weights-exceeded` (409)."""
    # The mission before its deliverables.
    mission = await write.lock(Mission, Mission.id == mission_id, Mission.territory == territory)
    deliverable = await _expected(write, territory, mission_id, deliverable_id)
    if mission.status == MissionStatus.CANCELLED:
        raise MissionCancelled
    if deliverable.state != DeliverableState.EXPECTED:
        raise rules.DeliverableDelivered
    if "weight_bp" in given(body):
        await _check_weight(write, mission_id, body.weight_bp, but=deliverable_id)
    changed = merge(deliverable, body)
    return _change("updated" if changed else "", deliverable)


async def _check_weight(write: Write, mission_id: UUID, weight_bp: Any, but: UUID | None = None) -> None:
    """The mission is held, so that what is weighed together stands; the database weighs again."""
    d = Deliverable
    others = select(func.coalesce(func.sum(d.weight_bp), 0)).where(d.mission_id == mission_id)
    left = 10_000 - await write.session.scalar(others if but is None else others.where(d.id != but))
    if weight_bp is not None and weight_bp > left:
        raise rules.WeightsExceeded(requested_bp=weight_bp, left_bp=left)


# --- acts ------------------------------------------------------------------------------------------------------------


async def deliver(
    write: Write, territory: str, mission_id: UUID, deliverable_id: UUID, body: schemas.Delivery
) -> Change:
    """Deliver a version, for the lead firm of the mission. Raises `document-not-sealed` (409), `not-the-lead-firm`,
    `email-missing` (403), `reference-not-found` (404), `before_the_document` (422), and what `_record` raises.
    """
    rules.check_document(body.document_sha256, body.roadmap_version_id, body.committee_id)
    deliverable = await _deliverable(write, territory, mission_id, deliverable_id)
    if not await leads(write, mission_id):
        raise NotTheLeadFirm
    accountable(write.actor)
    write.expect(deliverable.version)
    on = body.on or clock.today()
    refuse_future({"/on": on})
    sha256 = body.document_sha256 or await _sealed(write, territory, body, on)
    months = await parameters.on(write.session, mission_id, parameters.VERIFICATION_MONTHS, on)
    versions = await write.session.scalar(
        select(func.count()).where(
            DeliverablePassage.deliverable_id == deliverable_id, DeliverablePassage.act == DeliverableAct.DELIVER
        )
    )
    return await _record(
        write, deliverable, DeliverableAct.DELIVER, on,
        {"deliverers": with_author(deliverable.deliverers, write.actor)},
        document_version=(versions or 0) + 1, document_sha256=sha256, roadmap_version_id=body.roadmap_version_id,
        committee_id=body.committee_id, verification_ends_on=rules.ends_on(on, months),
    )  # fmt: skip


async def _sealed(write: Write, territory: str, body: schemas.Delivery, on: date) -> str:
    """The hash of the roadmap or of the record that the version stands on, which is not younger than the delivery."""
    v, c = RoadmapVersion, Committee
    if body.roadmap_version_id is not None:
        named = select(v.content_hash, v.adopted_on).where(v.territory == territory, v.id == body.roadmap_version_id)
        pointer = "/roadmap_version_id"
    else:
        named = select(c.record_hash, paris_day(c.held_at)).where(c.territory == territory, c.id == body.committee_id)
        pointer = "/committee_id"
    row = (await write.session.execute(named)).one_or_none()
    if row is None:
        raise ReferenceNotFound(errors=[NOT_FOUND.at(pointer)])
    sha256, document_on = row
    if sha256 is None or document_on is None:
        raise rules.DocumentNotSealed
    rules.check_delivery_day(on, document_on)
    return str(sha256)


async def verify(
    write: Write, territory: str, mission_id: UUID, deliverable_id: UUID, body: schemas.DeliverableActBody
) -> Change:
    """Open the verification of the version that was delivered. Raises what `_record` raises."""
    deliverable = await _expected(write, territory, mission_id, deliverable_id)
    return await _record(write, deliverable, DeliverableAct.VERIFY, body.on)


async def admit(
    write: Write, territory: str, mission_id: UUID, deliverable_id: UUID, body: schemas.DeliverableActBody
) -> Change:
    """Admit the version that is under verification. Raises what `_decide` raises."""
    return await _decide(write, territory, mission_id, deliverable_id, DeliverableAct.ADMIT, body.on)


async def defer(write: Write, territory: str, mission_id: UUID, deliverable_id: UUID, body: schemas.Deferral) -> Change:
    """Ask for a mended version by another day. Raises what `_decide` raises."""
    rules.check_until(body.until_on, body.on or clock.today())
    return await _decide(
        write, territory, mission_id, deliverable_id, DeliverableAct.DEFER, body.on, reason=body.reason,
        until_on=body.until_on,
    )  # fmt: skip


async def admit_with_reduction(
    write: Write, territory: str, mission_id: UUID, deliverable_id: UUID, body: schemas.Reduction
) -> Change:
    """Admit the version for less. Raises what `_decide` raises."""
    rules.check_reduction(body.reduced_days, body.reduced_cents)
    return await _decide(
        write, territory, mission_id, deliverable_id, DeliverableAct.ADMIT_WITH_REDUCTION, body.on, reason=body.reason,
        reduced_days=body.reduced_days, reduced_cents=body.reduced_cents,
    )  # fmt: skip


async def reject(
    write: Write, territory: str, mission_id: UUID, deliverable_id: UUID, body: schemas.Rejection
) -> Change:
    """Reject the version. Raises what `_decide` raises."""
    return await _decide(
        write, territory, mission_id, deliverable_id, DeliverableAct.REJECT, body.on, reason=body.reason
    )


async def _decide(
    write: Write, territory: str, mission_id: UUID, deliverable_id: UUID, act: DeliverableAct, on: date | None,
    **members: Any,
) -> Change:  # fmt: skip
    """Decide as a person who delivered no version. Raises `deliverer-decides`, `person-required`, `email-missing`
    (403), and what `_record` raises.
    """
    deliverable = await _expected(write, territory, mission_id, deliverable_id)
    DELIVERS_DECIDES.separate(write.actor, deliverable.deliverers)
    return await _record(write, deliverable, act, on, **members)


async def _record(
    write: Write, deliverable: Deliverable, act: DeliverableAct, on: date | None, more: Mapping[str, Any] | None = None,
    **members: Any,
) -> Change:  # fmt: skip
    """Record an act on a deliverable that is held, and put `more` onto its row.

    Raises `mission-cancelled`, `deliverable-transition`, `verification-over`, `deliverable-act-out-of-order` (409),
    `future_day` (422).
    """
    on = on or clock.today()
    refuse_future({"/on": on})
    # The trigger looks again while it holds the mission; asked first, since the cures of other refusals do not help.
    status = await write.session.scalar(select(Mission.status).where(Mission.id == deliverable.mission_id))
    if status == MissionStatus.CANCELLED:
        raise MissionCancelled
    history = await DeliverableHistory.at(write, deliverable, on)
    to = rules.check_deliverable_act(history.life, act, on)
    history.add(act, to, on, **members)
    await history.write_down(**(more or {}))
    return await history.told(_change(_EVENTS[act], deliverable))


# --- common ----------------------------------------------------------------------------------------------------------


async def _deliverable(write: Write, territory: str, mission_id: UUID, deliverable_id: UUID) -> Deliverable:
    d = Deliverable
    return await write.lock(d, d.id == deliverable_id, d.mission_id == mission_id, d.territory == territory)


async def _expected(write: Write, territory: str, mission_id: UUID, deliverable_id: UUID) -> Deliverable:
    """The deliverable, held, as the caller has read it."""
    deliverable = await _deliverable(write, territory, mission_id, deliverable_id)
    write.expect(deliverable.version)
    return deliverable


def _change(event: str, deliverable: Deliverable) -> Change:
    bound = {"territory": deliverable.territory, "mission_id": deliverable.mission_id}
    return Change(f"deliverable.{event}" if event else "", DELIVERABLES_OF_MISSION, [deliverable.id], bound)
