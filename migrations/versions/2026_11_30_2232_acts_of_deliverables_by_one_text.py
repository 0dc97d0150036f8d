"""The function that looks for the last act of a deliverable is written as that of every object with acts.

Revision: 2026_11_30_2232, after 2026_11_30_2231.
"""

from alembic import op

revision = "2026_11_30_2232"
down_revision = "2026_11_30_2231"
branch_labels = None
depends_on = None

CHECK_PASSAGES = """
CREATE OR REPLACE FUNCTION check_deliverable_passages() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'deliverables' THEN 'id' ELSE 'deliverable_id' END;
BEGIN
    IF EXISTS (
        SELECT FROM deliverables o WHERE o.id = key AND o.passage_number IS DISTINCT FROM (
            SELECT max(p.number) FROM deliverable_passages p WHERE p.deliverable_id = o.id
        )
    ) THEN
        RAISE EXCEPTION 'the state is not that of the last act'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'deliverable_last_passage';
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.execute(CHECK_PASSAGES)


def downgrade() -> None:
    """The text of before did the same."""
