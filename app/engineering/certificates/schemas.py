"""What travels about certificates of service."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.access.schemas import OrganisationName
from app.core.schemas import (
    CONFIDENTIAL,
    SEALED,
    Body,
    ContentHash,
    CreatedAt,
    Id,
    PersonName,
    Read,
    UpdatedAt,
    Version,
    period_in_order,
)
from app.core.values import Day, Reason, SignedDays, Uuid
from app.missions.schemas import MissionName
from app.programme.schemas import TerritorySlug


class Remark(Body):
    """What the operator says about one entry of a certificate."""

    entry_id: Annotated[Uuid, Field(description="A validated time entry of the member that counts in the period.")]
    reason: Annotated[Reason, Field(description="Why, in a person's words; it is shown on the certificate.")]


Remarks = Annotated[list[Remark], Field(max_length=1000)]


class ServiceCertificateCreate(Body):
    """The validated days of one member that count in a period, without those refused."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"mission_id": "019a9f5e-0000-7000-8000-000000000000",
                 "organisation_id": "019a9f5e-0000-7000-8000-000000000000",
                 "from_on": "2023-06-14", "to_on": "2023-06-30"}
            ]
        }
    )  # fmt: skip

    mission_id: Annotated[Uuid, Field(description="The mission of the territory whose days are certified.")]
    organisation_id: Annotated[Uuid, Field(description="The member of the consortium whose days they are.")]
    from_on: Annotated[Day, Field(description="First Paris day of the period, by the day on which entries count.")]
    to_on: Annotated[Day, Field(description="Last Paris day of the period, included; it decides the rate of VAT.")]
    reservations: Annotated[
        Remarks, Field(description="Remarks on entries that are certified all the same, at most 1 000.")
    ] = Field(default_factory=list)
    refusals: Annotated[
        Remarks,
        Field(
            description="Entries that are left out, at most 1 000. They stay validated and say why: their own firm or"
            " the lead firm reverses them, or a later certificate contains them. Entries that an earlier certificate"
            " refused are certified unless they are named here again; the answer lists them in earlier_refusals."
        ),
    ] = Field(default_factory=list)

    _in_order = model_validator(mode="after")(period_in_order)


class Cancellation(Body):
    """Why a certificate is cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Two days belong to another firm."}]})

    reason: Annotated[Reason, Field(description="Why, in a person's words; it is shown on the counter-certificate.")]


_Days = Annotated[SignedDays, Field(description="Man-days; negative on a counter-certificate.")]
_AmountExclVat = Annotated[
    int, Field(description="Euro cents, excluding VAT: the sum of the lines; negative on a counter-certificate.")
]
_VatRate = Annotated[int, Field(description="Normal rate of VAT on the last day of the period, in basis points.")]
_Vat = Annotated[int, Field(description="Euro cents of VAT on the amount, rounded half-up once.")]
_Total = Annotated[int, Field(description="Euro cents, including VAT.")]
_Lines = Annotated[
    list["CertificateLine"], Field(description="The amounts by profile and day rate, each rounded half-up to the cent.")
]
_FromOn = Annotated[date, Field(description="First Paris day of the period.")]
_ToOn = Annotated[date, Field(description="Last Paris day of the period, included.")]
_Number = Annotated[
    int,
    Field(description="Number of the certificate in its territory, from 1 without a gap, counter-certificates too."),
]


class CertificateLine(Read):
    """The days of one profile at one day rate."""

    profile: str = Field(description="Profile of the consultants who worked these days: junior, senior or expert.")
    days: _Days
    day_rate_cents: int = Field(description="Euro cents for one day, excluding VAT, in force when it was worked.")
    amount_excl_vat_cents: int = Field(
        description="Euro cents, excluding VAT: days times rate, rounded half-up; negative on a counter-certificate."
    )


class CertificateRemark(Read):
    """A reservation on an entry, or its refusal."""

    entry_id: UUID = Field(description="The time entry that is meant.")
    entry_worked_on: date = Field(description="Paris day on which that entry was worked.")
    kind: Literal["reservation", "refusal"] = Field(
        description="reservation: the entry is certified all the same; refusal: it was left out."
    )
    reason: str = Field(description="Why, in the words of the operator.")


class EarlierRefusal(Read):
    """A day of a certificate that an earlier certificate refused."""

    entry_id: UUID = Field(description="The time entry, which this certificate contains.")
    entry_worked_on: date = Field(description="Paris day on which that entry was worked.")
    reason: str = Field(description="Why the earlier certificate refused it, in the words of the operator.")


class ServiceCertificate(Read):
    """A service certificate, the base of an invoice; or the counter-certificate that cancels another.

    Events never show its amounts.
    """

    id: Id
    number: _Number
    mission_id: UUID = Field(description="The mission whose days are certified.")
    mission_name: MissionName
    organisation_id: UUID = Field(description="The member of the consortium whose days they are.")
    organisation_name: OrganisationName
    from_on: _FromOn
    to_on: _ToOn
    days: _Days
    lines: _Lines = Field(json_schema_extra=CONFIDENTIAL)
    amount_excl_vat_cents: _AmountExclVat = Field(json_schema_extra=CONFIDENTIAL)
    vat_rate_bp: _VatRate
    vat_cents: _Vat = Field(json_schema_extra=CONFIDENTIAL)
    total_cents: _Total = Field(json_schema_extra=CONFIDENTIAL)
    remarks: list[CertificateRemark] = Field(
        description="Reservations and refusals that the operator made, by entry; empty on a counter-certificate."
    )
    earlier_refusals: list[EarlierRefusal] = Field(
        description="Entries of this certificate that an earlier one refused, by entry: they are certified now."
        " Empty where there are none, and on a counter-certificate."
    )
    content_hash: ContentHash = Field(
        description="SHA-256 of the sealed content, 64 hexadecimal digits; …/content has the text that was hashed."
    )
    cancels_id: UUID | None = Field(
        description="On a counter-certificate the certificate that it cancels; null on any other."
    )
    cancels_number: int | None = Field(description="Number of the certificate that it cancels; null as the id is.")
    cancelled_by_id: UUID | None = Field(
        description="The counter-certificate that cancels this one; null while it is in force."
    )
    cancelled_by_number: int | None = Field(description="Number of that counter-certificate; null as the id is.")
    reason: str | None = Field(description="On a counter-certificate why the other is cancelled; null on any other.")
    certified_by: UUID = Field(description="The person of the operator who issued it.")
    certified_by_name: PersonName = Field(description="Present name of that person.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class CertificateContent(Read):
    """What a certificate was made from, as it was sealed: its entries too, or what a counter-certificate cancels.

    It holds ids without names, because names change and the sealed text cannot. Further members hold the entries, one
    by one, and the remarks.
    """

    model_config = SEALED

    id: UUID = Field(description="The certificate that this is the content of.")
    number: _Number
    territory: TerritorySlug
    mission_id: UUID = Field(description="The mission whose days are certified.")
    organisation_id: UUID = Field(description="The member of the consortium whose days they are.")
    from_on: _FromOn
    to_on: _ToOn
    days: _Days
    lines: _Lines = Field(json_schema_extra=CONFIDENTIAL)
    amount_excl_vat_cents: _AmountExclVat = Field(json_schema_extra=CONFIDENTIAL)
    vat_rate_bp: _VatRate
    vat_cents: _Vat = Field(json_schema_extra=CONFIDENTIAL)
    total_cents: _Total = Field(json_schema_extra=CONFIDENTIAL)
    certified_by: UUID = Field(description="The person of the operator who issued it.")
    certified_at: datetime = Field(description="Instant in UTC at which the content was sealed.")
