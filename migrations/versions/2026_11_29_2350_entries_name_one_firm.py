"""What a time entry names is about one firm.

Revision: 2026_11_29_2350, after 2026_11_29_2341.
"""

from alembic import op

revision = "2026_11_29_2350"
down_revision = "2026_11_29_2341"
branch_labels = None
depends_on = None

AGREE = r"""CREATE FUNCTION check_entry_references() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    met text[] := ARRAY(SELECT siren FROM audition_firms WHERE audition_id = NEW.audition_id);
    holders text[] := ARRAY(
        SELECT firm_siren FROM project_holders WHERE project_id = NEW.project_id AND firm_siren IS NOT NULL
    );
BEGIN
    IF met <> '{}' AND NEW.firm_siren <> ALL (met) OR holders <> '{}' AND NEW.firm_siren <> ALL (holders)
        OR met <> '{}' AND holders <> '{}' AND NOT met && holders
    THEN
        RAISE EXCEPTION 'the entry names two firms'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'references_disagree';
    END IF;
    RETURN NEW;
END
$$
"""

TRIGGER = (
    "CREATE TRIGGER check_references BEFORE INSERT OR UPDATE OF firm_siren, audition_id, project_id ON time_entries"
    " FOR EACH ROW WHEN (num_nonnulls(NEW.firm_siren, NEW.audition_id, NEW.project_id) > 1)"
    " EXECUTE FUNCTION check_entry_references()"
)


def upgrade() -> None:
    op.execute(AGREE)
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER check_references ON time_entries")
    op.execute("DROP FUNCTION check_entry_references()")
