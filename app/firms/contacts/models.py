"""The table of contacts. An erased contact is a row without a person: what it took part in still counts."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    DDL,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape


class Purpose(StrEnum):
    """Purpose for which a person's data is kept (GDPR art. 5(1)(b))."""

    ENGINEERING_MISSION = "engineering_mission"
    PROJECT_FOLLOW_UP = "project_follow_up"
    AID_FILE = "aid_file"
    PROGRAMME_EVALUATION = "programme_evaluation"
    INFORMATION = "information"


class LegalBasis(StrEnum):
    """Ground that allows the data to be kept: GDPR art. 6(1), (a) to (f)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    VITAL_INTERESTS = "vital_interests"
    PUBLIC_TASK = "public_task"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class ErasureCause(StrEnum):
    """Why a person's data was erased: on request (GDPR art. 17), or at the end of its retention (art. 5(1)(e))."""

    REQUEST = "request"
    RETENTION = "retention"


class Contact(Identified, Versioned, Base):
    """A person of a firm whom a territory knows."""

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        UniqueConstraint("territory", "siren", "id"),
        UniqueConstraint("territory", "external_id"),
        ForeignKeyConstraint(
            ["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"], info={"field": "siren"}
        ),
        shape(one_of("purpose", Purpose), name="contact_purpose"),
        shape(one_of("legal_basis", LegalBasis), name="contact_legal_basis"),
        shape(one_of("erased_because", ErasureCause), name="contact_erased_because"),
        shape("(erased_at IS NULL) = (erased_because IS NULL)", name="contact_erased"),
        shape(
            "CASE WHEN erased_at IS NULL THEN name IS NOT NULL AND name <> ''"
            " ELSE num_nonnulls(name, function, email, phone, external_id) = 0 END",
            name="contact_erased_but_named",
        ),
        shape(
            "erased_at IS NOT NULL"
            " OR retain_until_on <= (timezone('Europe/Paris', updated_at))::date + interval '10 years'",
            name="kept_too_long",
        ),
        Index(None, "retain_until_on", "id", postgresql_where=text("erased_at IS NULL")),
    )

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    siren: Mapped[str]
    name: Mapped[str | None]
    function: Mapped[str | None]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    purpose: Mapped[str]
    legal_basis: Mapped[str]
    retain_until_on: Mapped[date]
    external_id: Mapped[str | None]
    erased_at: Mapped[datetime | None]
    erased_because: Mapped[str | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))


# Erased is erased: no later write gives the row a person again.
GUARD_CONTACT = """
CREATE FUNCTION guard_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the contact is erased' USING ERRCODE = 'check_violation', CONSTRAINT = 'contact_gone';
END
$$
"""
GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE ON contacts FOR EACH ROW"
    " WHEN (OLD.erased_at IS NOT NULL) EXECUTE FUNCTION guard_contact()"
)

event.listen(Contact.__table__, "after_create", DDL(GUARD_CONTACT))
event.listen(Contact.__table__, "after_create", DDL(GUARD))
