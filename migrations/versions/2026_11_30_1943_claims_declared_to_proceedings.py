"""Claims that are declared to proceedings, with what is admitted.

Revision: 2026_11_30_1943, after 2026_11_30_1942.
"""

from alembic import op

revision = "2026_11_30_1943"
down_revision = "2026_11_30_1942"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE advance_claims (
        territory TEXT NOT NULL,
        advance_id UUID NOT NULL,
        proceeding_id UUID NOT NULL,
        declared_on DATE,
        amount_cents BIGINT,
        proof_sha256 TEXT,
        admitted_on DATE,
        admitted_cents BIGINT,
        planned_on DATE,
        plan_sha256 TEXT,
        declared_by UUID,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT advance_claims_pkey PRIMARY KEY (id),
        CONSTRAINT advance_claims_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances (territory,
            id),
        CONSTRAINT advance_claims_proceeding_key UNIQUE (advance_id, proceeding_id),
        CONSTRAINT debt_claim_amount CHECK (amount_cents BETWEEN 1 AND 1000000000000),
        CONSTRAINT debt_claim_proof CHECK (proof_sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT debt_claim_declared CHECK (num_nulls(declared_on, amount_cents, proof_sha256, declared_by) IN (0, 4)),
        CONSTRAINT debt_claim_admitted_undeclared CHECK (admitted_on IS NULL OR declared_on IS NOT NULL),
        CONSTRAINT debt_claim_admitted CHECK ((admitted_on IS NULL) = (admitted_cents IS NULL)),
        CONSTRAINT debt_claim_plan CHECK (plan_sha256 ~ '^[0-9a-f]{64}$'),
        CONSTRAINT admitted_exceeds_claim CHECK (admitted_cents BETWEEN 0 AND amount_cents),
        CONSTRAINT claim_admitted_before_declared CHECK (admitted_on >= declared_on),
        CONSTRAINT advance_claims_proceeding_id_fkey FOREIGN KEY(proceeding_id) REFERENCES proceedings (id),
        CONSTRAINT advance_claims_declared_by_fkey FOREIGN KEY(declared_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE INDEX advance_claims_proceeding_id_idx ON advance_claims (proceeding_id)
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("advance_claims")
