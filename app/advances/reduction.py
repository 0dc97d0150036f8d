"""What a lower final base takes back of an advance that is paid: it is due at once, and its receipt is a repayment.

A reduction that the closing of an aid made counts no more once the closing is taken back.
"""

from datetime import date

from app.advances import account, versions
from app.advances.arrears.facts import replayed_so_far
from app.advances.models import Advance
from app.core.writing.writes import Change, Write


async def claim_back(write: Write, advance: Advance, cents: int, on: date) -> list[Change]:
    """Make what an advance was paid too much due on a day: taken from the last open lines, at most what is owed."""
    facts = (await account.known(write, advance)).facts
    stand = replayed_so_far(facts, on)
    owed = min(cents, stand.outstanding_cents)
    if not owed:
        return []
    await account.enact(write, advance, versions.reduce(stand.terms, stand, owed), advance.id)
    return await account.settle(write, advance)


async def give_up_claim(write: Write, advance: Advance, _reason: str) -> list[Change]:
    """Let the account no longer count the reduction of a closing that is taken back."""
    return await account.settle(write, advance)
