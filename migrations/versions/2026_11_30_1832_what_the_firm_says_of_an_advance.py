"""A firm announces early repayments of an advance, and declares its turnover of a year.

Revision: 2026_11_30_1832, after 2026_11_30_1831.
"""

from alembic import op

revision = "2026_11_30_1832"
down_revision = "2026_11_30_1831"
branch_labels = None
depends_on = None

TABLES = (
    """
        CREATE TABLE advance_early_repayments (
            territory TEXT NOT NULL,
            advance_id UUID NOT NULL,
            amount_cents BIGINT NOT NULL,
            planned_on DATE NOT NULL,
            choice TEXT NOT NULL,
            announced_by UUID NOT NULL,
            status TEXT DEFAULT 'announced' NOT NULL,
            repayment_id UUID,
            end_reason TEXT,
            id UUID DEFAULT uuidv7() NOT NULL,
            version INTEGER DEFAULT '1' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT advance_early_repayments_pkey PRIMARY KEY (id),
            CONSTRAINT advance_early_repayments_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES
                advances (territory, id),
            CONSTRAINT early_repayment_amount CHECK (amount_cents BETWEEN 1 AND CASE status WHEN 'reversed' THEN
                9007199254740991 ELSE 1000000000000 END),
            CONSTRAINT early_repayment_choice CHECK (choice IN ('shorten', 'respread')),
            CONSTRAINT early_repayment_status CHECK (status IN ('announced', 'received', 'withdrawn')),
            CONSTRAINT early_repayment_received CHECK ((status = 'received') = (repayment_id IS NOT NULL)),
            CONSTRAINT early_repayment_withdrawn CHECK ((status = 'withdrawn') = (end_reason IS NOT NULL)),
            CONSTRAINT advance_early_repayments_announced_by_fkey FOREIGN KEY(announced_by) REFERENCES subjects (id),
            CONSTRAINT advance_early_repayments_repayment_id_fkey FOREIGN KEY(repayment_id) REFERENCES
                advance_repayments (id)
        )
    """,
    """
        CREATE INDEX advance_early_repayments_advance_id_idx ON advance_early_repayments (advance_id)
    """,
    """
        CREATE UNIQUE INDEX advance_early_repayments_repayment_key ON advance_early_repayments (repayment_id)
            WHERE repayment_id IS NOT NULL
    """,
    """
        CREATE TABLE advance_turnovers (
            territory TEXT NOT NULL,
            advance_id UUID NOT NULL,
            year SMALLINT NOT NULL,
            turnover_cents BIGINT NOT NULL,
            amount_cents BIGINT NOT NULL,
            due_on DATE NOT NULL,
            declared_by UUID NOT NULL,
            status TEXT DEFAULT 'recorded' NOT NULL,
            reason TEXT,
            id UUID DEFAULT uuidv7() NOT NULL,
            version INTEGER DEFAULT '1' NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT advance_turnovers_pkey PRIMARY KEY (id),
            CONSTRAINT advance_turnovers_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances
                (territory, id),
            CONSTRAINT turnover_amounts CHECK (turnover_cents BETWEEN 0 AND 9007199254740991 AND amount_cents >= 0),
            CONSTRAINT turnover_year CHECK (year BETWEEN 1900 AND 2199),
            CONSTRAINT turnover_status CHECK (status IN ('recorded', 'reversed')),
            CONSTRAINT turnover_reason CHECK ((status = 'reversed') = (reason IS NOT NULL)),
            CONSTRAINT advance_turnovers_declared_by_fkey FOREIGN KEY(declared_by) REFERENCES subjects (id)
        )
    """,
    """
        CREATE UNIQUE INDEX advance_turnovers_year_key ON advance_turnovers (advance_id, year) WHERE status = 'recorded'
    """,
)
SAID = {
    "advance_early_repayments": "territory, advance_id, amount_cents, planned_on, choice, announced_by",
    "advance_turnovers": "territory, advance_id, year, turnover_cents, amount_cents, due_on, declared_by",
}


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    for table, columns in SAID.items():
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OF {columns} OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in reversed(SAID):
        op.drop_table(table)
