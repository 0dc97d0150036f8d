"""The foundation and the first half of the mission.

Revision: 2026_11_22_0500, after nothing.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0500"
down_revision = None
branch_labels = None
depends_on = None


IS_SIREN = r"""CREATE FUNCTION is_siren(siren text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN siren ~ '^[0-9]{9}$' AND siren <> '000000000' AND (
    SELECT sum(CASE WHEN place % 2 = 1 THEN digit WHEN digit > 4 THEN 2 * digit - 9 ELSE 2 * digit END) % 10
    FROM (
        SELECT place, substr(siren, place, 1)::integer AS digit
        FROM generate_series(1, 9) AS place
        WHERE siren ~ '^[0-9]{9}$'
    ) AS digits
) = 0
"""

ARE_SIREN = r"""CREATE FUNCTION is_siren(sirens text[]) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (SELECT bool_and(siren IS NOT NULL AND is_siren(siren)) FROM unnest(sirens) AS siren)
"""

FOLD = r"""CREATE FUNCTION fold(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN lower(regexp_replace(
    normalize(replace(replace(replace(replace(name, 'œ', 'oe'), 'Œ', 'oe'), 'æ', 'ae'), 'Æ', 'ae'), NFD),
    E'[\u0300-\u036F]', '', 'g'
))
"""

REFUSE_CHANGE = r"""CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END
$$
"""

GUARD_TIME_ENTRY = r"""CREATE FUNCTION guard_time_entry() RETURNS trigger LANGUAGE plpgsql AS $$
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
        ('certified', 'reversed')
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'invalid_transition';
    END IF;
    IF OLD.status NOT IN ('draft', 'submitted') AND
        (OLD.territory, OLD.mission_id, OLD.consultant_id, OLD.worked_on, OLD.counted_on, OLD.days, OLD.activity,
         OLD.firm_siren, OLD.note, OLD.external_id, OLD.entered_by, OLD.authors, OLD.validated_by, OLD.validated_at,
         OLD.created_at)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.consultant_id, NEW.worked_on, NEW.counted_on, NEW.days, NEW.activity,
         NEW.firm_siren, NEW.note, NEW.external_id, NEW.entered_by, NEW.authors, NEW.validated_by, NEW.validated_at,
         NEW.created_at)
    THEN
        RAISE EXCEPTION 'the entry counts' USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_locked';
    END IF;
    RETURN NEW;
END
$$
"""

APPEND_ONLY = ("events", "firm_stage_changes", "orders", "late_entry_leaves")


def upgrade() -> None:
    for routine in (IS_SIREN, ARE_SIREN, FOLD, REFUSE_CHANGE):
        op.execute(routine)
    op.execute("CREATE TYPE uuidrange AS RANGE (subtype = uuid)")
    op.execute("CREATE SEQUENCE events_sequence")
    op.create_table(
        "events",
        sa.Column(
            "sequence",
            sa.BigInteger(),
            server_default=sa.text(
                "CASE WHEN (pg_current_xact_id() IS NOT NULL) THEN nextval('events_sequence'::regclass) ELSE NULL::bigint END"
            ),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("territory", sa.Text(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("resource_type", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("resource_version", sa.Integer(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("events_pkey")),
    )
    op.create_index(
        op.f("events_resource_type_resource_id_sequence_idx"),
        "events",
        ["resource_type", "resource_id", "sequence"],
        unique=False,
    )
    op.create_index(op.f("events_territory_sequence_idx"), "events", ["territory", "sequence"], unique=False)
    op.create_table(
        "firms",
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("naf_code", sa.Text(), nullable=True),
        sa.Column("naf_version", sa.Text(), nullable=True),
        sa.Column("legal_form_code", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("legal_form_code ~ '^[0-9]{4}$'", name="firm_legal_form_code"),
        sa.CheckConstraint("naf_code ~ '^[0-9]{2}\\.[0-9]{2}[A-Z]$'", name="firm_naf_code"),
        sa.CheckConstraint("naf_version IN ('naf_rev2', 'naf_2025')", name="firm_naf_version"),
        sa.CheckConstraint("name <> ''", name="firm_name"),
        sa.CheckConstraint("(naf_code IS NULL) = (naf_version IS NULL)", name="naf_code_without_version"),
        sa.CheckConstraint("is_siren(siren)", name="firm_siren"),
        sa.PrimaryKeyConstraint("siren", name=op.f("firms_pkey")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject_id", "key", name=op.f("idempotency_keys_pkey")),
    )
    op.create_index(op.f("idempotency_keys_created_at_idx"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "organisations",
        sa.Column("siren", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("name <> ''", name="organisation_name"),
        sa.CheckConstraint("is_siren(siren)", name="organisation_siren"),
        sa.PrimaryKeyConstraint("id", name=op.f("organisations_pkey")),
        sa.UniqueConstraint("siren", name=op.f("organisations_siren_key")),
    )
    op.create_table(
        "person_days",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("worked_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.CheckConstraint("days >= 0 AND days <> 'NaN'", name="person_day_days"),
        sa.CheckConstraint("days <= 1", name="person_day_exceeded"),
        sa.PrimaryKeyConstraint("person_id", "worked_on", name=op.f("person_days_pkey")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("secrets_pkey")),
    )
    op.create_table(
        "waves",
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("closed_on >= opened_on", name="wave_period"),
        sa.CheckConstraint("number BETWEEN 1 AND 999", name="wave_number"),
        sa.PrimaryKeyConstraint("id", name=op.f("waves_pkey")),
        sa.UniqueConstraint("number", name=op.f("waves_number_key")),
    )
    op.create_table(
        "subjects",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind = 'person' OR email IS NULL", name="subject_email"),
        sa.CheckConstraint("kind IN ('person', 'service_account')", name="subject_kind"),
        sa.CheckConstraint("name <> ''", name="subject_name"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("subjects_organisation_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("subjects_pkey")),
        sa.UniqueConstraint("id", "kind", name=op.f("subjects_id_kind_key")),
    )
    op.create_index("subjects_email_key", "subjects", [sa.literal_column("lower(email)")], unique=True)
    op.create_index(op.f("subjects_organisation_id_idx"), "subjects", ["organisation_id"], unique=False)
    op.create_index(
        "subjects_service_account_name_key",
        "subjects",
        ["organisation_id", "name"],
        unique=True,
        postgresql_where=sa.text("kind = 'service_account'"),
    )
    op.create_table(
        "territories",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("wave_number", sa.SmallInteger(), nullable=False),
        sa.Column("lead_siren", sa.Text(), nullable=False),
        sa.Column("epci_sirens", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("laureate_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 63", name="territory_slug"),
        sa.CheckConstraint("status IN ('candidate', 'laureate', 'closed', 'withdrawn')", name="territory_status"),
        sa.CheckConstraint("is_siren(epci_sirens)", name="territory_epci_sirens"),
        sa.CheckConstraint("lead_siren = ANY (epci_sirens)", name="lead_not_among_epci"),
        sa.ForeignKeyConstraint(["wave_number"], ["waves.number"], name=op.f("territories_wave_number_fkey")),
        sa.PrimaryKeyConstraint("slug", name=op.f("territories_pkey")),
    )
    op.create_index(op.f("territories_wave_number_idx"), "territories", ["wave_number"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rotated_from_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("scope IN ('full', 'read_only')", name="api_key_scope"),
        sa.CheckConstraint("length(digest) = 32", name="api_key_digest"),
        sa.ForeignKeyConstraint(["rotated_from_id"], ["api_keys.id"], name=op.f("api_keys_rotated_from_id_fkey")),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("api_keys_subject_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("api_keys_pkey")),
        sa.UniqueConstraint("digest", name=op.f("api_keys_digest_key")),
    )
    op.create_index(op.f("api_keys_rotated_from_id_idx"), "api_keys", ["rotated_from_id"], unique=False)
    op.create_index(op.f("api_keys_subject_id_idx"), "api_keys", ["subject_id"], unique=False)
    op.create_table(
        "members",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("from_on BETWEEN '1900-01-01' AND '2199-12-31'", name="member_from_on"),
        sa.CheckConstraint(
            "role IN ('programme', 'operator', 'consultant', 'lead', 'territory', 'funder', 'treasurer', 'committee', 'auditor', 'admin')",
            name="member_role",
        ),
        sa.CheckConstraint("to_on BETWEEN '1900-01-01' AND '2199-12-31'", name="member_to_on"),
        sa.CheckConstraint("to_on IS NULL OR to_on >= from_on", name="member_period"),
        sa.ForeignKeyConstraint(["subject_id"], ["subjects.id"], name=op.f("members_subject_id_fkey")),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("members_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("members_pkey")),
        sa.UniqueConstraint(
            "subject_id",
            "role",
            "territory",
            "from_on",
            name=op.f("members_subject_id_role_territory_from_on_key"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(op.f("members_subject_id_idx"), "members", ["subject_id"], unique=False)
    op.create_index(op.f("members_territory_idx"), "members", ["territory"], unique=False)
    op.create_table(
        "missions",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("step", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("late_entry_grace_days", sa.Integer(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("late_entry_grace_days BETWEEN 0 AND 3660", name="mission_late_entry_grace_days"),
        sa.CheckConstraint("step IN (0.25, 0.50)", name="mission_step"),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("missions_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("missions_pkey")),
        sa.UniqueConstraint("id", "step", name=op.f("missions_id_step_key")),
        sa.UniqueConstraint("territory", "external_id", name=op.f("missions_territory_external_id_key")),
        sa.UniqueConstraint("territory", "id", name=op.f("missions_territory_id_key")),
    )
    op.create_table(
        "perimeters",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("vintage", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("vintage BETWEEN 1900 AND 2199", name="perimeter_vintage"),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("perimeters_territory_fkey")),
        sa.PrimaryKeyConstraint("territory", "vintage", name=op.f("perimeters_pkey")),
    )
    op.create_table(
        "territory_firms",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("stage_since_on", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "stage IN ('identified', 'solicited', 'interviewed', 'shortlisted', 'supported', 'declined', 'unreachable')",
            name="territory_firm_stage",
        ),
        sa.ForeignKeyConstraint(["siren"], ["firms.siren"], name=op.f("territory_firms_siren_fkey")),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("territory_firms_territory_fkey")),
        sa.PrimaryKeyConstraint("territory", "siren", name=op.f("territory_firms_pkey")),
    )
    op.create_index(op.f("territory_firms_siren_idx"), "territory_firms", ["siren"], unique=False)
    op.create_table(
        "firm_stage_changes",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("previous_stage", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint("effective_on <= (timezone('Europe/Paris', recorded_at))::date", name="stage_in_the_future"),
        sa.CheckConstraint(
            "stage IN ('identified', 'solicited', 'interviewed', 'shortlisted', 'supported', 'declined', 'unreachable')",
            name="firm_stage_change_stage",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("firm_stage_changes_recorded_by_fkey")),
        sa.ForeignKeyConstraint(
            ["territory", "siren"],
            ["territory_firms.territory", "territory_firms.siren"],
            name=op.f("firm_stage_changes_territory_siren_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("firm_stage_changes_pkey")),
    )
    op.create_index(
        op.f("firm_stage_changes_territory_siren_id_idx"),
        "firm_stage_changes",
        ["territory", "siren", "id"],
        unique=False,
    )
    op.create_table(
        "late_entry_leaves",
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["granted_by"], ["subjects.id"], name=op.f("late_entry_leaves_granted_by_fkey")),
        sa.ForeignKeyConstraint(["mission_id"], ["missions.id"], name=op.f("late_entry_leaves_mission_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("late_entry_leaves_pkey")),
    )
    op.create_index(op.f("late_entry_leaves_mission_id_idx"), "late_entry_leaves", ["mission_id"], unique=False)
    op.create_table(
        "mission_days",
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("days_ordered", sa.Numeric(precision=7, scale=2), server_default="0", nullable=False),
        sa.Column("days_allotted", sa.Numeric(precision=7, scale=2), server_default="0", nullable=False),
        sa.Column("days_entered", sa.Numeric(precision=7, scale=2), server_default="0", nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("enterable_until_on", sa.Date(), nullable=True),
        sa.Column("worked_from", sa.Date(), nullable=True),
        sa.Column("worked_to", sa.Date(), nullable=True),
        sa.Column("entered_on", sa.Date(), nullable=True),
        sa.CheckConstraint("days_allotted >= 0 AND days_allotted <> 'NaN'", name="mission_days_allotted"),
        sa.CheckConstraint("days_entered >= 0 AND days_entered <> 'NaN'", name="mission_days_entered"),
        sa.CheckConstraint("days_ordered >= 0 AND days_ordered <> 'NaN'", name="mission_days_ordered"),
        sa.CheckConstraint("days_allotted <= days_ordered", name="allotments_exceed_order"),
        sa.CheckConstraint("days_entered <= days_ordered", name="days_exhausted"),
        sa.CheckConstraint("ends_on >= starts_on", name="mission_window"),
        sa.CheckConstraint("entered_on <= enterable_until_on", name="late_entry"),
        sa.CheckConstraint("mod(days_entered, step) = 0", name="off_step"),
        sa.CheckConstraint("worked_from >= starts_on AND worked_to <= ends_on", name="outside_mission_window"),
        sa.ForeignKeyConstraint(
            ["mission_id", "step"],
            ["missions.id", "missions.step"],
            name=op.f("mission_days_mission_id_step_fkey"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("mission_id", name=op.f("mission_days_pkey")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "mission_members",
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("days_allotted", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('lead', 'partner')", name="mission_member_role"),
        sa.CheckConstraint("days_allotted >= 0 AND mod(days_allotted, 0.25) = 0", name="mission_member_days_allotted"),
        sa.ForeignKeyConstraint(["mission_id"], ["missions.id"], name=op.f("mission_members_mission_id_fkey")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("mission_members_organisation_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("mission_members_pkey")),
        sa.UniqueConstraint(
            "mission_id", "organisation_id", name=op.f("mission_members_mission_id_organisation_id_key")
        ),
    )
    op.create_index(op.f("mission_members_organisation_id_idx"), "mission_members", ["organisation_id"], unique=False)
    op.create_index(
        "second_lead", "mission_members", ["mission_id"], unique=True, postgresql_where=sa.text("role = 'lead'")
    )
    op.create_table(
        "orders",
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind = 'amendment' OR (days > 0 AND starts_on IS NOT NULL AND ends_on IS NOT NULL)",
            name="initial_order_incomplete",
        ),
        sa.CheckConstraint("kind IN ('initial', 'amendment')", name="order_kind"),
        sa.CheckConstraint("mod(days, 0.25) = 0 AND days <> 'NaN'", name="order_days"),
        sa.CheckConstraint("ends_on >= starts_on", name="order_window"),
        sa.ForeignKeyConstraint(["mission_id"], ["missions.id"], name=op.f("orders_mission_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("orders_pkey")),
        sa.UniqueConstraint("mission_id", "reference", name=op.f("orders_mission_id_reference_key")),
    )
    op.create_index(
        "second_initial_order", "orders", ["mission_id"], unique=True, postgresql_where=sa.text("kind = 'initial'")
    )
    op.create_table(
        "perimeter_communes",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("vintage", sa.SmallInteger(), nullable=False),
        sa.Column("insee_code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.CheckConstraint("insee_code ~ '^([0-9]{2}|2[AB])[0-9]{3}$'", name="commune_insee_code"),
        sa.ForeignKeyConstraint(
            ["territory", "vintage"],
            ["perimeters.territory", "perimeters.vintage"],
            name=op.f("perimeter_communes_territory_vintage_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("territory", "vintage", "insee_code", name=op.f("perimeter_communes_pkey")),
    )
    op.create_table(
        "consultants",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("person_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("profile", sa.Text(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("uuidrange(mission_id, mission_id, '[]')"), "&&"),
            (sa.text("uuidrange(person_id, person_id, '[]')"), "&&"),
            (sa.text("daterange(from_on, until_on, '[]')"), "&&"),
            using="gist",
            name="already_assigned",
        ),
        sa.CheckConstraint("person_kind = 'person'", name="consultant_is_a_person"),
        sa.CheckConstraint("until_on >= from_on", name="assignment_period"),
        sa.ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            name="person_not_in_consortium",
        ),
        sa.ForeignKeyConstraint(
            ["person_id", "person_kind"],
            ["subjects.id", "subjects.kind"],
            name=op.f("consultants_person_id_person_kind_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "mission_id"],
            ["missions.territory", "missions.id"],
            name=op.f("consultants_territory_mission_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("consultants_pkey")),
        sa.UniqueConstraint(
            "id",
            "territory",
            "mission_id",
            "organisation_id",
            "person_id",
            "from_on",
            "until_on",
            name="consultants_assignment_key",
        ),
    )
    op.create_index(op.f("consultants_person_id_idx"), "consultants", ["person_id"], unique=False)
    op.create_index(
        op.f("consultants_territory_mission_id_idx"), "consultants", ["territory", "mission_id"], unique=False
    )
    op.create_table(
        "member_days",
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("days_allotted", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("days_entered", sa.Numeric(precision=7, scale=2), server_default="0", nullable=False),
        sa.CheckConstraint("days_allotted >= 0 AND days_allotted <> 'NaN'", name="member_days_allotted"),
        sa.CheckConstraint("days_entered >= 0 AND days_entered <> 'NaN'", name="member_days_entered"),
        sa.CheckConstraint("days_entered <= days_allotted", name="allotment_exhausted"),
        sa.ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            name=op.f("member_days_mission_id_organisation_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("mission_id", "organisation_id", name=op.f("member_days_pkey")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "time_entries",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("consultant_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("assigned_from_on", sa.Date(), nullable=False),
        sa.Column("assigned_until_on", sa.Date(), nullable=False),
        sa.Column("worked_on", sa.Date(), nullable=False),
        sa.Column("counted_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("firm_siren", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("authors", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("validated_by", sa.Uuid(), nullable=True),
        sa.Column("validator_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("validated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'submitted', 'validated', 'certified', 'rejected', 'reversed')",
            name="time_entry_status",
        ),
        sa.CheckConstraint(
            "status NOT IN ('draft', 'submitted', 'validated', 'certified') OR worked_on BETWEEN assigned_from_on AND assigned_until_on",
            name="outside_assignment",
        ),
        sa.CheckConstraint("status NOT IN ('rejected', 'reversed') OR reason IS NOT NULL", name="reason_missing"),
        sa.CheckConstraint(
            "status NOT IN ('validated', 'certified') OR validated_by IS NOT NULL", name="validated_by_nobody"
        ),
        sa.CheckConstraint("validator_kind = 'person'", name="validator_kind"),
        sa.CheckConstraint("worked_on <= (timezone('Europe/Paris', updated_at))::date", name="future_day"),
        sa.CheckConstraint("worked_on >= '1900-01-01' AND counted_on >= worked_on", name="time_entry_counted_on"),
        sa.CheckConstraint(
            "cardinality(authors) > 0 AND array_position(authors, NULL) IS NULL", name="time_entry_authors"
        ),
        sa.CheckConstraint("days > 0 AND days <= 1 AND mod(days, 0.25) = 0", name="time_entry_days"),
        sa.CheckConstraint("validated_by <> ALL (authors) AND validated_by <> person_id", name="separation_of_duties"),
        sa.ForeignKeyConstraint(
            [
                "consultant_id",
                "territory",
                "mission_id",
                "organisation_id",
                "person_id",
                "assigned_from_on",
                "assigned_until_on",
            ],
            [
                "consultants.id",
                "consultants.territory",
                "consultants.mission_id",
                "consultants.organisation_id",
                "consultants.person_id",
                "consultants.from_on",
                "consultants.until_on",
            ],
            name="time_entries_consultant_fkey",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(["entered_by"], ["subjects.id"], name=op.f("time_entries_entered_by_fkey")),
        sa.ForeignKeyConstraint(["firm_siren"], ["firms.siren"], name=op.f("time_entries_firm_siren_fkey")),
        sa.ForeignKeyConstraint(
            ["validated_by", "validator_kind"], ["subjects.id", "subjects.kind"], name="validator_is_a_person"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("time_entries_pkey")),
        sa.UniqueConstraint("territory", "external_id", name=op.f("time_entries_territory_external_id_key")),
    )
    op.create_index(op.f("time_entries_consultant_id_idx"), "time_entries", ["consultant_id"], unique=False)
    op.create_index(
        op.f("time_entries_firm_siren_idx"),
        "time_entries",
        ["firm_siren"],
        unique=False,
        postgresql_where=sa.text("firm_siren IS NOT NULL"),
    )
    op.create_index(
        op.f("time_entries_mission_id_worked_on_idx"), "time_entries", ["mission_id", "worked_on"], unique=False
    )
    op.create_index(op.f("time_entries_territory_id_idx"), "time_entries", ["territory", "id"], unique=False)
    op.create_index(
        op.f("time_entries_territory_worked_on_id_idx"), "time_entries", ["territory", "worked_on", "id"], unique=False
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER append_only BEFORE TRUNCATE ON time_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(GUARD_TIME_ENTRY)
    op.execute(
        "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON time_entries FOR EACH ROW EXECUTE FUNCTION guard_time_entry()"
    )


def downgrade() -> None:
    op.drop_index(op.f("time_entries_territory_worked_on_id_idx"), table_name="time_entries")
    op.drop_index(op.f("time_entries_territory_id_idx"), table_name="time_entries")
    op.drop_index(op.f("time_entries_mission_id_worked_on_idx"), table_name="time_entries")
    op.drop_index(
        op.f("time_entries_firm_siren_idx"),
        table_name="time_entries",
        postgresql_where=sa.text("firm_siren IS NOT NULL"),
    )
    op.drop_index(op.f("time_entries_consultant_id_idx"), table_name="time_entries")
    op.drop_table("time_entries")
    op.drop_table("member_days")
    op.drop_index(op.f("consultants_territory_mission_id_idx"), table_name="consultants")
    op.drop_index(op.f("consultants_person_id_idx"), table_name="consultants")
    op.drop_table("consultants")
    op.drop_table("perimeter_communes")
    op.drop_index("second_initial_order", table_name="orders", postgresql_where=sa.text("kind = 'initial'"))
    op.drop_table("orders")
    op.drop_index("second_lead", table_name="mission_members", postgresql_where=sa.text("role = 'lead'"))
    op.drop_index(op.f("mission_members_organisation_id_idx"), table_name="mission_members")
    op.drop_table("mission_members")
    op.drop_table("mission_days")
    op.drop_index(op.f("late_entry_leaves_mission_id_idx"), table_name="late_entry_leaves")
    op.drop_table("late_entry_leaves")
    op.drop_index(op.f("firm_stage_changes_territory_siren_id_idx"), table_name="firm_stage_changes")
    op.drop_table("firm_stage_changes")
    op.drop_index(op.f("territory_firms_siren_idx"), table_name="territory_firms")
    op.drop_table("territory_firms")
    op.drop_table("perimeters")
    op.drop_table("missions")
    op.drop_index(op.f("members_territory_idx"), table_name="members")
    op.drop_index(op.f("members_subject_id_idx"), table_name="members")
    op.drop_table("members")
    op.drop_index(op.f("api_keys_subject_id_idx"), table_name="api_keys")
    op.drop_index(op.f("api_keys_rotated_from_id_idx"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_index(op.f("territories_wave_number_idx"), table_name="territories")
    op.drop_table("territories")
    op.drop_index(
        "subjects_service_account_name_key", table_name="subjects", postgresql_where=sa.text("kind = 'service_account'")
    )
    op.drop_index(op.f("subjects_organisation_id_idx"), table_name="subjects")
    op.drop_index("subjects_email_key", table_name="subjects")
    op.drop_table("subjects")
    op.drop_table("waves")
    op.drop_table("secrets")
    op.drop_table("person_days")
    op.drop_table("organisations")
    op.drop_index(op.f("idempotency_keys_created_at_idx"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_table("firms")
    op.drop_index(op.f("events_territory_sequence_idx"), table_name="events")
    op.drop_index(op.f("events_resource_type_resource_id_sequence_idx"), table_name="events")
    op.drop_table("events")
    op.execute("DROP FUNCTION guard_time_entry()")
    op.execute("DROP SEQUENCE events_sequence")
    op.execute("DROP TYPE uuidrange")
    for routine in ("refuse_change()", "fold(text)", "is_siren(text[])", "is_siren(text)"):
        op.execute(f"DROP FUNCTION {routine}")
