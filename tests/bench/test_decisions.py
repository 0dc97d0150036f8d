"""The service and the bare handler decide the same files; how fast is the bench's business."""

import asyncio
from typing import Any

from tests.bench.decisions import measure
from tests.conftest import plain


def test_clients_decide_at_once_beside_a_bare_handler(new_database: Any) -> None:
    url = new_database("decisions")
    for name, figure in asyncio.run(measure(url, plain(url), 1, clients=2)).items():
        print(f"{name}: {figure:.2f} ms")
