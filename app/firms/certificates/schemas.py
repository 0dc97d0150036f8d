"""What travels about certificates of firms."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.core.schemas import Body, CreatedAt, Id, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import Day, Reason, Sha256
from app.firms.certificates.models import CertificateKind
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug


class FirmCertificateCreate(Body):
    """A certificate that a firm has handed in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "tax", "issued_on": "2023-10-02", "valid_until_on": "2024-03-30",
                 "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
            ]
        }
    )  # fmt: skip

    kind: Annotated[CertificateKind, Field(description="tax: taxes are paid; social: social contributions are paid.")]
    issued_on: Annotated[Day, Field(description="Paris day of the certificate; today or earlier.")]
    valid_until_on: Annotated[Day, Field(description="Last Paris day on which it counts; issued_on or later.")]
    sha256: Annotated[Sha256, Field(description="SHA-256 digest of the file, in lower-case hexadecimal.")]


class FirmCertificateReversal(Body):
    """Why a mistaken certificate is reversed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "It is of another firm."}]})

    reason: Annotated[Reason, Field(description="What was wrong; it is shown beside the certificate.")]


class FirmCertificate(Read):
    """A tax or social-contribution certificate of a firm (*attestation de régularité fiscale, de vigilance*).

    It never changes: a mistake is reversed, and the right one recorded.
    """

    id: Id
    territory: TerritorySlug
    siren: SirenRead
    firm_name: FirmName
    kind: CertificateKind = Field(description="tax: taxes are paid; social: social contributions are paid.")
    issued_on: date = Field(description="Paris day of the certificate.")
    valid_until_on: date = Field(description="Last Paris day on which it counts.")
    sha256: str = Field(description="SHA-256 digest of the file, in lower-case hexadecimal.")
    recorded_by: UUID | None = Field(
        description="Person or service account that recorded it; null where the service itself did."
    )
    recorded_by_name: PersonNameOrNull = Field(description="Present name of the subject of recorded_by.")
    reversed_on: date | None = Field(description="Paris day on which it was reversed; null while it counts.")
    reversal_reason: str | None = Field(description="Why it was reversed; null while it counts.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
