"""The settings of a mission are rows by the day from which they hold.

Revision: 2026_11_30_0110, after 2026_11_30_0100.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_0110"
down_revision = "2026_11_30_0100"
branch_labels = None
depends_on = None

RECORD_SETTINGS = """
CREATE FUNCTION record_mission_settings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO mission_settings (mission_id, from_on, name, step, late_entry_grace_days, travel_counts,
        weekends_allowed, holidays_allowed, holiday_calendar, alert_thresholds_bp, external_id, recorded_at)
    VALUES (NEW.id, CASE TG_OP WHEN 'INSERT' THEN '1900-01-01' ELSE (timezone('Europe/Paris', now()))::date END,
        NEW.name, NEW.step, NEW.late_entry_grace_days, NEW.travel_counts,
        NEW.weekends_allowed, NEW.holidays_allowed, NEW.holiday_calendar, NEW.alert_thresholds_bp, NEW.external_id,
        now());
    RETURN NULL;
END
$$
"""
RECORD_FIRST = """
CREATE TRIGGER record_first_settings AFTER INSERT ON missions FOR EACH ROW EXECUTE FUNCTION record_mission_settings()
"""
RECORD_CHANGED = """
CREATE TRIGGER record_settings AFTER UPDATE ON missions FOR EACH ROW
WHEN (
    (OLD.name, OLD.step, OLD.late_entry_grace_days, OLD.travel_counts, OLD.weekends_allowed, OLD.holidays_allowed,
     OLD.holiday_calendar, OLD.alert_thresholds_bp, OLD.external_id)
    IS DISTINCT FROM
    (NEW.name, NEW.step, NEW.late_entry_grace_days, NEW.travel_counts, NEW.weekends_allowed, NEW.holidays_allowed,
     NEW.holiday_calendar, NEW.alert_thresholds_bp, NEW.external_id)
)
EXECUTE FUNCTION record_mission_settings()
"""

# What the events of a mission say, each change once; what an old event does not say is as it is now. The last row is
# the mission as it stands, where no event says so.
FILL = """
WITH told AS (
    SELECT m.id AS mission_id, e.sequence, e.occurred_at,
        coalesce(e.data ->> 'name', m.name) AS name,
        coalesce((e.data ->> 'step')::numeric(7, 2), m.step) AS step,
        CASE WHEN e.data ? 'late_entry_grace_days' THEN (e.data ->> 'late_entry_grace_days')::integer
            ELSE m.late_entry_grace_days END AS late_entry_grace_days,
        coalesce((e.data ->> 'travel_counts')::boolean, m.travel_counts) AS travel_counts,
        coalesce((e.data ->> 'weekends_allowed')::boolean, m.weekends_allowed) AS weekends_allowed,
        coalesce((e.data ->> 'holidays_allowed')::boolean, m.holidays_allowed) AS holidays_allowed,
        coalesce(e.data ->> 'holiday_calendar', m.holiday_calendar) AS holiday_calendar,
        CASE WHEN jsonb_typeof(e.data -> 'alert_thresholds_bp') = 'array'
            THEN ARRAY(SELECT value::integer FROM jsonb_array_elements_text(e.data -> 'alert_thresholds_bp'))
            ELSE m.alert_thresholds_bp END AS alert_thresholds_bp,
        CASE WHEN e.data ? 'external_id' THEN e.data ->> 'external_id' ELSE m.external_id END AS external_id
    FROM missions m
    JOIN events e ON e.resource_type = 'mission' AND e.resource_id = m.id::text
    WHERE e.type IN ('mission.created', 'mission.updated')
    UNION ALL
    SELECT id, 9223372036854775807, updated_at, name, step, late_entry_grace_days, travel_counts, weekends_allowed,
        holidays_allowed, holiday_calendar, alert_thresholds_bp, external_id
    FROM missions
),
compared AS (
    SELECT *, row_number() OVER w AS place,
        lag(ROW(name, step, late_entry_grace_days, travel_counts, weekends_allowed, holidays_allowed, holiday_calendar,
            alert_thresholds_bp, external_id)::text) OVER w AS before
    FROM told WINDOW w AS (PARTITION BY mission_id ORDER BY sequence)
)
INSERT INTO mission_settings (mission_id, from_on, name, step, late_entry_grace_days, travel_counts, weekends_allowed,
    holidays_allowed, holiday_calendar, alert_thresholds_bp, external_id, recorded_at)
SELECT mission_id, CASE place WHEN 1 THEN '1900-01-01' ELSE (timezone('Europe/Paris', occurred_at))::date END,
    name, step, late_entry_grace_days, travel_counts, weekends_allowed, holidays_allowed, holiday_calendar,
    alert_thresholds_bp, external_id, occurred_at
FROM compared
WHERE before IS DISTINCT FROM ROW(name, step, late_entry_grace_days, travel_counts, weekends_allowed, holidays_allowed,
    holiday_calendar, alert_thresholds_bp, external_id)::text
ORDER BY mission_id, sequence
"""


def upgrade() -> None:
    op.create_table(
        "mission_settings",
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("step", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("late_entry_grace_days", sa.Integer(), nullable=True),
        sa.Column("travel_counts", sa.Boolean(), nullable=False),
        sa.Column("weekends_allowed", sa.Boolean(), nullable=False),
        sa.Column("holidays_allowed", sa.Boolean(), nullable=False),
        sa.Column("holiday_calendar", sa.Text(), nullable=False),
        sa.Column("alert_thresholds_bp", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.ForeignKeyConstraint(["mission_id"], ["missions.id"], name="mission_settings_mission_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="mission_settings_pkey"),
    )
    op.create_index("mission_settings_mission_id_from_on_id_idx", "mission_settings", ["mission_id", "from_on", "id"])
    op.execute(RECORD_SETTINGS)
    op.execute(RECORD_FIRST)
    op.execute(RECORD_CHANGED)
    op.execute(FILL)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mission_settings FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER record_settings ON missions")
    op.execute("DROP TRIGGER record_first_settings ON missions")
    op.execute("DROP FUNCTION record_mission_settings()")
    op.drop_table("mission_settings")
