"""Where advances and their lines stand on every day is kept, as it was known, for lists and sums.

Revision: 2026_11_30_2110, after 2026_11_30_2050.

Advances that are there already are written by the next act on them, or by the tick.
"""

from alembic import op

revision = "2026_11_30_2110"
down_revision = "2026_11_30_2050"
branch_labels = None
depends_on = None

KNOWN = """
        id UUID DEFAULT uuidv7() NOT NULL,
        territory TEXT NOT NULL,
        advance_id UUID NOT NULL,
        from_on DATE NOT NULL,
        until_on DATE DEFAULT 'infinity' NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        replaced_at TIMESTAMP WITH TIME ZONE,
"""

STATEMENTS = (
    f"""
    CREATE TABLE advance_spans (
        disbursed_cents BIGINT NOT NULL,
        capitalised_cents BIGINT NOT NULL,
        repaid_cents BIGINT NOT NULL,
        waived_cents BIGINT NOT NULL,
        written_off_cents BIGINT NOT NULL,
        income_cents BIGINT NOT NULL,
        overpaid_cents BIGINT NOT NULL,{KNOWN}
        CONSTRAINT advance_spans_pkey PRIMARY KEY (id),
        CONSTRAINT advance_spans_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances (territory, id),
        CONSTRAINT advance_span_days CHECK (from_on < until_on),
        CONSTRAINT advance_span_replaced CHECK (recorded_at < replaced_at),
        CONSTRAINT advance_span_amounts CHECK (least(disbursed_cents, capitalised_cents, repaid_cents, waived_cents,
            written_off_cents, income_cents, overpaid_cents) >= 0 AND repaid_cents + waived_cents + written_off_cents
            <= disbursed_cents + capitalised_cents)
    )
    """,
    "CREATE UNIQUE INDEX advance_spans_from_key ON advance_spans (advance_id, from_on) WHERE replaced_at IS NULL",
    """
    CREATE INDEX advance_spans_territory_replaced_at_until_on_idx ON advance_spans (territory, replaced_at, until_on)
    """,
    f"""
    CREATE TABLE advance_line_spans (
        position SMALLINT NOT NULL,
        line_id UUID NOT NULL,
        due_on DATE NOT NULL,
        principal_cents BIGINT NOT NULL,
        interest_cents BIGINT NOT NULL,
        fees_cents BIGINT NOT NULL,
        principal_left_cents BIGINT NOT NULL,
        interest_left_cents BIGINT NOT NULL,
        fees_left_cents BIGINT NOT NULL,
        settled_on DATE,{KNOWN}
        CONSTRAINT advance_line_spans_pkey PRIMARY KEY (id),
        CONSTRAINT advance_line_spans_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances
            (territory, id),
        CONSTRAINT advance_line_span_days CHECK (from_on < until_on),
        CONSTRAINT advance_line_span_replaced CHECK (recorded_at < replaced_at),
        CONSTRAINT line_span_left CHECK (principal_left_cents BETWEEN 0 AND principal_cents AND interest_left_cents
            BETWEEN 0 AND interest_cents AND fees_left_cents BETWEEN 0 AND fees_cents)
    )
    """,
    """
    CREATE UNIQUE INDEX advance_line_spans_from_key ON advance_line_spans (advance_id, position, from_on)
        WHERE replaced_at IS NULL
    """,
    """
    CREATE INDEX advance_line_spans_open_idx ON advance_line_spans (territory, replaced_at, until_on)
        WHERE principal_left_cents + interest_left_cents + fees_left_cents > 0
    """,
    "CREATE INDEX advance_line_spans_due_idx ON advance_line_spans (due_on, line_id) WHERE replaced_at IS NULL",
)
COLUMNS = {
    "advance_spans": "disbursed_cents, capitalised_cents, repaid_cents, waived_cents, written_off_cents, income_cents,"
    " overpaid_cents",
    "advance_line_spans": "position, line_id, due_on, principal_cents, interest_cents, fees_cents,"
    " principal_left_cents, interest_left_cents, fees_left_cents, settled_on",
}


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    for table, columns in COLUMNS.items():
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OF {columns}, id, territory, advance_id, from_on, until_on,"
            f" recorded_at OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("advance_line_spans")
    op.drop_table("advance_spans")
