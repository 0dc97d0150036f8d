"""What travels about aid files."""

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field

from app.applications.conditions import FileStep
from app.applications.rules import (
    DUPLICATE_LINE,
    MOST_MONTHS_GIVEN,
    ApplicationAct,
    ApplicationState,
    AwardsEnding,
    DocumentKind,
    Kyc,
    Opinion,
)
from app.core.schemas import (
    CONFIDENTIAL,
    Body,
    CreatedAt,
    ExternalName,
    Id,
    PersonNameOrNull,
    Read,
    RecordedAt,
    UpdatedAt,
    Version,
)
from app.core.values import (
    AmountCents,
    Cents,
    Code,
    Day,
    ExternalId,
    Instant,
    Line,
    PositiveCents,
    Reason,
    Sha256,
    ShortLine,
    Siren,
    Text,
    TrueOrFalse,
    Uuid,
)
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug
from app.projects.rules import CostKind

MAX_SIZE = 2**50
_On = Annotated[
    Day,
    Field(
        description="Paris day of the act: today at the latest, not before the act that it follows; today if absent."
    ),
]
_ReasonOf = Annotated[Reason, Field(description="Why; it is shown in the history of the file.")]


class AssetLineBody(Body):
    """A line of what the aid is asked for, excluding VAT."""

    label: Annotated[Line, Field(description="What is bought, such as the machine.")]
    kind: Annotated[
        CostKind,
        Field(
            description="tangible_asset and intangible_asset count for the base; not_eligible does not, and a file with"
            " such a line is not received."
        ),
    ]
    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro, excluding VAT.")]
    quote_reference: (
        Annotated[ShortLine, Field(description="The supplier's reference of the quote; once with the same label.")]
        | None
    ) = None
    ordered_on: (
        Annotated[
            Day,
            Field(
                description="Paris day of the first legal act, such as the order or the signed quote; null while"
                " there is none. One before the day of receipt makes the line ineligible, unless it is preliminary."
            ),
        ]
        | None
    ) = None
    preliminary: Annotated[
        TrueOrFalse, Field(description="true: land or a feasibility study, whose order does not start the project.")
    ] = False


def _distinct(lines: list[AssetLineBody]) -> list[AssetLineBody]:
    seen = Counter((line.label, line.quote_reference) for line in lines)
    if any(count > 1 for count in seen.values()):
        raise DUPLICATE_LINE.error()
    return lines


Lines = Annotated[
    list[AssetLineBody],
    Field(max_length=500, description="What the aid is asked for, in this order; the list is replaced whole."),
    AfterValidator(_distinct),
]
_ProjectId = Annotated[Uuid, Field(description="The project that the aid is asked for.")]
_Siren = Annotated[Siren, Field(description="SIREN of the firm that asks: one of the holders of the project.")]
_Scheme = Annotated[Code, Field(description="Code of the scheme (`/v1/schemes`) under which the aid is asked for.")]
_RequestedGrant = Annotated[
    AmountCents, Field(description="Cents of euro asked for as a grant; at least one of the two amounts is above 0.")
]
_RequestedAdvance = Annotated[
    AmountCents,
    Field(description="Cents of euro asked for as a repayable advance; at least one of the two amounts is above 0."),
]
_PlannedStart = Annotated[Day, Field(description="Paris day on which the works are planned to start.")]
_PlannedEnd = Annotated[
    Day, Field(description="Paris day on which the works are planned to end; not before planned_start_on.")
]
_RefilesId = Annotated[
    Uuid,
    Field(description="The file that this one replaces: of the same project and firm, inadmissible or rejected."),
]

_APPLICATION: dict[str, Any] = {
    "project_id": "019a9f5e-7b1c-7c3e-9d41-0f6f2a4b8c11",
    "siren": "910000017",
    "scheme": "rebond_industriel",
    "requested_grant_cents": 15_000_000,
    "requested_advance_cents": 10_000_000,
    "lines": [
        {"label": "Machining centre", "kind": "tangible_asset", "amount_cents": 62_500_000, "quote_reference": "D-88"},
        {"label": "Feasibility study", "kind": "intangible_asset", "amount_cents": 2_500_000, "preliminary": True},
    ],
    "planned_start_on": "2024-03-01",
    "planned_end_on": "2025-06-30",
}


