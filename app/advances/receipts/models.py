"""Tables of receipts and of what goes back of them. The parts of a receipt stand on its row, and come to its amount."""

from datetime import date
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

from app.advances.receipts.rules import ReceiptMethod, ReceiptStatus, RefundStatus
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only
from app.envelopes.models import AMOUNT

# What a receipt is for, in the order in which it is shared; what is assigned to an advance has these parts.
PARTS = (
    "principal_cents",
    "interest_cents",
    "late_interest_cents",
    "fees_cents",
    "success_fee_cents",
    "overpaid_cents",
)
_SUM = " + ".join(PARTS)


class Receipt(Identified, Versioned, Base):
    """One entry of a bank account: money that came in. The database counts what is assigned of it.

    `account_id` null: no account was known. `reference_repeats`: from before references were unique.
    """

    __tablename__ = "receipts"
    __table_args__ = (
        UniqueConstraint("territory", "id", name="receipts_territory_id_key"),
        Index(
            "receipts_reference_key", "territory", "account_id", "reference", unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("status IN ('recorded', 'returned') AND NOT reference_repeats"),
        ),
        Index(None, "territory", "received_on"),
        Index(None, "account_id", postgresql_where=text("account_id IS NOT NULL")),
        Index(
            "receipts_unassigned_idx", "territory", "id",
            postgresql_where=text("status = 'recorded' AND unassigned_cents > returned_cents"),
        ),
        Index(
            "receipts_overpaid_idx", "territory", "id",
            postgresql_where=text("status = 'recorded' AND overpaid_cents > refunded_cents"),
        ),
        Index(
            "receipts_sent_back_idx", "territory", "id",
            postgresql_where=text("status = 'bounced' AND reference = bank_reference"),
        ),
        Index(
            "receipts_held_refunds_idx", "territory", "id",
            postgresql_where=text("status = 'bounced' AND refunded_cents + returned_cents > 0"),
        ),
        Index(
            "receipts_account_reference_key", "account_id", "reference", unique=True,
            postgresql_where=text(
                "account_id IS NOT NULL AND status IN ('recorded', 'returned') AND NOT reference_repeats"
            ),
        ),
        shape(AMOUNT, name="receipt_amount"),
        shape(one_of("status", ReceiptStatus), name="receipt_status"),
        shape(one_of("method", ReceiptMethod), name="receipt_method"),
        shape(f"amount_cents = {_SUM} + unassigned_cents", name="receipt_parts"),
        shape(f"least({', '.join(PARTS)}, refunded_cents, returned_cents) >= 0", name="receipt_no_part_below_zero"),
        CheckConstraint("unassigned_cents >= 0", name="assignments_exceed_receipt"),
        CheckConstraint(
            "status NOT IN ('recorded', 'returned')"
            " OR returned_cents <= unassigned_cents AND refunded_cents <= overpaid_cents",
            name="refunds_exceed_receipt",
        ),
        CheckConstraint("status <> 'reversed' OR refunded_cents + returned_cents = 0", name="repayment_refunded"),
        shape("status <> 'returned' OR refunded_cents + returned_cents = amount_cents", name="receipt_returned"),
        shape("(status IN ('bounced', 'reversed')) = (reason IS NOT NULL)", name="receipt_reason"),
        shape(
            "(bounced_on IS NULL) = (bank_reference IS NULL)"
            " AND CASE status WHEN 'bounced' THEN bounced_on IS NOT NULL WHEN 'reversed' THEN true"
            " ELSE bounced_on IS NULL END",
            name="receipt_bounced",
        ),
        CheckConstraint("bounced_on >= received_on", name="bounced_before_receipt"),
        shape("payer_siren IS NULL OR is_siren(payer_siren)", name="receipt_payer_siren"),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation_bank_accounts.id"))
    reference: Mapped[str]
    received_on: Mapped[date]
    value_on: Mapped[date]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    method: Mapped[str] = mapped_column(server_default="other")
    payer_name: Mapped[str | None]
    payer_siren: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]
    bounced_on: Mapped[date | None]
    bank_reference: Mapped[str | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    reference_repeats: Mapped[bool] = mapped_column(server_default="false")
    principal_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    interest_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    late_interest_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    fees_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    success_fee_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    overpaid_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    unassigned_cents: Mapped[int] = mapped_column(BigInteger)
    refunded_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # of what is overpaid
    returned_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # of what is not assigned


class Refund(Identified, Versioned, Base):
    """Money of a receipt that goes back to who paid it: what an advance was overpaid (`repayment_id`), or what is not
    assigned. Who proposes it does not approve it.
    """

    __tablename__ = "receipt_refunds"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "receipt_id"], ["receipts.territory", "receipts.id"], name="receipt_refunds_receipt_fkey"
        ),
        ForeignKeyConstraint(
            ["receipt_id", "repayment_id"], ["advance_repayments.receipt_id", "advance_repayments.id"],
            name="receipt_refunds_repayment_fkey",
        ),
        ForeignKeyConstraint(
            ["approved_by", "approver_kind"], ["subjects.id", "subjects.kind"], name="refund_approved_by_a_person"
        ),
        CheckConstraint("approved_by <> proposed_by", name="refund_own_approval"),
        shape("approver_kind = 'person'", name="refund_approver_kind"),
        shape(AMOUNT, name="refund_amount"),
        shape(one_of("status", RefundStatus), name="refund_status"),
        shape("(status IN ('paid', 'reversed')) = (approved_by IS NOT NULL)", name="refund_approved"),
        shape("(approved_by IS NULL) = (refunded_on IS NULL)", name="refund_day"),
        shape("(status IN ('cancelled', 'reversed')) = (end_reason IS NOT NULL)", name="refund_ended"),
        Index(None, "receipt_id"),
        Index(None, "repayment_id", postgresql_where=text("repayment_id IS NOT NULL")),
        Index("receipt_refunds_to_approve_idx", "territory", "id", postgresql_where=text("status = 'proposed'")),
    )  # fmt: skip

    territory: Mapped[str]
    receipt_id: Mapped[UUID]
    repayment_id: Mapped[UUID | None]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="proposed")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    approved_by: Mapped[UUID | None]
    approver_kind: Mapped[str] = mapped_column(server_default="person")
    refunded_on: Mapped[date | None]
    reference: Mapped[str | None]
    end_reason: Mapped[str | None]


