"""What travels about certificates of service."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.schemas import CONFIDENTIAL, Body, Read
from app.core.values import Day, Reason, SignedDays, Uuid


class Remark(Body):
    """What the operator remarks on one entry, and why."""

    entry_id: Uuid
    reason: Reason


Remarks = Annotated[list[Remark], Field(max_length=1000)]


class ServiceCertificateCreate(Body):
    """The validated days of a member that count in a period, both days included, but for those refused.

    A refused entry stays validated: the lead firm reverses it, or the next certificate takes it.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"mission_id": "019a9f5e-0000-7000-8000-000000000000",
                 "organisation_id": "019a9f5e-0000-7000-8000-000000000000",
                 "from_on": "2023-06-14", "to_on": "2023-06-30"}
            ]
        }
    )  # fmt: skip

    mission_id: Uuid
    organisation_id: Uuid
    from_on: Day
    to_on: Day
    reservations: Remarks = Field(default_factory=list)
    refusals: Remarks = Field(default_factory=list)

    @model_validator(mode="after")
    def _ordered(self) -> "ServiceCertificateCreate":
        if self.to_on < self.from_on:
            raise PydanticCustomError("period_reversed", "The end comes before the start.")
        return self


class Cancellation(Body):
    """Why a certificate is cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Two days belong to another firm."}]})

    reason: Reason


class CertificateLine(Read):
    """The days of a profile at a day rate, and what they come to: half-up to the cent."""

    profile: str
    days: SignedDays
    day_rate_cents: int
    amount_excl_vat_cents: int


class CertificateRemark(Read):
    """A reservation on an entry, or its refusal."""

    entry_id: UUID
    kind: Literal["reservation", "refusal"]
    reason: str


class ServiceCertificate(Read):
    """A service certificate, the base of an invoice; or the counter-certificate, with negative figures, of another.

    `content_hash` is the SHA-256 of its canonical JSON (`…/content`). Events never show its amounts.
    """

    id: UUID
    number: int
    mission_id: UUID
    mission_name: str
    organisation_id: UUID
    organisation_name: str
    from_on: date
    to_on: date
    days: SignedDays
    lines: Annotated[list[CertificateLine], Field(json_schema_extra=CONFIDENTIAL)]
    amount_excl_vat_cents: Annotated[int, Field(json_schema_extra=CONFIDENTIAL)]
    vat_rate_bp: int
    vat_cents: Annotated[int, Field(json_schema_extra=CONFIDENTIAL)]
    total_cents: Annotated[int, Field(json_schema_extra=CONFIDENTIAL)]
    remarks: list[CertificateRemark]
    content_hash: str
    cancels_id: UUID | None
    cancelled_by_id: UUID | None
    reason: str | None
    certified_by: UUID
    version: int
    created_at: datetime
    updated_at: datetime


class CertificateContent(Read):
    """What a certificate was made from, as it was sealed: its entries too, or what a counter-certificate cancels."""

    id: UUID
    number: int
    territory: str
    mission_id: UUID
    organisation_id: UUID
    from_on: date
    to_on: date
    days: SignedDays
    lines: list[CertificateLine]
    amount_excl_vat_cents: int
    vat_rate_bp: int
    vat_cents: int
    total_cents: int
    certified_by: UUID
    certified_at: datetime
