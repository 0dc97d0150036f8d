"""Orders of the service beside those of a bare handler; how fast is the bench's business."""

import asyncio
from typing import Any

from tests.bench import frameworks
from tests.conftest import plain


def test_clients_order_at_once_beside_a_bare_handler(new_database: Any) -> None:
    url = new_database("frameworks")
    for name, figure in asyncio.run(frameworks.measure(url, plain(url), 1, clients=2, many=20)).items():
        print(f"{name}: {figure:.2f}")
