"""Firms in full: public facts, activities, sites, seats, proceedings; accounts, notes and sizes of territories.

Revision: 2026_11_22_0800, after 2026_11_22_0600.
"""

import re

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0800"
down_revision = "2026_11_22_0600"
branch_labels = None
depends_on = None


IS_SIRET = r"""CREATE FUNCTION is_siret(siret text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN siret ~ '^[0-9]{14}$' AND is_siren(substr(siret, 1, 9)) AND (
    SELECT sum(CASE WHEN place % 2 = 0 THEN digit WHEN digit > 4 THEN 2 * digit - 9 ELSE 2 * digit END) % 10 = 0
        OR (siret ~ '^356000000' AND sum(digit) % 5 = 0)
    FROM (
        SELECT place, substr(siret, place, 1)::integer AS digit
        FROM generate_series(1, 14) AS place
        WHERE siret ~ '^[0-9]{14}$'
    ) AS digits
)
"""

SEARCH_WORDS = r"""CREATE FUNCTION search_words(texts text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_to_tsvector(array_remove(
    regexp_split_to_array(fold(array_to_string(texts, ' ')), '[^[:alnum:]]+'), ''
))
"""

SEARCH_QUERY = r"""CREATE FUNCTION search_query(asked text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT string_agg(concat(word, ':*'), '&')
    FROM unnest(regexp_split_to_array(fold(asked), '[^[:alnum:]]+')) AS word WHERE word <> ''
)::tsquery
"""


# Tables that exist. `firms` is rewritten for its stored column in any case, so that its checks and indexes cost nothing
# more; `territory_firms` holds some hundreds of rows a territory; the partial index of `events` is empty.
NO_MATTER = (
    "constraint-missing-not-valid",
    "adding-foreign-key-constraint",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "adding-field-with-default",
)

ALTERED = (
    "ALTER TABLE events ADD COLUMN topic text",
    "CREATE INDEX events_topic_sequence_idx ON events (topic, sequence) WHERE topic IS NOT NULL",
    """ALTER TABLE firms
    ADD COLUMN trade_names text[] DEFAULT '{}' NOT NULL,
    ADD COLUMN acronym text,
    ADD COLUMN headcount_bracket text,
    ADD COLUMN headcount_year smallint,
    ADD COLUMN insee_category text,
    ADD COLUMN insee_category_year smallint,
    ADD COLUMN founded_on date,
    ADD COLUMN ceased boolean DEFAULT false NOT NULL,
    ADD COLUMN ceased_on date,
    ADD COLUMN diffusion text DEFAULT 'full' NOT NULL,
    ADD COLUMN sole_trader boolean DEFAULT false NOT NULL,
    ADD COLUMN seat_siret text,
    ADD COLUMN source text DEFAULT 'declared' NOT NULL,
    ADD COLUMN source_reference text,
    ADD COLUMN as_of date,
    ADD COLUMN search tsvector
        GENERATED ALWAYS AS (search_words((ARRAY[name, acronym] || trade_names))) STORED,
    ADD CONSTRAINT ceased_on_of_an_active_firm CHECK (ceased OR ceased_on IS NULL),
    ADD CONSTRAINT firm_diffusion CHECK (diffusion IN ('full', 'partial')),
    ADD CONSTRAINT firm_headcount_bracket CHECK (headcount_bracket IN (
        'NN', '00', '01', '02', '03', '11', '12', '21', '22', '31', '32', '41', '42', '51', '52', '53')),
    ADD CONSTRAINT firm_insee_category CHECK (insee_category IN ('pme', 'eti', 'ge')),
    ADD CONSTRAINT firm_source CHECK (source IN ('declared', 'directory', 'sirene')),
    ADD CONSTRAINT firm_seat_is_a_site_of_it FOREIGN KEY (siren, seat_siret) REFERENCES sites (siren, siret)""",
    "CREATE INDEX firms_naf_division_idx ON firms ((naf_version || ':' || substr(naf_code, 1, 2)))",
    "CREATE INDEX firms_search_idx ON firms USING gin (search)",
    "CREATE UNIQUE INDEX firms_seat_siret_idx ON firms (seat_siret) WHERE seat_siret IS NOT NULL",
    """ALTER TABLE territory_firms
    ADD COLUMN eu_size text,
    ADD COLUMN eu_size_evidence_on date,
    ADD COLUMN eu_size_source text,
    ADD COLUMN external_id text,
    ADD CONSTRAINT territory_firms_territory_external_id_key UNIQUE (territory, external_id),
    ADD CONSTRAINT eu_size_without_evidence CHECK (
        (eu_size IS NULL) = (eu_size_evidence_on IS NULL) AND (eu_size IS NULL) = (eu_size_source IS NULL)),
    ADD CONSTRAINT territory_firm_eu_size CHECK (eu_size IN ('micro', 'small', 'medium', 'small_mid_cap', 'large'))""",
)


