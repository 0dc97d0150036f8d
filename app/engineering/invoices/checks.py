"""Invoices for `rebond check`: what stands on rows is computed again from certificates, lines and acts."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from pydantic_core import from_json

from app.engineering.invoices import rules
from app.engineering.invoices.models import INVOICED

CHECKS = {
    "certified, invoiced and to invoice of a member": f"""
        SELECT b.mission_id || ' ' || b.organisation_id, (
            SELECT s::text FROM ({INVOICED.format(mission="b.mission_id", organisation="b.organisation_id")}) AS s
        ), (SELECT s::text FROM (SELECT b.certified_cents, b.invoiced_cents, b.to_invoice_cents) AS s)
        FROM member_invoicing b""",  # noqa: S608  # no input in it
    "members with certificates": """
        SELECT DISTINCT c.mission_id || ' ' || c.organisation_id, 1, CASE WHEN b.mission_id IS NULL THEN 0 ELSE 1 END
        FROM service_certificates c LEFT JOIN member_invoicing b
            ON b.mission_id = c.mission_id AND b.organisation_id = c.organisation_id""",
    "amount of an invoice": """
        SELECT i.territory || ' ' || i.id, (
            SELECT sum(c.amount_cents) FROM invoice_certificates x JOIN service_certificates c
                ON c.id = x.certificate_id WHERE x.invoice_id = i.id
        ), i.amount_cents FROM invoices i""",
    "VAT of an invoice": """
        SELECT i.territory || ' ' || i.id, (
            SELECT sum(round(taxed.cents * taxed.vat_rate_bp / 10000.0))::bigint FROM (
                SELECT vat_rate_bp, sum(amount_cents) AS cents FROM invoice_lines
                WHERE invoice_id = i.id GROUP BY vat_rate_bp
            ) taxed
        ), i.vat_cents FROM invoices i""",
    "acts of an invoice": """
        SELECT i.territory || ' ' || i.id, max(p.number), i.passage_number
        FROM invoices i LEFT JOIN invoice_passages p ON p.invoice_id = i.id GROUP BY i.id""",
}


class RecordedInvoicePassageRow(NamedTuple):
    """An act on an invoice as it was recorded."""

    number: int
    act: str
    from_state: str
    to_state: str
    effective_on: date
    reverses_number: int | None
    payment_days: int | None


def situation_of(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """The key of an invoice, what its acts come to, and what stands on its row."""
    acts = [
        RecordedInvoicePassageRow._make(_value(name, each[name]) for name in RecordedInvoicePassageRow._fields)
        for each in from_json(row["passages"])
    ]
    stored = from_json(row["stored"])
    life = rules.replay(stored["kind"], date.fromisoformat(stored["service_on"]), acts)
    computed = life.situation._asdict()
    return row["key"], _said(computed), _said({name: _value(name, stored[name]) for name in computed})


def _value(name: str, value: Any) -> Any:
    return date.fromisoformat(value) if value is not None and name.endswith("_on") else value


def _said(columns: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in columns.items())


# What SQL alone does not compute: the query, and what makes of each row a key, what the acts come to, what stands.
COMPUTED = {
    "state of an invoice": (
        """
        SELECT i.territory || ' ' || i.id AS key, to_json(i)::text AS stored, (
            SELECT coalesce(json_agg(to_json(p) ORDER BY p.number), '[]')::text
            FROM invoice_passages p WHERE p.invoice_id = i.id
        ) AS passages
        FROM invoices i""",
        situation_of,
    ),
}
