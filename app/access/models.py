"""Tables of access: organisations, subjects (persons and service accounts), members, API keys."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import DDL, ForeignKey, Index, LargeBinary, UniqueConstraint, event, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.access.rules import Role, Scope, SubjectKind
from app.core.db import Base, Identified, Versioned, one_of, shape


class Organisation(Identified, Versioned, Base):
    """A body that takes part: a consultancy, Banque des territoires, Bpifrance, an agglomeration, a State service."""

    __tablename__ = "organisations"
    __table_args__ = (
        shape("is_siren(siren)", name="organisation_siren"),
        shape("name <> ''", name="organisation_name"),
        Index("organisations_words_idx", text("search_words(ARRAY[name])"), postgresql_using="gin"),
    )

    siren: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str]


class Subject(Identified, Versioned, Base):
    """Who can hold a role: a person (one human once, nationally) or a service account."""

    __tablename__ = "subjects"
    __table_args__ = (
        UniqueConstraint("id", "kind"),
        shape(one_of("kind", SubjectKind), name="subject_kind"),
        shape("name <> ''", name="subject_name"),
        shape("kind = 'person' OR email IS NULL", name="subject_email"),
        # In ASCII and without capitals one address has one form, so that the index sees it twice.
        shape("email = lower(email) AND email ~ '^[!-~]+$'", name="subject_email_form"),
        Index("subjects_service_account_name_key", "organisation_id", "name", unique=True,
              postgresql_where=text("kind = 'service_account'")),
        Index("subjects_words_idx", text("search_words(ARRAY[name])"), postgresql_using="gin"),
        Index("subjects_email_key", func.lower(text("email")), unique=True, info={"field": "email"}),
    )  # fmt: skip

    kind: Mapped[str]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str]
    email: Mapped[str | None]


# A person is registered with an e-mail address. Those from before this rule stay, and one can be forgotten later: a
# person without it reads and enters, and neither validates, decides nor pays.
PERSON_WITH_EMAIL = """
CREATE FUNCTION refuse_person_without_email() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a person has an e-mail address'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'person_without_email';
END
$$
"""
PERSON_WITH_EMAIL_GUARD = (
    "CREATE TRIGGER person_with_email BEFORE INSERT ON subjects FOR EACH ROW"
    " WHEN (NEW.kind = 'person' AND NEW.email IS NULL) EXECUTE FUNCTION refuse_person_without_email()"
)

for _statement in (PERSON_WITH_EMAIL, PERSON_WITH_EMAIL_GUARD):
    event.listen(Subject.__table__, "after_create", DDL(_statement))


class Member(Identified, Versioned, Base):
    """A role of a subject, in one territory or in all (null), between two days, both included."""

    __tablename__ = "members"
    __table_args__ = (
        UniqueConstraint("subject_id", "role", "territory", "from_on", postgresql_nulls_not_distinct=True),
        shape(one_of("role", Role), name="member_role"),
        shape("to_on IS NULL OR to_on >= from_on", name="member_period"),
        shape("from_on BETWEEN '1900-01-01' AND '2199-12-31'", name="member_from_on"),
        shape("to_on BETWEEN '1900-01-01' AND '2199-12-31'", name="member_to_on"),
    )

    subject_id: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"), index=True)
    role: Mapped[str]
    territory: Mapped[str | None] = mapped_column(ForeignKey("territories.slug"), index=True)
    from_on: Mapped[date]
    to_on: Mapped[date | None]


class ApiKey(Identified, Versioned, Base):
    """A credential of a subject. Only its SHA-256 digest is stored; `prefix` helps people to recognise it."""

    __tablename__ = "api_keys"
    __table_args__ = (
        shape(one_of("scope", Scope), name="api_key_scope"),
        shape("length(digest) = 32", name="api_key_digest"),
    )

    subject_id: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scope: Mapped[str]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    rotated_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id"), index=True)
