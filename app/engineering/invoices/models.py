"""Tables of invoices: what is invoiced of which certificate, the acts that say what became of it, and the balance."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import append_only, keep
from app.core.writing.sealing import HASHED
from app.engineering.certificates.models import ServiceCertificate
from app.engineering.invoices.rules import (
    ENDED,
    NEED_REASON,
    PASSAGES,
    InvoiceKind,
    InvoiceState,
)
from app.missions.models import Profile

_PASSAGES = ", ".join(f"('{act.value}', '{source.value}', '{to.value}')" for act, source, to in sorted(PASSAGES))
# As PostgreSQL itself spells it: the text of a computed column is compared.
_ENDED = ", ".join(f"'{state.value}'::text" for state in ENDED)
STANDS = f"state <> ALL (ARRAY[{_ENDED}])"
# True of a credit note that stands, else null: by the foreign key that has it, what it corrects stands as long.
CORRECTS_STANDING = f"CASE WHEN ((corrects_id IS NOT NULL) AND ({STANDS})) THEN true ELSE NULL::boolean END"
SEALED = (
    "territory", "mission_id", "organisation_id", "kind", "number", "supplier_siren", "payer_id", "payer_siret",
    "issued_on", "engagement_number", "service_code", "corrects_id", "service_on", "days", "amount_cents", "vat_cents",
    "total_cents", "content", "content_hash", "made_by",
)  # fmt: skip


class Invoice(Identified, Versioned, Base):
    """An invoice of a member on certificates, or the credit note on counter-certificates that corrects one.

    What it says is sealed when it is made; its state is its last act's. While it stands, its number is taken and its
    certificates are invoiced; a rejected or cancelled one frees both. `service_on` is the day of the last certificate
    (*service fait*). A credit note has negative figures; while it stands, so does the invoice
    that it corrects.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        UniqueConstraint("id", "territory", "mission_id", "organisation_id", name="invoices_member_key"),
        UniqueConstraint("id", "stands", name="invoices_stands_key"),
        ForeignKeyConstraint(["territory", "mission_id"], ["missions.territory", "missions.id"]),
        ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            name="invoices_member_fkey",
            info={"field": "organisation_id"},
        ),
        ForeignKeyConstraint(
            ["corrects_id", "territory", "mission_id", "organisation_id"],
            ["invoices.id", "invoices.territory", "invoices.mission_id", "invoices.organisation_id"],
            name="invoices_corrects_fkey",
        ),
        ForeignKeyConstraint(
            ["corrects_id", "corrects_standing"], ["invoices.id", "invoices.stands"], name="invoice_credited",
        ),
        ForeignKeyConstraint(
            ["id", "passage_number", "state"],
            ["invoice_passages.invoice_id", "invoice_passages.number", "invoice_passages.to_state"],
            name="invoices_state_fkey", use_alter=True, deferrable=True, initially="DEFERRED",
        ),
        Index(
            "invoice_number_taken", "supplier_siren", "number_key", "year", unique=True,
            postgresql_where=text("stands"),
        ),
        shape(one_of("kind", InvoiceKind), name="invoice_kind"),
        shape(one_of("state", InvoiceState), name="invoice_state"),
        shape("number <> '' AND number_key <> ''", name="invoice_number"),
        shape("is_siren(supplier_siren) AND is_siret(payer_siret)", name="invoice_parties"),
        shape("engagement_number <> '' AND service_code <> ''", name="invoice_references"),
        shape("(kind = 'credit_note') = (corrects_id IS NOT NULL)", name="invoice_corrects"),
        shape(
            "mod(days, 0.25) = 0 AND days <> 'NaN' AND total_cents = amount_cents + vat_cents AND CASE kind"
            " WHEN 'invoice' THEN days > 0 AND amount_cents >= 0 AND vat_cents >= 0"
            " ELSE days < 0 AND amount_cents <= 0 AND vat_cents <= 0 END",
            name="invoice_figures",
        ),
        shape(HASHED, name="invoice_content_hash"),
        shape("passage_number IS NOT NULL OR state = 'issued'", name="invoice_first_state"),
        shape("kind = 'invoice' OR due_on IS NULL", name="invoice_due"),
        Index(None, "territory", "state"),
        Index(None, "mission_id", "organisation_id"),
        Index(None, "corrects_id", postgresql_where=text("corrects_id IS NOT NULL")),
    )  # fmt: skip

    territory: Mapped[str]
    mission_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    kind: Mapped[str]
    number: Mapped[str]
    number_key: Mapped[str] = mapped_column(Computed("invoice_key(number)", persisted=True))
    supplier_siren: Mapped[str]
    payer_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    payer_siret: Mapped[str | None]
    issued_on: Mapped[date]
    year: Mapped[int] = mapped_column(
        SmallInteger, Computed("(EXTRACT(year FROM issued_on))::smallint", persisted=True)
    )
    engagement_number: Mapped[str | None]
    service_code: Mapped[str | None]
    corrects_id: Mapped[UUID | None]
    service_on: Mapped[date]
    days: Mapped[Decimal]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    vat_cents: Mapped[int] = mapped_column(BigInteger)
    total_cents: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[str]
    content_hash: Mapped[str]
    made_by: Mapped[UUID] = mapped_column(ForeignKey("subjects.id"))
    state: Mapped[str] = mapped_column(server_default=InvoiceState.ISSUED.value)
    passage_number: Mapped[int | None]
    received_on: Mapped[date | None]
    due_on: Mapped[date | None]
    paid_on: Mapped[date | None]
    stands: Mapped[bool] = mapped_column(Computed(STANDS, persisted=True))
    corrects_standing: Mapped[bool | None] = mapped_column(Computed(CORRECTS_STANDING, persisted=True))


