"""What the mission of the Alès demonstration delivers beside its days, and what the operator found (synthetic)."""

from datetime import date
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from sqlalchemy import select

from app.access.rules import Role
from app.core.writing.writes import Change, Write
from app.demo.story import Story
from app.engineering.deliverables import schemas, service
from app.engineering.deliverables.models import Deliverable
from app.engineering.deliverables.rules import DeliverableKind
from app.engineering.deliverables.silence import SILENCE
from app.roadmap.models import RoadmapVersion

ALES = "ales"
WEIGHTS = (1_000, 4_000, 3_000, 2_000)  # in the order of the deliverables
ORDERED = (
    (DeliverableKind.FRAMING_NOTE, "Note de cadrage (demonstration)", date(2023, 6, 30)),
    (DeliverableKind.DIAGNOSIS, "Diagnostic du bassin (demonstration)", date(2023, 9, 15)),
    (DeliverableKind.ROADMAP, "Feuille de route (demonstration)", date(2023, 10, 31)),
    (DeliverableKind.FINAL_REPORT, "Rapport final (demonstration)", date(2023, 12, 15)),
)


async def load(story: Story) -> None:
    """A note that is admitted, a diagnosis that was deferred and then admitted by silence, a roadmap admitted for less,
    and a report that is awaited; left out where it is done.
    """
    if await story.scalars(select(Deliverable.id).where(Deliverable.territory == ALES).limit(1)):
        return
    await story.run(story.actor(Role.OPERATOR), lambda write: _order(write, story))
    d, v = Deliverable, RoadmapVersion
    rows = await story.scalars(select(d).where(d.territory == ALES))
    note, diagnosis, roadmap, _ = sorted(rows, key=lambda row: row.due_on)
    adopted = await story.scalars(select(v.id).where(v.territory == ALES, v.number == 1))

    await _deliver(story, note.id, schemas.Delivery(document_sha256=_hash("note"), on=date(2023, 6, 28)))
    await _verify(story, note.id, date(2023, 7, 3))
    admission = schemas.DeliverableActBody(on=date(2023, 7, 10))
    await story.run(
        story.actor(Role.OPERATOR), lambda write: service.admit(write, ALES, story.mission_id, note.id, admission)
    )

    await _deliver(story, diagnosis.id, schemas.Delivery(document_sha256=_hash("diagnosis"), on=date(2023, 9, 14)))
    await _verify(story, diagnosis.id, date(2023, 9, 18))
    deferral = schemas.Deferral(
        reason="Les emplois par filière manquent.", until_on=date(2023, 10, 13), on=date(2023, 9, 25)
    )
    await story.run(
        story.actor(Role.OPERATOR), lambda write: service.defer(write, ALES, story.mission_id, diagnosis.id, deferral)
    )
    await _deliver(story, diagnosis.id, schemas.Delivery(document_sha256=_hash("mended"), on=date(2023, 10, 12)))

    async def silent(write: Write) -> list[Change]:
        held = await write.lock(Deliverable, Deliverable.id == diagnosis.id)
        await SILENCE.take(write, held, date(2023, 12, 13))
        return []

    await story.run(story.actor(Role.OPERATOR), silent)

    await _deliver(story, roadmap.id, schemas.Delivery(roadmap_version_id=adopted[0], on=date(2023, 10, 20)))
    await _verify(story, roadmap.id, date(2023, 11, 2))
    reduction = schemas.Reduction(
        reduced_days=Decimal(1), reason="Les indicateurs d'un axe ne sont pas chiffrés.", on=date(2023, 11, 15)
    )
    await story.run(
        story.actor(Role.OPERATOR),
        lambda write: service.admit_with_reduction(write, ALES, story.mission_id, roadmap.id, reduction),
    )


async def _order(write: Write, story: Story) -> list[Change]:
    return [
        await service.create_deliverable(
            write, ALES, story.mission_id,
            schemas.DeliverableCreate(kind=kind, title=title, due_on=due_on, weight_bp=weight_bp),
        )
        for (kind, title, due_on), weight_bp in zip(ORDERED, WEIGHTS, strict=True)
    ]  # fmt: skip


async def _deliver(story: Story, deliverable_id: UUID, body: schemas.Delivery) -> None:
    lead = story.actor(Role.LEAD)
    await story.run(lead, lambda write: service.deliver(write, ALES, story.mission_id, deliverable_id, body))


async def _verify(story: Story, deliverable_id: UUID, on: date) -> None:
    body = schemas.DeliverableActBody(on=on)
    operator = story.actor(Role.OPERATOR)
    await story.run(operator, lambda write: service.verify(write, ALES, story.mission_id, deliverable_id, body))


def _hash(name: str) -> str:
    """The hash of a document that nobody wrote."""
    return sha256(f"demonstration {name}".encode()).hexdigest()
