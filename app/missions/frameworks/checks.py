"""The balances of frameworks for `rebond check`: what the orders come to, and what stands."""

from app.missions.frameworks.models import COUNTED, ORDERED

CHECKS = {
    "orders of a framework": f"""
        SELECT f.id::text, (SELECT o::text FROM ({ORDERED.format(framework="f.id")}) AS o), (
            SELECT s::text FROM (SELECT {COUNTED}) AS s
        ) FROM frameworks f""",  # noqa: S608  # no input in it
    "maximum of a framework": """
        SELECT f.id::text, (
            SELECT ROW(m.max_days, m.max_amount_cents)::text FROM framework_maxima m
            WHERE m.framework_id = f.id ORDER BY m.from_on DESC, m.id DESC LIMIT 1
        ), ROW(f.max_days, f.max_amount_cents)::text
        FROM frameworks f""",
    "framework of an amendment": """
        SELECT o.id::text, initial.framework_id::text, o.framework_id::text FROM orders o
        LEFT JOIN orders initial ON initial.mission_id = o.mission_id AND initial.kind = 'initial'
        WHERE o.kind = 'amendment'""",
}
