"""The constraints of payments hold for what was there before, and what is in flight is found by its index.

Revision: 2026_11_30_1202, after 2026_11_30_1201.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1202"
down_revision = "2026_11_30_1201"
branch_labels = None
depends_on = None

TABLE = "grant_payments"
TO_VALIDATE = (
    "decider_pays", "grant_payment_reason", "grant_payment_status", "payment_own_approval",
    "payment_to_own_bank_details", "recorder_sees", "grant_payment_approver_kind", "grant_payment_state",
    "grant_payment_bank_details", "grant_payment_rejection", "grant_payment_exceeds",
    "grant_payments_bank_details_fkey", "grant_payment_approved_by_a_person", "grant_payments_proposed_by_fkey",
    "grant_payments_seen_by_fkey",
)  # fmt: skip
FLYING = "status IN ('proposed', 'approved', 'sent')"
INDEXES = {
    "grant_payments_bank_details_id_idx": (["bank_details_id"], FLYING),
    "grant_payments_in_flight_idx": (["territory", "id"], FLYING),
    "grant_payments_to_see_idx": (["territory", "id"], "exceeds <> '{}' AND seen_by IS NULL"),
}
REFERENCE, OF = "grant_payments_reference_key", ["grant_id", "reference"]


def _taken_by(condition: str) -> None:
    """Hold the reference for the payments of this condition. The index before it stands until the new one does."""
    op.create_index(
        f"{REFERENCE}_now", TABLE, OF, unique=True, postgresql_where=sa.text(condition), postgresql_concurrently=True,
        if_not_exists=True,
    )  # fmt: skip
    op.drop_index(REFERENCE, table_name=TABLE, postgresql_concurrently=True, if_exists=True)
    op.execute(f"-- squawk-ignore renaming-object\nALTER INDEX {REFERENCE}_now RENAME TO {REFERENCE}")


def upgrade() -> None:
    for name in TO_VALIDATE:
        op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {name}")
    with op.get_context().autocommit_block():  # writes go on meanwhile
        for name, (columns, condition) in INDEXES.items():
            op.create_index(
                name, TABLE, columns, postgresql_where=sa.text(condition), postgresql_concurrently=True,
                if_not_exists=True,
            )  # fmt: skip
        _taken_by("status NOT IN ('cancelled', 'reversed')")


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, table_name=TABLE)
    op.drop_index(REFERENCE, table_name=TABLE)
    op.create_index(REFERENCE, TABLE, OF, unique=True, postgresql_where=sa.text("status = 'recorded'"))
