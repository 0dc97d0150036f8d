"""What settles an advance on a day. Pure: no session, no await."""

from datetime import date
from typing import Any

from app.advances.arrears.facts import replayed
from app.advances.position import Facts


def settlement(facts: Facts, on: date) -> dict[str, Any]:
    """The figures of `schemas.AdvanceSettlement`. Raises `legal-rate-missing` (409)."""
    stand = replayed(facts, on)
    parts = {
        "principal_cents": stand.outstanding_cents,
        "interest_cents": stand.interest_due_cents + stand.ran_cents,
        "late_interest_cents": stand.late_interest_cents,
        "fees_cents": stand.fees_due_cents,
        "success_fee_cents": stand.success_fee_due_cents,
    }
    return {"on": on, "overdue_cents": stand.overdue_cents, **parts, "total_cents": sum(parts.values())}
