"""The table of access records: written once, and deleted only after the day until which each is kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DDL, Index, event, text
from sqlalchemy.orm import Mapped

from app.core.db import Base, Identified, one_of, shape
from app.core.routines import append_only
from app.core.serving.trail import AccessKind


class AccessRecord(Identified, Base):
    """One answer with something personal or confidential, or the refusals of one minute that are alike.

    Nothing refers to it, and it refers to nothing: its writing waits for nobody, and stops nobody.
    """

    __tablename__ = "access_records"
    __table_args__ = (
        shape(one_of("kind", AccessKind), name="access_record_kind"),
        shape("(kind = 'read') = (path IS NOT NULL AND request_id IS NOT NULL)", name="access_record_read"),
        shape("(kind = 'read') = (code IS NULL)", name="access_record_code"),
        shape("(kind = 'failed_authentication') = (address IS NOT NULL)", name="access_record_address"),
        shape("(address IS NULL) = (subject_id IS NOT NULL)", name="access_record_caller"),
        shape("count >= 1 AND (kind <> 'read' OR count = 1)", name="access_record_count"),
        shape("kept_until > occurred_at", name="access_record_kept"),
        Index(None, "occurred_at", "id"),
        Index(None, "subject_id", "occurred_at", "id"),
        Index("access_records_path_idx", "path", "occurred_at", "id", postgresql_where=text("path IS NOT NULL")),
        Index("access_records_address_idx", "address", "occurred_at", "id",
              postgresql_where=text("address IS NOT NULL")),
        Index(None, "kept_until"),
    )  # fmt: skip

    kind: Mapped[str]
    occurred_at: Mapped[datetime]
    method: Mapped[str]
    route: Mapped[str]
    path: Mapped[str | None]
    place: Mapped[str | None]  # the territory in the address, as it was asked for: perhaps there is none of this name
    status: Mapped[int]
    code: Mapped[str | None]
    subject_id: Mapped[UUID | None]
    key_id: Mapped[UUID | None]
    address: Mapped[str | None]
    request_id: Mapped[str | None]
    count: Mapped[int]
    kept_until: Mapped[datetime]


KEEP_ACCESS_RECORD = """
CREATE FUNCTION keep_access_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.kept_until > now() THEN
        RAISE EXCEPTION 'a record of an access is kept until its day'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'access_records_append_only';
    END IF;
    RETURN OLD;
END
$$
"""
ACCESS_RECORD_KEPT = (
    "CREATE TRIGGER kept BEFORE DELETE ON access_records FOR EACH ROW EXECUTE FUNCTION keep_access_record()"
)

for _statement in (append_only("access_records", "UPDATE OR TRUNCATE"), KEEP_ACCESS_RECORD, ACCESS_RECORD_KEPT):
    event.listen(AccessRecord.__table__, "after_create", DDL(_statement))
