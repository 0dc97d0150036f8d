"""Tables of access: organisations, subjects (persons and service accounts), members, API keys."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.ext.hybrid import hybrid_method
from sqlalchemy.orm import Mapped, mapped_column

from app.access.rules import BY_TWO, KEY_LASTS, KEY_LASTS_AT_MOST, Role, Scope, SubjectKind
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


_BY_TWO = ", ".join(f"'{role}'::text" for role in sorted(BY_TWO))


class Member(Identified, Versioned, Base):
    """A role of a subject, in one territory or in all (null), between two days, both included.

    A role that decides, pays or administers is granted once somebody approves it: another administrator, or the service
    itself (null), who acts with the database's own rights.
    """

    __tablename__ = "members"
    __table_args__ = (
        UniqueConstraint("subject_id", "role", "territory", "from_on", postgresql_nulls_not_distinct=True),
        shape(one_of("role", Role), name="member_role"),
        shape("to_on IS NULL OR to_on >= from_on", name="member_period"),
        shape("from_on BETWEEN '1900-01-01' AND '2199-12-31'", name="member_from_on"),
        shape("to_on BETWEEN '1900-01-01' AND '2199-12-31'", name="member_to_on"),
        CheckConstraint("approved_by <> ALL (ARRAY[proposed_by, subject_id])", name="role_own_approval"),
        shape("approved_by IS NULL OR approved_at IS NOT NULL", name="member_approval"),
    )

    subject_id: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"), index=True)
    role: Mapped[str]
    territory: Mapped[str | None] = mapped_column(ForeignKey("territories.slug"), index=True)
    from_on: Mapped[date]
    to_on: Mapped[date | None]
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    approved_at: Mapped[datetime | None]
    granted: Mapped[bool] = mapped_column(
        Computed(f"approved_at IS NOT NULL OR role <> ALL (ARRAY[{_BY_TWO}])", persisted=True)
    )


# What was proposed is what is approved, a person approves it, and an approved role only becomes shorter. A program that
# is an administrator from before the rule stays one until the day that it was told, at most.
HOLD_MEMBER = f"""
CREATE FUNCTION hold_member() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    longer CONSTANT boolean := TG_OP = 'INSERT' OR coalesce(NEW.to_on, 'infinity') > coalesce(OLD.to_on, 'infinity');
BEGIN
    IF TG_OP = 'UPDATE' AND (
        (OLD.subject_id, OLD.role, OLD.from_on, OLD.proposed_by) IS DISTINCT FROM
            (NEW.subject_id, NEW.role, NEW.from_on, NEW.proposed_by)
        OR OLD.territory IS DISTINCT FROM NEW.territory
        OR OLD.approved_at IS NOT NULL AND (OLD.approved_at, OLD.approved_by) IS DISTINCT FROM
            (NEW.approved_at, NEW.approved_by)
    ) THEN
        RAISE EXCEPTION 'a role stays what was proposed and approved'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'member_kept';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.approved_at IS NOT NULL AND longer AND {one_of("NEW.role", sorted(BY_TWO))} THEN
        RAISE EXCEPTION 'an approved role only becomes shorter'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'role_prolonged';
    END IF;
    IF NEW.role = 'admin' AND longer AND 'service_account' = (SELECT kind FROM subjects WHERE id = NEW.subject_id) THEN
        RAISE EXCEPTION 'a program is no administrator'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'admin_for_persons';
    END IF;
    IF NEW.approved_by IS NOT NULL AND 'person' <> (SELECT kind FROM subjects WHERE id = NEW.approved_by) THEN
        RAISE EXCEPTION 'a person approves a role'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'member_approved_by_a_person';
    END IF;
    RETURN NEW;
