"""Each tranche that stands has its version of the schedule, with the lines that were told until now.

Revision: 2026_11_30_1811, after 2026_11_30_1810.

Until now every advance was lent without interest in constant parts, and repayments settled the oldest lines first. The
rounding is that of then: half-up at each tranche, or each tranche by itself rounded down where the terms say so.
"""

import calendar
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_1811"
down_revision = "2026_11_30_1810"
branch_labels = None
depends_on = None

MONTHS = {"monthly": 1, "quarterly": 3, "half_yearly": 6, "yearly": 12}
TRANCHES = """
SELECT a.territory, t.advance_id, a.terms::text AS terms, t.id, t.paid_on, t.amount_cents, t.created_at, t.recorded_by
FROM advance_tranches t JOIN advances a ON a.id = t.advance_id
WHERE t.status = 'recorded' AND NOT EXISTS (SELECT FROM advance_versions v WHERE v.advance_id = a.id)
ORDER BY t.advance_id, t.paid_on, t.id
"""
REPAYMENTS = """
SELECT advance_id, received_on, amount_cents FROM advance_repayments WHERE status = 'recorded'
ORDER BY advance_id, received_on, id
"""
VERSION = """
INSERT INTO advance_versions (territory, advance_id, number, from_on, cause, outstanding_cents, lines, act_id,
    recorded_at, made_by)
VALUES (:territory, :advance_id, :number, :from_on, 'tranche', :outstanding, :lines, :act_id, :recorded_at, :made_by)
RETURNING id
"""
LINE = """
INSERT INTO advance_lines (version_id, position, due_on, principal_cents, kept)
VALUES (:version_id, :position, :due_on, :cents, :kept)
"""


class Move(NamedTuple):
    """Money of a day."""

    on: date
    cents: int


class Line(NamedTuple):
    """A line of a version."""

    due_on: date
    cents: int
    kept: bool


def due_dates(terms: dict[str, Any]) -> list[date]:
    """The days on which principal falls due."""
    months = MONTHS[terms["frequency"]]
    given = date.fromisoformat(terms["first_due_on"])
    grace = terms.get("grace_periods", 0)
    in_term = terms.get("grace_counts_in_term", False)
    periods = terms["instalments"] + (0 if in_term else grace)
    if terms.get("due_dates", "period_end") == "period_end":
        first, anchor = given.year * 12 + (given.month - 1) // months * months + months - 1, 31
    else:
        first, anchor = given.year * 12 + given.month - 1, given.day
    days = []
    for month in range(first + grace * months, first + periods * months, months):
        year, place = divmod(month, 12)
        days.append(date(year, place + 1, min(anchor, calendar.monthrange(year, place + 1)[1])))
    return days


def lines(terms: dict[str, Any], paid: Sequence[Move]) -> list[Move]:
    """The lines of these tranches, as they were told."""
    days = due_dates(terms)
    late = [tranche for tranche in paid if tranche.on >= days[-1]]  # of before tranches ended with the last instalment
    if late:
        return [*lines(terms, paid[: -len(late)]), *late] if len(late) < len(paid) else late
    rounding = terms.get("rounding", {})
    multiple = rounding.get("multiple_cents", 1)
    if rounding.get("rule") == "down":
        principal = dict.fromkeys(days, 0)
        for tranche in paid:
            ahead = [day for day in days if day > tranche.on]
            each = tranche.cents // len(ahead) // multiple * multiple
            for day in ahead:
                principal[day] += each
            principal[ahead[-1]] += tranche.cents - each * len(ahead)
        return [Move(day, principal[day]) for day in days]
    made: list[Move] = []
    shares: list[int] = []
    balance = arrived = 0
    for place, day in enumerate(days):
        opening = balance
        while arrived < len(paid) and paid[arrived].on < day:
            opening += paid[arrived].cents
            arrived += 1
        if opening != balance or not shares:
            shares = [0] * place + list(split(opening, len(days) - place, multiple))
        made.append(Move(day, shares[place]))
        balance = opening - shares[place]
    return made


def split(cents: int, count: int, multiple: int) -> Iterator[int]:
    """Equal parts, each half-up to a multiple; the last takes the rest."""
    left = cents
    for _ in range(count - 1):
        share = min((2 * cents + count * multiple) // (2 * count * multiple) * multiple, left)
        yield share
        left -= share
    yield left


def versions(terms: dict[str, Any], tranches: Sequence[Move], repayments: Iterable[Move]) -> Iterator[list[Line]]:
    """The lines of each tranche's version: what was paid by its day is kept, in a line paid in part as a line before
    the rest.
    """
    coming = list(repayments)
    paid: dict[date, int] = defaultdict(int)
    told: list[Move] = []
    for number, tranche in enumerate(tranches, start=1):
        while coming and coming[0].on < tranche.on:
            left = coming.pop(0).cents
            for line in told:
                settled = min(left, line.cents - paid[line.on])
                paid[line.on] += settled
                left -= settled
        told = lines(terms, tranches[:number])
        made: list[Line] = []
        for line in told:
            settled = min(paid[line.on], line.cents)
            whole = settled == line.cents and (settled or line.on <= tranche.on)
            if settled or whole:
                made.append(Line(line.on, settled, kept=True))
            if not whole:
                made.append(Line(line.on, line.cents - settled, kept=False))
        yield made


def upgrade() -> None:
    bind = op.get_bind()
    repaid: dict[Any, list[Move]] = defaultdict(list)
    for row in bind.execute(sa.text(REPAYMENTS)):
        repaid[row.advance_id].append(Move(row.received_on, row.amount_cents))
    of_advance: dict[Any, list[Any]] = defaultdict(list)
    for row in bind.execute(sa.text(TRANCHES)):
        of_advance[row.advance_id].append(row)
    for advance_id, tranches in of_advance.items():
        moves = [Move(row.paid_on, row.amount_cents) for row in tranches]
        made = versions(json.loads(tranches[0].terms), moves, repaid[advance_id])
        for number, (row, of_it) in enumerate(zip(tranches, made, strict=True), start=1):
            version = {
                "territory": row.territory, "advance_id": advance_id, "number": number, "from_on": row.paid_on,
                "outstanding": sum(line.cents for line in of_it if not line.kept), "lines": len(of_it),
                "act_id": row.id, "recorded_at": row.created_at, "made_by": row.recorded_by,
            }  # fmt: skip
            version_id = bind.execute(sa.text(VERSION), version).scalar_one()
            bind.execute(
                sa.text(LINE),
                [
                    {"version_id": version_id, "position": position, **line._asdict()}
                    for position, line in enumerate(of_it, start=1)
                ],
            )


def downgrade() -> None:
    pass  # the tables go with the migration before
