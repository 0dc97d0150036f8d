"""What travels about imports."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.core.schemas import PERSONAL, CreatedAt, Id, PersonNameOrNull, Read
from app.integrations.imports.models import ImportStatus, OnError, Severity


class ImportColumn(Read):
    """How a column of the file was understood."""

    header: str = Field(description="Heading of the column in the file, at most 200 characters.")
    field: str | None = Field(
        description="The field of the API that the column fills, or the heading of a file of INSEE that is read as it"
        " is; null where it is ignored."
    )


class ImportOptions(Read):
    """How a file is to be read, where the sender said so; what was not said is null."""

    sheet: str | None = Field(description="Name of the sheet of a workbook.")
    header_row: int | None = Field(description="Line of the headings, counted from 1.")
    constants: dict[str, str] = Field(description="Values for columns that the file does not have, by field.")
    hours_per_day: str | None = Field(description="Number of hours of a day, where the file has hours.")


class FileImport(Read):
    """An import and its progress. At the end each line is created, updated, unchanged or skipped."""

    told_as = "import"

    id: Id
    territory: str | None = Field(
        description="Slug of the territory that the lines belong to; null for facts that all territories share."
    )
    kind: str = Field(description="What the lines are, such as time_entries; chosen by the sender.")
    status: ImportStatus = Field(
        description="queued and running change; succeeded, refused, failed and cancelled are final. A refused, failed"
        " or cancelled import has written nothing; with on_error=skip, what rows_written counts."
    )
    dry_run: bool = Field(description="Whether the lines are only checked: everything is counted, nothing is written.")
    on_error: OnError = Field(
        description="abort: one faulty line refuses the whole file; skip: faulty lines are left out, and each 500 lines"
        " are committed."
    )
    transaction_seconds: int | None = Field(
        description="Seconds within which the lines must be written, as one transaction; beyond them the import is"
        " refused (import-too-long). null with on_error=skip, unless it is a dry run."
    )
    filename: str | None = Field(description="Name of the file, as the sender gave it; null where it gave none.")
    size_bytes: int = Field(description="Length of the file as it was received, in bytes.")
    format: str = Field(
        description="csv, xlsx, xlsb, xls, ods or xml, recognised by what the file holds; until it is"
        " read, each zip counts as xlsx."
    )
    encoding: str | None = Field(description="Encoding of a CSV file, as recognised; null for workbooks and xml.")
    delimiter: str | None = Field(
        description="Character between the cells of a CSV file, as recognised; null for workbooks, xml, and until it is"
        " read."
    )
    options: ImportOptions = Field(description="How the sender said that the file is to be read.")
    file_kept_until: datetime | None = Field(
        description="Instant in UTC until which the file is kept for its sender; null once it is deleted, and for a"
        " bank statement, which is deleted when its import ends."
    )
    columns: list[ImportColumn] = Field(
        description="The columns of the file from left to right; empty until its headings are read."
    )
    rows_read: int = Field(description="Number of lines below the headings that were read from the file so far.")
    rows_checked: int = Field(description="Number of lines that were compared with the stored data so far.")
    rows_written: int = Field(
        description="Number of lines that made or changed an object so far: those created and updated. They are"
        " committed all at once, at the end, or each 500 of them with on_error=skip."
    )
    rows_created: int = Field(description="Number of lines that made a new object.")
    rows_updated: int = Field(description="Number of lines that changed an object.")
    rows_unchanged: int = Field(description="Number of lines whose object was already so, up to now.")
    rows_skipped: int = Field(description="Number of faulty lines that were left out.")
    blocking_problems: int = Field(description="Number of faults that keep their line out of the import.")
    advisory_problems: int = Field(description="Number of remarks that keep no line out, such as an ignored column.")
    problem: dict[str, Any] | None = Field(
        description="Why the whole import was refused or failed, as a problem (RFC 9457); null otherwise."
    )
    requested_by: UUID | None = Field(
        description="The person or service account that sent the file; null where the operator of the server did."
    )
    requested_by_name: PersonNameOrNull = Field(description="Present name of that subject; null as the id is.")
    attempts: int = Field(
        description="Number of times the import was started; more than one where the server stopped meanwhile."
    )
    started_at: datetime | None = Field(description="Instant in UTC of the first start; null while it is queued.")
    finished_at: datetime | None = Field(
        description="Instant in UTC at which the status became final; null until then."
    )
    created_at: CreatedAt
    updated_at: datetime = Field(description="Instant in UTC of the last progress.")


class ImportValue(Read):
    """A value that a column takes."""

    code: str = Field(description="The code, as the API has it; accepted in files.")
    label: str = Field(description="What people type for it in English.")
    label_fr: str = Field(description="What people type for it in French.")


class ImportKindColumn(Read):
    """A column that the files of a kind may have."""

    field: str = Field(description="The field of the API that the column fills; accepted as a heading.")
    label: str = Field(description="The heading in English, as in a template.")
    label_fr: str = Field(description="The heading in French, as in a template.")
    headings: list[str] = Field(
        description="Every heading that names the column; accents, case, spaces and signs do not matter."
    )
    given_name_headings: list[str] = Field(
        description="Headings of a second column with first names, which are put before the name."
    )
    hours_headings: list[str] = Field(
        description="Headings of a column that has hours instead of days; hours_per_day is then needed."
    )
    required: bool = Field(description="Whether a file must have the column, or a value for it (set).")
    unless: str | None = Field(description="Field of another column that does as well as a required one; null: none.")
    accepts: str = Field(description="What the cells hold, in English.")
    accepts_fr: str = Field(description="What the cells hold, in French.")
    values: list[ImportValue] = Field(description="The values that it takes; empty where it is not one of a list.")
    example: str | None = Field(description="An example as one writes it in English; null where there is none.")
    example_fr: str | None = Field(description="An example as one writes it in French; null where there is none.")


class ImportKind(Read):
    """What the lines of a file can be."""

    kind: str = Field(description="The code of the kind, as in the parameter `kind`.")
    national: bool = Field(
        description="Whether the lines belong to no territory, so that the file goes to /v1/imports."
    )
    permission: str = Field(description="The permission that the sender needs beside imports:write.")
    columns: list[ImportKindColumn] = Field(
        description="What a file of this kind may have beside one another, required or not; in any order."
    )


class ImportKinds(Read):
    """Everything that can be imported from a table."""

    items: list[ImportKind] = Field(description="The kinds.")


class AnnotatedFile(Read):
    """A copy of an imported file with what was found wrong, as a workbook."""

    id: UUID = Field(description="The import whose file this is.")
    name: str = Field(description="File name that fits the copy.")
    content: str = Field(description="The XLSX, in base64.", json_schema_extra=PERSONAL)


class ImportProblem(Read):
    """What is wrong with a line of the file, in the words of the file."""

    id: Id
    line: int = Field(
        description="Line of the file, counted from 1, its headings included; of a bank statement, number of the entry."
    )
    column: str = Field(
        description="Field of the API that is at fault, or an unknown heading; empty for the whole line."
    )
    heading: str | None = Field(
        description="Heading of the column as it stands in the file; null where the file has no such column, and for"
        " the whole line."
    )
    cell: str | None = Field(description="The cell as a spreadsheet names it, such as F17; null as heading is.")
    found: str | None = Field(
        description="What stands in the cell, at most 100 characters; a day, a number or a truth of a workbook as a"
        " French spreadsheet shows it. Only its sender reads it, for as long as the file is kept; null otherwise.",
        json_schema_extra=PERSONAL,
    )
    severity: Severity = Field(description="blocking: the line is not imported; advisory: it is imported all the same.")
    code: str = Field(description="Stable code of the rule, the same in every language.")
    detail: str = Field(
        description="What is wrong and how to correct it, in English: cell, heading, what stands there, and the rule.",
        json_schema_extra=PERSONAL,
    )
    detail_fr: str = Field(description="The same in French.", json_schema_extra=PERSONAL)
