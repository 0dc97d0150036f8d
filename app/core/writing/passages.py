"""The acts on an object while they are written, and the silences that the service records.

The row of an object holds its state, the number of its last act, and `silence_on`: the day on which silence acts next,
computed by the database. What silence has done by the day of an act is recorded before the act, and what it did after
that day is reversed, then done again as far as the act does not prevent it: whether `rebond tick` has run or not, the
same act has the same effect.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import groupby
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, insert, literal, select, update

from app.core import clock
from app.core.db import touch
from app.core.passages import yet_to_come
from app.core.reading.listing import Listing
from app.core.writing.turns import take_turn
from app.core.writing.writes import Change, System, Write, put, record


class Lived(Protocol):
    """What the acts on an object come to."""

    @property
    def standing(self) -> Sequence[Any]: ...


Row = TypeVar("Row", bound=Any)
Life = TypeVar("Life", bound=Lived)


@dataclass(frozen=True)
class Silence:
    """What silence does: the state that it leads to, the event that tells it, and what else it puts onto the row."""

    to: str
    event: str
    also: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Silences(Generic[Row]):
    """Delays of the objects of a table that run out: an index over `silence_on` finds them, one statement takes many.

    `key` is the column of `passages` that names the object. `act` says in SQL which of `kinds` silence does next.
    `where` leaves objects out of what `take_due` takes; `lock` lets one worker at a time do so.
    """

    table: type[Row]
    passages: type[Any]
    key: str
    listing: Listing
    act: ColumnElement[str]
    kinds: Mapping[str, Silence]
    lock: int
    where: Sequence[ColumnElement[bool]] = ()

    async def take(self, write: Write, row: Row, by: date) -> None:
        """Record what silence has done to an object by a day; the caller holds it."""
        while row.silence_on is not None and row.silence_on <= by:
            act = (await write.session.execute(select(self.act).where(self.table.id == row.id))).scalar_one()
            await self._record(write, row.territory, act, [row.id])
            await write.session.refresh(row)

    async def take_again(self, write: Write, change: Change, row: Row, by: date) -> Change:
        """Record an act that has reversed silences, then those that it does not prevent, of its object, which is held.

        The object is then what `rebond tick` had left, were the act recorded in time. Returns the change that tells it.
        """
        await record(write, change, write.request_id)
        await write.session.refresh(row)
        await self.take(write, row, by)
        return replace(change, type="")

    async def take_due(self, write: Write, as_of: date, batch: int) -> tuple[int, bool]:
        """Record what silence has done by a day, in the order of its days, to so many objects at most.

        Returns how many acts that were, and whether more may be due.

        One worker at a time does so, and it waits for whoever acts on an object: the row then says what that act left.
        """
        t = self.table
        await take_turn(write, self.lock)
        first = select(t.id, t.silence_on).where(t.silence_on <= as_of, *self.where).order_by(t.silence_on, t.id)
        known = list(await write.session.execute(first.limit(batch)))
        more = len(known) == batch
        last_on = known[-1].silence_on if more else as_of
        ids = [row.id for row in known]
        # Locked by id, as everywhere: what changes, as the day of silence does, gives no order.
        await write.session.execute(select(t.id).where(t.id.in_(ids)).order_by(t.id).with_for_update())
        due = (
            select(t.id, t.territory, t.silence_on, self.act.label("act"))
            .where(t.id.in_(ids), t.silence_on <= last_on, *self.where)
            .order_by(t.silence_on, t.territory, "act", t.id)
        )
        taken = 0
        # Day by day: a silence may be followed by another one of the same object, on that day or on a later one.
        while rows := list(await write.session.execute(due)):
            of_day = [row for row in rows if row.silence_on == rows[0].silence_on]
            for (territory, act), group in groupby(of_day, key=lambda row: (row.territory, row.act)):
                await self._record(write, territory, act, [row.id for row in group])
            taken += len(of_day)
        return taken, more

    async def _record(self, write: Write, territory: str, act: str, ids: Sequence[UUID]) -> None:
        """Record one silence of each of these objects, which the caller holds, on the day on which it takes effect."""
        t, silence = self.table, self.kinds[act]
        passage = {
            self.key: t.id,
            "number": t.passage_number + 1,
            "territory": t.territory,
            "act": literal(act),
            "from_state": t.state,
            "to_state": literal(silence.to),
            "effective_on": t.silence_on,
            "previous_number": t.passage_number,
            "recorded_at": literal(write.now),
        }
        said = select(*passage.values()).where(t.id.in_(ids))
        await write.session.execute(insert(self.passages).from_select(list(passage), said, include_defaults=False))
        left = {
            "state": silence.to,
            "passage_number": t.passage_number + 1,
            "version": t.version + 1,
            "updated_at": write.now,
            **silence.also,
        }
        await write.session.execute(
            update(t).where(t.id.in_(ids)).values(left).execution_options(synchronize_session=False)
        )
        change = Change(silence.event, self.listing, ids, {"territory": territory})
        await record(replace(write, actor=System()), change, write.request_id)


class PassageHistory(ABC, Generic[Row, Life]):
    """The acts on an object that is held, in the order in which they were recorded.

    A subclass says whose they are: the silences of the table, the state before the first act, the act that reverses a
    silence, and what the acts come to.
    """

    silences: ClassVar[Silences[Any]]
    first_state: ClassVar[str]
    reversal: ClassVar[str]

    def __init__(self, write: Write, row: Row, passages: list[Any]) -> None:
        self._write = write
        self._row = row
        self._passages = passages
        self.has_reversed = False  # silences, for the act that is added

    @classmethod
    async def of(cls, write: Write, row: Row) -> Self:
        """The acts on the object as they are recorded."""
        p = cls.silences.passages
        its = getattr(p, cls.silences.key) == row.id
        return cls(write, row, list(await write.session.scalars(select(p).where(its).order_by(p.number))))

    @classmethod
    async def at(cls, write: Write, row: Row, on: date) -> Self:
        """The history as an act of a day finds it: silences of by then are recorded, those of after it reversed."""
        await cls.silences.take(write, row, on)
        history = await cls.of(write, row)
        for silent in yet_to_come(history.life.standing, cls.silences.kinds, on):
            history.add(cls.reversal, silent.from_state, on, reverses_number=silent.number)
            history.has_reversed = True
        return history

    @staticmethod
    @abstractmethod
    def replay(passages: Sequence[Any]) -> Life:
        """What acts come to."""

    @abstractmethod
    async def columns(self) -> dict[str, Any]:
        """What stands on the row: it follows from the acts."""

    @property
    def life(self) -> Life:
        """What the acts come to, those added included."""
        return self.replay(self._passages)

    def add(self, act: str, to: str, on: date, **members: Any) -> int:
        """Add an act of the caller's; its number."""
        last = self._passages[-1] if self._passages else None
        passage = self.silences.passages(
            territory=self._row.territory,
            number=last.number + 1 if last is not None else 1,
            previous_number=last.number if last is not None else None,
            act=act,
            from_state=last.to_state if last is not None else self.first_state,
            to_state=to,
            effective_on=on,
            recorded_by=self._write.actor.subject_id,
            recorded_at=self._write.now,
            **{self.silences.key: self._row.id},
            **members,
        )
        self._passages.append(passage)
        return int(passage.number)

    async def write_down(self, **more: Any) -> None:
        """Record the acts that were added, and put onto the row what all of them come to, and `more`."""
        number = self._passages[-1].number
        put(self._row, {**await self.columns(), "passage_number": number, **more})
        touch(self._row)
        self._write.session.add_all(self._passages)
        await self._write.session.flush()

    async def told(self, change: Change) -> Change:
        """The change that tells of the act, once silence has done again what the act does not prevent."""
        if not self.has_reversed:
            return change
        return await self.silences.take_again(self._write, change, self._row, clock.today())
