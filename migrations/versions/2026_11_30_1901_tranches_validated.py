"""The constraints of tranches hold for what was there before, and what is in flight is found by its index.

Revision: 2026_11_30_1901, after 2026_11_30_1900.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1901"
down_revision = "2026_11_30_1900"
branch_labels = None
depends_on = None

TABLE = "advance_tranches"
TO_VALIDATE = (
    "decider_pays", "tranche_reason", "tranche_status", "payment_own_approval", "payment_to_own_bank_details",
    "recorder_sees", "tranche_approver_kind", "tranche_state", "tranche_bank_details", "tranche_rejection",
    "tranche_exceeds", "tranche_document", "advance_tranches_bank_details_fkey", "tranche_approved_by_a_person",
    "advance_tranches_proposed_by_fkey", "advance_tranches_seen_by_fkey",
)  # fmt: skip
FLYING = "status IN ('proposed', 'approved', 'sent')"
INDEXES = {
    "advance_tranches_bank_details_id_idx": (["bank_details_id"], FLYING, False),
    "advance_tranches_in_flight_idx": (["territory", "id"], FLYING, False),
    "advance_tranches_to_see_idx": (["territory", "id"], "exceeds <> '{}' AND seen_by IS NULL", False),
    "advance_tranches_reference_key": (["advance_id", "reference"], "status NOT IN ('cancelled', 'reversed')", True),
}


def upgrade() -> None:
    for name in TO_VALIDATE:
        op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {name}")
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for name, (columns, condition, unique) in INDEXES.items():
            op.create_index(
                name, TABLE, columns, unique=unique, postgresql_where=sa.text(condition), postgresql_concurrently=True,
                if_not_exists=True,
            )  # fmt: skip


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name=TABLE)
