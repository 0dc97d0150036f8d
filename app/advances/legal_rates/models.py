"""The table of legal rates."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Base, Identified, shape
from app.core.routines import keep


class LegalRate(Identified, Base):
    """The legal rate of a half-year for a creditor that is not a natural person (code monétaire et financier, art.
    L. 313-2).

    A row stays as it was written. A later row of the same half-year corrects it, and interest computed since then.
    """

    __tablename__ = "legal_rates"
    __table_args__ = (
        shape("EXTRACT(month FROM from_on) IN (1, 7) AND EXTRACT(day FROM from_on) = 1", name="legal_rate_half_year"),
        shape("rate_bp BETWEEN 0 AND 10000", name="legal_rate_rate"),
        Index(None, "from_on", "id"),
    )

    from_on: Mapped[date]
    rate_bp: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[str]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


keep(LegalRate)
