"""The columns of a decided aid, which grants and advances share."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import DDL, BigInteger, ForeignKey, ForeignKeyConstraint, Index, event, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base
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
# served does not change meanwhile; a meeting that was held stays so.
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
    IF NEW.committee_id IS NOT NULL AND EXISTS (
        SELECT FROM committees WHERE territory = NEW.territory AND id = NEW.committee_id
            AND coalesce((timezone('Europe/Paris', held_at))::date, 'infinity') > NEW.decided_on
    ) THEN
        RAISE EXCEPTION 'not held by then'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_after_decision';
    END IF;
    RETURN NEW;
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


event.listen(Base.metadata, "before_create", DDL(CHECK_AWARD))
for _statement in (CHECK_SERVED_SINCE, SERVED_SINCE_GUARD):
    event.listen(Territory.__table__, "after_create", DDL(_statement))
