"""The guard of proposed accounts names what may change instead of what may not, so that it serves for every table of them.

Revision: 2026_11_30_1230, after 2026_11_30_1202.
"""

from alembic import op

revision = "2026_11_30_1230"
down_revision = "2026_11_30_1202"
branch_labels = None
depends_on = None

GUARD_BANK_DETAILS = """
CREATE OR REPLACE FUNCTION guard_bank_details() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves CONSTANT text[] := ARRAY['status', 'decided_by', 'decider_kind', 'decided_at', 'ended_at', 'end_reason',
        'version', 'updated_at'];
BEGIN
    IF TG_OP = 'DELETE'
        OR to_jsonb(OLD) - moves IS DISTINCT FROM to_jsonb(NEW) - moves
        OR OLD.status <> 'proposed' AND (OLD.decided_by, OLD.decided_at)
            IS DISTINCT FROM (NEW.decided_by, NEW.decided_at)
        OR OLD.status IN ('refused', 'withdrawn', 'superseded')
        OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
            ('proposed', 'approved'), ('proposed', 'refused'), ('proposed', 'withdrawn'), ('approved', 'withdrawn'),
            ('approved', 'superseded')
        )
    THEN
        RAISE EXCEPTION 'no such change of bank details'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bank_details_transition';
    END IF;
    RETURN NEW;
END
$$
"""
BEFORE = """
CREATE OR REPLACE FUNCTION guard_bank_details() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR (OLD.territory, OLD.siren, OLD.iban_id, OLD.iban_masked, OLD.holder_name, OLD.proposed_by, OLD.created_at)
            IS DISTINCT FROM
            (NEW.territory, NEW.siren, NEW.iban_id, NEW.iban_masked, NEW.holder_name, NEW.proposed_by, NEW.created_at)
        OR OLD.status <> 'proposed' AND (OLD.decided_by, OLD.decided_at)
            IS DISTINCT FROM (NEW.decided_by, NEW.decided_at)
        OR OLD.status IN ('refused', 'withdrawn', 'superseded')
        OR OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
            ('proposed', 'approved'), ('proposed', 'refused'), ('proposed', 'withdrawn'), ('approved', 'withdrawn'),
            ('approved', 'superseded')
        )
    THEN
        RAISE EXCEPTION 'no such change of bank details'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'bank_details_transition';
    END IF;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.execute(GUARD_BANK_DETAILS)


def downgrade() -> None:
    op.execute(BEFORE)
