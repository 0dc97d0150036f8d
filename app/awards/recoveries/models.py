"""Tables of recoveries. What has come back stands on the recovery's own row, which refuses the cent too many; what is
claimed back of a grant stands on the grant's.
"""

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

from app.awards.recoveries.rules import REPLY_DAYS, RecoveryCause, RecoveryStatus, SettledAs
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.values import MAX_AMOUNT_CENTS
from app.envelopes.models import AMOUNT
from app.envelopes.rules import ActStatus

_LEFT = "amount_cents - received_cents - set_off_cents - waived_cents"


class Recovery(Identified, Versioned, Base):
    """Money of a grant that must come back (*reversement*, *titre de perception*)."""

    __tablename__ = "recoveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["grant_id", "territory", "awarded_by"], ["grants.id", "grants.territory", "grants.awarded_by"],
            name="recoveries_grant_fkey",
        ),
        UniqueConstraint("id", "grant_id", "territory", "ordered_by", name="recoveries_ordered_key"),
        UniqueConstraint("id", "grant_id", "territory", name="recoveries_grant_key"),
        Index(
            "recoveries_order_number_key", "territory", "order_number", unique=True,
            postgresql_where=text("status <> 'withdrawn'"),
        ),
        Index(None, "grant_id"),
        ForeignKeyConstraint(
            ["ordered_by", "orderer_kind"], ["subjects.id", "subjects.kind"], name="recovery_ordered_by_a_person"
        ),
        ForeignKeyConstraint(
            ["waived_by", "waiver_kind"], ["subjects.id", "subjects.kind"], name="recovery_waived_by_a_person"
        ),
        CheckConstraint("waived_by <> ordered_by", name="orderer_waives"),
        CheckConstraint("waived_on >= ordered_on", name="waived_before_order"),
        CheckConstraint(f"{_LEFT} >= 0", name="receipts_exceed_recovery"),
        shape(f"amount_cents BETWEEN 1 AND {MAX_AMOUNT_CENTS}", name="recovery_amount"),
        shape("document_sha256 ~ '^[0-9a-f]{64}$'", name="recovery_document"),
        shape("received_cents >= 0 AND set_off_cents >= 0 AND waived_cents >= 0", name="recovery_amounts"),
        shape(
            f"planned_cents BETWEEN 0 AND {_LEFT} AND (planned_cents = 0 OR status = 'ordered')",
            name="recovery_planned",
        ),
        shape(one_of("cause", RecoveryCause), name="recovery_cause"),
        shape(one_of("status", RecoveryStatus), name="recovery_status"),
        shape(one_of("settled_as", SettledAs), name="recovery_settled_as"),
        shape("orderer_kind = 'person' AND waiver_kind = 'person'", name="recovery_kinds"),
        shape(
            f"(status = 'closed') = ({_LEFT} = 0) AND (status = 'closed') = (settled_as IS NOT NULL)",
            name="recovery_settled",
        ),
        shape(
            "CASE settled_as WHEN 'repaid' THEN received_cents > 0 WHEN 'set_off' THEN set_off_cents > 0 ELSE true END"
            " AND (waived_cents > 0) = (settled_as IS NOT DISTINCT FROM 'waived')",
            name="recovery_settlement",
        ),
        shape(
            "(notified_on IS NULL) = (reply_until_on IS NULL)"
            " AND CASE WHEN status = 'opened' THEN notified_on IS NULL"
            " WHEN status IN ('notified', 'ordered', 'closed') THEN notified_on IS NOT NULL ELSE true END",
            name="recovery_notification",
        ),
        shape(f"reply_until_on >= notified_on + {REPLY_DAYS} AND notified_on >= opened_on", name="recovery_reply"),
        shape(
            "num_nulls(order_number, ordered_on, due_on, ordered_by) IN (0, 4)"
            " AND CASE WHEN status IN ('opened', 'notified') THEN ordered_on IS NULL"
            " WHEN status IN ('ordered', 'closed') THEN ordered_on IS NOT NULL ELSE true END",
            name="recovery_order",
        ),
        shape(
            "due_on >= ordered_on AND ordered_on >= notified_on AND replied_on BETWEEN notified_on AND ordered_on",
            name="recovery_days",
        ),
        CheckConstraint("ordered_on > reply_until_on OR replied_on IS NOT NULL", name="reply_pending"),
        shape(
            "num_nonnulls(waived_by, waived_on, waiver_reference, waiver_reason)"
            " = CASE WHEN waived_cents > 0 THEN 4 ELSE 0 END",
            name="recovery_waiver",
        ),
        shape("(status = 'withdrawn') = (end_reason IS NOT NULL)", name="recovery_end_reason"),
        shape("status <> 'withdrawn' OR received_cents + set_off_cents + waived_cents = 0", name="recovery_withdrawn"),
    )  # fmt: skip

    territory: Mapped[str]
    grant_id: Mapped[UUID]
    awarded_by: Mapped[UUID]
    cause: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    received_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    set_off_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    waived_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    planned_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")  # by a payment that is not recorded yet
    opened_on: Mapped[date]
    opened_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    reason: Mapped[str | None]
    document_sha256: Mapped[str | None]
    of_closing: Mapped[bool] = mapped_column(server_default="false")
    notified_on: Mapped[date | None]
    reply_until_on: Mapped[date | None]
    replied_on: Mapped[date | None]
    order_number: Mapped[str | None]
    ordered_on: Mapped[date | None]
    due_on: Mapped[date | None]
    ordered_by: Mapped[UUID | None]
    orderer_kind: Mapped[str] = mapped_column(server_default="person")
    settled_as: Mapped[str | None]
    waived_on: Mapped[date | None]
    waiver_reference: Mapped[str | None]
    waiver_reason: Mapped[str | None]
    waived_by: Mapped[UUID | None]
    waiver_kind: Mapped[str] = mapped_column(server_default="person")
    status: Mapped[str] = mapped_column(server_default="opened")
    end_reason: Mapped[str | None]


