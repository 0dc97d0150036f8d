"""Every balance of the service, computed again from what it sums up. `rebond check` says what differs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from app.access import checks as access
from app.advances import checks as advances
from app.applications import checks as applications
from app.applications.decisions import checks as decisions
from app.awards import checks as awards
from app.awards.claims import checks as claims
from app.awards.commitments import checks as commitments
from app.awards.overrides import checks as overrides
from app.awards.recoveries import checks as recoveries
from app.core.db import raw_connection
from app.engineering import checks as engineering
from app.engineering.deliverables import checks as deliverables
from app.engineering.invoices import checks as invoices
from app.envelopes import checks as envelopes
from app.firms import checks as firms
from app.grants import checks as grants
from app.integrations.seals import checks as seals
from app.missions import checks as missions
from app.missions.frameworks import checks as frameworks
from app.programme import checks as programme
from app.roadmap import checks as roadmap
from app.treasury.collections import checks as collection_runs
from app.treasury.runs import checks as payment_runs

DOMAINS = (
    access, programme, missions, frameworks, firms, roadmap, engineering, deliverables, invoices, envelopes, awards,
    claims, overrides, grants, recoveries, commitments, advances, payment_runs, collection_runs, applications,
    decisions, seals,
)  # fmt: skip

# Each gives one row per balance: its key, the sum of its entries, the figure that is stored.
CHECKS: dict[str, str] = {name: query for domain in DOMAINS for name, query in domain.CHECKS.items()}
# The same where SQL alone does not compute it: a query, and what makes of each of its rows the three.
Reckoning = tuple[str, Callable[[Mapping[str, Any]], tuple[str, str, str]]]
COMPUTED: dict[str, Reckoning] = {
    name: reckoning for domain in DOMAINS for name, reckoning in getattr(domain, "COMPUTED", {}).items()
}
# What stands although a later rule would refuse it: its key and a figure. It is no difference.
BEFORE_THE_RULE: dict[str, str] = {
    name: query for domain in DOMAINS for name, query in getattr(domain, "BEFORE_THE_RULE", {}).items()
}


@dataclass(frozen=True)
class Difference:
    """A balance that differs: which, whose, the sum of its entries, and the figure that is stored."""

    balance: str
    key: str
    entries: str
    stored: str

    @property
    def told(self) -> str:
        """The difference as a line for a person."""
        return f"{self.balance}, {self.key}: the entries come to {self.entries}, the balance says {self.stored}"


async def differences(engine: AsyncEngine) -> tuple[int, list[Difference]]:
    """How many balances were computed again, and those that differ; all seen in one snapshot."""
    async with (
        raw_connection(engine) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        # It reads everything: the limits of a request are not for it.
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0")
        return await differences_seen(connection)


async def differences_seen(connection: Any) -> tuple[int, list[Difference]]:
    """The same, as a transaction sees them."""
    checked = 0
    differing = []
    for balance, query in CHECKS.items():
        for key, entries, says in await connection.fetch(query):
            checked += 1
            if entries != says:
                differing.append(Difference(balance, key, _figure(entries), _figure(says)))
    for balance, (query, compute) in COMPUTED.items():
        for key, entries, says in map(compute, await connection.fetch(query)):
            checked += 1
            if entries != says:
                differing.append(Difference(balance, key, entries, says))
    return checked, differing


@dataclass(frozen=True)
class BeforeTheRule:
    """What stands from before a rule that would refuse it today: which, whose, and the figure."""

    rule: str
    key: str
    found: str


async def before_the_rule(engine: AsyncEngine) -> list[BeforeTheRule]:
    """What stands from before the rules that hold now. It is no fault, and nothing is to be done about it."""
    async with raw_connection(engine) as connection, connection.transaction(readonly=True):
        await connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0")
        return [
            BeforeTheRule(rule, key, _figure(figure))
            for rule, query in BEFORE_THE_RULE.items()
            for key, figure in await connection.fetch(query)
        ]


def _figure(value: Decimal | int | str | list[date] | None) -> str:
    """All digits: the sum of a column of bigints comes as a Decimal such as 1.00E+6."""
    if isinstance(value, list):
        return " ".join(f"{month:%Y-%m}" for month in value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
