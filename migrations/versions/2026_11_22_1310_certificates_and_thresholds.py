"""Service certificates and alert thresholds.

Revision: 2026_11_22_1310, after 2026_11_22_1300.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_1310"
down_revision = "2026_11_22_1300"
branch_labels = None
depends_on = None


# What the migration before added without looking at what is there.
TO_VALIDATE = [
    ("missions", "mission_holiday_calendar"),
    ("late_entry_leaves", "leave_granted_by_a_person"),
    ("late_entry_leaves", "leave_granter_kind"),
    ("mission_days", "month_locked"),
    ("mission_days", "rest_day"),
    ("orders", "ordered_by_a_person"),
    ("orders", "orderer_kind"),
    ("time_entries", "time_entries_territory_firm_siren_fkey"),
    ("time_entries", "time_entries_corrects_fkey"),
    ("time_entries", "time_entries_mission_id_activity_fkey"),
    ("time_entries", "time_entry_corrects_itself"),
    ("time_entries", "time_entry_counts_when_worked"),
    ("time_entries", "time_entry_reversal_counted_on"),
]

# Added here without looking at what is there; the next migration validates them, without a lock.
CONSTRAINTS = [
    (
        "missions",
        "mission_alert_thresholds_bp",
        "CHECK (0 < ALL (alert_thresholds_bp) AND 10000 >= ALL (alert_thresholds_bp))",
    ),
    (
        "time_entries",
        "certifier_is_a_person",
        "FOREIGN KEY (certified_by, certifier_kind) REFERENCES subjects (id, kind)",
    ),
    (
        "time_entries",
        "time_entries_certificate_fkey",
        "FOREIGN KEY (certificate_id, territory, mission_id, organisation_id) REFERENCES service_certificates (id, territory, mission_id, organisation_id)",
    ),
    (
        "time_entries",
        "certified_without_certificate",
        "CHECK (num_nonnulls(certificate_id, certified_by, certified_at) = CASE status WHEN 'certified' THEN 3 ELSE 0 END)",
    ),
    ("time_entries", "certifier_kind", "CHECK (certifier_kind = 'person')"),
    (
        "time_entries",
        "certifier_took_part",
        "CHECK (certified_by <> ALL (authors) AND certified_by <> person_id AND certified_by <> validated_by)",
    ),
]

# A certified entry names its certificate, and goes back to validated when that is cancelled.
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

GUARD_TIME_ENTRY_BEFORE = r"""CREATE FUNCTION guard_time_entry() RETURNS trigger LANGUAGE plpgsql AS $$
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
         OLD.corrects_id, OLD.created_at)
        IS DISTINCT FROM
        (NEW.territory, NEW.mission_id, NEW.consultant_id, NEW.worked_on, NEW.counted_on, NEW.days, NEW.activity,
         NEW.firm_siren, NEW.note, NEW.external_id, NEW.entered_by, NEW.authors, NEW.validated_by, NEW.validated_at,
         NEW.corrects_id, NEW.created_at)
        OR OLD.reversal_counted_on IS NOT NULL AND OLD.reversal_counted_on IS DISTINCT FROM NEW.reversal_counted_on
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

TELL_THRESHOLDS = r"""CREATE FUNCTION tell_thresholds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH crossed AS (
        INSERT INTO threshold_crossings (mission_id, threshold_bp, days_ordered, days_entered, crossed_at)
        SELECT NEW.mission_id, bp, NEW.days_ordered, NEW.days_entered, now()
        FROM missions m CROSS JOIN unnest(m.alert_thresholds_bp) AS bp
        WHERE m.id = NEW.mission_id AND NEW.days_entered * 10000 >= bp * NEW.days_ordered
        ORDER BY bp
        ON CONFLICT DO NOTHING RETURNING *
    )
    INSERT INTO events (type, occurred_at, territory, actor_kind, request_id, resource_type, resource_id,
        resource_version, data)
    SELECT 'mission.threshold_crossed', now(), m.territory, 'system', 'threshold', 'mission', m.id::text, m.version,
        jsonb_build_object('id', c.id, 'mission_id', c.mission_id, 'threshold_bp', c.threshold_bp, 'days_ordered',
            c.days_ordered, 'days_entered', c.days_entered, 'crossed_at',
            to_char(c.crossed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    FROM crossed c JOIN missions m ON m.id = c.mission_id
    ORDER BY c.threshold_bp;
    SELECT min(bp * NEW.days_ordered / 10000.0) INTO NEW.alert_at_days
    FROM missions m CROSS JOIN unnest(m.alert_thresholds_bp) AS bp
    WHERE m.id = NEW.mission_id AND NEW.days_entered * 10000 < bp * NEW.days_ordered;
    RETURN NEW;
END
$$
"""