class InvoiceCertificate(Base):
    """A certificate that an invoice contains, whole. Of the invoices that stand one contains it.

    `stands` is the invoice's, by a foreign key that carries it.
    """

    __tablename__ = "invoice_certificates"
    __table_args__ = (
        ForeignKeyConstraint(
            ["invoice_id", "territory", "mission_id", "organisation_id"],
            ["invoices.id", "invoices.territory", "invoices.mission_id", "invoices.organisation_id"],
            name="invoice_certificates_invoice_fkey",
        ),
        ForeignKeyConstraint(
            ["certificate_id", "territory", "mission_id", "organisation_id"],
            ["service_certificates.id", "service_certificates.territory", "service_certificates.mission_id",
             "service_certificates.organisation_id"],
            name="invoice_certificates_certificate_fkey",
            info={"field": "certificate_ids"},
        ),
        ForeignKeyConstraint(
            ["invoice_id", "stands"], ["invoices.id", "invoices.stands"], name="invoice_certificates_stands_fkey",
            onupdate="CASCADE",
        ),
        Index(
            "certificate_already_invoiced", "certificate_id", unique=True, postgresql_where=text("stands")
        ),
    )  # fmt: skip

    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    certificate_id: Mapped[UUID] = mapped_column(primary_key=True)
    territory: Mapped[str]
    mission_id: Mapped[UUID]
    organisation_id: Mapped[UUID]
    stands: Mapped[bool] = mapped_column(server_default=text("true"))


class InvoiceLine(Base):
    """The days of one profile at one day rate and their amount, as the certificate's sealed content says them."""

    __tablename__ = "invoice_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["invoice_id", "certificate_id"],
            ["invoice_certificates.invoice_id", "invoice_certificates.certificate_id"],
            name="invoice_lines_certificate_fkey",
        ),
        ForeignKeyConstraint(
            ["invoice_id", "vat_rate_bp"], ["invoice_vat.invoice_id", "invoice_vat.rate_bp"],
            name="invoice_lines_vat_fkey",
        ),
        ForeignKeyConstraint(
            ["certificate_id", "profile", "day_rate_cents"],
            ["service_certificate_lines.certificate_id", "service_certificate_lines.profile",
             "service_certificate_lines.day_rate_cents"],
            name="invoice_lines_certified_fkey",
        ),
        shape("number >= 1", name="invoice_line_number"),
        shape(one_of("profile", Profile), name="invoice_line_profile"),
        shape("mod(days, 0.25) = 0 AND days <> 'NaN'", name="invoice_line_days"),
        shape("amount_cents = round(days * day_rate_cents)", name="invoice_line_amount"),
    )  # fmt: skip

    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    certificate_id: Mapped[UUID]
    profile: Mapped[str]
    day_rate_cents: Mapped[int] = mapped_column(BigInteger)
    days: Mapped[Decimal]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    vat_rate_bp: Mapped[int]


