"""Accounts without their number and reviews without what they say: a territory that was brought in has neither.

Revision: 2026_11_30_2324, after 2026_11_30_2323.
"""

from alembic import op

revision = "2026_11_30_2324"
down_revision = "2026_11_30_2323"
branch_labels = None
depends_on = None

ACCOUNTS = ("firm_bank_details", "organisation_bank_accounts")
SAID = ("opinion", "recommended_grant_cents", "recommended_advance_cents", "kyc")
# Only an import into an empty database leaves them null, and that comes with this version.
IGNORED = "-- squawk-ignore ban-drop-not-null"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    for table in ACCOUNTS:
        op.execute(f"{IGNORED}\nALTER TABLE {table} ALTER COLUMN iban_id DROP NOT NULL")
    for column in SAID:
        op.execute(f"{IGNORED}\nALTER TABLE application_reviews ALTER COLUMN {column} DROP NOT NULL")
    op.execute(
        "ALTER TABLE application_reviews ADD CONSTRAINT application_review_content CHECK ("
        "num_nulls(opinion, recommended_grant_cents, recommended_advance_cents, kyc)"
        " IN (0, 4 + num_nonnulls(rating, body, completed_on))) NOT VALID"
    )


def downgrade() -> None:
    op.drop_constraint("application_review_content", "application_reviews")
    for column in SAID:
        op.alter_column("application_reviews", column, nullable=False)
    for table in ACCOUNTS:
        op.alter_column(table, "iban_id", nullable=False)
