"""Schedules computed elsewhere, to the cent: bodies of the calculator, and the lines that they must come to.

A line is written as `day open x principal x interest x [capitalised x] close x`; lines that differ by their balance
alone as `first day … last day: n × principal x interest x; closing x`, closing being that of the last. All
amounts are cents.
"""

import re
from typing import Any, NamedTuple

DEFAULTS: dict[str, Any] = {
    "frequency": "quarterly", "due_dates": "period_end", "shape": "constant_principal", "day_count": "30_360",
    "annual_rate_bp": 0, "grace_periods": 0, "grace_kind": "nothing_due", "grace_counts_in_term": False,
    "first_due_on": None, "rounding": {"multiple_cents": 1, "remainder": "last"},
}  # fmt: skip


def body(cents: int, on: str, instalments: int, **more: Any) -> dict[str, Any]:
    """An advance paid at once."""
    return {**DEFAULTS, "principal_cents": cents, "disbursed_on": on, "instalments": instalments, **more}


def tranches(*paid: tuple[int, str], instalments: int, **more: Any) -> dict[str, Any]:
    """An advance paid in tranches."""
    given = [{"amount_cents": cents, "paid_on": on} for cents, on in paid]
    return {**DEFAULTS, "tranches": given, "instalments": instalments, **more}


def rounding(multiple: int = 1, remainder: str = "last") -> dict[str, Any]:
    return {"multiple_cents": multiple, "remainder": remainder}


def _steps(*steps: tuple[int, int]) -> list[dict[str, int]]:
    return [{"instalments": instalments, "amount_cents": cents} for instalments, cents in steps]


class Table(NamedTuple):
    body: dict[str, Any]
    lines: str


ANCHORED = {"due_dates": "anchored"}