class InvoiceVat(Base):
    """VAT of one rate: on the sum of its lines, rounded half-up once (EN 16931, BR-CO-17)."""

    __tablename__ = "invoice_vat"
    __table_args__ = (
        shape("rate_bp BETWEEN 0 AND 10000", name="invoice_vat_rate"),
        shape("vat_cents = round(taxable_cents * rate_bp / 10000.0)", name="invoice_vat_amount"),
    )

    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    rate_bp: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    taxable_cents: Mapped[int] = mapped_column(BigInteger)
    vat_cents: Mapped[int] = mapped_column(BigInteger)


class InvoicePassage(Base):
    """An act on an invoice, in both times. Append-only; each follows the one before, by foreign key.

    `payment_days` is how long the payer has, as the framework says on the day of the receipt.
    """

    __tablename__ = "invoice_passages"
    __table_args__ = (
        UniqueConstraint("invoice_id", "number", "to_state", name="invoice_passages_chain_key"),
        ForeignKeyConstraint(
            ["invoice_id", "previous_number", "from_state"],
            ["invoice_passages.invoice_id", "invoice_passages.number", "invoice_passages.to_state"],
            name="invoice_passages_previous_fkey",
        ),
        ForeignKeyConstraint(
            ["invoice_id", "reverses_number"],
            ["invoice_passages.invoice_id", "invoice_passages.number"],
            name="invoice_passages_reverses_fkey",
        ),
        UniqueConstraint("invoice_id", "reverses_number", name="invoice_passages_reverses_key"),
        shape(f"(act, from_state, to_state) IN ({_PASSAGES})", name="invoice_passage_transition"),
        shape(
            "CASE WHEN number = 1 THEN from_state = 'issued' AND previous_number IS NULL"
            " ELSE number > 1 AND previous_number IS NOT DISTINCT FROM number - 1 END",
            name="invoice_passage_number",
        ),
        shape(
            "(act = 'reverse') = (reverses_number IS NOT NULL) AND reverses_number < number"
            f" AND (NOT {one_of('act', NEED_REASON)} OR reason IS NOT NULL)"
            " AND (act = 'make_available') = (payment_days IS NOT NULL) AND payment_days >= 0",
            name="invoice_passage_members",
        ),
        shape("effective_on <= (timezone('Europe/Paris', recorded_at))::date", name="invoice_passage_future"),
    )

    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    act: Mapped[str]
    from_state: Mapped[str]
    to_state: Mapped[str]
    effective_on: Mapped[date]
    previous_number: Mapped[int | None]
    reverses_number: Mapped[int | None]
    reason: Mapped[str | None]
    payment_days: Mapped[int | None]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    recorded_at: Mapped[datetime] = mapped_column(default=clock.now)


class MemberInvoicing(Base):
    """What is certified of a member, and how much of it is invoiced and to be invoiced; excluding VAT.

    A trigger counts the row again at COMMIT, while it is held, from the certificates and the invoices that stand: what
    an invoice comes to is then what its certificates come to, by the CHECK.
    """

    __tablename__ = "member_invoicing"
    __table_args__ = (
        ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            name="member_invoicing_member_fkey",
        ),
        shape("certified_cents = invoiced_cents + to_invoice_cents", name="member_invoicing_sum"),
    )

    mission_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(primary_key=True)
    certified_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    invoiced_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    to_invoice_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")


