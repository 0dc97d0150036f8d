"""Writes of grants: an award commits the envelope. How it is paid is in payments, how it ends in awards/service."""

from app.access.rules import person
from app.awards import service as awards
from app.awards.kinds import KINDS, AwardKind
from app.awards.models import AwardStatus
from app.awards.recoveries import service as recoveries
from app.awards.rules import Decided
from app.core.validation import refuse_future
from app.core.writing.writes import Change, Write
from app.envelopes.rules import Instrument
from app.grants.models import Grant
from app.grants.queries import GRANTS


async def award_grant(write: Write, territory: str, decided: Decided) -> list[Change]:
    """Decide a grant. Raises what `awards.decide` raises, and `reference-not-found`."""
    refuse_future({"/decided_on": decided.decided_on})
    grant = Grant(territory=territory, awarded_by=person(write.actor), **decided.columns())
    return await awards.decide(write, GRANT, grant)


def status_of(grant: Grant) -> AwardStatus:
    """The status of a grant that stands, by its amounts."""
    if grant.released_cents == grant.amount_cents:
        return AwardStatus.CANCELLED
    if grant.paid_cents + grant.released_cents == grant.amount_cents:
        return AwardStatus.CLOSED
    return AwardStatus.PAYING if grant.paid_cents else AwardStatus.AWARDED


GRANT = AwardKind(
    Instrument.GRANT, Grant, GRANTS, "grant", "paid_cents", status_of, recoveries.claim_back_overpaid,
    recoveries.withdraw_of_closing,
)  # fmt: skip
KINDS[GRANT.resource] = GRANT
