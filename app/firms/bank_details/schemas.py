"""What travels about bank details. The number comes in with a proposal, and goes out at one address alone."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.core.schemas import Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import Iban, Line, Reason
from app.firms.bank_details.rules import BankDetailsStatus
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug


class BankDetailsCreate(Body):
    """The account to which a firm's aid is to be paid (*RIB*)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"iban": "FR26 9999 9000 0100 0000 0000 142", "holder_name": "Mécanique cévenole"}]
        }
    )

    iban: Annotated[
        Iban,
        Field(
            description="IBAN of the account, spaces and lower case allowed. It is stored apart, and shown only as its"
            " first and last four characters."
        ),
    ]
    holder_name: Annotated[Line, Field(description="Holder of the account, as its bank writes the name.")]


class BankDetailsEnd(Body):
    """Why bank details are refused or withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The firm did not confirm them by phone."}]})

    reason: Annotated[
        Reason,
        Field(description="Why they are refused or withdrawn; it is shown beside them, so it cannot contain an IBAN."),
    ]


class BankDetails(Read):
    """Bank details of a firm, as one territory holds them: paid to from their approval until their end."""

    id: Id
    territory: TerritorySlug
    siren: SirenRead
    firm_name: FirmName
    iban: str = Field(
        description="The IBAN, masked: its first and last four characters, such as FR14 •••• 0606. The treasurer reads"
        " it in full at …/{id}/iban."
    )
    holder_name: PersonName = Field(description="Holder of the account; it may be a person, so no event shows it.")
    status: BankDetailsStatus = Field(
        description="proposed; approved: the firm is paid here; refused; withdrawn; superseded: others were approved"
        " after these. A firm has at most one proposed and one approved."
    )
    proposed_by: UUID = Field(
        description="The person or service account that proposed them, and that therefore cannot decide on them."
    )
    proposed_by_name: PersonName = Field(description="Present name of the subject of proposed_by.")
    decided_by: UUID | None = Field(description="The person who approved or refused them; null while nobody has.")
    decided_by_name: PersonNameOrNull = Field(
        description="Present name of the person who approved or refused them; null while nobody has."
    )
    decided_at: datetime | None = Field(description="Instant in UTC of the approval or refusal; null while none is.")
    ended_at: datetime | None = Field(
        description="Instant in UTC at which they were refused, withdrawn or superseded; null while they are proposed"
        " or approved."
    )
    end_reason: str | None = Field(description="Why they were refused or withdrawn; null where they were neither.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class BankDetailsIban(Read):
    """An IBAN in full."""

    id: UUID = Field(description="The bank details, or the account, that have this IBAN.")
    iban: str = Field(
        description="The IBAN in full, without spaces. Do not log or store this answer.",
        json_schema_extra={"x-confidential": True},
    )
