"""Repayments that are sent back and taken back in any order: no order is refused, and all of them end alike."""

import random
from typing import Any

import pytest

from tests.advances.accounts import Books
from tests.envelopes.acts import Acts
from tests.envelopes.test_limits import figures
from tests.world import World, ok

PAID, DAYS = "2024-01-10", ("2024-02-10", "2024-03-10", "2024-04-10", "2024-05-10", "2024-06-10")
# Received on, value day, cents: each could repay most of the 100; the bank may take back before it says that it gave.
COMES = [(0, 0, 100), (0, 2, 60), (1, 1, 70), (2, 2, 100), (3, 4, 30)]
# One bounced while another had its principal; one was cut by what came before it, and bounced.
FOUND = [
    [("come", 0), ("come", 3), ("bounce", 0), ("reverse", 0), ("reverse", 3)],
    [("come", 3), ("come", 1), ("bounce", 3), ("reverse", 3), ("reverse", 1)],
]


class Scene:
    """An advance of 100 of two contributions, and what the envelope says on every day."""

    def __init__(self, books: Books, advance: str) -> None:
        self.books, self.acts, self.advance = books, books.acts, advance
        self.made: dict[int, str] = {}

    @classmethod
    async def of(cls, world: World, policy: str) -> "Scene":
        acts = await Acts.of(world)
        for cents, own in ((70, policy), (30, "return")):
            ok(await acts.contribute(cents, decided_on=PAID, repayment_policy=own), 201)
        advance = ok(await acts.advance(100, decided_on=PAID), 201)["id"]
        ok(await acts.tranche(advance, 100, paid_on=PAID), 201)
        return cls(Books(acts), advance)

    async def days(self) -> list[Any]:
        return [figures(await self.acts.envelope(as_of=day)) for day in (PAID, *DAYS)]

    async def do(self, what: str, place: int) -> None:
        received, value, cents = COMES[place]
        if what == "come":
            said = {"received_on": DAYS[received], "value_on": DAYS[value]}
            self.made[place] = ok(await self.acts.repay(self.advance, cents, **said), 201)["id"]
        elif what == "bounce":
            ok(await self.acts.bounce(self.advance, self.made[place], bounced_on=DAYS[min(received + 1, 4)]))
        else:
            ok(await self.books.reverse(self.advance, self.made[place]))
        await self.books.agree()
        await self.say_the_same()

    async def say_the_same(self) -> None:
        """Where no bounce stands, the envelope says of every day what the advance says of it."""
        listed = ok(await self.books.treasurer.get(f"advances/{self.advance}/repayments"))["items"]
        if any(each["status"] == "bounced" for each in listed):
            return
        for day, told in zip((PAID, *DAYS), await self.days(), strict=True):
            stands = await self.books.treasurer.get(f"advances/{self.advance}/statement", params={"as_of": day})
            assert (told["repaid"], told["outstanding"]) == tuple(
                ok(stands)[f"{name}_cents"] for name in ("repaid", "outstanding")
            ), (day, listed)


def order(chance: random.Random) -> list[tuple[str, int]]:
    """All of them come, some bounce, and all are reversed: each in the order of its own acts."""
    left = [
        [(what, place) for what in ("come", *["bounce"] * (chance.random() < 0.6), "reverse")]
        for place in range(len(COMES))
    ]
    found = []
    while any(left):
        found.append(chance.choice([acts for acts in left if acts]).pop(0))
    return found


@pytest.mark.parametrize("policy", ["recycle", "return"])
async def test_whatever_came_and_went_all_taken_back_is_as_if_nothing_had_come(world: World, policy: str) -> None:
    scene = await Scene.of(world, policy)
    start = await scene.days()
    for acts in [*FOUND, *(order(random.Random(seed)) for seed in range(6))]:
        for what, place in acts:
            await scene.do(what, place)
        assert await scene.days() == start, acts
