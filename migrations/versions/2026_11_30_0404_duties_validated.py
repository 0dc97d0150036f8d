"""The constraints of duties hold for what was there before, where nothing breaks them; the rest is counted.

Revision: 2026_11_30_0404, after 2026_11_30_0403.
"""

import logging

import sqlalchemy as sa
from alembic import context, op

revision = "2026_11_30_0404"
down_revision = "2026_11_30_0403"
branch_labels = None
depends_on = None

# Table, constraint, the rows that break it, and what they are called.
TO_VALIDATE = [
    ("subjects", "subject_email_form", "NOT (email = lower(email) AND email ~ '^[!-~]+$')",
     "e-mail addresses in another form, which stay"),
    ("committees", "writer_closes", "closed_by = ANY (minutes_authors)",
     "meetings closed by who wrote their minutes, which stay"),
    ("roadmap_versions", "drafter_adopts", "adopted_by = ANY (authors)",
     "roadmaps adopted by who drafted them, which stay"),
    ("advance_repayments", "decider_receives", "status = 'recorded' AND recorded_by = awarded_by",
     "repayments recorded by who awarded the advance, which stay"),
]  # fmt: skip


def _told(what: str, table: str, condition: str) -> bool:
    """Whether there are such rows; their number is logged."""
    if context.is_offline_mode():
        return False
    count = op.get_bind().scalar(sa.text(f"SELECT count(*) FROM {table} WHERE {condition}"))
    if count:
        logging.getLogger("rebond.migrations").warning("%s: %s", what, count)
    return bool(count)


def upgrade() -> None:
    for table, name, broken, what in TO_VALIDATE:
        if not _told(what, table, broken):
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    _told(
        "persons without an e-mail address, who can neither validate, decide nor pay until it is given",
        "subjects",
        "kind = 'person' AND email IS NULL",
    )


def downgrade() -> None:
    """A constraint once validated stays so."""
