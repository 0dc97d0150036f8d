"""What was drawn up for the firm that held an aid before is withdrawn, and neither signed nor notified.

Revision: 2026_11_30_2132, after 2026_11_30_2131.
"""

from alembic import op

revision = "2026_11_30_2132"
down_revision = "2026_11_30_2131"
branch_labels = None
depends_on = None

CHECK_ADDRESSEE = """
CREATE FUNCTION check_addressee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.content::jsonb ->> 'siren' <> (SELECT firm_siren FROM aids WHERE id = NEW.aid_id) THEN
        RAISE EXCEPTION 'the aid has passed to another firm'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'letter_to_the_firm_before';
    END IF;
    RETURN NEW;
END
$$
"""
# The reason is that of the request by which the aid passed.
WITHDRAW = """
UPDATE letters l
SET status = 'withdrawn', version = l.version + 1, updated_at = now(), end_reason = (
    SELECT coalesce(reason, 'The aid has passed to another firm.') FROM aid_acts
    WHERE aid_id = l.aid_id AND act = 'transfer' ORDER BY id DESC LIMIT 1
)
FROM aids a
WHERE a.id = l.aid_id AND l.status IN ('to_sign', 'signed') AND l.content::jsonb ->> 'siren' <> a.firm_siren
"""
TRIGGER = (
    "CREATE TRIGGER check_addressee BEFORE UPDATE OF status ON letters FOR EACH ROW"
    " WHEN (NEW.status IN ('signed', 'notified')) EXECUTE FUNCTION check_addressee()"
)


def upgrade() -> None:
    for statement in (WITHDRAW, CHECK_ADDRESSEE, TRIGGER):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER check_addressee ON letters")
    op.execute("DROP FUNCTION check_addressee()")
