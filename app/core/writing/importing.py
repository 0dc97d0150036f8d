"""How a table becomes objects: a domain declares an `Importer`; reading, checking and writing are the same for all.

A column knows its names in French and English and how its cells read; a row is then held to the schema that an API
client would be held to, so an import accepts exactly what the API accepts. A fault names the line and the column; what
stands in the cell travels beside it, since it may be about a person.
"""

import itertools
import re
import unicodedata
from collections.abc import Awaitable, Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import cache, cached_property
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.core.faults import LANGUAGES, Fault, FieldError, Message
from app.core.messages import NOT_ONE_OF, TOO_LARGE, TOO_SMALL
from app.core.reading.headings import heading
from app.core.reading.listing import Listing
from app.core.schemas import RETIRED, nearest_name
from app.core.validation import field_errors
from app.core.values import INVALID_CODE, INVALID_DAY, INVALID_SIREN, INVALID_SIRET
from app.core.writing import cells, sheets
from app.core.writing.cells import Cell, CellReader, CellRefused, Noted
from app.core.writing.seen import SeenKeys
from app.core.writing.writes import Change, Write
from app.reader.tables import column_letters

MISSING_COLUMN = Fault(
    "missing_column",
    en="The file has no column {label}. Accepted headings: {headings}.",
    fr="Le fichier n'a pas de colonne {label}. Titres acceptés : {headings}.",
)
MISSING_VALUE = Message(
    MISSING_COLUMN.code,
    MISSING_COLUMN.en + " Or give one value for all lines, beside the file: set[{field}]={example}.",
    MISSING_COLUMN.fr + " Ou donnez une valeur pour toutes les lignes, à côté du fichier : set[{field}]={example}.",
)
REPEATED_COLUMN = Fault(
    "repeated_column",
    en="Several columns have this meaning: {headings}. Keep one.",
    fr="Plusieurs colonnes ont ce sens : {headings}. N'en gardez qu'une.",
)
IGNORED_COLUMN = Fault("ignored_column", en="This column is not used.", fr="Cette colonne n'est pas utilisée.")
REPEATED_LINE = Fault(
    "repeated_line",
    en="Line {first_line} already contains the same object.",
    fr="La ligne {first_line} contient déjà le même objet.",
)
BEYOND_THE_HEADINGS = Fault(
    "beyond_the_headings",
    en="The line has {cells} cells, the headings are {headings}: nothing says what {cell} is. Text that holds the"
    " separator stands in quotation marks.",
    fr="La ligne a {cells} cellules pour {headings} titres de colonnes : rien ne dit ce qu'est {cell}. Un texte qui"
    " contient le séparateur se met entre guillemets.",
)
UNDER_NO_HEADING = Fault(
    "under_no_heading",
    en="Nothing says what {cell} is: its column has no heading. Name the column, or empty it.",
    fr="Rien ne dit ce qu'est {cell} : sa colonne n'a pas de titre. Nommez la colonne, ou videz-la.",
)
LINE_BREAK = Fault(
    "line_break",
    en="Cell {cell} holds a line break, and this field is of one line. A quotation mark may be missing.",
    fr="La cellule {cell} contient un saut de ligne, et ce champ n'a qu'une ligne. Il manque peut-être un guillemet.",
)
LINE_BREAK_IGNORED = Fault(
    "line_break_ignored",
    en="Cell {cell} holds a line break, in a column that is not used. Where a quotation mark is missing, it has"
    " swallowed lines.",
    fr="La cellule {cell} contient un saut de ligne, dans une colonne qui n'est pas utilisée. S'il manque un guillemet,"
    " elle a absorbé des lignes.",
)
HEADINGS_BELOW = Fault(
    "headings_below",
    en="The headings were found in line {found_line}; what stands above them is not read.",
    fr="Les titres de colonnes ont été trouvés à la ligne {found_line} ; ce qui se trouve au-dessus n'est pas lu.",
)
NO_LINES = Fault(
    "no_lines",
    en="There is no line below the headings: nothing was imported.",
    fr="Il n'y a aucune ligne sous les titres de colonnes : rien n'a été importé.",
)
HOURS_WITHOUT_LENGTH = Fault(
    "hours_without_length",
    en="The file has hours: say how many hours a day has (hours_per_day), or give days.",
    fr="Le fichier contient des heures : dites combien d'heures compte un jour (hours_per_day), ou donnez des jours.",
)


