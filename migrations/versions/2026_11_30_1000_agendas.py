"""Agendas of meetings, what was frozen of them, and why they were reopened.

Revision: 2026_11_30_1000, after 2026_11_30_0914.
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1000"
down_revision = "2026_11_30_0914"
branch_labels = None
depends_on = None

GUARD_AGENDA = """
CREATE FUNCTION guard_agenda() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'an agenda stays' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'agendas_append_only';
    END IF;
    PERFORM FROM committees WHERE id = NEW.committee_id FOR SHARE;
    IF EXISTS (SELECT FROM committees WHERE id = NEW.committee_id AND status IN ('closed', 'cancelled')) THEN
        RAISE EXCEPTION 'the meeting is over' USING ERRCODE = 'check_violation', CONSTRAINT = 'meeting_closed';
    END IF;
    IF NOT EXISTS (SELECT FROM committees WHERE id = NEW.committee_id AND level = NEW.level) THEN
        RAISE EXCEPTION 'of another level' USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_of_its_meeting';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (NEW.state, NEW.number, NEW.decisions_made) <> ('draft', 1, 0) OR NEW.meeting_number IS NOT NULL THEN
            RAISE EXCEPTION 'an agenda begins as a draft'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_of_its_meeting';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.committee_id, OLD.territory, OLD.level) <> (NEW.committee_id, NEW.territory, NEW.level)
        OR NEW.decisions_made < OLD.decisions_made
        OR (OLD.meeting_number IS NOT NULL
            AND (OLD.year, OLD.meeting_number) IS DISTINCT FROM (NEW.year, NEW.meeting_number))
    THEN
        RAISE EXCEPTION 'an agenda keeps its meeting and its numbers'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_of_its_meeting';
    END IF;
    IF (OLD.state, OLD.number) <> (NEW.state, NEW.number) AND NOT (CASE
        WHEN (OLD.state, NEW.state) = ('draft', 'frozen') THEN NEW.number = OLD.number AND EXISTS (
            SELECT FROM frozen_agendas f WHERE f.committee_id = NEW.committee_id AND f.number = NEW.number)
        WHEN (OLD.state, NEW.state) = ('frozen', 'draft') THEN NEW.number = OLD.number + 1 AND EXISTS (
            SELECT FROM agenda_reopenings r WHERE r.committee_id = NEW.committee_id AND r.number = OLD.number)
        ELSE false
    END) THEN
        RAISE EXCEPTION 'not frozen, or not reopened'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_frozen';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_AGENDA_ITEM = """
CREATE FUNCTION guard_agenda_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    item agenda_items := coalesce(NEW, OLD);
BEGIN
    PERFORM FROM agendas WHERE committee_id = item.committee_id FOR NO KEY UPDATE;
    IF TG_OP = 'UPDATE' OR NOT EXISTS (
        SELECT FROM agendas a JOIN committees c ON c.id = a.committee_id
        WHERE a.committee_id = item.committee_id AND a.territory = item.territory AND a.state = 'draft'
            AND a.number = item.number AND c.status IN ('planned', 'held')
    ) THEN
        RAISE EXCEPTION 'the agenda is frozen' USING ERRCODE = 'check_violation', CONSTRAINT = 'agenda_frozen';
    END IF;
    RETURN item;
