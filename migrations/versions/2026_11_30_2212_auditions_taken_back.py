"""That an audition was held can be taken back: it is cancelled.

Revision: 2026_11_30_2212, after 2026_11_30_2211.
"""

from alembic import op

revision = "2026_11_30_2212"
down_revision = "2026_11_30_2211"
branch_labels = None
depends_on = None

GUARD = """
CREATE OR REPLACE FUNCTION guard_audition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status AND (OLD.status, NEW.status) <> ('held', 'cancelled') AND (
        OLD.status <> 'planned' OR NOT EXISTS (SELECT FROM audition_firms WHERE audition_id = NEW.id)
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_transition';
    END IF;
    IF OLD.status IN ('cancelled', 'no_show') AND
        (OLD.territory, OLD.mission_id, OLD.kind, OLD.planned_on, OLD.place, OLD.reason)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.kind, NEW.planned_on, NEW.place, NEW.reason)
    THEN
        RAISE EXCEPTION 'it did not take place' USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_over';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_BEFORE = """
CREATE OR REPLACE FUNCTION guard_audition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status <> NEW.status AND (OLD.status <> 'planned' OR NOT EXISTS (
        SELECT FROM audition_firms WHERE audition_id = NEW.id
    )) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_transition';
    END IF;
    IF OLD.status IN ('cancelled', 'no_show') AND
        (OLD.territory, OLD.mission_id, OLD.kind, OLD.planned_on, OLD.place, OLD.reason)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.kind, NEW.planned_on, NEW.place, NEW.reason)
    THEN
        RAISE EXCEPTION 'it did not take place' USING ERRCODE = 'check_violation', CONSTRAINT = 'audition_over';
    END IF;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    op.execute(GUARD)


def downgrade() -> None:
    op.execute(GUARD_BEFORE)
