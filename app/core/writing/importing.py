"""How a table becomes objects: a domain declares an `Importer`; reading, checking and writing are the same for all.

A column knows its names in French and English and how its cells read; a row is then held to the schema that an API
client would be held to, so an import accepts exactly what the API accepts. Faults name line and column, never values.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.core.faults import LANGUAGES, Fault, FieldError
from app.core.reading.headings import heading
from app.core.schemas import RETIRED, nearest_name
from app.core.validation import field_errors
from app.core.writing import sheets
from app.core.writing.seen import SeenKeys
from app.core.writing.sheets import Cell, CellKind, Content
from app.core.writing.writes import Change, Write
from app.reader.tables import column_letters

MISSING_COLUMN = Fault(
    "missing_column",
    en="The file does not have this column.",
    fr="Le fichier n'a pas cette colonne.",
)
REPEATED_COLUMN = Fault(
    "repeated_column",
    en="Several columns of the file have this meaning; keep one.",
    fr="Plusieurs colonnes du fichier ont ce sens ; n'en gardez qu'une.",
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
CELL_ERROR = Fault(
    "cell_error",
    en="Cell {cell} holds {found}, an error of the spreadsheet: correct its formula, or empty it.",
    fr="La cellule {cell} contient {found}, une erreur du tableur : corrigez sa formule, ou videz-la.",
)
FORMULA_WITHOUT_RESULT = Fault(
    "formula_without_result",
    en="Cell {cell} holds a formula that was never calculated: open the file in a spreadsheet, and save it there.",
    fr="La cellule {cell} contient une formule qui n'a jamais été calculée : ouvrez le fichier dans un tableur, et"
    " enregistrez-le.",
)

Read = Callable[[Content], Any]


@dataclass(frozen=True)
class Heading:
    """A column of an import: the field of the schema it fills, how its cells read, and its other names."""

    field: str
    read: Read = sheets.plain
    names: Sequence[str] = ()
    required: bool = False


@dataclass(frozen=True)
class LineFault:
    """What is wrong with a line: in which column ("" for the line as a whole), by which rule.

    An advisory fault is reported and refuses nothing.
    """

    line: int
    column: str
    error: FieldError
    advisory: bool = False


@dataclass(frozen=True)
class FileLine:
    """A line of the file that reads: what the importer's schema made of it."""

    number: int
    item: Any


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
    """A file that others publish, as it is: all its headings, and what a row of it says, None for a row to pass over.

    It is recognised by the headings in `by`, of which the first is there and any other.
    """

    headings: Sequence[str]
    by: Sequence[str]
    read: Callable[[Mapping[str, Content]], RowReading | None]

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
    xml: bool = False

    @property
    def fields(self) -> dict[str, Heading]:
        return {column.field: column for column in self.columns}

    def synonyms(self) -> dict[str, str]:
        """The other headings of the columns, each with the field that it fills: synonyms and retired names."""
        named = {name: column.field for column in self.columns for name in column.names}
        return named | {old: new for old, new in RETIRED.items() if new in self.fields and old not in self.fields}


# --- headers ---------------------------------------------------------------------------------------------------------


