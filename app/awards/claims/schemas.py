"""What travels about claims."""

from datetime import date, datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field, model_validator

from app.awards.claims.rules import (
    ABOVE_INVOICE,
    CREDIT_NOTE_FIELDS,
    MOST_LINES,
    NO_LETTER_OR_DIGIT,
    SUPPLIER_MISSING,
    ClaimStatus,
    ComparedInvoice,
    Deduction,
    Part,
    SampleMethod,
    Verdict,
    column,
    invoice_key,
    supplier_key,
)
from app.core.schemas import (
    PERSONAL,
    Body,
    CreatedAt,
    ExternalName,
    Id,
    PersonName,
    PersonNameOrNull,
    Read,
    UpdatedAt,
    Version,
)
from app.core.values import (
    MAX_AMOUNT_CENTS,
    AmountCents,
    Cents,
    Day,
    ExternalId,
    Line,
    PositiveCents,
    Reason,
    Sha256,
    ShortLine,
    SignedCents,
    Siren,
    TrueOrFalse,
    Uuid,
)
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug


def _numbered(number: str) -> str:
    if not invoice_key(number):
        raise NO_LETTER_OR_DIGIT.error()
    return number


def _named(name: str) -> str:
    if not supplier_key(name):
        raise NO_LETTER_OR_DIGIT.error()
    return name


def _not_zero(cents: int) -> int:
    if not cents:
        raise CREDIT_NOTE_FIELDS.error()
    return cents


InvoiceNumber = Annotated[
    ShortLine,
    AfterValidator(_numbered),
    Field(
        description="The supplier's number of the invoice. Signs, spaces, case and zeros in front do not tell two"
        " numbers apart."
    ),
]
SupplierName = Annotated[
    Line,
    AfterValidator(_named),
    Field(
        description="Name of the supplier: needed where its SIREN is not known. Signs, case and the words of a legal"
        " form do not tell two names apart."
    ),
]
SupplierSiren = Annotated[Siren, Field(description="SIREN of the supplier; a foreign one has only its name.")]
InvoicedOn = Annotated[
    Day,
    Field(description="Paris day of the invoice: not before the file was received, not after the completion."),
]
PaidOn = Annotated[
    Day,
    Field(
        description="Paris day on which the firm paid the invoice, today at the latest: what is unpaid is not claimed."
    ),
]
_SIGNED = Field(strict=True, ge=-MAX_AMOUNT_CENTS, le=MAX_AMOUNT_CENTS)
ClaimedCents = Annotated[
    int,
    _SIGNED,
    AfterValidator(_not_zero),
    Field(
        description="Cents of euro declared, excluding VAT; of what was parked, at most that. Of a credit note it is"
        " negative.",
        examples=[12_400_000],
    ),
]
InvoiceCents = Annotated[
    PositiveCents,
    Field(
        description="Cents of euro of the whole invoice, excluding VAT: needed where it stands on several lines, which"
        " never come to more. Absent: this line declares the whole of it."
    ),
]
LowersInvoiceNumber = Annotated[
    ShortLine,
    AfterValidator(_numbered),
    Field(
        description="For a credit note, the number of the invoice that it lowers: of the same supplier, declared on the"
        " same line of the decision."
    ),
]
ProofSha256 = Annotated[
    Sha256, Field(description="SHA-256 digest of the invoice with the proof of its payment, in lower-case hexadecimal.")
]


def refuse_unclear(line: Any) -> None:
    """Refuse a line without a supplier, one that is half a credit note, one that declares more than the invoice."""
    if line.supplier_siren is None and line.supplier_name is None:
        raise SUPPLIER_MISSING.error()
    cents, whole = line.amount_excl_vat_cents, line.invoice_amount_excl_vat_cents
    if (cents < 0) != (line.lowers_invoice_number is not None) or (cents < 0 and whole is not None):
        raise CREDIT_NOTE_FIELDS.error()
    if whole is not None and cents > whole:
        raise ABOVE_INVOICE.error()


