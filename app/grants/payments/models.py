"""The table of payments of grants: who proposed, approved and recorded each, and to which bank details it goes."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.door import stands_at_the_door
from app.awards.models import override_of
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.envelopes.models import AMOUNT
from app.grants.payments.rules import PaymentKind, PaymentStatus


class GrantPayment(Identified, Versioned, Base):
    """A payment of a grant. Who decided the aid does not pay it (*ordonnateur* and *comptable*).

    A proposal names the firm's bank details and who made them what they are, so that nobody approves a payment to an
    account of his own making.
    """

    __tablename__ = "grant_payments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["grant_id", "territory", "awarded_by"], ["grants.id", "grants.territory", "grants.awarded_by"],
            name="grant_payments_grant_fkey",
        ),
        ForeignKeyConstraint(
            ["bank_details_id", "territory", "details_proposed_by", "details_decided_by"],
            ["firm_bank_details.id", "firm_bank_details.territory", "firm_bank_details.proposed_by",
             "firm_bank_details.decided_by"],
            name="grant_payments_bank_details_fkey",
        ),
        ForeignKeyConstraint(
            ["approved_by", "approver_kind"], ["subjects.id", "subjects.kind"],
            name="grant_payment_approved_by_a_person",
        ),
        override_of("grant_payments"),
        Index(
            "grant_payments_reference_key", "grant_id", "reference", unique=True,
            postgresql_where=text("status NOT IN ('cancelled', 'reversed')"),
        ),
        Index(None, "grant_id"),
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
        Index(None, "bank_details_id", postgresql_where=text("status IN ('proposed', 'approved', 'sent')")),
        Index(
            "grant_payments_in_flight_idx", "territory", "id",
            postgresql_where=text("status IN ('proposed', 'approved', 'sent')"),
        ),
        Index(
            "grant_payments_to_see_idx", "territory", "id",
            postgresql_where=text("exceeds <> '{}' AND seen_by IS NULL"),
        ),
        CheckConstraint("awarded_by <> ALL (ARRAY[proposed_by, approved_by, recorded_by])", name="decider_pays"),
        CheckConstraint("approved_by <> proposed_by", name="payment_own_approval"),
        CheckConstraint(
            "approved_by <> ALL (ARRAY[details_proposed_by, details_decided_by])", name="payment_to_own_bank_details"
        ),
        CheckConstraint("seen_by <> recorded_by", name="recorder_sees"),
        shape("approver_kind = 'person'", name="grant_payment_approver_kind"),
        shape(AMOUNT, name="grant_payment_amount"),
        shape(one_of("kind", PaymentKind), name="grant_payment_kind"),
        shape("(status IN ('cancelled', 'reversed')) = (reason IS NOT NULL)", name="grant_payment_reason"),
        shape(one_of("status", PaymentStatus), name="grant_payment_status"),
        shape(
            "CASE WHEN status IN ('recorded', 'reversed') THEN paid_on IS NOT NULL AND recorded_by IS NOT NULL"
            " ELSE paid_on IS NULL AND recorded_by IS NULL AND bank_details_id IS NOT NULL"
            " AND proposed_by IS NOT NULL END"
            " AND CASE status WHEN 'proposed' THEN num_nonnulls(approved_by, sent_on) = 0"
            " WHEN 'approved' THEN approved_by IS NOT NULL AND sent_on IS NULL"
            " WHEN 'sent' THEN num_nulls(approved_by, sent_on) = 0 ELSE true END",
            name="grant_payment_state",
        ),
        shape(
            "num_nulls(bank_details_id, details_proposed_by, details_decided_by) IN (0, 3)",
            name="grant_payment_bank_details",
        ),
        shape("num_nulls(rejected_on, rejection_reason) <> 1", name="grant_payment_rejection"),
        shape(
            "num_nulls(seen_by, seen_at) <> 1 AND (seen_by IS NULL OR exceeds <> '{}')"
            " AND (exceeds = '{}' OR status IN ('recorded', 'reversed'))",
            name="grant_payment_exceeds",
        ),
    )  # fmt: skip

    territory: Mapped[str]
    grant_id: Mapped[UUID]
    awarded_by: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    planned_on: Mapped[date | None]
    paid_on: Mapped[date | None]
    kind: Mapped[str]
    reference: Mapped[str]
    override_id: Mapped[UUID | None]
    bank_details_id: Mapped[UUID | None]
    details_proposed_by: Mapped[UUID | None]
    details_decided_by: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]
    set_off_cents: Mapped[int | None] = mapped_column(BigInteger)  # kept from it for a recovery
    set_off_recovery_id: Mapped[UUID | None]
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    approved_by: Mapped[UUID | None]
    approver_kind: Mapped[str] = mapped_column(server_default="person")
    sent_on: Mapped[date | None]
    rejected_on: Mapped[date | None]
    rejection_reason: Mapped[str | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    exceeds: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    seen_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    seen_at: Mapped[datetime | None]

    @property
    def transfer_cents(self) -> int:
        """What the bank pays: the amount, less what is kept from it for a recovery."""
        return self.amount_cents - (self.set_off_cents or 0)


# A payment passes from one state to the next, what was approved stays as it was, and nothing is deleted. A payment that
# is proposed, approved or sent goes to the approved bank details of the grant's firm; they are held until COMMIT.
GUARD_FUNCTION = """
CREATE FUNCTION guard_grant_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (CASE TG_OP
        WHEN 'DELETE' THEN true
        WHEN 'INSERT' THEN NEW.status IN ('approved', 'sent')
        ELSE (OLD.territory, OLD.grant_id, OLD.amount_cents, OLD.kind, OLD.proposed_by, OLD.created_at)
                IS DISTINCT FROM
                (NEW.territory, NEW.grant_id, NEW.amount_cents, NEW.kind, NEW.proposed_by, NEW.created_at)
            OR NEW.status <> 'proposed' AND OLD.bank_details_id IS DISTINCT FROM NEW.bank_details_id
            OR OLD.status <> 'proposed' AND NEW.status <> 'proposed'
                AND OLD.approved_by IS DISTINCT FROM NEW.approved_by
            OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
                ('proposed', 'approved'), ('proposed', 'recorded'), ('proposed', 'cancelled'),
                ('approved', 'proposed'), ('approved', 'sent'), ('approved', 'recorded'), ('approved', 'cancelled'),
                ('sent', 'proposed'), ('sent', 'approved'), ('sent', 'recorded'), ('recorded', 'reversed')
            )
        END)
    THEN
        RAISE EXCEPTION 'no such change of a payment'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_transition';
    END IF;
    IF NEW.status IN ('approved', 'sent')
        OR NEW.status = 'proposed' AND (TG_OP = 'INSERT' OR OLD.bank_details_id IS DISTINCT FROM NEW.bank_details_id)
    THEN
        PERFORM FROM firm_bank_details d JOIN grants g ON g.territory = d.territory AND g.firm_siren = d.siren
        WHERE d.id = NEW.bank_details_id AND d.status = 'approved' AND g.id = NEW.grant_id FOR SHARE OF d;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the bank details are not approved'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'bank_details_unapproved';
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON grant_payments"
    " FOR EACH ROW EXECUTE FUNCTION guard_grant_payment()"
)

for _statement in (GUARD_FUNCTION, GUARD):
    event.listen(GrantPayment.__table__, "after_create", DDL(_statement))
stands_at_the_door(GrantPayment, "territory, grant_id, paid_on, override_id, status")
