"""The history of one deliverable while it is written: the acts that stand, those that are added, what they come to."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Self

from sqlalchemy import select

from app.core.db import touch
from app.core.writing.writes import Write, put
from app.engineering.deliverables import rules
from app.engineering.deliverables.models import Deliverable, DeliverablePassage
from app.engineering.deliverables.rules import DeliverableAct, DeliverableLife, DeliverableState


class DeliverableHistory:
    """The acts of a deliverable that is held, in the order in which they were recorded."""

    def __init__(self, write: Write, deliverable: Deliverable, passages: list[DeliverablePassage]) -> None:
        self._write = write
        self._deliverable = deliverable
        self._passages = passages

    @classmethod
    async def of(cls, write: Write, deliverable: Deliverable) -> Self:
        """The acts of the deliverable as they are recorded."""
        p = DeliverablePassage
        known = await write.session.scalars(select(p).where(p.deliverable_id == deliverable.id).order_by(p.number))
        return cls(write, deliverable, list(known))

    @property
    def life(self) -> DeliverableLife:
        """What the acts come to, those added included."""
        return rules.replay(self._passages)

    def add(self, act: DeliverableAct, to: DeliverableState, on: date, **members: Any) -> None:
        """Add an act of the caller's."""
        last = self._passages[-1] if self._passages else None
        self._passages.append(
            DeliverablePassage(
                deliverable_id=self._deliverable.id,
                territory=self._deliverable.territory,
                number=last.number + 1 if last is not None else 1,
                previous_number=last.number if last is not None else None,
                act=act,
                from_state=last.to_state if last is not None else DeliverableState.EXPECTED,
                to_state=to,
                effective_on=on,
                recorded_by=self._write.actor.subject_id,
                recorded_at=self._write.now,
                **members,
            )
        )

    async def write_down(self, more: Mapping[str, Any]) -> None:
        """Record the acts that were added, and put onto the deliverable what all of them come to, and `more`."""
        number = self._passages[-1].number
        put(self._deliverable, {**self.life.situation._asdict(), "passage_number": number, **more})
        touch(self._deliverable)
        self._write.session.add_all(self._passages)
        await self._write.session.flush()
