"""The columns of a decided aid, which grants and advances share."""

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
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, shape
from app.core.routines import append_only
from app.programme.models import Territory


class AwardStatus(StrEnum):
    """The life of an award: decided, being paid, finished (paid up, or the rest released), or cancelled unpaid.

    A mistaken one is reversed, as if it had never been decided: nothing of it is released.
    """

    AWARDED = "awarded"
    PAYING = "paying"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


# Of which acts the references and external ids are taken: who takes an award back frees its names.
STANDS = "status NOT IN ('cancelled', 'reversed')"


def override_of_award(table: str) -> ForeignKeyConstraint:
    """An award names the override that names it, of its own territory and firm: so an override serves once."""
    return ForeignKeyConstraint(
        ["override_id", "territory", "siren", "id"],
        ["overrides.id", "overrides.territory", "overrides.siren", "overrides.used_by_id"],
        name=f"{table}_override_fkey",
    )


def override_of_payment(table: str) -> ForeignKeyConstraint:
    """A payment names the override that names it, of its own territory; `check_money_door` looks at the firm."""
    return ForeignKeyConstraint(
        ["override_id", "territory", "id"],
        ["overrides.id", "overrides.territory", "overrides.used_by_id"],
        name=f"{table}_override_fkey",
    )


class Award:
    """Columns of a decided aid: what, to whom, by which decision of which person. A mixin of its table."""

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    siren: Mapped[str] = mapped_column("firm_siren", ForeignKey("firms.siren"), key="siren")
    project_id: Mapped[UUID | None]
    project_title: Mapped[str]
    committee_id: Mapped[UUID | None]
    funder_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))  # absent: the organisation of who awards
    application_id: Mapped[UUID | None]
    decision_id: Mapped[UUID | None]
    scheme: Mapped[str | None] = mapped_column(ForeignKey("schemes.code"))
    base_cents: Mapped[int | None] = mapped_column(BigInteger)
    lines: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    parameters: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    released_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    decided_on: Mapped[date]
    decision_reference: Mapped[str]
    external_id: Mapped[str | None]
    override_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default="awarded")
    reason: Mapped[str | None]
    awarded_by: Mapped[UUID]
    awarder_kind: Mapped[str] = mapped_column(server_default="person")


# What an award rests on, from the day of its decision on.
FROZEN = ("funder_id", "application_id", "decision_id", "scheme", "base_cents", "lines", "parameters")


def rests_on(table: str, noun: str) -> tuple[ForeignKeyConstraint | Index | CheckConstraint, ...]:
    """What an award rests on: the file and the decision of a committee that it was made by, the base that bounds it."""
    return (
        ForeignKeyConstraint(
            ["territory", "application_id"], ["applications.territory", "applications.id"],
            name=f"{table}_application_fkey", info={"field": "application_id"},
        ),
        ForeignKeyConstraint(
            ["territory", "decision_id"], ["committee_decisions.territory", "committee_decisions.id"],
            name=f"{table}_decision_fkey",
        ),
        CheckConstraint("amount_cents <= base_cents", name="award_above_base"),
        shape("num_nulls(scheme, base_cents, lines, parameters) IN (0, 4)", name=f"{noun}_frozen"),
        shape(
            "jsonb_typeof(lines) = 'array' AND jsonb_typeof(parameters) = 'object'", name=f"{noun}_frozen_kinds"
        ),
        shape("decision_id IS NULL OR application_id IS NOT NULL", name=f"{noun}_decision_of_a_file"),
        Index(f"{table}_application_key", "application_id", unique=True, postgresql_where=text(STANDS)),
        Index(None, "decision_id", postgresql_where=text("decision_id IS NOT NULL")),
        Index(None, "funder_id"),
    )  # fmt: skip


def links(table: str) -> tuple[ForeignKeyConstraint | Index, ...]:
    """What an award names: a project of its territory that its firm holds, and a meeting of its territory.

    That the firm holds the project is checked at COMMIT: who holds a project is replaced as a whole.
    """
    return (
        ForeignKeyConstraint(
            ["territory", "project_id"], ["projects.territory", "projects.id"], name=f"{table}_project_fkey",
            info={"field": "project_id"},
        ),
        ForeignKeyConstraint(
            ["project_id", "siren"], ["project_holders.project_id", "project_holders.firm_siren"],
            name=f"{table}_project_firm_fkey", info={"field": "project_id"}, deferrable=True, initially="DEFERRED",
        ),
        ForeignKeyConstraint(
            ["territory", "committee_id"], ["committees.territory", "committees.id"], name=f"{table}_committee_fkey",
            info={"field": "committee_id"},
        ),
        Index(None, "project_id", postgresql_where=text("project_id IS NOT NULL")),
        Index(None, "committee_id", postgresql_where=text("committee_id IS NOT NULL")),
    )  # fmt: skip


