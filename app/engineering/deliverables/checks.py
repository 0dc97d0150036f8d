"""Deliverables for `rebond check`: what stands on their rows is computed again from their acts."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json

from app.engineering.deliverables import rules

CHECKS = {
    "acts of a deliverable": """
        SELECT d.territory || ' ' || d.id, max(p.number), d.passage_number
        FROM deliverables d LEFT JOIN deliverable_passages p ON p.deliverable_id = d.id GROUP BY d.id""",
    "persons who delivered a deliverable": """
        SELECT d.territory || ' ' || d.id, array_agg(DISTINCT p.recorded_by ORDER BY p.recorded_by)::text, (
            SELECT array_agg(each ORDER BY each)::text FROM unnest(d.deliverers) AS each
        )
        FROM deliverables d JOIN deliverable_passages p ON p.deliverable_id = d.id AND p.act = 'deliver'
        GROUP BY d.id""",
}


class RecordedPassageRow(NamedTuple):
    """An act on a deliverable as it was recorded."""

    number: int
    act: str
    from_state: str
    to_state: str
    effective_on: date
    reverses_number: int | None
    verification_ends_on: date | None
    until_on: date | None
    reduced_days: Decimal | None
    reduced_cents: int | None
    recorded_by: UUID | None


def situation_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The key of a deliverable, what its acts come to, and what stands on its row."""
    acts = [
        RecordedPassageRow._make(_value(name, each[name]) for name in RecordedPassageRow._fields)
        for each in from_json(row["passages"])
    ]
    computed, stored = rules.replay(acts).situation._asdict(), from_json(row["stored"])
    return row["key"], _said(computed), _said({name: _value(name, stored[name]) for name in computed})


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name.endswith("_on"):
        return date.fromisoformat(value)
    return Decimal(str(value)) if name == "reduced_days" else value


def _said(columns: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in columns.items())


# What SQL alone does not compute: the query, and what makes of each row a key, what the entries come to, what stands.
COMPUTED = {
    "state of a deliverable": (
        """
        SELECT d.territory || ' ' || d.id AS key, to_json(d)::text AS stored, (
            SELECT coalesce(json_agg(to_json(p) ORDER BY p.number), '[]')::text
            FROM deliverable_passages p WHERE p.deliverable_id = d.id
        ) AS passages
        FROM deliverables d""",
        situation_of,
    ),
}
