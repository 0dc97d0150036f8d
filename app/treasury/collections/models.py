"""The tables of collection runs. Nothing of a run changes but its state, and of a line but what the bank made of it.

As of payment runs, the file is not stored: it is written again from these rows and held against its digest.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DDL, BigInteger, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only
from app.treasury.collections.rules import MOST, CollectionRunStatus, DebitOutcome
from app.treasury.mandates.models import Mandate


class CollectionRun(Identified, Versioned, Base):
    """Instalments due by a day, collected to one account of an organisation, in one file for its bank."""

    __tablename__ = "collection_runs"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        Index(None, "account_id"),
        shape("due_to_on <= collection_on", name="collection_run_days"),
        shape("due_to_on >= '1900-01-01' AND collection_on <= '2199-12-31'", name="collection_run_period"),
        shape(f"debits BETWEEN 1 AND {MOST} AND total_cents > 0 AND size_bytes > 0", name="collection_run_totals"),
        shape("sha256 ~ '^[0-9a-f]{64}$'", name="collection_run_sha256"),
        shape("file_hmac ~ '^[0-9a-f]{64}$'", name="collection_run_file_hmac"),
        shape(one_of("status", CollectionRunStatus), name="collection_run_status"),
        shape(
            "(status = 'handed_over') = (handed_over_by IS NOT NULL) AND num_nulls(handed_over_by, handed_over_at) <> 1"
            " AND (status = 'cancelled') = (cancelled_by IS NOT NULL)"
            " AND num_nulls(cancelled_by, cancelled_at, reason) IN (0, 3)",
            name="collection_run_state",
        ),
    )

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("organisation_bank_accounts.id"))
    due_to_on: Mapped[date]
    collection_on: Mapped[date]
    debits: Mapped[int]
    total_cents: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str]
    creditor_name: Mapped[str]
    creditor_identifier: Mapped[str]
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


class CollectionRunLine(Identified, Base):
    """One instalment of an advance that is collected by a mandate. It waits for the bank in one line at a time."""

    __tablename__ = "collection_run_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "run_id"], ["collection_runs.territory", "collection_runs.id"],
            name="collection_run_lines_run_fkey",
        ),
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"],
            name="collection_run_lines_advance_fkey",
        ),
        ForeignKeyConstraint(
            ["territory", "receipt_id"], ["receipts.territory", "receipts.id"],
            name="collection_run_lines_receipt_fkey",
        ),
        UniqueConstraint("run_id", "position"),
        Index(
            "collection_run_lines_open_key", "advance_id", "due_on", unique=True,
            postgresql_where=text("ended_as IS NULL AND receipt_id IS NULL"),
        ),
        Index(None, "advance_id"),
        Index(None, "mandate_id"),
        Index("collection_run_lines_receipt_id_idx", "receipt_id", unique=True,
              postgresql_where=text("receipt_id IS NOT NULL")),
        shape(f"position BETWEEN 1 AND {MOST}", name="collection_run_line_position"),
        shape("amount_cents > 0", name="collection_run_line_amount"),
        shape("text <> ''", name="collection_run_line_text"),
        shape(one_of("ended_as", (DebitOutcome.REJECTED, DebitOutcome.CANCELLED)), name="collection_run_line_ended_as"),
        shape(
            "(ended_as IS NOT DISTINCT FROM 'rejected') = (rejected_on IS NOT NULL)"
            " AND num_nulls(rejected_on, rejection_reason) <> 1 AND num_nonnulls(ended_as, receipt_id) <= 1",
            name="collection_run_line_end",
        ),
    )  # fmt: skip

    territory: Mapped[str]
    run_id: Mapped[UUID]
    position: Mapped[int]
    advance_id: Mapped[UUID]
    due_on: Mapped[date]
    mandate_id: Mapped[UUID] = mapped_column(ForeignKey(Mandate.id))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str]
    ended_as: Mapped[str | None]
    rejected_on: Mapped[date | None]
    rejection_reason: Mapped[str | None]
    receipt_id: Mapped[UUID | None]


# A run is made for an approved account that can collect. Its file is handed over while this account, and every mandate
# with its bank details, is still in force, and the day of collection has not passed.
GUARD_COLLECTION_RUN = """
CREATE FUNCTION guard_collection_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['status', 'handed_over_by', 'handed_over_at', 'cancelled_by', 'cancelled_at',
        'reason', 'version', 'updated_at'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM organisation_bank_accounts a WHERE a.id = NEW.account_id AND a.status = 'approved'
            AND a.from_on <= NEW.collection_on AND a.creditor_identifier = NEW.creditor_identifier FOR SHARE;
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
        RAISE EXCEPTION 'no such change of a collection run'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_transition';
    END IF;
    IF NEW.status = 'handed_over' AND (
        NEW.collection_on < (timezone('Europe/Paris', now()))::date
        OR EXISTS (
            SELECT FROM collection_run_lines l
            JOIN direct_debit_mandates m ON m.id = l.mandate_id JOIN firm_bank_details d ON d.id = m.bank_details_id
            WHERE l.run_id = NEW.id AND (d.status <> 'approved' OR m.ended_on <= NEW.collection_on)
            UNION ALL
            SELECT FROM organisation_bank_accounts a WHERE a.id = NEW.account_id AND a.status <> 'approved'
        )
    ) THEN
        RAISE EXCEPTION 'the file would collect what it should not'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_outdated';
    END IF;
    RETURN NEW;
END
$$
"""
# A line is of an advance that the account's organisation funds, by a mandate that its firm gave this organisation. What
# came in by it is a receipt of its amount, once.
GUARD_COLLECTION_LINE = """
CREATE FUNCTION guard_collection_run_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['ended_as', 'rejected_on', 'rejection_reason', 'receipt_id'];
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM collection_runs r JOIN organisation_bank_accounts a ON a.id = r.account_id
            JOIN advances v ON v.id = NEW.advance_id AND v.territory = r.territory AND v.funder_id = a.organisation_id
            JOIN direct_debit_mandates m ON m.id = NEW.mandate_id AND m.organisation_id = a.organisation_id
                AND (m.territory, m.siren) = (v.territory, v.firm_siren)
        WHERE r.id = NEW.run_id AND r.status = 'ready' AND NEW.position <= r.debits AND NEW.due_on <= r.due_to_on
            AND NEW.ended_as IS NULL AND NEW.receipt_id IS NULL;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the line cannot be collected'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_line_differs';
        END IF;
    ELSIF to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves
        OR num_nonnulls(OLD.ended_as, OLD.receipt_id) > 0
        OR NEW.receipt_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM receipts r WHERE r.id = NEW.receipt_id AND r.amount_cents = NEW.amount_cents
        )
    THEN
        RAISE EXCEPTION 'no such change of a line'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_line_transition';
    END IF;
    RETURN NEW;
