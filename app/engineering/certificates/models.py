"""Certificates of service: sealed acts, their lines, and what was said of entries on them."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import keep
from app.core.writing.sealing import HASHED
from app.engineering.entries.models import TimeEntry
from app.missions.models import Profile


class VatRate(Base):
    """The normal rate of VAT from a day on, with its source. A parameter of the law: migrations ship it."""

    __tablename__ = "vat_rates"
    __table_args__ = (shape("rate_bp BETWEEN 0 AND 10000", name="vat_rate_bp"),)

    from_on: Mapped[date] = mapped_column(primary_key=True)
    rate_bp: Mapped[int]
    source: Mapped[str]


keep(VatRate)


class CertificateNumber(Base):
    """The last number given to a certificate of a territory."""

    __tablename__ = "certificate_numbers"
    __table_args__ = (shape("last_number >= 0", name="certificate_number_last_number"),)

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"), primary_key=True)
    last_number: Mapped[int]


class ServiceCertificate(Identified, Versioned, Base):
    """A certificate of a member's days of a period, or the counter-certificate that cancels one. Never changed."""

    __tablename__ = "service_certificates"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "mission_id"], ["missions.territory", "missions.id"]),
        ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            info={"field": "organisation_id"},
        ),
        ForeignKeyConstraint(
            ["cancels_id", "territory", "mission_id", "organisation_id"],
            ["service_certificates.id", "service_certificates.territory", "service_certificates.mission_id",
             "service_certificates.organisation_id"],
            name="service_certificates_cancels_fkey",
        ),
        ForeignKeyConstraint(
            ["certified_by", "certifier_kind"], ["subjects.id", "subjects.kind"], name="certified_by_a_person"
        ),
        UniqueConstraint("territory", "number"),
        UniqueConstraint("id", "territory", "mission_id", "organisation_id", name="service_certificates_member_key"),
        Index(
            "certificate_already_cancelled", "cancels_id", unique=True,
            postgresql_where=text("cancels_id IS NOT NULL"),
        ),
        shape("number >= 1", name="service_certificate_number"),
        shape("to_on >= from_on", name="service_certificate_period"),
        shape(
            "mod(days, 0.25) = 0 AND days <> 'NaN' AND CASE WHEN cancels_id IS NULL THEN days > 0 AND amount_cents >= 0"
            " ELSE days < 0 AND amount_cents <= 0 END",
            name="service_certificate_days",
        ),
        shape("(cancels_id IS NULL) = (reason IS NULL)", name="service_certificate_reason"),
        shape(
            "vat_cents = round(amount_cents * vat_rate_bp / 10000.0) AND total_cents = amount_cents + vat_cents",
            name="service_certificate_vat",
        ),
        shape(
            HASHED, name="service_certificate_hash"
        ),
        shape("certifier_kind = 'person'", name="service_certifier_kind"),
        Index(None, "territory", "id"),
        Index(None, "mission_id", "organisation_id"),
    )  # fmt: skip

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    number: Mapped[int]
    from_on: Mapped[date]
    to_on: Mapped[date]
    days: Mapped[Decimal]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    vat_rate_bp: Mapped[int]
    vat_cents: Mapped[int] = mapped_column(BigInteger)
    total_cents: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[str]
    content_hash: Mapped[str]
    cancels_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    certified_by: Mapped[UUID]
    certifier_kind: Mapped[str] = mapped_column(server_default="person")


keep(ServiceCertificate)


class CertificateLine(Base):
    """The days of one profile at one day rate, and their amount, rounded half-up to the cent."""

    __tablename__ = "service_certificate_lines"
    __table_args__ = (
        shape("amount_cents = round(days * day_rate_cents)", name="service_certificate_line_amount"),
        shape("mod(days, 0.25) = 0 AND days <> 'NaN'", name="service_certificate_line_days"),
        shape(one_of("profile", Profile), name="service_certificate_line_profile"),
    )

    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("service_certificates.id"), primary_key=True)
    profile: Mapped[str] = mapped_column(primary_key=True)
    day_rate_cents: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    days: Mapped[Decimal]
    amount_cents: Mapped[int] = mapped_column(BigInteger)


keep(CertificateLine)


class RemarkKind(StrEnum):
    """What the operator remarks on an entry: certified with a reservation, or not certified."""

    RESERVATION = "reservation"
    REFUSAL = "refusal"


class CertificateRemark(Base):
    """A reservation on an entry, or its refusal, with the reason."""

    __tablename__ = "service_certificate_remarks"
    __table_args__ = (shape(one_of("kind", RemarkKind), name="service_certificate_remark_kind"),)

    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("service_certificates.id"), primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("time_entries.id"), primary_key=True, index=True)
    kind: Mapped[str]
    reason: Mapped[str]


keep(CertificateRemark)


class EarlierRefusal(Base):
    """An entry that a certificate contains although an earlier one refused it, with the reason of that refusal."""

    __tablename__ = "service_certificate_earlier_refusals"

    certificate_id: Mapped[UUID] = mapped_column(ForeignKey("service_certificates.id"), primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(ForeignKey("time_entries.id"), primary_key=True, index=True)
    reason: Mapped[str]


keep(EarlierRefusal)


# At COMMIT a certificate is what its lines and its entries come to, whoever wrote them; a cancelled one has none.
AGREE_FUNCTION = """
CREATE FUNCTION certificates_agree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked uuid;
    wrong boolean;
BEGIN
    FOREACH asked IN ARRAY CASE
        WHEN TG_TABLE_NAME = 'service_certificates'
        THEN ARRAY[NEW.id, coalesce((to_jsonb(NEW) ->> 'cancels_id')::uuid, NEW.id)]
        ELSE array_remove(
            ARRAY[(to_jsonb(OLD) ->> 'certificate_id')::uuid, (to_jsonb(NEW) ->> 'certificate_id')::uuid], NULL)
    END LOOP
        SELECT (l.days, l.amount_cents) IS DISTINCT FROM (c.days, c.amount_cents::numeric)
            OR e.days <> CASE WHEN c.cancels_id IS NOT NULL OR counter.id IS NOT NULL THEN 0 ELSE c.days END
            OR counter.days <> -c.days OR counter.amount_cents <> -c.amount_cents
        INTO wrong
        FROM service_certificates c
        CROSS JOIN LATERAL (
            SELECT sum(days) AS days, sum(amount_cents) AS amount_cents FROM service_certificate_lines
            WHERE certificate_id = c.id
        ) l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(days), 0) AS days FROM time_entries WHERE certificate_id = c.id
        ) e
        LEFT JOIN service_certificates counter ON counter.cancels_id = c.id
        WHERE c.id = asked;
        IF wrong THEN
            RAISE EXCEPTION 'certificate and days differ'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'certificate_differs';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$
"""


AGREE_ISSUED = (
    "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON service_certificates DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION certificates_agree()"
)


AGREE_MARKED = (
    "CREATE CONSTRAINT TRIGGER agrees AFTER UPDATE OF certificate_id ON time_entries DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW WHEN (OLD.certificate_id IS DISTINCT FROM NEW.certificate_id)"
    " EXECUTE FUNCTION certificates_agree()"
)

event.listen(ServiceCertificate.__table__, "after_create", DDL(AGREE_FUNCTION.replace("%", "%%")))
event.listen(ServiceCertificate.__table__, "after_create", DDL(AGREE_ISSUED))
event.listen(TimeEntry.__table__, "after_create", DDL(AGREE_MARKED))
