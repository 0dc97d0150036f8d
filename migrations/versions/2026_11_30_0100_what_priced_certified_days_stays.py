"""What a certified day is priced by stays: its rate, its profile, and the VAT of the law.

Revision: 2026_11_30_0100, after 2026_11_30_0000.
"""

from alembic import op

revision = "2026_11_30_0100"
down_revision = "2026_11_30_0000"
branch_labels = None
depends_on = None

RATE_CERTIFIED = r"""
CREATE FUNCTION rate_certified() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rests boolean;
BEGIN
    PERFORM FROM rates WHERE ctid = OLD.ctid FOR UPDATE;
    rests := (
        SELECT max(e.worked_on) FROM service_certificates c
        CROSS JOIN LATERAL jsonb_to_recordset(c.content::jsonb -> 'entries') AS e (profile text, worked_on date)
        WHERE c.mission_id = OLD.mission_id AND c.organisation_id = OLD.organisation_id AND c.cancels_id IS NULL
            AND NOT EXISTS (SELECT FROM service_certificates counter WHERE counter.cancels_id = c.id)
            AND e.profile = OLD.profile AND e.worked_on BETWEEN OLD.from_on AND OLD.until_on
    ) > CASE
        WHEN (OLD.territory, OLD.mission_id, OLD.organisation_id, OLD.profile, OLD.day_rate_cents, OLD.from_on)
            IS NOT DISTINCT FROM
            (NEW.territory, NEW.mission_id, NEW.organisation_id, NEW.profile, NEW.day_rate_cents, NEW.from_on)
        THEN NEW.until_on ELSE '-infinity' END;
    IF rests THEN
        RAISE EXCEPTION 'a sealed act rests on this row'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rate_certified';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
PROFILE_CERTIFIED = r"""
CREATE FUNCTION profile_certified() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rests boolean;
BEGIN
    PERFORM FROM consultants WHERE ctid = OLD.ctid FOR UPDATE;
    rests := EXISTS (SELECT FROM time_entries WHERE consultant_id = OLD.id AND status = 'certified');
    IF rests THEN
        RAISE EXCEPTION 'a sealed act rests on this row'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'profile_certified';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""


def upgrade() -> None:
    op.execute(RATE_CERTIFIED)
    op.execute(
        "CREATE TRIGGER rate_certified BEFORE UPDATE OF territory, mission_id, organisation_id, profile,"
        " day_rate_cents, from_on, until_on OR DELETE ON rates FOR EACH ROW EXECUTE FUNCTION rate_certified()"
    )
    op.execute(PROFILE_CERTIFIED)
    op.execute(
        "CREATE TRIGGER profile_certified BEFORE UPDATE OF profile OR DELETE ON consultants FOR EACH ROW"
        " EXECUTE FUNCTION profile_certified()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON vat_rates FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER append_only ON vat_rates")
    for table, problem in (("rates", "rate_certified"), ("consultants", "profile_certified")):
        op.execute(f"DROP TRIGGER {problem} ON {table}")
        op.execute(f"DROP FUNCTION {problem}()")