class ClaimLineBody(Body):
    """An invoice that is declared, with its payment: the whole of it, or a part; or a credit note.

    It is the one of an earlier claim that was parked where supplier and number are the same: it returns.
    """

    invoice_number: InvoiceNumber
    supplier_siren: SupplierSiren | None = None
    supplier_name: SupplierName | None = None
    invoiced_on: InvoicedOn
    paid_on: PaidOn
    amount_excl_vat_cents: ClaimedCents
    line_id: Annotated[Uuid, Field(description="The line of the decision to which it belongs (`lines` of the award).")]
    proof_sha256: ProofSha256 | None = None
    invoice_amount_excl_vat_cents: InvoiceCents | None = None
    lowers_invoice_number: LowersInvoiceNumber | None = None

    @model_validator(mode="after")
    def _supplied(self) -> "ClaimLineBody":
        refuse_unclear(self)
        return self

    def part(self, supplier_name: str | None) -> Part:
        """What it declares, of the invoice by which it is compared; the name can be the register's."""
        invoice = ComparedInvoice.of(
            self.invoice_number, self.supplier_siren, supplier_name, self.invoiced_on, self.amount_excl_vat_cents,
            self.invoice_amount_excl_vat_cents,
        )  # fmt: skip
        return Part(invoice, self.line_id, self.paid_on, self.invoice_amount_excl_vat_cents)


_Lines = Annotated[
    list[ClaimLineBody],
    Field(min_length=1, max_length=MOST_LINES, description="The invoices, in this order; the list is replaced whole."),
]
_External = Annotated[
    ExternalId,
    Field(description="Identifier of the claim in another system, once per territory among those not withdrawn."),
]
_LINE: dict[str, Any] = {
    "invoice_number": "FA-2024-0117", "supplier_siren": "320252489", "invoiced_on": "2024-03-11",
    "paid_on": "2024-04-30", "amount_excl_vat_cents": 12_400_000, "line_id": "019a9f5e-7c00-7000-8000-000000000001",
}  # fmt: skip


class ClaimCreate(Body):
    """What a firm declares to have spent of an aid."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"external_id": "DP-1", "lines": [_LINE]}]})

    external_id: _External | None = None
    lines: _Lines


class ClaimUpdate(Body):
    """What changes of a claim that is neither settled nor sampled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"lines": [_LINE]}]})

    elsewhere: ClassVar = {
        "status": tuple(
            f"POST /v1/territories/{{territory}}/{awards}/claims/{{id}}/{act}"
            for awards in ("grants/{grant_id}", "advances/{advance_id}")
            for act in ("settle", "reopen", "withdraw")
        )
    }

    external_id: _External | None | MISSING = MISSING
    lines: _Lines | MISSING = MISSING


class SampleDraw(Body):
    """How the lines to control are drawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"method": "monetary_unit", "size": 10}]})

    method: Annotated[
        SampleMethod,
        Field(
            description="random: each line is as likely as another; monetary_unit: each cent is, so that a large line"
            " is drawn for certain."
        ),
    ]
    size: Annotated[
        int,
        Field(
            strict=True, ge=1, le=MOST_LINES, description="Number of lines to draw; monetary_unit may draw fewer.",
        ),
    ]  # fmt: skip


_PART = Field(description="Cents of euro that do not count for this reason; 0 if absent.", examples=[400_000])
_Part = Annotated[int, _SIGNED, _PART]


class VerdictBody(Body):
    """What becomes of a line: certified, deducted and parked come to what was declared.

    Of a credit note all amounts are negative, and nothing is parked.
    """

    id: Annotated[Uuid, Field(description="The line of the claim.")]
    certified_cents: Annotated[
        int,
        _SIGNED,
        Field(
            description="Cents of euro certified. Beyond what the line of the decision has left they do not count: they"
            " are deducted as over_line, and the answer says so.",
            examples=[12_000_000],
        ),
    ]
    parked_cents: Annotated[
        AmountCents, Field(description="Cents of euro parked: they may return in a later claim; 0 if absent.")
    ] = 0
    not_eligible_cents: _Part = 0
    not_paid_cents: _Part = 0
    out_of_period_cents: _Part = 0
    double_cents: _Part = 0
    over_line_cents: _Part = 0
    no_proof_cents: _Part = 0
    note: Annotated[Reason, Field(description="Why; it is shown beside the line.")] | None = None

    @property
    def verdict(self) -> Verdict:
        """The amounts, for the rules."""
        deducted = {each: cents for each in Deduction if (cents := getattr(self, column(each)))}
        return Verdict(self.certified_cents, self.parked_cents, deducted)


class CheckItem(Body):
    """A point of the control's checklist."""

    item: Annotated[Line, Field(description="What was looked at.")]
    met: Annotated[TrueOrFalse, Field(description="Whether it was found in order.")]
    note: Annotated[Reason, Field(description="What was found.")] | None = None


