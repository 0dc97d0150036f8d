"""The table of amendments of advances. What one asks for stays as it was asked."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.advances.amendments.rules import AmendmentKind, AmendmentStatus
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only


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
