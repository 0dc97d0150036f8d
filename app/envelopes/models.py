"""Tables of the envelope."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import keep
from app.core.values import MAX_AMOUNT_CENTS
from app.envelopes.rules import Account, Act, ActStatus, RepaymentPolicy

CENTS_MAX = 2**53 - 1

# The CHECK of an act's amount. What was taken before the bound held can still be reversed.
AMOUNT = f"amount_cents BETWEEN 1 AND CASE status WHEN 'reversed' THEN {CENTS_MAX} ELSE {MAX_AMOUNT_CENTS} END"


class Contribution(Identified, Versioned, Base):
    """Money that a contributor puts into a territory's envelope. A mistaken one is reversed, never edited."""

    __tablename__ = "contributions"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        Index(
            "contributions_reference_key",
            "territory",
            "organisation_id",
            "reference",
            unique=True,
            postgresql_where=text("status = 'recorded'"),
        ),
        shape(AMOUNT, name="contribution_amount"),
        shape(one_of("repayment_policy", RepaymentPolicy), name="contribution_repayment_policy"),
        shape("(status = 'reversed') = (reason IS NOT NULL)", name="contribution_reason"),
        shape(one_of("status", ActStatus), name="contribution_status"),
    )

    territory: Mapped[str] = mapped_column(ForeignKey("territories.slug"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"), index=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    decided_on: Mapped[date]
    reference: Mapped[str]
    repayment_policy: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="recorded")
    reason: Mapped[str | None]


class AccountBalance(Base):
    """The balance of one account of one contribution, in cents: the row that refuses the cent too many."""

    __tablename__ = "account_balances"
    __table_args__ = (
        ForeignKeyConstraint(["territory", "contribution_id"], ["contributions.territory", "contributions.id"]),
        shape(one_of("account", Account), name="account_name"),
        CheckConstraint("account <> 'available' OR balance_cents >= 0", name="envelope_exhausted"),
        CheckConstraint("account = 'available' OR balance_cents >= 0", name="account_overdrawn"),
        shape(f"balance_cents <= {CENTS_MAX}", name="account_too_large"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    territory: Mapped[str] = mapped_column(primary_key=True)
    contribution_id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    balance_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")


class AccountDay(Base):
    """What an account holds at the end of a day, in cents: on each day on which an entry counts, and until the next.

    A trigger of the ledger alone writes the rows, and the CHECKs refuse the entry that would leave an account below
    zero on any day. `allowance_cents` is what was below zero when the rule came; only the migration sets it.
    """

    __tablename__ = "account_days"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "contribution_id", "account"],
            ["account_balances.territory", "account_balances.contribution_id", "account_balances.account"],
            name="account_days_account_fkey",
        ),
        CheckConstraint("account <> 'available' OR closing_cents + allowance_cents >= 0", name="envelope_exhausted"),
        CheckConstraint("account = 'available' OR closing_cents + allowance_cents >= 0", name="account_overdrawn"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    territory: Mapped[str] = mapped_column(primary_key=True)
    contribution_id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    closing_cents: Mapped[int] = mapped_column(BigInteger)
    allowance_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")


# The entries that are not a contribution, an award or a payment: they are few beside these.
BACK = (Account.RELEASED, Account.REPAID, Account.RECOVERED, Account.SHORTFALL)
_back = ", ".join(f"'{each}'" for each in BACK)
COMES_BACK = f"debit IN ({_back}) OR credit IN ({_back})"


class LedgerEntry(Identified, Base):
    """One movement: an amount from the credited account to the debited one. Append-only.

    `effective_on` is when it counts, `recorded_at` when it was known; the balances are those right after it.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["territory", "contribution_id", "debit"],
            ["account_balances.territory", "account_balances.contribution_id", "account_balances.account"],
            name="ledger_entries_debit_fkey",
        ),
        ForeignKeyConstraint(
            ["territory", "contribution_id", "credit"],
            ["account_balances.territory", "account_balances.contribution_id", "account_balances.account"],
            name="ledger_entries_credit_fkey",
        ),
        shape("debit <> credit", name="entry_within_one_account"),
        shape(f"amount_cents BETWEEN 1 AND {CENTS_MAX}", name="entry_amount"),
        shape(one_of("act", Act), name="entry_act"),
        shape("debit_balance_cents >= 0 AND credit_balance_cents >= 0", name="entry_balances"),
        shape("effective_on BETWEEN '1900-01-01' AND '2199-12-31'", name="entry_effective_on"),
        UniqueConstraint("reverses_id", name="already_reversed"),
        Index(None, "territory", "effective_on"),
        Index("ledger_entries_comes_back_idx", "territory", "effective_on", postgresql_where=text(COMES_BACK)),
        Index(None, "act_id"),
        Index(None, "award_id"),
    )

    territory: Mapped[str]
    contribution_id: Mapped[UUID] = mapped_column(index=True)
    debit: Mapped[str]
    credit: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    debit_balance_cents: Mapped[int] = mapped_column(BigInteger)
    credit_balance_cents: Mapped[int] = mapped_column(BigInteger)
    effective_on: Mapped[date]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    act: Mapped[str]
    act_id: Mapped[UUID]
    award_id: Mapped[UUID | None]
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("ledger_entries.id"))


# An entry adds to its day and to every later one, in both accounts; a day's row that is not there yet begins as a copy
# of the one before. Whoever posts has updated the rows of `account_balances`, so two postings of an account never meet
# here (decision 8). A debit raises an account, but for the two that a credit raises.
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
POST = (
    "CREATE TRIGGER post_account_days AFTER INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION post_account_days()"
)

# Whether an account has a closing after a day. It reads with a snapshot of its own: called on rows that a query has
# just locked, it sees what was committed while that query waited for the lock.
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

REFUSE_DIRECT_CHANGE = """
CREATE FUNCTION refuse_direct_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is written by triggers alone', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_derived';
END
$$
"""
DERIVED = (
    "CREATE TRIGGER derived BEFORE INSERT OR UPDATE OR DELETE ON account_days FOR EACH STATEMENT"
    " WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_direct_change()"
)
UNCUT = (
    "CREATE TRIGGER uncut BEFORE TRUNCATE ON account_days FOR EACH STATEMENT EXECUTE FUNCTION refuse_direct_change()"
)

keep(LedgerEntry)
for _function in (POST_ACCOUNT_DAYS, MOVES_LATER, REFUSE_DIRECT_CHANGE):
    event.listen(Base.metadata, "before_create", DDL(_function.replace("%", "%%")))
event.listen(LedgerEntry.__table__, "after_create", DDL(POST))
for _trigger in (DERIVED, UNCUT):
    event.listen(AccountDay.__table__, "after_create", DDL(_trigger))
