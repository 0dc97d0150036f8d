"""Lines of files that are objects: found by their ids or their names, made, and changed where they may be.

A kind of import declares what names an object, how it is made and how it changes. To find what a line names, to tell
what is not there or recorded otherwise, and to hold the objects before the first line, is the same for all.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import ColumnElement, Text, any_, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from app.core.faults import Fault, FieldError
from app.core.messages import NOT_FOUND, REQUIRED
from app.core.problems import ValidationFailed
from app.core.reading.listing import Listing
from app.core.writing.importing import EQUALS, FileLine, LineFault, Locks, Outcome, rows_of, says_nothing_new, together
from app.core.writing.writes import Change, Write

RECORDED_OTHERWISE = Fault(
    "recorded_otherwise",
    en="The object is recorded with another value here, which a file does not change. Correct the line, or take back"
    " what is recorded first.",
    fr="L'objet est enregistré avec une autre valeur ici, qu'un fichier ne change pas. Corrigez la ligne, ou annulez"
    " d'abord ce qui est enregistré.",
)
AMBIGUOUS_NAME = Fault(
    "ambiguous_name",
    en="Several objects have this name: give {id}.",
    fr="Plusieurs objets portent ce nom : donnez {id}.",
)
NAME_OF_ANOTHER = Fault(
    "name_of_another",
    en="This is not the name of the object in {id}: empty one of the two.",
    fr="Ce n'est pas le nom de l'objet désigné par {id} : videz l'un des deux.",
)

Made = Change | Sequence[Change]
Create = Callable[[Write, Any, Any], Awaitable[Made]]  # of the territory, None for what all share, and the line
Update = Callable[[Write, Any, Any, Any], Awaitable[Made]]  # and of the key of the object


@dataclass(frozen=True)
class NamedObject:
    """An object that a line names by its id (in the field `id`) or as people do.

    `by` are the columns that name it, each with what its text is compared with, without accents or case: one of these
    must be the same, and where several columns are given, one of each. `where` says which objects are meant. A new
    object must name one that is `required`.
    """

    id: str
    key: Any
    by: Mapping[str, Sequence[Any]]
    where: Callable[[Write, Any], Sequence[ColumnElement[bool]]] = lambda _write, _place: ()
    required: bool = False

    async def resolve(self, write: Write, place: str | None, items: Sequence[Any]) -> list["Any | _Unnamed"]:
        """The lines with the ids of what they name, or what is wrong with the name."""
        said = [{name: str(value) for name in self.by if (value := getattr(item, name)) is not None} for item in items]
        asked = sorted({text for texts in said for text in texts.values()})
        rows, plain = await self._rows(write, place, asked) if asked else ([], {})
        return [self._resolved(item, texts, rows, plain) for item, texts in zip(items, said, strict=True)]

    async def _rows(self, write: Write, place: str | None, asked: list[str]) -> tuple[Sequence[Any], dict[str, str]]:
        texts = literal(asked, ARRAY(Text()))
        told = await write.session.execute(select(func.unnest(texts), func.fold(func.unnest(texts))))
        plain = {row[0]: row[1] for row in told}
        names = [func.fold(cast(each, Text)) for several in self.by.values() for each in several]
        wanted = literal(sorted(set(plain.values())), ARRAY(Text()))
        found = select(self.key, *names).where(
            *self.where(write, place), or_(*(name == any_(wanted) for name in names))
        )
        return (await write.session.execute(found.order_by(self.key))).all(), plain

    def _resolved(
        self, item: Any, texts: Mapping[str, str], rows: Sequence[Any], plain: Mapping[str, str]
    ) -> "Any | _Unnamed":
        known, column = getattr(item, self.id), next(iter(texts), next(iter(self.by)))
        if not texts:
            named = known is not None or item.id is not None or not self.required
            return item if named else _Unnamed(column, REQUIRED.at(""))
        fits = [row[0] for row in rows if all(plain[text] in self._names(row, name) for name, text in texts.items())]
        if not fits:
            return _Unnamed(column, NOT_FOUND.at(""))
        if known is None and len(fits) > 1:
            return _Unnamed(column, AMBIGUOUS_NAME.at("", id=self.id))
        if known not in (None, *fits):
            return _Unnamed(column, NAME_OF_ANOTHER.at("", id=self.id))
        return item if known is not None else item.model_copy(update={self.id: fits[0]})

    def _names(self, row: Any, column: str) -> Sequence[str]:
        names: Sequence[str] = row[1:]
        for name, several in self.by.items():
            if name == column:
                return names[: len(several)]
            names = names[len(several) :]
        return ()


class _Unnamed(NamedTuple):
    """What is wrong with the name of an object, and in which column."""

    column: str
    error: FieldError


class _Found(NamedTuple):
    """An object that a line means: its key, what it says, and whether it stands or was taken back."""

    key: Any
    shown: Mapping[str, Any]
    stands: bool


@dataclass(frozen=True)
class Upsert:
    """How lines become objects. `check`, `apply` and `locks` are those of an `Importer`.

    An object is found by its id, else by the conditions `known`; one that stands (`stands`) comes before one that was
    taken back. A line that says what is recorded already changes nothing, also where that was taken back or corrected
    since: an old file that is sent again undoes nothing. What was taken back is made anew where the line says
    otherwise. Without `update` an object is recorded anew, which corrects it or is refused by its names; the fields
    `fixed` are told beforehand where they are recorded otherwise.
    """

    key: Any
    listing: Listing
    known: Callable[[Any, Any], Sequence[ColumnElement[bool]] | None]
    create: Create
    update: Update | None = None
    fixed: Collection[str] = ()
    stands: ColumnElement[bool] | None = None
    names: Sequence[NamedObject] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    latest: bool = False  # of several that are known the last one counts

    async def check(self, write: Write, place: str | None, lines: Sequence[FileLine]) -> list[LineFault]:
        """What the lines name is there, and what never changes is as they say."""
        faults = []
        for line, item in zip(lines, await self._items(write, place, lines), strict=True):
            if isinstance(item, _Unnamed):
                faults.append(LineFault(line.number, item.column, item.error))
            elif self.fixed and (found := await self._found(write, place, item)) is not None and found.stands:
                values = {name: value for name, value in self._given(item).items() if name in self.fixed}
                wrong = next(_differing(values, found.shown, self.renamed), None)
                if wrong is not None:
                    faults.append(LineFault(line.number, self._column(item, wrong), RECORDED_OTHERWISE.at("")))
        return faults

    async def apply(self, write: Write, place: str | None, lines: Sequence[FileLine]) -> Outcome:
        """Make, change, or leave each object."""
        outcome, changes = Outcome(), list[Change]()
        for item in await self._items(write, place, lines):
            if isinstance(item, _Unnamed):
                continue  # the check has found it, and nothing of it has changed since
            found = await self._found(write, place, item)
            said = found is not None and self._same(found, self._given(item))
            if found is not None and (said or (found.stands and self.update is not None)):
                done = [] if said or self.update is None else await self.update(write, place, found.key, item)
            else:
                self._refuse_unnamed(item)
                found, done = None, await self.create(write, place, item)
            made = [change for change in ([done] if isinstance(done, Change) else done) if change.type]
            outcome.created += found is None
            outcome.updated += found is not None and bool(made)
            outcome.unchanged += found is not None and not made
            changes += made
        outcome.changes = together(changes)
        return outcome

    @property
    def locks(self) -> Locks:
        """The objects that the lines mean are held in the order of their keys."""

        async def of(write: Write, place: str | None, lines: Sequence[FileLine]) -> set[Any]:
            items = await self._items(write, place, lines)
            found = [await self._found(write, place, item) for item in items if not isinstance(item, _Unnamed)]
            return {each.key for each in found if each is not None}

        return Locks(of, rows_of(self.key))

    def named(self, *ids: str) -> Callable[[Write, str | None, Sequence[FileLine]], Awaitable[set[Any]]]:
        """What lines name in these fields: for `Locks` of an act that holds it."""

        async def of(write: Write, place: str | None, lines: Sequence[FileLine]) -> set[Any]:
            items = [each for each in await self._items(write, place, lines) if not isinstance(each, _Unnamed)]
            return {(name, value) for name in ids for each in items if (value := getattr(each, name)) is not None}

        return of

    def ids(self, name: str) -> Callable[[Write, str | None, Sequence[FileLine]], Awaitable[set[Any]]]:
        """The ids of what lines name in one field: for `Locks` that hold those rows."""

        async def of(write: Write, place: str | None, lines: Sequence[FileLine]) -> set[Any]:
            return {value for _, value in await self.named(name)(write, place, lines)}

        return of

    async def _items(self, write: Write, place: str | None, lines: Sequence[FileLine]) -> list[Any]:
        items = [line.item for line in lines]
        for named in self.names:
            good = [n for n, item in enumerate(items) if not isinstance(item, _Unnamed)]
            for n, item in zip(good, await named.resolve(write, place, [items[n] for n in good]), strict=True):
                items[n] = item
        return items

    async def _found(self, write: Write, place: str | None, item: Any) -> _Found | None:
        """The object of this id, else of those that are known one that says what the line says, be it taken back or
        corrected since, or the first.
        """
        here = [] if place is None else [self.key.class_.territory == place]
        stands = literal(True) if self.stands is None else self.stands
        order = (stands.desc(), self.key.desc() if self.latest else self.key)
        asked = select(self.key, stands).where(*here).order_by(*order)
        rows: Sequence[Any] = []
        if item.id is not None:
            rows = (await write.session.execute(asked.where(self.key == item.id))).all()
        if not rows and (conditions := self.known(place, item)) is not None:
            nth = getattr(item, "nth", 1)
            rows = (await write.session.execute(asked.where(*conditions).offset(nth - 1).limit(EQUALS))).all()
        if not rows:
            return None
        bound = {} if place is None else {"territory": place}
        seen = await write.find(self.listing, [row[0] for row in rows], bound)
        found = [_Found(row[0], from_json(seen[row[0]].body), bool(row[1])) for row in rows if row[0] in seen]
        likely = found[0] if found else None
        return next((each for each in found if self._same(each, self._given(item))), likely)

    def _refuse_unnamed(self, item: Any) -> None:
        """A line with an id that nobody knows makes an object, which must name what it belongs to."""
        missing = [each for each in self.names if each.required and getattr(item, each.id) is None]
        if missing:
            raise ValidationFailed(errors=[REQUIRED.at(f"/{next(iter(each.by))}") for each in missing])

    def _given(self, item: Any) -> dict[str, Any]:
        """What the line says of the object itself."""
        helping = {"id", "nth", *(name for named in self.names for name in named.by)}
        given: dict[str, Any] = item.model_dump(exclude_unset=True, exclude=helping, exclude_none=True)
        return given

    def _same(self, found: _Found, values: Mapping[str, Any]) -> bool:
        return says_nothing_new(values, found.shown, self.renamed)

    def _column(self, item: Any, name: str) -> str:
        """The column in which the line says it."""
        by = next((named.by for named in self.names if named.id == name), {})
        return next((column for column in by if getattr(item, column) is not None), name)


def _differing(values: Mapping[str, Any], shown: Mapping[str, Any], renamed: Mapping[str, str]) -> Iterator[str]:
    """The columns whose values an object does not have; of an object in it, those of its parts."""
    for name, value in values.items():
        known = shown.get(renamed.get(name, name))
        if isinstance(value, Mapping) and isinstance(known, Mapping):
            yield from (f"{name}.{part}" for part in _differing(value, known, {}))
        elif not says_nothing_new({name: value}, shown, renamed):
            yield name
