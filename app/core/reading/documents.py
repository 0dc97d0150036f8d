"""Documents for people: PDF, which typst sets from a template beside the domain, and XLSX.

What people wrote travels as data, never as part of a template or formula. A PDF conforms to PDF/UA-1: it is tagged, and
says its language and title. The same data give the same bytes.
"""

import asyncio
import io
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from app.core.problems import Problem
from app.core.reading.negotiation import language_of
from app.core.reading.query import Parameter
from app.core.reading.xlsx import MEDIA_TYPE as XLSX

PDF, XML = "application/pdf", "application/xml"
FORMS = {"application/json": "json", PDF: "pdf", XLSX: "xlsx"}
FORM = {"format": Parameter(Literal["json", "pdf", "xlsx"], "The representation; weighs more than Accept.")}


class PdfNotInstalled(Problem):
    """This installation cannot write PDF."""

    status = 501
    title_fr = "Cette installation ne peut pas écrire de PDF."
    cure = "Use another format of this address, or have the extra `documents` installed."
    cure_fr = "Utilisez un autre format de cette adresse, ou faites installer l'extra `documents`."


@dataclass(frozen=True)
class Document:
    """One object on paper: the name of its file, the template of its PDF, and how each form has its data. What is
    signed has no workbook.

    `name` takes the address's parameters and the object, and gives plain ASCII without an ending.
    """

    name: Callable[[Mapping[str, Any], Mapping[str, Any]], str]
    template: str
    as_data: Callable[[dict[str, Any], str], Mapping[str, Any]]
    as_xlsx: Callable[[dict[str, Any], str], bytes] | None = None


async def answer(request: Request, document: Document, shown: dict[str, Any], form: str) -> Response:
    """The document of the object that JSON would show, in the language of Accept-Language."""
    language = language_of(request, request.state.default_language)
    if form == "xlsx" and document.as_xlsx is not None:
        body = document.as_xlsx(shown, language)
    else:
        body = await pdf(document.template, document.as_data(shown, language))
    return attachment(body, form, document.name(request.path_params, shown), language)


def attachment(body: bytes, form: str, name: str, language: str) -> Response:
    """A document as it is answered: its form, its name without an ending, and its language."""
    headers = {
        "Content-Disposition": f'{"inline" if form == "pdf" else "attachment"}; filename="{name}.{form}"',
        "Content-Language": language,
        "Vary": "Accept, Accept-Language",
        "Cache-Control": "private, no-cache",
    }
    return Response(body, headers=headers, media_type={"pdf": PDF, "xlsx": XLSX, "xml": XML}[form])


# --- PDF -------------------------------------------------------------------------------------------------------------

# What typst's own fonts can show: Latin, Greek, Cyrillic, Hebrew, Arabic, usual signs. PDF/UA forbids a text without
# its glyphs, and typst stops (or breaks) on one: any other sign is shown as its number.
_SHOWN = (
    "\n\t -~\u00a0-\u036f\u0370-\u0377\u037a-\u037f\u0384-\u038a\u038c\u038e-\u03a1\u03a3-\u04ff"
    "\u05d0-\u05ea\u0621-\u063a\u0641-\u064a\u1e00-\u1eff"
    "\u2010-\u2027\u202f-\u2040\u2044-\u2052\u2070\u2071\u2074-\u208e"
    "\u20a0-\u20c0\u2100-\u211e\u2122\u2126\u2190-\u22ff"
)
_NOT_SHOWN = re.compile(f"[^{_SHOWN}]")
_NOT_LATIN = re.compile("[^\n\t -~\u00a0-\u017f\u2013\u2014\u2018-\u201d\u2026\u20ac\u2212\u202f]")
SECONDS = 8
_LOOK = Path(__file__).with_name("document.typ").read_text()  # precedes the template of every document
_at_once = asyncio.Semaphore(2)  # a document takes one processor


class TypesettingFailed(Exception):
    """The program that sets a PDF has ended without one, or was ended because it took too long."""


async def pdf(
    template: str, data: Mapping[str, Any], program: str = "app.core.reading.typesetting", **more: Any
) -> bytes:
    """The template set with `data`, which it reads as `sys.inputs.data`. Raises `PdfNotInstalled` (501).

    A sign that no font has is shown as [U+1F469]. Another `program` makes of the same order, and of `more`, what it is
    for.
    """
    if not _installed():
        raise PdfNotInstalled
    async with _at_once:
        try:
            return await _run(program, {"template": _LOOK + template, "data": _spelt(data, _NOT_SHOWN), **more})
        except TypesettingFailed:  # then no sign is left that a font could miss
            return await _run(program, {"template": _LOOK + template, "data": _spelt(data, _NOT_LATIN), **more})


