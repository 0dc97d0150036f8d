"""The table of corrections."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import DDL, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, event, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only
from app.engineering.corrections.rules import ENDED_WITH_REASON, OPEN, CorrectionStatus

_OPEN = f"({', '.join(repr(str(status)) for status in sorted(OPEN))})"
_ENDED = f"({', '.join(repr(str(status)) for status in sorted(ENDED_WITH_REASON))})"


class TimeEntryCorrection(Identified, Versioned, Base):
    """What a certified entry should have been, and what became of the proposal.

    `person_id` is the person who worked: neither who agrees nor who accepts. No days mean that the entry is taken back
    altogether. An accepted correction names the certificate that was cancelled, the one over the rest of it, where
    something is left, and the new entry, where it has days.
    """

    __tablename__ = "time_entry_corrections"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "organisation_id", "entry_id"],
            ["time_entries.territory", "time_entries.organisation_id", "time_entries.id"],
            name="time_entry_corrections_entry_fkey",
            info={"field": "entry_id"},
        ),
        ForeignKeyConstraint(
            ["territory", "organisation_id", "corrected_by_id"],
            ["time_entries.territory", "time_entries.organisation_id", "time_entries.id"],
            name="time_entry_corrections_corrected_by_fkey",
        ),
        ForeignKeyConstraint(
            ["territory", "consultant_id"], ["consultants.territory", "consultants.id"],
            name="time_entry_corrections_consultant_fkey", info={"field": "consultant_id"},
        ),
        ForeignKeyConstraint(
            ["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"],
            name="time_entry_corrections_firm_fkey", info={"field": "siren"},
        ),
        ForeignKeyConstraint(
            ["territory", "audition_id"], ["auditions.territory", "auditions.id"],
            name="time_entry_corrections_audition_fkey", info={"field": "audition_id"},
        ),
        ForeignKeyConstraint(
            ["territory", "project_id"], ["projects.territory", "projects.id"],
            name="time_entry_corrections_project_fkey", info={"field": "project_id"},
        ),
        ForeignKeyConstraint(
            ["proposed_by", "proposer_kind"], ["subjects.id", "subjects.kind"], name="correction_proposed_by_a_person"
        ),
        ForeignKeyConstraint(
            ["agreed_by", "agreer_kind"], ["subjects.id", "subjects.kind"], name="correction_agreed_by_a_person"
        ),
        ForeignKeyConstraint(
            ["accepted_by", "accepter_kind"], ["subjects.id", "subjects.kind"], name="correction_accepted_by_a_person"
        ),
        Index("correction_open", "entry_id", unique=True, postgresql_where=text(f"status IN {_OPEN}")),
        CheckConstraint(
            "agreed_by <> proposed_by AND agreed_by <> person_id AND accepted_by <> proposed_by"
            " AND accepted_by <> person_id AND accepted_by <> agreed_by",
            name="correction_by_one_person",
        ),
        shape(one_of("status", CorrectionStatus), name="time_entry_correction_status"),
        shape("days >= 0 AND days <= 1 AND mod(days, 0.25) = 0", name="time_entry_correction_days"),
        shape("worked_on >= '1900-01-01'", name="time_entry_correction_worked_on"),
        shape(
            "proposer_kind = 'person' AND agreer_kind = 'person' AND accepter_kind = 'person'",
            name="time_entry_correction_kinds",
        ),
        shape(
            "num_nonnulls(agreed_by, agreed_at) = CASE WHEN status IN ('agreed', 'accepted') THEN 2"
            " WHEN status = 'proposed' THEN 0 ELSE num_nonnulls(agreed_by) * 2 END",
            name="time_entry_correction_agreed",
        ),
        shape(
            "num_nonnulls(accepted_by, accepted_at, certificate_id) = CASE status WHEN 'accepted' THEN 3 ELSE 0 END"
            " AND num_nonnulls(corrected_by_id) = CASE WHEN status = 'accepted' AND days > 0 THEN 1 ELSE 0 END"
            " AND (rest_certificate_id IS NULL OR status = 'accepted')",
            name="time_entry_correction_accepted",
        ),
        shape(
            f"num_nonnulls(ended_by, ended_at, ending_reason) = CASE WHEN status IN {_ENDED} THEN 3 ELSE 0 END",
            name="time_entry_correction_ended",
        ),
        Index(None, "territory", "id"),
        Index(None, "entry_id"),
        Index(None, "audition_id", postgresql_where=text("audition_id IS NOT NULL")),
        Index(None, "project_id", postgresql_where=text("project_id IS NOT NULL")),
        Index(None, "corrected_by_id", postgresql_where=text("corrected_by_id IS NOT NULL")),
    )  # fmt: skip

    territory: Mapped[str]
    organisation_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    entry_id: Mapped[UUID]
    reason: Mapped[str]
    consultant_id: Mapped[UUID]
    worked_on: Mapped[date]
    days: Mapped[Decimal]
    activity: Mapped[str]
    siren: Mapped[str | None] = mapped_column("firm_siren", key="siren")
    audition_id: Mapped[UUID | None]
    project_id: Mapped[UUID | None]
    note: Mapped[str | None]
    status: Mapped[str]
    proposed_by: Mapped[UUID]
    proposer_kind: Mapped[str] = mapped_column(server_default="person")
    agreed_by: Mapped[UUID | None]
    agreer_kind: Mapped[str] = mapped_column(server_default="person")
    agreed_at: Mapped[datetime | None]
    accepted_by: Mapped[UUID | None]
    accepter_kind: Mapped[str] = mapped_column(server_default="person")
    accepted_at: Mapped[datetime | None]
    certificate_id: Mapped[UUID | None] = mapped_column(ForeignKey("service_certificates.id"))
    rest_certificate_id: Mapped[UUID | None] = mapped_column(ForeignKey("service_certificates.id"))
    corrected_by_id: Mapped[UUID | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    ended_at: Mapped[datetime | None]
    ending_reason: Mapped[str | None]


# A proposal stays as it was made; what ended stays ended.
GUARD_FUNCTION = """
CREATE FUNCTION guard_time_entry_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (OLD.status, NEW.status) IN (
        ('proposed', 'agreed'), ('proposed', 'refused'), ('proposed', 'withdrawn'), ('proposed', 'stale'),
        ('agreed', 'accepted'), ('agreed', 'refused'), ('agreed', 'withdrawn'), ('agreed', 'stale')
    ) OR
        (OLD.id, OLD.territory, OLD.organisation_id, OLD.person_id, OLD.entry_id, OLD.reason,
         OLD.consultant_id, OLD.worked_on, OLD.days, OLD.activity, OLD.firm_siren, OLD.audition_id,
         OLD.project_id, OLD.note, OLD.proposed_by, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.territory, NEW.organisation_id, NEW.person_id, NEW.entry_id, NEW.reason,
         NEW.consultant_id, NEW.worked_on, NEW.days, NEW.activity, NEW.firm_siren, NEW.audition_id,
         NEW.project_id, NEW.note, NEW.proposed_by, NEW.created_at)
        OR OLD.agreed_by IS NOT NULL AND (OLD.agreed_by, OLD.agreed_at) IS DISTINCT FROM (NEW.agreed_by, NEW.agreed_at)
    THEN
        RAISE EXCEPTION 'no such transition'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'correction_transition';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE ON time_entry_corrections"
    " FOR EACH ROW EXECUTE FUNCTION guard_time_entry_correction()"
)

# As an entry does, what a proposal names is about one firm: the function is the entries' own.
AGREE = (
    "CREATE TRIGGER check_references BEFORE INSERT ON time_entry_corrections"
    " FOR EACH ROW WHEN (num_nonnulls(NEW.firm_siren, NEW.audition_id, NEW.project_id) > 1)"
    " EXECUTE FUNCTION check_entry_references()"
)

event.listen(TimeEntryCorrection.__table__, "after_create", DDL(GUARD_FUNCTION))
event.listen(TimeEntryCorrection.__table__, "after_create", DDL(AGREE))
event.listen(TimeEntryCorrection.__table__, "after_create", DDL(GUARD))
event.listen(
    TimeEntryCorrection.__table__, "after_create", DDL(append_only("time_entry_corrections", "DELETE OR TRUNCATE"))
)
