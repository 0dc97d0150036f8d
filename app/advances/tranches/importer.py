"""Tranches of advances from a file."""

from app.advances import account
from app.advances.tranches.schemas import TrancheCreate
from app.advances.tranches.service import ADVANCE_TRANCHES
from app.awards.payments.importer import payments_file
from app.core.faults import Message
from app.core.values import Day, ShortLine, Uuid
from app.core.writing import cells
from app.core.writing.importing import Heading

ADVANCES_FIRST = Message("advances_first", "Import the advances first.", "Importez d'abord les avances.")


class TrancheLine(TrancheCreate):
    """A tranche that was paid out; its advance is named by its id or by the reference of its decision."""

    id: Uuid | None = None
    nth: int = 1
    advance_id: Uuid | None = None
    decision_reference: ShortLine | None = None
    paid_on: Day


ADVANCE_TRANCHES_FILE = payments_file(
    ADVANCE_TRANCHES,
    kind="advance_tranches",
    permission="advances:pay",
    line=TrancheLine,
    body=TrancheCreate,
    first=ADVANCES_FIRST,
    counted="nth",
    hold_more=account.hold_receipts,
    columns=[
        Heading("reference", cells.plain, ["référence", "référence du virement"]),
        Heading("document_sha256", cells.plain, ["empreinte", "sha256"]),
    ],
)
