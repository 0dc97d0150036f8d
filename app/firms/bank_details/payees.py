"""The account to which a firm is paid, held for a payment; and what follows where another takes its place.

The bank details of a firm are locked before all else that a payment locks (docs/locking.md): a payment holds them
shared, and who changes them holds all that are open, in the order of their ids.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from sqlalchemy import Select, select

from app.core.db import literals
from app.core.writing.writes import Change, Write
from app.firms.bank_details.models import BankDetails
from app.firms.bank_details.rules import BankDetailsStatus


class Place(NamedTuple):
    """Whose bank details: a firm of a territory."""

    territory: str
    siren: str


# What the domains of money do when the approved bank details of a firm are others, or none: they register it.
FOLLOWERS: list[Callable[[Write, Place], Awaitable[list[Change]]]] = []

_b = BankDetails


def _open(place: Place) -> Select[BankDetails]:
    states = literals((BankDetailsStatus.PROPOSED, BankDetailsStatus.APPROVED))
    mine = (_b.territory == place.territory, _b.siren == place.siren, _b.status.in_(states))
    return select(_b).where(*mine).order_by(_b.id).execution_options(populate_existing=True)


async def hold_payee(write: Write, place: Place) -> BankDetails | None:
    """The approved bank details of the firm, which stay so until COMMIT; None where there are none."""
    rows = await write.session.scalars(_open(place).with_for_update(read=True))
    return next((details for details in rows if details.status == BankDetailsStatus.APPROVED), None)


async def hold_open(write: Write, place: Place) -> None:
    """Lock the open bank details of the firm for a change."""
    (await write.session.scalars(_open(place).with_for_update(key_share=True))).all()


async def follow(write: Write, place: Place) -> list[Change]:
    """What follows a change of the approved bank details."""
    return [change for follower in FOLLOWERS for change in await follower(write, place)]
