"""One CHECK asks the shapes of a grant: PostgreSQL reads a CHECK anew for every statement, a function once.

Revision: 2026_11_30_1731, after 2026_11_30_1730.
"""

from alembic import op

revision = "2026_11_30_1731"
down_revision = "2026_11_30_1730"
branch_labels = None
depends_on = None

IS_GRANT = """
CREATE FUNCTION is_grant(
    paid_cents bigint,
    in_flight_cents bigint,
    recovered_cents bigint,
    claimed_back_cents bigint,
    application_id uuid,
    decision_id uuid,
    scheme text,
    base_cents bigint,
    lines jsonb,
    parameters jsonb,
    amount_cents bigint,
    released_cents bigint,
    final_cents bigint,
    status text,
    ended_as text,
    ended_on date,
    awarder_kind text
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    broken text := CASE
        WHEN NOT (paid_cents >= 0 AND released_cents >= 0) THEN 'grant_amounts'
        WHEN NOT (status <> 'awarded' OR paid_cents = 0) THEN 'grant_awarded_but_paid'
        WHEN NOT (awarder_kind = 'person') THEN 'grant_awarder_kind'
        WHEN NOT (status NOT IN ('cancelled', 'reversed') OR paid_cents = 0) THEN 'grant_cancelled_but_paid'
        WHEN NOT (decision_id IS NULL OR application_id IS NOT NULL) THEN 'grant_decision_of_a_file'
        WHEN NOT (num_nulls(ended_as, ended_on) <> 1 AND CASE ended_as WHEN 'reversed' THEN status = 'reversed' WHEN 'lapsed' THEN status = 'cancelled' WHEN 'cancelled' THEN status = 'cancelled' ELSE ended_as IS NULL OR status <> 'reversed' END) THEN 'grant_ended'
        WHEN NOT (ended_as IN ('closed', 'terminated', 'lapsed', 'cancelled', 'reversed')) THEN 'grant_ended_as'
        WHEN NOT (final_cents BETWEEN 0 AND amount_cents) THEN 'grant_final'
        WHEN NOT (in_flight_cents >= 0 AND recovered_cents BETWEEN 0 AND paid_cents) THEN 'grant_flows'
        WHEN NOT (num_nulls(scheme, base_cents, lines, parameters) IN (0, 4)) THEN 'grant_frozen'
        WHEN NOT (jsonb_typeof(lines) = 'array' AND jsonb_typeof(parameters) = 'object') THEN 'grant_frozen_kinds'
        WHEN NOT (recovered_cents <= claimed_back_cents) THEN 'grant_recovered'
        WHEN NOT (status <> 'reversed' OR released_cents = 0) THEN 'grant_reversed_but_released'
        WHEN NOT (status IN ('awarded', 'paying', 'closed', 'cancelled', 'reversed')) THEN 'grant_status'
    END;
BEGIN
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'not a row of grants'
            USING ERRCODE = 'check_violation', TABLE = 'grants', CONSTRAINT = broken;
    END IF;
    RETURN true;
END
$$
"""
ASKED = (
    "is_grant(paid_cents, in_flight_cents, recovered_cents, claimed_back_cents, application_id, decision_id, "
    "scheme, base_cents, lines, parameters, amount_cents, released_cents, final_cents, status, ended_as, "
    "ended_on, awarder_kind)"
)


def upgrade() -> None:
    op.execute(IS_GRANT)
    op.execute(f"ALTER TABLE grants ADD CONSTRAINT grant_shapes CHECK ({ASKED}) NOT VALID")


def downgrade() -> None:
    op.drop_constraint("grant_shapes", "grants")
    op.execute("DROP FUNCTION is_grant")