def upgrade() -> None:
    for routine in (IS_SIRET, SEARCH_WORDS, SEARCH_QUERY):
        op.execute(routine)
    op.create_table(
        "firm_activities",
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("naf_code", sa.Text(), nullable=False),
        sa.Column("naf_version", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(siren::bigint, siren::bigint, '[]')"), "&&"),
            (
                sa.text("int4range((naf_version = 'naf_2025')::integer, (naf_version = 'naf_2025')::integer, '[]')"),
                "&&",
            ),
            (sa.text("daterange(from_on, to_on, '[]')"), "&&"),
            using="gist",
            name="two_activities_at_once",
        ),
        sa.CheckConstraint("naf_code ~ '^[0-9]{2}\\.[0-9]{2}[A-Z]$'", name="firm_activity_naf_code"),
        sa.CheckConstraint("naf_version IN ('naf_rev2', 'naf_2025')", name="firm_activity_naf_version"),
        sa.CheckConstraint("to_on >= from_on", name="activity_period"),
        sa.ForeignKeyConstraint(["siren"], ["firms.siren"], name=op.f("firm_activities_siren_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("firm_activities_pkey")),
    )
    op.create_index(
        op.f("firm_activities_siren_naf_version_from_on_idx"),
        "firm_activities",
        ["siren", "naf_version", "from_on"],
        unique=False,
    )
    op.execute(
        "INSERT INTO firm_activities (siren, naf_code, naf_version) "
        "SELECT siren, naf_code, naf_version FROM firms WHERE naf_code IS NOT NULL"
    )
    op.create_table(
        "firm_owners",
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["siren"], ["firms.siren"], name=op.f("firm_owners_siren_fkey")),
        sa.PrimaryKeyConstraint("siren", name=op.f("firm_owners_pkey")),
    )
    op.create_table(
        "proceedings",
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("court", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), server_default="declared", nullable=False),
        sa.Column("source_reference", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('safeguard', 'reorganisation', 'liquidation')", name="proceeding_kind"),
        sa.CheckConstraint("source IN ('declared', 'directory', 'sirene')", name="proceeding_source"),
        sa.CheckConstraint("closed_on >= opened_on", name="proceeding_closes_before_it_opens"),
        sa.ForeignKeyConstraint(["siren"], ["firms.siren"], name=op.f("proceedings_siren_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("proceedings_pkey")),
        sa.UniqueConstraint("siren", "kind", "opened_on", name=op.f("proceedings_siren_kind_opened_on_key")),
    )
    op.create_index(
        "proceedings_open_idx", "proceedings", ["siren"], unique=False, postgresql_where=sa.text("closed_on IS NULL")
    )
    op.create_table(
        "sites",
        sa.Column("siret", sa.Text(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("insee_code", sa.Text(), nullable=True),
        sa.Column("commune_name", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("naf_code", sa.Text(), nullable=True),
        sa.Column("naf_version", sa.Text(), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("closed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), server_default="declared", nullable=False),
        sa.Column("source_reference", sa.Text(), nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("insee_code ~ '^([0-9]{2}|2[AB])[0-9]{3}$'", name="site_insee_code"),
        sa.CheckConstraint("naf_code ~ '^[0-9]{2}\\.[0-9]{2}[A-Z]$'", name="site_naf_code"),
        sa.CheckConstraint("naf_version IN ('naf_rev2', 'naf_2025')", name="site_naf_version"),
        sa.CheckConstraint("source IN ('declared', 'directory', 'sirene')", name="site_source"),
        sa.CheckConstraint("(naf_code IS NULL) = (naf_version IS NULL)", name="site_naf_code_without_version"),
        sa.CheckConstraint("closed OR closed_on IS NULL", name="closed_on_of_an_open_site"),
        sa.CheckConstraint("closed_on >= opened_on", name="site_closes_before_it_opens"),
        sa.CheckConstraint("is_siret(siret)", name="site_siret"),
        sa.CheckConstraint("siren = substr(siret, 1, 9)", name="siret_of_another_firm"),
        sa.ForeignKeyConstraint(["siren"], ["firms.siren"], name=op.f("sites_siren_fkey")),
        sa.PrimaryKeyConstraint("siret", name=op.f("sites_pkey")),
        sa.UniqueConstraint("siren", "siret", name=op.f("sites_siren_siret_key")),
    )
    op.create_index(
        op.f("sites_insee_code_siren_idx"),
        "sites",
        ["insee_code", "siren"],
        unique=False,
        postgresql_where=sa.text("NOT closed"),
    )
    op.create_table(
        "firm_seats",
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("siret", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["siren", "siret"], ["sites.siren", "sites.siret"], name=op.f("firm_seats_siren_siret_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("firm_seats_pkey")),
    )
    op.create_index(op.f("firm_seats_siren_id_idx"), "firm_seats", ["siren", "id"], unique=False)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON firm_seats "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.create_table(
        "firm_accounts",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("turnover_cents", sa.BigInteger(), nullable=True),
        sa.Column("balance_sheet_cents", sa.BigInteger(), nullable=True),
        sa.Column("headcount", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("source <> ''", name="firm_accounts_source"),
        sa.CheckConstraint("balance_sheet_cents BETWEEN 0 AND 9007199254740991", name="firm_accounts_balance_sheet"),
        sa.CheckConstraint("headcount BETWEEN 0 AND 10000000", name="firm_accounts_headcount"),
        sa.CheckConstraint("turnover_cents BETWEEN 0 AND 9007199254740991", name="firm_accounts_turnover"),
        sa.CheckConstraint("year BETWEEN 1900 AND 2199", name="firm_accounts_year"),
        sa.ForeignKeyConstraint(
            ["territory", "siren"],
            ["territory_firms.territory", "territory_firms.siren"],
            name=op.f("firm_accounts_territory_siren_fkey"),
        ),
        sa.PrimaryKeyConstraint("territory", "siren", "year", name=op.f("firm_accounts_pkey")),
    )
    op.create_table(
        "firm_notes",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("siren", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["territory", "siren"],
            ["territory_firms.territory", "territory_firms.siren"],
            name=op.f("firm_notes_territory_siren_fkey"),
        ),
        sa.PrimaryKeyConstraint("territory", "siren", name=op.f("firm_notes_pkey")),
    )
    ignored = f"-- squawk-ignore {', '.join(NO_MATTER)}\n"
    for statement in ALTERED:
        op.execute(ignored + re.sub("^ *(?=ADD CONSTRAINT|GENERATED)", ignored, statement, flags=re.MULTILINE))


def downgrade() -> None:
    op.drop_constraint("territory_firm_eu_size", "territory_firms", type_="check")
    op.drop_constraint("eu_size_without_evidence", "territory_firms", type_="check")
    op.drop_constraint(op.f("territory_firms_territory_external_id_key"), "territory_firms", type_="unique")
    op.drop_column("territory_firms", "external_id")
    op.drop_column("territory_firms", "eu_size_source")
    op.drop_column("territory_firms", "eu_size_evidence_on")
    op.drop_column("territory_firms", "eu_size")
    op.drop_constraint("firm_source", "firms", type_="check")
    op.drop_constraint("firm_insee_category", "firms", type_="check")
    op.drop_constraint("firm_headcount_bracket", "firms", type_="check")
    op.drop_constraint("firm_diffusion", "firms", type_="check")
    op.drop_constraint("ceased_on_of_an_active_firm", "firms", type_="check")
    op.drop_constraint("firm_seat_is_a_site_of_it", "firms", type_="foreignkey")
    op.drop_index(op.f("firms_seat_siret_idx"), table_name="firms", postgresql_where=sa.text("seat_siret IS NOT NULL"))
    op.drop_index(op.f("firms_search_idx"), table_name="firms", postgresql_using="gin")
    op.drop_index("firms_naf_division_idx", table_name="firms")
    op.drop_column("firms", "search")
    op.drop_column("firms", "as_of")
    op.drop_column("firms", "source_reference")
    op.drop_column("firms", "source")
    op.drop_column("firms", "seat_siret")
    op.drop_column("firms", "sole_trader")
    op.drop_column("firms", "diffusion")
    op.drop_column("firms", "ceased_on")
    op.drop_column("firms", "ceased")
    op.drop_column("firms", "founded_on")
    op.drop_column("firms", "insee_category_year")
    op.drop_column("firms", "insee_category")
    op.drop_column("firms", "headcount_year")
    op.drop_column("firms", "headcount_bracket")
    op.drop_column("firms", "acronym")
    op.drop_column("firms", "trade_names")
    op.drop_index(op.f("events_topic_sequence_idx"), table_name="events", postgresql_where=sa.text("topic IS NOT NULL"))
    op.drop_column("events", "topic")
    op.drop_table("firm_notes")
    op.drop_table("firm_accounts")
    op.drop_index(op.f("firm_seats_siren_id_idx"), table_name="firm_seats")
    op.drop_table("firm_seats")
    op.drop_index(op.f("sites_insee_code_siren_idx"), table_name="sites", postgresql_where=sa.text("NOT closed"))
    op.drop_table("sites")
    op.drop_index("proceedings_open_idx", table_name="proceedings", postgresql_where=sa.text("closed_on IS NULL"))
    op.drop_table("proceedings")
    op.drop_table("firm_owners")
    op.drop_index(op.f("firm_activities_siren_naf_version_from_on_idx"), table_name="firm_activities")
    op.drop_table("firm_activities")
    for routine in ("search_query(text)", "search_words(text[])", "is_siret(text)"):
        op.execute(f"DROP FUNCTION {routine}")
