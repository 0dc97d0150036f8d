"""Which of many orders are tried: all of them in `make siege`, else a sample that differs each time.

They are the orders of the steps of two acts, and those in which a list is sorted. `REBOND_ORDERS` is how many a run
takes of each, `all` for every one. The seed is printed where a test fails.
"""

import os
import random
from collections.abc import Iterable
from typing import TypeVar

Order = TypeVar("Order")
SAMPLE = 4


def chosen(every: Iterable[Order], sample: int = SAMPLE) -> list[Order]:
    """The orders to try, in their own order: the first and the last (one act after the other) are always among them."""
    known = list(every)
    asked = os.environ.get("REBOND_ORDERS", str(sample))
    if asked == "all" or int(asked) >= len(known):
        return known
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed of the orders: {seed}")
    between = random.Random(seed).sample(range(1, len(known) - 1), max(int(asked) - 2, 0))
    return [known[place] for place in (0, *sorted(between), len(known) - 1)]
