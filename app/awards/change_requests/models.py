"""The table of change requests. What one asks for stays as it was asked."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.change_requests.rules import ChangeRequestStatus
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only


class ChangeRequest(Identified, Versioned, Base):
    """Changes of an aid that somebody asked for: one decision takes or refuses them all."""

    __tablename__ = "change_requests"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "aid_id"], ["aids.territory", "aids.id"], name="change_requests_aid_fkey"),
        ForeignKeyConstraint(
            ["territory", "grant_id"], ["grants.territory", "grants.id"], name="change_requests_grant_fkey"
        ),
        ForeignKeyConstraint(
            ["territory", "advance_id"], ["advances.territory", "advances.id"], name="change_requests_advance_fkey"
        ),
        ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="change_request_decided_by_a_person"
        ),
        Index(None, "aid_id"),
        Index(None, "grant_id", postgresql_where=text("grant_id IS NOT NULL")),
        Index(None, "advance_id", postgresql_where=text("advance_id IS NOT NULL")),
        CheckConstraint("status = 'withdrawn' OR decided_by <> requested_by", name="requester_decides"),
        shape("num_nonnulls(grant_id, advance_id) = 1", name="change_request_of_one_award"),
        shape("jsonb_typeof(changes) = 'array' AND jsonb_array_length(changes) > 0", name="change_request_changes"),
        shape(one_of("status", ChangeRequestStatus), name="change_request_status"),
        shape("decider_kind = 'person'", name="change_request_decider_kind"),
        shape(
            "(status = 'requested') = (decided_by IS NULL) AND (status = 'requested') = (decided_on IS NULL)"
            " AND (status IN ('refused', 'withdrawn')) = (end_reason IS NOT NULL)"
            " AND (status = 'approved') = (before IS NOT NULL)",
            name="change_request_decided",
        ),
        shape("status = 'approved' OR raised_cents = 0 AND lowered_cents = 0", name="change_request_amounts"),
        shape("raised_cents >= 0 AND lowered_cents >= 0", name="change_request_cents"),
        shape("document_sha256 ~ '^[0-9a-f]{64}$'", name="change_request_document"),
    )

    territory: Mapped[str]
    aid_id: Mapped[UUID]
    grant_id: Mapped[UUID | None]
    advance_id: Mapped[UUID | None]
    changes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    reason: Mapped[str]
    requested_on: Mapped[date]
    requested_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    status: Mapped[str] = mapped_column(server_default="requested")
    decided_on: Mapped[date | None]
    decided_by: Mapped[UUID | None]
    decider_kind: Mapped[str] = mapped_column(server_default="person")
    reference: Mapped[str | None]
    document_sha256: Mapped[str | None]
    end_reason: Mapped[str | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    raised_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    lowered_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")


ASKED = "territory, aid_id, grant_id, advance_id, changes, reason, requested_on, requested_by"
STAYS = (
    "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON change_requests FOR EACH STATEMENT EXECUTE FUNCTION"
    " refuse_change()"
)
DECIDED_STAYS = (
    "CREATE TRIGGER decided_stays BEFORE UPDATE ON change_requests FOR EACH ROW WHEN (OLD.status <> 'requested')"
    " EXECUTE FUNCTION refuse_change()"
)
for _trigger in (append_only("change_requests", f"UPDATE OF {ASKED}"), STAYS, DECIDED_STAYS):
    event.listen(ChangeRequest.__table__, "after_create", DDL(_trigger))