class ApplicationCreate(Body):
    """A draft of an aid file."""

    model_config = ConfigDict(json_schema_extra={"examples": [_APPLICATION]})

    project_id: _ProjectId
    siren: _Siren
    scheme: _Scheme
    requested_grant_cents: _RequestedGrant = 0
    requested_advance_cents: _RequestedAdvance = 0
    lines: Lines = Field(default_factory=list)
    planned_start_on: _PlannedStart
    planned_end_on: _PlannedEnd
    refiles_id: _RefilesId | None = None
    external_id: ExternalId | None = None


class ApplicationUpdate(Body):
    """Fields of a draft to change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requested_grant_cents": 12_500_000}]})

    scheme: _Scheme | MISSING = MISSING
    requested_grant_cents: _RequestedGrant | MISSING = MISSING
    requested_advance_cents: _RequestedAdvance | MISSING = MISSING
    lines: Lines | MISSING = MISSING
    planned_start_on: _PlannedStart | MISSING = MISSING
    planned_end_on: _PlannedEnd | MISSING = MISSING
    refiles_id: _RefilesId | None | MISSING = MISSING
    external_id: ExternalId | None | MISSING = MISSING


class ApplicationLine(Read):
    """A line of an aid file."""

    label: str = Field(description="What is bought.")
    kind: CostKind = Field(description="tangible_asset and intangible_asset count for the base; not_eligible does not.")
    amount_cents: PositiveCents = Field(description="Cents of euro, excluding VAT.")
    quote_reference: str | None = Field(description="The supplier's reference of the quote; null where there is none.")
    ordered_on: date | None = Field(
        description="Paris day of the first legal act, such as the order; null while there is none."
    )
    preliminary: bool = Field(description="true: land or a feasibility study, whose order does not start the project.")


class Application(Read):
    """An aid file (*dossier d'aide*): what a firm asks for a project, and how far its examination is."""

    id: Id
    territory: TerritorySlug
    project_id: UUID = Field(description="The project that the aid is asked for.")
    project_title: str = Field(description="Present title of the project.")
    siren: SirenRead
    firm_name: FirmName
    scheme: str = Field(description="Code of the scheme under which the aid is asked for.")
    scheme_name: str = Field(description="Present name of the scheme.")
    state: ApplicationState = Field(
        description="draft; submitted; incomplete: documents are awaited; admissible, inadmissible: a person has said"
        " so; deemed_admissible: silence has; under_review; pre_selected, deferred, granted, rejected: a committee has"
        " said so; implicitly_rejected: silence has; withdrawn: the firm has."
    )
    awards_ended_as: AwardsEnding | None = Field(
        description="lapsed: the project of every award was not started in time; cancelled: every award ended before"
        " anything was paid, one of them at least otherwise. Null where an award has not ended so, and where none was"
        " made; reversed awards do not count."
    )
    requested_grant_cents: Cents = Field(description="Cents of euro asked for as a grant.")
    requested_advance_cents: Cents = Field(description="Cents of euro asked for as a repayable advance.")
    base_cents: Cents = Field(description="Cents of euro of the eligible lines: the base of the aid.")
    lines: list[ApplicationLine] = Field(description="What the aid is asked for, in the order of the file.")
    planned_start_on: date = Field(description="Paris day on which the works are planned to start.")
    planned_end_on: date = Field(description="Paris day on which the works are planned to end.")
    refiles_id: UUID | None = Field(description="The file that this one replaces; null where it replaces none.")
    received_at: datetime | None = Field(description="Instant in UTC at which the file was received; null for a draft.")
    received_on: date | None = Field(
        description="Paris day of the receipt, from which the time to examine admissibility counts; null for a draft."
    )
    tax_certificate_id: UUID | None = Field(
        description="The tax certificate of the firm that the receipt rested on; null for a draft, and where it"
        " was not recorded yet."
    )
    tax_certificate_valid_until_on: date | None = Field(
        description="Last Paris day of validity that this certificate states; null where none is named."
    )
    social_certificate_id: UUID | None = Field(
        description="The social-contribution certificate of the firm that the receipt rested on; null for a draft, and"
        " where it was not recorded yet."
    )
    social_certificate_valid_until_on: date | None = Field(
        description="Last Paris day of validity that this certificate states; null where none is named."
    )
    bank_details_id: UUID | None = Field(
        description="The firm's bank details that were approved when the file was received; null for a draft, and where"
        " it was not recorded yet. The firm may have others since."
    )
    bank_details_iban: str | None = Field(
        description="Their IBAN, masked: its first and last four characters; null where none are named.",
        json_schema_extra=CONFIDENTIAL,
    )
    acknowledged_on: date | None = Field(
        description="Paris day from which the time to decide counts: of the acknowledgement, or of the receipt until"
        " there is one; null for a draft."
    )
    acknowledgement_reference: str | None = Field(
        description="Reference of the acknowledgement of receipt; null where there is none."
    )
    admissibility_ends_on: date | None = Field(
        description="Last Paris day on which admissibility can be decided, days of stop included; the day after,"
        " silence admits the file. Null for a draft."
    )
    decision_ends_on: date | None = Field(
        description="Last Paris day on which the file can be decided, days of stop and extensions included; the day"
        " after, silence rejects it. Null for a draft."
    )
    extended_until_on: date | None = Field(
        description="Last Paris day that the last extension has fixed, later stops apart; null where there is none."
    )
    silence_on: date | None = Field(
        description="Paris day on which silence decides next if nobody acts; null where no time runs."
    )
    external_id: ExternalName
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


# --- acts ------------------------------------------------------------------------------------------------------------


class Submission(Body):
    """When the file was received."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"received_at": "2024-01-15T10:30:00Z"}]})

    received_at: (
        Annotated[
            Instant,
            Field(description="Instant of the receipt, or of the deposit elsewhere; not in the future. Absent: now."),
        ]
        | None
    ) = None


class Acknowledgement(Body):
    """The acknowledgement of receipt (*accusé de réception*)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"acknowledged_on": "2024-01-16", "reference": "AR-2024-007"}]}
    )

    acknowledged_on: (
        Annotated[
            Day,
            Field(
                description="Paris day of the acknowledgement, from which the time to decide counts: today at the"
                " latest, not before the act that it follows. Absent: the day of receipt."
            ),
        ]
        | None
    ) = None
    reference: Annotated[ShortLine, Field(description="Reference of the acknowledgement.")]


