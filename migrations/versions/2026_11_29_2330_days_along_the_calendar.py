"""Days hold along the calendar: the limit row knows each day on which room grows.

Revision: 2026_11_29_2330, after 2026_11_29_2250.
"""

import logging
from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

revision = "2026_11_29_2330"
down_revision = "2026_11_29_2306"
branch_labels = None
depends_on = None

WITHIN_EACH = r"""CREATE FUNCTION within_each(steps date[], amounts numeric[], bounds numeric[], allowances numeric[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR n IN 1 .. greatest(cardinality(steps), cardinality(amounts)) LOOP
        IF (steps[n] IS NOT NULL AND amounts[n] BETWEEN 0 AND bounds[n] + allowances[n]) IS NOT TRUE THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$
"""

ADD_AFTER = r"""CREATE FUNCTION add_after(steps date[], amounts numeric[], days date[], added numeric[]) RETURNS numeric[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR n IN 1 .. cardinality(steps) LOOP
        FOR d IN 1 .. cardinality(days) LOOP
            IF steps[n] > days[d] THEN
                amounts[n] := amounts[n] + added[d];
            END IF;
        END LOOP;
    END LOOP;
    RETURN amounts;
END
$$
"""

# The row is locked before the trigger looks, and each query of it looks anew.
COUNT_STEPS = r"""CREATE FUNCTION count_steps() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    steps_before date[] := '{}';
    allowances numeric[] := '{}';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        steps_before := OLD.steps;
        allowances := OLD.allowed_before;
    END IF;
    SELECT coalesce(array_agg(step ORDER BY step), '{}') INTO NEW.steps FROM (
        SELECT signed_on FROM orders WHERE mission_id = NEW.mission_id AND days > 0
        UNION
        SELECT reversal_counted_on FROM time_entries
        WHERE mission_id = NEW.mission_id AND status = 'reversed' AND reversal_counted_on > counted_on
    ) AS grows (step);
    SELECT coalesce(array_agg(ordered ORDER BY step), '{}'), coalesce(array_agg(entered ORDER BY step), '{}'),
        coalesce(array_agg(allowed ORDER BY step), '{}')
    INTO NEW.ordered_before, NEW.entered_before, NEW.allowed_before
    FROM unnest(NEW.steps) AS step
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(days), 0) AS ordered FROM orders
        WHERE mission_id = NEW.mission_id AND signed_on < step
    ) o
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(days), 0) AS entered FROM time_entries
        WHERE mission_id = NEW.mission_id AND counted_on < step
            AND (status IN ('submitted', 'validated', 'certified') OR reversal_counted_on >= step)
    ) e
    CROSS JOIN LATERAL (  -- up to the next step that was there
        SELECT coalesce((
            SELECT allowed FROM unnest(steps_before, allowances) AS was (day, allowed)
            WHERE day >= step ORDER BY day LIMIT 1
        ), 0) AS allowed
    ) a;
    RETURN NEW;
END
$$
"""

COUNT_STEPS_OF_NEW = (
    "CREATE TRIGGER count_steps_of_new BEFORE INSERT ON mission_days FOR EACH ROW EXECUTE FUNCTION count_steps()"
)
COUNT_STEPS_AGAIN = (
    "CREATE TRIGGER count_steps BEFORE UPDATE OF days_ordered, steps, ordered_before, allowed_before ON mission_days"
    " FOR EACH ROW EXECUTE FUNCTION count_steps()"
)

# A bulk reversal gave entries of open months the later day of another entry.
MISDATED = """
    SELECT e.id FROM time_entries e
    WHERE e.status = 'reversed' AND e.reversal_counted_on > e.counted_on AND NOT EXISTS (
        SELECT FROM month_locks l
        WHERE l.mission_id = e.mission_id AND l.month = date_trunc('month', e.counted_on)::date
    )
"""
# The event says what the last one said, but for the day.
MEND = f"""
WITH mended AS (
    UPDATE time_entries SET reversal_counted_on = counted_on, version = version + 1, updated_at = now()
    WHERE id IN ({MISDATED}) RETURNING *
)
INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id, resource_version,
    data)
SELECT 'time_entry.updated', now(), m.territory, 'system', 'migration', 'time_entry', m.id::text, m.version,
    said.data || jsonb_build_object('reversal_counted_on', m.reversal_counted_on, 'version', m.version, 'updated_at',
        to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
FROM mended m CROSS JOIN LATERAL (
    SELECT data FROM events WHERE resource_type = 'time_entry' AND resource_id = m.id::text
    ORDER BY resource_type DESC, resource_id DESC, sequence DESC LIMIT 1
) said
"""

# Days that are beyond their orders already keep what they have.
FILL = """
UPDATE mission_days SET steps = steps || DATE '1900-01-01' WHERE true
"""
ALLOW = """
UPDATE mission_days SET allowed_before = ARRAY(
    SELECT greatest(entered - ordered, 0)
    FROM unnest(steps, entered_before, ordered_before) AS s (step, entered, ordered) ORDER BY step
)
WHERE cardinality(steps) > 0
"""
BEYOND = "SELECT count(*) FROM mission_days WHERE 0 < ANY (allowed_before)"

CONSTRAINTS = {
    "days_not_yet_ordered": "within_each(steps, entered_before, ordered_before, allowed_before)",
}


def _tell(what: str, query: str) -> None:
    if not context.is_offline_mode() and (count := op.get_bind().scalar(sa.text(query))):
        logging.getLogger("rebond.migrations").warning("%s: %s", what, count)


def upgrade() -> None:
    _tell("reversals given back the day of their entry", f"SELECT count(*) FROM ({MISDATED}) AS misdated")
    op.execute("ALTER TABLE time_entries DISABLE TRIGGER guard")
    op.execute(MEND)
    op.execute("ALTER TABLE time_entries ENABLE TRIGGER guard")
    days: sa.Column[Any] = sa.Column("steps", postgresql.ARRAY(sa.Date()), server_default="{}", nullable=False)
    op.add_column("mission_days", days)
    for name in ("ordered_before", "entered_before", "allowed_before"):
        amounts = postgresql.ARRAY(sa.Numeric(precision=7, scale=2))
        column: sa.Column[Any] = sa.Column(name, amounts, server_default="{}", nullable=False)
        op.add_column("mission_days", column)
    for function in (WITHIN_EACH, ADD_AFTER, COUNT_STEPS):
        op.execute(function)
    # The trigger counts; once it is there for every later write, allowances are written past it.
    op.execute(COUNT_STEPS_AGAIN)
    op.execute(FILL)
    op.execute("ALTER TABLE mission_days DISABLE TRIGGER count_steps")
    op.execute(ALLOW)
    op.execute("ALTER TABLE mission_days ENABLE TRIGGER count_steps")
    op.execute(COUNT_STEPS_OF_NEW)
    for name, condition in CONSTRAINTS.items():
        op.execute(f"ALTER TABLE mission_days ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    _tell("missions with days beyond the orders signed by then, which keep them", BEYOND)


def downgrade() -> None:
    for name in CONSTRAINTS:
        op.drop_constraint(name, "mission_days")
    op.execute("DROP TRIGGER count_steps ON mission_days")
    op.execute("DROP TRIGGER count_steps_of_new ON mission_days")
    op.execute("DROP FUNCTION count_steps()")
    for name in ("steps", "ordered_before", "entered_before", "allowed_before"):
        op.drop_column("mission_days", name)
    op.execute("DROP FUNCTION add_after(date[], numeric[], date[], numeric[])")
    op.execute("DROP FUNCTION within_each(date[], numeric[], numeric[], numeric[])")