_LETTERS = re.compile(r"\b(?:siren|siret|insee|naf|fte)\b", re.IGNORECASE)  # words that are spelt in capitals
_RATE = "rate_out_of_range"  # of the terms of an advance, in basis points
# What the API says of its own spellings, as people who write in a sheet need it.
_IN_FILES = {
    message.code: message
    for message in (
        Message(
            INVALID_SIREN.code,
            "Is no SIREN: it has nine digits, the last of which checks the others. A digit is wrong or missing, or two"
            " are swapped.",
            "N'est pas un SIREN : il a neuf chiffres, dont le dernier contrôle les autres. Un chiffre est faux ou"
            " manque, ou deux sont inversés.",
        ),
        Message(
            INVALID_SIRET.code,
            "Is no SIRET: it has fourteen digits, the last of which checks the others. A digit is wrong or missing, or"
            " two are swapped.",
            "N'est pas un SIRET : il a quatorze chiffres, dont le dernier contrôle les autres. Un chiffre est faux ou"
            " manque, ou deux sont inversés.",
        ),
        Message(
            INVALID_DAY.code,
            "Must be a day of the calendar, from 01/01/1900 to 31/12/2199, such as 14/06/2023.",
            "Doit être un jour du calendrier, du 01/01/1900 au 31/12/2199, comme 14/06/2023.",
        ),
        Message(
            _RATE,
            "The rate must be from {minimum} to {maximum}.",
            "Le taux doit être compris entre {minimum} et {maximum}.",
        ),
    )
}
_ONE_OF_THESE_OR_A_CODE = Message(
    INVALID_CODE.code,
    "Must be one of these: {expected}; or a code that the territory has, such as site_visit.",
    "Doit être l'une de ces valeurs : {expected} ; ou un code que le territoire a, comme site_visit.",
)


class ColumnPart(StrEnum):
    """What a column gives of its field, where it does not give all of it."""

    GIVEN_NAME = "given_name"
    HOURS = "hours"


@dataclass(frozen=True)
class Heading:
    """A column of an import: the field of the schema it fills, how its cells read, and its other names.

    `fr` and `en` are its label where it is neither the first of the names nor made of the field's name. `instead` are
    headings that name the column where no other does. `given_name` are those of a column of first names, whose text
    stands before this one's; `hours`, of one that has hours where this one has days. `first` is what to do first where
    the object that a cell names is not there. `unless` is another column that says the same: with it this one is not
    required.
    """

    field: str
    read: CellReader = cells.plain
    names: Sequence[str] = ()
    required: bool = False
    fr: str | None = None
    en: str | None = None
    instead: Sequence[str] = ()
    given_name: Sequence[str] = ()
    hours: Sequence[str] = ()
    first: Message | None = None
    unless: str = ""

    def is_missing(self, given: Container[str]) -> bool:
        """Whether a file that has these columns lacks this one."""
        return self.required and self.field not in given and self.unless not in given

    @property
    def exported(self) -> str:
        """What our exports call the column: they have euros where the field has cents."""
        return self.field.removesuffix("_cents") + "_eur" if self.field.endswith("_cents") else self.field

    def label(self, language: str) -> str:
        """The heading that people read in a template; a file may have it."""
        if language == "fr":
            label = self.fr or (self.names[0] if self.names else heading(self.exported, "fr"))
        else:
            amount = self.field.endswith("_cents")
            words = self.field.removesuffix("_cents").replace("_", " ").replace(".", ": ")
            label = self.en or words + (" (EUR)" if amount else "")
        return _LETTERS.sub(lambda found: found[0].upper(), label[:1].upper() + label[1:])

    @property
    def accepted(self) -> list[str]:
        """Every heading that names the column: its labels first, each but once however it is written."""
        known: dict[str, str] = {}
        for name in (self.label("fr"), self.label("en"), *self.names, *self.instead, self.field):
            known.setdefault(folded(name), name)
        return list(known.values())


@dataclass(frozen=True)
class LineFault:
    """What is wrong with a line: in which column ("" for the line as a whole), by which rule, and what stands there.

    An advisory fault is reported and refuses nothing.
    """

    line: int
    column: str
    error: FieldError
    advisory: bool = False
    found: str | None = None


@dataclass(frozen=True)
class FileLine:
    """A line of the file that reads: what the importer's schema made of it, and of the cells that it has in other words
    (a day, an amount, a code) how they are `written`, by column.
    """

    number: int
    item: Any
    written: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """What importing lines did: the changes to record, how many lines were new, changed or unchanged."""

    changes: Sequence[Change] = ()
    created: int = 0
    updated: int = 0
    unchanged: int = 0


