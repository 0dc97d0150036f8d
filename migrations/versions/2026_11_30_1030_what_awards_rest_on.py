"""An award names its funder, the file and the decision that it was made by, and keeps the base, lines and parameters of its day.

Revision: 2026_11_30_1030, after 2026_11_30_1004.

The funder of an award that says none is the organisation of who decided it: the database fills it.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_30_1030"
down_revision = "2026_11_30_1004"
branch_labels = None
depends_on = None

CHECK_AWARD = """
CREATE FUNCTION check_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    served_since date;
BEGIN
    IF NEW.project_id IS NULL THEN
        SELECT served_since_on INTO served_since FROM territories WHERE slug = NEW.territory FOR SHARE;
        IF NEW.decided_on >= served_since THEN
            RAISE EXCEPTION 'for which project?' USING ERRCODE = 'check_violation', CONSTRAINT = 'project_missing';
        END IF;
    END IF;
    IF NEW.committee_id IS NOT NULL AND EXISTS (
        SELECT FROM committees WHERE territory = NEW.territory AND id = NEW.committee_id
            AND coalesce((timezone('Europe/Paris', held_at))::date, 'infinity') > NEW.decided_on
    ) THEN
        RAISE EXCEPTION 'not held by then'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_after_decision';
    END IF;
    IF NEW.funder_id IS NULL THEN
        NEW.funder_id := (SELECT organisation_id FROM subjects WHERE id = NEW.awarded_by);
    END IF;
    IF NEW.lines IS NOT NULL AND NEW.base_cents IS DISTINCT FROM
        (SELECT sum((line ->> 'amount_cents')::numeric) FROM jsonb_array_elements(NEW.lines) AS line)
    THEN
        RAISE EXCEPTION 'the lines do not come to the base'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'award_lines_are_base';
    END IF;
    IF NEW.application_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM applications WHERE id = NEW.application_id AND firm_siren = NEW.firm_siren
                AND project_id = NEW.project_id
        ) THEN
            RAISE EXCEPTION 'a file of another project' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'application_of_another_project';
        END IF;
        IF EXISTS (
            SELECT FROM application_reviews
            WHERE application_id = NEW.application_id AND NEW.awarded_by = ANY (authors)
        ) THEN
            RAISE EXCEPTION 'who reviewed the file does not decide it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'reviewer_decides';
        END IF;
    END IF;
    IF NEW.decision_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM committee_decisions d WHERE d.id = NEW.decision_id AND d.application_id = NEW.application_id
            AND d.committee_id = NEW.committee_id AND d.reference = NEW.decision_reference
            AND d.decided_on = NEW.decided_on AND d.outcome = 'grant' AND d.reversed_at IS NULL
            AND NEW.amount_cents =
                CASE TG_TABLE_NAME WHEN 'grants' THEN d.grant_cents ELSE d.advance_cents END
    ) THEN
        RAISE EXCEPTION 'the decision says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'award_is_what_was_decided';
    END IF;
    RETURN NEW;
END
$$
"""
BEFORE = """
CREATE FUNCTION check_award() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    served_since date;
BEGIN
    IF NEW.project_id IS NULL THEN
        SELECT served_since_on INTO served_since FROM territories WHERE slug = NEW.territory FOR SHARE;
        IF NEW.decided_on >= served_since THEN
            RAISE EXCEPTION 'for which project?' USING ERRCODE = 'check_violation', CONSTRAINT = 'project_missing';
        END IF;
    END IF;
    IF NEW.committee_id IS NOT NULL AND EXISTS (
        SELECT FROM committees WHERE territory = NEW.territory AND id = NEW.committee_id
            AND coalesce((timezone('Europe/Paris', held_at))::date, 'infinity') > NEW.decided_on
    ) THEN
        RAISE EXCEPTION 'not held by then'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'committee_after_decision';
    END IF;
    RETURN NEW;
END
$$
"""
CHECK_AWARD_OF_A_DECISION = """
CREATE FUNCTION check_award_of_a_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM committee_decisions d WHERE d.id = NEW.decision_id AND d.reversed_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the decision stands'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'award_of_a_decision',
            DETAIL = json_build_object('decision_reference', NEW.decision_reference,
                'committee_id', NEW.committee_id, 'decision_id', NEW.decision_id);
    END IF;
    RETURN NULL;
END
$$
"""
TABLES = {"grants": "grant", "advances": "advance"}
COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "funder_id": sa.Uuid(),
    "application_id": sa.Uuid(),
    "decision_id": sa.Uuid(),
    "scheme": sa.Text(),
    "base_cents": sa.BigInteger(),
    "lines": postgresql.JSONB(),
    "parameters": postgresql.JSONB(),
}
LINKS = {
    "funder_id_fkey": "(funder_id) REFERENCES organisations (id)",
    "scheme_fkey": "(scheme) REFERENCES schemes (code)",
    "application_fkey": "(territory, application_id) REFERENCES applications (territory, id)",
    "decision_fkey": "(territory, decision_id) REFERENCES committee_decisions (territory, id)",
}


def upgrade() -> None:
    for table, noun in TABLES.items():
        for name, kind in COLUMNS.items():
            op.add_column(table, sa.Column(name, kind, nullable=True))
        for name, references in LINKS.items():
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name} FOREIGN KEY {references} NOT VALID")
        for name, holds in (
            ("award_above_base", "amount_cents <= base_cents"),
            (f"{noun}_frozen", "num_nulls(scheme, base_cents, lines, parameters) IN (0, 4)"),
            (f"{noun}_frozen_kinds", "jsonb_typeof(lines) = 'array' AND jsonb_typeof(parameters) = 'object'"),
            (f"{noun}_decision_of_a_file", "decision_id IS NULL OR application_id IS NOT NULL"),
            (f"{noun}_funder", "funder_id IS NOT NULL"),
        ):
            op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({holds}) NOT VALID")
    op.execute(CHECK_AWARD.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(CHECK_AWARD_OF_A_DECISION)
    for table in TABLES:
        op.execute(
            f"CREATE CONSTRAINT TRIGGER check_award_of_a_decision AFTER UPDATE OF status ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
            " WHEN (NEW.decision_id IS NOT NULL AND NEW.status = 'reversed')"
            " EXECUTE FUNCTION check_award_of_a_decision()"
        )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER check_award_of_a_decision ON {table}")
    op.execute("DROP FUNCTION check_award_of_a_decision()")
    op.execute(BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    for table in TABLES:
        op.drop_constraint("award_above_base", table)
        for name in reversed(COLUMNS):
            op.drop_column(table, name)