class DocumentRequest(Body):
    """A request for documents that are missing."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kinds": ["quote", "accounts"], "indispensable": True, "given_until_on": "2024-03-01",
                 "on": "2024-02-01"}
            ]
        }
    )  # fmt: skip

    kinds: Annotated[
        list[DocumentKind], Field(min_length=1, max_length=20, description="Which kinds of document are awaited.")
    ]
    indispensable: Annotated[
        TrueOrFalse,
        Field(
            description="true: the file cannot be examined without them, and the request stops both times until they"
            " come in, at the latest until given_until_on, where the scheme says so (`clocks_stop`). false: nothing"
            " stops."
        ),
    ]
    given_until_on: Annotated[
        Day,
        Field(
            description="Paris day until which the firm has time: not before the day of the request, nor later than"
            f" {MOST_MONTHS_GIVEN} months after it."
        ),
    ]
    on: _On | None = None


class ActBody(Body):
    """The day of an act."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"on": "2024-03-15"}]})

    on: _On | None = None


class ReasonedActBody(Body):
    """The day of an act and its reason."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"on": "2024-03-15", "reason": "The firm no longer carries the project."}]}
    )

    reason: _ReasonOf
    on: _On | None = None


class ExtensionBody(Body):
    """A longer time to decide."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"until_on": "2024-12-15", "reason": "The expert's report is awaited.", "on": "2024-09-02"}]
        }
    )

    until_on: Annotated[Day, Field(description="New last Paris day to decide: later than the present one.")]
    reason: _ReasonOf
    on: _On | None = None


