"""The maximum of a framework is a row by the day from which it holds.

Revision: 2026_11_30_2231, after 2026_11_30_2230.
"""

from alembic import op

revision = "2026_11_30_2231"
down_revision = "2026_11_30_2230"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE framework_maxima (
    framework_id UUID NOT NULL,
    from_on DATE NOT NULL,
    max_days NUMERIC(9, 2),
    max_amount_cents BIGINT,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    id UUID DEFAULT uuidv7() NOT NULL,
    CONSTRAINT framework_maxima_pkey PRIMARY KEY (id),
    CONSTRAINT framework_maxima_framework_id_fkey FOREIGN KEY(framework_id) REFERENCES frameworks (id)
)
"""
INDEX = "CREATE INDEX framework_maxima_framework_id_from_on_id_idx ON framework_maxima (framework_id, from_on, id)"
RECORD_MAXIMUM = """
CREATE FUNCTION record_framework_maximum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO framework_maxima (framework_id, from_on, max_days, max_amount_cents, recorded_at)
    VALUES (NEW.id, CASE TG_OP WHEN 'INSERT' THEN '1900-01-01' ELSE (timezone('Europe/Paris', now()))::date END,
        NEW.max_days, NEW.max_amount_cents, now());
    RETURN NULL;
END
$$
"""
RECORD_FIRST_MAXIMUM = (
    "CREATE TRIGGER record_first_maximum AFTER INSERT ON frameworks FOR EACH ROW"
    " EXECUTE FUNCTION record_framework_maximum()"
)
RECORD_CHANGED_MAXIMUM = (
    "CREATE TRIGGER record_maximum AFTER UPDATE ON frameworks FOR EACH ROW WHEN ((OLD.max_days, OLD.max_amount_cents)"
    " IS DISTINCT FROM (NEW.max_days, NEW.max_amount_cents)) EXECUTE FUNCTION record_framework_maximum()"
)
# No table says what a maximum was before: it is as it stands.
FILL = """
INSERT INTO framework_maxima (framework_id, from_on, max_days, max_amount_cents, recorded_at)
SELECT id, '1900-01-01', max_days, max_amount_cents, now() FROM frameworks
"""
APPEND_ONLY = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON framework_maxima FOR EACH STATEMENT"
    " EXECUTE FUNCTION refuse_change()"
)


def upgrade() -> None:
    for statement in (
        TABLE, INDEX, RECORD_MAXIMUM, RECORD_FIRST_MAXIMUM, RECORD_CHANGED_MAXIMUM, FILL, APPEND_ONLY,
    ):  # fmt: skip
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER record_maximum ON frameworks")
    op.execute("DROP TRIGGER record_first_maximum ON frameworks")
    op.execute("DROP FUNCTION record_framework_maximum()")
    op.drop_table("framework_maxima")