# Writes lines, upserting by natural key; the text is the territory, None for what all share.
Apply = Callable[[Write, str | None, Sequence[FileLine]], Awaitable[Outcome]]
Check = Callable[[Write, str | None, Sequence[FileLine]], Awaitable[Sequence[LineFault]]]


@dataclass(frozen=True)
class Locks:
    """What an import holds before it writes anything: `of` names it for some lines, `hold` locks it all in one order.

    Lines are written a slice at a time, so a lock that a slice takes would come after those of the slices before it:
    an act that holds several of these rows in their order would wait for the import, and the import for it. Two
    imports that write to one place do not meet: the second waits for the first (runner.py).
    """

    of: Callable[[Write, str | None, Sequence[FileLine]], Awaitable[set[Any]]]
    hold: Callable[[Write, set[Any]], Awaitable[None]]


def rows_of(key: Any) -> Callable[[Write, set[Any]], Awaitable[None]]:
    """Locks the rows that have these keys, in their order."""

    async def hold(write: Write, keys: set[Any]) -> None:
        named = select(key).where(key == any_(literal(sorted(keys), ARRAY(key.type)))).order_by(key)
        await write.session.execute(named.with_for_update(key_share=True))

    return hold


@dataclass
class RowReading:
    """What a row of somebody else's file says: values of our fields, and which of its headings is at fault.

    What is `told` refuses nothing; what is `refused` keeps the line out.
    """

    values: dict[str, Any] = field(default_factory=dict)
    told: list[tuple[str, FieldError]] = field(default_factory=list)
    refused: list[tuple[str, FieldError]] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """A file that others publish, as it is: all its headings, and what a row of it says.

    It is recognised by the headings in `by`, of which the first is there and any other. The first names the object: a
    cell that `read` refuses is told of it.
    """

    headings: Sequence[str]
    by: Sequence[str]
    read: Callable[[Mapping[str, Cell]], RowReading]

    def fits(self, headers: Iterable[str]) -> bool:
        """Whether these are headings of such a file."""
        told = {folded(header) for header in headers}
        key, *others = map(folded, self.by)
        return key in told and not told.isdisjoint(others)


@dataclass(frozen=True)
class Importer:
    """What may be imported as `kind`.

    `permission` is what the caller needs; `national` says that the objects belong to no territory; `key` are the fields
    that name an object, so that a line is created once however often it is imported; `schema` is what a row is held to;
    `layouts` are files of others that are read as they are; `only` says of a heading which of its rows are meant, where
    a file has it;
    `needs_subject` says that a person or program must have sent the file, not the service itself;
    `xml` says that the file is no table but XML: its rows stand or fall together, so that none is left out, and one
    call writes them all;
    `listing` shows the objects, whose `id` our exports have: a line that repeats one of them as it stands is unchanged,
    whatever state it is in; `renamed` are fields of lines that the objects have under another name;
    `counted` is the field that says which of several equal lines without an id one is, where equal lines are as many
    objects; without it a second one is a fault;
    `check` looks lines up set-wise (references, states) before anything is written; `apply` writes them; `locks` are
    held from before the first line until the end.
    """

    kind: str
    permission: str
    schema: type[BaseModel]
    columns: Sequence[Heading]
    key: Sequence[str]
    apply: Apply
    check: Check | None = None
    locks: Locks | None = None
    national: bool = False
    needs_subject: bool = False
    layouts: Sequence[Layout] = ()
    only: Mapping[str, str] = field(default_factory=dict)
    listing: Listing | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    counted: str | None = None
    xml: bool = False

    @property
    def fields(self) -> dict[str, Heading]:
        return {column.field: column for column in self.columns}

    def synonyms(self) -> dict[str, str]:
        """The other headings of the columns, each with the field that it fills: synonyms, labels and retired names."""
        named = {
            name: column.field
            for column in self.columns
            for name in (*column.names, *(column.label(language) for language in LANGUAGES))
        }
        return named | {old: new for old, new in RETIRED.items() if new in self.fields and old not in self.fields}


# --- headers ---------------------------------------------------------------------------------------------------------


