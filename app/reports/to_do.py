"""What waits for a caller, over all domains: the kinds in the order in which they are told."""

from app.advances.amendments import to_do as amendments
from app.advances.arrears import to_do as arrears
from app.advances.receipts import to_do as receipts
from app.advances.tranches import to_do as tranches
from app.applications import to_do as applications
from app.awards.claims import to_do as claims
from app.awards.commitments import to_do as commitments
from app.awards.letters import to_do as letters
from app.awards.overrides import to_do as overrides
from app.awards.recoveries import to_do as recoveries
from app.committees import to_do as committees
from app.engineering.follow_up import to_do as engineering
from app.firms.bank_details import to_do as bank_details
from app.grants.payments import to_do as payments
from app.treasury.runs import to_do as runs

KINDS = (
    *engineering.KINDS,
    *committees.KINDS,
    *overrides.KINDS,
    *bank_details.KINDS,
    *applications.KINDS,
    *claims.KINDS,
    *payments.KINDS,
    *tranches.KINDS,
    *runs.KINDS,
    *recoveries.KINDS,
    *commitments.KINDS,
    *letters.KINDS,
    *amendments.KINDS,
    *receipts.KINDS,
    *arrears.KINDS,
)
