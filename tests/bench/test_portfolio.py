"""The portfolio of many advances is one query each; how fast is the bench's business."""

import asyncio
from typing import Any

from tests.bench.portfolio import measure
from tests.conftest import plain


def test_of_many_advances_all_is_read_and_told(new_database: Any) -> None:
    url = new_database("portfolio")
    for name, figure in asyncio.run(measure(url, plain(url), 1, advances=200, repayments=5)).items():
        print(f"{name}: {figure:.2f}")
