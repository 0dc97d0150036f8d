"""A time entry may name the audition or the project that it is about.

Revision: 2026_11_22_1410, after 2026_11_22_1400.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_1410"
down_revision = "2026_11_22_1400"
branch_labels = None
depends_on = None

# What counted names the same audition and project for ever.
GUARD_TIME_ENTRY = r"""CREATE OR REPLACE FUNCTION guard_time_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'only a draft is deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_locked';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
        ('draft', 'submitted'), ('submitted', 'draft'), ('rejected', 'draft'), ('submitted', 'validated'),
        ('submitted', 'rejected'), ('submitted', 'reversed'), ('validated', 'reversed'), ('validated', 'certified'),
        ('certified', 'validated')
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'invalid_transition';
    END IF;
    IF OLD.status NOT IN ('draft', 'submitted') AND
        (OLD.territory, OLD.mission_id, OLD.consultant_id, OLD.worked_on, OLD.counted_on, OLD.days, OLD.activity,
         OLD.firm_siren, OLD.note, OLD.external_id, OLD.entered_by, OLD.authors, OLD.validated_by, OLD.validated_at,
         OLD.corrects_id, OLD.audition_id, OLD.project_id, OLD.created_at)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.consultant_id, NEW.worked_on, NEW.counted_on, NEW.days, NEW.activity,
         NEW.firm_siren, NEW.note, NEW.external_id, NEW.entered_by, NEW.authors, NEW.validated_by, NEW.validated_at,
         NEW.corrects_id, NEW.audition_id, NEW.project_id, NEW.created_at)
        OR OLD.reversal_counted_on IS NOT NULL AND OLD.reversal_counted_on IS DISTINCT FROM NEW.reversal_counted_on
        OR OLD.status = NEW.status AND (OLD.certificate_id, OLD.certified_by, OLD.certified_at)
            IS DISTINCT FROM (NEW.certificate_id, NEW.certified_by, NEW.certified_at)
    THEN
        RAISE EXCEPTION 'the entry counts' USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_locked';
    END IF;
    IF NEW.status = 'reversed' AND NEW.reversal_counted_on IS NULL THEN
        NEW.reversal_counted_on := NEW.counted_on;
    END IF;
    RETURN NEW;
END
$$
"""

GUARD_TIME_ENTRY_BEFORE = r"""CREATE OR REPLACE FUNCTION guard_time_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'only a draft is deleted' USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_locked';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status, NEW.status) IN (
        ('draft', 'submitted'), ('submitted', 'draft'), ('rejected', 'draft'), ('submitted', 'validated'),
        ('submitted', 'rejected'), ('submitted', 'reversed'), ('validated', 'reversed'), ('validated', 'certified'),
        ('certified', 'validated')
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'invalid_transition';
    END IF;
    IF OLD.status NOT IN ('draft', 'submitted') AND
        (OLD.territory, OLD.mission_id, OLD.consultant_id, OLD.worked_on, OLD.counted_on, OLD.days, OLD.activity,
         OLD.firm_siren, OLD.note, OLD.external_id, OLD.entered_by, OLD.authors, OLD.validated_by, OLD.validated_at,
         OLD.corrects_id, OLD.created_at)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.consultant_id, NEW.worked_on, NEW.counted_on, NEW.days, NEW.activity,
         NEW.firm_siren, NEW.note, NEW.external_id, NEW.entered_by, NEW.authors, NEW.validated_by, NEW.validated_at,
         NEW.corrects_id, NEW.created_at)
        OR OLD.reversal_counted_on IS NOT NULL AND OLD.reversal_counted_on IS DISTINCT FROM NEW.reversal_counted_on
        OR OLD.status = NEW.status AND (OLD.certificate_id, OLD.certified_by, OLD.certified_at)
            IS DISTINCT FROM (NEW.certificate_id, NEW.certified_by, NEW.certified_at)
    THEN
        RAISE EXCEPTION 'the entry counts' USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_locked';
    END IF;
    IF NEW.status = 'reversed' AND NEW.reversal_counted_on IS NULL THEN
        NEW.reversal_counted_on := NEW.counted_on;
    END IF;
    RETURN NEW;
END
$$
"""

OTHERS = {"audition": "auditions", "project": "projects"}


def upgrade() -> None:
    for name, table in OTHERS.items():
        op.add_column("time_entries", sa.Column(f"{name}_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            f"time_entries_{name}_fkey",
            "time_entries",
            table,
            ["territory", f"{name}_id"],
            ["territory", "id"],
            postgresql_not_valid=True,
        )
    op.execute(GUARD_TIME_ENTRY)


def downgrade() -> None:
    op.execute(GUARD_TIME_ENTRY_BEFORE)
    for name in OTHERS:
        op.drop_column("time_entries", f"{name}_id")
