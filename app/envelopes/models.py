"""Tables of the envelope."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, Identified, Versioned, one_of, shape
from app.core.routines import keep
from app.envelopes.rules import Account, Act, ActStatus, RepaymentPolicy

CENTS_MAX = 2**53 - 1


class Contribution(Identified, Versioned, Base):
    """Money that a contributor puts into a territory's envelope. A mistaken one is reversed, never edited."""

    __tablename__ = "contributions"
    __table_args__ = (
        UniqueConstraint("territory", "id"),
        UniqueConstraint("territory", "organisation_id", "reference"),
        shape(f"amount_cents BETWEEN 1 AND {CENTS_MAX}", name="contribution_amount"),
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
        CheckConstraint(f"balance_cents <= {CENTS_MAX}", name="account_too_large"),
        {"postgresql_with": {"fillfactor": 50}},
    )

    territory: Mapped[str] = mapped_column(primary_key=True)
    contribution_id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(primary_key=True)
    balance_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")


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


keep(LedgerEntry)