def folded(name: str) -> str:
    """A header without accents, case, spaces and signs: `Raison sociale *` is `raisonsociale`."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]", "", bare.lower())


# The heading of the column in which a copy of a file says what is wrong; a file that has it is read without it.
ANNOTATION = {"en": "Problems found", "fr": "Problèmes trouvés"}

GUESSED = 50  # columns that nothing reads, of which each is told what it may mean; of more it would take long
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # a header is repeated in answers


@dataclass(frozen=True)
class Header:
    """How the file's columns were understood: for each its header and the field it fills, None for what is ignored.

    `parts` says by place which column gives but a part of its field; `constants` are the fields that the sender gives
    for every line; `skipped` says that lines above it are not read.
    """

    line: int
    matched: Sequence[tuple[str, str | None]]
    parts: Mapping[int, ColumnPart] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    layout: Layout | None = None
    skipped: bool = False

    def faults(self, importer: Importer, hours_per_day: Decimal | None = None) -> list[LineFault]:
        """Columns that are missing, that appear twice, and (advisory) those that nothing reads."""
        faults = [] if self.layout is not None else self._of_fields(importer, hours_per_day)
        if self.skipped:
            faults.append(LineFault(self.line, "", HEADINGS_BELOW.at("", found_line=self.line), advisory=True))
        known = {folded(field): field for field in importer.fields}
        ignored = [header for header, name in self.matched if name is None and header]
        for header in ignored:
            if (bare := folded(header)) not in _ours() and bare not in importer.only:
                guessed = self.layout is None and len(ignored) <= GUESSED
                guess = nearest_name(bare, list(known)) if guessed else None
                near = {"did_you_mean": known[guess]} if guess else {}
                faults.append(LineFault(self.line, header[:100], IGNORED_COLUMN.at("", **near), advisory=True))
        return faults

    def _of_fields(self, importer: Importer, hours_per_day: Decimal | None) -> list[LineFault]:
        given: dict[str, list[str]] = {}
        for place, (header, name) in enumerate(self.matched):
            if name is not None and self.parts.get(place) is not ColumnPart.GIVEN_NAME:
                given.setdefault(name, []).append(header)
        for name, value in self.constants.items():
            given.setdefault(name, []).append(f"set[{name}]={value}")
        missing = [column for column in importer.columns if column.is_missing(given)]
        alone = importer.key[0] if len(importer.key) == 1 else None  # what names each line is no value of all
        faults = [LineFault(self.line, column.field, _missing(column, column.field != alone)) for column in missing]
        twice = sorted(name for name, headers in given.items() if len(headers) > 1)
        faults += [LineFault(self.line, name, REPEATED_COLUMN.at("", headings=given[name])) for name in twice]
        if hours_per_day is None:
            faults += [
                LineFault(self.line, str(self.matched[place][1]), HOURS_WITHOUT_LENGTH.at(""))
                for place, part in self.parts.items()
                if part is ColumnPart.HOURS
            ]
        return faults

    def suffices(self, importer: Importer) -> bool:
        """Whether all that is needed is named."""
        return self.layout is not None or not any(column.is_missing(self.fields) for column in importer.columns)

    @property
    def fields(self) -> set[str]:
        """The fields that the file and the sender fill."""
        return {name for _, name in self.matched if name is not None} | set(self.constants)

    def place(self, column: str) -> int | None:
        """Where the column stands that fills this field, or has this heading; None where there is none."""
        return self._places.get(column)

    @cached_property
    def _places(self) -> dict[str, int]:
        """The first column of each field and heading, one that gives all of it before one that gives a part."""
        places: dict[str, int] = {}
        for partly in (False, True):
            for place, named in enumerate(self.matched):
                if (place in self.parts) is partly:
                    for name in named:
                        if name is not None:
                            places.setdefault(name, place)
        return places


def _missing(column: Heading, may_be_given: bool) -> FieldError:
    label = Message(column.field, column.label("en"), column.label("fr"))
    told = MISSING_COLUMN.at("", label=label, headings=column.accepted)
    if not may_be_given or not any(column.read.examples):
        return told
    example = Message("example", *column.read.examples)
    return replace(told, message=MISSING_VALUE, members={**told.members, "field": column.field, "example": example})


def match(
    importer: Importer, line: int, headings: Sequence[Cell], constants: Mapping[str, str] | None = None
) -> Header:
    """Which field each header names: the field's own name, what our exports call it, its label, or a synonym.

    Beside a field's own name a synonym is another column: our export of firms has `source` and `source_reference`.
    """
    own, parts = _own_names(importer), _part_names(importer)
    headers = [_UNPRINTABLE.sub("", cells.text_of(cell))[:200] for cell in headings]
    layout = next((layout for layout in importer.layouts if layout.fits(headers)), None)
    if layout is not None:
        official = {folded(name): name for name in layout.headings}
        return Header(line, [(header, official.get(folded(header))) for header in headers], {}, constants or {}, layout)
    bare = [folded(header) for header in headers]
    told = {own.get(name) for name in bare}
    others = {folded(name): to for name, to in importer.synonyms().items()}
    known = own | {name: to for name, to in others.items() if name not in own and to not in told}
    matched: list[tuple[str, str | None]] = []
    partly: dict[int, ColumnPart] = {}
    filled = {known.get(name) for name in bare}
    instead = {folded(name): column.field for column in importer.columns for name in column.instead
               if column.field not in filled}  # fmt: skip
    for place, (header, spelt) in enumerate(zip(headers, bare, strict=True)):
        name = known.get(spelt) or instead.get(spelt)
        if name is None and (part := parts.get(spelt)) is not None:
            name, partly[place] = part
        matched.append((header, name))
    return Header(line, matched, partly, constants or {})


@cache
def _ours() -> frozenset[str]:
    return frozenset(folded(heading) for heading in ANNOTATION.values())


def _own_names(importer: Importer) -> dict[str, str]:
    own: dict[str, str] = {}
    for column in importer.columns:
        own[folded(column.field)] = column.field
        shown = column.exported
        own |= dict.fromkeys((folded(shown), *(folded(heading(shown, each)) for each in LANGUAGES)), column.field)
    return own


def _part_names(importer: Importer) -> dict[str, tuple[str, ColumnPart]]:
    return {
        folded(name): (column.field, part)
        for column in importer.columns
        for part, names in ((ColumnPart.GIVEN_NAME, column.given_name), (ColumnPart.HOURS, column.hours))
        for name in names
    }


HEADINGS_WITHIN = 20  # lines among which headings are looked for, where the sender does not say


def find_header(
    importer: Importer, rows: Iterator[sheets.Row], constants: Mapping[str, str], header_row: int | None = None
) -> tuple[Header | None, Iterator[sheets.Row]]:
    """The headings, and the rows below them: the first line that names all that is needed, else what names most.

    None where there is no line, or none of this number.
    """
    if header_row is not None:
        for line, row in rows:
            if line >= header_row:
                return (match(importer, line, row, constants) if line == header_row else None), rows
        return None, rows
    seen: list[sheets.Row] = []
    headers: list[Header] = []
    for line, row in itertools.islice(rows, HEADINGS_WITHIN):
        seen.append((line, row))
        headers.append(match(importer, line, row, constants))
        if headers[-1].suffices(importer):
            break
    if not headers:
        return None, rows
    best = max(range(len(headers)), key=lambda n: (headers[n].suffices(importer), len(headers[n].fields), -n))
    return replace(headers[best], skipped=best > 0), itertools.chain(seen[best + 1 :], rows)


# --- rows ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class NamedLine:
    """A line that names its object by id, with what it gives, whether it can be written or not."""

    number: int
    id: UUID
    values: Mapping[str, Any]


@dataclass
class Reader:
    """Reads the lines below a header, and finds the key that two of them share."""

    importer: Importer
    header: Header
    hours_per_day: Decimal | None = None
    named: NamedLine | None = None  # the last line, where it names its object by id
    _refused: dict[str, str] = field(default_factory=dict)  # its cells that were refused, as they stand
    _written: dict[str, str] = field(default_factory=dict)  # those that read as something else than their text
    _keys: SeenKeys = field(default_factory=SeenKeys)

    def __post_init__(self) -> None:
        headings = [folded(header) for header, _ in self.header.matched]
        only = self.importer.only
        self._only = [(place, only[name]) for place, name in enumerate(headings) if name in only]
        self._fields = self.importer.fields
        ours = self.header.matched if self.header.layout is None else []
        self._cells = [(place, name, *self._reading(name, self.header.parts.get(place)))
                       for place, (_, name) in enumerate(ours) if name is not None]  # fmt: skip
        self._constants = [(name, cell, *self._reading(name, None)) for name, cell in self.header.constants.items()]

    def _reading(self, name: str, part: ColumnPart | None) -> tuple[Callable[[Cell], Any], bool]:
        """How the cells of a column read, and whether they are first names."""
        if part is ColumnPart.GIVEN_NAME:
            return cells.plain, True
        return self._days if part is ColumnPart.HOURS else self._fields[name].read, False

    def line(self, number: int, row: Sequence[Cell]) -> tuple[FileLine | None, list[LineFault]]:
        """The line, or what is wrong with it. Empty cells are absent fields; what is told of a line that reads is
        advisory.
        """
        self.named = None
        if any(cells.text_of(row[place]) != meant for place, meant in self._only if place < len(row)):
            return None, []
        faults = [] if self.importer.xml else astray(self.importer, self.header, number, row)
        values: dict[str, Any] = {}
        if self.header.layout is not None:
            said, of_layout = self._said(self.header.layout, number, row)
            values, faults = said.values, faults + of_layout
        if any(not fault.advisory for fault in faults):
            return None, faults
        faults += self._read(values, number, row)
        self.named = self._named(number, values)
        refused = {fault.column for fault in faults if not fault.advisory}
        try:
            item = self.importer.schema.model_validate(values)
        except ValidationError as error:
            for each in field_errors(error.errors(include_url=False)):
                fault = self._fault(number, each, row)
                if fault.column not in refused and not (refused and not fault.column):
                    faults.append(fault)
            return None, faults
        if refused:
            return None, faults
        key = tuple(str(_get(values, name) or "") for name in self.importer.key)
        if any(key):
            nth, first = self._nth(key, number, apart=self.importer.counted is not None and "id" not in values)
            if first != number:
                return None, [*faults, self._repeated(number, first, values, row)]
            if nth > 1:
                item = item.model_copy(update={str(self.importer.counted): nth})
        return FileLine(number, item, self._written), faults

    def _named(self, number: int, values: Mapping[str, Any]) -> NamedLine | None:
        if self.importer.listing is None or "id" not in values:
            return None
        try:
            return NamedLine(number, UUID(values["id"]), {**values, **self._refused})
        except ValueError:
            return None

    def _nth(self, key: tuple[str, ...], number: int, *, apart: bool) -> tuple[int, int]:
        """Which of the lines of this key the line is, and the line that has that place: this one, or one before it."""
        for nth in range(1, EQUALS + 1):
            first = self._keys.setdefault(key if nth == 1 else (*key, str(nth)), number)
            if first == number or not apart:
                break
        return nth, first

    def _repeated(self, number: int, first: int, values: Mapping[str, Any], row: Sequence[Cell]) -> LineFault:
        """That a line has the key of another, told of the column that repeats."""
        column = self._repeating(values)
        return LineFault(number, column, REPEATED_LINE.at("", first_line=first), found=self._found(column, row))

    def _found(self, column: str, row: Sequence[Cell]) -> str | None:
        place = self.header.place(column)
        return _found(row[place]) if place is not None and place < len(row) else None

    def _repeating(self, values: Mapping[str, Any]) -> str:
        """The column that repeats: an identifier, or the last of the key, such as the commune beside its vintage."""
        there = [name for name in self.importer.key if _get(values, name) and self.header.place(name) is not None]
        return "external_id" if "external_id" in there else there[-1] if there else ""

    def _said(self, layout: Layout, number: int, row: Sequence[Cell]) -> tuple[RowReading, list[LineFault]]:
        """What a row of a file of others says, and what is wrong with it."""
        named = {name: cell for (_, name), cell in zip(self.header.matched, row, strict=False) if name is not None}
        try:
            said = layout.read(named)
        except CellRefused as refused:
            said = RowReading(refused=[(layout.by[0], refused.error)])
        return said, [
            LineFault(number, heading, in_file_words(error), advisory, self._found(heading, row))
            for told, advisory in ((said.told, True), (said.refused, False))
            for heading, error in told
        ]

    def _read(self, values: dict[str, Any], number: int, row: Sequence[Cell]) -> list[LineFault]:
        """Puts what the cells of our columns and the sender's constants say into the values; returns what is wrong."""
        given: dict[str, str] = {}
        faults: list[LineFault] = []
        self._refused, self._written = {}, {}
        there = [(name, row[place], read, first) for place, name, read, first in self._cells if place < len(row)]
        for name, cell, read, first in [*there, *self._constants]:
            try:
                value = read(cell)
            except CellRefused as refused:
                faults.append(LineFault(number, name, refused.error, found=_found(cell)))
                self._refused[name] = cells.text_of(cell)
                continue
            if isinstance(value, Noted):
                faults.append(LineFault(number, name, value.error, advisory=True, found=_found(cell)))
                value = value.value
            if value in ("", [], None):
                continue
            if value != cell and not first:
                self._written[name] = _found(cell) or ""
            if first:
                given[name] = value
            else:
                _put(values, name, value)
        for name, before in given.items():
            after = _get(values, name)
            if after is not None:
                _put(values, name, f"{before} {after}")
        return faults

    def _days(self, cell: Cell) -> Any:
        """Hours as days of the length that the sender says; what is no quarter of a day is refused as such."""
        hours = cells.number(cell)
        if hours == "" or self.hours_per_day is None:
            return ""
        return (hours / self.hours_per_day).quantize(Decimal("0.000001")).normalize()

    def _fault(self, number: int, error: FieldError, row: Sequence[Cell]) -> LineFault:
        """A fault of the schema in the words of the file: labels for codes, euros for cents."""
        column = ".".join(part for part in error.pointer.split("/") if part and not part.isdigit())
        members = dict(error.members)
        percentage = column.rpartition(".")[2].removesuffix("_bp")
        if column.endswith("_bp") and percentage in self._fields and self.header.place(column) is None:
            column = percentage
            if error.message in (TOO_SMALL, TOO_LARGE):
                members = {name: _percents(value) for name, value in members.items()}
        heading = self._fields.get(column)
        if heading is not None and error.message is NOT_ONE_OF:
            members["expected"] = labels_of(heading.read, [str(code) for code in members["expected"]])
        if column.endswith("_cents") and error.message in (TOO_SMALL, TOO_LARGE):
            members = {name: _euros(value) for name, value in members.items()}
        error = replace(in_file_words(error), pointer="", members=members)
        if heading is not None and heading.read.labels and error.message is INVALID_CODE:
            expected = labels_of(heading.read, dict.fromkeys(heading.read.labels.values()))
            error = replace(error, message=_ONE_OF_THESE_OR_A_CODE, members={"expected": expected})
        return LineFault(number, column, error, found=self._found(column, row))

    def close(self) -> None:
        """Forget the keys."""
        self._keys.close()


