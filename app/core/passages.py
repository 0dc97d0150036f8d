"""What the acts on an object come to: those that stand, and the silences that a later act reverses. Pure: no session.

An act is recorded in both times, and never changed. A reversal takes an earlier act back: neither of the two counts any
more. A silence is an act of the service itself, on the day after a delay has run out.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Protocol, TypeVar


class RecordedPassage(Protocol):
    """An act as it was recorded."""

    @property
    def number(self) -> int: ...
    @property
    def act(self) -> str: ...
    @property
    def from_state(self) -> str: ...
    @property
    def to_state(self) -> str: ...
    @property
    def effective_on(self) -> date: ...
    @property
    def reverses_number(self) -> int | None: ...


P = TypeVar("P", bound=RecordedPassage)


def standing(passages: Sequence[P], reversals: Collection[str]) -> tuple[P, ...]:
    """The acts that count, in the order in which they were recorded: neither what was reversed nor its reversal."""
    reversed_numbers = {done.reverses_number for done in passages}
    return tuple(done for done in passages if done.act not in reversals and done.number not in reversed_numbers)


def last_ones(acts: Sequence[P], kinds: Collection[str]) -> list[P]:
    """The acts of these kinds after which no other follows, oldest first."""
    count = 0
    while count < len(acts) and acts[-1 - count].act in kinds:
        count += 1
    return list(acts[len(acts) - count :])


def yet_to_come(acts: Sequence[P], silences: Collection[str], on: date) -> list[P]:
    """The silences that an act of this day reverses, the last first: those that had not taken effect by then."""
    return [done for done in reversed(last_ones(acts, silences)) if done.effective_on > on]
