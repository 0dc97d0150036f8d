"""Each account has its closing on every day, and no day below zero.

Revision: 2026_11_29_2300, after 2026_11_29_2250.

What the ledger holds is brought to its days. A day that is below zero already keeps what it lacks as an allowance, which
later rows copy and nobody raises: `rebond check` lists them as "before the rule".
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_2300"
down_revision = "2026_11_29_2250"
branch_labels = None
depends_on = None

FUNCTIONS = (
    """
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
    """,
    """
CREATE FUNCTION refuse_direct_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is written by triggers alone', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_derived';
END
$$
    """,
)
TRIGGERS = (
    "CREATE TRIGGER post_account_days AFTER INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION post_account_days()",
    (
        "CREATE TRIGGER derived BEFORE INSERT OR UPDATE OR DELETE ON account_days FOR EACH STATEMENT"
        " WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_direct_change()"
    ),
    "CREATE TRIGGER uncut BEFORE TRUNCATE ON account_days FOR EACH STATEMENT EXECUTE FUNCTION refuse_direct_change()",
)

# Nothing is posted between what is brought over and the trigger that goes on with it.
BROUGHT_OVER = """
INSERT INTO account_days (territory, contribution_id, account, day, closing_cents, allowance_cents)
SELECT territory, contribution_id, account, day, closing_cents, greatest(-closing_cents, 0)
FROM (
    SELECT territory, contribution_id, account, effective_on AS day,
        sum(sum(cents)) OVER (PARTITION BY territory, contribution_id, account ORDER BY effective_on) AS closing_cents
    FROM ledger_entries CROSS JOIN LATERAL (VALUES
        (debit, CASE debit WHEN 'contributor' THEN -amount_cents ELSE amount_cents END),
        (credit, CASE credit WHEN 'contributor' THEN amount_cents ELSE -amount_cents END)
    ) AS side (account, cents)
    GROUP BY territory, contribution_id, account, effective_on
) AS closing
"""


def upgrade() -> None:
    op.create_table(
        "account_days",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("contribution_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("closing_cents", sa.BigInteger(), nullable=False),
        sa.Column("allowance_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("account <> 'available' OR closing_cents + allowance_cents >= 0", name="envelope_exhausted"),
        sa.CheckConstraint("account = 'available' OR closing_cents + allowance_cents >= 0", name="account_overdrawn"),
        sa.ForeignKeyConstraint(
            ["territory", "contribution_id", "account"],
            ["account_balances.territory", "account_balances.contribution_id", "account_balances.account"],
            name="account_days_account_fkey",
        ),
        sa.PrimaryKeyConstraint("territory", "contribution_id", "account", "day", name=op.f("account_days_pkey")),
        postgresql_with={"fillfactor": 50},
    )
    for function in FUNCTIONS:
        op.execute(function)
    op.execute("LOCK TABLE ledger_entries IN SHARE ROW EXCLUSIVE MODE")
    op.execute(BROUGHT_OVER)
    for trigger in TRIGGERS:
        op.execute(trigger)


def downgrade() -> None:
    op.execute("DROP TRIGGER post_account_days ON ledger_entries")
    op.drop_table("account_days")
    op.execute("DROP FUNCTION post_account_days, refuse_direct_change")
