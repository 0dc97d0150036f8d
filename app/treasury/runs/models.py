"""The tables of payment runs. Nothing of a run changes but its state, and of a line but what the bank said of it.

The file is not stored: it is written again from these rows, none of which can change, and held against its digest.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.advances.tranches.models import Tranche
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only
from app.grants.payments.models import GrantPayment
from app.treasury.runs.rules import MOST, LineOutcome, PaymentRunStatus

# The bank's code is what the reason of a reject begins with: «AC04» or «AC04: the account is closed.».
REASON_CODE = "\"substring\"(rejection_reason, '^([A-Z]{2}[A-Z0-9]{2})(?::|$)'::text)"


class PaymentRun(Identified, Versioned, Base):
    """The approved payments of a territory up to a cut-off, from one account, in one file for the bank."""

    __tablename__ = "payment_runs"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        Index(
            "payment_run_already_made", "territory", "account_id", "cut_off_on", unique=True,
            postgresql_where=text("status <> 'cancelled'"),
        ),
        Index(None, "account_id"),
        shape("cut_off_on <= execution_on", name="payment_run_days"),
        shape("cut_off_on >= '1900-01-01' AND execution_on <= '2199-12-31'", name="payment_run_period"),
        shape(f"payments BETWEEN 1 AND {MOST} AND total_cents > 0 AND size_bytes > 0", name="payment_run_totals"),
        shape("sha256 ~ '^[0-9a-f]{64}$'", name="payment_run_sha256"),
        shape("file_hmac ~ '^[0-9a-f]{64}$'", name="payment_run_file_hmac"),
        shape(one_of("status", PaymentRunStatus), name="payment_run_status"),
        shape(
            "(status = 'handed_over') = (handed_over_by IS NOT NULL) AND num_nulls(handed_over_by, handed_over_at) <> 1"
            " AND (status = 'cancelled') = (cancelled_by IS NOT NULL)"
            " AND num_nulls(cancelled_by, cancelled_at, reason) IN (0, 3)",
            name="payment_run_state",
        ),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("organisation_bank_accounts.id"))
    cut_off_on: Mapped[date]
    execution_on: Mapped[date]
    payments: Mapped[int]
    total_cents: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str]
    payer_name: Mapped[str]
    sha256: Mapped[str | None]  # of runs from before; nothing shows it, and a later migration drops it
    file_hmac: Mapped[str | None]  # null: made by the version before, or brought in from another installation
    size_bytes: Mapped[int]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    status: Mapped[str] = mapped_column(server_default="ready")
    handed_over_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    handed_over_at: Mapped[datetime | None]
    cancelled_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    cancelled_at: Mapped[datetime | None]
    reason: Mapped[str | None]


class PaymentRunLine(Identified, Base):
    """One payment of a run, of a grant or of an advance, to the bank details that it had. It is open in one line at a
    time.
    """

    __tablename__ = "payment_run_lines"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "run_id"], ["payment_runs.territory", "payment_runs.id"]),
        UniqueConstraint("run_id", "position"),
        Index("payment_run_lines_open_key", "payment_id", unique=True, postgresql_where=text("ended_as IS NULL")),
        Index(
            "payment_run_lines_open_tranche_key", "tranche_id", unique=True, postgresql_where=text("ended_as IS NULL")
        ),
        Index(None, "payment_id"),
        Index(None, "tranche_id", postgresql_where=text("tranche_id IS NOT NULL")),
        shape("num_nonnulls(payment_id, tranche_id) = 1", name="payment_run_line_sends_one"),
        shape(f"position BETWEEN 1 AND {MOST}", name="payment_run_line_position"),
        shape("amount_cents > 0", name="payment_run_line_amount"),
        shape("text <> ''", name="payment_run_line_text"),
        shape(one_of("ended_as", (LineOutcome.REJECTED, LineOutcome.CANCELLED)), name="payment_run_line_ended_as"),
        shape(
            "(ended_as IS NOT DISTINCT FROM 'rejected') = (rejected_on IS NOT NULL)"
            " AND num_nulls(rejected_on, rejection_reason) <> 1",
            name="payment_run_line_rejection",
        ),
    )  # fmt: skip

    territory: Mapped[str]
    run_id: Mapped[UUID]
    position: Mapped[int]
    payment_id: Mapped[UUID | None] = mapped_column(ForeignKey("grant_payments.id"))
    tranche_id: Mapped[UUID | None] = mapped_column(ForeignKey("advance_tranches.id"))
    bank_details_id: Mapped[UUID] = mapped_column(ForeignKey("firm_bank_details.id"))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str]
    ended_as: Mapped[str | None]
    rejected_on: Mapped[date | None]
    rejection_reason: Mapped[str | None]
    reason_code: Mapped[str | None] = mapped_column(Computed(REASON_CODE, persisted=True))


# A run is made from an approved account. Its file is handed over while every account in it is still approved, every
# payment still waits for the bank, and the day of its execution has not passed.
GUARD_RUN = """
CREATE FUNCTION guard_payment_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['status', 'handed_over_by', 'handed_over_at', 'cancelled_by', 'cancelled_at',
        'reason', 'version', 'updated_at'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM organisation_bank_accounts a
        WHERE a.id = NEW.account_id AND a.status = 'approved' AND a.from_on <= NEW.execution_on FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the account cannot be used' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'bank_account_unusable', DETAIL = (
                    SELECT json_build_object('account_status', a.status, 'from_on', a.from_on)
                    FROM organisation_bank_accounts a WHERE a.id = NEW.account_id
                );
        END IF;
        RETURN NEW;
    END IF;
    IF to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves OR OLD.status <> 'ready'
        OR NEW.status NOT IN ('handed_over', 'cancelled')
    THEN
        RAISE EXCEPTION 'no such change of a payment run'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_transition';
    END IF;
    IF NEW.status = 'handed_over' AND (
        NEW.execution_on < (timezone('Europe/Paris', now()))::date
        OR EXISTS (
            SELECT FROM payment_run_lines l
            JOIN firm_bank_details d ON d.id = l.bank_details_id
            LEFT JOIN grant_payments p ON p.id = l.payment_id LEFT JOIN advance_tranches t ON t.id = l.tranche_id
            WHERE l.run_id = NEW.id AND (d.status, coalesce(p.status, t.status)) <> ('approved', 'sent')
            UNION ALL
            SELECT FROM organisation_bank_accounts a WHERE a.id = NEW.account_id AND a.status <> 'approved'
        )
    ) THEN
        RAISE EXCEPTION 'the file would pay what it should not'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_outdated';
    END IF;
    RETURN NEW;
