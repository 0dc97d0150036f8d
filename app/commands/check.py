"""Every balance of the service, computed again from what it sums up. `rebond check` says what differs."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncEngine

from app.advances import checks as advances
from app.core.db import raw_connection
from app.engineering import checks as engineering
from app.envelopes import checks as envelopes
from app.firms import checks as firms
from app.grants import checks as grants
from app.missions import checks as missions

# Each gives one row a balance: its key, what the entries come to, what the balance says.
CHECKS: dict[str, str] = {
    name: query
    for domain in (missions, firms, engineering, envelopes, grants, advances)
    for name, query in domain.CHECKS.items()
}
# What stands although a later rule would refuse it: its key, and what it is. It is no difference.
BEFORE_THE_RULE: dict[str, str] = {**engineering.BEFORE_THE_RULE}


@dataclass(frozen=True)
class Difference:
    """A balance that does not agree: which, whose, what the entries come to, what it says."""

    balance: str
    key: str
    entries: str
    found: str


async def differences(engine: AsyncEngine) -> tuple[int, list[Difference]]:
    """How many balances were computed again, and those that differ; all seen in one snapshot."""
    checked = 0
    found = []
    async with (
        raw_connection(engine) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        # It reads everything: the limits of a request are not for it.
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0")
        for balance, query in CHECKS.items():
            for key, entries, says in await connection.fetch(query):
                checked += 1
                if entries != says:
                    found.append(Difference(balance, key, _figure(entries), _figure(says)))
    return checked, found


async def before_the_rule(engine: AsyncEngine) -> list[str]:
    """What stands although a later rule would refuse it, a line each."""
    async with raw_connection(engine) as connection:
        return [
            f"before the rule: {what}, {key}: {_figure(value)}"
            for what, query in BEFORE_THE_RULE.items()
            for key, value in await connection.fetch(query)
        ]


def _figure(value: Decimal | int | str | list[date] | None) -> str:
    """All digits: the sum of a column of bigints comes as a Decimal such as 1.00E+6."""
    if isinstance(value, list):
        return " ".join(f"{month:%Y-%m}" for month in value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