def folded(name: str) -> str:
    """A header without accents, case, spaces and signs: `Raison sociale *` is `raisonsociale`."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return re.sub(r"[^a-z0-9]", "", bare.lower())


_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # a header is repeated in answers


@dataclass(frozen=True)
class Header:
    """How the file's columns were understood: for each its header and the field it fills, None for what is ignored."""

    line: int
    matched: Sequence[tuple[str, str | None]]
    layout: Layout | None = None

    def faults(self, importer: Importer) -> list[LineFault]:
        """Columns that are missing, that appear twice, and (advisory) those that nothing reads."""
        if self.layout is not None:
            return [
                LineFault(self.line, header[:100], IGNORED_COLUMN.at(""), advisory=True)
                for header, name in self.matched
                if name is None and header
            ]
        fields = [name for _, name in self.matched if name is not None]
        missing = [c.field for c in importer.columns if c.required and c.field not in fields]
        faults = [LineFault(self.line, name, MISSING_COLUMN.at("")) for name in missing]
        twice = sorted({name for name in fields if fields.count(name) > 1})
        faults += [LineFault(self.line, name, REPEATED_COLUMN.at("")) for name in twice]
        known = list(importer.fields)
        for header, name in self.matched:
            if name is None and header and folded(header) not in importer.only:
                guess = nearest_name(folded(header), [folded(field) for field in known])
                near = {"did_you_mean": next(f for f in known if folded(f) == guess)} if guess else {}
                faults.append(LineFault(self.line, header[:100], IGNORED_COLUMN.at("", **near), advisory=True))
        return faults


def match(importer: Importer, line: int, cells: Sequence[Content]) -> Header:
    """Which field each header names: the field's own name, what our exports call it, or a synonym.

    Beside a field's own name a synonym is another column: our export of firms has `source` and `source_reference`.
    """
    own: dict[str, str] = {}
    for column in importer.columns:
        own[folded(column.field)] = column.field
        shown = column.field.removesuffix("_cents") + "_eur" if column.field.endswith("_cents") else column.field
        own |= dict.fromkeys((folded(shown), *(folded(heading(shown, each)) for each in LANGUAGES)), column.field)
    headers = [_UNPRINTABLE.sub("", sheets.plain(cell))[:200] for cell in cells]
    layout = next((layout for layout in importer.layouts if layout.fits(headers)), None)
    if layout is not None:
        official = {folded(heading): heading for heading in layout.headings}
        return Header(line, [(header, official.get(folded(header))) for header in headers], layout)
    told = {own.get(folded(header)) for header in headers}
    others = {folded(name): to for name, to in importer.synonyms().items()}
    known = own | {name: to for name, to in others.items() if name not in own and to not in told}
    return Header(line, [(header, known.get(folded(header))) for header in headers])


# --- rows ------------------------------------------------------------------------------------------------------------


@dataclass
class Reader:
    """Reads the lines below a header, and finds the key that two of them share."""

    importer: Importer
    header: Header
    _keys: SeenKeys = field(default_factory=SeenKeys)

    def __post_init__(self) -> None:
        headings = [folded(header) for header, _ in self.header.matched]
        only = self.importer.only
        self._only = [(place, only[name]) for place, name in enumerate(headings) if name in only]

    def line(self, number: int, cells: Sequence[Content]) -> tuple[FileLine | None, list[LineFault]]:
        """The line, or what is wrong with it. Empty cells are absent fields."""
        importer = self.importer
        if any(sheets.plain(cells[place]) != meant for place, meant in self._only if place < len(cells)):
            return None, []
        told = [] if importer.xml else astray(importer, self.header, number, cells)
        columns = importer.fields
        values: dict[str, Any] = {}
        named = [(name, cell) for (_, name), cell in zip(self.header.matched, cells, strict=False) if name is not None]
        if self.header.layout is not None:
            said = self.header.layout.read(dict(named))
            if said is None:
                return None, []
            values = said.values
            told += [LineFault(number, heading, error, advisory=True) for heading, error in said.told]
            told += [LineFault(number, heading, error) for heading, error in said.refused]
            named = []
        if any(not fault.advisory for fault in told):
            return None, told
        for name, cell in named:
            value = columns[name].read(cell)
            if value not in ("", [], None):
                _put(values, name, value)
        try:
            item = importer.schema.model_validate(values)
        except ValidationError as error:
            return None, [*told, *(_fault(number, each) for each in field_errors(error.errors(include_url=False)))]
        key = tuple(str(_get(values, name) or "") for name in importer.key)
        if any(key):
            first = self._keys.setdefault(key, number)
            if first != number:
                return None, [*told, LineFault(number, importer.key[0], REPEATED_LINE.at("", first_line=first))]
        return FileLine(number, item), told

    def close(self) -> None:
        """Forget the keys."""
        self._keys.close()


