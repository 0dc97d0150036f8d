"""The table of certificates: a row stays as it was written, but for its one reversal."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from sqlalchemy import DDL, ForeignKey, ForeignKeyConstraint, Index, event, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape


class CertificateKind(StrEnum):
    """What a certificate proves: that taxes are paid (*attestation de régularité fiscale*), or social contributions
    (*attestation de vigilance*, code de la sécurité sociale, art. L. 243-15).
    """

    TAX = "tax"
    SOCIAL = "social"


class FirmCertificate(Identified, Versioned, Base):
    """A tax or social-contribution certificate of a firm, by the digest of its file."""

    __tablename__ = "firm_certificates"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"]),
        shape(one_of("kind", CertificateKind), name="firm_certificate_kind"),
        shape("valid_until_on >= issued_on", name="firm_certificate_period"),
        shape("sha256 ~ '^[0-9a-f]{64}$'", name="firm_certificate_sha256"),
        shape(
            "issued_on <= (timezone('Europe/Paris', created_at))::date", name="firm_certificate_issued_in_the_future"
        ),
        shape("(reversed_on IS NULL) = (reversal_reason IS NULL)", name="firm_certificate_reversal"),
        Index(
            "firm_certificates_territory_siren_sha256_key", "territory", "siren", "sha256", unique=True,
            postgresql_where=text("reversed_on IS NULL"),
        ),
        Index(None, "territory", "siren", "kind", "valid_until_on"),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    siren: Mapped[str]
    kind: Mapped[str]
    issued_on: Mapped[date]
    valid_until_on: Mapped[date]
    sha256: Mapped[str]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    reversed_on: Mapped[date | None]
    reversal_reason: Mapped[str | None]


GUARD_FUNCTION = """
CREATE FUNCTION guard_firm_certificate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.reversed_on IS NOT NULL OR NEW.reversed_on IS NULL
        OR (OLD.territory, OLD.siren, OLD.kind, OLD.issued_on, OLD.valid_until_on, OLD.sha256, OLD.recorded_by)
            IS DISTINCT FROM
            (NEW.territory, NEW.siren, NEW.kind, NEW.issued_on, NEW.valid_until_on, NEW.sha256, NEW.recorded_by)
    THEN
        RAISE EXCEPTION 'a certificate is only reversed, and once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'firm_certificate_reversed';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON firm_certificates"
    " FOR EACH ROW EXECUTE FUNCTION guard_firm_certificate()"
)

event.listen(FirmCertificate.__table__, "after_create", DDL(GUARD_FUNCTION))
event.listen(FirmCertificate.__table__, "after_create", DDL(GUARD))
