"""Firms give organisations mandates to collect from their accounts.

Revision: 2026_11_30_2000, after 2026_11_30_1945.
"""

from alembic import op

revision = "2026_11_30_2000"
down_revision = "2026_11_30_1945"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE direct_debit_mandates (
        territory TEXT NOT NULL,
        siren TEXT NOT NULL,
        organisation_id UUID NOT NULL,
        reference TEXT NOT NULL,
        signed_on DATE NOT NULL,
        bank_details_id UUID NOT NULL,
        ended_on DATE,
        recorded_by UUID NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT direct_debit_mandates_pkey PRIMARY KEY (id),
        CONSTRAINT mandate_firm_fkey FOREIGN KEY(territory, siren) REFERENCES territory_firms (territory,
            siren),
        CONSTRAINT direct_debit_mandates_reference_key UNIQUE (organisation_id, reference),
        CONSTRAINT mandate_reference CHECK (reference ~ '^[A-Za-z0-9/?:().,+-]{1,35}$'),
        CONSTRAINT mandate_days CHECK (signed_on >= '1900-01-01' AND ended_on BETWEEN signed_on AND
            '2199-12-31'),
        CONSTRAINT direct_debit_mandates_territory_fkey FOREIGN KEY(territory) REFERENCES territories (slug),
        CONSTRAINT direct_debit_mandates_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES
            organisations (id),
        CONSTRAINT direct_debit_mandates_bank_details_id_fkey FOREIGN KEY(bank_details_id) REFERENCES
            firm_bank_details (id),
        CONSTRAINT direct_debit_mandates_recorded_by_fkey FOREIGN KEY(recorded_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE INDEX direct_debit_mandates_bank_details_id_idx ON direct_debit_mandates (bank_details_id)
    """,
    """
    CREATE INDEX direct_debit_mandates_territory_siren_id_idx ON direct_debit_mandates (territory, siren, id)
    """,
    """
    CREATE UNIQUE INDEX mandate_open ON direct_debit_mandates (territory, siren, organisation_id) WHERE ended_on
        IS NULL
    """,
)
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
TRIGGERS = (
    (
        "CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON direct_debit_mandates FOR EACH ROW EXECUTE FUNCTION"
        " guard_mandate()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OF territory, siren, organisation_id, reference, signed_on,"
        " bank_details_id, recorded_by OR DELETE OR TRUNCATE ON direct_debit_mandates FOR EACH STATEMENT EXECUTE"
        " FUNCTION refuse_change()"
    ),
)


def upgrade() -> None:
    for statement in (*TABLES, GUARD_MANDATE, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("direct_debit_mandates")
    op.execute("DROP FUNCTION guard_mandate()")