class ApplicationPassage(Read):
    """An act on an aid file, as it was recorded."""

    number: int = Field(description="Place of the act in the history of the file, from 1.", ge=1)
    application_id: UUID = Field(description="The file.")
    act: ApplicationAct = Field(
        description="What was done; silence_admits and silence_rejects: nobody acted in time; reverse_silence: an act"
        " that was done in time was recorded after that, and the silence no longer counts; reverse_decision: a"
        " committee took its decision back."
    )
    from_state: ApplicationState = Field(description="State of the file before the act.")
    to_state: ApplicationState = Field(description="State of the file after the act.")
    effective_on: date = Field(description="Paris day of the act, or on which silence took effect.")
    reverses_number: int | None = Field(
        description="Number of the silence or decision that this reverses; null for other acts."
    )
    reversed: bool = Field(description="Whether this is a silence or a decision that a later act has reversed.")
    reason: str | None = Field(description="Why; null where the act gives none.")
    reference: str | None = Field(
        description="Reference of the acknowledgement of receipt, or of the decision; null for other acts."
    )
    kinds: list[DocumentKind] | None = Field(
        description="Kinds of document that a request awaits; null for other acts."
    )
    indispensable: bool | None = Field(
        description="Whether the documents of a request are indispensable; null for other acts."
    )
    given_until_on: date | None = Field(description="Paris day until which a request gives time; null for other acts.")
    until_on: date | None = Field(description="Last Paris day that an extension fixes; null for other acts.")
    recorded_by: UUID | None = Field(description="Who recorded it; null where the service did.")
    recorded_by_name: PersonNameOrNull = Field(
        description="Present name of who recorded it; null where the service did."
    )
    recorded_at: RecordedAt


# --- what may follow -------------------------------------------------------------------------------------------------


class UnmetRead(Read):
    """A condition that is not met."""

    code: str = Field(description="Code of the condition.")
    detail: str = Field(description="What is not met, in the language of the caller.")
    cure: str = Field(description="What meets it, in the language of the caller.")
    pointer: str | None = Field(description="Field of the file that it is about; null where it is about none.")


class NextAct(Read):
    """An act that can follow."""

    act: ApplicationAct = Field(
        description="What can be done: the last part of its address, with `-` for `_`, or a committee's outcome."
    )
    to_state: ApplicationState = Field(description="State of the file after it.")
    roles: list[str] = Field(description="Roles that do it.")
    permitted: bool = Field(description="Whether the caller's roles let the caller do it here.")
    unmet: list[UnmetRead] = Field(description="Every condition that keeps it from being done; none where it can be.")


class NextDecision(Read):
    """What a committee can decide about a file, and what keeps it from that today."""

    step: FileStep = Field(description="pre_select: by a territorial committee; grant: by the State-Region committee.")
    unmet: list[UnmetRead] = Field(
        description="Every condition that is not met; none where the file is ready. Who may not read the review is told"
        " `review-not-favourable` while it is not completed or does not allow the aid."
    )


class Deadline(Read):
    """A time that runs for a file."""

    kind: str = Field(
        description="admissibility or decision.", json_schema_extra={"enum": ["admissibility", "decision"]}
    )
    last_day: date = Field(description="Last Paris day to act on; the act may still be done on it.")
    silence_on: date = Field(description="Paris day on which silence takes effect: the one after the last.")
    days_stopped: int = Field(description="Days by which requests for documents have moved the last day.", ge=0)
    running: bool = Field(description="Whether it runs still; false once it was decided, or has been.")
    silence_leads_to: ApplicationState = Field(description="State of the file once silence takes effect.")
    meaning: str = Field(description="What silence means, in a sentence in the language of the caller.")


class Transitions(Read):
    """What can follow in the life of a file, and when silence decides."""

    application_id: UUID = Field(description="The file.")
    state: ApplicationState = Field(
        description="State of the file today, with what silence has decided by now, be it recorded yet or not."
    )
    documents_awaited: list[DocumentKind] = Field(description="Kinds of document that are awaited; none otherwise.")
    deadlines: list[Deadline] = Field(description="Both times, from the receipt on; none for a draft.")
    acts: list[NextAct] = Field(description="The acts that can follow, whoever does them.")
    decisions: list[NextDecision] = Field(
        description="What committees decide, with all that keeps the file from it; none once the file is decided."
    )


# --- documents and review --------------------------------------------------------------------------------------------


