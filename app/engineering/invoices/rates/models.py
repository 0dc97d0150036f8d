"""The table of refinancing rates."""

from app.core.db import Base
from app.core.routines import keep
from app.programme.half_years import HalfYearly, held_as


class RefinancingRate(HalfYearly, Base):
    """The rate of the European Central Bank for its main refinancing operations on the first day of a half-year.

    The base of late interest (CCP, art. R. 2192-31). A later row of the same half-year corrects it.
    """

    __tablename__ = "refinancing_rates"
    __table_args__ = held_as("refinancing_rate")


keep(RefinancingRate)
