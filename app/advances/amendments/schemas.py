"""What travels about amendments of advances."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from app.advances.amendments import rules
from app.advances.amendments.rules import (
    AmendmentKind,
    AmendmentStatus,
    AnnouncedStatus,
    RescheduleKind,
    Waived,
    WriteOffGround,
)
from app.advances.position import EarlyChoice
from app.advances.schedule import MOST_PERIODS, RATE_MAX_BP, GraceKind
from app.advances.versions import LateInterest, WaiverShare
from app.awards.schemas import DecisionReference
from app.core.schemas import Body, CreatedAt, Id, PersonName, PersonNameOrNull, Read, UpdatedAt, Version
from app.core.values import MAX_CENTS, Cents, Day, PositiveCents, Reason, Sha256, ShortLine
from app.envelopes.rules import ActStatus
from app.envelopes.schemas import ReversalReason
from app.firms.schemas import FirmName, SirenRead

Count = Annotated[int, Field(strict=True, ge=1, le=MOST_PERIODS)]
RequestedOn = Annotated[
    Day, Field(description="Paris day of the request, today at the latest; absent or null: today.")
]  # fmt: skip
DecidedOn = Annotated[
    Day,
    Field(
        description="Paris day from which it counts: not before the request or the last act on the schedule, today at"
        " the latest; absent or null: today."
    ),
]
Document = Annotated[Sha256, Field(description="SHA-256 of the document, in lower-case hexadecimal.")]


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class RescheduleCreate(Body):
    """A reschedule that is asked for: one kind, with the fields of this kind and no other."""

    model_config = _example(
        kind="move", due_on="2024-06-30", first_on="2024-12-31", late_interest="kept", reason="Orders were delayed."
    )

    kind: Annotated[
        RescheduleKind,
        Field(
            description="move: due_on, first_on; add_instalments: instalments; grace: due_on, periods, grace_kind;"
            " re_amortise: no field; re_age: instalments, first_on."
        ),
    ]
    due_on: Annotated[Day, Field(description="Due day of the first line that is changed.")] | None = None
    first_on: Annotated[Day, Field(description="First new due day, a Paris calendar day.")] | None = None
    instalments: (
        Annotated[Count, Field(description="Number of lines: those added, or all new ones of re_age.")] | None
    ) = None
    periods: Annotated[Count, Field(description="Number of periods of the grace.")] | None = None
    grace_kind: Annotated[GraceKind, Field(description="What becomes of interest in the grace.")] | None = None
    late_interest: Annotated[
        LateInterest,
        Field(description="What becomes of late interest until the day: kept, waived, or capitalised by agreement."),
    ]
    reason: Annotated[Reason, Field(description="Why the advance is to be rescheduled.")]
    requested_on: RequestedOn | None = None

    @model_validator(mode="after")
    def _fields_of_the_kind(self) -> "RescheduleCreate":
        wanted = set(rules.FIELDS[self.kind])
        given = {name for names in rules.FIELDS.values() for name in names if getattr(self, name) is not None}
        if given != wanted:
            raise rules.FIELDS_OF_RESCHEDULE.error(fields=", ".join(rules.FIELDS[self.kind]) or "–")
        return self


class WaiverCreate(Body):
    """A waiver that is asked for, because the project failed."""

    model_config = _example(reason="The prototype did not pass its tests.")

    reason: Annotated[Reason, Field(description="What failed, as the firm says it.")]
    requested_on: RequestedOn | None = None


class RateChangeCreate(Body):
    """Another rate of interest that is asked for, from the day of the decision on."""

    model_config = _example(annual_rate_bp=150, reason="The firm earned the better rate.")

    annual_rate_bp: Annotated[
        int,
        Field(
            strict=True, ge=0, le=RATE_MAX_BP,
            description="Rate a year in basis points (200 is 2 %), from 0 to 5000. In the period of the day, interest"
            " runs at both rates, for real days at the one before; where lines are custom and the day count is 30_360,"
            " real days over 365 count.",
        ),
    ]  # fmt: skip
    reason: Annotated[Reason, Field(description="Why the rate is to be another one.")]
    requested_on: RequestedOn | None = None


class AvailabilityExtensionCreate(Body):
    """A later last day on which the advance is drawn, that is asked for."""

    model_config = _example(available_until_on="2027-12-31", reason="The machine is delivered a year late.")

    available_until_on: Annotated[
        Day, Field(description="New last Paris day on which the advance is drawn; what is not lapses the day after.")
    ]
    reason: Annotated[Reason, Field(description="Why the money is to be drawn later.")]
    requested_on: RequestedOn | None = None


class WriteOffCreate(Body):
    """A write-off that is asked for, with its proof."""

    model_config = _example(ground="closed_for_lack_of_assets", proof_sha256="0" * 64, reason="Closed on 2 May.")

    ground: Annotated[WriteOffGround, Field(description="Why it cannot be had.")]
    proof_sha256: Annotated[Sha256, Field(description="SHA-256 of the proof, in lower-case hexadecimal.")]
    reason: Annotated[Reason, Field(description="What shows it.")]
    requested_on: RequestedOn | None = None


class Finding(Body):
    """The finding of a failure (*constat d'échec*)."""

    model_config = _example(found_on="2024-05-02", finding="No sale in the year after the end of the works.")

    found_on: (
        Annotated[Day, Field(description="Paris day of the finding, today at the latest; absent or null: today.")]
        | None
    ) = None  # fmt: skip
    finding: Annotated[Reason, Field(description="What was found.")]


class WaiverDecision(Body):
    """The decision on a waiver: all that is outstanding, a part, or nothing."""

    model_config = _example(waive="part", amount_cents=1_000_000, share="proportion", reference="D-12")

    waive: Annotated[Waived, Field(description="full: all but the minimum repayment; part: amount_cents; none.")]
    amount_cents: Annotated[PositiveCents, Field(description="Euro cents waived, of a part alone.")] | None = None
    share: (
        Annotated[
            WaiverShare, Field(description="Of a part: over the open lines in proportion, or from the last of them.")
        ]
        | None
    ) = None
    reference: Annotated[ShortLine, Field(description="Reference of the decision.")]
    decided_on: DecidedOn | None = None
    document_sha256: Document | None = None

    @model_validator(mode="after")
    def _fields_of_a_part(self) -> "WaiverDecision":
        given = (self.amount_cents is not None, self.share is not None)
        if given != ((self.waive is Waived.PART,) * 2):
            raise rules.FIELDS_OF_WAIVER.error()
        return self


class AmendmentApproval(Body):
    """The decision that approves a request: the amendment (*avenant*)."""

    model_config = _example(reference="AV-2", document_sha256="0" * 64)

    reference: Annotated[ShortLine, Field(description="Reference of the decision.")]
    decided_on: DecidedOn | None = None
    document_sha256: Document | None = None


class AmendmentEnd(Body):
    """Why a request is refused or withdrawn."""

    model_config = _example(reason="The firm has paid meanwhile.")

    reason: Annotated[Reason, Field(description="Why; it is shown beside the request.")]


class CashFlowLine(Read):
    """What the firm is to pay on a day."""

    due_on: date = Field(description="Paris calendar day on which it falls due.")
    principal_cents: Cents = Field(description="Principal, in euro cents.")
    interest_cents: Cents = Field(description="Interest of the agreement, in euro cents.")
    fees_cents: Cents = Field(description="Fees, in euro cents.")
    late_interest_cents: Cents = Field(description="Late interest until the day of the act, in euro cents.")
    capitalised_cents: Cents = Field(description="Interest added to the balance, and not due, in euro cents.")


class AmendmentRead(Read):
    """What every amendment of an advance says."""

    id: Id
    advance_id: UUID = Field(description="The advance whose lines it changes once it is approved.")
    reason: str = Field(description="Why it was asked for.")
    requested_on: date = Field(description="Paris day of the request.")
    requested_by: UUID = Field(description="Who asked for it, and who therefore cannot decide on it.")
    requested_by_name: PersonName = Field(description="Present name of who asked for it.")
    status: AmendmentStatus = Field(description="requested; found (of a waiver); approved; refused; withdrawn.")
    decided_on: date | None = Field(description="Paris day of the decision or of the withdrawal; null before it.")
    decided_by: UUID | None = Field(description="Who approved, refused or withdrew it; null while nobody has.")
    decided_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    reference: str | None = Field(description="Reference of the decision; null while there is none.")
    document_sha256: str | None = Field(description="SHA-256 of the decision; null where none is given.")
    end_reason: str | None = Field(description="Why it was refused or withdrawn; null where it was neither.")
    before: list[CashFlowLine] = Field(
        description="Open lines before it: as on the day of the request, then as on that of the decision."
    )
    after: list[CashFlowLine] = Field(description="Open lines after it, of the same day as `before`.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class AdvanceAmendment(Read):
    """An amendment of an advance, of any kind. What it asks for stands below its advance."""

    id: Id
    advance_id: UUID = Field(description="The advance that it amends.")
    decision_reference: DecisionReference
    siren: SirenRead
    firm_name: FirmName
    kind: AmendmentKind = Field(
        description="What it is. It is read at the address of its kind below the advance: reschedules, rate-changes,"
        " availability-extensions, waivers, write-offs."
    )
    reason: str = Field(description="Why it was asked for.")
    requested_on: date = Field(description="Paris day of the request.")
    requested_by: UUID = Field(description="Who asked for it, and who therefore cannot decide on it.")
    requested_by_name: PersonName = Field(description="Present name of who asked for it.")
    status: AmendmentStatus = Field(description="requested; found (of a waiver); approved; refused; withdrawn.")
    decided_on: date | None = Field(description="Paris day of the decision or of the withdrawal; null before it.")
    decided_by: UUID | None = Field(description="Who approved, refused or withdrew it; null while nobody has.")
    decided_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    reference: str | None = Field(description="Reference of the decision; null while there is none.")
    end_reason: str | None = Field(description="Why it was refused or withdrawn; null where it was neither.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class Reschedule(AmendmentRead):
    """A reschedule of an advance; once approved, an amendment that made a version of the schedule."""

    kind: RescheduleKind = Field(description="What it does to the open lines.")
    due_on: date | None = Field(description="Due day of the first line that is changed; null where the kind has none.")
    first_on: date | None = Field(description="First new due day; null where the kind has none.")
    instalments: int | None = Field(
        description="Number of lines added, or of all new ones; null where the kind has none.",
    )
    periods: int | None = Field(description="Number of periods of the grace; null for other kinds.")
    grace_kind: GraceKind | None = Field(description="What becomes of interest in the grace; null for other kinds.")
    late_interest: LateInterest = Field(description="What becomes of late interest until the day.")


class Waiver(AmendmentRead):
    """A waiver of a conditional advance: request, finding of the failure (*constat d'échec*), decision."""

    found_on: date | None = Field(description="Paris day of the finding; null before it.")
    found_by: UUID | None = Field(description="Who recorded the finding; null before it.")
    found_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    finding: str | None = Field(description="What was found; null before it.")
    waive: Waived | None = Field(description="full, part or none, as it was decided; null before.")
    share: WaiverShare | None = Field(description="How a part was taken from the open lines; null where it is none.")
    waived_cents: Cents = Field(description="Euro cents of principal waived; 0 while nothing is.")


class RateChange(AmendmentRead):
    """Another rate of interest; once approved, an amendment that made a version of the schedule."""

    annual_rate_bp: int = Field(
        description="Rate a year in basis points, from the day of the decision on.",
    )
    replaced_rate_bp: int = Field(
        description="Rate a year in basis points that it replaces: as on the day of the request, then as on that of the"
        " decision.",
    )


class AvailabilityExtension(AmendmentRead):
    """A later last day on which the advance is drawn. The lines stay as they are."""

    available_until_on: date = Field(description="New last Paris day on which the advance is drawn.")
    replaced_until_on: date = Field(
        description="Last Paris day that it replaces: as on the day of the request, then as on that of the decision."
    )


class WriteOff(AmendmentRead):
    """A write-off of what is outstanding: it is final, and capital that comes in later is told apart."""

    ground: WriteOffGround = Field(description="Why it cannot be had.")
    proof_sha256: str = Field(description="SHA-256 of the proof, in lower-case hexadecimal.")


def _chosen(choice: EarlyChoice | None) -> EarlyChoice:
    if choice is None:
        raise rules.CHOICE_MISSING.error()
    return choice


class EarlyRepaymentCreate(Body):
    """An early repayment that the firm announces, with its choice."""

    model_config = _example(amount_cents=2_000_000, planned_on="2027-06-30", choice="respread")

    amount_cents: Annotated[PositiveCents, Field(description="Euro cents that the firm will repay early.")]
    planned_on: Annotated[Day, Field(description="Paris day on which it plans to.")]
    choice: Annotated[
        EarlyChoice | None,
        AfterValidator(_chosen),
        Field(
            validate_default=True,
            description="shorten: the last lines fall away; respread: the lines ahead are made again. One of both must"
            " be chosen.",
        ),
    ] = None


class EarlyRepaymentReceipt(Body):
    """The repayment that an announced one came in as."""

    model_config = _example(repayment_id="018c9f5e-0000-7000-8000-000000000000")

    repayment_id: Annotated[UUID, Field(description="A repayment of this advance that stands.")]


class AnnouncedRepayment(Read):
    """An early repayment that the firm announced."""

    told_as = "early_repayment"

    id: Id
    advance_id: UUID = Field(description="The advance that the firm plans to repay early.")
    amount_cents: Cents = Field(description="Euro cents that the firm announced.")
    planned_on: date = Field(description="Paris day on which it planned to repay.")
    choice: EarlyChoice = Field(description="What it does to the lines ahead.")
    announced_by: UUID = Field(description="Who recorded it.")
    announced_by_name: PersonName = Field(description="Present name of who recorded it.")
    status: AnnouncedStatus = Field(description="announced; received: it came in as a repayment; withdrawn.")
    repayment_id: UUID | None = Field(description="The repayment that it came in as; null before it.")
    repayment_reference: str | None = Field(description="Reference of that repayment; null as the id is.")
    end_reason: str | None = Field(description="Why it was withdrawn; null where it is not.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class TurnoverCreate(Body):
    """The turnover of a year, as the firm declares it."""

    model_config = _example(year=2027, turnover_cents=120_000_000, due_on="2028-06-30")

    year: Annotated[
        int,
        Field(strict=True, ge=1900, le=2199, description="Calendar year."),
    ]
    turnover_cents: Annotated[
        int,
        Field(
            strict=True, ge=0, le=MAX_CENTS, description="Turnover of the year, in euro cents.",
        ),
    ]  # fmt: skip
    due_on: Annotated[Day, Field(description="Paris day on which the fee falls due.")]


class Turnover(Read):
    """The turnover of a year, and the success fee on it."""

    id: Id
    advance_id: UUID = Field(description="The advance whose success fee is computed from it.")
    year: int = Field(description="Calendar year.")
    turnover_cents: Cents = Field(description="Turnover of the year, in euro cents.")
    fee_cents: Cents = Field(
        description="Success fee in euro cents, half-up: the rate on the turnover, as far as the cap in all leaves it;"
        " 0 after the last year."
    )
    due_on: date = Field(description="Paris day on which the fee falls due.")
    declared_by: UUID = Field(description="Who recorded it.")
    declared_by_name: PersonName = Field(description="Present name of who recorded it.")
    status: ActStatus = Field(description="recorded, or reversed as a mistake.")
    reason: ReversalReason
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class AdvanceSettlement(Read):
    """What settles an advance on a day, to the cent, if nothing else is paid until then. Valid that day."""

    advance_id: UUID = Field(description="The advance that this amount settles.")
    on: date = Field(description="Paris calendar day for which it is computed.")
    principal_cents: Cents = Field(description="Outstanding principal, due or not, in euro cents.")
    overdue_cents: Cents = Field(description="Of principal, interest and fees, what is past its day, in euro cents.")
    interest_cents: Cents = Field(
        description="Interest that is due and unpaid, and what has run since the last line, in euro cents."
    )
    late_interest_cents: Cents = Field(description="Late interest up to the day, in euro cents.")
    fees_cents: Cents = Field(description="Fees that are due, in euro cents.")
    success_fee_cents: Cents = Field(description="Success fees that are due, in euro cents.")
    total_cents: Cents = Field(description="Sum of principal, interest, late interest and fees, in euro cents.")
    held_refunds_cents: Cents = Field(
        description="Euro cents beside the total: refunds of repayments that the bank has sent back since, which the"
        " firm gives back by themselves."
    )
