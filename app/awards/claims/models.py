"""Tables of claims. What is certified moves the aid and its lines in the same statement, whoever writes it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint
from sqlalchemy.dialects.postgresql import UUID as POSTGRES_UUID
from sqlalchemy.orm import Mapped, mapped_column

from app.awards.claims.rules import LEGAL_FORMS, TRANSITIONS, ClaimStatus, Deduction, SampleMethod, column
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only

_DEDUCTED = " + ".join(column(each) for each in Deduction)
_SETTLED = f"certified_cents + parked_cents + {_DEDUCTED}"
_PARTS = ", ".join(("certified_cents", "parked_cents", *(column(each) for each in Deduction)))
CLAIMS_OF_A_FIRM = 0x636C61696D  # what tells the lock of a firm's claims from others: "claim"

# How invoices are compared: rules.py folds them so too, and a test compares the two.
_SIGNS = r"[\u0001-/:-@\u005b-`{-\u00bf\u2000-\u206f]+"
_LEGAL_FORMS = ", ".join(map(repr, LEGAL_FORMS))
INVOICE_KEY = rf"""
CREATE FUNCTION invoice_key(number text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN coalesce(
    nullif(ltrim(regexp_replace(fold(number), '{_SIGNS}', '', 'g'), '0'), ''),
    "left"(regexp_replace(fold(number), '{_SIGNS}', '', 'g'), 1)
)
"""
SUPPLIER_KEY = rf"""
CREATE FUNCTION supplier_key(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN (
    SELECT coalesce(
        nullif(string_agg(word, '' ORDER BY place) FILTER (WHERE word NOT IN ({_LEGAL_FORMS})), ''),
        string_agg(word, '' ORDER BY place), ''
    )
    FROM regexp_split_to_table(regexp_replace(fold(replace(name, '.', '')), '{_SIGNS}', ' ', 'g'), ' ')
        WITH ORDINALITY AS words (word, place)
)
"""  # noqa: S608  # our own text


# An aid can have passed from firm to firm: an invoice stands once over all aids that one firm holds or has held. The
# constraints of `declared_invoices` hold those of one firm apart; `declared_elsewhere` looks at those of others, and
# finds what no key does: a supplier that is named here by its SIREN alone, there by its name alone.
AID_HOLDERS = """
CREATE FUNCTION aid_holders(aid uuid) RETURNS text[] LANGUAGE sql STABLE
RETURN (
    SELECT array_agg(holder) FROM (
        SELECT firm_siren AS holder FROM aids WHERE id = aid
        UNION SELECT from_siren FROM aid_acts WHERE aid_id = aid AND act = 'transfer'
    ) held
)
"""
FIRMS_OF_INVOICES = """
CREATE FUNCTION firms_of_invoices(aid uuid) RETURNS text[] LANGUAGE sql STABLE
RETURN aid_holders(aid) || (
    SELECT array_agg(firm) FROM aid_acts passed, unnest(ARRAY[passed.from_siren, passed.to_siren]) AS firm
    WHERE passed.act = 'transfer' AND passed.aid_id IN (
        SELECT aid_id FROM aid_acts WHERE from_siren = ANY (aid_holders(aid))
        UNION SELECT aid_id FROM aid_acts WHERE to_siren = ANY (aid_holders(aid))
    )
)
"""
SAME_INVOICE = """
CREATE FUNCTION same_invoice(one declared_invoices, other declared_invoices) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN one.invoice_key = other.invoice_key AND CASE
    WHEN num_nonnulls(one.supplier_siren, other.supplier_siren) = 2 THEN one.supplier_siren = other.supplier_siren
    WHEN coalesce(one.supplier_key = other.supplier_key, false) THEN true
    ELSE num_nonnulls(one.supplier_siren, other.supplier_siren) = 1 AND one.invoiced_on = other.invoiced_on
        AND (one.amount_cents = other.amount_cents OR num_nonnulls(one.supplier_key, other.supplier_key) < 2)
END
"""
DECLARED_ELSEWHERE = """
CREATE FUNCTION declared_elsewhere(sought declared_invoices, aid uuid) RETURNS uuid LANGUAGE sql STABLE
RETURN (
    SELECT l.id FROM declared_invoices i JOIN claim_lines l ON l.invoice_id = i.id
    WHERE i.firm_siren = ANY (firms_of_invoices(aid)) AND i.invoice_key = sought.invoice_key AND l.stands
        AND i.id IS DISTINCT FROM sought.id AND same_invoice(i, sought) AND aid_holders(l.aid_id) && aid_holders(aid)
    ORDER BY l.id LIMIT 1
)
"""
CLAIMED_ELSEWHERE = """
CREATE FUNCTION claimed_elsewhere(line claim_lines) RETURNS uuid LANGUAGE sql STABLE
RETURN (SELECT declared_elsewhere(i, line.aid_id) FROM declared_invoices i WHERE i.id = line.invoice_id)
"""
# Of two that declare invoices of one firm, the second waits, and sees what the first has declared.
HOLD_CLAIMANTS = f"""
CREATE FUNCTION hold_claimants(aid uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    holder text;
BEGIN
    FOR holder IN SELECT h FROM unnest(aid_holders(aid)) h ORDER BY h LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(holder, {CLAIMS_OF_A_FIRM}));
    END LOOP;
END
$$
"""  # noqa: S608  # our own number
# The invoice of a new line: one that stands, where both say the same whole amount, or that stood so; else a new one.
INVOICE_OF_LINE = """
CREATE FUNCTION invoice_of_line(line claim_lines) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    sought declared_invoices;
    standing record;
    made uuid;
BEGIN
    sought.firm_siren := line.firm_siren;
    sought.invoice_key := CASE WHEN line.declared_cents < 0 THEN '-' ELSE '' END || invoice_key(line.invoice_number);
    sought.supplier_siren := line.supplier_siren;
    sought.supplier_key := supplier_key(line.supplier_name);
    sought.invoiced_on := line.invoiced_on;
    sought.amount_cents := coalesce(line.invoice_cents, abs(line.declared_cents));
    SELECT l.invoice_id, l.invoice_cents INTO standing
    FROM declared_invoices i JOIN claim_lines l ON l.invoice_id = i.id
    WHERE i.firm_siren = ANY (firms_of_invoices(line.aid_id)) AND i.invoice_key = sought.invoice_key
        AND (l.stands OR l.invoice_cents = line.invoice_cents)
        AND same_invoice(i, sought) AND aid_holders(l.aid_id) && aid_holders(line.aid_id)
    ORDER BY l.stands DESC, l.id LIMIT 1;
    IF NOT FOUND THEN
        INSERT INTO declared_invoices
            (firm_siren, invoice_key, supplier_siren, supplier_key, invoiced_on, amount_cents)
        VALUES (sought.firm_siren, sought.invoice_key, sought.supplier_siren, sought.supplier_key,
            sought.invoiced_on, sought.amount_cents)
        RETURNING id INTO made;
        RETURN made;
    END IF;
    IF (standing.invoice_cents = line.invoice_cents) IS NOT TRUE THEN
        RAISE EXCEPTION 'the invoice stands'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_already_claimed';
    END IF;
    UPDATE declared_invoices
    SET supplier_siren = coalesce(supplier_siren, sought.supplier_siren),
        supplier_key = coalesce(supplier_key, sought.supplier_key)
    WHERE id = standing.invoice_id
        AND (supplier_siren, supplier_key) IS DISTINCT FROM
            (coalesce(supplier_siren, sought.supplier_siren), coalesce(supplier_key, sought.supplier_key));
    RETURN standing.invoice_id;
END
$$
"""
# The invoice that a credit note lowers stands on the same line of the decision, from the same supplier.
LOWERED_INVOICE = """
CREATE FUNCTION lowered_invoice(note claim_lines) RETURNS uuid LANGUAGE sql STABLE
RETURN (
    SELECT i.id FROM claim_lines l JOIN declared_invoices i ON i.id = l.invoice_id
    WHERE l.aid_id = note.aid_id AND l.line_id = note.line_id AND l.stands AND l.declared_cents > 0
        AND i.invoice_key = invoice_key(note.lowers_invoice_number)
        AND (i.supplier_siren = note.supplier_siren OR i.supplier_key = supplier_key(note.supplier_name))
    ORDER BY (i.supplier_siren = note.supplier_siren) DESC NULLS LAST, l.id LIMIT 1
)
"""
# When an aid passes to a firm, none of its invoices stands among those of this one.
CHECK_TRANSFER = """
CREATE FUNCTION check_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM claim_lines line
        WHERE line.aid_id = NEW.aid_id AND line.stands AND line.returns_id IS NULL
            AND claimed_elsewhere(line) IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'an invoice stands twice'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_already_claimed';
    END IF;
    RETURN NULL;
END
$$
"""
TRANSFERS = (
    "CREATE CONSTRAINT TRIGGER check_transfer AFTER INSERT ON aid_acts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    " WHEN (NEW.act = 'transfer') EXECUTE FUNCTION check_transfer()"
)


class ExpenseClaim(Identified, Versioned, Base):
    """What a firm declares to have spent of an aid. Who wrote it does not settle it.

    The database finds the firm of the aid, numbers the claims of each aid, and counts on the aid those that are open.
    """

    __tablename__ = "claims"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "aid_id"], ["aids.territory", "aids.id"], name="claims_aid_fkey"),
        ForeignKeyConstraint(
            ["settled_by", "settler_kind"], ["subjects.id", "subjects.kind"], name="claim_settled_by_a_person"
        ),
        UniqueConstraint("id", "territory", "aid_id", "siren", "status", name="claims_lines_key"),
        UniqueConstraint("aid_id", "number", name="claims_number_key"),
        Index(
            "claims_external_id_key", "territory", "external_id", unique=True,
            postgresql_where=text("status <> 'withdrawn'"),
        ),
        Index(None, "territory", "status"),
        CheckConstraint("settled_by <> ALL (authors)", name="separation_of_duties"),
        shape("settler_kind = 'person'", name="claim_settler_kind"),
        shape("number >= 1", name="claim_number"),
        shape(one_of("status", ClaimStatus), name="claim_status"),
        shape(
            "num_nonnulls(settled_by, settled_on, settled_at) = CASE status WHEN 'settled' THEN 3 ELSE 0 END"
            " AND (status = 'settled' OR num_nonnulls(checklist, visited_on) = 0)"
            " AND jsonb_typeof(checklist) = 'array'",
            name="claim_settled",
        ),
        shape(
            "num_nonnulls(sample_method, sample_size, sample_seed, sampled_by, sampled_at) IN (0, 5)"
            f" AND {one_of('sample_method', SampleMethod)} AND sample_size >= 1 AND sample_seed ~ '^[0-9a-f]{{16}}$'",
            name="claim_sample",
        ),
        shape("num_nonnulls(reopened_by, reopened_at, reopen_reason) IN (0, 3)", name="claim_reopened"),
        shape(
            "num_nonnulls(withdrawn_by, withdrawn_at, withdrawal_reason)"
            " = CASE status WHEN 'withdrawn' THEN 3 ELSE 0 END",
            name="claim_withdrawn",
        ),
    )  # fmt: skip

    territory: Mapped[str]
    aid_id: Mapped[UUID]
    siren: Mapped[str] = mapped_column("firm_siren", key="siren")
    number: Mapped[int] = mapped_column(SmallInteger)
    external_id: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=ClaimStatus.SUBMITTED.value)
    authors: Mapped[list[UUID]] = mapped_column(ARRAY(POSTGRES_UUID()))
    submitted_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    sample_method: Mapped[str | None]
    sample_size: Mapped[int | None] = mapped_column(SmallInteger)
    sample_seed: Mapped[str | None]
    sampled_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    sampled_at: Mapped[datetime | None]
    checklist: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    visited_on: Mapped[date | None]
    settled_on: Mapped[date | None]
    settled_by: Mapped[UUID | None]
    settler_kind: Mapped[str] = mapped_column(server_default="person")
    settled_at: Mapped[datetime | None]
    reopened_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    reopened_at: Mapped[datetime | None]
    reopen_reason: Mapped[str | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    withdrawn_at: Mapped[datetime | None]
    withdrawal_reason: Mapped[str | None]


class DeclaredInvoice(Identified, Base):
    """An invoice, or a credit note, that lines of claims declare: they never come to more than its amount.

    The database finds it for each line, and counts on it what those that stand declare. The key of a credit note begins
    with a minus.
    """

    __tablename__ = "declared_invoices"
    __table_args__ = (
        Index(
            "invoice_already_claimed", "siren", "invoice_key", "supplier_siren", unique=True,
            postgresql_where=text("declared_cents > 0 AND supplier_siren IS NOT NULL"),
        ),
        ExcludeConstraint(
            (func.textrange(text("firm_siren"), text("firm_siren"), text("'[]'")), "&&"),
            (func.textrange(text("invoice_key"), text("invoice_key"), text("'[]'")), "&&"),
            (func.textrange(text("supplier_key"), text("supplier_key"), text("'[]'")), "&&"),
            (func.textrange(text("supplier_siren"), text("supplier_siren"), text("'[]'")), "&&"),
            name="invoice_already_claimed_by_name",
            using="gist",
            where=text("declared_cents > 0 AND supplier_key IS NOT NULL"),
        ),
        Index(None, "siren", "invoice_key"),
        CheckConstraint("declared_cents <= amount_cents", name="invoice_exceeded"),
        shape("least(amount_cents, declared_cents) >= 0", name="declared_invoice_amounts"),
    )  # fmt: skip

    siren: Mapped[str] = mapped_column("firm_siren", key="siren")
    invoice_key: Mapped[str]
    supplier_siren: Mapped[str | None]
    supplier_key: Mapped[str | None]
    invoiced_on: Mapped[date]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    declared_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")


class ClaimLine(Identified, Base):
    """An invoice that a claim declares, the whole or a part of it, or a credit note; and what became of it.

    `status` is the claim's, at the end of every transaction. A line `stands` until it is settled as nothing, or its
    claim withdrawn. One that returns after it was parked names the earlier line. The amounts of a credit note are
    negative, and it names the invoice that it lowers.
    """

    __tablename__ = "claim_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["claim_id", "territory", "aid_id", "siren", "status"],
            ["claims.id", "claims.territory", "claims.aid_id", "claims.siren", "claims.status"],
            name="claim_lines_claim_fkey", deferrable=True, initially="DEFERRED",
        ),
        ForeignKeyConstraint(
            ["aid_id", "line_id"], ["aid_lines.aid_id", "aid_lines.id"], name="claim_lines_line_fkey",
            info={"field": "line_id"},
        ),
        ForeignKeyConstraint(["returns_id"], ["claim_lines.id"], name="claim_lines_returns_fkey"),
        UniqueConstraint("claim_id", "position", name="claim_lines_position_key"),
        ForeignKeyConstraint(["invoice_id"], ["declared_invoices.id"], name="claim_lines_invoice_fkey"),
        ForeignKeyConstraint(["lowers_id"], ["declared_invoices.id"], name="claim_lines_lowers_fkey"),
        Index(
            "invoice_already_claimed_by_line", "invoice_id", "line_id", "paid_on", unique=True,
            postgresql_where=text("stands AND returns_id IS NULL"),
        ),
        Index(None, "invoice_id"),
        Index("claim_lines_lowers_idx", "lowers_id", postgresql_where=text("lowers_id IS NOT NULL")),
        Index("claim_lines_standing_idx", "siren", "invoice_key", postgresql_where=text("stands")),
        Index("parked_line_returns_once", "returns_id", unique=True, postgresql_where=text("stands")),
        Index(None, "aid_id", "line_id"),
        CheckConstraint(
            f"CASE status WHEN 'settled' THEN declared_cents ELSE 0 END = {_SETTLED}", name="settlement_unbalanced"
        ),
        shape(
            f"CASE WHEN declared_cents > 0 THEN least({_PARTS}) >= 0"
            f" ELSE declared_cents < 0 AND parked_cents = 0 AND greatest({_PARTS}) <= 0 END",
            name="claim_line_amounts",
        ),
        shape(
            "invoice_cents IS NULL OR (declared_cents > 0 AND invoice_cents >= declared_cents)",
            name="claim_line_invoice_amount",
        ),
        shape(
            "(declared_cents < 0) = (lowers_invoice_number IS NOT NULL)"
            " AND (lowers_invoice_number IS NULL OR returns_id IS NULL)",
            name="claim_line_lowers",
        ),
        shape("position >= 1", name="claim_line_position"),
        shape(one_of("status", ClaimStatus), name="claim_line_status"),
        shape("is_siren(supplier_siren)", name="claim_line_supplier_siren"),
        shape("num_nonnulls(supplier_siren, supplier_name) > 0", name="claim_line_supplier"),
        shape("invoice_key <> '' AND supplier_key <> ''", name="claim_line_keys"),
        shape("proof_sha256 ~ '^[0-9a-f]{64}$'", name="claim_line_proof"),
    )  # fmt: skip

    claim_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    territory: Mapped[str]
    aid_id: Mapped[UUID]
    siren: Mapped[str] = mapped_column("firm_siren", key="siren")
    status: Mapped[str] = mapped_column(server_default=ClaimStatus.SUBMITTED.value)
    line_id: Mapped[UUID]
    invoice_number: Mapped[str]
    invoice_key: Mapped[str] = mapped_column(Computed("invoice_key(invoice_number)", persisted=True))
    supplier_siren: Mapped[str | None]
    supplier_name: Mapped[str | None]
    supplier_key: Mapped[str | None] = mapped_column(Computed("supplier_key(supplier_name)", persisted=True))
    invoiced_on: Mapped[date]
    paid_on: Mapped[date]
    declared_cents: Mapped[int] = mapped_column(BigInteger)
    proof_sha256: Mapped[str | None]
    returns_id: Mapped[UUID | None]
    invoice_id: Mapped[UUID | None]  # found by the database
    invoice_cents: Mapped[int | None] = mapped_column(BigInteger)  # of the whole invoice, where a line says it
    lowers_invoice_number: Mapped[str | None]
    lowers_id: Mapped[UUID | None]  # found by the database
    sampled: Mapped[bool | None]  # null while no sample is drawn
    certified_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    parked_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    not_eligible_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    not_paid_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    out_of_period_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    double_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    over_line_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    no_proof_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    note: Mapped[str | None]
    stands: Mapped[bool] = mapped_column(
        Computed(
            "CASE status WHEN 'submitted' THEN true WHEN 'settled' THEN certified_cents + parked_cents <> 0"
            " ELSE false END",
            persisted=True,
        )
    )


_MOVES = ", ".join(sorted({f"('{source}', '{target}')" for source, target in TRANSITIONS.values()}))

# The aid is locked first, and counts its open claims: none is closed beside a claim, no two have one number.
GUARD_CLAIM = f"""
CREATE FUNCTION guard_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE aids SET open_claims = open_claims + 1
        WHERE territory = NEW.territory AND id = NEW.aid_id AND parameters IS NOT NULL
        RETURNING firm_siren INTO NEW.firm_siren;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'held by its amount alone'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'award_without_lines';
        END IF;
        IF NEW.status <> 'submitted' THEN
            RAISE EXCEPTION 'a claim begins submitted'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
        END IF;
        SELECT coalesce(max(number), 0) + 1 INTO NEW.number FROM claims WHERE aid_id = NEW.aid_id;
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) NOT IN ({_MOVES})
        OR (OLD.id, OLD.territory, OLD.aid_id, OLD.firm_siren, OLD.number, OLD.submitted_by)
            IS DISTINCT FROM (NEW.id, NEW.territory, NEW.aid_id, NEW.firm_siren, NEW.number, NEW.submitted_by)
        OR NOT NEW.authors @> OLD.authors
        OR (OLD.sample_seed IS NOT NULL AND NEW.sample_seed IS NOT NULL
            AND (OLD.sample_method, OLD.sample_size, OLD.sample_seed)
                IS DISTINCT FROM (NEW.sample_method, NEW.sample_size, NEW.sample_seed))
    THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
    END IF;
    IF (OLD.status = 'submitted') <> (NEW.status = 'submitted') THEN
        UPDATE aids SET open_claims = open_claims + CASE NEW.status WHEN 'submitted' THEN 1 ELSE -1 END
        WHERE id = NEW.aid_id;
    END IF;
    RETURN NEW;
END
$$
"""  # noqa: S608  # our own text
# What was declared stays once the claim is settled; what counts is of the period; what returns was parked.
GUARD_CLAIM_LINE = """
CREATE FUNCTION guard_claim_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    received date;
    completed date;
    parked record;
    later smallint;
BEGIN
    IF TG_OP <> 'UPDATE' AND EXISTS (
        SELECT FROM claims WHERE id = coalesce(NEW.claim_id, OLD.claim_id) AND sample_seed IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'its lines are drawn' USING ERRCODE = 'check_violation', CONSTRAINT = 'sample_drawn';
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'submitted' THEN
            RAISE EXCEPTION 'it is settled' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.status <> 'submitted' OR TG_OP = 'UPDATE' AND (
        (OLD.status, NEW.status) NOT IN (
            ('submitted', 'submitted'), ('submitted', 'settled'), ('settled', 'submitted'), ('submitted', 'withdrawn')
        )
        OR (OLD.id, OLD.claim_id, OLD.territory, OLD.aid_id, OLD.firm_siren, OLD.line_id, OLD.invoice_number,
            OLD.supplier_siren, OLD.supplier_name, OLD.invoiced_on, OLD.paid_on, OLD.declared_cents, OLD.proof_sha256,
            OLD.returns_id, OLD.invoice_id, OLD.invoice_cents, OLD.lowers_invoice_number, OLD.lowers_id)
            IS DISTINCT FROM
            (NEW.id, NEW.claim_id, NEW.territory, NEW.aid_id, NEW.firm_siren, NEW.line_id, NEW.invoice_number,
            NEW.supplier_siren, NEW.supplier_name, NEW.invoiced_on, NEW.paid_on, NEW.declared_cents, NEW.proof_sha256,
            NEW.returns_id, NEW.invoice_id, NEW.invoice_cents, NEW.lowers_invoice_number, NEW.lowers_id)
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
    END IF;
    IF TG_OP = 'INSERT' OR NEW.certified_cents > 0 THEN
        SELECT f.received_on, a.completed_on INTO received, completed
        FROM aids a LEFT JOIN applications f ON f.id = a.application_id WHERE a.id = NEW.aid_id;
        IF least(NEW.invoiced_on, NEW.paid_on) < received THEN
            RAISE EXCEPTION 'too early' USING ERRCODE = 'check_violation', CONSTRAINT = 'expense_before_receipt',
                DETAIL = json_build_object('received_on', received);
        END IF;
        IF NEW.invoiced_on > completed AND NEW.declared_cents > 0 THEN
            RAISE EXCEPTION 'too late' USING ERRCODE = 'check_violation', CONSTRAINT = 'expense_after_completion',
                DETAIL = json_build_object('completed_on', completed);
        END IF;
    END IF;
    IF TG_OP = 'INSERT' THEN
        PERFORM hold_claimants(NEW.aid_id);
        NEW.lowers_id := lowered_invoice(NEW);
        IF NEW.declared_cents < 0 AND NEW.lowers_id IS NULL THEN
            RAISE EXCEPTION 'no such invoice stands'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_above_invoice';
        END IF;
        IF NEW.returns_id IS NULL THEN
            NEW.invoice_id := invoice_of_line(NEW);
        END IF;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.returns_id IS NOT NULL THEN
        SELECT * INTO parked FROM claim_lines WHERE id = NEW.returns_id FOR NO KEY UPDATE;
        IF parked.aid_id IS DISTINCT FROM NEW.aid_id OR parked.status <> 'settled'
            OR parked.invoice_key <> invoice_key(NEW.invoice_number) OR NEW.declared_cents > parked.parked_cents
        THEN
            RAISE EXCEPTION 'it was not parked' USING ERRCODE = 'check_violation', CONSTRAINT = 'above_parked',
                DETAIL = json_build_object('parked_cents', coalesce(parked.parked_cents, 0));
        END IF;
        NEW.invoice_id := parked.invoice_id;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status = 'settled' THEN
        SELECT c.number INTO later FROM claim_lines l JOIN claims c ON c.id = l.claim_id
        WHERE l.returns_id = OLD.id AND l.stands;
        IF FOUND THEN
            RAISE EXCEPTION 'it has returned' USING ERRCODE = 'check_violation', CONSTRAINT = 'parked_line_returned',
                DETAIL = json_build_object('number', later);
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""
# What stands of an invoice counts on it, whose CHECK refuses more than its amount; of a line of the decision its credit
# notes take away at most what is declared, and certified, of the invoice.
COUNT_INVOICE = """
CREATE FUNCTION count_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line claim_lines := coalesce(NEW, OLD);
    lowered uuid := coalesce(line.lowers_id, line.invoice_id);
BEGIN
    PERFORM hold_claimants(line.aid_id);
    UPDATE declared_invoices SET declared_cents = (
        SELECT coalesce(sum(abs(l.declared_cents)), 0) FROM claim_lines l
        WHERE l.invoice_id = line.invoice_id AND l.stands AND l.returns_id IS NULL
    )
    WHERE id = line.invoice_id;
    IF EXISTS (
        SELECT FROM claim_lines l
        WHERE l.lowers_id = lowered OR (l.invoice_id = lowered AND l.lowers_id IS NULL)
        GROUP BY l.line_id
        HAVING sum(l.declared_cents) FILTER (WHERE l.stands AND l.returns_id IS NULL) < 0
            OR sum(l.certified_cents) < 0
    ) THEN
        RAISE EXCEPTION 'a credit note comes to more'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_above_invoice';
    END IF;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM declared_invoices i
        WHERE i.id IN (line.invoice_id, line.lowers_id)
            AND NOT EXISTS (SELECT FROM claim_lines l WHERE i.id IN (l.invoice_id, l.lowers_id));
    END IF;
    RETURN NULL;
END
$$
"""
COUNT_DECLARED = (
    "CREATE TRIGGER count_declared AFTER INSERT OR DELETE ON claim_lines FOR EACH ROW EXECUTE FUNCTION count_invoice()"
)
COUNT_SETTLED = (
    "CREATE TRIGGER count_settled AFTER UPDATE ON claim_lines FOR EACH ROW"
    " WHEN ((OLD.status, OLD.certified_cents, OLD.parked_cents)"
    " IS DISTINCT FROM (NEW.status, NEW.certified_cents, NEW.parked_cents)) EXECUTE FUNCTION count_invoice()"
)
# Where one stands again, no other has come in its place, whatever names it.
CHECK_INVOICE = """
CREATE FUNCTION check_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM claim_lines l
        WHERE l.invoice_id = NEW.id AND l.stands AND claimed_elsewhere(l) IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'another stands' USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_already_claimed';
    END IF;
    RETURN NULL;
END
$$
"""
CHECK_INVOICES = (
    "CREATE TRIGGER check_invoice AFTER UPDATE ON declared_invoices FOR EACH ROW"
    " WHEN (OLD.declared_cents = 0 AND NEW.declared_cents > 0) EXECUTE FUNCTION check_invoice()"
)
# What is certified counts on the line of the decision, whose CHECK refuses more than its amount, and on the aid.
COUNT_CERTIFIED = """
CREATE FUNCTION count_certified() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM aids WHERE id IN (SELECT aid_id FROM after_it) ORDER BY id FOR NO KEY UPDATE;
    UPDATE aid_lines l SET certified_cents = l.certified_cents + moved.cents
    FROM (
        SELECT n.line_id, sum(n.certified_cents - o.certified_cents) AS cents
        FROM after_it n JOIN before_it o ON o.id = n.id GROUP BY n.line_id
    ) moved
    WHERE l.id = moved.line_id AND moved.cents <> 0;
    UPDATE aids a SET certified_cents = a.certified_cents + moved.cents
    FROM (
        SELECT n.aid_id, sum(n.certified_cents - o.certified_cents) AS cents
        FROM after_it n JOIN before_it o ON o.id = n.id GROUP BY n.aid_id
    ) moved
    WHERE a.id = moved.aid_id AND moved.cents <> 0;
    RETURN NULL;
END
$$
"""
GUARD_LINES = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON claim_lines"
    " FOR EACH ROW EXECUTE FUNCTION guard_claim_line()"
)
COUNT_LINES = (
    "CREATE TRIGGER count_certified AFTER UPDATE ON claim_lines REFERENCING OLD TABLE AS before_it"
    " NEW TABLE AS after_it FOR EACH STATEMENT EXECUTE FUNCTION count_certified()"
)
event.listen(Base.metadata, "before_create", DDL(INVOICE_KEY.replace("%", "%%")))  # invoices of members ask it too
event.listen(ClaimLine.__table__, "before_create", DDL(SUPPLIER_KEY.replace("%", "%%")))
for _table, _statements in (
    (
        ExpenseClaim.__table__,
        (
            GUARD_CLAIM,
            "CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON claims FOR EACH ROW EXECUTE FUNCTION guard_claim()",
            append_only("claims", "DELETE OR TRUNCATE"),
        ),
    ),
    (
        ClaimLine.__table__,
        (
            GUARD_CLAIM_LINE,
            GUARD_LINES,
            COUNT_CERTIFIED,
            COUNT_LINES,
            COUNT_INVOICE,
            COUNT_DECLARED,
            COUNT_SETTLED,
            append_only("claim_lines", "TRUNCATE"),
        ),
    ),
):
    for _statement in _statements:
        event.listen(_table, "after_create", DDL(_statement))
for _statement in (
    AID_HOLDERS, FIRMS_OF_INVOICES, SAME_INVOICE, DECLARED_ELSEWHERE, CLAIMED_ELSEWHERE, HOLD_CLAIMANTS,
    INVOICE_OF_LINE, LOWERED_INVOICE, CHECK_INVOICE, CHECK_INVOICES, CHECK_TRANSFER, TRANSFERS,
):  # fmt: skip
    event.listen(Base.metadata, "after_create", DDL(_statement))
