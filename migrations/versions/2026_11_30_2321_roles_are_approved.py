"""Roles that decide, pay or administer are approved by another administrator; programs cease to be administrators.

Existing roles stay as they were given. A program with the role admin keeps it for 30 more days.

Revision: 2026_11_30_2321, after 2026_11_30_2320.
"""

from alembic import op

revision = "2026_11_30_2321"
down_revision = "2026_11_30_2320"
branch_labels = None
depends_on = None

BY_TWO = "('admin', 'committee', 'funder', 'lead', 'operator', 'programme', 'treasurer')"

HOLD = """
CREATE FUNCTION hold_member() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    longer CONSTANT boolean := TG_OP = 'INSERT' OR coalesce(NEW.to_on, 'infinity') > coalesce(OLD.to_on, 'infinity');
BEGIN
    IF TG_OP = 'UPDATE' AND (
        (OLD.subject_id, OLD.role, OLD.from_on, OLD.proposed_by) IS DISTINCT FROM
            (NEW.subject_id, NEW.role, NEW.from_on, NEW.proposed_by)
        OR OLD.territory IS DISTINCT FROM NEW.territory
        OR OLD.approved_at IS NOT NULL AND (OLD.approved_at, OLD.approved_by) IS DISTINCT FROM
            (NEW.approved_at, NEW.approved_by)
    ) THEN
        RAISE EXCEPTION 'a role stays what was proposed and approved'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'member_kept';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.approved_at IS NOT NULL AND longer AND NEW.role IN ('admin', 'committee', 'funder', 'lead', 'operator', 'programme', 'treasurer') THEN
        RAISE EXCEPTION 'an approved role only becomes shorter'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'role_prolonged';
    END IF;
    IF NEW.role = 'admin' AND longer AND 'service_account' = (SELECT kind FROM subjects WHERE id = NEW.subject_id) THEN
        RAISE EXCEPTION 'a program is no administrator'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'admin_for_persons';
    END IF;
    IF NEW.approved_by IS NOT NULL AND 'person' <> (SELECT kind FROM subjects WHERE id = NEW.approved_by) THEN
        RAISE EXCEPTION 'a person approves a role'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'member_approved_by_a_person';
    END IF;
    RETURN NEW;
END
$$
"""

# As PATCH /v1/members/{id} would end the role, and as its event would tell.
END_PROGRAMS = """
WITH ended AS (
    UPDATE members m SET to_on = (now() AT TIME ZONE 'Europe/Paris')::date + 30, version = m.version + 1, updated_at = now()
    FROM subjects s
    WHERE s.id = m.subject_id AND s.kind = 'service_account' AND m.role = 'admin'
        AND coalesce(m.to_on, 'infinity') > (now() AT TIME ZONE 'Europe/Paris')::date + 30
    RETURNING m.*, s.organisation_id
)
INSERT INTO events (type, occurred_at, actor_kind, request_id, resource_type, resource_id, resource_version, data)
SELECT 'member.updated', now(), 'system', 'migration', 'member', e.id::text, e.version,
    jsonb_build_object('id', e.id, 'subject_id', e.subject_id, 'subject_kind', 'service_account',
        'organisation_id', e.organisation_id, 'organisation_name', o.name, 'role', e.role, 'territory', e.territory,
        'from_on', e.from_on, 'to_on', e.to_on, 'status', 'granted', 'proposed_by', NULL, 'approved_by', NULL,
        'approved_at', to_char(e.approved_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'version', e.version,
        'created_at', to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'updated_at', to_char(e.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
FROM ended e JOIN organisations o ON o.id = e.organisation_id ORDER BY e.id
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    # Roles are some thousands at most.
    op.execute(
        "-- squawk-ignore adding-field-with-default\n"
        "ALTER TABLE members ADD COLUMN proposed_by UUID, ADD COLUMN approved_by UUID, ADD COLUMN approved_at TIMESTAMPTZ,"
        f" ADD COLUMN granted BOOLEAN GENERATED ALWAYS AS (approved_at IS NOT NULL OR role NOT IN {BY_TWO}) STORED"
        " NOT NULL"
    )
    op.execute(f"UPDATE members SET approved_at = created_at WHERE role IN {BY_TWO}")
    op.execute(END_PROGRAMS)
    for rule in (
        "role_own_approval CHECK (approved_by <> ALL (ARRAY[proposed_by, subject_id]))",
        "member_approval CHECK (approved_by IS NULL OR approved_at IS NOT NULL)",
        "members_proposed_by_fkey FOREIGN KEY (proposed_by) REFERENCES subjects (id)",
        "members_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES subjects (id)",
    ):
        op.execute(f"ALTER TABLE members ADD CONSTRAINT {rule} NOT VALID")
    op.execute(HOLD)
    op.execute("CREATE TRIGGER hold BEFORE INSERT OR UPDATE ON members FOR EACH ROW EXECUTE FUNCTION hold_member()")


def downgrade() -> None:
    op.execute("DROP TRIGGER hold ON members")
    op.execute("DROP FUNCTION hold_member()")
    op.execute(
        "ALTER TABLE members DROP COLUMN granted, DROP COLUMN approved_at, DROP COLUMN approved_by, DROP COLUMN proposed_by"
    )
