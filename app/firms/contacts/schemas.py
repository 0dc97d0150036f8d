"""What travels about contacts."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import Body, CreatedAt, Id, PersonalText, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import Day, Email, ExternalId, Line, Siren, text
from app.firms.contacts.models import ErasureCause, LegalBasis, Purpose
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

Phone = Annotated[str, text(40)]

_Name = Annotated[Line, Field(description="First name and family name of the person.")]
_Function = Annotated[Line, Field(description="What the person does at the firm, such as direction générale.")]
_Email = Annotated[Email, Field(description="Professional address; kept in lower case, and nothing is sent to it.")]
_Phone = Annotated[Phone, Field(description="Professional number as people write it, such as +33 1 99 00 00 01.")]
_RetainUntil = Annotated[
    Day,
    Field(
        description="Last Paris day on which the data is kept, from today to ten years ahead; the day after, `rebond"
        " tick` erases the person."
    ),
]


class ContactCreate(Body):
    """A person of a firm that the territory follows: why the data is kept, what allows it, and until when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"siren": "910000017", "name": "Dominique Exemple (demonstration)", "function": "direction",
                 "email": "dominique@demonstration.invalid", "phone": "+33 1 99 00 00 01",
                 "purpose": "engineering_mission", "legal_basis": "public_task", "retain_until_on": "2028-10-03"}
            ]
        }
    )  # fmt: skip

    siren: Annotated[Siren, Field(description="The firm that the person works for; the territory must follow it.")]
    name: _Name
    function: _Function | None = None
    email: _Email | None = None
    phone: _Phone | None = None
    purpose: Purpose
    legal_basis: LegalBasis
    retain_until_on: _RetainUntil
    external_id: ExternalId | None = None


class ContactUpdate(Body):
    """Fields of a contact to change (GDPR art. 16); the firm stays: at another firm it is another contact."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"function": "direction générale"}]})

    name: _Name | MISSING = MISSING
    function: _Function | None | MISSING = MISSING
    email: _Email | None | MISSING = MISSING
    phone: _Phone | None | MISSING = MISSING
    purpose: Purpose | MISSING = MISSING
    legal_basis: LegalBasis | MISSING = MISSING
    retain_until_on: _RetainUntil | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class Contact(Read):
    """A person of a firm, as one territory knows it.

    Erasure takes the person out of the row; auditions in which the person took part still count it. Personal fields
    enter no event, no log and no public export.
    """

    id: Id
    territory: TerritorySlug
    siren: SirenRead
    firm_name: FirmName
    name: PersonalText = Field(description="First name and family name; null once the person is erased.")
    function: PersonalText = Field(
        description="What the person does at the firm; null where it is not recorded, and once the person is erased."
    )
    email: PersonalText = Field(
        description="Professional address in lower case; null where it is not recorded, and once the person is erased."
    )
    phone: PersonalText = Field(
        description="Professional number; null where it is not recorded, and once the person is erased."
    )
    purpose: Purpose = Field(description="What the data is kept for (GDPR art. 5(1)(b)).")
    legal_basis: LegalBasis = Field(description="Which of the six grounds of GDPR art. 6(1) allows it.")
    retain_until_on: date = Field(
        description="Last Paris day on which the data is kept; the day after, `rebond tick` erases the person."
    )
    external_id: PersonalText = Field(
        description="Identifier of the person in another system; null where it has none, and once the person is erased."
    )
    erased_at: datetime | None = Field(description="Instant in UTC at which the person was erased; null: not erased.")
    erased_because: ErasureCause | None = Field(description="Why the person was erased; null where erased_at is.")
    recorded_by: UUID | None = Field(
        description="Person or service account that recorded the contact; null where the service itself did."
    )
    recorded_by_name: PersonNameOrNull = Field(description="Present name of the subject of recorded_by.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
