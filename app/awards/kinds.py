"""The instruments of aid: what acts on awards need to know of grants and advances, which come later in the house."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, Text, select

from app.core.db import param
from app.core.reading.listing import Listing
from app.core.writing.writes import Change, Write
from app.envelopes.rules import Instrument


@dataclass(frozen=True)
class AwardKind:
    """An instrument: its accounts in the envelope, the table and collection of its awards, its name in events.

    `paid` names the column of what is paid of an award; `status_of` derives the status of an award from its amounts.
    `claim_back` asks for what a closing finds paid too much of a held award, on a day; `give_up_claim` takes that back,
    as the closing is taken back, for a reason.
    """

    instrument: Instrument
    table: Any
    listing: Listing
    resource: str
    paid: str
    status_of: Callable[[Any], str]
    claim_back: Callable[[Write, Any, int, date], Awaitable[list[Change]]]
    give_up_claim: Callable[[Write, Any, str], Awaitable[list[Change]]]

    def named(self) -> tuple[Any, Any]:
        """The conditions of the award that an address names: `{grant_id}` or `{advance_id}`, of its territory."""
        award = self.table
        key = param(f"{self.resource}_id", award.id.type)
        return award.territory == param("territory", Text()), award.id == key

    def aid_named(self) -> Select[Any]:
        """The id of the aid of that award."""
        return select(self.table.aid_id).where(*self.named())

    def settle(self, award: Any) -> None:
        """Give a held award the status of its amounts. One of which something is left to pay again has not ended."""
        award.status = self.status_of(award)
        if award.amount_cents > getattr(award, self.paid) + award.released_cents:
            award.ended_as = award.ended_on = None

    def change(self, act: str, award: Any) -> Change:
        """The act on the award, as it is answered and told."""
        return Change(f"{self.resource}.{act}", self.listing, [award.id], {"territory": award.territory})


# By `resource`: grants and advances put theirs here.
KINDS: dict[str, AwardKind] = {}


def in_lock_order() -> list[AwardKind]:
    """The instruments in the order in which awards of one aid are locked: its grant, then its advance."""
    return [KINDS[name] for name in ("grant", "advance")]
