"""An EPCI belongs to one laureate territory at a time.

Revision: 2026_11_30_0000, after 2026_11_29_2355.

Of laureate territories that share one already, the first laureate keeps it; the others stay as they are, and `rebond check`
lists them as "before the rule".
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_0000"
down_revision = "2026_11_29_2355"
branch_labels = None
depends_on = None

TAKE_EPCIS = """
CREATE FUNCTION take_epcis() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE laureate_epcis IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM laureate_epcis WHERE territory = NEW.slug;
    INSERT INTO laureate_epcis (siren, territory)
    SELECT DISTINCT siren, NEW.slug FROM unnest(NEW.epci_sirens) AS siren WHERE NEW.status = 'laureate';
    RETURN NULL;
END
$$
"""
TAKE = (
    "CREATE TRIGGER take_epcis AFTER INSERT OR UPDATE OF status, epci_sirens ON territories"
    " FOR EACH ROW EXECUTE FUNCTION take_epcis()"
)
BROUGHT_OVER = """
INSERT INTO laureate_epcis (siren, territory)
SELECT DISTINCT ON (siren) siren, slug FROM territories, unnest(epci_sirens) AS siren
WHERE status = 'laureate' ORDER BY siren, laureate_on NULLS LAST, created_at, slug
"""


def upgrade() -> None:
    op.create_table(
        "laureate_epcis",
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("siren", name="epci_of_another_territory"),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name="laureate_epcis_territory_fkey"),
    )
    op.create_index("laureate_epcis_territory_idx", "laureate_epcis", ["territory"])
    op.execute(TAKE_EPCIS)
    op.execute(TAKE)
    op.execute(BROUGHT_OVER)


def downgrade() -> None:
    op.execute("DROP TRIGGER take_epcis ON territories")
    op.drop_table("laureate_epcis")
    op.execute("DROP FUNCTION take_epcis")
