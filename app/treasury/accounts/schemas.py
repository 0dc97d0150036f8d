"""What travels about the accounts of organisations. The number comes in with a proposal, masked from then on."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.access.schemas import OrganisationName
from app.core.schemas import Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import CreditorIdentifier, Day, Iban, ShortLine
from app.firms.bank_details.rules import BankDetailsStatus


class BankAccountCreate(Body):
    """An account from which an organisation pays."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"label": "Aid payments", "iban": "FR26 9999 9000 0100 0000 0000 142", "from_on": "2026-12-01"},
                {
                    "label": "Aid payments and collection",
                    "iban": "FR26 9999 9000 0100 0000 0000 142",
                    "creditor_identifier": "FR72ZZZ123456",
                    "from_on": "2026-12-01",
                },
            ]
        }
    )

    label: Annotated[
        ShortLine,
        Field(
            description="Name by which the organisation knows the account. Of one label one account is proposed and one"
            " is approved at a time: an approval supersedes the account approved before it."
        ),
    ]
    iban: Annotated[
        Iban,
        Field(
            description="IBAN of the account, spaces and lower case allowed. It is stored apart, and shown only as its"
            " first and last four characters."
        ),
    ]
    creditor_identifier: Annotated[
        CreditorIdentifier | None,
        Field(
            description="SEPA creditor identifier (ICS) under which the organisation collects by direct debit to this"
            " account, spaces and lower case allowed; absent or null where it collects nothing."
        ),
    ] = None
    from_on: Annotated[Day, Field(description="First day on which a payment run can be executed from this account.")]


class BankAccount(Read):
    """An account of an organisation: payment runs can use it from its approval until its end."""

    id: Id
    organisation_id: UUID = Field(description="The organisation that pays from the account.")
    organisation_name: OrganisationName
    label: str = Field(description="Name by which the organisation knows the account.")
    iban: str = Field(
        description="The IBAN, masked: its first and last four characters, such as FR14 •••• 0606. A treasurer of the"
        " organisation reads it in full at …/{id}/iban."
    )
    creditor_identifier: str | None = Field(
        description="SEPA creditor identifier (ICS) of the organisation for direct debits to this account; null where"
        " it collects nothing."
    )
    from_on: date = Field(description="First day on which a payment run can be executed from this account.")
    status: BankDetailsStatus = Field(
        description="proposed; approved: payment runs can use it; refused; withdrawn; superseded: another of the same"
        " label was approved after it."
    )
    proposed_by: UUID = Field(
        description="The person or service account that proposed it, and that therefore cannot decide on it."
    )
    proposed_by_name: PersonName = Field(description="Present name of the subject of proposed_by.")
    decided_by: UUID | None = Field(description="The person who approved or refused it; null while nobody has.")
    decided_by_name: PersonNameOrNull = Field(
        description="Present name of the person who approved or refused it; null while nobody has."
    )
    decided_at: datetime | None = Field(description="Instant in UTC of the approval or refusal; null while none is.")
    ended_at: datetime | None = Field(
        description="Instant in UTC at which it was refused, withdrawn or superseded; null while it is proposed or"
        " approved."
    )
    end_reason: str | None = Field(description="Why it was refused or withdrawn; null where it was neither.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
