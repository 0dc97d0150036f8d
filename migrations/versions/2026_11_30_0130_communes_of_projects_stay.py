"""A commune in which a project stands stays in the perimeter by which it was admitted.

Revision: 2026_11_30_0130, after 2026_11_30_0121.
"""

from alembic import op

revision = "2026_11_30_0130"
down_revision = "2026_11_30_0121"
branch_labels = None
depends_on = None

COMMUNE_IN_USE = """
CREATE FUNCTION commune_in_use() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rests boolean;
BEGIN
    PERFORM FROM perimeter_communes WHERE ctid = OLD.ctid FOR UPDATE;
    rests := (OLD.territory, OLD.vintage, OLD.insee_code) IS DISTINCT FROM (NEW.territory, NEW.vintage, NEW.insee_code)
        AND EXISTS (
        SELECT FROM projects p WHERE p.territory = OLD.territory AND p.perimeter_vintage = OLD.vintage
            AND p.commune_code = OLD.insee_code
    );
    IF rests THEN
        RAISE EXCEPTION 'a sealed act rests on this row'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'commune_in_use';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""


def upgrade() -> None:
    op.execute(COMMUNE_IN_USE)
    op.execute(
        "CREATE TRIGGER commune_in_use BEFORE UPDATE OF territory, vintage, insee_code OR DELETE"
        " ON perimeter_communes FOR EACH ROW EXECUTE FUNCTION commune_in_use()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER commune_in_use ON perimeter_communes")
    op.execute("DROP FUNCTION commune_in_use()")
