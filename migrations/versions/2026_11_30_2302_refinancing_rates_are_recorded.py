"""A refinancing rate is recorded by somebody, and corrected by a later record, as a legal rate is.

Revision: 2026_11_30_2302, after 2026_11_30_2301.
"""

from alembic import op

revision = "2026_11_30_2302"
down_revision = "2026_11_30_2301"
branch_labels = None
depends_on = None


# The table has seven rows, which nobody writes: no statement is long, and no guarantee is lost.
RULES = (
    "ban-drop-constraint, changing-column-type, adding-field-with-default, adding-serial-primary-key-field,"
    " adding-foreign-key-constraint"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute(
        f"-- squawk-ignore {RULES}\nALTER TABLE refinancing_rates DROP CONSTRAINT refinancing_rates_pkey,"
        " ALTER COLUMN rate_bp TYPE BIGINT,"
        " ADD COLUMN id UUID DEFAULT uuidv7() NOT NULL CONSTRAINT refinancing_rates_pkey PRIMARY KEY,"
        " ADD COLUMN recorded_by UUID CONSTRAINT refinancing_rates_recorded_by_fkey REFERENCES subjects (id),"
        " ADD COLUMN recorded_at TIMESTAMPTZ DEFAULT now() NOT NULL"
    )
    # The default told when the rows that stand were recorded; from now on the service does.
    op.execute("-- squawk-ignore ban-drop-default\nALTER TABLE refinancing_rates ALTER COLUMN recorded_at DROP DEFAULT")
    op.execute(
        "-- squawk-ignore renaming-object\n"
        "ALTER TABLE refinancing_rates RENAME CONSTRAINT refinancing_rate_bp TO refinancing_rate_rate"
    )
    op.execute(
        "-- squawk-ignore require-concurrent-index-creation\n"
        "CREATE INDEX refinancing_rates_from_on_id_idx ON refinancing_rates (from_on, id)"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    # A half-year has one row again: the one that counts.
    op.execute("ALTER TABLE refinancing_rates DISABLE TRIGGER append_only")
    op.execute(
        "DELETE FROM refinancing_rates r USING refinancing_rates later"
        " WHERE later.from_on = r.from_on AND later.id > r.id"
    )
    op.execute("ALTER TABLE refinancing_rates ENABLE TRIGGER append_only")
    op.execute("DROP INDEX refinancing_rates_from_on_id_idx")
    op.execute("ALTER TABLE refinancing_rates RENAME CONSTRAINT refinancing_rate_rate TO refinancing_rate_bp")
    op.execute(
        "ALTER TABLE refinancing_rates DROP COLUMN id, DROP COLUMN recorded_by, DROP COLUMN recorded_at,"
        " ALTER COLUMN rate_bp TYPE INTEGER,"
        " ADD CONSTRAINT refinancing_rates_pkey PRIMARY KEY (from_on)"
    )