class ClaimSettle(Body):
    """What becomes of each line of a claim, and how it was controlled."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"lines": [{"id": "019a9f5e-7c00-7000-8000-000000000002", "certified_cents": 12_000_000,
                            "not_eligible_cents": 400_000, "note": "Training is not an asset."}],
                 "visited_on": "2024-05-14"}
            ]
        }
    )  # fmt: skip

    lines: Annotated[
        list[VerdictBody],
        Field(
            max_length=MOST_LINES,
            description="What becomes of each line. Where a sample is drawn, a line that is not in it may be absent: it"
            " is certified as it was declared.",
        ),
    ]
    checklist: (
        Annotated[list[CheckItem], Field(max_length=100, description="What the control looked at, and found.")] | None
    ) = None
    visited_on: (
        Annotated[Day, Field(description="Paris day of the visit on the spot, today at the latest; null: none.")] | None
    ) = None
    settled_on: (
        Annotated[
            Day,
            Field(
                description="Paris day of the settlement (*service fait*): today if absent, not after; from then on it"
                " counts."
            ),
        ]
        | None
    ) = None


class ClaimReopen(Body):
    """Why a settlement is taken back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Line 3 was settled on the wrong invoice."}]})

    reason: Annotated[Reason, Field(description="Why the claim is to be settled anew; it is shown beside the claim.")]


class ClaimWithdraw(Body):
    """Why a claim is withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Sent twice."}]})

    reason: Annotated[Reason, Field(description="Why the claim is withdrawn; it is shown beside the claim.")]


# --- what is read ----------------------------------------------------------------------------------------------------

_DEDUCTED = "Cents of euro deducted: "
_SUPPLIER = (
    "Name of the supplier, as declared, or as the register knew the SIREN then; null where neither says. It may be a"
    " person's."
)
_STATUS = "submitted: to be settled; settled: what counts of it is certified; withdrawn: nothing of it counts."
_Siren = Annotated[str | None, Field(description="SIREN of the supplier; null where only its name is known.")]
_LineLabel = Annotated[str, Field(description="Label of that line, as decided.")]
_GrantId = Annotated[UUID | None, Field(description="The grant of the aid; null where the decision gave none.")]
_AdvanceId = Annotated[UUID | None, Field(description="The advance of the aid; null where the decision gave none.")]
_Reference = Annotated[str, Field(description="Reference of the decision that gave the aid.")]
_Number = Annotated[int, Field(description="1 for the first claim of the aid; withdrawn ones keep theirs.")]


class ClaimLine(Read):
    """An invoice that a claim declares, and what became of it: certified, deducted and parked come to what is declared.

    Until the claim is settled all three are 0. Of a credit note they are negative.
    """

    id: Id
    position: int = Field(description="Place in the claim, from 1.")
    invoice_number: str = Field(description="The supplier's number of the invoice, as declared.")
    supplier_siren: _Siren
    supplier_name: str | None = Field(description=_SUPPLIER, json_schema_extra=PERSONAL)
    invoiced_on: date = Field(description="Paris day of the invoice.")
    paid_on: date = Field(description="Paris day on which the firm paid it.")
    amount_excl_vat_cents: SignedCents = Field(
        description="Cents of euro declared, excluding VAT; negative of a credit note."
    )
    invoice_amount_excl_vat_cents: PositiveCents | None = Field(
        description="Cents of euro of the whole invoice, excluding VAT; null where the line declares all of it."
    )
    lowers_invoice_number: str | None = Field(
        description="Number of the invoice that a credit note lowers; null for an invoice."
    )
    line_id: UUID = Field(description="The line of the decision to which it belongs.")
    line_label: _LineLabel
    proof_sha256: str | None = Field(
        description="SHA-256 digest of the invoice with the proof of its payment; null where none was handed in."
    )
    returns_id: UUID | None = Field(
        description="The line of an earlier claim from which it was parked; null: it is declared for the first time."
    )
    sampled: bool | None = Field(description="Whether the control's sample holds it; null while none is drawn.")
    certified_cents: SignedCents = Field(
        description="Cents of euro certified: they count for the grant and the advance."
    )
    parked_cents: Cents = Field(description="Cents of euro parked: they may return in a later claim.")
    not_eligible_cents: SignedCents = Field(description=_DEDUCTED + "the expense is not one that is aided.")
    not_paid_cents: SignedCents = Field(description=_DEDUCTED + "the payment is not shown.")
    out_of_period_cents: SignedCents = Field(
        description=_DEDUCTED + "before the receipt of the file, or after completion."
    )
    double_cents: SignedCents = Field(description=_DEDUCTED + "it is declared elsewhere too.")
    over_line_cents: SignedCents = Field(description=_DEDUCTED + "beyond the amount of the line of the decision.")
    no_proof_cents: SignedCents = Field(description=_DEDUCTED + "nothing proves the expense.")
    note: str | None = Field(description="What who settled it says of it; null where nothing is said.")


class ClaimCheck(Read):
    """A point of the control's checklist."""

    item: str = Field(description="What was looked at.")
    met: bool = Field(description="Whether it was found in order.")
    note: str | None = Field(description="What was found; null where nothing is said.")


