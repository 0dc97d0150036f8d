"""What travels about the acts on an aid."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from app.awards.life import rules
from app.awards.models import AidAct as Act
from app.core.schemas import Body, Id, PersonNameOrNull, Read, Version
from app.core.values import Cents, Day, Line, PositiveCents, Reason, Sha256, ShortLine, Text

_Document = Annotated[Sha256, Field(description="SHA-256 of the document, in lower-case hexadecimal.")]
_OnDay = Annotated[Day, Field(description="Paris day of the act, today at the latest; absent or null: today.")]


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Notification(Body):
    """When the firm was notified of the decision, and what the decision holds beside its amount.

    A term that is absent or null stays as it is. A second notification corrects the first.
    """

    model_config = _example(
        notified_on="2023-11-02", planned_start_on="2023-12-01", planned_end_on="2025-11-30",
        conditions="Create 12 jobs by the end of 2026.",
    )  # fmt: skip

    notified_on: Annotated[
        Day, Field(description="Paris day of the notification: not before the decision, today at the latest.")
    ]
    planned_start_on: Annotated[Day, Field(description="Paris day on which the works are planned to start.")] | None = (
        None
    )
    planned_end_on: (
        Annotated[Day, Field(description="Paris day on which they are planned to end; not before planned_start_on.")]
        | None
    ) = None
    conditions: Annotated[Text, Field(description="Conditions of the decision.")] | None = None
    payment_terms: Annotated[Text, Field(description="How the aid is paid, in words.")] | None = None
    recovery_terms: Annotated[Text, Field(description="When the aid must be paid back, in words.")] | None = None
    document_sha256: _Document | None = None


class AgreementPut(Body):
    """The agreement (*convention*) of the aid: one for its grant and its advance."""

    model_config = _example(
        reference="CONV-2023-07", signed_by_firm_on="2023-11-08", signed_by_funder_on="2023-11-10",
        document_sha256="0" * 64,
    )  # fmt: skip

    reference: Annotated[ShortLine, Field(description="Reference of the agreement.")]
    signed_by_firm_on: (
        Annotated[Day, Field(description="Paris day on which the firm signed; absent or null: it has not.")] | None
    ) = None
    signed_by_funder_on: (
        Annotated[Day, Field(description="Paris day on which the funder signed; absent or null: it has not.")] | None
    ) = None
    document_sha256: _Document


class Agreement(Read):
    """The agreement (*convention*) of an aid: one for its grant and its advance."""

    id: UUID = Field(description="Id of the aid that it is about.")
    reference: str = Field(description="Reference of the agreement.")
    signed_by_firm_on: date | None = Field(description="Paris day on which the firm signed; null: it has not.")
    signed_by_funder_on: date | None = Field(description="Paris day on which the funder signed; null: it has not.")
    agreed_on: date | None = Field(description="The later of both days; null while one has not signed.")
    document_sha256: str = Field(description="SHA-256 of the document, in lower-case hexadecimal.")
    version: Version


class GuaranteePut(Body):
    """A first-demand guarantee (*garantie à première demande*) on file: more can be paid before the start of costs."""

    model_config = _example(
        guarantor="Banque du Gard", reference="GAR-12", amount_cents=9_000_000, until_on="2199-12-31",
        document_sha256="0" * 64,
    )  # fmt: skip

    guarantor: Annotated[Line, Field(description="Name of the bank or the firm that guarantees.")]
    reference: Annotated[ShortLine, Field(description="Its reference of the guarantee.")]
    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro guaranteed.")]
    until_on: Annotated[Day, Field(description="Last Paris day on which it can be called.")]
    document_sha256: _Document


class Guarantee(Read):
    """The first-demand guarantee of an aid."""

    id: UUID = Field(description="Id of the aid that it is about.")
    guarantor: str = Field(description="Name of the bank or the firm that guarantees.")
    reference: str = Field(description="Its reference of the guarantee.")
    amount_cents: Cents = Field(description="Cents of euro guaranteed.")
    until_on: date = Field(description="Last Paris day on which it can be called.")
    document_sha256: str = Field(description="SHA-256 of the document, in lower-case hexadecimal.")
    version: Version


class Start(Body):
    """When the project started: its first legal act, such as an order. A second one corrects the first."""

    model_config = _example(started_on="2023-12-04", proof_sha256="0" * 64)

    started_on: Annotated[Day, Field(description="Paris day of the first order or signed quote; today at the latest.")]
    proof_sha256: Annotated[
        Sha256, Field(description="SHA-256 of the order or signed quote, in lower-case hexadecimal.")
    ]


class StartExtension(Body):
    """More time for the start of the project, asked for before its end."""

    model_config = _example(months=6, requested_on="2023-11-20", reason="The machine is delivered late.")

    months: Annotated[int, Field(strict=True, ge=1, le=120, description="Months more, within those of the scheme.")]
    requested_on: _OnDay | None = None
    reason: Annotated[Reason, Field(description="Why the start needs more time; it is kept with the act.")]
    document_sha256: _Document | None = None


class PublicAid(Body):
    """A public aid that the firm received for the same project."""

    source: Annotated[Line, Field(description="Who gave it, and under which name.")]
    amount_cents: Annotated[PositiveCents, Field(description="Cents of euro received, at face value.")]


class Completion(Body):
    """The completion statement of the firm. A second one corrects the first."""

    model_config = _example(
        completed_on="2023-12-20", declared_on="2023-12-22", final_cost_cents=43_750_000,
        public_aid=[{"source": "Région Occitanie", "amount_cents": 2_000_000}],
    )  # fmt: skip

    completed_on: Annotated[Day, Field(description="Paris day on which the project was completed.")]
    declared_on: Annotated[
        Day, Field(description="Paris day of the statement: not before completed_on, today at the latest.")
    ]
    final_cost_cents: Annotated[Cents, Field(description="Final cost in cents of euro, excluding VAT, as declared.")]
    public_aid: Annotated[
        list[PublicAid],
        Field(max_length=100, description="Public aid received for the project from others; [] where there is none."),
    ]
    document_sha256: _Document | None = None


class PublicAidRead(Read):
    """A public aid that the firm declared for the same project."""

    source: str = Field(description="Who gave it, and under which name.")
    amount_cents: Cents = Field(description="Cents of euro received, at face value.")


class Termination(Body):
    """Why an award is terminated (*résiliée*), and from which day on."""

    model_config = _example(on="2023-12-15", reason="The firm has moved its workshop out of the territory.")

    on: Annotated[Day, Field(description="Paris day from which what is not paid is available again; today at latest.")]
    reason: Annotated[Reason, Field(description="Why; it is shown beside the award.")]
    document_sha256: _Document | None = None


class AwardCancellation(Body):
    """Why an award is cancelled (*retirée*) before anything was paid, and from which day on."""

    model_config = _example(reason="The firm has given the project up.")

    on: (
        Annotated[
            Day,
            Field(description="Paris day from which it is available again, today at latest; absent or null: today."),
        ]
        | None
    ) = None
    reason: Annotated[Reason, Field(description="Why; it is shown beside the award.")]
    document_sha256: _Document | None = None


class AidActRead(Read):
    """An act on an aid, or on one of its awards, as it was recorded."""

    id: Id
    act: Act = Field(
        description="notify; sign: the agreement; guarantee; start; extend_start; complete; amend: a change request was"
        " approved; transfer: the aid passed to another firm; close; reopen; terminate; lapse; cancel; reverse;"
        " start_missing: the last day for the start has passed, and something was paid."
    )
    on: date = Field(description="Paris day on which the act counts.")
    grant_id: UUID | None = Field(description="The grant that it is about; null where it is about the whole aid.")
    advance_id: UUID | None = Field(description="The advance that it is about; null where it is about the whole aid.")
    actor_id: UUID | None = Field(description="Who recorded it; null where the service did.")
    actor_name: PersonNameOrNull = Field(description="Present name of who recorded it; null as the id is.")
    reason: str | None = Field(description="Why; null where the act gives no reason.")
    document_sha256: str | None = Field(description="SHA-256 of its document; null where it has none.")
    from_siren: str | None = Field(description="Of a transfer: SIREN of the firm that held the aid before; else null.")
    from_firm_name: str | None = Field(description="Present name of that firm; null as from_siren is.")
    to_siren: str | None = Field(description="Of a transfer: SIREN of the firm that holds the aid since; else null.")
    to_firm_name: str | None = Field(description="Present name of that firm; null as to_siren is.")
    recorded_at: datetime = Field(description="Instant in UTC at which it was recorded.")


# What an award says of its aid.
AidId = Annotated[UUID, Field(description="The aid: what one decision gives one firm, its grant and its advance.")]
StageRead = Annotated[
    rules.AwardStage,
    Field(
        description="awarded; agreed: both have signed the agreement; started; completed; closed: the final amount is"
        " settled; terminated; lapsed: it was not started in time; cancelled; reversed: it was a mistake."
    ),
]
EndedOn = Annotated[date | None, Field(description="Paris day on which it ended; null while it has not.")]
NotifiedOn = Annotated[date | None, Field(description="Paris day on which the decision was notified; null: it is not.")]
PlannedStartOn = Annotated[
    date | None, Field(description="Paris day on which the works are planned to start; null where none is known.")
]
PlannedEndOn = Annotated[
    date | None, Field(description="Paris day on which the works are planned to end; null where none is known.")
]
Conditions = Annotated[str | None, Field(description="Conditions of the decision; null where there are none.")]
PaymentTerms = Annotated[str | None, Field(description="How the aid is paid, in words; null where none are given.")]
RecoveryTerms = Annotated[
    str | None, Field(description="When the aid must be paid back, in words; null where none are given.")
]
AgreedOn = Annotated[
    date | None, Field(description="Paris day on which the second of both signed the agreement; null before it.")
]
GuaranteedUntilOn = Annotated[
    date | None, Field(description="Last Paris day of the first-demand guarantee on file; null without one.")
]
StartByOn = Annotated[
    date | None,
    Field(
        description="Last Paris day for the start: the aid lapses the day after. Null before the notification, and"
        " where the award is held by its amount alone."
    ),
]
StartedOn = Annotated[date | None, Field(description="Paris day of the first order; null while it is not recorded.")]
StatementByOn = Annotated[
    date | None,
    Field(
        description="Last Paris day for the completion statement: nothing is paid after it without one. Null where no"
        " planned end is known, and where the award is held by its amount alone."
    ),
]
CompletedOn = Annotated[date | None, Field(description="Paris day of the completion; null while it is not declared.")]
FinalCostCents = Annotated[
    Cents | None, Field(description="Final cost declared, in cents of euro, excluding VAT; null before the completion.")
]
PublicAidDeclared = Annotated[
    list[PublicAidRead] | None,
    Field(description="Public aid received from others, as declared; null before the completion."),
]
CertifiedCents = Annotated[Cents, Field(description="Cents of euro certified over all settled claims of the aid.")]