def astray(importer: Importer, header: Header, number: int, row: Sequence[Cell]) -> list[LineFault]:
    """What of a line would be lost, or taken for what it is not: each is a fault that names its cell.

    Nothing is known of cells beyond the headings and below an empty one; a line break where none belongs tells of a
    quotation mark that is missing.
    """
    matched = header.matched
    faults: list[LineFault] = []
    for place, cell in enumerate(row):
        heading, name = matched[place] if place < len(matched) else ("", None)
        if (heading and not _is_broken(cell)) or not cells.text_of(cell):
            continue
        at = f"{column_letters(place + 1)}{number}"
        if heading:
            faults += _of_break(importer, number, name, heading, at)
        elif place < len(matched):
            faults.append(LineFault(number, "", UNDER_NO_HEADING.at("", cell=at)))
        else:
            error = BEYOND_THE_HEADINGS.at("", cell=at, cells=len(row), headings=len(matched))
            return [*faults, LineFault(number, "", error)]
    return faults


def in_file_words(error: FieldError) -> FieldError:
    """The fault as people who write in a sheet need it."""
    message = _IN_FILES.get(error.code, error.message)
    members = error.members
    if error.code == _RATE and message is not error.message:
        members = {name: _percents(value) for name, value in members.items()}
    return replace(error, message=message, members=members)


