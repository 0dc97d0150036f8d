"""A POST that is sent until it is answered."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx

AGAIN = (429, 500, 502, 503, 504)


def send(
    operation: Any, *path: Any, attempts: int = 5, sleep: Callable[[float], None] = time.sleep, **arguments: Any
) -> Any:
    """The answer to a POST. What was lost or refused for the moment is sent again with the same Idempotency-Key.

    `operation` is the module of the operation. What was done is done once: a second answer is the first one.
    """
    arguments.setdefault("idempotency_key", uuid4().hex)
    for attempt in range(attempts):
        last = attempt == attempts - 1
        wait = 0.5 * 2**attempt
        try:
            answer = operation.sync_detailed(*path, **arguments)
        except httpx.TransportError:
            if last:
                raise
        else:
            if last or answer.status_code not in AGAIN:
                return answer
            wait = float(answer.headers.get("retry-after", wait))
        sleep(wait)
    raise ValueError("attempts must be at least 1")
