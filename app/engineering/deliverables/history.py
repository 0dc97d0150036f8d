"""The history of one deliverable while it is written: the acts that stand, those that are added, what they come to."""

from collections.abc import Sequence
from typing import Any

from app.core.writing.passages import PassageHistory
from app.engineering.deliverables import rules
from app.engineering.deliverables.models import Deliverable
from app.engineering.deliverables.rules import DeliverableAct, DeliverableLife, DeliverableState
from app.engineering.deliverables.silence import SILENCE


class DeliverableHistory(PassageHistory[Deliverable, DeliverableLife]):
    """The acts on a deliverable that is held."""

    silences = SILENCE
    first_state = DeliverableState.EXPECTED
    reversal = DeliverableAct.REVERSE_SILENCE

    @staticmethod
    def replay(passages: Sequence[Any]) -> DeliverableLife:
        """What these acts come to."""
        return rules.replay(passages)

    async def columns(self) -> dict[str, Any]:
        """What stands on the row: it follows from the acts."""
        return self.life.situation._asdict()
