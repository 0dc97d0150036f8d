"""An entry adds to the days of its accounts by one statement, and what moves later is asked under the lock.

Revision: 2026_11_30_0751, after 2026_11_30_0750.
"""

from alembic import op

revision = "2026_11_30_0751"
down_revision = "2026_11_30_0750"
branch_labels = None
depends_on = None

BEFORE = """
CREATE FUNCTION post_account_days() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    accounts text[] := ARRAY[NEW.debit, NEW.credit];
    effects bigint[] := ARRAY[
        CASE WHEN NEW.debit IN ('contributor', 'shortfall') THEN -NEW.amount_cents ELSE NEW.amount_cents END,
        CASE WHEN NEW.credit IN ('contributor', 'shortfall') THEN NEW.amount_cents ELSE -NEW.amount_cents END
    ];
BEGIN
    INSERT INTO account_days (territory, contribution_id, account, day, closing_cents, allowance_cents)
    SELECT NEW.territory, NEW.contribution_id, side.account, NEW.effective_on,
        coalesce(before.closing_cents, 0) + side.cents, coalesce(before.allowance_cents, 0)
    FROM unnest(accounts, effects) AS side (account, cents)
    LEFT JOIN LATERAL (
        SELECT d.closing_cents, d.allowance_cents FROM account_days d
        WHERE d.territory = NEW.territory AND d.contribution_id = NEW.contribution_id
            AND d.account = side.account AND d.day <= NEW.effective_on
        ORDER BY d.day DESC LIMIT 1
    ) AS before ON true
    ON CONFLICT (territory, contribution_id, account, day) DO UPDATE SET closing_cents = excluded.closing_cents;
    UPDATE account_days d SET closing_cents = d.closing_cents + side.cents
    FROM unnest(accounts, effects) AS side (account, cents)
    WHERE d.territory = NEW.territory AND d.contribution_id = NEW.contribution_id
        AND d.account = side.account AND d.day > NEW.effective_on;
    RETURN NULL;
END
$$
"""
POST_ACCOUNT_DAYS = """
CREATE FUNCTION post_account_days() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    debit_cents bigint := CASE WHEN NEW.debit IN ('contributor', 'shortfall')
        THEN -NEW.amount_cents ELSE NEW.amount_cents END;
    credit_cents bigint := CASE WHEN NEW.credit IN ('contributor', 'shortfall')
        THEN NEW.amount_cents ELSE -NEW.amount_cents END;
    there bigint;
BEGIN
    WITH moved AS (
        UPDATE account_days d
        SET closing_cents = d.closing_cents + CASE d.account WHEN NEW.debit THEN debit_cents ELSE credit_cents END
        WHERE d.territory = NEW.territory AND d.contribution_id = NEW.contribution_id
            AND d.account IN (NEW.debit, NEW.credit) AND d.day >= NEW.effective_on
        RETURNING d.day
    )
    SELECT count(*) INTO there FROM moved WHERE day = NEW.effective_on;
    IF there < 2 THEN
        INSERT INTO account_days (territory, contribution_id, account, day, closing_cents, allowance_cents)
        SELECT NEW.territory, NEW.contribution_id, side.account, NEW.effective_on,
            coalesce(before.closing_cents, 0) + side.cents, coalesce(before.allowance_cents, 0)
        FROM (VALUES (NEW.debit, debit_cents), (NEW.credit, credit_cents)) AS side (account, cents)
        LEFT JOIN LATERAL (
            SELECT d.closing_cents, d.allowance_cents FROM account_days d
            WHERE d.territory = NEW.territory AND d.contribution_id = NEW.contribution_id
                AND d.account = side.account AND d.day < NEW.effective_on
            ORDER BY d.day DESC LIMIT 1
        ) AS before ON true
        WHERE NOT EXISTS (
            SELECT FROM account_days d
            WHERE d.territory = NEW.territory AND d.contribution_id = NEW.contribution_id
                AND d.account = side.account AND d.day = NEW.effective_on
        );
    END IF;
    RETURN NULL;
END
$$
"""
MOVES_LATER = """
CREATE FUNCTION moves_later(place text, contribution uuid, named text, since date) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM account_days d
        WHERE d.territory = place AND d.contribution_id = contribution AND d.account = named AND d.day > since
    );
END
$$
"""


def upgrade() -> None:
    op.execute(POST_ACCOUNT_DAYS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    op.execute(MOVES_LATER)


def downgrade() -> None:
    op.execute("DROP FUNCTION moves_later")
    op.execute(BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
