"""Corrections draw on what was taken back.

Revision: 2026_11_29_2340, after 2026_11_29_2331.
"""

import logging

import sqlalchemy as sa
from alembic import context, op

revision = "2026_11_29_2340"
down_revision = "2026_11_29_2331"
branch_labels = None
depends_on = None

# A rejected entry that is recalled may give up its external id, which another bears by now.
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
         OLD.firm_siren, OLD.note, OLD.entered_by, OLD.authors, OLD.validated_by, OLD.validated_at,
         OLD.corrects_id, OLD.audition_id, OLD.project_id, OLD.created_at)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.consultant_id, NEW.worked_on, NEW.counted_on, NEW.days, NEW.activity,
         NEW.firm_siren, NEW.note, NEW.entered_by, NEW.authors, NEW.validated_by, NEW.validated_at,
         NEW.corrects_id, NEW.audition_id, NEW.project_id, NEW.created_at)
        OR OLD.status NOT IN ('draft', 'submitted') AND OLD.external_id IS DISTINCT FROM NEW.external_id
            AND NOT (OLD.status = 'rejected' AND NEW.status = 'draft' AND NEW.external_id IS NULL)
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

# Corrections there were beyond their entry's days keep them; their own person, mission and month are not looked at.
FILL = """
INSERT INTO correctable_days (entry_id, person_id, mission_id, month, days, days_corrected)
SELECT e.id, e.person_id, e.mission_id, date_trunc('month', e.worked_on::timestamp)::date,
    greatest(e.days, coalesce(c.days, 0)), coalesce(c.days, 0)
FROM time_entries e LEFT JOIN (
    SELECT corrects_id, sum(days) AS days FROM time_entries
    WHERE corrects_id IS NOT NULL AND status IN ('submitted', 'validated', 'certified') GROUP BY corrects_id
) c ON c.corrects_id = e.id
WHERE e.status IN ('rejected', 'reversed')
"""
BEYOND = """
    SELECT count(*) FROM time_entries c JOIN time_entries e ON e.id = c.corrects_id
    JOIN correctable_days d ON d.entry_id = e.id
    WHERE c.status IN ('submitted', 'validated', 'certified') AND (d.days > e.days
        OR (c.person_id, c.mission_id, date_trunc('month', c.worked_on::timestamp)::date)
        IS DISTINCT FROM (d.person_id, d.mission_id, d.month))
"""


def upgrade() -> None:
    op.create_table(
        "correctable_days",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("days", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("days_corrected", sa.Numeric(precision=7, scale=2), server_default="0", nullable=False),
        sa.Column("for_person_id", sa.Uuid(), nullable=True),
        sa.Column("for_mission_id", sa.Uuid(), nullable=True),
        sa.Column("for_month", sa.Date(), nullable=True),
        sa.CheckConstraint("days_corrected <= days", name="correction_exceeded"),
        sa.CheckConstraint("days_corrected >= 0 AND days_corrected <> 'NaN'", name="correctable_days_corrected"),
        sa.CheckConstraint(
            "for_person_id = person_id AND for_mission_id = mission_id AND for_month = month",
            name="correction_elsewhere",
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["time_entries.id"], name="correctable_days_entry_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("entry_id", name="correctable_days_pkey"),
        postgresql_with={"fillfactor": 50},
    )
    op.execute(GUARD_TIME_ENTRY)
    op.execute(FILL)
    if not context.is_offline_mode() and (count := op.get_bind().scalar(sa.text(BEYOND))):
        logging.getLogger("rebond.migrations").warning("corrections beyond what they correct, which stay: %s", count)


def downgrade() -> None:
    op.execute(GUARD_TIME_ENTRY_BEFORE)
    op.drop_table("correctable_days")
