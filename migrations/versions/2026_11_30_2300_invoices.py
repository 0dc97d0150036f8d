"""Invoices of members on certificates of service, the acts on them, and what is invoiced of what is certified.

Revision: 2026_11_30_2300, after 2026_11_30_2260.
"""

from alembic import op

revision = "2026_11_30_2300"
down_revision = "2026_11_30_2260"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE invoices (
        territory TEXT NOT NULL,
        mission_id UUID NOT NULL,
        organisation_id UUID NOT NULL,
        kind TEXT NOT NULL,
        number TEXT NOT NULL,
        number_key TEXT GENERATED ALWAYS AS (invoice_key(number)) STORED NOT NULL,
        supplier_siren TEXT NOT NULL,
        payer_id UUID NOT NULL,
        payer_siret TEXT,
        issued_on DATE NOT NULL,
        year SMALLINT GENERATED ALWAYS AS ((EXTRACT(year FROM issued_on))::smallint) STORED NOT NULL,
        engagement_number TEXT,
        service_code TEXT,
        corrects_id UUID,
        service_on DATE NOT NULL,
        days NUMERIC(7, 2) NOT NULL,
        amount_cents BIGINT NOT NULL,
        vat_cents BIGINT NOT NULL,
        total_cents BIGINT NOT NULL,
        content TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        made_by UUID NOT NULL,
        state TEXT DEFAULT 'issued' NOT NULL,
        passage_number INTEGER,
        received_on DATE,
        due_on DATE,
        paid_on DATE,
        stands BOOLEAN GENERATED ALWAYS AS (state <> ALL (ARRAY['rejected'::text, 'cancelled'::text])) STORED NOT
            NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT invoices_pkey PRIMARY KEY (id),
        CONSTRAINT invoices_member_key UNIQUE (id, territory, mission_id, organisation_id),
        CONSTRAINT invoices_stands_key UNIQUE (id, stands),
        CONSTRAINT invoices_territory_mission_id_fkey FOREIGN KEY(territory, mission_id) REFERENCES missions
            (territory, id),
        CONSTRAINT invoices_member_fkey FOREIGN KEY(mission_id, organisation_id) REFERENCES mission_members
            (mission_id, organisation_id),
        CONSTRAINT invoices_corrects_fkey FOREIGN KEY(corrects_id, territory, mission_id, organisation_id)
            REFERENCES invoices (id, territory, mission_id, organisation_id),
        CONSTRAINT invoice_kind CHECK (kind IN ('invoice', 'credit_note')),
        CONSTRAINT invoice_state CHECK (state IN ('issued', 'deposited', 'at_payer', 'suspended', 'rejected',
            'payment_ordered', 'paid', 'cancelled')),
        CONSTRAINT invoice_number CHECK (number <> '' AND number_key <> ''),
        CONSTRAINT invoice_parties CHECK (is_siren(supplier_siren) AND is_siret(payer_siret)),
        CONSTRAINT invoice_references CHECK (engagement_number <> '' AND service_code <> ''),
        CONSTRAINT invoice_corrects CHECK ((kind = 'credit_note') = (corrects_id IS NOT NULL)),
        CONSTRAINT invoice_figures CHECK (mod(days, 0.25) = 0 AND days <> 'NaN' AND total_cents = amount_cents +
            vat_cents AND CASE kind WHEN 'invoice' THEN days > 0 AND amount_cents >= 0 AND vat_cents >= 0 ELSE days < 0
            AND amount_cents <= 0 AND vat_cents <= 0 END),
        CONSTRAINT invoice_content_hash CHECK (content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')),
        CONSTRAINT invoice_first_state CHECK (passage_number IS NOT NULL OR state = 'issued'),
        CONSTRAINT invoice_due CHECK (kind = 'invoice' OR due_on IS NULL),
        CONSTRAINT invoices_payer_id_fkey FOREIGN KEY(payer_id) REFERENCES organisations (id),
        CONSTRAINT invoices_made_by_fkey FOREIGN KEY(made_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE TABLE invoice_certificates (
        invoice_id UUID NOT NULL,
        certificate_id UUID NOT NULL,
        territory TEXT NOT NULL,
        mission_id UUID NOT NULL,
        organisation_id UUID NOT NULL,
        stands BOOLEAN DEFAULT true NOT NULL,
        CONSTRAINT invoice_certificates_pkey PRIMARY KEY (invoice_id, certificate_id),
        CONSTRAINT invoice_certificates_invoice_fkey FOREIGN KEY(invoice_id, territory, mission_id, organisation_id)
            REFERENCES invoices (id, territory, mission_id, organisation_id),
        CONSTRAINT invoice_certificates_certificate_fkey FOREIGN KEY(certificate_id, territory, mission_id,
            organisation_id) REFERENCES service_certificates (id, territory, mission_id, organisation_id),
        CONSTRAINT invoice_certificates_stands_fkey FOREIGN KEY(invoice_id, stands) REFERENCES invoices (id, stands)
            ON UPDATE CASCADE
    )
    """,
    """
    CREATE TABLE invoice_vat (
        invoice_id UUID NOT NULL,
        rate_bp INTEGER NOT NULL,
        taxable_cents BIGINT NOT NULL,
        vat_cents BIGINT NOT NULL,
        CONSTRAINT invoice_vat_pkey PRIMARY KEY (invoice_id, rate_bp),
        CONSTRAINT invoice_vat_rate CHECK (rate_bp BETWEEN 0 AND 10000),
        CONSTRAINT invoice_vat_amount CHECK (vat_cents = round(taxable_cents * rate_bp / 10000.0)),
        CONSTRAINT invoice_vat_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoices (id)
    )
    """,
    """
    CREATE TABLE invoice_lines (
        invoice_id UUID NOT NULL,
        number INTEGER NOT NULL,
        certificate_id UUID NOT NULL,
        profile TEXT NOT NULL,
        day_rate_cents BIGINT NOT NULL,
        days NUMERIC(7, 2) NOT NULL,
        amount_cents BIGINT NOT NULL,
        vat_rate_bp INTEGER NOT NULL,
        CONSTRAINT invoice_lines_pkey PRIMARY KEY (invoice_id, number),
        CONSTRAINT invoice_lines_certificate_fkey FOREIGN KEY(invoice_id, certificate_id) REFERENCES
            invoice_certificates (invoice_id, certificate_id),
        CONSTRAINT invoice_lines_vat_fkey FOREIGN KEY(invoice_id, vat_rate_bp) REFERENCES invoice_vat (invoice_id,
            rate_bp),
        CONSTRAINT invoice_lines_certified_fkey FOREIGN KEY(certificate_id, profile, day_rate_cents) REFERENCES
            service_certificate_lines (certificate_id, profile, day_rate_cents),
        CONSTRAINT invoice_line_number CHECK (number >= 1),
        CONSTRAINT invoice_line_profile CHECK (profile IN ('junior', 'senior', 'expert')),
        CONSTRAINT invoice_line_days CHECK (mod(days, 0.25) = 0 AND days <> 'NaN'),
        CONSTRAINT invoice_line_amount CHECK (amount_cents = round(days * day_rate_cents))
    )
    """,
    """
    CREATE TABLE invoice_passages (
        invoice_id UUID NOT NULL,
        number INTEGER NOT NULL,
        act TEXT NOT NULL,
        from_state TEXT NOT NULL,
        to_state TEXT NOT NULL,
        effective_on DATE NOT NULL,
        previous_number INTEGER,
        reverses_number INTEGER,
        reason TEXT,
        payment_days INTEGER,
        recorded_by UUID,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT invoice_passages_pkey PRIMARY KEY (invoice_id, number),
        CONSTRAINT invoice_passages_chain_key UNIQUE (invoice_id, number, to_state),
        CONSTRAINT invoice_passages_previous_fkey FOREIGN KEY(invoice_id, previous_number, from_state) REFERENCES
            invoice_passages (invoice_id, number, to_state),
        CONSTRAINT invoice_passages_reverses_fkey FOREIGN KEY(invoice_id, reverses_number) REFERENCES
            invoice_passages (invoice_id, number),
        CONSTRAINT invoice_passages_reverses_key UNIQUE (invoice_id, reverses_number),
        CONSTRAINT invoice_passage_transition CHECK ((act, from_state, to_state) IN (('cancel', 'issued',
            'cancelled'), ('complete', 'suspended', 'at_payer'), ('deposit', 'issued', 'deposited'), ('make_available',
            'deposited', 'at_payer'), ('make_available', 'issued', 'at_payer'), ('order_payment', 'at_payer',
            'payment_ordered'), ('pay', 'at_payer', 'paid'), ('pay', 'payment_ordered', 'paid'), ('reject', 'at_payer',
            'rejected'), ('reject', 'deposited', 'rejected'), ('reject', 'suspended', 'rejected'), ('reverse',
            'at_payer', 'deposited'), ('reverse', 'at_payer', 'issued'), ('reverse', 'at_payer', 'suspended'),
            ('reverse', 'cancelled', 'issued'), ('reverse', 'deposited', 'issued'), ('reverse', 'paid', 'at_payer'),
            ('reverse', 'paid', 'payment_ordered'), ('reverse', 'payment_ordered', 'at_payer'), ('reverse', 'rejected',
            'at_payer'), ('reverse', 'rejected', 'deposited'), ('reverse', 'rejected', 'suspended'), ('reverse',
            'suspended', 'at_payer'), ('suspend', 'at_payer', 'suspended'))),
        CONSTRAINT invoice_passage_number CHECK (CASE WHEN number = 1 THEN from_state = 'issued' AND previous_number
            IS NULL ELSE number > 1 AND previous_number IS NOT DISTINCT FROM number - 1 END),
        CONSTRAINT invoice_passage_members CHECK ((act = 'reverse') = (reverses_number IS NOT NULL) AND
            reverses_number < number AND (NOT act IN ('suspend', 'reject', 'cancel', 'reverse') OR reason IS NOT NULL)
            AND (act = 'make_available') = (payment_days IS NOT NULL) AND payment_days >= 0),
        CONSTRAINT invoice_passage_future CHECK (effective_on <= (timezone('Europe/Paris', recorded_at))::date),
        CONSTRAINT invoice_passages_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoices (id),
        CONSTRAINT invoice_passages_recorded_by_fkey FOREIGN KEY(recorded_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE TABLE member_invoicing (
        mission_id UUID NOT NULL,
        organisation_id UUID NOT NULL,
        certified_cents BIGINT DEFAULT '0' NOT NULL,
        invoiced_cents BIGINT DEFAULT '0' NOT NULL,
        to_invoice_cents BIGINT DEFAULT '0' NOT NULL,
        CONSTRAINT member_invoicing_pkey PRIMARY KEY (mission_id, organisation_id),
        CONSTRAINT member_invoicing_member_fkey FOREIGN KEY(mission_id, organisation_id) REFERENCES mission_members
            (mission_id, organisation_id),
        CONSTRAINT member_invoicing_sum CHECK (certified_cents = invoiced_cents + to_invoice_cents)
    )
    """,
    """
    ALTER TABLE invoices ADD CONSTRAINT invoices_state_fkey FOREIGN KEY(id, passage_number, state) REFERENCES
        invoice_passages (invoice_id, number, to_state) DEFERRABLE INITIALLY DEFERRED
    """,
    """
    CREATE UNIQUE INDEX invoice_number_taken ON invoices (supplier_siren, number_key, year) WHERE stands
    """,
    """
    CREATE INDEX invoices_corrects_id_idx ON invoices (corrects_id) WHERE corrects_id IS NOT NULL
    """,
    """
    CREATE INDEX invoices_mission_id_organisation_id_idx ON invoices (mission_id, organisation_id)
    """,
    """
    CREATE INDEX invoices_territory_state_idx ON invoices (territory, state)
    """,
    """
    CREATE UNIQUE INDEX certificate_already_invoiced ON invoice_certificates (certificate_id) WHERE stands
    """,
)
FUNCTIONS = (
    """
CREATE FUNCTION count_member_invoicing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO member_invoicing (mission_id, organisation_id) VALUES (NEW.mission_id, NEW.organisation_id)
    ON CONFLICT (mission_id, organisation_id) DO NOTHING;
    PERFORM FROM member_invoicing
    WHERE mission_id = NEW.mission_id AND organisation_id = NEW.organisation_id FOR NO KEY UPDATE;
    UPDATE member_invoicing SET (certified_cents, invoiced_cents, to_invoice_cents) = (
SELECT (
            SELECT coalesce(sum(amount_cents), 0)::bigint FROM service_certificates
            WHERE mission_id = NEW.mission_id AND organisation_id = NEW.organisation_id
        ), (
            SELECT coalesce(sum(amount_cents), 0)::bigint FROM invoices
            WHERE mission_id = NEW.mission_id AND organisation_id = NEW.organisation_id AND stands
        ), (
            SELECT coalesce(sum(amount_cents), 0)::bigint FROM service_certificates c
            WHERE mission_id = NEW.mission_id AND organisation_id = NEW.organisation_id
                AND NOT EXISTS (SELECT FROM invoice_certificates i WHERE i.certificate_id = c.id AND i.stands)
        )
    ) WHERE mission_id = NEW.mission_id AND organisation_id = NEW.organisation_id;
    RETURN NULL;
END
$$
""",
    """
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
""",
    """
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
""",
    """
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
""",
)
TRIGGERS = (
    (
        "CREATE CONSTRAINT TRIGGER count_invoicing AFTER INSERT ON service_certificates DEFERRABLE INITIALLY"
        " DEFERRED FOR EACH ROW EXECUTE FUNCTION count_member_invoicing()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER count_invoicing AFTER INSERT OR UPDATE ON invoices DEFERRABLE INITIALLY"
        " DEFERRED FOR EACH ROW EXECUTE FUNCTION count_member_invoicing()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT OR UPDATE ON invoices DEFERRABLE INITIALLY DEFERRED FOR"
        " EACH ROW EXECUTE FUNCTION invoice_agrees()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OF territory, mission_id, organisation_id, kind, number,"
        " supplier_siren, payer_id, payer_siret, issued_on, engagement_number, service_code, corrects_id,"
        " service_on, days, amount_cents, vat_cents, total_cents, content, content_hash, made_by ON invoices FOR"
        " EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
    ("CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON invoices FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"),
    (
        "CREATE TRIGGER guard BEFORE INSERT ON invoice_certificates FOR EACH ROW EXECUTE FUNCTION"
        " guard_invoice_certificate()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE UPDATE ON invoice_certificates FOR EACH ROW WHEN ((OLD.invoice_id,"
        " OLD.certificate_id) IS DISTINCT FROM (NEW.invoice_id, NEW.certificate_id)) EXECUTE FUNCTION"
        " refuse_change()"
    ),
    (
        "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON invoice_certificates FOR EACH STATEMENT EXECUTE"
        " FUNCTION refuse_change()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON invoice_passages DEFERRABLE INITIALLY DEFERRED FOR EACH"
        " ROW EXECUTE FUNCTION invoice_agrees()"
    ),
    (
        "CREATE TRIGGER guard BEFORE INSERT ON invoice_passages FOR EACH ROW WHEN (NEW.act = 'reverse') EXECUTE"
        " FUNCTION guard_invoice_passage()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_lines FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_change()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_vat FOR EACH STATEMENT EXECUTE"
        " FUNCTION refuse_change()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_passages FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_change()"
    ),
)
# What is certified so far is all to be invoiced.
FILL = """
    INSERT INTO member_invoicing (mission_id, organisation_id, certified_cents, to_invoice_cents)
    SELECT mission_id, organisation_id, sum(amount_cents)::bigint, sum(amount_cents)::bigint
    FROM service_certificates GROUP BY mission_id, organisation_id
"""


def upgrade() -> None:
    for statement in (*TABLES, *FUNCTIONS, *TRIGGERS, FILL):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER count_invoicing ON service_certificates")
    op.execute("ALTER TABLE invoices DROP CONSTRAINT invoices_state_fkey")
    for table in (
        "member_invoicing", "invoice_passages", "invoice_lines", "invoice_vat", "invoice_certificates", "invoices",
    ):  # fmt: skip
        op.drop_table(table)
    for function in (
        "count_member_invoicing", "guard_invoice_certificate", "invoice_agrees", "guard_invoice_passage",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}()")
