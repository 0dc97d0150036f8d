"""The table of overrides: each says which act it lifts a rule for, and the act names it, so that it serves once."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DDL, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, event
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.overrides.rules import LiftedAct, LiftedRule, OverrideStatus
from app.core.db import Base, Identified, Versioned, one_of, shape


class Override(Identified, Versioned, Base):
    """A rule lifted for one act about one firm (*dérogation*): one person proposes it, another approves it."""

    __tablename__ = "overrides"
    __table_args__ = (
        UniqueConstraint("id", "territory", "siren", "used_by_id", name="overrides_award_key"),
        UniqueConstraint("id", "territory", "used_by_id", name="overrides_payment_key"),
        ForeignKeyConstraint(
            ["proposed_by", "proposer_kind"], ["subjects.id", "subjects.kind"], name="override_proposed_by_a_person"
        ),
        ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="override_decided_by_a_person"
        ),
        CheckConstraint("decided_by <> proposed_by", name="proposer_approves"),
        CheckConstraint("used_on <= valid_until_on", name="override_expired"),
        shape("proposer_kind = 'person' AND decider_kind = 'person'", name="override_kinds"),
        shape(one_of("code", LiftedRule), name="override_code"),
        shape(one_of("status", OverrideStatus), name="override_status"),
        shape(
            "CASE WHEN status IN ('approved', 'refused', 'used') THEN decided_by IS NOT NULL"
            " WHEN status = 'proposed' THEN decided_by IS NULL ELSE true END"
            " AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="override_decision",
        ),
        shape("(status IN ('refused', 'withdrawn')) = (end_reason IS NOT NULL)", name="override_end_reason"),
        shape(
            "num_nonnulls(used_by_type, used_by_id, used_on) = CASE status WHEN 'used' THEN 3 ELSE 0 END",
            name="override_use",
        ),
        shape(one_of("used_by_type", LiftedAct), name="override_used_by_type"),
        Index(None, "territory", "id"),
        Index(None, "siren"),
    )

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    siren: Mapped[str] = mapped_column("firm_siren", ForeignKey("firms.siren"), key="siren")
    code: Mapped[str]
    reason: Mapped[str]
    valid_until_on: Mapped[date]
    status: Mapped[str] = mapped_column(server_default="proposed")
    proposed_by: Mapped[UUID]
    proposer_kind: Mapped[str] = mapped_column(server_default="person")
    decided_by: Mapped[UUID | None]
    decider_kind: Mapped[str] = mapped_column(server_default="person")
    decided_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]
    used_by_type: Mapped[str | None]
    used_by_id: Mapped[UUID | None]
    used_on: Mapped[date | None]


# What was proposed stays as it was, an end is an end, and nothing is deleted.
GUARD_FUNCTION = """
CREATE FUNCTION guard_override() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.territory, OLD.firm_siren, OLD.code, OLD.reason, OLD.valid_until_on, OLD.proposed_by)
            IS DISTINCT FROM
            (NEW.territory, NEW.firm_siren, NEW.code, NEW.reason, NEW.valid_until_on, NEW.proposed_by)
        OR OLD.status <> 'proposed' AND (OLD.decided_by, OLD.decided_at)
            IS DISTINCT FROM (NEW.decided_by, NEW.decided_at)
        OR OLD.status IN ('refused', 'withdrawn', 'used')
        OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
            ('proposed', 'approved'), ('proposed', 'refused'), ('proposed', 'withdrawn'), ('approved', 'withdrawn'),
            ('approved', 'used')
        )
    THEN
        RAISE EXCEPTION 'no such change of an override'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'override_transition';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON overrides FOR EACH ROW EXECUTE FUNCTION guard_override()"

event.listen(Override.__table__, "after_create", DDL(GUARD_FUNCTION))
event.listen(Override.__table__, "after_create", DDL(GUARD))
