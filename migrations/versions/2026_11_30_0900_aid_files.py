"""Aid files: the file, its lines, documents and review, and its acts.

Revision: 2026_11_30_0900, after 2026_11_30_0821.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_0900"
down_revision = "2026_11_30_0821"
branch_labels = None
depends_on = None

GUARD_APPLICATION = """
CREATE FUNCTION guard_application() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'draft' AND (
        TG_OP = 'DELETE'
        OR (OLD.territory, OLD.project_id, OLD.firm_siren, OLD.scheme, OLD.requested_grant_cents,
            OLD.requested_advance_cents, OLD.base_cents, OLD.planned_start_on, OLD.planned_end_on, OLD.refiles_id,
            OLD.external_id, OLD.received_at)
            IS DISTINCT FROM
            (NEW.territory, NEW.project_id, NEW.firm_siren, NEW.scheme, NEW.requested_grant_cents,
            NEW.requested_advance_cents, NEW.base_cents, NEW.planned_start_on, NEW.planned_end_on, NEW.refiles_id,
            NEW.external_id, NEW.received_at)
    ) THEN
        RAISE EXCEPTION 'the file was submitted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_not_a_draft';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
GUARD_APPLICATION_LINE = """
CREATE FUNCTION guard_application_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM applications WHERE id IN (NEW.application_id, OLD.application_id) ORDER BY id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM applications WHERE id IN (NEW.application_id, OLD.application_id) AND state <> 'draft'
    ) THEN
        RAISE EXCEPTION 'the file was submitted'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_not_a_draft';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
CHECK_APPLICATION_BASE = """
CREATE FUNCTION check_application_base() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row jsonb := to_jsonb(coalesce(NEW, OLD));
    file uuid := row ->> CASE TG_TABLE_NAME WHEN 'applications' THEN 'id' ELSE 'application_id' END;
BEGIN
    IF EXISTS (
        SELECT FROM applications a WHERE a.id = file AND a.base_cents <> (
            SELECT coalesce(sum(l.amount_cents), 0) FROM application_lines l
            WHERE l.application_id = a.id AND l.kind <> 'not_eligible'
        )
    ) THEN
        RAISE EXCEPTION 'the base is not what the lines come to'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_base_of_lines';
    END IF;
    RETURN NULL;
