"""Roles and keys that stand are held against the rules of the two revisions before.

Revision: 2026_11_30_2323, after 2026_11_30_2322.
"""

from alembic import op

revision = "2026_11_30_2323"
down_revision = "2026_11_30_2322"
branch_labels = None
depends_on = None

RULES = {
    "members": ("role_own_approval", "member_approval", "members_proposed_by_fkey", "members_approved_by_fkey"),
    "api_keys": (
        "api_keys_created_by_fkey", "api_keys_confirmed_by_fkey", "api_key_secret", "api_key_code", "api_key_narrowed",
        "key_own_confirmation", "api_key_confirmation",
    ),
}  # fmt: skip


def upgrade() -> None:
    for table, rules in RULES.items():
        for rule in rules:
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {rule}")


def downgrade() -> None:
    """The rules stay as they are: nothing is to be taken back."""
