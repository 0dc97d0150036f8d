"""A schedule is kept in versions: each is made by an act, and never changes.

Revision: 2026_11_30_1810, after 2026_11_30_1809.
"""

from alembic import op

revision = "2026_11_30_1810"
down_revision = "2026_11_30_1809"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE advance_versions (
        territory TEXT NOT NULL,
        advance_id UUID NOT NULL,
        number INTEGER NOT NULL,
        from_on DATE NOT NULL,
        cause TEXT NOT NULL,
        outstanding_cents BIGINT NOT NULL,
        lines SMALLINT NOT NULL,
        waived_cents BIGINT DEFAULT '0' NOT NULL,
        capitalised_cents BIGINT DEFAULT '0' NOT NULL,
        carried_interest_cents BIGINT DEFAULT '0' NOT NULL,
        carried_fees_cents BIGINT DEFAULT '0' NOT NULL,
        carried_late_interest_cents BIGINT,
        act_id UUID,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        made_by UUID,
        id UUID DEFAULT uuidv7() NOT NULL,
        CONSTRAINT advance_versions_pkey PRIMARY KEY (id),
        CONSTRAINT advance_versions_advance_fkey FOREIGN KEY(territory, advance_id) REFERENCES advances
            (territory, id),
        CONSTRAINT advance_versions_number_key UNIQUE (advance_id, number),
        CONSTRAINT advance_version_cause CHECK (cause IN ('agreement', 'tranche', 'amendment',
            'early_repayment', 'reduction', 'waiver', 'acceleration', 'plan', 'replay')),
        CONSTRAINT advance_version_amounts CHECK (number >= 1 AND least(outstanding_cents, lines, waived_cents,
            capitalised_cents, carried_interest_cents, carried_fees_cents, carried_late_interest_cents) >= 0),
        CONSTRAINT advance_versions_made_by_fkey FOREIGN KEY(made_by) REFERENCES subjects (id)
    )
    """,
    """
    CREATE TABLE advance_lines (
        version_id UUID NOT NULL,
        position SMALLINT NOT NULL,
        due_on DATE NOT NULL,
        principal_cents BIGINT NOT NULL,
        interest_cents BIGINT DEFAULT '0' NOT NULL,
        capitalised_cents BIGINT DEFAULT '0' NOT NULL,
        fees_cents BIGINT DEFAULT '0' NOT NULL,
        late_interest_cents BIGINT DEFAULT '0' NOT NULL,
        kept BOOLEAN DEFAULT 'false' NOT NULL,
        CONSTRAINT advance_lines_pkey PRIMARY KEY (version_id, position),
        CONSTRAINT advance_line_amounts CHECK (position >= 1 AND least(principal_cents, interest_cents,
            capitalised_cents, fees_cents, late_interest_cents) >= 0),
        CONSTRAINT advance_line_due_on CHECK (due_on BETWEEN '1900-01-01' AND '2199-12-31'),
        CONSTRAINT advance_lines_version_id_fkey FOREIGN KEY(version_id) REFERENCES advance_versions (id)
    )
    """,
)
FUNCTIONS = (
    """
CREATE FUNCTION check_version_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM advance_lines WHERE version_id = NEW.id
        HAVING count(*) = NEW.lines
            AND coalesce(sum(principal_cents - capitalised_cents) FILTER (WHERE NOT kept), 0) = NEW.outstanding_cents
    ) THEN
        RAISE EXCEPTION 'the open lines do not come to what is outstanding'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'version_lines_are_outstanding';
    END IF;
    RETURN NULL;
END
$$
""",
    """
CREATE FUNCTION check_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position > (SELECT lines FROM advance_versions WHERE id = NEW.version_id) THEN
        RAISE EXCEPTION 'the version has all its lines'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'advance_lines_append_only';
    END IF;
    RETURN NEW;
END
$$
""",
)
TRIGGERS = (
    (
        "CREATE CONSTRAINT TRIGGER check_version_lines AFTER INSERT ON advance_versions DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION check_version_lines()"
    ),
    "CREATE TRIGGER check_line BEFORE INSERT ON advance_lines FOR EACH ROW EXECUTE FUNCTION check_line()",
    *(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        for table in ("advance_versions", "advance_lines")
    ),
)


def upgrade() -> None:
    for statement in (*TABLES, *FUNCTIONS, *TRIGGERS):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("advance_lines")
    op.drop_table("advance_versions")
    for name in ("check_line", "check_version_lines"):
        op.execute(f"DROP FUNCTION {name}()")
