"""Each act on an aid file names the one before: an act whose number is not the first could name none.

Revision: 2026_11_30_2233, after 2026_11_30_2232.
"""

from alembic import op

revision = "2026_11_30_2233"
down_revision = "2026_11_30_2232"
branch_labels = None
depends_on = None

CHECK_PASSAGES = """
CREATE OR REPLACE FUNCTION check_application_passages() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    key uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'applications' THEN 'id' ELSE 'application_id' END;
BEGIN
    IF EXISTS (
        SELECT FROM applications o WHERE o.id = key AND o.passage_number IS DISTINCT FROM (
            SELECT max(p.number) FROM application_passages p WHERE p.application_id = o.id
        )
    ) THEN
        RAISE EXCEPTION 'the state is not that of the last act'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_last_passage';
    END IF;
    RETURN NULL;
END
$$
"""
NUMBER = """
ALTER TABLE application_passages ADD CONSTRAINT application_passage_number CHECK (
    CASE WHEN number = 1 THEN from_state = 'draft' AND previous_number IS NULL
    ELSE number > 1 AND {previous} END
) NOT VALID
"""


def upgrade() -> None:
    op.execute(CHECK_PASSAGES)
    drop = "ALTER TABLE application_passages DROP CONSTRAINT application_passage_number"
    op.execute(f"-- squawk-ignore ban-drop-constraint\n{drop}")  # a stricter one takes its place in the transaction
    op.execute(NUMBER.format(previous="previous_number IS NOT DISTINCT FROM number - 1"))


def downgrade() -> None:
    op.execute("ALTER TABLE application_passages DROP CONSTRAINT application_passage_number")
    op.execute(NUMBER.format(previous="previous_number = number - 1"))
