"""Lines of claims say of which invoice they are a part, and which one a credit note lowers.

Revision: 2026_11_30_2130, after 2026_11_30_2050.
"""

from alembic import op

revision = "2026_11_30_2130"
down_revision = "2026_11_30_2050"
branch_labels = None
depends_on = None

TABLE = (
    """
    CREATE TABLE declared_invoices (
        firm_siren TEXT NOT NULL,
        invoice_key TEXT NOT NULL,
        supplier_siren TEXT,
        supplier_key TEXT,
        invoiced_on DATE NOT NULL,
        amount_cents BIGINT NOT NULL,
        declared_cents BIGINT DEFAULT '0' NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT declared_invoices_pkey PRIMARY KEY (id),
        CONSTRAINT invoice_exceeded CHECK (declared_cents <= amount_cents),
        CONSTRAINT declared_invoice_amounts CHECK (least(amount_cents, declared_cents) >= 0)
    )
    """,
    "CREATE INDEX declared_invoices_firm_siren_invoice_key_idx ON declared_invoices (firm_siren, invoice_key)",
)
COLUMNS = {
    "invoice_id": "UUID", "invoice_cents": "BIGINT", "lowers_invoice_number": "TEXT", "lowers_id": "UUID",
}  # fmt: skip
PARTS = (
    "certified_cents, parked_cents, not_eligible_cents, not_paid_cents, out_of_period_cents, double_cents,"
    " over_line_cents, no_proof_cents"
)
CHECKS = {
    "claim_line_amounts": f"CASE WHEN declared_cents > 0 THEN least({PARTS}) >= 0"
    f" ELSE declared_cents < 0 AND parked_cents = 0 AND greatest({PARTS}) <= 0 END",
    "claim_line_invoice_amount": "invoice_cents IS NULL OR (declared_cents > 0 AND invoice_cents >= declared_cents)",
    "claim_line_lowers": "(declared_cents < 0) = (lowers_invoice_number IS NOT NULL)"
    " AND (lowers_invoice_number IS NULL OR returns_id IS NULL)",
}
BEFORE = "declared_cents > 0 AND " + " AND ".join(f"{part} >= 0" for part in PARTS.split(", "))
STANDS = (
    "ALTER TABLE claim_lines ALTER COLUMN stands SET EXPRESSION AS (CASE status WHEN 'submitted' THEN true"
    " WHEN 'settled' THEN certified_cents + parked_cents {} 0 ELSE false END)"
)


def upgrade() -> None:
    for statement in TABLE:
        op.execute(statement)
    for name, kind in COLUMNS.items():
        op.execute(f"ALTER TABLE claim_lines ADD COLUMN {name} {kind}")
    for name, column in (("invoice", "invoice_id"), ("lowers", "lowers_id")):
        op.execute(
            f"ALTER TABLE claim_lines ADD CONSTRAINT claim_lines_{name}_fkey FOREIGN KEY ({column})"
            " REFERENCES declared_invoices (id) NOT VALID"
        )
    op.execute("-- squawk-ignore ban-drop-constraint\nALTER TABLE claim_lines DROP CONSTRAINT claim_line_amounts")
    for name, check in CHECKS.items():
        op.execute(f"ALTER TABLE claim_lines ADD CONSTRAINT {name} CHECK ({check}) NOT VALID")
    op.execute(STANDS.format("<>"))


def downgrade() -> None:
    op.execute(STANDS.format(">"))
    for name in CHECKS:
        op.drop_constraint(name, "claim_lines")
    op.create_check_constraint("claim_line_amounts", "claim_lines", BEFORE)
    for name in COLUMNS:
        op.drop_column("claim_lines", name)
    op.drop_table("declared_invoices")
