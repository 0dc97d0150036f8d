"""Aid schemes are data, each with dated parameters; the first is Rebond industriel.

Revision: 2026_11_30_0800, after 2026_11_30_0760.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint

revision = "2026_11_30_0800"
down_revision = "2026_11_30_0760"
branch_labels = None
depends_on = None

SCHEME_FUNCTION = """
CREATE FUNCTION scheme_in_use() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rests boolean;
BEGIN
    PERFORM FROM schemes WHERE ctid = OLD.ctid FOR UPDATE;
    rests := OLD.valid_from_on <= (timezone('Europe/Paris', now()))::date AND (
        (OLD.code, OLD.valid_from_on) IS DISTINCT FROM (NEW.code, NEW.valid_from_on)
        OR OLD.valid_until_on IS DISTINCT FROM NEW.valid_until_on
            AND NEW.valid_until_on < (timezone('Europe/Paris', now()))::date
    );
    IF rests THEN
        RAISE EXCEPTION 'a sealed act rests on this row'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'scheme_in_use';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
SCHEME = (
    "CREATE TRIGGER scheme_in_use BEFORE UPDATE OF code, valid_from_on, valid_until_on OR DELETE ON schemes"
    " FOR EACH ROW EXECUTE FUNCTION scheme_in_use()"
)
PARAMETER_FUNCTION = """
CREATE FUNCTION parameter_in_use() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    rests boolean;
BEGIN
    PERFORM FROM scheme_parameters WHERE ctid = OLD.ctid FOR UPDATE;
    rests := OLD.valid_from_on <= (timezone('Europe/Paris', now()))::date AND (
        (OLD.scheme, OLD.name, OLD.value, OLD.valid_from_on) IS DISTINCT FROM (NEW.scheme, NEW.name, NEW.value, NEW.valid_from_on)
        OR OLD.valid_until_on IS DISTINCT FROM NEW.valid_until_on
            AND NEW.valid_until_on < (timezone('Europe/Paris', now()))::date
    );
    IF rests THEN
        RAISE EXCEPTION 'a sealed act rests on this row'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'parameter_in_use';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""
PARAMETER = (
    "CREATE TRIGGER parameter_in_use BEFORE UPDATE OF scheme, name, value, valid_from_on, valid_until_on OR DELETE ON scheme_parameters"
    " FOR EACH ROW EXECUTE FUNCTION parameter_in_use()"
)
# The programme opened on 1 August 2022.
REBOND = """
INSERT INTO schemes (code, name, legal_basis, valid_from_on, created_at, updated_at) VALUES
    ('rebond_industriel', 'Rebond industriel',
     'Appel Rebond industriel (France 2030) ; loi n° 2010-237, art. 8 ; à défaut, décret n° 2018-514',
     '2022-08-01', now(), now())
"""
PARAMETERS = """
INSERT INTO scheme_parameters (scheme, name, value, valid_from_on, source, created_at, updated_at)
SELECT 'rebond_industriel', name, value::jsonb, '2022-08-01', source, now(), now()
FROM (VALUES
    ('minimum_base_cents', '40000000', 'Bpifrance, appel Rebond industriel : coût minimal d''un projet'),
    ('maximum_months', '24', 'Bpifrance, appel Rebond industriel : projets réalisables en deux ans'),
    ('admissibility_months', '2', 'Décret n° 2018-514, art. 4'),
    ('decision_months', '8', 'Décret n° 2018-514, art. 7 et 8'),
    ('clocks_stop', 'true', 'CRPA, art. L. 114-5 et L. 114-5-1'),
    ('admissibility_clock', '"suspends"', 'Pratique des préfectures ; CRPA, art. L. 114-5, si le délai repart'),
    ('start_months', '24', 'Décret n° 2018-514, art. 11'),
    ('start_extension_months', '12', 'Décret n° 2018-514, art. 11'),
    ('completion_statement_months', '12', 'Décret n° 2018-514, art. 13'),
    ('advance_payment_bp', '3000', 'Décret n° 2018-514, art. 12'),
    ('advance_payment_guaranteed_bp', '6000', 'Décret n° 2018-514, art. 12'),
    ('paid_before_completion_bp', '8000', 'Décret n° 2018-514, art. 12'),
    ('paid_before_completion_long_bp', '9000', 'Décret n° 2018-514, art. 12'),
    ('long_project_months', '48', 'Décret n° 2018-514, art. 12'),
    ('agreement_above_cents', '2300000', 'Loi n° 2000-321, art. 10 ; décret n° 2001-495, art. 1'),
    ('certificate_days', '180', 'Usage à confirmer par la convention'),
    ('maintenance_months', '60', 'Règlement (UE) n° 651/2014, art. 14, § 5 ; à confirmer par la convention'),
    ('maintenance_sme_months', '36', 'Règlement (UE) n° 651/2014, art. 14, § 5 ; à confirmer par la convention'),
    ('jobs_report_months', '[12, 36]', 'Usage à confirmer par la convention')
) AS shipped (name, value, source)
"""


def upgrade() -> None:
    op.create_table(
        "schemes",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("valid_from_on", sa.Date(), nullable=False),
        sa.Column("valid_until_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9]*(_[a-z0-9]+)*$' AND length(code) <= 40", name="scheme_code"),
        sa.CheckConstraint("valid_until_on >= valid_from_on", name="scheme_period"),
        sa.PrimaryKeyConstraint("code", name=op.f("schemes_pkey")),
    )
    op.create_table(
        "scheme_parameters",
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", JSONB(), nullable=False),
        sa.Column("valid_from_on", sa.Date(), nullable=False),
        sa.Column("valid_until_on", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "name ~ '^[a-z][a-z0-9]*(_[a-z0-9]+)*$' AND length(name) <= 40", name="scheme_parameter_name"
        ),
        sa.CheckConstraint(
            "jsonb_typeof(value) IN ('number', 'boolean', 'string', 'array')", name="scheme_parameter_value"
        ),
        sa.CheckConstraint("valid_until_on >= valid_from_on", name="scheme_parameter_period"),
        ExcludeConstraint(
            (sa.func.textrange(sa.text("scheme"), sa.text("scheme"), sa.text("'[]'")), "&&"),
            (sa.func.textrange(sa.text("name"), sa.text("name"), sa.text("'[]'")), "&&"),
            (sa.func.daterange(sa.text("valid_from_on"), sa.text("valid_until_on"), sa.text("'[]'")), "&&"),
            name="parameters_overlap",
            using="gist",
        ),
        sa.ForeignKeyConstraint(["scheme"], ["schemes.code"], name=op.f("scheme_parameters_scheme_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("scheme_parameters_pkey")),
    )
    op.create_index(
        op.f("scheme_parameters_scheme_name_valid_from_on_idx"),
        "scheme_parameters",
        ["scheme", "name", "valid_from_on"],
    )
    for statement in (REBOND, PARAMETERS, SCHEME_FUNCTION, SCHEME, PARAMETER_FUNCTION, PARAMETER):
        op.execute(statement)


def downgrade() -> None:
    for table, function in (("scheme_parameters", "parameter_in_use"), ("schemes", "scheme_in_use")):
        op.drop_table(table)
        op.execute(f"DROP FUNCTION {function}")