def _is_broken(cell: Cell) -> bool:
    """Whether a cell holds a line break."""
    return isinstance(cell, str) and "\n" in cell and "\n" in cell.strip()


def _of_break(importer: Importer, number: int, name: str | None, heading: str, at: str) -> Iterator[LineFault]:
    if name is None and folded(heading) in _ours():
        return
    if name is None:
        yield LineFault(number, heading[:100], LINE_BREAK_IGNORED.at("", cell=at), advisory=True)
    elif name not in _of_lines(importer.schema) and "." not in name:
        yield LineFault(number, name, LINE_BREAK.at("", cell=at))


@cache
def _of_lines(schema: type[BaseModel]) -> frozenset[str]:
    """The fields that take text of several lines."""
    found = set()
    for name, told in schema.model_fields.items():
        rule: Any = Annotated[told.annotation, *told.metadata] if told.metadata else told.annotation
        try:
            TypeAdapter(rule).validate_python("a\nb")
        except ValidationError:
            continue
        found.add(name)
    return frozenset(found)


def _found(cell: Cell) -> str | None:
    return _UNPRINTABLE.sub("", cells.shown(cell))[:FOUND] or None


EQUALS = 50  # equal lines that are told apart by their number
FOUND = 100  # characters of a cell that are told


def says_nothing_new(values: Mapping[str, Any], stored: Mapping[str, Any], renamed: Mapping[str, str]) -> bool:
    """Whether an object has all that a line gives already."""
    return all(_same(value, stored.get(renamed.get(name, name))) for name, value in values.items())


