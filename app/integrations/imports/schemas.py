"""What travels about imports."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from app.core.schemas import PERSONAL, Read
from app.integrations.imports.models import ImportStatus, OnError, Severity


class ImportColumn(Read):
    """How a column of the file was understood: its header, and the field it fills (null: ignored)."""

    header: str
    field: str | None


class FileImport(Read):
    """An import and how far it has come.

    `rows_read` lines were read from the file, `rows_checked` held against what is stored, `rows_written` written so
    far. At the end each is created, updated, unchanged or skipped. `problem` says what refused or stopped the whole.
    """

    id: UUID
    territory: str | None
    kind: str
    status: ImportStatus
    dry_run: bool
    on_error: OnError
    filename: str | None
    size_bytes: int
    format: str
    encoding: str | None
    delimiter: str | None
    columns: list[ImportColumn]
    rows_read: int
    rows_checked: int
    rows_written: int
    rows_created: int
    rows_updated: int
    rows_unchanged: int
    rows_skipped: int
    blocking_problems: int
    advisory_problems: int
    problem: dict[str, Any] | None
    requested_by: UUID | None
    requested_by_name: Annotated[str | None, Field(json_schema_extra=PERSONAL)]
    attempts: int
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime


class ImportProblem(Read):
    """What is wrong with a line: where, by which rule, and how to mend it. The value itself is not repeated."""

    id: UUID
    line: int
    column: str
    severity: Severity
    code: str
    detail: str
    detail_fr: str