# What the row of a member comes to. `rebond check` computes the same.
INVOICED = """
        SELECT (
            SELECT coalesce(sum(amount_cents), 0)::bigint FROM service_certificates
            WHERE mission_id = {mission} AND organisation_id = {organisation}
        ), (
            SELECT coalesce(sum(amount_cents), 0)::bigint FROM invoices
            WHERE mission_id = {mission} AND organisation_id = {organisation} AND stands
        ), (
            SELECT coalesce(sum(amount_cents), 0)::bigint FROM service_certificates c
            WHERE mission_id = {mission} AND organisation_id = {organisation}
                AND NOT EXISTS (SELECT FROM invoice_certificates i WHERE i.certificate_id = c.id AND i.stands)
        )
"""
# The row is held before certificates and invoices are looked at, and the look is a statement of its own.
COUNT_INVOICING = f"""
CREATE FUNCTION count_member_invoicing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO member_invoicing (mission_id, organisation_id) VALUES (NEW.mission_id, NEW.organisation_id)
    ON CONFLICT (mission_id, organisation_id) DO NOTHING;
    PERFORM FROM member_invoicing
    WHERE mission_id = NEW.mission_id AND organisation_id = NEW.organisation_id FOR NO KEY UPDATE;
    UPDATE member_invoicing SET (certified_cents, invoiced_cents, to_invoice_cents) = (
{INVOICED.format(mission="NEW.mission_id", organisation="NEW.organisation_id").strip()}
    ) WHERE mission_id = NEW.mission_id AND organisation_id = NEW.organisation_id;
    RETURN NULL;
END
$$
"""  # noqa: S608  # no input in it
COUNT_CERTIFICATE = (
    "CREATE CONSTRAINT TRIGGER count_invoicing AFTER INSERT ON service_certificates DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION count_member_invoicing()"
)
COUNT_INVOICE = (
    "CREATE CONSTRAINT TRIGGER count_invoicing AFTER INSERT OR UPDATE ON invoices DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION count_member_invoicing()"
)
# An invoice has certificates that were not cancelled when it was made; a credit note has the counter-certificates of
# certificates that the invoice which it corrects contains. Who cancels a certificate holds it, as who invoices does.
GUARD_CERTIFICATE = """
CREATE FUNCTION guard_invoice_certificate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_it record;
BEGIN
    SELECT c.cancels_id, i.kind, i.corrects_id, EXISTS (
        SELECT FROM service_certificates counter WHERE counter.cancels_id = c.id
    ) AS cancelled INTO of_it
    FROM service_certificates c, invoices i WHERE c.id = NEW.certificate_id AND i.id = NEW.invoice_id;
    IF of_it.kind = 'credit_note' THEN
        IF NOT EXISTS (
            SELECT FROM invoice_certificates x
            WHERE x.invoice_id = of_it.corrects_id AND x.certificate_id = of_it.cancels_id AND x.stands
        ) THEN
            RAISE EXCEPTION 'what it cancels is not on that invoice'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'certificate_not_invoiced';
        END IF;
    ELSIF of_it.cancels_id IS NOT NULL OR of_it.cancelled THEN
        RAISE EXCEPTION 'the certificate is cancelled'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'certificate_cancelled';
    END IF;
    RETURN NEW;
END
$$
"""
CERTIFICATE_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT ON invoice_certificates FOR EACH ROW"
    " EXECUTE FUNCTION guard_invoice_certificate()"
)
# At COMMIT an invoice is what its lines, its certificates and its VAT come to, and has the number of its last act.
AGREES_FUNCTION = """
CREATE FUNCTION invoice_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'invoices' THEN 'id' ELSE 'invoice_id' END;
BEGIN
    IF EXISTS (
        SELECT FROM invoices i
        CROSS JOIN LATERAL (
            SELECT sum(l.days) AS days, sum(l.amount_cents) AS amount_cents FROM invoice_lines l
            WHERE l.invoice_id = i.id
        ) lines
        CROSS JOIN LATERAL (
            SELECT sum(c.days) AS days, sum(c.amount_cents) AS amount_cents
            FROM invoice_certificates x JOIN service_certificates c ON c.id = x.certificate_id
            WHERE x.invoice_id = i.id
        ) certified
        CROSS JOIN LATERAL (
            SELECT sum(v.taxable_cents) AS amount_cents, sum(v.vat_cents) AS vat_cents, bool_or(v.taxable_cents <> (
                SELECT coalesce(sum(l.amount_cents), 0) FROM invoice_lines l
                WHERE l.invoice_id = i.id AND l.vat_rate_bp = v.rate_bp
            )) AS differs FROM invoice_vat v WHERE v.invoice_id = i.id
        ) vat
        WHERE i.id = asked AND (
            (lines.days, lines.amount_cents) IS DISTINCT FROM (i.days, i.amount_cents::numeric)
            OR (certified.days, certified.amount_cents) IS DISTINCT FROM (i.days, i.amount_cents::numeric)
            OR (vat.amount_cents, vat.vat_cents, vat.differs)
                IS DISTINCT FROM (i.amount_cents::numeric, i.vat_cents::numeric, false)
            OR i.passage_number IS DISTINCT FROM (
                SELECT max(p.number) FROM invoice_passages p WHERE p.invoice_id = i.id
            )
        )
    ) THEN
        RAISE EXCEPTION 'invoice and certificates differ'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_differs';
    END IF;
    RETURN NULL;
END
$$
"""
AGREES = "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT OR UPDATE ON invoices"
AGREES_PASSAGE = "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON invoice_passages"
_AT_COMMIT = " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION invoice_agrees()"
# A reversal takes back the last act that stands, and leads to where that act had begun.
GUARD_PASSAGE = """
CREATE FUNCTION guard_invoice_passage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM invoice_passages p
        WHERE p.invoice_id = NEW.invoice_id AND p.number = NEW.reverses_number AND p.act <> 'reverse'
            AND (p.from_state, p.to_state) = (NEW.to_state, NEW.from_state) AND NOT EXISTS (
                SELECT FROM invoice_passages later
                WHERE later.invoice_id = p.invoice_id AND later.number > p.number AND later.act <> 'reverse'
                    AND NOT EXISTS (
                        SELECT FROM invoice_passages r
                        WHERE r.invoice_id = later.invoice_id AND r.reverses_number = later.number
                    )
            )
    ) THEN
        RAISE EXCEPTION 'another act is the last'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'invoice_passage_reversal';
    END IF;
    RETURN NEW;
END
$$
"""
PASSAGE_GUARD = (
    "CREATE TRIGGER guard BEFORE INSERT ON invoice_passages FOR EACH ROW WHEN (NEW.act = 'reverse')"
    " EXECUTE FUNCTION guard_invoice_passage()"
)
STAYS = "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON invoices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
# The foreign key that carries `stands` makes the one change of a row; it writes all of its columns.
CERTIFICATES_SAME = (
    "CREATE TRIGGER append_only BEFORE UPDATE ON invoice_certificates FOR EACH ROW"
    " WHEN ((OLD.invoice_id, OLD.certificate_id) IS DISTINCT FROM (NEW.invoice_id, NEW.certificate_id))"
    " EXECUTE FUNCTION refuse_change()"
)
CERTIFICATES_STAY = (
    "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON invoice_certificates"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)

for _table in (InvoiceLine, InvoiceVat, InvoicePassage):
    keep(_table)
for _function in (COUNT_INVOICING, GUARD_CERTIFICATE, AGREES_FUNCTION, GUARD_PASSAGE):
    event.listen(Base.metadata, "before_create", DDL(_function.replace("%", "%%")))
event.listen(ServiceCertificate.__table__, "after_create", DDL(COUNT_CERTIFICATE))
for _on, _statements in (
    (
        Invoice,
        (COUNT_INVOICE, AGREES + _AT_COMMIT, append_only("invoices", f"UPDATE OF {', '.join(SEALED)}"), STAYS),
    ),
    (InvoiceCertificate, (CERTIFICATE_GUARD, CERTIFICATES_SAME, CERTIFICATES_STAY)),
    (InvoicePassage, (AGREES_PASSAGE + _AT_COMMIT, PASSAGE_GUARD)),
):
    for _statement in _statements:
        event.listen(_on.__table__, "after_create", DDL(_statement))
