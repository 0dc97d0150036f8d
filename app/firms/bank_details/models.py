"""The tables of bank details. The number stands in a table of its own, from which nothing but its own address reads.

What an account is from its proposal to its end (`ProposedAccount`) is the same for those that organisations pay from.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Computed,
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
from app.firms.bank_details.rules import BankDetailsStatus

# ISO 13616: the first four characters go to the end, a letter counts 10 to 35, and the whole is 1 modulo 97.
IS_IBAN = """
CREATE FUNCTION is_iban(iban text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$' AND (
    SELECT string_agg(
        CASE WHEN letter ~ '[A-Z]' THEN (ascii(letter) - 55)::text ELSE letter END, '' ORDER BY place
    )::numeric % 97 = 1
    FROM regexp_split_to_table(substr(iban, 5) || left(iban, 4), '') WITH ORDINALITY AS letters (letter, place)
    WHERE iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'
)
"""


class FirmIban(Identified, Base):
    """An IBAN in full, of a firm or of an organisation. It is left out of every export, event, log and search."""

    __tablename__ = "firm_ibans"
    __table_args__ = (shape("is_iban(iban)", name="firm_iban"), UniqueConstraint("id", "masked"))

    iban: Mapped[str]
    masked: Mapped[str] = mapped_column(Computed('"left"(iban, 4) || \' •••• \' || "right"(iban, 4)', persisted=True))


event.listen(FirmIban.__table__, "before_create", DDL(IS_IBAN.replace("%", "%%")))
keep(FirmIban)


class ProposedAccount(Identified, Versioned, Base):
    """Columns of an account that one person proposes and another approves.

    The table names with `proposed_account()` what all such tables hold to, and with `guarded()` what may change.
    """

    __abstract__ = True

    iban_id: Mapped[UUID | None]  # null where the territory was brought in: numbers leave an installation in no export
    iban_masked: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="proposed")
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    decided_by: Mapped[UUID | None]
    decider_kind: Mapped[str] = mapped_column(server_default="person")
    decided_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None]


def proposed_account() -> tuple[ForeignKeyConstraint | CheckConstraint, ...]:
    """The mask is that of the number, two persons decide, and each state has what it needs."""
    return (
        ForeignKeyConstraint(
            ["iban_id", "iban_masked"], ["firm_ibans.id", "firm_ibans.masked"], name="bank_details_mask_of_their_iban"
        ),
        ForeignKeyConstraint(
            ["decided_by", "decider_kind"], ["subjects.id", "subjects.kind"], name="bank_details_decided_by_a_person"
        ),
        CheckConstraint("decided_by <> proposed_by", name="bank_details_own_approval"),
        shape("decider_kind = 'person'", name="bank_details_decider_kind"),
        shape(one_of("status", BankDetailsStatus), name="bank_details_status"),
        shape(
            "CASE WHEN status IN ('approved', 'refused', 'superseded') THEN decided_by IS NOT NULL"
            " WHEN status = 'proposed' THEN decided_by IS NULL ELSE true END"
            " AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="bank_details_decision",
        ),
        shape("(status IN ('refused', 'withdrawn')) = (end_reason IS NOT NULL)", name="bank_details_end_reason"),
        shape("(status IN ('proposed', 'approved')) = (ended_at IS NULL)", name="bank_details_end"),
    )


class BankDetails(ProposedAccount):
    """Bank details of a firm (*RIB*) as a territory holds them: one person proposes them, another approves them."""

    __tablename__ = "firm_bank_details"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "siren"], ["territory_firms.territory", "territory_firms.siren"]),
        *proposed_account(),
        shape("holder_name <> ''", name="bank_details_holder_name"),
        Index(
            "bank_details_already_proposed", "territory", "siren", unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index(
            "firm_bank_details_approved_idx", "territory", "siren", unique=True,
            postgresql_where=text("status = 'approved'"),
        ),
        Index(None, "territory", "siren", "id"),
        UniqueConstraint("id", "territory", "proposed_by", "decided_by", name="firm_bank_details_payee_key"),
    )  # fmt: skip

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    siren: Mapped[str]
    holder_name: Mapped[str]


# What was proposed stays as it was, an end is an end, and nothing is deleted. Written for every table of such accounts:
# what may change is named, all else may not.
GUARD_FUNCTION = """
CREATE FUNCTION guard_bank_details() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['status', 'decided_by', 'decider_kind', 'decided_at', 'ended_at', 'end_reason',
        'version', 'updated_at'];
BEGIN
    IF TG_OP = 'DELETE'
        OR to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves
        OR OLD.status <> 'proposed' AND (OLD.decided_by, OLD.decided_at)
            IS DISTINCT FROM (NEW.decided_by, NEW.decided_at)
        OR OLD.status IN ('refused', 'withdrawn', 'superseded')
        OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
            ('proposed', 'approved'), ('proposed', 'refused'), ('proposed', 'withdrawn'), ('approved', 'withdrawn'),
            ('approved', 'superseded')
        )
    THEN
        RAISE EXCEPTION 'no such change of bank details'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bank_details_transition';
    END IF;
    RETURN NEW;
END
$$
"""


def guarded(table: str) -> str:
    """The trigger that holds the accounts of a table to their transitions."""
    return f"CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION guard_bank_details()"


event.listen(Base.metadata, "before_create", DDL(GUARD_FUNCTION))
event.listen(BankDetails.__table__, "after_create", DDL(guarded("firm_bank_details")))