TABLES = {
    "the rest of 4 quarters before 16": Table(
        body(15000000, "2024-02-15", 16, grace_periods=4),
        "2025-03-31 … 2028-12-31: 16 × principal 937500 interest 0; closing 0",
    ),
    "the remainder first, anchored on 31 January": Table(
        body(10000000, "2024-01-31", 7, rounding=rounding(remainder="first"), **ANCHORED),
        """
        2024-04-30 open 10000000 principal 1428574 interest 0 close 8571426
        2024-07-31 … 2025-10-31: 6 × principal 1428571 interest 0; closing 0
        """,
    ),
    "the remainder spread": Table(
        body(10000000, "2024-01-31", 7, rounding=rounding(remainder="spread"), **ANCHORED),
        """
        2024-04-30 open 10000000 principal 1428572 interest 0 close 8571428
        2024-07-31 open 8571428 principal 1428572 interest 0 close 7142856
        2024-10-31 open 7142856 principal 1428572 interest 0 close 5714284
        2025-01-31 … 2025-10-31: 4 × principal 1428571 interest 0; closing 0
        """,
    ),
    "multiples of 100 euros, the last takes the rest": Table(
        body(20000000, "2024-01-31", 9, rounding=rounding(10000), **ANCHORED),
        """
        2024-04-30 … 2026-01-31: 8 × principal 2220000 interest 0; closing 2240000
        2026-04-30 open 2240000 principal 2240000 interest 0 close 0
        """,
    ),
    "multiples of 1 euro, half-up": Table(
        body(100000, "2023-09-01", 6, frequency="monthly", rounding=rounding(100), **ANCHORED),
        """
        2023-10-01 … 2024-02-01: 5 × principal 16700 interest 0; closing 16500
        2024-03-01 open 16500 principal 16500 interest 0 close 0
        """,
    ),
    "fewer cents than half-up lines would take": Table(
        body(12, "2024-01-31", 8, **ANCHORED),
        """
        2024-04-30 … 2025-07-31: 6 × principal 2 interest 0; closing 0
        2025-10-31 open 0 principal 0 interest 0 close 0
        2026-01-31 open 0 principal 0 interest 0 close 0
        """,
    ),
    "month ends over a leap February, act_365": Table(
        body(6000000, "2024-01-31", 6, frequency="monthly", annual_rate_bp=300, day_count="act_365", **ANCHORED),
        """
        2024-02-29 open 6000000 principal 1000000 interest 14301 close 5000000
        2024-03-31 open 5000000 principal 1000000 interest 12740 close 4000000
        2024-04-30 open 4000000 principal 1000000 interest 9863 close 3000000
        2024-05-31 open 3000000 principal 1000000 interest 7644 close 2000000
        2024-06-30 open 2000000 principal 1000000 interest 4932 close 1000000
        2024-07-31 open 1000000 principal 1000000 interest 2548 close 0
        """,
    ),
    "interest deferred": Table(
        body(12000000, "2024-12-31", 8, grace_periods=4, grace_kind="interest_deferred", annual_rate_bp=250),
        """
        2025-03-31 … 2025-12-31: 4 × principal 0 interest 0; closing 12000000
        2026-03-31 open 12000000 principal 1500000 interest 375000 close 10500000
        2026-06-30 open 10500000 principal 1500000 interest 65625 close 9000000
        2026-09-30 open 9000000 principal 1500000 interest 56250 close 7500000
        2026-12-31 open 7500000 principal 1500000 interest 46875 close 6000000
        2027-03-31 open 6000000 principal 1500000 interest 37500 close 4500000
        2027-06-30 open 4500000 principal 1500000 interest 28125 close 3000000
        2027-09-30 open 3000000 principal 1500000 interest 18750 close 1500000
        2027-12-31 open 1500000 principal 1500000 interest 9375 close 0
        """,
    ),
    "interest capitalised, constant instalments": Table(
        body(
            12000000, "2024-12-31", 8,
            grace_periods=4, grace_kind="interest_capitalised", annual_rate_bp=300, shape="constant_instalment",
        ),
        """
        2025-03-31 open 12000000 principal 0 interest 0 capitalised 90000 close 12090000
        2025-06-30 open 12090000 principal 0 interest 0 capitalised 90675 close 12180675
        2025-09-30 open 12180675 principal 0 interest 0 capitalised 91355 close 12272030
        2025-12-31 open 12272030 principal 0 interest 0 capitalised 92040 close 12364070
        2026-03-31 open 12364070 principal 1505393 interest 92731 close 10858677
        2026-06-30 open 10858677 principal 1516684 interest 81440 close 9341993
        2026-09-30 open 9341993 principal 1528059 interest 70065 close 7813934
        2026-12-31 open 7813934 principal 1539519 interest 58605 close 6274415
        2027-03-31 open 6274415 principal 1551066 interest 47058 close 4723349
        2027-06-30 open 4723349 principal 1562699 interest 35425 close 3160650
        2027-09-30 open 3160650 principal 1574419 interest 23705 close 1586231
        2027-12-31 open 1586231 principal 1586231 interest 11897 close 0
        """,
    ),
    "nothing due with a rate: no interest runs in the grace": Table(
        body(12000000, "2024-12-31", 6, grace_periods=2, frequency="half_yearly", annual_rate_bp=300),
        """
        2026-06-30 open 12000000 principal 2000000 interest 180000 close 10000000
        2026-12-31 open 10000000 principal 2000000 interest 150000 close 8000000
        2027-06-30 open 8000000 principal 2000000 interest 120000 close 6000000
        2027-12-31 open 6000000 principal 2000000 interest 90000 close 4000000
        2028-06-30 open 4000000 principal 2000000 interest 60000 close 2000000
        2028-12-31 open 2000000 principal 2000000 interest 30000 close 0
        """,
    ),
    "steps": Table(
        body(
            45000000, "2024-01-01", 20, shape="steps",
            steps=_steps((4, 1125000), (4, 1800000), (4, 2250000), (4, 2700000), (4, 3375000)),
        ),
        """
        2024-03-31 … 2024-12-31: 4 × principal 1125000 interest 0; closing 40500000
        2025-03-31 … 2025-12-31: 4 × principal 1800000 interest 0; closing 33300000
        2026-03-31 … 2026-12-31: 4 × principal 2250000 interest 0; closing 24300000
        2027-03-31 … 2027-12-31: 4 × principal 2700000 interest 0; closing 13500000
        2028-03-31 … 2028-12-31: 4 × principal 3375000 interest 0; closing 0
        """,
    ),
    "bullet, interest every year": Table(
        body(8000000, "2024-03-15", 5, frequency="yearly", annual_rate_bp=400, shape="bullet", **ANCHORED),
        """
        2025-03-15 … 2028-03-15: 4 × principal 0 interest 320000; closing 8000000
        2029-03-15 open 8000000 principal 8000000 interest 320000 close 0
        """,
    ),
    "custom dates": Table(
        {
            "principal_cents": 3000000, "disbursed_on": "2024-02-01", "instalments": 3, "shape": "custom",
            "day_count": "act_365", "annual_rate_bp": 200,
            "lines": [
                {"due_on": "2024-06-15", "principal_cents": 500000},
                {"due_on": "2025-01-31", "principal_cents": 1000000},
                {"due_on": "2026-02-28", "principal_cents": 1500000},
            ],
        },
        """
        2024-06-15 open 3000000 principal 500000 interest 22192 close 2500000
        2025-01-31 open 2500000 principal 1000000 interest 31507 close 1500000
        2026-02-28 open 1500000 principal 1500000 interest 32301 close 0
        """,
    ),
    "a broken first period of 136 days": Table(
        body(6000000, "2024-05-17", 6, annual_rate_bp=240, first_due_on="2024-09-30"),
        """
        2024-09-30 open 6000000 principal 1000000 interest 53655 close 5000000
        2024-12-31 open 5000000 principal 1000000 interest 30000 close 4000000
        2025-03-31 open 4000000 principal 1000000 interest 24000 close 3000000
        2025-06-30 open 3000000 principal 1000000 interest 18000 close 2000000
        2025-09-30 open 2000000 principal 1000000 interest 12000 close 1000000
        2025-12-31 open 1000000 principal 1000000 interest 6000 close 0
        """,
    ),
    "a second tranche during the grace": Table(
        tranches((10000000, "2024-01-15"), (5000000, "2024-08-20"), instalments=10, grace_periods=4),
        "2025-03-31 … 2027-06-30: 10 × principal 1500000 interest 0; closing 0",
    ),
    "a second tranche after the first due dates, in mid quarter": Table(
        tranches((9000000, "2024-01-01"), (3000000, "2025-05-10"), instalments=8, annual_rate_bp=150),
        """
        2024-03-31 open 9000000 principal 1125000 interest 33750 close 7875000
        2024-06-30 open 7875000 principal 1125000 interest 29531 close 6750000
        2024-09-30 open 6750000 principal 1125000 interest 25313 close 5625000
        2024-12-31 open 5625000 principal 1125000 interest 21094 close 4500000
        2025-03-31 open 4500000 principal 1125000 interest 16875 close 3375000
        2025-06-30 open 6375000 principal 2125000 interest 18944 close 4250000
        2025-09-30 open 4250000 principal 2125000 interest 15938 close 2125000
        2025-12-31 open 2125000 principal 2125000 interest 7969 close 0
        """,
    ),
    "29 February, yearly": Table(
        body(5000000, "2024-02-29", 5, frequency="yearly", **ANCHORED),
        """
        2025-02-28 open 5000000 principal 1000000 interest 0 close 4000000
        2026-02-28 open 4000000 principal 1000000 interest 0 close 3000000
        2027-02-28 open 3000000 principal 1000000 interest 0 close 2000000
        2028-02-29 open 2000000 principal 1000000 interest 0 close 1000000
        2029-02-28 open 1000000 principal 1000000 interest 0 close 0
        """,
    ),
    "half-years, paid on a period's end": Table(
        body(7500000, "2025-06-30", 6, frequency="half_yearly"),
        "2025-12-31 … 2028-06-30: 6 × principal 1250000 interest 0; closing 0",
    ),
    "a water agency's ten annuities after a year": Table(
        body(16000000, "2024-03-12", 10, grace_periods=1, frequency="yearly", **ANCHORED),
        "2026-03-12 … 2035-03-12: 10 × principal 1600000 interest 0; closing 0",
    ),
    "twelve quarters at zero rate": Table(
        body(10000000, "2024-01-01", 12),
        """
        2024-03-31 … 2026-09-30: 11 × principal 833333 interest 0; closing 833337
        2026-12-31 open 833337 principal 833337 interest 0 close 0
        """,
    ),
    "constant instalments after four quarters of interest": Table(
        body(
            10000000, "2026-01-01", 8,
            annual_rate_bp=200, shape="constant_instalment", grace_periods=4, grace_kind="interest_only",
        ),
        """
        2026-03-31 … 2026-12-31: 4 × principal 0 interest 50000; closing 10000000
        2027-03-31 open 10000000 principal 1228289 interest 50000 close 8771711
        2027-06-30 open 8771711 principal 1234430 interest 43859 close 7537281
        2027-09-30 open 7537281 principal 1240603 interest 37686 close 6296678
        2027-12-31 open 6296678 principal 1246806 interest 31483 close 5049872
        2028-03-31 open 5049872 principal 1253040 interest 25249 close 3796832
        2028-06-30 open 3796832 principal 1259305 interest 18984 close 2537527
        2028-09-30 open 2537527 principal 1265601 interest 12688 close 1271926
        2028-12-31 open 1271926 principal 1271926 interest 6360 close 0
        """,
    ),
}  # fmt: skip


def rows(table: str) -> list[dict[str, Any]]:
    """The lines that a table writes, each with what it says of it."""
    found: list[dict[str, Any]] = []
    for text in filter(None, map(str.strip, table.splitlines())):
        amounts = {name: int(cents) for name, cents in re.findall(r"([a-z]+) (\d+)", text)}
        day, last, count = re.findall(r"^([\d-]+)(?: … ([\d-]+): (\d+) ×)?", text)[0]
        line = {f"{name}_cents": amounts[name] for name in ("principal", "interest")}
        line["capitalised_cents"] = amounts.get("capitalised", 0)
        if not count:
            closing = {"opening_cents": amounts["open"], "closing_cents": amounts["close"]}
            found.append({"due_on": day, **line, **closing})
            continue
        same = [dict(line) for _ in range(int(count))]
        for place, each in enumerate(same):
            each["closing_cents"] = amounts["closing"] + amounts["principal"] * (len(same) - 1 - place)
            each["opening_cents"] = each["closing_cents"] + amounts["principal"]
        same[0]["due_on"], same[-1]["due_on"] = day, last
        found += same
    return found