def _same(value: Any, stored: Any) -> bool:
    if isinstance(value, Mapping):
        return isinstance(stored, Mapping) and says_nothing_new(value, stored, {})
    if isinstance(value, list):
        return isinstance(stored, list) and len(value) == len(stored) and all(map(_same, value, stored))
    if isinstance(value, bool) or isinstance(stored, bool):
        return value is stored
    if isinstance(value, datetime) and isinstance(stored, str):
        return value == datetime.fromisoformat(stored)
    if isinstance(value, int | Decimal) and isinstance(stored, int | float | Decimal):
        return Decimal(value) == Decimal(str(stored))
    return stored is not None and (str(value) == str(stored) or _same_instant(str(value), stored))


_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z")


def _same_instant(value: str, stored: Any) -> bool:
    """Whether two instants are the same to the millisecond, which is what a workbook keeps."""
    if not isinstance(stored, str) or not _INSTANT.fullmatch(value) or not _INSTANT.fullmatch(stored):
        return False
    return abs(datetime.fromisoformat(value) - datetime.fromisoformat(stored)) <= timedelta(milliseconds=1)


def found_in(lines: Sequence[FileLine], faults: Sequence[LineFault]) -> Sequence[LineFault]:
    """The faults of lines that read, each with what stands in its column."""
    by_number = {line.number: line for line in lines}
    return [
        replace(fault, found=said)
        if fault.found is None and (said := _said(by_number[fault.line], fault.column))
        else fault
        for fault in faults
    ]