@cache
def _installed() -> bool:
    return find_spec("typst") is not None


async def _run(module: str, order: Mapping[str, Any]) -> bytes:
    """What a program makes of an order in a process of its own, which a text can break without breaking this one."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=_ENVIRONMENT
    )
    try:
        async with asyncio.timeout(SECONDS):
            document, _ = await program.communicate(to_json(order))
    except TimeoutError:
        raise TypesettingFailed from None
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    if program.returncode:
        raise TypesettingFailed
    return document


# No credential is handed on, nor where the database is.
_ENVIRONMENT = {"PYTHONPATH": str(Path(__file__).parents[3]), "PYTHONUTF8": "1"}


def _spelt(value: Any, unknown: re.Pattern[str]) -> Any:
    """The data with the number of each sign that cannot be shown."""
    if isinstance(value, str):
        return unknown.sub(lambda sign: f"[U+{ord(sign[0]):04X}]", value)
    if isinstance(value, Mapping):
        return {name: _spelt(each, unknown) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_spelt(each, unknown) for each in value]
    return value


# --- XLSX ------------------------------------------------------------------------------------------------------------

# Excel reads «_x0041_» in a text as «A»: its first sign is itself escaped.
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_FORMATS = {"day": {"fr": "dd/mm/yyyy", "en": "yyyy-mm-dd"}, "days": {"fr": "#,##0.00", "en": "#,##0.00"},
            "euros": {"fr": '#,##0.00\\ "€"', "en": '"€"#,##0.00'}}  # fmt: skip


class Sheet:
    """A workbook of one sheet for people to read and print. Texts are texts: never a formula, never a link."""

    def __init__(self, title: str, language: str, widths: Sequence[int]) -> None:
        import openpyxl  # slow to import, and rarely wanted

        self._styles = openpyxl.styles
        self._line = self._styles.Side(style="thin", color="B8C0CC")
        self._book = openpyxl.Workbook()
        self._book.properties.creator = "Rebond"
        self._book.properties.title = title
        self._book.properties.language = language
        self._book.properties.created = self._book.properties.modified = datetime(2000, 1, 1)  # noqa: DTZ001  # naive
        self._sheet: Any = self._book.active
        self._sheet.title = re.sub(r"[\[\]:*?/\\]", " ", title)[:31]
        self._language = language
        self._row = 0
        for place, width in enumerate(widths, 1):
            self._sheet.column_dimensions[openpyxl.utils.get_column_letter(place)].width = width
        self._sheet.page_setup.paperSize = self._sheet.PAPERSIZE_A4
        self._sheet.page_setup.orientation = "landscape"
        self._sheet.page_setup.fitToWidth, self._sheet.page_setup.fitToHeight = 1, 0
        self._sheet.sheet_properties.pageSetUpPr.fitToPage = True
        self._sheet.oddFooter.center.text = "&P / &N"

    def row(self, *values: Any, kinds: Sequence[str] = (), bold: bool = False, head: bool = False) -> None:
        """A row of cells; `kinds` say how numbers look: days or euros. A head is repeated on every page."""
        self._row += 1
        for place, value in enumerate(values, 1):
            if value is None:
                continue
            cell = self._sheet.cell(self._row, place)
            if isinstance(value, str):
                cell.value = _ESCAPE.sub("_x005F_", value)
                cell.data_type = "s"  # also of what begins with «=»
            else:
                cell.value = value
                kind = "day" if isinstance(value, date) else kinds[place - 1] if place <= len(kinds) else ""
                if kind in _FORMATS:
                    cell.number_format = _FORMATS[kind][self._language]
            cell.font = self._styles.Font(bold=bold or head)
            number = isinstance(value, Decimal | int | float)
            cell.alignment = self._styles.Alignment(
                vertical="top", wrap_text=True, horizontal="right" if number else "left"
            )
            if head:
                cell.fill = self._styles.PatternFill("solid", fgColor="E8EDF4")
                cell.border = self._styles.Border(bottom=self._line)
        if head:
            self._sheet.freeze_panes = f"A{self._row + 1}"
            self._sheet.print_title_rows = f"{self._row}:{self._row}"

    def heading(self, text: str) -> None:
        """The title over everything, not wrapped."""
        self._row += 1
        cell = self._sheet.cell(self._row, 1)
        cell.value, cell.data_type = _ESCAPE.sub("_x005F_", text), "s"
        cell.font = self._styles.Font(bold=True, size=15)

    def gap(self) -> None:
        """An empty row."""
        self._row += 1

    def bytes(self) -> bytes:
        """The file."""
        out = io.BytesIO()
        self._book.save(out)
        return out.getvalue()
