"""Territories have a region, by its INSEE code.

Revision: 2026_12_01_1300, after 2026_12_01_1200. Null for those that stand, until somebody tells it; code of before
does not know the column.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_1300"
down_revision = "2026_12_01_1200"
branch_labels = None
depends_on = None

_REGIONS = "'01', '02', '03', '04', '06', '11', '24', '27', '28', '32', '44', '52', '53', '75', '76', '84', '93', '94'"


def upgrade() -> None:
    op.add_column("territories", sa.Column("region_code", sa.Text()))
    op.execute(
        f"ALTER TABLE territories ADD CONSTRAINT territory_region_code CHECK (region_code IN ({_REGIONS})) NOT VALID"
    )


def downgrade() -> None:
    op.drop_column("territories", "region_code")