def _said(line: FileLine, column: str) -> str | None:
    if written := line.written.get(column):
        return written
    value = getattr(line.item, column, None)
    if isinstance(value, list):
        value = " | ".join(str(part) for part in value if not isinstance(part, BaseModel))
    return None if value is None or isinstance(value, BaseModel) else str(value)[:FOUND] or None


def _percents(basis_points: int) -> Message:
    percents = f"{Decimal(basis_points) / 100:f} %"
    return Message("percentage", percents, percents.replace(".", ","))


def _euros(cents: int) -> Message:
    euros = f"{cents // 100}.{cents % 100:02} €"
    return Message("amount", euros, euros.replace(".", ","))


def labels_of(read: CellReader, codes: Iterable[str]) -> Message:
    """What people may type for these codes, in each language."""
    by_code: dict[str, str] = {}
    for label, code in read.labels.items():
        by_code.setdefault(code, label)
    known = list(codes)
    words = in_words if by_code else str  # a code without labels is its own
    english = ", ".join(words(code) for code in known)
    return Message("labels", english, ", ".join(by_code.get(code, words(code)) for code in known))


def in_words(code: str) -> str:
    """A code as an English label, which reads as the code again: `site_visit` is `Site visit`."""
    return code.replace("_", " ").capitalize()


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    """Dotted fields are nested objects, as in our exports; those with a list in the cell, a list of objects."""
    *outer, last = name.split(".")
    if outer and isinstance(value, list):
        for part in outer[:-1]:
            values = values.setdefault(part, {})
        items = values.setdefault(outer[-1], [])
        items.extend({} for _ in range(len(value) - len(items)))
        for item, part in zip(items, value, strict=False):
            if part is not None:
                item[last] = part
        return
    for part in outer:
        values = values.setdefault(part, {})
    values[last] = value


def _get(values: Mapping[str, Any], name: str) -> Any:
    value: Any = values
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


# --- writing through the services of the API -------------------------------------------------------------------------


def together(changes: Iterable[Change]) -> list[Change]:
    """The changes of one type in one place as one, which is recorded by one statement."""
    alike: dict[tuple[Any, ...], Change] = {}
    for change in changes:
        known = (change.type, id(change.listing), *sorted((k, str(v)) for k, v in change.bound.items()))
        before = alike.get(known)
        keys = [*(before.keys if before is not None else ()), *change.keys]
        alike[known] = replace(change, keys=list(dict.fromkeys(keys)))
    return list(alike.values())


def given(item: BaseModel, only: Iterable[str]) -> dict[str, Any]:
    """The fields of a line that the file gives, among those that an update takes."""
    known = set(only)
    return {name: getattr(item, name) for name in item.model_fields_set if name in known}


def coded(labels: Mapping[str, str]) -> CellReader:
    """Reads a code by what people call it (`Visite de site` is `site_visit`); other text as lower_snake."""
    known = {folded(label): code for label, code in labels.items()}

    def read(cell: Cell) -> str:
        text = cells.plain(cell)
        return known.get(folded(text)) or re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")

    first = next(iter(labels.items()), ("", ""))
    accepts = Message("label", "one of the labels", "l'un des libellés")
    return CellReader(read, accepts, (in_words(first[1]), first[0]), labels)