def astray(importer: Importer, header: Header, number: int, cells: Sequence[Content]) -> list[LineFault]:
    """What of a line would be lost, or taken for what it is not: each is a fault that names its cell.

    Nothing is known of cells beyond the headings and below an empty one; a line break where none belongs tells of a
    quotation mark that is missing.
    """
    matched = header.matched
    faults: list[LineFault] = []
    for place, cell in enumerate(cells):
        heading, name = matched[place] if place < len(matched) else ("", None)
        if (heading and not _is_odd(cell)) or not sheets.plain(cell):
            continue
        at = f"{column_letters(place + 1)}{number}"
        if heading:
            faults += _of_odd(importer, number, name, heading, at, cell)
        elif place < len(matched):
            faults.append(LineFault(number, "", UNDER_NO_HEADING.at("", cell=at)))
        else:
            error = BEYOND_THE_HEADINGS.at("", cell=at, cells=len(cells), headings=len(matched))
            return [*faults, LineFault(number, "", error)]
    return faults


def _is_odd(cell: Content) -> bool:
    """Whether a cell holds an error, a formula without a result, or a line break."""
    return cell.kind in (CellKind.ERROR, CellKind.FORMULA) if isinstance(cell, Cell) else "\n" in (cell or "")


def _of_odd(
    importer: Importer, number: int, name: str | None, heading: str, at: str, cell: Content
) -> Iterator[LineFault]:
    if name is None:
        if isinstance(cell, str) and "\n" in cell.strip():
            yield LineFault(number, heading[:100], LINE_BREAK_IGNORED.at("", cell=at), advisory=True)
    elif isinstance(cell, str):
        if "\n" in cell.strip() and name not in _of_lines(importer.schema) and "." not in name:
            yield LineFault(number, name, LINE_BREAK.at("", cell=at))
    elif cell is not None:
        error = CELL_ERROR.at("", cell=at, found=cell.value)
        unknown = FORMULA_WITHOUT_RESULT.at("", cell=at)
        yield LineFault(number, name, error if cell.kind is CellKind.ERROR else unknown)


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


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    """Dotted fields are nested objects, as in our exports; those with a list in the cell, a list of objects."""
    *outer, last = name.split(".")
    if outer and isinstance(value, list):
        items = values.setdefault(outer[0], [])
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


def _fault(number: int, error: FieldError) -> LineFault:
    parts = [part for part in error.pointer.split("/") if part and not part.isdigit()]
    return LineFault(number, ".".join(parts), replace(error, pointer=""))


# --- writing through the services of the API -------------------------------------------------------------------------

# Writes one line and says what it changed; a change without a type changed nothing.
Put = Callable[[Write, str, Any], Awaitable[Sequence[Change]]]


def one_by_one(put: Put) -> Apply:
    """Writes line by line, through the same service as the API; what alike lines changed is recorded together."""

    async def apply(write: Write, place: str | None, lines: Sequence[FileLine]) -> Outcome:
        assert place is not None  # what all territories share is written set-wise
        outcome = Outcome()
        changes: list[Change] = []
        for line in lines:
            made = [change for change in await put(write, place, line.item) if change.type]
            outcome.created += any(change.type.endswith(".created") for change in made[:1])
            outcome.updated += any(not change.type.endswith(".created") for change in made[:1])
            outcome.unchanged += not made
            changes += made
        outcome.changes = together(changes)
        return outcome

    return apply


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


def coded(labels: Mapping[str, str]) -> Read:
    """Reads a code by what people call it (`Visite de site` is `site_visit`); other text as lower_snake."""
    known = {folded(label): code for label, code in labels.items()}

    def read(cell: Content) -> str:
        text = sheets.plain(cell)
        return known.get(folded(text)) or re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")

    return read
