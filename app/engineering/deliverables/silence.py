"""What silence admits: delays to verify that have run out, taken by `rebond tick`, or by the next act."""

from sqlalchemy import Text, literal_column

from app.core.writing.passages import Silence, Silences
from app.engineering.deliverables.models import Deliverable, DeliverablePassage
from app.engineering.deliverables.queries import DELIVERABLES, STANDING
from app.engineering.deliverables.rules import DeliverableAct, DeliverableState

_ADMITS = DeliverableAct.SILENCE_ADMITS

SILENCE = Silences(
    Deliverable,
    DeliverablePassage,
    "deliverable_id",
    DELIVERABLES,
    act=literal_column(f"'{_ADMITS}'", Text()),
    kinds={_ADMITS: Silence(DeliverableState.ADMITTED, "deliverable.deemed_admitted")},
    lock=0x64656C69,
    where=(STANDING,),
)
