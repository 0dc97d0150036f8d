"""What seals come to when they are computed again."""

CHECKS = {
    "seal of the events": """
        SELECT s.number::text, again.count || ' events, ' || again.sha256, s.count || ' events, ' || s.sha256
        FROM event_seals s CROSS JOIN LATERAL seal_of(s.number, s.after, s.upto, s.previous) AS again""",
}
