"""The constraints of duties hold for what was there before, where nothing breaks them; the rest is counted.

Revision: 2026_11_30_0404, after 2026_11_30_0403.
"""

from alembic import op

revision = "2026_11_30_0404"
down_revision = "2026_11_30_0403"
branch_labels = None
depends_on = None

# Table, constraint, the rows that break it.
TO_VALIDATE = [
    ("subjects", "subject_email_form", "NOT (email = lower(email) AND email ~ '^[!-~]+$')"),
    ("committees", "writer_closes", "closed_by = ANY (minutes_authors)"),
    ("roadmap_versions", "drafter_adopts", "adopted_by = ANY (authors)"),
    ("advance_repayments", "decider_receives", "status = 'recorded' AND recorded_by = awarded_by"),
]


def upgrade() -> None:
    for table, name, broken in TO_VALIDATE:
        op.execute(f"""
            DO $$
            DECLARE
                standing bigint := (SELECT count(*) FROM {table} WHERE {broken});
            BEGIN
                IF standing = 0 THEN
                    ALTER TABLE {table} VALIDATE CONSTRAINT {name};
                ELSE
                    RAISE WARNING '% rows of {table} are from before {name}, and stay', standing;
                END IF;
            END
            $$
        """)
    op.execute("""
        DO $$
        DECLARE
            without bigint := (SELECT count(*) FROM subjects WHERE kind = 'person' AND email IS NULL);
        BEGIN
            IF without > 0 THEN
                RAISE WARNING '% persons have no e-mail address: they can neither validate, decide nor pay', without;
            END IF;
        END
        $$
    """)


def downgrade() -> None:
    """A constraint once validated stays so."""
