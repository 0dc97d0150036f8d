"""What travels about the envelope."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.core.schemas import Body, Read
from app.core.values import Cents, Day, PositiveCents, Reason, ShortLine, Uuid
from app.envelopes.rules import Account, Act, ActStatus, RepaymentPolicy


class ContributionCreate(Body):
    """Money decided by a contributor. Repaid capital of advances returns to it unless `recycle` is said."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"organisation_id": "019a9f5e-0000-7000-8000-000000000000", "amount_cents": 120_000_000,
                 "decided_on": "2023-06-14", "reference": "FR2030-ALES-1", "repayment_policy": "return"}
            ]
        }
    )  # fmt: skip

    organisation_id: Uuid
    amount_cents: PositiveCents
    decided_on: Day
    reference: ShortLine
    repayment_policy: RepaymentPolicy = RepaymentPolicy.RETURN


class Reversal(Body):
    """Why a mistaken act is reversed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Recorded twice."}]})

    reason: Reason


class Contribution(Read):
    """A contribution to a territory's envelope."""

    id: UUID
    territory: str
    organisation_id: UUID
    organisation_name: str
    amount_cents: Cents
    decided_on: date
    reference: str
    repayment_policy: RepaymentPolicy
    status: ActStatus
    reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime


class LedgerEntry(Read):
    """A movement of the ledger: from the credited account to the debited one, with both balances after it."""

    id: UUID
    contribution_id: UUID
    contributor_id: UUID
    contributor_name: str
    effective_on: date
    recorded_at: datetime
    debit: Account
    credit: Account
    amount_cents: Cents
    debit_balance_cents: Cents
    credit_balance_cents: Cents
    act: Act
    act_id: UUID
    award_id: UUID | None
    reverses_id: UUID | None
    recorded_by: UUID | None


class Amounts(Read):
    """The envelope's figures in cents. Committed is what awards still hold; paid counts what was paid in all."""

    contributed_cents: Cents
    available_cents: Annotated[int, Field(description="Below zero on a day before the money of a back-dated award.")]
    committed_cents: Cents
    paid_cents: Cents
    released_cents: Cents
    repaid_cents: Cents
    recycled_cents: Cents
    outstanding_cents: Cents


class ContributorAmounts(Amounts):
    """The figures of one contributor."""

    organisation_id: UUID
    organisation_name: str


class Envelope(Amounts):
    """A territory's envelope, whole and by contributor.

    contributed + recycled = available + committed + paid; outstanding is what advances still owe.
    """

    territory: str
    as_of: date
    recorded_as_of: date | None
    by_contributor: list[ContributorAmounts]
