"""What travels about contacts."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import PERSONAL, Body, Read
from app.core.values import Day, Email, ExternalId, Line, Siren, text
from app.firms.contacts.models import ErasureCause, LegalBasis, Purpose

Phone = Annotated[str, text(40)]
PersonalText = Annotated[str | None, Field(json_schema_extra=PERSONAL)]


class ContactCreate(Body):
    """A person of a firm that the territory follows: why the data is kept, what allows it, and until when.

    `retain_until_on` is included, at most ten years from now; the day after, `rebond tick` erases the person.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"siren": "910000017", "name": "Dominique Exemple (demonstration)", "function": "direction",
                 "email": "dominique@demonstration.invalid", "phone": "+33 1 99 00 00 01",
                 "purpose": "engineering_mission", "legal_basis": "public_task", "retain_until_on": "2028-10-03"}
            ]
        }
    )  # fmt: skip

    siren: Siren
    name: Line
    function: Line | None = None
    email: Email | None = None
    phone: Phone | None = None
    purpose: Purpose
    legal_basis: LegalBasis
    retain_until_on: Day
    external_id: ExternalId | None = None


class ContactUpdate(Body):
    """Fields of a contact to change (GDPR art. 16); the firm stays: at another firm it is another contact."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"function": "direction générale"}]})

    name: Line | MISSING = MISSING
    function: Line | None | MISSING = MISSING
    email: Email | None | MISSING = MISSING
    phone: Phone | None | MISSING = MISSING
    purpose: Purpose | MISSING = MISSING
    legal_basis: LegalBasis | MISSING = MISSING
    retain_until_on: Day | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class Contact(Read):
    """A person of a firm, as one territory knows it. Erased, it is a row without a person: what it took part in counts.

    Personal fields enter no event, no log and no public export.
    """

    id: UUID
    territory: str
    siren: str
    firm_name: str
    name: PersonalText
    function: PersonalText
    email: PersonalText
    phone: PersonalText
    purpose: Purpose
    legal_basis: LegalBasis
    retain_until_on: date
    external_id: PersonalText
    erased_at: datetime | None
    erased_because: ErasureCause | None
    recorded_by: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime
