"""The tables of payments: what the acts on a payment need to know of those of grants and of advances, which come later.

Each instrument registers its own here, beside its `AwardKind`.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement

from app.awards.aids import Held
from app.awards.kinds import AwardKind
from app.awards.overrides.rules import LiftedAct
from app.awards.payments.rules import PaymentFacts
from app.core.db import Statement
from app.core.problems import Problem
from app.core.reading.listing import Listing
from app.core.writing.writes import Change, Write
from app.schemes.rules import Parameters


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A payment as it is tried on a day, with what is known of its aid, its firm and its award's other payments.

    `requested`: it is asked for, and may be planned for a later day; else it was made on that day. It is not in
    `in_flight_cents`. `parameters` None: the award is held by its amount alone. `final_cents` None: the project is not
    completed. `known` is what the instrument asks for beside (`Payments.known`).
    """

    held: Held
    payment: Any
    requested: bool
    facts: PaymentFacts
    parameters: Parameters | None
    in_flight_cents: int
    final_cents: int | None
    known: Any


async def _nothing(_write: Write, _payment: Any) -> list[Change]:
    return []


@dataclass(frozen=True, kw_only=True)
class Payments:
    """The payments of one instrument: their table and collection, their names, and what is theirs alone.

    `resource` is what events call one, `noun` what operations do. `exceed` is the problem of one above the award,
    `known` what is asked of the database where one is tried. `unmet` names the conditions and ceilings that one breaks.
    `count` does what follows a payment that is recorded, and `uncount` what follows one that is taken back; `dropped`
    what follows one that is cancelled.
    """

    kind: AwardKind
    table: Any
    listing: Listing
    resource: str
    noun: str
    lifted: LiftedAct
    exceed: type[Problem]
    known: Statement
    unmet: Callable[[Tried], Iterable[Problem]]
    count: Callable[[Write, Held, Any, date, str], Awaitable[list[Change]]]
    uncount: Callable[[Write, Held, Any, str], Awaitable[list[Change]]]
    dropped: Callable[[Write, Any], Awaitable[list[Change]]] = _nothing

    @property
    def award_id(self) -> Any:
        """The column that names the award."""
        return getattr(self.table, f"{self.kind.resource}_id")

    def of(self, award_id: Any) -> ColumnElement[bool]:
        """The condition of the payments of an award."""
        named: ColumnElement[bool] = self.award_id == award_id
        return named

    def told(self, act: str, payments: Sequence[Any]) -> list[Change]:
        """An act on payments of one territory, as it is told."""
        if not payments:
            return []
        ids, bound = [payment.id for payment in payments], {"territory": payments[0].territory}
        return [Change(f"{self.resource}.{act}", self.listing, ids, bound)]


# By the resource of the award: grants and advances put theirs here.
PAYMENTS: dict[str, Payments] = {}


def in_lock_order() -> list[Payments]:
    """The tables of payments in the order in which those of one run or of one firm are locked."""
    return [PAYMENTS[name] for name in ("grant", "advance")]
