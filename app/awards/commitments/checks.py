"""The balances of commitments for `rebond check`: each query gives a key, what the entries come to, and what stands."""

CHECKS = {
    "reports of a commitment": """
        SELECT c.territory || ' ' || c.id, count(r.id), c.reports
        FROM commitments c LEFT JOIN commitment_reports r ON r.commitment_id = c.id GROUP BY c.id""",
}
