"""Tables of grants. What is paid and released stands on the grant's own row, which refuses the cent too many."""

from datetime import date
from enum import StrEnum
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
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.door import stands_at_the_door
from app.awards.models import (
    STANDS,
    Award,
    AwardStatus,
    check_award,
    check_award_of_a_decision,
    counts_awards,
    keeps_what_it_rests_on,
    links,
    override_of_award,
    override_of_payment,
    rests_on,
)
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.envelopes.models import AMOUNT
from app.envelopes.rules import ActStatus
from app.projects.models import check_plan_awards


class PaymentKind(StrEnum):
    """Kinds of payment: *avance*, *acompte*, *solde*."""

    ADVANCE_PAYMENT = "advance_payment"
    INTERIM_PAYMENT = "interim_payment"
    BALANCE_PAYMENT = "balance_payment"


class Grant(Award, Identified, Versioned, Base):
    """A decided grant (*décision attributive*). It commits the envelope from the day of the decision."""

    __tablename__ = "grants"
    __table_args__ = (
        UniqueConstraint("id", "territory", "awarded_by"),
        UniqueConstraint("territory", "id", name="grants_territory_id_key"),
        Index("grants_external_id_key", "territory", "external_id", unique=True, postgresql_where=text(STANDS)),
        Index(
            "grants_decision_reference_key", "territory", "decision_reference", unique=True,
            postgresql_where=text(STANDS),
        ),
        Index(None, "territory", "decision_reference"),
        ForeignKeyConstraint(
            ["awarded_by", "awarder_kind"], ["subjects.id", "subjects.kind"], name="grant_awarded_by_a_person"
        ),
        override_of_award("grants"),
        shape("awarder_kind = 'person'", name="grant_awarder_kind"),
        shape(AMOUNT, name="grant_amount"),
        shape("paid_cents >= 0 AND released_cents >= 0", name="grant_amounts"),
        CheckConstraint("paid_cents + in_flight_cents + released_cents <= amount_cents", name="payments_exceed_award"),
        shape("in_flight_cents >= 0 AND recovered_cents BETWEEN 0 AND paid_cents", name="grant_flows"),
        CheckConstraint("claimed_back_cents <= paid_cents", name="recovery_above_paid"),
        shape("recovered_cents <= claimed_back_cents", name="grant_recovered"),
        shape(one_of("status", AwardStatus), name="grant_status"),
        shape("status NOT IN ('cancelled', 'reversed') OR paid_cents = 0", name="grant_cancelled_but_paid"),
        shape("status <> 'reversed' OR released_cents = 0", name="grant_reversed_but_released"),
        shape("status <> 'awarded' OR paid_cents = 0", name="grant_awarded_but_paid"),
        Index(None, "siren"),
        *links("grants"),
        *rests_on("grants", "grant"),
    )  # fmt: skip

    paid_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    in_flight_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # proposed, approved or sent
    recovered_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    claimed_back_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # by recoveries that stand


class GrantPayment(Identified, Versioned, Base):
    """A payment of a grant. Who decided the aid does not pay it (*ordonnateur* and *comptable*)."""

    __tablename__ = "grant_payments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["grant_id", "territory", "awarded_by"], ["grants.id", "grants.territory", "grants.awarded_by"],
            name="grant_payments_grant_fkey",
        ),
        override_of_payment("grant_payments"),
        Index(
            "grant_payments_reference_key", "grant_id", "reference", unique=True,
            postgresql_where=text("status = 'recorded'"),
        ),
        Index(None, "grant_id"),
        CheckConstraint("recorded_by <> awarded_by", name="decider_pays"),
        shape(AMOUNT, name="grant_payment_amount"),
        shape(one_of("kind", PaymentKind), name="grant_payment_kind"),
        shape("(status = 'reversed') = (reason IS NOT NULL)", name="grant_payment_reason"),
        shape(one_of("status", ActStatus), name="grant_payment_status"),
    )  # fmt: skip

    territory: Mapped[str]
    grant_id: Mapped[UUID]
    awarded_by: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    paid_on: Mapped[date]
    kind: Mapped[str]
    reference: Mapped[str]
    override_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))


for _statement in (check_award, check_award_of_a_decision, counts_awards, keeps_what_it_rests_on):
    event.listen(Grant.__table__, "after_create", DDL(_statement("grants")))
event.listen(Grant.__table__, "after_create", DDL(check_plan_awards("grants")))
stands_at_the_door(Grant, "territory, firm_siren, decided_on, override_id")
stands_at_the_door(GrantPayment, "territory, grant_id, paid_on, override_id")
