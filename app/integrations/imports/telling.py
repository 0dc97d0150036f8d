"""What is wrong with a line of a file, as it is kept and told: in both languages, in the words of the file.

Rules and services speak of fields; people read headings, cells, French days and percentages.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID

from app.core.faults import LANGUAGES, FieldError
from app.core.problems import Problem, ValidationFailed
from app.core.reading.headings import has_words
from app.core.reading.headings import heading as words_of
from app.core.writing.importing import MISSING_COLUMN, Header, Importer, LineFault, in_file_words
from app.reader.tables import column_letters

_BEFORE_COLON = {"en": "", "fr": "\u00a0"}
COLUMNS = ["import_id", "line", "column_name", "heading", "cell", "found", "severity", "code", "detail", "detail_fr"]


@dataclass(frozen=True)
class Telling:
    """Tells the faults of an import by what its columns are called in the file, once that is known."""

    import_id: UUID
    importer: Importer
    header: Header | None = None

    def row(self, fault: LineFault) -> tuple[Any, ...]:
        """A fault as it is kept: where it is in the file, by which rule, and in both languages what to do."""
        problem = fault.error.members.get("problem")
        if isinstance(problem, ValidationFailed) and problem.errors:  # a service has asked what the schema could not
            error, column = in_file_words(problem.errors[0]), column_of(problem) or fault.column
            code, texts = error.code, [str(error.public(language)["detail"]) for language in LANGUAGES]
        elif isinstance(problem, Problem):
            code = problem.code  # as the catalogue names it
            column = column_of(problem) or fault.column
            texts = [str(problem.body(language)["detail"]) for language in LANGUAGES]
        else:
            code, column = fault.error.code, fault.column
            told = in_file_words(fault.error)
            texts = [str(told.public(language)["detail"]) for language in LANGUAGES]
        known = self.importer.fields.get(column)
        heading, cell = self._place(fault, column)
        found = fault.found if not self.importer.xml else None  # a bank statement is not kept, nor is a part of it
        if known is not None and known.first is not None and code in ("not_found", "reference-not-found"):
            texts = [f"{text} {known.first.told(lang, {})}" for text, lang in zip(texts, LANGUAGES, strict=True)]
        if known is not None and heading is None and fault.error.code != MISSING_COLUMN.code:
            texts = [
                f"{known.label(lang)}{_BEFORE_COLON[lang]}: {text}" for text, lang in zip(texts, LANGUAGES, strict=True)
            ]
        if fault.error.code != MISSING_COLUMN.code:  # its headings are as they may be written
            texts = [self.in_headings(text, lang) for text, lang in zip(texts, LANGUAGES, strict=True)]
        severity = "advisory" if fault.advisory else "blocking"
        return (self.import_id, fault.line, column, heading, cell, found, severity, code, *texts)

    def in_headings(self, sentence: str, language: str) -> str:
        """The sentence with the headings of the file, or our labels, in place of the names of fields."""

        def heading(found: re.Match[str]) -> str:
            field = self.importer.fields[found[0]]
            place = self.header.place(field.field) if self.header is not None else None
            shown = field.label(language) if self.header is None or place is None else self.header.matched[place][0]
            return f"\u00ab\u00a0{shown}\u00a0\u00bb" if language == "fr" else f"\u201c{shown}\u201d"

        told = _ISO_DAY.sub(r"\3/\2/\1", sentence) if language == "fr" else sentence
        named = self._names.sub(heading, told)
        return _FIELD.sub(lambda found: _in_words(found[0], language), named)

    @cached_property
    def _names(self) -> re.Pattern[str]:
        """The names of fields that no person writes."""
        names = [re.escape(name) for name in self.importer.fields if "_" in name]
        return re.compile(rf"\b(?:{'|'.join(names) or '(?!)'})\b")

    def _place(self, fault: LineFault, column: str) -> tuple[str | None, str | None]:
        """The heading in the file, and the cell as a spreadsheet names it; of an XML neither."""
        place = self.header.place(column) if self.header is not None and column else None
        if self.header is None or place is None or self.importer.xml:
            return None, None
        return self.header.matched[place][0], f"{column_letters(place + 1)}{fault.line}"


_ISO_DAY = re.compile(r"\b([0-9]{4})-([0-9]{2})-([0-9]{2})\b(?![T0-9-])")
_BESIDE = frozenset({"header_row", "hours_per_day"})  # what is said of a file beside it
_FIELD = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")


def _in_words(field: str, language: str) -> str:
    """What people call a field that is no column of the kind; another code is one that they type, and stays."""
    if field in _BESIDE or not has_words(field):
        return field
    words = words_of(field.removesuffix("_bp"), language)
    return f"\u00ab\u00a0{words}\u00a0\u00bb" if language == "fr" else words


def kept(problem: Problem) -> dict[str, Any]:
    """A problem as it is kept: in both languages, and without the request that it is not about."""
    french = problem.body("fr")
    body = problem.body("en") | {"title_fr": french["title"], "detail_fr": french["detail"]}
    return {name: value for name, value in body.items() if name not in ("instance", "request_id")}


def column_of(problem: Problem) -> str:
    """The column that a problem is about; "" for the line as a whole."""
    pointer = problem.errors[0].pointer if problem.errors else ""
    return ".".join(part for part in pointer.split("/") if part and not part.isdigit())


def as_error(problem: Problem) -> FieldError:
    """The problem as a fault of a line, which tells it whole."""
    return replace(problem.at(""), members={"problem": problem})
