"""The tick takes what has run out and nothing else; how fast is the bench's business."""

import asyncio
from typing import Any

from tests.bench.silences import measure
from tests.conftest import plain


def test_of_many_files_those_that_have_run_out_are_taken(new_database: Any) -> None:
    url = new_database("silences")
    for name, figure in asyncio.run(measure(url, plain(url), 1, files=2_000, over=50)).items():
        print(f"{name}: {figure:.2f}")
