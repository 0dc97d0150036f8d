"""Tables of commitments, and of the reports on them."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    DDL,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.commitments.rules import CommitmentKind, CommitmentOutcome
from app.core import clock
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import keep


class Commitment(Identified, Versioned, Base):
    """What a firm owes for its aid after the money, by a day: jobs, or the investment kept."""

    __tablename__ = "commitments"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "aid_id"], ["aids.territory", "aids.id"], name="commitments_aid_fkey"),
        UniqueConstraint("territory", "aid_id", "id", name="commitments_aid_id_key"),
        UniqueConstraint("aid_id", "kind", "months", name="commitments_once_key"),
        Index(
            "commitments_open_idx",
            "due_on",
            postgresql_where=text("outcome IS NULL AND overdue_on IS NULL AND reports = 0"),
        ),
        Index(None, "territory", "due_on"),
        ForeignKeyConstraint(
            ["judged_by", "judge_kind"], ["subjects.id", "subjects.kind"], name="commitment_judged_by_a_person"
        ),
        CheckConstraint("judged_by <> ALL (reporters)", name="reporter_judges"),
        CheckConstraint(
            "reports > 0 OR outcome IS NULL OR outcome IN ('not_met', 'waived')", name="commitment_not_reported"
        ),
        shape("judge_kind = 'person'", name="commitment_judge_kind"),
        shape(one_of("kind", CommitmentKind), name="commitment_kind"),
        shape(one_of("outcome", CommitmentOutcome), name="commitment_outcome"),
        shape("reports >= 0 AND months >= 0", name="commitment_numbers"),
        shape("num_nulls(outcome, judged_by, judged_on, outcome_reason) IN (0, 4)", name="commitment_judged"),
        shape("overdue_on > due_on", name="commitment_overdue"),
    )

    territory: Mapped[str]
    aid_id: Mapped[UUID]
    kind: Mapped[str]
    months: Mapped[int] = mapped_column(SmallInteger)
    due_on: Mapped[date]
    reports: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    reporters: Mapped[list[UUID]] = mapped_column(server_default=text("'{}'"))
    overdue_on: Mapped[date | None]
    outcome: Mapped[str | None]
    judged_on: Mapped[date | None]
    outcome_reason: Mapped[str | None]
    judged_by: Mapped[UUID | None]
    judge_kind: Mapped[str] = mapped_column(server_default="person")


class CommitmentReport(Identified, Base):
    """What was reported on a commitment, with its evidence."""

    __tablename__ = "commitment_reports"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "aid_id", "commitment_id"],
            ["commitments.territory", "commitments.aid_id", "commitments.id"],
            name="commitment_reports_commitment_fkey",
        ),
        shape("document_sha256 ~ '^[0-9a-f]{64}$'", name="commitment_report_document"),
        shape("jobs_fte >= 0", name="commitment_report_jobs"),
        Index(None, "commitment_id"),
    )

    territory: Mapped[str]
    aid_id: Mapped[UUID]
    commitment_id: Mapped[UUID]
    observed_on: Mapped[date]
    text: Mapped[str]
    jobs_fte: Mapped[Decimal | None]
    document_sha256: Mapped[str]
    reported_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


# What is promised stays, an outcome is final, and nothing is deleted.
GUARD_FUNCTION = """
CREATE FUNCTION guard_commitment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.territory, OLD.aid_id, OLD.kind, OLD.months, OLD.due_on)
            IS DISTINCT FROM (NEW.territory, NEW.aid_id, NEW.kind, NEW.months, NEW.due_on)
        OR OLD.outcome IS NOT NULL OR NEW.reports < OLD.reports
        OR OLD.overdue_on IS NOT NULL AND OLD.overdue_on IS DISTINCT FROM NEW.overdue_on
    THEN
        RAISE EXCEPTION 'no such change of a commitment'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'commitment_settled';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON commitments FOR EACH ROW EXECUTE FUNCTION guard_commitment()"

keep(CommitmentReport)
event.listen(Commitment.__table__, "after_create", DDL(GUARD_FUNCTION))
event.listen(Commitment.__table__, "after_create", DDL(GUARD))
