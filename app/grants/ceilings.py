"""The most that a payment of a grant may be (décret n° 2018-514, art. 12): one table of ceilings. No session, no await.

A percentage is a ceiling, so every amount is rounded down to the cent. What is in flight (proposed, approved or sent)
counts as what is paid does.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.awards.final import due_on_certified
from app.awards.life.rules import AgreementMissing
from app.awards.payments.rules import (
    BankDetailsUnapproved,
    CompletionStatementLate,
    PaymentAboveDue,
    PaymentUnapproved,
    SocialCertificateExpired,
    TaxCertificateExpired,
)
from app.awards.rules import AwardEnded, ClaimsOpen, NotCompleted, ProceedingsOpen, TerritoryNotOpen
from app.core.clock import after_months
from app.core.problems import Problem
from app.grants.payments.rules import NotStarted, PaymentKind
from app.schemes.rules import Parameters

WHOLE_BP = 10_000


BEFORE_COMPLETION = frozenset({PaymentKind.ADVANCE_PAYMENT, PaymentKind.INTERIM_PAYMENT})
ON_CERTIFIED = frozenset({PaymentKind.INTERIM_PAYMENT, PaymentKind.BALANCE_PAYMENT})


class AdvancePaymentCeiling(Problem):
    """The advance payments would exceed their share of the grant."""

    status = 409
    title_fr = "Les avances dépasseraient leur part de la subvention."
    detail = "{requested_cents} requested, {allowed_cents} allowed."
    detail_fr = "{requested_cents} demandés, {allowed_cents} permis."
    cure = "Pay at most `allowed_cents`, or record a first-demand guarantee of the firm first (`…/guarantee`)."
    cure_fr = (
        "Payez au plus `allowed_cents`, ou enregistrez d'abord une garantie à première demande de l'entreprise"
        " (`…/guarantee`)."
    )


class BeforeCompletionCeiling(Problem):
    """The advance and interim payments would exceed their share of the grant."""

    status = 409
    title_fr = "Les avances et les acomptes dépasseraient leur part de la subvention."
    detail = "{requested_cents} requested, {allowed_cents} allowed."
    detail_fr = "{requested_cents} demandés, {allowed_cents} permis."
    cure = "Pay at most `allowed_cents`; the rest is the balance, once the project is completed."
    cure_fr = "Payez au plus `allowed_cents` ; le reste est le solde, une fois le projet achevé."


@dataclass(frozen=True, kw_only=True)
class PaymentPosition:
    """What the ceilings of a grant are computed from: cents of euro, but for the basis points.

    The payment that is tried is not counted in it. `advance_bp` and `before_completion_bp` None: the scheme sets no
    such ceiling.
    """

    award_cents: int  # awarded, less what was released
    base_cents: int
    certified_cents: int
    paid_cents: int
    in_flight_cents: int
    recovered_cents: int
    final_cents: int | None  # once the project is completed: what certified cost gives, cut by public aid
    advance_payments_cents: int  # paid or in flight, as the two next ones
    interim_payments_cents: int
    advance_bp: int | None
    before_completion_bp: int | None


def share_cents(award_cents: int, bp: int) -> int:
    """So many basis points of an award, rounded down to the cent."""
    return award_cents * bp // WHOLE_BP


def advance_bp(parameters: Parameters, *, guaranteed: bool) -> int | None:
    """The share of a grant that advance payments may reach; `guaranteed`: a first-demand guarantee is on file."""
    if guaranteed and parameters.advance_payment_guaranteed_bp is not None:
        return parameters.advance_payment_guaranteed_bp
    return parameters.advance_payment_bp


def before_completion_bp(parameters: Parameters, *, long: bool) -> int | None:
    """The share of a grant that advance and interim payments may reach together.

    `long`: the project is planned to last more than `long_project_months`.
    """
    if long and parameters.paid_before_completion_long_bp is not None:
        return parameters.paid_before_completion_long_bp
    return parameters.paid_before_completion_bp


def is_long(planned_start_on: date | None, planned_end_on: date | None, months: int | None) -> bool:
    """Whether a project is planned to last more than so many months. One whose days are not known is not."""
    if planned_start_on is None or planned_end_on is None or months is None:
        return False
    return planned_end_on > after_months(planned_start_on, months)


def _of_advance_payments(position: PaymentPosition) -> int | None:
    if position.advance_bp is None:
        return None
    return share_cents(position.award_cents, position.advance_bp) - position.advance_payments_cents


def _before_completion(position: PaymentPosition) -> int | None:
    if position.before_completion_bp is None:
        return None
    most = share_cents(position.award_cents, position.before_completion_bp)
    return most - position.advance_payments_cents - position.interim_payments_cents


def _due_on_certified(position: PaymentPosition) -> int:
    due = due_on_certified(position.award_cents, position.certified_cents, position.base_cents)
    if position.final_cents is not None:
        due = min(position.award_cents, position.final_cents)
    return due - (position.paid_cents + position.in_flight_cents - position.recovered_cents)


@dataclass(frozen=True)
class Ceiling:
    """A ceiling: the kinds of payment that it bounds, the problem of one above it, and what it still allows."""

    kinds: frozenset[PaymentKind]
    refused: type[Problem]
    allowed: Callable[[PaymentPosition], int | None]


CEILINGS = (
    Ceiling(frozenset({PaymentKind.ADVANCE_PAYMENT}), AdvancePaymentCeiling, _of_advance_payments),
    Ceiling(BEFORE_COMPLETION, BeforeCompletionCeiling, _before_completion),
    Ceiling(ON_CERTIFIED, PaymentAboveDue, _due_on_certified),
)


def above(position: PaymentPosition, kind: PaymentKind, cents: int) -> Iterator[Problem]:
    """The ceilings that a payment breaks, in their order, each with what it still allows."""
    for ceiling in CEILINGS:
        allowed = ceiling.allowed(position) if kind in ceiling.kinds else None
        if allowed is not None and cents > allowed:
            yield ceiling.refused(requested_cents=cents, allowed_cents=max(allowed, 0))


class Exceeded(StrEnum):
    """What a payment that was made can exceed, by the code of the problem that refuses such a proposal."""

    PAYMENT_UNAPPROVED = PaymentUnapproved.code
    TERRITORY_NOT_OPEN = TerritoryNotOpen.code
    PROCEEDINGS_OPEN = ProceedingsOpen.code
    BANK_DETAILS_UNAPPROVED = BankDetailsUnapproved.code
    AGREEMENT_MISSING = AgreementMissing.code
    AWARD_ENDED = AwardEnded.code
    NOT_STARTED = NotStarted.code
    NOT_COMPLETED = NotCompleted.code
    CLAIMS_OPEN = ClaimsOpen.code
    COMPLETION_STATEMENT_LATE = CompletionStatementLate.code
    TAX_CERTIFICATE_EXPIRED = TaxCertificateExpired.code
    SOCIAL_CERTIFICATE_EXPIRED = SocialCertificateExpired.code
    ADVANCE_PAYMENT_CEILING = AdvancePaymentCeiling.code
    BEFORE_COMPLETION_CEILING = BeforeCompletionCeiling.code
    PAYMENT_ABOVE_DUE = PaymentAboveDue.code
