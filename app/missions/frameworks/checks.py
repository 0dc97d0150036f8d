"""The balances of frameworks for `rebond check`: what the orders come to, and what stands."""

from app.missions.frameworks.models import COUNTED, ORDERED

CHECKS = {
    "orders of a framework": f"""
        SELECT f.id::text, (SELECT o::text FROM ({ORDERED.format(framework="f.id")}) AS o), (
            SELECT s::text FROM (SELECT {COUNTED}) AS s
        ) FROM frameworks f""",  # noqa: S608  # no input in it
    "framework of an amendment": """
        SELECT o.id::text, initial.framework_id::text, o.framework_id::text FROM orders o
        LEFT JOIN orders initial ON initial.mission_id = o.mission_id AND initial.kind = 'initial'
        WHERE o.kind = 'amendment'""",
}
