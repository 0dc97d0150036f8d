"""An award begins as awarded, and what it gave back is what the ledger says, whoever writes it.

Revision: 2026_11_30_1702, after 2026_11_30_1701.
"""

from alembic import op

revision = "2026_11_30_1702"
down_revision = "2026_11_30_1701"
branch_labels = None
depends_on = None

REFUSE_BEGUN_AWARD = """
CREATE FUNCTION refuse_begun_award() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a new award is awarded, and nothing else'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'award_begins';
END
$$
"""
CHECK_RELEASED = """
CREATE FUNCTION check_released() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    committed text := TG_TABLE_NAME || '_committed';
    released bigint;
BEGIN
    -- The row as it is now: it can have changed again since.
    IF TG_TABLE_NAME = 'grants' THEN
        released := (SELECT released_cents FROM grants WHERE id = NEW.id);
    ELSE
        released := (SELECT released_cents FROM advances WHERE id = NEW.id);
    END IF;
    IF released <> (
        SELECT coalesce(sum(CASE e.debit WHEN 'released' THEN e.amount_cents ELSE -e.amount_cents END), 0)
        FROM ledger_entries e
        WHERE e.award_id = NEW.id AND (e.debit, e.credit) IN (('released', committed), (committed, 'released'))
    ) THEN
        RAISE EXCEPTION 'the ledger says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'released_by_the_ledger';
    END IF;
    RETURN NULL;
END
$$
"""
COUNTED = {
    "grants": ("released_cents", "paid_cents", "in_flight_cents", "recovered_cents", "claimed_back_cents"),
    "advances": ("released_cents", "disbursed_cents", "repaid_cents"),
}


def upgrade() -> None:
    op.execute(REFUSE_BEGUN_AWARD)
    op.execute(CHECK_RELEASED)
    for table, columns in COUNTED.items():
        nothing = " OR ".join(f"NEW.{column} <> 0" for column in columns)
        op.execute(
            f"CREATE TRIGGER begins AFTER INSERT ON {table} FOR EACH ROW WHEN (NEW.status <> 'awarded' OR {nothing}"
            " OR num_nonnulls(NEW.ended_as, NEW.ended_on, NEW.final_cents) > 0)"
            " EXECUTE FUNCTION refuse_begun_award()"
        )
        op.execute(
            f"CREATE CONSTRAINT TRIGGER check_released AFTER UPDATE OF released_cents ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.released_cents <> OLD.released_cents)"
            " EXECUTE FUNCTION check_released()"
        )


def downgrade() -> None:
    for table in COUNTED:
        op.execute(f"DROP TRIGGER check_released ON {table}")
        op.execute(f"DROP TRIGGER begins ON {table}")
    op.execute("DROP FUNCTION check_released()")
    op.execute("DROP FUNCTION refuse_begun_award()")