END
$$
"""
# At COMMIT a run is what its lines come to. Their positions are then all taken, so that no line comes later.
AGREE_COLLECTION = """
CREATE FUNCTION collection_run_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.debits, NEW.total_cents) <> (
        SELECT count(*)::integer, coalesce(sum(amount_cents), 0)::bigint FROM collection_run_lines
        WHERE run_id = NEW.id
    ) THEN
        RAISE EXCEPTION 'run and lines differ' USING ERRCODE = 'check_violation', CONSTRAINT = 'collection_run_differs';
    END IF;
    RETURN NULL;
END
$$
"""
AGREES = (
    "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON collection_runs DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION collection_run_agrees()"
)


def _guarded(table: str, function: str) -> str:
    return f"CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"


for _function in (GUARD_COLLECTION_RUN, GUARD_COLLECTION_LINE, AGREE_COLLECTION):
    event.listen(Base.metadata, "before_create", DDL(_function))
for _model, _guard in ((CollectionRun, "guard_collection_run"), (CollectionRunLine, "guard_collection_run_line")):
    for _statement in (
        _guarded(_model.__tablename__, _guard), append_only(_model.__tablename__, "DELETE OR TRUNCATE"),
    ):  # fmt: skip
        event.listen(_model.__table__, "after_create", DDL(_statement))
event.listen(CollectionRun.__table__, "after_create", DDL(AGREES))
