"""A correction draws on the days of every entry before it, not of the last alone.

Revision: 2026_11_30_0740, after 2026_11_30_0721.

Where corrections of corrections came to more than the first entry had, it keeps their days: `rebond check` lists it as
"before the rule".
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "2026_11_30_0740"
down_revision = "2026_11_30_0721"
branch_labels = None
depends_on = None

CORRECTED_FUNCTION = """
CREATE FUNCTION say_corrected_ids() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.corrected_ids := NEW.corrects_id || (SELECT e.corrected_ids FROM time_entries e WHERE e.id = NEW.corrects_id);
    RETURN NEW;
END
$$
"""
CORRECTED = (
    "CREATE TRIGGER corrected BEFORE INSERT OR UPDATE OF corrects_id, corrected_ids ON time_entries"
    " FOR EACH ROW WHEN (NEW.corrects_id IS NOT NULL) EXECUTE FUNCTION say_corrected_ids()"
)
CHAINS = """
WITH RECURSIVE chain AS (
    SELECT id, ARRAY[corrects_id] AS corrected_ids, corrects_id AS last FROM time_entries WHERE corrects_id IS NOT NULL
    UNION ALL
    SELECT c.id, c.corrected_ids || e.corrects_id, e.corrects_id
    FROM chain c JOIN time_entries e ON e.id = c.last WHERE e.corrects_id IS NOT NULL
)
UPDATE time_entries e SET corrected_ids = longest.corrected_ids
FROM (SELECT DISTINCT ON (id) id, corrected_ids FROM chain ORDER BY id, cardinality(corrected_ids) DESC) longest
WHERE longest.id = e.id
"""
DRAWN = """
UPDATE correctable_days c SET days_corrected = drawn.days, days = greatest(c.days, drawn.days)
FROM (
    SELECT corrected_id, sum(e.days) AS days
    FROM time_entries e CROSS JOIN unnest(e.corrected_ids) AS corrected_id
    WHERE e.status IN ('submitted', 'validated', 'certified') GROUP BY 1
) drawn
WHERE drawn.corrected_id = c.entry_id AND drawn.days <> c.days_corrected
"""


def upgrade() -> None:
    op.add_column("time_entries", sa.Column("corrected_ids", ARRAY(sa.Uuid()), server_default="{}", nullable=False))
    op.execute("LOCK TABLE time_entries IN SHARE ROW EXCLUSIVE MODE")
    op.execute(CHAINS)
    op.execute(DRAWN)
    op.execute(CORRECTED_FUNCTION)
    op.execute(CORRECTED)


def downgrade() -> None:
    op.execute("DROP TRIGGER corrected ON time_entries")
    op.execute("DROP FUNCTION say_corrected_ids")
    op.drop_column("time_entries", "corrected_ids")
