"""What a new entry takes from its limit rows is taken by one call.

Revision: 2026_11_30_0752, after 2026_11_30_0751.
"""

from alembic import op

revision = "2026_11_30_0752"
down_revision = "2026_11_30_0751"
branch_labels = None
depends_on = None

TAKE_DAYS = """
CREATE FUNCTION take_days(person uuid, mission uuid, organisation uuid, day date, taken numeric, today date)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_days AS p (person_id, worked_on, days) VALUES (person, day, taken)
    ON CONFLICT (person_id, worked_on) DO UPDATE SET days = p.days + excluded.days;
    UPDATE member_days SET days_entered = days_entered + taken
    WHERE mission_id = mission AND organisation_id = organisation;
    UPDATE mission_days SET days_entered = days_entered + taken, worked_from = day, worked_to = day,
        worked_days = ARRAY[day], counted_months = ARRAY[date_trunc('month', day)::date], entered_on = today,
        entered_before = CASE WHEN day >= ALL (steps) THEN entered_before
            ELSE add_after(steps, entered_before, ARRAY[day], ARRAY[taken]) END
    WHERE mission_id = mission;
    RETURN true;
END
$$
"""


def upgrade() -> None:
    op.execute(TAKE_DAYS)


def downgrade() -> None:
    op.execute("DROP FUNCTION take_days")
