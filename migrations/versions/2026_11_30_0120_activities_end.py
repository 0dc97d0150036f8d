"""An activity ends on a day; what entries carry is neither renamed nor removed.

Revision: 2026_11_30_0120, after 2026_11_30_0110.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0120"
down_revision = "2026_11_30_0110"
branch_labels = None
depends_on = None

ACTIVITY_IN_USE = """
CREATE FUNCTION activity_in_use() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rests boolean;
BEGIN
    PERFORM FROM mission_activities WHERE ctid = OLD.ctid FOR UPDATE;
    rests := (OLD.mission_id, OLD.code, OLD.label) IS DISTINCT FROM (NEW.mission_id, NEW.code, NEW.label)
        AND EXISTS (SELECT FROM time_entries WHERE mission_id = OLD.mission_id AND activity = OLD.code);
    IF rests THEN
        RAISE EXCEPTION 'a sealed act rests on this row'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'activity_in_use';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
KEY = "mission_activities_mission_id_code_until_on_key"


def upgrade() -> None:
    for table, name in (("mission_activities", "until_on"), ("time_entries", "activity_until_on")):
        op.add_column(table, sa.Column(name, sa.Date(), server_default="2199-12-31", nullable=False))
    with op.get_context().autocommit_block():  # writes go on meanwhile
        op.create_index(
            KEY,
            "mission_activities",
            ["mission_id", "code", "until_on"],
            unique=True,
            postgresql_concurrently=True,
            if_not_exists=True,
        )
    op.execute(f"ALTER TABLE mission_activities ADD CONSTRAINT {KEY} UNIQUE USING INDEX {KEY}")
    op.execute(ACTIVITY_IN_USE)
    op.execute(
        "CREATE TRIGGER activity_in_use BEFORE UPDATE OF mission_id, code, label OR DELETE ON mission_activities"
        " FOR EACH ROW EXECUTE FUNCTION activity_in_use()"
    )
    # Until the next revision the key that stands holds the rows that stand.
    op.execute(
        "ALTER TABLE time_entries ADD CONSTRAINT time_entries_activity_fkey"
        " FOREIGN KEY (mission_id, activity, activity_until_on)"
        " REFERENCES mission_activities (mission_id, code, until_on) ON UPDATE CASCADE NOT VALID"
    )
    op.execute(
        "ALTER TABLE time_entries ADD CONSTRAINT activity_not_listed"
        " CHECK (status = 'reversed' OR worked_on <= activity_until_on) NOT VALID"
    )


def downgrade() -> None:
    op.drop_constraint("activity_not_listed", "time_entries")
    op.drop_constraint("time_entries_activity_fkey", "time_entries")
    op.execute("DROP TRIGGER activity_in_use ON mission_activities")
    op.execute("DROP FUNCTION activity_in_use()")
    op.drop_constraint(KEY, "mission_activities")
    op.drop_column("time_entries", "activity_until_on")
    op.drop_column("mission_activities", "until_on")
