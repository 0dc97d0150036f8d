"""What a schedule costs in process: `python -m tests.bench.schedules` prints milliseconds for each shape.

Processor time, the median and the slowest of `ROUNDS`, of 120 monthly lines and of 500. The last column is all that a
request costs but HTTP: the body validated, the schedule laid out, its sums and checks, and the JSON.
"""

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from pydantic_core import to_json

from app.advances import schedule, schemas

ROUNDS = 200


def body(shape: str, lines: int) -> dict[str, Any]:
    """An advance with interest, four periods of grace and a second tranche among them."""
    steps = [{"instalments": lines - 4, "amount_cents": 100_000}] if shape == "steps" else None
    paid = (lines - 4) * 50_000
    return {
        "tranches": [{"amount_cents": paid, "paid_on": day} for day in ("2024-01-31", "2025-03-10")],
        "instalments": lines - 4, "frequency": "monthly", "grace_periods": 4, "grace_kind": "interest_capitalised",
        "annual_rate_bp": 325, "shape": shape, "day_count": "30_360", "due_dates": "anchored", "steps": steps,
    }  # fmt: skip


def milliseconds(work: Callable[[], Any]) -> tuple[float, float]:
    """The median and the slowest of `ROUNDS`."""
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        found.append((time.process_time() - start) * 1_000)
    return round(statistics.median(found), 3), round(max(found), 3)


def answer(sent: dict[str, Any]) -> bytes:
    """What a request comes to."""
    request = schemas.ScheduleRequest.model_validate(sent)
    return to_json(schemas.shown(schedule.lines(request.plan(), request.paid()), request.paid()))


def main() -> None:
    figures: dict[str, Any] = {}
    for shape in ("constant_principal", "constant_instalment", "steps", "bullet"):
        for lines in (120, 500):
            sent = body(shape, lines)
            request = schemas.ScheduleRequest.model_validate(sent)
            terms, paid = request.plan(), request.paid()
            assert len(schedule.lines(terms, paid)) == lines
            laid_out = milliseconds(lambda terms=terms, paid=paid: schedule.lines(terms, paid))  # type: ignore[misc]  # bound now
            whole = milliseconds(lambda sent=sent: answer(sent))  # type: ignore[misc]  # bound now
            print(
                f"{shape:20} {lines:4} lines: {laid_out[0]:6.3f} ms (slowest {laid_out[1]:.3f}), request {whole[0]:.3f}"
            )
            figures[f"{shape}_{lines}_ms"] = laid_out[0]
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
