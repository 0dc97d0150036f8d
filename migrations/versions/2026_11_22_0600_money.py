"""Money: the envelope's ledger, grants, and repayable advances.

Revision: 2026_11_22_0600, after 2026_11_22_0500.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0600"
down_revision = "2026_11_22_0500"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "advances",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("firm_siren", sa.Text(), nullable=False),
        sa.Column("project_title", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("disbursed_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("released_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("repaid_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("decision_reference", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="awarded", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("awarded_by", sa.Uuid(), nullable=False),
        sa.Column("awarder_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("awarder_kind = 'person'", name="advance_awarder_kind"),
        sa.CheckConstraint("status <> 'cancelled' OR disbursed_cents = 0", name="advance_cancelled_but_paid"),
        sa.CheckConstraint("status IN ('awarded', 'paying', 'repaying', 'repaid', 'cancelled')", name="advance_status"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 9007199254740991", name="advance_amount"),
        sa.CheckConstraint("disbursed_cents + released_cents <= amount_cents", name="tranches_exceed_award"),
        sa.CheckConstraint(
            "disbursed_cents >= 0 AND released_cents >= 0 AND repaid_cents >= 0", name="advance_amounts"
        ),
        sa.CheckConstraint("repaid_cents <= disbursed_cents", name="repayment_exceeds_outstanding"),
        sa.ForeignKeyConstraint(
            ["awarded_by", "awarder_kind"], ["subjects.id", "subjects.kind"], name="advance_awarded_by_a_person"
        ),
        sa.ForeignKeyConstraint(["firm_siren"], ["firms.siren"], name=op.f("advances_firm_siren_fkey")),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("advances_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("advances_pkey")),
        sa.UniqueConstraint("id", "territory", "awarded_by", name=op.f("advances_id_territory_awarded_by_key")),
        sa.UniqueConstraint("territory", "decision_reference", name=op.f("advances_territory_decision_reference_key")),
        sa.UniqueConstraint("territory", "external_id", name=op.f("advances_territory_external_id_key")),
    )
    op.create_index(op.f("advances_firm_siren_idx"), "advances", ["firm_siren"], unique=False)
    op.create_table(
        "contributions",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("repayment_policy", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="recorded", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'reversed') = (reason IS NOT NULL)", name="contribution_reason"),
        sa.CheckConstraint("repayment_policy IN ('return', 'recycle')", name="contribution_repayment_policy"),
        sa.CheckConstraint("status IN ('recorded', 'reversed')", name="contribution_status"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 9007199254740991", name="contribution_amount"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("contributions_organisation_id_fkey")
        ),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("contributions_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("contributions_pkey")),
        sa.UniqueConstraint("territory", "id", name=op.f("contributions_territory_id_key")),
        sa.UniqueConstraint(
            "territory",
            "organisation_id",
            "reference",
            name=op.f("contributions_territory_organisation_id_reference_key"),
        ),
    )
    op.create_index(op.f("contributions_organisation_id_idx"), "contributions", ["organisation_id"], unique=False)
    op.create_table(
        "grants",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("firm_siren", sa.Text(), nullable=False),
        sa.Column("project_title", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("paid_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("released_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.Column("decision_reference", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="awarded", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("awarded_by", sa.Uuid(), nullable=False),
        sa.Column("awarder_kind", sa.Text(), server_default="person", nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("awarder_kind = 'person'", name="grant_awarder_kind"),
        sa.CheckConstraint("status <> 'awarded' OR paid_cents = 0", name="grant_awarded_but_paid"),
        sa.CheckConstraint("status <> 'cancelled' OR paid_cents = 0", name="grant_cancelled_but_paid"),
        sa.CheckConstraint("status IN ('awarded', 'paying', 'closed', 'cancelled')", name="grant_status"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 9007199254740991", name="grant_amount"),
        sa.CheckConstraint("paid_cents + released_cents <= amount_cents", name="payments_exceed_award"),
        sa.CheckConstraint("paid_cents >= 0 AND released_cents >= 0", name="grant_amounts"),
        sa.ForeignKeyConstraint(
            ["awarded_by", "awarder_kind"], ["subjects.id", "subjects.kind"], name="grant_awarded_by_a_person"
        ),
        sa.ForeignKeyConstraint(["firm_siren"], ["firms.siren"], name=op.f("grants_firm_siren_fkey")),
        sa.ForeignKeyConstraint(["territory"], ["territories.slug"], name=op.f("grants_territory_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("grants_pkey")),
        sa.UniqueConstraint("id", "territory", "awarded_by", name=op.f("grants_id_territory_awarded_by_key")),
        sa.UniqueConstraint("territory", "decision_reference", name=op.f("grants_territory_decision_reference_key")),
        sa.UniqueConstraint("territory", "external_id", name=op.f("grants_territory_external_id_key")),
    )
    op.create_index(op.f("grants_firm_siren_idx"), "grants", ["firm_siren"], unique=False)
    op.create_table(
        "account_balances",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("contribution_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("balance_cents", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("account <> 'available' OR balance_cents >= 0", name="envelope_exhausted"),
        sa.CheckConstraint("account = 'available' OR balance_cents >= 0", name="account_overdrawn"),
        sa.CheckConstraint(
            "account IN ('contributor', 'available', 'grants_committed', 'grants_paid', 'advances_committed', 'advances_paid', 'released', 'repaid')",
            name="account_name",
        ),
        sa.CheckConstraint("balance_cents <= 9007199254740991", name="account_too_large"),
        sa.ForeignKeyConstraint(
            ["territory", "contribution_id"],
            ["contributions.territory", "contributions.id"],
            name=op.f("account_balances_territory_contribution_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("territory", "contribution_id", "account", name=op.f("account_balances_pkey")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_table(
        "advance_repayments",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("advance_id", sa.Uuid(), nullable=False),
        sa.Column("awarded_by", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="recorded", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'reversed') = (reason IS NOT NULL)", name="repayment_reason"),
        sa.CheckConstraint("status IN ('recorded', 'reversed')", name="repayment_status"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 9007199254740991", name="repayment_amount"),
        sa.ForeignKeyConstraint(
            ["advance_id", "territory", "awarded_by"],
            ["advances.id", "advances.territory", "advances.awarded_by"],
            name="advance_repayments_advance_fkey",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("advance_repayments_recorded_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("advance_repayments_pkey")),
        sa.UniqueConstraint("advance_id", "reference", name=op.f("advance_repayments_advance_id_reference_key")),
    )
    op.create_table(
        "advance_tranches",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("advance_id", sa.Uuid(), nullable=False),
        sa.Column("awarded_by", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="recorded", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'reversed') = (reason IS NOT NULL)", name="tranche_reason"),
        sa.CheckConstraint("status IN ('recorded', 'reversed')", name="tranche_status"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 9007199254740991", name="tranche_amount"),
        sa.CheckConstraint("recorded_by <> awarded_by", name="decider_pays"),
        sa.ForeignKeyConstraint(
            ["advance_id", "territory", "awarded_by"],
            ["advances.id", "advances.territory", "advances.awarded_by"],
            name="advance_tranches_advance_fkey",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("advance_tranches_recorded_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("advance_tranches_pkey")),
    )
    op.create_index(op.f("advance_tranches_advance_id_idx"), "advance_tranches", ["advance_id"], unique=False)
    op.create_table(
        "grant_payments",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("awarded_by", sa.Uuid(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="recorded", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(status = 'reversed') = (reason IS NOT NULL)", name="grant_payment_reason"),
        sa.CheckConstraint(
            "kind IN ('advance_payment', 'interim_payment', 'balance_payment')", name="grant_payment_kind"
        ),
        sa.CheckConstraint("status IN ('recorded', 'reversed')", name="grant_payment_status"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 9007199254740991", name="grant_payment_amount"),
        sa.CheckConstraint("recorded_by <> awarded_by", name="decider_pays"),
        sa.ForeignKeyConstraint(
            ["grant_id", "territory", "awarded_by"],
            ["grants.id", "grants.territory", "grants.awarded_by"],
            name="grant_payments_grant_fkey",
        ),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("grant_payments_recorded_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("grant_payments_pkey")),
        sa.UniqueConstraint("grant_id", "reference", name=op.f("grant_payments_grant_id_reference_key")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("contribution_id", sa.Uuid(), nullable=False),
        sa.Column("debit", sa.Text(), nullable=False),
        sa.Column("credit", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("debit_balance_cents", sa.BigInteger(), nullable=False),
        sa.Column("credit_balance_cents", sa.BigInteger(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("act_id", sa.Uuid(), nullable=False),
        sa.Column("award_id", sa.Uuid(), nullable=True),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("uuidv7()"), nullable=False),
        sa.CheckConstraint(
            "act IN ('contribution', 'award', 'payment', 'tranche', 'release', 'repayment')", name="entry_act"
        ),
        sa.CheckConstraint("effective_on BETWEEN '1900-01-01' AND '2199-12-31'", name="entry_effective_on"),
        sa.CheckConstraint("amount_cents BETWEEN 1 AND 9007199254740991", name="entry_amount"),
        sa.CheckConstraint("debit <> credit", name="entry_within_one_account"),
        sa.CheckConstraint("debit_balance_cents >= 0 AND credit_balance_cents >= 0", name="entry_balances"),
        sa.ForeignKeyConstraint(["recorded_by"], ["subjects.id"], name=op.f("ledger_entries_recorded_by_fkey")),
        sa.ForeignKeyConstraint(["reverses_id"], ["ledger_entries.id"], name=op.f("ledger_entries_reverses_id_fkey")),
        sa.ForeignKeyConstraint(
            ["territory", "contribution_id", "credit"],
            ["account_balances.territory", "account_balances.contribution_id", "account_balances.account"],
            name="ledger_entries_credit_fkey",
        ),
        sa.ForeignKeyConstraint(
            ["territory", "contribution_id", "debit"],
            ["account_balances.territory", "account_balances.contribution_id", "account_balances.account"],
            name="ledger_entries_debit_fkey",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("ledger_entries_pkey")),
        sa.UniqueConstraint("reverses_id", name="already_reversed"),
    )
    op.create_index(op.f("ledger_entries_act_id_idx"), "ledger_entries", ["act_id"], unique=False)
    op.create_index(op.f("ledger_entries_award_id_idx"), "ledger_entries", ["award_id"], unique=False)
    op.create_index(op.f("ledger_entries_contribution_id_idx"), "ledger_entries", ["contribution_id"], unique=False)
    op.create_index(
        op.f("ledger_entries_territory_effective_on_idx"), "ledger_entries", ["territory", "effective_on"], unique=False
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_index(op.f("ledger_entries_territory_effective_on_idx"), table_name="ledger_entries")
    op.drop_index(op.f("ledger_entries_contribution_id_idx"), table_name="ledger_entries")
    op.drop_index(op.f("ledger_entries_award_id_idx"), table_name="ledger_entries")
    op.drop_index(op.f("ledger_entries_act_id_idx"), table_name="ledger_entries")
    op.drop_table("ledger_entries")
    op.drop_table("grant_payments")
    op.drop_index(op.f("advance_tranches_advance_id_idx"), table_name="advance_tranches")
    op.drop_table("advance_tranches")
    op.drop_table("advance_repayments")
    op.drop_table("account_balances")
    op.drop_index(op.f("grants_firm_siren_idx"), table_name="grants")
    op.drop_table("grants")
    op.drop_index(op.f("contributions_organisation_id_idx"), table_name="contributions")
    op.drop_table("contributions")
    op.drop_index(op.f("advances_firm_siren_idx"), table_name="advances")
    op.drop_table("advances")