END
$$
"""  # noqa: S608  # the roles are ours
MEMBER_HELD = "CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON members FOR EACH ROW EXECUTE FUNCTION hold_member()"

for _statement in (HOLD_MEMBER, MEMBER_HELD):
    event.listen(Member.__table__, "after_create", DDL(_statement.replace("%", "%%")))


class ApiKey(Identified, Versioned, Base):
    """A credential of a subject. Only its SHA-256 digest is stored; `prefix` helps people to recognise it.

    A person makes the secret by a code that works once: until then there is no digest, and from then on no code. Who
    holds a role that decides, pays or administers uses the key once its fingerprint is confirmed: by an administrator
    who has not made it, or by the service itself (null).
    """

    __tablename__ = "api_keys"
    __table_args__ = (
        shape(one_of("scope", Scope), name="api_key_scope"),
        shape("length(digest) = 32", name="api_key_digest"),
        shape(
            "(digest IS NULL) = (code_digest IS NOT NULL) AND (digest IS NULL) = (prefix IS NULL)",
            name="api_key_secret",
        ),
        shape("code_digest IS NULL OR length(code_digest) = 32 AND code_expires_at IS NOT NULL", name="api_key_code"),
        shape(
            "cardinality(permissions) > 0 AND cardinality(territories) > 0 AND cardinality(addresses) > 0",
            name="api_key_narrowed",
        ),
        CheckConstraint("confirmed_by <> ALL (ARRAY[created_by, subject_id])", name="key_own_confirmation"),
        shape(
            "(confirmed_by IS NULL OR confirmed_at IS NOT NULL) AND (confirmed_at IS NULL OR digest IS NOT NULL)",
            name="api_key_confirmation",
        ),
    )

    subject_id: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str | None]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    scope: Mapped[str]
    permissions: Mapped[list[str] | None]
    territories: Mapped[list[str] | None]
    addresses: Mapped[list[str] | None]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    rotated_from_id: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id"), index=True)
    created_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    code_digest: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    code_expires_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    confirmed_at: Mapped[datetime | None]

    @hybrid_method
    def works(self, now: datetime) -> Any:
        """Whether it is accepted at an instant: neither revoked nor ended. The gate says the same in SQL."""
        return (self.revoked_at == None) & (self.expires_at > now)  # noqa: E711  # of a row and in SQL alike


# A key that is made without an end has the default of its subject's kind; its end is to come, within two years, and
# only comes nearer. What is revoked stays so, and a confirmation stays what it was: of this secret, by a person.
_DAYS = {kind: lasts.days for kind, lasts in KEY_LASTS.items()}
HOLD_API_KEY = f"""
CREATE FUNCTION hold_api_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.expires_at IS NULL THEN
            NEW.expires_at := NEW.created_at + CASE (SELECT kind FROM subjects WHERE id = NEW.subject_id)
                WHEN 'person' THEN interval '{_DAYS[SubjectKind.PERSON]} days'
                ELSE interval '{_DAYS[SubjectKind.SERVICE_ACCOUNT]} days' END;
        END IF;
        IF NEW.expires_at <= NEW.created_at
            OR NEW.expires_at - NEW.created_at > interval '{KEY_LASTS_AT_MOST.days} days'
        THEN
            RAISE EXCEPTION 'a key ends within two years'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'api_key_end';
        END IF;
    ELSIF NEW.expires_at > OLD.expires_at
        OR OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at
        OR OLD.confirmed_at IS NOT NULL AND (NEW.confirmed_at, NEW.confirmed_by, NEW.digest) IS DISTINCT FROM
            (OLD.confirmed_at, OLD.confirmed_by, OLD.digest)
    THEN
        RAISE EXCEPTION 'a key only ends sooner, and what was revoked or confirmed stays so'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'api_key_kept';
    END IF;
    IF NEW.confirmed_by IS NOT NULL AND 'person' <> (SELECT kind FROM subjects WHERE id = NEW.confirmed_by) THEN
        RAISE EXCEPTION 'a person confirms a key'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'api_key_confirmed_by_a_person';
    END IF;
    RETURN NEW;
END
$$
"""  # noqa: S608  # the figures are ours
API_KEY_HELD = (  # the last use is noted past it
    "CREATE TRIGGER hold BEFORE INSERT OR UPDATE OF digest, expires_at, revoked_at, confirmed_at, confirmed_by"
    " ON api_keys FOR EACH ROW EXECUTE FUNCTION hold_api_key()"
)

for _statement in (HOLD_API_KEY, API_KEY_HELD):
    event.listen(ApiKey.__table__, "after_create", DDL(_statement.replace("%", "%%")))
