"""The hash of a sealed record stands on the row of its meeting.

Revision: 2026_11_30_2152, after 2026_11_30_2151.

A record that the previous version of the service seals brings its hash too, by the trigger.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_2152"
down_revision = "2026_11_30_2151"
branch_labels = None
depends_on = None

GUARD = """
CREATE OR REPLACE FUNCTION guard_committee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status = 'closed' AND OLD.record_hash IS NULL
        AND to_jsonb(NEW) - 'record_hash' = to_jsonb(OLD) - 'record_hash'
    THEN
        RETURN NEW;
    END IF;
    IF OLD.status IN ('closed', 'cancelled') OR TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'the meeting is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
        ('planned', 'held'), ('planned', 'cancelled'), ('held', 'closed')
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_transition';
    END IF;
    IF OLD.id <> NEW.id OR OLD.territory <> NEW.territory OR OLD.level <> NEW.level THEN
        RAISE EXCEPTION 'a meeting keeps its place' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_moved';
    END IF;
    IF NEW.status IN ('held', 'closed') AND NOT EXISTS (
        SELECT FROM committee_members WHERE committee_id = NEW.id AND chair IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'nobody presides' USING ERRCODE = 'check_violation', CONSTRAINT = 'chair_missing';
    END IF;
    IF NEW.status = 'closed' AND EXISTS (
        SELECT FROM committee_members WHERE committee_id = NEW.id AND attendance IS NULL
    ) THEN
        RAISE EXCEPTION 'who came?' USING ERRCODE = 'check_violation', CONSTRAINT = 'attendance_missing';
    END IF;
    IF NEW.status = 'closed' THEN
        NEW.record_hash := (SELECT content_hash FROM committee_records WHERE committee_id = NEW.id);
    END IF;
    RETURN NEW;
END
$$
"""
NAME = """
CREATE FUNCTION name_committee_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE committees SET record_hash = NEW.content_hash WHERE id = NEW.committee_id AND status = 'closed';
    RETURN NULL;
END
$$
"""
CHECK = """
CREATE OR REPLACE FUNCTION check_recorded_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    meeting uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'committees' THEN 'id' ELSE 'committee_id' END;
BEGIN
    IF NOT EXISTS (
        SELECT FROM committees c JOIN committee_records r ON r.committee_id = c.id
        WHERE c.id = meeting AND c.status = 'closed' AND c.record_hash = r.content_hash
    ) THEN
        RAISE EXCEPTION 'a meeting is closed with its record'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_closed_with_its_record';
    END IF;
    RETURN NULL;
END
$$
"""
TRIGGER = (
    "CREATE TRIGGER name_record AFTER INSERT ON committee_records FOR EACH ROW EXECUTE FUNCTION name_committee_record()"
)
FILL = """
    UPDATE committees c SET record_hash = r.content_hash FROM committee_records r
    WHERE r.committee_id = c.id AND c.status = 'closed'
"""
GUARD_BEFORE = """
CREATE OR REPLACE FUNCTION guard_committee() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IN ('closed', 'cancelled') OR TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'the meeting is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
        ('planned', 'held'), ('planned', 'cancelled'), ('held', 'closed')
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_transition';
    END IF;
    IF OLD.id <> NEW.id OR OLD.territory <> NEW.territory OR OLD.level <> NEW.level THEN
        RAISE EXCEPTION 'a meeting keeps its place' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_moved';
    END IF;
    IF NEW.status IN ('held', 'closed') AND NOT EXISTS (
        SELECT FROM committee_members WHERE committee_id = NEW.id AND chair IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'nobody presides' USING ERRCODE = 'check_violation', CONSTRAINT = 'chair_missing';
    END IF;
    IF NEW.status = 'closed' AND EXISTS (
        SELECT FROM committee_members WHERE committee_id = NEW.id AND attendance IS NULL
    ) THEN
        RAISE EXCEPTION 'who came?' USING ERRCODE = 'check_violation', CONSTRAINT = 'attendance_missing';
    END IF;
    RETURN NEW;
END
$$
"""
CHECK_BEFORE = """
CREATE OR REPLACE FUNCTION check_recorded_meeting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    meeting uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'committees' THEN 'id' ELSE 'committee_id' END;
BEGIN
    IF NOT EXISTS (
        SELECT FROM committees c JOIN committee_records r ON r.committee_id = c.id
        WHERE c.id = meeting AND c.status = 'closed'
    ) THEN
        RAISE EXCEPTION 'a meeting is closed with its record'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_closed_with_its_record';
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.add_column("committees", sa.Column("record_hash", sa.Text()))
    for statement in (GUARD, NAME, TRIGGER, FILL, CHECK):
        op.execute(statement)


def downgrade() -> None:
    op.execute(CHECK_BEFORE)
    op.execute("DROP TRIGGER name_record ON committee_records")
    op.execute("DROP FUNCTION name_committee_record()")
    op.execute(GUARD_BEFORE)
    op.drop_column("committees", "record_hash")