CERTIFICATES_AGREE = r"""CREATE FUNCTION certificates_agree() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    asked uuid;
    wrong boolean;
BEGIN
    FOREACH asked IN ARRAY CASE
        WHEN TG_TABLE_NAME = 'service_certificates'
        THEN ARRAY[NEW.id, coalesce((to_jsonb(NEW) ->> 'cancels_id')::uuid, NEW.id)]
        ELSE array_remove(
            ARRAY[(to_jsonb(OLD) ->> 'certificate_id')::uuid, (to_jsonb(NEW) ->> 'certificate_id')::uuid], NULL)
    END LOOP
        SELECT (l.days, l.amount_cents) IS DISTINCT FROM (c.days, c.amount_cents::numeric)
            OR e.days <> CASE WHEN c.cancels_id IS NOT NULL OR counter.id IS NOT NULL THEN 0 ELSE c.days END
            OR counter.days <> -c.days OR counter.amount_cents <> -c.amount_cents
        INTO wrong
        FROM service_certificates c
        CROSS JOIN LATERAL (
            SELECT sum(days) AS days, sum(amount_cents) AS amount_cents FROM service_certificate_lines
            WHERE certificate_id = c.id
        ) l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(days), 0) AS days FROM time_entries WHERE certificate_id = c.id
        ) e
        LEFT JOIN service_certificates counter ON counter.cancels_id = c.id
        WHERE c.id = asked;
        IF wrong THEN
            RAISE EXCEPTION 'certificate and days differ'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'certificate_differs';
        END IF;
    END LOOP;
    RETURN NULL;
END
$$
"""

# The normal rate of VAT.
VAT = """
INSERT INTO vat_rates (from_on, rate_bp, source) VALUES
    ('2000-04-01', 1960, 'CGI, art. 278; loi n° 2000-656 du 13 juillet 2000, art. 7'),
    ('2014-01-01', 2000, 'CGI, art. 278; loi n° 2012-1510 du 29 décembre 2012, art. 68')
"""

# The next threshold of missions there are: told with their next entry where it is reached already.
ARM = """
UPDATE mission_days SET alert_at_days = days_ordered * 0.8 WHERE days_ordered > 0
"""

APPEND_ONLY = (
    "threshold_crossings",
    "service_certificates",
    "service_certificate_lines",
    "service_certificate_remarks",
)


