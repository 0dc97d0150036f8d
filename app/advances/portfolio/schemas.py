"""What travels as a portfolio."""

from datetime import date

from pydantic import Field

from app.advances.position import Bucket
from app.core.schemas import Read
from app.core.values import Cents
from app.programme.schemas import TerritorySlug


class PortfolioBucket(Read):
    """Advances of one age of arrears."""

    bucket: Bucket = Field(
        description="By the days past due of an advance's oldest unpaid line; in_proceedings: proceedings of its firm"
        " are open, whatever is late."
    )
    advances: int = Field(description="Number of advances of which something is outstanding or unpaid.")
    outstanding_cents: Cents = Field(description="Capital that they owe, due or not, in euro cents.")
    overdue_cents: Cents = Field(description="Principal, interest and fees unpaid after their days, in euro cents.")


class ExpectedMonth(Read):
    """What the schedules ask for in a month to come."""

    month: str = Field(description="Calendar month of the due days, such as 2026-12.")
    expected_cents: Cents = Field(
        description="Principal, interest and fees that fall due in it, on the day or later, and are not paid: euro"
        " cents."
    )


class PortfolioFigures(Read):
    """The advances of a territory, or of all that the caller may see, as they stand on a day."""

    as_of: date = Field(description="Paris day of the figures.")
    recorded_as_of: date | None = Field(
        description="Paris day at the end of which they were known so; null: as known now."
    )
    advances: int = Field(description="Number of advances that were paid out in part or in whole.")
    disbursed_cents: Cents = Field(description="Paid out to firms, in euro cents.")
    repaid_cents: Cents = Field(description="Capital that firms repaid, in euro cents.")
    waived_cents: Cents = Field(description="Capital that was waived, in euro cents.")
    written_off_cents: Cents = Field(
        description="Capital that was written off, less what was recovered since, in euro cents."
    )
    outstanding_cents: Cents = Field(description="Capital that firms owe, due or not, in euro cents.")
    overdue_cents: Cents = Field(description="Principal, interest and fees unpaid after their days, in euro cents.")
    income_cents: Cents = Field(
        description="Interest, late interest, fees and success fees received, in euro cents: outside the envelope."
    )
    overpaid_cents: Cents = Field(description="Received beyond what was owed and not refunded, in euro cents.")
    buckets: list[PortfolioBucket] = Field(description="Every bucket, the youngest first, those without advances too.")
    expected: list[ExpectedMonth] = Field(description="The months in which something falls due, in their order.")
    default_rate: float | None = Field(
        description="Principal unpaid for more than 90 days over what is outstanding, from 0 to 1, rounded to 4"
        " decimals; null where nothing is outstanding."
    )
    loss_rate: float | None = Field(
        description="What was written off over what was paid out, from 0 to 1, rounded to 4 decimals; null where"
        " nothing was paid out."
    )


class Portfolio(PortfolioFigures):
    """The advances of one territory, as they stand on a day."""

    territory: TerritorySlug