class ExpenseClaim(Read):
    """What a firm declares to have spent of an aid. What is certified counts for the grant and for the advance."""

    told_as = "claim"

    id: Id
    territory: TerritorySlug
    grant_id: _GrantId
    advance_id: _AdvanceId
    decision_reference: _Reference
    siren: SirenRead
    firm_name: FirmName
    number: _Number
    external_id: ExternalName
    status: ClaimStatus = Field(description=_STATUS)
    declared_cents: SignedCents = Field(
        description="Cents of euro declared on all lines, excluding VAT, less credit notes."
    )
    certified_cents: SignedCents = Field(description="Cents of euro certified on all lines; 0 until it is settled.")
    deducted_cents: SignedCents = Field(description="Cents of euro deducted on all lines, whatever the reason.")
    over_line_cents: SignedCents = Field(
        description="Of what is deducted, cents of euro beyond the lines of the decision: they would have counted."
    )
    parked_cents: Cents = Field(description="Cents of euro parked on all lines.")
    lines: list[ClaimLine] = Field(
        description="The invoices, in order. Events do not hold them: a supplier may be a person.",
        json_schema_extra=PERSONAL,
    )
    sample_method: SampleMethod | None = Field(description="How the sample was drawn; null while none is.")
    sample_size: int | None = Field(description="Number of lines that were to be drawn; null as the method is.")
    sample_seed: str | None = Field(
        description="From what it was drawn, 16 hexadecimal digits: whoever draws again with it finds the same lines."
        " Null as the method is."
    )
    sampled_by: UUID | None = Field(description="Who drew the sample; null as the method is.")
    sampled_by_name: PersonNameOrNull = Field(description="Present name of that subject; null as the method is.")
    checklist: list[ClaimCheck] | None = Field(description="What the control looked at; null where none was kept.")
    visited_on: date | None = Field(description="Paris day of the visit on the spot; null where there was none.")
    submitted_by: UUID = Field(description="Who submitted the claim; nobody who wrote it settles it.")
    submitted_by_name: PersonName = Field(description="Present name of that subject.")
    settled_on: date | None = Field(
        description="Paris day from which what is certified counts; null while it is not settled."
    )
    settled_by: UUID | None = Field(description="The person who settled it; null while it is not settled.")
    settled_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    settled_at: datetime | None = Field(description="Instant in UTC of the settlement; null as the id is.")
    reopened_by: UUID | None = Field(description="Who last took a settlement of it back; null: nobody.")
    reopened_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    reopened_at: datetime | None = Field(description="Instant in UTC at which it was last reopened; null as the id is.")
    reopen_reason: str | None = Field(description="Why it was last reopened; null as the id is.")
    withdrawn_by: UUID | None = Field(description="Who withdrew it; null where it is not withdrawn.")
    withdrawn_by_name: PersonNameOrNull = Field(description="Present name of that subject; null as the id is.")
    withdrawn_at: datetime | None = Field(description="Instant in UTC at which it was withdrawn; null as the id is.")
    withdrawal_reason: str | None = Field(description="Why it was withdrawn; null as the id is.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class ClaimedInvoice(ClaimLine):
    """A line of a claim, with the claim and the aid that it belongs to: what a spreadsheet of claims holds."""

    claim_id: UUID = Field(description="The claim that declares the invoice.")
    claim_number: _Number
    claim_external_id: ExternalName
    claim_status: ClaimStatus = Field(description=_STATUS)
    grant_id: _GrantId
    advance_id: _AdvanceId
    decision_reference: _Reference
    siren: SirenRead
    firm_name: FirmName
