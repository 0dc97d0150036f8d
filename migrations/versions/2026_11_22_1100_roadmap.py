"""The roadmap: versions, axes, actions, and the follow-up of actions.

Revision: 2026_11_22_1100, after 2026_11_22_1000.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_1100"
down_revision = "2026_11_22_1000"
branch_labels = None
depends_on = None

GUARDED = {
    "roadmap_versions": "guard_roadmap",
    "roadmap_axes": "guard_roadmap_part",
    "roadmap_actions": "guard_roadmap_part",
    "roadmap_action_projects": "guard_roadmap_part",
    "roadmap_action_firms": "guard_roadmap_part",
}

GUARD_ROADMAP = """
CREATE FUNCTION guard_roadmap() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' THEN
            RAISE EXCEPTION 'a roadmap begins as a draft'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roadmap_adopted';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'draft' THEN
            RAISE EXCEPTION 'the roadmap is adopted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roadmap_adopted';
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.territory <> NEW.territory OR OLD.id <> NEW.id OR OLD.number <> NEW.number
        OR OLD.status <> NEW.status
            AND NOT (OLD.status, NEW.status) IN (('draft', 'adopted'), ('adopted', 'superseded'))
        OR OLD.status <> 'draft' AND (
            OLD.status = NEW.status AND OLD.superseded_on IS DISTINCT FROM NEW.superseded_on
            OR (OLD.title, OLD.starts_on, OLD.ends_on, OLD.committee_id, OLD.adopted_on, OLD.adopted_by, OLD.created_at)
            IS DISTINCT FROM
            (NEW.title, NEW.starts_on, NEW.ends_on, NEW.committee_id, NEW.adopted_on, NEW.adopted_by, NEW.created_at)
        )
    THEN
        RAISE EXCEPTION 'the roadmap is adopted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roadmap_adopted';
    END IF;
    IF OLD.status = 'draft' AND NEW.status = 'adopted' AND NOT EXISTS (
        SELECT FROM committees
        WHERE id = NEW.committee_id AND territory = NEW.territory AND status IN ('held', 'closed')
          AND (timezone('Europe/Paris', held_at))::date = NEW.adopted_on
        FOR SHARE
    ) THEN
        RAISE EXCEPTION 'no meeting was held that day'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_not_held';
    END IF;
    RETURN NEW;
END
$$
"""

GUARD_ROADMAP_PART = """
CREATE FUNCTION guard_roadmap_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM roadmap_versions WHERE id = NEW.version_id OR id = OLD.version_id ORDER BY id FOR SHARE;
    IF EXISTS (
        SELECT FROM roadmap_versions WHERE (id = NEW.version_id OR id = OLD.version_id) AND status <> 'draft'
    ) THEN
        RAISE EXCEPTION 'the roadmap is adopted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'roadmap_adopted';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""


