"""A reversal of an aid file takes back a silence or what a committee decided.

Revision: 2026_11_30_1050, after 2026_11_30_1032.
"""

from alembic import op

revision = "2026_11_30_1050"
down_revision = "2026_11_30_1032"
branch_labels = None
depends_on = None

GUARD_APPLICATION_REVERSAL = """
CREATE OR REPLACE FUNCTION guard_application_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM application_passages p
        WHERE p.application_id = NEW.application_id AND p.number = NEW.reverses_number
            AND CASE NEW.act
                WHEN 'reverse_decision' THEN p.act IN ('pre_select', 'grant', 'defer', 'reject', 'withdraw')
                ELSE p.act IN ('silence_admits', 'silence_rejects') AND p.effective_on > NEW.effective_on
            END
            AND (p.from_state, p.to_state) = (NEW.to_state, NEW.from_state)
    ) THEN
        RAISE EXCEPTION 'it reverses neither a silence nor a decision'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_reversal';
    END IF;
    RETURN NEW;
END
$$
"""
BEFORE = """
CREATE OR REPLACE FUNCTION guard_application_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM application_passages p
        WHERE p.application_id = NEW.application_id AND p.number = NEW.reverses_number
            AND p.act IN ('silence_admits', 'silence_rejects') AND p.effective_on > NEW.effective_on
            AND (p.from_state, p.to_state) = (NEW.to_state, NEW.from_state)
    ) THEN
        RAISE EXCEPTION 'it reverses no silence'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_reversal';
    END IF;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.execute(GUARD_APPLICATION_REVERSAL)


def downgrade() -> None:
    op.execute(BEFORE)
