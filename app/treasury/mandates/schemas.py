"""What travels about mandates."""

import re
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from app.access.schemas import OrganisationName
from app.core.schemas import Body, CreatedAt, Id, PersonName, Read, UpdatedAt, Version
from app.core.values import Day, ShortLine, Uuid
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug
from app.treasury.mandates.rules import INVALID_MANDATE_REFERENCE


def _reference(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9/?:().,+-]{1,35}", text):
        raise INVALID_MANDATE_REFERENCE.error()
    return text


class MandateCreate(Body):
    """A mandate that a firm has signed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"reference": "RUM-2024-001", "signed_on": "2024-01-15",
                 "bank_details_id": "019a9f5e-0000-7000-8000-000000000002"}
            ]
        }
    )  # fmt: skip

    reference: Annotated[
        ShortLine,
        AfterValidator(_reference),
        Field(
            description="Unique reference of the mandate (RUM), 1 to 35 letters, digits or / ? : ( ) . , + -; once per"
            " organisation."
        ),
    ]
    signed_on: Annotated[Day, Field(description="Paris day on which the firm signed it; today at the latest.")]
    bank_details_id: Annotated[
        Uuid, Field(description="The firm's approved bank details that money is collected from.")
    ]
    ended_on: Annotated[
        Day | None,
        Field(description="Paris day from which nothing is collected by it; absent or null while it is in force."),
    ] = None


class MandateEnd(Body):
    """That a mandate is in force no longer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ended_on": "2025-06-30"}]})

    ended_on: Annotated[Day, Field(description="Paris day from which nothing is collected by it; signed_on or later.")]


class Mandate(Read):
    """A mandate (*mandat de prélèvement SEPA*) that a firm gave an organisation."""

    id: Id
    territory: TerritorySlug
    siren: SirenRead
    firm_name: FirmName
    organisation_id: UUID = Field(description="The organisation that may collect: that of who recorded the mandate.")
    organisation_name: OrganisationName
    reference: str = Field(description="Unique reference of the mandate (RUM), once per organisation.")
    signed_on: date = Field(description="Paris day on which the firm signed it.")
    bank_details_id: UUID = Field(description="The firm's bank details that money is collected from.")
    iban: str = Field(description="The IBAN of these bank details, masked: its first and last four characters.")
    usable: bool = Field(
        description="Whether a collection run can use it today: it has not ended, and its bank details are still the"
        " approved ones of the firm."
    )
    ended_on: date | None = Field(description="Paris day from which nothing is collected by it; null while in force.")
    recorded_by: UUID = Field(description="Who recorded the mandate.")
    recorded_by_name: PersonName = Field(description="Present name of who recorded the mandate.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
