"""Rates of the European Central Bank by half-years, with those that are published.

Revision: 2026_11_30_2301, after 2026_11_30_2300.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_2301"
down_revision = "2026_11_30_2300"
branch_labels = None
depends_on = None

# First day of the half-year, basis points: main refinancing operations, as in force on that day.
PUBLISHED = (
    ("2023-01-01", 250, "BCE, opérations principales de refinancement, taux du 21 décembre 2022"),
    ("2023-07-01", 400, "BCE, opérations principales de refinancement, taux du 21 juin 2023"),
    ("2024-01-01", 450, "BCE, opérations principales de refinancement, taux du 20 septembre 2023"),
    ("2024-07-01", 425, "BCE, opérations principales de refinancement, taux du 12 juin 2024"),
    ("2025-01-01", 315, "BCE, opérations principales de refinancement, taux du 18 décembre 2024"),
    ("2025-07-01", 215, "BCE, opérations principales de refinancement, taux du 11 juin 2025"),
    ("2026-01-01", 215, "BCE, opérations principales de refinancement, taux du 11 juin 2025"),
)


def upgrade() -> None:
    op.create_table(
        "refinancing_rates",
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("rate_bp", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("from_on", name="refinancing_rates_pkey"),
        sa.CheckConstraint("rate_bp BETWEEN 0 AND 10000", name="refinancing_rate_bp"),
        sa.CheckConstraint(
            "EXTRACT(month FROM from_on) IN (1, 7) AND EXTRACT(day FROM from_on) = 1",
            name="refinancing_rate_half_year",
        ),
    )
    for from_on, rate_bp, source in PUBLISHED:
        op.execute(
            sa.text(
                "INSERT INTO refinancing_rates (from_on, rate_bp, source)"
                " VALUES (CAST(:from_on AS date), :rate_bp, :source)"
            ).bindparams(from_on=from_on, rate_bp=rate_bp, source=source)
        )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refinancing_rates"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("refinancing_rates")
