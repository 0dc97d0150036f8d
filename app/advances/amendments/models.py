"""The table of amendments of advances. What one asks for stays as it was asked."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.advances.amendments.rules import AmendmentKind, AmendmentStatus, AnnouncedStatus
from app.advances.position import EarlyChoice
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only
from app.envelopes.models import AMOUNT
from app.envelopes.rules import ActStatus


class Amendment(Identified, Versioned, Base):
    """A reschedule, a waiver or a write-off of an advance, asked for by one person and decided by another.

    `before` and `after` are the open lines as plain values: what the firm was to pay, and what it is to pay instead.
    """

    __tablename__ = "advance_amendments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"], name="advance_amendments_advance_fkey"
        ),
        ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="amendment_decided_by_a_person"
        ),
        Index(None, "advance_id"),
        Index(
            "advance_amendments_open_idx", "territory", "id", postgresql_where=text("status IN ('requested', 'found')")
        ),
        CheckConstraint("status = 'withdrawn' OR decided_by <> requested_by", name="requester_decides"),
        shape(one_of("kind", AmendmentKind), name="amendment_kind"),
        shape(one_of("status", AmendmentStatus), name="amendment_status"),
        shape("decider_kind = 'person'", name="amendment_decider_kind"),
        shape(
            "(status IN ('requested', 'found')) = (decided_by IS NULL)"
            " AND (status IN ('requested', 'found')) = (decided_on IS NULL)"
            " AND (status IN ('refused', 'withdrawn')) = (end_reason IS NOT NULL)",
            name="amendment_decided",
        ),
        shape(
            "(found_on IS NULL) = (found_by IS NULL) AND (kind = 'waiver' OR found_on IS NULL)"
            " AND (status <> 'found' OR found_on IS NOT NULL)",
            name="amendment_found",
        ),
        shape("waived_cents >= 0 AND (waived_cents = 0 OR kind = 'waiver')", name="amendment_waived"),
        shape("document_sha256 ~ '^[0-9a-f]{64}$'", name="amendment_document"),
    )

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    kind: Mapped[str]
    asked: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reason: Mapped[str]
    requested_on: Mapped[date]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    status: Mapped[str] = mapped_column(server_default="requested")
    found_on: Mapped[date | None]
    found_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    finding: Mapped[str | None]
    decided_on: Mapped[date | None]
    decided_by: Mapped[UUID | None]
    decider_kind: Mapped[str] = mapped_column(server_default="person")
    decision: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    reference: Mapped[str | None]
    document_sha256: Mapped[str | None]
    end_reason: Mapped[str | None]
    waived_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    before: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    after: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class AnnouncedRepayment(Identified, Versioned, Base):
    """An early repayment that the firm announced, with its choice; the repayment that it came in as has the choice."""

    __tablename__ = "advance_early_repayments"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"],
            name="advance_early_repayments_advance_fkey",
        ),
        Index(None, "advance_id"),
        Index(
            "advance_early_repayments_repayment_key", "repayment_id", unique=True,
            postgresql_where=text("repayment_id IS NOT NULL"),
        ),
        shape(AMOUNT, name="early_repayment_amount"),
        shape(one_of("choice", EarlyChoice), name="early_repayment_choice"),
        shape(one_of("status", AnnouncedStatus), name="early_repayment_status"),
        shape("(status = 'received') = (repayment_id IS NOT NULL)", name="early_repayment_received"),
        shape("(status = 'withdrawn') = (end_reason IS NOT NULL)", name="early_repayment_withdrawn"),
    )  # fmt: skip

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    planned_on: Mapped[date]
    choice: Mapped[str]
    announced_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    status: Mapped[str] = mapped_column(server_default="announced")
    repayment_id: Mapped[UUID | None] = mapped_column(ForeignKey("advance_repayments.id"))
    end_reason: Mapped[str | None]


class Turnover(Identified, Versioned, Base):
    """What a firm declared of a year, and the success fee on it: `amount_cents`, as the cap left it that day."""

    __tablename__ = "advance_turnovers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"], name="advance_turnovers_advance_fkey"
        ),
        Index(
            "advance_turnovers_year_key", "advance_id", "year", unique=True,
            postgresql_where=text("status = 'recorded'"),
        ),
        shape("turnover_cents BETWEEN 0 AND 9007199254740991 AND amount_cents >= 0", name="turnover_amounts"),
        shape("year BETWEEN 1900 AND 2199", name="turnover_year"),
        shape(one_of("status", ActStatus), name="turnover_status"),
        shape("(status = 'reversed') = (reason IS NOT NULL)", name="turnover_reason"),
    )  # fmt: skip

    territory: Mapped[str]
    advance_id: Mapped[UUID]
    year: Mapped[int] = mapped_column(SmallInteger)
    turnover_cents: Mapped[int] = mapped_column(BigInteger)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    due_on: Mapped[date]
    declared_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]


ASKED = "territory, advance_id, kind, asked, reason, requested_on, requested_by"
STAYS = (
    "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON advance_amendments FOR EACH STATEMENT EXECUTE FUNCTION"
    " refuse_change()"
)
DECIDED_STAYS = (
    "CREATE TRIGGER decided_stays BEFORE UPDATE ON advance_amendments FOR EACH ROW"
    " WHEN (OLD.status IN ('approved', 'refused', 'withdrawn')) EXECUTE FUNCTION refuse_change()"
)
for _trigger in (append_only("advance_amendments", f"UPDATE OF {ASKED}"), STAYS, DECIDED_STAYS):
    event.listen(Amendment.__table__, "after_create", DDL(_trigger))
SAID = "territory, advance_id, amount_cents, planned_on, choice, announced_by"
DECLARED = "territory, advance_id, year, turnover_cents, amount_cents, due_on, declared_by"
for _table, _columns in ((AnnouncedRepayment, SAID), (Turnover, DECLARED)):
    _kept = append_only(_table.__tablename__, f"UPDATE OF {_columns} OR DELETE OR TRUNCATE")
    event.listen(_table.__table__, "after_create", DDL(_kept))
