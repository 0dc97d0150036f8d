"""What travels about invoices."""

import re
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field

from app.access.schemas import OrganisationName
from app.core.faults import Fault
from app.core.schemas import (
    CONFIDENTIAL,
    SEALED,
    Body,
    ContentHash,
    CreatedAt,
    Id,
    PersonNameOrNull,
    Read,
    RecordedAt,
    UpdatedAt,
    Version,
)
from app.core.values import Day, Line, Reason, ShortLine, SignedDays, Siret, Uuid
from app.engineering.certificates.schemas import CertificateLine
from app.engineering.invoices.rules import InvoiceAct, InvoiceKind, InvoiceState
from app.missions.schemas import MissionName
from app.programme.schemas import TerritorySlug

INVALID_INVOICE_NUMBER = Fault(
    "invalid_invoice_number",
    en="Must be 1 to 20 letters, digits, spaces or signs among - + _ /, at least one of them a letter or a digit.",
    fr="Doit avoir de 1 à 20 lettres, chiffres, espaces ou signes parmi - + _ /, dont au moins une lettre ou un"
    " chiffre.",
)
_NUMBER = re.compile("(?=.*[A-Za-z0-9])[A-Za-z0-9 /+_-]{1,20}")


def _numbered(number: str) -> str:
    if not _NUMBER.fullmatch(number):
        raise INVALID_INVOICE_NUMBER.error()
    return number


Number = Annotated[
    ShortLine,
    AfterValidator(_numbered),
    Field(
        description="Number that the supplier gave it, at most 20 characters as Chorus Pro takes; once a supplier and"
        " year among invoices that stand: signs, spaces, case and zeros in front do not count.",
        examples=["FA-2023-0071"],
    ),
]
_EngagementNumber = Annotated[
    ShortLine,
    Field(
        description="Engagement number of the order in Chorus Pro (numéro d'engagement); null or absent: none.",
        examples=["1300451236"],
    ),
]
_ServiceCode = Annotated[
    ShortLine,
    Field(
        description="Code of the payer's service in Chorus Pro (code service); null or absent: none.",
        examples=["INVEST-30"],
    ),
]
_On = Annotated[
    Day,
    Field(
        description="Paris day of the act: today at the latest, not before the act that it follows; today if absent."
    ),
]
_ReasonOf = Annotated[Reason, Field(description="Why; it is shown in the history of the invoice.")]


class InvoiceCreate(Body):
    """The certificates that an invoice contains, or the counter-certificates that a credit note contains."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"certificate_ids": ["019a9f5e-0000-7000-8000-000000000000"], "number": "FA-2023-0071",
                 "issued_on": "2023-07-05", "engagement_number": "1300451236", "service_code": "INVEST-30"}
            ]
        }
    )  # fmt: skip

    certificate_ids: Annotated[
        list[Uuid],
        Field(
            min_length=1,
            max_length=100,
            description="Certificates of one member of one mission, each whole: for a credit note counter-certificates"
            " of certificates that are on one invoice.",
        ),
    ]
    number: Number
    issued_on: Annotated[
        Day,
        Field(
            description="Paris day that stands on the invoice: today at the latest, not before the end of what is"
            " certified, nor before the invoice that a credit note corrects."
        ),
    ]
    engagement_number: _EngagementNumber | None = None
    service_code: _ServiceCode | None = None
    payer_siret: (
        Annotated[
            Siret,
            Field(
                description="SIRET of the payer in Chorus Pro, of the organisation that certified; null or absent: its"
                " SIREN alone stands on the invoice."
            ),
        ]
        | None
    ) = None
    supplier_address: (
        Annotated[Line, Field(description="Address of the supplier as it stands on the invoice; null or absent: none.")]
        | None
    ) = None
    payer_address: (
        Annotated[Line, Field(description="Address of the payer as it stands on the invoice; null or absent: none.")]
        | None
    ) = None


class InvoiceActBody(Body):
    """What Chorus Pro says of an invoice, and since when."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"act": "suspend", "on": "2023-07-20", "reason": "Code service absent"}]}
    )

    act: Annotated[
        Literal["deposit", "make_available", "suspend", "complete", "reject", "order_payment", "pay"],
        Field(
            description="deposit: Déposée; make_available: Mise à disposition du destinataire, which is the receipt;"
            " suspend: Suspendue; complete: Complétée; reject: Rejetée; order_payment: Mandatée; pay: Mise en paiement."
        ),
    ]
    on: _On | None = None
    reason: (
        Annotated[Reason, Field(description="Why; needed to suspend or reject; null or absent: none is given.")] | None
    ) = None


