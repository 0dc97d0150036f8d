"""Where each instalment of an advance stands is kept, for lists and sums.

Revision: 2026_11_30_1940, after 2026_11_30_1932.
"""

from alembic import op

revision = "2026_11_30_1940"
down_revision = "2026_11_30_1932"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE TABLE advance_line_states (
        territory TEXT NOT NULL,
        advance_id UUID NOT NULL,
        position SMALLINT NOT NULL,
        due_on DATE NOT NULL,
        principal_cents BIGINT NOT NULL,
        interest_cents BIGINT NOT NULL,
        capitalised_cents BIGINT NOT NULL,
        fees_cents BIGINT NOT NULL,
        late_interest_cents BIGINT NOT NULL,
        principal_left_cents BIGINT NOT NULL,
        interest_left_cents BIGINT NOT NULL,
        fees_left_cents BIGINT NOT NULL,
        settled_on DATE,
        kept BOOLEAN NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT advance_line_states_pkey PRIMARY KEY (id),
        CONSTRAINT advance_line_states_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances
            (territory, id),
        CONSTRAINT advance_line_states_position_key UNIQUE (advance_id, position),
        CONSTRAINT line_state_left CHECK (principal_left_cents BETWEEN 0 AND principal_cents AND interest_left_cents
            BETWEEN 0 AND interest_cents AND fees_left_cents BETWEEN 0 AND fees_cents AND late_interest_cents >= 0
            AND capitalised_cents >= 0)
    )
    """,
    """
    CREATE INDEX advance_line_states_due_on_id_idx ON advance_line_states (due_on, id)
    """,
    """
    CREATE INDEX advance_line_states_open_idx ON advance_line_states (territory, due_on) WHERE principal_left_cents
            + interest_left_cents + fees_left_cents > 0
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("advance_line_states")