# What a new award names, where rows of other tables decide it. The territory is held, so that the day from which it is
# served does not change meanwhile; a meeting that was held stays so. Who funds it is, unless it says so, the
# organisation of who awards it. A query stands inside the IF that asks whether the award names anything: in one
# condition with it, it would run for every award.
CHECK_AWARD = """
CREATE FUNCTION check_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    served_since date;
BEGIN
    IF NEW.project_id IS NULL THEN
        SELECT served_since_on INTO served_since FROM territories WHERE slug = NEW.territory FOR SHARE;
        IF NEW.decided_on >= served_since THEN
            RAISE EXCEPTION 'for which project?' USING ERRCODE = 'check_violation', CONSTRAINT = 'project_missing';
        END IF;
    END IF;
    IF NEW.committee_id IS NOT NULL THEN
        IF EXISTS (
            SELECT FROM committees WHERE territory = NEW.territory AND id = NEW.committee_id
                AND coalesce((timezone('Europe/Paris', held_at))::date, 'infinity') > NEW.decided_on
        ) THEN
            RAISE EXCEPTION 'not held by then'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_after_decision';
        END IF;
    END IF;
    IF NEW.funder_id IS NULL THEN
        NEW.funder_id := (SELECT organisation_id FROM subjects WHERE id = NEW.awarded_by);
    END IF;
    IF NEW.lines IS NOT NULL THEN
        IF NEW.base_cents IS DISTINCT FROM
            (SELECT sum((line ->> 'amount_cents')::numeric) FROM jsonb_array_elements(NEW.lines) AS line)
        THEN
            RAISE EXCEPTION 'the lines do not come to the base'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'award_lines_are_base';
        END IF;
    END IF;
    IF NEW.application_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM applications WHERE id = NEW.application_id AND firm_siren = NEW.firm_siren
                AND project_id = NEW.project_id
        ) THEN
            RAISE EXCEPTION 'a file of another project' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'application_of_another_project';
        END IF;
        IF EXISTS (
            SELECT FROM application_reviews
            WHERE application_id = NEW.application_id AND NEW.awarded_by = ANY (authors)
        ) THEN
            RAISE EXCEPTION 'who reviewed the file does not decide it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'reviewer_decides';
        END IF;
    END IF;
    IF NEW.decision_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM committee_decisions d WHERE d.id = NEW.decision_id AND d.application_id = NEW.application_id
                AND d.committee_id = NEW.committee_id AND d.reference = NEW.decision_reference
                AND d.decided_on = NEW.decided_on AND d.outcome = 'grant' AND d.reversed_at IS NULL
                AND NEW.amount_cents =
                    CASE TG_TABLE_NAME WHEN 'grants' THEN d.grant_cents ELSE d.advance_cents END
        ) THEN
            RAISE EXCEPTION 'the decision says otherwise'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'award_is_what_was_decided';
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""
# An award of a decision is reversed in the transaction that reverses the decision.
CHECK_AWARD_OF_A_DECISION = """
CREATE FUNCTION check_award_of_a_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM committee_decisions d WHERE d.id = NEW.decision_id AND d.reversed_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the decision stands'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'award_of_a_decision',
            DETAIL = json_build_object('decision_reference', NEW.decision_reference,
                'committee_id', NEW.committee_id, 'decision_id', NEW.decision_id);
    END IF;
    RETURN NULL;
END
$$
"""
CHECK_SERVED_SINCE = """
CREATE FUNCTION check_served_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM grants WHERE territory = NEW.slug AND project_id IS NULL
            AND status NOT IN ('cancelled', 'reversed')
            AND decided_on >= NEW.served_since_on AND decided_on < OLD.served_since_on
        UNION ALL
        SELECT FROM advances WHERE territory = NEW.slug AND project_id IS NULL
            AND status NOT IN ('cancelled', 'reversed')
            AND decided_on >= NEW.served_since_on AND decided_on < OLD.served_since_on
    ) THEN
        RAISE EXCEPTION 'they name no project'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'awards_without_project';
    END IF;
    RETURN NEW;
END
$$
"""
SERVED_SINCE_GUARD = (
    "CREATE TRIGGER check_served_since BEFORE UPDATE OF served_since_on ON territories FOR EACH ROW"
    " WHEN (NEW.served_since_on < OLD.served_since_on) EXECUTE FUNCTION check_served_since()"
)


def check_award(table: str) -> str:
    """The trigger that looks at what a new award names."""
    return f"CREATE TRIGGER check_award BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION check_award()"


def check_award_of_a_decision(table: str) -> str:
    """The trigger that holds an award of a decision to it."""
    return (
        f"CREATE CONSTRAINT TRIGGER check_award_of_a_decision AFTER UPDATE OF status ON {table}"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " WHEN (NEW.decision_id IS NOT NULL AND NEW.status = 'reversed')"
        " EXECUTE FUNCTION check_award_of_a_decision()"
    )


def keeps_what_it_rests_on(table: str) -> str:
    """The trigger that keeps what an award rests on as it was decided."""
    return append_only(table, f"UPDATE OF {', '.join(FROZEN)}")


event.listen(Base.metadata, "before_create", DDL(CHECK_AWARD))
event.listen(Base.metadata, "before_create", DDL(CHECK_AWARD_OF_A_DECISION))
for _statement in (CHECK_SERVED_SINCE, SERVED_SINCE_GUARD):
    event.listen(Territory.__table__, "after_create", DDL(_statement))
