"""Ids of what belongs to a firm of the register say nothing of when it was entered.

Revision: 2026_12_01_1000, after 2026_12_01_0080. The codes of activity get new ids: no address reads one, and nothing
names them but their events. Moves of the seat are append-only and proceedings are named by claims: those from before
keep theirs. Code of before writes as the new one does.
"""

from alembic import op

revision = "2026_12_01_1000"
down_revision = "2026_12_01_0080"
branch_labels = None
depends_on = None

TABLES = {"firm_activities": "naf_version", "firm_seats": "from_on", "proceedings": "opened_on"}


def upgrade() -> None:
    op.execute(
        """
CREATE FUNCTION id_of_its_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said CONSTANT text := to_jsonb(NEW) ->> TG_ARGV[0];
    told CONSTANT date := CASE said WHEN 'naf_rev2' THEN '2008-01-01' WHEN 'naf_2025' THEN '2027-01-01'
        ELSE greatest(said::date, '1970-01-01') END;
BEGIN
    NEW.id := uuidv7(timezone('UTC', told::timestamp) - clock_timestamp());
    RETURN NEW;
END
$$
"""
    )
    for table, day in TABLES.items():
        op.execute(
            f"CREATE TRIGGER id_of_its_day BEFORE INSERT ON {table} FOR EACH ROW"
            f" EXECUTE FUNCTION id_of_its_day('{day}')"
        )
    op.execute(
        "UPDATE firm_activities SET id = uuidv7(timezone('UTC', CASE naf_version WHEN 'naf_rev2' THEN '2008-01-01'"
        " ELSE '2027-01-01' END::timestamp) - clock_timestamp())"
    )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER id_of_its_day ON {table}")
    op.execute("DROP FUNCTION id_of_its_day()")
