"""Imports: files as they come, lines that wait, and what was found wrong.

Revision: 2026_11_22_1200, after 2026_11_22_1100.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_1200"
down_revision = "2026_11_22_1100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import_chunks",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("upload_id", "number", name="import_chunks_pkey"),
    )
    op.create_table(
        "import_lines",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("import_id", "number", name="import_lines_pkey"),
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "imports",
        sa.Column("territory", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("on_error", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=True),
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("encoding", sa.Text(), nullable=True),
        sa.Column("delimiter", sa.Text(), nullable=True),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("rows_read", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_checked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_written", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_created", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_updated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_unchanged", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_skipped", sa.Integer(), server_default="0", nullable=False),
        sa.Column("blocking_problems", sa.Integer(), server_default="0", nullable=False),
        sa.Column("advisory_problems", sa.Integer(), server_default="0", nullable=False),
        sa.Column("problem", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("claim", sa.Uuid(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint("(finished_at IS NULL) = (status IN ('queued', 'running'))", name="import_finished"),
        sa.CheckConstraint("on_error IN ('abort', 'skip')", name="import_on_error"),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'refused', 'failed', 'cancelled')", name="import_status"
        ),
        sa.CheckConstraint("rows_created + rows_updated + rows_unchanged <= rows_read", name="import_rows"),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name="imports_organisation_id_fkey"),
        sa.ForeignKeyConstraint(["requested_by"], ["subjects.id"], name="imports_requested_by_fkey"),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name="imports_territory_fkey"),
        sa.PrimaryKeyConstraint("id", name="imports_pkey"),
        sa.UniqueConstraint("upload_id", name="imports_upload_id_key"),
    )
    op.create_index(
        "imports_open_idx", "imports", ["id"], unique=False, postgresql_where=sa.text("status IN ('queued', 'running')")
    )
    op.create_index("imports_territory_id_idx", "imports", ["territory", "id"], unique=False)
    op.create_table(
        "import_problems",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("column_name", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("detail_fr", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint("severity IN ('blocking', 'advisory')", name="import_problem_severity"),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="import_problems_import_id_fkey"),
        sa.PrimaryKeyConstraint("id", name="import_problems_pkey"),
    )
    op.create_index(
        "import_problems_import_id_line_id_idx", "import_problems", ["import_id", "line", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_table("import_problems")
    op.drop_table("imports")
    op.drop_table("import_lines")
    op.drop_table("import_chunks")
