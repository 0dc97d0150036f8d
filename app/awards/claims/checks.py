"""The balances of claims for `rebond check`: each query gives a key, what the lines come to, and what stands."""

CHECKS = {
    "certified of a line of an aid": """
        SELECT a.id::text, coalesce(sum(l.certified_cents), 0), a.certified_cents
        FROM aid_lines a LEFT JOIN claim_lines l ON l.line_id = a.id AND l.status = 'settled' GROUP BY a.id""",
    "certified of an aid": """
        SELECT a.id::text, coalesce(sum(l.certified_cents), 0), a.certified_cents
        FROM aids a LEFT JOIN claim_lines l ON l.aid_id = a.id AND l.status = 'settled' GROUP BY a.id""",
    "declared of an invoice": """
        SELECT i.id::text,
            coalesce(sum(abs(l.declared_cents)) FILTER (WHERE l.stands AND l.returns_id IS NULL), 0), i.declared_cents
        FROM declared_invoices i LEFT JOIN claim_lines l ON l.invoice_id = i.id GROUP BY i.id""",
    "open claims of an aid": """
        SELECT a.id::text, count(c.id), a.open_claims::bigint
        FROM aids a LEFT JOIN claims c ON c.aid_id = a.id AND c.status = 'submitted' GROUP BY a.id""",
}
