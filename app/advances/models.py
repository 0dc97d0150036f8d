"""Tables of advances. What is disbursed, released and repaid stands on the advance's own row, which refuses the cent
too many.
"""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.door import stands_at_the_door
from app.awards.models import (
    STANDS,
    Award,
    begins,
    check_award,
    check_award_of_a_decision,
    counts_awards,
    follows_the_holder,
    gives_back_by_the_ledger,
    keeps_what_it_rests_on,
    links,
    override_of,
    rests_on,
)
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.envelopes.models import AMOUNT
from app.envelopes.rules import ActStatus
from app.projects.models import check_plan_awards


class AdvanceStatus(StrEnum):
    """The life of an advance: decided, being paid out, being repaid, repaid, cancelled unpaid, or
    reversed as a mistake.
    """

    AWARDED = "awarded"
    PAYING = "paying"
    REPAYING = "repaying"
    REPAID = "repaid"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


class RepaymentStatus(StrEnum):
    """A repayment stands, was sent back by the bank, or was reversed as a mistake."""

    RECORDED = "recorded"
    BOUNCED = "bounced"
    REVERSED = "reversed"


class Advance(Award, Identified, Versioned, Base):
    """A decided repayable advance, with the terms of its repayment."""

    __tablename__ = "advances"
    __table_args__ = (
        UniqueConstraint("id", "territory", "awarded_by"),
        UniqueConstraint("territory", "id", name="advances_territory_id_key"),
        Index("advances_external_id_key", "territory", "external_id", unique=True, postgresql_where=text(STANDS)),
        Index(
            "advances_decision_reference_key",
            "territory",
            "decision_reference",
            unique=True,
            postgresql_where=text(STANDS),
        ),
        Index(None, "territory", "decision_reference"),
        ForeignKeyConstraint(
            ["awarded_by", "awarder_kind"], ["subjects.id", "subjects.kind"], name="advance_awarded_by_a_person"
        ),
        override_of("advances"),
        shape("awarder_kind = 'person'", name="advance_awarder_kind"),
        shape(AMOUNT, name="advance_amount"),
        shape("disbursed_cents >= 0 AND released_cents >= 0 AND repaid_cents >= 0", name="advance_amounts"),
        CheckConstraint("disbursed_cents + released_cents <= amount_cents", name="tranches_exceed_award"),
        CheckConstraint("repaid_cents <= disbursed_cents", name="repayment_exceeds_outstanding"),
        shape(one_of("status", AdvanceStatus), name="advance_status"),
        shape("status NOT IN ('cancelled', 'reversed') OR disbursed_cents = 0", name="advance_cancelled_but_paid"),
        shape("status <> 'reversed' OR released_cents = 0", name="advance_reversed_but_released"),
        shape("planned_disbursement_on >= decided_on", name="advance_planned_disbursement"),
        Index(None, "siren"),
        *links("advances"),
        *rests_on("advances", "advance"),
    )

    disbursed_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    repaid_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB)
    planned_disbursement_on: Mapped[date | None]


class Tranche(Identified, Versioned, Base):
    """A part of an advance paid out. Who decided the aid does not pay it (*ordonnateur* and *comptable*)."""

    __tablename__ = "advance_tranches"
    __table_args__ = (
        ForeignKeyConstraint(
            ["advance_id", "territory", "awarded_by"],
            ["advances.id", "advances.territory", "advances.awarded_by"],
            name="advance_tranches_advance_fkey",
        ),
        override_of("advance_tranches"),
        CheckConstraint("recorded_by <> awarded_by", name="decider_pays"),
        shape(AMOUNT, name="tranche_amount"),
        shape("(status = 'reversed') = (reason IS NOT NULL)", name="tranche_reason"),
        shape(one_of("status", ActStatus), name="tranche_status"),
        Index(None, "advance_id"),
    )

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    awarded_by: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    paid_on: Mapped[date]
    override_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))


class Repayment(Identified, Versioned, Base):
    """Capital that a firm paid back, unless the bank sent it back (*rejet de prélèvement*)."""

    __tablename__ = "advance_repayments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["advance_id", "territory", "awarded_by"],
            ["advances.id", "advances.territory", "advances.awarded_by"],
            name="advance_repayments_advance_fkey",
        ),
        Index(
            "advance_repayments_reference_key",
            "advance_id",
            "reference",
            unique=True,
            postgresql_where=text("status = 'recorded'"),
        ),
        Index(None, "advance_id"),
        # Of what stands: one that was recorded before this rule can still be sent back or reversed, by somebody else.
        CheckConstraint("status <> 'recorded' OR recorded_by <> awarded_by", name="decider_receives"),
        shape(AMOUNT, name="repayment_amount"),
        shape("(status <> 'recorded') = (reason IS NOT NULL)", name="repayment_reason"),
        shape(one_of("status", RepaymentStatus), name="repayment_status"),
        shape(
            "(bounced_on IS NULL) = (bank_reference IS NULL)"
            " AND CASE status WHEN 'recorded' THEN bounced_on IS NULL WHEN 'bounced' THEN bounced_on IS NOT NULL"
            " ELSE true END",
            name="repayment_bounced",
        ),
        CheckConstraint("bounced_on >= received_on", name="bounced_before_receipt"),
    )

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    awarded_by: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    received_on: Mapped[date]
    reference: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]
    bounced_on: Mapped[date | None]
    bank_reference: Mapped[str | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))


for _statement in (
    check_award, check_award_of_a_decision, counts_awards, keeps_what_it_rests_on, gives_back_by_the_ledger,
    follows_the_holder,
):  # fmt: skip
    event.listen(Advance.__table__, "after_create", DDL(_statement("advances")))
event.listen(Advance.__table__, "after_create", DDL(check_plan_awards("advances")))
event.listen(Advance.__table__, "after_create", DDL(begins("advances", "disbursed_cents", "repaid_cents")))
stands_at_the_door(Advance, "territory, firm_siren, decided_on, override_id")
stands_at_the_door(Tranche, "territory, advance_id, paid_on, override_id")
