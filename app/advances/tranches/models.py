"""The table of tranches. Its columns, but for these, and its guard are those of every payment."""

from uuid import UUID

from sqlalchemy.orm import Mapped

from app.awards.door import stands_at_the_door
from app.awards.payments.models import AwardPayment, guarded, pays
from app.core.db import Base, Identified, Versioned, shape


class Tranche(AwardPayment, Identified, Versioned, Base):
    """A tranche of an advance: a part of it that is paid out, with the document that its condition asks for."""

    __tablename__ = "advance_tranches"
    __table_args__ = (
        *pays("advance_tranches", "tranche", "advance"),
        shape("document_sha256 ~ '^[0-9a-f]{64}$'", name="tranche_document"),
    )

    advance_id: Mapped[UUID]
    reference: Mapped[str | None]
    document_sha256: Mapped[str | None]


guarded(Tranche, "tranche", "advance", "document_sha256")
stands_at_the_door(Tranche, "territory, advance_id, paid_on, override_id, status")
