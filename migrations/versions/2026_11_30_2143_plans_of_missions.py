"""The lead firm plans the days of a mission by week, and states what remains to be done.

Revision: 2026_11_30_2143, after 2026_11_30_2142.
"""

from alembic import op

revision = "2026_11_30_2143"
down_revision = "2026_11_30_2142"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE mission_plans (
        territory TEXT NOT NULL,
        mission_id UUID NOT NULL,
        number INTEGER NOT NULL,
        planned_on DATE NOT NULL,
        recorded_by UUID NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT mission_plans_pkey PRIMARY KEY (id),
        CONSTRAINT mission_plans_territory_mission_id_fkey FOREIGN KEY(territory, mission_id) REFERENCES missions
            (territory, id),
        CONSTRAINT mission_plans_mission_id_number_key UNIQUE (mission_id, number),
        CONSTRAINT mission_plans_id_mission_id_key UNIQUE (id, mission_id),
        CONSTRAINT mission_plan_number CHECK (number >= 1),
        CONSTRAINT mission_plan_planned_on CHECK (planned_on BETWEEN '1900-01-01' AND '2199-12-31'),
        CONSTRAINT mission_plans_recorded_by_fkey FOREIGN KEY(recorded_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE TABLE mission_plan_lines (
        plan_id UUID NOT NULL,
        mission_id UUID NOT NULL,
        week_on DATE NOT NULL,
        consultant_id UUID,
        profile TEXT,
        days NUMERIC(7, 2) NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT mission_plan_lines_pkey PRIMARY KEY (id),
        CONSTRAINT mission_plan_lines_plan_id_mission_id_fkey FOREIGN KEY(plan_id, mission_id) REFERENCES
            mission_plans (id, mission_id),
        CONSTRAINT mission_plan_lines_mission_id_consultant_id_fkey FOREIGN KEY(mission_id, consultant_id)
            REFERENCES consultants (mission_id, id),
        CONSTRAINT mission_plan_line_of_one CHECK (num_nonnulls(consultant_id, profile) = 1),
        CONSTRAINT mission_plan_line_profile CHECK (profile IN ('junior', 'senior', 'expert')),
        CONSTRAINT mission_plan_line_week CHECK (extract(isodow FROM week_on) = 1 AND week_on BETWEEN
            '1900-01-01' AND '2199-12-31'),
        CONSTRAINT mission_plan_line_days CHECK (days > 0 AND mod(days, 0.25) = 0 AND days <> 'NaN' AND
            (consultant_id IS NULL OR days <= 7))
    )
    """,
    """
    CREATE INDEX mission_plan_lines_consultant_id_week_on_idx ON mission_plan_lines (consultant_id, week_on)
        WHERE consultant_id IS NOT NULL
    """,
    """
    CREATE UNIQUE INDEX mission_plan_lines_key ON mission_plan_lines (plan_id, week_on, consultant_id, profile)
        NULLS NOT DISTINCT
    """,
    """
    CREATE TABLE remaining_days (
        territory TEXT NOT NULL,
        mission_id UUID NOT NULL,
        stated_on DATE NOT NULL,
        days NUMERIC(7, 2) NOT NULL,
        reason TEXT NOT NULL,
        recorded_by UUID NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT remaining_days_pkey PRIMARY KEY (id),
        CONSTRAINT remaining_days_territory_mission_id_fkey FOREIGN KEY(territory, mission_id) REFERENCES missions
            (territory, id),
        CONSTRAINT remaining_days_days CHECK (days >= 0 AND mod(days, 0.25) = 0 AND days <> 'NaN'),
        CONSTRAINT remaining_days_reason CHECK (reason <> ''),
        CONSTRAINT remaining_days_stated_on CHECK (stated_on BETWEEN '1900-01-01' AND '2199-12-31'),
        CONSTRAINT remaining_days_recorded_by_fkey FOREIGN KEY(recorded_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE INDEX remaining_days_mission_id_stated_on_id_idx ON remaining_days (mission_id, stated_on, id)
    """,
)
KEPT = ("mission_plans", "mission_plan_lines", "remaining_days")


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    for table in KEPT:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in ("remaining_days", "mission_plan_lines", "mission_plans"):
        op.drop_table(table)
