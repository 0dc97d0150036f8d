"""An award that was decided elsewhere and names an aid file is the decision that grants the file.

Revision: 2026_11_30_1401, after 2026_11_30_1400.

A file that such an award named before keeps the state that it has.
"""

from alembic import op

revision = "2026_11_30_1401"
down_revision = "2026_11_30_1400"
branch_labels = None
depends_on = None

CHECK_DECIDED = """
CREATE OR REPLACE FUNCTION check_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM committee_decisions d
        WHERE d.application_id = NEW.application_id AND d.passage_number = NEW.number AND d.outcome = NEW.act
            AND d.decided_on = NEW.effective_on AND d.corrects_id IS NULL
    ) AND NOT (NEW.act = 'grant' AND EXISTS (
        SELECT FROM (
            SELECT application_id, decision_reference, decided_on FROM grants
            WHERE decision_id IS NULL AND status NOT IN ('cancelled', 'reversed')
            UNION ALL
            SELECT application_id, decision_reference, decided_on FROM advances
            WHERE decision_id IS NULL AND status NOT IN ('cancelled', 'reversed')
        ) award WHERE award.application_id = NEW.application_id
            AND award.decision_reference = NEW.reference AND award.decided_on = NEW.effective_on
    )) THEN
        RAISE EXCEPTION 'nobody decided it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_decided';
    END IF;
    RETURN NULL;
END
$$
"""
BEFORE = """
CREATE OR REPLACE FUNCTION check_decided() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM committee_decisions d
        WHERE d.application_id = NEW.application_id AND d.passage_number = NEW.number AND d.outcome = NEW.act
            AND d.decided_on = NEW.effective_on AND d.corrects_id IS NULL
    ) THEN
        RAISE EXCEPTION 'nobody decided it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_decided';
    END IF;
    RETURN NULL;
END
$$
"""
CHECK_TAKEN_BACK = """
CREATE FUNCTION check_taken_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM committee_decisions d
        WHERE d.application_id = NEW.application_id AND d.passage_number = NEW.reverses_number
            AND d.corrects_id IS NULL AND d.reversed_at IS NULL
    ) OR EXISTS (
        SELECT FROM application_passages p JOIN (
            SELECT application_id, decision_reference, decided_on FROM grants
            WHERE decision_id IS NULL AND status NOT IN ('cancelled', 'reversed')
            UNION ALL
            SELECT application_id, decision_reference, decided_on FROM advances
            WHERE decision_id IS NULL AND status NOT IN ('cancelled', 'reversed')
        ) award ON award.application_id = p.application_id
            AND award.decision_reference = p.reference AND award.decided_on = p.effective_on
        WHERE p.application_id = NEW.application_id AND p.number = NEW.reverses_number AND p.act = 'grant'
    ) THEN
        RAISE EXCEPTION 'the decision stands'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_decision_stands';
    END IF;
    RETURN NULL;
END
$$
"""
TAKEN_BACK_PASSAGES = (
    "CREATE CONSTRAINT TRIGGER check_taken_back AFTER INSERT ON application_passages DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW WHEN (NEW.act = 'reverse_decision') EXECUTE FUNCTION check_taken_back()"
)


def upgrade() -> None:
    op.execute(CHECK_DECIDED)
    op.execute(CHECK_TAKEN_BACK)
    op.execute(TAKEN_BACK_PASSAGES)


def downgrade() -> None:
    op.execute("DROP TRIGGER check_taken_back ON application_passages")
    op.execute("DROP FUNCTION check_taken_back()")
    op.execute(BEFORE)
