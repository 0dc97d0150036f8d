"""The table of payments of grants. Its columns, but for these, and its guard are those of every payment."""

from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.door import stands_at_the_door
from app.awards.payments.models import AwardPayment, guarded, pays
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.grants.payments.rules import PaymentKind


class GrantPayment(AwardPayment, Identified, Versioned, Base):
    """A payment of a grant, of which a recovery can be kept."""

    __tablename__ = "grant_payments"
    __table_args__ = (
        *pays("grant_payments", "grant_payment", "grant"),
        ForeignKeyConstraint(
            ["set_off_recovery_id", "grant_id", "territory"],
            ["recoveries.id", "recoveries.grant_id", "recoveries.territory"],
            name="grant_payments_set_off_fkey",
        ),
        shape(
            "num_nulls(set_off_cents, set_off_recovery_id) <> 1 AND set_off_cents > 0 AND set_off_cents < amount_cents",
            name="grant_payment_set_off",
        ),
        Index(None, "set_off_recovery_id", postgresql_where=text("set_off_recovery_id IS NOT NULL")),
        shape(one_of("kind", PaymentKind), name="grant_payment_kind"),
    )

    grant_id: Mapped[UUID]
    kind: Mapped[str]
    reference: Mapped[str]
    set_off_cents: Mapped[int | None] = mapped_column(BigInteger)  # kept from it for a recovery
    set_off_recovery_id: Mapped[UUID | None]

    @property
    def transfer_cents(self) -> int:
        """What the bank pays: the amount, less what is kept from it for a recovery."""
        return self.amount_cents - (self.set_off_cents or 0)


guarded(GrantPayment, "grant_payment", "grant", "kind")
stands_at_the_door(GrantPayment, "territory, grant_id, paid_on, override_id, status")