def upgrade() -> None:
    for table, name in TO_VALIDATE:
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
    op.add_column(
        "mission_days", sa.Column("alert_at_days", sa.Numeric(precision=12, scale=6), nullable=True), if_not_exists=True
    )
    op.add_column(
        "missions",
        sa.Column("alert_thresholds_bp", postgresql.ARRAY(sa.Integer()), server_default="{8000,10000}", nullable=False),
        if_not_exists=True,
    )
    op.add_column("time_entries", sa.Column("certificate_id", sa.Uuid(), nullable=True), if_not_exists=True)
    op.add_column("time_entries", sa.Column("certified_by", sa.Uuid(), nullable=True), if_not_exists=True)
    op.add_column(
        "time_entries",
        sa.Column("certifier_kind", sa.Text(), server_default="person", nullable=False),
        if_not_exists=True,
    )
    op.add_column(
        "time_entries", sa.Column("certified_at", sa.DateTime(timezone=True), nullable=True), if_not_exists=True
    )
    with op.get_context().autocommit_block():
        op.create_index(
            op.f("time_entries_certificate_id_idx"),
            "time_entries",
            ["certificate_id"],
            unique=False,
            postgresql_where=sa.text("certificate_id IS NOT NULL"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
    op.create_table(
        "vat_rates",
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("rate_bp", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.CheckConstraint("rate_bp BETWEEN 0 AND 10000", name="vat_rate_bp"),
        sa.PrimaryKeyConstraint("from_on", name=op.f("vat_rates_pkey")),
    )
    op.create_table(
        "certificate_numbers",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.CheckConstraint("last_number >= 0", name="certificate_number_last_number"),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("certificate_numbers_territory_fkey")),
        sa.PrimaryKeyConstraint("territory", name=op.f("certificate_numbers_pkey")),
    )
    op.create_table(
        "threshold_crossings",
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("threshold_bp", sa.Integer(), nullable=False),
        sa.Column("days_ordered", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("days_entered", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("crossed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.ForeignKeyConstraint(["mission_id"], ["missions.id"], name=op.f("threshold_crossings_mission_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("threshold_crossings_pkey")),
        sa.UniqueConstraint(
            "mission_id",
            "threshold_bp",
            "days_ordered",
            name=op.f("threshold_crossings_mission_id_threshold_bp_days_ordered_key"),
        ),
    )
    op.create_table(
        "service_certificates",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("vat_rate_bp", sa.Integer(), nullable=False),
        sa.Column("vat_cents", sa.BigInteger(), nullable=False),
        sa.Column("total_cents", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("cancels_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("certified_by", sa.Uuid(), nullable=False),
        sa.Column("certifier_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("certifier_kind = 'person'", name="service_certifier_kind"),
        sa.CheckConstraint(
            "content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')", name="service_certificate_hash"
        ),
        sa.CheckConstraint(
            "mod(days, 0.25) = 0 AND days <> 'NaN' AND CASE WHEN cancels_id IS NULL THEN days > 0 AND amount_cents >= 0 ELSE days < 0 AND amount_cents <= 0 END",
            name="service_certificate_days",
        ),
        sa.CheckConstraint("(cancels_id IS NULL) = (reason IS NULL)", name="service_certificate_reason"),
        sa.CheckConstraint("number >= 1", name="service_certificate_number"),
        sa.CheckConstraint("to_on >= from_on", name="service_certificate_period"),
        sa.CheckConstraint(
            "vat_cents = round(amount_cents * vat_rate_bp / 10000.0) AND total_cents = amount_cents + vat_cents",
            name="service_certificate_vat",
        ),
        sa.ForeignKeyConstraint(
            ["cancels_id", "territory", "mission_id", "organisation_id"],
            [
                "service_certificates.id",
                "service_certificates.territory",
                "service_certificates.mission_id",
                "service_certificates.organisation_id",
            ],
            name="service_certificates_cancels_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["certified_by", "certifier_kind"], ["subjects.id", "subjects.kind"], name="certified_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            name=op.f("service_certificates_mission_id_organisation_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "mission_id"],
            ["missions.territory", "missions.id"],
            name=op.f("service_certificates_territory_mission_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("service_certificates_pkey")),
        sa.UniqueConstraint("id", "territory", "mission_id", "organisation_id", name="service_certificates_member_key"),
        sa.UniqueConstraint("territory", "number", name=op.f("service_certificates_territory_number_key")),
    )
    op.create_index(
        "certificate_already_cancelled",
        "service_certificates",
        ["cancels_id"],
        unique=True,
        postgresql_where=sa.text("cancels_id IS NOT NULL"),
    )
    op.create_index(
        op.f("service_certificates_mission_id_organisation_id_idx"),
        "service_certificates",
        ["mission_id", "organisation_id"],
        unique=False,
    )
    op.create_index(
        op.f("service_certificates_territory_id_idx"), "service_certificates", ["territory", "id"], unique=False
    )
    op.create_table(
        "service_certificate_lines",
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("day_rate_cents", sa.BigInteger(), nullable=False),
        sa.Column("days", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mod(days, 0.25) = 0 AND days <> 'NaN'", name="service_certificate_line_days"),
        sa.CheckConstraint("profile IN ('junior', 'senior', 'expert')", name="service_certificate_line_profile"),
        sa.CheckConstraint("amount_cents = round(days * day_rate_cents)", name="service_certificate_line_amount"),
        sa.ForeignKeyConstraint(
            ["certificate_id"], ["service_certificates.id"], name=op.f("service_certificate_lines_certificate_id_fkey")
        ),
        sa.PrimaryKeyConstraint(
            "certificate_id", "profile", "day_rate_cents", name=op.f("service_certificate_lines_pkey")
        ),
    )
    op.create_table(
        "service_certificate_remarks",
        sa.Column("certificate_id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('reservation', 'refusal')", name="service_certificate_remark_kind"),
        sa.ForeignKeyConstraint(
            ["certificate_id"],
            ["service_certificates.id"],
            name=op.f("service_certificate_remarks_certificate_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["time_entries.id"], name=op.f("service_certificate_remarks_entry_id_fkey")
        ),
        sa.PrimaryKeyConstraint("certificate_id", "entry_id", name=op.f("service_certificate_remarks_pkey")),
    )
    op.create_index(
        op.f("service_certificate_remarks_entry_id_idx"), "service_certificate_remarks", ["entry_id"], unique=False
    )
    for table, name, rule in CONSTRAINTS:
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule} NOT VALID")
    op.execute(VAT)
    op.execute(ARM)
    op.execute(GUARD_TIME_ENTRY.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(TELL_THRESHOLDS)
    op.execute(
        "CREATE TRIGGER tell_thresholds BEFORE UPDATE ON mission_days FOR EACH ROW"
        " WHEN (NEW.days_entered >= NEW.alert_at_days) EXECUTE FUNCTION tell_thresholds()"
    )
    op.execute(CERTIFICATES_AGREE)
    op.execute(
        "CREATE CONSTRAINT TRIGGER agrees AFTER INSERT ON service_certificates DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION certificates_agree()"
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER agrees AFTER UPDATE OF certificate_id ON time_entries DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (OLD.certificate_id IS DISTINCT FROM NEW.certificate_id)"
        " EXECUTE FUNCTION certificates_agree()"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.execute("DROP TRIGGER agrees ON time_entries")
    op.execute("DROP TRIGGER tell_thresholds ON mission_days")
    op.execute("DROP FUNCTION tell_thresholds()")
    op.execute(GUARD_TIME_ENTRY_BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.drop_constraint("certifier_took_part", "time_entries", type_="check")
    op.drop_constraint("certifier_kind", "time_entries", type_="check")
    op.drop_constraint("certified_without_certificate", "time_entries", type_="check")
    op.drop_constraint("time_entries_certificate_fkey", "time_entries", type_="foreignkey")
    op.drop_constraint("certifier_is_a_person", "time_entries", type_="foreignkey")
    op.drop_index(
        op.f("time_entries_certificate_id_idx"),
        table_name="time_entries",
        postgresql_where=sa.text("certificate_id IS NOT NULL"),
    )
    op.drop_column("time_entries", "certified_at")
    op.drop_column("time_entries", "certifier_kind")
    op.drop_column("time_entries", "certified_by")
    op.drop_column("time_entries", "certificate_id")
    op.drop_constraint("mission_alert_thresholds_bp", "missions", type_="check")
    op.drop_column("missions", "alert_thresholds_bp")
    op.drop_column("mission_days", "alert_at_days")
    op.drop_index(op.f("service_certificate_remarks_entry_id_idx"), table_name="service_certificate_remarks")
    op.drop_table("service_certificate_remarks")
    op.drop_table("service_certificate_lines")
    op.drop_index(op.f("service_certificates_territory_id_idx"), table_name="service_certificates")
    op.drop_index(op.f("service_certificates_mission_id_organisation_id_idx"), table_name="service_certificates")
    op.drop_index(
        "certificate_already_cancelled",
        table_name="service_certificates",
        postgresql_where=sa.text("cancels_id IS NOT NULL"),
    )
    op.drop_table("service_certificates")
    op.drop_table("threshold_crossings")
    op.drop_table("certificate_numbers")
    op.drop_table("vat_rates")
    op.execute("DROP FUNCTION certificates_agree()")