# A refund that is proposed takes its room at once, so that of several no more are proposed than can be approved. What
# is overpaid can shrink under a proposal, for facts are taken: the approval is refused then.
CHECK_REFUND_ROOM = """
CREATE FUNCTION check_refund_room() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    room bigint;
BEGIN
    PERFORM FROM receipts WHERE id = NEW.receipt_id FOR NO KEY UPDATE;
    IF NEW.repayment_id IS NULL THEN
        SELECT CASE status WHEN 'recorded' THEN unassigned_cents - returned_cents ELSE 0 END INTO room
        FROM receipts WHERE id = NEW.receipt_id;
    ELSE
        SELECT CASE status WHEN 'recorded' THEN overpaid_cents - refunded_cents ELSE 0 END INTO room
        FROM advance_repayments WHERE id = NEW.repayment_id AND receipt_id = NEW.receipt_id;
    END IF;
    IF NEW.amount_cents > room - (
        SELECT coalesce(sum(amount_cents), 0) FROM receipt_refunds
        WHERE receipt_id = NEW.receipt_id AND repayment_id IS NOT DISTINCT FROM NEW.repayment_id
            AND status = 'proposed' AND id <> NEW.id
    ) THEN
        RAISE EXCEPTION 'more would go back than is overpaid or not assigned'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_exceed_receipt';
    END IF;
    RETURN NEW;
END
$$
"""
REFUND_ROOM = (
    "CREATE TRIGGER check_refund_room BEFORE INSERT OR UPDATE OF receipt_id, repayment_id, amount_cents, status"
    " ON receipt_refunds FOR EACH ROW WHEN (NEW.status = 'proposed') EXECUTE FUNCTION check_refund_room()"
)
for _made in (CHECK_REFUND_ROOM, REFUND_ROOM):
    event.listen(Refund.__table__, "after_create", DDL(_made))

# What the bank said stays as it was written.
SAID = ("territory", "account_id", "reference", "received_on", "value_on", "amount_cents", "method", "payer_name",
        "payer_siren", "recorded_by")  # fmt: skip
event.listen(
    Receipt.__table__,
    "after_create",
    DDL(append_only("receipts", f"UPDATE OF {', '.join(SAID)} OR DELETE OR TRUNCATE")),
)
