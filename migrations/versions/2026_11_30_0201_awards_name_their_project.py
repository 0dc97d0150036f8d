"""An award names its project, which its firm holds, and the committee that decided, where one did.

Revision: 2026_11_30_0201, after 2026_11_30_0200.

Awards that name no project stay as they are: what refuses them looks at new rows.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0201"
down_revision = "2026_11_30_0200"
branch_labels = None
depends_on = None

LINKS = {
    "project_fkey": ("(territory, project_id) REFERENCES projects (territory, id)", ""),
    "project_firm_fkey": (
        "(project_id, firm_siren) REFERENCES project_holders (project_id, firm_siren)",
        " DEFERRABLE INITIALLY DEFERRED",
    ),
    "committee_fkey": ("(territory, committee_id) REFERENCES committees (territory, id)", ""),
}

CHECK_AWARD = """CREATE FUNCTION check_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    served_since date;
BEGIN
    IF NEW.project_id IS NULL THEN
        SELECT served_since_on INTO served_since FROM territories WHERE slug = NEW.territory FOR SHARE;
        IF NEW.decided_on >= served_since THEN
            RAISE EXCEPTION 'for which project?' USING ERRCODE = 'check_violation', CONSTRAINT = 'project_missing';
        END IF;
    END IF;
    IF EXISTS (
        SELECT FROM committees WHERE territory = NEW.territory AND id = NEW.committee_id
            AND coalesce((timezone('Europe/Paris', held_at))::date, 'infinity') > NEW.decided_on
    ) THEN
        RAISE EXCEPTION 'not held by then'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_after_decision';
    END IF;
    RETURN NEW;
END
$$
"""
CHECK_SERVED_SINCE = """CREATE FUNCTION check_served_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM grants WHERE territory = NEW.slug AND project_id IS NULL
            AND status NOT IN ('cancelled', 'reversed')
            AND decided_on >= NEW.served_since_on AND decided_on < OLD.served_since_on
        UNION ALL
        SELECT FROM advances WHERE territory = NEW.slug AND project_id IS NULL
            AND status NOT IN ('cancelled', 'reversed')
            AND decided_on >= NEW.served_since_on AND decided_on < OLD.served_since_on
    ) THEN
        RAISE EXCEPTION 'they name no project'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'awards_without_project';
    END IF;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    for table in ("grants", "advances"):
        op.add_column(table, sa.Column("project_id", sa.Uuid(), nullable=True))
        op.add_column(table, sa.Column("committee_id", sa.Uuid(), nullable=True))
        for name, (references, deferred) in LINKS.items():
            op.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name} FOREIGN KEY {references}{deferred} NOT VALID"
            )
    op.execute(CHECK_AWARD)
    for table in ("grants", "advances"):
        op.execute(f"CREATE TRIGGER check_award BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION check_award()")
    op.execute(CHECK_SERVED_SINCE)
    op.execute(
        "CREATE TRIGGER check_served_since BEFORE UPDATE OF served_since_on ON territories FOR EACH ROW"
        " WHEN (NEW.served_since_on < OLD.served_since_on) EXECUTE FUNCTION check_served_since()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER check_served_since ON territories")
    op.execute("DROP FUNCTION check_served_since()")
    for table in ("grants", "advances"):
        op.execute(f"DROP TRIGGER check_award ON {table}")
        for name in LINKS:
            op.drop_constraint(f"{table}_{name}", table)
        op.drop_column(table, "committee_id")
        op.drop_column(table, "project_id")
    op.execute("DROP FUNCTION check_award()")
