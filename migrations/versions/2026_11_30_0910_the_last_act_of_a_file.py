"""The state of an aid file is its last act's, its documents and reviews stay, and a reversal reverses a silence.

Revision: 2026_11_30_0910, after 2026_11_30_0900.
"""

from alembic import op

revision = "2026_11_30_0910"
down_revision = "2026_11_30_0900"
branch_labels = None
depends_on = None

CHECK_APPLICATION_PASSAGES = """
CREATE FUNCTION check_application_passages() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    file uuid := to_jsonb(NEW) ->> CASE TG_TABLE_NAME WHEN 'applications' THEN 'id' ELSE 'application_id' END;
BEGIN
    IF EXISTS (
        SELECT FROM applications a WHERE a.id = file AND a.passage_number IS DISTINCT FROM (
            SELECT max(p.number) FROM application_passages p WHERE p.application_id = a.id
        )
    ) THEN
        RAISE EXCEPTION 'the state is not that of the last act'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_last_passage';
    END IF;
    RETURN NULL;
END
$$
"""
GUARD_APPLICATION_REVERSAL = """
CREATE FUNCTION guard_application_reversal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM application_passages p
        WHERE p.application_id = NEW.application_id AND p.number = NEW.reverses_number
            AND p.act IN ('silence_admits', 'silence_rejects') AND p.effective_on > NEW.effective_on
            AND (p.from_state, p.to_state) = (NEW.to_state, NEW.from_state)
    ) THEN
        RAISE EXCEPTION 'it reverses no silence'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_passage_reversal';
    END IF;
    RETURN NEW;
END
$$
"""
GUARD_APPLICATION_REVIEW = """
CREATE FUNCTION guard_application_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.application_id <> OLD.application_id OR NOT NEW.authors @> OLD.authors THEN
        RAISE EXCEPTION 'an author of the review is missing'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'application_review_authors';
    END IF;
    RETURN NEW;
END
$$
"""
COUNTED = """
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM applications a WHERE a.passage_number IS DISTINCT FROM (
            SELECT max(p.number) FROM application_passages p WHERE p.application_id = a.id
        )
    ) THEN
        RAISE EXCEPTION 'the state of an aid file is not that of its last act';
    END IF;
END
$$
"""
TRIGGERS = {
    "guard ON application_documents": (
        "CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON application_documents"
        " FOR EACH ROW EXECUTE FUNCTION guard_application_line()"
    ),
    "guard ON application_reviews": (
        "CREATE TRIGGER guard BEFORE UPDATE ON application_reviews"
        " FOR EACH ROW EXECUTE FUNCTION guard_application_review()"
    ),
    "guard ON application_passages": (
        "CREATE TRIGGER guard BEFORE INSERT ON application_passages FOR EACH ROW"
        " WHEN (NEW.reverses_number IS NOT NULL) EXECUTE FUNCTION guard_application_reversal()"
    ),
    "check_passages ON applications": (
        "CREATE CONSTRAINT TRIGGER check_passages AFTER INSERT OR UPDATE OF passage_number ON applications"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_application_passages()"
    ),
    "check_passages ON application_passages": (
        "CREATE CONSTRAINT TRIGGER check_passages AFTER INSERT ON application_passages"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_application_passages()"
    ),
    "append_only ON application_lines": (
        "CREATE TRIGGER append_only BEFORE TRUNCATE ON application_lines"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
    "append_only ON application_documents": (
        "CREATE TRIGGER append_only BEFORE TRUNCATE ON application_documents"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
    "append_only ON application_reviews": (
        "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON application_reviews"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    ),
}


def upgrade() -> None:
    for statement in (
        CHECK_APPLICATION_PASSAGES, GUARD_APPLICATION_REVERSAL, GUARD_APPLICATION_REVIEW, *TRIGGERS.values(), COUNTED,
    ):  # fmt: skip
        op.execute(statement)


def downgrade() -> None:
    for trigger in TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger}")
    for function in ("check_application_passages", "guard_application_reversal", "guard_application_review"):
        op.execute(f"DROP FUNCTION {function}()")
