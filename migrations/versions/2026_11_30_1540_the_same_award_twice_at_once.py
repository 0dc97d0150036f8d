"""Of the same award at once the first one stands, and the others are told that it does: none is told to try again.

They asked for the aid without waiting, each while another one held it.

Revision: 2026_11_30_1540, after 2026_11_30_1520.
"""

from alembic import op

revision = "2026_11_30_1540"
down_revision = "2026_11_30_1520"
branch_labels = None
depends_on = None

JOIN_AID = """
CREATE OR REPLACE FUNCTION join_aid(award jsonb, instrument text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    aid uuid;
    said text[] := '{decided_on, funder_id, application_id, decision_id, scheme, base_cents, lines, parameters}';
BEGIN
    IF award ->> 'status' NOT IN ('cancelled', 'reversed') AND EXISTS (
        SELECT FROM grants g
        WHERE instrument = 'grants' AND g.territory = award ->> 'territory'
            AND g.decision_reference = award ->> 'decision_reference' AND g.status NOT IN ('cancelled', 'reversed')
        UNION ALL
        SELECT FROM advances a
        WHERE instrument = 'advances' AND a.territory = award ->> 'territory'
            AND a.decision_reference = award ->> 'decision_reference' AND a.status NOT IN ('cancelled', 'reversed')
    ) THEN
        RAISE EXCEPTION 'the same award twice' USING ERRCODE = 'unique_violation', TABLE = instrument,
            CONSTRAINT = instrument || '_decision_reference_key';
    END IF;
    SELECT id INTO STRICT aid FROM aids
    WHERE territory = award ->> 'territory' AND firm_siren = award ->> 'firm_siren'
        AND decision_reference = award ->> 'decision_reference' AND awards > 0 AND joins
    FOR NO KEY UPDATE NOWAIT;
    IF EXISTS (
        SELECT FROM (
            SELECT to_jsonb(g) AS other FROM grants g
            WHERE instrument <> 'grants' AND g.aid_id = aid AND g.status NOT IN ('cancelled', 'reversed')
            UNION ALL
            SELECT to_jsonb(a) FROM advances a
            WHERE instrument <> 'advances' AND a.aid_id = aid AND a.status NOT IN ('cancelled', 'reversed')
        ) AS standing, unnest(said) AS name
        WHERE other -> name IS DISTINCT FROM award -> name
    ) THEN
        RAISE EXCEPTION 'another award of the decision says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'award_differs_from_aid';
    END IF;
    UPDATE aids SET awards = awards + 1 WHERE id = aid;
    RETURN aid;
END
$$
"""

BEFORE = """
CREATE OR REPLACE FUNCTION join_aid(award jsonb, instrument text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    aid uuid;
    said text[] := '{decided_on, funder_id, application_id, decision_id, scheme, base_cents, lines, parameters}';
BEGIN
    SELECT id INTO STRICT aid FROM aids
    WHERE territory = award ->> 'territory' AND firm_siren = award ->> 'firm_siren'
        AND decision_reference = award ->> 'decision_reference' AND awards > 0 AND joins
    FOR NO KEY UPDATE NOWAIT;
    IF EXISTS (
        SELECT FROM (
            SELECT to_jsonb(g) AS other FROM grants g
            WHERE instrument <> 'grants' AND g.aid_id = aid AND g.status NOT IN ('cancelled', 'reversed')
            UNION ALL
            SELECT to_jsonb(a) FROM advances a
            WHERE instrument <> 'advances' AND a.aid_id = aid AND a.status NOT IN ('cancelled', 'reversed')
        ) AS standing, unnest(said) AS name
        WHERE other -> name IS DISTINCT FROM award -> name
    ) THEN
        RAISE EXCEPTION 'another award of the decision says otherwise'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'award_differs_from_aid';
    END IF;
    UPDATE aids SET awards = awards + 1 WHERE id = aid;
    RETURN aid;
END
$$
"""


def upgrade() -> None:
    op.execute(JOIN_AID)


def downgrade() -> None:
    op.execute(BEFORE)
