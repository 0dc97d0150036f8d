"""The constraints of certificates and thresholds hold for what was there before.

Revision: 2026_11_22_1320, after 2026_11_22_1310.
"""

from alembic import op

revision = "2026_11_22_1320"
down_revision = "2026_11_22_1310"
branch_labels = None
depends_on = None

TO_VALIDATE = [
    ("missions", "mission_alert_thresholds_bp"),
    ("time_entries", "certifier_is_a_person"),
    ("time_entries", "time_entries_certificate_fkey"),
    ("time_entries", "certified_without_certificate"),
    ("time_entries", "certifier_kind"),
    ("time_entries", "certifier_took_part"),
]


def upgrade() -> None:
    for table, name in TO_VALIDATE:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """A constraint once validated stays so."""
