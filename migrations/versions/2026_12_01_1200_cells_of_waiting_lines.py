"""How the cells of a waiting line are written, where its body has them in other words.

Revision: 2026_12_01_1200, after 2026_12_01_1000. Code of before neither writes nor reads it.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_12_01_1200"
down_revision = "2026_12_01_1000"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("import_lines", sa.Column("written", sa.Text()))


def downgrade() -> None:
    op.drop_column("import_lines", "written")