class RecoveryReceipt(Identified, Versioned, Base):
    """Money of a recovery that came in, by the reference of the bank, which serves once."""

    __tablename__ = "recovery_receipts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["recovery_id", "grant_id", "territory", "ordered_by"],
            ["recoveries.id", "recoveries.grant_id", "recoveries.territory", "recoveries.ordered_by"],
            name="recovery_receipts_recovery_fkey",
        ),
        ForeignKeyConstraint(
            ["grant_id", "territory", "awarded_by"], ["grants.id", "grants.territory", "grants.awarded_by"],
            name="recovery_receipts_grant_fkey",
        ),
        Index(
            "recovery_receipts_bank_reference_key", "territory", "bank_reference", unique=True,
            postgresql_where=text("status = 'recorded'"),
        ),
        Index(None, "recovery_id"),
        CheckConstraint("recorded_by <> awarded_by AND recorded_by <> ordered_by", name="orderer_settles"),
        shape(AMOUNT, name="recovery_receipt_amount"),
        shape("(status = 'reversed') = (reason IS NOT NULL)", name="recovery_receipt_reason"),
        shape(one_of("status", ActStatus), name="recovery_receipt_status"),
    )  # fmt: skip

    territory: Mapped[str]
    recovery_id: Mapped[UUID]
    grant_id: Mapped[UUID]
    awarded_by: Mapped[UUID]
    ordered_by: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    received_on: Mapped[date]
    bank_reference: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))


# What a recovery claims stays as it was, an order is an order, an end is an end, and nothing is deleted. A receipt or a
# set-off that is taken back opens a closed one again; a waiver is final.
GUARD_FUNCTION = """
CREATE FUNCTION guard_recovery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.territory, OLD.grant_id, OLD.awarded_by, OLD.cause, OLD.amount_cents, OLD.opened_on, OLD.opened_by,
                OLD.of_closing)
            IS DISTINCT FROM (NEW.territory, NEW.grant_id, NEW.awarded_by, NEW.cause, NEW.amount_cents, NEW.opened_on,
                NEW.opened_by, NEW.of_closing)
        OR OLD.notified_on IS NOT NULL AND (OLD.notified_on, OLD.reply_until_on)
            IS DISTINCT FROM (NEW.notified_on, NEW.reply_until_on)
        OR OLD.ordered_on IS NOT NULL AND (OLD.order_number, OLD.ordered_on, OLD.due_on, OLD.ordered_by, OLD.replied_on)
            IS DISTINCT FROM (NEW.order_number, NEW.ordered_on, NEW.due_on, NEW.ordered_by, NEW.replied_on)
        OR OLD.status = 'withdrawn' OR OLD.settled_as = 'waived'
        OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
            ('opened', 'notified'), ('notified', 'ordered'), ('ordered', 'closed'), ('closed', 'ordered'),
            ('opened', 'withdrawn'), ('notified', 'withdrawn'), ('ordered', 'withdrawn')
        )
    THEN
        RAISE EXCEPTION 'no such change of a recovery'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'recovery_transition';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON recoveries FOR EACH ROW EXECUTE FUNCTION guard_recovery()"

# A receipt is recorded, and reversed once; nothing else of it changes.
GUARD_RECEIPT_FUNCTION = """
CREATE FUNCTION guard_recovery_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.status = 'reversed'
        OR (OLD.territory, OLD.recovery_id, OLD.grant_id, OLD.awarded_by, OLD.ordered_by, OLD.amount_cents,
                OLD.received_on, OLD.bank_reference, OLD.recorded_by)
            IS DISTINCT FROM (NEW.territory, NEW.recovery_id, NEW.grant_id, NEW.awarded_by, NEW.ordered_by,
                NEW.amount_cents, NEW.received_on, NEW.bank_reference, NEW.recorded_by)
    THEN
        RAISE EXCEPTION 'no such change of a receipt'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'already_reversed';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_RECEIPT = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON recovery_receipts"
    " FOR EACH ROW EXECUTE FUNCTION guard_recovery_receipt()"
)

event.listen(Recovery.__table__, "after_create", DDL(GUARD_FUNCTION))
event.listen(Recovery.__table__, "after_create", DDL(GUARD))
event.listen(RecoveryReceipt.__table__, "after_create", DDL(GUARD_RECEIPT_FUNCTION))
event.listen(RecoveryReceipt.__table__, "after_create", DDL(GUARD_RECEIPT))
