"""What travels about letters."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.awards.letters.rules import LetterKind, LetterStatus
from app.core.schemas import PERSONAL, Body, ContentHash, CreatedAt, Id, PersonName, Read, UpdatedAt, Version
from app.core.values import Cents, Day, Line, PositiveCents, Reason, Sha256, ShortLine, Text, Uuid
from app.firms.schemas import FirmName, SirenRead
from app.programme.schemas import TerritorySlug

_TERM = "; absent or null: as the aid says already."
KindRead = Annotated[
    LetterKind,
    Field(
        description="notification: of the decision, which the funder signs; agreement: between the funder and the firm,"
        " which both sign."
    ),
]


class LetterCreate(Body):
    """A letter to draw up about the aid of an award. What the aid does not say yet is said here, and sealed with it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"award_id": "019a9f5e-7c00-7000-8000-000000000001", "kind": "notification", "reference": "NOT-2023-7",
                 "planned_start_on": "2023-12-01", "planned_end_on": "2025-11-30",
                 "payment_terms": "30 % at the start, the rest on certified expenses.",
                 "recovery_terms": "The aid is paid back where its object is changed."}
            ]
        }
    )  # fmt: skip

    award_id: Annotated[Uuid, Field(description="The grant or the advance; the letter is about both of its decision.")]
    kind: KindRead
    reference: Annotated[ShortLine, Field(description="Reference of the letter, once per territory.")]
    planned_start_on: (
        Annotated[Day, Field(description="Paris day on which the works are planned to start" + _TERM)] | None
    ) = None
    planned_end_on: (
        Annotated[Day, Field(description="Paris day on which they end; not before planned_start_on" + _TERM)] | None
    ) = None
    conditions: Annotated[Text, Field(description="Conditions of the decision" + _TERM)] | None = None
    payment_terms: Annotated[Text, Field(description="How the aid is paid, in words" + _TERM)] | None = None
    recovery_terms: Annotated[Text, Field(description="When it must be paid back, in words" + _TERM)] | None = None
    signatory_name: (
        Annotated[Line, Field(description="Who signs for the funder; absent or null: who draws the letter up.")] | None
    ) = None
    signatory_capacity: (
        Annotated[Line, Field(description="In which capacity, such as Directrice régionale.")] | None
    ) = None


class LetterSignature(Body):
    """That a letter was signed: the document, and the days."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"signed_on": "2023-11-02", "document_sha256": "0" * 64}]}
    )

    signed_on: Annotated[
        Day, Field(description="Paris day on which the funder signed: not before the decision, today at the latest.")
    ]
    signed_by_firm_on: (
        Annotated[
            Day,
            Field(description="Paris day on which the firm signed an agreement; absent or null for a notification."),
        ]
        | None
    ) = None
    document_sha256: Annotated[Sha256, Field(description="SHA-256 of the signed document, in lower-case hexadecimal.")]


class LetterNotification(Body):
    """That the firm was notified of a signed letter."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"notified_on": "2023-11-06"}]})

    notified_on: Annotated[
        Day,
        Field(description="Paris day on which the firm was notified: not before it was signed, today at the latest."),
    ]


class LetterWithdrawal(Body):
    """Why a letter that is not notified is withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The planned days have changed."}]})

    reason: Annotated[Reason, Field(description="Why; it is shown beside the letter.")]


class LetterLine(Read):
    """A line of the base, as the letter says it."""

    label: str = Field(description="What is bought; the title of the project where the base is one line.")
    amount_cents: PositiveCents = Field(description="Cents of euro, excluding VAT.")


class LetterContent(Read):
    """What a letter says: sealed when it was drawn up, with the names of that day."""

    kind: LetterKind = Field(description="What the letter does, as the letter says it itself.")
    reference: str = Field(description="Reference of the letter, once per territory.")
    territory_name: str = Field(description="Name of the territory on the day of the letter.")
    funder_name: str = Field(description="Name of the funder on the day of the letter.")
    siren: SirenRead
    firm_name: FirmName
    decision_reference: str = Field(description="Reference of the decision that gave the aid.")
    decided_on: date = Field(description="Paris day of the decision.")
    received_on: date | None = Field(description="Paris day on which the aid file was received; null without one.")
    project_title: str = Field(description="What the aid pays for, as the decision words it.")
    scheme_name: str | None = Field(description="Name of the scheme; null where the aid is held by its amount alone.")
    grant_cents: Cents = Field(description="Cents of euro of the grant; 0 where there is none.")
    advance_cents: Cents = Field(description="Cents of euro of the repayable advance; 0 where there is none.")
    base_cents: Cents | None = Field(description="Base in cents of euro; null where the aid has none.")
    lines: list[LetterLine] = Field(description="Eligible lines of the base; [] where there is none.")
    start_months: int | None = Field(description="Months from the notification within which the project starts.")
    completion_statement_months: int | None = Field(
        description="Months from the planned end within which the firm declares the completion."
    )
    planned_start_on: date = Field(description="Paris day on which the works are planned to start.")
    planned_end_on: date = Field(description="Paris day on which they are planned to end.")
    conditions: str | None = Field(description="Conditions of the decision; null where there are none.")
    payment_terms: str = Field(description="How the aid is paid, in words.")
    recovery_terms: str = Field(description="When it must be paid back, in words.")
    signatory_name: str | None = Field(
        description="Who signs for the funder; null in a letter of before signatories were named.",
        json_schema_extra=PERSONAL,
    )
    signatory_capacity: str | None = Field(
        description="In which capacity that person signs; null where it is not said.", json_schema_extra=PERSONAL
    )
    new_terms: list[str] = Field(
        description="Which of these terms the letter says first: they count for the aid once the notification is"
        " notified, or the agreement signed."
    )


class Letter(Read):
    """A letter about an aid."""

    id: Id
    territory: TerritorySlug
    aid_id: UUID = Field(description="The aid that it is about.")
    award_id: UUID = Field(description="The grant or the advance that it was drawn up from.")
    decision_reference: str = Field(description="Reference of the decision that gave the aid.")
    siren: SirenRead
    firm_name: FirmName
    kind: KindRead
    reference: str = Field(description="Reference of the letter.")
    status: LetterStatus = Field(
        description="to_sign; signed: by all who sign it; notified: to the firm; withdrawn: it was given up before."
    )
    content: LetterContent = Field(
        description="What the letter says; it names who signs it, so no event shows it.", json_schema_extra=PERSONAL
    )
    content_hash: ContentHash = Field(description="SHA-256 of what the letter says, as it was drawn up.")
    drawn_up_by: UUID = Field(description="Who drew the letter up.")
    drawn_up_by_name: PersonName = Field(description="Present name of who drew it up.")
    signed_on: date | None = Field(description="Paris day on which the funder signed; null before it.")
    signed_by_firm_on: date | None = Field(
        description="Paris day on which the firm signed; null before it, and for a notification."
    )
    document_sha256: str | None = Field(description="SHA-256 of the signed document; null before it is signed.")
    notified_on: date | None = Field(description="Paris day on which the firm was notified; null before it.")
    end_reason: str | None = Field(description="Why it was withdrawn; null where it was not.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
