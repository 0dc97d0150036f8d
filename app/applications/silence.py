"""What silence decides: clocks that have run out, taken by `rebond tick`, or by the next act on the file."""

from typing import Any

from sqlalchemy import case, literal

from app.applications.models import Application, ApplicationPassage
from app.applications.queries import APPLICATIONS
from app.applications.rules import EXAMINED, ApplicationAct, ApplicationState
from app.core.db import literals
from app.core.writing.passages import Silence, Silences

_a = Application
# Of two clocks that end on one day, the one of admissibility comes first.
_ADMITS: Any = (
    _a.state.in_(literals(EXAMINED)) & ~_a.found_admissible & (_a.admissibility_ends_on <= _a.decision_ends_on)
)

SILENCE = Silences(
    Application,
    ApplicationPassage,
    "application_id",
    APPLICATIONS,
    act=case(
        (_ADMITS, literal(ApplicationAct.SILENCE_ADMITS.value)), else_=literal(ApplicationAct.SILENCE_REJECTS.value)
    ),
    kinds={
        ApplicationAct.SILENCE_ADMITS: Silence(
            ApplicationState.DEEMED_ADMISSIBLE, "application.deemed_admissible", {"found_admissible": True}
        ),
        ApplicationAct.SILENCE_REJECTS: Silence(
            ApplicationState.IMPLICITLY_REJECTED, "application.implicitly_rejected"
        ),
    },
    lock=0x7469636B,
)
