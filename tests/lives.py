"""Random lives: acts drawn by seed, held against a model. What fails is told as its list of acts, cut down.

Some seeds always run, and a fresh one each time; REBOND_MODEL_SEED replaces the fresh one, REBOND_MODEL_SEEDS adds so
many more, REBOND_MODEL_STEPS makes the lives longer. A seed finds the same life only until somebody adds a draw: so the
acts of a life that failed go, cut down, to the LIVES beside its model, and always run.
"""

import contextlib
import os
import random
import secrets
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, ClassVar, TypeAlias, TypeVar

T = TypeVar("T")
Act: TypeAlias = tuple[str, list[int]]  # its kind, and what was drawn for it (see `Chance`)
FRESH = "fresh"  # drawn where it is used, so that every worker of a run names its tests alike
STEPS = int(os.environ.get("REBOND_MODEL_STEPS", "0"))  # of a life, where they are not as many as its test says
MORE = range(1_000, 1_000 + int(os.environ.get("REBOND_MODEL_SEEDS", "0")))  # seeds beside those that always run
CUTTING_S = 60.0


def seed_of(given: int | str) -> int:
    """The seed itself, or a fresh one for FRESH; shown where the test fails."""
    seed = int(os.environ.get("REBOND_MODEL_SEED") or secrets.randbelow(2**32)) if given == FRESH else int(given)
    print(f"REBOND_MODEL_SEED={seed}")
    return seed


class Chance:
    """Random draws by seed, or those that were told; each is written down as a number from 0 on."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._told: Iterator[int] | None = None
        self.drawn: list[int] = []

    def begin(self, told: Sequence[int] | None) -> None:
        """From here on these draws, or random ones."""
        self._told = None if told is None else iter(told)
        self.drawn = []

    def below(self, size: int) -> int:
        """A number from 0 on. What was told for a longer life may be too large in a shorter one, or missing."""
        drawn = self._random.randrange(size) if self._told is None else next(self._told, 0) % size
        self.drawn.append(drawn)
        return drawn

    def choice(self, options: Sequence[T]) -> T:
        """One of them."""
        return options[self.below(len(options))]

    def randint(self, first: int, last: int) -> int:
        """A number between these two, both among them."""
        return first + self.below(last - first + 1)

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """So many of them, each once."""
        left, chosen = list(options), []
        for last in range(len(left) - 1, len(left) - 1 - count, -1):  # the draws of random.sample among a few
            drawn = self.below(last + 1)
            chosen.append(left[drawn])
            left[drawn] = left[last]
        return chosen


class Life(ABC):
    """A service under random acts: each is a method that does one on the service and on the model."""

    KINDS: ClassVar[Sequence[str]]  # the methods' names, often those that shall come often

    def __init__(self, chance: Chance) -> None:
        self.chance = chance
        self.acts: list[Act] = []
        self.seen: Counter[str] = Counter()

    async def step(self) -> None:
        """An act by chance."""
        await self.do(self.chance.choice(self.KINDS))

    async def do(self, kind: str, draws: Sequence[int] | None = None) -> None:
        """This act, with the draws that were told for it or random ones.

        Its method gives whether it was taken as the model says, or None where there was nothing to act on.
        """
        self.chance.begin(draws)
        self.acts.append((kind, self.chance.drawn))
        taken = await getattr(self, kind)()
        self.chance.begin(None)
        if taken is not None:
            self.seen[f"{kind} {'taken' if taken else 'refused'}"] += 1

    @abstractmethod
    async def compare(self) -> None:
        """What must hold after every act."""

    @abstractmethod
    async def close(self) -> None:
        """What must hold at the end."""


New: TypeAlias = Callable[[Chance], Awaitable[Life]]  # in a place of its own, with nothing done yet


async def relived(new: New, acts: Sequence[Act]) -> Life:
    """A life of these acts."""
    life = await new(Chance())
    for kind, draws in acts:
        await life.do(kind, draws)
        await life.compare()
    await life.close()
    return life


@contextlib.asynccontextmanager
async def told(life: Life, new: New) -> AsyncIterator[None]:
    """What fails in the block is told with the life's acts, as few of them as still fail."""
    try:
        yield
    except Exception as error:
        error.add_note(f"The acts of this life: {life.acts}")
        error.add_note(f"Cut down: {await cut_down(new, life.acts)}")
        raise


async def cut_down(new: New, acts: Sequence[Act]) -> Any:
    """The acts without those that the failure does not need; None where they do not fail a second time."""

    async def fails(those: Sequence[Act]) -> bool:
        try:
            await relived(new, those)
        except Exception:  # noqa: BLE001  # whichever way
            return True
        return False

    deadline = time.monotonic() + CUTTING_S
    left = list(acts)
    if not await fails(left):
        return None
    for place in reversed(range(len(left))):
        shorter = left[:place] + left[place + 1 :]
        if time.monotonic() < deadline and await fails(shorter):
            left = shorter
    return left
