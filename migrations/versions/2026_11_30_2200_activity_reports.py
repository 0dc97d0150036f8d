"""The days of a consultant and a month are reported, sealed and signed twice; an entry that changes makes a report stale.

Revision: 2026_11_30_2200, after 2026_11_30_2154.
"""

from alembic import op

revision = "2026_11_30_2200"
down_revision = "2026_11_30_2154"
branch_labels = None
depends_on = None

# What a report refers to. The table is small: the index is there in an instant.
ASSIGNMENT_KEY = (
    "CREATE UNIQUE INDEX consultants_person_key ON consultants (id, territory, mission_id, organisation_id, person_id)"
)
TABLES = (
    """
    CREATE TABLE activity_reports (
        territory TEXT NOT NULL,
        mission_id UUID NOT NULL,
        consultant_id UUID NOT NULL,
        organisation_id UUID NOT NULL,
        person_id UUID NOT NULL,
        month DATE NOT NULL,
        days NUMERIC(7, 2) NOT NULL,
        last_worked_on DATE NOT NULL,
        content TEXT NOT NULL,
        content_hash TEXT NOT NULL,
        made_by UUID NOT NULL,
        consultant_signed_by UUID,
        consultant_signed_name TEXT,
        consultant_signed_on DATE,
        consultant_signed_at TIMESTAMP WITH TIME ZONE,
        lead_signed_by UUID,
        lead_signer_kind TEXT DEFAULT 'person' NOT NULL,
        lead_signed_name TEXT,
        lead_signed_on DATE,
        lead_signed_at TIMESTAMP WITH TIME ZONE,
        stale_at TIMESTAMP WITH TIME ZONE,
        stale_entry_id UUID,
        stale_entry_worked_on DATE,
        status TEXT GENERATED ALWAYS AS (CASE WHEN stale_at IS NOT NULL THEN 'stale' WHEN lead_signed_by
            IS NOT NULL THEN 'signed' WHEN consultant_signed_by IS NOT NULL THEN 'signed_by_consultant'
            ELSE 'to_sign' END) STORED NOT NULL,
        id UUID DEFAULT uuidv7() NOT NULL,
        version INTEGER DEFAULT '1' NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT activity_reports_pkey PRIMARY KEY (id),
        CONSTRAINT activity_reports_consultant_fkey FOREIGN KEY(consultant_id, territory, mission_id,
            organisation_id, person_id) REFERENCES consultants (id, territory, mission_id,
            organisation_id, person_id),
        CONSTRAINT lead_signed_by_a_person FOREIGN KEY(lead_signed_by, lead_signer_kind) REFERENCES
            subjects (id, kind),
        CONSTRAINT activity_report_not_yours CHECK (consultant_signed_by = person_id),
        CONSTRAINT activity_report_by_one_person CHECK (lead_signed_by <> person_id),
        CONSTRAINT activity_report_month CHECK (extract(day FROM month) = 1 AND month BETWEEN
            '1900-01-01' AND '2199-12-01'),
        CONSTRAINT activity_report_days CHECK (days > 0 AND mod(days, 0.25) = 0 AND days <> 'NaN'),
        CONSTRAINT activity_report_content_hash CHECK (content_hash = encode(sha256(convert_to(content,
            'UTF8')), 'hex')),
        CONSTRAINT activity_report_consultant_signed CHECK (num_nonnulls(consultant_signed_by,
            consultant_signed_name, consultant_signed_on, consultant_signed_at) IN (0, 4) AND
            consultant_signed_name <> ''),
        CONSTRAINT activity_report_lead_signed CHECK (num_nonnulls(lead_signed_by, lead_signed_name,
            lead_signed_on, lead_signed_at) IN (0, 4) AND lead_signed_name <> '' AND (lead_signed_by IS
            NULL OR consultant_signed_by IS NOT NULL) AND lead_signer_kind = 'person'),
        CONSTRAINT activity_report_signed_on CHECK (consultant_signed_on >= last_worked_on AND
            lead_signed_on >= consultant_signed_on),
        CONSTRAINT activity_report_stale CHECK (num_nonnulls(stale_at, stale_entry_id,
            stale_entry_worked_on) IN (0, 3)),
        CONSTRAINT activity_reports_made_by_fkey FOREIGN KEY(made_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE UNIQUE INDEX activity_report_exists ON activity_reports (consultant_id, month) WHERE stale_at IS
        NULL
    """,
    """
    CREATE INDEX activity_reports_consultant_id_month_id_idx ON activity_reports (consultant_id, month, id)
    """,
    """
    CREATE INDEX activity_reports_territory_id_idx ON activity_reports (territory, id)
    """,
)
FUNCTIONS = (
    """
CREATE FUNCTION guard_activity_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.stale_at IS NOT NULL
        OR OLD.consultant_signed_by IS NOT NULL AND
            (OLD.consultant_signed_by, OLD.consultant_signed_name, OLD.consultant_signed_on, OLD.consultant_signed_at)
            IS DISTINCT FROM
            (NEW.consultant_signed_by, NEW.consultant_signed_name, NEW.consultant_signed_on, NEW.consultant_signed_at)
        OR OLD.lead_signed_by IS NOT NULL AND
            (OLD.lead_signed_by, OLD.lead_signed_name, OLD.lead_signed_on, OLD.lead_signed_at)
            IS DISTINCT FROM
            (NEW.lead_signed_by, NEW.lead_signed_name, NEW.lead_signed_on, NEW.lead_signed_at)
    THEN
        RAISE EXCEPTION 'no such transition'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'activity_report_transition';
    END IF;
    RETURN NEW;
END
$$
""",
    """
CREATE FUNCTION activity_report_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.days IS DISTINCT FROM (
        SELECT sum(days) FROM time_entries e
        WHERE e.consultant_id = NEW.consultant_id AND e.status IN ('submitted', 'validated', 'certified')
            AND e.counted_on >= NEW.month AND e.counted_on < NEW.month + interval '1 month'
    ) THEN
        RAISE EXCEPTION 'report and entries differ'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'activity_report_differs';
    END IF;
    RETURN NULL;
END
$$
""",
    """
CREATE FUNCTION make_activity_reports_stale() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    counting CONSTANT text[] := ARRAY['submitted', 'validated', 'certified'];
BEGIN
    WITH touched (consultant_id, month) AS (
        SELECT NEW.consultant_id, date_trunc('month', NEW.counted_on::timestamp)::date WHERE NEW.status = ANY (counting)
        UNION
        SELECT OLD.consultant_id, date_trunc('month', OLD.counted_on::timestamp)::date WHERE OLD.status = ANY (counting)
    ), stale AS (
        UPDATE activity_reports r SET stale_at = now(), stale_entry_id = NEW.id, stale_entry_worked_on = NEW.worked_on,
            version = r.version + 1, updated_at = now()
        FROM touched t WHERE r.consultant_id = t.consultant_id AND r.month = t.month AND r.stale_at IS NULL
        RETURNING r.*
    )
    INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id,
        resource_version, data)
    SELECT 'activity_report.stale', now(), s.territory, 'system', 'stale', 'activity_report', s.id::text, s.version,
        jsonb_build_object('id', s.id, 'mission_id', s.mission_id, 'consultant_id', s.consultant_id,
            'organisation_id', s.organisation_id, 'month', to_char(s.month, 'YYYY-MM'), 'status', s.status,
            'days', s.days, 'stale_at', to_char(s.stale_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'stale_entry_id', s.stale_entry_id, 'stale_entry_worked_on', s.stale_entry_worked_on)
    FROM stale s ORDER BY s.id;
    RETURN NULL;
END
$$
""",
    """
CREATE FUNCTION require_signed_activity_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF framework_parameter(NEW.mission_id, 'activity_reports_required', NEW.counted_on) = 'true'::jsonb
        AND NOT EXISTS (
            SELECT FROM activity_reports r WHERE r.consultant_id = NEW.consultant_id AND r.status = 'signed'
                AND r.month = date_trunc('month', NEW.counted_on::timestamp)::date
        )
        AND NOT EXISTS (
            SELECT FROM service_certificates c
            JOIN service_certificates cancelled ON cancelled.id = (c.content::jsonb ->> 'rest_of_id')::uuid
            JOIN service_certificates counter ON counter.cancels_id = cancelled.id
            WHERE c.id = NEW.certificate_id AND cancelled.content::jsonb @>
                jsonb_build_object('entries', jsonb_build_array(jsonb_build_object('id', NEW.id)))
        )
    THEN
        RAISE EXCEPTION 'no signed activity report contains the entry'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'activity_report_unsigned';
    END IF;
    RETURN NULL;
END
$$
""",
)
TRIGGERS = (
    ("CREATE TRIGGER guard BEFORE UPDATE ON activity_reports FOR EACH ROW EXECUTE FUNCTION guard_activity_report()"),
    (
        "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON activity_reports DEFERRABLE INITIALLY DEFERRED FOR"
        " EACH ROW EXECUTE FUNCTION activity_report_agrees()"
    ),
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OF territory, mission_id, consultant_id, organisation_id,"
        " person_id, month, days, last_worked_on, content, content_hash, made_by ON activity_reports FOR EACH"
        " STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
    (
        "CREATE TRIGGER stays BEFORE DELETE OR TRUNCATE ON activity_reports FOR EACH STATEMENT EXECUTE"
        " FUNCTION refuse_change()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER reports_stale_by_new AFTER INSERT ON time_entries DEFERRABLE INITIALLY"
        " DEFERRED FOR EACH ROW WHEN (NEW.status IN ('submitted', 'validated', 'certified')) EXECUTE FUNCTION"
        " make_activity_reports_stale()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER reports_stale_by_change AFTER UPDATE ON time_entries DEFERRABLE INITIALLY"
        " DEFERRED FOR EACH ROW WHEN ((OLD.status IN ('submitted', 'validated', 'certified')) <> (NEW.status"
        " IN ('submitted', 'validated', 'certified')) OR NEW.status IN ('submitted', 'validated', 'certified')"
        " AND (OLD.consultant_id, OLD.worked_on, OLD.counted_on, OLD.days, OLD.activity, OLD.firm_siren,"
        " OLD.note, OLD.audition_id, OLD.project_id) IS DISTINCT FROM (NEW.consultant_id, NEW.worked_on,"
        " NEW.counted_on, NEW.days, NEW.activity, NEW.firm_siren, NEW.note, NEW.audition_id, NEW.project_id))"
        " EXECUTE FUNCTION make_activity_reports_stale()"
    ),
    (
        "CREATE TRIGGER signed_report AFTER UPDATE OF status ON time_entries FOR EACH ROW WHEN (NEW.status ="
        " 'certified' AND OLD.status <> 'certified') EXECUTE FUNCTION require_signed_activity_report()"
    ),
)


def upgrade() -> None:
    op.execute(f"-- squawk-ignore require-concurrent-index-creation\n{ASSIGNMENT_KEY}")
    op.execute(
        "ALTER TABLE consultants ADD CONSTRAINT consultants_person_key UNIQUE USING INDEX consultants_person_key"
    )
    for statement in (*TABLES, *FUNCTIONS, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    for trigger in ("reports_stale_by_new", "reports_stale_by_change", "signed_report"):
        op.execute(f"DROP TRIGGER {trigger} ON time_entries")
    op.drop_table("activity_reports")
    for function in (
        "guard_activity_report", "activity_report_agrees", "make_activity_reports_stale",
        "require_signed_activity_report",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("ALTER TABLE consultants DROP CONSTRAINT consultants_person_key")
