"""A person is registered with an e-mail address, in one form. Those from before stay.

Revision: 2026_11_30_0400, after 2026_11_30_0303.
"""

from alembic import op

revision = "2026_11_30_0400"
down_revision = "2026_11_30_0303"
branch_labels = None
depends_on = None

REFUSE = r"""CREATE FUNCTION refuse_person_without_email() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a person has an e-mail address'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'person_without_email';
END
$$
"""

GUARD = (
    "CREATE TRIGGER person_with_email BEFORE INSERT ON subjects FOR EACH ROW"
    " WHEN (NEW.kind = 'person' AND NEW.email IS NULL) EXECUTE FUNCTION refuse_person_without_email()"
)

FORM = "email = lower(email) AND email ~ '^[!-~]+$'"


def upgrade() -> None:
    op.execute(REFUSE)
    op.execute(GUARD)
    op.execute(f"ALTER TABLE subjects ADD CONSTRAINT subject_email_form CHECK ({FORM}) NOT VALID")


def downgrade() -> None:
    op.drop_constraint("subject_email_form", "subjects")
    op.execute("DROP TRIGGER person_with_email ON subjects")
    op.execute("DROP FUNCTION refuse_person_without_email()")