class InvoiceCancellation(Body):
    """Why an invoice is cancelled before it is deposited."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Wrong engagement number."}]})

    on: _On | None = None
    reason: _ReasonOf


class InvoiceReversal(Body):
    """Why the last act was a mistake."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Recorded for another invoice."}]})

    reason: _ReasonOf


class InvoicedCertificate(Read):
    """A certificate that an invoice contains."""

    id: UUID = Field(description="The certificate of service, or the counter-certificate.")
    number: int = Field(description="Number of the certificate in its territory.")
    from_on: date = Field(description="First Paris day of its period.")
    to_on: date = Field(description="Last Paris day of its period, included.")


class InvoiceLine(CertificateLine):
    """The days of one profile at one day rate on one certificate."""

    certificate_number: int = Field(description="Number of the certificate whose sealed content says it.")
    vat_rate_bp: int = Field(description="Rate of VAT of that certificate, in basis points.")


class InvoiceVat(Read):
    """VAT of one rate."""

    rate_bp: int = Field(description="Rate of VAT, in basis points.")
    taxable_cents: int = Field(description="Euro cents, excluding VAT: the sum of the lines of this rate.")
    vat_cents: int = Field(description="Euro cents of VAT on that sum, rounded half-up once.")


class Invoice(Read):
    """An invoice of a member on certificates of service, or the credit note that corrects one.

    Events never show its amounts. Late interest and the fixed sum are what the law gives the supplier; no invoice of
    Rebond asks for them.
    """

    id: Id
    kind: InvoiceKind = Field(description="invoice, or credit_note: of counter-certificates, with negative figures.")
    number: str = Field(description="Number that the supplier gave it.")
    state: InvoiceState = Field(
        description="State of the last act that stands: issued; by the names of Chorus Pro deposited (Déposée),"
        " at_payer (Mise à disposition du destinataire), suspended (Suspendue), rejected (Rejetée), payment_ordered"
        " (Mandatée), paid (Mise en paiement); or cancelled. A rejected or cancelled one frees its number and its"
        " certificates."
    )
    reason: str | None = Field(description="Why it is suspended, rejected or cancelled; null in any other state.")
    mission_id: UUID = Field(description="The mission whose days are invoiced.")
    mission_name: MissionName
    organisation_id: UUID = Field(description="The member of the consortium that invoices.")
    organisation_name: OrganisationName
    supplier_siren: str = Field(description="SIREN of the member when the invoice was made, nine digits.")
    payer_id: UUID = Field(description="The organisation that certified the days, and pays.")
    payer_name: str = Field(description="Present name of the organisation of payer_id.")
    payer_siret: str | None = Field(description="SIRET of the payer in Chorus Pro; null where none was given.")
    engagement_number: str | None = Field(description="Engagement number of Chorus Pro; null where none was given.")
    service_code: str | None = Field(description="Code of the payer's service; null where none was given.")
    issued_on: date = Field(description="Paris day that stands on the invoice.")
    certificates: list[InvoicedCertificate] = Field(description="What it contains, by number.")
    corrects_id: UUID | None = Field(description="On a credit note the invoice that it corrects; null on an invoice.")
    corrects_number: str | None = Field(description="Number of that invoice; null as the id is.")
    days: Annotated[SignedDays, Field(description="Man-days; negative on a credit note.")]
    lines: list[InvoiceLine] = Field(
        json_schema_extra=CONFIDENTIAL, description="The amounts by certificate, profile and day rate, as certified."
    )
    amount_excl_vat_cents: int = Field(
        json_schema_extra=CONFIDENTIAL,
        description="Euro cents, excluding VAT: the sum of the lines; negative on a credit note.",
    )
    vat: list[InvoiceVat] = Field(json_schema_extra=CONFIDENTIAL, description="VAT by rate.")
    vat_cents: int = Field(json_schema_extra=CONFIDENTIAL, description="Euro cents of VAT: the sum over the rates.")
    total_cents: int = Field(json_schema_extra=CONFIDENTIAL, description="Euro cents, including VAT.")
    service_on: date = Field(description="Paris day of the last of its certificates (service fait).")
    received_on: date | None = Field(
        description="Paris day on which it was made available to the payer; null until then."
    )
    due_on: date | None = Field(
        description="Last Paris day to pay: so many days as the framework says (30 without one) from the later of the"
        " receipt and the service done, anew after a suspension; null before the receipt, while a suspension stops the"
        " delay, and on a credit note."
    )
    paid_on: date | None = Field(description="Paris day of the payment; null until then.")
    late: bool = Field(
        description="Whether it was paid after due_on, or stands unpaid today after due_on; not where credit notes that"
        " stand leave nothing to pay."
    )
    days_late: int = Field(
        description="Calendar days after due_on, until the payment or today; 0 where there are none."
    )
    late_rate_bp: int | None = Field(
        description="Rate of late interest a year, in basis points: that of the European Central Bank in the half-year"
        " in which it begins to run, and the margin of the framework (800 without one); null where it is not late, or"
        " that half-year's rate is not recorded."
    )
    late_interest_cents: int | None = Field(
        json_schema_extra=CONFIDENTIAL,
        description="Euro cents of late interest until the payment or today, on the amount including VAT less credit"
        " notes that stand, over 365 days, rounded half-up once; 0 where it is not late, null where late_rate_bp is.",
    )
    recovery_fee_cents: int = Field(
        json_schema_extra=CONFIDENTIAL,
        description="Euro cents of the fixed sum for recovery, 4000 where the framework says nothing else; 0 where it"
        " is not late.",
    )
    content_hash: ContentHash = Field(
        description="SHA-256 of the sealed content, 64 hexadecimal digits; …/content has the text that was hashed.",
    )
    made_by: UUID = Field(description="Who made it.")
    made_by_name: PersonNameOrNull = Field(description="Present name of the subject of made_by.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class InvoiceContent(Read):
    """What an invoice says, as it was sealed; its PDF and its XML are made from it alone.

    Further members name the parties, the orders, the certificates and the terms of payment.
    """

    model_config = SEALED

    id: UUID = Field(description="The invoice that this is the content of.")
    territory: TerritorySlug
    kind: InvoiceKind = Field(description="invoice or credit_note.")
    number: str = Field(description="Number that the supplier gave it.")
    issued_on: date = Field(description="Paris day that stands on the invoice.")
    days: Annotated[SignedDays, Field(description="Man-days; negative on a credit note.")]
    lines: list[InvoiceLine] = Field(
        json_schema_extra=CONFIDENTIAL, description="The amounts by certificate, profile and day rate, as certified."
    )
    amount_excl_vat_cents: int = Field(json_schema_extra=CONFIDENTIAL, description="Euro cents, excluding VAT.")
    vat: list[InvoiceVat] = Field(json_schema_extra=CONFIDENTIAL, description="VAT by rate.")
    vat_cents: int = Field(json_schema_extra=CONFIDENTIAL, description="Euro cents of VAT.")
    total_cents: int = Field(json_schema_extra=CONFIDENTIAL, description="Euro cents, including VAT.")
    made_at: datetime = Field(description="Instant in UTC at which the content was sealed.")


class InvoicePassage(Read):
    """An act on an invoice."""

    number: int = Field(description="Place of the act among those of the invoice, from 1.")
    invoice_id: UUID = Field(description="The invoice that the act is about.")
    invoice_number: str = Field(description="Number that the supplier gave it.")
    act: InvoiceAct = Field(description="What was recorded; reverse: that an act before was a mistake.")
    from_state: InvoiceState = Field(description="State of the invoice before the act.")
    to_state: InvoiceState = Field(description="State of the invoice after the act.")
    effective_on: date = Field(description="Paris day of the act.")
    reverses_number: int | None = Field(description="Number of the act that this reverses; null for other acts.")
    reversed: bool = Field(description="Whether a later act has reversed this one.")
    reason: str | None = Field(description="Why; null where the act gives no reason.")
    payment_days: int | None = Field(
        description="Calendar days that the payer has from the receipt on, as the framework says; null for other acts."
    )
    recorded_by: UUID | None = Field(description="Who recorded it; null where the service did.")
    recorded_by_name: PersonNameOrNull = Field(
        description="Present name of who recorded it; null where the service did."
    )
    recorded_at: RecordedAt
