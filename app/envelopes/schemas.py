"""What travels about the envelope."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.access.schemas import OrganisationName
from app.core.schemas import Body, CreatedAt, Id, PersonNameOrNull, Read, RecordedAt, UpdatedAt, Version
from app.core.values import Cents, Day, PositiveCents, Reason, ShortLine, Uuid
from app.envelopes.rules import Account, Act, ActStatus, RepaymentPolicy
from app.programme.schemas import TerritorySlug

# Amounts and reasons of acts of money, which are never changed but reversed.
ActAmount = Annotated[Cents, Field(description="Cents of euro. It never changes: a mistake is reversed.")]
ReversalReason = Annotated[str | None, Field(description="Why it was reversed; null while it counts.")]


class ContributionCreate(Body):
    """Money that a contributor has decided to put into the envelope."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"organisation_id": "019a9f5e-0000-7000-8000-000000000000", "amount_cents": 120_000_000,
                 "decided_on": "2023-06-14", "reference": "FR2030-ALES-1", "repayment_policy": "return"}
            ]
        }
    )  # fmt: skip

    organisation_id: Annotated[Uuid, Field(description="The organisation that contributes the money.")]
    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro, available in full from `decided_on`.")]
    decided_on: Annotated[Day, Field(description="Paris day from which the money counts; today at the latest.")]
    reference: Annotated[ShortLine, Field(description="The contributor's own reference of its decision.")]
    repayment_policy: Annotated[
        RepaymentPolicy,
        Field(description="Where money that comes back goes: return, to the contributor; recycle, into the envelope."),
    ] = RepaymentPolicy.RETURN


class Reversal(Body):
    """Why a mistaken act is reversed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Recorded twice."}]})

    reason: Annotated[Reason, Field(description="What was wrong; it is shown beside the reversed act.")]


class Contribution(Read):
    """A contribution to a territory's envelope."""

    id: Id
    territory: TerritorySlug
    organisation_id: UUID = Field(description="The organisation that contributes the money.")
    organisation_name: OrganisationName
    amount_cents: ActAmount
    decided_on: date = Field(description="Paris day from which the money counts in the envelope.")
    reference: str = Field(description="The contributor's own reference, once per contributor and territory.")
    repayment_policy: RepaymentPolicy = Field(
        description="Where money that comes back goes: return, to the contributor; recycle, into the envelope."
    )
    status: ActStatus = Field(description="recorded: it counts; reversed: opposite entries took it back.")
    reason: ReversalReason
    shortfall_cents: Cents = Field(
        description="Cents of euro that bounced repayments took and this contribution no longer had; its next money"
        " fills it first."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class LedgerEntry(Read):
    """A movement of the ledger: from the credited account to the debited one, with both balances after it."""

    id: Id
    contribution_id: UUID = Field(description="The contribution within whose accounts the money moves.")
    contribution_reference: str = Field(description="The contributor's own reference of that contribution.")
    contributor_id: UUID = Field(description="The organisation whose money moves.")
    contributor_name: str = Field(description="Present name of that organisation.")
    effective_on: date = Field(
        description="Paris day on which the movement counts; a reversal counts on the first one's."
    )
    recorded_at: RecordedAt
    debit: Account = Field(description="The account into which the amount goes.")
    credit: Account = Field(description="The account out of which the amount comes.")
    amount_cents: Cents = Field(description="Cents of euro moved, above zero.")
    debit_balance_cents: Cents = Field(description="Cents of euro in the debited account right after this movement.")
    credit_balance_cents: Cents = Field(description="Cents of euro in the credited account right after this movement.")
    act: Act = Field(description="What caused the movement; a reversal has the act that it takes back.")
    act_id: UUID = Field(
        description="The contribution, award, payment, tranche, repayment or receipt of a recovery that caused it."
    )
    award_id: UUID | None = Field(
        description="The grant or advance that the movement belongs to; null of contributions."
    )
    award_title: str | None = Field(description="The project title of that grant or advance; null where there is none.")
    reverses_id: UUID | None = Field(description="The movement that this one takes back; null of any other.")
    recorded_by: UUID | None = Field(description="Who recorded the act; null where the service itself did.")
    recorded_by_name: PersonNameOrNull = Field(description="Present name of who recorded the act; null as the id is.")


class Amounts(Read):
    """The envelope's figures in cents of euro."""

    contributed_cents: Cents = Field(description="Cents of euro contributed, less reversed contributions.")
    available_cents: int = Field(
        description="Cents of euro that can still be awarded. Below zero only on days of"
        " awards that were taken before every day held."
    )
    shortfall_cents: Cents = Field(
        description="Cents of euro that the bank took back and the envelope no longer had; the next money fills it."
    )
    committed_cents: Cents = Field(description="Cents of euro awarded and neither paid nor released.")
    paid_cents: Cents = Field(
        description="Cents of euro paid on grants and advances in all, whatever was repaid or recovered since."
    )
    released_cents: Cents = Field(description="Cents of euro that awards have given back to the envelope unpaid.")
    repaid_cents: Cents = Field(description="Cents of euro of capital that firms have repaid on advances.")
    recovered_cents: Cents = Field(description="Cents of euro paid on grants that firms have given back since.")
    recycled_cents: Cents = Field(
        description="Cents of euro repaid or recovered that are available again; part of both."
    )
    outstanding_cents: Cents = Field(description="Cents of euro of advances paid that firms still owe.")
    waived_cents: Cents = Field(description="Cents of euro of advances paid that firms need not repay, by decisions.")
    written_off_cents: Cents = Field(
        description="Cents of euro of advances paid that are given up as lost, less what came in after that."
    )


class ContributorAmounts(Amounts):
    """The figures of one contributor."""

    organisation_id: UUID = Field(description="The contributor whose money the figures count.")
    organisation_name: OrganisationName


class Shortfall(Read):
    """A bounced repayment that took more than its contribution had left, while some of it is not filled.

    `taken_cents` is what this bounce took of it, `shortfall_cents` what the contribution is short of in all.
    """

    contribution_id: UUID = Field(description="The contribution that is short.")
    contribution_reference: str = Field(description="The contributor's own reference of the contribution.")
    organisation_id: UUID = Field(description="Whose contribution it is.")
    organisation_name: str = Field(description="Present name of the contributor.")
    shortfall_cents: Cents = Field(description="Cents of euro that the contribution is short of in all.")
    advance_id: UUID = Field(description="The advance whose repayment bounced.")
    advance_title: str = Field(description="Title of the project that the advance is for.")
    repayment_id: UUID = Field(description="The repayment that bounced.")
    repayment_reference: str = Field(description="The receiver's own reference of the repayment.")
    bounced_on: date = Field(description="Paris day on which the bank sent it back.")
    taken_cents: Cents = Field(description="Cents of euro that this bounce took and the contribution did not have.")


class Envelope(Amounts):
    """A territory's envelope, whole and by contributor.

    contributed + recycled + shortfall = available + committed + paid.
    """

    territory: TerritorySlug
    as_of: date = Field(description="Paris day at whose end the figures count; today where the request names none.")
    recorded_as_of: date | None = Field(
        description="Paris day at whose end the figures were known so; null: as they are known now."
    )
    by_contributor: list[ContributorAmounts] = Field(
        description="The same figures of each contributor, in the order of their names; they sum to the whole."
    )
    shortfalls: list[Shortfall] = Field(
        description="The causes of `shortfall_cents`: the bounces that took it, in the order of their days."
    )
