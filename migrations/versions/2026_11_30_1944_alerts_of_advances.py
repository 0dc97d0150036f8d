"""What is told of an advance is told once.

Revision: 2026_11_30_1944, after 2026_11_30_1943.
"""

from alembic import op

revision = "2026_11_30_1944"
down_revision = "2026_11_30_1943"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE advance_alerts (
        territory TEXT NOT NULL,
        advance_id UUID NOT NULL,
        kind TEXT NOT NULL,
        on_day DATE NOT NULL,
        due_on DATE,
        bucket TEXT,
        amount_cents BIGINT NOT NULL,
        raised_at TIMESTAMP WITH TIME ZONE NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT advance_alerts_pkey PRIMARY KEY (id),
        CONSTRAINT advance_alerts_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances (territory,
            id),
        CONSTRAINT advance_alerts_once_key UNIQUE NULLS NOT DISTINCT (advance_id, kind, due_on, bucket, on_day),
        CONSTRAINT advance_alert_kind CHECK (kind IN ('instalment_due', 'instalment_overdue', 'bucket_changed',
            'claim_due', 'act_needed')),
        CONSTRAINT advance_alert_bucket CHECK (bucket IN ('1_30', '31_60', '61_90', '91_180', 'over_180',
            'in_proceedings')),
        CONSTRAINT advance_alert_amount CHECK (amount_cents >= 0)
    )
    """,
    """
    CREATE INDEX advance_alerts_territory_on_day_idx ON advance_alerts (territory, on_day)
    """,
    """
    CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON advance_alerts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("advance_alerts")
