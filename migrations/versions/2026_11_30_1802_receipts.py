"""A receipt is one entry of a bank account; it is assigned to the advances that it repays.

Revision: 2026_11_30_1802, after 2026_11_30_1801.
"""

from alembic import op

revision = "2026_11_30_1802"
down_revision = "2026_11_30_1801"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE receipts (
        territory TEXT NOT NULL,
        account_id UUID,
        reference TEXT NOT NULL,
        received_on DATE NOT NULL,
        value_on DATE NOT NULL,
        amount_cents BIGINT NOT NULL,
        method TEXT DEFAULT 'other' NOT NULL,
        payer_name TEXT,
        payer_siren TEXT,
        status TEXT DEFAULT 'recorded' NOT NULL,
        reason TEXT,
        bounced_on DATE,
        bank_reference TEXT,
        recorded_by UUID,
        reference_repeats BOOLEAN DEFAULT 'false' NOT NULL,
        principal_cents BIGINT DEFAULT '0' NOT NULL,
        interest_cents BIGINT DEFAULT '0' NOT NULL,
        late_interest_cents BIGINT DEFAULT '0' NOT NULL,
        fees_cents BIGINT DEFAULT '0' NOT NULL,
        success_fee_cents BIGINT DEFAULT '0' NOT NULL,
        overpaid_cents BIGINT DEFAULT '0' NOT NULL,
        unassigned_cents BIGINT NOT NULL,
        refunded_cents BIGINT DEFAULT '0' NOT NULL,
        returned_cents BIGINT DEFAULT '0' NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT receipts_pkey PRIMARY KEY (id),
        CONSTRAINT receipts_territory_id_key UNIQUE (territory, id),
        CONSTRAINT receipt_amount CHECK (amount_cents BETWEEN 1 AND CASE status WHEN 'reversed' THEN
            9007199254740991 ELSE 1000000000000 END),
        CONSTRAINT receipt_status CHECK (status IN ('recorded', 'bounced', 'reversed', 'returned')),
        CONSTRAINT receipt_method CHECK (method IN ('direct_debit', 'transfer', 'collection_order', 'other')),
        CONSTRAINT receipt_parts CHECK (amount_cents = principal_cents + interest_cents + late_interest_cents +
            fees_cents + success_fee_cents + overpaid_cents + unassigned_cents),
        CONSTRAINT receipt_no_part_below_zero CHECK (least(principal_cents, interest_cents, late_interest_cents,
            fees_cents, success_fee_cents, overpaid_cents, refunded_cents, returned_cents) >= 0),
        CONSTRAINT assignments_exceed_receipt CHECK (unassigned_cents >= 0),
        CONSTRAINT refunds_exceed_receipt CHECK (status NOT IN ('recorded', 'returned') OR returned_cents <=
            unassigned_cents AND refunded_cents <= overpaid_cents),
        CONSTRAINT repayment_refunded CHECK (status <> 'reversed' OR refunded_cents + returned_cents = 0),
        CONSTRAINT receipt_returned CHECK (status <> 'returned' OR refunded_cents + returned_cents =
            amount_cents),
        CONSTRAINT receipt_reason CHECK ((status IN ('bounced', 'reversed')) = (reason IS NOT NULL)),
        CONSTRAINT receipt_bounced CHECK ((bounced_on IS NULL) = (bank_reference IS NULL) AND CASE status WHEN
            'bounced' THEN bounced_on IS NOT NULL WHEN 'reversed' THEN true ELSE bounced_on IS NULL END),
        CONSTRAINT bounced_before_receipt CHECK (bounced_on >= received_on),
        CONSTRAINT receipt_payer_siren CHECK (payer_siren IS NULL OR is_siren(payer_siren)),
        CONSTRAINT receipts_territory_fkey FOREIGN KEY(territory) REFERENCES territories (slug),
        CONSTRAINT receipts_account_id_fkey FOREIGN KEY(account_id) REFERENCES organisation_bank_accounts (id),
        CONSTRAINT receipts_recorded_by_fkey FOREIGN KEY(recorded_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE INDEX receipts_account_id_idx ON receipts (account_id) WHERE account_id IS NOT NULL
    """,
    """
    CREATE UNIQUE INDEX receipts_reference_key ON receipts (territory, account_id, reference) NULLS NOT DISTINCT
        WHERE status IN ('recorded', 'returned') AND NOT reference_repeats
    """,
    """
    CREATE INDEX receipts_territory_received_on_idx ON receipts (territory, received_on)
    """,
    """
    CREATE INDEX receipts_unassigned_idx ON receipts (territory, id) WHERE status = 'recorded' AND
        unassigned_cents > returned_cents
    """,
)
STAYS = (
    "CREATE TRIGGER append_only BEFORE UPDATE OF territory, account_id, reference, received_on, value_on, amount_cents, method,"
    " payer_name, payer_siren, recorded_by OR DELETE OR TRUNCATE ON receipts"
    " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def upgrade() -> None:
    for statement in (*TABLES, STAYS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("receipts")
