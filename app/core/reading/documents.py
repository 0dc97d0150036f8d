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

import xlsxwriter
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from app.core.problems import Problem
from app.core.reading.negotiation import language_of
from app.core.reading.query import Parameter
from app.core.reading.xlsx import MEDIA_TYPE as XLSX
from app.core.reading.xlsx import sheet_name, write_text

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
        with request.state.documents.taken(request.state.actor):
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
_A4 = 9  # as ECMA-376 numbers paper
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

_LOOKS: dict[str, dict[str, str]] = {
    "day": {"fr": "dd/mm/yyyy", "en": "yyyy-mm-dd"}, "days": {"fr": "#,##0.00", "en": "#,##0.00"},
    "euros": {"fr": '#,##0.00\\ "€"', "en": '"€"#,##0.00'},
}  # fmt: skip
_WRITTEN = datetime(2000, 1, 1)  # noqa: DTZ001  # naive, as workbooks have it: the same data give the same bytes


class Sheet:
    """A workbook of one sheet for people to read and print. Texts are texts: never a formula, never a link.

    Each row leaves when the next begins, so that a long document takes no more memory than a short one.
    """

    def __init__(self, title: str, language: str, widths: Sequence[int]) -> None:
        self._out = io.BytesIO()
        self._book = xlsxwriter.Workbook(self._out, {"constant_memory": True})
        self._book.set_properties({"title": title, "author": "Rebond", "created": _WRITTEN})
        self._sheet = self._book.add_worksheet(sheet_name(title))
        self._language = language
        self._row = -1
        self._styles: dict[tuple[Any, ...], Any] = {}
        for place, width in enumerate(widths):
            self._sheet.set_column(place, place, width)
        self._sheet.set_paper(_A4)
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)
        self._sheet.set_footer("&C&P / &N")

    def row(self, *values: Any, kinds: Sequence[str] = (), bold: bool = False, head: bool = False) -> None:
        """A row of cells; `kinds` say how numbers look: days or euros. A head is repeated on every page."""
        self._row += 1
        for place, value in enumerate(values):
            if value is None:
                continue
            number = isinstance(value, Decimal | int | float)
            kind = "day" if isinstance(value, date) else kinds[place] if number and place < len(kinds) else ""
            style = self._style(kind, bold=bold or head, head=head, right=number)
            if isinstance(value, date):
                self._sheet.write_datetime(self._row, place, value, style)
            elif isinstance(value, bool):
                self._sheet.write_boolean(self._row, place, value, style)
            elif number:
                self._sheet.write_number(self._row, place, value, style)
            else:
                write_text(self._sheet, self._row, place, value, style)
        if head:
            self._sheet.freeze_panes(self._row + 1, 0)
            self._sheet.repeat_rows(self._row)

    def _style(self, kind: str, *, bold: bool, head: bool, right: bool) -> Any:
        known = self._styles.get((kind, bold, head, right))
        if known is None:
            known = self._book.add_format(
                {"valign": "top", "text_wrap": True, "align": "right" if right else "left", "bold": bold}
                | ({"num_format": _LOOKS[kind][self._language]} if kind in _LOOKS else {})
                | ({"bg_color": "#E8EDF4", "bottom": 1, "bottom_color": "#B8C0CC"} if head else {})
            )
            self._styles[kind, bold, head, right] = known
        return known

    def heading(self, text: str) -> None:
        """The title over everything, not wrapped."""
        self._row += 1
        write_text(self._sheet, self._row, 0, text, self._book.add_format({"bold": True, "font_size": 15}))

    def gap(self) -> None:
        """An empty row."""
        self._row += 1

    def bytes(self) -> bytes:
        """The file."""
        self._book.close()
        return self._out.getvalue()
