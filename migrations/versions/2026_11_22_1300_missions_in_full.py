"""Settings and rates of missions, closed months, corrections.

Revision: 2026_11_22_1300, after 2026_11_22_1200.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_1300"
down_revision = "2026_11_22_1200"
branch_labels = None
depends_on = None


# What counted is never edited: with corrections and reversals since.
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

GUARD_MONTH_LOCK = r"""CREATE FUNCTION guard_month_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.reopened_at IS NOT NULL OR NEW.reopened_at IS NULL OR
        (OLD.id, OLD.territory, OLD.mission_id, OLD.month, OLD.locked_by, OLD.created_at)
        IS DISTINCT FROM
        (NEW.id, NEW.territory, NEW.mission_id, NEW.month, NEW.locked_by, NEW.created_at)
    THEN
        RAISE EXCEPTION 'a lock is an act' USING ERRCODE = 'check_violation', CONSTRAINT = 'month_open';
    END IF;
    RETURN NEW;
END
$$
"""

# The usual activities for every mission there is, and whatever else its entries carry.
ACTIVITIES = """
INSERT INTO mission_activities (mission_id, code, label, position, travel_counts)
SELECT m.id, usual.code, usual.label, usual.position, true
FROM missions m CROSS JOIN (VALUES
    ('framing', 'Cadrage', 0), ('audition', 'Audition', 1), ('analysis', 'Analyse', 2),
    ('financial_engineering', 'Ingénierie financière', 3), ('roadmap', 'Feuille de route', 4),
    ('committee', 'Comité de pilotage', 5), ('travel', 'Déplacement', 6)
) usual (code, label, position)
UNION ALL
SELECT DISTINCT mission_id, activity, activity, 7, true FROM time_entries
WHERE activity NOT IN ('framing', 'audition', 'analysis', 'financial_engineering', 'roadmap', 'committee', 'travel')
"""

# A firm on which days were worked is known to the territory from then on.
FIRMS = """
INSERT INTO territory_firms (territory, siren, stage, stage_since_on, created_at, updated_at)
SELECT territory, firm_siren, 'identified', min(worked_on), now(), now() FROM time_entries
WHERE firm_siren IS NOT NULL GROUP BY territory, firm_siren ON CONFLICT DO NOTHING
"""

ALLOTMENTS = """
INSERT INTO allotments (mission_id, organisation_id, days, decided_on, created_at, updated_at)
SELECT mission_id, organisation_id, days_allotted, (timezone('Europe/Paris', created_at))::date, created_at, created_at
FROM mission_members
"""

REVERSALS = "UPDATE time_entries SET reversal_counted_on = counted_on WHERE status = 'reversed'"


# Added here without looking at what is there; the next migration validates them, without a lock.
CONSTRAINTS = [
    (
        "missions",
        "mission_holiday_calendar",
        "CHECK (holiday_calendar IN ('metropolitan', 'alsace_moselle', 'guadeloupe', 'martinique', 'guyane', 'la_reunion', 'mayotte', 'saint_barthelemy', 'saint_martin', 'saint_pierre_et_miquelon', 'new_caledonia', 'french_polynesia', 'wallis_et_futuna'))",
    ),
    (
        "late_entry_leaves",
        "leave_granted_by_a_person",
        "FOREIGN KEY (granted_by, granter_kind) REFERENCES subjects (id, kind)",
    ),
    ("late_entry_leaves", "leave_granter_kind", "CHECK (granter_kind = 'person')"),
    ("mission_days", "month_locked", "CHECK (NOT counted_months && locked_months)"),
    ("mission_days", "rest_day", "CHECK (NOT worked_days && rest_days)"),
    ("orders", "ordered_by_a_person", "FOREIGN KEY (ordered_by, orderer_kind) REFERENCES subjects (id, kind)"),
    ("orders", "orderer_kind", "CHECK (orderer_kind = 'person')"),
    (
        "time_entries",
        "time_entries_territory_firm_siren_fkey",
        "FOREIGN KEY (territory, firm_siren) REFERENCES territory_firms (territory, siren)",
    ),
    (
        "time_entries",
        "time_entries_corrects_fkey",
        "FOREIGN KEY (territory, organisation_id, corrects_id) REFERENCES time_entries (territory, organisation_id, id)",
    ),
    (
        "time_entries",
        "time_entries_mission_id_activity_fkey",
        "FOREIGN KEY (mission_id, activity) REFERENCES mission_activities (mission_id, code)",
    ),
    ("time_entries", "time_entry_corrects_itself", "CHECK (corrects_id <> id)"),
    ("time_entries", "time_entry_counts_when_worked", "CHECK (corrects_id IS NOT NULL OR counted_on = worked_on)"),
    (
        "time_entries",
        "time_entry_reversal_counted_on",
        "CHECK ((status = 'reversed') = (reversal_counted_on IS NOT NULL) AND reversal_counted_on >= counted_on)",
    ),
]


def upgrade() -> None:
    op.add_column(
        "missions",
        sa.Column("travel_counts", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        if_not_exists=True,
    )
    op.add_column(
        "missions",
        sa.Column("weekends_allowed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        if_not_exists=True,
    )
    op.add_column(
        "missions",
        sa.Column("holidays_allowed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        if_not_exists=True,
    )
    op.add_column(
        "missions",
        sa.Column("holiday_calendar", sa.Text(), server_default="metropolitan", nullable=False),
        if_not_exists=True,
    )
    op.add_column(
        "late_entry_leaves", sa.Column("granter_kind", sa.Text(), nullable=True), if_not_exists=True
    )  # null: who did it was not asked
    op.alter_column("late_entry_leaves", "granter_kind", server_default="person")
    op.add_column(
        "mission_days",
        sa.Column("rest_days", postgresql.ARRAY(sa.Date()), server_default="{}", nullable=False),
        if_not_exists=True,
    )
    op.add_column(
        "mission_days", sa.Column("worked_days", postgresql.ARRAY(sa.Date()), nullable=True), if_not_exists=True
    )
    op.add_column(
        "mission_days",
        sa.Column("locked_months", postgresql.ARRAY(sa.Date()), server_default="{}", nullable=False),
        if_not_exists=True,
    )
    op.add_column(
        "mission_days", sa.Column("counted_months", postgresql.ARRAY(sa.Date()), nullable=True), if_not_exists=True
    )
    op.add_column("orders", sa.Column("ordered_by", sa.Uuid(), nullable=True), if_not_exists=True)
    op.add_column(
        "orders", sa.Column("orderer_kind", sa.Text(), nullable=True), if_not_exists=True
    )  # null: who did it was not asked
    op.alter_column("orders", "orderer_kind", server_default="person")
    op.add_column("time_entries", sa.Column("corrects_id", sa.Uuid(), nullable=True), if_not_exists=True)
    op.add_column("time_entries", sa.Column("reversal_counted_on", sa.Date(), nullable=True), if_not_exists=True)
    with op.get_context().autocommit_block():
        op.create_index(
            "missions_id_travel_counts_key",
            "missions",
            ["id", "travel_counts"],
            unique=True,
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.drop_index(
            op.f("time_entries_firm_siren_idx"), table_name="time_entries", postgresql_concurrently=True, if_exists=True
        )
        op.create_index(
            op.f("time_entries_corrects_id_idx"),
            "time_entries",
            ["corrects_id"],
            unique=False,
            postgresql_where=sa.text("corrects_id IS NOT NULL"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.create_index(
            op.f("time_entries_territory_firm_siren_idx"),
            "time_entries",
            ["territory", "firm_siren"],
            unique=False,
            postgresql_where=sa.text("firm_siren IS NOT NULL"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )
        op.create_index(
            "time_entries_territory_organisation_id_id_key",
            "time_entries",
            ["territory", "organisation_id", "id"],
            unique=True,
            postgresql_concurrently=True,
            if_not_exists=True,
        )
    op.execute(
        "ALTER TABLE time_entries ADD CONSTRAINT time_entries_territory_organisation_id_id_key UNIQUE USING INDEX time_entries_territory_organisation_id_id_key"
    )
    op.execute(
        "ALTER TABLE missions ADD CONSTRAINT missions_id_travel_counts_key UNIQUE USING INDEX missions_id_travel_counts_key"
    )
    op.create_table(
        "mission_activities",
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("travel_counts", sa.Boolean(), nullable=False),
        sa.CheckConstraint("code <> 'travel' OR travel_counts", name="travel_not_counted"),
        sa.CheckConstraint("label <> ''", name="mission_activity_label"),
        sa.ForeignKeyConstraint(
            ["mission_id", "travel_counts"],
            ["missions.id", "missions.travel_counts"],
            name=op.f("mission_activities_mission_id_travel_counts_fkey"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("mission_id", "code", name=op.f("mission_activities_pkey")),
    )
    op.create_table(
        "month_locks",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("locked_by", sa.Uuid(), nullable=False),
        sa.Column("locker_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_by", sa.Uuid(), nullable=True),
        sa.Column("reopener_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("reopening_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("locker_kind = 'person' AND reopener_kind = 'person'", name="month_locker_kind"),
        sa.CheckConstraint(
            "month + interval '1 month' <= timezone('Europe/Paris', created_at)", name="month_lock_not_over"
        ),
        sa.CheckConstraint("extract(day FROM month) = 1", name="month_lock_month"),
        sa.CheckConstraint(
            "num_nonnulls(reopened_at, reopened_by, reopening_reason) IN (0, 3)", name="month_lock_reopening"
        ),
        sa.ForeignKeyConstraint(
            ["locked_by", "locker_kind"], ["subjects.id", "subjects.kind"], name="locked_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["reopened_by", "reopener_kind"], ["subjects.id", "subjects.kind"], name="reopened_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "mission_id"],
            ["missions.territory", "missions.id"],
            name=op.f("month_locks_territory_mission_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("month_locks_pkey")),
    )
    op.create_index(
        "month_already_locked",
        "month_locks",
        ["mission_id", "month"],
        unique=True,
        postgresql_where=sa.text("reopened_at IS NULL"),
    )
    op.create_index(
        op.f("month_locks_territory_mission_id_idx"), "month_locks", ["territory", "mission_id"], unique=False
    )
    op.create_table(
        "allotments",
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("days", sa.Numeric(precision=7, scale=2), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("mod(days, 0.25) = 0 AND days <> 'NaN'", name="allotment_days"),
        sa.ForeignKeyConstraint(["decided_by"], ["subjects.id"], name=op.f("allotments_decided_by_fkey")),
        sa.ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            name=op.f("allotments_mission_id_organisation_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("allotments_pkey")),
    )
    op.create_index(
        op.f("allotments_mission_id_organisation_id_id_idx"),
        "allotments",
        ["mission_id", "organisation_id", "id"],
        unique=False,
    )
    op.create_table(
        "rates",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("mission_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("day_rate_cents", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("uuidrange(mission_id, mission_id, '[]')"), "&&"),
            (sa.text("uuidrange(organisation_id, organisation_id, '[]')"), "&&"),
            (sa.text("int4range(ascii(profile), ascii(profile), '[]')"), "&&"),
            (sa.text("daterange(from_on, until_on, '[]')"), "&&"),
            using="gist",
            name="rates_overlap",
        ),
        sa.CheckConstraint("profile IN ('junior', 'senior', 'expert')", name="rate_profile"),
        sa.CheckConstraint("day_rate_cents BETWEEN 1 AND 100000000", name="rate_day_rate_cents"),
        sa.CheckConstraint("until_on >= from_on", name="rate_period"),
        sa.ForeignKeyConstraint(
            ["mission_id", "organisation_id"],
            ["mission_members.mission_id", "mission_members.organisation_id"],
            name=op.f("rates_mission_id_organisation_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "mission_id"],
            ["missions.territory", "missions.id"],
            name=op.f("rates_territory_mission_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("rates_pkey")),
    )
    op.create_index(op.f("rates_territory_mission_id_idx"), "rates", ["territory", "mission_id"], unique=False)
    for statement in (ACTIVITIES, FIRMS, ALLOTMENTS, REVERSALS):
        op.execute(statement)
    for table, name, rule in CONSTRAINTS:
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {rule} NOT VALID")
    op.execute(
        "-- squawk-ignore ban-drop-constraint\nALTER TABLE time_entries DROP CONSTRAINT time_entries_firm_siren_fkey"
    )
    op.execute(GUARD_TIME_ENTRY.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(GUARD_MONTH_LOCK)
    op.execute("CREATE TRIGGER guard BEFORE UPDATE ON month_locks FOR EACH ROW EXECUTE FUNCTION guard_month_lock()")
    for refused, table in (("UPDATE OR DELETE OR TRUNCATE", "allotments"), ("DELETE OR TRUNCATE", "month_locks")):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE {refused} ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.execute(GUARD_TIME_ENTRY_BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.drop_constraint("time_entry_reversal_counted_on", "time_entries", type_="check")
    op.drop_constraint("time_entry_counts_when_worked", "time_entries", type_="check")
    op.drop_constraint("time_entry_corrects_itself", "time_entries", type_="check")
    op.drop_constraint(op.f("time_entries_mission_id_activity_fkey"), "time_entries", type_="foreignkey")
    op.drop_constraint("time_entries_corrects_fkey", "time_entries", type_="foreignkey")
    op.drop_constraint(op.f("time_entries_territory_firm_siren_fkey"), "time_entries", type_="foreignkey")
    op.create_foreign_key(op.f("time_entries_firm_siren_fkey"), "time_entries", "firms", ["firm_siren"], ["siren"])
    op.drop_constraint(op.f("time_entries_territory_organisation_id_id_key"), "time_entries", type_="unique")
    op.drop_index(
        op.f("time_entries_territory_firm_siren_idx"),
        table_name="time_entries",
        postgresql_where=sa.text("firm_siren IS NOT NULL"),
    )
    op.drop_index(
        op.f("time_entries_corrects_id_idx"),
        table_name="time_entries",
        postgresql_where=sa.text("corrects_id IS NOT NULL"),
    )
    op.create_index(
        op.f("time_entries_firm_siren_idx"),
        "time_entries",
        ["firm_siren"],
        unique=False,
        postgresql_where="(firm_siren IS NOT NULL)",
    )
    op.drop_column("time_entries", "reversal_counted_on")
    op.drop_column("time_entries", "corrects_id")
    op.drop_constraint("orderer_kind", "orders", type_="check")
    op.drop_constraint("ordered_by_a_person", "orders", type_="foreignkey")
    op.drop_column("orders", "orderer_kind")
    op.drop_column("orders", "ordered_by")
    op.drop_table("mission_activities")
    op.drop_constraint("mission_holiday_calendar", "missions", type_="check")
    op.drop_constraint(op.f("missions_id_travel_counts_key"), "missions", type_="unique")
    op.drop_column("missions", "holiday_calendar")
    op.drop_column("missions", "holidays_allowed")
    op.drop_column("missions", "weekends_allowed")
    op.drop_column("missions", "travel_counts")
    op.drop_constraint("rest_day", "mission_days", type_="check")
    op.drop_constraint("month_locked", "mission_days", type_="check")
    op.drop_column("mission_days", "counted_months")
    op.drop_column("mission_days", "locked_months")
    op.drop_column("mission_days", "worked_days")
    op.drop_column("mission_days", "rest_days")
    op.drop_constraint("leave_granter_kind", "late_entry_leaves", type_="check")
    op.drop_constraint("leave_granted_by_a_person", "late_entry_leaves", type_="foreignkey")
    op.drop_column("late_entry_leaves", "granter_kind")
    op.drop_index(op.f("rates_territory_mission_id_idx"), table_name="rates")
    op.drop_table("rates")
    op.drop_index(op.f("allotments_mission_id_organisation_id_id_idx"), table_name="allotments")
    op.drop_table("allotments")
    op.drop_index(op.f("month_locks_territory_mission_id_idx"), table_name="month_locks")
    op.drop_index("month_already_locked", table_name="month_locks", postgresql_where=sa.text("reopened_at IS NULL"))
    op.drop_table("month_locks")
    op.execute("DROP FUNCTION guard_month_lock()")
