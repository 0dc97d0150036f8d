"""Table of letters about aids. What a letter says is sealed when it is drawn up: what is signed is what was shown."""

from datetime import date
from uuid import UUID

from sqlalchemy import DDL, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, event, text
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.letters.rules import LetterKind, LetterStatus
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only
from app.core.writing.sealing import HASHED

SEALED = ("territory", "aid_id", "award_id", "kind", "reference", "content", "content_hash", "drawn_up_by")


class Letter(Identified, Versioned, Base):
    """A letter about an aid: the notification of its decision, or its agreement."""

    __tablename__ = "letters"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "aid_id"], ["aids.territory", "aids.id"], name="letters_aid_fkey"),
        Index(
            "letters_reference_key", "territory", "reference", unique=True,
            postgresql_where=text("status <> 'withdrawn'"),
        ),
        Index("letter_open", "aid_id", "kind", unique=True, postgresql_where=text("status IN ('to_sign', 'signed')")),
        Index(None, "aid_id"),
        CheckConstraint(
            "notified_on >= signed_on AND notified_on >= signed_by_firm_on", name="letter_notified_before_signature"
        ),
        shape(one_of("kind", LetterKind), name="letter_kind"),
        shape(one_of("status", LetterStatus), name="letter_status"),
        shape(HASHED, name="letter_content_hash"),
        shape("document_sha256 ~ '^[0-9a-f]{64}$'", name="letter_document"),
        shape(
            "(signed_on IS NULL) = (document_sha256 IS NULL)"
            " AND (signed_by_firm_on IS NOT NULL) = (kind = 'agreement' AND signed_on IS NOT NULL)"
            " AND CASE status WHEN 'to_sign' THEN signed_on IS NULL WHEN 'withdrawn' THEN true"
            " ELSE signed_on IS NOT NULL END",
            name="letter_signed",
        ),
        shape("(status = 'notified') = (notified_on IS NOT NULL)", name="letter_notified"),
        shape("(status = 'withdrawn') = (end_reason IS NOT NULL)", name="letter_end_reason"),
    )  # fmt: skip

    territory: Mapped[str]
    aid_id: Mapped[UUID]
    award_id: Mapped[UUID]  # the grant or the advance that it was drawn up from
    kind: Mapped[str]
    reference: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="to_sign")
    content: Mapped[str]
    content_hash: Mapped[str]
    drawn_up_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    signed_on: Mapped[date | None]
    signed_by_firm_on: Mapped[date | None]
    document_sha256: Mapped[str | None]
    notified_on: Mapped[date | None]
    end_reason: Mapped[str | None]


# Once the aid has passed to another firm, nothing that was drawn up for the one before is signed or notified.
CHECK_ADDRESSEE = """
CREATE FUNCTION check_addressee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.content::jsonb ->> 'siren' <> (SELECT firm_siren FROM aids WHERE id = NEW.aid_id) THEN
        RAISE EXCEPTION 'the aid has passed to another firm'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'letter_to_the_firm_before';
    END IF;
    RETURN NEW;
END
$$
"""
ADDRESSEES = (
    "CREATE TRIGGER check_addressee BEFORE UPDATE OF status ON letters FOR EACH ROW"
    " WHEN (NEW.status IN ('signed', 'notified')) EXECUTE FUNCTION check_addressee()"
)
for _trigger in (
    CHECK_ADDRESSEE,
    ADDRESSEES,
    append_only("letters", f"UPDATE OF {', '.join(SEALED)}"),
    "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON letters FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
):
    event.listen(Letter.__table__, "after_create", DDL(_trigger))
