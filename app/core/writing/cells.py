"""What a cell of a table says: text, an amount, a day, a code, as people and spreadsheets write them.

A `CellReader` reads the cells of one column, and can say what it accepts. It refuses what can be read in two ways or
has lost something (`CellRefused`), so that nothing is guessed; what it leaves out without harm it tells (`Noted`).
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, NamedTuple

from app.core import clock
from app.core.faults import Fault, FieldError, Message
from app.core.messages import FORBIDDEN_CHARACTER
from app.core.reading import tabular
from app.core.values import is_siren, is_siret

AMBIGUOUS_NUMBER = Fault(
    "ambiguous_number",
    en="The number can be read as {decimal} or as {thousands}: write the decimals with one or two digits, or the number"
    " without a separator.",
    fr="Le nombre peut se lire {decimal} ou {thousands} : écrivez les décimales avec un ou deux chiffres, ou le nombre"
    " sans séparateur.",
)
WRONGLY_GROUPED = Fault(
    "wrongly_grouped",
    en="The digits are not in groups of three: write the number such as 1234567.89 or 1 234 567.89.",
    fr="Les chiffres ne sont pas groupés par trois : écrivez le nombre comme 1234567,89 ou 1 234 567,89.",
)
CELL_NOT_READ = Fault("cell_not_read", en="Must be {wanted}.", fr="Doit être {wanted}.")
LOST_DIGITS = Fault(
    "lost_digits",
    en="A spreadsheet has shortened the number, and its last digits are lost: give the column the format Text, and"
    " enter the number again.",
    fr="Un tableur a abrégé le nombre, et ses derniers chiffres sont perdus : donnez à la colonne le format Texte, et"
    " saisissez à nouveau le nombre.",
)
LOST_ZEROS = Fault(
    "lost_zeros",
    en="A spreadsheet seems to have removed the zeros at the beginning: if {complete} is meant, write it so, in a"
    " column of the format Text.",
    fr="Un tableur semble avoir retiré les zéros du début : s'il s'agit de {complete}, écrivez-le ainsi, dans une"
    " colonne au format Texte.",
)
DAY_AS_SERIAL = Fault(
    "day_as_serial",
    en="Is the number that a spreadsheet has for a day: it would be {day}. Write the day, such as {written}.",
    fr="Est le nombre qu'un tableur a pour un jour : ce serait le {day}. Écrivez le jour, par exemple {written}.",
)
TWO_DIGIT_YEAR = Fault(
    "two_digit_year",
    en="The year has two digits and could be {one} or {other}: write it with four.",
    fr="L'année a deux chiffres et pourrait être {one} ou {other} : écrivez-la avec quatre.",
)
TIME_LEFT_OUT = Fault(
    "time_left_out",
    en="Only the day {day} is kept, the time {time} is left out.",
    fr="Seul le jour {day} est retenu, l'heure {time} est laissée de côté.",
)
CELL_ERROR = Fault(
    "cell_error",
    en="The cell holds an error of a spreadsheet: correct its formula, or empty the cell.",
    fr="La cellule contient une erreur de tableur : corrigez sa formule, ou videz la cellule.",
)
FORMULA_WITHOUT_RESULT = Fault(
    "formula_without_result",
    en="The cell holds a formula that was never calculated: open the file in a spreadsheet and save it again.",
    fr="La cellule contient une formule qui n'a jamais été calculée : ouvrez le fichier dans un tableur et"
    " enregistrez-le.",
)
PLACEHOLDER = Fault(
    "placeholder",
    en="Stands for a value that is not known: empty the cell.",
    fr="Tient lieu d'une valeur inconnue : videz la cellule.",
)
Cell = Any  # text, what a spreadsheet's reader makes of a cell, or a cell with its kind, its value and its format


class CellRefused(Exception):
    """The cell is none of what its column accepts, or can be read in several ways."""

    def __init__(self, fault: Fault, **members: Any) -> None:
        super().__init__(fault.code)
        self.error = fault.at("", **members)


@dataclass(frozen=True)
class Noted:
    """A value with what must be said about it; the value counts."""

    value: Any
    error: FieldError


class RawCell(NamedTuple):
    """A cell as its file has it: its kind (`text` and what spreadsheets tell apart), its text, its number format."""

    kind: str
    text: str
    format: str = ""


def said(cell: Cell) -> RawCell:
    """The cell, whoever has read it."""
    if cell is None or isinstance(cell, str | RawCell):
        return cell if isinstance(cell, RawCell) else RawCell("text", cell or "")
    if isinstance(cell, bool):
        return RawCell("boolean", "true" if cell else "false")
    if isinstance(cell, int | float | Decimal):
        return RawCell("number", repr(cell) if isinstance(cell, float) else str(cell))
    if isinstance(cell, date):
        return RawCell("datetime" if isinstance(cell, datetime) else "date", cell.isoformat())
    if not hasattr(cell, "kind"):
        return RawCell("text", str(cell))
    return RawCell(str(cell.kind), _text_of(cell.value), getattr(cell, "format", None) or "")


def _text_of(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)


def shown(cell: Cell, language: str = "fr") -> str:
    """The cell as it stands, for the people who look for it in their file: what a spreadsheet keeps as a number, a day
    or a truth is told as one in that language shows it.
    """
    it = said(cell)
    if it.kind == "text":
        return it.text
    text = _as_it_stands(it)
    if it.kind in ("date", "datetime"):
        day, _, time = text.replace(" ", "T").partition("T")
        day = "/".join(reversed(day.split("-"))) if language == "fr" else day
        return f"{day} {time.removesuffix(':00') if time.count(':') > 1 else time}".rstrip()
    if language != "fr":
        return text
    return text.replace(".", ",") if it.kind == "number" else {"true": "vrai", "false": "faux"}.get(text, text)


@dataclass(frozen=True)
class CellReader:
    """Reads the cells of a column: what it `accepts`, and an example in each language.

    `labels` are what people call each code. `listed` says that a cell has a part of every object of a list.
    """

    parse: Callable[[Cell], Any]
    accepts: Message
    examples: tuple[str, str] = ("", "")
    labels: Mapping[str, str] = field(default_factory=dict)
    listed: bool = False

    def __call__(self, cell: Cell) -> Any:
        return self.parse(cell)

    def like(self, en: str, fr: str | None = None) -> "CellReader":
        """The same with an example of its own."""
        return replace(self, examples=(en, en if fr is None else fr))


def _refused(accepts: Message) -> CellRefused:
    return CellRefused(CELL_NOT_READ, wanted=accepts)


# --- text ------------------------------------------------------------------------------------------------------------

_EDGES = "\u00a0\u202f\u2007 \t\r\n"
_SPACE = re.compile("[\\s\u00a0\u2007\u2009\u202f]+")
_NO_VALUES = re.compile(f"(?P<error>{tabular.ERRORS})|{tabular.PLACEHOLDERS}|{tabular.DASHES}")


def _stands(cell: Cell) -> RawCell:
    """The cell, unless it holds no value at all."""
    it = said(cell)
    none = _NO_VALUES.fullmatch(it.text.strip(_EDGES))
    if it.kind == "error" or (none and none["error"]):
        raise CellRefused(CELL_ERROR)
    if it.kind == "formula":
        raise CellRefused(FORMULA_WITHOUT_RESULT)
    if it.kind == "text" and none:
        raise CellRefused(PLACEHOLDER)
    return it


def text_of(cell: Cell) -> str:
    """A cell as text, trimmed; what our exports put before `=`, `+`, `-` and `@` is taken off again."""
    return tabular.unguard(_as_it_stands(cell))


def _as_it_stands(cell: Cell) -> str:
    it = said(cell)
    if it.kind == "number":
        return _number_text(it)
    if it.kind == "datetime":
        day, _, time = it.text.replace(" ", "T").partition("T")
        return day if not time.strip("0:.Z") else it.text
    if it.kind == "boolean":
        return it.text.lower()
    return it.text.strip(_EDGES)


def _text(cell: Cell) -> str:
    return text_of(_stands(cell))


plain = CellReader(_text, Message("text", "text", "un texte"))


def _as_it_is(value: Any) -> Any:
    return value


# What a reader of ours has made of an XML, and what machines wrote in it, which has no placeholders.
verbatim = CellReader(text_of, plain.accepts)
as_it_is = CellReader(_as_it_is, plain.accepts)

_ZEROS = re.compile(r"(0+)(?:\.0+)?")
_FIFTEEN = Context(prec=15, rounding=ROUND_HALF_UP)  # the digits that spreadsheets show of a number


def _decimal(it: RawCell) -> Decimal | None:
    """A number as people see it: with the fifteen digits that a spreadsheet keeps."""
    try:
        value = Decimal(it.text)
    except InvalidOperation:
        return None
    if not value.is_finite() or (value and abs(value.adjusted()) > 30):
        return None
    return _FIFTEEN.plus(value)


def _number_text(it: RawCell) -> str:
    """A number as its cell shows it: leading zeros as its format has them, no point behind a whole one."""
    value = _decimal(it)
    if value is None:
        return it.text
    if value == value.to_integral_value():
        zeros = _ZEROS.fullmatch(re.sub(r"[\s\\\"_\u00a0\u202f]|\(.\)", "", it.format.partition(";")[0]))
        return f"{int(value):0{len(zeros[1])}d}" if zeros else str(int(value))
    return f"{value.normalize():f}"


# --- numbers ---------------------------------------------------------------------------------------------------------

# Whole and decimals of a number, in each way of grouping its thousands.
_NUMBERS = tuple(
    re.compile(pattern)
    for pattern in (
        r"([+-]?[0-9]+)(?:[.,]([0-9]+))?",
        r"([+-]?[0-9]{1,3}(?: [0-9]{3})+)(?:[.,]([0-9]+))?",
        r"([+-]?[0-9]{1,3}(?:\.[0-9]{3})+),([0-9]+)",
        r"([+-]?[0-9]{1,3}(?:,[0-9]{3})+)\.([0-9]+)",
        r"([+-]?[0-9]{1,3}(?:\.[0-9]{3}){2,})()",
        r"([+-]?[0-9]{1,3}(?:,[0-9]{3}){2,})()",
    )
)
_ONE_SIGN_AND_THREE_DIGITS = re.compile(r"([+-]?[0-9]+)[.,]([0-9]{3})")
_DIGITS_AND_SIGNS = re.compile(r"[+-]?[0-9][0-9., ]*")


def _number(cell: Cell) -> Decimal | str:
    """The number; text that is none stays text. Raises `CellRefused` where it can be read in two ways."""
    it = _stands(cell)
    if it.kind == "number":
        value = _decimal(it)
        return value if value is not None else it.text
    written = text_of(it)
    text = _SPACE.sub(" ", written.removesuffix("€").removesuffix("EUR")).strip()
    if it.kind != "text" or len(text) > 30:
        return written
    if two := _ONE_SIGN_AND_THREE_DIGITS.fullmatch(text):
        decimal = Decimal(f"{two[1]}.{two[2].rstrip('0') or '0'}")
        raise CellRefused(AMBIGUOUS_NUMBER, decimal=decimal, thousands=int(two[1] + two[2]))
    for pattern in _NUMBERS:
        if match := pattern.fullmatch(text):
            return Decimal(re.sub("[ .,]", "", match[1]) + "." + (match[2] or "0"))
    if _DIGITS_AND_SIGNS.fullmatch(text):
        raise CellRefused(WRONGLY_GROUPED)
    return written


def _numeric(accepts: Message, examples: tuple[str, str], make: Callable[[Decimal], Any]) -> CellReader:
    def parse(cell: Cell) -> Any:
        value = _number(cell)
        made = make(value) if isinstance(value, Decimal) else None
        if made is None and value != "":
            raise _refused(accepts)
        return "" if made is None else made

    return CellReader(parse, accepts, examples)


def _whole(value: Decimal) -> int | None:
    return int(value) if value == value.to_integral_value() else None


number = _numeric(Message("number", "a number, such as 12.5", "un nombre, comme 12,5"), ("12.5", "12,5"), Decimal)
days = _numeric(
    Message("days", "a number of days, such as 0.5", "un nombre de jours, comme 0,5"), ("0.5", "0,5"), Decimal
)
fte = _numeric(
    Message(
        "full_time_equivalents",
        "a number of full-time equivalents, such as 4.5",
        "un nombre d'équivalents temps plein, comme 4,5",
    ),
    ("4.5", "4,5"),
    Decimal,
)
whole = _numeric(Message("whole_number", "a whole number", "un nombre entier"), ("2023", "2023"), _whole)
cents = _numeric(
    Message("amount", "an amount in euros, such as 1 234.50", "un montant en euros, comme 1 234,50"),
    ("1234.50", "1 234,50"),
    lambda euros: _whole(euros * 100),
)


def _percent(cell: Cell) -> Any:
    """A percentage in basis points: `2,5`, `2,5 %`, or a number that its cell shows as a percentage."""
    it = _stands(cell)
    written = text_of(cell)
    bare = written.removesuffix("%").strip(_EDGES)
    value = _number(bare if it.kind == "text" and bare != written else cell)
    shown_so = it.kind == "number" and it.format.split(";")[0].rstrip('" ').endswith("%")
    made = _whole(value * (10_000 if shown_so else 100)) if isinstance(value, Decimal) else None
    if made is None and value != "":
        raise _refused(_A_PERCENTAGE)
    return "" if made is None else made


_A_PERCENTAGE = Message("percentage", "a percentage, such as 2.5 %", "un pourcentage, comme 2,5 %")
percent = CellReader(_percent, _A_PERCENTAGE, ("2.5 %", "2,5 %"))


# --- codes made of digits --------------------------------------------------------------------------------------------

_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]+")
_WHOLE, _THOUSANDS = re.compile(r"[0-9]+[.,]0+"), re.compile(r"[0-9]{1,3}\.000")
_BETWEEN_GROUPS = re.compile("[\\s.\u00a0\u2007\u2009\u202f]")
_INVISIBLE = frozenset({"Cf", "Cc", "Co", "Cn", "Cs"})


def _digits(cell: Cell) -> str:
    """A SIREN, a SIRET or a code without the spaces and points that people put between its groups."""
    text = text_of(_stands(cell))
    if not text.isprintable() and any(unicodedata.category(sign) in _INVISIBLE for sign in text):
        raise CellRefused(FORBIDDEN_CHARACTER)
    if _SHORTENED.fullmatch(text):
        raise CellRefused(LOST_DIGITS)
    if _WHOLE.fullmatch(text) and not _THOUSANDS.fullmatch(text):
        text = text.partition("," if "," in text else ".")[0]
    return _BETWEEN_GROUPS.sub("", text)


def of_width(width: int, valid: Callable[[str], bool]) -> Callable[[Cell], str]:
    """Reads a code of so many digits; one that a spreadsheet has cut at its beginning is told."""

    def parse(cell: Cell) -> str:
        text = _digits(cell)
        if text.isascii() and text.isdigit() and 0 < len(text) < width and valid(text.zfill(width)):
            raise CellRefused(LOST_ZEROS, complete=text.zfill(width))
        return text

    return parse


def _siren(cell: Cell) -> str:
    """A SIREN, or that of the SIRET that stands in its place."""
    text = of_width(9, is_siren)(cell)
    return text[:9] if is_siret(text) else text


def _naf(cell: Cell) -> str:
    text = _digits(cell).upper()
    return f"{text[:2]}.{text[2:]}" if re.fullmatch("[0-9]{4}[A-Z]", text) else text_of(cell)


digits = CellReader(_digits, Message("code", "a code", "un code"))
siren = CellReader(
    _siren, Message("siren", "a SIREN of nine digits", "un SIREN de neuf chiffres"), ("732829320", "732 829 320")
)
siret = CellReader(
    of_width(14, is_siret),
    Message("siret", "a SIRET of fourteen digits", "un SIRET de quatorze chiffres"),
    ("73282932000074", "732 829 320 00074"),
)
commune = CellReader(
    of_width(5, lambda code: code.isdigit() and not code.startswith("00")),
    Message("commune", "the INSEE code of a commune, such as 30007", "le code INSEE d'une commune, comme 30007"),
    ("30007", "30007"),
)
naf = CellReader(_naf, Message("naf", "a NAF code, such as 25.62B", "un code NAF, comme 25.62B"), ("25.62B", "25.62B"))


# --- days ------------------------------------------------------------------------------------------------------------

_TIME = r"(?:[ T]+([0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)Z?)?"
_DAYS = (
    (re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})" + _TIME), (1, 2, 3)),
    (re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})" + _TIME), (3, 2, 1)),
    (re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})()"), (1, 2, 3)),
)
_SHORT_YEAR = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{2})")
_SERIAL = re.compile(r"([0-9]{1,6})(?:[.,]([0-9]+))?")
_A_DAY = Message("day", "a day, such as 14/06/2023 or 2023-06-14", "un jour, comme 14/06/2023")
_EPOCH = date(1899, 12, 30)  # day 0 of a spreadsheet, from 1 March 1900 on
_FIRST_SERIAL, _LAST_SERIAL = 61, 109_574  # until the end of 2199


def _day(cell: Cell) -> Any:
    it = _stands(cell)
    text = text_of(it)
    if it.kind == "number":
        return _of_serial(text)
    for pattern, (year, month, of_month) in _DAYS:
        if match := pattern.fullmatch(text):
            iso = f"{match[year]}-{match[month]:0>2}-{match[of_month]:0>2}"
            return _without_time(iso, match[4] or "")
    if match := _SHORT_YEAR.fullmatch(text):
        return f"{_full_year(int(match[3]))}-{match[2]:0>2}-{match[1]:0>2}"
    if (serial := _SERIAL.fullmatch(text)) and len(serial[1]) == 5 and int(serial[1]) <= _LAST_SERIAL:
        told = _EPOCH + timedelta(int(serial[1]))
        raise CellRefused(DAY_AS_SERIAL, day=told.isoformat(), written=f"{told:%d/%m/%Y}")
    if text:
        raise _refused(_A_DAY)
    return ""


def _of_serial(text: str) -> Any:
    """A number in a column of days of a workbook: yyyymmdd, or the days since 1900. A bare year is neither."""
    if match := _DAYS[2][0].fullmatch(text):
        return f"{match[1]}-{match[2]}-{match[3]}"
    serial = _SERIAL.fullmatch(text)
    if serial is None or not _FIRST_SERIAL <= int(serial[1]) <= _LAST_SERIAL:
        raise _refused(_A_DAY)
    told = _EPOCH + timedelta(int(serial[1]))
    if 1900 <= int(serial[1]) <= 2199:
        raise CellRefused(DAY_AS_SERIAL, day=told.isoformat(), written=f"{told:%d/%m/%Y}")
    seconds = round(Decimal(f"0.{serial[2] or 0}") * 86_400)
    time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}" if 0 < seconds < 86_400 else ""
    return _without_time(told.isoformat(), time)


def _without_time(iso: str, time: str) -> Any:
    if time.strip("0:."):
        with suppress(ValueError):  # what is no day is refused as such
            told = time.removesuffix(":00") if time.count(":") > 1 else time
            return Noted(date.fromisoformat(iso).isoformat(), TIME_LEFT_OUT.at("", day=iso, time=told))
    return iso


def _full_year(short: int) -> int:
    year = 2000 + short
    if year > clock.today().year + 1:
        raise CellRefused(TWO_DIGIT_YEAR, one=str(year - 100), other=str(year))
    return year


day = CellReader(_day, _A_DAY, ("2023-06-14", "14/06/2023"))


_AN_INSTANT = Message("instant", "an instant, such as 2023-10-03T12:00:00Z", "un instant, comme 2023-10-03T12:00:00Z")
_A_TIME = Message("time", "a day and a time, such as 03/10/2023 14:00", "un jour et une heure, comme 03/10/2023 14:00")
_WITH_TIME = re.compile(
    r"(.{1,40}?)(?:[ T]{1,3}|\s{0,3}à\s{0,3})([0-9]{1,2})[:h]([0-9]{2})?(?::([0-9]{2})(\.[0-9]+)?)?(Z)?"
)


def _instant(zone: tzinfo, accepts: Message) -> Callable[[Cell], str]:
    """Reads a day with its time in a zone; one that ends in Z is in UTC whatever the zone.

    Our workbooks have instants in UTC, where midnight is a day alone.
    """

    def parse(cell: Cell) -> str:
        it = _stands(cell)
        text = (_EPOCH_AT + timedelta(days=float(it.text))).isoformat() if it.kind == "number" else text_of(cell)
        if not text:
            return ""
        match = _WITH_TIME.fullmatch(text)
        try:
            day_said = _day(match[1] if match else text)
            of_day = date.fromisoformat(day_said.value if isinstance(day_said, Noted) else day_said)
            hour, minute, second = (int(part or 0) for part in match.group(2, 3, 4)) if match else (0, 0, 0)
            micro = round(float(match[5] or 0) * 1_000_000) if match else 0
            local = datetime(of_day.year, of_day.month, of_day.day, hour, minute, second, micro)  # noqa: DTZ001  # the zone is said below
        except (CellRefused, ValueError, TypeError):
            raise _refused(accepts) from None
        if match is None and (zone is not UTC or it.kind not in ("date", "datetime")):
            raise _refused(accepts)
        of_zone = local.replace(tzinfo=UTC if match and match[6] else zone)
        return f"{of_zone.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"

    return parse


_EPOCH_AT = datetime(1899, 12, 30)  # noqa: DTZ001  # spreadsheets know no zone
instant = CellReader(_instant(UTC, _AN_INSTANT), _AN_INSTANT, ("2023-10-03T12:00:00Z", "2023-10-03T12:00:00Z"))
paris_time = CellReader(_instant(clock.PARIS, _A_TIME), _A_TIME, ("2023-10-03 14:00", "03/10/2023 14:00"))


def day_or_text(cell: Cell) -> str:
    """An ISO day; what is none stays text, for whoever knows the file to judge."""
    try:
        value = _day(cell)
    except CellRefused:
        return text_of(cell)
    return str(value.value if isinstance(value, Noted) else value)


# --- truths and lists ------------------------------------------------------------------------------------------------

YES = frozenset({"true", "yes", "oui", "vrai", "1", "o", "x"})
NO = frozenset({"false", "no", "non", "faux", "0", "n"})
_YES_OR_NO = Message("yes_or_no", "yes or no", "oui ou non")


def _truth(cell: Cell) -> bool | str:
    """`oui`, `vrai`, `x` or `true`, and their opposites."""
    text = text_of(_stands(cell)).lower()
    if text not in YES | NO | {""}:
        raise _refused(_YES_OR_NO)
    return True if text in YES else False if text in NO else ""


truth = CellReader(_truth, _YES_OR_NO, ("yes", "oui"))


def texts_of(cell: Cell) -> list[str]:
    """Several texts in one cell, between `|`; each has its own guard."""
    return [part for part in (text_of(part) for part in tabular.split(_as_it_stands(cell))) if part]


def _parts(cell: Cell) -> list[str]:
    return texts_of(_stands(cell))


parts = CellReader(
    _parts,
    Message("values", "one or several values, with | between them", "une ou plusieurs valeurs, séparées par |"),
)


def several(read: CellReader) -> CellReader:
    """Reads several values in one cell, with `|` between them."""
    return replace(read, parse=lambda cell: [read(part) for part in _parts(cell)])


def each(read: CellReader) -> CellReader:
    """Reads one part of every object of a list, as our exports write it between `|`; None where it has none."""
    return replace(
        read,
        parse=lambda cell: [read(part) if part else None for part in tabular.split(_as_it_stands(cell))],
        listed=True,
    )