END
$$
"""
TRIGGERS = (
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON agendas FOR EACH ROW EXECUTE FUNCTION guard_agenda()",
    "CREATE TRIGGER append_only BEFORE TRUNCATE ON agendas FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON agenda_items FOR EACH ROW EXECUTE FUNCTION guard_agenda_item()",
    "CREATE TRIGGER append_only BEFORE TRUNCATE ON agenda_items FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON frozen_agendas FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON agenda_reopenings FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    op.create_table(
        "meeting_series",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("last_number", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("last_number >= 0", name="meeting_series_last_number"),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name="meeting_series_territory_fkey"),
        sa.PrimaryKeyConstraint("territory", "level", "year", name="meeting_series_pkey"),
    )
    op.create_table(
        "agendas",
        sa.Column("committee_id", sa.Uuid(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("number", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=True),
        sa.Column("meeting_number", sa.SmallInteger(), nullable=True),
        sa.Column("decisions_made", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("level IN ('territorial', 'state_region')", name="agenda_level"),
        sa.CheckConstraint("state IN ('draft', 'frozen')", name="agenda_state"),
        sa.CheckConstraint(
            "decisions_made >= 0 AND num_nulls(year, meeting_number) IN (0, 2) AND (decisions_made = 0 OR meeting_number IS NOT NULL)",
            name="agenda_decisions_made",
        ),
        sa.CheckConstraint("number >= 1", name="agenda_number"),
        sa.ForeignKeyConstraint(
            ["territory", "committee_id"],
            ["committees.territory", "committees.id"],
            name="agendas_territory_committee_id_fkey",
        ),
        sa.PrimaryKeyConstraint("committee_id", name="agendas_pkey"),
        sa.UniqueConstraint("territory", "level", "year", "meeting_number", name="agendas_meeting_number_key"),
    )
    op.create_table(
        "agenda_items",
        sa.Column("committee_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("proposal", sa.Text(), nullable=False),
        sa.Column("grant_cents", sa.BigInteger(), nullable=False),
        sa.Column("advance_cents", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "grant_cents BETWEEN 0 AND 1000000000000 AND advance_cents BETWEEN 0 AND 1000000000000 AND (proposal IN ('pre_select', 'grant') OR grant_cents + advance_cents = 0) AND (proposal <> 'grant' OR grant_cents + advance_cents > 0)",
            name="agenda_item_amounts",
        ),
        sa.CheckConstraint("proposal IN ('pre_select', 'grant', 'reject', 'defer')", name="agenda_item_proposal"),
        sa.CheckConstraint("position >= 1", name="agenda_item_position"),
        sa.ForeignKeyConstraint(["committee_id"], ["agendas.committee_id"], name="agenda_items_committee_id_fkey"),
        sa.ForeignKeyConstraint(
            ["territory", "application_id"],
            ["applications.territory", "applications.id"],
            name="agenda_items_territory_application_id_fkey",
        ),
        sa.PrimaryKeyConstraint("committee_id", "number", "application_id", name="agenda_items_pkey"),
        sa.UniqueConstraint("committee_id", "number", "position", name="agenda_items_position_key"),
    )
    op.create_index("agenda_items_application_id_idx", "agenda_items", ["application_id"], unique=False)
    op.create_table(
        "frozen_agendas",
        sa.Column("committee_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("frozen_by", sa.Uuid(), nullable=True),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint(
            "content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')", name="frozen_agenda_hash"
        ),
        sa.CheckConstraint("number >= 1", name="frozen_agenda_number"),
        sa.ForeignKeyConstraint(["committee_id"], ["agendas.committee_id"], name="frozen_agendas_committee_id_fkey"),
        sa.ForeignKeyConstraint(["frozen_by"], ["subjects.id"], name="frozen_agendas_frozen_by_fkey"),
        sa.PrimaryKeyConstraint("id", name="frozen_agendas_pkey"),
        sa.UniqueConstraint("committee_id", "number", name="frozen_agendas_number_key"),
    )
    op.create_table(
        "agenda_reopenings",
        sa.Column("committee_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reopened_by", sa.Uuid(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("reason <> ''", name="agenda_reopening_reason"),
        sa.ForeignKeyConstraint(
            ["committee_id", "number"],
            ["frozen_agendas.committee_id", "frozen_agendas.number"],
            name="agenda_reopenings_committee_id_number_fkey",
        ),
        sa.ForeignKeyConstraint(["reopened_by"], ["subjects.id"], name="agenda_reopenings_reopened_by_fkey"),
        sa.PrimaryKeyConstraint("committee_id", "number", name="agenda_reopenings_pkey"),
    )
    for statement in (GUARD_AGENDA, GUARD_AGENDA_ITEM, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    for table in ("agenda_reopenings", "frozen_agendas", "agenda_items", "agendas", "meeting_series"):
        op.drop_table(table)
    for function in ("guard_agenda_item", "guard_agenda"):
        op.execute(f"DROP FUNCTION {function}()")
