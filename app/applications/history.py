"""The history of one aid file while it is written: the acts that stand, those that are added, and what they come to."""

from collections.abc import Sequence
from typing import Any

from app.applications import rules
from app.applications.models import Application
from app.applications.rules import ApplicationAct, ApplicationState, Life
from app.applications.silence import SILENCE
from app.core.writing.passages import PassageHistory
from app.schemes.queries import load_parameters


class History(PassageHistory[Application, Life]):
    """The acts on a file that is held."""

    silences = SILENCE
    first_state = ApplicationState.DRAFT
    reversal = ApplicationAct.REVERSE_SILENCE

    @staticmethod
    def replay(passages: Sequence[Any]) -> Life:
        """What these acts come to."""
        return rules.replay(passages)

    async def columns(self) -> dict[str, Any]:
        """What stands on the file: it follows from the acts. Raises `parameter-not-in-force` (409)."""
        life = self.life
        assert life.received_on is not None  # a draft has no acts
        parameters = await load_parameters(self._write.session, self._row.scheme, life.received_on)
        return rules.columns(life, rules.ends(life, parameters))
