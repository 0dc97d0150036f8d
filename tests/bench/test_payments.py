"""Payments of the service beside those of a bare handler, and a long ledger; how fast is the bench's business."""

import asyncio
from typing import Any

from tests.bench import payments
from tests.conftest import plain


def test_clients_pay_at_once_beside_a_bare_handler(new_database: Any) -> None:
    url = new_database("payments")
    for name, figure in asyncio.run(payments.measure(url, plain(url), 1, clients=2)).items():
        print(f"{name}: {figure:.2f}")
    for name, figures in asyncio.run(payments.read(url, plain(url), [50, 100], 1)).items():
        print(f"{name}: {figures}")
