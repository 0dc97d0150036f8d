"""Aid files for `rebond check`: what stands on their rows is computed again from their lines and their acts."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from pydantic_core import from_json

from app.applications import rules
from app.schemes.rules import ParameterNotInForce, Parameters

CHECKS = {
    "base of an aid file": """
        SELECT a.territory || ' ' || a.id, coalesce(sum(l.amount_cents), 0)::bigint, a.base_cents
        FROM applications a
        LEFT JOIN application_lines l ON l.application_id = a.id AND l.kind <> 'not_eligible' GROUP BY a.id""",
    "acts of an aid file": """
        SELECT a.territory || ' ' || a.id, max(p.number), a.passage_number
        FROM applications a LEFT JOIN application_passages p ON p.application_id = a.id GROUP BY a.id""",
}


class RecordedRow(NamedTuple):
    """An act as it was recorded."""

    number: int
    act: str
    from_state: str
    to_state: str
    effective_on: date
    reverses_number: int | None
    indispensable: bool | None
    given_until_on: date | None
    until_on: date | None
    reference: str | None


def life_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The key of a file, what its acts come to, and what stands on its row."""
    stored = from_json(row["stored"])
    acts = [
        RecordedRow._make(_day(each[name]) if name.endswith("_on") else each[name] for name in RecordedRow._fields)
        for each in from_json(row["passages"])
    ]
    life = rules.replay(acts)
    try:
        computed = rules.columns(life, rules.ends(life, Parameters.of(from_json(row["parameters"] or "{}"))))
    except ParameterNotInForce as problem:
        return row["key"], f"no value of {problem.members['parameter']}", "a file that was received"
    return row["key"], _said(computed), _said({name: stored[name] for name in computed})


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text is not None else None


def _said(columns: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in columns.items())


# What SQL alone does not compute: the query, and what makes of each row a key, what the entries come to, what stands.
COMPUTED = {
    "state and times of an aid file": (
        """
        SELECT a.territory || ' ' || a.id AS key, to_json(a)::text AS stored,
            (SELECT json_object_agg(s.name, s.value)::text FROM scheme_parameters s
             WHERE s.scheme = a.scheme AND s.valid_from_on <= a.received_on
                AND (s.valid_until_on IS NULL OR s.valid_until_on >= a.received_on)) AS parameters,
            (SELECT json_agg(to_json(p) ORDER BY p.number)::text FROM application_passages p
             WHERE p.application_id = a.id) AS passages
        FROM applications a WHERE a.state <> 'draft'""",
        life_of,
    ),
}
