"""What travels about change requests."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from app.awards.change_requests.rules import ChangeKind, ChangeRequestStatus
from app.awards.schemas import ParameterValues
from app.core.schemas import (
    Body,
    CreatedAt,
    Id,
    PersonName,
    PersonNameOrNull,
    Read,
    UpdatedAt,
    Version,
)
from app.core.values import Cents, Code, Day, Line, PositiveCents, Reason, Sha256, ShortLine, Siren


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class ChangeAsked(Body):
    """A change of one kind. It gives the fields of its kind, and no other."""

    kind: Annotated[
        ChangeKind,
        Field(
            description="amount: amount_cents; dates: planned_start_on or planned_end_on or both; object:"
            " project_title; parameters: parameters; holder: siren and proof_sha256."
        ),
    ]
    amount_cents: (
        Annotated[PositiveCents, Field(description="New amount of this award in cents of euro, what is paid included.")]
        | None
    ) = None
    planned_start_on: Annotated[Day, Field(description="New Paris day of the planned start of the works.")] | None = (
        None
    )
    planned_end_on: Annotated[Day, Field(description="New Paris day of the planned end of the works.")] | None = None
    project_title: Annotated[Line, Field(description="What the aid is to pay for.")] | None = None
    siren: (
        Annotated[Siren, Field(description="SIREN of the firm to which the aid passes, as by a merger or a sale.")]
        | None
    ) = None
    proof_sha256: (
        Annotated[Sha256, Field(description="SHA-256 of the deed by which it passes, in lower-case hexadecimal.")]
        | None
    ) = None
    parameters: (
        Annotated[
            dict[Code, int | bool | list[int] | str],
            Field(
                min_length=1, max_length=30,
                description="Parameters of the aid by name, in the unit that ends the name; others stay.",
            ),
        ]
        | None
    ) = None  # fmt: skip


class ChangeRequestCreate(Body):
    """What is to change, and why: one decision takes or refuses all of it."""

    model_config = _example(
        changes=[{"kind": "amount", "amount_cents": 12_000_000}, {"kind": "dates", "planned_end_on": "2026-06-30"}],
        reason="One machine of two is bought.",
    )  # fmt: skip

    changes: Annotated[
        list[ChangeAsked], Field(min_length=1, max_length=10, description="Each kind of change at most once.")
    ]
    reason: Annotated[Reason, Field(description="Why the aid is to change.")]
    requested_on: (
        Annotated[
            Day, Field(description="Paris day of the request, today at the latest; absent or null: today.")
        ]
        | None
    ) = None  # fmt: skip


class ChangeApproval(Body):
    """The decision that takes all changes of a request: the amendment (*avenant*)."""

    model_config = _example(reference="AV-1", decided_on="2023-12-18", document_sha256="0" * 64)

    reference: Annotated[ShortLine, Field(description="Reference of the amendment.")]
    decided_on: (
        Annotated[
            Day,
            Field(
                description="Paris day from which the changes count: not before the request or the last payment, today"
                " at the latest; absent or null: today."
            ),
        ]
        | None
    ) = None
    document_sha256: (
        Annotated[Sha256, Field(description="SHA-256 of the amendment, in lower-case hexadecimal.")] | None
    ) = None


class ChangeRequestEnd(Body):
    """Why a request is refused or withdrawn."""

    model_config = _example(reason="The second machine is still needed.")

    reason: Annotated[Reason, Field(description="Why; it is shown beside the request.")]


class ChangeRead(Read):
    """A change that a request asks for; fields of other kinds are null."""

    kind: ChangeKind = Field(description="What changes.")
    amount_cents: Cents | None = Field(description="New amount of the award in cents of euro, what is paid included.")
    planned_start_on: date | None = Field(description="New Paris day of the planned start of the works.")
    planned_end_on: date | None = Field(description="New Paris day of the planned end of the works.")
    project_title: str | None = Field(description="What the aid is to pay for.")
    parameters: ParameterValues | None = Field(description="Parameters of the aid by name; others stay.")
    siren: str | None = Field(description="SIREN of the firm to which the aid is to pass.")
    firm_name: str | None = Field(description="Name of that firm on the day of the request; null as siren is.")
    proof_sha256: str | None = Field(description="SHA-256 of the deed by which it passes.")
    former_siren: str | None = Field(description="SIREN of the firm that held the aid when it was asked.")
    former_firm_name: str | None = Field(description="Name of that firm on that day; null as former_siren is.")


class ChangeRequest(Read):
    """A request to change an aid; once approved, the amendment (*avenant*)."""

    id: Id
    grant_id: UUID | None = Field(
        description="The grant whose amount it changes; null where it was asked of an advance."
    )
    advance_id: UUID | None = Field(
        description="The advance whose amount it changes; null where it was asked of a grant."
    )
    changes: list[ChangeRead] = Field(description="What is to change; they are taken or refused together.")
    reason: str = Field(description="Why the aid is to change.")
    requested_on: date = Field(description="Paris day of the request.")
    requested_by: UUID = Field(description="Who asked for it, and who therefore cannot decide on it.")
    requested_by_name: PersonName = Field(description="Present name of who asked for it.")
    status: ChangeRequestStatus = Field(description="requested; approved: the changes count; refused; withdrawn.")
    decided_on: date | None = Field(description="Paris day of the decision or of the withdrawal; null before it.")
    decided_by: UUID | None = Field(description="Who approved, refused or withdrew it; null while nobody has.")
    decided_by_name: PersonNameOrNull = Field(description="Present name of that person; null as the id is.")
    reference: str | None = Field(description="Reference of the amendment; null while it is not approved.")
    document_sha256: str | None = Field(description="SHA-256 of the amendment; null where none is given.")
    end_reason: str | None = Field(description="Why it was refused or withdrawn; null where it was neither.")
    raised_cents: Cents = Field(description="Cents of euro that it took from the envelope; 0 while it is not approved.")
    lowered_cents: Cents = Field(description="Cents of euro that it gave back; 0 while it is not approved.")
    version: Version
    created_at: CreatedAt
    updated_at: UpdatedAt