def upgrade() -> None:
    op.execute("CREATE TYPE textrange AS RANGE (subtype = text)")
    op.create_table(
        "roadmap_followed_actions",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="planned", nullable=False),
        sa.Column("state_number", sa.Integer(), nullable=True),
        sa.Column("state_since_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "num_nulls(state_number, state_since_on) = 0 OR (num_nulls(state_number, state_since_on) = 2 AND state = 'planned')",
            name="followed_action_history",
        ),
        sa.CheckConstraint(
            "state IN ('planned', 'in_progress', 'on_hold', 'done', 'dropped')", name="followed_action_state"
        ),
        sa.ForeignKeyConstraint(
            ["territory"], ["territories.slug"], name=op.f("roadmap_followed_actions_territory_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("roadmap_followed_actions_pkey")),
        sa.UniqueConstraint("territory", "id", name=op.f("roadmap_followed_actions_territory_id_key")),
    )
    op.create_table(
        "roadmap_action_states",
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("previous_number", sa.Integer(), nullable=True),
        sa.Column("previous_state", sa.Text(), nullable=False),
        sa.Column("previous_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(previous_state, state) IN (('done', 'in_progress'), ('dropped', 'planned'), ('in_progress', 'done'), ('in_progress', 'dropped'), ('in_progress', 'on_hold'), ('on_hold', 'dropped'), ('on_hold', 'in_progress'), ('planned', 'dropped'), ('planned', 'in_progress'))",
            name="action_move_refused",
        ),
        sa.CheckConstraint(
            "CASE WHEN number = 1 THEN num_nulls(previous_number, previous_on) = 2 AND previous_state = 'planned' ELSE number > 1 AND num_nulls(previous_number, previous_on) = 0 AND previous_number = number - 1 END",
            name="action_state_number",
        ),
        sa.CheckConstraint("effective_on <= (timezone('Europe/Paris', recorded_at))::date", name="action_state_future"),
        sa.CheckConstraint(
            "reason IS NOT NULL OR (previous_state, state) NOT IN (('done', 'in_progress'), ('dropped', 'planned'), ('in_progress', 'dropped'), ('in_progress', 'on_hold'), ('on_hold', 'dropped'), ('planned', 'dropped'))",
            name="action_state_reason",
        ),
        sa.CheckConstraint("effective_on >= previous_on", name="action_move_out_of_order"),
        sa.ForeignKeyConstraint(
            ["action_id", "previous_number", "previous_state", "previous_on"],
            [
                "roadmap_action_states.action_id",
                "roadmap_action_states.number",
                "roadmap_action_states.state",
                "roadmap_action_states.effective_on",
            ],
            name="roadmap_action_states_previous_fkey",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("roadmap_action_states_recorded_by_fkey")),
        sa.ForeignKeyConstraint(
            ["territory", "action_id"],
            ["roadmap_followed_actions.territory", "roadmap_followed_actions.id"],
            name=op.f("roadmap_action_states_territory_action_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("action_id", "number", name=op.f("roadmap_action_states_pkey")),
        sa.UniqueConstraint("action_id", "number", "state", "effective_on", name="roadmap_action_states_chain_key"),
    )
    op.create_index(
        op.f("roadmap_action_states_territory_action_id_idx"),
        "roadmap_action_states",
        ["territory", "action_id"],
        unique=False,
    )
    op.create_table(
        "roadmap_versions",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("committee_id", sa.Uuid(), nullable=True),
        sa.Column("adopted_on", sa.Date(), nullable=True),
        sa.Column("adopted_by", sa.Uuid(), nullable=True),
        sa.Column("adopter_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("superseded_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("textrange(territory, territory, '[]')"), "&&"),
            (sa.text("daterange(adopted_on, superseded_on, '[)')"), "&&"),
            where=sa.text("adopted_on IS NOT NULL"),
            using="gist",
            name="roadmap_in_force_twice",
        ),
        sa.CheckConstraint(
            "(status = 'superseded') = (superseded_on IS NOT NULL) AND superseded_on > adopted_on",
            name="roadmap_superseded",
        ),
        sa.CheckConstraint("adopter_kind = 'person'", name="roadmap_adopter_kind"),
        sa.CheckConstraint(
            "num_nonnulls(committee_id, adopted_on, adopted_by) = CASE status WHEN 'draft' THEN 0 ELSE 3 END",
            name="roadmap_adoption",
        ),
        sa.CheckConstraint("status IN ('draft', 'adopted', 'superseded')", name="roadmap_status"),
        sa.CheckConstraint("title <> ''", name="roadmap_title"),
        sa.CheckConstraint("ends_on >= starts_on", name="roadmap_period"),
        sa.CheckConstraint("number >= 1", name="roadmap_number"),
        sa.ForeignKeyConstraint(
            ["adopted_by", "adopter_kind"], ["subjects.id", "subjects.kind"], name="adopted_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "committee_id"],
            ["committees.territory", "committees.id"],
            name=op.f("roadmap_versions_territory_committee_id_fkey"),
        ),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("roadmap_versions_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("roadmap_versions_pkey")),
        sa.UniqueConstraint("territory", "id", name=op.f("roadmap_versions_territory_id_key")),
        sa.UniqueConstraint("territory", "number", name="roadmap_versions_number_key"),
    )
    op.create_index(
        "draft_exists", "roadmap_versions", ["territory"], unique=True, postgresql_where=sa.text("status = 'draft'")
    )
    op.create_index(
        op.f("roadmap_versions_committee_id_idx"),
        "roadmap_versions",
        ["committee_id"],
        unique=False,
        postgresql_where=sa.text("committee_id IS NOT NULL"),
    )
    op.create_table(
        "roadmap_axes",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("objective", sa.Text(), nullable=True),
        sa.CheckConstraint("title <> ''", name="roadmap_axis_title"),
        sa.CheckConstraint("position >= 1", name="roadmap_axis_position"),
        sa.ForeignKeyConstraint(
            ["territory", "version_id"],
            ["roadmap_versions.territory", "roadmap_versions.id"],
            name=op.f("roadmap_axes_territory_version_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("version_id", "position", name=op.f("roadmap_axes_pkey")),
    )
    op.create_table(
        "roadmap_actions",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("axis", sa.SmallInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("owner_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("budget_cents", sa.BigInteger(), nullable=True),
        sa.Column("indicator", sa.Text(), nullable=True),
        sa.CheckConstraint("title <> ''", name="roadmap_action_title"),
        sa.CheckConstraint("budget_cents BETWEEN 0 AND 9007199254740991", name="roadmap_action_budget"),
        sa.CheckConstraint("position >= 1", name="roadmap_action_position"),
        sa.ForeignKeyConstraint(
            ["owner_organisation_id"], ["organisations.id"], name=op.f("roadmap_actions_owner_organisation_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["territory", "action_id"],
            ["roadmap_followed_actions.territory", "roadmap_followed_actions.id"],
            name=op.f("roadmap_actions_territory_action_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "version_id"],
            ["roadmap_versions.territory", "roadmap_versions.id"],
            name=op.f("roadmap_actions_territory_version_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id", "axis"],
            ["roadmap_axes.version_id", "roadmap_axes.position"],
            name=op.f("roadmap_actions_version_id_axis_fkey"),
        ),
        sa.PrimaryKeyConstraint("version_id", "action_id", name=op.f("roadmap_actions_pkey")),
        sa.UniqueConstraint("version_id", "axis", "position", name="roadmap_actions_place_key"),
    )
    op.create_index(op.f("roadmap_actions_action_id_idx"), "roadmap_actions", ["action_id"], unique=False)
    op.create_index(
        op.f("roadmap_actions_owner_organisation_id_idx"),
        "roadmap_actions",
        ["owner_organisation_id"],
        unique=False,
        postgresql_where=sa.text("owner_organisation_id IS NOT NULL"),
    )
    op.create_table(
        "roadmap_action_firms",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["territory", "siren"],
            ["territory_firms.territory", "territory_firms.siren"],
            name=op.f("roadmap_action_firms_territory_siren_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "version_id"],
            ["roadmap_versions.territory", "roadmap_versions.id"],
            name=op.f("roadmap_action_firms_territory_version_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id", "action_id"],
            ["roadmap_actions.version_id", "roadmap_actions.action_id"],
            name=op.f("roadmap_action_firms_version_id_action_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("version_id", "action_id", "siren", name=op.f("roadmap_action_firms_pkey")),
    )
    op.create_index(
        op.f("roadmap_action_firms_territory_siren_idx"), "roadmap_action_firms", ["territory", "siren"], unique=False
    )
    op.create_table(
        "roadmap_action_projects",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["territory", "project_id"],
            ["projects.territory", "projects.id"],
            name=op.f("roadmap_action_projects_territory_project_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["territory", "version_id"],
            ["roadmap_versions.territory", "roadmap_versions.id"],
            name=op.f("roadmap_action_projects_territory_version_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id", "action_id"],
            ["roadmap_actions.version_id", "roadmap_actions.action_id"],
            name=op.f("roadmap_action_projects_version_id_action_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("version_id", "action_id", "project_id", name=op.f("roadmap_action_projects_pkey")),
    )
    op.create_index(
        op.f("roadmap_action_projects_project_id_idx"), "roadmap_action_projects", ["project_id"], unique=False
    )
    op.create_foreign_key(
        "roadmap_followed_actions_state_fkey",
        "roadmap_followed_actions",
        "roadmap_action_states",
        ["id", "state_number", "state", "state_since_on"],
        ["action_id", "number", "state", "effective_on"],
        deferrable=True,
        initially="DEFERRED",
    )
    op.execute(GUARD_ROADMAP)
    op.execute(GUARD_ROADMAP_PART)
    for table, function in GUARDED.items():
        op.execute(
            f"CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
        op.execute(
            f"CREATE TRIGGER append_only BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON roadmap_action_states "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_constraint("roadmap_followed_actions_state_fkey", "roadmap_followed_actions", type_="foreignkey")
    op.drop_index(op.f("roadmap_action_projects_project_id_idx"), table_name="roadmap_action_projects")
    op.drop_table("roadmap_action_projects")
    op.drop_index(op.f("roadmap_action_firms_territory_siren_idx"), table_name="roadmap_action_firms")
    op.drop_table("roadmap_action_firms")
    op.drop_index(
        op.f("roadmap_actions_owner_organisation_id_idx"),
        table_name="roadmap_actions",
        postgresql_where=sa.text("owner_organisation_id IS NOT NULL"),
    )
    op.drop_index(op.f("roadmap_actions_action_id_idx"), table_name="roadmap_actions")
    op.drop_table("roadmap_actions")
    op.drop_table("roadmap_axes")
    op.drop_index(
        op.f("roadmap_versions_committee_id_idx"),
        table_name="roadmap_versions",
        postgresql_where=sa.text("committee_id IS NOT NULL"),
    )
    op.drop_index("draft_exists", table_name="roadmap_versions", postgresql_where=sa.text("status = 'draft'"))
    op.drop_table("roadmap_versions")
    op.drop_index(op.f("roadmap_action_states_territory_action_id_idx"), table_name="roadmap_action_states")
    op.drop_table("roadmap_action_states")
    op.drop_table("roadmap_followed_actions")
    op.execute("DROP FUNCTION guard_roadmap_part()")
    op.execute("DROP FUNCTION guard_roadmap()")
    op.execute("DROP TYPE textrange")
