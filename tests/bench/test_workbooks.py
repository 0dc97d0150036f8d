"""Workbooks as exports write them beside those of XlsxWriter; how fast is the bench's business."""

import asyncio
from typing import Any

from tests.bench import workbooks
from tests.conftest import plain


def test_both_write_the_same_rows(new_database: Any) -> None:
    assert set(asyncio.run(workbooks.measure(plain(new_database("workbooks")), 200))) == {
        "as exports are written", "by XlsxWriter",
    }  # fmt: skip
