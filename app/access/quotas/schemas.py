"""What travels about quotas."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from app.access.quotas.rules import QuotaName
from app.access.rules import Role, SubjectKind
from app.core.schemas import Body, Id, PersonNameOrNull, Read, RecordedAt
from app.core.values import Day, Line

_NAMES = (
    "requests_per_minute and writes_per_minute: requests, and those that may change something, over all workers, of"
    " which each grants its share. exports_at_once, documents_at_once and listeners_at_once: tables and PDFs"
    " under way, and readers of the feed that wait for events, in one worker."
    " imports_at_once: files that are received, wait or are read. import_bytes: bytes of the files that are kept."
)
_Value = Annotated[
    int,
    Field(
        strict=True, ge=1, le=10**12, examples=[3000], description="The most that is allowed, in the unit of `name`."
    ),
]
_From = Annotated[Day, Field(description="First Paris day on which the limit holds; a past day or today: at once.")]


class RoleQuotaCreate(Body):
    """A limit from a day on."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"subject_kind": "service_account", "role": "auditor", "name": "requests_per_minute", "value": 60000,
                 "from_on": "2027-01-01", "source": "Convention de service 2027, annexe 2"}
            ]
        }
    )  # fmt: skip

    subject_kind: Annotated[SubjectKind, Field(description="Whom it limits: persons or programs.")]
    role: Annotated[Role | None, Field(description="The role that it limits; null or absent: every role.")] = None
    name: Annotated[QuotaName, Field(description=f"What is limited. {_NAMES}")]
    value: _Value
    from_on: _From
    source: Annotated[Line, Field(description="Why the limit is so: a text, an agreement, a decision.")]


class RoleQuota(Read):
    """A limit of a role from a day on. A subject with several roles has the most generous of theirs."""

    id: Id
    subject_kind: str = Field(examples=["person"], description="Whom it limits: person or service_account.")
    role: str | None = Field(
        examples=["auditor"], description="The role that it limits; null: every role that has no limit of this name."
    )
    name: str = Field(examples=["requests_per_minute"], description=f"What is limited. {_NAMES}")
    value: int = Field(description="The most that is allowed, in the unit of `name`.")
    from_on: date = Field(description="First Paris day on which the limit holds, until a later one takes its place.")
    source: str = Field(description="Why the limit is so: a text, an agreement, a decision.")
    recorded_by: UUID | None = Field(
        description="Subject that recorded the limit; null where the service came with it."
    )
    recorded_by_name: PersonNameOrNull = Field(description="Present name of the subject of recorded_by.")
    recorded_at: RecordedAt
