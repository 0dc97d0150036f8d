"""The table of mandates. What was signed stays as it was written; a mandate ends once."""

from datetime import date
from uuid import UUID

from sqlalchemy import DDL, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, shape
from app.core.routines import append_only
from app.firms.bank_details.models import BankDetails


class Mandate(Identified, Versioned, Base):
    """A mandate (*mandat de prélèvement SEPA*) that a firm gave an organisation for the account of its bank details."""

    __tablename__ = "direct_debit_mandates"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"], name="mandate_firm_fkey"
        ),
        UniqueConstraint("organisation_id", "reference", name="direct_debit_mandates_reference_key"),
        Index(
            "mandate_open", "territory", "siren", "organisation_id", unique=True,
            postgresql_where=text("ended_on IS NULL"),
        ),
        Index(None, "territory", "siren", "id"),
        Index(None, "bank_details_id"),
        shape("reference ~ '^[A-Za-z0-9/?:().,+-]{1,35}$'", name="mandate_reference"),
        shape("signed_on >= '1900-01-01' AND ended_on BETWEEN signed_on AND '2199-12-31'", name="mandate_days"),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    siren: Mapped[str]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    reference: Mapped[str]
    signed_on: Mapped[date]
    bank_details_id: Mapped[UUID] = mapped_column(ForeignKey(BankDetails.id))
    ended_on: Mapped[date | None]
    recorded_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))


# The account is the firm's, and another person has approved it: what was refused is collected from by nobody.
GUARD_MANDATE = """
CREATE FUNCTION guard_mandate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.ended_on IS NOT NULL THEN
            RAISE EXCEPTION 'an end is an end' USING ERRCODE = 'check_violation', CONSTRAINT = 'mandate_already_ended';
        END IF;
        RETURN NEW;
    END IF;
    PERFORM FROM firm_bank_details d WHERE d.id = NEW.bank_details_id
        AND (d.territory, d.siren) = (NEW.territory, NEW.siren) AND d.status IN ('approved', 'superseded') FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'not the account of the firm'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'mandate_account_unusable';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON direct_debit_mandates FOR EACH ROW EXECUTE FUNCTION"
    " guard_mandate()"
)
SIGNED = ("territory", "siren", "organisation_id", "reference", "signed_on", "bank_details_id", "recorded_by")
event.listen(Base.metadata, "before_create", DDL(GUARD_MANDATE))
for _statement in (GUARD, append_only("direct_debit_mandates", f"UPDATE OF {', '.join(SIGNED)} OR DELETE OR TRUNCATE")):
    event.listen(Mandate.__table__, "after_create", DDL(_statement))
