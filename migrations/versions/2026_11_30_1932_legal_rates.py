"""Legal rates of interest by half-years, with those that are published.

Revision: 2026_11_30_1932, after 2026_11_30_1931.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1932"
down_revision = "2026_11_30_1931"
branch_labels = None
depends_on = None

# First day, basis points, text: the category «all other cases» of the code monétaire et financier, art. L. 313-2.
PUBLISHED = (
    ("2024-07-01", 492, "Journal officiel, taux du second semestre 2024"),
    ("2025-01-01", 371, "Arrêté du 17 décembre 2024"),
    ("2025-07-01", 276, "Arrêté du 19 juin 2025 (ECOT2516925A), JO du 24 juin 2025"),
    ("2026-01-01", 262, "Arrêté du 15 décembre 2025, JO du 26 décembre 2025"),
)


def upgrade() -> None:
    op.create_table(
        "legal_rates",
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("rate_bp", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="legal_rates_pkey"),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name="legal_rates_recorded_by_fkey"),
        sa.CheckConstraint(
            "EXTRACT(month FROM from_on) IN (1, 7) AND EXTRACT(day FROM from_on) = 1", name="legal_rate_half_year"
        ),
        sa.CheckConstraint("rate_bp BETWEEN 0 AND 10000", name="legal_rate_rate"),
    )
    op.create_index("legal_rates_from_on_id_idx", "legal_rates", ["from_on", "id"])
    for from_on, rate_bp, source in PUBLISHED:
        op.execute(
            sa.text(
                "INSERT INTO legal_rates (from_on, rate_bp, source, recorded_at)"
                " VALUES (CAST(:from_on AS date), :rate_bp, :source, now())"
            ).bindparams(from_on=from_on, rate_bp=rate_bp, source=source)
        )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON legal_rates"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("legal_rates")
