"""What a firm has spent of an aid is claimed, and settled line by line.

Revision: 2026_11_30_1130, after 2026_11_30_1110.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_1130"
down_revision = "2026_11_30_1110"
branch_labels = None
depends_on = None

INVOICE_KEY = r"""
CREATE FUNCTION invoice_key(number text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN coalesce(
    nullif(ltrim(regexp_replace(fold(number), '[\u0001-/:-@\u005b-`{-\u00bf\u2000-\u206f]+', '', 'g'), '0'), ''),
    "left"(regexp_replace(fold(number), '[\u0001-/:-@\u005b-`{-\u00bf\u2000-\u206f]+', '', 'g'), 1)
)
"""
SUPPLIER_KEY = r"""
CREATE FUNCTION supplier_key(name text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN (
    SELECT coalesce(
        nullif(string_agg(word, '' ORDER BY place) FILTER (WHERE word NOT IN ('sa', 'sas', 'sasu', 'sarl', 'eurl', 'snc', 'sci', 'scop', 'ei', 'eirl', 'gmbh', 'ltd', 'srl', 'spa', 'bv')), ''),
        string_agg(word, '' ORDER BY place), ''
    )
    FROM regexp_split_to_table(regexp_replace(fold(replace(name, '.', '')), '[\u0001-/:-@\u005b-`{-\u00bf\u2000-\u206f]+', ' ', 'g'), ' ')
        WITH ORDINALITY AS words (word, place)
)
"""
GUARD_CLAIM = """
CREATE FUNCTION guard_claim() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE aids SET open_claims = open_claims + 1
        WHERE territory = NEW.territory AND id = NEW.aid_id AND parameters IS NOT NULL
        RETURNING firm_siren INTO NEW.firm_siren;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'held by its amount alone'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'award_without_lines';
        END IF;
        IF NEW.status <> 'submitted' THEN
            RAISE EXCEPTION 'a claim begins submitted'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
        END IF;
        SELECT coalesce(max(number), 0) + 1 INTO NEW.number FROM claims WHERE aid_id = NEW.aid_id;
        RETURN NEW;
    END IF;
    IF (OLD.status, NEW.status) NOT IN (('settled', 'submitted'), ('submitted', 'settled'), ('submitted', 'submitted'), ('submitted', 'withdrawn'))
        OR (OLD.id, OLD.territory, OLD.aid_id, OLD.firm_siren, OLD.number, OLD.submitted_by)
            IS DISTINCT FROM (NEW.id, NEW.territory, NEW.aid_id, NEW.firm_siren, NEW.number, NEW.submitted_by)
        OR NOT NEW.authors @> OLD.authors
        OR (OLD.sample_seed IS NOT NULL AND NEW.sample_seed IS NOT NULL
            AND (OLD.sample_method, OLD.sample_size, OLD.sample_seed)
                IS DISTINCT FROM (NEW.sample_method, NEW.sample_size, NEW.sample_seed))
    THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
    END IF;
    IF (OLD.status = 'submitted') <> (NEW.status = 'submitted') THEN
        UPDATE aids SET open_claims = open_claims + CASE NEW.status WHEN 'submitted' THEN 1 ELSE -1 END
        WHERE id = NEW.aid_id;
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_CLAIM_LINE = """
CREATE FUNCTION guard_claim_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    received date;
    completed date;
    parked record;
    later smallint;
BEGIN
    IF TG_OP <> 'UPDATE' AND EXISTS (
        SELECT FROM claims WHERE id = coalesce(NEW.claim_id, OLD.claim_id) AND sample_seed IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'its lines are drawn' USING ERRCODE = 'check_violation', CONSTRAINT = 'sample_drawn';
    END IF;
    IF TG_OP = 'DELETE' THEN
        IF OLD.status <> 'submitted' THEN
            RAISE EXCEPTION 'it is settled' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.status <> 'submitted' OR TG_OP = 'UPDATE' AND (
        (OLD.status, NEW.status) NOT IN (
            ('submitted', 'submitted'), ('submitted', 'settled'), ('settled', 'submitted'), ('submitted', 'withdrawn')
        )
        OR (OLD.id, OLD.claim_id, OLD.territory, OLD.aid_id, OLD.firm_siren, OLD.line_id, OLD.invoice_number,
            OLD.supplier_siren, OLD.supplier_name, OLD.invoiced_on, OLD.paid_on, OLD.declared_cents, OLD.proof_sha256,
            OLD.returns_id)
            IS DISTINCT FROM
            (NEW.id, NEW.claim_id, NEW.territory, NEW.aid_id, NEW.firm_siren, NEW.line_id, NEW.invoice_number,
            NEW.supplier_siren, NEW.supplier_name, NEW.invoiced_on, NEW.paid_on, NEW.declared_cents, NEW.proof_sha256,
            NEW.returns_id)
    ) THEN
        RAISE EXCEPTION 'no such transition' USING ERRCODE = 'check_violation', CONSTRAINT = 'claim_transition';
    END IF;
    IF TG_OP = 'INSERT' OR NEW.certified_cents > 0 THEN
        SELECT f.received_on, a.completed_on INTO received, completed
        FROM aids a LEFT JOIN applications f ON f.id = a.application_id WHERE a.id = NEW.aid_id;
        IF least(NEW.invoiced_on, NEW.paid_on) < received THEN
            RAISE EXCEPTION 'too early' USING ERRCODE = 'check_violation', CONSTRAINT = 'expense_before_receipt',
                DETAIL = json_build_object('received_on', received);
        END IF;
        IF NEW.invoiced_on > completed THEN
            RAISE EXCEPTION 'too late' USING ERRCODE = 'check_violation', CONSTRAINT = 'expense_after_completion',
                DETAIL = json_build_object('completed_on', completed);
        END IF;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.returns_id IS NOT NULL THEN
        SELECT * INTO parked FROM claim_lines WHERE id = NEW.returns_id FOR NO KEY UPDATE;
        IF parked.aid_id IS DISTINCT FROM NEW.aid_id OR parked.status <> 'settled'
            OR parked.invoice_key <> invoice_key(NEW.invoice_number) OR NEW.declared_cents > parked.parked_cents
        THEN
            RAISE EXCEPTION 'it was not parked' USING ERRCODE = 'check_violation', CONSTRAINT = 'above_parked',
                DETAIL = json_build_object('parked_cents', coalesce(parked.parked_cents, 0));
        END IF;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.status = 'settled' THEN
        SELECT c.number INTO later FROM claim_lines l JOIN claims c ON c.id = l.claim_id
        WHERE l.returns_id = OLD.id AND l.stands;
        IF FOUND THEN
            RAISE EXCEPTION 'it has returned' USING ERRCODE = 'check_violation', CONSTRAINT = 'parked_line_returned',
                DETAIL = json_build_object('number', later);
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""
COUNT_CERTIFIED = """
CREATE FUNCTION count_certified() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM aids WHERE id IN (SELECT aid_id FROM after_it) ORDER BY id FOR NO KEY UPDATE;
    UPDATE aid_lines l SET certified_cents = l.certified_cents + moved.cents
    FROM (
        SELECT n.line_id, sum(n.certified_cents - o.certified_cents) AS cents
        FROM after_it n JOIN before_it o ON o.id = n.id GROUP BY n.line_id
    ) moved
    WHERE l.id = moved.line_id AND moved.cents <> 0;
    UPDATE aids a SET certified_cents = a.certified_cents + moved.cents
    FROM (
        SELECT n.aid_id, sum(n.certified_cents - o.certified_cents) AS cents
        FROM after_it n JOIN before_it o ON o.id = n.id GROUP BY n.aid_id
    ) moved
    WHERE a.id = moved.aid_id AND moved.cents <> 0;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    for function in (INVOICE_KEY, SUPPLIER_KEY, GUARD_CLAIM, GUARD_CLAIM_LINE, COUNT_CERTIFIED):
        op.execute(function)
    op.create_table(
        "claims",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("aid_id", sa.Uuid(), nullable=False),
        sa.Column("firm_siren", sa.Text(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="submitted", nullable=False),
        sa.Column("authors", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=False),
        sa.Column("sample_method", sa.Text(), nullable=True),
        sa.Column("sample_size", sa.SmallInteger(), nullable=True),
        sa.Column("sample_seed", sa.Text(), nullable=True),
        sa.Column("sampled_by", sa.Uuid(), nullable=True),
        sa.Column("sampled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checklist", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("visited_on", sa.Date(), nullable=True),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("settled_by", sa.Uuid(), nullable=True),
        sa.Column("settler_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_by", sa.Uuid(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopen_reason", sa.Text(), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawal_reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(sample_method, sample_size, sample_seed, sampled_by, sampled_at) IN (0, 5) AND sample_method IN ('random', 'monetary_unit') AND sample_size >= 1 AND sample_seed ~ '^[0-9a-f]{16}$'",
            name="claim_sample",
        ),
        sa.CheckConstraint(
            "num_nonnulls(settled_by, settled_on, settled_at) = CASE status WHEN 'settled' THEN 3 ELSE 0 END AND (status = 'settled' OR num_nonnulls(checklist, visited_on) = 0) AND jsonb_typeof(checklist) = 'array'",
            name="claim_settled",
        ),
        sa.CheckConstraint(
            "num_nonnulls(withdrawn_by, withdrawn_at, withdrawal_reason) = CASE status WHEN 'withdrawn' THEN 3 ELSE 0 END",
            name="claim_withdrawn",
        ),
        sa.CheckConstraint("settler_kind = 'person'", name="claim_settler_kind"),
        sa.CheckConstraint("status IN ('submitted', 'settled', 'withdrawn')", name="claim_status"),
        sa.CheckConstraint("num_nonnulls(reopened_by, reopened_at, reopen_reason) IN (0, 3)", name="claim_reopened"),
        sa.CheckConstraint("number >= 1", name="claim_number"),
        sa.CheckConstraint("settled_by <> ALL (authors)", name="separation_of_duties"),
        sa.ForeignKeyConstraint(["reopened_by"], ["subjects.id"], name=op.f("claims_reopened_by_fkey")),
        sa.ForeignKeyConstraint(["sampled_by"], ["subjects.id"], name=op.f("claims_sampled_by_fkey")),
        sa.ForeignKeyConstraint(
            ["settled_by", "settler_kind"], ["subjects.id", "subjects.kind"], name="claim_settled_by_a_person"
        ),
        sa.ForeignKeyConstraint(["submitted_by"], ["subjects.id"], name=op.f("claims_submitted_by_fkey")),
        sa.ForeignKeyConstraint(["territory", "aid_id"], ["aids.territory", "aids.id"], name="claims_aid_fkey"),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["subjects.id"], name=op.f("claims_withdrawn_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("claims_pkey")),
        sa.UniqueConstraint("aid_id", "number", name="claims_number_key"),
        sa.UniqueConstraint("id", "territory", "aid_id", "firm_siren", "status", name="claims_lines_key"),
    )
    op.create_index(
        "claims_external_id_key",
        "claims",
        ["territory", "external_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'withdrawn'"),
    )
    op.create_index(op.f("claims_territory_status_idx"), "claims", ["territory", "status"], unique=False)
    op.create_table(
        "claim_lines",
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("aid_id", sa.Uuid(), nullable=False),
        sa.Column("firm_siren", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="submitted", nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_number", sa.Text(), nullable=False),
        sa.Column("invoice_key", sa.Text(), sa.Computed("invoice_key(invoice_number)", persisted=True), nullable=False),
        sa.Column("supplier_siren", sa.Text(), nullable=True),
        sa.Column("supplier_name", sa.Text(), nullable=True),
        sa.Column("supplier_key", sa.Text(), sa.Computed("supplier_key(supplier_name)", persisted=True), nullable=True),
        sa.Column("invoiced_on", sa.Date(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("declared_cents", sa.BigInteger(), nullable=False),
        sa.Column("proof_sha256", sa.Text(), nullable=True),
        sa.Column("returns_id", sa.Uuid(), nullable=True),
        sa.Column("sampled", sa.Boolean(), nullable=True),
        sa.Column("certified_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("parked_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("not_eligible_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("not_paid_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("out_of_period_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("double_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("over_line_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("no_proof_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column(
            "stands",
            sa.Boolean(),
            sa.Computed(
                "CASE status WHEN 'submitted' THEN true WHEN 'settled' THEN certified_cents + parked_cents > 0 ELSE false END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("textrange(firm_siren, firm_siren, '[]')"), "&&"),
            (sa.text("textrange(invoice_key, invoice_key, '[]')"), "&&"),
            (sa.text("textrange(supplier_key, supplier_key, '[]')"), "&&"),
            (sa.text("textrange(supplier_siren, supplier_siren, '[]')"), "&&"),
            where=sa.text("stands AND returns_id IS NULL AND supplier_key IS NOT NULL"),
            using="gist",
            name="invoice_already_claimed_by_name",
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'settled' THEN declared_cents ELSE 0 END = certified_cents + parked_cents + not_eligible_cents + not_paid_cents + out_of_period_cents + double_cents + over_line_cents + no_proof_cents",
            name="settlement_unbalanced",
        ),
        sa.CheckConstraint("invoice_key <> '' AND supplier_key <> ''", name="claim_line_keys"),
        sa.CheckConstraint("proof_sha256 ~ '^[0-9a-f]{64}$'", name="claim_line_proof"),
        sa.CheckConstraint("status IN ('submitted', 'settled', 'withdrawn')", name="claim_line_status"),
        sa.CheckConstraint(
            "declared_cents > 0 AND certified_cents >= 0 AND parked_cents >= 0 AND not_eligible_cents >= 0 AND not_paid_cents >= 0 AND out_of_period_cents >= 0 AND double_cents >= 0 AND over_line_cents >= 0 AND no_proof_cents >= 0",
            name="claim_line_amounts",
        ),
        sa.CheckConstraint("is_siren(supplier_siren)", name="claim_line_supplier_siren"),
        sa.CheckConstraint("num_nonnulls(supplier_siren, supplier_name) > 0", name="claim_line_supplier"),
        sa.CheckConstraint("position >= 1", name="claim_line_position"),
        sa.ForeignKeyConstraint(
            ["aid_id", "line_id"], ["aid_lines.aid_id", "aid_lines.id"], name="claim_lines_line_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["claim_id", "territory", "aid_id", "firm_siren", "status"],
            ["claims.id", "claims.territory", "claims.aid_id", "claims.firm_siren", "claims.status"],
            name="claim_lines_claim_fkey",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(["returns_id"], ["claim_lines.id"], name="claim_lines_returns_fkey"),
        sa.PrimaryKeyConstraint("id", name=op.f("claim_lines_pkey")),
        sa.UniqueConstraint("claim_id", "position", name="claim_lines_position_key"),
    )
    op.create_index(op.f("claim_lines_aid_id_line_id_idx"), "claim_lines", ["aid_id", "line_id"], unique=False)
    op.create_index(
        "claim_lines_standing_idx",
        "claim_lines",
        ["firm_siren", "invoice_key"],
        unique=False,
        postgresql_where=sa.text("stands"),
    )
    op.create_index(
        "invoice_already_claimed",
        "claim_lines",
        ["firm_siren", "invoice_key", "supplier_siren"],
        unique=True,
        postgresql_where=sa.text("stands AND returns_id IS NULL AND supplier_siren IS NOT NULL"),
    )
    op.create_index(
        "parked_line_returns_once", "claim_lines", ["returns_id"], unique=True, postgresql_where=sa.text("stands")
    )

    for table, acts in (("claims", "INSERT OR UPDATE"), ("claim_lines", "INSERT OR UPDATE OR DELETE")):
        op.execute(
            f"CREATE TRIGGER guard BEFORE {acts} ON {table} FOR EACH ROW EXECUTE FUNCTION guard_{table.removesuffix('s')}()"
        )
    op.execute(
        "CREATE TRIGGER count_certified AFTER UPDATE ON claim_lines REFERENCING OLD TABLE AS before_it"
        " NEW TABLE AS after_it FOR EACH STATEMENT EXECUTE FUNCTION count_certified()"
    )
    for table, refused in (("claims", "DELETE OR TRUNCATE"), ("claim_lines", "TRUNCATE")):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE {refused} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("claim_lines")
    op.drop_table("claims")
    for function in (
        "guard_claim()", "guard_claim_line()", "count_certified()", "invoice_key(text)", "supplier_key(text)",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}")