END
$$
"""
TRIGGERS = (
    "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON applications FOR EACH ROW EXECUTE FUNCTION guard_application()",
    (
        "CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON application_lines"
        " FOR EACH ROW EXECUTE FUNCTION guard_application_line()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER check_base AFTER INSERT OR UPDATE OF base_cents ON applications"
        " DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION check_application_base()"
    ),
    (
        "CREATE CONSTRAINT TRIGGER check_base AFTER INSERT OR UPDATE OR DELETE ON application_lines"
        " DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION check_application_base()"
    ),
    "CREATE TRIGGER append_only BEFORE TRUNCATE ON applications FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    (
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON application_passages"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
)


def upgrade() -> None:
    op.create_table(
        "applications",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("firm_siren", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("requested_grant_cents", sa.BigInteger(), nullable=False),
        sa.Column("requested_advance_cents", sa.BigInteger(), nullable=False),
        sa.Column("base_cents", sa.BigInteger(), nullable=False),
        sa.Column("planned_start_on", sa.Date(), nullable=False),
        sa.Column("planned_end_on", sa.Date(), nullable=False),
        sa.Column("refiles_id", sa.Uuid(), nullable=True),
        sa.Column("refiles_ended", sa.Boolean(), server_default="true", nullable=False),
        sa.Column(
            "refilable",
            sa.Boolean(),
            sa.Computed(
                "state = ANY (ARRAY['inadmissible'::text, 'rejected'::text, 'implicitly_rejected'::text])",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default="draft", nullable=False),
        sa.Column("passage_number", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("acknowledged_on", sa.Date(), nullable=True),
        sa.Column("acknowledgement_reference", sa.Text(), nullable=True),
        sa.Column("found_admissible", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("extended_until_on", sa.Date(), nullable=True),
        sa.Column("admissibility_ends_on", sa.Date(), nullable=True),
        sa.Column("decision_ends_on", sa.Date(), nullable=True),
        sa.Column(
            "silence_on",
            sa.Date(),
            sa.Computed(
                "CASE WHEN state = ANY (ARRAY['submitted'::text, 'incomplete'::text]) AND NOT found_admissible"
                " THEN LEAST(admissibility_ends_on, decision_ends_on) + 1"
                " WHEN state = ANY (ARRAY['submitted'::text, 'incomplete'::text, 'admissible'::text,"
                " 'deemed_admissible'::text, 'under_review'::text, 'pre_selected'::text, 'deferred'::text])"
                " THEN decision_ends_on + 1 ELSE NULL::date END",
                persisted=True,
            ),
            nullable=True,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(state = 'draft') = (passage_number IS NULL)", name="application_draft"),
        sa.CheckConstraint(
            "(state = 'draft') = (received_at IS NULL)"
            " AND received_on IS NOT DISTINCT FROM (timezone('Europe/Paris', received_at))::date",
            name="application_received",
        ),
        sa.CheckConstraint(
            "CASE WHEN state = 'draft' THEN num_nonnulls(acknowledged_on, admissibility_ends_on,"
            " decision_ends_on) = 0 ELSE num_nulls(acknowledged_on, admissibility_ends_on,"
            " decision_ends_on) = 0 END",
            name="application_clocks",
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'incomplete', 'admissible', 'deemed_admissible',"
            " 'inadmissible', 'under_review', 'pre_selected', 'deferred', 'granted', 'rejected',"
            " 'implicitly_rejected', 'withdrawn')",
            name="application_state",
        ),
        sa.CheckConstraint("acknowledged_on >= received_on", name="application_acknowledged"),
        sa.CheckConstraint("base_cents >= 0", name="application_base"),
        sa.CheckConstraint("planned_end_on >= planned_start_on", name="application_planned"),
        sa.CheckConstraint("refiles_ended", name="application_refiles_ended"),
        sa.CheckConstraint(
            "requested_grant_cents BETWEEN 0 AND 1000000000000 AND requested_advance_cents BETWEEN 0"
            " AND 1000000000000 AND requested_grant_cents + requested_advance_cents > 0",
            name="application_requested",
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "firm_siren"],
            ["project_holders.project_id", "project_holders.firm_siren"],
            name="applications_project_firm_fkey",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["refiles_id", "project_id", "firm_siren", "refiles_ended"],
            ["applications.id", "applications.project_id", "applications.firm_siren", "applications.refilable"],
            name="applications_refiles_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "project_id"],
            ["projects.territory", "projects.id"],
            name="applications_territory_project_id_fkey",
        ),
        sa.ForeignKeyConstraint(["scheme"], ["schemes.code"], name="applications_scheme_fkey"),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name="applications_territory_fkey"),
        sa.PrimaryKeyConstraint("id", name="applications_pkey"),
        sa.UniqueConstraint("id", "project_id", "firm_siren", "refilable", name="applications_refiled_key"),
        sa.UniqueConstraint("territory", "external_id", name="applications_territory_external_id_key"),
        sa.UniqueConstraint("territory", "id", name="applications_territory_id_key"),
    )
    op.create_index("applications_firm_siren_idx", "applications", ["firm_siren"])
    op.create_index(
        "applications_open_key",
        "applications",
        ["project_id", "firm_siren"],
        unique=True,
        postgresql_where=sa.text(
            "state IN ('draft', 'submitted', 'incomplete', 'admissible', 'deemed_admissible',"
            " 'under_review', 'pre_selected', 'deferred')"
        ),
    )
    op.create_index("applications_project_id_idx", "applications", ["project_id"])
    op.create_index(
        "applications_refiles_id_idx",
        "applications",
        ["refiles_id"],
        postgresql_where=sa.text("refiles_id IS NOT NULL"),
    )
    op.create_index(
        "applications_silence_on_idx",
        "applications",
        ["silence_on", "id"],
        postgresql_where=sa.text("silence_on IS NOT NULL"),
    )
    op.create_index("applications_territory_received_on_idx", "applications", ["territory", "received_on"])
    op.create_index("applications_territory_state_idx", "applications", ["territory", "state"])
    op.create_index("applications_territory_updated_at_idx", "applications", ["territory", "updated_at"])
    op.create_table(
        "application_lines",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("quote_reference", sa.Text(), nullable=True),
        sa.Column("ordered_on", sa.Date(), nullable=True),
        sa.Column("preliminary", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint(
            "kind IN ('tangible_asset', 'intangible_asset', 'not_eligible')", name="application_line_kind"
        ),
        sa.CheckConstraint("label <> ''", name="application_line_label"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 1000000000000", name="application_line_amount"),
        sa.CheckConstraint("position >= 1", name="application_line_position"),
        sa.ForeignKeyConstraint(
            ["territory", "application_id"],
            ["applications.territory", "applications.id"],
            name="application_lines_territory_application_id_fkey",
        ),
        sa.PrimaryKeyConstraint("application_id", "position", name="application_lines_pkey"),
        sa.UniqueConstraint(
            "application_id",
            "label",
            "quote_reference",
            name="application_lines_key",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "application_documents",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("valid_until_on", sa.Date(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('form', 'financing_plan', 'quote', 'bank_details', 'accounts', 'tax_certificate',"
            " 'social_certificate', 'organisation_chart', 'de_minimis_statement', 'co_funder_letter',"
            " 'other')",
            name="application_document_kind",
        ),
        sa.CheckConstraint("name <> '' AND location <> ''", name="application_document_name"),
        sa.CheckConstraint(
            "received_on <= (timezone('Europe/Paris', created_at))::date", name="application_document_future"
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="application_document_sha256"),
        sa.CheckConstraint("size_bytes >= 1", name="application_document_size"),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name="application_documents_recorded_by_fkey"),
        sa.ForeignKeyConstraint(
            ["territory", "application_id"],
            ["applications.territory", "applications.id"],
            name="application_documents_territory_application_id_fkey",
        ),
        sa.PrimaryKeyConstraint("id", name="application_documents_pkey"),
        sa.UniqueConstraint("application_id", "sha256", name="application_documents_sha256_key"),
    )
    op.create_table(
        "application_reviews",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=False),
        sa.Column("rating", sa.SmallInteger(), nullable=True),
        sa.Column("recommended_grant_cents", sa.BigInteger(), nullable=False),
        sa.Column("recommended_advance_cents", sa.BigInteger(), nullable=False),
        sa.Column("kyc", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("completed_on", sa.Date(), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("author_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("authors", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("author_kind = 'person' AND author_id = ANY (authors)", name="application_review_author"),
        sa.CheckConstraint(
            "completed_on <= (timezone('Europe/Paris', updated_at))::date", name="application_review_future"
        ),
        sa.CheckConstraint("kyc IN ('clear', 'alert', 'refused')", name="application_review_kyc"),
        sa.CheckConstraint("opinion IN ('favourable', 'reserved', 'unfavourable')", name="application_review_opinion"),
        sa.CheckConstraint("rating BETWEEN 1 AND 5", name="application_review_rating"),
        sa.CheckConstraint(
            "recommended_grant_cents BETWEEN 0 AND 1000000000000 AND recommended_advance_cents BETWEEN 0"
            " AND 1000000000000",
            name="application_review_recommended",
        ),
        sa.ForeignKeyConstraint(
            ["author_id", "author_kind"], ["subjects.id", "subjects.kind"], name="application_reviewed_by_a_person"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "application_id"],
            ["applications.territory", "applications.id"],
            name="application_reviews_territory_application_id_fkey",
        ),
        sa.PrimaryKeyConstraint("application_id", name="application_reviews_pkey"),
    )
    op.create_table(
        "application_passages",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("previous_number", sa.Integer(), nullable=True),
        sa.Column("reverses_number", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("kinds", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("indispensable", sa.Boolean(), nullable=True),
        sa.Column("given_until_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(act = 'reverse_silence') = (reverses_number IS NOT NULL) AND reverses_number < number"
            " AND (NOT act IN ('declare_inadmissible', 'extend', 'withdraw') OR reason IS NOT NULL)"
            " AND (act = 'request_documents') = (given_until_on IS NOT NULL)"
            " AND (act = 'request_documents') = (indispensable IS NOT NULL)"
            " AND (act = 'request_documents') = (kinds IS NOT NULL)"
            " AND (act = 'extend') = (until_on IS NOT NULL)",
            name="application_passage_members",
        ),
        sa.CheckConstraint(
            "(act, from_state, to_state) IN (('submit', 'draft', 'submitted'), ('acknowledge', 'incomplete',"
            " 'incomplete'), ('acknowledge', 'submitted', 'submitted'), ('request_documents', 'submitted',"
            " 'incomplete'), ('request_documents', 'under_review', 'incomplete'), ('complete', 'incomplete',"
            " 'submitted'), ('complete', 'incomplete', 'under_review'), ('admit', 'incomplete',"
            " 'admissible'), ('admit', 'submitted', 'admissible'), ('declare_inadmissible', 'incomplete',"
            " 'inadmissible'), ('declare_inadmissible', 'submitted', 'inadmissible'), ('open_review',"
            " 'admissible', 'under_review'), ('open_review', 'deemed_admissible', 'under_review'),"
            " ('open_review', 'deferred', 'under_review'), ('open_review', 'pre_selected', 'under_review'),"
            " ('extend', 'admissible', 'admissible'), ('extend', 'deemed_admissible', 'deemed_admissible'),"
            " ('extend', 'deferred', 'deferred'), ('extend', 'incomplete', 'incomplete'), ('extend',"
            " 'pre_selected', 'pre_selected'), ('extend', 'submitted', 'submitted'), ('extend',"
            " 'under_review', 'under_review'), ('withdraw', 'admissible', 'withdrawn'), ('withdraw',"
            " 'deemed_admissible', 'withdrawn'), ('withdraw', 'deferred', 'withdrawn'), ('withdraw',"
            " 'incomplete', 'withdrawn'), ('withdraw', 'pre_selected', 'withdrawn'), ('withdraw',"
            " 'submitted', 'withdrawn'), ('withdraw', 'under_review', 'withdrawn'), ('silence_admits',"
            " 'incomplete', 'deemed_admissible'), ('silence_admits', 'submitted', 'deemed_admissible'),"
            " ('silence_rejects', 'admissible', 'implicitly_rejected'), ('silence_rejects',"
            " 'deemed_admissible', 'implicitly_rejected'), ('silence_rejects', 'deferred',"
            " 'implicitly_rejected'), ('silence_rejects', 'incomplete', 'implicitly_rejected'),"
            " ('silence_rejects', 'pre_selected', 'implicitly_rejected'), ('silence_rejects', 'submitted',"
            " 'implicitly_rejected'), ('silence_rejects', 'under_review', 'implicitly_rejected'),"
            " ('reverse_silence', 'deemed_admissible', 'incomplete'), ('reverse_silence',"
            " 'deemed_admissible', 'submitted'), ('reverse_silence', 'implicitly_rejected', 'admissible'),"
            " ('reverse_silence', 'implicitly_rejected', 'deemed_admissible'), ('reverse_silence',"
            " 'implicitly_rejected', 'deferred'), ('reverse_silence', 'implicitly_rejected', 'incomplete'),"
            " ('reverse_silence', 'implicitly_rejected', 'pre_selected'), ('reverse_silence',"
            " 'implicitly_rejected', 'submitted'), ('reverse_silence', 'implicitly_rejected',"
            " 'under_review'))",
            name="application_passage_transition",
        ),
        sa.CheckConstraint(
            "CASE WHEN number = 1 THEN from_state = 'draft' AND previous_number IS NULL ELSE number > 1"
            " AND previous_number = number - 1 END",
            name="application_passage_number",
        ),
        sa.CheckConstraint(
            "effective_on <= (timezone('Europe/Paris', recorded_at))::date", name="application_passage_future"
        ),
        sa.CheckConstraint("given_until_on >= effective_on", name="application_passage_given_until"),
        sa.ForeignKeyConstraint(
            ["application_id", "previous_number", "from_state"],
            ["application_passages.application_id", "application_passages.number", "application_passages.to_state"],
            name="application_passages_previous_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["application_id", "reverses_number"],
            ["application_passages.application_id", "application_passages.number"],
            name="application_passages_reverses_fkey",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name="application_passages_recorded_by_fkey"),
        sa.ForeignKeyConstraint(
            ["territory", "application_id"],
            ["applications.territory", "applications.id"],
            name="application_passages_territory_application_id_fkey",
        ),
        sa.PrimaryKeyConstraint("application_id", "number", name="application_passages_pkey"),
        sa.UniqueConstraint("application_id", "number", "to_state", name="application_passages_chain_key"),
        sa.UniqueConstraint("application_id", "reverses_number", name="application_passages_reverses_key"),
    )
    op.create_foreign_key(
        "applications_state_fkey",
        "applications",
        "application_passages",
        ["id", "passage_number", "state"],
        ["application_id", "number", "to_state"],
        deferrable=True,
        initially="DEFERRED",
    )
    for statement in (GUARD_APPLICATION, GUARD_APPLICATION_LINE, CHECK_APPLICATION_BASE, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_constraint("applications_state_fkey", "applications", type_="foreignkey")
    for table in ("passages", "reviews", "documents", "lines"):
        op.drop_table(f"application_{table}")
    op.drop_table("applications")
    for function in ("guard_application", "guard_application_line", "check_application_base"):
        op.execute(f"DROP FUNCTION {function}()")