END
$$
"""
# A line is its payment, which is sent, of an award that the account's organisation funds. Who awarded it sends nothing.
GUARD_LINE = """
CREATE FUNCTION guard_payment_run_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['ended_as', 'rejected_on', 'reason_code', 'rejection_reason'];
    decider_sends boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT p.awarded_by = r.made_by INTO decider_sends
        FROM payment_runs r
        JOIN organisation_bank_accounts a ON a.id = r.account_id
        JOIN (
            SELECT p.territory, p.status, p.amount_cents - coalesce(p.set_off_cents, 0) AS transfer_cents,
                p.bank_details_id, p.awarded_by, g.funder_id
            FROM grant_payments p JOIN grants g ON g.id = p.grant_id WHERE p.id = NEW.payment_id
            UNION ALL
            SELECT t.territory, t.status, t.amount_cents, t.bank_details_id, t.awarded_by, v.funder_id
            FROM advance_tranches t JOIN advances v ON v.id = t.advance_id WHERE t.id = NEW.tranche_id
        ) p ON p.territory = r.territory AND p.status = 'sent' AND p.funder_id = a.organisation_id
            AND (p.transfer_cents, p.bank_details_id) = (NEW.amount_cents, NEW.bank_details_id)
        WHERE r.id = NEW.run_id AND r.status = 'ready' AND NEW.position <= r.payments AND NEW.ended_as IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the line is not its payment'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_line_differs';
        END IF;
        IF decider_sends THEN
            RAISE EXCEPTION 'who awarded it sends it' USING ERRCODE = 'check_violation', CONSTRAINT = 'decider_pays';
        END IF;
    ELSIF to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves OR OLD.ended_as IS NOT NULL THEN
        RAISE EXCEPTION 'no such change of a line'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_line_transition';
    END IF;
    RETURN NEW;
END
$$
"""
# At COMMIT a run is what its lines come to. Their positions are then all taken, so that no line comes later.
AGREE_FUNCTION = """
CREATE FUNCTION payment_run_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.payments, NEW.total_cents) <> (
        SELECT count(*)::integer, coalesce(sum(amount_cents), 0)::bigint FROM payment_run_lines WHERE run_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'run and lines differ' USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_run_differs';
    END IF;
    RETURN NULL;
END
$$
"""
AGREES = (
    "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON payment_runs DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION payment_run_agrees()"
)
# A payment that the bank rejects ends its line; before the file was handed over the bank cannot have seen it.
RETURN_FUNCTION = """
CREATE FUNCTION end_payment_run_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM payment_run_lines l JOIN payment_runs r ON r.id = l.run_id
    WHERE NEW.id IN (l.payment_id, l.tranche_id) AND l.ended_as IS NULL AND r.status = 'ready' FOR SHARE OF r;
    IF FOUND THEN
        RAISE EXCEPTION 'the bank has not seen it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_not_handed_over';
    END IF;
    UPDATE payment_run_lines SET ended_as = 'rejected', rejected_on = NEW.rejected_on,
        rejection_reason = NEW.rejection_reason
    WHERE NEW.id IN (payment_id, tranche_id) AND ended_as IS NULL;
    RETURN NULL;
END
$$
"""


def guarded(table: str, function: str) -> str:
    """The trigger that holds the rows of a table to what may be written."""
    return f"CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"


def ends_line(table: str) -> str:
    """The trigger of a table of payments that ends the line of one that comes back."""
    return (
        f"CREATE TRIGGER ends_line AFTER UPDATE OF status ON {table} FOR EACH ROW"
        " WHEN (OLD.status = 'sent' AND NEW.status IN ('proposed', 'approved'))"
        " EXECUTE FUNCTION end_payment_run_line()"
    )


DELETED = "DELETE OR TRUNCATE"

for _function in (GUARD_RUN, GUARD_LINE, AGREE_FUNCTION, RETURN_FUNCTION):
    event.listen(Base.metadata, "before_create", DDL(_function))
for _model, _guard in ((PaymentRun, "guard_payment_run"), (PaymentRunLine, "guard_payment_run_line")):
    for _statement in (guarded(_model.__tablename__, _guard), append_only(_model.__tablename__, DELETED)):
        event.listen(_model.__table__, "after_create", DDL(_statement))
event.listen(PaymentRun.__table__, "after_create", DDL(AGREES))
for _paid in (GrantPayment, Tranche):
    event.listen(_paid.__table__, "after_create", DDL(ends_line(_paid.__tablename__)))