class DocumentCreate(Body):
    """A document that came in for a file: what it is and where it is kept. Its content stays where it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "quote", "name": "Devis 88.pdf", "size_bytes": 182_340, "sha256": "ab" * 32,
                 "location": "ged://dossiers/2024/88", "received_on": "2024-01-15"}
            ]
        }
    )  # fmt: skip

    kind: Annotated[DocumentKind, Field(description="What the document is.")]
    name: Annotated[Line, Field(description="Name of the document.")]
    size_bytes: Annotated[int, Field(strict=True, ge=1, le=MAX_SIZE, description="Length of its content, in bytes.")]
    sha256: Annotated[Sha256, Field(description="SHA-256 of the content, 64 hexadecimal digits; once in a file.")]
    location: Annotated[Line, Field(description="Where the document is kept, as its keeper names the place.")]
    received_on: Annotated[Day, Field(description="Paris day on which it came in; today at the latest.")]
    valid_until_on: (
        Annotated[Day, Field(description="Last Paris day on which it is valid; null where it has no such day.")] | None
    ) = None


class ApplicationDocument(Read):
    """A document of an aid file."""

    id: Id
    application_id: UUID = Field(description="The file that it belongs to.")
    kind: DocumentKind = Field(description="What the document is.")
    name: str = Field(description="Name of the document.")
    size_bytes: int = Field(description="Length of its content, in bytes.", ge=1, le=MAX_SIZE)
    sha256: str = Field(description="SHA-256 of the content, 64 hexadecimal digits in lower case.")
    location: str = Field(description="Where the document is kept, as its keeper names the place.")
    received_on: date = Field(description="Paris day on which it came in.")
    valid_until_on: date | None = Field(
        description="Last Paris day on which it is valid; null where it has no such day."
    )
    recorded_by: UUID | None = Field(description="Who recorded it; null where the service did.")
    recorded_by_name: PersonNameOrNull = Field(
        description="Present name of who recorded it; null where the service did."
    )
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt


class ReviewPut(Body):
    """The funder's review of a file. It enters no event, export or log."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"opinion": "favourable", "rating": 4, "recommended_grant_cents": 15_000_000,
                 "recommended_advance_cents": 10_000_000, "kyc": "clear", "text": "A sound project.",
                 "completed_on": "2024-05-02"}
            ]
        }
    )  # fmt: skip

    opinion: Annotated[Opinion, Field(description="What the review recommends.")]
    rating: (
        Annotated[int, Field(strict=True, ge=1, le=5, description="From 1, weak, to 5, strong; null while not given.")]
        | None
    ) = None
    recommended_grant_cents: Annotated[AmountCents, Field(description="Cents of euro recommended as a grant.")] = 0
    recommended_advance_cents: Annotated[
        AmountCents, Field(description="Cents of euro recommended as a repayable advance.")
    ] = 0
    kyc: Annotated[
        Kyc, Field(description="What the examination against money laundering found: clear, alert or refused.")
    ]
    text: Annotated[Text, Field(description="The review in words; null while there is none.")] | None = None
    completed_on: (
        Annotated[Day, Field(description="Paris day on which the review was completed; null while it is not.")] | None
    ) = None


class ApplicationReview(Read):
    """The funder's review of a file: confidential, read with a permission of its own."""

    application_id: UUID = Field(description="The file that is reviewed.")
    opinion: Opinion = Field(description="What the review recommends.", json_schema_extra=CONFIDENTIAL)
    rating: int | None = Field(
        description="From 1, weak, to 5, strong; null while not given.", ge=1, le=5, json_schema_extra=CONFIDENTIAL
    )
    recommended_grant_cents: Cents = Field(
        description="Cents of euro recommended as a grant.", json_schema_extra=CONFIDENTIAL
    )
    recommended_advance_cents: Cents = Field(
        description="Cents of euro recommended as a repayable advance.", json_schema_extra=CONFIDENTIAL
    )
    kyc: Kyc = Field(
        description="What the examination against money laundering found: clear, alert or refused.",
        json_schema_extra=CONFIDENTIAL,
    )
    text: str | None = Field(
        description="The review in words; null while there is none.", json_schema_extra=CONFIDENTIAL
    )
    completed_on: date | None = Field(
        description="Paris day on which the review was completed; null while it is not.", json_schema_extra=CONFIDENTIAL
    )
    author_id: UUID = Field(
        description="The person who wrote it last. Nobody who wrote it decides the file.",
        json_schema_extra=CONFIDENTIAL,
    )
    author_name: PersonNameOrNull = Field(description="Present name of that person.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
