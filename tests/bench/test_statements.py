"""A statement repays advances, and one repayment comes after others; how fast is the bench's business."""

import asyncio
from typing import Any

from tests.bench.statements import measure
from tests.conftest import plain


def test_a_statement_repays_what_the_same_rows_by_hand_repay(new_database: Any) -> None:
    url = new_database("statements")
    for name, figure in asyncio.run(measure(url, plain(url), advances=3, instalments=4, earlier=5)).items():
        print(f"{name}: {figure:.2f}")
