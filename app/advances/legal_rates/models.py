"""The table of legal rates."""

from app.core.db import Base
from app.core.routines import keep
from app.programme.half_years import HalfYearly, held_as


class LegalRate(HalfYearly, Base):
    """The legal rate of a half-year for a creditor that is not a natural person (code monétaire et financier, art.
    L. 313-2).

    A later row of the same half-year corrects it, and interest computed since then.
    """

    __tablename__ = "legal_rates"
    __table_args__ = held_as("legal_rate")


keep(LegalRate)
