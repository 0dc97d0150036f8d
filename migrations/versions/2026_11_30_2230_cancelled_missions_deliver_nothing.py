"""Nothing is delivered or decided in a mission that was cancelled.

Revision: 2026_11_30_2230, after 2026_11_30_2221.
"""

from alembic import op

revision = "2026_11_30_2230"
down_revision = "2026_11_30_2221"
branch_labels = None
depends_on = None

GUARD_PASSAGE_MISSION = """
CREATE FUNCTION guard_deliverable_passage_mission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM missions m JOIN deliverables d ON d.mission_id = m.id WHERE d.id = NEW.deliverable_id
    FOR KEY SHARE OF m;
    IF EXISTS (
        SELECT FROM missions m JOIN deliverables d ON d.mission_id = m.id
        WHERE d.id = NEW.deliverable_id AND m.status = 'cancelled'
    ) THEN
        RAISE EXCEPTION 'the mission was cancelled'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'mission_cancelled';
    END IF;
    RETURN NEW;
END
$$
"""
PASSAGE_MISSION_GUARD = (
    "CREATE TRIGGER guard_mission BEFORE INSERT ON deliverable_passages FOR EACH ROW"
    " WHEN (NEW.act <> 'silence_admits') EXECUTE FUNCTION guard_deliverable_passage_mission()"
)


def upgrade() -> None:
    op.execute(GUARD_PASSAGE_MISSION)
    op.execute(PASSAGE_MISSION_GUARD)


def downgrade() -> None:
    op.execute("DROP TRIGGER guard_mission ON deliverable_passages")
    op.execute("DROP FUNCTION guard_deliverable_passage_mission()")
