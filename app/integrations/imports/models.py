"""Tables of imports: the act, the file it came with, the lines that wait, and what was found wrong."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Base, Identified, one_of, shape


class ImportStatus(StrEnum):
    """The state of an import. A `refused` or `failed` one has changed nothing, but for what it committed by parts."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OnError(StrEnum):
    """What a faulty line does: it refuses the whole file, or is left out."""

    ABORT = "abort"
    SKIP = "skip"


class Severity(StrEnum):
    """A blocking fault keeps its line out of the import; an advisory one does not."""

    BLOCKING = "blocking"
    ADVISORY = "advisory"


class Import(Identified, Base):
    """A file to be imported, and how far that has come. Whoever holds `claim` runs it."""

    __tablename__ = "imports"
    __table_args__ = (
        shape(one_of("status", ImportStatus), name="import_status"),
        shape(one_of("on_error", OnError), name="import_on_error"),
        shape("(finished_at IS NULL) = (status IN ('queued', 'running'))", name="import_finished"),
        shape("rows_created + rows_updated + rows_unchanged <= rows_read", name="import_rows"),
        Index(None, "territory", "id"),
        Index("imports_open_idx", "id", postgresql_where=text("status IN ('queued', 'running')")),
        Index("imports_kept_idx", "requested_by",
              postgresql_where=text("finished_at IS NULL OR file_kept_until IS NOT NULL")),
    )  # fmt: skip

    territory: Mapped[str | None] = mapped_column(ForeignKey("territories.slug"))
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="queued")
    dry_run: Mapped[bool]
    on_error: Mapped[str]
    filename: Mapped[str | None]
    upload_id: Mapped[UUID] = mapped_column(unique=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[str]
    encoding: Mapped[str | None]
    delimiter: Mapped[str | None]
    options: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    columns: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    rows_read: Mapped[int] = mapped_column(server_default="0")
    rows_checked: Mapped[int] = mapped_column(server_default="0")
    rows_written: Mapped[int] = mapped_column(server_default="0")
    rows_created: Mapped[int] = mapped_column(server_default="0")
    rows_updated: Mapped[int] = mapped_column(server_default="0")
    rows_unchanged: Mapped[int] = mapped_column(server_default="0")
    rows_skipped: Mapped[int] = mapped_column(server_default="0")
    blocking_problems: Mapped[int] = mapped_column(server_default="0")
    advisory_problems: Mapped[int] = mapped_column(server_default="0")
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    requested_by: Mapped[UUID | None] = mapped_column(ForeignKey("subjects.id"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    api_key_id: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id"))  # that it was asked for with
    claim: Mapped[UUID | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    reader_deaths: Mapped[int] = mapped_column(server_default="0")
    transaction_seconds: Mapped[int | None]
    written_to: Mapped[int] = mapped_column(server_default="0")
    heartbeat_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    file_kept_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(default=clock.now)


class ImportChunk(Base):
    """A piece of an uploaded file, kept until its import is finished: another process can go on from it."""

    __tablename__ = "import_chunks"

    upload_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=func.now())


class ImportLine(Base):
    """A readable line that waits to be written. A crash of the server loses it; it is then read again from the file."""

    __tablename__ = "import_lines"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    import_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str]
    written: Mapped[str | None]  # the cells that the body has in other words, as they stand


class ImportProblem(Identified, Base):
    """What is wrong with a line of a file, and where: `found` is what stands there, for as long as the file is kept."""

    __tablename__ = "import_problems"
    __table_args__ = (
        shape(one_of("severity", Severity), name="import_problem_severity"),
        Index(None, "import_id", "line", "id"),
    )

    import_id: Mapped[UUID] = mapped_column(ForeignKey("imports.id"))
    line: Mapped[int]
    column_name: Mapped[str]
    heading: Mapped[str | None]
    cell: Mapped[str | None]
    found: Mapped[str | None]
    severity: Mapped[str]
    code: Mapped[str]
    detail: Mapped[str]
    detail_fr: Mapped[str]
